import torch


def linear(x, w, b):
    """
    A fully connected layer; the inputs are made rows.

    Inputs:
    - x: Tensor of shape (N, C, H)
    - w: Tensor of shape (D, M) with D = C * H
    - b: Tensor of shape (M,)
    """
    out = x.view(x.shape[0], -1).mm(w) + b
    return out
