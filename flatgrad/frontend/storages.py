"""Which values lie in one array, and what a write into it changes.

In: equations and names as they are read. Out: which names follow a write, which become stale, and which values
are destroyed by it. Only operations that surely allocate give an array of their own; whatever else is
computed may share the array of each of its arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flatgrad.frontend.scope import Choice, Frame, Refusal, Stale, Struct, Value
from flatgrad.graph import Atom, Eqn, Lit, Statement, Var
from flatgrad.registry import RULES, Kind
from flatgrad.shapes import is_basic_index
from flatgrad.types import same_shape

# Operations besides the elementwise and multilinear ones whose results are always new arrays.
ALLOCATING = {
    "sum", "mean", "prod", "max", "min", "var", "std", "ptp", "median", "cumsum", "cumprod", "logsumexp", "softmax",
    "log_softmax", "norm", "inv", "solve", "det", "slogdet", "cholesky", "eigh", "svd", "qr", "pinv", "concatenate",
    "stack", "vstack", "hstack", "column_stack", "tile", "repeat", "pad", "copy", "where", "clip", "sort", "take",
    "roll", "full", "full_like", "tril", "triu", "flatten", "append", "relu", "sigmoid", "zeros_like", "trace",
    "take_along_axis", "item", "stack_list", "join_list", "sum_list", "root", "integral", "ode",
    "solve_triangular", "solve_banded", "solveh_banded", "cho_solve", "lu_solve", "solve_assuming", "solve_toeplitz",
    "solve_circulant", "expm", "logm", "sqrtm", "solve_sylvester", "scipy_cholesky", "cho_factor", "lu_factor",
    "scipy_eigh", "generalized_eigh", "scipy_qr", "toeplitz", "block_diag", "lfilter", "gaussian_filter",
    "uniform_filter", "pdist", "cdist", "simpson", "matmul_grad_left", "matmul_grad_right", "dot_grad_left",
    "dot_grad_right", "inner_grad_left", "inner_grad_right",
}  # fmt: skip
HOLDING = {
    "tuple",
    "external",
    "constant_array",
}  # without derivative, but they may hold an array
STORES = {"setitem", "index_add"}
CREATING = {
    "zeros",
    "ones",
    "empty",
    "full",
    "zeros_like",
    "ones_like",
    "empty_like",
    "full_like",
    "copy",
    "stack",
}
INTEGERS = {"int", "bool", "arange", "str", "none", "slice"}
FILLED = {
    "eye",
    "linspace",
    "identity",
    "tri",
    "sign",
    "floor",
    "ceil",
    "round",
    "trunc",
    "rint",
    *CREATING,
}
CONTAINERS = ("list", "dict")
# Operations that make a list or a dict, or another version of one; and those that give what lies in one.
MAKING = {"tuple", "dict", "list_filled", "unzip"}
ADDING = {"list_append", "list_insert", "setitem", "dict_setdefault"}
COPYING = {
    "list_concat",
    "list_repeat",
    "list_copy",
    "list_sort",
    "list_drop",
    "dict_copy",
    "dict_update",
    "dict_values",
}
TAKING = {"getitem", "list_pop", "dict_get"}
SHARING = {"einsum", "pos"}  # would allocate by their kind, but need not


def is_sliced(eqn: Eqn) -> bool:
    """x[1:], x[:, k] and x[None] are arrays, whatever the rank of x."""
    if eqn.op != "getitem" or eqn.args[0].type.kind in ("list", "tuple", "str"):
        return False
    parts = (
        eqn.args[1].type.items
        if eqn.args[1].type.kind == "tuple"
        else (eqn.args[1].type,)
    )
    return any(part.kind in ("slice", "none") for part in parts or ())


def shows_element(eqn: Eqn) -> bool:
    """x[0, ...] is no number but an array of rank 0 that shows an element."""
    if eqn.op != "getitem" or not isinstance(eqn.args[1], Lit):
        return False
    index = eqn.args[1].value
    return any(
        part is ... for part in (index if isinstance(index, tuple) else (index,))
    )


def _is_cut(eqn: Eqn) -> bool:
    """xs[1:] of a list is a list of some of its items."""
    return len(eqn.args) > 1 and eqn.args[1].type.kind == "slice"


def _factors(eqn: Eqn) -> list[Atom]:
    return [a for a in eqn.args if a.type.kind != "str"]


def allocates(eqn: Eqn) -> bool:
    """The results of `eqn` surely lie in arrays that nothing else shows."""
    if eqn.op == "einsum" and len(_factors(eqn)) > 1:
        return True  # of one array it may be a view, a product is new
    if eqn.op in SHARING or eqn.op in HOLDING:
        return False
    if eqn.op == "getitem":
        return is_basic_index(eqn.args[1]) is False
    if eqn.op == "unbroadcast":
        return (
            eqn.dialect != "torch"
        )  # np.sum is a new array also where nothing is summed
    rule = RULES.get(eqn.op)
    if rule is None:
        return False
    if rule.kind is Kind.CONSTANT:
        integers = all(out.type.kind in INTEGERS for out in eqn.outs)
        return integers or eqn.op in FILLED or eqn.op.startswith("random")
    return eqn.op in ALLOCATING or rule.kind in (Kind.ELEMENTWISE, Kind.MULTILINEAR)


# What gives integers of which it is known that no two of them are equal, or that they are places of a mask.
POSITIONS = {
    "argsort",
    "flatnonzero",
    "nonzero",
    "unique",
    "triu_indices",
    "tril_indices",
    "diag_indices",
    "ix_",
}
VIEWS = {
    "alias",
    "transpose",
    "matrix_transpose",
    "swapaxes",
    "moveaxis",
    "expand_dims",
    "squeeze",
}
IN_ROWS = {
    "zeros",
    "ones",
    "empty",
    "full",
    "eye",
    "linspace",
    "arange",
    "constant_array",
    "matmul",
}


def is_view(eqn: Eqn, rows: Collection[Atom]) -> bool:
    """The result surely shows its first argument, in a way that can be undone."""
    if eqn.args[0].type.kind in ("list", "tuple", "dict", "str"):
        return eqn.op == "alias"
    if eqn.op == "getitem":
        return is_basic_index(eqn.args[1]) is True and not _is_key(eqn.args[1])
    return eqn.op in VIEWS or _reads_rows(eqn, rows)


def _reads_rows(eqn: Eqn, rows: Collection[Atom]) -> bool:
    """reshape or ravel of what lies row by row, in that order."""
    by_rows = eqn.attrs.get("order", "C") == "C"
    return eqn.op in ("reshape", "ravel") and by_rows and eqn.args[0] in rows


def _is_key(index: Atom) -> bool:
    return isinstance(index, Lit) and isinstance(index.value, str)


def is_in_rows(eqn: Eqn, rows: Collection[Atom]) -> bool:
    """The elements of the result surely lie one after the other, so that reshape and ravel show them."""
    if eqn.op in STORES or _reads_rows(eqn, rows):
        return eqn.args[0] in rows
    if eqn.op == "alias":
        return eqn.args[0] in rows
    if eqn.op in IN_ROWS or (eqn.op == "copy" and eqn.dialect == "method"):
        return "order" not in eqn.attrs
    if allocates(eqn) and eqn.outs[0].type.rank == 1:
        return True
    rule = RULES.get(eqn.op)
    arrays = [a for a in eqn.args if not a.type.shape.is_scalar]
    plain = rule is not None and rule.kind is Kind.ELEMENTWISE and bool(arrays)
    return plain and all(
        a in rows and same_shape(a.type.shape, eqn.out.type.shape) for a in arrays
    )


@dataclass(eq=False)
class Storages:
    """A storage is known by the first value seen in it; values that may share one are joined."""

    parent: dict[Var, Var] = field(default_factory=dict)
    shown: dict[Var, list[Var]] = field(
        default_factory=dict
    )  # values in a storage that are intact
    near: dict[Var, Var] = field(
        default_factory=dict
    )  # what may share an array at one time, as `parent`
    # What surely is a view: of which value, and by which equation.
    views: dict[Var, tuple[Var, Eqn]] = field(default_factory=dict)
    # What is a view unless it is a number: x[i] where the rank of x is not known.
    unsure: dict[Var, tuple[Var, Eqn]] = field(default_factory=dict)
    rows: set[Var] = field(
        default_factory=set
    )  # arrays whose elements lie one after the other
    destroyed: dict[Var, Statement] = field(default_factory=dict)
    holders: dict[Var, dict[tuple[int, str], tuple[Frame, str]]] = field(
        default_factory=dict
    )
    arrays: set[Var] = field(
        default_factory=set
    )  # values that are arrays whatever their rank
    names: dict[Var, set[str]] = field(
        default_factory=dict
    )  # under which a storage has ever been known
    indices: dict[Var, Eqn] = field(
        default_factory=dict
    )  # integers that were made as positions, and how
    targets: list[Var] = field(default_factory=list)  # what has been written into
    content: dict[Var, Var] = field(
        default_factory=dict
    )  # of lists and dicts: where their items lie

    put: set[Var] = field(
        default_factory=set
    )  # what was made an item of a list or dict

    def root(self, var: Var) -> Var:
        if var not in self.parent:
            self.own(var)
        while (up := self.parent[var]) is not var:
            self.parent[var] = self.parent[up]
            var = up
        return var

    def own(self, var: Var) -> None:
        self.parent[var] = self.near[var] = var
        self.shown[var] = [var]

    def near_root(self, var: Var) -> Var:
        if var not in self.near:
            self.own(var)
        while (up := self.near[var]) is not var:
            self.near[var] = self.near[up]
            var = up
        return var

    def approach(self, a: Var, b: Var) -> None:
        """The two values may share an array."""
        self._join(a, b)
        self.near[self.near_root(a)] = self.near_root(b)

    def may_share(self, a: Var, b: Var) -> bool:
        """The arrays of two values that stand for something at one time may be one."""
        return self.near_root(a) is self.near_root(b)

    def note(self, eqn: Eqn) -> None:
        """The results of an equation get their storages: their own, or those of what they may show."""
        if eqn.op in POSITIONS or (
            eqn.op in ("getitem", "alias") and eqn.args[0] in self.indices
        ):
            self.indices.update(dict.fromkeys(eqn.outs, eqn))
        for out in eqn.outs:
            if out in self.parent:
                continue
            self.own(out)
            if self._note_container(eqn, out):
                continue
            same = eqn.op == "alias" and eqn.args[0] in self.arrays
            same = same or self._turns_an_array(eqn)
            if eqn.op in CREATING or same or shows_element(eqn) or is_sliced(eqn):
                self.arrays.add(out)  # also one of rank 0, which a write changes
            elif out.type.shape.is_scalar:
                continue
            if is_in_rows(eqn, self.rows):
                self.rows.add(out)
            if allocates(eqn):
                continue
            shown = eqn.args[:1] if eqn.op in (*STORES, "getitem") else eqn.reads()
            if eqn.op == "call":
                shown = eqn.attrs["pair"].shown(eqn, out)
            for arg in shown:
                if isinstance(arg, Var) and (
                    arg in self.arrays or not arg.type.shape.is_scalar
                ):
                    self.approach(out, arg)
            base = eqn.args[0] if eqn.args else None
            if isinstance(base, Var) and is_view(eqn, self.rows):
                number = (
                    eqn.op == "getitem"
                    and out.type.rank is None
                    and out not in self.arrays
                )
                (self.unsure if number else self.views)[out] = (base, eqn)

    def _turns_an_array(self, eqn: Eqn) -> bool:
        """What shows all of an array is an array, also where it has one element and no axes."""
        if eqn.op == "alias" or eqn.op not in (*VIEWS, "reshape", "ravel"):
            return False
        array = eqn.args[0]
        return array in self.arrays or bool(array.type.rank)

    # --- lists and dicts: an object of their own, and the objects that lie in it ---------------------------------

    def items_of(self, held: Var) -> Var:
        """The storage of what lies in a list or a dict."""
        root = self.root(held)
        if root not in self.content:
            inside = self.content[root] = Var()
            self.own(inside)
            # The names that it had before it was known to be a list or a dict.
            self.holders.setdefault(inside, {}).update(self.holders.get(root, {}))
        return self.root(self.content[root])

    def item_of(self, held: Var) -> Var:
        """A value that stands for any item: what may share an array with it may be one."""
        self.items_of(held)
        return self.content[self.root(held)]

    def _note_container(self, eqn: Eqn, out: Var) -> bool:
        """The storages of lists, dicts and their items; False where the equation is about something else."""
        base = eqn.args[0] if eqn.args else None
        if eqn.attrs.get("taken") and isinstance(base, Var):
            defaults = [a for a in eqn.args[2:] if isinstance(a, Var)]
            for shown in (self.items_of(base), *defaults):
                self.approach(out, shown)
            return True
        if eqn.op in TAKING and isinstance(base, Var) and base.type.kind in CONTAINERS:
            if out.type.kind in CONTAINERS and (
                out is not eqn.outs[-1] or _is_cut(eqn)
            ):
                self._fill(out, like=[base])
            else:
                self.approach(out, self.items_of(base))
            return True
        if out.type.kind not in CONTAINERS or (
            eqn.op == "tuple" and out.type.kind == "tuple"
        ):
            return False
        if eqn.op in MAKING:
            self._fill(out, items=eqn.args)
        elif eqn.op in ADDING:
            self._fill(out, like=eqn.args[:1], items=eqn.args[1:])
        elif eqn.op in COPYING:
            self._fill(out, like=eqn.args)
        return eqn.op in MAKING | ADDING | COPYING

    def _fill(
        self, made: Var, like: Sequence[Atom] = (), items: Sequence[Atom] = ()
    ) -> None:
        """In `made` lies what lies in the lists `like`, and `items`."""
        for arg in (*like, *items):
            if not isinstance(arg, Var) or (
                arg.type.shape.is_scalar and arg not in self.arrays
            ):
                continue
            inner = arg in like and arg.type.kind in CONTAINERS
            if arg in items:
                self.put.add(arg)
            self.approach(self.items_of(arg) if inner else arg, self.items_of(made))

    def enter(self, param: Var, start: Value, sharing: Iterable[Var]) -> None:
        """An iteration begins with `param`, which is `start` or what an earlier iteration left."""
        self.own(param)
        shown = [v for v in (start, *sharing) if isinstance(v, Var)]
        if isinstance(start, Var) and start in self.arrays:
            self.arrays.add(param)
        self._show(param, shown)

    def meet(self, out: Var, shown: Sequence[Var]) -> None:
        """`out` is one of the values `shown`, depending on the way through."""
        self.own(out)
        if any(v in self.arrays for v in shown):
            self.arrays.add(out)
        self._show(out, shown)

    def _show(self, out: Var, shown: Sequence[Var]) -> None:
        if out.type.shape.is_scalar and out not in self.arrays:
            return
        for value in shown:
            if value in self.arrays or not value.type.shape.is_scalar:
                self._join(out, value)

    def written(self, var: Var) -> bool:
        """Something has been written into the array of `var`, sooner or later."""
        root = self.root(var)
        return any(self.root(v) is root for v in self.targets)

    def copy(self) -> Storages:
        """The same, to go back to."""
        return Storages(
            dict(self.parent),
            {k: [*v] for k, v in self.shown.items()},
            dict(self.near),
            dict(self.views),
            dict(self.unsure),
            set(self.rows),
            dict(self.destroyed),
            {k: dict(v) for k, v in self.holders.items()},
            set(self.arrays),
            {k: set(v) for k, v in self.names.items()},
            dict(self.indices),
            [*self.targets],
            dict(self.content),
            set(self.put),
        )

    def _join(self, a: Var, b: Var) -> None:
        left, right = self.root(a), self.root(b)
        if left is right:
            return
        self.parent[left] = right
        self.shown[right] += self.shown.pop(left)
        self.holders.setdefault(right, {}).update(self.holders.pop(left, {}))
        self.names.setdefault(right, set()).update(self.names.pop(left, set()))
        self._join_content(left, right)

    def _join_content(self, left: Var, right: Var) -> None:
        inside = self.content.pop(left, None)
        if inside is None:
            return
        if right in self.content:
            self.approach(inside, self.content[right])
        else:
            self.content[right] = inside

    def hold(self, frame: Frame, name: str, value: Value) -> None:
        """`name` in `frame` is `value` from now on."""
        frame.env[name] = value
        for var in vars_in(value):
            root = self.root(var)
            if var.type.kind in CONTAINERS:
                self.holders.setdefault(self.items_of(var), {})[id(frame), name] = (
                    frame,
                    name,
                )
            self.holders.setdefault(root, {})[id(frame), name] = (frame, name)
            self.names.setdefault(root, set()).add(name)

    def forget(self, frame: Frame) -> None:
        """The activation `frame`, and whatever it called, is over and nothing of it was kept."""
        for held in self.holders.values():
            for key, (holder, _) in list(held.items()):
                if _is_within(holder, frame):
                    del held[key]

    def held(self, old: Var) -> list[Value]:
        """What the names stand for that may show the array of `old`."""
        root = self.root(old)
        found = [
            frame.env.get(name) for frame, name in self.holders.get(root, {}).values()
        ]
        return [value for value in found if value is not None]

    def write(
        self, old: Var, new: Var, statement: Statement, *, unsure: bool,
        after: Mapping[Var, Var], made: Collection[Var],
    ) -> None:  # fmt: skip
        """The array of `old` holds `new` from now on: other names of it follow, or become stale.

        `unsure`: a number would be left alone by the write, an array not, and which it is is not known.
        `after` says what each value has become, and `made` which values are of the array as it is then.
        """
        root = self.root(old)
        self.targets.append(old)
        changes: list[tuple[Frame, str, Value]] = []
        for frame, name in list(self.holders.get(root, {}).values()):
            value = frame.env.get(name)
            if value is None:
                continue  # a name of another way through
            found = self._after(value, old, new, name, after, statement)
            if found is not value and not _is_within(frame, statement.frame):
                what = f"a helper writes into {name}, which its caller still has"
                raise Refusal(
                    "FG402",
                    what,
                    "let the helper work on a copy, and return it",
                    statement.node,
                )
            changes.append((frame, name, found))
        for frame, name, found in changes:
            frame.env[name] = found
        for var in self.shown[root]:
            if var not in made:
                self.destroyed.setdefault(var, statement)
        self._take_over(old, new, root)
        self.shown[root] = [
            new,
            *(v for v in made if v is not new and self.root(v) is root),
        ]
        self._hold_again(changes)

    def _take_over(self, old: Var, new: Var, root: Var) -> None:
        """`new` lies in the array of `old`."""
        self._join_content(self.root(new), root)
        if new in self.parent and self.root(new) is not root:
            self.shown.pop(self.root(new), None)
        self.parent[new] = root
        self.near[new] = self.near_root(old)
        if old in self.arrays:
            self.arrays.add(new)

    def _hold_again(self, changes: Sequence[tuple[Frame, str, Value]]) -> None:
        for frame, name, value in changes:
            self.hold(frame, name, value)

    def _after(
        self, value: Value, old: Var, new: Var, name: str, after: Mapping[Var, Var], statement: Statement
    ) -> Value:  # fmt: skip
        """What a name stands for after the write."""
        if isinstance(value, Struct):
            items = tuple(
                self._after(i, old, new, name, after, statement) for i in value.items
            )
            pairs = zip(items, value.items, strict=True)
            changed = [i for i, before in pairs if i is not before]
            stale = [i for i in changed if isinstance(i, Stale)]
            return stale[0] if stale else value.of(items) if changed else value
        if isinstance(value, Var) and self._lies_in(self.root(old), value):
            why = f"{name} may hold the array of {new.name or 'a value'}, which was written in place"
            return Stale(name, why, statement)
        if not isinstance(value, Var) or not self.may_share(value, old):
            return value
        if value in after:
            return after[value]
        if value is old and name == new.name:
            return new
        written = new.name or next((v.name for v in after.values() if v.name), "")
        if not written:
            return Stale(
                name, f"{name} may share an array that was written in place", statement
            )
        why = f"{name} and {written} may share one array, and {written} was written in place"
        return Stale(name, why, statement)

    def lies_in(self, value: Var, held: Var) -> bool:
        """The array of `value` may be an item of the list or dict `held`."""
        return self._lies_in(self.root(value), held)

    def _lies_in(self, root: Var, value: Var) -> bool:
        """The storage `root` is one of an item of the list or dict `value`."""
        held = self.root(value)
        return (
            held is not root
            and held in self.content
            and self.root(self.content[held]) is root
        )

    def spoil_items(self, held: Var, statement: Statement | None) -> None:
        """xs[i] += v may have written into an array that lies in the list, which others may have too."""
        assert statement is not None
        self.refuse_twice(held, statement)
        inside = self.items_of(held)
        taken = any(v.name for v in self.shown[inside])
        if taken or self._lies_elsewhere(inside, held):
            self.spoil(self.item_of(held), statement)
        for value in self.shown[inside]:
            self.destroyed.setdefault(value, statement)

    def refuse_twice(self, held: Var, statement: Statement) -> None:
        """An array that was put into a list by its name may be in it more than once."""
        values = self.shown[self.items_of(held)]
        named = next((v.name for v in values if v.name and v in self.put), "")
        if named:
            what = f"{named} may be an item more than once, and an item is written in place"
            step = "put a copy of it into the list or dict"
            raise Refusal("FG401", what, step, statement.node)

    def _lies_elsewhere(self, inside: Var, held: Var) -> bool:
        """An item may lie in another list or dict, too."""
        root = self.root(held)
        return any(
            isinstance(value, Var)
            and self.root(value) is not root
            and self._lies_in(inside, value)
            for value in self.held(inside)
        )

    def spoil(self, var: Var, statement: Statement) -> None:
        """Something unknown may have been written into the array of `var`."""
        if not var.type.shape.is_scalar:
            new = Var()
            self.write(var, new, statement, unsure=True, after={}, made={new})

    def shared(self, var: Var) -> bool:
        """Another name has ever stood for the array of `var`."""
        return len(self.names.get(self.root(var), ())) > 1


def _is_within(frame: Frame, outer: Frame) -> bool:
    while frame is not outer and frame.statement is not None:
        frame = frame.statement.frame
    return frame is outer


def vars_in(value: Value) -> list[Var]:
    match value:
        case Var():
            return [value]
        case Struct(items=items):
            return [v for item in items for v in vars_in(item)]
        case Choice(test=Var() as test):
            return [test]
        case _:
            return []
