"""Pictures of what the formulas speak of: a network as layers of units, and matrices as blocks with their shapes."""

from itertools import cycle, pairwise

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea
from matplotlib.patches import Circle, Rectangle

from .plots import BLUE, COLORS, GRAY, ORANGE, Figure, as_square, house_style

_INK, _FACE = "black", "#EEF2F6"
_LABEL = 11.5  # points
_NARROWEST = 0.9  # inches: the label of a block has to fit under it


@house_style()
def layers(sizes, names, alt="", *, between=(), unit=None, outputs=(), image=None, shown=7, width=7.8, height=3.6):
    """Draw a network: a column of circles a layer, and a line for each weight.

    Parameters
    ----------
    sizes : sequence of int
        Units a layer, [n₀, n₁, …]. Of more than ten the first and last are drawn, with dots between them.
    names : sequence of str
        What stands above each layer.
    alt : str
        The picture in words.
    between : sequence of str, optional
        What stands below, between each layer and the next.
    unit : tuple of int, optional
        (layer, number from 0 among the units drawn): the weights that lead into this unit are blue.
    outputs : sequence of str, optional
        What stands to the right of each unit of the last layer.
    image : array, (784,) or (28, 28), optional
        A picture to the left of the first layer.
    shown : int
        For how many units a layer of more than ten has room, the dots' included.
    width, height : float
        In inches.

    Returns
    -------
    Figure
    """
    figure = Figure(width, height, alt)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axis.set_axis_off()
    left, right = (1.9 if image is not None else 0.7), width - (0.9 if len(outputs) else 0.7)
    top, bottom = height - 0.75, 0.75 if between else 0.35
    columns = np.linspace(left, right, len(sizes))
    rows = [_heights(n, shown, top, bottom) for n in sizes]
    radius = min([0.13, *(0.4 * (ys[0] - ys[1]) for ys in rows if len(ys) > 1)])
    for l, ((x0, ys0), (x1, ys1)) in enumerate(pairwise(zip(columns, rows, strict=True)), start=1):
        for k, y1 in enumerate(ys1):
            marked = unit == (l, k)
            style = {"color": BLUE, "linewidth": 1.8} if marked else {"color": "#BBBBBB", "linewidth": 0.6}
            axis.plot([[x0] * len(ys0), [x1] * len(ys0)], [ys0, [y1] * len(ys0)], zorder=2 if marked else 1, **style)
        if between:
            axis.text((x0 + x1) / 2, 0.32, between[l - 1], ha="center", va="center", fontsize=_LABEL)
    for l, (x, ys, n, name) in enumerate(zip(columns, rows, sizes, names, strict=True)):
        for k, y in enumerate(ys):
            face = BLUE if unit == (l, k) else "white"
            axis.add_patch(Circle((x, y), radius, facecolor=face, edgecolor=_INK, linewidth=1.0, zorder=3))
        if n > len(ys):
            for rise in (-0.12, 0, 0.12):
                axis.add_patch(Circle((x, (top + bottom) / 2 + rise), 0.022, color=_INK, zorder=3))
        axis.text(x, height - 0.32, name, ha="center", va="center", fontsize=_LABEL)
    for y, text in zip(rows[-1], outputs, strict=False):
        axis.text(right + 2 * radius, y, text, va="center", fontsize=_LABEL)
    if image is not None:
        middle = (top + bottom) / 2
        axis.imshow(as_square(image), cmap="gray_r", extent=(0.1, 1.2, middle - 0.55, middle + 0.55), zorder=2)
        axis.add_patch(Rectangle((0.1, middle - 0.55), 1.1, 1.1, fill=False, edgecolor=GRAY, linewidth=0.6, zorder=3))
        axis.annotate("", (left - 0.25, middle), (1.27, middle), arrowprops={"arrowstyle": "->", "color": GRAY})
        axis.set(xlim=(0, width), ylim=(0, height))
    return figure


def _heights(n, shown, top, bottom):
    """Where the units of a layer stand, from top to bottom; with a gap for dots where some are left out."""
    if n > 10:
        places = np.linspace(top, bottom, shown)
        return places[abs(np.arange(shown) - (shown - 1) / 2) > 0.6]
    reach = min((top - bottom) / 2, 0.25 * (n - 1))
    return (top + bottom) / 2 + np.linspace(reach, -reach, n)


@house_style()
def matrices(rows, alt="", *, lengths=(), width=9.0):
    """Draw lines of matrices as blocks, each with its name and its shape.

    A side is drawn as long as the square root of its length says, and sides of the same length have the same color: so
    one sees which sides meet in a product, and which the result keeps.

    Parameters
    ----------
    rows : list of list
        Lines from top to bottom. A str, of one or more lines, is written between the blocks. A block is (name, shape)
        or (name, shape, marks): the shape is (rows, columns), or (columns,) for a vector; marks, such as {"row": 0} or
        {"row": 0, "column": 3}, stress a row, a column, or the entry where they cross.
    alt : str
        The picture in words.
    lengths : sequence of int
        Those that get the first colors, so that several pictures agree; else the order is that of their appearance.
    width : float
        In inches; the scale is chosen so that the longest line fits.

    Returns
    -------
    Figure
    """
    blocks = [[item for item in line if not isinstance(item, str)] for line in rows]
    sizes = dict.fromkeys([*lengths, *(n for line in blocks for _, shape, *_ in line for n in shape)])
    colors = dict(zip(sizes, cycle([GRAY, *COLORS]), strict=False))
    scale = min(_scale(line, width) for line in rows)
    tallest = [scale * max(np.sqrt(_sides(shape)[0]) for _, shape, *_ in line) for line in blocks]
    height = sum(tallest) + 0.8 * len(rows)
    figure = Figure(width, height, alt)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axis.set_axis_off()
    bottom = height
    for line, high in zip(rows, tallest, strict=True):
        bottom -= high + 0.8
        x, middle = (width - _length(line, scale)) / 2, bottom + 0.7 + high / 2
        for item in line:
            room = _room(item, scale)
            if isinstance(item, str):
                size = _LABEL if "\n" in item else 15
                axis.text(x + room / 2, middle, item, ha="center", va="center", fontsize=size)
            else:
                _block(axis, x + room / 2, middle, scale, colors, *item)
            x += room
    return figure


def _sides(shape):
    """(rows, columns) of a shape; a vector is a row."""
    return (1, *shape) if len(shape) == 1 else tuple(shape)


def _room(item, scale):
    """The inches that an item of a line takes."""
    if isinstance(item, str):
        return 0.13 + 0.11 * max(map(len, item.split("\n")))
    return max(scale * np.sqrt(_sides(item[1])[1]) + 0.1, _NARROWEST)


def _length(line, scale):
    return sum(_room(item, scale) for item in line)


def _scale(line, width):
    """The largest scale, in inches for the root of a length, with which a line fits."""
    scales = np.linspace(0.25, 0.01, 200)
    return next((scale for scale in scales if _length(line, scale) <= width - 0.2), scales[-1])


def _block(axis, center, middle, scale, colors, name, shape, marks=()):
    """One matrix around (center, middle), with its name and shape below."""
    n_rows, n_columns = _sides(shape)
    w, h = scale * np.sqrt(n_columns), scale * np.sqrt(n_rows)
    left, bottom = center - w / 2, middle - h / 2
    axis.add_patch(Rectangle((left, bottom), w, h, facecolor=_FACE, edgecolor=GRAY, linewidth=0.8))
    _stress(axis, (left, bottom, w, h), (n_rows, n_columns), dict(marks))
    edge = {"linewidth": 4, "solid_capstyle": "butt"}
    if len(shape) == 2:
        axis.plot([left, left], [bottom, bottom + h], color=colors[n_rows], **edge)
    axis.plot([left, left + w], [bottom + h, bottom + h], color=colors[n_columns], **edge)
    texts = [("(", _INK)]
    for n in shape:
        texts += [(str(n), 0.75 * np.array(to_rgb(colors[n]))), (", ", _INK)]  # letters are thinner than sides
    texts = [*texts[:-1], (",)" if len(shape) == 1 else ")", _INK)]
    parts = [TextArea(text, textprops={"color": color, "fontsize": _LABEL}) for text, color in texts]
    packed = HPacker(children=parts, pad=0, sep=0)
    axis.text(center, bottom - 0.2, name, ha="center", va="center", fontsize=_LABEL + 1.5)
    axis.add_artist(AnnotationBbox(packed, (center, bottom - 0.46), frameon=False, pad=0))


def _stress(axis, box, shape, marks):
    """Fill a row, a column, or the entry where they cross, wide enough to be seen."""
    left, bottom, w, h = box
    thick = [max(side / n, min(0.07, side)) for side, n in zip((h, w), shape, strict=True)]
    if "row" in marks:
        top = bottom + h - marks["row"] / shape[0] * h
        bottom, h = max(top - thick[0], bottom), thick[0]
    if "column" in marks:
        left, w = min(left + marks["column"] / shape[1] * w, left + w - thick[1]), thick[1]
    if marks:
        axis.add_patch(Rectangle((left, bottom), w, h, facecolor=ORANGE, linewidth=0))
