import torch


def swish(x, beta):
    """x: (N, D)  beta: (D,)"""
    gate = torch.sigmoid(beta * x)
    out = x * gate
    return out
