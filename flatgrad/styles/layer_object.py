"""Parts -> a layer as an object: `forward` keeps on `self` what `backward` reads, and gradients of weights stay there.

    layer = Affine(w, b)
    out = layer.forward(x)
    dx = layer.backward(dout)  # and layer.dw, layer.db

The input is `x` or `X`, else the first parameter; what shares its first axis comes with it, such as a state for each
example, and so do arrays that carry no gradient, such as labels. All others are given to `__init__`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flatgrad.emit.parts import Parts, indented
from flatgrad.emit.signature import ONE
from flatgrad.styles.arguments import Argument, arguments, listed
from flatgrad.styles.renaming import assigned, assigned_in_blocks, kept_apart, renamed
from flatgrad.types import same_dim

METHODS = ("forward", "backward")


def layer_object(parts: Parts) -> list[str]:
    """class Affine: __init__(self, w, b), forward(self, x), backward(self, dout)"""
    layer = _Layer(parts, arguments(parts, "class"))
    methods = [layer.init(), layer.forward(), layer.backward()]
    blocks = [block for block in ([*parts.docstring], *methods) if block]
    lines = [line for block in blocks for line in ["", *block]][1:]
    return ["\n".join([f"class {class_name(parts)}:", *indented(lines), ""])]


def class_name(parts: Parts, ending: str = "") -> str:
    """SoftmaxLoss, of softmax_loss; Affine, of affine_forward"""
    words = parts.function.name.removesuffix("_forward").split("_")
    wanted = "".join(w[:1].upper() + w[1:] for w in words) + ending
    return parts.module_names.underscored(wanted)


def method(head: str, lines: Sequence[str]) -> list[str]:
    return [f"def {head}:", *indented(lines)]


def result_of(parts: Parts) -> str:
    """What the forward returns."""
    shown = ", ".join(parts.outputs)
    single = parts.function.returns_tuple and len(parts.outputs) == 1
    return f"{shown}," if single else shown


def inputs_of(parts: Parts, given: Sequence[Argument]) -> list[Argument]:
    """x, with what has a row for each of its rows, and labels."""
    possible = [a for a in given if a.name in parts.wrt or not _is_number(a)]
    named = [a for a in possible if a.name in ("x", "X")]
    carrying = [a for a in possible if a.name in parts.wrt]
    first = (named or carrying or possible or list(given))[:1]
    return [
        a
        for a in given
        if a in first or (not a.has_default and _beside(parts, a, first))
    ]


def _is_number(argument: Argument) -> bool:
    return argument.value.type.shape.is_scalar or argument.has_default


def _beside(parts: Parts, argument: Argument, first: list[Argument]) -> bool:
    """Labels, and what has as many rows as the input."""
    if argument.name not in parts.wrt:
        return not argument.value.type.shape.is_scalar
    own, other = argument.value.type.shape.dims, first[0].value.type.shape.dims
    rows = own and other and len(other) > 1 and same_dim(own[0], other[0])
    return bool(rows)


@dataclass(frozen=True)
class _Kept:
    """Where the backward finds a value of the forward; `stored` is what has to be put there first."""

    name: str
    place: str
    stored: str | None


class _Layer:
    """The three methods of one layer."""

    def __init__(self, parts: Parts, given: Sequence[Argument]):
        self.parts = parts
        self.me = parts.names.underscored("self")
        self.inputs = inputs_of(parts, given)
        self.weights = [a for a in given if a not in self.inputs]
        rebound = assigned(parts.forward)
        self.steady = {a.name for a in self.weights} - rebound
        self.kept = [self._kept(name, value) for name, value in parts.cached]

    def at(self, name: str) -> str:
        return f"{self.me}.{name}_" if name in METHODS else f"{self.me}.{name}"

    def init(self) -> list[str]:
        """def __init__(self, w, b): self.w = w ..."""
        if not self.weights:
            return []
        head = f"__init__({', '.join([self.me, *listed(self.weights)])})"
        return method(head, [f"{self.at(a.name)} = {a.name}" for a in self.weights])

    def forward(self) -> list[str]:
        """The user's text, which reads the weights from self."""
        parts = self.parts
        places = self._places()
        before = [f"{a.name} = {self.at(a.name)}" for a in self.weights if a.name not in places]  # fmt: skip
        text = renamed(parts.forward, places)
        result = renamed([f"return {result_of(parts)}"], places)
        stored = [f"{k.place} = {k.stored}" for k in self.kept if k.stored is not None]
        if stored:
            stored = ["", *renamed(stored, places)]
        head = f"forward({', '.join([self.me, *listed(self.inputs)])})"
        return method(head, [*before, *text, *stored, *result])

    def _places(self) -> dict[str, str]:
        """Where the forward reads the weights that it does not assign."""
        apart = kept_apart(self.parts.forward)
        return {n: self.at(n) for n in sorted(self.steady - apart)}

    def _kept(self, name: str, value: str) -> _Kept:
        if value in self.steady:
            return _Kept(name, self.at(value), None)
        array, _, last = value.rpartition(".")
        if last == "shape" and array in self.steady:
            return _Kept(name, f"{self.at(array)}.shape", None)
        own = {
            n for a in self.weights for n in (a.name, f"{self.parts.prefix}{a.name}")
        }
        attribute = self.parts.names.fresh(name) if name in own else name
        return _Kept(name, self.at(attribute), value)

    def backward(self) -> list[str]:
        """The lines of the backward, which read what was kept; self.dw = ... of a weight, return dx of an input."""
        parts = self.parts
        places, before = self._read()
        lines, results = self._gradients(places)
        before, lines = _at_once(before, lines)
        head = f"backward({', '.join([self.me, *self._seeds()])})"
        shown = [results[n] for n in parts.wrt if n in {a.name for a in self.inputs}]
        text = [*before, "", *lines] if before else lines
        return method(head, [*text, *([f"return {', '.join(shown)}"] if shown else [])])

    def _seeds(self) -> list[str]:
        """dloss=1.0, where it is a number"""
        defaults = [self.parts.defaults.get(seed) for seed in self.parts.seeds]
        every = all(default == ONE for default in defaults)
        return [f"{seed}={ONE}" if every else seed for seed in self.parts.seeds]

    def _read(self) -> tuple[dict[str, str], list[str]]:
        """Names that are read from self in the line itself, and lines before for the others."""
        parts = self.parts
        lines = [*parts.backward, *parts.gradients]
        own = assigned(lines) | kept_apart(lines)
        places = {k.name: k.place for k in self.kept if k.name not in own}
        return places, [f"{k.name} = {k.place}" for k in self.kept if k.name in own]

    def _gradients(self, places: dict[str, str]) -> tuple[list[str], dict[str, str]]:
        """The lines, where self.dw stands for dw; what the gradients of inputs are called."""
        parts, after = self.parts, list[str]()
        apart = kept_apart(parts.backward) | assigned_in_blocks(parts.backward)
        gradients = dict(zip(parts.wrt, renamed(parts.gradients, places), strict=True))
        for weight in (a.name for a in self.weights if a.name in parts.wrt):
            text = gradients[weight]
            whole = text == f"{parts.prefix}{weight}" and text not in apart
            if whole and [*gradients.values()].count(text) == 1:
                places = {**places, text: self.at(text)}
            else:
                after.append(f"{self._place_of(weight)} = {text}")
        return [*renamed(parts.backward, places), *renamed(after, places)], gradients

    def _place_of(self, weight: str) -> str:
        wanted = f"{self.parts.prefix}{weight}"
        taken = {k.place for k in self.kept} | {self.at(a.name) for a in self.weights}
        while self.at(wanted) in taken:
            wanted += "_"
        return self.at(wanted)


def _at_once(before: list[str], lines: list[str]) -> tuple[list[str], list[str]]:
    """xs = list(self.xs), in place of xs = self.xs and xs = list(xs)"""
    places = dict(line.split(" = ") for line in before)
    own = {f"{name} = list({name})": name for name in places}
    taken = [own[line] for line in lines if line in own]
    shown = [f"{own[x]} = list({places[own[x]]})" if x in own else x for x in lines]
    return [b for b in before if b.split(" = ")[0] not in taken], shown
