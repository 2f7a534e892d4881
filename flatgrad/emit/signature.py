"""Function and seeds -> the parameters of an emitted function: the user's own, then the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from flatgrad.frontend.scope import Function
from flatgrad.graph import Atom

ONES, ONE = (
    "None",
    "1.0",
)  # the default of an array's seed, which means ones, and of a number's


def seed_defaults(
    function: Function, seeds: Sequence[str], outs: Sequence[Atom]
) -> dict[str, str]:
    """1.0 where the output is a number; None for others after a parameter that has a default.

    A tensor that holds a number has a type and a device, which 1.0 has not: None stands for ones like it.
    """
    one = ONES if function.module.library == "torch" else ONE
    params = function.node.params
    optional = any(
        p.default is not None for p in (*params.posonly_params, *params.params)
    )
    defaults: dict[str, str] = {}
    for seed, out in zip(seeds, outs, strict=False):
        if out.type.shape.is_scalar:
            defaults[seed], optional = one, True
        elif optional:
            defaults[seed] = ONES
    return defaults


def parameters(
    function: Function, seeds: Sequence[str], defaults: Mapping[str, str]
) -> cst.Parameters:
    """The parameters as the user wrote them, with the seeds after the positional ones."""
    params = function.node.params
    added = [_seed(seed, defaults.get(seed)) for seed in seeds]
    if isinstance(params.star_arg, cst.Param):  # what follows *args is given by name
        return params.with_changes(
            star_arg=_plain(params.star_arg),
            kwonly_params=[*map(_plain, params.kwonly_params), *added],
        )
    return params.with_changes(
        params=[*map(_plain, params.params), *added],
        kwonly_params=[*map(_plain, params.kwonly_params)],
    )


def _seed(name: str, default: str | None) -> cst.Param:
    if default is None:
        return cst.Param(cst.Name(name))
    nothing = cst.SimpleWhitespace("")
    equal = cst.AssignEqual(nothing, nothing)
    return cst.Param(cst.Name(name), default=cst.parse_expression(default), equal=equal)


def _plain(param: cst.Param) -> cst.Param:
    """A parameter that need not be the last one any more."""
    return param.with_changes(comma=cst.MaybeSentinel.DEFAULT)
