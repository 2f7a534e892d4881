"""Text -> declared shapes: what docstrings, annotations and comments say of variables.

In goes plain text, "- x: A numpy array of shape (N, D)"; out comes what it states,
Declared("x", ("N", "D"), "array", ...). Nothing here looks at the code beside the text.
A wrong shape makes a wrong gradient, a missing one merely longer code, so a text that
could also mean something else declares nothing. All of it is linear in the text.
"""

from flatgrad.frontend.declarations.annotations import from_annotation
from flatgrad.frontend.declarations.comments import from_comment
from flatgrad.frontend.declarations.dims import parse_dims
from flatgrad.frontend.declarations.docstrings import from_docstring
from flatgrad.frontend.declarations.statements import Declared

__all__ = [
    "Declared",
    "from_annotation",
    "from_comment",
    "from_docstring",
    "parse_dims",
]
