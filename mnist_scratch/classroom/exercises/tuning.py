"""The exercises of notebook 07: a random search, the size of a test set, a difference, a confusion matrix."""

import inspect
from numbers import Integral, Real

import numpy as np

from ...tuning import try_settings
from .toolkit import (
    EXACT,
    FunctionExercise,
    NumberExercise,
    OpenExercise,
    attempt,
    called_name,
    require,
    require_function,
    require_result,
    shown,
)

_rng = np.random.default_rng(7)

# ------------------------------------------------------------------------------------------------ 7.1

_KNOWN = set(inspect.signature(try_settings).parameters)
_RATES = ("learning_rate", "weight_decay")
_ASKED = (*_RATES, "sizes")
_MANY = 400


def is_number(value, kind=Real):
    return isinstance(value, kind) and not isinstance(value, bool)


_RATE = {  # hint: what must hold of each
    "That is the text of a number; give the number itself.": lambda rate: not isinstance(rate, str),
    "Draw one number for each dictionary; `rng.uniform(low, high)` without a size gives one.": (
        lambda rate: is_number(rate) and np.isfinite(rate)
    ),
}
_EACH = dict.fromkeys(_RATES, _RATE) | {
    "sizes": {
        "`sizes` holds all layers, as a tuple such as (784, 32, 10): from the pixels to the ten classes, with the "
        "hidden units between.": lambda sizes: isinstance(sizes, list | tuple),
        "There are no fractions of a unit: make the number that you draw whole with `int(…)`.": (
            lambda sizes: all(is_number(size, Integral) for size in sizes)
        ),
        "An image has 784 pixels, so sizes begin with 784; there are ten classes, so they end with 10. The hidden "
        "units stand between.": lambda sizes: len(sizes) >= 3 and sizes[0] == 784 and sizes[-1] == 10,
        "A hidden layer needs some units, and a few thousand take very long: choose a range you would wait for.": (
            lambda sizes: all(1 <= size <= 4096 for size in sizes[1:-1])
        ),
    }
}


def _place(values):
    """Where each value lies in the range, from 0 to 1."""
    return (values - values.min()) / np.ptp(values)


def _evenly_spread(exponents):
    place = _place(exponents)
    return 0.38 < np.mean(abs(place - 0.5) < 0.25) < 0.62 and 0.36 < np.mean(place < 0.5) < 0.64


_LOG_SCALE = {  # hint: what must hold of the values drawn, the lowest and the highest that make sense
    "Those are exponents: what is ten to the power of them?": lambda v, low, high: np.median(v) > -0.3,
    "With η below 0 a step climbs, and with λ below 0 the weights grow: both must be positive, as ten to any power "
    "is.": lambda v, low, high: v.min() >= 0,
    "0 has no logarithm, so no place here: is it drawn, or does rounding make it?": lambda v, low, high: v.min() > 0,
    "Those are the few values of a grid. A random search tries another value in every trial: draw from a range, not "
    "from a list, and let the exponents be fractions.": lambda v, low, high: len(np.unique(v)) >= len(v) / 4,
    "That is a narrow range: good values may differ by powers of ten. If you draw exponents, is it ten that is raised "
    "to them, as in `10**…`, or e, as in `np.exp(…)`?": lambda v, low, high: v.max() / v.min() >= 50,
    "That is even on the plain scale, and nearly all trials go to the largest power of ten. Draw the exponent evenly "
    "instead.": lambda v, low, high: np.mean(_place(v) > 0.5) <= 0.35,
    "Much of that is far from anything that could learn: look at the ranges in the notebook, and at the sign of your "
    "exponents.": lambda v, low, high: low <= v.min() and v.max() <= high,
    "They crowd in one part of their range on the logarithmic scale. No power of ten is better known than another yet: "
    "draw the exponent evenly, with `rng.uniform`.": lambda v, low, high: _evenly_spread(np.log(v)),
}


def _random_configurations(student):
    """The answer is not unique, so its properties are looked at: what it is, its scales, its sizes, its seed."""
    require_function(student, ("n", "seed"))
    few = _drawn(student, 3, 0)
    _drawn(student, 1, 0, "For n = 3 there were 3. Is n left out, or does a list grow from call to call?")
    many, called = _drawn(student, _MANY, 0), f"{called_name(student)}({_MANY}, 0)"
    require(
        any(len(set(values)) > 1 for values in many.values()),
        f"In {called} all configurations are the same.",
        "A generator made anew from the same seed begins anew: make it once, before the loop.",
    )
    rates, decays = (np.array(many[key]) for key in _RATES)
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
        len(set(many["sizes"])) >= 3,
        f"In {called} hardly any sizes differ.",
        "The number of hidden units is searched as well: draw it anew for each configuration, into a list of its own.",
    )
    together = np.corrcoef([np.log(rates), np.log(decays), [sum(sizes) for sizes in many["sizes"]]])
    require(
        not np.any(abs(together - np.eye(3)) > 0.5),
        f"In {called} two of η, λ and the number of units rise and fall together.",
        "So the search sees only a line through the plane. Make one generator, and draw anew for each setting.",
    )
    for n, first in [(_MANY, many)] + 8 * [(3, few)]:
        require(
            _drawn(student, n, 0) == first,
            f"{called_name(student)}({n}, 0) returned something else when it was called again.",
            "A search must be repeatable: draw every number from a generator that is made from `seed` inside the "
            "function.",
        )
    searches = {0: many}
    for seed in (1, 2, 10, 1000):
        searches[seed] = _drawn(student, _MANY, seed)
        for other in list(searches)[:-1]:
            for key in _ASKED:
                once, again = searches[other][key], searches[seed][key]
                require(
                    once != again and (key == "sizes" or len(set(once) & set(again)) < _MANY / 2),
                    f"{called_name(student)}({_MANY}, {seed}) returned, as {key}, the values of seed {other} again.",
                    "Another seed should give another search: every draw has to depend on the whole of `seed`.",
                )


_NO_LIST = {
    "dict": "That is one configuration. Make n of them, and put them into a list.",
    "generator": "A generator can be gone through only once. Collect the dictionaries in a list.",
}


def _drawn(student, n, seed, hint=""):
    """The settings that a call draws, as {name: list of n}, when it has the right form."""
    called = f"{called_name(student)}({n}, {seed})"
    outcome = attempt(student, {"n": n, "seed": seed})
    answer = require_result(outcome, called)
    kind = type(answer).__name__
    require(
        isinstance(answer, list | tuple),
        f"{called} returned one {kind}; expected a list of {n} dictionaries.",
        _NO_LIST.get(kind, "Collect n dictionaries in a list."),
    )
    if len(answer) == 1:
        hint = hint or "How often does the loop run (a `return` inside ends it), and is the list made before it?"
    require(
        len(answer) == n,
        f"{called} returned a list of {len(answer)}; it should have n = {n} entries.",
        hint or "n is how many trials to make in all: each is one draw of every setting.",
    )
    require(
        n == 1 or len(set(map(id, outcome.kept))) > 1,
        f"In {called} there is one dictionary, {n} times.",
        "A list `[…] * n`, or a dictionary made before the loop, is one and the same everywhere: make a new one in "
        "each round.",
    )
    for configuration in answer:
        require(
            isinstance(configuration, dict),
            f"In {called} there is {shown(configuration)}; expected a dictionary.",
            "`sweep` passes each configuration by name: a dictionary such as {'learning_rate': …, …}.",
        )
        require(
            set(_ASKED) <= set(configuration) <= _KNOWN,
            f"In {called} a dictionary has the keys {', '.join(map(str, configuration)) or 'none'}; expected "
            f"{', '.join(_ASKED)}.",
            "`sweep` hands them to a function by name: all of these are needed, and no unknown ones.",
        )
        for key, rules in _EACH.items():
            for hint, holds in rules.items():
                require(holds(configuration[key]), f"In {called}, {key} is {shown(configuration[key])}.", hint)
    settings = {key: [float(configuration[key]) for configuration in answer] for key in _RATES}
    return settings | {"sizes": [tuple(map(int, configuration["sizes"])) for configuration in answer]}


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
    task="Give the number of test images, to three digits or more, for which the 95 % intervals of 97.3 % and 97.5 % "
    "just touch.",
    reference=_images,
    tolerance=5e-4,
    near=0.005,
    mistakes={
        "The factor 1.96 is missing: 95 of 100 cases lie within ± 1.96 σ, not within ± σ.": _images(factor=1),
        "The 1.96 goes under the root when you solve for n: square it, too.": _images(factor=1.96**0.5),
        "You took the whole distance of 0.2 points as the half-width. When intervals touch, each reaches half of the "
        "way.": _images(half_width=0.002),
        "You halved the half-width. It is 0.1 points already.": _images(half_width=0.0005),
        "Is the half-width squared, too, or do you count in thousands?": _images(half_width=0.001**0.5),
        "p (1 − p) is under the root already: it is not squared.": (1.96 * 0.974 * 0.026 / 0.001) ** 2,
        "The half-width is 0.1 points, and p a fraction: in the same unit it is 0.001.": [
            _images(half_width=wrong) for wrong in (0.1, 0.01, 1)
        ],
        "p (1 − p) is missing under the root.": 1.96**2 / 0.001**2,
        "That is for p = 0.5, the worst case. At 97.4 % the scatter is much smaller.": _images(0.5),
        "Under the root stands p (1 − p), not p alone.": [1.96**2 * 0.974**power / 0.001**2 for power in (1, 2)],
        "n stands under a root: square both sides.": [1.96 * 0.974 * 0.026 / 0.001, _images() ** 0.5],
        "No number of images is negative: is p a fraction, such as 0.974?": (-1e12, -1e7),
        "Under the root stands p (1 − p), not 1 − p alone.": (99_870, 99_895),
        "You took one end for p. Take 0.974, in the middle, for both.": [(93_360, 93_920), (100_620, 101_220)],
        "Near enough for a plan: you took 2 for 1.96. Do it once more with 1.96.": _images(factor=2),
        "That is the number for another share than 95 of 100: its factor is 1.96.": [
            _images(factor=factor) for factor in (2.576, 1.645)
        ],
        "That is the interval of the difference, with twice the variance. Two intervals should touch.": 2 * _images(),
        "That is the number at hand. At 97.5 % it gave ± 0.31 points, and you need ± 0.1.": 10_000,
        "That is a half-width. Which n makes it 0.001?": [(0.003, 0.0032), (0.3, 0.32)],
        "A good estimate. Solve for n to get it to three digits.": (90_000, 105_000),
    },
    any_hint="Put it into `half_width(0.974, n)` of the notebook: that should give 0.001.",
    second_hint="Half-width = 1.96 √(p (1 − p) / n). Put 0.001 on the left, square both sides, and solve for n.",
    praise="A third of the width takes about ten times as many images.",
)

# ------------------------------------------------------------------------------------------------ 7.4


def _interval(
    half_width=lambda a, b: 1.96 * np.sqrt(a + b),
    difference=lambda p_a, p_b: p_a - p_b,
    ends=lambda d, half: (d - half, d + half),
    variance=lambda p, n: p * (1 - p) / n,
):
    """The interval with one thing done in another way; half_width gets both variances."""
    return lambda p_a, n_a, p_b, n_b: ends(difference(p_a, p_b), half_width(variance(p_a, n_a), variance(p_b, n_b)))


def _difference_interval(p_a, n_a, p_b, n_b):
    return _interval()(p_a, n_a, p_b, n_b)


def _pooled(p_a, n_a, p_b, n_b):
    p = (p_a * n_a + p_b * n_b) / (n_a + n_b)
    return tuple(p_a - p_b + end for end in _difference_interval(p, n_a, p, n_b))


def _both_intervals(p_a, n_a, p_b, n_b):
    halves = [(p, 1.96 * np.sqrt(p * (1 - p) / n)) for p, n in ((p_a, n_a), (p_b, n_b))]
    return tuple((p - half, p + half) for p, half in halves)


DIFFERENCE_INTERVAL = FunctionExercise(
    name="difference_interval",
    number="7.4",
    task="Return the 95 % interval (low, high) of p_a − p_b, two accuracies measured on different images.",
    reference=_difference_interval,
    parts=("low", "high"),
    tolerance=(2e-4, 0.0),  # 1.96 has three digits
    cases={
        "as in the notebook": [0.975, 10_000, 0.973, 10_000],
        "unequal numbers of images": [0.9, 1000, 0.95, 10_000],
        "as many images, and worse": [0.5, 10_000, 0.4, 10_000],
        "both got half right": [0.5, 400, 0.5, 100],
        "few images": [0.5, 40, 0.25, 8],
        "few images, and very different": [1.0, 10, 0.25, 4],
        "the first made no mistake": [1.0, 200, 0.98, 500],
        "the first got none right": [0.0, 50, 0.02, 300],
    },
    mistakes={  # a, b: the two variances
        "You add the two half-widths. Their luck is independent and rarely bad on both sides at once: add the "
        "variances, then take the root.": _interval(lambda a, b: 1.96 * (np.sqrt(a) + np.sqrt(b))),
        "You subtract one variance from the other. A difference scatters more than each of its parts: variances add.": (
            _interval(lambda a, b: 1.96 * np.sqrt(abs(a - b)))
        ),
        "You subtract one half-width from the other. A difference scatters more than each of its parts.": [
            _interval(lambda a, b: 1.96 * abs(np.sqrt(a) - np.sqrt(b))),
            _interval(lambda a, b: 1.96 * (np.sqrt(a) - np.sqrt(b))),
        ],
        "The factor 1.96 is missing: this holds 68 of 100 cases, not 95.": _interval(lambda a, b: np.sqrt(a + b)),
        "Before the root stands another factor than 1.96.": [
            _interval(lambda a, b, factor=factor: factor * np.sqrt(a + b))
            for factor in (2, 1.645, 2.576, 3, 3.92, 1.69, 1.95, 2.33)
        ],
        "The 1.96 has slipped under the root: it multiplies the root.": _interval(lambda a, b: np.sqrt(1.96 * (a + b))),
        "The half-width is halved once more: the interval is two of it.": _interval(lambda a, b: 0.98 * np.sqrt(a + b)),
        "The root is missing: a width is 1.96 standard deviations, not variances.": (
            _interval(lambda a, b: 1.96 * (a + b))
        ),
        "The variance of each is p (1 − p) / n: under your root stands something else.": [
            _interval(variance=lambda p, n, i=i, j=j, k=k: p**i * (1 - p) ** j / n**k)
            for i, j, k in ((1, 2, 1), (1, 0, 1), (0, 1, 1), (2, 0, 1), (1, 1, 0), (1, 1, 2))
        ],
        "`//` divides to whole numbers: the variance is 0.": _interval(variance=lambda p, n: p * (1 - p) // n),
        "Each n is an argument, and not always 10,000.": _interval(variance=lambda p, n: p * (1 - p) / 10_000),
        "The variance is divided by n, not n − 1.": _interval(variance=lambda p, n: p * (1 - p) / (n - 1)),
        "That is the interval of p_b − p_a. The task asks for p_a − p_b.": _interval(difference=lambda p, q: q - p),
        "The difference has lost its sign. Whether a is better or worse than b is what one wants to know.": (
            _interval(difference=lambda p, q: abs(p - q))
        ),
        "Only the luck of the first accuracy is in it, not of the second.": _interval(lambda a, b: 1.96 * np.sqrt(a)),
        "√2 times one half-width holds only when both are equally wide. Here n and p may differ: add the two "
        "variances.": _interval(lambda a, b: 1.96 * np.sqrt(2 * a)),
        "The n of the first serves for both; each accuracy has its own.": (
            lambda p_a, n_a, p_b, n_b: _difference_interval(p_a, n_a, p_b, n_a)
        ),
        "You divide by n_a + n_b. Each variance is divided by its own n, then they are added.": (
            lambda p_a, n_a, p_b, n_b: _difference_interval(p_a, n_a + n_b, p_b, n_a + n_b)
        ),
        "You take one p for both, their mean over all images. Each variance has its own p.": _pooled,
        "The half-width is no end of the interval. The ends are the difference − half-width and + half-width.": [
            _interval(ends=lambda d, half: (d, half)),
            _interval(ends=lambda d, half: half),
        ],
        "Those are the intervals of both accuracies. The task asks for that of their difference.": _both_intervals,
    },
    any_hint="The middle of low and high should be p_a − p_b, and half of their distance the half-width: print both.",
    second_hint="The variance of each is p (1 − p) / n. Their sum is the variance of the difference; 1.96 times its "
    "root is the half-width.",
    praise="An interval that contains 0 says: this may be luck.",
)

# ------------------------------------------------------------------------------------------------ 7.5


def _confusion_matrix(labels, answers, K):
    counts = np.zeros((K, K), int)
    for label, answer in zip(labels, answers, strict=True):
        counts[label, answer] += 1
    return counts


def _without_add_at(student):
    names = getattr(getattr(student, "__code__", None), "co_names", ())
    require(not {"add", "at"} <= set(names), f"{called_name(student)} uses `np.add.at`.", "This time, do without it.")


def _once_each(labels, answers, K):
    counts = np.zeros((K, K), int)
    counts[labels, answers] += 1
    return counts


def _some(which):
    return lambda y, a, K: _confusion_matrix(y[which(K)], a[which(K)], K)


def _with_size(size):
    """The matrix for as many classes as size(labels, answers, K) says."""
    return lambda y, a, K: _confusion_matrix(y, a, size(y, a, K))


def _of_counts(change):
    """What change(counts, m) makes of the right counts."""
    return lambda y, a, K: change(_confusion_matrix(y, a, K), len(y))


def _of_classes_that_occur(y, a, K):
    classes = np.union1d(y, a)
    return _confusion_matrix(y, a, K)[np.ix_(classes, classes)]


def _one_row_shared(y, a, K):
    return np.tile(np.bincount(a, minlength=K), (K, 1))


CONFUSION_MATRIX = FunctionExercise(
    name="confusion_matrix",
    number="7.5",
    task="Count labels (m,) against answers (m,) in a (K, K) array: one row per label, one column per answer.",
    reference=_confusion_matrix,
    before=_without_add_at,
    tolerance=EXACT,
    cases={
        "each pair occurs once": [np.array([0, 1, 2, 2]), np.array([0, 2, 1, 0]), 3],
        "one pair occurs three times": [np.array([0, 1, 1, 1, 1]), np.array([0, 0, 0, 0, 1]), 2],
        "a single image": [np.array([1]), np.array([0]), 2],
        "no image": [np.zeros(0, int), np.zeros(0, int), 3],
        "classes 2 and 3 do not occur": [np.array([1, 1]), np.array([0, 1]), 4],
        "all right": [np.array([3, 3, 0]), np.array([3, 3, 0], np.uint8), 5],
        "twenty classes": [np.array([19, 13, 0]), np.array([19, 2, 13]), 20],
        "one pair occurs 3,001 times": [np.full(3001, 1), np.zeros(3001, int), 2],
        "300 images": [_rng.integers(0, 10, 300), _rng.integers(0, 10, 300), 10],
    },
    case_hints={
        "twenty classes": "There may be more than ten classes; and with many, K·label + answer exceeds 255: does your "
        "dtype hold that?",
        "one pair occurs 3,001 times": "A count may be large: does your dtype hold it, as uint8 and float16 do not?",
    },
    mistakes={  # y: labels. a: answers
        "A pair that occurs often is counted once. `=` sets a cell to 1, and `counts[labels, answers] += 1` adds to "
        "each cell a single time. Use a loop over the pairs, or count K·label + answer with `np.bincount`.": _once_each,
        "Rows and columns are exchanged: the label is the row.": lambda y, a, K: _confusion_matrix(a, y, K),
        "The number of classes is K, given as an argument. You take it from the classes that happen to occur.": [
            _with_size(lambda y, a, K: max(y.max(), a.max()) + 1),
            _with_size(lambda y, a, K: y.max() + 1),
            _with_size(lambda y, a, K: len(np.unique(y))),
            _of_classes_that_occur,
        ],
        "The number of classes is K, and not always ten.": _with_size(lambda y, a, K: 10),
        "Classes are counted from 0 to K − 1, so K rows and K columns are enough.": _with_size(lambda y, a, K: K + 1),
        "The array has no room for the last class: classes go from 0 to K − 1, so K rows and K columns.": (
            _of_counts(lambda c, m: c[:-1, :-1])
        ),
        "`np.bincount` stops at the largest number that occurs: give it a `minlength`.": [
            lambda y, a, K: np.bincount(K * y + a).reshape(K, K),
            lambda y, a, K: np.bincount(K * y + a),
            lambda y, a, K: [np.bincount(a[y == i]).tolist() for i in range(K)],
        ],
        "There are K · K pairs: a `minlength` of K is too small.": (
            lambda y, a, K: np.bincount(K * y + a, minlength=K).reshape(K, K)
        ),
        "Label and answer should both be those of the cell: `&`, not `|`.": _of_counts(
            lambda c, m: c.sum(axis=1, keepdims=True) + c.sum(axis=0) - c
        ),
        "You multiply the label by ten. There are K answers for each label.": (
            lambda y, a, K: np.bincount(10 * y + a, minlength=K * K)[: K * K].reshape(K, K)
        ),
        "These are shares of each row. The task asks for counts.": _of_counts(lambda c, m: c / c.sum(1, keepdims=True)),
        "These are shares of all images. The task asks for counts.": _of_counts(lambda c, m: c / m),
        "The diagonal is missing: right answers are counted as well.": _of_counts(lambda c, m: c - np.diag(np.diag(c))),
        "Only the diagonal is filled: mistakes are counted as well.": _of_counts(lambda c, m: np.diag(np.diag(c))),
        "That is the accuracy. The task asks for the counts it is made of.": _of_counts(lambda c, m: np.trace(c) / m),
        "Those are the counts of the labels alone, (K,). Each image has a label and an answer: count pairs.": (
            lambda y, a, K: np.bincount(y, minlength=K)
        ),
        "Each image is counted twice, the other way round as well.": _of_counts(lambda c, m: c + c.T),
        "That compares images with one another, (m, m).": lambda y, a, K: np.eye(K)[y] @ np.eye(K)[a].T,
        "All rows are the same: `[[0] * K] * K` is one row, K times. Make each row anew.": _one_row_shared,
        "Only the first image is counted: is there a `return` inside the loop?": _some(lambda K: slice(1)),
        "The loop runs over K images, as many as there are classes. It should run over all m.": [
            _some(lambda K: slice(K)),
            _some(lambda K: range(K)),
        ],
        "The first image is left out. Counting begins at 0.": _some(lambda K: slice(1, None)),
        "The last image is left out: `range(m)` ends before m already.": _some(lambda K: slice(-1)),
    },
    any_hint="The entry [i, j] of a (K, K) array should be the number of images with label i and answer j.",
    error_hints={
        "truth value": "An array of comparisons has many truth values: `(labels == i) & (answers == j)`, with both "
        "parentheses, compares pair by pair.",
    },
    second_hint="Start with zeros of the shape (K, K). Go through the pairs of label and answer, and add 1 to the cell "
    "of each.",
    praise="Its diagonal, divided by its row sums, is the accuracy of each digit.",
)

EXERCISES = [RANDOM_CONFIGURATIONS, TEST_SET_SIZE, DIFFERENCE_INTERVAL, CONFUSION_MATRIX]
