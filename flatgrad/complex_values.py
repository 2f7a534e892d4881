"""Block -> which of its values are complex numbers: for sure, perhaps, or not at all.

A parameter of which nothing is stated is real, unless something in the function is a sign of complex numbers: then it
may be either. docs/decisions/complex.md says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any

from flatgrad.graph import Atom, Block, Eqn, Lit, Var, all_equations
from flatgrad.shapes import kind_of_dtype
from flatgrad.shapes.containers import MAY_HOLD


class Field(IntEnum):
    """What the numbers of a value are."""

    REAL = 0
    PERHAPS = 1  # real or complex, which is seen when the code runs
    COMPLEX = 2


Fields = Mapping[Atom, Field]

ALWAYS_REAL_KINDS = {"int", "bool", "arange", "str", "none", "slice", "ellipsis", "dtype"}  # fmt: skip
STATED_REAL = ALWAYS_REAL_KINDS | {"float"}
# By operation: what is real whatever goes in, of several results those at these places.
REAL_RESULTS = {
    "abs", "abs_squared", "real", "imag", "angle", "norm", "var", "std", "eigvalsh", "svdvals", "matrix_rank",
    "irfft", "irfft2", "irfftn", "hfft", "fftfreq", "rfftfreq", "shape", "size", "ndim", "len", "dtype",
    "argmax", "argmin", "argsort", "isnan", "isinf", "isfinite", "isreal", "iscomplex", "iscomplexobj", "isrealobj",
    "eq", "ne", "lt", "le", "gt", "ge", "is", "is_not", "isclose", "allclose", "array_equal", "count_nonzero",
    "nonzero", "all", "any", "range",
}  # fmt: skip
# What NumPy and math refuse complex numbers for: whatever goes in is real.
REAL_ONLY = {
    "atan2", "hypot", "cbrt", "logaddexp", "logaddexp2", "copysign", "heaviside", "fmod", "mod", "deg2rad", "rad2deg",
    "floor", "ceil", "trunc",
}  # fmt: skip
REAL_PLACES = {"eigh": {0}, "svd": {1}, "slogdet": {1}, "lstsq": {2, 3}}
COMPLEX_RESULTS = {
    "complex", "fft", "ifft", "fft2", "ifft2", "fftn", "ifftn", "rfft", "rfft2", "rfftn", "ihfft",
}  # fmt: skip
# Complex or real, whatever goes in.
UNSURE_RESULTS = {"eig", "eigvals"}
STORES = ("setitem", "index_add")
NO_NUMBERS = {"slice", "str", "none"}
OF_FIRST = {"zeros_like", "ones_like", "empty_like", "full_like", "fill", *STORES}
NOT_OF_ARGS = {"external", "opaque", "call"}
SIGNS = COMPLEX_RESULTS | {
    "conj", "real", "imag", "angle", "isreal", "iscomplex", "iscomplexobj", "isrealobj", "irfft", "irfft2", "irfftn",
    "hfft", "eig", "eigvals",
}  # fmt: skip


def complex_values(
    block: Block, hinted: bool = False, real: Var | None = None
) -> dict[Atom, Field]:
    """The field of every value that is not surely real; `hinted` if the file speaks of complex numbers elsewhere.

    `real` is a parameter that is taken to be real.
    """
    walk = _Walk(hinted or has_signs(block))
    for param in block.params:
        if param is not real:
            walk.know(param, walk.of_unstated(param))
    walk.block(block.eqns)
    return {v: f for v, f in walk.found.items() if f}


def has_room(block: Block, hinted: bool = False) -> set[Eqn]:
    """The stores of what may be complex into what is complex then, too: it is made of the same parameters."""
    walk = _Walk(hinted or has_signs(block))
    for param in block.params:
        walk.know(param, walk.of_unstated(param))
    walk.block(block.eqns)
    stores = (e for e in all_equations(block.eqns) if e.op in STORES)
    return {e for e in stores if walk.origin(e.args[2]) <= walk.origin(e.args[0])}


def continued(
    fields: Fields, eqns: Iterable[Eqn], seeds: Mapping[Atom, Field]
) -> dict[Atom, Field]:
    """The same for the equations of a backward part, in which a store makes a complex array of a real one."""
    walk = _Walk(False, backward=True)
    walk.found = {**fields, **seeds}
    walk.block(eqns)
    return {v: f for v, f in walk.found.items() if f}


def has_signs(block: Block) -> bool:
    """Something in the block is said of complex numbers only."""
    every = list(_within(block.eqns))
    declared = any(p.type.kind == "complex" for p in block.params)
    # Nobody takes the absolute value of a real inner product by chance: abs(np.vdot(a, b)) ** 2 is a probability.
    overlaps = {e.out for e in every if e.op == "vdot"}
    measured = any(e.op == "abs" and e.args[0] in overlaps for e in every)
    return declared or measured or any(map(_is_sign, every))


def _within(eqns: Iterable[Eqn], seen: frozenset[int] = frozenset()) -> Iterator[Eqn]:
    """All equations, those of the helpers that are called included; a helper may call itself."""
    for eqn in all_equations(eqns):
        yield eqn
        pair = eqn.attrs.get("pair")
        if pair is not None and pair.function is not None and id(pair) not in seen:
            yield from _within(pair.function.block.eqns, seen | {id(pair)})


def _is_sign(eqn: Eqn) -> bool:
    if eqn.op in SIGNS or eqn.dialect == "cmath":
        return True
    dtype = eqn.attrs.get("dtype")
    if dtype is not None and kind_of_dtype(dtype) == "complex":
        return True
    return any(isinstance(a, Lit) and _holds_complex(a.value) for a in eqn.args)


def _holds_complex(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_holds_complex, value))
    return isinstance(value, complex)


def takes_reals(eqn: Eqn) -> bool:
    """No complex number can go in."""
    return eqn.op in REAL_ONLY or eqn.dialect == "math"


def merged(a: Field, b: Field) -> Field:
    """Of what is one value or the other."""
    return a if a == b else Field.PERHAPS


class _Walk:
    def __init__(self, signs: bool, backward: bool = False):
        self.signs, self.backward = signs, backward
        self.found: dict[Atom, Field] = {}
        # What is complex as soon as one of these is, of values that may be.
        self.origins: dict[Atom, frozenset[Atom]] = {}

    def know(
        self, value: Var, field: Field, origin: frozenset[Atom] | None = None
    ) -> None:
        if value.type.kind in NO_NUMBERS:
            field = Field.REAL
        self.found[value] = field
        if field is Field.PERHAPS:
            self.origins[value] = frozenset((value,)) if origin is None else origin

    def origin(self, value: Atom) -> frozenset[Atom]:
        """Itself, of what is complex for sure; nothing, of what is real."""
        match self.of(value):
            case Field.PERHAPS:
                return self.origins.get(value, frozenset((value,)))
            case Field.COMPLEX:
                return frozenset((value,))
            case _:
                return frozenset()

    def of(self, value: Any) -> Field:
        if isinstance(value, Lit):
            return Field.COMPLEX if _holds_complex(value.value) else Field.REAL
        return self.found.get(value, Field.REAL)

    def of_unstated(self, value: Var) -> Field:
        """Of what comes from outside: what is stated, or what the signs say."""
        if value.type.kind == "complex":
            return Field.COMPLEX
        stated = value.type.kind in STATED_REAL
        return Field.PERHAPS if self.signs and not stated else Field.REAL

    def block(self, eqns: Iterable[Eqn]) -> None:
        for eqn in eqns:
            if eqn.op == "if":
                self._branch(eqn)
            elif eqn.blocks:
                self._loop(eqn)
            else:
                for place, out in enumerate(eqn.outs):
                    self.know(out, self._result(eqn, place, out), self._of_args(eqn))

    def _of_args(self, eqn: Eqn) -> frozenset[Atom] | None:
        """What decides the field of a result, where the arguments do."""
        if (
            eqn.op in NOT_OF_ARGS | UNSURE_RESULTS
            or not eqn.args
            or "dtype" in eqn.attrs
        ):
            return None
        decide = eqn.args[:1] if eqn.op in OF_FIRST else eqn.args
        return frozenset().union(*map(self.origin, decide))

    def _branch(self, eqn: Eqn) -> None:
        for block in eqn.blocks:
            self.block(block.eqns)
        one, other = (block.outs for block in eqn.blocks)
        for out, a, b in zip(eqn.outs, one, other, strict=True):
            nothing = Lit(None) in (a, b)
            either = max(self.of(a), self.of(b)) if nothing else None
            self.know(out, either if either is not None else merged(self.of(a), self.of(b)))  # fmt: skip

    def _loop(self, eqn: Eqn) -> None:
        """Again until what an iteration ends with is no news at its beginning."""
        *tests, body = eqn.blocks
        starts = eqn.args[len(eqn.args) - len(eqn.outs) + 1 :]
        params = body.params[1:]
        for param, start in zip(params, starts, strict=True):
            self.know(param, self.of(start), self.origin(start))
        while True:
            for block in (*tests, body):
                self.block(block.eqns)
            news: dict[Atom, Field] = {
                p: both
                for p, end in zip(params, body.outs[1:], strict=True)
                if (both := merged(self.of(p), self.of(end))) != self.of(p)
            }
            moved = [
                p
                for p, end in zip(params, body.outs[1:], strict=True)
                if self.origin(p) not in (self.origin(end), {p})
            ]
            self.found.update(news)
            for p in params:
                if p in news or p in moved:
                    self.know(p, self.of(p))
            if not news and not moved:
                break
        for out, param in zip(eqn.outs[1:], params, strict=True):
            self.know(out, self.of(param), self.origin(param))

    def _result(self, eqn: Eqn, place: int, out: Var) -> Field:
        op = eqn.op
        if takes_reals(eqn) or op in REAL_RESULTS or place in REAL_PLACES.get(op, ()):
            return Field.REAL
        if out.type.kind in ALWAYS_REAL_KINDS:
            return Field.REAL
        if op in COMPLEX_RESULTS or eqn.dialect == "cmath":
            return Field.COMPLEX
        if op == "call" and not self._is_complex_call(eqn):
            return Field.REAL
        if op in ("external", "opaque", "call") or "pair" in eqn.attrs:
            of_args = max(map(self.of, eqn.args), default=Field.REAL)
            return max(self.of_unstated(out), min(of_args, Field.PERHAPS))
        if (dtype := eqn.attrs.get("dtype")) is not None:
            return self._of_dtype(eqn, dtype)
        if op in ("setitem", "index_add") and eqn.args[0].type.kind not in MAY_HOLD:
            base, _, value = map(self.of, eqn.args[:3])
            return max(base, min(value, Field.PERHAPS)) if self.backward else base
        if op in OF_FIRST:
            return self.of(eqn.args[0])
        least = Field.PERHAPS if op in UNSURE_RESULTS else Field.REAL
        return max([least, *map(self.of, eqn.args)])

    def _is_complex_call(self, eqn: Eqn) -> bool:
        """Complex numbers go into the helper, or it may have some of its own."""
        pair = eqn.attrs["pair"]
        own = pair.function is None or has_signs(pair.function.block)
        return own or any(self.of(a) for a in eqn.args)

    def _of_dtype(self, eqn: Eqn, dtype: Any) -> Field:
        match kind_of_dtype(dtype):
            case "complex":
                return Field.COMPLEX
            case "float" | "int" | "bool":
                return Field.REAL
            case _:
                return Field.PERHAPS if self.signs else Field.REAL
