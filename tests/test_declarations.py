"""What docstrings, annotations and comments declare, and what they must not."""

import time
from collections.abc import Sequence

import pytest

from flatgrad.frontend.declarations import (
    Declared,
    from_annotation,
    from_comment,
    from_docstring,
    parse_dims,
)


def brief(one: Declared) -> str:
    """A declaration in one line: "x (N, D) int", "out -> (N, ...) array"."""
    arrow = " ->" if one.is_result else ""
    sizes = ", ".join(map(str, one.dims or one.leading or ()))
    comma = "," if one.dims is not None and len(one.dims) == 1 else ""
    shape = "?" if one.dims is None else f"({sizes}{comma})"
    if one.leading is not None:
        shape = f"({sizes}, ...)"
    return f"{one.name}{arrow} {shape} {one.kind}"


def briefs(declared: Sequence[Declared]) -> list[str]:
    return [brief(one) for one in declared]


# (text, parameters, what it declares), the parameters as one word each
DOCSTRINGS = [
    # items of a list
    ("- x: A numpy array of shape (N, D)", "x", ["x (N, D) array"]),
    ("- x: Input data, of shape (N, d_1, ..., d_k)", "x", ["x (N, ...) array"]),
    ("- x: Input data, of shape (N, d_1, ... d_k)", "x", ["x (N, ...) array"]),
    ("- x: Input data, of shape (N, d1, ..., dk)", "x", ["x (N, ...) array"]),
    ("- x: Images of shape (N, C, ...)", "x", ["x (N, C, ...) array"]),
    ("- x: pairs, shape (n * 2, ...)", "x", ["x (n*2, ...) array"]),
    ("- x: maps of shape (N, H1, ..., d_k)", "x", ["x (N, H1, ...) array"]),
    ("- x: Waves of shape (..., T)", "x", ["x (, ...) array"]),
    ("- W1: First layer weights; shape (D, H)", "W1", ["W1 (D, H) array"]),
    ("- W1: First layer weights; has shape (D, H)", "W1", ["W1 (D, H) array"]),
    ("- gamma: Scale parameter of shape (D,)", "gamma", ["gamma (D,) array"]),
    ("- gamma: Scale parameter, shape (D)", "gamma", ["gamma (D,) array"]),
    ("- gamma: Scale, of shape (1, C, 1, 1)", "gamma", ["gamma (1, C, 1, 1) array"]),
    (
        "- Wq, Wk: Projections, each of shape (E, E)",
        "Wq Wk",
        ["Wq (E, E) array", "Wk (E, E) array"],
    ),
    (
        "- gamma, beta: Tensors of shape (D,)",
        "gamma beta",
        ["gamma (D,) array", "beta (D,) array"],
    ),
    (
        "- gamma and beta: both of shape (D,)",
        "gamma beta",
        ["gamma (D,) array", "beta (D,) array"],
    ),
    ("- Wx: Weights, of shape (D, 4H)", "Wx", ["Wx (D, 4*H) array"]),
    ("- w: Filters of shape (F, C, HH, WW)", "w", ["w (F, C, HH, WW) array"]),
    ("- w: A numpy array of shape (3,)", "w", ["w (3,) array"]),
    ("- x: shape = (N, D)", "x", ["x (N, D) array"]),
    ("- x: input. Shape: (N, D)", "x", ["x (N, D) array"]),
    ("- x: A tensor with shape [N, D]", "x", ["x (N, D) array"]),
    ("- x: A tensor of size (N, D)", "x", ["x (N, D) array"]),
    ("- x: array of shape (N x D)", "x", ["x (N, D) array"]),
    ("- x: tensor of shape :math:`(N, D)`", "x", ["x (N, D) array"]),
    ("* `x`: A numpy array of shape `(N, D)`", "x", ["x (N, D) array"]),
    ("- **x**: tensor of shape (N, D)", "x", ["x (N, D) array"]),
    ("- x: array of shape (N, D) or None", "x", ["x (N, D) array"]),
    ("- x: Input for this timestep, of shape (N, D)", "x", ["x (N, D) array"]),
    ("- c: windows, of shape ((T - w) // s + 1, w)", "c", ["c ((T-w)//s+1, w) array"]),
    ("- x: A numpy array of any shape", "x", ["x ? array"]),
    ("- x: array of shape (N, D) if batched", "x", ["x ? array"]),
    # kinds
    ("- y: Vector of labels, shape (N,)", "y", ["y (N,) int"]),
    ("- y: Array of labels, of shape (N,). y[i] is one", "y", ["y (N,) int"]),
    ("- y: An array of shape (N,), labels with 0 <= y[i] < C", "y", ["y (N,) int"]),
    ("- y: A tensor of shape (N,) containing training labels", "y", ["y (N,) int"]),
    ("- y: Ground-truth indices, of shape (N, T)", "y", ["y (N, T) int"]),
    ("- y: Vector of labels", "y", ["y ? int"]),
    ("- y: labels -1 or +1, of shape (N,)", "y", []),
    ("- y: labels in {-1, 1}, of shape (N,)", "y", ["y (N,) array"]),
    ("- y: Soft labels, of shape (N, C)", "y", ["y (N, C) array"]),
    ("- s: Scores of the labels, of shape (N, C)", "s", ["s (N, C) array"]),
    ("- x: Integer array of shape (N, T)", "x", ["x (N, T) int"]),
    ("- x: An int64 tensor of shape (N,)", "x", ["x (N,) int"]),
    ("- m: Boolean array of shape (N, T); False at ends", "m", ["m (N, T) bool"]),
    ("- z: Complex array of shape (n,)", "z", ["z (n,) complex"]),
    ("- z: Samples of a complex model, of shape (n,)", "z", ["z (n,) array"]),
    ("- eps: (float) constant", "eps", ["eps () float"]),
    ("- eps: (float)", "eps", ["eps () float"]),
    ("- reg: (float) strength of L1 or L2", "reg", ["reg () float"]),
    ("- H: (int) number of heads", "H", ["H () int"]),
    ("- G: Integer number of groups, a divisor of C", "G", ["G () int"]),
    ("- r: float in (0, 1)", "r", ["r () float"]),
    ("- r: int or float", "r", ["r () float"]),
    ("- y: index of the right class", "y", ["y () int"]),
    ("- loss: Scalar giving the loss", "", ["loss () any"]),
    ("- loss: A torch scalar", "", ["loss () any"]),
    ("- mode: 'train' or 'test'", "mode", []),
    ("- mode: {'train', 'test'}", "mode", ["mode ? str"]),
    ("- mode: string, one of two", "mode", ["mode ? str"]),
    # another variable's shape
    (
        "- x: array of shape (N, D)\n- y: same shape as x",
        "x y",
        ["x (N, D) array", "y (N, D) array"],
    ),
    (
        "- x: array of shape (N, D)\n- m: ndarray of bool, shape of `x`.",
        "x m",
        ["x (N, D) array", "m (N, D) bool"],
    ),
    ("- y: array of the same shape as x", "x y", ["y ? array"]),
    (
        "- x: array of shape (N, D)\n- y: same shape as x.T",
        "x y",
        ["x (N, D) array", "y ? array"],
    ),
    (
        "- x: array of shape (N, D)\n- y: same shape as x without the last axis",
        "x y",
        ["x (N, D) array", "y ? array"],
    ),
    # lists in prose
    (
        "W: (C, D), b: (C,), x: (D,), y: index of the right class.",
        "W b x y",
        ["W (C, D) array", "b (C,) array", "x (D,) array", "y () int"],
    ),
    (
        "A, Q: (n, n), H: (p, n), R: (p, p)",
        "A Q H R",
        ["A (n, n) array", "Q (n, n) array", "H (p, n) array", "R (p, p) array"],
    ),
    ("X: (n, d), mu: (d,)", "X mu", ["X (n, d) array", "mu (d,) array"]),
    (
        "x: (n,) temperatures, kappa: (n,) diffusivity",
        "x kappa",
        ["x (n,) array", "kappa (n,) array"],
    ),
    (
        "q, v: positions and velocities, shape (n, 3); m: masses, shape (n,)",
        "q v m",
        ["q (n, 3) array", "v (n, 3) array", "m (n,) array"],
    ),
    (
        "x, v: (n,) positions and velocities; k: (n - 1,) stiffness",
        "x v k",
        ["x (n,) array", "v (n,) array", "k (n-1,) array"],
    ),
    ("knots: (m + 1,) ascending", "knots", ["knots (m+1,) array"]),
    (
        "Least squares by QR.  A: (m, n) with m > n, b: (m,).",
        "A b",
        ["A (m, n) array", "b (m,) array"],
    ),
    (
        "theta: (n,), the magnetizations are tanh(theta); J: (n, n), h: (n,)",
        "theta J h",
        ["theta (n,) array", "J (n, n) array", "h (n,) array"],
    ),
    (
        "A: (m, m) and B: (n, n) act on one site each, C: (k, m, n) couples them.",
        "A B C",
        ["A (m, m) array", "B (n, n) array", "C (k, m, n) array"],
    ),
    (
        "inputs: (T, H), h: (H,)\nW: (H, H)",
        "inputs h W",
        ["inputs (T, H) array", "h (H,) array", "W (H, H) array"],
    ),
    ("x: (N, d_1, ..., d_k), b: (M,)", "x b", ["x (N, ...) array", "b (M,) array"]),
    ("W: (C, D), reg: float", "W reg", ["W (C, D) array", "reg () float"]),
    (
        "X has shape (n, d), and mu has shape (d,).",
        "X mu",
        ["X (n, d) array", "mu (d,) array"],
    ),
    ("x and y have shape (n,)", "x y z", ["x (n,) array", "y (n,) array"]),
    ("Windowed; both have shape (n,).", "x y", ["x (n,) array", "y (n,) array"]),
    # numpydoc
    (
        "Parameters\n----------\nx : ndarray, shape (n, m)",
        "x",
        ["x (n, m) array"],
    ),
    (
        "Parameters\n----------\nx : ndarray of shape (N, D)\n    Rates.",
        "x",
        ["x (N, D) array"],
    ),
    (
        "Parameters\n----------\nw : array_like, shape (n_features,)",
        "w",
        ["w (n_features,) array"],
    ),
    (
        "Parameters\n----------\nb : float\n    Bias.\nc : float, optional\nn : int",
        "b c n",
        ["b () float", "c () float", "n () int"],
    ),
    ("Parameters\n----------\nmask : ndarray of bool", "mask", ["mask ? bool"]),
    ("Parameters\n----------\np : (N, D) array_like", "p", ["p (N, D) array"]),
    ("Parameters\n----------\np : (3, 3) array_like", "p", ["p (3, 3) array"]),
    (
        "Parameters\n----------\nx, y : ndarray\n    Points, each of shape (n, 2).",
        "x y",
        ["x (n, 2) array", "y (n, 2) array"],
    ),
    (
        "Parameters\n----------\nx : ndarray\n    Shape (n,), ascending.",
        "x",
        ["x (n,) array"],
    ),
    ("Returns\n-------\nloss : float\n    The loss.", "", ["loss -> () float"]),
    ("Returns\n-------\nndarray of shape (n,)", "", [" -> (n,) array"]),
    ("Returns\n-------\nfloat\n    The loss.", "", [" -> () float"]),
    ("Returns\n-------\nfloat\n    Loss.\nndarray\n    Gradient.", "", []),
    # Google, Sphinx
    (
        "Args:\n    x (np.ndarray): Input, shape (N, D).\n    r (float): Rate.",
        "x r",
        ["x (N, D) array", "r () float"],
    ),
    ("Args:\n    x: np.ndarray [N, D]", "x", ["x (N, D) array"]),
    (
        "Args:\n    x: a tensor of shape (K, M) where\n        K",
        "x",
        ["x (K, M) array"],
    ),
    ("Args:\n    r (float, optional): rate", "r", ["r () float"]),
    (
        "Args:\n    X (array-like, shape (n_samples, n_features)): Data",
        "X",
        ["X (n_samples, n_features) array"],
    ),
    ("Returns:\n    np.ndarray: weights, shape (N,)", "", [" -> (N,) array"]),
    ("Returns:\n    float: The loss.", "", [" -> () float"]),
    (
        ":param x: array of shape (N, D)\n:type x: numpy.ndarray",
        "x",
        ["x (N, D) array"],
    ),
    (
        ":param float r: rate\n:return: array of shape (N,)",
        "r",
        ["r () float", " -> (N,) array"],
    ),
    (":return: array of shape (N,)\n:rtype: np.ndarray", "", [" -> (N,) array"]),
    (":return: the loss\n:rtype: float", "", [" -> () float"]),
    (
        "x -- input data, numpy array of shape (n_x, m)\nW -- weights, shape (n_h, n_x)",
        "x W",
        ["x (n_x, m) array", "W (n_h, n_x) array"],
    ),
    ("@param x: array of shape (N, D)", "x", ["x (N, D) array"]),
    # results
    ("Returns:\n- out: A numpy array of shape (N, M)", "", ["out -> (N, M) array"]),
    ("Returns:\n- loss: Scalar", "", ["loss -> () any"]),
    ("Returns a tuple of:\n- loss as single float", "", ["loss -> () float"]),
    ("Returns: A numpy array of shape (N, M)", "", [" -> (N, M) array"]),
    ("Returns an array of shape (N, M).", "", [" -> (N, M) array"]),
    ("Returns:\n    (N, M) array", "", [" -> (N, M) array"]),
    ("Outputs:\n- out: of shape (N, H', W')", "", ["out -> (N, H', W') array"]),
    (
        "If y is None, return:\n- scores: Array of shape (N, C)",
        "y",
        ["scores -> (N, C) array"],
    ),
    # dicts
    (
        "\n- params: Dictionary of arrays\n  - W1: weights; shape (D, H)\n- X: Data",
        "params X",
        ["params ? dict", "W1 (D, H) array"],
    ),
    (
        "\n- params: Dictionary\n  - W1: (D, H), b1: (H,)\n  - W2: (H, C), b2: (C,)",
        "params",
        [
            "params ? dict",
            "W1 (D, H) array",
            "b1 (H,) array",
            "W2 (H, C) array",
            "b2 (C,) array",
        ],
    ),
    (
        "\n- params: a dictionary of tensors with the keys\n    W1: has shape (D, H)",
        "params",
        ["params ? dict", "W1 (D, H) array"],
    ),
    (
        "- params: Dictionary with W1, ...; W1 has shape (D, H1)",
        "params",
        ["params ? dict", "W1 (D, H1) array"],
    ),
    ("\n- p: Dictionary\n  - 'pad': (int)", "p pad", ["p ? dict"]),
    (
        "\n- p: Dictionary\n  - w: shape (n,)\n- q: Dictionary\n  - w: shape (m,)",
        "p q",
        ["p ? dict", "q ? dict"],
    ),
    # contradictions come back whole, repetitions once
    (
        "- x: array of shape (N, D)\nx: (D, N)",
        "x",
        ["x (N, D) array", "x (D, N) array"],
    ),
    (
        "x has shape (N, D).\n\n- x: float array of shape (N, D)",
        "x",
        ["x (N, D) float"],
    ),
    (
        "x has shape (N, d_1, ..., d_k), and each x[i] has shape (d_1, ..., d_k).",
        "x",
        ["x (N, ...) array"],
    ),
]

# Lengths that are all of a description are a shape; an interval and a setting are none (below).
DOCSTRINGS += [
    ("x: (3, 3)", "x", ["x (3, 3) array"]),
    ("x: (2,)  w: (2, 3)", "x w", ["x (2,) array", "w (2, 3) array"]),
    ("Args:\n  x: (2, 3)\n  y: (4, 1).", "x y", ["x (2, 3) array", "y (4, 1) array"]),
]

# These state no shape of these parameters.
SILENT_DOCSTRINGS = [
    ("f(x, y, z) = (x + y) * z, the first circuit.", "x y z"),
    ("z = sin(x) / y + x, one operation a line.", "x y"),
    ("Elementwise max(0, x); the Jacobian is diagonal.", "x"),
    ("0.5 log det(alpha X X^T + noise I) (see eq. 3)", "X alpha"),
    ("x: a probability in (0, 1)", "x"),
    ("x: (0, 1)", "x"),
    ("stride: (3, 3)", "stride"),
    ("x: (3, 3) or so", "x"),
    ("x: the pair (3, 3)", "x"),
    ("x: (y) reversed", "x y"),
    ("p: (x, y)", "p"),
    ("c: (x, w)", "c x w"),
    ("s: (mean, std)", "s"),
    ("s: (h, c)", "s"),
    ("s: (optional)", "s"),
    ("s: (default 1e-5)", "s"),
    ("s: (n, d) or (d,)", "s"),
    ("s: (C, H, W) per image", "s"),
    ("s: (n, d) @ (d, m)", "s"),
    ("camera: rotation (3), translation (3), two distortions.", "camera"),
    ("The pairs (n, d) of x", "x"),
    ("the entry x[:, 1] of x[1:] (n, d)", "x"),
    ("- cache: (x, w, b)", "x w b"),
    ("- eps: Constant for numeric stability", "eps"),
    ("- reg: Regularization strength", "reg"),
    ("- x: array of shape (N,) or (N, C)", "x"),
    ("- x: array of shape (k,) or scalar", "x"),
    ("- x: float or ndarray of shape (N,)", "x"),
    ("- x: float or ndarray", "x"),
    ("- x: float, ndarray, or None", "x"),
    ("- x: float, ndarray or None", "x"),
    ("- x: int, RandomState instance, or None", "x"),
    ("- x: {float, ndarray}", "x"),
    ("- x: float / ndarray", "x"),
    ("- x: array of shape (N, D) in training, or (D,)", "x"),
    ("- x: if batched, of shape (N, D)", "x"),
    ("- x: list of arrays of shape (N, D)", "x"),
    ("- x: tuple of states, each of shape (N, H)", "x"),
    ("- x (list[np.ndarray]): weights of shape (N, D)", "x"),
    ("- x: T matrices of shape (N, D)", "x"),
    ("- x: Arrays of shape (N, D)", "x"),
    ("- x: Images, each of shape (C, H, W)", "x"),
    ("- x: batch of images of shape (C, H, W)", "x"),
    ("- x: split into windows of shape (h, w)", "x"),
    ("- x: filtered by kernels of shape (k, k)", "x"),
    ("- x: windows of size (2, 2)", "x"),
    ("- x: data whose rows have shape (D,)", "x"),
    ("- x: data, rows have shape (D,)", "x"),
    ("- x: no longer of shape (N, D)", "x"),
    ("- x: data of shape (see below)", "x"),
    ("- x: data with x.shape[0] rows", "x"),
    ("- h, c: of shape (N, H) and of shape (N, C)", "h c"),
    ("- r: Scalar for each row", "r"),
    ("- r: scalar field on the grid", "r"),
    ("- r: float values, one for each row", "r"),
    ("- y: index of each point's class", "y"),
    ("- x: reshape (N, D) to rows", "x"),
    ("- Step 1: reduce (N, D)", "x"),
    ("x[i] has shape (D,), x.T has shape (D, N)", "x"),
    ("Rows of x and y have shape (n,)", "y"),
    ("Windowed; both have shape (n,).", "x y z"),
    ("Returns (h, c)", "x"),
    ("Returns (loss, grad)", "x"),
    ("Returns the positions and velocities at the end.", "x v"),
    ("Returns:\n- gradient with respect to W; an array of shape (D, C)\n- x", "W"),
    ("Notes\n-----\nx : ndarray, shape (n, m)", "x"),
    (">>> x: (n, d)", "x"),
    ("", "x"),
    ("(((([[[[ x: ", "x"),
    (")))) x: ]]]", "x"),
]

ANNOTATIONS = [
    ("float", "x () float"),
    ("int", "x () int"),
    ("bool", "x () bool"),
    ("complex", "x () complex"),
    ("str", "x ? str"),
    ("dict", "x ? dict"),
    ("dict[str, np.ndarray]", "x ? dict"),
    ("list", "x ? list"),
    ("list[float]", "x ? numbers"),
    ("tuple[float, float]", "x ? any"),
    ("'float'", "x () float"),
    ("np.float64", "x () float"),
    ("np.ndarray", "x ? array"),
    ("numpy.ndarray", "x ? array"),
    ("'np.ndarray'", "x ? array"),
    ("torch.Tensor", "x ? array"),
    ("torch.LongTensor", "x ? int"),
    ("jax.Array", "x ? array"),
    ("Optional[np.ndarray]", "x ? array"),
    ("np.ndarray | None", "x ? array"),
    ("None | float", "x () float"),
    ("'np.ndarray | None'", "x ? array"),
    ("Union[float, None]", "x () float"),
    ("int | float", "x () float"),
    ('Float[ndarray, "N D"]', "x (N, D) float"),
    ("'Float[ndarray, \"N D\"]'", "x (N, D) float"),
    ('jaxtyping.Float64[np.ndarray, "N 4*H"]', "x (N, 4*H) float"),
    ('Int[Array, "N"]', "x (N,) int"),
    ('Bool[ndarray, "tq tk"]', "x (tq, tk) bool"),
    ('Complex[ndarray, "n"]', "x (n,) complex"),
    ('Shaped[ndarray, "n 3"]', "x (n, 3) array"),
    ('Float[Tensor, ""]', "x () float"),
    ('Float[Tensor, "*batch N"]', "x ? float"),
    ('Float[Tensor, "... N"]', "x ? float"),
    ('Float[Tensor, "N ..."]', "x (N, ...) float"),
    ('Float[Tensor, "N #D"]', "x ? float"),
    ('Float[Tensor, "_ D"]', "x ? float"),
    ('Float[Tensor, "N D"] | None', "x (N, D) float"),
    ("NDArray", "x ? array"),
    ("NDArray[np.float64]", "x ? float"),
    ("npt.NDArray[np.int_]", "x ? int"),
    ("NDArray[np.bool_]", "x ? bool"),
    ("NDArray[Any]", "x ? array"),
    ('NDArray[Shape["N, D"], Float]', "x (N, D) float"),
    ('NDArray[Shape["N, ..."], Int64]', "x (N, ...) int"),
    ('NDArray[Shape["*, *"], Float]', "x ? float"),
    ("np.ndarray[Any, np.dtype[np.float64]]", "x ? float"),
    ('Annotated[np.ndarray, "N D"]', "x (N, D) array"),
    ('Annotated[np.ndarray, "(N, D)"]', "x (N, D) array"),
    ('Annotated[np.ndarray, "shape (N, D)"]', "x (N, D) array"),
    ("Annotated[np.ndarray, (N, D)]", "x (N, D) array"),
    ('Annotated[np.ndarray, ("N", 3)]', "x (N, 3) array"),
    ('Annotated[np.ndarray, "the weights"]', "x ? array"),
    ('Annotated[float, "N D"]', "x () float"),
    ('TensorType["N", 3]', "x (N, 3) array"),
    ("TensorType[..., 3]", "x ? array"),
    ('Literal["a", "b"]', "x ? str"),
]

SILENT_ANNOTATIONS = [
    "float | np.ndarray",
    "Union[float, np.ndarray]",
    "ArrayLike",
    "Any",
    "None",
    "Callable[[float], float]",
    "Foo['N D']",
    'Float[Foo, "N D"]',
    "1 +",
    "",
    "'",
]

# (comment, names assigned on its line, parameters, what it declares)
COMMENTS = [
    ("# (N, H)", "h", "x", ["h (N, H) array"]),
    ("#(N,H)", "h", "x", ["h (N, H) array"]),
    ("# [N, H]", "h", "x", ["h (N, H) array"]),
    ("# (N, 4H)", "a", "x", ["a (N, 4*H) array"]),
    ("# (N, H, T, E/H)", "q", "x H", ["q (N, H, T, E//H) array"]),
    ("# (n,)", "x", "x", ["x (n,) array"]),
    ("# (N, 1)", "x", "x", ["x (N, 1) array"]),
    ("# (batch, channels)", "x", "x", ["x (batch, channels) array"]),
    ("# (batch_size, n_heads)", "x", "x", ["x (batch_size, n_heads) array"]),
    ("# (N, C), the score of each class", "s", "x", ["s (N, C) array"]),
    ("# (N, C) - the scores", "s", "x", ["s (N, C) array"]),
    ("# (N,) integer labels", "y", "x", ["y (N,) int"]),
    ("# (N, T) bool", "m", "x", ["m (N, T) bool"]),
    ("# (N, d_1, ..., d_k)", "x", "", ["x (N, ...) array"]),
    ("# (N, D) -> (N, H)", "h", "x", ["h (N, H) array"]),
    ("# (N, D) @ (D, H) = (N, H)", "h", "x", ["h (N, H) array"]),
    ("# -> (N, H)", "h", "x", ["h (N, H) array"]),
    ("# shape: (N, D)", "h", "x", ["h (N, D) array"]),
    ("# shape (3, 3)", "h", "x", ["h (3, 3) array"]),
    ("# array of shape (N, D)", "h", "x", ["h (N, D) array"]),
    ("# has shape (N, D)", "h", "x", ["h (N, D) array"]),
    ("# scalar", "loss", "x", ["loss () any"]),
    ("# float", "loss", "x", ["loss () float"]),
    ("# ()", "loss", "x", ["loss () any"]),
    ("# (N, H), (N, C)", "h, c", "x", ["h (N, H) array", "c (N, C) array"]),
    ("# each (N, H)", "i, f", "x", ["i (N, H) array", "f (N, H) array"]),
    ("# h: (N, H)", "h", "x", ["h (N, H) array"]),
    ("# x: (N, D), y: (N, O)", None, "x y", ["x (N, D) array", "y (N, O) array"]),
    ("# x: (N, D)  w: (D, M)", None, "x w", ["x (N, D) array", "w (D, M) array"]),
    ("# x: (N, D) w: (D, M)", None, "x w", ["x (N, D) array", "w (D, M) array"]),
    (
        "# X: (n, 3), weights: (n,), observed: (n, 2)",
        None,
        "X weights observed",
        ["X (n, 3) array", "weights (n,) array", "observed (n, 2) array"],
    ),
    ("# A, Q: (n, n)", None, "A Q", ["A (n, n) array", "Q (n, n) array"]),
    ("# scores: (N, C)", None, "x", ["scores (N, C) array"]),
    ("# x has shape (N, D)", None, "x", ["x (N, D) array"]),
    ("# x.shape == (N, D)", "y", "x", ["x (N, D) array"]),
    ("# x.shape: (N, D)", None, "x", ["x (N, D) array"]),
]

SILENT_COMMENTS = [
    ("# (see eq. 3)", "h", "x"),
    ("# (eq. 4)", "h", "x"),
    ("# (2)", "h", "x"),
    ("# (x)", "h", "x"),
    ("# (N)", "h", "x"),
    ("# (0, 1)", "h", "x"),
    ("# [0, 1)", "h", "x"),
    ("# (1, 2, 3)", "h", "x"),
    ("# (default 1e-5)", "h", "x"),
    ("# (optional)", "h", "x"),
    ("# (mean, std)", "h", "x"),
    ("# (first, second)", "h", "x"),
    ("# (no, it is not)", "h", "x"),
    ("# (so, on)", "h", "x"),
    ("# (x, y)", "h", ""),
    ("# (i, j)", "h", ""),
    ("# (a, b)", "h", ""),
    ("# (X, y)", "data", ""),
    ("# (h, c)", "state", ""),
    ("# (x, w, b)", "cache", "x w b"),
    ("# (n, p)", "h", "n p"),
    ("# (N, D) or (D,)", "h", "x"),
    ("# (N, D), (N, M)", "h", "x"),
    ("# (N, D) * (N, 1)", "h", "x"),
    ("# (n, d)[0]", "h", "x"),
    ("# (N, D)", "a, b", "x"),
    ("# (N, D), (N, M)", "a, b, c", "x"),
    ("# (N, D)", "out[n]", "x"),
    ("# (N, D)", None, "x"),
    ("# shape: (N, D)", None, "x"),
    ("# note: (N, D)", None, "x"),
    ("# was (N, D)", "h", "x"),
    ("# flatten (N, D)", "h", "x"),
    ("# broadcast to shape (N, D)", "h", "x"),
    ("# no longer of shape (N, D)", "h", "x"),
    ("# quotient rule", "q", "x"),
    ("# no overflow in exp", "x", "x"),
    ("# scalar multiplication", "x", "x"),
    ("# step 1: mean of every feature", None, "x"),
    ("# channels last, so that it sees (N*H*W, C)", None, "x"),
    ("# x[1:] (N, D)", None, "x"),
    ("#", "x", "x"),
    ("", "x", "x"),
]

SHAPES = [
    ("(N, D)", ("N", "D")),
    ("[N, D]", ("N", "D")),
    ("N, D", ("N", "D")),
    ("N", ("N",)),
    ("(N)", ("N",)),
    ("(N,)", ("N",)),
    ("( N , 3 )", ("N", 3)),
    ("5", (5,)),
    ("()", ()),
    ("N x D", ("N", "D")),
    ("(3 × 4)", (3, 4)),
    ("(N, 4H)", ("N", "4*H")),
    ("(n, 2k)", ("n", "2*k")),
    ("(N, 4 * H)", ("N", "4*H")),
    ("(N, E/H)", ("N", "E//H")),
    ("(N, E // H)", ("N", "E//H")),
    ("(n - 1,)", ("n-1",)),
    ("(n − 1,)", ("n-1",)),
    ("(2*(n+1),)", ("2*(n+1)",)),
    ("(N, H', W')", ("N", "H'", "W'")),
    ("(d_1, n_samples)", ("d_1", "n_samples")),
    ("", None),
    ("(N, d_1, ..., d_k)", None),
    ("(N, *)", None),
    ("(N, _)", None),
    ("(N, -1)", None),
    ("(None, 3)", None),
    ("(N, 1e-5)", None),
    ("(N, 0.5)", None),
    ("(N,, D)", None),
    ("(batch size, D)", None),
    ("(see eq. 3)", None),
    ("(x if y, D)", None),
    ("(f(x), D)", None),
    ("x[1]", None),
    ("(N, D" + ")" * 300, None),
    ("(" * 300, None),
]


@pytest.mark.parametrize(("text", "parameters", "expected"), DOCSTRINGS)
def test_docstring(text: str, parameters: str, expected: list[str]) -> None:
    assert briefs(from_docstring(text, parameters.split())) == expected


@pytest.mark.parametrize(("text", "parameters"), SILENT_DOCSTRINGS)
def test_docstring_states_no_shape(text: str, parameters: str) -> None:
    assert briefs(from_docstring(text, parameters.split())) == []


WHOLE = """
    Run two layers, one after the other; rows are independent.

    The input x has shape (N, d_1, ..., d_k) and each example x[i] has shape
    (d_1, ..., d_k); it becomes a row of length D = d_1 * ... * d_k (see eq. 3).

    Inputs:
    - x: A numpy array containing the data, of shape (N, d_1, ..., d_k)
    - y: Vector of labels, of shape (N,) where y[i] is the label of x[i] and
      0 <= y[i] < C
    - layer: Dictionary with the following keys:
      - mode: 'train' or 'test'; required
      - eps: Constant for numeric stability
      - W: First weights, of shape (D, H)
      - running_mean: Array of shape (H,) giving the mean of
        each feature

    - reg: (float) strength of the regularization

    Returns a tuple of:
    - out: Scores, of shape (N, C) where out[i, j] is
      for class j, or nothing
    - cache: (x, W, out)
    - grads: Dictionary with the same keys as layer or None
    - loss: Scalar giving the loss

    Notes:
    both have shape (n,) and x: (D, N).
    """


def test_whole_docstring() -> None:
    declared = from_docstring(WHOLE, ["x", "y", "layer", "reg"])
    assert [(one.line, brief(one)) for one in declared] == [
        (3, "x (N, ...) array"),
        (8, "y (N,) int"),
        (10, "layer ? dict"),
        (13, "W (D, H) array"),
        (14, "running_mean (H,) array"),
        (17, "reg () float"),
        (20, "out -> (N, C) array"),
        (23, "grads -> ? dict"),
        (24, "loss -> () any"),
    ]


def test_quotes_the_words() -> None:
    w, b = from_docstring("\n- w: A, of shape (D, M)\nb: (M,)\n", ["w", "b"])
    assert (w.line, w.text) == (1, "w: A, of shape (D, M)")
    assert (b.line, b.text) == (2, "b: (M,)")


LONG = 4_000


@pytest.mark.parametrize(
    "text",
    [
        "x: " * LONG,
        "x, " * LONG,
        "x and " * LONG,
        "(" * LONG,
        "x: (N, D) or " * LONG,
        "- x: of shape (N, D), " + "rows of shape (D,) " * LONG,
        "x has shape " * LONG,
        "x has shape (N, D) " * LONG,
        "- x: same shape as " * LONG,
        "- y: " + "a " * LONG,
        "- y: " + "the array of " * LONG,
        " " * LONG + "x",
        "x: (N, D)\n" * LONG,
        "- x: (N, D)\n" * LONG,
        "Returns:\n" * LONG,
        "d" * LONG + "'" * LONG,
        "x: (" + "N, " * LONG + ")",
        "- x: shape" + " " * LONG + "(N, D",
    ],
)
def test_takes_time_in_proportion(text: str) -> None:
    start = time.perf_counter()
    from_docstring(text, ["x", "y"])
    from_comment("# " + text, "x", ["x", "y"])
    from_annotation("x", text)
    parse_dims(text)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(("source", "expected"), ANNOTATIONS)
def test_annotation(source: str, expected: str) -> None:
    declared = from_annotation("x", source)
    assert declared is not None
    assert brief(declared) == expected


@pytest.mark.parametrize("source", SILENT_ANNOTATIONS)
def test_annotation_states_nothing(source: str) -> None:
    assert from_annotation("x", source) is None


@pytest.mark.parametrize(("comment", "target", "parameters", "expected"), COMMENTS)
def test_comment(
    comment: str, target: str | None, parameters: str, expected: list[str]
) -> None:
    assert briefs(from_comment(comment, target, parameters.split())) == expected


@pytest.mark.parametrize(("comment", "target", "parameters"), SILENT_COMMENTS)
def test_comment_states_no_shape(
    comment: str, target: str | None, parameters: str
) -> None:
    assert briefs(from_comment(comment, target, parameters.split())) == []


@pytest.mark.parametrize(("text", "expected"), SHAPES)
def test_dims(text: str, expected: tuple[str | int, ...] | None) -> None:
    assert parse_dims(text) == expected
