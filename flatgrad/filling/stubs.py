"""Text of a file -> the backward functions in it that are still empty, with the forward that each belongs to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Definition = ast.FunctionDef

END = re.compile(r"#.*\bend\b.*\b(your|code|todo|implementation|solution)\b", re.IGNORECASE)  # fmt: skip
RULER = re.compile(r"\s*#+\s*")
PREFIXES = ("grad_", "d_", "d")  # of names of derivatives


@dataclass(frozen=True)
class Stub:
    """A backward function without a body, and where its lines belong. Lines count from 1."""

    name: str  # Class.backward for a method
    forward: str
    node: Definition
    first: (
        int  # the lines from here to `last` give way to the code, none if last < first
    )
    last: int
    results: tuple[str, ...] | None  # what a return that stays gives; None without one
    is_loss: bool = False  # the forward stands above, in the same function
    told: tuple[
        str, ...
    ] = ()  # of a loss, the parameters of the results; "" where no name tells

    @property
    def parameters(self) -> list[str]:
        """Those without a default: the cotangents, and at last the cache."""
        arguments = self.node.args
        every = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        return every[: len(every) - len(arguments.defaults)]


@dataclass(frozen=True)
class Left:
    """An empty backward function that is left as it is, and why."""

    name: str
    line: int
    why: str


def stubs_of(text: str) -> tuple[list[Stub], list[Left]]:
    """The empty backward functions of a file: those with a forward, and those without."""
    functions = dict(functions_in(ast.parse(text)))
    lines = text.split("\n")
    found: list[Stub] = []
    left: list[Left] = []
    for name, node in functions.items():
        if "backward" not in name.rpartition(".")[2] or not is_empty(node):
            continue
        forward = next((f for f in forwards_of(name) if f in functions), None)
        if forward is None:
            why = f"there is no {forwards_of(name)[0]} in this file"
            left.append(Left(name, node.lineno, why))
        elif is_empty(functions[forward]):
            left.append(Left(name, node.lineno, f"{forward} is not written yet"))
        else:
            found.append(_stub(name, forward, node, lines))
    return found, left


def functions_in(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    for node in tree.body:
        match node:
            case ast.FunctionDef():
                yield node.name, node
            case ast.ClassDef():
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        yield f"{node.name}.{inner.name}", inner


def forwards_of(name: str) -> list[str]:
    """conv_backward_naive: conv_forward_naive; batchnorm_backward_alt: batchnorm_forward, too."""
    owner, dot, last = name.rpartition(".")
    start, _, end = last.partition("backward")
    names = [f"{start}forward{end}", f"{start}forward", start.rstrip("_")]
    return [f"{owner}{dot}{n}" for n in dict.fromkeys(names) if n]


def is_empty(node: Definition) -> bool:
    """Nothing is computed: pass, ..., raise NotImplementedError, names that are None."""
    body = _without_docstring(node)
    inputs = {a.arg for a in (*node.args.posonlyargs, *node.args.args)}
    blank: set[str] = set()
    for statement in body:
        if not (is_placeholder(statement) or _is_blank(statement, inputs, blank)):
            return False
    return True


def _without_docstring(node: Definition) -> Sequence[ast.stmt]:
    described = ast.get_docstring(node, clean=False) is not None
    return node.body[1:] if described else node.body


def is_placeholder(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass():
            return True
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ...
        case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
        case _:
            return False


def _is_blank(statement: ast.stmt, inputs: set[str], blank: set[str]) -> bool:
    """dx, x = None, cache; return dx: only None, parameters and such names are passed on."""
    match statement:
        case ast.Assign(targets=targets, value=value) if _is_nothing(value, inputs | blank):  # fmt: skip
            names = [n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            blank |= {n.id for n in names}
            return True
        case ast.Return(value=value):
            return value is None or _is_nothing(value, blank)
        case _:
            return False


def _is_nothing(value: ast.expr, known: set[str]) -> bool:
    match value:
        case ast.Constant(value=None) | ast.Dict(keys=[]):
            return True
        case ast.Name(id=name):
            return name in known
        case ast.Tuple(elts=items):
            return all(_is_nothing(item, known) for item in items)
        case ast.Subscript(value=held, slice=ast.Constant()):
            return _is_nothing(held, known)
        case _:
            return False


def _stub(name: str, forward: str, node: Definition, lines: Sequence[str]) -> Stub:
    """Code takes the place of what says that there is none; else it stands before the return, or in its place."""
    body = _without_docstring(node)
    returned = body[-1] if body and isinstance(body[-1], ast.Return) else None
    results = _names(returned.value) if returned is not None else None
    placeholder = next(filter(is_placeholder, body), None)
    if placeholder is not None:
        first, last = lines_of(placeholder)
    elif returned is not None and results is None:
        first, last = lines_of(returned)
    elif returned is not None:
        first = before(node.lineno, returned, lines)
        last = first - 1
    else:
        first = (body or node.body)[-1].end_lineno or node.lineno
        first, last = first + 1, first
    return Stub(name, forward, node, first, last, results)


def _names(value: ast.expr | None) -> tuple[str, ...] | None:
    """The names that are returned, where they are not all None."""
    match value:
        case ast.Name(id=name):
            return (name,)
        case ast.Tuple(elts=items) if any(isinstance(i, ast.Name) for i in items):
            return tuple(i.id if isinstance(i, ast.Name) else "" for i in items)
        case _:
            return None


def lines_of(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.end_lineno or node.lineno


def before(start: int, returned: ast.stmt, lines: Sequence[str]) -> int:
    """The line that the code begins at: before the comment that ends the student's part, else before the return."""
    for number in range(start, returned.lineno):
        if END.search(lines[number - 1]):
            ruled = RULER.fullmatch(lines[number - 2]) is not None
            return number - ruled
    return returned.lineno


def parameter_of(result: str, parameters: Sequence[str]) -> str | None:
    """dgamma: gamma; dX and dx_: x, where nothing else is."""
    plain = result.rstrip("_")
    named = {p.lower(): p for p in parameters}
    for prefix in PREFIXES:
        name = plain.removeprefix(prefix)
        if name != plain and name in parameters:
            return name
        if name != plain and len(named) == len(parameters) and name.lower() in named:
            return named[name.lower()]
    return None
