"""Write equations by doing arithmetic: an `Expr` is a graph value that behaves like an array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flatgrad.graph import NO_ATTRS, Atom, Block, Eqn, Lit, Statement, Var, check
from flatgrad.registry import infer


@dataclass
class Builder:
    """Collects equations; `statement` and `dialect` are given to each equation that is emitted."""

    eqns: list[Eqn] = field(default_factory=list)
    statement: Statement | None = None
    dialect: str = ""

    def emit(
        self, op: str, *args: object, name: str = "", node: Any = None, **attrs: Any
    ) -> Expr:
        return self.emit_all(op, args, 1, name=name, node=node, attrs=attrs)[0]

    def emit_all(
        self,
        op: str,
        args: Any,
        count: int,
        *,
        name: str = "",
        node: Any = None,
        attrs: Any = NO_ATTRS,
    ) -> list[Expr]:
        """Write an equation of `count` results."""
        outs = tuple(Var(name) for _ in range(count))
        options = {k: v.atom if isinstance(v, Expr) else v for k, v in attrs.items()}
        eqn = Eqn(
            outs,
            op,
            tuple(map(atom, args)),
            options,
            self.statement,
            node,
            self.dialect,
        )
        infer(eqn)
        self.eqns.append(eqn)
        return [Expr(self, out) for out in outs]

    def wrap(self, value: object) -> Expr:
        return Expr(self, atom(value))

    def block(self, params: tuple[Var, ...], outs: list[Any]) -> Block:
        return check(Block(params, tuple(self.eqns), tuple(map(atom, outs))))


def atom(value: object) -> Atom:
    match value:
        case Expr(atom=inner):
            return inner
        case Var() | Lit():
            return value
        case _:
            return Lit(plain(value))


def plain(value: Any) -> Any:
    """A number that NumPy has computed, as Python writes it."""
    return value.item() if getattr(value, "shape", None) == () else value


class Undecided(NotImplementedError, TypeError):
    """A formula asks whether a value of the graph is true, which nobody knows before the code runs."""

    step = "write the constant there, or in a function that calls this one with it"


@dataclass(frozen=True, eq=False, slots=True)
class Expr:
    """A value of the graph under construction; operators and `xp.f(...)` write equations."""

    builder: Builder
    atom: Atom

    @property
    def ndim(self) -> int | None:
        """The rank, or None where it is not known."""
        return self.atom.type.rank

    @property
    def shape(self) -> Expr:
        return self.builder.emit("shape", self)

    @property
    def mT(self) -> Expr:
        return self.builder.emit("matrix_transpose", self)

    def __getitem__(self, index: object) -> Expr:
        return self.builder.emit("getitem", self, index)

    def __neg__(self) -> Expr:
        return self.builder.emit("neg", self)

    def __iter__(self) -> Any:
        raise TypeError("a graph value cannot be iterated over")

    def __bool__(self) -> bool:
        raise Undecided("an option that is not written down, but computed")


def _binary(op: str, *, swap: bool = False) -> Callable[[Expr, object], Expr]:
    def method(self: Expr, other: object) -> Expr:
        return self.builder.emit(op, *((other, self) if swap else (self, other)))

    return method


_OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "truediv", "floordiv": "floordiv", "mod": "mod",
    "pow": "pow", "matmul": "matmul", "eq": "eq", "ne": "ne", "gt": "gt", "lt": "lt", "ge": "ge", "le": "le",
    "and": "bitand", "or": "bitor",
}  # fmt: skip
for _name, _op in _OPERATORS.items():
    setattr(Expr, f"__{_name}__", _binary(_op))
    if _name not in ("eq", "ne", "gt", "lt", "ge", "le"):
        setattr(Expr, f"__r{_name}__", _binary(_op, swap=True))


class _Namespace:
    """`xp.exp(v)` writes an equation when some argument is an `Expr`, else computes with NumPy and SciPy."""

    def __getattr__(self, op: str) -> Callable[..., Any]:
        def call(*args: Any, **attrs: Any) -> Any:
            for arg in (*args, *attrs.values()):
                if isinstance(arg, Expr):
                    return arg.builder.emit(op, *args, **attrs)
            from flatgrad.evaluate import runtime

            return runtime(op)(*args, **attrs)

        return call


xp: Any = _Namespace()
