"""One function per picture: each takes arrays and returns a Figure that carries its own alt text.

The Figures do not go through pyplot, so nothing is shown twice and nothing is kept alive. As the last line of
a cell a Figure shows itself; the alt text goes with the picture, for screen readers and for text-only front ends.
"""

import io
from base64 import b64encode
from itertools import cycle

import matplotlib.figure
import matplotlib.ticker
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from .. import checks
from ..data import Dataset

# Okabe and Ito's palette: distinguishable with any colour vision, and in a grey print by its order of darkness.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#666666",
)
COLOURS = [BLUE, RED, GREEN, PURPLE, ORANGE, SKY, "#000000"]
_SHOWN_PER_INCH = 96


class Figure(matplotlib.figure.Figure):
    """A Matplotlib figure with alt text that shows itself in a notebook as a small PNG."""

    pixels_per_inch = 144  # half as many again as are shown, so that text stays sharp on a projector

    def __init__(self, width=8.0, height=3.2, alt=""):
        super().__init__(figsize=(width, height), dpi=self.pixels_per_inch, layout="constrained")
        self.alt_text = alt
        self.moving = []
        self._still = None

    def move(self, *artists):
        """Declare artists as those which will change, for `live_png`; returns the last of them."""
        for artist in artists:
            artist.set_animated(True)  # Matplotlib's word for: left out until it is asked for
        self.moving += artists
        return artists[-1]

    def lay_out_again(self):
        """Draw what stands still anew at the next `live_png`, because it has changed after all."""
        self._still = None

    def live_png(self):
        """The picture as PNG bytes in a fifth of the time: only what `move` declared is drawn again."""
        canvas = FigureCanvasAgg(self) if self._still is None else self.canvas
        if self._still is None or not self.moving:
            canvas.draw()
            self.set_layout_engine("none")  # the places are found: nothing may shift under the moving parts
            self._still = canvas.copy_from_bbox(self.bbox)
        canvas.restore_region(self._still)
        for artist in self.moving:
            self.draw_artist(artist)
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(buffer, "png", compress_level=1)
        return buffer.getvalue()

    def png(self, small=False):
        """The picture as PNG bytes; small: with a palette of 256 colours, half the size, for storing."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=self.pixels_per_inch, metadata={"Software": None})
        if not small:
            return buffer.getvalue()
        picture = Image.open(buffer).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        picture.save(buffer, format="png", optimize=True)
        return buffer.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        width, height = (round(inches * _SHOWN_PER_INCH) for inches in self.get_size_inches())
        data = {"image/png": b64encode(self.png(small=True)).decode(), "text/plain": f"Figure: {self.alt_text}"}
        return data, {"image/png": {"alt": self.alt_text, "width": width, "height": height}}


def digits(images, captions=None, alt="", columns=10, wrong=None, scale=0.8):
    """A grid of images, (m, 784) or (m, 28, 28), dark on light as on paper, with a caption over each.

    wrong: (m,) booleans; those captions are red and bold.
    """
    if isinstance(images, Dataset):
        raise TypeError("images is a Dataset; give its .images")
    images = np.asarray(images)
    if images.size == 0:
        raise ValueError("there are no images to show")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    caption_height = 0.28 if captions is not None else 0.05
    figure = Figure(columns * scale, rows * (scale + caption_height), alt)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, axis in enumerate(axes):
        axis.set_axis_off()
        if i < len(images):
            axis.imshow(as_square(images[i]), cmap="gray_r", interpolation="nearest")
            if captions is not None:
                marked = {"color": RED, "fontweight": "bold"} if wrong is not None and wrong[i] else {}
                axis.set_title(str(captions[i]), fontsize=10, pad=2, **marked)
    return figure


def pixel_values(image, alt=""):
    """One image, (28, 28) of bytes, with each number written into its pixel."""
    image = np.asarray(image).reshape(28, 28)
    figure = Figure(7.6, 7.6, alt)
    axis = figure.subplots()
    axis.imshow(image, cmap="gray_r", interpolation="nearest")
    for (row, column), value in np.ndenumerate(image):
        if value:
            colour = "white" if value > 110 else "black"
            axis.text(column, row, int(value), ha="center", va="center", fontsize=5.5, color=colour)
    axis.set(xlabel="column", ylabel="row", xticks=range(0, 28, 3), yticks=range(0, 28, 3))
    return figure


def lines(series, xlabel, ylabel, alt="", *, width=8.0, **details):
    """Lines in one panel. series: {label: (x, y)}; details as in draw_lines."""
    figure = Figure(width, 3.4, alt)
    draw_lines(figure.subplots(), series, xlabel, ylabel, **details)
    return figure


def panels(specifications, alt="", width=9.0, height=3.4):
    """Several panels of lines side by side: a list of dictionaries with the arguments of `lines`."""
    figure = Figure(width, height, alt)
    for axis, arguments in zip(np.ravel(figure.subplots(1, len(specifications))), specifications, strict=True):
        draw_lines(axis, **arguments)
    return figure


def draw_lines(axis, series, xlabel, ylabel, *, log="", markers=False, ylim=None, xlim=None):
    """Lines on an axis. log: which axes are logarithmic, "x", "y" or "xy"."""
    styles = ["-", "-", "--", "-."]  # so that a line is seen where it lies on another
    for i, (label, (x, y)) in enumerate(series.items()):
        colour, marker = COLOURS[i % len(COLOURS)], "o" if markers else None
        axis.plot(x, y, styles[i % 4], color=colour, label=label, linewidth=1.8, marker=marker, markersize=4)
    dress(axis, xlabel, ylabel, "", log)
    if "x" not in log and all(np.issubdtype(np.asarray(x).dtype, np.integer) for x, _ in series.values()):
        axis.xaxis.get_major_locator().set_params(integer=True)  # there is no half a step
    if ylim is not None:
        axis.set_ylim(ylim)
    if xlim is not None:
        axis.set_xlim(xlim)
    if len(series) > 1:
        axis.legend(fontsize=9, frameon=False)


def training_curves(histories, alt="", zoom=None, loss_limit=None):
    """Loss and accuracy of each epoch, on training data (dashed) and validation data (solid).

    histories: a History, or {label: History}. zoom: lower end of the accuracy axis. loss_limit: upper end of the
    loss axis.
    """
    if not isinstance(histories, dict):
        histories = {"": histories}
    for history in histories.values():
        checks.like("histories", history, "train_loss", "a History, as fit returns it, or a dictionary of them")
    figure = Figure(9.0, 3.4, alt)
    loss_axis, accuracy_axis = figure.subplots(1, 2)
    for (label, history), colour in zip(histories.items(), cycle(COLOURS), strict=False):
        draw_history(loss_axis, accuracy_axis, history, colour, f"{label}, " if label else "")
    accuracy_axis.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    dress(loss_axis, "epoch", "data loss", "", "")
    dress(accuracy_axis, "epoch", "accuracy", "", "")
    if zoom is not None:
        accuracy_axis.set_ylim(zoom, 1.002)
    if loss_limit is not None:
        loss_axis.set_ylim(0, loss_limit)
    if len(histories) > 2:
        figure.legend(loc="outside right upper", fontsize=9, frameon=False)
    else:
        loss_axis.legend(fontsize=9, frameon=False)
    return figure


def draw_history(loss_axis, accuracy_axis, history, colour=BLUE, label=""):
    """The four curves of one History on two axes."""
    epochs = np.arange(len(history.train_loss))
    loss_axis.plot(epochs, history.train_loss, "--", color=colour, label=f"{label}training")
    accuracy_axis.plot(epochs, history.train_accuracy, "--", color=colour)
    for axis in (loss_axis, accuracy_axis):
        axis.xaxis.get_major_locator().set_params(integer=True)
    if history.validation_loss:
        loss_axis.plot(epochs, history.validation_loss, "-", color=colour, label=f"{label}validation")
        accuracy_axis.plot(epochs, history.validation_accuracy, "-", color=colour)


def bars(labels, values, xlabel, ylabel, alt="", *, log=False, texts=None, width=8.0, ylim=None):
    """Vertical bars with a text over each."""
    figure = Figure(width, 3.2, alt)
    axis = figure.subplots()
    drawn = axis.bar(range(len(values)), values, color=BLUE)
    if texts is not None:
        axis.bar_label(drawn, texts, fontsize=9, padding=2)
        axis.margins(y=0.15)
    dress(axis, xlabel, ylabel, "", "y" if log else "")
    axis.set_xticks(range(len(values)), labels, fontsize=10)
    axis.grid(False, axis="x")
    if ylim is not None:
        axis.set_ylim(ylim)
    return figure


def heat_map(values, row_labels, column_labels, ylabel, xlabel, alt="", *, width=6.2):
    """A table of fractions as colours, each cell with its value."""
    return _coloured_table(values, values, "{:.1%}", "viridis", row_labels, column_labels, ylabel, xlabel, alt, width)


def confusion_matrix(counts, alt="", width=6.6):
    """Counts (K, K): a row per true class, a column per answer. The diagonal stays white, to show the mistakes."""
    mistakes = np.where(np.eye(len(counts), dtype=bool), np.nan, counts)
    classes = range(len(counts))
    return _coloured_table(mistakes, counts, "{:d}", "Reds", classes, classes, "true digit", "answer", alt, width)


def _coloured_table(shades, values, text, colours, row_labels, column_labels, ylabel, xlabel, alt, width):
    figure = Figure(width, 4.6, alt)
    axis = figure.subplots()
    picture = axis.imshow(shades, cmap=colours, aspect="auto")
    middle = np.nanmin(shades) + 0.55 * np.ptp(shades[np.isfinite(shades)])
    for (row, column), value in np.ndenumerate(values):
        dark = (shades[row, column] > middle) != (colours == "viridis")  # viridis is dark where it is low
        colour = "white" if dark and np.isfinite(shades[row, column]) else "black"
        axis.text(column, row, text.format(value), ha="center", va="center", fontsize=8.5, color=colour)
    axis.set_xticks(range(len(column_labels)), column_labels, fontsize=9)
    axis.set_yticks(range(len(row_labels)), row_labels, fontsize=9)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    figure.colorbar(picture, ax=axis, shrink=0.8)
    return figure


def weight_images(W, captions=None, alt="", columns=10, scale=0.8):
    """Columns of a first-layer weight matrix, (784, n), as pictures: blue is negative, white 0, red positive.

    The largest weight of each picture has full colour.
    """
    columns = min(columns, W.shape[1])
    rows = -(-W.shape[1] // columns)
    figure = Figure(columns * scale, rows * (scale + (0.28 if captions is not None else 0.05)), alt)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    for i, axis in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        axis.set_axis_off()
        if i < W.shape[1]:
            limit = max(float(abs(W[:, i]).max()), 1e-12)
            axis.imshow(as_square(W[:, i]), cmap="bwr", vmin=-limit, vmax=limit, interpolation="nearest")
            if captions is not None:
                axis.set_title(str(captions[i]), fontsize=10, pad=2)
    return figure


def valley(paths, curvatures, alt="", limits=(-2.2, 2.2, -1.2, 1.2)):
    """Descents over the bowl (a x² + b y²)/2 with contours. paths: {label: (n, 2) array}."""
    a, b = curvatures
    figure = Figure(9.0, 3.3, alt)
    x, y = np.meshgrid(np.linspace(*limits[:2], 200), np.linspace(*limits[2:], 120))
    height = (a * x**2 + b * y**2) / 2
    axes = np.ravel(figure.subplots(1, len(paths), sharey=True, squeeze=False))
    for axis, (label, path), colour in zip(axes, paths.items(), cycle(COLOURS), strict=False):
        path = np.clip(path, -50, 50)
        axis.contour(x, y, height, levels=np.geomspace(0.02, height.max(), 11), colors=GREY, linewidths=0.6)
        axis.plot(path[:, 0], path[:, 1], "o-", color=colour, markersize=3, linewidth=1.3)
        axis.plot([0], [0], "*", color="black", markersize=10)
        dress(axis, "w₁", "w₂" if axis is axes[0] else "", label, "")
        axis.set(xlim=limits[:2], ylim=limits[2:])
    return figure


def spread_by_layer(activations, alt=""):
    """Histograms of each layer's activations between −1 and 1: rows are settings, columns layers.

    activations: {label: [A¹, A², …]}.
    """
    figure = Figure(9.0, 1.35 * len(activations) + 0.3, alt)
    n_layers = len(next(iter(activations.values())))
    axes = figure.subplots(len(activations), n_layers, squeeze=False, sharex=True)
    for row, (label, layers) in zip(axes, activations.items(), strict=True):
        for l, (axis, A) in enumerate(zip(row, layers, strict=True)):
            # one scale for all: only so can they be compared
            axis.hist(np.ravel(A), bins=41, range=(-1, 1), color=BLUE)
            axis.set_title(f"layer {l + 1}: spread {np.std(A):.2g}", fontsize=9)
            axis.set(xticks=[-1, 0, 1], yticks=[])
            axis.tick_params(labelsize=8)
        row[0].set_ylabel(label, fontsize=9)
    figure.supxlabel("activation", fontsize=9)
    return figure


def intervals(labels, centres, halves, xlabel, alt=""):
    """Values with their intervals, one per row, from top to bottom.

    halves: how far each reaches to both sides; or two lists, to the left and to the right.
    """
    figure = Figure(8.0, 0.36 * len(labels) + 0.9, alt)
    axis = figure.subplots()
    rows = np.arange(len(labels))[::-1]
    axis.errorbar(centres, rows, xerr=halves, fmt="o", color=BLUE, capsize=4, linewidth=1.6)
    dress(axis, xlabel, "", "", "")
    axis.set_ylim(-0.7, len(labels) - 0.3)
    axis.set_yticks(rows, labels)
    return figure


def scatter(series, values, xlabel, ylabel, alt="", *, log="", value_label="validation accuracy"):
    """Points coloured by a value. series: {label: (x, y)}; values: {label: one value per point}."""
    figure = Figure(7.0, 3.9, alt)
    axis = figure.subplots()
    limits = {"vmin": min(map(min, values.values())), "vmax": max(map(max, values.values()))}
    for (label, (x, y)), marker in zip(series.items(), cycle("os^D"), strict=False):
        points = axis.scatter(
            x, y, s=46, c=values[label], marker=marker, label=label, edgecolors="black", linewidths=0.4, **limits
        )
    figure.colorbar(points, ax=axis, label=value_label)
    dress(axis, xlabel, ylabel, "", log)
    figure.legend(loc="outside upper center", ncols=len(series), fontsize=9, frameon=False)
    return figure


def regions(classifiers, X, y, alt=""):
    """Two-dimensional points X, (m, 2), coloured by class 0 or 1, over the areas where each classifier says so.

    classifiers: {label: function of points (n, 2) that returns classes (n,)}.
    """
    figure = Figure(3.3 * len(classifiers), 3.3, alt)
    reach = 1.15 * abs(X).max()
    x0, x1 = np.meshgrid(np.linspace(-reach, reach, 150), np.linspace(-reach, reach, 150))
    grid = np.stack([x0.ravel(), x1.ravel()], axis=1)
    axes = figure.subplots(1, len(classifiers), squeeze=False)[0]
    for axis, (label, classify) in zip(axes, classifiers.items(), strict=True):
        axis.contourf(x0, x1, classify(grid).reshape(x0.shape), levels=[-0.5, 0.5, 1.5], colors=["#cfe3f1", "#f6d9c6"])
        for k, (colour, marker) in enumerate([(BLUE, "o"), (RED, "^")]):
            axis.scatter(*X[y == k].T, s=9, color=colour, marker=marker)
        axis.set(title=label, aspect="equal", xticks=[], yticks=[], xlabel="x₁", ylabel="x₂")
        axis.title.set_fontsize(10.5)
    return figure


def graph(nodes, edges, alt="", width=8.6, height=2.4):
    """A computational graph. nodes: {name: (x, y, text)}; edges: (from, to, text above, text below in red)."""
    figure = Figure(width, height, alt)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))
    paper = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    for start, end, above, below in edges:
        (x0, y0, _), (x1, y1, _) = nodes[start], nodes[end]
        arrow = {"arrowstyle": "->", "shrinkA": 18, "shrinkB": 18, "color": GREY}
        axis.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
        middle = (x0 + 0.45 * (x1 - x0), y0 + 0.45 * (y1 - y0))
        for text, rise, side, colour in [(above, 5, "bottom", BLUE), (below, -5, "top", RED)]:
            style = {"ha": "center", "va": side, "fontsize": 10, "color": colour, "bbox": paper}
            axis.annotate(text, middle, (0, rise), textcoords="offset points", **style)
    circle = {"boxstyle": "circle,pad=0.35", "facecolor": "white", "edgecolor": "black"}
    for x, y, text in nodes.values():
        axis.text(x, y, text, ha="center", va="center", fontsize=12, bbox=circle)
    axis.set_axis_off()
    x, y, _ = zip(*nodes.values(), strict=True)
    axis.set(xlim=(min(x) - 0.5, max(x) + 0.5), ylim=(min(y) - 0.6, max(y) + 0.6))
    return figure


def as_square(image):
    """A row of pixels as the square picture it was."""
    image = np.asarray(image)
    side = round(image.size**0.5)
    return image.reshape(side, side)


def dress(axis, xlabel, ylabel, title="", log=""):
    """The labels and the look that all axes share. log: which are logarithmic, "x", "y" or "xy"."""
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if title:
        axis.set_title(title, fontsize=10.5)
    if "x" in log:
        axis.set_xscale("log")
    if "y" in log:
        axis.set_yscale("log")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
