import numpy as np


def free_energy(E, T):
    # E: (n,), T: scalar
    kT = T
    E0 = np.min(E)
    Z = np.sum(np.exp(-(E - E0) / kT))
    return E0 - kT * np.log(Z)
