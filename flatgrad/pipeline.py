"""Source text -> source text: the passes in order. The one module that imports them all."""

from __future__ import annotations

import builtins
import gc
import keyword
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from flatgrad.complex_values import complex_values
from flatgrad.emit.beside import TangentLayout
from flatgrad.emit.early_returns import with_early_returns
from flatgrad.emit.helpers import HELPERS
from flatgrad.emit.layout import Gradient, Layout, Style
from flatgrad.emit.module import Emitted, layout, write_module
from flatgrad.emit.names import Names
from flatgrad.emit.objects import with_objects
from flatgrad.emit.promises import without_promises
from flatgrad.emit.unread import without_unread
from flatgrad.errors import Diagnostic, FlatgradError, Place, within
from flatgrad.forward import forward, tangent_of, tell_fields_of_tangents
from flatgrad.frontend import Function, Module, early_returns, lower, read_module
from flatgrad.frontend.complex_signs import speaks_of_complex
from flatgrad.frontend.decorators import is_transparent
from flatgrad.frontend.hints import RESULT
from flatgrad.frontend.longer import written_longer
from flatgrad.frontend.lower import parameters_of
from flatgrad.frontend.masks import DRAWN, with_mask
from flatgrad.frontend.methods import methods_in, with_methods
from flatgrad.frontend.module import (
    bound_names,
    library_used,
    main_functions,
    names_elsewhere,
    names_in_text,
    with_functions,
)
from flatgrad.frontend.own_rules import names_of_rules, read_rules
from flatgrad.frontend.pairs import (
    SOLVED,
    Pair,
    careful_values,
    pairs_in,
    returns_cache,
    written_later,
)
from flatgrad.frontend.scope import Callee, Path
from flatgrad.frontend.segments import segmented
from flatgrad.graph import Atom, Block, Lit, Var, all_equations
from flatgrad.options import ALONE, FORWARD_MODE, REMAINING, Options, Shape
from flatgrad.patterns import recognise
from flatgrad.registry import with_rules
from flatgrad.reverse import (
    NoRule,
    active_values,
    reverse,
    tell_fields,
    varied_values,
)
from flatgrad.seeded import with_fractions, without_seed
from flatgrad.simplify import simplify
from flatgrad.styles import STYLES, Rewriting, Writer
from flatgrad.styles.course import layer_names
from flatgrad.styles.homework import is_unfinished_loss, told_wrt, where_cached
from flatgrad.types import Contradiction, Type
from flatgrad.versions import MAY_HOLD

OTHER_LIBRARIES = {
    "tensorflow",
    "autograd",
    "mxnet",
    "paddle",
    "dask",
}
PYTHON = {*keyword.kwlist, *dir(builtins)}
WITHIN = "FG123"  # the backward needs a value that no line of the source names
DEEPEST = 200_000  # frames: one sum of thousands of terms is a tree of that depth to the printer of libcst


def transform(text: str, options: Options) -> str:
    """The module that `options` ask for, for the functions of the module `text`."""
    options = _in_style(options)
    return layout(Transformation(text, options).emitted(options.emit))


def _in_style(options: Options) -> Options:
    """Courses have their own prefix for names of derivatives."""
    style = STYLES.get(options.style)
    if style is None or options.names != Options().names:
        return options
    return replace(options, names=style.prefix)


class Transformation:
    """One text, for any kind of output: what two kinds have in common is found once.

    The printed modules are not laid out, which is for those that are shown.
    """

    def __init__(self, text: str, options: Options):
        self.text, self.options = text, options
        self._findings: dict[str | bool, _Findings] = {}

    def emitted(self, emit: str) -> str:
        options = replace(self.options, emit=emit)
        with _long_functions():
            found = self._found(options)
            with with_rules(found.rules):
                return _transformed(found, options)

    def read(self, emit: str, *names: str) -> tuple[Function, tuple[str, ...]]:
        """One function as a graph, that of the options if none is named, and the parameters to differentiate for."""
        functions = names or self.options.functions
        options = replace(self.options, emit=emit, functions=functions)
        with _long_functions():
            found = self._found(options)
            with with_rules(found.rules):
                (name,) = _chosen(found.module, options)
                found.module.library = library_used(found.module, name)
                try:
                    read = found.read(found.module, name, options)
                except FlatgradError as error:
                    placed = (_placed(found.module, name, d) for d in error.diagnostics)
                    raise FlatgradError(*placed) from None
        return read.function, tuple(v.name for v in read.wrt)

    def _found(self, options: Options) -> _Findings:
        """Two kinds of output share what was read, unless a loop is marked, which forward mode runs through once."""
        kind = _kind(options.emit)
        if kind not in self._findings:
            other = self._findings.get(not kind) if isinstance(kind, bool) else None
            shared = other is not None and "checkpoint" not in self.text
            self._findings[kind] = (
                other if shared and other else _Findings(self.text, options)
            )
        return self._findings[kind]

    def shapes(self, emit: str) -> dict[str, Shape]:
        """The shapes of the parameters and results of the one function that is asked for, as far as they were found.

        Those of the results are those of what is emitted: of the gradients, or of the tangents.
        """
        options = replace(self.options, emit=emit)
        found = self._found(options)
        (name,) = self.options.functions
        read = found.read(found.module, name, options)
        outs = read.function.block.outs if emit in FORWARD_MODE else read.wrt
        names = [f"{RESULT}[{i}]" for i in range(len(outs))] if len(outs) > 1 else [RESULT]  # fmt: skip
        values = {**read.function.params, **dict(zip(names, outs, strict=True))}
        return _known_shapes(values)


def _kind(emit: str) -> str | bool:
    """A gradient alone has no seed; else whether it is forward mode."""
    return emit if emit == "gradient" else emit in FORWARD_MODE


def _known_shapes(values: Mapping[str, Atom]) -> dict[str, Shape]:
    """Those of which each length is known, or has a name."""
    found: dict[str, Shape] = {}
    for name, value in values.items():
        dims = value.type.shape.dims
        if dims is None or value.type.kind in MAY_HOLD:
            continue
        lengths = [d.known if d.known is not None else str(d) for d in dims]
        if all(isinstance(n, int) or n.isidentifier() for n in lengths):
            found[name] = tuple(lengths)
    return found


class _Findings:
    """What was found on the way to one kind of output, and holds for another too."""

    def __init__(self, text: str, options: Options):
        module = with_methods(read_module(text), options.functions)
        forward_mode = options.emit in FORWARD_MODE
        self.module = module if forward_mode else segmented(module)
        others = [_file_of_rules(*file) for file in options.rules]
        self.rules = read_rules(self.module, others)
        self._read: dict[tuple[int, str, bool, bool], _Read | FlatgradError] = {}
        self._gradients: dict[int, Gradient | FlatgradError] = {}
        self._longer: dict[tuple[int, Place], Module | FlatgradError | None] = {}
        self._rewritten: dict[tuple[object, ...], Module] = {}
        self._layers: Module | None = None
        self._kept: list[Module] = [self.module]  # so that no other has its id

    def read(self, module: Module, name: str, options: Options) -> _Read:
        """The function, with the names that its results had before any of them was printed."""
        found = self._reading(module, name, options, stacks=True)
        if any(f.stacks for f in found.functions()):
            one_each = self._reading(module, name, options, stacks=False)
            found = self._chosen(found, one_each, options)
        found.restore()
        return found

    def _reading(
        self, module: Module, name: str, options: Options, stacks: bool
    ) -> _Read:
        key, forward_mode = (id(module), name, stacks), options.emit in FORWARD_MODE
        other = self._read.get((*key, not forward_mode))
        if isinstance(other, _Read) and not other.has_pairs:
            return other
        return _once(
            self._read,
            (*key, forward_mode),
            lambda: _read(module, name, options, stacks),
        )

    def _chosen(self, stacked: _Read, one_each: _Read, options: Options) -> _Read:
        """Stacks of matrices, unless that is refused, or needs helpers where one matrix each needs none.

        Helpers are no reason with torch, which is made for batches, and where the text for one would not stop at a stack.
        """
        found = self._helpers(stacked, options)
        function = stacked.function
        needed = function.module.library == "torch" or function.numbers_of_stacks
        if found and not needed and self._helpers(one_each, options) == set():
            found = None
        return one_each if found is None else stacked

    def _helpers(self, read: _Read, options: Options) -> set[str] | None:
        """The helpers that the text will define for itself; None where there is no text."""
        function, wrt = read.function, read.wrt
        try:
            if options.emit in FORWARD_MODE:
                gradient = _pushed(function, wrt)
            else:
                gradient = self.whole(function, wrt, options)
        except FlatgradError:
            return None
        return {e.op for e in all_equations(gradient.block.eqns)} & HELPERS.keys()

    def whole(
        self, function: Function, wrt: Sequence[Var], options: Options
    ) -> Gradient:
        """The gradient of what is asked for, with the seeds that this kind of output has."""
        own, alone = STYLES.get(options.style), options.emit == "gradient"
        from_one = alone or (own is not None and own.from_one(function, wrt))
        return self.gradient(
            function, lambda: _differentiated(function, wrt, from_one, alone)
        )

    def rewritten(self, name: str, options: Options) -> Module:
        """The module with the function as the style reads it, and the layers that it calls."""
        style = STYLES.get(options.style)
        if style is None or style.rewriting is None:
            return self.module
        if style.layer is None:
            return self._with({name: style.rewriting})
        others = {n: where_cached for n in self.module.functions if n != name}
        return self._with({**others, name: style.rewriting}, layered=True)

    def _with(
        self, rewritings: Mapping[str, Rewriting], layered: bool = False
    ) -> Module:
        """The module with functions that are written in another way; the same for the same ones."""
        key = (layered, *sorted((n, r.__name__) for n, r in rewritings.items()))
        if key not in self._rewritten:
            functions = self.module.functions
            nodes = {n: rewriting(functions[n]) for n, rewriting in rewritings.items()}
            self._rewritten[key] = with_functions(self.module, nodes, layered)
        return self._rewritten[key]

    def of_layers(self) -> Module:
        """The module with the functions as those that call them read them."""
        if self._layers is None:
            every = dict.fromkeys(self.module.functions, where_cached)
            self._layers = self._with(every, True)
        return self._layers

    def is_of_layers(self, module: Module) -> bool:
        return module is self._layers

    def gradient(self, function: Function, made: Callable[[], Gradient]) -> Gradient:
        return _once(self._gradients, id(function), made)

    def longer(self, module: Module, place: Place) -> Module | None:
        found = _once(
            self._longer,
            (id(module), place),
            lambda: with_mask(module, place) or written_longer(module, place),
        )
        if found is not None:
            found.objects = module.objects
            self._kept.append(found)
        return found


@dataclass(frozen=True)
class _Read:
    """A function as it was read, and the helpers that its gradient flows through as pairs."""

    function: Function
    wrt: list[Var]
    pairs: list[Pair]

    def functions(self) -> list[Function]:
        return [self.function, *(p.function for p in self.pairs if p.function)]

    def __post_init__(self) -> None:
        self._outputs.extend((f, list(f.outputs)) for f in self.functions())

    _outputs: list[tuple[Function, list[str]]] = field(default_factory=list)

    @property
    def has_pairs(self) -> bool:
        """Which helpers have a derivative depends on the mode."""
        return any(True for _ in pairs_in(self.function.block.eqns))

    def restore(self) -> None:
        """An output without a name is given one when it is printed."""
        for function, outputs in self._outputs:
            function.outputs[:] = outputs


Key = TypeVar("Key")
Found = TypeVar("Found")


def _once(
    known: dict[Key, Found | FlatgradError], key: Key, made: Callable[[], Found]
) -> Found:
    """What is known, or is made now; a refusal is raised again each time."""
    if key not in known:
        try:
            known[key] = made()
        except FlatgradError as error:
            known[key] = error
    found = known[key]
    if isinstance(found, FlatgradError):
        raise found
    return found


def _file_of_rules(filename: str, text: str) -> Module:
    """The module of such a file; a syntax error in it says where it stands."""
    try:
        module = read_module(text)
    except FlatgradError as error:
        raise FlatgradError(*(within(d, filename) for d in error.diagnostics)) from None
    module.filename = filename
    return module


def _transformed(findings: _Findings, options: Options) -> str:
    module = findings.module
    names, elsewhere = Names(module.text), names_elsewhere(module)
    problems: list[Diagnostic] = []
    emitted: list[Emitted] = []
    chosen = _chosen(module, options)
    for name in chosen:
        own = findings.rewritten(name, options)
        asked = _as_results_tell(module, name, options)
        if own.layered and _is_called(module, name, chosen):
            own = findings.of_layers()
        away = elsewhere[name]
        if own is not module:  # names of what is left to be written are free
            gone = names_in_text(module.text) - names_in_text(own.text)
            away = names_elsewhere(own)[name] | gone - PYTHON
        try:
            emitted += _with_loops(findings, own, name, asked, names, away)
        except FlatgradError as error:
            problems += [_placed(module, name, d) for d in error.diagnostics]
    if problems:
        raise FlatgradError(*problems)
    text = write_module(module, emitted)
    name = early_returns.marker(module)
    plain = options.style in STYLES and STYLES[options.style].layer is not None
    text = with_early_returns(text, name, options.emit == "pair", alone=plain)
    if module.objects is None:
        return text
    taken = {*module.functions, *module.imports, *module.constants}
    methods = {*module.objects.functions.values()} & module.objects.takes_object
    first = [one.texts[0] for one in emitted if one.function.name in methods]
    try:
        return with_objects(text, module.objects, taken, first)
    except FlatgradError as error:
        placed = (_placed(module, chosen[0], d) for d in error.diagnostics)
        raise FlatgradError(*placed) from None


def _as_results_tell(module: Module, name: str, options: Options) -> Options:
    """`return loss, dW`, where dW is left to be written, asks for the gradient of W; and a loss is a number."""
    style, node = STYLES.get(options.style), module.functions[name]
    if style is None or style.rewriting is None:
        return options
    options = replace(options, wrt=options.wrt or told_wrt(node))
    if is_unfinished_loss(node):
        options = replace(options, shapes={RESULT: (), **options.shapes})
    return options


def _is_called(module: Module, name: str, others: Sequence[str]) -> bool:
    """It is a layer that keeps its cache, since one of the others calls it."""
    if not returns_cache(Callee(name, module.functions[name])):
        return False
    bodies = (module.functions[n].body for n in others if n != name)
    return any(name in names_in_text(module.code(body)) for body in bodies)


def _placed(module: Module, name: str, problem: Diagnostic) -> Diagnostic:
    """What has no place of its own stands at the name of the function."""
    if module.objects is not None:
        what, step = map(module.objects.spelled, (problem.what, problem.next_step))
        problem = replace(problem, what=what, next_step=step)
    if problem.place is not None or name not in module.functions:
        return problem
    return replace(problem, place=module.place(module.functions[name].name))


def _with_loops(
    findings: _Findings,
    module: Module,
    name: str,
    options: Options,
    names: Names,
    elsewhere: set[str],
) -> list[Emitted]:
    """The same, with a loop in the text where the backward needs something from within an expression."""
    taken = names.taken.copy()
    try:
        return _one(findings, module, name, options, names, elsewhere)
    except FlatgradError as error:
        places = [
            d.place for d in error.diagnostics if d.code == WITHIN or d.what == DRAWN
        ]
        longer = findings.longer(module, places[0]) if places and places[0] else None
        if longer is None:
            raise
        names.taken = taken | names_in_text(longer.text)
        try:
            return _with_loops(findings, longer, name, options, names, elsewhere)
        except FlatgradError:
            names.taken = taken
            raise error from None


def _read(module: Module, name: str, options: Options, stacks: bool) -> _Read:
    """The function as a graph, with what is asked of it; with `stacks` of matrices where nothing is said."""
    options = _of_method(module, name, options)
    _refuse_other_libraries(module, name)
    _refuse_decorated(module, name)
    _refuse_unknown_shapes(module, name, options)
    function = _lowered(module, name, options, stacks)
    wrt = _wrt(function, options)
    if options.style in STYLES:
        function.seeds = STYLES[options.style].seeds(function)
        wrt = wrt if options.wrt else STYLES[options.style].wrt(function, wrt)
    if options.results:
        chosen = {*options.results}
        function.seeds = [
            s if i in chosen else None for i, s in enumerate(function.seeds)
        ]
    every = [Lit(1.0) for _ in function.block.outs]  # all results have tangents
    seeds = every if options.emit in FORWARD_MODE else function.seeds
    return _Read(function, wrt, _pairs(function, wrt, seeds))


def _lowered(module: Module, name: str, options: Options, stacks: bool) -> Function:
    """The graph; an early return of something else than the result is on no way to it."""
    reading = partial(
        lower,
        module,
        name,
        options.shapes,
        options.inline,
        aside=options.aside,
        kinds=options.kinds,
        stacks=stacks,
    )
    node = module.functions[name]
    early = early_returns.positions(node)
    while early:
        function = reading(node=early_returns.without(module, node, early))
        others = early_returns.of_another_kind(module, function, early)
        if others == early:
            return function
        early = others
    return reading()


def _of_method(module: Module, name: str, options: Options) -> Options:
    """What is asked of self.params is asked of the parameter that stands for it."""
    if module.objects is None:
        return options
    own = {p.name.value for p in parameters_of(module.functions[name])}
    local = partial(module.objects.local, params=own)
    shapes = {local(n): shape for n, shape in options.shapes.items()}
    kinds = {local(n): kind for n, kind in options.kinds.items()}
    wrt = tuple(map(local, options.wrt))
    return replace(options, wrt=wrt, shapes=shapes, kinds=kinds)


def read_in_place(module: Module, name: str, shapes: Mapping[str, Shape]) -> Function:
    """The function as a graph, with the helpers that it calls in their places; what cannot be read is in `problems`."""
    if name not in module.functions:
        _chosen(module, Options(functions=(name,)))
    module.library = library_used(module, name)
    _refuse_other_libraries(module, name)
    _refuse_decorated(module, name)
    with _long_functions():
        return lower(module, name, shapes, flat=True)


def _ask_for_everything(pair: Pair, layer: _Read) -> None:
    """The backward of a layer returns what it does wherever it is called, and takes a cotangent for each result."""
    pair.forward_name, pair.backward_name = layer_names(pair.callee.name)
    pair.wrt = {p.name: None for p in layer.wrt}
    seeds = layer.function.seeds
    pair.seeded = {i for i, seed in enumerate(seeds) if seed is not None}
    function = layer.function
    dicts = {n for n, p in function.params.items() if p.type.kind == "dict"}
    if (
        pair.careful - dicts
    ):  # what a layer puts into a dict of options it has seen itself
        what = f"{function.name} may keep an array in its cache that its caller writes into later"
        place = function.module.place(function.node.name)
        step = "let the caller write into a copy"
        raise FlatgradError(Diagnostic("FG510", what, step, place))


def _one(
    findings: _Findings,
    module: Module,
    name: str,
    options: Options,
    names: Names,
    elsewhere: set[str],
) -> list[Emitted]:
    """The definitions for one function: first those of the helpers that it calls as pairs."""
    module.library = library_used(module, name)
    read = findings.read(module, name, options)
    function, wrt, pairs = read.function, read.wrt, read.pairs
    if options.emit in FORWARD_MODE:
        return _with_tangents(module, function, wrt, pairs, options, names, elsewhere)
    found = []
    own = STYLES.get(options.style)
    for pair in pairs:
        if pair.own:
            found += _of_layer(findings, pair, options, names, elsewhere)
        else:
            _name(pair, names, "_forward", "_backward")
    for pair in pairs:
        assert pair.function is not None
        if pair.own:
            continue
        inner = findings.gradient(pair.function, partial(_gradient_of_pair, pair))
        style = Style(
            "pair",
            options.names,
            options.comments,
            (pair.forward_name, pair.backward_name),
        )
        found.append(_emitted(module, inner, names, elsewhere, style))
    whole = findings.whole(function, wrt, options)
    again = own.recomputed if own is not None else frozenset[str]()
    style = Style(options.emit, options.names, options.comments, recomputed=again)
    write = own.write if own is not None else None
    if own is not None and findings.is_of_layers(module):
        write = own.layer
    return [*found, _emitted(module, whole, names, elsewhere, style, write)]


def _of_layer(
    findings: _Findings,
    pair: Pair,
    options: Options,
    names: Names,
    elsewhere: set[str],
) -> list[Emitted]:
    """The backward of a layer that another function calls, as it stands by itself."""
    own = findings.module.functions
    module, options = findings.of_layers(), replace(options, wrt=(), shapes={})
    name = pair.callee.name
    layer = findings.read(module, name, options)
    _ask_for_everything(pair, layer)
    if options.style == REMAINING and pair.backward_name in own:
        return [_results_of(pair, module, layer.function, names)]
    return _one(findings, module, name, options, names, elsewhere)


def _results_of(
    pair: Pair, module: Module, function: Function, names: Names
) -> Emitted:
    """A backward that the file has: of what is printed for it, only what it returns is read."""
    results = ", ".join(f"d{name}" for name in pair.wrt)
    text = f"def {pair.backward_name}(dout, cache):\n    return {results}\n"
    dialect = Emitted.dialect_of(module, names, _local_names(function))
    return Emitted(function, [text], dialect, ())


def _gradient_of_pair(pair: Pair) -> Gradient:
    function = pair.function
    assert function is not None
    function.seeds = pair.chosen_seeds()
    function.storages.targets += careful_values(function, pair.careful)
    function.copies = bool(pair.careful)
    return _differentiated(function, [function.params[n] for n in pair.wrt])


def _emitted(
    module: Module,
    gradient: Gradient,
    names: Names,
    elsewhere: set[str],
    style: Style,
    write: Writer | None = None,
) -> Emitted:
    """The definition of one gradient; its new names may stand in functions that it has nothing to do with."""
    local = names.copy(without=elsewhere)
    local.taken |= gradient.function.invented
    dialect = Emitted.dialect_of(module, names, _local_names(gradient.function))
    kind = TangentLayout if style.emit in FORWARD_MODE else Layout
    printed = kind(gradient, local, names, dialect, style)
    texts = printed.styled(write) if write is not None else printed.texts()
    if style.emit in ALONE:
        texts = [without_promises(without_unread(module, t)) for t in texts]
    expanded = printed.available.edits.expanded
    return Emitted(gradient.function, texts, dialect, expanded)


def _pairs(
    function: Function, wrt: Sequence[Var], seeds: Sequence[Atom | None]
) -> list[Pair]:
    """The helpers that a gradient flows through as pairs, each after those that it calls itself."""
    ordered: list[Pair] = []
    pending = [(function, set[str | int](), active_values(function.block, wrt, seeds))]
    while pending:
        caller, careful, active = pending.pop()
        for eqn in pairs_in(caller.block.eqns):
            pair: Pair = eqn.attrs["pair"]
            written = written_later(caller, careful, eqn) - pair.careful
            pair.careful |= written
            if active.isdisjoint(eqn.outs):
                continue
            wanted = [
                n for n, a in zip(pair.params, eqn.args, strict=False) if a in active
            ]
            more = [n for n in wanted if n not in pair.wrt]
            reached = {
                i for i, out in enumerate(eqn.outs[:-1]) if out in active
            } - pair.seeded
            if eqn.op in SOLVED:
                more = [n for n in (*wanted, eqn.attrs["unknown"]) if n not in pair.wrt]
                reached = {0} - pair.seeded
            if pair in ordered:
                ordered.remove(pair)
            ordered.insert(0, pair)
            inside = pair.function is not None and not pair.own
            if (more or reached or written) and inside:
                assert pair.function is not None
                chosen = {*pair.wrt, *more}
                pair.seeded |= reached
                pair.wrt = {n: None for n in pair.params if n in chosen}
                params = [pair.function.params[n] for n in pair.wrt]
                seeds = pair.chosen_seeds()
                pending.append(
                    (
                        pair.function,
                        pair.careful,
                        active_values(pair.function.block, params, seeds),
                    )
                )
    return ordered


def _name(pair: Pair, names: Names, *endings: str) -> None:
    """The names of what is emitted for a helper."""
    given = [names.underscored(pair.callee.name + ending) for ending in endings]
    pair.forward_name, pair.backward_name = (*given, "")[:2]


def _with_tangents(
    module: Module,
    function: Function,
    wrt: Sequence[Var],
    pairs: Sequence[Pair],
    options: Options,
    names: Names,
    elsewhere: set[str],
) -> list[Emitted]:
    """The function with the tangents of its values, after those of the helpers that it calls."""
    prefix = "dot_" if options.names == Options().names else options.names
    found = []
    for pair in pairs:
        _name(pair, names, "_jvp")
    for pair in pairs:
        assert pair.function is not None
        params = [pair.function.params[n] for n in pair.wrt]
        inner = _pushed(pair.function, params, pair.seeded)
        count = len(pair.function.seeds)
        tangents = (inner.block.outs[count + i] for i in sorted(pair.seeded))
        outs = (*inner.block.outs[:count], *tangents)
        inner = replace(inner, block=replace(inner.block, outs=outs))
        style = Style("jvp", prefix, options.comments, (pair.forward_name, ""))
        found.append(_emitted(module, inner, names, elsewhere, style))
    style = Style(options.emit, prefix, options.comments)
    own = _emitted(module, _pushed(function, wrt), names, elsewhere, style)
    return [*found, own]


def _pushed(
    function: Function, wrt: Sequence[Var], wanted: Collection[int] | None = None
) -> Gradient:
    """Function -> its tangent, simplified; of a helper, the tangents that are `wanted`."""
    return _all_problems(function, lambda: _push(function, wrt, wanted))


def _push(
    function: Function, wrt: Sequence[Var], wanted: Collection[int] | None
) -> Gradient:
    hinted = speaks_of_complex(function)
    _tell_types_of_elements(function, wrt, hinted)
    primal = recognise(function.block, complex_values(function.block, hinted))
    keep = len(primal.eqns)
    tangents = tuple(tangent_of(p) for p in wrt)
    with _located(function, primal, wrt):
        last = function.frame.statements[-1]
        block = forward(primal, wrt, tangents, last, hinted, wanted)
        _refuse_shadowed(function, names_of_rules(block.eqns[keep:]))
        block = simplify(block, keep, in_step=True)
        tell_fields_of_tangents(
            primal, block, dict(zip(wrt, tangents, strict=True)), hinted
        )
    return Gradient(function, block, keep, tuple(wrt), tangents)


def _differentiated(
    function: Function,
    wrt: Sequence[Var],
    from_one: bool = False,
    alone: bool = False,
) -> Gradient:
    """The gradient, or all that stands against it: what was not read and what has no rule."""
    return _all_problems(
        function, lambda: differentiate(function, wrt, from_one, alone)
    )


def _all_problems(function: Function, made: Callable[[], Gradient]) -> Gradient:
    if not function.problems:
        return made()
    problems = list(function.problems)
    try:
        made()
    except FlatgradError as error:
        problems += [d for d in error.diagnostics if d not in problems]
    raise FlatgradError(*sorted(problems, key=_line))


def _line(problem: Diagnostic) -> int:
    return problem.place.line if problem.place is not None else 0


def _refuse_decorated(module: Module, name: str) -> None:
    function = module.functions[name]
    unknown = [d for d in function.decorators if not is_transparent(module, d)]
    if unknown:
        what = f"{name} is decorated, so what it computes is not known"
        step = "name the function that it wraps, or leave the decorator out"
        raise FlatgradError(Diagnostic("FG116", what, step, module.place(unknown[0])))


def _refuse_unknown_shapes(module: Module, name: str, options: Options) -> None:
    names = {p.name.value for p in parameters_of(module.functions[name])}
    told = [n for n in options.shapes if n.partition("[")[0] != RESULT]
    unknown = [n for n in told if n not in names]
    if unknown:
        what = f"--shape names {unknown[0]}, which is no parameter of {name}"
        raise FlatgradError(
            Diagnostic("FG507", what, f"parameters: {', '.join(names)}")
        )


def _refuse_other_libraries(module: Module, name: str) -> None:
    roots = sorted(
        {i.path.partition(".")[0] for i in module.imports.values()} & OTHER_LIBRARIES
    )
    if roots:
        what = f"functions written with {roots[0]} are not read yet"
        place = module.place(module.functions[name].name)
        raise FlatgradError(
            Diagnostic("FG114", what, "write the function with numpy", place)
        )


def differentiate(
    function: Function,
    wrt: Sequence[Var],
    from_one: bool = False,
    alone: bool = False,
) -> Gradient:
    """Function -> its gradient, simplified.

    `from_one`: the cotangent of its one result is 1 and is not written out; `alone`: that result has to be a number.
    """
    hinted = speaks_of_complex(function)
    _tell_types_of_elements(function, wrt, hinted)
    primal = recognise(function.block, complex_values(function.block, hinted))
    for seed, out in zip(function.seeds, primal.outs, strict=True):
        if seed is not None:
            seed.type = out.type
    if alone and not function.problems:
        _refuse_no_number(function, primal)
    keep = len(primal.eqns)
    with _located(function, primal, wrt):
        one = Lit(1.0)
        seeds = [s and (one if from_one else s) for s in function.seeds]
        block = reverse(primal, wrt, seeds, hinted)
        block = without_seed(block, keep) if from_one else block
        _refuse_shadowed(function, names_of_rules(block.eqns[keep:]))
        simple = simplify(block, keep)
        if from_one:  # courses and minimizers have arrays of fractions
            simple = with_fractions(simple, keep, of_integers=alone)
        tell_fields(primal, simple, seeds, hinted)
        return Gradient(function, simple, keep, tuple(wrt))


def _refuse_no_number(function: Function, primal: Block) -> None:
    """A gradient is that of one number."""
    outs = primal.outs
    if len(outs) == 1 and not function.returns_tuple and outs[0].type.shape.is_scalar:
        return
    shape = outs[0].type.shape
    several = f"{len(outs)} results" if len(outs) > 1 or function.returns_tuple else ""
    known = f"an array of shape {shape}" if shape.rank else "what may be an array"
    what = f"{function.name} returns {several or known}, and a gradient is that of one number"
    step = "sum it up, or state the shapes of the parameters"
    place = function.module.place(function.node.name)
    raise FlatgradError(Diagnostic("FG508", what, step, place))


def _tell_types_of_elements(
    function: Function, wrt: Sequence[Var], hinted: bool
) -> None:
    """x.dtype is one of fractions where a gradient is asked with respect to x."""
    varied = set() if hinted else varied_values(function.block, wrt)
    for eqn in all_equations(function.block.eqns):
        if eqn.op == "dtype" and eqn.args[0] in varied:
            known = eqn.args[0].type
            if known.kind == "any":
                eqn.out.type.items = (Type(known.shape, "float"),)


@contextmanager
def _located(function: Function, primal: Block, wrt: Sequence[Var]) -> Iterator[None]:
    """What cannot be differentiated becomes diagnostics with their places."""
    try:
        yield
    except NoRule as refused:
        raise FlatgradError(*_no_rules(function, primal, wrt, refused)) from None
    except Contradiction as found:
        what = f"the shapes contradict each other: {found.left} is not {found.right}"
        place = function.module.place(function.node.name)
        step = "state the shapes with --shape or in the docstring"
        raise FlatgradError(Diagnostic("FG301", what, step, place)) from None


def _local_names(function: Function) -> set[str]:
    """The parameters of a function and the variables that it binds, but for what it imports."""
    node = function.node
    bound = {*bound_names(node.body), *(p.name.value for p in parameters_of(node))}
    held = {n for n, v in function.frame.env.items() if not isinstance(v, Path)}
    return held | {n for n in bound if not isinstance(function.frame.env.get(n), Path)}


def _refuse_shadowed(function: Function, names: set[str]) -> None:
    """A name of the module that a rule reads must not be a variable of the function."""
    for name in sorted(names & _local_names(function)):
        what = f"{name} is a variable of {function.name} and a name of the module that a rule reads"
        place = function.module.place(function.node.name)
        step = "give the variable another name"
        raise FlatgradError(Diagnostic("FG117", what, step, place))


def _no_rules(
    function: Function, primal: Block, wrt: Sequence[Var], first: NoRule
) -> list[Diagnostic]:
    """Every equation that a gradient would have to flow through without a rule."""
    from flatgrad.registry import RULES
    from flatgrad.reverse import active_values

    active = active_values(primal, wrt, function.seeds)
    refused = [
        e
        for e in all_equations(primal.eqns)
        if e.op not in RULES
        and e.op not in ("call", *SOLVED)
        and not e.blocks
        and not active.isdisjoint(e.outs)
    ]
    refused = [e for e in refused if not active.isdisjoint(e.args)]
    echoes = {out for e in refused for out in e.outs}
    refused = [e for e in refused if echoes.isdisjoint(e.args)] or [first.eqn]
    plain = (first if e is first.eqn else NoRule(e) for e in refused)
    return [_no_rule(function, each) for each in plain]


def _no_rule(function: Function, refused: NoRule) -> Diagnostic:
    eqn, why = refused.eqn, refused.why
    node = (
        eqn.node
        if eqn.node is not None or eqn.statement is None
        else eqn.statement.node
    )
    place = function.module.place(node) if node is not None else None
    step = refused.step or "write it with operations that have one: docs/operations.md"
    if eqn.op == "for" and eqn.attrs.get("inline"):
        what = "the tangent of this expression needs a loop of its own"
        return Diagnostic(WITHIN, what, "write it as a loop", place)
    if eqn.op == "opaque":
        what = str(eqn.attrs["what"])
        return Diagnostic(
            eqn.attrs["code"],
            what,
            eqn.attrs["next_step"] or "write it as straight-line code",
            place,
        )
    return Diagnostic(
        "FG201",
        f"{eqn.op}: {why}" if why else f"no derivative rule for {eqn.op}",
        step,
        place,
    )


def _chosen(module: Module, options: Options) -> list[str]:
    """The functions to transform; asking for one that is not there is a problem."""
    methods = module.objects.functions if module.objects is not None else {}
    asked = [methods.get(name, name) for name in options.functions]
    missing = [name for name in asked if name not in module.functions]
    if missing:
        known = ", ".join([*module.functions, *methods_in(module)]) or "none"
        step = f"functions of this file: {known}"
        raise FlatgradError(
            *(
                Diagnostic("FG503", f"there is no function {name} at top level", step)
                for name in missing
            )
        )
    if asked:
        return asked
    found = main_functions(module)
    style = STYLES.get(options.style)
    if style is not None and style.layer is not None:
        layers = {n for n, f in module.functions.items() if returns_cache(Callee(n, f))}
        found = [n for n in module.functions if n in {*found, *layers}]
        found = [n for n in found if not _is_backward(module, n)]
    if not found:
        step = "write one, or name a private one with --function"
        if offered := methods_in(module):
            step = f"name a method with --function: {', '.join(offered)}"
        raise FlatgradError(
            Diagnostic("FG504", "there is no public function at top level", step)
        )
    return found


def _is_backward(module: Module, name: str) -> bool:
    """Written or not, it belongs to a forward of the file."""
    forward = name.replace("backward", "forward")
    return forward != name and forward in module.functions


def _wrt(function: Function, options: Options) -> list[Var]:
    """The parameters to differentiate with respect to: those asked for, or all that can carry a gradient."""
    if not options.wrt:
        found = [p for p in function.params.values() if p not in function.labels]
        if not found:
            step = "name one with --wrt"
            what = f"no parameter of {function.name} can carry a gradient"
            raise FlatgradError(
                Diagnostic(
                    "FG505", what, step, function.module.place(function.node.name)
                )
            )
        return found
    missing = [name for name in options.wrt if name not in function.params]
    if missing:
        step = f"parameters: {', '.join(function.params)}"
        raise FlatgradError(
            *(
                Diagnostic(
                    "FG506",
                    f"{function.name} has no parameter {n}",
                    step,
                    function.module.place(function.node.name),
                )
                for n in missing
            )
        )
    return [function.params[name] for name in options.wrt]


@contextmanager
def _long_functions() -> Iterator[None]:
    """Room for deep trees, and no garbage collection in the middle: both are put back."""
    depth, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(depth, DEEPEST))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(depth)
        if collecting:
            gc.enable()
