"""What a solver of a library has found, and the tangents of the parameters of its function -> its tangent.

The same equations as in `implicit.py`: the linear system of a root, the rule of Leibniz, and the variational equation
of a differential equation, which is integrated along with it. The function is at hand with its tangent, `NAME_jvp`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flatgrad.builder import Builder, Expr
from flatgrad.graph import Atom, Eqn
from flatgrad.implicit import OF_ERROR, with_value
from flatgrad.types import Dim, Shape, Type

Dot = Callable[[Atom], Expr]  # the tangent of an argument; zeros for one without


def push_forward(
    build: Builder, eqn: Eqn, dots: Sequence[Expr | None], dot_of: Dot
) -> list[Expr | None]:
    """The tangents of what a solver gives; NotImplementedError where no formula is known."""
    return ALONG[eqn.op](build, eqn, dots, dot_of)


def _moves(eqn: Eqn, args: Sequence[Atom], dot_of: Dot, own: Any = None) -> list[Any]:
    """The tangents that NAME_jvp takes: `own` for the unknown, those of the arguments for the others."""
    pair, unknown = eqn.attrs["pair"], eqn.attrs["unknown"]
    given = dict(zip(pair.params, args, strict=False))
    return [own if n == unknown else dot_of(given[n]) for n in pair.wrt]


def _still(build: Builder) -> Dot:
    return lambda arg: build.emit("zeros_like", arg)


def _root(build: Builder, eqn: Eqn, dots: Sequence[Any], dot_of: Dot) -> list[Any]:
    """x with f(x, p) = 0: -f_p dot_p / f_x; fixed, with f(x, p) = x: f_p dot_p / (1 - f_x)."""
    pair, x = eqn.attrs["pair"], eqn.out
    stays = eqn.attrs["equation"] == "fixed_point"
    args = with_value(eqn.args, pair, eqn.attrs["unknown"], x)
    every, still = pair.every(args), _still(build)
    rest: Any = build.emit("call_tangent", *every, *_moves(eqn, args, dot_of, still(x)), pair=pair)  # fmt: skip
    rest.atom.type = x.type
    if x.type.rank == 0:
        slope: Any = build.emit("call_tangent", *every, *_moves(eqn, args, still, 1.0), pair=pair)  # fmt: skip
        slope.atom.type = x.type
        return [rest / (1 - slope) if stays else -rest / slope]
    moves = _moves(eqn, args, still, None)
    slopes: Any = build.emit("jacobian_by_column", x, *every, *moves, pair=pair)
    slopes.atom.type = Type(Shape((Dim(), Dim())), "float")
    if stays:
        slopes = build.emit("eye", slopes.shape[0]) - slopes
    return [build.emit("solve", slopes, rest if stays else -rest)]


def _integral(build: Builder, eqn: Eqn, dots: Sequence[Any], dot_of: Dot) -> list[Any]:
    """The integrand at the limits, and the integral of its tangent."""
    pair, unknown = eqn.attrs["pair"], eqn.attrs["unknown"]
    *given, low, high = eqn.args
    terms: list[Any] = []
    for limit, dot in ((high, dots[-1]), (low, dots[-2])):
        if dot is not None:
            args = with_value(given, pair, unknown, limit)
            moves = _moves(eqn, args, _still(build), 0.0)
            there: Any = build.emit("call_value", *pair.every(args), *moves, pair=pair)
            there.atom.type = eqn.outs[0].type
            terms.append(there * dot if limit is high else -(there * dot))
    if any(dot is not None for dot in dots[:-2]):
        moves = _moves(eqn, given, dot_of, 0.0)
        args = [*pair.every(given), *moves, low, high]
        terms.append(build.emit("integral_of_tangent", *args, pair=pair, unknown=unknown))  # fmt: skip
        terms[-1].atom.type = eqn.outs[0].type
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return [total, NotImplementedError(OF_ERROR)]


def _ode(build: Builder, eqn: Eqn, dots: Sequence[Any], dot_of: Dot) -> list[Any]:
    """The variational equation, integrated together with the equation itself."""
    pair, unknown = eqn.attrs["pair"], eqn.attrs["unknown"]
    *given, start, times, first = eqn.args
    if any(dot is not None for dot in dots[-2:]) or next(iter(pair.wrt)) != unknown:
        raise NotImplementedError("no derivative of a differential equation with respect to time")  # fmt: skip
    moves = _moves(eqn, given, dot_of, None)
    args = [start, dot_of(start), times, first, *pair.every(given), *moves]
    attrs = {"pair": pair, "columns": eqn.attrs["columns"]}
    made: Any = build.emit("odeint_tangent", *args, **attrs)
    made.atom.type = eqn.out.type
    return [made]


ALONG = {"root": _root, "integral": _integral, "ode": _ode}
