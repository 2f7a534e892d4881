"""A subject and what flatgrad emits for it -> the rows of the table: value, gradients, dot products, pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from flatgrad.checking.differences import slopes
from flatgrad.checking.emitted import emitted
from flatgrad.checking.subject import Subject, float_leaves, part
from flatgrad.checking.table import Row, Test
from flatgrad.checking.trees import (
    Array,
    Leaf,
    carries_gradient,
    copied,
    leaves,
    like,
    precision,
    with_item,
)
from flatgrad.checking.verdicts import (
    Verdict,
    compared,
)
from flatgrad.errors import FlatgradError
from flatgrad.pipeline import Transformation

SAME = 1e-12  # two computations of one value, of its largest entry
DOT = 1e-9  # <v, J w> both ways, of the terms that are added up


def gradient_rows(
    subject: Subject, gradients: Mapping[str, Any], tolerance: float
) -> Iterator[Row]:
    """One row for each array of numbers among the inputs."""
    chosen = np.random.RandomState(subject.seed + 2)
    for name, value in subject.inputs.items():
        for leaf in leaves(name, value):
            if not carries_gradient(leaf.value):
                yield Row.skipped(name, leaf, "whole numbers")
            elif name not in gradients:
                yield Row.skipped(name, leaf, "no gradient")
            else:
                gradient = part(gradients[name], leaf.keys)
                yield row(subject, name, leaf, gradient, tolerance, chosen)


def row(
    subject: Subject,
    name: str,
    leaf: Leaf,
    gradient: Array | None,
    tolerance: float,
    chosen: np.random.RandomState,
) -> Row:
    if gradient is None or gradient.shape != leaf.numbers.shape:
        return Row.misshapen(name, leaf, gradient)
    found = slopes(subject.point(name, leaf, gradient), chosen)
    limit = max(tolerance, 1e3 * precision([gradient, leaf.numbers]))
    comparison = compared(gradient, found, limit)
    return Row.measured(name, leaf, gradient, found, comparison)


def value_test(subject: Subject, value: Any) -> Test:
    """The emitted function gives the value of the forward."""
    wanted = subject.value(subject.inputs)
    return Test("value", *tree_error(value, wanted, SAME))


def tree_error(got: Any, wanted: Any, tolerance: float) -> tuple[float | None, Verdict]:
    """The error of a tree against another that should be the same."""
    pairs = [(e.numbers, part(got, e.keys)) for e in leaves("", wanted)]
    if any(g is None or g.shape != w.shape for w, g in pairs):
        return None, Verdict.WRONG
    errors = [_scaled(g, w) for w, g in pairs if g is not None]
    error = max(errors, default=0.0)
    limit = max(tolerance, 1e2 * precision([w for w, _ in pairs]))
    return error, Verdict.RIGHT if error <= limit else Verdict.WRONG


def _scaled(got: Array, wanted: Array) -> float:
    if wanted.size == 0 or np.array_equal(got, wanted, equal_nan=True):
        return 0.0
    scale = max(float(np.max(np.abs(wanted))), 1e-300)
    error = float(np.max(np.abs(got - wanted))) / scale
    return error if np.isfinite(error) else np.inf


def dot_product_test(
    subject: Subject,
    transformation: Transformation,
    gradients: Mapping[str, Any],
) -> Test:
    """<w, J v> by forward mode is <J* w, v> by reverse mode, for random v and the seeds w."""
    label = "dot-product test, jvp and backward"
    try:
        pushed = emitted(transformation, subject.name, "jvp", subject.seed)
    except FlatgradError as error:
        return Test(label, None, Verdict.SKIPPED, _refused("jvp", error))
    tangents = {n: _tangent(subject.inputs[n], subject.seed + 3) for n in gradients}
    _, moved = pushed.call(0, subject.arguments, *tangents.values())
    forward = _terms(subject.seeds, subject.outputs(moved))
    reverse = _terms(gradients.values(), tangents.values())
    size = float(np.sum(np.abs(forward)) + np.sum(np.abs(reverse)))
    if not np.isfinite(size):
        return Test(label, None, Verdict.SKIPPED, "not all of it is finite here")
    apart = float(abs(np.sum(forward) - np.sum(reverse)))
    relative = apart / size if size else 0.0
    limit = max(DOT, 1e3 * precision(float_leaves(list(subject.inputs.values()))))
    right = relative <= limit
    return Test(label, relative, Verdict.RIGHT if right else Verdict.WRONG)


def _refused(emit: str, error: FlatgradError) -> str:
    first = error.diagnostics[0]
    return f"--emit {emit} is refused: {first.code} {first.what}"


def _tangent(tree: Any, seed: int) -> Any:
    random = np.random.RandomState(seed)
    for leaf in leaves("", tree):
        draw = np.asarray(random.randn(*leaf.numbers.shape))
        kind = leaf.numbers.dtype
        if kind.kind == "c":
            draw = draw + 1j * random.randn(*leaf.numbers.shape)
        if kind.kind not in "fc":
            draw = np.zeros(leaf.numbers.shape)
        made = like(leaf.value, np.asarray(draw).astype(kind))
        tree = with_item(tree, leaf.keys, made)
    return tree


def _terms(left: Any, right: Any) -> Array:
    """What is added up in the real inner product of two trees."""
    terms = []
    for a, b in zip(left, right, strict=True):
        for leaf in leaves("", b):
            if carries_gradient(leaf.value) and (p := part(a, leaf.keys)) is not None:
                terms.append(np.real(np.conj(p) * leaf.numbers).ravel())
    return np.concatenate(terms) if terms else np.zeros(0)


def pair_test(subject: Subject, transformation: Transformation, gradients: Any) -> Test:
    """The pair gives the same gradient, and gives it again when it is called again."""
    label = "backward of the pair, called twice"
    try:
        pair = emitted(transformation, subject.name, "pair", subject.seed)
    except FlatgradError as error:
        return Test(label, None, Verdict.SKIPPED, _refused("pair", error))
    *_, cache = pair.call(0, subject.arguments)
    first = copied(pair.call_plainly(1, *copied(subject.seeds), cache))
    second = pair.call_plainly(1, *copied(subject.seeds), cache)
    wanted = [*gradients.values()]
    both = [[*g] if len(wanted) > 1 else [g] for g in (first, second)]
    errors = [tree_error(tree, wanted, SAME) for tree in both]
    return Test(label, *max(errors, key=_how_wrong))


def _how_wrong(found: tuple[float | None, Verdict]) -> float:
    return np.inf if found[0] is None else found[0]
