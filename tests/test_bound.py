"""Methods, objects that are called and partial calls through the Python interface: gradients, staleness, refusals."""

from __future__ import annotations

import copy
import functools
import importlib
import linecache
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from checking import drawn
from test_methods import CASES, Case, direction_of, held, pairing, seeds_of, slope

import flatgrad
from flatgrad.cli import run
from flatgrad.errors import FlatgradError

RNG = np.random.default_rng(3)
STEP = 1e-6
GAIN = 2.0
X = RNG.normal(size=(6, 4))
Y = np.array([0, 1, 2, 0, 1, 2])


def differences(f: Callable[[Any], Any], at: Any) -> Any:
    """The gradient of a number, in the structure of the argument."""
    if isinstance(at, dict):
        return {k: differences(lambda v, k=k: f(at | {k: v}), at[k]) for k in at}
    if isinstance(at, list):
        parts = range(len(at))
        return [
            differences(lambda v, i=i: f([*at[:i], v, *at[i + 1 :]]), at[i])
            for i in parts
        ]
    found = np.zeros(np.shape(at))
    for index in np.ndindex(np.shape(at)):
        moved = np.zeros(np.shape(at))
        moved[index] = STEP
        found[index] = (f(at + moved) - f(at - moved)) / (2 * STEP)
    return found


def same(found: Any, expected: Any) -> None:
    match expected:
        case dict():
            assert found.keys() == expected.keys()
            for key, part in expected.items():
                same(found[key], part)
        case list():
            for one, other in zip(found, expected, strict=True):
                same(one, other)
        case _:
            assert np.shape(found) == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def of_attribute(held: Any, name: str, call: Callable[[Any], Any]) -> Any:
    """Differences with respect to an attribute, by copies of the object that have another one."""

    def value(attribute: Any) -> Any:
        other = copy.deepcopy(held)
        setattr(other, name, attribute)
        return call(other)

    return differences(value, getattr(held, name))


class Base:
    """A network of two layers."""

    def __init__(self, inputs=4, hidden=5, classes=3, reg=0.1):
        rng = np.random.default_rng(0)
        self.params = {
            "W1": rng.normal(size=(inputs, hidden)),
            "b1": rng.normal(size=hidden),
            "W2": rng.normal(size=(hidden, classes)),
            "b2": rng.normal(size=classes),
        }
        self.reg = reg
        self.__scale = 0.7

    def hidden(self, X):
        return np.tanh(X @ self.params["W1"] + self.params["b1"])

    def scores(self, X):
        return self.__scale * (self.hidden(X) @ self.params["W2"] + self.params["b2"])

    def loss(self, X, y=None):
        """The loss; the scores where there are no labels."""
        scores = self.scores(X)
        if y is None:
            return scores
        shifted = scores - np.max(scores, axis=1, keepdims=True)
        logs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        data = -np.mean(logs[np.arange(len(y)), y])
        return GAIN * data + self.reg * np.sum(self.params["W1"] ** 2)

    def __call__(self, X):
        return np.sum(self.scores(X) ** 2)

    def mean(self, X):
        h = self.hidden(X)
        return np.mean(self.__scale * h)

    def loops(self, x, n=2):
        for _ in range(n):
            x = self.once(x)
        return x * self.reg

    def once(self, x):
        return np.sin(x) if x > 0 else np.cos(x) * self.reg


MEAN = """\
def mean_grad(self, X, grad_out=1.0):
    h = hidden(self, X)
    out = np.mean(self._Base__scale * h)

    # out = np.mean(self._Base__scale * h)
    grad_h = grad_out * self._Base__scale / h.size * np.ones_like(h)
    # h = hidden(self, X)
    grad_a = grad_h * (1 - h**2)
    grad_params = zeros_like_tree(self.params)
    grad_params["W1"] = grad_params["W1"] + X.T @ grad_a
    grad_params["b1"] = grad_a.sum(axis=0)
    grad_X = grad_a @ self.params["W1"].T

    return out, (grad_params, grad_X)
"""


class Sines(Base):
    def hidden(self, X):
        return np.sin(X @ self.params["W1"] + self.params["b1"])


class Counter:
    """What kinds of attributes there are."""

    rate = 0.5

    def __init__(self, w=(1.0, -2.0, 0.5), steps=2, mode="sum"):
        self.w = np.array(w)
        self.steps = steps
        self.mode = mode
        self.layers = [np.ones(3), np.arange(3.0)]
        self.settings = []

    def told(self, x):
        for layer in self.settings:
            layer["mode"] = "train"
        return np.sum(self.w * x)

    @property
    def weight(self):
        return np.sum(self.w**2)

    @classmethod
    def decayed(cls, t, k=2.0):
        return np.exp(-cls.rate * t) * k

    @staticmethod
    def cube(x):
        return x**3

    def loss(self, x):
        h = x
        for _ in range(self.steps):
            h = np.tanh(self.w * h)
        total = np.sum(h) if self.mode == "sum" else np.mean(h)
        return total * self.weight + Counter.cube(np.sum(x))

    def overwriting(self, x):
        self.w[0] = 5.0
        return np.sum(self.shared * x * self.shared)

    def stored(self, x):
        self.h = np.tanh(self.w * x)
        return np.sum(self.h * self.layers[0] + self.layers[1] * self.h**2)


# --- conventions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Base, Sines])
def test_arguments_and_attributes(kind: type) -> None:
    net = kind()
    same(flatgrad.grad(net.loss)(X, Y), differences(lambda x: net.loss(x, Y), X))
    value, (params, x) = flatgrad.value_and_grad(net.loss, ("self.params", "X"))(X, Y)
    assert value == net.loss(X, Y)
    same(params, of_attribute(net, "params", lambda n: n.loss(X, Y)))
    same(x, flatgrad.grad(net.loss, 0)(X, y=Y))
    reg = flatgrad.grad(net.loss, "self.reg")(X, Y)
    same(reg, np.sum(net.params["W1"] ** 2))


def test_what_is_emitted() -> None:
    g = flatgrad.grad(Base().mean, ("self.params", "X"))
    g(X)
    text = g.__source__
    assert text[text.index("def mean_grad") :] == MEAN
    assert "unbroadcast" not in text
    assert (g.__name__, g.__qualname__) == ("mean_grad", "Base.mean_grad")


def test_the_object_is_the_first_argument() -> None:
    net, other = Base(), Sines()
    g = flatgrad.grad(Base.loss, ("X", "self.params"))
    for one in (net, other, net):
        x, params = g(one, X, Y)
        same(x, differences(lambda x, one=one: one.loss(x, Y), X))
        same(params, of_attribute(one, "params", lambda n: n.loss(X, Y)))
    same(flatgrad.grad(Base.loss)(net, X, Y), flatgrad.grad(net.loss)(X, Y))


def test_signatures_and_documentation() -> None:
    import inspect

    net = Base()
    g, unbound = flatgrad.grad(net.loss, "self.params"), flatgrad.grad(Base.loss)
    assert str(inspect.signature(g)) == "(X, y=None)"
    assert str(inspect.signature(unbound)) == "(self, X, y=None)"
    assert "The gradient of loss with respect to self.params." in (g.__doc__ or "")
    assert "The loss; the scores where" in (g.__doc__ or "")
    again = pickle.loads(pickle.dumps(g))
    same(again(X, Y), g(X, Y))


def test_linear_maps_and_jacobians() -> None:
    net = Base()
    value, pullback = flatgrad.vjp(net.scores, ("self.params", "X"))(X)
    seed = RNG.normal(size=value.shape)
    params, x = pullback(seed)
    same(x, differences(lambda x: np.sum(seed * net.scores(x)), X))
    same(
        params,
        of_attribute(net, "params", lambda n: np.sum(seed * n.scores(X))),
    )
    step = RNG.normal(size=X.shape)
    _, tangent = flatgrad.jvp(net.scores, "X")((X,), step)
    np.testing.assert_allclose(np.sum(tangent * seed), np.sum(x * step))
    whole = flatgrad.jacobian(net.scores, "X")(X)
    np.testing.assert_allclose(np.einsum("nc,ncij->ij", seed, whole), x)
    along = flatgrad.jacobian(net.once, "self.reg")(-0.5)
    same(along, np.cos(-0.5))


def test_second_derivatives() -> None:
    net, v = Base(), RNG.normal(size=X.shape)
    g = flatgrad.grad(net.loss, "X")
    moved = (g(X + STEP * v, Y) - g(X - STEP * v, Y)) / (2 * STEP)
    same(flatgrad.hvp(net.loss, "X")(X, Y, v), moved)
    c, x = Counter(), RNG.normal(size=3)
    whole = flatgrad.hessian(c.loss, ("x", "self.w"))(x)
    for i in range(3):
        rows = differences(lambda x, i=i: flatgrad.grad(c.loss, "x")(x)[i], x)
        same(whole[0][0][i], rows)
        mixed = of_attribute(c, "w", lambda n, i=i: flatgrad.grad(n.loss)(x)[i])
        same(whole[0][1][i], mixed)
    for wrt, expected in (("x", 0.0), (("x",), 0.0)):
        found = flatgrad.hessian(net.once, wrt)(0.0)
        same(found if wrt == "x" else found[0][0], expected - 1.0 * net.reg)
    mixed = flatgrad.grad(flatgrad.grad(Base.once, "x"), "self.reg")
    same(mixed(net, -0.4), np.sin(0.4))
    third = flatgrad.grad(flatgrad.grad(flatgrad.grad(net.once, "x"), "x"), "x")
    same(third(0.7), -np.cos(0.7))


def test_kinds_of_methods() -> None:
    c, x = Counter(), RNG.normal(size=3)
    same(flatgrad.grad(c.loss)(x), differences(c.loss, x))
    same(flatgrad.grad(c.told)(x), c.w)
    w = flatgrad.grad(c.loss, "self.w")(x)
    same(w, of_attribute(c, "w", lambda n: n.loss(x)))
    same(flatgrad.grad(Counter.decayed, "t")(2.0), -0.5 * np.exp(-1.0) * 2.0)
    same(flatgrad.grad(c.decayed, "cls.rate")(2.0), -2.0 * np.exp(-1.0) * 2.0)
    assert flatgrad.grad(c.cube)(2.0) == flatgrad.grad(Counter.cube)(2.0) == 12.0
    net = Base()
    same(flatgrad.grad(net)(X), differences(net, X))
    assert flatgrad.grad(net).__name__ == "Base_grad"


def test_what_is_stored_is_stored() -> None:
    c, x = Counter(), RNG.normal(size=3)
    g = flatgrad.grad(c.stored, ("x", "self.layers"))
    for _ in range(2):
        found, layers = g(x)
        same(found, differences(Counter().stored, x))
        same(layers, of_attribute(c, "layers", lambda n: n.stored(x)))
        np.testing.assert_array_equal(c.h, np.tanh(c.w * x))


def test_several_ways_through() -> None:
    net = Base(reg=0.4)
    for start, n in ((1.5, 3), (-0.7, 2), (-0.7, 0)):
        found = flatgrad.grad(net.loops, ("x", "self.reg"))(start, n)
        same(found[0], differences(lambda x, n=n: net.loops(x, n), start))
        same(found[1], of_attribute(net, "reg", lambda o, s=start, n=n: o.loops(s, n)))


def test_types_of_numbers_and_lambdas() -> None:
    odd, x = Odd(), RNG.normal(size=5)
    same(flatgrad.grad(odd.typed)(x), odd.params["b1"])
    made = lambda: flatgrad.grad(lambda z: 3.0 * z)(2.0)  # noqa: E731
    assert made() == 3.0  # the inner of two lambdas of one line


def test_partial_calls() -> None:
    def f(x, y, z=2.0):
        return x * y**2 + z * x

    assert flatgrad.grad(functools.partial(f, 2.0))(3.0) == (12.0, 2.0)
    assert flatgrad.grad(functools.partial(f, y=3.0))(2.0) == (11.0, 2.0)
    assert flatgrad.grad(functools.partial(f, 2.0, z=1.0))(3.0) == 12.0
    assert flatgrad.grad(functools.partial(f, 2.0), "y")(3.0) == 12.0
    assert flatgrad.grad(functools.partial(f, z=1.0), 0)(2.0, 3.0) == 10.0
    assert flatgrad.hessian(functools.partial(f, 2.0), "y")(3.0) == 4.0
    net = Base()
    g = flatgrad.grad(functools.partial(net.loss, y=Y))
    same(g(X), flatgrad.grad(net.loss)(X, Y))
    with pytest.raises(FlatgradError, match="FG506"):
        flatgrad.grad(functools.partial(f, 2.0), "x")
    with pytest.raises(FlatgradError, match="FG506 z of f is no argument"):
        flatgrad.grad(functools.partial(f, z=2.0), "z")


# --- never stale -----------------------------------------------------------------------------------------------------------


def test_values_of_attributes_are_those_of_the_call() -> None:
    net = Base()
    g = flatgrad.grad(net.loss, ("X", "self.params"))
    g(X, Y)
    net.params = Base(hidden=7).params
    net.reg = 3
    x, params = g(X, Y)
    same(x, differences(lambda x: net.loss(x, Y), X))
    same(params, of_attribute(net, "params", lambda n: n.loss(X, Y)))
    net.params["b1"] = np.zeros(1)  # it is broadcast now
    x, params = g(X, Y)
    same(params, of_attribute(net, "params", lambda n: n.loss(X, Y)))
    net.params["W2"] *= 2.0
    same(g(X, Y)[0], differences(lambda x: net.loss(x, Y), X))


def test_other_kinds_of_attributes() -> None:
    c, x = Counter(), RNG.normal(size=3)
    g = flatgrad.grad(c.loss)
    kinds = (2.0, 3, "sum"), (c.w, 0, "mean"), (np.ones((2, 3)), 1, "mean")
    for w, steps, mode in kinds:
        c.w, c.steps, c.mode = w, steps, mode
        same(g(x), differences(c.loss, x))


def test_methods_that_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Sines()
    g = flatgrad.grad(net.loss)
    before = g(X, Y)

    def hidden(self, X):
        return (X @ self.params["W1"]) ** 2

    monkeypatch.setattr(Sines, "hidden", hidden)
    same(g(X, Y), differences(lambda x: net.loss(x, Y), X))
    monkeypatch.delattr(Sines, "hidden")
    same(g(X, Y), differences(lambda x: net.loss(x, Y), X))
    net.__class__ = Base
    same(g(X, Y), differences(lambda x: net.loss(x, Y), X))
    monkeypatch.undo()
    net.__class__ = Sines
    same(g(X, Y), before)
    monkeypatch.setattr(Sines, "reg", 5.0, raising=False)
    del net.reg
    same(g(X, Y), differences(lambda x: net.loss(x, Y), X))


def test_globals_that_change(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Base(reg=0.0)
    g = flatgrad.grad(net.loss)
    before = g(X, Y)
    monkeypatch.setattr(sys.modules[__name__], "GAIN", 4.0)
    same(g(X, Y), 2 * before)


# --- refusals --------------------------------------------------------------------------------------------------------------


class Odd(Base):
    kinds = np.float64

    def typed(self, x):
        return np.sum(x.astype(self.kinds) * self.params["b1"].astype(self.kinds))

    def whole(self, x):
        return x * helper(self)

    def above(self, X):
        return np.sum(super().scores(X))

    @functools.cached_property
    def kept(self):
        return np.sum(self.params["W1"])

    def reads_kept(self, x):
        return x * self.kept

    def no_argument(self):
        return np.sum(self.params["W1"] ** 2)


class Answering:
    def __getattr__(self, name):
        return 2.0

    def f(self, x):
        return x * self.anything


def helper(held):
    return held.reg


def line_of(text: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip() == text)


@pytest.mark.parametrize(
    ("method", "code", "line"),
    [
        (Odd().whole, "FG126 self is used as a whole", "return x * helper(self)"),
        (Odd().above, "FG126 what super() gives", "return np.sum(super().scores(X))"),
        (Odd().reads_kept, "FG126 kept is computed by a cached_property", "return x * self.kept"),
    ],
)  # fmt: skip
def test_refusals_stand_where_the_method_does(
    method: Any, code: str, line: str
) -> None:
    with pytest.raises(FlatgradError) as caught:
        flatgrad.grad(method)(X)
    told = str(caught.value)
    assert code in told
    assert f"test_bound.py:{line_of(line)}:" in told


def test_arrays_that_are_overwritten_under_two_names() -> None:
    c, x = Counter(), RNG.normal(size=3)
    c.shared = c.w.copy()
    g = flatgrad.grad(c.overwriting, ("x", "self.shared"))
    same(g(x), [c.shared**2, 2 * c.shared * x])
    c = Counter()
    c.shared = c.w[:]
    g = flatgrad.grad(c.overwriting, ("x", "self.shared"))
    with pytest.raises(
        FlatgradError,
        match=r"FG401 overwriting overwrites an array that is both self\.w and self\.shared",
    ):
        g(x)

    def overwrites(a, b):
        a *= 2.0
        return np.sum(a * b)

    same(flatgrad.grad(overwrites)(x.copy(), x), [2 * x, 2 * x])
    with pytest.raises(FlatgradError, match="FG401"):
        flatgrad.grad(overwrites)(x, x)
    with pytest.raises(FlatgradError, match="FG401"):
        flatgrad.vjp(overwrites)(x, x[:])


def test_refusals_without_a_line() -> None:
    odd, net = Odd(), Base()
    with pytest.raises(FlatgradError, match=r'FG505 .*\n.*wrt="self.params"'):
        flatgrad.grad(odd.no_argument)()
    same(flatgrad.grad(odd.no_argument, "self.params")()["W1"], 2 * odd.params["W1"])
    with pytest.raises(FlatgradError, match="FG126 Answering has a __getattr__"):
        flatgrad.grad(Answering().f)(2.0)
    with pytest.raises(FlatgradError, match="FG506 self of loss is no argument"):
        flatgrad.grad(Base.loss, 0)
    with pytest.raises(FlatgradError, match="FG506 loss has no parameter Z"):
        flatgrad.grad(net.loss, "Z")
    with pytest.raises(FlatgradError, match=r"FG506 loss has no parameter self\.n"):
        flatgrad.grad(net.loss, "self.nothing")(X, Y)
    with pytest.raises(FlatgradError, match="FG704 loss is a method, and a ndarray"):
        flatgrad.grad(Base.loss)(X, Y)
    net.hidden = np.tanh
    with pytest.raises(
        FlatgradError, match="FG126 this object has a hidden of its own"
    ):
        flatgrad.grad(net.loss)(X, Y)
    del net.hidden
    with pytest.raises(FlatgradError, match="FG703"):
        flatgrad.grad(net.scores)(X)
    with pytest.raises(AttributeError):
        flatgrad.grad(Counter.loss)(Base(), X[0])


# --- decorated methods -------------------------------------------------------------------------------------------------------

DECORATED = """
import numpy as np

import flatgrad


class Net:
    slope = 2.0

    def __init__(self, D, C):
        self.params = {}
        self.params["W"] = np.linspace(-1, 1, D * C).reshape(D, C)
        self.params["b"] = np.zeros(C)

    @flatgrad.differentiable
    def loss(self, X, y=None):
        scores = self.scores(X)
        if y is None:
            return scores
        return np.sum((scores[np.arange(len(y)), y] - 1) ** 2)

    def scores(self, X):
        return X @ self.params["W"] + self.params["b"]

    @classmethod
    @flatgrad.differentiable
    def line(cls, t):
        return cls.slope * t**2

    @flatgrad.differentiable(wrt="self.params")
    def penalty(self):
        return np.sum(self.params["W"] ** 2)


class Steep(Net):
    slope = 5.0

    def scores(self, X):
        return np.tanh(X @ self.params["W"])
"""


def module_of(tmp_path: Path, text: str, monkeypatch: Any) -> ModuleType:
    name = f"bound_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name)


def test_decorated_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    m = module_of(tmp_path, DECORATED, monkeypatch)
    net, steep = m.Net(4, 3), m.Steep(4, 3)
    for one in (net, steep):
        expected = differences(lambda x, one=one: one.loss(x, Y), X)
        same(one.loss.grad(X, Y), expected)
        same(m.Net.loss.grad(one, X, Y), expected)
        same(flatgrad.grad(one.loss)(X, Y), expected)
        assert one.loss.value_and_grad(X, Y)[0] == one.loss(X, Y)
    same(net.penalty.grad()["W"], 2 * net.params["W"])
    assert m.Net.line.grad(3.0) == 12.0
    assert m.Steep.line.grad(3.0) == steep.line.grad(3.0) == 30.0
    assert run([m.__file__, "--function", "Net.loss"]) == 0
    printed = capsys.readouterr().out
    assert net.loss.source("grad") == m.Net.loss.source() == printed
    assert "def loss_backward(" in net.loss.source("pair")


def test_refusals_at_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = DECORATED.replace("scores = self.scores(X)", "scores = sorted(self, X)")
    with pytest.raises(FlatgradError, match=r"\.py:17:\d+: FG126 self is used"):
        module_of(tmp_path, wrong, monkeypatch)


def test_what_the_text_does_not_know_is_found_out_at_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        f"import flatgrad\nfrom {__name__} import Base\n\n\n"
        "class Net(Base):\n    @flatgrad.differentiable\n    def energy(self, X):\n"
        "        return (self.hidden(X) ** 2).sum()\n"
    )
    m = module_of(tmp_path, text, monkeypatch)
    net = m.Net()
    same(net.energy.grad(X), differences(net.energy, X))


# --- programs as people write them -------------------------------------------------------------------------------------------


def living(case: Case) -> Any:
    """The object of a program, whose text can be had as that of a file."""
    name = f"<program {case.method} {id(case)}>"
    lines = case.source.splitlines(True)
    linecache.cache[name] = (len(case.source), None, lines, name)
    namespace: dict[str, Any] = {"__name__": "program"}
    exec(compile(case.source, name, "exec"), namespace)
    return case.make(namespace)


@pytest.mark.parametrize("name", ["batchnorm", "a state that is reset"])
def test_programs(name: str) -> None:
    case = CASES[name]
    target, method = living(case), case.method.rpartition(".")[2]
    value = case.called(copy.deepcopy(target), copy.deepcopy(case.arguments))
    seeds = seeds_of(value)
    called = getattr(copy.deepcopy(target), method)
    arguments = copy.deepcopy([*case.arguments.values()])
    _, pullback = drawn(flatgrad.vjp(called, case.wrt), *arguments)
    for wrt, gradient in zip(case.wrt, pullback(*seeds), strict=True):
        direction = direction_of(held(target, case.arguments, wrt), 3)
        expected = slope(case, wrt, direction, seeds)
        found = pairing(gradient, direction)
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("read", ["params", "factors", "factor"])
def test_complex_numbers_of_an_object(read: str) -> None:
    """|k x²|, of a complex k that stands in a dict, in a list or by itself, has a real derivative."""
    found = flatgrad.grad(getattr(Complex(), read))(1.5)
    assert found == pytest.approx(3 * abs(1 + 2j))


class Complex:
    def __init__(self) -> None:
        self.held, self.listed, self.k = {"k": 1 + 2j}, [1 + 2j], 1 + 2j

    def params(self, x: float) -> Any:
        return np.abs(self.held["k"] * x * x)

    def factors(self, x: float) -> Any:
        return np.abs(self.listed[0] * x * x)

    def factor(self, x: float) -> Any:
        return np.abs(self.k * x * x)


def test_an_attribute_is_named_as_the_method_calls_its_object() -> None:
    class Spring:
        def __init__(this) -> None:
            this.k = 2.0

        def energy(this, x: float) -> float:
            return 0.5 * this.k * x**2

    assert flatgrad.grad(Spring().energy, "this.k")(3.0) == pytest.approx(4.5)
    with pytest.raises(FlatgradError, match=r'of its object, write wrt="this\.k"'):
        flatgrad.grad(Spring().energy, "self.k")
