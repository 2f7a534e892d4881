def bond(y, c=0.03, face=100.0, n=5):
    v = (1 + y) ** -1
    annuity = (1 - v**n) / y
    price = c * face * annuity + face * v**n
    return price
