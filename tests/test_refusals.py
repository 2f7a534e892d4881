"""What is refused, and the whole message: headline, source line, carets, next step.

`TABLE` holds for each kind of refusal a source and the text that a user reads. `REFUSED` holds what has to be
refused at a certain line, whatever the words.
"""

from __future__ import annotations

import re

import pytest

from flatgrad.errors import CODES, FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import transform


def refusal(source: str, **options: object) -> FlatgradError:
    with pytest.raises(FlatgradError) as caught:
        transform(source, Options(**options))  # type: ignore[arg-type]
    return caught.value


def rendered(error: FlatgradError, source: str) -> str:
    return "\n".join(d.render("f.py", source) for d in error.diagnostics)


TABLE: dict[str, tuple[str, str]] = {
    "checkpoints of a loop that is left": (
        """\
def f(x):
    for t in range(9):  # flatgrad: checkpoint
        x = x * x
        if x > 9:
            break
    return x
""",
        """\
f.py:2:25: FG124 a loop that is left before its end cannot be run again in parts
    2 |     for t in range(9):  # flatgrad: checkpoint
      |                         ^^^^^^^^^^^^^^^^^^^^^^
  let it run to its end, or take the comment away""",
    ),
    "checkpoints of a loop that changes an array": (
        """\
import numpy as np


def f(x):
    h = np.zeros(9)
    for t in range(9):  # flatgrad: checkpoint
        x = np.sin(x)
        h[t] = x
    return h
""",
        """\
f.py:6:5: FG124 this loop changes h in place, and what it begins with has to stay
    6 |     for t in range(9):  # flatgrad: checkpoint
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  give h a new value, h = ..., or take the comment away""",
    ),
    "checkpoints where there is no loop": (
        """\
def f(x):
    # flatgrad: checkpoint
    x = x * x
    return x
""",
        """\
f.py:2:5: FG124 there is no loop here whose states could be kept or not
    2 |     # flatgrad: checkpoint
      |     ^^^^^^^^^^^^^^^^^^^^^^
  write # flatgrad: checkpoint on the first line of a for loop, or above it""",
    ),
    "a loop over what is not known": (
        """\
import numpy as np


def f(x):
    s = 0.0
    for v in np.nditer(x):
        s = s + v
    return s
""",
        """\
f.py:6:14: FG201 no derivative rule for numpy.nditer
    6 |     for v in np.nditer(x):
      |              ^^^^^^^^^^^^
  give one with @flatgrad.rule, or mark the value constant with  # flatgrad: stop
""",
    ),
    "a tuple that a loop carries": (
        """\
import numpy as np


def f(x):
    p = (x, x * 2)
    for i in range(3):
        p = (p[1] * p[0], p[0])
    return p[0]
""",
        """\
f.py:6:5: FG122 a part of a tuple that a loop carries is needed by the backward
    6 |     for i in range(3):
      |     ^^^^^^^^^^^^^^^^^^
  carry it in a variable of its own
""",
    ),
    "one kind or another": (
        """\
import numpy as np


def f(x, k):
    y = x
    if k > 0:
        y = [x, x]
    return y[0]
""",
        """\
f.py:8:12: FG120 y is one thing or another, depending on a branch
    8 |     return y[0]
      |            ^
  give both branches values of one kind
""",
    ),
    "one function or another": (
        """\
import numpy as np


def f(x, k):
    if k > 0:
        g = lambda t: np.sin(t)
    else:
        g = np.cos
    return g(x)
""",
        """\
f.py:9:12: FG120 g is one function or another, depending on a branch
    9 |     return g(x)
      |            ^
  call each function in its branch
""",
    ),
    "a random number in a conditional expression": (
        """\
import numpy as np


def f(x):
    y = x * np.random.rand() if x > 0 else 2 * x
    return y * y
""",
        """\
f.py:5:13: FG123 the backward needs a value from within this expression
    5 |     y = x * np.random.rand() if x > 0 else 2 * x
      |             ^^^^^^^^^^^^^^^^
  compute it on a line of its own
""",
    ),
    "the items of a dict with numbers": (
        """\
import numpy as np


def f(d):
    s = 0.0
    for i, (k, v) in enumerate(d.items()):
        s = s + v * i
    return s
""",
        """\
f.py:6:5: FG105 the items of a dict are numbered
    6 |     for i, (k, v) in enumerate(d.items()):
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  loop over the dict itself
""",
    ),
    "an asynchronous loop": (
        """\
import numpy as np


def f(x):
    s = 0.0
    async for v in x:
        s = s + v
    return s
""",
        """\
f.py:6:5: FG104 an asynchronous loop is not read
    6 |     async for v in x:
      |     ^^^^^^^^^^^^^^^^^
  write for instead of async for
""",
    ),
    "a view of an array that a loop writes": (
        """\
import numpy as np


def f(x, k):
    'x: (N, M)'
    y = np.exp(x.T)
    v = y.reshape(-1)
    for i in range(k):
        y[i] = 0
    return v.sum() + y.sum()
""",
        """\
f.py:10:12: FG401 v and y may share one array, and y was written in place
   10 |     return v.sum() + y.sum()
      |            ^
  take a copy before the write, or state the shapes
""",
    ),
    "a with block that suppresses": (
        """\
import contextlib


def f(x):
    with contextlib.suppress(ValueError):
        x = x * 2
    return x
""",
        """\
f.py:5:5: FG105 a with block is not read yet
    5 |     with contextlib.suppress(ValueError):
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  write it as straight-line code
""",
    ),
    "a try statement": (
        """\
import numpy as np


def f(x):
    try:
        y = np.log(x)
    except ValueError:
        y = x
    return y
""",
        """\
f.py:5:5: FG105 what y is depends on what this try statement catches
    5 |     try:
      |     ^^^^
  compute y outside of the try statement, or raise where something is caught
""",
    ),
    "yield": (
        """\
import numpy as np


def f(x):
    y = yield x
    return y * x
""",
        """\
f.py:5:9: FG104 generators are not read
    5 |     y = yield x
      |         ^^^^^^^
  return the values instead of yielding them
""",
    ),
    "await": (
        """\
import numpy as np


async def f(x):
    y = await x
    return y
""",
        """\
f.py:4:11: FG104 f is a coroutine, which is not read
    4 | async def f(x):
      |           ^
  write def instead of async def
f.py:5:9: FG104 await is not read
    5 |     y = await x
      |         ^^^^^^^
  call a plain function
""",
    ),
    "a match statement with a mapping": (
        """\
import numpy as np


def f(x, k):
    match k:
        case {'n': n}:
            y = x * n
        case _:
            y = 2 * x
    return y
""",
        """\
f.py:5:5: FG105 a match statement is not read yet
    5 |     match k:
      |     ^^^^^^^^
  write it as straight-line code
""",
    ),
    "an unknown function": (
        """\
from scipy import special


def f(x):
    y = special.voigt_profile(x, 1.0, 2.0)
    return y
""",
        """\
f.py:5:9: FG201 no derivative rule for scipy.special.voigt_profile
    5 |     y = special.voigt_profile(x, 1.0, 2.0)
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  give one with @flatgrad.rule, or mark the value constant with  # flatgrad: stop
""",
    ),
    "an unknown function of numpy": (
        """\
import numpy as np


def f(x):
    return np.convolve_all(x)
""",
        """\
f.py:5:12: FG201 no derivative rule for numpy.convolve_all
    5 |     return np.convolve_all(x)
      |            ^^^^^^^^^^^^^^^^^^
  give one with @flatgrad.rule, or mark the value constant with  # flatgrad: stop
""",
    ),
    "an unknown method": (
        """\
import numpy as np


def f(x):
    return x.frobnicate()
""",
        """\
f.py:5:12: FG201 no derivative rule for .frobnicate()
    5 |     return x.frobnicate()
      |            ^^^^^^^^^^^^^^
  write it with operations that have one: docs/operations.md
""",
    ),
    "an option that is not read": (
        """\
import numpy as np


def f(x):
    return np.var(x, where=x > 0)
""",
        """\
f.py:5:12: FG202 the option where= of numpy.var is not read
    5 |     return np.var(x, where=x > 0)
      |            ^^^^^^^^^^^^^^^^^^^^^^
  write it as straight-line code
""",
    ),
    "an option that does not exist": (
        """\
import numpy as np


def f(x):
    return np.sum(x, axes=0)
""",
        """\
f.py:5:12: FG202 sum() has no parameter 'axes'
    5 |     return np.sum(x, axes=0)
      |            ^^^^^^^^^^^^^^^^^
  see the library's documentation
""",
    ),
    "a class": (
        """\
import numpy as np


class Layer:
    def __init__(self, w):
        self.w = w


def f(x, w):
    layer = Layer(w)
    return layer.w * x
""",
        """\
f.py:10:13: FG201 no derivative rule for Layer
   10 |     layer = Layer(w)
      |             ^^^^^^^^
  write it with operations that have one: docs/operations.md
""",
    ),
    "a string as the result": (
        """\
import numpy as np


def f(x):
    return 'a'
""",
        """\
f.py:5:5: FG103 the result is a constant
    5 |     return 'a'
      |     ^^^^^^^^^^
  return arrays or a tuple of arrays
""",
    ),
    "complex values": (
        """\
import numpy as np


def f(x):
    return np.max(np.exp(1j * x))
""",
        """\
f.py:5:12: FG201 max: of values that may be complex it has no derivative; what is real can be declared so: x: float
    5 |     return np.max(np.exp(1j * x))
      |            ^^^^^^^^^^^^^^^^^^^^^^
  write it with operations that have one: docs/operations.md
""",
    ),
    "tensorflow": (
        """\
import tensorflow as tf


def f(x):
    return tf.exp(x)
""",
        """\
f.py:4:5: FG114 functions written with tensorflow are not read yet
    4 | def f(x):
      |     ^
  write the function with numpy
""",
    ),
    "an undefined name": (
        """\
import numpy as np


def f(x):
    return x * scale
""",
        """\
f.py:5:16: FG109 the name scale is not defined here
    5 |     return x * scale
      |                ^^^^^
  define or import it
""",
    ),
    "no function": (
        """\
import numpy as np


x = 3
""",
        """\
f.py: FG504 there is no public function at top level
  write one, or name a private one with --function
""",
    ),
    "only a private function": (
        """\
import numpy as np


def _f(x):
    return x
""",
        """\
f.py: FG504 there is no public function at top level
  write one, or name a private one with --function
""",
    ),
    "no differentiable parameter": (
        """\
import numpy as np


def f(n):
    return np.arange(n).sum()
""",
        """\
f.py:4:5: FG505 no parameter of f can carry a gradient
    4 | def f(n):
      |     ^
  name one with --wrt
""",
    ),
    "no return": (
        """\
import numpy as np


def f(x):
    y = x * x
""",
        """\
f.py:4:5: FG102 f returns nothing
    4 | def f(x):
      |     ^
  return the value to differentiate
""",
    ),
    "a function as the whole result": (
        """\
import numpy as np


def f(x):
    return np.sin
""",
        """\
f.py:5:5: FG103 the result is a numpy.sin
    5 |     return np.sin
      |     ^^^^^^^^^^^^^
  return arrays or a tuple of arrays
""",
    ),
    "contradictory docstring": (
        """\
import numpy as np


def f(x, w):
    \"\"\"
    x: array of shape (3, 4)
    w: array of shape (5, 2)
    \"\"\"
    return x @ w
""",
        """\
f.py:9:12: FG301 the shapes contradict each other: 4 is not 5
    9 |     return x @ w
      |            ^^^^^
  the docstring: x: array of shape (3, 4)
  the docstring: w: array of shape (5, 2)
""",
    ),
    "a stale view": (
        """\
import numpy as np


def f(x):
    y = x * 2
    z = y.reshape(-1)
    z *= 3
    return y.sum()
""",
        """\
f.py:8:12: FG401 y and z may share one array, and z was written in place
    8 |     return y.sum()
      |            ^
  take a copy before the write, or state the shapes
""",
    ),
    "recursion of a lambda": (
        """\
import numpy as np


def f(x):
    g = lambda t, n: t if n == 0 else t * g(t, n - 1)
    return g(x, 3)
""",
        """\
f.py:5:43: FG112 lambda calls itself, which is not read yet
    5 |     g = lambda t, n: t if n == 0 else t * g(t, n - 1)
      |                                           ^^^^^^^^^^^
  write it as straight-line code
""",
    ),
    "too few arguments": (
        """\
import numpy as np


def h(a, b):
    return a * b


def f(x):
    return h(x)
""",
        """\
f.py:9:12: FG113 h lacks its argument b
    9 |     return h(x)
      |            ^^^^
  mend the call
""",
    ),
    "too many arguments": (
        """\
import numpy as np


def h(a, b):
    return a * b


def f(x):
    return h(x, x, x)
""",
        """\
f.py:9:12: FG113 h takes 2 arguments, 3 are given
    9 |     return h(x, x, x)
      |            ^^^^^^^^^^
  mend the call
""",
    ),
    "an unknown keyword": (
        """\
import numpy as np


def h(a, b):
    return a * b


def f(x):
    return h(x, c=x)
""",
        """\
f.py:9:12: FG113 h has no free parameter c
    9 |     return h(x, c=x)
      |            ^^^^^^^^^
  mend the call
""",
    ),
    "an attribute as a target": (
        """\
import numpy as np


def f(x):
    x.shape = 4
    return x
""",
        """\
f.py:5:5: FG106 an assignment to this target is not read
    5 |     x.shape = 4
      |     ^^^^^^^
  assign to a name or to elements of a named array
""",
    ),
    "parts of an array of unknown rank that change places": (
        """\
import numpy as np


def f(x):
    y = x * 1
    y[0], y[1] = y[1], y[0]
    return y
""",
        """\
f.py:6:18: FG401 a part of an array is taken and written into by one statement
    6 |     y[0], y[1] = y[1], y[0]
      |                  ^^^^^^^^^^
  state its shape with --shape, or take a copy first
""",
    ),
    "a store into a tuple": (
        """\
import numpy as np


def f(x):
    y = (x, x)
    y[0] = x * 2
    return y[0]
""",
        """\
f.py:6:5: FG106 an element of a tuple is assigned
    6 |     y[0] = x * 2
      |     ^^^^
  assign to elements of a named array
""",
    ),
    "an element that is not there": (
        """\
import numpy as np


def f(x):
    a = (x, x)
    return a[2]
""",
        """\
f.py:6:12: FG107 a tuple of 2 has no such element
    6 |     return a[2]
      |            ^^^^
  mend the index
""",
    ),
    "a name assigned where and need not evaluate": (
        """\
import numpy as np


def f(x, y):
    return x and (t := y * x) * t
""",
        """\
f.py:5:19: FG118 a name is assigned in a part of an expression that need not be evaluated
    5 |     return x and (t := y * x) * t
      |                   ^^^^^^^^^^
  give the assignment a line of its own
""",
    ),
    "an f-string": (
        """\
import numpy as np


def f(x):
    return x * float(f'{x}')
""",
        """\
f.py:5:16: FG108 float() of a text: what the text depends on is lost
    5 |     return x * float(f'{x}')
      |                ^^^^^^^^^^^^^
  use the number itself, not its text
""",
    ),
    "problems in several functions": (
        """\
import numpy as np


def f(x):
    return np.nothing(x)


def g(x):
    return x * b
""",
        """\
f.py:5:12: FG201 no derivative rule for numpy.nothing
    5 |     return np.nothing(x)
      |            ^^^^^^^^^^^^^
  give one with @flatgrad.rule, or mark the value constant with  # flatgrad: stop
f.py:9:16: FG109 the name b is not defined here
    9 |     return x * b
      |                ^
  define or import it
""",
    ),
    "a call of a value": (
        """\
import numpy as np


def f(x, g):
    return g(x)
""",
        """\
f.py:5:12: FG108 a call of a value is not read
    5 |     return g(x)
      |            ^^^^
  write it as straight-line code
""",
    ),
    "a syntax error": (
        """\
def f(x):
    return x *
""",
        """\
f.py:2:15: FG010 not valid Python: invalid syntax
    2 |     return x *
      |               ^
  mend the syntax first
""",
    ),
    "a function without a rule": (
        """\
import numpy as np


def f(x):
    return np.roots(x)
""",
        """\
f.py:5:12: FG201 no derivative rule for numpy.roots
    5 |     return np.roots(x)
      |            ^^^^^^^^^^^
  give one with @flatgrad.rule, or mark the value constant with  # flatgrad: stop
""",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_whole_message(name: str) -> None:
    source, expected = TABLE[name]
    assert rendered(refusal(source), source) == expected.strip("\n")


# --- options -------------------------------------------------------------------------------------------------------

PRODUCT = "def f(x, y):\n    return x * y\n\n\ndef _g(x):\n    return x\n"
OPTIONS: dict[str, tuple[dict[str, object], str]] = {
    "a function that is not there": (
        {"functions": ("g",)},
        "f.py: FG503 there is no function g at top level\n"
        "  functions of this file: f, _g",
    ),
    "two functions that are not there": (
        {"functions": ("g", "f", "h")},
        "f.py: FG503 there is no function g at top level\n"
        "  functions of this file: f, _g\n"
        "f.py: FG503 there is no function h at top level\n"
        "  functions of this file: f, _g",
    ),
    "a parameter that is not there": (
        {"wrt": ("x", "z")},
        "f.py:1:5: FG506 f has no parameter z\n"
        "    1 | def f(x, y):\n"
        "      |     ^\n"
        "  parameters: x, y",
    ),
    "shapes that contradict each other": (
        {"shapes": {"x": (3,), "y": (4,)}},
        "f.py:2:12: FG301 the shapes contradict each other: 3 is not 4\n"
        "    2 |     return x * y\n"
        "      |            ^^^^^\n"
        "  --shape x\n"
        "  --shape y",
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_whole_message_of_an_option(name: str) -> None:
    options, expected = OPTIONS[name]
    assert rendered(refusal(PRODUCT, **options), PRODUCT) == expected


def test_a_shape_for_a_parameter_that_is_not_there() -> None:
    error = refusal(PRODUCT, functions=("f",), shapes={"z": (3,)})
    assert "z" in error.diagnostics[0].what


# --- contradictions tell both places --------------------------------------------------------------------------------

CONTRADICTIONS = {
    "two arrays of a docstring": (
        'def f(x, w):\n    """\n    x: array of shape (3, 4)\n    w: array of shape (5, 2)\n    """\n    return x @ w\n',
        {},
        ["(3, 4)", "(5, 2)"],
    ),
    "one line of a docstring": (
        'def f(x, w):\n    """x: (N, D)  w: (N, D)"""\n    return x @ w\n',
        {},
        ["x: (N, D)", "w: (N, D)"],
    ),
    "docstring and unpacking": (
        'def f(x):\n    """x: (N, D)"""\n    a, b, c = x.shape\n    return x * a\n',
        {},
        ["(N, D)", "3"],
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradiction_tells_both_places(name: str) -> None:
    source, options, told = CONTRADICTIONS[name]
    source = f"import numpy as np\n\n\n{source}"
    error = refusal(source, **options)
    text = rendered(error, source)
    assert "FG301" in text
    for part in told:
        assert part in text


# --- refused, whatever the words --------------------------------------------------------------------------------------

NUMPY = "import numpy as np\n\n\n"
REFUSED: dict[str, tuple[str, int]] = {
    "yield as a statement": ("def f(x):\n    y = x * x\n    yield y\n", 6),
    "yield from": ("def f(x):\n    yield from x\n", 5),
    "a coroutine": ("async def f(x):\n    return x * 2\n", 4),
    "a class inside": ("def f(x):\n    class A:\n        y = x\n    return A.y\n", 5),
    "global": ("C = 1.0\n\n\ndef f(x):\n    global C\n    C = x\n    return C * x\n", 8),
    "nonlocal in a comprehension": ("def f(x):\n    c = x\n    def g(v):\n        nonlocal c\n        c = c * v\n        return c\n    y = [g(v) for v in x]\n    return c * y[0]\n", 7),
    "nonlocal of what is read before the call": ("def f(x):\n    c = x\n    def g():\n        nonlocal c\n        c = c * x\n        return c\n    return c + g()\n", 7),
    "a function with nonlocal as a value": ("def f(x):\n    c = x\n    def g():\n        nonlocal c\n        c = c * x\n    h = g\n    h()\n    return c\n", 7),
    "a decorator": ("def twice(g):\n    return lambda t: 2 * g(t)\n\n\n@twice\ndef f(x):\n    return x\n", 8),
    "a decorated helper": ("def twice(g):\n    return lambda t: 2 * g(t)\n\n\n@twice\ndef h(x):\n    return x\n\n\ndef f(x):\n    return h(x)\n", 14),
    "a string as the result": ("def f(x):\n    return 'a'\n", 5),
    "a set": ("def f(x):\n    return sum({x, x})\n", 5),
    "unpacking of too many": ("def f(x):\n    a, b = x, x, x\n    return a\n", 5),
    "a way that returns None": ("def f(x):\n    if x > 3:\n        return None\n    return x * 2\n", 6),
    "a bare return": ("def f(x):\n    if x > 3:\n        return\n    return x * 2\n", 6),
    "a way without a return": ("def f(x):\n    if x > 3:\n        return x * 2\n", 4),
    "a suppressed error": ("from contextlib import suppress\n\n\ndef f(x):\n    with suppress(ValueError):\n        x = x * 2\n    return x\n", 8),
    "a handler that goes on": ("def f(x):\n    try:\n        y = 1 / x\n    except ZeroDivisionError:\n        y = x\n    return y\n", 5),
    "a handler that returns": ("def f(x):\n    try:\n        return 1 / x\n    except ZeroDivisionError:\n        return x\n", 5),
    "a try that leaves a loop": ("def f(x):\n    s = 0.0\n    for i in range(3):\n        try:\n            s += x\n        except ValueError:\n            continue\n    return s\n", 7),
    "a generator gone through twice": ("def f(xs, s):\n    g = (s * x for x in xs)\n    a = sum(g)\n    return a + max(g)\n", 7),
    "a generator gone through in a loop": ("def f(xs, s):\n    g = map(np.sin, xs)\n    for i in range(2):\n        s = s + sum(g)\n    return s\n", 7),
    "a generator of what changes": ("def f(xs, s):\n    g = (s * x for x in xs)\n    s = 2 * s\n    return sum(g)\n", 7),
    "a loop that changes what it is made of": ("def f(xs, s):\n    for y in map(lambda x: x * s, xs):\n        s = s + y\n    return s\n", 5),
    "a comprehension that writes into what it runs over": ("def zero(a):\n    a[0] = 0.0\n    return 1.0\n\n\ndef f(x):\n    c = x * 1.0\n    w = [zero(v) for v in [c]]\n    return (c * x).sum()\n", 11),
    "a walrus that need not be evaluated": ("def f(x):\n    y = x > 0 and (t := x * 2)\n    return y * t\n", 5),
    "a random number in a ternary": ("def f(x):\n    y = x * np.random.rand() if x > 0 else x\n    return y * y\n", 5),
    "two names that are one array on one way only": ("def f(x, n):\n    y = x * 2\n    z = y if n > 0 else x * 3\n    y[0] = 0\n    return y * z\n", 8),
    "a number by way of a text": ("def f(x):\n    return x * float(f'{x}')\n", 5),
    "a number by way of str": ("def f(x):\n    return x * float(str(x))\n", 5),
    "an item of a dict that is written into": ("def f(p):\n    q = p['a']\n    q *= 2\n    return p['a']\n", 7),
    "the items of a dict that a loop writes into": ("def f(p):\n    for k, q in p.items():\n        q *= 2\n    return p['a']\n", 5),
    "a list that its own loop makes shorter": ("def f(xs: list):\n    for x in xs:\n        y = xs.pop()\n    return y\n", 6),
    "a list that its own loop makes longer": ("def f(x, xs: list):\n    for a, b in zip(xs, x):\n        xs.append(x)\n    return b\n", 6),
    "a list that becomes a number": ("def f(x):\n    w = {}\n    w[0] = x\n    for j in range(3):\n        w = j\n    return x * w\n", 9),
    "a dict on one way only": ("def f(x, n):\n    w = []\n    for j in range(n):\n        w.append(x)\n    if n > 1:\n        w = 2.0\n    return w\n", 10),
    "an item in hand that is written into": ("def f(x, xs: list):\n    for q in xs:\n        x = x * q\n    xs[0] *= 0.5\n    return q * x\n", 8),
    "an item in hand on one way that is written into": ("def f(x, xs: list):\n    q = x\n    if x.sum() > 0:\n        q = xs[0]\n    xs[0] *= 0.5\n    return q\n", 9),
    "an item of two dicts that is written into": ("def f(xs: list, p):\n    p['b'] = xs[0]\n    xs[0] *= 0.5\n    return p['b']\n", 7),
    "a part of an item that is written into": ("def f(x, xs: list, p):\n    v = [xs[1]]\n    for r in p.values():\n        v[0][1] += x\n    return r\n", 4),
    "the values of a dict that was changed": ("def f(x, p):\n    v = p.values()\n    p['b'] = x\n    return sum(v)\n", 7),
    "a pair as the result": ("def f(x):\n    for r in enumerate(x):\n        pass\n    return r\n", 7),
    "a name that is a label": ("def f(x, n):\n    return x[n]\n", 4),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_where_it_stands(name: str) -> None:
    body, line = REFUSED[name]
    options = {"wrt": ("n",)} if "label" in name else {}
    error = refusal(NUMPY + body, functions=("f",), **options)
    places = [d.place.line for d in error.diagnostics if d.place is not None]
    if "label" in name:
        assert places
    else:
        assert line in places


# --- all problems at once --------------------------------------------------------------------------------------------


def lines_told(source: str, **options: object) -> list[int]:
    error = refusal(source, **options)
    return [d.place.line for d in error.diagnostics if d.place is not None]


def test_every_problem_of_a_function_is_told_once() -> None:
    source = (
        f"{NUMPY}def f(x):\n"
        "    a = scale * x\n"
        "    b = np.nothing(x)\n"
        "    class A: y = x\n"
        "    c = np.nditer(x)\n"
        "    return b + c[0]\n"
    )
    told = lines_told(source)
    assert set(told) == {5, 6, 7, 8}
    assert len(told) == len(set(told))


def test_a_problem_has_no_echo() -> None:
    """What a refused line would have made is no problem of its own where it is read."""
    source = (
        f"{NUMPY}def f(x):\n"
        "    a, b = x, x, x\n"
        "    c = scale * x\n"
        "    return a + b + c\n"
    )
    assert lines_told(source) == [5, 6]


def test_problems_of_several_functions_are_told_together() -> None:
    source = (
        f"{NUMPY}def f(x):\n    return np.nothing(x)\n\n\ndef g(x):\n    return x * b\n"
    )
    assert lines_told(source) == [5, 9]


def test_every_code_of_the_table_is_known() -> None:
    for source, _ in TABLE.values():
        for diagnostic in refusal(source).diagnostics:
            assert diagnostic.code in CODES


@pytest.mark.parametrize("name", TABLE)
def test_the_next_step_exists(name: str) -> None:
    """No advice to use what is not there."""
    source, _ = TABLE[name]
    import flatgrad

    for diagnostic in refusal(source).diagnostics:
        assert diagnostic.next_step
        if "@flatgrad.rule" in diagnostic.next_step:
            assert hasattr(flatgrad, "rule")


# What has no derivative has none in either mode: no tangent of zeros stands for one that is not known.
WITHOUT_DERIVATIVE = {
    "special.betainc(x[0, 0], x[1, 1], 0.4)": "no derivative of betainc with respect to",
    "special.jv(x, 1.3)": "no derivative of jv with respect to x",
    "stats.pearsonr(x, x**2)[1]": "the p-value of pearsonr",
    "np.linalg.lstsq(x, x[0])[1]": "lstsq whose residuals",
    "integrate.quad(lambda t: x[0, 0] * t, 0.0, 1.0)[1]": "what quad says of its error",
    "distance.cdist(x, x + 1, 'canberra')": "distances with metric='canberra'",
    "distance.pdist(x, 'chebyshev')": "distances with metric='chebyshev'",
}


@pytest.mark.parametrize("emit", ["grad", "pair", "jvp"])
@pytest.mark.parametrize("call", WITHOUT_DERIVATIVE)
def test_what_has_no_derivative_has_none_in_either_mode(call: str, emit: str) -> None:
    head = "import numpy as np\nfrom scipy import integrate, special, stats\nfrom scipy.spatial import distance"
    text = f"{head}\n\n\ndef f(x):\n    return {call}\n"
    with pytest.raises(FlatgradError, match=re.escape(WITHOUT_DERIVATIVE[call])):
        transform(text, Options(("f",), emit=emit))
