import numpy as np
from scipy.special import gammaln


def student_t_nll(x, loc, scale, df):
    z = (x - loc) / scale
    const = (
        gammaln((df + 1) / 2)
        - gammaln(df / 2)
        - 0.5 * np.log(df * np.pi)
        - np.log(scale)
    )
    return -np.sum(const - (df + 1) / 2 * np.log1p(z * z / df))
