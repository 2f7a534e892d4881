def advect(c, v):
    # c: (n,)
    c = c.copy()
    flux = v * c
    c[1:] -= flux[1:] - flux[:-1]
    c[0] *= 1 - v
    return (c**2).sum()
