def bag_of_words(words, E, W, b):
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
    scores = vectors.mean(axis=1) @ W + b
    return scores
