"""Derivatives as linear maps: the structures that go in and come out of vjp, jvp, jacobian, hessian and hvp."""

from __future__ import annotations

import inspect
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import flatgrad
from flatgrad.errors import FlatgradError

STEP = 1e-6


def tree(function: Callable[..., Any], of: Any, *others: Any) -> Any:
    """`of` with `function` of each number or array; None is kept."""
    if isinstance(of, Mapping):
        return {k: tree(function, of[k], *(o[k] for o in others)) for k in of}
    if isinstance(of, list | tuple):
        parts = [tree(function, *each) for each in zip(of, *others, strict=True)]
        return type(of)(parts)
    return None if of is None else function(of, *others)


def jacobian(f: Callable[[Any], Any], at: Any) -> Any:
    """By central differences, of the shape of each part of the result followed by that of the argument."""

    def of_part(part: Any, *moved: Any) -> Any:
        slopes = [(m - p) / (2 * STEP) for p, m in zip(moved[::2], moved[1::2], strict=True)]  # fmt: skip
        return np.stack(slopes, -1).reshape((*np.shape(part), *np.shape(at)))

    steps = [STEP * unit.reshape(np.shape(at)) for unit in np.eye(np.size(at))]
    return tree(of_part, f(at), *(f(at + s) for step in steps for s in (-step, step)))


def agrees(found: Any, expected: Any) -> None:
    """Equal within what differences can tell, in the same structure."""
    if isinstance(expected, Mapping):
        assert isinstance(found, Mapping)
        assert list(found) == list(expected)
        found, expected = list(found.values()), list(expected.values())
    if isinstance(expected, list | tuple):
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            agrees(one, other)
    elif expected is None:
        assert found is None
    else:
        assert np.shape(found) == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def in_tuple(x):
    return x**2, np.sum(x**3)


def in_list(x):
    return [x * 2.0, np.sum(x**2)]


def in_dict(x):
    return {"a": np.sin(x), "b": np.sum(x**2)}


def nested(x):
    return np.sum(x), (x**2, np.sum(x**3))


def with_label(x):
    return x**2, "label", None


def turned(x):
    return np.exp(1j * x)


@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
@pytest.mark.parametrize("f", [in_tuple, in_list, in_dict])
@pytest.mark.parametrize("x", [0.7, np.array([0.5, -1.0, 2.0])])
def test_jacobian_of_results_of_every_structure(f: Any, x: Any, mode: Any) -> None:
    agrees(flatgrad.jacobian(f, mode=mode)(x), jacobian(f, x))


@pytest.mark.parametrize("mode", [None, "forward"])
@pytest.mark.parametrize("f", [nested, turned])
def test_jacobian_that_forward_mode_alone_has(f: Any, mode: Any) -> None:
    x = np.array([0.5, -1.0, 2.0, 0.3])
    agrees(flatgrad.jacobian(f, mode=mode)(x), jacobian(f, x))


@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
def test_labels_have_no_jacobian(mode: Any) -> None:
    x = np.array([0.5, 2.0])
    found = flatgrad.jacobian(with_label, mode=mode)(x)
    agrees(found, (np.diag(2 * x), None, None))


@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
def test_jacobian_of_nothing(mode: Any) -> None:
    of_array, of_sum = flatgrad.jacobian(in_tuple, mode=mode)(np.zeros(0))
    assert (of_array.shape, of_sum.shape) == ((0, 0), (0,))


@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
def test_jacobian_is_as_precise_as_its_argument(mode: Any) -> None:
    x = np.array([0.5, 2.0], dtype=np.float32)
    for part in flatgrad.jacobian(in_tuple, mode=mode)(x):
        assert part.dtype == np.float32


def energy(p):
    return np.sum(p["w"] ** 3) * p["b"]


def test_hessian_and_hvp_of_a_dict() -> None:
    w, b = np.array([0.5, -1.0]), 3.0
    block = np.diag(6 * w * b)
    expected = {"w": {"w": block, "b": 3 * w**2}, "b": {"w": 3 * w**2, "b": 0.0}}
    agrees(flatgrad.hessian(energy)({"w": w, "b": b}), expected)
    v = {"w": np.array([1.0, 2.0]), "b": 0.5}
    found = flatgrad.hvp(energy)({"w": w, "b": b}, v)
    product = {"w": block @ v["w"] + 3 * w**2 * 0.5, "b": 3 * w**2 @ v["w"]}
    agrees(found, product)


@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_second_derivatives_in_the_library_of_the_arguments(library: str) -> None:
    xp = pytest.importorskip(library)
    x = xp.linspace(0.0, 1.0, 3)
    f, g = (lambda x: (x**3).sum()), (lambda x: x**2)
    found, slope = flatgrad.hessian(f)(x), flatgrad.jacobian(g)(x)
    assert type(found) is type(slope) is type(x)
    np.testing.assert_allclose(np.asarray(found), np.diag(6 * np.asarray(x)))
    np.testing.assert_allclose(np.asarray(slope), np.diag(2 * np.asarray(x)))


@pytest.mark.parametrize("kind", [OrderedDict, lambda **p: defaultdict(float, p)])
def test_dicts_of_every_kind_come_back_as_they_are(kind: Any) -> None:
    p = kind(w=np.array([0.5, -1.0]), b=3.0)
    found = flatgrad.grad(energy)(p)
    assert type(found) is type(p)
    agrees(found, {"w": 3 * p["w"] ** 2 * 3.0, "b": np.sum(p["w"] ** 3)})


def test_the_vector_comes_last() -> None:
    def energy_of(w, b):
        return np.sum(w**2) * b

    product = flatgrad.hvp(energy_of, 0)
    assert [*inspect.signature(product).parameters] == ["w", "b", "vector"]
    w, v = np.array([0.5, -1.0]), np.array([1.0, 2.0])
    for found in (product(w, 3.0, v), product(w, b=3.0, vector=v)):
        agrees(found, 6.0 * v)


X, P = np.ones(2), {"w": np.ones(2), "b": 3.0}


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (FlatgradError, "FG704 mode is", lambda: flatgrad.jacobian(nested, mode="fwd")),
        (FlatgradError, "FG704 nested returns a tuple within a tuple",
         lambda: flatgrad.jacobian(nested, mode="reverse")(X)),
        (FlatgradError, "FG704 turned returns complex numbers",
         lambda: flatgrad.jacobian(turned, mode="reverse")(X)),
        (FlatgradError, "FG704 the Jacobian of in_tuple with respect to complex numbers",
         lambda: flatgrad.jacobian(in_tuple)(X + 1j)),
        (FlatgradError, "FG704 the result at position 1 of nested is a tuple within a tuple",
         lambda: flatgrad.vjp(nested)(X)[1](1.0, (X, 1.0))),
        (FlatgradError, "FG704 in_dict has 1 results with cotangents, and 0 were given",
         lambda: flatgrad.vjp(in_dict)(1.0)[1]()),
        (FlatgradError, "FG704 the cotangent of the result of in_dict has another structure",
         lambda: flatgrad.vjp(in_dict)(X)[1]({"a": X})),
        (FlatgradError, r"FG704 the tangent of p\['w'\] has the shape \(3,\), not \(2,\)",
         lambda: flatgrad.jvp(energy)((P,), ({"w": np.ones(3), "b": 1.0},))),
        (FlatgradError, "FG704 the tangent of p has another structure",
         lambda: flatgrad.jvp(energy)((P,), ({"w": X},))),
        (TypeError, r"energy_hvp\(\): the vector is missing", lambda: flatgrad.hvp(energy)()),
        (TypeError, "argument: 'p', before the vector", lambda: flatgrad.hvp(energy)(P)),
    ],
)  # fmt: skip
def test_what_is_refused(error: type[Exception], message: str, call: Any) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_tuple_within_a_tuple_may_come_along() -> None:
    _, pullback = flatgrad.vjp(nested)(X)
    agrees(pullback(2.0), 2.0 * X)
