from scipy.special import voigt_profile


def f(x, s, g):
    return voigt_profile(x, s, g)
