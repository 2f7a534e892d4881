"""A function as homework has it -> the same function without what its backward is not about.

In: the node of a function that returns `out, cache`, or `loss, dx` with `dx` left to be written. Out: the node
without such results and the lines that only begin them; of a cache that one branch alone makes, that branch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Any

import libcst as cst

from flatgrad.frontend.module import names_in, nodes_in, parameters_of
from flatgrad.frontend.pairs import is_cache
from flatgrad.frontend.scope import Function
from flatgrad.graph import Var


def stub_results(function: cst.FunctionDef) -> dict[str, str]:
    """The results that are left to be written, `return loss, dx`, each with the parameter it is the gradient of.

    That is "" where no name tells, as of `grads = {}`.
    """
    params = [p.name.value for p in parameters_of(function)]
    found = {}
    for name in _later_results(function):
        if _is_stub(function, name):
            shaped = [
                like for v in _assigned(function, name) if (like := _zeros_like(v))
            ]
            found[name] = shaped[0] if shaped else _parameter_of(name, params)
    return found


def told_wrt(function: cst.FunctionDef) -> tuple[str, ...]:
    """The parameters that the results which are left to be written are gradients of; none where one does not tell."""
    found = tuple(stub_results(function).values())
    return found if all(found) else ()


LOSS = re.compile(r"(^|_)(loss|cost|objective|nll|error)$|^[JL]$", re.IGNORECASE)


def is_unfinished_loss(function: cst.FunctionDef) -> bool:
    """`return loss, dW` where dW is left to be written: the one other result is called a loss, and is a number."""
    others = {*stub_results(function)}
    match _last(function):
        case cst.Return(value=cst.Tuple(elements=[first, *later])) if others:
            named = isinstance(first.value, cst.Name) and LOSS.search(first.value.value)
            return bool(named) and all(isinstance(e.value, cst.Name) and e.value.value in others for e in later)  # fmt: skip
        case _:
            return False


def without_stubs(function: cst.FunctionDef) -> cst.FunctionDef:
    """`loss, dx = None, None` ... `return loss, dx`  ->  `loss = None` ... `return loss`"""
    names = stub_results(function)
    found = _without(function, {*names, "None"})
    return _without_tasks(found) if names else found


def without_cache(function: cst.FunctionDef) -> cst.FunctionDef:
    """`cache = (x, w)` ... `return out, cache`  ->  `return out`: the cache is ours to choose."""
    function = without_stubs(function)
    names = [
        n
        for n in _later_results(function)
        if is_cache(n) and _is_for_return(function, n)
    ]
    return _without(function, set(names), displays=True)


def where_cached(function: cst.FunctionDef) -> cst.FunctionDef:
    """Of `if mode == "train": ... cache = (x, w)`, and None elsewhere, the branch that makes the cache."""
    function = without_stubs(function)
    body = function.body
    names = [n for n in _later_results(function) if is_cache(n)]
    if not names or not isinstance(body, cst.IndentedBlock):
        return function
    lines = [inner for line in body.body for inner in _only_branch(line, names[-1])]
    if len(_makings(lines, names[-1])) != len(_makings(body.body, names[-1])):
        return function
    same = len(lines) == len(body.body) and all(
        map(lambda a, b: a is b, lines, body.body)
    )
    return (
        function if same else function.with_changes(body=body.with_changes(body=lines))
    )


# --- results -------------------------------------------------------------------------------------------------------


def _later_results(function: cst.FunctionDef) -> list[str]:
    """The names after the first one that the last line returns."""
    match _last(function):
        case cst.Return(value=cst.Tuple(elements=elements)):
            values = [element.value for element in elements[1:]]
            return [v.value for v in values if isinstance(v, cst.Name)]
        case _:
            return []


def _last(function: cst.FunctionDef) -> cst.Return | None:
    """The return at the end."""
    match getattr(function.body, "body", [None])[-1]:
        case cst.SimpleStatementLine(body=[*_, cst.Return() as last]):
            return last
        case _:
            return None


def _is_stub(function: cst.FunctionDef, name: str) -> bool:
    """The name is given nothing but None, {} or zeros in the shape of a parameter, and is returned."""
    values = _assigned(function, name)
    params = {p.name.value for p in parameters_of(function)}
    return (
        bool(values)
        and all(_is_nothing(v) or _zeros_like(v) in params for v in values)
        and _is_for_return(function, name)
    )


def _parameter_of(result: str, params: Sequence[str]) -> str:
    """W, of dW and grad_W"""
    wanted = [f"{prefix}{p}" for prefix in ("d", "d_", "grad_") for p in params]
    return result.removeprefix("grad_").removeprefix("d").removeprefix("_") if result in wanted else ""  # fmt: skip


def _zeros_like(value: Any) -> str:
    """W, of np.zeros_like(W) and np.zeros(W.shape)"""
    match value:
        case cst.Call(
            func=cst.Attribute(attr=cst.Name(value="zeros_like")),
            args=[cst.Arg(value=cst.Name(value=name), keyword=None)],
        ):
            return name
        case cst.Call(
            func=cst.Attribute(attr=cst.Name(value="zeros")),
            args=[cst.Arg(value=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="shape")), keyword=None)],
        ):  # fmt: skip
            return name
        case _:
            return ""


def _is_nothing(value: Any) -> bool:
    match value:
        case cst.Name(value="None") | cst.Dict(elements=[]):
            return True
        case cst.Call(func=cst.Name(value="dict"), args=[]):
            return True
        case _:
            return False


def _assigned(function: cst.FunctionDef, name: str) -> list[Any]:
    """What each statement gives to the name, where it can be told; the statement itself where not."""
    return [v for n in nodes_in(function.body) if isinstance(n, cst.Assign | cst.AugAssign | cst.AnnAssign)
            for v in _given(n, name)]  # fmt: skip


def _given(node: Any, name: str) -> list[Any]:
    match node:
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Name(value=found))], value=value
        ):
            return [value] if found == name else []
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Tuple(elements=left))],
            value=cst.Tuple(elements=right),
        ) if len(left) == len(right):
            pairs = zip(left, right, strict=True)
            return [
                r.value
                for t, r in pairs
                if isinstance(t.value, cst.Name) and t.value.value == name
            ]
        case _:
            targets = getattr(node, "targets", None) or [node]
            names = {n.value for t in targets for n in names_in(t.target)}
            return [node] if name in names else []


def _is_for_return(function: cst.FunctionDef, name: str) -> bool:
    """Nothing reads the name but the last line."""
    places = [n for n in names_in(function.body) if n.value == name]
    return len(places) == len(_plain_targets(function, name)) + 1


def _plain_targets(function: cst.FunctionDef, name: str) -> list[cst.Name]:
    found: list[cst.Name] = []
    for node in nodes_in(function.body):
        if isinstance(node, cst.Assign):
            for target in node.targets:
                parts = (
                    [e.value for e in target.target.elements]
                    if isinstance(target.target, cst.Tuple)
                    else [target.target]
                )
                found += [
                    p for p in parts if isinstance(p, cst.Name) and p.value == name
                ]
    return found


class _Without(cst.CSTTransformer):
    """Leaves names out of results and assignments."""

    def __init__(
        self,
        names: Set[str],
        last: cst.Return,
        handed: Set[str] | None,
        early: bool,
    ):
        """`early`: the function returns something else before, so that this return keeps its length."""
        super().__init__()
        self.early = early
        self.names, self.last, self.handed = names, last, handed

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return any(n is self.last for n in nodes_in(node))

    def leave_Return(self, original_node: cst.Return, updated_node: cst.Return) -> Any:
        match updated_node.value:
            case cst.Tuple() as value if original_node is self.last:
                return updated_node.with_changes(value=self.fewer(value))
            case _:
                return updated_node

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> Any:
        match updated_node:
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Name(value=name))]
            ) if (name in self.names):
                return cst.RemoveFromParent()
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Tuple(elements=left) as target)],
                value=cst.Tuple(elements=right) as value,
            ) if len(left) == len(right) and any(map(self._is_one, left)):
                kept = [i for i, e in enumerate(left) if not self._is_one(e)]
                if not kept:
                    return cst.RemoveFromParent()
                first = updated_node.targets[0].with_changes(
                    target=_chosen(target, kept)
                )
                return updated_node.with_changes(
                    targets=[first], value=_chosen(value, kept)
                )
            case _:
                return updated_node

    def _is_one(self, element: Any) -> bool:
        return isinstance(element.value, cst.Name) and element.value.value in self.names

    def _is_put_together(self, element: Any) -> bool:
        """return out, (x, w, b)  and  return out, x"""
        if self.handed is None:
            return False
        value = element.value
        named = isinstance(value, cst.Name) and value.value in self.handed
        return named or isinstance(value, cst.Tuple | cst.Dict)

    def fewer(self, value: cst.Tuple) -> Any:
        last = len(value.elements) - 1
        kept = [
            i for i, e in enumerate(value.elements)
            if not (i and (self._is_one(e) or (i == last and self._is_put_together(e))))
        ]  # fmt: skip
        if len(kept) == len(value.elements):
            return value
        if self.early:
            nothing = cst.Name("None")
            elements = [
                e if i in kept else e.with_changes(value=nothing)
                for i, e in enumerate(value.elements)
            ]
            return value.with_changes(elements=elements)
        return _chosen(value, kept)


TASK = re.compile(r"#.*\b(TODO|(START|BEGIN|END) OF YOUR CODE|Replace .* with your)\b")


def _without_tasks(function: cst.FunctionDef) -> cst.FunctionDef:
    """Without the comments that ask for the gradient, and the `pass` between them, at the end of the function."""
    body = function.body
    if not isinstance(body, cst.IndentedBlock):
        return function
    lines: list[Any] = [*body.body]
    last = lines.pop()
    asked = [*last.leading_lines]
    while lines and _is_pass(lines[-1]):
        asked += lines.pop().leading_lines
    if any(x.comment is not None and TASK.search(x.comment.value) for x in asked):
        last = last.with_changes(leading_lines=[])
    return function.with_changes(body=body.with_changes(body=[*lines, last], footer=()))


def _is_pass(line: Any) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and all(
        isinstance(part, cst.Pass) for part in line.body
    )


def _chosen(value: cst.Tuple, kept: list[int]) -> Any:
    """The items at these places: a tuple of them, or the one that it is."""
    if len(kept) == 1:
        return value.elements[kept[0]].value
    elements = [
        value.elements[i].with_changes(comma=cst.MaybeSentinel.DEFAULT) for i in kept
    ]
    return value.with_changes(elements=elements)


def _without(
    function: cst.FunctionDef, names: Set[str], displays: bool = False
) -> cst.FunctionDef:
    """`displays`: and without a cache that is put together where it is returned."""
    last = _last(function)
    if last is None:
        return function
    params = {p.name.value for p in parameters_of(function)} if displays else None
    early = sum(isinstance(n, cst.Return) for n in nodes_in(function.body)) > 1
    change = _Without(names, last, params, early)
    if not isinstance(last.value, cst.Tuple) or change.fewer(last.value) is last.value:
        return function
    found = function.visit(change)
    assert isinstance(found, cst.FunctionDef)
    return found


# --- cotangents ----------------------------------------------------------------------------------------------------


def without_cotangents(function: Function) -> list[Var | None]:
    """The seeds of the results, but for a cache: the last of several, by its name or since it is handed through."""
    seeds = list(function.seeds)
    for i, (name, out) in enumerate(
        zip(function.outputs, function.block.outs, strict=True)
    ):
        handed = out in function.params.values() or out.type.kind in ("list", "tree")
        if i > 0 and (is_cache(name) or (i == len(seeds) - 1 and handed)):
            seeds[i] = None
    return seeds


def is_loss(function: Function) -> bool:
    """One result has a cotangent, and it is a number."""
    outs = zip(function.seeds, function.block.outs, strict=True)
    seeded = [out for seed, out in outs if seed is not None]
    return len(seeded) == 1 and seeded[0].type.shape.is_scalar


def from_one(function: Function, wrt: Sequence[Var]) -> bool:
    """The cotangent of a loss is 1, and is not written out; the gradient of a number of torch would be no tensor."""
    plain = function.module.library != "torch" or all(
        p.type.rank or p.type.kind == "dict" for p in wrt
    )
    return is_loss(function) and plain


# --- branches ------------------------------------------------------------------------------------------------------


def _only_branch(line: Any, name: str) -> list[Any]:
    """The lines of the one branch that makes the cache; the line itself where there is none such."""
    if not isinstance(line, cst.If) or not _makings([line], name):
        return [line]
    ways = _ways(line)
    making = [way for way in ways if _makings(way, name)]
    if len(making) != 1:
        return [line]
    first, *rest = making[0]
    return [
        first.with_changes(leading_lines=[*line.leading_lines, *first.leading_lines]),
        *rest,
    ]


def _ways(line: cst.If) -> list[list[Any]]:
    found: list[list[Any]] = []
    way: Any = line
    while isinstance(way, cst.If):
        found.append(
            [*way.body.body] if isinstance(way.body, cst.IndentedBlock) else []
        )
        way = way.orelse
    return [*found, [*way.body.body]] if isinstance(way, cst.Else) else [*found, []]


def _makings(lines: Any, name: str) -> list[Any]:
    """The assignments that give the name anything but None."""
    values = [v for line in lines for n in nodes_in(line) if isinstance(n, cst.Assign | cst.AugAssign | cst.AnnAssign)
              for v in _given(n, name)]  # fmt: skip
    return [v for v in values if not _is_nothing(v)]
