"""Shape rules: what an equation says about its results, and what results say about arguments."""

import numpy as np
import pytest
from checking import agree

import flatgrad.rules  # noqa: F401
from flatgrad.builder import Builder
from flatgrad.evaluate import runtime
from flatgrad.graph import Lit, Var
from flatgrad.options import Options
from flatgrad.pipeline import transform
from flatgrad.registry import infer
from flatgrad.shapes import is_basic_index, may_repeat
from flatgrad.types import Contradiction, Dim, Shape, Type, join, same_dim, scalar

NAMES = {}


def dim(d):
    match d:
        case int():
            return Dim(d)
        case None:
            return Dim()
        case _:
            return NAMES.setdefault(d, Dim(name=d))


@pytest.fixture(autouse=True)
def _fresh_names():
    NAMES.clear()


def array(*dims, kind="float"):
    return Var("x", Type(Shape(map(dim, dims)), kind))


def unknown(kind="float"):
    return Var("x", Type(Shape(), kind))


def number(kind="float"):
    return Var("x", Type(scalar(), kind))


def count(name=""):
    """An integer variable."""
    return Var(name, Type(scalar(), "int", dim(name) if name else Dim()))


def write(op, *args, results=1, **options):
    """One equation; its rule is run three times, as in later rounds."""
    build = Builder()
    outs = build.emit_all(op, args, results, attrs=options)
    for _ in range(2):
        infer(build.eqns[-1])
    return [out.atom for out in outs]


def shape(op, *args, **options):
    (out,) = write(op, *args, **options)
    return str(out.type.shape)


UNKNOWN = "(unknown)"
N_D = ("N", "D")

FORWARD = [
    # elementwise
    ("exp", [array(*N_D)], {}, "(N, D)"),
    ("add", [array(*N_D), array("D")], {}, "(N, D)"),
    ("mul", [array("N", 1), array(1, "D")], {}, "(N, D)"),
    ("mul", [array(*N_D), 2.0], {}, "(N, D)"),
    ("mul", [unknown(), array("N")], {}, UNKNOWN),
    ("maximum", [0, array(*N_D)], {}, "(N, D)"),
    ("where", [array("N", kind="bool"), array("N"), 0.0], {}, "(N,)"),
    ("clip", [array("N"), None, 1.0], {}, "(N,)"),
    # reductions
    ("sum", [unknown()], {}, "()"),
    ("sum", [array(*N_D)], {"axis": 0}, "(D,)"),
    ("sum", [array(*N_D)], {"axis": -1, "keepdims": True}, "(N, 1)"),
    ("mean", [array("N", "C", "H", "W")], {"axis": (0, 2, 3)}, "(C,)"),
    ("max", [array(*N_D)], {"keepdims": True}, "(1, 1)"),
    ("sum", [unknown()], {"axis": 0}, UNKNOWN),
    ("argmax", [array(*N_D)], {"axis": 1}, "(N,)"),
    ("softmax", [array(*N_D)], {"axis": 1}, "(N, D)"),
    ("cumsum", [array(*N_D)], {"axis": 1}, "(N, D)"),
    ("cumsum", [array(2, 3)], {}, "(6,)"),
    # arrangements
    ("reshape", [array(2, 6), (3, -1)], {}, "(3, 4)"),
    ("reshape", [array(2, 6), -1], {}, "(12,)"),
    ("ravel", [array(2, 6)], {}, "(12,)"),
    ("transpose", [array("N", "T", "E")], {}, "(E, T, N)"),
    ("transpose", [array("N", "T", "E")], {"axes": (0, -1, 1)}, "(N, E, T)"),
    ("matrix_transpose", [array("B", "N", "D")], {}, "(B, D, N)"),
    ("swapaxes", [array("B", "N", "D")], {"axis1": 0, "axis2": -1}, "(D, N, B)"),
    ("moveaxis", [array("B", "N", "D")], {"source": 0, "destination": -1}, "(N, D, B)"),
    ("squeeze", [array("N", 1)], {"axis": 1}, "(N,)"),
    ("squeeze", [array(3, 1)], {}, "(3,)"),
    ("squeeze", [array("N", 1)], {}, UNKNOWN),
    ("expand_dims", [array(*N_D)], {"axis": 1}, "(N, 1, D)"),
    ("expand_dims", [array(*N_D)], {"axis": (0, -1)}, "(1, N, D, 1)"),
    ("broadcast_to", [array("D"), (4, 3)], {}, "(4, 3)"),
    ("tile", [array(2, "D"), (3, 1)], {}, "(6, D)"),
    ("repeat", [array(2, "D"), 3], {"axis": 0}, "(6, D)"),
    ("pad", [array("H", "W"), 1], {}, "(H+2, W+2)"),
    ("pad", [array("H", "W"), ((0, 0), (1, 2))], {}, "(H, W+3)"),
    ("concatenate", [array(2, "D"), array(3, "D")], {}, "(5, D)"),
    ("concatenate", [array("N", 1), array("N", "D")], {"axis": -1}, "(N, D+1)"),
    ("stack", [array("D"), array("D"), array("D")], {"axis": -1}, "(D, 3)"),
    ("stack", [number(), number()], {}, "(2,)"),
    ("vstack", [array("D"), array(2, "D")], {}, "(3, D)"),
    ("hstack", [array(2), array(3)], {}, "(5,)"),
    # indexing
    ("getitem", [array(*N_D), 0], {}, "(D,)"),
    ("getitem", [array(*N_D), slice(1, None)], {}, "(N-1, D)"),
    ("getitem", [array(*N_D), slice(None, -1)], {}, "(N-1, D)"),
    ("getitem", [array(*N_D), slice(1, -1)], {}, "(N-2, D)"),
    ("getitem", [array(*N_D), slice(-3, None)], {}, "(3, D)"),
    ("getitem", [array(7), slice(1, None, 2)], {}, "(3,)"),
    ("getitem", [array("N"), slice(None, None, -1)], {}, "(N,)"),
    ("getitem", [array("N"), slice(None, None, 2)], {}, "(?,)"),
    ("getitem", [array(*N_D), (slice(None), None)], {}, "(N, 1, D)"),
    ("getitem", [array("B", *N_D), (Ellipsis, 0)], {}, "(B, N)"),
    ("getitem", [array("V", "D"), array("B", "T", kind="int")], {}, "(B, T, D)"),
    ("getitem", [array(*N_D), array(*N_D, kind="bool")], {}, "(?,)"),
    ("getitem", [array(*N_D), [0, 2]], {}, "(2, D)"),
    ("getitem", [unknown(), array("N")], {}, UNKNOWN),
    ("getitem", [array(*N_D), unknown("any")], {}, UNKNOWN),
    ("take", [array(*N_D), array("K", kind="int")], {"axis": 1}, "(N, K)"),
    ("setitem", [array(*N_D), 0, 0.0], {}, "(N, D)"),
    # new arrays
    ("zeros", [(2, 3)], {}, "(2, 3)"),
    ("zeros", [3], {}, "(3,)"),
    ("zeros_like", [array(*N_D)], {}, "(N, D)"),
    ("full", [(2, 3), 0.5], {}, "(2, 3)"),
    ("eye", [3], {}, "(3, 3)"),
    ("arange", [5], {}, "(5,)"),
    ("arange", [2, 5], {}, "(3,)"),
    ("linspace", [0.0, 1.0], {"num": 7}, "(7,)"),
    ("range", [5], {}, "(5,)"),
    ("diff", [array("N", "D")], {}, "(N, D-1)"),
    ("diff", [array("N")], {"prepend": 0.0}, "(N,)"),
    ("cov", [array(*N_D)], {"rowvar": False}, "(D, D)"),
    ("getitem", [array("N"), 0], {}, "()"),
    ("getitem", [array("N"), count()], {}, "()"),
    ("reshape", [array("N"), (-1, 1)], {}, "(N, 1)"),
]


@pytest.mark.parametrize(("op", "make", "options", "want"), FORWARD)
def test_result(op, make, options, want):
    assert shape(op, *(_again(a) for a in make), **options) == want


def _again(a):
    """The same argument, with lengths of this test alone."""
    if not isinstance(a, Var) or a.type.shape.dims is None:
        return a
    dims = [
        d.known if d.known is not None else d.root()[0].name for d in a.type.shape.dims
    ]
    return Var(a.name, Type(Shape(map(dim, dims)), a.type.kind))


def test_lengths_from_variables():
    n, d, h = count("N"), count("D"), count("H")
    build = Builder()
    both = build.emit("tuple", n, d)
    assert str(build.emit("zeros", both).atom.type.shape) == "(N, D)"
    assert str(build.emit("arange", n).atom.type.shape) == "(N,)"
    free = build.emit("tuple", n, Lit(-1))
    assert (
        str(
            build.emit(
                "reshape", Var("x", Type(Shape([dim("N"), dim("D")]), "float")), free
            ).atom.type.shape
        )
        == "(N, D)"
    )
    upto = build.emit(
        "tuple",
        build.emit("slice", None, None, None),
        build.emit("slice", None, h, None),
    )
    assert (
        str(build.emit("getitem", array("N", None), upto).atom.type.shape) == "(N, H)"
    )


def test_lengths_are_computed():
    n = count("N")
    assert str(write("add", n, 1)[0].type.dim) == "N+1"
    assert str(write("add", 1, n)[0].type.dim) == "N+1"
    assert str(write("sub", n, 2)[0].type.dim) == "N-2"
    assert write("mul", 2, 3)[0].type.dim.known == 6
    assert write("floordiv", 7, 2)[0].type.dim.known == 3
    assert str(write("mul", n, count("T"))[0].type.dim) == "?"


def test_a_length_that_was_made_up_stays():
    build = Builder()
    product = build.emit("mul", count("N"), count("T"))
    made = product.atom.type.dim.root()
    infer(build.eqns[-1])
    assert product.atom.type.dim.root() == made


def test_shape_of():
    build = Builder()
    x = build.wrap(array("N", "D"))
    lengths = build.emit("shape", x)
    assert [str(t.dim) for t in lengths.atom.type.items] == ["N", "D"]
    assert str(lengths[0].atom.type.dim) == "N"
    assert [str(t.dim) for t in lengths[slice(1, None)].atom.type.items] == ["D"]
    assert (
        str(build.emit("zeros", build.emit("tuple", 4) + lengths).atom.type.shape)
        == "(4, N, D)"
    )
    assert str(build.emit("len", x).atom.type.dim) == "N"
    assert build.emit("ndim", x).atom.type.dim.known == 2


def test_shape_of_unknown_rank():
    """zeros(x.shape) is like x, and x.shape[0] is one length, before the rank is known."""
    build = Builder()
    x = build.wrap(unknown())
    like = build.emit("zeros", build.emit("shape", x))
    assert like.atom.type.shape.root() is x.atom.type.shape.root()
    first, again = (build.emit("shape", x)[0].atom.type.dim for _ in range(2))
    assert same_dim(first, again)


# ------------------------------------------------------------------------------------------ from results


def rounds(build, count=3):
    for _ in range(count):
        for eqn in build.eqns:
            infer(eqn)


def test_scalar_result_of_elementwise_means_scalar_arguments():
    build = Builder()
    a, b = unknown(), unknown()
    y = build.emit("tanh", build.wrap(a) * build.wrap(b))
    join(y.atom.type.shape, scalar())
    rounds(build)
    assert a.type.shape.is_scalar
    assert b.type.shape.is_scalar


def test_one_argument_that_is_no_number_is_like_the_result():
    build = Builder()
    x = unknown()
    y = 2.0 * build.emit("exp", build.wrap(x)) + 1
    join(y.atom.type.shape, Shape([dim("N")]))
    rounds(build)
    assert str(x.type.shape) == "(N,)"


def test_two_unknown_arguments_are_not_joined():
    build = Builder()
    a, b = unknown(), unknown()
    y = build.wrap(a) + build.wrap(b)
    join(y.atom.type.shape, Shape([dim("N")]))
    rounds(build)
    assert str(a.type.shape) == str(b.type.shape) == UNKNOWN


def test_an_unknown_length_may_be_1():
    a, b = array(None, "D"), array("N", "D")
    (y,) = write("add", a, b)
    assert str(y.type.shape) == "(N, D)"
    assert not same_dim(a.type.shape.dims[0], y.type.shape.dims[0])


@pytest.mark.parametrize(
    ("op", "options", "result", "want"),
    [
        ("sum", {"axis": 1}, ("N",), "(N, ?)"),
        ("sum", {"axis": 0, "keepdims": True}, (1, "D"), "(?, D)"),
        ("transpose", {}, ("N", "D"), "(D, N)"),
        ("transpose", {"axes": (2, 0, 1)}, (None, None, None), "(?, ?, ?)"),
        ("expand_dims", {"axis": 0}, (1, "N"), "(N,)"),
        ("exp", {}, ("N",), "(N,)"),
    ],
)
def test_argument_from_result(op, options, result, want):
    build = Builder()
    x = unknown()
    y = build.emit(op, build.wrap(x), **options)
    join(y.atom.type.shape, Shape(map(dim, result)))
    rounds(build)
    assert str(x.type.shape) == want


def test_stacked_arguments_have_one_shape():
    a, b = unknown(), array("D")
    write("stack", a, b)
    assert str(a.type.shape) == "(D,)"


# ------------------------------------------------------------------------------------------ unknown rank


def test_equal_cuts_of_an_unknown_shape_are_one_shape():
    build = Builder()
    x = build.wrap(unknown())
    tail, head, inner = (x[slice(*s)] for s in ((1, None), (None, -1), (1, -1)))
    assert tail.atom.type.shape.root() is head.atom.type.shape.root()
    assert tail.atom.type.shape.root() is not inner.atom.type.shape.root()
    assert x[0].atom.type.shape.root() is x[3].atom.type.shape.root()
    join(x.atom.type.shape, Shape([dim("N"), dim("D")]))
    rounds(build)
    assert str(tail.atom.type.shape) == "(N-1, D)"


def test_a_number_read_from_an_array_says_its_rank():
    build = Builder()
    x = build.wrap(unknown())
    join(x[1].atom.type.shape, scalar())
    rounds(build)
    assert str(x.atom.type.shape) == "(?,)"


def test_cuts_of_separate_arrays_are_separate():
    build = Builder()
    a, b = build.wrap(unknown())[slice(1, None)], build.wrap(unknown())[slice(1, None)]
    assert a.atom.type.shape.root() is not b.atom.type.shape.root()


# ----------------------------------------------------------------------------------------- against NumPy

X = np.zeros((2, 3, 4, 5))
ROWS, COLUMNS = np.array([0, 1]), np.array([[0], [2], [1]])
INDICES = [
    0,
    (0, slice(1, 3)),
    (slice(None), 1, Ellipsis, slice(-2, None)),
    (Ellipsis, None, 0),
    (slice(None), ROWS),
    (ROWS, ROWS),
    (ROWS, slice(None), ROWS),
    (slice(None), ROWS, 0),
    (0, slice(None), ROWS),
    (slice(None), ROWS, COLUMNS),
    (slice(None), COLUMNS, slice(None), ROWS),
    (None, ROWS, Ellipsis, ROWS),
    (slice(4, None, -1), slice(None, None, 2)),
    (slice(0, 0),),
    (slice(0, 100),),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_as_in_numpy(index):
    build = Builder()
    parts = index if isinstance(index, tuple) else (index,)
    atoms = [
        array(*p.shape, kind="int") if isinstance(p, np.ndarray) else Lit(p)
        for p in parts
    ]
    y = build.emit("getitem", array(*X.shape), build.emit("tuple", *atoms))
    assert tuple(d.known for d in y.atom.type.shape.dims) == X[index].shape


@pytest.mark.parametrize(
    ("op", "data", "options"),
    [
        ("mean", [X], {"axis": (0, -1)}),
        ("max", [X], {"axis": 2, "keepdims": True}),
        ("swapaxes", [X], {"axis1": 1, "axis2": -1}),
        ("moveaxis", [X], {"source": (0, 2), "destination": (-1, 0)}),
        ("transpose", [X], {"axes": (3, 1, 0, 2)}),
        ("expand_dims", [X], {"axis": (1, -1)}),
        ("tile", [X[0], (2, 1, 1, 3)], {}),
        ("repeat", [X, 2], {"axis": -2}),
        ("pad", [X, ((1, 2), (0, 0), (3, 0), (0, 1))], {}),
        ("concatenate", [X, X[:1]], {"axis": 0}),
        ("stack", [X, X], {"axis": -2}),
        ("diff", [X], {"n": 2, "axis": 1}),
        ("rot90", [X], {"axes": (0, 2)}),
        ("column_stack", [X[0, 0, :, 0], X[0, 0]], {}),
    ],
)
def test_shape_as_in_numpy(op, data, options):
    args = [array(*x.shape) if isinstance(x, np.ndarray) else x for x in data]
    (y,) = write(op, *args, **options)
    assert (
        tuple(d.known for d in y.type.shape.dims) == runtime(op)(*data, **options).shape
    )


def test_split():
    assert [str(y.type.shape) for y in write("split", array(6, "D"), 3, results=3)] == [
        "(2, D)"
    ] * 3
    parts = write("split", array("N", 7), (2, 5), results=3, axis=1)
    assert [str(y.type.shape) for y in parts] == ["(N, 2)", "(N, 3)", "(N, 2)"]


# ------------------------------------------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    ("op", "args", "want"),
    [
        ("add", [number("int"), number("float")], "float"),
        ("add", [number("int"), number("int")], "int"),
        ("truediv", [number("int"), number("int")], "float"),
        ("mul", [number("complex"), number("float")], "complex"),
        ("exp", [number("int")], "float"),
        ("exp", [number("complex")], "complex"),
        ("add", [number("any"), number("int")], "any"),
        ("gt", [array("N"), 0], "bool"),
        ("sum", [array("N", kind="bool")], "int"),
        ("argmax", [array("N")], "int"),
        ("where", [array("N", kind="bool"), array("N", kind="int"), 0], "int"),
        ("arange", [number("int")], "arange"),
        ("arange", [0.0, 1.0], "float"),
        ("zeros", [3], "float"),
    ],
)
def test_kind(op, args, want):
    assert write(op, *args)[0].type.kind == want


def external(text):
    return write("external", text=text, path=text)[0]


@pytest.mark.parametrize(
    ("op", "args", "options", "want"),
    [
        ("zeros", [3], {"dtype": external("int")}, "int"),
        ("empty", [2], {"dtype": external("np.int32")}, "int"),
        ("zeros_like", [array("N")], {"dtype": external("bool")}, "bool"),
        ("eye", [2], {"dtype": external("int")}, "int"),
        ("full", [3, number()], {"dtype": external("int")}, "int"),
        ("full_like", [array("N", kind="int"), number()], {}, "int"),
        ("copy", [array("N", kind="int")], {}, "int"),
        ("copy", [array("N")], {"dtype": external("int")}, "int"),
        ("stack", [number(), number()], {"dtype": external("np.int64")}, "int"),
        ("array", [number()], {"dtype": "i4"}, "int"),
        ("constant_array", [[0, 0]], {}, "int"),
        ("constant_array", [[[1, 2], [3.0, 4]]], {}, "float"),
        ("constant_array", [(1, 2, 3)], {}, "int"),
        ("zeros", [3], {"dtype": write("dtype", array("N"))[0]}, "float"),
        ("zeros", [3], {"dtype": external("np.longlong")}, "int"),
        ("zeros", [3], {"dtype": external("np.float32")}, "float"),
    ],
)
def test_kind_of_new_arrays(op, args, options, want):
    assert write(op, *args, **options)[0].type.kind == want


def test_a_list_is_an_array_of_its_elements():
    (index,) = write("tuple", 0, 0, 2, list=True)
    assert (index.type.kind, str(index.type.shape)) == ("int", "(3,)")
    assert shape("getitem", array("N", "D"), index) == "(3, D)"
    assert may_repeat(index)
    (joined,) = write("add", index, index)
    assert len(joined.type.items) == 6


def test_one_mask_picks_equally_many():
    mask = array("N", kind="bool")
    x, y = (write("getitem", array("N"), mask)[0] for _ in range(2))
    assert same_dim(x.type.shape.dims[0], y.type.shape.dims[0])
    (z,) = write("getitem", array("N"), array("N", kind="bool"))
    assert not same_dim(x.type.shape.dims[0], z.type.shape.dims[0])


def test_what_stands_beside_a_range_are_integers():
    labels = array("N", kind="array")
    rows = write("arange", count("N"))[0]
    assert shape("getitem", array("N", "C"), from_parts(rows, labels)) == "(N,)"
    assert labels.type.kind == "int"
    assert not may_repeat(from_parts(rows, labels))


def test_a_norm_that_only_vectors_have():
    x = unknown()
    write("norm", x, ord=3)
    assert x.type.rank == 1


def test_dtype():
    assert write("zeros", 3, dtype=int)[0].type.kind == "int"
    assert write("astype", array("N"), dtype="float32")[0].type.kind == "float"
    assert write("astype", array("N"), dtype=np.int64)[0].type.kind == "int"


# ------------------------------------------------------------------------------------- basic and repeated


def from_parts(*parts):
    return write("tuple", *parts)[0]


INTS, MASK, RANGE = (
    array("N", kind="int"),
    array("N", kind="bool"),
    array("N", kind="arange"),
)

QUESTIONS = [
    (Lit(0), True, False),
    (Lit(slice(1, None)), True, False),
    (Lit((slice(None), None, Ellipsis, 0)), True, False),
    (count(), True, False),
    (from_parts(count(), slice(None)), True, False),
    (INTS, False, True),
    (MASK, False, False),
    (from_parts(RANGE, INTS), False, False),
    (from_parts(INTS, INTS), False, True),
    (from_parts(RANGE, array("M", "N", kind="int")), False, True),
    (
        from_parts(array("N", 1, kind="arange"), array("N", "K", kind="int")),
        False,
        True,
    ),
    (from_parts(RANGE, unknown("int")), False, True),
    (Lit([0, 2]), False, False),
    (Lit([0, 0]), False, True),
    (Lit([0, -1]), False, True),
    (unknown("any"), None, True),
    (Lit(([0, 1], [2, 2])), False, False),
    (Lit(([0, 0], [2, 2])), False, True),
    (Lit([True, False, True]), False, False),
    (write("arange", -2, 2)[0], False, True),
    (write("arange", 5)[0], False, False),
]


@pytest.mark.parametrize(("index", "basic", "repeats"), QUESTIONS)
def test_index(index, basic, repeats):
    assert is_basic_index(index) is basic
    assert may_repeat(index) is repeats


# -------------------------------------------------------------------------------------- the user's mistakes


@pytest.mark.parametrize(
    ("op", "args", "options"),
    [
        ("add", [("N",), ("D",)], {}),
        ("add", [(3,), (4,)], {}),
        ("concatenate", [(2, 3), (2, 4)], {}),
        ("sum", [("N", "D")], {"axis": 2}),
        ("stack", [(2,), (3,)], {}),
    ],
)
def test_contradiction(op, args, options):
    with pytest.raises(Contradiction):
        write(op, *(array(*dims) for dims in args), **options)


def test_too_many_subscripts():
    with pytest.raises(Contradiction):
        write("getitem", array("N"), (0, 0))


# --- matrices of which nothing is said: one text is right for one matrix and for a stack of them -------------------

HEAD = "import numpy as np\nimport scipy.linalg\n\n\n"

OF_ONE_ARGUMENT = [
    "np.linalg.det(a)",
    "scipy.linalg.det(a)",
    "np.log(np.linalg.det(a))",
    "np.linalg.slogdet(a)[1]",
    "np.linalg.inv(a)",
    "scipy.linalg.inv(a)",
    "np.linalg.inv(a).sum()",
    "np.linalg.inv(a).sum(axis=0)",
    "np.linalg.pinv(a)",
    "np.linalg.cond(a)",
    "np.linalg.matrix_power(a, 3)",
    "np.linalg.matrix_power(a, -2)",
    "np.linalg.matrix_power(a, 9)",
    "np.linalg.qr(a)",
    "np.linalg.qr(a, mode='r')",
    "np.linalg.svd(a, compute_uv=False)",
    "scipy.linalg.svdvals(a)",
    "np.linalg.cholesky((a + a.mT) / 2)",
    "scipy.linalg.cholesky((a + np.swapaxes(a, -1, -2)) / 2)",
    "np.linalg.eigvalsh((a + a.mT) / 2)",
    "np.linalg.eigh((a + a.mT) / 2)[0]",
    "scipy.linalg.eigvalsh((a + a.mT) / 2)",
    "scipy.linalg.expm(a)",
    "scipy.linalg.logm(a)",
    "scipy.linalg.sqrtm(a)",
    "scipy.linalg.sinm(a)",
    "scipy.linalg.tanhm(a)",
    "scipy.linalg.fractional_matrix_power(a, 0.5)",
    "scipy.linalg.lu(a)[1]",
    "scipy.linalg.lu(a, permute_l=True)",
]


def matrices(*shape):
    """Far from singular, from symmetric, and from a multiple of one another."""
    draw = np.random.default_rng(4).standard_normal(shape)
    n = shape[-1]
    return 0.2 * draw + np.diag(np.arange(1.5, 1.5 + 0.7 * n, 0.7)[:n])


# Also one where the stack is as high as the matrices, so that a wrong axis has the right length.
STACKS = [(2, 2), (3, 2, 2), (2, 2, 2), (2, 1, 2, 2)]


@pytest.mark.parametrize("expression", OF_ONE_ARGUMENT)
def test_one_matrix_or_a_stack(expression):
    for shape in STACKS:
        agree(f"{HEAD}def f(a):\n    return {expression}\n", a=matrices(*shape))


OF_TWO_ARGUMENTS = [
    ("np.linalg.inv(a) @ b", [(2,), (2, 3), (3, 2, 3)]),
    ("np.linalg.det(a) * b", [(1,), (3,), (2, 3)]),
    ("np.linalg.det(a) - np.linalg.slogdet(b)[1]", [(2, 2), (3, 2, 2)]),
    ("np.linalg.solve(a, b)", [(2,), (2, 3), (3, 2, 3)]),
    ("scipy.linalg.solve(a, b)", [(2,), (2, 3)]),
]


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize(("expression", "others"), OF_TWO_ARGUMENTS)
def test_one_matrix_or_a_stack_with_another_array(expression, others, emit):
    """A stack with a single vector has no text in forward mode that is right for all (docs/decisions/shapes.md)."""
    text = f"{HEAD}def f(a, b):\n    return {expression}\n"
    for shape in [(2, 2), (3, 2, 2)]:
        for other in others:
            if emit == "jvp" and len(shape) > 2 and len(other) == 1:
                continue
            b = np.random.default_rng(5).standard_normal(other)
            agree(text, emits=(emit,), a=matrices(*shape), b=b)


def test_a_stack_of_right_sides_for_one_matrix():
    text = f'{HEAD}def f(a, b):\n    "a: (N, N)"\n    return np.linalg.solve(a, b)\n'
    for shape in [(2,), (2, 3), (3, 2, 3)]:
        b = np.random.default_rng(5).standard_normal(shape)
        agree(text, a=matrices(2, 2), b=b)


def emitted(body, emit="grad", says="", name="f", params="a"):
    said = f'    "{says}"\n' if says else ""
    text = f"{HEAD}def {name}({params}):\n{said}    return {body}\n"
    return transform(text, Options(emit=emit))


# What is sure to be one matrix, and the line of its gradient.
ONE = [
    ("np.linalg.det(a)", "a: (N, N)", "f", "grad_out * out * np.linalg.inv(a).T"),
    ("float(np.linalg.det(a))", "", "f", "grad_out * det_a * np.linalg.inv(a).T"),
    ("-np.linalg.slogdet(a)[1]", "", "loss", "-(grad_out * np.linalg.inv(a).T)"),
    ("np.trace(np.linalg.inv(a))", "", "f", "@ inverse.T)"),
    ("np.linalg.inv(a) @ a.T", "", "f", "inverse.T @ (grad_out @ a) @ inverse.T"),
    ("a @ x - np.linalg.det(a)", "x: (N,)", "f", "* np.linalg.inv(a).T"),
    ("np.linalg.det(a.T @ a)", "", "f", "grad_out * out * np.linalg.inv(product).T"),
]


@pytest.mark.parametrize(("body", "says", "name", "line"), ONE)
def test_one_matrix_where_that_is_sure(body, says, name, line):
    text = emitted(body, says=says, name=name, params="a, x" if "x:" in says else "a")
    assert line in text
    assert ".mT" not in text
    assert text.count("def ") == 1


def test_the_text_for_both():
    assert "(grad_out * out)[..., None, None] * np.linalg.inv(a).mT" in emitted(
        "np.linalg.det(a)"
    )
    assert "grad_a = -(out.mT @ grad_out @ out.mT)" in emitted("np.linalg.inv(a)")


def test_a_helper_is_no_better_than_one_matrix():
    """With everything else known, the text of one matrix needs no helper."""
    text = emitted("x @ np.linalg.inv(a) @ x", says="x: (N,)", params="a, x")
    assert text.count("def ") == 1
    assert "inverse.T" in text
