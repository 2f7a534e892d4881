"""A function that calls a loss of its file -> the same text, in which that loss keeps its gradient to itself.

    loss, dscores = softmax_loss(scores, y)    ->    loss, dscores_cache = softmax_loss_forward(scores, y)

What is printed for this reads `softmax_loss_backward(1.0, dscores_cache)`, which is the dscores that is at hand.
The gradient that a loss of the file returns is taken as it is, as are the backwards of its layers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from flatgrad.filling.stubs import functions_in, parameter_of

ONE = re.compile(r"1(\.0)?")


@dataclass(frozen=True)
class Trusted:
    """A call of a loss: the name of the loss, and that of the gradient which it returns."""

    loss: str
    gradient: str
    line: str = ""  # as the user has it
    of: str = ""  # the parameter of the loss that it is the gradient of

    @property
    def cache(self) -> str:
        return f"{self.gradient}_cache"

    @property
    def call(self) -> str:
        return f"{self.loss}_forward"

    def as_written(self, line: str) -> str:
        """A comment as the user has it."""
        margin = line[: len(line) - len(line.lstrip())]
        return f"{margin}# {self.line}" if self.cache in line else line

    def fits(self, emitted: str) -> bool:
        """What is printed asks for this gradient first, and for no other."""
        found = re.search(rf"^def {self.loss}_backward\(.*\):\n    return d(\w+)", emitted, re.MULTILINE)  # fmt: skip
        calls = re.findall(rf"(.*)\b{self.loss}_backward\(.+, {self.cache}\)$", emitted, re.MULTILINE)  # fmt: skip
        plain = [
            re.fullmatch(r"\s*\w+(, _)* = (1\.0 \* )?", before) for before in calls
        ]
        return found is not None and found[1] == self.of and all(plain)


def with_trusted(text: str, name: str) -> tuple[str, list[Trusted]]:
    """The text in which the function of that name calls losses in such a way, and which losses these are."""
    functions = dict(functions_in(ast.parse(text)))
    lines = text.split("\n")
    found: list[Trusted] = []
    for statement, one in _calls(functions[name]):
        node = functions.get(one.loss)
        free = not re.search(rf"\b({one.cache}|{one.call}|{one.loss}_backward)\b", text)
        if node is None or not free or (layer := _as_layer(node, one, lines)) is None:
            continue
        number = statement.lineno - 1
        line = lines[number]
        if statement.end_lineno == statement.lineno and all(
            one.loss != f.loss for f in found
        ):
            line = re.sub(rf"\b{one.gradient}(?=\s*\)?\s*=)", one.cache, line, count=1)
            told = lines[number].strip()
            lines[number] = re.sub(rf"\b{one.loss}\(", f"{one.call}(", line, count=1)
            lines += ["", "", *layer]
            found.append(replace(one, line=told, of=node.args.args[0].arg))
    return "\n".join(lines), found


def _calls(node: ast.FunctionDef) -> Iterator[tuple[ast.Assign, Trusted]]:
    """loss, dscores = softmax_loss(scores, y), where nothing else is done with dscores."""
    for inner in node.body:
        match inner:
            case ast.Assign(
                targets=[ast.Tuple(elts=[ast.Name(), ast.Name(id=gradient)])],
                value=ast.Call(func=ast.Name(id=loss)),
            ) if (
                _count(node, gradient) == 1 and loss != node.name
            ):
                yield inner, Trusted(loss, gradient)
            case _:
                pass


def _count(node: ast.AST, name: str) -> int:
    return sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _as_layer(
    node: ast.FunctionDef, one: Trusted, lines: Sequence[str]
) -> list[str] | None:
    """def softmax_loss_forward(x, y): ..., return loss, (x, y); None where what it returns is not told."""
    params = [a.arg for a in node.args.args]
    returns = [n for n in ast.walk(node) if isinstance(n, ast.Return)]
    last = node.body[-1]
    match last:
        case ast.Return(value=ast.Tuple(elts=[ast.Name(id=loss), ast.Name(id=result)])):
            told = parameter_of(result, params) == params[0]
        case _:
            return None
    if not told or len(returns) != 1 or not _begins_line(last, lines):
        return None
    kept = ", ".join(params)
    text = [*lines[node.lineno - 1 : last.lineno - 1]]
    text[0] = text[0].replace(f"def {one.loss}(", f"def {one.call}(", 1)
    margin = " " * last.col_offset
    cache = f"{margin}{one.cache} = ({kept}{',' * (len(params) == 1)})"
    backward = [f"def {one.loss}_backward(dloss, {one.cache}):", f"{margin}pass"]
    return [*text, cache, f"{margin}return {loss}, {one.cache}", "", "", *backward]


def _begins_line(node: ast.stmt, lines: Sequence[str]) -> bool:
    return not lines[node.lineno - 1][: node.col_offset].strip()


# --- what was printed for it ---------------------------------------------------------------------------------------


def with_gradients(lines: Sequence[str], trusted: Sequence[Trusted]) -> list[str]:
    """dscores = softmax_loss_backward(1.0, dscores_cache)  ->  nothing, since dscores is at hand"""
    found = [*lines]
    for one in trusted:
        found = [_read(line, one) for line in found]
        plain = re.compile(rf"\s*{one.gradient} = {one.gradient}$")
        found = [x for n, x in enumerate(found) if not plain.match(x) and not _is_about(found, n, plain)]  # fmt: skip
        found = [one.as_written(x) if x.lstrip().startswith("#") else x for x in found]
    return found


def _is_about(lines: Sequence[str], number: int, dropped: re.Pattern[str]) -> bool:
    """A comment of which the one line goes."""
    following = [*lines[number + 1 : number + 3], "#", "#"]
    comment = lines[number].lstrip().startswith("#")
    alone = not following[1].strip() or following[1].lstrip().startswith("#")
    return comment and bool(dropped.match(following[0])) and alone


def _read(line: str, one: Trusted) -> str:
    call = re.compile(
        rf"(?:, _)* = (?:1\.0 \* )?{one.loss}_backward\((.+), {one.cache}\)$"
    )
    match = call.search(line)
    if match is None:
        return line
    scaled = (
        one.gradient
        if ONE.fullmatch(match[1])
        else f"{_factor(match[1])} * {one.gradient}"
    )
    return f"{line[: match.start()]} = {scaled}"


def _factor(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"


__all__ = ["Trusted", "with_gradients", "with_trusted"]
