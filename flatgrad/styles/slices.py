"""Steps of a forward, what its cache holds, what is needed -> the steps that compute the rest from the cache.

Every name has versions: one before the first step, and one after each step that changes it. What the cache holds
under a name is used where it is the version that is needed, and nothing else is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from flatgrad.emit.parts import Held
from flatgrad.styles.shapes import Lengths
from flatgrad.styles.steps import SHAPE, Spot, Step, part_of

FIRST = -1  # the version of a name before the first step
ROUNDS = 20


@dataclass(frozen=True)
class Leaf:
    """An item of the cache that has a name: what it is, and after which step it was put there."""

    spot: Spot
    at: int
    copied: bool = False  # what is written into the array later does not show


def name_of_shape(name: str) -> str:
    """What the shape of an array is called, where the cache holds that and not the array."""
    return f"{name}_shape"


@dataclass(frozen=True)
class Slice:
    """The lines that compute what is needed, and how shapes of what is not at hand are spelled."""

    lines: tuple[str, ...]
    shapes: Mapping[str, str]
    leaves: frozenset[str]  # the names that are read from the cache


class Missing(Exception):
    """A value is not in the cache, and cannot be computed from it."""

    def __init__(self, name: str, drawn: bool = False, replaced: bool = False):
        super().__init__(name)
        self.name, self.drawn, self.replaced = name, drawn, replaced


@dataclass(frozen=True)
class Needs:
    """What a value is computed from: steps, names of the cache, shapes of others, values found backwards."""

    steps: frozenset[int] = frozenset()
    leaves: frozenset[str] = frozenset()
    lengths: frozenset[tuple[str, str]] = frozenset()
    undone: frozenset[tuple[int, str]] = frozenset()  # before which step, and the line

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            self.steps | other.steps,
            self.leaves | other.leaves,
            self.lengths | other.lengths,
            self.undone | other.undone,
        )


@dataclass
class Slicer:
    """Looks for values among the steps of one forward."""

    steps: Sequence[Step]
    lines: Sequence[str]
    params: Set[str]
    bound: Set[str]
    held: Held
    leaves: Sequence[Leaf]
    lengths: Lengths
    wanted: dict[int, set[str]] = field(default_factory=dict)  # of each step
    banned: set[str] = field(
        default_factory=set
    )  # names whose version in the cache is in the way
    found: dict[tuple[Spot, int], Needs | Missing] = field(default_factory=dict)

    def slice(self, needed: Iterable[Spot]) -> Slice:
        """The lines for what is needed where the forward ends."""
        needed = list(needed)
        for _ in range(ROUNDS):
            before = {k: set(v) for k, v in self.wanted.items()}
            self.found = {}
            needs = self._all(needed, len(self.steps))
            if before != self.wanted:
                continue
            if (name := self._in_the_way(needs)) is None:
                return self._told(needs)
            self.banned.add(name)
        raise Missing(min(s.name for s in needed))

    # --- versions --------------------------------------------------------------------------------------------------

    def version(self, spot: Spot, at: int) -> int:
        """The last step before `at` that changes what the spot holds."""
        return next(
            (i for i in reversed(range(at)) if self.steps[i].changes(spot)), FIRST
        )

    def _kept(self, leaf: Leaf, spot: Spot) -> int | None:
        """The version of `spot` that the cache holds in the end; None where that is not sure."""
        if leaf.copied:
            return self.version(spot, leaf.at)
        later = range(leaf.at, len(self.steps))
        rebound = any(spot.name in self.steps[i].binds for i in later)
        written = any(
            self.steps[i].changes(spot) and spot.name not in self.steps[i].binds
            for i in later
        )
        if rebound and (
            written or any(spot.lies_in(s) for i in later for s in self.steps[i].stores)
        ):
            return None
        return self.version(spot, leaf.at if rebound else len(self.steps))

    def _leaf(self, spot: Spot, version: int) -> Leaf | None:
        return next(
            (
                f
                for f in self.leaves
                if spot.lies_in(f.spot)
                and f.spot.name not in self.banned
                and self._kept(f, spot) == version
            ),
            None,
        )

    # --- where a value comes from ----------------------------------------------------------------------------------

    def _all(self, wanted: Iterable[Spot], at: int) -> Needs:
        """What all of these are computed from."""
        needs = Needs()
        for spot in sorted(wanted, key=lambda s: (s.name, s.part)):
            needs |= self.need(spot, at)
        return needs

    def need(self, spot: Spot, at: int) -> Needs:
        """What `spot`, as it is before the step `at`, is computed from."""
        version = self.version(spot, at)
        if (spot, version) not in self.found:
            self.found[spot, version] = Missing(spot.name)
            try:
                self.found[spot, version] = self._need(spot, version, at)
            except Missing as missing:
                self.found[spot, version] = missing
        found = self.found[spot, version]
        if isinstance(found, Missing):
            raise found
        return found

    def _need(self, spot: Spot, version: int, at: int) -> Needs:
        if spot.name not in self.bound:
            return Needs()
        if (leaf := self._leaf(spot, version)) is not None:
            if leaf.spot.part == SHAPE:
                pair = spot.name, name_of_shape(spot.name)
                return Needs(lengths=frozenset([pair]))
            return Needs(leaves=frozenset([leaf.spot.name]))
        if spot.part == SHAPE and (told := self._length(spot, at)) is not None:
            return told
        try:
            return self._computed(spot, version)
        except Missing:
            if (undone := self._undone(spot, version)) is None:
                raise
            return undone

    def _length(self, spot: Spot, at: int) -> Needs | None:
        """The shape of something else, where that is the same."""
        if self.version(spot, at) != self.version(spot, len(self.steps)):
            return None
        known = self.lengths.instead_of(spot.name, self._current)
        return (
            None
            if known is None
            else Needs(leaves=known[1], lengths=frozenset([(spot.name, known[0])]))
        )

    def _current(self, name: str) -> bool:
        """The cache holds what the name stands for where the forward ends."""
        spot = Spot(name)
        return self._leaf(spot, self.version(spot, len(self.steps))) is not None

    def _computed(self, spot: Spot, version: int) -> Needs:
        if version == FIRST:
            raise Missing(spot.name, replaced=any(s.changes(spot) for s in self.steps))
        if spot.name in self.held.drawn:
            raise Missing(spot.name, drawn=True)
        step = self.part(version, spot.name)
        prior = [
            Spot(n)
            for n in step.keeps
            if n in self.params or self.version(Spot(n), version) != FIRST
        ]
        if drawn := sorted(step.binds & self.held.drawn):
            raise Missing(drawn[0], drawn=True)
        return Needs(frozenset([version])) | self._all([*step.reads, *prior], version)

    def part(self, index: int, name: str = "") -> Step:
        """Of the step what is wanted of it."""
        names = self.wanted.setdefault(index, set())
        if name:
            names.add(name)
        return part_of(self.lines, self.steps[index], names, self.held)

    # --- found backwards -------------------------------------------------------------------------------------------

    def _undone(self, spot: Spot, version: int) -> Needs | None:
        """n = m * d, of m = n / d, where the cache has m and d: what is divided by is not zero there."""
        if (
            spot.part
            or version == FIRST
            or any(s.name == spot.name for s in self.steps[version].stores)
        ):
            return None
        for at in range(version + 1, len(self.steps)):
            match self.steps[at].node:
                case ast.Assign(
                    targets=[ast.Name(id=made)],
                    value=ast.BinOp(
                        left=ast.Name(id=name), op=ast.Div(), right=ast.Name(id=by)
                    ),
                ) if (
                    name == spot.name and self.version(spot, at) == version
                ):
                    line = f"{name} = {made} * {by}"
                case ast.Assign(
                    targets=[ast.Name(id=made)],
                    value=ast.BinOp(
                        left=ast.Name(id=name), op=ast.Mult(), right=ast.Name(id=by)
                    ),
                ) if (
                    name == spot.name
                    and self.version(spot, at) == version
                    and self._is_reciprocal(by, at)
                ):
                    line = f"{name} = {made} / {by}"
                case ast.Assign(
                    targets=[ast.Name(id=made)],
                    value=ast.BinOp(
                        left=ast.Constant(value=number),
                        op=ast.Div(),
                        right=ast.Name(id=name),
                    ),
                ) if (
                    name == spot.name and self.version(spot, at) == version
                ):
                    by, line = made, f"{name} = {number!r} / {made}"
                case _:
                    continue
            last = len(self.steps) if by == made else at
            parts = self._leaf(Spot(made), at), self._leaf(
                Spot(by), self.version(Spot(by), last)
            )
            if all(parts) and self.lengths.are_same(name, made):
                return Needs(
                    leaves=frozenset([made, by]), undone=frozenset([(version, line)])
                )
        return None

    def _is_reciprocal(self, name: str, at: int) -> bool:
        """The name stands for one divided by something, which is never zero."""
        version = self.version(Spot(name), at)
        match self.steps[version].node if version != FIRST else None:
            case ast.Assign(value=ast.BinOp(left=ast.Constant(), op=ast.Div())):
                return True
            case _:
                return False

    # --- text ------------------------------------------------------------------------------------------------------

    def _in_the_way(self, needs: Needs) -> str | None:
        """A name of the cache that a step gives another value, or writes into."""
        shown = {s for name in needs.leaves for s in self._group(name)}
        for index in sorted(needs.steps):
            step = self.part(index)
            for name in sorted(needs.leaves & step.binds):
                leaf = next(f for f in self.leaves if f.spot.name == name)
                if index != self._kept(leaf, Spot(name)):
                    return name
            if written := sorted(shown & {s.name for s in step.stores}):
                return next(
                    n for n in sorted(needs.leaves) if written[0] in self._group(n)
                )
        return None

    def _group(self, name: str) -> set[str]:
        return {name}.union(*(g for g in self.held.sharing if name in g))

    def _told(self, needs: Needs) -> Slice:
        texts: dict[tuple[int, int], Sequence[str]] = {
            (i, 1): self.part(i).text for i in needs.steps
        }
        for index, line in needs.undone:
            texts[index, 0] = [line]
        lines = [line for _, text in sorted(texts.items()) for line in text]
        return Slice(tuple(lines), dict(needs.lengths), needs.leaves)
