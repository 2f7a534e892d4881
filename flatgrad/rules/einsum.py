"""Sums over axes that are named or numbered: einsum, tensordot."""

from string import ascii_lowercase

from flatgrad.builder import xp
from flatgrad.graph import Var
from flatgrad.registry import multilinear, probe
from flatgrad.rules.axes import together
from flatgrad.rules.matrices import (
    CUBE,
    MATRIX,
    OTHER_VECTOR,
    TALL,
    TALL_CUBE,
    UNKNOWN,
    VECTOR,
    argument_shapes,
    fresh,
    rank,
)
from flatgrad.shapes import option
from flatgrad.types import Contradiction, Dim, Shape, join, join_dims


def tensordot_shape(eqn):
    a, b, out = argument_shapes(eqn)
    axes = option(eqn, "axes")
    if a.dims is None or b.dims is None or isinstance(axes, Var):
        return
    left, right = contracted(axes, a.rank, b.rank)
    for i, j in zip(left, right, strict=True):
        join_dims(a.dims[i], b.dims[j])
    rows = [d for i, d in enumerate(a.dims) if i not in left]
    columns = [d for j, d in enumerate(b.dims) if j not in right]
    join(out, Shape([*rows, *columns]))


def einsum_shape(eqn):
    subscripts = option(eqn, "subscripts")
    *shapes, out = argument_shapes(eqn)
    if not isinstance(subscripts, str) or "." in subscripts:
        return
    inputs, output = labels(subscripts)
    if len(inputs) != len(shapes):
        raise Contradiction(f"{len(shapes)} operands", f"what {subscripts!r} asks for")
    lengths: dict[str, Dim] = {}
    for names, shape in zip((*inputs, output), (*shapes, out), strict=True):
        fresh(shape, len(names))
        if len(names) != shape.rank:
            raise Contradiction(str(shape), f"a shape with axes {names!r}")
        for name, dim in zip(names, shape.dims, strict=True):
            join_dims(lengths.setdefault(name, dim), dim)


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
    kept_a = [i for i in range(n) if i not in left]
    kept_b = [j for j in range(m) if j not in right]
    axes_of_g = tuple(range(len(kept_a) + len(kept_b)))
    from_a, from_b = axes_of_g[: len(kept_a)], axes_of_g[len(kept_a) :]
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
    grads = (_einsum_grad(i, operands, inputs, output, g) for i in range(len(operands)))
    return tuple(grads)


def _einsum_grad(i, operands, inputs, output, g):
    """The same contraction with operand `i` and the result in each other's place."""
    operand, wanted = operands[i], inputs[i]
    factors = [*zip(inputs, operands, strict=True)]
    terms = [(output, g), *factors[:i], *factors[i + 1 :]]
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
    if output:
        result = _contract(terms, found)
    else:
        result = g * _contract(terms[1:], found) if terms[1:] else g
    if found == distinct:
        return result
    missing = together(at for at, name in enumerate(distinct) if name not in present)
    if found:
        result = xp.expand_dims(result, axis=missing)
    return xp.broadcast_to(result, xp.shape(operand))


def _contract(terms, output):
    names = ",".join(s for s, _ in terms)
    if names == output:
        return terms[0][1]
    return xp.einsum(*(x for _, x in terms), subscripts=f"{names}->{output}")
