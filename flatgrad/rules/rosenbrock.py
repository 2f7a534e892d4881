"""Rosenbrock's function, of which scipy.optimize knows the derivatives."""

from flatgrad.builder import xp
from flatgrad.registry import general
from flatgrad.rules.matrices import fresh
from flatgrad.shapes import learn
from flatgrad.types import join, scalar

POINT = [1.3, 0.7, -0.4, 0.9]


def number_of_vector(eqn):
    learn(eqn.out.type, "float")
    fresh(eqn.args[0].type.shape, 1)
    join(eqn.out.type.shape, scalar())


def like_vector(eqn):
    learn(eqn.out.type, "float")
    for arg in eqn.args:
        fresh(arg.type.shape, 1)
        join(eqn.out.type.shape, arg.type.shape)


@general(at=[(POINT,)], shape=number_of_vector)
def rosen(x, /):
    def jvp(dx):
        return xp.sum(xp.rosen_der(x) * dx)

    def vjp(g):
        return g * xp.rosen_der(x)

    return jvp, vjp


@general(at=[(POINT,)], shape=like_vector)
def rosen_der(x, /):
    def jvp(dx):
        return xp.rosen_hess_prod(x, dx)

    def vjp(g):
        return xp.rosen_hess_prod(x, g)

    return jvp, vjp
