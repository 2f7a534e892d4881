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
from flatgrad.registry import RULES
from flatgrad.shapes.items import each_of
from flatgrad.types import Shape, Type, join

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

LISTS, DICTS = ("list",), ("dict",)
NUMBERS = ("float", "int", "complex", "array", "arange")
# What may give a list or an array, as what it is given does.
HANDING_ON = {"getitem", "list_pop", "dict_get", "alias", "copy", "if", "for", "while", "call", "opaque", "external"}  # fmt: skip
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
ONLY_LISTS = {"append", "extend", "insert", "remove", "reverse"}
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
    made.type = Type(Shape(), value.kind, each=each_of(made.type))
    replaced(low, value, made)
    return made


def called(
    low: Lowering, node: cst.Call, function_: Any, given: Arguments
) -> Value | None:
    """What a call gives that is about a list or a dict; None where it is about something else."""
    from flatgrad.frontend import listed

    match function_:
        case Path(path="builtins.str"):
            return text(low, node, given.atoms)
        case Path(path=path):
            return listed.function(low, node, path, given)
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
            receiver.type.kind = kind_with(name) or "any"
            return receiver.type.kind
        case Var(type=Type(kind=kind)):
            return kind
        case _:
            return ""


def kind_with(method: str) -> str:
    """list or dict, where nothing else has such a method."""
    return "list" * (method in ONLY_LISTS) or "dict" * (method in ONLY_DICTS)


def _list_method(
    low: Lowering, node: cst.Call, receiver: Value, name: str, given: Arguments
) -> Value | None:
    args, atom = given.positional, _atom(low, node)
    if isinstance(receiver, Struct):
        found = _known_list(low, node, receiver, name, given)
        if found is not None:
            return found
        receiver = loose(low, name_of(node), receiver)
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
            return _changed(low, node, xs, typed(low.emit("tuple", list=True), "list"))
        case "sort", []:
            return change(low, node, xs, "list_sort", **sort_options(low, node, given))
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
            return renewed(low, xs, (*items, item))
        case "extend", [Struct(items=more, kind=("list" | "tuple"))]:
            return renewed(low, xs, (*items, *more))
        case "insert", [Lit(value=int() as at), item]:
            listed = [*items]
            listed.insert(at, item)
            return renewed(low, xs, listed)
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
            renewed(low, xs, listed)
            return item
        case "copy", []:
            return xs.of(items)
        case "reverse", []:
            return renewed(low, xs, items[::-1])
        case "clear", []:
            return renewed(low, xs, ())
        case _:
            return None


def renewed(
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
        receiver = loose(low, name_of(node), receiver)
    assert isinstance(receiver, Var)
    d = receiver
    low.build.dialect = ""
    match name, args:
        case "get", [key, default]:
            return looked_up(low, node, d, atom(key), default)
        case "values", []:
            found = low.emit("dict_values", d, node=node)
            low.shown.append((found, d))
            return found
        case "keys", []:
            return typed(
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
    known: dict[Any, Value] = dict(zip(d.keys, d.items, strict=True))
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
            renewed(low, d, tuple(known.values()), tuple(known))
            return item
        case "setdefault", [Lit(value=key), value]:
            if key in known:
                return known[key]
            renewed(low, d, (*d.items, value), (*d.keys, key))
            return value
        case _:
            return None
    return renewed(low, d, tuple(known.values()), tuple(known))


def looked_up(
    low: Lowering, node: cst.Call, d: Var, key: Atom, default: Value
) -> Value:
    """d.get(key, default)"""
    what = "a .get() of a dict that carries a gradient is not read"
    step = "write d[key], where the key is there"
    if d.type.kind == "any":
        d.type.kind = "dict"
    attrs = {"what": what, "code": "FG108", "next_step": step, "taken": True}
    args = [d, key, *atoms_in(default)]
    (made,) = low.build.emit_all("opaque", args, 1, node=node, attrs=attrs)
    value = made.atom
    assert isinstance(value, Var)
    if isinstance(default, Lit) and isinstance(default.value, int | float):
        value.type = Type(Shape(()), "any")
    elif isinstance(default, Var) and default.type.kind not in ("list", "dict", "str"):
        join(value.type.shape, default.type.shape)  # an array is like its default
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
    _outdate(low, old)
    match where:
        case cst.Name():
            low.write(where, old, new)
        case cst.Subscript():
            _put_back_part(low, where, old, new)
        case _:
            what = "a change of a list that has no name is not read"
            raise Refusal("FG106", what, "give the list a name", where)


def _outdate(low: Lowering, d: Var) -> None:
    """What d.values() gave shows what is in the dict from now on."""
    low.note()
    root, statement = low.storages.root, low.build.statement
    views = {root(view) for view, shown in low.shown if root(shown) is root(d)}
    if not views or statement is None:
        return
    for frame in _frames(low):
        for name, value in frame.env.items():
            if isinstance(value, Var) and root(value) in views:
                why = f"{name} shows the values of a dict, which was changed"
                step = "write list(d.values())"
                frame.env[name] = Stale(name, why, statement, "FG401", step)
                low.storages.destroyed.setdefault(value, statement)


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


def typed(value: Var, kind: str) -> Var:
    value.type = Type(Shape(), kind)
    return value


def as_list(low: Lowering, node: cst.CSTNode, value: Value) -> Atom:
    """The items of `value`, as a list."""
    if isinstance(value, Struct):
        made = low.atom(value, node)
        assert isinstance(made, Var)
        return typed(made, "list")
    found = low.atom(value, node)
    counted = isinstance(node, cst.Call) and _is_counted(found)
    gone_through = isinstance(node, cst.List | cst.Call)  # which gives items either way
    if (
        isinstance(found, Var)
        and not counted
        and _may_be_an_array(low, found, not gone_through)
    ):
        what = f"{found.name or 'what'} is put to a list, and may be an array"
        step = "annotate it as a list, or write list(...) around it"
        raise Refusal("FG106", what, step, node)
    if (
        isinstance(found, Var)
        and found.type.kind == "any"
        and found.type.shape.dims is None
    ):
        found.type.kind = "list"
    return found


def _is_counted(value: Atom) -> bool:
    """xs.extend(range(n))"""
    return value.type.kind in ("arange", "int", "bool")


def _may_be_an_array(low: Lowering, value: Var, added: bool) -> bool:
    """Computed, and so surely no list; or given in a file that has arrays, with nothing to say what it is.

    NumPy adds an array to a list item by item.
    """
    if value.type.kind in NUMBERS or value.type.rank is not None:
        return True
    made = next((e for e in low.build.eqns if value in e.outs), None)
    if value.type.kind != "any":
        return False
    if made is not None and made.op == "getitem" and made.args[1].type.kind == "slice":
        base = made.args[0]
        return isinstance(base, Var) and _may_be_an_array(low, base, added)
    if made is None or made.op in HANDING_ON:
        given = added and value in low.params.values()
        return given and low.module.imports_library_of_arrays()
    return made.op in RULES


def as_dict(low: Lowering, node: cst.CSTNode, value: Value) -> Atom:
    found = (
        loose(low, "", value) if isinstance(value, Struct) else low.atom(value, node)
    )
    if isinstance(found, Var) and found.type.kind == "any":
        found.type.kind = "dict"
    return found


def name_of(node: cst.Call) -> str:
    match node.func:
        case cst.Attribute(value=cst.Name(value=name)):
            return name
        case _:
            return ""


def sort_options(low: Lowering, node: cst.CSTNode, given: Arguments) -> dict[str, Any]:
    reverse = given.keywords.get("reverse", Lit(False))
    if "key" in given.keywords or not isinstance(reverse, Lit):
        raise Refusal("FG108", "a sort by a key is not read", "sort numbers", node)
    return {"reverse": bool(reverse.value)}
