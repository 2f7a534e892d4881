"""An annotation -> what it declares: Float[ndarray, "N D"] -> ("N", "D"), float."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from flatgrad.frontend.declarations.descriptions import (
    state_shape,
    state_tuple,
    stated_shape,
)
from flatgrad.frontend.declarations.dims import parse_expression, parse_pieces
from flatgrad.frontend.declarations.kinds import SCALARS, VAGUE
from flatgrad.frontend.declarations.statements import Declared, Stated
from flatgrad.frontend.declarations.tuples import Variables
from flatgrad.frontend.declarations.words import word_set

# ---- Annotations ---------------------------------------------------------------------

# The kinds of jaxtyping: Float32, UInt8, Shaped.
ELEMENTS = {
    "float": "float",
    "bfloat": "float",
    "int": "int",
    "uint": "int",
    "integer": "int",
    "bool": "bool",
    "complex": "complex",
    "num": "array",
    "inexact": "array",
    "real": "array",
    "shaped": "array",
}

ARRAY_TYPES = {
    "ndarray": "array",
    "array": "array",
    "matrix": "array",
    "Tensor": "array",
    "Array": "array",
    "NDArray": "array",
    "FloatTensor": "float",
    "DoubleTensor": "float",
    "LongTensor": "int",
    "IntTensor": "int",
    "BoolTensor": "bool",
    "FloatArray": "float",
}

SCALAR_TYPES = {
    **{name: kind for name, kind in SCALARS.items() if name != "scalar"},
    "Scalar": "any",
    "Number": "any",
    "Real": "any",
}

OTHER_TYPES = {
    "str": "str",
    **dict.fromkeys(word_set("dict Dict Mapping"), "dict"),
    **dict.fromkeys(word_set("list List MutableSequence"), "list"),
    **dict.fromkeys(word_set("tuple Tuple Sequence Iterable set"), "any"),
}

# What begins a piece that stands for any number of dimensions: "...", "*batch".
MANY = ("...", "*")

# Bits at the end of a type's name.
BITS = re.compile(r"\d+_?$")


def from_annotation(name: str, annotation_source: str) -> Declared | None:
    """What an annotation says: 'Float[ndarray, "N D"]' -> ("N", "D"), float.

    None if it says nothing, as ArrayLike does, or leaves a choice, as float | ndarray.
    """
    tree = parse_expression(annotation_source)
    stated = state_type(tree.body) if tree else None
    if stated is None:
        return None
    return stated.of(name, f"{name}: {annotation_source.strip()}")


def state_type(node: ast.expr) -> Stated | None:
    """What the expression of a type says."""
    match node:
        case ast.Constant(value=str(source)):
            tree = parse_expression(source)
            return state_type(tree.body) if tree else None
        case ast.BinOp(op=ast.BitOr()):
            return state_union(union_members(node))
        case ast.Subscript(value=head, slice=ast.Tuple(elts=arguments)):
            return state_subscript(last_name(head), arguments)
        case ast.Subscript(value=head, slice=argument):
            return state_subscript(last_name(head), [argument])
        case _:
            return state_plain_type(last_name(node))


def last_name(node: ast.expr) -> str:
    """The last name of "np.ndarray"."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def state_plain_type(name: str) -> Stated | None:
    """What a type without arguments says."""
    if name in ARRAY_TYPES:
        return Stated(None, ARRAY_TYPES[name], 0)
    if name in SCALAR_TYPES:
        return Stated((), SCALAR_TYPES[name], 0)
    return Stated(None, OTHER_TYPES[name], 0) if name in OTHER_TYPES else None


def union_members(node: ast.expr) -> list[ast.expr]:
    """The types between the bars of "A | B | None"."""
    members: list[ast.expr] = []
    while isinstance(node, ast.BinOp):
        members.append(node.right)
        node = node.left
    return [node, *reversed(members)]


def state_union(members: Sequence[ast.expr]) -> Stated | None:
    """What a union says: of "A | None" what A says, of "int | float" a float."""
    types = [node for node in members if not is_none(node)]
    stated = [state_type(node) for node in types]
    if len(stated) == 1:
        return stated[0]
    numbers = [one.kind for one in stated if one and one.dims == ()]
    mixed = len(numbers) < len(stated) or not set(numbers) <= {"int", "float"}
    return None if mixed else Stated((), "float" if "float" in numbers else "int", 0)


def is_none(node: ast.expr) -> bool:
    """Whether the type is None."""
    return isinstance(node, ast.Constant) and node.value is None


def state_subscript(head: str, arguments: Sequence[ast.expr]) -> Stated | None:
    """What a type with arguments says."""
    match head, arguments:
        case "Optional" | "Final" | "Required" | "Union", _:
            return state_union(arguments)
        case "Literal", _:
            return state_literal(arguments)
        case "Annotated", [base, *notes]:
            return state_annotated(base, notes)
        case "NDArray", [shape, kind]:
            return state_array(nptyping_shape(shape), last_name(kind))
        case "NDArray", [kind]:
            return Stated(None, element_type(last_name(kind)), 0)
        case "ndarray", [_, ast.Subscript(slice=kind)]:
            return Stated(None, element_type(last_name(kind)), 0)
        case "TensorType", _:
            return state_array(listed_shape(arguments), "")
        case _, [base, ast.Constant(value=str(shape))] if is_element(head):
            return state_array(shape, head) if is_array_type(base) else None
        case _, [item] if OTHER_TYPES.get(head) == "list":
            return Stated(None, "numbers" if is_number(item) else "list", 0)
        case _:
            return state_plain_type(head)


def is_number(item: ast.expr) -> bool:
    """Whether a type is the one of plain numbers."""
    return (stated := state_type(item)) is not None and stated.dims == ()


def state_literal(values: Sequence[ast.expr]) -> Stated | None:
    """What Literal["a", "b"] says."""
    strings = [
        isinstance(node, ast.Constant) and isinstance(node.value, str)
        for node in values
    ]
    return Stated(None, "str", 0) if all(strings) else None


def is_element(head: str) -> bool:
    """Whether a name is a kind of jaxtyping."""
    return BITS.sub("", head).lower() in ELEMENTS


def is_array_type(node: ast.expr) -> bool:
    """Whether a type is one of arrays; in jaxtyping also "Array | ndarray"."""
    stated = [state_type(member) for member in union_members(node)]
    return all(one is not None and one.kind in (*VAGUE, "float") for one in stated)


def element_type(name: str) -> str:
    """The kind of the elements of NDArray[np.float64]; "array" if it does not say."""
    return ELEMENTS.get(BITS.sub("", name).rstrip("_").lower(), "array")


def state_array(shape: str | None, element: str) -> Stated:
    """An array whose shape is written with spaces: "N D"; None for an unknown one."""
    kind = element_type(element)
    if shape is None:
        return Stated(None, kind, 0)
    pieces = shape.split()
    many = [i for i, piece in enumerate(pieces) if piece.startswith(MANY)]
    if many:
        return Stated(None, kind, 0, parse_pieces(pieces[: many[0]]) or None)
    return Stated(parse_pieces(pieces), kind, 0)


def nptyping_shape(node: ast.expr) -> str | None:
    """The dimensions in Shape["N, D"], with spaces between them."""
    match node:
        case ast.Subscript(value=head, slice=ast.Constant(value=str(shape))):
            return shape.replace(",", " ") if last_name(head) == "Shape" else None
        case _:
            return None


def listed_shape(arguments: Sequence[ast.expr]) -> str | None:
    """The dimensions of TensorType["N", 3], with spaces between them."""
    values = [node.value for node in arguments if isinstance(node, ast.Constant)]
    plain = len(values) == len(arguments) and ... not in values
    return " ".join(map(str, values)) if plain else None


def state_annotated(base: ast.expr, notes: Sequence[ast.expr]) -> Stated | None:
    """What Annotated[ndarray, "N D"] says, or Annotated[ndarray, (N, D)]."""
    stated = state_type(base)
    if (
        stated is None
        or stated.dims == ()
        or stated.kind
        in (
            "dict",
            "list",
            "numbers",
            "str",
            "any",
        )
    ):
        return stated
    shapes = [shape for shape in map(state_note, notes) if shape is not None]
    if len(shapes) != 1:
        return stated
    kind = shapes[0].kind if stated.kind == "array" else stated.kind
    return replace(shapes[0], kind=kind)


def state_note(note: ast.expr) -> Stated | None:
    """The shape that a note of Annotated gives; a remark gives none."""
    nothing = Variables(frozenset())
    match note:
        case ast.Constant(value=str(words)):
            text = " ".join(words.split())
            spaced = "(" + ",".join(text.replace(",", " ").split()) + ",)"
            stated = state_tuple(spaced, 0, nothing)
            return (
                stated
                or state_tuple(text, 0, nothing)
                or state_shape(text, False, nothing)
            )
        case ast.Tuple():
            text = ast.unparse(note).replace('"', "").replace("'", "")
            return stated_shape(text, "", "", 0)
        case _:
            return None
