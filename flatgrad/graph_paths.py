"""Two nodes of a graph -> the ways from one to the other, and the product of the local derivatives along each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flatgrad.graph_nodes import Edge, Node


@dataclass(frozen=True)
class Path:
    """A way through the graph, edge by edge."""

    edges: tuple[Edge, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return (self.edges[0].parent, *(edge.child for edge in self.edges))

    @property
    def product(self) -> Any:
        """The product of the local derivatives: of numbers, or of Jacobians from the last to the first."""
        first, *others = self.edges
        total = _written_out(first)
        for edge in others:
            total = np.tensordot(_written_out(edge), total, np.ndim(edge.parent.value))
        return number_or_array(total)

    def __str__(self) -> str:
        return " -> ".join(node.name for node in self.nodes)


def _written_out(edge: Edge) -> Any:
    local = edge.local
    if local is None:
        raise ValueError(
            f"the Jacobian of {edge!r} is too large to be written out, or complex"
        )
    return local


def paths(edges: Iterable[Edge], first: Node, last: Node) -> Iterator[Path]:
    """Every way along which a derivative goes."""
    leaving: dict[Node, list[Edge]] = {}
    for edge in edges:
        if edge.carries:
            leaving.setdefault(edge.parent, []).append(edge)
    reaching = _ancestors(last)
    pending: list[tuple[Edge, ...]] = [(e,) for e in reversed(leaving.get(first, []))]
    while pending:
        way = pending.pop()
        node = way[-1].child
        if node is last:
            yield Path(way)
        elif node in reaching:
            pending += [(*way, edge) for edge in reversed(leaving.get(node, []))]


def _ancestors(node: Node) -> set[Node]:
    found, pending = {node}, [node]
    while pending:
        more = [p for p in pending.pop().parents if p not in found]
        found.update(more)
        pending += more
    return found


def sum_over(ways: Iterable[Path], first: Node, last: Node) -> Any:
    """The sum of the products: the derivative of the last node with respect to the first."""
    shape = (*np.shape(last.value), *np.shape(first.value))
    total = number_or_array(np.zeros(shape))
    if first is last:
        return number_or_array(np.eye(np.size(first.value)).reshape(shape))
    for way in ways:
        total = total + way.product
    return total


def jacobian(rows: Sequence[Any], edge: Edge) -> Any:
    """What the parent gets for each number of the child, as one array, or as a number."""
    shape = (*np.shape(edge.child.value), *np.shape(edge.parent.value))
    return number_or_array(np.array(rows, dtype=float).reshape(shape))


def units(value: Any) -> Iterator[Any]:
    """For each number in the value, a gradient of its shape that has a 1 there and 0 elsewhere."""
    for place in np.ndindex(*np.shape(value)):
        unit = np.zeros(np.shape(value))
        unit[place] = 1.0
        yield number_or_array(unit)


def number_or_array(value: Any) -> Any:
    return value if np.ndim(value) else float(value)
