"""How libraries spell the canonical operations, in both directions.

In: a namespace and a name of that library, and the arguments of a call. Out: the canonical operation, its
data and its options, under the names that its rule gives them.

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

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Generic, TypeVar

from flatgrad.registry import RULES, Kind, Rule

T = TypeVar("T")

INFIX = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "bitand": "&", "bitor": "|", "bitxor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
PREFIX = {"neg": "-", "pos": "+", "invert": "~", "not": "not"}

# Values that are not functions, as `math.pi` and `np.newaxis`.
VALUES = {
    "pi": 3.141592653589793, "e": 2.718281828459045, "tau": 6.283185307179586, "inf": float("inf"),
    "nan": float("nan"), "euler_gamma": 0.5772156649015329, "newaxis": None,
}  # fmt: skip

UFUNC_OPTIONS = ("out", "where", "casting", "order", "dtype", "subok")
# Never data, whatever the rule: the front end refuses those that matter.
OPTIONS = {
    *UFUNC_OPTIONS,
    "axis",
    "axes",
    "keepdims",
    "initial",
    "optimize",
    "like",
    "device",
    "copy",
    "ndmin",
}


@dataclass(frozen=True)
class Spelling:
    """One library's name for `op`, and the parameters of that library's function in positional order."""

    op: str
    name: str
    parameters: tuple[str, ...]
    variadic: str = (
        ""  # the parameter that takes many positional values, each a data argument
    )
    packed: str = ""  # the parameter that takes many positional values as one tuple
    sequence: str = ""  # the parameter whose elements are data arguments
    renamed: tuple[
        tuple[str, str], ...
    ] = ()  # (library's keyword, rule's name or library's first keyword)
    data: int | None = None  # how many of the parameters are data; None: the rule says
    limit: int | None = None  # how many may be given by position; None: all
    fold: bool = False  # a binary operation, applied from left to right
    attribute: bool = False
    otherwise: Spelling | None = (
        None  # another meaning of the name, for other arguments
    )


@dataclass(frozen=True)
class Bound(Generic[T]):
    """The arguments of one call under the rule's names; a tuple stands for packed positional values."""

    op: str
    data: dict[str, T | tuple[T, ...]]
    options: dict[str, T | tuple[T, ...]]
    unknown: list[str] = field(
        default_factory=list
    )  # options that the rule does not know
    sequence: str = ""  # the data argument that is a list or tuple, to be spread
    fold: bool = False


def lookup(namespace: str, name: str) -> Spelling | None:
    """What `name` means in `namespace`, or None where flatgrad does not know it."""
    return _tables().get(namespace, {}).get(name)


def spell(op: str, namespace: str) -> str | None:
    """The name of `op` in `namespace`: the first that is listed."""
    return _names().get(namespace, {}).get(op)


def bind(
    spelling: Spelling,
    positional: Sequence[T],
    keywords: Mapping[str, T],
    lift: Callable[[object], T] | None = None,
) -> Bound[T]:
    """Sort the arguments of a call into data and options; TypeError if the library would refuse them.

    `lift` makes a value of a constant: of the rule's default, where one data argument is left out and a
    later one is given, as in clip(x, max=1).
    """
    first, *others = meanings(spelling)
    try:
        return _bind(first, positional, keywords, lift)
    except TypeError:
        for other in others:
            with suppress(TypeError):
                return _bind(other, positional, keywords, lift)
        raise


def meanings(spelling: Spelling) -> list[Spelling]:
    """The spelling and what its name means otherwise, in the order in which they are tried."""
    return [spelling, *(meanings(spelling.otherwise) if spelling.otherwise else [])]


def arrange(
    spelling: Spelling, data: Sequence[T], options: Mapping[str, T]
) -> tuple[list[T | tuple[T, ...]], dict[str, T]]:
    """The way back: the positional arguments and the keywords of a call that has this data and these options.

    A tuple stands for what the library takes as one list or tuple.
    """
    data_names, names = _roles(spelling)
    rule = RULES.get(spelling.op)
    required = (
        {name for name, default in rule.defaults.items() if default is ...}
        if rule
        else set()
    )
    keywords = {
        p: options[names[p]] for p in spelling.parameters if names[p] in options
    }
    given: dict[str, T | tuple[T, ...]] = {
        p: v for p, v in keywords.items() if names[p] in required
    }
    rest = list(data)
    for name in data_names:
        if name in (spelling.sequence, spelling.variadic):
            given[name], rest = tuple(rest), []
        elif rest:
            given[name] = rest.pop(0)
    positional: list[T | tuple[T, ...]] = []
    for name in spelling.parameters:
        if name in given and name == spelling.variadic:
            positional += given[name]  # type: ignore[arg-type]
        elif name in given:
            positional.append(given[name])
    return positional, {p: v for p, v in keywords.items() if p not in given}


def _bind(
    spelling: Spelling,
    positional: Sequence[T],
    keywords: Mapping[str, T],
    lift: Callable[[object], T] | None,
) -> Bound[T]:
    given = _positional(spelling, positional)
    aliases = {old: new for old, new in spelling.renamed if new in spelling.parameters}
    for key, value in keywords.items():
        name = aliases.get(key, key)
        if name not in spelling.parameters or name in (spelling.variadic, "self"):
            raise TypeError(f"{spelling.name}() has no parameter {key!r}")
        if name in given:
            raise TypeError(f"{spelling.name}() got two values for {key!r}")
        given[name] = value
    return _sort(spelling, given, lift)


def _positional(
    spelling: Spelling, positional: Sequence[T]
) -> dict[str, T | tuple[T, ...]]:
    """Give positional arguments their names; those beyond a starred parameter are that parameter's."""
    names, values = spelling.parameters, list(positional)
    star = spelling.variadic or spelling.packed
    if not star:
        most = len(names) if spelling.limit is None else spelling.limit
        if len(values) > most:
            raise TypeError(
                f"{spelling.name}() takes at most {most} arguments, {len(values)} were given"
            )
        return dict(zip(names, values, strict=False))
    before = names.index(star)
    given: dict[str, T | tuple[T, ...]] = dict(
        zip(names[:before], values, strict=False)
    )
    rest = tuple(values[before:])
    if rest and star == spelling.packed:
        given[star] = rest[0] if len(rest) == 1 else rest
    elif rest:
        given[star] = rest
    return given


def _sort(
    spelling: Spelling,
    given: Mapping[str, T | tuple[T, ...]],
    lift: Callable[[object], T] | None,
) -> Bound[T]:
    """Data in the rule's order, and options, both under the rule's names."""
    rule = RULES.get(spelling.op)
    data_names, names = _roles(spelling)
    last = max((i for i, p in enumerate(data_names) if p in given), default=-1)
    data: dict[str, T | tuple[T, ...]] = {}
    extra: dict[str, T | tuple[T, ...]] = {}
    for i, parameter in enumerate(data_names):
        name = names[parameter]
        if parameter in given and len(data) < i and not spelling.fold:
            extra[name] = given[
                parameter
            ]  # of an operation without derivative: what follows a gap is an option
        elif parameter == spelling.variadic and parameter in given:
            data |= {f"{name}[{i}]": v for i, v in enumerate(given[parameter])}  # type: ignore[arg-type]
        elif parameter in given:
            data[name] = given[parameter]
        elif _required(spelling, rule, name) or (
            i < last and rule and name in rule.defaults and lift is None
        ):
            raise TypeError(f"{spelling.name}() lacks {parameter!r}")
        elif (
            i < last and rule is not None and name in rule.defaults and lift is not None
        ):
            data[name] = lift(rule.defaults[name])
    options = extra | {names[p]: v for p, v in given.items() if p not in data_names}
    known = (
        _options_of(rule)
        if rule is not None and rule.kind is not Kind.CONSTANT
        else set(options)
    )
    unknown = [name for name in options if name not in known]
    sequence = names[spelling.sequence] if spelling.sequence in given else ""
    return Bound(spelling.op, data, options, unknown, sequence, spelling.fold)


def _required(spelling: Spelling, rule: Rule | None, name: str) -> bool:
    if spelling.fold or rule is None or rule.kind is Kind.CONSTANT:
        return False
    return name not in rule.defaults


def _roles(spelling: Spelling) -> tuple[list[str], dict[str, str]]:
    """The data parameters in the rule's order, and the rule's name of each parameter."""
    rule, parameters = RULES.get(spelling.op), spelling.parameters
    renamed = {old: new for old, new in spelling.renamed if new not in parameters}
    names = {p: renamed.get(p, p) for p in parameters}
    if spelling.fold:
        return [
            p
            for p in parameters
            if p in (spelling.variadic, spelling.sequence, "start")
        ], names
    if rule is None or rule.kind is Kind.CONSTANT:
        first = next(
            (i for i, p in enumerate(parameters) if p in OPTIONS), len(parameters)
        )
        return (
            list(parameters[: first if spelling.data is None else spelling.data]),
            names,
        )
    data, options = _data_of(rule), _options_of(rule)
    free = [d for d in data if d not in names.values()]
    for p in parameters:
        if free and names[p] not in {*data, *options, *OPTIONS}:
            names[p] = free.pop(0)
    return (
        sorted(
            (p for p in parameters if names[p] in data),
            key=lambda p: data.index(names[p]),
        ),
        names,
    )


def _data_of(rule: Rule) -> list[str]:
    parameters = inspect.signature(rule.formula).parameters.values()
    return [
        p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)
    ]


def _options_of(rule: Rule) -> set[str]:
    parameters = inspect.signature(rule.formula).parameters.values()
    data = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    return {
        p.name for p in parameters if p.kind not in data and p.name not in rule.context
    }


# ---------------------------------------------------------------------------------------------- the tables

UNARY = {
    "numpy": """
        exp, exp2, expm1, log, log2, log10, log1p, sqrt, cbrt, square, reciprocal, sin, cos, tan, sinh, cosh, tanh
        arcsin = asin -> asin, arccos = acos -> acos, arctan = atan -> atan
        arcsinh = asinh -> asinh, arccosh = acosh -> acosh, arctanh = atanh -> atanh
        abs = absolute, fabs -> abs, negative -> neg, positive -> pos, conj = conjugate
        deg2rad = radians -> deg2rad, rad2deg = degrees -> rad2deg
        sign, signbit, floor, ceil, rint, trunc, isnan, isinf, isfinite, spacing, isnat
        logical_not, invert = bitwise_not, bitwise_invert -> invert, modf, frexp
        """,
    "scipy.special": """
        erf, erfc, erfcx, erfi, erfinv, erfcinv, dawsn, expit -> sigmoid, log_expit, logit, softplus
        gamma, gammaln, loggamma, rgamma, digamma = psi -> digamma, gammasgn, entr, ndtr, log_ndtr, ndtri
        j0, j1, y0, y1, i0, i1, i0e, i1e, k0, k1, k0e, k1e, expi, exp1, exprel, spence, expm1, log1p
        cosm1, exp2, exp10, cbrt, sindg, cosdg, tandg, ellipk, ellipe, ellipkm1, zetac, round
        """,
    "math": """
        exp, exp2, expm1, log2, log10, log1p, sqrt, cbrt, sin, cos, tan, asin, acos, atan
        sinh, cosh, tanh, asinh, acosh, atanh, fabs -> abs, erf, erfc, gamma, lgamma -> gammaln
        radians -> deg2rad, degrees -> rad2deg, floor, ceil, trunc, isnan, isinf, isfinite, factorial, isqrt
        """,
    "builtins": "abs, float, int, bool, len, complex, list, tuple",
}

BINARY = {
    "numpy": """
        add, subtract -> sub, multiply -> mul, divide = true_divide -> truediv, floor_divide -> floordiv
        mod = remainder -> mod, fmod, power = pow, float_power -> pow, matmul, arctan2 = atan2 -> atan2, hypot
        maximum, minimum, fmax, fmin, logaddexp, logaddexp2, copysign, heaviside, nextafter, ldexp, divmod
        equal -> eq, not_equal -> ne, less -> lt, less_equal -> le, greater -> gt, greater_equal -> ge
        logical_and, logical_or, logical_xor, bitwise_and -> bitand, bitwise_or -> bitor, bitwise_xor -> bitxor
        left_shift = bitwise_left_shift -> lshift, right_shift = bitwise_right_shift -> rshift, gcd, lcm, vecdot
        """,
    "scipy.special": """
        xlogy, xlog1py, rel_entr, kl_div, beta, betaln, huber, pseudo_huber, binom, poch, agm, owens_t
        ellipkinc, ellipeinc, zeta
        """,
    "math": "pow, atan2, fmod, copysign, remainder -> ieee_remainder, ldexp, gcd, lcm, comb, perm, nextafter",
    "builtins": "divmod",
}

SIGNATURES = {
    "numpy": """
        sum(a, axis, dtype, out, keepdims, initial, where)
        mean(a, axis, dtype, out, keepdims, where)
        prod(a, axis, dtype, out, keepdims, initial, where)
        max = amax -> max (a, axis, out, keepdims, initial, where)
        min = amin -> min (a, axis, out, keepdims, initial, where)
        var(a, axis, dtype, out, ddof|correction, keepdims, where, mean)
        std(a, axis, dtype, out, ddof|correction, keepdims, where, mean)
        ptp(a, axis, out, keepdims)
        average(a, axis, weights, returned, keepdims)
        median(a, axis, out, overwrite_input, keepdims)
        quantile(a, q, axis, out, overwrite_input, method, keepdims)
        percentile(a, q, axis, out, overwrite_input, method, keepdims)
        nansum(a, axis, dtype, out, keepdims, initial, where)
        nanmean(a, axis, dtype, out, keepdims, where)
        nanprod(a, axis, dtype, out, keepdims, initial, where)
        nanmax(a, axis, out, keepdims, initial, where)
        nanmin(a, axis, out, keepdims, initial, where)
        nanvar(a, axis, dtype, out, ddof|correction, keepdims, where, mean)
        nanstd(a, axis, dtype, out, ddof|correction, keepdims, where, mean)
        cumsum = cumulative_sum -> cumsum (a, axis, dtype, out)
        cumprod = cumulative_prod -> cumprod (a, axis, dtype, out)
        trapezoid = trapz -> trapezoid (y, x, dx, axis)
        diff(a, n, axis, prepend, append)
        ediff1d(ary, to_end, to_begin)
        gradient(f, *varargs, axis, edge_order)
        interp(x, xp, fp, left, right, period)
        convolve(a, v, mode)
        correlate(a, v, mode)
        cov(m, y, rowvar, bias, ddof, fweights, aweights, dtype)
        corrcoef(x, y, rowvar, dtype)
        unwrap(p, discont, axis, period)
        sinc(x)
        i0(x)
        angle(z, deg)
        real(val)
        imag(val)
        real_if_close(a, tol)
        nan_to_num(x, copy, nan, posinf, neginf)
        clip(a, a_min|min, a_max|max, out, where, casting, order, dtype, subok)
        where(condition, x, y)
        where -> nonzero (condition)
        select([condlist], choicelist, default)
        choose(a, choices, out, mode)
        piecewise(x, condlist, funclist)
        round = around -> round (a, /, decimals, out)
        fix(x, out)

        reshape(a, shape|newshape, order, copy)
        ravel(a, order)
        transpose = permute_dims -> transpose (a, axes)
        matrix_transpose(x)
        swapaxes(a, axis1, axis2)
        moveaxis(a, source, destination)
        rollaxis(a, axis, start)
        squeeze(a, axis)
        expand_dims(a, axis)
        broadcast_to(array, shape, subok)
        broadcast_arrays(*args, subok)
        tile(A, reps)
        repeat(a, repeats, axis)
        pad(array, pad_width, mode, constant_values, end_values, stat_length, reflect_type)
        roll(a, shift, axis)
        rot90(m, k, axes)
        flip(m, axis)
        fliplr(m)
        flipud(m)
        atleast_1d(*arys)
        atleast_2d(*arys)
        atleast_3d(*arys)
        resize(a, new_shape)
        concatenate = concat -> concatenate ([arrays], axis, out, dtype, casting)
        stack([arrays], axis, out, dtype, casting)
        vstack([tup], dtype, casting)
        hstack([tup], dtype, casting)
        dstack([tup])
        column_stack([tup])
        block([arrays])
        append(arr, values, axis)
        insert(arr, obj, values, axis)
        delete(arr, obj, axis)
        split(ary, indices_or_sections, axis)
        array_split(ary, indices_or_sections, axis)
        hsplit(ary, indices_or_sections)
        vsplit(ary, indices_or_sections)
        dsplit(ary, indices_or_sections)
        unstack(x, axis)
        meshgrid(*xi, copy, sparse, indexing)
        take(a, indices, axis, out, mode)
        take_along_axis(arr, indices, axis)
        compress(condition, a, axis, out)
        extract(condition, arr)
        sort(a, axis, kind, order, stable)
        partition(a, kth, axis, kind, order)
        copy(a, order, subok)
        array(object, dtype, copy, order, subok, ndmin, like)
        asarray = asanyarray, ascontiguousarray, asfortranarray, asarray_chkfinite -> asarray (a, dtype, order, copy, like)
        astype(x, dtype, copy)
        float64 = float_, double -> float (x)

        dot(a, b, out)
        vdot(a, b)
        inner(a, b)
        outer(a, b, out)
        tensordot(a, b, axes)
        einsum(subscripts, *operands, out, optimize, dtype, order, casting)
        kron(a, b)
        cross(a, b, axisa, axisb, axisc, axis)
        matvec(x1, x2)
        vecmat(x1, x2)
        trace(a, offset, axis1, axis2, dtype, out)
        diag(v, k)
        diagflat(v, k)
        diagonal(a, offset, axis1, axis2)
        tril(m, k)
        triu(m, k)
        vander(x, N, increasing)
        polyval(p, x)
        add.at -> index_add (a, indices, b)

        zeros(shape, /, dtype, order, like)
        ones(shape, /, dtype, order, like)
        empty(shape, /, dtype, order, like)
        full(shape, fill_value, dtype, order, like)
        zeros_like(a, /, dtype, order, subok, shape)
        ones_like(a, /, dtype, order, subok, shape)
        empty_like(a, /, dtype, order, subok, shape)
        full_like(a, fill_value, dtype, order, subok, shape)
        eye(N, /, M, k, dtype, order)
        identity(n, /, dtype)
        tri(N, /, M, k, dtype)
        arange(start, stop, step, dtype, like)
        linspace(start, stop, num, endpoint, retstep, dtype, axis)
        logspace(start, stop, num, endpoint, base, dtype, axis)
        geomspace(start, stop, num, endpoint, dtype, axis)
        indices(dimensions, /, dtype, sparse)
        tril_indices(n, /, k, m)
        triu_indices(n, /, k, m)
        diag_indices(n, /, ndim)
        ix_(*args)
        shape(a)
        ndim(a)
        size(a, axis)
        argmax(a, axis, out, keepdims)
        argmin(a, axis, out, keepdims)
        nanargmax(a, axis, out, keepdims)
        nanargmin(a, axis, out, keepdims)
        argsort(a, axis, kind, order, stable)
        argpartition(a, kth, axis, kind, order)
        argwhere(a)
        lexsort(keys, axis)
        nonzero(a)
        flatnonzero(a)
        count_nonzero(a, axis, keepdims)
        searchsorted(a, v, /, side, sorter)
        digitize(x, bins, /, right)
        bincount(x, /, weights, minlength)
        unique(ar, /, return_index, return_inverse, return_counts, axis)
        isin(element, test_elements, /, assume_unique, invert)
        all(a, axis, out, keepdims, where)
        any(a, axis, out, keepdims, where)
        isclose(a, b, /, rtol, atol, equal_nan)
        allclose(a, b, /, rtol, atol, equal_nan)
        array_equal(a1, a2, /, equal_nan)
        isscalar(element)
        isreal(x)
        iscomplex(x)
        iscomplexobj(x)
        isrealobj(x)
        result_type(*arrays_and_dtypes)
        ravel_multi_index(multi_index, dims, /, mode, order)
        unravel_index(indices, shape, /, order)
        broadcast_shapes(*args)
        """,
    "numpy.linalg": """
        norm(x, ord, axis, keepdims)
        vector_norm(x, axis, keepdims, ord)
        matrix_norm(x, keepdims, ord)
        inv(a)
        solve(a, b)
        det(a)
        slogdet(a)
        cholesky(a, upper)
        eigh(a, UPLO)
        eigvalsh(a, UPLO)
        eig(a)
        eigvals(a)
        svd(a, full_matrices, compute_uv, hermitian)
        svdvals(x)
        qr(a, mode)
        pinv(a, rcond, hermitian, rtol)
        lstsq(a, b, rcond)
        matrix_power(a, n)
        multi_dot -> fold matmul ([arrays], out)
        cond(x, p)
        matrix_rank(A, /, tol, hermitian, rtol)
        tensorinv(a, ind)
        tensorsolve(a, b, axes)
        cross(x1, x2, axis)
        outer(x1, x2)
        trace(x, offset, dtype)
        diagonal(x, offset)
        matmul(x1, x2)
        tensordot(x1, x2, axes)
        vecdot(x1, x2, axis)
        matrix_transpose(x)
        """,
    "numpy.random": """
        seed -> random_seed (/, seed)
        default_rng -> random_default_rng (/, seed)
        RandomState -> random_state (/, seed)
        rand -> random_rand (*shape)
        randn -> random_randn (*shape)
        random = random_sample, ranf, sample -> random_random (/, size, dtype, out)
        uniform -> random_uniform (/, low, high, size)
        normal -> random_normal (/, loc, scale, size)
        standard_normal -> random_standard_normal (/, size, dtype, out)
        standard_exponential -> random_standard_exponential (/, size, dtype, method, out)
        exponential -> random_exponential (/, scale, size)
        randint -> random_randint (/, low, high, size, dtype)
        integers -> random_integers (/, low, high, size, dtype, endpoint)
        choice -> random_choice (a, /, size, replace, p, axis, shuffle)
        permutation -> random_permutation (x, /, axis)
        binomial -> random_binomial (/, n, p, size)
        poisson -> random_poisson (/, lam, size)
        """,
    "scipy.special": """
        logsumexp(a, axis, b, keepdims, return_sign)
        softmax(x, axis)
        log_softmax(x, axis)
        polygamma(n, x)
        multigammaln(a, d)
        jv = jn -> jv (v, z)
        yv = yn -> yv (v, z)
        kv = kn -> kv (v, z)
        iv(v, z)
        ive(v, z)
        kve(v, z)
        expn(n, x)
        gammainc(a, x)
        gammaincc(a, x)
        gammaincinv(a, p)
        gammainccinv(a, p)
        betainc(a, b, x)
        betaincinv(a, b, p)
        boxcox(x, lmbda)
        boxcox1p(x, lmbda)
        inv_boxcox(x, lmbda)
        hyp0f1(v, z)
        hyp1f1(a, b, x)
        hyp2f1(a, b, c, z)
        sinc(x)
        comb(N, k, exact, repetition)
        factorial(n, exact)
        """,
    "scipy.linalg": """
        inv(a, overwrite_a, check_finite, assume_a, lower)
        solve(a, b, lower, overwrite_a, overwrite_b, check_finite, assume_a, transposed)
        det(a, overwrite_a, check_finite)
        solve_triangular(a, b, trans, lower, unit_diagonal, overwrite_b, check_finite)
        cholesky -> scipy_cholesky (a, lower, overwrite_a, check_finite)
        eigh -> scipy_eigh (a, b, lower, eigvals_only)
        eigvalsh -> scipy_eigvalsh (a, b, lower)
        svd -> svd (a, full_matrices, compute_uv, overwrite_a, check_finite)
        svdvals(a, overwrite_a, check_finite)
        pinv(a, atol, rtol, return_rank, check_finite)
        norm(a, ord, axis, keepdims, check_finite)
        expm(A)
        sqrtm(A)
        logm(A)
        solve_sylvester(a, b, q)
        block_diag(*arrs)
        toeplitz(c, r)
        """,
    "math": """
        log(x)
        log -> log_base (x, base)
        hypot -> fold hypot (*coordinates)
        fsum -> fold add ([seq])
        prod -> fold mul ([iterable], *, start)
        sumprod -> dot (p, q)
        isclose(a, b, /, rel_tol, abs_tol)
        modf(x)
        frexp(x)
        """,
    "builtins": """
        max -> fold maximum ([iterable], *, key, default)
        max -> fold maximum (*values, key)
        min -> fold minimum ([iterable], *, key, default)
        min -> fold minimum (*values, key)
        sum -> fold add ([iterable], start)
        pow(base, exp)
        round(number, /, ndigits)
        range(start, stop, step)
        zip(*iterables)
        enumerate(iterable, start)
        reversed(sequence)
        sorted(iterable, /, key, reverse)
        isinstance(object, classinfo)
        any(iterable)
        all(iterable)
        print(*objects)
        """,
    "ndarray": """
        .mT -> matrix_transpose
        .shape
        .ndim
        .size
        .dtype
        .real
        .imag
        .nbytes
        .itemsize
        sum(axis, dtype, out, keepdims, initial, where)
        mean(axis, dtype, out, keepdims, where)
        prod(axis, dtype, out, keepdims, initial, where)
        max(axis, out, keepdims, initial, where)
        min(axis, out, keepdims, initial, where)
        var(axis, dtype, out, ddof|correction, keepdims, where, mean)
        std(axis, dtype, out, ddof|correction, keepdims, where, mean)
        ptp(axis, out, keepdims)
        cumsum(axis, dtype, out)
        cumprod(axis, dtype, out)
        clip(min|a_min, max|a_max, out)
        round(/, decimals, out)
        conj = conjugate -> conj ()
        reshape((*shape), order, copy)
        transpose((*axes))
        swapaxes(axis1, axis2)
        squeeze(axis)
        ravel(order)
        flatten(order)
        repeat(repeats, axis)
        take(indices, axis, out, mode)
        compress(condition, axis, out)
        copy(order)
        astype(dtype, order, casting, subok, copy)
        view(dtype, type)
        dot(b, out)
        trace(offset, axis1, axis2, dtype, out)
        diagonal(offset, axis1, axis2)
        argmax(axis, out, keepdims)
        argmin(axis, out, keepdims)
        argsort(axis, kind, order, stable)
        argpartition(kth, axis, kind, order)
        nonzero()
        searchsorted(v, /, side, sorter)
        any(axis, out, keepdims, where)
        all(axis, out, keepdims, where)
        item((*args))
        tolist()
        fill(value)
        .T -> transpose
        .flat -> ravel
        """,
}


@cache
def _tables() -> dict[str, dict[str, Spelling]]:
    tables: dict[str, dict[str, Spelling]] = {}
    for namespace in (*SIGNATURES, *UNARY, *BINARY):
        tables[namespace] = {}
        for spelling in spellings(namespace):
            _add(tables[namespace], spelling)
    return tables


@cache
def _names() -> dict[str, dict[str, str]]:
    """Namespace -> op -> its first name; a name that means an operation outright goes before a fold."""
    names: dict[str, dict[str, str]] = {}
    for namespace in _tables():
        names[namespace] = {}
        for spelling in sorted(spellings(namespace), key=lambda s: s.fold):
            names[namespace].setdefault(spelling.op, spelling.name)
    return names


def _add(table: dict[str, Spelling], spelling: Spelling) -> None:
    """Enter a spelling; a second one of the same name is what the first one means otherwise."""
    first = table.get(spelling.name)
    if first is None:
        table[spelling.name] = spelling
    else:
        for meaning in reversed(meanings(first)):
            spelling = replace(meaning, otherwise=spelling)
        table[spelling.name] = spelling


def spellings(namespace: str) -> list[Spelling]:
    """All names of a library, in the order of the tables."""
    options = UFUNC_OPTIONS if namespace in ("numpy", "scipy.special") else ()
    found = []
    for table, data in ((UNARY, ("x",)), (BINARY, ("x1", "x2"))):
        for names, op in _entries(table.get(namespace, "")):
            found += [
                Spelling(op, name, (*data, *options), data=len(data)) for name in names
            ]
    for line in filter(
        None, map(str.strip, SIGNATURES.get(namespace, "").splitlines())
    ):
        found += _signature(line, method=namespace == "ndarray")
    return found


def _entries(text: str) -> list[tuple[list[str], str]]:
    """Names and operation of `name`, `name -> op` and `name = alias -> op`, separated by commas and lines."""
    entries = []
    for part in filter(None, map(str.strip, re.split(r"[,\n]", text))):
        spelled, _, op = map(str.strip, part.partition("->"))
        names = [name.strip() for name in spelled.split("=")]
        entries.append((names, op or names[0]))
    return entries


def _signature(line: str, *, method: bool) -> list[Spelling]:
    match = re.fullmatch(
        r"([^(>-]+?)\s*(?:->\s*(fold )?([\w.]+))?\s*(?:\((.*)\))?", line
    )
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
    return Spelling(
        "",
        "",
        tuple(parameters),
        variadic,
        packed,
        sequence,
        tuple(renamed),
        data,
        limit,
    )
