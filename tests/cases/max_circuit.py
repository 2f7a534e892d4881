def circuit(x, y, z, w):
    a = x * y
    b = max(z, w)
    c = a + b
    d = c * 2
    return d
