"""Functions of lists and dicts, and dicts written out -> equations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.containers import as_dict, item_atom, sort_options, typed
from flatgrad.frontend.scope import Arguments, Path, Refusal, Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.types import join, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

STACKING = {
    "numpy.stack": "stack", "torch.stack": "stack", "numpy.array": "stack", "numpy.asarray": "stack",
}  # fmt: skip
JOINING = {
    f"numpy.{n}": n for n in ("concatenate", "vstack", "hstack", "column_stack", "row_stack")
} | {
    f"torch.{n}": n for n in ("concatenate", "vstack", "hstack", "column_stack", "row_stack")
} | {"torch.cat": "concatenate", "torch.concat": "concatenate"}  # fmt: skip


def function(
    low: Lowering, node: cst.Call, path: str, given: Arguments
) -> Value | None:
    """What a function of a list or a dict gives; None where the tables know better."""
    args = given.positional
    match path, args:
        case ("builtins.dict" | "collections.OrderedDict"), _:
            return _dict(low, node, given)
        case ("builtins.list" | "builtins.tuple"), []:
            return Struct((), path.removeprefix("builtins."))
        case _, [Struct(kind="dict", keys=keys)] if path in (
            "builtins.list",
            "builtins.sorted",
            "builtins.tuple",
        ):
            ordered = sorted(keys) if path.endswith("sorted") else keys
            return Struct(tuple(map(Lit, ordered)), "list")
        case "builtins.len", [Struct(items=items)]:
            return Lit(len(items))
        case ("builtins.list" | "builtins.tuple"), [Struct(items=items)]:
            return Struct(items, path.removeprefix("builtins."))
        case _, [Var() as xs, *rest]:
            return _of_value(low, node, path, xs, rest, given)
        case _:
            return None


def _of_value(
    low: Lowering,
    node: cst.Call,
    path: str,
    xs: Var,
    rest: list[Value],
    given: Arguments,
) -> Value | None:
    low.build.dialect = ""
    if xs.type.shape.dims is not None and xs.type.kind not in ("list", "dict"):
        return None
    match path:
        case "builtins.list" | "builtins.tuple" if xs.type.kind == "dict":
            return typed(
                low.opaque("the keys of a dict", [xs], node, code="FG108")[0], "other"
            )
        case "builtins.list" | "builtins.tuple":
            return typed(
                low.emit(
                    "list_copy", xs, node=node, kind=path.removeprefix("builtins.")
                ),
                "list",
            )
        case "builtins.sorted" if xs.type.kind == "dict":
            return typed(
                low.opaque("the keys of a dict", [xs], node, code="FG108")[0], "keys"
            )
        case "builtins.sorted":
            return low.emit(
                "list_sort", xs, node=node, **sort_options(low, node, given)
            )
        case "builtins.reversed":
            return low.emit("getitem", xs, Lit(slice(None, None, -1)), node=node)
        case "builtins.max" | "builtins.min" if (
            not rest and xs.type.rank is None and not given.keywords
        ):
            found = low.emit(f"{path[-3:]}_list", xs, node=node)
            join(found.type.shape, scalar())
            return found
        case "builtins.sum" | "math.fsum" if xs.type.kind in ("list", "tree") or (
            not low.module.imports_library_of_arrays() and xs.type.kind == "any"
        ):
            xs.type.kind = "list"
            start = [*rest, *given.keywords.values(), Lit(0)][0]
            return low.emit("sum_list", xs, low.atom(start, node), node=node)
        case "numpy.sum" | "numpy.mean" | "numpy.prod" | "numpy.max" | "numpy.min" if (
            xs.type.kind == "list"
        ):
            return None
        case _ if path in STACKING and (
            xs.type.kind == "list" or path.endswith(".stack")
        ):
            return _stacked(low, node, path, xs, rest, given)
        case _ if path in JOINING and "out" not in given.keywords:
            options = _axis(rest, given, Lit(0))
            return low.emit("join_list", xs, node=node, way=JOINING[path], **options)
        case _:
            return None


def _stacked(
    low: Lowering,
    node: cst.Call,
    path: str,
    xs: Var,
    rest: list[Value],
    given: Arguments,
) -> Value | None:
    if path.endswith(".stack"):
        return low.emit("stack_list", xs, node=node, **_axis(rest, given, Lit(0)))
    dtype = [*rest, *given.keywords.values()]
    if dtype and not all(
        isinstance(d, Path) and d.path.rpartition(".")[2].startswith("float")
        for d in dtype
    ):
        return low.opaque(
            "the type of this array is not known", [xs], node, code="FG202"
        )[0]
    return low.emit("stack_list", xs, node=node)


def _axis(rest: list[Value], given: Arguments, default: Lit) -> dict[str, Any]:
    named = given.keywords.get("dim", given.keywords.get("axis"))
    axis = named or (rest[0] if rest else default)
    if not isinstance(axis, Lit):
        raise Refusal(
            "FG202",
            "an axis that is not written down is not read",
            "write the axis",
            None,
        )
    return {} if axis.value == 0 else {"axis": axis.value}


def array_of(low: Lowering, value: Value, node: cst.CSTNode) -> Value:
    """A list, where an array is asked for, as the array that NumPy makes of it."""
    if isinstance(value, Var) and value.type.kind == "list":
        low.build.dialect = ""
        return low.emit("stack_list", value)
    return value


def _dict(low: Lowering, node: cst.Call, given: Arguments) -> Value | None:
    match given.positional:
        case []:
            return Struct(tuple(given.keywords.values()), "dict", tuple(given.keywords))
        case [Struct(kind="dict", keys=keys, items=items)]:
            known = dict(zip(keys, items, strict=True)) | given.keywords
            return Struct(tuple(known.values()), "dict", tuple(known))
        case [Struct(items=rows)] if rows and all(map(_is_entry, rows)):
            entries = [r.items for r in rows if isinstance(r, Struct)]
            found = {k.value: v for k, v in entries if isinstance(k, Lit)}
            return Struct(tuple(found.values()), "dict", tuple(found))
        case [Var() as d] if not given.keywords and d.type.kind in ("any", "dict"):
            d.type.kind = "dict"
            low.build.dialect = ""
            return low.emit("dict_copy", d, node=node)
        case _:
            return None


def _is_entry(row: Value) -> bool:
    """("W", W)"""
    match row:
        case Struct(items=[Lit(), _]):
            return True
        case _:
            return False


def literal(low: Lowering, node: cst.Dict) -> Value:
    """{"W": W, "b": b}"""
    keys: list[Any] = []
    values: list[Value] = []
    whole: list[Value] = []
    computed: list[tuple[Atom, Atom]] = []
    for element in node.elements:
        value = low.expression(element.value)
        if isinstance(element, cst.StarredDictElement):
            if isinstance(value, Struct) and value.kind == "dict":
                keys += value.keys
                values += value.items
                continue
            if keys or whole:
                raise Refusal(
                    "FG108", "this dict is not read", "write d.update(...)", node
                )
            whole.append(value)
            continue
        assert isinstance(element, cst.DictElement)
        key = low.expression(element.key)
        if not isinstance(key, Lit) and whole:
            computed.append(
                (low.atom(key, element.key), item_atom(low, element, value))
            )
            continue
        if not isinstance(key, Lit):
            raise Refusal("FG108", "a dict literal with keys that are computed is not read", "write d[key] = value",
                          element.key)  # fmt: skip
        keys.append(key.value)
        values.append(value)
    known = dict(zip(keys, values, strict=True))
    found = Struct(tuple(known.values()), "dict", tuple(known))
    if whole:
        low.build.dialect = ""
        base = as_dict(low, node, whole[0])
        for at, (key_, value_) in enumerate(computed):
            low.build.dialect = ""
            base = low.emit(
                "setitem",
                base,
                key_,
                value_,
                node=node if at == len(computed) - 1 else None,
            )
        if computed and not keys:
            return base
        if computed:
            raise Refusal(
                "FG108", "this dict is not read", "write d[key] = value", node
            )
        return low.emit("dict_update", base, as_dict(low, node, found), node=node)
    return found


def unzip(low: Lowering, node: cst.Call) -> Value | None:
    """zip(*points): the first parts, the second parts and so on."""
    match node.args:
        case [cst.Arg(value=inner, star="*")]:
            pass
        case _:
            return None
    held = low.expression(inner)
    if isinstance(held, Struct):
        return None
    low.build.dialect = ""
    if (
        isinstance(held, Var)
        and held.type.kind == "any"
        and not low.module.imports_library_of_arrays()
    ):
        held.type.kind = "list"
    return low.emit("unzip", low.atom(held, inner))
