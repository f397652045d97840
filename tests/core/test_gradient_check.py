"""gradient_check: passes what is right, on every array of every combination, and flags what is planted."""

import math
from dataclasses import FrozenInstanceError
from importlib import import_module

import numpy as np
import pytest

from mnist_scratch import SGD, Dataset, Network, fit, gradient_check
from mnist_scratch.functions import ACTIVATIONS, LOSSES, relu
from mnist_scratch.gradient_check import central_difference, complex_step, relative_error

LIMITS = {"central": 1e-7, "complex": 1e-12}
BOTH = pytest.mark.parametrize("method", LIMITS)


def problem(net_class=Network, sizes=(6, 5, 4, 3), m=7, **settings):
    net = net_class(list(sizes), seed=3, **settings)
    rng = np.random.default_rng(3)
    for b in net.biases:
        b[:] = 0.3 * rng.standard_normal(b.shape)
    return net, rng.standard_normal((m, sizes[0])), rng.integers(0, sizes[-1], m)


@BOTH
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("output, loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_correct_gradients_pass(activation, output, loss, weight_decay, method):
    net, X, y = problem(activation=activation, output=output, loss=loss)
    Y = np.random.default_rng(0).dirichlet(np.ones(3), len(y))
    assert gradient_check(net, X, Y, weight_decay, method).max_relative_error < LIMITS[method]
    report = gradient_check(net, X, y, weight_decay, method)
    assert [(row.name, row.compared) for row in report.rows] == [
        ("W1", 30), ("b1", 5), ("W2", 20), ("b2", 4), ("W3", 12), ("b3", 3),
    ]  # fmt: skip
    for row in report.rows:
        assert row.relative_error < LIMITS[method], str(report)
        assert row.analytic == pytest.approx(row.numerical, rel=1e-5, abs=1e-9)
    assert report.max_relative_error == max(row.relative_error for row in report.rows)
    assert any(row.analytic != 0 for row in report.rows)  # zeros on both sides would pass, too


def gelu(Z):
    return Z * (1 + np.tanh(0.8 * (Z + 0.04 * Z**3))) / 2


def gelu_derivative(Z, A):
    T = np.tanh(0.8 * (Z + 0.04 * Z**3))
    return (1 + T) / 2 + Z * (1 - T**2) * 0.8 * (1 + 0.12 * Z**2) / 2


NEW_ACTIVATIONS = {
    "leaky_relu": (lambda Z: np.maximum(Z, 0.1 * Z), lambda Z, A: np.where(Z > 0, 1, 0.1)),
    "gelu": (gelu, gelu_derivative),
}


@pytest.mark.parametrize("name", NEW_ACTIVATIONS)
def test_a_new_activation_takes_one_line_in_the_table(monkeypatch, tmp_path, name):
    monkeypatch.setitem(ACTIVATIONS, name, NEW_ACTIVATIONS[name])
    net, X, y = problem(activation=name, dtype="float64")
    for method, limit in LIMITS.items():
        assert gradient_check(net, X, y, 0.1, method).max_relative_error < limit
    history = fit(net, Dataset(X, y), epochs=60, batch_size=len(y), optimizer=SGD(0.3), progress=False)
    assert history.train_loss[-1] < 0.5 * history.train_loss[0]
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert again.activation == name and np.array_equal(again.forward(X), net.forward(X))


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_network_and_the_data_stay_as_they_are(method, dtype):
    net, X, y = problem(dtype=dtype)
    arrays = [*net.parameters(), X, y]
    before = [a.tobytes() for a in arrays]
    gradient_check(net, X, y, 0.1, method)
    assert all(a is b for a, b in zip(arrays, net.parameters(), strict=False)) and net.dtype == np.dtype(dtype)
    assert [a.tobytes() for a in arrays] == before


def spoiled(change):
    """A class of networks whose gradients go through change(net, gradients, Y, weight_decay)."""

    class Spoiled(Network):
        def backward(self, Z, A, Y, weight_decay=0.0):
            return change(self, super().backward(Z, A, Y, weight_decay), Y, weight_decay)

    return Spoiled


def add_to_one_entry(value):
    def change(net, gradients, Y, weight_decay):
        gradients[0][0][4, 2] += value
        return gradients

    return spoiled(change)


EVERYTHING = {"W1", "b1", "W2", "b2", "W3", "b3"}
SIGN_ERROR = spoiled(lambda net, g, Y, weight_decay: [g[0], (-g[1][0], g[1][1]), g[2]])
MISSING_MEAN = spoiled(lambda net, g, Y, weight_decay: [(len(Y) * dW, len(Y) * db) for dW, db in g])
MISSING_PENALTY = spoiled(
    lambda net, g, Y, weight_decay: [(dW - weight_decay * W, db) for (dW, db), W in zip(g, net.weights, strict=True)]
)
PENALIZED_BIAS = spoiled(
    lambda net, g, Y, weight_decay: [(dW, db + weight_decay * b) for (dW, db), b in zip(g, net.biases, strict=True)]
)


@BOTH
@pytest.mark.parametrize(
    "net_class, guilty",
    [
        (SIGN_ERROR, {"W2"}),
        (MISSING_MEAN, EVERYTHING),
        (MISSING_PENALTY, {"W1", "W2", "W3"}),
        (PENALIZED_BIAS, {"b1", "b2", "b3"}),
        (add_to_one_entry(0.5), {"W1"}),
    ],
)
def test_a_planted_bug_is_flagged_in_the_guilty_arrays(net_class, guilty, method):
    net, X, y = problem(net_class)
    report = gradient_check(net, X, y, 0.1, method)
    assert {row.name for row in report.rows if row.relative_error > 1e-3} == guilty, str(report)
    assert all(row.relative_error < 1e-7 for row in report.rows if row.name not in guilty)
    assert report.max_relative_error > 1e-3


@BOTH
@pytest.mark.parametrize("slope", [lambda Z, A: 1, lambda Z, A: A >= 0])
def test_a_wrong_derivative_is_flagged_before_the_last_layer(monkeypatch, slope, method):
    monkeypatch.setitem(ACTIVATIONS, "relu", (relu, slope))
    net, X, y = problem()
    report = gradient_check(net, X, y, 0.1, method)
    assert {row.name for row in report.rows if row.relative_error > 1e-3} == {"W1", "b1", "W2", "b2"}


def test_the_worst_entry_is_named_and_not_a_number_does_not_pass():
    for value in (0.5, math.nan):
        net, X, y = problem(add_to_one_entry(value))
        report = gradient_check(net, X, y)
        row = report.rows[0]
        assert row.worst == (4, 2) and row.analytic - row.numerical == pytest.approx(value, rel=1e-6, nan_ok=True)
        assert "[4, 2]" in str(report) and all(row.name in str(report) for row in report.rows)
        assert not report.max_relative_error < 1e-3


@pytest.mark.parametrize("reshape", [np.transpose, np.ravel, lambda dW: dW[:, :1], np.sum])
def test_a_gradient_of_the_wrong_shape_is_an_error(reshape):
    net, X, y = problem(spoiled(lambda net, g, Y, weight_decay: [g[0], (reshape(g[1][0]), g[1][1]), g[2]]))
    with pytest.raises(ValueError, match="gradient of W2 has shape"):
        gradient_check(net, X, y)


def test_a_missing_gradient_is_an_error():
    net, X, y = problem(spoiled(lambda net, g, Y, weight_decay: g[:-1]))
    with pytest.raises(ValueError):
        gradient_check(net, X, y)


def test_only_some_entries_of_each_array(monkeypatch):
    net, X, y = problem()
    report = gradient_check(net, X, y, max_entries=4)
    assert [row.compared for row in report.rows] == [4, 4, 4, 4, 4, 3] and report.max_relative_error < 1e-7
    assert gradient_check(net, X, y, max_entries=4) == report != gradient_check(net, X, y, max_entries=4, seed=1)
    for record in (report, report.rows[0]):
        with pytest.raises(FrozenInstanceError):
            record.method = record.name = "another"
    bug, X, y = problem(add_to_one_entry(0.5))
    worst = {gradient_check(bug, X, y, max_entries=8, seed=seed).rows[0].worst for seed in range(20)}
    assert (4, 2) in worst and len(worst) > 1  # in time, every entry is drawn: also the one that is wrong
    drawn, module = [], import_module("mnist_scratch.gradient_check")
    monkeypatch.setattr(module, "central_difference", lambda f, w, epsilon, entries: drawn.append(entries) or entries)
    gradient_check(net, X, y, max_entries=29)
    assert [len(set(entries.tolist())) for entries in drawn] == [29, 5, 20, 4, 12, 3]  # none twice


def test_the_step_and_the_type_can_be_chosen():
    net, X, y = problem()
    report = gradient_check(net, X, y, method="complex", epsilon=1e-100)
    assert (report.method, report.epsilon) == ("complex", 1e-100) and report.max_relative_error < 1e-12
    assert gradient_check(net, X, y) == gradient_check(net, X, y, 0.0, "central", 1e-5, "float64", None, 0)
    assert 1e-6 < gradient_check(net, X, y, dtype="float32", epsilon=1e-2).max_relative_error < 1e-1  # too coarse


@pytest.mark.parametrize(
    "a, n, expected",
    [
        ([3, 4], [3, 4], 0), ([0, 0], [0, 0], 0), ([1], [-1], 1), ([0], [1e-20], 1), ([3, 4], [0, 0], 1),
        ([2], [1], 1 / 3), ([3, 4], [4, 3], math.sqrt(2) / 10), ([math.nan], [1], math.nan),
        ([math.inf, 1], [1, 1], math.nan),
    ],
)  # fmt: skip
def test_relative_error_by_hand(a, n, expected):
    with np.errstate(invalid="ignore"):
        assert relative_error(np.array(a, float), np.array(n, float)) == pytest.approx(expected, nan_ok=True)


def test_central_difference_by_hand():
    w = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]])
    slopes = central_difference(lambda: (w**3).sum(), w, 1e-3)
    assert slopes.tolist() == pytest.approx([3 * v * v + 1e-6 for v in w.ravel()], rel=1e-11)  # 3w² + ε², exactly
    assert central_difference(lambda: (w**2).sum(), w, 1e-3, [4, 0]).tolist() == pytest.approx([1, 2], rel=1e-11)
    assert central_difference(lambda: (w**2).sum(), w).tolist() == pytest.approx((2 * w).ravel().tolist(), rel=1e-9)


def test_complex_step_by_hand():
    w = np.array([[1 + 0j, 2, -3]])
    slopes = complex_step(lambda: (np.exp(w) / w).sum(), w)
    assert slopes.tolist() == pytest.approx([math.exp(v) * (v - 1) / v**2 for v in (1, 2, -3)], rel=1e-15)
    assert slopes.dtype == np.float64 and w.tolist() == [[1, 2, -3]]
    assert complex_step(lambda: (w * w).sum(), w, entries=[2]).tolist() == [-6]


@pytest.mark.parametrize("step, dtype", [(central_difference, "f4"), (central_difference, "f8"), (complex_step, "c16")])
@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("fails_at", [1, 4])
def test_the_array_is_restored_bit_for_bit(step, dtype, error, fails_at):
    # adding and taking away again would not come back at 1e10 and 1e-20
    w = np.array([[1e-20, 1e10, 3], [-1, 0.5, 4]], dtype)
    before, calls = w.tobytes(), []

    def f():
        calls.append(w.tobytes())
        if error and len(calls) == fails_at:
            raise error
        return (w * w).sum().astype(complex if dtype == "c16" else float)

    for view in (w, w.T, w[:, ::2]):  # not only arrays that lie in one piece
        calls.clear()
        with pytest.raises(error) if error else np.errstate():
            step(f, view, 1e-3)
        assert w.tobytes() == before
    assert set(calls) != {before}  # the entry did stand elsewhere while f was called


@pytest.mark.parametrize("step, also", [(central_difference, []), (complex_step, ["float32", "float64"])])
def test_a_step_needs_an_array_that_can_hold_it(step, also):
    for dtype in ["bool", "int64", "uint8", "object", *also]:
        w = np.array([[1, 0], [1, 1]], dtype)
        with pytest.raises(TypeError, match="parameter must be (floating point|complex), not"):
            step(lambda: pytest.fail("f was called"), w)
        assert w.tolist() == [[1, 0], [1, 1]]
    with pytest.raises(TypeError, match="parameter must be an array"):
        step(lambda: 0.0, [1.0])
