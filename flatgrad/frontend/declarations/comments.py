"""A comment -> what it declares: of the names in it, or of those assigned on its line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flatgrad.frontend.declarations.agreement import merge
from flatgrad.frontend.declarations.descriptions import state_shape, state_tuple
from flatgrad.frontend.declarations.entries import Entry
from flatgrad.frontend.declarations.headings import split_headings
from flatgrad.frontend.declarations.kinds import SCALARS
from flatgrad.frontend.declarations.sentences import find_subjects
from flatgrad.frontend.declarations.statements import Declared, Stated
from flatgrad.frontend.declarations.tuples import Variables
from flatgrad.frontend.declarations.words import hide_brackets

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
    if named or not all(map(str.isidentifier, targets)):
        return merge(named)
    stated = state_targets(text, targets, variables)
    pairs = zip(targets, stated, strict=False)
    return [one.of(name, text) for name, one in pairs]


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
            declared += [stated.of(name, raw) for name in part.names]
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
