def product(*factors):
    result = 1.0
    for factor in factors:
        result = result * factor
    return result


def f(x, y):
    return product(x, y, x * y)
