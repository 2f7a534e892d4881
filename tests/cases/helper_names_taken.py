def f(x):
    unbroadcast = x * 2
    matmul_grad_left = unbroadcast + 1
    return matmul_grad_left @ unbroadcast
