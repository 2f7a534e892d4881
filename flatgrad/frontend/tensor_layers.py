"""Calls of torch.nn.functional that no table can say -> equations: losses over classes, layers that keep statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.scope import Refusal, Value
from flatgrad.frontend.tensors import (
    ABSENT,
    Given,
    atom,
    constant,
    handles,
    only,
)
from flatgrad.graph import Atom, Eqn, Lit, Var
from flatgrad.types import Dim, Shape, join

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

IGNORED = -100  # torch leaves rows of this class out, unless it is told another one


@handles("cross_entropy(input, target)")
def _cross_entropy(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "target", "reduction", "label_smoothing", "ignore_index")
    return _of_classes(low, node, given, "cross_entropy", "label_smoothing")


@handles("nll_loss(input, target)")
def _nll_loss(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "target", "reduction", "ignore_index")
    return _of_classes(low, node, given, "nll_loss")


def _of_classes(low: Lowering, node: cst.Call, given: Given, op: str, *more: str) -> Value:  # fmt: skip
    """A target of which nothing is known holds the indices of classes."""
    x, target = atom(low, node, given), atom(low, node, given, "target")
    _learn_target(x, target)
    options = {n: constant(given, n) for n in ("reduction", *more) if n in given}
    ignored = constant(given, "ignore_index", IGNORED)
    if ignored != IGNORED and ignored is not None and ignored >= 0:
        what = "the option ignore_index= is not read"
        raise Refusal("FG202", what, "multiply the losses by a mask", node)
    return low.emit(op, x, target, node=node, **options)


def _learn_target(x: Atom, target: Atom) -> None:
    n, m = x.type.rank, target.type.rank
    if not isinstance(target, Var) or target.type.kind not in ("any", "array"):
        return
    if m is None or (n is not None and m == n - 1) or (n == 1 and m == 0):
        target.type.kind = "int"
    if m is None and n == 2:
        join(target.type.shape, Shape((Dim(),)))


@handles(
    "batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)"
)
def _batch_norm(low: Lowering, node: cst.Call, given: Given) -> Value:
    """In training it moves the running statistics, which it does not read."""
    names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")  # fmt: skip
    only(node, given, *names)
    training = given.get("training", Lit(False))
    x, *scales = (low.atom(given.get(n, ABSENT), node) for n in ("input", "weight", "bias"))  # fmt: skip
    running = [low.atom(given.get(n, ABSENT), node) for n in names[1:3]]
    options = {"eps": constant(given, "eps")} if "eps" in given else {}
    if training == Lit(True):
        found = low.emit("batch_norm_of_batch", x, *scales, node=node, **options)
        for statistic in running:
            if isinstance(statistic, Var):
                low.spoil(statistic)
        return found
    if training == Lit(False):
        return low.emit("batch_norm", x, *running, *scales, node=node, **options)
    reads = [a for a in (x, *running, *scales) if isinstance(a, Var)]
    what = "whether batch_norm is in training is not written down"
    return low.opaque(what, reads, node, code="FG202", next_step="write training=True or training=False")[0]  # fmt: skip


@handles("layer_norm(input, normalized_shape, weight, bias, eps)")
def _layer_norm(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """x.shape[-2:] has two lengths, also where the rank of x is not known."""
    shape = given.get("normalized_shape")
    if not isinstance(shape, Var) or shape.type.items is not None:
        return None
    made = next((e for e in reversed(low.build.eqns) if shape in e.outs), None)
    match made:
        case Eqn(op="getitem", args=[whole, Lit(value=slice(start=int() as start, stop=None, step=None))]) if start < 0:  # fmt: skip
            lengths = [low.emit("getitem", whole, Lit(i)) for i in range(start, 0)]
        case _:
            return None
    names = ("input", "weight", "bias")
    data = [low.atom(given.get(n, ABSENT), node) for n in names]
    options = {"eps": constant(given, "eps")} if "eps" in given else {}
    options["shape"] = low.emit("tuple", *lengths)
    return low.emit("layer_norm", *data, node=node, **options)


@handles("embedding(input, weight)")
def _embedding(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "weight")
    low.build.dialect = ""
    weight = atom(low, node, given, "weight")
    return low.emit("getitem", weight, atom(low, node, given), node=node)


@handles(
    "scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale)"
)
def _attention(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")  # fmt: skip
    if given.get("dropout_p", Lit(0.0)) not in (Lit(0), Lit(0.0)):
        what = "dropout draws a mask that the backward cannot draw again"
        raise Refusal("FG202", what, "leave dropout_p out", node)
    data = [atom(low, node, given, n) for n in ("query", "key", "value")]
    mask = low.atom(given.get("attn_mask", ABSENT), node)
    data += [] if mask == ABSENT else [mask]
    options: dict[str, Any] = {}
    if constant(given, "is_causal", False):
        options["is_causal"] = True
    scale = given.get("scale", ABSENT)
    if scale != ABSENT:
        options["scale"] = scale.value if isinstance(scale, Lit) else low.atom(scale, node)  # fmt: skip
    return low.emit("scaled_dot_product_attention", *data, node=node, **options)


@handles("interpolate(input, size, scale_factor, mode)")
def _interpolate(low: Lowering, node: cst.Call, given: Given) -> Value:
    """The nearest elements, a whole number of times each."""
    only(node, given, "input", "scale_factor", "mode")
    x, times = atom(low, node, given), constant(given, "scale_factor")
    plain = constant(given, "mode", "nearest") == "nearest"
    rank = x.type.rank
    if not plain or rank not in (3, 4) or not isinstance(times, int | tuple):
        what = "interpolation other than nearest by whole factors is not read"
        return low.opaque(what, [x], node, code="FG202")[0]
    each = times if isinstance(times, tuple) else (times,) * (rank - 2)
    return low.emit("nearest", x, node=node, times=each)


@handles("adaptive_avg_pool2d(input, output_size)")
def _adaptive(low: Lowering, node: cst.Call, given: Given) -> Value:
    x = atom(low, node, given)
    if constant(given, "output_size") not in (1, (1, 1)):
        what = "an adaptive pool of other than one element is not read"
        return low.opaque(what, [x], node, code="FG202")[0]
    return low.emit("mean", x, node=node, axis=(-2, -1), keepdims=True)


@handles("logdet(input)")
def _logdet(low: Lowering, node: cst.Call, given: Given) -> Value:
    """The logarithm of a positive determinant."""
    made = low.build.emit_all("slogdet", [atom(low, node, given)], 2)
    return low.emit("alias", made[1].atom, node=node)
