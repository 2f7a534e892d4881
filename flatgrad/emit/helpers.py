"""Names -> the text of small functions that an emitted module defines for itself where shapes are not known."""

from __future__ import annotations

import re
from collections.abc import Iterable

HELPERS: dict[str, str] = {
    "unbroadcast": '''\
def unbroadcast(g, like):
    """Sum `g` over the axes along which `like` was broadcast."""
    extra = np.ndim(g) - np.ndim(like)
    stretched = [i for i, n in enumerate(np.shape(like), extra) if n == 1 and i >= 0]
    return np.sum(g, axis=(*range(extra), *stretched)).reshape(np.shape(like))
''',
    "resized": '''\
def resized(g, like, axis):
    """`g` cut, or filled up with zeros, to the length of `like` along an axis."""
    length = np.shape(like)[axis]
    kept = np.moveaxis(g, axis, -1)[..., :length]
    zeros = np.zeros((*kept.shape[:-1], length - kept.shape[-1]))
    return np.moveaxis(np.concatenate([kept, zeros], axis=-1), -1, axis)
''',
    "real_if_real": '''\
def real_if_real(g, x):
    """The gradient `g` of `x`, without an imaginary part where `x` is real."""
    return g if np.iscomplexobj(x) else np.real(g)
''',
    "matmul_grad_left": '''\
def matmul_grad_left(g, a, b):
    """The gradient of `a`, given that of `a @ b`."""
    if np.ndim(b) == 1:
        return np.expand_dims(g, -1) * b
    if np.ndim(a) == 1:
        return unbroadcast((b @ g[..., None])[..., 0], a)
    return unbroadcast(g @ np.swapaxes(b, -1, -2), a)
''',
    "matmul_grad_right": '''\
def matmul_grad_right(g, a, b):
    """The gradient of `b`, given that of `a @ b`."""
    if np.ndim(b) == 1:
        return unbroadcast(np.expand_dims(g, -1) * a, b)
    if np.ndim(a) == 1:
        return a[:, None] * g[..., None, :]
    return unbroadcast(np.swapaxes(a, -1, -2) @ g, b)
''',
    "dot_grad_left": '''\
def dot_grad_left(g, a, b):
    """The gradient of `a`, given that of `np.dot(a, b)`."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return unbroadcast(g * b, a)
    if np.ndim(b) == 1:
        return np.expand_dims(g, -1) * b
    return np.tensordot(g, np.moveaxis(b, -2, -1), axes=np.ndim(b) - 1)
''',
    "dot_grad_right": '''\
def dot_grad_right(g, a, b):
    """The gradient of `b`, given that of `np.dot(a, b)`."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return unbroadcast(g * a, b)
    if np.ndim(b) == 1:
        return np.tensordot(g, a, axes=np.ndim(g))
    return np.moveaxis(np.tensordot(np.moveaxis(a, -1, 0), g, axes=np.ndim(a) - 1), 0, -2)
''',
    "inner_grad_left": '''\
def inner_grad_left(g, a, b):
    """The gradient of `a`, given that of `np.inner(a, b)`."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return unbroadcast(g * b, a)
    return np.tensordot(g, b, axes=np.ndim(b) - 1)
''',
    "inner_grad_right": '''\
def inner_grad_right(g, a, b):
    """The gradient of `b`, given that of `np.inner(a, b)`."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return unbroadcast(g * a, b)
    rows = range(np.ndim(a) - 1)
    return np.tensordot(g, a, axes=(rows, rows))
''',
    "zeros_like_tree": '''\
def zeros_like_tree(x):
    """Zeros in the structure of `x`, which may be a list or a dict of arrays; a list for a tuple."""
    if isinstance(x, dict):
        return {key: zeros_like_tree(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [zeros_like_tree(value) for value in x]
    return np.zeros(np.shape(x))[()]
''',
    "zeros_like_lists": '''\
def zeros_like_lists(x):
    """Zeros in the structure of `x`, a list or a dict of numbers or of other such; a list for a tuple."""
    if isinstance(x, dict):
        return {key: zeros_like_lists(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [zeros_like_lists(value) for value in x]
    return 0.0 * x
''',
    "add_trees": '''\
def add_trees(a, b):
    """The sum of two arrays, or of two lists or dicts of arrays, item by item."""
    if isinstance(a, dict):
        return {key: add_trees(a[key], b[key]) for key in a}
    if isinstance(a, (list, tuple)):
        return [add_trees(x, y) for x, y in zip(a, b)]
    return a + b
''',
    "add_items": '''\
def add_items(xs, ys):
    """The sums of the items of two lists."""
    return [add_trees(x, y) for x, y in zip(xs, ys)]
''',
    "with_tuples": '''\
def with_tuples(grad, x):
    """A gradient in the structure of `x`: tuples where `x` has tuples."""
    if isinstance(x, dict):
        return {key: with_tuples(grad[key], value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(with_tuples(g, value) for g, value in zip(grad, x))
    return grad
''',
    "diagonal_sums": '''\
def diagonal_sums(x):
    """The sums along the diagonals of a matrix that begin in its first column."""
    return np.array([np.trace(x, -k) for k in range(len(x))])
''',
    "off_diagonal_sums": '''\
def off_diagonal_sums(x):
    """The same, but 0 for the main diagonal."""
    return np.array([0.0, *(np.trace(x, -k) for k in range(1, len(x)))])
''',
    "amid_zeros": '''\
def amid_zeros(g, a, b, late=0):
    """What was kept of the full convolution of `a` and `b`, from its middle or one place later, with zeros around it."""
    full = [n + m - 1 for n, m in zip(np.shape(a), np.shape(b))]
    before = [(n - m + late) // 2 for n, m in zip(full, g.shape)]
    return np.pad(g, [(i, n - m - i) for i, n, m in zip(before, full, g.shape)])
''',
    "overhang": '''\
def overhang(window, method):
    """How far a window that slides over an array reaches beyond it, before and after, along each axis."""
    before = {"correlate": lambda n: n // 2, "convolve": lambda n: (n - 1) // 2, "full": lambda n: n - 1}[method]
    return [(before(n), n - 1 if method == "full" else n - 1 - before(n)) for n in np.shape(window)]
''',
    "continued": '''\
def continued(x, window, mode, method):
    """`x` with as much beyond its edges as the window reads."""
    return np.pad(x, overhang(window, method), mode)
''',
    "folded": '''\
def folded(g, x, window, mode, method):
    """The gradient of `x`, given that of `continued(x, window, mode, method)`: copies of an element add up."""
    size, options = np.size(x), {"constant_values": -1} if mode == "constant" else {}
    places = np.pad(np.arange(size).reshape(np.shape(x)), overhang(window, method), mode, **options)
    return np.bincount(places[places >= 0], g[places >= 0], size).reshape(np.shape(x))
''',
    "lagged_products": '''\
def lagged_products(g, x, like, axis):
    """The sums of g[t] * x[t - k] over time t, along `axis`, for each place k in `like`."""
    g, x = np.moveaxis(g, axis, -1), np.moveaxis(x, axis, -1)
    n = x.shape[-1]
    sums = [np.sum(g[..., k:] * x[..., : max(n - k, 0)]) for k in range(np.size(like))]
    return np.reshape(sums, np.shape(like))
''',
    "odeint_backward": '''\
def odeint_backward(forward, backward, g, y, t, start=None):
    """The gradients of the state at the start and of the parameters: the adjoint equation, from each time to the one before."""
    from scipy.integrate import odeint

    def parts(state, time):
        value, cache = forward(state[: y.shape[1]], time)
        found = backward(state[y.shape[1] : 2 * y.shape[1]], cache)
        return value, found if isinstance(found, tuple) else (found,)

    def slope(state, time):
        value, found = parts(state, time)
        return np.concatenate([value, *(-np.ravel(part) for part in found)])

    shapes = [np.shape(part) for part in parts(np.concatenate([y[-1], g[-1]]), t[-1])[1]]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    sums = np.zeros(ends[-1])
    before = [t[0] if start is None else start, *t[:-1]]
    for k in reversed(range(len(t))):
        sums[: ends[0]] += g[k]
        if before[k] != t[k]:
            state = np.concatenate([y[k], sums])
            sums = odeint(slope, state, [t[k], before[k]], rtol=1e-10, atol=1e-10)[-1, y.shape[1] :]
    return tuple(np.reshape(part, shape)[()] for part, shape in zip(np.split(sums, ends[:-1]), shapes))
''',
    "odeint_tangent": '''\
def odeint_tangent(both, y, dot_y, t, start=None):
    """The tangent of the states at the times t: the variational equation, integrated along with the equation itself."""
    from scipy.integrate import odeint

    y = np.atleast_1d(y)
    n = len(y)

    def slope(state, time):
        return np.concatenate([np.ravel(part) for part in both(state[:n], state[n:], time)])

    begun = np.concatenate([y, np.broadcast_to(dot_y, n)])
    times = t if start is None else np.append(start, t)
    states = odeint(slope, begun, times, rtol=1e-10, atol=1e-10)
    return states[:, n:] if start is None else states[1:, n:]
''',
    "banded_product": '''\
def banded_product(u, v, below, above):
    """The band of the matrix u v', as scipy.linalg.solve_banded stores it."""
    n = len(u)
    u, v = np.reshape(u, (n, -1)), np.reshape(v, (n, -1))
    band = np.zeros((below + above + 1, n))
    for k in range(-above, below + 1):
        rows, columns = slice(max(k, 0), n - max(-k, 0)), slice(max(-k, 0), n - max(k, 0))
        band[above + k, columns] = np.sum(u[rows] * v[columns], axis=1)
    return band
''',
    "banded_times": '''\
def banded_times(band, x, below, above):
    """The product of a matrix that is stored as its band with a vector or a matrix."""
    n, total = len(x), np.zeros(np.shape(x))
    for k in range(-above, below + 1):
        rows, columns = slice(max(k, 0), n - max(-k, 0)), slice(max(-k, 0), n - max(k, 0))
        total[rows] += (band[above + k, columns] * x[columns].T).T
    return total
''',
    "transposed_band": '''\
def transposed_band(band, below, above):
    """The band of the transposed matrix."""
    n, turned = np.shape(band)[1], np.zeros(np.shape(band))
    for k in range(-above, below + 1):
        rows, columns = slice(max(k, 0), n - max(-k, 0)), slice(max(-k, 0), n - max(k, 0))
        turned[below - k, rows] = band[above + k, columns]
    return turned
''',
    "row_order": '''\
def row_order(pivots):
    """Which row comes to stand in each, when row i was exchanged for row pivots[i], one after the other."""
    order = np.arange(len(pivots))
    for i, other in enumerate(pivots):
        order[[i, other]] = order[[other, i]]
    return order
''',
    "solve_grads": '''\
def solve_grads(g, a, b, x):
    """The gradients of `a` and `b`, given that of `x = np.linalg.solve(a, b)`; each may be a stack."""
    if np.ndim(b) == 1:
        g, x = g[..., None], x[..., None]
    grad_b = np.linalg.solve(np.swapaxes(a, -1, -2), g)
    grad_a = -grad_b @ np.swapaxes(x, -1, -2)
    return unbroadcast(grad_a, a), unbroadcast(grad_b[..., 0] if np.ndim(b) == 1 else grad_b, b)
''',
    "solve_tangent": '''\
def solve_tangent(dot_a, dot_b, a, b, x):
    """The tangent of `x = np.linalg.solve(a, b)`, where each may be a stack."""
    if np.ndim(b) == 1:
        return np.linalg.solve(a, dot_b[:, None] - dot_a @ x[..., None])[..., 0]
    return np.linalg.solve(a, dot_b - dot_a @ x)
''',
    "solve_grad_left": '''\
def solve_grad_left(grad_b, x):
    """The gradient of `a`, given `x = np.linalg.solve(a, b)` and the gradient of `b`."""
    if np.ndim(x) == 1:
        return -np.outer(grad_b, x)
    grad_a = -grad_b @ np.swapaxes(x, -1, -2)
    return grad_a.sum(axis=tuple(range(grad_a.ndim - 2)))
''',
}

# The same with torch; what is not listed reads as it stands.
OF_TENSORS: dict[str, str] = {
    "unbroadcast": '''\
def unbroadcast(g, like):
    """Sum `g` over the axes along which `like` was broadcast."""
    return torch.as_tensor(g).sum_to_size(torch.as_tensor(like).shape)
''',
    "matmul_grad_left": '''\
def matmul_grad_left(g, a, b):
    """The gradient of `a`, given that of `a @ b`."""
    if b.dim() == 1:
        return g[..., None] * b
    if a.dim() == 1:
        return unbroadcast((b @ g[..., None])[..., 0], a)
    return unbroadcast(g @ b.transpose(-1, -2), a)
''',
    "matmul_grad_right": '''\
def matmul_grad_right(g, a, b):
    """The gradient of `b`, given that of `a @ b`."""
    if b.dim() == 1:
        return unbroadcast(g[..., None] * a, b)
    if a.dim() == 1:
        return a[:, None] * g[..., None, :]
    return unbroadcast(a.transpose(-1, -2) @ g, b)
''',
    "inner_grad_left": '''\
def inner_grad_left(g, a, b):
    """The gradient of `a`, given that of `torch.inner(a, b)`."""
    if a.dim() == 0 or b.dim() == 0:
        return unbroadcast(g * b, a)
    return torch.tensordot(g, b, dims=b.dim() - 1)
''',
    "inner_grad_right": '''\
def inner_grad_right(g, a, b):
    """The gradient of `b`, given that of `torch.inner(a, b)`."""
    if a.dim() == 0 or b.dim() == 0:
        return unbroadcast(g * a, b)
    rows = list(range(a.dim() - 1))
    return torch.tensordot(g, a, dims=(rows, rows))
''',
    "expm_frechet": '''\
def expm_frechet(a, e):
    """The derivative of `torch.linalg.matrix_exp` at `a` along `e`."""
    n = a.shape[-1]
    rows = [torch.cat([a, e], dim=-1), torch.cat([torch.zeros_like(a), a], dim=-1)]
    return torch.linalg.matrix_exp(torch.cat(rows, dim=-2))[..., :n, n:]
''',
    "zeros_like_tree": '''\
def zeros_like_tree(x):
    """Zeros in the structure of `x`, which may be a list or a dict of tensors; a list for a tuple."""
    if isinstance(x, dict):
        return {key: zeros_like_tree(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [zeros_like_tree(value) for value in x]
    return torch.zeros_like(x) if torch.is_tensor(x) else 0.0
''',
    "solve_grads": '''\
def solve_grads(g, a, b, x):
    """The gradients of `a` and `b`, given that of `x = torch.linalg.solve(a, b)`; each may be a stack."""
    vectors = b.dim() == 1 or b.shape == a.shape[:-1]
    if vectors:
        g, x = g[..., None], x[..., None]
    grad_b = torch.linalg.solve(a.mT, g)
    grad_a = -grad_b @ x.mT
    return unbroadcast(grad_a, a), unbroadcast(grad_b[..., 0] if vectors else grad_b, b)
''',
    "solve_tangent": '''\
def solve_tangent(dot_a, dot_b, a, b, x):
    """The tangent of `x = torch.linalg.solve(a, b)`, where each may be a stack."""
    if b.dim() == 1 or b.shape == a.shape[:-1]:
        return torch.linalg.solve(a, dot_b[..., None] - dot_a @ x[..., None])[..., 0]
    return torch.linalg.solve(a, dot_b - dot_a @ x)
''',
    "solve_grad_left": '''\
def solve_grad_left(grad_b, x):
    """The gradient of `a`, given `x = torch.linalg.solve(a, b)` and the gradient of `b`."""
    if x.dim() == 1:
        return -torch.outer(grad_b, x)
    return (-grad_b @ x.transpose(-1, -2)).sum_to_size(x.shape[-2], x.shape[-2])
''',
}
TEXTS = {"torch": HELPERS | OF_TENSORS}


def helpers_of(library: str) -> dict[str, str]:
    """The texts of the helpers in terms of a library of arrays."""
    return TEXTS.get(library, HELPERS)


def with_needed(names: Iterable[str], library: str = "numpy") -> list[str]:
    """The helpers `names` and those that they call, each after what it calls."""
    texts, ordered = helpers_of(library), list[str]()
    for name in names:
        inner = [
            other
            for other in texts
            if other != name and re.search(rf"\b{other}\(", texts[name])
        ]
        ordered += [n for n in (*with_needed(inner, library), name) if n not in ordered]
    return ordered
