"""What is known of a value before it is computed: its shape, its kind, its size as an integer.

In: facts, one at a time, from declarations and operations. Out: the same facts joined, in both directions.
Dimensions and shapes are union-find nodes: joining two of them makes everything known of one known of the
other, so that a fact found late reaches every value that it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


class Contradiction(Exception):
    """Two facts about one dimension or rank exclude each other; each is told with its source."""

    def __init__(self, left: str, right: str, sources: tuple[object, ...] = ()):
        super().__init__(f"{left} is not {right}")
        self.left, self.right, self.sources = left, right, sources


class Dim:
    """The length of one axis: an unknown integer `root + offset`, perhaps with a name or a value."""

    __slots__ = (
        "_multiples",
        "_offset",
        "_parent",
        "factor",
        "name",
        "source",
        "value",
    )

    def __init__(self, value: int | None = None, name: str = "", source: object = None):
        self._parent: Dim | None = None
        self._offset = 0
        self._multiples: dict[int, Dim] | None = None
        self.factor: tuple[int, Dim] | None = None  # (4, H) where this is 4 * H
        self.value, self.name, self.source = value, name, source

    def root(self) -> tuple[Dim, int]:
        """The representative of this dimension, and how much longer than it this one is."""
        node, total = self, 0
        while node._parent is not None:
            total += node._offset
            node = node._parent
        if node is not self:
            self._parent, self._offset = node, total
        return node, total

    @property
    def known(self) -> int | None:
        node, offset = self.root()
        return None if node.value is None else node.value + offset

    def plus(self, offset: int) -> Dim:
        longer = Dim()
        longer._parent, longer._offset = self, offset
        return longer

    def times(self, factor: int) -> Dim:
        """`factor` times as long: one and the same for the same factor."""
        node, offset = self.root()
        if factor == 1 or node.value is not None or offset:
            known = self.known
            return (
                self if factor == 1 else Dim(None if known is None else factor * known)
            )
        if node._multiples is None:
            node._multiples = {}
        if factor not in node._multiples:
            longer = Dim(
                name=f"{factor}*{node.name}" if node.name else "", source=node.source
            )
            longer.factor = (factor, node)
            node._multiples[factor] = longer
        return node._multiples[factor]

    def over(self, divisor: int) -> Dim | None:
        """One `divisor`-th of the length, where that is known to be whole."""
        node, offset = self.root()
        if self.known is not None and self.known % divisor == 0:
            return Dim(self.known // divisor)
        if node.factor is not None and not offset and node.factor[0] % divisor == 0:
            return node.factor[1].times(node.factor[0] // divisor)
        return self if divisor == 1 else None

    def minus(self, other: Dim) -> Dim | None:
        """How much longer than `other` this is, where that can be said."""
        (left, i), (right, j) = self.root(), other.root()
        if left is right:
            return Dim(i - j)
        if other.known is not None:
            return self.plus(-other.known)
        k, base = left.factor or (1, left)
        m, other_base = right.factor or (1, right)
        if base.root() == other_base.root() and not i and not j and k > m:
            return base.times(k - m)
        return None

    def __str__(self) -> str:
        node, offset = self.root()
        if node.value is not None:
            return str(node.value + offset)
        return (node.name or "?") + (f"{offset:+d}" if offset else "")


def same_dim(a: Dim, b: Dim) -> bool:
    return a.root() == b.root() or (a.known is not None and a.known == b.known)


def join_dims(a: Dim, b: Dim) -> None:
    """From now on `a` and `b` are one length."""
    (left, i), (right, j) = a.root(), b.root()
    if left is right:
        if i != j:
            raise Contradiction(str(a), str(b), (left.source, right.source))
        return
    if left.value is not None and right.value is not None:
        if left.value + i != right.value + j:
            raise Contradiction(str(a), str(b), (left.source, right.source))
        return
    if left.name and right.name and left.name != right.name:
        raise Contradiction(str(a), str(b), (left.source, right.source))
    if (left.value is None and right.value is not None) or (
        not left.name and right.name
    ):
        left, right, i, j = right, left, j, i
    right._parent, right._offset = left, i - j
    left.name, left.source = left.name or right.name, left.source or right.source
    left.factor = left.factor or right.factor


def incompatible(a: Dim, b: Dim) -> bool:
    """Both are declared and they cannot be the same length."""
    (left, i), (right, j) = a.root(), b.root()
    told = [d.value is not None or bool(d.name) for d in (left, right)]
    return all(told) and not same_dim(a, b) and not (left is right and not left.name)


class Shape:
    """A tuple of dimensions, or not known yet."""

    __slots__ = ("_dims", "_parent", "leading", "parts")

    def __init__(self, dims: Iterable[Dim] | None = None):
        self._parent: Shape | None = None
        self.parts: dict[object, Any] = (
            {}
        )  # kept by shape rules: while the rank is unknown, the shape of x[1:]
        self._dims = None if dims is None else tuple(dims)

    def root(self) -> Shape:
        node = self
        while node._parent is not None:
            node = node._parent
        if node is not self:
            self._parent = node
        return node

    @property
    def dims(self) -> tuple[Dim, ...] | None:
        return self.root()._dims

    @property
    def rank(self) -> int | None:
        dims = self.dims
        return None if dims is None else len(dims)

    @property
    def is_scalar(self) -> bool:
        return self.dims == ()

    def __str__(self) -> str:
        if self.dims is None:
            return "(unknown)"
        inner = ", ".join(map(str, self.dims))
        return f"({inner},)" if len(self.dims) == 1 else f"({inner})"


def scalar() -> Shape:
    return Shape(())


def same_shape(a: Shape, b: Shape) -> bool:
    if a.root() is b.root():
        return True
    left, right = a.dims, b.dims
    if left is None or right is None or len(left) != len(right):
        return False
    return all(map(same_dim, left, right))


def join(a: Shape, b: Shape) -> None:
    """From now on `a` and `b` are one shape."""
    left, right = a.root(), b.root()
    if left is right:
        return
    if left._dims is None:
        left._parent = right
    elif right._dims is None:
        right._parent = left
    elif len(left._dims) != len(right._dims):
        sources = tuple(d.source for d in (*left._dims, *right._dims) if d.source)
        raise Contradiction(str(left), str(right), sources[:2])
    else:
        for d, e in zip(left._dims, right._dims, strict=True):
            join_dims(d, e)
        right._parent = left


def broadcast_shape(shapes: Sequence[Shape]) -> Shape | None:
    """The shape of an elementwise result, as far as it is known; None where it is not."""
    wide = [s for s in shapes if not s.is_scalar]
    if not wide:
        return scalar()
    if all(s.root() is wide[0].root() for s in wide):
        return wide[0]
    ranks = [s.rank for s in wide]
    if None in ranks:
        return None
    rank = max(r for r in ranks if r is not None)
    padded = [(None,) * (rank - len(s.dims or ())) + (s.dims or ()) for s in wide]
    return Shape(
        _broadcast_dims([d for d in column if d])
        for column in zip(*padded, strict=True)
    )


def _broadcast_dims(dims: Sequence[Dim]) -> Dim:
    """One axis of a broadcast: lengths of 1 stretch, all the others agree."""
    long = [d for d in dims if d.known != 1]
    if not long:
        return dims[0]
    told = [d for d in long if d.known is not None or d.root()[0].name]
    for d in told[1:]:
        if incompatible(told[0], d):
            sources = (told[0].root()[0].source, d.root()[0].source)
            raise Contradiction(str(told[0]), str(d), sources)
    if told:
        return told[0]
    return long[0] if all(same_dim(long[0], d) for d in long) else Dim()


@dataclass(slots=True, eq=False)
class Type:
    """What is known of one value."""

    shape: Shape = field(default_factory=Shape)
    kind: str = "any"  # float, int, bool, complex, array, tuple, other, any
    dim: Dim | None = (
        None  # the value itself, where it is an integer that measures an axis
    )
    items: tuple[Type, ...] | None = None  # the elements of a tuple

    @property
    def rank(self) -> int | None:
        return self.shape.rank
