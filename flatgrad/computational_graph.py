"""A function -> its computational graph: `graph(f)`, with values after `forward` and gradients after `backward`.

    g = graph(f)
    g.forward(3, 5)        the value of f, and of every node
    g.backward()           the gradient of every node, last to first; returns those of the inputs
    print(g)               a table; g.to_svg(), g.to_mermaid(), g.to_dot() draw it

The graph is that of one run: loops are unrolled, of a branch the way that was taken is there. Before `forward` it is
what the text says, and a branch or a loop is one node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from flatgrad import drawing
from flatgrad.drawing import Arrow, Box, Picture
from flatgrad.errors import FlatgradError
from flatgrad.frontend import Function, Module
from flatgrad.frontend.module import names_in_text
from flatgrad.graph import Eqn, prune
from flatgrad.graph_arguments import carries, gradients, held, own, shapes_of
from flatgrad.graph_nodes import (
    Constant,
    Edge,
    Held,
    Node,
    Unread,
    leaves,
    mapped,
    nodes_in,
    number,
    value_of,
)
from flatgrad.graph_paths import Path, paths, sum_over
from flatgrad.graph_source import Source, source_of, source_of_text
from flatgrad.local_derivatives import Pullbacks
from flatgrad.options import Shape
from flatgrad.pipeline import read_in_place
from flatgrad.tracing import Trace

ASKED = ("text", "path", "names")
CARRY_NOTHING = {"str", "none", "bool"}


def graph(f: Callable[..., Any] | str, function: str = "") -> Graph:
    """The computational graph of a Python function, or of `function` in a source text."""
    return Graph(source_of_text(f, function) if isinstance(f, str) else source_of(f))


class Graph:
    """The nodes of one run in topological order; `forward` fills in values and `backward` gradients."""

    def __init__(self, source: Source):
        self._source = source
        self._module = source.module
        self._functions: dict[tuple[Any, ...], Function] = {}
        self._pullbacks = Pullbacks()
        self._results: list[Held] = []
        self._inputs: dict[str, Held] = {}
        self._nodes: list[Node] = []
        self._refused: FlatgradError | None = None
        self._ran = False
        self._outline()

    # --- what there is -------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Each after those that it is computed from."""
        if self._refused is not None:
            raise self._refused
        return tuple(self._nodes)

    @property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(edge for node in self.nodes for edge in node.edges)

    @property
    def inputs(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.operation == "input")

    @property
    def outputs(self) -> tuple[Node, ...]:
        return tuple(dict.fromkeys(nodes_in(self._results)))

    def __getitem__(self, name: str) -> Node:
        """The node of this name."""
        found = [node for node in self.nodes if node.name == name]
        if not found:
            raise KeyError(name)
        return found[0]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    # --- reading the function ------------------------------------------------------------------------------------

    def _outline(self) -> None:
        """The graph as far as the text says it."""
        function = self._function({})
        if function.problems:
            error = FlatgradError(*function.problems)
            if not all("state the shapes" in d.next_step for d in function.problems):
                raise error
            self._refused = error  # the inputs will tell the shapes
            return
        inputs: dict[str, Held] = {}
        for name, param in function.params.items():
            label = param in function.labels
            plain = label and param.type.kind in CARRY_NOTHING
            node = Node(name, "input", differentiable=not label)
            inputs[name] = Constant(name=name) if plain else node
        self._trace(function, inputs, Trace(self._module, None))

    def _function(self, shapes: Mapping[str, Shape]) -> Function:
        key = tuple(sorted(shapes.items()))
        if key not in self._functions:
            self._functions[key] = read_in_place(self._module, self.name, shapes)
        return self._functions[key]

    def _trace(self, function: Function, inputs: dict[str, Held], trace: Trace) -> None:
        params = {function.params[name]: value for name, value in inputs.items()}
        results = trace.run(prune(function.block, everything=True), params)
        results = results[: len(results) - len(function.written)]
        for leaf in leaves(results):
            if isinstance(leaf, Unread):
                raise FlatgradError(trace.problem(leaf.eqn))
        _name_outputs(results, function.outputs)
        nodes = _needed(trace.nodes, nodes_in(results))
        _name_all(nodes, self._module)
        if trace.outside is not None:
            for edge in (e for node in nodes for e in node.edges):
                edge.rule = self._pullbacks
        if [*map(_kind, nodes)] == [*map(_kind, self._nodes)]:
            results, inputs = self._update(nodes, results, inputs)
        else:
            self._nodes = nodes
        self._results, self._inputs, self._refused = results, inputs, None

    def _update(
        self, nodes: Sequence[Node], results: list[Held], inputs: dict[str, Held]
    ) -> tuple[list[Held], dict[str, Held]]:
        """The run has the nodes that are there: they get its values."""
        same = dict(zip(nodes, self._nodes, strict=True))
        for new, old in same.items():
            old.value, old.gradient = new.value, None
            old.differentiable = new.differentiable
            if new.step is not None:
                args = _replaced(new.step.args, same)
                options = _replaced(dict(new.step.options), same)
                old.step = replace(new.step, args=args, options=options)
            for edge, there in zip(new.edges, old.edges, strict=True):
                there.slot, there.rule = edge.slot, edge.rule
        return _replaced(results, same), _replaced(inputs, same)

    # --- forward -------------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **keywords: Any) -> Any:
        """The value of the function; the inputs by position, by keyword, or as one dict of all of them.

        Numbers are taken for floats, except for parameters that only count or index.
        """
        self._look_again()
        given = self._bound(args, keywords)
        function = self._function(shapes_of(given))
        if function.problems:
            raise FlatgradError(*function.problems)
        inputs = {
            name: held(name, given[name], param in function.labels)
            for name, param in function.params.items()
        }
        self._trace(function, inputs, Trace(self._module, self._outside))
        self._ran = True
        self._pullbacks.forget_values()
        values = [value_of(result) for result in self._results]
        return tuple(values) if function.returns_tuple else values[0]

    def _look_again(self) -> None:
        """What the function reads may have changed."""
        source = self._source.current()
        if source is not self._source:
            self._source, self._module = source, source.module
            self._functions.clear()

    def _bound(
        self, args: Sequence[Any], keywords: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The arguments by parameter; one dict whose keys are names of parameters is one of arguments."""
        names = set(self._source.signature.parameters)
        match args:
            case (dict() as inputs,) if (
                inputs and not keywords and inputs.keys() <= names
            ):
                args, keywords = (), inputs
        bound = self._source.signature.bind(*args, **keywords)
        bound.apply_defaults()
        return dict(bound.arguments)

    def _outside(self, eqn: Eqn) -> Any:
        return self._source.value(**{k: v for k, v in eqn.attrs.items() if k in ASKED})

    # --- backward ------------------------------------------------------------------------------------------------

    def backward(self, seeds: Any = 1.0) -> dict[str, Any]:
        """The gradients of the inputs, by name; that of each node is filled in.

        `seeds` is the gradient of the output: a number stands for an array that is full of it. Of several outputs
        it is a tuple, with None for those that do not count; one number stands for all of them.
        """
        self._after_forward("backward")
        sums = self._seeded(seeds)
        for node in reversed(self._nodes):
            node.gradient = None
            if node.differentiable:
                self._pass_on(node, sums)
        return {
            n: gradients(value) for n, value in self._inputs.items() if carries(value)
        }

    def _pass_on(self, node: Node, sums: dict[Node, Any]) -> None:
        """What all readers of the node have contributed is its gradient; its parents get their parts."""
        if node not in sums:
            node.gradient = np.zeros(np.shape(node.value))[()]
            return
        node.gradient = own(sums[node])
        if node.step is None:
            return
        parts = self._pullbacks.parts(node, node.gradient)
        for edge in node.edges:
            if edge.slot is not None:
                part = parts[edge.slot]
                sums[edge.parent] = (
                    sums[edge.parent] + part if edge.parent in sums else part
                )

    def _seeded(self, seeds: Any) -> dict[Node, Any]:
        several = isinstance(seeds, tuple | list) and len(self._results) > 1
        given = list(seeds) if several else [seeds] * len(self._results)
        if len(given) != len(self._results):
            raise ValueError(f"{len(given)} seeds for {len(self._results)} outputs")
        sums: dict[Node, Any] = {}
        for result, seed in zip(self._results, given, strict=True):
            for node in nodes_in(result):
                if seed is not None and node.differentiable:
                    g = _full(seed, node)
                    sums[node] = sums[node] + g if node in sums else g
        return sums

    # --- paths -------------------------------------------------------------------------------------------------

    def paths(self, start: Node | str, end: Node | str | None = None) -> Iterator[Path]:
        """Every way from one node to another, or to the output, along which a derivative goes."""
        self._after_forward("paths")
        return paths(self.edges, self._node(start), self._end(end))

    def sum_over_paths(self, start: Node | str, end: Node | str | None = None) -> Any:
        """The sum of the products of all paths: the derivative of the end with respect to the start."""
        return sum_over(self.paths(start, end), self._node(start), self._end(end))

    def _node(self, node: Node | str) -> Node:
        return self[node] if isinstance(node, str) else node

    def _end(self, end: Node | str | None) -> Node:
        if end is not None:
            return self._node(end)
        if len(self.outputs) != 1:
            names = ", ".join(node.name for node in self.outputs)
            raise ValueError(f"name the output at which the paths end: {names}")
        return self.outputs[0]

    def _after_forward(self, what: str) -> None:
        if not self._ran:
            names = ", ".join(self._source.signature.parameters)
            raise RuntimeError(f"{what} needs values: call forward({names}) first")

    # --- pictures ------------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The nodes as boxes, the edges as arrows with their local derivatives where these are numbers."""
        position = {node: n for n, node in enumerate(self.nodes)}
        outputs = {*self.outputs}
        boxes = [_box(node, node in outputs) for node in self.nodes]
        arrows = [
            Arrow(position[e.parent], position[e.child], self._label(e))
            for e in self.edges
        ]
        return Picture(boxes, arrows)

    def _label(self, edge: Edge) -> str:
        ends = (edge.parent.value, edge.child.value)
        if not self._ran or any(map(np.ndim, ends)):
            return ""
        try:
            local = edge.local
        except FlatgradError:  # no rule: backward says so
            return ""
        return "" if local is None else number(local)

    def to_dot(self) -> str:
        return drawing.to_dot(self.picture())

    def to_mermaid(self) -> str:
        return drawing.to_mermaid(self.picture())

    def to_svg(self) -> str:
        return drawing.to_svg(self.picture())

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def __str__(self) -> str:
        """A table: node, operation, value, gradient."""
        rows = [("node", "operation", "value", "gradient")]
        for node in self.nodes:
            made = "" if node.operation == "input" else node.expression
            rows.append(
                (node.name, made or "input", shown(node.value), shown(node.gradient))
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True))
            for row in rows
        )
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        return f"<Graph of {self.name}: {len(self._nodes)} nodes>"


# --- nodes -----------------------------------------------------------------------------------------------------------


def _needed(
    nodes: Sequence[Node], ends: Sequence[Node], inputs: bool = True
) -> list[Node]:
    """The nodes that lead to the ends, and the inputs."""
    needed = {*ends}
    for node in reversed(nodes):
        if node in needed:
            needed.update(node.parents)
    return [n for n in nodes if n in needed or (inputs and n.operation == "input")]


def _name_outputs(results: Sequence[Held], names: Sequence[str]) -> None:
    for result, name in zip(results, names, strict=False):
        if isinstance(result, Node) and not result.name:
            result.name = name


def _name_all(nodes: Sequence[Node], module: Module) -> None:
    """v1, v2, ... for what the text gives no name; x2, x3, ... for later values of x."""
    taken = names_in_text(module.text) | {node.name for node in nodes}
    seen: set[str] = set()
    for node in nodes:
        stem, first = (node.name, 2) if node.name else ("v", 1)
        if not node.name or node.name in seen:
            ways = (f"{stem}{n}" for n in count(first))
            node.name = next(way for way in ways if way not in taken)
        taken.add(node.name)
        seen.add(node.name)


def _kind(node: Node) -> tuple[Any, ...]:
    """The same for nodes that are drawn alike."""
    parents = tuple(edge.parent.name for edge in node.edges)
    return node.name, node.operation, node.expression, node.position, parents


def _replaced(value: Held, same: Mapping[Node, Node]) -> Any:
    return mapped(
        value, lambda leaf: same.get(leaf, leaf) if isinstance(leaf, Node) else leaf
    )


def _full(seed: Any, node: Node) -> Any:
    """The seed in the shape of the node."""
    shape = np.shape(node.value)
    if np.ndim(seed) and np.shape(seed) != shape:
        raise ValueError(
            f"the seed of {node.name} has shape {np.shape(seed)}, not {shape}"
        )
    whole = np.broadcast_to(np.asarray(seed, np.result_type(seed, float)), shape)
    return whole.copy() if shape else whole.item()


# --- what is shown ---------------------------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """A number with four significant digits, an array by its shape, nothing for nothing."""
    match value:
        case None:
            return ""
        case bool() | np.bool_():
            return str(value)
        case int() | float() | complex() | np.number():
            return number(value)
        case np.ndarray():
            return number(value[()]) if value.ndim == 0 else f"array {value.shape}"
        case _:
            return type(value).__name__


def _box(node: Node, output: bool) -> Box:
    kind = "input" if node.operation == "input" else "output" if output else "operation"
    title = node.name if kind == "input" else f"{node.name} = {node.expression}"
    return Box(title, shown(node.value), shown(node.gradient), kind)
