"""Emitted text in which an early return is raised -> the same text with the return.

    raise returned_early(scores)    ->    return scores, None

There are no gradients of what is returned early, and no cache.
"""

from __future__ import annotations

from typing import Any

import libcst as cst


def with_early_returns(
    text: str, name: str, one_by_one: bool, alone: bool = False
) -> str:
    """`one_by_one`: the results are not put together to one value, as in NAME_forward; `alone`: and nothing follows.

    `alone` is how courses have it, `return scores`, but for a forward: its callers unpack a cache.
    """
    if name not in text:
        return text
    return cst.parse_module(text).visit(_Returning(name, one_by_one, alone)).code


class _Returning(cst.CSTTransformer):
    def __init__(self, name: str, one_by_one: bool, alone: bool):
        super().__init__()
        self.name, self.one_by_one, self.alone = name, one_by_one, alone
        self.within: list[str] = []  # the functions around

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.within.append(node.name.value)

    def leave_FunctionDef(self, original_node: Any, updated_node: Any) -> Any:
        self.within.pop()
        return updated_node

    def leave_Raise(self, original_node: Any, updated_node: Any) -> Any:
        match updated_node.exc:
            case cst.Call(func=cst.Name(value=name), args=args) if name == self.name:
                values = [a.value for a in args]
                return cst.Return(self._result(values))
            case _:
                return updated_node

    def _result(self, values: list[cst.BaseExpression]) -> cst.BaseExpression:
        nothing = cst.Name("None")
        if self.alone and "forward" not in self.within[-1]:
            return (
                values[0]
                if len(values) == 1
                else cst.Tuple([cst.Element(v) for v in values])
            )
        if len(values) > 1 and not self.one_by_one:
            values = [cst.Tuple([cst.Element(v) for v in values])]
        return cst.Tuple([cst.Element(v) for v in (*values, nothing)], lpar=[], rpar=[])


__all__ = ["with_early_returns"]
