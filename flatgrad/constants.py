"""Numbers that people write as a formula: "2 / sqrt(pi)" -> a float that remembers its text."""

from __future__ import annotations

import math


class Constant(float):
    """A float with the text by which people know it, in terms of `sqrt`, `log` and `pi`; arithmetic gives plain floats."""

    text: str

    def __new__(cls, text: str) -> Constant:
        names = {"sqrt": math.sqrt, "log": math.log, "pi": math.pi}
        made = super().__new__(cls, eval(text, {"__builtins__": {}}, names))
        made.text = text
        return made
