"""Each identity: both sides agree on numbers, the right one is cheaper, and special values stay what they are."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flatgrad.builder import Builder
from flatgrad.graph import Atom, Eqn, Lit, Var
from flatgrad.rewrites import IDENTITIES, Identities, Rewrite, cost

Identity = Callable[..., tuple[Any, Any]]


def names(identity: Identity) -> tuple[str, ...]:
    return tuple(inspect.signature(identity).parameters)


def written(identity: Identity) -> str:
    """The identity as it stands in the table."""
    lines, _ = inspect.findsource(identity)
    return lines[identity.__code__.co_firstlineno - 1].strip().rstrip(",")


def sides(identity: Identity) -> tuple[Builder, tuple[Var, ...], Atom, Atom]:
    build = Builder()
    variables = tuple(Var(name) for name in names(identity))
    left, right = identity(*map(build.wrap, variables))
    return build, variables, left.atom, right.atom


def operations(identity: Identity) -> set[str]:
    return {eqn.op for eqn in sides(identity)[0].eqns}


MATRICES = {"matmul", "dot", "matrix_transpose"}
each = pytest.mark.parametrize("identity", IDENTITIES, ids=written)
OF_ONE = [i for i in IDENTITIES if len(names(i)) == 1]
OF_TWO = [i for i in IDENTITIES if len(names(i)) == 2]


# --- numbers ---------------------------------------------------------------------------------------------------------


class Matrix(np.ndarray):
    """An array that is transposed as the identities write it: x.mT, in every version of NumPy."""

    mT = property(lambda self: self.swapaxes(-1, -2))


def points(identity: Identity) -> list[tuple[Any, ...]]:
    """Values for the variables: of several shapes, of either sign, with zeros where nothing is divided by them."""
    rng = np.random.default_rng(5)
    count = len(names(identity))
    used = operations(identity)
    if used & MATRICES:
        square = [rng.standard_normal((3, 3)).view(Matrix) for _ in range(count)]
        negative = [-np.abs(rng.standard_normal((3, 3))).view(Matrix) for _ in square]
        return [
            tuple(square),
            tuple(negative),
            (np.zeros((3, 3)).view(Matrix),) * count,
        ]
    shapes = [(), (4,), (2, 3), (2, 1), (1, 3), (0,)]
    found = [
        tuple(np.asarray(rng.standard_normal(shape)) for shape in chosen)
        for chosen in itertools.product(shapes, repeat=count)
        if _broadcast(chosen)
    ]
    found += list(itertools.product([-2.5, -1.0, 1.0, 3.0, 7], repeat=count))
    zeros = list(itertools.product([0.0, 0, -1.5, 2.0], repeat=count))
    return found + [z for z in zeros if "truediv" not in used or z[-1] != 0]


def _broadcast(shapes: tuple[tuple[int, ...], ...]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


@each
def test_both_sides_agree(identity: Identity) -> None:
    for values in points(identity):
        left, right = identity(*values)
        assert np.shape(left) == np.shape(right)
        np.testing.assert_allclose(left, right, rtol=1e-14, atol=0)


@each
def test_a_product_of_a_matrix_and_a_vector_agrees_too(identity: Identity) -> None:
    """What may be written of a vector: an identity that transposes is of matrices only."""
    used = operations(identity)
    if "matmul" not in used or "matrix_transpose" in used:
        pytest.skip("not a product of a vector")
    rng = np.random.default_rng(6)
    matrix, vector = rng.standard_normal((3, 3)), rng.standard_normal(3)
    for values in ((matrix, vector), (vector, matrix), (vector, vector)):
        left, right = identity(*values)
        np.testing.assert_allclose(left, right, rtol=1e-14)


@each
def test_the_type_of_elements_stays(identity: Identity) -> None:
    if operations(identity) & MATRICES:
        values: list[Any] = [np.ones((2, 2), np.float32).view(Matrix)]
    else:
        values = [np.full(2, 3, np.float32)]
    left, right = identity(*(values * len(names(identity))))
    assert left.dtype == right.dtype == np.float32


# --- cost ------------------------------------------------------------------------------------------------------------


@each
def test_the_right_side_is_cheaper(identity: Identity) -> None:
    build, _, left, right = sides(identity)
    defs = {eqn.out: eqn for eqn in build.eqns}
    assert cost(right, defs) < cost(left, defs)


def test_no_identity_stands_twice() -> None:
    texts = [written(identity).replace(" ", "") for identity in IDENTITIES]
    assert sorted(texts) == sorted(set(texts))


# --- special values ----------------------------------------------------------------------------------------------------

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1.7e308, -1.7e308]


def same(a: Any, b: Any) -> bool:
    """Equal, where NaN is NaN and -0.0 is not 0.0."""
    a, b = np.asarray(a), np.asarray(b)
    zeros = (a == 0) & (b == 0)
    signs = np.signbit(a) == np.signbit(b)
    return bool(np.array_equal(a, b, equal_nan=True) and np.all(signs | ~zeros))


@pytest.mark.parametrize("identity", OF_ONE, ids=written)
def test_special_values_stay_what_they_are(identity: Identity) -> None:
    values = np.array(SPECIAL)
    if operations(identity) & MATRICES:
        values = values.reshape(3, 3).view(Matrix)
    with np.errstate(all="ignore"):
        left, right = identity(values)
    assert same(left, right)


@pytest.mark.parametrize("identity", OF_TWO, ids=written)
def test_special_values_of_two_variables(identity: Identity) -> None:
    """NaN and infinities come out of both sides alike; a zero may change its sign only where both are zero."""
    if operations(identity) & MATRICES:
        pytest.skip("sums over an axis")
    x, y = map(np.array, zip(*itertools.product(SPECIAL[:5], repeat=2), strict=True))
    with np.errstate(all="ignore"):
        left, right = map(np.asarray, identity(x, y))
    usual = np.isfinite(y) & (y != 0)  # 1 / y is neither 0 nor an infinity
    if "truediv" in operations(identity):
        left, right = left[usual], right[usual]
    np.testing.assert_array_equal(left, right)


# --- how they are found ----------------------------------------------------------------------------------------------


def simplified(eqns: list[Eqn], out: Atom) -> tuple[Atom, dict[Var, Eqn]]:
    """`out` after the first identity that matches its equation, and how every value is made."""
    defs = {eqn.out: eqn for eqn in eqns}
    build = Builder()
    found = Identities().apply(
        defs[out], lambda a: defs.get(a) if isinstance(a, Var) else None, build
    )
    assert found is not None
    return found.atom, defs | {eqn.out: eqn for eqn in build.eqns}


def told(value: Atom, defs: dict[Var, Eqn]) -> str:
    if isinstance(value, Lit):
        return repr(value.value)
    if value not in defs:
        return value.name
    eqn = defs[value]
    return f"{eqn.op}({', '.join(told(a, defs) for a in eqn.args)})"


@each
def test_its_left_side_is_rewritten_to_something_cheaper(identity: Identity) -> None:
    build, _, left, _ = sides(identity)
    defs = {eqn.out: eqn for eqn in build.eqns}
    result, after = simplified(build.eqns, left)
    assert cost(result, after) < cost(left, defs)


@each
def test_its_own_rewrite_gives_its_right_side(identity: Identity) -> None:
    build, _, left, right = sides(identity)
    defs = {eqn.out: eqn for eqn in build.eqns}
    fresh = Builder()
    found = Rewrite.of(identity).apply(
        defs[left], lambda a: defs.get(a) if isinstance(a, Var) else None, fresh
    )
    assert found is not None
    after = {eqn.out: eqn for eqn in fresh.eqns}
    assert told(found.atom, after) == told(right, defs)


def test_one_variable_is_one_value() -> None:
    """x + x is not a + b."""
    build = Builder()
    total = build.wrap(Var("a")) + build.wrap(Var("b"))
    defs = {eqn.out: eqn for eqn in build.eqns}
    assert Identities().apply(defs[total.atom], defs.get, Builder()) is None


def test_a_number_is_not_another_that_is_equal() -> None:
    """x * True has another type than x * 1."""
    build = Builder()
    product = build.wrap(Var("x")) * True
    defs = {eqn.out: eqn for eqn in build.eqns}
    assert Identities().apply(defs[product.atom], defs.get, Builder()) is None
