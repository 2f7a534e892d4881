"""Times the transformation of made-up functions of 10 to 10,000 statements.

    python benchmarks/transform.py
    python benchmarks/transform.py --sizes 10 100 1000 --terms 0

Every size runs in a process of its own, after one small function that warms all imports
up. Times are CPU seconds, the best of several runs with the garbage collector on. Three
parts make up a run, as seen from inside it: libcst (parsing, printing), black, and the
rest, which is flatgrad. "parse" and "format" are the floor, measured alone: one parse of
the same input and one formatting of the text that was emitted.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIZES = (10, 100, 1_000, 10_000)
TERMS = 5_000
GOAL = 1.5

# --- made-up functions --------------------------------------------------------------

HEADER = '''\
import numpy as np


def synthetic(x, w, a):
    """
    A chain of small steps.

    - x: A numpy array of shape (N,)
    - w: A numpy array of shape (N,)
    - a: (float) a number
    """
    v0 = x * w
    v1 = np.tanh(x)
    z = x + w
    s = a * 0.5
'''

# {new} is assigned; {last} and {older} are the two values before it, so that each value
# forks; z and s are overwritten, now and then while their old values are still needed.
STATEMENTS = (
    "{new} = {last} * w + x",
    "{new} = np.tanh({last})",
    "{new} = a * np.sin({last}) + {older}",
    "z = 0.5 * z + {last}",
    "{new} = {last} / (1 + {older} ** 2)",
    "s = s * 0.1 + np.sum({last} * {older})",
    "{new} = np.exp(-({last} ** 2)) - {older}",
    "{new} = np.maximum({last}, 0.1 * x)",
    "{new} = {last} - {last}.mean()",
    "s *= 0.9",
    "{new} = np.sqrt({last} * {last} + 1) * np.cos(s)",
    "{new} = -{last} + {older} * a",
    "{new} = {last} * np.tanh(z)",
    "z = np.tanh(z) * {last}",
)


def statements(count: int) -> Iterator[str]:
    last, older = "v1", "v0"
    for index in range(count):
        new = f"v{index + 2}"
        line = STATEMENTS[index % len(STATEMENTS)]
        yield "    " + line.format(new=new, last=last, older=older)
        if "{new}" in line:
            last, older = new, last
    yield f"    return np.sum(z * {last}) + s"


def function(count: int) -> str:
    """A function of so many statements; the four that begin it are among them."""
    return HEADER + "\n".join(statements(count - 4)) + "\n"


TERM_KINDS = (
    "x * {number}",
    "np.sin(w * {number})",
    "x * w / {number}",
    "a * w",
    "{number} * x ** 2",
)


def expression(terms: int) -> str:
    """A function whose one statement is a sum of so many terms."""
    parts = (
        TERM_KINDS[index % len(TERM_KINDS)].format(number=f"{index + 1}.5")
        for index in range(terms)
    )
    lines = "\n        + ".join(parts)
    head = HEADER.partition("    v0")[0]
    return f"{head}    total = (\n        {lines}\n    )\n    return np.sum(total)\n"


# --- one measurement, in a process of its own ------------------------------------------


@dataclass
class Stopwatch:
    """The time spent inside the functions it wraps, nested calls counted once."""

    total: float = 0.0
    depth: int = 0

    def wrap(self, owner: Any, name: str) -> None:
        setattr(owner, name, self.timed(getattr(owner, name)))

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            start = process_time()
            self.depth += 1
            try:
                return function(*args, **options)
            finally:
                self.depth -= 1
                if self.depth == 0:
                    self.total += process_time() - start

        return run


def peak() -> float:
    """The most memory that this process has had so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def cpu(run: Callable[[], Any]) -> float:
    gc.collect()
    start = process_time()
    run()
    return process_time() - start


def measure(source: str, repeats: int) -> dict[str, float]:
    """Seconds and MiB of one transformation; libcst and black are watched."""
    import black
    import libcst

    # The bare functions for the floor, then watched ones before flatgrad imports them.
    parse, layout = libcst.parse_module, black.format_str
    watched = {"libcst": Stopwatch(), "black": Stopwatch()}
    for name in ("parse_module", "parse_statement", "parse_expression"):
        watched["libcst"].wrap(libcst, name)
    watched["libcst"].wrap(libcst.Module, "code_for_node")
    for name in ("format_str", "format_file_contents"):
        watched["black"].wrap(black, name)

    from flatgrad.options import Options
    from flatgrad.pipeline import transform

    emitted = transform(function(60), Options())
    idle = peak()

    def run() -> None:
        nonlocal emitted
        emitted = transform(source, Options())

    runs = []
    most = 0.0
    for _ in range(repeats):
        for watch in watched.values():
            watch.total = 0.0
        spent = {"seconds": cpu(run)}
        most = most or peak()  # of the first: later runs also hold its leftovers
        runs.append(spent | {name: watch.total for name, watch in watched.items()})

    best = min(runs, key=lambda times: times["seconds"])
    best["flatgrad"] = best["seconds"] - best["libcst"] - best["black"]
    floor = {
        "parse": min(cpu(lambda: parse(source)) for _ in range(repeats)),
        "format": min(
            cpu(lambda: layout(emitted, mode=black.Mode())) for _ in range(repeats)
        ),
    }
    lines = emitted.count("\n")
    return best | floor | {"lines": lines, "memory": most - idle, "idle": idle}


def runs_of(statements: int) -> int:
    """More runs where one is short: from 20 down to 2."""
    return min(20, max(2, 2_000 // statements))


# --- report -------------------------------------------------------------------------


def in_new_process(kind: str, size: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", kind, str(size)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, float] = json.loads(result.stdout)
    return answer


def child(kind: str, size: int) -> None:
    match kind:
        case "statements":
            found = measure(function(size), runs_of(size))
        case "terms":
            found = measure(expression(size), 1)
        case _:
            raise ValueError(kind)
    print(json.dumps(found))


PARTS = ("libcst", "black", "flatgrad")
COLUMNS = (
    "seconds",
    "ms each",
    *PARTS,
    "parse s",
    "format s",
    "lines out",
    "MiB",
)


def row(label: str, size: int, found: dict[str, float]) -> str:
    total = found["seconds"]
    cells = (
        f"{total:.3f}",
        f"{1000 * total / size:.3f}",
        *(f"{found[part] / total:.0%}" for part in PARTS),
        f"{found['parse']:.3f}",
        f"{found['format']:.3f}",
        f"{found['lines']:,.0f}",
        f"{found['memory']:.0f}",
    )
    return f"{label:>18}" + "".join(f"{cell:>10}" for cell in cells)


def report(sizes: list[int], terms: int) -> None:
    print(f"{'':18}" + "".join(f"{name:>10}" for name in COLUMNS))
    results = {}
    for size in sizes:
        results[size] = in_new_process("statements", size)
        print(row(f"{size:,} statements", size, results[size]), flush=True)
    if terms:
        print(row(f"{terms:,} terms", terms, in_new_process("terms", terms)))
    idle = max((found["idle"] for found in results.values()), default=0)
    print(f"\nMiB: on top of {idle:.0f} MiB for Python and its imports")
    if {100, 10_000} <= results.keys():
        print(growth(results[100], results[10_000]))


def growth(small: dict[str, float], large: dict[str, float]) -> str:
    """How much dearer a statement is among 10,000 than among 100."""
    ratios = {name: large[name] / small[name] / 100 for name in small if small[name]}
    parts = ", ".join(f"{name} {ratios[name]:.2f}" for name in PARTS if name in ratios)
    total = f"{ratios['seconds']:.2f} (goal: at most {GOAL})"
    return f"time per statement, 10,000 / 100: {parts}; in all {total}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the transformation.")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--terms", type=int, default=TERMS, help="0 leaves them out")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        kind, size = asked.measure
        child(kind, int(size))
    else:
        report(asked.sizes, asked.terms)


if __name__ == "__main__":
    main()
