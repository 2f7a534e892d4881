def line(a, b, x):
    return a * x + b
