"""Source text -> Module: the parsed file, its imports, functions and constants, and where things stand."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.errors import Diagnostic, FlatgradError, Place
from flatgrad.namespaces import library_of
from flatgrad.scalar_libraries import SCALAR_LIBRARIES

if TYPE_CHECKING:
    from flatgrad.frontend.methods import Objects


@dataclass(frozen=True)
class Imported:
    """A name bound by an import statement: what it stands for, and how to write the import again."""

    name: str
    path: str  # numpy.linalg
    line: str  # import numpy.linalg as la


@dataclass(eq=False)
class Module:
    text: str
    tree: cst.Module
    imports: dict[str, Imported] = field(default_factory=dict)
    # The lines for each name: `import scipy.linalg` and `import scipy.special` are two for one.
    import_lines: dict[str, list[str]] = field(default_factory=dict)
    functions: dict[str, cst.FunctionDef] = field(default_factory=dict)
    constants: dict[str, cst.SimpleStatementLine] = field(default_factory=dict)
    unsteady: set[str] = field(
        default_factory=set
    )  # constants that are assigned or changed again
    others: set[str] = field(
        default_factory=set
    )  # names bound at top level by anything else
    order: list[str] = field(
        default_factory=list
    )  # functions and constants as they stand
    # Rules for functions, which flatgrad reads in place of what these do.
    rules: list[cst.FunctionDef] = field(default_factory=list)
    filename: str = ""  # of a file of rules that is read besides
    # Functions that hold a part of a loop of which not every state is kept, with that loop.
    segments: dict[cst.CSTNode, cst.For] = field(default_factory=dict)
    # Comments that ask for such a loop where there can be none: why, and what to do.
    unheeded: dict[cst.CSTNode, tuple[str, str]] = field(default_factory=dict)
    # Text that is not the user's, with what it stands for.
    stand_ins: dict[cst.CSTNode, cst.CSTNode] = field(default_factory=dict)
    parsed: cst.Module | None = None  # the file as it stands, where `tree` is another
    objects: Objects | None = None  # where methods have become functions
    # Functions that return a cache beside their result stand by themselves, and keep it: layers of homework.
    layered: bool = False
    library: str = "numpy"  # of arrays, of the function that is being read
    moved: Callable[[Place], Place] | None = None  # where the user has it
    _places: dict[cst.CSTNode, Place] | None = None
    _codes: dict[cst.CSTNode, str] = field(default_factory=dict)

    def place(self, node: cst.CSTNode | None) -> Place | None:
        """Where a node stands; found only when a diagnostic asks, since positions cost more than parsing."""
        if self._places is None:
            self._places = _positions(self.parsed or self.tree)
        stack = [] if node is None else [node]
        while (
            stack
        ):  # a line that was split has no place of its own, but what it holds has
            current = stack.pop()
            while current in self.stand_ins and current not in self._places:
                current = self.stand_ins[current]
            if current in self._places:
                return self._moved(self._places[current])
            stack.extend(reversed(current.children))
        return None

    def _moved(self, place: Place) -> Place:
        return place if self.moved is None else self.moved(place)

    def code(self, node: cst.CSTNode) -> str:
        if node not in self._codes:
            self._codes[node] = self.tree.code_for_node(node)
        return self._codes[node]

    def imports_library_of_arrays(self) -> bool:
        return any(
            i.path.partition(".")[0] not in SCALAR_LIBRARIES
            for i in self.imports.values()
        )


WHITE_SPACE = (
    cst.BaseParenthesizableWhitespace,
    cst.TrailingWhitespace,
    cst.EmptyLine,
    cst.Newline,
)

# Strings and comments, which hold no names of the program, and names.
TOKEN = re.compile(
    r"""(?s:\"{3}.*?\"{3}|'{3}.*?'{3})|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*"""
    r"""|\.\s*[^\W\d]\w*|([^\W\d]\w*)"""
)


def read_module(text: str) -> Module:
    """Parse `text`; a syntax error becomes a located diagnostic."""
    try:
        tree = _parsed(text)
    except cst.ParserSyntaxError as error:
        raise FlatgradError(_syntax_error(text, error)) from None
    return module_of(text, tree)


@functools.lru_cache(maxsize=4)
def _parsed(text: str) -> cst.Module:
    """One tree for one text: what is known of its nodes is known when it is read again."""
    return cst.parse_module(text)


def module_of(text: str, tree: cst.Module, parsed: cst.Module | None = None) -> Module:
    """What stands in `tree`; positions are those of `parsed`, which it was made from."""
    module = Module(text, tree, parsed=parsed)
    for statement in tree.body:
        _collect(module, statement)
    _find_unsteady(module)
    return module


def with_functions(
    module: Module, nodes: Mapping[str, cst.FunctionDef], layered: bool
) -> Module:
    """The module with other functions of these names; the module itself where they are the same."""
    changed = {
        id(module.functions[name]): node
        for name, node in nodes.items()
        if node is not module.functions[name]
    }
    if not changed and layered == module.layered:
        return module
    tree = module.tree
    tree = tree.with_changes(body=[changed.get(id(s), s) for s in tree.body])
    found = module_of(tree.code, tree, parsed=module.parsed or module.tree)
    found.segments, found.unheeded = module.segments, module.unheeded
    found.stand_ins, found.layered = module.stand_ins, layered
    found.objects, found.others = module.objects, module.others
    return found


def _find_unsteady(module: Module) -> None:
    """Constants and functions that other statements of the module may give another value."""
    steady = {id(line) for line in module.constants.values()}
    for statement in module.tree.body:
        if isinstance(statement, cst.FunctionDef):
            found = GLOBAL.findall(module.code(statement))
            module.unsteady |= {
                name for names in found for name in names_in_text(names)
            }
        elif not _is_harmless(module, statement, id(statement) in steady):
            module.unsteady |= names_in_text(module.code(statement))
    module.unsteady &= {*module.constants, *module.functions}
    module.unsteady |= set(module.constants) & set(module.functions)


def _is_harmless(module: Module, statement: cst.CSTNode, steady: bool) -> bool:
    """The statement gives no name another value when the module is run."""
    return (
        (steady and _is_plain(statement))
        or _is_import(statement)
        or _is_main_guard(module, statement)
        or _is_text(statement)
    )


GLOBAL = re.compile(r"^\s*global\s+(.+)$", re.MULTILINE)


def _is_plain(statement: cst.CSTNode) -> bool:
    """NAME = value, with new names on the left."""
    match statement:
        case cst.SimpleStatementLine(body=parts):
            return all(isinstance(p, cst.Assign | cst.AnnAssign) for p in parts)
        case _:
            return False


def _is_import(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=parts):
            return all(isinstance(p, cst.Import | cst.ImportFrom) for p in parts)
        case _:
            return False


def _is_text(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.SimpleStatementLine(
            body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]
        ):
            return True
        case cst.ClassDef():
            return True
        case _:
            return False


def _syntax_error(text: str, error: cst.ParserSyntaxError) -> Diagnostic:
    """Python's own message where Python sees the error too: it is the one that people know."""
    try:
        compile(text, "<input>", "exec", dont_inherit=True)
    except SyntaxError as python:
        line, column = python.lineno or 1, python.offset or 1
        end = python.end_offset or column + 1
        end_line = python.end_lineno or line
        place = Place(line, max(column, 1), end_line, max(end, column + 1, 2))
        return Diagnostic(
            "FG010", f"not valid Python: {python.msg}", "mend the syntax first", place
        )
    except ValueError as problem:
        return Diagnostic(
            "FG010", f"not valid Python: {problem}", "mend the syntax first"
        )
    place = Place(
        error.raw_line, error.raw_column + 1, error.raw_line, error.raw_column + 2
    )
    return Diagnostic("FG010", "not valid Python", "mend the syntax first", place)


def _collect(module: Module, statement: cst.CSTNode) -> None:
    match statement:
        case cst.FunctionDef(name=cst.Name(value=name)):
            if (function := _without_rules(module, statement)) is not None:
                module.functions[name] = function
                module.order.append(name)
        case cst.SimpleStatementLine(body=parts):
            for part in parts:
                _collect_simple(module, statement, part)
        case cst.If(body=cst.IndentedBlock(body=inner)) | cst.Try(
            body=cst.IndentedBlock(body=inner)
        ):
            if not _is_main_guard(module, statement):
                for nested in inner:
                    _collect(module, nested)
        case cst.ClassDef(name=cst.Name(value=name)):
            module.others.add(name)
        case _:
            pass


def _without_rules(module: Module, node: cst.FunctionDef) -> cst.FunctionDef | None:
    """A function that is called as it stands; None of a rule that is only read."""
    node = _undecorated(module, node)
    rules = [d for d in node.decorators if is_rule(module, d)]
    if not rules:
        return node
    module.rules.append(node)
    if not any(is_called(d) for d in rules):
        return None
    others = [d for d in node.decorators if d not in rules]
    return node.with_changes(decorators=others)


def _undecorated(module: Module, node: cst.FunctionDef) -> cst.FunctionDef:
    """@flatgrad.differentiable leaves a function as it is, and has no place in what is emitted."""
    kept = [
        d for d in node.decorators if _path_of(module, d) != "flatgrad.differentiable"
    ]
    return (
        node
        if len(kept) == len(node.decorators)
        else node.with_changes(decorators=kept)
    )


def _path_of(module: Module, decorator: cst.Decorator) -> str:
    named = decorator.decorator
    return dotted(module, named.func if isinstance(named, cst.Call) else named)


def is_rule(module: Module, decorator: cst.Decorator) -> bool:
    """@flatgrad.rule(...), by whatever name the file has for it."""
    return _path_of(module, decorator) == "flatgrad.rule"


def is_called(decorator: cst.Decorator) -> bool:
    """The rule is told to be called where it is needed, whatever is in it."""
    match decorator.decorator:
        case cst.Call(args=args):
            return any(
                a.keyword is not None
                and a.keyword.value == "called"
                and isinstance(a.value, cst.Name)
                and a.value.value == "True"
                for a in args
            )
        case _:
            return False


def dotted(module: Module, node: cst.BaseExpression) -> str:
    """The importable path that a name of the file stands for; empty where there is none."""
    match node:
        case cst.Name(value=name):
            return module.imports[name].path if name in module.imports else ""
        case cst.Attribute(value=value, attr=cst.Name(value=last)):
            parent = dotted(module, value)
            return f"{parent}.{last}" if parent else ""
        case _:
            return ""


def _is_main_guard(module: Module, statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.If) and "__name__" in module.code(statement.test)


def _collect_simple(
    module: Module, line: cst.SimpleStatementLine, part: cst.CSTNode
) -> None:
    match part:
        case cst.Import(names=names):
            for alias in names:
                imported = _import(module, alias)
                module.imports[imported.name] = imported
                module.import_lines.setdefault(imported.name, []).append(imported.line)
        case cst.ImportFrom(names=names, module=source) if not isinstance(
            names, cst.ImportStar
        ):
            start = "." * len(part.relative) + (module.code(source) if source else "")
            for alias in names:
                imported = _import_from(module, start, alias)
                module.imports[imported.name] = imported
        case cst.ImportFrom(module=source) if source is not None:
            path = module.code(source)
            module.imports[f"*{path}"] = Imported("*", path, f"from {path} import *")
        case cst.Assign() | cst.AnnAssign() | cst.AugAssign():
            for name in assigned_names(part):
                if name not in module.constants:
                    module.constants[name] = line
                    module.order.append(name)
                else:
                    module.unsteady.add(name)
        case _:
            pass


def collect_import(module: Module, node: cst.Import | cst.ImportFrom) -> None:
    """An import within a function counts like one at the top."""
    _collect_simple(module, cst.SimpleStatementLine([node]), node)


def _import(module: Module, alias: cst.ImportAlias) -> Imported:
    path = module.code(alias.name)
    if alias.asname is not None:
        name = module.code(alias.asname.name)
        return Imported(name, path, f"import {path} as {name}")
    root = path.partition(".")[0]
    return Imported(root, root, f"import {path}")


def _import_from(module: Module, source: str, alias: cst.ImportAlias) -> Imported:
    original = module.code(alias.name)
    name = module.code(alias.asname.name) if alias.asname else original
    renamed = f" as {name}" if alias.asname else ""
    return Imported(
        name, f"{source}.{original}", f"from {source} import {original}{renamed}"
    )


def assigned_names(node: cst.CSTNode) -> Iterator[str]:
    """The plain names that an assignment binds."""
    match node:
        case cst.Assign(targets=targets):
            for target in targets:
                yield from names_of_target(target.target)
        case cst.AnnAssign(target=target) | cst.AugAssign(target=target):
            yield from names_of_target(target)
        case _:
            pass


def names_of_target(target: cst.CSTNode) -> Iterator[str]:
    match target:
        case cst.Name(value=name):
            yield name
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                yield from names_of_target(element.value)
        case cst.StarredElement(value=value):
            yield from names_of_target(value)
        case _:
            pass


def names_in_text(text: str) -> set[str]:
    """Every identifier of a source text, outside of strings and comments."""
    return {match[1] for match in TOKEN.finditer(text) if match[1]}


def names_elsewhere(module: Module) -> dict[str, set[str]]:
    """For each function, the identifiers of nothing in the module but functions that it cannot reach."""
    if len(module.functions) < 2 and not module.rules:
        return {name: set() for name in module.functions}
    spelled = {n: names_in_text(module.code(f)) for n, f in module.functions.items()}
    functions = [*module.functions.values(), *module.rules]
    classes = [s for s in module.tree.body if isinstance(s, cst.ClassDef)]
    apart = (*functions, *classes)
    others = [s for s in module.tree.body if not any(s is f for f in apart)]
    shared = names_in_text(module.code(module.tree.with_changes(body=others)))
    every = set[str]().union(*spelled.values())
    every |= names_in_text("\n".join(module.code(r) for r in module.rules))
    every |= names_in_text("\n".join(module.code(c) for c in classes))
    every -= shared | spelled.keys() | {c.name.value for c in classes}
    return {
        name: every - _names_reached(name, spelled, shared & spelled.keys())
        for name in spelled
    }


def library_used(module: Module, name: str) -> str:
    """The library of arrays that a function and those that it calls are written with."""
    spelled = {n: names_in_text(module.code(f)) for n, f in module.functions.items()}
    names = _names_reached(name, spelled, set())
    used = [i.path for n, i in module.imports.items() if n in names or n[:1] == "*"]
    found = library_of(used)
    arrays = any(path.partition(".")[0] in ("numpy", "scipy") for path in used)
    every = [i.path for i in module.imports.values()]
    return library_of(every) if found == "numpy" and not arrays else found


def _names_reached(
    name: str, spelled: dict[str, set[str]], shared: set[str]
) -> set[str]:
    """The identifiers of `name`, of the functions of `shared`, and of those that any of them reads."""
    pending, reached, found = [name, *shared], set[str](), set[str]()
    while pending:
        current = pending.pop()
        if current not in reached:
            reached.add(current)
            found |= spelled[current]
            pending += spelled[current] & spelled.keys()
    return found


def names_in(node: cst.CSTNode) -> Iterator[cst.Name]:
    """Every name that is read in `node`: no attribute names, no keywords of calls."""
    stack = [node]
    while stack:
        current = stack.pop()
        match current:
            case cst.Name():
                yield current
            case cst.Attribute(value=value):
                stack.append(value)
            case cst.Arg(value=value):
                stack.append(value)
            case _:
                stack.extend(reversed(children_of(current)))


def nodes_in(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and everything in it but white space, in the order of the text."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children_of(current)))


@functools.lru_cache(maxsize=2**16)
def children_of(node: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    """What a node is made of but white space; asked often, and libcst has to look for it."""
    collector = _Children(node)
    node.visit(collector)
    return tuple(collector.found)


class _Children(cst.CSTVisitor):
    """What `children` of libcst gives but white space, without a call for every attribute."""

    def __init__(self, parent: cst.CSTNode) -> None:
        self.parent = parent
        self.found: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if node is self.parent:
            return True
        if not isinstance(node, WHITE_SPACE):
            self.found.append(node)
        return False

    def on_leave(self, original_node: cst.CSTNode) -> None: ...

    def on_visit_attribute(self, node: cst.CSTNode, attribute: str) -> None: ...

    def on_leave_attribute(
        self, original_node: cst.CSTNode, attribute: str
    ) -> None: ...


@functools.lru_cache(maxsize=2**16)
def bound_names(node: cst.CSTNode) -> tuple[str, ...]:
    """The plain names that a statement binds, in whatever it has for a body too."""
    return tuple(_bound_names(node))


def _bound_names(node: cst.CSTNode) -> Iterator[str]:
    match node:
        case cst.FunctionDef(name=name) | cst.ClassDef(name=name):
            yield name.value
            return
        case cst.Lambda() | cst.CompFor():
            return
        case cst.For(target=target) | cst.NamedExpr(target=target):
            yield from names_of_target(target)
        case cst.AsName(name=target):
            yield from names_of_target(target)
        case _:
            yield from assigned_names(node)
    for child in children_of(node):
        yield from bound_names(child)


def parameters_of(node: cst.FunctionDef | cst.Lambda) -> Iterator[cst.Param]:
    """The parameters of a function, in the order of its text."""
    found = node.params
    yield from found.posonly_params
    yield from found.params
    if isinstance(found.star_arg, cst.Param):
        yield found.star_arg
    yield from found.kwonly_params
    if found.star_kwarg is not None:
        yield found.star_kwarg


def main_functions(module: Module) -> list[str]:
    """Public top-level functions that no other function of the file calls."""
    called = {
        name
        for caller, function in module.functions.items()
        for name in names_in_text(module.code(function.body)) - _own_names(function)
        if name != caller
    }
    called |= {
        name
        for rule in module.rules
        for name in (rule.name.value, *names_in_text(module.code(rule)))
    }
    return [n for n in module.functions if not n.startswith("_") and n not in called]


def _own_names(function: cst.FunctionDef) -> set[str]:
    """The parameters of a function and the variables that it binds."""
    parameters = {p.name.value for p in parameters_of(function)}
    return {*bound_names(function.body), *parameters}


def _positions(tree: cst.Module) -> dict[cst.CSTNode, Place]:
    from libcst.metadata import MetadataWrapper, PositionProvider

    ranges = MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider)
    return {
        node: Place(r.start.line, r.start.column + 1, r.end.line, r.end.column + 1)
        for node, r in ranges.items()
    }
