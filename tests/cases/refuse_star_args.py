def f(x, *args):
    return x * args[0]
