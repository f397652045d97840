"""The playground: a run that stops after any step, its picture, and the widget that trains in the background."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mnist_scratch import SGD, Dataset, Network, fit
from mnist_scratch import functions as core
from mnist_scratch.classroom import playground as module
from mnist_scratch.classroom.playground import MOST_POINTS, Playground, Progress, Training


@pytest.fixture
def training(train, validation):
    return Training(train, validation, hidden=(16,))


@pytest.fixture
def play(mnist, validation, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 20.0)  # a run that should have been stopped is no test that hangs
    play = Playground(mnist.train[:1000], validation)
    yield play
    play.close()


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_two_epochs_are_those_of_fit(train, training):
    net = Network([784, 16, 10], seed=0, dtype="float64")
    history = fit(net, train, epochs=2, batch_size=64, optimizer=SGD(0.1), weight_decay=0.01, progress=False)
    training.weight_decay = 0.01
    training.take_steps(10)
    assert same(training.net, net) and training.epochs == 2 and training.epoch == 2.0
    assert training.curve[-1].train_loss == pytest.approx(history.train_loss[-1], rel=1e-12)
    assert training.curve[-1].train_accuracy == history.train_accuracy[-1]


def test_a_run_stops_after_any_step(train, validation, training):
    other = Training(train, validation, hidden=(16,))
    training.take_steps(7)
    for n in (1, 0, 4, 2):
        other.take_steps(n)
    assert training.steps == other.steps == 7 and same(training.net, other.net)
    assert training.epoch == pytest.approx((1 * 300 + 2 * 64) / 300)
    training.step()  # a Trainer's
    assert training.steps == 8
    training.advance(100, epochs=2)  # seconds enough: the epoch ends it
    training.advance(100, epochs=2)
    assert training.epoch == 2 and training.steps == 10


def test_settings_hold_from_the_next_step_on(training):
    training.take_steps(3)
    before = training.net.copy()
    training.learning_rate, training.weight_decay, training.batch_size = 0.3, 0.1, 1000
    order = np.random.default_rng([0, 0]).permutation(300)[3 * 64 :]  # what is left of the epoch
    X, y = training.train.images[order], training.train.labels[order]
    _, gradients = before.loss_and_gradients(X, y, 0.1)
    training.take_steps()
    for W, after, (dW, _) in zip(before.weights, training.net.weights, gradients, strict=True):
        np.testing.assert_allclose(after, W - 0.3 * dW, rtol=0, atol=1e-14)
    assert training.epochs == 1


def test_a_curve_keeps_few_points_from_start_to_end(training):
    training.batch_size = 8
    most = 0
    for _ in range(900):
        training.take_steps(3)
        training.record()
        training.record()  # nothing new
        most = max(most, len(training.curve))
    steps = [point.step for point in training.curve]
    assert MOST_POINTS / 2 < most <= MOST_POINTS and len(steps) > MOST_POINTS / 4
    assert steps == sorted(set(steps)) and steps[0] == 0 and steps[-1] == training.steps == 2700
    assert max(np.diff(steps)) <= 2700 / 30, "the points that are left should lie evenly"


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_divergence_is_named_and_the_step_not_taken(train, validation, activation):
    training = Training(train, validation, (16,), activation)
    training.learning_rate, training.weight_decay = 10.0, 1.0
    training.take_steps(2000)
    assert 0 < training.steps < 2000
    assert training.diverged.startswith(f"Diverged in step {training.steps + 1}:")
    assert "η = 10 and λ = 1" in training.diverged and "a smaller learning rate" in training.diverged
    assert all(np.isfinite(array).all() for array in training.net.parameters())
    with np.errstate(over="ignore", invalid="ignore"):
        broken = not np.isfinite(training.net.loss(train.images, train.labels, 1.0).total)
    last = training.curve[-1].step
    assert broken or last == training.steps, "the curve ends before the run does"
    words = Progress().show(training, "").alt_text
    assert (f"Data loss in step {last}: " in words) == (last < training.steps)
    steps = training.steps
    training.take_steps(5)
    training.advance(0.01)
    training.record()
    assert training.steps == steps and np.isfinite(training.curve).all()


def test_a_cell_and_the_background_may_train_in_two_threads(train, validation):
    """Front ends run buttons and sliders in threads of their own; without turns the epoch's end was missed."""
    training = Training(train[:100], validation, hidden=(8,))
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(lambda: [training.take_steps(1) for _ in range(1000)]) for _ in range(2)]:
            run.result(timeout=60)
    assert training.steps == 2000 and training.epochs == 1000 and training.epoch == 1000


def test_picture_and_words_show_the_run(training):
    figure = Progress()
    first = figure.show(training, "Paused.").live_png()
    training.take_steps(20)
    assert figure.show(training, "Paused.").live_png() != first
    loss, accuracy, weights, misread = figure.axes
    points = np.array(training.curve)
    for axis, columns in ((loss, (1, 2)), (accuracy, (3, 4))):
        for line, column in zip(axis.get_lines(), columns, strict=True):
            np.testing.assert_array_equal(line.get_xydata(), points[:, [0, column]])
    tile = training.net.weights[0][:, 5].reshape(28, 28)
    np.testing.assert_allclose(weights.images[0].get_array()[31:59, 31:59], tile / abs(tile).max())
    answers, labels = training.net.predict(training.validation.images), training.validation.labels
    row = np.flatnonzero(answers != labels)[4]
    assert misread.texts[4].get_text() == f"{labels[row]} → {answers[row]}"
    image = misread.images[0].get_array()[50:78, 40:68]
    np.testing.assert_allclose(image, training.validation.images[row].reshape(28, 28))
    assert f"misread: {np.sum(answers != labels)}" in misread.get_title()

    words, now = figure.alt_text, training.curve[-1]
    assert words.startswith("Paused. Step 20, epoch 4.0.")
    assert f"Data loss: training {now.train_loss:.2f}, validation {now.validation_loss:.2f}." in words
    assert f"Accuracy: training {now.train_accuracy:.1%}, validation {now.validation_accuracy:.1%}." in words
    assert "784-16-10 (relu), η = 0.1, λ = 0, batch size 64, 300 training images" in words


def test_few_weights_and_few_mistakes_leave_blanks_and_one_answer_to_all_is_named(train, validation):
    training = Training(train, validation, hidden=())
    training.validation = Dataset(validation.images[:1], training.net.predict(validation.images[:1]))
    figure = Progress().show(training, "")
    assert (figure.axes[2].images[0].get_array()[90:] == 0).all(), "ten units fill ten of sixteen tiles"
    assert "misread: 0" in figure.axes[3].get_title() and not any(text.get_text() for text in figure.axes[3].texts)
    training.net.weights[-1][:] = 0
    training.net.biases[-1][3] = 1
    assert figure.show(training, "").alt_text.endswith("It says 3 to every digit.")


def test_it_begins_with_the_same_steps_of_the_settings_shown(mnist, validation, play):
    again = Playground(mnist.train[:1000], validation)
    assert play.training.steps == module._FIRST_STEPS
    assert play.words.value == again.words.value and play.image.value == again.image.value
    for name in ("learning_rate", "weight_decay", "batch_size"):
        assert play.sliders[name].value == getattr(play.training, name)
    bundle, metadata = play._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(bundle)
    assert metadata["image/png"]["alt"] == play.figure.alt_text == play.words.value


def test_other_rates_leave_the_run_where_it_is_a_step_goes_on_and_reset_begins_anew(play):
    training, picture = play.training, play.image.value
    play.set(learning_rate=0.3, weight_decay=0.001, batch_size=16)
    assert play.training is training and training.steps == module._FIRST_STEPS
    assert (training.learning_rate, training.weight_decay, training.batch_size) == (0.3, 0.001, 16)
    assert "η = 0.3, λ = 0.001, batch size 16" in play.words.value
    play.step_button.click()
    assert training.steps == module._FIRST_STEPS + 1 and "Step 151," in play.words.value
    assert play.image.value != picture
    play.good.click()
    assert play.training is training and (training.learning_rate, training.batch_size) == (0.1, 64)
    play.reset_button.click()
    assert play.training.steps == 0 and "Step 0," in play.words.value and play.drawing.net is play.training.net
    assert same(play.training.net, Network([784, 32, 10], seed=0, dtype="float64"))


@pytest.mark.parametrize(
    ("move", "sizes", "activation", "amount"),
    [
        ({"hidden": ()}, [784, 10], "relu", 1000),
        ({"hidden": (128, 64)}, [784, 128, 64, 10], "relu", 1000),
        ({"activation": "tanh"}, [784, 32, 10], "tanh", 1000),
        ({"amount": 300}, [784, 32, 10], "relu", 300),
    ],
)
def test_layers_activation_and_images_begin_a_new_run(play, move, sizes, activation, amount):
    play.set(learning_rate=0.3)
    play.set(**move)
    assert play.training.steps == 0 and len(play.training.train) == amount
    assert same(play.training.net, Network(sizes, activation, seed=0, dtype="float64"))
    assert play.training.learning_rate == 0.3 and play.drawing.net is play.training.net


def test_an_activation_needs_no_more_than_its_line_in_the_table(mnist, validation, monkeypatch):
    leaky = lambda Z: np.where(Z > 0, Z, 0.1 * Z), lambda Z, A: np.where(Z > 0, 1, 0.1)
    monkeypatch.setitem(core.ACTIVATIONS, "leaky relu", leaky)
    play = Playground(mnist.train[:1000], validation)
    play.set(activation="leaky relu")
    play.step(200)
    assert "(leaky relu)" in play.words.value and play.training.curve[-1].validation_accuracy > 0.5


def test_the_ends_of_every_control_can_be_drawn_and_trained(play):
    for name, slider in play.sliders.items():
        assert slider.description
        for option in (slider.options[0], slider.options[-1]):
            play.set(**{name: option[1] if isinstance(option, tuple) else option})
            picture = play.image.value
            play.step(2)
            assert play.training.steps and not play.training.diverged and play.image.value != picture
        play.good.click()


def test_divergence_is_drawn_and_named_and_left_behind(play):
    play.set(learning_rate=10.0, weight_decay=1.0)
    play.step(2000)
    assert play.words.value.startswith("Diverged in step") and "smaller learning rate" in play.words.value
    mark = play.figure.axes[0].texts[0].get_text()
    assert mark.startswith("Diverged in step") and mark.endswith("Try a smaller learning rate.")
    assert "e+" in play.figure.axes[0].get_title(), "a loss with hundreds of digits hides the picture"
    play.set(learning_rate=0.1)
    assert play.training.steps == 0 and play.words.value.startswith("Paused.")
    assert play.figure.axes[0].texts[0].get_text() == ""


def test_without_an_event_loop_start_says_so(play):
    with pytest.raises(RuntimeError, match="no event loop"):
        play.start()
    play.start_button.click()
    assert "no event loop" in play.words.value and not play.running


def test_training_in_the_background_leaves_room_for_others(play):
    async def run():
        play.start_button.click()
        assert play.running and play.start_button.description == "Pause"
        seen = []
        while len(seen) < 5 or play.training.steps <= module._FIRST_STEPS:
            await asyncio.sleep(0)
            seen.append(play.training.steps)
        play.start_button.click()
        stopped = play.training.steps
        assert not play.running and play.start_button.description == "Start"
        assert play.words.value.startswith("Paused.") and f"Step {stopped:,}," in play.words.value
        await asyncio.sleep(3 * module._REST)
        assert play.training.steps == stopped
        play.start()
        play.pause()
        play.start()  # the former task has not woken yet: one of the two has to train, not both
        await asyncio.sleep(2 * module._REST)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        play.pause()
        assert len(tasks) == 1

    asyncio.run(run())


def to_its_end(play, begin):
    """Begin something, and wait until the playground trains no more."""

    async def run():
        begin()
        while play.running:
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert play.start_button.description == "Start"


def test_settings_move_while_it_trains(play):
    def move():
        play.start()
        training = play.training
        play.sliders["learning_rate"].value = 10.0
        assert training.learning_rate == 10.0 and play.running and play.training is training
        play.sliders["hidden"].value = (16,)
        assert play.running and play.training.steps == 0
        play.sliders["weight_decay"].value = 1.0

    to_its_end(play, move)
    assert play.words.value.startswith("Diverged") and play.training.steps > 0


def test_an_epoch_ends_by_itself_and_so_does_a_run_that_was_forgotten(play, monkeypatch):
    epochs = play.training.epochs
    to_its_end(play, play.epoch_button.click)
    assert play.training.epochs == play.training.epoch == epochs + 1 and play.words.value.startswith("Paused.")
    monkeypatch.setattr(module, "_LONGEST", 0.0)
    to_its_end(play, play.start)
    assert play.words.value.startswith("Paused.")


def test_an_error_in_the_background_is_shown(play, monkeypatch):
    monkeypatch.setattr(Training, "step", lambda self: 1 / 0)
    to_its_end(play, play.start)
    assert "ZeroDivisionError: division by zero" in play.words.value


def test_a_new_playground_stops_the_former_one_and_so_does_closing(mnist, validation, play):
    async def run():
        play.start()
        other = Playground(mnist.train[:1000], validation)
        assert not play.running
        other.start()
        task = other._task
        other.close()
        await asyncio.wait_for(task, 5)
        assert not other.running

    asyncio.run(run())
