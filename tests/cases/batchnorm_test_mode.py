import numpy as np


def bn(x, gamma, beta, running_mean, running_var, momentum=0.9):
    # x: (N, D)
    # gamma, beta, running_mean, running_var: (D,)
    sample_mean = np.mean(x, axis=0)
    sample_var = np.var(x, axis=0)
    running_mean = momentum * running_mean + (1 - momentum) * sample_mean
    running_var = momentum * running_var + (1 - momentum) * sample_var
    std = np.sqrt(running_var + 1e-5)
    x = (x - running_mean) / std
    return gamma * x + beta, running_mean, running_var
