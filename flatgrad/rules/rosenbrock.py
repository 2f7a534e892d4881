"""Rosenbrock's function, of which scipy.optimize knows the derivatives: of a vector, or of each column of an array."""

from flatgrad.builder import xp
from flatgrad.registry import general
from flatgrad.shapes import learn
from flatgrad.types import Shape, join

POINT = [1.3, 0.7, -0.4, 0.9]
COLUMNS = [[1.3, 0.2], [0.7, -0.6], [-0.4, 1.1]]


def number_of_column(eqn):
    learn(eqn.out.type, "float")
    dims = eqn.args[0].type.shape.dims
    if dims:
        join(eqn.out.type.shape, Shape(dims[1:]))


def like_point(eqn):
    learn(eqn.out.type, "float")
    join(eqn.out.type.shape, eqn.args[0].type.shape)


@general(at=[(POINT,), (COLUMNS,)], shape=number_of_column)
def rosen(x, /):
    def jvp(dx):
        return xp.sum(xp.rosen_der(x) * dx, axis=0)

    def vjp(g):
        return g * xp.rosen_der(x)

    return jvp, vjp


@general(at=[(POINT,)], shape=like_point)
def rosen_der(x, /):
    """scipy has the product with its derivative for a vector alone."""
    if isinstance(x.ndim, int) and x.ndim != 1:
        raise NotImplementedError("rosen_der of what is no vector")

    def jvp(dx):
        return xp.rosen_hess_prod(x, dx)

    def vjp(g):
        return xp.rosen_hess_prod(x, g)

    return jvp, vjp
