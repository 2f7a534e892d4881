"""Calls of torch that no table can say -> equations: two results, other defaults, options that change the meaning.

A handler gets the arguments by torch's names and returns a value, or None where the tables know better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

import libcst as cst

from flatgrad.frontend.masks import DRAWN, always_draws
from flatgrad.frontend.scope import Arguments, Path, Refusal, Struct, Value
from flatgrad.graph import Atom, Lit, Var
from flatgrad.types import Dim, Shape, join, same_shape

if TYPE_CHECKING:
    from flatgrad.frontend.lower import Lowering

Given = dict[str, Any]
Handler = Callable[["Lowering", cst.Call, Given], "Value | None"]
HANDLERS: dict[str, tuple[tuple[str, ...], Handler]] = {}
ABSENT = Lit(None)
INFINITE = ("inf", "infinity", "Infinity")


def handles(*names: str) -> Callable[[Handler], Handler]:
    """`names` are like "std(input, dim, unbiased)", the parameters in torch's order."""

    def register(handler: Handler) -> Handler:
        for line in names:
            name, _, parameters = line.partition("(")
            told = tuple(filter(None, map(str.strip, parameters.strip(")").split(","))))
            HANDLERS[name] = (told, handler)
        return handler

    return register


def call(low: Lowering, node: cst.Call, name: str, given: Arguments) -> Value | None:
    """What torch's function, or its method with the receiver first, gives."""
    found = HANDLERS.get(name)
    if found is None:
        return None
    parameters, handler = found
    star = parameters[-1].removeprefix("*") if parameters[-1:][0][:1] == "*" else ""
    named = parameters[:-1] if star else parameters
    values: Given = dict(zip(named, given.positional, strict=False))
    values = {key: _number_of_text(low, value) for key, value in values.items()}
    rest = given.positional[len(named) :]
    if star:
        packed = rest[0] if len(rest) == 1 else Struct(tuple(rest))
        values |= {star: packed} if rest else {}
    elif rest:
        return None
    aliases = {"axis": "dim", "keepdims": "keepdim", "x1": "input", "a": "input"}
    for key, value in given.keywords.items():
        key = key if key in (*named, star) else aliases.get(key, key)
        values[key] = _number_of_text(low, value)
    return handler(low, node, values)


def _number_of_text(low: Lowering, value: Value) -> Value:
    """float("inf") and -torch.inf, which are computed, as the constants that they are."""
    for eqn in reversed(low.build.eqns[-8:]):
        if value not in eqn.outs:
            continue
        match eqn.op, eqn.args:
            case "float", [Lit(value=str() as text)] if text.strip("+-") in INFINITE:
                return Lit(float(text))
            case "neg", [Var() as inner]:
                return Lit(-inf) if _is_infinite(low, inner) else value
            case _:
                return value
    return value


def _is_infinite(low: Lowering, value: Var) -> bool:
    """torch.inf, as a value that comes from outside of the function, or float("inf")."""
    made = next((e for e in low.outside.eqns if value in e.outs), None)
    if made is not None:
        return str(made.attrs.get("path", "")).endswith(".inf")
    return _number_of_text(low, value) == Lit(inf)


# --- what handlers ask of an argument ----------------------------------------------------------------------------


def constant(given: Given, name: str, otherwise: Any = None) -> Any:
    """The number, text or tuple that the text says; a Refusal where it is not written down."""
    value = given.get(name)
    match value:
        case None:
            return otherwise
        case Path(path="math.inf" | "numpy.inf" | "torch.inf"):
            return inf
        case Lit(value=known):
            return tuple(known) if isinstance(known, list) else known
        case Struct(items=items) if all(isinstance(i, Lit) for i in items):
            return tuple(i.value for i in items if isinstance(i, Lit))
        case _:
            what = f"{name}= is not written down"
            raise Refusal("FG202", what, f"write the value of {name}", None)


def atom(
    low: Lowering, node: cst.Call | None, given: Given, name: str = "input"
) -> Atom:
    if name not in given:
        what = f"the argument {name} is missing"
        raise Refusal("FG202", what, "see the library's documentation", node)
    return low.atom(given[name], node)


def only(node: cst.Call | None, given: Given, *names: str) -> None:
    """An option that changes the meaning, and that nobody reads."""
    for name, value in given.items():
        if name not in names and value != ABSENT and name not in ("device", "stable"):
            what = f"the option {name}= is not read"
            raise Refusal("FG202", what, "leave it out", node)


def reduced(given: Given) -> dict[str, Any]:
    axis, keep = constant(given, "dim"), constant(given, "keepdim", False)
    options = {} if axis is None else {"axis": axis}
    return options | ({"keepdims": True} if keep else {})


def pair(low: Lowering, values: Sequence[Atom], *names: str) -> Struct:
    """A named tuple: `.values` and `[0]` are one result."""
    return Struct(tuple(values), "tuple", names)


def taken(low: Lowering, node: cst.CSTNode, value: Value) -> None:
    """`x.max(dim=1)[0]` is the text of a result that has none of its own."""
    for i, eqn in enumerate(reversed(low.build.eqns)):
        if value in eqn.outs and eqn.node is None and eqn.attrs.get("one_of_two"):
            if eqn.statement is not low.build.statement:
                return  # the pair has a name, and stands before
            at = len(low.build.eqns) - 1 - i
            attrs = {k: v for k, v in eqn.attrs.items() if k != "one_of_two"}
            low.build.eqns[at] = type(eqn)(
                eqn.outs, eqn.op, eqn.args, attrs, eqn.statement, node, eqn.dialect
            )


# --- reductions that give two results ----------------------------------------------------------------------------


def _extreme(low: Lowering, node: cst.Call, given: Given, name: str) -> Value | None:
    """max(x), max(x, dim) with the places, and max(x, y) of two tensors."""
    other = given.get("other", given.get("dim"))
    match other:
        case None:
            only(node, given, "input")
            return None
        case Lit(value=int()):
            pass
        case Var(type=known) if known.kind != "int":
            x, y = atom(low, node, given), low.atom(other, node)
            return low.emit({"max": "maximum", "min": "minimum"}[name], x, y, node=node)
        case _:
            constant(given, "dim")
    only(node, given, "input", "dim", "keepdim")
    x, options = atom(low, node, given), reduced(given)
    found = low.emit(name, x, one_of_two=True, **options)
    where = low.emit(f"arg{name}", x, **options)
    return pair(low, [found, where], "values", "indices")


@handles("max(input, dim, keepdim)")
def _max(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    return _extreme(low, node, given, "max")


@handles("min(input, dim, keepdim)")
def _min(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    return _extreme(low, node, given, "min")


@handles("sort(input, dim, descending, stable)")
def _sort(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "dim", "descending", "stable")
    x, axis = atom(low, node, given), constant(given, "dim", -1)
    if constant(given, "descending", False):
        order = low.emit("argsort", x, axis=axis, descending=True)
    else:
        order = low.emit("argsort", x, axis=axis)
    ordered = low.emit("gather", x, order, axis=axis, one_of_two=True)
    return pair(low, [ordered, order], "values", "indices")


@handles("topk(input, k, dim, largest, sorted)")
def _topk(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "k", "dim", "largest", "sorted")
    x, count = atom(low, node, given), atom(low, node, given, "k")
    axis, largest = constant(given, "dim", -1), constant(given, "largest", True)
    options = {"axis": axis} | ({} if largest else {"largest": False})
    places = low.emit("top_places", x, count, **options)
    best = low.emit("gather", x, places, axis=axis, one_of_two=True)
    return pair(low, [best, places], "values", "indices")


def _spread(low: Lowering, node: cst.Call | None, given: Given, name: str) -> Var:
    """std and var divide by n - 1 unless they are told not to."""
    if isinstance(constant(given, "dim"), bool):
        given = {**given, "unbiased": given["dim"], "dim": ABSENT}
    only(node, given, "input", "dim", "unbiased", "keepdim", "correction")
    unbiased = constant(given, "unbiased", True)
    ddof = constant(given, "correction")
    ddof = (1 if unbiased is not False else 0) if ddof is None else ddof
    options = reduced(given) | ({"ddof": ddof} if ddof else {})
    return low.emit(name, atom(low, node, given), node=node, **options)


@handles("std(input, dim, unbiased, keepdim)")
def _std(low: Lowering, node: cst.Call, given: Given) -> Value:
    return _spread(low, node, given, "std")


@handles("var(input, dim, unbiased, keepdim)")
def _var(low: Lowering, node: cst.Call, given: Given) -> Value:
    return _spread(low, node, given, "var")


@handles(
    "std_mean(input, dim, unbiased, keepdim)", "var_mean(input, dim, unbiased, keepdim)"
)
def _spread_and_mean(low: Lowering, node: cst.Call, given: Given) -> Value:
    found = _spread(low, None, given, _called(node).removesuffix("_mean"))
    axes = {} if isinstance(constant(given, "dim"), bool) else given
    mean = low.emit("mean", atom(low, node, given), **reduced(axes))
    return pair(low, [found, mean])


@handles("norm(input, p, dim, keepdim)")
def _norm(low: Lowering, node: cst.Call, given: Given) -> Value:
    """torch.norm is a norm of all elements, or along axes, whatever the rank; torch.linalg.norm is NumPy's."""
    given = {{"A": "input", "ord": "p"}.get(k, k): v for k, v in given.items()}
    only(node, given, "input", "p", "dim", "keepdim")
    p = constant(given, "p")
    of_matrix = p == "nuc" or low.build.dialect == "torch.linalg"
    if of_matrix and p is not None:
        return _matrix_norm_of(low, node, given, p)
    return _vector_norm(low, node, given, 2 if p in ("fro", None) else p)


@handles("matrix_norm(input, p, dim, keepdim)")
def _matrix_norm(low: Lowering, node: cst.Call, given: Given) -> Value:
    given = {{"A": "input", "ord": "p"}.get(k, k): v for k, v in given.items()}
    only(node, given, "input", "p", "dim", "keepdim")
    given = {"dim": Lit((-2, -1)), **given}
    return _matrix_norm_of(low, node, given, constant(given, "p", "fro"))


def _matrix_norm_of(low: Lowering, node: cst.Call, given: Given, p: Any) -> Value:
    """Of a vector or a matrix by the rank, or along axes: what NumPy has under this name."""
    order = {} if p == "fro" and constant(given, "dim") is not None else {"ord": p}
    x = atom(low, node, given)
    return low.emit("norm", x, node=node, **order, **reduced(given))


@handles("vector_norm(x, ord, dim, keepdim)")
def _linalg_vector_norm(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "x", "ord", "dim", "keepdim")
    given = {**given, "input": given.get("x", ABSENT)}
    return _vector_norm(low, node, given, constant(given, "ord", 2))


def _vector_norm(low: Lowering, node: cst.Call, given: Given, p: Any) -> Value:
    x, options, axis = atom(low, node, given), reduced(given), constant(given, "dim")
    several = isinstance(axis, tuple) and len(axis) != 2
    if p == 2 and not several:
        return low.emit("norm", x, node=node, **options)
    if p in (1, inf, -inf):
        name = {1: "sum", inf: "max", -inf: "min"}[p]
        return low.emit(name, low.emit("abs", x), node=node, **options)
    if isinstance(axis, int) and isinstance(p, int | float) and p > 1:
        return low.emit("norm", x, node=node, ord=p, **options)
    if axis is None and isinstance(p, int | float) and p > 1 and x.type.rank == 1:
        return low.emit("norm", x, node=node, ord=p, **options)
    if isinstance(p, int | float) and p > 0:
        return low.emit("vector_norm", x, node=node, ord=p, **options)
    raise Refusal("FG202", f"the norm with p={p!r} is not read", "write it out", node)


# --- linear algebra ---------------------------------------------------------------------------------------------


@handles("solve(A, B, left)")
def _solve(low: Lowering, node: cst.Call, given: Given) -> Value:
    """A stack of vectors for a stack of matrices, where B has the shape that A has without its last axis."""
    only(node, given, "A", "B", *(["left"] if constant(given, "left", True) else []))
    a, b = atom(low, node, given, "A"), atom(low, node, given, "B")
    rows = None if a.type.shape.dims is None else Shape(a.type.shape.dims[:-1])
    if rows is None or rows.rank == 1 or not same_shape(rows, b.type.shape):
        return low.emit("solve", a, b, node=node)
    columns = low.emit("getitem", b, Lit((..., None)))
    solved = low.emit("solve", a, columns)
    return low.emit("getitem", solved, Lit((..., 0)), node=node)


@handles("diagonal(input, offset, dim1, dim2)")
def _diagonal(low: Lowering, node: cst.Call, given: Given) -> Value:
    """torch.diagonal takes the first two axes, torch.linalg.diagonal the last two."""
    given = {"input" if k == "A" else k: v for k, v in given.items()}
    only(node, given, "input", "offset", "dim1", "dim2")
    usual = (-2, -1) if low.build.dialect == "torch.linalg" else (0, 1)
    axes = (constant(given, f"dim{i + 1}", usual[i]) for i in range(2))
    options = dict(zip(("axis1", "axis2"), axes, strict=True))
    options = {} if tuple(options.values()) == (0, 1) else options
    if offset := constant(given, "offset", 0):
        options["offset"] = offset
    return low.emit("diagonal", atom(low, node, given), node=node, **options)


# --- arithmetic with options -------------------------------------------------------------------------------------


def _scaled(low: Lowering, value: Atom, factor: Value | None) -> Atom:
    if factor is None or factor in (Lit(1), Lit(1.0)):
        return value
    return low.emit("mul", low.atom(factor, None), value)


def _sum(low: Lowering, node: cst.Call, given: Given, op: str) -> Value:
    only(node, given, "input", "other", "alpha")
    a, b = atom(low, node, given), atom(low, node, given, "other")
    return low.emit(op, a, _scaled(low, b, given.get("alpha")), node=node)


@handles("add(input, other)")
def _add(low: Lowering, node: cst.Call, given: Given) -> Value:
    return _sum(low, node, given, "add")


@handles("sub(input, other)", "subtract(input, other)")
def _sub(low: Lowering, node: cst.Call, given: Given) -> Value:
    return _sum(low, node, given, "sub")


@handles("rsub(input, other)")
def _rsub(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "other")
    a, b = atom(low, node, given), atom(low, node, given, "other")
    return low.emit("sub", b, a, node=node)


@handles("div(input, other)", "divide(input, other)")
def _div(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "other", "rounding_mode")
    a, b = atom(low, node, given), atom(low, node, given, "other")
    match constant(given, "rounding_mode"):
        case None:
            return low.emit("truediv", a, b, node=node)
        case "floor":
            return low.emit("floordiv", a, b, node=node)
        case _:
            return low.emit("trunc", low.emit("truediv", a, b), node=node)


def _plus_product(low: Lowering, node: cst.Call, given: Given, op: str, ranks: tuple[int, int], a: str, b: str) -> Value:  # fmt: skip
    """beta * input + alpha * (a @ b)"""
    only(node, given, "input", a, b, "beta", "alpha")
    start = _scaled(low, atom(low, node, given), given.get("beta"))
    left, right = _of_ranks(low, node, given, ranks, a, b)
    product = _scaled(low, low.emit(op, left, right), given.get("alpha"))
    return low.emit("add", start, product, node=node)


@handles("addmm(input, mat1, mat2)")
def _addmm(low: Lowering, node: cst.Call, given: Given) -> Value:
    return _plus_product(low, node, given, "matmul", (2, 2), "mat1", "mat2")


@handles("addmv(input, mat, vec)")
def _addmv(low: Lowering, node: cst.Call, given: Given) -> Value:
    return _plus_product(low, node, given, "matmul", (2, 1), "mat", "vec")


@handles("baddbmm(input, batch1, batch2)")
def _baddbmm(low: Lowering, node: cst.Call, given: Given) -> Value:
    return _plus_product(low, node, given, "matmul", (3, 3), "batch1", "batch2")


@handles("addr(input, vec1, vec2)")
def _addr(low: Lowering, node: cst.Call, given: Given) -> Value:
    return _plus_product(low, node, given, "outer", (1, 1), "vec1", "vec2")


@handles("addcmul(input, tensor1, tensor2)", "addcdiv(input, tensor1, tensor2)")
def _addcmul(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "tensor1", "tensor2", "value")
    op = "truediv" if _called(node).startswith("addcdiv") else "mul"
    a, b = (atom(low, node, given, name) for name in ("tensor1", "tensor2"))
    product = _scaled(low, low.emit(op, a, b), given.get("value"))
    return low.emit("add", atom(low, node, given), product, node=node)


@handles("lerp(input, end, weight)")
def _lerp(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "end", "weight")
    start, end, weight = (atom(low, node, given, n) for n in ("input", "end", "weight"))
    way = low.emit("mul", weight, low.emit("sub", end, start))
    return low.emit("add", start, way, node=node)


def _called(node: cst.Call) -> str:
    match node.func:
        case cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name)):
            return name
        case _:
            return ""


# --- products whose ranks are known ------------------------------------------------------------------------------


def _of_ranks(
    low: Lowering, node: cst.Call, given: Given, ranks: tuple[int, int], *names: str
) -> list[Atom]:
    """The factors; torch takes no other ranks, so these are known from now on."""
    found = [atom(low, node, given, name) for name in names]
    for value, rank in zip(found, ranks, strict=True):
        if value.type.rank is None:
            join(value.type.shape, Shape(Dim() for _ in range(rank)))
    return found


RANKS = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1)}


@handles(
    "mm(input, other)", "bmm(input, other)", "mv(input, other)", "dot(input, other)"
)
def _product(low: Lowering, node: cst.Call, given: Given) -> Value:
    aliases = {"mat2": "other", "vec": "other", "tensor": "other"}
    given = {aliases.get(k, k): v for k, v in given.items()}
    only(node, given, "input", "other")
    name = _called(node)
    a, b = _of_ranks(low, node, given, RANKS[name], "input", "other")
    low.build.dialect = name if name in ("mm", "bmm") else low.build.dialect
    return low.emit("matmul", a, b, node=node)


@handles("linear(input, weight, bias)")
def _linear(low: Lowering, node: cst.Call, given: Given) -> Value:
    """x @ weight.T + bias"""
    only(node, given, "input", "weight", "bias")
    x, weight = atom(low, node, given), atom(low, node, given, "weight")
    if weight.type.rank is None:
        join(weight.type.shape, Shape((Dim(), Dim())))
    low.build.dialect = ""
    bias = given.get("bias", ABSENT)
    turned = low.emit("matrix_transpose", weight)
    if bias == ABSENT:
        return low.emit("matmul", x, turned, node=node)
    product = low.emit("matmul", x, turned)
    return low.emit("add", product, low.atom(bias, node), node=node)


# --- selections --------------------------------------------------------------------------------------------------


@handles("masked_fill(input, mask, value)")
def _masked_fill(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "mask", "value")
    x, mask, value = (atom(low, node, given, n) for n in ("input", "mask", "value"))
    return low.emit("where", mask, value, x, node=node)


@handles("masked_select(input, mask)")
def _masked_select(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "mask")
    x, mask = atom(low, node, given), atom(low, node, given, "mask")
    if not same_shape(x.type.shape, mask.type.shape):
        what = "a mask of another shape, or whose shape is not known, is not read here"
        raise Refusal("FG202", what, "write x[mask]", node)
    return low.emit("getitem", x, mask, node=node)


@handles("index_add(input, dim, index, source)")
def _index_add(low: Lowering, node: cst.Call, given: Given) -> Value:
    only(node, given, "input", "dim", "index", "source", "alpha")
    x, index, value = (atom(low, node, given, n) for n in ("input", "index", "source"))
    value = _scaled(low, value, given.get("alpha"))
    return low.emit(
        "add_along", x, index, value, node=node, axis=constant(given, "dim")
    )


@handles("scatter(input, dim, index, src)")
def _scatter(low: Lowering, node: cst.Call, given: Given) -> Value:
    given = {"src" if k == "value" else k: v for k, v in given.items()}
    only(node, given, "input", "dim", "index", "src")
    x, index, value = (atom(low, node, given, n) for n in ("input", "index", "src"))
    return low.emit("scatter", x, index, value, node=node, axis=constant(given, "dim"))


@handles("nonzero(input, as_tuple)")
def _nonzero(low: Lowering, node: cst.Call, given: Given) -> Value:
    op = "nonzero" if constant(given, "as_tuple", False) else "argwhere"
    return low.emit(op, atom(low, node, given), node=node)


@handles("softmax(input, dim, dtype)", "log_softmax(input, dim, dtype)", "logsumexp(input, dim, keepdim)",
         "cumsum(input, dim, dtype)", "cumprod(input, dim, dtype)")  # fmt: skip
def _along(low: Lowering, node: cst.Call, given: Given) -> Value | None:
    """Without an axis, torch chooses one by the rank, or refuses."""
    if given.get("dim", ABSENT) == ABSENT:
        raise Refusal("FG202", "the axis is not given", "write dim=", node)
    return None


@handles("dropout(input, p, training)")
def _dropout(low: Lowering, node: cst.Call, given: Given) -> Value:
    """Dropout of ones is a mask: what else is dropped from is written as a product with one (masks.py)."""
    only(node, given, "input", "p", "training", "train")
    training = given.get("training", given.get("train", Lit(True)))
    if training == Lit(False) or given.get("p") in (Lit(0), Lit(0.0)):
        return low.emit("alias", atom(low, node, given), node=node)
    x = atom(low, node, given)
    if any(x in eqn.outs and eqn.op == "ones_like" for eqn in low.build.eqns):
        return low.emit("random_like", x, node=node)
    step = "draw the mask on a line of its own: mask = (torch.rand_like(x) > p) / (1 - p)"  # fmt: skip
    reads = [low.atom(v, node) for v in given.values()]
    found = low.opaque(DRAWN, reads, node, code="FG202", next_step=step)[0]
    return low.emit("copy", found, node=node) if always_draws(node) else found


@handles("backward(input, *rest)", "requires_grad_(input, *rest)", "retain_grad(input, *rest)",
         "register_hook(input, *rest)", "grad(outputs, *rest)")  # fmt: skip
def _autograd(low: Lowering, node: cst.Call, given: Given) -> Value:
    what = f"{_called(node)}() asks torch for gradients"
    raise Refusal("FG202", what, "leave it to the function that flatgrad prints", node)
