"""What a solver of a library has found, and its cotangent -> the cotangents of the parameters of its function.

Roots and fixed points by the implicit function theorem, integrals by Leibniz, differential equations by their
adjoint equation (docs/decisions/implicit-solvers.md). The function is at hand as the pair that is emitted for it.
Tangents are those of `implicit_tangents.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Any

from flatgrad.builder import Builder, Expr
from flatgrad.graph import Atom, Eqn, Var
from flatgrad.types import Dim, Shape, Type
from flatgrad.versions import cotangent_type_of

OF_ERROR = "what quad says of its error has no derivative"
Parts = Iterator[tuple[Atom, Expr]]


def pull_back(
    build: Builder, eqn: Eqn, gs: Sequence[Expr | None], active: Set[Var]
) -> list[tuple[Var, Expr]]:
    """What each active argument gets; NotImplementedError where no formula is known."""
    if all(g is None for g in gs):
        return []
    parts = THROUGH[eqn.op](build, eqn, gs, active)
    return [(a, c) for a, c in parts if isinstance(a, Var) and a in active]


def _root(build: Builder, eqn: Eqn, gs: Sequence[Any], active: Set[Var]) -> Parts:
    """x with f(x, p) = 0 moves by -f_p / f_x: one linear system, then f is reversed once; fixed: 1 - f_x."""
    (g,), x = gs, eqn.out
    pair, unknown = eqn.attrs["pair"], eqn.attrs["unknown"]
    at, stays = list(pair.wrt).index(unknown), eqn.attrs["equation"] == "fixed_point"
    args = with_value(eqn.args, pair, unknown, x)
    (cache,) = build.emit_all("call_again", pair.every(args), 1, attrs={"pair": pair})
    wanted = [args[pair.params.index(n)] for n in pair.wrt]
    if x.type.rank == 0:
        made = _pulled_back(build, pair, 1.0, cache, wanted)
        weight = g / (1 - made[at]) if stays else -g / made[at]
        made = [weight * partial for partial in made]
    else:
        slopes: Any = build.emit("jacobian", cache, x, pair=pair, position=at)
        slopes.atom.type = Type(Shape((Dim(), Dim())), "float")
        slopes = build.emit("eye", slopes.shape[0]) - slopes if stays else slopes
        seed: Any = build.emit("solve", slopes.mT, g)
        made = _pulled_back(build, pair, seed if stays else -seed, cache, wanted)
    for i, (arg, part) in enumerate(zip(wanted, made, strict=True)):
        if i != at:
            yield arg, part


def with_value(
    args: Sequence[Atom], pair: Any, unknown: str, value: Atom
) -> list[Atom]:
    """The arguments of the function, with a value for the one that the solver gives it."""
    names = pair.params
    return [value if n == unknown else a for n, a in zip(names, args, strict=False)]


def _pulled_back(
    build: Builder, pair: Any, seed: Any, cache: Expr, wanted: Sequence[Atom]
) -> list[Any]:
    """What the backward of the function says of its arguments."""
    made = build.emit_all(
        "call_backward", [seed, cache], len(wanted), attrs={"pair": pair}
    )
    for arg, cotangent in zip(wanted, made, strict=True):
        _learn(cotangent, arg)
    return made


def _learn(cotangent: Expr, arg: Atom) -> None:
    assert isinstance(cotangent.atom, Var)
    known = cotangent_type_of(arg) if isinstance(arg, Var) else arg.type
    cotangent.atom.type = known


def _integral(build: Builder, eqn: Eqn, gs: Sequence[Any], active: Set[Var]) -> Parts:
    """The integrand at the limits, and the integral of its derivative in each parameter."""
    g, of_error = gs
    if of_error is not None:
        raise NotImplementedError(OF_ERROR)
    pair, unknown = eqn.attrs["pair"], eqn.attrs["unknown"]
    *given, low, high = eqn.args
    for limit in (low, high):
        if limit in active:
            args = pair.every(with_value(given, pair, unknown, limit))
            there: Any = build.emit("call_value", *args, pair=pair)
            yield limit, g * there if limit is high else -(g * there)
    for at, name in enumerate(pair.wrt):
        arg = given[pair.params.index(name)]
        if name != unknown and arg in active:
            attrs = {"pair": pair, "unknown": unknown, "position": at}
            attrs |= {"number": arg.type.rank == 0}
            args = [*pair.every(given), low, high]
            partial: Any = build.emit("integral_of_partial", *args, **attrs)
            _learn(partial, arg)
            yield arg, g * partial


def _ode(build: Builder, eqn: Eqn, gs: Sequence[Any], active: Set[Var]) -> Parts:
    """The adjoint equation, solved backwards in time."""
    (g,), y = gs, build.wrap(eqn.out)
    pair, unknown = eqn.attrs["pair"], eqn.attrs["unknown"]
    *given, start, times, first = eqn.args
    if times in active or first in active or next(iter(pair.wrt)) != unknown:
        raise NotImplementedError("no derivative of a differential equation with respect to time")  # fmt: skip
    if eqn.attrs["columns"]:
        g, y = g.mT, y.mT
    rows = [g, y, times, first, *pair.every(given)]
    attrs = {"pair": pair, "columns": eqn.attrs["columns"]}
    made = build.emit_all("odeint_backward", rows, len(pair.wrt), attrs=attrs)
    args = [start, *(given[pair.params.index(n)] for n in list(pair.wrt)[1:])]
    for arg, cotangent in zip(args, made, strict=True):
        _learn(cotangent, arg)
        if (
            arg is start and arg.type.rank == 0
        ):  # a number, of which odeint makes a vector
            assert isinstance(cotangent.atom, Var)
            cotangent.atom.type = Type(Shape((Dim(1),)), "float")
            cotangent = cotangent[0]
        yield arg, cotangent


THROUGH = {"root": _root, "integral": _integral, "ode": _ode}
