"""Gradient block -> the same with every product in the order in which people write it.

    g * 0.5 * reg * (2 * W)  ->  reg * g * W

A selection, where(c, g, 0), moves outwards, so that 0 * inf never arises in what was not chosen.
Constants come together in front, scalars before arrays (so that arrays are multiplied once), a minus sign
in front of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flatgrad.builder import Builder
from flatgrad.constants import Constant
from flatgrad.graph import Atom, Block, Eqn, Lit, Var

PRODUCTS = ("mul", "truediv", "neg")
LONGEST_CONSTANT = (
    6  # characters; two constants are joined only where the product is short to read
)


@dataclass
class _Product:
    """sign * constants * above / below, in the order in which they were met."""

    negative: bool = False
    constants: list[int | float] = field(default_factory=list)
    turn: complex = 1  # the complex constants together
    above: list[Atom] = field(default_factory=list)
    below: list[Atom] = field(default_factory=list)
    chosen: list[tuple[Atom, bool]] = field(
        default_factory=list
    )  # (condition, where it holds) of a selection


def in_order(block: Block, keep: int, outer: Mapping[Var, Eqn] | None = None) -> Block:
    """Every product of the block put in order; `outer` are equations of the forward part around it."""
    uses: Counter[Atom] = Counter(block.outs)
    for eqn in block.eqns[keep:]:
        uses.update(eqn.reads())
    tail = block.eqns[keep:]
    defs = {e.out: e for e in tail if len(e.outs) == 1}
    inner: set[Var] = {
        arg
        for e in tail
        if e.op in PRODUCTS
        for arg in (e.args[:1] if e.op == "truediv" else e.args)
        if isinstance(arg, Var) and _is_inner(arg, defs, uses)
    }  # fmt: skip
    primal = {**(outer or {}), **_made_in(block.eqns[:keep])}
    build = Builder(list(block.eqns[:keep]))
    for eqn in tail:
        if len(eqn.outs) == 1 and eqn.out in inner:
            continue
        if eqn.blocks:
            build.eqns.append(
                replace(eqn, blocks=tuple(_inside(b, primal) for b in eqn.blocks))
            )
        elif eqn.op in PRODUCTS:
            _write(build, eqn, _collect(eqn, defs, inner, primal))
        else:
            build.eqns.append(eqn)
    return replace(block, eqns=tuple(build.eqns))


def _inside(block: Block, primal: Mapping[Var, Eqn]) -> Block:
    undone = block.undoes.eqns if block.undoes is not None else ()
    return in_order(block, 0, {**primal, **_made_in(undone)})


def _made_in(eqns: Sequence[Eqn]) -> dict[Var, Eqn]:
    return {e.out: e for e in eqns if len(e.outs) == 1 and not e.blocks}


def _is_plain_product(eqn: Eqn) -> bool:
    """1.0 / N or 2 * r of the forward part: sooner taken apart than written in parentheses."""
    if eqn.op not in PRODUCTS or eqn.out.name or not eqn.out.type.shape.is_scalar:
        return False
    return eqn.op == "neg" or any(isinstance(a, Lit) for a in eqn.args)


def _is_inner(arg: Atom, defs: Mapping[Var, Eqn], uses: Counter[Atom]) -> bool:
    """Part of one product: read once, by it, and not a line of its own."""
    if not isinstance(arg, Var) or uses[arg] != 1 or arg not in defs:
        return False
    if defs[arg].op not in PRODUCTS and not _is_selection(defs[arg]):
        return False
    return arg.primal is None or not arg.primal.name


def _is_selection(eqn: Eqn) -> bool:
    """where(condition, x, 0) or where(condition, 0, x)"""
    return (
        eqn.op == "where"
        and len(eqn.args) == 3
        and any(_is_zero(a) for a in eqn.args[1:])
    )


def _is_zero(value: Atom) -> bool:
    return (
        isinstance(value, Lit)
        and type(value.value) in (int, float)
        and value.value == 0
    )


def _collect(
    eqn: Eqn, defs: Mapping[Var, Eqn], inner: set[Var], primal: Mapping[Var, Eqn]
) -> _Product:
    product = _Product()
    stack = list(reversed(_parts(eqn, product, False)))
    while stack:
        value, flipped = stack.pop()
        made = _made(value, defs, inner, primal)
        if made is not None and made.op == "where" and not flipped:
            condition, first, second = made.args
            product.chosen.append((condition, not _is_zero(first)))
            stack.append((second if _is_zero(first) else first, flipped))
        elif made is not None and (not flipped or made.op != "truediv"):
            stack.extend(reversed(_parts(made, product, flipped)))
        elif (
            isinstance(value, Lit)
            and not flipped
            and isinstance(value.value, int | float)
        ):
            product.constants.append(value.value)
        elif (
            isinstance(value, Lit) and not flipped and isinstance(value.value, complex)
        ):
            product.turn *= value.value
        elif flipped:
            product.below.append(value)
        else:
            product.above.append(value)
    _select_again(product, defs, primal)
    return product


def _made(
    value: Atom, defs: Mapping[Var, Eqn], inner: set[Var], primal: Mapping[Var, Eqn]
) -> Eqn | None:
    """The product behind a factor, where it is to be taken apart."""
    if not isinstance(value, Var):
        return None
    if value in inner:
        return defs[value]
    written = primal.get(value)
    return written if written is not None and _is_plain_product(written) else None


def _select_again(
    product: _Product, defs: Mapping[Var, Eqn], primal: Mapping[Var, Eqn]
) -> None:
    """A factor that was selected elsewhere selects again where the rest may be infinite."""
    divides = any(not b.type.shape.is_scalar for b in product.below)
    factors = [
        defs.get(a) or primal.get(a) for a in product.above if isinstance(a, Var)
    ]
    if not divides and not any(
        f is not None and f.op in ("log", "pow") for f in factors
    ):
        return
    known = {condition for condition, _ in product.chosen}
    for made in factors:
        if made is not None and _is_selection(made) and made.args[0] not in known:
            product.chosen.append((made.args[0], not _is_zero(made.args[1])))


def _parts(eqn: Eqn, product: _Product, flipped: bool) -> list[tuple[Atom, bool]]:
    match eqn.op, eqn.args:
        case "neg", (x,):
            product.negative = not product.negative
            return [(x, flipped)]
        case "truediv", (x, y):
            return [(x, flipped), (y, True)]
        case _, args:
            return [(a, flipped) for a in args]


def _write(build: Builder, eqn: Eqn, product: _Product) -> None:
    """Write the product so that its last equation has the result of `eqn`."""
    build.statement, build.dialect = eqn.statement, ""
    constants = _with_turn(product, _constants(product))
    if product.negative and constants and not isinstance(constants[0], Constant):
        product.negative, constants[0] = False, -constants[0]
    factors: list[tuple[str, Atom]] = [("mul", Lit(c)) for c in constants]
    scalars = [a for a in product.above if a.type.shape.is_scalar]
    arrays = [a for a in product.above if not a.type.shape.is_scalar]
    factors += [("mul", a) for a in scalars]
    if factors:
        factors += [("truediv", b) for b in product.below if b.type.shape.is_scalar]
        below = [b for b in product.below if not b.type.shape.is_scalar]
    else:
        below = product.below
    factors += [("mul", a) for a in arrays]
    if not factors or factors[0][0] == "truediv":
        factors.insert(0, ("mul", Lit(1)))
    factors += [("truediv", b) for b in below]
    total: object = factors[0][1]
    for op, factor in factors[1:]:
        total = build.emit(op, total, factor)
    if product.negative:
        total = build.emit("neg", total)
    for condition, holds in product.chosen:
        # outermost, so that what is not chosen may be infinite
        total = build.emit("where", condition, *((total, 0) if holds else (0, total)))
    if len(factors) == 1 and not product.negative and not product.chosen:
        build.eqns.append(replace(eqn, op="alias", args=(factors[0][1],), attrs={}))
    else:
        build.eqns[-1] = replace(build.eqns[-1], outs=eqn.outs)


def _with_turn(product: _Product, constants: list[Any]) -> list[Any]:
    """2 * 1j -> 2j, with its minus sign in front of all."""
    turn, first = product.turn, constants[0] if constants else 1
    if turn == 1:
        return constants
    if not isinstance(first, Constant) and len(repr(first)) <= LONGEST_CONSTANT:
        turn, constants = turn * first, constants[1:]
    if turn.real == 0 and turn.imag < 0:
        product.negative, turn = not product.negative, complex(0, -turn.imag)
    return [turn.real if turn.imag == 0 else turn, *constants]


def _constants(product: _Product) -> list[int | float]:
    """The constant factors joined, as far as their product is short; 1 is left out."""
    joined: list[int | float] = []
    _cancel(product)
    for constant in product.constants:
        if joined and len(repr(joined[-1] * constant)) <= LONGEST_CONSTANT:
            joined[-1] *= constant
        else:
            joined.append(constant)
    if joined and joined[0] < 0 and joined[0] == joined[0]:
        product.negative = not product.negative
        joined[0] = -joined[0]
    whole = [
        int(c) if isinstance(c, float) and c.is_integer() and abs(c) < 1e6 else c
        for c in joined
    ]
    return [c for c in whole if c != 1]


def _cancel(product: _Product) -> None:
    """2 * x / 2 -> x; a constant above and one below become one where their quotient is short."""
    for below in list(product.below):
        if not (
            isinstance(below, Lit)
            and type(below.value) in (int, float)
            and below.value
            and product.constants
        ):
            continue
        quotient = product.constants[-1] / below.value
        if len(repr(quotient)) <= LONGEST_CONSTANT:
            product.constants[-1] = quotient
            product.below.remove(below)
