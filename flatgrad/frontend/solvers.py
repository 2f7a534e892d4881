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


BRACKETED = _solver("f a b args xtol rtol maxiter disp", number=True)
SOLVERS = {
    "brentq": BRACKETED,
    "brenth": BRACKETED,
    "bisect": BRACKETED,
    "ridder": BRACKETED,
    "toms748": _solver("f a b args k xtol rtol maxiter disp", number=True),
    "newton": _solver("func x0 fprime args tol maxiter fprime2 x1 rtol disp", start="x0", function="func"),
    "root_scalar": _solver("f args method bracket fprime fprime2 x0 x1 xtol rtol maxiter options",
                           number=True, found="root"),
    "fsolve": _solver("func x0 args fprime col_deriv xtol maxfev band epsfcn factor diag", start="x0", function="func"),
    "root": _solver("fun x0 args method jac tol callback options", start="x0", function="fun", found="x"),
    "fixed_point": _solver("func x0 args xtol maxiter method", start="x0", function="func", equation="fixed_point"),
    "minimize": _solver("fun x0 args method jac hess hessp tol callback options", start="x0", function="jac",
                        found="x"),
}  # fmt: skip
QUADRATURE = _solver("func a b args epsabs epsrel limit", equation="integral", function="func")  # fmt: skip


def called(low: Lowering, node: cst.Call, function: Any, given: Arguments) -> Value | None:  # fmt: skip
    """What a solver gives; None of other calls, and of those that no function of this file is given to."""
    match function:
        case Path(path=path) if path.startswith("scipy.optimize."):
            solver = SOLVERS.get(path.removeprefix("scipy.optimize."))
        case Path(path="scipy.integrate.quad"):
            solver = QUADRATURE
        case _:
            return None
    if solver is None:
        return None
    values = _by_name(solver, given)
    if values is None or not isinstance(values.get(solver.function), Callee):
        return _refused(low, node, path, given)
    call = _Call(low, node, path, solver, values)
    if solver.equation == "integral":
        return call.integral()
    if solver.found:
        (result,) = low.opaque(f"other than .{solver.found} of what {path} finds", call.seen(given), node, code="FG201", next_step=STEP)  # fmt: skip
        low.solutions[result] = call
        return result
    return call.root(node)


def attribute(low: Lowering, base: Value, name: str, node: cst.Attribute) -> Value | None:  # fmt: skip
    """solution.x, where a solver has found it."""
    for eqn in low.build.eqns:
        if eqn.op == "alias" and eqn.out is base and isinstance(eqn.args[0], Var):
            base = eqn.args[0]
    call = low.solutions.get(base) if isinstance(base, Var) else None
    if call is None or name != call.solver.found:
        return None
    return call.root(node)


def _by_name(solver: Solver, given: Arguments) -> dict[str, Value] | None:
    """The arguments by their names; None where there is one that is not known."""
    if len(given.positional) > len(solver.params):
        return None
    values = dict(zip(solver.params, given.positional, strict=False))
    known = all(k in solver.params and k not in values for k in given.keywords)
    return {**values, **given.keywords} if known else None


def _refused(low: Lowering, node: cst.Call, path: str, given: Arguments) -> Value:
    from flatgrad.frontend import library

    what = f"this call of {path} is not read"
    reads = [*given.atoms, *library.seen(given, node)]
    return low.opaque(what, reads, node, code="FG201", next_step=STEP)[0]


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of a solver, with its arguments by name."""

    low: Lowering
    node: cst.Call
    path: str
    solver: Solver
    values: Mapping[str, Value]

    def seen(self, given: Arguments) -> list[Atom]:
        from flatgrad.frontend import library

        return [*given.atoms, *library.seen(given, self.node)]

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
        if self.path.endswith(("fsolve", "root", "minimize")):
            if rank == 1:
                return start.type.shape
            what = f"{self.path} that starts at what is not known to be a vector"
            raise Refusal("FG201", what, "give its --shape, or start at an array of one axis", self.node)  # fmt: skip
        if rank not in (0, 1):
            what = f"{self.path} that starts at what is not known to be a number or a vector"
            raise Refusal("FG201", what, "give its --shape", self.node)
        return start.type.shape

    def _pair(self, unknown: Var) -> tuple[pairs.Pair, str, list[Atom]]:
        """The function as a pair, the name of its parameter that is unknown, and its other arguments."""
        callee = self.values[self.solver.function]
        assert isinstance(callee, Callee)
        if not isinstance(named := callee.node, cst.FunctionDef) or not _is_plain(named):  # fmt: skip
            callee = Callee("function" if isinstance(callee.node, cst.Lambda) else callee.name, _standing_alone(callee.node, self._numpy()), callee.frame, callee.defaults)  # fmt: skip
        assert isinstance(callee.node, cst.FunctionDef)
        matched = arguments.matched(self.low, self.node, callee, _all_given([unknown, *self._others()]))  # fmt: skip
        values = {name: value for name, (_, value) in matched.items()}
        if not pairs.may_pair(self.low, callee, values):
            what = f"{self.path} of a function that cannot stand by itself"
            raise Refusal("FG201", what, "give it what it reads with args=", self.node)
        pair, args = pairs.read_alone(self.low, self.node, callee, values)
        if pair.written or pair.results or pair.nothing:
            what = f"{self.path} of a function that returns other than one value, or writes into its arguments"  # fmt: skip
            raise Refusal("FG201", what, "let it return one number or array", self.node)
        name = next(n for n, v in values.items() if v is unknown)
        at = pair.params.index(name)
        return pair, name, [*args[:at], Lit(None), *args[at + 1 :]]

    def _others(self) -> Sequence[Value]:
        """args=(p, q), or one argument that is no tuple."""
        match self.values.get("args", Lit(())):
            case Struct(items=items, kind="tuple"):
                return items
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


def _is_plain(node: cst.FunctionDef) -> bool:
    """No return hands back a list or a tuple of what the equations say."""
    return not any(isinstance(r.value, cst.List | cst.Tuple) for r in _returns(node))


def _returns(node: cst.CSTNode) -> list[cst.Return]:
    from flatgrad.frontend.module import nodes_in

    return [n for n in nodes_in(node) if isinstance(n, cst.Return)]


@lru_cache(maxsize=256)
def _standing_alone(node: cst.FunctionDef | cst.Lambda, numpy: str) -> cst.FunctionDef:
    """A lambda as a function with a name; a list that is returned as an array."""
    if isinstance(node, cst.Lambda):
        line = cst.SimpleStatementLine([cst.Return(_as_array(node.body, numpy))])
        params = node.params.with_changes(
            params=[p.with_changes(comma=cst.MaybeSentinel.DEFAULT) for p in node.params.params]
        )  # fmt: skip
        return cst.FunctionDef(cst.Name("function"), params, cst.IndentedBlock([line]))
    for found in _returns(node):
        if found.value is not None:
            changed = found.with_changes(value=_as_array(found.value, numpy))
            node = cst.ensure_type(node.deep_replace(found, changed), cst.FunctionDef)
    return node


def _as_array(value: cst.BaseExpression, numpy: str) -> cst.BaseExpression:
    if not isinstance(value, cst.List | cst.Tuple) or not numpy:
        return value
    return cst.Call(cst.Attribute(cst.Name(numpy), cst.Name("array")), [cst.Arg(value)])


__all__ = ["attribute", "called"]
