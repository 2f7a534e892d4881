def affine(x, w, b):
    """
    A fully connected layer. x: (N, D)  w: (D, M)  b: (M,)
    """
    out = x @ w + b
    return out
