"""What the rules for matrices share: ranks and lengths, sums with absent terms, and probes."""

from flatgrad.builder import Expr, xp
from flatgrad.graph import Lit
from flatgrad.shapes import learn, promoted, same
from flatgrad.types import Dim, Shape, join, join_dims, same_dim, same_shape

VECTOR, OTHER_VECTOR = [0.3, -1.2, 0.8], [1.1, 0.4, -0.7]
MATRIX = [[0.5, -1.0, 2.0], [1.5, 0.2, -0.6]]
TALL = [[0.4, 1.3], [-0.9, 0.7], [1.2, -0.2]]
CUBE = [[[0.1, -0.4, 1.0], [0.6, 0.9, -1.1]], [[-0.3, 0.8, 0.2], [1.4, -0.5, 0.7]]]
TALL_CUBE = [
    [[0.2, -0.8], [1.0, 0.3], [-0.6, 0.9]],
    [[1.1, 0.5], [-0.2, -1.3], [0.4, 0.6]],
]

SQUARE = [[2.0, 0.3, -0.5], [-0.4, 1.5, 0.2], [0.7, -0.6, 1.8]]
SQUARES = [SQUARE, [[1.2, 0.4, 0.1], [0.3, -1.9, 0.5], [-0.2, 0.8, 2.4]]]
POSITIVE = [[2.0, 0.3, -0.5], [0.3, 1.5, 0.2], [-0.5, 0.2, 1.8]]
POSITIVES = [POSITIVE, [[3.1, -0.7, 0.4], [-0.7, 2.2, 0.6], [0.4, 0.6, 1.3]]]
LOWER = [[2.0, 0.0, 0.0], [-0.4, 1.5, 0.0], [0.7, -0.6, 1.8]]

UNKNOWN = "the rank of its argument is not known: give it with --shape"


# -------------------------------------------------------------------- ranks and lengths


def rank(x):
    return getattr(x, "ndim", 0)


def dims(x):
    """The dimensions of a graph value, the lengths of an array."""
    return x.atom.type.shape.dims if isinstance(x, Expr) else x.shape


def agree(ds, es):
    """The lengths are surely the same."""
    ds, es = tuple(ds), tuple(es)
    pairs = zip(ds, es, strict=False)
    equal = (same_dim(d, e) if isinstance(d, Dim) else d == e for d, e in pairs)
    return len(ds) == len(es) and all(equal)


def alike(a, b):
    """The shapes are surely the same."""
    if isinstance(a, Expr) and isinstance(b, Expr):
        return same_shape(a.atom.type.shape, b.atom.type.shape)
    return rank(a) == rank(b) and (rank(a) == 0 or agree(a.shape, b.shape))


# ------------------------------------------------------ terms and matrices of a formula


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
    if rank(a) is None:  # g may be a plain number
        return xp.expand_dims(g, axis=(-2, -1))
    return g if rank(a) == 2 else g[..., None, None]


def is_square(a):
    ds = dims(a)
    return ds is not None and agree(ds[-2:-1], ds[-1:])


def symmetric(x):
    return (x + x.mT) / 2


def mirrored(x):
    """The lower triangle on both sides of the diagonal."""
    return xp.tril(x) + xp.tril(x, k=-1).mT


def times_transposed(x, y, vector):
    """x y^T, of two vectors or of two matrices of columns."""
    return xp.outer(x, y) if vector else x @ y.mT


# ------------------------------------------------------------------------------- shapes


def argument_shapes(eqn):
    """The shapes of the arguments and of the result, which is of their promoted kind."""
    learn(eqn.out.type, promoted([a.type.kind for a in eqn.args]))
    return (*(a.type.shape for a in eqn.args), eqn.out.type.shape)


def floats(eqn):
    """All results have fractions, or are complex where the first argument is."""
    for out in eqn.outs:
        learn(out.type, promoted([eqn.args[0].type.kind, "float"]))


def fresh(shape, count):
    """`shape` has `count` axes of lengths that are not known."""
    if shape.dims is None:
        join(shape, Shape(Dim() for _ in range(count)))


def square_matrix(shape):
    if shape.dims is not None and len(shape.dims) > 1:
        join_dims(*shape.dims[-2:])


def like_square(eqn):
    same(eqn)
    square_matrix(eqn.args[0].type.shape)


def smaller(d, e):
    """The smaller of two lengths, or one that is not known."""
    if d.known is not None and e.known is not None:
        return d if d.known <= e.known else e
    return d if agree([d], [e]) else Dim()
