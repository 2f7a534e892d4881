"""Parts -> what `scipy.optimize.minimize(fun, theta, jac=True)` calls: `NAME_fun(theta, ...) -> value, gradient`.

What is minimised over comes first. A vector is taken as it is, and numbers one by one. Several arrays, or a list or a
dict of arrays, are parts of one vector: NAME_pack puts them together and NAME_unpack takes them apart again.
"""

from __future__ import annotations

import re
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
TUPLE, LIST, DICT = "tuple", "list", "dict"  # what is packed
COPIED = re.compile(r"(\w+) = list\(\1\)")  # for a backward that is called twice


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
    writer = _Packed(parts, given, chosen)
    kinds = {a.value.type.kind for a in chosen} & {DICT, LIST}
    ranks = [a.value.type.rank for a in chosen]
    if kinds and len(chosen) > 1:
        what = f"a {min(kinds)} of arrays is packed alone"
        raise refusal(parts, STYLE, what, "name it alone with --wrt")
    if kinds:
        return writer.of_container(*kinds)
    if all(rank == 0 for rank in ranks):
        return writer.of_numbers()
    if len(ranks) > 1:
        return writer.of_arrays()
    return writer.of_vector() if ranks[0] in (None, 1) else writer.of_matrix()


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
        self.names = [a.name for a in chosen]
        self.gradients = parts.read_gradients
        self.theta = parts.names.underscored("theta")
        self.shapes = parts.names.underscored("shapes")

    # --- what the vector is ----------------------------------------------------------------------------------------

    def of_vector(self) -> list[str]:
        """The vector is the parameter."""
        return [self._function(self.names, [], self.gradients[0])]

    def of_numbers(self) -> list[str]:
        """x, y = theta"""
        array = spelled(self.parts, "array")
        gradient = f"{array}([{', '.join(self.gradients)}])"
        first = f"{several(self.names)} = {self.theta}"
        return [self._function([self.theta], [first], gradient)]

    def of_matrix(self) -> list[str]:
        """W = theta.reshape(shape)"""
        shape = self.parts.names.underscored("shape")
        first = f"{self.names[0]} = {self.theta}.reshape({shape})"
        gradient = f"{spelled(self.parts, 'ravel')}({self.gradients[0]})"
        return [self._function([self.theta, shape], [first], gradient)]

    def of_arrays(self) -> list[str]:
        """W, b = loss_unpack(theta, shapes)"""
        ravel = spelled(self.parts, "ravel")
        each = ", ".join(f"{ravel}({gradient})" for gradient in self.gradients)
        return self._with_pack(TUPLE, each)

    def of_container(self, kind: str) -> list[str]:
        """params = loss_unpack(theta, shapes)"""
        ravel, found = spelled(self.parts, "ravel"), self.gradients[0]
        if kind == LIST:
            part = self.parts.names.underscored("part")
            return self._with_pack(LIST, f"{ravel}({part}) for {part} in {found}")
        key = self.parts.names.underscored("key")
        return self._with_pack(
            DICT, f"{ravel}({found}[{key}]) for {key} in {self.shapes}"
        )

    # --- text ------------------------------------------------------------------------------------------------------

    def _with_pack(self, kind: str, each: str) -> list[str]:
        """The function, after the two that put the parts together and take them apart."""
        pack, unpack = (free(self.parts, ending) for ending in ("pack", "unpack"))
        target = several(self.names) if kind == TUPLE else self.names[0]
        first = f"{target} = {unpack}({self.theta}, {self.shapes})"
        gradient = f"{spelled(self.parts, 'concatenate')}([{each}])"
        return [
            pack_text(self.parts, pack, self.names, kind),
            unpack_text(self.parts, unpack, kind),
            self._function([self.theta, self.shapes], [first], gradient),
        ]

    def _function(self, first: Sequence[str], before: Sequence[str], gradient: str) -> str:  # fmt: skip
        """def NAME_fun(theta, X, y): ..., return value, gradient"""
        parts = self.parts
        head = f"{free(parts, 'fun')}({', '.join([*first, *listed(self.others)])})"
        result = f"return {parts.outputs[0]}, {gradient}"
        backward = [x for x in parts.reading if COPIED.fullmatch(x) is None]
        lines = [*parts.docstring, *before, *parts.forward, "", *backward, "", result]
        return "\n".join([*method(head, lines), ""])


def pack_text(parts: Parts, name: str, names: Sequence[str], kind: str) -> str:
    """def NAME_pack(w, b): one vector, and the shapes"""
    shapes = _beside(names, "shapes")
    ravel, join, shape = (spelled(parts, n) for n in ("ravel", "concatenate", "shape"))
    lines = ['"""One vector of all, and the shapes to take it apart by."""']
    tree = names[0]
    if kind == TUPLE:
        tree = _beside(names, "parts")
        lines.append(f"{tree} = ({several(names)})")
    if kind == DICT:
        each = f"{{key: {shape}(part) for key, part in {tree}.items()}}"
        tree = f"{tree}.values()"
    else:
        each = f"[{shape}(part) for part in {tree}]"
    vector = f"{join}([{ravel}(part) for part in {tree}])"
    lines += [f"{shapes} = {each}", f"return {vector}, {shapes}"]
    return "\n".join([*method(f"{name}({', '.join(names)})", lines), ""])


def unpack_text(parts: Parts, name: str, kind: str) -> str:
    """def NAME_unpack(theta, shapes): the parts"""
    product = shown(parts.dialect.name("math.prod"))
    part = "theta[start:end].reshape(shape)"
    of_dict = kind == DICT
    lines = [
        '"""The parts of the vector, each in its shape."""',
        f"parts, start = {'{}' if of_dict else '[]'}, 0",
        "for key, shape in shapes.items():" if of_dict else "for shape in shapes:",
        f"    end = start + {product}(shape)",
        f"    parts[key] = {part}" if of_dict else f"    parts.append({part})",
        "    start = end",
        "return parts",
    ]
    return "\n".join([*method(f"{name}(theta, shapes)", lines), ""])


def spelled(parts: Parts, name: str) -> str:
    """np.ravel, as the file has it."""
    return shown(parts.dialect.name(f"numpy.{name}"))


def free(parts: Parts, ending: str) -> str:
    return parts.module_names.underscored(f"{parts.function.name}_{ending}")


def several(names: Sequence[str]) -> str:
    """x, y on the left or between brackets"""
    return f"{names[0]}," if len(names) == 1 else ", ".join(names)


def _beside(names: Sequence[str], wanted: str) -> str:
    """`wanted`, with underscores where it is one of the names."""
    while wanted in names:
        wanted += "_"
    return wanted
