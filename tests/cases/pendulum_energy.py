import math


def energy(theta, omega, m, l, g=9.81):
    kinetic = 0.5 * m * (l * omega) ** 2
    potential = m * g * l * (1 - math.cos(theta))
    return kinetic + potential
