def f(a, b, c, d):
    return (
        (a * b + b * c + c * d + d * a)
        * (a + b + c + d)
        * (a - b + c - d)
        * (a * a + b * b)
        + (a * b * c * d) / (1 + a * a * b * b * c * c * d * d)
        - (a / (1 + b)) * (c / (1 + d))
    )
