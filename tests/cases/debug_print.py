import math


def noisy(x):
    y = math.atan(x) * math.cosh(x)
    print("y is", y)
    z = y**3
    print(f"z={z:.3f}")
    return z / (1 + y)
