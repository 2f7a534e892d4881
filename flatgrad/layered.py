"""Sizes of boxes and the arrows between them -> places: in layers from left to right, with few crossings.

A box stands one layer behind the last of those that lead to it. An arrow over several layers passes each of them
at a point of its own. Within a layer, boxes and points are ordered by the average of their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP_ACROSS, GAP_DOWN, MARGIN = 46, 22, 12
ROUNDS = 8

Point = tuple[int, int]


@dataclass(frozen=True)
class Laid:
    """Where everything stands; the paths and labels in the order of the arrows."""

    width: int
    height: int
    centres: list[Point]
    paths: list[list[Point]]
    labels: list[Point]


def lay_out(
    sizes: Sequence[Point], arrows: Sequence[Point], labels: Sequence[int]
) -> Laid:
    """Boxes in the order of the arrows: each arrow leads to a later one. `labels` are widths."""
    layer = _layers(len(sizes), arrows)
    every, chains = [*sizes], []
    for start, end in arrows:
        points = [*range(len(every), len(every) + layer[end] - layer[start] - 1)]
        every += [(0, 0)] * len(points)
        layer += range(layer[start] + 1, layer[end])
        chains.append([start, *points, end])
    rows = _ordered(layer, chains)
    ys = _heights(rows, every, chains)
    xs, width = _columns(rows, every, chains, labels)
    centres = [(xs[layer[n]], ys[n]) for n in range(len(every))]
    lowest = max(
        (y + h // 2 for (_, y), (_, h) in zip(centres, every, strict=True)), default=0
    )
    paths = [_path(chain, centres, every, arrows, n) for n, chain in enumerate(chains)]
    return Laid(
        width, lowest + MARGIN, centres[: len(sizes)], paths, [*map(_label, paths)]
    )


def _layers(count: int, arrows: Sequence[Point]) -> list[int]:
    """The longest way to each box; an input stands right before the first that reads it."""
    layer = [0] * count
    for start, end in sorted(arrows, key=lambda arrow: arrow[1]):
        layer[end] = max(layer[end], layer[start] + 1)
    targets = {end for _, end in arrows}
    for box in range(count):
        readers = [layer[end] for start, end in arrows if start == box]
        if readers and box not in targets:
            layer[box] = min(readers) - 1
    return layer


def _ordered(layer: Sequence[int], chains: Sequence[Sequence[int]]) -> list[list[int]]:
    """The boxes and points of each layer, from the top."""
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for box, number in enumerate(layer):
        rows[number].append(box)
    before, after = _neighbours(len(layer), chains)
    best, fewest = [row.copy() for row in rows], _crossings(rows, chains)
    for turn in range(ROUNDS):
        down = turn % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            _sort(row, rows, before if down else after)
        if (count := _crossings(rows, chains)) < fewest:
            best, fewest = [row.copy() for row in rows], count
    return best


def _neighbours(
    count: int, chains: Sequence[Sequence[int]]
) -> tuple[list[list[int]], list[list[int]]]:
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for chain in chains:
        for a, b in pairwise(chain):
            before[b].append(a)
            after[a].append(b)
    return before, after


def _sort(
    row: list[int], rows: Sequence[Sequence[int]], near: Sequence[Sequence[int]]
) -> None:
    place = {box: n for other in rows for n, box in enumerate(other)}

    def average(box: int) -> float:
        found = [place[other] for other in near[box]]
        return sum(found) / len(found) if found else place[box]

    row.sort(key=lambda box: (average(box), place[box]))


def _crossings(rows: Sequence[Sequence[int]], chains: Sequence[Sequence[int]]) -> int:
    place = {box: (n, m) for n, row in enumerate(rows) for m, box in enumerate(row)}
    between: dict[int, list[Point]] = {}
    for chain in chains:
        for a, b in pairwise(chain):
            between.setdefault(place[a][0], []).append((place[a][1], place[b][1]))
    return sum(map(_crossed, between.values()))


def _crossed(lines: list[Point]) -> int:
    """Pairs in the one order on the left and in the other on the right."""
    ends = [end for _, end in sorted(lines)]
    return sum(a > b for n, a in enumerate(ends) for b in ends[n + 1 :])


def _heights(
    rows: Sequence[Sequence[int]],
    sizes: Sequence[Point],
    chains: Sequence[Sequence[int]],
) -> list[int]:
    """The middle of each box: near that of its neighbours, in the order of the row."""
    before, after = _neighbours(len(sizes), chains)
    ys = [0] * len(sizes)
    for row in rows:
        _place(row, sizes, ys, [0.0] * len(row))
    for turn in range(ROUNDS):
        near = before if turn % 2 == 0 else after
        for row in rows if turn % 2 == 0 else reversed(rows):
            wanted = [_mean([ys[o] for o in near[box]], ys[box]) for box in row]
            _place(row, sizes, ys, wanted)
    top = min((ys[n] - sizes[n][1] // 2 for n in range(len(sizes))), default=0)
    return [y - top + MARGIN for y in ys]


def _mean(found: Sequence[int], otherwise: int) -> float:
    return sum(found) / len(found) if found else otherwise


def _place(
    row: Sequence[int], sizes: Sequence[Point], ys: list[int], wanted: Sequence[float]
) -> None:
    """As near to what is wanted as the others of the row allow, none of which is passed."""
    lows, edge = [], float("-inf")
    for box, y in zip(row, wanted, strict=True):
        half = max(sizes[box][1], 8) / 2
        lows.append(max(y, edge + half))
        edge = lows[-1] + half + GAP_DOWN
    shift = sum(w - low for w, low in zip(wanted, lows, strict=True)) / max(len(row), 1)
    for box, low in zip(row, lows, strict=True):
        ys[box] = round(low + shift)


def _columns(
    rows: Sequence[Sequence[int]],
    sizes: Sequence[Point],
    chains: Sequence[Sequence[int]],
    labels: Sequence[int],
) -> tuple[list[int], int]:
    """The middle of each layer, far enough apart for the labels between them; and the width of all."""
    layer = {box: n for n, row in enumerate(rows) for box in row}
    gaps = [GAP_ACROSS] * len(rows)
    for chain, label in zip(chains, labels, strict=True):
        first = layer[chain[0]]
        gaps[first] = max(gaps[first], GAP_ACROSS + label)
    xs, edge = [], MARGIN
    for row, gap in zip(rows, gaps, strict=True):
        width = max(sizes[box][0] for box in row)
        xs.append(edge + width // 2)
        edge += width + gap
    return xs, edge - (gaps[-1] if gaps else 0) + MARGIN


def _path(
    chain: Sequence[int],
    centres: Sequence[Point],
    sizes: Sequence[Point],
    arrows: Sequence[Point],
    number: int,
) -> list[Point]:
    """From the right side of the one box to the left side of the other; arrows between the same two side by side."""
    twins = [n for n, arrow in enumerate(arrows) if arrow == arrows[number]]
    aside = round(18 * (twins.index(number) - (len(twins) - 1) / 2))
    (x, y), (a, b) = centres[chain[0]], centres[chain[-1]]
    first, last = (x + sizes[chain[0]][0] // 2, y), (a - sizes[chain[-1]][0] // 2, b)
    if len(chain) == 2 and aside:
        return [first, ((first[0] + last[0]) // 2, (y + b) // 2 + aside), last]
    return [first, *(centres[n] for n in chain[1:-1]), last]


def _label(path: Sequence[Point]) -> Point:
    """In the middle of the first stretch, or of the point beside it."""
    if len(path) == 3 and path[1][0] == (path[0][0] + path[2][0]) // 2:
        return path[1]
    (x, y), (a, b) = path[0], path[1]
    return (x + a) // 2, (y + b) // 2
