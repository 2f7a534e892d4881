"""math, and what needs no import."""

UNARY = {
    "math": """
        exp, exp2, expm1, log2, log10, log1p, sqrt, cbrt, sin, cos, tan, asin, acos, atan
        sinh, cosh, tanh, asinh, acosh, atanh, fabs -> abs, erf, erfc, gamma, lgamma -> gammaln
        radians -> deg2rad, degrees -> rad2deg, floor, ceil, trunc, isnan, isinf, isfinite, factorial -> whole_factorial, isqrt, ulp
        """,
    "builtins": "abs, float, int, bool, len, list, tuple",
    "cmath": """
        exp, log10, sqrt, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, phase -> angle
        isnan, isinf, isfinite
        """,
    "operator": "neg, pos, abs",
}

BINARY = {
    "math": "pow, atan2, fmod, copysign, remainder -> ieee_remainder, ldexp, gcd, lcm, comb -> whole_comb, perm, nextafter",
    "builtins": "divmod",
    "operator": "add, sub, mul, truediv, pow, matmul",
}

SIGNATURES = {
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
        dist(p, q)
        """,
    "cmath": """
        log(x)
        log -> log_base (x, base)
        isclose(a, b, /, rel_tol, abs_tol)
        """,
    "builtins": """
        complex(real, imag)
        max -> fold maximum ([iterable], *, key, default)
        max -> fold maximum (*values, key)
        min -> fold minimum ([iterable], *, key, default)
        min -> fold minimum (*values, key)
        sum -> fold add ([iterable], start)
        pow(base, exp)
        round(number, /, ndigits)
        range(start, stop, step)
        sorted(iterable, /, key, reverse)
        isinstance(object, classinfo)
        any(iterable)
        all(iterable)
        print(*objects)
        """,
}
