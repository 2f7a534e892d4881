def f(x):
    i = [0, 0, 1]
    return x[i] * x[[2, 2, 2]] + x[[3]]
