"""A decorated function: it is called as it was, and has its derivatives with it."""

from __future__ import annotations

import functools
from typing import Any

from flatgrad.errors import FlatgradError
from flatgrad.interface.cache import Cache, cache_of, is_asked_for, told_by
from flatgrad.interface.callables import plain_function
from flatgrad.interface.conventions import Wrt
from flatgrad.interface.derivatives import Shapes
from flatgrad.interface.generated import Compiler
from flatgrad.interface.gradients import Gradient
from flatgrad.interface.linear_maps import Pullback, Pushforward
from flatgrad.interface.methods import inherits_elsewhere, is_method
from flatgrad.interface.second import Hessian, HessianVector, Jacobian
from flatgrad.interface.subjects import (
    is_complete,
    read,
    read_file,
    reads_elsewhere,
    text_of_file,
)
from flatgrad.interface.texts import source_of


class Differentiable:
    """What @differentiable makes of a function."""

    __name__: str
    __qualname__: str
    __wrapped__: Any

    def __init__(self, f: Any, wrt: Wrt = None, *, has_aux: bool = False, compile: Compiler | None = None,
                 shapes: Shapes = None, cache: bool | None = None) -> None:  # fmt: skip
        functools.update_wrapper(self, f)
        self._options: dict[str, Any] = {"compile": compile, "shapes": shapes}
        self._has_aux, self._wrt = has_aux, wrt
        self._function = plain_function(f)
        asked = is_asked_for() if cache is None else cache
        self.cache: Cache | None = cache_of(self._function) if asked else None
        if not self._is_kept():
            self._check_text()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)

    def _is_kept(self) -> bool:
        """An earlier process found that this text can be differentiated; its file need not be parsed to know."""
        function = self._function
        if self.cache is None:
            return False
        if self.grad.recall(text_of_file(function), self._mark):
            return True
        if not reads_elsewhere(function) or not self._can_be_read:
            return False
        kept: bool = self.grad.recall(read(function))
        return kept

    @property
    def _mark(self) -> str:
        """What the text of a file was found to be the text of."""
        code = self._function.__code__
        return f"{told_by(code)} {code.co_firstlineno}"

    def _check_text(self) -> None:
        """Refuse now what the command line refuses, unless more is known when it is called."""
        function = self._function
        of_file = read_file(function)
        try:
            if of_file is not None:
                self.grad.generate(of_file, self._mark)
            elif self._can_be_read:
                self.grad.generate(read(function))
        except FlatgradError:
            elsewhere = reads_elsewhere(function) or inherits_elsewhere(function)
            if of_file is None or not elsewhere:
                raise
            if self._can_be_read:
                self.grad.generate(read(function))

    @property
    def _can_be_read(self) -> bool:
        """All is there that it needs. The class of a method is not, while it is being written."""
        return not is_method(self._function) and is_complete(self._function)

    @functools.cached_property
    def grad(self) -> Gradient:
        return Gradient(self, self._wrt, has_aux=self._has_aux, **self._options)

    @functools.cached_property
    def value_and_grad(self) -> Gradient:
        made = Gradient(
            self, self._wrt, has_aux=self._has_aux, with_value=True, **self._options
        )
        made.read_like(self.grad)
        return made

    @functools.cached_property
    def vjp(self) -> Pullback:
        return Pullback(self, self._wrt, **self._options)

    @functools.cached_property
    def jvp(self) -> Pushforward:
        return Pushforward(self, self._wrt, **self._options)

    @functools.cached_property
    def hvp(self) -> HessianVector:
        return HessianVector(self, self._wrt, **self._options)

    @functools.cached_property
    def jacobian(self) -> Jacobian:
        return Jacobian(self, self._wrt, **self._options)

    @functools.cached_property
    def hessian(self) -> Hessian:
        return Hessian(self, self._wrt, **self._options)

    def source(self, emit: str = "grad") -> str:
        """What the command line prints for this function."""
        reading = read_file(self._function) or self.grad.subject.reading(None)
        return source_of(
            reading, emit, self.grad.chosen, self.grad.request.shapes or {}
        )

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else Bound(self, instance)

    def __reduce__(self) -> str:
        return self.__qualname__

    def __copy__(self) -> Differentiable:
        return self

    def __deepcopy__(self, memory: Any) -> Differentiable:
        return self

    def __repr__(self) -> str:
        return f"<differentiable {self.__qualname__}>"


class Bound:
    """A decorated method of an object: its derivatives are given the object, too."""

    def __init__(self, function: Differentiable, instance: Any) -> None:
        self.__func__, self.__self__ = function, instance
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__(self.__self__, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__func__, name)
        return found.__get__(self.__self__) if name in DERIVATIVES else found

    def __repr__(self) -> str:
        return f"<differentiable {self.__func__.__qualname__} of {self.__self__!r}>"


DERIVATIVES = {"grad", "value_and_grad", "vjp", "jvp", "hvp", "jacobian", "hessian"}

__all__ = ["Differentiable"]
