"""flatgrad: read a Python function, write its gradient as Python."""
