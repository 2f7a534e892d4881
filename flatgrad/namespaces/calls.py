"""A call's arguments -> the rule's data and options, and the way back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TypeGuard

from flatgrad.namespaces.spelling import OPTIONS, Bound, Spelling, T, meanings
from flatgrad.registry import RULES, Kind, Rule


def bind(
    spelling: Spelling,
    positional: Sequence[T],
    keywords: Mapping[str, T],
    lift: Callable[[object], T] | None = None,
) -> Bound[T]:
    """Sort the arguments of a call into data and options; TypeError if the library would refuse them.

    `lift` makes a value of a constant: of the rule's default, where one data argument is left out and a
    later one is given, as in clip(x, max=1).
    """
    first, *others = meanings(spelling)
    try:
        return _bind(first, positional, keywords, lift)
    except TypeError:
        for other in others:
            with suppress(TypeError):
                return _bind(other, positional, keywords, lift)
        raise


def arrange(
    spelling: Spelling, data: Sequence[T], options: Mapping[str, T]
) -> tuple[list[T | tuple[T, ...]], dict[str, T]]:
    """The way back: the positional arguments and the keywords of a call that has this data and these options.

    A tuple stands for what the library takes as one list or tuple.
    """
    data_names, names = _roles(spelling)
    rule = RULES.get(spelling.op)
    defaults = rule.defaults if rule else {}
    required = {name for name, default in defaults.items() if default is ...}
    keywords = {
        p: options[names[p]] for p in spelling.parameters if names[p] in options
    }
    given: dict[str, T | tuple[T, ...]] = {
        p: v for p, v in keywords.items() if names[p] in required
    }
    rest = list(data)
    for name in data_names:
        if name in (spelling.sequence, spelling.variadic):
            given[name], rest = tuple(rest), []
        elif rest:
            given[name] = rest.pop(0)
    keywords = {p: v for p, v in keywords.items() if p not in given}
    positional: list[T | tuple[T, ...]] = []
    left_out = (
        False  # what follows a parameter that is not given by position has its name
    )
    for name in spelling.parameters:
        if name in given and name == spelling.variadic:
            positional += given[name]  # type: ignore[arg-type]
        elif name in given and left_out:
            keywords[name] = given[name]  # type: ignore[assignment]
        elif name in given:
            positional.append(given[name])
        left_out = left_out or name not in given
    return positional, keywords


def _bind(
    spelling: Spelling,
    positional: Sequence[T],
    keywords: Mapping[str, T],
    lift: Callable[[object], T] | None,
) -> Bound[T]:
    given = _positional(spelling, positional)
    aliases = {old: new for old, new in spelling.renamed if new in spelling.parameters}
    for key, value in keywords.items():
        name = aliases.get(key, key)
        if name not in spelling.parameters or name in (spelling.variadic, "self"):
            raise TypeError(f"{spelling.name}() has no parameter {key!r}")
        if name in given:
            raise TypeError(f"{spelling.name}() got two values for {key!r}")
        given[name] = value
    return _sort(spelling, given, lift)


def _positional(
    spelling: Spelling, positional: Sequence[T]
) -> dict[str, T | tuple[T, ...]]:
    """Give positional arguments their names; those beyond a starred parameter are that parameter's."""
    names, values = spelling.parameters, list(positional)
    star = spelling.variadic or spelling.packed
    if not star:
        most = len(names) if spelling.limit is None else spelling.limit
        if len(values) > most:
            taken = f"{spelling.name}() takes at most {most} arguments"
            raise TypeError(f"{taken}, {len(values)} were given")
        return dict(zip(names, values, strict=False))
    before = names.index(star)
    given: dict[str, T | tuple[T, ...]] = dict(
        zip(names[:before], values, strict=False)
    )
    rest = tuple(values[before:])
    if rest and star == spelling.packed:
        given[star] = rest[0] if len(rest) == 1 else rest
    elif rest:
        given[star] = rest
    return given


def _sort(
    spelling: Spelling,
    given: Mapping[str, T | tuple[T, ...]],
    lift: Callable[[object], T] | None,
) -> Bound[T]:
    """Data in the rule's order, and options, both under the rule's names."""
    rule = RULES.get(spelling.op)
    defaults = rule.defaults if rule else {}
    data_names, names = _roles(spelling)
    last = max((i for i, p in enumerate(data_names) if p in given), default=-1)
    data: dict[str, T | tuple[T, ...]] = {}
    extra: dict[str, T | tuple[T, ...]] = {}
    for i, parameter in enumerate(data_names):
        name = names[parameter]
        left_out = i < last and name in defaults
        if parameter in given and len(data) < i and not spelling.fold:
            # Of an operation without derivative: what follows a gap is an option.
            extra[name] = given[parameter]
        elif parameter == spelling.variadic and parameter in given:
            data |= {f"{name}[{i}]": v for i, v in enumerate(given[parameter])}  # type: ignore[arg-type]
        elif parameter in given:
            data[name] = given[parameter]
        elif _required(spelling, rule, name) or (left_out and lift is None):
            raise TypeError(f"{spelling.name}() lacks {parameter!r}")
        elif left_out and lift is not None:
            data[name] = lift(defaults[name])
    options = extra | {names[p]: v for p, v in given.items() if p not in data_names}
    known = _options_of(rule) if _has_signature(rule) else options
    unknown = [name for name in options if name not in known]
    sequence = names[spelling.sequence] if spelling.sequence in given else ""
    return Bound(spelling.op, data, options, unknown, sequence, spelling.fold)


def _required(spelling: Spelling, rule: Rule | None, name: str) -> bool:
    return not spelling.fold and _has_signature(rule) and name not in rule.defaults


def _has_signature(rule: Rule | None) -> TypeGuard[Rule]:
    """Whether the rule says which arguments there are; a constant operation's does not."""
    return rule is not None and rule.kind is not Kind.CONSTANT


def _roles(spelling: Spelling) -> tuple[list[str], dict[str, str]]:
    """The data parameters in the rule's order, and the rule's name of each parameter."""
    rule, parameters = RULES.get(spelling.op), spelling.parameters
    renamed = {old: new for old, new in spelling.renamed if new not in parameters}
    names = {p: renamed.get(p, p) for p in parameters}
    if spelling.fold:
        folded = (spelling.variadic, spelling.sequence, "start")
        return [p for p in parameters if p in folded], names
    if not _has_signature(rule):
        options_from = (i for i, p in enumerate(parameters) if p in OPTIONS)
        first = next(options_from, len(parameters))
        count = first if spelling.data is None else spelling.data
        return list(parameters[:count]), names
    data, options = _data_of(rule), _options_of(rule)
    free = [d for d in data if d not in names.values()]
    for p in parameters:
        if free and names[p] not in {*data, *options, *OPTIONS}:
            names[p] = free.pop(0)
    of_data = [p for p in parameters if names[p] in data]
    return sorted(of_data, key=lambda p: data.index(names[p])), names


DATA = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


def _data_of(rule: Rule) -> list[str]:
    data, _ = _parameters(rule.formula)
    return list(data)


def _options_of(rule: Rule) -> frozenset[str]:
    _, others = _parameters(rule.formula)
    return others - rule.context


@lru_cache(maxsize=4096)  # every call of a text asks, and a user's rules come and go
def _parameters(
    formula: Callable[..., object],
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The data and the other parameters of a formula."""
    parameters = inspect.signature(formula).parameters.values()
    data = tuple(p.name for p in parameters if p.kind in DATA)
    return data, frozenset(p.name for p in parameters if p.kind not in DATA)
