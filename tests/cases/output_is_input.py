def f(x, y):
    # x: (n,), y: (n,)
    z = x + y
    return x, z, z
