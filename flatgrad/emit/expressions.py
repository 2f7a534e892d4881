"""Equations -> Python expressions in the user's dialect, as `ast` nodes that astor prints."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import astor

from flatgrad.constants import Constant
from flatgrad.emit import containers, solved
from flatgrad.emit.helpers import HELPERS
from flatgrad.graph import Atom, Eqn, Lit, Var
from flatgrad.namespaces import (
    ALGORITHMS,
    INFIX,
    PREFIX,
    arrange,
    home,
    in_library,
    lookup,
    spell,
)
from flatgrad.registry import RULES
from flatgrad.types import same_shape

Read = Callable[[Atom], ast.expr]

OPERATORS: dict[str, type[ast.operator]] = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "//": ast.FloorDiv, "%": ast.Mod, "**": ast.Pow,
    "@": ast.MatMult, "&": ast.BitAnd, "|": ast.BitOr, "^": ast.BitXor, "<<": ast.LShift, ">>": ast.RShift,
}  # fmt: skip
COMPARISONS: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
}  # fmt: skip
UNARY: dict[str, type[ast.unaryop]] = {
    "-": ast.USub,
    "+": ast.UAdd,
    "~": ast.Invert,
    "not": ast.Not,
}

# Operations that read better, and run faster, as methods of an array that has a name.
METHODS = {
    "sum", "mean", "max", "min", "prod", "reshape", "copy", "dot", "ravel", "swapaxes", "cumsum", "squeeze", "conj",
    "trace", "diagonal", "repeat", "std", "var",
}  # fmt: skip
REDUCTIONS = {"sum", "mean", "max", "min", "prod", "std", "var", "cumsum", "trace"}


@dataclass
class Dialect:
    """What the user's file imports, and what the emitted code will import besides."""

    imports: dict[str, str]  # name -> path it stands for
    taken: set[str]
    plain: bool = (
        False  # the file imports no library of arrays: scalars are numbers, which += leaves alone
    )
    methods: bool = True  # the user writes x.sum() rather than np.sum(x)
    added: dict[str, str] = field(default_factory=dict)  # name -> import line
    helpers: dict[str, str] = field(default_factory=dict)  # under which names
    used: set[str] = field(default_factory=set)  # imported names in use
    library: str = "numpy"  # of arrays
    products: set[str] = field(default_factory=set)  # methods that stand for @
    # Functions that the module has from flatgrad already: what it calls them.
    printed: dict[str, str] = field(default_factory=dict)

    def name(self, path: str) -> ast.expr:
        """An expression for `numpy.exp` with the imports at hand, or with one more."""
        path = in_library(path, self.library)
        for name, known in self.imports.items():
            if known == path and not name.startswith("*"):
                self.used.add(name)
                return ast.Name(name)
        parent, _, last = path.rpartition(".")
        if not parent or path == "jax.numpy":
            return self._import(path)
        if parent in self.imports.values() or self._holds(parent):
            return ast.Attribute(self.name(parent), last)
        beside = [
            n for n, known in self.imports.items() if known.rpartition(".")[0] == parent
        ]
        if (
            (beside or parent.count("."))
            and not parent.startswith(("numpy", "torch", "jax.numpy"))
            and last not in self.taken
        ):
            self.added[last] = f"from {parent} import {last}"
            self.imports[last] = path
            return ast.Name(last)
        return ast.Attribute(self.name(parent), last)

    def _holds(self, parent: str) -> bool:
        """A distribution is no module, and `import scipy.stats` says where it is."""
        if parent.startswith("scipy.stats."):
            return True
        return parent == "scipy.stats" and "scipy" in self.imports.values()

    def _import(self, path: str) -> ast.expr:
        alias = {"numpy": "np", "jax.numpy": "jnp", "cupy": "cp"}.get(path, path)
        if alias in self.taken:
            alias = path if path not in self.taken else f"{path}_"
        self.added[alias] = f"import {path}" + (f" as {alias}" if alias != path else "")
        self.imports[alias] = path
        return ast.Name(alias)

    def number_library(self) -> str:
        """Where the functions of plain numbers come from."""
        paths = self.imports.values()
        has_math = any(p == "math" or p.startswith("math.") for p in paths)
        return "math" if has_math and "numpy" not in paths else "numpy"

    # What stands in other places than in expressions: torch has forms of its own for it.

    def is_array(self, value: Atom, defs: Mapping[Any, Eqn]) -> bool:
        """The value is surely no plain number."""
        return bool(value.type.rank)

    def shape(self, array: ast.expr, may_be_number: bool = True) -> ast.expr:
        if not may_be_number:
            return ast.Attribute(array, "shape")
        return ast.Call(self.name("numpy.shape"), [array], [])

    def copied(self, array: ast.expr, may_be_number: bool = True) -> ast.expr:
        """x.copy(), or np.copy(x) where x may be a plain number."""
        if not may_be_number:
            return ast.Call(ast.Attribute(array, "copy"), [], [])
        return ast.Call(self.name("numpy.copy"), [array], [])

    def copied_tree(self, tree: ast.expr) -> ast.expr:
        """A copy of a list or an array."""
        return ast.Call(ast.Attribute(tree, "copy"), [], [])

    def ones_like(self, array: ast.expr) -> ast.expr:
        return ast.Call(self.name("numpy.ones_like"), [array], [])

    def zero(self) -> ast.expr:
        """An array that holds one number."""
        return ast.Call(self.name("numpy.zeros"), [ast.Tuple([])], [])

    def added_at(self, array: ast.expr, index: ast.expr, amount: ast.expr) -> ast.expr:
        return ast.Call(self.name("numpy.add.at"), [array, index, amount], [])

    def library_call(self, name: str, *args: ast.expr, axis: Any = None) -> ast.expr:
        keywords = [] if axis is None else [ast.keyword("axis", constant(axis))]
        return ast.Call(self.name(f"numpy.{name}"), list(args), keywords)

    def literal(self, value: Any) -> ast.expr:
        """A constant; one that people know by a formula is written as that."""
        if not isinstance(value, Constant):
            return constant(value)
        formula = ast.parse(value.text, mode="eval").body
        spelled: ast.expr = _Spelled(self).visit(formula)
        return spelled

    def helper(self, name: str) -> ast.expr:
        """A function that the emitted module defines for itself."""
        if name in self.printed:
            return ast.Name(self.printed[name])
        self.helpers[name] = f"{name}_" if name in self.taken else name
        return ast.Name(self.helpers[name])


def given_options(eqn: Eqn) -> dict[str, Any]:
    """The options that have to be written: None and False say nothing, where nothing else is usual."""
    rule = RULES.get(eqn.op)
    usual = rule.defaults if rule else {}

    def told(name: str, value: Any) -> bool:
        if value is None:
            return usual.get(name) is not None
        return value is not False or bool(usual.get(name))

    return {k: v for k, v in eqn.attrs.items() if told(k, v)}


def print_statement(node: ast.stmt) -> str:
    """The text of one statement; black breaks long lines, astor must not."""
    return str(astor.to_source(_unshared(node), pretty_source="".join)).strip("\n")


def _unshared(node: Any) -> Any:
    """A node for each place that it stands in: astor notes on a node which parentheses it needs."""
    if isinstance(node, list):
        return [_unshared(part) for part in node]
    if not isinstance(node, ast.AST):
        return node
    return type(node)(
        **{name: _unshared(value) for name, value in ast.iter_fields(node)}
    )


def constant(value: Any) -> ast.expr:
    match value:
        case bool() | None:
            return ast.Constant(value)
        case int() | float() if value != value or value in (
            float("inf"),
            float("-inf"),
        ):
            text = "nan" if value != value else "inf"
            found: ast.expr = ast.Call(ast.Name("float"), [ast.Constant(text)], [])
            return ast.UnaryOp(ast.USub(), found) if value == float("-inf") else found
        case int() | float() if value < 0:
            return ast.UnaryOp(ast.USub(), ast.Constant(-value))
        case complex():
            return complex_constant(value)
        case tuple():
            return ast.Tuple([constant(v) for v in value])
        case list():
            return ast.List([constant(v) for v in value])
        case slice():
            return ast.Slice(
                *(
                    None if b is None else constant(b)
                    for b in (value.start, value.stop, value.step)
                )
            )
        case _:
            return ast.Constant(value)


def complex_constant(value: complex) -> ast.expr:
    """1j, -2j, 1 + 2j"""
    if not math.isfinite(value.imag):
        parts = [constant(value.real), constant(value.imag)]
        return ast.Call(ast.Name("complex"), parts, [])
    # A name, since astor prints a constant as 1.0j.
    whole: ast.expr = ast.Name(repr(complex(0, abs(value.imag))))
    negative = math.copysign(1, value.imag) < 0
    if value.real == 0:
        return ast.UnaryOp(ast.USub(), whole) if negative else whole
    return ast.BinOp(constant(value.real), ast.Sub() if negative else ast.Add(), whole)


def without_minus(node: ast.expr) -> ast.expr | None:
    """x of -x, 2 * x of -2 * x; None where there is no minus in front."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return operand
        case ast.BinOp(
            left=left, op=ast.Mult() | ast.Div() | ast.MatMult() as op, right=right
        ):
            bare = without_minus(left)
            return None if bare is None else ast.BinOp(bare, op, right)
        case _:
            return None


class _Spelled(ast.NodeTransformer):
    """sqrt, log and pi of a formula under the names that the user's file has for them."""

    def __init__(self, dialect: Dialect):
        self.dialect = dialect

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.dialect.name(f"{self.dialect.number_library()}.{node.id}")


class Expressions:
    """Equation -> expression, given how to read its arguments."""

    def __init__(
        self,
        dialect: Dialect,
        read: Read,
        shape: Read,
        like: Callable[[Atom], Atom] | None = None,
    ):
        self.dialect, self.read, self.shape = dialect, read, shape
        # A value of the same shape that is at hand, where nothing but the shape of one is asked for.
        self.like = like or (lambda value: value)

    def equation(self, eqn: Eqn) -> ast.expr:
        for expression in (containers.expression, solved.expression):
            if (known := expression(self.dialect, self.read, eqn)) is not None:
                return known
        if (rule := RULES.get(eqn.op)) is not None and rule.called:
            return self._function_with_a_rule(rule.called, eqn)
        special = getattr(self, f"_{eqn.op}", None)
        if special is not None and (found := special(eqn)) is not None:
            return found  # type: ignore[no-any-return]
        if (symbol := INFIX.get(eqn.op)) is not None and len(eqn.args) == 2:
            return self._infix(symbol, eqn)
        if (symbol := PREFIX.get(eqn.op)) is not None:
            return ast.UnaryOp(UNARY[symbol](), self.read(eqn.args[0]))
        if eqn.op in HELPERS:
            args = [self.like(a) if eqn.op == "unbroadcast" else a for a in eqn.args]
            return ast.Call(
                self.dialect.helper(eqn.op), [self.read(a) for a in args], []
            )
        if eqn.op in METHODS and self._as_method(eqn):
            receiver, rest = eqn.args[0], eqn.args[1:]
            # What may be a plain complex number has the longer name only.
            named = (
                "conjugate" if eqn.op == "conj" and not receiver.type.rank else eqn.op
            )
            method = ast.Attribute(self.read(receiver), named)
            return self._call(method, ("ndarray", eqn.op), eqn, rest)
        return self._library_call(eqn)

    def _infix(self, symbol: str, eqn: Eqn) -> ast.expr:
        left, right = (self.read(a) for a in eqn.args)
        if symbol in COMPARISONS:
            return ast.Compare(left, [COMPARISONS[symbol]()], [right])
        if symbol in ("+", "-") and (flipped := without_minus(right)) is not None:
            symbol, right = "-" if symbol == "+" else "+", flipped
        return ast.BinOp(left, OPERATORS[symbol](), right)

    def _as_method(self, eqn: Eqn) -> bool:
        """Methods where the user uses them; a scalar may be a plain number, which has none."""
        receiver = eqn.args[0]
        if not self._is_array(receiver, eqn):
            return False
        if eqn.op not in REDUCTIONS or self.dialect.methods:
            return True
        return isinstance(self.read(receiver), ast.Name)

    def _is_array(self, value: Atom, eqn: Eqn) -> bool:
        """Where no shape is known, the user knew better: x.T is said of arrays only, and its gradient is one."""
        if not isinstance(value, Var) or value.type.rank == 0:
            return False
        return value.type.rank is not None or eqn.dialect == "method"

    def _library_call(self, eqn: Eqn) -> ast.expr:
        """A call of the library that the user's own line calls, else of NumPy."""
        for namespace in self._namespaces(eqn):
            if name := spell(eqn.op, namespace):
                path = name if namespace == "builtins" else f"{namespace}.{name}"
                function = (
                    ast.Name(name)
                    if namespace == "builtins"
                    else self.dialect.name(path)
                )
                return self._call(function, (namespace, name), eqn, eqn.args)
        if name := spell(eqn.op, "ndarray"):
            method = ast.Attribute(self.read(eqn.args[0]), name)
            return self._call(method, ("ndarray", name), eqn, eqn.args[1:])
        raise KeyError(f"{eqn.op} has no spelling")

    def _namespaces(self, eqn: Eqn) -> list[str]:
        """Where to look for the function, in this order; math takes numbers only."""
        numpy = [
            "numpy",
            "numpy.linalg",
            "scipy.special",
            "scipy.linalg",
            "numpy.fft",
            "scipy.fft",
            "numpy.lib.stride_tricks",
            *ALGORITHMS,
            *home(eqn.op),
        ]
        if eqn.dialect in ("scipy.fft", "cmath"):
            return [eqn.dialect, *numpy]
        if eqn.dialect == "builtins" or eqn.op in ("len", "range"):
            return ["builtins", *numpy]
        paths = self.dialect.imports.values()
        if self._plain(eqn) and (eqn.dialect == "math" or "numpy" not in paths):
            return ["math", *numpy]
        return numpy

    def _call(
        self, function: ast.expr, where: tuple[str, str], eqn: Eqn, args: Sequence[Atom]
    ) -> ast.expr:
        """The arguments in the library's own order."""
        options = given_options(eqn)
        spelling = lookup(*where)
        while spelling is not None and spelling.op != eqn.op:
            spelling = spelling.otherwise
        if spelling is None:
            keywords = [ast.keyword(k, self._option(v)) for k, v in options.items()]
            return ast.Call(function, [self.read(a) for a in args], keywords)
        data = args if where[0] != "ndarray" else eqn.args
        positional, named = arrange(spelling, list(data), options)
        if where[0] == "ndarray":
            positional = positional[1:]
        given = named.pop(spelling.packed, ()) if spelling.packed else ()
        positional += given if isinstance(given, tuple) else (given,)
        keywords = [ast.keyword(k, self._option(v)) for k, v in named.items()]
        return ast.Call(function, [self._argument(p) for p in positional], keywords)

    def _argument(self, value: Any) -> ast.expr:
        if isinstance(value, tuple):
            return ast.List([self._argument(v) for v in value])
        return self._option(value)

    def _option(self, value: Any) -> ast.expr:
        return self.read(value) if isinstance(value, Var | Lit) else constant(value)

    def _plain(self, eqn: Eqn) -> bool:
        return all(a.type.shape.is_scalar for a in eqn.args)

    # --- operations with a notation of their own ---------------------------------------------------------------

    def _external(self, eqn: Eqn) -> ast.expr:
        text = eqn.attrs["text"]
        if text == eqn.attrs.get("path") and not text.startswith("builtins."):
            return self.dialect.name(text)
        body: ast.expr = ast.parse(text.removeprefix("builtins."), mode="eval").body
        return body

    def _call_backward(self, eqn: Eqn) -> ast.expr:
        name = ast.Name(eqn.attrs["pair"].backward_name)
        return ast.Call(name, [self.read(a) for a in eqn.args], [])

    def _call_given(self, eqn: Eqn) -> ast.expr:
        """A derivative that the user has written: a call of that function."""
        names = eqn.attrs["keywords"]
        data, rest = (
            eqn.args[: len(eqn.args) - len(names)],
            eqn.args[len(eqn.args) - len(names) :],
        )
        keywords = [
            ast.keyword(n, self.read(v)) for n, v in zip(names, rest, strict=True)
        ]
        return ast.Call(
            ast.Name(eqn.attrs["function"]), [self.read(a) for a in data], keywords
        )

    def _function_with_a_rule(self, name: str, eqn: Eqn) -> ast.expr:
        """A call of a function that the user has given a rule: of a library, or of the file."""
        function = self.dialect.name(name) if "." in name else ast.Name(name)
        keywords = [ast.keyword(k, self._option(v)) for k, v in eqn.attrs.items()]
        return ast.Call(function, [self.read(a) for a in eqn.args], keywords)

    def _call_again(self, eqn: Eqn) -> ast.expr:
        """The cache is what the forward of a helper returns last."""
        name = ast.Name(eqn.attrs["pair"].forward_name)
        call = ast.Call(name, [self.read(a) for a in eqn.args], [])
        return ast.Subscript(call, ast.UnaryOp(ast.USub(), ast.Constant(1)))

    def _is_ndarray(self, eqn: Eqn) -> ast.expr:
        """An array that was written in place; a number that became an array has another shape."""
        new, old = eqn.args
        kind = self.dialect.name("numpy.ndarray")
        is_array = ast.Call(ast.Name("isinstance"), [self.read(new), kind], [])
        if same_shape(new.type.shape, old.type.shape):
            return is_array
        alike = ast.Compare(self.shape(new), [ast.Eq()], [self.shape(old)])
        return ast.BoolOp(ast.And(), [is_array, alike])

    def _expm_frechet(self, eqn: Eqn) -> ast.expr:
        """SciPy gives the exponential itself along with its derivative unless it is told not to."""
        function = self.dialect.name("scipy.linalg.expm_frechet")
        alone = ast.keyword("compute_expm", ast.Constant(False))
        return ast.Call(function, [self.read(a) for a in eqn.args], [alone])

    def _root_of_squares(self, eqn: Eqn) -> ast.expr:
        return self._library_call(replace(eqn, op="sqrt"))

    def _alias(self, eqn: Eqn) -> ast.expr:
        return self.read(eqn.args[0])

    _stop_gradient = _alias

    def _tuple(self, eqn: Eqn) -> ast.expr:
        items = [self.read(a) for a in eqn.args]
        return ast.List(items) if eqn.attrs.get("list") else ast.Tuple(items)

    def _dict(self, eqn: Eqn) -> ast.expr:
        keys: list[ast.expr | None] = [constant(key) for key in eqn.attrs["keys"]]
        return ast.Dict(keys, [self.read(a) for a in eqn.args])

    def _slice(self, eqn: Eqn) -> ast.expr:
        """From 0 is from the start, where it goes forward."""
        start, stop, step = eqn.args
        if start == Lit(0) and step == Lit(None):
            start = step
        bounds = [None if a == Lit(None) else self.read(a) for a in (start, stop, step)]
        return ast.Slice(*bounds)

    def _getitem(self, eqn: Eqn) -> ast.expr:
        """x[i]; of what may be a list or an array, a part is a copy, as it is of a list."""
        base, index = eqn.args
        part = ast.Subscript(self.read(base), self.read(index))
        if base.type.kind == "tree" and index.type.kind == "slice":
            return self.dialect.copied_tree(part)
        return part

    def _shape(self, eqn: Eqn) -> ast.expr:
        return self.shape(eqn.args[0])

    def _size(self, eqn: Eqn) -> ast.expr:
        """x.size, or N * D where the shape is spelled out; of one axis, x.shape[axis]."""
        shape, axis = self.shape(eqn.args[0]), eqn.attrs.get("axis")
        if axis is not None:
            return ast.Subscript(shape, self._option(axis))
        match shape:
            case ast.Attribute(value=array, attr="shape"):
                return ast.Attribute(array, "size")
            case ast.Tuple(elts=[first, *rest]):
                product = first
                for length in rest:
                    product = ast.BinOp(product, ast.Mult(), length)
                return product
            case ast.Call(args=args):
                return ast.Call(self.dialect.name("numpy.size"), args, [])
            case other:
                raise AssertionError(f"no size of {other}")

    def _matrix_transpose(self, eqn: Eqn) -> ast.expr:
        x = eqn.args[0]
        if x.type.rank == 2:
            return ast.Attribute(self.read(x), "T")
        if x.type.rank is None and self.dialect.library != "cupy":
            return ast.Attribute(self.read(x), "mT")
        swapped = [constant(-1), constant(-2)]
        return ast.Call(ast.Attribute(self.read(x), "swapaxes"), swapped, [])

    def _transpose(self, eqn: Eqn) -> ast.expr | None:
        if not self._is_array(eqn.args[0], eqn):
            return None
        axes = eqn.attrs.get("axes")
        x = self.read(eqn.args[0])
        if axes is None:
            return ast.Attribute(x, "T")
        if isinstance(axes, tuple | list):
            return ast.Call(
                ast.Attribute(x, "transpose"), [constant(a) for a in axes], []
            )
        return ast.Call(ast.Attribute(x, "transpose"), [self._option(axes)], [])

    def _reshape(self, eqn: Eqn) -> ast.expr | None:
        x, shape = eqn.args
        if not self._as_method(eqn):
            return None
        made = constant(-1) if eqn.out.type.rank == 1 else self.read(shape)
        sizes = made.elts if isinstance(made, ast.Tuple) else [made]
        keywords = [
            ast.keyword(k, self._option(v)) for k, v in given_options(eqn).items()
        ]
        return ast.Call(ast.Attribute(self.read(x), "reshape"), sizes, keywords)

    def _constant_array(self, eqn: Eqn) -> ast.expr:
        return ast.Call(
            self.dialect.name("numpy.array"), [self.read(a) for a in eqn.args], []
        )

    def _astype(self, eqn: Eqn) -> ast.expr:
        kind = (
            self._option(eqn.attrs["dtype"])
            if "dtype" in eqn.attrs
            else ast.Name("float")
        )
        return ast.Call(ast.Attribute(self.read(eqn.args[0]), "astype"), [kind], [])

    def _swapaxes(self, eqn: Eqn) -> ast.expr:
        axes = [self._option(eqn.attrs[k]) for k in ("axis1", "axis2")]
        return ast.Call(ast.Attribute(self.read(eqn.args[0]), "swapaxes"), axes, [])

    def _expand_dims(self, eqn: Eqn) -> ast.expr | None:
        """x[:, None] where the axis is known, np.expand_dims(x, axis) elsewhere."""
        axis, x = eqn.attrs.get("axis"), eqn.args[0]
        if not isinstance(axis, int) or not -1 <= axis <= 3 or not x.type.rank:
            return _with_axes_kept(self.read(x), axis)
        new = ast.Constant(None)
        before: list[ast.expr] = (
            [ast.Constant(...)] if axis == -1 and x.type.rank > 1 else []
        )
        if axis == -1 and x.type.rank == 1:
            axis = 1
        before += [ast.Slice() for _ in range(max(axis, 0))]
        index = ast.Tuple([*before, new]) if before else new
        match self.read(x):
            case ast.UnaryOp(op=ast.USub(), operand=operand):  # -x[:, None]
                return ast.UnaryOp(ast.USub(), ast.Subscript(operand, index))
            case whole:
                return ast.Subscript(whole, index)

    def _broadcast_to(self, eqn: Eqn) -> ast.expr:
        """g * np.ones_like(x): an array of its own, in the type of g and x."""
        value, shape = eqn.args
        match self.read(shape):
            case ast.Attribute(value=array, attr="shape"):
                ones = ast.Call(self.dialect.name("numpy.ones_like"), [array], [])
            case ast.Call(func=ast.Attribute(attr="shape"), args=args):
                ones = ast.Call(self.dialect.name("numpy.ones_like"), args, [])
            case target:
                ones = ast.Call(self.dialect.name("numpy.ones"), [target], [])
        return ast.BinOp(self.read(value), ast.Mult(), ones)

    def _zeros_like(self, eqn: Eqn) -> ast.expr:
        """Zeros of x's shape: of x's type only where that is known to hold fractions."""
        x = eqn.args[0]
        if x.type.shape.is_scalar:
            return ast.Constant(0.0)
        shape = self.shape(x)
        if (dtype := eqn.attrs.get("dtype")) is not None:
            return self._zeros_of(shape, dtype)
        exact = x.type.kind in ("float", "complex") and getattr(
            shape, "of_floats", True
        )
        if exact and isinstance(shape, ast.Attribute):
            return ast.Call(self.dialect.name("numpy.zeros_like"), [shape.value], [])
        return ast.Call(self.dialect.name("numpy.zeros"), [shape], [])

    def _zeros_of(self, shape: ast.expr, dtype: str) -> ast.expr:
        """np.zeros_like(x, dtype=complex)"""
        name, kinds = "numpy.zeros", [ast.keyword("dtype", ast.Name(dtype))]
        if isinstance(shape, ast.Attribute):
            name, shape = "numpy.zeros_like", shape.value
        return ast.Call(self.dialect.name(name), [shape], kinds)

    def _real(self, eqn: Eqn) -> ast.expr:
        """z.real, which plain numbers have too."""
        return ast.Attribute(self.read(eqn.args[0]), "real")

    def _imag(self, eqn: Eqn) -> ast.expr:
        return ast.Attribute(self.read(eqn.args[0]), "imag")

    def _conj(self, eqn: Eqn) -> ast.expr | None:
        """z.conjugate() where no library of arrays is imported."""
        if not self._plain(eqn) or "numpy" in self.dialect.imports.values():
            return None
        return ast.Call(ast.Attribute(self.read(eqn.args[0]), "conjugate"), [], [])

    def _abs_squared(self, eqn: Eqn) -> ast.expr:
        """abs(z)**2 of a plain number, np.abs(z)**2 of an array"""
        plain = self._plain(eqn) and "numpy" not in self.dialect.imports.values()
        function = ast.Name("abs") if plain else self.dialect.name("numpy.abs")
        size = ast.Call(function, [self.read(eqn.args[0])], [])
        return ast.BinOp(size, ast.Pow(), ast.Constant(2))

    def _dot(self, eqn: Eqn) -> ast.expr | None:
        a, b = (self.read(x) for x in eqn.args)
        if eqn.dialect == "method" or not eqn.dialect:
            return ast.Call(ast.Attribute(a, "dot"), [b], [])
        return None

    def _matmul(self, eqn: Eqn) -> ast.expr | None:
        if eqn.dialect == "numpy":
            return ast.Call(
                self.dialect.name("numpy.matmul"), [self.read(a) for a in eqn.args], []
            )
        return None

    def _relu(self, eqn: Eqn) -> ast.expr:
        """max(x, 0) of a number where no library of arrays is imported."""
        name = (
            ast.Name("max")
            if self.dialect.plain
            else self.dialect.name("numpy.maximum")
        )
        return ast.Call(name, [self.read(eqn.args[0]), ast.Constant(0)], [])

    def _cho_solve(self, eqn: Eqn) -> ast.expr:
        c, b = map(self.read, eqn.args)
        return self._with_pair("cho_solve", [c, self._option(eqn.attrs["lower"])], b)

    def _lu_solve(self, eqn: Eqn) -> ast.expr:
        lu, piv, b = map(self.read, eqn.args)
        return self._with_pair("lu_solve", [lu, piv], b, trans=eqn.attrs.get("trans"))

    def _solve_banded(self, eqn: Eqn) -> ast.expr:
        widths = [self._option(eqn.attrs[k]) for k in ("l", "u")]
        return self._with_pair("solve_banded", widths, *map(self.read, eqn.args))

    def _solve_toeplitz(self, eqn: Eqn) -> ast.expr:
        c, r, b = map(self.read, eqn.args)
        return self._with_pair("solve_toeplitz", [c, r], b)

    def _with_pair(
        self, name: str, pair: list[ast.expr], *rest: ast.expr, **options: Any
    ) -> ast.expr:
        """A function of scipy.linalg that takes its first two arguments as one tuple."""
        keywords = [
            ast.keyword(k, self._option(v)) for k, v in options.items() if v is not None
        ]
        function = self.dialect.name(f"scipy.linalg.{name}")
        return ast.Call(function, [ast.Tuple(pair), *rest], keywords)

    def _sigmoid(self, eqn: Eqn) -> ast.expr:
        """1 / (1 + exp(-x)), so that nothing has to be imported for it."""
        if eqn.dialect == "scipy.special":
            return ast.Call(
                self.dialect.name("scipy.special.expit"), [self.read(eqn.args[0])], []
            )
        minus = ast.UnaryOp(ast.USub(), self.read(eqn.args[0]))
        plain = self._plain(eqn) and "numpy" not in self.dialect.imports.values()
        e = ast.Call(
            self.dialect.name("math.exp" if plain else "numpy.exp"), [minus], []
        )
        return ast.BinOp(
            ast.Constant(1), ast.Div(), ast.BinOp(ast.Constant(1), ast.Add(), e)
        )


def _with_axes_kept(text: ast.expr, axis: Any) -> ast.expr | None:
    """x.max(axis=1, keepdims=True), for x.max(axis=1) with that axis put in again."""
    match text:
        case ast.Call(func=ast.Attribute(attr="max" | "min" | "sum" | "mean"), keywords=[ast.keyword(arg="axis", value=value)]):  # fmt: skip
            if axis is None or ast.unparse(value) != repr(axis):
                return None
            kept = ast.keyword("keepdims", ast.Constant(True))
            return ast.Call(text.func, text.args, [*text.keywords, kept])
        case _:
            return None


__all__ = ["Dialect", "Expressions", "constant", "lookup", "print_statement"]
