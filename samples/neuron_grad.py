# Made by flatgrad.

from math import exp


def sigmoid(x):
    return 1 / (1 + exp(-x))


def neuron_grad(w0, x0, w1, x1, w2, grad_L=1.0):
    s0 = w0 * x0
    s1 = w1 * x1
    s2 = s0 + s1
    s3 = s2 + w2
    L = sigmoid(s3)

    # L = sigmoid(s3)
    grad_s3 = grad_L * L * (1 - L)
    # s3 = s2 + w2
    grad_s2 = grad_s3
    grad_w2 = grad_s3
    # s2 = s0 + s1
    grad_s0 = grad_s2
    grad_s1 = grad_s2
    # s1 = w1 * x1
    grad_w1 = grad_s1 * x1
    grad_x1 = grad_s1 * w1
    # s0 = w0 * x0
    grad_w0 = grad_s0 * x0
    grad_x0 = grad_s0 * w0

    return L, (grad_w0, grad_x0, grad_w1, grad_x1, grad_w2)
