from scipy.special import digamma


def f(x):
    # x: (n,)
    return digamma(x) * x
