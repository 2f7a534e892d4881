def heat_step(u, k, left, right):
    """
    Temperatures of a rod one step later. Both of its ends are held at a temperature.

    u : (n,) array, the temperatures now
    k : float, how well the rod conducts
    left, right : float
    """
    new = u.copy()
    new[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    new[0] = left
    new[-1] = right
    return new
