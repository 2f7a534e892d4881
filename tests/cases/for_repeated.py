def f(x, k):
    y = x
    for _ in range(3):
        y = y * k
    return y
