"""Jacobians, Hessians and products with them: derivatives of derivatives, put together from the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from flatgrad.interface.conventions import Chosen, Wrt
from flatgrad.interface.derivatives import Shapes
from flatgrad.interface.documenting import document, gradients, parameters
from flatgrad.interface.generated import Compiler
from flatgrad.interface.gradients import Gradient
from flatgrad.interface.linear_maps import Pullback, Pushforward
from flatgrad.interface.trees import leaves, mapped

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
        vector = inspect.Parameter("vector", inspect.Parameter.POSITIONAL_ONLY)
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
                vector.replace(kind=inspect.Parameter.KEYWORD_ONLY),
            ]
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        *primals, vector = (
            args if "vector" not in kwargs else (*args, kwargs.pop("vector"))
        )
        inner: Pushforward = self.inner
        if not self.chosen.names and not isinstance(vector, tuple | list):
            vector = (vector,)
        return inner(tuple(primals), vector, **kwargs)[1]


class Jacobian(Composed):
    """All derivatives of all results with respect to all arguments."""

    suffix = "jacobian"

    def __init__(self, f: Any, wrt: Wrt = None, *, mode: str | None = None, compile: Compiler | None = None,
                 shapes: Shapes = None) -> None:  # fmt: skip
        self.pullback = Pullback(f, wrt, compile=compile, shapes=shapes)
        self.pushforward = Pushforward(f, wrt, compile=compile, shapes=shapes)
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
            "one argument that was asked for by itself, else a tuple. A result that is a tuple gives a tuple of those."
        )
        return document(first, f"{returned}\n\n{RULE}", self.pullback.subject.original)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.mode != FORWARD:
            value, pullback = self.pullback(*args, **kwargs)
            values = self.pullback.bind(args, kwargs)
            made = self.pullback.made(values)
            asked = self._asked(made, values)
            if self.mode == REVERSE or _count(asked) >= _count([value]):
                return self._rows(made, value, pullback)
        return self._columns(args, kwargs)

    def _asked(self, made: Any, values: Sequence[Any]) -> list[Any]:
        arguments = self.pullback.arguments(made, values)
        return [arguments[name] for name in made.wrt]

    def _rows(self, made: Any, value: Any, pullback: Callable[..., Any]) -> Any:
        """One backward pass for each number of the result."""
        outs = value if made.returns_tuple else (value,)
        seeded = [i for i, result in enumerate(made.results) if result.has_seed]
        found = []
        for chosen in seeded:
            rows = []
            for unit in _units(outs[chosen]):
                seeds = [
                    unit if i == chosen else np.zeros(np.shape(outs[i])) for i in seeded
                ]
                rows.append(pullback(*seeds))
            found.append(_stacked(rows, np.shape(outs[chosen]), 0))
        return tuple(found) if made.returns_tuple else found[0]

    def _columns(self, args: Any, kwargs: Any) -> Any:
        """One forward pass for each number of the arguments."""
        inner = self.pushforward
        values = inner.bind(args, kwargs)
        made = inner.made(values)
        asked = self._asked(made, values)
        found = []
        for position, argument in enumerate(asked):
            columns = []
            for unit in _units_of_tree(argument):
                tangents = [_zeros(a) for a in asked]
                tangents[position] = unit
                columns.append(
                    inner.run(
                        made,
                        values,
                        dict(zip(made.seeds, tangents, strict=True)),
                    )[1]
                )
            found.append(_unstacked(columns, argument, made.returns_tuple))
        if made.returns_tuple:
            results = [tuple(f[i] for f in found) for i in range(len(found[0]))]
            return tuple(self._arranged(r) for r in results)
        return self._arranged(tuple(found))

    def _arranged(self, found: tuple[Any, ...]) -> Any:
        return (
            found[0]
            if self.chosen.alone or (not self.chosen.names and len(found) == 1)
            else found
        )


def _count(trees: Sequence[Any]) -> int:
    return sum(int(np.prod(np.shape(leaf))) for leaf in leaves(list(trees)))


def _units(like: Any) -> Iterator[Any]:
    """Arrays of the shape of `like` with a single 1, one for each number."""
    shape = np.shape(like)
    for index in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[index] = 1.0
        yield unit if shape else np.float64(1.0)


def _zeros(tree: Any) -> Any:
    return mapped(lambda leaf: np.zeros(np.shape(leaf))[()], tree)


def _units_of_tree(tree: Any) -> Iterator[Any]:
    """Trees of zeros with a single 1, in the order of the leaves."""
    for position, leaf in enumerate(leaves(tree)):
        for unit in _units(leaf):
            yield _with_leaf(tree, position, unit)


def _with_leaf(tree: Any, position: int, unit: Any) -> Any:
    """Zeros like the tree, but for one leaf."""
    numbers = count()
    return mapped(
        lambda leaf: unit if next(numbers) == position else _zeros(leaf), tree
    )


def _stacked(rows: Sequence[Any], shape: tuple[int, ...], axis: int) -> Any:
    """Gradients, one for each number of a result of that shape, as one tree."""
    return mapped(
        lambda *parts: np.stack(parts, axis).reshape((*shape, *np.shape(parts[0]))),
        rows[0],
        *rows[1:],
    )


def _unstacked(columns: Sequence[Any], argument: Any, several: bool) -> Any:
    """Tangents of the results, one for each number of an argument, as a tree of its structure."""
    if several:
        return [
            _unstacked([c[i] for c in columns], argument, False)
            for i in range(len(columns[0]))
        ]
    remaining = iter(columns)

    def of_leaf(leaf: Any) -> Any:
        shape = np.shape(leaf)
        parts = [next(remaining) for _ in range(int(np.prod(shape)))]
        return np.stack(parts, -1).reshape((*np.shape(parts[0]), *shape))

    return mapped(of_leaf, argument)


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
