"""Parts -> a `torch.autograd.Function`, and a function of the user's name that applies it.

Tensors are kept by `save_for_backward`, all else under names of `ctx`. A backward that reads nothing but what is given
to the function or comes out of it can be differentiated once more by torch. What lies between is a constant to torch:
such a backward raises an error when torch records what it does, which is when the gradient is to be differentiated.
(`once_differentiable` would let `torch.autograd.grad` go on as if there were no second derivative.)
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from flatgrad.emit.cache import Cached
from flatgrad.emit.containers import MAY_HOLD
from flatgrad.emit.parts import Parts, indented, shown
from flatgrad.styles.arguments import (
    Argument,
    arguments,
    listed,
    refusal,
    refuse_written,
)
from flatgrad.styles.layer_object import class_name, method, result_of
from flatgrad.styles.renaming import assigned

STYLE = "torch"


def torch_function(parts: Parts) -> list[str]:
    """class AffineFunction(torch.autograd.Function), and affine(x, w, b)"""
    _refuse(parts)
    given = arguments(parts, STYLE)
    written = _Written(parts, given)
    name = class_name(parts, "Function")
    base = printed(parts, "torch.autograd.Function")
    lines = [*written.forward(), "", *written.backward()]
    call = f"return {name}.apply({', '.join(a.name for a in given)})"
    head = f"{parts.function.name}({', '.join(listed(given))})"
    applied = method(head, [*parts.docstring, call])
    return [
        "\n".join([f"class {name}({base}):", *indented(lines), ""]),
        "\n".join([*applied, ""]),
    ]


def printed(parts: Parts, path: str) -> str:
    """How the emitted module spells what stands at `path`, which it imports."""
    return shown(parts.dialect.name(path))


def _refuse(parts: Parts) -> None:
    """What a Function of torch cannot have."""
    function = parts.function
    if function.module.library != "torch":
        what = f"{function.name} is not written with torch"
        step = "import torch, and write it with its functions: torch.exp(x) in place of np.exp(x)"  # fmt: skip
        raise refusal(parts, STYLE, what, step)
    for name, param in function.params.items():
        if name in parts.wrt and param.type.kind in MAY_HOLD:
            what = f"{name} is a {param.type.kind}, and torch finds no tensors in one"
            raise refusal(parts, STYLE, what, "make each tensor a parameter of its own")
    refuse_written(parts, STYLE)


@dataclass(frozen=True)
class _Kept:
    """What the backward reads: tensors that are saved, and the rest."""

    tensors: list[Cached]
    others: list[Cached]


class _Written:
    """The two static methods."""

    def __init__(self, parts: Parts, given: Sequence[Argument]):
        self.parts, self.given = parts, given
        self.context = parts.names.underscored("ctx")
        self.rebound = assigned(parts.forward)
        tensors = [c for c in parts.cached if self._is_tensor(c[1])]
        others = [c for c in parts.cached if c not in tensors]
        self.kept = _Kept(tensors, others)
        # Where there are many they are kept in one tuple.
        self.together = parts.names.fresh("kept") if len(others) > 3 else ""

    def _is_tensor(self, value: str) -> bool:
        """Surely one: what is differentiated and no number is, too."""
        if value in self.parts.arrays:
            return True
        param = self.parts.function.params.get(value)
        asked = value in self.parts.wrt and value not in self.rebound
        return asked and param is not None and not param.type.shape.is_scalar

    def forward(self) -> list[str]:
        """@staticmethod def forward(ctx, x, w, b): ..., ctx.save_for_backward(x, w), return out"""
        names = [a.name for a in self.given]
        saved = ", ".join(value for _, value in self.kept.tensors)
        lines = [f"{self.context}.save_for_backward({saved})"] if saved else []
        if self.together:
            values = ", ".join(value for _, value in self.kept.others)
            lines += [f"{self.context}.{self.together} = ({values})"]
        else:
            lines += [f"{self.context}.{n} = {v}" for n, v in self.kept.others]
        body = [*self.parts.forward, *lines, f"return {result_of(self.parts)}"]
        head = f"forward({', '.join([self.context, *names])})"
        return ["@staticmethod", *method(head, body)]

    def backward(self) -> list[str]:
        """@staticmethod def backward(ctx, grad_out): x, w = ctx.saved_tensors, ..., return grad_x, grad_w, None"""
        parts = self.parts
        once = [] if self._differentiable_again() else self._refusal()
        body = [*once, *self._read(), "", *parts.backward, "", f"return {', '.join(self._results())}"]  # fmt: skip
        head = f"backward({', '.join([self.context, *self._cotangents()])})"
        return ["@staticmethod", *method(head, body)]

    def _refusal(self) -> list[str]:
        """if torch.is_grad_enabled(): raise RuntimeError("affine cannot be differentiated twice")"""
        enabled = printed(self.parts, "torch.is_grad_enabled")
        what = f"{self.parts.function.name} cannot be differentiated twice"
        return [f"if {enabled}():", f'    raise RuntimeError("{what}")']

    def _cotangents(self) -> list[str]:
        """One for each result; that of labels is nothing."""
        names = dict(zip(self.parts.seeded, self.parts.seeds, strict=True))
        found = [names.get(output, "_") for output in self.parts.outputs]
        return [n if n != "_" else self.parts.names.fresh("_") for n in found]

    def _read(self) -> list[str]:
        tensors = [name for name, _ in self.kept.tensors]
        comma = "," if len(tensors) == 1 else ""
        saved = f"{', '.join(tensors)}{comma} = {self.context}.saved_tensors"
        others = [f"{n} = {self.context}.{n}" for n, _ in self.kept.others]
        if self.together:
            names = ", ".join(name for name, _ in self.kept.others)
            others = [f"{names} = {self.context}.{self.together}"]
        return [*([saved] if tensors else []), *others]

    def _results(self) -> list[str]:
        """One for each argument; a number that may be a plain one has a gradient where torch asks for it."""
        gradients = dict(zip(self.parts.wrt, self.parts.gradients, strict=True))
        found = []
        for position, argument in enumerate(self.given):
            text = gradients.get(argument.name, "None")
            unsure = argument.has_default or argument.value.type.shape.is_scalar
            if argument.name in gradients and unsure:
                asked = f"{self.context}.needs_input_grad[{position}]"
                if self._may_be_plain(text):
                    text = f"{printed(self.parts, 'torch.as_tensor')}({text})"
                text = f"{text} if {asked} else None"
            found.append(text)
        return found

    def _may_be_plain(self, gradient: str) -> bool:
        """Some line says grad_t = 0.0, which is no tensor."""
        text = "\n".join([*self.parts.backward, f"_ = {gradient}"])
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Constant() | ast.UnaryOp(operand=ast.Constant()),
                ):
                    if name in (gradient, "_"):
                        return True
        return False

    def _differentiable_again(self) -> bool:
        """Only what comes in, what goes out and shapes are read, so that torch knows where it comes from."""
        own = {a.name for a in self.given} - self.rebound
        known = own | {*self.parts.outputs}
        return all(value in known or value.endswith(".shape") for _, value in self.parts.cached)  # fmt: skip
