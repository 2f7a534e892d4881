""" "(N, 4H)" -> ("N", "4*H"): the dimensions of one shape."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

Dims = tuple[str | int, ...]


# ---- Dimensions ----------------------------------------------------------------------

# Longer than any shape; keeps every search inside a bracket cheap.
LONGEST_SHAPE = 200

# "4H" and "2k", where the product sign is left out.
COEFFICIENT = re.compile(r"(?<![\w'])(\d+)(?=[^\W\d])")

# "1e-5" and "2E3", which are numbers.
EXPONENT = re.compile(r"(?<![\w'])\d+[eE][-+]?\d")

# A single division sign: a dimension is a whole number, so E/H is E//H.
DIVISION = re.compile(r"(?<!/)/(?!/)")

# The characters of a dimension: "n_samples", "H'", "(T - w) // s + 1".
DIMENSION = re.compile(r"[\w\s'()*/+-]+")

# An identifier, with the primes of H'.
NAME = re.compile(r"[^\W\d]\w*'*")

# The cross of "N x D" and "N × D".
CROSS = re.compile(r"\s[x×]\s|×")

# "d_1", "d1", "d_k": a name and its number, or the letter that stands for the last one.
SERIES = re.compile(r"([^\W\d]*?)_?(\d+|[a-zA-Z])")

# Typographic signs and their plain forms.
PLAIN = str.maketrans({"−": "-", "·": "*", "′": "'", "’": "'"})

PRIME = "_prime_"
ELLIPSES = {"...", "…", "*", r"\ldots", r"\dots"}
ARITHMETIC = (
    ast.Expression,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.FloorDiv,
    ast.Name,
    ast.Load,
    ast.Constant,
)


def parse_dims(text: str) -> Dims | None:
    """The dimensions of "(N, 4H)", "[N, D]" or "N, D"; None if it is no fixed shape."""
    pieces = dimension_pieces(text)
    return None if pieces is None else parse_pieces(pieces)


def parse_leading(text: str) -> Dims | None:
    """The dimensions before an ellipsis: "(N, d_1, ..., d_k)" -> ("N",)."""
    pieces = dimension_pieces(text) or []
    dotted = [index for index, piece in enumerate(pieces) if begins_ellipsis(piece)]
    if len(dotted) != 1:
        return None
    rest = [piece.lstrip(".… ") for piece in pieces[dotted[0] :]]
    series = next((stem(piece) for piece in reversed(rest) if piece), None)
    before = pieces[: dotted[0]]
    while before and is_numbered(before[-1], series):
        before = before[:-1]
    return parse_pieces(before)


def dimension_pieces(text: str) -> list[str] | None:
    """The text between the commas of a shape, brackets and last comma removed."""
    text = text.strip().translate(PLAIN)
    bracketed = text[:1] + text[-1:] in ("()", "[]")
    inner = text[1:-1].strip() if bracketed else text
    if len(text) > LONGEST_SHAPE or not (inner or bracketed):
        return None
    pieces = inner.split(",") if "," in inner else CROSS.split(inner)
    pieces = [piece.strip() for piece in pieces]
    if not pieces[-1]:
        pieces.pop()
    return pieces if all(pieces) else None


def parse_pieces(pieces: Sequence[str]) -> Dims | None:
    """Each piece as a dimension, or None if one of them is none."""
    dims = [parse_dimension(piece) for piece in pieces]
    known = tuple(dim for dim in dims if dim is not None)
    return known if len(known) == len(dims) else None


def parse_dimension(text: str) -> str | int | None:
    """One dimension in normal form: "4H" -> "4*H", "E / H" -> "E//H", "12" -> 12."""
    if not DIMENSION.fullmatch(text) or EXPONENT.search(text):
        return None
    text = DIVISION.sub("//", COEFFICIENT.sub(r"\1*", text))
    tree = parse_expression(text.replace("'", PRIME))
    if tree is None or not all(is_arithmetic(node) for node in ast.walk(tree)):
        return None
    normal = ast.unparse(tree).replace(" ", "").replace(PRIME, "'")
    return int(normal) if normal.isdecimal() else normal


def parse_expression(source: str) -> ast.Expression | None:
    """The syntax tree of an expression, or None if it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_arithmetic(node: ast.AST) -> bool:
    """Whether the node may stand in a dimension."""
    match node:
        case ast.Constant(value=value):
            return type(value) is int
        case ast.Name(id=name):
            return name.strip("_") != ""
        case _:
            return isinstance(node, ARITHMETIC)


def begins_ellipsis(piece: str) -> bool:
    """Whether the piece is an ellipsis, or one with its comma forgotten: "... d_k"."""
    return piece in ELLIPSES or piece.startswith(("...", "…"))


def is_numbered(piece: str, series: str | None) -> bool:
    """Whether it is one of the dimensions that the ellipsis counts."""
    return (
        piece[-1].isdigit() and stem(piece) != piece and series in (None, stem(piece))
    )


def stem(piece: str) -> str:
    """The name of a numbered series: "d_1" -> "d"."""
    match = SERIES.fullmatch(piece)
    return match[1] if match else piece
