"""What was emitted is kept beside the bytecode of a module: read back where nothing has changed, and never otherwise."""

from __future__ import annotations

import importlib.util
import itertools
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import flatgrad.interface.specialising as specialising
from flatgrad import FlatgradError
from flatgrad.interface import cache as caches

ROOT = Path(__file__).parents[1]

LAYER = '''
import numpy as np
import flatgrad

SCALE = 0.5


@flatgrad.differentiable(cache=True)
def loss(w, x):
    """w: (D,)  x: (N, D)"""
    return SCALE * np.sum(np.tanh(x @ w) ** 2)
'''
CALLER = """
import numpy as np
import flatgrad
from activations import activation


@flatgrad.differentiable(cache=True)
def loss(w, x):
    return np.sum(activation(x @ w) ** 2)
"""
W, X = np.array([0.3, -0.4, 0.2]), np.linspace(-1, 1, 12).reshape(4, 3)


def differences(f: Callable[..., Any], w: Any, *rest: Any) -> Any:
    step = 1e-6
    lines = np.eye(len(w)) * step
    return np.array([(f(w + d, *rest) - f(w - d, *rest)) / (2 * step) for d in lines])


@pytest.fixture(autouse=True)
def bytecode_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.delenv(caches.VARIABLE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def transformed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The name of each function that is transformed: what is read back is not."""
    seen: list[str] = []
    original = specialising._transformed

    def counted(reading: Any, *rest: Any) -> Any:
        seen.append(reading.function)
        return original(reading, *rest)

    monkeypatch.setattr(specialising, "_transformed", counted)
    yield seen
    sys.modules.pop("activations", None)


_count = itertools.count()


def load(path: Path, text: str | None = None) -> ModuleType:
    """The module as another process would see it."""
    if text is not None:
        path.write_text(text)
    spec = importlib.util.spec_from_file_location(f"cached_{next(_count)}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    code = compile(path.read_text(), str(path), "exec")
    exec(code, vars(module))
    return module


def checked(module: ModuleType) -> Any:
    found = module.loss.grad(W, X)[0]
    np.testing.assert_allclose(found, differences(module.loss, W, X), rtol=1e-6)
    return found


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if "flatgrad" in p.name)


TAG = sys.implementation.cache_tag


def test_what_was_made_is_read_back(tmp_path: Path, transformed: list[str]) -> None:
    first = checked(load(tmp_path / "layer.py", LAYER))
    assert transformed
    assert files(tmp_path) == [f"layer.{TAG}.loss.flatgrad"]
    transformed.clear()
    np.testing.assert_array_equal(checked(load(tmp_path / "layer.py")), first)
    assert transformed == []


def test_other_derivatives_and_other_patterns_are_kept_too(
    tmp_path: Path, transformed: list[str]
) -> None:
    def use(module: ModuleType) -> list[Any]:
        f, v = module.loss, np.array([1.0, 2.0, 3.0])
        value, pullback = f.vjp(W, X)
        assert value == f.value_and_grad(W, X)[0] == f(W, X)
        square = np.array([[0.5]])
        return [
            f.grad(W, X)[0],
            pullback(2.0)[0] / 2,
            f.grad(square[0], square)[0],
            f.jvp((W, X), (v, X))[1],
            f.hvp(W, X, (v, X))[0],
            f.hessian(W, X)[0][0],
        ]

    first = use(load(tmp_path / "layer.py", LAYER))
    assert transformed
    transformed.clear()
    second = use(load(tmp_path / "layer.py"))
    assert transformed == []
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(first[1], first[0])


def test_it_is_off_unless_asked_for(tmp_path: Path, transformed: list[str]) -> None:
    text = LAYER.replace("(cache=True)", "")
    checked(load(tmp_path / "layer.py", text))
    assert files(tmp_path) == []
    transformed.clear()
    checked(load(tmp_path / "layer.py"))
    assert transformed


@pytest.mark.parametrize(
    ("option", "value", "kept"),
    [
        ("", "1", True),
        ("", "0", False),
        ("", "", False),
        ("(cache=False)", "1", False),
        ("(cache=True)", "0", True),
    ],
)
def test_the_environment_asks_where_the_decorator_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str, kept: bool
) -> None:
    monkeypatch.setenv(caches.VARIABLE, value)
    load(tmp_path / "layer.py", LAYER.replace("(cache=True)", option))
    assert bool(files(tmp_path)) == kept


# --- never stale ---------------------------------------------------------------------------------------------------------

EDITS = {
    "the function": ("** 2", "** 3"),
    "a constant": ("SCALE = 0.5", "SCALE = 3"),
    "an operation": ("np.tanh(", "np.sin("),
    "an option": ("cache=True", "cache=True, wrt=('x', 'w')"),
    "a documented shape": ('"""w: (D,)  x: (N, D)"""', '"""w: (D,)"""'),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_the_file_is_seen(
    tmp_path: Path, transformed: list[str], edit: str
) -> None:
    checked(load(tmp_path / "layer.py", LAYER))
    transformed.clear()
    module = load(tmp_path / "layer.py", LAYER.replace(*EDITS[edit]))
    assert transformed
    position = 1 if edit == "an option" else 0
    w = differences(lambda w: module.loss(w, X), W)
    found = module.loss.grad(W, X)[position]
    np.testing.assert_allclose(found, w, rtol=1e-6)


def test_what_is_old_does_not_stay(tmp_path: Path) -> None:
    load(tmp_path / "layer.py", LAYER)
    path = next(tmp_path.rglob("*.flatgrad"))
    for name in ("sin", "cos", "sinh"):
        load(tmp_path / "layer.py", LAYER.replace("tanh", name))
    text = path.read_text()
    assert files(tmp_path) == [path.name]
    assert "np.sinh(" in text
    assert "np.tanh(" not in text
    assert "np.sin(" not in text


def test_a_helper_of_another_module_is_seen(
    tmp_path: Path, transformed: list[str]
) -> None:
    helper = tmp_path / "activations.py"
    text = "import numpy as np\ndef activation(a):\n    return np.{}(a)\n"
    found = {}
    for name in ("tanh", "tanh", "sin", "sin", "tanh"):
        helper.write_text(text.format(name))
        os.utime(helper, (1, len(found) + 2))
        sys.modules.pop("activations", None)
        importlib.invalidate_caches()
        sys.modules["activations"] = load(helper)
        transformed.clear()
        gradient = checked(load(tmp_path / "caller.py", CALLER))
        assert bool(transformed) == (name not in found)
        np.testing.assert_array_equal(gradient, found.setdefault(name, gradient))
    assert not np.allclose(found["tanh"], found["sin"])


def test_a_constant_of_the_program_is_seen(
    tmp_path: Path, transformed: list[str]
) -> None:
    """It decides the text, and is told by no file."""
    text = LAYER.replace("SCALE = 0.5", "import os\nSCALE = int(os.environ['POWER'])")
    text = text.replace("** 2", "** SCALE")
    for power in ("2", "3", "2"):
        os.environ["POWER"] = power
        checked(load(tmp_path / "layer.py", text))
    del os.environ["POWER"]


def test_another_flatgrad_makes_it_again(
    tmp_path: Path, transformed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(load(tmp_path / "layer.py", LAYER))
    transformed.clear()
    monkeypatch.setattr(caches, "software_state", lambda: "another")
    checked(load(tmp_path / "layer.py"))
    assert transformed


def test_the_state_is_that_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = caches.software_state.__wrapped__
    monkeypatch.setattr(caches, "PACKAGE", str(tmp_path))
    assert state() == ""
    (tmp_path / "inner").mkdir()
    seen = set()
    for text in ("a = 1\n", "a = 2\n", "a = 11\n"):
        (tmp_path / "inner" / "rules.py").write_text(text)
        os.utime(tmp_path / "inner" / "rules.py", (1, len(seen)))
        seen.add(state())
        assert state() in seen
    assert "" not in seen
    os.utime(tmp_path / "inner" / "rules.py")  # written after this process began
    assert state() == ""
    os.utime(tmp_path / "inner" / "rules.py", (1, 0))
    monkeypatch.setattr(np, "__version__", "0")
    seen.add(state())
    monkeypatch.setattr(caches, "PRINTERS", ("libcst",))
    seen.add(state())
    assert len(seen) == 5


def test_what_is_refused_is_refused_each_time(tmp_path: Path) -> None:
    text = LAYER.replace("np.tanh(", "np.nonsense(")
    for _ in range(2):
        with pytest.raises(FlatgradError, match=r"layer\.py:11:\d+: FG"):
            load(tmp_path / "layer.py", text)
    assert files(tmp_path) == []


# --- files that are not as they should be --------------------------------------------------------------------------------


def damaged(kind: str, data: bytes) -> bytes:
    head, _, body = data.partition(b"\n")
    match kind:
        case "empty":
            return b""
        case "truncated":
            return data[: len(data) // 2]
        case "another number in it":
            return data.replace(b"0.5", b"0.6")
        case "foreign":
            return b"\x00\xff" * 100
        case "no body":
            return head + b"\n"
        case _:
            return head.replace(b"flatgrad", b"flatgrab") + b"\n" + body


KINDS = ("empty", "truncated", "another number in it", "foreign", "no body", "head")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_made_again(
    tmp_path: Path, transformed: list[str], kind: str
) -> None:
    load(tmp_path / "layer.py", LAYER)
    (path,) = tmp_path.rglob("*.flatgrad")
    good = path.read_bytes()
    assert damaged(kind, good) != good
    path.write_bytes(damaged(kind, good))
    transformed.clear()
    load(tmp_path / "layer.py")
    assert transformed == ["loss"]
    assert path.read_bytes() == good


def test_a_folder_in_its_place_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "__pycache__" / f"layer.{TAG}.loss.flatgrad").mkdir(parents=True)
    checked(load(tmp_path / "layer.py", LAYER))
    assert len(files(tmp_path)) == 1  # and nothing is left beside it


def test_where_nothing_can_be_written_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").write_text("a file, where a folder should be")
    checked(load(tmp_path / "layer.py", LAYER))
    assert files(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_folder_that_is_read_only_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(LAYER)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    checked(load(tmp_path / "layer.py"))
    tmp_path.chmod(stat.S_IRWXU)
    assert files(tmp_path) == []


def test_python_that_writes_no_bytecode_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    checked(load(tmp_path / "layer.py", LAYER))
    assert files(tmp_path) == []


def test_it_is_where_python_puts_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transformed: list[str]
) -> None:
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    here.mkdir()
    monkeypatch.setattr(sys, "pycache_prefix", str(elsewhere))
    checked(load(here / "layer.py", LAYER))
    assert files(here) == []
    assert len(files(elsewhere)) == 1
    transformed.clear()
    checked(load(here / "layer.py"))
    assert transformed == []


def test_functions_of_one_name_do_not_share(tmp_path: Path) -> None:
    """Those in functions, and those that another replaces."""
    text = LAYER + LAYER.partition("SCALE = 0.5")[2].replace("** 2", "** 4")
    text += "\ndef made(power):" + LAYER.partition("SCALE = 0.5")[2].replace(
        "\n", "\n    "
    ).replace("** 2", "** power")
    text += "\n    return loss\n"
    for _ in range(2):
        module = load(tmp_path / "layer.py", text)
        checked(module)
        for power in (2, 3):
            inner = ModuleType("inner")
            inner.loss = module.made(power)
            checked(inner)
    assert len(files(tmp_path)) == 2


def test_a_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = str(tmp_path / "some.flatgrad")
    for number in range(caches.KEPT + 5):
        caches.Cache(path, "state").put(str(number), number)
    found = caches.Cache(path, "state")
    assert found.get("4") is None
    assert found.get(str(caches.KEPT + 4)) is not None
    assert caches.Cache(path, "other").get(str(caches.KEPT + 4)) is None


# --- other processes -----------------------------------------------------------------------------------------------------

WRITER = """
import sys
from flatgrad.interface.cache import Cache
path, who = sys.argv[1:]
for number in range(40):
    Cache(path, "state").put(f"{who}{number % 20}", [who * 5000, number])
    for name in "ab":
        found = Cache(path, "state").get(f"{name}{number % 20}")
        assert found is None or found[0] == name * 5000
assert Cache(path, "state")._read(), "what is there is never half a file"
"""


def environment(*paths: Path) -> dict[str, str]:
    found = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, *paths)))}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "some.flatgrad"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), who], env=environment()
        )
        for who in "ab"
    ]
    assert [w.wait(60) for w in writers] == [0, 0]
    assert files(tmp_path) == ["some.flatgrad"]


READER = """
import sys
import numpy as np
from layer import loss
w, x = np.array([0.3, -0.4, 0.2]), np.linspace(-1, 1, 12).reshape(4, 3)
print(repr((loss.grad(w, x)[0].tolist(), float(loss.value_and_grad(w, x)[0]))))
print(sorted({"libcst", "black", "astor", "flatgrad.pipeline"} & {*sys.modules}))
"""


def test_another_process_does_not_even_import_what_transforms(tmp_path: Path) -> None:
    module = load(tmp_path / "layer.py", LAYER)
    gradient = checked(module).tolist()
    told = subprocess.run(
        [sys.executable, "-c", READER],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert told == [repr((gradient, float(module.loss(W, X)))), "[]"]
