"""Lists and dicts: methods that change them, functions of them, items stored into them -> equations.

A list or dict whose items are known one by one is a Struct: a change makes another Struct, and every name of the old
one has it from then on. Others are values of kind list or dict, of which a change makes another version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.scope import (
    Arguments,
    Frame,
    Path,
    Refusal,
    Stale,
    Struct,
    Value,
    atoms_in,
)
from flatgrad.graph import Atom, Lit, Var
from flatgrad.types import Shape, Type, join, scalar

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

LISTS, DICTS = ("list",), ("dict",)
LIST_METHODS = {
    "append",
    "extend",
    "insert",
    "pop",
    "copy",
    "reverse",
    "sort",
    "clear",
    "index",
    "count",
    "remove",
}
ONLY_LISTS = {"append", "extend", "insert", "remove"}
DICT_METHODS = {
    "get",
    "items",
    "keys",
    "values",
    "update",
    "pop",
    "setdefault",
    "copy",
    "clear",
}
ONLY_DICTS = {"items", "keys", "values", "update", "setdefault", "get"}
CHANGING = {
    "append", "extend", "insert", "pop", "reverse", "sort", "clear", "remove", "update", "setdefault", "popitem",
}  # fmt: skip


def replaced(low: Lowering, old: Struct, new: Value) -> None:
    """Every name of the list `old`, in every activation, is one of `new` from now on."""
    for frame in _frames(low):
        for name, value in list(frame.env.items()):
            after = _with(value, old, new)
            if after is not value:
                low.note()
                low.storages.hold(frame, name, after)


def _frames(low: Lowering) -> Iterator[Frame]:
    yield from low._all_frames()


def _with(value: Value, old: Struct, new: Value) -> Value:
    if value is old:
        return new
    if isinstance(value, Struct):
        items = [_with(i, old, new) for i in value.items]
        if any(a is not b for a, b in zip(items, value.items, strict=True)):
            return value.of(items)
    return value


def changes(low: Lowering, names: Sequence[str]) -> None:
    """Lists and dicts that a branch or a loop changes: how many items they have is not known afterwards."""
    for name in names:
        value = low.frame.env.get(name)
        if isinstance(value, Struct) and value.kind in ("list", "dict"):
            loose(low, name, value)


def loose(low: Lowering, name: str, value: Struct) -> Var:
    """A list whose items are known one by one, as a value of kind list."""
    items = tuple(
        loose(low, "", i) if isinstance(i, Struct) and i.kind != "tuple" else i
        for i in value.items
    )
    low.build.dialect = ""
    made = low.atom(value.of(items), low.here() or low.node)
    assert isinstance(made, Var)
    made.name = made.name or name
    made.type = Type(Shape(), value.kind)
    replaced(low, value, made)
    return made


def called(
    low: Lowering, node: cst.Call, function_: Any, given: Arguments
) -> Value | None:
    """What a call gives that is about a list or a dict; None where it is about something else."""
    match function_:
        case Path(path="builtins.str"):
            return text(low, node, given.atoms)
        case Path(path=path):
            return function(low, node, path, given)
        case (receiver, str() as name):
            receiver = _as_it_is_now(low, node, receiver)
            return method(low, node, receiver, name, given)
        case _:
            return None


def _as_it_is_now(low: Lowering, node: cst.Call, receiver: Value) -> Value:
    """xs.append(xs.pop()): the arguments may have changed the list."""
    match node.func:
        case cst.Attribute(value=cst.Name(value=name)) if name in low.frame.env:
            now = low.frame.env[name]
            return receiver if isinstance(now, Stale) else now
        case _:
            return receiver


def text(low: Lowering, node: cst.CSTNode, reads: Sequence[Atom]) -> Value:
    """A string that is computed: 'W' + str(l), f"W{l}"."""
    low.build.dialect = ""
    return low.emit("text", *reads, node=node)


# --- methods -----------------------------------------------------------------------------------------------------


def method(
    low: Lowering, node: cst.Call, receiver: Value, name: str, given: Arguments
) -> Value | None:
    """What a method of a list or a dict gives; None where the receiver is something else."""
    kind = _kind(receiver, name)
    if kind == "list" and name in LIST_METHODS:
        return _list_method(low, node, receiver, name, given)
    if kind == "dict" and name in DICT_METHODS:
        return _dict_method(low, node, receiver, name, given)
    return None


def _kind(receiver: Value, name: str) -> str:
    match receiver:
        case Struct(kind=kind):
            return kind
        case Var(type=Type(kind="any", shape=shape)) if shape.dims is None:
            if name in ONLY_LISTS:
                receiver.type.kind = "list"
            elif name in ONLY_DICTS:
                receiver.type.kind = "dict"
            return receiver.type.kind
        case Var(type=Type(kind=kind)):
            return kind
        case _:
            return ""


def _list_method(
    low: Lowering, node: cst.Call, receiver: Value, name: str, given: Arguments
) -> Value | None:
    args, atom = given.positional, _atom(low, node)
    if isinstance(receiver, Struct):
        found = _known_list(low, node, receiver, name, given)
        if found is not None:
            return found
        receiver = loose(low, _name_of(node), receiver)
    assert isinstance(receiver, Var)
    xs = receiver
    match name, args:
        case "append", [item]:
            return change(low, node, xs, "list_append", atom(item))
        case "extend", [more]:
            return change(low, node, xs, "list_concat", as_list(low, node, more))
        case "insert", [at, item]:
            return change(low, node, xs, "list_insert", atom(at), atom(item))
        case "pop", []:
            return pop(low, node, xs, Lit(-1))
        case "pop", [at]:
            return pop(low, node, xs, atom(at))
        case "copy", []:
            return low.emit("list_copy", xs, node=node)
        case "reverse", []:
            low.build.dialect = ""
            new = low.emit("getitem", xs, Lit(slice(None, None, -1)))
            return _changed(low, node, xs, new)
        case "clear", []:
            return _changed(low, node, xs, _typed(low.emit("tuple", list=True), "list"))
        case "sort", []:
            return change(low, node, xs, "list_sort", **_sort_options(low, node, given))
        case ("index" | "count"), _:
            return _number(
                low.opaque(
                    f".{name}() of a list is not read",
                    [xs, *given.atoms],
                    node,
                    code="FG108",
                )[0]
            )
        case _:
            return None


def _number(value: Var) -> Var:
    value.type = Type(Shape(()), "int")
    return value


def _known_list(
    low: Lowering, node: cst.Call, xs: Struct, name: str, given: Arguments
) -> Value | None:
    """A change of a list whose items are known one by one."""
    items, args = xs.items, given.positional
    match name, args:
        case "append", [item]:
            return _new(low, xs, (*items, item))
        case "extend", [Struct(items=more, kind=("list" | "tuple"))]:
            return _new(low, xs, (*items, *more))
        case "insert", [Lit(value=int() as at), item]:
            listed = [*items]
            listed.insert(at, item)
            return _new(low, xs, listed)
        case "pop", ([] | [Lit(value=int())]) if items:
            at = args[0].value if args and isinstance(args[0], Lit) else -1
            if not -len(items) <= at < len(items):
                raise Refusal(
                    "FG107",
                    f"a list of {len(items)} has no such element",
                    "mend the index",
                    node,
                )
            listed = [*items]
            item = listed.pop(at)
            _new(low, xs, listed)
            return item
        case "copy", []:
            return xs.of(items)
        case "reverse", []:
            return _new(low, xs, items[::-1])
        case "clear", []:
            return _new(low, xs, ())
        case _:
            return None


def _new(
    low: Lowering, old: Struct, items: Sequence[Value], keys: tuple[Any, ...] = ()
) -> Value:
    replaced(low, old, Struct(tuple(items), old.kind, keys))
    return Lit(None)


def _dict_method(
    low: Lowering, node: cst.Call, receiver: Value, name: str, given: Arguments
) -> Value | None:
    args, atom = given.positional, _atom(low, node)
    if isinstance(receiver, Struct):
        found = _known_dict(low, node, receiver, name, given)
        if found is not None:
            return found
        receiver = loose(low, _name_of(node), receiver)
    assert isinstance(receiver, Var)
    d = receiver
    low.build.dialect = ""
    match name, args:
        case "get", [key, default]:
            return looked_up(low, node, d, atom(key), default)
        case "values", []:
            return low.emit("dict_values", d, node=node)
        case "keys", []:
            return _typed(
                low.opaque("the keys of a dict", [d], node, code="FG108")[0], "other"
            )
        case "copy", []:
            return low.emit("dict_copy", d, node=node)
        case "update", [other]:
            return change(low, node, d, "dict_update", as_dict(low, node, other))
        case "pop", [key]:
            return pop(low, node, d, atom(key))
        case "setdefault", [key, value]:
            at = atom(key)
            new = low.emit("dict_setdefault", d, at, atom(value))
            _changed(low, node, d, new)
            return low.emit("getitem", new, at)
        case "clear", []:
            return _changed(low, node, d, low.emit("dict", keys=()))
        case _:
            return None


def _known_dict(
    low: Lowering, node: cst.Call, d: Struct, name: str, given: Arguments
) -> Value | None:
    known = dict(zip(d.keys, d.items, strict=True))
    match name, given.positional:
        case "get", [Lit(value=key), *default] if len(default) < 2:
            return known.get(key, default[0] if default else Lit(None))
        case "values", []:
            return Struct(d.items, "list")
        case "keys", []:
            return Struct(tuple(map(Lit, d.keys)), "list")
        case "items", []:
            return Struct(tuple(Struct((Lit(k), v)) for k, v in known.items()), "list")
        case "copy", []:
            return d.of(d.items)
        case "update", [Struct(kind="dict", keys=keys, items=items)]:
            known |= dict(zip(keys, items, strict=True)) | given.keywords
        case "update", []:
            known |= given.keywords
        case "pop", [Lit(value=key), *_] if key in known:
            item = known.pop(key)
            _new(low, d, tuple(known.values()), tuple(known))
            return item
        case "setdefault", [Lit(value=key), value]:
            if key in known:
                return known[key]
            _new(low, d, (*d.items, value), (*d.keys, key))
            return value
        case _:
            return None
    return _new(low, d, tuple(known.values()), tuple(known))


def looked_up(
    low: Lowering, node: cst.Call, d: Var, key: Atom, default: Value
) -> Value:
    """d.get(key, default)"""
    what = "a .get() of a dict that carries a gradient is not read"
    step = "write d[key], where the key is there"
    value = low.opaque(
        what, [d, key, *atoms_in(default)], node, code="FG108", next_step=step
    )[0]
    if isinstance(default, Lit) and isinstance(default.value, int | float):
        value.type = Type(Shape(()), "any")
    return value


# --- changes ---------------------------------------------------------------------------------------------------------


def change(
    low: Lowering, node: cst.Call, old: Var, op: str, *args: Atom, **attrs: Any
) -> Value:
    """A method that gives nothing and makes `old` another version of itself."""
    low.build.dialect = ""
    if old.type.kind == "any":
        old.type.kind = "dict" if op.startswith("dict") else "list"
    return _changed(low, node, old, low.emit(op, old, *args, **attrs))


def pop(low: Lowering, node: cst.Call, old: Var, at: Atom) -> Value:
    low.build.dialect = ""
    rest, item = (
        e.atom for e in low.build.emit_all("list_pop", (old, at), 2, node=node)
    )
    assert isinstance(rest, Var)
    _changed(low, node, old, rest)
    return item


def _changed(low: Lowering, node: cst.Call, old: Var, new: Var) -> Value:
    assert isinstance(node.func, cst.Attribute)
    put_back(low, node.func.value, old, new)
    return Lit(None)


def put_back(low: Lowering, where: cst.BaseExpression, old: Var, new: Var) -> None:
    """`where`, which was `old`, is `new` after the change."""
    match where:
        case cst.Name():
            low.write(where, old, new)
        case cst.Subscript():
            _put_back_part(low, where, old, new)
        case _:
            what = "a change of a list that has no name is not read"
            raise Refusal("FG106", what, "give the list a name", where)


def _put_back_part(low: Lowering, where: cst.Subscript, old: Var, new: Var) -> None:
    """rows[i].append(v): the row is another one, and so are the rows."""
    from flatgrad.frontend import expressions

    base = low.frame.values.get(where.value)
    if not isinstance(base, Var) or base.type.kind not in (
        "list",
        "dict",
        "any",
        "tree",
    ):
        what = "a change of a list within this value is not read"
        raise Refusal("FG106", what, "give the list a name of its own", where)
    index = expressions.index(low, where)
    low.build.dialect = ""
    low.overwrite(old, new, unsure=True)
    after = low.emit("setitem", base, index, new)
    put_back(low, where.value, base, after)


def _atom(low: Lowering, node: cst.CSTNode) -> Callable[[Value], Atom]:
    return lambda value: item_atom(low, node, value)


def item_atom(low: Lowering, node: cst.CSTNode, value: Value) -> Atom:
    """What is put into a list, as one value: a list within it is a list."""
    if isinstance(value, Struct) and value.kind != "tuple":
        return loose(low, "", value)
    low.build.dialect = ""
    return low.atom(value, node)


def _typed(value: Var, kind: str) -> Var:
    value.type = Type(Shape(), kind)
    return value


def as_list(low: Lowering, node: cst.CSTNode, value: Value) -> Atom:
    """The items of `value`, as a list."""
    if isinstance(value, Struct):
        made = low.atom(value, node)
        assert isinstance(made, Var)
        return _typed(made, "list")
    found = low.atom(value, node)
    if (
        isinstance(found, Var)
        and found.type.kind == "any"
        and found.type.shape.dims is None
    ):
        found.type.kind = "list"
    return found


def as_dict(low: Lowering, node: cst.CSTNode, value: Value) -> Atom:
    found = (
        loose(low, "", value) if isinstance(value, Struct) else low.atom(value, node)
    )
    if isinstance(found, Var) and found.type.kind == "any":
        found.type.kind = "dict"
    return found


def _name_of(node: cst.Call) -> str:
    match node.func:
        case cst.Attribute(value=cst.Name(value=name)):
            return name
        case _:
            return ""


def _sort_options(low: Lowering, node: cst.CSTNode, given: Arguments) -> dict[str, Any]:
    reverse = given.keywords.get("reverse", Lit(False))
    if "key" in given.keywords or not isinstance(reverse, Lit):
        raise Refusal("FG108", "a sort by a key is not read", "sort numbers", node)
    return {"reverse": bool(reverse.value)}


# --- stores ----------------------------------------------------------------------------------------------------------


def store(
    low: Lowering, target: cst.Subscript, base: Value, index: Atom, value: Value
) -> bool:
    """xs[i] = v where xs is a list or a dict, or a part of one; False where it is an array."""
    if isinstance(base, Struct):
        if (known := _stored(base, index, value)) is not None:
            replaced(low, base, known)
            return True
        if base.kind == "tuple":
            return False
        name = target.value.value if isinstance(target.value, cst.Name) else ""
        base = loose(low, name, base)
    if not isinstance(base, Var):
        return False
    if index.type.kind == "str" and base.type.kind == "any":
        base.type.kind = "dict"
    if base.type.kind not in ("list", "dict") and not _is_in_list(low, target):
        return False
    item = item_atom(low, target, value)
    if index.type.kind == "slice":
        raise Refusal(
            "FG106",
            "a store into a slice of a list is not read",
            "store the items one by one",
            target,
        )
    low.build.dialect = ""
    new = low.emit("setitem", base, index, item)
    put_back(low, target.value, base, new)
    return True


def augment_name(
    low: Lowering, target: cst.Name, op: str, more: cst.BaseExpression
) -> bool:
    """xs += [a, b]"""
    base = low.frame.env.get(target.value)
    listed = isinstance(base, Struct) and base.kind == "list"
    if op != "add" or not (
        listed or (isinstance(base, Var) and base.type.kind == "list")
    ):
        return False
    base, added = low.expression(target), low.expression(more)
    if isinstance(base, Struct):
        if isinstance(added, Struct):
            _new(low, base, (*base.items, *added.items))
            return True
        base = loose(low, target.value, base)
    assert isinstance(base, Var)
    low.build.dialect = ""
    put_back(
        low, target, base, low.emit("list_concat", base, as_list(low, target, added))
    )
    return True


def augment_part(
    low: Lowering, target: cst.Subscript, op: str, node: cst.BaseExpression
) -> bool:
    """xs[i] += v where xs is a list or a dict; False where it is an array."""
    from flatgrad.frontend import expressions

    base = low.expression(target.value)
    index = expressions.index(low, target)
    known = isinstance(base, Struct) and base.kind != "tuple"
    if not known and not (isinstance(base, Var) and _is_held(low, target, base, index)):
        return False
    if (
        isinstance(base, Struct)
        and isinstance(index, Lit)
        and (kept := _stored(base, index, Lit(0))) is not None
    ):
        return _augment_known(low, target, op, node, base, index, kept)
    if isinstance(base, Struct):
        base = loose(
            low, target.value.value if isinstance(target.value, cst.Name) else "", base
        )
    assert isinstance(base, Var)
    amount = low.atom(low.expression(node), node)
    if low.module.imports_library_of_arrays():
        low.note()
        if base.type.kind in ("list", "dict"):
            low.storages.spoil_items(base, low.build.statement)
    low.build.dialect = ""
    if op in ("add", "sub") and amount.type.kind not in ("list", "str"):
        amount = low.emit("neg", amount) if op == "sub" else amount
        new = low.emit("index_add", base, index, amount, repeats=False)
    else:
        part = low.emit("getitem", base, index)
        new = low.emit("setitem", base, index, low.emit(op, part, amount))
    put_back(low, target.value, base, new)
    return True


def _is_held(low: Lowering, target: cst.Subscript, base: Var, index: Atom) -> bool:
    return (
        base.type.kind in ("list", "dict")
        or _is_key(base, index)
        or _is_in_list(low, target)
    )


def _is_key(base: Var, index: Atom) -> bool:
    if index.type.kind == "str" and base.type.kind == "any":
        base.type.kind = "dict"
    return base.type.kind == "dict"


def _augment_known(
    low: Lowering, target: cst.Subscript, op: str, node: cst.BaseExpression, base: Struct, index: Lit, kept: Struct
) -> bool:  # fmt: skip
    """An array among the items is written in place, a number gets another value."""
    from flatgrad.frontend import expressions

    old = expressions._item(base, index.value, target)
    if isinstance(old, Struct):
        return False
    amount = low.atom(low.expression(node), node)
    old = low.atom(old, target)
    low.build.dialect = ""
    new = low.emit(op, old, amount)
    low.note()
    if isinstance(old, Var) and not (
        old.type.shape.is_scalar and old not in low.storages.arrays
    ):
        low.overwrite(old, new, unsure=True)
    after = _stored(base, index, new)
    assert after is not None
    replaced_after_write(low, base, target, after)
    return True


def replaced_after_write(
    low: Lowering, old: Struct, target: cst.Subscript, new: Struct
) -> None:
    """The write may have made the names of the list stale; the one that it was made through is not."""
    replaced(low, old, new)
    if isinstance(target.value, cst.Name):
        low.note()
        low.storages.hold(low.frame, target.value.value, new)


def _is_in_list(low: Lowering, target: cst.Subscript) -> bool:
    """rows[i][j] where rows is a list or a dict."""
    match target.value:
        case cst.Subscript(value=outer):
            held = low.frame.values.get(outer)
            return isinstance(held, Var) and held.type.kind in ("list", "dict")
        case _:
            return False


def _stored(base: Struct, index: Atom, value: Value) -> Struct | None:
    if not isinstance(index, Lit):
        return None
    if base.kind == "dict":
        known = dict(zip(base.keys, base.items, strict=True)) | {index.value: value}
        return Struct(tuple(known.values()), "dict", tuple(known))
    items = [*base.items]
    if (
        base.kind != "list"
        or type(index.value) is not int
        or not -len(items) <= index.value < len(items)
    ):
        return None
    items[index.value] = value
    return base.of(items)


def delete(low: Lowering, node: cst.Del) -> bool:
    """del xs[i]; False where something else is deleted."""
    from flatgrad.frontend import expressions

    match node.target:
        case cst.Subscript() as target:
            base, index = low.expression(target.value), expressions.index(low, target)
        case _:
            return False
    if (
        isinstance(base, Struct)
        and isinstance(index, Lit)
        and _stored(base, index, Lit(0)) is not None
    ):
        known = [*base.items]
        at = base.keys.index(index.value) if base.kind == "dict" else index.value
        known.pop(at)
        keys = tuple(k for k in base.keys if k != index.value)
        _new(low, base, known, keys)
        return True
    if isinstance(base, Struct) and base.kind != "tuple":
        base = loose(
            low, target.value.value if isinstance(target.value, cst.Name) else "", base
        )
    if (
        not isinstance(base, Var)
        or base.type.kind not in ("list", "dict")
        or index.type.kind == "slice"
    ):
        return False
    low.build.dialect = ""
    item = low.emit("getitem", base, index)
    low.build.dialect = ""
    put_back(low, target.value, base, low.emit("list_drop", base, index, item))
    return True


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


# --- functions -------------------------------------------------------------------------------------------------------

STACKING = {"numpy.stack": "stack", "numpy.array": "stack", "numpy.asarray": "stack"}
JOINING = {
    f"numpy.{n}": n for n in ("concatenate", "vstack", "hstack", "column_stack", "row_stack")
}  # fmt: skip


def function(
    low: Lowering, node: cst.Call, path: str, given: Arguments
) -> Value | None:
    """What a function of a list or a dict gives; None where the tables know better."""
    args = given.positional
    match path, args:
        case "builtins.dict", _:
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
            return _typed(
                low.opaque("the keys of a dict", [xs], node, code="FG108")[0], "other"
            )
        case "builtins.list" | "builtins.tuple":
            return _typed(
                low.emit(
                    "list_copy", xs, node=node, kind=path.removeprefix("builtins.")
                ),
                "list",
            )
        case "builtins.sorted" if xs.type.kind == "dict":
            return _typed(
                low.opaque("the keys of a dict", [xs], node, code="FG108")[0], "keys"
            )
        case "builtins.sorted":
            return low.emit(
                "list_sort", xs, node=node, **_sort_options(low, node, given)
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
            xs.type.kind == "list" or path == "numpy.stack"
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
    if path == "numpy.stack":
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
    axis = given.keywords.get("axis", rest[0] if rest else default)
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
        case [Var() as d] if not given.keywords and d.type.kind in ("any", "dict"):
            d.type.kind = "dict"
            low.build.dialect = ""
            return low.emit("dict_copy", d, node=node)
        case _:
            return None


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
