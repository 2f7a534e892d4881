"""Jacobians, Hessians and products with them: derivatives of derivatives, put together from the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flatgrad.interface.conventions import Chosen, Wrt
from flatgrad.interface.derivatives import Shapes
from flatgrad.interface.documenting import document, gradients, parameters
from flatgrad.interface.generated import Compiler
from flatgrad.interface.gradients import Gradient
from flatgrad.interface.linear_maps import Pullback, Pushforward
from flatgrad.interface.refusing import refusal
from flatgrad.interface.trees import leaves
from flatgrad.interface.unit_vectors import of_columns, of_rows, size, units, zeros

FORWARD, REVERSE = "forward", "reverse"
RULE = (
    "Each call counts the numbers in the arguments that are asked for and in the result. Where there are fewer of the\n"
    "first it takes one forward pass for each of those (jvp), else one backward pass for each number of the result (vjp).\n"
    "mode='forward' or mode='reverse' chooses one."
)


class Composed:
    """What derivatives put together have in common with those that are generated."""

    suffix = ""

    def __init__(
        self,
        original: Any,
        inner: Any,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
    ) -> None:
        self._arguments, self._options = (original, *arguments), options
        name = (
            inner.subject.original.subject.name
            if isinstance(inner.subject.original, Gradient)
            else inner.subject.name
        )
        self.__name__ = f"{name}_{self.suffix}"
        self.__qualname__ = self.__name__
        self.__module__ = getattr(original, "__module__", None) or "__main__"
        self.name = name
        self.inner = inner

    @property
    def __source__(self) -> str:
        found: str = self.inner.__source__
        return found

    @property
    def __wrapped__(self) -> Any:
        return self.inner.__wrapped__

    def __reduce__(self) -> Any:
        return _again, (type(self), self._arguments, self._options)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        from types import MethodType

        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<flatgrad {self.__qualname__}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


def _again(kind: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return kind(*arguments, **options)


class HessianVector(Composed):
    """The product of the Hessian of a function with a vector: forward over reverse."""

    suffix = "hvp"

    def __init__(
        self,
        f: Any,
        wrt: Wrt = None,
        *,
        compile: Compiler | None = None,
        shapes: Shapes = None,
    ) -> None:
        gradient = Gradient(f, wrt, shapes=shapes)
        options = {"compile": compile, "shapes": shapes}
        super().__init__(
            f,
            Pushforward(gradient, wrt, compile=compile, shapes=shapes),
            (wrt,),
            options,
        )
        self.chosen: Chosen = gradient.chosen
        first = f"The product of the Hessian of {self.name} with a vector."
        returned = (
            f"Takes the arguments of {self.name}, then the vector: of the shape of the argument, or a tuple of such where there\n"
            f"are several, with respect to {parameters(self.chosen)}. Returns what the gradient has: {gradients(self.chosen)}.\n"
            "It is the forward derivative of the gradient, along the vector; no Hessian is made."
        )
        self.__doc__ = document(first, returned, gradient.subject.original)
        self.__signature__ = _with_vector(gradient.__signature__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = (*args, kwargs.pop("vector")) if "vector" in kwargs else args
        if not given:
            raise TypeError(
                f"{self.__name__}(): the vector is missing, which comes last"
            )
        *primals, vector = given
        inner: Pushforward = self.inner
        if not self.chosen.names and not isinstance(vector, tuple | list):
            vector = (vector,)
        try:
            values = inner.bind(primals, kwargs)
        except TypeError as error:
            raise TypeError(f"{error}, before the vector, which comes last") from None
        return inner.pushed(values, vector)[1]


def _with_vector(signature: inspect.Signature) -> inspect.Signature:
    """(x, y, vector), or (*args, vector) where what comes last cannot be told so."""
    parameters = [*signature.parameters.values()]
    vector = inspect.Parameter("vector", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    plain = all(p.kind is vector.kind and p.default is p.empty for p in parameters)
    if plain and "vector" not in signature.parameters:
        return inspect.Signature([*parameters, vector])
    rest = inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)
    return inspect.Signature([rest, vector.replace(kind=vector.KEYWORD_ONLY)])


class Jacobian(Composed):
    """All derivatives of all results with respect to all arguments."""

    suffix = "jacobian"

    def __init__(self, f: Any, wrt: Wrt = None, *, mode: str | None = None, compile: Compiler | None = None,
                 shapes: Shapes = None) -> None:  # fmt: skip
        self.pullback = Pullback(f, wrt, compile=compile, shapes=shapes)
        self.pushforward = Pushforward(f, wrt, compile=compile, shapes=shapes)
        if mode not in (None, FORWARD, REVERSE):
            what = f"mode is 'forward', 'reverse' or None, not {mode!r}"
            raise refusal("FG704", what)
        self.mode = mode
        self.chosen: Chosen = self.pullback.chosen
        super().__init__(
            f,
            self.pullback,
            (wrt,),
            {"mode": mode, "compile": compile, "shapes": shapes},
        )
        self.__signature__ = self.pullback.__signature__
        self.__doc__ = self._documentation()

    def _documentation(self) -> str:
        first = (
            f"The Jacobian of {self.name} with respect to {parameters(self.chosen)}."
        )
        returned = (
            "Returns, for each of these, an array of the shape of the result followed by the shape of the argument; bare for\n"
            "one argument that was asked for by itself, else a tuple. A result that is a tuple, a list or a dict of arrays gives\n"
            "one of those."
        )
        return document(first, f"{returned}\n\n{RULE}", self.pullback.subject.original)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.mode != FORWARD:
            value, pullback = self.pullback(*args, **kwargs)
            values = self.pullback.bind(args, kwargs)
            made = self.pullback.made(values)
            asked = self._asked(made, values)
            self._refuse_complex(asked)
            forward = _only_forward(made, value)
            if forward and self.mode == REVERSE:
                what = f"{self.name} returns {forward}, which has no Jacobian in reverse mode"
                raise refusal("FG704", what, "leave mode out")
            if self.mode == REVERSE or not (forward or size(asked) < size(value)):
                return self._rows(made, value, pullback, asked)
        return self._columns(args, kwargs)

    def _asked(self, made: Any, values: Sequence[Any]) -> list[Any]:
        arguments = self.pullback.arguments(made, values)
        return [arguments[name] for name in made.wrt]

    def _refuse_complex(self, asked: Sequence[Any]) -> None:
        """It would have two numbers, for the real part and the imaginary one, in place of each."""
        if any(map(_is_complex, leaves(asked))):
            what = f"the Jacobian of {self.name} with respect to complex numbers is not one array"
            step = "use flatgrad.jvp along 1 and along 1j, or write a function of the two parts"
            raise refusal("FG704", what, step)

    def _rows(
        self, made: Any, value: Any, pullback: Callable[..., Any], asked: Sequence[Any]
    ) -> Any:
        """One backward pass for each number of the result."""
        outs = value if made.returns_tuple else (value,)
        seeded = [i for i, result in enumerate(made.results) if result.has_seed]
        found: list[Any] = [None] * len(outs)
        like = self._arranged(tuple(asked))
        for chosen in seeded:
            rows = []
            for unit in units(outs[chosen]):
                seeds = [unit if i == chosen else zeros(outs[i]) for i in seeded]
                rows.append(pullback(*seeds))
            found[chosen] = of_rows(rows, outs[chosen], like)
        return tuple(found) if made.returns_tuple else found[0]

    def _columns(self, args: Any, kwargs: Any) -> Any:
        """One forward pass for each number of the arguments."""
        inner = self.pushforward
        values = inner.bind(args, kwargs)
        made = inner.made(values)
        asked = self._asked(made, values)
        self._refuse_complex(asked)

        def pushed(tangents: Sequence[Any]) -> Any:
            given = dict(zip(made.seeds, tangents, strict=True))
            return inner.run(made, values, given)

        passes = [pushed(unit) for unit in units(asked)]
        value, _ = passes[0] if passes else pushed(zeros(asked))
        outs = value if made.returns_tuple else (value,)
        found: list[Any] = []
        for i, out in enumerate(outs):
            columns = [t[i] if made.returns_tuple else t for _, t in passes]
            has = made.results[i].has_seed or isinstance(out, CONTAINERS)
            whole = of_columns(columns, out, asked, self._arranged) if has else None
            found.append(whole)
        return tuple(found) if made.returns_tuple else found[0]

    def _arranged(self, found: tuple[Any, ...]) -> Any:
        return (
            found[0]
            if self.chosen.alone or (not self.chosen.names and len(found) == 1)
            else found
        )


CONTAINERS = (list, tuple, Mapping)


def _is_complex(leaf: Any) -> bool:
    return isinstance(leaf, complex) or "complex" in str(getattr(leaf, "dtype", ""))


def _only_forward(made: Any, value: Any) -> str:
    """What of the result a backward pass for each of its numbers does not give the derivatives of."""
    outs = value if made.returns_tuple else (value,)
    pairs = [*zip(outs, made.results, strict=True)]
    if any(isinstance(out, CONTAINERS) and not r.has_seed for out, r in pairs):
        return "a tuple within a tuple"
    complex_ones = any(map(_is_complex, leaves(value)))
    return "complex numbers" if complex_ones else ""


class Hessian(Composed):
    """All second derivatives of a function whose result is one number: forward over reverse."""

    suffix = "hessian"

    def __init__(
        self,
        f: Any,
        wrt: Wrt = None,
        *,
        compile: Compiler | None = None,
        shapes: Shapes = None,
    ) -> None:
        gradient = Gradient(f, wrt, shapes=shapes)
        self.jacobian = Jacobian(
            gradient, wrt, mode=FORWARD, compile=compile, shapes=shapes
        )
        super().__init__(
            f, self.jacobian.pushforward, (wrt,), {"compile": compile, "shapes": shapes}
        )
        self.chosen: Chosen = gradient.chosen
        self.__signature__ = gradient.__signature__
        first = f"The Hessian of {self.name} with respect to {parameters(self.chosen)}."
        returned = (
            "Returns an array of the shape of the argument twice over; for several arguments a tuple of tuples of arrays, where\n"
            "the one at [i][j] has the shape of the i-th followed by that of the j-th. It is the forward derivative of the\n"
            "gradient, along each number of the arguments."
        )
        self.__doc__ = document(first, returned, gradient.subject.original)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.jacobian(*args, **kwargs)


__all__ = ["Hessian", "HessianVector", "Jacobian"]
