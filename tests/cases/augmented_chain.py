def f(x, a):
    """x (array of shape (n,)), a (float)"""
    y = x.copy()
    y *= a
    y += x
    y -= a * y
    y /= 1 + a * a
    y **= 2
    y = -y
    return y.sum()
