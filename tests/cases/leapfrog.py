import numpy as np


def force(q):
    return -np.sin(q) + 0.1 * np.roll(q, 1) + 0.1 * np.roll(q, -1) - 0.2 * q


def leapfrog(q, p, dt):
    """One step of a ring of pendulums.

    Parameters
    ----------
    q : (n,) ndarray
        angles
    p : (n,) ndarray
        momenta
    dt : float
        time step
    """
    p = p + dt / 2 * force(q)
    q = q + dt * p
    p = p + dt / 2 * force(q)
    return q, p
