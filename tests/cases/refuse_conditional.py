def f(x, k):
    return x * k if k > 0 else x
