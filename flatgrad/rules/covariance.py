"""How variables move together: covariances and correlations of rows, or of columns."""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules.axes import rank
from flatgrad.rules.reductions import MATRIX, VECTOR, centred, count


@general(
    at=[(MATRIX,), probe(MATRIX, rowvar=False), probe(MATRIX, bias=True), probe(MATRIX, ddof=0), (VECTOR,)],
    shape=shapes.covariance,
)  # fmt: skip
def cov(x, /, rowvar=True, bias=False, ddof=None):
    """The covariance of the rows of x, or of its columns."""
    matrix = rank(x) == 2
    along = 1 if matrix and rowvar else 0
    if ddof is None:
        ddof = 0 if bias else 1
    apart = centred(x, along)
    degrees = count(x, along) - ddof if ddof else count(x, along)

    def jvp(dx):
        if not matrix:
            return 2 * xp.sum(apart * dx) / degrees
        half = apart @ dx.mT if rowvar else apart.mT @ dx
        return (half + half.mT) / degrees

    def vjp(g):
        if not matrix:
            return 2 * g * apart / degrees
        both = (g + g.mT) / degrees
        return both @ apart if rowvar else apart @ both

    return jvp, vjp


@general(at=[(MATRIX,), probe(((1.0, -2.0), (0.5, 0.3), (0.8, -1.1)), rowvar=False)], shape=shapes.covariance)  # fmt: skip
def corrcoef(x, /, rowvar=True, *, y):
    """The products of the centred variables, each by its length."""
    if rank(x) != 2:
        raise NotImplementedError("corrcoef of other than a matrix, or two vectors")
    along = 1 if rowvar else 0
    apart = centred(x, along)
    size = xp.sqrt(xp.sum(apart * apart, axis=along, keepdims=True))
    unit = apart / size

    def jvp(dx):
        change = centred(dx, along) / size
        change = change - unit * xp.sum(unit * change, axis=along, keepdims=True)
        half = (
            unit @ xp.matrix_transpose(change)
            if rowvar
            else xp.matrix_transpose(unit) @ change
        )
        return half + xp.matrix_transpose(half)

    def vjp(g):
        both = g + g.mT
        turned = both @ unit if rowvar else unit @ both
        own = xp.sum(both * y, axis=along, keepdims=True)
        return (turned - own * unit) / size

    return jvp, vjp
