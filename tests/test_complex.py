"""Complex numbers: dL/dx + i dL/dy by differences in both directions, for rules and for whole functions."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checking import REFUSED, Faults, Trial, agree, outcome, pairing
from test_rules import (
    compute,
    gradient,
    gradient_or_refusal,
    is_float,
    push_forward,
    subsets,
)

import flatgrad
import flatgrad.rules
from flatgrad.builder import Builder
from flatgrad.complex_values import Field, complex_values
from flatgrad.errors import FlatgradError
from flatgrad.evaluate import run
from flatgrad.graph import Var
from flatgrad.options import Options
from flatgrad.pipeline import transform
from flatgrad.registry import COMPLEX, RULES
from flatgrad.rules.complex_numbers import HOLOMORPHIC, IN_FULL
from flatgrad.types import Dim, Shape, Type

OF_REALS = {"rfft", "rfft2", "rfftn", "ihfft", "complex"}
AS_TEXT = {"sigmoid"}  # 1 / (1 + exp(-z)) is; expit is of real numbers
HERMITIAN = {"eigh", "eigvalsh"}
STEP = 1e-5


# ------------------------------------------------------------------------------------------------- rules


def is_number(x):
    """What a probe has of numbers with fractions, real or complex."""
    if is_float(x) or isinstance(x, complex):
        return True
    try:
        return isinstance(x, list | tuple) and np.asarray(x).dtype.kind == "c"
    except ValueError:
        return False


def turned(x):
    """A complex value in place of a real one."""
    found = np.asarray(x)
    if found.dtype.kind == "c":
        return found[()]
    phases = np.linspace(0.2, 0.7, found.size).reshape(found.shape)
    return (found * np.exp(1j * phases) + 0.1j)[()]


def probed():
    """(rule for complex numbers, which probe) for every one that has numbers."""
    rules = [RULES[op] for op in sorted(HOLOMORPHIC | IN_FULL) if op not in COMPLEX.keys() | AS_TEXT]  # fmt: skip
    for rule in (*rules, *COMPLEX.values()):
        for n, probe in enumerate(rule.at):
            if numbers(probe):
                yield pytest.param(rule, probe, id=f"{rule.op}-{n}")


def numbers(probe):
    return [i for i, x in enumerate(probe.data) if is_number(x)]


class Tried:
    """A rule at a probe, some of whose arguments are real: what every choice of active ones shares."""

    def __init__(self, rule, probe, real):
        self.rule, self.probe, self.options = rule, probe, probe.options
        self.data = at_probe(probe, real)
        self.y = compute(rule, self.data, probe.options)
        # arccosh(0.8)
        self.is_there = not real or all(np.all(np.isfinite(r)) for r in self.y)
        rng = np.random.default_rng(0)
        self.weights = [drawn_like(r, rng) for r in self.y]
        self.slopes = {}

    def f(self, *moved):
        return paired(self.weights, compute(self.rule, moved, self.options))

    def slope(self, i):
        if i not in self.slopes:
            self.slopes[i] = differences(self.f, self.data, i)
        return self.slopes[i]


def choices(rule, probe):
    """(the rule tried, which are active) for every choice of active arguments, and of the real ones among them."""
    places, at = numbers(probe), {}
    for active in subsets(places):
        for real in ((), active[:1]) if rule.op not in OF_REALS else (tuple(places),):
            if real not in at:
                at[real] = Tried(rule, probe, real)
            if at[real].is_there:
                yield at[real], active, real


def at_probe(probe, real):
    return [
        x
        if not is_number(x)
        else np.real(turned(x)) if i in real else turned(x)
        for i, x in enumerate(probe.data)
    ]  # fmt: skip


def drawn_like(x, rng):
    """Random numbers of the kind and shape of x; None of what is no number with a fraction."""
    kind = np.asarray(x).dtype.kind
    if kind not in "fc":
        return None
    found = rng.normal(size=np.shape(x))
    return found + 1j * rng.normal(size=np.shape(x)) if kind == "c" else found


def paired(weights, results):
    return sum(pairing(w, r) for w, r in zip(weights, results, strict=True) if w is not None)  # fmt: skip


def differences(f, data, i):
    """dL/dx + i dL/dy, or dL/dx of what is real."""
    is_complex = np.asarray(data[i]).dtype.kind == "c"
    slope = np.zeros(np.shape(data[i]), complex if is_complex else float)
    for unit in (1, 1j) if is_complex else (1,):
        for at in np.ndindex(slope.shape):
            change = np.zeros_like(slope)
            change[at] = STEP * unit
            up, down = (f(*[x + s * change if j == i else x for j, x in enumerate(data)]) for s in (1, -1))  # fmt: skip
            slope[at] += unit * (up - down) / (2 * STEP)
    return slope


def close(got, want):
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    assert np.shape(got) == np.shape(want)
    assert np.asarray(want).dtype.kind == "c" or np.asarray(got).dtype.kind != "c"
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-6 * scale)


def weighted(op, data, options, weights, known):
    """The real part of sum(conj(weight) * op(...)), and its arguments that are numbers."""
    build, params, args = Builder(), [], []
    for i, x in enumerate(data):
        kind = {"f": "float", "c": "complex"}.get(np.asarray(x).dtype.kind if np.ndim(x) or isinstance(x, float | complex) else "O")  # fmt: skip
        if kind is not None:
            shape = Shape(map(Dim, np.shape(x))) if known else Shape()
            x = Var(f"x{i}", Type(shape, kind))
            params.append(x)
        args.append(x)
    results = build.emit_all(op, args, len(weights), attrs=options)
    total = None
    for w, result in zip(weights, results, strict=True):
        if w is not None:
            kind = "complex" if np.iscomplexobj(w) else "float"
            params.append(Var("w", Type(Shape(map(Dim, np.shape(w))), kind)))
            term = build.emit("real", build.emit("conj", params[-1]) * result)
            term = build.emit("sum", term) if np.ndim(w) else term
            total = term if total is None else total + term
    return build.block(tuple(params), [total])


# A complex number that is made real on purpose: asarray(z, dtype=float).
@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize(("rule", "probe"), list(probed()))
def test_rule(rule, probe):
    """As a graph, with shapes and without them, and in forward mode: for every choice of active and real arguments."""
    faults = Faults()
    for at, active, real in choices(rule, probe):
        with faults.of(active, real, "shapes"):
            check_graph(at, active, known=True)
        with faults.of(active, real, "no shapes"):
            check_graph(at, active, known=False)
        with faults.of(active, real, "forward"):
            check_forward_mode(at, active)
    faults.tell()


def check_graph(at, active, known):
    block = weighted(at.rule.op, at.data, at.options, at.weights, known)
    names = {f"x{i}": i for i in active}
    wrt = [p for p in block.params if p.name in names]
    backward = gradient(block, wrt) if known else gradient_or_refusal(block, wrt)
    if backward is None:
        return
    given = [at.data[i] for i in numbers(at.probe)]
    with np.errstate(all="ignore"):
        value, *cotangents = run(backward, *given, *(w for w in at.weights if w is not None))  # fmt: skip
    np.testing.assert_allclose(value, at.f(*at.data))
    for p, got in zip(wrt, cotangents, strict=True):
        close(got, at.slope(names[p.name]))


def check_forward_mode(at, active):
    rng = np.random.default_rng(1)
    directions = [
        drawn_like(x, rng) if i in active else np.zeros(np.shape(x) if is_number(at.probe.data[i]) else ())
        for i, x in enumerate(at.data)
    ]  # fmt: skip
    tangents = push_forward(at.rule, at.data, at.options, at.y, directions)
    want = sum(pairing(at.slope(i), directions[i]) for i in active)
    got = paired(at.weights, tangents)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_every_rule_for_complex_numbers_has_a_probe():
    without = {op for op, rule in COMPLEX.items() if not rule.at}
    assert without == HERMITIAN
    assert set(RULES) >= HOLOMORPHIC | IN_FULL
    assert not HOLOMORPHIC & IN_FULL


# ---------------------------------------------------------------------------------------- whole functions

NUMPY = "import cmath\n\nimport numpy as np\nimport scipy.fft\n\n\n"
RNG = np.random.default_rng(5)


def drawn(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


Z, W, SQUARE = drawn(3), drawn(3), drawn(3, 3) + 2 * np.eye(3)
REALS = {"z": np.array([2.3, 1.7, 2.9]), "w": np.array([0.4, 0.6, 0.5]), "m": RNG.normal(size=(3, 3)) + 2 * np.eye(3)}  # fmt: skip
COMPLEXES = {"z": Z, "w": W, "m": SQUARE}

OF_VECTORS = [
    "return np.sum(np.abs(z)**2) * w", "return np.abs(z * w)", "return (z * w.conj()).real.sum()", "return z / w - 2j * z",
    "return z**2 + w**3 + z**w", "return 2**z + w**2.5", "return np.exp(z) * np.log(w)", "return np.sin(z) + np.cos(w)",
    "return np.tan(z) * np.tanh(w)", "return 1 / (1 + np.exp(-z)) + w", "return np.arccosh(z) * np.arcsinh(w)", "return np.sqrt(z) + np.arctan(w)", "return np.angle(z) * np.abs(w)",
    "return np.angle(z, deg=True).sum() + w", "return z.real ** 2 + w.imag * z.imag", "return z.conj() @ w",
    "return np.einsum('i,i->', z, np.conj(w))", "return np.cumsum(z) * w.mean()", "return np.prod(z) + np.cumprod(w)",
    "return np.concatenate([z, w]) ** 2", "return z[0] * w[1:] + z[::-1][1:]", "return z[[0, 0, 1]] * w",
    "return np.linalg.norm(z - w) ** 2", "return np.var(z) + np.std(w)", "return np.sqrt(np.sum(z**2)) + w", "return np.sqrt(z**2) + w",
    "return np.log(np.sum(np.exp(z))) + w", "return np.exp(z) / np.sum(np.exp(z)) * w", "return np.sqrt(z.real**2 + z.imag**2) * w",
    "return np.fft.fft(z) * w", "return np.abs(np.fft.fft(z, n=5)) ** 2 + w.sum()", "return np.fft.fft(z, n=2, norm='ortho') * w[:2]",
    "return np.fft.irfft(z) + np.fft.hfft(w)", "return scipy.fft.fft(z, norm='forward') * scipy.fft.ifft(w)",
    "u, v = z.real, z.imag; return u * u - v + w", "a = np.zeros(3, dtype=complex); a[0] = z[1] * w[0]; a[1:] = w[:2]; return a * a",
    "r = z.real * w.real; return r.sum() + (z * w).sum()", "r = z.real * 2.0; return (r * z).sum() + w.sum()",
    "r = np.abs(z); r = r * r; t = z * w; return r.sum() * t", "if z.real.sum() > 0:;     y = z * w; else:;     y = w.conj(); return y",
    "y = z; for i in range(2):;     y = y * y * 0.3 + w; return np.abs(y)**2", "x = z; for i in range(3):;     x = np.abs(x) + 1j * x.real; return x * w",
    "return np.fft.irfft(np.fft.fft(z)[:2] * w[0], n=len(z))", "return np.fft.fft(z * w, n=2 * len(z)).real",
    "u = z; u = u * u; z = np.abs(u) * z; return z.real + w.imag", "r = z.real; y = r * np.abs(w); t = r * 1j; return (y * t).imag + (r * z).real",
    "return np.vdot(z, w) * 1j", "return np.sign(z.real) * w * np.max(np.abs(z))", "return z.item(1) * np.take(w, [0, 0])",
]  # fmt: skip
OF_MATRICES = [
    "return (z.conj() @ m @ z).real", "return m.conj().T @ m @ z", "return np.linalg.solve(m, z)", "return np.linalg.inv(m) @ z",
    "return np.linalg.det(m) * z", "s, l = np.linalg.slogdet(m); return s * z + l", "return np.linalg.norm(m, axis=1) * z * 1j",
    "h = m + m.conj().T; return np.linalg.eigvalsh(h) * z", "h = m @ m.conj().T; v, _ = np.linalg.eigh(h); return v * z",
    "return np.fft.fft2(m) @ z", "return np.fft.fft(m, axis=0, n=4).sum(axis=0) * z", "return m.ravel()[:3] * z.conj()",
    "a = m.astype(complex); a[0] = 1j * z[0]; return a @ z", "return np.vdot(m, m.conj()) * z",
]  # fmt: skip
STATED = {"z": "(3,)", "w": "(3,)", "m": "(3, 3)"}


def function(body, names, doc=""):
    lines = doc + "\n".join("    " + line for line in body.split("; "))
    return f"{NUMPY}def f({', '.join(names)}):\n{lines}\n"


@pytest.mark.parametrize("stated", ["nothing", "shapes", "kinds"])
@pytest.mark.parametrize(
    ("body", "names"),
    [*((b, "zw") for b in OF_VECTORS), *((b, "mz") for b in OF_MATRICES)],
)
def test_function(body, names, stated):
    """Parameters of which nothing is stated may be real or complex: their gradients are what they are."""
    faults = Faults()
    for real in ("", "z", "wm", "zwm"):
        with faults.of(real):
            check_function(body, names, real, stated)
    faults.tell()


def check_function(body, names, real, stated):
    inputs = {n: (REALS if n in real else COMPLEXES)[n] for n in names}
    words = {n: " real" if n in real else " complex" for n in names} if stated == "kinds" else dict.fromkeys(names, "")  # fmt: skip
    lines = [f"    {n} :{words[n].replace(' real', ' float')} ndarray of shape {STATED[n]}\n" for n in names]  # fmt: skip
    doc = '    """Of complex arrays."""\n' if stated == "nothing" else '    """Of complex arrays.\n\n    Parameters\n    ----------\n' + "".join(lines) + '    """\n'  # fmt: skip
    for emit in ("grad", "pair"):
        trial = Trial(function(body, names, doc), inputs, emit=emit)
        with np.errstate(all="ignore"):
            found = outcome(trial)
        assert stated != "kinds" or found != REFUSED


def test_a_real_function_is_left_alone():
    """No sign of complex numbers: the parameters are real."""
    text = Trial(function("return np.abs(z * w)", "zw"), {"z": Z, "w": W}).emitted()
    assert "conj" not in text
    assert "real" not in text


def test_plain_numbers_need_no_array_library():
    source = "import cmath\n\n\ndef f(a: float, b: float):\n    z = complex(a, b)\n    w = cmath.exp(z * 1j) * z\n    return abs(w)**2 + cmath.phase(z)\n"
    agree(source, a=0.7, b=-0.4)
    assert "numpy" not in Trial(source, {"a": 0.7, "b": -0.4}).emitted()


# ------------------------------------------------------------------------------------- what may be complex


def test_a_parameter_is_real_without_a_sign_and_open_with_one():
    x = Var("x")
    for ops, field in (((), Field.REAL), (("conj",), Field.PERHAPS)):
        build = Builder()
        value = build.wrap(x)
        for op in ops:
            value = build.emit(op, value)
        block = build.block((x,), [build.emit("exp", value)])
        assert complex_values(block).get(x, Field.REAL) is field


def test_an_array_that_may_have_no_room_for_complex_numbers_is_refused():
    """NumPy would store the real part alone, with a warning."""
    text = function("a = m.copy(); a[0] = 1j * z; return a @ z", "mz")
    with pytest.raises(FlatgradError, match="may be of real numbers"):
        Trial(text, COMPLEXES | {"m": REALS["m"]}, wrt=("z",)).emitted()


def test_real_numbers_take_the_real_part_of_what_is_stored():
    text = function("a = np.zeros(3); a[:] = (1j * z * w).real; return a * z", "zw")
    agree(text, z=REALS["z"], w=W)


def test_one_function_calls_another_with_real_numbers_only():
    source = NUMPY + (
        "def norm(x):\n    total = 0.0\n    for i in range(3):\n        total += x[i] * x[i]\n    return total\n\n\n"
        "def f(z: np.ndarray):\n    r = z.real * np.abs(z)\n    return norm(r) * z\n"
    )
    agree(source, z=Z)
    with pytest.raises(FlatgradError, match="function with branches or loops"):
        Trial(source.replace("norm(r)", "norm(z)"), {"z": Z}).emitted()


IN_CONSTANTS = """import numpy as np


def made():
    return 1 + 2j


class Holder:
    number = 1 + 2j


held = Holder()
IN_DICT = {"w": 1 + 2j}
DEEPER = {"a": {"w": [1 + 2j]}}
IN_TUPLE = ((1 + 2j, 2.0), 3.0)
MADE = made()


def f(x):
    return np.abs(CONSTANT * x * x)
"""


@pytest.mark.parametrize(
    "constant", ['IN_DICT["w"]', 'DEEPER["a"]["w"][0]', "IN_TUPLE[0][0]", "MADE"]
)
def test_complex_numbers_in_constants_of_the_file(constant: str) -> None:
    text = transform(
        IN_CONSTANTS.replace("CONSTANT", constant), Options(functions=("f",))
    )
    emitted: dict[str, Any] = {}
    exec(text, emitted)
    _, found = emitted["f_grad"](1.5, 1.0)
    assert found == pytest.approx(3 * np.sqrt(5))


@pytest.mark.parametrize("constant", ["held.number", "Holder.number", 'IN_DICT["w"]'])
def test_complex_numbers_in_what_is_read_from_outside(
    constant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"complex_subject_{abs(hash(constant))}"
    real = IN_CONSTANTS.replace("CONSTANT", constant).replace("1 + 2j", "2.0")
    (tmp_path / f"{name}.py").write_text(real)
    monkeypatch.syspath_prepend(str(tmp_path))
    m = importlib.import_module(name)
    g = flatgrad.grad(m.f)
    assert g(1.5) == pytest.approx(6.0)
    m.Holder.number = m.IN_DICT["w"] = 1 + 2j
    assert g(1.5) == pytest.approx(3 * np.sqrt(5))


def of_dict(p):
    return np.abs(p["w"] ** 2)


def of_pair(p):
    return np.abs(p[0] ** 2)


def of_star(*p):
    return np.abs(p[0] ** 2)


def beside_dict(x, p):
    return np.sum(np.abs(x * p["w"]))


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (of_dict, ({"w": 1 + 2j},)),
        (of_pair, ([1 + 2j],)),
        (of_pair, ((np.array(1 + 2j),),)),
        (of_star, (1 + 2j,)),
    ],
)
def test_complex_numbers_in_a_container_are_refused(f: Any, args: Any) -> None:
    g = flatgrad.grad(f)
    if f is of_dict:
        assert g({"w": 2.0}) == {"w": 4.0}
    with pytest.raises(FlatgradError, match="complex values in what may be a list"):
        g(*args)


def test_complex_numbers_beside_what_is_differentiated() -> None:
    g, x = flatgrad.grad(beside_dict, "x"), np.ones(2)
    np.testing.assert_allclose(g(x, {"w": 3.0}), [3.0, 3.0])
    np.testing.assert_allclose(g(x, {"w": 3 + 4j}), [5.0, 5.0])
