"""What a computational graph is made of: nodes, the edges between them, and how an operation is written.

A node is one value of a run; what it is computed from is a node too, or a constant, which is written where it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from flatgrad.errors import Place
from flatgrad.graph import Eqn
from flatgrad.namespaces import INFIX, PREFIX

NOT_KNOWN = object()  # the value of what was not computed
UPDATES = {"setitem": "=", "index_add": "+="}
CLOSED = {"if", "for", "while"}  # operations that hold others
ATOMIC = re.compile(r"[\w.]+|[\w.]+\(.*\)|\[.*\]|\(.*\)")
LONGEST = 12  # characters of a constant that is written out

# What a name stands for in a run: a node, a constant, what was not read, or a list, tuple or dict of such.
Held = Any


@dataclass(eq=False)
class Step:
    """One operation of a run: its equation, what it was given, and its results."""

    eqn: Eqn
    args: tuple[Held, ...]
    options: Mapping[str, Held]
    results: tuple[Any, ...] = ()

    def written(self) -> str:
        """The operation as a formula in the names of the nodes that it reads."""
        return _formula(self.eqn.op, [*map(written, self.args)], self._options())

    def _options(self) -> list[str]:
        shown = {k: v for k, v in self.options.items() if k not in HIDDEN}
        return [f"{key}={written(value)}" for key, value in shown.items()]


HIDDEN = {"repeats", "inline", "source", "part", "list", "keys", "given", "unpacked"}


@dataclass(eq=False)
class Constant:
    """What no input with a derivative goes into: a number, an array of zeros, a shape."""

    value: Any = NOT_KNOWN
    name: str = ""
    step: Step | None = None

    def written(self) -> str:
        if self.name:
            return self.name
        short = _plain(self.value) if self.value is not NOT_KNOWN else ""
        if short or self.step is None:
            return short or "..."
        return self.step.written()


@dataclass(eq=False)
class Unread:
    """What flatgrad cannot look into: harmless, unless something is to be computed from it."""

    eqn: Eqn


@dataclass(eq=False)
class Node:
    """One value: an input, or the result of one operation; `gradient` is that of the output with respect to it."""

    name: str
    operation: str  # "input", or that of the rule
    value: Any = None
    gradient: Any = None
    differentiable: bool = True
    place: Place | None = None  # in the source
    text: str = ""  # what the source says there
    step: Step | None = None
    position: int = 0  # among the results of the operation
    edges: tuple[Edge, ...] = ()  # from its parents, in the order of reading

    @property
    def parents(self) -> tuple[Node, ...]:
        return tuple(dict.fromkeys(edge.parent for edge in self.edges))

    @property
    def line(self) -> int | None:
        return self.place.line if self.place is not None else None

    @property
    def expression(self) -> str:
        """The one operation that makes it, in the names of other nodes: v1 * y."""
        if self.step is None or self.operation in CLOSED:
            return self.text.partition(" #")[0].rstrip(" :") or self.name
        several = len(self.step.eqn.outs) > 1
        formula = self.step.written()
        return f"{formula}[{self.position}]" if several else formula

    def __repr__(self) -> str:
        made = "" if self.operation == "input" else f" = {self.expression}"
        return f"<Node {self.name}{made}>"


class LocalRule(Protocol):
    """Who knows the derivatives along edges."""

    def local(self, edge: Edge) -> Any: ...

    def pull(self, edge: Edge, g: Any) -> Any: ...


@dataclass(eq=False)
class Edge:
    """From a node to one that is computed from it; `slot` says as which argument, None where no derivative goes."""

    parent: Node
    child: Node
    slot: int | None
    rule: LocalRule | None = None  # of the graph that it belongs to

    @property
    def carries(self) -> bool:
        """Whether a derivative goes along it."""
        return self.slot is not None and self.child.differentiable

    @property
    def local(self) -> Any:
        """The derivative of the child with respect to the parent, all else held fixed.

        A number between numbers, else the Jacobian: an array of the shape of the child and then that of the parent.
        None where there is no derivative (a condition, an index), before `forward`, where the Jacobian is large, and
        between complex values; `pull` is there for these.
        """
        return self.rule.local(self) if self.rule is not None else None

    def pull(self, g: Any) -> Any:
        """What the parent gets along this edge where the gradient of the child is `g`."""
        if self.rule is None:
            raise RuntimeError(f"{self!r} has no values yet: call forward first")
        return self.rule.pull(self, g)

    def __repr__(self) -> str:
        return f"<Edge {self.parent.name} -> {self.child.name}>"


def leaves(held: Held) -> Iterator[Node | Constant | Unread]:
    """What a list, tuple or dict holds, in order; of anything else, itself."""
    match held:
        case list() | tuple():
            for item in held:
                yield from leaves(item)
        case dict():
            yield from leaves([*held.values()])
        case Node() | Constant() | Unread():
            yield held
        case _:
            return


def as_held(value: Any, step: Step | None = None) -> Held:
    """A constant list is one of constants, so that nodes may be put into it."""
    match value:
        case list():
            return [as_held(item, step) for item in value]
        case dict():
            return {key: as_held(item, step) for key, item in value.items()}
        case _:
            return Constant(value, step=step)


def nodes_in(held: Held) -> list[Node]:
    return [leaf for leaf in leaves(held) if isinstance(leaf, Node)]


def mapped(held: Held, change: Callable[[Any], Any]) -> Any:
    """The same structure with each leaf changed."""
    match held:
        case list():
            return [mapped(item, change) for item in held]
        case tuple():
            return tuple(mapped(item, change) for item in held)
        case dict():
            return {key: mapped(item, change) for key, item in held.items()}
        case _:
            return change(held)


def value_of(held: Held) -> Any:
    """The same with values in place of nodes."""
    return mapped(
        held, lambda leaf: leaf.value if isinstance(leaf, Node | Constant) else leaf
    )


def written(held: Held) -> str:
    """How an argument is written."""
    match held:
        case Node():
            return held.name
        case Constant():
            return held.written()
        case list():
            return f"[{', '.join(map(written, held))}]"
        case tuple():
            inner = ", ".join(map(written, held))
            return f"({inner},)" if len(held) == 1 else f"({inner})"
        case dict():
            inner = ", ".join(f"{k!r}: {written(v)}" for k, v in held.items())
            return f"{{{inner}}}"
        case _:
            return _plain(held) or type(held).__name__


def _formula(op: str, args: list[str], options: list[str]) -> str:
    match op, args:
        case _, [a, b] if op in INFIX and not options:
            return f"{_operand(a)} {INFIX[op]} {_operand(b)}"
        case ("neg" | "pos" | "invert"), [a]:
            return f"{PREFIX[op]}{_operand(a)}"
        case "getitem", [a, index]:
            return f"{_operand(a)}[{_subscript(index)}]"
        case ("setitem" | "index_add"), [a, index, value]:
            return f"{a} with [{_subscript(index)}] {UPDATES[op]} {value}"
        case "matrix_transpose", [a]:
            return f"{_operand(a)}.T"
        case _:
            return f"{op}({', '.join([*args, *options])})"


def _operand(text: str) -> str:
    return text if ATOMIC.fullmatch(text) else f"({text})"


def _subscript(text: str) -> str:
    bare = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return bare.replace("slice(None, None, None)", ":")


def _plain(value: Any) -> str:
    """A constant that is short, as Python writes it."""
    match value:
        case bool() | np.bool_() | None:
            return str(value)
        case int() | float() | complex() | np.number():
            return number(value)
        case slice(start=start, stop=stop, step=step):
            bounds = ["" if b is None else written(b) for b in (start, stop)]
            return ":".join([*bounds, *([] if step is None else [written(step)])])
        case str():
            return repr(value) if len(value) <= LONGEST else "str"
        case tuple() | list() if len(repr(value)) <= LONGEST:
            return repr(value)
        case _:
            return "..." if value is Ellipsis else ""


def number(value: Any) -> str:
    """Four significant digits; a whole number in full."""
    if isinstance(value, complex | np.complexfloating):
        return f"{value:.4g}"
    whole = abs(value) < 1e6 and value == int(value) if np.isfinite(value) else False
    return str(int(value)) if whole else f"{value:.4g}"
