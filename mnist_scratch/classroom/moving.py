"""Pictures that a slider moves. Each is laid out once; `show` sets its moving parts and its words, and returns it.

All scales are fixed, so that what the eye compares between two positions of a slider is the data. In every `show`,
alt is the picture in words.
"""

import numpy as np

from .plots import BLUE, GRAY, ORANGE, PARTS, PURPLE, RED, TRAINING, Figure, as_square, dress, whole_numbers

DIGITS = tuple("0123456789")
SMOOTHED = 9  # losses of a range test, of which each mean is made
_INK = {"cmap": "gray_r", "vmin": 0, "vmax": 1, "interpolation": "nearest"}


class Moving(Figure):
    """A figure for a slider, with somewhat fewer pixels: writing the PNG is most of the time that drawing takes."""

    pixels_per_inch = 120


class Wave(Moving):
    """A sine curve."""

    def __init__(self):
        super().__init__(6.0, 3.0)
        axis = self.subplots()
        self._x = np.linspace(0, 1, 400)
        self._line = self.move(*axis.plot(self._x, 0 * self._x, color=BLUE))
        dress(axis, "x", "sin(2π · waves · x)")
        axis.set(xlim=(0, 1), ylim=(-1.1, 1.1))

    def show(self, waves):
        self._line.set_ydata(np.sin(2 * np.pi * waves * self._x))
        self.alt_text = f"A sine curve with {waves} full wave{'s' * (waves > 1)} between 0 and 1."
        return self


class DigitGrid(Moving):
    """Ten digits in two rows, each with a caption."""

    def __init__(self):
        super().__init__(5.0, 2.6)
        self.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
        self._pictures, self._captions = [], []
        for axis in self.subplots(2, 5).ravel():
            axis.set_axis_off()
            self._pictures.append(axis.imshow(np.zeros((28, 28)), **_INK))
            self._captions.append(axis.set_title("0", pad=2))
        self.move(*self._pictures, *self._captions)

    def show(self, images, captions, alt):
        for picture, title, image, caption in zip(self._pictures, self._captions, images, captions, strict=True):
            picture.set_data(as_square(image))
            title.set_text(str(caption))
        self.alt_text = alt
        return self


class ProbabilityBars:
    """A bar for each class with its value beside it, the largest in another color, on an axis of a Figure."""

    def __init__(self, figure, axis, title="", names=DIGITS):
        dress(axis, "probability", "", title, percent="x")
        n = _classes(axis, names)
        axis.set(xlim=(0, 1.22), xticks=[0, 0.5, 1])
        axis.grid(False, axis="y")
        self._bars = axis.barh(range(n), np.zeros(n))
        self._texts = [axis.text(0, k, "", va="center", fontsize=10) for k in range(n)]
        figure.move(*self._bars, *self._texts)

    def show(self, probabilities):
        best = int(np.argmax(probabilities))
        for k, (bar, text, p) in enumerate(zip(self._bars, self._texts, probabilities, strict=True)):
            bar.set(width=p, color=RED if k == best and p > 0 else BLUE)
            text.set(text=f"{p:.0%}" if p >= 0.005 else "", x=p + 0.02)


def are_short(names):
    """Whether the names of classes are digits or letters, and not words, which need a line of their own."""
    return max(map(len, names)) == 1


def _classes(axis, names):
    """Put the classes on the vertical axis, from top to bottom; returns how many there are."""
    axis.set(ylim=(len(names) - 0.4, -0.6), ylabel="class" if are_short(names) else "")
    axis.set_yticks(range(len(names)), names)
    return len(names)


class ForwardPass(Moving):
    """One image on its way through a network with one hidden layer, in five steps from pixels to probabilities."""

    STEPS = ("the pixels X", "the weighted sums Z¹", "the activations A¹", "the logits Z²", "the probabilities Ŷ")

    def __init__(self, n_hidden, names=DIGITS):
        super().__init__(10.0, max(3.1, 0.9 + 0.16 * len(names)))
        pixels, sums, active, logits, probabilities = self.subplots(1, 5, width_ratios=[1.1, 1.1, 1.1, 1.1, 1.3])
        self._shape = (8, -1) if n_hidden % 8 == 0 else (1, -1)
        hidden = np.zeros(n_hidden).reshape(self._shape)
        self._pixels = pixels.imshow(np.zeros((28, 28)), **_INK)
        colors = {"cmap": "bwr", "vmin": -4, "vmax": 4, "interpolation": "nearest"}  # of both, so that they compare
        self._sums, self._active = sums.imshow(hidden, **colors), active.imshow(hidden, **colors)
        for axis, title in ((pixels, "X: 784 pixels"), (sums, f"Z¹: {n_hidden} sums"), (active, "A¹ = relu(Z¹)")):
            axis.set_title(title)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(color="#999999", linewidth=0.8, visible=axis is not pixels)
        self._n = len(names)
        dress(logits, "logit", "", f"Z²: {self._n} logits")
        _classes(logits, names)
        logits.set(xlim=(-16, 16))
        logits.grid(False, axis="y")
        self._logits = logits.barh(range(self._n), np.zeros(self._n), color=GRAY)
        self.move(self._pixels, self._sums, self._active, *self._logits)
        self.move(*sums.spines.values(), *active.spines.values())  # a picture covers half of them
        self._bars = ProbabilityBars(self, probabilities, "Ŷ = softmax(Z²)", names)

    def show(self, image, sums, logits, probabilities, step, alt):
        """Show one example.

        Parameters
        ----------
        image : array, (784,)
        sums : array, (n_hidden,)
            Z¹.
        logits, probabilities : array, (K,)
            Z² and Ŷ.
        step : int
            How many of the five steps are shown, from 1 to 5.
        alt : str
        """
        self._pixels.set_data(as_square(image))
        sums = sums.reshape(self._shape)
        # white and not hidden: Matplotlib before 3.11 draws a moving picture into what stands still, too
        self._sums.set_data(sums if step >= 2 else 0 * sums)
        self._active.set_data(np.maximum(sums, 0) if step >= 3 else 0 * sums)
        for bar, value in zip(self._logits, logits if step >= 4 else np.zeros(self._n), strict=True):
            bar.set_width(np.clip(value, -16, 16))
        self._bars.show(probabilities if step >= 5 else np.zeros(self._n))
        self.alt_text = alt
        return self


class AdversarialDigit(Moving):
    """A digit, the change of each of its pixels, the changed digit, and what a network answers to it."""

    def __init__(self, largest, names=DIGITS):
        """Lay out the picture; largest: the change of a pixel that has full color."""
        super().__init__(10.0, max(2.9, 0.6 + 0.16 * len(names)))
        self.get_layout_engine().set(w_pad=0.04, h_pad=0.04)
        before, change, after, probabilities = self.subplots(1, 4, width_ratios=[1, 1, 1, 1.25])
        self._digits = [axis.imshow(np.zeros((28, 28)), **_INK) for axis in (before, after)]
        colors = {"cmap": "bwr", "vmin": -largest, "vmax": largest, "interpolation": "nearest"}
        self._change = change.imshow(np.zeros((28, 28)), **colors)
        title = "0" if are_short(names) else "0\n0"
        self._titles = [axis.set_title(title, pad=3) for axis in (before, change, after)]
        spines = []
        for axis in (before, change, after):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(color="#999999", linewidth=0.8)
            spines += axis.spines.values()  # a picture covers half of them
        self.move(*self._digits, self._change, *self._titles, *spines)
        self._bars = ProbabilityBars(self, probabilities, "what the network answers", names)

    def show(self, before, after, titles, wrong, probabilities, alt):
        """Show one digit.

        Parameters
        ----------
        before, after : array, (784,)
        titles : sequence of str, (3,)
            Of the digit, of the change, and of the changed digit.
        wrong : bool
            Whether the last title is red.
        probabilities : array, (K,)
            The answer to the changed digit.
        alt : str
        """
        for picture, image in zip(self._digits, (before, after), strict=True):
            picture.set_data(as_square(image))
        self._change.set_data(as_square(after - before))
        for title, text in zip(self._titles, titles, strict=True):
            title.set_text(text)
        self._titles[-1].set(color=RED if wrong else "black", fontweight="bold" if wrong else "normal")
        self._bars.show(probabilities)
        self.alt_text = alt
        return self


class Tangent(Moving):
    """A curve, a point on it, and the tangent there."""

    def __init__(self, x, y, xlabel, ylabel):
        super().__init__(7.0, 3.4)
        axis = self.subplots()
        axis.plot(x, y, color=BLUE)
        self._line = self.move(*axis.plot(x[:2], y[:2], color=RED))
        self._point = self.move(*axis.plot(x[:1], y[:1], "o", color=RED, markersize=8))
        self._text = self.move(axis.set_title("0", color=RED))
        self._reach = (x[-1] - x[0]) * np.array([-0.18, 0.18])
        dress(axis, xlabel, ylabel)
        spread = max(np.ptp(y), 1e-9)
        axis.set_ylim(y.min() - 0.15 * spread, y.max() + 0.15 * spread)

    def show(self, at, value, slope, alt):
        self._line.set_data(at + self._reach, value + slope * self._reach)
        self._point.set_data([at], [value])
        self._text.set_text(f"tangent: slope {slope:+.4f}")
        self.alt_text = alt
        return self


class ErrorCurve(Moving):
    """A curve of errors on logarithmic scales, and a point on it."""

    def __init__(self, x, y, xlabel, ylabel):
        super().__init__(7.0, 3.4)
        axis = self.subplots()
        axis.plot(x, y, color=BLUE)
        self._point = self.move(*axis.plot(x[:1], y[:1], "o", color=RED, markersize=9))
        dress(axis, xlabel, ylabel, log="xy")

    def show(self, at, value, alt):
        self._point.set_data([at], [value])
        self.alt_text = alt
        return self


class DescentAndDigits(Moving):
    """The path of a descent in a valley of two weights, and beside it the training of a network on digits."""

    def __init__(self, heights, limits, start):
        """Lay out the picture.

        Parameters
        ----------
        heights : function
            Of two weights, w₁ and w₂, arrays of one shape, which is that of the result.
        limits : tuple of float
            left, right, bottom, top.
        start : tuple of float
            w₁ and w₂ at the start.
        """
        super().__init__(10.0, 3.2)
        valley, loss, accuracy = self.subplots(1, 3)
        w1, w2 = np.meshgrid(np.linspace(*limits[:2], 120), np.linspace(*limits[2:], 120))
        z = heights(w1, w2)
        valley.contour(w1, w2, z, levels=np.geomspace(z.min() + 0.02, z.max(), 11), colors=GRAY, linewidths=0.6)
        valley.plot(*start, "o", color="black", markersize=5)
        (self._path,) = valley.plot([], [], "o-", color=BLUE, markersize=2.5, linewidth=1.1)
        dress(valley, "w₁", "w₂", "valley of two weights")
        valley.set(xlim=limits[:2], ylim=limits[2:])
        (self._batches,) = loss.plot([], [], color=TRAINING, linewidth=1.2)
        dress(loss, "examples seen", "loss of each batch", "digits: loss")
        loss.set_ylim(0, 4)
        self._accuracies = curves(accuracy, "training", "validation", marker="o")
        dress(accuracy, "epoch", "", "digits: accuracy", percent="y")
        accuracy.set_ylim(0, 1.02)
        accuracy.legend(loc="lower right")
        self._loss_axis, self._accuracy_axis = loss, accuracy
        self._marks = [_mark(axis, "diverged") for axis in (valley, loss)]
        self.move(self._path, self._batches, *self._accuracies, *self._marks)

    def limit(self, examples, epochs):
        """Set the ends of the horizontal axes, once, before the first picture."""
        self._loss_axis.set_xlim(0, examples)
        self._accuracy_axis.set_xlim(-0.1, epochs + 0.1)
        whole_numbers(self._accuracy_axis)
        return self

    def show(self, path, path_diverged, history, examples, alt):
        """Show one descent and one training.

        Parameters
        ----------
        path : array, (n, 2)
            The two weights after each step.
        path_diverged : bool
        history : History
            Of the digits.
        examples : array of int
            How many each batch of the history's run had.
        alt : str
        """
        self._path.set_data(*np.clip(path, -50, 50).T)
        losses = np.clip(history.batch_loss, 0, 50)
        self._batches.set_data(np.cumsum(examples)[: len(losses)], losses)
        _draw_by_epoch(self._accuracies, history.train_accuracy, history.validation_accuracy)
        self._marks[0].set_visible(path_diverged)
        self._marks[1].set_visible(history.diverged)
        self.alt_text = alt
        return self


class Regularization(Moving):
    """What a setting of η and λ does: the loss in its parts, the accuracy, and the weights of twelve hidden units."""

    def __init__(self, epochs):
        super().__init__(10.0, 3.2)
        loss, accuracy, weights = self.subplots(1, 3, width_ratios=[1, 1, 1.1])
        self._losses = curves(loss, "training", "validation", "penalty")
        self._accuracies = curves(accuracy, "training", "validation")
        dress(loss, "epoch", "", "data loss and penalty")
        dress(accuracy, "epoch", "", "accuracy", percent="y")
        loss.set(xlim=(0, epochs), ylim=(0, 3))
        accuracy.set(xlim=(0, epochs), ylim=(0, 1.02))
        whole_numbers(loss, accuracy)
        loss.legend(loc="upper right")
        self._weights = weights.imshow(
            np.zeros((90, 120)), cmap="bwr", vmin=-1, vmax=1, interpolation="nearest", aspect="equal"
        )
        weights.set_title("weights of 12 hidden units")
        weights.set_axis_off()
        self._mark = _mark(accuracy, "diverged")
        self.move(*self._losses, *self._accuracies, self._weights, self._mark)

    def show(self, history, W, alt):
        """Show one run, and W, its first layer's weights, (784, n) with n ≥ 12."""
        _draw_by_epoch(self._losses, history.train_loss, history.validation_loss, history.penalty)
        _draw_by_epoch(self._accuracies, history.train_accuracy, history.validation_accuracy)
        self._weights.set_data(mosaic(W, 3, 4))
        self._mark.set_visible(history.diverged)
        self.alt_text = alt
        return self


class RangeTest(Moving):
    """A learning-rate range test, a rate chosen on it, and a run with that rate."""

    def __init__(self, lowest, highest, n_steps):
        super().__init__(9.0, 3.3)
        test, run = self.subplots(1, 2)
        self._batches = test.plot([], [], color=GRAY, linewidth=0.7, alpha=0.7, label="each batch")[0]
        self._smooth = test.plot([], [], color=TRAINING, label="mean of nine")[0]
        self._rate = test.plot([1, 1], [0, 4], color="black", linewidth=1.5, label="chosen η")[0]
        dress(test, "learning rate η, rising", "loss", "range test", "x")
        test.set(xlim=(lowest, highest), ylim=(0, 4))
        test.legend(loc="upper left")
        self._run = run.plot([], [], color=GRAY, linewidth=0.7, alpha=0.7)[0]
        self._run_smooth = run.plot([], [], color=TRAINING)[0]
        dress(run, "step", "loss", "a run with the chosen η")
        run.set(xlim=(0, n_steps), ylim=(0, 4))
        self._mark = _mark(run, "diverged")
        self.move(self._batches, self._smooth, self._rate, self._run, self._run_smooth, self._mark)

    def show(self, rates, test_losses, rate, history, alt):
        """Show a test and a run.

        Parameters
        ----------
        rates : array, (n_steps,)
            η of each step of the test.
        test_losses : sequence of float
            The losses of its batches; where it diverged, fewer.
        rate : float
            The η chosen.
        history : History
            Of the run with this rate.
        alt : str
        """
        self._batches.set_data(rates[: len(test_losses)], np.clip(test_losses, 0, 50))
        self._smooth.set_data(*smooth(rates[: len(test_losses)], test_losses))
        self._rate.set_xdata([rate, rate])
        steps, losses = np.arange(1, len(history.batch_loss) + 1), np.clip(history.batch_loss, 0, 50)
        self._run.set_data(steps, losses)
        self._run_smooth.set_data(*smooth(steps, losses))
        self._mark.set_visible(history.diverged)
        self.alt_text = alt
        return self


class DistortedDigit(Moving):
    """A digit; the places in it from which its first distorted version is taken; and six distorted versions.

    A grid over the first version marks every third row and column of its pixels, and the grid over the old picture
    where these pixels look for their values. A dot marks one of them in both.
    """

    N_VERSIONS = 6
    DOT = (9, 18)  # row and column

    def __init__(self, names=DIGITS):
        super().__init__(10.0, 3.7)
        self.get_layout_engine().set(w_pad=0.04, h_pad=0.04)
        places = self.add_gridspec(2, 5, width_ratios=[1.5, 2.2, 1, 1, 1])
        original, old = self.add_subplot(places[:, 0]), self.add_subplot(places[:, 1])
        versions = [self.add_subplot(places[i // 3, 2 + i % 3]) for i in range(self.N_VERSIONS)]
        axes = [original, *versions, old]
        self._pictures = [axis.imshow(np.zeros((28, 28)), **_INK) for axis in axes]
        self._titles = [axis.set_title("0" if are_short(names) else "0\n0", pad=3) for axis in axes]
        for axis in axes:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(color="#999999", linewidth=0.8)
        self._titles.pop().set_text("where the first version looks")
        self._pictures[-1].set_clim(0, 1.7)  # pale, so that the lines stand out
        old.set(xlim=(-6.5, 33.5), ylim=(33.5, -6.5))  # with some of the paper around the picture
        edges = -0.5 + 28 * np.array([[0, 1, 1, 0, 0], [0, 0, 1, 1, 0]])
        (frame,) = old.plot(*edges, color="#999999", linewidth=0.8)
        gridded = (old, versions[0])
        grids = [axis.plot([], [], color=BLUE, linewidth=0.8, alpha=0.75)[0] for axis in gridded]
        dots = [axis.plot([], [], "o", color=ORANGE, markersize=6, markeredgecolor="black")[0] for axis in gridded]
        self._looked_up = list(zip(grids, dots, strict=True))
        spines = [spine for axis in axes for spine in axis.spines.values()]  # a picture covers half of them
        self.move(*self._pictures, *self._titles, *spines, frame, *grids, *dots)

    def show(self, images, captions, wrong, rows, columns, alt):
        """Show a digit and its six versions.

        Parameters
        ----------
        images : array, (7, 784)
            The original first.
        captions : sequence of str, (7,)
        wrong : sequence of bool, (7,)
            Which captions are red.
        rows, columns : array, (28, 28)
            The places in the original of the first version's pixels.
        alt : str
        """
        for picture, image in zip(self._pictures, [*images, images[0]], strict=True):
            picture.set_data(as_square(image))
        for title, caption, is_wrong in zip(self._titles, captions, wrong, strict=True):
            title.set(text=caption, color=RED if is_wrong else "black", fontweight="bold" if is_wrong else "normal")
        for (grid, dot), (y, x) in zip(self._looked_up, [(rows, columns), np.mgrid[:28.0, :28.0]], strict=True):
            grid.set_data(_grid_lines(x), _grid_lines(y))
            dot.set_data([x[self.DOT]], [y[self.DOT]])
        self.alt_text = alt
        return self


def _grid_lines(at):
    """Every third row, then every third column of (28, 28) numbers, one after the other with a gap after each."""
    return np.pad(np.concatenate([at[::3], at.T[::3]]), ((0, 0), (0, 1)), constant_values=np.nan).ravel()


def _draw_by_epoch(lines, *series):
    for line, values in zip(lines, series, strict=True):
        line.set_data(range(len(values)), values)


def curves(axis, *names, **style):
    """Return one empty curve a name, "training", "validation" or "penalty", each in its color."""
    styles = PARTS | {"penalty": {"color": PURPLE, "linestyle": ":"}}
    return [axis.plot([], [], label=name, **styles[name], **style)[0] for name in names]


def smooth(x, y, width=SMOOTHED):
    """Return the middle x and the mean of each `width` neighboring values of y; a y above 50 counts as 50."""
    if len(y) < width:
        return np.array([]), np.array([])
    return x[width // 2 : len(y) - width // 2], np.convolve(np.clip(y, 0, 50), np.ones(width) / width, mode="valid")


def mosaic(W, rows, columns):
    """Return the first rows·columns columns of W, (784, n), as tiles of 28×28 with a rim of 1, scaled to [−1, 1]."""
    n = rows * columns
    tiles = np.nan_to_num(W[:, :n].T.reshape(n, 28, 28), nan=0, posinf=0, neginf=0)
    tiles = tiles / np.maximum(abs(tiles).max(axis=(1, 2), keepdims=True), 1e-12)
    tiles = np.pad(tiles, ((0, 0), (1, 1), (1, 1))).reshape(rows, columns, 30, 30)
    return tiles.swapaxes(1, 2).reshape(30 * rows, 30 * columns)


def _mark(axis, text):
    """A word in large letters across an axis, for `show` to make visible."""
    style = {"ha": "center", "fontsize": 16, "color": RED, "fontweight": "bold"}
    return axis.text(0.5, 0.5, text, transform=axis.transAxes, visible=False, **style)
