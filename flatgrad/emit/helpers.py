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
    "solve_grad_left": '''\
def solve_grad_left(grad_b, x):
    """The gradient of `a`, given `x = np.linalg.solve(a, b)` and the gradient of `b`."""
    return -np.outer(grad_b, x) if np.ndim(x) == 1 else -grad_b @ np.swapaxes(x, -1, -2)
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
    "zeros_like_tree": '''\
def zeros_like_tree(x):
    """Zeros in the structure of `x`, which may be a list or a dict of tensors; a list for a tuple."""
    if isinstance(x, dict):
        return {key: zeros_like_tree(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [zeros_like_tree(value) for value in x]
    return torch.zeros_like(x) if torch.is_tensor(x) else 0.0
''',
    "solve_grad_left": '''\
def solve_grad_left(grad_b, x):
    """The gradient of `a`, given `x = torch.linalg.solve(a, b)` and the gradient of `b`."""
    return -torch.outer(grad_b, x) if x.dim() == 1 else -grad_b @ x.transpose(-1, -2)
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
