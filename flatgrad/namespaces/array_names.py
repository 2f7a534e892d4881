"""The methods and attributes of numpy's arrays."""

SIGNATURES = {
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
