"""The Python interface: arguments by JAX's and autograd's conventions, never stale, never frozen, and what it refuses."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import linecache
import multiprocessing
import pickle
import re
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import flatgrad
from flatgrad.cli import run
from flatgrad.errors import FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import transform

RNG = np.random.default_rng(5)
STEP = 1e-6


def differences(f: Callable[..., Any], args: tuple[Any, ...], position: int) -> Any:
    """The gradient of a number by central differences, in the structure of the argument."""
    return _differences(
        lambda part: f(*args[:position], part, *args[position + 1 :]), args[position]
    )


def _differences(f: Callable[[Any], Any], at: Any) -> Any:
    if isinstance(at, dict):
        return {k: _differences(lambda v, k=k: f(at | {k: v}), at[k]) for k in at}
    if isinstance(at, list | tuple):
        kind = type(at)
        return kind(
            _differences(lambda v, i=i: f(kind([*at[:i], v, *at[i + 1 :]])), at[i])
            for i in range(len(at))
        )
    found = np.zeros(np.shape(at))
    for index in np.ndindex(np.shape(at)):
        moved = np.zeros(np.shape(at))
        moved[index] = STEP
        found[index] = (f(at + moved) - f(at - moved)) / (2 * STEP)
    return found[()]


def same(found: Any, expected: Any) -> None:
    """Equal within what differences can tell, in the same structure."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        assert np.shape(found) == np.shape(expected)
        assert np.asarray(found).dtype.kind == "f"
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def agrees(
    f: Callable[..., Any], *args: Any, wrt: Any = None, positions: tuple[int, ...] = ()
) -> None:
    """The gradient of `f` is that of differences."""
    found = flatgrad.grad(f, wrt)(*args)
    if wrt is None and not positions:
        positions = tuple(range(len(args)))
    expected = tuple(differences(f, args, p) for p in positions)
    same(found, expected if len(expected) > 1 else expected[0])


# --- functions that are asked about ---------------------------------------------------------------------------------------

SCALE = 1.5
COUNT = 3
WEIGHTS = np.array([0.5, -1.0, 2.0])


def product(x, y, z=2.0):
    """x times y, and z."""
    return x * y + z**2


def affine_loss(x, w, b):
    return np.sum(np.tanh(x @ w + b) ** 2)


def weighted(x):
    return np.sum(helper(x, COUNT) * WEIGHTS)


def helper(x, n):
    for _ in range(n):
        x = np.sin(x) * SCALE
    return x


def of_dict(p):
    return np.sum(p["w"] * 2.0) * p["b"] + np.sum(p["w"] ** 2)


def of_tuple(pair):
    a, b = pair
    return np.sum(a * b)


def with_aux(x, w):
    y = x @ w
    return np.sum(y**2), {"y": y}


def rows(x, w):
    return np.tanh(x @ w).sum(axis=1)


def two(x):
    return x**2, x * 3.0


X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)


# --- conventions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrt", "positions", "bare"),
    [
        ("x", [0], True),
        ("z", [2], True),
        (0, [0], True),
        (-1, [2], True),
        (("x",), [0], False),
        ([1], [1], False),
        (("y", 0), [1, 0], False),
        (np.int64(1), [1], True),
        (range(2), [0, 1], False),
        (None, [0, 1, 2], False),
    ],
)
def test_wrt(wrt: Any, positions: list[int], bare: bool) -> None:
    args = (1.3, -0.7, 2.1)
    expected = tuple(differences(product, args, p) for p in positions)
    same(flatgrad.grad(product, wrt)(*args), expected[0] if bare else expected)


def test_one_parameter_alone_gives_its_gradient_bare() -> None:
    same(flatgrad.grad(weighted)(np.ones(3)), differences(weighted, (np.ones(3),), 0))


def test_keywords_and_defaults() -> None:
    g = flatgrad.grad(product, ("x", "y", "z"))
    assert g(1.0, y=3.0) == g(1.0, 3.0, 2.0) == g(y=3.0, x=1.0, z=2.0)
    assert g(1.0, 3.0) == (3.0, 1.0, 4.0)


def test_a_call_that_does_not_fit_is_a_type_error() -> None:
    with pytest.raises(
        TypeError, match=r"product\(\): missing a required argument: 'y'"
    ):
        flatgrad.grad(product)(1.0)


def test_value_and_grad() -> None:
    value, gradient = flatgrad.value_and_grad(affine_loss, "w")(X, W, B)
    assert value == pytest.approx(affine_loss(X, W, B))
    same(gradient, differences(affine_loss, (X, W, B), 1))


def test_has_aux() -> None:
    loss = lambda x, w: with_aux(x, w)[0]  # noqa: E731
    gradient, aux = flatgrad.grad(with_aux, "w", has_aux=True)(X, W)
    same(gradient, differences(loss, (X, W), 1))
    np.testing.assert_array_equal(aux["y"], X @ W)
    (value, aux), gradient = flatgrad.value_and_grad(with_aux, 0, has_aux=True)(X, W)
    assert value == pytest.approx(loss(X, W))
    same(gradient, differences(loss, (X, W), 0))


def numeric_aux(x):
    y = x * x
    return np.sum(y), y


def test_aux_that_depends_on_the_argument_has_no_part_in_the_gradient() -> None:
    gradient, aux = flatgrad.grad(numeric_aux, has_aux=True)(np.array([1.0, 2.0]))
    same(gradient, np.array([2.0, 4.0]))
    same(aux, np.array([1.0, 4.0]))


def test_a_structure_comes_back() -> None:
    agrees(of_dict, {"w": RNG.normal(size=3), "b": 0.5})
    agrees(of_tuple, (np.array([1.0, 2.0]), np.array([3.0, -1.0])))


def test_vjp_may_be_called_again() -> None:
    value, pullback = flatgrad.vjp(rows, ("x", "w"))(X, W)
    np.testing.assert_allclose(value, rows(X, W))
    for seed in (RNG.normal(size=4), np.ones(4), np.array([1, 0, 2, 3])):
        dotted = lambda x, w, seed=seed: np.sum(rows(x, w) * seed)  # noqa: E731
        same(
            pullback(seed),
            (differences(dotted, (X, W), 0), differences(dotted, (X, W), 1)),
        )


def test_vjp_of_several_results() -> None:
    value, pullback = flatgrad.vjp(two)(3.0)
    assert value == (9.0, 9.0)
    assert pullback() == 9.0
    assert pullback(1.0, 0.0) == 6.0
    assert pullback((0.0, 2.0)) == 6.0


def test_vjp_refuses_a_cotangent_of_another_shape() -> None:
    _, pullback = flatgrad.vjp(rows)(X, W)
    with pytest.raises(
        FlatgradError,
        match=r"FG704 the cotangent of the result of rows has the shape \(3,\), not \(4,\)",
    ):
        pullback(np.ones(3))
    with pytest.raises(
        FlatgradError,
        match="FG704 rows has 1 results with cotangents, and 0 were given",
    ):
        pullback()


def test_jvp() -> None:
    v, u = RNG.normal(size=X.shape), RNG.normal(size=W.shape)
    value, tangent = flatgrad.jvp(rows)((X, W), (v, u))
    expected = (rows(X + STEP * v, W + STEP * u) - rows(X - STEP * v, W - STEP * u)) / (
        2 * STEP
    )
    np.testing.assert_allclose(value, rows(X, W))
    same(tangent, expected)
    same(flatgrad.jvp(product, "y")((1.0, 2.0), 1.0, z=3.0)[1], 1.0)


def test_jvp_refuses_what_does_not_fit() -> None:
    with pytest.raises(
        FlatgradError,
        match="FG704 primals is a tuple of the arguments of rows, not ndarray",
    ):
        flatgrad.jvp(rows)(X, W)
    with pytest.raises(FlatgradError, match="FG704 tangents is a tuple of 2, for x, w"):
        flatgrad.jvp(rows)((X, W), (X,))
    with pytest.raises(
        FlatgradError,
        match=r"FG704 the tangent of x has the shape \(3, 2\), not \(4, 3\)",
    ):
        flatgrad.jvp(rows)((X, W), (W, W))


def wide(x):
    return np.outer(x, np.arange(1.0, 6.0)) * x[0]


@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
@pytest.mark.parametrize(
    ("f", "args", "position"),
    [(rows, (X, W), 0), (rows, (X, W), 1), (wide, (np.array([0.3, -0.4]),), 0)],
)
def test_jacobian(f: Any, args: Any, position: int, mode: Any) -> None:
    found = flatgrad.jacobian(f, position, mode=mode)(*args)
    out = np.asarray(f(*args))
    expected = np.zeros((*out.shape, *args[position].shape))
    for index in np.ndindex(out.shape):
        expected[index] = differences(
            lambda *a, index=index: f(*a)[index], args, position
        )
    same(found, expected)


def test_jacobian_chooses_the_shorter_way(monkeypatch: pytest.MonkeyPatch) -> None:
    tall, long = flatgrad.jacobian(wide), flatgrad.jacobian(rows, "x")
    passes = {"forward": 0, "reverse": 0}
    pushed, pulled = tall.pushforward.run, long.pullback._pulled

    def count_forward(*args: Any) -> Any:
        passes["forward"] += 1
        return pushed(*args)

    def count_reverse(*args: Any) -> Any:
        passes["reverse"] += 1
        return pulled(*args)

    monkeypatch.setattr(tall.pushforward, "run", count_forward)
    monkeypatch.setattr(long.pullback, "_pulled", count_reverse)
    assert tall(np.array([0.3, -0.4])).shape == (2, 5, 2)
    assert long(X, W).shape == (4, 4, 3)
    assert passes == {"forward": 2, "reverse": 4}
    assert "forward pass for each of those" in tall.__doc__.replace("\n", " ")


def test_jacobian_of_structures_and_of_several_results() -> None:
    p = {"w": np.array([1.0, 2.0, 3.0]), "b": 2.0}
    found = flatgrad.jacobian(scaled)(p)
    same(found, {"w": 2.0 * np.eye(3), "b": p["w"]})
    assert flatgrad.jacobian(two)(3.0) == (6.0, 3.0)
    both = flatgrad.jacobian(rows)(X, W)
    assert [j.shape for j in both] == [(4, 4, 3), (4, 3, 2)]


def scaled(p):
    return p["w"] * p["b"]


def cubic(x, y):
    return np.sum(x**3) * y + np.sum(x) ** 2


def test_hessian_and_hvp() -> None:
    x, y, v = np.array([0.3, -0.5]), 2.0, np.array([1.0, 2.0])
    expected = np.diag(6 * x * y) + 2.0
    same(flatgrad.hessian(cubic, "x")(x, y), expected)
    same(flatgrad.hvp(cubic, "x")(x, y, v), expected @ v)
    (xx, xy), (yx, yy) = flatgrad.hessian(cubic)(x, y)
    same(xx, expected)
    same(xy, 3 * x**2)
    same(yx, 3 * x**2)
    same(yy, np.float64(0.0))
    found = flatgrad.hvp(cubic)(x, y, (v, 0.5))
    same(found, (expected @ v + 3 * x**2 * 0.5, np.sum(3 * x**2 * v)))


def sixth(x):
    return x**6 / 30


def test_derivatives_of_higher_order() -> None:
    first = flatgrad.grad(sixth)
    second = flatgrad.grad(first)
    third = flatgrad.grad(second)
    assert first(2.0) == pytest.approx(2.0**5 / 5)
    assert second(2.0) == pytest.approx(2.0**4)
    assert third(2.0) == pytest.approx(4 * 2.0**3)


# --- shapes and kinds from arguments ---------------------------------------------------------------------------------------


def plain(x, y):
    return x * y + x


def mean_product(x, y):
    return np.mean(x * y)


def test_scalars_and_arrays_both_work() -> None:
    g = flatgrad.grad(mean_product)
    for shapes in [
        ((), ()),
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((2, 3), ()),
        ((2, 1), (1, 3)),
        ((3,), (3, 3)),
    ]:
        x, y = (RNG.normal(size=s)[()] for s in shapes)
        same(
            g(x, y),
            (
                differences(mean_product, (x, y), 0),
                differences(mean_product, (x, y), 1),
            ),
        )


def test_numbers_only_by_the_text_and_arrays_in_the_call() -> None:
    """A file without numpy is about numbers, but arguments say more."""
    namespace = compiled("def plain(x, y):\n    return x * y + x\n", "numbers_only")
    x, y = RNG.normal(size=(2, 3)), RNG.normal(size=3)
    _, pullback = flatgrad.vjp(namespace["plain"])(x, y)
    same(
        pullback(np.ones((2, 3))),
        (np.broadcast_to(y + 1, (2, 3)).copy(), x.sum(axis=0)),
    )


def dict_of_numbers(p):
    return p["w"] * p["b"]


def test_items_of_a_dict_may_be_arrays_where_the_text_says_nothing() -> None:
    """The text that is put together imports no numpy, since the function reads none."""
    _, pullback = flatgrad.vjp(dict_of_numbers)({"w": np.ones(3), "b": 2.0})
    same(
        pullback(np.array([1.0, 2.0, 0.0])),
        {"w": np.array([2.0, 4.0, 0.0]), "b": np.float64(3.0)},
    )


def test_imports_of_several_names(module_from: Any) -> None:
    m = module_from(
        "from math import exp, sin\n\n\ndef f(x):\n    return exp(sin(x))\n"
    )
    same(flatgrad.grad(m.f)(0.3), differences(m.f, (0.3,), 0))
    same(
        flatgrad.grad(flatgrad.grad(m.f))(0.3),
        differences(flatgrad.grad(m.f), (0.3,), 0),
    )


def two_names(x, y):
    """x: (N, D)  y: (M, D)"""
    return np.sum(x) * np.sum(y @ np.ones(y.shape[1]))


def test_lengths_of_two_names_that_are_equal_by_chance() -> None:
    agrees(two_names, np.ones((2, 2)), np.ones((2, 2)))


def test_equal_patterns_share_a_text() -> None:
    g = flatgrad.grad(affine_loss)
    g(X, W, B)
    first = g._last
    g(RNG.normal(size=(7, 5)), RNG.normal(size=(5, 2)), RNG.normal(size=2))
    assert g._last is first
    g(RNG.normal(size=(4, 3)), RNG.normal(size=(3, 1)), RNG.normal(size=1))
    assert g._last is not first
    assert "unbroadcast" not in g.__source__


def test_a_length_of_one_is_known() -> None:
    for shape in [(1, 3), (4, 1), (1, 1), (1,), (3,)]:
        x, y = RNG.normal(size=(4, 3)), RNG.normal(size=shape)
        agrees(mean_product, x, y)


def test_lengths_that_are_equal_by_chance() -> None:
    g = flatgrad.grad(affine_loss)
    for n, d, m in [(3, 3, 3), (3, 3, 2), (2, 3, 3), (3, 2, 3), (1, 3, 3)]:
        args = RNG.normal(size=(n, d)), RNG.normal(size=(d, m)), RNG.normal(size=m)
        same(g(*args), tuple(differences(affine_loss, args, p) for p in range(3)))


def shorter(x, y):
    return np.sum(np.diff(x) * y)


def test_lengths_that_differ_by_one() -> None:
    for n in (2, 3, 4):
        agrees(shorter, RNG.normal(size=n), RNG.normal(size=n - 1))
    agrees(shorter, RNG.normal(size=4), 2.0)


def documented(x, b):
    """x: (N, D)  b: (D,)"""
    return np.sum(np.tanh(x + b))


def number(x: float):
    return np.sum(x**2)


def test_a_shape_is_told_in_words_of_the_call() -> None:
    with pytest.raises(FlatgradError) as caught:
        flatgrad.grad(number)(X)
    head, *_, step = str(caught.value).splitlines()
    assert head.endswith("FG301 the shapes contradict each other: (?, ?) is not ()")
    assert step == "  the shape of x in this call"


def test_arguments_that_contradict_the_docstring_are_refused() -> None:
    agrees(documented, X, np.ones(3))
    for b in (np.ones((4, 3)), np.ones(1), 1.0):
        with pytest.raises(FlatgradError, match="FG301"):
            flatgrad.grad(documented)(X, b)


@pytest.mark.parametrize(
    "x",
    [
        3,
        np.int64(3),
        np.array(3),
        np.array([1, 2, 3]),
        np.array([[1, 2, 3]], dtype=np.int8),
    ],
)
def test_integers_have_gradients_of_fractions(x: Any) -> None:
    found = flatgrad.grad(mean_product, "x")(x, 0.5)
    same(found, differences(mean_product, (np.asarray(x, dtype=float)[()], 0.5), 0))
    assert np.asarray(found).dtype == float


def first_items(x):
    return np.sum(x[:2] * 0.5) + x[0] ** 2


def test_integers_that_are_sliced() -> None:
    same(flatgrad.grad(first_items)(np.array([1, 2, 3])), np.array([2.5, 0.5, 0.0]))


def with_mode(x, mode="square", scale=None):
    y = x**2 if mode == "square" else x**3
    return np.sum(y)


def test_strings_flags_and_none_have_no_gradient() -> None:
    same(flatgrad.grad(with_mode)(np.array([1.0, 2.0])), np.array([2.0, 4.0]))
    same(flatgrad.grad(with_mode)(np.array([1.0, 2.0]), "cube"), np.array([3.0, 12.0]))


def powers(x, n):
    total = 0.0
    for k in range(n):
        total = total + x**k
    return total


def through(x, n):
    return powers(x, n) * 2.0


def test_counts_are_left_whole() -> None:
    assert flatgrad.grad(powers)(2.0, 4) == pytest.approx(1 + 4 + 12)
    assert flatgrad.grad(through, "x")(2.0, 4) == pytest.approx(34.0)


def modulus(z):
    return np.abs(z) ** 2


def test_complex_arguments() -> None:
    found = flatgrad.grad(modulus)(1.0 + 2.0j)
    assert found == pytest.approx(2.0 + 4.0j)
    assert flatgrad.grad(modulus)(3.0) == pytest.approx(6.0)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_subclasses_of_arrays_are_refused() -> None:
    for x in (np.matrix([[1.0, 2.0]]), np.ma.array([1.0, 2.0])):
        with pytest.raises(
            FlatgradError, match=r"FG704 numpy.*computes in another way than arrays do"
        ):
            flatgrad.grad(mean_product, "x")(x, 2.0)


def test_shapes_are_taken_from_the_user() -> None:
    g = flatgrad.grad(mean_product, shapes={"x": ("N", "D"), "y": "D"})
    same(
        g(X, np.ones(3)),
        (
            differences(mean_product, (X, np.ones(3)), 0),
            differences(mean_product, (X, np.ones(3)), 1),
        ),
    )
    with pytest.raises(FlatgradError, match="FG301"):
        g(X, X)
    with pytest.raises(FlatgradError, match="FG507 shapes names q"):
        flatgrad.grad(mean_product, shapes={"q": ("N",)})


def float32_loss(x):
    return (x * x).sum()


def test_the_type_of_elements_is_kept() -> None:
    x = np.ones(3, dtype=np.float32)
    assert flatgrad.grad(float32_loss)(x).dtype == np.float32
    found = flatgrad.grad(of_dict)({"w": x, "b": np.float32(2.0)})
    assert (found["w"].dtype, found["b"].dtype) == (np.float32, np.float32)


def starred(x, *rest, scale=2.0, **more):
    return np.sum(x * rest[0]) * scale


def test_parameters_of_every_kind() -> None:
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    same(flatgrad.grad(starred, "x")(x, y), y * 2.0)
    same(flatgrad.grad(starred, "x")(x, y, scale=3.0), y * 3.0)


def summed_along(x, axis=None):
    return np.sum(np.mean(x**2, axis=axis) ** 2)


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_an_option_that_is_an_argument(axis: Any) -> None:
    found = flatgrad.grad(summed_along, "x")(X, axis)
    same(found, differences(summed_along, (X, axis), 0))


def spread(x, axis=0):
    return np.sum(np.std(x, axis=axis))


def test_an_option_that_has_to_be_written_down() -> None:
    with pytest.raises(FlatgradError, match="or in a function that calls this one"):
        flatgrad.grad(spread, "x")(X)
    agrees(lambda x: spread(x, axis=1), X)


def of_library(x, xp):
    return xp.sum(x)


@pytest.mark.parametrize("given", [np, np.float64])
def test_modules_and_types_are_no_arrays(given: Any) -> None:
    with pytest.raises(FlatgradError, match="FG201 sum: no derivative"):
        flatgrad.grad(of_library)(X, given)


# --- what the result has to be ---------------------------------------------------------------------------------------------


def nothing_to_do(mode: str):
    return len(mode)


@pytest.mark.parametrize(
    ("f", "args", "message"),
    [
        (
            rows,
            (X, W),
            r"FG703 rows returns an array of shape \(\?,\), and a gradient is that of one number",
        ),
        (two, (1.0,), "FG703 two returns a tuple of 2, which has no gradient"),
        (nothing_to_do, ("a",), "FG505"),
    ],
)
def test_results_without_a_gradient(f: Any, args: Any, message: str) -> None:
    with pytest.raises(FlatgradError, match=message):
        flatgrad.grad(f)(*args)


def unknown_rank(x):
    return np.squeeze(x)


def test_a_result_that_is_no_number_when_it_is_there() -> None:
    with pytest.raises(FlatgradError, match="FG703 unknown_rank returns an array"):
        flatgrad.grad(unknown_rank)(np.ones((2, 1)))


def by_flag(x, kind="plain", twice=False, shift=None):
    return (2 * x if twice else x) ** 2 if kind == "plain" else x


@pytest.mark.parametrize(
    ("wrt", "what"),
    [("kind", "a string"), (-2, "True or False"), ("shift", "None"), (("x", -1), "None")],
)  # fmt: skip
def test_what_is_no_number_in_a_call_has_no_gradient(wrt: Any, what: str) -> None:
    with pytest.raises(FlatgradError, match=f"FG505 .* is {what} in this call"):
        flatgrad.grad(by_flag, wrt)(2.0)
    with pytest.raises(FlatgradError, match="FG505 no argument of by_flag can carry"):
        flatgrad.grad(by_flag)(True)


def squares(x):
    return np.sum(x**2)


def test_a_list_is_no_array() -> None:
    for derivative in (flatgrad.grad(squares), flatgrad.vjp(squares)):
        with pytest.raises(
            FlatgradError, match=r"FG201 .*a list is used as an array"
        ) as caught:
            derivative([1.0, 2.0])
        assert "or make one of it: numpy.array(...)" in str(caught.value)


def turned(x):
    return x * 1j


def test_a_complex_result_has_no_gradient() -> None:
    with pytest.raises(FlatgradError, match="FG703 turned returns a complex number"):
        flatgrad.grad(turned)(2.0)


def test_has_aux_of_one_result() -> None:
    with pytest.raises(FlatgradError, match="FG704 product does not return two values"):
        flatgrad.grad(product, has_aux=True)(1.0, 2.0)


@pytest.mark.parametrize(
    ("wrt", "message"),
    [
        ("q", "FG506 product has no parameter q\n  parameters: x, y, z"),
        (3, "FG506 product has no positional parameter 3"),
        (-4, "FG506"),
        (True, "FG506"),
        ((), "FG704 wrt names no parameter"),
        (("x", 0), "FG704 wrt names a parameter twice"),
        (1.5, "FG704 wrt is a name"),
    ],
)
def test_wrt_that_names_nothing(wrt: Any, message: str) -> None:
    with pytest.raises(FlatgradError, match=message):
        flatgrad.grad(product, wrt)


# --- never stale, never frozen ---------------------------------------------------------------------------------------------


@pytest.fixture
def module_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], ModuleType]]:
    """Write a module and import it; again, and it is reloaded."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names: set[str] = set()

    def load(text: str, name: str = "subject") -> ModuleType:
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        names.add(name)
        if name in sys.modules:
            return importlib.reload(sys.modules[name])
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


STEEP = """
import numpy as np

RATE = 2.0
POWER = 2
AXIS = 0
TABLE = np.array([1.0, 2.0])


def inner(x):
    return RATE * x**POWER


def f(x):
    return np.sum(inner(x) * TABLE, axis=AXIS)
"""


def test_a_constant_is_read_when_it_is_called(module_from: Any) -> None:
    m = module_from(STEEP)
    x, g = np.array([1.0, 3.0]), flatgrad.grad(m.f)
    same(g(x), differences(m.f, (x,), 0))
    made = g._last
    for rate, table in [
        (5.0, m.TABLE),
        (5.0, np.array([-1.0, 0.5])),
        (np.float64(7.0), m.TABLE),
    ]:
        m.RATE, m.TABLE = rate, table
        same(g(x), differences(m.f, (x,), 0))
        if type(m.RATE) is float:
            assert g._last is made  # nothing was transformed again
    m.POWER = 3
    same(g(x), differences(m.f, (x,), 0))
    assert g._last is not made
    m.TABLE = 2.5
    same(g(x), differences(m.f, (x,), 0))
    m.TABLE = np.array([[1.0, 2.0]])
    m.AXIS = None
    same(g(x), differences(m.f, (x,), 0))


def test_a_callee_that_changes(module_from: Any) -> None:
    m = module_from(STEEP)
    x, g = np.array([1.0, 3.0]), flatgrad.grad(m.f)
    same(g(x), differences(m.f, (x,), 0))
    m.inner = np.exp
    same(g(x), differences(m.f, (x,), 0))
    m.inner = product_with_itself
    same(g(x), differences(m.f, (x,), 0))
    m.inner.__code__, kept = helper_of_code.__code__, m.inner.__code__
    try:
        same(g(x), differences(m.f, (x,), 0))
    finally:
        m.inner.__code__ = kept


def product_with_itself(x):
    return x * x


def helper_of_code(x):
    return x * 4.0


def test_a_default_that_changes(module_from: Any) -> None:
    m = module_from("def f(x, n=2.0):\n    return x * n\n")
    g = flatgrad.grad(m.f, "x")
    assert g(1.0) == 2.0
    m.f.__defaults__ = (5.0,)
    assert g(1.0) == 5.0


def test_a_module_that_is_reloaded(module_from: Any) -> None:
    m = module_from("import numpy as np\n\n\ndef f(x):\n    return np.sin(x)\n")
    old = m.f
    before = flatgrad.grad(old)
    assert before(0.3) == pytest.approx(np.cos(0.3))
    module_from("import numpy as np\n\n\ndef f(x):\n    return x**3 + 0 * x\n")
    assert flatgrad.grad(m.f)(2.0) == pytest.approx(12.0)
    assert before(0.3) == pytest.approx(
        np.cos(0.3)
    )  # the old function is still the sine


def test_a_text_that_is_not_what_was_loaded(module_from: Any, tmp_path: Path) -> None:
    m = module_from("def f(x):\n    return x * 2.0\n")
    (tmp_path / "subject.py").write_text("def f(x):\n    return x * 3.0 + 1.0\n")
    linecache.clearcache()
    with pytest.raises(
        FlatgradError, match="FG702 the text of f is not what it was when it was loaded"
    ):
        flatgrad.grad(m.f)(1.0)
    importlib.reload(m)
    assert flatgrad.grad(m.f)(1.0) == 3.0


def test_a_file_that_gives_warnings_gives_them_once(module_from: Any) -> None:
    with pytest.warns((DeprecationWarning, SyntaxWarning), match="invalid escape"):
        m = module_from('def f(x):\n    "a \\d of x"\n    return x * x\n')
    assert flatgrad.grad(m.f)(1.0) == 2.0


def test_nothing_is_written_into_the_module(module_from: Any) -> None:
    m = module_from(STEEP)
    before = dict(vars(m))
    flatgrad.grad(m.f)(np.array([1.0, 3.0]))
    flatgrad.hessian(m.f)(np.array([1.0, 3.0]))
    assert dict(vars(m)) == before


def maker(
    a: Any, g: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[..., None]]:
    def f(x):
        return np.sum(g(x) * a)

    def change(new: Any = None, function: Any = None) -> None:
        nonlocal a, g
        a, g = (a if new is None else new), (function or g)

    return f, change


def test_closures() -> None:
    x = np.array([0.5, -0.3])
    f, change = maker(2.0, np.sin)
    g = flatgrad.grad(f)
    same(g(x), differences(f, (x,), 0))
    for a, function in [
        (3.0, None),
        (np.array([1.0, 2.0]), None),
        (None, np.exp),
        (2, product_with_itself),
        (None, lambda x: x**3),
    ]:
        change(a, function)
        same(g(x), differences(f, (x,), 0))


def test_closures_of_closures() -> None:
    def outer(k):
        def middle(x):
            return x * k

        def f(x):
            return middle(x) ** 2 + inner_most(x)

        def inner_most(x):
            return np.cos(x) * k

        return f

    for k in (1.5, 2.5):
        agrees(outer(k), 0.7)


def test_one_name_for_two_things(module_from: Any) -> None:
    """Helpers of two modules have the same name, and so have constants."""
    other = module_from(
        "RATE = 10.0\n\n\ndef inner(x):\n    return x * RATE\n", "other_subject"
    )
    text = STEEP.replace(
        "import numpy as np",
        "import numpy as np\nimport other_subject\nfrom other_subject import inner as outer",
    )
    m = module_from(
        text
        + "\n\ndef h(x):\n    return f(x) + np.sum(outer(x)) * RATE + np.sum(other_subject.inner(x))\n"
    )
    x = np.array([1.0, 3.0])
    agrees(m.h, x)
    g = flatgrad.grad(m.h)
    g(x)
    other.RATE, m.RATE = -1.0, 0.5
    same(g(x), differences(m.h, (x,), 0))


def test_a_builtin_that_is_hidden_later(module_from: Any) -> None:
    m = module_from("def f(x):\n    return abs(x) * 2.0\n")
    g = flatgrad.grad(m.f)
    assert g(-1.0) == -2.0
    m.abs = product_with_itself
    assert g(-1.0) == -4.0


@pytest.mark.parametrize(
    "body", ["np.sum(np.array(DATA) * x)", "DATA[3] * x", "sum(v * x for v in DATA)", "x if DATA[3] > 5 else len(DATA) * x"]
)  # fmt: skip
def test_long_lists_are_told_shortly(module_from: Any, body: str) -> None:
    text = f"import numpy as np\n\nDATA = [float(n) for n in range(100)]\n\n\ndef f(x):\n    return {body}\n"
    m = module_from(text)
    g = flatgrad.grad(m.f)
    same(g(0.5), differences(m.f, (0.5,), 0))
    assert len(g.__source__) < 800
    m.DATA[3] = 7.0
    same(g(0.5), differences(m.f, (0.5,), 0))
    m.DATA.append(2.5)
    same(g(0.5), differences(m.f, (0.5,), 0))


def test_an_array_from_outside_that_is_written_into(module_from: Any) -> None:
    text = "import numpy as np\n\nROOM = np.zeros(2)\n\n\ndef f(x):\n    ROOM[:] = x**2\n    return np.sum(ROOM)\n"
    m, x = module_from(text), np.array([0.5, -2.0])
    same(flatgrad.grad(m.f)(x), 2 * x)
    np.testing.assert_array_equal(m.ROOM, x**2)
    alone: dict[str, Any] = {}
    exec(transform(text, Options(functions=("f",))), alone)
    same(alone["f_grad"](x)[1], 2 * x)


def test_lists_and_dicts_from_outside(module_from: Any) -> None:
    m = module_from(
        'RATES = [1.0, 2.0]\nSETTINGS = {"p": 2, "a": 0.5}\n\n\ndef f(x):\n    t = 0.0\n    for r in RATES:\n        t = t + r * x ** SETTINGS["p"]\n    return t * SETTINGS["a"]\n'
    )
    g = flatgrad.grad(m.f)
    same(g(1.5), differences(m.f, (1.5,), 0))
    m.RATES.append(4.0)
    m.SETTINGS["p"] = 3
    same(g(1.5), differences(m.f, (1.5,), 0))


def test_values_that_no_expression_tells(module_from: Any) -> None:
    text = "class Settings:\n    rate = 2.0\n\n\nsettings = Settings()\n\n\ndef f(x):\n    return x * x * settings.rate + Settings.rate * x\n"
    m = module_from(text)
    g = flatgrad.grad(m.f)
    same(g(1.5), differences(m.f, (1.5,), 0))
    m.settings.rate, m.Settings.rate = 5.0, -1.0
    same(g(1.5), differences(m.f, (1.5,), 0))


def test_a_default_that_is_no_constant_in_the_text(module_from: Any) -> None:
    m = module_from(
        "import numpy as np\n\nR = 2.0\n\n\ndef f(x, r=R * 2, w=np.ones(2)):\n    return np.sum(x * w) * r\n"
    )
    x = np.array([1.0, 3.0])
    m.R = 100.0
    same(flatgrad.grad(m.f, "x")(x), differences(m.f, (x,), 0))


def test_rules_of_the_user(module_from: Any) -> None:
    m = module_from("""
import numpy as np
from scipy.special import erf

import flatgrad

STEEP = 2.0


def hard(x):
    return np.array([np.tanh(STEEP * t) for t in np.ravel(x)]).reshape(np.shape(x))[()]


@flatgrad.rule("hard")
def hard_rule(x, /, *, y):
    return STEEP * (1 - y**2)


@flatgrad.rule("numpy.nonsense")
def nonsense_rule(x, /):
    return 3.0 * erf(x)


def f(x):
    return hard(x) * x
""")
    g = flatgrad.grad(m.f)
    y = np.tanh(0.6)
    assert g(0.3) == pytest.approx(y + 0.3 * 2 * (1 - y**2))
    m.STEEP = 1.0
    y = np.tanh(0.3)
    assert g(0.3) == pytest.approx(y + 0.3 * (1 - y**2))


# --- gradients within functions -------------------------------------------------------------------------------------------


def fit(w, x):
    """w: (D,)  x: (N, D)"""
    return np.sum(np.tanh(x @ w) ** 2)


fit_grad = flatgrad.grad(fit, "w")


def penalty_by_name(w, x):
    return np.sum(fit_grad(w, x) ** 2)


def penalty_in_place(w, x):
    return np.sum(flatgrad.grad(fit, "w")(w, x) ** 2)


def penalty_and_value(w, x):
    value, g = flatgrad.value_and_grad(fit, wrt="w")(w, x)
    return value + np.sum(g**2) * SCALE


@pytest.mark.parametrize("f", [penalty_by_name, penalty_in_place, penalty_and_value])
def test_gradient_penalties(f: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    w = np.array([0.1, -0.2, 0.3])
    g = flatgrad.grad(f, "w")
    same(g(w, X), differences(f, (w, X), 0))
    monkeypatch.setitem(globals(), "SCALE", 7.0)
    same(g(w, X), differences(f, (w, X), 0))


def test_a_penalty_in_a_decorated_function(module_from: Any) -> None:
    m = module_from(
        "import flatgrad\n\n\ndef f(x):\n    return x**4\n\n\n@flatgrad.differentiable\ndef g(x):\n    return flatgrad.grad(f)(x) ** 2\n"
    )
    assert m.g.grad(1.5) == pytest.approx(96 * 1.5**5)


# --- where functions come from ---------------------------------------------------------------------------------------------

_cells = iter(range(1000))


def compiled(
    text: str, title: str, namespace: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What a notebook does: the text of a cell is compiled, and known to linecache."""
    filename = f"<cell {title} {next(_cells)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    namespace = {"__name__": "__main__"} if namespace is None else namespace
    exec(compile(text, filename, "exec"), namespace)
    return namespace


def test_cells_of_a_notebook() -> None:
    cells = compiled("import numpy as np\na = 2.0\n", "one")
    compiled("def inner(x):\n    return np.sin(x) * a\n", "two", cells)
    compiled("def f(x):\n    return inner(x) ** 2\n", "three", cells)
    g = flatgrad.grad(cells["f"])
    same(g(0.4), differences(cells["f"], (0.4,), 0))
    compiled("def inner(x):\n    return np.exp(x) * a\n", "two again", cells)
    same(g(0.4), differences(cells["f"], (0.4,), 0))


def test_cells_with_a_decorator() -> None:
    cells = compiled(
        "import numpy as np, flatgrad\n\n@flatgrad.differentiable\ndef f(x):\n    return np.sin(x) * later(x)\n",
        "decorated",
    )
    compiled("def later(x):\n    return x * x\n", "later", cells)
    same(cells["f"].grad(0.4), differences(cells["f"], (0.4,), 0))


def test_a_function_without_text() -> None:
    namespace: dict[str, Any] = {"__name__": "nowhere"}
    exec("def f(x):\n    return x * x\n", namespace)
    with pytest.raises(
        FlatgradError, match=r"FG702 the text of f cannot be had \(<string>\)"
    ):
        flatgrad.grad(namespace["f"])(1.0)


def test_lambdas() -> None:
    agrees(lambda x: x**3, 2.0)
    agrees(
        lambda x, y=2.0: np.sum(np.sin(x) * y),
        np.array([1.0, 2.0]),
        wrt="x",
        positions=(0,),
    )
    both = (lambda x: x * 2.0, lambda x: x * 3.0)
    assert [flatgrad.grad(f)(1.0) for f in both] == [2.0, 3.0]
    folded = lambda x: (x**2 + x)  # noqa: E731  # and once more
    agrees(folded, 2.0)


def test_lambdas_within_lambdas() -> None:
    times = lambda a: lambda x: a * x**2  # noqa: E731
    agrees(times(3.0), 2.0)
    agrees(lambda x: (lambda y: y**3)(2 * x), 2.0)
    assert (lambda: flatgrad.grad(lambda x: x**3)(2.0))() == 12.0


def test_lambdas_of_a_loop() -> None:
    assert [
        flatgrad.grad(f, "x")(1.0) for f in [lambda x, k=k: x * k for k in (1.0, 9.0)]
    ] == [1.0, 9.0]
    arrays = [lambda x, *, w=w: np.sum(x * w) for w in (np.ones(2), np.arange(2.0))]
    same(flatgrad.grad(arrays[1], "x")(np.ones(2)), np.arange(2.0))


def test_a_refusal_in_a_lambda_is_located() -> None:
    with pytest.raises(FlatgradError) as caught:
        flatgrad.grad(lambda x: np.nonsense(x))(1.0)
    first, _, carets, *_ = str(caught.value).splitlines()
    assert re.fullmatch(
        r"tests/test_api.py:\d+:23: FG201 no derivative rule for numpy.nonsense", first
    )
    assert carets.count("^") == len("lambda x: np.nonsense(x)")


def twice(f: Any) -> Any:
    @functools.wraps(f)
    def wrapper(*args: Any) -> Any:
        return 2.0 * f(*args)

    return wrapper


@twice
def doubled(x):
    return x * x


@functools.lru_cache
def cached(x):
    return x * x * 3.0


def uses_cached(x):
    return cached(x) * x


def test_decorators() -> None:
    with pytest.raises(
        FlatgradError, match=r"test_api.py:\d+:1: FG116 doubled is decorated"
    ) as caught:
        flatgrad.grad(doubled)
    assert "| @twice" in str(caught.value)
    agrees(cached, 2.0)
    agrees(uses_cached, 2.0)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (np.sin, "FG701 sin is not written in Python"),
        (len, "FG701 len is not written in Python"),
        (3, "FG701 3 is not a function"),
        (functools.partial(np.sin), "FG701 sin is not written in Python"),
        (object(), "FG701 <object object.*> is not a function"),
    ],
)
def test_what_is_no_function(f: Any, message: str) -> None:
    with pytest.raises(FlatgradError, match=message):
        flatgrad.grad(f)


# --- decorated functions ---------------------------------------------------------------------------------------------------

DECORATED = '''
import numpy as np

import flatgrad


@flatgrad.differentiable
def loss(w, x, y):
    """w: (D,)  x: (N, D)  y: (N,)"""
    return np.mean((squash(x @ w) - y) ** 2)


def squash(a):
    return np.tanh(RATE * a)


RATE = 0.5
'''


def test_differentiable(module_from: Any) -> None:
    m = module_from(DECORATED)
    args = np.array([0.1, 0.2, 0.3]), X, np.ones(4)
    expected = tuple(differences(m.loss, args, p) for p in range(3))
    same(m.loss.grad(*args), expected)
    assert m.loss.value_and_grad(*args)[0] == m.loss(*args)
    same(m.loss.vjp(*args)[1](1.0), expected)
    same(
        m.loss.jvp(args, tuple(np.ones_like(a) for a in args))[1],
        sum(e.sum() for e in expected),
    )
    assert m.loss.hessian.__name__ == "loss_hessian"
    assert m.loss.grad.__source__ == m.loss.source("grad")
    m.RATE = 2.0
    same(m.loss.grad(*args), tuple(differences(m.loss, args, p) for p in range(3)))


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
def test_source_is_what_the_command_line_prints(
    module_from: Any, emit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    m = module_from(DECORATED)
    assert run([m.__file__, "--function", "loss", "--emit", emit]) == 0
    printed = capsys.readouterr().out
    assert m.loss.source(emit) == printed


def test_a_refusal_shows_when_the_module_is_imported(module_from: Any) -> None:
    text = "import numpy as np\nimport flatgrad\n\n\n@flatgrad.differentiable\ndef f(x):\n    y = np.nonsense(x)\n    return y\n"
    with pytest.raises(FlatgradError) as caught:
        module_from(text)
    first, *rest = str(caught.value).splitlines()
    assert first.endswith("subject.py:7:9: FG201 no derivative rule for numpy.nonsense")
    assert rest[:2] == [
        "    7 |     y = np.nonsense(x)",
        "      |         ^^^^^^^^^^^^^^",
    ]


def test_options_of_the_decorator(module_from: Any) -> None:
    m = module_from(
        DECORATED.replace(
            "differentiable", 'differentiable(wrt="w", shapes={"y": "N"})'
        )
    )
    args = np.array([0.1, 0.2, 0.3]), X, np.ones(4)
    same(m.loss.grad(*args), differences(m.loss, args, 0))
    assert "grad_x" not in m.loss.source()


def test_helpers_of_another_file(module_from: Any) -> None:
    module_from(
        "import numpy as np\n\n\ndef squash(a):\n    return np.tanh(a)\n",
        "other_subject",
    )
    text = "import flatgrad\nfrom other_subject import squash\n\n\n@flatgrad.differentiable\ndef f(x):\n    return squash(x) * x\n"
    m = module_from(text)
    same(m.f.grad(0.3), differences(m.f, (0.3,), 0))


def test_helpers_of_helpers_in_another_file(module_from: Any) -> None:
    module_from("def square(a):\n    return a * a\n", "far_subject")
    text = "import flatgrad\nimport far_subject\n\n\ndef near(x):\n    return far_subject.square(x)\n"
    m = module_from(
        text + "\n\n@flatgrad.differentiable\ndef f(x):\n    return near(x) * x\n"
    )
    same(m.f.grad(0.3), differences(m.f, (0.3,), 0))


def test_a_decorated_function_is_a_helper_of_others(module_from: Any) -> None:
    m = module_from(
        DECORATED
        + "\n\ndef total(w):\n    return loss(w, np.eye(3), np.ones(3)) + w.sum()\n"
    )
    agrees(m.total, np.array([0.1, 0.2, 0.3]))


def test_a_decorated_function_looks_like_what_it_is(module_from: Any) -> None:
    m = module_from(DECORATED)
    assert inspect.signature(m.loss) == inspect.signature(m.loss.__wrapped__)
    assert (m.loss.__name__, m.loss.__doc__) == ("loss", "w: (D,)  x: (N, D)  y: (N,)")
    assert "return np.mean" in inspect.getsource(m.loss)
    assert pickle.loads(pickle.dumps(m.loss)) is m.loss
    assert copy.deepcopy(m.loss) is m.loss


def test_decorated_methods() -> None:
    namespace = compiled(
        "import flatgrad\n\n\nclass Model:\n"
        '    @flatgrad.differentiable(wrt="x")\n    def loss(self, x):\n        return x * x\n\n'
        "    @staticmethod\n    @flatgrad.differentiable\n    def other(x):\n        return x**3\n",
        "methods",
    )
    model = namespace["Model"]()
    assert model.loss(3.0) == 9.0
    assert model.loss.grad(3.0) == 6.0
    assert model.loss.value_and_grad(3.0) == (9.0, 6.0)
    assert model.loss.jvp((3.0,), 2.0) == (9.0, 12.0)
    assert model.other.grad(2.0) == namespace["Model"].other.grad(2.0) == 12.0


# --- how what is generated behaves ------------------------------------------------------------------------------------------


def test_it_looks_like_a_function() -> None:
    g = flatgrad.grad(product, ("x", "z"))
    assert g.__name__ == "product_grad"
    assert g.__module__ == __name__
    assert str(inspect.signature(g)) == "(x, y, z=2.0)"
    assert "The gradient of product with respect to x and z." in g.__doc__
    assert "a tuple of gradients, in the order x, z" in g.__doc__
    assert "x times y, and z." in g.__doc__
    g(1.0, 2.0)
    assert inspect.getsource(g).startswith(
        "def product_grad(x, y, z=2.0, grad_out=1.0):\n"
    )
    assert g.__source__.startswith("# Made by flatgrad.\n")
    namespace: dict[str, Any] = {}
    exec(g.__source__, namespace)
    assert namespace["product_grad"](1.0, 2.0)[1] == g(1.0, 2.0)


def test_help_reads_well() -> None:
    import pydoc

    text = pydoc.render_doc(flatgrad.grad(product, "x"), renderer=pydoc.plaintext)
    assert (
        "product_grad(x, y, z=2.0)\n    The gradient of product with respect to x.\n"
        in text
    )
    assert "x times y, and z." in text


def fails(x):
    y = x[0]
    return y * x[5]


def test_tracebacks_show_the_generated_lines() -> None:
    try:
        flatgrad.grad(fails)(np.ones(3))
    except IndexError as error:
        shown = "".join(traceback.format_exception(error))
    assert "<flatgrad fails_grad" in shown
    assert "x[5]" in shown.partition("<flatgrad fails_grad")[2]


def not_known(x):
    return np.nonsense(x)


def test_a_refusal_shows_where_it_was_asked_for_and_nothing_of_the_inside() -> None:
    with pytest.raises(FlatgradError) as caught:
        flatgrad.grad(not_known)(1.0)
    names = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert names[1:] == ["__call__", "computed", "made"]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


@pytest.mark.parametrize(
    "made",
    [
        flatgrad.grad(product, ("x", 1)),
        flatgrad.value_and_grad(product, "x"),
        flatgrad.vjp(product),
        flatgrad.jacobian(product),
        flatgrad.hessian(product, "x"),
        flatgrad.grad(flatgrad.grad(product, "z"), "z"),
    ],
    ids=lambda made: made.__name__,
)
def test_pickles_and_copies(made: Any) -> None:
    for again in (
        pickle.loads(pickle.dumps(made)),
        copy.copy(made),
        copy.deepcopy(made),
    ):
        found, expected = again(1.0, 2.0), made(1.0, 2.0)
        if made.__name__ == "product_vjp":
            found, expected = found[1](), expected[1]()
        assert found == expected


def test_many_threads() -> None:
    g = flatgrad.grad(affine_loss)
    expected = g(X, W, B)
    fresh, found, failed = flatgrad.grad(affine_loss), [], []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            start.wait()
            x = X if number % 2 else np.concatenate([X, X])
            found.append((number, fresh(x, W, B)))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(found) == 8
    for number, (_, gradient, _) in found:
        np.testing.assert_allclose(gradient, expected[1] * (1 if number % 2 else 2))


def test_another_process(
    module_from: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[1]}")
    m = module_from("def f(x):\n    return x * x\n")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(flatgrad.grad(m.f), [1.0, 2.5]) == [2.0, 5.0]


def test_a_gradient_in_a_loop_is_transformed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flatgrad.interface import specialising

    made: list[Any] = []
    transformed = specialising._emission
    monkeypatch.setattr(specialising, "_emitted", {})
    monkeypatch.setattr(
        specialising, "_emission", lambda *a: made.append(a) or transformed(*a)
    )
    for x in (1.0, 2.0, 3.0):
        assert flatgrad.grad(lambda t: t * t)(x) == 2 * x
    assert len(made) == 1


def test_arguments_are_left_alone() -> None:
    args = tuple(a.copy() for a in (X, W, B))
    flatgrad.grad(affine_loss)(*args)
    for one, other in zip(args, (X, W, B), strict=True):
        np.testing.assert_array_equal(one, other)


def summed(x, y):
    return np.sum(x + y)


def test_gradients_are_arrays_of_their_own() -> None:
    x = np.ones(3)
    one, other = flatgrad.grad(summed)(x, x)
    one *= 5.0
    np.testing.assert_array_equal(other, np.ones(3))
    _, pullback = flatgrad.vjp(copied)(x)
    seed = np.ones(3)
    gradient = pullback(seed)
    gradient *= 5.0
    np.testing.assert_array_equal(seed, np.ones(3))


def copied(x):
    return x + 0.0


def test_a_defect_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import flatgrad.pipeline

    def broken(*args: Any) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(flatgrad.pipeline.Transformation, "read", broken)
    with pytest.raises(FlatgradError, match="FG999 internal error: KeyError: 'lost'"):
        flatgrad.grad(lambda x: x * 1234.5)(1.0)


def test_import_is_light() -> None:
    program = "import sys, flatgrad; print([m for m in ('libcst', 'black', 'astor', 'click', 'numpy') if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )


# --- grad_source -----------------------------------------------------------------------------------------------------------

TEXT = "import numpy as np\n\n\ndef f(x, w):\n    return np.sum(x * w)\n"


def test_a_file_of_rules_that_is_not_there() -> None:
    with pytest.raises(FlatgradError, match=r"^nowhere\.py: FG001 does not exist"):
        flatgrad.grad_source("def f(x):\n    return x\n", rules=["nowhere.py"])


def test_grad_source() -> None:
    from flatgrad.options import Options

    assert flatgrad.grad_source(TEXT, "f") == transform(TEXT, Options(("f",)))
    asked = Options(
        ("f",), ("w",), "pair", "d", {"x": ("N",), "w": ("N",)}, comments=False
    )
    found = flatgrad.grad_source(
        TEXT,
        "f",
        "w",
        emit="pair",
        names="d",
        shapes={"x": "N", "w": ("N",)},
        comments=False,
    )
    assert found == transform(TEXT, asked)
    with pytest.raises(FlatgradError) as caught:
        flatgrad.grad_source("def f(x):\n    return g(x)\n", "f", filename="here.py")
    assert str(caught.value).startswith(
        "here.py:2:12: FG109 the name g is not defined here\n    2 |     return g(x)\n"
    )


# --- compilers -------------------------------------------------------------------------------------------------------------


def loops(x, w):
    total = 0.0
    for i in range(x.shape[0]):
        total += step(x[i], w) * SCALE
    return total


def step(a, w):
    return np.tanh(a * w)


def test_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")
    g = flatgrad.grad(loops, compile=numba.njit)
    args = np.array([0.1, -0.4, 0.7]), 0.6
    same(g(*args), (differences(loops, args, 0), differences(loops, args, 1)))
    monkeypatch.setitem(globals(), "SCALE", 4.0)
    same(g(*args), (differences(loops, args, 0), differences(loops, args, 1)))


def not_for_numba(x):
    return np.sum(np.fft.fft(x).real)


def test_what_a_compiler_cannot_do() -> None:
    numba = pytest.importorskip("numba")
    with pytest.raises(
        FlatgradError, match="FG705 numba cannot compile not_for_numba_grad: "
    ):
        flatgrad.grad(not_for_numba, compile=numba.njit)(np.ones(3))


def test_any_function_of_a_function_is_a_compiler() -> None:
    seen: list[str] = []

    def noted(function: Any) -> Any:
        seen.append(function.__name__)
        return function

    flatgrad.grad(product, "x", compile=noted)(1.0, 2.0)
    assert seen == ["product_grad"]


def test_jax(module_from: Any) -> None:
    jax = pytest.importorskip("jax")
    m = module_from(
        "import jax.numpy as jnp\n\nA = jnp.arange(3.0)\n\n\ndef f(x, w):\n    return jnp.sum(jnp.tanh(x * w) * A)\n"
    )
    x, w = jax.numpy.arange(3.0), jax.numpy.float32(0.5)
    expected = jax.grad(m.f, (0, 1))(x, w)
    for compiler in (None, jax.jit):
        for one, other in zip(
            flatgrad.grad(m.f, compile=compiler)(x, w), expected, strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-5)


def test_torch(module_from: Any) -> None:
    torch = pytest.importorskip("torch")
    m = module_from(
        "import torch\n\nA = torch.arange(3.0)\n\n\ndef f(x, w):\n    return torch.sum(torch.tanh(x * w) * A)\n"
    )
    x, w = torch.arange(3.0, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    expected = torch.autograd.grad(m.f(x, w), (x, w))
    found = flatgrad.grad(m.f)(x.detach(), w.detach())
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
