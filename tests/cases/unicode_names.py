import numpy as np


def posterior(μ, σ, Δx):
    # Δx: (n,)   μ: ()   σ: ()
    ξ = (Δx - μ) / σ
    return np.exp(-(ξ**2) / 2).sum()
