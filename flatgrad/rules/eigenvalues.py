"""Eigenvalues of matrices that need not be symmetric: real or complex, also those of a real matrix.

The derivative of the eigenvalues along E is the diagonal of inv(V) E V (Giles 2008). An eigenvector has no length and
no phase of its own, so that none of its derivatives is the right one.
"""

from flatgrad.builder import xp
from flatgrad.registry import general
from flatgrad.rules.arithmetic import absent
from flatgrad.rules.decompositions import diagonals, several
from flatgrad.rules.matrices import POSITIVE, as_column, square_matrix
from flatgrad.types import Shape, join

NO_LENGTH = "the eigenvectors that eig gives have no length and no phase of their own; eigh is for symmetric matrices"


def eigenvalues_shape(eqn):
    a = eqn.args[0].type.shape
    square_matrix(a)
    if a.dims is not None:
        join(eqn.outs[0].type.shape, Shape(a.dims[:-1]))
    for vectors in eqn.outs[1:]:
        join(vectors.type.shape, a)


def moved(vectors, da):
    return diagonals(xp.solve(vectors, da @ vectors))


def back(vectors, a, g):
    turned = xp.conj(vectors).mT
    return xp.solve(turned, as_column(g, a) * turned)


@general(shape=eigenvalues_shape)
def eig(a, /, *, y):
    _, vectors = y

    def jvp(da):
        return moved(vectors, da), NotImplementedError(NO_LENGTH)

    def vjp(g):
        g_values, g_vectors = g
        if not absent(g_vectors):
            raise NotImplementedError(NO_LENGTH)
        return None if absent(g_values) else back(vectors, a, g_values)

    return jvp, vjp


@general(at=[(POSITIVE,)], shape=eigenvalues_shape)
def eigvals(a, /):
    _, vectors = several("eig", 2, a)
    return (lambda da: moved(vectors, da)), (lambda g: back(vectors, a, g))
