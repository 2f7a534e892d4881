import numpy as np


def penalty(W):
    # (n, k)
    G = W.T @ W - np.eye(W.shape[1])
    return np.linalg.norm(G, "fro") ** 2 + np.linalg.norm(W, axis=0).sum()
