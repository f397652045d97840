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

net = Network(n, activation="relu", seed=2, dtype="float64")
rng = np.random.default_rng(2)
for b in net.biases:
    b[:] = 0.2 * rng.standard_normal(b.shape)
X = rng.standard_normal((m, n[0]))
y = rng.integers(0, K, m)
Y = one_hot(y, K, "float64")
A = net.activations(X)  # A⁰ … Aᴸ⁻¹, and Zᴸ at the end
Y_hat = net.predict_proba(X)
loss, gradients = net.loss_and_gradients(X, y, weight_decay=LAMBDA)


def slow_J():
    """J of the network as it stands, number by number."""
    data = 0.0
    for i in range(m):
        a = X[i].tolist()
        for layer in range(1, L + 1):
            W, b = net.weights[layer - 1], net.biases[layer - 1]
            z = [math.fsum(a[j] * W[j, k] for j in range(len(a))) + b[k] for k in range(n[layer])]
            a = [max(v, 0.0) for v in z]
        data -= math.log(math.exp(z[y[i]]) / math.fsum(math.exp(v) for v in z)) / m
    return data + LAMBDA / 2 * math.fsum(float(w) ** 2 for W in net.weights for w in W.ravel())


def slope(array, place, step=1e-5):
    """∂J/∂ of one entry, measured."""
    value = array[place]
    ends = []
    for moved in (value + step, value - step):
        array[place] = moved
        ends.append(slow_J())
    array[place] = value
    return (ends[0] - ends[1]) / (2 * step)


def test_sizes_are_distinct():
    assert len({m, *n}) == 1 + len(n)


def test_row_X():
    assert X.shape == (m, n[0])
    assert np.array_equal(A[0], X)


@pytest.mark.parametrize("l", range(1, L + 1))
def test_row_W_and_b(l):
    assert len(net.weights) == len(net.biases) == L
    assert net.weights[l - 1].shape == (n[l - 1], n[l])
    assert net.biases[l - 1].shape == (n[l],)


@pytest.mark.parametrize("l", range(1, L + 1))
def test_row_Z_and_A(l):
    W, b = net.weights[l - 1], net.biases[l - 1]
    Z = np.array(
        [[math.fsum(A[l - 1][i, j] * W[j, k] for j in range(n[l - 1])) + b[k] for k in range(n[l])] for i in range(m)]
    )
    assert Z.shape == A[l].shape == (m, n[l])
    if l < L:
        np.testing.assert_allclose(A[l], np.where(Z > 0, Z, 0), rtol=1e-13, atol=1e-14)
        assert (A[l] == 0).any() and (A[l] > 0).any()
    else:  # the last one is kept before the output: the logits
        np.testing.assert_allclose(A[l], Z, rtol=1e-13, atol=1e-14)
        assert np.array_equal(net.forward(X), A[l])


def test_row_Y_hat():
    assert Y_hat.shape == (m, K)
    for i in range(m):
        e = [math.exp(z) for z in A[L][i]]
        assert Y_hat[i].tolist() == pytest.approx([v / math.fsum(e) for v in e], rel=1e-13)


def test_row_Y_and_y():
    assert y.shape == (m,) and Y.shape == (m, K)
    assert Y.tolist() == [[float(k == y[i]) for k in range(K)] for i in range(m)]


def test_row_J():
    data = -math.fsum(math.log(Y_hat[i, y[i]]) for i in range(m)) / m
    penalty = LAMBDA / 2 * math.fsum(float(w) ** 2 for W in net.weights for w in W.ravel())
    assert np.ndim(loss.data) == np.ndim(loss.penalty) == 0
    assert loss.data == pytest.approx(data, rel=1e-13)
    assert loss.penalty == pytest.approx(penalty, rel=1e-13)
    assert loss.data + loss.penalty == loss.total == pytest.approx(slow_J(), rel=1e-13)


def all_dZ():
    """∂J/∂Zˡ for l = 1 … L, from the last back to the first, by the rule of the table's text."""
    dZ = {L: canonical_backward(softmax(A[L]), Y)}
    for l in range(L, 1, -1):
        dZ[l - 1] = np.array(
            [
                [
                    math.fsum(dZ[l][i, k] * net.weights[l - 1][j, k] for k in range(n[l])) * (A[l - 1][i, j] > 0)
                    for j in range(n[l - 1])
                ]
                for i in range(m)
            ]
        )
    return dZ


@pytest.mark.parametrize("l", range(1, L + 1))
def test_row_dZ(l):
    dZ = all_dZ()[l]
    assert dZ.shape == (m, n[l])
    # what dZ adds up to is measurable: a bias moves the Z of all examples at once
    for k in range(n[l]):
        assert dZ[:, k].sum() == pytest.approx(slope(net.biases[l - 1], k), rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("l", range(1, L + 1))
def test_row_dW(l):
    dW, dZ, W = gradients[l - 1][0], all_dZ()[l], net.weights[l - 1]
    assert dW.shape == W.shape == (n[l - 1], n[l])
    for j, k in np.ndindex(dW.shape):
        by_table = math.fsum(A[l - 1][i, j] * dZ[i, k] for i in range(m)) + LAMBDA * W[j, k]
        assert dW[j, k] == pytest.approx(by_table, rel=1e-12, abs=1e-14)
    for place in [(0, 0), (n[l - 1] - 1, n[l] - 1), (1, 2)]:
        assert dW[place] == pytest.approx(slope(W, place), rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("l", range(1, L + 1))
def test_row_db(l):
    db, dZ = gradients[l - 1][1], all_dZ()[l]
    assert db.shape == (n[l],)
    for k in range(n[l]):
        assert db[k] == pytest.approx(math.fsum(dZ[i, k] for i in range(m)), rel=1e-12, abs=1e-15)
        assert db[k] == pytest.approx(slope(net.biases[l - 1], k), rel=1e-6, abs=1e-10)


def test_one_pair_of_gradients_a_layer():
    assert len(gradients) == L
