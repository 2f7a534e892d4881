"""Products of vectors, matrices and tensors: each is linear in each of its arguments.

Where the rank of an argument is not known, the emitted module gets a small function that asks for it.
"""

from string import ascii_lowercase

from flatgrad.builder import Expr, xp
from flatgrad.registry import multilinear, probe
from flatgrad.graph import Var
from flatgrad.shapes import broadcast, learn, option, product, promoted
from flatgrad.types import (
    Contradiction,
    Dim,
    Shape,
    broadcast_shape,
    join,
    join_dims,
    same_dim,
    same_shape,
    scalar,
)

VECTOR, OTHER_VECTOR = [0.3, -1.2, 0.8], [1.1, 0.4, -0.7]
MATRIX, TALL = [[0.5, -1.0, 2.0], [1.5, 0.2, -0.6]], [
    [0.4, 1.3],
    [-0.9, 0.7],
    [1.2, -0.2],
]
CUBE = [[[0.1, -0.4, 1.0], [0.6, 0.9, -1.1]], [[-0.3, 0.8, 0.2], [1.4, -0.5, 0.7]]]
TALL_CUBE = [
    [[0.2, -0.8], [1.0, 0.3], [-0.6, 0.9]],
    [[1.1, 0.5], [-0.2, -1.3], [0.4, 0.6]],
]
RANKS = [
    (VECTOR, OTHER_VECTOR), (MATRIX, VECTOR), (VECTOR, TALL), (MATRIX, TALL), (CUBE, VECTOR), (CUBE, TALL),
    (MATRIX, TALL_CUBE), (VECTOR, TALL_CUBE), (CUBE, TALL_CUBE),
]  # fmt: skip

UNKNOWN = "the rank of its argument is not known: give it with --shape"


def rank(x):
    return getattr(x, "ndim", 0)


def dims(x):
    """The dimensions of a graph value, the lengths of an array."""
    return x.atom.type.shape.dims if isinstance(x, Expr) else x.shape


def agree(ds, es):
    """The lengths are surely the same."""
    ds, es = tuple(ds), tuple(es)
    return len(ds) == len(es) and all(
        same_dim(d, e) if isinstance(d, Dim) else d == e
        for d, e in zip(ds, es, strict=True)
    )


def alike(a, b):
    """The shapes are surely the same."""
    if isinstance(a, Expr) and isinstance(b, Expr):
        return same_shape(a.atom.type.shape, b.atom.type.shape)
    return rank(a) == rank(b) and (rank(a) == 0 or agree(a.shape, b.shape))


def together(axes):
    axes = tuple(axes)
    return axes[0] if len(axes) == 1 else axes


def rows(x, columns):
    """All axes but the last as one."""
    return xp.reshape(x, xp.tuple(-1, columns))


# ------------------------------------------------------------------------------------------- shape rules


def types(eqn):
    learn(eqn.out.type, promoted([a.type.kind for a in eqn.args]))
    return (*(a.type.shape for a in eqn.args), eqn.out.type.shape)


def fresh(shape, count):
    """`shape` has `count` axes of lengths that are not known."""
    if shape.dims is None:
        join(shape, Shape(Dim() for _ in range(count)))


def matmul_shape(eqn):
    a, b, out = types(eqn)
    if a.rank == 0 or b.rank == 0:
        raise Contradiction("a number", "an argument of @")
    if out.rank is not None:
        if a.rank in (1, 2):
            fresh(b, out.rank + 2 - a.rank)
        if b.rank in (1, 2):
            fresh(a, out.rank + 2 - b.rank)
    if a.dims is None or b.dims is None:
        return
    join_dims(a.dims[-1], b.dims[-2:][0])
    batch = broadcast_shape([Shape(a.dims[:-2]), Shape(b.dims[:-2])])
    if batch is not None and batch.dims is not None:
        join(
            out,
            Shape(
                (*batch.dims, *a.dims[-2:-1], *(b.dims[-1:] if len(b.dims) > 1 else ()))
            ),
        )


def dot_shape(eqn):
    a, b, out = types(eqn)
    if a.is_scalar or b.is_scalar:
        return broadcast(eqn.out.type, [x.type for x in eqn.args])
    if a.rank and out.rank is not None and out.rank != a.rank:
        fresh(b, max(out.rank - a.rank + 2, 1))
    if b.rank == 1 and out.rank == 0:
        fresh(a, 1)
    if a.dims and b.dims:
        join_dims(a.dims[-1], b.dims[-2:][0])
        join(
            out,
            Shape(
                (*a.dims[:-1], *b.dims[:-2], *(b.dims[-1:] if len(b.dims) > 1 else ()))
            ),
        )
    return None


def inner_shape(eqn):
    a, b, out = types(eqn)
    if a.is_scalar or b.is_scalar:
        broadcast(eqn.out.type, [x.type for x in eqn.args])
    elif a.dims and b.dims:
        join_dims(a.dims[-1], b.dims[-1])
        join(out, Shape((*a.dims[:-1], *b.dims[:-1])))


def outer_shape(eqn):
    a, b, out = types(eqn)
    fresh(out, 2)
    for shape, dim in zip((a, b), out.dims, strict=True):
        if shape.rank == 1:
            join_dims(shape.dims[0], dim)
        elif (
            shape.dims is not None and (whole := product(shape.dims)).known is not None
        ):
            join_dims(whole, dim)


def vdot_shape(eqn):
    a, b, out = types(eqn)
    join(out, scalar())
    if a.rank == b.rank == 1:
        join(a, b)


def tensordot_shape(eqn):
    a, b, out = types(eqn)
    axes = option(eqn, "axes")
    if a.dims is None or b.dims is None or isinstance(axes, Var):
        return
    left, right = contracted(axes, a.rank, b.rank)
    for i, j in zip(left, right, strict=True):
        join_dims(a.dims[i], b.dims[j])
    kept = [d for i, d in enumerate(a.dims) if i not in left], [
        d for j, d in enumerate(b.dims) if j not in right
    ]
    join(out, Shape([*kept[0], *kept[1]]))


def einsum_shape(eqn):
    subscripts = option(eqn, "subscripts")
    *shapes, out = types(eqn)
    if not isinstance(subscripts, str) or "." in subscripts:
        return
    inputs, output = labels(subscripts)
    if len(inputs) != len(shapes):
        raise Contradiction(f"{len(shapes)} operands", f"what {subscripts!r} asks for")
    lengths = {}
    for names, shape in zip((*inputs, output), (*shapes, out), strict=True):
        fresh(shape, len(names))
        if len(names) != shape.rank:
            raise Contradiction(str(shape), f"a shape with axes {names!r}")
        for name, dim in zip(names, shape.dims, strict=True):
            join_dims(lengths.setdefault(name, dim), dim)


def kron_shape(eqn):
    a, b, out = types(eqn)
    if a.rank is not None and a.rank == b.rank:
        fresh(out, a.rank)
        for d, e, f in zip(a.dims, b.dims, out.dims, strict=True):
            if (whole := product([d, e])).known is not None:
                join_dims(whole, f)


def cross_shape(eqn):
    broadcast(eqn.out.type, [x.type for x in eqn.args])
    types(eqn)


# ------------------------------------------------------------------------------------------------- rules


@multilinear(at=RANKS, shape=matmul_shape)
def matmul(a, b, /, *, g):
    return matmul_left(a, b, g), matmul_right(a, b, g)


def matmul_left(a, b, g):
    match rank(a), rank(b):
        case _, 2:
            return g @ b.mT
        case 1, 1:
            return g * b
        case 2, 1:
            return xp.outer(g, b)
        case int(), 1:
            return xp.expand_dims(g, axis=-1) * b
        case 2, int():
            return xp.sum(g @ b.mT, axis=together(range(rank(b) - 2)))
        case int(n), int() if n > 1:
            same = agree(dims(a)[:-2], dims(b)[:-2])
            return g @ b.mT if same else xp.unbroadcast(g @ b.mT, a)
        case _:
            return xp.matmul_grad_left(g, a, b)


def matmul_right(a, b, g):
    match rank(a), rank(b):
        case 2, _:
            return a.mT @ g
        case 1, 1:
            return g * a
        case 1, 2:
            return xp.outer(a, g)
        case int(n), 1 if n > 1:
            return rows(a, b.shape[0]).mT @ xp.ravel(g)
        case int(n), 2 if n > 1:
            return rows(a, b.shape[0]).mT @ rows(g, b.shape[1])
        case int(n), int() if n > 1:
            same = agree(dims(a)[:-2], dims(b)[:-2])
            return a.mT @ g if same else xp.unbroadcast(a.mT @ g, b)
        case _:
            return xp.matmul_grad_right(g, a, b)


@multilinear(at=[(1.5, -0.4), (1.5, VECTOR), (MATRIX, 0.7), *RANKS], shape=dot_shape)
def dot(a, b, /, *, g):
    return dot_left(a, b, g), dot_right(a, b, g)


def dot_left(a, b, g):
    match rank(a), rank(b):
        case (int(), 0) | (1, 1):
            return g * b
        case 0, int():
            return xp.sum(g * b)
        case 2, 1:
            return xp.outer(g, b)
        case int(), 1:
            return xp.expand_dims(g, axis=-1) * b
        case int(), 2:
            return xp.dot(g, b.mT)
        case _:
            return xp.dot_grad_left(g, a, b)


def dot_right(a, b, g):
    match rank(a), rank(b):
        case (0, int()) | (1, 1):
            return g * a
        case int(), 0:
            return xp.sum(g * a)
        case 2, (1 | 2):
            return xp.dot(a.mT, g)
        case 1, 2:
            return xp.outer(a, g)
        case int(), 1:
            return xp.dot(rows(a, b.shape[0]).mT, xp.ravel(g))
        case int(), 2:
            return xp.dot(rows(a, b.shape[0]).mT, rows(g, b.shape[1]))
        case _:
            return xp.dot_grad_right(g, a, b)


@multilinear(
    at=[(1.5, -0.4), (VECTOR, 0.7), (VECTOR, OTHER_VECTOR), (MATRIX, VECTOR), (VECTOR, MATRIX), (MATRIX, MATRIX),
        (CUBE, MATRIX), (MATRIX, CUBE)],
    shape=inner_shape,
)  # fmt: skip
def inner(a, b, /, *, g):
    match rank(a), rank(b):
        case (0, 0) | (1, 1):
            return g * b, g * a
        case 0, int():
            return xp.sum(g * b), g * a
        case int(), 0:
            return g * b, xp.sum(g * a)
        case 2, 1:
            return xp.outer(g, b), a.mT @ g
        case 1, 2:
            return g @ b, xp.outer(g, a)
        case 2, 2:
            return g @ b, g.mT @ a
        case int(n), int(m):
            free = tuple(range(n - 1))
            return xp.tensordot(g, b, axes=m - 1), xp.tensordot(g, a, axes=(free, free))
        case _:
            raise NotImplementedError(UNKNOWN)


@multilinear(at=[(VECTOR, TALL[0]), (MATRIX, VECTOR), (1.5, VECTOR)], shape=outer_shape)
def outer(a, b, /, *, g):
    left, right = g @ xp.ravel(b) if rank(b) != 1 else g @ b, (
        a if rank(a) == 1 else xp.ravel(a)
    ) @ g
    return _shaped(left, a), _shaped(right, b)


def _shaped(flat, like):
    return flat if rank(like) == 1 else xp.reshape(flat, xp.shape(like))


@multilinear(
    at=[(VECTOR, OTHER_VECTOR), (MATRIX, MATRIX), (MATRIX, [*VECTOR, *VECTOR])],
    shape=vdot_shape,
)
def vdot(a, b, /, *, g):
    if alike(a, b):
        return g * b, g * a
    return _shaped(g * xp.ravel(b), a), _shaped(g * xp.ravel(a), b)


def contracted(axes, n, m):
    """The axes of both arguments that tensordot sums over, counted from the front."""
    match axes:
        case int():
            return tuple(range(n - axes, n)), tuple(range(axes))
        case (int(i), int(j)):
            return (i % n,), (j % m,)
        case (left, right):
            return tuple(i % n for i in left), tuple(j % m for j in right)
        case _:
            raise NotImplementedError("tensordot over axes that are not written down")


@multilinear(
    at=[probe(MATRIX, TALL, axes=1), probe(CUBE, CUBE, axes=((0, 2), (0, 2))), probe(CUBE, TALL_CUBE, axes=(2, 1)),
        probe(CUBE, MATRIX), probe(VECTOR, OTHER_VECTOR, axes=0), probe(CUBE, TALL_CUBE, axes=((2, 1), (1, -1)))],
    shape=tensordot_shape,
)  # fmt: skip
def tensordot(a, b, /, axes=2, *, g):
    n, m = rank(a), rank(b)
    if n is None or m is None:
        raise NotImplementedError(UNKNOWN)
    left, right = contracted(axes, n, m)
    if n == m == 2 and (left, right) == ((1,), (0,)):
        return g @ b.mT, a.mT @ g
    kept_a, kept_b = [i for i in range(n) if i not in left], [
        j for j in range(m) if j not in right
    ]
    from_a, from_b = tuple(range(len(kept_a))), tuple(
        range(len(kept_a), len(kept_a) + len(kept_b))
    )
    # What remains of b after the contraction with g comes in the order of b's axes, and so for a.
    order_a = [*kept_a, *(left[right.index(j)] for j in sorted(right))]
    order_b = [*(right[left.index(i)] for i in sorted(left)), *kept_b]
    grad_a = xp.tensordot(g, b, axes=(from_b, tuple(kept_b)))
    grad_b = xp.tensordot(a, g, axes=(tuple(kept_a), from_a))
    return _inverse_transpose(grad_a, order_a), _inverse_transpose(grad_b, order_b)


def _inverse_transpose(x, order):
    """Bring axis i of `x` to place order[i]."""
    if order == sorted(order):
        return x
    return xp.transpose(x, axes=tuple(order.index(i) for i in range(len(order))))


def labels(subscripts):
    """'ij,jk' -> (['ij', 'jk'], 'ik')"""
    if "." in subscripts:
        raise NotImplementedError("einsum with an ellipsis")
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    if not arrow:
        output = "".join(c for c in sorted({*inputs} - {","}) if inputs.count(c) == 1)
    return inputs.split(","), output


@multilinear(
    at=[probe(MATRIX, TALL, subscripts="ij,jk->ik"), probe(MATRIX, TALL, subscripts="ij, jk"),
        probe(CUBE, TALL_CUBE, subscripts="bij,bjk->bik"), probe(MATRIX, subscripts="ij->j"),
        probe(MATRIX, subscripts="ij->"), probe(MATRIX, subscripts="ij->ji"), probe(TALL[:2], subscripts="ii->i"),
        probe(TALL[:2], subscripts="ii"), probe(VECTOR, MATRIX, MATRIX, subscripts="j,ij,kj->ik"),
        probe(MATRIX, VECTOR, subscripts="ij,k->i"), probe(VECTOR, OTHER_VECTOR, subscripts="i,i"),
        probe(VECTOR, TALL[:2], subscripts="i,jj->ij")],
    shape=einsum_shape,
)  # fmt: skip
def einsum(*operands, subscripts=..., g):
    if not isinstance(subscripts, str):
        raise NotImplementedError("einsum with subscripts that are not written down")
    inputs, output = labels(subscripts)
    return tuple(
        _einsum_grad(i, operands, inputs, output, g) for i in range(len(operands))
    )


def _einsum_grad(i, operands, inputs, output, g):
    """The same contraction with operand `i` and the result in each other's place."""
    operand, wanted = operands[i], inputs[i]
    terms = [
        (output, g),
        *(
            (s, x)
            for j, (s, x) in enumerate(zip(inputs, operands, strict=True))
            if j != i
        ),
    ]
    spare = (c for c in ascii_lowercase if c not in "".join((*inputs, output)))
    distinct = ""
    for at, name in enumerate(wanted):
        if name in distinct:  # the diagonal: elements off it get nothing
            other = next(spare)
            terms.append((name + other, xp.eye(operand.shape[at])))
            name = other
        distinct += name
    present = {*"".join(s for s, _ in terms)}
    found = "".join(name for name in distinct if name in present)
    result = (
        _contract(terms, found)
        if output
        else g * _contract(terms[1:], found) if terms[1:] else g
    )
    if found == distinct:
        return result
    missing = together(at for at, name in enumerate(distinct) if name not in present)
    if found:
        result = xp.expand_dims(result, axis=missing)
    return xp.broadcast_to(result, xp.shape(operand))


def _contract(terms, output):
    names = ",".join(s for s, _ in terms)
    return (
        terms[0][1]
        if names == output
        else xp.einsum(*(x for _, x in terms), subscripts=f"{names}->{output}")
    )


@multilinear(at=[(VECTOR, TALL[0]), (MATRIX, TALL)], shape=kron_shape)
def kron(a, b, /, *, g):
    match rank(a), rank(b):
        case 1, 1:
            grid = xp.reshape(g, xp.tuple(a.shape[0], b.shape[0]))
            return grid @ b, a @ grid
        case 2, 2:
            grid = xp.reshape(
                g, xp.tuple(a.shape[0], b.shape[0], a.shape[1], b.shape[1])
            )
            return xp.einsum(grid, b, subscripts="ikjl,kl->ij"), xp.einsum(
                grid, a, subscripts="ikjl,ij->kl"
            )
        case (None, _) | (_, None):
            raise NotImplementedError(UNKNOWN)
        case _:
            raise NotImplementedError("kron of other than two vectors or two matrices")


@multilinear(
    at=[
        (VECTOR, OTHER_VECTOR),
        (MATRIX, MATRIX),
        (MATRIX, VECTOR),
        probe(TALL, TALL, axis=0),
    ],
    shape=cross_shape,
)
def cross(a, b, /, axisa=-1, axisb=-1, axisc=-1, axis=None, *, g):
    if (axisa, axisb, axisc) != (-1, -1, -1):
        raise NotImplementedError("cross with axisa, axisb or axisc")
    options = {} if axis is None else {"axis": axis}
    left, right = xp.cross(b, g, **options), xp.cross(g, a, **options)
    return (
        (left, right)
        if alike(a, b)
        else (xp.unbroadcast(left, a), xp.unbroadcast(right, b))
    )
