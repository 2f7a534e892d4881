"""Equations -> expressions of torch: `dim=`, methods of tensors, and what has another form than in NumPy.

A number that torch's functions would not take is made a tensor; the type and the device of a new tensor are those of
one that is at hand.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from flatgrad.emit.expressions import Dialect, Expressions, constant, given_options
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.graph import Atom, Eqn, Lit, Var
from flatgrad.namespaces import lookup, spell
from flatgrad.types import same_shape

NAMESPACES = ("torch", "torch.special", "torch.linalg", "torch.nn.functional")
# Operations that are methods of a tensor that has a name, and what torch calls them.
METHODS = {
    "sum": "sum", "mean": "mean", "max": "max", "min": "min", "prod": "prod", "std": "std", "var": "var",
    "cumsum": "cumsum", "squeeze": "squeeze", "trace": "trace", "diagonal": "diagonal", "clip": "clamp",
    "gather": "gather", "scatter": "scatter", "scatter_add": "scatter_add", "add_along": "index_add",
}  # fmt: skip
REDUCTIONS = ("sum", "mean", "prod", "std", "var", "logsumexp")
DEEPEST = 12  # steps from a value to what it was made of
CREATING = ("arange", "eye", "zeros", "ones", "full", "tri", "linspace")
WHOLE = ("bool", "int", "arange")


def call(function: ast.expr, *args: ast.expr, **keywords: ast.expr) -> ast.Call:
    named = [ast.keyword(k, v) for k, v in keywords.items()]
    return ast.Call(function, list(args), named)


def method(receiver: ast.expr, name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(receiver, name), list(args), [])


class TensorDialect(Dialect):
    """What stands in other places of the backward than in expressions, as torch has it."""

    def shape(self, array: ast.expr, may_be_number: bool = True) -> ast.expr:
        return ast.Attribute(self.tensor(array) if may_be_number else array, "shape")

    def tensor(self, number: ast.expr) -> ast.expr:
        return call(self.name("torch.as_tensor"), number)

    def copied(self, array: ast.expr, may_be_number: bool = True) -> ast.expr:
        return method(self.tensor(array) if may_be_number else array, "clone")

    def copied_tree(self, tree: ast.expr) -> ast.expr:
        is_tensor = call(self.name("torch.is_tensor"), tree)
        return ast.IfExp(is_tensor, method(tree, "clone"), method(tree, "copy"))

    def ones_like(self, array: ast.expr) -> ast.expr:
        return call(self.name("torch.ones_like"), array)

    def zero(self) -> ast.expr:
        return call(self.name("torch.zeros"), ast.Tuple([]))

    def added_at(self, array: ast.expr, index: ast.expr, amount: ast.expr) -> ast.expr:
        """An index that may repeat: along one axis, or one tensor for each of the first axes."""
        parts = [*index.elts] if isinstance(index, ast.Tuple) else [index]
        if any(_is_ellipsis(part) for part in parts):
            return self._added_from_end(array, parts, amount)
        while _is_whole(parts[-1]):
            parts.pop()
        sliced = [_is_slice(part) for part in parts]
        if not any(sliced):
            indices = ast.Tuple([self._places(p) for p in parts])
            add = method(array, "index_put_", indices, amount)
            add.keywords = [ast.keyword("accumulate", ast.Constant(True))]
            return add
        axis = sliced.index(False)
        if sliced.count(False) > 1 or isinstance(parts[axis], ast.Constant):
            raise unknown("an index of slices and of tensors that may repeat")
        others = [ast.Slice() if i == axis else _in_brackets(p) for i, p in enumerate(parts)]  # fmt: skip
        if not all(map(_is_whole, others)):
            array = ast.Subscript(array, ast.Tuple(others))
        place = self._places(parts[axis])
        return method(array, "index_add_", ast.Constant(axis), place, amount)

    def _added_from_end(self, array: ast.expr, parts: list[ast.expr], amount: ast.expr) -> ast.expr:  # fmt: skip
        """x[..., i, :]"""
        match parts:
            case [first, place, *rest] if _is_ellipsis(first) and all(map(_is_whole, rest)):  # fmt: skip
                axis = constant(-1 - len(rest))
                return method(array, "index_add_", axis, self._places(place), amount)
            case _:
                raise unknown("an index of slices and of tensors that may repeat")

    def _places(self, part: ast.expr) -> ast.expr:
        if isinstance(part, ast.List | ast.Constant | ast.UnaryOp):
            return call(self.name("torch.tensor"), part)
        return part

    def number_library(self) -> str:
        return "math"

    def is_array(self, value: Atom, defs: Mapping[Any, Eqn]) -> bool:
        return is_tensor(value, defs)

    def library_call(self, name: str, *args: ast.expr, axis: Any = None) -> ast.expr:
        names = {"array": "stack", "concatenate": "cat", "moveaxis": "movedim", "row_stack": "vstack"}  # fmt: skip
        keywords = {} if axis is None else {"dim": constant(axis)}
        return call(self.name(f"torch.{names.get(name, name)}"), *args, **keywords)


def _is_slice(part: ast.expr) -> bool:
    match part:
        case ast.Slice():
            return True
        case ast.Call(func=ast.Name(id="slice")):
            return True
        case _:
            return False


def _is_ellipsis(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is ...


def _in_brackets(part: ast.expr) -> ast.expr:
    """1:3 of slice(1, 3)"""
    match part:
        case ast.Call(func=ast.Name(id="slice"), args=args):
            bounds = [None if isinstance(a, ast.Constant) and a.value is None else a for a in args]  # fmt: skip
            start, stop, step = {1: [None, *bounds, None], 2: [*bounds, None]}.get(len(bounds), bounds)  # fmt: skip
            return ast.Slice(start, stop, step)
        case _:
            return part


def _is_whole(part: ast.expr) -> bool:
    match part:
        case ast.Slice(lower=None, upper=None, step=None):
            return True
        case ast.Call(func=ast.Name(id="slice"), args=[ast.Constant(value=None)]):
            return True
        case _:
            return False


def unknown(what: str) -> FlatgradError:
    step = "write it with operations that torch has a gradient for: docs/operations.md"
    return FlatgradError(Diagnostic("FG201", f"no derivative rule for {what}", step))


class TensorExpressions(Expressions):
    """Equation -> expression of torch."""

    def _library_call(self, eqn: Eqn) -> ast.expr:
        integers = all(a.type.kind == "int" for a in eqn.args)
        of_numbers = eqn.dialect == "math" or (integers and eqn.op != "arange")
        if of_numbers and self._plain(eqn) and spell(eqn.op, "math"):
            function = self.dialect.name(f"math.{spell(eqn.op, 'math')}")
            return ast.Call(function, [self.read(a) for a in eqn.args], [])
        if eqn.op in ("len", "range"):
            return super()._library_call(eqn)
        for namespace in (eqn.dialect, *NAMESPACES):
            if namespace in NAMESPACES and (name := spell(eqn.op, namespace)):
                function = self.dialect.name(f"{namespace}.{name}")
                return self._call(function, (namespace, name), eqn, eqn.args)
        if eqn.dialect == "numpy" and self._plain(eqn) and spell(eqn.op, "numpy"):
            return super()._library_call(eqn)
        raise unknown(f"what torch would need {eqn.op} for")

    def _namespaces(self, eqn: Eqn) -> list[str]:
        return ["builtins"] if eqn.op in ("len", "range") else ["math", "numpy"]

    def _call(
        self, function: ast.expr, where: tuple[str, str], eqn: Eqn, args: Sequence[Atom]
    ) -> ast.expr:
        """No option is dropped, and a number is made a tensor where torch takes tensors only."""
        spelling = lookup(*where)
        while spelling is not None and spelling.op != eqn.op:
            spelling = spelling.otherwise
        if where[0] in NAMESPACES and spelling is not None:
            names = {new for _, new in spelling.renamed} | {*spelling.parameters}
            given = {*given_options(eqn)}
            if not given <= names:
                raise unknown(f"{where[1]} with {', '.join(sorted(given - names))}")
        made = super()._call(function, where, eqn, args)
        if where[0] in NAMESPACES and self._of_numbers(eqn) and isinstance(made, ast.Call):  # fmt: skip
            made.args = [self._as_tensor(a) for a in made.args]
        return made

    def _of_numbers(self, eqn: Eqn) -> bool:
        """None of the data is surely a tensor."""
        written_so = eqn.dialect in NAMESPACES or eqn.dialect == "method"
        creating = not eqn.args or eqn.op in CREATING
        return not creating and self._plain(eqn) and not written_so

    def _as_tensor(self, value: ast.expr) -> ast.expr:
        return call(self.dialect.name("torch.as_tensor"), value)

    def _is_array(self, value: Atom, eqn: Eqn) -> bool:
        return isinstance(value, Var) and value.type.rank != 0

    def _as_method(self, eqn: Eqn) -> bool:
        return False  # NumPy's methods; those of tensors come first

    def equation(self, eqn: Eqn) -> ast.expr:
        if eqn.op in METHODS and (made := self._method(eqn)) is not None:
            return made
        return super().equation(eqn)

    def _method(self, eqn: Eqn) -> ast.expr | None:
        """x.sum(dim=0) where x has a name, or where the user writes methods."""
        special = getattr(self, f"_{eqn.op}", None)
        if special is not None and (made := special(eqn)) is not None:
            return made  # type: ignore[no-any-return]
        receiver = self.read(eqn.args[0])
        fixed = eqn.op in ("gather", "scatter", "scatter_add", "add_along")
        if not self._is_array(eqn.args[0], eqn):
            return None
        if not (fixed or self.dialect.methods or isinstance(receiver, ast.Name)):
            return None
        name = METHODS[eqn.op]
        where = ("torch", spell(eqn.op, "torch") or name)
        found = self._call(ast.Attribute(receiver, name), where, eqn, eqn.args)
        if isinstance(found, ast.Call):
            found.args = found.args[1:]
        return found

    # --- reductions ----------------------------------------------------------------------------------------------

    def _sum(self, eqn: Eqn) -> ast.expr | None:
        return self._whole(eqn)

    _mean = _prod = _whole_of = _sum

    def _whole(self, eqn: Eqn) -> ast.expr | None:
        """torch keeps no axes where it reduces all of them."""
        if eqn.attrs.get("axis") is not None or not eqn.attrs.get("keepdims"):
            return None
        rank = self._rank(eqn.args[0])
        plain = Eqn(eqn.outs, eqn.op, eqn.args, {k: v for k, v in eqn.attrs.items() if k != "keepdims"}, eqn.statement, None, eqn.dialect)  # fmt: skip
        return method(self.equation(plain), "reshape", *[constant(1)] * rank)

    def _rank(self, value: Atom) -> int:
        if value.type.rank is None:
            raise unknown("a reduction of a tensor whose rank is not known")
        return value.type.rank

    def _max(self, eqn: Eqn) -> ast.expr | None:
        """x.amax(dim=1); x.max(dim=1) would give the places, too."""
        if (whole := self._whole(eqn)) is not None:
            return whole
        axis, receiver = eqn.attrs.get("axis"), self.read(eqn.args[0])
        if axis is None:
            return method(receiver, eqn.op)
        made = method(receiver, f"a{eqn.op}")
        made.keywords = [ast.keyword("dim", self._option(axis))]
        if eqn.attrs.get("keepdims"):
            made.keywords.append(ast.keyword("keepdim", ast.Constant(True)))
        return made

    _min = _max

    def _std(self, eqn: Eqn) -> ast.expr | None:
        """torch divides by n - 1 unless it is told not to."""
        if eqn.attrs.get("ddof"):
            return self._whole(eqn)
        attrs = {**eqn.attrs, "ddof": 0.0}
        told = Eqn(eqn.outs, eqn.op, eqn.args, attrs, eqn.statement, None, eqn.dialect)
        made = self._whole(told) or self._call(ast.Attribute(self.read(eqn.args[0]), eqn.op), ("torch", eqn.op), told, eqn.args)  # fmt: skip
        if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute):
            made.args = made.args[1:] if made.func.attr == eqn.op else made.args
            made.keywords = [ast.keyword(k.arg, ast.Constant(0)) if k.arg == "correction" else k for k in made.keywords]  # fmt: skip
        return made

    _var = _std

    def _logsumexp(self, eqn: Eqn) -> ast.expr | None:
        if eqn.attrs.get("axis") is not None:
            return None
        axes = tuple(range(self._rank(eqn.args[0])))
        attrs = {**eqn.attrs, "axis": axes}
        told = Eqn(eqn.outs, eqn.op, eqn.args, attrs, eqn.statement, None, eqn.dialect)
        return self._library_call(told)

    def _softmax(self, eqn: Eqn) -> ast.expr | None:
        if eqn.attrs.get("axis") is not None:
            return None
        x, function = self.read(eqn.args[0]), self.dialect.name(f"torch.{eqn.op}")
        dim = ast.keyword("dim", ast.Constant(0))
        if eqn.args[0].type.rank == 1:
            return ast.Call(function, [x], [dim])
        flat = ast.Call(function, [method(x, "flatten")], [dim])
        return method(flat, "reshape", self.shape(eqn.args[0]))

    _log_softmax = _softmax

    # --- arrangement ---------------------------------------------------------------------------------------------

    def _getitem(self, eqn: Eqn) -> ast.expr:
        """torch has no slices that go backwards."""
        if eqn.args[1] == Lit(slice(None, None, -1)):
            return method(self.read(eqn.args[0]), "flip", ast.Constant(0))
        return super()._getitem(eqn)

    def _matrix_transpose(self, eqn: Eqn) -> ast.expr:
        x = self.read(eqn.args[0])
        if eqn.args[0].type.rank == 2:
            return method(x, "t") if "mm" in self.dialect.products else ast.Attribute(x, "T")  # fmt: skip
        if eqn.args[0].type.rank is None:
            return ast.Attribute(x, "mT")
        bmm = eqn.args[0].type.rank == 3 and "bmm" in self.dialect.products
        axes = (1, 2) if bmm else (-1, -2)
        return method(x, "transpose", *map(constant, axes))

    def _transpose(self, eqn: Eqn) -> ast.expr:
        axes, x, rank = eqn.attrs.get("axes"), self.read(eqn.args[0]), eqn.args[0].type.rank  # fmt: skip
        if axes is None and rank is not None and rank > 2:
            axes = tuple(reversed(range(rank)))
        if axes is None:
            return method(x, "t") if "mm" in self.dialect.products else ast.Attribute(x, "T")  # fmt: skip
        if isinstance(axes, tuple | list):
            return method(x, "permute", *map(constant, axes))
        return method(x, "permute", self._option(axes))

    def _swapaxes(self, eqn: Eqn) -> ast.expr:
        axes = [self._option(eqn.attrs[k]) for k in ("axis1", "axis2")]
        return method(self.read(eqn.args[0]), "transpose", *axes)

    def _reshape(self, eqn: Eqn) -> ast.expr:
        x, shape = eqn.args
        made = constant(-1) if eqn.out.type.rank == 1 else self.read(shape)
        sizes = made.elts if isinstance(made, ast.Tuple) and made.elts else [made]
        return method(self._tensor(x, eqn), "reshape", *sizes)

    def _tensor(self, value: Atom, eqn: Eqn) -> ast.expr:
        found = self.read(value)
        return self._as_tensor(found) if isinstance(value, Lit) else found

    def _flip(self, eqn: Eqn) -> ast.expr:
        axis = eqn.attrs.get("axis")
        axes = range(self._rank(eqn.args[0])) if axis is None else axis
        each = axes if isinstance(axes, tuple | range) else (axes,)
        return method(self.read(eqn.args[0]), "flip", *map(self._option_of, each))

    def _tile(self, eqn: Eqn) -> ast.expr:
        """torch.tile takes several numbers only."""
        x, reps = (self.read(a) for a in eqn.args)
        single = eqn.args[1].type.shape.is_scalar
        return call(self.dialect.name("torch.tile"), x, ast.Tuple([reps]) if single else reps)  # fmt: skip

    def _expm_frechet(self, eqn: Eqn) -> ast.expr:
        """A block of an exponential, which the module defines for itself."""
        helper = self.dialect.helper("expm_frechet")
        return call(helper, *(self.read(a) for a in eqn.args))

    def _option_of(self, value: Any) -> ast.expr:
        return self._option(value)

    def _expand_dims(self, eqn: Eqn) -> ast.expr | None:
        axis = eqn.attrs.get("axis")
        if isinstance(axis, tuple):
            return self._several_axes(eqn, axis)
        made = super()._expand_dims(eqn)
        return made or method(self.read(eqn.args[0]), "unsqueeze", self._option(axis))

    def _several_axes(self, eqn: Eqn, axis: tuple[int, ...]) -> ast.expr:
        """v[:, None, None]; v.unsqueeze(0).unsqueeze(2) where the rank is not known."""
        x, rank = self.read(eqn.args[0]), eqn.args[0].type.rank
        if rank is None and sorted(axis) == [*range(-len(axis), 0)]:
            return ast.Subscript(x, ast.Tuple([ast.Constant(...), *[ast.Constant(None)] * len(axis)]))  # fmt: skip
        if rank is None:
            if any(a < 0 for a in axis):
                raise unknown("axes counted from the end of a tensor of unknown rank")
            for a in sorted(axis):
                x = method(x, "unsqueeze", constant(a))
            return x
        new = {a % (rank + len(axis)) for a in axis}
        parts = [ast.Constant(None) if i in new else ast.Slice() for i in range(max(new) + 1)]  # fmt: skip
        return ast.Subscript(x, ast.Tuple([*parts]))

    def _broadcast_to(self, eqn: Eqn) -> ast.expr:
        """g * torch.ones_like(x): a tensor of its own, in the type of g."""
        value, shape = self.read(eqn.args[0]), self.read(eqn.args[1])
        match shape:
            case ast.Attribute(value=array, attr="shape"):
                ones = self.dialect.ones_like(array)
                return ast.BinOp(value, ast.Mult(), ones)
            case ast.Tuple(elts=lengths) if lengths:
                stretched = method(value, "expand", *lengths)
            case _:
                stretched = method(value, "expand", shape)
        return method(stretched, "clone")

    def _unbroadcast(self, eqn: Eqn) -> ast.expr | None:
        """Summed over the axes along which a tensor was stretched; a number has no axes."""
        like = self.like(eqn.args[1])
        if not like.type.rank:
            return None
        return method(self.read(eqn.args[0]), "sum_to_size", self.shape(like))

    def _size(self, eqn: Eqn) -> ast.expr:
        match self.shape(eqn.args[0]):
            case ast.Attribute(value=array, attr="shape"):
                return method(array, "numel")
            case _:
                return super()._size(eqn)

    # --- new tensors, conversions --------------------------------------------------------------------------------

    def _zeros_like(self, eqn: Eqn) -> ast.expr:
        """Zeros in the shape and type of x, on its device."""
        x = eqn.args[0]
        if x.type.shape.is_scalar:
            return ast.Constant(0.0)
        match self.shape(x):
            case ast.Attribute(value=array, attr="shape") as shape if getattr(shape, "kind", "any") not in WHOLE:  # fmt: skip
                pass
            case ast.Attribute(value=array, attr="shape"):
                array = array if isinstance(array, ast.Call) else self.read(x)
            case _:
                array = self.read(x)
        return call(self.dialect.name("torch.zeros_like"), array)

    def _copy(self, eqn: Eqn) -> ast.expr:
        return method(self._tensor(eqn.args[0], eqn), "clone")

    def _astype(self, eqn: Eqn) -> ast.expr:
        return method(self.read(eqn.args[0]), "to", self._option(eqn.attrs["dtype"]))

    def _to_like(self, eqn: Eqn) -> ast.expr:
        x, other = (self.read(a) for a in eqn.args)
        return method(x, "to", other)

    def _top_places(self, eqn: Eqn) -> ast.expr:
        x, count = (self.read(a) for a in eqn.args)
        options = {"dim": eqn.attrs["axis"]} | ({"largest": False} if "largest" in eqn.attrs else {})  # fmt: skip
        found = method(x, "topk", count)
        found.keywords = [ast.keyword(k, constant(v)) for k, v in options.items()]
        return ast.Attribute(found, "indices")

    def _sort(self, eqn: Eqn) -> ast.expr:
        found = method(self.read(eqn.args[0]), "sort")
        found.keywords = [ast.keyword("dim", constant(eqn.attrs.get("axis", -1)))]
        return ast.Attribute(found, "values")

    def _item(self, eqn: Eqn) -> ast.expr:
        return method(self.read(eqn.args[0]), "item")

    # --- arithmetic ----------------------------------------------------------------------------------------------

    def _infix(self, symbol: str, eqn: Eqn) -> ast.expr:
        """A matrix of ones and zeros takes the type and the device of what it is multiplied with."""
        made = super()._infix(symbol, eqn)
        if isinstance(made, ast.BinOp):
            for side, other in (("left", made.right), ("right", made.left)):
                eye = getattr(made, side)
                if self._is_eye(eye) and isinstance(other, ast.Name):
                    setattr(made, side, method(eye, "to", other))
                elif self._is_eye(eye):
                    raise unknown("a unit matrix whose type is not at hand")
        return made

    def _is_eye(self, node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(attr="eye"), keywords=keywords):
                return all(k.arg != "dtype" for k in keywords)
            case _:
                return False

    def _eye(self, eqn: Eqn) -> ast.expr:
        """The lengths are those of a tensor, whose type and device it has, too."""
        made = self._library_call(eqn)
        assert isinstance(made, ast.Call)
        for node in ast.walk(made):
            match node:
                case ast.Attribute(attr="shape", value=ast.Name() as array):
                    made.keywords += [ast.keyword(k, ast.Attribute(array, k)) for k in ("dtype", "device")]  # fmt: skip
                    return made
        return made

    def _linspace(self, eqn: Eqn) -> ast.expr:
        raise unknown("linspace with ends that have a gradient")

    def _diff(self, eqn: Eqn) -> ast.expr | None:
        """torch puts tensors before and after, no numbers."""
        ends = [k for k in ("prepend", "append") if k in eqn.attrs]
        if not ends:
            return None
        if any(eqn.attrs[k] != 0 for k in ends):
            raise unknown("diff with numbers put before or after")
        attrs = {k: v for k, v in eqn.attrs.items() if k not in ends}
        plain = Eqn(eqn.outs, eqn.op, eqn.args, attrs, eqn.statement, None, eqn.dialect)
        made, axis = self._library_call(plain), constant(eqn.attrs.get("axis", -1))
        row = method(self.read(eqn.args[0]), "narrow", axis, constant(0), constant(1))
        zeros = call(self.dialect.name("torch.zeros_like"), row)
        assert isinstance(made, ast.Call)
        made.keywords += [ast.keyword(k, zeros) for k in ends]
        return made

    def _maximum(self, eqn: Eqn) -> ast.expr | None:
        """x.clamp(min=c): torch.maximum takes tensors only."""
        a, b = eqn.args
        number = b if b.type.shape.is_scalar else a if a.type.shape.is_scalar else None
        if number is None:
            return None
        x = a if number is b else b
        bound = "min" if eqn.op == "maximum" else "max"
        made = method(self._number_as_tensor(x), "clamp")
        made.keywords = [ast.keyword(bound, self.read(number))]
        return made

    _minimum = _maximum

    def _number_as_tensor(self, x: Atom) -> ast.expr:
        found = self.read(x)
        return self._as_tensor(found) if x.type.shape.is_scalar else found

    def _relu(self, eqn: Eqn) -> ast.expr:
        return call(self.dialect.name("torch.relu"), self._number_as_tensor(eqn.args[0]) if self._of_numbers(eqn) else self.read(eqn.args[0]))  # fmt: skip

    def _sigmoid(self, eqn: Eqn) -> ast.expr:
        return call(self.dialect.name("torch.sigmoid"), self._number_as_tensor(eqn.args[0]) if self._of_numbers(eqn) else self.read(eqn.args[0]))  # fmt: skip

    def _matmul(self, eqn: Eqn) -> ast.expr | None:
        """x.mm(w) where the user writes so."""
        ranks = {2: "mm", 3: "bmm"}
        name = ranks.get(eqn.args[0].type.rank or 0, "")
        same = eqn.args[0].type.rank == eqn.args[1].type.rank
        if same and name in self.dialect.products:
            return method(self.read(eqn.args[0]), name, self.read(eqn.args[1]))
        return None

    def _dot(self, eqn: Eqn) -> ast.expr:
        a, b = (self.read(x) for x in eqn.args)
        if all(x.type.rank == 1 for x in eqn.args):
            return call(self.dialect.name("torch.dot"), a, b)
        return ast.BinOp(a, ast.MatMult(), b)

    _inner_vectors = _dot

    def _vdot(self, eqn: Eqn) -> ast.expr:
        a, b = (self.read(x) for x in eqn.args)
        if all(x.type.rank == 1 for x in eqn.args):
            return call(self.dialect.name("torch.dot"), a, b)
        return method(ast.BinOp(a, ast.Mult(), b), "sum")

    def _outer(self, eqn: Eqn) -> ast.expr:
        flat = [self.read(x) if x.type.rank == 1 else method(self.read(x), "flatten") for x in eqn.args]  # fmt: skip
        return call(self.dialect.name("torch.outer"), *flat)

    # --- layers --------------------------------------------------------------------------------------------------

    def _convolved(self, eqn: Eqn) -> ast.expr:
        """The two gradients of a convolution are functions of torch.nn.grad."""
        made = call(self.dialect.name(f"torch.nn.grad.{eqn.op}"), *map(self.read, eqn.args))  # fmt: skip
        made.keywords = [ast.keyword(k, self._option(v)) for k, v in eqn.attrs.items()]
        return made

    _conv1d_input = _conv1d_weight = _conv2d_input = _conv2d_weight = _convolved

    def _places(self, eqn: Eqn) -> ast.expr:
        name = eqn.op.removesuffix("_places")
        made = call(self._functional(name), self.read(eqn.args[0]))
        made.keywords = [ast.keyword(k, self._option(v)) for k, v in eqn.attrs.items()]
        made.keywords.append(ast.keyword("return_indices", ast.Constant(True)))
        return ast.Subscript(made, ast.Constant(1))

    _max_pool1d_places = _max_pool2d_places = _places

    def _functional(self, name: str) -> ast.expr:
        return self.dialect.name(f"torch.nn.functional.{name}")

    def _bernoulli_loss(self, eqn: Eqn) -> ast.expr:
        names = {"bernoulli_loss": "binary_cross_entropy", "logistic_loss": "binary_cross_entropy_with_logits"}  # fmt: skip
        made = call(self._functional(names[eqn.op]), *map(self.read, eqn.args))
        made.keywords = [ast.keyword("reduction", ast.Constant("none"))]
        return made

    _logistic_loss = _bernoulli_loss

    def _full_of(self, eqn: Eqn) -> ast.expr:
        like, shape, value = map(self.read, eqn.args)
        return method(like, "new_full", shape, value)

    def _flatten_last(self, eqn: Eqn) -> ast.expr:
        return method(self.read(eqn.args[0]), "flatten", constant(-eqn.attrs["count"]))

    def _is_ndarray(self, eqn: Eqn) -> ast.expr:
        new, old = eqn.args
        is_tensor = call(self.dialect.name("torch.is_tensor"), self.read(new))
        if same_shape(new.type.shape, old.type.shape):
            return is_tensor
        alike = ast.Compare(self.shape(new), [ast.Eq()], [self.shape(old)])
        return ast.BoolOp(ast.And(), [is_tensor, alike])


ARITHMETIC = {
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "pos", "abs", "maximum", "minimum", "alias", "copy",
    "stop_gradient",
}  # fmt: skip


def is_tensor(value: Atom, defs: Mapping[Any, Eqn], depth: int = 0) -> bool:
    """The value is no plain number, whatever its shape: torch's functions give tensors."""
    if isinstance(value, Lit) or depth > DEEPEST:
        return False
    if value.type.rank:
        return True
    eqn = defs.get(value)
    if eqn is None or eqn.blocks:
        return False
    if eqn.op in ARITHMETIC:
        return any(is_tensor(a, defs, depth + 1) for a in eqn.args)
    if eqn.op == "getitem":
        return is_tensor(eqn.args[0], defs, depth + 1)
    return any(spell(eqn.op, n) is not None for n in NAMESPACES)


def expressions_of(dialect: Dialect) -> type[Expressions]:
    return TensorExpressions if isinstance(dialect, TensorDialect) else Expressions
