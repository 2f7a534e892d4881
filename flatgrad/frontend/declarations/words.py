"""Text -> words, sentences, and what is in brackets."""

from __future__ import annotations

import re


def word_set(text: str) -> frozenset[str]:
    """The set of the words in a text."""
    return frozenset(text.split())


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

# "greater than or equal", "or None": an "or" that joins no two types.
HARMLESS_OR = re.compile(
    r"\bor (?:equal\b|not\b)|(?<!,) or None\b|\bNone or\b", re.IGNORECASE
)

# The end of a sentence, or of the type in a numpydoc entry.
SENTENCE_END = re.compile(r"[.;] |[.;]$")
