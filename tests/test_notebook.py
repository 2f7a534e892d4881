"""%%flatgrad in a shell of IPython, and the notebook of samples/ from end to end."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Golden
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from flatgrad import cli
from flatgrad.options import STYLES as NAMES_OF_STYLES
from flatgrad.styles import STYLES

NOTEBOOK = Path(__file__).parents[1] / "samples" / "notebook.ipynb"


@pytest.fixture(scope="module")
def only_shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """It takes the place of __main__, which is given back."""
    main, hook = sys.modules["__main__"], sys.displayhook
    settings = Config()
    settings.HistoryManager.enabled = False
    folder = str(tmp_path_factory.mktemp("ipython"))
    yield InteractiveShell(config=settings, ipython_dir=folder, colors="nocolor")
    sys.modules["__main__"], sys.displayhook = main, hook


class Notebook:
    """Cells are run one after the other; what each prints is caught."""

    def __init__(self, shell: InteractiveShell, caught: Callable[[], Any]) -> None:
        self.shell, self.caught = shell, caught
        self.result: Any = None

    def __call__(self, cell: str) -> str:
        self.caught()
        self.result = self.shell.run_cell(cell, store_history=True)
        printed: str = self.caught().out
        return printed

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.shell.user_ns

    @property
    def failed(self) -> bool:
        return not self.result.success


@pytest.fixture
def book(
    only_shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> Iterator[Notebook]:
    only_shell.reset()
    found = Notebook(only_shell, capsys.readouterr)
    found("%load_ext flatgrad")
    yield found
    found("%unload_ext flatgrad")


def differences(f: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    lines = np.eye(x.size).reshape(x.size, *x.shape) * 1e-6
    return np.array([(f(x + d) - f(x - d)) / 2e-6 for d in lines]).reshape(x.shape)


SETTING = """
import numpy as np
X = np.linspace(-1, 1, 12).reshape(4, 3)
rate = 0.5
def activation(a):
    return np.tanh(a)
"""
LOSS = """
def loss(w):
    hidden = activation(X @ w)  # (N,)
    return rate * np.sum(hidden**2)
"""
WHOLE = '''
import numpy as np

SCALE = 2.0


def squashed(a):
    return np.tanh(a)


def loss(w, x):
    """w: (D,)  x: (N, D)"""
    y = squashed(x @ w)
    return SCALE * np.sum(y**2)
'''
W = np.array([0.4, -0.2, 0.7])


def agrees(book: Notebook) -> bool:
    value, gradient = book["loss_grad"](W)
    wanted = differences(book["loss"], W)
    return value == book["loss"](W) and np.allclose(gradient, wanted, rtol=1e-6)


def test_a_cell_is_run_and_its_gradient_printed_and_defined(book: Notebook) -> None:
    book(SETTING)
    printed = book("%%flatgrad" + LOSS)
    assert "def loss_grad(w, grad_out=1.0):" in printed
    assert not book.failed
    assert agrees(book)
    assert book["loss_grad"].__source__ == printed
    assert inspect.getsource(book["loss_grad"]) in printed
    assert str(inspect.signature(book["loss_grad"])) == "(w, grad_out=1.0)"


LINES = (
    "",
    "--wrt x,w",
    "--emit pair",
    "--emit jvp --wrt w",
    "--names d --no-comments",
    "--function squashed",
    "--shape a=",
    "--style script",
    "--inline",
)


@pytest.mark.parametrize("line", LINES)
def test_it_prints_what_the_command_line_prints(
    book: Notebook, tmp_path: Path, line: str
) -> None:
    text = SQUARE if "shape" in line else WHOLE
    (tmp_path / "cell.py").write_text(text)
    printed = book(f"%%flatgrad {line}\n{text}")
    book.caught()
    assert cli.run([str(tmp_path / "cell.py"), *line.split()]) == 0
    assert printed == book.caught().out


SQUARE = """
import numpy as np


def square(a):
    return np.square(a)


def cube(a):
    return a**3
"""


def test_all_functions_of_a_cell_that_no_other_calls(book: Notebook) -> None:
    printed = book("%%flatgrad --shape a=" + SQUARE)
    assert printed.count("import numpy") == 1
    assert book["square_grad"](3.0) == (9.0, 6.0)
    assert book["cube_grad"](2.0) == (8.0, 12.0)
    book("%%flatgrad" + WHOLE)
    assert "loss_grad" in book
    assert "squashed_grad" not in book


def test_what_is_live_is_seen(book: Notebook) -> None:
    book(SETTING)
    printed = book("%%flatgrad" + LOSS)
    assert "X = " not in printed
    assert "# X is an array" in printed
    before = book["loss_grad"](W)[0]
    book("rate = 5.0; X[0] = 3")
    assert agrees(book)
    assert book["loss_grad"](W)[0] != before
    book("X = np.ones((7, 3))")
    assert agrees(book)


def test_another_helper_gives_another_gradient(book: Notebook) -> None:
    book(SETTING)
    book("%%flatgrad" + LOSS)
    gradient = book["loss_grad"]
    before = gradient(W)[1]
    book("def activation(a):\n    return np.sin(3 * a)")
    assert agrees(book)
    assert not np.allclose(gradient(W)[1], before)
    assert "np.sin" in gradient.__source__
    assert gradient is book["loss_grad"]
    book(LOSS.replace("**2", "**4"))
    assert agrees(book)
    book("def activation(a):\n    return np.nonsense(a)")
    for _ in range(2):
        assert "FG201" in book("loss_grad(np.ones(3))")
    book("def loss(w):\n    return np.nonsense(w)")
    for _ in range(2):  # and not what the old function gave
        assert "FG201" in book("loss_grad(np.ones(3))")
    assert book.failed


def test_a_pair_whose_text_is_old_is_refused(book: Notebook) -> None:
    """A backward must not be given the cache of another forward."""
    book(SETTING)
    book("%%flatgrad --emit pair" + LOSS)
    _, cache = book["loss_forward"](W)
    wanted = differences(book["loss"], W)
    np.testing.assert_allclose(book["loss_backward"](2.0, cache), 2 * wanted, 1e-6)
    book("def activation(a):\n    return np.sin(a)")
    for name in ("loss_forward(np.ones(3))", "loss_backward(1.0, None)"):
        assert "FG702 what loss reads has changed" in book(name)
        assert book.failed
    book("%%flatgrad --emit pair" + LOSS)
    _, cache = book["loss_forward"](W)
    assert np.allclose(book["loss_backward"](1.0, cache), differences(book["loss"], W))


def test_arguments_of_other_shapes_are_refused(book: Notebook) -> None:
    book("%%flatgrad" + WHOLE)
    x = np.ones((2, 3))
    assert np.shape(book["loss_grad"](W, x)[1][1]) == (2, 3)
    for call in ("loss_grad(np.ones((3, 3)), np.ones((2, 3)))", "loss_grad(1.0, 2.0)"):
        assert "FG301" in book(call)
        assert book.failed
    assert "TypeError" in book("loss_grad()")


def test_a_notebook_with_arrays_is_like_a_file_with_arrays(book: Notebook) -> None:
    cell = "%%flatgrad\ndef product(a, b):\n    return a * b\n"
    assert "unbroadcast" not in book(cell)
    book("import numpy as np")
    assert "unbroadcast" in book(cell)
    a, b = np.ones((2, 3)), np.arange(3.0)
    gradients = book["product_grad"](a, b, np.ones((2, 3)))[1]
    assert [g.tolist() for g in gradients] == [[[0, 1, 2], [0, 1, 2]], [2, 2, 2]]


# --- refusals ------------------------------------------------------------------------------------------------------------


def test_what_is_refused_is_shown_as_on_the_command_line(book: Notebook) -> None:
    book("%%flatgrad --emit grad" + WHOLE)
    assert "loss_grad" in book
    bad = "\ndef loss(w):\n    return np.nonsense(w)\n\ndef more(w):\n    return np.folly(w)\n"
    printed = book(f"%%flatgrad{bad}")
    assert printed.splitlines() == [
        "cell:2:12: FG201 no derivative rule for numpy.nonsense",
        "    2 |     return np.nonsense(w)",
        "      |            ^^^^^^^^^^^^^^",
        "  give one with @flatgrad.rule, or mark the value constant with  # flatgrad: stop",
        "cell:5:12: FG201 no derivative rule for numpy.folly",
        "    5 |     return np.folly(w)",
        "      |            ^^^^^^^^^^^",
        "  give one with @flatgrad.rule, or mark the value constant with  # flatgrad: stop",
    ]
    assert book.failed  # so that no cell after it is run
    assert "loss_grad" not in book
    assert "more_grad" not in book
    assert "more" in book


WRONG = {
    "%%flatgrad --emit nothing": "flatgrad: Invalid value for '--emit': 'nothing' is not one of",
    "%%flatgrad --nothing": "flatgrad: No such option",
    "%%flatgrad --names 'd": "flatgrad: No closing quotation.",
    "%%flatgrad --wrt w,w": "flatgrad: Invalid value for '--wrt': w is named twice",
    "%%flatgrad --wrt nothing": "FG506 loss has no parameter nothing",
    "%%flatgrad --function nothing": "the notebook: FG503 there is no function nothing",
    "%%flatgrad --style class --emit jvp": "flatgrad: --style and --emit exclude each other.",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_usage(book: Notebook, line: str) -> None:
    printed = book(line + WHOLE)
    assert WRONG[line] in printed
    assert "Traceback" not in printed
    assert book.failed
    assert "loss_grad" not in book


def test_cells_without_a_gradient(book: Notebook) -> None:
    assert "FG504 there is no public function" in book("%%flatgrad\nx = 1")
    printed = book("%%flatgrad\ndef f(x):\n    return x * x\n1 / 0")
    assert printed.count("ZeroDivisionError: division by zero") == 1
    assert book.failed
    assert "The cell failed, so it has no gradient." in printed
    assert "SyntaxError" in book("%%flatgrad\ndef f(x:\n")
    assert book.failed
    assert "f_grad" not in book


def test_an_internal_error_is_told_as_one(
    book: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flatgrad.notebook.Definition", lambda *_: 1 / 0)
    printed = book("%%flatgrad" + WHOLE)
    assert "FG999 internal error: ZeroDivisionError" in printed
    assert "Traceback" not in printed


def test_help(book: Notebook) -> None:
    printed = book("%flatgrad --help")
    assert printed.startswith("Usage: flatgrad [OPTIONS] [NAME]...")
    assert not book.failed
    assert "--emit grad|pair|jvp" in printed
    assert "-o OUT" not in printed


# --- names of the notebook -----------------------------------------------------------------------------------------------


def test_nothing_of_the_user_is_overwritten(book: Notebook) -> None:
    book(SETTING + "def loss_grad(w):\n    return 'by hand'")
    for _ in range(2):  # the cell may be run again
        assert "def loss_grad_(w" in book("%%flatgrad" + LOSS)
        assert book["loss_grad"](W) == "by hand"
        gradient = book["loss_grad_"](W)[1]
        assert np.allclose(gradient, differences(book["loss"], W))
    book("del loss_grad")
    assert "def loss_grad(w" in book("%%flatgrad" + LOSS)
    assert agrees(book)
    assert "loss_grad_" not in book


def test_a_line_prints_the_gradient_of_an_earlier_function(book: Notebook) -> None:
    book(SETTING + LOSS)
    printed = book("%flatgrad loss --emit pair --no-comments")
    assert "def loss_forward(w):" in printed
    assert "def loss_backward(" in printed
    assert "loss_forward" not in book
    assert book("%flatgrad loss activation").count("_grad(") == 2
    assert "takes the name of a function" in book("%flatgrad")
    assert book.failed
    assert "there is no function nothing" in book("%flatgrad nothing")
    assert "FG701" in book("%flatgrad X")
    assert book.failed


def test_it_can_be_unloaded(book: Notebook) -> None:
    book("%unload_ext flatgrad")
    assert book("%%flatgrad" + WHOLE) == ""
    assert "loss_grad" not in book
    kinds = book.shell.magics_manager.magics
    assert not any("flatgrad" in kinds[kind] for kind in ("line", "cell"))
    book("%load_ext flatgrad")
    assert "def loss_grad" in book("%%flatgrad" + WHOLE)


# --- styles --------------------------------------------------------------------------------------------------------------

LAYER = '''
import numpy as np

def affine(x, w):
    """x: (N, D)  w: (D, M)"""
    return x @ w
'''
OF_ARRAYS = [s for s in ("cs231n", "class") if s in STYLES]


def test_a_script_is_shown_and_defines_nothing(book: Notebook) -> None:
    before = {*book.shell.user_ns} | {"np", "affine"}
    printed = book("%%flatgrad --style script" + LAYER)
    assert "grad_w = x.T @ grad_out" in printed
    assert "script" in NAMES_OF_STYLES
    assert {n for n in book.shell.user_ns if not n.startswith("_")} <= before


@pytest.mark.parametrize("style", OF_ARRAYS)
def test_what_a_style_defines_is_never_stale(book: Notebook, style: str) -> None:
    book("import numpy as np\ndef scaled(a):\n    return 2.0 * a")
    cell = LAYER.replace("x @ w", "scaled(x @ w)")
    printed = book(f"%%flatgrad --style {style}{cell}")
    (kind,) = re.findall(r"^class (\w+)", printed, re.MULTILINE) or [""]
    made = f"o = {kind}()\n" if kind else ""
    if kind and len(inspect.signature(book[kind]).parameters):
        made = f"o = {kind}(np.ones((3, 2)))\n"
    call = (
        "o.forward(np.ones((4, 3)))"
        if kind
        else "affine_forward(np.ones((4, 3)), np.ones((3, 2)))"
    )
    book(made + f"found = {call}")
    assert not book.failed
    book("def scaled(a):\n    return 3.0 * a")
    assert "FG702 what affine reads has changed" in book(call)


# --- the sample ----------------------------------------------------------------------------------------------------------


def test_the_sample_runs_from_end_to_end(
    only_shell: InteractiveShell, capsys: pytest.CaptureFixture[str], golden: Golden
) -> None:
    """Every cell succeeds and gives what the file says; its own assertions compare with difference quotients."""
    only_shell.reset()
    only_shell.execution_count = 1
    book = Notebook(only_shell, capsys.readouterr)
    told = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in told["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, start=1):
        printed = book("".join(cell["source"]))
        assert not book.failed, printed
        cell["execution_count"] = number
        cell["outputs"] = [*outputs(book, printed, number)]
    text = json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False)
    golden(NOTEBOOK, text + "\n")
    assert "image/svg+xml" in text
    assert "grad_w" in text
    book("%unload_ext flatgrad")


def outputs(book: Notebook, printed: str, number: int) -> Iterator[dict[str, Any]]:
    """As a notebook keeps them."""
    found = book.result.result
    printed = printed.split(f"Out[{number}]:")[0]
    if printed:
        lines = printed.splitlines(keepends=True)
        yield {"name": "stdout", "output_type": "stream", "text": lines}
    if found is not None:
        data, metadata = book.shell.display_formatter.format(found)
        several = {kind: text.splitlines(keepends=True) for kind, text in data.items()}
        yield {
            "data": several,
            "execution_count": number,
            "metadata": metadata,
            "output_type": "execute_result",
        }
