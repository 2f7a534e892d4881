"""The variables of a helper that is read in place -> the names that they have in the caller's text.

A variable that the helper gives one value after the other, line by line, has a name for each value, as before.
One that a branch or a loop changes, that is written into, or that holds a tuple has one name throughout.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import libcst as cst

from flatgrad.frontend.module import bound_names, names_in
from flatgrad.frontend.scope import Frame, Struct
from flatgrad.graph import Var, all_equations

if TYPE_CHECKING:
    from flatgrad.emit.edits import Editor


def name_variables(editor: Editor, frame: Frame, others: list[Frame]) -> None:
    """Every variable of the activation gets a name that is free in the caller."""
    bindings = Counter(bound_names(frame.function.body))
    for name, values in _variables(frame, bindings).items():
        if name not in bindings and _is_of_module(editor, frame, name):
            continue
        if _is_line_by_line(editor, frame, values, bindings[name]):
            for value in values:
                if not editor.is_free(name, others, value):
                    editor.edits.renamed[value] = editor.names.fresh(name)
            continue
        if not editor.is_free(name, others, frame.env.get(name)):
            _rename(editor, frame, name, values, editor.names.fresh(name))
        if name in frame.arguments:
            editor.edits.bound.setdefault(frame, []).append(name)
    for name, (_, argument) in frame.arguments.items():
        reads = sum(n.value == name for n, _, _ in frame.reads)
        if isinstance(argument, Struct) and (reads > 1 or (reads and frame.inner)):
            bind(editor, frame, name, others, even_names=True)


def _is_of_module(editor: Editor, frame: Frame, name: str) -> bool:
    """The helper writes into a variable of the module."""
    own = name in frame.arguments or frame.enclosing is not None
    return not own and name in editor.function.module.constants


def _variables(frame: Frame, bindings: Counter[str]) -> dict[str, list[Var]]:
    """What the helper binds itself, with the values of the graph among what it is given."""
    found: dict[str, list[Var]] = {name: [] for name in bindings}
    for value in frame.writes:
        found.setdefault(value.name, []).append(value)
    changed = {
        n.value
        for n, v, _ in frame.reads
        if n.value in frame.arguments and v is not frame.arguments[n.value][1]
    }
    return found | {name: [] for name in changed if name not in found}


def _is_line_by_line(
    editor: Editor, frame: Frame, values: list[Var], count: int
) -> bool:
    outside = all(
        frame.writes[v][1].parent is None and not editor.stays(frame, v) for v in values
    )
    return bool(values) and count == len(values) and outside


def _rename(
    editor: Editor, frame: Frame, name: str, values: list[Var], new: str
) -> None:
    """One name for all that the variable ever holds."""
    editor.edits.locals.setdefault(frame, {})[name] = new
    given = frame.arguments.get(name, (None, None))[1]
    read = [
        v
        for n, v, _ in frame.reads
        if n.value == name and isinstance(v, Var) and v is not given
    ]
    begun = [
        p
        for eqn in all_equations(editor.function.block.eqns)
        if eqn.blocks and eqn.statement is not None and eqn.statement.frame is frame
        for p in (*(q for b in eqn.blocks for q in b.params), *eqn.outs)
        if p.name == name
    ]
    editor.edits.renamed.update(dict.fromkeys([*values, *read, *begun], new))


def bind(
    editor: Editor,
    frame: Frame,
    name: str,
    others: list[Frame],
    even_names: bool = False,
) -> None:
    """A parameter becomes a variable, unless its argument is a name or a constant."""
    argument, value = frame.arguments[name]
    plain = isinstance(
        argument, cst.Name | cst.Integer | cst.Float | cst.Lambda | cst.Attribute
    )
    bound = editor.edits.bound.setdefault(frame, [])
    if (plain and not even_names) or name in bound:
        return
    bound.append(name)
    if not editor.is_free(name, others, value):
        _rename(editor, frame, name, [], editor.names.fresh(name))
    written = any(v.name == name for v in frame.writes)
    if (
        isinstance(value, Var)
        and not written
        and editor.homes.loop(value) is None
        and (value not in editor.function.storages.destroyed)
    ):
        editor.names_of.setdefault(
            value, editor.edits.locals.get(frame, {}).get(name, name)
        )


def printed_names(frame: Frame, local: dict[Frame, dict[str, str]]) -> dict[str, str]:
    """The names in the text of an activation that are other ones where it is printed."""
    found = {} if frame.enclosing is None else printed_names(frame.enclosing, local)
    own = local.get(frame, {})
    return {n: new for n, new in found.items() if n not in frame.env} | own


def defining(frame: Frame, name: str) -> Frame | None:
    """The activation whose parameter `name` is, as `frame` sees it."""
    here: Frame | None = frame
    while here is not None and name not in here.env:
        here = here.enclosing
    return here if here is not None and name in here.arguments else None


def renaming(node: cst.CSTNode, names: dict[str, str]) -> dict[cst.CSTNode, str]:
    """The names within `node` that are printed as other ones."""
    if not names:
        return {}
    return {n: names[n.value] for n in names_in(node) if n.value in names}


__all__ = ["bind", "defining", "name_variables", "printed_names", "renaming"]
