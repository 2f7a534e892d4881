# Made by flatgrad.

import torch


class SwishFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        gate = torch.sigmoid(beta * x)
        out = x * gate
        ctx.save_for_backward(gate, x, beta)
        return out

    @staticmethod
    def backward(ctx, grad_out):
        if torch.is_grad_enabled():
            raise RuntimeError("swish cannot be differentiated twice")
        gate, x, beta = ctx.saved_tensors

        # out = x * gate
        grad_x = grad_out * gate
        grad_gate = grad_out * x
        # gate = torch.sigmoid(beta * x)
        grad_a = grad_gate * gate * (1 - gate)
        grad_beta = (grad_a * x).sum(dim=0)
        grad_x += grad_a * beta

        return grad_x, grad_beta


def swish(x, beta):
    """x: (N, D)  beta: (D,)"""
    return SwishFunction.apply(x, beta)
