def f(x, k):
    while x < 10:
        x = x * k
    return x
