"""functions: each formula against a slow loop in pure Python, and against 60-digit decimals at the extremes."""

import cmath
import math
from decimal import Decimal, getcontext, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_scratch import functions as f

getcontext()  # a context of this thread exists before localcontext copies it
LOGITS = st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=4)
NO_WARNINGS = {"over": "raise", "divide": "raise", "invalid": "raise"}


def softmax_row(z):
    top = max(z)
    e = [math.exp(v - top) for v in z]
    return [v / math.fsum(e) for v in e]


def exact_softmax(z):
    """Probabilities to 400 digits: no trick needed, exp is just taken."""
    e = [Decimal(float(v)).exp() for v in z]
    return [v / sum(e) for v in e]


def exact(compute, digits=950):
    with localcontext() as context:
        context.prec = digits  # 950 are more than exp(-2000) has zeros
        return compute()


# ----------------------------------------------------------------------------------------- activations


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relu(dtype):
    Z = np.array([[-2, -0.5, 0, 0.5, 3]], dtype)
    assert f.relu(Z).tolist() == [[0, 0, 0, 0.5, 3]] and f.relu(Z).dtype == dtype
    assert f.relu_derivative(f.relu(Z)).tolist() == [[False, False, False, True, True]]


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_sigmoid_and_tanh_against_math(dtype, tolerance):
    for z in [-20, -3, -1, -0.1, 0, 0.1, 1, 3, 20]:
        Z = np.array([[z]], dtype)
        s, t = f.sigmoid(Z), f.tanh(Z)
        assert s.dtype == t.dtype == dtype
        assert s.item() == pytest.approx(1 / (1 + math.exp(-z)), abs=tolerance)
        assert t.item() == pytest.approx(math.tanh(z), abs=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows(dtype):
    Z = np.array([[-1000, 0, 1000], [1000, 1000, 1000], [-1000, -1000, -1000], [88, 89, 90]], dtype)
    Y = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype)
    with np.errstate(**NO_WARNINGS):
        assert f.sigmoid(Z)[0].tolist() == [0, 0.5, 1]
        assert f.softmax(Z)[0].tolist() == [0, 0, 1]
        assert f.log_softmax(Z)[0].tolist() == [-2000, -1000, 0]
        assert f.log_one_plus_exp(Z)[0].tolist() == [0, pytest.approx(math.log(2)), 1000]
        assert f.softmax_cross_entropy(Z[:1], Y[:1]) == 2000
        assert f.sigmoid_binary_cross_entropy(Z[:1], Y[:1]) == pytest.approx(1000 + math.log(2) + 1000)
        for loss in (f.softmax_cross_entropy, f.sigmoid_binary_cross_entropy, f.softmax_binary_cross_entropy):
            assert np.isfinite(loss(Z, Y)) and loss(Z, Y).dtype == dtype
        for output, backward in (
            (f.softmax, f.canonical_backward),
            (f.sigmoid, f.canonical_backward),
            (f.softmax, f.softmax_binary_cross_entropy_backward),
        ):
            dZ = backward(output(Z), Y)
            assert np.isfinite(dZ).all() and dZ.dtype == dtype and dZ.shape == Z.shape


@given(st.floats(-8, 8))
def test_derivatives_against_difference_quotients(z):
    h = 1e-5
    for g, derivative in ((f.sigmoid, f.sigmoid_derivative), (f.tanh, f.tanh_derivative)):
        slope = (g(z + h) - g(z - h)) / (2 * h)
        assert derivative(g(z)) == pytest.approx(slope, rel=1e-5, abs=1e-9)
    s, t = 1 / (1 + math.exp(-z)), math.tanh(z)
    assert f.sigmoid_derivative(s) == pytest.approx(math.exp(-z) / (1 + math.exp(-z)) ** 2, abs=1e-15)
    assert f.tanh_derivative(t) == pytest.approx(1 / math.cosh(z) ** 2, abs=1e-15)


# --------------------------------------------------------------------------------------------- outputs


@given(LOGITS)
def test_softmax_against_a_loop(rows):
    P = f.softmax(np.array(rows))
    for i, row in enumerate(rows):
        assert P[i].tolist() == pytest.approx(softmax_row(row), rel=1e-13)
        logs = [math.log(p) for p in softmax_row(row)]
        assert f.log_softmax(np.array(rows))[i].tolist() == pytest.approx(logs, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_softmax_rows_sum_to_one_and_only_differences_matter(dtype, tolerance):
    Z = np.array([[1, -2, 0.5], [1000, 999, 998], [-500, 0, 500]], dtype)
    P = f.softmax(Z)
    assert P.dtype == dtype
    assert P.sum(axis=1).tolist() == pytest.approx([1, 1, 1], abs=tolerance)
    assert np.array_equal(f.softmax(Z + dtype(64)), P)  # 64 is added without rounding
    assert np.allclose(f.log_softmax(Z + dtype(64)), f.log_softmax(Z), rtol=tolerance)


def test_log_softmax_where_the_probability_is_zero():
    # exp(-2000) is 0 in any float, its logarithm is not -inf
    assert f.log_softmax(np.array([[-1000.0, 1000.0]])).tolist() == [[-2000, 0]]


@pytest.mark.parametrize("z", [-1000, -50, -1, -1e-10, 0, 1e-10, 1, 50, 1000])
def test_log_one_plus_exp_to_all_digits(z):
    true = exact(lambda: float((1 + Decimal(z).exp()).ln()))
    assert f.log_one_plus_exp(np.array([float(z)])).item() == pytest.approx(true, rel=1e-14, abs=0)


# ---------------------------------------------------------------------------------------------- losses


def slow_loss(kind, rows, targets):
    total = 0.0
    for z, y in zip(rows, targets, strict=True):
        p = [1 / (1 + math.exp(-v)) for v in z] if kind == "sigmoid" else softmax_row(z)
        for k in range(len(z)):
            if kind == "categorical":
                total -= y[k] * math.log(p[k])
            else:
                rest = sum(p[:k] + p[k + 1 :]) if kind == "softmax" else 1 - p[k]
                total -= y[k] * math.log(p[k]) + (1 - y[k]) * math.log(rest)
    return total / len(rows)


PAIRS = [
    ("categorical", f.softmax_cross_entropy, f.softmax, f.canonical_backward),
    ("sigmoid", f.sigmoid_binary_cross_entropy, f.sigmoid, f.canonical_backward),
    ("softmax", f.softmax_binary_cross_entropy, f.softmax, f.softmax_binary_cross_entropy_backward),
]


@pytest.mark.parametrize("kind, loss, output, backward", PAIRS)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 4), K=st.integers(2, 5), soft=st.booleans())
def test_losses_and_gradients_against_loops(kind, loss, output, backward, seed, m, K, soft):
    rng = np.random.default_rng(seed)
    Z = 3 * rng.standard_normal((m, K))
    Y = rng.dirichlet(np.ones(K), m) if soft else np.eye(K)[rng.integers(0, K, m)]
    rows, targets = Z.tolist(), Y.tolist()
    assert loss(Z, Y) == pytest.approx(slow_loss(kind, rows, targets), rel=1e-9)
    dZ = backward(output(Z), Y)
    assert dZ.shape == (m, K)
    h = 1e-5
    for i in range(m):
        for k in range(K):
            slope = 0.0
            for sign in (1, -1):
                moved = [list(row) for row in rows]
                moved[i][k] += sign * h
                slope += sign * slow_loss(kind, moved, targets) / (2 * h)
            assert dZ[i, k] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_losses_by_hand():
    Z, Y = np.zeros((2, 4)), np.eye(4)[[1, 3]]  # no opinion: each probability 1/4, or 1/2 of a sigmoid
    assert f.softmax_cross_entropy(Z, Y) == pytest.approx(math.log(4))
    assert f.sigmoid_binary_cross_entropy(Z, Y) == pytest.approx(4 * math.log(2))
    assert f.softmax_binary_cross_entropy(Z, Y) == pytest.approx(math.log(4) - 3 * math.log(3 / 4))
    assert f.canonical_backward(f.softmax(Z), Y)[0].tolist() == [1 / 8, -3 / 8, 1 / 8, 1 / 8]


def exact_bce(z, y):
    p = exact_softmax(z)
    return sum(-(Decimal(t) * v.ln() + (1 - Decimal(t)) * (sum(p) - v).ln()) for v, t in zip(p, y, strict=True))


def exact_bce_gradient(z, y):
    """∂J/∂z_j = Σ_k (∂J/∂p_k) p_k (𝟙_{jk} − p_j), the chain rule through the whole Jacobian."""
    p = exact_softmax(z)
    others = [sum(p[:k] + p[k + 1 :]) for k in range(len(p))]
    dp = [(1 - Decimal(t)) / o - Decimal(t) / v for v, o, t in zip(p, others, y, strict=True)]
    return [sum(dp[k] * p[k] * ((j == k) - p[j]) for k in range(len(p))) for j in range(len(p))]


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize(
    "z", [[50, 0, -50], [0, 0, 0], [5, 5, -5], [20, 19, -20], [40, 0, 40], [80, 0, 1], [0.5, -17, 3]]
)
def test_softmax_binary_cross_entropy_of_saturated_outputs(z, label, dtype, tolerance):
    y = [int(k == label) for k in range(3)]
    Z, Y = np.array([z], dtype), np.array([y], dtype)
    with np.errstate(**NO_WARNINGS):
        loss = f.softmax_binary_cross_entropy(Z, Y)
        dZ = f.softmax_binary_cross_entropy_backward(f.softmax(Z), Y)
    assert loss == pytest.approx(exact(lambda: float(exact_bce(z, y))), rel=tolerance, abs=tolerance)
    true = exact(lambda: [float(v) for v in exact_bce_gradient(z, y)])
    assert dZ[0].tolist() == pytest.approx(true, rel=tolerance, abs=tolerance)


LIMITS = [(np.float32, 87, 1e-5), (np.float64, 700, 1e-12)]  # how far apart the logits of a row may lie


@pytest.mark.parametrize("dtype, limit, tolerance", LIMITS)
@pytest.mark.parametrize("label", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "shape", [[1, 0, 0, 0], [1, 0, 0.5, 0.25], [1, 0, 0.01, 0.02], [1, 1, 0, 0], [0, 1, 1, 1], [1, 0.99, 0.98, 0]]
)
def test_softmax_binary_cross_entropy_up_to_its_limit(shape, label, dtype, limit, tolerance):
    y = [int(k == label) for k in range(4)]
    Y = np.array([y], dtype)
    for distance in (limit, 0.9 * limit):
        for shift in (0, -distance / 2):
            Z = np.array([[distance * part + shift for part in shape]], dtype)
            with np.errstate(**NO_WARNINGS):
                loss = f.softmax_binary_cross_entropy(Z, Y)
                dZ = f.softmax_binary_cross_entropy_backward(f.softmax(Z), Y)
            z = Z[0].tolist()  # as rounded to the type
            assert loss == pytest.approx(exact(lambda z=z: float(exact_bce(z, y)), 350), rel=tolerance, abs=tolerance)
            true = exact(lambda z=z: [float(v) for v in exact_bce_gradient(z, y)], 350)  # exp(-700): 304 zeros
            assert dZ[0].tolist() == pytest.approx(true, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("dtype, limit, tolerance", LIMITS)
@pytest.mark.parametrize("factor", [1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 10, 1e4, 1e30])
@pytest.mark.parametrize("shape", [[1, 0, -1], [1, 0, 0], [1, 1, 0], [1, 0.5, 0], [0, 1, -1e-3]])
def test_softmax_binary_cross_entropy_beyond_its_limit_stays_finite(shape, factor, dtype, limit, tolerance):
    Z = np.array([shape] * 3, dtype) * dtype(factor * limit)
    with np.errstate(**NO_WARNINGS):
        loss = f.softmax_binary_cross_entropy(Z, np.eye(3, dtype=dtype))
        dZ = f.softmax_binary_cross_entropy_backward(f.softmax(Z), np.eye(3, dtype=dtype))
    assert loss.dtype == dZ.dtype == dtype
    assert np.isfinite(loss) and loss >= 0
    # no entry of the true gradient is larger: each of the three terms of the loss has a slope of at most 1
    assert np.isfinite(dZ).all() and abs(dZ).max() <= 3 / len(Z) * (1 + tolerance)


# ---------------------------------------------------------------------------------------------- complex


def test_complex_arguments_are_analytic():
    rng = np.random.default_rng(0)
    Z, D = 2 * rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    Y = np.eye(4)[[0, 2, 1]]
    h = 1e-30
    for g, derivative in f.ACTIVATIONS.values():
        assert np.allclose(g(Z + 1j * h * D).imag / h, derivative(g(Z)) * D, rtol=1e-13, atol=1e-14)
        assert np.allclose(g(Z + 0j), g(Z), rtol=1e-15)
    for _, loss, output, backward in PAIRS:
        directional = np.sum(backward(output(Z), Y) * D)
        assert loss(Z + 1j * h * D, Y).imag / h == pytest.approx(directional, rel=1e-13)
    z = 0.7 + 0.2j
    assert f.sigmoid(np.array(z)) == pytest.approx(1 / (1 + cmath.exp(-z)))
    assert f.tanh(np.array(z)) == pytest.approx(cmath.tanh(z))


def test_tables_hold_every_pair_but_the_meaningless_one():
    assert set(f.ACTIVATIONS) == {"relu", "sigmoid", "tanh"} and set(f.OUTPUTS) == {"softmax", "sigmoid"}
    assert set(f.LOSSES) == {
        ("softmax", "cross_entropy"),
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "binary_cross_entropy"),
    }
