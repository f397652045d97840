"""The playground: train a network in the kernel, turn its settings while it trains, and draw a digit for it.

`Training` is the run itself and needs no front end. `Playground` shows it, and lets an asyncio task train for a few
hundredths of a second at a time: between two of them the kernel answers sliders, buttons and other cells.
"""

import asyncio
import signal
import weakref
from contextlib import suppress
from html import escape
from math import inf, isfinite
from threading import RLock
from time import perf_counter
from typing import NamedTuple

import ipywidgets
import numpy as np

from .. import checks
from ..functions import ACTIVATIONS
from ..network import Network
from ..optimizers import SGD
from ..threads import blas_threads
from ..training import Trainer
from .drawing import draw_a_digit
from .moving import Moving, curves, mosaic
from .plots import RED, as_square, class_names, dress
from .widgets import Live

MOST_POINTS = 200  # of a curve; with more, about half of them are dropped
_MEASURED = 1000  # examples of each part on which losses and accuracies are measured
_SLICE, _REST = 0.04, 0.015  # seconds of training, and of listening, in turn
_PICTURE = 0.13  # seconds between two pictures, at least
_READING = 0.5  # seconds between two readings of the drawing, at least: its network changes little in less
_LONGEST = 600  # seconds: a run that was forgotten ends by itself, for others may share the machine


class Measurement(NamedTuple):
    """One point of the curves: data losses without the penalty, and accuracies from 0 to 1."""

    step: int
    train_loss: float
    validation_loss: float
    train_accuracy: float
    validation_accuracy: float


class Training(Trainer):
    """Mini-batch gradient descent whose settings may change between two steps, and the curve of what it reached.

    It computes in float64, so that a step gives the same on every machine.

    Parameters
    ----------
    train, validation : Dataset
    hidden : sequence of int
        Units of each hidden layer, () for none.
    activation : str
        As in Network.
    seed : int
        Of the initial weights and of the order of the examples, as in `fit`.

    Attributes
    ----------
    learning_rate, weight_decay, batch_size
        Set them between two steps; a batch size above len(train) means all of it.
    steps, epochs : int
        How many are complete.
    curve : list of Measurement
        On the first 1,000 examples of each part, at most MOST_POINTS.
    diverged : str
        Why training cannot go on, in a sentence; else empty.
    """

    def __init__(self, train, validation, hidden=(32,), activation="relu", seed=0):
        hidden = [checks.integer("hidden", n, 1) for n in checks.sequence("hidden", hidden)]
        sizes = [checks.dataset("train", train).images.shape[-1], *hidden, len(class_names(train))]
        net = Network(sizes, activation, seed=seed, dtype="float64")
        super().__init__(net, train, checks.dataset("validation", validation)[:_MEASURED], batch_size=64, seed=seed)
        self.steps, self.diverged, self.curve = 0, "", []
        self._every = 10  # steps between two Measurements
        self._one_at_a_time = RLock()  # a cell and the background may run in two threads of one kernel
        self.record()

    @property
    def learning_rate(self):
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate):
        self.optimizer = SGD(rate)

    @property
    def epoch(self):
        """How often all examples were used, a fraction included."""
        return self.epochs + self.position / len(self.train)

    def step(self):
        """Take one step, as a Trainer does, and count it."""
        with self._one_at_a_time:
            loss = super().step()
            self.steps += 1
            return loss

    def take_steps(self, n=1):
        """Take n steps. A loss that is not finite ends training before its step is taken, and `diverged` says so."""
        with self._one_at_a_time:
            target = self.steps + checks.integer("n", n, 0)
            self._train_until(lambda: self.steps >= target)

    def advance(self, seconds, epochs=inf):
        """Take steps for so many seconds, at least one, but none once so many epochs are complete."""
        deadline = perf_counter() + checks.number("seconds", seconds, at_least=0)
        if epochs != inf:
            checks.number("epochs", epochs, at_least=0)
        first = self.steps + 1
        self._train_until(lambda: self.epochs >= epochs or self.steps >= first and perf_counter() >= deadline)

    def _train_until(self, done):
        work = min(self.batch_size, len(self.train)) * self.net.n_parameters
        with self._one_at_a_time, blas_threads(work), np.errstate(over="ignore", invalid="ignore"):
            while not (self.diverged or done()):
                try:
                    self.step()
                except checks.Diverged:
                    self.record()  # where it broke, the curve should end
                    self._diverge()
                    return
                if self.steps >= self.curve[-1].step + self._every:
                    self.record()

    def record(self):
        """Add a Measurement of the network as it is now, unless there is one of this step already."""
        with self._one_at_a_time, np.errstate(over="ignore", invalid="ignore"):
            if self.diverged or self.curve and self.curve[-1].step == self.steps:
                return
            try:
                row = self.measure(_MEASURED)
            except checks.Diverged:
                return self._diverge()
            if not isfinite(row["validation_loss"]):
                return self._diverge()
            self.curve.append(Measurement(self.steps, *(row[name] for name in Measurement._fields[1:])))
            if len(self.curve) > MOST_POINTS:
                self._thin_out()

    def _thin_out(self):
        self._every = max(self._every, -(-2 * self.steps // MOST_POINTS))
        kept = self.curve[:1]
        for point in self.curve[1:-1]:
            if point.step >= kept[-1].step + self._every:
                kept.append(point)
        self.curve = kept + self.curve[-1:]

    def answers(self):
        """Return the measured validation examples, a Dataset, and what the network says to each, (m,) integers."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.validation, self.net.predict(self.validation.images)

    def _diverge(self):
        self.diverged = (
            f"Diverged in step {self.steps + 1:,}: the loss is no finite number any more, with η = "
            f"{self.learning_rate:g} and λ = {self.weight_decay:g}. Try a smaller learning rate."
        )


class Progress(Moving):
    """A Training: its curves, the weights of its first layer, and validation digits that it misreads.

    names: what the classes are called, as `class_names` gives it; by default they are the ten digits.
    """

    ROWS, COLUMNS = 4, 3  # of misread digits
    _HEIGHT, _WIDTH = 40, 36  # of a misread digit with the caption above it, in its pixels

    def __init__(self, names=None):
        super().__init__(9.1, 3.7)
        self._names = names
        if names is not None and max(map(len, names)) > 3:  # words take room: two lines over fewer pictures
            self.ROWS, self.COLUMNS, self._HEIGHT, self._WIDTH = 3, 2, 48, 56
        grid = self.add_gridspec(2, 3, width_ratios=[1.6, 1, 0.84])
        self._loss, self._accuracy = (self.add_subplot(grid[row, 0]) for row in range(2))
        weights, misread = (self.add_subplot(grid[:, column]) for column in (1, 2))
        point = {"marker": "o", "markevery": [-1]}  # a run without a step is seen, too
        self._losses, self._accuracies = (
            curves(axis, "training", "validation", **point) for axis in (self._loss, self._accuracy)
        )
        for axis, percent, top in ((self._loss, "", 2.6), (self._accuracy, "y", 1.03)):
            dress(axis, "", "", "0", percent=percent)
            axis.set_ylim(0, top)
        self._loss.tick_params(labelbottom=False)
        self._accuracy.set_xlabel("step")
        self._loss.legend(loc="upper right")
        self._mark = self._loss.text(
            0.5, 0.5, "", transform=self._loss.transAxes, ha="center", va="center", color=RED,
            fontweight="bold", bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )  # fmt: skip

        nothing = np.zeros((120, 120))
        self._weights = weights.imshow(nothing, cmap="bwr", vmin=-1, vmax=1, interpolation="nearest")
        weights.set_title("weights of 16 units")
        nothing = np.zeros((self.ROWS * self._HEIGHT, self.COLUMNS * self._WIDTH))
        self._misread = misread.imshow(nothing, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        self._count = misread.set_title("0")
        self._places = [(row, column) for row in range(self.ROWS) for column in range(self.COLUMNS)]
        self._captions = [
            misread.text((column + 0.5) * self._WIDTH, (row + 0.5) * self._HEIGHT - 15, "", ha="center", va="center")
            for row, column in self._places
        ]
        for axis in (weights, misread):
            axis.set_axis_off()
            axis.set_anchor("N")
        self._titles = [self._loss.title, self._accuracy.title]
        self.move(*self._losses, *self._accuracies, *self._titles, self._mark, self._weights, self._misread)
        self.move(self._count, *self._captions)
        self._span = 0

    def show(self, training, state):
        """Show a Training; state is a sentence to begin the words with, such as "Paused."."""
        self._stretch(training.steps)
        steps, train_loss, validation_loss, train_accuracy, validation_accuracy = zip(*training.curve, strict=True)
        for line, values in zip(self._losses, (train_loss, validation_loss), strict=True):
            line.set_data(steps, np.minimum(values, 50))
        for line, values in zip(self._accuracies, (train_accuracy, validation_accuracy), strict=True):
            line.set_data(steps, values)
        now = training.curve[-1]
        losses = f"training {_short(now.train_loss)}, validation {_short(now.validation_loss)}"
        accuracies = f"training {now.train_accuracy:.1%}, validation {now.validation_accuracy:.1%}"
        for title, text in zip(self._titles, (f"data loss: {losses}", f"accuracy: {accuracies}"), strict=True):
            title.set_text(text)
        first, _, advice = training.diverged.partition(": ")
        self._mark.set_text(f"{first}\n{advice.split('. ')[-1]}" if first else "")
        self._weights.set_data(_sixteen(training.net.weights[0]))
        examples, answers = training.answers()
        wrong = answers != examples.labels
        self._show_misread(examples[wrong], answers[wrong])

        net = training.net
        when = "" if now.step == training.steps else f" in step {now.step:,}"  # a broken network has no losses
        units = "-".join(map(str, net.sizes)) + (f" ({net.activation})" if len(net.sizes) > 2 else "")
        self.alt_text = (
            f"{training.diverged or state} Step {training.steps:,}, epoch {training.epoch:.1f}. Data loss{when}: "
            f"{losses}. Accuracy{when}: {accuracies}. Layers {units}, η = {training.learning_rate:g}, "
            f"λ = {training.weight_decay:g}, batch size {training.batch_size}, {len(training.train):,} training images."
        )
        if np.all(answers == answers[0]):
            every = "digit" if self._names is None else "picture"
            self.alt_text += f" It says {self._called(answers[0])} to every {every}."
        return self

    def _called(self, label):
        return str(label) if self._names is None else self._names[label]

    def _stretch(self, steps):
        """The axes end at 500 steps, 1,000, 2,000, …: what moves seldom can be kept as a still background."""
        span = 500 * 2 ** max(0, int(np.ceil(np.log2(max(steps, 1) / 500))))
        if span != self._span:
            self._span = span
            for axis in (self._loss, self._accuracy):
                axis.set_xlim(0, span)
            self.lay_out_again()

    def _show_misread(self, misread, answers):
        sheet = np.zeros((self.ROWS * self._HEIGHT, self.COLUMNS * self._WIDTH))
        for i, ((row, column), caption) in enumerate(zip(self._places, self._captions, strict=True)):
            caption.set_text("")
            if i < len(answers):
                between = " → " if self._HEIGHT == 40 else "\n→ "
                caption.set_text(self._called(misread.labels[i]) + between + self._called(answers[i]))
                top, left = row * self._HEIGHT + self._HEIGHT - 30, column * self._WIDTH + self._WIDTH // 2 - 14
                sheet[top : top + 28, left : left + 28] = as_square(misread.images[i])
        self._misread.set_data(sheet)
        self._count.set_text(f"misread: {len(answers)}")


def _short(loss):
    """A loss as text; before a run diverges, it can have hundreds of digits."""
    return f"{loss:.2f}" if loss < 100 else f"{loss:.0e}"


def _sixteen(W):
    """The first sixteen columns of W, (784, n), as a picture of 4×4 tiles; where there are fewer, blank tiles."""
    return mosaic(np.pad(W[:, :16], ((0, 0), (0, max(0, 16 - W.shape[1])))), 4, 4)


_WHY = "η = 0.1 learns within seconds, and its loss falls steadily."
_FIRST_STEPS = 150  # taken at once, so that the picture has something to show
_LAYERS = {"none": (), "16": (16,), "32": (32,), "128": (128,), "32, 32": (32, 32), "128, 64": (128, 64)}
_AMOUNTS = [100, 300, 1000, 5000, 10_000, 50_000]
_RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
_DECAYS = [0.0, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0]


class Playground(Live):
    """Controls, a Training that goes on in the background, its picture, and a pad to draw on. Made by `playground`.

    `start`, `pause`, `step` and `reset` do what the buttons do.

    Attributes
    ----------
    training : Training
        The one now shown.
    drawing : DrawADigit
    start_button, step_button, epoch_button, reset_button : ipywidgets.Button
        With the DOM classes live-start and so on.
    """

    _task, _until = None, inf
    _shown = _read = 0.0  # when the picture was drawn, and when the drawing was read
    _newest = staticmethod(lambda: None)  # a weak reference: when a cell runs again, the one it made before stops

    def __init__(self, train, validation, seed=0):
        former = Playground._newest()
        if former is not None:
            former.pause()
        Playground._newest = weakref.ref(self)
        self._data, self._seed = (train, validation), seed
        controls = _controls(len(train))
        self._begin(*(controls[name].value for name in ("hidden", "activation", "amount")))
        self.training.take_steps(_FIRST_STEPS)
        self.drawing = draw_a_digit(self.training.net, train.names)
        self._picture = Progress(train.names)
        self.start_button = self._button("Start", "play", "Train until Pause is pressed", self._start_or_pause)
        self.step_button = self._button("Step", "step-forward", "Take one step", self.step)
        self.epoch_button = self._button("Epoch", "fast-forward", "Go once through the images", lambda: self.start(1))
        self.reset_button = self._button("Reset", "refresh", "Go back to the initial weights", self.reset)
        super().__init__(self._apply, _WHY, **controls)
        self._arrange()

    def start(self, epochs=inf):
        """Train in the background until `pause`, until so many more epochs are complete, or for ten minutes.

        The notebook's stop button pauses, too, whether a cell is running or not. A diverged run begins anew.

        Raises
        ------
        RuntimeError
            Where no event loop runs; there, use `step`.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError("there is no event loop to train in the background; use step(n) instead") from None
        if self.training.diverged:
            self._begin(*self._shape)
        self._until = self.training.epochs + epochs
        if not self.running:
            self._task = loop.create_task(self._train())
        self._redraw()

    def pause(self):
        """Stop training; `start` goes on from here."""
        if self.running:
            self._task = None  # the task sees it when it wakes, and ends
            self._redraw()

    def step(self, n=1):
        """Take n steps, now."""
        with self._one_at_a_time:
            self._task = None
            self.training.take_steps(n)
            self._redraw()

    def reset(self):
        """Stop, and go back to the initial weights, which are the same every time."""
        with self._one_at_a_time:
            self._task = None
            self._begin(*self._shape)
            self._redraw()

    def close(self):
        """Stop training and take the widget away."""
        self._task = None
        super().close()
        self.training = self._picture = self._data = None

    @property
    def running(self):
        """Whether it is training in the background."""
        return self._task is not None

    async def _train(self):
        me = asyncio.current_task()
        started = perf_counter()
        try:
            while self._task is me:
                _hear_the_stop_button()
                self.training.advance(_SLICE, self._until)
                now = perf_counter()
                if self.training.diverged or self.training.epochs >= self._until or now - started > _LONGEST:
                    self._task = None
                if now - self._shown > _PICTURE or not self.running:
                    self._redraw()
                await asyncio.sleep(_REST)
        except KeyboardInterrupt:
            self.pause()
        except Exception as error:  # nobody awaits this task: what is not shown here would be lost
            self._complain(error)
        finally:
            if self._task is me:  # canceled from outside
                self._task = None

    def _begin(self, hidden, activation, amount):
        train, validation = self._data
        self._shape = hidden, activation, amount
        self.training = Training(train[:amount], validation, hidden, activation, self._seed)
        self._until = min(self._until, 1) if isfinite(self._until) else inf

    def _apply(self, hidden, activation, amount, **settings):
        """Give the settings to the training, or to a new one where they ask for it, and draw."""
        shape = hidden, activation, amount
        if shape != self._shape or self.training.diverged and settings != self._settings:
            self._begin(*shape)
        self._settings = settings
        for name, value in settings.items():
            setattr(self.training, name, value)
        self.training.record()
        return self._picture.show(self.training, "Training." if self.running else "Paused.")

    def _redraw(self, _change=None):
        super()._redraw()
        if not self._held:
            self._label()
            if not self.running or perf_counter() - self._read > _READING:
                with np.errstate(over="ignore", invalid="ignore"):
                    self.drawing.net = self.training.net
                self._read = perf_counter()
            self._shown = perf_counter()

    def _button(self, description, icon, tooltip, action):
        def clicked(_):
            try:
                action()
            except Exception as error:  # a front end would only log it
                self._complain(error)

        button = ipywidgets.Button(description=description, icon=icon, tooltip=tooltip, layout={"width": "90px"})
        button.on_click(clicked)
        return button.add_class(f"live-{description.lower()}")

    def _start_or_pause(self):
        if self.running:
            self.pause()
        else:
            self.start()

    def _label(self):
        self.start_button.description = "Pause" if self.running else "Start"
        self.start_button.icon = "pause" if self.running else "play"

    def _complain(self, error):
        self._task = None
        self._label()
        self.words.value = f"<b>Training stopped: {escape(f'{type(error).__name__}: {error}', quote=False)}</b>"

    def _arrange(self):
        *controls, way_back, image, words = self.children
        buttons = ipywidgets.HBox([self.start_button, self.step_button, self.epoch_button, self.reset_button, way_back])
        rows = [ipywidgets.HBox(controls), buttons]
        for row in rows:
            row.layout.flex_flow = "row wrap"  # narrow windows have more and shorter rows
        rows[0].layout.max_width = "830px"
        image.layout.max_width = "calc(100% - 4px)"  # all but its margins
        self.children = [*rows, image, words, self.drawing]


def _hear_the_stop_button():
    """While no cell runs, a kernel ignores it; from now on it pauses the newest playground.

    The event loop hears it in cells and in widgets' callbacks, too, where Jupyter sets a handler of its own.
    """

    def pause():
        newest = Playground._newest()
        if newest is not None:
            newest.pause()

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # not on Windows, not in a web page, not beside the main thread
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, pause)


def playground(mnist, seed=0):
    """Train a network of your own: choose layers and settings, watch it learn, and draw a digit for it.

    Parameters
    ----------
    mnist : MNIST
        Or another data set, as `load_dataset` gives it: its classes go by their names.
    seed : int
        Of the initial weights and of the order of the examples.

    Notes
    -----
    The picture begins with 150 steps taken.
    """
    checks.like("mnist", mnist, "validation", "an MNIST, such as load_mnist gives")
    return Playground(mnist.train, mnist.validation, seed)


def _controls(available):
    """The Dropdowns and sliders; available: how many training images there are."""
    amounts = [n for n in _AMOUNTS if n <= available] or [available]
    amount = max(n for n in amounts if n <= 5000)
    style = {"style": {"description_width": "104px"}, "layout": {"width": "265px"}}

    def dropdown(description, options, start):
        return ipywidgets.Dropdown(options=options, value=start, description=description, **style)

    def slider(description, values, start):
        options = [(f"{value:g}", value) for value in values]
        return ipywidgets.SelectionSlider(options=options, value=start, description=description, **style)

    return {
        "hidden": dropdown("hidden layers", list(_LAYERS.items()), (32,)),
        "activation": dropdown("activation", list(ACTIVATIONS), "relu"),
        "amount": dropdown("training images", [(f"{n:,}", n) for n in amounts], amount),
        "learning_rate": slider("learning rate η", _RATES, 0.1),
        "weight_decay": slider("weight decay λ", _DECAYS, 0.0),
        "batch_size": slider("batch size m", [1, 4, 16, 64, 256, 1000], 64),
    }
