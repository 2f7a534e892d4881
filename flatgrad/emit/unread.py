"""The text of a function -> the same text without the lines whose results nothing reads.

A function that returns the derivative alone needs less than one that returns the value, too. A line is left out where
it gives names a value that is read by no line after it, or puts something into a list or array of its own that nothing
reads, and where computing that does nothing else. Whatever is not surely so stays.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Set
from functools import partial

from flatgrad.emit.helpers import HELPERS
from flatgrad.frontend.module import Module

# What does nothing but compute, of Python's own functions and of the methods of arrays, lists and dicts.
PURE = {
    "abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "float", "int", "isinstance", "len", "list",
    "max", "min", "pow", "range", "reversed", "round", "set", "sorted", "sum", "tuple", "zip",
}  # fmt: skip
METHODS = {
    "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "conj", "conjugate", "copy", "cumprod", "cumsum",
    "diagonal", "dot", "flatten", "get", "item", "items", "keys", "max", "mean", "min", "nonzero", "prod", "ptp",
    "endswith", "format", "join", "ravel", "repeat", "split", "startswith", "strip", "reshape", "round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "transpose", "values",
    "var",
}  # fmt: skip
TENSOR_METHODS = {
    "exp", "log", "sqrt", "tanh", "sigmoid", "relu", "pow", "mm", "bmm", "mv", "t", "view", "unsqueeze", "permute",
    "expand", "logsumexp", "softmax", "log_softmax", "norm", "square", "abs", "sin", "cos", "clone", "size", "numel",
    "dim", "matmul", "gather", "masked_fill", "sum_to_size", "clamp",
}  # fmt: skip
# What writes into an argument, or draws a number, which is another one the next time.
WRITING = {
    "add.at", "subtract.at", "copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask", "seterr", "save",
    "savetxt", "print", "manual_seed", "dropout",
}  # fmt: skip
# Functions that give new numbers, and never an array that they were given.
COMPUTING = {
    "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sum", "mean", "outer",
    "zeros_like", "ones_like", "maximum", "minimum", "power", "square", "size",
}  # fmt: skip
GROWING = {"append", "extend", "insert"}
# What makes an array, a list or a dict that nothing else shows.
MAKING = {"zeros", "zeros_like", "ones", "ones_like", "empty", "empty_like", "full", "full_like", "copy", "array", "list", "dict"}  # fmt: skip


def without_unread(module: Module, text: str) -> str:
    """Lines are left out until all are read."""
    while True:
        shorter = _Function(module, text).shorter()
        if shorter == text:
            return text
        text = shorter


class _Function:
    """One function, with what is known of its names."""

    def __init__(self, module: Module, text: str):
        self.module, self.text = module, text
        (node,) = ast.parse(text).body
        assert isinstance(node, ast.FunctionDef)
        self.node = node
        self.params = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        self.own = self._own_arrays()
        self.read = _names_read(node.body, self.own)
        self.alone = self._alone()
        self.unread: list[ast.stmt] = []

    def shorter(self) -> str:
        outer = (ast.Global, ast.Nonlocal)
        if any(isinstance(node, outer) for node in ast.walk(self.node)):
            return self.text
        self._suite(self.node.body, set(), set())
        return _without(self.text, self.node, self.unread)

    def _own_arrays(self) -> set[str]:
        """Names that never stand for anything but an array, a list or a dict that the function has made for them."""
        given: dict[str, list[ast.expr | None]] = {}
        for node in ast.walk(self.node):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    given.setdefault(name, []).append(value)
                case ast.AugAssign(target=ast.Name(id=name)):
                    given.setdefault(name, [])
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    given.setdefault(name, [])
                case _:
                    pass
        stored = [
            n.id for n in ast.walk(self.node)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        ]  # fmt: skip
        grown = [
            n.target.id for n in ast.walk(self.node)
            if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
        ]  # fmt: skip
        return {
            name
            for name, values in given.items()
            if values
            and name not in self.params
            and stored.count(name) == len(values) + grown.count(name)
            and all(v is not None and _is_made(v) for v in values)
        }

    def _alone(self) -> set[str]:
        """Names whose arrays no other name can show: each is new, and only read in arithmetic."""
        shown, found = set(self.params), set[str]()
        for node in ast.walk(self.node):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_new(
                    value
                ):
                    found.add(name)
                case ast.Assign(targets=targets):
                    shown |= {n for t in targets for n in _bound(t)}
                case ast.For(target=target) | ast.comprehension(target=target):
                    shown |= _bound(target)
                case _:
                    pass
            if not _is_arithmetic(node):
                shown |= {n.id for n in _children(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}  # fmt: skip
        return found - shown

    # --- what is read after each statement, from the last to the first --------------------

    def _suite(self, body: list[ast.stmt], after: Set[str], left: Set[str]) -> set[str]:
        """The names that are read from the beginning of `body` on; `left`: those read where a loop is left or begins anew."""
        live = set(after)
        for statement in reversed(body):
            live = self._statement(statement, live, left)
        return live

    def _statement(self, node: ast.stmt, after: set[str], left: Set[str]) -> set[str]:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                one = self._suite(body, after, left)
                other = self._suite(orelse, after, left)
                if self._is_empty(node) and self._is_pure(test):
                    self.unread.append(node)
                    return after
                return one | other | _names(test)
            case ast.For(target=target, iter=over, body=body, orelse=[]):
                return self._loop(node, body, after, _names(over), _bound(target))
            case ast.While(test=test, body=body, orelse=[]):
                return self._loop(node, body, after, _names(test), set())
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Expr():
                return self._simple(node, after)
            case ast.Return():
                return _names(node)
            case ast.Break() | ast.Continue():
                return set(left) | after
            case _:
                return after | _names(node) | _bound(node)

    def _loop(
        self,
        node: ast.For | ast.While,
        body: list[ast.stmt],
        after: set[str],
        reads: set[str],
        bound: set[str],
    ) -> set[str]:
        live, known = after | reads, len(self.unread)
        while True:
            del self.unread[known:]
            begun = self._suite(body, live, live) - bound
            if begun <= live:
                break
            live |= begun
        over = isinstance(node, ast.For) and self._is_pure(node.iter)
        if self._is_empty(node) and over and bound.isdisjoint(after):
            self.unread.append(node)
            return after
        return live

    def _is_empty(self, node: ast.If | ast.For | ast.While) -> bool:
        """Nothing stands in it that stays."""
        inner = [*node.body, *node.orelse]
        return all(n in self.unread or isinstance(n, ast.Pass) for n in inner)

    def _simple(self, node: ast.stmt, after: set[str]) -> set[str]:
        if self._is_unread(node, after):
            self.unread.append(node)
            return after
        match node:
            case ast.Assign(targets=targets, value=value):
                names = {t.id for t in targets if isinstance(t, ast.Name)}
                names |= {n for t in targets if isinstance(t, ast.Tuple) for n in _plain(t)}  # fmt: skip
                others = [t for t in targets if not isinstance(t, ast.Name)]
                reads = set().union(_names(value), *map(_names, others)) - set()
                return (after - names) | reads
            case _:
                return after | _names(node) | _bound(node)

    def _is_unread(self, node: ast.stmt, after: set[str]) -> bool:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return name not in after and self._is_pure(value)
            case ast.Assign(targets=[ast.Tuple() as target], value=value):
                plain = all(isinstance(e, ast.Name) for e in target.elts)
                unread = after.isdisjoint(_bound(target))
                return plain and unread and self._is_pure(value)
            case (
                ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name)) as target], value=value)
                | ast.AugAssign(target=ast.Subscript(value=ast.Name(id=name)) as target, value=value)
            ):  # fmt: skip
                nobody = name in self.own and name not in self.read
                return nobody and self._is_pure(value) and self._is_pure(target.slice)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                return name in self.alone and name not in after and self._is_pure(value)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr), args=args)) if attr in GROWING:  # fmt: skip
                nobody = name in self.own and name not in self.read
                return nobody and all(map(self._is_pure, args))
            case _:
                return False

    # --- expressions that only compute ----------------------------------------------------

    def _is_pure(self, node: ast.expr) -> bool:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and not self._is_pure_call(inner):
                return False
            if isinstance(inner, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
                return False
        return True

    def _is_pure_call(self, node: ast.Call) -> bool:
        if any(k.arg in ("out", "where", None) for k in node.keywords):
            return False
        match node.func:
            case ast.Name(id=name):
                return name not in self.params and self._is_pure_name(name)
            case ast.Attribute(attr=attr) as func:
                path = _path(func)
                if path is not None and (root := path.partition(".")[0]) in self.module.imports:  # fmt: skip
                    return _only_computes(f"{self.module.imports[root].path}.{path.partition('.')[2]}")  # fmt: skip
                return attr in METHODS | TENSOR_METHODS
            case _:
                return False

    def _is_pure_name(self, name: str) -> bool:
        if name in self.module.functions:
            return is_pure(self.module, name)
        if name in self.module.imports:
            return _only_computes(self.module.imports[name].path)
        return name in HELPERS or (name in PURE and hasattr(builtins, name))


def is_pure(module: Module, name: str) -> bool:
    """The function of the module computes its result from its arguments, and does nothing else."""
    text = module.code(module.functions[name]).strip("\n")
    function = _Function(module, text)
    return not module.functions[name].decorators and all(
        map(partial(_is_harmless, function), ast.walk(ast.Module(function.node.body, [])))
    )  # fmt: skip


def _is_harmless(function: _Function, node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name == function.node.name:
            return True
        case ast.Call():
            return function._is_pure_call(node) or _grows_own(function, node)
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
            return name in function.own
        case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store()):  # fmt: skip
            return False
        case ast.AugAssign(target=ast.Name(id=name)):
            return name in function.own
        case ast.Global() | ast.Nonlocal() | ast.Raise() | ast.Assert() | ast.Delete():
            return False
        case ast.With() | ast.Try() | ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef() | ast.Lambda():  # fmt: skip
            return False
        case ast.Yield() | ast.YieldFrom() | ast.Await() | ast.NamedExpr():
            return False
        case _:
            return True


def _grows_own(function: _Function, node: ast.Call) -> bool:
    match node.func:
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            return attr in GROWING and name in function.own
        case _:
            return False


def _only_computes(path: str) -> bool:
    parts = path.split(".")
    last = ".".join(parts[-2:])
    drawing = any("rand" in part or part == "stats" for part in parts[1:])
    return not drawing and parts[-1] not in WRITING and last not in WRITING


def _path(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            inner = _path(value)
            return inner and f"{inner}.{attr}"
        case _:
            return None


# --- names -----------------------------------------------------------------------------


def _names(node: ast.AST) -> set[str]:
    """The names that are read in `node`."""
    found = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return {n.id for n in found if isinstance(n.ctx, ast.Load)}


def _bound(node: ast.AST) -> set[str]:
    """The names that `node` gives a value."""
    found = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return {n.id for n in found if not isinstance(n.ctx, ast.Load)}


def _plain(target: ast.Tuple) -> Iterator[str]:
    return (e.id for e in target.elts if isinstance(e, ast.Name))


def _names_read(body: Iterable[ast.stmt], own: Set[str]) -> set[str]:
    """The names that anything but a write into what they stand for reads."""
    found: set[str] = set()
    for statement in body:
        for node in ast.walk(statement):
            found |= _children_read(node, own)
    return found


def _children_read(node: ast.AST, own: Set[str]) -> set[str]:
    match node:
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()) if name in own:
            return set()
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr))) if attr in GROWING and name in own:  # fmt: skip
            return set()
        case ast.Name():
            return set()
        case _:
            pass
    return {
        n.id for n in _children(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
    }  # fmt: skip


def _children(node: ast.AST) -> Iterator[ast.AST]:
    return ast.iter_child_nodes(node)


def _is_made(value: ast.expr) -> bool:
    """The expression gives an array, a list or a dict, or a number, that nothing else shows."""
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Constant():
            return True
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name in MAKING
        case _:
            return False


def _is_new(value: ast.expr) -> bool:
    arithmetic = isinstance(value, ast.BinOp | ast.UnaryOp | ast.Compare)
    return (
        arithmetic
        or _is_made(value)
        or (isinstance(value, ast.Call) and _is_arithmetic(value))
    )


def _is_arithmetic(node: ast.AST) -> bool:
    """It gives a new array, or a number, and only reads what it is given."""
    match node:
        case (
            ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.AugAssign() | ast.Return()
        ):
            return True
        case ast.Call(func=ast.Attribute(attr=attr)) | ast.Call(func=ast.Name(id=attr)):
            return attr in COMPUTING
        case _:
            return False


# --- the text --------------------------------------------------------------------------


def _without(text: str, function: ast.FunctionDef, unread: list[ast.stmt]) -> str:
    """The text without these statements, and without the comments of the user that stand right above them."""
    lines = text.split("\n")
    gone: set[int] = set()
    for node in unread:
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        if not _has_lines_alone(lines, node, first, last):
            continue
        gone |= set(range(first, last + 1))
    if not gone:
        return text
    emptied = list(_emptied(lines, function, gone))
    for first, margin in emptied:
        if (head := _else_above(lines, first, margin)) is not None:
            gone |= set(range(head, first + 1))
        else:
            gone.discard(first)
            lines[first] = " " * margin + "pass"
    gone |= _comments_of_nothing(lines, gone)
    return "\n".join(line for i, line in enumerate(lines) if i not in gone)


def _emptied(
    lines: list[str], function: ast.FunctionDef, gone: set[int]
) -> Iterator[tuple[int, int]]:
    """The first line of each suite that has lost all of its lines, and where it begins; an `elif` goes as a whole."""
    for inner in ast.walk(function):
        for name in ("body", "orelse"):
            suite = getattr(inner, name, None)
            if not isinstance(suite, list) or not suite or _is_gone(inner, gone):
                continue
            first = suite[0].lineno - 1
            if all(_is_gone(s, gone) for s in suite) and not lines[first].lstrip().startswith("elif"):  # fmt: skip
                yield first, suite[0].col_offset


def _else_above(lines: list[str], first: int, margin: int) -> int | None:
    """The line that heads a suite, where that is an `else` and nothing is left to stand below it."""
    head = first - 1
    while not lines[head].strip() or _is_comment(lines[head]):
        head -= 1
    plain = lines[head].strip() == "else:" and _margin(lines[head]) < margin
    return head if plain else None


def _comments_of_nothing(lines: list[str], gone: set[int]) -> set[int]:
    """Comments above lines that are gone, where no line of the same suite comes next."""
    found: set[int] = set()
    for first in sorted(gone):
        last = first
        while last in gone:
            last += 1
        following = lines[last] if last < len(lines) else ""
        above = first - 1
        while above >= 0 and above not in gone and _is_comment(lines[above]):
            goes_on = following.strip() and not _is_comment(following)
            if goes_on and _margin(following) == _margin(lines[above]):
                break
            found.add(above)
            above -= 1
    return found


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_gone(node: ast.AST, gone: set[int]) -> bool:
    first = getattr(node, "lineno", None)
    return first is not None and first - 1 in gone


def _has_lines_alone(lines: list[str], node: ast.stmt, first: int, last: int) -> bool:
    """No other statement shares a line with this one."""
    before = lines[first].encode()[: node.col_offset]
    after = lines[last].encode()[node.end_col_offset :].strip()
    return not before.strip() and (not after or after.startswith(b"#"))


__all__ = ["is_pure", "without_unread"]
