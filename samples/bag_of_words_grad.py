# Made by flatgrad.

import numpy as np


def bag_of_words_grad(words, E, W, b, grad_scores):
    """
    Class scores of sentences: the mean of the vectors of their words, and an affine layer.

    Inputs:
    - words: An integer array of shape (N, T), the words of each sentence by number
    - E: A numpy array of shape (V, D), one row for each word of the vocabulary
    - W: A numpy array of shape (D, C)
    - b: A numpy array of shape (C,)

    Returns:
    - scores: A numpy array of shape (N, C)
    """
    vectors = E[words]
    mean = vectors.mean(axis=1)
    scores = mean @ W + b

    # scores = mean @ W + b
    grad_vectors = (grad_scores @ W.T / vectors.shape[1])[:, None] * np.ones_like(
        vectors
    )
    grad_W = mean.T @ grad_scores
    grad_b = grad_scores.sum(axis=0)
    # vectors = E[words]
    grad_E = np.zeros(E.shape)
    np.add.at(grad_E, words, grad_vectors)

    return scores, (grad_E, grad_W, grad_b)
