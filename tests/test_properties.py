"""Whole programs: whatever is accepted agrees with differences, whatever is refused is refused with a place.

Hypothesis makes the choices (`programs.py` writes the text), so that they cover the small cases. The
profile is deterministic: the same programs on every run. `python -m tests.fuzz` goes on looking with other ones.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar

import black
import pytest
from checking import AGREED, Trial, judged, transformed
from flow_programs import Impossible
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from programs import FEATURES, FLOW, program, shorter

from flatgrad.emit.module import layout

T = TypeVar("T")

EXAMPLES = {
    "arithmetic": 120,
    "overwriting": 120,
    "aliases": 120,
    "helpers": 100,
    "everything": 120,
    **dict.fromkeys(FLOW, 60),
}
TEXTS = 12  # of so many programs the text is looked at, too
ACCEPTED = {  # of 40 programs, at least so many; more than a third wherever it stands
    **dict.fromkeys(FEATURES, 20),
    "arithmetic": 36,
    "overwriting": 36,
    "aliases": 30,
    "helpers": 32,
    "everything": 32,
    "loops": 30,
    "branches": 24,
    "flow_helpers": 16,
    "whole": 16,
}
QUIET = settings(
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    phases=[
        Phase.generate
    ],  # a failing program is made shorter line by line, which reads better
    suppress_health_check=list(HealthCheck),
)


class Drawn:
    """Choices that hypothesis makes, and can make simpler."""

    def __init__(self, draw: Any):
        self.draw = draw

    def pick(self, options: Sequence[T]) -> T:
        return options[self.draw(st.integers(0, len(options) - 1))]


@st.composite
def programs(draw: Any, features: str) -> Trial:
    try:
        return program(Drawn(draw), features, draw(st.integers(1, 8)))
    except Impossible:  # these choices lead to no program
        reject()


def right_or_refused(trial: Trial) -> str:
    found, what = judged(trial)
    if what:
        short = shorter(trial, lambda t: judged(t)[0] == found)
        pytest.fail(judged(short)[1] or what, pytrace=False)
    return found


def check_text(trial: Trial) -> None:
    """It stays as it is under black, and imports what the user does."""
    laid_out = layout(transformed(trial).emitted("grad"))
    assert black.format_str(laid_out, mode=black.Mode()) == laid_out
    for text in (laid_out, transformed(trial).emitted("pair")):
        assert "flatgrad" not in text.replace("# Made by flatgrad.", "")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert ast.unparse(node) == "import numpy as np"


@pytest.mark.slow
@pytest.mark.parametrize("features", FEATURES)
def test_a_program_is_right_or_refused(features: str) -> None:
    """And most are accepted: it means little if everything is refused."""
    found: list[str] = []

    @settings(QUIET, max_examples=EXAMPLES[features])
    @given(programs(features))
    def check(trial: Trial) -> None:
        found.append(right_or_refused(trial))
        if found[-1] == AGREED and found.count(AGREED) <= TEXTS:
            check_text(trial)

    check()
    assert found.count(AGREED) >= ACCEPTED[features] / 40 * len(found)
