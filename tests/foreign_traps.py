"""Functions that library code calls back, and values whose * is no product of elements: what nobody reads is refused."""

LIBRARIES = "import numpy as np\nimport scipy.integrate\nimport scipy.optimize\nimport scipy.sparse as sp\nfrom functools import partial\n\n\n"

# Each depends on x through what a function sees around it.
CALLED_BACK = [
    "return scipy.optimize.brentq(lambda t: t**3 - x[0], 0.0, 9.0)",
    "return scipy.optimize.brentq(f=lambda t: t**3 - x[0], a=0.0, b=9.0)",
    "def g(t):\n        return t**3 - x[0]\n    return scipy.optimize.brentq(g, 0.0, 9.0)",
    "g = lambda t: t**3 - x[0]\n    h = lambda t: g(t) * 2\n    return scipy.optimize.brentq(h, 0.0, 9.0)",
    "g = lambda t, c=x[0]: t**3 - c\n    return scipy.optimize.brentq(g, 0.0, 9.0)",
    "g = lambda c, t: t**3 - c\n    return scipy.optimize.brentq(partial(g, x[0]), 0.0, 9.0)",
    "return scipy.integrate.quad(lambda t: t * x[0], 0.0, 1.0)[0]",
    "return np.vectorize(lambda t: t * x[0])(2.0) * 1.0",
    "return scipy.integrate.solve_ivp(lambda t, s: -x[0] * s, (0.0, 1.0), [1.0]).y[0, -1]",
]

# M is a module constant.
FOREIGN = [
    "return np.sum((sp.csr_matrix(np.ones((3, 3))) * x) ** 2)",
    "A = sp.csr_matrix(np.ones((3, 3)))\n    return np.sum((A @ x) ** 2)",
    "A = 2 * sp.csr_matrix(np.ones((3, 3))).T\n    return np.sum((A * x) ** 2)",
    "A = np.matrix(np.ones((3, 3)))\n    return np.sum(np.asarray(A * x[:, None]) ** 2)",
    "A = sp.csr_matrix(np.ones((3, 3)))\n    for _ in range(2):\n        A = A + A\n    return np.sum((A * x) ** 2)",
    "A = sp.csr_matrix(np.ones((3, 3)))\n    if x[0] > 0:\n        A = A + A\n    return np.sum((A * x) ** 2)",
    "return np.sum((M * x) ** 2)",
    "A = M\n    return np.sum((A * x) ** 2)",
]
MADE_OF_FOREIGN = [
    "A = sp.csr_matrix(np.ones((3, 3))).toarray()\n    return np.sum((A * x) ** 2)",
    "A = np.asarray(np.matrix(np.ones((3, 3))))\n    return np.sum((A * x) ** 2)",
]
CONSTANT = "M = 2 * sp.csr_matrix(np.ones((3, 3)))\n\n\n"


def module(body: str) -> str:
    return f"{LIBRARIES}{CONSTANT}def f(x):\n    {body}\n"
