"""network: forward and backward against an implementation with one loop for everything; files, numbers, bad input."""

import math
import traceback

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_scratch import FileFormatError, Network
from mnist_scratch.functions import ACTIVATIONS, LOSSES

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])


SLOW = {
    "relu": (lambda z: z if z > 0 else 0.0, lambda z: 1.0 if z > 0 else 0.0),
    "sigmoid": (lambda z: 1 / (1 + math.exp(-z)), lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2),
    "tanh": (math.tanh, lambda z: 1 / math.cosh(z) ** 2),
}


def slow_outputs(z, output):
    if output == "sigmoid":
        return [1 / (1 + math.exp(-v)) for v in z]
    return [math.exp(v) / sum(math.exp(w) for w in z) for v in z]


def slow_forward(net, x):
    """All Z of one example, layer by layer, and the A that went into each layer."""
    inputs, sums, a = [], [], x
    for W, b in zip(net.weights, net.biases, strict=True):
        inputs.append(a)
        sums.append([float(b[k] + sum(a[j] * W[j][k] for j in range(len(a)))) for k in range(len(b))])
        a = [SLOW[net.activation][0](v) for v in sums[-1]]
    return inputs, sums


def slow_loss_and_gradients(net, X, Y, weight_decay):
    """J and its gradients, example by example, by the chain rule through the output's whole Jacobian."""
    m, K = len(X), net.sizes[-1]
    dW = [[[weight_decay * w for w in row] for row in W.tolist()] for W in net.weights]
    db = [[0.0] * len(b) for b in net.biases]
    data = 0.0
    for x, y in zip(X.tolist(), Y.tolist(), strict=True):
        inputs, sums = slow_forward(net, x)
        p = slow_outputs(sums[-1], net.output)
        data -= sum(y[k] * math.log(p[k]) for k in range(K)) / m
        dp = [-y[k] / p[k] for k in range(K)]
        if net.loss_name == "binary_cross_entropy":
            data -= sum((1 - y[k]) * math.log(1 - p[k]) for k in range(K)) / m
            dp = [dp[k] + (1 - y[k]) / (1 - p[k]) for k in range(K)]
        if net.output == "softmax":
            d = [sum(dp[k] * p[k] * ((j == k) - p[j]) for k in range(K)) for j in range(K)]
        else:
            d = [dp[j] * p[j] * (1 - p[j]) for j in range(K)]
        for layer in reversed(range(len(net.weights))):
            for k, v in enumerate(d):
                db[layer][k] += v / m
                for j, a in enumerate(inputs[layer]):
                    dW[layer][j][k] += a * v / m
            if layer:
                slope, W = SLOW[net.activation][1], net.weights[layer].tolist()
                d = [slope(z) * sum(w * v for w, v in zip(W[j], d, strict=True)) for j, z in enumerate(sums[layer - 1])]
    penalty = weight_decay / 2 * sum(w * w for W in net.weights for row in W.tolist() for w in row)
    return data, penalty, list(zip(dW, db, strict=True))


def some_network(sizes, seed=1, **settings):
    """A network whose biases are not zero, so that a forgotten one shows."""
    net = Network(sizes, seed=seed, **settings)
    rng = np.random.default_rng(seed + 1000)
    for b in net.biases:
        b[:] = 0.3 * rng.standard_normal(b.shape)
    return net


def some_data(net, m, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, net.sizes[0])), rng.integers(0, net.sizes[-1], m)


def same(one, two):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))


@settings(max_examples=15)
@given(
    sizes=st.lists(st.integers(2, 5), min_size=2, max_size=5),
    m=st.integers(1, 4),
    weight_decay=st.sampled_from([0, 1e-4, 2.0]),
    soft=st.booleans(),
    seed=st.integers(0, 1000),
)
@pytest.mark.parametrize("output, loss", LOSSES)
@pytest.mark.parametrize("activation", SLOW)
def test_agrees_with_the_slow_network(activation, output, loss, sizes, m, weight_decay, soft, seed):
    net = some_network(sizes, seed, activation=activation, output=output, loss=loss, dtype="float64")
    X, y = some_data(net, m, seed)
    Y = np.random.default_rng(seed).dirichlet(np.ones(sizes[-1]), m) if soft else np.eye(sizes[-1])[y]
    data, penalty, expected = slow_loss_and_gradients(net, X, Y, weight_decay)
    for targets in [Y] if soft else [Y, y]:  # one-hot rows mean the same as labels
        found, gradients = net.loss_and_gradients(X, targets, weight_decay)
        assert (found.data, found.penalty, found.total) == pytest.approx((data, penalty, data + penalty), rel=1e-9)
        for pair, slow_pair, shapes in zip(gradients, expected, zip(net.weights, net.biases, strict=True), strict=True):
            for gradient, slow, parameter in zip(pair, slow_pair, shapes, strict=True):
                assert gradient.shape == parameter.shape
                np.testing.assert_allclose(gradient, slow, rtol=1e-9, atol=1e-10)
    Z, A = net.forward_pass(X)
    for i, x in enumerate(X.tolist()):
        inputs, sums = slow_forward(net, x)
        for arrays, slow in ((Z, sums), (A, inputs), (net.activations(X), [*inputs, sums[-1]])):
            for array, row in zip(arrays, slow, strict=True):
                assert array[i].tolist() == pytest.approx(row, rel=1e-11, abs=1e-12)
        assert net.forward(X)[i].tolist() == Z[-1][i].tolist()
        assert net.predict_proba(X)[i].tolist() == pytest.approx(slow_outputs(sums[-1], output), rel=1e-10)


@pytest.mark.parametrize("output, loss", LOSSES)
@pytest.mark.parametrize("m", [1, 2000, 2001, 5003])  # what predicts does so in chunks of rows
def test_predictions_losses_and_accuracy_of_any_number_of_rows(output, loss, m):
    net = some_network([6, 4, 3], output=output, loss=loss, dtype="float64")
    X, y = some_data(net, m)
    Z = np.maximum(X @ net.weights[0] + net.biases[0], 0) @ net.weights[1] + net.biases[1]
    classes = [max(range(3), key=row.__getitem__) for row in Z.tolist()]
    right = sum(a == b for a, b in zip(classes, y.tolist(), strict=True)) / m
    np.testing.assert_allclose(net.forward(X), Z, rtol=1e-12, atol=1e-13)
    assert net.predict(X).tolist() == classes and net.predict_proba(X).shape == (m, 3)
    expected, _ = net.loss_and_gradients(X, y, 0.1)  # not cut into chunks
    evaluated, accuracy = net.evaluate(X, y, 0.1)
    assert accuracy == net.accuracy(X, y) == pytest.approx(right, abs=1e-12)
    for found in (evaluated, net.loss(X, y, 0.1), net.loss(X, np.eye(3)[y], 0.1)):
        assert found == pytest.approx(expected, rel=1e-13) and found.total == found.data + found.penalty
    assert net.loss(X, y).penalty == net.evaluate(X, y)[0].penalty == net.loss_and_gradients(X, y)[0].penalty == 0


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"activation": "relu"}, [math.sqrt(2 / 300), math.sqrt(2 / 200)]),
        ({"activation": "tanh"}, [math.sqrt(2 / 500), math.sqrt(2 / 450)]),
        ({"activation": "sigmoid"}, [math.sqrt(2 / 500), math.sqrt(2 / 450)]),
        ({"activation": "tanh", "initialization": "he"}, [math.sqrt(2 / 300), math.sqrt(2 / 200)]),
        ({"initialization": "gaussian"}, [1, 1]),
        ({"initialization": 0.01}, [0.01, 0.01]),
        ({"initialization": 3}, [3, 3]),
        ({"initialization": "zeros"}, [0, 0]),
        ({"initialization": 0}, [0, 0]),
    ],
)
def test_spread_of_the_first_weights(settings, expected):
    net = Network([300, 200, 250], **settings)
    for W, b, sd in zip(net.weights, net.biases, expected, strict=True):
        assert abs(W.mean()) <= 5 * sd / math.sqrt(W.size)
        assert W.std() == pytest.approx(sd, rel=5 / math.sqrt(2 * W.size))
        if sd:  # normal: 68.27 % within one standard deviation, the longest of 50,000 beyond four
            assert np.mean(abs(W) < sd) == pytest.approx(0.6827, abs=5 * math.sqrt(0.22 / W.size))
            assert abs(W).max() > 3.5 * sd
        assert b.shape == (W.shape[1],) and not b.any()


def test_the_seed_decides_the_first_weights():
    one, again, other = (Network([6, 6, 6], seed=seed) for seed in (7, 7, 8))
    assert same(one.weights, again.weights) and not np.array_equal(one.weights[0], other.weights[0])
    assert not np.array_equal(one.weights[0], one.weights[1]) and same(
        Network([3, 2]).weights, Network([3, 2], seed=0).weights
    )
    in_double = Network([6, 6, 6], seed=7, dtype="float64")  # the same weights, to float32's digits
    assert np.array_equal(one.weights[0], in_double.weights[0].astype("float32"))


def test_parameters_are_the_arrays_themselves_in_order():
    net = Network(np.array([7, 5, 3]))
    assert (net.activation, net.output, net.loss_name, net.dtype) == ("relu", "softmax", "cross_entropy", np.float32)
    assert net.sizes == [7, 5, 3] and [W.shape for W in net.weights] == [(7, 5), (5, 3)]
    arrays = [net.weights[0], net.biases[0], net.weights[1], net.biases[1]]
    assert all(a is b for a, b in zip(net.parameters(), arrays, strict=True))
    assert net.parameter_names() == ["W1", "b1", "W2", "b2"]
    assert net.n_parameters == 7 * 5 + 5 + 5 * 3 + 3
    assert "7-5-3" in repr(net) and "58 parameters" in repr(net)


@DTYPES
@pytest.mark.parametrize("output, loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_dtype_everywhere(activation, output, loss, dtype):
    net = Network([4, 3, 2], activation=activation, output=output, loss=loss, dtype=dtype)
    X, y = some_data(net, 5)
    for given_dtype in ("float16", "float32", "float64"):
        X = X.astype(given_dtype)
        arrays = [*net.parameters(), *net.activations(X), net.forward(X), net.predict_proba(X)]
        for targets in (y, y.astype("uint8"), np.eye(2)[y]):
            for pair in net.loss_and_gradients(X, targets, np.float64(0.01))[1]:
                arrays += pair
        assert {array.dtype for array in arrays} == {net.dtype} == {np.dtype(dtype)}
    if dtype != "complex128":
        assert {type(part) for part in (*net.loss(X, y, 0.01), *net.evaluate(X, y)[0])} == {float}


@pytest.mark.parametrize("dtype", [None, "float32", "float64", "complex128"])
def test_a_copy_is_independent(dtype):
    net = some_network([4, 3, 2])
    other, before = net.copy(dtype), [a.copy() for a in net.parameters()]
    assert repr(other) == repr(net) and other.dtype == np.dtype(dtype or "float32")
    assert {a.dtype for a in other.parameters()} == {other.dtype}
    for one, two in zip(net.parameters(), other.parameters(), strict=True):
        assert np.array_equal(one, two)
        two += 1
    other.weights.pop()
    other.sizes.append(9)
    assert same(net.parameters(), before) and net.sizes == [4, 3, 2] and net.dtype == np.float32


@DTYPES
@pytest.mark.parametrize("output, loss", LOSSES)
@pytest.mark.parametrize("sizes", [[4, 3], [4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2]])
def test_save_and_load_bit_for_bit(tmp_path, sizes, output, loss, dtype):
    net = some_network(sizes, activation="tanh", output=output, loss=loss, dtype=dtype)
    net.weights[0][0, :2] = np.nan, np.inf  # a diverged network can be kept and looked at, too
    net.biases[0][0] = -0.0
    path = tmp_path / "the name as it is"
    Network([3, 2]).save(path)
    net.save(path)
    again = Network.load(str(path))
    assert repr(again) == repr(net) and again.sizes == net.sizes and again.dtype == net.dtype
    assert [a.shape for a in again.parameters()] == [a.shape for a in net.parameters()]
    assert same(again.parameters(), net.parameters())
    again.weights[0] += 1  # not read-only
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("array", [np.zeros((5, 4)), np.zeros((5, 3), "f4"), np.full((5, 4), None)])
def test_a_network_that_could_not_be_loaded_replaces_no_file(tmp_path, array):
    net, path = Network([5, 4, 3]), tmp_path / "net.npz"
    net.save(path)
    before = path.read_bytes()
    net.weights[0] = array
    with pytest.raises(ValueError, match="^W1 must be float32 .*: not saved$"):
        net.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


class Planted:
    """Would write a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in ["activation", "output", "W1", "b2"]),  # missing
        *({name: Planted} for name in ["activation", "W1", "b1"]),
        *({"W2": np.zeros(shape, "f4")} for shape in ((4, 2), (2, 2))),
        {"W2": np.zeros((3, 2), "f8")},  # mixed types
        {name: np.zeros(shape, "f2") for name, shape in {"W1": (4, 3), "b1": 3, "W2": (3, 2), "b2": 2}.items()},
        {"output": "sigmoid"},  # which does not go with cross-entropy
        {"W3": np.zeros((2, 2), "f4")},  # without its b3
        {"W4": np.zeros((2, 2), "f4"), "b4": np.zeros(2, "f4")},  # a gap: no third layer
        dict.fromkeys(["W1", "b1", "W2", "b2"]),
    ],
)
def test_what_is_no_network_is_refused_and_never_unpickled(tmp_path, change):
    path, trap = tmp_path / "model.npz", np.array([Planted(tmp_path / "executed")], object)
    Network([4, 3, 2]).save(path)
    with np.load(path) as file:
        arrays = dict(file) | change
    np.savez(path, **{k: trap if v is Planted else v for k, v in arrays.items() if v is not None})
    with pytest.raises(FileFormatError) as caught:
        Network.load(path)
    assert str(caught.value).startswith(f"{path}: not a network") and list(tmp_path.iterdir()) == [path]
    # nothing of NumPy's, whose advice is unsafe
    assert "allow_pickle" not in "".join(traceback.format_exception(caught.value))


X5 = np.linspace(0, 1, 20).reshape(5, 4)


@pytest.mark.parametrize(
    "X, words",
    [
        (np.where(np.arange(5)[:, None] >= 3, np.nan, X5), "X holds NaN or infinity .* row 3$"),
        (X5 * 1e300, "X holds NaN or infinity in float32.* row 0$"),  # finite in float64, not in the network's type
        (X5 + 0j, "X holds complex numbers"),
        (X5[:, :3], r"X must have shape \(m, 4\)"),
    ],
)
def test_bad_X_is_named_by_all_that_take_it(X, words):
    net, y = Network([4, 3, 10]), np.zeros(5, int)
    calls = [net.forward, net.activations, net.forward_pass, net.predict, net.predict_proba]
    calls += [
        lambda X, call=call: call(X, y) for call in (net.loss_and_gradients, net.loss, net.accuracy, net.evaluate)
    ]
    for call in calls:
        with np.errstate(all="raise"), pytest.raises(ValueError, match=words):  # no warning of NumPy's comes first
            call(X)


@pytest.mark.parametrize(
    "y, words",
    [
        (np.arange(4), r"y must have shape \(5,\).*\(4,\)"),
        (np.arange(7, 12), "y must be from 0 to 9; these labels go from 7 to 11"),
        (np.zeros((5, 9)), r"y must be labels.*\(5, 10\).*\(5, 9\)"),
        (np.full((5, 10), np.nan), "y holds NaN or infinity"),
    ],
)
def test_bad_y_is_named_by_all_that_take_it(y, words):
    net = Network([4, 3, 10])
    for call in (net.loss_and_gradients, net.loss, net.evaluate, *[net.accuracy] * (y.ndim == 1)):
        with pytest.raises(ValueError, match=words):
            call(X5, y)


def test_labels_in_place_of_targets_are_refused_by_backward():
    net = Network([5, 4, 3])
    Z, A = net.forward_pass(np.ones((3, 5)))  # as many rows as classes: the labels would be broadcast
    with pytest.raises(ValueError, match=r"Y must be targets of shape \(3, 3\), as one_hot makes them, not \(3,\)"):
        net.backward(Z, A, np.array([0, 1, 2]))
    _, expected = net.loss_and_gradients(np.ones((3, 5)), np.array([0, 1, 2]))
    assert all(same(*pairs) for pairs in zip(net.backward(Z, A, np.eye(3, dtype="f4")), expected, strict=True))


def test_a_loss_that_does_not_go_with_the_output_is_refused():
    with pytest.raises(ValueError, match="does not go with output='sigmoid'.*binary_cross_entropy"):
        Network([4, 3, 2], output="sigmoid")
