"""A code object -> the text that it was compiled from, with its place in the file; a text that has changed is refused."""

from __future__ import annotations

import ast
import functools
import linecache
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from flatgrad.interface.refusing import refusal

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
MARGIN = "    "
Edit = tuple[int, int, int, int, str]  # line, byte, line, byte of the file; new text


@dataclass(frozen=True)
class Written:
    """A function as its file has it."""

    filename: str
    source: str  # of the whole file
    node: Definition

    @property
    def is_lambda(self) -> bool:
        return isinstance(self.node, ast.Lambda)

    @property
    def first_line(self) -> int:
        return self.node.lineno

    @property
    def indent(self) -> int:
        """How many columns its text is moved to the left."""
        return 0 if self.is_lambda else self.node.col_offset

    def text(self, name: str, edits: Sequence[Edit] = ()) -> str:
        """The definition under `name`, without decorators, with some spans replaced."""
        if isinstance(self.node, ast.Lambda):
            return self._text_of_lambda(name, edits)
        named = _after_def(self._line(self.node.lineno), self.node)
        line, start, end = self.node.lineno, *named
        edits = [*edits, (line, start, line, end, name)]
        return self._span(self.node, edits, self.indent) + "\n"

    def as_member(self, name: str, edits: Sequence[Edit] = ()) -> str:
        """The definition as it stands in the body of a class."""
        if isinstance(self.node, ast.Lambda) or self.indent != len(MARGIN):
            return textwrap.indent(self.text(name, edits), MARGIN)
        line = self.node.lineno
        start, end = _after_def(self._line(line), self.node)
        edits = [*edits, (line, start, line, end, name)]
        return f"{MARGIN}{self._span(self.node, edits, 0)}\n"

    def _text_of_lambda(self, name: str, edits: Sequence[Edit]) -> str:
        assert isinstance(self.node, ast.Lambda)
        body = self._span(self.node.body, edits, 0)
        parameters = ast.unparse(_with_defaults(self.node.args, edits))
        body = f"(\n{body}\n    )" if "\n" in body else body
        return f"def {name}({parameters}):\n    return {body}\n"

    def _line(self, number: int) -> str:
        return self.source.split("\n")[number - 1]

    def _span(self, node: ast.AST, edits: Sequence[Edit], indent: int) -> str:
        first, last = _position(node), _end(node)
        lines = [line.encode() for line in self.source.split("\n")]
        comment = (
            b"" if self.is_lambda else _trailing_comment(lines[last[0] - 1], last[1])
        )
        lines[last[0] - 1] = lines[last[0] - 1][: last[1]] + comment
        for edit in sorted(edits, reverse=True):
            if first <= edit[:2] and edit[2:4] <= last:
                _replace(lines, edit)
        kept = lines[first[0] - 1 : last[0]]
        kept[0] = kept[0][first[1] :]
        return b"\n".join([kept[0], *(_moved(k, indent) for k in kept[1:])]).decode()


def _with_defaults(arguments: ast.arguments, edits: Sequence[Edit]) -> ast.arguments:
    """The parameters of a lambda, with other defaults where edits say so."""
    told = {edit[:2]: ast.parse(edit[4], mode="eval").body for edit in edits}
    changed = ast.arguments(**{n: getattr(arguments, n) for n in arguments._fields})
    changed.defaults = [told.get(_position(d), d) for d in arguments.defaults]
    changed.kw_defaults = [
        None if d is None else told.get(_position(d), d) for d in arguments.kw_defaults
    ]
    return changed


def _position(node: Any) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: Any) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset


def _replace(lines: list[bytes], edit: Edit) -> None:
    """A span, which keeps its number of lines, gets another text."""
    line, start, end_line, end, text = edit
    if line == end_line:
        row = lines[line - 1]
        lines[line - 1] = row[:start] + text.encode() + row[end:]
        return
    lines[end_line - 1] = lines[end_line - 1][end:]
    for between in range(line, end_line - 1):
        lines[between] = b""
    lines[line - 1] = lines[line - 1][:start] + text.encode()


def _moved(line: bytes, indent: int) -> bytes:
    return line[indent:] if not line[:indent].strip() else line.lstrip()


def _trailing_comment(line: bytes, end: int) -> bytes:
    rest = line[end:]
    return rest if rest.strip().startswith(b"#") else b""


def _after_def(line: str, node: Any) -> tuple[int, int]:
    """Where on its line the name of a function stands, in bytes."""
    data, name = line.encode(), node.name.encode()
    start = data.index(name, data.index(b"def", node.col_offset) + 3)
    return start, start + len(name)


# --- from code to text ---------------------------------------------------------------------------------------------------

_known: dict[tuple[str, CodeType], Written] = {}


def written(function: FunctionType) -> Written:
    """The text of a function; what was found once is known, even when its file has changed since."""
    code = function.__code__
    key = code.co_filename, code
    if key not in _known:
        _known[key] = _found(function, code)
    return _known[key]


def _found(function: FunctionType, code: CodeType) -> Written:
    changed = False
    for source in _sources(code.co_filename, function.__globals__):
        tree = parsed(source)
        found = _candidates(tree, code) if tree is not None else ()
        candidates = sorted(found, key=_position, reverse=True)  # the innermost first
        for node in candidates:
            if _is_compiled_from(code, source):
                return Written(code.co_filename, source, node)
        changed = True
    raise _no_text(function, code, changed)


def _sources(filename: str, namespace: dict[str, Any]) -> Iterator[str]:
    """The text of the file as it was last seen, then as it is now."""
    first = "".join(linecache.getlines(filename, namespace))
    if first:
        yield first.replace("\r\n", "\n")
    linecache.checkcache(filename)
    second = "".join(linecache.getlines(filename, namespace))
    if second and second != first:
        yield second.replace("\r\n", "\n")


@functools.lru_cache(maxsize=64)
def parsed(source: str) -> ast.Module | None:
    try:
        with without_warnings():
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


@contextmanager
def without_warnings() -> Iterator[None]:
    """What there is to warn of was told when the file was imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _candidates(tree: ast.Module, code: CodeType) -> Iterator[Definition]:
    """The definitions that begin where the code does; of lambdas within lambdas, the innermost comes last."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                if node.name == code.co_name and first == code.co_firstlineno:
                    yield node
            case ast.Lambda() if code.co_name == "<lambda>":
                if node.lineno == code.co_firstlineno and _holds(node, code):
                    yield node
            case _:
                pass


def _holds(node: ast.Lambda, code: CodeType) -> bool:
    """The instructions of the code come from the body of this lambda, as columns tell."""
    first, last = _position(node.body), _end(node.body)
    for line, end_line, column, end in code.co_positions():
        if line is None or end_line is None or column is None or end is None:
            continue
        if (line, column) < (node.lineno, node.col_offset):
            continue
        if not (first <= (line, column) and (end_line, end) <= last):
            return False
    spans = [p for p in code.co_positions() if None not in p and p[2:] != (0, 0)]
    return any(
        (p[0], p[2]) >= first and (p[1], p[3]) <= last for p in spans if p[0] and p[1]
    )


def _is_compiled_from(code: CodeType, source: str) -> bool:
    """Compiled again, the file gives the same instructions; a file that does not compile alone is believed."""
    if any(name.startswith("@py") for name in (*code.co_names, *code.co_varnames)):
        return True  # assertions that pytest has rewritten
    flags, key = code.co_flags & _FUTURE, (code.co_name, code.co_firstlineno)
    again = _codes(source, flags)
    if not again or any(_same(code, found) for found in again.get(key, ())):
        return True
    alone = _codes(source, flags, by_statement=True)
    return any(_same(code, found) for found in alone.get(key, ()))


@functools.lru_cache(maxsize=16)
def _codes(
    source: str, flags: int, by_statement: bool = False
) -> dict[tuple[str, int], list[CodeType]]:
    """Every function of a text, compiled, by its name and first line; notebooks compile each statement by itself."""
    try:
        with without_warnings():
            units = [ast.parse(source)]
            if by_statement:
                units = [ast.Module([node], []) for node in units[0].body]
            pending = [
                compile(u, "<again>", "exec", flags, dont_inherit=True) for u in units
            ]
    except (SyntaxError, ValueError):
        return {}
    found: dict[tuple[str, int], list[CodeType]] = {}
    while pending:
        current = pending.pop()
        found.setdefault((current.co_name, current.co_firstlineno), []).append(current)
        pending += [c for c in current.co_consts if isinstance(c, CodeType)]
    return found


def _future_flags() -> int:
    import __future__

    return functools.reduce(
        lambda flags, name: flags | getattr(__future__, name).compiler_flag,
        __future__.all_feature_names,
        0,
    )


_FUTURE = _future_flags()


def _same(one: CodeType, other: CodeType) -> bool:
    if (one.co_code, one.co_varnames) != (other.co_code, other.co_varnames):
        return False
    if one.co_names != other.co_names or len(one.co_consts) != len(other.co_consts):
        return False
    return all(map(_same_constant, one.co_consts, other.co_consts))


def _same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return _same(one, other)
    return type(one) is type(other) and repr(one) == repr(other)


def _no_text(function: FunctionType, code: CodeType, changed: bool) -> Exception:
    name = function.__qualname__
    if changed:
        what = f"the text of {name} is not what it was when it was loaded"
        step = "reload its module, so that text and function agree"
    else:
        what = f"the text of {name} cannot be had ({code.co_filename})"
        step = "define it in a file, in IPython or in a notebook"
    return refusal("FG702", what, step, code.co_filename)


__all__ = ["Edit", "Written", "parsed", "without_warnings", "written"]
