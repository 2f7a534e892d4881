"""`python -m tests.fuzz [--seconds S] [--seed N] [--features NAME]`: programs tried, accepted, wrong.

Writes programs by a seed, transforms each and compares with differences. Every wrong one is shown with the seed
that writes it again: `--seed N --programs 1`.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from checking import AGREED, judged
from programs import FEATURES, Dice, program, shorter


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--programs", type=int, default=10**9)
    parser.add_argument("--features", choices=FEATURES, default=None)
    parser.add_argument("--show", type=int, default=10, help="how many to show")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # lines that are tried and taken back
    counts: Counter[str] = Counter()
    end = time.monotonic() + arguments.seconds
    for number in range(arguments.programs):
        if time.monotonic() > end:
            break
        seed = arguments.seed + number
        kind = arguments.features or list(FEATURES)[seed % len(FEATURES)]
        trial = program(Dice(seed), kind, 2 + seed % 9)
        found, what = judged(trial)
        counts[found] += 1
        if what and counts["wrong"] + counts["crash"] <= arguments.show:
            kinds = (found,)
            short = shorter(trial, lambda t, kinds=kinds: judged(t)[0] in kinds)
            again = f"--seed {seed} --programs 1 --features {kind}"
            print(f"\n===== {found}: {again}\n{judged(short)[1]}", flush=True)
    total = sum(counts.values())
    print(
        f"{total} programs tried, {counts[AGREED]} accepted and right, {counts['refused']} refused, "
        f"{counts['rough']} too rough to tell, {counts['wrong']} wrong, {counts['crash']} crashed"
    )
    return 1 if counts["wrong"] or counts["crash"] else 0


if __name__ == "__main__":
    sys.exit(main())
