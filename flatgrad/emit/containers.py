"""Lists, dicts and trees of cotangents: the expressions that make them, and the statements that change them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flatgrad.emit.helpers import HELPERS
from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.graph import Atom, Eqn, Lit, Var

if TYPE_CHECKING:
    from flatgrad.emit.expressions import Dialect, Read
    from flatgrad.emit.lines import Line, Lines

CONTAINERS = ("list", "dict", "tree")
MAY_HOLD = (*CONTAINERS, "tuple")
UPDATES = {"list_append", "list_insert", "list_pop", "tree_add"}
STORES = {"setitem", "index_add"}
UNSHARED = {"zeros_like", "index_add", "tree_add", "alias"}


def is_update(eqn: Eqn) -> bool:
    """The equation makes another version of a list, dict or tree."""
    return eqn.op in UPDATES or (eqn.op in STORES and eqn.args[0].type.kind in MAY_HOLD)


# --- statements ------------------------------------------------------------------------------------------------------


def print_update(lines: Lines, number: int, line: Line) -> list[ast.stmt]:
    """xs.append(v), xs[i] += v and the like: into xs itself where nobody else has it, else into a copy."""
    eqn = line.eqn
    base, out = eqn.args[0], eqn.outs[0]
    if base.type.kind == "tree" and lines.dialect.library == "jax.numpy":
        what = "a part of what may be a list or an array has a gradient"
        step = "state its shape with --shape or in the docstring"
        raise FlatgradError(Diagnostic("FG301", what, step))
    name = lines._name(number, out, line.reads - {base})
    nodes: list[ast.stmt] = []
    if base in lines.folded and lines._base(lines.defs[base]) is base:
        nodes.append(ast.Assign([ast.Name(name)], lines.read(base)))
        lines._assign(out, name, out)
    elif lines._may_reuse(number, base, eqn):
        if lines.printed[base] != name:
            nodes.append(ast.Assign([ast.Name(name)], lines.read(base)))
        lines._assign(out, name, base)
    else:
        copy = copied(lines.read(base), base, lines.dialect)
        nodes.append(ast.Assign([ast.Name(name)], copy))
        lines._assign(out, name, out)
    return [*nodes, *_statement(lines, number, eqn, name)]


def copied(text: ast.expr, value: Atom, dialect: Dialect) -> ast.expr:
    """list(xs), dict(d), or x.copy() of what may be an array: others keep what they have."""
    if value.type.kind == "tree":
        return dialect.copied_tree(text)
    kind = "dict" if value.type.kind == "dict" else "list"
    return ast.Call(ast.Name(kind), [text], [])


def _statement(lines: Lines, number: int, eqn: Eqn, name: str) -> list[ast.stmt]:
    read, target = lines.read, ast.Name(name)
    match eqn.op:
        case "list_append":
            return [_call(target, "append", read(eqn.args[1]))]
        case "list_insert":
            return [_call(target, "insert", read(eqn.args[1]), read(eqn.args[2]))]
        case "list_pop":
            return [_popped(lines, number, eqn, target)]
        case "setitem":
            return [
                ast.Assign(
                    [ast.Subscript(target, read(eqn.args[1]))], read(eqn.args[2])
                )
            ]
        case "index_add" if eqn.args[1].type.kind == "slice":
            return [_slice_added(lines, eqn, target)]
        case _:
            return _added(lines, eqn, target)


def _call(target: ast.expr, method: str, *args: ast.expr) -> ast.stmt:
    return ast.Expr(ast.Call(ast.Attribute(target, method), list(args), []))


def _popped(lines: Lines, number: int, eqn: Eqn, target: ast.expr) -> ast.stmt:
    at = eqn.args[1]
    args = [] if at == Lit(-1) else [lines.read(at)]
    taken = ast.Call(ast.Attribute(target, "pop"), args, [])
    item = eqn.outs[1]
    if not lines.uses[item]:
        return ast.Expr(taken)
    shown = lines._shown_as(item)
    if shown is None and lines.uses[item] == 1:
        name = lines.names.fresh(f"{lines.prefix}item")
        lines.once.add(name)
    else:
        name = (
            lines._name(number, item)
            if shown is not None
            else lines.names.fresh(f"{lines.prefix}item")
        )
    lines._assign(item, name, Lit(None))
    return ast.Assign([ast.Name(name)], taken)


def _added(lines: Lines, eqn: Eqn, target: ast.expr) -> list[ast.stmt]:
    """xs[i] += v, or xs[i] = xs[i] + v where others may have the array xs[i]."""
    *path, value = eqn.args[1:]
    unshared = is_unshared(lines, eqn.outs[0])
    own: list[ast.stmt] = []  # xs[i] = xs[i].copy(), before something is put into it
    place: Any = target
    for step in path:
        if place is not target and not unshared:
            own.append(ast.Assign([place], lines.dialect.copied_tree(place)))
        place = ast.Subscript(place, lines.read(step))
    if value.type.kind in MAY_HOLD:
        summed = ast.Call(
            lines.dialect.helper("add_trees"), [place, lines.read(value)], []
        )
        return [*own, ast.Assign([place], summed)]
    operator, amount = lines._signed(value)
    if unshared or value.type.shape.is_scalar:
        return [*own, ast.AugAssign(place, operator, amount)]
    return [*own, ast.Assign([place], ast.BinOp(place, operator, amount))]


def _slice_added(lines: Lines, eqn: Eqn, target: ast.expr) -> ast.stmt:
    place = ast.Subscript(target, lines.read(eqn.args[1]))
    added = ast.Call(
        lines.dialect.helper("add_items"), [place, lines.read(eqn.args[2])], []
    )
    return ast.Assign([place], added)


def is_unshared(lines: Lines, value: Atom) -> bool:
    """The arrays within a tree of cotangents are nobody else's: it was made of zeros, and only added to."""
    top = lines
    while top.outer is not None:
        top = top.outer
    if top.unshared is None:
        top.unshared = _unshared(top.eqns)
    return value in top.unshared


def _unshared(eqns: Iterable[Eqn]) -> set[Atom]:
    """Trees of which every version is zeros with something added, and of which nothing is taken out."""
    groups: dict[Atom, Atom] = {}
    bad: set[Atom] = set()

    def root(v: Atom) -> Atom:
        while groups.setdefault(v, v) is not v:
            v = groups[v]
        return v

    def walk(eqns: Iterable[Eqn]) -> None:
        for eqn in eqns:
            for block in eqn.blocks:
                walk(block.eqns)
                carried = block.outs[1:] if block.params else block.outs
                outs = eqn.outs[1:] if block.params else eqn.outs
                for values in zip(outs, carried, strict=False):
                    groups[root(values[0])] = root(values[1])
                if block.params:
                    for values in zip(block.params[1:], eqn.args[1:], strict=False):
                        groups[root(values[0])] = root(values[1])
            if eqn.blocks:
                continue
            if eqn.op in UNSHARED - {"zeros_like"}:
                groups[root(eqn.outs[0])] = root(eqn.args[0])
                bad.update(a for a in eqn.args[1:] if a.type.kind in MAY_HOLD)
                continue
            if eqn.op != "zeros_like":
                bad.update(eqn.outs)
                bad.update(a for a in eqn.args if a.type.kind in MAY_HOLD)
                bad.update(eqn.args[:1] if eqn.op in ("getitem", "list_pop") else ())

    walk(eqns)
    spoiled = {root(v) for v in bad}
    made: set[Atom] = {
        v for v in list(groups) if isinstance(v, Var) and root(v) not in spoiled
    }
    return made


def inlined_pops(nodes: Sequence[Any], once: set[str]) -> list[Any]:
    """grad_item = grad_hs.pop(); grad_h += grad_item  ->  grad_h += grad_hs.pop()"""
    found: list[Any] = []
    for node in nodes:
        before = found[-1] if found else None
        match before:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Attribute(value=xs, attr="pop")) as value,
            ) if name in once and isinstance(node, ast.stmt):
                names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
                assert isinstance(xs, ast.Name)
                repeated = _read_for_each_item(node)
                if (
                    names.count(name) == 1
                    and xs.id not in names
                    and name not in repeated
                ):
                    found[-1] = _Replaced(name, value).visit(node)
                    continue
            case _:
                pass
        found.append(node)
    return found


def _read_for_each_item(node: ast.AST) -> set[str]:
    """Names within comprehensions: what stands there is computed more than once."""
    comprehensions = (ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.SetComp)
    within = (n for n in ast.walk(node) if isinstance(n, comprehensions))
    return {n.id for c in within for n in ast.walk(c) if isinstance(n, ast.Name)}


class _Replaced(ast.NodeTransformer):
    def __init__(self, name: str, value: ast.expr):
        self.name, self.value = name, value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.value if node.id == self.name else node


# --- expressions -----------------------------------------------------------------------------------------------------


def expression(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr | None:
    """The text of an operation on lists and dicts; None of other operations."""
    match eqn.op:
        case "zeros_like" if eqn.args[0].type.kind in MAY_HOLD:
            return _zeros(dialect, read(eqn.args[0]), eqn.args[0])
        case "add_trees":
            return ast.Call(
                dialect.helper("add_trees"), [read(a) for a in eqn.args], []
            )
        case "list_concat":
            return ast.BinOp(read(eqn.args[0]), ast.Add(), read(eqn.args[1]))
        case "list_repeat":
            return ast.BinOp(read(eqn.args[0]), ast.Mult(), read(eqn.args[1]))
        case "list_copy":
            return ast.Call(
                ast.Name(eqn.attrs.get("kind", "list")), [read(eqn.args[0])], []
            )
        case "dict_copy":
            return ast.Call(ast.Name("dict"), [read(eqn.args[0])], [])
        case "dict":
            return ast.Dict(
                [ast.Constant(k) for k in eqn.attrs["keys"]],
                [read(a) for a in eqn.args],
            )
        case "unstack":
            return ast.Call(
                ast.Name("list"),
                [_first_axis(dialect, read(eqn.args[0]), eqn.attrs.get("axis", 0))],
                [],
            )
        case "list_filled":
            return ast.BinOp(
                ast.List([read(eqn.args[0])]), ast.Mult(), read(eqn.args[1])
            )
        case "dict_values":
            return ast.Call(
                ast.Name("list"),
                [ast.Call(ast.Attribute(read(eqn.args[0]), "values"), [], [])],
                [],
            )
        case op if dialect.plain and op in OF_NUMBERS:
            return _template(dialect, read, eqn, OF_NUMBERS[op])
        case op if op in TEMPLATES:
            return _template(dialect, read, eqn, TEMPLATES[op])
        case _:
            return _array(dialect, read, eqn)


def _zeros(dialect: Dialect, text: ast.expr, value: Atom) -> ast.expr:
    """[0.0] * len(xs) where the items are known to be numbers."""
    if value.type.shape.parts.get("numbers"):
        return ast.BinOp(
            ast.List([ast.Constant(0.0)]),
            ast.Mult(),
            ast.Call(ast.Name("len"), [text], []),
        )
    return ast.Call(
        dialect.helper("zeros_like_lists" if dialect.plain else "zeros_like_tree"),
        [text],
        [],
    )


def _first_axis(dialect: Dialect, array: ast.expr, axis: Any) -> ast.expr:
    if axis == 0:
        return array
    places = ast.Constant(axis), ast.Constant(0)
    return dialect.library_call("moveaxis", array, *places)


# With the arguments as a, b; np is the library.
TEMPLATES = {
    "unzip": "list(map(list, zip(*a)))",
    "list_fold": "[sum(a[i::len(b)]) for i in range(len(b))]",
    "list_order": "sorted(range(len(a)), key=a.__getitem__)",
    "list_taken": "[a[i] for i in b]",
    "list_unsort": "[a[b.index(i)] for i in range(len(b))]",
    "list_index": "list(a).index(b)",
    "list_fitted": "[unbroadcast(a, item) for item in b]",
    "dict_filled": "dict.fromkeys(b, a)",
    "dict_fitted": "{key: unbroadcast(a, value) for key, value in b.items()}",
    "dict_zipped": "dict(zip(a, b))",
    "dict_without": "{key: zeros_like_tree(value) if key in b else a[key] for key, value in c.items()}",
    "dict_cleared": "{key: zeros_like_tree(value) if key == b else a[key] for key, value in c.items()}",
    "dict_fresh": "0.0 if b in c else a[b]",
    "dict_update": "{**a, **b}",
    "dict_setdefault": "{b: c, **a}",
    "dict_restricted": "{k: a[k] for k in b}",
    "max_list": "max(a)",
    "min_list": "min(a)",
    "sum_list": "sum(a)",
}
# Where the file imports no library of arrays.
OF_NUMBERS = {"list_fitted": "[a] * len(b)", "dict_fitted": "dict.fromkeys(b, a)"}
OF_NUMBERS |= {
    op: TEMPLATES[op].replace("zeros_like_tree", "zeros_like_lists")
    for op in ("dict_without", "dict_cleared")
}
SPLITS = {
    "concatenate": "np.split(a, np.cumsum([np.shape(x)[AXIS] for x in b])[:-1], axis=AXIS)",
    "vstack": "np.split(a, np.cumsum([len(np.atleast_2d(x)) for x in b])[:-1])",
    "hstack": "np.split(a, np.cumsum([np.atleast_1d(x).shape[min(1, np.ndim(a) - 1)] for x in b])[:-1], axis=min(1, np.ndim(a) - 1))",
    "column_stack": "np.split(a, np.cumsum([np.size(x) // len(x) for x in b])[:-1], axis=1)",
}
SPLITS["row_stack"] = SPLITS["vstack"]
SPLITS_OF_TENSORS = {
    "concatenate": "list(torch.split(a, [x.shape[AXIS] for x in b], dim=AXIS))",
    "vstack": "list(torch.split(a, [len(torch.atleast_2d(x)) for x in b]))",
    "hstack": "list(torch.split(a, [torch.atleast_1d(x).shape[min(1, a.dim() - 1)] for x in b], dim=min(1, a.dim() - 1)))",
    "column_stack": "list(torch.split(a, [x.numel() // len(x) for x in b], dim=1))",
}
SPLITS_OF_TENSORS["row_stack"] = SPLITS_OF_TENSORS["vstack"]
RESHAPED = "[part.reshape(np.shape(x)) for part, x in zip(PARTS, b)]"


def _array(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr | None:
    match eqn.op:
        case "stack_list":
            axis = eqn.attrs.get("axis", 0)
            name, items = "stack" if axis else "array", read(eqn.args[0])
            return dialect.library_call(name, items, axis=axis or None)
        case "join_list":
            axis = eqn.attrs.get("axis", 0)
            items = read(eqn.args[0])
            return dialect.library_call(eqn.attrs["way"], items, axis=axis or None)
        case "parts_like":
            return _parts(dialect, read, eqn)
        case _:
            return None


def _parts(dialect: Dialect, read: Read, eqn: Eqn) -> ast.expr:
    way, axis = eqn.attrs.get("way", "concatenate"), eqn.attrs.get("axis", 0)
    tensors = dialect.library == "torch"
    text = SPLITS_OF_TENSORS[way] if tensors else SPLITS[way]
    first = ", dim=AXIS" if tensors else ", axis=AXIS"
    text = text.replace(first if axis == 0 else "\0", "").replace("AXIS", str(axis))
    whole = text if way == "concatenate" else RESHAPED.replace("PARTS", text)
    if tensors:
        whole = whole.replace("np.shape(x)", "x.shape")
    return _template(dialect, read, eqn, whole)


def _template(dialect: Dialect, read: Read, eqn: Eqn, text: str) -> ast.expr:
    tree = ast.parse(text, mode="eval").body
    values = {name: read(arg) for name, arg in zip("abc", eqn.args, strict=False)}
    if eqn.op == "list_order" and eqn.attrs.get("reverse"):
        assert isinstance(tree, ast.Call)
        tree.keywords.append(ast.keyword("reverse", ast.Constant(True)))
    if "np." in text:
        values["np"] = dialect.name("numpy")
    if "torch." in text:
        values["torch"] = dialect.name("torch")
    values |= {name: dialect.helper(name) for name in HELPERS if f"{name}(" in text}
    filled: ast.expr = _Filled(_bound(tree, values) | values).visit(tree)
    return filled


def _bound(tree: ast.expr, values: dict[str, ast.expr]) -> dict[str, ast.expr]:
    """The variables of a comprehension: others, where what is filled in reads such names."""
    read = {
        n.id for v in values.values() for n in ast.walk(v) if isinstance(n, ast.Name)
    }
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
    bound = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return {name: ast.Name(f"{name}_") for name in bound & read}


class _Filled(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)
