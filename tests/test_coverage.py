"""`flatgrad ops --csv`: each row says what is so."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checking import AGREED, Trial, load, outcome

from flatgrad import coverage
from flatgrad.namespaces import namespaces, spellings
from flatgrad.written_forms import FORMS, Form

ROWS = coverage.rows()
STATE = {(namespace, name): reverse for namespace, name, reverse, _ in ROWS}
X = np.array([[1.3, 0.2, 0.4], [0.3, 1.1, 0.5], [0.6, 0.1, 1.2]])


def named(form: Form) -> str:
    return f"{form.namespace} {form.name}"


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_what_is_written_so_is_right_or_refused_as_its_row_says(form: Form) -> None:
    """Where the row says yes or constant, the gradient of a function with it agrees with differences."""
    state = coverage.state_of(form)
    if form.namespace.startswith("torch") and state != coverage.NO:
        agrees_with_torch(form)
    else:
        found = outcome(Trial(form.text, {"x": X}))
        assert (found == AGREED) == (state != coverage.NO)
    assert STATE[form.namespace, form.name] in (state, coverage.YES, coverage.CONSTANT)


def agrees_with_torch(form: Form) -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor(X, requires_grad=True)
    torch.manual_seed(0)
    load(form.text)["f"](x).backward()
    torch.manual_seed(0)
    _, gradient = load(Trial(form.text, {"x": X}).emitted())["f_grad"](torch.tensor(X))
    np.testing.assert_allclose(gradient, x.grad, rtol=1e-10)


def test_forms_are_told_apart() -> None:
    places = [(f.namespace, f.name) for f in FORMS]
    assert len(set(places)) == len(places)


def test_every_form_runs_as_it_is_written() -> None:
    """A form that fails by itself would always be refused, or never be tested."""
    for form in FORMS:
        if not form.namespace.startswith("torch"):
            assert np.ndim(load(form.text)["f"](X.copy())) == 0, named(form)


def test_every_name_of_the_tables_has_one_row() -> None:
    places = [row[:2] for row in ROWS]
    assert places == sorted(set(places))
    spelled = {coverage.placed(n, s.name) for n in namespaces() for s in spellings(n)}
    assert spelled <= set(places)


def test_one_declaration_serves_both_modes() -> None:
    assert all(reverse == forward for _, _, reverse, forward in ROWS)
    assert {row[2] for row in ROWS} == {"yes", "no", "constant"}


@pytest.mark.parametrize(
    ("place", "state"),
    [
        (("numpy", "exp"), "yes"),
        (("numpy.ndarray", "sum"), "yes"),
        (("numpy.linalg", "norm(axis=1)"), "yes"),
        (("numpy", "sign"), "constant"),
        (("math", "pi"), "constant"),
        (("scipy.linalg", "null_space/orth"), "no"),
    ],
)
def test_a_few_rows(place: tuple[str, str], state: str) -> None:
    assert STATE[place] == state


@pytest.mark.parametrize(
    ("arguments", "start"),
    [(["ops"], "# Operations\n"), (["ops", "--csv"], "namespace,function,reverse,")],
)
def test_the_command_line_shows_it(arguments: list[str], start: str) -> None:
    command = [sys.executable, "-m", "flatgrad", *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.startswith(start)


def test_a_file_called_ops_is_read_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "ops").write_text("def f(x):\n    return x * x\n")
    command = [sys.executable, "-m", "flatgrad", "./ops"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    shown = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    ).stdout
    assert "def f_grad(x, grad_out=1.0)" in shown


def test_the_table_is_csv() -> None:
    header, *rows = csv.reader(coverage.table().splitlines())
    assert header == ["namespace", "function", "reverse", "forward"]
    assert [tuple(row) for row in rows] == ROWS


def test_differences_to_a_table_of_wishes() -> None:
    wishes = (
        "namespace,function,grade\nnumpy,exp,must\nnumpy,nothing,must\nmath,e,beyond\n"
    )
    assert [*coverage.differences(wishes)] == [
        "must: 1 of 2",
        "    numpy: nothing",
        "beyond: 1 of 1",
    ]
