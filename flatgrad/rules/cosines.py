"""Discrete cosine and sine transforms of the types 1 to 4, as scipy.fft has them.

An orthonormal transform has its inverse for an adjoint. The others are symmetric, or transposes of each other, but for
the weight of the first or the last element. Strang, "The discrete cosine transform" (1999).
"""

from flatgrad import shapes
from flatgrad.builder import xp
from flatgrad.registry import general, probe
from flatgrad.rules.axes import rank
from flatgrad.rules.fourier import (
    TURNED,
    along_axis,
    counted,
    length,
    lengths_changed,
    own,
    refitted,
    the_axis,
    unsized,
    written,
)
from flatgrad.shapes import learn

VECTOR = [0.5, 1.3, -0.7, 0.2, 1.1]
MATRIX = [[0.5, 1.3, -0.7], [0.2, 1.1, -0.4]]
INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}
SYMMETRIC = {("dct", 4), ("dst", 1), ("dst", 4)}
ALL = [probe(VECTOR, type=t, norm=norm) for t in INVERSE for norm in (None, "ortho", "forward")]  # fmt: skip
ONE = [
    (VECTOR,), *ALL, probe(VECTOR, norm="backward"), probe(VECTOR, n=3), probe(VECTOR, n=8, type=3),
    probe(MATRIX, axis=0), probe(MATRIX, axis=0, type=1), probe(MATRIX, n=4, type=1),
]  # fmt: skip
SEVERAL = [(MATRIX,), probe(MATRIX, norm="ortho"), probe(MATRIX, type=1, axes=(1,)), probe(MATRIX, type=3, norm="forward")]  # fmt: skip


def of_length(eqn):
    learn(eqn.out.type, eqn.args[0].type.kind)
    lengths_changed(eqn, lambda whole, n: whole)


def adjoint(stem, g, type, axis, norm):
    """The adjoint of dct or dst along one axis."""
    if type not in INVERSE or isinstance(type, bool):
        raise NotImplementedError(f"a transform of type {type!r}")

    def transform(v, type):
        options = {"type": type} if type != 2 else {}
        return getattr(xp, stem)(v, **options, **the_axis(axis), **own(norm))

    if (stem, type) in SYMMETRIC:
        return transform(g, type)
    n = length(g, axis)
    k = counted(n, g)
    if type == 1:
        inner = along_axis(2 - (k % (n - 1) == 0), g, axis)
        return transform(g / inner, 1) * inner
    end = along_axis(1 + (k == (0 if stem == "dct" else n - 1)), g, axis)
    return transform(g * end, 3) if type == 2 else transform(g, 2) / end


def opposite(name):
    return name[1:] if name.startswith("i") else f"i{name}"


def pull_back(name, g, type, axis, norm):
    written(type, axis, norm)
    if norm == "ortho":
        options = {"type": type} if type != 2 else {}
        return getattr(xp, opposite(name))(g, **options, **the_axis(axis), norm=norm)
    if name.startswith("i"):
        return adjoint(name[1:], g, INVERSE.get(type, type), axis, TURNED[norm])
    return adjoint(name, g, type, axis, norm)


def along_one_axis(name, x, type, n, axis, norm):
    def jvp(dx):
        return getattr(xp, name)(dx, type=type, n=n, axis=axis, norm=norm)

    def vjp(g):
        return refitted(pull_back(name, g, type, axis, norm), x, n, axis)

    return jvp, vjp


@general(at=ONE, shape=of_length)
def dct(x, /, type=2, n=None, axis=-1, norm=None):
    return along_one_axis("dct", x, type, n, axis, norm)


@general(at=ONE, shape=of_length)
def idct(x, /, type=2, n=None, axis=-1, norm=None):
    return along_one_axis("idct", x, type, n, axis, norm)


@general(at=ONE, shape=of_length)
def dst(x, /, type=2, n=None, axis=-1, norm=None):
    return along_one_axis("dst", x, type, n, axis, norm)


@general(at=ONE, shape=of_length)
def idst(x, /, type=2, n=None, axis=-1, norm=None):
    return along_one_axis("idst", x, type, n, axis, norm)


def over_axes(name, x, type, s, axes, norm):
    """One transform after another, along each of the axes."""
    unsized(s)

    def jvp(dx):
        return getattr(xp, f"{name}n")(dx, type=type, axes=axes, norm=norm)

    def vjp(g):
        written(type, axes, norm)
        if norm == "ortho":
            options = ({"type": type} if type != 2 else {}) | ({} if axes is None else {"axes": axes})  # fmt: skip
            return getattr(xp, f"{opposite(name)}n")(g, **options, norm=norm)
        every = range(rank(g)) if axes is None else (axes,) if isinstance(axes, int) else axes  # fmt: skip
        for axis in every:
            g = pull_back(name, g, type, axis, norm)
        return g

    return jvp, vjp


same = shapes.giving("float", shapes.same)


@general(at=SEVERAL, shape=same)
def dctn(x, /, type=2, s=None, axes=None, norm=None):
    return over_axes("dct", x, type, s, axes, norm)


@general(at=SEVERAL, shape=same)
def idctn(x, /, type=2, s=None, axes=None, norm=None):
    return over_axes("idct", x, type, s, axes, norm)


@general(at=SEVERAL, shape=same)
def dstn(x, /, type=2, s=None, axes=None, norm=None):
    return over_axes("dst", x, type, s, axes, norm)


@general(at=SEVERAL, shape=same)
def idstn(x, /, type=2, s=None, axes=None, norm=None):
    return over_axes("idst", x, type, s, axes, norm)
