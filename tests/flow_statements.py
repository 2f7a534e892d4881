"""What flow_programs.py writes: forms of expressions, conditions and statements, with holes."""

from __future__ import annotations

from typing import Any

SHAPES = ["", "D", "D", "N,D", "N,D", "D,D"]
NAMES = ["u", "v", "w", "z", "h", "out", "s", "total"]
INDEXES = ["i", "j", "k", "t"]
ITEMS = ["row", "q", "e", "r"]
KEYS = ["key", "part"]
UNREAD = ("_", "order")  # names that would be odd in arithmetic
FLAGS: dict[str, list[Any]] = {
    "n": [0, 1, 2, 3, 4],
    "mode": ["a", "b", "c"],
    "flag": [True, False],
    "order": [None, 1, 2],
}
DEFAULTS = {"bias": [None], **FLAGS}
HELPER_KINDS = ("assign", "rebind", "augment", "loop", "loop", "while", "leave", "branch", "branch", "ternary", "early", "store", "make", "call")  # fmt: skip

# --- expressions: {x} the name, {i} an integer, {y} another array, {key} a key ----------------------------------------

PLACES = {
    "array": [
        "{x}[{i}]", "{x}[0]", "{x}[-1]", "{x}[1:]", "{x}[:-1]", "{x}[::2]", "{x}[:, {i}]", "{x}[:, 0]", "{x}[{i}, 1:]", "{x}[{i}, {i}]",
        "{x}[{i} - 1]", "{x}[{i} + 1]", "{x}[-{i}]", "{x}[0, {i}]", "{x}[idx]", "{x}[{x} > 0.2]", "{x}[...]", "{x}[::-1]", "{x}[:{i}]",
        "{x}[[1, 0]]", "{x}[{y} < 0]",
    ],
    "list": ["{x}[0]", "{x}[-1]", "{x}[{i}]", "{x}[0][1]", "{x}[{i}][0]"],
    "dict": ["{x}[{key}]", "{x}[{i}]", "{x}[{key}][0]"],
}  # fmt: skip
ATOMS = {
    "float": ["{x}"],
    "int": ["{x} + 1"],
    "array": [
        "{x}", *PLACES["array"], "{x}.T", "{x}.sum()", "np.sum({x} ** 2)", "{x}.mean(axis=0)", "{x}.sum(axis=-1)", "{x} @ {y}", "{x}.max()",
        "np.dot({x}, {y})", "{x}.reshape(-1)", "{x}[0] @ {x}[1]", "np.outer({x}, {y})", "{x}[:, None]", "np.mean({x})",
    ],
    "list": [
        *PLACES["list"], "sum({x})", "np.stack({x})", "np.array({x})", "np.concatenate({x})", "np.sum({x})", "np.mean({x}, axis=0)", "np.stack({x}, axis=1)",
        "sum(np.sum(m) for m in {x})", "np.sum({x}[-1])", "{x}[0] * {x}[1]",
    ],
    "tuple": ["{x}[0]", "{x}[1]", "{x}[-1]", "np.sum({x}[0])", "sum({x})"],
    "dict": [*PLACES["dict"], "sum({x}.values())", "sum(np.sum(m) for m in {x}.values())", "np.sum({x}[{key}])"],
}  # fmt: skip
# {a} has the shape that is wanted and {b} can be broadcast to it; {A} and {B} need no parentheses.
FORMS = [
    "{a} * {b}", "{a} + {b}", "{a} - {b}", "{a} * {b} + {a}", "0.5 * {a}", "{a} / ({b} ** 2 + 1)", "-{a}", "{a} ** 2", "np.tanh({A})", "np.sin({A}) * {b}",
    "np.exp(-{a} ** 2)", "np.sqrt({a} ** 2 + 1)", "1 / (1 + np.exp(-{a}))", "({A} - {b}) ** 2", "np.maximum({A}, {B})", "np.where({a} > 0.1, {A}, {B})",
    "{a} * ({b} > 0)", "np.tanh({a} + {b})", "np.cos({A}) + {b}", "abs({A})", "np.log({a} ** 2 + 1)", "{b} - {a}", "np.exp(0.3 * {a})", "1 - {a}",
    "np.clip({A}, -0.9, 0.9)", "max({A}, {B})", "min({A}, 0.7)",
]  # fmt: skip
CALLS = {
    "local": ["local({A})", "local({A}, {B})"],
    "act": ["act({A})", "act({A}, k={B})"],
}

# --- conditions -------------------------------------------------------------------------------------------------------

TESTS = {
    "flag": [
        'mode == "a"', 'mode != "b"', 'mode in ("a", "c")', "flag", "not flag", "flag is True", "bias is None", "bias is not None", "n > 1", "n == 2",
        "n % 2 == 0", "0 < n <= 3", "n", "order is None", "order == 1", "order", "order is not None and order > 1", "C > 0.5",
    ],
    "index": ["{int} == 1", "{int} > 0", "{int} % 2 == 0", "{int} != 2", "0 < {int} < 3", "{int} % 2", "{int} >= 1 and {int} != 3", "{int} == {int2}"],
    "data": [
        "{scalar} > 0.1", "{scalar} < {scalar2}", "-1 < {scalar} < 0.3", "abs({scalar}) < 1.5", "np.sum({array}) > 0.3", "np.all({array} > -9)",
        "({array} > 0.4).any()", "{array}.max() < 1", "{array}.ndim == 2", "len({array}) > 2", "{array}.shape[0] == 3", "np.linalg.norm({array}) < 1.5",
        "{scalar} <= 0 or {scalar} > 0.4",
    ],
    "joined": ["{test} and {test2}", "{test} or {test2}", "not ({test})", "not ({test} and {test2})", "({test} or {test2}) and {test3}"],
}  # fmt: skip

# --- statements -------------------------------------------------------------------------------------------------------

KINDS = {
    "assign": ["{new} = {value}", "{new} = {value}", "{new} = {new2} = {value}", "{new} = 0.0", "{new} = 0", "{new} = {scalar}  # a comment"],
    "rebind": ["{name} = {like}", "{name} = {name} * {fits}", "{name} = {name} + {fits}", "{float} = {float} + {scalar}"],
    "augment": [
        "{float} += {scalar}", "{float} *= {scalar}", "{array} += {fits}", "{array} -= {fits}", "{array} *= {fits}", "{array} *= 0.5",
        "{array} /= 1 + {fits} ** 2", "{float} -= {scalar}",
    ],
    "swap": ["{name}, {name2} = {name2}, {name}", "{float}, {float2} = {float2}, {float} + 0.5 * {float2}", "{array}, {array2} = {array2} * 0.5, {array}"],
    "loop": [
        "for {index} in range({count}):\n    ...", "for {index} in range({count}):\n    ...", "for {index} in range(1, {count}):\n    ...",
        "for {index} in range({count} - 1, -1, -1):\n    ...", "for {index} in range(0, {count}, 2):\n    ...", "for {index} in range(3, 0, -1):\n    ...",
        "for {index} in reversed(range({count})):\n    ...", "for _ in range({count}):\n    ...", "for {index} in (2, 0, 1):\n    ...",
        "for {item} in {array}:\n    ...", "for {item} in {matrix}.T:\n    ...", "for {item} in {array}[::-1]:\n    ...", "for {item} in {array}[:0]:\n    ...",
        "for {index}, {item} in enumerate({array}):\n    ...", "for {index}, {item} in enumerate({array}, 1):\n    ...", "for {item} in [0.3, 0.8]:\n    ...",
        "for {item}, {item2} in zip({array}, {array2}):\n    ...", "for {index}, ({item}, {item2}) in enumerate(zip({array}, {array2})):\n    ...",
        "for {item} in ({value}, {like}):\n    ...", "for {index} in idx:\n    ...", "for {index} in np.arange({count}):\n    ...",
        "for {index} in range({count}):\n    ...\n    if {test}:\n        break\nelse:\n    ...", "for {item} in {array}:\n    ...\nelse:\n    ...",
        "for {index} in range({count}, 0, -1):\n    ...", "for {index}, {index2} in [(0, 1), (1, 0), (0, 2)]:\n    ...", "for {index}, {index2} in np.ndindex({matrix}.shape):\n    ...",
        "for {index} in range(len({array})):\n    for {index2} in range({index} + 1, len({array})):\n        ...\n    ...", "for {index} in range(-1, -{count} - 1, -1):\n    ...",
        "{new} = 0.0\nfor {index} in range({count}):\n    ...\n    {new} += {scalar}", "{new} = 0\nfor {item} in {vector}:\n    ...\n    {new} = {new} + {item} * {scalar}",
    ],
    "while": [
        "{index} = 0\nwhile {index} < {count}:\n    ...\n    {index} += 1", "{index} = {count}\nwhile {index} > 0:\n    {index} -= 1\n    ...",
        "{index} = 0\nwhile True:\n    ...\n    {index} += 1\n    if {index} >= {count}:\n        break", "{index} = {count}\nwhile {index}:\n    ...\n    {index} = {index} - 1",
        "{new} = {scalar} ** 2 + 0.5\nwhile {new} < 4.3:\n    ...\n    {new} = {new} * 1.7 + 0.2", "{new} = {value}\nwhile np.sum({new} ** 2) > 0.37:\n    ...\n    {new} = {new} * 0.6",
        "{new} = {scalar} ** 2 + 3\nwhile {new} > 1.2:\n    ...\n    {new} *= 0.5\nelse:\n    ...", "{index} = 0\nwhile {index} < 4 and {scalar} < 2:\n    ...\n    {index} += 1",
        "{index} = 0\nwhile {index} < {count}:\n    {index} += 1\n    if {test}:\n        continue\n    ...",
    ],
    "leave": ["if {test}:\n    break", "if {test}:\n    continue", "if {test}:\n    ...\n    break", "if {test}:\n    ...\n    continue", "if {test}:\n    ...\nelse:\n    break"],
    "branch": [
        "if {test}:\n    ...", "if {test}:\n    ...\nelse:\n    ...", "if {test}:\n    ...\nelif {test2}:\n    ...\nelse:\n    ...",
        "if {test}:\n    ...\nelif {test2}:\n    ...", "if {test}:\n    {new} = {value}\nelse:\n    {new} = {like}", "if {test}:\n    pass\nelse:\n    ...",
        "if {test}:\n    {new} = {value}\n    ...\nelse:\n    {new} = {like}\n    ...", "if {test}:\n    if {test2}:\n        ...\n    ...",
        "if bias is None:\n    bias = {value}", "if ({new} := {scalar}) > 0.1:\n    ...\nelse:\n    ...", "if bias is not None:\n    {name} = {name} + bias",
    ],
    "ternary": ["{new} = {value} if {test} else {like}", "{name} = {like} if {test} else {like2}", "{float} += {scalar} if {test} else 0.0",
                "{new} = {scalar} * ({scalar2} if {test} else {scalar3}) - 0.1", "{array} *= {fits} if {test} else 0.5",
                "{new} = {scalar} if bias is None else bias", "{new} = ({value} if {test2} else {like}) if {test} else {like2}"],
    "early": ["if {test}:\n    return {like}", "if {test}:\n    ...\n    return {like}"],
    "make": ["{new} = np.zeros(3)", "{new} = np.zeros((2, 3))", "{new} = np.zeros_like({array})", "{new} = np.zeros({array}.shape)", "{new} = {array}.copy()",
             "{new} = np.ones_like({array})", "{new} = np.zeros(({count}, 3))", "{new} = np.empty_like({array})\n{new}[:] = 0.3", "{new} = {array} * 1.0"],
    "store": ["{place} = {fits}", "{place} = {fits}", "{place} = {like}", "{place} += {fits}", "{place} *= {fits}", "{place} = 0", "{place} -= {fits}", "{place} = {place} * {scalar}",
              "np.add.at({array}, [1, 0, 1], {scalar})", "{array}[{array} > 0.3] = 0", "{place}, {place2} = {place2}, {place}"],
    "view": ["{new} = {array}", "{new} = {place}", "{new} = {matrix}.T", "{new} = {array}.reshape(-1)", "{new} = {array}[::-1]", "{new} = {array}.ravel()", "{new} = {array}[1:]"],
    "fill": [
        "{new} = np.zeros_like({array})\nfor {index} in range(len({array})):\n    ...\n    {new}[{index}] = {array}[{index}] * {scalar}",
        "{new} = np.zeros(({count} + 1,) + {array}.shape)\n{new}[0] = {array}\nfor {index} in range({count}):\n    ...\n    {new}[{index} + 1] = np.tanh({new}[{index}] + {scalar})",
        "for {index} in range(1, len({array})):\n    {array}[{index}] += 0.5 * {array}[{index} - 1]\n    ...",
        "for {index} in range(len({vector}) - 1):\n    {vector}[{index}], {vector}[{index} + 1] = {vector}[{index} + 1], {vector}[{index}]",
        "{new} = np.zeros(({matrix}.shape[0], 3))\nfor {index} in range({matrix}.shape[0]):\n    for {index2} in range(3):\n        {new}[{index}, {index2}] = {matrix}[{index}, {index2}] * {scalar}\n        ...",
        "for {item} in {matrix}:\n    {item} *= {scalar}\n    ...", "for {index}, {item} in enumerate({array}):\n    {array}[{index}] = {item} * {item} - {scalar}",
    ],
    "list": [
        "{new} = []\nfor {index} in range({count}):\n    ...\n    {new}.append({value})", "{new} = []\nfor {item} in {array}:\n    ...\n    {new}.append({item} * {scalar})",
        "{new} = [{value}, {like}]", "{list}.append({element})", "{list}.insert(0, {element})", "{list}.extend([{element}, {element2}])", "{list} += [{element}]",
        "{new} = {list}.pop()", "{new} = {list}.pop(0)", "{list}[0] = {element}", "{list}[-1] = {element}", "{list}[0] *= 0.5", "{new} = {list}[1:]", "{new} = {list} + [{element}]",
        "{new} = [{value}]\nfor {index} in range({count}):\n    {new}.append(np.tanh({new}[-1]))\n    ...", "{list}.reverse()", "{new}, *{new2} = {list}",
    ],
    "comprehension": [
        "{new} = [{item} * {scalar} for {item} in {array}]", "{new} = [np.tanh({item}) for {item} in {list}]", "{new} = np.array([{item} ** 2 for {item} in {array}])",
        "{new} = sum({item} * {item2} for {item}, {item2} in zip({array}, {array2}))", "{new} = np.stack([{array}[{index}] * ({index} + 1) for {index} in range(2)])",
        "{new} = [{item} for {item} in {vector} if {item} > 0.1]", "{new} = [[{scalar} * ({index} + 1) for {index} in range(2)] for {index2} in range(2)]",
        "{new} = {{{key}: 0.5 * {item} for {key}, {item} in {dict}.items()}}", "{new} = sum([{value} for _ in range({count})])",
        "{new} = [{item} if {test} else {item} * 0.5 for {item} in {array}]",
    ],
    "loop_over": [
        "for {item} in {list}:\n    ...", "for {item} in reversed({list}):\n    ...", "for {index}, {item} in enumerate({list}):\n    ...", "for {key} in {dict}:\n    ...",
        "for {item}, {item2} in zip({list}, {array}):\n    ...", "for {key}, {item} in {dict}.items():\n    ...", "for {item} in {dict}.values():\n    ...",
        "for {key} in sorted({dict}):\n    ...", "for {index} in range(len({list})):\n    ...", "while {list}:\n    {item} = {list}.pop()\n    ...",
    ],
    "struct": [
        "{new} = ({value}, {value2})", "{new}, {new2} = {tuple}", "{new} = ({value}, {value2})\n{new2}, {new3} = {new}", '{new} = {{"w": {value}, "b": {value2}}}', "{new} = dict(w={value}, b={value2})", "{dict}[{member}] = {value}",
        "{new} = {{}}\n{new}[0] = {value}\nfor {index} in range({count}):\n    ...\n    {new}[{index} + 1] = np.tanh({new}[{index}])", "{new} = {dict}.copy()",
        "{new} = {dict}.get({member}, 0.5)", "{new} = {dict}.pop({member})", "{place} = {like}", "{place} += {fits}",
    ],
    "call": ["{new} = {called}", "{new} = {called}", "{name} = {called}", "{float} += np.sum({called})", "{new}, {new2} = both({value}, {value2})", "shrink({array})", "{array}[0] = np.sum({called})"],
    "closure": [
        "def local(t):\n    for {index} in range({count}):\n        t = t * {scalar} + 0.1\n    return t",
        "def local(t, scale={scalar}):\n    return np.tanh(t) * scale if {test} else t - {scalar2}",
        "def local(t, *, power=2):\n    found = t * {scalar}\n    if {test}:\n        found = found ** power\n    return found",
        "act = lambda t: t * {scalar}\n{new} = act({value})", "act = lambda t, k={scalar}: np.sin(t) * k\n{new} = act({value}, k={scalar2})",
        "act = np.tanh if {test} else np.sin\n{new} = act({value})", "act = lambda t: t if {test} else t * t\n{new} = {new2} = act({value})",
        "def local(t):\n    for {index} in range(3):\n        if {index} == 1:\n            continue\n        t = t * {scalar}\n    return t\n{new} = local({value}) + {scalar2}",
    ],
}  # fmt: skip

HELPERS = {
    "power": "def power(t, n=2):\n    if n == 0:\n        return 1.0\n    return t * power(t, n - 1)",
    "both": "def both(t, u):\n    s = t * u\n    for _ in range(2):\n        s = 0.5 * s + u\n    return s, t - u",
    "shrink": "def shrink(t):\n    for i in range(len(t)):\n        t[i] *= 0.5",
}
