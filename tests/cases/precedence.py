def f(a, b, c):
    return a - (b - c) * (a / (b / c)) - -(a**b) + (a - b - c) / (a * b / c) ** 2
