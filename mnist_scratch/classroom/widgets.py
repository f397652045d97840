"""Sliders over pictures. Each widget is a thin shell over a pure function from the sliders' values to a Figure.

Nothing is looked up: what trains, trains anew on every move, from the same initial weights, so that all that changes
is the slider's doing. A widget's output holds the live view and a still PNG with its alt text, so a reader without a
kernel sees the picture as it is at the start.
"""

from html import escape
from threading import RLock

import ipywidgets
import numpy as np

from .. import checks
from ..checks import dataset
from ..data import batch_rows, shuffled
from ..distortions import Distortion, interpolate
from ..functions import softmax
from ..gradient_check import central_difference
from ..network import Network
from ..optimizers import SGD
from ..recipes import RECIPES
from ..training import fit
from . import moving
from .cells import CellWidget
from .plots import class_names

_SHAPE = {"style": {"description_width": "140px"}, "layout": {"width": "480px"}}


class Live(CellWidget):
    """Sliders, the picture that a function makes of their values, and that picture in words.

    Parameters
    ----------
    draw : function
        Of the sliders' values by name; it returns a Figure, best always the same one (see `moving`).
    why : str
        Why the values at the start are good ones, in a sentence; with it comes a button that goes back to them.
    **sliders : ipywidgets.Widget
        The sliders by name.

    Attributes
    ----------
    figure : Figure
        The picture now shown.
    sliders : dict
    why : str
    """

    def __init__(self, draw, why="", **sliders):
        self._draw = draw
        self._held = False
        self._one_at_a_time = RLock()  # front ends may let two sliders' callbacks run in two threads
        self.sliders, self.why = sliders, why
        self.image = ipywidgets.Image(format="png").add_class("live-picture")
        self.words = ipywidgets.HTML().add_class("live-words")
        super().__init__([*sliders.values(), *self._way_back(why), self.image, self.words])
        self.add_class("live")
        for slider in sliders.values():
            slider.observe(self._redraw, names="value")
        self._redraw()

    def set(self, **values):
        """Move sliders as a hand would, name=value, and draw once.

        Raises
        ------
        TypeError
            When there is no slider of that name; none has moved then.
        ValueError
            When a value is not on its slider; none has moved then.
        """
        for name, value in values.items():
            if name not in self.sliders:
                raise TypeError(f"there is no slider {name!r}; the sliders are {', '.join(self.sliders)}")
            _check_position(name, value, self.sliders[name])
        self._held = True
        try:
            for name, value in values.items():
                self.sliders[name].value = value
        finally:
            self._held = False
        self._redraw()

    def close(self):
        """Take the widget away, with all that it holds."""
        if self.comm is not None:
            super().close()
            self.image.value = b""
            self.sliders, self._draw, self.figure = {}, None, None

    def _way_back(self, why):
        if not why:
            return []
        start = {name: slider.value for name, slider in self.sliders.items()}
        self.good = ipywidgets.Button(description="Back to a good setting", icon="undo", layout={"width": "200px"})
        self.good.add_class("live-good")
        self.good.on_click(lambda _: self.set(**start))
        return [ipywidgets.HBox([self.good, ipywidgets.HTML(escape(why, quote=False))])]

    def _redraw(self, _change=None):
        if self._held:
            return
        with self._one_at_a_time:
            self.figure = self._draw(**{name: slider.value for name, slider in self.sliders.items()})
            self.words.value = escape(self.figure.alt_text, quote=False)
            self.image.layout.width = f"{self.figure.get_figwidth() * 96:.0f}px"
            self.image.value = self.figure.live_png()

    def still(self):
        """The picture as it is now."""
        return self.figure._repr_mimebundle_()


def _check_position(name, value, slider):
    if hasattr(slider, "options"):
        positions = [option[1] if isinstance(option, tuple) else option for option in slider.options]
        allowed = f"one of {', '.join(map(str, positions))}"
    else:
        positions = range(slider.min, slider.max + 1)
        allowed = f"a whole number from {slider.min} to {slider.max}"
    if value not in positions:
        raise ValueError(f"{name} must be {allowed}, not {value!r}")


def choice(description, values, start, text="{:g}"):
    """Make a slider over a list of values, which it shows as text."""
    options = [(text.format(value), value) for value in values]
    return ipywidgets.SelectionSlider(options=options, value=start, description=description, **_SHAPE)


def whole(description, low, high, start):
    """Make a slider over whole numbers."""
    return ipywidgets.IntSlider(start, low, high, description=description, **_SHAPE)


def hello():
    """Show a slider that draws a wave: whether widgets work on this machine."""
    return Live(moving.Wave().show, waves=whole("waves", 1, 9, 3))


def browse_digits(data):
    """Show ten examples of one class at a time, from a Dataset with ten or more of each digit, or class with a name."""
    _digits("data", data)
    names = class_names(data)
    rows = [np.flatnonzero(data.labels == k) for k in range(len(names))]
    if min(map(len, rows)) < 10:
        raise ValueError("data has fewer than ten images of some digit; give more")
    figure = moving.DigitGrid()

    def draw(digit, page):
        shown = rows[digit][10 * page : 10 * page + 10]
        of = f"handwritten images of the digit {digit}" if data.names is None else f"images of {names[digit]}"
        alt = f"Ten {of}, page {page}: rows {shown[0]:,} to {shown[-1]:,}."
        return figure.show(data.images[shown], shown, alt)

    last = min(len(r) for r in rows) // 10 - 1
    classes = whole("digit", 0, 9, 7)
    if data.names is not None:
        options = [(name, k) for k, name in enumerate(names)]
        classes = ipywidgets.SelectionSlider(options=options, description="class", **_SHAPE)
    return Live(draw, digit=classes, page=whole("page", 0, last, 0))


def watch_forward_pass(net, data):
    """Show a network at work, step by step, on one example of a Dataset at a time.

    The network must have one hidden layer of ReLU units, and softmax outputs.
    """
    checks.like("net", net, "sizes", "a Network")
    _digits("data", data)
    if len(net.sizes) != 3 or net.sizes[0] != 784 or net.activation != "relu" or net.output != "softmax":
        raise ValueError(f"net must have one hidden layer of ReLU units, and softmax outputs; this one is {net!r}")
    _check_answers(net, data)
    names = class_names(data, net.sizes[-1])
    figure = moving.ForwardPass(net.sizes[1], names)

    def draw(example, step):
        X = data.images[example : example + 1]
        sums = X @ net.weights[0] + net.biases[0]
        logits = net.forward(X)
        probabilities = softmax(logits)[0]
        best = int(probabilities.argmax())
        alt = (
            f"Example {example}, labeled {names[data.labels[example]]}, up to step {step}, {figure.STEPS[step - 1]}: "
            f"{np.mean(sums > 0):.0%} of the hidden units are active, and the network says {names[best]} with "
            f"probability {probabilities[best]:.0%}."
        )
        return figure.show(X[0], sums[0], logits[0], probabilities, step, alt)

    return Live(
        draw, example=whole("example", 0, min(len(data), 200) - 1, 0), step=whole("up to step", 1, len(figure.STEPS), 5)
    )


def loss_along_weight(net, data, layer, entry):
    """Move one weight along its loss curve; the slope of the tangent is that of backpropagation.

    Parameters
    ----------
    net : Network
        It is copied.
    data : Dataset
        The examples of which the loss is the mean.
    layer : int
        The weight is net.weights[layer][entry].
    entry : tuple of int
        Row and column.
    """
    net = checks.like("net", net, "weights", "a Network").copy("float64")
    if dataset("data", data).images.shape[1] != net.sizes[0]:
        raise ValueError(f"data must hold images of {net.sizes[0]} pixels, as many as the network takes")
    W = net.weights[checks.integer("layer", layer, 0, len(net.weights) - 1)]
    entry = checks.sequence("entry", entry)
    if len(entry) != 2:
        raise ValueError(f"entry must be a row and a column of the weights, not {entry}")
    entry = tuple(checks.integer("entry", i, 0, n - 1) for i, n in zip(entry, W.shape, strict=True))
    start = W[entry]
    moves = np.linspace(-3, 3, 61)

    def at(move, what):
        W[entry] = start + move
        result = what()
        W[entry] = start
        return result

    with np.errstate(over="ignore", invalid="ignore"):
        curve = np.array([at(move, lambda: net.loss(data.images, data.labels).data) for move in moves])
    if not np.isfinite(curve).all():
        raise ValueError(f"the loss is not finite along this weight; {_DIVERGED}")
    figure = moving.Tangent(moves, curve, "move of the weight", "loss")

    def draw(move):
        loss, gradients = at(move, lambda: net.loss_and_gradients(data.images, data.labels))
        slope = gradients[layer][0][entry]
        direction = "down" if slope > 0 else "up"
        alt = (
            f"The loss as one weight moves by −3 to 3. At a move of {move:+.1f} the loss is {loss.data:.4f} and the "
            f"tangent has slope {slope:+.4f}: the weight should go {direction}."
        )
        return figure.show(move, loss.data, slope, alt)

    return Live(draw, move=choice("move", [round(m, 1) for m in moves.tolist()], -2.0, "{:+.1f}"))


def adversarial_digit(net, data, example=0):
    """Change each pixel of a digit by at most ε, by the sign of its slope or at random; show what a network answers.

    Parameters
    ----------
    net : Network
        It takes 784 pixels.
    data : Dataset
        The digits.
    example : int
        Which of them is shown first.

    Notes
    -----
    The fast gradient sign method of Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples",
    2015: X + ε sign(∂J/∂X), cut off where it leaves [0, 1].
    """
    checks.like("net", net, "forward_pass", "a Network")
    _digits("data", data)
    _check_answers(net, data)
    epsilons = [round(0.01 * i, 2) for i in range(31)]
    ways = ["by its slope", "at random"]
    last = min(len(data), 200) - 1
    names = class_names(data, net.sizes[-1])
    figure = moving.AdversarialDigit(epsilons[-1], names)

    def draw(example, epsilon, signs):
        X, label = data.images[example : example + 1], int(data.labels[example])
        if signs == ways[0]:
            _, gradients = net.loss_and_gradients(X, [label])  # of one example, so db¹ is its dZ¹
            direction = np.sign(gradients[0][1] @ net.weights[0].T)
        else:
            direction = np.random.default_rng(example).choice([-1, 1], X.shape)
        changed = np.clip(X + epsilon * direction, 0, 1).astype(X.dtype)
        before, after = net.predict_proba(X)[0], net.predict_proba(changed)[0]
        says = [f"{names[p.argmax()]}, {p.max():.0%}" for p in (before, after)]
        alt = (
            f"Example {example}, labeled {names[label]}, read as {says[0]}. Each pixel changed by at most {epsilon:g}, "
            f"up or down {signs}: read as {says[1]}. The probability of {names[label]} was {before[label]:.1%} and is "
            f"now {after[label]:.1%}."
        )
        if moving.are_short(names):
            titles = [f"a {names[label]}, read as {says[0]}", f"change: at most {epsilon:g}", f"now read as {says[1]}"]
        else:
            titles = [f"{names[label]},\nread as {says[0]}", f"change:\nat most {epsilon:g}", f"now read as\n{says[1]}"]
        return figure.show(X[0], changed[0], titles, after.argmax() != label, after, alt)

    return Live(
        draw,
        example=whole("example", 0, last, checks.integer("example", example, 0, last)),
        epsilon=choice("ε", epsilons, 0.1),
        signs=choice("each pixel's sign", ways, ways[0], "{}"),
    )


def epsilon_on_v_curve(f, slope, x):
    """Move ε along the V-shaped curve of the central difference's error.

    Parameters
    ----------
    f : function
        Of one number; it returns one number.
    slope : float
        The true slope of f at x, other than 0.
    x : float
    """
    checks.function("f", f)
    slope, x = checks.number("slope", slope), checks.number("x", x)
    if slope == 0:
        raise ValueError("slope must not be 0: the error is told as a part of it")
    exponents = np.linspace(-13, 0, 53)

    def error(epsilon):
        at = np.array([x])
        measured = central_difference(lambda: f(at[0]), at, epsilon)[0]
        return max(abs(measured - slope) / abs(slope), 1e-16)

    errors = [error(10.0**e) for e in exponents]
    if not np.isfinite(errors).any():
        raise ValueError(f"f has no finite values around x={x:g}; choose another x")
    figure = moving.ErrorCurve(10.0**exponents, errors, "ε", "relative error")

    def draw(exponent):
        epsilon = 10.0**exponent
        if not np.isfinite(error(epsilon)):
            return figure.show(epsilon, np.nan, f"With ε = 1e{exponent:g} f is not finite; a smaller ε is needed.")
        cause = "rounding" if exponent < -5 else "Taylor's next term"
        side = f"{cause} causes most of it" if exponent != -5 else "rounding and Taylor's next term balance"
        alt = f"With ε = 1e{exponent:g} the relative error is below 1e{int(np.ceil(np.log10(error(epsilon))))}: {side}."
        return figure.show(epsilon, error(epsilon), alt)

    return Live(draw, exponent=choice("log₁₀ ε", [float(e) for e in range(-13, 1)], -3.0))


def train_small(train, validation, learning_rate, momentum=0.0, **settings):
    """Train a 784-16-10 network from the same start each time; return it and its History.

    Parameters
    ----------
    train, validation : Dataset
    learning_rate, momentum : float
        Of SGD.
    **settings
        Further arguments of `fit`, such as epochs, batch_size and weight_decay.
    """
    net = Network([784, 16, 10], seed=1)
    optimizer = SGD(learning_rate, momentum)
    return net, fit(net, train, validation=validation, optimizer=optimizer, progress=False, seed=1, **settings)


class Valley:
    """Least squares with two weights, whose loss is a valley, steep along w₁ and flat along w₂.

    J(w) = mean of (xᵀw − t)²/2 over 1,000 examples (x, t) drawn at random; t is noise, so the bottom is near 0.
    """

    START = (-1.9, 1.7)
    LIMITS = (-2.3, 2.3, -2.3, 2.3)

    def __init__(self, seed=0):
        rng = np.random.default_rng(checks.integer("seed", seed, 0))
        self.X = rng.standard_normal((1000, 2)) * np.sqrt([1.6, 0.1])
        self.t = 0.5 * rng.standard_normal(1000)

    def loss(self, w1, w2):
        """Return J at weights w1 and w2, arrays of one shape, which is that of the result."""
        residuals = self.X @ np.stack([np.ravel(w1), np.ravel(w2)]) - self.t[:, None]
        return (residuals**2).mean(axis=0).reshape(np.shape(w1)) / 2

    def descend(self, learning_rate, batch_size, steps=60, seed=0):
        """Take mini-batch steps from START until there are enough, or until they diverge.

        Returns
        -------
        path : array, (n, 2)
            The weights after each step, those of the start first.
        diverged : bool
        """
        checks.number("learning_rate", learning_rate, above=0)
        checks.integer("batch_size", batch_size, 1)
        checks.integer("steps", steps, 1)
        rng = np.random.default_rng(checks.integer("seed", seed, 0))
        path = [np.array(self.START)]
        while True:
            order = shuffled(len(self.X), batch_size, rng)
            for start in range(0, len(self.X), batch_size):
                rows = batch_rows(order, start, batch_size)
                w, X = path[-1], self.X[rows]
                path.append(w - learning_rate * (X @ w - self.t[rows]) @ X / len(X))
                diverged = bool(abs(path[-1]).max() > 100)
                if diverged or len(path) > steps:
                    return np.array(path), diverged


def learning_rate_and_batch_size(train, validation, epochs=4):
    """Show what η and the batch size do: a descent in a valley of two weights, and a training on digits.

    Parameters
    ----------
    train, validation : Dataset
        train with 100 examples or more.
    epochs : int
        Of each training on digits.
    """
    _check_sets(train, validation, epochs)
    valley = Valley()
    figure = moving.DescentAndDigits(valley.loss, valley.LIMITS, valley.START).limit(epochs * len(train), epochs)

    def draw(learning_rate, batch_size):
        path, thrown_out = valley.descend(learning_rate, batch_size)
        _, history = train_small(train, validation, learning_rate, batch_size=batch_size, epochs=epochs)
        end = "diverged" if thrown_out else f"ends {np.linalg.norm(path[-1]):.1f} from the middle"
        alt = f"η = {learning_rate:g}, m = {batch_size}. Valley: {len(path) - 1} steps, {end}. Digits: "
        alt += _stopped(history) or f"{len(history.batch_loss):,} steps in {epochs} epochs. {_accuracies(history)}."
        examples = np.diff([*range(0, len(train), batch_size), len(train)])
        return figure.show(path, thrown_out, history, np.tile(examples, epochs), alt)

    rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
    sizes = [size for size in (1, 4, 16, 64, 256, 1000) if size <= len(train)]
    return Live(
        draw,
        "η = 0.1 is well below the rate that throws the path out of the valley; m = 16: many steps, not too noisy.",
        learning_rate=choice("learning rate η", rates, 0.1),
        batch_size=choice("batch size m", sizes, 16),
    )


def _digits(name, data):
    if dataset(name, data).images.shape[1] != 784:
        raise ValueError(f"{name} must hold images of 784 pixels, not of {data.images.shape[1]}")
    return data


_DIVERGED = "its training diverged: train it anew, with a smaller learning rate"


def _check_answers(net, data):
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(net.forward(data.images[:200])).all():
            raise ValueError(f"net answers with NaN or infinity; {_DIVERGED}")


def _check_sets(train, validation, epochs):
    for name, data, least in (("train", train, 100), ("validation", validation, 1)):
        if len(_digits(name, data)) < least:
            raise ValueError(f"{name} has {len(data)} examples; give at least {least}")
    checks.integer("epochs", epochs, 1, 1000)


def _stopped(history):
    """Why a run ended early, as a sentence; empty when it did not."""
    return history.stopped[:1].upper() + history.stopped[1:]


def _accuracies(history):
    train, validation = history.train_accuracy[-1], history.validation_accuracy[-1]
    return f"Training accuracy {train:.0%}, validation accuracy {validation:.0%}"


def learning_rate_and_weight_decay(train, validation, epochs=10):
    """Show what η and λ do: curves, weight norm and first-layer weights of a small network, trained anew.

    Parameters
    ----------
    train, validation : Dataset
        train with 100 examples or more.
    epochs : int
        Of each training, with momentum 0.9.
    """
    _check_sets(train, validation, epochs)
    figure = moving.Regularization(epochs)

    def draw(learning_rate, weight_decay):
        settings = {"momentum": 0.9, "epochs": epochs, "weight_decay": weight_decay, "batch_size": 100}
        net, history = train_small(train, validation, learning_rate, **settings)
        alt = f"η = {learning_rate:g}, λ = {weight_decay:g}. "
        if history.stopped:
            alt += _stopped(history)
        else:
            norm = np.sqrt(sum(np.sum(W**2) for W in net.weights))
            train_accuracy, accuracy = history.train_accuracy[-1], history.validation_accuracy[-1]
            alt += f"Validation accuracy {accuracy:.1%}, loss {history.validation_loss[-1]:.3g}; "
            alt += f"training accuracy {train_accuracy:.1%}; weight norm {norm:.3g}."
        return figure.show(history, net.weights[0], alt)

    return Live(
        draw,
        "η = 0.1 learns fast and steadily; with λ = 0.01 the validation loss is lowest, at no cost in accuracy.",
        learning_rate=choice("learning rate η", [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0], 0.1),
        weight_decay=choice("weight decay λ", [0.0, 1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0], 0.01),
    )


def range_test(train, lowest=1e-4, highest=10.0, batch_size=32):
    """Show a learning-rate range test over one epoch, and beside it an epoch with a rate chosen on it.

    Parameters
    ----------
    train : Dataset
        Of 20 batches or more.
    lowest, highest : float
        The rates at the test's start and at its end.
    batch_size : int
    """
    _digits("train", train)
    checks.number("lowest", lowest, at_least=1e-12, below=1e100)
    checks.number("highest", highest, above=lowest, below=1e100)
    steps = -(-len(train) // checks.integer("batch_size", batch_size, 1))
    if steps < 20:
        raise ValueError(
            f"train has {len(train)} images, only {steps} batches of {batch_size}; give at least 20 batches"
        )
    _, start = train_small(train[: moving.SMOOTHED * batch_size], None, lowest, epochs=1, batch_size=batch_size)
    if start.diverged:
        raise ValueError(f"lowest={lowest:g} is too high: training diverges at once; begin with a rate such as 1e-4")
    rates = lowest * (highest / lowest) ** (np.arange(steps) / steps)
    figure = moving.RangeTest(lowest, highest, steps)

    def draw(learning_rate, momentum):
        def rising(epoch):
            return lowest * (highest / lowest) ** epoch

        settings = {"momentum": momentum, "epochs": 1, "batch_size": batch_size}
        _, test = train_small(train, None, rising, **settings)
        _, run = train_small(train, None, learning_rate, **settings)
        at, means = moving.smooth(rates[: len(test.batch_loss)], test.batch_loss)
        if len(means):
            below = np.flatnonzero(means < 2)
            falls = f"falls below 2 near η = {at[below[0]]:.1g}" if len(below) else "never falls below 2"
            falls = f"the loss {falls}, and is lowest near η = {at[np.argmin(means)]:.1g}"
        else:
            falls = f"it diverged in its first {len(test.batch_loss)} steps; give it lower rates"
        alt = f"Momentum {momentum:g}. Range test: {falls}. "
        alt += f"A run with η = {learning_rate:g}: "
        alt += _stopped(run) or f"training accuracy {run.train_accuracy[-1]:.0%} after {steps} steps."
        return figure.show(rates, test.batch_loss, learning_rate, run, alt)

    return Live(
        draw,
        "η = 0.1 lies where the loss falls steeply, well below the place where it turns.",
        learning_rate=choice("chosen η", [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0], 0.1),
        momentum=choice("momentum μ", [0.0, 0.5, 0.9, 0.95], 0.0),
    )


def distort(net, data):
    """Distort a digit as strongly as the sliders say, and show what a network reads in six such versions.

    Parameters
    ----------
    net : Network
        It takes 784 pixels.
    data : Dataset
        The digits.

    Notes
    -----
    A draw keeps its random numbers while the strengths change, so that a version changes by small steps. At the start
    the strengths are those of the recipe elastic-mlp, to the nearest step.
    """
    checks.like("net", net, "predict_proba", "a Network")
    _digits("data", data)
    _check_answers(net, data)
    names = class_names(data, net.sizes[-1])
    figure, gap = moving.DistortedDigit(names), " " if moving.are_short(names) else "\n"

    def draw(example, move, turn, scale, elastic, smoothness, seed):
        distortion = Distortion(move, turn, scale, scale, elastic, smoothness)
        rows, columns = distortion.places(figure.N_VERSIONS, np.random.default_rng(seed))
        original, label = data.images[example : example + 1], data.labels[example]
        X = np.concatenate([original, interpolate(original.repeat(len(rows), axis=0), rows, columns)])
        probabilities = net.predict_proba(X)
        answers = probabilities.argmax(axis=1)
        wrong = answers != label
        read = [f"{names[answer]}, {p:.0%}" for answer, p in zip(answers, probabilities.max(axis=1), strict=True)]
        alt = (
            f"Example {example}, labeled {names[label]}, read as {read[0]}. Six versions, draw {seed}: moved by up to "
            f"{move:g} pixels, turned by up to {turn:g} degrees, scaled and sheared by up to {scale:g}, with elastic "
            f"displacements of {elastic:g} pixels, smoothed with s = {smoothness:g}. The network reads "
            f"{np.sum(~wrong[1:])} of 6 right: {'; '.join(read[1:])}. The dot, pixel {figure.DOT} of the first, takes "
            f"the value that the old picture has at ({rows[0][figure.DOT]:.1f}, {columns[0][figure.DOT]:.1f})."
        )
        thing = "digit" if data.names is None else "picture"
        captions = [f"the {thing}, read as{gap}{read[0]}", *(f"read as{gap}{text}" for text in read[1:])]
        return figure.show(X, captions, wrong, rows[0], columns[0], alt)

    def strength(description, values, wanted):
        return choice(description, values, min(values, key=lambda value: abs(value - wanted)))

    def steps(step):
        return [round(step * i, 2) for i in range(21)]

    recipe = RECIPES["elastic-mlp"].augment
    return Live(
        draw,
        "About the distortion that the recipe elastic-mlp trains with: it stays readable.",
        example=whole("example", 0, min(len(data), 200) - 1, 0),
        move=strength("move (pixels)", steps(0.5), recipe.translate),
        turn=strength("turn (degrees)", steps(6), recipe.rotate),
        scale=strength("scale and shear", steps(0.04), (recipe.scale + recipe.shear) / 2),
        elastic=strength("elastic (pixels)", steps(0.4), recipe.elastic),
        smoothness=strength("smoothness s", [0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 14], recipe.smoothness),
        seed=whole("draw", 0, 20, 0),
    )
