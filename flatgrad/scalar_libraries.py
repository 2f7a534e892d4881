"""Libraries that know no arrays: a text that imports nothing else is about numbers."""

SCALAR_LIBRARIES = {
    "math",
    "cmath",
    "typing",
    "__future__",
    "functools",
    "operator",
    "dataclasses",
}
