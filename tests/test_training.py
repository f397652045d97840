"""training: fit against gradient descent written out here; the same run twice; stopping, resuming, refusing."""

import dataclasses
import io
import math
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress

import numpy as np
import pytest
import threadpoolctl
from stop_button import pressed_at_line

from mnist_scratch import (
    SGD,
    AveragedSGD,
    CosineSchedule,
    Dataset,
    Distortion,
    History,
    Network,
    StepSchedule,
    fit,
    training,
)

M = 23  # a prime: the last mini-batch is always a smaller one
PER_EPOCH = ["train_loss", "penalty", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate"]


def some_data(m=M, seed=0):
    rng = np.random.default_rng(seed)
    return Dataset(rng.standard_normal((m, 5)), rng.integers(0, 3, m))


def some_network(**settings):
    return Network([5, 4, 3], **({"dtype": "float64", "seed": 1} | settings))


def quiet(net, data, **settings):
    try:
        return fit(net, data, **({"epochs": 3, "batch_size": 5, "progress": False} | settings))
    except KeyboardInterrupt:  # let through, it would end the whole test run
        pytest.fail("the stop button was not caught")


def same(one, two):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one.parameters(), two.parameters(), strict=True))


LISTS = [*PER_EPOCH, "seconds"]


def recorded(history):
    return {name: getattr(history, name) for name in [*PER_EPOCH, "batch_loss", "stopped"]}


# ------------------------------------------------------------------------- descent written out, for 5-4-3 relu


def by_hand(net, X, y, weight_decay=0.0, label_smoothing=0.0):
    """Data loss, penalty, accuracy and the four gradients of a network with one hidden layer and three classes."""
    (W1, W2), (b1, b2) = net.weights, net.biases
    m = len(X)
    H = (X @ W1 + b1).clip(0)
    E = np.exp(H @ W2 + b2)
    P = E / E.sum(axis=1)[:, None]
    targets = [[(1 - label_smoothing) * (k == y[i]) + label_smoothing / 3 for k in range(3)] for i in range(m)]
    data = -sum(targets[i][k] * math.log(P[i, k]) for i in range(m) for k in range(3)) / m
    penalty = weight_decay / 2 * sum(float(w) ** 2 for W in (W1, W2) for w in W.ravel())
    D = (P - targets) / m
    back = np.einsum("ik,jk->ij", D, W2) * (H > 0)
    gradients = [
        np.einsum("ij,ik->jk", X, back) + weight_decay * W1,
        back.sum(axis=0),
        np.einsum("ij,ik->jk", H, D) + weight_decay * W2,
        D.sum(axis=0),
    ]
    accuracy = sum(P[i].argmax() == y[i] for i in range(m)) / m
    return data, penalty, accuracy, gradients


def descend(net, data, epochs, batch_size, eta, weight_decay, seed, momentum=0.0, label_smoothing=0.0, augment=None):
    """The whole of fit, for a net of one hidden layer; returns the losses of the batches."""
    velocity = [0.0] * 4
    losses = []
    for epoch in range(epochs):
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(data)) if batch_size < len(data) else np.arange(len(data))
        for start in range(0, len(data), batch_size):
            rows = order[start : start + batch_size]
            X = data.images[rows] if augment is None else augment(data.images[rows], rng)
            loss, _, _, gradients = by_hand(net, X, data.labels[rows], weight_decay, label_smoothing)
            losses.append(loss)
            velocity = [momentum * v + g for v, g in zip(velocity, gradients, strict=True)]
            for parameter, v in zip(net.parameters(), velocity, strict=True):
                parameter -= eta * v
    return losses


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("batch_size", [M, 5, 1])
def test_fit_is_descent_written_out(batch_size, weight_decay, momentum):
    data = some_data()
    net, slow = some_network(), some_network()
    history = quiet(
        net, data, batch_size=batch_size, weight_decay=weight_decay, optimizer=SGD(0.2, momentum=momentum), seed=7
    )
    losses = descend(slow, data, 3, batch_size, 0.2, weight_decay, 7, momentum)
    assert history.batch_loss == pytest.approx(losses, rel=1e-9)
    assert len(losses) == 3 * math.ceil(M / batch_size)
    for a, b in zip(net.parameters(), slow.parameters(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_history_says_what_was_so_at_the_end_of_each_epoch():
    train, validation = some_data(), some_data(11, seed=5)
    history = quiet(
        some_network(),
        train,
        validation=validation,
        weight_decay=0.1,
        seed=3,
        optimizer=SGD(StepSchedule(0.5, (2,), factor=0.5)),
    )
    assert history.epochs == 3 and history.stopped == "" and not history.diverged
    slow = some_network()
    for epoch in range(4):
        if epoch:
            order = np.random.default_rng([3, epoch - 1]).permutation(M)
            for rows in np.split(order, [5, 10, 15, 20]):
                gradients = by_hand(slow, train.images[rows], train.labels[rows], 0.1)[3]
                for parameter, g in zip(slow.parameters(), gradients, strict=True):
                    parameter -= (0.5 if epoch < 3 else 0.25) * g
        loss, penalty, accuracy, _ = by_hand(slow, train.images, train.labels, 0.1)
        assert history.train_loss[epoch] == pytest.approx(loss, rel=1e-9)
        assert history.penalty[epoch] == pytest.approx(penalty, rel=1e-9)
        assert history.train_accuracy[epoch] == pytest.approx(accuracy, abs=1e-12)
        loss, _, accuracy, _ = by_hand(slow, validation.images, validation.labels)
        assert history.validation_loss[epoch] == pytest.approx(loss, rel=1e-9)
        assert history.validation_accuracy[epoch] == pytest.approx(accuracy, abs=1e-12)
    assert history.learning_rate == [0.5, 0.5, 0.25, 0.25]
    assert all(len(getattr(history, name)) == 4 for name in PER_EPOCH) and len(history.seconds) == 4
    assert history.seconds[0] == 0 and history.seconds == sorted(history.seconds)
    assert len(history.batch_loss) == 15


def test_without_validation_its_lists_are_empty():
    history = quiet(some_network(), some_data())
    assert history.validation_loss == history.validation_accuracy == []


def test_no_epochs_is_a_measurement():
    net = some_network()
    history = quiet(net, some_data(), epochs=0)
    assert same(net, some_network()) and history.epochs == 0 and len(history.train_loss) == 1
    assert History().epochs == 0


class Watched(Network):
    """Writes down which rows each step was given."""

    def backward(self, activations, Y, weight_decay=0.0):
        self.seen.append(activations[0][:, 0].tolist())
        return super().backward(activations, Y, weight_decay)


def test_order_of_the_examples():
    data = some_data()
    net = Watched([5, 3], dtype="float64")
    net.seen = []
    quiet(net, data, epochs=2, seed=11)
    expected = []
    for epoch in (0, 1):
        order = np.random.default_rng([11, epoch]).permutation(M)
        expected += [data.images[order[start : start + 5], 0].tolist() for start in (0, 5, 10, 15, 20)]
    assert net.seen == expected


@pytest.mark.parametrize("batch_size", [5, M])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_shuffling_the_batches_are_consecutive_slices(dtype, batch_size):
    data = some_data()
    net, slow = some_network(dtype=dtype), some_network(dtype=dtype)
    history = quiet(net, data, shuffle=False, batch_size=batch_size, weight_decay=0.1, optimizer=SGD(0.2), seed=7)
    losses, eta = [], np.dtype(dtype).type(0.2)
    for _ in range(3):
        for start in range(0, M, batch_size):
            rows = slice(start, start + batch_size)
            loss, gradients = slow.loss_and_gradients(data.images[rows], data.labels[rows], 0.1)
            losses.append(loss.data)
            for parameter, gradient in zip(slow.parameters(), [a for pair in gradients for a in pair], strict=True):
                parameter -= eta * gradient
    assert same(net, slow) and history.batch_loss == losses
    shuffled = some_network(dtype=dtype)
    quiet(shuffled, data, batch_size=batch_size, weight_decay=0.1, optimizer=SGD(0.2), seed=7)
    assert same(net, shuffled) == (batch_size == M)  # a full batch has no order


def test_without_shuffling_the_seed_plays_no_part_and_resuming_changes_nothing():
    one, two = some_network(), some_network()
    quiet(one, some_data(), shuffle=False, seed=1)
    history = quiet(two, some_data(), shuffle=False, seed=2, epochs=1)
    quiet(two, some_data(), shuffle=False, seed=3, resume=history)
    assert same(one, two)


# --------------------------------------------------------------------------------------------- repeatable


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_seed_same_run(dtype):
    def run(seed):
        net = some_network(dtype=dtype)
        history = quiet(net, some_data(), validation=some_data(9, 1), seed=seed, optimizer=SGD(0.3, momentum=0.9))
        assert {a.dtype for a in (*net.parameters(), *history.velocity)} == {np.dtype(dtype)}
        return net, recorded(history)

    (one, first), (two, second), (three, third) = run(0), run(0), run(1)
    assert same(one, two) and first == second
    assert not same(one, three) and first["train_loss"][1:] != third["train_loss"][1:]


def test_fit_does_not_touch_the_data_or_numpys_global_state():
    data = some_data()
    images, labels = data.images.copy(), data.labels.copy()
    before = str(np.random.get_state())  # noqa: NPY002
    quiet(some_network(), data)
    assert str(np.random.get_state()) == before  # noqa: NPY002
    assert np.array_equal(data.images, images) and np.array_equal(data.labels, labels)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.2),
        SGD(CosineSchedule(0.3, epochs=6), momentum=0.9),
        SGD(CosineSchedule(0.3, epochs=6), momentum=0.9, nesterov=True, clip_norm=1.0),
    ],
)
def test_resumed_run_equals_the_unbroken_one(optimizer):
    settings = {"validation": some_data(9, 1), "optimizer": optimizer, "weight_decay": 0.01, "seed": 4}
    whole = some_network()
    unbroken = quiet(whole, some_data(), epochs=6, **settings)
    net = some_network()
    history = quiet(net, some_data(), epochs=1, **settings)
    for epochs in (3, 3, 6):
        history = quiet(net, some_data(), epochs=epochs, resume=history, **settings)
        assert history.epochs == epochs
    assert same(whole, net) and recorded(history) == recorded(unbroken)
    assert len(history.seconds) == 7
    assert all(np.array_equal(a, b) for a, b in zip(history.velocity, unbroken.velocity, strict=True))


def test_resume_from_files(tmp_path):
    whole = some_network(dtype="float32")
    quiet(whole, some_data(), epochs=4)
    net = some_network(dtype="float32")
    history = quiet(net, some_data(), epochs=2)
    net.save(tmp_path / "half.npz")
    again = Network.load(tmp_path / "half.npz")
    quiet(again, some_data(), epochs=4, resume=history)
    assert same(whole, again)


# ------------------------------------------------------------------------------- smoothed labels, distorted images


def shaken(X, rng):
    """To augment with: other images, a little different in every draw."""
    return X + 0.3 * rng.standard_normal(X.shape)


class Recorder:
    """Augments as a function does, and writes down what it was given: images, and the next draws of the generator."""

    def __init__(self, augment=lambda X, rng: X.copy()):
        self.augment, self.images, self.draws = augment, [], []

    def __call__(self, X, rng):
        self.images.append(X.copy())
        self.draws.append(rng.random(3).tolist())
        return self.augment(X, rng)


@pytest.mark.parametrize("label_smoothing", [0.1, 0.75])
@pytest.mark.parametrize("augment", [None, shaken], ids=["as they are", "shaken"])
@pytest.mark.parametrize("batch_size", [M, 5])
def test_fit_with_smoothed_labels_and_other_images_is_descent_written_out(batch_size, augment, label_smoothing):
    data, more = some_data(), {"label_smoothing": label_smoothing, "augment": augment}
    net, slow = some_network(), some_network()
    history = quiet(
        net, data, batch_size=batch_size, weight_decay=0.1, optimizer=SGD(0.2, momentum=0.5), seed=7, **more
    )
    losses = descend(slow, data, 3, batch_size, 0.2, 0.1, 7, 0.5, **more)
    assert history.batch_loss == pytest.approx(losses, rel=1e-9)
    for a, b in zip(net.parameters(), slow.parameters(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


class Targets(Network):
    """Writes down the targets of each step."""

    def backward(self, activations, Y, weight_decay=0.0):
        self.seen.append(Y.copy())
        return super().backward(activations, Y, weight_decay)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("part", [0, 0.1, 0.5, np.float64(0.9)])
def test_smoothed_targets(dtype, part):
    data = some_data()
    net = Targets([5, 3], dtype=dtype)
    net.seen = []
    quiet(net, data, epochs=1, shuffle=False, label_smoothing=part)
    targets = np.concatenate(net.seen)
    assert targets.dtype == dtype and targets.shape == (M, 3)
    for row, label in zip(targets, data.labels, strict=True):
        expected = [part / 3 + (1 - part if k == label else 0) for k in range(3)]
        assert row.tolist() == pytest.approx(expected, rel=1e-6)
    assert targets.sum(axis=1) == pytest.approx(1, rel=1e-6)


def test_labels_are_smoothed_for_training_and_not_for_measuring():
    train, validation = some_data(), some_data(11, seed=5)
    net = some_network()
    history = quiet(net, train, validation=validation, label_smoothing=0.4, epochs=2, optimizer=SGD(0.5))
    for data, losses, accuracies in (
        (train, history.train_loss, history.train_accuracy),
        (validation, history.validation_loss, history.validation_accuracy),
    ):
        loss, _, accuracy, _ = by_hand(net, data.images, data.labels)
        assert losses[-1] == pytest.approx(loss, rel=1e-9) and accuracies[-1] == pytest.approx(accuracy, abs=1e-12)


def test_smoothing_keeps_a_network_from_certainty():
    """The best it can do is to say the smoothed targets themselves: 0.7 + 0.1 for the class of each example."""
    data = Dataset(np.eye(3), np.arange(3))
    net = Network([3, 3], dtype="float64")
    quiet(net, data, epochs=3000, batch_size=3, label_smoothing=0.3, optimizer=SGD(1.0))
    np.testing.assert_allclose(net.predict_proba(np.eye(3)), 0.7 * np.eye(3) + 0.1, atol=1e-6)


@pytest.mark.parametrize("settings", [{"label_smoothing": 0}, {"augment": None}, {"augment": lambda X, rng: X}])
def test_nothing_smoothed_and_nothing_distorted_is_the_run_without(settings):
    one, two = some_network(dtype="float32"), some_network(dtype="float32")
    first, second = quiet(one, some_data()), quiet(two, some_data(), **settings)
    assert same(one, two) and recorded(first) == recorded(second)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [5, M])
def test_augment_is_called_once_a_step_with_the_images_of_the_batch(batch_size, shuffle):
    data = some_data()
    recorder = Recorder()
    history = quiet(some_network(), data, seed=11, epochs=2, batch_size=batch_size, shuffle=shuffle, augment=recorder)
    images, draws = [], []
    for epoch in (0, 1):
        rng = np.random.default_rng([11, epoch])
        order = rng.permutation(M) if shuffle and batch_size < M else np.arange(M)
        for start in range(0, M, batch_size):
            images.append(data.images[order[start : start + batch_size]])
            draws.append(rng.random(3).tolist())
    assert len(recorder.images) == len(images) == len(history.batch_loss)
    assert all(np.array_equal(a, b) for a, b in zip(recorder.images, images, strict=True))
    assert recorder.draws == draws and len({tuple(numbers) for numbers in draws}) == len(draws)


def test_draws_depend_on_seed_and_epoch_and_on_nothing_else():
    def draws(net=None, data=None, seed=3, **settings):
        recorder = Recorder()
        quiet(net or some_network(), data or some_data(), seed=seed, augment=recorder, **settings)
        return recorder.draws

    expected = draws()
    np.random.seed(99)  # noqa: NPY002
    assert draws(net=some_network(seed=8)) == draws(data=some_data(seed=8)) == expected
    assert draws(optimizer=AveragedSGD(0.3), label_smoothing=0.2, weight_decay=0.1, epochs=2) == expected[:10]
    assert draws(validation=some_data(9, 1)) == expected
    assert not {tuple(numbers) for numbers in draws(seed=4)} & {tuple(numbers) for numbers in expected}


def test_the_network_is_trained_on_what_augment_returns():
    net = Watched([5, 3], dtype="float64")
    net.seen, returned = [], []

    def augment(X, rng):
        returned.append(rng.random(X.shape))
        return returned[-1]

    quiet(net, some_data(), augment=augment)
    assert net.seen == [X[:, 0].tolist() for X in returned] and len(returned) == 15


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("returned", ["float32", "float64", "int64"])
def test_what_augment_returns_is_computed_in_the_networks_numbers(dtype, returned):
    seen = []

    class Types(Network):
        def _activations(self, A):
            seen.append(A.dtype)
            return super()._activations(A)

    net = Types([5, 4, 3], dtype=dtype)
    history = quiet(net, some_data(), augment=lambda X, rng: (3 * X).astype(returned), optimizer=AveragedSGD(0.1))
    assert set(seen) == {np.dtype(dtype)} and {a.dtype for a in history.velocity[:-1]} == {np.dtype(dtype)}


@pytest.mark.parametrize("optimizer", [SGD(0.3, momentum=0.5), AveragedSGD(0.3, momentum=0.5, averaging=0.8)])
def test_measured_are_the_images_as_they_are_and_the_averaged_network(optimizer):
    train, validation = some_data(), some_data(11, seed=5)
    net = some_network()
    rows, differ = [], []

    def watch(history):
        averaged = optimizer.result(net, history.velocity)
        rows.append([by_hand(averaged, data.images, data.labels, 0.1)[:3] for data in (train, validation)])
        differ.append(not same(net, averaged))

    history = quiet(
        net,
        train,
        validation=validation,
        optimizer=optimizer,
        weight_decay=0.1,
        epochs=5,
        label_smoothing=0.2,
        augment=lambda X, rng: rng.standard_normal(X.shape),
        on_epoch=watch,
    )
    assert differ == [isinstance(optimizer, AveragedSGD)] * 5
    for epoch, ((loss, penalty, accuracy), (held_out_loss, _, held_out_accuracy)) in enumerate(rows, start=1):
        assert history.train_loss[epoch] == pytest.approx(loss, rel=1e-9)
        assert history.penalty[epoch] == pytest.approx(penalty, rel=1e-9)
        assert history.train_accuracy[epoch] == pytest.approx(accuracy, abs=1e-12)
        assert history.validation_loss[epoch] == pytest.approx(held_out_loss, rel=1e-9)
        assert history.validation_accuracy[epoch] == pytest.approx(held_out_accuracy, abs=1e-12)


def test_averaging_leaves_the_descent_itself_as_it_is():
    one, two = some_network(), some_network()
    first = quiet(one, some_data(), epochs=6, optimizer=SGD(0.3, momentum=0.5))
    second = quiet(two, some_data(), epochs=6, optimizer=AveragedSGD(0.3, momentum=0.5))
    assert same(one, two) and first.batch_loss == second.batch_loss and first.train_loss != second.train_loss
    assert second.velocity[-1] == 30


EVERYTHING = {
    "optimizer": AveragedSGD(CosineSchedule(0.3, epochs=6), momentum=0.9, averaging=0.6),
    "label_smoothing": 0.1,
    "augment": shaken,
    "weight_decay": 0.01,
    "validation": some_data(9, 1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_seed_same_run_with_everything(dtype):
    def run(seed):
        net = some_network(dtype=dtype)
        return net, quiet(net, some_data(), seed=seed, **EVERYTHING)

    (one, first), (two, second), (three, third) = run(0), run(0), run(1)
    assert same(one, two) and recorded(first) == recorded(second)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first.velocity, second.velocity, strict=True))
    assert not same(one, three) and first.batch_loss != third.batch_loss


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("stops", [(1, 3, 3, 6), (2, 6), (0, 5, 6)])
def test_resumed_run_equals_the_unbroken_one_with_everything(dtype, shuffle, stops):
    """Five steps an epoch, so that an average that is taken every tenth is now and then half way to the next."""
    settings = EVERYTHING | {"seed": 4, "shuffle": shuffle}
    whole, net, history = some_network(dtype=dtype), some_network(dtype=dtype), None
    unbroken = quiet(whole, some_data(), epochs=6, **settings)
    for epochs in stops:
        history = quiet(net, some_data(), epochs=epochs, resume=history, **settings)
    assert same(whole, net) and recorded(history) == recorded(unbroken)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(history.velocity, unbroken.velocity, strict=True))
    averaged = [EVERYTHING["optimizer"].result(n, h.velocity) for n, h in ((whole, unbroken), (net, history))]
    assert same(*averaged) and not same(averaged[0], whole)


def test_a_distortion_is_made_to_augment(mnist):
    data, before = mnist.train[:60], mnist.train.images[:60].copy()
    one, two, plain = (Network([784, 8, 10], seed=1) for _ in range(3))
    settings = {"batch_size": 20, "epochs": 2}
    first = quiet(one, data, augment=Distortion(translate=2, elastic=1), **settings)
    second = quiet(two, data, augment=Distortion(translate=2, elastic=1), **settings)
    quiet(plain, data, **settings)
    assert same(one, two) and recorded(first) == recorded(second) and not same(one, plain)
    assert np.array_equal(data.images, before)


@pytest.mark.parametrize("batch_size", [5, 1])
@pytest.mark.parametrize(
    "augment",
    [
        lambda X, rng: X[:, :4],
        lambda X, rng: X[:0],
        lambda X, rng: np.concatenate([X, X]),  # a batch of 1 would be broadcast to a step that nobody meant
        lambda X, rng: np.concatenate([X, X], axis=1),
        lambda X, rng: X.ravel(),
        lambda X, rng: X[:, None],
        lambda X, rng: None,
    ],
)
def test_other_shapes_from_augment_are_an_error_and_no_step(augment, batch_size):
    net = some_network()
    words = rf"^augment must return images of the shape that it was given, \({batch_size}, 5\), not "
    with pytest.raises(ValueError, match=words):
        quiet(net, some_data(), augment=augment, batch_size=batch_size)
    assert same(net, some_network())


@pytest.mark.parametrize(
    "settings, error",
    [
        ({"label_smoothing": 1.0}, ValueError),
        ({"weight_decay": -1}, ValueError),
        ({"augment": 0.5}, TypeError),
        ({"optimizer": AveragedSGD(0.1)}, ValueError),
    ],
)
def test_bad_arguments_leave_a_history_that_is_to_go_on(settings, error):
    net = some_network()
    history = quiet(net, some_data(), epochs=3, on_epoch=lambda history: True)
    before, lists = net.copy(), recorded(history)
    assert "stopped by on_epoch" in lists["stopped"]
    with pytest.raises(error):
        quiet(net, some_data(), epochs=3, resume=history, **settings)
    assert same(net, before) and recorded(history) == lists


def test_an_error_in_augment_comes_through_and_nan_from_it_is_named():
    with pytest.raises(ZeroDivisionError):
        quiet(some_network(), some_data(), augment=lambda X, rng: 1 / 0)
    net = some_network()
    history = quiet(net, some_data(), augment=lambda X, rng: X * np.nan)
    assert history.diverged and "epoch 1, step 1:" in history.stopped and same(net, some_network())


# ------------------------------------------------------------------------------------------------ stopping


class Poisoned(Network):
    """Its loss is NaN from the n-th step on."""

    def _data_loss_and_gradients(self, X, Y, weight_decay):
        self.steps = getattr(self, "steps", 0) + 1
        loss, gradients = super()._data_loss_and_gradients(X, Y, weight_decay)
        if self.steps >= self.n:
            loss, gradients = math.nan, [(dW * np.nan, db * np.nan) for dW, db in gradients]
        return loss, gradients


def test_divergence_names_epoch_step_and_rate():
    net = Poisoned([5, 3], dtype="float64")
    net.n = 13  # five steps an epoch: epoch 3, step 3
    schedule = CosineSchedule(0.5, 4)
    history = quiet(net, some_data(), epochs=9, optimizer=SGD(schedule, momentum=0.9))
    assert history.diverged and net.steps == 13
    assert "epoch 3" in history.stopped and "step 3" in history.stopped
    assert f"learning rate {schedule(2.4):g}" in history.stopped and "smaller" in history.stopped
    assert history.epochs == 2 and len(history.train_loss) == 3 and len(history.batch_loss) == 12
    assert all(map(math.isfinite, history.train_loss + history.batch_loss))
    assert all(np.isfinite(a).all() for a in (*net.parameters(), *history.velocity))  # the bad step was not taken


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(
    "output, loss",
    [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("softmax", "binary_cross_entropy")],
)
@pytest.mark.parametrize("dtype, rate", [("float32", 1e30), ("float64", 1e200)])
def test_real_divergence_without_warnings(activation, output, loss, dtype, rate):
    net = some_network(activation=activation, output=output, loss=loss, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = quiet(net, some_data(), epochs=50, weight_decay=0.1, optimizer=SGD(rate), validation=some_data(9, 1))
    assert history.diverged and history.epochs < 50
    assert f"{rate:g}" in history.stopped and f"epoch {history.epochs + 1}" in history.stopped
    assert len({len(getattr(history, name)) for name in [*PER_EPOCH, "seconds"]}) == 1


def test_divergence_in_the_very_last_step():
    net = some_network(dtype="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = quiet(net, some_data(), epochs=1, batch_size=M, weight_decay=0.1, optimizer=SGD(1e30))
    assert np.square(net.weights[0], dtype=float).sum() > 1e38  # it did diverge: the penalty is beyond float32
    assert history.diverged and "diverged in epoch 1, step 1:" in history.stopped and "1e+30" in history.stopped
    assert history.epochs == 0 and {len(getattr(history, name)) for name in [*PER_EPOCH, "seconds"]} == {0, 1}
    assert math.isfinite(history.train_loss[0] + history.penalty[0]) and len(history.batch_loss) == 1


def test_divergence_in_the_last_step_of_an_epoch_leaves_no_row():
    called = []
    net = some_network(dtype="float32")
    history = quiet(
        net,
        some_data(),
        epochs=4,
        weight_decay=0.1,
        validation=some_data(9, 1),
        optimizer=SGD(lambda epoch: 1e30 if epoch >= 1.8 else 0.1),  # five steps an epoch: from epoch 2, step 5
        on_epoch=lambda history: called.append(history.epochs),
    )
    assert history.diverged and "diverged in epoch 2, step 5:" in history.stopped and "1e+30" in history.stopped
    assert history.epochs == 1 and called == [1]
    assert {len(getattr(history, name)) for name in [*PER_EPOCH, "seconds"]} == {2}
    assert all(math.isfinite(v) for name in PER_EPOCH for v in getattr(history, name))
    assert len(history.batch_loss) == 10 and all(map(math.isfinite, history.batch_loss))


def test_weights_that_are_spoilt_already_are_not_blamed_on_the_learning_rate():
    net, data = some_network(), Dataset(np.random.default_rng(0).random((40, 5)), np.arange(40) % 3)
    net.weights[0][0, 0] = np.nan
    history = quiet(net, data, epochs=1, optimizer=SGD(0.1))
    assert history.diverged and history.stopped.startswith("the loss is nan before the first step. Try a new Network")
    assert history.epochs == 0 and history.batch_loss == []


def test_large_inputs_are_named_when_they_make_it_diverge():
    bytes_as_fractions = Dataset(np.random.default_rng(0).integers(0, 256, (40, 5)).astype("f4"), np.arange(40) % 3)
    bytes_as_fractions.images[0, 0] = 255
    history = quiet(some_network(dtype="float32"), bytes_as_fractions, epochs=300, optimizer=SGD(1e20))
    assert history.diverged and "smaller inputs: they go up to 255" in history.stopped
    assert "learning rate 1e+20" in history.stopped  # where it stands, as ever
    scaled = Dataset(bytes_as_fractions.images / 255, bytes_as_fractions.labels)
    history = quiet(some_network(dtype="float32"), scaled, epochs=300, optimizer=SGD(1e38), weight_decay=0.1)
    assert history.diverged and "a smaller learning rate" in history.stopped and "inputs" not in history.stopped


def test_diverged_is_a_field_of_its_own():
    assert "diverged" in {field.name for field in dataclasses.fields(History)} and History().diverged is False
    assert History(diverged=True).diverged
    assert quiet(some_network(), some_data(), on_epoch=lambda history: True).diverged is False
    net = Poisoned([5, 3], dtype="float64")
    net.n = 7
    history = quiet(net, some_data())
    assert history.diverged is True
    net.n = 10**9
    assert quiet(net, some_data(), resume=history).diverged is False and history.stopped == ""


def test_numpys_numbers_are_as_good_as_pythons():
    """A NumPy scalar must not turn float32 arithmetic into float64."""

    def run(number):
        net = some_network(dtype="float32")
        optimizer = SGD(number(0.1), momentum=number(0.9), clip_norm=number(0.7), clip_value=number(0.3))
        history = quiet(net, some_data(), optimizer=optimizer, weight_decay=number(0.01), validation=some_data(9, 1))
        return net, history

    (one, first), (two, second) = run(float), run(np.float64)
    assert same(one, two) and recorded(first) == recorded(second)
    assert {type(value) for name in LISTS for value in getattr(second, name)} == {float}
    assert all(v.dtype == np.float32 for v in second.velocity)


@pytest.mark.parametrize("weight_decay", [0.0, np.float64(0.1), 1])
def test_penalties_are_python_floats(weight_decay):
    for dtype in ("float32", "float64"):
        history = quiet(some_network(dtype=dtype), some_data(), weight_decay=weight_decay)
        assert [type(penalty) for penalty in history.penalty] == [float] * 4


def test_stop_button_in_on_epoch():
    def press(history):
        if history.epochs == 2:
            raise KeyboardInterrupt

    net, expected = some_network(), some_network()
    history = quiet(net, some_data(), epochs=5, on_epoch=press)
    quiet(expected, some_data(), epochs=2)
    assert history.epochs == 2 and "interrupted" in history.stopped and not history.diverged
    assert same(net, expected)
    whole = some_network()
    unbroken = quiet(whole, some_data(), epochs=5)
    resumed = quiet(net, some_data(), epochs=5, resume=history)
    assert same(net, whole) and recorded(resumed) == recorded(unbroken)  # .stopped is empty again, too


class PressedDuringStep(SGD):
    def step(self, parameters, gradients, velocity=(), epoch=0.0):
        if epoch >= 1.4:
            raise KeyboardInterrupt
        super().step(parameters, gradients, velocity, epoch)


def test_stop_button_in_the_middle_of_an_epoch():
    net = some_network()
    history = quiet(net, some_data(), epochs=5, validation=some_data(9, 1), optimizer=PressedDuringStep(0.1))
    assert history.epochs == 1 and "interrupted in epoch 2" in history.stopped
    assert {len(getattr(history, name)) for name in [*PER_EPOCH, "seconds"]} == {2}
    assert len(history.batch_loss) == 5 + 2
    assert np.isfinite(net.predict_proba(some_data().images)).all()
    slow = some_network()  # exactly seven steps were taken
    losses = descend(slow, some_data(), 1, 5, 0.1, 0.0, 0)
    assert history.batch_loss[:5] == pytest.approx(losses)
    assert quiet(net, some_data(), epochs=3, validation=some_data(9, 1), resume=history).epochs == 3


class PressedDuringMeasurement(Network):
    def evaluate(self, X, y, weight_decay=0.0):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == self.n:
            raise KeyboardInterrupt
        return super().evaluate(X, y, weight_decay)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8])
def test_stop_button_while_an_epoch_is_measured(n):
    net = PressedDuringMeasurement([5, 3])
    net.n = n  # odd: while the training set is measured; even: the validation set
    history = quiet(net, some_data(), validation=some_data(9, 1))
    assert "interrupted" in history.stopped
    rows = (n - 1) // 2  # two measurements a row: those that were complete, and nothing of the one that was not
    assert {len(getattr(history, name)) for name in [*PER_EPOCH, "seconds"]} == {rows}
    kept, before = recorded(history), {name: list(getattr(history, name)) for name in PER_EPOCH}
    resumed = quiet(net, some_data(), validation=some_data(9, 1), resume=history)
    assert resumed.stopped == "" and kept["stopped"] != ""
    assert {len(getattr(resumed, name)) for name in [*PER_EPOCH, "seconds"]} == {4}
    assert all(getattr(resumed, name)[:rows] == before[name] for name in PER_EPOCH)


class PressedAtOnce(SGD):
    def initial_velocity(self, parameters):
        raise KeyboardInterrupt


@pytest.mark.parametrize("n", [0, 1, 2])
def test_resume_from_before_the_first_measurement_equals_the_unbroken_run(n):
    """n: pressed before anything, while the training set is measured, while the validation set is."""
    settings = {"validation": some_data(9, 1), "optimizer": SGD(0.1, momentum=0.9), "seed": 4}
    whole, net = Network([5, 3], dtype="float64"), PressedDuringMeasurement([5, 3], dtype="float64")
    unbroken = quiet(whole, some_data(), **settings)
    net.n = n
    history = quiet(
        net, some_data(), **(settings | ({"optimizer": PressedAtOnce(0.1, momentum=0.9)} if n == 0 else {}))
    )
    assert "interrupted in epoch 1" in history.stopped and history.epochs == 0 and history.train_loss == []
    resumed = quiet(net, some_data(), resume=history, **settings)
    assert same(whole, net) and recorded(resumed) == recorded(unbroken)


def run_and_interrupt(n):
    """Fit with KeyboardInterrupt before the n-th line of training.py; the History, and whether n was reached."""
    history = History()
    # before the loop or after it there is nobody to answer, but the caller's History is whole
    with pressed_at_line(n, training) as left, suppress(KeyboardInterrupt):
        fit(
            SMALL.copy(), some_data(2), epochs=2, batch_size=2, progress=False, validation=some_data(2, 1),
            resume=history,
        )  # fmt: skip
    return history, left() <= 0


SMALL = Network([5, 3], dtype="float64")


def test_stop_button_at_any_moment_leaves_whole_rows(monkeypatch):
    # threadpoolctl is not ours to interrupt: an exception between two of its instructions could keep a lock of its
    monkeypatch.setattr(training, "blas_threads", lambda work, threads: nullcontext())
    seen = set()
    n, reached = 1, True
    while reached:
        history, reached = run_and_interrupt(n)
        lengths = {len(getattr(history, name)) for name in LISTS}
        assert len(lengths) == 1, (n, lengths)
        seen |= lengths
        n += 1
    assert seen == {0, 1, 2, 3} and n > 80


def blas_info():
    return [(lib["filepath"], lib["num_threads"]) for lib in threadpoolctl.threadpool_info()]


@pytest.fixture
def two_blas_threads():
    """Two threads to start from, whatever the machine or OPENBLAS_NUM_THREADS says."""
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if 2 not in [lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]:
            pytest.skip("this BLAS cannot be told how many threads to use")
        yield


def blas_threads():
    return {lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"}


def test_blas_has_one_thread_in_a_small_fit_and_its_own_again_after(two_blas_threads):
    before, inside = blas_info(), []
    quiet(some_network(), some_data(), on_epoch=lambda history: inside.append(blas_threads()))
    assert inside == [{1}] * 3 and blas_info() == before


@pytest.mark.parametrize("work, threads", [(1, {1}), (1e8 - 1, {1}), (1e8, {2}), (1e12, {2})])
def test_only_small_steps_are_limited(two_blas_threads, work, threads):
    with training.blas_threads(work):
        assert blas_threads() == threads
    assert blas_threads() == {2}


def test_work_is_the_batch_size_times_the_parameters(monkeypatch):
    seen = []
    monkeypatch.setattr(training, "blas_threads", lambda *call: seen.append(call) or nullcontext())
    quiet(some_network(), some_data(), batch_size=7)
    quiet(some_network(), some_data(), batch_size=7, threads=3)
    work = 7 * (5 * 4 + 4 + 4 * 3 + 3)
    assert seen == [(work, None), (work, 3)]


@pytest.mark.parametrize("work, threads", [(1, 2), (1e8 - 1, 2), (1e8, 1), (1e12, 1)])
def test_a_count_that_is_given_wins_over_the_rule(two_blas_threads, work, threads):
    with training.blas_threads(work, threads):
        assert blas_threads() == {threads}
    assert blas_threads() == {2}


@pytest.mark.parametrize("threads", [1, 2])
def test_fit_takes_as_many_threads_as_it_is_told(two_blas_threads, threads):
    inside = []
    with threadpoolctl.threadpool_limits(3 - threads, user_api="blas"):  # the other number outside
        before = blas_info()
        quiet(some_network(), some_data(), threads=threads, on_epoch=lambda history: inside.append(blas_threads()))
        assert blas_info() == before
    assert inside == [{threads}] * 3


def test_a_count_is_set_from_any_thread():
    """JupyterLab lets the callbacks of widgets run in a thread of their own."""
    before = blas_info()

    def inside():
        with training.blas_threads(1, 3), training.blas_threads(1, 1):
            nested = blas_threads()
        return nested

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside).result() == {1}
        assert blas_info() == before


@pytest.mark.parametrize("first_out", [0, 1])
def test_overlapping_fits_in_threads_do_not_undo_each_others_limit(two_blas_threads, first_out):
    """The two runs overlap for certain: each waits for the other in its first epoch; either may end first."""
    before, both, done = blas_info(), threading.Barrier(2, timeout=60), threading.Event()
    inside = []

    def run(i):
        def on_epoch(history):
            if history.epochs == 1:
                both.wait()
                if i != first_out:
                    assert done.wait(60)
            inside.append(blas_threads())

        history = quiet(some_network(), some_data(), on_epoch=on_epoch, seed=i)
        if i == first_out:
            done.set()
        return history

    with ThreadPoolExecutor(2) as pool:
        histories = list(pool.map(run, range(2)))
    assert [history.epochs for history in histories] == [3, 3]
    assert len(inside) == 6
    assert blas_info() == before


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_threads_are_restored_however_a_fit_ends(two_blas_threads, error):
    def fail(history):
        raise error

    before = blas_info()
    try:
        fit(some_network(), some_data(), epochs=2, batch_size=5, progress=False, on_epoch=fail)
    except ZeroDivisionError:
        assert error is ZeroDivisionError
    assert blas_info() == before


def test_on_epoch_sees_the_history_and_can_stop():
    seen = []

    def watch(history):
        seen.append((history.epochs, len(history.validation_loss)))
        return history.epochs == 3

    net, expected = some_network(), some_network()
    history = quiet(net, some_data(), epochs=9, validation=some_data(9, 1), on_epoch=watch)
    quiet(expected, some_data(), epochs=3)
    assert seen == [(1, 2), (2, 3), (3, 4)] and history.epochs == 3
    assert "on_epoch" in history.stopped and "3" in history.stopped and not history.diverged
    assert same(net, expected)


def test_other_errors_come_through():
    with pytest.raises(ZeroDivisionError):
        quiet(some_network(), some_data(), on_epoch=lambda history: 1 / 0)


# ------------------------------------------------------------------------------------------- what is shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_false_is_silent(capfd, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    history = quiet(some_network(dtype="float32"), some_data(), optimizer=SGD(1e30), weight_decay=0.1, epochs=20)
    assert history.diverged  # not even then
    assert capfd.readouterr() == ("", "") and terminal.getvalue() == ""


@pytest.mark.parametrize("variable, bar", [(None, True), ("1", False)])
def test_progress_bar_goes_to_stderr_unless_tqdm_is_switched_off(capsys, monkeypatch, variable, bar):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    if variable is not None:
        monkeypatch.setenv("TQDM_DISABLE", variable)
    quiet(some_network(), some_data(), progress=True)
    assert ("0/15" in terminal.getvalue()) == bar == bool(terminal.getvalue())
    assert capsys.readouterr().out == ""


def test_why_it_stopped_is_printed(capsys):
    net = Poisoned([5, 3])
    net.n = 2
    history = quiet(net, some_data(), progress=True)
    assert capsys.readouterr().out == history.stopped + "\n"


# --------------------------------------------------------------------------------------------- bad arguments


def spoiled(**change):
    data = some_data()
    images, labels = data.images.copy(), data.labels.copy()
    if "value" in change:
        images[-1, 2] = change["value"]
    if "label" in change:
        labels[-1] = change["label"]
    if "width" in change:
        images = images[:, : change["width"]]
    return Dataset(images.astype(change.get("dtype", float)), labels)


@pytest.mark.parametrize(
    "train, settings, error, words",
    [
        (spoiled(value=np.nan), {}, ValueError, "^train.images holds NaN.*row 22"),
        (spoiled(value=np.inf), {}, ValueError, "^train.images holds NaN or infinity"),
        (spoiled(label=3), {}, ValueError, "^train.labels must be from 0 to 2; these labels go from 0 to 3$"),
        (spoiled(width=4), {}, ValueError, "^train.images must have shape"),
        (spoiled(dtype=np.uint8), {}, ValueError, "^train.images holds uint8.*/ 255"),
        (some_data(), {"validation": spoiled(value=np.nan)}, ValueError, "^validation.images holds NaN"),
        (
            some_data(),
            {"validation": spoiled(label=3)},
            ValueError,
            "^validation.labels must be from 0 to 2; these labels go from 0 to 3$",
        ),
        (some_data(), {"validation": spoiled(width=4)}, ValueError, "^validation.images must have shape"),
        (some_data(), {"batch_size": 0}, ValueError, "batch_size must be between 1 and 23"),
        (some_data(), {"batch_size": -1}, ValueError, "batch_size"),
        (some_data(), {"batch_size": M + 1}, ValueError, "batch_size must be between 1 and 23, not 24"),
        (some_data(), {"batch_size": 2.0}, TypeError, "batch_size"),
        (some_data(), {"batch_size": None}, TypeError, "batch_size"),
        (some_data(), {"epochs": -1}, ValueError, "epochs"),
        (some_data(), {"epochs": 1.5}, TypeError, "^epochs must be a whole number, not 1.5"),
        (some_data(), {"epochs": 2.0}, TypeError, "^epochs must be a whole number, not 2.0"),
        (some_data(), {"epochs": "2"}, TypeError, "^epochs must be a whole number"),
        (some_data(), {"epochs": None}, TypeError, "^epochs must be a whole number"),
        (some_data(), {"epochs": True}, TypeError, "^epochs must be a whole number"),
        (some_data(), {"optimizer": 0.1}, TypeError, r"^optimizer must be an optimizer, such as SGD\(.*not 0.1$"),
        (some_data(), {"optimizer": SGD}, TypeError, "^optimizer must be an optimizer, .*not <class"),
        (some_data(), {"optimizer": None}, TypeError, "^optimizer must be an optimizer, .*not None$"),
        (some_data(), {"seed": None}, TypeError, "^seed must be a whole number, not None$"),
        (some_data(), {"seed": 1.0}, TypeError, "^seed must be a whole number, not 1.0$"),
        (some_data(), {"seed": -1}, ValueError, "^seed must be 0 or more, not -1$"),
        (some_data(), {"threads": 0}, ValueError, "^threads must be 1 or more, not 0$"),
        (some_data(), {"threads": -2}, ValueError, "^threads must be 1 or more, not -2$"),
        (some_data(), {"threads": 1.0}, TypeError, "^threads must be a whole number, not 1.0$"),
        (some_data(), {"threads": "2"}, TypeError, "^threads must be a whole number, not '2'$"),
        (some_data(), {"threads": True}, TypeError, "^threads must be a whole number, not True$"),
        (some_data(), {"optimizer": SGD(lambda epoch: -1)}, ValueError, "^the schedule's learning rate must be at"),
        (some_data(), {"weight_decay": True}, TypeError, "^weight_decay must be a number, not True$"),
        (some_data(), {"weight_decay": -0.1}, ValueError, "weight_decay"),
        (some_data(), {"weight_decay": math.nan}, ValueError, "weight_decay"),
        (some_data(), {"weight_decay": math.inf}, ValueError, "weight_decay"),
        (
            some_data(),
            {"label_smoothing": -0.1},
            ValueError,
            "^label_smoothing must be at least 0 and below 1, not -0.1$",
        ),
        (some_data(), {"label_smoothing": 1}, ValueError, "^label_smoothing must be at least 0 and below 1, not 1$"),
        (some_data(), {"label_smoothing": 1.5}, ValueError, "^label_smoothing must be at least 0 and below 1"),
        (some_data(), {"label_smoothing": math.nan}, ValueError, "^label_smoothing must be at least 0 and below 1"),
        (some_data(), {"label_smoothing": True}, TypeError, "^label_smoothing must be a number, not True$"),
        (some_data(), {"label_smoothing": "0.1"}, TypeError, "^label_smoothing must be a number, not '0.1'$"),
        (some_data(), {"label_smoothing": None}, TypeError, "^label_smoothing must be a number, not None$"),
        (some_data(), {"augment": 0.5}, TypeError, "^augment must be a function of .*, such as Distortion.*, not 0.5$"),
        (some_data()[:0], {}, ValueError, "train holds no examples"),
        ((some_data().images, some_data().labels), {}, TypeError, "must be a Dataset.*not tuple"),
        (some_data().images, {}, TypeError, "must be a Dataset.*not ndarray"),
        (None, {}, TypeError, "must be a Dataset.*not NoneType"),
        (some_data(), {"validation": some_data()[:0]}, ValueError, "validation holds no examples"),
    ],
)
def test_bad_arguments_change_nothing(train, settings, error, words):
    net = some_network()
    history = quiet(net, some_data(), epochs=1)
    before, lists = [a.copy() for a in net.parameters()], recorded(history)
    with pytest.raises(error, match=words):
        quiet(net, train, **settings)
    assert all(np.array_equal(a, b) for a, b in zip(net.parameters(), before, strict=True))
    assert recorded(history) == lists


@pytest.mark.parametrize("name", ["train", "validation"])
@pytest.mark.parametrize("row", [1999, 2000, 2300])
def test_a_bad_row_is_counted_in_all_of_the_data(name, row):
    images = np.zeros((2500, 5))
    images[[row, 2400], 3] = np.nan
    data = {"train": some_data(), "validation": some_data()} | {name: Dataset(images, np.zeros(2500, int))}
    words = f"^{name}.images holds NaN or infinity; the first row that does is row {row}$"
    with pytest.raises(ValueError, match=words):
        quiet(some_network(), data["train"], validation=data["validation"])


def test_a_complex_network_is_not_trained():
    net = some_network(dtype="complex128")
    with pytest.raises(ValueError, match="^a complex network serves the complex step only"):
        quiet(net, some_data())
    assert same(net, some_network(dtype="complex128"))


def test_a_schedule_that_turns_negative_is_refused_there():
    """It cannot be known before; what was learnt up to there stays finite, and the lists keep one length."""
    net, history = some_network(), History()
    with pytest.raises(ValueError, match="^the schedule's learning rate must be at least 0"):
        quiet(net, some_data(), optimizer=SGD(lambda epoch: 0.1 if epoch < 1.5 else -1), resume=history)
    assert {len(getattr(history, name)) for name in LISTS} == {0, 2} and len(history.batch_loss) == 5 + 3


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_resume_counts_all_epochs(epochs):
    net = some_network()
    history = quiet(net, some_data(), epochs=3)
    before, lists = net.copy(), recorded(history)
    with pytest.raises(ValueError, match="^epochs counts all epochs, and this history has 3 already"):
        quiet(net, some_data(), epochs=epochs, resume=history)
    assert same(net, before) and recorded(history) == lists


@pytest.mark.parametrize("one, two", [(None, some_data(9, 1)), (some_data(9, 1), None)])
def test_resume_with_validation_as_it_was(one, two):
    net = some_network()
    history = quiet(net, some_data(), validation=one)
    before, lists = net.copy(), recorded(history)
    with pytest.raises(ValueError, match="^validation must be given again, or left out again"):
        quiet(net, some_data(), epochs=5, validation=two, resume=history)
    assert same(net, before) and recorded(history) == lists


KINDS = [SGD(0.1), SGD(0.1, momentum=0.9), AveragedSGD(0.1), AveragedSGD(0.1, momentum=0.9)]


@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("two", KINDS)
def test_resume_with_each_other_kind_of_optimizer(one, two):
    net = some_network()
    history = quiet(net, some_data(), epochs=1, optimizer=one)
    before, lists, state = net.copy(), recorded(history), [array.copy() for array in history.velocity]
    if one == two:
        assert quiet(net, some_data(), epochs=2, resume=history, optimizer=two).epochs == 2
        return
    with pytest.raises(ValueError, match="^this history was made with another kind of optimizer; give the same one"):
        quiet(net, some_data(), epochs=2, resume=history, optimizer=two)
    assert same(net, before) and recorded(history) == lists
    assert all(np.array_equal(a, b) for a, b in zip(history.velocity, state, strict=True))


# ------------------------------------------------------------------------------------------------ it learns


def test_it_learns_digits(mnist):
    net = Network([784, 32, 10], seed=0)
    history = quiet(
        net, mnist.train[:2000], epochs=6, batch_size=32, optimizer=SGD(0.1), validation=mnist.validation[:2000]
    )
    assert history.train_loss[0] == pytest.approx(math.log(10), abs=0.5) and history.train_accuracy[0] < 0.3
    assert history.validation_accuracy[-1] > 0.85
    assert history.train_loss[-1] < history.train_loss[1] < history.train_loss[0]


def test_it_overfits_twenty_examples(mnist):
    history = quiet(Network([784, 32, 10]), mnist.train[:20], epochs=150, batch_size=20, optimizer=SGD(0.1))
    assert history.train_accuracy[-1] == 1 and history.train_loss[-1] < 0.05


def test_penalty_shrinks_the_weights():
    free, held = some_network(), some_network()
    quiet(free, some_data(), epochs=20)
    quiet(held, some_data(), epochs=20, weight_decay=0.5)
    assert sum((W**2).sum() for W in held.weights) < 0.5 * sum((W**2).sum() for W in free.weights)


def test_a_history_with_missing_entries_is_refused_before_anything_is_changed():
    net, data = some_network(), some_data()
    before = [array.copy() for array in net.parameters()]
    with pytest.raises(ValueError, match="^resume must have one entry for each epoch in its lists$"):
        quiet(net, data, epochs=3, resume=History(train_loss=[1.0]))
    history = quiet(net.copy(), data, epochs=1, optimizer=SGD(0.1, momentum=0.9))
    history.velocity = [array.astype(int) for array in history.velocity]
    with pytest.raises(ValueError, match="another kind of optimizer"):
        quiet(net, data, epochs=3, optimizer=SGD(0.1, momentum=0.9), resume=history)
    assert all(np.array_equal(a, b) for a, b in zip(net.parameters(), before, strict=True))


def test_the_stop_button_leaves_the_number_of_blas_threads_as_it_was(two_blas_threads, monkeypatch):
    """Pressed while the number is given back, too."""
    presses = iter([True, False])
    real = threadpoolctl._ThreadpoolLimiter.restore_original_limits

    def restore(limiter):
        if next(presses):
            raise KeyboardInterrupt
        real(limiter)

    with monkeypatch.context() as patch:
        patch.setattr(threadpoolctl._ThreadpoolLimiter, "restore_original_limits", restore)
        with pytest.raises(KeyboardInterrupt), training.blas_threads(work=0):
            assert blas_threads() == {1}
    assert blas_threads() == {2}
