"""scipy.special and scipy.linalg."""

UNARY = {
    "scipy.special": """
        erf, erfc, erfcx, erfi, erfinv, erfcinv, dawsn, expit -> sigmoid, log_expit, logit, softplus
        gamma, gammaln, loggamma, rgamma, digamma = psi -> digamma, gammasgn, entr, ndtr, log_ndtr, ndtri
        j0, j1, y0, y1, i0, i1, i0e, i1e, k0, k1, k0e, k1e, expi, exp1, exprel, spence, expm1, log1p
        cosm1, exp2, exp10, cbrt, sindg, cosdg, tandg, ellipk, ellipe, ellipkm1, zetac, round
        """,
}

BINARY = {
    "scipy.special": """
        xlogy, xlog1py, rel_entr, kl_div, beta, betaln, huber, pseudo_huber, binom, poch, agm, owens_t
        ellipkinc, ellipeinc, zeta
        """,
}

SIGNATURES = {
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
        solve(a, b, overwrite_a, overwrite_b, check_finite)
        solve -> solve_assuming (a, b, lower, overwrite_a, overwrite_b, check_finite, assume_a, transposed)
        det(a, overwrite_a, check_finite)
        solve_triangular(a, b, trans, lower, unit_diagonal, overwrite_b, check_finite)
        cholesky -> scipy_cholesky (a, lower, overwrite_a, check_finite)
        cho_factor(a, lower, overwrite_a, check_finite)
        cho_solve(c, b, overwrite_b, check_finite, lower)
        lu_factor(a, overwrite_a, check_finite)
        lu_solve(lu, piv, b, trans, overwrite_b, check_finite)
        lu(a, permute_l, overwrite_a, check_finite, p_indices)
        eigh -> scipy_eigh (a, *, lower, eigvals_only, overwrite_a, check_finite, driver)
        eigh -> generalized_eigh (a, b, *, lower, eigvals_only, overwrite_a, overwrite_b, check_finite, driver)
        eigvalsh -> scipy_eigvalsh (a, *, lower, overwrite_a, check_finite, driver)
        eigvalsh -> generalized_eigvalsh (a, b, *, lower, overwrite_a, overwrite_b, check_finite, driver)
        eigh_tridiagonal(d, e, eigvals_only, select, select_range, check_finite, tol, lapack_driver)
        svd -> svd (a, full_matrices, compute_uv, overwrite_a, check_finite, lapack_driver)
        svdvals(a, overwrite_a, check_finite)
        qr -> scipy_qr (a, overwrite_a, lwork, mode, pivoting, check_finite)
        rq(a, overwrite_a, lwork, mode, check_finite)
        polar(a, side)
        orthogonal_procrustes(A, B, check_finite)
        pinv(a, *, atol, rtol, return_rank, check_finite)
        lstsq(a, b, cond, overwrite_a, overwrite_b, check_finite, lapack_driver)
        norm(a, ord, axis, keepdims, check_finite)
        expm(A)
        expm_frechet(A, E, method, compute_expm, check_finite)
        sqrtm(A)
        logm(A)
        sinm(A)
        cosm(A)
        tanm(A)
        sinhm(A)
        coshm(A)
        tanhm(A)
        fractional_matrix_power(A, t)
        solve_sylvester(a, b, q)
        solve_continuous_lyapunov = solve_lyapunov -> solve_continuous_lyapunov (a, q)
        solve_discrete_lyapunov(a, q, method)
        solve_continuous_are(a, b, q, r, e, s, balanced)
        solve_discrete_are(a, b, q, r, e, s, balanced)
        block_diag(*arrs)
        toeplitz(c, r)
        hankel(c, r)
        circulant(c)
        companion(a)
        khatri_rao(a, b)
        solve_toeplitz(c, r, b, check_finite)
        solve_circulant(c, b, singular, tol, caxis, baxis, outaxis)
        solve_banded(l, u, ab, b, overwrite_ab, overwrite_b, check_finite)
        solveh_banded(ab, b, overwrite_ab, overwrite_b, lower, check_finite)
        cholesky_banded(ab, overwrite_ab, lower, check_finite)
        """,
}
