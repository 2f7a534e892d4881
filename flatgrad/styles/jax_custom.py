"""Parts -> a function with its own derivative for JAX: `jax.custom_vjp` with its fwd and bwd.

The function itself stays as it is written. What the backward reads is kept as residuals, which are arrays: numbers
that follow from shapes are computed again, by the lines of the forward, and so `jax.jit` takes both. An argument that
is no array, such as `eps=1e-5`, is one of `nondiff_argnums`: JAX says so when it is asked for the derivative.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence

from flatgrad.emit.cache import Cached
from flatgrad.emit.parts import Parts, shown
from flatgrad.styles.arguments import Argument, arguments, refusal
from flatgrad.styles.layer_object import method, result_of
from flatgrad.styles.renaming import assigned, stored

STYLE = "jax"
NO_ARRAYS = ("int", "bool", "str", "tuple", "none")  # kinds that need not be arrays


def jax_custom(parts: Parts) -> list[str]:
    """@jax.custom_vjp def affine(x, w, b), affine_fwd, affine_bwd, affine.defvjp(affine_fwd, affine_bwd)"""
    given = arguments(parts, STYLE)
    _refuse(parts, given)
    written = _Written(parts, given)
    forward, backward = (_free(parts, ending) for ending in ("fwd", "bwd"))
    joined = f"{parts.function.name}.defvjp({forward}, {backward})\n"
    return [
        written.function(),
        "\n".join([*written.forward(forward), ""]),
        "\n".join([*written.backward(backward), ""]),
        joined,
    ]


def _free(parts: Parts, ending: str) -> str:
    return parts.module_names.underscored(f"{parts.function.name}_{ending}")


def _refuse(parts: Parts, given: Sequence[Argument]) -> None:
    if parts.function.module.library != "jax.numpy":
        what = f"{parts.function.name} is not written with jax.numpy"
        step = "write it with functions of jax.numpy: jnp.exp(x) in place of np.exp(x)"
        raise refusal(parts, STYLE, what, step)
    for argument in given:
        if argument.by_name:
            what = f"{argument.name} is given by name only, which jax.custom_vjp does not take"  # fmt: skip
            raise refusal(parts, STYLE, what, "leave out the * before it")


def _spelled_vjp(parts: Parts) -> str:
    """jax.custom_vjp, with `import jax` where the file has neither."""
    dialect, module = parts.dialect, parts.function.module
    known = {"jax", "jax.custom_vjp"} & {*dialect.imports.values()}
    bound = {*module.imports, *module.functions, *module.constants, *module.others}
    if not known and "jax" not in bound | parts.bound:
        dialect.added["jax"], dialect.imports["jax"] = "import jax", "jax"
    return shown(dialect.name("jax.custom_vjp"))


class _Written:
    """The three functions."""

    def __init__(self, parts: Parts, given: Sequence[Argument]):
        self.parts, self.given = parts, given
        self.settings = [a for a in given if self._is_setting(a)]
        self.residuals = parts.names.underscored("residuals")
        rebound = assigned(parts.forward)
        self.own = {a.name for a in self.settings} - rebound
        self.sliced = _Slice(parts, {a.name for a in given} - rebound)
        self.kept = self._kept()

    def _kept(self) -> list[Cached]:
        """The residuals: an array where its shape is read, and none of what the backward has otherwise."""
        kept: dict[str, str] = {}
        for name, value in self.parts.cached:
            array, _, last = value.rpartition(".")
            if last == "shape":
                kept[array] = array
            elif value not in self.own and not self._computed_again(name, value):
                kept[name] = value
        read = sorted(self.sliced.read - self.own - kept.keys())
        return [*kept.items(), *zip(read, read, strict=True)]

    def _is_setting(self, argument: Argument) -> bool:
        """No array: a number, a word or a switch that carries no gradient."""
        if argument.name in self.parts.wrt:
            return False
        known = argument.value.type
        plain = known.kind in ("str", "bool") or argument.has_number
        return known.shape.is_scalar or (plain and not known.rank)

    def _computed_again(self, name: str, value: str) -> bool:
        """It is no array, and lines of the forward give it from the arguments."""
        types = [v.type for v in self.parts.values.get(value, ())]
        plain = bool(types) and all(t.kind in NO_ARRAYS and not t.rank for t in types)
        return name == value and plain and self.sliced.add(name)

    def function(self) -> str:
        """The user's function, decorated."""
        function, module = self.parts.function, self.parts.function.module
        own = module.functions.get(function.name, function.node)
        node = own.with_changes(decorators=[], leading_lines=[])
        text = module.tree.with_changes(body=[node], header=[], footer=[]).code
        return f"@{self._decorator()}\n{text.strip()}\n"

    def _decorator(self) -> str:
        custom = _spelled_vjp(self.parts)
        places = [i for i, a in enumerate(self.given) if a in self.settings]
        if not places:
            return custom
        partial = shown(self.parts.dialect.name("functools.partial"))
        return f"{partial}({custom}, nondiff_argnums={tuple(places)})"

    def forward(self, name: str) -> list[str]:
        """def affine_fwd(x, w, b): ..., return out, (x, w)"""
        values = ", ".join(value for _, value in self.kept)
        comma = "," if len(self.kept) == 1 else ""
        result = f"({result_of(self.parts)})" if len(self.parts.outputs) > 1 or self.parts.function.returns_tuple else result_of(self.parts)  # fmt: skip
        last = f"return {result}, ({values}{comma})"
        names = ", ".join(a.name for a in self.given)
        return method(f"{name}({names})", [*self.parts.forward, last])

    def backward(self, name: str) -> list[str]:
        """def affine_bwd(residuals, grad_out): x, w = residuals, ..., return grad_x, grad_w, grad_b"""
        parts = self.parts
        cotangent, unpacked = self._cotangents()
        settings = [a.name for a in self.settings]
        head = f"{name}({', '.join([*settings, self.residuals, cotangent])})"
        names = ", ".join(name for name, _ in self.kept)
        comma = "," if len(self.kept) == 1 else ""
        read = [f"{names}{comma} = {self.residuals}"] if names else []
        again = [line for _, line in sorted(self.sliced.lines.items())]
        lines = [*read, *unpacked, *again, "", *parts.reading, "", self._result()]
        return method(head, lines)

    def _cotangents(self) -> tuple[str, list[str]]:
        """The name of what comes in, and a line that takes it apart where the function has several results."""
        parts = self.parts
        if not parts.function.returns_tuple:
            return (parts.seeds or ["_"])[0], []
        names = dict(zip(parts.seeded, parts.seeds, strict=True))
        found = [names.get(output) or parts.names.fresh("_") for output in parts.outputs]  # fmt: skip
        whole = parts.names.underscored("cotangents")
        comma = "," if len(found) == 1 else ""
        return whole, [f"{', '.join(found)}{comma} = {whole}"]

    def _result(self) -> str:
        """One for each argument that may be an array."""
        gradients = dict(zip(self.parts.wrt, self.parts.read_gradients, strict=True))
        names = [a.name for a in self.given if a not in self.settings]
        found = [gradients.get(name, "None") for name in names]
        return (
            f"return {found[0]}," if len(found) == 1 else f"return {', '.join(found)}"
        )


class _Slice:
    """The lines of the forward that give some of its values, from its parameters alone."""

    def __init__(self, parts: Parts, params: set[str]):
        self.parts, self.params = parts, params  # those that are never assigned
        self.own_params = {*parts.function.params}
        self.lines: dict[int, str] = {}  # by number
        self.read: set[str] = set()  # parameters that they read
        body = ast.parse("\n".join(parts.forward)).body
        simple = [s for s in body if isinstance(s, ast.Assign)]
        self.made = {name: s for s in simple for name in stored(s)}
        counts = Counter(n for s in body for n in stored(s))
        self.twice = {name for name, count in counts.items() if count > 1}
        self.own = parts.bound | counts.keys()

    def add(self, name: str) -> bool:
        """Whether it can be had by such lines, which are then among `lines`."""
        found: dict[int, ast.Assign] = {}
        read: set[str] = set()
        if not self._collect(name, found, read):
            return False
        self.read |= read
        for number, statement in found.items():
            end = statement.end_lineno or number
            self.lines[number] = "\n".join(self.parts.forward[number - 1 : end])
        return True

    def _collect(self, name: str, found: dict[int, ast.Assign], read: set[str]) -> bool:
        if name in self.params:
            read.add(name)
            return True
        statement = self.made.get(name)
        if statement is None:
            return name not in self.own
        if any(n in self.twice or n in self.own_params for n in stored(statement)):
            return False
        if statement.lineno in found:
            return True
        found[statement.lineno] = statement
        loads = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}  # fmt: skip
        return all(self._collect(n, found, read) for n in sorted(loads))
