"""torch's functions, and the methods and attributes of its tensors that are no functions as well.

A method that is not listed is the function of that name: `x.sum(dim=0)` is `torch.sum(x, dim=0)`. What no line can
say, such as the two results of `torch.max(x, dim=1)`, is in frontend/tensors.py.
"""

UNARY = {
    "torch": """
        exp, exp2, expm1, log, log2, log10, log1p, sqrt, square, reciprocal, sin, cos, tan, sinh, cosh, tanh
        asin = arcsin -> asin, acos = arccos -> acos, atan = arctan -> atan
        asinh = arcsinh -> asinh, acosh = arccosh -> acosh, atanh = arctanh -> atanh
        abs = absolute -> abs, neg = negative -> neg, positive -> pos, conj, sigmoid, relu, sinc
        deg2rad, rad2deg, sign = sgn -> sign, signbit, floor, ceil, trunc = fix -> trunc
        isnan, isinf, isfinite, isreal, logical_not, bitwise_not -> invert
        erf, erfc, erfinv, lgamma -> gammaln, digamma, i0, logit, rsqrt
        """,
    "torch.special": """
        expm1, exp2, log1p, erf, erfc, erfcx, erfinv, expit -> sigmoid, gammaln, digamma = psi -> digamma, entr, ndtr
        log_ndtr, ndtri, i0, i0e, i1, i1e, bessel_j0 -> j0, bessel_j1 -> j1, bessel_y0 -> y0, bessel_y1 -> y1, sinc, logit
        """,
    "torch.nn.functional": """
        relu, sigmoid, tanh, relu6, selu, logsigmoid -> log_expit, softsign, mish
        """,
}

BINARY = {
    "torch": """
        mul = multiply -> mul, true_divide -> truediv, floor_divide -> floordiv, remainder -> mod, fmod, pow
        matmul, atan2 = arctan2 -> atan2, hypot, maximum, minimum, fmax, fmin, logaddexp, logaddexp2, copysign
        heaviside, eq, ne = not_equal -> ne, lt = less -> lt, le = less_equal -> le, gt = greater -> gt
        ge = greater_equal -> ge, logical_and, logical_or, logical_xor, bitwise_and -> bitand, bitwise_or -> bitor
        bitwise_xor -> bitxor, xlogy
        """,
    "torch.special": "xlogy, xlog1py, zeta",
}

SIGNATURES = {
    "torch": """
        sum(input, axis=dim|axis, keepdims=keepdim|keepdims, dtype)
        mean(input, axis=dim|axis, keepdims=keepdim|keepdims, dtype)
        nansum(input, axis=dim, keepdims=keepdim, dtype)
        nanmean(input, axis=dim, keepdims=keepdim, dtype)
        prod(input, axis=dim, keepdims=keepdim, dtype)
        var(input, axis=dim, ddof=correction, keepdims=keepdim)
        std(input, axis=dim, ddof=correction, keepdims=keepdim)
        max(input)
        min(input)
        amax -> max (input, axis=dim, keepdims=keepdim)
        amin -> min (input, axis=dim, keepdims=keepdim)
        argmax(input, /, axis=dim, keepdims=keepdim)
        argmin(input, /, axis=dim, keepdims=keepdim)
        argsort(input, /, axis=dim, descending, stable)
        any(input, /, axis=dim, keepdims=keepdim)
        all(input, /, axis=dim, keepdims=keepdim)
        count_nonzero(input, /, axis=dim)
        isin(elements, test_elements)
        isclose(input, other, /, rtol, atol, equal_nan)
        allclose(input, other, /, rtol, atol, equal_nan)
        equal -> array_equal (input, other)
        searchsorted(sorted_sequence, input, /, right, side, sorter)
        bucketize -> digitize (input, boundaries, /, right)
        unique(input, /, sorted, return_inverse, return_counts, dim)
        bincount(input, /, weights, minlength)
        cumsum(input, axis=dim, dtype)
        cumprod(input, axis=dim, dtype)
        logsumexp(input, axis=dim, keepdims=keepdim)
        softmax(input, axis=dim, dtype)
        log_softmax(input, axis=dim, dtype)
        clamp = clip -> clip (input, low=min, high=max)
        clamp_min -> maximum (input, min)
        clamp_max -> minimum (input, max)
        where(condition, input, other)
        where -> nonzero (condition)
        nan_to_num(input, nan, posinf, neginf)
        round(input, /, decimals)
        diff(input, n, axis=dim, prepend, append)
        polygamma(n, input)
        mvlgamma -> multigammaln (input, p)

        reshape(input, shape)
        ravel(input)
        transpose = swapaxes, swapdims -> swapaxes (input, axis1=dim0|axis0, axis2=dim1|axis1)
        permute -> transpose (input, axes=dims)
        t -> transpose (input)
        adjoint -> matrix_transpose (input)
        movedim = moveaxis -> moveaxis (input, source, destination)
        squeeze(input, axis=dim)
        unsqueeze -> expand_dims (input, axis=dim)
        broadcast_to(input, shape)
        tile(input, dims)
        repeat_interleave -> repeat (input, repeats, axis=dim)
        roll(input, shifts, axis=dims)
        rot90(input, k, axes=dims)
        flip(input, axis=dims)
        fliplr(input)
        flipud(input)
        atleast_1d(input)
        atleast_2d(input)
        atleast_3d(input)
        cat = concat, concatenate -> concatenate ([tensors], axis=dim)
        stack([tensors], axis=dim)
        vstack = row_stack -> vstack ([tensors])
        hstack([tensors])
        dstack([tensors])
        column_stack([tensors])
        chunk(input, chunks, axis=dim)
        tensor_split -> split (input, indices_or_sections, axis=dim)
        index_add -> add_along (input, axis=dim, index, source)
        meshgrid(*tensors, indexing)
        take_along_dim -> take_along_axis (input, indices, axis=dim)
        gather(input, axis=dim, index)
        scatter(input, axis=dim, index, src|value)
        scatter_add(input, axis=dim, index, src)
        index_select -> take (input, axis=dim, index)
        clone -> copy (input)
        detach -> stop_gradient (input)
        tensor -> array (data, /, dtype, device)
        asarray = as_tensor -> asarray (data, dtype)

        mm = bmm, mv, dot -> matmul (input, mat2|vec|tensor)
        vdot(input, other)
        inner(input, other)
        outer = ger -> outer (input, vec2)
        tensordot(a, b, axes=dims)
        einsum(subscripts, *operands)
        kron(input, other)
        trace(input)
        diag(input, k=diagonal)
        diagonal(input, offset, axis1=dim1, axis2=dim2)
        tril(input, k=diagonal)
        triu(input, k=diagonal)
        matrix_power(input, n)
        matrix_exp -> expm (input)
        inverse -> inv (input)
        det(input)
        slogdet(input)
        pinverse -> pinv (input)

        zeros((*size), dtype, device)
        ones((*size), dtype, device)
        empty((*size), dtype, device)
        full(size, fill_value, dtype, device)
        zeros_like(input, /, dtype, device, memory_format)
        ones_like(input, /, dtype, device, memory_format)
        empty_like(input, /, dtype, device, memory_format)
        full_like(input, fill_value, dtype, device, memory_format)
        eye(n, /, M=m, dtype, device)
        arange(start, end, step, dtype, device)
        linspace(start, end, num=steps, dtype, device)
        numel -> size (input)
        is_tensor(obj)
        manual_seed -> random_seed (/, seed)
        rand -> random_rand (/, (*size), dtype, device, generator)
        randn -> random_randn (/, (*size), dtype, device, generator)
        rand_like -> random_like (input, /, dtype, device)
        randn_like -> random_like (input, /, dtype, device)
        bernoulli -> random_like (input, /, p, generator)
        randperm -> random_permutation (n, /, dtype, device, generator)
        randint -> random_randint (/, low, high, size, dtype, device, generator)
        """,
    "torch.special": """
        logsumexp(input, axis=dim, keepdims=keepdim)
        softmax(input, axis=dim, dtype)
        log_softmax(input, axis=dim, dtype)
        polygamma(n, input)
        multigammaln(input, p)
        """,
    "torch.linalg": """
        norm(A, ord, axis=dim, keepdims=keepdim)
        inv(A)
        solve(A, B)
        det(A)
        slogdet(A)
        cholesky(input)
        eigh(A)
        eigvalsh(A)
        svd(A, full_matrices)
        svdvals(A)
        qr(A, mode)
        pinv(A)
        matrix_power(A, n)
        matrix_exp -> expm (A)
        multi_dot -> fold matmul ([tensors])
        vector_norm(x, ord, axis=dim, keepdims=keepdim)
        vecdot(x, y, axis=dim)
        cond(A, p)
        cross(input, other, axis=dim)
        matmul(input, other)
        """,
    "torch.nn.functional": """
        softmax(input, axis=dim, dtype)
        log_softmax(input, axis=dim, dtype)
        softmin(input, axis=dim)
        leaky_relu(input, slope=negative_slope)
        elu(input, alpha)
        celu(input, alpha)
        gelu(input, approximate)
        silu(input)
        softplus -> smooth_relu (input, beta, threshold)
        threshold -> above_threshold (input, threshold, value)
        mse_loss(input, target, reduction)
        l1_loss(input, target, reduction)
        smooth_l1_loss(input, target, reduction, beta)
        huber_loss(input, target, reduction, delta)
        nll_loss(input, target, reduction)
        cross_entropy(input, target, reduction, label_smoothing)
        binary_cross_entropy(input, target, reduction)
        binary_cross_entropy_with_logits(input, target, reduction)
        kl_div -> kl_loss (input, target, reduction, log_target)
        soft_margin_loss(input, target, reduction)
        cosine_similarity(x1, x2, axis=dim, eps)
        pairwise_distance(x1, x2, p, eps, keepdims=keepdim)
        normalize(input, p, axis=dim, eps)
        layer_norm(input, shape=normalized_shape, weight, bias, eps)
        scaled_dot_product_attention(query, key, value, mask=attn_mask, is_causal, scale)
        group_norm(input, groups=num_groups, weight, bias, eps)
        one_hot(tensor, num_classes)
        pad -> frame (input, pad, value)
        conv1d(input, weight, bias, stride, padding, dilation, groups)
        conv2d(input, weight, bias, stride, padding, dilation, groups)
        max_pool1d(input, kernel_size, stride, padding)
        max_pool2d(input, kernel_size, stride, padding)
        avg_pool1d(input, kernel_size, stride, padding)
        avg_pool2d(input, kernel_size, stride, padding)
        unfold(input, kernel_size, dilation, padding, stride)
        fold(input, output_size, kernel_size, dilation, padding, stride)
        """,
    "torch.Tensor": """
        .mT -> matrix_transpose
        .T -> transpose
        .shape
        .ndim
        .dtype
        .real
        .data -> stop_gradient
        .device
        .is_cuda
        view -> reshape ((*shape))
        reshape((*shape))
        permute -> transpose ((*axes=dims))
        repeat -> tile ((*reps=repeats))
        flip((*axis=dims))
        dim -> ndim ()
        ndimension -> ndim ()
        nelement -> size ()
        item()
        tolist()
        """,
}
