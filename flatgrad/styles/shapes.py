"""Known shapes of values -> the shape of one in terms of others that are at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flatgrad.types import Dim, Shape, dim_key, same_shape

Told = tuple[str, frozenset[str]]  # the text, and the names of the cache that it reads


@dataclass(frozen=True)
class Lengths:
    """The shapes of what the names of a forward hold where it ends, and of the cotangents."""

    shapes: Mapping[str, Shape]
    cotangents: Mapping[str, Shape]

    def are_same(self, a: str, b: str) -> bool:
        known = a in self.shapes and b in self.shapes
        return known and same_shape(self.shapes[a], self.shapes[b])

    def instead_of(self, name: str, at_hand: Callable[[str], bool]) -> Told | None:
        """`x_hat.shape`, or `(x.shape[0], w.shape[1])`, for the shape of what is not at hand."""
        shape = self.shapes.get(name)
        if shape is None:
            return None
        others = {n: s for n, s in self.shapes.items() if n != name and at_hand(n)}
        for other, known in [*self.cotangents.items(), *others.items()]:
            if same_shape(known, shape):
                return f"{other}.shape", frozenset({other} & others.keys())
        found = [self._dim(dim, others) for dim in shape.dims or ()]
        parts = [told for told in found if told is not None]
        if len(parts) < len(found) or not parts:
            return None
        text = ", ".join(told for told, _ in parts)
        names = frozenset[str]().union(*(names for _, names in parts))
        return f"({text},)" if len(parts) == 1 else f"({text})", names

    def _dim(self, dim: Dim, others: Mapping[str, Shape]) -> Told | None:
        key = dim_key(dim)
        if isinstance(key, int):
            return str(key), frozenset()
        for name, shape in [*self.cotangents.items(), *others.items()]:
            for axis, other in enumerate(shape.dims or ()):
                if dim_key(other) == key:
                    return f"{name}.shape[{axis}]", frozenset({name} & others.keys())
        return None
