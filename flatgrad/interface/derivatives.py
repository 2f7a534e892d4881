"""What all derivatives are: functions that are generated when they are called, and again when something has changed."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any

import numpy as np

from flatgrad.errors import FlatgradError
from flatgrad.interface.arguments import Key, Told, needed
from flatgrad.interface.attributes import names_of, spread, told_of_values
from flatgrad.interface.bound import subject_of
from flatgrad.interface.cache import Cache
from flatgrad.interface.conventions import Chosen, Wrt, chosen
from flatgrad.interface.documenting import document
from flatgrad.interface.generated import Compiler, cannot_compile, is_of_compiler
from flatgrad.interface.overlaps import overlapping, refuse_overwritten
from flatgrad.interface.readings import Reading
from flatgrad.interface.refusing import refusal
from flatgrad.interface.specialising import (
    Emission,
    Made,
    Request,
    emit,
    loaded,
    make,
    recalled,
    with_arrays,
)
from flatgrad.interface.texts import parsed_shapes
from flatgrad.interface.trees import apart, as_gradient

Shapes = Mapping[str, Any] | None
KEPT = 64  # patterns of arguments whose functions are kept


class Derivative:
    """A function made of another one. It is generated when it is first called, and again when the other changes."""

    emit = "grad"
    suffix = "grad"

    def __init__(self, f: Any, wrt: Wrt = None, *, compile: Compiler | None = None, shapes: Shapes = None,
                 results: tuple[int, ...] = ()) -> None:  # fmt: skip
        self.subject = subject_of(f)
        self.wrt = wrt
        self.chosen: Chosen = chosen(wrt, self.subject)
        self.compiler = compile
        self.shapes = shapes
        self.request = Request(
            self.emit,
            self.chosen.names,
            checked_shapes(shapes, self.subject),
            compile,
            results,
            self.subject.bound,
        )
        self.cache: Cache | None = cache_in(f)
        self._known: dict[Key, Made] = {}
        self._general: dict[bool, Made] = {}
        self._early: Emission | None = (
            None  # of the text of the file, when it was imported
        )
        self._last: Made | None = None
        self._sizes: frozenset[int] = (
            frozenset()
        )  # of arrays that the function reads from outside
        self._lock = threading.RLock()
        self._describe()

    def _describe(self) -> None:
        original = self.subject.original
        self.__name__ = f"{self.subject.name}_{self.suffix}"
        outer = getattr(original, "__qualname__", self.subject.name).rpartition(".")[0]
        self.__qualname__ = f"{outer}.{self.__name__}" if outer else self.__name__
        self.__module__ = getattr(original, "__module__", None) or "__main__"
        self.__doc__ = self._documentation()
        self.__signature__ = self._signature()

    def _signature(self) -> inspect.Signature:
        return self.subject.signature.replace(return_annotation=inspect.Signature.empty)

    def _documentation(self) -> str:
        return document(
            f"The gradient of {self.subject.name}.", "", self.subject.original
        )

    # --- what is generated

    def made(self, values: Sequence[Any]) -> Made:
        """The emitted functions for a call with these values; of a refusal, how flatgrad came to it is not shown."""
        __tracebackhide__ = True
        try:
            return self._made_for(values)
        except FlatgradError as error:
            raise error.with_traceback(None) from error.__cause__

    def _made_for(self, values: Sequence[Any]) -> Made:
        found = self._known.get(self.subject.key(values, self._sizes))
        if found is None or not found.reading.is_current():
            with self._lock:
                found = self._current(values)
        found.check(spread(found.reading, values))
        self._last = found
        return found

    def arguments(self, made: Made, values: Sequence[Any]) -> dict[str, Any]:
        """What the gradients may be of, by name: the arguments, and attributes of an object."""
        return dict(zip(made.parameters, spread(made.reading, values), strict=True))

    def _current(self, values: Sequence[Any]) -> Made:
        """Known for the program as it is now, or made."""
        reading = self.subject.reading(values)
        self._sizes = reading.sizes
        key = self.subject.key(values, self._sizes)
        found = self._known.get(key)
        if found is None or not found.reading.is_current():
            told = told_of_values(reading, values, self._sizes)
            found = self._made(reading, told, spread(reading, values))
            self._keep(key, found)
        return found

    def _keep(self, key: Key, made: Made) -> None:
        while len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[key] = made

    def _made(
        self, reading: Reading, told: tuple[Told, ...], values: Sequence[Any]
    ) -> Made:
        early = self._early
        if (
            early is not None
            and reading.is_in(early.source)
            and early.suits(told, values)
        ):
            lengths = needed(early.lengths, told)
            return loaded(early, reading, self.request, told, tuple(lengths))
        names = names_of(reading, self.subject.binder.names)
        return make(reading, self.request, names, told, values, self.cache)

    def generate(self, reading: Reading, mark: str = "") -> None:
        """Transform the text of the file before there are arguments; a refusal is raised."""
        options = self.request.options(reading)
        self._early = emit(reading, options, cache=self.cache, mark=mark)

    def read_like(self, other: Derivative) -> None:
        """Take what another one, which asks for the same, has made of the text of the file."""
        self._early = other._early

    def recall(self, reading: Reading, mark: str = "") -> bool:
        """Take what an earlier process made of this text, if one did."""
        if self.cache is not None:
            options = self.request.options(reading)
            self._early = recalled(self.cache, reading, options, mark=mark)
        return self._early is not None

    def general(self, arrays: bool = False) -> Made:
        """The emitted functions that take nothing for granted of the arguments; with `arrays`, not that they are numbers."""
        with self._lock:
            found = self._general.get(arrays)
            if found is None or not found.reading.is_current():
                reading = self.subject.reading(None)
                reading = with_arrays(reading) if arrays else reading
                options = self.request.options(reading)
                hidden = self.request.hidden(reading)
                emission = emit(reading, options, hidden, self.cache)
                found = self._general[arrays] = loaded(emission, reading, self.request)
            return found

    @property
    def __source__(self) -> str:
        """The text of the module that was generated last."""
        return (self._last or self.general()).generated.text

    @property
    def __wrapped__(self) -> Any:
        """The generated function, for inspect."""
        try:
            return (self._last or self.general()).plain
        except FlatgradError as error:
            raise AttributeError(str(error)) from error

    # --- calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        return self.subject.bind(args, kwargs)

    def run(self, made: Made, values: Sequence[Any], extra: Mapping[str, Any]) -> Any:
        """Call the emitted function, the forward of a pair; the result is one of different inputs, or refused."""
        seen = overlapping(made.parameters, spread(made.reading, values))
        found = self._run(made.function(), values, extra)
        refuse_overwritten(seen, self.subject.name)
        return found

    def _run(
        self,
        function: Callable[..., Any],
        values: Sequence[Any],
        extra: Mapping[str, Any],
    ) -> Any:
        """What a compiler cannot do is told as such."""
        __tracebackhide__ = True
        if self.compiler is None:
            return self.subject.binder.call(function, values, extra)
        try:
            return self.subject.binder.call(function, values, extra)
        except Exception as error:
            if is_of_compiler(self.compiler, error):
                raise cannot_compile(self.compiler, self.__name__, error) from error
            raise

    def _arranged(
        self, made: Made, gradients: Any, values: Sequence[Any], seeds: Sequence[Any]
    ) -> Any:
        """As they were asked for, each in the structure of its argument, and an array of its own."""
        if made.may_be_whole:
            arguments = self.arguments(made, values)
            several = gradients if len(made.wrt) > 1 else (gradients,)
            found = tuple(
                as_gradient(g, arguments[n])
                for n, g in zip(made.wrt, several, strict=True)
            )
            gradients = found if len(made.wrt) > 1 else found[0]
        given = (*spread(made.reading, values), *seeds)
        arrays = [value for value in given if type(value) is np.ndarray]
        return self.chosen.arranged(apart(gradients, arrays), len(made.wrt))

    def refuse(self, code: str, what: str, step: str = "") -> FlatgradError:
        return refusal(code, what, step)

    # --- as a function among others

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        return _again, (type(self), self._arguments(), self._options())

    def _arguments(self) -> tuple[Any, ...]:
        return self.subject.original, self.wrt

    def _options(self) -> dict[str, Any]:
        return {"compile": self.compiler, "shapes": self.shapes}

    def __repr__(self) -> str:
        return f"<flatgrad {self.__qualname__}>"


def cache_in(f: Any) -> Cache | None:
    """The cache that a decorated function or a derivative of one has."""
    found = getattr(f, "cache", None)
    return found if isinstance(found, Cache) else None


def _again(kind: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What was pickled or copied, made again."""
    return kind(*arguments, **options)


def checked_shapes(shapes: Shapes, subject: Any) -> dict[str, Any]:
    """The shapes that the user gives, of parameters that are there."""
    names = subject.signature.parameters
    for name in shapes or ():
        if name not in names and not subject.is_attribute(name):
            what = f"shapes names {name}, which is no parameter of {subject.name}"
            raise refusal("FG507", what, f"parameters: {', '.join(names)}")
    return parsed_shapes(shapes)


__all__ = ["Derivative", "Shapes"]
