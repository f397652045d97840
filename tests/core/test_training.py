"""training: fit against gradient descent written out here; the same run twice; stopping, resuming, refusing."""

import io
import math
import sys
import warnings
from contextlib import nullcontext, suppress
from copy import copy

import numpy as np
import pytest

from mnist_scratch import (
    SGD,
    Adam,
    AveragedSGD,
    CosineSchedule,
    Dataset,
    History,
    Network,
    RMSProp,
    StepSchedule,
    Trainer,
    fit,
    flatten,
    training,
)

M = 23  # a prime: the last mini-batch is always a smaller one
PER_EPOCH = ["train_loss", "penalty", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate"]
LISTS = [*PER_EPOCH, "seconds"]


def some_data(m=M, seed=0):
    rng = np.random.default_rng(seed)
    return Dataset(rng.standard_normal((m, 5)), rng.integers(0, 3, m))


VALIDATION = some_data(11, seed=5)


def some_network(**settings):
    return Network([5, 4, 3], **({"dtype": "float64", "seed": 1} | settings))


def quiet(net, data, **settings):
    try:
        return fit(net, data, **({"epochs": 3, "batch_size": 5, "progress": False} | settings))
    except KeyboardInterrupt:  # let through, it would end the whole test run
        pytest.fail("the stop button was not caught")


def same(one, two):
    one, two = (x.parameters() if isinstance(x, Network) else x for x in (one, two))
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))


def recorded(history):
    names = [*PER_EPOCH, "batch_loss", "stopped", "diverged"]
    return {name: copy(getattr(history, name)) for name in names}


def rows_of(history):
    """How many rows its lists have, which must all have as many; those of validation may have none."""
    counts = {len(getattr(history, name)) for name in LISTS} - {0}
    assert len(counts) < 2
    return max(counts, default=0)


def shaken(X, rng):
    """To augment with: other images, a little different in every draw."""
    return X + 0.3 * rng.standard_normal(X.shape)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.5, "seed": 7},
        {"weight_decay": 0.1, "shuffle": False},
        {"momentum": 0.5, "weight_decay": 0.1, "label_smoothing": 0.1, "augment": shaken, "seed": 7},
    ],
)
@pytest.mark.parametrize("batch_size", [128, M, 5, 1])  # more than there are mean all
def test_fit_is_descent_written_out(batch_size, settings):
    """The steps, and what the history says of the end of each epoch, out of `loss_and_gradients` and `evaluate`."""
    data, net, slow = some_data(), some_network(), some_network()
    settings = {"momentum": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "augment": None, "seed": 0} | settings
    momentum, decay, part = (settings[name] for name in ("momentum", "weight_decay", "label_smoothing"))
    optimizer = SGD(StepSchedule(0.5, (2,), factor=0.5), momentum=momentum)
    others = {name: value for name, value in settings.items() if name != "momentum"}
    history = quiet(net, data, batch_size=batch_size, optimizer=optimizer, validation=VALIDATION, **others)
    losses, velocity = [], [np.zeros_like(p) for p in slow.parameters()]
    targets = np.array([[(1 - part) * (k == label) + part / 3 for k in range(3)] for label in data.labels])
    for epoch in range(4):
        if epoch:
            rng = np.random.default_rng([settings["seed"], epoch - 1])
            order = rng.permutation(M) if settings.get("shuffle", True) and batch_size < M else np.arange(M)
            for start in range(0, M, batch_size):
                rows = order[start : start + batch_size]
                X = settings["augment"](data.images[rows], rng) if settings["augment"] else data.images[rows]
                loss, gradients = slow.loss_and_gradients(X, targets[rows], decay)
                losses.append(loss.data)
                for parameter, v, g in zip(slow.parameters(), velocity, flatten(gradients), strict=True):
                    v[...] = momentum * v + g
                    parameter -= (0.5 if epoch < 3 else 0.25) * v
        (loss, penalty), accuracy = slow.evaluate(data.images, data.labels, decay)  # neither smoothed nor shaken
        held_out, held_out_accuracy = slow.evaluate(VALIDATION.images, VALIDATION.labels)
        expected = (loss, penalty, accuracy, held_out.data, held_out_accuracy, 0.25 if epoch > 1 else 0.5)
        assert [getattr(history, name)[epoch] for name in PER_EPOCH] == pytest.approx(expected, rel=1e-9)
    assert history.batch_loss == pytest.approx(losses, rel=1e-9) and len(losses) == 3 * math.ceil(M / batch_size)
    for a, b in zip(net.parameters(), slow.parameters(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert history.epochs == 3 and rows_of(history) == 4 and history.stopped == "" and not history.diverged
    assert history.seconds[0] == 0 < history.seconds[1] and history.seconds == sorted(history.seconds)


def test_what_is_not_said_is_plain_descent_in_batches_of_128():
    data, nets = some_data(300), [some_network() for _ in range(3)]
    settings = {"batch_size": 128, "optimizer": SGD(0.1), "weight_decay": 0.0, "label_smoothing": 0.0, "augment": None}
    settings |= {"validation": None, "seed": 0, "shuffle": True}
    history = fit(nets[0], data, epochs=1, **settings)
    trainer = Trainer(nets[2], data)
    assert recorded(fit(nets[1], data, epochs=1)) == recorded(history)
    assert [trainer.step() for _ in range(3)] == history.batch_loss
    assert same(nets[0], nets[1]) and same(nets[0], nets[2])


def test_no_epochs_are_a_measurement():
    net = some_network()
    history = quiet(net, some_data(), epochs=0)
    assert same(net, some_network()) and history.epochs == 0 and rows_of(history) == 1
    assert history.validation_loss == history.validation_accuracy == []  # none was given
    assert History().epochs == 0 and History().stopped == "" and History().diverged is False
    history.batch_loss, history.optimizer_state = [0.5] * 10_000, net.parameters()
    assert "train_loss" in repr(history) and len(repr(history)) < 300  # what would fill screens is not shown


@pytest.mark.parametrize("optimizer", [SGD(0.3, momentum=0.5), AveragedSGD(0.3, averaging=0.5)])
@pytest.mark.parametrize("m, batch_size", [(M, 5), (2500, 500)])  # thousands of rows are measured in pieces
def test_a_trainer_steps_and_measures_as_fit_and_evaluate_do(optimizer, m, batch_size):
    data, net, by_fit = some_data(m), some_network(dtype="float32"), some_network(dtype="float32")
    settings = {"optimizer": optimizer, "batch_size": batch_size} | EVERYTHING
    history = quiet(by_fit, data, epochs=2, **settings)
    trainer = Trainer(net, data, **settings)
    for step in range(11):
        assert (trainer.epochs, trainer.position) == (step // 5, batch_size * (step % 5))
        if step % 5 == 0:
            assert trainer.measure() == {name: getattr(history, name)[step // 5] for name in PER_EPOCH[:5]}
        if step < 10:
            assert trainer.step() == history.batch_loss[step]
    assert same(net, by_fit) and same(trainer.state, history.optimizer_state) and trainer.steps_per_epoch == 5
    for n, few in ((None, data), (7, data[:7])):
        loss, accuracy = optimizer.result(net, trainer.state).evaluate(few.images, few.labels, 0.01)
        found = trainer.measure(n)
        assert [found[name] for name in PER_EPOCH[:3]] == [loss.data, loss.penalty, accuracy]


def test_only_the_first_examples_may_be_measured():
    """The network comes out the same; what is measured is that of the first examples of both parts."""
    data, nets, settings = some_data(), [some_network(), some_network()], {"validation": some_data(seed=1)}
    all_of_them, few = [
        quiet(net, data, epochs=2, measured=n, **settings) for net, n in zip(nets, (None, 7), strict=True)
    ]
    assert same(*nets) and few.batch_loss == all_of_them.batch_loss
    for part, examples in (("train", data[:7]), ("validation", settings["validation"][:7])):
        loss, accuracy = nets[0].evaluate(examples.images, examples.labels)
        assert getattr(few, f"{part}_loss")[-1] == loss.data and getattr(few, f"{part}_accuracy")[-1] == accuracy
        assert getattr(few, f"{part}_loss") != getattr(all_of_them, f"{part}_loss")


@pytest.mark.parametrize("measured", [0, -5, 2.5, "all"])
def test_how_many_are_measured_is_a_whole_number_above_zero(measured):
    with pytest.raises((ValueError, TypeError), match="^measured must be"):
        quiet(some_network(), some_data(), epochs=1, measured=measured)


def test_a_trainers_settings_may_change_between_steps():
    trainer = Trainer(some_network(), some_data(), optimizer=SGD(0.1), batch_size=5)
    trainer.step()
    assert len(repr(trainer)) < 100 and trainer in {trainer}
    trainer.optimizer, before = SGD(1e-300), trainer.net.copy()
    trainer.batch_size = 9
    trainer.step()
    assert same(trainer.net, before) and trainer.position == 14 and trainer.steps_per_epoch == 3


def test_a_measurement_in_the_middle_of_an_epoch_names_the_last_step():
    trainer = Trainer(some_network(), some_data(), batch_size=5)
    for _ in range(8):
        trainer.step()
    trainer.net.weights[0][:] = np.nan
    with pytest.raises(Exception, match="diverged in epoch 2, step 3: the loss is nan"):
        trainer.measure()


OPTIMIZERS = [
    SGD(0.2),
    SGD(CosineSchedule(0.3, epochs=6), momentum=0.9),
    AveragedSGD(CosineSchedule(0.3, epochs=6), momentum=0.9, averaging=0.6),
    RMSProp(CosineSchedule(0.03, epochs=6)),
    Adam(CosineSchedule(0.03, epochs=6)),
]
EVERYTHING = {"label_smoothing": 0.1, "augment": shaken, "weight_decay": 0.01, "validation": VALIDATION}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("stops", [(1, 3, 3, 6), (0, 2, 6)])
def test_a_resumed_run_equals_the_unbroken_one(optimizer, dtype, shuffle, stops):
    """Five steps an epoch, so that an average that is taken every tenth is now and then half way to the next."""
    settings = EVERYTHING | {"seed": 4, "shuffle": shuffle, "optimizer": optimizer}
    whole, net, history = some_network(dtype=dtype), some_network(dtype=dtype), None
    unbroken = quiet(whole, some_data(), epochs=6, **settings)
    for epochs in stops:
        history = quiet(net, some_data(), epochs=epochs, resume=history, **settings)
        assert history.epochs == epochs
    assert same(whole, net) and recorded(history) == recorded(unbroken) and rows_of(history) == 7
    assert same(history.optimizer_state, unbroken.optimizer_state)
    assert {array.dtype for array in (*net.parameters(), *history.optimizer_state) if array.ndim} == {np.dtype(dtype)}


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_states_of_two_kinds_of_optimizer_are_never_taken_for_each_other(momentum):
    kinds = [SGD(0.1, momentum=momentum), AveragedSGD(0.1, momentum=momentum), RMSProp(), Adam()]
    for one in kinds:
        for other in kinds:
            net, data = some_network(), some_data()
            history = quiet(net, data, optimizer=one, epochs=1)
            with nullcontext() if one is other else pytest.raises(ValueError, match="another kind of optimizer"):
                quiet(net, data, optimizer=other, epochs=2, resume=history)


def test_the_seed_decides_the_run_and_nothing_else_does():
    runs = []
    for seed, global_seed in ((0, 1), (0, 2), (1, 1)):
        np.random.seed(global_seed)  # noqa: NPY002
        before = str(np.random.get_state())  # noqa: NPY002
        runs.append(recorded(quiet(some_network(), some_data(), seed=seed, **EVERYTHING)))
        assert str(np.random.get_state()) == before  # noqa: NPY002
    assert runs[0] == runs[1] and runs[0]["batch_loss"] != runs[2]["batch_loss"]


@pytest.mark.parametrize("returned", ["float64", "int64"])
def test_augment_gets_the_images_as_they_are_and_may_return_any_numbers(returned):
    given, net, data = [], some_network(dtype="float32"), some_data()
    history = quiet(net, data, augment=lambda X, rng: given.append(X) or (3 * X).astype(returned), shuffle=False)
    assert np.array_equal(np.concatenate(given), np.tile(data.images, (3, 1))) and history.epochs == 3
    assert {a.dtype for a in net.parameters()} == {np.dtype("float32")}


@pytest.mark.parametrize(
    "augment",
    [
        lambda X, rng: X[:, :4],
        lambda X, rng: X[:0],
        lambda X, rng: np.concatenate([X, X]),  # a batch of 1 would be broadcast to a step that nobody meant
        lambda X, rng: X.ravel(),
        lambda X, rng: None,
    ],
)
@pytest.mark.parametrize("batch_size", [5, 1])
def test_other_shapes_from_augment_are_an_error_and_no_step(augment, batch_size):
    net = some_network()
    with pytest.raises(ValueError, match=rf"^augment must return images of the shape .* \({batch_size}, 5\), not "):
        quiet(net, some_data(), augment=augment, batch_size=batch_size)
    assert same(net, some_network())


def nan_from(n):
    """To augment with: images that are no numbers from the n-th step on."""
    steps = []

    def augment(X, rng):
        steps.append(1)
        return X * (np.nan if len(steps) >= n else 1)

    return augment


@pytest.mark.parametrize("n, where", [(1, "epoch 1, step 1:"), (13, "epoch 3, step 3:"), (15, "epoch 3, step 5:")])
def test_divergence_names_epoch_step_and_rate_and_takes_no_bad_step(n, where):
    net, rate = some_network(), CosineSchedule(0.5, 4)
    history = quiet(net, some_data(), optimizer=SGD(rate, momentum=0.9), augment=nan_from(n))
    assert history.diverged and f"diverged in {where} the loss is nan" in history.stopped
    assert f"learning rate {rate((n - 1) / 5):g}" in history.stopped and "a smaller learning rate" in history.stopped
    assert history.epochs == (n - 1) // 5 == rows_of(history) - 1 and len(history.batch_loss) == n - 1
    assert all(np.isfinite(a).all() for a in (*net.parameters(), *history.optimizer_state, history.batch_loss))
    resumed = quiet(net, some_data(), optimizer=SGD(rate, momentum=0.9), resume=history)
    assert resumed.epochs == 3 and resumed.stopped == "" and resumed.diverged is False


@pytest.mark.parametrize("loss", [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy")])
def test_divergence_in_the_last_step_of_an_epoch_leaves_no_row_and_no_warning(loss):
    called, net = [], some_network(dtype="float32", output=loss[0], loss=loss[1])
    optimizer = SGD(lambda epoch: 1e30 if epoch >= 1.8 else 0.1)  # five steps an epoch: from epoch 2, step 5
    settings = {"optimizer": optimizer, "weight_decay": 0.1, "validation": VALIDATION}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = quiet(net, some_data(), on_epoch=lambda history: called.append(history.epochs), **settings)
    assert history.diverged and "diverged in epoch 2, step 5:" in history.stopped and "1e+30" in history.stopped
    assert called == [1] and rows_of(history) == 2 and len(history.batch_loss) == 10
    assert all(math.isfinite(v) for name in [*PER_EPOCH, "batch_loss"] for v in getattr(history, name))


@pytest.mark.parametrize("weight, loss", [(np.nan, "nan"), (4e37, "inf")])
def test_weights_that_are_spoiled_already_are_not_blamed_on_the_learning_rate(weight, loss):
    net = some_network(dtype="float32")
    net.weights[1][:, 0] = weight
    history = quiet(net, some_data())
    assert history.diverged and history.stopped.startswith(f"the loss is {loss} before the first step. Try a new Netw")
    assert rows_of(history) == 0 and history.batch_loss == []


@pytest.mark.parametrize("largest, words", [(255, "smaller inputs: they go up to 255"), (1, "a smaller learning rate")])
def test_large_inputs_are_named_when_they_make_it_diverge(largest, words):
    images = np.random.default_rng(0).random((40, 5)).astype("f4")
    images[0, 0] = -1
    data = Dataset(largest * images, np.arange(40) % 3)
    history = quiet(some_network(dtype="float32"), data, epochs=300, optimizer=SGD(1e38), weight_decay=0.1)
    assert history.diverged and words in history.stopped and "learning rate 1e+38" in history.stopped


def test_on_epoch_sees_the_history_and_can_stop(capsys):
    seen, net, expected = [], some_network(), some_network()

    def watch(history):
        seen.append((history.epochs, len(history.validation_loss)))
        return history.epochs == 3

    history = fit(net, some_data(), epochs=9, batch_size=5, validation=VALIDATION, on_epoch=watch)
    quiet(expected, some_data())
    assert seen == [(1, 2), (2, 3), (3, 4)] and same(net, expected)
    assert history.stopped == "stopped by on_epoch after epoch 3." and not history.diverged
    assert history.stopped in capsys.readouterr().out


@pytest.mark.parametrize("n, epochs, steps", [(1, 0, 0), (6, 1, 5), (8, 1, 7)])
def test_the_stop_button_keeps_what_was_learned(n, epochs, steps):
    """At an epoch's end nothing is lost at all: the resumed run equals the unbroken one."""
    presses = iter([*[None] * (n - 1), KeyboardInterrupt])

    def press(X, rng):
        if (error := next(presses, None)) is not None:
            raise error
        return X

    settings = {"validation": VALIDATION, "optimizer": SGD(0.1, momentum=0.9)}
    net, unbroken = some_network(), some_network()
    history = quiet(net, some_data(), augment=press, **settings)
    assert f"interrupted in epoch {epochs + 1}" in history.stopped and not history.diverged
    assert history.epochs == epochs and len(history.batch_loss) == steps
    resumed, expected = quiet(net, some_data(), resume=history, **settings), quiet(unbroken, some_data(), **settings)
    assert rows_of(resumed) == 4 and resumed.stopped == ""
    if steps % 5 == 0:
        assert same(net, unbroken) and recorded(resumed) == recorded(expected)


def test_the_stop_button_at_any_moment_leaves_whole_rows(monkeypatch, pressed_at_line):
    # threadpoolctl is not ours to interrupt: an exception between two of its instructions could keep a lock of its
    monkeypatch.setattr(training, "blas_threads", lambda *_: nullcontext())
    small, data, seen, left, n = Network([5, 3], dtype="float64"), some_data(2), set(), 0, 1
    while left <= 0:
        history = History()
        # before the loop or after it there is nobody to answer, but the caller's History is whole
        with pressed_at_line(n, training) as lines_left, suppress(KeyboardInterrupt):
            fit(small.copy(), data, epochs=2, batch_size=2, progress=False, validation=data, resume=history)
        seen.add(rows_of(history))
        left, n = lines_left(), n + 1
    assert seen == {0, 1, 2, 3} and n > 50


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("progress, variable, bar", [(True, None, True), (True, "1", False), (False, None, False)])
def test_what_is_shown(capsys, monkeypatch, progress, variable, bar):
    """A bar that counts steps, unless tqdm is switched off, and in the end the reason why it stopped."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    if variable:
        monkeypatch.setenv("TQDM_DISABLE", variable)
    history = quiet(some_network(), some_data(), progress=progress, augment=nan_from(7))
    assert ("0/15" in terminal.getvalue()) == bar == bool(terminal.getvalue())
    assert terminal.getvalue().endswith("\r") == bar  # in the end it goes away
    assert history.diverged and capsys.readouterr().out == (history.stopped + "\n") * progress


@pytest.mark.parametrize(
    "data, words",
    [
        (
            Dataset(np.where(np.arange(M)[:, None] == 22, np.inf, np.ones((M, 5))), [0] * M),
            "images .* infinity .* row 22",
        ),
        (Dataset(some_data().images, [3] * M), "labels must be from 0 to 2; these labels go from 3 to 3"),
        (some_data()[:0], "holds no examples"),
    ],
)
@pytest.mark.parametrize("name", ["train", "validation"])
def test_bad_data_are_named_before_anything_is_changed(name, data, words):
    net, sets = some_network(), {"train": some_data(), "validation": VALIDATION} | {name: data}
    with pytest.raises(ValueError, match=f"^{name}[. ]{words}"):
        fit(net, **sets, epochs=1, batch_size=5, progress=False)
    assert same(net, some_network())


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"epochs": 1}, ValueError, "epochs counts all epochs, and this history has 2 already"),
        ({"optimizer": AveragedSGD(0.1, momentum=0.9)}, ValueError, "another kind of optimizer; give the same one"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay must be at least 0"),
        ({"augment": 0.5}, TypeError, "augment must be a function of images and a generator"),
        ({"validation": VALIDATION}, ValueError, "validation must be given again, or left out again"),
        ({"resume": History(train_loss=[1.0])}, ValueError, "a History must have one entry for each epoch"),
    ],
)
def test_bad_arguments_change_neither_network_nor_history(settings, error, words):
    net, usual = some_network(), {"train": some_data(), "optimizer": SGD(0.1, momentum=0.9), "epochs": 9}
    history = quiet(net, some_data(), optimizer=usual["optimizer"], on_epoch=lambda history: history.epochs == 2)
    before, lists, state = net.copy(), recorded(history), [array.copy() for array in history.optimizer_state]
    with pytest.raises(error, match=f"^{words}" if "another" not in words else words):
        fit(net, **({"batch_size": 5, "progress": False, "resume": history} | usual | settings))
    assert same(net, before) and recorded(history) == lists and same(history.optimizer_state, state)


def test_a_complex_network_is_not_trained():
    with pytest.raises(ValueError, match="^a complex network serves the complex step only"):
        quiet(some_network(dtype="complex128"), some_data())


def test_it_learns_digits(mnist):
    net, train = Network([784, 32, 10]), mnist.train[:2000]
    history = quiet(net, train, epochs=4, batch_size=32, validation=mnist.validation[:1000])
    assert history.train_loss[0] == pytest.approx(math.log(10), abs=0.5) and history.train_accuracy[0] < 0.3
    assert history.validation_accuracy[-1] > 0.83
    assert history.train_loss[-1] < history.train_loss[1] < history.train_loss[0]


def test_what_augment_changes_in_place_is_not_the_data():
    images = np.zeros((6, 4), np.float32)

    def brighter(X, rng):
        X += 0.1
        return X

    fit(Network([4, 2]), Dataset(images, np.arange(6) % 2), epochs=2, batch_size=6, augment=brighter, progress=False)
    assert not images.any()
