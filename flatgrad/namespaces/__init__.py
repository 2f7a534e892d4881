"""How libraries spell the canonical operations, in both directions.

In: a namespace and a name of that library, and the arguments of a call. Out: the canonical operation, its
data and its options, under the names that its rule gives them.

The tables are in the modules called *_names; their language is described in lines.py.
"""

from flatgrad.namespaces.calls import arrange, bind
from flatgrad.namespaces.operators import INFIX, PREFIX
from flatgrad.namespaces.spelling import Bound, Spelling, meanings
from flatgrad.namespaces.stats_names import home
from flatgrad.namespaces.tables import ALGORITHMS, lookup, namespaces, spell, spellings

__all__ = [
    "ALGORITHMS",
    "INFIX",
    "PREFIX",
    "Bound",
    "Spelling",
    "arrange",
    "bind",
    "home",
    "lookup",
    "meanings",
    "namespaces",
    "spell",
    "spellings",
]
