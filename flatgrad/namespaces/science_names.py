"""The libraries of scipy beyond special functions and linear algebra."""

SIGNATURES = {
    "scipy.signal": """
        convolve -> signal_convolve (in1, in2, mode, method)
        fftconvolve = oaconvolve -> signal_convolve (in1, in2, mode, axes)
        correlate -> signal_correlate (in1, in2, mode, method)
        convolve2d(in1, in2, mode, boundary, fillvalue)
        correlate2d(in1, in2, mode, boundary, fillvalue)
        lfilter(b, a, x, axis, zi)
        sosfilt(sos, x, axis, zi)
        detrend(data, axis, type, bp, overwrite_data)
        savgol_filter(x, window_length, polyorder, deriv, delta, axis, mode, cval)
        resample(x, num, t, axis, window, domain)
        upfirdn(h, x, up, down, axis, mode, cval)
        """,
    "scipy.ndimage": """
        convolve -> ndimage_convolve (input, weights, output, mode, cval, origin, axes)
        correlate -> ndimage_correlate (input, weights, output, mode, cval, origin, axes)
        gaussian_filter(input, sigma, order, output, mode, cval, truncate, *, radius, axes)
        uniform_filter(input, size, output, mode, cval, origin, axes)
        laplace(input, output, mode, cval, *, axes)
        """,
    "scipy.spatial.distance": """
        euclidean(u, v, w)
        sqeuclidean(u, v, w)
        cityblock(u, v, w)
        chebyshev(u, v, w)
        cosine(u, v, w)
        correlation -> correlation_distance (u, v, w, centered)
        minkowski(u, v, p, w)
        braycurtis(u, v, w)
        canberra(u, v, w)
        cdist(XA, XB, metric, *, out, p, w, V, VI)
        pdist(X, metric, *, out, p, w, V, VI)
        squareform(X, force, checks)
        """,
    "scipy.integrate": """
        trapezoid(y, x, dx, axis)
        simpson(y, *, x, dx, axis)
        cumulative_trapezoid(y, x, dx, axis, initial)
        """,
    "scipy.optimize": """
        rosen(x)
        rosen_der(x)
        rosen_hess_prod(x, p)
        """,
}
