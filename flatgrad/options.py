"""What the user may choose: the text of an option -> its checked value.

The `parse_*` functions raise ValueError with a sentence for the user.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword

from flatgrad.errors import Diagnostic, FlatgradError

Shape = tuple[str | int, ...]

EMITS = ("grad", "pair", "jvp")
STYLES = (
    "flat",
    "cs231n",
    "cache",
    "eecs498",
    "class",
    "torch",
    "jax",
    "scipy",
    "script",
)
REMAINING = "remaining"  # the lines that a loss lacks: for flatgrad fill alone
# The derivative and nothing else, which is what is differentiated again.
ALONE = ("gradient", "tangent")
FORWARD_MODE = ("jvp", "tangent")


@dataclass(frozen=True)
class Options:
    """What to transform, with respect to what, and how the result is to look."""

    functions: tuple[str, ...] = ()
    wrt: tuple[str, ...] = ()
    emit: str = "grad"
    names: str = "grad_"
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    comments: bool = True
    filename: str = "<input>"
    inline: bool = (
        False  # helpers with branches or loops are read in place, not made pairs
    )
    # Files of rules for functions of libraries: their names and texts.
    rules: tuple[tuple[str, str], ...] = ()
    style: str = "flat"  # how courses and libraries have it
    # Names of results that come back as they are, without a seed: a cache, or a gradient that is a stub.
    aside: tuple[str, ...] = ()
    # What is known of parameters besides their shapes: float, complex, str, list, dict, ...
    kinds: Mapping[str, str] = field(default_factory=dict)
    # The results that a gradient is asked of, by position; none: every one that can have a seed.
    results: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.emit not in (*EMITS, *ALONE):
            raise FlatgradError(_cannot_emit(self.emit))
        if self.style not in (*STYLES, REMAINING):
            raise FlatgradError(_no_style(self.style))
        if not self.names.isidentifier():
            raise FlatgradError(Diagnostic("FG502", _bad_prefix(self.names)))


def _cannot_emit(emit: str) -> Diagnostic:
    next_step = f"flatgrad can emit {', '.join(EMITS[:-1])} or {EMITS[-1]}"
    return Diagnostic("FG502", f"{emit!r} is nothing that can be emitted", next_step)


def _no_style(style: str) -> Diagnostic:
    next_step = f"the styles are {', '.join(STYLES[:-1])} and {STYLES[-1]}"
    return Diagnostic("FG502", f"{style!r} is no style", next_step)


def parse_names(text: str) -> str:
    """The prefix of derivative names: 'd' makes dx of x."""
    if not text.isidentifier():
        raise ValueError(_bad_prefix(text))
    return text


def _bad_prefix(text: str) -> str:
    return f"{text!r} cannot begin a name; a prefix is letters, digits and underscores"


def parse_wrt(texts: Iterable[str]) -> tuple[str, ...]:
    """The names in 'x,W', in the order asked."""
    names = tuple(name.strip() for text in texts for name in text.split(","))
    for position, name in enumerate(names):
        if not all(map(_is_name, name.split("."))):
            raise ValueError(f"{name!r} is not a parameter name; write x or x,W")
        if name in names[:position]:
            raise ValueError(f"{name} is named twice")
    return names


def parse_shapes(texts: Iterable[str]) -> dict[str, Shape]:
    """The shapes in 'x=N,D' and 'b=': {'x': ('N', 'D'), 'b': ()}."""
    shapes: dict[str, Shape] = {}
    for text in texts:
        name, shape = _parse_shape(text)
        if name in shapes:
            raise ValueError(f"the shape of {name} is given twice")
        shapes[name] = shape
    return shapes


def _parse_shape(text: str) -> tuple[str, Shape]:
    name, equals, dimensions = (part.strip() for part in text.partition("="))
    if not equals or not all(map(_is_name, name.split("."))):
        raise ValueError(f"{text!r} is not a shape; write x=N,D or, for a scalar, x=")
    return name, tuple(map(_dimension, _split_dimensions(dimensions)))


def _split_dimensions(text: str) -> list[str]:
    """'N,D', '(N, D)' and '(N,)' as their dimensions; '' and '()' have none."""
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    text = text.removesuffix(",") if text != "," else text
    return text.split(",") if text else []


def _dimension(text: str) -> str | int:
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return int(text)
    if _is_name(text):
        return text
    raise ValueError(f"{text!r} is not a dimension; write a name or a number from 0 up")


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)
