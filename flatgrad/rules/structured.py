"""Matrices that a few numbers say all of: block diagonal, Toeplitz, Hankel, circulant, companion, Khatri-Rao.

The gradient of what stands along a diagonal is the sum along it; where diagonals are summed, the emitted module
gets a small function.
"""

from flatgrad.builder import xp
from flatgrad.registry import general, multilinear
from flatgrad.rules.axes import between
from flatgrad.rules.matrices import (
    MATRIX,
    OTHER_VECTOR,
    TALL,
    VECTOR,
    absent,
    fresh,
    plus,
    rank,
    times_transposed,
)
from flatgrad.shapes import learn
from flatgrad.types import join, join_dims

# Diagonally dominant, so that systems with these are far from singular.
COLUMN, ROW = [3.1, 0.4, -0.7], [3.1, -0.5, 0.2]


def a_matrix(eqn):
    learn(eqn.out.type, "float")
    fresh(eqn.out.type.shape, 2)


def square_of_vector(eqn):
    """A matrix as long and wide as the first argument, a vector."""
    a_matrix(eqn)
    v = eqn.args[0].type.shape
    if v.rank == 1:
        for dim in eqn.out.type.shape.dims:
            join_dims(dim, v.dims[0])


def column_and_row(eqn):
    a_matrix(eqn)
    for arg, dim in zip(eqn.args, eqn.out.type.shape.dims, strict=False):
        if arg.type.shape.rank == 1:
            join_dims(arg.type.shape.dims[0], dim)


# --------------------------------------------------------------------------- block diagonal


@general(
    at=[(MATRIX, TALL), (MATRIX, TALL, MATRIX), (MATRIX,)], shape=a_matrix
)  # fmt: skip
def block_diag(*blocks):
    if any(rank(b) != 2 for b in blocks):
        raise NotImplementedError("block_diag of what is not known to be matrices: give their --shape")  # fmt: skip

    def jvp(*changes):
        pairs = zip(blocks, changes, strict=True)
        return xp.block_diag(*(xp.zeros_like(b) if absent(d) else d for b, d in pairs))

    def vjp(g):
        parts, row, column = [], 0, 0
        for block in blocks:
            m, n = xp.shape(block)[0], xp.shape(block)[1]
            parts.append(g[_part(row, m, column, n)])
            row, column = plus(row, m), plus(column, n)
        return tuple(parts)

    return jvp, vjp


def _part(row, m, column, n):
    down, across = _from(row, m), _from(column, n)
    if isinstance(m, int):
        return down, across
    return xp.tuple(down, across)


def _from(start, length):
    return between(None if absent(start) else start, plus(start, length))


# ------------------------------------------------------------------- constant along diagonals


@general(at=[(VECTOR,), (VECTOR, OTHER_VECTOR), (VECTOR, [1.1, 0.4]), ([0.7, 0.2], VECTOR)], shape=column_and_row)  # fmt: skip
def toeplitz(c, r=None, /):
    """The first column is c; the first row is r but for its first element, which is not read."""
    if rank(c) != 1 or (not absent(r) and rank(r) != 1):
        raise NotImplementedError("toeplitz of what is not known to be vectors: give their --shape")  # fmt: skip

    def jvp(dc, dr=None):
        if absent(r):
            return xp.toeplitz(dc)
        column = xp.zeros_like(c) if absent(dc) else dc
        return xp.toeplitz(column, xp.zeros_like(r) if absent(dr) else dr)

    def vjp(g):
        if absent(r):
            return xp.diagonal_sums(g) + xp.off_diagonal_sums(g.mT)
        return xp.diagonal_sums(g), xp.off_diagonal_sums(g.mT)

    return jvp, vjp


@general(at=[(VECTOR,), (VECTOR, OTHER_VECTOR), (VECTOR, [1.1, 0.4])], shape=column_and_row)  # fmt: skip
def hankel(c, r=None, /):
    """The first column is c; the last row is r but for its first element; zeros below where there is no r."""
    if rank(c) != 1 or (not absent(r) and rank(r) != 1):
        raise NotImplementedError("hankel of what is not known to be vectors: give their --shape")  # fmt: skip

    def jvp(dc, dr=None):
        if absent(r):
            return xp.hankel(dc)
        column = xp.zeros_like(c) if absent(dc) else dc
        return xp.hankel(column, xp.zeros_like(r) if absent(dr) else dr)

    def vjp(g):
        """Upside down, its lines are diagonals: the first row, read backwards from the last element of c."""
        turned = xp.flip(g, axis=0)
        grad_c = xp.flip(xp.diagonal_sums(turned), axis=0)
        if absent(r):
            return grad_c
        return grad_c, xp.off_diagonal_sums(turned.mT)

    return jvp, vjp


@general(at=[(VECTOR,), ([0.4, -1.1],)], shape=square_of_vector)
def circulant(c, /):
    """Below the diagonal as in toeplitz(c); above it the same columns go on from the end of c."""
    if rank(c) != 1:
        raise NotImplementedError("circulant of what is not known to be a vector: give its --shape")  # fmt: skip

    def jvp(dc):
        return xp.circulant(dc)

    def vjp(g):
        above = xp.off_diagonal_sums(g.mT)
        return xp.diagonal_sums(g) + xp.roll(xp.flip(above, axis=0), 1)

    return jvp, vjp


def companion_shape(eqn):
    a_matrix(eqn)
    fresh(eqn.args[0].type.shape, 1)


@general(at=[([1.3, -0.4, 0.9, 0.2],)], shape=companion_shape)
def companion(a, /):
    """The first row is -a[1:] / a[0], and the rest is constant."""

    def jvp(da):
        row = -da[1:] / a[0] + a[1:] * da[0] / a[0] ** 2
        return xp.vstack(row, xp.zeros_like(xp.diag(a[1:]))[1:])

    def vjp(g):
        row = -g[0] / a[0]
        return xp.append(-xp.sum(row * a[1:]) / a[0], row)

    return jvp, vjp


@multilinear(at=[(MATRIX, MATRIX), (MATRIX, [[0.3, 0.9, -0.2]])], shape=a_matrix)
def khatri_rao(a, b, /, *, g):
    """Each column is the Kronecker product of two columns."""
    lengths = xp.shape(a)[0], xp.shape(b)[0], xp.shape(a)[1]
    grid = xp.reshape(g, xp.tuple(*lengths))
    return xp.einsum(grid, b, subscripts="ikj,kj->ij"), xp.einsum(grid, a, subscripts="ikj,ij->kj")  # fmt: skip


# ------------------------------------------------------------------------------- systems


def like_last(eqn):
    learn(eqn.out.type, "float")
    join(eqn.out.type.shape, eqn.args[-1].type.shape)


@general(at=[(COLUMN, ROW, VECTOR), (COLUMN, ROW, TALL)], shape=like_last)
def solve_toeplitz(c, r, b, /, *, y):
    """toeplitz(c, r) y = b"""
    if rank(b) not in (1, 2):
        raise NotImplementedError("solve_toeplitz where it is not known whether b is a vector or a matrix: give its --shape")  # fmt: skip

    def jvp(dc, dr, db):
        column = xp.zeros_like(c) if absent(dc) else dc
        row = xp.zeros_like(r) if absent(dr) else dr
        return xp.solve_toeplitz(c, r, plus(-(xp.toeplitz(column, row) @ y), db))

    def vjp(g):
        transposed = xp.append(c[:1], r[1:]), c
        grad_b = xp.solve_toeplitz(*transposed, g)
        whole = -times_transposed(grad_b, y, rank(b) == 1)
        return xp.diagonal_sums(whole), xp.off_diagonal_sums(whole.mT), grad_b

    return jvp, vjp


@general(at=[(COLUMN, VECTOR), (COLUMN, TALL)], shape=like_last)
def solve_circulant(c, b, /, *, y):
    """circulant(c) y = b"""
    if rank(b) not in (1, 2):
        raise NotImplementedError("solve_circulant where it is not known whether b is a vector or a matrix: give its --shape")  # fmt: skip

    def jvp(dc, db):
        change = None if absent(dc) else -(xp.circulant(dc) @ y)
        return xp.solve_circulant(c, plus(change, db))

    def vjp(g):
        transposed = xp.roll(xp.flip(c, axis=0), 1)
        grad_b = xp.solve_circulant(transposed, g)
        whole = -times_transposed(grad_b, y, rank(b) == 1)
        above = xp.off_diagonal_sums(whole.mT)
        grad_c = xp.diagonal_sums(whole) + xp.roll(xp.flip(above, axis=0), 1)
        return grad_c, grad_b

    return jvp, vjp
