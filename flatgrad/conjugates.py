"""The cotangents of an equation of complex numbers: a rule of holomorphic functions, with its data conjugated.

    y = x * w    grad_x = grad_y * w      of real numbers
                 grad_x = grad_y * conj(w)

The conjugate of a formula with real coefficients is the formula of the conjugates, so one walk over the equations that
a rule has written puts them where they are read. What is only asked for its shape stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flatgrad.builder import Builder, Expr, atom
from flatgrad.complex_values import Field, Fields, takes_reals
from flatgrad.graph import Atom, Eqn, Lit, Var
from flatgrad.registry import COMPLEX, RULES, Kind, Rule
from flatgrad.rules.complex_numbers import HOLOMORPHIC, IN_FULL
from flatgrad.shapes.containers import MAY_HOLD

# What reads no more than the shape of an argument: of all, or of those at these places.
OF_SHAPES = {"shape", "size", "ndim", "len", "zeros_like", "ones_like", "empty_like", "dtype"}  # fmt: skip
SHAPES_AT = {
    "unbroadcast": {1}, "matmul_grad_left": {1}, "matmul_grad_right": {2}, "dot_grad_left": {1},
    "dot_grad_right": {2}, "inner_grad_left": {1}, "inner_grad_right": {2}, "resized": {1}, "real_if_real": {1},
    "solve_grads": {2}, "solve_tangent": {3},
}  # fmt: skip

# Real numbers from complex ones, of which the text may give real ones: their cotangents are complex.
OF_COMPLEX = {"irfft", "irfft2", "irfftn", "hfft"}

# Functions of cmath that leave the real numbers at 1 or -1, where a real argument does not say on which side it is.
CUT_IN_REALS = {"asin", "acos", "acosh"}

KINDS = {Field.REAL: "float", Field.PERHAPS: "mixed", Field.COMPLEX: "complex"}

PullBack = Callable[[Builder, Rule, Eqn, Sequence[Expr | None]], tuple[Any, ...]]


def touches(eqn: Eqn, fields: Fields) -> bool:
    """Complex numbers go in or come out, perhaps."""
    if takes_reals(eqn):
        return False
    values = (*eqn.args, *eqn.outs)
    return eqn.op in OF_COMPLEX or any(v in fields or _is_complex(v) for v in values)


def _is_complex(value: Atom) -> bool:
    return isinstance(value, Lit) and isinstance(value.value, complex)


def complex_rule(eqn: Eqn, fields: Fields) -> Rule:
    """The rule of an operation for complex numbers; NotImplementedError where there is none."""
    rule = COMPLEX.get(eqn.op)
    if rule is None and eqn.op in HOLOMORPHIC | IN_FULL:
        rule = RULES[eqn.op]
    on_cut = eqn.dialect == "cmath" and eqn.op in CUT_IN_REALS
    if rule is None or (on_cut and fields.get(eqn.args[0]) is not Field.COMPLEX):
        raise NotImplementedError(
            "of values that may be complex it has no derivative; what is real can be declared so: x: float"
        )
    if any(v.type.kind in MAY_HOLD for v in (*eqn.args, *eqn.outs) if v in fields):
        raise NotImplementedError(
            "complex values in what may be a list; an array can be declared so: x: np.ndarray"
        )
    return rule


def in_full(rule: Rule) -> bool:
    """The rule says every conjugate itself."""
    return rule.op in IN_FULL or (rule.op in COMPLEX and rule.kind is Kind.GENERAL)


def pull_back_complex(
    pull_back: PullBack,
    build: Builder,
    eqn: Eqn,
    gs: Sequence[Expr | None],
    fields: Fields,
) -> tuple[Any, ...]:
    """The cotangent of each argument of `eqn`, as `pull_back` gives it for real numbers."""
    rule, start = complex_rule(eqn, fields), len(build.eqns)
    cotangents = pull_back(build, rule, eqn, gs)
    if in_full(rule):
        return cotangents
    return _conjugated(build, start, cotangents, {v for v in (*eqn.args, *eqn.outs) if v in fields})  # fmt: skip


def _conjugated(
    build: Builder, start: int, cotangents: tuple[Any, ...], values: set[Atom]
) -> tuple[Any, ...]:
    """The equations from `start` on, and what they lead to, with the conjugates of `values`."""
    written = build.eqns[start:]
    del build.eqns[start:]
    known: dict[Atom, Atom] = {}

    def conjugate(value: Atom) -> Atom:
        if isinstance(value, Lit) and isinstance(value.value, complex):
            return Lit(value.value.conjugate())
        if value not in values:
            return value
        if value not in known:
            known[value] = build.emit("conj", value).atom
        return known[value]

    for eqn in written:
        places = range(len(eqn.args)) if eqn.op in OF_SHAPES else SHAPES_AT.get(eqn.op, ())  # fmt: skip
        args = (a if i in places else conjugate(a) for i, a in enumerate(eqn.args))
        attrs = {**eqn.attrs, "dtype": "complex"} if eqn.op == "zeros" else eqn.attrs
        build.eqns.append(replace(eqn, args=tuple(args), attrs=attrs))
    return tuple(
        None if c is None else build.wrap(conjugate(atom(c))) for c in cotangents
    )


def real_part(cotangent: Expr) -> Expr:
    return cotangent.builder.emit("real", cotangent)


def wide_buffers(eqns: Sequence[Eqn], fields: Fields) -> tuple[Eqn, ...]:
    """Zeros that complex numbers will be added to are complex ones, also where the value that they are for may be real."""
    return tuple(_wide(eqn, fields) for eqn in eqns)


def _wide(eqn: Eqn, fields: Fields) -> Eqn:
    if eqn.blocks:
        blocks = (replace(b, eqns=wide_buffers(b.eqns, fields)) for b in eqn.blocks)
        return replace(eqn, blocks=tuple(blocks))
    if eqn.op != "zeros_like" or not eqn.args or not _is_wide(eqn.args[0], fields):
        return eqn
    return replace(eqn, attrs={**eqn.attrs, "dtype": "complex"})


def _is_wide(like: Atom, fields: Fields) -> bool:
    """It may be complex, or is the cotangent of what may be."""
    if not isinstance(like, Var):
        return False
    return like in fields or (like.primal is not None and like.primal in fields)


def mark(eqns: Sequence[Eqn], fields: Fields) -> None:
    """Let the types of a backward part say what holds complex numbers for sure, and what only perhaps."""
    for eqn in eqns:
        for block in eqn.blocks:
            mark(block.eqns, fields)
        for out in (*eqn.outs, *(p for block in eqn.blocks for p in block.params)):
            kind = KINDS[fields.get(out, Field.REAL)]
            told = out.type.kind == "complex" or kind != "float"
            if told and out.type.kind not in MAY_HOLD:
                out.type = replace(out.type, kind=kind)
