"""Sliders over pictures. Each widget is a thin shell: a pure function turns the sliders' values into a Figure.

A widget's output holds the live view and a still PNG with its alt text, so a reader without a kernel sees the
picture as it is at the start.
"""

import ipywidgets
import numpy as np

from ..functions import softmax
from ..gradient_check import central_difference
from ..network import Network
from ..optimizers import SGD
from ..training import fit
from . import plots

_SHAPE = {"style": {"description_width": "initial"}, "layout": {"width": "460px"}}


class Live(ipywidgets.VBox):
    """Sliders, and the picture that draw makes of their values, and that picture in words.

    draw: a function of the sliders' names that returns a Figure. sliders: name=slider.
    `live.set(name=value)` moves a slider as a hand would; `live.figure` is the picture now shown.
    """

    def __init__(self, draw, **sliders):
        self._draw = draw
        self.sliders = sliders
        self.image = ipywidgets.Image(format="png")
        self.words = ipywidgets.HTML()
        super().__init__([*sliders.values(), self.image, self.words])
        for slider in sliders.values():
            slider.observe(self._redraw, names="value")
        self._redraw()

    def set(self, **values):
        """Move sliders: name=value."""
        for name, value in values.items():
            self.sliders[name].value = value

    def _redraw(self, _change=None):
        self.figure = self._draw(**{name: slider.value for name, slider in self.sliders.items()})
        self.image.layout.width = f"{self.figure.get_figwidth() * 96:.0f}px"
        self.image.value = self.figure.png()
        self.words.value = self.figure.alt_text

    def _repr_mimebundle_(self, **kwargs):
        # the still picture goes beside the live view; a front end shows the view when it can
        view = super()._repr_mimebundle_(**kwargs) or {}
        still, metadata = self.figure._repr_mimebundle_()
        return {**view, **still}, metadata


def choice(description, values, start, text="{:g}"):
    """A slider over a list of values, which it shows as text."""
    options = [(text.format(value), value) for value in values]
    return ipywidgets.SelectionSlider(options=options, value=start, description=description, **_SHAPE)


def whole(description, low, high, start):
    """A slider over whole numbers."""
    return ipywidgets.IntSlider(start, low, high, description=description, **_SHAPE)


def hello():
    """A slider that draws a wave: whether widgets work on this machine."""

    def draw(waves):
        x = np.linspace(0, 1, 400)
        alt = f"A sine curve with {waves} full wave{'s' * (waves > 1)} between 0 and 1."
        return plots.lines({"wave": (x, np.sin(2 * np.pi * waves * x))}, "x", "sin(2π · waves · x)", alt, width=6.0)

    return Live(draw, waves=whole("waves", 1, 9, 3))


def browse_digits(data):
    """Ten examples of one class at a time, from a Dataset."""
    rows = [np.flatnonzero(data.labels == k) for k in range(10)]

    def draw(digit, page):
        shown = rows[digit][10 * page : 10 * page + 10]
        alt = f"Ten handwritten images of the digit {digit}, rows {shown[0]:,} to {shown[-1]:,} of the data."
        return plots.digits(data.images[shown], shown, alt, columns=5, scale=1.0)

    last = min(len(r) for r in rows) // 10 - 1
    return Live(draw, digit=whole("digit", 0, 9, 7), page=whole("page", 0, last, 0))


def watch_forward_pass(net, data):
    """The activations and probabilities of a network with one hidden layer, for one example at a time."""

    def draw(example):
        _, hidden, logits = net.activations(data.images[example : example + 1])
        probabilities = softmax(logits)[0]
        best = int(probabilities.argmax())
        alt = (
            f"Example {example}, labelled {data.labels[example]}: {np.mean(hidden > 0):.0%} of the hidden units are "
            f"active, and the network says {best} with probability {probabilities[best]:.0%}."
        )
        return plots.forward_pass(data.images[example], hidden[0], probabilities, alt)

    return Live(draw, example=whole("example", 0, min(len(data), 200) - 1, 0))


def loss_along_weight(net, data, layer, entry):
    """Move one weight, weights[layer][entry], along its loss curve; the slope is that of backpropagation."""
    net = net.copy("float64")
    W = net.weights[layer]
    start = W[entry]
    moves = np.linspace(-3, 3, 61)

    def at(move, what):
        W[entry] = start + move
        result = what()
        W[entry] = start
        return result

    curve = np.array([at(move, lambda: net.loss(data.images, data.labels).data) for move in moves])

    def draw(move):
        loss, gradients = at(move, lambda: net.loss_and_gradients(data.images, data.labels))
        slope = gradients[layer][0][entry]
        direction = "down" if slope > 0 else "up"
        alt = (
            f"The loss as one weight moves by −3 to 3. At a move of {move:+.1f} the loss is {loss.data:.4f} and the "
            f"tangent has slope {slope:+.4f}: the weight should go {direction}."
        )
        return plots.tangent(moves, curve, move, loss.data, slope, "move of the weight", "loss", alt)

    return Live(draw, move=choice("move", [round(m, 1) for m in moves.tolist()], -2.0, "{:+.1f}"))


def epsilon_on_v_curve(f, slope, x):
    """Where the central difference of f at x loses: ε on the V-shaped curve of its error. slope: the true one."""
    exponents = np.linspace(-13, 0, 53)

    def error(epsilon):
        at = np.array([x])
        measured = central_difference(lambda: f(at[0]), at, epsilon)[0]
        return max(abs(measured - slope) / abs(slope), 1e-16)

    errors = [error(10.0**e) for e in exponents]

    def draw(exponent):
        epsilon = 10.0**exponent
        side = "rounding rules" if exponent < -5 else "the curve's bend rules" if exponent > -5 else "the two balance"
        alt = f"With ε = 1e{exponent:g} the relative error is about 1e{round(np.log10(error(epsilon)))}: {side}."
        figure = plots.lines(
            {"central difference": (10.0**exponents, errors)}, "ε", "relative error", alt, log="xy", width=7.0
        )
        figure.axes[0].plot([epsilon], [error(epsilon)], "o", color=plots.RED, markersize=9)
        return figure

    return Live(draw, exponent=choice("log₁₀ ε", [float(e) for e in range(-13, 1)], -3.0))


def _small_run(train, validation, learning_rate, **settings):
    """A 784-32-10 network trained from the same start each time, so that all change is the settings' doing."""
    net = Network([784, 32, 10], seed=1)
    optimizer = SGD(learning_rate)
    return net, fit(net, train, validation=validation, optimizer=optimizer, progress=False, seed=1, **settings)


def _verdict(history):
    if history.stopped:
        return history.stopped
    train, validation = history.train_accuracy[-1], history.validation_accuracy[-1]
    return f"After {history.epochs} epochs: training accuracy {train:.0%}, validation accuracy {validation:.0%}"


def learning_rate_and_batch_size(train, validation, epochs=8):
    """Train a small network with the sliders' learning rate and batch size, from the same start each time."""

    def draw(learning_rate, batch_size):
        _, history = _small_run(train, validation, learning_rate, epochs=epochs, batch_size=batch_size)
        updates = len(history.batch_loss)
        alt = f"Learning rate {learning_rate:g}, batch size {batch_size}, {updates} updates. {_verdict(history)}."
        figure = plots.panels(
            [
                {
                    "series": {"loss of each batch": (np.arange(1, updates + 1), history.batch_loss)},
                    "xlabel": "update", "ylabel": "data loss", "ylim": (0, 4),
                },
                {
                    "series": {
                        "training": (range(history.epochs + 1), history.train_accuracy),
                        "validation": (range(history.epochs + 1), history.validation_accuracy),
                    },
                    "xlabel": "epoch", "ylabel": "accuracy", "ylim": (0, 1.02),
                },
            ],
            alt,
        )  # fmt: skip
        return figure

    rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
    sizes = [size for size in (1, 4, 16, 64, 256, 1000) if size <= len(train)]
    return Live(
        draw,
        learning_rate=choice("learning rate η", rates, 0.1),
        batch_size=choice("batch size B", sizes, 64),
    )


def learning_rate_and_weight_decay(train, validation, epochs=20):
    """Train a small network with the sliders' η and λ, from the same start each time."""

    def draw(learning_rate, weight_decay):
        settings = {"epochs": epochs, "weight_decay": weight_decay, "batch_size": 100}
        net, history = _small_run(train, validation, learning_rate, **settings)
        alt = f"η = {learning_rate:g}, λ = {weight_decay:g}. {_verdict(history)}"
        if not history.stopped:
            gap = history.train_accuracy[-1] - history.validation_accuracy[-1]
            norm = np.sqrt(sum(np.sum(W**2) for W in net.weights))
            alt += f", gap {100 * gap:.0f} points, weight norm {norm:.0f}."
        return plots.regularization(history, net.weights[0], alt)

    return Live(
        draw,
        learning_rate=choice("learning rate η", [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0], 0.3),
        weight_decay=choice("weight decay λ", [0.0, 1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0], 0.0),
    )
