def lerp(a, b, /, t=0.5):
    """a: (3,), b: (3,), t: scalar"""
    return a + t * (b - a)
