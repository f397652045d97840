"""From a photograph, with all that a phone sees beside a digit, to a picture of the digit alone on even paper.

`prepare_digit` takes what it gets for one digit on paper. Here the light is evened, printed lines are found and taken
out, and one of the marks that are left is chosen; what may have gone wrong on the way is told in words. All of it is
measured in pixels of a picture of about 500, and relative to the digit.
"""

from dataclasses import dataclass

import numpy as np

from . import checks
from .files import UserError
from .prepare import number_parts, white_as_1

_SIDE = 512  # the longest side that is looked at; thin strokes survive, and most photographs take a fifth of a second
_SMALL = 256  # a picture smaller than that is enlarged
_NOISE = 5  # standard deviations of the paper; beyond them a mark is no accident
_THINNEST = 0.06  # of the digit's longer side: of MNIST's training digits, one in twenty has strokes below 0.08
_FAINTEST = 0.05  # of the paper's brightness, as in prepare


@dataclass(frozen=True)
class _Line:
    """A straight piece of ink."""

    band: np.ndarray  # a mask of its pixels
    upright: bool
    start: int  # along the line, in columns, or in rows if it is upright
    end: int
    thickness: float
    above: np.ndarray  # a mask of all that lies above it, or left of it

    @property
    def length(self):
        return self.end - self.start

    def may_share_a_corner(self, other):
        """Whether the other one is upright where this one is level, or the reverse, long, and near an end of it."""
        place = np.flatnonzero(other.band.any(axis=1 if self.upright else 0)).mean()
        near = min(abs(place - self.start), abs(place - self.end)) < 0.15 * self.length
        return other.upright != self.upright and near and other.length >= 0.4 * self.length


def digit_alone(picture, name="picture"):
    """Take everything but the digit out of a photograph.

    Parameters
    ----------
    picture : ndarray, (height, width)
        Gray levels from 0, black, to 1, white, as `read_picture` returns; dark ink on light paper, or light on dark.
    name : str
        What errors call the picture.

    Returns
    -------
    alone : ndarray, (rows, columns)
        float32 for `prepare_digit`: paper 1, ink down to 0, cut out around the digit.
    doubts : list of str
        What a reader has to know before believing an answer: marks left out, a digit that may be cut off. Each says
        what to do. Empty when the picture had one digit in it and nothing else as strong.

    Raises
    ------
    ValueError
        If picture is no such array, or holds NaN or infinity.
    UserError
        If nothing in it can be a digit.
    """
    grays = _sized(_checked(picture, name))
    marks, paper, noise = _marks(grays)
    nothing = UserError(
        f"{name} has nothing in it that stands out from the paper as a digit; write one digit, in a strong color, "
        "with paper all around"
    )
    lines, strength = _printed_lines(marks, noise)
    if strength < max(_FAINTEST, 6 * noise):
        raise nothing
    ink = _without(lines, marks, max(0.35 * strength, _NOISE * noise))
    digit, doubts = _choose(ink, paper)
    if digit is None:
        raise nothing
    darkness = np.median(marks[digit])
    if any(_as_strong(line, digit, marks, darkness) for line in lines):
        doubts.append("a line as strong as the digit was taken out; write on blank paper")
    return _cut_out(np.clip(marks / darkness, 0, 1), digit), doubts


def _checked(picture, name):
    """The picture as float32, where 1 is white."""
    picture = checks.array(name, picture, kinds=None)
    if picture.ndim != 2 or picture.dtype.kind not in "buif" or min(picture.shape, default=0) < 8:
        raise UserError(
            f"{name} must be a grayscale picture of at least 8×8 pixels, not {picture.dtype} {picture.shape}"
        )
    return white_as_1(picture, name)


def _sized(grays):
    """The picture with 256 to 512 pixels at its longest side, and without single odd pixels (median of 3×3)."""
    from PIL import Image, ImageFilter

    image = Image.fromarray(grays)
    longest = max(image.size)
    if longest > _SIDE:
        image = image.reduce(-(-longest // _SIDE))
    elif longest < _SMALL:
        image = image.resize([max(1, round(side * _SMALL / longest)) for side in image.size], Image.Resampling.BICUBIC)
    return np.asarray(image.filter(ImageFilter.MedianFilter(3)))


# ------------------------------------------------------------------------------------------------------- even light


def _marks(grays):
    """How much darker than the paper each pixel is, as a part of its brightness; the paper's brightness; the noise.

    The paper under the ink is found by morphological closing (Serra 1982): what is darker than its surroundings and
    has no room for a square of the window's size is filled. So strokes go, while the edge of a shadow or of a table
    stays as it is: both sides of it have room. Dividing by the paper makes ink in the shadow as dark as ink in the
    light. Light ink on dark is turned into dark on light first.
    """
    side = max(grays.shape)
    if _ink_is_light(grays):
        grays = grays.max() + grays.min() - grays
    # letters in a dark title bar, and the like, are no paper: first what is thin and light goes
    paper = _closing(-_closing(-grays, side // 48), side // 5)
    marks = (paper - grays) / np.maximum(paper, max(0.5 * np.percentile(paper, 90), 1e-6))
    marks -= np.median(marks)  # of the paper, the closing takes the lightest of the noise
    return marks, paper, 1.48 * np.median(np.abs(marks))


def _ink_is_light(grays):
    """Whether what is thin in the picture is lighter than its surroundings.

    At growing sizes, how much is filled that has no room for a square of that size (Maragos 1989: the pattern
    spectrum), in the picture and in its negative; divided by the square of it, for strokes are thin, and paper between
    lines is not.
    """
    balance, before = 0.0, 0.0
    for size in (3, 5, 9, 17, 33, 65):
        filled = ((_closing(grays, size) - grays) ** 3).sum() - ((_closing(-grays, size) + grays) ** 3).sum()
        balance += (filled - before) / size**2
        before = filled
    return balance < 0


def _closing(picture, size):
    """Maximum, then minimum, over squares of that size, beyond the border as at it."""
    size |= 1
    wide = _extreme(np.pad(picture, size, mode="edge"), size, np.maximum)
    return _extreme(wide, size, np.minimum)[size:-size, size:-size]


def _extreme(picture, size, extreme):
    """The maximum or minimum over the square around each pixel, by doubling: of 2, 4, 8 and so on in a row."""
    for axis in (0, 1):
        picture = np.pad(np.moveaxis(picture, axis, 0), [(size // 2, (size - 1) // 2), (0, 0)], mode="edge")
        reach = 1
        while reach < size:
            step = min(reach, size - reach)
            picture = extreme(picture[:-step], picture[step:])
            reach += step
        picture = np.moveaxis(picture, 0, axis)
    return picture


def _grown(mask, size):
    """The mask with all within half the size of it."""
    return _extreme(mask, size, np.maximum)


# ---------------------------------------------------------------------------------------------------------- lines


def _printed_lines(marks, noise):
    """Lines that are no strokes of the digit, and the strength of the ink that is left.

    What is ink depends on the strongest mark, and that may be a line; so again without the lines, until it stays.
    """
    lines, gone = [], np.zeros(marks.shape, bool)
    for _ in range(3):
        strength = _strength(marks[~_grown(gone, 5)])
        threshold = max(0.35 * strength, _NOISE * noise)
        faint = marks > max(threshold / 2, 0.8 * _NOISE * noise)  # a line is found whole also where its ink is uneven
        lines = _foreign(_straight_pieces(faint), faint)
        before = gone
        for line in lines:
            gone = gone | line.band
        if not (gone & ~before & (marks > threshold)).any():
            break
    return lines, strength


def _strength(marks):
    """How dark ink is: the median of what is at least half as dark as the darkest, but for 50 pixels of dirt."""
    if marks.size <= 50:
        return 0.0
    return float(np.median(marks[marks >= np.partition(marks, -50)[-50] / 2]))


def _straight_pieces(ink):
    """All straight pieces of ink within 19 degrees of the horizontal or the vertical, the longest first."""
    pieces = _level_pieces(ink, upright=False) + _level_pieces(ink.T, upright=True)
    return sorted(pieces, key=lambda line: -line.length)


def _level_pieces(ink, upright):
    """Straight pieces at least a quarter as long as the picture is wide, by the Hough transform (Duda and Hart 1972).

    Each pixel of ink votes for every line through it; the line with most votes is taken, its pixels withdraw their
    votes, and so on.
    """
    height, width = ink.shape
    left = _extreme(ink, 3, np.maximum)  # lines are not straight to the pixel
    slopes = np.arange(-0.35, 0.35, 2 / width, dtype=np.float32)

    def votes_of(mask):
        rows, columns = np.nonzero(mask)
        columns = (columns - width / 2).astype(np.float32)
        # one slope after the other: all at once take a number for each slope and pixel
        at_center = (np.rint(rows - slope * columns).astype(np.int64) + width for slope in slopes)
        return np.concatenate([np.bincount(places, minlength=height + 2 * width) for places in at_center])

    votes, pieces = votes_of(left), []
    for _ in range(200):
        best = int(votes.argmax())
        if votes[best] < 0.2 * width:
            break
        votes[best] = 0
        which, row = divmod(best, height + 2 * width)
        center = row - width + slopes[which] * (np.arange(width) - width / 2)
        piece = _piece_along(center, ink, left, upright)
        if piece is None:
            continue
        around = _grown(piece.band.T if upright else piece.band, 5) & left
        votes -= votes_of(around)
        left = left & ~around
        if piece.length >= width / 4 and piece.thickness <= max(3, 0.03 * width):
            pieces.append(piece)
    return pieces


def _piece_along(center, ink, left, upright):
    """The longest piece of ink along a line that has one row for each column, or None."""
    height, width = ink.shape
    columns, rows = np.arange(width), np.rint(center).astype(int)
    hit = (rows >= 0) & (rows < height)
    hit[hit] = left[rows[hit], columns[hit]]
    start, end = _longest_run(hit, gap=max(3, width // 50))
    if end - start < 8 or hit[start:end].mean() < 0.7:
        return None
    # the line's own course: the mean row of ink near it, smoothed along it
    offset = np.arange(height)[:, np.newaxis] - center
    near = ink & (np.abs(offset) <= 4)
    smooth = np.ones(min(41, width))
    count = np.convolve(near.sum(axis=0), smooth, "same")
    center = center + np.convolve((near * offset).sum(axis=0), smooth, "same") / np.maximum(count, 1)
    offset = np.arange(height)[:, np.newaxis] - center
    thickness = float(np.median((ink & (np.abs(offset) <= 10))[:, start:end].sum(axis=0)))
    band = np.abs(offset) <= thickness / 2 + 1
    band[:, :start] = band[:, end:] = False
    above = offset < -thickness / 2 - 2
    return (
        _Line(band.T, True, start, end, thickness, above.T)
        if upright
        else _Line(band, False, start, end, thickness, above)
    )


def _longest_run(hit, gap):
    """Start and end of the longest run of True, in which up to `gap` may be missing at a time."""
    places = np.flatnonzero(hit)
    if not len(places):
        return 0, 0
    breaks = np.flatnonzero(np.diff(places) > gap)
    starts, ends = places[np.append(0, breaks + 1)], places[np.append(breaks, -1)] + 1
    longest = (ends - starts).argmax()
    return int(starts[longest]), int(ends[longest])


def _foreign(pieces, ink):
    """Those of the straight pieces that are no strokes of the digit.

    A rule crosses the whole picture. An underline, or a side of a box, is longer than the digit, and all the rest of
    the ink is on one side of it. When one is taken out, others may be seen to be such lines; so until none is.
    """
    taken, candidates = [], list(pieces)
    while True:
        for line in candidates:
            rest = ink.copy()
            for other in [*taken, line]:
                rest &= ~other.band
            rules = [other for other in pieces if other.upright == line.upright and other.length >= 0.8 * line.length]
            if _is_foreign(line, rest, candidates, ruled=len(rules) >= 3):
                taken.append(line)
                candidates = [other for other in candidates if other is not line]
                break
        else:
            return taken


def _is_foreign(line, rest, candidates, ruled):
    """Whether a straight piece is no stroke of the digit.

    `rest` is the other ink, but for lines taken already; `ruled` says that there are others like it.
    """
    span = rest.shape[0 if line.upright else 1]
    at_start, at_end = line.start <= 0.03 * span, line.end >= 0.97 * span
    if at_start and at_end and ruled:
        return True  # ruled paper, even without a digit
    digit = rest
    for other in candidates:
        if other.length >= 0.8 * line.length or line.may_share_a_corner(other):
            digit = digit & ~other.band
    top, bottom, left, right = _extent(digit)
    size, side = max(bottom - top, right - left), max(rest.shape)
    if size < max(0.08 * side, 0.15 * line.length):
        return False  # without it, hardly anything is left: it is a stroke of the digit
    if at_start and at_end:
        return True
    before, after = (top, bottom) if line.upright else (left, right)
    overhang = 0.04 * line.length
    longer = (at_start or line.start < before - overhang) and (at_end or line.end > after + overhang)
    above, total = (rest & line.above).sum(), rest.sum()
    return line.length >= 1.15 * size and longer and min(above, total - above) <= 0.05 * total


def _extent(mask, block=4):
    """Top, bottom, left and right of a mask; blocks of 4×4 pixels count that have 6 or more, so that specks do not."""
    height, width = (side // block for side in mask.shape)
    blocks = mask[: height * block, : width * block].reshape(height, block, width, block).sum(axis=(1, 3)) >= 6
    rows, columns = np.flatnonzero(blocks.any(axis=1)), np.flatnonzero(blocks.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return block * rows[0], block * (rows[-1] + 1), block * columns[0], block * (columns[-1] + 1)


def _without(lines, marks, threshold):
    """The ink without the lines, but with the strokes that cross them.

    Ink clearly darker than the line is a stroke; and gaps no wider than a line are closed again, where there was ink.
    """
    ink = marks > threshold
    if not lines:
        return ink
    bands = np.any([line.band for line in lines], axis=0)
    darker = np.zeros(ink.shape, bool)
    for line in lines:
        darker |= line.band & (marks > 1.5 * np.percentile(marks[line.band], 75))
    kept = ink & (~bands | darker)
    return kept | _closing(kept, int(2 * max(line.thickness for line in lines) + 3)) & bands & ink


# ---------------------------------------------------------------------------------------------------------- digit


def _choose(ink, paper):
    """A mask of the digit's ink, or None, and doubts in words."""
    numbers = number_parts(ink)
    parts = _Parts.of(numbers)
    doubts = []
    height, width = ink.shape
    side = max(height, width)
    alive = parts.longest >= max(4, 0.04 * side)
    for i in np.flatnonzero(alive):
        held = alive & parts.inside(i) & (parts.longest > 0.25 * parts.longest[i])
        if held.any() and parts.sizes[i] < 0.4 * parts.heights[i] * parts.widths[i]:
            alive[i] = False
            doubts.append("a frame around the digit was left out; crop the picture to the digit")
    touching = parts.touching(height, width)
    middle = ((parts.top + parts.bottom) / 2 / height - 0.5) ** 2 + ((parts.left + parts.right) / 2 / width - 0.5) ** 2
    score = alive * parts.longest * np.exp(-4 * middle) * np.where(touching, 0.4, 1)
    if not len(score) or score.max() < 8:
        return None, doubts
    main = int(score.argmax())
    group = _together(parts, main, alive & ~touching)
    digit = np.isin(numbers, 1 + group)
    top, bottom, left, right = parts.box(group)
    size = max(bottom - top, right - left)
    if size < max(8, 0.04 * side) or right - left > 3 * (bottom - top):
        return None, doubts

    # on the table around a sheet, or beyond a window's edge, lie no digits
    level = np.median(paper[top:bottom, left:right])
    others = alive & (parts.longest > 0.4 * size)
    others[group] = False
    others &= parts.means(numbers, paper) > 0.6 * level
    # nor are scraps of a line digits, which are thinner than a stroke
    others &= np.minimum(parts.heights, parts.widths) > 0.7 * _stroke_width(digit)
    if touching[main]:
        doubts.append("the digit reaches the border and may be cut off; take the picture with paper all around")
    if (others & touching).any():
        doubts.append("a mark at the border was left out; crop the picture to the digit")
    if (others & ~touching).any():
        doubts.append("there are several marks, and one of them was read; take a picture of one digit alone")
    if right - left > 1.35 * (bottom - top):
        doubts.append("it is wider than a digit; are there two? Take a picture of one alone")
    if _is_box(digit[top:bottom, left:right], side):
        doubts.append("a box fills the picture; crop it to the digit")
    return digit, list(dict.fromkeys(doubts))


@dataclass(frozen=True)
class _Parts:
    """Connected parts of the ink, an entry each: their boxes, and how many pixels they have."""

    top: np.ndarray
    bottom: np.ndarray
    left: np.ndarray
    right: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, numbers):
        rows, columns = np.nonzero(numbers)
        part = numbers[rows, columns] - 1
        sizes = np.bincount(part)
        first, last = (np.full(len(sizes), max(numbers.shape)), np.zeros(len(sizes), int))
        boxes = []
        for places in (rows, columns):
            low, high = first.copy(), last.copy()
            np.minimum.at(low, part, places)
            np.maximum.at(high, part, places + 1)
            boxes += [low, high]
        return cls(*boxes, sizes)

    @property
    def heights(self):
        return self.bottom - self.top

    @property
    def widths(self):
        return self.right - self.left

    @property
    def longest(self):
        return np.maximum(self.heights, self.widths)

    def inside(self, i):
        """Which parts lie within the box of part i."""
        return (
            (self.top > self.top[i])
            & (self.bottom < self.bottom[i])
            & (self.left > self.left[i])
            & (self.right < self.right[i])
        )

    def touching(self, height, width):
        """Which reach the picture's border."""
        return (self.top <= 1) | (self.left <= 1) | (self.bottom >= height - 1) | (self.right >= width - 1)

    def box(self, group):
        """Top, bottom, left and right of several parts."""
        return self.top[group].min(), self.bottom[group].max(), self.left[group].min(), self.right[group].max()

    def means(self, numbers, values):
        """The mean of the values over each part's pixels."""
        return np.bincount(numbers.ravel(), values.ravel(), len(self.sizes) + 1)[1:] / self.sizes


def _together(parts, main, alive):
    """The parts that make up the digit: those near the main one, but no second digit beside it."""
    group = np.array([main])
    while True:
        top, bottom, left, right = parts.box(group)
        height, width = bottom - top, right - left
        across = np.maximum(parts.left - right, left - parts.right)
        down = np.maximum(parts.top - bottom, top - parts.bottom)
        beside = (parts.heights > 0.6 * height) & (-across < 0.3 * np.minimum(width, parts.widths))
        near = alive & (np.maximum(across, down) <= 0.12 * max(height, width)) & ~beside
        grown = np.union1d(group, np.flatnonzero(near))
        if len(grown) == len(group):
            return group
        group = grown


def _is_box(digit, side):
    """Whether it is large and has ink in all four corners, as a box has and hardly any digit."""
    height, width = digit.shape
    if min(height, width) < 0.3 * side:
        return False
    y, x = max(1, height // 10), max(1, width // 10)
    return all(corner.any() for corner in (digit[:y, :x], digit[:y, -x:], digit[-y:, :x], digit[-y:, -x:]))


def _as_strong(line, digit, marks, darkness):
    """Whether a line that was taken out could be taken for a stroke of the digit."""
    own = np.median(marks[line.band])
    return own > 0.6 * darkness and line.thickness > 0.6 * _stroke_width(digit)


def _stroke_width(digit):
    """The mean width of strokes: twice their area over the length of their edge."""
    inner = ~_grown(~digit, 3)
    return 2 * digit.sum() / max(1, (digit & ~inner).sum())


def _cut_out(amounts, digit):
    """The digit's ink on white paper, with a margin; strokes of a thin pen as wide as MNIST's thinner ones."""
    amounts = amounts * _grown(digit, 3)  # with its soft edge
    rows, columns = np.flatnonzero(amounts.any(axis=1)), np.flatnonzero(amounts.any(axis=0))
    amounts = amounts[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest = max(amounts.shape)
    lacking = max(0, round(_THINNEST * longest - _stroke_width(digit)))
    amounts = _extreme(np.pad(amounts, lacking), lacking + 1, np.maximum)
    return 1 - np.pad(amounts, max(8, longest // 4)).astype(np.float32)
