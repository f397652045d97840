"""The exercises of notebook 01: one-hot rows, a split, mini-batches, a baseline put to the test."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations, islice, pairwise

import numpy as np

from ...data import load_mnist, one_hot
from .calls import plain, same
from .comparing import numbers
from .toolkit import (
    EXACT,
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


def _ones(at, shape=lambda m, K: (m, K)):
    """A one_hot that writes its 1s at other places, at(labels, rows), or into an array of another shape."""

    def answer(labels, K):
        Y = np.zeros(shape(len(labels), K))
        Y[at(labels, np.arange(len(labels)))] = 1
        return Y

    return answer


_TOO_LARGE = (
    "A row for it would have no 1, or one elsewhere, and spoil the loss much later. Compare the largest label with "
    "`n_classes`, and `raise` an error; one that is only printed stops nothing."
)
_NEGATIVE = (
    "To NumPy the index −1 is the last column, so no error comes by itself. Is there a check for a label below 0, "
    "wherever it stands, and does it `raise` an error?"
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
        "thirty labels as bytes, as in the file": [np.arange(30, dtype=np.uint8) * 7 % 10, 10],
        "300 classes": [np.array([299, 43, 7]), 300],
        "twelve classes": [np.arange(12), 12],
        **{words: arguments for words, (arguments, _) in _REFUSED.items()},
    },
    case_hints={words: hint for words, (_, hint) in _REFUSED.items()},
    any_hint="Print the first row. It should hold one 1, in the column of its label, and 0 elsewhere.",
    error_hints={"returned ValueError(": "You return the error: `raise` it."},
    tolerance=EXACT,
    mistakes={  # K: n_classes
        "The number of columns is always 10. It is an argument: `n_classes`.": [
            lambda labels, K: one_hot(labels, 10),
            _ones(lambda labels, rows: (rows, labels), lambda m, K: (m, 10)),
        ],
        "You count the columns by the largest label. A class may be absent from these labels and still needs its "
        "column: there are `n_classes` of them.": lambda labels, K: one_hot(labels, int(labels.max()) + 1),
        "You count the columns by the distinct labels there are. A label names its column, whichever others occur.": (
            lambda labels, K: np.eye(len(set(labels)))[np.unique(labels, return_inverse=True)[1]]
        ),
        "Row and column are exchanged: the row is the example's number, the column its label.": (
            _ones(lambda labels, rows: (labels, rows))
        ),
        "Each row has the 1s of all labels: `Y[:, labels]` picks whole columns, and `[row] * m` is one row, m times. "
        "Set one entry in each row, by its row and its column.": _ones(lambda labels, rows: (slice(None), labels)),
        "Whole rows are set to 1: `Y[labels]` picks rows. You want one entry in each row: give its row and its "
        "column.": _ones(lambda labels, rows: labels),
        "The 1s stand one column off: the first class is 0, and so is the first column.": [
            lambda labels, K: np.eye(K, k=1)[labels],
            _ones(lambda labels, rows: (rows, labels - 1)),
            _ones(lambda labels, rows: (rows, labels.astype(int) - 1)),
        ],
        "The label itself stands in its column. A label is a name: write a 1.": lambda labels, K: (
            one_hot(labels, K) * labels[:, None]
        ),
        "A fixed 5 stands where the number of labels belongs.": [
            _ones(lambda labels, rows, n=n, five=five: (five or rows, labels[:n]), lambda m, K, c=c: (5, c or K))
            for five, n in ((None, None), (list(range(5)), 5), (list(range(5)), None))
            for c in (None, 10)
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


_WHY_NOT_ROWS = {  # the axes of images, and of labels
    (1, 1): "Row numbers are no rows yet: index images and labels with them.",
    (1, 2): "The images come before their labels.",
    (2, 2): "A label is one number for each image, as it came: no one-hot rows.",
    (3, 2): "An index of None adds an axis. `rng.shuffle(order)` works in place and returns None.",
}


def _arrays(told, things, n, why):
    """Images and labels in turn, n arrays of numbers in all; raises Wrong with why[axes], or why[()]."""
    arrays = list(map(numbers, things)) if isinstance(things, tuple | list) else [None]
    axes = tuple(array.ndim for array in arrays) if all(array is not None for array in arrays) else ()
    found = ", ".join(map(shape_in_words, arrays)) if axes else shown(things)
    hint = _WHY_NOT_ROWS.get(axes[:2]) if axes == axes[:2] * (n // 2) else why.get(axes)
    require(axes == (2, 1) * (n // 2), f"{told} {found}.", hint or why.get(axes, why[()]))
    return arrays


def _rows(told, images, labels):
    """Which rows these are; raises Wrong when they are not whole, or not with their labels."""
    rows = np.rint(images[:, 0]) if images.shape[1] == len(_COLUMNS) else np.zeros(0)
    require(
        np.array_equal(images, rows[:, None] + _COLUMNS),
        f"{told} are {shape_in_words(images)}, and not rows of the images.",
        "Move whole rows, and leave the pixels in a row as they are: is the index on the first axis?",
    )
    require(
        np.array_equal(labels, _label_of(rows)),
        f"{told} have labels beside them that do not belong to them.",
        "Each image needs the label that it came with: draw one order, pick both by it, and change nothing else.",
    )
    return rows.astype(int)


def _rows_of(called, groups, expected, why):
    """The row numbers of several groups, {name: (images, labels)}, of these sizes, which hold every row once."""
    sizes, m = [len(images) for images, _ in groups.values()], sum(expected)
    told = ", ".join(map(str, sizes[:8])) + (", …" if len(sizes) > 8 else "") or "none at all"
    sentence = f"{called} gave pieces of these sizes: {told}; expected {', '.join(map(str, expected))}."
    require(sizes == expected, sentence, why(sizes, expected))
    rows = [_rows(f"{called}: the images in {name}", *group) for name, group in groups.items()]
    once = len(set(np.concatenate(rows)))
    require(
        once == m,
        f"{called} gave only {once} of the {m} images, some of them more than once.",
        "Rows drawn with replacement, or anew from all rows for each part, come twice or never. Draw one order of all "
        "rows, and cut that.",
    )
    return rows


def _still_neighbors(order, other):
    """How many that are neighbors in one order are so in another, too; by chance it is two, on the average."""
    return len(set(map(frozenset, pairwise(order))) & set(map(frozenset, pairwise(other))))


# ------------------------------------------------------------------------------------------------ 1.2

_PARTS = "(train_images, train_labels, validation_images, validation_labels)"
_WHY_NOT_FOUR = {
    (): f"Return four arrays, in this order: {_PARTS}.",
    (2, 2, 1, 1): f"First both parts of the training data, then both of the validation data: {_PARTS}.",
}


def _parts(student, n_validation, seed, m=40):
    """The row numbers in their new order, and those of the validation part, after all that must hold of one call."""
    arguments = {**_examples(m), "n_validation": n_validation, "seed": seed}
    called = call_in_words(student, arguments)
    arrays = _arrays(f"{called} returned", _result(student, arguments, called), 4, _WHY_NOT_FOUR)
    groups = {"the training part": arrays[:2], "the validation part": arrays[2:]}
    train, validation = _rows_of(called, groups, [m - n_validation, n_validation], _why_sizes)
    return [*train, *validation], frozenset(validation)


def _why_sizes(sizes, expected):
    if sizes[1] == sum(expected) and expected[1] == 0:
        return "−0 is 0, so `[:-n]` takes nothing when n is 0, and `[-n:]` everything. Count the cut from the front."
    if sizes == expected[::-1]:
        return f"The two parts are exchanged. The order is {_PARTS}."
    if sizes == [30, 10]:
        return "That is the split of before, for `n_validation` = 10: is that a fixed number, or a split that was kept?"
    if sum(sizes) < sum(expected):
        return "Some rows are in neither part. All that are not for validation are for training."
    if sum(sizes) > sum(expected):
        return "The parts overlap, so you train on the validation images. Each part should begin where the other ends."
    return "`n_validation` says how many rows the validation part has. All others are for training."


def _judge_split(student):
    require_function(student, ("images", "labels", "n_validation", "seed"))
    seeds = (0, 1, 2, 13)
    cuts = [_parts(student, 10, seed) for seed in seeds]
    whole, _ = _parts(student, 0, 3)
    _parts(student, 5, 4, m=6)
    _parts(student, 0, 4, m=1)
    require(
        cuts[0] == _parts(student, 10, 0) and cuts[3] == _parts(student, 10, 13),
        "Two calls with the same seed gave two different splits.",
        "Then no result can be repeated, and test images of yesterday are training images today. Let all randomness "
        "come from `np.random.default_rng(seed)`.",
    )
    orders, held_out = zip(*cuts, strict=True)
    for n_validation, order in [(10, order) for order in orders] + [(0, whole)]:
        kept = _still_neighbors(order, range(40))
        require(
            kept <= 12,
            f"With n_validation = {n_validation}, of 39 neighbors {kept} are still side by side.",
            "Draw a random order of all row numbers here, too."
            if not n_validation
            else "Nothing is shuffled. If the file were sorted by digit, one part would lack some digits."
            if len(set(held_out)) == 1
            else "A rotation is no shuffle, nor are rows drawn at random that stay in their old order: neighbors stay "
            "together. Draw a random order of all row numbers.",
        )
    fixed = set(held_out) <= {frozenset(range(10)), frozenset(range(30, 40))}
    for i, j in combinations(range(4), 2):
        shared = len(held_out[i] & held_out[j])
        require(
            shared < 9 and _still_neighbors(orders[i], orders[j]) <= 12,
            f"With the seeds {seeds[i]} and {seeds[j]}, {shared} of 10 validation images were the same.",
            "You cut first and shuffle afterward, each part for itself. Shuffle, then cut."
            if fixed
            else "The argument `seed` is not used, or not by a generator: is there a fixed number in its place?",
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

_WHY_NO_BATCH = {
    (): "Yield two arrays of numbers: `yield images, labels` of the batch.",
    (1, 0): "That is one example at a time. Take a slice of `batch_size` row numbers in each step.",
}


def _epochs(f, images, labels, batch_size, seed, epochs=1):
    """The batches of some epochs with one generator; no more than an endless answer must be stopped after."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(epochs):
        given = f(images, labels, batch_size, rng)
        if not isinstance(given, Iterator):
            return given
        # each as it is when it comes, and as it is at the end
        found.append([(batch, plain(batch)) for batch in islice(given, 2 * len(images) + 3)])
    return iter(plain(found))


def _in_turns(f, images, labels, batch_size, seeds):
    """The batches of the first of several generators that are asked in turns."""
    generators = [f(images, labels, batch_size, np.random.default_rng(seed)) for seed in seeds]
    return [batches[0] for batches in zip(*generators, strict=False)]


def _orders(student, m, batch_size, seed, epochs=1):
    """The row numbers of each batch, for each epoch, after all that must hold of one call."""
    called = f"{called_name(student)}(images, labels, {batch_size}, rng) with {m} images"
    arguments = {**_examples(m), "batch_size": batch_size, "seed": seed, "epochs": epochs}
    given = _result(student, arguments, called, _epochs)
    hint = "A function with `yield` in it returns a generator when it is called."
    if isinstance(given, list):
        hint = "That holds all batches in memory at once. Hand out one after the other, with `yield`."
    elif isinstance(given, tuple):
        hint = "`return` ends the function with the first batch. `yield` hands it out and goes on after it."
    require(isinstance(given, Iterator), f"{called} returned a {type(given).__name__}; expected a generator.", hint)
    expected = [min(batch_size, m - start) for start in range(0, m, batch_size)]
    found = []
    for batches in given:
        require(
            all(same(*pair) for pair in batches),
            f"{called}: a batch changed when the next one came.",
            "All batches share one array, so a list of them holds the last one many times. Make new arrays.",
        )
        told = {f"batch {number}": batch for number, (_, batch) in enumerate(batches, start=1)}
        groups = {name: _arrays(f"{called}: {name} is", batch, 2, _WHY_NO_BATCH) for name, batch in told.items()}
        found.append(_rows_of(called, groups, expected, _why_batch_sizes))
    return found


def _why_batch_sizes(sizes, expected):
    m, n, batch_size = sum(expected), len(sizes), expected[0]
    if n == 2 * m + 3:
        return "It never ends. One pass through the data is over when every example has come."
    if not sizes:
        return "Is `yield` reached? Or is a generator kept from an earlier call, and used up?"
    if sizes == [*expected, 0]:
        return "There is an empty batch at the end, where the batch size divides the number of images."
    if sizes == expected[:-1]:
        return "The last batch is left out, and its examples are never seen in this epoch."
    if n == len(expected) and set(sizes) == {batch_size}:
        return "The last batch is filled up, so some examples come twice. It may be smaller."
    if sorted(sizes, reverse=True) == expected:
        return "The short batch comes last. If you shuffle whole batches: shuffle the rows instead, before you cut."
    if n == batch_size:
        return (
            "You cut into `batch_size` pieces. It says how many rows a batch has, and not how many batches there are."
        )
    if sum(sizes) < m:
        return f"Together these are {sum(sizes)} rows of {m}: which are left out?"
    if sum(sizes) > m:
        return f"Together these are {sum(sizes)} rows of {m}. Where does a batch end, and where does the next begin?"
    return "A batch has `batch_size` rows, and the last one what is left."


def _judge_minibatches(student):
    require_function(student, ("images", "labels", "batch_size", "rng"))
    for m, batch_size in [(10, 4), (8, 4), (5, 7), (3, 1)]:
        _orders(student, m, batch_size, 0)
    epochs = _orders(student, 40, 7, 0, epochs=4) + _orders(student, 40, 7, 1)
    (again,) = _orders(student, 40, 7, 0)
    *orders, again = [list(np.concatenate(batches)) for batches in [*epochs, again]]
    where = "With 40 images in batches of 7"
    one_order = all(order == orders[0] for order in orders)
    kept = max(_still_neighbors(order, range(40)) for order in orders)
    in_place = all(np.ptp(batch) < len(batch) for batch in epochs[0])
    hint = "You shuffle whole batches, or rotate the rows, so the same examples always come together."
    if one_order:
        hint = "Draw a random order of the row numbers from `rng`, and keep to it (a set has an order of its own)."
    elif in_place and kept < 25:
        hint = "Each batch is shuffled for itself, so the same examples always come together."
    require(
        kept <= 12 and not in_place,
        f"{where} {kept} of 39 neighbors came one after the other.",
        f"{hint} Shuffle before you cut.",
    )
    require(
        not one_order,
        f"{where} every epoch had the same order, whatever rng.",
        "A generator with a fixed seed inside draws the same order each time, and so does an order that is kept. Draw "
        "from `rng`, in each call.",
    )
    require(
        orders[0] == again,
        f"{where} two generators with the same seed gave two different orders.",
        "The order comes from somewhere else than `rng`, perhaps from `np.random` or a generator without a seed.",
    )
    require(
        max(_still_neighbors(a, b) for a, b in combinations(orders, 2)) <= 12,
        f"{where} two epochs had the same order, or nearly.",
        "Draw a new order from `rng` in every call.",
    )
    arguments = {**_examples(40), "batch_size": 7, "seeds": (0, 1)}
    in_turns = _result(student, arguments, f"{called_name(student)}, two generators in turns,", _in_turns)
    require(
        [*np.concatenate([images[:, 0] for images, _ in in_turns])] == orders[0],
        f"{where}, two generators that are asked in turns disturbed each other.",
        "Keep the order in a variable of the function, not in one outside.",
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
def _wrong_accuracies():
    mnist = load_mnist()
    images, labels = mnist.validation.images, mnist.validation.labels

    means = np.stack([mnist.train.images[mnist.train.labels == k].mean(axis=0, dtype=float) for k in range(10)])

    def classes(shift=2, axis=2):
        X = np.roll(images.reshape(-1, 28, 28), shift, axis).reshape(-1, 784)
        return (np.sum(means**2, axis=1) - 2 * X @ means.T).argmin(axis=1)

    def accuracy(*given):
        return np.mean(classes(*given) == labels)

    before, right, both = accuracy(0), accuracy(), np.mean((classes(0) == labels) & (classes() == labels))
    return {
        "That is the accuracy without a shift, or with shifted means. `np.roll` returns a new array and leaves the old "
        "one as it was.": before,
        "That is a percentage; give it as a fraction of 1, as `np.mean` of right and wrong does.": 100 * right,
        "That is the share of wrong answers; the task asks for the share of right ones.": 1 - right,
        "That is the accuracy for a shift to the left, or with the means shifted instead of the images. A positive "
        "shift of `np.roll` goes to higher columns.": accuracy(-2),
        "That is how often the answer stays the same. Compare with the labels.": np.mean(classes() == classes(0)),
        "That is the share that is right without and with the shift. The task asks for all that are right with it.": (
            both
        ),
        "That is the accuracy for a shift by whole rows of the picture, up or down. With shape (m, 28, 28) the columns "
        "are axis 2.": [accuracy(2, 1), accuracy(-2, 1)],
        "That is the accuracy for a shift by one pixel or by three; the task asks for two.": [accuracy(1), accuracy(3)],
        "You moved the images along the first axis: each one now has the label of another. Shift the columns within "
        "an image.": accuracy(2, 0),
        "That is the number of right answers; divide by the number of images.": right * 10_000,
        "That is what it loses; the task asks for the accuracy that remains.": [
            before - right,
            1 - both / before,
        ],
        "That is a share of those that were right before. The task asks for the share of all images.": both / before,
        "Near it. The task asks for all 10,000 validation images, with their labels, to four decimals.": [
            (right - 0.05, right - 3e-4),
            (right + 3e-4, right + 0.05),
        ],
        "Work out the accuracy without a shift in the same way: are these the 83.1 % of above?": [
            (1e-6, right - 0.05),
            (right + 0.05, 1.0),  # as with means of the shifted images
        ],
        "An accuracy is a share of the images, and at most 1.": (1.001, 10_000.0),
    }


SHIFTED_ACCURACY = NumberExercise(
    name="shifted_accuracy",
    number="1.4",
    task="Measure the nearest-mean classifier on validation images shifted two pixels to the right, to four decimals.",
    reference=lambda: 0.6328,  # the notebook of solutions works it out
    tolerance=3e-4,
    mistakes=_wrong_accuracies,
    second_hint="Reshape the images to (m, 28, 28), roll axis 2 by 2, reshape them back to (m, 784), and give them to "
    "`nearest_mean`. The means stay those of the unshifted training images.",
    praise="It loses 20 points. Of ten images that it got right, it now misreads about three.",
)

EXERCISES = [ONE_HOT, SPLIT, MINIBATCHES, SHIFTED_ACCURACY]
