"""A gradient that is made when the module is imported."""

import numpy as np

import flatgrad


@flatgrad.differentiable
def loss(w, X, y, strength=0.1):
    """The mean squared error of a line. w: (D,)  X: (N, D)  y: (N,)"""
    residual = X @ w - y
    return np.mean(residual**2) + strength * np.sum(w**2)


def fit(X, y, rate=0.1, steps=100):
    """Gradient descent."""
    gradient = flatgrad.grad(loss, "w")
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        w -= rate * gradient(w, X, y)
    return w


if __name__ == "__main__":
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    y = np.array([1.0, 2.0, 3.0])
    w = fit(X, y)
    print("weights", w.round(3))
    print("loss", round(loss(w, X, y), 4))
    print("gradient", abs(flatgrad.grad(loss, "w")(w, X, y)).round(6))
    print(loss.source("grad"), end="")
