"""Functions written with torch: their gradients are torch, and agree with torch's own."""

import importlib

import pytest

from flatgrad.errors import FlatgradError
from flatgrad.namespaces import spellings
from flatgrad.options import Options
from flatgrad.pipeline import Transformation, transform

HEAD = "import torch\nimport torch.nn.functional as F\n\n\n"
X = "x: (N, D)"
IMAGES = "x: (N, C, H, W)"

# A body or an expression, what it says of shapes, and the sizes of its arguments; "y" are class labels.
FUNCTIONS = [
    ("x.sum(dim=0)", X, {"x": (4, 3)}),
    ("x.max(dim=1).values * x.amin(dim=1)", X, {"x": (4, 3)}),
    ("torch.max(x, 1, keepdim=True)[0] - x", X, {"x": (4, 3)}),
    ("x.std(dim=1) + x.var(dim=1, unbiased=False)", X, {"x": (4, 3)}),
    ("x.norm(dim=1) + x.norm(p=1)", X, {"x": (4, 3)}),
    ("x.clamp(min=0).pow(2).mean()", X, {"x": (4, 3)}),
    ("torch.where(x > 0, x, 0.1 * x).cumsum(1)", X, {"x": (4, 3)}),
    ("x.masked_fill(x > 0, 0.0).t().contiguous().view(-1)", X, {"x": (4, 3)}),
    ("x.unsqueeze(1).expand(-1, 5, -1).flatten(1)", X, {"x": (4, 3)}),
    ("x.repeat(2, 1) * x.sum()", X, {"x": (4, 3)}),
    ("x.topk(2, dim=1)[0] * x.sort(dim=1)[0][:, :2]", X, {"x": (4, 3)}),
    ("torch.cat([x, x ** 2], dim=1).chunk(2, dim=1)[1]", X, {"x": (4, 3)}),
    ("x.gather(1, torch.tensor([[0], [2], [1], [1]])).squeeze(1)", X, {"x": (4, 3)}),
    ("x[torch.tensor([0, 2, 0])] * x.index_select(0, torch.tensor([1, 1, 3]))", X, {"x": (4, 3)}),
    ("x[:, torch.tensor([0, 0, 2])].flip(1).roll(1, 0)", X, {"x": (4, 3)}),
    ("torch.diff(x, dim=1).sum() + torch.trace(x[:3])", X, {"x": (4, 3)}),
    ("x.double().sum() * x.detach()", X, {"x": (4, 3)}),
    ("torch.addmm(b, x, w, beta=0.5, alpha=2)", f"{X}  w: (D, M)  b: (M,)", {"x": (4, 3), "w": (3, 2), "b": (2,)}),
    ("F.linear(F.gelu(x), w, b).relu().sum()", f"{X}  w: (M, D)  b: (M,)", {"x": (4, 3), "w": (2, 3), "b": (2,)}),
    ("F.leaky_relu(x) + F.elu(x) + F.silu(x) + F.softplus(x) + F.gelu(x, approximate='tanh')", X, {"x": (4, 3)}),
    ("F.cross_entropy(x, y)", f"{X}  y: (N,) labels", {"x": (4, 3), "y": (4,)}),
    ("F.cross_entropy(x, y, label_smoothing=0.1, reduction='sum')", f"{X}  y: (N,) labels", {"x": (4, 3), "y": (4,)}),
    ("F.nll_loss(F.log_softmax(x, dim=1), y)", f"{X}  y: (N,) labels", {"x": (4, 3), "y": (4,)}),
    ("F.binary_cross_entropy_with_logits(x, w.sigmoid()) + F.smooth_l1_loss(x, w)", f"{X}  w: (N, D)", {"x": (4, 3), "w": (4, 3)}),
    ("F.layer_norm(x, x.shape[-1:], w, w) + F.normalize(x, dim=1)", f"{X}  w: (D,)", {"x": (4, 3), "w": (3,)}),
    ("F.conv2d(x, w, b, stride=2, padding=1)", f"{IMAGES}  w: (F, C, K, K)  b: (F,)", {"x": (2, 3, 5, 5), "w": (4, 3, 3, 3), "b": (4,)}),
    ("F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)", IMAGES, {"x": (2, 3, 4, 4)}),
    ("F.batch_norm(x, None, None, w, w, training=True)", f"{IMAGES}  w: (C,)", {"x": (2, 3, 4, 4), "w": (3,)}),
    ("F.group_norm(F.pad(x, (1, 1)), 3, w, w)", f"{IMAGES}  w: (C,)", {"x": (2, 3, 4, 4), "w": (3,)}),
    ("F.unfold(x, 2, padding=1) * 2", IMAGES, {"x": (2, 3, 4, 4)}),
    ("F.scaled_dot_product_attention(x, w, b, is_causal=True)", "x: (B, T, D)  w: (B, T, D)  b: (B, T, D)",
     {"x": (2, 4, 3), "w": (2, 4, 3), "b": (2, 4, 3)}),
    ("torch.linalg.svdvals(x).sum() + torch.linalg.norm(x)", X, {"x": (4, 3)}),
    # Writes: what torch's own gradients can follow, too.
    ("a = x * 2\n    a[:, 0] = 0\n    a[a < 0] *= 3\n    a.mul_(2)\n    return a", X, {"x": (4, 3)}),
    ("a = x * 2\n    a.index_add_(0, torch.tensor([0, 0]), x[:2])\n    a.t()[1].zero_()\n    return a", X, {"x": (4, 3)}),
    ("a = x.new_zeros(x.shape)\n    for i in range(x.size(0)):\n        a[i] = x[i].tanh() * i\n    return a", X, {"x": (4, 3)}),
    ("h = x[0]\n    hs = []\n    for t in range(x.shape[0]):\n        h = torch.tanh(x[t] + h @ w)\n        hs.append(h)\n    return torch.stack(hs)",
     f"{X}  w: (D, D)", {"x": (4, 3), "w": (3, 3)}),
]  # fmt: skip


def program(body, doc, names):
    text = body if "return" in body else f"return {body}"
    said = f'    """{doc}"""\n' if doc else ""
    return f"{HEAD}def f({', '.join(names)}):\n{said}    {text}\n"


def inputs(torch, sizes, dtype):
    torch.manual_seed(0)
    drawn = {n: torch.randn(*s, dtype=torch.float64) for n, s in sizes.items()}
    labels = torch.tensor([2, 0, 1, 1])
    return {n: labels if n == "y" else v.to(dtype) for n, v in drawn.items()}


def load(text):
    module = {"__name__": "tried"}
    exec(compile(text, "<tried>", "exec"), module)
    return module


@pytest.mark.parametrize("known", [True, False], ids=["shapes", "no-shapes"])
@pytest.mark.parametrize(
    ("body", "doc", "sizes"), FUNCTIONS, ids=[f[0][:50] for f in FUNCTIONS]
)
def test_gradient(body, doc, sizes, known):
    """In the type of the argument, and as torch says; without shapes it may be refused."""
    torch = pytest.importorskip("torch")
    text = program(body, doc if known else "", sizes)
    wrt = tuple(n for n in sizes if n != "y")
    try:
        emitted = transform(text, Options(("f",), wrt))
    except FlatgradError:
        assert not known
        return
    assert "numpy" not in emitted
    for dtype, close in ((torch.float64, 1e-11), (torch.float32, 1e-3)):
        given = inputs(torch, sizes, dtype)
        free = {n: given[n].clone().requires_grad_() for n in wrt}
        out = load(text)["f"](**{**given, **free})
        seed = torch.rand_like(out) + 0.5
        expected = torch.autograd.grad((out * seed).sum(), list(free.values()))
        value, found = load(emitted)["f_grad"](*given.values(), seed)
        torch.testing.assert_close(value, out.detach())
        for one, other in zip(
            found if len(wrt) > 1 else [found], expected, strict=True
        ):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            torch.testing.assert_close(one, other, rtol=close, atol=close)


# One call with its options, and the sizes of its arguments: in every mode, with its shapes and without them.
CALLS = [
    ("torch.var(x, dim=(0, 1), correction=2)", {"x": (4, 3)}),
    ("torch.var(x, 1, False)", {"x": (4, 3)}),
    ("torch.std(x, dim=-1, unbiased=False, keepdim=True)", {"x": (4, 3)}),
    ("torch.std_mean(x, dim=1)[1]", {"x": (4, 3)}),
    ("torch.mean(x, dim=(0, -1), dtype=torch.float64)", {"x": (2, 4, 3)}),
    ("x.sum((0, -1), keepdim=True)", {"x": (2, 4, 3)}),
    ("torch.norm(x, p=3)", {"x": (4, 3)}),
    ("torch.norm(x, p=0.5, dim=0)", {"x": (4, 3)}),
    ("torch.norm(x, p='nuc')", {"x": (4, 3)}),
    ("torch.norm(x, p=float('inf'))", {"x": (4, 3)}),
    ("x.norm(p=-torch.inf, dim=-1, keepdim=True)", {"x": (4, 3)}),
    ("torch.linalg.norm(x, ord=1)", {"x": (4, 3)}),
    ("torch.linalg.norm(x, 2)", {"x": (4, 3)}),
    ("torch.linalg.norm(x, ord='nuc', dim=(0, 2))", {"x": (4, 2, 3)}),
    ("torch.linalg.norm(x, ord=3, dim=-1)", {"x": (4, 3)}),
    ("torch.linalg.norm(x, float('inf'))", {"x": (4,)}),
    ("torch.linalg.vector_norm(x, ord=3, dim=(0, 1))", {"x": (4, 3)}),
    ("torch.linalg.matrix_norm(x)", {"x": (2, 4, 3)}),
    ("torch.linalg.matrix_norm(x, ord=1, keepdim=True)", {"x": (2, 4, 3)}),
    ("torch.linalg.vecdot(x, w, dim=0)", {"x": (4, 3), "w": (4, 3)}),
    ("torch.chunk(x, 2, dim=1)[1]", {"x": (4, 5)}),
    ("torch.chunk(x, 3)[0]", {"x": (6, 2)}),
    ("x.chunk(2, dim=-1)[0] * 2", {"x": (4, 3)}),
    ("torch.split(x, [1, 2], dim=-1)[0]", {"x": (4, 3)}),
    ("x.repeat(2)", {"x": (3,)}),
    ("x.tile(2)", {"x": (4, 3)}),
    ("F.pad(x, (1, 2, 0, 1))", {"x": (4, 3)}),
    ("F.pad(x, [1, 1], value=2.0)", {"x": (4, 3)}),
    ("torch.diagonal(x, 1)", {"x": (4, 3)}),
    ("torch.linalg.diagonal(x)", {"x": (2, 4, 3)}),
    ("x.diagonal(0, -2, -1)", {"x": (2, 4, 3)}),
    ("torch.linalg.multi_dot([x, x, x])", {"x": (3, 3)}),
    ("torch.matrix_exp(x)", {"x": (3, 3)}),
    ("torch.linalg.matrix_exp(x)", {"x": (2, 3, 3)}),
    ("torch.linalg.det(x)", {"x": (3, 3, 3)}),
    ("torch.linalg.slogdet(x).logabsdet", {"x": (2, 3, 3)}),
    ("torch.linalg.inv(x)", {"x": (3, 3, 3)}),
    ("torch.linalg.pinv(x)", {"x": (2, 4, 3)}),
    ("torch.linalg.svd(x, full_matrices=False).S", {"x": (2, 4, 3)}),
    ("torch.linalg.qr(x).R", {"x": (2, 3, 3)}),
    ("torch.linalg.eigvalsh((x + x.mT) / 2)", {"x": (2, 3, 3)}),
    ("torch.linalg.solve(x, w)", {"x": (3, 3), "w": (3,)}),
    ("torch.linalg.solve(x, w)", {"x": (3, 3), "w": (3, 2)}),
    ("torch.linalg.solve(x, w)", {"x": (2, 3, 3), "w": (2, 3)}),
    ("torch.linalg.solve(x, w)", {"x": (3, 3, 3), "w": (3, 3)}),
    ("torch.linalg.solve(x, w)", {"x": (2, 3, 3), "w": (2, 3, 4)}),
    ("torch.linalg.solve(x, w)", {"x": (3, 3), "w": (2, 3, 4)}),
]  # fmt: skip


def shapes_of(sizes):
    """x: (A, B)  w: (B, C), by the lengths."""
    letters = {n: "ABCDEG"[i] for i, n in enumerate(dict.fromkeys(n for s in sizes.values() for n in s))}  # fmt: skip
    told = {n: "".join(f"{letters[m]}, " for m in s) for n, s in sizes.items()}
    return "  ".join(f"{n}: ({inner.strip()})" for n, inner in told.items())


@pytest.mark.parametrize("known", [True, False], ids=["shapes", "no-shapes"])
@pytest.mark.parametrize(("body", "sizes"), CALLS, ids=[f"{c[0]}{[*c[1].values()]}" for c in CALLS])  # fmt: skip
def test_call(body, sizes, known):
    """As torch says, or refused; forward mode as the gradients have it, and the value's own shape."""
    torch = pytest.importorskip("torch")
    text = program(body, shapes_of(sizes) if known else "", sizes)
    read = Transformation(text, Options(("f",), tuple(sizes)))
    try:
        modules = {emit: load(read.emitted(emit)) for emit in ("grad", "pair", "jvp")}
    except FlatgradError:
        assert not known
        return
    given = inputs(torch, sizes, torch.float64)
    free = [v.clone().requires_grad_() for v in given.values()]
    out = load(text)["f"](*free)
    seed = torch.rand_like(out) + 0.5
    expected = torch.autograd.grad(out, free, seed)
    _, found = modules["grad"]["f_grad"](*given.values(), seed)
    *_, cache = modules["pair"]["f_forward"](*given.values())
    again = modules["pair"]["f_backward"](seed, cache)
    for gradients in (found, again):
        gradients = gradients if len(sizes) > 1 else [gradients]
        torch.testing.assert_close([*gradients], [*expected])
    directions = [torch.rand_like(v) for v in given.values()]
    value, tangent = modules["jvp"]["f_jvp"](*given.values(), *directions)
    torch.testing.assert_close(value, out.detach())
    assert tangent.shape == out.shape
    along = sum((g * d).sum() for g, d in zip(expected, directions, strict=True))
    torch.testing.assert_close((seed * tangent).sum(), along)


DROPPED = [
    "return F.dropout(x, 0.3)",
    "return F.dropout(x)",
    "return F.dropout(p=0.3, input=x) * x",
    "return F.dropout(x, 1.0) + x",
    "return F.dropout(x, p) * x",
    "return F.dropout(x, p, train) ** 2",
    "return F.dropout(x, 0.3, training=train) * x",
    "return F.dropout(x, 0.3, False) * x",
    "return F.dropout(x, 0.0) * x",
    "return torch.dropout(x, 0.3, True).tanh()",
    "return torch.dropout(x, p, train=train).tanh()",
    "return torch.nn.functional.dropout(x.t(), p=0.6).sum(dim=0)",
    "h = F.dropout(F.relu(x @ w), p, train)\n    return F.dropout(torch.tanh(h @ w), 0.2)",
    "return F.dropout(F.linear(F.dropout(F.relu(x), 0.3), w), 0.4)",
    "return F.dropout(x, 0.3) * F.dropout(x, 0.3)",
    "return F.dropout(x, 0.3) * torch.rand_like(x) + torch.randn_like(x)",
    "h = x\n    for i in range(3):\n        h = F.dropout(torch.tanh(h @ w), 0.3, train)\n    return h",
    "h = x\n    if train:\n        h = F.dropout(h, 0.3)\n    return h * x",
    "h = drop(x, p)\n    return h * drop(h, 0.5)",
    "return (x * F.dropout(w, 0.3).sum(dim=0)).tanh() * F.dropout(w[0], 0.2)",
    "d = F.dropout(w)\n    d[0] = 1.0\n    return x @ d + F.dropout(torch.tanh(w), 0.2)[0]",
    "a = F.dropout(x, 0.3)\n    a += x\n    a[0] = 0\n    return a * x",
]


def drawn_again(torch, call):
    """The value, and the next number that the generator draws: as many were drawn."""
    torch.manual_seed(3)
    return call(), torch.rand(1)


@pytest.mark.parametrize("body", DROPPED, ids=[b[:50] for b in DROPPED])
def test_dropout(body):
    """The same bits from the same random numbers, which are drawn once; gradients are torch's under the same seed."""
    torch = pytest.importorskip("torch")
    doc = '    """x: (N, D)  w: (D, D)"""\n'
    helper = "def drop(v, p):\n    return F.dropout(v * 2, p)\n\n\n"
    text = f"{HEAD}{helper}def f(x, w, p: float, train: bool):\n{doc}    {body}\n"
    read = Transformation(
        text, Options(("f",), ("x", "w") if "@ w" in body or ", w" in body else ("x",))
    )
    modules = {emit: load(read.emitted(emit)) for emit in ("grad", "pair", "jvp")}
    for train in (True, False):
        check_dropout(torch, load(text)["f"], modules, read.options.wrt, train)


def check_dropout(torch, forward, modules, wrt, train):
    given = inputs(torch, {"x": (4, 3), "w": (3, 3)}, torch.float32)
    rest = (0.4, train)
    free = {n: v.clone().requires_grad_(n in wrt) for n, v in given.items()}
    want, after = drawn_again(torch, lambda: forward(*free.values(), *rest))
    seed = torch.rand_like(want) + 0.5
    slopes = torch.autograd.grad((want * seed).sum(), [free[n] for n in wrt])

    def same(value, gradients):
        assert torch.equal(value, want.detach())
        for one, other in zip(
            gradients if len(wrt) > 1 else [gradients], slopes, strict=True
        ):
            torch.testing.assert_close(one, other)

    (value, gradients), next_one = drawn_again(
        torch, lambda: modules["grad"]["f_grad"](*given.values(), *rest, seed)
    )
    same(value, gradients)
    assert torch.equal(next_one, after)
    value, cache = drawn_again(
        torch, lambda: modules["pair"]["f_forward"](*given.values(), *rest)
    )[0]
    for _ in range(2):
        same(value, modules["pair"]["f_backward"](seed, cache))
    directions = [torch.randn_like(given[n]) for n in wrt]
    value, tangent = drawn_again(
        torch, lambda: modules["jvp"]["f_jvp"](*given.values(), *rest, *directions)
    )[0]
    assert torch.equal(value, want.detach())
    along = sum((s * d).sum() for s, d in zip(slopes, directions, strict=True))
    torch.testing.assert_close((tangent * seed).sum(), along)


REFUSED = [
    ("with torch.no_grad():\n        a = x * 2\n    return a * x", "FG105"),
    ("return F.dropout(x, 0.5, True, True)", "FG201"),
    ("return F.dropout(x, 0.5, inplace=True)", "FG202"),
    ("return torch.relu(x) + F.dropout(torch.tanh(x), 0.5)", "FG202"),
    (
        "a = F.dropout(x, 0.5, training=x.shape[0] > 2)\n    a += 1\n    return a * x",
        "FG401",
    ),
    ("return (lambda v: F.dropout(v, 0.5))(x)", "FG202"),
    ("a = x.sum()\n    a.backward()\n    return a", "FG202"),
    ("return F.softmax(x)", "FG202"),
    ("return torch.median(x)", "FG201"),
    ("return F.conv_transpose2d(x, x)", "FG201"),
    ("return x.numpy() * 2", "FG201"),
    ("return F.interpolate(x, scale_factor=2, mode='bilinear')", "FG202"),
    ("return F.cross_entropy(x, x.argmax(1), ignore_index=0)", "FG202"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED, ids=[r[0][:40] for r in REFUSED])
def test_what_is_not_read_is_refused(body, code):
    with pytest.raises(FlatgradError) as caught:
        transform(program(body, X, ["x"]), Options(("f",)))
    assert code in {d.code for d in caught.value.diagnostics}


@pytest.mark.parametrize(
    "namespace", ["torch", "torch.special", "torch.linalg", "torch.nn.functional"]
)
def test_every_name_of_the_tables_exists(namespace):
    pytest.importorskip("torch")
    library = importlib.import_module(namespace)
    names = {spelling.name for spelling in spellings(namespace)}
    assert {name for name in names if not hasattr(library, name)} == set()


def test_every_method_of_the_tables_exists():
    torch = pytest.importorskip("torch")
    names = {spelling.name for spelling in spellings("torch.Tensor")}
    assert {name for name in names if not hasattr(torch.Tensor, name)} == set()


JAX = [
    ("import jax.numpy as jnp", "jnp.maximum(x @ w, 0)", "x.T @ grad_a"),
    ("import jax.numpy as jnp", "x[0] * x[1:]", "grad_x.at[0].set("),
    ("import jax.numpy as jnp", "x.at[0].add(w[0])", "grad_w.at[0].set("),
    ("import cupy as cp", "cp.exp(x) @ w", "grad_out @ w.T"),
]


@pytest.mark.parametrize(("line", "body", "part"), JAX, ids=[j[1] for j in JAX])
def test_what_goes_by_the_names_of_numpy_is_printed_under_its_own(line, body, part):
    text = (
        f'{line}\n\n\ndef f(x, w):\n    """x: (N, D)  w: (D, M)"""\n    return {body}\n'
    )
    emitted = transform(text, Options(("f",)))
    assert part in emitted
    assert "import numpy" not in emitted


def test_arrays_of_jax_are_not_written_in_place():
    text = 'import jax.numpy as jnp\n\n\ndef f(x):\n    """x: (N,)"""\n    y = jnp.exp(x)\n    y[0] = 1\n    return y\n'
    with pytest.raises(FlatgradError, match="FG106"):
        transform(text, Options(("f",)))
