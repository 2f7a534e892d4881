"""Choices -> programs with loops, branches, stores, containers and helpers, as source text, with inputs.

A program is a text with slots, lines `...`, and runs as it is. A statement is written before a slot and may bring
slots of its own. The whole function is run after each: a statement is taken back where the function then fails, does not
end, becomes large or undefined, or does not take the same path when its inputs move a little.
"""

from __future__ import annotations

import ast
import copy
import re
import string
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from checking import Trial
from flow_scopes import (
    Scope,
    Shape,
    filled_in,
    force,
    goes_into,
    headers_around,
    indent,
    keyword_of,
    some,
)
from flow_statements import (
    CALLS,
    DEFAULTS,
    FLAGS,
    FORMS,
    HELPER_KINDS,
    HELPERS,
    INDEXES,
    ITEMS,
    KEYS,
    KINDS,
    NAMES,
    SHAPES,
    TESTS,
)
from programs import LENGTHS, Choices, Declared, T, is_fine
from walking import FAR, flat, is_sound, moved, run, walk

NESTED = 3  # loops
TYPES = {"xs": "xs: list", "p": "p: dict"}  # what the text may not show
UNTOLD = Declared("nothing", {})


class Impossible(Exception):
    """Nothing here is of the kind that a statement asks for."""


@dataclass(eq=False)
class FlowWriter:
    """Writes one function, and before it those that it calls."""

    choices: Choices
    kinds: Sequence[str]
    name: str = "f"
    inputs: dict[str, Any] = field(default_factory=dict)
    helpers: dict[str, str] = field(default_factory=lambda: dict(HELPERS))
    calls: dict[str, list[str]] = field(default_factory=lambda: dict(CALLS))
    lines: list[str] = field(default_factory=lambda: ["    ...  # 0"])
    slots: int = 1
    subject: Shape = ()

    def pick(self, options: Sequence[T]) -> T:
        if not len(options):
            raise Impossible
        return self.choices.pick(options)

    def chance(self, one_in: int) -> bool:
        return self.pick(range(one_in)) == 0

    def add_helper(self, name: str) -> None:
        """Write a function for this one to call."""
        values = [0.4, np.array([0.5, -0.3, 0.8]), np.array([[0.2, -0.6, 0.9], [0.7, 0.1, -0.4]])]  # fmt: skip
        known = {"t": self.pick(values), "u": self.pick(values), "n": 2, "flag": self.pick([True, False])}  # fmt: skip
        kept = self.pick(["t", "tu", "tu", "tn", "tuf", "tunf"])
        inputs = {n: v for n, v in known.items() if n[0] in kept}
        writer = FlowWriter(
            self.choices, HELPER_KINDS, name, inputs, self.helpers, dict(self.calls)
        )
        writer.grow(self.pick([1, 2, 3]))
        self.helpers = {**self.helpers, name: writer.finished(keep=True)}
        arguments = ", ".join(["{A}", "{B}"][: 1 + ("u" in kept)])
        forms = [f"{name}({arguments})", f"{name}(t={arguments.replace(', ', ', u=')})"]
        options = {"n": f"{name}({arguments}, n=3)", "flag": f"{name}({arguments}, flag=False)"}  # fmt: skip
        self.calls[name] = forms[:1] * 2 + forms + [f for n, f in options.items() if n in inputs]  # fmt: skip

    def grow(self, length: int) -> None:
        for _ in range(length):
            inside = self.pick(range(self.slots))
            self._grow(self.pick([0, inside, inside]))

    # --- statements ---------------------------------------------------------------------------------------------

    def _grow(self, slot: int) -> None:
        """Write a statement before a slot, if one can be, and into the slots that it brings."""
        for _ in range(4):
            try:
                scope, forced = self._scope(slot)
                kind = self.pick(self._kinds(slot))
                text = self._fill(self.pick(KINDS[kind]), scope)
            except Impossible:
                continue
            first = self.slots
            if self._write(slot, text, forced):
                for new in range(first, self.slots):
                    self._grow(new)
                return

    def _kinds(self, slot: int) -> list[str]:
        around = [
            keyword_of(self.lines[n])
            for n in headers_around(self.lines, self._at(slot))
        ]
        loops = sum(header in ("for", "while") for header in around)
        left_out = set() if loops else {"leave"}
        if loops >= NESTED or len(around) > NESTED:
            left_out |= {"loop", "while", "fill", "loop_over", "list"}
        if len(around) > NESTED:
            left_out |= {"branch", "leave", "closure"}
        return [k for k in self.kinds if k not in left_out and k != "early"]

    def _at(self, slot: int) -> int:
        marks = [line.strip() for line in self.lines]
        return marks.index(f"...  # {slot}")

    def _write(self, slot: int, text: str, forced: bool) -> bool:
        at, before = self._at(slot), (self.lines, self.slots)
        new = textwrap.indent(text, " " * indent(self.lines[at])).split("\n")
        self.lines = [*self.lines[:at], *map(self._numbered, new), *self.lines[at:]]
        text = self.text(self.lines)  # the whole program is asked about more
        sound = is_sound(text, self.name, self.inputs, directions=1)
        if sound and (not forced or self._visits(slot, forced)):
            return True
        self.lines, self.slots = before
        return False

    def _numbered(self, line: str) -> str:
        if line.strip() != "...":
            return line
        self.slots += 1
        return f"{line}  # {self.slots - 1}"

    def text(self, lines: Sequence[str]) -> str:
        helpers = "".join(f"\n\n{text}\n" for text in self.helpers.values())
        body = "\n".join(lines)
        return f"import numpy as np\n\nC = 0.7\n{helpers}\n\ndef {self.name}({', '.join(self.inputs)}):\n{body}\n"

    # --- the end ------------------------------------------------------------------------------------------------

    def finished(self, told: Declared = UNTOLD, keep: bool = False) -> str:
        """The definition, with what it returns and where it may return early."""
        result = self._result()
        self.lines = [*self.lines, f"    return {result}"]
        if ("early" in self.kinds or self.chance(8)) and "," not in result:
            self._return_early(result)
        body = filled_in(self.lines)
        used = _words("\n".join(body))
        self.inputs = {n: v for n, v in self.inputs.items() if keep or n in used}
        told = told.of(self.inputs)
        docstring = [f"    {line}" for line in told.docstring]
        header = f"def {self.name}({self._parameters(told)}):"
        return "\n".join([header, *docstring, *body])

    def _result(self) -> str:
        for _ in range(6):
            result = self._tried_result()
            if self._moves([*self.lines, f"    return {result}"]):
                return result
        scope, _ = self._scope(0)
        return " + ".join(f"np.sum({n})" for n in scope.names("float", "array"))

    def _tried_result(self) -> str:
        scope, _ = self._scope(0)
        names = scope.names("float", "array")
        written = [n for n in names if n not in self.inputs] or names
        kept = [self.pick(self.pick([written, names])) for _ in range(3)]
        structs = scope.names("list", "dict", "tuple")
        inside = [a for a in scope.atoms if a.split("[")[0] in structs]
        kept = kept[: self.pick([1, 2, 3, 3])] + inside[-1:][: self.pick([0, 1])]
        found = " + ".join(f"np.sum({name})" for name in kept)
        every = " + ".join(f"np.sum({name})" for name in written)
        alone = [kept[0], f"({found}) * {kept[0]}", ", ".join(kept)]
        return self.pick([found, every, every, *alone])

    def _moves(self, lines: Sequence[str]) -> bool:
        """What comes back is different where the inputs are."""
        text, signs = self.text(lines), np.random.default_rng(0)
        if not is_sound(text, self.name, self.inputs):
            return False
        near = {n: moved(v, FAR, signs) for n, v in self.inputs.items()}
        one, other = (
            flat(walk(text, self.name, given).result) for given in (self.inputs, near)
        )
        return not np.array_equal(one, other)

    def _return_early(self, result: str) -> None:
        """Mostly so that the end is still reached."""
        scope, _ = self._scope(0)
        shape = scope.shape(result)
        for _ in range(2):
            before, slot = (self.lines, self.slots), self.pick(range(self.slots))
            try:
                scope, forced = self._scope(slot)
                self.subject = shape if shape is not None else ()
                text = self._fill(self.pick(KINDS["early"]), scope)
            except Impossible:
                continue
            written = self._write(slot, text, forced)
            if written and not self._visits(0, False) and not self.chance(4):
                self.lines, self.slots = before

    def _parameters(self, told: Declared) -> str:
        """With defaults from some parameter on."""
        optional = [n for n in self.inputs if n in DEFAULTS]
        first = self.pick([*range(len(optional)), len(optional)])
        return ", ".join(
            (
                f"{n}={self.pick(DEFAULTS[n])!r}"
                if n in optional[first:]
                else TYPES.get(n, told.annotated(n))
            )
            for n in self.inputs
        )

    # --- what can be read ---------------------------------------------------------------------------------------

    def _scope(self, slot: int) -> tuple[Scope, bool]:
        """And whether the function comes there only by force."""
        constants: dict[str, Any] = {}
        run(self.text(["    pass"]), constants)
        for forced in (False, True):
            visits = self._visits(slot, forced)
            if visits:
                visits = visits[:1] + visits[1:][-1:]
                return Scope(visits, constants, self.name == "f"), forced
        raise Impossible

    def _visits(self, slot: int, forced: bool) -> list[dict[str, Any]]:
        at = self._at(slot)
        lines = force(self.lines, at) if forced else list(self.lines)
        lines[at] = lines[at].replace("...", "here(locals())")
        visits: list[dict[str, Any]] = []

        def here(names: Mapping[str, Any]) -> None:
            visits.append(copy.deepcopy(dict(names)))

        try:
            found = walk(self.text(lines), self.name, self.inputs, here=here, some=some)
        except Exception:
            return []
        return visits if is_fine(list(found.names.values())) else []

    # --- holes --------------------------------------------------------------------------------------------------

    def _fill(self, template: str, scope: Scope) -> str:
        """Every hole of the template with what its name says."""
        filled: dict[str, str] = {}
        text = ""
        for literal, hole, after in _pieces(template):
            text += literal
            if hole and hole not in filled:
                filled[hole] = self._hole(hole.rstrip("0123456789"), scope, filled)
            is_part = re.search(r"[-+*/] $", literal) or re.match(r" [-+*/] ", after)
            text += _operand(filled[hole]) if is_part else filled.get(hole, "")
        return text

    def _hole(self, kind: str, scope: Scope, filled: Mapping[str, str]) -> str:
        """A text of the kind; the last name or place is what `like` and `fits` are about."""

        def free(names: Sequence[str]) -> str:
            return self.pick([n for n in names if n not in filled.values()])

        match kind:
            case "name":
                return self._about(scope, free(scope.names("float", "array")))
            case "float" | "array":
                return self._about(scope, free(scope.names(kind)))
            case "vector" | "matrix":
                rank = 1 if kind == "vector" else 2
                return self._about(scope, free(scope.arrays(rank)))
            case "place":
                return self._about(scope, free(scope.places))
            case "int" | "list" | "tuple" | "dict":
                return free(scope.names(kind))
            case "new":
                unused = [n for n in NAMES if n not in scope.visits[0]]
                return free(NAMES if self.chance(4) else unused or NAMES)
            case "index":
                return free([n for n in INDEXES if n not in scope.visits[0]] or INDEXES)
            case "item":
                return free(ITEMS)
            case "key":
                return free(KEYS)
            case "member":
                return self.pick([*map(repr, scope.visits[0][filled["dict"]]), '"w"'])
            case "count":
                return self._count(scope)
            case "test":
                return self._test(scope)
            case "value":
                self._about(scope, self.pick(self._plain(list(scope.atoms))))
                return self._expression(scope, self.subject)
            case "scalar":
                return self._expression(scope, ())
            case "like":
                return self._expression(scope, self.subject)
            case "fits":
                return self._expression(scope, self.pick(scope.fitting(self.subject)))
            case "element":
                self._about(scope, f"{filled['list']}[0]")
                return self._expression(scope, self.subject)
            case "called":
                return self._called(scope)
        raise KeyError(kind)

    def _about(self, scope: Scope, text: str) -> str:
        self.subject = scope.shape(text) or ()
        return text

    def _count(self, scope: Scope) -> str:
        lengths = [f"len({n})" for n in scope.names("array", "list")]
        lengths += [f"{n}.shape[0]" for n in scope.names("array")]
        given = ["n"] * 4 if "n" in scope.names("int") else []
        return self.pick(["2", "3", "3", "4", "1", "0", *given, *lengths[:3]])

    def _test(self, scope: Scope) -> str:
        subject = self.subject
        family = self.pick(["flag", "flag", "index", "index", "data", "joined"])
        tests = [t for t in TESTS[family] if family != "flag" or scope.decides(t)]
        text = self._fill(self.pick(tests or TESTS["data"]), scope)
        if not scope.decides(text):
            raise Impossible
        self.subject = subject
        return text

    # --- expressions --------------------------------------------------------------------------------------------

    def _expression(self, scope: Scope, shape: Shape) -> str:
        forms = [*FORMS, *self._call_forms(scope) * 3]
        for _ in range(4):
            text = self._composed(scope, shape, self.pick([0, 1, 1, 2]), forms)
            if scope.shape(text) == shape:
                return text
        return self._atom(scope, shape)

    def _called(self, scope: Scope) -> str:
        shape = scope.atoms[self.pick(self._plain(list(scope.atoms)))]
        text = self._composed(scope, shape, 1, self._call_forms(scope))
        if scope.shape(text) is None:
            raise Impossible
        return text

    def _call_forms(self, scope: Scope) -> list[str]:
        known = {**scope.constants, **scope.visits[0]}
        return [f for name, forms in self.calls.items() if name in known for f in forms]

    def _composed(
        self, scope: Scope, shape: Shape, depth: int, forms: Sequence[str]
    ) -> str:
        if depth == 0:
            return self._atom(scope, shape)
        form = self.pick(forms)
        first = self._composed(scope, shape, self.pick(range(depth)), forms)
        fitting = [
            a for a, s in scope.atoms.items() if a != first and goes_into(s, shape)
        ]
        second = self.pick(self._plain(fitting))
        return form.format(a=_operand(first), A=first, b=_operand(second), B=second)

    def _atom(self, scope: Scope, shape: Shape) -> str:
        return self.pick(self._plain([a for a, s in scope.atoms.items() if s == shape]))

    def _plain(self, atoms: Sequence[str]) -> Sequence[str]:
        """The names among them, or now and then all."""
        names = [a for a in atoms if a.isidentifier() and a != "C"]
        return names if names and not self.chance(3) else atoms


def _operand(text: str) -> str:
    """In parentheses, where it needs them."""
    tree = ast.parse(text, mode="eval").body
    simple = ast.Name | ast.Call | ast.Subscript | ast.Attribute | ast.Constant
    return text if isinstance(tree, simple) else f"({text})"


def _pieces(template: str) -> Iterator[tuple[str, str, str]]:
    """Text, the hole after it, and the text after that."""
    parts = [(p[0], p[1] or "") for p in string.Formatter().parse(template)]
    for (literal, hole), (after, _) in zip(parts, [*parts[1:], ("", "")], strict=True):
        yield literal, hole, after


# --- whole programs ---------------------------------------------------------------------------------------------------


def flow_program(choices: Choices, kinds: Sequence[str], length: int) -> Trial:
    shapes = {name: choices.pick(SHAPES) for name in ("x", "y")}
    writer = FlowWriter(choices, kinds, inputs=_inputs(choices, kinds, shapes))
    if "call" in kinds:
        writer.calls["power"] = ["power({A})", "power({A}, 3)"]
        for name in ("step", "score")[: choices.pick([1, 1, 2])]:
            writer.add_helper(name)
    writer.grow(length)
    told = Declared(choices.pick(["docstring", "nothing", "option", "nothing"]), shapes)
    definition = writer.finished(told)
    inputs = writer.inputs
    asked = tuple(n for n, v in inputs.items() if flat(v).size)
    source = "\n\n\n".join(["import numpy as np\n\nC = 0.7", *_used(writer.helpers, definition), definition])  # fmt: skip
    return Trial(source + "\n", inputs, asked, shapes=told.of(inputs).options)


def _inputs(
    choices: Choices, kinds: Sequence[str], shapes: Mapping[str, str]
) -> dict[str, Any]:
    drawn = np.random.default_rng(choices.pick(range(50)))

    def array(text: str) -> Any:
        value = drawn.uniform(-1.2, 1.2, [LENGTHS[d] for d in text.split(",") if d])
        return value if text else float(value)

    found = {name: array(text) for name, text in shapes.items()}
    if {"list", "struct"} & set(kinds):
        found["xs"] = [array("D") for _ in range(choices.pick([1, 2, 3]))]
        found["p"] = {"w": array(choices.pick(["D", "N,D", ""])), "b": array("D")}
    if "store" in kinds:
        found["idx"] = np.array(choices.pick([[0, 2], [1, 1, 0], [2]]))
    if "branch" in kinds:
        found["bias"] = choices.pick([None, array(choices.pick(["", "D"]))])
    return found | {name: choices.pick(values) for name, values in FLAGS.items()}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _used(helpers: Mapping[str, str], text: str) -> list[str]:
    """The helpers that a text calls, and those that they call."""
    found: list[str] = []
    for name, helper in reversed(helpers.items()):
        if name in _words("\n".join([text, *found])):
            found.insert(0, helper)
    return found
