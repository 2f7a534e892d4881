import numpy as np


def rotate_vector(v, k, theta):
    # v, k: (3,)
    k = k / np.linalg.norm(k)
    return (
        v * np.cos(theta)
        + np.cross(k, v) * np.sin(theta)
        + k * np.dot(k, v) * (1 - np.cos(theta))
    )
