import numpy as np


def two_layer_net(X, y, W1, b1, W2, b2, reg):
    """
    Loss of a classifier with one hidden layer: affine, ReLU, affine, softmax.

    Inputs:
    - X: A numpy array of shape (N, D), one example in each row
    - y: A numpy array of shape (N,), the label of every example
    - W1: A numpy array of shape (D, H)
    - b1: A numpy array of shape (H,)
    - W2: A numpy array of shape (H, C)
    - b2: A numpy array of shape (C,)
    - reg: (float) how strongly large weights are punished

    Returns:
    - loss: Scalar
    """
    N = X.shape[0]

    # class scores
    hidden = np.maximum(0, X @ W1 + b1)
    scores = hidden @ W2 + b2

    # cross-entropy
    exps = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = exps / exps.sum(axis=1, keepdims=True)
    data_loss = -np.log(probs[np.arange(N), y]).sum() / N

    loss = data_loss + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    return loss
