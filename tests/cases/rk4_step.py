def slope(y, k):
    return k * y * (1 - y / 2)


def rk4(y, h, k):
    k1 = slope(y, k)
    k2 = slope(y + h / 2 * k1, k)
    k3 = slope(y + h / 2 * k2, k)
    k4 = slope(y + h * k3, k)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
