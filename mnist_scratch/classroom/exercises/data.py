"""The exercises of notebook 01: one-hot rows, a split, mini-batches, a baseline put to the test."""

from collections.abc import Iterator
from functools import cache
from itertools import islice

import numpy as np

from ...data import load_mnist, one_hot
from .toolkit import (
    FunctionExercise,
    NumberExercise,
    OpenExercise,
    attempt,
    call_in_words,
    called_name,
    require,
    require_function,
    require_result,
    shape_in_words,
    shown,
)

# ------------------------------------------------------------------------------------------------ 1.1


def _written(rows, columns, shape):
    Y = np.zeros(shape)
    Y[rows, columns] = 1
    return Y


def _by_largest(labels, K):
    return one_hot(labels, int(labels.max()) + 1)


def _by_distinct(labels, K):
    distinct, numbered = np.unique(labels, return_inverse=True)
    return one_hot(numbered.reshape(-1), len(distinct))


def _five(rows, picked, columns):
    """A one_hot with 5 rows, as in the notebook's example; rows, picked: how many are numbered, how many labels."""
    return lambda labels, K: _written(np.arange(rows or len(labels)), labels[:picked], (5, columns or K))


_TOO_LARGE = (
    "A row without a 1, or with a 1 elsewhere, goes on without a word, and spoils the loss much later. Look at the "
    "largest label first, and raise an error."
)
_NEGATIVE = (
    "To NumPy the index −1 is the last column, so no error comes by itself. Look at the smallest label too, and raise "
    "an error below 0."
)
_REFUSED = {
    "3 is not a class: there are 0, 1 and 2": ([np.array([0, 3, 2]), 3], _TOO_LARGE),
    "5 is not a class: there are 0, 1 and 2": ([np.array([5, 0, 2]), 3], _TOO_LARGE),
    "−1 is not a class": ([np.array([1, -1, 0]), 3], _NEGATIVE),
    "−2 is not a class": ([np.array([1, 0, -2]), 3], _NEGATIVE),
}

ONE_HOT = FunctionExercise(
    name="one_hot",
    number="1.1",
    task="Turn labels (m,) into rows (m, n_classes) with a 1 at the label, and refuse labels that are out of range.",
    reference=lambda labels, n_classes: one_hot(labels, n_classes),
    cases={
        "ten classes": [np.array([5, 0, 4, 1, 9]), 10],
        "four classes, two of them absent": [np.array([2, 0, 2]), 4],
        "as many labels as classes": [np.array([1, 2, 0]), 3],
        "one label": [np.array([3]), 5],
        "labels as bytes, as in the file": [np.array([7, 7, 2, 9], np.uint8), 10],
        "twelve classes": [np.arange(12), 12],
        **{words: arguments for words, (arguments, _) in _REFUSED.items()},
    },
    case_hints={words: hint for words, (_, hint) in _REFUSED.items()},
    mistakes={  # K: n_classes
        "The number of columns is always 10. It is an argument: `n_classes`.": [
            lambda labels, K: one_hot(labels, 10),
            lambda labels, K: _written(np.arange(len(labels)), labels, (len(labels), 10)),
        ],
        "You count the columns by the largest label. A class may be absent from these labels and still needs its "
        "column: there are `n_classes` of them.": _by_largest,
        "You count the columns by the distinct labels there are. A label names its column, whichever others occur.": (
            _by_distinct
        ),
        "The array is transposed, and where it is square nothing warns you. A row is an example, a column a class.": (
            lambda labels, K: one_hot(labels, K).T
        ),
        "Row and column are in the wrong order: the row is the example's number, the column its label.": (
            lambda labels, K: _written(labels, np.arange(len(labels)), (len(labels), K))
        ),
        "Each row has the 1s of all labels. `Y[:, labels]` picks whole columns; you want one entry in each row, so "
        "give a row number for each label.": lambda labels, K: _written(slice(None), labels, (len(labels), K)),
        "Whole rows are set to 1: `Y[labels]` picks rows. You want one entry in each row: give its row and its "
        "column.": lambda labels, K: _written(labels, slice(None), (len(labels), K)),
        "The 1s stand one column too far to the left: the first class is 0, and so is the first column.": (
            lambda labels, K: _written(np.arange(len(labels)), labels.astype(int) - 1, (len(labels), K))
        ),
        "The label itself stands in its column. A label is a name, not a quantity: write a 1.": (
            lambda labels, K: one_hot(labels, K) * labels[:, None]
        ),
        "A single label must give one row too, of shape (1, n_classes): do not squeeze.": (
            lambda labels, K: np.squeeze(one_hot(labels, K))
        ),
        "A fixed 5 stands where the number of labels belongs.": [
            _five(rows, picked, columns) for rows, picked in ((None, None), (5, 5), (5, None)) for columns in (None, 10)
        ],
    },
    second_hint="Test the smallest and the largest label and `raise ValueError(…)`. Then start from zeros, and set one "
    "entry in each row: its row number comes from `np.arange`, its column from `labels`.",
    praise="It has the form of a network's answer, and it says so when a label makes no sense.",
)


# ------------------------------------------------------------------------------- rows that can be recognized

_COLUMNS = np.array([0.0, 0.25, 0.5])


def _examples(m):
    """m images of three pixels, the first of which is the row's number; and labels that belong to them."""
    return {"images": np.arange(m)[:, None] + _COLUMNS, "labels": _label_of(np.arange(m))}


def _label_of(rows):
    return (7 * rows + 3) % 10


def _result(student, arguments, called, observe=lambda f, *given: f(*given)):
    """What a call returns; raises Wrong when it stopped, or changed what is not its own."""
    tried = attempt(student, arguments, observe)
    require(
        not tried.changed,
        f"{called} changed its argument `{tried.changed}`.",
        f"`{tried.changed}` belongs to the caller, and `rng.shuffle({tried.changed})` would reorder it in place. "
        "Shuffle row numbers instead, and pick the rows by them.",
    )
    return require_result(tried, called)


def _row_numbers(called, images, labels, what):
    """Which rows these are; raises Wrong when they are not whole, or not with their labels."""
    whole = images.dtype.kind in "buif" and images.shape[1:] == _COLUMNS.shape and np.isfinite(images).all()
    rows = images[:, 0].round().astype(int) if whole else None
    require(
        whole and np.array_equal(images, rows[:, None] + _COLUMNS),
        f"{called} returned {shape_in_words(images)} of {images.dtype} in {what}, and not rows of the images.",
        "Move whole rows, and leave the pixels in a row as they are: is the index on the first axis?",
    )
    require(
        len(labels) == len(rows) and np.array_equal(labels, _label_of(rows)),
        f"{called}: in {what} the labels do not belong to the images beside them.",
        "Images and labels went different ways. Draw one order, and pick both by it.",
    )
    return rows


# ------------------------------------------------------------------------------------------------ 1.2

_PARTS = "(train_images, train_labels, validation_images, validation_labels)"
_WHY_AXES = {
    (2, 2, 1, 1): f"First both parts of the training data, then both of the validation data: {_PARTS}.",
    (1, 2, 1, 2): f"The images come before their labels: {_PARTS}.",
}


def _parts(student, n_validation, seed, m=40):
    """The row numbers of both parts, after all that must hold of one call."""
    arguments = {**_examples(m), "n_validation": n_validation, "seed": seed}
    called, four = call_in_words(student, arguments), f"Return four arrays, in this order: {_PARTS}."
    result = _result(student, arguments, called)
    require(isinstance(result, tuple | list) and len(result) == 4, f"{called} returned {shown(result)}.", four)
    arrays = [np.asarray(part) for part in result]
    axes = tuple(array.ndim for array in arrays)
    shapes = ", ".join(map(shape_in_words, arrays))
    require(axes == (2, 1, 2, 1), f"{called} returned {shapes}.", _WHY_AXES.get(axes, four))
    sizes = [len(array) for array in arrays]
    require(
        sizes == [m - n_validation] * 2 + [n_validation] * 2,
        f"{called} returned {sizes[0]} training images with {sizes[1]} labels, and {sizes[2]} validation images with "
        f"{sizes[3]} labels; expected {m - n_validation} and {n_validation} of each.",
        _why_sizes(sizes, n_validation, m),
    )
    train = _row_numbers(called, *arrays[:2], "the training part")
    validation = _row_numbers(called, *arrays[2:], "the validation part")
    lost = m - len(np.unique(np.concatenate([train, validation])))
    require(
        not lost,
        f"{called} lost {lost} of {m} images, and returned others more than once; "
        f"{len(np.intersect1d(train, validation))} are in both parts.",
        "Rows drawn one by one, with replacement or in two separate draws, come twice or never. Draw one order of all "
        "rows, and cut that.",
    )
    return train, validation


def _why_sizes(sizes, n_validation, m):
    if n_validation == 0:
        return "−0 is 0, so `[:-n]` takes nothing when n is 0, and `[-n:]` everything. Count the cut from the front."
    if sizes == [n_validation] * 2 + [m - n_validation] * 2:
        return f"The two parts are exchanged. The order is {_PARTS}."
    if sizes[0] + sizes[2] > m:
        return "The parts overlap, so you train on the validation images. Each part should begin where the other ends."
    return "`n_validation` says how many rows the validation part has. All others are for training."


def _judge_split(student):
    require_function(student, ("images", "labels", "n_validation", "seed"))
    cuts = [_parts(student, 10, seed) for seed in (0, 0, 1, 2)]
    _parts(student, 0, 3)
    _parts(student, 5, 4, m=6)
    require(
        all(np.array_equal(a, b) for a, b in zip(cuts[0], cuts[1], strict=True)),
        "Two calls with the same seed gave two different splits.",
        "Then no result can be repeated, and test images of yesterday are training images today. Let all randomness "
        "come from `np.random.default_rng(seed)`.",
    )
    members = [set(validation) for _, validation in cuts]
    hint = "You cut first and shuffle afterward, each part for itself. Shuffle, then cut."
    if members[0] not in (set(range(10)), set(range(30, 40))):
        hint = "The argument `seed` is not used: is there a fixed number in its place?"
    elif all(np.array_equal(part, np.sort(part)) for cut in cuts for part in cut):
        hint = "Nothing is shuffled. If the file were sorted by digit, one part would lack some digits."
    require(
        len({frozenset(members[i]) for i in (0, 2, 3)}) == 3,
        "With different seeds the same images went into the validation part.",
        hint,
    )
    for _, validation in cuts:
        require(
            np.sum(np.diff(np.sort(validation)) != 1) > 1,
            "The validation part is one piece of the images as they came, or two.",
            "A rotation is no shuffle: neighbors stay together. Draw a random order of all row numbers.",
        )


SPLIT = OpenExercise(
    name="split",
    number="1.2",
    task="Shuffle images and labels together, and cut them into a training and a validation part.",
    judged_by=_judge_split,
    second_hint="`np.random.default_rng(seed).permutation(len(images))` is a random order of all row numbers. Cut it "
    "in two, and use each piece as an index, for images and labels alike.",
    praise="No pair was torn apart, nothing was lost or doubled, and the same seed brings the same split.",
)

# ------------------------------------------------------------------------------------------------ 1.3


def _batches(f, images, labels, batch_size, seed, epochs=1):
    """The batches of some epochs with one generator; no more than an endless answer must be stopped after."""
    rng, most = np.random.default_rng(seed), 2 * len(images) // batch_size + 3
    found = []
    for _ in range(epochs):
        given = f(images, labels, batch_size, rng)
        if not isinstance(given, Iterator):
            return given
        found.append([_copied(batch) for batch in islice(given, most)])
    return iter(found)


def _copied(batch):
    if not isinstance(batch, tuple | list):
        return batch
    return [np.array(part) for part in batch]  # as it was when it came: its array may be filled again later


def _orders(student, m, batch_size, seed, epochs=1):
    """The row numbers of each batch, for each epoch, after all that must hold of one call."""
    called = f"{called_name(student)}(images, labels, {batch_size}, rng) with {m} images"
    arguments = {**_examples(m), "batch_size": batch_size, "seed": seed, "epochs": epochs}
    given = _result(student, arguments, called, _batches)
    hint = "That holds all batches in memory at once. Hand out one after the other, with `yield`."
    if isinstance(given, tuple):
        hint = "`return` ends the function with the first batch. `yield` hands it out and goes on after it."
    require(isinstance(given, Iterator), f"{called} returned a {type(given).__name__}; expected a generator.", hint)
    return [_rows_of(called, batches, m, batch_size) for batches in given]


_WHY_NO_BATCH = {
    (1, 0): "That is one example at a time. Take a slice of `batch_size` row numbers in each step.",
    (1, 2): "The images come first, then their labels.",
}


def _rows_of(called, batches, m, batch_size):
    rows = []
    for number, batch in enumerate(batches, start=1):
        require(
            isinstance(batch, list) and len(batch) == 2,
            f"{called}: batch {number} is {shown(batch)}.",
            "Yield two arrays: `yield images, labels` of the batch.",
        )
        axes = tuple(array.ndim for array in batch)
        require(
            axes == (2, 1),
            f"{called}: batch {number} is {' and '.join(map(shape_in_words, batch))}.",
            _WHY_NO_BATCH.get(axes, "A batch is an array of rows, with its labels in a vector."),
        )
        rows.append(_row_numbers(called, *batch, f"batch {number}"))
    sizes = [len(batch) for batch in rows]
    expected = [len(range(i, min(i + batch_size, m))) for i in range(0, m, batch_size)]
    told = ", ".join(map(str, sizes[:8])) + (", …" if len(sizes) > 8 else "") or "none at all"
    require(
        sizes == expected,
        f"{called} gave batches of these sizes: {told}; expected {', '.join(map(str, expected))}.",
        _why_batch_sizes(sizes, expected, batch_size),
    )
    once = len(np.unique(np.concatenate(rows)))
    require(
        once == m,
        f"{called} gave only {once} of the {m} images, some of them more than once.",
        "Each batch is drawn for itself, from all rows again; or the end is filled up. Draw one order of all rows, and "
        "walk along it.",
    )
    return rows


def _why_batch_sizes(sizes, expected, batch_size):
    if len(sizes) > 2 * len(expected):
        return "It never ends. One pass through the data is over when every example has come."
    if sizes and sizes[-1] == 0:
        return "There is an empty batch at the end, where the batch size divides the number of images."
    if sizes == expected[:-1]:
        return "The last, smaller batch is left out, and its examples are never seen in this epoch."
    if len(sizes) == len(expected) and set(sizes) == {batch_size}:
        return "The last batch is filled up, so some examples come twice. It may be smaller."
    if sorted(sizes, reverse=True) == expected:
        return "You shuffle whole batches. Shuffle the rows before you cut: then the last batch is the short one."
    return "A batch has `batch_size` rows, and the last one what is left."


def _judge_minibatches(student):
    require_function(student, ("images", "labels", "batch_size", "rng"))
    for m, batch_size in [(10, 4), (8, 4), (5, 5), (3, 1)]:
        _orders(student, m, batch_size, 0)
    first, second = _orders(student, 40, 7, 0, epochs=2)
    (again,), (other,) = _orders(student, 40, 7, 0), _orders(student, 40, 7, 1)
    order, same = [np.concatenate(batches) for batches in (first, second, again, other)], np.array_equal
    where = "With 40 images in batches of 7"
    one_order = all(same(order[0], o) for o in order)
    require(
        not (one_order and same(order[0], np.arange(40))),
        f"{where} the rows came in their old order.",
        "Shuffle the row numbers first, with rng.",
    )
    require(
        not one_order,
        f"{where} every epoch had the same order, whatever rng.",
        "A generator made anew inside, with a fixed seed, draws the same order each time. Draw from `rng`.",
    )
    require(
        same(order[0], order[2]),
        f"{where} two generators with the same seed gave two different orders.",
        "The order comes from somewhere else than `rng`, perhaps from `np.random` or a generator without a seed.",
    )
    require(
        not same(order[0], order[1]) and not same(order[0], order[3]),
        f"{where} two epochs had the same order.",
        "Draw a new order from `rng` in every call.",
    )
    neighbors = all(same(np.sort(batch), min(batch) + np.arange(len(batch))) for batch in first)
    in_place = same(np.sort(first[0]), np.arange(7)) and same(np.sort(first[1]), np.arange(7, 14))
    require(
        not (neighbors and in_place),
        f"{where} the first batch held the first 7 rows, in another order.",
        "Each batch is shuffled for itself, so the same examples always come together. Shuffle before you cut.",
    )
    require(
        not neighbors,
        f"{where} each batch held 7 rows that were neighbors before.",
        "You shuffle whole batches, so the same examples always come together. Shuffle the rows before you cut.",
    )


MINIBATCHES = OpenExercise(
    name="minibatches",
    number="1.3",
    task="Yield images and labels in batches, every example once, in an order drawn from rng.",
    judged_by=_judge_minibatches,
    second_hint="Draw `rng.permutation(len(images))`. Then, for each start 0, B, 2B, …, take the slice of it from "
    "start to start + B, and yield the images and the labels with those numbers. A slice that runs past the end is "
    "simply shorter.",
    praise="Every example came once, and every epoch had an order of its own.",
)

# ------------------------------------------------------------------------------------------------ 1.4


@cache
def _accuracies():
    """The nearest mean's accuracy on the validation images, moved in several ways."""
    mnist = load_mnist()
    train, validation = mnist.train, mnist.validation
    means = np.stack([train.images[train.labels == k].mean(axis=0, dtype=float) for k in range(10)])
    pictures = validation.images.reshape(-1, 28, 28)
    moves = {"as they are": (0, 2), "right": (2, 2), "left": (-2, 2), "down": (2, 1), "up": (-2, 1), "one": (1, 2)}
    moved = {name: np.roll(pictures, shift, axis).reshape(-1, 784) for name, (shift, axis) in moves.items()}
    moved["next image"] = np.roll(validation.images, 2, axis=0)
    half_norms = np.sum(means**2, axis=1) / 2
    right = {name: (X @ means.T - half_norms).argmax(axis=1) == validation.labels for name, X in moved.items()}
    accuracies = {name: np.mean(hits) for name, hits in right.items()}
    return accuracies | {"misread": np.mean(~right["right"][right["as they are"]])}


def _wrong_accuracies():
    of = _accuracies()
    return {
        "That is the accuracy without a shift. `np.roll` returns a new array and leaves the old one as it was.": (
            of["as they are"]
        ),
        "That is a percentage; give it as a fraction of 1, as `np.mean` of right and wrong does.": 100 * of["right"],
        "That is the share of wrong answers; the task asks for the share of right ones.": 1 - of["right"],
        "That is the accuracy for a shift to the left. A positive shift of `np.roll` goes to higher columns.": (
            of["left"]
        ),
        "That is the accuracy for a shift by whole rows of the picture, up or down. With shape (m, 28, 28) the columns "
        "are axis 2.": [of["up"], of["down"]],
        "That is the accuracy for a shift by one pixel; the task asks for two.": of["one"],
        "You moved the images along the first axis: each one now has the label of another. Shift the columns within "
        "an image.": of["next image"],
        "That is the number of right answers; divide by the number of images.": of["right"] * 10_000,
        "That is what it loses; the task asks for the accuracy that remains.": [
            of["as they are"] - of["right"],
            1 - of["right"] / of["as they are"],
            of["misread"],
        ],
    }


SHIFTED_ACCURACY = NumberExercise(
    name="shifted_accuracy",
    number="1.4",
    task="Measure the nearest-mean classifier on validation images shifted two pixels to the right.",
    reference=lambda: _accuracies()["right"],
    mistakes=_wrong_accuracies,
    second_hint="Reshape the images to (m, 28, 28), roll axis 2 by 2, reshape them back to (m, 784), and give them to "
    "`nearest_mean`. The means stay those of the unshifted training images.",
    praise="It loses 20 points. Of ten images that it got right, it now misreads about three.",
)

EXERCISES = [ONE_HOT, SPLIT, MINIBATCHES, SHIFTED_ACCURACY]
