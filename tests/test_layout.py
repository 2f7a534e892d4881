"""One direction of imports, and one table of codes."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from flatgrad.errors import CODES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "flatgrad"
LONG = 350  # lines; told, not enforced

# What stands in a line may import what stands above it; within a line, anything goes as long as it is no circle.
LAYERS = [
    ["flatgrad.errors", "flatgrad.types", "flatgrad.constants", "flatgrad.declaring", "flatgrad.scalar_libraries"],
    ["flatgrad.graph", "flatgrad.options"],
    ["flatgrad.loops", "flatgrad.partial", "flatgrad.versions", "flatgrad.foreign"],
    ["flatgrad.registry"],
    ["flatgrad.shapes", "flatgrad.builder", "flatgrad.broadcasting", "flatgrad.varying"],
    ["flatgrad.rules", "flatgrad.namespaces", "flatgrad.emit.helpers"],
    ["flatgrad.frontend"],
    ["flatgrad.complex_values"],
    ["flatgrad.conjugates", "flatgrad.patterns", "flatgrad.trees", "flatgrad.implicit", "flatgrad.implicit_tangents", "flatgrad.reverse", "flatgrad.forward", "flatgrad.seeded", "flatgrad.rewrites", "flatgrad.products", "flatgrad.simplify"],
    ["flatgrad.emit"],
    ["flatgrad.styles"],
    ["flatgrad.neural"],
    ["flatgrad.evaluate"],
    ["flatgrad.pipeline"],
    ["flatgrad.drawing", "flatgrad.layered"],
    ["flatgrad.graph_nodes", "flatgrad.graph_paths", "flatgrad.held", "flatgrad.tracing", "flatgrad.graph_arguments", "flatgrad.local_derivatives"],
    ["flatgrad.source", "flatgrad.again"],
    ["flatgrad.interface"],
    ["flatgrad.graph_source"],
    ["flatgrad.computational_graph"],
    ["flatgrad.api", "flatgrad.operations", "flatgrad.coverage", "flatgrad.written_forms"],
    ["flatgrad.checking", "flatgrad.filling"],
    ["flatgrad.cli"],
    ["flatgrad.notebook"],
    ["flatgrad.__main__", "flatgrad"],
]  # fmt: skip
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# Rules that are called with numbers compute: `xp.exp(0.5)` asks the evaluator, when it is called and not before.
WHEN_CALLED = {("flatgrad.builder", "flatgrad.evaluate")}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


MODULES = modules()


@functools.cache
def imports(module: str) -> list[tuple[str, int]]:
    """(module of flatgrad, line) for each import that is made when the program runs."""
    tree = ast.parse(MODULES[module].read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    inside = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        match node:
            case ast.Import(names=aliases):
                names = [a.name for a in aliases]
            case ast.ImportFrom(module=str(source), level=0, names=aliases):
                inner = [f"{source}.{a.name}" for a in aliases]
                names = [n for n in inner if n in MODULES] or [source]
        for name in names:
            called = id(node) in inside and (module, name) in WHEN_CALLED
            if (
                name.split(".")[0] == "flatgrad"
                and id(node) not in typing_only
                and not called
            ):
                found.append((name, node.lineno))
    return found


def layer(module: str) -> str:
    """The longest name in the table that the module is or lies in."""
    while module not in RANK and "." in module:
        module = module.rpartition(".")[0]
    return module


def test_every_module_has_a_place() -> None:
    homeless = [m for m in MODULES if layer(m) == "flatgrad" and m != "flatgrad"]
    assert homeless == []


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    own = layer(module)
    wrong = []
    for name, line in imports(module):
        target = layer(name)
        if target != own and RANK[target] > RANK[own]:
            wrong.append(f"{module}:{line} imports {name}, which stands above it")
    assert wrong == []


def test_there_is_no_circle_among_packages() -> None:
    edges: dict[str, set[str]] = {}
    for module in MODULES:
        for name, _ in imports(module):
            if layer(name) != layer(module):
                edges.setdefault(layer(module), set()).add(layer(name))
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way, name])
        if name not in done:
            for other in sorted(edges.get(name, ())):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(edges):
        visit(name, ())


def test_no_relative_imports_and_no_star() -> None:
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                assert all(a.name != "*" for a in node.names), path


def test_no_module_is_a_drawer() -> None:
    assert not {p.stem for p in MODULES.values()} & {
        "utils",
        "helpers_",
        "common",
        "misc",
    }


def test_long_files_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    long = {
        m: n
        for m, p in MODULES.items()
        if (n := len(p.read_text().splitlines())) > LONG
    }
    with capsys.disabled():
        for module, lines in sorted(long.items(), key=lambda item: -item[1]):
            print(f"\n  {module}: {lines} lines", end="")


# --- codes ---------------------------------------------------------------------------------------------------------

CODE = re.compile(r"\bFG\d{3}\b")


@functools.cache
def used() -> dict[str, str]:
    found = {}
    for module, path in MODULES.items():
        if module != "flatgrad.errors":
            found |= dict.fromkeys(CODE.findall(path.read_text()), module)
    return found


@pytest.mark.parametrize("code", sorted(used()))
def test_a_code_in_use_has_a_meaning(code: str) -> None:
    assert code in CODES, f"{used()[code]} uses {code}"
    assert CODES[code].strip()


def test_no_code_is_left_over() -> None:
    assert set(CODES) <= set(used())


def test_codes_are_used_through_constants_in_text() -> None:
    """Each is five characters, so that it can be searched for."""
    assert all(CODE.fullmatch(code) for code in CODES)
