import numpy as np


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def gelu_mlp(x, W1, W2):
    # x: (N, D)
    # W1: (D, H)
    # W2: (H, D)
    return gelu(x @ W1) @ W2
