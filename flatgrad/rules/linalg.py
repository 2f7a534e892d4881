"""Matrices: diagonals and triangles, systems of equations, factorisations.

Formulas follow Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), where no other source is named. Arguments that must be symmetric get the symmetric
gradient: the sum of what both triangles contribute, shared equally.
"""

from flatgrad.builder import Expr, xp
from flatgrad.graph import Lit
from flatgrad.registry import constant, general, linear, probe
from flatgrad.rules.products import (
    CUBE,
    MATRIX,
    TALL,
    UNKNOWN,
    VECTOR,
    agree,
    dims,
    rank,
)
from flatgrad.graph import Var
from flatgrad.shapes import axes_of, giving, learn, option, promoted, same
from flatgrad.shapes import diagonal as diagonal_shape
from flatgrad.types import Dim, Shape, join, join_dims, scalar

SQUARE = [[2.0, 0.3, -0.5], [-0.4, 1.5, 0.2], [0.7, -0.6, 1.8]]
SQUARES = [SQUARE, [[1.2, 0.4, 0.1], [0.3, -1.9, 0.5], [-0.2, 0.8, 2.4]]]
POSITIVE = [[2.0, 0.3, -0.5], [0.3, 1.5, 0.2], [-0.5, 0.2, 1.8]]
POSITIVES = [POSITIVE, [[3.1, -0.7, 0.4], [-0.7, 2.2, 0.6], [0.4, 0.6, 1.3]]]
LOWER = [[2.0, 0.0, 0.0], [-0.4, 1.5, 0.0], [0.7, -0.6, 1.8]]


def absent(d):
    """The cotangent of a result that nothing reads, or the tangent of an argument that does not vary."""
    value = d.atom.value if isinstance(d, Expr) and isinstance(d.atom, Lit) else d
    return value is None or (isinstance(value, int | float) and value == 0)


def plus(*terms):
    """The sum of the terms that are there."""
    total, *rest = [t for t in terms if not absent(t)] or [0]
    for term in rest:
        total = total + term
    return total


def as_column(v, matrix):
    """`v[i]` as row i of a matrix, or of each matrix of a stack."""
    return v[:, None] if rank(matrix) == 2 else v[..., None]


def as_row(v, matrix):
    return v if rank(matrix) == 2 else v[..., None, :]


def spread(g, a):
    """One number for each matrix of the stack `a`, ready to be multiplied with it."""
    return g if rank(a) == 2 else g[..., None, None]


def is_square(a):
    ds = dims(a)
    return ds is not None and agree(ds[-2:-1], ds[-1:])


def symmetric(x):
    return (x + x.mT) / 2


def separations(values, matrix):
    """1 / (w[j] - w[i]); 0 where they are equal: what multiplies it is 0 too, or no derivative exists."""
    gaps = as_row(values, matrix) - as_column(values, matrix)
    equal = gaps == 0
    return 1 / (gaps + equal) - equal


# ------------------------------------------------------------------------------------------- shape rules


def square_matrix(shape):
    if shape.dims is not None and len(shape.dims) > 1:
        join_dims(*shape.dims[-2:])


def like_square(eqn):
    same(eqn)
    square_matrix(eqn.args[0].type.shape)


def number_of_matrix(eqn):
    """A number for each square matrix of a stack, in each of the results."""
    a = eqn.args[0].type
    square_matrix(a.shape)
    for out in eqn.outs:
        learn(out.type, promoted([a.kind, "float"]))
        if a.shape.dims is not None:
            join(out.type.shape, Shape(a.shape.dims[:-2]))


def solve_shape(eqn):
    a, b, out = eqn.args[0].type, eqn.args[1].type, eqn.out.type
    square_matrix(a.shape)
    learn(out, promoted([a.kind, b.kind, "float"]))
    if a.shape.rank == 2 or b.shape.rank == 1:
        join(out.shape, b.shape)
    if a.shape.dims is not None and b.shape.dims:
        join_dims(a.shape.dims[-1], b.shape.dims[-2:][0])


def eigenvalues_shape(eqn):
    like_square_kind(eqn)
    a = eqn.args[0].type.shape
    if a.dims is not None:
        join(eqn.outs[0].type.shape, Shape(a.dims[:-1]))


def like_square_kind(eqn):
    a = eqn.args[0].type
    square_matrix(a.shape)
    for out in eqn.outs:
        learn(out.type, promoted([a.kind, "float"]))


def eigh_shape(eqn):
    eigenvalues_shape(eqn)
    join(eqn.outs[1].type.shape, eqn.args[0].type.shape)


def smaller(d, e):
    if d.known is not None and e.known is not None:
        return d if d.known <= e.known else e
    return d if agree([d], [e]) else Dim()


def svd_shape(eqn):
    a = eqn.args[0].type
    for out in eqn.outs:
        learn(out.type, promoted([a.kind, "float"]))
    if a.shape.dims is None:
        return
    *batch, m, n = a.shape.dims
    values = eqn.outs[len(eqn.outs) // 2].type.shape
    if values.dims is None:
        join(values, Shape((*batch, smaller(m, n))))
    if len(eqn.outs) == 3 and option(eqn, "full_matrices") in (True, False):
        full, k = option(eqn, "full_matrices"), values.dims[-1]
        join(eqn.outs[0].type.shape, Shape((*batch, m, m if full else k)))
        join(eqn.outs[2].type.shape, Shape((*batch, n if full else k, n)))


def qr_shape(eqn):
    a = eqn.args[0].type
    for out in eqn.outs:
        learn(out.type, promoted([a.kind, "float"]))
    if a.shape.dims is None or option(eqn, "mode") != "reduced":
        return
    *batch, m, n = a.shape.dims
    q, r = (out.type.shape for out in eqn.outs)
    if q.dims is None:
        join(q, Shape((*batch, m, smaller(m, n))))
    join(r, Shape((*batch, q.dims[-1], n)))


def pinv_shape(eqn):
    a = eqn.args[0].type
    learn(eqn.out.type, promoted([a.kind, "float"]))
    if a.shape.dims is not None:
        *batch, m, n = a.shape.dims
        join(eqn.out.type.shape, Shape((*batch, n, m)))


def norm_shape(eqn):
    x, out, axis, keepdims = (
        eqn.args[0].type,
        eqn.out.type,
        option(eqn, "axis"),
        option(eqn, "keepdims"),
    )
    learn(out, "float")
    if axis is None and not keepdims:
        join(out.shape, scalar())
    elif (
        x.shape.dims is not None
        and not isinstance(axis, Var)
        and not isinstance(keepdims, Var)
    ):
        gone = axes_of(axis, len(x.shape.dims)) or ()
        kept = [
            Dim(1) if i in gone else d
            for i, d in enumerate(x.shape.dims)
            if keepdims or i not in gone
        ]
        join(out.shape, Shape(kept))


def trace_shape(eqn):
    x = eqn.args[0].type
    learn(eqn.out.type, x.kind)
    if x.shape.dims is not None:
        gone = (
            axes_of((option(eqn, "axis1"), option(eqn, "axis2")), len(x.shape.dims))
            or ()
        )
        join(
            eqn.out.type.shape,
            Shape(d for i, d in enumerate(x.shape.dims) if i not in gone),
        )


def diag_shape(eqn):
    """A vector becomes a matrix, a matrix its diagonal."""
    x, out, k = eqn.args[0].type, eqn.out.type, option(eqn, "k")
    learn(out, x.kind)
    known = isinstance(k, int)
    if x.shape.rank == 1 or out.shape.rank == 2:
        if x.shape.dims is None:
            join(x.shape, Shape([Dim()]))
        long = x.shape.dims[0].plus(abs(k)) if known else Dim()
        join(out.shape, Shape([long, long]))
    elif x.shape.rank == 2 and out.shape.dims is None:
        m, n = x.shape.dims
        square = known and agree([m], [n])
        join(
            out.shape,
            Shape([m.plus(-abs(k)) if square else smaller(m, n) if k == 0 else Dim()]),
        )


def lstsq_shape(eqn):
    a, b = (arg.type.shape for arg in eqn.args)
    for out in eqn.outs:
        learn(out.type, "float")
    if a.dims is not None and b.dims:
        join_dims(a.dims[0], b.dims[0])
        join(eqn.outs[0].type.shape, Shape([a.dims[1], *b.dims[1:]]))


# --------------------------------------------------------------------------------- diagonals, triangles


def on_diagonal(values, like, offset=0):
    """A matrix like `like` that holds `values` on a diagonal and 0 elsewhere."""
    if is_square(like):
        return xp.diag(values, k=offset) if offset else xp.diag(values)
    at = xp.arange(values.shape[0])
    down, right = (
        (at - offset, at) if offset < 0 else (at, at + offset if offset else at)
    )
    return xp.setitem(xp.zeros_like(like), xp.tuple(down, right), values)


@linear(
    at=[
        (SQUARE,),
        (MATRIX,),
        probe(SQUARE, offset=1),
        probe(CUBE, axis1=1, axis2=2),
        probe(CUBE, axis1=2, axis2=0),
    ],
    shape=trace_shape,
)
def trace(a, /, offset=0, axis1=0, axis2=1, *, g):
    if rank(a) is None:
        raise NotImplementedError(UNKNOWN)
    first, second = axis1 % rank(a), axis2 % rank(a)
    options = {"k": offset} if offset else {}
    if not (is_square(a) and (first, second) == (rank(a) - 2, rank(a) - 1)):
        options["M"] = a.shape[second]
    ones = xp.eye(a.shape[first], **options)
    if rank(a) == 2:
        return g * (ones if first < second else ones.mT)
    ones = ones if first < second else ones.mT
    others = tuple(i for i in range(rank(a)) if i not in (first, second))
    ones = (
        xp.expand_dims(ones, axis=others)
        if others != tuple(range(rank(a) - 2))
        else ones
    )
    return xp.expand_dims(g, axis=tuple(sorted((first, second)))) * ones


@linear(at=[(VECTOR,), (SQUARE,), (MATRIX,), probe(SQUARE, k=1), probe(MATRIX, k=-1), probe(VECTOR, k=-2)],
        shape=diag_shape)  # fmt: skip
def diag(v, /, k=0, *, g):
    match rank(v):
        case 1:
            return xp.diag(g, k=k) if k else xp.diag(g)
        case 2:
            return on_diagonal(g, v, k)
        case _:
            raise NotImplementedError(UNKNOWN)


@linear(at=[(SQUARE,), (MATRIX,), (TALL,), probe(MATRIX, offset=1), probe(SQUARES, axis1=1, axis2=2)],
        shape=diagonal_shape)  # fmt: skip
def diagonal(a, /, offset=0, axis1=0, axis2=1, *, g):
    if rank(a) is None:
        raise NotImplementedError(UNKNOWN)
    if rank(a) == 2 and (axis1 % 2, axis2 % 2) == (0, 1):
        return on_diagonal(g, a, offset)
    last = (axis1 % rank(a), axis2 % rank(a)) == (rank(a) - 2, rank(a) - 1)
    if offset == 0 and last and is_square(a):
        return g[..., None] * xp.eye(a.shape[-1])
    raise NotImplementedError(
        "the diagonals of other than square matrices in the last two axes"
    )


@linear(at=[(SQUARE,), probe(MATRIX, k=-1), probe(CUBE, k=1)], shape=same)
def tril(a, /, k=0, *, g):
    return xp.tril(g, k=k) if k else xp.tril(g)


@linear(at=[(SQUARE,), probe(MATRIX, k=-1), probe(CUBE, k=1)], shape=same)
def triu(a, /, k=0, *, g):
    return xp.triu(g, k=k) if k else xp.triu(g)


# ------------------------------------------------------------------------- inverses, systems, determinants


@general(at=[(SQUARE,), (SQUARES,)], shape=giving("float", like_square))
def inv(a, /, *, y):
    def jvp(da):
        return -y @ da @ y

    def vjp(g):
        return -y.mT @ g @ y.mT

    return jvp, vjp


def times_transposed(x, y, vector):
    return xp.outer(x, y) if vector else x @ y.mT


@general(
    at=[
        (SQUARE, VECTOR),
        (SQUARE, TALL),
        (SQUARES, [TALL, TALL]),
        (SQUARE, [TALL, TALL]),
        (SQUARES, TALL),
    ],
    shape=solve_shape,
)
def solve(a, b, /, *, y):
    if rank(b) is None or rank(a) is None:
        raise NotImplementedError(UNKNOWN)
    if rank(a) != 2 and rank(b) == 1:
        raise NotImplementedError("solve with a stack of matrices for one vector")

    def jvp(da, db):
        return xp.solve(a, plus(db, 0 if absent(da) else -(da @ y)))

    def vjp(g):
        grad_b = xp.solve(a.mT, g)
        grad_a = -times_transposed(grad_b, y, rank(b) == 1)
        if (rank(a) == 2 and rank(b) <= 2) or agree(dims(a)[:-2], dims(b)[:-2]):
            return grad_a, grad_b
        return xp.unbroadcast(grad_a, a), xp.unbroadcast(grad_b, b)

    return jvp, vjp


def triangle(x, lower, unit_diagonal):
    cut = xp.tril if lower else xp.triu
    return cut(x, k=-1 if lower else 1) if unit_diagonal else cut(x)


@general(
    at=[probe(LOWER, VECTOR, lower=True), probe(SQUARE, TALL), probe(SQUARE, VECTOR, trans=1),
        probe(SQUARE, TALL, trans="T", lower=True, unit_diagonal=True)],
    shape=solve_shape,
)  # fmt: skip
def solve_triangular(a, b, /, trans=0, lower=False, unit_diagonal=False, *, y):
    if rank(a) is None or rank(b) is None:
        raise NotImplementedError(UNKNOWN)
    if rank(a) != 2 or rank(b) not in (1, 2):
        raise NotImplementedError("solve_triangular with stacks of matrices")
    if trans not in (0, 1, "N", "T"):
        raise NotImplementedError("solve_triangular with the conjugate transpose")
    turned = trans in (1, "T")
    how = {"lower": lower, "unit_diagonal": unit_diagonal}
    how = {k: v for k, v in how.items() if v}
    same_way, other_way = ({"trans": 1}, {}) if turned else ({}, {"trans": 1})

    def jvp(da, db):
        if absent(da):
            return xp.solve_triangular(a, db, **same_way, **how)
        da = triangle(da, lower, unit_diagonal)
        change = (da.mT if turned else da) @ y
        return xp.solve_triangular(a, plus(db, -change), **same_way, **how)

    def vjp(g):
        grad_b = xp.solve_triangular(a, g, **other_way, **how)
        left, right = (y, grad_b) if turned else (grad_b, y)
        return (
            -triangle(
                times_transposed(left, right, rank(b) == 1), lower, unit_diagonal
            ),
            grad_b,
        )

    return jvp, vjp


@general(at=[(SQUARE,), (SQUARES,)], shape=number_of_matrix)
def det(a, /, *, y):
    def jvp(da):
        return y * log_change(a, da)

    def vjp(g):
        return spread(g * y, a) * xp.inv(a).mT

    return jvp, vjp


def log_change(a, da):
    """trace(inv(a) @ da): the change of log |det a|."""
    if rank(a) == 2:
        return xp.trace(xp.solve(a, da))
    return xp.sum(xp.inv(a).mT * da, axis=(-2, -1))


@general(at=[(SQUARE,), (SQUARES,)], shape=number_of_matrix)
def slogdet(a, /, *, y):
    def jvp(da):
        return 0, log_change(a, da)

    def vjp(g):
        _, g_log = g
        return None if g_log is None else spread(g_log, a) * xp.inv(a).mT

    return jvp, vjp


@general(at=[(SQUARE,), (SQUARES,), (MATRIX,), (TALL,)], shape=pinv_shape)
def pinv(a, /, *, y):
    """Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems" (1973)."""

    def jvp(da):
        outside, inside = da.mT - da.mT @ a @ y, da.mT - y @ a @ da.mT
        return -y @ da @ y + y @ y.mT @ outside + inside @ y.mT @ y

    def vjp(g):
        outside, inside = g.mT - a @ y @ g.mT, g.mT - g.mT @ y @ a
        return -y.mT @ g @ y.mT + outside @ y @ y.mT + y.mT @ y @ inside

    return jvp, vjp


@general(
    at=[(TALL, VECTOR), (MATRIX, [0.4, -1.1]), (TALL, SQUARE), (SQUARE, VECTOR)],
    shape=lstsq_shape,
)
def lstsq(a, b, /, rcond=None, *, y):
    """Golub and Pereyra (1973), applied to pinv(a) @ b."""
    x, *_ = y
    vector = rank(b) == 1
    if rank(a) is None or rank(b) is None:
        raise NotImplementedError(UNKNOWN)

    def jvp(da, db):
        inverse = xp.pinv(a)
        if absent(da):
            return inverse @ db, 0, 0, 0
        miss = b - a @ x
        change = -inverse @ (da @ x) + inverse @ (inverse.mT @ (da.mT @ miss))
        weight = inverse.mT @ x
        change = change + da.mT @ weight - inverse @ (a @ (da.mT @ weight))
        return plus(change, 0 if absent(db) else inverse @ db), 0, 0, 0

    def vjp(g):
        g_x, *others = g
        if any(not absent(o) for o in others):
            raise NotImplementedError(
                "lstsq whose residuals or singular values are used"
            )
        if g_x is None:
            return None, None
        inverse = xp.pinv(a)
        grad_b = inverse.mT @ g_x
        grad_a = -times_transposed(grad_b, x, vector)
        grad_a = grad_a + times_transposed(b - a @ x, inverse @ grad_b, vector)
        return (
            grad_a + times_transposed(inverse.mT @ x, g_x - a.mT @ grad_b, vector),
            grad_b,
        )

    return jvp, vjp


@general(
    at=[probe(SQUARE, n=n) for n in (-2, -1, 0, 1, 2, 3, 4)] + [probe(SQUARES, n=2)],
    shape=like_square,
)
def matrix_power(a, /, n=1, *, y):
    if not isinstance(n, int) or abs(n) > 8:
        raise NotImplementedError(
            "matrix_power with an exponent that is not a small number written down"
        )

    def change(base, d, along):
        """The sum of base^i d base^(n-1-i)."""
        last = abs(n) - 1
        return plus(
            *(
                _product([along] * i + [d] + [along] * (last - i))
                for i in range(last + 1)
            )
        )

    def jvp(da):
        return (
            change(a, da, a)
            if n >= 0
            else (lambda b: change(b, -b @ da @ b, b))(xp.inv(a))
        )

    def vjp(g):
        if n >= 0:
            return change(a, g, a.mT) if n else None
        inverse = xp.inv(a)
        return -inverse.mT @ change(inverse, g, inverse.mT) @ inverse.mT

    return jvp, vjp


def _product(matrices):
    total, *rest = matrices
    for matrix in rest:
        total = total @ matrix
    return total


# ------------------------------------------------------------------------------------------------- norms


@general(
    at=[(VECTOR,), (MATRIX,), (CUBE,), probe(MATRIX, axis=1), probe(MATRIX, axis=0, keepdims=True),
        probe(MATRIX, ord="fro"), probe(MATRIX, ord=1), probe(MATRIX, ord=float("inf")), probe(SQUARE, ord=2),
        probe(MATRIX, ord="nuc"), probe(VECTOR, ord=1), probe(VECTOR, ord=float("inf")), probe(VECTOR, ord=3),
        probe(MATRIX, ord=2, axis=1), probe(MATRIX, ord=1, axis=1), probe(MATRIX, ord=1.5, axis=0),
        probe(MATRIX, ord=float("inf"), axis=1, keepdims=True), probe(CUBE, axis=(1, 2)), probe(MATRIX, keepdims=True),
        probe(VECTOR, ord=2), probe(CUBE, ord="fro", axis=(0, 2))],
    shape=norm_shape,
)  # fmt: skip
def norm(x, /, ord=None, axis=None, keepdims=False, *, y):
    if isinstance(ord, Var | Expr) or isinstance(axis, Var | Expr):
        raise NotImplementedError("norm with ord or axis that are not written down")
    if ord is not None and axis is None and rank(x) is None:
        raise NotImplementedError(UNKNOWN)

    def restored(v):
        return v if keepdims or axis is None else xp.expand_dims(v, axis=axis)

    whole = {} if axis is None else {"axis": axis}
    whole |= {"keepdims": True} if keepdims else {}
    slope = _norm_slope(x, ord, axis, restored(y), rank(x))

    def jvp(dx):
        return xp.sum(slope * dx, **whole)

    def vjp(g):
        return slope * restored(g)

    return jvp, vjp


def _norm_slope(x, ord, axis, y, n):
    """The derivative of the norm in each element; 0 at 0."""
    of_matrix = isinstance(axis, tuple) or (axis is None and ord is not None and n == 2)
    match ord:
        case None | "fro":
            return x / (y + (y == 0))
        case 2 if not of_matrix:
            return x / (y + (y == 0))
        case 1 if not of_matrix:
            return xp.sign(x)
        case float() | int() if not of_matrix and ord == float("inf"):
            return xp.sign(x) * _shares(xp.abs(x) == y, axis)
        case float() | int() if not of_matrix and 1 < ord < float("inf"):
            return xp.sign(x) * (xp.abs(x) / (y + (y == 0))) ** (ord - 1)
        case _ if axis is None and of_matrix:
            return _matrix_norm_slope(x, ord, y)
        case _:
            raise NotImplementedError(f"norm with ord={ord!r}")


def _shares(hit, axis):
    """1 for the one place that reaches the maximum; equal parts for several."""
    return hit / xp.sum(
        hit, **({} if axis is None else {"axis": axis, "keepdims": True})
    )


def _matrix_norm_slope(x, ord, y):
    if ord == 1 or ord == float("inf"):
        sums = xp.sum(xp.abs(x), axis=0 if ord == 1 else 1, keepdims=True)
        return xp.sign(x) * _shares(sums == y, None)
    if ord in (2, "nuc"):
        u, _, vt = thin_svd(x)
        return u @ vt if ord == "nuc" else xp.outer(u[:, 0], vt[0])
    raise NotImplementedError(f"the matrix norm with ord={ord!r}")


# ----------------------------------------------------------------------------------------- factorisations


@general(at=[(POSITIVE,), (POSITIVES,)], shape=giving("float", like_square))
def cholesky(a, /, upper=False, *, y):
    """Murray, "Differentiation of the Cholesky decomposition" (2016)."""
    if upper:
        raise NotImplementedError("cholesky with upper=True")

    def jvp(da):
        inner = xp.solve(y, xp.solve(y, symmetric(da)).mT)
        return y @ (xp.tril(inner) + xp.tril(inner, k=-1)) / 2

    def vjp(g):
        inner = y.mT @ g
        inner = xp.tril(inner) + xp.tril(inner, k=-1).mT
        return xp.solve(y.mT, xp.solve(y.mT, inner).mT) / 2

    return jvp, vjp


@general(at=[(POSITIVE,), (POSITIVES,), probe(POSITIVE, UPLO="U")], shape=eigh_shape)
def eigh(a, /, UPLO="L", *, y):
    values, vectors = y

    def jvp(da):
        inner = vectors.mT @ symmetric(da) @ vectors
        change = (
            xp.diagonal(inner)
            if rank(a) == 2
            else xp.diagonal(inner, axis1=-2, axis2=-1)
        )
        return change, vectors @ (separations(values, a) * inner)

    def vjp(g):
        g_values, g_vectors = g
        if g_values is None and g_vectors is None:
            return None
        if g_vectors is None:
            return (vectors * as_row(g_values, a)) @ vectors.mT
        turned = (
            vectors @ (separations(values, a) * (vectors.mT @ g_vectors)) @ vectors.mT
        )
        stretched = (
            0 if g_values is None else (vectors * as_row(g_values, a)) @ vectors.mT
        )
        return plus(stretched, symmetric(turned))

    return jvp, vjp


@general(at=[(POSITIVE,), (POSITIVES,)], shape=eigenvalues_shape)
def eigvalsh(a, /, UPLO="L", *, y):
    _, vectors = several("eigh", 2, a)

    def jvp(da):
        return xp.sum(vectors * (symmetric(da) @ vectors), axis=-2)

    def vjp(g):
        return (vectors * as_row(g, a)) @ vectors.mT

    return jvp, vjp


def several(op, count, a, **options):
    """All results of an operation that has more than one."""
    if isinstance(a, Expr):
        return a.builder.emit_all(op, (a,), count, attrs=options)
    return getattr(xp, op)(a, **options)


def thin_svd(a):
    return several("svd", 3, a, full_matrices=False)


@general(at=[probe(SQUARE, full_matrices=False), probe(MATRIX, full_matrices=False), probe(TALL, full_matrices=False),
             probe(CUBE, full_matrices=False), (SQUARE,), probe(MATRIX, compute_uv=False)],
         shape=svd_shape)  # fmt: skip
def svd(a, /, full_matrices=True, compute_uv=True, *, y):
    """Townsend, "Differentiating the singular value decomposition" (2016)."""
    if not compute_uv:
        return _singular_values(a)
    u, s, vt = y
    thin = not full_matrices or is_square(a)

    def jvp(da):
        if not thin:
            raise NotImplementedError(
                "svd with full_matrices=True of other than a square matrix"
            )
        inner, apart = u.mT @ da @ vt.mT, separations(s**2, a)
        across, down = as_row(s, a), as_column(s, a)
        du = u @ (apart * (inner * across + down * inner.mT)) + _outside(
            u, da @ vt.mT / across
        )
        dv = vt.mT @ (apart * (down * inner + inner.mT * across)) + _outside(
            vt.mT, da.mT @ u / across
        )
        ds = (
            xp.diagonal(inner)
            if rank(a) == 2
            else xp.diagonal(inner, axis1=-2, axis2=-1)
        )
        return du, ds, dv.mT

    def vjp(g):
        g_u, g_s, g_vt = g
        if g_u is None and g_vt is None:
            if g_s is None:
                return None
            left, _, right = y if thin else thin_svd(a)
            return (left * as_row(g_s, a)) @ right
        if not thin:
            raise NotImplementedError(
                "svd with full_matrices=True of other than a square matrix"
            )
        across, down, apart = as_row(s, a), as_column(s, a), separations(s**2, a)
        parts = [0 if g_s is None else (u * as_row(g_s, a)) @ vt]
        if g_u is not None:
            inner = u.mT @ g_u
            parts += [
                u @ (apart * (inner - inner.mT) * across) @ vt,
                _outside(u, g_u / across) @ vt,
            ]
        if g_vt is not None:
            inner = vt @ g_vt.mT
            parts += [
                u @ (down * apart * (inner - inner.mT)) @ vt,
                u @ _outside(vt.mT, g_vt.mT / across).mT,
            ]
        return plus(*parts)

    return jvp, vjp


def _outside(basis, x):
    """What of the columns of `x` is orthogonal to the columns of `basis`."""
    return x - basis @ (basis.mT @ x)


def _singular_values(a):
    u, _, vt = thin_svd(a)

    def jvp(da):
        return xp.sum(u * (da @ vt.mT), axis=-2)

    def vjp(g):
        return (u * as_row(g, a)) @ vt

    return jvp, vjp


@general(at=[(MATRIX,), (TALL,), (CUBE,)], shape=svd_shape)
def svdvals(a, /, *, y):
    return _singular_values(a)


@general(at=[(SQUARE,), (TALL,), (SQUARES,)], shape=qr_shape)
def qr(a, /, mode="reduced", *, y):
    """Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2010)."""
    ds = dims(a)
    if mode != "reduced" or (ds is not None and _wide(*ds[-2:])):
        raise NotImplementedError(
            "qr other than reduced, or of a matrix with more columns than rows"
        )
    q, r = y

    def jvp(da):
        step = over(da, r)
        inner = q.mT @ step
        rotation = xp.tril(inner, k=-1) - xp.tril(inner, k=-1).mT
        return step - q @ (inner - rotation), (inner - rotation) @ r

    def vjp(g):
        g_q, g_r = g
        if g_q is None and g_r is None:
            return None
        inner = plus(
            0 if g_r is None else r @ g_r.mT, 0 if g_q is None else -(g_q.mT @ q)
        )
        inner = xp.tril(inner) + xp.tril(inner, k=-1).mT
        return over(plus(0 if g_q is None else g_q, q @ inner), r.mT)

    return jvp, vjp


def over(x, triangular):
    """x @ inv(triangular)"""
    return xp.solve(triangular.mT, x.mT).mT


def _wide(m, n):
    m, n = (d.known if isinstance(d, Dim) else d for d in (m, n))
    return m is not None and n is not None and m < n


@general(at=[(SQUARE,)], shape=giving("float", like_square))
def expm(a, /, *, y):
    """Al-Mohy and Higham, "Computing the Frechet derivative of the matrix exponential" (2009)."""

    def jvp(da):
        return xp.expm_frechet(a, da)

    def vjp(g):
        return xp.expm_frechet(a.mT, g)

    return jvp, vjp


constant("matrix_rank", shape=None)
