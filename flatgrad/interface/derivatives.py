"""Functions that compute derivatives of a function: gradients, pullbacks, pushforwards."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any

import numpy as np

from flatgrad.errors import FlatgradError
from flatgrad.interface.arguments import Told, lengths_of, needed, pattern
from flatgrad.interface.conventions import Chosen, Wrt, chosen
from flatgrad.interface.documenting import document, gradients, parameters
from flatgrad.interface.functions import subject_of
from flatgrad.interface.generated import Compiler, cannot_compile, is_of_compiler
from flatgrad.interface.refusing import refusal
from flatgrad.interface.specialising import (
    Emission,
    Made,
    Request,
    emit,
    loaded,
    make,
    with_arrays,
)
from flatgrad.interface.subjects import Reading
from flatgrad.interface.trees import as_float, as_gradient
from flatgrad.options import parse_shapes

Shapes = Mapping[str, Any] | None
NUMBERS = (float, np.float64, int)
KEPT = 64  # patterns of arguments whose functions are kept


class Derivative:
    """A function made of another one. It is generated when it is first called, and again when the other changes."""

    emit = "grad"
    suffix = "grad"

    def __init__(self, f: Any, wrt: Wrt = None, *, compile: Compiler | None = None, shapes: Shapes = None,
                 results: tuple[int, ...] = ()) -> None:  # fmt: skip
        self.subject = subject_of(f)
        self.wrt = wrt
        self.chosen: Chosen = chosen(
            wrt, self.subject.binder.signature, self.subject.name
        )
        self.compiler = compile
        self.shapes = shapes
        self.request = Request(
            self.emit,
            self.chosen.names,
            checked_shapes(shapes, self.subject),
            compile,
            results,
        )
        self._known: dict[tuple[Told, ...], Made] = {}
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
        return self.subject.binder.signature.replace(
            return_annotation=inspect.Signature.empty
        )

    def _documentation(self) -> str:
        return document(
            f"The gradient of {self.subject.name}.", "", self.subject.original
        )

    # --- what is generated

    def made(self, values: Sequence[Any]) -> Made:
        """The emitted functions for a call with these values."""
        found = self._known.get(pattern(values, self._sizes))
        if found is None or not found.reading.is_current():
            with self._lock:
                found = self._current(values)
        found.check(values)
        self._last = found
        return found

    def _current(self, values: Sequence[Any]) -> Made:
        """Known for the program as it is now, or made."""
        reading = self.subject.reading(values)
        self._sizes = reading.sizes
        told = pattern(values, self._sizes)
        found = self._known.get(told)
        if found is None or not found.reading.is_current():
            found = self._made(reading, told, values)
            self._keep(told, found)
        return found

    def _keep(self, told: tuple[Told, ...], made: Made) -> None:
        while len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[told] = made

    def _made(
        self, reading: Reading, told: tuple[Told, ...], values: Sequence[Any]
    ) -> Made:
        early = self._early
        if (
            early is not None
            and reading.is_in(early.source)
            and early.suits(told, values)
        ):
            lengths = needed(lengths_of(early.params)[1], told)
            return loaded(early, reading, self.request, told, tuple(lengths))
        return make(reading, self.request, self.subject.binder.names, told, values)

    def generate(self, reading: Reading) -> None:
        """Transform the text of the file before there are arguments; a refusal is raised."""
        self._early = emit(reading, self.request.options(reading))

    def general(self, arrays: bool = False) -> Made:
        """The emitted functions that take nothing for granted of the arguments; with `arrays`, not that they are numbers."""
        with self._lock:
            found = self._general.get(arrays)
            if found is None or not found.reading.is_current():
                reading = self.subject.reading(None)
                reading = with_arrays(reading) if arrays else reading
                emission = emit(reading, self.request.options(reading))
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
        return self.subject.binder.bind(args, kwargs)

    def run(
        self,
        function: Callable[..., Any],
        values: Sequence[Any],
        extra: Mapping[str, Any],
    ) -> Any:
        """Call an emitted function; what a compiler cannot do is told as such."""
        if self.compiler is None:
            return self.subject.binder.call(function, values, extra)
        try:
            return self.subject.binder.call(function, values, extra)
        except Exception as error:
            if is_of_compiler(self.compiler, error):
                raise cannot_compile(self.compiler, self.__name__, error) from error
            raise

    def _arranged(self, made: Made, gradients: Any, values: Sequence[Any]) -> Any:
        """As they were asked for, each in the structure of its argument."""
        if made.may_be_whole:
            arguments = dict(zip(made.parameters, values, strict=True))
            several = gradients if len(made.wrt) > 1 else (gradients,)
            found = tuple(
                as_gradient(g, arguments[n])
                for n, g in zip(made.wrt, several, strict=True)
            )
            gradients = found if len(made.wrt) > 1 else found[0]
        return self.chosen.arranged(gradients, len(made.wrt))

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


def _again(kind: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What was pickled or copied, made again."""
    return kind(*arguments, **options)


def checked_shapes(shapes: Shapes, subject: Any) -> dict[str, Any]:
    """Shapes as the user gives them, ("N", "D") or "N,D", as Options has them."""
    found: dict[str, Any] = {}
    for name, shape in (shapes or {}).items():
        if name not in subject.binder.signature.parameters:
            step = f"parameters: {', '.join(subject.binder.signature.parameters)}"
            raise refusal(
                "FG507",
                f"shapes names {name}, which is no parameter of {subject.name}",
                step,
            )
        text = shape if isinstance(shape, str) else ",".join(map(str, shape))
        try:
            found |= parse_shapes([f"{name}={text}"])
        except ValueError as error:
            raise refusal("FG502", str(error)) from None
    return found


class Gradient(Derivative):
    """The gradient of a function whose result is one number."""

    def __init__(self, f: Any, wrt: Wrt = None, *, has_aux: bool = False, with_value: bool = False,
                 compile: Compiler | None = None, shapes: Shapes = None) -> None:  # fmt: skip
        self.has_aux, self.with_value = has_aux, with_value
        if with_value:
            self.suffix = "value_and_grad"
        results = (0,) if has_aux else ()
        super().__init__(f, wrt, compile=compile, shapes=shapes, results=results)

    def _documentation(self) -> str:
        name = self.subject.name
        what = "The value and the gradient" if self.with_value else "The gradient"
        value = (
            f"the value of {name}"
            if not self.has_aux
            else f"(value, aux) as {name} returns them"
        )
        returned = gradients(self.chosen)
        if self.with_value:
            returned = f"({value}, g), where g is {returned}"
        elif self.has_aux:
            returned = f"(g, aux), where g is {returned}"
        first = f"{what} of {name} with respect to {parameters(self.chosen)}."
        return document(first, f"Returns {returned}.", self.subject.original)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {
            "has_aux": self.has_aux,
            "with_value": self.with_value,
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        values = self.subject.binder.bind(args, kwargs)
        made = self.made(values)
        self._refuse_other_results(made)
        try:
            value, gradient = self.run(made.function(), values, self._seeds(made))
        except Exception:
            self._refuse_array(made, values)
            raise
        loss = value[0] if self.has_aux else value
        self._refuse_other_values(made, loss)
        gradient = self._arranged(made, gradient, values)
        if self.with_value:
            return value, gradient
        return (gradient, value[1]) if self.has_aux else gradient

    def _seeds(self, made: Made) -> dict[str, Any]:
        """1 for the result, where the emitted function does not take it for granted."""
        seeded = [r for r in made.results if r.has_seed]
        return {
            name: np.float64(1.0)
            for name, result in zip(made.seeds, seeded, strict=False)
            if result.rank is None
        }

    def _refuse_other_results(self, made: Made) -> None:
        """One number, or one number and whatever comes with it."""
        if self.has_aux:
            if not made.returns_tuple or len(made.results) != 2:
                what = f"{self.subject.name} does not return two values, as has_aux=True says"
                raise self.refuse(
                    "FG704", what, "return (value, aux), or leave has_aux out"
                )
        elif made.returns_tuple:
            what = f"{self.subject.name} returns a tuple of {len(made.results)}, which has no gradient"
            step = (
                "ask for has_aux=True where it is (value, aux), for vjp or for jacobian"
            )
            raise self.refuse("FG703", what, step)
        first = made.results[0]
        if first.rank or not first.has_seed:
            told = f"an array of shape {first.shape}" if first.rank else "no number"
            raise self._no_number(told)

    def _refuse_array(self, made: Made, values: Sequence[Any]) -> None:
        """A result of unknown shape is no number, which was not known before the text was run."""
        if made.results[0].rank is None:
            binder, original = self.subject.binder, self.subject.original
            value = binder.call(original, values, {})
            self._refuse_other_values(made, value[0] if self.has_aux else value)

    def _no_number(self, told: str) -> FlatgradError:
        what = (
            f"{self.subject.name} returns {told}, and a gradient is that of one number"
        )
        step = "use flatgrad.vjp or flatgrad.jacobian, or sum the result"
        return self.refuse("FG703", what, step)

    def _refuse_other_values(self, made: Made, value: Any) -> None:
        if type(value) in NUMBERS:
            return
        shape = getattr(value, "shape", ())
        if len(shape):
            raise self._no_number(f"an array of shape {tuple(shape)}")
        if isinstance(value, complex | np.complexfloating):
            raise self._no_number("a complex number")


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
        values = self.subject.binder.bind(args, kwargs)
        made = self.made(values)
        backward = made.function(1)
        *outs, cache = self.run(made.function(0), values, {})
        value = tuple(outs) if made.returns_tuple else outs[0]

        def pullback(*cotangents: Any) -> Any:
            seeds = self._cotangents(made, value, cotangents)
            made.generated.refresh()
            gradient = self._pulled(backward, (*seeds, cache))
            return self._arranged(made, gradient, values)

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
        if not given and all(np.ndim(out) == 0 for out in seeded):
            given = tuple(1.0 for _ in seeded)
        if len(given) == len(outs) and len(given) != len(seeded):
            given = tuple(
                g for g, r in zip(given, made.results, strict=True) if r.has_seed
            )
        if len(given) != len(seeded):
            what = f"{self.subject.name} has {len(seeded)} results with cotangents, and {len(given)} were given"
            raise self.refuse("FG704", what, "give one cotangent for each result")
        return [self._fitted(out, g) for out, g in zip(seeded, given, strict=True)]

    def _fitted(self, out: Any, cotangent: Any) -> Any:
        if not isinstance(out, np.ndarray | np.generic | float | int | complex):
            return cotangent
        seed = np.asarray(cotangent)
        seed = seed.astype(float) if seed.dtype.kind in "iub" else seed
        if seed.shape != np.shape(out):
            what = f"the cotangent has the shape {seed.shape}, the result of {self.subject.name} {np.shape(out)}"
            raise self.refuse(
                "FG704", what, "give a cotangent of the shape of the result"
            )
        return seed if seed.ndim else seed[()]


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
        values = self.subject.binder.bind(primals, kwargs)
        made = self.made(values)
        value, tangent = self.run(
            made.function(), values, self._tangents(made, values, tangents)
        )
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
        if self.chosen.alone and not (
            isinstance(given, tuple | list)
            and len(given) == 1
            and not isinstance(
                values[self.subject.binder.names.index(made.wrt[0])], tuple | list
            )
        ):
            given = (given,)
        if not isinstance(given, tuple | list) or len(given) != len(made.wrt):
            what = f"tangents is a tuple of {len(made.wrt)}, for {', '.join(made.wrt)}"
            raise self.refuse("FG704", what, "give a tangent for each of them")
        arguments = dict(zip(self.subject.binder.names, values, strict=True))
        fitted = [
            self._fitted(name, arguments[name], t)
            for name, t in zip(made.wrt, given, strict=True)
        ]
        return dict(zip(made.seeds, fitted, strict=True))

    def _fitted(self, name: str, primal: Any, tangent: Any) -> Any:
        if not isinstance(primal, np.ndarray | np.generic | float | int | complex):
            return tangent
        found = np.asarray(tangent)
        found = found.astype(float) if found.dtype.kind in "iub" else found
        if found.shape != np.shape(primal):
            what = f"the tangent of {name} has the shape {found.shape}, {name} itself {np.shape(primal)}"
            raise self.refuse(
                "FG704", what, "give a tangent of the shape of the argument"
            )
        return found if found.ndim else found[()]


__all__ = ["Derivative", "Gradient", "Pullback", "Pushforward"]
