import numpy as np


def cosine(a, b, eps=1e-8):
    # a: (N, D), b: (N, D)
    num = (a * b).sum(axis=1)
    den = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return num / np.maximum(den, eps)
