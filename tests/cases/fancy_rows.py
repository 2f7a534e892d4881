def gather(W, b, idx):
    """W: (V, D), b: (D,), idx: (n,) integers"""
    rows = W[idx] * b
    return rows, W[idx, 0] + b[[0, 0, 1, 2]]
