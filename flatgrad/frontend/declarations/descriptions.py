"""A description -> what it states: "A numpy array of shape (N, D)" -> ("N", "D")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from flatgrad.frontend.declarations.dims import (
    NAME,
    dimension_pieces,
    parse_dims,
    parse_leading,
)
from flatgrad.frontend.declarations.kinds import ARRAYS_PLURAL, element_kind, state_kind
from flatgrad.frontend.declarations.statements import Stated
from flatgrad.frontend.declarations.tuples import Variables, is_plausible
from flatgrad.frontend.declarations.words import (
    HARMLESS_OR,
    SENTENCE_END,
    TOKEN,
    bracket_at,
    matching_brackets,
    word_set,
)

# ---- Shapes in a description ---------------------------------------------------------

# The word "shape" and what may stand between it and its bracket.
SHAPE_WORD = re.compile(
    r"(?<![\w.])shaped?(?: ?==?| ?:| is| are)? ?(?::math:)?[`'\"]{0,2}(?=[(\[])",
    re.IGNORECASE,
)

# "tensor of size (", which without the noun may speak of a window.
SIZE_WORD = re.compile(
    r"\b(?P<noun>(?:array|ndarray|tensor|matrix|vector)s? of )"
    r"(?:size|dimensions?) ?(?=[(\[])",
    re.IGNORECASE,
)

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

# "(2, 3)" and "(4,)": lengths, where "(0, 1)" may be an interval.
LENGTHS = re.compile(r"\((?:[1-9]\d*, ?)+(?:[1-9]\d*)?\)\.?")

# Names of what is given as a tuple of numbers.
SETTING = re.compile(
    r"(?i)shape|size|stride|pad|kernel|window|pool|dilat|ax[ei]s|dim|order|lim|range|bound|interval|span|extent|step"
    r"|point|pair|index|idx|seed|output|grid|resol|reps|tile|scale|factor|version|tuple|domain"
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


def state_lengths(text: str, names: Sequence[str]) -> Stated | None:
    """The shape that is all of a description, where the name speaks of no setting: "x: (2, 3)", not "stride: (1, 1)"."""
    if not LENGTHS.fullmatch(text) or any(map(SETTING.search, names)):
        return None
    return stated_shape(text.rstrip(". "), "", "", len(text))


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
        yield found.end("noun"), found.end()


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
