def f(x, k):
    return x * t if k > 0 and (t := k * x) else x
