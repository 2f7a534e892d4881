import numpy as np


def svm_loss_naive(W, X, y, reg):
    """
    Multiclass SVM loss, with loops.

    Inputs:
    - W: A numpy array of shape (D, C)
    - X: A numpy array of shape (N, D)
    - y: A numpy array of shape (N,) containing labels
    - reg: float
    """
    num_train = X.shape[0]
    num_classes = W.shape[1]
    loss = 0.0
    for i in range(num_train):
        scores = X[i].dot(W)
        correct_class_score = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct_class_score + 1  # note delta = 1
            if margin > 0:
                loss += margin
    loss /= num_train
    loss += reg * np.sum(W * W)
    return loss
