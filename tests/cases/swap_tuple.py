from numpy import cos, sin


def rotate(x, y, theta):
    x, y = x * cos(theta) - y * sin(theta), x * sin(theta) + y * cos(theta)
    y, x = x, y
    return x, y
