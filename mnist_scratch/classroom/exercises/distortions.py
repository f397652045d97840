"""The exercises of notebook 09: moving by whole pixels, between four pixels, smoothing, and smoothed targets."""

import math

import numpy as np

from ...distortions import interpolate
from .toolkit import EXACT, FunctionExercise

_rng = np.random.default_rng(9)
_SIDE = 28
_ROWS, _COLUMNS = np.mgrid[:_SIDE, :_SIDE]

# ------------------------------------------------------------------------------------------------ 9.1


def _shifted(images, rows, columns):
    places = np.broadcast_to([[_ROWS - rows], [_COLUMNS - columns]], (2, len(images), _SIDE, _SIDE))
    return interpolate(images, *places)


def _pictures(images):
    return images.reshape(-1, _SIDE, _SIDE)


def _rolled(axes):
    return lambda images, *by: np.roll(_pictures(images), by, axes).reshape(-1, _SIDE**2)


def _moved(by):
    """The right image, moved by(rows, columns)."""
    return lambda images, rows, columns: _shifted(images, *by(rows, columns))


def _clipped(i):
    return np.clip(i, 0, _SIDE - 1)


def _from(place, inside):
    """Each new pixel from the old one at place(i − rows) and place(j − columns), where both are inside."""

    def answer(images, rows, columns):
        i, j = _ROWS - rows, _COLUMNS - columns
        return np.where(inside(i) & inside(j), _pictures(images)[:, place(i), place(j)], 0).reshape(-1, _SIDE**2)

    return answer


def _pushed_along(images, rows, columns):
    """The row of 784 as one line, without wrapping round."""
    places = np.arange(_SIDE**2) - (_SIDE * rows + columns)
    inside = (places >= 0) & (places < _SIDE**2)
    return np.where(inside, images[:, np.clip(places, 0, _SIDE**2 - 1)], 0)


def _sliced(end):
    """Slices as one writes them for positive numbers; end says where those of the old image stop."""

    def answer(images, rows, columns):
        result = np.zeros_like(_pictures(images))
        result[:, rows:, columns:] = _pictures(images)[:, : end(rows), : end(columns)]
        return result.reshape(-1, _SIDE**2)

    return answer


_NEGATIVE = "Negative numbers mean up and left. Ask, for each new pixel, which old one it comes from."
_ZERO = "A number may be 0: then `a[:-0]` is empty, and `a[0:]` is everything."
_SLICES = (
    "What is filled and what is put there must have the same shape: print both. With 0 `a[:-0]` is empty, a negative "
    "number counts from the other end, and from 28 on nothing is left. Ask, for each new pixel, which old one it comes "
    "from."
)


def _shift(m, rows, columns, dtype=np.float64):
    return [_rng.uniform(0.1, 1, (m, _SIDE**2)).astype(dtype), rows, columns]  # ink up to the edges, so that they tell


SHIFTED = FunctionExercise(
    name="shifted",
    number="9.1",
    task="Move images (m, 784) by whole pixels, rows down and columns to the right; paper, 0, moves in.",
    reference=_shifted,
    cases={
        "one image, 2 down and 1 to the right": _shift(1, 2, 1),
        "three images": _shift(3, 1, 4),
        "as many images as rows in an image": _shift(_SIDE, 3, 5),
        "only to the right": _shift(2, 0, 3),
        "only down": _shift(2, 4, 0),
        "not at all": _shift(2, 0, 0),
        "up and left": _shift(2, -3, -2),
        "up and right": _shift(2, -1, 2),
        "float32": _shift(2, 1, 1, np.float32),
        "out at the bottom": _shift(2, 28, 0),
        "out at the right": _shift(2, 0, 28),
        "out at the top": _shift(2, -28, 1),
        "out at the left": _shift(2, 2, -29),
        "far out": _shift(2, -30, 40),
    },
    case_hints=dict.fromkeys(("only to the right", "only down", "not at all"), _ZERO)
    | dict.fromkeys(("up and left", "up and right"), _NEGATIVE)
    | dict.fromkeys(
        ("out at the bottom", "out at the right", "out at the top", "out at the left", "far out"),
        "28 pixels away or more, nothing of the image is left: all is paper.",
    ),
    new=True,
    tolerance=EXACT,
    mistakes={
        hint: _moved(by)
        for hint, by in {
            "It moves up and left where it should move down and right. The new pixel (i, j) comes from (i − rows, "
            "j − columns).": lambda r, c: (-r, -c),
            "It moves up where it should move down. Rows count from the top.": lambda r, c: (-r, c),
            "It moves to the left where it should move to the right.": lambda r, c: (r, -c),
            "`rows` and `columns` are exchanged: in (m, 28, 28) rows are axis 1, columns axis 2.": lambda r, c: (c, r),
            "Negative numbers move as if they were positive. They mean up and left.": lambda r, c: (abs(r), abs(c)),
            "Negative numbers do not move at all. They mean up and left.": lambda r, c: (max(r, 0), max(c, 0)),
            "Moves are taken modulo 28, so a negative one goes down, or right.": lambda r, c: (r % _SIDE, c % _SIDE),
            "Only the rows are moved; move the columns as well.": lambda r, c: (r, 0),
            "The columns are not moved where the rows are. Is there an `elif`?": lambda r, c: (r, 0 if r else c),
            "The rows are not moved where the columns are. Is there an `elif`?": lambda r, c: (0 if c else r, c),
            "It moves one pixel too far.": lambda r, c: (r + np.sign(r), c + np.sign(c)),
            "Up and left it moves one pixel too far.": lambda r, c: (r - (r < 0), c - (c < 0)),
        }.items()
    }
    | {
        "Only the columns are moved; move the rows as well.": [
            _moved(lambda r, c: (0, c)),
            _moved(lambda r, c: (0, max(c, 0))),
        ],
        "What leaves on one side comes in on the other: `np.roll` wraps around. Out there is paper, 0.": (
            _rolled((1, 2))
        ),
        "You push the 784 numbers along as one line, so the end of each row becomes the start of the next. Reshape to "
        "(m, 28, 28) first.": [
            lambda images, rows, columns: np.roll(images, _SIDE * rows + columns, axis=1),
            _pushed_along,
        ],
        "You exchange images, or wrap around. Rows of pixels are axis 1 of (m, 28, 28), and paper moves in.": [
            _rolled((0, 1)),
            lambda images, rows, columns: np.roll(images, (rows, columns), (0, 1)),
            lambda images, rows, columns: np.roll(images, rows, axis=0),
        ],
        "The images come first, (m, 28, 28): as (28, 28, m) their pixels are mixed.": (
            lambda images, *by: _shifted(images.reshape(_SIDE**2, -1).T, *by).T.reshape(-1, _SIDE**2)
        ),
        "The pixels at the edge are repeated; what comes in is paper, 0.": _from(_clipped, lambda i: True),
        "What leaves on the right or below comes in on the left or above: an index below 0 counts from the end. Ask "
        "for `0 <= …`, too.": _from(lambda i: i % _SIDE, inside=lambda i: (i >= -_SIDE) & (i < _SIDE)),
        _SLICES: [_sliced(lambda by: -by), _sliced(lambda by: _SIDE - by)],
        "All images became the first one. Move the whole stack (m, 28, 28): its first axis stays as it is.": (
            lambda images, *by: np.repeat(_shifted(images[:1], *by), len(images), axis=0)
        ),
    },
    error_hints={
        "could not broadcast input": _SLICES,
        "not all of it is finite": "What moves in is paper: fill with 0.",
    },
    any_hint="Follow one pixel: the old (i, j) should become the new (i + rows, j + columns), if that is in the image.",
    second_hint="Reshape to (m, 28, 28) and start from zeros. Then for one axis after the other: which rows of the new "
    "image are filled, and from which rows of the old one? `max(0, …)` and `min(28, …)` keep the ends inside.",
    praise="To an eye it is the same digit; to a perceptron other inputs are lit.",
)

# ------------------------------------------------------------------------------------------------ 9.2


def _bilinear(image, y, x):
    y, x = np.full((2, 1, _SIDE, _SIDE), [[[[y]]], [[[x]]]], dtype=float)
    return interpolate(image.reshape(1, -1), y, x)[0, 0]


def _as_indexed(image, row, column):
    return image[row, column]


def _ink_or_paper(image, row, column):
    return image[row, column] if 0 <= row < _SIDE and 0 <= column < _SIDE else 0.0


def _ink_or_edge(image, row, column):
    return image[min(max(row, 0), _SIDE - 1), min(max(column, 0), _SIDE - 1)]


def _ink_or_end(image, row, column):
    return image[row, column] if -_SIDE <= row < _SIDE and -_SIDE <= column < _SIDE else 0.0


def _four_pixels(
    *,
    whole=math.floor,
    pixel=_ink_or_paper,
    weights=lambda d: (1 - d, d),
    at=lambda y, x: (y, x),
    fractions=lambda v, u: (v, u),
):
    """A mean of four pixels with one thing done in another way."""

    def answer(image, y, x):
        y, x = at(y, x)
        top, left = whole(y), whole(x)
        v, u = fractions(y - top, x - left)
        down, right = weights(v), weights(u)
        return sum(down[i] * right[j] * pixel(image, top + i, left + j) for i in (0, 1) for j in (0, 1))

    return answer


_OUTSIDE = (
    "Near the edge some of the four pixels lie outside the image. Those are paper and count as 0; the others count as "
    "always."
)
_BEYOND = "More than a pixel outside there is nothing but paper: 0."
_FOUR = (
    "Four pixels surround the place: its row and column rounded down, and one more of each. The nearer one is, the "
    "more it counts."
)


def _place(y, x):
    return [_rng.uniform(0.1, 1, (_SIDE, _SIDE)), y, x]


_SMALL = np.pad([[0.0, 0.4], [0.8, 1.0]], ((5, 21), (8, 18)))
_AT_THE_EDGE = {
    "the last pixel": _place(27.0, 27.0),
    "in the last row": _place(27, 3.5),
    "in the first row": _place(0.25, 0),
    "a quarter of a pixel beyond the right edge": _place(10.6, 27.25),
    "a quarter of a pixel above the top edge": _place(-0.25, 12.0),
    "three quarters of a pixel beyond the left edge": _place(12.0, -0.75),
    "beyond a corner, by less than a pixel": _place(27.5, 27.75),
}
_FAR_OUTSIDE = {
    "one whole pixel above": _place(-1.0, 6.5),
    "far above": _place(-1.5, 6.0),
    "far outside": _place(268.25, -243.5),
}

BILINEAR = FunctionExercise(
    name="bilinear",
    number="9.2",
    task="Return the value of an image (28, 28) at one place (y, x) between its pixels; paper, 0, lies outside.",
    reference=_bilinear,
    cases={
        "exactly on a pixel of value 0.4": [_SMALL, 5.0, 9.0],
        "halfway from a pixel of 0.4 to one of 1 below it": [_SMALL, 5.5, 9.0],
        "among four pixels, 0 and 0.4 above 0.8 and 1": [_SMALL, 5.25, 8.5],
        "ink everywhere": _place(11.3, 4.8),
        "hardly beside a pixel": _place(20.004, 20.997),
        **_AT_THE_EDGE,
        **_FAR_OUTSIDE,
    },
    case_hints=dict.fromkeys(_AT_THE_EDGE, _OUTSIDE) | dict.fromkeys(_FAR_OUTSIDE, _BEYOND),
    any_hint=_FOUR,
    mistakes={
        hint: [_four_pixels(**other) for other in others]
        for hint, others in {
            "The weights are exchanged: a quarter of the way along, the nearer pixel counts three quarters.": [
                dict(weights=lambda d: (d, 1 - d))
            ],
            "`y` and `x` are exchanged: y is the row and comes first, x is the column.": [dict(at=lambda y, x: (x, y))],
            "All four pixels count the same, wherever the place is among them. The nearer ones should count more.": [
                dict(weights=lambda d: (0.5, 0.5))
            ],
            "Only the row is taken between pixels: x has a fraction, too.": [dict(fractions=lambda v, u: (v, 0))],
            "Only the column is taken between pixels: y has a fraction, too.": [dict(fractions=lambda v, u: (0, u))],
            "The fraction of y serves for both directions; x has its own.": [dict(fractions=lambda v, u: (v, v))],
            "The fractions are exchanged: that of y weighs the rows.": [dict(fractions=lambda v, u: (u, v))],
            "On a whole number `ceil` is `floor`, and both weights become 0. The next pixel is `floor` + 1.": [
                dict(weights=lambda d: (1 - d, d) if d else (0, 0))
            ],
            "The pixels at the edge go on outside. Out there is paper, 0.": [dict(pixel=_ink_or_edge)],
            "Outside the image the other side comes in: an index of −1 is the last pixel. Out there is paper, 0.": [
                dict(pixel=lambda image, row, column: image[row % _SIDE, column % _SIDE]),
                dict(pixel=_ink_or_end),
            ],
            _OUTSIDE: [dict(pixel=_as_indexed), dict(pixel=_as_indexed, whole=int)],
            "`int(…)` rounds toward 0, so −0.25 becomes 0. Round down, to −1: `math.floor`, or `int` of `np.floor`.": [
                dict(whole=int),
                dict(whole=int, pixel=_ink_or_edge),
            ],
            "The look-up is moved: pixel (i, j) lies at the place (i, j). (A frame of `np.pad` moves it.)": [
                dict(at=lambda y, x, by=by: (y - by, x - by)) for by in (1, 2, -1, 0.5, -0.5)
            ],
        }.items()
    }
    | {
        "That is a single pixel, the nearest, or the one above and to the left. Four surround the place: weigh all.": [
            lambda image, y, x, pixel=pixel, whole=whole: pixel(image, whole(float(y)), whole(float(x)))
            for pixel in (_ink_or_paper, _as_indexed)
            for whole in (round, math.floor)
        ],
        "Up to one pixel beyond the edge the place still has neighbors with ink. Ask of each of the four pixels "
        "whether it lies in the image, not of the place.": [
            lambda image, y, x, low=low, end=end: _bilinear(image, y, x) if low <= min(y, x) <= max(y, x) < end else 0.0
            for low, end in ((0, _SIDE - 1), (0, _SIDE - 0.99), (0, np.inf), (-np.inf, _SIDE - 0.99))
        ],
    },
    error_hints={
        "TookTooLong": "Does a loop end for each place? Some lie between two pixels, some below 0 or beyond 27.",
        "only integers, slices": "`np.floor` gives a whole number, but as a float; an index needs `int(…)` of it.",
    },
    second_hint="`top = math.floor(y)`, and `y - top` is the weight of the row below. Write a small function that "
    "returns a pixel, or 0 where there is none, and call it four times.",
    praise="`distortions.interpolate` is this, for a whole batch at once.",
)

# ------------------------------------------------------------------------------------------------ 9.3


def _squares(n):
    return np.subtract.outer(np.arange(n), np.arange(n)) ** 2.0


def _bell(n, s):
    return np.exp(-_squares(n) / (2 * s**2))


def _smoothing_matrix(n, s):
    return _bell(n, s) / _bell(n, s).sum(axis=1, keepdims=True)


def _with_exponent(exponent):
    """The same with another exponent of the squared distance and s."""
    return lambda n, s: (E := np.exp(exponent(_squares(n), s))) / E.sum(axis=1, keepdims=True)


def _scaled(total):
    """The same with another divisor of the Gaussian."""
    return lambda n, s: (E := _bell(n, s)) / total(E, s)


SMOOTHING_MATRIX = FunctionExercise(
    name="smoothing_matrix",
    number="9.3",
    task="Return G (n, n): row i holds the weights, adding up to 1, of a Gaussian of width s around i.",
    reference=_smoothing_matrix,
    cases={
        "three values": [3, 1.0],
        "a whole number for s": [3, 2],
        "a narrow Gaussian": [5, 0.6],
        "as the package uses it": [28, 5.0],
        "so wide that all weights are nearly the same": [2, 100.0],
        "so narrow that each value stays what it is": [4, 0.01],
        "a single value": [1, 3.0],
    },
    mistakes={
        hint: _scaled(total)
        for hint, total in {
            "The columns add up to 1, and the rows should: row i weighs the values that make up the i-th mean. For the "
            "row sums as a column: `axis=1, keepdims=True`; or is it transposed?": lambda E, s: E.sum(axis=0),
            "The whole matrix adds up to 1, and each row should: give the sum an axis.": lambda E, s: E.sum(),
            "The rows do not add up to 1 yet.": lambda E, s: 1,
            "You divide by s√(2π). That is the area below the curve from −∞ to ∞; here there are only n places, so "
            "divide each row by its own sum.": lambda E, s: s * np.sqrt(2 * np.pi),
            "You divide all rows by the sum of the middle one. Near the edge there are fewer neighbors: divide each "
            "row by its own sum.": lambda E, s: E[len(E) // 2].sum(),
            "The squares of each row add up to 1. For a mean the weights themselves have to.": (
                lambda E, s: np.linalg.norm(E, axis=1, keepdims=True)
            ),
            "That is the scale of the package, which gives noise a standard deviation of 1. Here G makes a mean: each "
            "row adds up to 1.": lambda E, s: np.linalg.norm(E[len(E) // 2]) / 12**0.25,
        }.items()
    }
    | {
        hint: _with_exponent(exponent)
        for hint, exponent in {  # d: the squared distance
            "In the exponent the 2 is missing: −distance² / (2s²).": lambda d, s: -d / s**2,
            "The 2 is squared as well: `(2 * s)**2` is 4s². It should be 2s².": lambda d, s: -d / (2 * s) ** 2,
            "In the exponent s is not squared.": lambda d, s: -d / (2 * s),
            "`/ 2 * s**2` divides by 2 only, and multiplies by s². Put 2s² in parentheses.": (
                lambda d, s: -d / 2 * s**2
            ),
            "`//` rounds the exponent to whole numbers. Use `/`.": lambda d, s: -d // (2 * s**2),
            "s has no effect.": lambda d, s: -d / 2,
            "In the exponent the distance is not squared: that is a peak, not a bell.": lambda d, s: -(d**0.5) / s,
            "In the exponent the distance is not squared, though s is.": lambda d, s: -(d**0.5) / (2 * s**2),
            "The farther, the more it counts: the exponent should be negative.": lambda d, s: d / (2 * s**2),
            "The first place and the last are no neighbors: they are n − 1 apart.": (
                lambda d, s: -(np.minimum(d**0.5, len(d) - d**0.5) ** 2) / (2 * s**2)
            ),
        }.items()
    }
    | {
        "Far neighbors are cut off. Every place has its weight, however small.": [
            _with_exponent(lambda d, s, k=k: np.where(d > (k * s) ** 2, -np.inf, -d / (2 * s**2))) for k in (2, 3, 4, 5)
        ],
    }
    | {
        "`i - i` is 0 everywhere: make one of them a column, `i[:, None]`.": lambda n, s: np.full(n, 1 / n),
        "That is the row of one place. Each of the n places has a row of its own, the Gaussian around it.": (
            lambda n, s: _smoothing_matrix(n, s)[n // 2]
        ),
        "All rows are the same, with the Gaussian in the middle. Row i has it around place i.": [
            lambda n, s: np.tile(_smoothing_matrix(n, s)[n // 2], (n, 1)),
            lambda n, s: (E := np.tile(_bell(2 * n, 2 * s)[n - 1, ::2], (n, 1))) / E.sum(1, keepdims=True),
            lambda n, s: (E := np.outer(*[_bell(n, s)[n // 2]] * 2)) / E.sum(1, keepdims=True),
        ],
        "All beside the diagonal is 0: does the array that you fill hold whole numbers?": lambda n, s: np.eye(n),
        "That is a Gaussian in two directions, a single spot. Here entry (i, j) depends on the distance of i and j.": (
            lambda n, s: np.outer(*[_smoothing_matrix(n, s)[n // 2]] * 2)
        ),
        "Those are the distances without the Gaussian.": lambda n, s: np.sqrt(_squares(n)),
    },
    any_hint="Row i should be largest at place i, fall with the distance from it as a Gaussian, and add up to 1.",
    second_hint="`np.subtract.outer(np.arange(n), np.arange(n))` holds all i − j. Put them into "
    "exp(−(i − j)² / (2s²)), and divide each row by its sum, kept as a column (n, 1).",
    praise="G N Kᵀ smooths N along its columns, and then along its rows.",
)

# ------------------------------------------------------------------------------------------------ 9.4


def _spread(answer):
    """An answer of one-hot targets, part and the number of classes, as one of the first two."""
    return lambda Y, part: answer(Y, part, Y.shape[1])


def _targets(labels, K, part, dtype=np.float64):
    return [np.eye(K, dtype=dtype)[labels], part]


SMOOTHED = FunctionExercise(
    name="smoothed",
    number="9.4",
    task="Take a part of each one-hot target (m, K), and spread it evenly over all K classes.",
    reference=lambda Y, part: (1 - part) * Y + part / Y.shape[1],
    cases={
        "one image, four classes; the right one should get 0.85": _targets([2], 4, 0.2),
        "five images": _targets([0, 2, 1, 1, 0], 3, 0.3),
        "as many images as classes": _targets([1, 0, 2], 3, 0.1),
        "ten classes": _targets([3, 9], 10, 0.1),
        "two classes": _targets([1, 0, 1], 2, 0.5),
        "nearly all is spread": _targets([4, 0], 5, 0.9),
        "nothing is spread": _targets([1, 3, 0], 5, 0.0),
        "all is spread": _targets([2, 0], 3, 1.0),
        "Y holds whole numbers": _targets([3, 0], 4, 0.1, np.int64),
    },
    case_hints={
        "nothing is spread": "With part 0 the targets are what they were.",
        "all is spread": "Part 1 is allowed, too: then all classes are alike.",
        "Y holds whole numbers": "An array of whole numbers, as Y is here, cannot hold fractions: do you fill one, "
        "change it, or convert to its dtype?",
    },
    new=True,
    mistakes={
        hint: _spread(answer)
        for hint, answer in {  # p: the part. K: the number of classes
            "You spread the part over the other classes only. Spread it evenly over all K, the right class included.": (
                lambda Y, p, K: np.where(Y == 1, 1 - p, p / (K - 1))
            ),
            "The rows add up to less than 1: the right class gets its share, too.": (
                lambda Y, p, K: np.where(Y == 1, 1 - p, p / K)
            ),
            "Rows add up to more than 1: take from the right class what you spread.": lambda Y, p, K: Y + p / K,
            "The right class keeps its 1: take from it what you spread.": lambda Y, p, K: np.where(Y == 1, 1, p / K),
            "Each class gets the whole part. It is for all of them together.": lambda Y, p, K: (1 - p) * Y + p,
            "Each wrong class gets the whole part. It is for all together.": lambda Y, p, K: np.where(Y == 1, 1 - p, p),
            "You divide by the number of images. The part is spread in each row.": (
                lambda Y, p, K: (1 - p) * Y + p / len(Y)
            ),
            "You always divide by ten. There are as many classes as columns.": lambda Y, p, K: (1 - p) * Y + p / 10,
            "You always divide by two. There are as many classes as columns.": lambda Y, p, K: (1 - p) * Y + p / 2,
            "You count the classes that occur. The number of classes is that of Y's columns.": (
                lambda Y, p, K: (1 - p) * Y + p / len(np.unique(Y.argmax(axis=1)))
            ),
            "You divide by all entries of Y. The part is spread in each row.": lambda Y, p, K: (1 - p) * Y + p / Y.size,
            "All is divided by K. Only the part is spread; what stays is not.": lambda Y, p, K: ((1 - p) * Y + p) / K,
            "`1 - part * Y` is not `(1 - part) * Y`: a product goes first.": lambda Y, p, K: 1 - p * Y + p / K,
            "You divide rows by their sums. Take from the right class instead.": lambda Y, p, K: (Y + p) / (1 + K * p),
            "Do not divide rows by their sums: take from the right class.": lambda Y, p, K: (Y + p / K) / (1 + p),
            "The part is a fraction, and no percentage.": lambda Y, p, K: (1 - p / 100) * Y + p / 100 / K,
            "What stays and what is spread are exchanged.": lambda Y, p, K: p * Y + (1 - p) / K,
            "The part is taken away, and given to nobody: rows should still add up to 1.": lambda Y, p, K: (1 - p) * Y,
            "The part is subtracted from every class: the wrong ones become negative. Only the right class has "
            "something to give.": lambda Y, p, K: Y - p + p / K,
        }.items()
    },
    any_hint="What is taken from the right class goes to all K, in equal shares; so each row adds up to 1.",
    second_hint="Two terms in one line: 1 − part of Y stays, and each of the K classes gets the same share of what was "
    "taken.",
    praise="Now certainty costs: an answer surer than the target makes the loss larger again.",
)

EXERCISES = [SHIFTED, BILINEAR, SMOOTHING_MATRIX, SMOOTHED]
