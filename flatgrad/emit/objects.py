"""Emitted text whose functions take attributes -> the same text with the object in their place.

    def loss_grad(self_params, X, grad_out=1.0):          def loss_grad(self, X, grad_out=1.0):
        W = self_params["W"]                         ->       W = self.params["W"]
        ...                                                   ...
        grad_self_params["W"] = grad_W                        grad_params["W"] = grad_W

The names of attributes are free in all of the file, in its comments and strings too, so that each of them can be
replaced wherever it stands. A function that is not given the object, such as a backward, has variables for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import pairwise

from flatgrad.errors import Diagnostic, FlatgradError
from flatgrad.frontend.methods import Objects
from flatgrad.frontend.module import names_in_text

HEAD = re.compile(r"^def (\w+)\(", re.MULTILINE)
CUT = re.compile(r"\b(self_\w*)\.\.\.$", re.MULTILINE)
WORD = re.compile(r"\b[^\W\d]\w*\b")


def with_objects(
    text: str, objects: Objects, taken: Iterable[str], first: Iterable[str]
) -> str:
    """The emitted module as a user of the class would have written it; `first` takes what was asked for."""
    if not objects.functions:
        return text
    text, given = _collapsed(text, objects)
    text = _with_unread_objects(text, objects, given, first)
    taken = {*taken, *HEAD.findall(text)}
    return "".join(_spelled(p, objects, taken, given) for p in _definitions(text))


def _definitions(text: str) -> list[str]:
    """What stands before the first function, and each function with what follows it."""
    starts = [0, *(m.start() for m in HEAD.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(starts)]


def _collapsed(text: str, objects: Objects) -> tuple[str, set[str]]:
    """Functions whose first parameters are attributes, and their calls, with the object instead."""
    given: set[str] = set()
    for name, first in _runs(text, objects).items():
        run = r",\s*".join(map(re.escape, first))
        calls = len(re.findall(rf"\b{name}\(", text))
        pattern = re.compile(rf"\b{name}\((\s*){run}(,\s*)?(?=[^\W\d]|[^\w\s]|\))")
        text, count = pattern.subn(rf"{name}(\g<1>{objects.name}\g<2>", text)
        if count < calls:
            raise FlatgradError(_renewed(name, objects))
        given.add(name)
    return text, given


def _with_unread_objects(
    text: str, objects: Objects, given: set[str], first: Iterable[str]
) -> str:
    """A method that reads nothing of its object is called with it all the same."""
    for name in (head[1] for one in first if (head := HEAD.search(one))):
        if name not in given:
            rest = "" if f"def {name}()" in text else ", "
            text = text.replace(f"def {name}(", f"def {name}({objects.name}{rest}", 1)
    return text


def _runs(text: str, objects: Objects) -> dict[str, list[str]]:
    """The attributes that each function begins with."""
    found: dict[str, list[str]] = {}
    for head in HEAD.finditer(text):
        rest, run = text[head.end() :], []
        while (m := re.match(r"\s*(\w+)\s*(,|(?=\)))", rest)) and m[1] in objects.attributes:  # fmt: skip
            run.append(m[1])
            rest = rest[m.end() :]
        if run:
            found[head[1]] = run
    return found


def _renewed(name: str, objects: Objects) -> Diagnostic:
    what = f"{name} is called where an attribute of {objects.name} has another value by then"
    step = "let the method return the value, and give it to the attribute at the end"
    return Diagnostic("FG127", what, step)


def _derived(text: str, objects: Objects, taken: set[str]) -> Mapping[str, str]:
    """grad_params for grad_self_params, where that is free."""
    found: dict[str, str] = {}
    for word in dict.fromkeys(WORD.findall(text)):
        inside = [n for n in objects.attributes if n in word and n != word]
        if not inside or word in objects.attributes:
            continue
        name = max(inside, key=len)
        wanted = word.replace(name, objects.attributes[name].lstrip("_") or name)
        if wanted not in taken:
            found[word] = wanted
            taken.add(wanted)
    return found


def _spelled(part: str, objects: Objects, taken: set[str], given: set[str]) -> str:
    """The attributes of the object where the function has it, and variables where not."""
    head = HEAD.match(part)
    within = head is not None and head[1] in given
    own = names_in_text(part)
    names = _derived(part, objects, {*taken, *own})
    part = CUT.sub(partial(_completed, objects, within), part)

    def shown(word: re.Match[str]) -> str:
        name = word[0]
        if name not in objects.attributes:
            return names.get(name, name)
        attribute = objects.attributes[name]
        if within:
            return f"{objects.name}.{attribute}"
        return attribute if attribute not in own else name

    return WORD.sub(shown, part)


def _completed(objects: Objects, within: bool, cut: re.Match[str]) -> str:
    """A comment that was too long may end within the name of an attribute."""
    known = any(name.startswith(cut[1]) for name in objects.attributes)
    if not known:
        return cut[0]
    before = f"{objects.name}." if within else ""
    return f"{before}{cut[1].removeprefix('self_')}..."


__all__ = ["with_objects"]
