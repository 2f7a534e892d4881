"""A call of a solver of scipy -> one `root` or `integral` equation, which knows the function by its pair.

What a solver finds depends on the parameters of the equation that it solves, not on where it starts or how it
searches: the derivative follows from the function at the solution (docs/decisions/implicit-solvers.md). The
function is read as a pair, and the text of the call stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import arguments, pairs
from flatgrad.frontend.module import nodes_in
from flatgrad.frontend.scope import (
    Arguments,
    Callee,
    Path,
    Refusal,
    Struct,
    Value,
)
from flatgrad.graph import Atom, Eqn, Lit, Var
from flatgrad.types import Dim, Shape, Type, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

STEP = "write out the equation that is solved, or a fixed number of iterations as a for loop"  # fmt: skip


@dataclass(frozen=True)
class Solver:
    """How a solver is called, and what it says of its function at the solution."""

    params: tuple[str, ...]
    found: str = ""  # the attribute of the result that holds the solution
    number: bool = False  # the unknown is one number
    equation: str = "root"  # f(x) = 0; "fixed_point": f(x) = x; "integral": of f
    start: str = ""  # the parameter that has the shape of the unknown
    function: str = "f"  # the parameter that is the function


def _solver(params: str, **how: Any) -> Solver:
    return Solver(tuple(params.split()), **how)


BRACKETED = _solver("f a b args xtol rtol maxiter full_output disp", number=True)
SOLVERS = {
    "brentq": BRACKETED,
    "brenth": BRACKETED,
    "bisect": BRACKETED,
    "ridder": BRACKETED,
    "toms748": _solver("f a b args k xtol rtol maxiter full_output disp", number=True),
    "newton": _solver("func x0 fprime args tol maxiter fprime2 x1 rtol full_output disp", start="x0", function="func"),
    "root_scalar": _solver("f args method bracket fprime fprime2 x0 x1 xtol rtol maxiter options",
                           number=True, found="root"),
    "fsolve": _solver("func x0 args fprime full_output col_deriv xtol maxfev band epsfcn factor diag",
                      start="x0", function="func"),
    "root": _solver("fun x0 args method jac tol callback options", start="x0", function="fun", found="x"),
    "fixed_point": _solver("func x0 args xtol maxiter method", start="x0", function="func", equation="fixed_point"),
    "minimize": _solver("fun x0 args method jac hess hessp bounds constraints tol callback options",
                        start="x0", function="jac", found="x"),
}  # fmt: skip
EQUATIONS = {
    "odeint": _solver("func y0 t args Dfun col_deriv full_output", equation="ode", start="y0", function="func"),
    "solve_ivp": _solver("fun t_span y0 method t_eval dense_output events vectorized args", equation="ode",
                         start="y0", function="fun", found="y"),
    "quad": _solver("func a b args full_output epsabs epsrel limit", equation="integral", function="func"),
}  # fmt: skip
ACCURACY = {"rtol", "atol", "mxstep", "hmax", "hmin", "h0", "max_step", "first_step"}
# With these something else is found, or more of it.
OTHERWISE = ("full_output", "events", "bounds", "constraints", "callback")


def called(low: Lowering, node: cst.Call, function: Any, given: Arguments) -> Value | None:  # fmt: skip
    """What a solver gives; None of other calls, and of those that no function of this file is given to."""
    match function:
        case Path(path=path) if path.startswith("scipy.optimize."):
            solver = SOLVERS.get(path.removeprefix("scipy.optimize."))
        case Path(path=path) if path.startswith("scipy.integrate."):
            solver = EQUATIONS.get(path.removeprefix("scipy.integrate."))
        case _:
            return None
    if solver is None:
        return None
    values = _by_name(solver, given)
    if values is None or not isinstance(values.get(solver.function), Callee):
        return _refused(low, node, path, given)
    call = _Call(low, node, path, solver, values)
    given_up = [k for k in OTHERWISE if values.get(k, Lit(None)) not in (Lit(None), Lit(False))]  # fmt: skip
    if given_up or (solver.found == "y" and "t_eval" not in values):
        why = f"{path} with {given_up[0]}=" if given_up else "solve_ivp without t_eval="
        return _refused(low, node, path, given, why)
    if solver.equation == "integral":
        return call.integral()
    if solver.found:
        (result,) = low.opaque(f"other than .{solver.found} of what {path} finds", given.atoms, node, code="FG201", next_step=STEP)  # fmt: skip
        low.solutions[result] = call
        return result
    return call.found(node)


def attribute(low: Lowering, base: Value, name: str, node: cst.Attribute) -> Value | None:  # fmt: skip
    """solution.x, where a solver has found it."""
    for eqn in low.build.eqns:
        if eqn.op == "alias" and eqn.out is base and isinstance(eqn.args[0], Var):
            base = eqn.args[0]
    call: _Call | None = low.solutions.get(base) if isinstance(base, Var) else None
    if call is None or name != call.solver.found:
        return None
    return call.found(node)


def _by_name(solver: Solver, given: Arguments) -> dict[str, Value] | None:
    """The arguments by their names; None where there is one that is not known."""
    if len(given.positional) > len(solver.params):
        return None
    values = dict(zip(solver.params, given.positional, strict=False))
    free = {*solver.params, *(ACCURACY if solver.equation == "ode" else ())} - set(values)  # fmt: skip
    known = all(k in free for k in given.keywords)
    return {**values, **given.keywords} if known else None


def _refused(
    low: Lowering, node: cst.Call, path: str, given: Arguments, what: str = ""
) -> Value:
    what = what or f"this call of {path} is not read"
    return low.opaque(what, given.atoms, node, code="FG201", next_step=STEP)[0]


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of a solver, with its arguments by name."""

    low: Lowering
    node: cst.Call
    path: str
    solver: Solver
    values: Mapping[str, Value]

    def found(self, node: cst.BaseExpression) -> Var:
        return self.trajectory(node) if self.solver.equation == "ode" else self.root(node)  # fmt: skip

    def trajectory(self, node: cst.BaseExpression) -> Var:
        """The states of a differential equation: by row in odeint, by column in solve_ivp."""
        columns = self.solver.found == "y"
        start = self.low.atom(self.values["y0"], self.node)
        times = self.low.atom(self.values["t_eval" if columns else "t"], self.node)
        first = self._first_time() if columns else Lit(None)
        shape, steps = self._shape(), times.type.shape
        state, time = Var("", Type(shape, "float")), Var("", Type(scalar(), "float"))
        pair, name, args = self._pair(state, time)
        length = steps.dims[0] if steps.dims else Dim()
        assert shape.dims is not None
        whole = (shape.dims[0], length) if columns else (length, shape.dims[0])
        out = Var("", Type(Shape(whole), "float"))
        attrs = {"pair": pair, "unknown": name, "columns": columns}
        return self._write("ode", out, [*args, start, times, first], attrs, node)

    def _first_time(self) -> Atom:
        """Where the time begins, which may be before the first output."""
        match self.values["t_span"]:
            case Struct(items=(first, _)):
                return self.low.atom(first, self.node)
            case Lit(value=(first, _)):
                return Lit(first)
            case _:
                raise Refusal("FG201", f"{self.path} with a t_span that is not written down", "write t_span=(start, end)", self.node)  # fmt: skip

    def root(self, node: cst.BaseExpression) -> Var:
        """The equation that finds the unknown; `node` is the text that says it."""
        unknown = Var("", Type(self._shape(), "float"))
        pair, unknown_name, args = self._pair(unknown)
        attrs = {"pair": pair, "unknown": unknown_name, "equation": self.solver.equation}  # fmt: skip
        return self._write("root", unknown, args, attrs, node)

    def integral(self) -> Value:
        """(the integral, its error)"""
        at = Var("", Type(scalar(), "float"))
        pair, name, args = self._pair(at)
        limits = [self.low.atom(self.values[k], self.node) for k in ("a", "b")]
        attrs = {"pair": pair, "unknown": name}
        value, error = (Var("", Type(scalar(), "float")) for _ in range(2))
        self._append(Eqn((value, error), "integral", (*args, *limits), attrs, self.low.build.statement, self.node))  # fmt: skip
        return Struct((value, error))

    def _shape(self) -> Shape:
        """Of the unknown: that of what the search starts at."""
        if self.solver.number:
            return scalar()
        given = self.values[self.solver.start]
        if isinstance(given, Struct):
            return Shape((Dim(len(given.items)),))
        start = self.low.atom(given, self.node)
        if isinstance(start, Lit) and isinstance(start.value, list | tuple):
            return Shape((Dim(len(start.value)),))
        rank = start.type.rank
        if self.path.endswith("odeint") and rank == 0:
            return Shape((Dim(1),))
        if not self.path.endswith(("newton", "fixed_point")):
            if rank == 1:
                return start.type.shape
            what = f"{self.path} that starts at what is not known to be a vector"
            raise Refusal("FG201", what, "give its --shape, or start at an array of one axis", self.node)  # fmt: skip
        if rank not in (0, 1):
            what = f"{self.path} that starts at what is not known to be a number or a vector"
            raise Refusal("FG201", what, "give its --shape", self.node)
        return start.type.shape

    def _pair(
        self, unknown: Var, time: Var | None = None
    ) -> tuple[pairs.Pair, str, list[Atom]]:
        """The function as a pair, the name of its parameter that is unknown, and its other arguments."""
        callee = self.values[self.solver.function]
        assert isinstance(callee, Callee)
        moving = [] if time is None else [time]
        ahead = [*moving, unknown] if self.solver.found == "y" else [unknown, *moving]
        matched = arguments.matched(self.low, self.node, callee, _all_given([*ahead, *self._others()]))  # fmt: skip
        values = {name: value for name, (_, value) in matched.items()}
        called = "function" if isinstance(callee.node, cst.Lambda) else callee.name
        alone = _standing_alone(callee.node, self._numpy())
        callee = Callee(called, alone, callee.frame, callee.defaults)
        if not pairs.may_pair(self.low, callee, values):
            what = f"{self.path} of a function that cannot stand by itself"
            raise Refusal("FG201", what, "give it what it reads with args=", self.node)
        pair, args = pairs.read_alone(self.low, self.node, callee, values)
        made = None if pair.function is None else pair.function.frame.result
        if pair.written or pair.results or pair.nothing or isinstance(made, Struct):
            what = f"{self.path} of a function that returns other than one value, or writes into its arguments"  # fmt: skip
            raise Refusal("FG201", what, "let it return one number or array", self.node)
        name = next(n for n, v in values.items() if v is unknown)
        return pair, name, [Lit(None) if a in ahead else a for a in args]

    def _others(self) -> Sequence[Value]:
        """args=(p, q), or one argument that is no tuple."""
        match self.values.get("args", Lit(())):
            case Struct(items=items, kind="tuple"):
                return items
            case Lit(value=None):
                return ()
            case Lit(value=()):
                return ()
            case Lit(value=tuple() as items):
                return [Lit(item) for item in items]
            case Lit() as one:
                return [one]
            case Var(type=Type(kind="float")) as one:
                return [one]
            case _:
                raise Refusal("FG201", f"{self.path} with args= that are not written down as a tuple", "write args=(a, b)", self.node)  # fmt: skip

    def _numpy(self) -> str:
        """The name of numpy in the file."""
        names = (n for n, i in self.low.module.imports.items() if i.path == "numpy")
        return next(names, "")

    def _write(self, op: str, out: Var, args: Sequence[Atom], attrs: dict[str, Any], node: Any) -> Var:  # fmt: skip
        self._append(Eqn((out,), op, tuple(args), attrs, self.low.build.statement, node))  # fmt: skip
        return out

    def _append(self, eqn: Eqn) -> None:
        self.low.build.dialect = ""
        self.low.build.eqns.append(eqn)
        self.low.note()


def _all_given(values: Sequence[Value]) -> Arguments:
    """By position, without text in the file."""
    return Arguments(list(values), {}, [None for _ in values])


@lru_cache(maxsize=256)
def _standing_alone(node: cst.FunctionDef | cst.Lambda, numpy: str) -> cst.FunctionDef:
    """A function that gets each argument, and returns an array where the text returns a list; a lambda has a name."""
    params = node.params.with_changes(params=[
        p.with_changes(default=None, equal=cst.MaybeSentinel.DEFAULT, comma=cst.MaybeSentinel.DEFAULT)
        for p in node.params.params
    ])  # fmt: skip
    if isinstance(node, cst.Lambda):
        line = cst.SimpleStatementLine([cst.Return(_as_array(node.body, numpy, set()))])
        return cst.FunctionDef(cst.Name("function"), params, cst.IndentedBlock([line]))
    lists = {
        t.target.value
        for n in nodes_in(node)
        if isinstance(n, cst.Assign) and isinstance(n.value, cst.List | cst.Tuple)
        for t in n.targets
        if isinstance(t.target, cst.Name)
    }
    changes = {
        n.value: _as_array(n.value, numpy, lists)
        for n in nodes_in(node)
        if isinstance(n, cst.Return) and n.value is not None
    }
    for old, new in changes.items():
        if old is not new:
            node = cst.ensure_type(node.deep_replace(old, new), cst.FunctionDef)
    plain = all(p.default is None for p in node.params.params)
    return node if plain else node.with_changes(params=params)


def _as_array(
    value: cst.BaseExpression, numpy: str, lists: set[str]
) -> cst.BaseExpression:
    named = isinstance(value, cst.Name) and value.value in lists
    if not (named or isinstance(value, cst.List | cst.Tuple)) or not numpy:
        return value
    return cst.Call(cst.Attribute(cst.Name(numpy), cst.Name("array")), [cst.Arg(value)])


__all__ = ["attribute", "called"]
