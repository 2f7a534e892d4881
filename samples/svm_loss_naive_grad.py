# Made by flatgrad.

import numpy as np


def svm_loss_naive_grad(W, X, y, reg, grad_loss=1.0):
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
    masks = []
    for i in range(num_train):
        scores = X[i].dot(W)
        correct_class_score = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct_class_score + 1  # note delta = 1
            mask = margin > 0
            masks.append(mask)
            if mask:
                loss += margin
    loss /= num_train
    total = np.sum(W * W)
    loss += reg * total

    # loss += reg * total
    grad_W = 2 * grad_loss * reg * W
    grad_reg = grad_loss * total
    # loss /= num_train
    grad_loss = grad_loss / num_train
    grad_X = np.zeros(X.shape)
    for i in reversed(range(num_train)):
        grad_scores = np.zeros(scores.shape)
        grad_correct_class_score = 0.0
        for j in reversed(range(num_classes)):
            if j != y[i]:
                mask2 = masks.pop()
                if mask2:
                    # loss += margin
                    grad_margin = grad_loss
                else:
                    grad_margin = 0.0
                # margin = scores[j] - correct_class_score + 1
                grad_scores[j] += grad_margin
                grad_correct_class_score -= grad_margin
        # correct_class_score = scores[y[i]]
        grad_scores[y[i]] += grad_correct_class_score
        # scores = X[i].dot(W)
        grad_X[i] += grad_scores.dot(W.T)
        grad_W += np.outer(X[i], grad_scores)

    return loss, (grad_W, grad_X, grad_reg)
