"""gradient_check: passes what is right, on every array of every combination, and flags what is planted."""

import math

import numpy as np
import pytest

from mnist_scratch import Network, gradient_check
from mnist_scratch.functions import ACTIVATIONS, LOSSES, OUTPUTS
from mnist_scratch.gradient_check import central_difference, complex_step, relative_error

COMBINATIONS = [
    (activation, output, loss, weight_decay)
    for activation in ACTIVATIONS
    for output, loss in LOSSES
    for weight_decay in (0.0, 0.1)
]


def problem(net_class=Network, sizes=(6, 5, 4, 3), m=7, **settings):
    net = net_class(list(sizes), seed=3, **settings)
    rng = np.random.default_rng(3)
    for b in net.biases:
        b[:] = 0.3 * rng.standard_normal(b.shape)
    return net, rng.standard_normal((m, sizes[0])), rng.integers(0, sizes[-1], m)


def test_combinations_are_all():
    assert len(COMBINATIONS) == 3 * 3 * 2


@pytest.mark.parametrize("method, limit", [("central", 1e-7), ("complex", 1e-12)])
@pytest.mark.parametrize("activation, output, loss, weight_decay", COMBINATIONS)
def test_right_gradients_pass(activation, output, loss, weight_decay, method, limit):
    net, X, y = problem(activation=activation, output=output, loss=loss)
    report = gradient_check(net, X, y, weight_decay=weight_decay, method=method)
    assert [row.name for row in report.rows] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert [row.compared for row in report.rows] == [30, 5, 20, 4, 12, 3]
    for row in report.rows:
        assert row.relative_error < limit, str(report)
        assert row.analytic == pytest.approx(row.numerical, rel=1e-5, abs=1e-9)
    assert report.max_relative_error == max(row.relative_error for row in report.rows)
    assert any(row.analytic != 0 for row in report.rows)  # zeros on both sides would pass, too


@pytest.mark.parametrize("activation, output, loss, weight_decay", COMBINATIONS)
def test_right_gradients_entry_by_entry(activation, output, loss, weight_decay):
    """A norm can hide one small wrong entry, so here each entry has to agree; the slopes are measured in this test."""
    net, X, y = problem(activation=activation, output=output, loss=loss, dtype="float64")
    _, gradients = net.loss_and_gradients(X, y, weight_decay)
    h = 1e-5
    for parameter, gradient in zip(net.parameters(), [g for pair in gradients for g in pair], strict=True):
        for place in np.ndindex(parameter.shape):
            value = parameter[place]
            ends = []
            for moved in (value + h, value - h):
                parameter[place] = moved
                ends.append(net.loss(X, y, weight_decay).total)
            parameter[place] = value
            slope = (ends[0] - ends[1]) / (2 * h)
            # 1e-9 of floor: the rounding of the loss, 1e-16, over the step
            assert abs(gradient[place] - slope) < 1e-7 * (abs(gradient[place]) + abs(slope)) + 1e-9


@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (4, 3, 3, 3, 2)])
def test_any_depth(sizes):
    net, X, y = problem(sizes=sizes, activation="tanh")
    assert gradient_check(net, X, y, 0.1).max_relative_error < 1e-7
    assert gradient_check(net, X, y, 0.1, method="complex").max_relative_error < 1e-12


def test_targets_may_be_rows():
    net, X, y = problem(activation="sigmoid")
    Y = np.random.default_rng(0).dirichlet(np.ones(3), len(y))
    assert gradient_check(net, X, Y).max_relative_error < 1e-7


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_network_stays_as_it_is(method, dtype):
    net, X, y = problem(dtype=dtype)
    before = [a.tobytes() for a in (*net.parameters(), X, y)]
    arrays = net.parameters()
    gradient_check(net, X, y, 0.1, method=method)
    assert [a.tobytes() for a in (*net.parameters(), X, y)] == before
    assert all(a is b for a, b in zip(arrays, net.parameters(), strict=True)) and net.dtype == np.dtype(dtype)


# -------------------------------------------------------------------------------------- planted bugs


class SignError(Network):
    def backward(self, activations, Y, weight_decay=0.0):
        gradients = super().backward(activations, Y, weight_decay)
        dW, db = gradients[1]
        return [gradients[0], (-dW, db), *gradients[2:]]


class MissingOneOverM(Network):
    def backward(self, activations, Y, weight_decay=0.0):
        return [(len(Y) * dW, len(Y) * db) for dW, db in super().backward(activations, Y, weight_decay)]


class PenaltyMissing(Network):
    def backward(self, activations, Y, weight_decay=0.0):
        return super().backward(activations, Y, 0.0)


class BiasPenalised(Network):
    def backward(self, activations, Y, weight_decay=0.0):
        gradients = super().backward(activations, Y, weight_decay)
        return [(dW, db + weight_decay * b) for (dW, db), b in zip(gradients, self.biases, strict=True)]


class OwnBackward(Network):
    """The right backward pass, with the activation's derivative left open."""

    def slope(self, A):
        return ACTIVATIONS[self.activation][1](A)

    def backward(self, activations, Y, weight_decay=0.0):
        *A, Z = activations
        dZ = LOSSES[self.output, self.loss_name][1](OUTPUTS[self.output](Z), Y)
        gradients = []
        for i in reversed(range(len(self.weights))):
            gradients.insert(0, (A[i].T @ dZ + weight_decay * self.weights[i], dZ.sum(axis=0)))
            dZ = (dZ @ self.weights[i].T) * self.slope(A[i])
        return gradients


class ForgottenDerivative(OwnBackward):
    def slope(self, A):
        return 1


class MaskGreaterOrEqual(OwnBackward):
    def slope(self, A):
        return A >= 0


class NotANumber(Network):
    def backward(self, activations, Y, weight_decay=0.0):
        gradients = super().backward(activations, Y, weight_decay)
        gradients[0][0][2, 1] = np.nan
        return gradients


class OnlyOneEntry(Network):
    def backward(self, activations, Y, weight_decay=0.0):
        gradients = super().backward(activations, Y, weight_decay)
        gradients[0][0][4, 2] += 0.5
        return gradients


def test_the_unplanted_one_passes():
    net, X, y = problem(OwnBackward)
    assert gradient_check(net, X, y, 0.1).max_relative_error < 1e-7


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize(
    "net_class, guilty",
    [
        (SignError, {"W2"}),
        (MissingOneOverM, {"W1", "b1", "W2", "b2", "W3", "b3"}),
        (PenaltyMissing, {"W1", "W2", "W3"}),
        (BiasPenalised, {"b1", "b2", "b3"}),
        (ForgottenDerivative, {"W1", "b1", "W2", "b2"}),  # the last layer has no activation behind it
        (MaskGreaterOrEqual, {"W1", "b1", "W2", "b2"}),
        (OnlyOneEntry, {"W1"}),
    ],
)
def test_planted_bug_is_flagged_in_the_guilty_arrays(net_class, guilty, method):
    net, X, y = problem(net_class)
    report = gradient_check(net, X, y, weight_decay=0.1, method=method)
    assert {row.name for row in report.rows if row.relative_error > 1e-3} == guilty, str(report)
    assert all(row.relative_error < 1e-7 for row in report.rows if row.name not in guilty)
    assert report.max_relative_error > 1e-3


def test_worst_entry_is_named():
    net, X, y = problem(OnlyOneEntry)
    row = gradient_check(net, X, y).rows[0]
    assert row.worst == (4, 2) and row.analytic - row.numerical == pytest.approx(0.5, rel=1e-6)
    text = str(gradient_check(net, X, y))
    assert "[4, 2]" in text and text.count("\n") == 6 and all(name in text for name in ("W1", "b1", "W3", "b3"))


def test_not_a_number_is_not_passed():
    net, X, y = problem(NotANumber)
    report = gradient_check(net, X, y)
    assert math.isnan(report.rows[0].relative_error) and math.isnan(report.max_relative_error)
    assert not report.max_relative_error < 1e-7
    assert report.rows[0].worst == (2, 1)


def test_infinite_gradient_is_not_passed():
    with np.errstate(invalid="ignore"):
        assert not relative_error(np.array([np.inf, 1.0]), np.array([1.0, 1.0])) < 1e-7


@pytest.mark.parametrize("reshape", [np.transpose, np.ravel, lambda dW: dW[:, :1]])
def test_gradient_of_the_wrong_shape_is_an_error(reshape):
    class WrongShape(Network):
        def backward(self, activations, Y, weight_decay=0.0):
            gradients = super().backward(activations, Y, weight_decay)
            return [gradients[0], (reshape(gradients[1][0]), gradients[1][1]), gradients[2]]

    net, X, y = problem(WrongShape)
    with pytest.raises(ValueError, match="gradient of W2 has shape"):
        gradient_check(net, X, y)


def test_gradient_too_short_by_an_axis_is_an_error():
    class ScalarBias(Network):
        def backward(self, activations, Y, weight_decay=0.0):
            return [(dW, db.sum()) for dW, db in super().backward(activations, Y, weight_decay)]

    net, X, y = problem(ScalarBias)
    with pytest.raises(ValueError, match="gradient of b1 has shape"):
        gradient_check(net, X, y)


# ------------------------------------------------------------------------------------------- settings


def test_max_entries():
    net, X, y = problem()
    report = gradient_check(net, X, y, max_entries=4)
    assert [row.compared for row in report.rows] == [4, 4, 4, 4, 4, 3]
    assert report.max_relative_error < 1e-7
    again = gradient_check(net, X, y, max_entries=4)
    other = gradient_check(net, X, y, max_entries=4, seed=1)
    assert again == report != other
    seen = set()  # in time, every entry is drawn: also the one that is wrong
    bug, X, y = problem(OnlyOneEntry)
    for seed in range(60):
        row = gradient_check(bug, X, y, max_entries=2, seed=seed).rows[0]
        seen.add(row.relative_error > 1e-3)
    assert seen == {True, False}


def test_float32_is_too_coarse():
    net, X, y = problem()
    report = gradient_check(net, X, y, dtype="float32", epsilon=1e-2)
    assert 1e-6 < report.max_relative_error < 1e-1


def test_report_holds_method_and_epsilon():
    net, X, y = problem()
    assert (gradient_check(net, X, y).method, gradient_check(net, X, y).epsilon) == ("central", 1e-5)
    report = gradient_check(net, X, y, method="complex", epsilon=1e-100)
    assert (report.method, report.epsilon) == ("complex", 1e-100) and report.max_relative_error < 1e-12


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"method": "forward"}, "method='forward' is unknown"),
        ({"epsilon": 0}, "epsilon must be above 0"),
        ({"epsilon": -1e-5}, "epsilon must be above 0"),
        ({"epsilon": math.nan}, "epsilon must be above 0"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"dtype": "float16"}, "dtype"),
    ],
)
def test_bad_settings(settings, words):
    net, X, y = problem()
    with pytest.raises(ValueError, match=words):
        gradient_check(net, X, y, **settings)


# ---------------------------------------------------------------------------------------------- tools


def test_relative_error_by_hand():
    def error(a, n):
        return relative_error(np.array(a, float), np.array(n, float))

    assert error([3, 4], [3, 4]) == 0 and error([0, 0], [0, 0]) == 0
    assert error([1], [-1]) == 1 and error([0], [1e-20]) == 1
    assert error([3, 4], [0, 0]) == 1
    assert error([2], [1]) == pytest.approx(1 / 3)
    assert error([3, 4], [4, 3]) == pytest.approx(math.sqrt(2) / 10)
    assert math.isnan(error([math.nan], [1]))


def test_central_difference_by_hand():
    w = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]])
    slopes = central_difference(lambda: (w**3).sum(), w, 1e-3)
    # of w³ it is exactly 3w² + ε²
    assert slopes.tolist() == pytest.approx([3 * v * v + 1e-6 for v in w.ravel()], rel=1e-11)
    assert central_difference(lambda: (w**2).sum(), w, 1e-3, [4, 0]).tolist() == pytest.approx([1, 2], rel=1e-11)
    assert central_difference(lambda: (w**2).sum(), w).tolist() == pytest.approx((2 * w).ravel().tolist(), rel=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_central_difference_restores_the_array(dtype):
    w = np.random.default_rng(0).standard_normal((3, 4)).astype(dtype)
    w[0, 0], w[1, 1] = 1e10, 1e-20  # adding and taking away again would not come back here
    for view in (w, w.T, w[:, ::2]):  # not only arrays that lie in one piece
        before = w.tobytes()
        central_difference(lambda: float((w**2).sum()), view, 1e-3)
        assert w.tobytes() == before


def test_complex_step_by_hand():
    w = np.array([[1 + 0j, 2, -3]])
    before = w.tobytes()
    slopes = complex_step(lambda: (np.exp(w) / w).sum(), w)
    assert slopes.tolist() == pytest.approx([math.exp(v) * (v - 1) / v**2 for v in (1, 2, -3)], rel=1e-15)
    assert slopes.dtype == np.float64 and w.tobytes() == before
    assert complex_step(lambda: (w * w).sum(), w, entries=[2]).tolist() == [-6]


@pytest.mark.parametrize("step, dtype", [(central_difference, np.float64), (complex_step, np.complex128)])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_array_is_restored_when_f_fails(step, dtype, error, n):
    w = np.array([[1e10, 1e-20, 3], [-1, 0.5, 4]], dtype)
    before, calls = w.tobytes(), []

    def fails():
        calls.append(w.tobytes())
        if len(calls) == n:
            raise error
        return (w * w).sum()

    with pytest.raises(error):
        step(fails, w)
    assert len(calls) == n and w.tobytes() == before
    # the entry did stand elsewhere when f failed; 1e-30 beside 1e10 is kept, as it is the imaginary part
    assert calls[-1] != before


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "object"])
def test_central_difference_wants_fractions(dtype):
    w = np.array([[1, 0], [1, 1]], dtype)
    with pytest.raises(TypeError, match=f"the array must be floating point, not {dtype}"):
        central_difference(lambda: pytest.fail("f was called"), w)
    assert w.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool", "object"])
def test_complex_step_wants_complex_numbers(dtype):
    w = np.array([[1, 0], [1, 1]], dtype)
    with pytest.raises(TypeError, match=f"the array must be complex, not {dtype}"):
        complex_step(lambda: pytest.fail("f was called"), w)
    assert w.tolist() == [[1, 0], [1, 1]]
