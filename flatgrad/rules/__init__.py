"""Derivative rules, one module for each family of operations; importing them fills the registry.

A rule is written as the mathematics says it; docs/adding-an-operation.md shows how. Where a formula has no
answer for the options it is given it raises NotImplementedError, and the caller refuses with a place.
"""

from flatgrad.rules import (  # noqa: F401 - for what they register
    activations,
    arithmetic,
    arrangement,
    attention,
    bessel,
    containers,
    creation,
    decompositions,
    diagonals,
    einsum,
    elementary,
    gamma,
    indexing,
    joining,
    linalg,
    losses,
    normalization,
    norms,
    products,
    randomness,
    reductions,
    repetition,
    special,
    structure,
    tensors,
    windows,
)
