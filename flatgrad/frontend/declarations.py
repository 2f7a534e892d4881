"""Text -> declared shapes: what docstrings, annotations and comments say of variables.

In goes plain text, "- x: A numpy array of shape (N, D)"; out comes what it states,
Declared("x", ("N", "D"), "array", ...). Nothing here looks at the code beside the text.
A wrong shape makes a wrong gradient, a missing one merely longer code, so a text that
could also mean something else declares nothing. All of it is linear in the text.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

Dims = tuple[str | int, ...]


def word_set(text: str) -> frozenset[str]:
    """The set of the words in a text."""
    return frozenset(text.split())


@dataclass(frozen=True)
class Declared:
    """What a text says of one variable; () is a scalar, dims None an unknown rank."""

    name: str  # "" for the result that has no name
    dims: Dims | None
    kind: str  # float int bool complex str dict, array or any where it does not say
    line: int  # counted from 0 inside the text
    text: str  # the words that say so
    leading: Dims | None = None  # (N, d_1, ..., d_k): dims None, leading ("N",)
    is_result: bool = False


@dataclass(frozen=True)
class Stated:
    """What a description says, before it is known of which variable."""

    dims: Dims | None
    kind: str
    end: int  # where in the description the statement ends
    leading: Dims | None = None
    like: str = ""  # "same shape as x": x


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
    bracketed = text[:1] + text[-1:] in ("()", "[]") and len(text) > 1
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


# ---- Tuples that stand alone ---------------------------------------------------------

# Names that look like a dimension: N, d_1, HH, tq, H1, n_samples, batch_size.
DIMENSION_NAME = re.compile(r"[a-zA-Z]{1,2}\d*'*|[A-Z]{3}\d*'*|[a-zA-Z]+_\w+'*")

DIMENSION_WORDS = word_set(
    "batch seq time hidden features feature channels height width heads classes "
    "samples vocab rows cols columns tokens embed embedding dim points steps"
)

# Coordinates, indices and functions, which more often stand in a pair than in a shape.
PAIRED = word_set("x y z X Y Z i j u v e f g")

# Two-letter words that are no dimension.
SHORT_WORDS = word_set(
    "an as at be by do go he if in is it me my no of on or so to up us we eq vs"
)


@dataclass(frozen=True)
class Variables:
    """The names that a tuple would list if it were no shape."""

    parameters: frozenset[str]
    others: frozenset[str] = frozenset()
    integers: frozenset[str] = frozenset()

    def listed(self, names: Collection[str]) -> set[str]:
        """Those of the names that are variables, and not whole numbers."""
        return (set(names) & (self.parameters | self.others)) - self.integers


def is_plausible(text: str, variables: Variables) -> bool:
    """Whether a tuple, with no word "shape" before it, can be nothing but a shape."""
    names = NAME.findall(text)
    return "," in text and bool(names) and not lists_values(names, variables)


def lists_values(names: Sequence[str], variables: Variables) -> bool:
    """Whether the names may be those of values: (x, y), (mean, std), (h, c)."""
    if not all(map(is_dimension_name, names)) or PAIRED.intersection(names):
        return True
    if set(names) in ({"a", "b"}, {"a", "b", "c"}, {"h", "c"}, {"s", "t"}):
        return True
    listed = variables.listed(names)
    one_size = len(listed) == 1 and all(name.isupper() for name in listed)
    return bool(listed) and not (one_size and len(set(names)) > 1)


def is_dimension_name(name: str) -> bool:
    """Whether people call a dimension so."""
    if name in SHORT_WORDS:
        return False
    return name in DIMENSION_WORDS or DIMENSION_NAME.fullmatch(name) is not None


# ---- Brackets ------------------------------------------------------------------------


def matching_brackets(text: str) -> dict[int, int]:
    """Where each bracket closes; "[0, 1)" closes too, and a stray one is left out."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for index, character in enumerate(text):
        if character in "([{":
            opened.append(index)
        elif character in ")]}" and opened:
            closing[opened.pop()] = index
    return closing


def hide_brackets(text: str) -> str:
    """The text with NUL for everything in brackets: "x: (N, D), y" keeps one comma."""
    closing = matching_brackets(text)
    pieces: list[str] = []
    index = 0
    while index < len(text):
        end = closing.get(index, index - 1) + 1
        pieces.append("\0" * (end - index) if end > index else text[index])
        index = max(end, index + 1)
    return "".join(pieces)


def bracket_at(text: str, start: int, closing: dict[int, int]) -> str:
    """The bracketed text that opens at start, or "" if none does."""
    opens = text[start : start + 1] in ("(", "[") and start in closing
    return text[start : closing[start] + 1] if opens else ""


# ---- Kinds ---------------------------------------------------------------------------

# A word with its dots and hyphens, or one sign: "np.ndarray", "1-d", "array_like", ",".
TOKEN = re.compile(r"[^\W_]\w*(?:[.-]\w+)*|[^\w\s]")

SCALARS = {
    "float": "float",
    "double": "float",
    "floating": "float",
    "int": "int",
    "integer": "int",
    "bool": "bool",
    "bool_": "bool",
    "boolean": "bool",
    "complex": "complex",
    "scalar": "any",
    **{f"float{bits}": "float" for bits in (16, 32, 64)},
    **{f"{sign}int{bits}": "int" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"complex{bits}": "complex" for bits in (64, 128)},
}
ARRAYS = word_set("array ndarray tensor matrix vector")
ARRAYS_PLURAL = word_set("arrays ndarrays tensors matrices vectors")
DICTS = word_set("dict dictionary ordereddict")
STRINGS = word_set("str string")

# Words before the noun that change nothing.
FILLERS = word_set(
    "a an the as single python torch pytorch numpy np jax positive nonnegative small "
    "real dense input 1d 2d 3d 4d 1-d 2-d 3-d 4-d"
)

# What may follow a scalar's type: "Scalar giving the loss", "float in (0, 1)".
AFTER_SCALAR = word_set(
    "giving value loss constant number parameter factor multiplier coefficient in "
    "between with that which representing specifying float int scalar > < optional "
    "default"
)

# One value for each of several: then the whole is no scalar.
DISTRIBUTIVE = word_set("each every per")

# "vector of labels", "ground-truth indices", "with the training labels".
LABELS = re.compile(
    r"(?:(?:an?|the|numpy|torch|pytorch|vector|array|tensor|ndarray|1-?d|of|with|all|"
    r"containing|giving|holding|integer|int|training|test|validation|class|target|true|"
    r"ground|truth|ground-truth|correct|gold|cluster|image|word|token) )*"
    r"(?:labels|indices|indexes|ids)\b",
    re.IGNORECASE,
)

# Labels that are real numbers: -1 and +1, probabilities.
REAL_LABELS = re.compile(r"[-+−±] ?1\b|\b(?:soft|smooth|one-hot)", re.IGNORECASE)

# "greater than or equal", "or None": an "or" that joins no two types.
HARMLESS_OR = re.compile(
    r"\bor (?:equal\b|not\b)|(?<!,) or None\b|\bNone or\b", re.IGNORECASE
)

# The end of a sentence, or of the type in a numpydoc entry.
SENTENCE_END = re.compile(r"[.;] |[.;]$")

# "{'train', 'test'}": one of these strings.
CHOICES = re.compile(r"\{['\"]")


def state_kind(text: str, several: bool) -> Stated | None:
    """What a description says that gives no shape: "Scalar", "ndarray of bool"."""
    if CHOICES.match(text):
        return Stated(None, "str", len(text))
    tokens = type_tokens(text)
    if "or" in tokens or "none" in tokens:
        numbers = set(tokens) <= {"int", "integer", "float", "or", ",", "optional"}
        return Stated((), "float", len(text)) if numbers else None
    while tokens and tokens[0] in FILLERS:
        tokens = tokens[1:]
    if not tokens:
        return None
    return kind_of_head(tokens, text, several)


def type_tokens(text: str) -> list[str]:
    """The words of a description's first sentence, or of the type in parentheses."""
    inside = bracket_at(text, 0, matching_brackets(text))[1:-1]
    sentence = inside or SENTENCE_END.split(text, maxsplit=1)[0]
    words = TOKEN.findall(HARMLESS_OR.sub("", sentence).lower())
    return [word.rsplit(".", 1)[-1] for word in words]


def kind_of_head(tokens: list[str], text: str, several: bool) -> Stated | None:
    """The kind that the first noun of a description names."""
    head, following = tokens[0], tokens[1] if len(tokens) > 1 else "."
    if several and head.endswith("s"):
        head = head.removesuffix("s") if head != "matrices" else "matrix"
    spread = not DISTRIBUTIVE.isdisjoint(tokens)
    end = len(SENTENCE_END.split(text, maxsplit=1)[0])
    if head in DICTS:
        return Stated(None, "dict", end)
    if head in STRINGS:
        return Stated(None, "str", end)
    if head in ARRAYS and following not in ARRAYS_PLURAL:
        return Stated(None, element_kind(" ".join(tokens), ""), end)
    if head in SCALARS and following in ARRAYS | (ARRAYS_PLURAL if several else set()):
        return Stated(None, SCALARS[head].replace("any", "array"), end)
    choice = not ARRAYS.isdisjoint(tokens)
    if head in SCALARS and follows_scalar(following) and not (spread or choice):
        return Stated((), scalar_kind(head, following), end)
    if head == "index" and (following == "of" or not following.isalnum()):
        return None if spread else Stated((), "int", end)
    if says_labels(text, text):
        return Stated(None, "int", end)
    return None


def scalar_kind(head: str, following: str) -> str:
    """The kind of a scalar; in "scalar float" the second word has it."""
    return SCALARS.get(following, SCALARS[head]) if head == "scalar" else SCALARS[head]


def follows_scalar(token: str) -> bool:
    """Whether the type ends before this token."""
    return token in AFTER_SCALAR or token in ",.;:)="


def element_kind(before: str, after: str) -> str:
    """The kind of an array's elements, from the words on both sides of its shape."""
    head = TOKEN.findall(before.lower())
    tail = TOKEN.findall(after.lower())[:3]
    for words in (head, tail):
        for word, following in pairwise([*words, ""]):
            kind = SCALARS.get(word.rsplit(".", 1)[-1].removesuffix("s"), "any")
            complete = kind != "complex" or following in ARRAYS | ARRAYS_PLURAL | {""}
            if kind != "any" and complete:
                return kind
    if says_labels(before, before + after) or says_labels(after, before + after):
        return "int"
    return "array"


def says_labels(text: str, whole: str) -> bool:
    """Whether the text begins by calling the elements labels or indices."""
    sentences = [sentence.lstrip(" ,;:-") for sentence in SENTENCE_END.split(text)]
    found = any(LABELS.match(sentence) for sentence in sentences)
    return found and REAL_LABELS.search(whole) is None


# ---- Shapes in a description ---------------------------------------------------------

# The word "shape" and what may stand between it and its bracket.
SHAPE_WORD = re.compile(
    r"(?<![\w.])shaped?(?: ?==?| ?:| is| are)? ?(?::math:)?[`'\"]{0,2}(?=[(\[])",
    re.IGNORECASE,
)

# "tensor of size (", which without the noun may speak of a window.
SIZE_WORD = re.compile(
    r"\b(?:array|ndarray|tensor|matrix|vector)s? of (?=(?:size|dimensions?) ?[(\[])",
    re.IGNORECASE,
)
SIZE = re.compile(r"(?:size|dimensions?) ?", re.IGNORECASE)

# "same shape as x", "shape of `x`".
SAME_SHAPE = re.compile(
    r"(?<![\w.])(?:same shape(?: and d?type)? as|shaped like|shape of)"
    r" (?:the input )?[`'*]{0,2}(?P<name>[^\W\d]\w*)(?!\w)(?P<rest>.{0,24})",
    re.IGNORECASE,
)

# After "same shape as x": it is not quite that shape.
NOT_QUITE = re.compile(
    r"[`'*]{0,2}"
    r"(?:[.\[(]\S|,? (?:except|but|without|with|plus|minus|apart|after|or)\b)",
    re.IGNORECASE,
)

# "same shape" with no "as".
SOME_SHAPE = re.compile(r"\b(?:same|any|arbitrary) shape\b", re.IGNORECASE)

# After a shape: it is one of several, or the shape of a part, or part of a formula.
NOT_WHOLE = re.compile(
    r"[`'\"]{0,2}(?:[(\[]|,? ?(?:(?:or(?! None\b)|if|when|unless)\b"
    r"|(?:after|before|once|each|per)\b"
    r"|for (?:each|every)\b|and [(\[]|[(\[])| ?(?:x ?[(\[]|->|→|=>|[@*+/^=<>|&%]))",
    re.IGNORECASE,
)

# "(N, D) array", "(3, 3) float ndarray": as good as the word shape.
ARRAY_AFTER = re.compile(
    r" (?:(?:float|int|bool|real|complex|numpy|np|torch)[ .])?"
    r"(?:nd)?(?:array|tensor|matrix|vector)(?:[_-]like)?\b",
    re.IGNORECASE,
)

# A type directly before a bracket: "np.ndarray [N, D]", "ndarray of bool, (m, n)".
ARRAY_BEFORE = re.compile(
    r"(?:an? )?(?:(?:numpy|np|torch|jnp|float|int|bool|integer|boolean)[ .])?"
    r"(?:ndarray|array|tensor|matrix|vector)(?: of (?:bool|int|float)s?)?,? ?(?=[(\[])",
    re.IGNORECASE,
)

# A clause begins after one of these.
CLAUSE_START = re.compile(r"[,;:(]|\.(?= )")

# Between the subject and the word "shape".
CONNECTIVES = word_set("of with has have having the a is in and both all")

# Before "of shape", with no comma between: another thing may have that shape.
REMOTE = word_set(
    "into with by from using per each every to than whose where if when unless not no "
    "for was were before after in containing holding storing giving list tuple batch "
    "minibatch sequence set collection stack series pair number rows columns"
)

# What a description begins with if its shape is that of the parts.
PARTS = word_set("list tuple sequence iterable pair dict dictionary lists")

# The characters around a shape that are looked at.
NEARBY = 240

# A condition: what follows holds only sometimes.
CONDITION = re.compile(r"\b(?:if|unless|either|or|when|not)\b", re.IGNORECASE)


def state(text: str, several: bool, variables: Variables) -> Stated | None:
    """What a description, with single spaces, says of one variable, or of each."""
    found = state_tuple(text, 0, variables) or state_typed_tuple(text, variables)
    found = found or state_shape(text, several, variables)
    return found or state_same(text, several) or state_kind(text, several)


def state_tuple(text: str, start: int, variables: Variables) -> Stated | None:
    """The shape that stands at this place: "(N, D), the scores"."""
    inside = bracket_at(text, start, matching_brackets(text))
    rest = text[start + len(inside) :]
    named = ARRAY_AFTER.match(rest) is not None
    if not inside or NOT_WHOLE.match(rest) or has_alternative(rest):
        return None
    if not named and not is_plausible(inside, variables):
        return None
    return stated_shape(inside, text[:start], rest, start + len(inside))


def state_typed_tuple(text: str, variables: Variables) -> Stated | None:
    """The shape right after the type: "np.ndarray [N, D]"."""
    found = ARRAY_BEFORE.match(text)
    return state_tuple(text, found.end(), variables) if found else None


def state_shape(text: str, several: bool, variables: Variables) -> Stated | None:
    """The shape after the word "shape", if the sentence gives just one."""
    closing = matching_brackets(text)
    places = sorted([*shape_places(text)])
    shapes = [bracket_at(text, end, closing) for _, end in places]
    for (start, end), inside in zip(places, shapes, strict=True):
        if not is_own_shape(text[:start], several) or not inside:
            continue
        rest = text[end + len(inside) :]
        stop = end + len(inside) + len(SENTENCE_END.split(rest, maxsplit=1)[0])
        nearby = [
            shape
            for place, shape in zip(places, shapes, strict=True)
            if place[1] < stop
        ]
        single = len(dimension_pieces(inside) or ()) == 1 and "," not in inside
        lone = single and bool(variables.listed(NAME.findall(inside)))
        if NOT_WHOLE.match(rest) or has_alternative(rest) or lone:
            return None
        if len(set(nearby)) > 1:
            return None
        return stated_shape(inside, text[:start], rest, end + len(inside))
    return None


def shape_places(text: str) -> Iterator[tuple[int, int]]:
    """Where the words that announce a shape begin and end."""
    for found in SHAPE_WORD.finditer(text):
        yield found.start(), found.end()
    for found in SIZE_WORD.finditer(text):
        size = SIZE.match(text, found.end())
        if size is not None:
            yield found.end(), size.end()


def is_own_shape(before: str, several: bool) -> bool:
    """Whether a shape after these words is that of the variable described."""
    first = TOKEN.search(before)
    if first and first[0].lower() in PARTS:
        return False
    before = before[-NEARBY:]
    if CONDITION.search(HARMLESS_OR.sub("", last_sentence(before))):
        return False
    words = CLAUSE_START.split(before)[-1].lower().split()
    linking = []
    while words and words[-1] in CONNECTIVES:
        linking.append(words.pop())
    if words and words[-1] == "each":
        return several and len(words) == 1
    if words and not {"has", "have"}.isdisjoint(linking):
        return words in (["it"], ["they"], ["which"])
    if words and words[-1] in ARRAYS_PLURAL and not several:
        return False
    return REMOTE.isdisjoint(words) and not counts_things(words)


def last_sentence(text: str) -> str:
    """The sentence in which the text ends."""
    return SENTENCE_END.split(text)[-1]


def counts_things(words: Sequence[str]) -> bool:
    """Whether a number or a letter counts what follows: "t arrays of shape"."""
    return any(
        (word.isdigit() or (len(word) == 1 and word != "a")) and following.endswith("s")
        for word, following in pairwise(words)
    )


# A second shape after an "or", at most a few words later.
ALTERNATIVE = re.compile(r"\bor(?: [\w-]+){0,3} ?[(\[]", re.IGNORECASE)


def has_alternative(rest: str) -> bool:
    """Whether the sentence goes on with another shape: "(N,) for one, or (N, C)"."""
    sentence = SENTENCE_END.split(rest[:NEARBY], maxsplit=1)[0]
    return ALTERNATIVE.search(HARMLESS_OR.sub("", sentence)) is not None


def stated_shape(inside: str, before: str, rest: str, end: int) -> Stated | None:
    """The shape in these brackets, with the kind that the words around it give."""
    dims, leading = parse_dims(inside), parse_leading(inside)
    if dims is None and leading is None:
        return None
    following = SENTENCE_END.split(rest, maxsplit=1)[0]
    return Stated(dims, element_kind(before, following), end, leading)


def state_same(text: str, several: bool) -> Stated | None:
    """The shape of another: "same shape as x"."""
    found = SAME_SHAPE.search(text)
    if found is None or not is_own_shape(text[: found.start()].rstrip(), several):
        some = SOME_SHAPE.search(text)
        own = some and is_own_shape(text[: some.start()].rstrip(), several)
        kind = element_kind(text[: some.start()] if some else "", "")
        return Stated(None, kind, some.end()) if some and own else None
    like = "" if NOT_QUITE.match(found["rest"]) else found["name"]
    kind = element_kind(text[: found.start()], "")
    return Stated(None, kind, found.end("name"), like=like)


# ---- Headings inside a text: "x: (N, D), y: (N,)" ------------------------------------

# A colon that may end a heading; x[1:] and 1:2 are none.
COLON = re.compile(r":(?=[\s\0]|$)")

# What may stand between a heading and the words before it.
BOUNDARY = re.compile(r"\0+|[,;\n]|\.\s|\band\b| {2,}")

# Words before a colon that name no variable.
NO_VARIABLES = word_set(
    "shape shapes size dim dims dimensions type dtype default note notes where example "
    "examples units range todo fixme hint warning input output inputs outputs returns "
    "return see eq"
)


@dataclass(frozen=True)
class Part:
    """A piece of a text and the names before its colon."""

    names: tuple[str, ...]
    start: int  # of the names
    text: str


def split_headings(text: str, known: Collection[str], is_open: bool) -> list[Part]:
    """The text cut at each "name:"; other names than the known only if it is open.

    The first part has no names; it is what comes before the first heading.
    """
    hidden = hide_brackets(text)
    cuts: list[tuple[tuple[str, ...], int, int]] = [((), 0, 0)]
    previous = 0
    for colon in COLON.finditer(hidden):
        end = colon.end()
        bracketed = hidden[end : end + 2].strip(" ").startswith("\0")
        names, start = names_before(
            hidden[previous : colon.start()], known, is_open, bracketed
        )
        if names:
            cuts.append((names, previous + start, end))
        previous = end
    ends = [cut[1] for cut in cuts[1:]] + [len(text)]
    return [
        Part(names, start, text[begin:end])
        for (names, start, begin), end in zip(cuts, ends, strict=True)
    ]


def names_before(
    segment: str, known: Collection[str], is_open: bool, bracketed: bool
) -> tuple[tuple[str, ...], int]:
    """The names that end the segment, and where they begin in it."""
    names: list[str] = []
    begin = len(segment)
    bounds = [(0, 0), *(found.span() for found in BOUNDARY.finditer(segment))]
    end = len(segment)
    for start, stop in reversed(bounds):
        piece = segment[stop:end].strip(" \t`*'\"")
        fresh = is_open and (bracketed or segment[start:stop] in ("", "\n"))
        is_name = piece in known or (fresh and is_variable(piece))
        if is_name:
            names.append(piece)
            begin = stop
        joins = segment[start:stop] in (",", "and")
        if not joins or not (is_name or (names and not piece)):
            break
        end = start
    return tuple(reversed(names)), begin


def is_variable(text: str) -> bool:
    """Whether the text can be the name of a variable."""
    return text.isidentifier() and text.lower() not in NO_VARIABLES


# ---- Entries of a docstring ----------------------------------------------------------

# "- x: ..." and "* x: ...".
BULLET = re.compile(r"[-*•]\s+(?=\S)")

# The line under a numpydoc header.
UNDERLINE = re.compile(r"[-=~]{3,}\s*")

# "Inputs:", "Parameters", "Args:".
PARAMETERS_HEADER = re.compile(
    r"(?:inputs?|args?|arguments|parameters|params|other parameters|keyword arg\w*)"
    r"\s?:?",
    re.IGNORECASE,
)

# "Returns:", "Returns a tuple of:", "Returns: an array", "Output:".
RESULTS_HEADER = re.compile(
    r"(?:returns?\b(?P<first>\s?:|(?![:\w])(?=[^:]*:$)[^:]*:|\s?$)"
    r"|outputs?\s?(?P<second>:))(?P<rest>.*)",
    re.IGNORECASE,
)

# "Returns an array of shape (N,)", in a sentence.
RESULTS_SENTENCE = re.compile(r"Returns? (?P<rest>.*)")

# "If y is None, return:".
RESULTS_CLAUSE = re.compile(r".{0,120}\breturns?(?: a tuple of)?:")

# Sections that speak of something else.
OTHER_HEADER = re.compile(
    r"(?:notes?|raises|yields|warns|warnings?|examples?|references|see also|attributes|"
    r"todo|hints?)\s?:?",
    re.IGNORECASE,
)

# ":param float x: text", ":type x: float".
FIELD = re.compile(r"[:@](?:param|parameter|arg|type)\s(?P<label>[^:]*):\s?")

# ":return: text", ":rtype: float".
RESULT_FIELD = re.compile(r"[:@](?:returns?|rtype)\s?:\s?")

# "loss as single float".
AS = re.compile(r"(?P<name>[^\W\d]\w*) (?=as (?:a )?(?:single|torch|python|scalar)\b)")

# After the names of a label: "x: ", "x -- ".
LABEL_END = re.compile(r":(?=[\s\0]|$)|\s--\s")

# Between the names of a label: "x, y", "x and y", "x / y".
LABEL_SEPARATOR = re.compile(r",|/|\band\b")


@dataclass(frozen=True)
class Entry:
    """Consecutive lines of a docstring about one thing, and the names they begin by."""

    section: str  # prose, parameters, results, other
    names: tuple[str, ...]
    lines: tuple[str, ...]
    line: int
    indent: int = 0
    nested: bool = False
    labelled: bool = False  # it is an item of a list, not a paragraph


@dataclass(frozen=True)
class Section:
    """Which part of the docstring a line is in."""

    name: str = "prose"
    indent: int = 0
    underlined: bool = False


class Reader:
    """Lines of a docstring -> entries."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.section = Section()
        self.entries: list[list[str]] = []
        self.heads: list[Entry] = []
        self.top_indent: int | None = None  # of the last item that is not nested
        self.is_open = False  # the next line may continue the last entry

    def read(self) -> list[Entry]:
        """All entries, in order."""
        for number, line in enumerate(self.lines):
            self.read_line(number, line)
        return [
            replace(head, lines=tuple(lines))
            for head, lines in zip(self.heads, self.entries, strict=True)
        ]

    def read_line(self, number: int, line: str) -> None:
        """Take one line in."""
        content = line.strip()
        indent = len(line) - len(line.lstrip())
        if not content:
            self.is_open = False
        elif content.startswith(">>>") or UNDERLINE.fullmatch(content):
            pass
        elif not self.read_header(number, indent, content):
            self.read_content(number, indent, content)

    def read_header(self, number: int, indent: int, content: str) -> bool:
        """Begin a section if the line is its header; what follows a colon is kept."""
        below = self.lines[number + 1].strip() if number + 1 < len(self.lines) else ""
        underlined = UNDERLINE.fullmatch(below) is not None
        name, rest = header_of(content)
        if not name and underlined:
            name = "other"
        if not name:
            return False
        self.section = Section(name, indent, underlined)
        self.top_indent, self.is_open = None, False
        if rest:
            self.add(number, indent, (), rest, labelled=False)
        return True

    def read_content(self, number: int, indent: int, content: str) -> None:
        """Add a line that is no header to the entries."""
        bullet = BULLET.match(content)
        if FIELD.match(content) or RESULT_FIELD.match(content):
            self.read_field(number, indent, content)
        elif bullet:
            self.read_item(number, indent, content[bullet.end() :])
        elif self.continues(indent):
            self.entries[-1].append(content)
        else:
            self.read_paragraph(number, indent, content)

    def continues(self, indent: int) -> bool:
        """Whether the line belongs to the item before it, by its indentation."""
        last = self.heads[-1] if self.heads else None
        return (
            self.is_open and last is not None and last.labelled and indent > last.indent
        )

    def read_field(self, number: int, indent: int, content: str) -> None:
        """Read ":param x: text" and its kind."""
        field = FIELD.match(content)
        if field is None:
            self.read_result_field(number, indent, content)
            return
        *type_words, name = field["label"].split() or [""]
        parts = (" ".join(type_words), content[field.end() :])
        text = "; ".join(filter(None, parts))
        self.section = Section("parameters", indent)
        self.add(number, indent, (name,), text, labelled=True)

    def read_result_field(self, number: int, indent: int, content: str) -> None:
        """Read ":return: text", or put the kind of ":rtype: kind" before that text."""
        text = RESULT_FIELD.sub("", content, count=1)
        again = bool(self.heads) and self.section == Section("results", indent)
        self.section = Section("results", indent)
        if not again:
            self.add(number, indent, (), text, labelled=True)
        elif content.startswith(":rtype"):
            self.entries[-1].insert(0, text + ".")
        else:
            self.entries[-1].append(text)

    def read_item(self, number: int, indent: int, content: str) -> None:
        """Read what follows a bullet."""
        nested = self.top_indent is not None and indent > self.top_indent
        if not nested:
            self.top_indent = indent
        names, text = split_label(content, self.section.name == "results")
        self.add(number, indent, names, text, labelled=True, nested=nested)

    def read_paragraph(self, number: int, indent: int, content: str) -> None:
        """Read a line of prose, or an item of a list without bullets."""
        at_margin = indent <= self.section.indent
        detached = at_margin and not self.section.underlined and not self.is_open
        if detached and self.was_filled():
            self.section = Section()
        in_list = self.section.name in ("parameters", "results") or " -- " in content
        names, text = split_label(content, self.section.name == "results")
        starts_item = self.section.underlined and at_margin
        if in_list and (names or starts_item):
            self.top_indent = indent
            end = "." if starts_item else ""
            self.add(number, indent, names, text + end, labelled=True)
        elif self.is_open and not self.heads[-1].labelled:
            self.entries[-1].append(content)
        else:
            self.top_indent = None
            self.add(number, indent, (), content, labelled=False)

    def was_filled(self) -> bool:
        """Whether the section has an entry already."""
        return bool(self.heads) and self.heads[-1].section == self.section.name

    def add(
        self,
        number: int,
        indent: int,
        names: tuple[str, ...],
        text: str,
        *,
        labelled: bool,
        nested: bool = False,
    ) -> None:
        """Begin an entry."""
        section = self.section.name
        self.heads.append(Entry(section, names, (), number, indent, nested, labelled))
        self.entries.append([text])
        self.is_open = True


def header_of(content: str) -> tuple[str, str]:
    """The section that a line begins, "" if none, and the text after its colon."""
    if PARAMETERS_HEADER.fullmatch(content):
        return "parameters", ""
    if OTHER_HEADER.fullmatch(content):
        return "other", ""
    header = RESULTS_HEADER.fullmatch(content)
    if header:
        return "results", header["rest"].strip()
    sentence = RESULTS_SENTENCE.fullmatch(content)
    if sentence:
        return "results", sentence["rest"]
    return ("results", "") if RESULTS_CLAUSE.fullmatch(content) else ("", "")


def split_label(content: str, is_result: bool) -> tuple[tuple[str, ...], str]:
    """The names before an item's colon, and what it says: "x (float): rate"."""
    hidden = hide_brackets(content)
    colon = LABEL_END.search(hidden)
    if colon is None:
        found = AS.match(content)
        return ((found["name"],), content[found.end() :]) if found else ((), content)
    label, text = content[: colon.start()].rstrip(), content[colon.end() :].strip()
    end = hidden.find("\0", 0, colon.start())
    end = end if end >= 0 else len(label)
    typed = label[end + 1 : -1] if label.endswith((")", "]")) else label[end:]
    names = tuple(piece.strip(" `*'\"") for piece in LABEL_SEPARATOR.split(label[:end]))
    if all(map(is_variable, names)) and not (is_result and is_type(names)):
        return names, "; ".join(filter(None, (typed, text)))
    return (), f"{label}; {text}" if is_result else content


def is_type(names: Sequence[str]) -> bool:
    """Whether a label is the type of an unnamed result: "float: the loss"."""
    types = ARRAYS | DICTS | STRINGS | SCALARS.keys() | {"tuple", "list"}
    return len(names) == 1 and names[0].lower() in types


# ---- Docstrings ----------------------------------------------------------------------

# "x has shape (", "x.shape == (", "x and y have shape (": the subject before a shape.
SUBJECT = re.compile(
    r"(?<![\w.\])'])(?P<name>[^\W\d]\w*)"
    r"(?:\.shape(?: ?==?| ?:| is)|(?P<verb> has| have) (?:the )?shape) ?"
    r"[`'\"]{0,2}(?=[(\[])"
)

# "both have shape (", of the two parameters.
BOTH = re.compile(r"\bboth (?:have|of|with|are of) shape ?(?=[(\[])", re.IGNORECASE)

# The characters of the text that a diagnostic quotes.
QUOTED = 100


@dataclass(frozen=True)
class Found:
    """A declaration before names of other variables in it are resolved."""

    declared: Declared
    like: str = ""
    nested: bool = False


def from_docstring(text: str, parameters: Sequence[str]) -> list[Declared]:
    """What a docstring declares of the parameters, of its results and of dict entries.

    Two declarations of one name that contradict each other are both returned.
    """
    entries = [
        entry
        for entry in Reader(docstring_lines(text)).read()
        if entry.section != "other"
    ]
    labels = frozenset(name for entry in entries for name in entry.names)
    variables = Variables(frozenset(parameters), labels)
    integers = frozenset(
        found.declared.name
        for found in find_all(entries, parameters, variables)
        if (found.declared.dims, found.declared.kind) == ((), "int")
    )
    variables = replace(variables, integers=integers)
    found_all = find_all(entries, parameters, variables)
    return merge(resolve(drop_ambiguous(found_all, entries, parameters)))


def docstring_lines(text: str) -> list[str]:
    """The lines without their common indentation, which the first one lacks."""
    first, *rest = text.expandtabs().split("\n")
    indents = [len(line) - len(line.lstrip()) for line in rest if line.strip()]
    margin = min(indents, default=0)
    return [first.strip(), *(line[margin:] for line in rest)]


def find_all(
    entries: Sequence[Entry], parameters: Sequence[str], variables: Variables
) -> list[Found]:
    """All that the entries declare."""
    return [
        found
        for entry in entries
        for found in find_in_entry(entry, parameters, variables)
    ]


def find_in_entry(
    entry: Entry, parameters: Sequence[str], variables: Variables
) -> Iterator[Found]:
    """What one entry declares: of its own names, then of those inside its text."""
    text = "\n".join(entry.lines)
    newlines = [index for index, character in enumerate(text) if character == "\n"]
    is_dict = False
    for part in split_headings(text, parameters, is_open=entry.labelled):
        names = part.names or entry.names
        line = entry.line + bisect_right(newlines, part.start)
        inner = bool(part.names) and not set(names) <= set(parameters)
        place = replace(entry, names=names, line=line, nested=entry.nested or inner)
        words = " ".join(part.text.split())
        own = [*find_in_part(place, words, variables)]
        is_dict = is_dict or any(found.declared.kind == "dict" for found in own)
        yield from own
        yield from find_subjects(place, words, None if is_dict else parameters)
        yield from find_both(place, words, parameters)


def find_in_part(entry: Entry, words: str, variables: Variables) -> Iterator[Found]:
    """What a description declares of each of its names, or of the unnamed result."""
    if not entry.names and entry.section != "results":
        return
    stated = state(words, len(entry.names) > 1, variables)
    if stated is None or (not entry.names and lists_results(words, stated)):
        return
    label = ", ".join(entry.names) + ": " if entry.names else ""
    for name in entry.names or ("",):
        yield declare(entry, name, stated, label + words[: stated.end])


def lists_results(words: str, stated: Stated) -> bool:
    """Whether "returns (h, c)" gives the results, and no shape."""
    is_array = ARRAY_AFTER.match(words, stated.end) is not None
    return words.startswith(("(", "[")) and bool(stated.dims) and not is_array


def declare(entry: Entry, name: str, stated: Stated, text: str) -> Found:
    """The statement as one of this variable."""
    declared = Declared(
        name,
        stated.dims,
        stated.kind,
        entry.line,
        text.strip()[:QUOTED],
        stated.leading,
        entry.section == "results",
    )
    return Found(declared, stated.like, entry.nested)


def find_subjects(
    entry: Entry, words: str, known: Collection[str] | None
) -> Iterator[Found]:
    """What sentences declare: "x has shape (N, D)"; known None stands for any name."""
    closing = matching_brackets(words)
    previous = 0
    for found in SUBJECT.finditer(words):
        names: tuple[str, ...] = (found["name"],)
        if found["verb"] == " have":
            names, _ = names_before(
                words[previous : found.end("name")], known or (), False, False
            )
        previous = found.end()
        inside = bracket_at(words, found.end(), closing)
        end = found.end() + len(inside)
        rest = words[end : end + NEARBY]
        stated = stated_shape(inside, "", "", end)
        plural = (len(names) > 1) == (found["verb"] == " have")
        if (
            stated is None
            or not plural
            or NOT_WHOLE.match(rest)
            or has_alternative(rest)
        ):
            continue
        place = replace(entry, section="prose")
        for name in names:
            if known is None or name in known:
                text = words[found.start() : stated.end]
                yield declare(place, name, stated, text)


def find_both(entry: Entry, words: str, parameters: Sequence[str]) -> Iterator[Found]:
    """What "both have shape (n,)" declares of a function's two parameters."""
    found = None if entry.names or entry.section == "results" else BOTH.search(words)
    if found is None or len(parameters) != 2:
        return
    stated = state_tuple(words, found.end(), Variables(frozenset()))
    if stated is not None:
        text = words[found.start() : stated.end]
        yield from (declare(entry, name, stated, text) for name in parameters)


def drop_ambiguous(
    found: Sequence[Found], entries: Sequence[Entry], parameters: Sequence[str]
) -> list[Found]:
    """Without what may speak of another: a dict's entry, one of several results."""
    shapes: dict[str, set[object]] = {}
    for item in found:
        if item.nested:
            shape = (item.declared.dims, item.declared.leading)
            shapes.setdefault(item.declared.name, set()).add(shape)
    unclear = {name for name, several in shapes.items() if len(several) > 1}
    unclear |= set(parameters)
    results = [one for one in entries if one.section == "results" and not one.nested]
    alone = len(results) == 1
    return [
        item
        for item in found
        if not (item.nested and item.declared.name in unclear)
        and (item.declared.name or alone)
    ]


def resolve(found: Sequence[Found]) -> list[Declared]:
    """With the shape of x where it says "same shape as x"."""
    known: dict[str, set[tuple[Dims | None, Dims | None]]] = {}
    for item in found:
        shape = (item.declared.dims, item.declared.leading)
        if not item.like and shape != (None, None):
            known.setdefault(item.declared.name, set()).add(shape)
    resolved = []
    for item in found:
        declared, shapes = item.declared, known.get(item.like, set())
        if item.like and len(shapes) == 1:
            dims, leading = next(iter(shapes))
            declared = replace(declared, dims=dims, leading=leading)
            known.setdefault(declared.name, {(dims, leading)})
        resolved.append(declared)
    return resolved


def merge(declared: Sequence[Declared]) -> list[Declared]:
    """With those of one name that agree joined into the one that says most."""
    merged: dict[tuple[str, bool], list[Declared]] = {}
    for new in declared:
        same = merged.setdefault((new.name, new.is_result), [])
        for index, old in enumerate(same):
            joined = join(old, new)
            if joined is not None:
                same[index] = joined
                break
        else:
            same.append(new)
    return sorted((one for same in merged.values() for one in same), key=line_of)


def line_of(declared: Declared) -> int:
    """Where it stands."""
    return declared.line


# What says less than any other kind, least first.
VAGUE = ("any", "array")


def join(one: Declared, other: Declared) -> Declared | None:
    """What both say together, or None if they contradict each other."""
    if other.dims is not None and one.dims is None:
        one, other = other, one
    kinds = {one.kind, other.kind}
    exact = kinds - set(VAGUE) or {"array"} & kinds or kinds
    scalar_and_array = one.dims == () and other.dims is None and other.kind != "any"
    if len(exact) > 1 or scalar_and_array or not same_shape(one, other):
        return None
    known = one.leading if one.leading is not None else other.leading
    leading = known if one.dims is None else None
    return replace(one, kind=exact.pop(), leading=leading)


def same_shape(one: Declared, other: Declared) -> bool:
    """Whether two shapes can be one; dims of the first are known if any are."""
    if one.dims is not None and other.dims is not None:
        return one.dims == other.dims
    if one.dims is not None:
        return other.leading is None or one.dims[: len(other.leading)] == other.leading
    return None in (one.leading, other.leading) or one.leading == other.leading


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
    **dict.fromkeys(word_set("list tuple List Tuple Sequence Iterable set"), "any"),
}

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
    text = f"{name}: {annotation_source.strip()}"
    return Declared(name, stated.dims, stated.kind, 0, text[:QUOTED], stated.leading)


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
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
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
        case _:
            return state_plain_type(head)


def state_literal(values: Sequence[ast.expr]) -> Stated | None:
    """What Literal["a", "b"] says."""
    strings = [
        isinstance(node, ast.Constant) and isinstance(node.value, str)
        for node in values
    ]
    return Stated(None, "str", 0) if all(strings) else None


def is_element(head: str) -> bool:
    """Whether a name is a kind of jaxtyping."""
    return BITS.sub("", head).lower() in ELEMENTS and head[:1].isupper()


def is_array_type(node: ast.expr) -> bool:
    """Whether a type is one of arrays; in jaxtyping also "Array | ndarray"."""
    stated = [state_type(member) for member in union_members(node)]
    return all(one is not None and one.kind in (*VAGUE, "float") for one in stated)


def element_type(name: str) -> str:
    """The kind of the elements of NDArray[np.float64]; "array" if it does not say."""
    return ELEMENTS.get(BITS.sub("", name).rstrip("_").lower(), "array")


def state_array(shape: str | None, element: str) -> Stated:
    """An array whose shape is written with spaces: "N D"; None for an unknown one."""
    pieces = None if shape is None else shape.split()
    kind = element_type(element)
    if pieces is None:
        return Stated(None, kind, 0)
    index = next((i for i, one in enumerate(pieces) if is_many(one)), None)
    if index is not None:
        return Stated(None, kind, 0, parse_pieces(pieces[:index]) or None)
    return Stated(parse_pieces(pieces), kind, 0)


def is_many(piece: str) -> bool:
    """Whether it stands for any number of dimensions: "...", "*batch"."""
    return piece == "..." or (piece.startswith("*") and len(piece) > 1)


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
    if stated is None or stated.dims == () or stated.kind in ("dict", "str", "any"):
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


# ---- Comments ------------------------------------------------------------------------

# The signs before a comment's words.
COMMENT_START = "#!: \t"

# From what goes in to what comes out: "(N, D) -> (N, H)", "(N, D) @ (D, H) = (N, H)".
ARROW = re.compile(r"->|→|=>|(?<![=<>!])=(?!=)")

# "each (N, H)", of several names.
EACH = re.compile(r"(?:each|both|all)(?: of shape| have shape|:)? ?(?=[(\[])")


def from_comment(
    comment: str, target: str | None, parameters: Sequence[str]
) -> list[Declared]:
    """What a comment declares: of the names in it, or of those assigned on its line.

    target: "h" or "q, k", None for a comment with a line of its own.
    """
    raw = comment.lstrip(COMMENT_START).rstrip()
    text = " ".join(raw.split())
    targets = [name.strip() for name in target.split(",")] if target else []
    variables = Variables(frozenset(parameters))
    named = named_in_comment(raw, targets, parameters, variables)
    if named or not targets or not all(map(str.isidentifier, targets)):
        return merge(named)
    stated = state_targets(text, targets, variables)
    pairs = zip(targets, stated, strict=False)
    return [comment_declared(name, one, text) for name, one in pairs]


def comment_declared(name: str, stated: Stated, text: str) -> Declared:
    """The statement as one of this name."""
    return Declared(name, stated.dims, stated.kind, 0, text[:QUOTED], stated.leading)


def named_in_comment(
    raw: str, targets: Sequence[str], parameters: Sequence[str], variables: Variables
) -> list[Declared]:
    """What "x: (N, D), y: (N,)" and "x has shape (N, D)" declare."""
    known = [*parameters, *targets]
    declared = []
    for part in split_headings(raw, known, is_open=not targets):
        words = " ".join(part.text.split())
        stated = state_tuple(words, 0, variables)
        stated = stated or state_shape(words, len(part.names) > 1, variables)
        if stated is not None:
            declared += [comment_declared(name, stated, raw) for name in part.names]
        sentences = find_subjects(Entry("prose", (), (), 0), words, known)
        declared.extend(found.declared for found in sentences)
    return declared


def state_targets(
    text: str, targets: Sequence[str], variables: Variables
) -> list[Stated]:
    """What a comment without names says of each of the names assigned on its line."""
    if len(targets) == 1:
        stated = state_target(text, variables)
        return [stated] if stated else []
    shared = EACH.match(text)
    if shared:
        one = state_tuple(text, shared.end(), variables)
        return [one] * len(targets) if one else []
    hidden = hide_brackets(text)
    if not re.fullmatch(r"\0+(?:, ?\0+)*", hidden):
        return []
    starts = [found.span() for found in re.finditer(r"\0+", hidden)]
    several = [state_tuple(text[start:end], 0, variables) for start, end in starts]
    stated_all = [one for one in several if one is not None]
    return stated_all if len(stated_all) == len(several) == len(targets) else []


def state_target(text: str, variables: Variables) -> Stated | None:
    """What a comment says of the one name assigned on its line."""
    if text.lower().removeprefix("a ") in SCALARS:
        return Stated((), SCALARS[text.lower().removeprefix("a ")], len(text))
    if text in ("()", "shape ()", "shape: ()"):
        return Stated((), "any", len(text))
    *inputs, result = ARROW.split(text)
    if inputs and (text.startswith(("(", "[")) or not inputs[0]):
        return state_tuple(result.strip(), 0, variables)
    return state_tuple(text, 0, variables) or state_shape(text, False, variables)
