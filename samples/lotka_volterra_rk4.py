import numpy as np


def rate(state, a: float, b: float, c: float, d: float):
    """state: (2,)"""
    hares, foxes = state
    return np.array([(a - b * foxes) * hares, (d * hares - c) * foxes])


def step(state, h: float, a: float, b: float, c: float, d: float):
    """One step of the method of Runge and Kutta. state: (2,)"""
    k1 = rate(state, a, b, c, d)
    k2 = rate(state + 0.5 * h * k1, a, b, c, d)
    k3 = rate(state + 0.5 * h * k2, a, b, c, d)
    k4 = rate(state + h * k3, a, b, c, d)
    return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def lotka_volterra(state, h: float, steps: int, a: float, b: float, c: float, d: float):
    """Hares and foxes after some steps of size h. state: (2,)"""
    for _ in range(steps):
        state = step(state, h, a, b, c, d)
    return state
