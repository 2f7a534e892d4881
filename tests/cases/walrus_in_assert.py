def f(x):
    assert (y := x * x) > 0, "positive"
    return y * x
