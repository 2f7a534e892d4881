"""Methods: what is emitted for them is called with the object, and agrees with differences of the method itself."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import method_programs as programs
import numpy as np
import pytest
from checking import drawn, load

from flatgrad.errors import FlatgradError
from flatgrad.options import Options
from flatgrad.pipeline import Transformation, transform

STEP = 1e-5


@dataclass(frozen=True)
class Case:
    """A method, the object that it is called on, and what a gradient is asked of."""

    source: str
    method: str
    make: Callable[[Mapping[str, Any]], Any]
    arguments: Mapping[str, Any]
    wrt: tuple[str, ...]  # self.params, X; the order in which they come
    emitted: str = ""  # the name of the functions, where it is not that of the method
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.emitted or self.method.rpartition(".")[2]

    def called(self, target: Any, arguments: Mapping[str, Any]) -> Any:
        name = self.method.rpartition(".")[2]
        method = getattr(type(target), name) if target is not None else None
        return drawn(method, target, *arguments.values())

    def __str__(self) -> str:
        return self.method


def leaves(value: Any) -> Iterator[Any]:
    """The numbers and arrays of a structure; dicts in the order of their keys."""
    match value:
        case dict():
            for key in sorted(value):
                yield from leaves(value[key])
        case list() | tuple():
            for part in value:
                yield from leaves(part)
        case _:
            yield value


def replaced(value: Any, numbers: Iterator[Any]) -> Any:
    """The structure with other numbers."""
    match value:
        case dict():
            found = {key: replaced(value[key], numbers) for key in sorted(value)}
            return {key: found[key] for key in value}
        case list() | tuple():
            return type(value)(replaced(part, numbers) for part in value)
        case _:
            return next(numbers)


def direction_of(value: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    drawn_numbers = [
        rng.normal(size=np.shape(v)) if np.ndim(v) else float(rng.normal())
        for v in leaves(value)
    ]
    return replaced(value, iter(drawn_numbers))


def moved(value: Any, direction: Any, step: float) -> Any:
    pairs = zip(leaves(value), leaves(direction), strict=True)
    return replaced(value, iter([v + step * d for v, d in pairs]))


def pairing(a: Any, b: Any) -> float:
    return float(sum(np.sum(x * y) for x, y in zip(leaves(a), leaves(b), strict=True)))


def held(target: Any, arguments: Mapping[str, Any], name: str) -> Any:
    if name.startswith("self."):
        return getattr(target, name.removeprefix("self."))
    return arguments[name]


def with_held(
    target: Any, arguments: Mapping[str, Any], name: str, value: Any
) -> tuple[Any, dict[str, Any]]:
    target, changed = copy.deepcopy(target), copy.deepcopy(dict(arguments))
    if name.startswith("self."):
        setattr(target, name.removeprefix("self."), value)
    else:
        changed[name] = value
    return target, changed


def results(value: Any) -> list[Any]:
    """What a cotangent belongs to."""
    parts = value if isinstance(value, tuple) else (value,)
    return [p for p in parts if not isinstance(p, tuple | dict | str) and p is not None]


def seeds_of(value: Any) -> list[Any]:
    rng = np.random.default_rng(5)
    return [
        (
            rng.uniform(0.5, 1.5, np.shape(p))
            if np.ndim(p)
            else float(rng.uniform(0.5, 1.5))
        )
        for p in results(value)
    ]


def slope(case: Case, name: str, direction: Any, seeds: Sequence[Any]) -> float:
    """The derivative of the seeded results along a direction of one input."""
    target, arguments = case.make(load(case.source)), case.arguments
    base = held(target, arguments, name)

    def total(step: float) -> float:
        there = with_held(target, arguments, name, moved(base, direction, step))
        outs = results(case.called(*there))
        return sum(float(np.sum(s * o)) for s, o in zip(seeds, outs, strict=True))

    return (total(-2 * STEP) - 8 * total(-STEP) + 8 * total(STEP) - total(2 * STEP)) / (
        12 * STEP
    )


def same(left: Any, right: Any) -> None:
    """The same structure with the same numbers, names and types in it."""
    for a, b in zip(leaves(left), leaves(right), strict=True):
        if np.asarray(a).dtype.kind in "fc":
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            assert np.array_equal(a, b), (a, b)


def state(target: Any) -> dict[str, Any]:
    return {k: v for k, v in vars(target).items() if not callable(v)}


def examine(case: Case) -> None:
    """Value, gradients, tangents and what happens to the object."""
    options = Options((case.method,), case.wrt, **case.options)
    work = Transformation(case.source, options)
    texts = {emit: work.emitted(emit) for emit in ("grad", "pair", "jvp")}
    for text in texts.values():
        no_name_of_the_inside(text)
    target = case.make(load(case.source))
    plain, arguments = copy.deepcopy(target), copy.deepcopy(dict(case.arguments))
    value = case.called(plain, arguments)
    seeds = seeds_of(value)
    directions = {n: direction_of(held(target, case.arguments, n), i) for i, n in enumerate(case.wrt)}  # fmt: skip
    wanted = {n: slope(case, n, d, seeds) for n, d in directions.items()}
    found = [
        gradients(case, texts["grad"], "grad", plain, value, seeds),
        gradients(case, texts["pair"], "pair", plain, value, seeds),
    ]
    for grads in found:
        grads = grads if len(case.wrt) > 1 else (grads,)
        for name, gradient in zip(case.wrt, grads, strict=True):
            told = pairing(gradient, directions[name])
            assert told == pytest.approx(wanted[name], rel=1e-6, abs=1e-8), name
    tangents(case, texts["jvp"], value, seeds, directions, wanted)


def no_name_of_the_inside(text: str) -> None:
    """Attributes are spelled as such, and a backward is not given the object."""
    for function in re.split(r"^def ", text, flags=re.MULTILINE):
        given = re.match(r"\w+\(\s*self\b", function)
        assert not re.search(r"\bself_" if given else r"\bself\.", function)


def gradients(
    case: Case, text: str, emit: str, after: Any, value: Any, seeds: Sequence[Any]
) -> Any:
    module = load(text)
    target = case.make(load(case.source))
    arguments = copy.deepcopy(dict(case.arguments))
    first = [] if target is None else [target]
    if emit == "grad":
        found, grads = drawn(module[f"{case.name}_grad"], *first, *arguments.values(), *seeds)  # fmt: skip
    else:
        *outs, cache = drawn(module[f"{case.name}_forward"], *first, *arguments.values())  # fmt: skip
        found = tuple(outs) if len(outs) > 1 else outs[0]
        grads = module[f"{case.name}_backward"](*seeds, cache)
    same(found, value)
    if target is not None:
        same(state(target), state(after))
    return grads


def tangents(
    case: Case,
    text: str,
    value: Any,
    seeds: Sequence[Any],
    directions: Mapping[str, Any],
    wanted: Mapping[str, float],
) -> None:
    target = case.make(load(case.source))
    first = [] if target is None else [target]
    arguments = copy.deepcopy(dict(case.arguments))
    function = load(text)[f"{case.name}_jvp"]
    found, dots = drawn(function, *first, *arguments.values(), *directions.values())
    same(found, value)
    parts = zip(value if isinstance(value, tuple) else (value,), dots if isinstance(value, tuple) else (dots,), strict=True)  # fmt: skip
    kept = [dot for out, dot in parts if results(out)]
    told = sum(float(np.sum(s * d)) for s, d in zip(seeds, kept, strict=True))
    assert told == pytest.approx(sum(wanted.values()), rel=1e-6, abs=1e-8)


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def filled(target: Any) -> Any:
    """Parameters of ordinary size, so that differences are accurate."""
    for i, key in enumerate(sorted(target.params)):
        target.params[key] = 0.5 * normal(i, *target.params[key].shape) + 0.1
    return target


def two_layers(module: Mapping[str, Any]) -> Any:
    return filled(module["TwoLayerNet"](5, 4, 3, reg=0.3))


def layers(**options: Any) -> Callable[[Mapping[str, Any]], Any]:
    def make(module: Mapping[str, Any]) -> Any:
        net = module["FullyConnectedNet"]
        return filled(net([4, 4], 5, 3, reg=0.2, dtype=np.float64, **options))

    return make


def captions(module: Mapping[str, Any]) -> Any:
    words = {"<NULL>": 0, "<START>": 1, "<END>": 2, "cat": 3}
    return filled(module["CaptioningRNN"](words, 5, 3, 4, dtype=np.float64))


def estimator(module: Mapping[str, Any]) -> Any:
    made = module["LogisticRegression"](3, 0.2)
    made.coef_, made.intercept_ = normal(3, 3), 0.4
    return made


def pendulum(module: Mapping[str, Any]) -> Any:
    return module["Pendulum"](0.8, 1.3, 0.1)


def cell(module: Mapping[str, Any]) -> Any:
    made = module["Cell"](0.4 * normal(1, 2, 3), 0.4 * normal(2, 3, 3))
    made.h = normal(4, 3)
    return made


DATA = {"X": normal(0, 6, 5), "y": np.array([0, 1, 2, 2, 1, 0])}
PARAMS = ("self.params", "X")
SWING = ("self.g", "self.length", "self.damping", "self.mass", "theta", "omega", "dt")
NET = "FullyConnectedNet.loss"
CASES = {
    "two layers": Case(programs.NETS, "TwoLayerNet.loss", two_layers, DATA, ("self.params", "self.reg", "X")),
    "layers": Case(programs.NETS, NET, layers(), DATA, PARAMS),
    "batchnorm": Case(programs.NETS, NET, layers(normalization="batchnorm"), DATA, PARAMS),
    "dropout": Case(programs.NETS, NET, layers(dropout_keep_ratio=0.7, seed=3), DATA, PARAMS),
    "all of it": Case(programs.NETS, NET, layers(normalization="batchnorm", dropout_keep_ratio=0.7), DATA, PARAMS),
    "captions": Case(programs.CAPTIONING, "CaptioningRNN.loss", captions,
                     {"features": normal(5, 2, 5), "captions": np.array([[1, 3, 3, 2], [1, 3, 2, 0]])},
                     ("self.params", "features")),
    "estimator": Case(programs.ESTIMATOR, "LogisticRegression.loss", estimator,
                      {"X": normal(6, 4, 3), "y": np.array([0.0, 1.0, 1.0, 0.0])},
                      ("self.coef_", "self.intercept_", "self.alpha", "X")),
    "physics": Case(programs.PENDULUM, "Pendulum.simulate", pendulum,
                    {"theta": 0.3, "omega": 0.7, "dt": 0.05, "steps": 7}, SWING),
    "a state that a method steps": Case(programs.CELL, "Cell.run", cell, {"xs": normal(7, 4, 2)},
                                        ("self.W", "self.U", "self.h", "xs")),
    "a state that is reset": Case(programs.CELL, "Cell.run2", cell, {"xs": normal(7, 4, 2)}, ("self.W", "self.U", "xs"),
                                  options={"shapes": {"self.W": ("D", "H"), "self.U": ("H", "H")}}),
    "the step itself": Case(programs.CELL, "Cell.step", cell, {"x": normal(7, 2)}, ("self.W", "self.h", "x")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_method_agrees_with_differences(name: str) -> None:
    examine(CASES[name])


# --- what a method may do with its object --------------------------------------------------------------------------


def scale(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def make(module: Mapping[str, Any]) -> Any:
        made = module[name](0.7)
        made.h = 0.9
        return made

    return make


def shrinking(module: Mapping[str, Any]) -> Any:
    return module["Scale"](np.array([0.5, 1.5, 2.0]))


NUMBER = {"x": 0.8}
WAYS = {
    "Scale.run": (NUMBER, ("self.w", "x")),
    "Square.run": (NUMBER, ("self.w", "self.h", "x")),
    "Scale.straight": (NUMBER, ("self.h", "x")),
    "Scale.advance": (NUMBER, ("self.h", "x")),
    "Scale.twice": (NUMBER, ("self.h", "x")),
    "Scale.renewed": (NUMBER, ("self.h", "x")),
    "Scale.private": (NUMBER, ("x",)),
    "Scale.ways": ({"x": 0.8, "n": 5}, ("self.h", "x")),
    "Scale.nothing": (NUMBER, ("x",)),
    "Scale.nested": (NUMBER, ("self.w", "x")),
    "Scale.each": ({"xs": np.array([1.0, 2.0])}, ("self.w", "xs")),
    "Scale.told": (NUMBER, ("self.w", "x")),
    "Scale.both": (NUMBER, ("self.w", "self.h", "x")),
    "Scale.joined": (NUMBER, ("self.w", "self.h", "x")),
    "Scale.either": (NUMBER, ("self.w", "self.h", "x")),
    "Scale.shadow": ({"w": 0.4}, ("self.w", "w")),
}


@pytest.mark.parametrize("method", WAYS)
def test_what_a_method_does_with_its_object(method: str) -> None:
    arguments, wrt = WAYS[method]
    made = scale(method.partition(".")[0])
    examine(Case(programs.PLAIN, method, made, arguments, wrt))


def test_an_attribute_is_written_in_place() -> None:
    arguments = {"x": np.array([0.3, 0.4, 1.0])}
    examine(Case(programs.PLAIN, "Scale.shrink", shrinking, arguments, ("self.w", "x")))


def test_the_text_of_a_network() -> None:
    text = transform(programs.NETS, Options(("TwoLayerNet.loss",), ("params", "X")))
    assert "def loss_grad(self, X, y=None, grad_loss=1.0):\n" in text
    assert '    W1, b1 = self.params["W1"], self.params["b1"]\n' in text
    assert '    # W1, b1 = self.params["W1"], self.params["b1"]\n' in text
    assert "    if y is None:\n        return scores, None\n" in text
    assert text.endswith("    return (loss, grads), (grad_params, grad_X)\n")
    assert "unbroadcast" not in text  # __init__ tells the shapes


def test_names_say_what_is_meant() -> None:
    """params is self.params where no parameter is called so; w is the parameter where both are there."""
    short = transform(programs.NETS, Options(("TwoLayerNet.loss",), ("params",)))
    assert short == transform(programs.NETS, Options(("TwoLayerNet.loss",), ("self.params",)))  # fmt: skip
    assert ", grad_w\n" in transform(programs.PLAIN, Options(("Scale.shadow",), ("w",)))


def test_without_a_label_there_is_only_the_result() -> None:
    made = two_layers(load(programs.NETS))
    X = DATA["X"]
    text = transform(programs.NETS, Options(("TwoLayerNet.loss",)))
    scores, nothing = load(text)["loss_grad"](made, X)
    np.testing.assert_allclose(scores, made.loss(X))
    assert nothing is None
    paired = transform(programs.NETS, Options(("TwoLayerNet.loss",), emit="pair"))
    scores, nothing = load(paired)["loss_forward"](made, X)
    np.testing.assert_allclose(scores, made.loss(X))
    assert nothing is None


# --- static methods ------------------------------------------------------------------------------------------------


def test_static_methods_are_plain_functions() -> None:
    torch = pytest.importorskip("torch")
    module = load(programs.TENSORS)
    x, w, b = (torch.rand(s, dtype=torch.float64, requires_grad=True) for s in ((4, 3), (3, 2), (2,)))  # fmt: skip
    out, _ = module["Linear_ReLU"].forward(x, w, b)
    seed = torch.rand(4, 2, dtype=torch.float64)
    out.backward(seed)
    text = transform(programs.TENSORS, Options(("Linear_ReLU.forward",)))
    plain = (v.detach() for v in (x, w, b))
    (found, _), grads = load(text)["linear_relu_grad"](*plain, seed)
    torch.testing.assert_close(found, out.detach())
    torch.testing.assert_close(list(grads), [x.grad, w.grad, b.grad])


def test_a_network_of_tensors() -> None:
    torch = pytest.importorskip("torch")
    net = load(programs.TENSORS)["TwoLayerNet"](3, 4, 2, 0.5, 0.1, torch.float64)
    X, y = torch.rand(5, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1])
    text = transform(programs.TENSORS, Options(("TwoLayerNet.loss",), ("params",)))
    (loss, _), grads = load(text)["loss_grad"](net, X, y)
    for value in net.params.values():
        value.requires_grad_()
    expected, _ = net.loss(X, y)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    for key, value in net.params.items():
        torch.testing.assert_close(grads[key], value.grad)


# --- what is refused -----------------------------------------------------------------------------------------------


def refusal(source: str, method: str, **options: Any) -> str:
    with pytest.raises(FlatgradError) as caught:
        transform(source, Options((method,), **options))
    return "\n".join(d.render("f.py", source) for d in caught.value.diagnostics)


REFUSED = {
    "Scale.between": """\
f.py:111:9: FG127 many_forward is called where an attribute of self has another value by then
  111 |     def between(self, x: float):
      |         ^^^^^^^
  let the method return the value, and give it to the attribute at the end""",
    "Scale.middle": """\
f.py:80:16: FG127 self.advance gives attributes new values in the middle of an expression
   80 |         return self.advance(x) + self.h
      |                ^^^^^^^^^^^^^^^
  give its result a name on a line of its own""",
    "Scale.whole": """\
f.py:83:20: FG126 self is used as a whole, and only its attributes are read
   83 |         return use(self, x)
      |                    ^^^^
  pass on the attributes that are needed, or call its methods by name""",
    "Scale.above": """\
f.py:86:16: FG126 what super() gives is not read
   86 |         return super().base(x)
      |                ^^^^^
  call the method as one of this class""",
    "Scale.handed": """\
f.py:89:22: FG126 the method self.base is handed on as a value
   89 |         return apply(self.base, x)
      |                      ^^^^^^^^^
  call it""",
    "Scale.again": """\
f.py:91:9: FG112 Scale.again calls itself, which is not read
   91 |     def again(self, x: float):
      |         ^^^^^
  write it as a function""",
    "Scale.inner": """\
f.py:96:13: FG127 a function within the method gives self.h another value
   96 |             self.h = y
      |             ^^^^^^
  let it return the value""",
    "Scale.missing": """\
f.py: FG503 there is no method Scale.missing
  methods of this file: """,
    "Other.base": """\
f.py: FG503 there is no class Other
  methods of this file: """,
}


@pytest.mark.parametrize("method", REFUSED)
def test_what_is_refused(method: str) -> None:
    found = refusal(programs.PLAIN, method)
    told = REFUSED[method]
    assert found.startswith(told) if told.endswith(": ") else found == told


def test_methods_are_offered() -> None:
    source = "class Net:\n    def loss(self, x):\n        return x * self.w\n\n    def _inner(self):\n        pass\n"
    with pytest.raises(FlatgradError) as caught:
        transform(source, Options())
    (told,) = caught.value.diagnostics
    assert told.code == "FG504"
    assert told.next_step == "name a method with --function: Net.loss"


def test_a_problem_is_told_in_the_words_of_the_method() -> None:
    source = "import scipy.special as s\n\n\nclass A:\n    def f(self, x):\n        return s.voigt_profile(self.w, x, 1.0)\n"
    assert refusal(source, "A.f", wrt=("v",)) == (
        "f.py:5:9: FG506 f has no parameter v\n"
        "    5 |     def f(self, x):\n"
        "      |         ^\n"
        "  parameters: self.w, x"
    )


# --- settings ------------------------------------------------------------------------------------------------------


def layer(module: Mapping[str, Any]) -> Any:
    return module["Layer"](0.7)


@pytest.mark.parametrize("name", ["asked", "other", "running"])
def test_settings_stay_in_the_forward_part(name: str) -> None:
    """What is read out of them is kept, though they have changed when the backward runs."""
    arguments = {"x": normal(1, 3) if name == "running" else 0.8}
    wrt = ("self.w", "x")
    examine(Case(programs.SETTINGS, f"Layer.{name}", layer, arguments, wrt))


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [
        ("direct", "FG108", 36),
        ("loop", "FG401", 41),
        ("helped", "FG401", 5),
        ("handed", "FG401", 49),
        ("mean", "FG108", 53),
        ("added", "FG106", 56),
    ],
)
def test_a_gradient_through_settings_is_refused(
    name: str, code: str, line: int
) -> None:
    found = refusal(programs.SETTINGS, f"Layer.{name}", wrt=("self.w", "x"))
    assert code in found
    assert f"f.py:{line}:" in found or f"(line {line})" in found
