"""Block -> the values in it whose arithmetic is not that of arrays: sparse matrices and np.matrix, whose * is @.

An operation that such a value takes part in is no elementwise one, whatever its sign: no gradient goes through it.
"""

from __future__ import annotations

from collections.abc import Iterable

from flatgrad.graph import Atom, Eqn, Var

FOREIGN = "foreign"  # the kind of such a value, where it is made
MATRICES = {f"numpy.{name}" for name in ("matrix", "asmatrix", "mat", "bmat")}
OF_ARRAYS = ("scipy.sparse.linalg.", "scipy.sparse.csgraph.")
# What makes an array of one: methods, which nothing else is known of, and np.asarray.
TO_ARRAY = (".toarray()", ".getA()", ".getA1()")
NO_RULE = "no derivative rule for "  # and what is called
TAKES_PART = "a sparse matrix or an np.matrix takes part"
COPIES = {"asarray", "array", "copy"}


def is_foreign(path: str) -> bool:
    """What a call of the importable `path` gives is such a value."""
    sparse = path.startswith("scipy.sparse.") and not path.startswith(OF_ARRAYS)
    return sparse or path in MATRICES


def foreign_values(eqns: Iterable[Eqn], params: Iterable[Var] = ()) -> set[Atom]:
    """Where nothing makes an array of it, what is made of such a value may be one, too."""
    listed = list(eqns)
    found: set[Atom] = {p for p in params if p.type.kind == FOREIGN}
    size = -1
    while size != len(found):
        size = len(found)
        _spread(listed, found)
    return found


def _spread(eqns: Iterable[Eqn], found: set[Atom]) -> None:
    for eqn in eqns:
        for block in eqn.blocks:
            _spread(block.eqns, found)
        if eqn.blocks:
            _spread_blocks(eqn, found)
        elif _is_made(eqn) or (
            not _makes_array(eqn) and not found.isdisjoint(eqn.reads())
        ):
            found.update(eqn.outs)


def _is_made(eqn: Eqn) -> bool:
    outside = eqn.op in ("opaque", "external")
    return outside and any(out.type.kind == FOREIGN for out in eqn.outs)


def _spread_blocks(eqn: Eqn, found: set[Atom]) -> None:
    if eqn.op == "if":
        for block in eqn.blocks:
            ends = zip(eqn.outs, block.outs, strict=True)
            found.update(out for out, end in ends if end in found)
        return
    body, outs = eqn.blocks[-1], eqn.outs[1:]
    starts = eqn.args[len(eqn.args) - len(outs) :]
    carried = zip(starts, body.params[1:], body.outs[1:], outs, strict=True)
    for start, param, end, out in carried:
        if start in found or end in found:
            found.update((param, out))


def _makes_array(eqn: Eqn) -> bool:
    """np.asarray(a) and a.toarray(); a function of a library, of which it is known when it makes none."""
    if eqn.op != "opaque":
        return eqn.op in COPIES
    called = str(eqn.attrs["what"]).removeprefix(NO_RULE)
    return called.endswith(TO_ARRAY) or called.startswith(("numpy.", "scipy."))


__all__ = ["FOREIGN", "NO_RULE", "foreign_values", "is_foreign"]
