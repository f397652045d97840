"""The exercises of notebook 09: moving by whole pixels, between four pixels, smoothing, and smoothed targets."""

import math

import numpy as np

from ...distortions import interpolate
from .toolkit import Case, Exercise, Mistake, by_cases

_rng = np.random.default_rng(9)
_SIDE = 28
_ROWS, _COLUMNS = np.mgrid[:_SIDE, :_SIDE]

# ------------------------------------------------------------------------------------------------ 9.1


def _shifted(images, rows, columns):
    places = np.broadcast_to([[_ROWS - rows], [_COLUMNS - columns]], (2, len(images), _SIDE, _SIDE))
    return interpolate(images, *places)


def _pictures(images):
    return images.reshape(-1, _SIDE, _SIDE)


def _rolled(pictures, shift, axis):
    return np.roll(pictures, shift, axis).reshape(-1, _SIDE**2)


def _pushed_along(images, rows, columns):
    """The row of 784 as one line, without wrapping round."""
    by = _SIDE * rows + columns
    places = np.arange(_SIDE**2) - by
    inside = (places >= 0) & (places < _SIDE**2)
    return np.where(inside, images[:, np.clip(places, 0, _SIDE**2 - 1)], 0)


def _edge_repeated(images, rows, columns):
    near = np.clip(_ROWS - rows, 0, _SIDE - 1), np.clip(_COLUMNS - columns, 0, _SIDE - 1)
    return _pictures(images)[:, *near].reshape(-1, _SIDE**2)


def _sliced(end):
    """Slices as one writes them for positive numbers; end says where those of the old image stop."""

    def answer(images, rows, columns):
        result = np.zeros_like(_pictures(images))
        result[:, rows:, columns:] = _pictures(images)[:, : end(rows), : end(columns)]
        return result.reshape(-1, _SIDE**2)

    return answer


_NEGATIVE = (
    "With a negative number a slice counts from the other end. Up and left are cases of their own; or ask, for each "
    "new pixel, from which old one it comes."
)
_ZERO = "A number may be 0, and `a[:-0]` is `a[:0]`, which is empty: say from the front where the slice ends."


def _shift_case(m, rows, columns, words, hint="", dtype=np.float64):
    images = _rng.uniform(0.1, 1, (m, _SIDE**2)).astype(dtype)  # ink everywhere, so that the edges tell as well
    return Case({"images": images, "rows": rows, "columns": columns}, words, hint)


SHIFTED = Exercise(
    "shifted",
    "9.1",
    "Move images (m, 784) by whole pixels, rows down and columns to the right; paper, 0, moves in.",
    by_cases(
        _shifted,
        [
            _shift_case(1, 2, 1, "one image, 2 down and 1 to the right"),
            _shift_case(3, 1, 4, "three images"),
            _shift_case(_SIDE, 3, 5, "as many images as rows in an image"),
            _shift_case(2, 0, 3, "only to the right", _ZERO),
            _shift_case(2, 4, 0, "only down", _ZERO),
            _shift_case(2, 0, 0, "not at all", _ZERO),
            _shift_case(2, -3, -2, "up and left", _NEGATIVE),
            _shift_case(2, -1, 2, "up and right", _NEGATIVE),
            _shift_case(2, 1, 1, "float32", dtype=np.float32),
            _shift_case(2, 28, 0, "out at the bottom", "28 rows down, nothing of the image is left: all is paper."),
            _shift_case(2, -30, 40, "far out", "So far away nothing of the image is left: all is paper."),
        ],
        [
            Mistake(
                "What leaves on one side comes in on the other: `np.roll` wraps round. There paper, 0, should be.",
                lambda images, rows, columns: _rolled(_pictures(images), (rows, columns), (1, 2)),
            ),
            Mistake(
                "You roll the 784 numbers as one line, so the end of each row becomes the start of the next. Make it "
                "(m, 28, 28) first; and nothing may wrap round.",
                lambda images, rows, columns: np.roll(images, _SIDE * rows + columns, axis=1),
            ),
            Mistake(
                "You push the 784 numbers along as one line, so the end of each row becomes the start of the next. "
                "Make it (m, 28, 28) first.",
                _pushed_along,
            ),
            Mistake(
                "The first axis of (m, 28, 28) is the images: you exchange images instead of moving rows.",
                lambda images, rows, columns: _rolled(_pictures(images), (rows, columns), (0, 1)),
            ),
            Mistake(
                "You roll the images among themselves: (m, 784) has no rows of pixels. Make it (m, 28, 28) first; and "
                "nothing may wrap round.",
                lambda images, rows, columns: np.roll(images, (rows, columns), (0, 1)),
            ),
            Mistake(
                "It moves up and left where it should move down and right. The new pixel (i, j) comes from (i − rows, "
                "j − columns).",
                lambda images, rows, columns: _shifted(images, -rows, -columns),
            ),
            Mistake(
                "It moves up where it should move down. Rows count from the top.",
                lambda images, rows, columns: _shifted(images, -rows, columns),
            ),
            Mistake(
                "It moves to the left where it should move to the right.",
                lambda images, rows, columns: _shifted(images, rows, -columns),
            ),
            Mistake(
                "`rows` and `columns` are exchanged: in (m, 28, 28) the rows are axis 1, the columns axis 2.",
                lambda images, rows, columns: _shifted(images, columns, rows),
            ),
            Mistake(
                "Negative numbers move as if they were positive. They mean up and left.",
                lambda images, rows, columns: _shifted(images, abs(rows), abs(columns)),
            ),
            Mistake(
                "Negative numbers do not move at all. They mean up and left.",
                lambda images, rows, columns: _shifted(images, max(rows, 0), max(columns, 0)),
            ),
            Mistake(
                "The pixels at the edge are repeated; what comes in is paper, 0.",
                _edge_repeated,
            ),
            Mistake(_ZERO, _sliced(lambda by: -by)),
            Mistake(_NEGATIVE, _sliced(lambda by: _SIDE - by)),
            Mistake(
                "The images are right, and still (m, 28, 28). A network takes (m, 784): flatten them again.",
                lambda images, rows, columns: _pictures(_shifted(images, rows, columns)),
            ),
            Mistake(
                "All images became the first one. Move the whole stack (m, 28, 28): its first axis stays as it is.",
                lambda images, rows, columns: np.repeat(_shifted(images[:1], rows, columns), len(images), axis=0),
            ),
            Mistake(
                "Only the rows are moved; the columns are to move as well.",
                lambda images, rows, columns: _shifted(images, rows, 0),
            ),
            Mistake(
                "Only the columns are moved; the rows are to move as well.",
                lambda images, rows, columns: _shifted(images, 0, columns),
            ),
        ],
    ),
    "Reshape to (m, 28, 28) and start from zeros. Then for one axis after the other: which rows of the new image are "
    "filled, and from which rows of the old one? `max(0, …)` and `min(28, …)` keep the ends inside.",
    "To an eye it is the same digit; to a perceptron other inputs are lit.",
)

# ------------------------------------------------------------------------------------------------ 9.2


def _bilinear(image, y, x):
    y, x = np.full((2, 1, _SIDE, _SIDE), [[[[y]]], [[[x]]]], dtype=float)
    return interpolate(image.reshape(1, -1), y, x)[0, 0]


def _ink_or_paper(image, row, column):
    return image[row, column] if 0 <= row < _SIDE and 0 <= column < _SIDE else 0.0


def _ink_or_edge(image, row, column):
    return image[min(max(row, 0), _SIDE - 1), min(max(column, 0), _SIDE - 1)]


def _ink_or_other_side(image, row, column):
    return image[row % _SIDE, column % _SIDE]


def _ink_as_indexed(image, row, column):
    return image[row, column]


def _four_pixels(*, whole=math.floor, pixel=_ink_or_paper, weights=lambda d: (1 - d, d), at=lambda y, x: (y, x)):
    """A mean of four pixels with one thing done in another way."""

    def answer(image, y, x):
        y, x = at(y, x)
        top, left = whole(y), whole(x)
        return sum(
            down * right * pixel(image, top + i, left + j)
            for i, down in enumerate(weights(y - top))
            for j, right in enumerate(weights(x - left))
        )

    return answer


def _inside_only(image, y, x):
    inside = 0 <= y <= _SIDE - 1 and 0 <= x <= _SIDE - 1
    return _bilinear(image, y, x) if inside else 0.0


def _whole_neighbourhood_only(image, y, x):
    inside = 0 <= y < _SIDE - 1 and 0 <= x < _SIDE - 1
    return _bilinear(image, y, x) if inside else 0.0


_INSIDE_ONLY = (
    "Up to one pixel beyond the edge the place still has neighbours with ink. Ask of each of the four pixels whether "
    "it lies in the image, not of the place."
)
_OUTSIDE = (
    "Near the edge some of the four pixels lie outside of the image. Those are paper and count 0; the others count as "
    "ever."
)
_FOUR = (
    "Four pixels surround the place: its row and column rounded down, and one more of each. Each counts by its "
    "nearness."
)


def _place_case(y, x, words, hint=_FOUR, image=None):
    image = _rng.uniform(0.1, 1, (_SIDE, _SIDE)) if image is None else image
    return Case({"image": image, "y": y, "x": x}, words, hint)


def _image_of_four():
    image = np.zeros((_SIDE, _SIDE))
    image[5:7, 8:10] = [[0.0, 0.4], [0.8, 1.0]]
    return image


BILINEAR = Exercise(
    "bilinear",
    "9.2",
    "Return the value of an image (28, 28) at one place (y, x) between its pixels; paper, 0, lies outside.",
    by_cases(
        _bilinear,
        [
            _place_case(5.0, 9.0, "exactly on a pixel of value 0.4", image=_image_of_four()),
            _place_case(5.5, 9.0, "halfway from a pixel of 0.4 to one of 1 below it", image=_image_of_four()),
            _place_case(5.25, 8.5, "among four pixels, 0 and 0.4 above 0.8 and 1", image=_image_of_four()),
            _place_case(11.3, 4.8, "ink everywhere"),
            _place_case(20.9, 20.2, "ink everywhere"),
            _place_case(np.float32(3.125), np.float32(17.75), "float32", image=_rng.random((28, 28), np.float32)),
            _place_case(27.0, 27.0, "the last pixel", _OUTSIDE),
            _place_case(27, 3.5, "in the last row", _OUTSIDE),
            _place_case(10.6, 27.25, "a quarter of a pixel beyond the right edge", _OUTSIDE),
            _place_case(-0.25, 12.0, "a quarter of a pixel above the top edge", _OUTSIDE),
            _place_case(12.0, -0.75, "three quarters of a pixel beyond the left edge", _OUTSIDE),
            _place_case(27.5, 27.75, "beyond a corner, by less than a pixel", _OUTSIDE),
            _place_case(-1.5, 6.0, "far outside", "More than a pixel outside there is nothing but paper: 0."),
            _place_case(40.2, 51.0, "far outside", "More than a pixel outside there is nothing but paper: 0."),
        ],
        [
            Mistake(
                "The weights are exchanged: at a quarter of the way the nearer pixel counts three quarters.",
                _four_pixels(weights=lambda d: (d, 1 - d)),
            ),
            Mistake(
                "`y` and `x` are exchanged: y is the row and comes first, x is the column.",
                _four_pixels(at=lambda y, x: (x, y)),
            ),
            *(
                Mistake(
                    "That is the nearest pixel. Between pixels the value should pass smoothly from one to the other: "
                    "weigh all four.",
                    answer,
                )
                for answer in (
                    lambda image, y, x: _ink_or_paper(image, round(float(y)), round(float(x))),
                    lambda image, y, x: image[round(float(y)), round(float(x))],
                )
            ),
            *(
                Mistake("That is the pixel above to the left alone. Three more surround the place: weigh all four.", f)
                for f in (
                    _four_pixels(weights=lambda d: (1, 0)),
                    _four_pixels(weights=lambda d: (1, 0), whole=int),
                    lambda image, y, x: image[int(y), int(x)],
                )
            ),
            Mistake(
                "All four pixels count the same, wherever the place is among them. The nearer ones should count more.",
                _four_pixels(weights=lambda d: (0.5, 0.5)),
            ),
            Mistake(
                "Only the row is taken between pixels: x has a fraction, too.",
                lambda image, y, x: _bilinear(image, y, math.floor(x)),
            ),
            Mistake(
                "Only the column is taken between pixels: y has a fraction, too.",
                lambda image, y, x: _bilinear(image, math.floor(y), x),
            ),
            Mistake(
                "The fraction of y serves for both directions; x has its own.",
                lambda image, y, x: _bilinear(image, y, math.floor(x) + y - math.floor(y)),
            ),
            Mistake(_INSIDE_ONLY, _inside_only),
            Mistake(_INSIDE_ONLY, _whole_neighbourhood_only),
            Mistake(
                "The pixels at the edge go on outside. Out there is paper, 0.",
                _four_pixels(pixel=_ink_or_edge),
            ),
            Mistake(
                "Outside of the image the other side comes in: an index of −1 is the last pixel. Out there is paper, "
                "0.",
                _four_pixels(pixel=_ink_or_other_side),
            ),
            Mistake(_OUTSIDE, _four_pixels(pixel=_ink_as_indexed)),
            Mistake(_OUTSIDE, _four_pixels(pixel=_ink_as_indexed, whole=int)),
            *(
                Mistake(
                    "`int(…)` rounds towards 0, so −0.25 becomes 0. Round down, to −1: `math.floor`, or `np.floor` and "
                    "then `int`.",
                    _four_pixels(whole=int, pixel=pixel),
                )
                for pixel in (_ink_or_paper, _ink_or_edge)
            ),
            Mistake(
                "The place is counted from 1. Rows and columns count from 0.",
                _four_pixels(at=lambda y, x: (y - 1, x - 1)),
            ),
        ],
        errors={
            "only integers, slices": "`np.floor` gives a whole number, but as a float; an index needs `int(…)` of it.",
        },
    ),
    "`top = math.floor(y)`, and `y - top` is the weight of the row below. Write a small function that returns a pixel, "
    "or 0 where there is none, and call it four times.",
    "`distortions.interpolate` is this, for a whole batch at once.",
)

# ------------------------------------------------------------------------------------------------ 9.3


def _squares(n):
    return np.subtract.outer(np.arange(n), np.arange(n)) ** 2.0


def _bell(n, sigma):
    return np.exp(-_squares(n) / (2 * sigma**2))


def _rows_to_one(E):
    return E / E.sum(axis=1, keepdims=True)


def _smoothing_matrix(n, sigma):
    return _rows_to_one(_bell(n, sigma))


def _with_exponent(exponent):
    """The same with another exponent of the squared distance and σ."""
    return lambda n, sigma: _rows_to_one(np.exp(exponent(_squares(n), sigma)))


def _scaled(total):
    """The same with another divisor of the Gaussian."""
    return lambda n, sigma: _bell(n, sigma) / total(_bell(n, sigma), sigma)


SMOOTHING_MATRIX = Exercise(
    "smoothing_matrix",
    "9.3",
    "Return G (n, n): row i holds the weights, adding up to 1, of a Gaussian of width σ around i.",
    by_cases(
        _smoothing_matrix,
        [
            Case({"n": 3, "sigma": 1.0}),
            Case({"n": 3, "sigma": 2}, "a whole number for σ"),
            Case({"n": 5, "sigma": 0.6}, "a narrow Gaussian"),
            Case({"n": 28, "sigma": 5.0}, "as the package uses it"),
            Case({"n": 2, "sigma": 100.0}, "so wide that all weights are nearly the same"),
            Case({"n": 4, "sigma": 0.01}, "so narrow that each value stays what it is"),
            Case({"n": 1, "sigma": 3.0}, "a single value"),
        ],
        [
            Mistake(
                "The columns add up to 1, and the rows should: row i weighs the values of which the i-th mean is made. "
                "The row sums have to be a column (n, 1): `keepdims=True`.",
                _scaled(lambda E, sigma: E.sum(axis=0)),
            ),
            Mistake(
                "The whole matrix adds up to 1, and each row should: give the sum an axis.",
                _scaled(lambda E, sigma: E.sum()),
            ),
            Mistake("The rows do not add up to 1 yet.", _scaled(lambda E, sigma: 1)),
            Mistake(
                "You divide by σ√(2π). That is the area below the curve from −∞ to ∞; here there are only n places, so "
                "divide each row by its own sum.",
                _scaled(lambda E, sigma: sigma * np.sqrt(2 * np.pi)),
            ),
            Mistake(
                "You divide all rows by the sum of the middle one. Near the edge there are fewer neighbours: divide "
                "each row by its own sum.",
                _scaled(lambda E, sigma: E[len(E) // 2].sum()),
            ),
            Mistake(
                "The squares of each row add up to 1. For a mean the weights themselves have to.",
                _scaled(lambda E, sigma: np.linalg.norm(E, axis=1, keepdims=True)),
            ),
            Mistake(
                "That is the scale of the package, with which noise comes out with standard deviation 1. Here G makes "
                "a mean: each row adds up to 1.",
                _scaled(lambda E, sigma: np.linalg.norm(E[len(E) // 2]) / 12**0.25),
            ),
            Mistake(
                "The largest weight of each row is 1; asked for is a sum of 1.",
                _scaled(lambda E, sigma: E.max(axis=1, keepdims=True)),
            ),
            Mistake(
                "In the exponent the 2 is missing: −distance² / (2σ²).",
                _with_exponent(lambda d2, sigma: -d2 / sigma**2),
            ),
            Mistake(
                "The 2 is squared as well: `(2 * sigma)**2` is 4σ². The exponent is −distance² / (2σ²).",
                _with_exponent(lambda d2, sigma: -d2 / (2 * sigma) ** 2),
            ),
            Mistake("In the exponent σ is not squared.", _with_exponent(lambda d2, sigma: -d2 / (2 * sigma))),
            Mistake(
                "The exponent is multiplied by σ²: `/ 2 * sigma**2` divides by 2 only. Put 2σ² into brackets.",
                _with_exponent(lambda d2, sigma: -d2 / 2 * sigma**2),
            ),
            Mistake("σ does nothing in it.", _with_exponent(lambda d2, sigma: -d2 / 2)),
            *(
                Mistake("In the exponent the distance is not squared: that is a peak, not a bell.", answer)
                for answer in (
                    _with_exponent(lambda d2, sigma: -np.sqrt(d2) / (2 * sigma**2)),
                    _with_exponent(lambda d2, sigma: -np.sqrt(d2) / sigma),
                )
            ),
            Mistake(
                "The farther a neighbour, the more it counts: the sign in the exponent is missing.",
                _with_exponent(lambda d2, sigma: d2 / (2 * sigma**2)),
            ),
            Mistake(
                "That is the row of one place. Each of the n places has a row of its own, the Gaussian around it.",
                lambda n, sigma: _smoothing_matrix(n, sigma)[n // 2],
            ),
            Mistake(
                "All rows are the same, with the Gaussian in the middle. Row i has it around place i.",
                lambda n, sigma: np.tile(_smoothing_matrix(n, sigma)[n // 2], (n, 1)),
            ),
            Mistake(
                "That is a Gaussian in two directions, a single spot. Here entry (i, j) depends on the distance of i "
                "and j.",
                lambda n, sigma: np.outer(*[_bell(n, sigma)[n // 2] / _bell(n, sigma)[n // 2].sum()] * 2),
            ),
            Mistake("Those are the distances without the Gaussian.", lambda n, sigma: np.sqrt(_squares(n))),
        ],
    ),
    "`np.subtract.outer(np.arange(n), np.arange(n))` holds all i − j. Put them into exp(−(i − j)² / (2σ²)), and divide "
    "each row by its sum, kept as a column (n, 1).",
    "G N Kᵀ smooths N along its columns, and then along its rows.",
)

# ------------------------------------------------------------------------------------------------ 9.4


def _smoothed(Y, part):
    return (1 - part) * Y + part / Y.shape[1]


def _right_and_wrong(right, wrong):
    """Targets by their two values, each a function of part and K."""
    return lambda Y, part: np.where(Y == 1, right(part, Y.shape[1]), wrong(part, Y.shape[1]))


def _target_case(labels, K, part, words="", hint="", dtype=np.float64):
    return Case({"Y": np.eye(K, dtype=dtype)[labels], "part": part}, words, hint)


SMOOTHED = Exercise(
    "smoothed",
    "9.4",
    "Take a part of each one-hot target (m, K), and spread it evenly over all K classes.",
    by_cases(
        _smoothed,
        [
            _target_case([2], 4, 0.2, "one image, four classes; the right one should get 0.85"),
            _target_case([0, 2, 1, 1, 0], 3, 0.3),
            _target_case([1, 0, 2], 3, 0.1, "as many images as classes"),
            _target_case([3, 9], 10, 0.1, "ten classes"),
            _target_case([1, 0, 1], 2, 0.5, "two classes"),
            _target_case([4, 0], 5, 0.9, "nearly all is spread"),
            _target_case([1, 3, 0], 5, 0.0, "nothing is spread", "With part 0 the targets are what they were."),
            _target_case([0, 1], 3, 0.1, "float32", dtype=np.float32),
            _target_case(
                [3, 0],
                4,
                0.1,
                "Y holds whole numbers",
                "What you fill, or change in place, holds whole numbers here, as Y does: fractions are lost or refused."
                " Compute a new array from Y.",
                dtype=np.int64,
            ),
        ],
        [
            Mistake(
                "You spread the part over the other classes only. Asked for is an even spread over all K, the right "
                "class included.",
                _right_and_wrong(lambda part, K: 1 - part, lambda part, K: part / (K - 1)),
            ),
            Mistake(
                "The rows add up to less than 1: the right class gets its share of what is spread as well.",
                _right_and_wrong(lambda part, K: 1 - part, lambda part, K: part / K),
            ),
            Mistake(
                "The rows add up to more than 1: what is spread has to be taken from the right class first.",
                lambda Y, part: Y + part / Y.shape[1],
            ),
            Mistake(
                "The rows add up to more than 1: what is spread has to be taken from the right class first.",
                _right_and_wrong(lambda part, K: 1, lambda part, K: part / K),
            ),
            Mistake(
                "Each class gets the whole part. It is one part for all of them together: divide it by K.",
                lambda Y, part: (1 - part) * Y + part,
            ),
            Mistake(
                "Each wrong class gets the whole part. It is one part for all of them together: divide it by K.",
                _right_and_wrong(lambda part, K: 1 - part, lambda part, K: part),
            ),
            Mistake(
                "You divide by the number of images. The part is spread over the classes of each row: divide by K.",
                lambda Y, part: (1 - part) * Y + part / len(Y),
            ),
            Mistake(
                "You divide by ten, always. The number of classes is that of Y's columns.",
                lambda Y, part: (1 - part) * Y + part / 10,
            ),
            Mistake(
                "You divide by two, always. The number of classes is that of Y's columns.",
                lambda Y, part: (1 - part) * Y + part / 2,
            ),
            Mistake(
                "You divide by all entries of Y. The part is spread over the classes of each row: divide by K.",
                lambda Y, part: (1 - part) * Y + part / Y.size,
            ),
            Mistake(
                "What stays and what is spread are exchanged: a small part should change the targets a little.",
                lambda Y, part: part * Y + (1 - part) / Y.shape[1],
            ),
            Mistake(
                "The part is taken away, and given to nobody: the rows should still add up to 1.",
                lambda Y, part: (1 - part) * Y,
            ),
            Mistake(
                "The part is subtracted from every class: the wrong ones become negative. Only the right class has "
                "something to give.",
                lambda Y, part: Y - part + part / Y.shape[1],
            ),
            Mistake("These are the targets as they were.", lambda Y, part: np.array(Y)),
        ],
    ),
    "Two sums in one line: of Y there stay 1 − part, and each of the K classes gets the same share of what was taken.",
    "Now certainty costs: an answer surer than the target makes the loss larger again.",
)

EXERCISES = [SHIFTED, BILINEAR, SMOOTHING_MATRIX, SMOOTHED]
