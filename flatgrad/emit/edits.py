"""What changes in the forward text so that the backward finds a value under a name.

A sub-expression gets a name on a line of its own, an older version of a variable keeps one, a helper is read
in place. Nothing is changed that the backward does not ask for.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from flatgrad.emit.activations import bind, name_variables
from flatgrad.emit.expressions import Dialect
from flatgrad.emit.homes import Home, Homes
from flatgrad.emit.names import Names, telling
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.exits import may_leave
from flatgrad.frontend.module import (
    bound_names,
    names_in_text,
    names_of_target,
    nodes_in,
)
from flatgrad.frontend.scope import Frame, Function
from flatgrad.graph import Atom, Eqn, Lit, Statement, Var, all_equations

Place = tuple[
    str, Statement, int
]  # a name, the statement before which it is given, when in its evaluation


WRITES = ("setitem", "index_add", "opaque")  # into what surely is an array or a list


@dataclass(frozen=True)
class Paired:
    """A call of a helper's forward: the names that take its results on a line before, none where the line has them.

    `more` are the names of what it returns besides: the cache, or the tangents of its results.
    """

    pair: Any
    results: tuple[str, ...]
    more: tuple[str, ...]
    around: dict[str, tuple[Frame, Any]] = field(
        default_factory=dict
    )  # what it reads of other activations
    given: dict[str, str] = field(default_factory=dict)  # arguments besides the user's


@dataclass
class Edits:
    """The changes themselves, as the forward part is printed with them."""

    hoisted: dict[Frame, dict[cst.CSTNode, Place]] = field(default_factory=dict)
    renamed: dict[Var, str] = field(default_factory=dict)
    saved: dict[Statement, list[tuple[str, str]]] = field(
        default_factory=dict
    )  # name = text, before it
    expanded: dict[Frame, None] = field(default_factory=dict)  # in their order
    # Hoisted values whose array is written later, with the name of the array itself: the value gets a copy.
    copied: dict[cst.CSTNode, tuple[str, str]] = field(default_factory=dict)
    separated: set[Statement] = field(default_factory=set)  # p /= s  ->  p = p0 / s
    # Lines at the start of a body, before a statement's own line, and after it.
    first: dict[Statement, list[str]] = field(default_factory=dict)
    beside: dict[Statement, list[str]] = field(default_factory=dict)
    after: dict[Statement, list[str]] = field(default_factory=dict)
    # Lines before a statement, by when in its evaluation they can stand, and lines at the end of one of its suites.
    steps: dict[Statement, list[tuple[int, str]]] = field(default_factory=dict)
    last: dict[tuple[Statement, int], list[str]] = field(default_factory=dict)
    # Loops over items that count their iterations, with the name of the number or key.
    counted: dict[Statement, str] = field(default_factory=dict)
    lists: dict[str, Statement] = field(default_factory=dict)  # filled by these loops
    given: set[str] = field(default_factory=set)  # names of lists and counters
    # Of helpers read in place: what their variables are called, and which parameters are variables of their own.
    locals: dict[Frame, dict[str, str]] = field(default_factory=dict)
    bound: dict[Frame, list[str]] = field(default_factory=dict)
    # Calls of helpers that are made pairs, by activation: the equation, and the names of results and cache.
    paired: dict[Frame, dict[cst.CSTNode, Paired]] = field(default_factory=dict)


class Editor:
    """Decides the edits; `names_of` holds the names under which values are found, old and new."""

    def __init__(
        self, function: Function, eqns: tuple[Eqn, ...], names: Names, dialect: Dialect
    ):
        self.function, self.names, self.dialect = function, names, dialect
        self.edits = Edits()
        self.names_of: dict[Var, str] = {}
        self.homes = Homes(eqns)
        every = list(all_equations(eqns))
        self.position = {eqn: i for i, eqn in enumerate(every)}
        self.defs: dict[Atom, Eqn] = {out: eqn for eqn in every for out in eqn.outs}
        self.readers: dict[Atom, Eqn] = {}
        for eqn in every:
            for arg in eqn.args:
                self.readers.setdefault(arg, eqn)
        self._asked: list[Var] = []
        self.counters: dict[Var, str] = {}  # of iterations
        self._owners: dict[Var, Frame] | None = None
        self._given: set[str] = set()  # names of hoisted values
        self._versions: dict[Frame, Mapping[str, list[Var]]] = {}
        self._number: dict[Var, int] = (
            {}
        )  # which of the values of its variable a value is
        self._note_final_names(function.frame)

    def _note_final_names(self, frame: Frame) -> None:
        """The names that values still have at the end of the activation."""
        for name, value in frame.env.items():
            if not isinstance(value, Var) or value in self.function.storages.destroyed:
                continue
            if self.homes.loop(value) is not None:
                continue
            if value not in self.names_of or value.name == name:
                self.names_of[value] = self.edits.renamed.get(value, name)

    def in_order(self) -> list[Var]:
        """The values that edits were made for, as the forward part computes them."""
        return sorted(self._asked, key=self.when)

    # --- sub-expressions -----------------------------------------------------------

    def hoist(self, eqn: Eqn, wanted: str = "") -> str:
        """The expression behind `eqn` gets a name, on a line before its statement."""
        assert eqn.statement is not None
        if not isinstance(eqn.node, cst.BaseExpression):
            what = "the backward needs a value within this statement that no expression of its own stands for"
            raise self.refusal(
                "FG123",
                what,
                "give its parts names on lines before",
                eqn.statement.node,
            )
        self._asked.append(eqn.outs[-1] if is_single(eqn) else eqn.outs[0])
        frame: Frame = eqn.statement.frame
        if (
            known := self.edits.hoisted.get(frame, {}).get(eqn.node)
        ) is not None and known[2] == self.position[eqn]:
            return known[0]
        others = [
            f for f in self._printed_frames() if f.env.get(wanted) is not eqn.outs[0]
        ]
        free = bool(wanted) and self.is_free(wanted, others)
        name = (
            wanted
            if free
            else self.names.fresh(wanted or telling(eqn, self.readers.get(eqn.outs[0])))
        )
        self._given.add(name)
        self.edits.given.add(name)
        places = self.edits.hoisted.setdefault(frame, {})
        places[eqn.node] = (name, eqn.statement, self.position[eqn])
        self._separate_walrus(frame, eqn.statement)
        outs = eqn.outs[-1:] if is_single(eqn) else eqn.outs
        writes = [self.function.storages.destroyed.get(out) for out in outs]
        if any(at is not None and at.frame is not frame for at in writes):
            what = "a helper writes into its argument"
            raise self.refusal(
                "FG402", what, "let the helper work on a copy, and return it", eqn.node
            )
        if any(at is not None for at in writes):
            before = self.names.fresh(f"{name}_shown")
            self.edits.copied[eqn.node] = before, self.copy(eqn.outs[-1], before)
        shown = eqn.outs[-1]
        if is_single(eqn) and self.homes.loop(shown) is None:
            self.names_of[shown] = name
        return name

    def _separate_walrus(self, frame: Frame, statement: Statement) -> None:
        """(t := v) gets a line of its own where other parts of its statement do."""
        for node, value in self.function.walrus.get(statement, ()):
            for read, other, where in frame.reads:
                if (
                    where is statement
                    and read.value == value.name
                    and other is not value
                ):
                    what = f"{value.name} is read and assigned in the middle of one expression"
                    raise self.refusal(
                        "FG118", what, "give the assignment a line of its own", node
                    )
            places = self.edits.hoisted.setdefault(frame, {})
            name = self.edits.renamed.get(value, value.name)
            places.setdefault(node, (name, statement, self.position[self.defs[value]]))

    def pair_call(self, eqn: Eqn) -> str:
        """The call becomes one of the helper's forward; returns the name of the cache."""
        assert eqn.statement is not None
        frame: Frame = eqn.statement.frame
        places = self.edits.paired.setdefault(frame, {})
        if eqn.node not in places:
            around = self.around_of(eqn)
            cache = self.names.fresh(f"{eqn.attrs['pair'].callee.name}_cache")
            self.edits.given.add(cache)
            results = self.results_of(eqn)
            places[eqn.node] = Paired(eqn.attrs["pair"], results, (cache,), around)
        return places[eqn.node].more[0]

    def results_of(self, eqn: Eqn) -> tuple[str, ...]:
        """The names that take the results of a call, where its line does not."""
        return () if self.takes_results(eqn) else self._result_names(eqn)

    def around_of(self, eqn: Eqn) -> dict[str, tuple[Frame, Any]]:
        """What the helper reads of other activations, which are read in place then."""
        around: dict[str, tuple[Frame, Any]] = eqn.attrs.get("around", {})
        for name, (frame, _) in around.items():
            self.expand(frame)
            if frame.statement is not None and name in frame.arguments:
                bind(
                    self,
                    frame,
                    name,
                    [f for f in self._printed_frames() if f is not frame],
                )
        return around

    def takes_results(self, eqn: Eqn) -> bool:
        """`a, b = helper(x)`: the line itself can take the cache too."""
        assert eqn.statement is not None
        several = bool(eqn.attrs["pair"].results)
        match eqn.statement.node:
            case cst.SimpleStatementLine(body=[cst.Expr(value=value)]) if (
                value is eqn.node
            ):
                return bool(eqn.attrs["pair"].nothing)
            case cst.SimpleStatementLine(
                body=[
                    cst.Assign(targets=[cst.AssignTarget(target=target)], value=value)
                ]
            ):
                parts = (
                    [e.value for e in target.elements]
                    if isinstance(target, cst.Tuple) and several
                    else [target]
                )
                names = [p.value for p in parts if isinstance(p, cst.Name)]
                plain = len({*names}) == len(parts) == (eqn.attrs["pair"].results or 1)
                return value is eqn.node and plain
            case _:
                return False

    def _result_names(self, eqn: Eqn) -> tuple[str, ...]:
        """The results get names on a line before the statement."""
        assert eqn.statement is not None
        name = eqn.attrs["pair"].callee.name
        several = bool(eqn.attrs["pair"].results)
        found: list[str] = []
        for i, out in enumerate(eqn.outs[: eqn.attrs["pair"].count]):
            known = self.names_of.get(out) if out.name == "" else None
            given = known or self.names.fresh(
                f"{name}{i + 1}" if several else f"{name}_result"
            )
            self.edits.given.add(given)
            found.append(given)
            destroyed = out in self.function.storages.destroyed
            if self.homes.loop(out) is None and not destroyed:
                self.names_of.setdefault(out, given)
        return tuple(found)

    # --- versions of variables ---------------------------------------------------------

    def keep_version(self, frame: Frame, value: Var) -> str:
        """A name of its own for a version of a variable that is overwritten."""
        self._asked.append(value)
        unsure = value in self.homes.partial
        if unsure:
            self.begin_with_nothing(value)
        printed = self.edits.renamed.get(value, value.name)
        name = self.names_of[value] = self.names.fresh(
            f"{printed}{self._number_of(frame, value)}"
        )
        self.edits.given.add(name)
        destroyer = self.function.storages.destroyed.get(value)
        rebound = self._rebound_at(frame, value)
        if value in frame.writes and destroyer is frame.writes[value][1]:
            raise self._changed_unnamed(frame, value)
        if self._changes_elsewhere(frame, value, rebound, destroyer):
            self._keep_after(frame, value, name, destroyer is not None)
            return name
        if (
            rebound is not None
            and value in frame.writes
            and rebound is frame.writes[value][1]
        ):
            what = f"{value.name} is given two values by one statement"
            raise self.refusal(
                "FG119", what, "give it one value", frame.writes[value][0]
            )
        if destroyer is not None and not self._can_be_separated(
            frame, destroyer, value
        ):
            before = (
                destroyer
                if rebound is None or rebound.order > destroyer.order
                else rebound
            )
            self.edits.saved.setdefault(before, []).append(
                (name, self.copy(value, printed, unsure))
            )
            return name
        if destroyer is not None:
            self.edits.separated.add(destroyer)
        if self.stays(frame, value):
            if rebound is None:
                raise self._changed_unnamed(frame, value)
            self.edits.saved.setdefault(rebound, []).append((name, printed))
        else:
            self.edits.renamed[value] = name
        return name

    def _changed_unnamed(self, frame: Frame, value: Var) -> FlatgradError:
        """No line gives the version its name: a change of an array made it that other names lead to."""
        what = f"the backward needs what {value.name} is after a change that is not made by its name"
        changed = self.function.storages.destroyed.get(value)
        node = frame.writes[value][0] if value in frame.writes else None
        node = changed.node if changed is not None else node
        step = f"write into {value.name} itself, or into a copy"
        return self.refusal("FG123", what, step, node or self.function.node.name)

    def begin_with_nothing(self, value: Var) -> None:
        """x = None, before the branch that may skip x: the backward asks for its shape all the same."""
        frame, home = self.owner(value), self.homes.of.get(value)
        if frame is None and home is not None and value in home.block.params:
            frame = home.statement.frame
        if frame is None or value.name in self.function.params:
            return  # a parameter has a value from the start
        first = min(
            (s for v, (_, s) in frame.writes.items() if v.name == value.name),
            key=lambda s: s.order,
        )
        outermost = [*first.around()][-1]
        line = (self.edits.renamed.get(value, value.name), "None")
        if line not in self.edits.saved.setdefault(outermost, []):
            self.edits.saved[outermost].append(line)

    def still_named(self, value: Var) -> str | None:
        """The name of a value of a branch that nothing gives another value afterwards."""
        frame = self.owner(value)
        if frame is None or frame.statement is not None or value not in frame.writes:
            return None
        if (
            value in self.function.storages.destroyed
            or self.homes.loop(value) is not None
        ):
            return None
        if self._rebound_at(frame, value) is not None:
            return None
        name = self.names_of[value] = self.edits.renamed.get(value, value.name)
        return name

    def _changes_elsewhere(
        self,
        frame: Frame,
        value: Var,
        rebound: Statement | None,
        destroyer: Statement | None,
    ) -> bool:
        """What overwrites the value stands in another suite: it is kept where it is made."""
        own = frame.writes[value][1] if value in frame.writes else None
        level = (own.parent, own.branch) if own is not None else (None, 0)
        changes = [c for c in (rebound, destroyer) if c is not None]
        return any(
            (c.parent, c.branch) != level or c.frame is not frame for c in changes
        )

    def _keep_after(self, frame: Frame, value: Var, name: str, destroyed: bool) -> None:
        """x0 = x, as soon as x has the value."""
        printed = self.edits.renamed.get(value, value.name)
        unsure = value in self.homes.partial
        text = self.copy(value, printed, unsure) if destroyed else printed
        if value not in frame.writes:  # a parameter
            first = frame.statements[0]
            if is_docstring(first.node) and len(frame.statements) > 1:
                first = frame.statements[1]
            self.edits.saved.setdefault(first, []).insert(0, (name, text))
            return
        statement = frame.writes[value][1]
        if self._is_target(value, statement):
            self.edits.first.setdefault(statement, []).append(f"{name} = {text}")
        else:
            self.edits.after.setdefault(statement, []).append(f"{name} = {text}")

    def _is_target(self, value: Var, statement: Statement) -> bool:
        """The for statement gives the value at the start of each iteration."""
        home = self.homes.of.get(value)
        return (
            isinstance(statement.node, cst.For)
            and home is not None
            and home.statement is statement
        )

    # --- what each iteration computes -------------------------------------------------

    def record(self, value: Var) -> str:
        """A list that gets the value in each iteration."""
        home = self.homes.loop(value)
        assert home is not None
        self._asked.append(value)
        if value in self.homes.partial:
            self.begin_with_nothing(value)
        text, place = self._place(value, home)
        stem = value.name or text.partition("[")[0]
        listed = self.names.fresh(_plural(stem))
        self.edits.given.add(listed)
        place.append(f"{listed}.append({self._kept(value, text)})")
        self.edits.lists[listed] = home.statement
        self.edits.saved.setdefault(self._outermost(home), []).append((listed, "[]"))
        return listed

    def _kept(self, value: Var, text: str) -> str:
        """The value itself, or a copy of an array that something is written into."""
        written = not value.type.shape.is_scalar and self.function.storages.written(
            value
        )
        unsure = value in self.homes.partial
        return self.copy(value, text, unsure) if written else text

    def _place(self, value: Var, home: Home) -> tuple[str, list[str]]:
        """How the forward text names the value, and where a line can stand that reads it."""
        frame, made = self.owner(value), self.defs.get(value)
        if value in home.block.params:
            if not value.name:
                what = "a part of a tuple that a loop carries is needed by the backward"
                raise self.refusal(
                    "FG122",
                    what,
                    "carry it in a variable of its own",
                    home.statement.node,
                )
            if self._is_taken_by_item(value, home):
                what = f"the backward needs what {value.name} was before the loop gives it an item"
                raise self.refusal(
                    "FG123", what, "call the items otherwise", home.statement.node
                )
            return self.edits.renamed.get(
                value, value.name
            ), self.edits.first.setdefault(home.statement, [])
        if value in self.counters:
            assert made is not None
            assert made.statement is not None
            return self.counters[value], self.edits.after.setdefault(made.statement, [])
        if frame is not None:
            statement = frame.writes[value][1]
            self._refuse_in_condition(value, statement)
            lines = (
                self.edits.first
                if self._is_target(value, statement)
                else self.edits.after
            )
            return self.edits.renamed.get(value, value.name), lines.setdefault(
                statement, []
            )
        assert made is not None
        assert made.statement is not None
        if made.op == "call":
            return self._place_of_call(value, made)
        text = self.hoist(made)
        self.edits.copied.pop(made.node, None)  # what goes into the list is a copy
        if not is_single(made):
            text = f"{text}[{made.outs.index(value)}]"
        return text, self.edits.beside.setdefault(made.statement, [])

    def _refuse_in_condition(self, value: Var, statement: Statement) -> None:
        """After a branch that leaves the loop, or assigns the value again, there is no place for a line."""
        node = statement.node
        walrus = any(v is value for _, v in self.function.walrus.get(statement, ()))
        if walrus and isinstance(node, cst.If) and value.name in _bound_within(node):
            what = f"{value.name} is given two values by one statement"
            step = "give the assignment a line of its own"
            raise self.refusal("FG119", what, step, node.test)
        if (
            isinstance(node, cst.If)
            and may_leave(node)
            and value.name in names_in_text(self.function.module.code(node.test))
        ):
            what = f"{value.name} is assigned within a condition, and the loop is left"
            raise self.refusal(
                "FG118", what, "give the assignment a line of its own", node.test
            )

    def _is_taken_by_item(self, value: Var, home: Home) -> bool:
        """The variable is the target of the loop: where an iteration begins, it has the next item."""
        node = home.statement.node
        return isinstance(node, cst.For) and value.name in names_of_target(node.target)

    def _place_of_call(self, value: Var, made: Eqn) -> tuple[str, list[str]]:
        assert made.statement is not None
        if not made.attrs["pair"].forward_name:  # no gradient flows through it
            name = self.hoist(made)
            text = (
                f"{name}[{made.outs.index(value)}]"
                if made.attrs["pair"].results
                else name
            )
            return text, self.edits.beside.setdefault(made.statement, [])
        cache = self.pair_call(made)
        paired = self.edits.paired[made.statement.frame][made.node]
        lines = self.edits.beside if paired.results else self.edits.after
        place = lines.setdefault(made.statement, [])
        if value is made.outs[-1]:
            return cache, place
        if made.outs.index(value) >= len(paired.results):
            what = "a result of this call is needed by the backward and has no name"
            raise self.refusal("FG123", what, "give the result a name", made.node)
        return paired.results[made.outs.index(value)], place

    def close(self, param: Var, listed: str) -> None:
        """After the loop, the list gets what a next iteration would have started with."""
        home = self.homes.loop(param)
        assert home is not None
        line = f"{listed}.append({self._kept(param, self.edits.renamed.get(param, param.name))})"
        lines = self.edits.after.setdefault(home.statement, [])
        if line not in lines:
            lines.append(line)

    def stem(self, value: Var) -> str:
        """What a value without a name is called."""
        made = self.defs.get(value)
        if made is not None and made.op == "call" and made.attrs["pair"].forward_name:
            cache = self.pair_call(made)
            assert made.statement is not None
            results = self.edits.paired[made.statement.frame][made.node].results
            return dict(zip(made.outs, results, strict=False)).get(value, cache)
        places = (
            self.edits.hoisted.get(made.statement.frame, {})
            if made is not None and made.statement
            else {}
        )
        if made is not None and made.node in places:
            return places[made.node][0]
        return self.counters.get(value) or telling(made, self.readers.get(value))

    def when(self, value: Atom) -> int:
        """When the forward part computes a value."""
        made = self.defs.get(value)
        return self.position[made] if made is not None else -1

    def count(self, steps: Var) -> str:
        """A counter of the iterations of a loop."""
        statement = self.defs[steps].statement
        assert statement is not None
        name = self.names.fresh("steps")
        self.edits.given.add(name)
        self.edits.saved.setdefault(statement, []).append((name, "0"))
        self.edits.first.setdefault(statement, []).insert(0, f"{name} += 1")
        return self._counter(steps, name)

    def _counter(self, value: Var, name: str) -> str:
        self.counters[value] = name
        if self.homes.loop(value) is None:
            self.names_of[value] = name
        return name

    def _outermost(self, home: Home) -> Statement:
        """The statement before which a list is made: that of the outermost loop."""
        loops = [h.statement for h in home.around() if h.is_loop]
        return loops[-1]

    def stays(self, frame: Frame, value: Var) -> bool:
        """The name cannot be changed: a parameter's, an array's after a write, one that a closure or a branch reads."""
        made = self.defs.get(value)
        if (
            made is None
            or value in self.function.captured
            or value in self.homes.flowing
        ):
            return True
        if frame.writes.get(value, (None, None))[0] is None:
            return True
        stored = made.op in ("setitem", "index_add", "opaque") or self._is_put_in_place(
            frame, value
        )
        stored = stored or (
            made.op == "call" and value in made.outs[made.attrs["pair"].count : -1]
        )
        updated = value in frame.writes and _is_augmented(frame.writes[value][1])
        return stored or (updated and self._is_seen(value))

    def _is_put_in_place(self, frame: Frame, value: Var) -> bool:
        """np.maximum(h, 0, out=h): the statement writes the value into an array that is there."""
        if value not in frame.writes or _is_augmented(frame.writes[value][1]):
            return False
        storages, statement = self.function.storages, frame.writes[value][1]
        root = storages.root(value)
        return any(
            at is statement and storages.root(v) is root
            for v, at in storages.destroyed.items()
        )

    def _can_be_separated(self, frame: Frame, destroyer: Statement, value: Var) -> bool:
        """p /= s may as well be p = p0 / s: nobody else sees the array of p."""
        return (
            _is_augmented(destroyer)
            and not self._is_seen(value)
            and not self.stays(frame, value)
        )

    def _is_seen(self, value: Var) -> bool:
        """Another name, or the caller, sees what is written into the array of `value`."""
        storages = self.function.storages
        if value.type.shape.is_scalar and value not in storages.arrays:
            return False
        root = storages.root(value)
        return storages.shared(value) or any(
            storages.root(p) is root for p in self.function.params.values()
        )

    def copy(self, value: Var, printed: str, unsure: bool = False) -> str:
        """x.copy(), or np.copy(x) where x may be a plain number; None remains None."""
        copied = self._copy(value, printed)
        may_be_none = unsure or (value.name and value.name in self._optional)
        return f"{printed} if {printed} is None else {copied}" if may_be_none else copied  # fmt: skip

    def _copy(self, value: Var, printed: str) -> str:
        if value.type.kind in ("list", "dict"):
            return self._copy_of_items(value, printed)
        if self._is_set(value):
            node, what = (
                self.defs[value].node,
                "this set is changed, and the backward needs what was in it",
            )
            raise self.refusal("FG401", what, "make another set", node)
        if value.type.kind == "tuple":
            node, what = self.defs[value].node, "an array in this tuple is overwritten"
            raise self.refusal("FG401", what, "put a copy of it into the tuple", node)
        stored = (a for e in self.defs.values() if e.op in WRITES for a in e.args[:1])
        if value.type.rank or (value.type.kind == "tree" and value in set(stored)):
            return self._copied(printed, may_be_number=False)
        return self._copied(printed)

    def _is_set(self, value: Var) -> bool:
        made = self.defs.get(value)
        what = made.attrs["what"] if made is not None and made.op == "opaque" else ""
        return what.startswith("a set ") or what.endswith((" set", " frozenset"))

    def _copied(self, printed: str, may_be_number: bool = True) -> str:
        copied = self.dialect.copied(ast.Name("\0"), may_be_number)
        return ast.unparse(copied).replace("\0", printed)

    @functools.cached_property
    def _optional(self) -> set[str]:
        """Variables that are compared with None."""
        tests = (
            e for e in self.defs.values() if e.op == "test" and Lit(None) in e.args
        )
        return {a.name for e in tests for a in e.args if isinstance(a, Var)}

    def _copy_of_items(self, value: Var, printed: str) -> str:
        """list(xs); with copies of the items, where `xs[i] += v` writes into the arrays themselves."""
        written = self.function.storages.destroyed.get(value)
        if self.dialect.plain or written is None or not _writes_into_items(written):
            return f"{value.type.kind}({printed})"
        copied = self._copied("item")
        if value.type.kind == "dict":
            return f"{{key: {copied} for key, item in {printed}.items()}}"
        return f"[{copied} for item in {printed}]"

    def _versions_of(self, frame: Frame, name: str) -> list[Var]:
        """The values that a variable is given one after the other."""
        if frame not in self._versions:
            by_name: dict[str, list[Var]] = {}
            for value in frame.writes:
                versions = by_name.setdefault(value.name, [])
                self._number[value] = len(versions)
                versions.append(value)
            self._versions[frame] = by_name
        return self._versions[frame].get(name, [])

    def _number_of(self, frame: Frame, value: Var) -> int:
        """x0, x1, x2 in the order of time; a parameter is the first."""
        self._versions_of(frame, value.name)
        if value not in self._number:
            return 0
        return self._number[value] + (value.name in self.function.params)

    def _rebound_at(self, frame: Frame, value: Var) -> Statement | None:
        """The statement that gives the name of `value` to another value."""
        versions = self._versions_of(frame, value.name)
        after = self._number.get(value, -1) + 1
        own = frame.writes[value][1] if value in frame.writes else None
        for version in versions[after:]:
            target, statement = frame.writes[version]
            if target is not None and not _are_exclusive(own, statement):
                return _near(statement, own)
        return None

    def owner(self, value: Var) -> Frame | None:
        """The activation in which `value` is given to a variable."""
        if self._owners is None:
            frames = [
                self.function.frame,
                *(f for fs in self.function.calls.values() for f in fs),
            ]
            self._owners = {v: f for f in reversed(frames) for v in f.writes}
        return self._owners.get(value)

    # --- helpers -----------------------------------------------------------------------

    def expand(self, frame: Frame) -> None:
        """Read the helper in place: its lines stand where it was called, so that its values have names."""
        if frame.statement is None or frame in self.edits.expanded:
            return
        self.expand(frame.statement.frame)
        if frame.enclosing is not None:
            self.expand(frame.enclosing)
        self._refuse_hidden(frame)
        self._refuse_stores(frame)
        self.edits.expanded[frame] = None
        self._name_arguments(frame)
        others = [f for f in self._printed_frames() if f is not frame]
        name_variables(self, frame, others)
        self._note_final_names_of_writes(frame)

    def _note_final_names_of_writes(self, frame: Frame) -> None:
        for value in frame.writes:
            last = value is frame.env.get(value.name)
            if self.homes.loop(value) is not None:
                continue
            if last and value not in self.function.storages.destroyed:
                self.names_of.setdefault(
                    value, self.edits.renamed.get(value, value.name)
                )

    def _name_arguments(self, frame: Frame) -> None:
        """An argument that is an expression and read more than once gets a name, if it can the parameter's."""
        for name, (node, value) in frame.arguments.items():
            eqn = self.defs.get(value) if isinstance(value, Var) else None
            reads = sum(1 for n, v, _ in frame.reads if n.value == name and v is value)
            if (
                eqn is not None
                and reads > 1
                and eqn.node is node
                and value not in self.names_of
            ):
                self.hoist(eqn, name)

    def _printed_frames(self) -> list[Frame]:
        return [self.function.frame, *self.edits.expanded]

    def is_free(self, name: str, others: list[Frame], value: Any = None) -> bool:
        """A name of a helper may stand in the emitted function: nothing else there has it."""
        module = self.function.module
        if name in {
            *module.functions,
            *module.constants,
            *module.imports,
            *self._given,
            *self.function.outputs,
        } and not any(f.env.get(name) is value for f in others):
            return False
        return not any(name in f.env and f.env[name] is not value for f in others)

    # --- what cannot be printed -------------------------------------------------------------

    def _refuse_hidden(self, frame: Frame) -> None:
        """A module's name that a helper reads must mean the same where the helper is read in place."""
        module, function = self.function.module, frame.function
        if not isinstance(function, cst.FunctionDef) or frame.enclosing is not None:
            return
        local = {p.value for p in frame.bindings if isinstance(p, cst.Name)} | set(
            frame.arguments
        )
        read = names_in_text(module.code(function.body)) - local
        known = {*module.constants, *module.functions, *module.imports}
        if hidden := read & known & set(self.function.frame.env):
            name = min(hidden)
            what = f"{name} means one thing in {function.name.value} and another in {self.function.name}"
            raise self.refusal(
                "FG117", what, "give the local variable another name", function.name
            )

    def _refuse_stores(self, frame: Frame) -> None:
        """A helper that stores into its argument has no name for it in the caller."""
        given = {v for _, v in frame.arguments.values() if isinstance(v, Var)}
        for value, (target, _) in frame.writes.items():
            made = self.defs.get(value)
            if (
                made is not None
                and made.op in ("setitem", "index_add", "opaque")
                and made.args[0] in given
            ):
                what = f"a helper writes into its argument {value.name}"
                raise self.refusal(
                    "FG402",
                    what,
                    "let the helper work on a copy, and return it",
                    target,
                )

    def refuse_shadowed(self, text: str) -> None:
        """A name of the module that the backward reads must not be a variable of the function."""
        name = text.partition(".")[0]
        if name in self.function.frame.env:
            what = f"{name} is a variable of {self.function.name} and a name of the module that the backward reads"
            raise self.refusal(
                "FG117", what, "give the variable another name", self.function.node.name
            )

    def refusal(
        self, code: str, what: str, step: str, node: cst.CSTNode | None
    ) -> FlatgradError:
        return FlatgradError(
            Diagnostic(code, what, step, self.function.module.place(node))
        )


def _writes_into_items(statement: Statement) -> bool:
    """Somewhere in it stands xs[i] += v."""
    for node in nodes_in(statement.node):
        match node:
            case cst.AugAssign(target=cst.Subscript()):
                return True
            case _:
                pass
    return False


def _are_exclusive(a: Statement | None, b: Statement) -> bool:
    """The statements stand in different branches of one if."""
    if a is None:
        return False
    branches = {s.parent: s.branch for s in a.around() if s.parent is not None}
    return any(
        branches.get(s.parent, s.branch) != s.branch
        for s in b.around()
        if s.parent is not None
    )


def _near(statement: Statement, own: Statement | None) -> Statement:
    """The statement itself, or the one around it that stands beside `own`."""
    level = (own.parent, own.branch) if own is not None else (None, 0)
    for found in statement.around():
        if (found.parent, found.branch) == level:
            return found
    return statement


def is_single(eqn: Eqn) -> bool:
    """The text of the equation gives its last result alone: xs.pop(), a comprehension."""
    return len(eqn.outs) == 1 or eqn.op == "list_pop" or bool(eqn.attrs.get("inline"))


def _plural(name: str) -> str:
    return (
        f"{name}_list"
        if name.endswith(("s", "x", "z")) and len(name) > 1
        else f"{name}s"
    )


def is_docstring(node: Any) -> bool:
    """A statement that is one string."""
    match node:
        case cst.SimpleStatementLine(
            body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]
        ):
            return True
        case _:
            return False


def _bound_within(node: cst.If) -> set[str]:
    """The variables that the branches assign."""
    orelse = bound_names(node.orelse) if node.orelse is not None else ()
    return {*bound_names(node.body), *orelse}


def _is_augmented(statement: Statement) -> bool:
    match statement.node:
        case cst.SimpleStatementLine(body=[cst.AugAssign(target=cst.Name())]):
            return True
        case _:
            return False
