"""Which functions of a table (namespace, function, ..., grade) have a gradient, and which do not.

python benchmarks/coverage.py TABLE.csv
"""

import sys
from pathlib import Path

from flatgrad.coverage import differences


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/coverage.py TABLE.csv")
    print("\n".join(differences(Path(sys.argv[1]).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
