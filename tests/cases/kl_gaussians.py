import numpy as np
from numpy.linalg import det, inv


def kl(m0, S0, m1, S1):
    # m0, m1: (d,)    S0, S1: (d, d)
    d = m0.size
    iS1 = inv(S1)
    diff = m1 - m0
    tr = np.trace(iS1 @ S0)
    return 0.5 * (tr + diff.T @ iS1 @ diff - d + np.log(det(S1) / det(S0)))
