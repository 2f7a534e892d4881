def halves(x):
    while x > 1:
        x = x / 2
        yield x


def f(x):
    total = 0.0
    for half in halves(x):
        total = total + half * half
    return total
