"""Source text -> Function: what the user wrote, as equations that know where they come from."""

from flatgrad.frontend.lower import lower
from flatgrad.frontend.module import Module, read_module
from flatgrad.frontend.scope import Function

__all__ = ["Function", "Module", "lower", "read_module"]
