# Made by flatgrad.


class Linear(object):
    @staticmethod
    def forward(x, w, b):
        """
        A fully connected layer; the inputs are made rows.

        Inputs:
        - x: Tensor of shape (N, C, H)
        - w: Tensor of shape (D, M) with D = C * H
        - b: Tensor of shape (M,)
        """
        out = x.view(x.shape[0], -1).mm(w) + b

        cache = (w, x)
        return out, cache

    @staticmethod
    def backward(dout, cache):
        w, x = cache

        # out = x.view(x.shape[0], -1).mm(w) + b
        dx = dout.mm(w.t()).reshape(x.shape)
        dw = x.reshape(x.shape[0], -1).t().mm(dout)
        db = dout.sum(dim=0)

        return dx, dw, db
