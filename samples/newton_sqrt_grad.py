# Made by flatgrad.


def newton_sqrt_grad(a: float, grad_x=1.0):
    """The square root of a number, by Newton's method."""
    x = a
    steps = 0
    xs = []
    while abs(x * x - a) > 1e-12:
        steps += 1
        xs.append(x)
        x = 0.5 * (x + a / x)

    grad_a = 0.0
    for _ in range(steps):
        x2 = xs.pop()
        # x = 0.5 * (x + a / x)
        grad_total = 0.5 * grad_x
        grad_a += grad_total / x2
        grad_x = grad_total - grad_total * (a / x2) / x2
    # x = a
    grad_a += grad_x

    return x, grad_a
