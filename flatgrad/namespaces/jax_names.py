"""What jax has beside jax.numpy, which goes by NumPy's names."""

UNARY = {"jax.nn": "relu, sigmoid, silu = swish -> silu, relu6"}

SIGNATURES = {
    "jax.nn": """
        softmax(x, axis)
        log_softmax(x, axis)
        leaky_relu(x, slope=negative_slope)
        elu(x, alpha)
        """,
    "jax.lax": """
        stop_gradient(x)
        """,
}

# Axes that these functions assume.
DEFAULTS = {"jax.nn.softmax": {"axis": -1}, "jax.nn.log_softmax": {"axis": -1}}
