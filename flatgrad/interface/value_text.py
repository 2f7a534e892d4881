"""A live value -> an expression that says what it is: the number, or what has its shape and kind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

SMALL = 8  # numbers in an array that is written out
LONG = 64  # fractions in a list that is not


def expression(value: Any) -> str | None:
    """The text; None for what has none, such as an object of a class of the user."""
    kind = type(value)
    if value is None or kind in (int, bool, str, bytes):
        return repr(value)
    if isinstance(value, np.generic):
        return _scalar(value.item())
    if kind in (float, complex):
        return _scalar(value)
    if isinstance(value, np.ndarray):
        return _array(value)
    if kind in (list, tuple, dict):
        return _container(value)
    return _of_another_library(value)


def _scalar(value: Any) -> str | None:
    if type(value) in (int, bool, str):
        return repr(value)
    if type(value) is complex:
        return repr(value) if np.isfinite(value) else f"complex({str(value)!r})"
    if type(value) is float:
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    return None


def _array(value: np.ndarray[Any, Any]) -> str | None:
    if value.dtype.kind not in "fciub":
        return None
    finite = value.dtype.kind in "iub" or bool(np.isfinite(value).all())
    plain = value.dtype in (
        np.dtype(float),
        np.dtype(complex),
        np.dtype(int),
        np.dtype(bool),
    )
    if 0 < value.size <= SMALL and finite and plain and value.ndim:
        return f"np.array({value.tolist()!r})"
    dtype = "" if value.dtype == np.dtype(float) else f", dtype={value.dtype.name!r}"
    return f"np.zeros({value.shape!r}{dtype})"


def _container(value: Any) -> str | None:
    if type(value) is list and len(value) > LONG and {*map(type, value)} == {float}:
        return f"[0.0] * {len(value)}"
    items = value.values() if isinstance(value, dict) else value
    texts = [expression(item) for item in items]
    if None in texts:
        return None
    if isinstance(value, dict):
        pairs = zip(map(repr, value), texts, strict=True)
        return "{" + ", ".join(f"{key}: {text}" for key, text in pairs) + "}"
    inner = ", ".join(map(str, texts))
    if isinstance(value, list):
        return f"[{inner}]"
    return f"({inner},)" if len(texts) == 1 else f"({inner})"


def _of_another_library(value: Any) -> str | None:
    root = type(value).__module__.partition(".")[0]
    if root == "torch" and hasattr(value, "shape"):
        kind = str(value.dtype)
        return f"torch.zeros({', '.join(map(str, value.shape)) or '()'}, dtype={kind})"
    if root in ("jax", "jaxlib") and hasattr(value, "shape"):
        return f"jnp.zeros({tuple(value.shape)!r}, dtype={str(value.dtype)!r})"
    return None


LIBRARIES = {
    "np": "import numpy as np",
    "torch": "import torch",
    "jnp": "import jax.numpy as jnp",
}


def imported(text: str) -> list[str]:
    """The names of libraries that an expression of this module reads."""
    return [name for name in LIBRARIES if f"{name}." in text]


__all__ = ["LIBRARIES", "expression", "imported"]
