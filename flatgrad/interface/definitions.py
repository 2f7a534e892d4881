"""A function of a namespace -> the text of its gradient, and what the text defines, for use in that namespace.

What is defined is the text that is shown. It sees what the names of the namespace stand for when it is called, and
asks each time whether its text would still be the same: a gradient is then made again, and what has several parts,
which belong together, is refused.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType, ModuleType
from typing import Any

from flatgrad.errors import FlatgradError
from flatgrad.interface.arguments import misfit, shape_of
from flatgrad.interface.callables import plain_function
from flatgrad.interface.generated import Generated, load
from flatgrad.interface.live import MISSING
from flatgrad.interface.readings import Reading
from flatgrad.interface.refusing import refusal
from flatgrad.interface.specialising import (
    GENERATING,
    OTHERS,
    Emission,
    emit,
    unfit,
    with_arrays,
)
from flatgrad.interface.subjects import read, read_several
from flatgrad.interface.value_text import expression
from flatgrad.options import Options

FLAT = "flat"
WITHOUT_FUNCTIONS = "script"  # the style whose text computes instead of defining
RENEWED = ("grad", "jvp")  # one function, which may be made again between two calls
MADE_OF = "__made_of__"

Namespace = dict[str, Any]


@dataclass(frozen=True)
class Emitted:
    """The text, and the names that are to be had from it."""

    text: str
    names: tuple[str, ...]
    emission: Emission | None = None  # how the function was read, if it is known


class Definition:
    """The gradient of the function that has a name in a namespace."""

    generated: Generated

    def __init__(self, name: str, options: Options, namespace: Namespace) -> None:
        self.name, self.options, self.namespace = name, options, namespace
        self.exported: Namespace = {}
        self.value: Any = None  # the function
        self._make()

    def _make(self) -> None:
        value = self._live()
        reading = in_notebook(read(plain_function(value)), self.namespace)
        emitted = self._emitted(reading)
        while taken := [n for n in emitted.names if self._is_of_others(n)]:
            reading = _with_names(reading, taken)
            emitted = self._emitted(reading)
        generated = self._loaded(reading, emitted)
        # Taken when all of it is there: what is refused now is refused again.
        self.value, self.reading, self.emitted = value, reading, emitted
        self.shown = with_arrays_named(emitted.text, reading)
        if generated is not None:
            self._take(generated)

    def _live(self) -> Any:
        """What the name stands for; the function that it stood for, where that is gone or was replaced from here."""
        value = function_called(self.name, self.namespace, self.value)
        return self.value if value is self.exported.get(self.name, MISSING) else value

    def _emitted(self, reading: Reading) -> Emitted:
        asked = (reading.function,)
        options = replace(self.options, functions=asked, filename=reading.filename)
        if options.style == FLAT:
            emission = emit(reading, options)
            return Emitted(emission.text, emission.names, emission)
        text = printed(reading, options)
        return Emitted(text, tuple(_new_names(text, reading, options.style)))

    def _is_of_others(self, name: str) -> bool:
        """The name has a value that did not come from here."""
        value = self.namespace.get(name, MISSING)
        if value is MISSING or name == self.name or value is self.exported.get(name):
            return False
        return made_of(value) != self.name

    def _loaded(self, reading: Reading, emitted: Emitted) -> Generated | None:
        if self.options.style == WITHOUT_FUNCTIONS:
            return None
        entries = {n: e for n, e in reading.entries.items() if n != reading.function}
        title = f"{self.name}:{self.options.emit}"
        return load(emitted.text, title, entries, "flatgrad.generated")

    def _take(self, generated: Generated) -> None:
        self.generated = generated
        for position, name in enumerate(self.emitted.names):
            made = generated.namespace[name]
            self.exported[name] = self._export(position, made)

    def _export(self, position: int, made: Any) -> Any:
        """What the namespace gets: a function that looks first whether it is still right."""
        match made:
            case FunctionType():
                known = self.exported.get(made.__name__)
                found: Any = known or (lambda *a, **k: self._call(position, a, k))
                functools.update_wrapper(found, made)
                found.__source__ = self.shown
                setattr(found, MADE_OF, self.name)
                return found
            case type():
                _guard_members(made, self._check)
                setattr(made, MADE_OF, self.name)
                return made
            case _:
                return made

    # --- calls

    def _call(
        self, position: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        self._check()
        if position == 0 and self.emitted.emission is not None:
            self._refuse_misfit(self.emitted.emission, args, kwargs)
        name = self.emitted.names[position]
        return self.generated.function(name)(*args, **kwargs)

    def _check(self) -> None:
        """Never stale: made again, or refused."""
        if not self._is_current():
            if self.options.emit not in RENEWED or self.options.style != FLAT:
                what = (
                    f"what {self.name} reads has changed since its gradient was written"
                )
                step = "run the cell that has %%flatgrad again"
                raise refusal("FG702", what, step, self.reading.filename)
            self._make()
        self.generated.refresh()

    def _is_current(self) -> bool:
        return self._live() is self.value and self.reading.is_current()

    def _refuse_misfit(
        self, emission: Emission, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        """Refuse arguments that the text takes to be of other shapes."""
        plain = self.generated.plain[emission.names[0]]
        try:
            bound = inspect.signature(plain).bind(*args, **kwargs)
        except TypeError:
            return  # the call says so
        bound.apply_defaults()
        values = [bound.arguments[name] for name in emission.parameters]
        found = misfit(emission.ranks, emission.lengths, values)
        if found is not None:
            shape = shape_of(values[found])
            raise unfit(self.reading, emission.parameters[found], shape)


def _guard_members(kind: type, check: Callable[[], None]) -> None:
    """Every method asks first."""
    for name, member in [*vars(kind).items()]:
        match member:
            case FunctionType():
                setattr(kind, name, _guarded(member, check))
            case staticmethod():
                setattr(kind, name, staticmethod(_guarded(member.__func__, check)))
            case _:
                pass


def _guarded(function: Callable[..., Any], check: Callable[[], None]) -> Any:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        check()
        return function(*args, **kwargs)

    return called


# --- texts ---------------------------------------------------------------------------------------------------------------


def text_of(names: Sequence[str], options: Options, namespace: Namespace) -> str:
    """One module for several functions of a namespace."""
    functions = [plain_function(function_called(n, namespace)) for n in names]
    reading, mains = read_several(functions)
    reading = in_notebook(reading, namespace)
    options = replace(options, functions=mains, filename=reading.filename)
    return with_arrays_named(printed(reading, options), reading)


def printed(reading: Reading, options: Options) -> str:
    from flatgrad.pipeline import transform

    with GENERATING:
        try:
            return transform(reading.text, options)
        except FlatgradError as error:
            raise reading.located(error) from None


def with_arrays_named(text: str, reading: Reading) -> str:
    """The text to show: it does not say of a long array of the notebook that it is one of zeros."""
    lines = text.splitlines(keepends=True)
    for node in reversed(ast.parse(text).body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) if name in reading.entries:
                told = expression(reading.entries[name].get()) or ""
                if "zeros(" in told:
                    comment = f"# {name} is an array that the notebook has\n"
                    lines[node.lineno - 1 : node.end_lineno] = [comment]
            case _:
                pass
    return "".join(lines)


def function_called(name: str, namespace: Namespace, otherwise: Any = None) -> Any:
    found = namespace.get(name, otherwise)
    if found is None:
        raise refusal("FG503", f"there is no function {name}", "run its cell first")
    return found


def in_notebook(reading: Reading, namespace: Namespace) -> Reading:
    """To a function that imports nothing, a notebook with arrays is like a file that imports them."""
    modules = (v for v in [*namespace.values()] if isinstance(v, ModuleType))
    roots = {module.__name__.partition(".")[0] for module in modules}
    library = next((name for name in ("numpy", *OTHERS) if name in roots), None)
    if library is None:
        return reading
    return with_arrays(reading, None if library == "numpy" else [(library, None)])


def _with_names(reading: Reading, taken: Sequence[str]) -> Reading:
    """The reading of a module that has these names, too, so that nothing else gets them."""
    lines = "".join(f"{name} = None\n" for name in taken)
    return replace(reading, text=f"{reading.text}\n\n{lines}")


def _new_names(text: str, reading: Reading, style: str) -> Iterator[str]:
    """What a module defines that the user does not, or that takes the place of the function itself."""
    known = _defined(reading.text) - {reading.function}
    if style != WITHOUT_FUNCTIONS:
        yield from sorted(_defined(text) - known)


def _defined(text: str) -> set[str]:
    definitions = (ast.FunctionDef, ast.ClassDef)
    return {n.name for n in ast.parse(text).body if isinstance(n, definitions)}


def made_of(value: Any) -> str | None:
    """The name of the function whose gradient this is a part of."""
    if not isinstance(value, FunctionType | type):
        return None
    return vars(value).get(MADE_OF)


__all__ = ["Definition", "made_of", "text_of"]
