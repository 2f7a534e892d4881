"""A reading and a call -> the emitted functions for calls of this pattern.

What decides the text is asked again before each call, and compared: see `live`.
"""

from __future__ import annotations

import ast
import inspect
import re
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from typing import Any

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.interface.arguments import (
    COMPLEX,
    FLOAT,
    LISTS,
    UNDIFFERENTIATED,
    Length,
    Told,
    kinds_told,
    lengths_of,
    misfit,
    needed,
    shape_of,
    shapes_told,
)
from flatgrad.interface.attributes import with_lengths_apart, with_settings
from flatgrad.interface.cache import Cache, key_of
from flatgrad.interface.code_text import without_warnings
from flatgrad.interface.generated import Compiler, Generated, load, root_of
from flatgrad.interface.live import watched
from flatgrad.interface.readings import Reading
from flatgrad.interface.refusing import refusal
from flatgrad.options import Options, Shape
from flatgrad.scalar_libraries import SCALAR_LIBRARIES

# Passes share the table of rules and the interpreter's limits: one at a time.
GENERATING = threading.RLock()


@dataclass(frozen=True)
class Request:
    """What is asked of a function."""

    emit: str
    wrt: tuple[str, ...] = ()  # none: every one that can
    shapes: Mapping[str, Shape] = None  # type: ignore[assignment]
    compiler: Compiler | None = None
    results: tuple[int, ...] = ()
    bound: frozenset[str] = frozenset()  # parameters that have their values already

    def hidden(self, reading: Reading) -> frozenset[str]:
        """What has no gradient where none is asked for by name: what is not given in the call."""
        return self.bound.union(reading.told_of_attributes)

    def options(self, reading: Reading) -> Options:
        return Options(
            (reading.function,),
            self.wrt,
            self.emit,
            shapes=self.shapes or {},
            filename=reading.filename,
            results=self.results,
        )


@dataclass(frozen=True)
class Result:
    """One result of a function, as it was read."""

    name: str
    shape: str  # as a message tells it
    rank: int | None
    has_seed: bool


@dataclass(frozen=True, eq=False)
class Made:
    """The emitted functions for one pattern of arguments."""

    reading: Reading
    generated: Generated
    names: tuple[str, ...]  # of the emitted functions
    wrt: tuple[str, ...]
    results: tuple[Result, ...]
    returns_tuple: bool
    parameters: tuple[str, ...]  # of the function itself
    seeds: tuple[str, ...]  # of the last emitted function: cotangents, or tangents
    lengths: tuple[Length, ...] = ()  # that each call has to fit
    may_be_whole: bool = (
        True  # a gradient may be an integer, since an argument is or may hold one
    )

    def function(self, position: int = 0) -> Callable[..., Any]:
        self.generated.refresh()
        return self.generated.function(self.names[position])

    @property
    def plain(self) -> Any:
        """The emitted function, before it was compiled."""
        return self.generated.plain[self.names[0]]

    def check(self, values: Sequence[Any]) -> None:
        """Refuse a call that is not as the text takes for granted."""
        if not self.lengths:
            return
        ranks = {x.position: len(shape_of(values[x.position])) for x in self.lengths}
        if (found := misfit(ranks, self.lengths, values)) is not None:
            name = self.parameters[found]
            raise unfit(self.reading, name, shape_of(values[found]))


def unfit(reading: Reading, name: str, shape: tuple[int, ...]) -> FlatgradError:
    what = f"{name} has the shape {shape}, which is not what the text of {reading.function} says or implies"
    step = "call it with arrays as its docstring, annotations and operations have them"
    return refusal("FG301", what, step, reading.filename)


@dataclass(frozen=True, eq=False)
class Emission:
    """What was emitted for a text, and how the function was read."""

    text: str
    names: tuple[str, ...]
    wrt: tuple[str, ...]
    results: tuple[Result, ...]
    returns_tuple: bool
    parameters: tuple[str, ...]
    ranks: Mapping[int, int]  # of the parameters, by position, where they are known
    lengths: tuple[Length, ...]
    source: str  # the text that was transformed

    @staticmethod
    def of(plain: Mapping[str, Any], source: str) -> Emission:
        """From what `asdict` gives, with lists for tuples and texts for keys."""
        told = {
            "names": tuple(plain["names"]),
            "wrt": tuple(plain["wrt"]),
            "results": tuple(Result(**result) for result in plain["results"]),
            "parameters": tuple(plain["parameters"]),
            "ranks": {int(n): rank for n, rank in plain["ranks"].items()},
            "lengths": tuple(Length(**length) for length in plain["lengths"]),
            "source": source,
        }
        return Emission(**{**plain, **told})

    def suits(self, told: Sequence[Told], values: Sequence[Any]) -> bool:
        """What the text takes for granted holds for these arguments, and they would tell it nothing more."""
        kinds = dict(zip(self.parameters, told, strict=True))
        lists = any(kind in LISTS for kind, _ in kinds.values())
        if lists and not reads_arrays(self.source):
            return False  # its numbers may be arrays
        known = (
            (kind in CONTAINED or (position in self.ranks and kind != COMPLEX))
            for position, (kind, _) in enumerate(kinds.values())
        )
        excluded = any(kinds[n][0] in UNDIFFERENTIATED for n in self.wrt)
        fits = misfit(self.ranks, self.lengths, values) is None
        return all(known) and not excluded and fits


CONTAINED = ("list", "dict", "numbers", *UNDIFFERENTIATED)
IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+(\w+)", re.MULTILINE)


def reads_arrays(text: str) -> bool:
    """The text imports what may be a library of arrays; without one, a function is about numbers."""
    return any(root not in SCALAR_LIBRARIES for root in IMPORT.findall(text))


OTHERS = {
    "torch": "import torch",
    "jax": "import jax.numpy as jnp",
    "cupy": "import cupy as cp",
}


def with_arrays(reading: Reading, told: Sequence[Told] | None = None) -> Reading:
    """The reading of a text that is about arrays, of the library that they are of; nothing else is changed by it."""
    kinds = [kind for kind, _ in told or ()]
    library = next((kind for kind in kinds if kind in OTHERS), "numpy")
    if library == "numpy":
        known = reads_arrays(reading.text) or not (told is None or _holds_arrays(told))
    else:
        known = library in IMPORT.findall(reading.text)
    if known:
        return reading
    return replace(reading, text=f"{reading.text}\n\n{_import_of(library, reading)}\n")


def _holds_arrays(told: Sequence[Told]) -> bool:
    return any(shape or kind in LISTS or kind == "other" for kind, shape in told)


def _import_of(library: str, reading: Reading) -> str:
    """A statement that gives a library a name that the text does not have."""
    if library in OTHERS:
        return OTHERS[library]
    taken = set(re.findall(r"\w+", reading.text))
    name = next(n for n in ("np", "numpy", "np_") if n not in taken)
    return "import numpy" if name == "numpy" else f"import numpy as {name}"


def make(
    reading: Reading,
    request: Request,
    names: Sequence[str],
    told: Sequence[Told],
    values: Sequence[Any],
    cache: Cache | None = None,
) -> Made:
    """Transform for arguments like these; `names` are those of the parameters."""
    emission, lengths = emission_for(reading, request, names, told, values, cache)
    return loaded(emission, reading, request, told, lengths)


def emission_for(
    reading: Reading,
    request: Request,
    names: Sequence[str],
    told: Sequence[Told],
    values: Sequence[Any],
    cache: Cache | None = None,
) -> tuple[Emission, tuple[Length, ...]]:
    """What is emitted for arguments like these, and the lengths that each call has to fit."""
    reading = with_arrays(reading, told)
    options = replace(request.options(reading), kinds=kinds_told(names, told))
    excluded = {
        n for n, (kind, _) in zip(names, told, strict=True) if kind in UNDIFFERENTIATED
    }
    excluded |= request.hidden(reading)
    _refuse_without_gradient(reading, request, dict(zip(names, told, strict=True)))
    # Lengths with two names in the text may be equal by chance.
    given = dict(request.shapes or {})
    together, apart = (
        replace(options, shapes=shapes_told(names, told, apart=parted) | given)
        for parted in (False, True)
    )
    readings = [reading]
    if (settings := with_settings(reading)).text != reading.text:
        readings.append(settings)
    possible = [
        one for r in readings for one in ((r, together), (with_lengths_apart(r), apart))
    ]
    emission = _first(possible, excluded, cache)
    found = misfit(emission.ranks, emission.lengths, values)
    if found is not None:
        raise unfit(reading, names[found], shape_of(values[found]))
    return emission, (*needed(emission.lengths, told), *reading.lengths)


WITHOUT_GRADIENT = {"str": "a string", "none": "None", "flag": "True or False"}


def _refuse_without_gradient(
    reading: Reading, request: Request, told: Mapping[str, Told]
) -> None:
    """Arguments that are asked about in vain."""
    for name in request.wrt:
        kind, _ = told.get(name, ("", None))
        if kind in WITHOUT_GRADIENT:
            what = f"{name} is {WITHOUT_GRADIENT[kind]} in this call of {reading.function}, which has no gradient"
            raise refusal("FG505", what, "leave it out of wrt", reading.filename)
    if (
        told
        and not request.wrt
        and all(k in UNDIFFERENTIATED for k, _ in told.values())
    ):
        raise _no_gradient(reading)


def _first(
    possible: Sequence[tuple[Reading, Options]], excluded: Set[str], cache: Cache | None
) -> Emission:  # fmt: skip
    """With the first options that do not contradict the text; it was found out before which, if it is kept."""
    kept = (recalled(cache, *one, excluded) for one in possible)
    if (found := next((k for k in kept if k is not None), None)) is not None:
        return found
    codes = ("FG301", "FG401") if len(possible) > 2 else ("FG301",)
    *others, last = possible
    for one in others:
        try:
            return emit(*one, excluded, cache)
        except FlatgradError as error:
            if all(d.code not in codes for d in error.diagnostics):
                raise
    return emit(*last, excluded, cache)


def emit(
    reading: Reading, options: Options, excluded: Set[str] = frozenset(), cache: Cache | None = None, mark: str = ""
) -> Emission:  # fmt: skip
    """Transform, with respect to nothing that is excluded; what is refused is told of the user's lines."""
    found = recalled(cache, reading, options, excluded, mark)
    if found is None:
        found = _transformed(reading, options, excluded)
        if cache is not None:
            key = key_of(reading.text, options, excluded, mark)
            cache.put(key, asdict(replace(found, source="")))
    return found


def recalled(
    cache: Cache | None, reading: Reading, options: Options, excluded: Set[str] = frozenset(), mark: str = ""
) -> Emission | None:  # fmt: skip
    """What an earlier process made of the same text."""
    if cache is None:
        return None
    found = cache.get(key_of(reading.text, options, excluded, mark))
    return None if found is None else Emission.of(found, reading.text)


def _transformed(reading: Reading, options: Options, excluded: Set[str]) -> Emission:
    """What this process made of the same text, or what is made now."""
    key = (reading.text, _key(options), frozenset(excluded))
    with GENERATING:
        try:
            if key not in _emitted:
                with without_warnings():
                    _keep(key, _emission(reading, options, excluded))
            return _emitted[key]
        except FlatgradError as error:
            raise reading.located(_of_this_call(error)) from None
        except (
            Exception
        ) as error:  # flatgrad's own fault, told as the command line tells it
            what = f"internal error: {type(error).__name__}: {error}".rstrip(": ")
            step = (
                "this is a defect of flatgrad, not of your code; please report it with the\n"
                "function that shows it"
            )
            raise refusal("FG999", what, step, reading.filename) from error


def _of_this_call(error: FlatgradError) -> FlatgradError:
    """What is told of shapes, where they come from arguments and not from an option of the command line."""
    if error.rendered:
        return error
    return FlatgradError(*map(_of_arguments, error.diagnostics))


def _of_arguments(problem: Diagnostic) -> Diagnostic:
    if problem.code != "FG301":
        return problem
    step = re.sub(r"--shape (\w+)", r"the shape of \1 in this call", problem.next_step)
    step = step.replace("with --shape", "with shapes=")
    return replace(problem, what=_told_shape(problem.what), next_step=step)


# What was emitted last: grad(f)(x) in a loop makes a new gradient each time, and transforms once.
_emitted: dict[object, Emission] = {}
KEPT = 256


def _keep(key: object, emission: Emission) -> None:
    while len(_emitted) >= KEPT:
        _emitted.pop(next(iter(_emitted)))
    _emitted[key] = emission


def _key(options: Options) -> object:
    """All that decides a text, in a form that can be compared."""
    told = (tuple(sorted(options.shapes.items())), tuple(sorted(options.kinds.items())))
    return repr(replace(options, shapes={}, kinds={}, filename="")), told


def _emission(reading: Reading, options: Options, excluded: Set[str]) -> Emission:
    from flatgrad.emit.module import layout
    from flatgrad.pipeline import Transformation

    whole = Transformation(reading.text, options)
    function, wrt = whole.read(options.emit)
    spelled = _spelled(function)
    if not options.wrt and not excluded.isdisjoint(map(spelled, wrt)):
        chosen = tuple(n for n in map(spelled, wrt) if n not in excluded)
        if not chosen:
            raise _no_gradient(reading)
        whole = Transformation(reading.text, replace(options, wrt=chosen))
        function, wrt = whole.read(options.emit)
    text = layout(whole.emitted(options.emit))
    defined = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    names = tuple(defined[-2:] if options.emit == "pair" else defined[-1:])
    results = tuple(
        Result(name, _told_shape(out.type.shape), out.type.shape.rank, seed is not None)
        for name, out, seed in zip(
            function.outputs, function.block.outs, function.seeds, strict=True
        )
    )
    return Emission(
        text,
        names,
        tuple(map(spelled, wrt)),
        results,
        function.returns_tuple,
        tuple(map(spelled, function.params)),
        *lengths_of(function.params),
        reading.text,
    )


def _spelled(function: Any) -> Callable[[str], str]:
    """The name of a parameter as the user has it: self.w, where it stands for an attribute."""
    objects = function.module.objects
    known = {} if objects is None else objects.attributes
    return lambda n: f"{objects.name}.{known[n]}" if n in known else n


def _no_gradient(reading: Reading) -> FlatgradError:
    what = f"no argument of {reading.function} can carry a gradient in this call"
    step = "give numbers or arrays"
    if reading.attributes:
        name = f"{reading.held}.{reading.attributes[0]}"
        step = f'name what it reads of the object: wrt="{name}"'
    return refusal("FG505", what, step, reading.filename)


def _told_shape(shape: Any) -> str:
    """As a message tells it, without the names that arguments have given to lengths."""
    return re.sub(r"\b_\w+", "?", str(shape))


def loaded(emission: Emission, reading: Reading, request: Request, told: Sequence[Told] = (),
           lengths: tuple[Length, ...] = ()) -> Made:  # fmt: skip
    """The functions of the emitted text, in the living program of a reading."""
    names, params = emission.names, emission.parameters
    generated = load(
        emission.text,
        names[-1],
        reading.entries,
        "flatgrad.generated",
        request.compiler,
    )
    emitted = [*inspect.signature(generated.plain[names[-1]]).parameters]
    seeds = (
        emitted[:-1]
        if request.emit == "pair"
        else [p for p in emitted if p not in (*params, reading.held)]
    )
    reading = replace(reading, watches=_watches(reading, generated, request.compiler))
    return Made(
        reading,
        generated,
        names,
        emission.wrt,
        emission.results,
        emission.returns_tuple,
        params,
        tuple(seeds),
        lengths,
        not told
        or any(
            k[0] not in (FLOAT, COMPLEX, *OTHERS)
            for n, k in zip(params, told, strict=True)
            if n in emission.wrt
        ),
    )


def _watches(reading: Reading, generated: Generated, compiler: Compiler | None) -> Any:
    """A compiler may keep the numbers that it has seen."""
    if compiler is None or not root_of(compiler):
        return reading.watches
    return (
        *reading.watches,
        *(watched(entry, exact=True) for _, entry in generated.live),
    )


__all__ = ["Emission", "Made", "Request", "emit", "loaded", "make", "recalled"]
