"""The arguments of a call -> what they tell of shapes and kinds, so that calls that tell the same share a text.

A length of 1 is known as 1, since broadcasting depends on it. Of other lengths it is known which are equal in this
call: a call in which others are equal is another pattern.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from flatgrad.interface.live import holds_complex
from flatgrad.interface.refusing import refusal
from flatgrad.options import Shape

FLOAT, COMPLEX, INT, BOOL, ARRAY = "float", "complex", "int", "bool", "array"
SCALARS: dict[type, str] = {
    float: FLOAT,
    int: INT,
    bool: BOOL,
    complex: COMPLEX,
    str: "str",
    type(None): "none",
}
CONTAINERS: dict[type, str] = {list: "list", tuple: "list", dict: "dict"}
LISTS = ("list", "dict", "numbers", "complex list", "complex dict")
NUMBER_KINDS = {"f": FLOAT, "c": COMPLEX, "i": INT, "u": INT, "b": BOOL}
NAMELESS = "_"  # begins the name of a length that may have another one in the text
UNDIFFERENTIATED = ("str", "none", "flag", "other")

# The kind; of an array or number, for each length 1 or a number that equal ones have in common, or the length below 0.
Told = tuple[str, tuple[int, ...] | None]
# The class whose methods are read, and what is told.
Key = tuple[object, tuple[Told, ...]]


def pattern(values: Sequence[Any], sizes: Iterable[int] = ()) -> tuple[Told, ...]:
    """What the arguments tell: equal for calls that can share a text. `sizes` are lengths that matter themselves."""
    lengths = numbered(sizes)
    return tuple(told_of(value, lengths) for value in values)


def numbered(sizes: Iterable[int]) -> dict[int, int]:
    """The lengths that are known before any argument is looked at."""
    return {n: -n for n in sizes} | {1: 1}


def told_of(value: Any, lengths: dict[int, int]) -> Told:
    kind: Any = type(value)
    if kind is np.ndarray:
        return NUMBER_KINDS.get(value.dtype.kind, "other"), labels(value.shape, lengths)
    if kind is bool:
        return "flag", ()
    if kind in SCALARS:
        found = SCALARS[kind]
        return found, None if found in UNDIFFERENTIATED else ()
    if kind in CONTAINERS:
        numbers = (
            kind is not dict and value and all(type(v) in (int, float) for v in value)
        )
        return "numbers" if numbers else _container(CONTAINERS[kind], value), None
    if isinstance(value, np.ndarray) and not isinstance(value, np.memmap):
        name = f"{kind.__module__}.{kind.__qualname__}"
        what = f"{name} computes in another way than arrays do, which is not read"
        raise refusal("FG704", what, "give a plain array: numpy.asarray(...)")
    if isinstance(value, np.memmap | np.generic):
        return NUMBER_KINDS.get(value.dtype.kind, "other"), labels(value.shape, lengths)
    if isinstance(value, type | ModuleType):  # numpy has a shape and a dtype, too
        return "other", None
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        found = _kind_of(str(value.dtype))
        found = library_of_value(kind) if found == FLOAT else found
        return found, labels(tuple(value.shape), lengths)
    for base, name in CONTAINERS.items():
        if isinstance(value, base):
            return _container(name, value), None
    return ("list", None) if isinstance(value, Mapping | Sequence) else ("other", None)


def _container(name: str, value: Any) -> str:
    return f"complex {name}" if holds_complex(value) else name


def labels(shape: Iterable[int], known: dict[int, int]) -> tuple[int, ...]:
    return tuple(known.setdefault(n, len(known) + 1) for n in shape)


def library_of_value(kind: type) -> str:
    """The library that arrays of this type belong to."""
    root = kind.__module__.partition(".")[0]
    return {"jaxlib": "jax"}.get(root, root)


def _kind_of(dtype: str) -> str:
    """Of the type of elements as torch and jax write it."""
    for word, kind in (
        ("complex", COMPLEX),
        ("float", FLOAT),
        ("bool", BOOL),
        ("int", INT),
    ):
        if word in dtype:
            return kind
    return "other"


def shapes_told(
    names: Sequence[str], told: Sequence[Told], apart: bool = False
) -> dict[str, Shape]:
    """For Options: lengths without a name, the same where they are equal; with `apart`, each by itself."""
    return {
        name: tuple(
            (
                abs(n)
                if n <= 1
                else f"{NAMELESS}{_flat(name)}_{axis}" if apart else f"{NAMELESS}{n}"
            )
            for axis, n in enumerate(shape)
        )
        for name, (_, shape) in zip(names, told, strict=True)
        if shape is not None
    }


def _flat(name: str) -> str:
    return name.replace(".", "_")


def kinds_told(names: Sequence[str], told: Sequence[Told]) -> dict[str, str]:
    """For Options: integers may stand for any number, and are left open."""
    known = {"flag": BOOL} | {k: k for k in ("none", "str", *LISTS)}
    known |= {FLOAT: FLOAT, COMPLEX: COMPLEX}
    return {n: known[k] for n, (k, _) in zip(names, told, strict=True) if k in known}


# --- shapes against what a text takes for granted -------------------------------------------------------------------------


@dataclass(frozen=True)
class Length:
    """One axis of one argument, as the function was read: (which unknown) + offset, or a number."""

    position: int
    axis: int
    root: int  # lengths of one root differ by their offsets alone
    offset: int
    value: int | None


def lengths_of(params: Mapping[str, Any]) -> tuple[dict[int, int], tuple[Length, ...]]:
    """The rank of each parameter that has one, and every length of theirs."""
    ranks: dict[int, int] = {}
    lengths: list[Length] = []
    roots: dict[int, int] = {}
    for position, var in enumerate(params.values()):
        dims = var.type.shape.dims
        if dims is None:
            continue
        ranks[position] = len(dims)
        for axis, dim in enumerate(dims):
            root, offset = dim.root()
            number = roots.setdefault(id(root), len(roots))
            lengths.append(Length(position, axis, number, offset, dim.known))
    return ranks, tuple(lengths)


def misfit(
    ranks: Mapping[int, int], lengths: Sequence[Length], values: Sequence[Any]
) -> int | None:
    """The position of an argument that is not as the function was read; None where all are."""
    shapes = {p: shape_of(values[p]) for p in ranks if _has_shape(values[p])}
    for position, shape in shapes.items():
        if len(shape) != ranks[position]:
            return position
    sizes: dict[int, int] = {}
    for length in lengths:
        if length.position not in shapes:
            continue
        actual = shapes[length.position][length.axis]
        if length.value is not None and actual != length.value:
            return length.position
        size = actual - length.offset
        if sizes.setdefault(length.root, size) != size:
            return length.position
    return None


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of an array of any library; of a number, which has none, ()."""
    return tuple(getattr(value, "shape", ()))


def _has_shape(value: Any) -> bool:
    return hasattr(value, "shape") or type(value) in (int, float, bool, complex)


def needed(lengths: Sequence[Length], told: Sequence[Told]) -> list[Length]:
    """The lengths that the pattern does not vouch for: those that are numbers, or of one unknown by several offsets."""
    by_root: dict[int, set[tuple[int, int]]] = {}
    for length in lengths:
        shape = told[length.position][1] or ()
        label = shape[length.axis] if length.axis < len(shape) else 0
        by_root.setdefault(length.root, set()).add((length.offset, label))
    return [
        x
        for x in lengths
        if len(by_root[x.root]) > 1 or ((x.value or 1) != 1 and not _is_told(told, x))
    ]


def _is_told(told: Sequence[Told], length: Length) -> bool:
    shape = told[length.position][1] or ()
    return length.axis < len(shape) and shape[length.axis] == -(length.value or 0)


# --- which argument belongs to which parameter ---------------------------------------------------------------------------

POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)


@dataclass(frozen=True, eq=False)
class Binder:
    """Arguments as Python binds them: a value for each parameter, defaults filled in."""

    signature: inspect.Signature
    name: str
    names: tuple[str, ...]
    plain: bool  # nothing but positional parameters
    defaults: tuple[Any, ...]  # of the last of them

    @staticmethod
    def of(signature: inspect.Signature, name: str) -> Binder:
        params = signature.parameters.values()
        plain = all(p.kind in POSITIONAL for p in params)
        defaults = tuple(p.default for p in params if p.default is not p.empty)
        return Binder(signature, name, tuple(signature.parameters), plain, defaults)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        missing = len(self.names) - len(args)
        if self.plain and not kwargs and 0 <= missing <= len(self.defaults):
            return [*args, *self.defaults[len(self.defaults) - missing :]]
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}") from None
        bound.apply_defaults()
        return [bound.arguments[name] for name in self.names]

    def call(
        self,
        function: Callable[..., Any],
        values: Sequence[Any],
        seeds: Mapping[str, Any],
    ) -> Any:
        """Call with a value for each parameter; seeds are given by their names."""
        __tracebackhide__ = True  # in IPython and pytest
        if self.plain:
            return function(*values, **seeds)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for (name, param), value in zip(
            self.signature.parameters.items(), values, strict=True
        ):
            match param.kind:
                case inspect.Parameter.VAR_POSITIONAL:
                    args += value
                case inspect.Parameter.VAR_KEYWORD:
                    kwargs |= value
                case inspect.Parameter.KEYWORD_ONLY:
                    kwargs[name] = value
                case _:
                    args.append(value)
        return function(*args, **kwargs, **seeds)


__all__ = [
    "LISTS",
    "Binder",
    "Key",
    "Told",
    "kinds_told",
    "labels",
    "lengths_of",
    "misfit",
    "needed",
    "numbered",
    "pattern",
    "shapes_told",
    "told_of",
]
