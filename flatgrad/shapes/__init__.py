"""Shape rules: Eqn -> None; what is known of arguments and results is joined, in both directions.

A rule is called when its equation is written and again in a few later rounds, so it may be repeated, and
what it makes up (a new length for `-1`) it leaves on the result's type, where the next round finds it. A
rule never guesses: where a length cannot be known, it stays unknown and the text asks at run time.
"""

from flatgrad.shapes.arrangement import (
    at_least,
    broadcast_to,
    diagonal,
    expand_dims,
    flat,
    matrix_transpose,
    moveaxis,
    permuted,
    reshape,
    rot90,
    squeeze,
    swapaxes,
    transpose,
)  # fmt: skip
from flatgrad.shapes.broadcasting import (
    arithmetic,
    broadcast,
    cast,
    elementwise,
    elementwise_bool,
    elementwise_float,
    elementwise_int,
    like_second,
    same,
    selection,
    triangle,
    with_options,
)  # fmt: skip
from flatgrad.shapes.creation import (
    arange,
    drawn,
    drawn_with_shape,
    filled,
    spaced,
    square,
)  # fmt: skip
from flatgrad.shapes.facts import (
    anything,
    axes_of,
    data,
    elements,
    giving,
    kind_of_dtype,
    learn,
    option,
    option_type,
    promoted,
    spelled,
    truth,
)  # fmt: skip
from flatgrad.shapes.indexing import along_axis, getitem, take, updated
from flatgrad.shapes.joining import (
    append,
    array_of,
    column_stack,
    concatenate,
    dstack,
    hstack,
    pad,
    repeat,
    split,
    stack,
    tile,
    vstack,
)  # fmt: skip
from flatgrad.shapes.lengths import (
    distance,
    multiple,
    power,
    product,
    quotient,
    remainder,
    sum_of,
)  # fmt: skip
from flatgrad.shapes.reductions import (
    covariance,
    differences,
    item,
    number,
    reduction,
    scan,
)
from flatgrad.shapes.subscripts import (
    index_parts,
    is_basic_index,
    may_repeat,
    role_of,
)
from flatgrad.shapes.tuples import (
    dtype_of,
    external,
    length,
    make_slice,
    make_tuple,
    ndim,
    shape_of,
    size,
)  # fmt: skip

__all__ = [
    "along_axis", "anything", "append", "arange", "arithmetic", "array_of", "at_least", "axes_of", "broadcast",
    "broadcast_to", "cast", "column_stack", "concatenate", "covariance", "data", "diagonal", "differences", "distance",
    "drawn", "drawn_with_shape", "dstack", "dtype_of", "elements", "elementwise", "elementwise_bool", "elementwise_float",
    "elementwise_int", "expand_dims", "external", "filled", "flat", "getitem", "giving", "hstack",
    "index_parts", "is_basic_index", "item", "kind_of_dtype", "learn", "length", "like_second", "make_slice",
    "make_tuple", "matrix_transpose", "may_repeat", "moveaxis", "multiple", "ndim", "number", "option", "option_type", "pad", "permuted",
    "power", "product", "promoted", "quotient", "reduction", "remainder", "repeat", "reshape", "role_of",
    "rot90", "same", "scan", "selection", "shape_of", "size", "spaced", "spelled", "split", "square", "squeeze", "stack",
    "sum_of", "swapaxes", "take", "tile", "transpose", "triangle", "truth", "updated", "vstack",
    "with_options",
]  # fmt: skip
