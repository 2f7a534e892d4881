"""A file with stubs -> its lines with the bodies in place; every other byte stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.filling.bodies import File, Transform, body_of
from flatgrad.filling.calls import layers_of
from flatgrad.filling.losses import losses_of
from flatgrad.filling.static_layers import flattened
from flatgrad.filling.stubs import Left, Stub, stubs_of
from flatgrad.options import Options
from flatgrad.source import Source

FOUR = "    "


@dataclass(frozen=True)
class Filled:
    """A file as it is afterwards, what was filled in, and what was left as it is."""

    data: bytes
    stubs: list[Stub]
    left: list[Left]

    def report(self, filename: str) -> str:
        """A line for each stub."""
        lines = [f"{filename}:{s.node.lineno}: filled in {s.name}" for s in self.stubs]
        lines += [f"{filename}:{x.line}: left {x.name}: {x.why}" for x in self.left]
        lines = lines or [f"{filename}: no empty backward function"]
        return "".join(f"{line}\n" for line in lines)


def fill(source: Source, options: Options, transform: Transform) -> Filled:
    """Every stub of the file, or those of `options.functions`; the problems of all of them are told together."""
    every, left = stubs_of(source.text)
    every = sorted([*every, *losses_of(source.text)], key=lambda s: s.first)
    stubs, left = _asked(every, left, options)
    flat = flattened(source.text)
    layers = layers_of(flat.text, [flat.stub(s) for s in every])
    file = File(flat.text, layers, transform)
    problems: list[Diagnostic] = []
    bodies: list[tuple[Stub, list[str]]] = []
    for stub in stubs:
        try:
            lines = body_of(flat.stub(stub), file, options)
            bodies.append((stub, [flat.spelled(line) for line in lines]))
        except FlatgradError as error:
            found = [flat.placed(d) for d in error.diagnostics]
            if (
                stub.is_loss and not options.functions
            ):  # layers are filled in all the same
                left.append(Left(stub.name, stub.node.lineno, found[0].what))
            else:
                problems += [d for d in found if d not in problems]
    if problems:
        raise FlatgradError(*problems)
    return Filled(_with_bodies(source, bodies), [s for s, _ in bodies], left)


def _with_bodies(source: Source, bodies: list[tuple[Stub, list[str]]]) -> bytes:
    """The bytes of the file with the lines in place, from the last to the first."""
    lines, newline = source.data.splitlines(keepends=True), source.newline
    unended = not source.data.endswith((b"\n", b"\r"))
    for stub, body in sorted(bodies, key=lambda pair: -pair[0].first):
        code = _in_place(stub, body, source.text.split("\n"))
        encoded = [f"{line}{newline}".encode(source.encoding) for line in code]
        at = stub.first - 1
        if at == len(lines) and unended:
            lines[-1] += newline.encode()
        if stub.last >= len(lines) and unended:
            encoded[-1] = encoded[-1].rstrip(b"\r\n")
        lines[at : stub.last] = encoded
    return b"".join(lines)


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
