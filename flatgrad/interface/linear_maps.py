"""The derivative of a function as a linear map: pulling cotangents back, pushing tangents forward."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from flatgrad.interface.derivatives import Derivative
from flatgrad.interface.documenting import document, gradients, parameters
from flatgrad.interface.generated import cannot_compile, is_of_compiler
from flatgrad.interface.refusing import refusal
from flatgrad.interface.specialising import Made
from flatgrad.interface.trees import as_float, rebuilt


class Pullback(Derivative):
    """The value of a function, and a function from cotangents of its results to gradients."""

    emit = "pair"
    suffix = "vjp"

    def _documentation(self) -> str:
        name = self.subject.name
        first = f"The value of {name}, and the function that pulls cotangents back."
        returned = (
            f"Returns (value, pullback). pullback takes a cotangent for each result of {name} (1.0 if left out, where\n"
            f"the result is a number) and gives, with respect to {parameters(self.chosen)}, {gradients(self.chosen)}.\n"
            "It may be called any number of times."
        )
        return document(first, returned, self.subject.original)

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, Callable[..., Any]]:
        values = self.bind(args, kwargs)
        made = self.made(values)
        backward = made.function(1)
        *outs, cache = self.run(made, values, {})
        value = tuple(outs) if made.returns_tuple else outs[0]

        def pullback(*cotangents: Any) -> Any:
            seeds = self._cotangents(made, value, cotangents)
            made.generated.refresh()
            gradient = self._pulled(backward, (*seeds, cache))
            return self._arranged(made, gradient, values, seeds)

        return value, pullback

    def _pulled(self, backward: Callable[..., Any], given: Sequence[Any]) -> Any:
        try:
            return backward(*given)
        except Exception as error:
            if self.compiler is not None and is_of_compiler(self.compiler, error):
                raise cannot_compile(self.compiler, self.__name__, error) from error
            raise

    def _cotangents(self, made: Made, value: Any, given: tuple[Any, ...]) -> list[Any]:
        """One for each result that has one, as an array of fractions of its shape."""
        outs = value if made.returns_tuple else (value,)
        seeded = [
            out
            for out, result in zip(outs, made.results, strict=True)
            if result.has_seed
        ]
        if (
            len(given) == 1
            and isinstance(given[0], tuple | list)
            and made.returns_tuple
        ):
            given = tuple(given[0])
        if not given and all(_is_number(out) for out in seeded):
            given = tuple(1.0 for _ in seeded)
        if len(given) == len(outs) and len(given) != len(seeded):
            self._refuse_dropped(made, outs)
            given = tuple(
                g for g, r in zip(given, made.results, strict=True) if r.has_seed
            )
        if len(given) != len(seeded):
            what = f"{self.subject.name} has {len(seeded)} results with cotangents, and {len(given)} were given"
            raise self.refuse("FG704", what, "give one cotangent for each result")
        result = f"the result of {self.subject.name}"
        return [fitted("cotangent", result, out, g) for out, g in zip(seeded, given, strict=True)]  # fmt: skip

    def _refuse_dropped(self, made: Made, outs: Sequence[Any]) -> None:
        """A cotangent is left out of what has none, such as a label, but not of what could have one."""
        for position, (out, result) in enumerate(zip(outs, made.results, strict=True)):
            if not result.has_seed and isinstance(out, list | tuple | Mapping):
                what = f"the result at position {position} of {self.subject.name} is a {type(out).__name__} within a tuple"
                step = "return its items as results of their own, or leave its cotangent out"  # fmt: skip
                raise self.refuse("FG704", f"{what}, which takes no cotangent", step)


def _is_number(out: Any) -> bool:
    return not isinstance(out, list | tuple | Mapping) and np.ndim(out) == 0


class Pushforward(Derivative):
    """The value of a function and its derivative along tangents of its arguments."""

    emit = "jvp"
    suffix = "jvp"

    def _documentation(self) -> str:
        first = f"The value of {self.subject.name} and its directional derivative."
        returned = (
            f"Takes (primals, tangents): a tuple of the arguments of {self.subject.name}, and a tuple with a tangent, of the\n"
            f"shape of the argument, for {parameters(self.chosen)}. Keyword arguments go to {self.subject.name}.\n"
            "Returns (value, tangent)."
        )
        return document(first, returned, self.subject.original)

    def _signature(self) -> inspect.Signature:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        keywords = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)
        both = [inspect.Parameter(n, kind) for n in ("primals", "tangents")]
        return inspect.Signature([*both, keywords])

    def __call__(self, primals: Any, tangents: Any, **kwargs: Any) -> tuple[Any, Any]:
        if not isinstance(primals, tuple | list):
            what = f"primals is a tuple of the arguments of {self.subject.name}, not {type(primals).__name__}"
            raise self.refuse("FG704", what, "write (x,) for one argument")
        return self.pushed(self.bind(primals, kwargs), tangents)

    def pushed(self, values: Sequence[Any], tangents: Any) -> tuple[Any, Any]:
        """Value and tangent, for a value of each parameter."""
        made = self.made(values)
        value, tangent = self.run(made, values, self._tangents(made, values, tangents))
        return value, as_float(tangent)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self

        def bound(primals: Any, tangents: Any, **kwargs: Any) -> tuple[Any, Any]:
            return self((instance, *primals), tangents, **kwargs)

        return bound

    def _tangents(
        self, made: Made, values: Sequence[Any], given: Any
    ) -> dict[str, Any]:
        """One for each parameter that was asked for, in order."""
        arguments = self.arguments(made, values)
        if self.chosen.alone and not (
            isinstance(given, tuple | list)
            and len(given) == 1
            and not isinstance(arguments[made.wrt[0]], tuple | list)
        ):
            given = (given,)
        if not isinstance(given, tuple | list) or len(given) != len(made.wrt):
            what = f"tangents is a tuple of {len(made.wrt)}, for {', '.join(made.wrt)}"
            raise self.refuse("FG704", what, "give a tangent for each of them")
        own = [
            fitted("tangent", name, arguments[name], t)
            for name, t in zip(made.wrt, given, strict=True)
        ]
        return dict(zip(made.seeds, own, strict=True))


def fitted(kind: str, of: str, like: Any, given: Any) -> Any:
    """A tangent or cotangent as fractions; it has to have the structure and the shapes of what it is of."""
    match like:
        case Mapping() if isinstance(given, Mapping) and _has_items(given, like):
            items = {k: fitted(kind, f"{of}[{k!r}]", like[k], v) for k, v in given.items()}  # fmt: skip
            return rebuilt(like, items)
        case list() | tuple() if _is_sequence(given) and len(given) == len(like):
            pairs = enumerate(zip(like, given, strict=True))
            return rebuilt(like, [fitted(kind, f"{of}[{i}]", o, g) for i, (o, g) in pairs])  # fmt: skip
        case Mapping() | list() | tuple():
            what = f"the {kind} of {of} has another structure"
        case np.ndarray() | np.generic() | float() | int() | complex():
            seed = np.asarray(given)
            if seed.shape == np.shape(like):
                seed = seed.astype(float) if seed.dtype.kind in "iub" else seed
                return seed if seed.ndim else seed[()]
            what = (
                f"the {kind} of {of} has the shape {seed.shape}, not {np.shape(like)}"
            )
        case _:
            return given
    step = f"give a {kind} of the same structure and shapes"
    raise refusal("FG704", what, step)


def _is_sequence(given: Any) -> bool:
    return isinstance(given, list | tuple) or (
        isinstance(given, np.ndarray) and given.ndim > 0
    )


def _has_items(given: Mapping[Any, Any], like: Mapping[Any, Any]) -> bool:
    """Nothing but what is there, and all numbers and arrays of it."""
    missing = [like[k] for k in like if k not in given]
    numbers = (np.ndarray, np.generic, float, int, complex, list, tuple, Mapping)
    return given.keys() <= like.keys() and not any(isinstance(v, numbers) for v in missing)  # fmt: skip


__all__ = ["Pullback", "Pushforward", "fitted"]
