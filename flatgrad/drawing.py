"""Boxes and arrows -> the text of a picture: the dot language, Mermaid, SVG. The same boxes give the same bytes."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from flatgrad.layered import Laid, lay_out


@dataclass(frozen=True)
class Box:
    """One node: what it is, and under it its value and its gradient, where there are such."""

    title: str
    value: str = ""
    gradient: str = ""
    kind: str = "operation"  # input, operation or output


@dataclass(frozen=True)
class Arrow:
    """From one box to another, by their positions; the label is the local derivative."""

    start: int
    end: int
    label: str = ""


@dataclass(frozen=True)
class Picture:
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]


# --- dot -------------------------------------------------------------------------------------------------------------

DOT_SHAPES = {"input": "ellipse", "operation": "box", "output": "box"}


def to_dot(picture: Picture) -> str:
    """For Graphviz: `dot -Tsvg`."""
    lines = ["digraph {", "    rankdir=LR", '    node [fontname="Helvetica"]']
    lines += [_dot_node(n, box) for n, box in enumerate(picture.boxes)]
    lines += [_dot_edge(arrow) for arrow in picture.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _dot_node(number: int, box: Box) -> str:
    label = "\\n".join(map(_in_quotes, _lines(box)))
    bold = ", penwidth=2" if box.kind == "output" else ""
    return f'    n{number} [label="{label}", shape={DOT_SHAPES[box.kind]}{bold}]'


def _dot_edge(arrow: Arrow) -> str:
    label = f' [label="{_in_quotes(arrow.label)}"]' if arrow.label else ""
    return f"    n{arrow.start} -> n{arrow.end}{label}"


def _in_quotes(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _lines(box: Box) -> list[str]:
    value = f"value {box.value}" if box.value else ""
    gradient = f"gradient {box.gradient}" if box.gradient else ""
    return [line for line in (box.title, value, gradient) if line]


# --- Mermaid ---------------------------------------------------------------------------------------------------------

MERMAID_SHAPES = {"input": "([{}])", "operation": "[{}]", "output": "[[{}]]"}


def to_mermaid(picture: Picture) -> str:
    """For Markdown pages: a block that begins with ```mermaid."""
    lines = ["flowchart LR"]
    for number, box in enumerate(picture.boxes):
        label = "<br>".join(map(_as_entities, _lines(box)))
        shape = MERMAID_SHAPES[box.kind].format(f'"{label}"')
        lines.append(f"    n{number}{shape}")
    lines += [_mermaid_edge(arrow) for arrow in picture.arrows]
    return "\n".join(lines) + "\n"


def _mermaid_edge(arrow: Arrow) -> str:
    label = f'|"{_as_entities(arrow.label)}"|' if arrow.label else ""
    return f"    n{arrow.start} -->{label} n{arrow.end}"


def _as_entities(text: str) -> str:
    """Letters, digits and harmless signs as they are; what Mermaid or Markdown would read, by its number."""
    return "".join(
        c if c.isalnum() or c in " .,=+-*/()" else f"#{ord(c)};" for c in text
    )


# --- SVG -------------------------------------------------------------------------------------------------------------

# Rules of a picture within a page hold for the whole page: these are of one class.
STYLE = """\
.flatgrad text { font: 13px Helvetica, Arial, sans-serif; text-anchor: middle; fill: #222 }
.flatgrad .value { fill: #1a7f37 }
.flatgrad .gradient { fill: #b42318 }
.flatgrad .local { font-size: 11px; fill: #555 }
.flatgrad rect { fill: #fff; stroke: #555 }
.flatgrad .input { fill: #eef4ff }
.flatgrad .output { stroke-width: 2.5 }
.flatgrad .halo { stroke: none; opacity: 0.85 }
.flatgrad path { fill: none; stroke: #888 }
.flatgrad .head { fill: #888; stroke: none }"""
LINE = 17  # pixels from one line of text to the next
PADDING = 10


def to_svg(picture: Picture) -> str:
    """A picture that any browser shows: values are green, gradients red, local derivatives on the arrows."""
    sizes = [_size(box) for box in picture.boxes]
    ends = [(arrow.start, arrow.end) for arrow in picture.arrows]
    widths = [_width(arrow.label, 11) for arrow in picture.arrows]
    laid = lay_out(sizes, ends, widths)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="flatgrad" viewBox="0 0 {laid.width} {laid.height}" width="{laid.width}" height="{laid.height}">'
    parts = [head, f"<style>{STYLE}</style>", ARROWHEAD]
    parts += [_svg_path(points) for points in laid.paths]
    parts += [
        line for n, box in enumerate(picture.boxes) for line in _svg_box(box, laid, n)
    ]
    parts += [
        line
        for n, arrow in enumerate(picture.arrows)
        for line in _svg_label(arrow.label, laid, n)
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


ARROWHEAD = (
    '<defs><marker id="flatgrad-head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M 0 0 L 8 4 L 0 8 z" class="head"/></marker></defs>'
)


def _size(box: Box) -> tuple[int, int]:
    lines = [box.title, box.value, box.gradient]
    widest = max(_width(line, 13) for line in lines)
    return widest + 2 * PADDING, LINE * sum(map(bool, lines)) + PADDING


def _width(text: str, size: int) -> int:
    """About as wide as the text is in Helvetica."""
    narrow = sum(c in "ijl.,:;'|!()[] " for c in text)
    return round(size * (0.62 * (len(text) - narrow) + 0.32 * narrow))


def _svg_path(points: Sequence[tuple[int, int]]) -> str:
    """A curve that leaves and enters each point level."""
    (x, y), *others = points
    path = f"M {x} {y}"
    for a, b in others:
        middle = (x + a) // 2
        path += f" C {middle} {y} {middle} {b} {a} {b}"
        x, y = a, b
    return f'<path d="{path}" marker-end="url(#flatgrad-head)"/>'


def _svg_box(box: Box, laid: Laid, number: int) -> list[str]:
    x, y = laid.centres[number]
    width, height = _size(box)
    round_corner = 14 if box.kind == "input" else 4
    rect = f'<rect class="{box.kind}" x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}" rx="{round_corner}"/>'
    lines = [("title", box.title), ("value", box.value), ("gradient", box.gradient)]
    texts, top = [rect], y - height // 2 + LINE
    for kind, text in lines:
        if text:
            texts.append(
                f'<text class="{kind}" x="{x}" y="{top}">{_escaped(text)}</text>'
            )
            top += LINE
    return texts


def _svg_label(label: str, laid: Laid, number: int) -> list[str]:
    if not label:
        return []
    x, y = laid.labels[number]
    width = _width(label, 11) + 4
    halo = f'<rect class="halo" x="{x - width // 2}" y="{y - 7}" width="{width}" height="14"/>'
    return [halo, f'<text class="local" x="{x}" y="{y + 4}">{_escaped(label)}</text>']


def _escaped(text: str) -> str:
    """As XML has it: without control characters, which it does not have at all."""
    return html.escape("".join(c if c.isprintable() else " " for c in text))
