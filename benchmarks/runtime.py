"""Times emitted gradients against hand-written ones, autograd and torch.

    python benchmarks/runtime.py
    python benchmarks/runtime.py batchnorm --rounds 500

All contestants of a workload run in turn, round after round, on one thread and in
float64; each is judged by its fastest round, so that a busy machine slows all or none.
They are first checked to agree. A contestant that is not installed shows as "-".
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import gc
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import by_hand
from flatgrad.options import Options
from flatgrad.pipeline import transform

CONTESTANTS = ("hand", "emitted", "autograd", "torch")
GOAL = 1.3
SHORTEST_BATCH = 1e-3  # seconds; the clock must not matter
LONGEST_TURN = 6.0  # seconds for all rounds of one workload

Run = Callable[[], Any]


@dataclass(frozen=True)
class Workload:
    """A forward function at one size: arguments by position, and the cotangent."""

    name: str
    size: str
    wrt: tuple[str, ...]
    arguments: dict[str, Any]
    seed: Any = 1.0

    @property
    def positions(self) -> tuple[int, ...]:
        return tuple(list(self.arguments).index(name) for name in self.wrt)

    @property
    def path(self) -> Path:
        return HERE / "forward" / f"{self.name}.py"


# --- workloads ----------------------------------------------------------------------

rng = np.random.default_rng(0)


def weights(*shape: int) -> Any:
    """Random weights that keep a layer's output near the size of its input."""
    return rng.normal(size=shape) / np.sqrt(shape[0])


def neuron() -> Workload:
    arguments = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    return Workload("neuron", "scalars", tuple(arguments), arguments)


def softmax_loss(N: int, C: int) -> Workload:
    arguments = {"scores": rng.normal(size=(N, C)), "y": rng.integers(C, size=N)}
    return Workload("softmax_loss", f"N={N} C={C}", ("scores",), arguments)


def two_layer_net(N: int, D: int, H: int, C: int) -> Workload:
    arguments = {
        "X": rng.normal(size=(N, D)),
        "y": rng.integers(C, size=N),
        "W1": weights(D, H),
        "b1": rng.normal(size=H),
        "W2": weights(H, C),
        "b2": rng.normal(size=C),
        "reg": 0.01,
    }
    wrt = ("W1", "b1", "W2", "b2")
    return Workload("two_layer_net", f"N={N} D={D} H={H} C={C}", wrt, arguments)


def batchnorm(N: int, D: int) -> Workload:
    arguments = {
        "x": rng.normal(size=(N, D)),
        "gamma": rng.normal(size=D),
        "beta": rng.normal(size=D),
        "eps": 1e-5,
    }
    wrt = ("x", "gamma", "beta")
    seed = rng.normal(size=(N, D))
    return Workload("batchnorm", f"N={N} D={D}", wrt, arguments, seed)


def attention(N: int, T: int, D: int) -> Workload:
    arguments = {name: rng.normal(size=(N, T, D)) for name in ("q", "k", "v")}
    size = f"N={N} T={T} D={D}"
    seed = rng.normal(size=(N, T, D))
    return Workload("attention", size, tuple(arguments), arguments, seed)


def multi_head_attention(N: int, T: int, E: int, H: int) -> Workload:
    arguments: dict[str, Any] = {"x": rng.normal(size=(N, T, E))}
    arguments |= {name: weights(E, E) for name in ("Wq", "Wk", "Wv", "Wo")}
    wrt = tuple(arguments)
    arguments["H"] = H
    size = f"N={N} T={T} E={E} H={H}"
    seed = rng.normal(size=(N, T, E))
    return Workload("multi_head_attention", size, wrt, arguments, seed)


def all_workloads() -> list[Workload]:
    """Of each kind a small one, where calls cost most, and a realistic one."""
    return [
        neuron(),
        softmax_loss(4, 5),
        softmax_loss(256, 100),
        two_layer_net(4, 6, 5, 3),
        two_layer_net(128, 784, 100, 10),
        batchnorm(4, 5),
        batchnorm(256, 256),
        attention(1, 4, 8),
        attention(8, 64, 64),
        multi_head_attention(1, 4, 8, 2),
        multi_head_attention(4, 64, 128, 4),
    ]


# --- contestants: Workload -> a call without arguments that returns (value, grads) -------


def execute(source: str, path: str) -> dict[str, Any]:
    """The names that a module with this source defines."""
    module = ModuleType(Path(path).stem)
    exec(compile(source, path, "exec"), module.__dict__)
    return module.__dict__


def call(function: Callable[..., Any], work: Workload) -> Run:
    arguments = (*work.arguments.values(), work.seed)
    return lambda: function(*arguments)


def hand(work: Workload) -> Run:
    return call(getattr(by_hand, f"{work.name}_grad"), work)


def emitted(work: Workload) -> Run:
    path = str(work.path)
    options = Options(functions=(work.name,), wrt=work.wrt, filename=path)
    source = transform(work.path.read_text(), options)
    return call(execute(source, f"emitted {path}")[f"{work.name}_grad"], work)


def in_autograd(source: str) -> str:
    """The same program on autograd's numpy, whose transpose takes the axes as one tuple."""
    source = re.sub(r"import (numpy as np|math)", r"import autograd.\1", source)
    source = source.replace("autograd.math", "autograd.numpy as math")
    return re.sub(r"\.transpose\(([\d, ]+)\)", r".transpose((\1))", source)


def autograd(work: Workload) -> Run:
    make_vjp = importlib.import_module("autograd").make_vjp
    source = in_autograd(work.path.read_text())
    function = execute(source, f"autograd {work.path}")[work.name]
    value_and_vjp = make_vjp(function, work.positions)
    arguments, seed = tuple(work.arguments.values()), work.seed

    def run() -> Any:
        vjp, value = value_and_vjp(*arguments)
        return value, vjp(seed)

    return run


def torch(work: Workload) -> Run:
    library = importlib.import_module("torch")
    library.set_num_threads(1)
    function = getattr(importlib.import_module("in_torch"), work.name)

    def tensor(name: str, value: Any) -> Any:
        if isinstance(value, np.ndarray) or name in work.wrt:
            return library.tensor(value).requires_grad_(name in work.wrt)
        return value

    with float64(library):
        tensors = {name: tensor(name, value) for name, value in work.arguments.items()}
        seed = library.tensor(work.seed)
    arguments = tuple(tensors.values())
    inputs = tuple(tensors[name] for name in work.wrt)

    def run() -> Any:
        value = function(*arguments)
        return value, library.autograd.grad(value, inputs, seed)

    return run


@contextmanager
def float64(library: Any) -> Iterator[None]:
    """Makes tensors of plain numbers as exact as numpy's."""
    before = library.get_default_dtype()
    library.set_default_dtype(library.float64)
    try:
        yield
    finally:
        library.set_default_dtype(before)


MAKERS = {"hand": hand, "emitted": emitted, "autograd": autograd, "torch": torch}


def contestants(work: Workload) -> dict[str, Run]:
    """Every contestant that can be had here."""
    found = {}
    for name in CONTESTANTS:
        try:
            found[name] = MAKERS[name](work)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    return found


# --- agreement ----------------------------------------------------------------------


def numbers(result: Any) -> list[Any]:
    """The value and every gradient as arrays, in order."""
    value, grads = result
    parts = (value, *grads) if isinstance(grads, tuple) else (value, grads)
    return [part.detach().numpy() if is_tensor(part) else part for part in parts]


def is_tensor(part: Any) -> bool:
    return hasattr(part, "detach")


def check_agreement(work: Workload, runs: dict[str, Run]) -> None:
    expected = numbers(runs["hand"]())
    for name, run in runs.items():
        message = f"{work.name} ({work.size}): {name} and hand disagree"
        for _ in range(2):  # a run that spoils its arguments differs the second time
            found = numbers(run())
            if list(map(np.shape, found)) != list(map(np.shape, expected)):
                raise AssertionError(f"{message}: other shapes")
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, 1e-8, 1e-10, err_msg=message)


# --- timing -------------------------------------------------------------------------


def seconds(run: Run, calls: int) -> float:
    """The time of one call, from a batch of them."""
    turns = range(calls)
    start = perf_counter()
    for _ in turns:
        run()
    return (perf_counter() - start) / calls


def calls_per_batch(run: Run) -> int:
    run()
    return max(1, round(SHORTEST_BATCH / seconds(run, 3)))


def best_times(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """The fastest round of each; nobody always runs in the wake of the same one."""
    calls = {name: calls_per_batch(run) for name, run in runs.items()}
    best = dict.fromkeys(runs, inf)
    deadline = perf_counter() + LONGEST_TURN
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        for name in rng.permutation(list(runs)):
            best[name] = min(best[name], seconds(runs[name], calls[name]))
        gc.collect(0)
        if perf_counter() > deadline:
            break
    gc.enable()
    return best


# --- report -------------------------------------------------------------------------


def row(work: Workload, best: dict[str, float]) -> str:
    ratios = (
        f"{best[name] / best['hand']:14.2f}" if name in best else f"{'-':>14}"
        for name in CONTESTANTS[1:]
    )
    start = f"{work.name:21} {work.size:24} {best['hand'] * 1e6:10.1f}"
    return start + "".join(ratios)


def header() -> str:
    ratios = "".join(f"{name + '/hand':>14}" for name in CONTESTANTS[1:])
    return f"{'workload':21} {'size':24} {'hand, µs':>10}{ratios}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time emitted gradients.")
    parser.add_argument("names", nargs="*", help="only these workloads (default: all)")
    parser.add_argument("--rounds", type=int, default=300, help="rounds at most")
    asked = parser.parse_args()

    print(header())
    ratios = {}
    for work in all_workloads():
        if asked.names and work.name not in asked.names:
            continue
        runs = contestants(work)
        check_agreement(work, runs)
        best = best_times(runs, asked.rounds)
        ratios[f"{work.name} ({work.size})"] = best["emitted"] / best["hand"]
        print(row(work, best), flush=True)
    if not ratios:
        parser.error(f"no workload is called {' or '.join(asked.names)}")
    worst = max(ratios, key=lambda label: ratios[label])
    print(f"\nworst emitted/hand: {ratios[worst]:.2f} (goal: at most {GOAL}), {worst}")


if __name__ == "__main__":
    main()
