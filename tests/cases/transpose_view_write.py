def f(A, v):
    # A: (n, m)   v: (n,)
    B = 2.0 * A
    T = B.T
    T[1] = v
    return (B * A).sum()
