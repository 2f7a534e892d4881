"""Parts of a forward that returns its own cache -> the backward that unpacks that very cache."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from flatgrad.emit.parts import Held, Parts
from flatgrad.emit.unbound import unbound
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.module import names_in_text
from flatgrad.frontend.pairs import is_cache
from flatgrad.styles.composed import renamed, with_own_caches
from flatgrad.styles.course import defined, layer_names, layer_or_loss, name_of_cache
from flatgrad.styles.handed import Handed, handed_on
from flatgrad.styles.shapes import Lengths
from flatgrad.styles.slices import Leaf, Missing, Slicer, name_of_shape
from flatgrad.styles.steps import SHAPE, Spot, Step, spots, steps_of

IGNORED = "_"
COPY = re.compile(r"(\w+) = \w+\.(?:copy|clone)\(\)$")


def backward_alone(parts: Parts) -> list[str]:
    """def affine_backward(dout, cache): x, w, b = cache ... return dx, dw, db"""
    parts = _with_named_cache(with_own_caches(parts))
    if parts.scalar and not parts.held.asides:
        return layer_or_loss(parts)
    lines = backward_lines(parts)
    params = [*parts.seeds, _own_cache(parts)]
    return [defined(layer_names(parts.function.name)[1], ", ".join(params), lines)]


def _with_named_cache(parts: Parts) -> Parts:
    """What the function returns last without a name is called cache."""
    text = parts.function.module.code(parts.function.node)
    unnamed = [n for n in parts.held.asides if n not in names_in_text(text)]
    return renamed(parts, {n: name_of_cache(parts) for n in unnamed[-1:]})


def backward_lines(parts: Parts) -> list[str]:
    """The body of the backward, with its return."""
    cache = _own_cache(parts)
    text = "\n".join(parts.forward)
    held = _apart(parts, cache)
    steps = steps_of(parts.forward, held)
    packed = _packing(parts, steps, cache)
    known = {leaf.spot.name for leaf in packed.leaves}
    packed = packed.without_ambiguous().without_shapes(
        names_in_text("\n".join([text, *parts.reading]))
    )
    packed = packed.with_handed(
        handed_on(parts.function.module, text, known), len(steps)
    )
    result = f"return {', '.join(parts.read_gradients)}"
    backward = _read_directly(steps, packed, [*parts.reading, "", result])
    needed = needed_of(parts, backward)
    try:
        found = slicer_of(parts, held, steps, packed.leaves, parts.forward).slice(
            needed
        )
    except Missing as missing:
        raise FlatgradError(_not_cached(parts, missing)) from None
    own = [line for line in backward if not _copies_list(line, found.leaves)]
    told = [with_shapes(line, found.shapes) for line in (*found.lines, "", *own)]
    further = [h.line for h in packed.handed if found.leaves & h.names]
    return [*packed.unpacking, *further, *told]


# --- the cache -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packing:
    """What a cache is made of, and the lines that take it apart."""

    leaves: tuple[Leaf, ...]
    unpacking: tuple[str, ...]
    handed: tuple[Handed, ...] = ()  # what lies in the caches of other layers

    def without_ambiguous(self) -> Packing:
        """Without the names that stand for several items, put there one after the other."""
        places: dict[str, set[tuple[int, bool]]] = {}
        for leaf in self.leaves:
            places.setdefault(leaf.spot.name, set()).add((leaf.at, leaf.copied))
        kept = [f for f in self.leaves if len(places[f.spot.name]) == 1]
        return replace(self, leaves=tuple(kept))

    def without_shapes(self, taken: Set[str]) -> Packing:
        """Without shapes whose name stands for something else."""
        kept = (
            f
            for f in self.leaves
            if f.spot.part != SHAPE or name_of_shape(f.spot.name) not in taken
        )
        return replace(self, leaves=tuple(kept))

    def with_handed(self, handed: Sequence[Handed], at: int) -> Packing:
        known = {leaf.spot.name for leaf in self.leaves}
        found: list[Handed] = []
        for one in handed:
            found.append(replace(one, names=one.names - known))
            known |= one.names
        more = [Leaf(Spot(n), at) for h in found for n in sorted(h.names)]
        return replace(self, leaves=(*self.leaves, *more), handed=tuple(found))


def _own_cache(parts: Parts) -> str:
    """The name of the cache among the results."""
    asides = [name for name in parts.held.asides if is_cache(name)] or [
        *parts.held.asides
    ]
    if not asides:
        function = parts.function
        what = f"{function.name} returns no cache"
        step = "let it return (out, cache), or ask for --style cs231n, which makes one"
        raise FlatgradError(
            Diagnostic("FG510", what, step, function.module.place(function.node.name))
        )
    return asides[-1]


def _packing(parts: Parts, steps: Sequence[Step], cache: str) -> Packing:
    """How the forward puts its cache together: in one line, or item by item into a dict."""
    if cache in parts.function.params:
        return Packing((Leaf(Spot(cache), len(steps)),), ())
    made = [i for i, step in enumerate(steps) if cache in step.binds]
    at = made[-1] if made else len(steps)
    value = _value_given(steps[at].node, cache) if made else None
    if value is None:
        raise FlatgradError(_no_plain_cache(parts, cache))
    leaves, lines = _taken_apart(value, cache, at, steps)
    if isinstance(value, ast.List) and _is_filled(steps, at, cache):
        return _of_list(steps, cache, [(at, item) for item in value.elts])
    later = [i for i in range(at + 1, len(steps)) if steps[i].changes(Spot(cache))]
    for i in later:
        stored = _stored(steps[i].node, cache)
        if stored is None:
            raise FlatgradError(_no_plain_cache(parts, cache))
        key, item = stored
        path = f"{cache}[{key!r}]"
        if any(path in line for line in lines):  # what was there before is gone
            raise FlatgradError(_no_plain_cache(parts, cache))
        more, told = _taken_apart(item, path, i, steps)
        leaves, lines = [*leaves, *more], [*lines, *told]
    return Packing(tuple(leaves), tuple(lines))


def _of_list(
    steps: Sequence[Step], cache: str, begun: Sequence[tuple[int, ast.expr]]
) -> Packing:
    """The list as it is, or its items where each is put there by a line of its own."""
    leaves, lines = [Leaf(Spot(cache), len(steps))], list[str]()
    added = [
        (i, item)
        for i, step in enumerate(steps)
        for item in _appended(step.node, cache)
    ]
    if len(added) == sum(step.changes(Spot(cache)) for step in steps) - 1:
        items = [(i, _under_own_name(steps, item, i)) for i, item in [*begun, *added]]
        leaves += [leaf for i, item in items for leaf in _leaves(item, i)]
        target = ", ".join(_target(item) for _, item in items)
        lines = [f"{target}{',' * (len(items) == 1)} = {cache}"] if items else []
    return Packing(tuple(leaves), tuple(lines))


def _under_own_name(steps: Sequence[Step], item: ast.expr, at: int) -> ast.expr:
    """The name that is given to the item alone, where its own name stands for several one after the other."""
    for i in range(at):
        match steps[i].node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=other)):
                same = isinstance(item, ast.Name) and item.id == other
                if same and not any(s.changes(Spot(other)) for s in steps[i + 1 : at]):
                    return ast.Name(name)
            case _:
                pass
    return item


def _appended(node: ast.stmt, cache: str) -> list[ast.expr]:
    match node:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item]
            )
        ) if (name == cache):
            return [item]
        case _:
            return []


def _is_filled(steps: Sequence[Step], at: int, cache: str) -> bool:
    """Nothing but .append changes the list."""
    later = [s for s in steps[at + 1 :] if s.changes(Spot(cache))]
    text = "\n".join(line for s in later for line in s.text)
    uses = re.findall(rf"(?<![\w.]){cache}\b(\.append\()?", text)
    return bool(uses) and all(uses)


def _value_given(node: ast.stmt, name: str) -> ast.expr | None:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                match target, value:
                    case ast.Name(id=found), _ if found == name:
                        return value
                    case ast.Tuple(elts=left), ast.Tuple(elts=right) if len(
                        left
                    ) == len(right):
                        for one, item in zip(left, right, strict=True):
                            if isinstance(one, ast.Name) and one.id == name:
                                return item
                    case _:
                        pass
        case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if (
            found == name
        ):
            return value
        case _:
            pass
    return None


def _stored(node: ast.stmt, name: str) -> tuple[str, ast.expr] | None:
    """cache["x"] = x"""
    match node:
        case ast.Assign(
            targets=[
                ast.Subscript(
                    value=ast.Name(id=found), slice=ast.Constant(value=str(key))
                )
            ],
            value=value,
        ) if (
            found == name
        ):
            return key, value
        case _:
            return None


def _taken_apart(
    value: ast.expr, path: str, at: int, steps: Sequence[Step]
) -> tuple[list[Leaf], list[str]]:
    """What the items are, and the lines that give them their names again."""
    match value:
        case ast.Tuple(elts=items) | ast.List(elts=items) if items:
            leaves = [leaf for item in items for leaf in _leaves(item, at)]
            target = ", ".join(map(_target, items)) + ("," if len(items) == 1 else "")
            lines = [
                f"({target}) = {path}" if len(items) == 1 else f"{target} = {path}"
            ]
            return leaves, lines if leaves else []
        case ast.Dict(keys=keys, values=values):
            found: list[Leaf] = []
            lines = []
            for key, item in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant):
                    more, told = _taken_apart(item, f"{path}[{key.value!r}]", at, steps)
                    found, lines = [*found, *more], [*lines, *told]
            return found, lines
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords) if all(
            k.arg for k in keywords
        ):
            names: list[ast.expr | None] = [ast.Constant(k.arg) for k in keywords]
            items = [k.value for k in keywords]
            return _taken_apart(ast.Dict(names, items), path, at, steps)
        case ast.Name(id=name):
            return [Leaf(Spot(name), at)], [f"{name} = {path}"] if name != path else []
        case _:
            return [], []


def _leaves(item: ast.expr, at: int) -> Iterator[Leaf]:
    match item:
        case ast.Name(id=name):
            yield Leaf(Spot(name), at)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for inner in items:
                yield from _leaves(inner, at)
        case ast.Attribute(value=ast.Name(id=name), attr="shape"):
            yield Leaf(Spot(name, SHAPE), at)
        case _ if copied := _copied(item):
            yield Leaf(Spot(copied), at, copied=True)
        case _:
            return


def _copied(item: ast.expr) -> str:
    """x, of x.copy()"""
    match item:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=name), attr="copy" | "clone"),
            args=[],
            keywords=[],
        ):
            return name
        case _:
            return ""


def _target(item: ast.expr) -> str:
    match item:
        case ast.Name(id=name):
            return name
        case ast.Tuple(elts=items) | ast.List(elts=items) if items:
            inner = ", ".join(map(_target, items))
            return f"({inner},)" if len(items) == 1 else f"({inner})"
        case ast.Attribute(value=ast.Name(id=name), attr="shape"):
            return name_of_shape(name)
        case _:
            return _copied(item) or IGNORED


# --- what is needed ------------------------------------------------------------------------------------------------


def _apart(parts: Parts, cache: str) -> Held:
    """The cache shows the arrays that are put into it, and nothing is written through it; a copy shows none."""
    copies = {m[1] for line in parts.forward if (m := COPY.match(line))}
    once = {
        n
        for n in copies
        if sum(line.startswith(f"{n} ") for line in parts.forward) == 1
    }
    sharing = [group - once - {cache} for group in parts.held.sharing]
    return replace(parts.held, sharing=sharing)


def slicer_of(
    parts: Parts,
    held: Held,
    steps: Sequence[Step],
    leaves: Sequence[Leaf],
    lines: Sequence[str],
) -> Slicer:
    """Finds values among the lines of a forward of which the steps are."""
    shapes = parts.held.shapes
    seeded = zip(parts.seeds, parts.seeded, strict=True)
    lengths = Lengths(
        shapes, {seed: shapes[out] for seed, out in seeded if out in shapes}
    )
    params = {*parts.function.params}
    return Slicer(steps, lines, params, parts.bound, held, leaves, lengths)


def needed_of(parts: Parts, lines: Sequence[str]) -> set[Spot]:
    """What the lines read of what the forward leaves."""
    names = unbound(lines) & parts.bound
    read = {s for line in [_joined(lines)] for s in spots(ast.parse(line))}
    return {s for s in read if s.name in names}


def _joined(lines: Sequence[str]) -> str:
    return "def f():\n" + "\n".join(f"    {line}" for line in lines)


def _read_directly(
    steps: Sequence[Step], packed: Packing, lines: Sequence[str]
) -> list[str]:
    """dout * (out > 0)  ->  dout * (x > 0), where out = np.maximum(0, x), and the cache has x and not out."""
    names = {leaf.spot.name for leaf in packed.leaves}
    found = list(lines)
    for i, step in enumerate(steps):
        made = _rectified(step.node)
        if made is None or made[1] not in names or made[0] in names:
            continue
        out, x = made
        if any(s.changes(Spot(out)) or s.changes(Spot(x)) for s in steps[i + 1 :]):
            continue
        found = [
            re.sub(rf"(?<![\w.]){out} > 0\b(?!\.)", f"{x} > 0", line) for line in found
        ]
    return found


def _rectified(node: ast.stmt) -> tuple[str, str] | None:
    match node:
        case ast.Assign(
            targets=[ast.Name(id=out)],
            value=ast.Call(
                func=ast.Attribute(attr="maximum"),
                args=[ast.Constant(value=0), ast.Name(id=x)]
                | [ast.Name(id=x), ast.Constant(value=0)],
                keywords=[],
            ),
        ):
            return out, x
        case _:
            return None


def _copies_list(line: str, leaves: Set[str]) -> bool:
    """The backward empties the list, which is its own since it comes from no cache."""
    found = re.fullmatch(r"(\w+) = list\((\w+)\)", line)
    return found is not None and found[1] == found[2] and found[1] not in leaves


def with_shapes(line: str, shapes: Mapping[str, str]) -> str:
    if line.lstrip().startswith("#"):
        return line
    for name, told in shapes.items():
        line = re.sub(rf"(?<![\w.]){name}\.shape\b", told, line)
        line = re.sub(rf"\b(zeros|ones)_like\({name}\)", rf"\1({told})", line)
    return line


# --- refusals ------------------------------------------------------------------------------------------------------


def _not_cached(parts: Parts, missing: Missing) -> Diagnostic:
    function = parts.function
    cache = _own_cache(parts)
    why = (
        "is drawn by the forward, and" if missing.drawn else "is not in the cache, and"
    )
    what = f"{missing.name} {why} cannot be computed from what the cache of {function.name} holds"
    named = [
        n
        for n in parts.held.asides
        if n == cache and cache in names_in_text(function.module.code(function.node))
    ]
    where = (
        f"add {missing.name} to {cache}"
        if named
        else f"return {missing.name} in the cache"
    )
    if missing.name in function.params and missing.replaced:
        what = f"{missing.name}, as it is given to {function.name}, {why} cannot be computed from what it holds"
        where = f"let the function not give {missing.name} another value, and keep both in the cache"
    return Diagnostic("FG510", what, where, function.module.place(function.node.name))


def _no_plain_cache(parts: Parts, cache: str) -> Diagnostic:
    function = parts.function
    what = f"how {cache} of {function.name} is put together is not read"
    step = f"assign it in one line, {cache} = (x, w, b), at the end of the function"
    return Diagnostic("FG510", what, step, function.module.place(function.node.name))
