def newton_sqrt(a: float):
    """The square root of a number, by Newton's method."""
    x = a
    while abs(x * x - a) > 1e-12:
        x = 0.5 * (x + a / x)
    return x
