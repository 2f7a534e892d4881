"""Choices -> programs as source text, with inputs on which they are smooth and not too large.

A straight-line program is written line by line and each line is run at once: a line that fails, overflows or is
undefined is taken back. So every program runs, and what a line may read is known with its shape, without a second model
of NumPy. `flow_programs.py` writes those with control flow, and shortens both.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from checking import Trial

T = TypeVar("T")

LENGTHS = {"N": 2, "D": 3, "K": 4}
SHAPES = ["", "D", "D", "N,D", "N,D", "D,K", "D,D", "1,D", "N,1", "N,D,K"]
LARGEST = 30.0

HELPERS = {
    "square": "def square(t):\n    return t * t",
    "blend": "def blend(a, b, w=0.3):\n    c = a * w\n    a = c + b * (1 - w)\n    return a",
    "squash": "def squash(x):\n    y = np.exp(-x)\n    return 1 / (1 + y)",
    "center": "def center(v):\n    m = v.mean()\n    return v - m",
    "bump": "def bump(t):\n    t *= 0.5\n    return t",
    "blank": "def blank(t):\n    t[0] = 0.0\n    return t.sum()",
    "tail": "def tail(t):\n    return t[1:]",
    "same": "def same(t):\n    return t",
    "both": "def both(t, u):\n    s = t * u\n    return s, t - u",
}
PLAIN = ("square", "blend", "squash", "center", "both")
SHARING = ("bump", "blank", "tail", "same")

ELEMENTWISE = [
    "np.tanh({a})", "np.sin({a})", "np.exp(-({a}) ** 2)", "({a}) ** 2", "-({a})", "np.sqrt(({a}) ** 2 + 1)", "np.cos({a} * 2)",
    "np.log(({a}) ** 2 + 0.5)", "1 / (1 + np.exp(-({a})))", "np.maximum(0, {a})", "np.abs({a})", "np.exp({a} * 0.3)",
    "np.where({a} > 0.1, {a}, 0.2 * {b})", "np.maximum({a}, {b})", "np.minimum({a}, {b})", "{a} * ({b} > 0)", "np.clip({a}, -0.8, 0.9)",
    "2 ** ({a})", "(({a}) ** 2 + 1) ** ({b})", "np.arctan2({a}, ({b}) ** 2 + 1)", "np.logaddexp({a}, {b})", "np.hypot({a}, {b})",
]  # fmt: skip
ARITHMETIC = [
    "{a} + {b}", "{a} - {b}", "({a}) * ({b})", "{a} / (({b}) ** 2 + 1)", "({a} - {b}) * ({a})", "0.5 * ({a})", "{a} - 0.3", "1 - ({a})",
    "{a} - ({b} - {a})", "({a}) / 2 * ({b})", "-({a}) * ({b}) ** 2",
]  # fmt: skip
REDUCTIONS = [
    "np.sum({a})", "({a}).sum(axis=0)", "np.mean({a}, axis=-1)", "({a}).mean(axis=0, keepdims=True)", "np.sum({a}, axis=1, keepdims=True)",
    "({a}).max(axis=-1)", "np.max({a}, axis=0, keepdims=True)", "({a}).min()", "np.prod({a}, axis=0)", "({a}).var(axis=0)",
    "np.std({a}) * 0.5", "np.linalg.norm({a})", "np.cumsum({a}, axis=0)", "({a}).sum(axis=(0, 1))", "np.trace(({a}) @ ({a}).T)",
    "np.exp({a}) / np.exp({a}).sum(axis=-1, keepdims=True)", "np.log(np.sum(np.exp({a}), axis=0))", "np.sort({a}, axis=0)",
    "{a} - ({a}).max(axis=-1, keepdims=True)",
]  # fmt: skip
PRODUCTS = [
    "{a} @ {b}", "({a}) @ ({b}).T", "({a}).T @ ({b})", "np.dot({a}, {b})", "np.outer({a}, {b})",
    "({a}).dot({b})", "np.tensordot({a}, {b}, axes=1)", "np.vdot({a}, {b})",
]  # fmt: skip
SHAPING = [
    "({a}).T", "({a}).reshape(-1)", "np.reshape({a}, (3, -1))", "({a})[None]", "({a})[:, None]", "({a})[..., None]", "({a})[1:]",
    "({a})[:-1]", "({a})[::-1]", "({a})[0]", "({a})[-1]", "({a})[:, 1]", "({a})[:, ::2]", "({a})[[1, 0, 1]]", "({a})[np.array([0, 0, 1])]",
    "({a}).ravel()", "np.concatenate([{a}, {b}])", "np.stack([{a}, {b}])", "np.expand_dims({a}, 0)", "np.squeeze({a})",
    "np.broadcast_to({a}, (2, 3))", "np.transpose({a})", "np.tile({a}, 2)", "np.repeat({a}, 2, axis=0)", "np.flip({a})",
    "({a})[np.arange(2), [0, 2]]", "({a})[({a}) > 0]", "np.roll({a}, 1)", "np.vstack([{a}, {b}])", "({a}).swapaxes(0, 1)",
    "np.diff({a}, axis=0)", "np.pad({a}, 1)", "np.diag({a})", "np.tril({a})", "({a})[..., 0]", "({a}).flatten()", "np.take({a}, [0, 0, 1])",
]  # fmt: skip
INDICES = ["0", "-1", "1:", ":-1", "::2", "...", ":", "::-1", "[0, 1]", "[1, 0]", "0, 1", ":, 0", ":, 1:", "1, :", "{c} > 0.1", "np.arange(2)",
           "np.arange(2), [0, 2]", "None", "-1, ...", "[0, 0]"]  # fmt: skip
VIEWS = ["{a}", "{a}[1:]", "{a}[0]", "{a}.T", "{a}.reshape(-1)", "{a}[::-1]", "{a}[:, 0]", "{a}.ravel()", "{a}[None]", "np.asarray({a})",
         "np.squeeze({a})", "{a}[...]", "np.transpose({a})", "{a}.copy()", "np.array({a})", "{a} * 1.0"]  # fmt: skip
MAKERS = ["np.zeros(3)", "np.zeros((2, 3))", "np.zeros_like({a})", "np.ones_like({a})", "np.zeros_like({a}) + 0.25", "np.full_like({a}, 0.5)",
          "np.zeros({a}.shape)", "{a}.copy()", "np.exp({a} * 0.1)", "{a} * 1.0"]  # fmt: skip
NAMES = ["u", "v", "w", "z", "h", "out", "x0", "s"]

STRAIGHT = {
    "arithmetic": ("assign", "rebind"),
    "overwriting": ("assign", "rebind", "augment", "store", "add_at", "make"),
    "aliases": (
        "assign",
        "augment",
        "store",
        "view",
        "swap",
        "chain",
        "unpack",
        "struct",
    ),
    "helpers": (
        "assign",
        "rebind",
        "helper",
        "lambda",
        "closure",
        "constant",
        "walrus",
    ),
}
EVERY = dict.fromkeys(kind for kinds in STRAIGHT.values() for kind in kinds)
STRAIGHT["everything"] = (*EVERY, "sharing_helper", "augment", "store", "view")
SIMPLE = ("assign", "rebind", "augment")
FLOW = {
    "loops": (*SIMPLE, "loop", "loop", "while", "leave", "swap"),
    "branches": (*SIMPLE, "branch", "branch", "ternary", "early", "loop", "leave"),
    "stores_in_loops": (*SIMPLE, "loop", "store", "store", "make", "view", "fill", "branch"),
    "containers": (*SIMPLE, "list", "list", "comprehension", "loop_over", "struct", "branch"),
    "flow_helpers": ("assign", "rebind", "call", "call", "closure", "loop", "branch"),
}  # fmt: skip
WHOLE = dict.fromkeys(kind for kinds in FLOW.values() for kind in kinds)
FLOW["whole"] = (*WHOLE, "loop", "branch", "store")
FEATURES = STRAIGHT | FLOW


class Choices(Protocol):
    def pick(self, options: Sequence[T]) -> T: ...


class Dice:
    """Choices by a seed."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def pick(self, options: Sequence[T]) -> T:
        return self.random.choice(options)


@dataclass(frozen=True)
class Declared:
    """How a program tells the shapes of its parameters, if it does."""

    how: str
    shapes: Mapping[str, str]

    @property
    def docstring(self) -> list[str]:
        stated = {n: s for n, s in self.shapes.items() if s}
        said = "  ".join(f"{n}: ({s}{',' * (',' not in s)})" for n, s in stated.items())
        return [f'"""{said}"""'] if self.how == "docstring" and stated else []

    @property
    def options(self) -> dict[str, tuple[str | int, ...]]:
        return {
            n: tuple(int(d) if d.isdigit() else d for d in s.split(",") if d)
            for n, s in self.shapes.items()
            if self.how == "option"
        }

    def of(self, names: Collection[str]) -> Declared:
        return Declared(self.how, {n: s for n, s in self.shapes.items() if n in names})

    def annotated(self, name: str) -> str:
        is_number = self.how == "docstring" and self.shapes.get(name) == ""
        return f"{name}: float" if is_number else name


@dataclass(eq=False)
class Writer:
    choices: Choices
    features: Sequence[str]
    depth: int = 3
    env: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    helpers: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)

    def pick(self, options: Sequence[T]) -> T:
        return self.choices.pick(options)

    def chance(self, one_in: int) -> bool:
        return self.pick(range(one_in)) == 0

    # --- the parts of a program ------------------------------------------------------------------------------

    def program(self, length: int) -> Trial:
        self._parameters()
        self.env |= copy.deepcopy(self.inputs) | {"np": np}
        for text in HELPERS.values():
            exec(text, self.env)
        for _ in range(length):
            getattr(self, f"_{self.pick(self.features)}")()
        result = self._result()
        return self._trial(result)

    def _parameters(self) -> None:
        numbers = np.random.default_rng(self.pick(range(50)))
        for name in ("x", "y", "a")[: self.pick([1, 2, 2, 3])]:
            text = self.pick(SHAPES)
            dims = [int(LENGTHS.get(d, d)) for d in text.split(",") if d]
            value = numbers.uniform(-1.2, 1.2, dims)
            self.inputs[name] = value if dims else float(value)
            self.shapes[name] = text

    def _result(self) -> str:
        names = [n for n in self._values() if n not in self.inputs] or self._values()
        if self.chance(3):
            return ", ".join(self.pick(names) for _ in range(self.pick([1, 2, 3])))
        kept = [self.pick(names) for _ in range(self.pick([1, 2, 3]))]
        found = " + ".join(f"np.sum({name})" for name in kept)
        return self.pick([found, self.pick(names), f"({found}) * {self.pick(names)}"])

    def _trial(self, result: str) -> Trial:
        how = self.pick(["docstring", "nothing", "option", "nothing"])
        told = Declared(how, self.shapes)
        body = [*told.docstring, *self.lines, f"return {result}"]
        helpers = "".join(f"\n\n{text}\n" for text in self.helpers.values())
        parameters = ", ".join(map(told.annotated, self.shapes))
        text = "\n    ".join(body)
        source = f"import numpy as np\n\nC = 0.7\n{helpers}\n\ndef f({parameters}):\n    {text}\n"
        return Trial(source, self.inputs, tuple(self.inputs), shapes=told.options)

    # --- lines --------------------------------------------------------------------------------------------------

    def _try(self, line: str) -> bool:
        """Keep the line if it runs and everything stays finite and small."""
        before = copy.deepcopy(
            {
                n: v
                for n, v in self.env.items()
                if not callable(v) and n != "np" and n != "__builtins__"
            }
        )
        env = (
            self.env | before
        )  # one deep copy: names that share memory go on sharing it
        try:
            with np.errstate(all="ignore"):
                exec(line, env)
        except Exception:
            return False
        if not all(
            is_fine(v) for n, v in env.items() if n not in ("np", "__builtins__")
        ):
            return False
        self.env = env
        self.lines += line.split("\n")
        return True

    def _values(self) -> list[str]:
        return [
            n
            for n, v in self.env.items()
            if isinstance(v, np.ndarray | float) and n != "C"
        ]

    def _arrays(self) -> list[str]:
        return [n for n, v in self.env.items() if isinstance(v, np.ndarray) and v.ndim]

    def _atom(self) -> str:
        return str(self.pick([*self._values(), *self._values(), "0.5", "C"]))

    def _expression(self, depth: int) -> str:
        if depth == 0 or self.chance(5):
            return self._atom()
        family = self.pick(
            [ARITHMETIC, ARITHMETIC, ELEMENTWISE, REDUCTIONS, PRODUCTS, SHAPING]
        )
        form = self.pick(family)
        a = self._expression(depth - 1)
        b = self._expression(depth - 1) if self.chance(2) else self._atom()
        if any(part in form for part in ("axis", ".T", "np.pad")) and self._has_number(
            a, b
        ):
            form = "np.tanh({a}) + {b}"  # numbers have no axes, though NumPy lets them pass
        return form.format(a=a, b=b)

    def _has_number(self, *texts: str) -> bool:
        return any(self._rank(text) == 0 for text in texts)

    def _rank(self, text: str) -> int:
        """The rank of an expression; one that does not run counts as a number."""
        try:
            with np.errstate(all="ignore"):
                return int(np.ndim(eval(text, self.env | {"C": 2.0})))
        except Exception:
            return 0

    def _valid(self) -> str:
        """An expression that can be computed here."""
        for _ in range(6):
            text = self._expression(self.pick(range(1, self.depth + 1)))
            env = copy.deepcopy({n: self.env[n] for n in self._values()})
            try:
                with np.errstate(all="ignore"):
                    value = eval(text, {**self.env, **env, "C": 0.7})
            except Exception:
                continue
            if is_fine(value):
                return text
        return self._atom()

    def _assign(self) -> None:
        self._try(f"{self.pick(NAMES)} = {self._valid()}")

    def _rebind(self) -> None:
        self._try(f"{self.pick(self._values())} = {self._valid()}")

    def _augment(self) -> None:
        operator = self.pick(["+=", "-=", "*=", "*=", "/="])
        value = self._valid()
        divisor = f"(({value}) ** 2 + 1)" if operator == "/=" else value
        self._try(f"{self.pick(self._values())} {operator} {divisor}")

    def _store(self) -> None:
        if not self._arrays():
            return
        name = self.pick(self._arrays())
        index = self.pick(INDICES).format(c=self.pick(self._arrays()))
        operator = self.pick(["=", "=", "+=", "*="])
        value = self.pick(
            ["0", "0.5", self._valid(), self._valid(), f"{name}[{index}] * 2"]
        )
        self._try(f"{name}[{index}] {operator} {value}")

    def _add_at(self) -> None:
        if not self._arrays():
            return
        index = self.pick(["0", "[0, 0]", "np.array([1, 0, 1])", "slice(None)"])
        self._try(f"np.add.at({self.pick(self._arrays())}, {index}, {self._valid()})")

    def _make(self) -> None:
        if self._arrays():
            text = self.pick(MAKERS).format(a=self.pick(self._arrays()))
            self._try(f"{self.pick(NAMES)} = {text}")

    def _view(self) -> None:
        if self._arrays():
            text = self.pick(VIEWS).format(a=self.pick(self._arrays()))
            self._try(f"{self.pick(NAMES)} = {text}")

    def _swap(self) -> None:
        a, b = self.pick(self._values()), self.pick(self._values())
        if a != b:
            self._try(f"{a}, {b} = {self.pick([b, f'{b} * {a}'])}, {a}")

    def _chain(self) -> None:
        self._try(f"{self.pick(NAMES)} = {self.pick(NAMES)} = {self._valid()}")

    def _unpack(self) -> None:
        if self._arrays():
            a, b = self.pick(NAMES), self.pick(NAMES)
            if a != b:
                form = self.pick(
                    ["{a}, {b} = {c}", "{a}, *_, {b} = {c}", "({a}, {b}) = ({d}, {c})"]
                )
                c, d = self.pick(self._arrays()), self._valid()
                self._try(form.format(a=a, b=b, c=c, d=d))

    def _struct(self) -> None:
        if self._arrays():
            a, b = self.pick(self._arrays()), self.pick(self._values())
            name = self.pick(NAMES)
            if name not in (a, b):
                write = self.pick([f"{a} *= 0.5", f"{a}[0] = 0.3", f"{a} = {a} * 2"])
                self._try(f"pair = ({a}, {b})\n{write}\n{name} = pair[0] * 1.5")

    def _helper(self) -> None:
        self._call(self.pick(PLAIN))

    def _sharing_helper(self) -> None:
        self._call(self.pick(SHARING))

    def _call(self, name: str) -> None:
        arguments = {
            "blend": [self._valid(), self._valid()],
            "both": [self._valid(), self._valid()],
        }.get(name, [self.pick([self._valid(), self.pick(self._values())])])
        if name == "blend" and self.chance(2):
            arguments = [*arguments, f"w={self.pick(['0.2', self._valid()])}"]
        call = f"{name}({', '.join(arguments)})"
        target = f"{self.pick(NAMES)} = "
        if name == "both":
            target = "p, q = "
        elif name in SHARING and self.chance(3):
            target = ""
        elif self.chance(3):
            call = f"{call} * {self._atom()}"
        if self._try(target + call):
            self.helpers[name] = HELPERS[name]

    def _lambda(self) -> None:
        value = self.pick(self._values())
        body = self.pick([f"t * {value}", f"np.tanh(t) - {value}", "t * t * C"])
        line = f"g = lambda t: {body}\n{self.pick(NAMES)} = g({self._valid()})"
        self._try(line)

    def _closure(self) -> None:
        value = self.pick(self._values())
        line = f"def k(t):\n    r = t * {value}\n    return r + t\n{self.pick(NAMES)} = k({self._valid()})"
        self._try(line)

    def _constant(self) -> None:
        self._try(f"{self.pick(NAMES)} = C * {self._valid()} - C")

    def _walrus(self) -> None:
        self._try(f"{self.pick(NAMES)} = (e := {self._valid()}) * np.tanh(e)")


def is_fine(value: Any) -> bool:
    """Finite and small, whatever the nesting; what is no number is fine."""
    if isinstance(value, dict):
        return is_fine(list(value.values()))
    if isinstance(value, tuple | list):
        return all(map(is_fine, value))
    if callable(value) or not isinstance(value, np.ndarray | float | int):
        return True
    if isinstance(value, float | int):  # also NumPy's; no array has to be made
        return abs(value) < LARGEST
    array = np.asarray(value)
    if array.size > 60 or array.dtype.kind not in "fiub":
        return False
    return bool(np.abs(array).max(initial=0) < LARGEST)  # which NaN is not


def program(choices: Choices, features: str, length: int) -> Trial:
    from flow_programs import flow_program  # which reads this module

    if features in FLOW:
        return flow_program(choices, FLOW[features], length)
    return Writer(choices, STRAIGHT[features]).program(length)


def shorter(trial: Trial, fails: Callable[[Trial], bool]) -> Trial:
    """The program without every block, header, line and part of an expression that it fails without."""
    from shorter_programs import shortened

    return shortened(trial, fails)
