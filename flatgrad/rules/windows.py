"""Convolutions and pools: what slides a window over the last axes, as torch.nn.functional has it."""

from math import prod

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import constant, general, linear, probe
from flatgrad.rules.arithmetic import absent
from flatgrad.rules.axes import rank, together
from flatgrad.types import Dim, Shape, join

IMAGE = (
    (((0.3, -0.7, 0.2, 1.1), (1.2, 0.1, -0.4, 0.6), (0.9, -1.4, 0.8, -0.3)),
     ((2.1, 0.4, -0.9, 0.5), (-0.2, 0.6, 1.3, -1.1), (1.1, -0.3, 0.7, 0.05))),
)  # fmt: skip
FILTERS = (
    (((0.5, -0.2), (0.1, 0.7)), ((-0.6, 0.3), (0.9, -0.4))),
    (((-0.3, 0.8), (0.2, 0.4)), ((0.6, -0.1), (-0.7, 0.35))),
)  # fmt: skip
BIAS = (0.4, -0.25)
SIGNAL = (((0.3, -0.7, 0.2, 1.1, 0.45), (1.2, 0.1, -0.4, 0.6, -0.15)),)
TAPS = (((0.5, -0.2), (0.1, 0.7)), ((-0.6, 0.3), (0.9, -0.4)), ((0.2, 0.8), (-0.5, 0.1)))  # fmt: skip
some_float = shapes.giving("float", shapes.anything)


def convolved(n):
    """torch takes a batch of signals with channels, or a single one, for which its gradients raise an error."""

    def shape(eqn):
        x, weight = eqn.args[0].type.shape, eqn.args[1].type.shape
        for of_rank in (x, weight):
            if of_rank.dims is None:
                join(of_rank, Shape(Dim() for _ in range(n + 2)))
        if x.rank == weight.rank == n + 2:
            sizes = (Dim() for _ in range(n))
            if eqn.out.type.shape.dims is None:
                join(eqn.out.type.shape, Shape((x.dims[0], weight.dims[0], *sizes)))
        eqn.out.type.kind = "float"

    return shape


def pooled(n):
    def shape(eqn):
        x, out = eqn.args[0].type.shape, eqn.out.type.shape
        if x.dims is None:
            join(x, Shape(Dim() for _ in range(n + 2)))
        if out.dims is None:
            join(out, Shape((*x.dims[:-n], *(Dim() for _ in range(n)))))
        eqn.out.type.kind = "float"

    return shape


def pooled_like(n):
    """The same, of which an input without a batch is known to be one."""

    def shape(eqn):
        x, out = eqn.args[0].type.shape, eqn.out.type.shape
        if x.dims is not None and out.dims is None:
            join(out, Shape((*x.dims[:-n], *(Dim() for _ in range(n)))))
        eqn.out.type.kind = "float"

    return shape


def written(padding):
    """A padding as numbers."""
    if isinstance(padding, Expr):
        return padding
    if padding == "valid":
        return 0
    if isinstance(padding, str):
        raise NotImplementedError(f"padding={padding!r}")
    return padding


def convolution(n, x, weight, bias, options):
    """Linear in x and in the weight: each of the three sums has the others as its derivatives."""
    options = {k: written(v) for k, v in options.items() if v is not None}
    axes = together(i for i in range(n + 2) if i != 1)
    if rank(x) != n + 2:
        raise NotImplementedError("an input without a batch")

    def jvp(dx, dweight, dbias=None):
        plain = {k: v for k, v in options.items() if v is not None}
        op = getattr(xp, f"conv{n}d")
        terms = [] if dx is None else [op(dx, weight, **plain)]
        terms += [] if dweight is None else [op(x, dweight, **plain)]
        terms += [] if dbias is None else [xp.reshape(dbias, (1, -1, *[1] * n))]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        zeros = xp.zeros_like(op(x, weight, **plain)) if len(terms) == 1 and dbias is not None else None  # fmt: skip
        return total if zeros is None else total + zeros

    def vjp(g):
        to_input, to_weight = (
            getattr(xp, f"conv{n}d_{name}") for name in ("input", "weight")
        )
        return (
            to_input(xp.shape(x), weight, g, **options),
            to_weight(x, xp.shape(weight), g, **options),
            None if absent(bias) else xp.sum(g, axis=axes),
        )

    return jvp, vjp


@general(
    at=[probe(IMAGE, FILTERS, BIAS), probe(IMAGE, FILTERS), probe(IMAGE, FILTERS, BIAS, stride=2, padding=1),
        probe(IMAGE, FILTERS, stride=(1, 2), padding=(1, 0)), probe(IMAGE, FILTERS, dilation=2),
        probe(IMAGE, tuple((f[0],) for f in FILTERS), groups=2)],
    shape=convolved(2),
)  # fmt: skip
def conv2d(x, weight, bias=None, /, stride=None, padding=None, dilation=None, groups=None):  # fmt: skip
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}  # fmt: skip
    return convolution(2, x, weight, bias, options)


@general(
    at=[
        probe(SIGNAL, TAPS, (0.4, -0.25, 0.1)),
        probe(SIGNAL, TAPS, stride=2, padding=1),
    ],
    shape=convolved(1),
)
def conv1d(x, weight, bias=None, /, stride=None, padding=None, dilation=None, groups=None):  # fmt: skip
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}  # fmt: skip
    return convolution(1, x, weight, bias, options)


constant(
    "conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", shape=some_float
)


# --- pools -------------------------------------------------------------------------------------------------------


def pooled_by_max(n, x, kernel_size, stride, padding):
    """The gradient of each maximum goes to the place where it was found."""
    options = {k: v for k, v in (("stride", stride), ("padding", padding)) if v is not None}  # fmt: skip
    places = getattr(xp, f"max_pool{n}d_places")(x, kernel_size=kernel_size, **options)

    def flat(v):
        return xp.flatten_last(v, count=n) if n > 1 else v

    def jvp(dx):
        return xp.reshape(xp.gather(flat(dx), flat(places), axis=-1), xp.shape(places))

    def vjp(g):
        total = xp.scatter_add(xp.zeros_like(flat(x)), flat(places), flat(g), axis=-1)
        return xp.reshape(total, xp.shape(x)) if n > 1 else total

    return jvp, vjp


@general(
    at=[probe(IMAGE, kernel_size=2), probe(IMAGE, kernel_size=2, stride=1), probe(IMAGE, kernel_size=(3, 2), stride=1, padding=1)],
    shape=pooled_like(2),
)  # fmt: skip
def max_pool2d(x, /, kernel_size=..., stride=None, padding=None):
    return pooled_by_max(2, x, kernel_size, stride, padding)


@general(
    at=[probe(SIGNAL, kernel_size=2), probe(SIGNAL, kernel_size=3, stride=1)],
    shape=pooled_like(1),
)
def max_pool1d(x, /, kernel_size=..., stride=None, padding=None):
    return pooled_by_max(1, x, kernel_size, stride, padding)


def pooled_by_mean(n, x, kernel_size, stride, padding, g):
    """A convolution of each channel with equal weights."""
    sizes = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * n
    if isinstance(kernel_size, Expr) or any(isinstance(s, Expr) for s in sizes):
        raise NotImplementedError("a kernel size that is not written down")
    if rank(x) != n + 2:
        raise NotImplementedError("an input without a batch")
    options = {} if padding is None else {"padding": padding}
    channels = xp.shape(x)[1]
    one = (channels, 1, *sizes)
    weight = xp.full_of(x, xp.tuple(*one) if isinstance(x, Expr) else one, 1 / prod(sizes))  # fmt: skip
    stride = kernel_size if stride is None else stride
    to_input = getattr(xp, f"conv{n}d_input")
    return to_input(xp.shape(x), weight, g, stride=stride, **options, groups=channels)


@linear(
    at=[probe(IMAGE, kernel_size=2), probe(IMAGE, kernel_size=2, stride=1), probe(IMAGE, kernel_size=(3, 2), stride=1, padding=1)],
    shape=pooled(2),
)  # fmt: skip
def avg_pool2d(x, /, kernel_size=..., stride=None, padding=None, *, g):
    return pooled_by_mean(2, x, kernel_size, stride, padding, g)


@linear(
    at=[probe(SIGNAL, kernel_size=2), probe(SIGNAL, kernel_size=3, stride=1)],
    shape=pooled(1),
)
def avg_pool1d(x, /, kernel_size=..., stride=None, padding=None, *, g):
    return pooled_by_mean(1, x, kernel_size, stride, padding, g)


constant("max_pool1d_places", "max_pool2d_places", shape=shapes.giving("int", shapes.anything))  # fmt: skip
constant("full_of", shape=some_float)


@linear(at=[probe(IMAGE, times=(2, 3)), probe(SIGNAL, times=(2,))], shape=some_float)
def nearest(x, /, times=..., *, g):
    """Each element as often as `times` says along each of the last axes."""
    return getattr(xp, f"avg_pool{len(times)}d")(g, kernel_size=times) * prod(times)


@linear(at=[probe(IMAGE, count=2)], shape=shapes.giving("any", shapes.anything))
def flatten_last(x, /, count=..., *, g):
    return xp.reshape(g, xp.shape(x))


# --- columns of windows ------------------------------------------------------------------------------------------


def given(**options):
    return {k: v for k, v in options.items() if v is not None}


@linear(
    at=[probe(IMAGE, kernel_size=2), probe(IMAGE, kernel_size=(2, 3), padding=1, stride=2)],
    shape=some_float,
)  # fmt: skip
def unfold(x, /, kernel_size=..., dilation=None, padding=None, stride=None, *, g):
    options = given(dilation=dilation, padding=padding, stride=stride)
    return xp.fold(g, output_size=xp.shape(x)[-2:], kernel_size=kernel_size, **options)


COLUMNS = ((tuple(0.1 * i - 0.3 for i in range(6)), tuple(0.2 * i * i - 0.7 for i in range(6)),
            tuple(0.3 - 0.1 * i for i in range(6)), tuple(0.05 * i for i in range(6))),)  # fmt: skip


@linear(at=[probe(COLUMNS, output_size=(3, 4), kernel_size=2)], shape=some_float)
def fold(x, /, output_size=..., kernel_size=..., dilation=None, padding=None, stride=None, *, g):  # fmt: skip
    options = given(dilation=dilation, padding=padding, stride=stride)
    return xp.unfold(g, kernel_size=kernel_size, **options)
