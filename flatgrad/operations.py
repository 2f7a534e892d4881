"""The registry and the tables of names -> the page docs/operations.md, which `flatgrad ops` prints."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator

import flatgrad.rules  # noqa: F401  (fills the registry)
from flatgrad.constants import Constant
from flatgrad.emit.helpers import HELPERS
from flatgrad.namespaces import INFIX, PREFIX, namespaces, spellings
from flatgrad.namespaces.stats_names import CONTINUOUS, DISCRETE
from flatgrad.registry import RULES, Kind, Rule

# How a name of these namespaces is written in the table; one of numpy.linalg begins with np.linalg.
WRITTEN = {"builtins": "{}", "ndarray": ".{}"}
# Their rules are made of one formula for each distribution, and have a table of their own.
MADE = ("continuous", "discrete")
LONGEST = 60  # characters of a formula; a longer one is to be read where it stands

HEAD = """\
# Operations

Made from the rules and the tables of names by `flatgrad ops`; do not edit.

The first column is flatgrad's own name, the second how the operation may be written. The formula is
the one in the rule, as far as it fits into a line: `y` is the result, `g` the derivative that comes
in, and an elementwise rule gives the partial derivative in each argument. The options are those that
the rule reads; one that it does not know is refused. The last column says what is not plain to see,
and what happens at points where there is no derivative.
[adding-an-operation.md](adding-an-operation.md) explains the kinds.
[decisions/degenerate-points.md](decisions/degenerate-points.md) says what happens at corners and
ties.
"""

DISTRIBUTIONS = """\
## Distributions

Methods of `scipy.stats`, and the arguments in which they are differentiated.

| distribution | methods and arguments |
|---|---|
"""

CONSTANT = """\
## Constant

These have the derivative zero wherever they have one, or give no floating-point numbers. They may be
used anywhere, and no gradient goes through them.

| operation | spelled |
|---|---|
"""

UNKNOWN = """\
## Without a derivative

flatgrad knows these names. It refuses where a gradient would have to go through them.

"""


def page() -> str:
    spelled = names_by_operation()
    active = [
        r
        for r in RULES.values()
        if r.kind is not Kind.CONSTANT
        and family_of(r) not in MADE
        and (r.op in spelled or r.op not in HELPERS)
    ]
    known = [r for r in active if has_derivative(r)]
    constant = [r for r in RULES.values() if r.kind is Kind.CONSTANT]
    without = {op for op in spelled if op not in RULES} | {
        r.op for r in active if not has_derivative(r)
    }
    missing = [op for op in spelled if op in without]
    parts = [HEAD]
    for family in sorted({family_of(rule) for rule in known}):
        parts += [f"\n## {family.capitalize()}\n\n", *table(family, known, spelled)]
    parts += ["\n", DISTRIBUTIONS, *distributions(), "\n", CONSTANT]
    parts += [f"| `{r.op}` | {code(spelled.get(r.op, []))} |\n" for r in constant]
    names = sorted(name for op in missing for name in spelled[op])
    parts += ["\n", UNKNOWN, textwrap.fill(code(names), 100), "\n"]
    return "".join(parts)


def table(family: str, rules: list[Rule], spelled: dict[str, list[str]]) -> list[str]:
    """A row for each operation of the family."""
    heads = ("operation", "spelled", "kind", "options", "derivative", "note")
    rows = [f"| {' | '.join(heads)} |\n", "|---" * len(heads) + "|\n"]
    for rule in rules:
        if family_of(rule) == family:
            names = code([rule.op]), code(spelled.get(rule.op, []))
            kind, options = rule.kind.name.lower(), code([*rule.defaults])
            cells = (*names, kind, options, formula_of(rule), note_of(rule))
            rows.append(f"| {' | '.join(cells)} |\n")
    return rows


def distributions() -> Iterator[str]:
    """A row for each distribution: its methods by what they are differentiated in."""
    for name in (*CONTINUOUS, *DISCRETE):
        methods: dict[str, list[str]] = {}
        for rule in RULES.values():
            distribution, _, method = rule.op.rpartition("_")
            if distribution == name and family_of(rule) in MADE:
                methods.setdefault(", ".join(data_of(rule)), []).append(method)
        cells = (f"{code(found)} in {data}" for data, found in methods.items())
        yield f"| `scipy.stats.{name}` | {'; '.join(cells)} |\n"


def data_of(rule: Rule) -> list[str]:
    parameters = inspect.signature(rule.formula).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]


def names_by_operation() -> dict[str, list[str]]:
    """Operation -> everything that it may be written as, operators first."""
    found: dict[str, list[str]] = {}
    for op, sign in INFIX.items():
        found.setdefault(op, []).append(sign)
    for op, sign in PREFIX.items():
        found.setdefault(op, []).append(sign)
    for namespace in namespaces():
        written = WRITTEN.get(namespace, f"{_shortened(namespace)}.{{}}")
        for spelling in spellings(namespace):
            names = found.setdefault(spelling.op, [])
            name = written.format(spelling.name)
            if name not in names:
                names.append(name)
    return found


def _shortened(namespace: str) -> str:
    root, dot, rest = namespace.partition(".")
    return f"np{dot}{rest}" if root == "numpy" else namespace


def code(names: list[str]) -> str:
    return ", ".join(f"`{name}`".replace("|", "\\|") for name in names)


def family_of(rule: Rule) -> str:
    return rule.formula.__module__.rpartition(".")[2]


def has_derivative(rule: Rule) -> bool:
    """A rule that only says how the shape follows raises whatever it is given."""
    return list(inspect.signature(rule.formula).parameters) != ["data", "options"]


def formula_of(rule: Rule) -> str:
    """What the rule returns, where that is one short expression."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(rule.formula))).body
    assert isinstance(function, ast.FunctionDef)
    returned = [*returns(function)]
    if len(returned) == 1 and len(statements(function)) == 1:
        shown: ast.expr = Spelled(rule).visit(returned[0])
        text = ast.unparse(shown)
        text = text[1:-1] if isinstance(returned[0], ast.Tuple) else text
        text = text.replace("xp.", "")
        if len(text) <= LONGEST:
            return f"`{text}`".replace("|", "\\|")
    return ""


def note_of(rule: Rule) -> str:
    """The first line of the rule's docstring."""
    return (inspect.getdoc(rule.formula) or "").partition("\n")[0].replace("|", "\\|")


class Spelled(ast.NodeTransformer):
    """Constants with a name, as the formula they stand for."""

    def __init__(self, rule: Rule):
        self.names = vars(inspect.getmodule(rule.formula))

    def visit_Name(self, node: ast.Name) -> ast.expr:
        match self.names.get(node.id):
            case Constant(text=text):
                return ast.parse(text, mode="eval").body
            case _:
                return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(
                func=ast.Name("Constant"), args=[ast.Constant(value=str(text))]
            ):
                return ast.parse(text, mode="eval").body
            case _:
                return self.generic_visit(node)


def statements(function: ast.FunctionDef) -> list[ast.stmt]:
    """The body without its docstring."""
    body = function.body
    return body[1:] if ast.get_docstring(function) is not None else body


def returns(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for statement in statements(function):
        if isinstance(statement, ast.Return) and statement.value is not None:
            yield statement.value
