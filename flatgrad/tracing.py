"""A function as equations, and its inputs -> the nodes of one run: branches taken, loops unrolled.

Without values the same walk gives the nodes as far as the text says them: a branch or a loop is one node then.
Lists, tuples and dicts are seen through: what they hold are nodes, and no node is a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import libcst as cst
import numpy as np

from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.evaluate import SEQUENCES, runtime
from flatgrad.frontend.module import Module, bound_names, names_in, parameters_of
from flatgrad.frontend.scope import Path
from flatgrad.graph import Block, Eqn, Lit, Var
from flatgrad.graph_nodes import (
    CLOSED,
    NOT_KNOWN,
    Constant,
    Edge,
    Held,
    Node,
    Step,
    Unread,
    as_held,
    leaves,
    mapped,
    nodes_in,
    value_of,
)
from flatgrad.held import NOTHING, joined, regrouped
from flatgrad.registry import RULES, Kind

LARGEST = 20_000  # nodes of one run
INTEGER_KINDS = {"int", "bool", "arange", "str", "none", "slice"}
# What is the same for any array of this shape.
OF_SHAPE = {
    "shape", "ndim", "size", "len", "dtype", "zeros_like", "ones_like", "empty_like", "isscalar", "iscomplexobj",
    "isrealobj", "nbytes", "itemsize",
}  # fmt: skip
NOTES = {"unpacked", "given"}  # that the printing reads
INDEXING = {"getitem", "setitem", "index_add", "take", "take_along_axis"}

Outside = Callable[[Eqn], Any]  # the value of a name that is not the function's own


class Trace:
    """One run of a function; `nodes` in the order in which they were computed."""

    def __init__(self, module: Module, outside: Outside | None):
        self.module = module
        self.outside = outside  # None: there are no values
        self.nodes: list[Node] = []
        self.known: dict[Any, Held] = {}

    def run(self, block: Block, inputs: Mapping[Var, Held]) -> list[Held]:
        """The results of `block`."""
        self.known.update(inputs)
        for held in inputs.values():
            self.nodes += nodes_in(held)
        return self._block(block)

    def _block(self, block: Block) -> list[Held]:
        for eqn in block.eqns:
            self._equation(eqn)
        return [self._read(out) for out in block.outs]

    def _read(self, value: Any) -> Held:
        match value:
            case Var():
                return self.known[value]
            case Lit(value=constant):
                return Constant(constant)
            case _:
                return value

    def _equation(self, eqn: Eqn) -> None:
        if eqn.blocks and self.outside is None:
            self._closed(eqn)
        elif eqn.op == "if":
            self._assign(eqn, self._block(eqn.blocks[0 if self._holds(eqn) else 1]))
        elif eqn.op == "for":
            self._for(eqn)
        elif eqn.op == "while":
            self._while(eqn)
        else:
            args = tuple(map(self._read, eqn.args))
            chosen = {k: v for k, v in eqn.attrs.items() if k not in NOTES}
            options = {k: self._read(v) for k, v in chosen.items()}
            self._assign(eqn, self._apply(eqn, args, options))

    def _assign(self, eqn: Eqn, results: Sequence[Held]) -> None:
        for out, held in zip(eqn.outs, results, strict=True):
            if isinstance(held, Node | Constant) and not held.name:
                held.name = out.name
            self.known[out] = held

    # --- branches and loops ----------------------------------------------------------------------------------------

    def _holds(self, eqn: Eqn) -> bool:
        return self._truth(self._read(eqn.args[0]))

    def _truth(self, held: Held) -> bool:
        return bool(value_of(self._readable(held)))

    def _readable(self, held: Held) -> Held:
        for leaf in leaves(held):
            if isinstance(leaf, Unread):
                raise FlatgradError(self.problem(leaf.eqn))
        return held

    def _for(self, eqn: Eqn) -> None:
        (body,) = eqn.blocks
        span, *carried = map(self._read, eqn.args)
        count = 0
        for index in self._items(span):
            left, *carried = self._iteration(eqn, body, index, carried)
            count += 1
            if self._truth(left):
                break
        self._assign(eqn, [Constant(count), *carried])

    def _items(self, span: Held) -> list[Held]:
        if isinstance(self._readable(span), Constant | Node):
            return [Constant(item) for item in span.value]
        return [*span]

    def _while(self, eqn: Eqn) -> None:
        test, body = eqn.blocks
        carried, count = [*map(self._read, eqn.args)], 0
        while True:
            self.known.update(zip(body.params[1:], carried, strict=True))
            if not self._truth(self._block(test)[0]):
                break
            left, *carried = self._iteration(eqn, body, Constant(count), carried)
            count += 1
            if self._truth(left):
                break
        self._assign(eqn, [Constant(count), *carried])

    def _iteration(
        self, eqn: Eqn, body: Block, index: Held, carried: Sequence[Held]
    ) -> list[Held]:
        if len(self.nodes) > LARGEST:
            what = f"this loop makes more than {LARGEST} nodes"
            step = "call forward with inputs for which it is shorter"
            raise FlatgradError(Diagnostic("FG128", what, step, self.place_of(eqn)))
        self.known.update(zip(body.params, (index, *carried), strict=True))
        return self._block(body)

    def _closed(self, eqn: Eqn) -> None:
        """A branch or a loop as one operation on everything that it reads."""
        read = [a for a in dict.fromkeys(eqn.reads()) if isinstance(a, Var)]
        args = tuple(_sources([self._read(a) for a in read]))
        step = Step(replace(eqn, args=(), blocks=()), args, {})
        for position, out in enumerate(eqn.outs):
            counts = eqn.op != "if" and position == 0
            plain = counts or not args
            self.known[out] = (
                Constant(name=out.name) if plain else self._node(eqn, step, position)
            )

    # --- operations ------------------------------------------------------------------------------------------------

    def emit(self, eqn: Eqn, op: str, *args: Held, **options: Held) -> Held:
        """The result of another operation that `eqn` is made of."""
        made = replace(eqn, op=op, outs=(Var(),), attrs=options)
        return self._apply(made, args, options)[0]

    def _apply(
        self, eqn: Eqn, args: tuple[Held, ...], options: dict[str, Held]
    ) -> Sequence[Held]:
        everything = [*leaves([*args, *options.values()])]
        for leaf in everything:
            if isinstance(leaf, Unread):
                return [leaf] * len(eqn.outs)
        match eqn.op:
            case "alias":
                return [args[0]]
            case "opaque" | "test":
                return self._opaque(eqn, everything)
            case "external":
                return [self._external(eqn)]
        found = regrouped(self, eqn, args, options)
        if found is not NOTHING:
            return found
        args = tuple(self._array(eqn, n, arg) for n, arg in enumerate(args))
        step = Step(eqn, args, options)
        fixed = eqn.op in OF_SHAPE or all(map(_is_fixed, everything))
        if self.outside is not None:
            compute = _computing(eqn.op)
            if compute is None:
                return [Unread(eqn)] * len(eqn.outs)
            step.results = self._computed(step, compute)
        if fixed:
            return self._constants(step)
        return [self._node(eqn, step, n) for n, _ in enumerate(eqn.outs)]

    def _array(self, eqn: Eqn, position: int, arg: Held) -> Held:
        """A list of nodes where an array is wanted, as an array."""
        if eqn.op in INDEXING and position == 1:
            return arg
        if not isinstance(arg, list | tuple):
            return arg
        wanted = any(node.differentiable for node in nodes_in(arg))
        return joined(self, eqn, arg) if wanted else arg

    def _constants(self, step: Step) -> list[Held]:
        results = step.results or (NOT_KNOWN,) * len(step.eqn.outs)
        return [as_held(result, step) for result in results]

    def _computed(self, step: Step, compute: Callable[..., Any]) -> tuple[Any, ...]:
        options = {k: value_of(v) for k, v in step.options.items()}
        try:
            result = compute(*map(value_of, step.args), **options)
        except Exception as error:
            place = self.place_of(step.eqn)
            where = f"line {place.line}" if place else "the function"
            error.add_note(f"in {where}: {step.written()}")
            raise
        several = len(step.eqn.outs) != 1 or step.eqn.op in SEQUENCES
        return tuple(result) if several else (result,)

    def _node(self, eqn: Eqn, step: Step, position: int) -> Node:
        node = Node(
            eqn.outs[position].name,
            eqn.op,
            place=self.place_of(eqn),
            text=self._text(eqn),
            step=step,
            position=position,
        )
        if step.results:
            node.value = step.results[position]
        node.edges = tuple(self._edges(eqn, step, node))
        node.differentiable = _has_derivative(eqn, node)
        self.nodes.append(node)
        return node

    def _edges(self, eqn: Eqn, step: Step, node: Node) -> list[Edge]:
        found = []
        for slot, arg in enumerate(step.args):
            for leaf in nodes_in(arg):
                direct = leaf is arg and leaf.differentiable
                found.append(Edge(leaf, node, slot if direct else None))
        options = nodes_in([*step.options.values()])
        return [*found, *(Edge(leaf, node, None) for leaf in options)]

    def _external(self, eqn: Eqn) -> Held:
        text = str(eqn.attrs["text"])
        if self.outside is None:
            return Constant(name=text)
        found = as_held(self.outside(eqn))
        if isinstance(found, Constant):
            found.name = text
        return found

    def _opaque(self, eqn: Eqn, everything: Sequence[Any]) -> Sequence[Held]:
        """What flatgrad cannot look into may still be computed, by its text, where no derivative goes through it."""
        smooth = any(isinstance(n, Node) and n.differentiable for n in everything)
        harmless = eqn.op == "test" or (eqn.attrs["code"] == "FG201" and not smooth)
        if not harmless or len(eqn.outs) != 1:
            return [Unread(eqn)] * len(eqn.outs)
        if self.outside is None:
            return [Constant()]
        text = isinstance(eqn.node, cst.BaseExpression)
        names = self._names(eqn) if text else None
        if names is None:
            return [Unread(eqn)]
        asked = {"text": f"({self.module.code(eqn.node)})", "names": names}
        found = self.outside(replace(eqn, attrs=asked))
        once = isinstance(found, Iterable) and not hasattr(found, "__len__")
        return [as_held([*found] if once else found)]

    def _names(self, eqn: Eqn) -> dict[str, Any] | None:
        """The value of every name in the text of the equation; None where one is not known."""
        found: dict[str, Any] = {}
        values = eqn.statement.frame.values if eqn.statement is not None else {}
        for name in names_in(eqn.node):
            match values.get(name):
                case Var() as value if value in self.known:
                    held = self.known[value]
                    if any(isinstance(leaf, Unread) for leaf in leaves(held)):
                        return None
                    found[name.value] = copied(value_of(held))
                case Lit(value=constant):
                    found[name.value] = constant
                case Path():
                    pass
                case _:
                    if _is_local(name.value, eqn):
                        return None
        return found

    # --- the source ------------------------------------------------------------------------------------------------

    def place_of(self, eqn: Eqn) -> Place | None:
        for node in (eqn.node, eqn.statement.node if eqn.statement else None):
            if node is not None and (place := self.module.place(node)) is not None:
                return place
        return None

    def _text(self, eqn: Eqn) -> str:
        """The first line of what the source says."""
        closed = eqn.op in CLOSED and eqn.statement is not None
        node = eqn.statement.node if closed and eqn.statement else eqn.node
        text = self.module.code(node).strip() if node is not None else ""
        return text.partition("\n")[0]

    def problem(self, eqn: Eqn) -> Diagnostic:
        """Why there is no value."""
        place = self.place_of(eqn)
        if eqn.op == "opaque":
            step = eqn.attrs["next_step"] or "write it as straight-line code"
            return Diagnostic(eqn.attrs["code"], str(eqn.attrs["what"]), step, place)
        what = f"{eqn.op} is nothing that flatgrad can compute by itself"
        step = "write it with operations that have a rule: docs/operations.md"
        return Diagnostic("FG201", what, step, place)


def _sources(held: Held) -> list[Node]:
    """The nodes in it, and those that its constants were made from, as n of range(n)."""
    found: dict[Node, None] = {}
    for leaf in leaves(held):
        if isinstance(leaf, Node):
            found[leaf] = None
        elif isinstance(leaf, Constant) and leaf.step is not None:
            found |= dict.fromkeys(_sources([*leaf.step.args]))
    return list(found)


def _is_fixed(leaf: Node | Constant | Unread) -> bool:
    """A constant, or an input that counts, indexes or names."""
    if isinstance(leaf, Node):
        return leaf.operation == "input" and not leaf.differentiable
    return True


ITERATORS = {"reversed": lambda items: [*reversed(items)]}


def copied(value: Any) -> Any:
    """With arrays of its own, which nobody else sees change."""
    return mapped(value, lambda v: v.copy() if isinstance(v, np.ndarray) else v)


def _is_local(name: str, eqn: Eqn) -> bool:
    """Whether the functions around the text of the equation give the name a value."""
    frame = eqn.statement.frame if eqn.statement is not None else None
    while frame is not None:
        params = (p.name.value for p in parameters_of(frame.function))
        if name in frame.env or name in {*bound_names(frame.body), *params}:
            return True
        frame = frame.enclosing
    return False


def _computing(op: str) -> Callable[..., Any] | None:
    if op in ITERATORS:
        return ITERATORS[op]
    try:
        return runtime(op)
    except KeyError:
        return None


def _has_derivative(eqn: Eqn, node: Node) -> bool:
    rule = RULES.get(eqn.op)
    if rule is not None and rule.kind is Kind.CONSTANT:
        return False
    if not any(edge.parent.differentiable for edge in node.edges):
        return False
    if node.step is not None and node.step.results:
        return has_fractions(node.value)
    return eqn.outs[node.position].type.kind not in INTEGER_KINDS


def has_fractions(value: Any) -> bool:
    """A real or complex number, or an array of such."""
    return isinstance(value, float | complex) or (
        isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fc"
    )
