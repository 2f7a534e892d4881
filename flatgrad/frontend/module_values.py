"""Variables of the module that a function writes into -> their names; a refusal where another function reads one.

In: one function after it was read. A function may store into an array, a list or a dict of the module, B[0] = x, and go
on with it: to the graph that is a new version of B. Other functions that name B know nothing of that version.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flatgrad.frontend.module import bound_names, names_in_text
from flatgrad.frontend.scope import Frame, Refusal
from flatgrad.graph import Block, all_equations, prune

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering
    from flatgrad.frontend.pairs import Pair


def written(low: Lowering) -> set[str]:
    """The names of the module's values that this function, or one that it calls, writes into."""
    frames = [low.frame, *(f for found in low.calls.values() for f in found)]
    stored = {name for frame in frames for name in _stored_by_name(low, frame)}
    own = {n for n, value in low.externals.items() if low.storages.written(value)}
    called = (p.function.written_of_module for p in _called(low) if p.function)
    return (own | stored).union(*called) & {*low.module.constants}


def _stored_by_name(low: Lowering, frame: Frame) -> set[str]:
    """Names that the activation writes into, and gives no value."""
    own = {*bound_names(frame.function.body), *frame.arguments, *low.params}
    return {value.name for value in frame.writes} - own


def refuse_others(low: Lowering, block: Block, names: set[str]) -> None:
    """What is written into and matters to the results is named by the function itself alone."""
    readers = list(_readers(low)) if names else []
    for name in sorted(names & _read(low, block)):
        others = [text for text in readers if name in names_in_text(text)]
        if low.given is not None or others:
            what = (
                f"{name} is a variable of the module that functions write into and read"
            )
            step = "give it to them as an argument, and return it"
            low.problems.append(Refusal("FG402", what, step, _place(low, name)))


def _read(low: Lowering, block: Block) -> set[str]:
    """What the results depend on, here and in the functions that are called."""
    called = [p.function.block for p in _called(low) if p.function]
    eqns = [e for b in (block, *called) for e in prune(b, everything=True).eqns]
    return {e.attrs["text"] for e in eqns if e.op == "external"}


def _readers(low: Lowering) -> Iterator[str]:
    """The texts of the functions that are called, as often as they are read in place."""
    code = low.module.code
    for frames in low.calls.values():
        yield from (code(frame.function) for frame in frames)
    yield from map(_text_of(low), _called(low))


def _text_of(low: Lowering) -> Any:
    return lambda pair: low.module.code(pair.callee.node)


def _called(low: Lowering) -> list[Pair]:
    """The functions that stand by themselves, and those that they call."""
    pending = [e.attrs["pair"] for e in all_equations(low.build.eqns) if "pair" in e.attrs]  # fmt: skip
    found: dict[Pair, None] = {}
    while pending:
        pair = pending.pop()
        if pair in found:
            continue
        found[pair] = None
        inner = pair.function.block.eqns if pair.function else ()
        pending += [e.attrs["pair"] for e in all_equations(inner) if "pair" in e.attrs]
    return list(found)


def _place(low: Lowering, name: str) -> Any:
    statement = low.storages.destroyed.get(low.externals[name]) if name in low.externals else None  # fmt: skip
    return statement.node if statement is not None else low.node.name
