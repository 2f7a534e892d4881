"""`python -m tests.fuzz [--seconds S] [--seed N] [--features NAME]`: programs tried, accepted, wrong.

Writes programs by a seed, transforms each and compares with differences, on every core. Every wrong one is shown with
the seed that writes it again: `--seed N --programs 1`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from checking import AGREED, REFUSED, judged
from flow_programs import Impossible
from programs import FEATURES, Dice, program, shorter

NONE = "no program"
PATIENCE = 60  # seconds for one program
# The seed, the features, what is emitted, whether to show what is wrong.
Task = tuple[int, str, list[str], bool]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--programs", type=int, default=10**9)
    parser.add_argument("--features", choices=FEATURES, default=None)
    parser.add_argument("--show", type=int, default=10, help="how many to show")
    parser.add_argument("--emits", nargs="+", default=["grad", "pair"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    with multiprocessing.Pool(arguments.jobs) as pool:
        for found, shown in pool.imap_unordered(tried, _tasks(arguments, counts)):
            counts[found] += 1
            print(shown, end="", flush=True)
    total = sum(counts.values()) - counts[NONE]
    print(
        f"{total} programs tried, {counts[AGREED]} accepted and right, {counts[REFUSED]} refused, "
        f"{counts['rough']} too rough to tell, {counts['wrong']} wrong, {counts['crash']} crashed"
    )
    return 1 if counts["wrong"] or counts["crash"] else 0


def _tasks(arguments: argparse.Namespace, counts: Counter[str]) -> Iterator[Task]:
    """Until the time is over, no more of them waiting than the processes need."""
    end = time.monotonic() + arguments.seconds
    for number in range(arguments.programs):
        while number > sum(counts.values()) + 8 * arguments.jobs:
            time.sleep(0.01)
        if time.monotonic() > end:
            return
        seed = arguments.seed + number
        kind = arguments.features or list(FEATURES)[seed % len(FEATURES)]
        show = counts["wrong"] + counts["crash"] < arguments.show
        yield seed, kind, arguments.emits, show


def tried(task: Task) -> tuple[str, str]:
    """What came of one program, and the report of what is wrong."""
    seed, kind, emits, show = task
    warnings.simplefilter("ignore")  # lines that are tried and taken back
    signal.signal(signal.SIGALRM, _refuse_to_wait)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE, 5)  # again where it was caught
    try:
        return _tried(seed, kind, emits, show)
    except TimeoutError:
        again = f"--seed {seed} --programs 1 --features {kind}"
        return "crash", f"\n===== takes more than {PATIENCE} s: {again}\n"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _refuse_to_wait(*_: object) -> None:
    raise TimeoutError


def _tried(seed: int, kind: str, emits: list[str], show: bool) -> tuple[str, str]:
    try:
        trial = program(Dice(seed), kind, 2 + seed % 9)
    except Impossible:  # these choices lead to no program
        return NONE, ""
    found, what = judged(trial, emits)
    if not what or not show:
        return found, ""
    short = shorter(trial, lambda t: judged(t, emits)[0] == found)
    again = f"--seed {seed} --programs 1 --features {kind}"
    return found, f"\n===== {found}: {again}\n{judged(short, emits)[1]}\n"


if __name__ == "__main__":
    sys.exit(main())
