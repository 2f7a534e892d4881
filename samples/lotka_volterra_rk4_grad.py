# Made by flatgrad.

import numpy as np


def rate_forward(state, a: float, b: float, c: float, d: float):
    """state: (2,)"""
    hares, foxes = state
    out = np.array([(a - b * foxes) * hares, (d * hares - c) * foxes])

    cache = (foxes, hares, b, d, c, a, state.shape)
    return out, cache


def rate_backward(grad_out, cache):
    foxes, hares, b, d, c, a, state_shape = cache

    # out = np.array([(a - b * foxes) * hares, (d * hares - c) * foxes])
    grad_product = grad_out[0]
    grad_product2 = grad_out[1]
    grad_diff = grad_product2 * foxes
    grad_a = grad_product * hares
    grad_product3 = -grad_a
    grad_b = grad_product3 * foxes
    grad_foxes = grad_product3 * b + grad_product2 * (d * hares - c)
    grad_hares = grad_product * (a - b * foxes) + grad_diff * d
    grad_d = grad_diff * hares
    grad_c = -grad_diff
    # hares, foxes = state
    grad_state = np.zeros(state_shape)
    grad_state[0] = grad_hares
    grad_state[1] = grad_foxes
    return grad_state, grad_a, grad_b, grad_c, grad_d


def step_forward(state, h: float, a: float, b: float, c: float, d: float):
    """One step of the method of Runge and Kutta. state: (2,)"""
    k1, rate_cache4 = rate_forward(state, a, b, c, d)
    k2, rate_cache3 = rate_forward(state + 0.5 * h * k1, a, b, c, d)
    k3, rate_cache2 = rate_forward(state + 0.5 * h * k2, a, b, c, d)
    k4, rate_cache = rate_forward(state + h * k3, a, b, c, d)
    total = k1 + 2 * k2 + 2 * k3 + k4
    out = state + h / 6 * total

    cache = (h, total, rate_cache, k3, rate_cache2, rate_cache3, k2, k1, rate_cache4)
    return out, cache


def step_backward(grad_out, cache):
    h, total, rate_cache, k3, rate_cache2, rate_cache3, k2, k1, rate_cache4 = cache

    # out = state + h / 6 * total
    grad_k1 = h / 6 * grad_out
    grad_k2 = 2 * grad_k1
    grad_h = (grad_out * total).sum() / 6
    grad_k3 = grad_k2
    grad_k4 = grad_k1
    grad_state = grad_out
    # k4, rate_cache = rate_forward(state + h * k3, a, b, c, d)
    grad_total2, grad_a, grad_b, grad_c, grad_d = rate_backward(grad_k4, rate_cache)
    grad_h += (grad_total2 * k3).sum()
    grad_k3 = grad_k3 + h * grad_total2
    grad_state = grad_state + grad_total2
    # k3, rate_cache2 = rate_forward(state + 0.5 * h * k2, a, b, c, d)
    grad_total3, grad_a_, grad_b_, grad_c_, grad_d_ = rate_backward(
        grad_k3, rate_cache2
    )
    grad_k2 += 0.5 * h * grad_total3
    grad_state += grad_total3
    grad_a = grad_a + grad_a_
    grad_b = grad_b + grad_b_
    grad_c = grad_c + grad_c_
    grad_d = grad_d + grad_d_
    # k2, rate_cache3 = rate_forward(state + 0.5 * h * k1, a, b, c, d)
    grad_total4, grad_a__, grad_b__, grad_c__, grad_d__ = rate_backward(
        grad_k2, rate_cache3
    )
    grad_h += 0.5 * ((grad_total3 * k2).sum() + (grad_total4 * k1).sum())
    grad_k1 += 0.5 * h * grad_total4
    grad_state += grad_total4
    grad_a += grad_a__
    grad_b += grad_b__
    grad_c += grad_c__
    grad_d += grad_d__
    # k1, rate_cache4 = rate_forward(state, a, b, c, d)
    grad_state_, grad_a___, grad_b___, grad_c___, grad_d___ = rate_backward(
        grad_k1, rate_cache4
    )
    grad_state += grad_state_
    grad_a += grad_a___
    grad_b += grad_b___
    grad_c += grad_c___
    grad_d += grad_d___
    return grad_state, grad_h, grad_a, grad_b, grad_c, grad_d


def lotka_volterra_grad(
    state, h: float, steps: int, a: float, b: float, c: float, d: float, grad_state
):
    """Hares and foxes after some steps of size h. state: (2,)"""
    step_caches = []
    for _ in range(steps):
        state, step_cache = step_forward(state, h, a, b, c, d)
        step_caches.append(step_cache)

    grad_h = 0.0
    grad_a = 0.0
    grad_b = 0.0
    grad_c = 0.0
    grad_d = 0.0
    for _ in reversed(range(steps)):
        step_cache2 = step_caches.pop()
        # state, step_cache = step_forward(state, h, a, b, c, d)
        grad_state, grad_h_, grad_a_, grad_b_, grad_c_, grad_d_ = step_backward(
            grad_state, step_cache2
        )
        grad_h += grad_h_
        grad_a += grad_a_
        grad_b += grad_b_
        grad_c += grad_c_
        grad_d += grad_d_

    return state, (grad_state, grad_h, grad_a, grad_b, grad_c, grad_d)
