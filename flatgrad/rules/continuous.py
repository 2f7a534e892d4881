"""Continuous distributions of scipy.stats: all methods of a distribution from the slopes of its logarithmic density.

With z = (x - loc) / scale and the standard density p, log f(x) = log p(z) - log(scale). How log p falls with z
and grows with each shape parameter gives the derivatives of pdf and logpdf. The others follow from F' = f;
in a shape parameter where it is known how z moves with it while F(z) stays (Figurnov, Mohamed and Mnih, "Implicit
reparameterization gradients", 2018), or how F does. Elsewhere it is an option: no closed form is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from flatgrad.builder import Expr, xp
from flatgrad.graph import Lit
from flatgrad.namespaces.stats_names import CONTINUOUS
from flatgrad.registry import Probe, elementwise
from flatgrad.shapes import elementwise_float, with_options

Slopes = Callable[..., Any]
Parts = tuple[Any, list[Any], Any, Any]  # in x, each shape parameter, loc and scale


@dataclass(frozen=True)
class Distribution:
    name: str
    slopes: Slopes  # how log p falls with z, and how it grows with each shape parameter
    at: tuple[Any, ...]  # z and shape parameters to test with
    everywhere: bool  # the density is positive for every z
    steep: bool  # the slope overflows where the density is 0, or the density is infinite at 0
    moving: Slopes | None  # how z moves with each shape parameter while F(z) stays
    rising: Slopes | None  # how F(z) moves with each shape parameter
    tails: (
        tuple[Slopes, Slopes] | None
    )  # p / F and p / (1 - F), where both may underflow

    @property
    def shapes(self) -> list[str]:
        return [s for s in CONTINUOUS[self.name].split(", ") if s]

    def method(self, name: str, *args: Any) -> Any:
        """norm.pdf(x, loc, scale), without a location and a scale that are 0 and 1."""
        *given, loc, scale = args
        if not is_number(scale, 1):
            given += [loc, scale]
        elif not is_number(loc, 0):
            given += [loc]
        return getattr(xp, f"{self.name}_{name}")(*given)


def distribution(
    *at: Any,
    everywhere: bool = False,
    steep: bool = False,
    moving: Slopes | None = None,
    rising: Slopes | None = None,
    tails: tuple[Slopes, Slopes] | None = None,
) -> Callable[[Slopes], Slopes]:
    """Declare a distribution by the slopes of its logarithmic density: the rules of its methods are made of it."""

    def declare(slopes: Slopes) -> Slopes:
        name = slopes.__name__.rstrip("_")
        known = Distribution(name, slopes, at, everywhere, steep, moving, rising, tails)
        for method, make in METHODS.items():
            _register(known, method, make)
        return slopes

    return declare


def _register(known: Distribution, method: str, make: Callable[..., Parts]) -> None:
    smooth = (
        method.endswith("pdf")
        or known.moving
        or (known.rising and method in ("cdf", "sf"))
    )
    shapes = known.shapes
    data = [*shapes, "loc", "scale"] if smooth or not shapes else ["loc", "scale"]
    fixed = [s for s in shapes if s not in data]

    def formula(x: Any, *given: Any, y: Any, **options: Any) -> Any:
        defaults = [0, 1][len(given) - len(data) :] if len(given) < len(data) else []
        values = [*given, *defaults]
        loc, scale = values[-2:]
        every = values[:-2] if smooth else [options[s] for s in fixed]
        along, parts, moved, spread = make(known, x, every, loc, scale, y)
        return (along, *parts, moved, spread) if smooth else (along, moved, spread)

    kinds = Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD
    defaults = {"loc": 0, "scale": 1}
    parameters = [
        Parameter("x", kinds[0]),
        *(
            Parameter(s, kinds[0], default=defaults.get(s, Parameter.empty))
            for s in data
        ),
        *(Parameter(s, kinds[1], default=...) for s in fixed),
        Parameter("y", Parameter.KEYWORD_ONLY),
    ]
    formula.__name__ = f"{known.name}_{method}"
    vars(formula)["__signature__"] = Signature(parameters)
    shape = with_options if fixed else elementwise_float
    elementwise(at=_probes(known, method, fixed), shape=shape)(formula)


def _probes(known: Distribution, method: str, fixed: list[str]) -> list[Probe]:
    """Each argument at a location and scale that are not the standard ones; what is an array does not vary."""
    z, *shapes = known.at
    options = dict(zip(known.shapes, shapes, strict=True)) if fixed else {}
    values = [] if fixed else shapes
    kept = [np.array(v) for v in values]
    loc, scale = 0.3, 1.7
    if method in ("ppf", "isf"):
        z = many = [0.2, 0.7]
        one = 0.4
    else:
        many = [loc + scale * v for v in z]
        one = many[0]
    return [
        Probe((z, *kept), options),
        Probe((many, *kept, loc, np.array(scale)), options),
        Probe((np.array(one), *values, np.array(loc), scale), options),
    ]


# ------------------------------------------------------------------- what the methods are made of


def is_number(value: Any, number: float) -> bool:
    """Written down, or left out."""
    match value:
        case Expr(atom=Lit(value=constant)):
            return bool(constant == number)
        case int() | float():
            return value == number
        case _:
            return False


def standard(x: Any, loc: Any, scale: Any) -> Any:
    moved = x if is_number(loc, 0) else x - loc
    return over(moved, scale)


def over(value: Any, scale: Any) -> Any:
    """value / scale, where there is anything to divide."""
    return value if is_number(value, 0) or is_number(scale, 1) else value / scale


def times(value: Any, slope: Any) -> Any:
    return 0 if is_number(slope, 0) else value * slope


def minus(value: Any) -> Any:
    return 0 if is_number(value, 0) else -value


def _log_density(d: Distribution, x: Any, shapes: Any, loc: Any, scale: Any) -> Parts:
    z = standard(x, loc, scale)
    fall, *parts = d.slopes(z, *shapes)
    moved = over(fall, scale)
    spread = over(-1 if is_number(fall, 0) else z * fall - 1, scale)
    return minus(moved), parts, moved, spread


def _logpdf(
    d: Distribution, x: Any, shapes: Any, loc: Any, scale: Any, y: Any
) -> Parts:
    along, parts, moved, spread = _log_density(d, x, shapes, loc, scale)
    if d.everywhere:
        return along, parts, moved, spread
    inside = xp.isfinite(y)
    return (
        times(inside, along), [times(inside, p) for p in parts], times(inside, moved), inside * spread,
    )  # fmt: skip


def _pdf(d: Distribution, x: Any, shapes: Any, loc: Any, scale: Any, y: Any) -> Parts:
    along, parts, moved, spread = _log_density(d, x, shapes, loc, scale)

    def scaled(slope: Any) -> Any:
        if is_number(slope, 0):
            return 0
        return xp.where(y > 0, y * slope, 0) if d.steep else y * slope

    return scaled(along), [scaled(p) for p in parts], scaled(moved), scaled(spread)


def _change(d: Distribution, f: Any, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    """How F changes with z and the shapes, given the density f or, for log F, the density over F."""
    z = standard(x, loc, scale)
    parts = []
    if d.moving and shapes:
        parts = [-over_inverse(f, scale) * m for m in d.moving(z, *shapes)]
    elif d.rising and shapes:
        parts = list(d.rising(z, *shapes))
    return parts, z * (xp.where(z == 0, 0, f) if d.steep else f)


def over_inverse(value: Any, scale: Any) -> Any:
    return value if is_number(scale, 1) else value * scale


def _risen(d: Distribution, f: Any, x: Any, shapes: Any, loc: Any, scale: Any) -> Parts:
    parts, spread = _change(d, f, x, shapes, loc, scale)
    return f, parts, -f, -spread


def _fallen(
    d: Distribution, f: Any, x: Any, shapes: Any, loc: Any, scale: Any
) -> Parts:
    parts, spread = _change(d, f, x, shapes, loc, scale)
    return -f, [-p for p in parts], f, spread


def _cdf(d: Distribution, x: Any, shapes: Any, loc: Any, scale: Any, y: Any) -> Parts:
    return _risen(d, d.method("pdf", x, *shapes, loc, scale), x, shapes, loc, scale)


def _sf(d: Distribution, x: Any, shapes: Any, loc: Any, scale: Any, y: Any) -> Parts:
    return _fallen(d, d.method("pdf", x, *shapes, loc, scale), x, shapes, loc, scale)


def _ratio(d: Distribution, x: Any, shapes: Any, loc: Any, scale: Any, y: Any) -> Any:
    """The density over F or 1 - F, of which y is the logarithm."""
    ratio = xp.exp(d.method("logpdf", x, *shapes, loc, scale) - y)
    return ratio if d.everywhere else xp.where(xp.isfinite(y), ratio, 0)


def _logcdf(
    d: Distribution, x: Any, shapes: Any, loc: Any, scale: Any, y: Any
) -> Parts:
    if d.tails:
        ratio = over(d.tails[0](standard(x, loc, scale)), scale)
    else:
        ratio = _ratio(d, x, shapes, loc, scale, y)
    return _risen(d, ratio, x, shapes, loc, scale)


def _logsf(d: Distribution, x: Any, shapes: Any, loc: Any, scale: Any, y: Any) -> Parts:
    if d.tails:
        ratio = over(d.tails[1](standard(x, loc, scale)), scale)
    else:
        ratio = _ratio(d, x, shapes, loc, scale, y)
    return _fallen(d, ratio, x, shapes, loc, scale)


def _ppf(d: Distribution, q: Any, shapes: Any, loc: Any, scale: Any, y: Any) -> Parts:
    z = standard(y, loc, scale)
    parts = []
    if d.moving and shapes:
        parts = [over_inverse(m, scale) for m in d.moving(z, *shapes)]
    return 1 / d.method("pdf", y, *shapes, loc, scale), parts, 1, z


def _isf(d: Distribution, q: Any, shapes: Any, loc: Any, scale: Any, y: Any) -> Parts:
    along, parts, moved, spread = _ppf(d, q, shapes, loc, scale, y)
    return -along, parts, moved, spread


METHODS: dict[str, Callable[..., Parts]] = {
    "pdf": _pdf, "logpdf": _logpdf, "cdf": _cdf, "logcdf": _logcdf, "sf": _sf, "logsf": _logsf, "ppf": _ppf, "isf": _isf,
}  # fmt: skip
