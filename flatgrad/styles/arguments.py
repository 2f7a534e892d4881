"""Function -> its parameters, one by one, and which of them a style takes for what."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from flatgrad.emit.parts import Parts
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.scope import Function
from flatgrad.graph import Var
from flatgrad.reverse import active_values


@dataclass(frozen=True)
class Argument:
    """`text` is what stands in the signature: `w: Array = None`."""

    name: str
    value: Var
    text: str
    has_default: bool
    has_number: bool  # or a word or a switch, as its default: it is no array
    by_name: bool  # it is given by keyword only


def arguments(parts: Parts, style: str) -> list[Argument]:
    """The parameters in their order; a star takes any number of them, which has no place in a class."""
    params = parts.function.node.params
    if isinstance(params.star_arg, cst.Param) or params.star_kwarg is not None:
        what = f"{parts.function.name} takes any number of arguments"
        raise refusal(parts, style, what, "give each parameter a name")
    positional = [*params.posonly_params, *params.params]
    found = [_argument(parts, p, False) for p in positional]
    return [*found, *(_argument(parts, p, True) for p in params.kwonly_params)]


def _argument(parts: Parts, param: cst.Param, by_name: bool) -> Argument:
    plain = param.with_changes(comma=cst.MaybeSentinel.DEFAULT, star="")
    text = cst.Module([]).code_for_node(plain).strip()
    name = param.name.value
    value = parts.function.params[name]
    return Argument(name, value, text, param.default is not None, _is_setting(param), by_name)  # fmt: skip


def _is_setting(param: cst.Param) -> bool:
    """Its default says that it is no array; None may stand for one."""
    default = param.default
    return default is not None and getattr(default, "value", "") != "None"


def listed(chosen: list[Argument]) -> list[str]:
    """What stands in a signature: those with defaults last, then those that are given by name."""
    plain = [a.text for a in chosen if not a.has_default and not a.by_name]
    usual = [a.text for a in chosen if a.has_default and not a.by_name]
    named = [a.text for a in chosen if a.by_name]
    return [*plain, *usual, *(["*", *named] if named else [])]


def refusal(parts: Parts, style: str, what: str, next_step: str) -> FlatgradError:
    place = parts.function.module.place(parts.function.node.name)
    return FlatgradError(
        Diagnostic("FG509", f"--style {style}: {what}", next_step, place)
    )


def refuse_written(parts: Parts, style: str) -> None:
    """Arrays of a caller that are written into are no affair of one function alone."""
    for name, param in parts.function.params.items():
        number = param.type.shape.is_scalar or param.type.kind in ("int", "float")
        if not number and parts.function.storages.written(param):
            what = f"{parts.function.name} writes into its parameter {name}"
            raise refusal(parts, style, what, "write into a copy")


def without_defaults(function: Function, possible: list[Var]) -> list[Var]:
    """eps=1e-5 and reg=0.0 are settings, and no weights, unless they are asked for; nor is seed=None a weight."""
    params = function.node.params
    every = (*params.posonly_params, *params.params, *params.kwonly_params)
    settings = {p.name.value for p in every if _is_setting(p)}
    optional = {p.name.value for p in every if p.default is not None}
    active = active_values(function.block, possible, function.seeds)
    unused = {p.name for p in possible if p.name in optional and p not in active}
    return [p for p in possible if p.name not in settings | unused] or possible
