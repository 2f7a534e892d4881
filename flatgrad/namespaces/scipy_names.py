"""scipy.special and scipy.linalg."""

UNARY = {
    "scipy.special": """
        erf, erfc, erfcx, erfi, erfinv, erfcinv, dawsn, expit -> sigmoid, log_expit, logit, softplus
        gamma, gammaln, loggamma, rgamma, digamma = psi -> digamma, gammasgn, entr, ndtr, log_ndtr, ndtri
        j0, j1, y0, y1, i0, i1, i0e, i1e, k0, k1, k0e, k1e, expi, exp1, exprel, spence, expm1, log1p
        cosm1, exp2, exp10, cbrt, sindg, cosdg, tandg, ellipk, ellipe, ellipkm1, zetac, round
        wrightomega, sici, shichi, fresnel, airy, itj0y0, iti0k0, kolmogorov, kolmogi
        """,
}

BINARY = {
    "scipy.special": """
        xlogy, xlog1py, rel_entr, kl_div, beta, betaln, huber, pseudo_huber, binom, poch, agm, owens_t
        ellipkinc, ellipeinc, elliprc, boxcox, boxcox1p, inv_boxcox, inv_boxcox1p, powm1
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
        yv(v, z)
        yn(n, x)
        kv(v, z)
        kn(n, x)
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
        zeta(x, q)
        jve(v, z)
        yve(v, z)
        struve(v, x)
        modstruve(v, x)
        spherical_jn(n, z, derivative)
        spherical_yn(n, z, derivative)
        spherical_in(n, z, derivative)
        spherical_kn(n, z, derivative)
        hyperu(a, b, x)
        ellipj(u, m)
        elliprf(x, y_=y, z)
        elliprd(x, y, z)
        eval_legendre(n, x)
        eval_chebyt(n, x)
        eval_chebyu(n, x)
        eval_hermite(n, x)
        eval_hermitenorm(n, x)
        eval_laguerre(n, x)
        eval_genlaguerre(n, alpha, x)
        eval_gegenbauer(n, alpha, x)
        eval_jacobi(n, alpha, beta, x)
        stdtr(df, t)
        stdtrit(df, p)
        chdtr(v, x)
        chdtrc(v, x)
        chdtri(v, p)
        fdtr(dfn, dfd, x)
        fdtrc(dfn, dfd, x)
        fdtri(dfn, dfd, p)
        gdtr(a, b, x)
        gdtrc(a, b, x)
        pdtr(k, m)
        pdtrc(k, m)
        bdtr(k, n, p)
        bdtrc(k, n, p)
        nbdtr(k, n, p)
        nbdtrc(k, n, p)
        hyp0f1(v, z)
        hyp1f1(a, b, x)
        hyp2f1(a, b, c, z)
        sinc(x)
        comb(n=N, k, exact, repetition)
        factorial(n, exact)
        """,
    "scipy.fft": """
        fft(x, n, axis, norm, overwrite_x, workers)
        ifft(x, n, axis, norm, overwrite_x, workers)
        rfft(x, n, axis, norm, overwrite_x, workers)
        irfft(x, n, axis, norm, overwrite_x, workers)
        hfft(x, n, axis, norm, overwrite_x, workers)
        ihfft(x, n, axis, norm, overwrite_x, workers)
        fft2(x, s, axes, norm, overwrite_x, workers)
        ifft2(x, s, axes, norm, overwrite_x, workers)
        fftn(x, s, axes, norm, overwrite_x, workers)
        ifftn(x, s, axes, norm, overwrite_x, workers)
        rfft2(x, s, axes, norm, overwrite_x, workers)
        irfft2(x, s, axes, norm, overwrite_x, workers)
        rfftn(x, s, axes, norm, overwrite_x, workers)
        irfftn(x, s, axes, norm, overwrite_x, workers)
        fftshift(x, axes)
        ifftshift(x, axes)
        fftfreq(n, d, xp, device)
        rfftfreq(n, d, xp, device)
        dct(x, type, n, axis, norm, overwrite_x, workers, orthogonalize)
        idct(x, type, n, axis, norm, overwrite_x, workers, orthogonalize)
        dst(x, type, n, axis, norm, overwrite_x, workers, orthogonalize)
        idst(x, type, n, axis, norm, overwrite_x, workers, orthogonalize)
        dctn(x, type, s, axes, norm, overwrite_x, workers, orthogonalize)
        idctn(x, type, s, axes, norm, overwrite_x, workers, orthogonalize)
        dstn(x, type, s, axes, norm, overwrite_x, workers, orthogonalize)
        idstn(x, type, s, axes, norm, overwrite_x, workers, orthogonalize)
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
}
