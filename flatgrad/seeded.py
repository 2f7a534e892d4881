"""Gradient block whose seed is 1.0 -> the same block with that constant where it is read, and fractions kept.

    grad_loss = 1.0; grad_y = 2 * grad_loss * diff    ->    grad_y = 2.0 * diff

A seed that comes in is what makes floating-point numbers of integers. Without it an array of integers could be the
start of a gradient, which would drop the fractions of what is added to its elements: so the derivative of an array is
multiplied with a floating-point 1.0, or 2.0, where its elements may be integers. A comparison is True or False, which
is no derivative and has no minus: it is multiplied with 1.0 in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from flatgrad.graph import Atom, Block, Eqn, Lit, Var
from flatgrad.registry import RULES, Kind
from flatgrad.types import Type

# Of integers these may make integers; whatever else has a derivative makes fractions.
OF_INTEGERS = {
    "add", "sub", "mul", "neg", "pos", "pow", "abs", "maximum", "minimum", "fmax", "fmin", "square", "where", "clip",
    "relu", "max", "min", "sum", "prod", "cumsum", "cumprod", "mod", "floordiv", "diff", "trace", "einsum", "tensordot",
    "matmul", "dot", "inner", "outer", "vdot", "kron", "cross", "matrix_power", "ptp", "sort", "item", "float_power",
}  # fmt: skip


ARITHMETIC = {
    "add",
    "sub",
    "mul",
    "neg",
    "sum",
    "matmul",
    "dot",
    "outer",
    "unbroadcast",
}
COMPARING = {
    "gt",
    "lt",
    "ge",
    "le",
    "eq",
    "ne",
    "not",
    "logical_and",
    "logical_or",
    "logical_not",
}


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
                handed = _handed_through(eqn, args)
                same |= {eqn.outs[k]: args[k] for k in handed}
                inner = [same | {b.params[k]: args[k] for k in handed} for b in eqn.blocks]  # fmt: skip
                blocks = map(_within, eqn.blocks, inner)
                yield replace(eqn, args=args, blocks=tuple(blocks))


def _handed_through(eqn: Eqn, args: Sequence[Atom]) -> list[int]:
    """The places of constants that a loop begins with and never changes."""
    if eqn.op != "for" or len(eqn.blocks) != 1:
        return []
    (block,) = eqn.blocks
    if not len(args) == len(eqn.outs) == len(block.params) == len(block.outs):
        return []
    shown: dict[Atom, Atom] = {e.outs[0]: e.args[0] for e in block.eqns if _hands_on(e)}
    return [
        k for k in range(1, len(args))
        if isinstance(args[k], Lit) and _shown(block.outs[k], shown) is block.params[k]
    ]  # fmt: skip


def _hands_on(eqn: Eqn) -> bool:
    """It gives its first argument another name."""
    match eqn.op, eqn.args:
        case "alias", (_,):
            return True
        case "mul", (_, Lit(value=int() as number)):
            return number == 1
        case _:
            return False


def _shown(value: Atom, aliases: Mapping[Atom, Atom]) -> Atom:
    while value in aliases:
        value = aliases[value]
    return value


def _within(block: Block, same: dict[Atom, Atom]) -> Block:
    """A block within; what is known in it is not known outside."""
    inner = dict(same)
    eqns = tuple(_read(block.eqns, inner))
    return replace(block, eqns=eqns, outs=tuple(inner.get(o, o) for o in block.outs))


# --- fractions ---------------------------------------------------------------------------


def with_fractions(block: Block, keep: int, of_integers: bool = True) -> Block:
    """Every derivative is made of floating-point numbers, where it could be made of truths, or of integers."""
    numbers = all(p.type.shape.is_scalar for p in block.params)
    known = _Known(plain=numbers or not of_integers)
    for eqn in block.eqns[:keep]:
        known.note(eqn)
    eqns = (*block.eqns[:keep], *known.made(block.eqns[keep:]))
    return replace(block, eqns=eqns)


class _Known:
    """What is surely of floating-point numbers, and what is True or False; `plain`: integers do."""

    def __init__(self, plain: bool):
        self.plain = plain  # numbers are never written into, so that integers do
        self.fractions: set[Atom] = set()
        self.truths: set[Atom] = set()

    def note(self, eqn: Eqn) -> None:
        if eqn.op in COMPARING or (eqn.op == "mul" and self.truths.issuperset(eqn.args)) or all(out.type.kind == "bool" for out in eqn.outs) or self._shows_truths(eqn):  # fmt: skip
            self.truths.update(eqn.outs)
        elif self._makes_fractions(eqn):
            self.fractions.update(eqn.outs)

    def _shows_truths(self, eqn: Eqn) -> bool:
        rule = RULES.get(eqn.op)
        moving = rule is not None and rule.kind is Kind.LINEAR and eqn.op not in {*OF_INTEGERS, "mean"}  # fmt: skip
        return moving and bool(eqn.args) and eqn.args[0] in self.truths

    def _makes_fractions(self, eqn: Eqn) -> bool:
        rule = RULES.get(eqn.op)
        if (
            eqn.op == "call_backward"
        ):  # the cotangents come in as fractions, and what it returns is made of these
            return all(map(self._is_fraction, eqn.args[:-1]))
        if rule is None or rule.kind is Kind.CONSTANT:
            return eqn.op in ("zeros", "ones", "empty", "zeros_like", "eye", "linspace")
        mixing = eqn.op in OF_INTEGERS or rule.kind is Kind.LINEAR
        numbers = (a.value for a in eqn.args if isinstance(a, Lit))
        # Of a derivative the type says what it is meant to be.
        own = all(out.primal is None for out in eqn.outs)
        told = own and all(out.type.kind == "float" for out in eqn.outs)
        return (
            not mixing
            or told
            or any(isinstance(n, float) for n in numbers)
            or not self.fractions.isdisjoint(eqn.args)
        )

    def _is_fraction(self, value: Atom) -> bool:
        return value in self.fractions or (
            isinstance(value, Lit) and isinstance(value.value, float)
        )

    def made(self, eqns: Iterable[Eqn]) -> list[Eqn]:
        """The same equations, with a factor where one is missing."""
        found: list[Eqn] = []
        for eqn in eqns:
            if eqn.blocks:
                found.append(replace(eqn, blocks=tuple(map(self._inside, eqn.blocks))))
                self.fractions.update(eqn.outs)
                continue
            for new in self._of_numbers(eqn):
                self.note(new)
                if new.outs == eqn.outs and any(map(self._lacks_fractions, new.outs)):
                    self._begin_with_fraction(new, found)
                found += self._of_fractions(new) if new.outs == eqn.outs else [new]
        return found

    def _begin_with_fraction(self, eqn: Eqn, before: list[Eqn]) -> None:
        """The 2 of (2 * reg) * W, where it stands in an equation of its own, becomes 2.0."""
        value = eqn.args[0] if eqn.op in ("mul", "alias") and eqn.args else None
        for place, other in enumerate(before):
            if value in other.outs and other.out.primal is None:
                match other.op, other.args:
                    case "mul", (Lit(value=int() as number), rest):
                        before[place] = replace(other, args=(Lit(float(number)), rest))
                        self.fractions.update((other.out, *eqn.outs))
                    case "mul", (Var(), _):
                        self._begin_with_fraction(other, before)
                        self.fractions.update(
                            eqn.outs if other.out in self.fractions else ()
                        )

    def _inside(self, block: Block) -> Block:
        """What a loop carries begins as a derivative, which is of floating-point numbers by then."""
        inner = _Known(self.plain)
        inner.fractions |= self.fractions | {*block.params}
        inner.truths |= self.truths
        for eqn in block.undoes.eqns if block.undoes is not None else ():
            inner.note(eqn)
        return replace(block, eqns=tuple(inner.made(block.eqns)))

    def _of_numbers(self, eqn: Eqn) -> Iterator[Eqn]:
        """-(x > 0)  ->  -1.0 * (x > 0): no arithmetic with truths alone"""
        if eqn.op not in ARITHMETIC or not self.truths.issuperset(eqn.args):
            yield eqn
        elif eqn.op == "neg":
            yield replace(eqn, op="mul", args=(Lit(-1.0), *eqn.args))
        else:
            number = Var("", Type(eqn.args[0].type.shape, "float"))
            yield _times_one(replace(eqn, outs=(number,)), eqn.args[0])
            yield replace(eqn, args=(number, *eqn.args[1:]))

    def _of_fractions(self, eqn: Eqn) -> Iterator[Eqn]:
        """2 * x  ->  2.0 * x;  x  ->  1.0 * x"""
        if not any(map(self._lacks_fractions, eqn.outs)):
            yield eqn
            return
        self.fractions.update(eqn.outs)
        self.truths.difference_update(eqn.outs)
        match eqn.op, eqn.args:
            case "mul", (Lit(value=int() as number), other):
                yield replace(eqn, args=(Lit(float(number)), other))
            case "broadcast_to", (Lit(value=int() as number), shape):
                yield replace(eqn, args=(Lit(float(number)), shape))
            case "alias", (value,):
                yield _times_one(eqn, value)
            case _:
                whole = Var("", Type(eqn.out.type.shape, eqn.out.type.kind))
                yield replace(eqn, outs=(whole,))
                yield _times_one(eqn, whole)

    def _lacks_fractions(self, out: Var) -> bool:
        """The derivative of something, which has a line of its own."""
        if out.primal is None or out in self.fractions:
            return False
        may_be_integers = not self.plain and out.type.kind in (
            "any",
            "int",
            "array",
            "float",
        )
        return out in self.truths or (may_be_integers and not out.type.shape.is_scalar)


def _times_one(eqn: Eqn, value: Atom) -> Eqn:
    return replace(eqn, op="mul", args=(Lit(1.0), value), attrs={}, dialect="")
