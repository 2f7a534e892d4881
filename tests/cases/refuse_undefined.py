def f(x):
    return x * weight  # noqa: F821
