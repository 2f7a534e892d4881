"""Names for what the user left unnamed: telling, short, and never one that is taken."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Set

from flatgrad.frontend.module import names_in_text
from flatgrad.graph import Eqn, Var

# What to call an intermediate value, by the operation that makes it.
TELLING = {
    "add": "total", "sub": "diff", "mul": "product", "truediv": "ratio", "matmul": "product", "dot": "product",
    "pow": "power", "square": "square", "exp": "e", "log": "logs", "sqrt": "root", "sum": "total", "mean": "mean",
    "getitem": "part", "neg": "minus", "sin": "sine", "cos": "cosine", "inv": "inverse", "max": "largest",
    "min": "smallest", "var": "variance", "std": "spread", "transpose": "flipped", "reshape": "flat",
    "broadcast_to": "spread", "norm": "length", "outer": "product", "solve": "solution", "index_add": "total",
    "opaque": "value", "expand_dims": "column", "abs": "size", "softmax": "probs", "log_softmax": "log_probs", "relu": "hidden",
    "sigmoid": "gate", "eq": "hit", "gt": "mask", "lt": "mask", "ge": "mask", "le": "mask", "where": "chosen",
    "tree_add": "parts", "list_pop": "item", "unstack": "rows", "list_filled": "copies", "for": "items",
    "list_concat": "joined", "list_repeat": "repeated", "unzip": "columns", "list_copy": "items", "list_sort": "ordered",
    "random_like": "noise", "call_again": "cache", "call_backward": "slope", "jacobian": "jacobian",
    "concatenate": "joined", "stack": "stacked", "einsum": "product", "maximum": "larger", "minimum": "smaller",
}  # fmt: skip
# Functions whose value is called after them and their argument: log_p.
ELEMENTARY = {
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sinh",
    "cosh",
    "log1p",
    "expm1",
    "log2",
    "log10",
    "erf",
}
LONGEST = 20  # letters of a name made of an operation and its arguments
ACTIVATIONS = {"tanh", "relu", "sigmoid", "softmax", "log_softmax", "softplus"}


class Names:
    """The names of one emitted module: those that are taken, and new ones."""

    def __init__(self, text: str):
        self.numbered = False  # whether names had to be told apart by numbers
        self.taken = names_in_text(text) | set(keyword.kwlist) | set(dir(builtins))

    def copy(self, without: Set[str] = frozenset()) -> Names:
        """The same names, to try things out with."""
        other = Names("")
        other.taken = self.taken - without
        return other

    def fresh(self, wanted: str) -> str:
        """`wanted`, or wanted2, wanted3 and so on where it is taken."""
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}{number}", number + 1
            self.numbered = True
        self.taken.add(name)
        return name

    def beside(self, wanted: str, prefix: str) -> str:
        """A stem whose derivative's name is free, and that names no other value."""
        stem, number = wanted, 2
        while stem in self.taken or prefix + stem in self.taken:
            stem, number = f"{wanted}{number}", number + 1
            self.numbered = True
        self.taken.add(prefix + stem)
        return stem

    def underscored(self, wanted: str) -> str:
        """`wanted`, with trailing underscores where it is taken."""
        while wanted in self.taken:
            wanted += "_"
        self.taken.add(wanted)
        return wanted


def telling(eqn: Eqn | None, reader: Eqn | None = None) -> str:
    """What a reader would call the value of `eqn`, which `reader` reads."""
    if reader is not None and reader.op in ACTIVATIONS:
        return "a"
    if eqn is None:
        return "value"
    named = [a.name for a in eqn.args if isinstance(a, Var) and a.name]
    if eqn.op in ELEMENTARY and named:
        return f"{eqn.op}_{named[0]}"
    if eqn.op in TELLING:
        return TELLING[eqn.op]
    after = "_".join([eqn.op, *named])
    return (
        after if named and len(after) <= LONGEST and after.isidentifier() else "value"
    )
