"""Descriptions that give no shape -> kinds: "Scalar", "ndarray of bool", "the labels"."""

from __future__ import annotations

import re
from itertools import pairwise

from flatgrad.frontend.declarations.statements import Stated
from flatgrad.frontend.declarations.words import (
    HARMLESS_OR,
    SENTENCE_END,
    TOKEN,
    bracket_at,
    matching_brackets,
    word_set,
)

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
    if several:
        head = head.removesuffix("s")
    spread = not DISTRIBUTIVE.isdisjoint(tokens)
    end = len(SENTENCE_END.split(text, maxsplit=1)[0])
    if head in DICTS:
        return Stated(None, "dict", end)
    if head in STRINGS:
        return Stated(None, "str", end)
    if head in ARRAYS:
        return Stated(None, element_kind(" ".join(tokens), ""), end)
    if head in SCALARS and following in ARRAYS:
        return Stated(None, SCALARS[head].replace("any", "array"), end)
    choice = not ARRAYS.isdisjoint(tokens)
    if head in SCALARS and follows_scalar(following) and not (spread or choice):
        return Stated((), SCALARS[head], end)
    if head == "index" and (following == "of" or not following.isalnum()):
        return None if spread else Stated((), "int", end)
    if says_labels(text, text):
        return Stated(None, "int", end)
    return None


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


# What says less than any other kind, least first.
VAGUE = ("any", "array")
