def reprojection_error(X, f, t, uv):
    """
    X:  points, shape (N, 3)
    f:  focal length, float
    t:  translation, shape (3,)
    uv: observed pixels, shape (N, 2)
    """
    P = X + t
    proj = f * P[:, :2] / P[:, 2:]
    err = proj - uv
    return (err * err).sum() / len(X)
