def smooth(old, new, rate=0.9):
    return rate * old + (1 - rate) * new
