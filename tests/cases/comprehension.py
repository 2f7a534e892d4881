def f(x, k):
    parts = [x * i for i in range(k)]
    return parts[0] + parts[-1]
