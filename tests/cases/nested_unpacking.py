def mix(a, b):
    (p, q), r = (a * b, a - b), a / b
    [s, (t, u)] = [p * q, (q * r, r * p)]
    return s + t * u - p
