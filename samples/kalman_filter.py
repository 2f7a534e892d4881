import numpy as np


def kalman_filter(zs, x0, P0, F, H, Q, R):
    """
    The log-likelihood of measurements under a linear Gaussian model, up to a constant.

    zs: (T, M)  x0: (D,)  P0: (D, D)  F: (D, D)  H: (M, D)  Q: (D, D)  R: (M, M)
    """
    x, P = x0, P0
    log_likelihood = 0.0
    for t in range(len(zs)):
        # predict
        x = F @ x
        P = F @ P @ F.T + Q

        # what the measurement says that was not expected
        v = zs[t] - H @ x
        PH = P @ H.T
        S_inv = np.linalg.inv(H @ PH + R)
        log_likelihood += 0.5 * (np.log(np.linalg.det(S_inv)) - v @ S_inv @ v)

        # correct
        K = PH @ S_inv
        x = x + K @ v
        P = P - K @ PH.T
    return log_likelihood
