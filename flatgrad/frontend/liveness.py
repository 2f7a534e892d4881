"""Lines of a function -> for each line, the names whose values are read after it.

Where it is not clear whether a name is read again, it is taken to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from flatgrad.frontend.exits import lines_of
from flatgrad.frontend.module import (
    assigned_names,
    children_of,
    names_in,
    names_of_target,
    nodes_in,
    parameters_of,
)

Names = frozenset[str]


@dataclass
class Liveness:
    """Walks lines from the last to the first; `after` holds what is read after each line that was met."""

    after: dict[cst.CSTNode, set[str]] = field(default_factory=dict)
    # What is read where a break or continue goes to.
    target: Names = frozenset()

    def before(self, lines: Sequence[Any], live: Names) -> Names:
        """The names that are read from here on, where `live` are read after the lines."""
        for line in reversed(lines):
            self.after.setdefault(line, set()).update(live)
            live = self._line(line, live)
        return live

    def _line(self, line: Any, live: Names) -> Names:
        match line:
            case cst.SimpleStatementLine(body=parts) | cst.SimpleStatementSuite(
                body=parts
            ):
                for part in reversed(parts):
                    live = self._part(part, live)
                return live
            case cst.If(test=test, body=body, orelse=orelse):
                other = [orelse] if isinstance(orelse, cst.If) else _lines(orelse)
                ways = self.before(lines_of(body), live) | self.before(other, live)
                return ways | names_read(test)
            case cst.For() | cst.While():
                return self._loop(line, live)
            case cst.With(items=items, body=body):
                inside = self.before(lines_of(body), live)
                return inside.union(*(names_read(i.item) for i in items))
            case cst.FunctionDef(name=cst.Name(value=name)):
                return (live - {name}) | names_read(line)
            case _:
                return self._unclear(line, live)

    def _part(self, part: Any, live: Names) -> Names:
        match part:
            case cst.Break() | cst.Continue():
                return live | self.target
            case cst.Assign(value=value) | cst.AnnAssign(
                value=cst.BaseExpression() as value
            ):
                rest = live - frozenset(assigned_names(part))
                return rest | names_read(value) | frozenset(_read_by_targets(part))
            case cst.AnnAssign():
                return live
            case _:
                return live | names_read(part)

    def _loop(self, line: Any, live: Names) -> Names:
        """What an iteration leaves is read by the next one, or after the loop."""
        head = line.iter if isinstance(line, cst.For) else line.test
        given = (
            frozenset(names_of_target(line.target))
            if isinstance(line, cst.For)
            else frozenset()
        )
        outer, live = self.target, self.before(_lines(line.orelse), live) | live
        while True:
            again = live if isinstance(line, cst.For) else live | names_read(head)
            self.target = again
            found = again | (self.before(lines_of(line.body), again) - given)
            if found == live:
                break
            live = found
        self.target = outer
        return live | names_read(head)

    def _unclear(self, line: Any, live: Names) -> Names:
        """A statement whose ways are not followed: nothing that is read in it or after it is forgotten."""
        live |= names_read(line)
        for suite in _suites(line):
            self.before(lines_of(suite), live | self.target)
        return live


def _lines(part: Any) -> list[Any]:
    return [] if part is None else lines_of(part.body)


def _suites(line: Any) -> Iterator[Any]:
    """The bodies of a try or match statement."""
    parts = [line, *getattr(line, "handlers", ()), *getattr(line, "cases", ())]
    parts += [getattr(line, "orelse", None), getattr(line, "finalbody", None)]
    for part in parts:
        suite = getattr(part, "body", None)
        if isinstance(suite, cst.BaseSuite) and not isinstance(part, cst.FunctionDef):
            yield suite


def _read_by_targets(part: Any) -> Iterator[str]:
    """x and i in `x[i] = v`; nothing in `x = v`."""
    targets = (
        [t.target for t in part.targets]
        if isinstance(part, cst.Assign)
        else [part.target]
    )
    for target in targets:
        plain = set(names_of_target(target))
        yield from (n.value for n in names_in(target) if n.value not in plain)


def names_read(node: cst.CSTNode) -> Names:
    """Names that the text reads of what is around it: not the variables of comprehensions, lambdas and functions."""
    match node:
        case cst.Lambda() | cst.FunctionDef():
            own = {p.name.value for p in parameters_of(node)}
            inner = names_read(node.body) | names_read(node.params)
            return inner - own
        case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
            return _names_of(children_of(node)) - frozenset(_drawn(node.for_in))
        case cst.Name(value=name):
            return frozenset((name,))
        case cst.Attribute(value=value):
            return names_read(value)
        case cst.Arg(value=value):
            return names_read(value)
        case _:
            return _names_of(children_of(node))


def _names_of(nodes: Sequence[cst.CSTNode]) -> Names:
    return frozenset().union(*map(names_read, nodes))


def _drawn(part: cst.CompFor) -> Iterator[str]:
    """The variables of a comprehension; one that its first source reads, too, is none."""
    own = set(names_of_target(part.target))
    yield from own - names_read(part.iter)
    if part.inner_for_in is not None:
        yield from _drawn(part.inner_for_in)


def names_closed_over(nodes: Sequence[cst.CSTNode]) -> Names:
    """What functions that are defined in these lines read, whenever they are called."""
    closures = (
        inner
        for node in nodes
        for inner in nodes_in(node)
        if isinstance(inner, cst.Lambda | cst.FunctionDef)
    )
    return frozenset().union(*map(names_read, closures))


__all__ = ["Liveness", "names_closed_over", "names_read"]
