# Made by flatgrad.

import numpy as np


def unbroadcast(g, like):
    """Sum `g` over the axes along which `like` was broadcast."""
    extra = np.ndim(g) - np.ndim(like)
    stretched = [i for i, n in enumerate(np.shape(like), extra) if n == 1 and i >= 0]
    return np.sum(g, axis=(*range(extra), *stretched)).reshape(np.shape(like))


def rate_forward(state, a: float, b: float, c: float, d: float):
    """state: (2,)"""
    hares, foxes = state
    diff = a - b * foxes
    diff2 = d * hares - c
    out = np.array([diff * hares, diff2 * foxes])

    cache = (foxes, hares, b, diff2, diff, d, state.shape)
    return out, cache


def rate_backward(grad_out, cache):
    foxes, hares, b, diff2, diff, d, state_shape = cache

    # out = np.array([diff * hares, diff2 * foxes])
    grad_product = grad_out[0]
    grad_product2 = grad_out[1]
    grad_diff2 = grad_product2 * foxes
    grad_diff = grad_product * hares
    grad_product3 = -grad_diff
    grad_b = np.sum(grad_product3 * foxes)
    grad_foxes = b * grad_product3 + grad_product2 * diff2
    grad_a = np.sum(grad_diff)
    grad_hares = grad_product * diff + d * grad_diff2
    grad_d = np.sum(grad_diff2 * hares)
    grad_c = -np.sum(grad_diff2)
    # hares, foxes = state
    grad_state = np.zeros(state_shape)
    grad_state[0] = grad_hares
    grad_state[1] = grad_foxes
    return grad_state, grad_a, grad_b, grad_c, grad_d


def step_forward(state, h: float, a: float, b: float, c: float, d: float):
    """One step of the method of Runge and Kutta. state: (2,)"""
    k1, rate_cache4 = rate_forward(state, a, b, c, d)
    product = 0.5 * h * k1
    k2, rate_cache3 = rate_forward(state + product, a, b, c, d)
    product2 = 0.5 * h * k2
    k3, rate_cache2 = rate_forward(state + product2, a, b, c, d)
    product3 = h * k3
    k4, rate_cache = rate_forward(state + product3, a, b, c, d)
    product4 = 2 * k2
    total = k1 + product4
    product5 = 2 * k3
    total2 = total + product5
    total3 = total2 + k4
    product6 = h / 6 * total3
    out = state + product6

    cache = (
        product6,
        h,
        total2,
        total,
        total3,
        product4,
        k1,
        product5,
        k4,
        state,
        rate_cache,
        product3,
        k3,
        rate_cache2,
        product2,
        rate_cache3,
        product,
        k2,
        rate_cache4,
    )
    return out, cache


def step_backward(grad_out, cache):
    (
        product6,
        h,
        total2,
        total,
        total3,
        product4,
        k1,
        product5,
        k4,
        state,
        rate_cache,
        product3,
        k3,
        rate_cache2,
        product2,
        rate_cache3,
        product,
        k2,
        rate_cache4,
    ) = cache

    # out = state + product6
    grad_product6 = unbroadcast(grad_out, product6)
    grad_total3 = h / 6 * grad_product6
    grad_total2 = unbroadcast(grad_total3, total2)
    grad_total = unbroadcast(grad_total2, total)
    grad_h = np.sum(grad_product6 * total3) / 6
    grad_k2 = 2 * unbroadcast(grad_total, product4)
    grad_k1 = unbroadcast(grad_total, k1)
    grad_k3 = 2 * unbroadcast(grad_total2, product5)
    grad_k4 = unbroadcast(grad_total3, k4)
    grad_state = unbroadcast(grad_out, state)
    # k4, rate_cache = rate_forward(state + product3, a, b, c, d)
    grad_total4, grad_a, grad_b, grad_c, grad_d = rate_backward(grad_k4, rate_cache)
    grad_product3 = unbroadcast(grad_total4, product3)
    grad_h += np.sum(grad_product3 * k3)
    grad_k3 += h * grad_product3
    grad_state = grad_state + unbroadcast(grad_total4, state)
    # k3, rate_cache2 = rate_forward(state + product2, a, b, c, d)
    grad_total5, grad_a_, grad_b_, grad_c_, grad_d_ = rate_backward(
        grad_k3, rate_cache2
    )
    grad_product2 = unbroadcast(grad_total5, product2)
    grad_k2 += 0.5 * h * grad_product2
    grad_state += unbroadcast(grad_total5, state)
    grad_a = grad_a + grad_a_
    grad_b = grad_b + grad_b_
    grad_c = grad_c + grad_c_
    grad_d = grad_d + grad_d_
    # k2, rate_cache3 = rate_forward(state + product, a, b, c, d)
    grad_total6, grad_a__, grad_b__, grad_c__, grad_d__ = rate_backward(
        grad_k2, rate_cache3
    )
    grad_product = unbroadcast(grad_total6, product)
    grad_h += 0.5 * (np.sum(grad_product2 * k2) + np.sum(grad_product * k1))
    grad_k1 += 0.5 * h * grad_product
    grad_state += unbroadcast(grad_total6, state)
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
