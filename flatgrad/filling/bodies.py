"""A stub -> the lines of its body, from what the style `cache` prints for its forward."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from flatgrad.emit.unbound import unbound
from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.filling.calls import Layer, in_own_order, meanings
from flatgrad.filling.stubs import Stub, forwards_of, functions_in, parameter_of
from flatgrad.filling.trusted import with_gradients, with_trusted
from flatgrad.frontend.module import TOKEN, names_in_text
from flatgrad.options import REMAINING, Options
from flatgrad.styles.gradients import GRADS

Transform = Callable[[str, Options], str]


@dataclass(frozen=True)
class Printed:
    """A backward function as it was printed: its own lines, and what stands around it."""

    parameters: list[str]
    lines: list[str]  # of the body, but for the return; not indented
    gradients: list[str]  # expressions
    around: list[str]  # imports and definitions that it needs, not indented


@dataclass(frozen=True)
class File:
    """The text of a file, and its backward functions, which those that are filled in may call."""

    text: str
    layers: Mapping[str, Layer]
    transform: Transform


def body_of(stub: Stub, file: File, options: Options) -> list[str]:
    """The lines for a stub of the file, not indented."""
    if stub.is_loss:
        return _rest_of(stub, file, options)
    wrt = _wrt(stub, file.text)
    options = replace(options, functions=(stub.forward,), wrt=wrt, style="cache")
    emitted = file.transform(file.text, options)
    return _as_asked(stub, printed_backward(stub, emitted, file))


def _rest_of(stub: Stub, file: File, options: Options) -> list[str]:
    """The lines that a loss lacks; where the file returns a gradient of its own loss, that is read."""
    options = replace(options, functions=(stub.forward,), style=REMAINING)
    text, trusted = with_trusted(file.text, stub.forward)
    try:
        emitted = file.transform(text, options)
    except FlatgradError:
        if not trusted:
            raise
        emitted = ""
    if not all(
        one.fits(emitted) for one in trusted
    ):  # then the loss is read in its place
        emitted, trusted = file.transform(file.text, options), []
    printed = printed_backward(stub, emitted, file)
    _refuse_untold(stub, printed.gradients)
    lines = with_gradients(printed.lines, trusted)
    around = _kept_around(printed.around, lines)
    _refuse_absent(stub, around)
    _refuse_unbound(stub, lines, around, file)
    return _assigned(stub, replace(printed, lines=lines, around=around))


def _refuse_untold(stub: Stub, gradients: Sequence[str]) -> None:
    """A gradient is of one array among several, or of a dict of parameters."""
    for name, told, gradient in zip(stub.results or (), stub.told, gradients, strict=False):  # fmt: skip
        if not told and gradient != GRADS and len(_arrays(stub)) > 1:
            what = f"of which parameter {name} is the gradient, its name does not tell"
            raise refusal(stub, what, f"call it {gradient}, or begin it with np.zeros_like(...)")  # fmt: skip


def _arrays(stub: Stub) -> list[str]:
    return [n for n in stub.parameters if n != "self"]


def _refuse_absent(stub: Stub, around: Sequence[str]) -> None:
    """The backwards of layers stand beside their forwards, and not within a network."""
    for node in ast.parse("\n".join(around)).body:
        if isinstance(node, ast.FunctionDef) and "backward" in node.name:
            what = f"{stub.name} needs {node.name}, which is not in this file"
            step = (
                f"write  def {node.name}(dout, cache): pass  and it is filled in, too"
            )
            raise refusal(stub, what, step)


def _refuse_unbound(
    stub: Stub, lines: Sequence[str], around: Sequence[str], file: File
) -> None:
    """Every name that is read has a value in the function or in the file."""
    nodes = [*ast.walk(stub.node)]
    given = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}  # fmt: skip
    given |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    known = given | _defined(file.text) | _defined("\n".join(around)) | {*dir(builtins)}
    for name in sorted(unbound(lines) - known):
        what = f"the gradient needs {name}, which {stub.name} has no name for"
        raise refusal(stub, what, "split the line that computes it in two")


def _kept_around(around: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Definitions that the lines read."""
    text = "\n".join(around)
    nodes = ast.parse(text).body
    read = unbound(lines)
    kept = [n for n in nodes if _bound(n) & read]
    return [x for n in kept for x in [*_source(around, n), *_gap(n)]]


def _wrt(stub: Stub, text: str) -> tuple[str, ...]:
    """The parameters whose gradients the stub returns, by their names; none where one name does not tell."""
    if stub.results is None:
        return ()
    parameters = _parameters(text, stub.forward)
    wanted = [r for r in stub.results if r]
    found = [parameter_of(r, parameters) for r in wanted]
    if len(wanted) > 1 and not all(found):
        unknown = next(r for r, p in zip(wanted, found, strict=True) if not p)
        what = f"{stub.name} returns {unknown}, and {stub.forward} has no parameter of such a name"
        raise refusal(stub, what, "name each after its parameter: dx, dw, db")
    return tuple(p for p in found if p) if all(found) else ()


def _parameters(text: str, name: str) -> list[str]:
    node = dict(functions_in(ast.parse(text))).get(name)
    args = [*node.args.posonlyargs, *node.args.args] if node is not None else []
    return [a.arg for a in args]


def printed_backward(stub: Stub, emitted: str, file: File) -> Printed:
    """What the emitted module holds for the stub, and what the file has not yet."""
    tree = ast.parse(emitted)
    lines = emitted.split("\n")
    last = tree.body[-1]
    if isinstance(last, ast.ClassDef):
        last = last.body[-1]
    assert isinstance(last, ast.FunctionDef)
    known = _defined(file.text)
    around = [s for s in tree.body[:-1] if not _bound(s) <= known]
    returned = last.body[-1]
    assert isinstance(returned, ast.Return)
    assert returned.value is not None
    start = last.body[0].lineno
    body = _dedented(lines[_with_comments(lines, start) - 1 : returned.lineno - 1])
    values = returned.value
    gradients = values.elts if isinstance(values, ast.Tuple) else [values]
    return Printed(
        [a.arg for a in last.args.args],
        in_own_order(_stripped(body), _orders(tree, file.text), file.layers),
        [ast.unparse(g) for g in gradients],
        [line for s in around for line in [*_source(lines, s), *_gap(s)]],
    )


def _orders(tree: ast.Module, text: str) -> dict[str, list[str]]:
    """The parameters whose gradients each printed function returns."""
    found = {}
    for name, node in functions_in(tree):
        forward = next(iter(forwards_of(name)), "")
        last = node.body[-1]
        if "backward" in name and isinstance(last, ast.Return):
            found[name] = [*meanings(last.value, _parameters(text, forward))]
    return found


def _gap(statement: ast.stmt) -> list[str]:
    return [""] if isinstance(statement, ast.FunctionDef) else []


def _defined(text: str) -> set[str]:
    return {n for s in ast.parse(text).body for n in _bound(s)}


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module binds."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {(a.asname or a.name).partition(".")[0] for a in names}
        case ast.If() | ast.Try() | ast.With():
            return {n for s in statement.body for n in _bound(s)}
        case _:
            targets = [n for n in ast.walk(statement) if isinstance(n, ast.Name)]
            return {n.id for n in targets if isinstance(n.ctx, ast.Store)}


def _source(lines: Sequence[str], statement: ast.stmt) -> Sequence[str]:
    return lines[statement.lineno - 1 : statement.end_lineno]


def _with_comments(lines: Sequence[str], start: int) -> int:
    """The first line of the comment above a line."""
    while lines[start - 2].lstrip().startswith("#"):
        start -= 1
    return start


def _dedented(lines: Sequence[str]) -> list[str]:
    width = min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)
    return [line[width:] for line in lines]


def _stripped(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    while lines and not lines[0].strip():
        lines = lines[1:]
    return lines


# --- in the words of the stub


def _as_asked(stub: Stub, printed: Printed) -> list[str]:
    """The lines with the stub's names for cotangents and cache, and its names for the results."""
    names = _renamed(stub, printed)
    own = [_with_names(line, names) for line in printed.lines]
    lines = [*printed.around, *_without_said(stub, own)]
    gradients = [_with_names(g, names) for g in printed.gradients]
    if stub.results is None:
        return [*lines, f"return {', '.join(gradients)}"]
    return _assigned(stub, Printed([], lines, gradients, []))


def _assigned(stub: Stub, printed: Printed) -> list[str]:
    """The lines, and one that gives the gradients the names that the stub returns."""
    lines = [*printed.around, *printed.lines]
    wanted = [r for r in stub.results or () if r]
    if len(wanted) != len(printed.gradients):
        what = f"{stub.name} returns {len(wanted)} gradients, and {stub.forward} has {len(printed.gradients)}"
        raise refusal(stub, what, "name each after its parameter: dx, dw, db")
    pairs = [(w, g) for w, g in zip(wanted, printed.gradients, strict=True) if w != g]
    if not pairs:
        return lines
    left, right = (", ".join(side) for side in zip(*pairs, strict=True))
    return [*lines, f"{left} = {right}"]


def _without_said(stub: Stub, lines: list[str]) -> list[str]:
    """The lines after those that the stub begins with itself: x, w, b = cache"""
    said = {ast.unparse(statement) for statement in stub.node.body}
    while lines and _is_whole(lines[0]) and ast.unparse(ast.parse(lines[0])) in said:
        lines = lines[1:]
    return _stripped(lines)


def _is_whole(line: str) -> bool:
    return re.fullmatch(r"[\w, ()]+ = \w+", line) is not None


def _renamed(stub: Stub, printed: Printed) -> dict[str, str]:
    """From the names of the printed parameters to those of the stub."""
    wanted = stub.parameters
    if len(wanted) != len(printed.parameters):
        what = (
            f"{stub.name} takes {_listed(wanted)}, and {stub.forward} has the cotangents"
            f" and the cache {_listed(printed.parameters)}"
        )
        raise refusal(stub, what, "let it take one for each output, and the cache")
    names = {p: w for p, w in zip(printed.parameters, wanted, strict=True) if p != w}
    used = {n for line in printed.lines for n in names_in_text(line)}
    # A name of the stub that the lines have for something else gets out of its way.
    return {w: _free(w, used | {*wanted}) for w in names.values() if w in used} | names


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _with_names(line: str, names: dict[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        return names.get(match[1], match[0]) if match[1] else match[0]

    return TOKEN.sub(one, line)


def refusal(stub: Stub, what: str, step: str) -> FlatgradError:
    node = stub.node
    place = Place(node.lineno, node.col_offset + 5, node.lineno, node.col_offset + 5 + len(node.name))  # fmt: skip
    return FlatgradError(Diagnostic("FG801", what, step, place))
