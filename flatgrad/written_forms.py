"""Ways of writing that are not one name with one meaning: a function for each, which shows whether it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """`body` computes a number from the matrix x, which is 3 by 3, positive and diagonally dominant."""

    namespace: str
    name: str
    body: str
    constant: bool = False  # the form gives something that carries no gradient

    @property
    def text(self) -> str:
        """A file with the function f."""
        *lines, last = self.body.split("; ")
        imports = TORCH if self.namespace.startswith("torch") else IMPORTS
        return "\n    ".join((f"{imports}def f(x):", *lines, f"return {last}\n"))


TORCH = "import torch\n\n\n"
IMPORTS = """\
import functools
import math

import numpy as np
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg
import scipy.spatial.distance
import scipy.stats
from scipy import special


"""


def _forms(namespace: str, table: dict[str, str], constant: bool = False) -> list[Form]:
    return [Form(namespace, name, body, constant) for name, body in table.items()]


FORMS = [
    *_forms(
        "numpy",
        {
            "add.at": "y = x.copy(); np.add.at(y, [0, 2, 0], x[1]); np.sum(y**2)",
            "subtract.at": "y = x.copy(); np.subtract.at(y, [0, 2], x[1]); np.sum(y**2)",
            "copyto": "y = np.zeros((3, 3)); np.copyto(y, x**2); np.sum(y * x)",
            "put": "y = x.copy(); np.put(y, [0, 4], x[1, :2] ** 2); np.sum(y**2)",
            "select": "np.sum(np.select([x > 0.45, x > 0.35], [x**2, x**3], x))",
            "choose": "np.sum(np.choose(np.array([0, 2, 1]), [x[0], x[1] ** 2, x[2] ** 3]))",
            "block": "y = x.reshape(3, 3); np.sum(np.block([[y, y**2], [y, y]]) ** 2)",
            "unstack": "a, b, c = np.unstack(x.reshape(3, 3)); np.sum(a * b**2 * c)",
            "put_along_axis": "y = x.reshape(3, 3).copy(); np.put_along_axis(y, np.array([[0], [2], [1]]), x[:, :1] ** 2, 1)"
            "; np.sum(y**2)",
            "fill_diagonal": "y = x.reshape(3, 3) ** 2; np.fill_diagonal(y, 0.5); np.sum(y**2)",
            "lib.stride_tricks.sliding_window_view": "w = np.lib.stride_tricks.sliding_window_view(x[0], 2)"
            "; np.sum(w.sum(axis=1) ** 2)",
            "lib.stride_tricks.as_strided": "w = np.lib.stride_tricks.as_strided(x[0], (2, 2), (8, 8)); np.sum(w**2)",
            "dtype-casts(astype)": "np.sum(x.astype(np.float64) ** 2)",
            "apply_along_axis": "np.sum(np.apply_along_axis(lambda r: r**2, 1, x))",
        },
    ),
    *_forms(
        "numpy.ndarray",
        {
            "__getitem__ basic slice": "np.sum(x[1:, ::2] ** 2)",
            "__getitem__ int array": "np.sum(x[np.array([0, 2, 0])] ** 2)",
            "__getitem__ bool mask": "np.sum(x[x > 0.35] ** 2)",
            "__getitem__ newaxis/Ellipsis": "np.sum(x[..., None, 1] ** 2 * x[0, np.newaxis])",
            "__setitem__ slice": "y = x**2; y[1:, 0] = x[0, 1:] ** 2; np.sum(y**2)",
            "__setitem__ mask": "y = x**2; y[x > 0.35] = 0.5; np.sum(y**2)",
            "__setitem__ fancy": "y = x**2; y[[0, 2]] = x[1] ** 3; np.sum(y**2)",
            "__iadd__ (in-place +=)": "y = x**2; y += x; y[0] += x[1] ** 2; np.sum(y**2)",
            "fill/sort/partition (in-place)": "y = x**2; y.sort(); z = x**3; z.partition(1); w = x.copy(); w.fill(x[0, 0])"
            "; np.sum(y * x) + np.sum(z.max(axis=1)) + np.sum(w)",
            "sort": "y = x**2; y.sort(); np.sum(y * x)",
            "partition": "y = x**2; y.partition(1); np.sum(y[:, 1])",
            "fill": "y = x**2; y.fill(x[0, 1]); np.sum(y * x)",
        },
    ),
    *_forms(
        "numpy.linalg",
        {
            "norm(axis=1)": "np.sum(np.linalg.norm(x, axis=1) ** 3)",
            "norm(ord=2)": "np.linalg.norm(x.reshape(3, 3), 2)",
            "norm(ord='nuc')": "np.linalg.norm(x, 'nuc')",
            "norm(ord=1/inf)": "y = x.reshape(3, 3) * np.arange(1.0, 10.0).reshape(3, 3)"
            "; np.linalg.norm(y, 1) + np.linalg.norm(y, np.inf) ** 2",
            "svd(full_matrices=False)": "u, s, vt = np.linalg.svd(x, full_matrices=False); np.sum((u * s**2) @ vt * x)",
            "svd(full_matrices=True)": "u, s, vt = np.linalg.svd(x[:, :2], full_matrices=True); np.sum(u[:, 0] ** 2 * s[0])",
        },
    ),
    *_forms(
        "numpy.fft",
        {
            "rfft (odd length)": "np.sum(np.abs(np.fft.rfft(x[0])) ** 2)",
            "irfft (odd n)": "np.sum(np.fft.irfft(np.fft.rfft(x[0]), n=3) ** 3)",
        },
    ),
    *_forms("numpy", {"arange": "np.sum(x[0] ** 2 * np.arange(3))"}, constant=True),
    *_forms("builtins", {"sorted": "a, b = sorted([x[0, 1], x[1, 1]]); a * b**2"}),
    *_forms("numpy.ndarray", {"tolist": "sum(a**2 for a in x[0].tolist())"}),
    *_forms(
        "numpy.random",
        {"shuffle": "y = x[0] ** 2; np.random.shuffle(y); np.sum(y * x[1])"},
    ),
    *_forms(
        "numpy.random",
        {
            "choice": "np.sum(x[np.random.choice(3, 2)] ** 2)",
            "permutation": "np.sum(x[np.random.permutation(3)] ** 2 * x)",
        },
        constant=True,
    ),
    *_forms(
        "scipy.special",
        {
            "betainc (wrt a,b)": "special.betainc(x[0, 0], x[1, 1], 0.4)",
            "gammainc (wrt a)": "special.gammainc(x[0, 0], 0.4)",
        },
    ),
    *_forms(
        "scipy.linalg",
        {
            "lu_factor/lu_solve": "np.sum(scipy.linalg.lu_solve(scipy.linalg.lu_factor(x), x[0]) ** 2)",
            "cho_factor/cho_solve": "s = x @ x.T"
            "; np.sum(scipy.linalg.cho_solve(scipy.linalg.cho_factor(s), np.array([1.0, 0.5, x[0, 0]])) ** 2)",
            "eigh (generalised)": "w, v = scipy.linalg.eigh(x + x.T, x @ x.T); np.sum(w**2)",
            "null_space/orth": "n = scipy.linalg.null_space(x[:2]); q = scipy.linalg.orth(x[:, :2])"
            "; np.sum((n @ n.T) ** 3) + np.sum((q @ q.T) ** 3)",
        },
    ),
    *_forms(
        "scipy.optimize",
        {
            "root/fsolve": "s = scipy.optimize.fsolve(lambda y: y**3 + y - x[0], np.ones(3))"
            "; t = scipy.optimize.root(lambda y: y**3 + y - x[1], np.ones(3)).x; np.sum(s * t)",
            "brentq/newton/root_scalar": "a = scipy.optimize.brentq(lambda y: y**3 - x[0, 0], 0.0, 3.0)"
            "; b = scipy.optimize.newton(lambda y: y**3 - x[0, 0], 1.0)"
            "; c = scipy.optimize.root_scalar(lambda y: y**3 - x[1, 1], bracket=[0.0, 3.0]).root; a * b * c",
            "fixed_point": "scipy.optimize.fixed_point(lambda y: np.cos(y) * x[0, 1], 0.5, xtol=1e-12)",
            "minimize": "s = scipy.optimize.minimize(lambda y: np.sum((y - x[0]) ** 2), np.zeros(3), "
            "jac=lambda y: 2 * (y - x[0])).x; np.sum(s**2)",
            "least_squares/curve_fit": "np.sum(scipy.optimize.least_squares(lambda y: y**3 - x[0], x[0]).x)",
            "nnls/lsq_linear/linprog": "np.sum(scipy.optimize.nnls(x, x[0])[0])",
        },
    ),
    *_forms(
        "scipy.integrate",
        {
            "quad": "scipy.integrate.quad(lambda t: np.exp(-x[0, 0] * t), 0.0, x[0, 1])[0]",
            "odeint": "s = scipy.integrate.odeint(lambda y, t: -x[0, 0] * y, np.ones(2), np.linspace(0.0, 1.0, 3))"
            "; np.sum(s**2)",
            "solve_ivp": "s = scipy.integrate.solve_ivp(lambda t, y: -x[0, 0] * y, (0.0, 1.0), np.ones(2), "
            "t_eval=[0.5, 1.0], rtol=1e-10, atol=1e-10).y; np.sum(s**2)",
            "fixed_quad": "scipy.integrate.fixed_quad(lambda t: np.exp(-x[0, 0] * t), 0.0, x[0, 1])[0]",
        },
    ),
    *_forms(
        "scipy.interpolate",
        {
            "interp1d/make_interp_spline/CubicSpline": "s = scipy.interpolate.CubicSpline([0.0, 1.0, 2.0], x[0]); s(x[0, 1])",
            "BSpline.__call__": "s = scipy.interpolate.BSpline([0.0, 1.0, 2.0, 3.0, 4.0], x[0], 1); s(1.0 + x[0, 1])",
        },
    ),
    *_forms(
        "scipy.ndimage",
        {
            "sobel/laplace": "np.sum(scipy.ndimage.sobel(x) ** 2) + np.sum(scipy.ndimage.laplace(x) ** 2)",
            "zoom/rotate/shift/affine_transform": "np.sum(scipy.ndimage.shift(x, 0.5) ** 2)",
            "maximum_filter/median_filter": "np.sum(scipy.ndimage.maximum_filter(x, 2) ** 2)",
        },
    ),
    *_forms(
        "scipy.fft",
        {
            "fft/ifft/rfft/irfft family": "y = scipy.fft.irfft(scipy.fft.rfft(x[0]), n=3)"
            "; z = scipy.fft.ifft(scipy.fft.fft(x[1])).real; np.sum(y**3) + np.sum(z**3)"
        },
    ),
    *_forms(
        "scipy.sparse.linalg",
        {
            "gmres/bicgstab": "y, info = scipy.sparse.linalg.gmres(x, x[0], rtol=1e-12); np.sum(y**2)"
        },
    ),
    *_forms(
        "scipy.sparse",
        {"csr_matrix @ dense": "np.sum((scipy.sparse.csr_matrix(np.eye(3)) @ x) ** 2)"},
    ),
    *_forms(
        "scipy.spatial.distance",
        {
            "euclidean/cosine/sqeuclidean": "d = scipy.spatial.distance"
            "; d.euclidean(x[0], x[1]) + d.cosine(x[0], x[1]) + d.sqeuclidean(x[0], x[2])",
        },
    ),
    *_forms(
        "scipy.stats",
        {
            "gmean/hmean": "np.sum(scipy.stats.gmean(x)) + np.sum(scipy.stats.hmean(x))",
            "skew/kurtosis": "scipy.stats.skew(x[0]) + scipy.stats.kurtosis(x[1])",
        },
    ),
    *_forms(
        "builtins",
        {
            "len/range/zip/enumerate/reversed": "total = 0.0"
            "; total += sum(i * a * b[0] for i, (a, b) in enumerate(zip(x[0], x)))"
            "; total += sum(x[i, 0] ** 2 for i in reversed(range(len(x)))); total",
            "map/filter": "sum(map(lambda a: a**2, filter(lambda a: a > 0.35, x[0])))",
            "sum(genexpr)": "sum(a**2 for a in x[0])",
        },
    ),
    *_forms(
        "torch",
        {"sum(dim,keepdim)": "torch.sum(x / torch.sum(x, dim=1, keepdim=True) ** 2)"},
    ),
    *_forms(
        "torch.nn.functional",
        {"dropout": "h = torch.nn.functional.dropout(x**2, 0.3); (h * x).sum()"},
    ),
    *_forms(
        "torch.Tensor",
        {
            ".T": "(x.T @ x**2).sum()",
            "max(dim).values": "(x.max(dim=1).values ** 2).sum()",
            "sum(dim)": "(x.sum(dim=1) ** 2).sum()",
            "__setitem__": "y = x**2; y[0] = x[1] ** 3; (y**2).sum()",
        },
    ),
    *_forms(
        "torch",
        {
            "norm": "torch.norm(x) * torch.norm(x, dim=1).sum()",
            "masked_fill": "(torch.masked_fill(x, x > 1, 0.5) ** 2).sum()",
            "flatten": "(torch.flatten(x) ** 2).sum()",
            "chunk": "a, b, c = torch.chunk(x, 3, dim=1); (a * b + c).sum()",
            "split": "a, b = torch.split(x, [1, 2]); (a**2).sum() + b.sum()",
            "div": "torch.div(x, x.sum()).sum() + torch.div(x, 2).sum()",
            "sub": "(torch.sub(x, x.sum(dim=0)) ** 2).sum()",
            "add": "(torch.add(x, x.sum(dim=0)) ** 2).sum()",
            "baddbmm": "(torch.baddbmm(x[None], x[None], x[None]) ** 2).sum()",
            "addmm": "(torch.addmm(x, x, x) ** 2).sum()",
            "addmv": "(torch.addmv(x[0], x, x[1]) ** 2).sum()",
            "expand": "(x[0].expand(3, 3) * x).sum()",
            "repeat": "'''x: (N, D)'''; (x.repeat(2, 1) ** 2).sum()",
        },
    ),
    *_forms(
        "torch.Tensor",
        {
            "t": "(x.t() @ x).sum()",
            "mm": "x.mm(x).sum()",
            "bmm": "x[None].bmm(x[None]).sum()",
            "sum": "(x**2).sum()",
            "mean": "(x**2).mean()",
            "exp": "x.exp().sum()",
            "log": "x.log().sum()",
            "pow": "x.pow(3).sum()",
            "sqrt": "x.sqrt().sum()",
            "abs": "(x - 1).abs().sum()",
            "clamp": "(x.clamp(0.3, 2.0) ** 2).sum()",
            "clone": "y = x.clone(); y[0] = 0; (y**2).sum()",
            "flatten": "(x.flatten() ** 2).sum()",
            "to": "(x.to(torch.float64) ** 2).sum()",
            "type": "(x.type(torch.float64) ** 2).sum()",
            "zero_": "y = x * 2; y[0].zero_(); (y**2).sum()",
            "fill_": "y = x * 2; y[0].fill_(3.0); (y**2).sum()",
            "squeeze": "(x[:1].squeeze(0) ** 2).sum()",
            "unsqueeze": "(x.unsqueeze(0) * x).sum()",
            "contiguous": "(x.contiguous() ** 2).sum()",
            "expand": "(x[0].expand(3, 3) * x).sum()",
            "repeat": "'''x: (N, D)'''; (x.repeat(2, 1) ** 2).sum()",
            "masked_fill": "(x.masked_fill(x > 1, 0.5) ** 2).sum()",
            "div": "x.div(x.sum()).sum() + x.div(2).sum()",
            "mul": "x.mul(x).sum()",
            "add": "(x.add(x.sum(dim=0)) ** 2).sum()",
            "sub": "(x.sub(x.sum(dim=0)) ** 2).sum()",
            "norm": "x.norm() * x.norm(dim=1).sum()",
            "std": "x.std() + x.std(dim=0).sum()",
            "var": "x.var() + x.var(dim=0).sum()",
            "index_select": "(x.index_select(0, torch.tensor([0, 2])) ** 2).sum()",
            "gather": "(x.gather(1, torch.tensor([[0], [1], [2]])) ** 2).sum()",
            "scatter_": "y = x * 1; y.scatter_(1, torch.tensor([[0], [1], [2]]), 0.0); (y**2).sum()",
            "cumsum": "(x.cumsum(0) ** 2).sum()",
            "softmax": "(x.softmax(1) ** 2).sum()",
            "sigmoid": "x.sigmoid().sum()",
            "tanh": "x.tanh().sum()",
            "relu": "(x - 1).relu().sum()",
            "transpose": "(x.transpose(0, 1) @ x).sum()",
            "chunk": "a, b, c = x.chunk(3, dim=1); (a * b + c).sum()",
            "split": "a, b = x.split([1, 2]); (a**2).sum() + b.sum()",
        },
    ),
    *_forms(
        "torch.Tensor",
        {
            "detach": "(x.detach() * x).sum() * 0 + (x**2).sum()",
            "size": "(x**2).sum() / x.size(0)",
            "new_zeros": "(x.new_zeros(3, 3) + x**2).sum()",
        },
        constant=True,
    ),
    *_forms(
        "torch.nn.functional",
        {
            "linear": "torch.nn.functional.linear(x, x, x[0]).sum()",
            "batch_norm": "'''x: (N, D)'''; (torch.nn.functional.batch_norm(x, None, None, training=True) * x).sum()",
            "embedding": "(torch.nn.functional.embedding(torch.tensor([0, 2, 0]), x) ** 2).sum()",
            "interpolate": "'''x: (N, D)'''; (torch.nn.functional.interpolate(x[None], scale_factor=2) ** 2).sum()",
        },
    ),
    *_forms("torch.Tensor", {".shape": "(x**2).sum() / x.shape[0]"}, constant=True),
    *_forms(
        "builtins",
        {"int/bool": "np.sum(x**2) * (int(2.5 * x[0, 0]) + bool(x[0, 1] > 0.1))"},
        constant=True,
    ),
]
