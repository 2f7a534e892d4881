from numpy import cos, sin

G = 9.8
L1, L2 = 1.0, 0.7
M1 = M2 = 1.2


def accelerations(t1, t2, w1, w2):
    delta = t2 - t1
    den1 = (M1 + M2) * L1 - M2 * L1 * cos(delta) * cos(delta)
    a1 = (
        M2 * L1 * w1 * w1 * sin(delta) * cos(delta)
        + M2 * G * sin(t2) * cos(delta)
        + M2 * L2 * w2 * w2 * sin(delta)
        - (M1 + M2) * G * sin(t1)
    ) / den1
    den2 = (L2 / L1) * den1
    a2 = (
        -M2 * L2 * w2 * w2 * sin(delta) * cos(delta)
        + (M1 + M2) * G * sin(t1) * cos(delta)
        - (M1 + M2) * L1 * w1 * w1 * sin(delta)
        - (M1 + M2) * G * sin(t2)
    ) / den2
    return a1, a2
