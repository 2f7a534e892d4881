def line(a, b, x):
    # b: (n,), x: (n,)
    return a * x + b
