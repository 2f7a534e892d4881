from __future__ import annotations

from numpy import ndarray
from numpy.linalg import norm


def energy(pos: ndarray, charge: float, k: float = 8.99) -> float:
    r: float = norm(pos)
    e: float
    e = k * charge**2 / r
    return e
