"""flatgrad.graph: nodes, values, gradients, local derivatives, paths and pictures of one run.

Gradients are compared with central differences of the function itself, with the numbers that lectures print, and with
the sum over all paths of the products of local derivatives.
"""

import copy
import importlib.util
import random
import re
import subprocess
import sys
import warnings
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import numpy as np
import pytest
from checking import Subject, Trial, as_tuple, central, has_seed, load, located
from programs import FEATURES, Dice, program

import flatgrad
from flatgrad import tracing
from flatgrad.drawing import Arrow, Box, Picture, to_dot, to_mermaid, to_svg
from flatgrad.errors import FlatgradError
from flatgrad.layered import lay_out

GOLDENS = Path(__file__).parent / "graphs"


def made(text, function=""):
    return flatgrad.graph(dedent(text).strip() + "\n", function)


def differences(text, inputs, seeds=None, function="f"):
    """The gradients by central differences, of the function that the text defines."""
    trial = Trial(text, inputs, function=function)
    forward = load(trial.text)[function]
    outs = as_tuple(forward(*copy.deepcopy(list(inputs.values()))))
    seeds = seeds or [np.ones(np.shape(out)) for out in outs]
    return central(forward, trial, seeds)


def assert_right(text, inputs, seeds=None):
    """Value and gradients of the graph are those of the function."""
    g = made(text, "f")
    value = g.forward(*copy.deepcopy(list(inputs.values())))
    expected = load(Trial(text, inputs).text)["f"](
        *copy.deepcopy(list(inputs.values()))
    )
    np.testing.assert_equal(value, expected)
    found = g.backward(
        tuple(seeds) if seeds and len(seeds) > 1 else seeds[0] if seeds else 1.0
    )
    for name, gradient in differences(text, inputs, seeds).items():
        assert_close(found[name], gradient)
    return g


def assert_close(found, expected):
    match expected:
        case dict():
            assert found.keys() == expected.keys()
            for key in expected:
                assert_close(found[key], expected[key])
        case list() | tuple():
            assert type(found) is type(expected)
            for one, other in zip(found, expected, strict=True):
                assert_close(one, other)
        case _:
            assert np.shape(found) == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


# --- what lectures print ---------------------------------------------------------------------------------------------

DEMO = """
def f(x, y):
    return 2 * x * y + (x - 1) ** 2
"""


@pytest.fixture
def demo():
    g = made(DEMO)
    assert g.forward(3, 5) == 34
    assert g.backward() == {"x": 14, "y": 6}
    return g


def test_the_demo(demo):
    assert [node.name for node in demo.nodes] == [
        "x",
        "y",
        "v1",
        "v2",
        "v3",
        "v4",
        "out",
    ]
    assert [node.value for node in demo.nodes] == [3, 5, 6, 30, 2, 4, 34]
    assert [node.gradient for node in demo.nodes] == [14, 6, 5, 1, 4, 1, 1]
    assert [edge.local for edge in demo.edges] == [2, 5, 6, 1, 4, 1, 1]
    assert demo["v2"].expression == "v1 * y"
    assert demo["v2"].text == "2 * x * y"
    assert demo["v2"].operation == "mul"
    assert demo["v2"].line == 2
    assert demo["v2"].parents == (demo["v1"], demo["y"])


def test_the_demo_as_a_table(demo):
    assert str(demo).splitlines() == [
        "node  operation  value  gradient",
        "x     input      3      14",
        "y     input      5      6",
        "v1    2 * x      6      5",
        "v2    v1 * y     30     1",
        "v3    x - 1      2      4",
        "v4    v3 ** 2    4      1",
        "out   v2 + v4    34     1",
    ]


def test_the_paths_of_the_demo(demo):
    found = {str(path): path.product for path in demo.paths("x")}
    assert found == {"x -> v1 -> v2 -> out": 10, "x -> v3 -> v4 -> out": 4}
    assert demo.sum_over_paths("x") == 14
    assert demo.sum_over_paths("y") == 6
    assert demo.sum_over_paths("x", "v2") == 10
    assert demo.sum_over_paths("y", "v4") == 0
    assert demo.sum_over_paths("x", "x") == 1


def test_a_sum_and_a_product():
    g = made("""
        def f(x, y, z):
            q = x + y
            return q * z
    """)
    assert g.forward(-2, 5, -4) == -12
    assert g.backward() == {"x": -4, "y": -4, "z": 3}
    assert (g["q"].value, g["q"].gradient) == (3, -4)


def test_a_sigmoid_neuron():
    g = made("""
        import math

        def f(w0, x0, w1, x1, w2):
            return 1 / (1 + math.exp(-(w0 * x0 + w1 * x1 + w2)))
    """)
    assert round(g.forward(2, -1, -3, -2, -3), 2) == 0.73
    found = {name: round(gradient, 2) for name, gradient in g.backward().items()}
    assert found == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}
    made_by = [
        (node.operation, round(node.value, 2), round(node.gradient, 2))
        for node in g.nodes[5:]
    ]
    assert made_by == [
        ("mul", -2, 0.2), ("mul", 6, 0.2), ("add", 4, 0.2), ("add", 1, 0.2),
        ("neg", -1, -0.2), ("exp", 0.37, -0.53), ("add", 1.37, -0.53), ("truediv", 0.73, 1),
    ]  # fmt: skip


# --- paths and gradients ---------------------------------------------------------------------------------------------


def test_a_value_that_is_read_twice_by_one_operation_has_two_edges():
    g = made("def f(x):\n    return x * x\n")
    g.forward(3.0)
    assert [edge.local for edge in g.edges] == [3, 3]
    assert [path.product for path in g.paths("x")] == [3, 3]
    assert g.backward() == {"x": 6}
    assert g["out"].parents == (g["x"],)


def scalar_program(seed):
    """Straight-line text in two numbers, each line of which may read all that is there."""
    choose = random.Random(seed)
    names, lines = ["x", "y"], []
    for number in range(choose.randint(3, 7)):
        a, b = choose.choice(names), choose.choice(names)
        form = choose.choice([
            "{a} * {b}", "{a} + 0.3 * {b}", "np.sin({a}) - {b}", "{a} / (2 + {b} ** 2)", "np.exp(-{a} * {a}) * {b}",
            "np.sqrt(1 + {a} ** 2)", "{a} ** 3", "np.maximum({a}, 0.1 * {b})", "-{a}", "np.tanh({a} - {b})", "{a} if {b} > 0 else 2 * {a}",
        ])  # fmt: skip
        names.append(f"t{number}")
        lines.append(f"    t{number} = {form.format(a=a, b=b)}")
    result = f"    return {' + '.join(names[2:])}"
    return "\n".join(["import numpy as np", "", "def f(x, y):", *lines, result])


@pytest.mark.parametrize("seed", range(12))
def test_the_sum_over_paths_is_the_gradient(seed):
    text, inputs = scalar_program(seed), {"x": 0.7, "y": -0.4}
    g = assert_right(text, inputs)
    for node in g.nodes:
        np.testing.assert_allclose(
            g.sum_over_paths(node), node.gradient, rtol=1e-12, atol=1e-14
        )


ARRAYS = """
import numpy as np

def f(x, W, b):
    h = np.tanh(x @ W + b)
    return np.sum(h * h, axis=1)
"""


def arrays():
    draw = np.random.default_rng(0)
    return {
        "x": draw.normal(size=(2, 3)),
        "W": draw.normal(size=(3, 2)),
        "b": draw.normal(size=2),
    }


def test_the_sum_over_paths_of_arrays_is_the_jacobian():
    inputs = arrays()
    seed = np.array([0.3, -2.0])
    g = assert_right(ARRAYS, inputs, [seed])
    forward = load(ARRAYS)["f"]
    for name, value in inputs.items():
        total = g.sum_over_paths(name)
        assert total.shape == (2, *value.shape)
        np.testing.assert_allclose(np.tensordot(seed, total, 1), g[name].gradient)
        place = (0,) * value.ndim
        up, down = (
            {**inputs, name: value + sign * 1e-6 * _unit(value, place)}
            for sign in (1, -1)
        )
        found = (forward(*up.values()) - forward(*down.values())) / 2e-6
        np.testing.assert_allclose(
            total[(slice(None), *place)], found, rtol=1e-6, atol=1e-8
        )


def _unit(value, place):
    unit = np.zeros(value.shape)
    unit[place] = 1
    return unit


def test_a_large_jacobian_is_not_written_out_but_pulls():
    g = made("import numpy as np\n\ndef f(x):\n    y = 3 * x\n    return np.sum(y)\n")
    g.forward(np.ones(100))
    edge = g["y"].edges[0]
    assert edge.local is None
    np.testing.assert_array_equal(edge.pull(np.arange(100.0)), 3 * np.arange(100.0))
    assert g["out"].edges[0].local.shape == (100,)
    with pytest.raises(ValueError, match="too large to be written out"):
        g.sum_over_paths("x")
    np.testing.assert_array_equal(g.backward()["x"], np.full(100, 3.0))


SEVERAL = """
import numpy as np

def f(x, y):
    p = x * y
    return p, np.sin(p) + x, y
"""


def test_several_outputs_have_a_seed_each():
    g = assert_right(SEVERAL, {"x": 0.5, "y": 2.0}, [0.3, -1.5, 4.0])
    assert [node.name for node in g.outputs] == ["p", "out", "y"]
    assert g.backward((None, 1.0, None)) == {
        "x": g.sum_over_paths("x", "out"),
        "y": g.sum_over_paths("y", "out"),
    }
    assert g.backward((1, 1, 1)) == g.backward()
    with pytest.raises(ValueError, match="2 seeds for 3 outputs"):
        g.backward((1.0, 2.0))
    with pytest.raises(
        ValueError, match="name the output at which the paths end: p, out, y"
    ):
        g.sum_over_paths("x")


def test_a_seed_has_the_shape_of_its_output():
    g = made(ARRAYS)
    g.forward(**arrays())
    once = g.backward(np.array([2.0, 2.0]))
    assert_close(g.backward(2.0), once)
    with pytest.raises(
        ValueError, match=r"the seed of out has shape \(3,\), not \(2,\)"
    ):
        g.backward(np.ones(3))


def test_backward_starts_anew(demo):
    assert demo.backward(2.0) == {"x": 28, "y": 12}
    assert demo.backward() == {"x": 14, "y": 6}


# --- programs --------------------------------------------------------------------------------------------------------

PROGRAMS = {
    "overwritten": ("def f(x, y):\n    x = x * y\n    x = x * x\n    return x + y\n", {"x": 1.5, "y": -0.7}),
    "a helper": (
        "def half(a, by=2.0):\n    return a / by\n\n\ndef f(x, y):\n    return half(x * y) + half(y, by=x)\n",
        {"x": 1.5, "y": -0.7},
    ),
    "a helper with a loop": (
        "def power(a, n):\n    r = 1.0\n    for _ in range(n):\n        r = r * a\n    return r\n\n\n"
        "def f(x, y):\n    return power(x, 3) + power(y, 2)\n",
        {"x": 1.5, "y": -0.7},
    ),
    "while and break": (
        "def f(x, y):\n    n = 0\n    while x > 0.1:\n        x = x * y\n        n += 1\n        if n > 3:\n"
        "            break\n    return x + n * y\n",
        {"x": 5.0, "y": 0.6},
    ),
    "early return": ("def f(x, y):\n    if x > y:\n        return x * y\n    return x - y\n", {"x": 1.0, "y": 2.0}),
    "a list": (
        "import numpy as np\n\ndef f(x, y):\n    parts = []\n    for i in range(3):\n        parts.append(x * y ** i)\n"
        "    parts[1] = parts[0] * 2\n    last = parts.pop()\n    return np.array(parts) * last\n",
        {"x": 1.5, "y": -0.7},
    ),
    "stores": (
        "import numpy as np\n\ndef f(x, y):\n    a = np.zeros(4)\n    a[:2] = x\n    a[[1, 3]] += y\n    a[a > 2] = 0\n"
        "    return np.sum(a ** 2)\n",
        {"x": np.array([1.0, 3.0]), "y": np.array([0.5, 2.5])},
    ),
    "trees": (
        "import numpy as np\n\ndef f(p, xs):\n    h = xs[0]\n    for layer in p['layers']:\n        h = np.tanh(layer['w'] * h + layer['b'])\n"
        "    return {'h': h, 'all': [h * v for v in xs]}['h'] + sum(xs)\n",
        {"p": {"layers": [{"w": 0.5, "b": 0.1}, {"w": -1.5, "b": 0.2}]}, "xs": [0.3, 0.9]},
    ),
    "labels": (
        "import numpy as np\n\ndef f(scores, y):\n    N = scores.shape[0]\n    p = np.exp(scores)\n    p /= p.sum(axis=1, keepdims=True)\n"
        "    return -np.log(p[np.arange(N), y]).sum() / N\n",
        {"scores": np.array([[0.1, 0.7, -0.4], [1.2, -0.3, 0.2]]), "y": np.array([2, 0])},
    ),
    "choices": (
        "import numpy as np\n\ndef f(x):\n    mask = x > 0\n    return np.where(mask, x ** 2, -x) * mask\n",
        {"x": np.array([0.5, -0.3, 1.2])},
    ),
    "what is not read, without a derivative": (
        "import numpy as np\n\ndef f(x, mode='b'):\n    s = 0.0\n    for i, j in np.ndindex(x.shape):\n        if mode in ('a', 'b') and 0 <= i < 1:\n"
        "            s += x[i, j] ** 2\n    np.add.at(x, slice(None), s)\n    return x\n",
        {"x": np.array([[1.0, 2.0], [3.0, 4.0]])},
    ),
    "several results": (
        "import numpy as np\n\ndef f(x):\n    w, v = np.linalg.eigh(x @ x.T)\n    a, b = np.split(w, 2)\n    return np.sum(a * b ** 2) + np.sum(v[:, 0] ** 4)\n",
        {"x": np.array([[1.0, 0.4], [-0.3, 2.0]])},
    ),
    "complex": (
        "import numpy as np\n\ndef f(x):\n    return np.sum(np.abs(np.fft.fft(x) * (1 + 2j)) ** 2) + np.fft.fft(x)[1].imag\n",
        {"x": np.array([0.5, -0.3, 1.2])},
    ),
    "constants": (
        "import numpy as np\n\nSCALE = 3.0\nTABLE = np.array([1.0, 2.0])\n\ndef f(x, k=2):\n    return SCALE * x ** k * np.pi + TABLE[1] * x\n",
        {"x": 0.5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    text, inputs = PROGRAMS[name]
    assert_right(text, inputs)


@pytest.mark.parametrize("seed", range(25))
def test_generated_programs(seed):
    """Right or refused with a place, as everything that flatgrad makes."""
    trial = program(Dice(7000 + seed), [*FEATURES][seed % len(FEATURES)], 5)
    subject, inputs = Subject(trial), copy.deepcopy(list(trial.inputs.values()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _, expected = subject.called
            g = flatgrad.graph(trial.text, trial.function)
            value = g.forward(*inputs)
            seeds = iter(subject.seeds)
            given = tuple(
                next(seeds) if has_seed(out) else None for out in as_tuple(expected)
            )
            found = g.backward(given if len(given) > 1 else given[0])
        except FlatgradError as error:
            located(error, trial.text)
            pytest.skip(f"refused: {error}")
    np.testing.assert_equal(value, expected)
    for name in trial.asked:
        expected = subject.differences[name]
        assert_same_to(found[name], expected, trial)


def assert_same_to(found, expected, trial):
    if isinstance(expected, dict | list | tuple):
        keys = expected if isinstance(expected, dict) else range(len(expected))
        for key in keys:
            assert_same_to(found[key], expected[key], trial)
        return
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(
        found, expected, rtol=trial.rtol, atol=trial.rtol * scale
    )


# --- runs ------------------------------------------------------------------------------------------------------------

LOOP = """
def f(x, n=3):
    for i in range(n):
        if x > 2:
            x = x / 2
        else:
            x = x * 3
    return x
"""


def test_a_loop_is_one_node_until_it_is_run():
    g = made(LOOP)
    assert [node.operation for node in g.nodes] == ["input", "input", "for"]
    assert {*g["x2"].parents} == {g["x"], g["n"]}
    assert g["x2"].expression == "for i in range(n)"
    assert g.forward(1.0) == 4.5
    assert [node.expression for node in g.nodes[2:]] == ["x * 3", "x2 / 2", "x3 * 3"]
    assert g.backward() == {"x": 4.5}
    assert g["n"].gradient is None
    assert g["n"].value == 3
    assert g.forward(1.0, n=1) == 3.0
    assert len(g) == 3
    assert g.nodes[-1].line == 6


def test_nodes_stay_the_same_where_the_next_run_has_the_same(demo):
    before, x = demo.nodes, demo["x"]
    assert demo.forward(x=1, y=2) == 4
    assert demo.nodes == before
    assert x.value == 1
    assert x.gradient is None
    assert demo.backward() == {"x": 4, "y": 2}
    assert x.gradient == 4
    assert [edge.local for edge in demo.edges] == [2, 2, 2, 1, 0, 1, 1]


def test_inputs_by_position_by_keyword_and_as_a_dict():
    g = made(DEMO)
    assert g.forward(3, 5) == g.forward(y=5, x=3) == g.forward({"x": 3, "y": 5}) == 34
    with pytest.raises(TypeError, match="missing a required argument: 'y'"):
        g.forward(3)
    net = made("def f(p):\n    return p['w'] * p['v']\n")
    assert net.forward({"w": 2.0, "v": 3.0}) == 6
    assert [node.name for node in net.inputs] == ["p['w']", "p['v']"]
    assert net.backward() == {"p": {"w": 3, "v": 2}}


def test_integers_are_inputs_like_any_numbers():
    g = made("import numpy as np\n\ndef f(x, k):\n    return np.sum(x ** -2) / k\n")
    assert g.forward(np.array([1, 2]), 2) == 0.625
    found = g.backward()
    assert_close(found["x"], np.array([-1.0, -0.125]))
    assert_close(found["k"], -0.3125)


def test_arrays_are_the_graph_s_own():
    x = np.ones(3)
    g = made(
        "import numpy as np\n\ndef f(x):\n    x[0] = 5 * x[0]\n    return np.sum(x * x)\n"
    )
    assert g.forward(x) == 27
    assert x.tolist() == [1, 1, 1]
    x[:] = 7
    found = g.backward()["x"]
    assert found.tolist() == [50, 2, 2]
    found[:] = 0
    assert g["x"].gradient.tolist() == [50, 2, 2]


def test_what_nothing_depends_on_has_a_gradient_of_zero():
    g = made("def f(x, y):\n    z = x * 2\n    return y * 3\n")
    g.forward(1.0, 2.0)
    assert g.backward() == {"x": 0, "y": 3}
    assert [node.name for node in g.nodes] == ["x", "y", "out"]


def test_conditions_and_indices_are_edges_without_a_derivative():
    g = made(
        "import numpy as np\n\ndef f(x):\n    mask = x > 0\n    return np.where(mask, x, 0.0)\n"
    )
    g.forward(np.array([1.0, -2.0]))
    g.backward()
    assert g["mask"].gradient is None
    assert not g["mask"].differentiable
    assert [edge.local is None for edge in g.edges] == [True, True, False]
    assert len(list(g.paths("x"))) == 1


# --- where the function comes from -----------------------------------------------------------------------------------


def module_of(tmp_path, text, name="written"):
    path = tmp_path / f"{name}.py"
    path.write_text(dedent(text))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_function_of_a_file(tmp_path):
    module = module_of(
        tmp_path,
        "import math as m\n\nSCALE = 2.0\n\n\ndef f(x, y=m.pi):\n    return SCALE * x * y * m.e\n",
    )
    g = flatgrad.graph(module.f)
    assert g.forward(2.0) == module.f(2.0)
    module.SCALE = 5.0
    assert g.forward(2.0) == module.f(2.0)
    assert g.nodes[-1].line == 7
    assert g["v1"].expression == "SCALE * x"
    assert g["out"].expression == "v2 * m.e"


def test_functions_of_anywhere():
    factor = 3.0

    def square(x):
        return x**2

    def inner(x, y=factor + 1):
        return square(x) * factor + y * np.sin(x)

    g = flatgrad.graph(inner)
    assert g.forward(2.0) == inner(2.0)
    assert g.backward()["x"] == pytest.approx(12.0 + 4.0 * np.cos(2.0))
    assert Path(__file__).read_text().splitlines()[g.nodes[-1].line - 1].strip() == (
        "return square(x) * factor + y * np.sin(x)"
    )
    factor = 5.0
    assert g.forward(2.0) == inner(2.0)

    h = flatgrad.graph(lambda x: x * factor)
    assert (h.forward(2.0), h.backward()) == (10.0, {"x": 5.0})


def test_a_helper_of_a_module_is_replaced(tmp_path, monkeypatch):
    module = module_of(
        tmp_path,
        "def twice(x):\n    return 2 * x\n\n\ndef f(x):\n    return twice(x) * x\n",
    )
    g = flatgrad.graph(module.f)
    assert (g.forward(3.0), g.backward()) == (18.0, {"x": 12.0})
    monkeypatch.setattr(module, "twice", lambda x: x + 1)
    assert (g.forward(3.0), g.backward()) == (12.0, {"x": 7.0})


def test_a_refusal_names_the_file(tmp_path):
    module = module_of(tmp_path, "def f(x):\n    return x * missing\n")
    with pytest.raises(FlatgradError) as caught:
        flatgrad.graph(module.f)
    first, second, *_ = str(caught.value).splitlines()
    assert first.endswith("written.py:2:16: FG109 the name missing is not defined here")
    assert second == "    2 |     return x * missing"


def test_functions_that_are_not_read():
    for f in (np.sin, len, "".join, Dice(1).pick):
        with pytest.raises(FlatgradError, match="FG701"):
            flatgrad.graph(f)
    with pytest.raises(FlatgradError, match="several functions"):
        made("def f(x):\n    return x\n\ndef g(x):\n    return x\n")
    with pytest.raises(FlatgradError, match="holds no function"):
        made("x = 1\n")
    with pytest.raises(FlatgradError, match="there is no function g at top level"):
        made("def f(x):\n    return x\n", "g")


REFUSED = {
    "decorated": ("import other\n\n@other.twice\ndef f(x):\n    return x\n", {}, "FG116", 3),
    "undefined": ("def f(x):\n    return x * missing\n", {}, "FG109", 2),
    "no rule": ("from scipy.special import voigt_profile\n\ndef f(x):\n    y = x * 2\n    return y * voigt_profile(y, 1.0, 2.0)\n", {"x": np.ones(3)}, "FG201", 5),
    "repeated": (
        "import numpy as np\n\ndef f(x):\n    y = np.zeros(3)\n    y[np.array([1, 1])] = x\n    return y\n", {"x": np.ones(2)}, "FG201", 5,
    ),
    "itself": ("def f(x):\n    return x if x < 1 else g(x - 1)\n\ndef g(x):\n    return g(x - 1) if x > 1 else x\n", {"x": 3.0}, "FG112", 5),
}  # fmt: skip


def backward_of(text, inputs):
    g = flatgrad.graph(text, "f")
    g.forward(**inputs)
    return g.backward()


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_have_a_place(name):
    text, inputs, code, line = REFUSED[name]
    with pytest.raises(FlatgradError) as caught:
        backward_of(text, inputs)
    (found,) = caught.value.diagnostics
    assert (found.code, found.place.line) == (code, line)


def test_a_run_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(tracing, "LARGEST", 50)
    g = made(LOOP)
    g.forward(1.0, 20)
    with pytest.raises(
        FlatgradError, match="line 2: FG128 this loop makes more than 50 nodes"
    ):
        g.forward(1.0, 40)


def test_what_the_shapes_decide_is_read_when_they_are_known():
    text = "import numpy as np\n\ndef f(x):\n    row = x[0]\n    x[0] = 2 * row\n    return row * x\n"
    with pytest.raises(FlatgradError, match="FG401"):
        list(made(text).nodes)
    assert_right(text, {"x": np.array([1.0, 3.0])})
    assert_right(text, {"x": np.array([[1.0, 3.0], [0.5, 2.0]])})


def test_gradients_need_values():
    g = made(DEMO)
    for ask in (
        g.backward,
        lambda: g.sum_over_paths("x"),
        lambda: g.edges[0].pull(1.0),
    ):
        with pytest.raises(RuntimeError, match="call forward"):
            ask()
    assert g.edges[0].local is None
    with pytest.raises(KeyError, match="z"):
        g["z"]


def test_an_error_of_the_function_says_where():
    g = made("def f(x):\n    y = x - 1\n    return 1 / y\n")
    with pytest.raises(ZeroDivisionError) as caught:
        g.forward(1.0)
    assert caught.value.__notes__ == ["in line 3: 1 / y"]


def test_graph_is_the_function_and_its_module_is_there_too():
    from flatgrad.graph import Var

    assert Var.__module__ == "flatgrad.graph"
    assert callable(flatgrad.graph)
    assert flatgrad.graph.__module__ == "flatgrad.computational_graph"
    script = (
        "import sys, flatgrad; print('libcst' in sys.modules, callable(flatgrad.graph))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False True\n"


# --- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dot", "mermaid", "svg"])
def test_the_pictures_of_the_demo(demo, golden, kind):
    golden(GOLDENS / f"demo.{kind}", getattr(demo, f"to_{kind}")())


def test_a_picture_shows_arrays_by_their_shapes_and_numbers_by_four_digits():
    g = made(ARRAYS)
    assert "value" not in g.to_dot()
    g.forward(**arrays())
    assert "value array (2, 3)" in g.to_dot()
    assert "gradient" not in g.to_dot()
    third = made("def f(x):\n    return x / 3\n")
    third.forward(20000)
    third.backward()
    picture = third.to_svg()
    assert ">6667<" in picture
    assert ">20000<" in picture
    assert picture.count(">0.3333<") == 2
    assert third._repr_svg_() == picture


NASTY = 'a "b" <c> \\ & | \n]--> {d} `e` ; #quot; é'


def test_whatever_a_label_holds():
    picture = Picture(
        [Box(NASTY, NASTY, NASTY, kind) for kind in ("input", "operation", "output")],
        [Arrow(0, 1, NASTY), Arrow(1, 2)],
    )
    texts = [
        e.text
        for e in ElementTree.fromstring(to_svg(picture)).iter(
            "{http://www.w3.org/2000/svg}text"
        )
    ]
    assert texts.count(NASTY.replace("\n", " ")) == 10
    for line in to_dot(picture).splitlines():
        assert len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2 == 0
    dot = re.findall(r'label="((?:[^"\\]|\\.)*)"', to_dot(picture))
    assert len(dot) == 4
    assert all(
        re.sub(r"\\(.)", r"\1", label).startswith(NASTY.replace("\n", " "))
        for label in dot
    )
    for line in to_mermaid(picture).splitlines()[1:]:
        assert re.fullmatch(
            r'    n\d( -->(\|"[^"<>|`{}\[\]\\]*"\|)? n\d|[(\[]+"([^"<>|`{}\[\]\\]|<br>)*"[)\]]+)',
            line,
        )


def test_boxes_do_not_overlap_and_arrows_lead_to_the_right():
    choose = random.Random(1)
    for _ in range(20):
        count = choose.randint(1, 14)
        sizes = [
            (choose.randint(20, 120), choose.randint(20, 60)) for _ in range(count)
        ]
        arrows = [
            (choose.randrange(end), end)
            for end in range(1, count)
            for _ in range(choose.randint(0, 3))
        ]
        laid = lay_out(sizes, arrows, [30] * len(arrows))
        spans = [
            ((x - w / 2, x + w / 2), (y - h / 2, y + h / 2))
            for (x, y), (w, h) in zip(laid.centres, sizes, strict=True)
        ]
        for n, (across, down) in enumerate(spans):
            assert across[0] >= 0
            assert across[1] <= laid.width
            assert down[0] >= 0
            assert down[1] <= laid.height
            assert not any(_meet(across, a) and _meet(down, d) for a, d in spans[:n])
        assert all(spans[a][0][1] < spans[b][0][0] for a, b in arrows)
        for (a, b), path in zip(arrows, laid.paths, strict=True):
            assert path[0][0] <= spans[a][0][1] + 1
            assert path[-1][0] <= spans[b][0][0] + 1


def _meet(one, other):
    return one[0] < other[1] and other[0] < one[1]


def test_the_same_graph_gives_the_same_bytes():
    script = f"import flatgrad; g = flatgrad.graph({DEMO!r}); g.forward(3, 5); g.backward(); print(g.to_dot(), g.to_mermaid(), g.to_svg())"
    shown = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert shown[0] == shown[1]
    assert b"gradient 14" in shown[0]
