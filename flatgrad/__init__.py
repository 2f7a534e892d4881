"""flatgrad: read a Python function, write its gradient as Python."""

from flatgrad.declaring import rule

__all__ = ["rule"]
