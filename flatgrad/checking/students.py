"""A backward function that somebody wrote, and a point -> the gradients that it gives, by parameter.

It is called as its signature asks for: `(dout, cache)` with what its own forward kept, `(dout, x, w)` with the inputs,
or `(x, w)` where it is a loss that returns its gradients too. What it returns is told apart by the names in its return
statement, by the keys of a dict, or by the order of the parameters.
"""

from __future__ import annotations

import inspect
import re
from ast import FunctionDef
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flatgrad.checking.derivatives import (
    function_in,
    plain,
    primal_name,
    returned_names,
)
from flatgrad.checking.running import Program, sow
from flatgrad.checking.subject import Subject, float_leaves
from flatgrad.checking.trees import copied
from flatgrad.checking.watching import Watched, watched
from flatgrad.errors import Diagnostic, FlatgradError

EMPTY = inspect.Parameter.empty
ACCEPTED = (
    "flatgrad calls NAME_backward(dout, cache) with the cache of NAME_forward beside it,\n"
    "a function of the seeds and the inputs, or a loss that returns (loss, grads)"
)


class Style(Enum):
    """How a backward function is called."""

    CACHE = "(dout, cache)"
    FLAT = "(dout, inputs)"
    LOSS = "(inputs)"


@dataclass(frozen=True)
class Student:
    """A backward function: the file it is in, itself, its text, and how it is called."""

    program: Program
    function: Callable[..., Any]
    node: FunctionDef
    style: Style
    seed: int
    forward: Callable[..., Any] | None = None  # of the style with a cache

    @property
    def name(self) -> str:
        return self.function.__qualname__

    def outputs(self, known: int) -> int:
        """How many outputs of the forward have a cotangent: not its cache, and not gradients."""
        match self.style:
            case Style.CACHE:
                return len(inspect.signature(self.function).parameters) - 1
            case Style.LOSS:
                return 1
            case Style.FLAT:
                return known


@dataclass
class Answer:
    """What a backward function returned: gradients by parameter, and by which variable each was told."""

    gradients: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)  # by the name of the leaf
    outputs: list[Any] | None = None  # of its own forward
    inputs: Mapping[str, Any] = field(default_factory=dict)  # of its own forward
    again: Any = None  # what a second call with the same cache returned
    watched: Watched = field(default_factory=Watched)


def student(program: Program, name: str, subject: Subject) -> Student:
    """The function of that name, and how it wants to be called."""
    function, node = program.find(name), function_in(program.text, name)
    if not inspect.isfunction(function) or node is None:
        raise _refused(program, f"there is no function {name}", _functions(program))
    params, seed = list(inspect.signature(function).parameters), subject.seed
    if (forward := _forward_of(program, name, params)) is not None:
        return Student(program, function, node, Style.CACHE, seed, forward)
    known = [n for n in params if n in subject.inputs]
    if {*_required(function)} <= {*known}:
        return Student(program, function, node, Style.LOSS, seed)
    if known and len(params) - len(known) >= len(subject.seeds):
        return Student(program, function, node, Style.FLAT, seed)
    what = f"it is not clear how to call {name}({', '.join(params)})"
    raise _refused(program, what, ACCEPTED)


def _refused(program: Program, what: str, step: str) -> FlatgradError:
    return FlatgradError(Diagnostic("FG906", f"{what} (in {program.filename})", step))


def _functions(program: Program) -> str:
    found = [n for n, v in program.names.items() if inspect.isfunction(v)]
    return f"functions of that file: {', '.join(found) or 'none'}"


def _required(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters
    return [n for n, p in parameters.items() if p.default is EMPTY]


def _forward_of(
    program: Program, name: str, params: Sequence[str]
) -> Callable[..., Any] | None:
    """The forward that made the cache; None where there is no cache among the parameters."""
    if len(params) < 2 or "cache" not in params[-1]:
        return None
    *classes, last = name.split(".")
    replaced = re.sub(r"backward|bwd|backprop|grad$", _forward_word, last)
    other = ".".join([*classes, replaced])
    forward = program.find(other)
    if other == name or not inspect.isfunction(forward):
        wanted = other if other != name else "its forward"
        what = f"{name} takes a cache, but there is no {wanted} that makes it"
        raise _refused(program, what, ACCEPTED)
    return forward


def _forward_word(match: re.Match[str]) -> str:
    return {"bwd": "fwd"}.get(match[0], "forward")


def answer(one: Student, subject: Subject, extra: Mapping[str, Any]) -> Answer:
    """What the function says at the point."""
    match one.style:
        case Style.CACHE:
            return _with_cache(one, subject, extra)
        case Style.FLAT:
            args = _flat_arguments(one, subject, extra)
        case Style.LOSS:
            args = _inputs_for(one.function, one.program, subject, extra)
    result, seen = _called(one, copied(args))
    if one.style is Style.LOSS:
        return _of_loss(one, subject, result, seen)
    names = returned_names(one.node)
    return _named(one, subject, result, names, Answer(watched=seen))


def _with_cache(one: Student, subject: Subject, extra: Mapping[str, Any]) -> Answer:
    assert one.forward is not None
    inputs = _inputs_for(one.forward, one.program, subject, extra)
    sow(subject.seed)
    value = one.program.call(one.forward, **copied(inputs))
    count = one.outputs(len(subject.seeds))
    if not isinstance(value, tuple) or len(value) != count + 1:
        what = f"{one.forward.__name__} returns no (out, cache)"
        raise _refused(one.program, what, ACCEPTED)
    *outputs, cache = value
    outputs = copied(outputs)
    seeds = subject.seeds[:count]
    if len(seeds) < count:
        what = f"{one.name} takes {count} cotangents, but {subject.name} has {len(seeds)} outputs"
        raise _refused(one.program, what, ACCEPTED)
    result, seen = _called(one, [*copied(seeds), cache])
    kept = copied(result)
    again, _ = _called(one, [*copied(seeds), cache])
    found = Answer(outputs=outputs, inputs=inputs, watched=seen, again=(kept, again))
    return _named(one, subject, kept, returned_names(one.node), found)


def _called(one: Student, args: Any) -> tuple[Any, Watched]:
    """The value of a call by position or by name, with the variables at its end."""
    positional, keywords = ([], args) if isinstance(args, dict) else (args, {})
    sow(one.seed)

    def call() -> Any:
        return one.program.call(one.function, *positional, **keywords)

    return watched(one.function, one.node, call)


def _inputs_for(
    function: Callable[..., Any],
    program: Program,
    subject: Subject,
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """The inputs of the point by the names of this function, or else by their order."""
    parameters = inspect.signature(function).parameters
    known = {**subject.inputs, **extra}
    given = {n: known[n] for n in parameters if n in known}
    missing = [n for n in _required(function) if n not in given]
    if missing and not given and len(parameters) >= len(missing):
        given = dict(zip(parameters, subject.inputs.values(), strict=False))
        missing = [n for n in missing if n not in given]
    if missing:
        what = f"no value for {', '.join(missing)} of {function.__name__}"
        example = "; ".join(f"{n}=..." for n in missing)
        raise _refused(program, what, f'give one with --at "{example}"')
    return given


def _flat_arguments(
    one: Student, subject: Subject, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Inputs by name; the parameters that are no inputs take the seeds, in order."""
    parameters = inspect.signature(one.function).parameters
    known = {**subject.inputs, **extra}
    given = {n: known[n] for n in parameters if n in known}
    rest = [n for n in parameters if n not in given]
    seeds = rest[: len(subject.seeds)]
    unknown = [n for n in rest[len(seeds) :] if parameters[n].default is EMPTY]
    if unknown:
        what = f"no value for {', '.join(unknown)} of {one.name}"
        raise _refused(one.program, what, f'give one with --at "{unknown[0]}=..."')
    return {**given, **dict(zip(seeds, subject.seeds, strict=True))}


def _of_loss(one: Student, subject: Subject, result: Any, seen: Watched) -> Answer:
    """(loss, grads) or (loss, dx, dw)."""
    names = returned_names(one.node)
    if not isinstance(result, tuple) or len(result) < 2:
        what = f"{one.name} does not return (loss, gradients)"
        raise _refused(one.program, what, ACCEPTED)
    names = names if len(names) == len(result) else [""] * len(result)
    found = Answer(outputs=[result[0]], watched=seen)
    if len(result) == 2:
        inner = names[1] if isinstance(names[1], list) else [names[1]]
        return _named(one, subject, result[1], inner, found)
    return _named(one, subject, result[1:], names[1:], found)


def _named(
    one: Student, subject: Subject, result: Any, names: list[Any], found: Answer
) -> Answer:
    """Each gradient under the parameter that it is of."""
    if isinstance(result, dict):
        _from_dict(subject, result, names, found)
    elif isinstance(result, tuple | list):
        _from_sequence(one, subject, result, names, found)
    else:
        _from_sequence(one, subject, [result], names[:1], found)
    if not found.gradients:
        what = f"{one.name} returns no gradient of {', '.join(subject.inputs)}"
        raise _refused(one.program, what, ACCEPTED)
    return found


def _from_dict(
    subject: Subject, result: Mapping[str, Any], names: list[Any], found: Answer
) -> None:
    holder = names[0] if len(names) == 1 else ""
    for key, gradient in result.items():
        for stem in (key, primal_name(str(key))):
            if (owner := _owner(subject, stem)) is not None:
                break
        else:
            continue
        if owner == stem:
            found.gradients[stem], leaf = gradient, stem
        else:
            found.gradients.setdefault(owner, {})[stem] = gradient
            leaf = f"{owner}.{stem}"
        if isinstance(holder, dict) and isinstance(holder.get(key), str):
            found.variables[leaf] = holder[key]
        elif isinstance(holder, str) and holder:
            found.variables[leaf] = f"{holder}[{key!r}]"


def _owner(subject: Subject, stem: Any) -> str | None:
    """The input of that name, or the dict among the inputs that has it as a key."""
    if stem in subject.inputs:
        return str(stem)
    for name, value in subject.inputs.items():
        if isinstance(value, dict) and stem in value:
            return name
    return None


def _from_sequence(
    one: Student,
    subject: Subject,
    result: Sequence[Any],
    names: list[Any],
    found: Answer,
) -> None:
    """By the names in the return statement where all of them say it, else in order."""
    floats = [n for n, v in subject.inputs.items() if float_leaves(v)]
    named = [_parameter(subject, n) for n in names]
    if len(named) != len(result) or None in named or len({*named}) < len(named):
        if len(result) > len(floats):
            what = f"{one.name} returns {len(result)} gradients, but there are {len(floats)} inputs of floating-point numbers"
            raise _refused(one.program, what, f"those are {', '.join(floats)}")
        named = [*floats[: len(result)]]
    for position, (parameter, gradient) in enumerate(zip(named, result, strict=True)):
        if gradient is None or parameter is None:
            continue
        found.gradients[parameter] = gradient
        name = names[position] if len(names) == len(result) else ""
        if isinstance(name, str) and name:
            found.variables[parameter] = name


def _parameter(subject: Subject, name: Any) -> str | None:
    """The input that dx, grad_x or dW is of."""
    stem = primal_name(name) if isinstance(name, str) else ""
    if stem in subject.inputs:
        return stem
    close = [n for n in subject.inputs if stem and plain(n) == plain(stem)]
    return close[0] if len(close) == 1 else None
