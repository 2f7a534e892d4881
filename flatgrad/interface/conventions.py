"""What to differentiate with respect to: names, positions or nothing -> names of parameters.

One name or position alone gives a gradient by itself, a tuple or list gives a tuple.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from flatgrad.interface.arguments import POSITIONAL
from flatgrad.interface.refusing import refusal

Wrt = str | int | Sequence[str | int] | None


@dataclass(frozen=True)
class Chosen:
    """Names of parameters, none for every one that can; `alone` gives the bare gradient."""

    names: tuple[str, ...] = ()
    alone: bool = False

    def arranged(self, gradients: object, count: int) -> object:
        """What the emitted function gives, which is bare for one name, as it was asked for."""
        return (
            (gradients,) if self.names and not self.alone and count == 1 else gradients
        )


class Asked(Protocol):
    """A function that derivatives are asked of."""

    name: str
    bound: frozenset[str]

    @property
    def signature(self) -> inspect.Signature: ...

    def is_attribute(self, name: str) -> bool: ...


def chosen(wrt: Wrt, subject: Asked) -> Chosen:
    signature, function = subject.signature, subject.name
    if wrt is None:
        return Chosen()
    if isinstance(wrt, str | int | np.integer):
        return Chosen((_name(wrt, subject),), True)
    if not isinstance(wrt, list | tuple | range):
        what = f"wrt is a name, a position or a tuple of them, not {wrt!r}"
        raise refusal(
            "FG704",
            what,
            f"parameters of {function}: {', '.join(signature.parameters)}",
        )
    names = tuple(_name(one, subject) for one in wrt)
    if not names or len(set(names)) < len(names):
        raise refusal(
            "FG704",
            "wrt names no parameter" if not names else "wrt names a parameter twice",
        )
    return Chosen(names)


def _name(one: str | int | np.integer[Any], subject: Asked) -> str:
    found = one if isinstance(one, str) and subject.is_attribute(one) else _parameter(one, subject)  # fmt: skip
    if found in subject.bound:
        what = f"{found} of {subject.name} is no argument that a gradient can be had of"
        step = f'of an object, name what is read: wrt="{found}.w"'
        raise refusal("FG506", what, step)
    return found


def _parameter(one: str | int | np.integer[Any], subject: Asked) -> str:
    signature, function = subject.signature, subject.name
    step = f"parameters: {', '.join(signature.parameters)}"
    if isinstance(one, str):
        if one not in signature.parameters:
            owner, dot, rest = one.partition(".")
            if dot and owner not in subject.bound:
                own = (f'"{held}.{rest}"' for held in sorted(subject.bound))
                step = "; ".join(
                    [*(f"of its object, write wrt={o}" for o in own), step]
                )
            raise refusal("FG506", f"{function} has no parameter {one}", step)
        return one
    positional = [n for n, p in signature.parameters.items() if p.kind in POSITIONAL]
    if (
        isinstance(one, bool)
        or not isinstance(one, int | np.integer)
        or not -len(positional) <= one < len(positional)
    ):
        raise refusal("FG506", f"{function} has no positional parameter {one}", step)
    return positional[int(one)]


__all__ = ["Chosen", "Wrt", "chosen"]
