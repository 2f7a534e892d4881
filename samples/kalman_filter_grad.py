# Made by flatgrad.

import numpy as np


def kalman_filter_grad(zs, x0, P0, F, H, Q, R, grad_log_likelihood=1.0):
    """
    The log-likelihood of measurements under a linear Gaussian model, up to a constant.

    zs: (T, M)  x0: (D,)  P0: (D, D)  F: (D, D)  H: (M, D)  Q: (D, D)  R: (M, M)
    """
    x, P = x0, P0
    log_likelihood = 0.0
    Ks = []
    PHs = []
    vs = []
    S_invs = []
    det_S_invs = []
    products = []
    Ps = []
    xs = []
    Ps2 = []
    product2s = []
    xs2 = []
    for t in range(len(zs)):
        Ps2.append(P)
        xs2.append(x)
        # predict
        x = F @ x
        xs.append(x)
        product2 = F @ P
        product2s.append(product2)
        P = product2 @ F.T + Q
        Ps.append(P)

        # what the measurement says that was not expected
        v = zs[t] - H @ x
        vs.append(v)
        PH = P @ H.T
        PHs.append(PH)
        S_inv = np.linalg.inv(H @ PH + R)
        S_invs.append(S_inv)
        det_S_inv = np.linalg.det(S_inv)
        product = v @ S_inv
        det_S_invs.append(det_S_inv)
        products.append(product)
        log_likelihood += 0.5 * (np.log(det_S_inv) - product @ v)

        # correct
        K = PH @ S_inv
        Ks.append(K)
        x = x + K @ v
        P = P - K @ PH.T

    grad_x = np.zeros(x.shape)
    grad_P = np.zeros(P.shape)
    grad_F = np.zeros(F.shape)
    grad_Q = np.zeros(Q.shape)
    grad_zs = np.zeros(zs.shape)
    grad_H = np.zeros(H.shape)
    grad_R = np.zeros(R.shape)
    for t in reversed(range(len(zs))):
        # P = P - K @ PH.T
        grad_product = -grad_P
        grad_PH = (Ks[t].T @ grad_product).T
        grad_K = grad_product @ PHs[t]
        # x = x + K @ v
        grad_K += np.outer(grad_x, vs[t])
        grad_v = Ks[t].T @ grad_x
        # K = PH @ S_inv
        grad_PH = grad_PH + grad_K @ S_invs[t].T
        grad_S_inv = PHs[t].T @ grad_K
        # log_likelihood += 0.5 * (np.log(det_S_inv) - product @ v)
        grad_diff = 0.5 * grad_log_likelihood
        grad_product2 = -grad_diff
        grad_product3 = grad_product2 * vs[t]
        grad_S_inv += grad_diff * det_S_invs[t] / det_S_invs[t] * np.linalg.inv(
            S_invs[t]
        ).T + np.outer(vs[t], grad_product3)
        grad_v += grad_product3 @ S_invs[t].T + grad_product2 * products[t]
        # S_inv = np.linalg.inv(H @ PH + R)
        grad_total = -(S_invs[t].T @ grad_S_inv @ S_invs[t].T)
        grad_H += grad_total @ PHs[t].T
        grad_PH += H.T @ grad_total
        grad_R += grad_total
        # PH = P @ H.T
        grad_H += grad_PH.T @ Ps[t]
        grad_P += grad_PH @ H
        # v = zs[t] - H @ x
        grad_product4 = -grad_v
        grad_zs[t] += grad_v
        grad_H += np.outer(grad_product4, xs[t])
        grad_x += H.T @ grad_product4
        # P = product2 @ F.T + Q
        grad_product5 = grad_P @ F
        grad_F += grad_product5 @ Ps2[t].T + grad_P.T @ product2s[t]
        grad_P_ = F.T @ grad_product5
        grad_Q += grad_P
        # x = F @ x
        grad_F += np.outer(grad_x, xs2[t])
        grad_x = F.T @ grad_x
        grad_P = grad_P_
    # x, P = x0, P0
    grad_x0 = grad_x
    grad_P0 = grad_P

    return log_likelihood, (grad_zs, grad_x0, grad_P0, grad_F, grad_H, grad_Q, grad_R)
