"""The registry and the tables of names -> for each function of each library, whether a gradient goes through it.

`flatgrad ops --csv` prints the rows: yes, no, or constant for what is known to have the derivative zero. What is
not one name with one meaning (`x[mask]`, an option, a function that the front end reads by itself) is answered by
transforming a function that is written so: the table of `written_forms.py`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import cache

from flatgrad.errors import FlatgradError
from flatgrad.frontend.library import KNOWN_FLOATS
from flatgrad.frontend.lower import FLOATS
from flatgrad.namespaces import meanings, namespaces, spellings
from flatgrad.operations import has_derivative
from flatgrad.options import Options
from flatgrad.pipeline import Transformation
from flatgrad.registry import RULES, Kind
from flatgrad.written_forms import FORMS, Form

YES, NO, CONSTANT = "yes", "no", "constant"

# The namespaces of the table; a name of one that is not listed is written with a dot: lib.stride_tricks.as_strided.
LISTED = {
    "builtins", "functools", "itertools", "math", "operator",
    "numpy", "numpy.ndarray", "numpy.linalg", "numpy.fft", "numpy.random",
    "scipy.special", "scipy.linalg", "scipy.fft", "scipy.signal", "scipy.stats", "scipy.integrate", "scipy.optimize",
    "scipy.interpolate", "scipy.ndimage", "scipy.sparse", "scipy.sparse.linalg", "scipy.spatial.distance",
    "scipy.spatial.transform", "torch", "torch.Tensor", "torch.nn.functional",
}  # fmt: skip

Row = tuple[str, str, str, str]


def table() -> str:
    """The rows as CSV: namespace, function, reverse, forward."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("namespace", "function", "reverse", "forward"))
    writer.writerows(rows())
    return text.getvalue()


def rows() -> list[Row]:
    """One declaration serves both modes, so that what has a reverse has a forward."""
    known = _spelled() | _numbers()
    for form in FORMS:
        place = (form.namespace, form.name)
        if known.get(place, NO) == NO:
            known[place] = state_of(form)
    return [(*place, state, state) for place, state in sorted(known.items())]


def _spelled() -> dict[tuple[str, str], str]:
    """What the tables of names and the rules say."""
    found: dict[tuple[str, str], str] = {}
    for namespace in namespaces():
        for spelling in spellings(namespace):
            states = {_state_of_operation(s.op) for s in meanings(spelling)}
            place = placed(namespace, spelling.name)
            states.add(found.get(place, NO))
            found[place] = next(s for s in (YES, CONSTANT, NO) if s in states)
    return found


def _state_of_operation(op: str) -> str:
    rule = RULES.get(op)
    if rule is None:
        return NO
    if rule.kind is Kind.CONSTANT:
        return CONSTANT
    return YES if has_derivative(rule) else NO


def _numbers() -> dict[tuple[str, str], str]:
    """math.pi and the like."""
    paths = (path.rpartition(".") for path in {*FLOATS, *KNOWN_FLOATS})
    return {placed(namespace, name): CONSTANT for namespace, _, name in paths}


def placed(namespace: str, name: str) -> tuple[str, str]:
    """The namespace as the table lists it, and what is left of the name."""
    namespace = {"ndarray": "numpy.ndarray"}.get(namespace, namespace)
    while namespace not in LISTED and "." in namespace:
        namespace, _, last = namespace.rpartition(".")
        name = f"{last}.{name}"
    return namespace, name


@cache
def state_of(form: Form) -> str:
    """Whether a function that is written so has a gradient; it is transformed to see."""
    try:
        Transformation(form.text, Options(("f",))).emitted("grad")
    except FlatgradError:
        return NO
    return CONSTANT if form.constant else YES


def differences(lines: str) -> Iterator[str]:
    """What a table of wanted functions (namespace, function, ..., grade) asks for, and whether it is there."""
    state = {(namespace, name): reverse for namespace, name, reverse, _ in rows()}
    wanted = [*csv.DictReader(io.StringIO(lines))]
    for grade in dict.fromkeys(row["grade"] for row in wanted):
        asked = [(r["namespace"], r["function"]) for r in wanted if r["grade"] == grade]
        missing = [place for place in asked if state.get(place, NO) == NO]
        yield f"{grade}: {len(asked) - len(missing)} of {len(asked)}"
        for namespace in dict.fromkeys(namespace for namespace, _ in missing):
            names = (name for n, name in missing if n == namespace)
            yield f"    {namespace}: {', '.join(names)}"


__all__ = ["differences", "rows", "state_of", "table"]
