def f(_x, __y, x_):
    _ = _x * __y
    __ = _ + x_
    return _ * __
