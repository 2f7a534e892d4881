"""A file with stubs -> its lines with the bodies in place; every other byte stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.filling.bodies import Transform, body_of
from flatgrad.filling.stubs import Left, Stub, stubs_of
from flatgrad.options import Options


FOUR = "    "


@dataclass(frozen=True)
class Filled:
    """A file as it is afterwards, what was filled in, and what was left as it is."""

    data: bytes
    stubs: list[Stub]
    left: list[Left]


def fill(data: bytes, text: str, encoding: str, newline: str, options: Options, transform: Transform) -> Filled:  # fmt: skip
    """Every stub of the file, or those of `options.functions`; the problems of all of them are told together."""
    stubs, left = _asked(*stubs_of(text), options)
    problems: list[Diagnostic] = []
    bodies: list[tuple[Stub, list[str]]] = []
    for stub in stubs:
        try:
            bodies.append((stub, body_of(stub, text, options, transform)))
        except FlatgradError as error:
            problems += [d for d in error.diagnostics if d not in problems]
    if problems:
        raise FlatgradError(*problems)
    lines = data.splitlines(keepends=True)
    for stub, body in sorted(bodies, key=lambda pair: -pair[0].first):
        code = _in_place(stub, body, text.split("\n"))
        encoded = [f"{line}{newline}".encode(encoding) for line in code]
        at = stub.first - 1
        if at and at == len(lines) and not lines[-1].endswith((b"\n", b"\r")):
            lines[-1] += newline.encode(encoding)
        lines[at : stub.last] = encoded
    return Filled(b"".join(lines), stubs, left)


def _asked(stubs: list[Stub], left: list[Left], options: Options) -> tuple[list[Stub], list[Left]]:  # fmt: skip
    if not options.functions:
        return stubs, left
    known = {s.name: s for s in stubs}
    missing = [name for name in options.functions if name not in known]
    if missing:
        step = f"empty backward functions of this file: {', '.join(known) or 'none'}"
        raise FlatgradError(
            *(Diagnostic("FG503", f"there is no empty {n}", step) for n in missing)
        )
    return [known[name] for name in options.functions], []


def _in_place(stub: Stub, body: Sequence[str], lines: Sequence[str]) -> list[str]:
    """The lines with the indentation of the file."""
    outer = _indentation(lines[stub.node.lineno - 1])
    begin = stub.node.body[0]
    before = lines[begin.lineno - 1].encode()[: begin.col_offset].decode()
    if before.strip():  # def relu_backward(dout, cache): pass
        inner = outer + FOUR
        return [before.rstrip(), *(_indented(line, inner, FOUR) for line in body)]
    unit = before.removeprefix(outer) or FOUR
    return [_indented(line, before, unit) for line in body]


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def _indented(line: str, inner: str, unit: str) -> str:
    if not line.strip():
        return ""
    text = line.lstrip(" ")
    return inner + unit * ((len(line) - len(text)) // 4) + text


__all__ = ["Filled", "fill"]
