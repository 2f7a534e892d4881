"""What it costs to import flatgrad, and a module with decorated functions, in milliseconds of the processor on top of NumPy.

Each number is the median of several fresh processes, which take turns so that they are disturbed alike.

    python benchmarks/imports.py [ROUNDS]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
MODULE = '''
import flatgrad
import numpy as np


@flatgrad.differentiable
def two_layer_net(X, W1, b1, W2, b2, y):
    """X: (N, D)  W1: (D, H)  b1: (H,)  W2: (H, C)  b2: (C,)  y: (N,) int"""
    hidden = np.maximum(0, X @ W1 + b1)
    scores = hidden @ W2 + b2
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(logs[np.arange(len(y)), y])


@flatgrad.differentiable
def huber(x, y, delta=1.0):
    """x: (N,)  y: (N,)"""
    r = np.abs(x - y)
    return np.sum(np.where(r < delta, 0.5 * r**2, delta * (r - 0.5 * delta)))
'''
CALL = """
huber.grad(np.linspace(0, 3, 5), np.ones(5))
two_layer_net.grad(np.ones((5, 4)), np.ones((4, 3)), np.ones(3), np.ones((3, 2)), np.ones(2), np.zeros(5, int))
"""
CASES = {  # what is imported, and whether with a cache
    "import flatgrad": ("import flatgrad", "0"),
    "import flatgrad; flatgrad.grad": ("import flatgrad; flatgrad.grad", "0"),
    "a decorated module": ("import decorated", "0"),
    "the same, from the cache": ("import decorated", "1"),
    "and its first gradients": (f"from decorated import *\n{CALL}", "0"),
    "the same, from the cache ": (f"from decorated import *\n{CALL}", "1"),
}
TIMED = "import time, numpy as np; t = time.process_time()\n{}\nprint((time.process_time() - t) * 1e3)"


def measured(folder: Path, statements: str, cache: str) -> float:
    paths = os.pathsep.join(map(str, (folder, ROOT)))
    environment = os.environ | {"PYTHONPATH": paths, "FLATGRAD_CACHE": cache}
    environment["PYTHONDONTWRITEBYTECODE"] = ""
    command = [sys.executable, "-c", TIMED.format(statements)]
    told = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    return float(told.stdout)


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "decorated.py").write_text(MODULE)
        for (
            statements,
            cache,
        ) in CASES.values():  # so that there is bytecode, and a cache
            measured(folder, statements, cache)
        times: dict[str, list[float]] = {case: [] for case in CASES}
        for _ in range(rounds):
            for case, (statements, cache) in CASES.items():
                times[case].append(measured(folder, statements, cache))
    for case, found in times.items():
        print(f"{case:32} {median(found):8.1f} ms")
    whole, cached = (median(found) for found in list(times.values())[2:4])
    print(f"{'without the cache / with it':32} {whole / cached:8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
