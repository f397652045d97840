"""The notation of the course as a table that runs: each row compared with what the package really produces.

All sizes differ, so that no two shapes can be taken for one another.
"""

import math

import numpy as np
import pytest

from mnist_scratch import Network, one_hot
from mnist_scratch.functions import canonical_backward, softmax

m, n = 11, [7, 5, 3, 4]  # examples; inputs, two hidden layers, classes
L, K = len(n) - 1, n[-1]
LAMBDA = 0.25
LAYERS = pytest.mark.parametrize("l", range(1, L + 1))

net = Network(n, activation="relu", seed=2, dtype="float64")
rng = np.random.default_rng(2)
for b in net.biases:
    b[:] = 0.2 * rng.standard_normal(b.shape)
X = rng.standard_normal((m, n[0]))
y = rng.integers(0, K, m)
Y = one_hot(y, K, "float64")
_Z, A = net.forward_pass(X)
Z = [None, *_Z]  # Z¹ … Zᴸ, by their own numbers; A⁰ … Aᴸ⁻¹
Y_hat = net.predict_proba(X)
loss, gradients = net.loss_and_gradients(X, y, weight_decay=LAMBDA)


def slow_product(P, Q):
    return np.array([[math.fsum(p * q for p, q in zip(row, column, strict=True)) for column in Q.T] for row in P])


def slow_J():
    """J of the network as it stands, number by number."""
    a = X
    for W, b in zip(net.weights, net.biases, strict=True):
        z = slow_product(a, W) + b
        a = z.clip(0)
    data = sum(math.log(math.fsum(map(math.exp, z[i]))) - z[i, y[i]] for i in range(m)) / m
    return data + LAMBDA / 2 * math.fsum(float(w) ** 2 for W in net.weights for w in W.ravel())


@LAYERS
def test_rows_X_W_b_Z_and_A(l):
    W, b = net.weights[l - 1], net.biases[l - 1]
    assert X.shape == (m, n[0]) and np.array_equal(A[0], X)
    assert len(net.weights) == len(net.biases) == len(A) == len(_Z) == len(gradients) == L
    assert W.shape == (n[l - 1], n[l]) and b.shape == (n[l],) and Z[l].shape == (m, n[l])
    np.testing.assert_allclose(Z[l], slow_product(A[l - 1], W) + b, rtol=1e-13, atol=1e-14)
    if l < L:
        assert np.array_equal(A[l], np.where(Z[l] > 0, Z[l], 0)) and (A[l] == 0).any() and (A[l] > 0).any()


def test_rows_Y_and_Y_hat():
    assert y.shape == (m,) and Y_hat.shape == Y.shape == (m, K)
    for i in range(m):
        e = [math.exp(z) for z in Z[L][i]]
        assert Y_hat[i].tolist() == pytest.approx([v / math.fsum(e) for v in e], rel=1e-13)
        assert Y[i].tolist() == [k == y[i] for k in range(K)]


def test_row_J():
    assert loss.data == pytest.approx(-math.fsum(math.log(Y_hat[i, y[i]]) for i in range(m)) / m, rel=1e-13)
    assert loss.data + loss.penalty == loss.total == pytest.approx(slow_J(), rel=1e-13)


def all_dZ():
    """∂J/∂Zˡ for l = 1 … L, from the last back to the first, by the rule of the table's text."""
    dZ = {L: canonical_backward(softmax(Z[L]), Y)}
    for l in range(L, 1, -1):
        dZ[l - 1] = slow_product(dZ[l], net.weights[l - 1].T) * (Z[l - 1] > 0)
    return dZ


@LAYERS
def test_rows_dZ_dW_and_db(l):
    (dW, db), dZ, W, b = gradients[l - 1], all_dZ()[l], net.weights[l - 1], net.biases[l - 1]
    assert dZ.shape == (m, n[l]) and dW.shape == W.shape and db.shape == b.shape
    np.testing.assert_allclose(dW, slow_product(A[l - 1].T, dZ) + LAMBDA * W, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(db, [math.fsum(column) for column in dZ.T], rtol=1e-12, atol=1e-15)
