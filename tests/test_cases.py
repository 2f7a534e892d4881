"""Forward functions as people write them: emitted text = the forward function's value, and its differences.

Each case is a file of tests/cases; the tables of what to differentiate, where, and of what has to be
refused are in tests/cases/__init__.py.
"""

import ast
import functools
import inspect
import linecache
import re
import shutil
import subprocess
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import black
import numpy as np
import pytest
from cases import CASES, REFUSALS, Case, Refusal
from checking import Faults

from flatgrad.emit.module import layout
from flatgrad.errors import FlatgradError
from flatgrad.options import Options, parse_shapes
from flatgrad.pipeline import Transformation, transform

FOLDER = Path(__file__).parent / "cases"
DIRECTIONS = 3
BESIDE = shutil.which("ruff", path=str(Path(sys.executable).parent))
RUFF = [BESIDE] if BESIDE else [sys.executable, "-m", "ruff"]

Tree = object


def identify(case: Case | Refusal) -> str:
    return f"{Path(case.file).stem}-{case.function}"


each_emit = pytest.mark.parametrize("emit", ["grad", "pair"])


@functools.cache
def transformation(case: Case) -> Transformation:
    options = Options(
        functions=(case.function,),
        wrt=case.wrt,
        shapes=parse_shapes(case.shapes),
        filename=case.file,
    )
    return Transformation((FOLDER / case.file).read_text(), options)


@functools.cache
def text_of(case: Case, emit: str) -> str | None:
    """What is emitted; nothing where it may be refused and is."""
    try:
        return layout(transformation(case).emitted(emit))
    except FlatgradError as error:
        if case.or_refused and all(d.place for d in error.diagnostics):
            return None
        raise


def namespace_of(text: str, name: str) -> dict[str, Callable]:
    filename = f"<{name}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    namespace = {"__name__": name}
    exec(compile(text, filename, "exec"), namespace)
    return namespace


# --- trees: tuples, lists and dicts of numbers and arrays ---------------------------------------


def leaves(tree: Tree) -> list:
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    if isinstance(tree, tuple | list):
        return [leaf for item in tree for leaf in leaves(item)]
    return [tree]


def copied(tree: Tree) -> Tree:
    if isinstance(tree, dict):
        return {key: copied(value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return type(tree)(copied(item) for item in tree)
    return tree.copy() if isinstance(tree, np.ndarray) else tree


def drawn_like(tree: Tree, rng: np.random.Generator) -> Tree:
    if isinstance(tree, dict):
        return {key: drawn_like(value, rng) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return type(tree)(drawn_like(item, rng) for item in tree)
    draw = rng.standard_normal(np.shape(tree))
    draw = draw if np.asarray(tree).dtype.kind == "f" else 0 * draw
    return draw if isinstance(tree, np.ndarray) else float(draw)


def moved(tree: Tree, by: float, direction: Tree) -> Tree:
    if isinstance(tree, dict):
        return {key: moved(value, by, direction[key]) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return type(tree)(moved(t, by, d) for t, d in zip(tree, direction, strict=True))
    return tree + by * direction if np.asarray(tree).dtype.kind == "f" else tree


def same(a: Tree, b: Tree) -> bool:
    return len(leaves(a)) == len(leaves(b)) and all(
        np.array_equal(x, y) for x, y in zip(leaves(a), leaves(b), strict=True)
    )


# --- one case -----------------------------------------------------------------------------------


def differences(
    forward: Callable, inputs: dict, wrt: tuple[str, ...], direction: dict, step: float
) -> list[np.ndarray]:
    """The outputs' derivative along one direction: central differences of fourth order."""

    def at(t: float) -> list[np.ndarray]:
        given = copied_inputs(inputs)
        for name in wrt:
            given[name] = moved(given[name], t, direction[name])
        return [np.array(leaf, dtype=float) for leaf in leaves(call(forward, given))]

    points = zip(at(step), at(-step), at(2 * step), at(-2 * step), strict=True)
    return [(8 * (a - b) - (c - d)) / (12 * step) for a, b, c, d in points]


def bind(signature: inspect.Signature, inputs: dict) -> inspect.BoundArguments:
    """Every parameter with its value, those with a default too: the seeds stand after them."""
    values = {n: inputs.get(n, p.default) for n, p in signature.parameters.items()}
    arguments = inspect.BoundArguments(signature, OrderedDict(values))
    assert inputs.keys() <= values.keys()
    return arguments


def call(forward: Callable, inputs: dict) -> Tree:
    arguments = bind(inspect.signature(forward), inputs)
    return forward(*arguments.args, **arguments.kwargs)


def copied_inputs(inputs: dict) -> dict:
    return {name: copied(value) for name, value in inputs.items()}


def caller(text: str, case: Case, emit: str, forward: Callable) -> Callable:
    """The emitted functions as one: inputs and seeds -> value and gradients, of two backward passes."""
    signature = inspect.signature(forward)
    namespace = namespace_of(text, f"emitted {case.function} {emit}")

    def split(inputs: dict) -> tuple[tuple, dict]:
        bound = bind(signature, inputs)
        return bound.args, bound.kwargs

    def call_grad(inputs: dict, seeds: list) -> tuple:
        positional, named = split(inputs)
        grad = namespace[f"{case.function}_grad"]
        value, grads = grad(*positional, *seeds, **named)
        kept = copied(value), copied(grads)
        again = grad(*positional, *seeds, **named)
        assert same(kept, again), "called twice it says something else"
        return value, grads

    def call_pair(inputs: dict, seeds: list) -> tuple:
        positional, named = split(inputs)
        *outs, cache = namespace[f"{case.function}_forward"](*positional, **named)
        kept = copied(outs)
        backward = namespace[f"{case.function}_backward"]
        grads = backward(*seeds, cache)
        first = copied(grads)
        assert same(first, backward(*seeds, cache)), "the backward destroys its cache"
        assert same(kept, outs), "the backward destroys the value"
        return (outs[0] if len(outs) == 1 else tuple(outs)), grads

    return call_grad if emit == "grad" else call_pair


def check(case: Case, emit: str, text: str, source: str) -> None:
    """The emitted `text` says of `source` what differences of it say."""
    forward = namespace_of(source, f"forward {case.function}")[case.function]
    inputs = case.inputs(np.random.default_rng(7))
    value = call(forward, copied_inputs(inputs))
    rng = np.random.default_rng(11)
    outs = list(value) if isinstance(value, tuple) else [value]
    seeds = [drawn_like(out, rng) for out in outs]
    given, given_seeds = copied_inputs(inputs), [copied(seed) for seed in seeds]
    got, grads = caller(text, case, emit, forward)(given, given_seeds)
    for name in inputs:
        assert same(inputs[name], given[name]), f"argument {name} is modified"
    assert same(seeds, given_seeds), "a seed is modified"
    assert type(got) is type(value) or not isinstance(value, tuple)
    for a, b in zip(leaves(got), leaves(value), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg="value")
    grads = (grads,) if len(case.wrt) == 1 else grads
    assert isinstance(grads, tuple)
    assert len(grads) == len(case.wrt)
    for name, grad in zip(case.wrt, grads, strict=True):
        shapes = [np.shape(leaf) for leaf in leaves(grad)]
        wanted = [np.shape(leaf) for leaf in leaves(inputs[name])]
        assert shapes == wanted, f"shape of the gradient of {name}"
    names = [(name,) for name in case.wrt] if len(case.wrt) > 1 else []
    for moving in [*names, *[case.wrt] * DIRECTIONS]:
        direction = {n: drawn_like(inputs[n], rng) for n in moving}
        slopes = differences(forward, inputs, moving, direction, case.step)
        want = sum(np.vdot(s, d) for s, d in zip(leaves(seeds), slopes, strict=True))
        parts = [
            np.vdot(g, d)
            for name in moving
            for g, d in zip(
                leaves(grads[case.wrt.index(name)]),
                leaves(direction[name]),
                strict=True,
            )
        ]
        scale = max(1.0, abs(want), *map(abs, parts))
        error = abs(sum(parts) - want) / scale
        assert error <= case.rtol, f"WRONG: {sum(parts)} for {want}, moving {moving}"


@pytest.mark.parametrize("file", sorted({case.file for case in CASES}))
def test_file(file: str) -> None:
    """Everything that is asked of each of its functions and of the texts that are emitted for it."""
    faults, texts = Faults(), {}
    for case in (c for c in CASES if c.file == file):
        source = (FOLDER / file).read_text()
        with faults.of(case.function):
            check_soundness(case, source)
        for emit in ("grad", "pair"):
            with faults.of(case.function, emit):
                text = text_of(case, emit)
                if text is not None:
                    texts[f"{identify(case)}_{emit}.py"] = text
                    check_text(case, text, source)
                    check(case, emit, text, source)
    with faults.of("ruff"):
        assert said_by_ruff(texts, assigned_in((FOLDER / file).read_text())) == ""
    faults.tell()


def check_soundness(case: Case, source: str) -> None:
    """The forward leaves its inputs alone, and two steps of its differences agree."""
    forward = namespace_of(source, f"forward {case.function}")[case.function]
    inputs, rng = case.inputs(np.random.default_rng(7)), np.random.default_rng(3)
    before = copied_inputs(inputs)
    assert all(np.all(np.isfinite(leaf)) for leaf in leaves(call(forward, inputs)))
    assert all(same(inputs[name], before[name]) for name in inputs)
    direction = {n: drawn_like(inputs[n], rng) for n in case.wrt}
    fine = differences(forward, inputs, case.wrt, direction, case.step)
    coarse = differences(forward, inputs, case.wrt, direction, 4 * case.step)
    for a, b in zip(fine, coarse, strict=True):
        scale = max(1.0, float(np.max(np.abs(a), initial=0)))
        np.testing.assert_allclose(b, a, rtol=0, atol=case.rtol / 2 * scale)
    assert any(np.any(np.abs(a) > 1e-8) for a in fine), "the derivative is zero"


# --- the emitted text ---------------------------------------------------------------------------


def imports_of(text: str) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").partition(".")[0])
    return roots


def check_text(case: Case, text: str, source: str) -> None:
    """It needs nothing new but NumPy, and black leaves it as it is."""
    needed = {"numpy", *case.needs}
    assert imports_of(text) <= imports_of(source) | needed
    assert black.format_str(text, mode=black.Mode()) == text


UNUSED = re.compile(r"(?m)^/?(\S+)\.py:\S+ F841 Local variable `(\w+)` .*\n")


def assigned_in(text: str) -> set[str]:
    """Names that the user assigns: one that is no longer read, such as a lambda read in place, may stand."""
    nodes = ast.walk(ast.parse(text))
    return {
        n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def said_by_ruff(texts: dict[str, str], own: set[str]) -> str:
    """Of unused names and imports, names that are not defined, redefinitions; `own` names of the user may be unused."""
    if not texts:
        return ""
    command = [*RUFF, "check", "--isolated", "--select", "F"]
    command += ["--ignore", "F403,F405"]  # from math import *: the user's own
    command += ["--quiet", "--output-format", "concise"]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text)
        done = subprocess.run([*command, folder], capture_output=True, text=True)
        said = done.stdout.replace(folder, "")
    assert done.returncode in (0, 1), done.stderr
    return UNUSED.sub(lambda found: "" if found[2] in own else found[0], said)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REFUSALS, ids=identify)
@each_emit
def test_refusal_is_located(case: Refusal, emit: str) -> None:
    options = Options(
        functions=(case.function,), wrt=case.wrt, emit=emit, filename=case.file
    )
    with pytest.raises(FlatgradError) as caught:
        transform((FOLDER / case.file).read_text(), options)
    said = caught.value.diagnostics
    assert case.code in {d.code for d in said}
    assert any(case.message in d.what for d in said if d.code == case.code)
    assert all(d.place is not None for d in said)
    assert case.line in {d.place.line for d in said if d.code == case.code}


# --- texts that black would not let stand in a file ---------------------------------------------

LINES = {
    "tabs": "def f(x):\n\ty = x * 2\n\treturn (y *\n\t\tx)\n",
    "semicolons": "def f(x):\n    y = x * x; z = y * x\n    return z + y\n",
    "backslashes": "def f(x):\n    y = x * \\\n        x\n    return y + \\\n        (x # why\n         * 3)\n",
    "one line": "def f(x): return x * x * x\n",
    "carriage returns": "def f(x):\r\n    y = x * x\r\n    return y * x\r\n",
    "no last newline": "def f(x):\n  y = x * x\n  return y * x",
    "comments in brackets": "import math\ndef f(x):\n    y = (  # sum\n        x  # first\n"
    "        + math.sin(x) * math.cos(x)  # second\n        - math.exp(x * math.tan(x))\n    )\n    return y * y\n",
    "spaces": "def f( x ) :\n      y=x*  x\n\n\n\n      return( y )*x\n",
    "unicode": "def f(x):\n    'Größe – ∂f/∂x'\n    ß = x * x  # ∇ → 0\n    return ß * x\n",
    "quotes": 'def f(x):\n    r"""Tex \\frac{a}{b} \'quoted\'"""\n    return x * x\n',
}


@pytest.mark.parametrize("text", LINES.values(), ids=LINES.keys())
@each_emit
def test_lines_of_every_shape(text: str, emit: str) -> None:
    case = Case("lines.py", "f", ("x",), lambda rng: {"x": 0.7})
    emitted = transform(text, Options(functions=("f",), emit=emit))
    assert black.format_str(emitted, mode=black.Mode()) == emitted
    check(case, emit, emitted, text)


def test_every_file_is_in_a_table() -> None:
    listed = {case.file for case in (*CASES, *REFUSALS)}
    there = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py"}
    assert there == listed
