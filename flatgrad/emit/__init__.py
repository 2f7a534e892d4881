"""Function and gradient block -> source text."""
