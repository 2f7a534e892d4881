"""A decorated function: it is called as it was, and has its derivatives with it."""

from __future__ import annotations

import functools
from types import MethodType
from typing import Any

from flatgrad.errors import FlatgradError
from flatgrad.interface.conventions import Wrt
from flatgrad.interface.derivatives import Gradient, Pullback, Pushforward, Shapes
from flatgrad.interface.generated import Compiler
from flatgrad.interface.second import Hessian, HessianVector, Jacobian
from flatgrad.interface.subjects import (
    is_complete,
    plain_function,
    read,
    read_file,
    reads_elsewhere,
)
from flatgrad.interface.texts import source_of


class Differentiable:
    """What @differentiable makes of a function."""

    def __init__(self, f: Any, wrt: Wrt = None, *, has_aux: bool = False, compile: Compiler | None = None,
                 shapes: Shapes = None) -> None:  # fmt: skip
        functools.update_wrapper(self, f)
        self._options: dict[str, Any] = {"compile": compile, "shapes": shapes}
        self._has_aux, self._wrt = has_aux, wrt
        self._function = plain_function(f)
        self._check_text()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)

    def _check_text(self) -> None:
        """Refuse now what the command line refuses, unless more is known when it is called."""
        function = self._function
        of_file = read_file(function)
        try:
            if of_file is not None:
                self.grad.generate(of_file)
            elif is_complete(function):
                self.grad.generate(read(function))
        except FlatgradError:
            if of_file is None or not reads_elsewhere(function):
                raise
            if is_complete(function):
                self.grad.generate(read(function))

    @functools.cached_property
    def grad(self) -> Gradient:
        return Gradient(self.__wrapped__, self._wrt, has_aux=self._has_aux, **self._options)

    @functools.cached_property
    def value_and_grad(self) -> Gradient:
        return Gradient(self.__wrapped__, self._wrt, has_aux=self._has_aux, with_value=True, **self._options)

    @functools.cached_property
    def vjp(self) -> Pullback:
        return Pullback(self.__wrapped__, self._wrt, **self._options)

    @functools.cached_property
    def jvp(self) -> Pushforward:
        return Pushforward(self.__wrapped__, self._wrt, **self._options)

    @functools.cached_property
    def hvp(self) -> HessianVector:
        return HessianVector(self.__wrapped__, self._wrt, **self._options)

    @functools.cached_property
    def jacobian(self) -> Jacobian:
        return Jacobian(self.__wrapped__, self._wrt, **self._options)

    @functools.cached_property
    def hessian(self) -> Hessian:
        return Hessian(self.__wrapped__, self._wrt, **self._options)

    def source(self, emit: str = "grad") -> str:
        """What the command line prints for this function."""
        reading = read_file(self._function) or read(self._function)
        return source_of(reading, emit, self.grad.chosen, self.grad.request.shapes or {})

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> str:
        return self.__qualname__

    def __copy__(self) -> Differentiable:
        return self

    def __deepcopy__(self, memory: Any) -> Differentiable:
        return self

    def __repr__(self) -> str:
        return f"<differentiable {self.__qualname__}>"


__all__ = ["Differentiable"]
