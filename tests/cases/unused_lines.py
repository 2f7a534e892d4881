import numpy as np


def f(x):
    # x: (n,)
    unused = np.exp(x) * 3
    count = x.shape[0]
    also_unused = unused.sum() / count
    assert also_unused is not None
    y = x * x
    x = 0
    return y
