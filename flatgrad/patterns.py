"""Primal block -> the same values through operations whose derivatives people know by heart.

    1 / (1 + exp(-x))            ->  sigmoid(x)
    e / e.sum(), e = exp(x)      ->  softmax(x)
    log(p[arange(N), y])         ->  picked_log_softmax(x, p, (arange(N), y)), where p = softmax(x)
    x - x.max(), read by softmax ->  x - stop_gradient(x.max())

Each value keeps its variable and its place, so the text that computes it stays as the user wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from flatgrad.complex_values import Fields
from flatgrad.graph import Atom, Block, Eqn, Lit, Var, check
from flatgrad.registry import RULES, Kind, infer
from flatgrad.types import same_dim

MERGED = {
    "shape",
    "getitem",
    "arange",
    "tuple",
    "slice",
    "size",
    "ndim",
    "len",
    "gt",
    "lt",
    "ge",
    "le",
    "eq",
    "ne",
}
SHAPE_ONLY = {"squeeze", "expand_dims", "reshape", "alias", "copy", "stop_gradient"}
INVARIANT = {"softmax", "log_softmax"}  # to adding a constant along their axis


def recognise(block: Block, fields: Fields = MappingProxyType({})) -> Block:
    """Rewrite what matches; no equation is lost, some are no longer read. `fields` are of what may be complex."""
    return check(_recognised(block, _Recognition(fields)))


def _recognised(block: Block, found: _Recognition) -> Block:
    for eqn in block.eqns:
        if eqn.blocks:
            found.with_blocks(eqn)
        else:
            found.equation(eqn)
    outs = tuple(found.same.get(o, o) for o in block.outs)
    return _without_shift(replace(block, eqns=tuple(found.eqns), outs=outs))


@dataclass(eq=False)
class _Recognition:
    fields: Fields
    eqns: list[Eqn] = field(default_factory=list)
    defs: dict[Atom, Eqn] = field(default_factory=dict)
    seen: dict[Any, Var] = field(default_factory=dict)
    same: dict[Atom, Atom] = field(default_factory=dict)

    def equation(self, eqn: Eqn) -> None:
        eqn = self._merged(eqn)
        for pattern in PATTERNS.get(eqn.op, ()):
            found = pattern(self, eqn)
            if found is not None:
                eqn = found
                break
        self.append(eqn)

    def with_blocks(self, eqn: Eqn) -> None:
        """What is known outside is known within, but not the other way."""
        blocks = []
        for block in eqn.blocks:
            seen = {k: v for k, v in self.seen.items() if k[0] in MERGED}
            inner = _Recognition(
                self.fields, [], dict(self.defs), seen, dict(self.same)
            )
            blocks.append(_recognised(block, inner))
        args = tuple(self.same.get(a, a) for a in eqn.args)
        self.append(replace(eqn, args=args, blocks=tuple(blocks)))

    def append(self, eqn: Eqn) -> None:
        self.eqns.append(eqn)
        for out in eqn.outs:
            self.defs[out] = eqn

    def _merged(self, eqn: Eqn) -> Eqn:
        """Equal unnamed results are one value."""
        if self.same:
            eqn = replace(eqn, args=tuple(self.same.get(a, a) for a in eqn.args))
        rule = RULES.get(eqn.op)
        if (
            rule is None
            or len(eqn.outs) > 1
            or (rule.kind is Kind.CONSTANT and eqn.op not in MERGED)
        ):
            return eqn
        key = (
            eqn.op,
            eqn.args,
            tuple(sorted((k, repr(v)) for k, v in eqn.attrs.items())),
        )
        old = self.seen.setdefault(key, eqn.out)
        if old is not eqn.out and not eqn.out.name:
            self.same[eqn.out] = old
        return eqn

    def made(self, value: Atom, op: str = "") -> Eqn | None:
        """The equation behind `value`, looking through other names for it."""
        eqn = self.defs.get(value)
        while eqn is not None and eqn.op == "alias":
            eqn = self.defs.get(eqn.args[0])
        return eqn if eqn is not None and (not op or eqn.op == op) else None

    def arg(self, value: Atom, op: str) -> Atom | None:
        """x where `value` is op(x)."""
        eqn = self.made(value, op)
        return eqn.args[0] if eqn is not None else None

    def emit(self, like: Eqn, op: str, *args: Atom, **attrs: Any) -> Var:
        out = Var()
        eqn = Eqn((out,), op, args, attrs, like.statement, None, like.dialect)
        infer(eqn)
        self.append(eqn)
        return out


def becomes(eqn: Eqn, op: str, *args: Atom, **attrs: Any) -> Eqn:
    return replace(eqn, op=op, args=args, attrs=attrs)


def is_number(value: Atom, number: float) -> bool:
    return (
        isinstance(value, Lit)
        and type(value.value) in (int, float)
        and value.value == number
    )


def either_way(eqn: Eqn) -> Iterable[tuple[Atom, Atom]]:
    a, b = eqn.args
    return (a, b), (b, a)


# --- sigmoid, tanh, relu, softplus ---------------------------------------------------------------------------


def sigmoid(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """1 / (1 + exp(-x)), and exp(x) / (1 + exp(x))"""
    above, below = eqn.args
    total = found.made(below, "add")
    if total is None:
        return None
    for one, e in either_way(total):
        exponent = found.arg(e, "exp")
        if exponent is None or not is_number(one, 1):
            continue
        x = negated(found, exponent)
        if is_number(above, 1) and x is not None:
            return becomes(eqn, "sigmoid", x)
        if above == e:
            return becomes(eqn, "sigmoid", exponent)
        if is_number(above, 1):
            return becomes(eqn, "sigmoid", found.emit(eqn, "neg", exponent))
    return None


def masked_sigmoid(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """top / (1 + z), where z is exp(-x) or exp(x), whichever is small, and top is 1 or exp(x)"""
    total = found.made(eqn.args[1], "add")
    terms = either_way(total) if total is not None else ()
    for one, z in terms:
        x, masks = _small_exponentials(found, z)
        if x is None or not is_number(one, 1) or not _has_sides(found, x, masks):
            continue
        if _one_or(found, eqn.args[0], z, masks[1]):
            return becomes(eqn, "sigmoid", x)
    return None


def _small_exponentials(
    found: _Recognition, z: Atom
) -> tuple[Atom | None, tuple[Atom, ...]]:
    """x and the masks of z = zeros_like(x); z[positive] = exp(-x[positive]); z[negative] = exp(x[negative])"""
    masks: dict[bool, Atom] = {}
    shown: set[Atom] = set()
    for _ in range(2):
        store = found.made(z, "setitem")
        exponent = found.arg(store.args[2], "exp") if store is not None else None
        if store is None or exponent is None:
            return None, ()
        minus = negated(found, exponent)
        part = found.made(exponent if minus is None else minus, "getitem")
        if part is None or part.args[1] != store.args[1]:
            return None, ()
        masks[minus is not None] = store.args[1]
        shown.add(part.args[0])
        z = store.args[0]
    shown.add(found.arg(z, "zeros_like") or z)
    if len(shown) > 1 or len(masks) < 2:
        return None, ()
    return shown.pop(), (masks[True], masks[False])


def _has_sides(found: _Recognition, x: Atom, masks: tuple[Atom, ...]) -> bool:
    """One mask is of what is positive, the other of what is negative, and 0 belongs to one of them."""
    sides = [found.made(mask) for mask in masks]
    ops = [s.op if s is not None else "" for s in sides]
    known = all(s is not None and s.args == (x, Lit(0)) for s in sides)
    return known and ops in (["ge", "lt"], ["gt", "le"], ["ge", "le"])


def _one_or(found: _Recognition, top: Atom, z: Atom, negative: Atom) -> bool:
    """top = ones_like(x); top[negative] = z[negative]"""
    store = found.made(top, "setitem")
    if store is None or store.args[1] != negative:
        return False
    part = found.made(store.args[2], "getitem")
    ones = found.made(store.args[0], "ones_like") is not None
    return ones and part is not None and part.args == (z, negative)


def negated(found: _Recognition, value: Atom) -> Atom | None:
    """x where `value` is -x."""
    if (x := found.arg(value, "neg")) is not None:
        return x
    product = found.made(value, "mul")
    if product is not None:
        for factor, x in either_way(product):
            if is_number(factor, -1):
                return x
    return None


def tanh(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))"""
    difference, total = found.made(eqn.args[0], "sub"), found.made(eqn.args[1], "add")
    if difference is None or total is None or set(difference.args) != set(total.args):
        return None
    x, minus_x = (found.arg(a, "exp") for a in difference.args)
    if x is None or minus_x is None or negated(found, minus_x) != x:
        return None
    return becomes(eqn, "tanh", x)


def relu(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """maximum(0, x)"""
    for zero, x in either_way(eqn):
        if is_number(zero, 0) and isinstance(x, Var):
            return becomes(eqn, "relu", x)
    return None


def masked_relu(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """x * (x > 0)"""
    for x, mask in either_way(eqn):
        if _is_positive(found, mask, x):
            return becomes(eqn, "relu", x)
    return None


def selected_relu(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """where(x > 0, x, 0)"""
    mask, x, zero = eqn.args
    return (
        becomes(eqn, "relu", x)
        if is_number(zero, 0) and _is_positive(found, mask, x)
        else None
    )


def _is_positive(found: _Recognition, mask: Atom, x: Atom) -> bool:
    greater, less = found.made(mask, "gt"), found.made(mask, "lt")
    if greater is not None and greater.args[0] == x:
        return is_number(greater.args[1], 0)
    return less is not None and less.args[1] == x and is_number(less.args[0], 0)


# --- roots of squares: |x| and the Euclidean norm have derivatives at 0 -------------------------


def length(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """sqrt(x**2), sqrt(sum(x**2)), and the root of any other sum of squares"""
    known = _length(found, eqn)
    if known is None and sums_squares(found, eqn.args[0]):
        return becomes(eqn, "root_of_squares", eqn.args[0])
    return known


def power_of_half(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """The same, written as a power."""
    return length(found, eqn) if is_number(eqn.args[1], 0.5) else None


def _length(found: _Recognition, eqn: Eqn) -> Eqn | None:
    if (x := squared(found, eqn.args[0])) is not None:
        return None if x in found.fields else becomes(eqn, "abs", x)
    total = found.made(eqn.args[0], "sum")
    x = squared(found, total.args[0]) if total is not None else None
    if x in found.fields:
        return None
    if total is None or x is None or not set(total.attrs) <= {"axis", "keepdims"}:
        return None
    axis = total.attrs.get("axis")
    if not isinstance(axis, int | None) or (
        axis is None and total.attrs.get("keepdims")
    ):
        return None
    return becomes(eqn, "norm", x, **total.attrs)


def sums_squares(found: _Recognition, value: Atom) -> bool:
    """`value` is 0 only where everything is 0 that is squared in it."""
    if squared(found, value) is not None:
        return True
    match found.made(value):
        case Eqn(op="add", args=(a, b)):
            return sums_squares(found, a) and sums_squares(found, b)
        case Eqn(op="sum" | "mean", args=(a,)):
            return sums_squares(found, a)
        case Eqn(op="dot" | "matmul" | "inner" | "vdot", args=(a, b)):
            return a == b and a.type.rank == 1
        case _:
            return False


def abs_squared(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """abs(z)**2 of complex numbers, which is smooth at 0"""
    power = eqn.op != "pow" or is_number(eqn.args[1], 2)
    same = eqn.op != "mul" or eqn.args[0] == eqn.args[1]
    z = found.arg(eqn.args[0], "abs")
    if not (power and same) or z is None or z not in found.fields:
        return None
    return becomes(eqn, "abs_squared", z)


def squared(found: _Recognition, value: Atom) -> Atom | None:
    """x where `value` is x * x or x**2."""
    eqn = found.made(value)
    match eqn:
        case Eqn(op="mul", args=(a, b)) if a == b:
            return a
        case Eqn(op="pow", args=(a, two)) if is_number(two, 2):
            return a
        case Eqn(op="square", args=(a,)):
            return a
        case _:
            return None


# --- softmax and its logarithm ---------------------------------------------------------------------------------


def softmax(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """exp(x) / sum(exp(x), axis, keepdims=True)"""
    e, below = eqn.args
    x, total = found.arg(e, "exp"), found.made(below)
    if x is None or total is None:
        return None
    kept = total
    if total.op in ("reshape", "expand_dims", "getitem"):
        inner = found.made(total.args[0], "sum")
        if inner is None or not _restores(found, below, inner):
            return None
        kept = inner
    elif total.op != "sum" or not _keeps_axis(total):
        return None
    if kept.args[0] != e or not isinstance(kept.attrs.get("axis"), int | None):
        return None
    return becomes(eqn, "softmax", x, axis=kept.attrs.get("axis"))


def _keeps_axis(total: Eqn) -> bool:
    """The reduced axis is still there, or there was no other."""
    return (
        bool(total.attrs.get("keepdims"))
        or total.attrs.get("axis") is None
        or total.args[0].type.rank == 1
    )


def _restores(found: _Recognition, restored: Atom, total: Eqn) -> bool:
    """`restored` is the reduced `total` with the lost axis put back as one of length 1."""
    x, out, axis = (
        total.args[0].type.shape.dims,
        restored.type.shape.dims,
        total.attrs.get("axis"),
    )
    if (
        x is None
        or out is None
        or not isinstance(axis, int)
        or len(x) != len(out)
        or total.attrs.get("keepdims")
    ):
        return False
    axis %= len(x)
    return out[axis].known == 1 and all(
        same_dim(a, b) for i, (a, b) in enumerate(zip(x, out, strict=True)) if i != axis
    )


def logsumexp(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """log(sum(exp(x)))"""
    total = found.made(eqn.args[0], "sum")
    x = found.arg(total.args[0], "exp") if total is not None else None
    if total is None or x is None or x in found.fields:
        return None
    return becomes(eqn, "logsumexp", x, **total.attrs)


def shifted_logsumexp(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """m + logsumexp(x - m)"""
    for shift, inner in either_way(eqn):
        log = found.made(inner, "logsumexp")
        difference = found.made(log.args[0], "sub") if log is not None else None
        if log is None or difference is None:
            continue
        same = _unshaped(found, difference.args[1]) == _unshaped(found, shift)
        if same and _is_reduced(found, difference.args[1], shift, log):
            return becomes(eqn, "logsumexp", difference.args[0], **log.attrs)
    return None


def _unshaped(found: _Recognition, value: Atom) -> Atom:
    """`value` without the steps that only move its axes about."""
    eqn = found.defs.get(value)
    while eqn is not None and (eqn.op in SHAPE_ONLY or _moves_axes(eqn)):
        value = eqn.args[0]
        eqn = found.defs.get(value)
    return value


def _moves_axes(eqn: Eqn) -> bool:
    """x[:, None] adds an axis, x[:, 0] takes one of length 1 away; neither picks anything."""
    if eqn.op != "getitem" or not isinstance(eqn.args[1], Lit):
        return False
    index = eqn.args[1].value
    parts = index if isinstance(index, tuple) else (index,)
    dims = iter(eqn.args[0].type.shape.dims or ())
    lengths = [None if p is None or p is ... else next(dims, None) for p in parts]
    return all(
        part is None or part is ... or part == slice(None)
        # An index counts from the left only where no ellipsis stands before it.
        or (
            part in (0, -1)
            and ... not in parts
            and length is not None
            and length.known == 1
        )
        for part, length in zip(parts, lengths, strict=True)
    )


def _is_reduced(found: _Recognition, inner: Atom, outer: Atom, log: Eqn) -> bool:
    """`inner` is constant along the axis of the sum, and `outer` is it in the shape of the sum."""
    root = found.made(_unshaped(found, outer))
    if (
        root is None
        or root.op not in ("max", "min", "mean")
        or root.attrs.get("axis") != log.attrs.get("axis")
    ):
        return False
    axis = log.attrs.get("axis")
    if axis is None or root.args[0].type.rank == 1:
        return True
    kept = bool(root.attrs.get("keepdims")) and inner == root.out
    return isinstance(axis, int) and (kept or _stands_at(inner, axis, root))


def log_softmax(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """x - logsumexp(x, axis, keepdims=True)"""
    x, log = eqn.args[0], found.made(eqn.args[1])
    if log is None:
        return None
    if log.op == "logsumexp" and log.args[0] == x and _keeps_axis(log):
        return becomes(eqn, "log_softmax", x, axis=log.attrs.get("axis"))
    inner = (
        found.made(log.args[0], "logsumexp")
        if log.op in ("reshape", "expand_dims", "getitem")
        else None
    )
    if (
        inner is not None
        and inner.args[0] == x
        and _restores(found, eqn.args[1], inner)
    ):
        return becomes(eqn, "log_softmax", x, axis=inner.attrs.get("axis"))
    return None


def log_of_softmax(found: _Recognition, eqn: Eqn) -> Eqn | None:
    p = found.made(eqn.args[0], "softmax")
    return becomes(eqn, "log_softmax", p.args[0], **p.attrs) if p is not None else None


def log_of_picked(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """log(p[arange(N), y]) with p = softmax(x)"""
    item = found.made(eqn.args[0], "getitem")
    p = found.made(item.args[0], "softmax") if item is not None else None
    if item is None or p is None or not _one_of_each_row(found, item, p):
        return None
    return becomes(eqn, "picked_log_softmax", p.args[0], item.args[0], item.args[1])


def picked_log(found: _Recognition, eqn: Eqn) -> Eqn | None:
    """log_p[arange(N), y] with log_p = log_softmax(x)"""
    log = found.made(eqn.args[0], "log_softmax")
    if log is None or not _one_of_each_row(found, eqn, log):
        return None
    return becomes(
        eqn, "picked_log_softmax", log.args[0], eqn.args[0], eqn.args[1], logarithm=True
    )


def _one_of_each_row(found: _Recognition, item: Eqn, rows: Eqn) -> bool:
    """The index is (arange(N), labels) and the rows, N of them, are normalised one by one."""
    index, dims = found.made(item.args[1], "tuple"), rows.args[0].type.shape.dims
    if (
        index is None
        or len(index.args) != 2
        or dims is None
        or len(dims) != 2
        or rows.attrs.get("axis") not in (1, -1)
    ):
        return False
    count, labels = index.args
    lengths = count.type.shape.dims
    if (
        found.made(count, "arange") is None
        or lengths is None
        or len(lengths) != 1
        or labels.type.rank not in (None, 1)
    ):
        return False
    return same_dim(lengths[0], dims[0])


# --- the shift that keeps exp from overflowing ---------------------------------------------------------------------


def _without_shift(block: Block) -> Block:
    """The maximum subtracted from what only softmaxes read carries no gradient: they do not change with it."""
    defs = {out: eqn for eqn in block.eqns for out in eqn.outs}
    readers = live_readers(block)
    eqns: list[Eqn] = []
    for eqn in block.eqns:
        if (
            eqn.op == "sub"
            and isinstance(eqn.args[1], Var)
            and _only_shifts(eqn, defs, readers)
        ):
            stopped = Var(type=eqn.args[1].type)
            eqns.append(
                Eqn((stopped,), "stop_gradient", (eqn.args[1],), {}, eqn.statement)
            )
            eqn = replace(eqn, args=(eqn.args[0], stopped))
        eqns.append(eqn)
    return replace(block, eqns=tuple(eqns))


def live_readers(block: Block) -> dict[Atom, list[Eqn | None]]:
    """Who reads each value on the way to a result; None stands for being a result."""
    readers: dict[Atom, list[Eqn | None]] = {o: [None] for o in block.outs}
    for eqn in reversed(block.eqns):
        if any(out in readers for out in eqn.outs):
            differentiated = (
                eqn.args[:1] if eqn.op == "picked_log_softmax" else eqn.args
            )
            for arg in differentiated:
                readers.setdefault(arg, []).append(eqn)
    return readers


def _only_shifts(
    eqn: Eqn, defs: dict[Var, Eqn], readers: dict[Atom, list[Eqn | None]]
) -> bool:
    axis = _reduced_axis(eqn.args[1], defs)
    seen = readers.get(eqn.out, [])
    return (
        axis is not UNKNOWN
        and bool(seen)
        and all(_ignores_shift(r, axis, eqn.out) for r in seen)
    )


UNKNOWN = object()


def _reduced_axis(value: Atom, defs: dict[Var, Eqn]) -> Any:
    """The axis along which `value` is a maximum, kept or put back as an axis of length 1."""
    eqn = defs.get(value) if isinstance(value, Var) else None
    while eqn is not None and eqn.op in ("alias", "expand_dims", "reshape", "getitem"):
        eqn = defs.get(eqn.args[0]) if isinstance(eqn.args[0], Var) else None
    if (
        eqn is None
        or eqn.op != "max"
        or not isinstance(eqn.attrs.get("axis"), int | None)
    ):
        return UNKNOWN
    axis = eqn.attrs.get("axis")
    if axis is None or (eqn.args[0].type.rank == 1 and value is eqn.out):
        return axis
    return (
        axis
        if (eqn.attrs.get("keepdims") and value is eqn.out)
        or _stands_at(value, axis, eqn)
        else UNKNOWN
    )


def _stands_at(value: Atom, axis: int, eqn: Eqn) -> bool:
    """`value` has an axis of length 1 where `eqn` reduced one."""
    whole, dims = eqn.args[0].type.shape.dims, value.type.shape.dims
    return (
        whole is not None
        and dims is not None
        and len(dims) == len(whole)
        and dims[axis].known == 1
    )


def _ignores_shift(reader: Eqn | None, axis: Any, value: Var) -> bool:
    if reader is None:
        return False
    rank = value.type.rank
    if reader.op == "picked_log_softmax":
        return axis is None or _same_axis(axis, 1, 2)
    if reader.op not in INVARIANT:
        return False
    own = reader.attrs.get("axis")
    return (
        axis is None
        or (own is not None and _same_axis(axis, own, rank))
        or (rank == 1 and own is None)
    )


def _same_axis(a: int, b: int, rank: int | None) -> bool:
    return a == b or (rank is not None and a % rank == b % rank)


Pattern = Callable[[_Recognition, Eqn], "Eqn | None"]
PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "truediv": (sigmoid, masked_sigmoid, tanh, softmax),
    "maximum": (relu,),
    "mul": (masked_relu, abs_squared),
    "pow": (abs_squared, power_of_half),
    "square": (abs_squared,),
    "where": (selected_relu,),
    "log": (log_of_picked, log_of_softmax, logsumexp),
    "sqrt": (length,),
    "add": (shifted_logsumexp,),
    "sub": (log_softmax,),
    "getitem": (picked_log,),
}
