"""The Python interface: functions that take a function of Python and give one that computes its derivatives.

docs/decisions/python-interface.md says what was chosen where JAX and autograd differ, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, cast, overload

from flatgrad.errors import FlatgradError
from flatgrad.interface.differentiable import Differentiable
from flatgrad.interface.gradients import Gradient
from flatgrad.interface.linear_maps import Pullback, Pushforward
from flatgrad.interface.second import Hessian, HessianVector, Jacobian
from flatgrad.interface.texts import emitted_text

P = ParamSpec("P")
Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)
Aux = TypeVar("Aux")

Wrt = str | int | Sequence[str | int] | None
Shapes = Mapping[str, str | Sequence[str | int]] | None
Compiler = Callable[[Any], Any]


class Derived(Protocol[P, Value_co]):
    """A generated function: it is called like the one that it was made of."""

    __name__: str
    __source__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Value_co: ...


class Pushed(Protocol[Value_co]):
    """A generated function from arguments and tangents to value and tangent."""

    __name__: str
    __source__: str

    def __call__(
        self, primals: Sequence[Any], tangents: Any, **kwargs: Any
    ) -> tuple[Value_co, Any]: ...


class DifferentiableFunction(Protocol[P, Value_co]):
    """What @differentiable makes of a function: the function itself, with its derivatives."""

    __name__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Value_co: ...

    @property
    def grad(self) -> Derived[P, Any]: ...

    @property
    def value_and_grad(self) -> Derived[P, tuple[Value_co, Any]]: ...

    @property
    def vjp(self) -> Derived[P, tuple[Value_co, Callable[..., Any]]]: ...

    @property
    def jvp(self) -> Pushed[Value_co]: ...

    @property
    def hvp(self) -> Callable[..., Any]: ...

    @property
    def jacobian(self) -> Derived[P, Any]: ...

    @property
    def hessian(self) -> Derived[P, Any]: ...

    def source(self, emit: str = "grad") -> str: ...


@overload
def grad(f: Callable[
    P, tuple[Any, Aux]
], wrt: Wrt = None, *, has_aux: Literal[True], compile: (
    Compiler | None
) = None, shapes: Shapes = None,
) -> Derived[P, tuple[Any, Aux]]: ...  # fmt: skip


@overload
def grad(f: Callable[
    P, Any
], wrt: Wrt = None, *, has_aux: Literal[False] = False, compile: (
    Compiler | None
) = None, shapes: Shapes = None,
) -> Derived[P, Any]: ...  # fmt: skip


def grad(
    f: Callable[..., Any], wrt: Wrt = None, *, has_aux: bool = False, compile: Compiler | None = None,
    shapes: Shapes = None,
) -> Any:  # fmt: skip
    """The gradient of a function whose result is one number, as a function of the same arguments.

    `wrt` says with respect to which parameters, by names or positions: one gives the bare gradient, a tuple gives a
    tuple, None means every parameter that can carry a gradient (bare if it is one). A dict, list or tuple of arrays
    has a gradient of its structure. Of a method, `wrt` may name attributes, as in grad(net.loss, wrt="self.params").

    With has_aux=True, `f` returns (value, aux); the gradient is that of the value, and (gradient, aux) is returned.
    `compile` is given each generated function, as in grad(f, compile=numba.njit). `shapes` states shapes that the
    text does not, {"x": ("N", "D")}.

    What cannot be differentiated raises FlatgradError, with the line and the reason.
    """
    return Gradient(f, wrt, has_aux=has_aux, compile=compile, shapes=shapes)


@overload
def value_and_grad(f: Callable[
    P, tuple[Value, Aux]
], wrt: Wrt = None, *, has_aux: Literal[True], compile: (
    Compiler | None
) = None, shapes: Shapes = None,
) -> Derived[P, tuple[tuple[Value, Aux], Any]]: ...  # fmt: skip


@overload
def value_and_grad(f: Callable[
    P, Value
], wrt: Wrt = None, *, has_aux: Literal[False] = False, compile: (
    Compiler | None
) = None, shapes: Shapes = None,
) -> Derived[P, tuple[Value, Any]]: ...  # fmt: skip


def value_and_grad(
    f: Callable[..., Any], wrt: Wrt = None, *, has_aux: bool = False, compile: Compiler | None = None,
    shapes: Shapes = None,
) -> Any:  # fmt: skip
    """Like grad, but it returns (value, gradient); with has_aux=True, ((value, aux), gradient)."""
    return Gradient(
        f, wrt, has_aux=has_aux, with_value=True, compile=compile, shapes=shapes
    )


def vjp(
    f: Callable[P, Value], wrt: Wrt = None, *, compile: Compiler | None = None, shapes: Shapes = None
) -> Derived[P, tuple[Value, Callable[..., Any]]]:  # fmt: skip
    """Reverse mode: vjp(f)(*args) is (value, pullback), for a result of any shape.

    pullback(*cotangents) takes a cotangent for each result and gives the gradients that `wrt` asks for, arranged as
    grad has them. It may be called any number of times; nothing is computed twice.
    """
    found = Pullback(f, wrt, compile=compile, shapes=shapes)
    return cast("Derived[P, tuple[Value, Callable[..., Any]]]", found)


def jvp(
    f: Callable[..., Value], wrt: Wrt = None, *, compile: Compiler | None = None, shapes: Shapes = None
) -> Pushed[Value]:  # fmt: skip
    """Forward mode: jvp(f)(primals, tangents) is (value, tangent).

    `primals` is a tuple of the arguments of f; `tangents` a tuple with one for each parameter that `wrt` asks for, of
    the shape of the argument (bare where wrt is one name or position).
    """
    return cast("Pushed[Value]", Pushforward(f, wrt, compile=compile, shapes=shapes))


def hvp(
    f: Callable[..., Any], wrt: Wrt = None, *, compile: Compiler | None = None, shapes: Shapes = None
) -> Callable[..., Any]:  # fmt: skip
    """The product of the Hessian of f with a vector: hvp(f)(*args, vector), arranged as the gradient is.

    It is the forward derivative of the gradient; the Hessian is not made. The vector is a tuple where wrt is one.
    """
    return HessianVector(f, wrt, compile=compile, shapes=shapes)


def jacobian(
    f: Callable[P, Any], wrt: Wrt = None, *, mode: Literal["forward", "reverse"] | None = None,
    compile: Compiler | None = None, shapes: Shapes = None,
) -> Derived[P, Any]:  # fmt: skip
    """All derivatives: of the shape of the result followed by the shape of the argument.

    Each call counts the numbers in the arguments that are asked for and in the result. Where there are fewer of the
    first it takes one forward pass for each of those, else one backward pass for each number of the result; `mode`
    chooses one of the two.
    """
    found = Jacobian(f, wrt, mode=mode, compile=compile, shapes=shapes)
    return cast("Derived[P, Any]", found)


def hessian(
    f: Callable[P, Any], wrt: Wrt = None, *, compile: Compiler | None = None, shapes: Shapes = None
) -> Derived[P, Any]:  # fmt: skip
    """All second derivatives of a function whose result is one number: the forward Jacobian of its gradient.

    For a tuple of arguments the result is a tuple of tuples, by argument of the first and of the second derivative.
    """
    return cast("Derived[P, Any]", Hessian(f, wrt, compile=compile, shapes=shapes))


def grad_source(
    source: str, function: str | Sequence[str] | None = None, wrt: str | Sequence[str] | None = None, *,
    emit: str = "grad", names: str = "grad_", shapes: Shapes = None, comments: bool = True, inline: bool = False,
    rules: Sequence[str] = (), filename: str = "<input>",
) -> str:  # fmt: skip
    """What the command line prints for the text of a file, which is read and never run.

    The options are those of the command line: one function or several (all public ones that no other calls, if none is
    named), `wrt`, `emit` ("grad", "pair" or "jvp"), the prefix `names`, `shapes` such as {"x": "N,D"}, files of `rules`.
    A refusal is a FlatgradError that names `filename`.
    """
    return emitted_text(
        source, function, wrt, emit, names, shapes, comments, inline, rules, filename
    )


@overload
def differentiable(f: Callable[P, Value], /) -> DifferentiableFunction[P, Value]: ...


@overload
def differentiable(
    *,
    wrt: Wrt = None,
    has_aux: bool = False,
    compile: Compiler | None = None,
    shapes: Shapes = None,
    cache: bool | None = None,
) -> Callable[[Callable[P, Value]], DifferentiableFunction[P, Value]]: ...


def differentiable(f: Any = None, /, **options: Any) -> Any:
    """A decorator: the function stays what it is, and has its derivatives as f.grad(...), f.jvp(...) and so on.

    The gradient is generated when the module is imported, so that what cannot be differentiated is refused then, with
    file and line. f.source("grad"), f.source("pair") and f.source("jvp") are what the command line prints. The
    options are those of grad: @differentiable(wrt="w", shapes={"x": ("N", "D")}).

    With cache=True, or with FLATGRAD_CACHE=1 in the environment where nothing is said here, what was generated is kept
    beside the bytecode of the module, and taken from there while nothing that decides it has changed.
    """
    if f is None:
        return lambda function: Differentiable(function, **options)
    return Differentiable(f, **options)


__all__ = [
    "Derived",
    "DifferentiableFunction",
    "FlatgradError",
    "Pushed",
    "differentiable",
    "grad",
    "grad_source",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "value_and_grad",
    "vjp",
]
