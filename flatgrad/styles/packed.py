"""Parts -> what `scipy.optimize.minimize(fun, theta, jac=True)` calls: `NAME_fun(theta, ...) -> value, gradient`.

What is minimised over comes first. A vector is taken as it is, and numbers one by one. Several arrays, or a list or a
dict of arrays, are parts of one vector: NAME_pack puts them together and NAME_unpack takes them apart again.
"""

from __future__ import annotations

from collections.abc import Sequence

from flatgrad.emit.parts import Parts, shown
from flatgrad.frontend.scope import Function
from flatgrad.graph import Var
from flatgrad.styles.arguments import (
    Argument,
    arguments,
    listed,
    refusal,
    refuse_written,
    without_defaults,
)
from flatgrad.styles.layer_object import method

STYLE = "scipy"


def first_of(function: Function, possible: list[Var]) -> list[Var]:
    """The first parameter, as scipy has it."""
    return without_defaults(function, possible)[:1]


def one_number(function: Function, wrt: Sequence[Var]) -> bool:
    """The function returns one number and nothing else."""
    outs = function.block.outs
    return not function.returns_tuple and len(outs) == 1 and outs[0].type.shape.is_scalar  # fmt: skip


def packed(parts: Parts) -> list[str]:
    """def logistic_fun(theta, X, y): ..., return loss, gradient"""
    given = arguments(parts, STYLE)
    _refuse(parts)
    chosen = [a for name in parts.wrt for a in given if a.name == name]
    kinds = {a.value.type.kind for a in chosen}
    if kinds & {"dict", "list"}:
        return _Packed(parts, given, chosen).of_container(*kinds)
    if all(a.value.type.shape.is_scalar for a in chosen):
        return _Packed(parts, given, chosen).of_numbers()
    if len(chosen) == 1 and chosen[0].value.type.rank in (None, 1):
        return _Packed(parts, given, chosen).of_vector()
    return _Packed(parts, given, chosen).of_arrays()


def _refuse(parts: Parts) -> None:
    if parts.function.module.library != "numpy":
        library = parts.function.module.library
        what = f"scipy.optimize works with arrays of NumPy, and {parts.function.name} with {library}"  # fmt: skip
        raise refusal(parts, STYLE, what, "write it with NumPy")
    if not one_number(parts.function, ()):
        what = f"{parts.function.name} is not known to return one number"
        step = "return the loss alone; tell the shapes with --shape or in the docstring"
        raise refusal(parts, STYLE, what, step)
    for name in parts.wrt:
        if parts.function.params[name].type.kind in ("tuple", "tree", "complex"):
            what = f"{name} is no array, and no list or dict of arrays, of real numbers"
            raise refusal(parts, STYLE, what, "name another one with --wrt")
    refuse_written(parts, STYLE)


class _Packed:
    """The definitions for one function."""

    def __init__(
        self, parts: Parts, given: Sequence[Argument], chosen: Sequence[Argument]
    ):
        self.parts, self.chosen = parts, chosen
        self.others = [a for a in given if a not in chosen]
        self.name = parts.function.name

    # --- what the vector is ----------------------------------------------------------------------------------------

    def of_vector(self) -> list[str]:
        """The vector is the parameter."""
        return [self._function([self.chosen[0].name], [], self.parts.read_gradients[0])]

    def of_numbers(self) -> list[str]:
        """x, y = theta"""
        theta = self.parts.names.underscored("theta")
        names = ", ".join(a.name for a in self.chosen)
        comma = "," if len(self.chosen) == 1 else ""
        array = self._library("array")
        gradient = f"{array}([{', '.join(self.parts.read_gradients)}])"
        return [self._function([theta], [f"{names}{comma} = {theta}"], gradient)]

    def of_arrays(self) -> list[str]:
        """W, b = loss_unpack(theta, shapes)"""
        names = [a.name for a in self.chosen]
        each = [f"{self._library('ravel')}({g})" for g in self.parts.read_gradients]
        gradient = f"{self._library('concatenate')}([{', '.join(each)}])"
        if len(names) == 1:
            gradient = each[0]
        comma = "," if len(names) == 1 else ""
        return self._with_pack(names, f"({', '.join(names)}{comma})", f"{', '.join(names)}{comma}", gradient)  # fmt: skip

    def of_container(self, kind: str, *more: str) -> list[str]:
        """params = loss_unpack(theta, shapes)"""
        if len(self.chosen) > 1 or more:
            what = f"a {kind} of arrays is packed alone"
            raise refusal(self.parts, STYLE, what, "ask for it alone with --wrt")
        name = self.chosen[0].name
        ravel, join = self._library("ravel"), self._library("concatenate")
        found = self.parts.read_gradients[0]
        item = "key" if kind == "dict" else "part"
        item = self.parts.names.underscored(item)
        each = f"{ravel}({found}[{item}]) for {item} in {self._shapes()}"
        if kind == "list":
            each = f"{ravel}({item}) for {item} in {found}"
        return self._with_pack([name], name, name, f"{join}([{each}])", kind)

    # --- text --------------------------------------------------------------------------------------------------------

    def _library(self, name: str) -> str:
        return shown(self.parts.dialect.name(f"numpy.{name}"))

    def _shapes(self) -> str:
        if not hasattr(self, "_named_shapes"):
            self._named_shapes = self.parts.names.underscored("shapes")
        return self._named_shapes

    def _with_pack(self, names: Sequence[str], tree: str, target: str, gradient: str, kind: str = "tuple") -> list[str]:  # fmt: skip
        """The function, after the two that put the parts together and take them apart."""
        pack, unpack = (self._free(ending) for ending in ("pack", "unpack"))
        theta, shapes = self.parts.names.underscored("theta"), self._shapes()
        first = f"{target} = {unpack}({theta}, {shapes})"
        return [
            self._pack(pack, names, tree, kind),
            self._unpack(unpack, kind),
            self._function([theta, shapes], [first], gradient),
        ]

    def _free(self, ending: str) -> str:
        return self.parts.module_names.underscored(f"{self.name}_{ending}")

    def _pack(self, name: str, names: Sequence[str], tree: str, kind: str) -> str:
        ravel, join, shape = map(self._library, ("ravel", "concatenate", "shape"))
        parts, shapes = (_beside(names, wanted) for wanted in ("parts", "shapes"))
        lines = ['"""One vector of all, and the shapes to take it apart by."""']
        if kind == "dict":
            lines += [
                f"{shapes} = {{key: {shape}(part) for key, part in {tree}.items()}}",
                f"return {join}([{ravel}(part) for part in {tree}.values()]), {shapes}",
            ]
        else:
            lines += [f"{parts} = {tree}"] if kind == "tuple" else []
            parts = parts if kind == "tuple" else tree
            lines += [
                f"{shapes} = [{shape}(part) for part in {parts}]",
                f"return {join}([{ravel}(part) for part in {parts}]), {shapes}",
            ]
        return "\n".join([*method(f"{name}({', '.join(names)})", lines), ""])

    def _unpack(self, name: str, kind: str) -> str:
        prod = shown(self.parts.dialect.name("math.prod"))
        of_dict = kind == "dict"
        lines = [
            '"""The parts of the vector, each in its shape."""',
            "parts, start = {}, 0" if of_dict else "parts, start = [], 0",
            "for key, shape in shapes.items():" if of_dict else "for shape in shapes:",
            f"    end = start + {prod}(shape)",
            (
                "    parts[key] = theta[start:end].reshape(shape)"
                if of_dict
                else "    parts.append(theta[start:end].reshape(shape))"
            ),
            "    start = end",
            "return parts",
        ]
        return "\n".join([*method(f"{name}(theta, shapes)", lines), ""])

    def _function(self, first: Sequence[str], before: Sequence[str], gradient: str) -> str:  # fmt: skip
        """def NAME_fun(theta, X, y): ..., return value, gradient"""
        parts = self.parts
        head = f"{self._free('fun')}({', '.join([*first, *listed(self.others)])})"
        result = f"return {parts.outputs[0]}, {gradient}"
        lines = [*parts.docstring, *before, *parts.forward, "", *parts.reading, "", result]  # fmt: skip
        return "\n".join([*method(head, lines), ""])


def _beside(names: Sequence[str], wanted: str) -> str:
    """`wanted`, with underscores where it is one of the names."""
    while wanted in names:
        wanted += "_"
    return wanted
