"""Parts -> a layer's forward and backward, or a loss that returns its gradient, as courses have them."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from flatgrad.emit.cache import packed, unpacked
from flatgrad.emit.parts import Parts, indented, shown
from flatgrad.frontend.assumptions import chances
from flatgrad.frontend.module import names_in_text, parameters_of
from flatgrad.frontend.scope import Function
from flatgrad.graph import Eqn, Var, all_equations
from flatgrad.styles.composed import renamed, with_own_caches
from flatgrad.styles.gradients import GRADS, as_one_dict
from flatgrad.styles.homework import is_loss

FORWARD = "forward"
COPIED = re.compile(r"(\w+) = list\(\1\)")
OPTIONS = re.compile(
    r"(_param|_config|^config|^options|^kwargs)$"
)  # names of dicts of options


def layer_or_loss(parts: Parts) -> list[str]:
    """A layer has a forward and a backward; a loss is one function, which returns loss, dx."""
    parts = with_names_of_caches(with_own_caches(parts))
    return (
        [_loss(parts)]
        if parts.scalar
        else [layer_forward(parts), layer_backward(parts)]
    )


def with_names_of_caches(parts: Parts) -> Parts:
    """The cache is called cache; a list of caches of the user's that was called so is called caches."""
    own = {"cache": parts.names.fresh("caches")} if "cache" in parts.held.asides else {}
    parts = renamed(parts, own)
    return replace(parts, cache=name_of_cache(parts))


def name_of_cache(parts: Parts) -> str:
    """cache, where nothing else in the function is called so."""
    text = "\n".join([*parts.forward, *parts.reading, parts.signature])
    taken = names_in_text(text) | {*parts.function.module.functions}
    return parts.cache if "cache" in taken else "cache"


def course_wrt(function: Function, possible: list[Var]) -> list[Var]:
    """Of a loss: the dict of parameters if there is one, else the first; of a layer its inputs and weights.

    A dict that is called bn_param, and a number that has a default, are options.
    """
    inputs = [p for p in possible if not _is_option(function, p)] or possible
    if not is_loss(function):
        return inputs
    dicts = [p for p in inputs if p.type.kind == "dict"]
    named = [p for p in inputs if p.name == "params"]
    return (named or dicts or inputs)[:1]


def _is_option(function: Function, param: Var) -> bool:
    if OPTIONS.search(param.name) or param in chances(function.block):
        return True
    if _is_option_of_layers(function, param):
        return True
    given = {
        p.name.value
        for p in parameters_of(function.node)
        if isinstance(p.default, cst.Float | cst.Integer)
    }
    return param.name in given


def _is_option_of_layers(function: Function, param: Var) -> bool:
    """Layers that are called take it for one, and nothing else reads it."""
    readers = [
        e
        for e in all_equations(function.block.eqns)
        if param in e.args and e.op != "tuple"
    ]
    layers = [e for e in readers if e.op == "call" and e.attrs["pair"].own]
    return (
        bool(readers)
        and len(layers) == len(readers)
        and all(_takes_option(e, param) for e in layers)
    )


def _takes_option(call: Eqn, param: Var) -> bool:
    pair = call.attrs["pair"]
    names = [
        n for n, given in zip(pair.params, call.args, strict=True) if given is param
    ]
    inner = pair.function
    return inner is not None and all(_is_option(inner, inner.params[n]) for n in names)


def _loss(parts: Parts) -> str:
    """def softmax_loss(x, y): ..., dx = ..., return loss, dx"""
    lines, gradients = loss_backward(parts)
    results = ", ".join([parts.seeded[0], *gradients])
    nothing = {f"{name} = None" for name in parts.held.asides}
    running = [line for line in parts.running if line not in nothing]
    body = [*parts.docstring, *running, "", *lines, "", f"return {results}"]
    return defined(parts.function.name, parts.signature, body)


def loss_backward(parts: Parts) -> tuple[list[str], list[str]]:
    """The lines of the backward and the gradients: of a dict of parameters one dict, grads."""
    begun = zip(parts.seeds, parts.seeded, strict=True)
    start = [f"{s} = {parts.ones(out)}" for s, out in begun if s in parts.read()]
    gradients = [*parts.read_gradients]
    lines = [*start, *without_copies(parts.reading)]
    for position, name in enumerate(parts.wrt):
        if (
            parts.function.params[name].type.kind == "dict"
            and gradients[position].isidentifier()
        ):
            found = parts.names.underscored(GRADS)
            lines = as_one_dict(
                lines, gradients[position], found, "\n".join(parts.forward)
            )
            gradients[position] = found
            lines = _with_plain_zeros(parts, lines, found, name)
    return lines, gradients


def _with_plain_zeros(
    parts: Parts, lines: Sequence[str], grads: str, name: str
) -> list[str]:
    """Zeros for each array of a dict that __init__ fills with arrays, and with nothing else."""
    objects, own = parts.function.module.objects, parts.function.name
    known = objects.initial.get(own, {}).get(name) if objects is not None else None
    if known is None or not known.items or None in known.items.values():
        return [*lines]
    begin = re.compile(rf"{grads} = zeros_like_tree_*\({name}\)")
    zeros = shown(parts.dialect.library_call("zeros_like", ast.Name("value")))
    plain = f"{grads} = {{name: {zeros} for name, value in {name}.items()}}"
    return [plain if begin.fullmatch(line) else line for line in lines]


def without_copies(lines: Sequence[str]) -> list[str]:
    """Lists that the forward fills in the same run may be emptied: without hs = list(hs)."""
    return [line for line in lines if not COPIED.fullmatch(line)]


def layer_forward(parts: Parts, name: str = "") -> str:
    """def affine_forward(x, w, b): ..., return out, cache"""
    tail = [
        "",
        packed(parts.cached, parts.cache),
        f"return {', '.join([*parts.seeded, parts.cache])}",
    ]
    lines = [*parts.docstring, *parts.forward, *tail]
    return defined(name or layer_names(parts.function.name)[0], parts.signature, lines)


def layer_backward(parts: Parts, name: str = "") -> str:
    """def affine_backward(dout, cache): ..., return dx, dw, db"""
    result = f"return {', '.join(parts.gradients)}"
    lines = [*unpacked(parts.cached, parts.cache), "", *parts.backward, "", result]
    return defined(
        name or layer_names(parts.function.name)[1],
        ", ".join([*parts.seeds, parts.cache]),
        lines,
    )


def layer_names(name: str) -> tuple[str, str]:
    """affine_forward and affine_backward, of either affine_forward or affine."""
    forward = name if FORWARD in name else f"{name}_{FORWARD}"
    return forward, forward.replace(FORWARD, "backward")


def defined(name: str, params: str, lines: Sequence[str]) -> str:
    return "\n".join([f"def {name}({params}):", *indented(lines), ""])
