"""What the text says of shapes besides its operations: docstring, annotations, comments, defaults, options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend import initial
from flatgrad.frontend.containers import kind_with
from flatgrad.frontend.declarations import (
    Declared,
    from_annotation,
    from_comment,
    from_docstring,
)
from flatgrad.frontend.module import (
    bound_names,
    names_in,
    names_in_text,
    nodes_in,
    parameters_of,
)
from flatgrad.frontend.scope import Struct, Value
from flatgrad.graph import Var
from flatgrad.scalar_libraries import SCALAR_LIBRARIES
from flatgrad.types import Dim, Shape, dim_of, join, polynomial, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

NUMBERS = ("float", "int", "bool")
RESULT = "return"  # in place of the name of a parameter; of several results, return[0]


def declare(low: Lowering, node: cst.FunctionDef, params: dict[str, Var]) -> None:
    """Everything that is said of the parameters before the first statement."""
    for name, dims in low.shapes.items():
        if name in params:
            _join(low, params[name], dims, f"--shape {name}")
    for name, kind in low.kinds.items():
        if name in params:
            _tell(params[name], kind)
    _annotations(low, node, params)
    _docstring(low, node, params)
    initial.declare(low, params)
    _defaults(low, node, params)
    _uses(node, params)
    _plain_numbers(low, node, params)


def _tell(var: Var, kind: str) -> None:
    """What kind of thing a value is; a list of numbers is a list that holds nothing else."""
    what, _, container = kind.rpartition(" ")
    if what:  # a "complex dict" holds complex numbers
        var.type.shape.root().parts[what] = True
    if var.type.kind == "any":
        var.type.kind = "list" if container == "numbers" else container
        if container == "numbers":
            var.type.shape.root().parts["numbers"] = True


def _annotations(low: Lowering, node: cst.FunctionDef, params: dict[str, Var]) -> None:
    for parameter in parameters_of(node):
        if parameter.annotation is not None and parameter.name.value in params:
            text = low.module.code(parameter.annotation.annotation)
            if (found := from_annotation(parameter.name.value, text)) is not None:
                _apply(
                    low, found, params[parameter.name.value], f"the annotation {text}"
                )


def _docstring(low: Lowering, node: cst.FunctionDef, params: dict[str, Var]) -> None:
    text = node.get_docstring(clean=False)
    if not text:
        return
    for found in from_docstring(text, list(params)):
        if found.name in params and not found.is_result:
            _apply(low, found, params[found.name], _docstring_source(found))
        elif found.is_result:
            low.results.append(found)
    _labels(text, params)


LABEL = re.compile(r"\b(\w+)\[i\] (?:is|gives) the (?:label|class) (?:for|of) (\w+)\[i\]")  # fmt: skip


def _labels(text: str, params: dict[str, Var]) -> None:
    """y[i] is the label for X[i]: as many as there are rows."""
    for y, x in LABEL.findall(" ".join(text.split())):
        dims = params[x].type.shape.dims if x in params else None
        if y in params and params[y].type.rank is None and dims:
            join(params[y].type.shape, Shape([dims[0]]))


def _docstring_source(found: Declared) -> str:
    """What a message quotes: the words, and of which variable they are."""
    words = found.text.strip()
    names = words.partition(":")[0]
    told = (
        words
        if not found.name or found.name in names_in_text(names)
        else (f"{found.name}: {words}")
    )
    return f"the docstring: {told}"


def _defaults(low: Lowering, node: cst.FunctionDef, params: dict[str, Var]) -> None:
    """A parameter whose default is a number is a number; a string, flag or None names no array."""
    for parameter in parameters_of(node):
        if (var := params.get(parameter.name.value)) is None:
            continue  # known already, for all of the function
        match parameter.default:
            case cst.Float() | cst.UnaryOperation(expression=cst.Float()):
                _number(var, "float")
            case cst.Integer() | cst.UnaryOperation(expression=cst.Integer()):
                _number(var, "any")
                low.counts.add(var)
            case cst.Name(value="True" | "False"):
                _number(var, "bool")
            case cst.SimpleString():
                var.type.kind = "str"
            case _:
                pass


def _uses(node: cst.FunctionDef, params: dict[str, Var]) -> None:
    """A parameter that is used as only a list or a dict can be is one, wherever it is used so."""
    bound = {*bound_names(node.body)}
    for inner in nodes_in(node.body):
        name, kind = _used_as(inner)
        if name in params and name not in bound:
            _learn(params[name], kind)


def _used_as(node: cst.CSTNode) -> tuple[str, str]:
    """(name, list or dict) where the node shows what a name stands for."""
    match node:
        case cst.Call(
            func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="pop")),
            args=args,
        ):
            return name, kind_of_pop(args)
        case cst.Call(
            func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=method))
        ):
            return name, kind_with(method)
        case cst.Subscript(
            value=cst.Name(value=name),
            slice=[cst.SubscriptElement(slice=cst.Index(value=key))],
        ) if isinstance(key, TEXTS):
            return name, "dict"
        case _:
            return "", ""


TEXTS = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


def kind_of_pop(args: Sequence[cst.Arg]) -> str:
    """Only lists have a last item to take, only dicts an item with the name of a string."""
    if args and isinstance(args[0].value, TEXTS):
        return "dict"
    return "" if args else "list"


def _learn(var: Var, kind: str) -> None:
    if kind and var.type.kind == "any" and var.type.rank is None:
        var.type.kind = kind


def _number(var: Var, kind: str) -> None:
    if var.type.rank is None:
        join(var.type.shape, scalar())
        if var.type.kind == "any":
            var.type.kind = kind


def _plain_numbers(
    low: Lowering, node: cst.FunctionDef, params: dict[str, Var]
) -> None:
    """In a file that imports no library of arrays and does nothing to arrays, parameters are numbers."""
    if low.module.imports_library_of_arrays() or _handles_arrays(low, node):
        return
    read = {name.value for name in names_in(node.body)}
    for name, var in params.items():
        if name in read and var.type.rank is None and var.type.kind == "any":
            join(var.type.shape, scalar())


def _handles_arrays(low: Lowering, node: cst.FunctionDef) -> bool:
    """Signs of arrays, lists or objects in the code, or words about them in its text."""
    code = low.module.code(node)
    texts = " ".join(STRING_OR_COMMENT.findall(code))
    code = low.module.code(node.body)
    for name, imported in low.module.imports.items():
        if imported.path in SCALAR_LIBRARIES:
            code = re.sub(rf"\b{re.escape(name)}\.", "", code)
    bare = STRING_OR_COMMENT.sub("", code)
    return bool(SIGN_OF_ARRAYS.search(bare) or WORD_OF_ARRAYS.search(texts))


STRING_OR_COMMENT = re.compile(
    r"""(?s:\"{3}.*?\"{3}|'{3}.*?'{3})|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*"""
)
SIGN_OF_ARRAYS = re.compile(
    r"""[\w)\]]\[                                 # x[0]
    | (?:(?<![\w.])[^\W\d]\w*|[)\]])\.[^\W\d]     # x.T, (x + y).T
    | @ | \b(?:len|sum|zip)\(
    | \bfor\b(?![^\n:]*\bin\s+(?:reversed\(\s*)?range\()
    | ^\s*[^\W\d]\w*\s*,[^=\n()]*=\s*[^\W\d]\w*\s*$   # a, b = x""",
    re.VERBOSE | re.MULTILINE,
)
WORD_OF_ARRAYS = re.compile(
    r"(?i)\b(?:arrays?|ndarrays?|vectors?|matrix|matrices|tensors?|shapes?|element-?wise|lists?)\b"
    r"|\(\s*\w+\s*,(?:\s*\w+\s*,?)*\s*\)"
)


def after(low: Lowering, line: Any) -> None:
    """Comments on a line and above it speak of what the line assigns; so do annotations."""
    trailing = getattr(getattr(line, "trailing_whitespace", None), "comment", None)
    targets = _targets(line)
    for leading in getattr(line, "leading_lines", ()):
        comments(low, leading.comment, ())
    comments(low, trailing, targets)
    for part in (
        getattr(line, "body", ()) if isinstance(line, cst.SimpleStatementLine) else ()
    ):
        match part:
            case cst.AnnAssign(target=cst.Name(value=name), annotation=annotation):
                text = low.module.code(annotation.annotation)
                value = low.frame.env.get(name)
                if (found := from_annotation(name, text)) is not None and isinstance(
                    value, Var
                ):
                    _apply(low, found, value, f"the annotation {text}")
            case _:
                pass


def _targets(line: Any) -> Sequence[str]:
    match line:
        case cst.SimpleStatementLine(
            body=[cst.Assign(targets=[cst.AssignTarget(target=target)])]
        ):
            match target:
                case cst.Name(value=name):
                    return (name,)
                case _:
                    return ()
        case cst.SimpleStatementLine(body=[cst.AugAssign(target=cst.Name(value=name))]):
            return (name,)
        case cst.SimpleStatementLine(body=[cst.Return()]):
            return ("return",)
        case _:
            return ()


def comments(
    low: Lowering, comment: cst.Comment | None, targets: Sequence[str]
) -> None:
    if comment is None:
        return
    known = [n for n, v in low.frame.env.items() if isinstance(v, Var)]
    target = targets[0] if len(targets) == 1 else None
    for found in from_comment(comment.value, target, known):
        value: Value | None = low.frame.env.get(found.name or target or "")
        if (found.name or target) == "return":
            value = low.frame.result
        if isinstance(value, Var):
            _apply(low, found, value, f"the comment {comment.value}")


def _apply(low: Lowering, found: Declared, var: Var, source: str) -> None:
    if (
        found.kind in (*NUMBERS, "complex", "str", "dict", "list")
        and var.type.kind == "any"
    ):
        var.type.kind = found.kind
    if found.kind == "numbers":
        _tell(var, found.kind)
    if found.dims is not None:
        low.declared.setdefault(var, source)
        _join(low, var, found.dims, source)
    elif found.leading and var.type.rank is None:
        var.type.shape.root().leading = tuple(low.dim(d, source) for d in found.leading)


def _join(low: Lowering, var: Var, dims: Sequence[str | int], source: str) -> None:
    if low.given is not None:
        _take_over(low, var, dims)
    join(var.type.shape, Shape(low.dim(d, source) for d in dims))


def of_inlined(low: Lowering, node: Any, values: Mapping[str, Value]) -> None:
    """What the docstring of a helper says of arguments of which nothing is known: its lengths are its own."""
    text = node.get_docstring(clean=False) if isinstance(node, cst.FunctionDef) else ""
    if not text:
        return
    lengths: dict[str | int, Dim] = {}
    told = [f for f in from_docstring(text, list(values)) if not f.is_result]
    for found in sorted(told, key=lambda f: not _has_rank(values.get(f.name))):
        value = values.get(found.name)
        if not isinstance(value, Var) or value.type.kind in ("list", "dict"):
            continue
        if found.dims is not None and value.type.rank in (None, len(found.dims)):
            _join_own(value, found.dims, lengths)


def _has_rank(value: Value | None) -> bool:
    return isinstance(value, Var) and value.type.rank is not None


def _join_own(
    var: Var, dims: Sequence[str | int], lengths: dict[str | int, Dim]
) -> None:
    known = var.type.shape.dims
    for text, dim in zip(dims, known or (), strict=False):
        lengths.setdefault(text, dim)
    if known is None and all(isinstance(d, str) and d.isidentifier() for d in dims):
        shape = Shape(lengths.setdefault(text, Dim()) for text in dims)
        join(var.type.shape, shape)


def _take_over(low: Lowering, var: Var, dims: Sequence[str | int]) -> None:
    """In a helper, D is whatever its caller calls this length: names are each function's own."""
    known = var.type.shape.dims
    if known is None or len(known) != len(dims):
        return
    for text, dim in zip(dims, known, strict=True):
        told = dim.root()[0].name or dim.known is not None
        if isinstance(text, str) and text.isidentifier() and told:
            low.dims.setdefault(text, dim)


def results(low: Lowering) -> None:
    """What the docstring and the return annotation say of the results, joined with them."""
    result = low.frame.result
    items = list(result.items) if isinstance(result, Struct) else [result]
    named = {i.name: i for i in items if isinstance(i, Var) and i.name}
    for position, found in enumerate(low.results):
        value = named.get(found.name)
        if (
            value is None
            and len(low.results) == len(items)
            and isinstance(items[position], Var)
        ):
            alone = len(items) == 1
            value = items[position] if alone or not found.name else None  # type: ignore[assignment]
        if isinstance(value, Var):
            _apply(low, found, value, _docstring_source(found))
    for position, item in enumerate(items):
        dims = low.shapes.get(RESULT if len(items) == 1 else f"{RESULT}[{position}]")
        if dims is not None and isinstance(item, Var):
            _join(low, item, dims, "the shape of the result")
    returns = (
        low.frame.function.returns
        if isinstance(low.frame.function, cst.FunctionDef)
        else None
    )
    if returns is not None and len(items) == 1 and isinstance(items[0], Var):
        text = low.module.code(returns.annotation)
        if (declared := from_annotation("", text)) is not None:
            _apply(low, declared, items[0], f"the annotation -> {text}")


LINEAR = re.compile(r"(\w+)([+-]\d+)$")  # n-1
QUOTIENT = re.compile(r"(\w+)//([^\W\d]\w*)$")  # E//H
MULTIPLE = re.compile(r"(\d+)\*(\w+)$")  # 4*H


def parse_dim(low: Lowering, text: str | int, source: str) -> Dim:
    """A dimension as it is written: a number, a name, a name and an offset, a multiple of a name.

    One that begins with ? has no name: it is the same wherever it is written so, and may be the same as others.
    """
    if isinstance(text, int):
        return Dim(text, source=source)
    if text.startswith("?"):
        return Dim(source=source)
    if found := LINEAR.fullmatch(text):
        return low.dim(found[1], source).plus(int(found[2]))
    if found := QUOTIENT.fullmatch(text):
        return low.dim(found[1], source).over(low.dim(found[2], source))
    if found := MULTIPLE.fullmatch(text):
        return _multiple(low.dim(found[2], source), int(found[1]), text, source)
    return Dim(name=text, source=source)


def _multiple(length: Dim, factor: int, name: str, source: str) -> Dim:
    longer = dim_of({m: factor * c for m, c in polynomial(length).items()})
    root, _ = longer.root()
    if not root.name and root.value is None:
        root.name, root.source = name, source
    return longer
