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

    __slots__ = ("_offset", "_parent", "name", "quotients", "source", "terms", "value")

    def __init__(self, value: int | None = None, name: str = "", source: object = None):
        self._parent: Dim | None = None
        self._offset = 0
        self.value, self.name, self.source = value, name, source
        self.terms: Polynomial | None = None  # what it was computed from: N * T, 2 * H
        self.quotients: dict[object, Dim] | None = (
            None  # E // H, once it has been asked for
        )

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

    def __str__(self) -> str:
        node, offset = self.root()
        if node.value is not None:
            return str(node.value + offset)
        return (node.name or "?") + (f"{offset:+d}" if offset else "")

    def over(self, divisor: Dim) -> Dim:
        """The length divided by another: one and the same for the same divisor."""
        exact = _exact_quotient(polynomial(self), polynomial(divisor))
        if exact is not None:
            return dim_of(exact)
        node, offset = self.root()
        if node.quotients is None:
            node.quotients = {}
        return node.quotients.setdefault((offset, divisor.root()), Dim())


Polynomial = dict[
    tuple[Dim, ...], int
]  # the coefficient of each product of lengths; () is the constant


def polynomial(d: Dim, within: frozenset[Dim] = frozenset()) -> Polynomial:
    """The length in terms of those that were not computed from others."""
    node, offset = d.root()
    if node.value is not None:
        return add_polynomials({(): node.value + offset}, {})
    if node.terms is None or node in within:
        return add_polynomials({(node,): 1}, {(): offset})
    total: Polynomial = {(): offset}
    for factors, coefficient in node.terms.items():
        product: Polynomial = {(): coefficient}
        for factor in factors:
            product = multiply_polynomials(product, polynomial(factor, within | {node}))
        total = add_polynomials(total, product)
    return total


def add_polynomials(p: Polynomial, q: Polynomial) -> Polynomial:
    total = {m: p.get(m, 0) + q.get(m, 0) for m in (*p, *q)}
    return {m: c for m, c in total.items() if c}


def multiply_polynomials(p: Polynomial, q: Polynomial) -> Polynomial:
    total: Polynomial = {}
    for m, c in p.items():
        for n, d in q.items():
            total = add_polynomials(total, {tuple(sorted((*m, *n), key=id)): c * d})
    return total


def _exact_quotient(p: Polynomial, q: Polynomial) -> Polynomial | None:
    """p / q for a single product q that divides every term of p."""
    match list(q.items()):
        case [(factors, coefficient)]:
            pass
        case _:
            return None
    found: Polynomial = {}
    for terms, number in p.items():
        rest = list(terms)
        for factor in factors:
            if factor not in rest:
                return None
            rest.remove(factor)
        if number % coefficient:
            return None
        found[tuple(rest)] = number // coefficient
    return found


def dim_of(p: Polynomial) -> Dim:
    """The length that a polynomial gives; a new one unless it is a number, or N + 1."""
    constant, rest = p.get((), 0), {m: c for m, c in p.items() if m}
    match list(rest.items()):
        case []:
            return Dim(constant)
        case [((single,), 1)]:
            return single.plus(constant) if constant else single
    computed = Dim()
    computed.terms = rest
    return computed.plus(constant) if constant else computed


def same_dim(a: Dim, b: Dim) -> bool:
    if a.root() == b.root() or (a.known is not None and a.known == b.known):
        return True
    computed = a.root()[0].terms is not None or b.root()[0].terms is not None
    return computed and polynomial(a) == polynomial(b)


def dim_key(d: Dim) -> object:
    """Equal for dimensions that are known to be the same length."""
    node, offset = d.root()
    if node.value is not None:
        return node.value + offset
    if node.terms is not None:
        return frozenset(polynomial(d).items())
    return node, offset


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
    weak = is_weak(left.name)
    others = left.name and right.name and left.name != right.name
    if others and not weak and not is_weak(right.name):
        raise Contradiction(str(a), str(b), (left.source, right.source))
    if (left.value is None and right.value is not None) or (
        right.name and (not left.name or (weak and left.value is None))
    ):
        left, right, i, j = right, left, j, i
    if left.terms is None and right.terms is not None:
        left.terms = add_polynomials(right.terms, {(): j - i})
    right._parent, right._offset = left, i - j
    left.name, left.source = left.name or right.name, left.source or right.source


def is_weak(name: str) -> bool:
    """_x0 is some length, not 1, which may turn out to be another one; nobody has given it its name."""
    return name.startswith("_")


def incompatible(a: Dim, b: Dim) -> bool:
    """Both are declared and they cannot be the same length."""
    (left, i), (right, j) = a.root(), b.root()
    if left is right:
        return i != j and bool(left.name)
    if left.value is not None and right.value is not None:
        return left.value + i != right.value + j
    if is_weak(left.name) or is_weak(right.name):
        return False
    return bool(left.name and right.name) and not same_dim(a, b)


class Shape:
    """A tuple of dimensions, or not known yet."""

    __slots__ = ("_dims", "_parent", "leading", "parts", "sources")

    def __init__(self, dims: Iterable[Dim] | None = None):
        self._parent: Shape | None = None
        self.leading: tuple[
            Dim, ...
        ] = ()  # the first lengths, where the rank is not known
        self.sources: frozenset[Shape] = (
            frozenset()
        )  # what it was broadcast from, while that is not known
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

    def broadcast_of(self) -> frozenset[Shape]:
        """The shapes that this one was broadcast from: itself, where it was not."""
        node = self.root()
        if node._dims is not None or not node.sources:
            return frozenset((node,))
        return frozenset(s.root() for s in node.sources if not s.is_scalar)

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
        right.sources = right.sources or left.sources
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
    wide = [s.root() for s in shapes if not s.is_scalar]
    if not wide:
        return scalar()
    if all(s is wide[0] for s in wide):
        return wide[0]
    if any(s.dims is None for s in wide):
        return _unknown_broadcast(wide)
    rank = max(len(s.dims or ()) for s in wide)
    padded = [(None,) * (rank - len(s.dims or ())) + (s.dims or ()) for s in wide]
    return Shape(
        _broadcast_dims([d for d in column if d])
        for column in zip(*padded, strict=True)
    )


def _unknown_broadcast(wide: Sequence[Shape]) -> Shape | None:
    """What is broadcast from the same shapes has the same shape, known or not: one and the same object."""
    sources = frozenset(r for s in wide for r in s.broadcast_of())
    for shape in wide:
        if shape.broadcast_of() == sources:
            return shape
    first = wide[0]
    if sources not in first.parts:
        made = Shape()
        made.sources = sources
        first.parts[sources] = made
    found: Shape = first.parts[sources]
    return found


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
    # A length such as N - 1 may be 1 and stretch as well.
    sure = [d for d in told if d.known is not None or not d.root()[1]]
    for d in sure[1:]:
        if is_weak(d.root()[0].name) or is_weak(sure[0].root()[0].name):
            join_dims(sure[0], d)
    if sure:
        return sure[0]
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
    each: Type | None = None  # of a list that is filled: each item, where all are alike

    @property
    def rank(self) -> int | None:
        return self.shape.rank
