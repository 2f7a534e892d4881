from scipy import special


def loglik(a, b, k, n):
    ll = special.betaln(k + a, n - k + b) - special.betaln(a, b)
    return ll.sum()
