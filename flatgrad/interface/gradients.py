"""The gradient of a function whose result is one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from flatgrad.errors import FlatgradError
from flatgrad.interface.arguments import Length
from flatgrad.interface.attributes import names_of, spread, told_of_values
from flatgrad.interface.conventions import Wrt
from flatgrad.interface.derivatives import Derivative, Shapes
from flatgrad.interface.documenting import document, gradients, parameters
from flatgrad.interface.generated import Compiler
from flatgrad.interface.readings import Reading
from flatgrad.interface.specialising import (
    Emission,
    Made,
    emission_for,
    emit,
    with_arrays,
)

NUMBERS = (float, np.float64, int)


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

    def alone(
        self, values: Sequence[Any] | None
    ) -> tuple[Emission, Reading, tuple[Length, ...]]:
        """The text of a function that returns the gradient and nothing else, for a call with these values."""
        reading = self.subject.reading(values)
        request = replace(self.request, emit="gradient", compiler=None)
        if values is None:
            reading = with_arrays(reading)
            options, hidden = request.options(reading), request.hidden(reading)
            return emit(reading, options, hidden, self.cache), reading, ()
        told = told_of_values(reading, values, reading.sizes)
        names = names_of(reading, self.subject.binder.names)
        given = spread(reading, values)
        emission, lengths = emission_for(
            reading, request, names, told, given, self.cache
        )
        return emission, reading, lengths

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return self.computed(self.bind(args, kwargs))

    def computed(self, values: Sequence[Any]) -> Any:
        """The gradient for a value of each parameter."""
        __tracebackhide__ = True
        made = self.made(values)
        self._refuse_other_results(made)
        try:
            value, gradient = self.run(made, values, self._seeds(made))
        except Exception:
            self._refuse_array(made, values)
            raise
        loss = value[0] if self.has_aux else value
        self._refuse_other_values(made, loss)
        gradient = self._arranged(made, gradient, values, ())
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
            value = self.subject.call(values)
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


__all__ = ["Gradient"]
