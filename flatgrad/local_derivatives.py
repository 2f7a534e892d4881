"""One operation with its values, and the cotangent of a result -> the cotangents of its arguments, by its rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.evaluate import run
from flatgrad.graph import Atom, Block, Eqn, Lit, Var, type_of_constant
from flatgrad.graph_nodes import Edge, Node, Step, nodes_in, value_of
from flatgrad.graph_paths import jacobian, units
from flatgrad.registry import RULES
from flatgrad.reverse import NoRule, reverse
from flatgrad.types import Dim, Shape, Type

LARGEST_JACOBIAN = 4096  # numbers
KINDS = {"f": "float", "i": "int", "u": "int", "b": "bool", "c": "complex"}
PLAIN = (bool, int, float, complex, str, slice, type(None), type(Ellipsis))


class Pullbacks:
    """The derivatives of the operations of one graph: those of one kind are derived once."""

    def __init__(self) -> None:
        self._found: dict[Any, Block] = {}
        self._locals: dict[Any, tuple[Step | None, Any]] = {}

    def forget_values(self) -> None:
        """There is another run: what was derived serves again, what was computed does not."""
        self._locals.clear()

    def local(self, edge: Edge) -> Any:
        """A number or a Jacobian; None where there is none that can be written out."""
        child, parent = edge.child.value, edge.parent.value
        inexact = np.iscomplexobj(child) or np.iscomplexobj(parent)
        large = np.size(child) * np.size(parent) > LARGEST_JACOBIAN
        if not edge.carries or inexact or large:
            return None
        key = id(edge.child.step), edge.child.position, edge.slot
        if key not in self._locals:
            rows = [self.pull(edge, g) for g in units(child)]
            self._locals[key] = edge.child.step, jacobian(rows, edge)
        return self._locals[key][1]

    def pull(self, edge: Edge, g: Any) -> Any:
        """What the parent gets; a located refusal where the operation has no rule."""
        if edge.slot is None or not edge.child.differentiable:
            return np.zeros(np.shape(edge.parent.value))[()]
        return self.parts(edge.child, g)[edge.slot]

    def parts(self, node: Node, g: Any) -> dict[int, Any]:
        """The cotangents of all arguments of the operation that makes the node, by their places."""
        assert node.step is not None
        try:
            return self._pull(node.step, node.position, g)
        except NoRule as refused:
            what = str(refused)
            what = f"no derivative rule for {what}" if what == node.operation else what
            step = "write it with operations that have one: docs/operations.md"
            raise FlatgradError(Diagnostic("FG201", what, step, node.place)) from None

    def _pull(self, step: Step, position: int, g: Any) -> dict[int, Any]:
        """By the place of each argument with a derivative, its cotangent; raises NoRule."""
        eqn, inputs = _alone(step)
        slots = _slots(step)
        key = (_key(eqn), position, tuple(slots))
        if key not in self._found:
            self._found[key] = _backward(eqn, position, slots)
        made = run(self._found[key], *inputs, *step.results, g)
        return {
            slot: _fitting(value, step.args[slot].value)
            for slot, value in zip(slots, made, strict=True)
        }


def _slots(step: Step) -> list[int]:
    """The places of the arguments that have a derivative."""
    return [
        n
        for n, arg in enumerate(step.args)
        if isinstance(arg, Node) and arg.differentiable
    ]


def _alone(step: Step) -> tuple[Eqn, list[Any]]:
    """The equation with variables of its own for what is no plain constant, and the values of these."""
    _refuse_options(step)
    atoms = [_atom(arg) for arg in step.args]
    inputs = [
        value_of(arg)
        for arg, a in zip(step.args, atoms, strict=True)
        if isinstance(a, Var)
    ]
    outs = tuple(Var(type=type_of(result)) for result in step.results)
    options = {key: value_of(value) for key, value in step.options.items()}
    if step.eqn.op == "setitem" and not _repeats(step):
        options["repeats"] = False
    eqn = Eqn(outs, step.eqn.op, tuple(atoms), options, dialect=step.eqn.dialect)
    return eqn, inputs


def _refuse_options(step: Step) -> None:
    for name, value in step.options.items():
        if any(node.differentiable for node in nodes_in(value)):
            what = f"no derivative of {step.eqn.op} with respect to {name}"
            raise NoRule(step.eqn, what)


def _atom(arg: Any) -> Atom:
    value = value_of(arg)
    plain = _is_plain(value) and not isinstance(arg, Node)
    return Lit(value) if plain else Var(type=type_of(value))


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, PLAIN) and not isinstance(value, np.generic)


def _backward(eqn: Eqn, position: int, slots: Sequence[int]) -> Block:
    """(arguments, results, cotangent) -> the cotangents of the arguments in `slots`."""
    params = tuple(a for a in eqn.args if isinstance(a, Var))
    kind = "complex" if eqn.outs[position].type.kind == "complex" else "float"
    seed = Var("g", Type(eqn.outs[position].type.shape, kind))
    seeds = [seed if n == position else None for n, _ in enumerate(eqn.outs)]
    wrt = [v for n in slots if isinstance(v := eqn.args[n], Var)]
    whole = reverse(Block(params, (eqn,), eqn.outs), wrt, seeds)
    return replace(
        whole,
        params=(*params, *eqn.outs, seed),
        eqns=whole.eqns[1:],
        outs=whole.outs[len(eqn.outs) :],
    )


def _repeats(step: Step) -> bool:
    """Whether the store writes one element twice."""
    base, index = (value_of(a) for a in step.args[:2])
    counts = np.zeros(np.shape(base), int)
    np.add.at(counts, index, 1)
    return bool(counts.size) and int(counts.max()) > 1


def _fitting(cotangent: Any, value: Any) -> Any:
    """What is added up: an array of the shape of the value, a number for a number."""
    if np.shape(cotangent) != np.shape(value):
        raise AssertionError(f"{np.shape(cotangent)} for {np.shape(value)}")
    return cotangent[()] if isinstance(cotangent, np.ndarray) else cotangent


def type_of(value: Any) -> Type:
    """Everything that can be known of a value."""
    match value:
        case np.ndarray() | np.generic() | int() | float() | complex():
            array = np.asarray(value)
            kind = KINDS.get(array.dtype.kind, "other")
            return Type(Shape(Dim(n) for n in array.shape), kind)
        case tuple() | list():
            kind = "tuple" if isinstance(value, tuple) else "list"
            return Type(Shape(), kind, items=tuple(map(type_of, value)))
        case _:
            return type_of_constant(value)


def _key(eqn: Eqn) -> tuple[Any, ...]:
    """Equal for equations with one derivative: the operation, the options and the types."""
    args = tuple(a if isinstance(a, Lit) else _of_type(a.type) for a in eqn.args)
    outs = tuple(_of_type(out.type) for out in eqn.outs)
    options = tuple((k, repr(v)) for k, v in eqn.attrs.items())
    return eqn.op, id(RULES.get(eqn.op)), eqn.dialect, args, outs, options


def _of_type(type: Type) -> tuple[Any, ...]:
    items = tuple(map(_of_type, type.items or ()))
    return type.kind, str(type.shape), items
