import numpy as np


def jax_mlp(params, x):
    *hidden, last = params
    for layer in hidden:
        x = np.tanh(x @ layer["w"] + layer["b"])
    return x @ last["w"] + last["b"]


def tuple_params(params, x):
    W1, b1, W2, b2 = params
    h = np.tanh(x @ W1 + b1)
    return h @ W2 + b2


def weights_list(Ws, x):
    for W in Ws:
        x = np.tanh(x @ W)
    return np.sum(x)


def indexed(Ws, bs, x):
    acts = [x]
    for l in range(len(Ws)):
        z = acts[-1] @ Ws[l] + bs[l]
        acts.append(np.tanh(z))
    return acts[-1], sum(np.sum(h**2) for h in acts)


def l2(params, lam):
    return lam * sum(np.sum(w**2) for w in params.values())


def l2keys(params, lam):
    reg = 0.0
    for k, v in params.items():
        if "W" in k:
            reg += np.sum(v * v)
    return lam * reg


def andrew(params, X, L):
    A = X
    caches = []
    for l in range(1, L):
        A_prev = A
        Z = np.dot(params["W" + str(l)], A_prev) + params["b" + str(l)]
        A = np.maximum(0, Z)
        caches.append((A_prev, Z))
    AL = 1 / (1 + np.exp(-(np.dot(params["W" + str(L)], A) + params["b" + str(L)])))
    return AL


def cache_dict(params, x):
    W1, W2 = params["W1"], params["W2"]
    cache = {}
    cache["z1"] = x @ W1
    cache["a1"] = np.tanh(cache["z1"])
    cache["z2"] = cache["a1"] @ W2
    return np.sum(cache["z2"] ** 2)


def sgd(w, xs, ys, lr):
    losses = []
    for x, y in zip(xs, ys):
        err = x @ w - y
        losses.append(0.5 * err**2)
        w = w - lr * err * x
    return w, np.mean(losses)


def nested_params(p, x):
    q = x @ p["attn"]["q"]
    k = x @ p["attn"]["k"]
    s = q @ k.T
    s = s - s.max(axis=1, keepdims=True)
    e = np.exp(s)
    h = (e / e.sum(axis=1, keepdims=True)) @ x
    for blk in p["mlp"]:
        h = np.tanh(h @ blk[0] + blk[1])
    return h.sum()


def hinge(ws):
    return sum(max(0, 1 - w) for w in ws)


def poly(coeffs, x):
    return sum(c * x**i for i, c in enumerate(coeffs))


def horner(coeffs, x):
    r = 0.0
    for c in reversed(coeffs):
        r = r * x + c
    return r


def centroid(points):
    n = len(points)
    cx = sum(p[0] for p in points) / n
    cy = sum(p[1] for p in points) / n
    return cx * cy


def dist(points, w):
    total = 0.0
    for i in range(len(points)):
        for j in range(i + 1, len(points)):
            d = points[i] - points[j]
            total += w[i] * w[j] / np.sqrt(np.sum(d**2))
    return total


def heads(x, Wq):
    outs = [x @ W for W in Wq]
    return np.concatenate(outs, axis=-1)


def unused(params, x):
    return np.sum(x @ params["W"])


def spread(params, x):
    return x * params["scale"] + params["shift"]


def rollout(s, A, n):
    traj = [s]
    for _ in range(n):
        traj.append(A @ traj[-1])
    return np.array(traj)


def momentum(params, grads, lr):
    v = {k: 0.0 for k in params}
    for _ in range(2):
        for k in params:
            v[k] = 0.9 * v[k] + grads[k]
            params = {**params, k: params[k] - lr * v[k]}
    return sum(np.sum(p**2) for p in params.values())
