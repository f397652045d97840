"""The exercises of notebook 07: a random search, the size of a test set, a difference, a confusion matrix."""

import inspect

import numpy as np

from ...tuning import try_settings
from .toolkit import (
    FunctionExercise,
    NumberExercise,
    OpenExercise,
    alike,
    attempt,
    called_name,
    require,
    require_function,
    require_result,
    shown,
)

_rng = np.random.default_rng(7)

# ------------------------------------------------------------------------------------------------ 7.1

_KNOWN = tuple(inspect.signature(try_settings).parameters)
_ASKED = ("learning_rate", "weight_decay", "sizes")
_MANY = 400


def _is_one_number(value):
    numbers = int | float | np.integer | np.floating
    return isinstance(value, numbers) and not isinstance(value, bool) and np.isfinite(value)


_SIZES = {  # hint: what must hold
    "`sizes` holds all layers, as a tuple such as (784, 32, 10): from the pixels to the ten classes, with the hidden "
    "units between.": lambda sizes: isinstance(sizes, list | tuple),
    "There are no fractions of a unit: make the number that you draw whole with `int(…)`.": (
        lambda sizes: all(isinstance(size, int | np.integer) and not isinstance(size, bool) for size in sizes)
    ),
    "An image has 784 pixels, so sizes begin with 784; there are ten classes, so they end with 10. The hidden units "
    "stand between.": lambda sizes: len(sizes) >= 3 and sizes[0] == 784 and sizes[-1] == 10,
    "A hidden layer needs some units, and a few thousand take very long: choose a range you would wait for.": (
        lambda sizes: all(1 <= size <= 4096 for size in sizes[1:-1])
    ),
}


def _place(values):
    """Where each value lies in the range, from 0 to 1."""
    return (values - values.min()) / np.ptp(values)


def _evenly_spread(exponents):
    place = _place(exponents)
    return 0.38 < np.mean(abs(place - 0.5) < 0.25) < 0.62 and 0.36 < np.mean(place < 0.5) < 0.64


_LOG_SCALE = {  # hint: what must hold of the values drawn, the lowest and the highest that make sense
    "Those are exponents, drawn but not used as such yet: what is ten to the power of them?": (
        lambda values, lowest, highest: values.min() >= 0
    ),
    "0 has no logarithm, so it has no place on the scale of a search. Try 0 in a run of its own.": (
        lambda values, lowest, highest: values.min() > 0
    ),
    "That is a grid, drawn at random. A random search tries another value in every trial: draw from a range, not from "
    "a list, and let the exponents be fractions.": (
        lambda values, lowest, highest: len(np.unique(values)) >= 0.9 * len(values)
    ),
    "That is even on the plain scale, and nearly all trials go to the largest power of ten. Draw the exponent evenly "
    "instead.": lambda values, lowest, highest: np.mean(_place(values) > 0.5) <= 0.35,
    "That is a narrow range: good values may differ by powers of ten. If you draw exponents, is it ten that is raised "
    "to them, as in `10**…`, or e, as in `np.exp(…)`?": lambda values, lowest, highest: (
        values.max() / values.min() >= 50
    ),
    "Much of that is far from anything that could learn: look at the ranges in the notebook, and at the sign of your "
    "exponents.": lambda values, lowest, highest: values.min() >= lowest and values.max() <= highest,
    "They crowd in one part of their range on the logarithmic scale. No power of ten is better known than another yet: "
    "draw the exponent evenly, with `rng.uniform`.": lambda values, lowest, highest: _evenly_spread(np.log(values)),
}


def _random_configurations(student):
    """The answer is not unique, so its properties are looked at: what it is, its seed, its scales, its sizes."""
    require_function(student, ("n", "seed"))
    for n in (3, 1):
        _configurations(student, n, 0)
    many, called = _configurations(student, _MANY, 0), f"{called_name(student)}({_MANY}, 0)"
    require(
        not all(alike(configuration, many[0]) for configuration in many),
        f"In {called} all configurations are the same.",
        "A generator made anew from the same seed begins anew: make it once, before the loop.",
    )
    require(
        alike(_configurations(student, _MANY, 0), many),
        f"{called} returned something else when it was called again.",
        "A search must be repeatable: draw every number from a generator that is made from `seed` inside the function.",
    )
    require(
        not alike(_configurations(student, _MANY, 1), many),
        f"{called_name(student)}({_MANY}, 1) returned the same as {called}.",
        "Another seed should give another search: the generator does not use `seed`.",
    )
    rates, decays = (np.array([float(c[key]) for c in many]) for key in ("learning_rate", "weight_decay"))
    for values, what, lowest, highest in ((rates, "learning rates", 1e-6, 10), (decays, "values of λ", 1e-10, 1)):
        low, middle, high = np.quantile(values, [0, 0.5, 1])
        for hint, holds in _LOG_SCALE.items():
            found = f"In {called} the {what} reach from {low:.2g} to {high:.2g}, half of them above {middle:.2g}."
            require(holds(values, lowest, highest), found, hint)
    require(
        rates.min() <= 0.03 and rates.max() >= 0.1,
        f"In {called} the learning rates reach from {rates.min():.2g} to {rates.max():.2g}.",
        "The range test found good rates near 0.1: put the range around it.",
    )
    require(
        abs(np.corrcoef(np.log(rates), np.log(decays))[0, 1]) <= 0.5,
        f"In {called}, η and λ rise and fall together.",
        "One draw serves both. Then the search sees only a line through the plane: draw anew for each setting.",
    )
    require(
        len({tuple(configuration["sizes"]) for configuration in many}) >= 4,
        f"In {called} hardly any sizes differ.",
        "The number of hidden units is searched as well: draw it anew for each configuration.",
    )


_NO_LIST = {
    "dict": "That is one configuration. Make n of them, and put them into a list.",
    "generator": "A generator can be gone through only once. Collect the dictionaries in a list.",
}


def _configurations(student, n, seed):
    """What a call returns, as a list, when it has the right form."""
    called = f"{called_name(student)}({n}, {seed})"
    answer = require_result(attempt(student, {"n": n, "seed": seed}), called)
    kind = type(answer).__name__
    require(
        isinstance(answer, list | tuple),
        f"{called} returned one {kind}; expected a list of {n} dictionaries.",
        _NO_LIST.get(kind, "Collect n dictionaries in a list."),
    )
    require(
        len(answer) == n,
        f"{called} returned {len(answer)} things; expected {n} dictionaries.",
        "n is how many trials to make in all, not for each setting: look at what is counted by n.",
    )
    for configuration in answer:
        _require_settings(configuration, called)
    return list(answer)


def _require_settings(configuration, called):
    require(
        isinstance(configuration, dict),
        f"In {called} there is {shown(configuration)}; expected a dictionary.",
        "`sweep` passes each configuration by name: a dictionary such as {'learning_rate': …, …}.",
    )
    require(
        set(_ASKED) <= set(configuration) <= set(_KNOWN),
        f"In {called} a dictionary has the keys {', '.join(map(str, configuration)) or 'none'}; expected "
        f"{', '.join(_ASKED)}.",
        "`sweep` hands the dictionary to a function by these names: spell them as its arguments.",
    )
    for key in ("learning_rate", "weight_decay"):
        require(
            _is_one_number(configuration[key]),
            f"In {called}, {key} is {shown(configuration[key])}; expected one number.",
            "Draw one number for each dictionary; `rng.uniform(low, high)` without a size gives one.",
        )
    for hint, holds in _SIZES.items():
        require(holds(configuration["sizes"]), f"In {called}, sizes is {shown(configuration['sizes'])}.", hint)


RANDOM_CONFIGURATIONS = OpenExercise(
    name="random_configurations",
    number="7.1",
    task="Return a list of n dictionaries with learning_rate, weight_decay and sizes, drawn at random from a seed.",
    judged_by=_random_configurations,
    second_hint="`rng = np.random.default_rng(seed)` once; then, n times, 10 to the power of `rng.uniform(…)` for η "
    "and for λ, and a whole number of units between 784 and 10.",
    praise="`sweep(my_random_configurations(16, seed=0))` would run your search.",
)

# ------------------------------------------------------------------------------------------------ 7.2


def _images(p=0.974, half_width=0.001, factor=1.96):
    return factor**2 * p * (1 - p) / half_width**2


TEST_SET_SIZE = NumberExercise(
    name="test_set_size",
    number="7.2",
    task="Give the number of test images for which the 95 % intervals of 97.3 % and 97.5 % just touch.",
    reference=_images,
    mistakes={
        "The factor 1.96 is missing: 95 of 100 cases lie within ± 1.96 σ, not within ± σ.": _images(factor=1),
        "The 1.96 goes under the root when you solve for n: square it, too.": _images(factor=1.96**0.5),
        "You took the whole distance of 0.2 points as the half-width. When intervals touch, each reaches half of the "
        "way.": _images(half_width=0.002),
        "That is the root of the right number. n stands under the root: square both sides.": _images() ** 0.5,
        "The half-width is 0.1 points, and p a fraction: in the same unit it is 0.001.": [
            _images(half_width=wrong) for wrong in (0.1, 0.01, 1)
        ],
        "p (1 − p) is missing under the root.": 1.96**2 / 0.001**2,
        "That is for p = 0.5, the worst case. At 97.4 % the scatter is much smaller.": _images(0.5),
        "Under the root stands p (1 − p), not p alone.": 1.96**2 * 0.974 / 0.001**2,
        "Under the root stands p (1 − p), not 1 − p alone.": (99_872, 99_892),
        "You took one end for p. Take 0.974, in the middle, for both.": [(93_360, 93_920), (100_620, 101_220)],
        "Near enough for a plan: you took 2 for 1.96. Do it once more with 1.96.": _images(factor=2),
        "That is for the interval of the difference, with twice the variance. Here two intervals should touch.": (
            2 * _images()
        ),
        "That is the number at hand. At 97.5 % it gave ± 0.31 points, and you need ± 0.1.": 10_000,
        "A good estimate. Solve for n to get it to three digits.": (90_000, 100_000),
    },
    second_hint="Half-width = 1.96 √(p (1 − p) / n). Put 0.001 on the left, square both sides, and solve for n.",
    praise="A third of the width takes about ten times as many images.",
)

# ------------------------------------------------------------------------------------------------ 7.4


def _variances(p_a, n_a, p_b, n_b):
    return p_a * (1 - p_a) / n_a, p_b * (1 - p_b) / n_b


def _interval(half_width=lambda a, b: 1.96 * np.sqrt(a + b), difference=lambda p_a, p_b: p_a - p_b, signs=(-1, 1)):
    """The interval with another half-width, given both variances, or another difference."""

    def answer(p_a, n_a, p_b, n_b):
        half = half_width(*_variances(p_a, n_a, p_b, n_b))
        return tuple(difference(p_a, p_b) + sign * half for sign in signs)

    return answer


def _difference_interval(p_a, n_a, p_b, n_b):
    return _interval()(p_a, n_a, p_b, n_b)


DIFFERENCE_INTERVAL = FunctionExercise(
    name="difference_interval",
    number="7.4",
    task="Return the 95 % interval (low, high) of p_a − p_b, two accuracies measured on different images.",
    reference=_difference_interval,
    parts=("low", "high"),
    tolerance=(1e-3, 1e-3),
    cases={
        "as in the notebook": [0.975, 10_000, 0.973, 10_000],
        "unequal numbers of images": [0.9, 1000, 0.95, 10_000],
        "no difference measured": [0.5, 400, 0.5, 100],
        "the first made no mistake": [1.0, 200, 0.98, 500],
        "float32": [np.float32(0.9425), 10_000, np.float32(0.892), 10_000],
    },
    mistakes={  # a, b: the two variances
        "You add the two half-widths. Their luck is independent and rarely bad on both sides at once: add the "
        "variances, then take the root.": _interval(lambda a, b: 1.96 * (np.sqrt(a) + np.sqrt(b))),
        "You subtract one variance from the other. A difference scatters more than each of its parts: variances add.": (
            _interval(lambda a, b: 1.96 * np.sqrt(abs(a - b)))
        ),
        "You subtract one half-width from the other. A difference scatters more than each of its parts.": (
            _interval(lambda a, b: 1.96 * abs(np.sqrt(a) - np.sqrt(b)))
        ),
        "The factor 1.96 is missing: this holds 68 of 100 cases, not 95.": _interval(lambda a, b: np.sqrt(a + b)),
        "The variances are added, and their root is missing: a width is 1.96 standard deviations.": (
            _interval(lambda a, b: 1.96 * (a + b))
        ),
        "That is the interval of b less a. The task asks for a less b.": _interval(difference=lambda p, q: q - p),
        "The difference has lost its sign. Whether a is better or worse than b is what one wants to know.": (
            _interval(difference=lambda p, q: abs(p - q))
        ),
        "Only the luck of the first accuracy is in it. The second is measured, too.": (
            _interval(lambda a, b: 1.96 * np.sqrt(a))
        ),
        "√2 times one half-width holds only when both are equally wide. Here n and p may differ: add the two "
        "variances.": _interval(lambda a, b: 1.96 * np.sqrt(2 * a)),
        "The n of the first serves for both; each accuracy has its own.": (
            lambda p_a, n_a, p_b, n_b: _difference_interval(p_a, n_a, p_b, n_a)
        ),
        "That is the difference and the half-width. The task asks for the two ends.": (
            lambda p_a, n_a, p_b, n_b: (p_a - p_b, 1.96 * np.sqrt(sum(_variances(p_a, n_a, p_b, n_b))))
        ),
        "The larger end comes first. Return (low, high).": _interval(signs=(1, -1)),
    },
    second_hint="The variance of each is p (1 − p) / n. Their sum is the variance of the difference; 1.96 times its "
    "root is the half-width.",
    praise="An interval that holds 0 says: this may be luck.",
)

# ------------------------------------------------------------------------------------------------ 7.5


def _confusion_matrix(labels, answers, K):
    counts = np.zeros((K, K), int)
    np.add.at(counts, (labels, answers), 1)
    return counts


def _once_each(labels, answers, K):
    counts = np.zeros((K, K), int)
    counts[labels, answers] += 1
    return counts


def _shares(empty):
    def answer(labels, answers, K):
        counts = _confusion_matrix(labels, answers, K)
        total = counts.sum(axis=1, keepdims=True)
        return np.where(total > 0, counts / np.maximum(total, 1), empty)

    return answer


CONFUSION_MATRIX = FunctionExercise(
    name="confusion_matrix",
    number="7.5",
    task="Count labels (m,) against answers (m,) in a (K, K) array: one row a label, one column an answer.",
    reference=_confusion_matrix,
    cases={
        "each pair occurs once": [np.array([0, 1, 2, 2]), np.array([0, 2, 1, 0]), 3],
        "one pair occurs three times": [np.array([0, 1, 1, 1, 1]), np.array([0, 0, 0, 0, 1]), 2],
        "a single image": [np.array([1]), np.array([0]), 2],
        "classes 2 and 3 do not occur": [np.array([1, 1]), np.array([0, 1]), 4],
        "all right": [np.array([3, 3, 0]), np.array([3, 3, 0], np.uint8), 5],
        "twelve classes": [np.array([11, 0]), np.array([11, 11]), 12],
        "300 images": [_rng.integers(0, 10, 300), _rng.integers(0, 10, 300), 10],
    },
    mistakes={  # y: labels. a: answers
        "A pair that occurs often is counted once. `=` sets a cell to 1, and `counts[labels, answers] += 1` adds to "
        "each cell a single time. Use a loop over the pairs, or count K·label + answer with `np.bincount`.": _once_each,
        "Rows and columns are exchanged: the label chooses the row, the answer the column.": (
            lambda y, a, K: _confusion_matrix(a, y, K)
        ),
        "The number of classes is K, given as an argument. You take it from the classes that happen to occur.": (
            lambda y, a, K: _confusion_matrix(y, a, max(y.max(), a.max()) + 1)
        ),
        "The number of classes is K, and not always ten.": lambda y, a, K: _confusion_matrix(y, a, 10),
        "`np.bincount` stops at the largest number that occurs: give it `minlength=K * K`.": [
            lambda y, a, K: np.bincount(K * y + a).reshape(K, K),
            lambda y, a, K: np.bincount(K * y + a),
        ],
        "These are shares of each row. The task asks for counts.": [_shares(np.nan), _shares(0)],
        "These are shares of all images. The task asks for counts.": lambda y, a, K: (
            _confusion_matrix(y, a, K) / len(y)
        ),
        "The diagonal is missing: right answers are counted as well.": (
            lambda y, a, K: _confusion_matrix(y, a, K) * (1 - np.eye(K, dtype=int))
        ),
        "Only the diagonal is filled: mistakes are counted as well.": (
            lambda y, a, K: _confusion_matrix(y, a, K) * np.eye(K, dtype=int)
        ),
        "Those are the counts of the labels alone, (K,). Each image has a label and an answer: count pairs.": (
            lambda y, a, K: np.bincount(y, minlength=K)
        ),
        "The array has no room for the last class: classes go from 0 to K − 1, so K rows and K columns.": (
            lambda y, a, K: _confusion_matrix(y, a, K)[: K - 1, : K - 1]
        ),
    },
    second_hint="Start with zeros of the shape (K, K). Go through the pairs of label and answer, and add 1 to the cell "
    "of each.",
    praise="Its diagonal, divided by its row sums, is the accuracy of each digit.",
)

EXERCISES = [RANDOM_CONFIGURATIONS, TEST_SET_SIZE, DIFFERENCE_INTERVAL, CONFUSION_MATRIX]
