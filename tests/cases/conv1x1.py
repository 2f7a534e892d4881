def conv1x1(x, w, b):
    N, C, H, W = x.shape
    F = w.shape[0]
    cols = x.transpose(1, 0, 2, 3).reshape(C, -1)
    out = w @ cols + b[:, None]
    return out.reshape(F, N, H, W).transpose(1, 0, 2, 3)
