"""Peak memory and time of a gradient with and without `# flatgrad: checkpoint` on its loop.

    python benchmarks/checkpoint.py
    python benchmarks/checkpoint.py --lengths 100 1000 --size 10000

Both gradients are first checked to agree. They run in turn, round after round, on one thread; each is judged by its
fastest round. The peak is what tracemalloc sees NumPy and Python allocate, in a run of its own, since it slows the run.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import gc
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flatgrad.options import Options
from flatgrad.pipeline import transform

MARK = "  # flatgrad: checkpoint"
FORWARD = '''\
import numpy as np


def diffused(u, k, steps: int):
    """u: (N,)  k: (N,)"""
    for _ in range(steps):  # flatgrad: checkpoint
        flux = k * np.tanh(u)
        u = u + 0.1 * (np.roll(flux, 1) - flux)
    return np.sum(u**2)
'''

Run = Callable[[], Any]


def gradient(text: str) -> Any:
    found: dict[str, Any] = {}
    exec(transform(text, Options(wrt=("u", "k"))), found)
    return found["diffused_grad"]


def peak(run: Run) -> float:
    """Megabytes that are allocated at once, beyond what was there before."""
    gc.collect()
    tracemalloc.start()
    run()
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return highest / 1e6


def best_times(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """Seconds of the fastest round of each; they take turns."""
    best = dict.fromkeys(runs, inf)
    for _ in range(rounds):
        for name, run in runs.items():
            start = perf_counter()
            run()
            best[name] = min(best[name], perf_counter() - start)
    return best


def row(steps: int, size: int, rounds: int) -> str:
    random = np.random.default_rng(0)
    arguments = random.normal(size=size), random.uniform(size=size), steps
    plain, marked = FORWARD.replace(MARK, ""), FORWARD
    runs: dict[str, Run] = {
        name: partial(gradient(text), *arguments)
        for name, text in (("plain", plain), ("marked", marked))
    }
    for one, other in zip(runs["plain"]()[1], runs["marked"]()[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    peaks = {name: peak(run) for name, run in runs.items()}
    times = best_times(runs, rounds)
    memory, time = (found["marked"] / found["plain"] for found in (peaks, times))
    return (
        f"{steps:10,} {peaks['plain']:12.1f} {peaks['marked']:12.1f} {memory:8.3f}"
        f" {times['plain'] * 1e3:12.1f} {times['marked'] * 1e3:12.1f} {time:8.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure checkpoints.")
    parser.add_argument("--lengths", nargs="*", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--size", type=int, default=10_000, help="numbers of a state")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()

    print(f"a state of {asked.size:,} numbers; peak in MB, time in ms, each without")
    print("and with the comment, and the second divided by the first\n")
    heads = ("iterations", "peak", "marked", "ratio", "time", "marked", "ratio")
    widths = (10, 12, 12, 8, 12, 12, 8)
    print(" ".join(f"{h:>{w}}" for h, w in zip(heads, widths, strict=True)))
    for steps in asked.lengths:
        print(row(steps, asked.size, asked.rounds), flush=True)


if __name__ == "__main__":
    main()
