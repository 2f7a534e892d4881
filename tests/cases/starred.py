def horner(coeffs, t):
    c0, *rest, c3 = coeffs[0], coeffs[1], coeffs[2], coeffs[3]
    c1, c2 = rest
    return c0 + t * (c1 + t * (c2 + t * c3))
