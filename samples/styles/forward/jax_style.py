import jax.numpy as jnp


def logsumexp(x):
    """x: (N, D)"""
    top = x.max(axis=1, keepdims=True)
    total = jnp.exp(x - top).sum(axis=1)
    out = jnp.log(total) + top[:, 0]
    return out
