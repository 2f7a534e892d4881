"""What a type checker knows of the Python interface: a client is checked with mypy --strict, its mistakes are found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CLIENT = """
from typing import Any

import flatgrad


class Array:
    def sum(self) -> float:
        return 0.0

    def __matmul__(self, other: "Array") -> "Array":
        return self


def loss(w: Array, x: Array, scale: float = 1.0) -> float:
    return (x @ w).sum() * scale


def with_aux(w: Array) -> tuple[float, dict[str, Array]]:
    return w.sum(), {"w": w}


@flatgrad.differentiable
def decorated(x: float, n: int = 2) -> float:
    return x**n


@flatgrad.differentiable(wrt="x", shapes={"x": ("N",)})
def chosen(x: Array) -> float:
    return x.sum()


w, x = Array(), Array()
reveal_type(flatgrad.grad(loss)(w, x, scale=2.0))  # Any
reveal_type(flatgrad.grad(with_aux, has_aux=True)(w))  # tuple[Any, dict[str, client.Array]]
reveal_type(flatgrad.value_and_grad(loss, "w")(w, x))  # tuple[float, Any]
reveal_type(flatgrad.value_and_grad(with_aux, has_aux=True)(w))  # tuple[tuple[float, dict[str, client.Array]], Any]
reveal_type(flatgrad.vjp(loss, ("w", 1))(w, x)[0])  # float
reveal_type(flatgrad.jvp(loss, 0)((w, x), w))  # tuple[float, Any]
reveal_type(flatgrad.grad(loss).__source__)  # str
reveal_type(decorated(1.0))  # float
reveal_type(decorated.value_and_grad(1.0, n=3))  # tuple[float, Any]
reveal_type(chosen(w))  # float
reveal_type(chosen.source("pair"))  # str
reveal_type(flatgrad.grad_source("", "f"))  # str
hessian: Any = flatgrad.hessian(loss, "w")(w, x)
product: Any = flatgrad.hvp(loss, "w")(w, x, w)
jacobian: Any = flatgrad.jacobian(loss, mode="forward")(w, x)
flatgrad.grad(loss)(w)  # error: Missing positional argument "x"
flatgrad.grad(loss)(w, "x")  # error: has incompatible type "str"
flatgrad.grad(loss, 1.5)  # error: No overload variant of "grad"
decorated.grad("a")  # error: has incompatible type "str"
flatgrad.jacobian(loss, mode="sideways")  # error: has incompatible type
flatgrad.grat(loss)  # error: Module has no attribute "grat"
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """What mypy says of each line of the client."""
    api = pytest.importorskip("mypy.api")
    folder = tmp_path_factory.mktemp("client")
    client = folder / "client.py"
    client.write_text(CLIENT)
    files = [
        ROOT / "flatgrad" / name
        for name in ("__init__.py", "api.py", "errors.py", "declaring.py")
    ]
    # What flatgrad is made of is checked elsewhere: here only its face is looked at.
    cache = ROOT / ".mypy_cache" / "client"
    options = [
        "--strict",
        "--follow-imports=skip",
        f"--cache-dir={cache}",
        "--config-file=",
        "--no-pretty",
    ]
    printed, problems, _ = api.run([*options, str(client), *map(str, files)])
    assert not problems
    found: dict[int, str] = {}
    for line in printed.splitlines():
        if match := re.match(r".*client\.py:(\d+): (.*)", line):
            found[int(match[1])] = found.get(int(match[1]), "") + match[2] + "\n"
    return found


def test_types_are_known(answers: dict[int, str]) -> None:
    for number, line in enumerate(CLIENT.splitlines(), 1):
        code, _, expected = line.partition("  # ")
        if code.startswith("reveal_type"):
            told = answers[number].replace("builtins.", "")
            assert f'Revealed type is "{expected}"' in told, line


def test_mistakes_are_found(answers: dict[int, str]) -> None:
    for number, line in enumerate(CLIENT.splitlines(), 1):
        _, marked, expected = line.partition("  # error: ")
        if marked:
            assert expected in answers.get(number, ""), line


def test_there_are_no_others(answers: dict[int, str]) -> None:
    lines = CLIENT.splitlines()
    others = {n: text for n, text in answers.items() if "  # " not in lines[n - 1]}
    assert others == {}
