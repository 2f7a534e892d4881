"""Gradient block whose seed is 1.0 -> the same block with that constant where it is read, and fractions kept.

    grad_loss = 1.0; grad_y = 2 * grad_loss * diff    ->    grad_y = 2.0 * diff

A seed that comes in is what makes floating-point numbers of integers. Without it an array of integers could be the
start of a gradient, which would drop the fractions of what is added to its elements: so the derivative of an array is
multiplied with a floating-point 1.0, or 2.0, where its elements may be integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from flatgrad.graph import Atom, Block, Eqn, Lit, Var
from flatgrad.registry import RULES, Kind

# Of integers these may make integers; whatever else has a derivative makes fractions.
OF_INTEGERS = {
    "add", "sub", "mul", "neg", "pos", "pow", "abs", "maximum", "minimum", "fmax", "fmin", "square", "where", "clip",
    "relu", "max", "min", "sum", "prod", "cumsum", "cumprod", "mod", "floordiv", "diff", "trace", "einsum", "tensordot",
    "matmul", "dot", "inner", "outer", "vdot", "kron", "cross", "matrix_power", "ptp", "sort", "item", "float_power",
}  # fmt: skip


def without_seed(block: Block, keep: int) -> Block:
    """The first `keep` equations are the forward part, which stays as it is."""
    same: dict[Atom, Atom] = {}
    eqns = (*block.eqns[:keep], *_read(block.eqns[keep:], same))
    return replace(block, eqns=eqns, outs=tuple(same.get(o, o) for o in block.outs))


def _read(eqns: Iterable[Eqn], same: dict[Atom, Atom]) -> Iterator[Eqn]:
    for eqn in eqns:
        match eqn.op, eqn.args:
            case "alias", (Lit() as constant,):
                same[eqn.outs[0]] = constant
            case "alias", (Var() as value,) if value in same:
                same[eqn.outs[0]] = same[value]
            case _:
                args = tuple(same.get(a, a) for a in eqn.args)
                blocks = tuple(_within(b, same) for b in eqn.blocks)
                yield replace(eqn, args=args, blocks=blocks)


def _within(block: Block, same: dict[Atom, Atom]) -> Block:
    """A block within; what is known in it is not known outside."""
    inner = dict(same)
    eqns = tuple(_read(block.eqns, inner))
    return replace(block, eqns=eqns, outs=tuple(inner.get(o, o) for o in block.outs))


# --- fractions ---------------------------------------------------------------------------


def with_fractions(block: Block, keep: int) -> Block:
    """Every derivative of an array that has a line of its own is made of floating-point numbers."""
    if all(p.type.shape.is_scalar for p in block.params):
        return block  # numbers are never written into
    found: set[Atom] = set()
    for eqn in block.eqns[:keep]:
        _note(eqn, found)
    return replace(block, eqns=(*block.eqns[:keep], *_made(block.eqns[keep:], found)))


def _made(eqns: Iterable[Eqn], found: set[Atom]) -> Iterator[Eqn]:
    for eqn in eqns:
        if eqn.blocks:
            yield replace(eqn, blocks=tuple(_inside(b, found) for b in eqn.blocks))
            found.update(eqn.outs)
            continue
        _note(eqn, found)
        out = eqn.outs[0]
        if len(eqn.outs) > 1 or out in found or not _is_derivative(out):
            yield eqn
            continue
        found.add(out)
        yield from _of_fractions(eqn)


def _is_derivative(out: Var) -> bool:
    """The line of an array, or of what may be one."""
    may_be_integers = out.type.kind in ("any", "int", "array")
    return out.primal is not None and may_be_integers and not out.type.shape.is_scalar


def _of_fractions(eqn: Eqn) -> Iterator[Eqn]:
    """2 * x  ->  2.0 * x;  x  ->  1.0 * x"""
    match eqn.op, eqn.args:
        case "mul", (Lit(value=int() as number), other):
            yield replace(eqn, args=(Lit(float(number)), other))
        case "alias", (value,):
            yield replace(eqn, op="mul", args=(Lit(1.0), value), attrs={})
        case _:
            whole = Var("", eqn.outs[0].type)
            yield replace(eqn, outs=(whole,))
            yield replace(eqn, op="mul", args=(Lit(1.0), whole), attrs={}, dialect="")


def _inside(block: Block, found: set[Atom]) -> Block:
    """What a loop carries begins as a derivative, which is of floating-point numbers by then."""
    known = found | {*block.params}
    for eqn in block.undoes.eqns if block.undoes is not None else ():
        _note(eqn, known)
    return replace(block, eqns=tuple(_made(block.eqns, known)))


def _note(eqn: Eqn, found: set[Atom]) -> None:
    """Add the results of `eqn` to what is surely of floating-point numbers."""
    rule = RULES.get(eqn.op)
    if rule is None or rule.kind is Kind.CONSTANT:
        if eqn.op in ("zeros", "ones", "empty", "zeros_like", "eye", "linspace"):
            found.update(eqn.outs)
        return
    mixing = eqn.op in OF_INTEGERS or rule.kind is Kind.LINEAR
    fraction = any(isinstance(a, Lit) and isinstance(a.value, float) for a in eqn.args)
    known = all(out.type.kind == "float" for out in eqn.outs)
    if known or fraction or not mixing or not found.isdisjoint(eqn.args):
        found.update(eqn.outs)
