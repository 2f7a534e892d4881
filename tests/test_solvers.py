"""Solvers and quadratures of scipy: what they find is differentiated, not how they search for it.

Each function is compared with central differences, as one gradient, as a pair and with its tangents.
"""

import numpy as np
import pytest
from checking import Trial, examine

from flatgrad.errors import FlatgradError

HEAD = """
import numpy as np
from scipy.integrate import odeint, quad, solve_ivp
from scipy.optimize import (
    brentq, curve_fit, fixed_point, fsolve, minimize, minimize_scalar, newton, root, root_scalar,
)


def cubic(x, p, q):
    return x**3 + p * x - q


def system(x, a, b):
    return a @ x + x**3 - b


def bell(x, p):
    return np.exp(-p * x**2)


def loss(x, p):
    return np.sum((x - p) ** 4) + np.sum(x**2)


def slope(x, p):
    return 4 * (x - p) ** 3 + 2 * x


def pendulum(y, t, b, c):
    theta, omega = y
    change = [omega, -b * omega - c * np.sin(theta)]
    return change


def decay(t, y, p):
    return -p * y**2 * np.cos(t)

"""
SQUARE = np.array([[2.0, 0.3, -0.5], [-0.4, 1.5, 0.2], [0.7, -0.6, 1.8]])
VECTOR = np.array([0.3, -1.2, 0.8])
NUMBERS = {"p": 1.2, "q": 2.3}
SYSTEM = {"a": SQUARE, "b": VECTOR}
EXACT = "rtol=1e-11, atol=1e-11"

ROOTS = {
    "bracketed": "x = brentq(cubic, 0, 10, args=(p, q))\n    return x * p",
    "by a nested function": "def g(x):\n        return x**3 + p * x - q\n    return brentq(g, 0, 10) * p",
    "by a lambda": "return brentq(lambda x: x**3 + p * x - q, 0, 10)",
    "by a lambda with a default": "return brentq(lambda x, p=p: x**3 + p * x - q, 0, 10)",
    "by Newton": "return np.sin(newton(cubic, q, args=(p, q))) * q",
    "as an attribute": "found = root_scalar(cubic, args=(p, q), bracket=[0, 10])\n    return found.root**2",
    "of the root": "x = brentq(cubic, 0, 10, args=(p, q))\n    return x * brentq(cubic, 0, 10, args=(x, p))",
    "of one argument twice": "return brentq(cubic, 0, 10, args=(p, p)) * q",
    "in a loop": (
        "for i in range(3):\n        q = brentq(cubic, 0, 10, args=(p + i, q))\n    return q"
    ),
    "in a branch": (
        "if p > q:\n        return brentq(cubic, 0, 9, args=(p, q))\n    return newton(cubic, 1.0, args=(q, p))"
    ),
    "of what is overwritten": "x = brentq(cubic, 0, 10, args=(p, q))\n    p = 2 * p\n    return x * p",
    "of equations in a list": (
        "def both(v):\n        x, y = v\n        return [x**2 + p * y - 4, x * y - q / 4]\n"
        "    x, y = fsolve(both, [1.0, 1.0], xtol=1e-13)\n    return x * y + p * x"
    ),
    "fixed": "return fixed_point(lambda x: np.cos(p * x) * q / 4, 0.5, xtol=1e-13) * p",
}


def function(body, *names):
    return f"{HEAD}\ndef f({', '.join(names)}):\n    {body}\n"


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("typed", [True, False], ids=["numbers", "unknown"])
@pytest.mark.parametrize("body", ROOTS.values(), ids=ROOTS)
def test_roots_of_numbers(body, typed, emit):
    names = ["p: float", "q: float"] if typed else ["p", "q"]
    if not typed and "newton(cubic, q" in body:
        pytest.skip("where the search starts says whether x is a number")
    examine(Trial(function(body, *names), NUMBERS, emit=emit))


SYSTEMS = {
    "fsolve": "return fsolve(system, np.zeros(3), args=(a, b), xtol=1e-13) * b",
    "start": "return fsolve(system, b, args=(a, b), xtol=1e-13)",
    "root": "found = root(system, np.zeros(3), args=(a, b), tol=1e-13)\n    return found.x",
    "newton for each": "return newton(cubic, np.ones(3), args=(b**2, b**4 + 1), tol=1e-13)",
    "fixed point": "return fixed_point(lambda x: np.cos(b * x), np.full(3, 0.5), xtol=1e-13)",
    "minimum": "return minimize(loss, np.zeros(3), (b,), jac=slope, tol=1e-10).x",
}


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("body", SYSTEMS.values(), ids=SYSTEMS)
def test_roots_of_systems(body, emit):
    shapes = {"a": ("N", "N"), "b": ("N",)}
    examine(Trial(function(body, "a", "b"), SYSTEM, shapes=shapes, emit=emit))


INTEGRALS = {
    "parameter": "area, error = quad(bell, 0, 1, args=(p,))\n    return area * q",
    "limits": "return quad(bell, p, q, args=(0.7,))[0] ** 2",
    "all": "return quad(lambda x: np.exp(-p * x) * q, p, q)[0]",
    "infinite": "return quad(bell, -np.inf, np.inf, args=(p,))[0] * q",
    "in a loop": "for i in range(2):\n        q = quad(lambda t: bell(t, p) * q, i, q + 1)[0]\n    return q",
}


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("body", INTEGRALS.values(), ids=INTEGRALS)
def test_integrals(body, emit):
    names = ["p: float", "q: float"]
    examine(Trial(function(body, *names), NUMBERS, emit=emit))


def test_an_integral_with_a_vector_of_parameters():
    body = "return quad(lambda x: np.exp(-p[0] * x**2) * p[1], 0, 1)[0]"
    trial = Trial(
        function(body, "p"), {"p": np.array([1.2, 0.3])}, shapes={"p": ("N",)}
    )
    examine(trial)


STATES = {
    "pendulum": f"t = np.linspace(0, 2, 5)\n    return odeint(pendulum, y, t, args=(p, q), {EXACT})[:, 0]",
    "a time twice": f"t = np.array([0.0, 0.5, 0.5])\n    return odeint(lambda y, t: -p * y * t, y, t, {EXACT}) * q",
    "one number": f"t = np.linspace(0, 1, 3)\n    return odeint(lambda y, t: -q * y, p, t, {EXACT})[-1] * y",
    "by column": (
        f"found = solve_ivp(decay, (0, 1), y, t_eval=[0.0, 0.4, 1.0], args=(p,), {EXACT})\n    return found.y * q"
    ),
    "later than the start": (
        f"return solve_ivp(lambda t, y: [y[1], -p * y[0]], [0, 1], y, 'RK45', [0.3, 1.0], {EXACT}).y * q"
    ),
}


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("body", STATES.values(), ids=STATES)
def test_differential_equations(body, emit):
    inputs = {"y": np.array([0.5, 0.1]), **NUMBERS}
    text = function(body, "y", "p: float", "q: float")
    examine(Trial(text, inputs, shapes={"y": (2,)}, emit=emit))


REFUSED = {
    "return brentq(cubic, 0, 10, args=(p, q), full_output=True)[0]": "brentq with full_output=",
    "return minimize(loss, np.zeros(3), args=(p,)).x": "this call of scipy.optimize.minimize is not read",
    "return minimize(loss, np.ones(3), (p,), jac=slope, bounds=[(0, 1)] * 3).x": "minimize with bounds=",
    "return brentq(cubic, 0, 10, (p, q), 1e-12, 1e-12, 50, True)[0]": "brentq with full_output=",
    "return brentq(cubic, 0, 10, (p, q), what=1)": "this call of scipy.optimize.brentq is not read",
    "return minimize_scalar(lambda x: (x - p) ** 2).x": "no derivative rule for scipy.optimize.minimize_scalar",
    "return root(system, np.zeros(3), args=(p, q)).fun": "other than .x of what scipy.optimize.root finds",
    "return quad(bell, 0, 1, args=(p,))[1]": "what quad says of its error has no derivative",
    "return odeint(lambda y, t: -p * y, 1.0, np.array([0.0, q]))": "with respect to time",
    "return solve_ivp(lambda t, y: -p * y, [0, 1], [1.0]).y": "solve_ivp without t_eval=",
    "return fsolve(lambda x: (x[0] - p, x[1], x), p)": "not known to be a vector",
    "def k(x):\n        return x * p\n    def g(x):\n        return k(x) - 2\n    return brentq(g, 0, 9)": "stand by itself",
    "return np.vectorize(lambda x: x * p)(q)": "no derivative rule for numpy.vectorize",
    "def k(x):\n        return x * p\n    return np.vectorize(lambda x: k(x))(2.0)": "numpy.vectorize",
}


@pytest.mark.parametrize(("body", "what"), REFUSED.items())
def test_what_is_not_differentiated_is_refused(body, what):
    """Nothing that a function sees around it is lost where a library calls the function."""
    with pytest.raises(FlatgradError, match=what.replace(".", r"\.")):
        Trial(function(body, "p: float", "q: float"), NUMBERS).emitted()
