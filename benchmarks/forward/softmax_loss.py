import numpy as np


def softmax_loss(scores, y):
    """
    Mean cross-entropy between softmax(scores) and integer labels.

    Inputs:
    - scores: A numpy array of shape (N, C); scores[i, j] rates class j for example i
    - y: A numpy array of shape (N,), the label of every example, 0 <= y[i] < C

    Returns:
    - loss: Scalar, the mean over the examples
    """
    N = scores.shape[0]
    # large scores must not overflow
    shifted = scores - scores.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    probs = exps / exps.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(N), y]).sum() / N
    return loss
