from numpy import mean as average, square


def msd(a, b):
    d = square(a - b)
    return average(average(d, 1), 0)
