"""Equations about what a solver has found -> expressions that call the pair of its function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING

from flatgrad.graph import Atom, Eqn, Lit

if TYPE_CHECKING:
    from flatgrad.emit.expressions import Dialect

Read = Callable[[Atom], ast.expr]


def expression(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr | None:
    """The text of an equation of this module; None of another."""
    match eqn.op:
        case "jacobian":
            return _jacobian(dialect, read, eqn)
        case "call_value":
            return ast.Subscript(_forward(eqn, [read(a) for a in eqn.args]), _number(0))
        case "call_tangent":
            return _tangent(eqn, [read(a) for a in eqn.args])
        case "jacobian_by_column":
            return _jacobian_by_column(dialect, read, eqn)
        case "integral_of_tangent":
            return _integral_of_tangent(dialect, read, eqn)
        case "odeint_tangent":
            return _odeint_tangent(dialect, read, eqn)
        case "integral_of_partial":
            return _integral_of_partial(dialect, read, eqn)
        case "odeint_backward":
            return _odeint_backward(dialect, read, eqn)
        case _:
            return None


def _number(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))  # fmt: skip


def _forward(eqn: Eqn, args: Sequence[ast.expr]) -> ast.Call:
    return ast.Call(ast.Name(eqn.attrs["pair"].forward_name), list(args), [])


def _backward(eqn: Eqn, seed: ast.expr, cache: ast.expr) -> ast.Subscript:
    """One of the gradients that the backward of the function returns."""
    call = ast.Call(ast.Name(eqn.attrs["pair"].backward_name), [seed, cache], [])
    return ast.Subscript(call, _number(eqn.attrs["position"]))


def _tangent(eqn: Eqn, args: Sequence[ast.expr]) -> ast.Subscript:
    """The tangent that the function returns after its value."""
    return ast.Subscript(_forward(eqn, args), _number(-1))


def _lambda(names: Sequence[str], body: ast.expr) -> ast.Lambda:
    args = [ast.arg(name) for name in names]
    return ast.Lambda(ast.arguments([], args, None, [], [], None, []), body)


def _free(wanted: Sequence[str], args: Sequence[ast.expr]) -> Iterator[str]:
    """Names for the parameters of a lambda, that mean nothing else within it."""
    names = {n.id for a in args for n in ast.walk(a) if isinstance(n, ast.Name)}
    return (n for n in chain(wanted, map("t{}".format, count(2))) if n not in names)


def _jacobian(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr:
    """np.array([f_backward(row, cache)[0] for row in np.eye(len(x))])"""
    cache, x = map(read, eqn.args)
    length = ast.Call(ast.Name("len"), [x], [])
    rows = ast.Call(dialect.name("numpy.eye"), [length], [])
    loop = ast.comprehension(ast.Name("row"), rows, [], 0)
    each = ast.ListComp(_backward(eqn, ast.Name("row"), cache), [loop])
    return ast.Call(dialect.name("numpy.array"), [each], [])


def _jacobian_by_column(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr:
    """np.array([f_jvp(x, p, column, dot_p)[-1] for column in np.eye(len(x))]).T"""
    x, *args = map(read, eqn.args)
    column = next(_free(["column"], args))
    given = [ast.Name(column) if eqn.args[1 + i] == Lit(None) else a for i, a in enumerate(args)]  # fmt: skip
    columns = ast.Call(dialect.name("numpy.eye"), [ast.Call(ast.Name("len"), [x], [])], [])  # fmt: skip
    loop = ast.comprehension(ast.Name(column), columns, [], 0)
    each = ast.ListComp(_tangent(eqn, given), [loop])
    return ast.Attribute(ast.Call(dialect.name("numpy.array"), [each], []), "T")


def _integral_of_tangent(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr:
    """quad(lambda x: f_jvp(x, p, 0.0, dot_p)[-1], a, b)[0]"""
    *args, low, high = map(read, eqn.args)
    at = next(_free([eqn.attrs["unknown"], "t"], args))
    given = [ast.Name(at) if eqn.args[i] == Lit(None) else a for i, a in enumerate(args)]  # fmt: skip
    function = dialect.name("scipy.integrate.quad")
    slope = _lambda([at], _tangent(eqn, given))
    return ast.Subscript(ast.Call(function, [slope, low, high], []), _number(0))


def _odeint_tangent(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr:
    """odeint_tangent(lambda y, dot_y, t: f_jvp(y, t, p, dot_y, dot_p), y0, dot_y0, t)"""
    start, dot_start, times, first, *args = map(read, eqn.args)
    free = _free(["y", "dot_y", "t"], args)
    state, dot, time = next(free), next(free), next(free)
    own = [time, state] if eqn.attrs["columns"] else [state, time]
    moving = iter([*own, dot])
    given = [
        ast.Name(next(moving)) if eqn.args[4 + i] == Lit(None) else a
        for i, a in enumerate(args)
    ]
    both = _lambda([state, dot, time], _forward(eqn, given))
    begun = [] if eqn.args[3] == Lit(None) else [first]
    call = ast.Call(dialect.helper("odeint_tangent"), [both, start, dot_start, times, *begun], [])  # fmt: skip
    return ast.Attribute(call, "T") if eqn.attrs["columns"] else call


def _integral_of_partial(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr:
    """quad(lambda x: f_backward(1.0, f_forward(x, p)[-1])[1], a, b)[0]; quad_vec where p is no number."""
    *args, low, high = map(read, eqn.args)
    at = next(_free([eqn.attrs["unknown"], "t"], args))
    given = [ast.Name(at) if eqn.args[i] == Lit(None) else a for i, a in enumerate(args)]  # fmt: skip
    cache = ast.Subscript(_forward(eqn, given), _number(-1))
    slope = _lambda([at], _backward(eqn, ast.Constant(1.0), cache))
    quad = "quad" if eqn.attrs["number"] else "quad_vec"
    function = dialect.name(f"scipy.integrate.{quad}")
    return ast.Subscript(ast.Call(function, [slope, low, high], []), _number(0))


def _odeint_backward(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr:
    """odeint_backward(lambda y, t: f_forward(y, t, p), f_backward, grad_y, y, t)"""
    pair = eqn.attrs["pair"]
    g, y, times, first, *args = map(read, eqn.args)
    free = _free(["y", "t"], args)
    state, time = next(free), next(free)
    moving = iter([time, state] if eqn.attrs["columns"] else [state, time])
    given = [
        ast.Name(next(moving)) if eqn.args[4 + i] == Lit(None) else a
        for i, a in enumerate(args)
    ]
    forward = _lambda([state, time], _forward(eqn, given))
    helper = dialect.helper("odeint_backward")
    start = [] if eqn.args[3] == Lit(None) else [first]
    call = ast.Call(helper, [forward, ast.Name(pair.backward_name), g, y, times, *start], [])  # fmt: skip
    return call if len(eqn.outs) > 1 else ast.Subscript(call, _number(0))
