import numpy as np


def bag(table, weights, tokens):
    """
    table: (V, D), weights: (N, T), tokens: (N, T) integers
    """
    vectors = table[tokens]
    return (vectors * weights[:, :, np.newaxis]).sum(axis=1)
