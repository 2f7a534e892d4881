"""The Kronecker product."""

from flatgrad.builder import xp
from flatgrad.registry import multilinear
from flatgrad.rules.axes import together
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    TALL,
    TALL_CUBE,
    UNKNOWN,
    VECTOR,
    argument_shapes,
    fresh,
    rank,
)
from flatgrad.shapes import product
from flatgrad.types import join_dims


def kron_shape(eqn):
    a, b, out = argument_shapes(eqn)
    if a.rank is not None and a.rank == b.rank:
        fresh(out, a.rank)
        for d, e, f in zip(a.dims, b.dims, out.dims, strict=True):
            if (whole := product([d, e])).known is not None:
                join_dims(whole, f)


@multilinear(at=[(VECTOR, TALL[0]), (MATRIX, TALL), (CUBE, TALL_CUBE), (MATRIX, VECTOR), (VECTOR, TALL)], shape=kron_shape)  # fmt: skip
def kron(a, b, /, *, g):
    match rank(a), rank(b):
        case 1, 1:
            grid = xp.reshape(g, xp.tuple(a.shape[0], b.shape[0]))
            return grid @ b, a @ grid
        case (None, _) | (_, None):
            raise NotImplementedError(UNKNOWN)
        case n, m if max(n, m) > 6:
            raise NotImplementedError("kron of arrays with more than 6 axes")
        case n, m:
            return _kron(a, b, g, max(n, m))


def _kron(a, b, g, n):
    """Axis by axis: the lengths of the one apart from those of the other."""
    outer, inner = "ijpqrs"[:n], "klmnot"[:n]
    lengths = [
        length
        for pair in zip(padded(a, n), padded(b, n), strict=True)
        for length in pair
    ]
    grid = xp.reshape(g, xp.tuple(*lengths))
    both = "".join(pair for axes in zip(outer, inner, strict=True) for pair in axes)
    left, right = outer[n - rank(a) :], inner[n - rank(b) :]
    alone_a, alone_b = outer[: n - rank(a)], inner[: n - rank(b)]
    if alone_a or alone_b:  # axes of length 1 in front of the one that has fewer
        gone = tuple(i for i, axis in enumerate(both) if axis in alone_a + alone_b)
        grid = xp.squeeze(grid, axis=together(gone))
        both = "".join(axis for axis in both if axis not in alone_a + alone_b)
    return (
        xp.einsum(grid, b, subscripts=f"{both},{right}->{left}"),
        xp.einsum(grid, a, subscripts=f"{both},{left}->{right}"),
    )


def padded(x, n):
    return [1] * (n - rank(x)) + [x.shape[i] for i in range(rank(x))]
