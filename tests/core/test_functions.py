"""functions: each formula against a slow loop in pure Python, and against hundreds of exact digits at the extremes."""

import math
from decimal import Decimal, getcontext, localcontext
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_scratch import functions as f

getcontext()  # a context of this thread exists before localcontext copies it
PRECISIONS = pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-15)])
NO_WARNINGS = {"over": "raise", "divide": "raise", "invalid": "raise"}


def softmax_row(z):
    e = [math.exp(v - max(z)) for v in z]
    return [v / math.fsum(e) for v in e]


@pytest.mark.parametrize("name", f.ACTIVATIONS)
def test_derivatives_agree_with_the_complex_step(name):
    g, g_derivative = f.ACTIVATIONS[name]
    Z = np.random.default_rng(0).uniform(-8, 8, (5, 9))
    A = g(Z)
    np.testing.assert_allclose(g_derivative(Z, A), g(Z + 1e-30j).imag / 1e-30, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(g(Z + 0j), A, atol=1e-15)
    Z = Z.astype(np.float32)  # a network in float32 must not compute in float64, at half the pace
    assert g(Z).dtype == (Z * g_derivative(Z, g(Z))).dtype == np.float32


def test_relu_has_slope_zero_at_its_kink():
    Z = np.array([[-1.0, 0.0, 1e-300]])
    assert f.relu_derivative(Z, f.relu(Z)).tolist() == [[0, 0, 1]]


@PRECISIONS
def test_only_differences_of_logits_matter_to_softmax(dtype, tolerance):
    Z = np.array([[1, -2, 0.5], [1000, 999, 998], [-500, 0, 500]], dtype)
    assert f.softmax(Z).sum(axis=1).tolist() == pytest.approx([1, 1, 1], abs=tolerance)
    assert np.array_equal(f.softmax(Z + dtype(64)), f.softmax(Z))  # 64 is added without rounding
    assert np.allclose(f.log_softmax(Z + dtype(64)), f.log_softmax(Z), rtol=tolerance)


@pytest.mark.parametrize("z", [-1000, -50, -1, -1e-10, 0, 1e-10, 1, 50, 1000])
def test_log_one_plus_exp_is_right_to_all_digits(z):
    true = exact(lambda: float((1 + Decimal(z).exp()).ln()), 450)  # exp(-1000) has 434 zeros
    assert f.log_one_plus_exp(np.array([float(z)])).item() == pytest.approx(true, rel=1e-14, abs=0)


LOSSES = [
    ("categorical", f.softmax_cross_entropy, f.softmax, f.canonical_backward),
    ("sigmoid", f.sigmoid_binary_cross_entropy, f.sigmoid, f.canonical_backward),
    ("softmax", f.softmax_binary_cross_entropy, f.softmax, f.softmax_binary_cross_entropy_backward),
]


def slow_loss(kind, rows, targets):
    total = 0.0
    for z, y in zip(rows, targets, strict=True):
        p = [1 / (1 + math.exp(-v)) for v in z] if kind == "sigmoid" else softmax_row(z)
        for k in range(len(z)):
            total -= y[k] * math.log(p[k])
            if kind != "categorical":
                rest = sum(p[:k] + p[k + 1 :]) if kind == "softmax" else 1 - p[k]
                total -= (1 - y[k]) * math.log(rest)
    return total / len(rows)


@pytest.mark.parametrize("kind, loss, output, backward", LOSSES)
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 4), K=st.integers(2, 5), soft=st.booleans())
def test_losses_and_gradients_agree_with_loops(kind, loss, output, backward, seed, m, K, soft):
    rng = np.random.default_rng(seed)
    Z = 3 * rng.standard_normal((m, K))
    Y = rng.dirichlet(np.ones(K), m) if soft else np.eye(K)[rng.integers(0, K, m)]
    assert loss(Z, Y) == pytest.approx(slow_loss(kind, Z.tolist(), Y.tolist()), rel=1e-9)
    dZ = backward(output(Z), Y)
    assert dZ.shape == (m, K)
    for i, k in np.ndindex(m, K):
        E = np.zeros((m, K))
        E[i, k] = 1e-30
        assert dZ[i, k] == pytest.approx(loss(Z + 1j * E, Y).imag / 1e-30, rel=1e-10, abs=1e-14)  # it is analytic


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows(dtype):
    Z = np.array([[-1000, 0, 1000], [1000, 1000, 1000], [-1000, -1000, -1000], [88, 89, 90]], dtype)
    Y = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype)
    with np.errstate(**NO_WARNINGS):
        assert f.sigmoid(Z)[0].tolist() == [0, 0.5, 1]
        assert f.softmax(Z)[0].tolist() == [0, 0, 1]
        assert f.log_softmax(Z)[0].tolist() == [-2000, -1000, 0]
        assert f.softmax_cross_entropy(Z[:1], Y[:1]) == 2000
        assert f.sigmoid_binary_cross_entropy(Z[:1], Y[:1]) == pytest.approx(2000 + math.log(2))
        for _, loss, output, backward in LOSSES:
            dZ = backward(output(Z), Y)
            assert np.isfinite(loss(Z, Y)) and loss(Z, Y).dtype == dtype
            assert np.isfinite(dZ).all() and dZ.dtype == dtype and dZ.shape == Z.shape


def exact(compute, digits):
    with localcontext() as context:
        context.prec = digits
        return compute()


def exact_loss_and_gradient(z, y):
    """No trick is needed with enough digits: exp is just taken, and the chain rule goes through the whole Jacobian."""
    e = [Decimal(float(v)).exp() for v in z]
    p = [v / sum(e) for v in e]
    rest = [sum(p[:k] + p[k + 1 :]) for k in range(len(p))]
    loss = -sum(t * v.ln() + (1 - t) * r.ln() for v, r, t in zip(p, rest, y, strict=True))
    dp = [(1 - t) / r - t / v for v, r, t in zip(p, rest, y, strict=True)]
    dz = [sum(dp[k] * p[k] * ((j == k) - p[j]) for k in range(len(p))) for j in range(len(p))]
    return float(loss), [float(v) for v in dz]


# how far apart the logits of a row may lie, and the digits that exp of that needs
LIMITS = pytest.mark.parametrize(
    "dtype, limit, digits, tolerance", [(np.float32, 87, 120, 1e-5), (np.float64, 700, 350, 1e-12)]
)


@LIMITS
@pytest.mark.parametrize("shape", [[1, 0, 0.5, 0.25], [1, 0, 0.01, 0.02], [1, 1, 0, 0], [1, 0.99, 0.98, 0], [0] * 4])
def test_softmax_binary_cross_entropy_is_right_up_to_its_limit(shape, dtype, limit, digits, tolerance):
    for label in range(4):
        y = [int(k == label) for k in range(4)]
        Y = np.array([y], dtype)
        for distance, shift in ((limit, -limit / 2), (0.05 * limit, 0)):
            Z = np.array([[distance * part + shift for part in shape]], dtype)
            with np.errstate(**NO_WARNINGS):
                loss = f.softmax_binary_cross_entropy(Z, Y)
                dZ = f.softmax_binary_cross_entropy_backward(f.softmax(Z), Y)
            true_loss, true_dZ = exact(partial(exact_loss_and_gradient, Z[0].tolist(), y), digits)
            assert loss == pytest.approx(true_loss, rel=tolerance, abs=tolerance)
            assert dZ[0].tolist() == pytest.approx(true_dZ, rel=tolerance, abs=tolerance)


@LIMITS
@pytest.mark.parametrize("factor", [1.01, 1.2, 10, 1e30])
@pytest.mark.parametrize("shape", [[1, 0, -1], [1, 0, 0], [1, 1, 0], [1, 0.5, 0], [0, 1, -1e-3]])
def test_softmax_binary_cross_entropy_stays_finite_beyond_its_limit(shape, factor, dtype, limit, digits, tolerance):
    Z, Y = np.array([shape] * 3, dtype) * dtype(factor * limit), np.eye(3, dtype=dtype)
    with np.errstate(**NO_WARNINGS):
        loss = f.softmax_binary_cross_entropy(Z, Y)
        dZ = f.softmax_binary_cross_entropy_backward(f.softmax(Z), Y)
    assert loss.dtype == dZ.dtype == dtype and np.isfinite(loss) and loss >= 0
    # no entry of the true gradient is larger: each of the three terms of the loss has a slope of at most 1
    assert np.isfinite(dZ).all() and abs(dZ).max() <= 3 / len(Z) * (1 + tolerance)
