# Made by flatgrad.


def affine_grad(x, w, b, grad_out):
    """
    A fully connected layer. x: (N, D)  w: (D, M)  b: (M,)
    """
    out = x @ w + b

    # out = x @ w + b
    grad_x = grad_out @ w.T
    grad_w = x.T @ grad_out
    grad_b = grad_out.sum(axis=0)

    return out, (grad_x, grad_w, grad_b)
