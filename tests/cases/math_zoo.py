import math


def f(x, y):
    a = math.asin(x) + math.acosh(y) + math.log1p(x) + math.expm1(x)
    b = math.hypot(x, y) + math.atan2(y, x) + math.log(y, 2) + math.log10(y)
    c = math.gamma(y) + math.lgamma(y) + math.erf(x) + math.erfc(y)
    d = math.degrees(x) + math.radians(y) + math.fabs(-x) + math.fsum([x, y, x * y])
    return a * b + math.tau * c + d / math.pi + math.copysign(x, -y)
