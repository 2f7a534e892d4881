"""The decomposition into an orthogonal and a triangular matrix."""

from flatgrad.builder import Expr, xp
from flatgrad.registry import general, probe
from flatgrad.rules.decompositions import several
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    SQUARE,
    SQUARES,
    TALL,
    dims,
    is_square,
    mirrored,
    plus,
    smaller,
)
from flatgrad.shapes import learn, option, promoted
from flatgrad.types import Dim, Shape, join


def qr_shape(eqn):
    a = eqn.args[0].type
    for out in eqn.outs:
        learn(out.type, promoted([a.kind, "float"]))
    if a.shape.dims is None or option(eqn, "mode") != "reduced":
        return
    if len(eqn.outs) != 2:
        return
    *batch, m, n = a.shape.dims
    q, r = (out.type.shape for out in eqn.outs)
    if q.dims is None:
        join(q, Shape((*batch, m, smaller(m, n))))
    join(r, Shape((*batch, q.dims[-1], n)))


@general(
    at=[(SQUARE,), (TALL,), (SQUARES,), (MATRIX,), (CUBE,), probe(SQUARE, mode="complete"), probe(TALL, mode="r"),
        probe(MATRIX, mode="r")],
    shape=qr_shape,
)  # fmt: skip
def qr(a, /, mode="reduced", *, y):
    """Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2010)."""
    if mode == "r":
        q, _ = several("qr", 2, a)
        forward, back = qr(a, y=(q, y))
        return lambda da: forward(da)[1], lambda g: back((None, g))
    if mode != "reduced" and not (mode == "complete" and is_square(a)):
        raise NotImplementedError(
            f"qr with mode={mode!r}, of other than a square matrix"
        )
    if (ds := dims(a)) is None:
        return _wide_qr(a, xp.shape(y[0])[-1], *y)
    if m := _fewer_rows(*ds[-2:]):
        return _wide_qr(a, m, *y)
    return tall_qr(*y)


def tall_qr(q, r):
    def jvp(da):
        step = over(da, r)
        inner = q.mT @ step
        rotation = xp.tril(inner, k=-1) - xp.tril(inner, k=-1).mT
        return step - q @ (inner - rotation), (inner - rotation) @ r

    def vjp(g):
        g_q, g_r = g
        if g_q is None and g_r is None:
            return None
        from_r = None if g_r is None else r @ g_r.mT
        inner = mirrored(plus(from_r, None if g_q is None else -(g_q.mT @ q)))
        return over(plus(g_q, q @ inner), r.mT)

    return jvp, vjp


def _wide_qr(a, m, q, r):
    """The first m columns make q, which turns the others, if there are any."""
    first, last = slice(m), slice(m, None)
    if isinstance(m, Expr):
        first, last = xp.slice(None, m, None), xp.slice(m, None, None)
    others = columns(a, last)
    forward, back = tall_qr(q, columns(r, first))

    def jvp(da):
        dq, dr = forward(columns(da, first))
        beyond = dq.mT @ others + q.mT @ columns(da, last)
        return dq, xp.concatenate(dr, beyond, axis=-1)

    def vjp(g):
        g_q, g_r = g
        if g_q is None and g_r is None:
            return None
        if g_r is None:
            return xp.concatenate(back((g_q, None)), xp.zeros_like(others), axis=-1)
        turned = others @ columns(g_r, last).mT
        made = back((plus(g_q, turned), columns(g_r, first)))
        return xp.concatenate(made, q @ columns(g_r, last), axis=-1)

    return jvp, vjp


def columns(x, part):
    index = (..., part)
    return x[xp.tuple(*index) if isinstance(part, Expr) else index]


def over(x, triangular):
    """x @ inv(triangular)"""
    return xp.solve(triangular.mT, x.mT).mT


def _fewer_rows(m, n):
    """The number of rows, if it is known to be less than that of columns."""
    m, n = (d.known if isinstance(d, Dim) else d for d in (m, n))
    return m if m is not None and n is not None and m < n else None
