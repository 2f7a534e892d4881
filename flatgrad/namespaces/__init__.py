"""How libraries spell the canonical operations, in both directions.

In: a namespace and a name of that library, and the arguments of a call. Out: the canonical operation, its
data and its options, under the names that its rule gives them.

The tables are in the modules called *_names; their language is described in lines.py.
"""

from flatgrad.namespaces.calls import arrange, bind
from flatgrad.namespaces.jax_names import DEFAULTS
from flatgrad.namespaces.libraries import as_numpy, in_library, library_of
from flatgrad.namespaces.operators import INFIX, PREFIX
from flatgrad.namespaces.spelling import Bound, Spelling, meanings
from flatgrad.namespaces.stats_names import home
from flatgrad.namespaces.tables import ALGORITHMS, lookup, namespaces, spell, spellings

__all__ = [
    "ALGORITHMS",
    "DEFAULTS",
    "INFIX",
    "PREFIX",
    "Bound",
    "Spelling",
    "arrange",
    "as_numpy",
    "bind",
    "home",
    "in_library",
    "library_of",
    "lookup",
    "meanings",
    "namespaces",
    "spell",
    "spellings",
]
