def rate(S, Vmax, Km, n):
    """Hill equation.

    Parameters
    ----------
    S : ndarray, shape (k,)
        concentrations
    Vmax, Km, n : float
    """
    Sn = S**n
    return Vmax * Sn / (Km**n + Sn)
