"""The libraries of arrays: which one a function is written with, and those that go by NumPy's names.

jax.numpy and cupy have NumPy's functions under NumPy's names. They are read as NumPy, and printed under the name that
the file has for them.
"""

from __future__ import annotations

from collections.abc import Iterable

# The library, and its parts that are called like a part of NumPy or SciPy.
LIKE_NUMPY = {
    "jax.numpy": {"jax.numpy": "numpy", "jax.scipy": "scipy"},
    "cupy": {"cupy": "numpy", "cupyx.scipy": "scipy"},
}
ROOTS = {"torch": "torch", "jax": "jax.numpy", "cupy": "cupy", "cupyx": "cupy"}


def library_of(paths: Iterable[str]) -> str:
    """The library of arrays among these importable names; NumPy where there is no other."""
    roots = {path.partition(".")[0] for path in paths}
    return next((ROOTS[root] for root in ROOTS if root in roots), "numpy")


def as_numpy(path: str) -> str:
    """jax.numpy.linalg.inv -> numpy.linalg.inv"""
    return _renamed(
        path, [pair for table in LIKE_NUMPY.values() for pair in table.items()]
    )


def in_library(path: str, library: str) -> str:
    """numpy.linalg.inv -> jax.numpy.linalg.inv"""
    return _renamed(path, [(b, a) for a, b in LIKE_NUMPY.get(library, {}).items()])


def _renamed(path: str, prefixes: Iterable[tuple[str, str]]) -> str:
    for old, new in prefixes:
        if path == old or path.startswith(f"{old}."):
            return new + path[len(old) :]
    return path
