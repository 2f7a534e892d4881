"""Lines of the tables -> spellings.

The tables hold the libraries' own signatures, one function a line, where they are not those of a ufunc:

    name = alias, alias -> op (parameters)

`-> op` where the canonical name is another. The parameters are the library's, in positional order:

    x            a parameter; it is the rule's parameter of the same name, else the rule's next data argument
    low=a_min    the rule's `low` is this library's `a_min`
    a_min|min    a keyword that may be spelled in two ways
    *operands    any number of positional values, each a data argument
    (*shape)     any number of positional values that form one tuple; a single one stands for itself
    [arrays]     one list or tuple, whose elements are data arguments
    /            ends the data of an operation without derivative; what follows are options
    *            ends the positional parameters; what follows are keywords

`-> fold op` applies a binary operation from left to right. A name listed twice is tried in order, until the
arguments fit. A leading dot marks an attribute, which is read without a call.
"""

from __future__ import annotations

import re
from dataclasses import replace

from flatgrad.namespaces.spelling import Spelling

# name = alias -> fold op (parameters)
LINE = re.compile(r"([^(>-]+?)\s*(?:->\s*(fold )?([\w.]+))?\s*(?:\((.*)\))?")


def read_names(text: str) -> list[tuple[list[str], str]]:
    """Names and operation of `name`, `name -> op` and `name = alias -> op`, separated by commas and lines."""
    entries = []
    for part in filter(None, map(str.strip, re.split(r"[,\n]", text))):
        spelled, _, op = map(str.strip, part.partition("->"))
        names = [name.strip() for name in spelled.split("=")]
        entries.append((names, op or names[0]))
    return entries


def read_line(line: str, *, method: bool) -> list[Spelling]:
    """One spelling for each name on the line."""
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"not a line of the table: {line}")
    names, fold, op, parameters = match.groups()
    spelled = re.split(r"\s*[=,]\s*", names.lstrip("."))
    base = _parameters(parameters or "", method=method)
    base = replace(
        base, op=op or spelled[0], fold=bool(fold), attribute=names.startswith(".")
    )
    return [replace(base, name=name) for name in spelled]


def _parameters(text: str, *, method: bool) -> Spelling:
    """The part of a spelling that its parameter list says."""
    parameters = ["self"] if method else []
    marks = {"(*": "", "*": "", "[": ""}
    renamed: list[tuple[str, str]] = []
    data = limit = None
    for token in filter(None, map(str.strip, text.split(","))):
        match token:
            case "/":
                data = len(parameters)
            case "*":
                limit = len(parameters)
            case _:
                name, _, alias = token.strip("()*[]").partition("|")
                canonical, equals, keyword = name.partition("=")
                name = keyword or canonical
                renamed += [(name, canonical)] if equals else []
                renamed += [(alias, name)] if alias else []
                mark = next((m for m in marks if token.startswith(m)), "")
                marks |= {mark: name} if mark else {}
                parameters.append(name)
    packed, variadic, sequence = marks.values()
    starred = (variadic, packed, sequence)
    return Spelling("", "", tuple(parameters), *starred, tuple(renamed), data, limit)
