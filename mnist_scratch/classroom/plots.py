"""One function per picture: each takes arrays and returns a Figure that carries its own alt text.

The Figures do not go through pyplot, so nothing is shown twice and nothing is kept alive. As the last line of a cell a
Figure shows itself; the alt text goes with the picture, for screen readers and for text-only front ends.
"""

import io
from base64 import b64encode
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import matplotlib
import matplotlib.figure
import matplotlib.patches
import matplotlib.ticker
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from .. import checks
from ..data import Dataset

# Okabe and Ito's palette: distinguishable with any color vision, and in a gray print by its order of darkness
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, GRAY = "#CC79A7", "#56B4E9", "#666666"
COLORS = [BLUE, RED, GREEN, PURPLE, ORANGE, SKY, "#000000"]
TRAINING, VALIDATION, TEST = RED, BLUE, GREEN  # wherever a line is one of these parts
PARTS = {
    "training": {"color": TRAINING, "linestyle": "--"},
    "validation": {"color": VALIDATION, "linestyle": "-"},
    "test": {"color": TEST, "linestyle": "-"},
}
_SHOWN_PER_INCH = 96
_PAGE = 10  # inches, as wide as a page is on a projector of 1024 pixels
_TEXT = 11  # points; the smallest size, but for ticks, that the last row can read
_STYLE = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")} | {
    "font.size": _TEXT,
    "axes.titlesize": _TEXT,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": _TEXT,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "axes.xmargin": 0.02,
}


@contextmanager
def house_style():
    """Within it, and in functions that it decorates, the look of the course holds, whatever a matplotlibrc says."""
    theirs = {key: value for key, value in _STYLE.items() if matplotlib.rcParams[key] != value}
    with matplotlib.rc_context(theirs):
        yield


class Figure(matplotlib.figure.Figure):
    """A Matplotlib figure with alt text that shows itself in a notebook as a small PNG.

    What a subclass draws in `__init__` and `show` is drawn in the house style.

    Parameters
    ----------
    width, height : float
        In inches, of which each takes 96 pixels of the page.
    alt : str
        The picture in words; also the attribute `alt_text`.
    """

    pixels_per_inch = 144  # half as many again as are shown, so that text stays sharp on a projector

    def __init_subclass__(cls):
        for name in {"__init__", "show"} & vars(cls).keys():
            setattr(cls, name, house_style()(vars(cls)[name]))

    @house_style()
    def __init__(self, width=8.0, height=3.2, alt=""):
        super().__init__(figsize=(width, height), dpi=self.pixels_per_inch, layout="constrained")
        self.alt_text = alt
        self.moving = []
        self._still = None

    def move(self, *artists):
        """Declare artists as those that will change, for `live_png`; return the last of them."""
        for artist in artists:
            artist.set_animated(True)  # Matplotlib's word for: left out until it is asked for
        self.moving += artists
        return artists[-1]

    def lay_out_again(self):
        """Draw what stands still anew at the next `live_png`, because it has changed after all."""
        self._still = None

    @house_style()
    def live_png(self):
        """Return the picture as PNG bytes in a fifth of the time: only what `move` declared is drawn again."""
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

    @house_style()
    def png(self, small=False):
        """Return the picture as PNG bytes; small: with a palette of 256 colors, half the size, for storing."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=self.pixels_per_inch, metadata={"Software": None})
        if not small:
            return buffer.getvalue()
        picture = Image.open(buffer).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        picture.save(buffer, format="png", optimize=True)
        return buffer.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _shown(self.png(small=True), self.get_size_inches(), self.alt_text)


class StoredPicture:
    """A picture that was drawn before, such as those that `train` leaves beside its results, with its alt text.

    Parameters
    ----------
    path : str or Path
        Of the PNG file, as `Figure.png` made it.
    alt : str
        The picture in words.
    """

    def __init__(self, path, alt):
        self.png, self.alt_text = Path(path).read_bytes(), alt

    def _repr_mimebundle_(self, include=None, exclude=None):
        with Image.open(io.BytesIO(self.png)) as picture:
            inches = [pixels / Figure.pixels_per_inch for pixels in picture.size]
        return _shown(self.png, inches, self.alt_text)


def _shown(png, inches, alt):
    """What a notebook shows of a picture, and stores."""
    width, height = (round(side * _SHOWN_PER_INCH) for side in inches)
    data = {"image/png": b64encode(png).decode(), "text/plain": f"Figure: {alt}"}
    return data, {"image/png": {"alt": alt, "width": width, "height": height}}


@house_style()
def digits(images, captions=None, alt="", columns=10, wrong=None, scale=0.8, frames=False):
    """Show images in a grid, dark on light as on paper, with a caption over each.

    Parameters
    ----------
    images : array, (m, 784) or (m, 28, 28)
    captions : sequence, optional
        One for each image.
    alt : str
        The picture in words, as in all functions of this module.
    columns : int
        How many images a row has at most; fewer where captions are long.
    wrong : array of bool, (m,), optional
        Which captions are red and bold.
    scale : float
        The side of an image in inches.
    frames : bool
        Whether a thin frame shows where each image ends.
    """
    if isinstance(images, Dataset):
        raise TypeError("images is a Dataset; give its .images")
    images = np.asarray(images)
    if images.size == 0:
        raise ValueError("there are no images to show")
    figure, axes = _tiles(len(images), columns, scale, captions, alt, wrong, frames)
    for axis, image in zip(axes, images, strict=True):
        axis.imshow(as_square(image), cmap="gray_r", interpolation="nearest")
    return figure


def _tiles(n, columns, scale, captions, alt, wrong=None, frames=False):
    """A Figure with a grid of n axes without ticks, and the axes."""
    captions = [""] * n if captions is None else [str(caption) for caption in captions]
    lines_of_text = [caption.split("\n") for caption in captions]
    width = max(scale, 0.05 + 0.09 * max(len(line) for lines in lines_of_text for line in lines))  # in inches
    above = 0.1 + 0.18 * max(map(len, lines_of_text)) if any(captions) else 0.05
    columns = min(columns, n, max(1, int(_PAGE / width)))
    rows = -(-n // columns)
    figure = Figure(columns * width, rows * (scale + above), alt)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, axis in enumerate(axes):
        axis.set(xticks=[], yticks=[], frame_on=frames and i < n)
        axis.spines[:].set(color=GRAY, linewidth=0.6)
        if i < n:
            marked = {"color": RED, "fontweight": "bold"} if wrong is not None and wrong[i] else {}
            axis.set_title(captions[i], pad=2, **marked)
    return figure, axes[:n]


@house_style()
def pixel_values(image, alt="", row=7, column=9, side=12):
    """Show one image, (28, 28) bytes, and beside it a square part of it with each number written into its pixel.

    row, column : int
        The upper left pixel of the part.
    side : int
        How many rows and columns the part has.
    """
    image = np.asarray(image).reshape(28, 28)
    figure = Figure(9.4, 4.9, alt)
    whole, part = figure.subplots(1, 2, width_ratios=[1, 1.15])
    for axis in (whole, part):
        axis.imshow(image, cmap="gray_r", interpolation="nearest")
        axis.set(xlabel="column", ylabel="row")
    whole.set(xticks=range(0, 28, 3), yticks=range(0, 28, 3))
    corner, end = (column - 0.5, row - 0.5), (column + side - 0.5, row + side - 0.5)
    whole.add_patch(matplotlib.patches.Rectangle(corner, side, side, fill=False, edgecolor=BLUE, linewidth=2.5))
    part.set(xlim=(corner[0], end[0]), ylim=(end[1], corner[1]))
    part.set(xticks=range(column, column + side), yticks=range(row, row + side))
    part.spines[:].set(color=BLUE, linewidth=2.5)
    for i, j in np.ndindex(side, side):
        value = image[row + i, column + j]
        color = "white" if value > 110 else "black"
        part.text(column + j, row + i, int(value), ha="center", va="center", fontsize=_TEXT, color=color)
    return figure


@house_style()
def lines(series, xlabel, ylabel, alt="", *, width=8.0, **details):
    """Draw lines in one panel. series: {label: (x, y)}; details as in `draw_lines`."""
    figure = Figure(width, 3.4, alt)
    draw_lines(figure.subplots(), series, xlabel, ylabel, **details)
    return figure


@house_style()
def panels(specifications, alt="", width=9.0, height=3.4):
    """Draw several panels of lines side by side: a list of dictionaries with the arguments of `draw_lines`."""
    _require_some("specifications", specifications)
    figure = Figure(width, height, alt)
    labels = [list(arguments["series"]) for arguments in specifications]
    last = specifications[-1]
    for axis, arguments in zip(np.ravel(figure.subplots(1, len(specifications))), specifications, strict=True):
        alike = labels.count(labels[0]) == len(labels)  # then those of the last panel are enough
        draw_lines(axis, **{"labels": arguments is last or not alike} | arguments)
    return figure


def draw_lines(
    axis,
    series,
    xlabel,
    ylabel,
    *,
    log="",
    markers=False,
    ylim=None,
    xlim=None,
    percent="",
    xticks=None,
    yticks=None,
    threshold=None,
    threshold_axis="y",
    styles=None,
    labels=True,
):
    """Draw lines on an axis, with the label of each at its end.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    series : dict
        {label: (x, y)}, where x and y have the same length n; or y of the shape (seeds, n), which is drawn as the mean
        of the seeds in a band from the lowest to the highest. The labels "training", "validation" and "test" have
        the colors of these parts.
    xlabel, ylabel : str
    log : {"", "x", "y", "xy"}
        Which axes are logarithmic.
    markers : bool
        Whether each point is marked.
    ylim, xlim : tuple of float, optional
        Both ends of an axis.
    percent : {"", "x", "y", "xy"}
        On which axes the values are fractions, to be read as percent.
    xticks, yticks : sequence of float, optional
        Where an axis has its ticks, such as at the values that were measured.
    threshold : dict, optional
        {text: value}, each a gray line across the panel with its text.
    threshold_axis : {"y", "x"}
        The axis of these values; with "x" the lines are vertical.
    styles : dict, optional
        {label: dict}, such as {"mean": {"color": plots.TRAINING, "linestyle": "--"}}: what Matplotlib's `plot` takes.
    labels : bool
        Whether the labels are written.
    """
    _require_some("series", series)
    patterns = ["-", "-", ":", "-."]  # so that a line is seen where it lies on another; dashed is training
    ends = []
    for i, (label, (x, y)) in enumerate(series.items()):
        style = {"color": COLORS[i % len(COLORS)], "linestyle": patterns[i % 4], "marker": "o" if markers else None}
        style |= PARTS.get(label, {}) | (styles or {}).get(label, {})
        x, y = np.asarray(x), np.asarray(y)
        if y.ndim == 2:
            axis.fill_between(x, y.min(axis=0), y.max(axis=0), color=style["color"], alpha=0.2, linewidth=0)
            y = y.mean(axis=0)
        ends.append((*axis.plot(x, y, label=label, **style), label))
    dress(axis, xlabel, ylabel, "", log, percent)
    if "x" not in log + percent and all(np.issubdtype(np.asarray(x).dtype, np.integer) for x, _ in series.values()):
        whole_numbers(axis)  # there is no half a step
    for name, ticks in (("x", xticks), ("y", yticks)):
        if ticks is not None:
            direction = getattr(axis, f"{name}axis")
            direction.set_ticks(ticks, None if name in percent else [f"{tick:,g}" for tick in ticks])
            direction.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.set(**{name: limits for name, limits in (("xlim", xlim), ("ylim", ylim)) if limits is not None})
    others = draw_thresholds(axis, threshold or {}, threshold_axis)
    label_ends(axis, (ends if labels and len(ends + others) > 1 else []) + others)


def draw_thresholds(axis, threshold, which="y"):
    """Draw a gray line at each value of {text: value} on an axis; return what `label_ends` has still to label."""
    ends = []
    for text, value in threshold.items():
        line = (axis.axhline if which == "y" else axis.axvline)(value, color=GRAY, linestyle=":", linewidth=1.5)
        if which == "y":
            ends.append((line, text))
        else:
            place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            axis.annotate(text, (value, 1), (0, 3), ha="center", va="bottom", color=GRAY, **place)
    return ends


def label_ends(axis, ends):
    """Write each label at the right end of its line, in the line's color, none over another; else draw a legend.

    A legend is drawn where the labels have no room, or lines end before the right edge.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        With its limits set.
    ends : list of tuple
        (line, label).
    """
    if not ends:
        return
    width, height = axis.get_position().size * axis.figure.get_size_inches() * 72  # in points
    axis.get_xlim()  # by which Matplotlib finds the limits, if it has not yet
    heights, right = [], 1.0
    for line, _ in ends:
        place = line.get_transform() - axis.transAxes  # from the line's numbers to fractions of the panel
        x, y = place.transform(np.column_stack(line.get_data()).astype(float)).T
        seen = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & (x < 1.001))
        right = min(right, x[seen[-1]]) if len(seen) else 0.0
        heights.append(np.clip(y[seen[-1]], 0, 1) if len(seen) else 0.0)
    one = 1.15 * _TEXT / height  # the height of a label
    if right < 0.93 or len(ends) * one > 1 or 0.55 * _TEXT * max(len(label) for _, label in ends) > 0.45 * width:
        for line, label in ends:
            line.set_label(label)
        axis.legend()
        return
    order = np.argsort(heights, kind="stable")
    places = np.array(heights)[order]
    for _ in range(300):  # neighbors that overlap give way, each by half
        overlap = np.maximum(one - np.diff(places), 0) / 2
        places[:-1] -= overlap
        places[1:] += overlap
        places = np.clip(places, 0, 1)
    for i, place in zip(order, places, strict=True):
        line, label = ends[i]
        color = 0.75 * np.array(matplotlib.colors.to_rgb(line.get_color()))  # letters are thinner than lines
        shift = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
        axis.annotate(label, (1, place), xycoords="axes fraction", color=color, **shift)


@house_style()
def training_curves(history, alt="", zoom=None, loss_limit=None):
    """Draw loss and accuracy of each epoch, on training data (dashed) and on validation data (solid).

    Parameters
    ----------
    history : History
    alt : str
    zoom : float, optional
        The lower end of the accuracy axis.
    loss_limit : float, optional
        The upper end of the loss axis.
    """
    checks.like("history", history, "train_loss", "a History, as fit returns it")
    figure, ends = Figure(9.0, 3.4, alt), []
    loss_axis, accuracy_axis = figure.subplots(1, 2)
    for part, short in (("training", "train"), ("validation", "validation")):
        loss, accuracy = (getattr(history, f"{short}_{what}") for what in ("loss", "accuracy"))
        if len(loss):
            loss_axis.plot(range(len(loss)), loss, label=part, **PARTS[part])
            ends.append((*accuracy_axis.plot(range(len(accuracy)), accuracy, **PARTS[part]), part))
    dress(loss_axis, "epoch", "data loss")
    dress(accuracy_axis, "epoch", "accuracy", percent="y")
    whole_numbers(loss_axis, accuracy_axis)
    if zoom is not None:
        accuracy_axis.set_ylim(zoom, 1.002)
    if loss_limit is not None:
        loss_axis.set_ylim(0, loss_limit)
    label_ends(accuracy_axis, ends)
    return figure


@house_style()
def bars(labels, values, xlabel, ylabel, alt="", *, texts=None):
    """Draw vertical bars, with a text over each when texts are given."""
    figure = Figure(8.0, 3.2, alt)
    axis = figure.subplots()
    drawn = axis.bar(range(len(values)), values, color=BLUE)
    if texts is not None:
        axis.bar_label(drawn, texts, padding=2)
        axis.margins(y=0.15)
    dress(axis, xlabel, ylabel)
    axis.set_xticks(range(len(values)), labels)
    axis.grid(False, axis="x")
    return figure


@house_style()
def confusion_matrix(counts, alt="", width=6.6, names=None):
    """Draw counts, (K, K): a row for each true class, a column for each answer.

    The diagonal stays white, to show the mistakes. names: what the classes are called, where they are not digits.
    """
    _require_some("counts", counts)
    mistakes = np.where(np.eye(len(counts), dtype=bool), np.nan, counts)
    figure = Figure(max(width, 0.36 * len(counts)), max(4.6, 0.28 * len(counts)), alt)
    axis = figure.subplots()
    axis.imshow(mistakes, cmap="Reds", aspect="auto")
    middle = np.nanmin(mistakes) + 0.55 * np.ptp(mistakes[np.isfinite(mistakes)])
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if mistakes[row, column] > middle else "black"
        axis.text(column, row, f"{count:d}", ha="center", va="center", color=color)
    axis.set(xlabel="answer", ylabel="true digit", xticks=range(len(counts)), yticks=range(len(counts)))
    if names is not None:
        turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 3 else {}
        axis.set_xticklabels(names, **turned)
        axis.set_yticklabels(names)
        axis.set_ylabel("true class")
    return figure


@house_style()
def weight_images(W, captions=None, alt="", columns=10, scale=0.8):
    """Show the columns of a first layer's weights, (784, n), as pictures: blue is negative, white 0, red positive.

    The largest weight of each picture has full color. The other parameters are those of `digits`.
    """
    _require_some("W", W.T)
    figure, axes = _tiles(W.shape[1], columns, scale, captions, alt)
    for axis, w in zip(axes, W.T, strict=True):
        limit = max(float(abs(w).max()), 1e-12)
        axis.imshow(as_square(w), cmap="bwr", vmin=-limit, vmax=limit, interpolation="nearest")
    return figure


@house_style()
def valley(paths, curvatures, alt="", limits=(-2.2, 2.2, -1.2, 1.2)):
    """Draw descents over the contours of the bowl (a x² + b y²)/2.

    Parameters
    ----------
    paths : dict
        {label: array (n, 2)}, the places after each step.
    curvatures : tuple of float
        a and b.
    alt : str
    limits : tuple of float
        left, right, bottom, top.
    """
    _require_some("paths", paths)
    a, b = curvatures
    figure = Figure(9.0, 3.3, alt)
    x, y = np.meshgrid(np.linspace(*limits[:2], 200), np.linspace(*limits[2:], 120))
    height = (a * x**2 + b * y**2) / 2
    axes = np.ravel(figure.subplots(1, len(paths), sharey=True, squeeze=False))
    for axis, (label, path), color in zip(axes, paths.items(), cycle(COLORS), strict=False):
        path = np.clip(path, -50, 50)
        axis.contour(x, y, height, levels=np.geomspace(0.02, height.max(), 11), colors=GRAY, linewidths=0.6)
        axis.plot(path[:, 0], path[:, 1], "o-", color=color, markersize=3, linewidth=1.3)
        axis.plot([0], [0], "*", color="black", markersize=10)
        dress(axis, "w₁", "w₂" if axis is axes[0] else "", label)
        axis.set(xlim=limits[:2], ylim=limits[2:])
    return figure


@house_style()
def spread_by_layer(activations, alt=""):
    """Draw histograms of each layer's activations between −1 and 1: rows are settings, columns layers.

    activations: {label: [A¹, A², …]}.
    """
    _require_some("activations", activations)
    figure = Figure(9.0, 1.35 * len(activations) + 0.3, alt)
    n_layers = len(next(iter(activations.values())))
    axes = figure.subplots(len(activations), n_layers, squeeze=False, sharex=True)
    for row, (label, layers) in zip(axes, activations.items(), strict=True):
        for l, (axis, A) in enumerate(zip(row, layers, strict=True)):
            # one scale for all: only so can they be compared
            axis.hist(np.ravel(A), bins=41, range=(-1, 1), color=BLUE)
            axis.set_title(f"layer {l + 1}: s = {np.std(A):.2g}", fontsize=10)
            axis.set(xticks=[-1, 0, 1], yticks=[])
        row[0].set_ylabel(label)
    figure.supxlabel("activation", fontsize=_TEXT)
    return figure


@house_style()
def intervals(labels, centers, halves, xlabel, alt="", *, percent="", threshold=None):
    """Draw values with their intervals, one per row, from top to bottom.

    Parameters
    ----------
    labels : sequence of str
    centers : sequence of float
    halves : sequence of float, or a pair of them
        How far each interval reaches to both sides; or to the left, and to the right.
    xlabel, alt : str
    percent : {"", "x"}
        "x" where the values are fractions, to be read as percent.
    threshold : dict, optional
        {text: value}, each a vertical line with its text.
    """
    _require_some("labels", labels)
    figure = Figure(8.0, 0.36 * len(labels) + 0.9, alt)
    axis = figure.subplots()
    rows = np.arange(len(labels))[::-1]
    axis.errorbar(centers, rows, xerr=halves, fmt="o", color=BLUE, capsize=4, linewidth=1.6)
    dress(axis, xlabel, "", percent=percent)
    draw_thresholds(axis, threshold or {}, "x")
    axis.set_ylim(-0.7, len(labels) - 0.3)
    axis.set_yticks(rows, labels)
    return figure


@house_style()
def projections(searches, xlabel, ylabel, value_label, alt="", *, log=""):
    """Draw searches over two settings side by side: where the trials lie, and their values against each setting alone.

    Parameters
    ----------
    searches : dict
        {title: (x, y, values)}: the two settings of each trial, and its value, a fraction.
    xlabel, ylabel, value_label, alt : str
    log : {"", "x", "y", "xy"}
        Which settings are on a logarithmic axis.
    """
    _require_some("searches", searches)
    figure = Figure(9.6, 4.2, alt)
    lowest, highest = (end(end(values) for *_, values in searches.values()) for end in (min, max))
    room = 0.07 * (highest - lowest)
    shape = {"width_ratios": [2.2, 1], "height_ratios": [1, 1.5]}
    parts, planes = figure.subfigures(1, len(searches), squeeze=False)[0], []
    for part, (title, (x, y, values)) in zip(parts, searches.items(), strict=True):
        (above, corner), (plane, beside) = part.subplots(2, 2, sharex="col", sharey="row", **shape)
        best = np.argmax(values)
        for axis, across, up in ((above, x, values), (plane, x, y), (beside, values, y)):
            axis.plot(across, up, "o", color=BLUE, markersize=6, alpha=0.7)
            axis.plot(across[best], up[best], "o", color=RED, markersize=7)
        above.vlines(x, lowest - room, values, color=BLUE, linewidth=0.8, alpha=0.6)
        beside.hlines(y, lowest - room, values, color=BLUE, linewidth=0.8, alpha=0.6)
        plane.vlines(x, 0, 1, color=GRAY, linewidth=0.6, alpha=0.4, transform=plane.get_xaxis_transform())
        plane.hlines(y, 0, 1, color=GRAY, linewidth=0.6, alpha=0.4, transform=plane.get_yaxis_transform())
        dress(above, "", value_label, title, "x" if "x" in log else "", "y")
        dress(plane, xlabel, ylabel, "", log)
        dress(beside, value_label, "", "", "y" if "y" in log else "", "x")
        above.set_ylim(lowest - room, highest + room)
        beside.set_xlim(lowest - room, highest + room)
        beside.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(2))
        corner.remove()
        planes.append(plane)
    for plane in planes:  # the same places in both
        plane.set_xlim(min(p.get_xlim()[0] for p in planes), max(p.get_xlim()[1] for p in planes))
        plane.set_ylim(min(p.get_ylim()[0] for p in planes), max(p.get_ylim()[1] for p in planes))
    return figure


@house_style()
def regions(classifiers, X, y, alt=""):
    """Draw points of two classes over the areas where each classifier says which.

    Parameters
    ----------
    classifiers : dict
        {label: function of points (n, 2) that returns their classes (n,), 0 or 1}.
    X : array, (m, 2)
    y : array, (m,)
        The class of each point, 0 or 1.
    alt : str
    """
    _require_some("classifiers", classifiers)
    figure = Figure(3.3 * len(classifiers), 3.3, alt)
    reach = 1.15 * abs(X).max()
    x0, x1 = np.meshgrid(np.linspace(-reach, reach, 150), np.linspace(-reach, reach, 150))
    grid = np.stack([x0.ravel(), x1.ravel()], axis=1)
    axes = figure.subplots(1, len(classifiers), squeeze=False)[0]
    for axis, (label, classify) in zip(axes, classifiers.items(), strict=True):
        axis.contourf(x0, x1, classify(grid).reshape(x0.shape), levels=[-0.5, 0.5, 1.5], colors=["#cfe3f1", "#f6d9c6"])
        for k, (color, marker) in enumerate([(BLUE, "o"), (RED, "^")]):
            axis.scatter(*X[y == k].T, s=9, color=color, marker=marker)
        axis.set(title=label, aspect="equal", xticks=[], yticks=[], xlabel="x₁", ylabel="x₂")
    return figure


@house_style()
def graph(nodes, edges, alt="", width=8.6, height=2.4):
    """Draw a computational graph. nodes: {name: (x, y, text)}; edges: (from, to, text above, text below in orange)."""
    _require_some("nodes", nodes)
    figure = Figure(width, height, alt)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))
    circle = {"boxstyle": "circle,pad=0.35", "facecolor": "white", "edgecolor": "black"}
    style = {"ha": "center", "va": "center", "fontsize": 12, "bbox": circle}
    circles = {name: axis.text(x, y, text, **style).get_bbox_patch() for name, (x, y, text) in nodes.items()}
    paper = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    for start, end, above, below in edges:
        (x0, y0, _), (x1, y1, _) = nodes[start], nodes[end]
        arrow = {"arrowstyle": "->", "shrinkA": 3, "shrinkB": 3, "color": GRAY}
        arrow |= {"patchA": circles[start], "patchB": circles[end]}  # from rim to rim
        axis.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
        middle = (x0 + 0.45 * (x1 - x0), y0 + 0.45 * (y1 - y0))
        for text, rise, side, color in [(above, 5, "bottom", BLUE), (below, -5, "top", RED)]:
            style = {"ha": "center", "va": side, "color": color, "bbox": paper}
            axis.annotate(text, middle, (0, rise), textcoords="offset points", **style)
    axis.set_axis_off()
    x, y, _ = zip(*nodes.values(), strict=True)
    axis.set(xlim=(min(x) - 0.5, max(x) + 0.5), ylim=(min(y) - 0.6, max(y) + 0.6))
    return figure


def class_names(data, n_classes=10):
    """What the classes of a Dataset are called, a text each: its names, or else their numbers."""
    return data.names or tuple(map(str, range(n_classes)))


def as_square(image):
    """Return a row of pixels as the square picture it was."""
    image = np.asarray(image)
    side = round(image.size**0.5)
    return image.reshape(side, side)


def dress(axis, xlabel, ylabel, title="", log="", percent=""):
    """Give an axis its labels and the look that all share. log, percent: which axes are so, "x", "y" or "xy"."""
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axis.set(**{f"{name}scale": "log" for name in log})
    for name in percent:
        getattr(axis, f"{name}axis").set_major_formatter(_percent())
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def _percent():
    return matplotlib.ticker.FuncFormatter(lambda value, _: f"{100 * value:.4g} %")


def whole_numbers(*axes):
    """Put the ticks of the horizontal axes on whole numbers only."""
    for axis in axes:
        axis.xaxis.get_major_locator().set_params(integer=True)


def _require_some(name, values):
    if len(values) == 0:
        raise ValueError(f"{name} is empty: there is nothing to draw")
