"""The drawing pad: draw a digit, see what the network sees of it, and what it says.

A drawing is a list of strokes; a stroke is a list of points [x, y], each from 0 to 1: from left to right, from top to
bottom. The pad draws them in the browser (drawing.js); what is made of them here are pure functions of the strokes. On
the website, where no Python runs, docs/_static/reader.js computes the same: change both.
"""

from math import ceil, floor
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import traitlets

from .. import checks
from ..prepare import prepare_digit
from .moving import DIGITS, Moving, ProbabilityBars
from .plots import as_square
from .widgets import Live

PEN = 22 / 280  # the pen's width as a part of the pad's side
_SMALLEST = 0.15  # of the side: what is shorter and narrower is no digit yet
EXAMPLE = [
    [
        [0.33, 0.25], [0.40, 0.20], [0.49, 0.18], [0.58, 0.21], [0.63, 0.28], [0.61, 0.37], [0.54, 0.44], [0.44, 0.47],
        [0.54, 0.49], [0.63, 0.55], [0.67, 0.64], [0.64, 0.73], [0.56, 0.80], [0.46, 0.82], [0.36, 0.79], [0.30, 0.73],
    ]
]  # fmt: skip


class DrawingPad(anywidget.AnyWidget):
    """A square sheet to draw on with the mouse, a pen, a finger, or the arrow keys, Space and Delete.

    Attributes
    ----------
    strokes : list
        What is drawn; it follows the hand about 16 times a second. Setting it draws it: `pad.strokes = []` clears the
        sheet. Always assign a new list, for a change inside the list goes unseen. TraitError for malformed strokes.
    """

    _esm = (Path(__file__).parent / "drawing.js").read_text(encoding="utf-8")
    _css = """
        .drawing-paper { display: block; width: 280px; max-width: calc(100% - 10px); margin: 5px; border-radius: 3px;
                         cursor: crosshair; touch-action: none; box-shadow: 0 0 0 1px #888; }
        .drawing-paper:focus { outline: 3px solid #D55E00; outline-offset: 1px; }
        .drawing-status { max-width: 280px; min-height: 2.5em; margin: 0 5px; font-size: 12px; line-height: 1.25; }
    """
    strokes = traitlets.List().tag(sync=True)
    pen = traitlets.Float(PEN, read_only=True).tag(sync=True)

    @traitlets.validate("strokes")
    def _well_formed(self, proposal):
        try:
            return [points.tolist() for points in _as_points(proposal["value"])]
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None


def _as_points(strokes):
    """The strokes, checked: a list of (n, 2) float64 arrays."""
    if not isinstance(strokes, list | tuple):
        raise ValueError(f"strokes must be a list of strokes, not {type(strokes).__name__}")
    points = []
    for i, stroke in enumerate(strokes):
        try:
            stroke = np.array(stroke, np.float64)
        except (TypeError, ValueError, OverflowError):
            stroke = np.empty(0)
        if stroke.ndim != 2 or stroke.shape[1] != 2 or not len(stroke):
            raise ValueError(f"stroke {i} must be a list of points [x, y], at least one")
        if not np.all((stroke >= 0) & (stroke <= 1)):  # NaN is neither
            raise ValueError(f"stroke {i} has a point off the sheet: x and y must be from 0 to 1")
        points.append(stroke)
    return points


def picture_of(strokes, side=280):
    """Draw strokes on white paper.

    Parameters
    ----------
    strokes : list
        Of lists of [x, y], each from 0 to 1. A stroke of one point is a dot. ValueError when it is anything else.
    side : int
        Of the picture, in pixels.

    Returns
    -------
    array, (side, side)
        uint8 grays, dark ink with soft edges on white, 255.
    """
    side = checks.integer("side", side, 1, 10_000)
    centers, reach = np.arange(side) + 0.5, PEN * side / 2 + 0.5
    squared = np.full((side, side), reach * reach)  # the distance from each pixel's center to the pen's way
    for stroke in _as_points(strokes):
        points = (stroke * side).tolist()
        for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):  # a dot goes nowhere
            columns = slice(max(0, floor(min(x0, x1) - reach)), ceil(max(x0, x1) + reach))
            rows = slice(max(0, floor(min(y0, y1) - reach)), ceil(max(y0, y1) + reach))
            x, y, dx, dy = centers[columns] - x0, centers[rows, np.newaxis] - y0, x1 - x0, y1 - y0
            length = dx * dx + dy * dy or 1
            along = np.minimum(np.maximum(x * (dx / length) + y * (dy / length), 0), 1)
            x, y = x - along * dx, y - along * dy
            np.minimum(squared[rows, columns], x * x + y * y, out=squared[rows, columns])
    return (255.5 - 238 * np.minimum(reach - np.sqrt(squared), 1)).astype(np.uint8)


def read_drawing(net, strokes, names=None):
    """Let a network read a drawing.

    Parameters
    ----------
    net : Network
    strokes : list
        As in `picture_of`.
    names : sequence of str, optional
        What the network's classes are called, where they are not the ten digits.

    Returns
    -------
    row : array, (784,), or None
        float32, the drawing prepared as MNIST was; None when there is no digit to read yet.
    probabilities : array, (K,), or None
        None also when the network's weights are no numbers any more.
    words : str
        What the network says, or why it says nothing.
    """
    if names is None:
        checks.like("net", net, "predict_proba", "a Network")
    else:
        _check_net(net, names)
    points, thing = _as_points(strokes), "digit" if names is None else "picture"
    if not points:
        return None, None, f"The sheet is empty: draw one {thing} on it."
    points = np.concatenate(points)
    if np.ptp(points, axis=0).max() < _SMALLEST:
        return None, None, f"Too small to be read: draw one {thing}, as large as half the sheet or more."
    picture = picture_of(strokes, 140)
    try:
        row = prepare_digit(np.pad(picture, 14, constant_values=255))  # paper also around ink at the edge
    except ValueError:
        return None, None, f"No {thing} stands out from the sheet: clear it and draw one {thing}."
    with np.errstate(over="ignore", invalid="ignore"):  # of a diverged network, named below
        probabilities = net.predict_proba(row[np.newaxis])[0]
    if not np.isfinite(probabilities).all():
        return row, None, "The network says nothing: its weights are no numbers any more. Its training diverged."
    second, first = np.argsort(probabilities)[-2:]
    certain = "over 99%" if probabilities[first] > 0.99 else f"{probabilities[first]:.0%}"
    said, next_one = (str(k) if names is None else names[k] for k in (first, second))
    rest = f"next comes {next_one} with {probabilities[second]:.0%}"
    if probabilities[second] < 0.01:
        rest = f"every other {'digit' if names is None else 'class'} has less than 1%"
    return row, probabilities, f"The network says {said} with probability {certain}; {rest}."


class _Reading(Moving):
    """The digit as the network sees it, and the probability of each class."""

    def __init__(self, names):
        self._n = len(names)
        super().__init__(5.2, max(2.6, 0.5 + 0.19 * self._n))
        digit, bars = self.subplots(1, 2, width_ratios=[1, 1.3])
        self._blank = np.zeros(784)
        self._digit = digit.imshow(as_square(self._blank), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        digit.set(title="what the network sees", xticks=[], yticks=[], xlabel="28×28 pixels")
        self._bars = ProbabilityBars(self, bars, "what it says", names)
        self.move(self._digit, *digit.spines.values())  # the frame once more: it lies on the digit

    def show(self, row, probabilities, alt):
        """Show row, (784,), and probabilities, (K,), or None where there are none."""
        self._digit.set_data(as_square(self._blank if row is None else row))
        self._bars.show(np.zeros(self._n) if probabilities is None else probabilities)
        self.alt_text = alt
        return self


class DrawADigit(Live):
    """A pad, and beside it the digit as the network sees it, and what it says. Made by `draw_a_digit`.

    Attributes
    ----------
    pad : DrawingPad
    net : Network
        Setting it reads the drawing anew, also after more training of the same one.
    clear, undo : ipywidgets.Button
    row, probabilities : array or None
        What is shown.
    """

    def __init__(self, net, names=None):
        self._net, self._names = net, names
        self.pad = DrawingPad(strokes=EXAMPLE)
        self.clear = ipywidgets.Button(description="Clear", tooltip="Take everything off the sheet")
        self.undo = ipywidgets.Button(description="Undo last stroke", tooltip="Take the last stroke off the sheet")
        self._reading = _Reading(names or DIGITS)
        super().__init__(self._read)
        buttons = ipywidgets.HBox([self.clear, self.undo])
        left = ipywidgets.VBox([self.pad, buttons], layout={"max_width": "100%"})
        right = ipywidgets.VBox([self.image, self.words], layout={"width": "505px", "max_width": "100%"})
        # in a narrow window the picture goes below the pad
        self.children = [ipywidgets.HBox([left, right], layout={"flex_flow": "row wrap"})]
        self.add_class("drawing")
        self.clear.add_class("live-clear")
        self.undo.add_class("live-undo")
        self.clear.on_click(lambda _: setattr(self.pad, "strokes", []))
        self.undo.on_click(lambda _: setattr(self.pad, "strokes", self.pad.strokes[:-1]))
        self.pad.observe(self._redraw, names="strokes")

    def close(self):
        super().close()
        self._net = self._reading = self.row = self.probabilities = None

    @property
    def net(self):
        return self._net

    @net.setter
    def net(self, net):
        self._net = net
        self._redraw()

    def _read(self):
        self.row, self.probabilities, words = read_drawing(self._net, self.pad.strokes, self._names)
        if self.pad.strokes == EXAMPLE:
            words += " An example: clear it and draw your own."
        return self._reading.show(self.row, self.probabilities, words)


def draw_a_digit(net, names=None):
    """Show a sheet to draw a digit on, the digit as a network sees it, and its ten probabilities, while you draw.

    The network must take 784 pixels and give 10 outputs; or as many as there are names of classes, such as letters.
    """
    _check_net(net, names)
    return DrawADigit(net, names)


def _check_net(net, names):
    checks.like("net", net, "predict_proba", "a Network")
    n, each = (10, "") if names is None else (len(checks.names("names", names)), ", one for each of names")
    if (net.sizes[0], net.sizes[-1]) != (784, n):
        raise ValueError(f"net must have 784 inputs and {n} outputs{each}, not {net.sizes[0]} and {net.sizes[-1]}")
