"""A function -> its computational graph: `graph(f)`, with values after `forward` and gradients after `backward`.

    g = graph(f)
    g.forward(3, 5)        the value of f, and of every node
    g.backward()           the gradient of every node, last to first; returns those of the inputs
    print(g)               a table; g.to_svg(), g.to_mermaid(), g.to_dot() draw it

The graph is that of one run: loops are unrolled, of a branch the way that was taken is there. Before `forward` it is
what the text says, and a branch or a loop is one node.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from types import FunctionType
from typing import Any

import libcst as cst
import numpy as np

from flatgrad import drawing
from flatgrad.drawing import Arrow, Box, Picture
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend import Function, Module, read_module
from flatgrad.frontend.module import names_in_text
from flatgrad.graph import Eqn, prune
from flatgrad.graph_nodes import (
    Constant,
    Edge,
    Held,
    Node,
    Unread,
    leaves,
    nodes_in,
    number,
    value_of,
)
from flatgrad.local_derivatives import Pullbacks
from flatgrad.options import Shape
from flatgrad.pipeline import read_in_place
from flatgrad.reverse import NoRule
from flatgrad.tracing import Trace, has_fractions

LARGEST_JACOBIAN = 4096  # numbers
CARRY_NOTHING = {"str", "none", "bool"}


def graph(f: Callable[..., Any] | str, function: str = "") -> Graph:
    """The computational graph of a Python function, or of `function` in a source text."""
    return Graph(_source_of_text(f, function) if isinstance(f, str) else _source_of(f))


# --- where the function comes from -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """The text of a module, the name of the function in it, and the names that it reads when it runs."""

    text: str
    name: str
    namespace: Callable[[], Mapping[str, Any]]
    signature: inspect.Signature | None = None


def _source_of(f: Callable[..., Any]) -> Source:
    """The module that holds `f`, as its file says; `f` must be a function at its top level."""
    if not isinstance(f, FunctionType) or f.__name__ != f.__qualname__:
        what = f"{getattr(f, '__qualname__', f)} is no function at the top level of a file"
        step = "give graph the source text and the name of the function"
        raise FlatgradError(Diagnostic("FG503", what, step))
    try:
        lines, _ = inspect.findsource(f)
    except OSError:
        what = f"the source of {f.__name__} cannot be found"
        step = "give graph the source text and the name of the function"
        raise FlatgradError(Diagnostic("FG003", what, step)) from None
    signature = inspect.signature(f)
    return Source("".join(lines), f.__name__, lambda: f.__globals__, signature)


def _source_of_text(text: str, name: str) -> Source:
    """Nothing is run before a value is asked for that only the module itself can give."""
    executed: dict[str, Any] = {}

    def namespace() -> Mapping[str, Any]:
        if not executed:
            executed["__name__"] = "graph"
            exec(compile(text, "<graph>", "exec"), executed)
        return executed

    return Source(text, name or _only_function(text), namespace)


def _only_function(text: str) -> str:
    names = list(read_module(text).functions)
    if len(names) == 1:
        return names[0]
    what = "the text holds several functions" if names else "the text holds no function"
    step = f"name one: graph(text, {names[-1]!r})" if names else "write one"
    raise FlatgradError(Diagnostic("FG503", what, step))


# --- edges and paths -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GraphPath:
    """A way through the graph, edge by edge."""

    edges: tuple[Edge, ...]
    locals: tuple[Any, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return (self.edges[0].parent, *(edge.child for edge in self.edges))

    @property
    def product(self) -> Any:
        """The product of the local derivatives: of numbers, or of Jacobians from the last to the first."""
        total, *others = self.locals
        for edge, local in zip(self.edges[1:], others, strict=True):
            total = np.tensordot(local, total, np.ndim(edge.parent.value))
        return total if np.ndim(total) else total[()] if hasattr(total, "shape") else total


class Graph:
    """The nodes of one run in topological order; `forward` fills in values and `backward` gradients."""

    def __init__(self, source: Source):
        self._source = source
        self._module = read_module(source.text)
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
            inputs[name] = Constant(name=name) if plain else _input(name, None, not label)
        self._trace(function, inputs, Trace(self._module, None))

    def _function(self, shapes: Mapping[str, Shape]) -> Function:
        key = tuple(sorted(shapes.items()))
        if key not in self._functions:
            self._functions[key] = read_in_place(self._module, self.name, shapes)
        return self._functions[key]

    def _trace(self, function: Function, inputs: dict[str, Held], trace: Trace) -> None:
        params = {function.params[name]: held for name, held in inputs.items()}
        results = trace.run(prune(function.block, everything=True), params)
        results = results[: len(results) - len(function.written)]
        for leaf in leaves(results):
            if isinstance(leaf, Unread):
                raise FlatgradError(trace.problem(leaf.eqn))
        _name_outputs(results, function.outputs)
        nodes = _needed(trace.nodes, nodes_in(results))
        _name_all(nodes, self._module)
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
                there.slot = edge.slot
        return _replaced(results, same), _replaced(inputs, same)

    # --- forward -------------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **keywords: Any) -> Any:
        """The value of the function; the inputs by position, by keyword, or as one dict of all of them.

        Numbers are taken for floats, except for parameters that only count or index.
        """
        given = self._bound(args, keywords)
        function = self._function(_shapes(given))
        if function.problems:
            raise FlatgradError(*function.problems)
        inputs = {
            name: _held(name, given[name], param in function.labels)
            for name, param in function.params.items()
        }
        self._trace(function, inputs, Trace(self._module, self._outside))
        self._ran = True
        values = [value_of(held) for held in self._results]
        return tuple(values) if function.returns_tuple else values[0]

    def _bound(self, args: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
        names = set(self._signature.parameters)
        if len(args) == 1 and not keywords and isinstance(args[0], dict):
            if args[0] and set(args[0]) <= names:
                args, keywords = (), args[0]
        bound = self._signature.bind(*args, **keywords)
        bound.apply_defaults()
        return dict(bound.arguments)

    @cached_property
    def _signature(self) -> inspect.Signature:
        """That of the function; of a text, its defaults are computed in the module."""
        if self._source.signature is not None:
            return self._source.signature
        node = self._module.functions[self.name]
        plain = node.with_changes(
            body=cst.SimpleStatementSuite([cst.Pass()]), decorators=[], returns=None
        )
        text = "from __future__ import annotations\n" + cst.Module([plain]).code
        defaults = any(p.default is not None for p in _all_parameters(node))
        names = dict(self._source.namespace()) if defaults else {}
        exec(compile(text, "<signature>", "exec"), names)
        return inspect.signature(names[self.name])

    def _outside(self, eqn: Eqn) -> Any:
        """The value that a name of the module has now."""
        path, text = str(eqn.attrs.get("path") or ""), str(eqn.attrs["text"])
        library = path.partition(".")[0] in ("numpy", "math", "scipy")
        if library and self._source.signature is None:
            return _imported(path)
        return eval(text, dict(self._source.namespace()))

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
        return {name: _gradients(held) for name, held in self._inputs.items() if _carries(held)}

    def _pass_on(self, node: Node, sums: dict[Node, Any]) -> None:
        """What all readers of the node have contributed is its gradient; its parents get their parts."""
        if node not in sums:
            node.gradient = np.zeros(np.shape(node.value))[()]
            return
        node.gradient = _own(sums[node])
        if node.step is None:
            return
        parts = self._pulled(node, node.gradient)
        for edge in node.edges:
            if edge.slot is not None:
                part = parts[edge.slot]
                sums[edge.parent] = sums[edge.parent] + part if edge.parent in sums else part

    def _pulled(self, node: Node, g: Any) -> dict[int, Any]:
        assert node.step is not None
        try:
            return self._pullbacks.pull(node.step, node.position, g)
        except NoRule as refused:
            what = str(refused)
            what = f"no derivative rule for {what}" if what == node.operation else what
            step = "write it with operations that have one: docs/operations.md"
            raise FlatgradError(Diagnostic("FG201", what, step, node.place)) from None

    def _seeded(self, seeds: Any) -> dict[Node, Any]:
        several = isinstance(seeds, tuple | list) and len(self._results) > 1
        given = list(seeds) if several else [seeds] * len(self._results)
        if len(given) != len(self._results):
            raise ValueError(f"{len(given)} seeds for {len(self._results)} outputs")
        sums: dict[Node, Any] = {}
        for held, seed in zip(self._results, given, strict=True):
            for node in nodes_in(held):
                if seed is not None and node.differentiable:
                    g = _full(seed, node)
                    sums[node] = sums[node] + g if node in sums else g
        return sums

    # --- edges and paths -----------------------------------------------------------------------------------------

    def local(self, edge: Edge) -> Any:
        """The derivative of the child with respect to the parent, all other parents held fixed.

        A number between numbers, else the Jacobian, an array of the shape of the child and then that of the parent.
        None where there is no derivative (a condition, an index), where the Jacobian is large, and between complex
        values; `pull` is there for every edge.
        """
        self._after_forward("local")
        child, parent = edge.child.value, edge.parent.value
        if edge.slot is None or not edge.child.differentiable:
            return None
        size = np.size(child) * np.size(parent)
        if size > LARGEST_JACOBIAN or np.iscomplexobj(child) or np.iscomplexobj(parent):
            return None
        rows = [self.pull(edge, g) for g in _units(child)]
        shape = (*np.shape(child), *np.shape(parent))
        return np.array(rows, dtype=float).reshape(shape)[()] if shape else rows[0]

    def pull(self, edge: Edge, g: Any) -> Any:
        """What the parent gets along this edge where the gradient of the child is `g`."""
        self._after_forward("pull")
        if edge.slot is None or not edge.child.differentiable:
            return np.zeros(np.shape(edge.parent.value))[()]
        return self._pulled(edge.child, g)[edge.slot]

    def paths(self, start: Node | str, end: Node | str | None = None) -> Iterator[GraphPath]:
        """Every way from one node to another, or to the output, along which a derivative goes."""
        first, last = self._node(start), self._end(end)
        leaving: dict[Node, list[Edge]] = {}
        for edge in self.edges:
            if edge.slot is not None and edge.child.differentiable:
                leaving.setdefault(edge.parent, []).append(edge)
        reaching = {*_needed(self._nodes, [last], inputs=False)}
        local: dict[Edge, Any] = {}
        pending: list[tuple[Edge, ...]] = [(e,) for e in reversed(leaving.get(first, []))]
        while pending:
            way = pending.pop()
            node = way[-1].child
            if node not in reaching:
                continue
            if node is last:
                yield self._path(way, local)
                continue
            pending += [(*way, e) for e in reversed(leaving.get(node, []))]

    def _path(self, way: tuple[Edge, ...], known: dict[Edge, Any]) -> GraphPath:
        for edge in way:
            if edge not in known:
                known[edge] = self.local(edge)
            if known[edge] is None:
                raise ValueError(f"the Jacobian of {edge!r} is too large to be written out, or complex")
        return GraphPath(way, tuple(known[edge] for edge in way))

    def sum_over_paths(self, start: Node | str, end: Node | str | None = None) -> Any:
        """The sum of the products of all paths: the derivative of the end with respect to the start."""
        first, last = self._node(start), self._end(end)
        if first is last:
            size = np.size(first.value)
            return np.eye(size).reshape(np.shape(first.value) * 2)[()]
        total = np.zeros((*np.shape(last.value), *np.shape(first.value)))[()]
        for path in self.paths(first, last):
            total = total + path.product
        return total

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
            names = ", ".join(self._signature.parameters)
            raise RuntimeError(f"{what} needs values: call forward({names}) first")

    # --- pictures ------------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The nodes as boxes, the edges as arrows with their local derivatives where these are numbers."""
        position = {node: n for n, node in enumerate(self.nodes)}
        outputs = {*self.outputs}
        boxes = [_box(node, node in outputs) for node in self.nodes]
        arrows = [Arrow(position[e.parent], position[e.child], self._label(e)) for e in self.edges]
        return Picture(boxes, arrows)

    def _label(self, edge: Edge) -> str:
        ends = (edge.parent.value, edge.child.value)
        if not self._ran or any(map(np.ndim, ends)):
            return ""
        try:
            local = self.local(edge)
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
            rows.append((node.name, made or "input", shown(node.value), shown(node.gradient)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        return f"<Graph of {self.name}: {len(self._nodes)} nodes>"


# --- inputs ----------------------------------------------------------------------------------------------------------


def _input(name: str, value: Any, differentiable: bool) -> Node:
    return Node(name, "input", value, differentiable=differentiable)


def _held(name: str, value: Any, label: bool) -> Held:
    """An argument as nodes: a list, tuple or dict has one for each number or array in it."""
    match value:
        case dict():
            return {k: _held(f"{name}[{k!r}]", v, label) for k, v in value.items()}
        case list() | tuple():
            whole = _as_floats(value) if not label else value
            items = [_held(f"{name}[{n}]", v, label) for n, v in enumerate(whole)]
            return items if isinstance(value, list) else tuple(items)
        case bool() | np.bool_() | str() | None:
            return Constant(value, name)
        case int() | float() | complex() | np.generic() | np.ndarray():
            number = value if label else _as_float(value)
            return _input(name, _own(number), has_fractions(number) and not label)
        case _:
            return Constant(value, name)


def _as_float(value: Any) -> Any:
    """Integers as floats, so that they have a gradient."""
    if isinstance(value, int):
        return float(value)
    integer = isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "iu"
    return value.astype(float) if integer else value


def _as_floats(values: Sequence[Any]) -> Sequence[Any]:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return [*map(_as_float, values)] if numbers else values


def _shapes(given: Mapping[str, Any]) -> dict[str, Shape]:
    numeric = (int, float, complex, np.ndarray, np.generic)
    return {n: np.shape(v) for n, v in given.items() if isinstance(v, numeric)}


def _all_parameters(node: cst.FunctionDef) -> list[cst.Param]:
    params = node.params
    return [*params.posonly_params, *params.params, *params.kwonly_params]


def _imported(path: str) -> Any:
    """numpy.pi"""
    root, *names = path.split(".")
    found: Any = importlib.import_module(root)
    for name in names:
        found = getattr(found, name)
    return found


# --- nodes -----------------------------------------------------------------------------------------------------------


def _needed(nodes: Sequence[Node], ends: Sequence[Node], inputs: bool = True) -> list[Node]:
    """The nodes that lead to the ends, and the inputs."""
    needed = {*ends}
    for node in reversed(nodes):
        if node in needed:
            needed.update(node.parents)
    return [n for n in nodes if n in needed or (inputs and n.operation == "input")]


def _name_outputs(results: Sequence[Held], names: Sequence[str]) -> None:
    for held, name in zip(results, names, strict=False):
        if isinstance(held, Node) and not held.name:
            held.name = name


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


def _replaced(held: Held, same: Mapping[Node, Node]) -> Held:
    match held:
        case Node():
            return same.get(held, held)
        case list():
            return [_replaced(item, same) for item in held]
        case tuple():
            return tuple(_replaced(item, same) for item in held)
        case dict():
            return {key: _replaced(item, same) for key, item in held.items()}
        case _:
            return held


# --- gradients -------------------------------------------------------------------------------------------------------


def _gradients(held: Held) -> Any:
    """The gradient of an argument, in its structure; None for what has none."""
    match held:
        case Node():
            return _own(held.gradient)
        case list():
            return [*map(_gradients, held)]
        case tuple():
            return tuple(map(_gradients, held))
        case dict():
            return {key: _gradients(item) for key, item in held.items()}
        case _:
            return None


def _carries(held: Held) -> bool:
    return any(node.differentiable for node in nodes_in(held))


def _own(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _full(seed: Any, node: Node) -> Any:
    """The seed in the shape of the node."""
    shape = np.shape(node.value)
    if np.ndim(seed) and np.shape(seed) != shape:
        raise ValueError(f"the seed of {node.name} has shape {np.shape(seed)}, not {shape}")
    whole = np.broadcast_to(np.asarray(seed, np.result_type(seed, float)), shape)
    return whole.copy() if shape else whole.item()


def _units(value: Any) -> Iterator[Any]:
    """For each number in the value, a gradient of the same shape that has a 1 there and 0 elsewhere."""
    if np.ndim(value) == 0:
        yield 1.0
        return
    for place in np.ndindex(*np.shape(value)):
        unit = np.zeros(np.shape(value))
        unit[place] = 1.0
        yield unit


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
