# Made by flatgrad.

import numpy as np

h = np.maximum(0, x @ w1)
y_pred = h @ w2
diff = y_pred - y
loss = np.square(diff).sum()

# loss = np.square(diff).sum()
grad_y_pred = 2 * diff
grad_y = -grad_y_pred
# y_pred = h @ w2
grad_h = grad_y_pred @ w2.T
grad_w2 = h.T @ grad_y_pred
# h = np.maximum(0, x @ w1)
grad_a = grad_h * (h > 0)
grad_x = grad_a @ w1.T
grad_w1 = x.T @ grad_a
