"""Equations -> which values are lists, dicts or trees of arrays, where the text does not say so.

A value that is only indexed, counted and gone through may be an array or a list; one that is unpacked into matrices,
or whose items are indexed in turn, is taken for a tree: an array or a list, tuple or dict of trees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.frontend import kinds
from flatgrad.frontend.module import nodes_in
from flatgrad.graph import Atom, Eqn, Lit, Var, all_equations
from flatgrad.shapes.items import NOTHING, each_of
from flatgrad.types import Shape, join, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

# Operations that say nothing of whether what they read is an array.
NEUTRAL = {
    "getitem", "setitem", "index_add", "len", "tuple", "dict", "text", "test", "alias", "for", "while", "if", "opaque",
    "list_append", "list_insert", "list_pop", "list_concat", "list_copy", "dict_copy", "dict_update", "dict_values",
    "unzip", "sum_list", "list_repeat", "list_filled", "list_fold", "zeros_like", "stack_list", "join_list", "max_list", "min_list", "list_sort",
}  # fmt: skip
LISTED = {
    "list_copy",
    "list_sort",
    "unzip",
    "sum_list",
    "max_list",
    "min_list",
    "list_concat",
}
MATRICES = {
    "matmul",
    "dot",
    "transpose",
    "shape",
    "reshape",
    "einsum",
    "matrix_transpose",
}
CONTAINERS = ("list", "dict", "tree")


def settle(low: Lowering) -> None:
    """Give values that hold others the kind tree, and numbers in a file without arrays no axes."""
    eqns = [*all_equations(low.outside.eqns), *all_equations(low.build.eqns)]
    kinds.spread(eqns)
    plain = not low.module.imports_library_of_arrays()
    found = _Uses(eqns, with_arrays=not plain)
    inner = [p for eqn in eqns for block in eqn.blocks for p in block.params]
    params = {*low.params.values()}
    for value in [
        *low.params.values(),
        *inner,
        *(out for eqn in eqns for out in eqn.outs),
    ]:
        mine = value in params or found.root(value) in params or found.is_item(value)
        if found.may_hold(value) and mine:
            _hold(found, value, plain)
    if plain:
        for eqn in eqns:
            if (
                eqn.op in ("getitem", "list_pop")
                and eqn.args[0].type.kind in CONTAINERS
                and not _has_arrays(eqn.args[0])
            ):
                _number(found, eqn.outs[-1])
        _carry_numbers(found, eqns)
        for value in (out for eqn in eqns for out in eqn.outs):
            numbers = found.has_numbers(value) and not _has_arrays(value)
            if value.type.kind in ("list", "tree") and numbers:
                value.type.shape.parts["numbers"] = True


def _has_arrays(held: Atom) -> bool:
    """What was put into the list is not known to be numbers."""
    each = each_of(held.type)
    return each is not None and each is not NOTHING and not each.shape.is_scalar


def _carry_numbers(found: _Uses, eqns: Iterable[Eqn]) -> None:
    """What starts as a number and is handed on by a loop stays one."""
    for eqn in eqns:
        if eqn.op not in ("for", "while"):
            continue
        count = len(eqn.outs) - 1
        for start, param, out in zip(
            eqn.args[len(eqn.args) - count :],
            eqn.blocks[-1].params[1:],
            eqn.outs[1:],
            strict=True,
        ):
            for value in (param, out):
                if start.type.shape.is_scalar and start.type.kind != "none":
                    _number(found, value)


def _number(found: _Uses, item: Var) -> None:
    if (
        item.type.kind in ("any", "float", "int")
        and item.type.rank is None
        and found.root(item) not in found.bases
    ):
        join(item.type.shape, scalar())


def _hold(found: _Uses, value: Var, plain: bool) -> None:
    if (
        plain
        or found.is_item(value)
        or found.is_gone_through(value)
        or found.has_matrices(value)
    ):
        value.type.kind = "tree"
        return
    for eqn in found.bases.get(found.root(value), ()):
        if eqn.attrs.get("unpacked"):
            join(
                eqn.out.type.shape,
                value.type.shape.root().parts.setdefault(("integer",), Shape()),
            )


def _is_one_key(index: Atom) -> bool:
    """A number, a string or a slice: what a list or a dict can be indexed by."""
    return index.type.kind in ("slice", "str") or (
        index.type.kind == "int" and index.type.shape.is_scalar
    )


class _Uses:
    def __init__(self, eqns: Iterable[Eqn], with_arrays: bool = True):
        self.bases: dict[Atom, list[Eqn]] = {}
        self.arrays: set[Atom] = set()
        self.matrices: set[Atom] = set()
        self.counted: set[Atom] = set()
        self.listed: set[Atom] = set()  # what list(x), sum(x) and the like are of
        self.held: set[Atom] = set()  # what a helper takes for a tree
        self.items: dict[Atom, list[Atom]] = {}
        self.aliases: dict[Atom, list[Var]] = {}
        self.made: dict[Atom, Eqn] = {}
        self.groups: dict[Atom, Atom] = {}
        every = list(eqns)
        for eqn in every:
            if eqn.op in ("for", "while"):
                self._carried(eqn)
        for eqn in every:
            self._note(eqn)
        for eqn in reversed(every) if with_arrays else ():
            self._note_slice(eqn)

    def _carried(self, eqn: Eqn) -> None:
        """What a loop hands on is one value, as far as its structure goes."""
        body, count = eqn.blocks[-1], len(eqn.outs) - 1
        for start, param, out in zip(
            eqn.args[len(eqn.args) - count :],
            body.params[1:],
            eqn.outs[1:],
            strict=True,
        ):
            if isinstance(start, Var):
                self.groups[self.root(param)] = self.groups[self.root(out)] = self.root(
                    start
                )

    def root(self, value: Atom) -> Atom:
        while (up := self.groups.setdefault(value, value)) is not value:
            value = up
        return value

    def _note(self, eqn: Eqn) -> None:
        self.made.update((out, eqn) for out in eqn.outs)
        if eqn.op == "getitem":
            self.bases.setdefault(self.root(eqn.args[0]), []).append(eqn)
            if not _is_one_key(eqn.args[1]) and not self._is_length(eqn.args[1]):
                self.arrays.add(self.root(eqn.args[0]))
        elif eqn.op in LISTED:
            self.listed.add(self.root(eqn.args[0]))
        elif eqn.op == "list_append":
            self.items.setdefault(self.root(eqn.args[0]), []).append(eqn.args[1])
        elif eqn.op == "alias":
            self.aliases.setdefault(eqn.args[0], []).append(eqn.out)
        elif eqn.op == "len":
            self.counted.add(self.root(eqn.args[0]))
        elif eqn.op == "call":
            self._called(eqn)
        elif eqn.op not in NEUTRAL:
            self.arrays.update(map(self.root, eqn.args))
        if eqn.op in MATRICES:
            self.matrices.update(eqn.args)

    def _is_length(self, index: Atom) -> bool:
        """n of `n, m = x.shape`."""
        made = self.made.get(index)
        shape = (
            self.made.get(made.args[0])
            if made is not None and made.op == "getitem"
            else None
        )
        return shape is not None and shape.op == "shape"

    def _note_slice(self, eqn: Eqn) -> None:
        """What x[1:] is used as an array of is an array."""
        if (
            eqn.op != "getitem"
            or eqn.args[1].type.kind != "slice"
            or eqn.attrs.get("unpacked")
        ):
            return
        shown = (eqn.out, *self.aliases.get(eqn.out, ()))
        if any(self.root(value) in self.arrays for value in shown):
            self.arrays.add(self.root(eqn.args[0]))

    def _called(self, eqn: Eqn) -> None:
        """A helper that stands by itself knows which of its parameters are trees."""
        function = eqn.attrs["pair"].function
        for name, arg in zip(eqn.attrs["pair"].params, eqn.args, strict=True):
            if function is not None:
                held = function.params[name].type.kind in CONTAINERS
                (self.held if held else self.arrays).add(self.root(arg))

    def may_hold(self, value: Var) -> bool:
        free = value.type.kind == "any" and value.type.rank is None
        root = self.root(value)
        used = root in self.bases or root in self.listed or root in self.held
        return free and used and self.root(value) not in self.arrays

    def is_item(self, value: Var) -> bool:
        """The value is an item of a list, a dict or a tree."""
        made = self.made.get(value)
        if made is not None and made.op == "alias" and isinstance(made.args[0], Var):
            return self.is_item(made.args[0]) or made.args[0].type.kind in CONTAINERS
        return (
            made is not None
            and made.op == "getitem"
            and made.args[0].type.kind in CONTAINERS
        )

    def has_numbers(self, value: Var) -> bool:
        """A list of a file without arrays whose items are used as numbers."""
        made = self.made.get(self.root(value))
        flat = (
            made is None
            or (made.op == "tuple" and not made.args)
            or made.op in ("list_sort", "list_copy")
        )
        items = [
            e.outs[-1]
            for e in self.bases.get(self.root(value), [])
            if e.args[1].type.kind != "slice"
        ]
        put = self.items.get(self.root(value), [])
        flat = flat and self.root(value) in self.made
        return (
            flat
            and bool(items or put)
            and all(i.type.shape.is_scalar for i in (*items, *put))
        )

    def is_gone_through(self, value: Var) -> bool:
        value_ = self.root(value)
        return (
            value_ in self.counted
            or value_ in self.held
            or value_ in self.listed
            or any(
                not isinstance(e.args[1], Lit) or self._is_gone_through_part(e)
                for e in self.bases.get(value_, ())
            )
        )

    def _is_gone_through_part(self, eqn: Eqn) -> bool:
        """for v in xs[1:]"""
        part = self.root(eqn.out)
        return eqn.args[1].type.kind == "slice" and part in self.counted

    def has_matrices(self, value: Var) -> bool:
        """Matrices are taken out of the value, or out of what is taken out of it."""
        bases = self.bases.get(self.root(value), ())
        if any(
            e.attrs.get("unpacked") and e.args[1].type.kind == "slice" for e in bases
        ):
            return True  # *rest is a list
        parts = [
            v
            for e in self.bases.get(self.root(value), ())
            for v in (e.out, *self.aliases.get(e.out, ()))
        ]
        return any(
            p in self.matrices
            or p.type.kind in CONTAINERS
            or (self.may_hold(p) and self.has_matrices(p))
            for p in parts
        )


def hint(low: Lowering, node: cst.For) -> None:
    """for k in d: ... d[k]: the keys of a dict."""
    match node:
        case cst.For(target=cst.Name(value=key), iter=cst.Name(value=name), body=body):
            held = low.frame.env.get(name)
            if (
                not isinstance(held, Var)
                or held.type.kind != "any"
                or held.type.rank is not None
            ):
                return
            for inner in nodes_in(body):
                match inner:
                    case cst.Subscript(
                        value=cst.Name(value=base),
                        slice=[
                            cst.SubscriptElement(
                                slice=cst.Index(value=cst.Name(value=index))
                            )
                        ],
                    ) if (
                        base == name and index == key
                    ):
                        held.type.kind = "dict"
                    case _:
                        pass
        case _:
            pass
