"""What --at says, the defaults of the signature and what is known of shapes -> a value for each parameter."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flatgrad.checking.objects import Held
from flatgrad.checking.running import Program, quiet, told
from flatgrad.checking.trees import is_array, is_tensor, items, leaves
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.graph import Var
from flatgrad.types import Dim, polynomial

SIZES = (4, 3, 5)  # of the first dimensions, then 6, 7, ...: 2 is what a square gives
EXAMPLES = 'write --at "x=randn(3,4); y=randint(0,10,size=3); reg=0.1"'
EMPTY = inspect.Parameter.empty

DRAWS = [
    "randn",
    "rand",
    "uniform",
    "normal",
    "standard_normal",
    "randint",
    "random",
    "permutation",
    "choice",
    "gamma",
    "beta",
    "exponential",
    "poisson",
    "binomial",
    "shuffle",
]


@dataclass(frozen=True)
class Drawn:
    """The point: a value for each parameter, how it came about, and values for another function."""

    values: dict[str, Any]
    told: dict[str, str]
    extra: dict[str, Any] = field(default_factory=dict)


def written_values(texts: Iterable[str]) -> dict[str, str]:
    """'x=randn(3,4); y=1' as names and expressions; ValueError with a sentence for the user."""
    found: dict[str, str] = {}
    for text in texts:
        for statement in _statements(text):
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    pass
                case _:
                    raise ValueError(f"{text!r} gives no parameter a value; {EXAMPLES}")
            if name in found:
                raise ValueError(f"the value of {name} is given twice")
            found[name] = ast.get_source_segment(text.strip(), value) or ""
    return found


def _statements(text: str) -> list[ast.stmt]:
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError):
        raise ValueError(f"{text!r} is not read; {EXAMPLES}") from None
    if not body:
        raise ValueError(f"{text!r} gives no parameter a value; {EXAMPLES}")
    return body


def drawn(
    function: Callable[..., Any],
    params: Mapping[str, Var],
    labels: set[Var],
    written: Mapping[str, str],
    program: Program,
    seed: int,
    others: bool,
    held: Held,
) -> Drawn:
    """A value for each parameter of the function, in its order; `others`: and for those of another function."""
    random = np.random.RandomState(seed)
    signature = inspect.signature(function).parameters
    if not others:
        _refuse_unknown(written, signature, function.__name__)
    namespace = {**program.names, **_numpy_names(random)}
    values: dict[str, Any] = {}
    told_of: dict[str, str] = {}
    for name, value in written.items():
        values[name] = namespace[name] = _evaluated(name, value, namespace)
        told_of[name] = value
    if held.of_class is not None:
        values[held.name] = held.of_class
    sizes = Sizes(_given_lengths(held.split(values), params))
    missing = []
    for name, parameter in signature.items():
        if name in values or parameter.kind in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        ):
            continue
        if parameter.default is not EMPTY:
            values[name] = parameter.default
        elif (var := params.get(name)) is None or not sizes.can_draw(var):
            missing.append(name)
        else:
            values[name], told_of[name] = sizes.draw(var, var in labels, random)
    if missing:
        raise FlatgradError(_missing(missing, params, function.__name__, held))
    ordered = [n for n in signature if n in values]
    shown = {n: told_of[n] for n in ordered if n in told_of}
    extra = {n: v for n, v in values.items() if n not in signature}
    return Drawn({n: values[n] for n in ordered}, shown, extra)


def _refuse_unknown(
    written: Mapping[str, str], signature: Mapping[str, Any], name: str
) -> None:
    unknown = [n for n in written if n not in signature]
    if unknown:
        what = f"--at gives {unknown[0]} a value, which is no parameter of {name}"
        step = f"parameters: {', '.join(signature)}"
        raise FlatgradError(Diagnostic("FG902", what, step))


def _missing(
    names: list[str], params: Mapping[str, Var], function: str, held: Held
) -> Diagnostic:
    plural = "s" if len(names) > 1 else ""
    what = f"no value for the parameter{plural} {', '.join(names)} of {function}"
    made = {held.name: f"{held.owner}(...)"}
    example = "; ".join(f"{n}={made.get(n) or _such_as(params.get(n))}" for n in names)
    step = (
        f"give one, such as --at '{example}', or say in the docstring what\n"
        "shape it has; numpy's names and those of the file can be used, and\n"
        "y=randint(0,10,size=3) for labels"
    )
    return Diagnostic("FG902", what, step)


def _such_as(var: Var | None) -> str:
    """An expression of the kind that a parameter has."""
    match var.type.kind if var is not None else "any":
        case "dict":
            return '{"W1": randn(3,4)}'
        case "list" | "tuple":
            return "[randn(3,4), randn(4)]"
        case "int" | "bool" | "str":
            return "3"
        case _:
            return "0.3" if var is not None and var.type.rank == 0 else "randn(3,4)"


def _numpy_names(random: np.random.RandomState) -> dict[str, Any]:
    """What an expression of --at may name: numpy, its functions, and those that draw from the seed."""
    public = {n: getattr(np, n) for n in np.__all__ if not hasattr(builtins, n)}
    draws = {n: getattr(random, n) for n in DRAWS}
    named = {"np": np, "numpy": np, "default_rng": np.random.default_rng}
    return {**public, **draws, **named}


def _evaluated(name: str, value: str, namespace: Mapping[str, Any]) -> Any:
    code = compile(f"({value})", "<--at>", "eval", dont_inherit=True)
    try:
        with quiet():
            return eval(code, dict(namespace))
    except Exception as error:
        what = f"--at {name}={value} raises {told(error)}"
        raise FlatgradError(Diagnostic("FG902", what, EXAMPLES)) from None


def _given_lengths(
    values: Mapping[str, Any], params: Mapping[str, Var]
) -> dict[Dim, int]:
    """The lengths that the values which were given already settle: N is 3 where x: (N, D) is 3 by 4."""
    known: dict[Dim, int] = {}
    for name, value in values.items():
        dims = params[name].type.shape.dims if name in params else None
        if dims is None or not is_array(value) or len(dims) != np.ndim(value):
            continue
        for dim, length in zip(dims, np.shape(value), strict=True):
            root, offset = dim.root()
            if root.value is None and root.terms is None:
                known.setdefault(root, int(length) - offset)
    return known


class Sizes:
    """A length for each dimension: different ones for different names, so that no mix-up goes unseen."""

    def __init__(self, known: dict[Dim, int], usual: Mapping[str, int] | None = None):
        self.known, self.usual = known, usual or {}

    def can_draw(self, var: Var) -> bool:
        kind = var.type.kind
        if var.type.shape.is_scalar and kind in ("int", "bool", "str"):
            return False
        return var.type.shape.dims is not None and kind not in ("tuple", "dict", "list")

    def draw(
        self, var: Var, is_label: bool, random: np.random.RandomState
    ) -> tuple[Any, str]:
        """The value, and the expression that says the same."""
        shape = tuple(map(self.length, var.type.shape.dims or ()))
        inside = ",".join(map(str, shape))
        match var.type.kind:
            case "int" | "bool":
                return _whole(shape, random)
            case "complex":
                both = random.randn(*shape) + 1j * random.randn(*shape)
                return both, f"randn({inside}) + 1j*randn({inside})"
            case _ if is_label:
                return _whole(shape, random)
            case _:
                return random.randn(*shape), f"randn({inside})"

    def length(self, dim: Dim) -> int:
        total = 0
        for factors, coefficient in polynomial(dim).items():
            product = coefficient
            for factor in factors:
                product *= self._base(factor)
            total += product
        return max(total, 1)

    def _base(self, dim: Dim) -> int:
        root, offset = dim.root()
        if root.value is not None:
            return root.value + offset
        if root not in self.known:
            taken = {*self.known.values()}
            sizes = (*SIZES, *range(6, 99))
            other = next(s for s in sizes if s not in taken)
            self.known[root] = self.usual.get(root.name, other)
        return self.known[root] + offset


def _whole(shape: tuple[int, ...], random: np.random.RandomState) -> tuple[Any, str]:
    """Labels that fit any number of classes from two up."""
    size = str(shape[0]) if len(shape) == 1 else str(shape).replace(" ", "")
    return random.randint(0, 2, size=shape), f"randint(0,2,size={size})"


def as_tensors(value: Any) -> Any:
    """Arrays of numpy as tensors of torch, all through a tree."""
    import torch

    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value))
    if isinstance(value, dict):
        return {key: as_tensors(part) for key, part in items(value)}
    if isinstance(value, list | tuple) and any(is_array(p) for _, p in items(value)):
        return type(value)(as_tensors(part) for _, part in items(value))
    return value


def described(values: Mapping[str, Any]) -> str:
    """x (3, 4), y (3,), reg 0.1: enough to know what a function was called with."""
    return ", ".join(f"{name} {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    if is_array(value) or is_tensor(value):
        return str(tuple(value.shape))
    inside = list(leaves("", value))
    if isinstance(value, dict | list | tuple) and inside:
        return f"with {len(inside)} arrays" if len(inside) > 1 else "with 1 array"
    text = repr(value)
    return text if len(text) < 30 else type(value).__name__
