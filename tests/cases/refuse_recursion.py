def f(x, n=3):
    # deeper and deeper
    # without an end that can be seen
    #
    return x * f(x, n - 1)
