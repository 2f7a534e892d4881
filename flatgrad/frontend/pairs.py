"""A call of a function with branches or loops -> one `call` equation; the function is read once, as a pair.

The pair is emitted as homework has it: `f_forward(x)` returns the results and a cache, `f_backward(grad_out, cache)`
the gradients. In the graph a call has the results and the cache for outs, and the arguments for args.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import settings
from flatgrad.frontend.branches import either
from flatgrad.frontend.exits import TooManyExits, single_exit, without_ternary_result
from flatgrad.frontend.module import (
    bound_names,
    children_of,
    names_in,
    nodes_in,
    parameters_of,
)
from flatgrad.frontend.plainer import plainer
from flatgrad.frontend.scope import (
    Callee,
    Frame,
    Function,
    Path,
    Refusal,
    Stale,
    Struct,
    Value,
)
from flatgrad.graph import Atom, Eqn, Lit, Var, all_equations
from flatgrad.types import Dim, Shape, Type

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

FLOW = (cst.If, cst.For, cst.While, cst.Match, cst.Try)
SOLVED = {
    "root",
    "integral",
    "ode",
}  # equations that a solver of a library finds by calling a function
TRIES = 4  # readings until the types of parameters and results are settled


@dataclass(eq=False, repr=False)
class Pair:
    """A function that is emitted as a forward with a cache and a backward."""

    callee: Callee
    fixed: dict[str, Value]  # parameters that are functions
    captured: list[
        str
    ]  # names of an enclosing function that it reads, functions among them
    types: dict[str, Type] = field(default_factory=dict)
    function: Function | None = None
    results: int = 0  # how many, where it returns a tuple
    nothing: bool = False  # it returns nothing
    written: list[str] = field(
        default_factory=list
    )  # parameters that it writes into: the last content is a result
    reading: bool = False
    wrt: dict[str, None] = field(
        default_factory=dict
    )  # parameters that some call needs the gradient of
    # Parameters and results whose arrays a caller may write into later: the cache holds copies of them.
    careful: set[str | int] = field(default_factory=set)
    seeded: set[int] = field(
        default_factory=set
    )  # results that some call has a cotangent of
    # Its cache is not kept: the backward of the caller calls the forward again.
    again: bool = False
    own: bool = False  # it returns a cache of its own, last, which its backward reads
    forward_name: str = ""
    backward_name: str = ""

    @property
    def params(self) -> list[str]:
        """The parameters that the graph knows, in order: those that are not functions, then what is captured."""
        own = [
            p.name.value
            for p in parameters_of(self.callee.node)
            if p.name.value not in self.fixed
        ]
        return [*own, *(name for name in self.captured if name not in self.fixed)]

    @property
    def count(self) -> int:
        """How many results it returns."""
        return 0 if self.nothing else self.results or 1

    def every(self, args: Sequence[Atom]) -> list[Atom]:
        """The arguments of a call, in the order of the signature, with those that decide what the helper means."""
        given = dict(zip(self.params, args, strict=True))
        names = (p.name.value for p in parameters_of(_with_captured(self)))
        fixed = {n: v for n, v in self.fixed.items() if isinstance(v, Lit)}
        return [{**given, **fixed}[name] for name in names]

    def shown(self, eqn: Eqn, out: Var) -> Sequence[Atom]:
        """Arguments and earlier results whose arrays a result may show; what the cache shows is seen to by copies."""
        if out is eqn.outs[-1]:
            return ()
        if self.function is None:
            return eqn.args
        storages, outs = self.function.storages, self.function.block.outs
        position = eqn.outs.index(out)
        own = outs[position]
        known = [*self.function.params.values(), *outs[:position]]
        pairs = zip(known, (*eqn.args, *eqn.outs[:position]), strict=True)
        return [
            a
            for v, a in pairs
            if isinstance(v, Var)
            and isinstance(own, Var)
            and storages.root(v) is storages.root(own)
        ]

    def chosen_seeds(self) -> list[Var | None]:
        """The seed of each result that some call has a cotangent of."""
        assert self.function is not None
        return [
            s if i in self.seeded else None for i, s in enumerate(self.function.seeds)
        ]


def has_flow(callee: Callee) -> bool:
    """The function has branches or loops, besides those that only raise; or it calls itself."""
    node = callee.node
    if isinstance(node, cst.FunctionDef) and callee.name in {
        n.value for n in names_in(node.body)
    }:
        return True
    stack: list[Any] = [node.body]
    while stack:
        current = stack.pop()
        match current:
            case (
                cst.FunctionDef() | cst.Lambda() | cst.ClassDef() | cst.BaseExpression()
            ):
                pass
            case cst.If(body=body, orelse=None) if _only_raises(body):
                pass
            case _ if isinstance(current, FLOW):
                return True
            case _:
                stack.extend(children_of(current))
    return False


def is_cache(name: str) -> bool:
    """cache, fc_cache, cache_1"""
    return name == "cache" or name.startswith("cache_") or name.endswith("_cache")


def returns_cache(callee: Callee) -> bool:
    """A layer of homework: affine_forward, which returns `out, cache`."""
    body = callee.node.body
    if "forward" not in callee.name or not isinstance(body, cst.IndentedBlock):
        return False
    match body.body[-1:]:
        case [
            cst.SimpleStatementLine(
                body=[*_, cst.Return(value=cst.Tuple(elements=[_, *_, last]))]
            )
        ]:
            value = last.value
            params = {p.name.value for p in parameters_of(callee.node)}
            return isinstance(value, cst.Tuple | cst.Dict) or (
                isinstance(value, cst.Name)
                and (is_cache(value.value) or value.value in params)
            )
        case _:
            return False


def reads_better(low: Lowering, callee: Callee) -> bool:
    """Several lines that are run again and again are told once: in a loop, or called more than once by a helper."""
    if not isinstance(callee.node, cst.FunctionDef) or callee.frame is not None:
        return False
    body = callee.node.body
    lines = (
        [s for s in body.body if isinstance(s, cst.SimpleStatementLine)]
        if isinstance(body, cst.IndentedBlock)
        else []
    )
    parts = [part for line in lines for part in line.body]
    several = sum(not isinstance(part, cst.Expr) for part in parts) > 1
    return several and (
        low.loop_depth > 0
        or (low.given is not None and _calls(low.node, callee.name) > 1)
    )


def _calls(node: cst.CSTNode, name: str) -> int:
    found = (
        n
        for n in nodes_in(node)
        if isinstance(n, cst.Call) and isinstance(n.func, cst.Name)
    )
    return sum(n.func.value == name for n in found)  # type: ignore[attr-defined]


def _only_raises(body: Any) -> bool:
    match body:
        case cst.IndentedBlock(body=[*_, cst.SimpleStatementLine(body=[cst.Raise()])]):
            return True
        case cst.SimpleStatementSuite(body=[cst.Raise()]):
            return True
        case _:
            return False


def may_pair(low: Lowering, callee: Callee, values: Mapping[str, Value]) -> bool:
    """The function can stand by itself: nothing in it belongs to the activation of another."""
    if not isinstance(callee.node, cst.FunctionDef):
        return False
    if low.flat and callee.node not in low.module.segments:
        return False
    starred = callee.node.params
    if isinstance(starred.star_arg, cst.Param) or starred.star_kwarg is not None:
        return False
    around = [v for _, v in captured(low, callee).values()]
    functions = [v for v in (*values.values(), *around) if isinstance(v, Callee)]
    others = [f for f in functions if f.node is not callee.node]
    if any(
        captured(low, f)
        or any(isinstance(v, Var | Struct) for v in f.defaults.values())
        for f in others
    ):
        return False
    if any(f.frame is not callee.frame for f in functions if f not in others):
        return False  # one closure of its text calls another
    return not any(isinstance(v, Stale) for v in (*values.values(), *around))


def call(
    low: Lowering, node: cst.Call, callee: Callee, values: dict[str, Value]
) -> Value:
    """Write the `call` equation; `values` are the arguments by the names of the parameters."""
    around = captured(low, callee)
    values |= {name: value for name, (_, value) in around.items()}
    settings.refuse_kept(low, node, values.values())
    fixed = {n: v for n, v in values.items() if _is_fixed(n, v)}
    pair = _pair(low, callee, fixed, list(around))
    if pair.again:
        _refuse_structured(low, callee, values)
    # What is put together for the call alone is no expression of the text.
    atoms = [
        low.atom(v, None if isinstance(v, Struct) and pair.again else node)
        for v in (values[name] for name in pair.params)
    ]
    _learn(low, pair, atoms)
    if pair.again:
        _refuse_other_runs(low, pair)
    return _write(low, node, pair, atoms, around)


def read_alone(
    low: Lowering, node: cst.Call, callee: Callee, values: dict[str, Value]
) -> tuple[Pair, list[Atom]]:
    """The pair of a function that is called by others than this file, and its arguments."""
    around = captured(low, callee)
    values = values | {name: value for name, (_, value) in around.items()}
    if any(isinstance(v, Callee | Path) for v in values.values()):
        what = f"{callee.name} is given to a solver, and reads other functions"
        raise Refusal("FG201", what, "define them at the top of the file", node)
    fixed = {n: v for n, v in values.items() if _is_fixed(n, v)}
    pair = _pair(low, callee, fixed, list(around))
    atoms = [low.atom(values[name], node) for name in pair.params]
    _learn(low, pair, atoms)
    return pair, atoms


def captured(low: Lowering, callee: Callee) -> dict[str, tuple[Frame, Value]]:
    """What a nested function reads of those around it: by name, with the activation that has it."""
    if callee.frame is None:
        return {}
    if (
        low.given is not None and callee.node is low.given.callee.node
    ):  # it calls itself
        return {
            n: (low.main, low.main.env[n])
            for n in low.given.captured
            if n in low.main.env
        }
    own = {p.name.value for p in parameters_of(callee.node)} | set(
        bound_names(callee.node.body)
    )
    found: dict[str, tuple[Frame, Value]] = {}
    for name in dict.fromkeys(n.value for n in names_in(callee.node.body)):
        frame: Frame | None = callee.frame
        while frame is not None and name not in frame.env:
            frame = frame.enclosing
        if frame is not None and name not in own:
            found[name] = frame, frame.env[name]
    return found


def _pair(
    low: Lowering, callee: Callee, fixed: dict[str, Value], around: list[str]
) -> Pair:
    if low.given is not None and callee.node is low.given.callee.node and around:
        return low.given
    key = (id(callee.node), *sorted((n, _identity(v)) for n, v in fixed.items()))
    if key not in low.pairs:
        again = callee.node in low.module.segments
        own = low.module.layered and not again and returns_cache(callee)
        low.pairs[key] = Pair(callee, fixed, around, again=again, own=own)
    return low.pairs[key]


STATIC = re.compile(
    r"ax[ei]s|dim|ord|ddof|keep"
)  # names of integers that decide what an operation is


def _is_fixed(name: str, value: Value) -> bool:
    """The function is read for this very argument: a function, a flag, an axis."""
    match value:
        case Callee() | Path():
            return True
        case Lit(value=bool() | str() | None):
            return True
        case Lit(value=int()):
            return STATIC.search(name) is not None
        case _:
            return False


def _identity(value: Value) -> str:
    match value:
        case Callee(node=node):
            return f"function {id(node)}"
        case Path(path=path):
            return path
        case Lit(value=constant):
            return repr(constant)
        case _:
            raise AssertionError(f"{value} is not fixed")


def refuse_segment(low: Lowering, callee: Callee) -> None:
    """A part of a loop that cannot stand by itself cannot be run again."""
    if (node := low.module.segments.get(callee.node)) is not None:
        raise _alone(node)


def _refuse_structured(
    low: Lowering, callee: Callee, values: Mapping[str, Value]
) -> None:
    """What a loop hands on from one part to the next is one value of the graph for each name."""
    assert isinstance(callee.node, cst.FunctionDef)
    for name in names_in(callee.node.body.body[-1]):
        if isinstance(values.get(name.value), Struct):
            what = f"this loop hands on {name.value}, which is made of several values"
            step = "give each of them a variable of its own, or take the comment away"
            raise Refusal("FG124", what, step, low.module.segments[callee.node])


def _alone(node: cst.CSTNode) -> Refusal:
    what = "this loop calls functions that are variables of the function around it"
    step = "define them at the top of the file, or take the comment away"
    return Refusal("FG124", what, step, node)


def _refuse_other_runs(low: Lowering, pair: Pair) -> None:
    """A part of a loop that is run again has to do the same again."""
    node = low.module.segments[pair.callee.node]
    if pair.written:
        name = pair.written[0]
        what = f"this loop changes {name} in place, and what it begins with has to stay"
        step = f"give {name} a new value, {name} = ..., or take the comment away"
        raise Refusal("FG124", what, step, node)
    if any(isinstance(v, Callee | Path) for v in pair.fixed.values()):
        raise _alone(node)
    for eqn in run_by(pair):
        if eqn.op.startswith("random") or eqn.op == "opaque":
            why = eqn.attrs.get("what", "this draws other numbers")
            what = f"{why}, and this loop would be run again"
            step = "do it before the loop, or take the comment away"
            raise Refusal("FG124", what, step, eqn.node or node)


def run_by(pair: Pair) -> Iterator[Eqn]:
    """The equations of a function and of those that it calls."""
    pending, seen = [pair], {pair}
    while pending:
        function = pending.pop().function
        for eqn in all_equations(function.block.eqns) if function else ():
            yield eqn
            called = eqn.attrs.get("pair")
            if called is not None and called not in seen:
                seen.add(called)
                pending.append(called)


# --- reading the function ------------------------------------------------------------------------------------------


def _learn(low: Lowering, pair: Pair, atoms: Sequence[Atom]) -> None:
    """Read the function for arguments of these types, again where they are other ones than before."""
    given = dict(zip(pair.params, (a.type for a in atoms), strict=True))
    wider = {n: _wider(pair.types.get(n), t) for n, t in given.items()}
    if pair.reading:
        pair.types = wider
        return
    if pair.function is not None and all(
        _covers(pair.types[n], t) for n, t in given.items()
    ):
        return
    pair.types = wider
    for _ in range(TRIES):
        count, written, types = pair.count, pair.written, dict(pair.types)
        pair.function = _read_with_lengths(low, pair)
        if (count, written) == (pair.count, pair.written) and all(
            _covers(types[n], t) for n, t in pair.types.items()
        ):
            return


def _read_with_lengths(low: Lowering, pair: Pair) -> Function:
    """A layer may have two names for lengths that are one in this call: then it is read without the lengths."""
    try:
        return _read(low, pair)
    except Refusal as refused:
        if refused.code != "FG301" or not pair.own:
            raise
        pair.types = {n: _with_own_lengths(t) for n, t in pair.types.items()}
        return _read(low, pair)


def _with_own_lengths(given: Type) -> Type:
    """The same number of axes."""
    if given.shape.dims is None:
        return given
    dims = (Dim(d.known) for d in given.shape.dims)
    return Type(Shape(dims), given.kind, None, given.items)


def _wider(known: Type | None, given: Type) -> Type:
    if known is None:
        shape = Shape(given.shape.dims) if given.shape.dims is not None else Shape()
        return Type(
            shape, given.kind if given.kind != "none" else "any", None, given.items
        )
    if _covers(known, given):
        return known
    found = either(known, given)
    return Type(found.shape, found.kind, None, found.items)


def _covers(known: Type, given: Type) -> bool:
    """What is known of a parameter holds for an argument, too."""
    wide = either(known, given)
    dims = known.shape.dims
    same = dims is None or (wide.shape.dims is not None and all(
        d.root() == e.root() or d.known == e.known is not None for d, e in zip(dims, wide.shape.dims, strict=True)
    ))  # fmt: skip
    return same and (known.kind == "any" or known.kind == wide.kind)


def _read(low: Lowering, pair: Pair) -> Function:
    pair.reading = True
    try:
        inner = low.of_helper(
            pair, single_exit(plainer(without_ternary_result(_with_captured(pair))))
        )
        function = inner.function()
    except TooManyExits as found:
        what = f"{found.what} is not read"
        raise Refusal(
            "FG105", what, "let the function return in one place", found.node
        ) from None
    finally:
        pair.reading = False
    if inner.problems:
        raise inner.problems[0]
    pair.written, pair.nothing = function.written, function.frame.result is None
    pair.results = (
        len(function.outputs) - len(function.written) if function.returns_tuple else 0
    )
    return function


def plain(low: Lowering, callee: Callee) -> cst.FunctionDef | cst.Lambda:
    """The function as it is read in place: with one exit, and the same nodes wherever it is called."""
    if not isinstance(callee.node, cst.FunctionDef):
        return callee.node
    if id(callee.node) not in low.plain:
        try:
            low.plain[id(callee.node)] = single_exit(plainer(callee.node))
        except TooManyExits as found:
            what = f"{found.what} is not read"
            raise Refusal(
                "FG105", what, "let the function return in one place", found.node
            ) from None
    return low.plain[id(callee.node)]


def _with_captured(pair: Pair) -> cst.FunctionDef:
    """The function with what it reads of an enclosing function as parameters."""
    node = pair.callee.node
    assert isinstance(node, cst.FunctionDef)
    added = [cst.Param(cst.Name(name)) for name in pair.captured]
    if not added:
        return node
    plain = [
        p.with_changes(comma=cst.MaybeSentinel.DEFAULT) for p in node.params.params
    ]
    required = [p for p in plain if p.default is None]
    return node.with_changes(
        params=node.params.with_changes(
            params=[*required, *added, *(p for p in plain if p.default is not None)]
        )
    )


# --- the equation --------------------------------------------------------------------------------------------------


def _write(
    low: Lowering,
    node: cst.Call,
    pair: Pair,
    atoms: Sequence[Atom],
    around: Mapping[str, Any],
) -> Value:
    types = _result_types(pair, atoms)
    outs = tuple(Var("", type) for type in types)
    cache = Var("", Type(Shape(), "other"))
    low.build.dialect = ""
    statement = low.build.statement
    low.build.eqns.append(
        Eqn(
            (*outs, cache),
            "call",
            tuple(atoms),
            {"pair": pair, "around": around},
            statement,
            node,
        )
    )
    low.note()
    _refuse_shared(low, node, pair, atoms)
    for name, new in zip(pair.written, outs[pair.count :], strict=True):
        _overwrite(low, node, pair, name, new, atoms[pair.params.index(name)])
    if pair.nothing:
        return Lit(None)
    shown = [_written_result(pair, i, outs) for i in range(pair.count)]
    return Struct(tuple(shown)) if pair.results else shown[0]


def _refuse_shared(
    low: Lowering, node: cst.Call, pair: Pair, atoms: Sequence[Atom]
) -> None:
    """The helper has been read as if its arguments were arrays of their own."""
    given = dict(zip(pair.params, atoms, strict=True))
    arrays = {
        n: v for n, v in given.items()
        if isinstance(v, Var) and (v in low.storages.arrays or not v.type.shape.is_scalar)
    }  # fmt: skip
    for name in pair.written:
        for other, value in arrays.items():
            if (
                other != name
                and name in arrays
                and low.storages.may_share(arrays[name], value)
            ):
                what = f"{pair.callee.name} writes into {name}, which may share an array with {other}"
                raise Refusal("FG402", what, "give it a copy", node)


def _written_result(pair: Pair, position: int, outs: Sequence[Var]) -> Var:
    """`return M` of a helper that writes into M gives the array of the argument."""
    if pair.function is not None:
        ends = pair.function.block.outs
        for i in range(pair.count, len(ends)):
            if ends[i] is ends[position]:
                return outs[i]
    return outs[position]


def _overwrite(
    low: Lowering, node: cst.Call, pair: Pair, name: str, new: Var, old: Atom
) -> None:
    """The array that the helper has written into holds something else now."""
    if isinstance(old, Lit):
        return  # a number stays what it is: the helper has given its parameter another value
    shown = next((n for n, a in low.frame.env.items() if a is old), None)
    texts = [
        a.value
        for a in node.args
        if isinstance(a.value, cst.Name) and a.value.value == shown
    ]
    made = next((e for e in low.build.eqns if old in e.outs), None)
    if not isinstance(old, Var) or (made is not None and made.op in ("tuple", "dict")):
        what = f"{pair.callee.name} writes into its argument {name}"
        raise Refusal(
            "FG402", what, "give the list a name of its own, or return it", node
        )
    if texts:
        low.write(texts[0], old, new)
    else:
        low.overwrite(old, new, unsure=False)


def _result_types(pair: Pair, atoms: Sequence[Atom]) -> list[Type]:
    """What is known of the results, in terms of the lengths of these arguments."""
    if pair.function is None:
        return [Type() for _ in range(pair.count + len(pair.written))]
    lengths: dict[Any, Dim] = {}
    for name, atom in zip(pair.params, atoms, strict=True):
        inside, outside = pair.types[name].shape.dims, atom.type.shape.dims
        if inside is not None and outside is not None and len(inside) == len(outside):
            lengths |= {
                d.root()[0]: e.plus(-d.root()[1])
                for d, e in zip(inside, outside, strict=True)
            }
    return [_type_outside(o.type, lengths) for o in pair.function.block.outs]


def _type_outside(type: Type, lengths: Mapping[Any, Dim]) -> Type:
    items = (
        None
        if type.items is None
        else tuple(_type_outside(t, lengths) for t in type.items)
    )
    return Type(_outside(type.shape, lengths), type.kind, None, items)


def _outside(shape: Shape, lengths: Mapping[Any, Dim]) -> Shape:
    if shape.dims is None:
        return Shape()
    return Shape(_length_outside(d, lengths) for d in shape.dims)


def _length_outside(dim: Dim, lengths: Mapping[Any, Dim]) -> Dim:
    """A length of an argument, or a number; what the function made up means nothing outside."""
    root, offset = dim.root()
    if dim.known is not None:
        return Dim(dim.known)
    return lengths[root].plus(offset) if root in lengths else Dim()


def written_later(
    caller: Function, careful: set[str | int], eqn: Eqn
) -> set[str | int]:
    """The parameters and results of a call whose arrays its caller, or the caller of that, writes into."""
    if eqn.op in SOLVED:  # nothing of them is kept in a cache
        return set()
    storages = caller.storages
    outside = {storages.root(v) for v in careful_values(caller, careful)}
    keys: list[str | int] = [*eqn.attrs["pair"].params, *range(len(eqn.outs) - 1)]
    values = zip(keys, (*eqn.args, *eqn.outs[:-1]), strict=True)
    return {
        k for k, v in values
        if isinstance(v, Var) and not v.type.shape.is_scalar and (storages.written(v) or storages.root(v) in outside)
    }  # fmt: skip


def careful_values(function: Function, careful: set[str | int]) -> list[Var]:
    """The parameters and results of a function that are meant."""
    found = [
        function.params[k] if isinstance(k, str) else function.block.outs[k]
        for k in careful
    ]
    return [v for v in found if isinstance(v, Var)]


def pairs_in(eqns: Sequence[Eqn]) -> Iterator[Eqn]:
    """The calls among equations, in blocks within too."""
    for eqn in eqns:
        if eqn.op == "call" or eqn.op in SOLVED:
            yield eqn
        for block in eqn.blocks:
            yield from pairs_in(block.eqns)


__all__ = [
    "Pair",
    "call",
    "careful_values",
    "has_flow",
    "may_pair",
    "pairs_in",
    "read_alone",
    "run_by",
    "written_later",
]
