import numpy as np  # arrays


# the function
def f(
    x,  # (N, D) samples
    w,  # (D,) weights
):
    # first: scores
    s = x @ w  # (N,)

    # second: squash
    # (twice)
    t = np.tanh(np.tanh(s))  # (N,)
    # done
    return t.sum()  # a number
