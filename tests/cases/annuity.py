import numpy as np


def present_value(cash, rate):
    """
    Args:
        cash (np.ndarray): flows, shape (T,)
        rate (float): yearly rate
    """
    t = np.arange(1, cash.shape[0] + 1)
    return (cash / (1 + rate) ** t).sum()
