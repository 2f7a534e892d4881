"""Emitted text -> functions, in a namespace of their own that sees the live values of the user's names."""

from __future__ import annotations
import __future__

import ast
import hashlib
import linecache
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from flatgrad.interface.code_text import without_warnings
from flatgrad.interface.files import bound_by, bound_names
from flatgrad.interface.live import MISSING, Entry
from flatgrad.interface.refusing import refusal

Compiler = Callable[[Any], Any]
FLAGS = __future__.annotations.compiler_flag  # annotations are kept as text


@dataclass(frozen=True, eq=False)
class Generated:
    """The functions of an emitted module, ready to be called."""

    text: str
    filename: str
    namespace: dict[str, Any]
    plain: dict[str, FunctionType]  # by name, before they were compiled
    live: tuple[tuple[str, Entry], ...]  # the user's names that the module reads
    compiler: Compiler | None = None

    def refresh(self) -> None:
        """Let the names of the module stand for what they stand for in the user's program."""
        namespace = self.namespace
        for name, entry in self.live:
            value = entry.get()
            if value is not MISSING:
                namespace[name] = value
            else:
                namespace.pop(name, None)

    def function(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = self.namespace[name]
        return found


def load(
    text: str,
    title: str,
    entries: Mapping[str, Entry],
    module: str,
    compiler: Compiler | None = None,
) -> Generated:
    """Execute the definitions of `text`, but for those of names that live elsewhere."""
    filename = _registered(text, title)
    with without_warnings():
        tree = ast.parse(text, filename)
    if compiler is not None and root_of(compiler) == "numba":
        tree = _Counting().visit(tree)
    own = [kept for node in tree.body for kept in _own(node, entries, compiler)]
    functions = {n.name for n in own if isinstance(n, ast.FunctionDef)}
    defined = {name for node in tree.body for name in bound_names(node)}
    live = tuple((n, e) for n, e in entries.items() if n in defined - functions)
    namespace: dict[str, Any] = {"__name__": module, "__builtins__": __builtins__}
    made = Generated(text, filename, namespace, {}, live, compiler)
    made.refresh()
    with without_warnings():
        code = compile(ast.Module(own, []), filename, "exec", FLAGS, dont_inherit=True)
    exec(code, namespace)
    for node in own:
        if isinstance(node, ast.FunctionDef):
            made.plain[node.name] = namespace[node.name]
    made.refresh()
    for name, function in made.plain.items():
        if compiler is not None:
            namespace[name] = _compiled(compiler, function)
    return made


def _own(
    node: ast.stmt, entries: Mapping[str, Entry], compiler: Compiler | None
) -> Iterator[ast.stmt]:
    """What is executed of a statement: what it defines is not to be had from the user's program, or has to be compiled."""
    match node:
        case ast.FunctionDef(name=name):
            if compiler is not None or name not in entries:
                yield node
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            kept = [a for a in names if bound_by(a) not in entries]
            if kept:
                fields = {f: getattr(node, f) for f in node._fields} | {"names": kept}
                yield ast.copy_location(type(node)(**fields), node)
        case _:
            names_bound = [*bound_names(node)]
            if not names_bound or any(name not in entries for name in names_bound):
                yield node


def _registered(text: str, title: str) -> str:
    """The name under which tracebacks, debuggers and inspect find the text."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    filename = f"<flatgrad {title} {digest}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    return filename


class _Counting(ast.NodeTransformer):
    """reversed(range(n)), which numba does not know, as range(n - 1, -1, -1)."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(
                func=ast.Name(id="reversed"),
                args=[ast.Call(func=ast.Name(id="range"), args=args)],
            ):
                return ast.fix_missing_locations(
                    ast.copy_location(_backwards(args), node)
                )
            case _:
                return node


def _backwards(args: list[ast.expr]) -> ast.expr:
    """The range in reverse; by the number of its items where its step is not 1."""
    texts = [f"({ast.unparse(arg)})" for arg in args]
    match texts:
        case [stop]:
            form = f"range({stop} - 1, -1, -1)"
        case [start, stop]:
            form = f"range({stop} - 1, {start} - 1, -1)"
        case _:
            start, stop, step = texts
            count = f"len(range({start}, {stop}, {step}))"
            form = f"range({start} + ({count} - 1) * {step}, {start} - {step}, -{step})"
    return ast.parse(form, mode="eval").body


# --- compilers -----------------------------------------------------------------------------------------------------------


def _compiled(compiler: Compiler, function: FunctionType) -> Any:
    try:
        return compiler(function)
    except Exception as error:
        raise cannot_compile(compiler, function.__name__, error) from error


def root_of(compiler: Compiler) -> str:
    """The package that a compiler comes from."""
    compiler = getattr(compiler, "func", compiler)
    return str(getattr(compiler, "__module__", None) or "").partition(".")[0]


def is_of_compiler(compiler: Compiler, error: BaseException) -> bool:
    """The error tells that the compiler cannot do it, not that the function fails."""
    root = root_of(compiler)
    own = type(error).__module__.partition(".")[0]
    return (
        bool(root) and root != "builtins" and own in (root, {"jax": "jaxlib"}.get(root))
    )


def cannot_compile(compiler: Compiler, name: str, error: BaseException) -> Exception:
    told = next(
        (line for line in str(error).splitlines() if line.strip()), type(error).__name__
    )
    more = [line.strip() for line in str(error).splitlines() if line.strip()][1:2]
    what = f"{root_of(compiler) or 'the compiler'} cannot compile {name}: {' '.join([told, *more])}"
    return refusal(
        "FG705", what, "leave compile= out, or write the function in what it compiles"
    )


__all__ = ["Generated", "cannot_compile", "is_of_compiler", "load", "root_of"]
