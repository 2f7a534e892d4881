def f(x, n):
    k = 3
    y = x * k // 1 * 0 + x * k
    return (y**k).sum() / n - k
