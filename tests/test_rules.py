"""A rule is right if it agrees with central differences: on numbers, and as a graph in both modes.

No rule needs a test of its own: each is tested at its own probes, for every set of active arguments.
"""

import itertools
import pkgutil
from functools import cached_property

import numpy as np
import pytest
from checking import Faults

import flatgrad.rules
from flatgrad.builder import Builder
from flatgrad.complex_values import COMPLEX_RESULTS
from flatgrad.conjugates import OF_COMPLEX
from flatgrad.evaluate import run, runtime
from flatgrad.graph import Lit, Var
from flatgrad.namespaces import ALGORITHMS, arrange, bind, spellings
from flatgrad.namespaces.tables import SIGNATURES
from flatgrad.registry import RULES, Kind
from flatgrad.reverse import NoRule, reverse
from flatgrad.simplify import simplify
from flatgrad.types import Dim, Shape, Type

DIFFERENTIABLE = [rule for rule in RULES.values() if rule.kind is not Kind.CONSTANT]
# Rules whose results or cotangents are complex at real probes are tested in test_complex.py.
OF_REALS = [r for r in DIFFERENTIABLE if r.op not in COMPLEX_RESULTS | OF_COMPLEX]

# These read one triangle of these arguments.
SYMMETRIC = {
    "cholesky": [0],
    "eigh": [0],
    "eigvalsh": [0],
    "scipy_cholesky": [0],
    "cho_factor": [0],
    "scipy_eigh": [0],
    "scipy_eigvalsh": [0],
    "generalized_eigh": [0, 1],
    "generalized_eigvalsh": [0, 1],
    "solve_assuming": [0],
    "solve_continuous_are": [2, 3],
    "solve_discrete_are": [2, 3],
    "multivariate_normal_pdf": [2],
    "multivariate_normal_logpdf": [2],
    "multivariate_normal_entropy": [1],
    "multivariate_t_logpdf": [2],
    "wishart_logpdf": [0, 2],
    "invwishart_logpdf": [0, 2],
    "matrix_normal_logpdf": [2, 3],
}
FIRST_RESULT_ONLY = {"lstsq", "pearsonr"}
STEP = 1e-5


# --------------------------------------------------------------------------------------------- the probes


def is_float(value):
    return isinstance(value, float | list | tuple) and _kind(value) == "f"


def _kind(value):
    """The kind of the elements, as NumPy calls it: "f", "i", "b"; "O" if it is no array."""
    try:
        return np.asarray(value).dtype.kind
    except ValueError:
        return "O"


def values(probe):
    """The data of a probe, with arrays where numbers or masks are written out."""
    return [
        np.array(x)[()] if is_float(x) or _kind(x) == "b" else x for x in probe.data
    ]


def differentiable(probe):
    return [i for i, x in enumerate(probe.data) if is_float(x)]


def probes(rules):
    """Each probe of these rules."""
    return [
        pytest.param(rule, n, id=f"{rule.op}-{n}")
        for rule in rules
        for n, probe in enumerate(rule.at)
        if differentiable(probe)
    ]


def subsets(places):
    """Every choice of active arguments."""
    sizes = range(1, len(places) + 1)
    return [some for n in sizes for some in itertools.combinations(places, n)]


class Tried:
    """A rule at a probe: what all its tests share, found once."""

    def __init__(self, rule, n):
        self.rule, self.probe = rule, rule.at[n]
        self.options, self.data = self.probe.options, values(self.probe)
        self.places = differentiable(self.probe)
        self.y = compute(rule, self.data, self.options)
        self.weights = weights_of(rule, self.y, np.random.default_rng(0))

    def f(self, *data):
        return pairing(self.weights, compute(self.rule, data, self.options))

    @cached_property
    def expected(self):
        return {i: differences(self.f, self.data, i) for i in self.places}


_tried: dict[tuple[str, int], Tried] = {}


def tried(rule, n):
    if (rule.op, n) not in _tried:
        _tried[rule.op, n] = Tried(rule, n)
    return _tried[rule.op, n]


def symmetric(op, options):
    """Which arguments are taken to be symmetric; by solve, where it is told so."""
    told = op != "solve_assuming" or options.get("assume_a") in ("pos", "sym")
    return SYMMETRIC.get(op, []) if told else []


def compute(rule, data, options):
    """The results of the operation, as a tuple."""
    data = [
        (
            (a + np.swapaxes(a, -1, -2)) / 2
            if i in symmetric(rule.op, options) and np.ndim(a) > 1
            else a
        )
        for i, a in enumerate(data)
    ]
    np.random.seed(0)  # noqa: NPY002  (what the rules of random numbers draw from)
    result = runtime(rule.op)(*data, **options)
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def weights_of(rule, results, rng):
    """A random cotangent for each result; None for those that have no derivative."""
    if rule.op in FIRST_RESULT_ONLY:
        results = [r if i == 0 else None for i, r in enumerate(results)]
    return [
        (
            None
            if r is None or np.asarray(r).dtype.kind != "f"
            else rng.normal(size=np.shape(r))
        )
        for r in results
    ]


def pairing(weights, results):
    return sum(
        np.sum(w * r) for w, r in zip(weights, results, strict=True) if w is not None
    )


def differences(f, data, i):
    """Central differences of the number f(*data) in each element of argument `i`."""
    slope = np.zeros(np.shape(data[i]))
    for at in np.ndindex(slope.shape):
        change = np.zeros(slope.shape)
        change[at] = STEP
        up, down = (
            f(*[x + s * change if j == i else x for j, x in enumerate(data)])
            for s in (1, -1)
        )
        slope[at] = (up - down) / (2 * STEP)
    return slope


def close(got, want, scale=1.0):
    """Equal as far as differences can tell, wherever there are any."""
    got, here = np.broadcast_to(got, np.shape(want)), np.isfinite(want)
    assert not np.any(np.isnan(got))
    got, want = got[here], want[here]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-7 * max(scale, 1.0))


# ----------------------------------------------------------------------------------- formulas on numbers


def pull_back(rule, data, options, y, g):
    """The cotangent of each data argument; 0 where the rule says that there is none."""
    return [0 if c is None else c for c in cotangents_of(rule, data, options, y, g)] + [
        0
    ] * len(data)


def cotangents_of(rule, data, options, y, g):
    if rule.kind is Kind.ELEMENTWISE:
        partials = _tuple(rule(*data, options=options, y=y[0]))
        return [
            None if p is None else unbroadcast(g[0] * p, x)
            for p, x in zip(partials, data, strict=False)
        ]
    g, y = (g, y) if len(y) > 1 else (g[0], y[0])
    if rule.kind is not Kind.GENERAL:
        return _tuple(rule(*data, options=options, g=g, y=y))
    _, vjp = rule(*data, options=options, y=y)
    return _tuple(vjp(g))


def _tuple(found):
    return found if isinstance(found, tuple) else (found,)


def push_forward(rule, data, options, y, tangents):
    """The tangent of each result."""
    match rule.kind:
        case Kind.ELEMENTWISE:
            partials = _tuple(rule(*data, options=options, y=y[0]))
            return [
                sum(
                    p * d
                    for p, d in zip(partials, tangents, strict=False)
                    if p is not None
                )
            ]
        case Kind.LINEAR:
            weights = [np.ones(np.shape(r)) for r in y]
            through = [
                c is not None for c in cotangents_of(rule, data, options, y, weights)
            ]
            through += [False] * (len(data) - len(through))
            moved = [
                d if t else x for x, d, t in zip(data, tangents, through, strict=True)
            ]
            return compute(rule, moved, options)
        case Kind.MULTILINEAR:
            terms = [
                [d if j == i else x for j, x in enumerate(data)]
                for i, d in enumerate(tangents)
                if np.any(d)
            ]
            return [sum(compute(rule, term, options)[0] for term in terms)]
        case Kind.GENERAL:
            jvp, _ = rule(*data, options=options, y=y if len(y) > 1 else y[0])
            # An argument that does not vary has no tangent.
            return _tuple(jvp(*(d if np.any(d) else None for d in tangents)))


def unbroadcast(g, x):
    return (
        runtime("unbroadcast")(g, x)
        if np.ndim(g) >= np.ndim(x)
        else np.broadcast_to(g, np.shape(x))
    )


@pytest.mark.parametrize(
    ("rule", "n"), probes(r for r in OF_REALS if r.kind is not Kind.COMPOSED)
)
def test_formula(rule, n):
    """At every choice of active arguments: cotangents, tangents, and that they are adjoint."""
    at, faults = tried(rule, n), Faults()
    for active in subsets(at.places):
        with faults.of(active):
            check_formula(at, active)
    faults.tell()


def check_formula(at, active):
    rng = np.random.default_rng(1)
    sizes = [np.shape(x) if i in at.places else () for i, x in enumerate(at.data)]
    directions = [
        rng.normal(size=size) if i in active else np.zeros(size)
        for i, size in enumerate(sizes)
    ]
    tangents = push_forward(at.rule, at.data, at.options, at.y, directions)
    cotangents = pull_back(at.rule, at.data, at.options, at.y, at.weights)
    for i in active:
        close(cotangents[i], at.expected[i], np.max(np.abs(at.expected[i]), initial=0))
    along = sum(np.sum(at.expected[i] * directions[i]) for i in active)
    close(pairing(at.weights, tangents), along, abs(along))
    product = sum(
        np.sum(np.broadcast_to(cotangents[i], np.shape(at.data[i])) * directions[i])
        for i in active
    )
    np.testing.assert_allclose(
        pairing(at.weights, tangents), product, rtol=1e-8, atol=1e-9
    )


@pytest.mark.parametrize(
    ("rule", "n"), probes(r for r in OF_REALS if r.kind is Kind.GENERAL)
)
def test_one_result_at_a_time(rule, n):
    data, options = values(rule.at[n]), rule.at[n].options
    y = compute(rule, data, options)
    weights, faults = weights_of(rule, y, np.random.default_rng(0)), Faults()
    for only in range(len(weights) if len(weights) > 1 else 0):
        some = [w if i == only else None for i, w in enumerate(weights)]
        if some[only] is None:
            continue
        cotangents = pull_back(rule, data, options, y, some)
        for i in differentiable(rule.at[n]):
            with faults.of(only, i):
                want = differences(
                    lambda *data, s=some: pairing(s, compute(rule, data, options)),
                    data,
                    i,
                )
                close(cotangents[i], want, np.max(np.abs(want)))
    faults.tell()


DEGENERATE = [
    ("hypot", (0.0, 0.0), {}, (0, 0)),
    ("atan2", (0.0, 0.0), {}, (0, 0)),
    ("xlog1py", (0.0, -1.0), {}, (-np.inf, 0)),
    ("norm", ([0.0, 0.0],), {}, ([0, 0],)),
    ("std", ([0.5, 0.5],), {}, ([0, 0],)),
    ("max", ([0.5, 0.5],), {}, ([0.5, 0.5],)),
    ("max", ([0.1, 0.2],), {"initial": 0.7}, ([0, 0],)),
    ("cumprod", ([2.0, 0.0, 3.0],), {}, ([1, 8, 0],)),
    ("pow", (0.0, 0.0), {}, (0, 0)),
]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(("op", "data", "options", "want"), DEGENERATE)
def test_an_element_of_the_subdifferential_where_there_is_no_derivative(
    op, data, options, want
):
    rule, data = RULES[op], [np.array(x)[()] for x in data]
    y = compute(rule, data, options)
    cotangents = pull_back(rule, data, options, y, [np.ones(np.shape(r)) for r in y])
    for got, expected in zip(cotangents, want, strict=False):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("chosen", [True, False])
def test_where_selects_even_from_an_infinite_derivative(chosen):
    build, x = Builder(), Var("x", Type(Shape([Dim(1)]), "float"))
    picked = build.emit("where", build.wrap(x) > 0, 2 * build.wrap(x), 0.0)
    block = build.block((x,), [build.emit("sum", picked)])
    _, grad = run(gradient(block, [x]), np.array([0.5 if chosen else 0.0]))
    np.testing.assert_array_equal(grad, [2.0 if chosen else 0.0])


@pytest.mark.parametrize("op", ["astype", "asarray", "copy"])
@pytest.mark.parametrize("dtype", ["int", "int32", "i", "uint8", "bool"])
def test_a_conversion_to_integers_has_no_derivative(op, dtype):
    build, x = Builder(), Var("x", Type(Shape([Dim(2)]), "float"))
    whole = build.emit(op, x, dtype=dtype)
    block = build.block((x,), [build.emit("sum", whole * build.wrap(x))])
    value = np.array([1.5, 2.5])
    _, grad = run(gradient(block, [x]), value)
    np.testing.assert_array_equal(grad, value.astype(dtype))


# SciPy cuts off what is no count, and warns that it will not go on doing so.
@pytest.mark.filterwarnings("ignore:non-integer")
@pytest.mark.parametrize("op", ["bdtr", "bdtrc", "nbdtr", "nbdtrc"])
@pytest.mark.parametrize(("k", "n"), [(1.7, 4.6), (0.3, 0.7), (4.2, 4.9)])
def test_counts_that_are_no_whole_numbers(op, k, n):
    rule, options = RULES[op], {"k": k, "n": n}
    data = [np.array([0.1, 0.4])]
    if not np.all(np.isfinite(compute(rule, data, options)[0])):
        return
    (slope,) = pull_back(rule, data, options, compute(rule, data, options), [1.0])[:1]
    want = differences(lambda p: compute(rule, [p], options)[0].sum(), data, 0)
    close(slope, want)


# ------------------------------------------------------------------------------------ the rule as a graph


def gradient(block, wrt):
    """The result and the cotangents of `wrt`; how reverse mode is called, in one place."""
    return simplify(reverse(block, wrt, [Lit(1.0)]))


def gradient_or_refusal(block, wrt):
    """The gradient; None where the rule says that it needs to know more of the shapes."""
    try:
        return gradient(block, wrt)
    except NoRule as refusal:
        if refusal.why:
            return None
        raise


def weighted(rule, probe, weights, *, known):
    """sum(weight * op(...)), a number that reads every element of every result, and its float arguments."""
    build, params, args = Builder(), [], []
    for i, x in enumerate(values(probe)):
        if is_float(probe.data[i]):
            x = Var(
                f"x{i}",
                Type(Shape(map(Dim, np.shape(x))) if known else Shape(), "float"),
            )
            params.append(x)
        args.append(x)
    results = build.emit_all(rule.op, args, len(weights), attrs=probe.options)
    terms = []
    for w, result in zip(weights, results, strict=True):
        if w is not None:
            params.append(Var("w", Type(Shape(map(Dim, np.shape(w))), "float")))
            product = build.wrap(params[-1]) * result
            terms.append(build.emit("sum", product) if np.ndim(w) else product)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return build.block(tuple(params), [total])


@pytest.mark.parametrize(
    ("rule", "n"), probes(r for r in OF_REALS if r.op not in SYMMETRIC)
)
def test_graph(rule, n):
    """Whether the shapes are known or not, at every choice of active arguments."""
    at, faults = tried(rule, n), Faults()
    for active in subsets(at.places):
        for known in (True, False):
            with faults.of(active, "shapes" if known else "no shapes"):
                check_graph(at, active, known)
    faults.tell()


def check_graph(at, active, known):
    block = weighted(at.rule, at.probe, at.weights, known=known)
    floats = [at.data[i] for i in at.places]
    inputs = [*floats, *(w for w in at.weights if w is not None)]
    names = {f"x{i}": i for i in active}
    wrt = [p for p in block.params if p.name in names]
    backward = gradient(block, wrt) if known else gradient_or_refusal(block, wrt)
    if backward is None:
        return
    np.random.seed(0)  # noqa: NPY002  (what the rules of random numbers draw from)
    value, *cotangents = run(backward, *inputs)
    np.testing.assert_allclose(value, at.f(*at.data))
    for p, got in zip(wrt, cotangents, strict=True):
        want = at.expected[names[p.name]]
        close(got, want, np.max(np.abs(want), initial=0))


# -------------------------------------------------------------------------------------- tables and rules


# Their arguments add up to 1, their results are complex (whole functions test these), or their rule is there to refuse.
NOT_PROBED = {
    "eig",
    "dirichlet_pdf",
    "dirichlet_logpdf",
    "multinomial_logpmf",
    "tolist",
    *flatgrad.rules.randomness.DRAWN,
}


def test_every_rule_has_a_probe():
    """Those of lists and dicts have lists of cotangents: they are tested as whole functions."""
    arrays = [
        r for r in DIFFERENTIABLE if r.formula.__module__ != "flatgrad.rules.containers"
    ]
    assert {rule.op for rule in arrays if not rule.at} == NOT_PROBED | {"tuple"}


LIBRARIES = (
    "numpy",
    "numpy.linalg",
    "numpy.lib.stride_tricks",
    "numpy.random",
    "numpy.fft",
    "scipy.special",
    "scipy.linalg",
    "scipy.stats",
    "scipy.fft",
    *ALGORITHMS,
    "math",
    "cmath",
    "builtins",
)
DISTRIBUTIONS = sorted(name for name in SIGNATURES if name.startswith("scipy.stats."))
OLD_OR_NEW = {
    "trapz",
    "float_",
    "add.at",
    "sumprod",
    "integers",
    "ptp",
}  # not in every version of the library


@pytest.mark.parametrize("namespace", [*LIBRARIES, *DISTRIBUTIONS])
def test_every_name_of_the_tables_exists(namespace):
    library = pkgutil.resolve_name(namespace)
    names = {spelling.name for spelling in spellings(namespace)}
    assert {name for name in names if not hasattr(library, name)} <= OLD_OR_NEW


def test_every_method_of_the_tables_exists():
    names = {spelling.name for spelling in spellings("ndarray")}
    assert {name for name in names if not hasattr(np.ndarray, name)} <= OLD_OR_NEW


@pytest.mark.parametrize("namespace", [*LIBRARIES, *DISTRIBUTIONS])
def test_binding_and_arranging_are_inverse(namespace):
    """What a call means, spelled again, is the same call."""
    faults, ops = Faults(), {rule.op for rule in DIFFERENTIABLE}
    for spelling in spellings(namespace):
        if spelling.op not in ops or spelling.fold or spelling.sequence:
            continue
        with faults.of(spelling.name):
            check_binding(spelling)
    faults.tell()


def check_binding(spelling):
    given = [f"<{name}>" for name in spelling.parameters]
    most = len(given) if spelling.limit is None else spelling.limit
    named = {name: f"<{name}>" for name in spelling.parameters[most:]}
    bound = bind(spelling, given[:most], named)
    positional, keywords = arrange(spelling, list(bound.data.values()), bound.options)
    called = positional + [
        keywords[name] for name in spelling.parameters if name in keywords
    ]
    assert sorted(called) == sorted(given)
    assert bind(spelling, positional, keywords) == bound
