"""What a call gives -> the value of each parameter of the function that is called, by Python's rules.

Each value has the text that stands for it in the caller: of `f(*xs)`, the second argument is `xs[1]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.effects import CHANGING_METHODS
from flatgrad.frontend.module import names_in, nodes_in
from flatgrad.frontend.scope import Arguments, Callee, Refusal, Struct, Value
from flatgrad.graph import Lit, Var
from flatgrad.types import Type

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

Given = tuple[Any, Value]  # a text of the caller and its value


def read(low: Lowering, node: cst.Call, takes_tuple: bool) -> Arguments:
    """The values that the arguments of a call have."""
    found = Arguments([], {})
    for arg in node.args:
        value = low.expression(arg.value)
        if found.rest is not None and arg.star != "**" and arg.keyword is None:
            raise _unknown_number(arg)
        if arg.star:
            _unpack(low, found, arg, value, takes_tuple and len(node.args) == 1)
        elif arg.keyword is not None:
            _add_keyword(found, arg.keyword.value, arg.value, value, arg)
        else:
            found.positional.append(value)
            found.texts.append(arg.value)
    return found


def _unpack(
    low: Lowering, found: Arguments, arg: cst.Arg, value: Value, alone: bool
) -> None:
    match arg.star, value:
        case "*", Struct(items=items, kind=kind) if kind != "dict":
            found.positional += items
            found.texts += [
                item_text(arg.value, i, len(items)) for i in range(len(items))
            ]
        case "*", Var(type=Type(items=(*types,))):
            low.build.dialect = ""
            found.positional += [
                low.emit("getitem", value, Lit(i)) for i in range(len(types))
            ]
            found.texts += [
                item_text(arg.value, i, len(types)) for i in range(len(types))
            ]
        case "*", Var() if alone:
            found.positional.append(value)
            found.texts.append(arg.value)
        case "*", Var():
            found.rest = (arg, value)
        case "**", Struct(items=items, kind="dict", keys=keys) if all(
            isinstance(k, str) for k in keys
        ):
            for key, item in zip(keys, items, strict=True):
                _add_keyword(found, key, _entry(arg.value, key), item, arg)
        case "**", Var() if found.named is None:
            found.named = (arg, value)
        case _:
            what = "unpacking in a call is not read yet"
            raise Refusal("FG110", what, "write the arguments one by one", arg)


def _add_keyword(
    found: Arguments, name: str, text: Any, value: Value, arg: cst.Arg
) -> None:
    if name in found.keywords:
        raise Refusal(
            "FG113", f"the argument {name} is given twice", "mend the call", arg
        )
    found.keywords[name], found.keyword_texts[name] = value, text


def _unknown_number(arg: cst.Arg) -> Refusal:
    what = "how many arguments the star unpacks is not known"
    return Refusal("FG110", what, "write the arguments one by one", arg)


def item_text(text: Any, position: int, count: int) -> Any:
    """xs[1], or what stands there in (a, b, c)."""
    elements = text.elements if isinstance(text, cst.Tuple | cst.List) else ()
    if len(elements) == count and not any(
        isinstance(e, cst.StarredElement) for e in elements
    ):
        return elements[position].value
    return _subscript(text, cst.Integer(str(position)))


def _entry(text: Any, key: str) -> Any:
    """cfg["key"], or what stands there in {"key": v}."""
    for element in text.elements if isinstance(text, cst.Dict) else ():
        match element:
            case cst.DictElement(key=cst.SimpleString() as written, value=value) if (
                written.evaluated_value == key
            ):
                return value
            case _:
                pass
    return _subscript(text, cst.SimpleString(f'"{key}"'))


def _subscript(text: Any, index: Any) -> cst.Subscript:
    return cst.Subscript(text, [cst.SubscriptElement(cst.Index(index))])


# --- parameters ----------------------------------------------------------------------------------------------------


@dataclass
class _Match:
    low: Lowering
    node: cst.Call
    callee: Callee
    given: Arguments
    found: dict[str, Given] = field(default_factory=dict)

    def run(self) -> dict[str, Given]:
        params = self.callee.node.params
        plain = [*params.posonly_params, *params.params]
        self._by_position(plain)
        self._by_keyword(
            {p.name.value for p in (*params.params, *params.kwonly_params)}
        )
        self._unpacked(plain)
        self._named([*params.params, *params.kwonly_params])
        for param in (*plain, *params.kwonly_params):
            if param.name.value not in self.found:
                self.found[param.name.value] = param.default, _default(
                    self.low, param, self.callee, self.node
                )
        order = [
            p.name.value
            for p in (
                *plain,
                *_stars(params.star_arg),
                *params.kwonly_params,
                *_stars(params.star_kwarg),
            )
        ]
        return {name: self.found[name] for name in order}

    def _by_position(self, plain: Sequence[cst.Param]) -> None:
        values, texts = self.given.positional, self.given.texts
        for param, text, value in zip(plain, texts, values, strict=False):
            self.found[param.name.value] = text, value
        star = self.callee.node.params.star_arg
        if isinstance(star, cst.Param):
            rest = texts[len(plain) :]
            text = cst.Tuple([cst.Element(t) for t in rest])
            self.found[star.name.value] = text, Struct(tuple(values[len(plain) :]))
        elif len(values) > len(plain):
            what = f"{self.callee.name} takes {len(plain)} arguments, {len(values)} are given"
            raise Refusal("FG113", what, "mend the call", self.node)

    def _by_keyword(self, free: set[str]) -> None:
        kept: dict[str, Given] = {}
        for key, value in self.given.keywords.items():
            text = self.given.keyword_texts.get(key)
            if key in free and key not in self.found:
                self.found[key] = text, value
            elif self.callee.node.params.star_kwarg is not None and key not in free:
                kept[key] = text, value
            else:
                what = f"{self.callee.name} has no free parameter {key}"
                raise Refusal("FG113", what, "mend the call", self.node)
        if (double := self.callee.node.params.star_kwarg) is not None:
            elements = [
                cst.DictElement(cst.SimpleString(f'"{k}"'), t)
                for k, (t, _) in kept.items()
            ]
            values = tuple(v for _, v in kept.values())
            self.found[double.name.value] = cst.Dict(elements), Struct(
                values, "dict", tuple(kept)
            )

    def _unpacked(self, plain: Sequence[cst.Param]) -> None:
        """f(x, *xs) where the length of xs is not known: as many as f lacks."""
        if self.given.rest is None:
            return
        arg, whole = self.given.rest
        star = self.callee.node.params.star_arg
        lacking = [p for p in plain if p.name.value not in self.found]
        if isinstance(star, cst.Param) and not lacking and not self.found[star.name.value][1].items:  # type: ignore[union-attr]
            self.found[star.name.value] = arg.value, whole
            return
        if isinstance(star, cst.Param) or any(p.default is not None for p in lacking):
            raise _unknown_number(arg)
        from flatgrad.frontend.assignments import parts_of

        for i, (param, value) in enumerate(
            zip(lacking, parts_of(self.low, whole, len(lacking), None), strict=True)
        ):
            self.found[param.name.value] = item_text(arg.value, i, -1), value

    def _named(self, free: Sequence[cst.Param]) -> None:
        """f(x, **cfg) where the keys of cfg are not known: it has what f lacks."""
        if self.given.named is None:
            return
        arg, whole = self.given.named
        double = self.callee.node.params.star_kwarg
        lacking = [p for p in free if p.name.value not in self.found]
        constant = cst.Integer | cst.Float | cst.SimpleString | cst.UnaryOperation
        unknown = [
            p
            for p in lacking
            if p.default is not None and not isinstance(p.default, constant)
        ]
        if double is not None and not lacking and not self.found[double.name.value][1].items:  # type: ignore[union-attr]
            self.found[double.name.value] = arg.value, whole
            return
        if unknown or double is not None:
            name = unknown[0].name.value if unknown else ""
            what = (
                f"whether the keys have {name} is not known"
                if name
                else "which keys there are is not known"
            )
            raise Refusal("FG110", what, "write the arguments one by one", arg)
        for param in lacking:
            text = _entry(arg.value, param.name.value)
            if param.default is not None:
                get = cst.Attribute(arg.value, cst.Name("get"))
                text = cst.Call(
                    get,
                    [
                        cst.Arg(cst.SimpleString(f'"{param.name.value}"')),
                        cst.Arg(param.default),
                    ],
                )
            self.found[param.name.value] = text, self.low.expression(text)


def matched(
    low: Lowering, node: cst.Call, callee: Callee, given: Arguments
) -> dict[str, Given]:
    """The text and the value of each parameter: what the call gives, or its default."""
    found = _Match(low, node, callee, given).run()
    _refuse_hidden_defaults(low, callee, found, node)
    return found


def _stars(star: Any) -> Sequence[cst.Param]:
    return (star,) if isinstance(star, cst.Param) else ()


def _default(low: Lowering, param: cst.Param, callee: Callee, node: cst.Call) -> Value:
    name = param.name.value
    if param.default is None:
        what = f"{callee.name} lacks its argument {name}"
        raise Refusal("FG113", what, "mend the call", node)
    if isinstance(param.default, cst.List | cst.Dict | cst.Set | cst.Call) and _changes(
        callee, name
    ):
        what = (
            f"{callee.name} changes the default of {name}, which its next call has too"
        )
        raise Refusal("FG402", what, "make it anew in each call", param)
    if name in callee.defaults:
        return callee.defaults[name]
    return low.in_module(param.default)


def _changes(callee: Callee, name: str) -> bool:
    """The function writes into what its parameter holds."""
    for inner in nodes_in(callee.node.body):
        match inner:
            case cst.AugAssign(target=target) | cst.AssignTarget(
                target=cst.Subscript() as target
            ):
                if name in {n.value for n in names_in(target)}:
                    return True
            case cst.Call(
                func=cst.Attribute(
                    value=cst.Name(value=base), attr=cst.Name(value=method)
                )
            ):
                if base == name and method in CHANGING_METHODS:
                    return True
            case _:
                pass
    return False


def _refuse_hidden_defaults(
    low: Lowering, callee: Callee, found: Mapping[str, Given], node: cst.Call
) -> None:
    """A default that reads a name means the name where the function is defined, not where it is called."""
    params = callee.node.params
    for param in (*params.posonly_params, *params.params, *params.kwonly_params):
        if param.default is None or found[param.name.value][0] is not param.default:
            continue
        for name in names_in(param.default):
            if (
                name.value in low.frame.env
                and callee.defaults.get(param.name.value)
                is not low.frame.env[name.value]
            ):
                what = f"the default of {param.name.value} reads {name.value}, which means something else here"
                raise Refusal("FG117", what, "give the argument in the call", node)


__all__ = ["item_text", "matched", "read"]
