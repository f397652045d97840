"""network: forward and backward against an implementation with one loop for everything; checks, files, numbers."""

import math
import os
import pickle
import traceback

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_scratch import SGD, Dataset, FileFormatError, Loss, Network
from mnist_scratch import network as network_module
from mnist_scratch.network import committee

PAIRS = [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("softmax", "binary_cross_entropy")]
ACTIVATIONS = ["relu", "sigmoid", "tanh"]

# ------------------------------------------------------------- the slow network: lists, one number at a time

SLOW = {
    "relu": (lambda z: z if z > 0 else 0.0, lambda z: 1.0 if z > 0 else 0.0),
    "sigmoid": (lambda z: 1 / (1 + math.exp(-z)), lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2),
    "tanh": (math.tanh, lambda z: 1 / math.cosh(z) ** 2),
}


def slow_outputs(z, output):
    if output == "sigmoid":
        return [1 / (1 + math.exp(-v)) for v in z]
    return [math.exp(v) / sum(math.exp(w) for w in z) for v in z]


def slow_forward(weights, biases, activation, x):
    """All Z of one example, layer by layer, and the A that went into each layer."""
    inputs, sums, a = [], [], x
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        z = [b[k] + sum(a[j] * W[j][k] for j in range(len(a))) for k in range(len(b))]
        inputs.append(a)
        sums.append(z)
        a = [SLOW[activation][0](v) for v in z] if layer < len(weights) - 1 else z
    return inputs, sums


def slow_loss_and_gradients(net, X, Y, weight_decay):
    """J and its gradients, example by example, by the chain rule through the output's whole Jacobian."""
    weights = [W.tolist() for W in net.weights]
    biases = [b.tolist() for b in net.biases]
    m, K = len(X), net.sizes[-1]
    dW = [[[weight_decay * w for w in row] for row in W] for W in weights]
    db = [[0.0] * len(b) for b in biases]
    data = 0.0
    for x, y in zip(X, Y, strict=True):
        inputs, sums = slow_forward(weights, biases, net.activation, x)
        p = slow_outputs(sums[-1], net.output)
        if net.loss_name == "cross_entropy":
            data -= sum(y[k] * math.log(p[k]) for k in range(K)) / m
            dp = [-y[k] / p[k] for k in range(K)]
        else:
            data -= sum(y[k] * math.log(p[k]) + (1 - y[k]) * math.log(1 - p[k]) for k in range(K)) / m
            dp = [(1 - y[k]) / (1 - p[k]) - y[k] / p[k] for k in range(K)]
        if net.output == "softmax":
            d = [sum(dp[k] * p[k] * ((j == k) - p[j]) for k in range(K)) for j in range(K)]
        else:
            d = [dp[j] * p[j] * (1 - p[j]) for j in range(K)]
        for layer in reversed(range(len(weights))):
            for j, a in enumerate(inputs[layer]):
                for k, v in enumerate(d):
                    dW[layer][j][k] += a * v / m
            for k, v in enumerate(d):
                db[layer][k] += v / m
            if layer:
                slope = SLOW[net.activation][1]
                d = [
                    slope(sums[layer - 1][j]) * sum(weights[layer][j][k] * d[k] for k in range(len(d)))
                    for j in range(len(inputs[layer]))
                ]
    penalty = weight_decay / 2 * sum(w * w for W in weights for row in W for w in row)
    return data, penalty, dW, db


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


def agrees(net, X, Y, y, weight_decay, tolerance):
    data, penalty, slow_dW, slow_db = slow_loss_and_gradients(net, X.tolist(), Y.tolist(), weight_decay)
    loss, gradients = net.loss_and_gradients(X, y, weight_decay=weight_decay)
    assert loss.data == pytest.approx(data, rel=tolerance)
    assert loss.penalty == pytest.approx(penalty, rel=tolerance)
    assert loss.total == pytest.approx(data + penalty, rel=tolerance)
    assert len(gradients) == len(net.sizes) - 1
    for (dW, db), W, b, expected_dW, expected_db in zip(
        gradients, net.weights, net.biases, slow_dW, slow_db, strict=True
    ):
        assert dW.shape == W.shape and db.shape == b.shape
        np.testing.assert_allclose(dW, expected_dW, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(db, expected_db, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("output, loss", PAIRS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [[4, 3], [4, 5, 3], [4, 5, 2, 3], [3, 4, 5, 2, 4]])
def test_agrees_with_the_slow_network(sizes, activation, output, loss, weight_decay):
    net = some_network(sizes, activation=activation, output=output, loss=loss, dtype="float64")
    X, y = some_data(net, 6)
    kept = net.activations(X)
    assert len(kept) == len(sizes)
    weights, biases = [W.tolist() for W in net.weights], [b.tolist() for b in net.biases]
    for i, x in enumerate(X.tolist()):
        inputs, sums = slow_forward(weights, biases, activation, x)
        for A, a in zip(kept, [*inputs, sums[-1]], strict=True):
            assert A[i].tolist() == pytest.approx(a, rel=1e-12, abs=1e-13)
        assert net.forward(X)[i].tolist() == kept[-1][i].tolist()
        assert net.predict_proba(X)[i].tolist() == pytest.approx(slow_outputs(sums[-1], output), rel=1e-11)
    Y = np.eye(sizes[-1])[y]
    agrees(net, X, Y, y, weight_decay, 1e-10)
    agrees(net, X, Y, Y, weight_decay, 1e-10)  # one-hot rows mean the same as labels


@given(
    sizes=st.lists(st.integers(2, 5), min_size=2, max_size=4),
    m=st.integers(1, 4),
    choice=st.tuples(st.sampled_from(ACTIVATIONS), st.sampled_from(PAIRS), st.sampled_from([0.0, 1e-4, 2.0])),
    seed=st.integers(0, 1000),
)
def test_agrees_for_any_shape_and_soft_targets(sizes, m, choice, seed):
    activation, (output, loss), weight_decay = choice
    net = some_network(sizes, seed, activation=activation, output=output, loss=loss, dtype="float64")
    X, _ = some_data(net, m, seed)
    Y = np.random.default_rng(seed).dirichlet(np.ones(sizes[-1]), m)
    agrees(net, X, Y, Y, weight_decay, 1e-9)


def test_dead_units_get_no_gradient():
    net = Network([2, 3, 2], dtype="float64")
    net.biases[0][1] = -1000  # never fires
    X, y = some_data(net, 5)
    (dW, db), (dW2, _) = net.loss_and_gradients(X, y)[1]
    assert not dW[:, 1].any() and db[1] == 0 and not dW2[1].any()
    assert dW[:, 0].any() or dW[:, 2].any()


def test_kink_of_relu_counts_as_off():
    net = Network([1, 1, 2], dtype="float64")  # bias 0 and input 0: exactly on the kink
    (_, db), _ = net.loss_and_gradients(np.zeros((1, 1)), np.array([0]))[1]
    assert db.tolist() == [0]


def test_nothing_is_changed_by_looking():
    net = some_network([3, 4, 2], activation="tanh", dtype="float64")
    X, y = some_data(net, 5)
    before = [a.copy() for a in (*net.parameters(), X, y)]
    activations = net.activations(X)
    kept = [A.copy() for A in activations]
    net.backward(activations, np.eye(2)[y], 0.1)
    assert all(np.array_equal(a, b) for a, b in zip(activations, kept, strict=True))
    first = net.loss_and_gradients(X, y, 0.1)
    second = net.loss_and_gradients(X, y, 0.1)
    assert first[0] == second[0]
    for one, two in zip(first[1], second[1], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip((*net.parameters(), X, y), before, strict=True))


# -------------------------------------------------------------------------------------- initialisation


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"activation": "relu"}, [math.sqrt(2 / 300), math.sqrt(2 / 200)]),
        ({"activation": "tanh"}, [math.sqrt(2 / 500), math.sqrt(2 / 450)]),
        ({"activation": "sigmoid"}, [math.sqrt(2 / 500), math.sqrt(2 / 450)]),
        ({"activation": "tanh", "initialization": "he"}, [math.sqrt(2 / 300), math.sqrt(2 / 200)]),
        ({"activation": "relu", "initialization": "xavier"}, [math.sqrt(2 / 500), math.sqrt(2 / 450)]),
        ({"initialization": "gaussian"}, [1, 1]),
        ({"initialization": 0.01}, [0.01, 0.01]),
        ({"initialization": 3}, [3, 3]),
    ],
)
def test_spread_of_the_first_weights(settings, expected):
    net = Network([300, 200, 250], **settings)
    for W, b, sd in zip(net.weights, net.biases, expected, strict=True):
        n = W.size
        assert abs(W.mean()) < 5 * sd / math.sqrt(n)
        assert W.std() == pytest.approx(sd, rel=5 / math.sqrt(2 * n))
        # a normal distribution: 68.27 % within one standard deviation, the longest of 50,000 beyond four
        assert np.mean(abs(W) < sd) == pytest.approx(0.6827, abs=5 * math.sqrt(0.22 / n))
        assert abs(W).max() > 3.5 * sd
        assert b.shape == (W.shape[1],) and not b.any()


@pytest.mark.parametrize("initialization", ["zeros", 0, 0.0])
def test_zeros(initialization):
    net = Network([5, 4, 3], initialization=initialization)
    assert not any(array.any() for array in net.parameters())
    assert net.predict_proba(np.ones((2, 5))).tolist() == [[pytest.approx(1 / 3)] * 3] * 2


def test_seeds():
    def weights(seed):
        return np.concatenate([W.ravel() for W in Network([6, 5, 4], seed=seed).weights])

    assert np.array_equal(weights(7), weights(7))
    assert not np.array_equal(weights(7), weights(8))
    net = Network([6, 6, 6], seed=0)
    assert not np.array_equal(net.weights[0], net.weights[1])
    in_double = Network([6, 6, 6], seed=0, dtype="float64")  # the same weights, to float32's digits
    assert np.array_equal(net.weights[0], in_double.weights[0].astype("float32"))


def test_sizes_and_names():
    net = Network(np.array([7, 5, 3]))
    assert net.sizes == [7, 5, 3] and [W.shape for W in net.weights] == [(7, 5), (5, 3)]
    assert net.n_parameters == 7 * 5 + 5 + 5 * 3 + 3
    assert all(p is q for p, q in zip(net.parameters()[::2], net.weights, strict=True))
    assert all(p is q for p, q in zip(net.parameters()[1::2], net.biases, strict=True))
    assert "7-5-3" in repr(net) and "58 parameters" in repr(net)


# ------------------------------------------------------------------------------------------------- dtype


@pytest.mark.parametrize("given_dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("output, loss", PAIRS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_dtype_everywhere(activation, output, loss, dtype, given_dtype):
    net = Network([4, 3, 2], activation=activation, output=output, loss=loss, dtype=dtype)
    X, y = some_data(net, 5)
    X = X.astype(given_dtype)
    arrays = [*net.parameters(), *net.activations(X), net.forward(X), net.predict_proba(X)]
    for targets in (y, y.astype("uint8"), np.eye(2)[y]):
        gradients = net.loss_and_gradients(X, targets, np.float64(0.01))[1]
        arrays += [array for pair in gradients for array in pair]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
    assert net.dtype == np.dtype(dtype)
    if dtype == "float32":
        loss, _ = net.loss_and_gradients(X, y, 0.01)
        assert type(loss.data) is float and type(loss.penalty) is float


# ------------------------------------------------------------------------------ predict, accuracy, evaluate


@pytest.mark.parametrize("output, loss", PAIRS)
@pytest.mark.parametrize("m", [1, 2000, 2001, 4001, 5003])
def test_what_evaluate_and_its_parts_say(output, loss, m):
    net = some_network([6, 4, 3], output=output, loss=loss, dtype="float64")
    X, y = some_data(net, m)
    A = np.maximum(X @ net.weights[0] + net.biases[0], 0)
    Z = A @ net.weights[1] + net.biases[1]
    classes = [max(range(3), key=row.__getitem__) for row in Z.tolist()]
    right = sum(a == b for a, b in zip(classes, y.tolist(), strict=True)) / m
    assert net.predict(X).tolist() == classes and net.predict(X).dtype.kind == "i"
    proba = net.predict_proba(X)
    assert proba.shape == (m, 3)
    for i in {0, m // 2, min(1999, m - 1), min(2000, m - 1), m - 1}:
        assert proba[i].tolist() == pytest.approx(slow_outputs(Z[i].tolist(), output), rel=1e-12)
    if output == "softmax":
        assert np.allclose(proba.sum(axis=1), 1, atol=1e-14)
    assert net.accuracy(X, y) == pytest.approx(right, abs=1e-12)
    expected, _ = net.loss_and_gradients(X, y, 0.1)  # not cut into chunks
    evaluated, accuracy = net.evaluate(X, y, 0.1)
    assert accuracy == net.accuracy(X, y)
    for found in (evaluated, net.loss(X, y, weight_decay=0.1), net.loss(X, np.eye(3)[y], weight_decay=0.1)):
        assert isinstance(found, Loss)
        assert found == pytest.approx(expected, rel=1e-13) and found.total == found.data + found.penalty
    assert net.loss(X, y).penalty == 0


def test_only_chunks_of_the_forward_pass_are_kept():
    assert network_module._CHUNK < 2001  # the test above crosses the border


# ----------------------------------------------------------------------------------------- copy, save, load


def test_copy_is_independent():
    net = some_network([4, 3, 2])
    other = net.copy()
    assert repr(other) == repr(net) and other.dtype == net.dtype
    assert all(np.array_equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))
    before = [a.copy() for a in net.parameters()]
    for array in other.parameters():
        array += 1
    other.weights.pop()
    other.sizes.append(9)
    assert all(np.array_equal(a, b) for a, b in zip(net.parameters(), before, strict=True)) and net.sizes == [4, 3, 2]


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_copy_in_another_dtype(dtype):
    net = some_network([4, 3, 2])
    other = net.copy(dtype)
    assert other.dtype == np.dtype(dtype) and {a.dtype for a in other.parameters()} == {np.dtype(dtype)}
    assert all(np.array_equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))
    assert net.dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("output, loss", PAIRS)
@pytest.mark.parametrize("sizes", [[4, 3], [4, 5, 3], [4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2]])
def test_save_and_load_bit_for_bit(tmp_path, sizes, output, loss, dtype):
    net = some_network(sizes, activation="tanh", output=output, loss=loss, dtype=dtype)
    net.weights[0][0, :2] = np.nan, np.inf  # a diverged network can be kept and looked at, too
    net.biases[0][0] = -0.0
    net.save(tmp_path / "model.npz")
    again = Network.load(str(tmp_path / "model.npz"))
    assert repr(again) == repr(net) and again.sizes == net.sizes and again.dtype == net.dtype
    assert (again.activation, again.output, again.loss_name) == ("tanh", output, loss)
    for a, b in zip(net.parameters(), again.parameters(), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    again.weights[0] += 1  # not read-only


def test_save_replaces_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "model.npz"
    Network([3, 2], seed=1).save(path)
    net = Network([3, 2], seed=2)
    net.save(str(path))
    assert np.array_equal(Network.load(path).weights[0], net.weights[0])
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_save_takes_the_name_as_it_is(tmp_path):
    Network([3, 2]).save(tmp_path / "model")
    assert Network.load(tmp_path / "model").sizes == [3, 2]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    Network([3, 2], seed=1).save(path)
    old = path.read_bytes()

    def disk_full(file, **arrays):
        file.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", disk_full)
    with pytest.raises(OSError, match="no space"):
        Network([3, 2], seed=2).save(path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch, error):
    def fails(*arguments, **arrays):
        raise error

    for function, module in (("savez", np), ("replace", os)):
        with monkeypatch.context() as patch:
            patch.setattr(module, function, fails)
            with pytest.raises(error):
                Network([3, 2]).save(tmp_path / "model.npz")
        assert not list(tmp_path.iterdir())


def test_save_into_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        Network([3, 2]).save(tmp_path / "nowhere" / "model.npz")


def refused(path, error=FileFormatError):
    with pytest.raises(error) as caught:
        Network.load(path)
    assert str(path) in str(caught.value)
    if error is FileFormatError:
        message = (
            f"{path}: not a network written by Network.save, or damaged since. Name such a file, or save it again."
        )
        assert str(caught.value) == message  # and nothing of NumPy's, whose advice to allow_pickle is unsafe
        assert "allow_pickle" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def arrays_of(net):
    arrays = {"activation": "relu", "output": "softmax", "loss": "cross_entropy"}
    arrays |= {f"W{i}": W for i, W in enumerate(net.weights, 1)}
    return arrays | {f"b{i}": b for i, b in enumerate(net.biases, 1)}


def test_load_of_what_is_no_network(tmp_path):
    path = tmp_path / "model.npz"
    refused(path, FileNotFoundError)
    whole = tmp_path / "whole.npz"
    Network([3, 2]).save(whole)
    for content in (
        b"",
        b"just text",
        b"<html>",
        pickle.dumps({"W1": 1}),
        whole.read_bytes()[:-1],
        whole.read_bytes()[:200],
        whole.read_bytes()[:3],
    ):
        path.write_bytes(content)
        refused(path)
    with open(path, "wb") as file:  # .npy, a single array
        np.save(file, np.zeros(3))
    refused(path)


@pytest.mark.parametrize("missing", ["activation", "output", "loss", "W1", "b1", "W2", "b2"])
def test_load_of_missing_arrays(tmp_path, missing):
    arrays = arrays_of(Network([4, 3, 2]))
    del arrays[missing]
    np.savez(tmp_path / "model.npz", **arrays)
    refused(tmp_path / "model.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"W1": np.zeros((4, 2), "f4")},
        {"W2": np.zeros((4, 2), "f4")},
        {"W2": np.zeros((3, 2), "f8")},  # mixed types
        {"b1": np.zeros((3, 1), "f4")},
        {"b1": np.zeros(2, "f4")},
        {"b2": np.float32(0)},
        {"W1": np.float32(0)},
        {"W1": np.zeros((4, 3), int), "W2": np.zeros((3, 2), int), "b1": np.zeros(3, int), "b2": np.zeros(2, int)},
        {"activation": "linear"},
        {"loss": "squared"},
        {"output": "sigmoid"},  # which does not go with cross-entropy
        {"output": np.zeros(3)},
        {"W3": np.zeros((2, 2), "f4")},  # without its b3
        {"b3": np.zeros(2, "f4")},
        {"W4": np.zeros((2, 2), "f4"), "b4": np.zeros(2, "f4")},  # a gap: no third layer
        {"W0": np.zeros((4, 4), "f4"), "b0": np.zeros(4, "f4")},
        {"velocity": np.zeros(2, "f4")},  # no such thing is saved
        {"one": np.zeros(2, "f4"), "two": np.zeros(2, "f4")},
        {"W1": np.zeros((0, 3), "f4")},  # no inputs
        {"W1": np.zeros((4, 3, 1), "f4")},
        {"W2": np.zeros((3, 0), "f4"), "b2": np.zeros(0, "f4")},  # no outputs
        {
            f"{kind}{l}": np.zeros(s, "f2")
            for kind, l, s in [("W", 1, (4, 3)), ("b", 1, 3), ("W", 2, (3, 2)), ("b", 2, 2)]
        },
    ],
)
def test_load_of_wrong_arrays(tmp_path, change):
    np.savez(tmp_path / "model.npz", **(arrays_of(Network([4, 3, 2])) | change))
    refused(tmp_path / "model.npz")


def test_load_of_a_file_without_layers(tmp_path):
    for arrays in ({}, {"activation": "relu", "output": "softmax", "loss": "cross_entropy"}):
        np.savez(tmp_path / "model.npz", **arrays)
        refused(tmp_path / "model.npz")


def test_load_of_any_damage(tmp_path):
    """Whatever byte is changed, the file is either refused by name or read as it was: zip keeps checksums."""
    path = tmp_path / "model.npz"
    net = Network([2, 2])
    net.save(path)
    whole = path.read_bytes()
    refusals = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            again = Network.load(path)
        except FileFormatError as error:
            assert str(path) in str(error)
            refusals += 1
        else:
            assert all(a.tobytes() == b.tobytes() for a, b in zip(net.parameters(), again.parameters(), strict=True))
    assert refusals > len(whole) / 14


def test_load_of_a_folder(tmp_path):
    refused(tmp_path, IsADirectoryError)


class Planted:
    """Would write a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["W1", "b1", "activation"])
def test_load_never_unpickles(tmp_path, name):
    trap = np.empty(1, object)
    trap[0] = Planted(tmp_path / "executed")
    np.savez(tmp_path / "model.npz", **(arrays_of(Network([4, 3, 2])) | {name: trap}))
    refused(tmp_path / "model.npz")
    assert not (tmp_path / "executed").exists()


def test_load_takes_no_memory_for_arrays_that_are_not_there(tmp_path):
    n = 5_000_000  # W1 tall, b1 long: a W1 of n × n would need 200 terabytes, more than any machine can address
    arrays = {"activation": "relu", "output": "softmax", "loss": "cross_entropy"}
    np.savez_compressed(tmp_path / "model.npz", W1=np.zeros((n, 1), "f4"), b1=np.zeros(n, "f4"), **arrays)
    refused(tmp_path / "model.npz")


def test_load_of_a_damaged_zip_entry(tmp_path):
    path = tmp_path / "model.npz"
    Network([3, 2]).save(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 10] = 99  # in the directory: packed by method 99
    path.write_bytes(content)
    refused(path)


# ------------------------------------------------------------------------------------------------ committee

DEPTHS = [[4, 3], [4, 5, 3], [4, 5, 2, 3]]


def some_members(n, sizes, **settings):
    return [some_network(sizes, seed=seed, **settings) for seed in range(n)]


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("activation, pair", list(zip(ACTIVATIONS, PAIRS, strict=True)))
@pytest.mark.parametrize("sizes", DEPTHS)
def test_a_committee_answers_the_mean_of_its_members_logits(sizes, activation, pair, n):
    output, loss = pair
    members = some_members(n, sizes, activation=activation, output=output, loss=loss, dtype="float64")
    joined = committee(members)
    X, y = some_data(joined, 7)
    expected = sum(net.forward(X) for net in members) / n
    np.testing.assert_allclose(joined.forward(X), expected, rtol=1e-13, atol=1e-14)
    proba = [slow_outputs(z, output) for z in expected.tolist()]
    np.testing.assert_allclose(joined.predict_proba(X), proba, rtol=1e-12)
    assert joined.predict(X).tolist() == expected.argmax(axis=1).tolist()
    assert not any(np.allclose(net.forward(X), expected, rtol=1e-3) for net in members)  # one for all would show
    assert math.isfinite(joined.loss_and_gradients(X, y, 0.1)[0].total)


@pytest.mark.parametrize("sizes", DEPTHS)
def test_a_committees_members_stand_side_by_side(sizes):
    """Each hidden layer holds all members' units, in their order."""
    members = some_members(3, sizes, dtype="float64")
    joined = committee(members)
    assert joined.sizes == [sizes[0], *(3 * size for size in sizes[1:-1]), sizes[-1]]
    assert [W.shape for W in joined.weights] == [*zip(joined.sizes[:-1], joined.sizes[1:], strict=True)]
    X, _ = some_data(joined, 7)
    for A, *own in zip(joined.activations(X)[1:-1], *(net.activations(X)[1:-1] for net in members), strict=True):
        np.testing.assert_allclose(A, np.hstack(own), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("output, loss", PAIRS)
def test_a_committee_is_of_its_members_kind(output, loss, dtype):
    joined = committee(some_members(2, [4, 5, 3], activation="tanh", output=output, loss=loss, dtype=dtype))
    assert (joined.activation, joined.output, joined.loss_name) == ("tanh", output, loss)
    assert joined.dtype == np.dtype(dtype) and {a.dtype for a in joined.parameters()} == {np.dtype(dtype)}
    assert joined.predict_proba(np.ones((2, 4))).dtype == np.dtype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", DEPTHS)
def test_a_committee_of_one_or_of_one_twice_gives_equal_answers(sizes, dtype):
    net = some_network(sizes, dtype=dtype)
    X, _ = some_data(net, 7)
    assert np.array_equal(committee([net]).forward(X), net.forward(X))
    assert all(np.array_equal(a, b) for a, b in zip(committee([net]).parameters(), net.parameters(), strict=True))
    twice = committee([net, net]).forward(X)
    np.testing.assert_allclose(twice, net.forward(X), rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-6)


def test_a_committee_is_saved_and_loaded_as_any_network(tmp_path):
    joined = committee(net for net in some_members(3, [4, 5, 2, 3]))  # any iterable of networks will do
    joined.save(tmp_path / "model.npz")
    again = Network.load(tmp_path / "model.npz")
    X, _ = some_data(joined, 7)
    assert repr(again) == repr(joined) and again.sizes == [4, 15, 6, 3]
    assert np.array_equal(again.forward(X), joined.forward(X))


def test_a_committee_leaves_its_members_alone():
    members = some_members(3, [4, 5, 2, 3])
    before = [array.copy() for net in members for array in net.parameters()]
    joined = committee(members)
    for array in joined.parameters():
        array += 1
    joined.sizes.append(9)
    after = [array for net in members for array in net.parameters()]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(after, before, strict=True))
    assert len(members) == 3 and all(net.sizes == [4, 5, 2, 3] for net in members)
    committee(members[:1]).weights[0][:] = 7
    assert not np.any(members[0].weights[0] == 7)


KIND = {"sizes": [4, 5, 3], "output": "sigmoid", "loss": "binary_cross_entropy"}


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": [4, 6, 3]},
        {"sizes": [5, 5, 3]},
        {"sizes": [4, 5, 2]},
        {"sizes": [4, 5, 5, 3]},
        {"sizes": [4, 3]},
        {"activation": "tanh"},
        {"output": "softmax"},
        {"output": "softmax", "loss": "cross_entropy"},
        {"dtype": "float64"},
    ],
)
def test_a_committee_of_different_kinds_is_refused(change):
    usual, other = Network(**KIND), Network(**(KIND | change))
    for members in ([usual, other], [other, usual], [usual, usual, other]):
        with pytest.raises(ValueError, match="^networks must be one or more of the same kind, not "):
            committee(members)


@pytest.mark.parametrize("nobody", [[], (), iter([])])
def test_a_committee_of_nobody_is_refused(nobody):
    with pytest.raises(ValueError, match="^networks must be one or more"):
        committee(nobody)


def test_a_committees_loss_is_one_of_its_kind():
    """Softmax goes with two losses, and its members may differ in that alone."""
    members = [Network([4, 3], loss=loss) for loss in ("cross_entropy", "binary_cross_entropy")]
    with pytest.raises(ValueError, match="^networks must be"):
        committee(members)


# ----------------------------------------------------------------------------------------------- bad input


@pytest.fixture
def net():
    return some_network([4, 3, 10])


GOOD_X = np.linspace(0, 1, 20).reshape(5, 4)
FIRST_BAD = "^X holds NaN or infinity; the first row that does is row "
GOOD_Y = np.array([0, 1, 2, 3, 9])


@pytest.mark.parametrize(
    "X, words",
    [
        (np.zeros((5, 3)), r"X must have shape \(m, 4\).*\(5, 3\)"),
        (np.zeros((4, 5)), r"X must have shape \(m, 4\).*\(4, 5\)"),
        (np.zeros(4), r"X must have shape \(m, 4\)"),
        (np.zeros((5, 2, 2)), r"X must have shape \(m, 4\)"),
        (np.zeros((0, 4)), r"X must have shape \(m, 4\) with m ≥ 1"),
        (np.full((5, 4), 255, np.uint8), "X holds uint8.*X / 255"),
        (np.ones((5, 4), int), "X holds int64.*X / 255"),
        (np.ones((5, 4), bool), "X holds bool"),
        (
            np.array([[0.0] * 4] * 4 + [[0, 0, np.nan, 0]]),
            FIRST_BAD + "4$",
        ),
        (
            np.array([[0.0] * 4, [np.inf, 0, 0, 0]] + [[0, 0, 0, -np.inf]] * 3),
            FIRST_BAD + "1$",
        ),
    ],
)
def test_bad_X(net, X, words):
    for call in (net.forward, net.activations, net.predict, net.predict_proba):
        with pytest.raises(ValueError, match=words):
            call(X)
    for call in (net.loss_and_gradients, net.loss, net.accuracy, net.evaluate):
        with pytest.raises(ValueError, match=words):
            call(X, GOOD_Y[: len(X)] if np.ndim(X) > 1 else GOOD_Y)


@pytest.mark.parametrize("row", [1999, 2000, 2001, 4500])
def test_bad_X_beyond_the_first_chunk(net, row):
    """What predicts does so a chunk at a time; the row named counts in the whole array."""
    X, y = np.zeros((4600, 4)), np.zeros(4600, int)
    X[[row, 4550], 1] = np.nan
    for call in (net.predict, net.predict_proba, net.forward):
        with pytest.raises(ValueError, match=f"^X holds NaN or infinity; the first row that does is row {row}$"):
            call(X)
    for call in (net.loss, net.evaluate, net.accuracy, net.loss_and_gradients):
        with pytest.raises(ValueError, match=f"^X holds NaN or infinity; the first row that does is row {row}$"):
            call(X, y)


def test_a_dataset_is_not_X(net):
    data = Dataset(GOOD_X, GOOD_Y)
    for call in (net.forward, net.activations, net.predict, net.predict_proba):
        with pytest.raises(TypeError, match="^X is a Dataset; give its .images$"):
            call(data)
    for call in (net.loss_and_gradients, net.loss, net.accuracy, net.evaluate):
        with pytest.raises(TypeError, match="^X is a Dataset; give its .images$"):
            call(data, GOOD_Y)


def test_X_too_large_for_the_network(net):
    """Finite in float64, infinite in the network's float32; and no warning of NumPy's before the error."""
    with (
        np.errstate(all="raise"),
        pytest.raises(ValueError, match=FIRST_BAD + "0$"),
    ):
        net.forward(GOOD_X * 1e300)
    assert np.isfinite(some_network([4, 3, 10], dtype="float64").forward(GOOD_X * 1e300)).all()


BAD_Y = [
    (GOOD_Y[:4], r"y must have shape \(5,\).*\(4,\)"),
    (np.array([0, 1, 2, 3, 10]), "^y must be from 0 to 9; these labels go from 0 to 10$"),
    (np.array([0, 1, 2, 3, -1]), "^y must be from 0 to 9; these labels go from -1 to 3$"),
    (GOOD_Y.astype(float), "^y must be integers.*float64"),
    (GOOD_Y == 0, "^y must be integers.*bool"),
    (np.array(3), "y must have shape"),
    (np.zeros((5, 9)), r"y must be labels.*\(5, 10\).*\(5, 9\)"),
    (np.zeros((4, 10)), r"y must be labels.*\(4, 10\)"),
    (GOOD_Y[:, None], r"y must be labels.*\(5, 1\)"),
    (np.zeros((5, 10, 1)), "y must have shape"),
    (np.full((5, 10), np.nan), "^y holds NaN or infinity$"),
    (np.where(np.eye(10)[GOOD_Y] > 0, -np.inf, 0), "^y holds NaN or infinity$"),
]


@pytest.mark.parametrize("y, words", BAD_Y)
def test_bad_y(net, y, words):
    for call in (net.loss_and_gradients, net.loss):
        with pytest.raises(ValueError, match=words):
            call(GOOD_X, y)
    with pytest.raises(ValueError):
        net.evaluate(GOOD_X, y)


@pytest.mark.parametrize("y", [GOOD_Y[:4], GOOD_Y[:, None], np.eye(10)[GOOD_Y], 3])
def test_accuracy_wants_one_label_a_row(net, y):
    with pytest.raises(ValueError, match=r"y must have shape \(5,\)"):
        net.accuracy(GOOD_X, y)


@pytest.mark.parametrize(
    "y, words",
    [
        (GOOD_Y + 1, "from 0 to 9; these labels go from 1 to 10"),
        (GOOD_Y - 1, "from 0 to 9; these labels go from -1 to 8"),
        (GOOD_Y + 0.5, "integers"),
        (GOOD_Y.astype(float), "integers"),
        (GOOD_Y > 0, "integers"),
    ],
)
def test_accuracy_wants_labels_of_the_network(net, y, words):
    for call in (net.accuracy, net.evaluate):
        with pytest.raises(ValueError, match=f"^y must be {words}"):
            call(GOOD_X, y)


@pytest.mark.parametrize("weight_decay", [-1e-9, -1, math.nan, math.inf])
def test_bad_weight_decay(net, weight_decay):
    for call in (net.loss_and_gradients, net.loss, net.evaluate):
        with pytest.raises(ValueError, match="weight_decay must be at least 0"):
            call(GOOD_X, GOOD_Y, weight_decay)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"activation": "ReLU"}, "activation='ReLU' is unknown.*'relu', 'sigmoid', 'tanh'"),
        ({"activation": None}, "activation"),
        ({"output": "linear"}, "output='linear' is unknown.*'softmax'"),
        ({"loss": "squared"}, "loss='squared' is unknown.*'cross_entropy'"),
        ({"output": "sigmoid"}, "does not go with output='sigmoid'.*binary_cross_entropy"),
        ({"initialization": "He"}, "initialization='He' is unknown.*'he'"),
        ({"initialization": -0.1}, "initialization must be at least 0"),
        ({"initialization": math.nan}, "initialization must be at least 0"),
        ({"initialization": math.inf}, "initialization must be at least 0"),
        ({"dtype": "float16"}, "dtype='float16' is unknown.*'float32'"),
        ({"dtype": "int64"}, "dtype='int64' is unknown"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(ValueError, match=words):
        Network([4, 3, 2], **settings)


def test_misspelt_dtype():
    with pytest.raises(ValueError, match="dtype='flaot32' is unknown"):
        Network([4, 3, 2], dtype="flaot32")


@pytest.mark.parametrize("sizes", [[], [4], [4, 0, 2], [4, -3, 2], [4, 3.0, 2], [4, "3", 2], "784", [[4, 3], 2]])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="sizes must be two or more whole numbers"):
        Network(sizes)


def test_labels_in_place_of_targets_are_refused_by_backward():
    net, y = Network([5, 4, 3], dtype="float64"), np.array([0, 1, 2])
    activations = net.activations(
        np.random.default_rng(0).random((3, 5))
    )  # as many rows as classes: it would broadcast
    with pytest.raises(ValueError, match=r"^Y must be targets of shape \(3, 3\), as one_hot makes them, not \(3,\)$"):
        net.backward(activations, y)


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((5,), "not (5,); one example alone is X[np.newaxis]"),
        ((3, 1, 5), "; pictures become rows by X.reshape(len(X), -1)"),
    ],
)
def test_the_usual_wrong_shapes_come_with_their_remedy(shape, remedy):
    with pytest.raises(ValueError) as caught:
        Network([5, 3]).predict(np.zeros(shape))
    assert str(caught.value).endswith(remedy)


def test_a_wrong_argument_of_many_numbers_fills_no_screen():
    net = Network([784, 100, 10])
    with pytest.raises(TypeError, match="flat list of arrays, in the order of net.parameters") as caught:
        SGD(0.1).step(net.parameters(), list(zip(net.weights, net.biases, strict=True)))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.weights.__setitem__(0, np.zeros((5, 4))),  # float64 in place of float32
        lambda net: net.weights.__setitem__(1, np.zeros((4, 2), "f4")),
        lambda net: net.biases.__setitem__(0, np.array([None] * 4)),
    ],
)
def test_a_network_that_could_not_be_loaded_replaces_no_file(tmp_path, change):
    net, path = Network([5, 4, 3]), tmp_path / "net.npz"
    net.save(path)
    before = path.read_bytes()
    change(net)
    with pytest.raises(ValueError, match=r"^(W1|W2|b1) must be float32 .*: not saved$"):
        net.save(path)
    assert path.read_bytes() == before and Network.load(path).sizes == [5, 4, 3]
    assert list(tmp_path.iterdir()) == [path]


def test_a_wrong_width_is_named_with_all_rows():
    with pytest.raises(ValueError, match=r"not \(5000, 4\)$"):
        Network([5, 3]).predict(np.zeros((5000, 4)))
