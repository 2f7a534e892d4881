"""What a file says of complex numbers besides the operations of a function: its docstring, the constants it reads."""

from __future__ import annotations

import re

from flatgrad.frontend.scope import Function

REAL = {"float", "int", "bool", "arange", "str", "none", "slice", "ellipsis", "dtype"}
WORD = re.compile(r"\bcomplex\b", re.IGNORECASE)
SIGN = re.compile(r"\d[jJ]\b|\bcomplex|\bcmath\b|\bfft\b")


def speaks_of_complex(function: Function) -> bool:
    """The docstring names complex numbers, an argument holds some, or a constant is read of a module that has some."""
    if WORD.search(function.node.get_docstring() or ""):
        return True
    if any("complex" in p.type.shape.root().parts for p in function.params.values()):
        return True
    outside = (e.out for e in function.block.eqns if e.op == "external")
    unknown = any(out.type.kind not in REAL for out in outside)
    return unknown and SIGN.search(function.module.text) is not None
