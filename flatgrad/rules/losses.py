"""Losses of neural networks, as torch.nn.functional has them: each element by itself, then their mean or their sum."""

from flatgrad import shapes
from flatgrad.builder import Expr, xp
from flatgrad.registry import composed, constant, elementwise, general, probe
from flatgrad.rules.arithmetic import absent
from flatgrad.rules.axes import MATRIX, known_rank, written_down
from flatgrad.shapes import broadcast, learn, option
from flatgrad.types import Dim, Shape, join, scalar

REDUCTIONS = ("mean", "sum", "none")
OTHER = ((0.4, -0.6, 1.3), (0.9, 0.2, -0.7))
SHARES = ((0.2, 0.7, 0.1), (0.5, 0.25, 0.25))
ALL = [probe(MATRIX, OTHER, reduction=r) for r in REDUCTIONS] + [probe(MATRIX, OTHER)]
LEAST = 1e-12  # what torch divides by where a probability is 0 or 1


def loss_shape(eqn):
    """One number, or one for each element."""
    learn(eqn.out.type, "float")
    if option(eqn, "reduction") in (None, "mean", "sum", "batchmean"):
        join(eqn.out.type.shape, scalar())
    else:
        broadcast(eqn.out.type, [a.type for a in eqn.args])


def reduced(loss, reduction):
    match written_down("reduction", reduction):
        case "mean":
            return xp.mean(loss)
        case "sum":
            return xp.sum(loss)
        case "none":
            return loss
        case _:
            raise NotImplementedError(f"reduction={reduction!r}")


@composed(at=ALL, shape=loss_shape)
def mse_loss(x, target, /, reduction="mean"):
    return reduced((x - target) ** 2, reduction)


@composed(at=ALL, shape=loss_shape)
def l1_loss(x, target, /, reduction="mean"):
    return reduced(xp.abs(x - target), reduction)


@composed(at=[*ALL, probe(MATRIX, OTHER, beta=0.5)], shape=loss_shape)
def smooth_l1_loss(x, target, /, reduction="mean", beta=1.0):
    if written_down("beta", beta) == 0:
        return reduced(xp.abs(x - target), reduction)
    apart = x - target
    far = xp.abs(apart)
    near = apart**2 / (2 * beta)
    return reduced(xp.where(far < beta, near, far - beta / 2), reduction)


@composed(at=[*ALL, probe(MATRIX, OTHER, delta=0.5)], shape=loss_shape)
def huber_loss(x, target, /, reduction="mean", delta=1.0):
    apart = x - target
    far = xp.abs(apart)
    near, wide = apart**2 / 2, delta * (far - delta / 2)
    return reduced(xp.where(far < delta, near, wide), reduction)


@elementwise(at=[(0.3, 0.8), (SHARES, 0.25)], shape=shapes.elementwise_float)
def bernoulli_loss(p, target, /):
    """-log of the probability of `target`, where that of 1 is p; no logarithm is less than -100."""
    log_p, log_rest = (xp.maximum(xp.log(q), -100) for q in (p, 1 - p))
    return (p - target) / xp.maximum(p * (1 - p), LEAST), log_rest - log_p


@elementwise(at=[(0.3, 0.8), (MATRIX, 0.25)], shape=shapes.elementwise_float)
def logistic_loss(x, target, /):
    """The same of p = sigmoid(x)."""
    return xp.sigmoid(x) - target, -x


BERNOULLI = [probe(SHARES, (0.25, 0.5, 0.75), reduction=r) for r in REDUCTIONS]


@composed(at=BERNOULLI, shape=loss_shape)
def binary_cross_entropy(x, target, /, reduction="mean"):
    return reduced(xp.bernoulli_loss(x, target), reduction)


@composed(at=[*ALL, *BERNOULLI], shape=loss_shape)
def binary_cross_entropy_with_logits(x, target, /, reduction="mean"):
    return reduced(xp.logistic_loss(x, target), reduction)


@composed(at=[probe(MATRIX, SHARES, reduction=r) for r in (*REDUCTIONS, "batchmean")]
          + [probe(MATRIX, OTHER, log_target=True)], shape=loss_shape)  # fmt: skip
def kl_loss(x, target, /, reduction="mean", log_target=False):
    """t (log t - x), where x is a logarithm, and the target may be one."""
    if written_down("log_target", log_target):
        loss = xp.exp(target) * (target - x)
    else:
        loss = xp.xlogy(target, target) - target * x
    if written_down("reduction", reduction) == "batchmean":
        return xp.sum(loss) / xp.shape(x)[0]
    return reduced(loss, reduction)


@composed(at=ALL, shape=loss_shape)
def soft_margin_loss(x, target, /, reduction="mean"):
    return reduced(xp.smooth_relu(-target * x), reduction)


# --- classes -----------------------------------------------------------------------------------------------------


def class_axis(x):
    return 0 if known_rank(x) == 1 else 1


def one_for_each_row(eqn):
    """A number, or one for each class index, or for each row of shares."""
    learn(eqn.out.type, "float")
    if option(eqn, "reduction") in (None, "mean", "sum"):
        join(eqn.out.type.shape, scalar())
        return
    dims = eqn.args[0].type.shape.dims
    if dims is not None:
        at = 0 if len(dims) == 1 else 1
        join(eqn.out.type.shape, Shape(d for i, d in enumerate(dims) if i != at))


def gives_shares(x, target):
    """The target has as many axes as x: a share of each class, rather than the index of one."""
    n, m = known_rank(x), known_rank(target)
    if isinstance(target, Expr) and m is None and target.atom.type.kind != "int":
        raise NotImplementedError(
            "whether the target holds class indices or shares is not known: state its shape"
        )
    if isinstance(target, Expr) and n is None and target.atom.type.kind == "float":
        raise NotImplementedError("the shape of its argument is not known")
    return m is not None and m == n


def shares(x, target, smoothing=0.0):
    """The share of each class, in the layout of x."""
    axis, count = class_axis(x), xp.shape(x)[class_axis(x)]
    if not gives_shares(x, target):
        target = xp.one_hot(target, count)
        target = (
            target
            if known_rank(x) in (1, 2)
            else xp.moveaxis(target, source=-1, destination=axis)
        )
    if written_down("label_smoothing", smoothing):
        target = (1 - smoothing) * xp.to_like(target, x) + smoothing / count
    return target


CLASSES = [
    probe(MATRIX, [2, 0], reduction=r) for r in REDUCTIONS
] + [probe(MATRIX, SHARES, reduction=r) for r in REDUCTIONS]  # fmt: skip


@general(
    at=[*CLASSES, probe(MATRIX, [2, 0], label_smoothing=0.1), probe(MATRIX, SHARES, label_smoothing=0.1)],
    shape=one_for_each_row,
)  # fmt: skip
def cross_entropy(x, target, /, reduction="mean", label_smoothing=0.0):
    """The derivative in x is softmax(x) minus the shares of the target."""
    axis, p = class_axis(x), shares(x, target, label_smoothing)
    whole = gives_shares(x, target)
    rows = xp.size(x) / xp.shape(x)[axis] if whole else xp.size(target)
    if known_rank(x) == 2:
        rows = xp.shape(x)[0]
    q = xp.softmax(x, axis=axis)
    total = xp.sum(p, axis=axis, keepdims=True) if whole else 1
    partial = q * total - p if whole else q - p

    def jvp(dx, dtarget):
        moved = 0 if absent(dx) else xp.sum(partial * dx, axis=axis)
        if dtarget is not None:
            along = xp.log_softmax(x, axis=axis)
            moved = moved - (1 - label_smoothing) * xp.sum(along * dtarget, axis=axis)
        moved = xp.sum(moved) if reduction != "none" else moved
        return moved / rows if reduction == "mean" else moved

    def vjp(g):
        if written_down("reduction", reduction) not in REDUCTIONS:
            raise NotImplementedError(f"reduction={reduction!r}")
        g = g / rows if reduction == "mean" else g
        g = xp.expand_dims(g, axis=axis) if reduction == "none" else g
        if not whole:
            return partial * g, None
        spread = (1 - label_smoothing) if label_smoothing else 1
        return partial * g, -spread * xp.log_softmax(x, axis=axis) * g

    return jvp, vjp


@general(
    at=[*(probe(MATRIX, [2, 0], reduction=r) for r in REDUCTIONS)],
    shape=one_for_each_row,
)
def nll_loss(x, target, /, reduction="mean"):
    """x holds logarithms of probabilities; the target says which one counts in each row."""
    axis, rows = class_axis(x), xp.size(target)
    if known_rank(x) == 2:
        rows = xp.shape(x)[0]
    chosen = shares(x, target)

    def jvp(dx, _):
        moved = -xp.sum(chosen * dx, axis=axis)
        moved = xp.sum(moved) if reduction != "none" else moved
        return moved / rows if reduction == "mean" else moved

    def vjp(g):
        if written_down("reduction", reduction) not in REDUCTIONS:
            raise NotImplementedError(f"reduction={reduction!r}")
        g = g / rows if reduction == "mean" else g
        g = xp.expand_dims(g, axis=axis) if reduction == "none" else g
        return -chosen * g, None

    return jvp, vjp


def one_hot_shape(eqn):
    """A new last axis, as long as there are classes."""
    learn(eqn.out.type, "int")
    target = eqn.args[0].type
    if target.shape.dims is not None and len(eqn.args) > 1:
        count = eqn.args[1].type.dim or Dim()
        join(eqn.out.type.shape, Shape((*target.shape.dims, count)))


constant("one_hot", shape=one_hot_shape)
