"""Forward equations -> where each value is at home: in which branch or loop it is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flatgrad.graph import Atom, Block, Eqn, Statement, Var
from flatgrad.partial import partial_values


@dataclass(frozen=True, eq=False)
class Home:
    """A block of the forward part, the equation that holds it, and the block around that one."""

    block: Block
    eqn: Eqn
    outer: Home | None

    @property
    def is_loop(self) -> bool:
        return self.eqn.op != "if"

    @property
    def is_inline(self) -> bool:
        """Part of an expression: no line of text can be put into it."""
        return bool(self.eqn.attrs.get("inline"))

    @property
    def statement(self) -> Statement:
        assert self.eqn.statement is not None
        return self.eqn.statement

    def around(self) -> Iterator[Home]:
        """This block and those around it, innermost first."""
        found: Home | None = self
        while found is not None:
            yield found
            found = found.outer


class Homes:
    """The home of each value that is not computed in the function's own block."""

    def __init__(self, eqns: Iterable[Eqn]):
        self.of: dict[Atom, Home] = {}
        self.flowing: set[Atom] = (
            set()
        )  # what goes into a branch's or a loop's results by its name
        self.results: dict[Atom, Var] = (
            {}
        )  # of branches: what a value at the end of one becomes
        eqns = list(eqns)
        self.partial = partial_values(eqns)
        self._collect(eqns, None)

    def _collect(self, eqns: Iterable[Eqn], outer: Home | None) -> None:
        for eqn in eqns:
            for block in eqn.blocks:
                self._block(eqn, block, outer)
            if outer is not None:
                self.of.update(dict.fromkeys(eqn.outs, outer))

    def _block(self, eqn: Eqn, block: Block, outer: Home | None) -> None:
        home = Home(block, eqn, outer)
        self.of.update(dict.fromkeys(block.params, home))
        if not home.is_inline:
            self.flowing.update(block.outs, eqn.args)
        self._collect(block.eqns, home)
        if eqn.op == "if":
            for end, out in zip(block.outs, eqn.outs, strict=True):
                if self.of.get(end) is home:
                    self.results.setdefault(end, out)

    def loop(self, value: Atom) -> Home | None:
        """The innermost loop in whose body a value is computed."""
        home = self.of.get(value)
        if home is None:
            return None
        return next((h for h in home.around() if h.is_loop), None)

    def is_inline(self, value: Atom) -> bool:
        """The value is computed within an expression that need not be evaluated."""
        home = self.of.get(value)
        return home is not None and any(h.is_inline for h in home.around())
