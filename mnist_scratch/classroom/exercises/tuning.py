"""The exercises of notebook 07: a random search, the size of a test set, a difference, a confusion matrix."""

import inspect

import numpy as np

from ...tuning import try_settings
from .toolkit import Case, Exercise, Mistake, Wrong, attempt, by_cases, by_value, require_function, same, shown

_rng = np.random.default_rng(7)

# ------------------------------------------------------------------------------------------------ 7.1

_KNOWN = tuple(inspect.signature(try_settings).parameters)
_ASKED = ("learning_rate", "weight_decay", "sizes")
_MANY = 400


def _random_configurations(student):
    """The answer is not unique, so its properties are looked at: what it is, its seed, its scales, its sizes."""
    require_function(student)
    name = getattr(student, "__name__", "your function")
    for n in (3, 1):
        _require_configurations(_called(student, name, n, 0), f"{name}({n}, 0)", n)
    called = f"{name}({_MANY}, 0)"
    many = _called(student, name, _MANY, 0)
    _require_configurations(many, called, _MANY)
    _require_seeded(student, name, many, called)
    rates, decays = (np.array([float(c[key]) for c in many]) for key in ("learning_rate", "weight_decay"))
    _require_log_scale(rates, "learning rates", called, 1e-6, 10)
    _require_log_scale(decays, "values of λ", called, 1e-10, 1)
    _require_reach(rates, called)
    if abs(np.corrcoef(np.log(rates), np.log(decays))[0, 1]) > 0.5:
        raise Wrong(
            f"In {called}, η and λ rise and fall together.",
            "One draw serves both. Then the search sees only a line through the plane: draw anew for each setting.",
        )
    _require_units(many, called)


def _called(student, name, n, seed):
    outcome = attempt(student, Case({"n": n, "seed": seed}), lambda f, **arguments: f(**arguments))
    if outcome.error:
        raise Wrong(f"{name}({n}, {seed}) stopped with {outcome.error}.")
    if outcome.result is None:
        raise Wrong(f"{name}({n}, {seed}) returned nothing (None). Is there a `return`?")
    return outcome.result


def _require_configurations(answer, called, n):
    if not isinstance(answer, list | tuple):
        hint = {
            "dict": "That is one configuration. Make n of them, and put them into a list.",
            "generator": "A generator can be gone through only once. Collect the dictionaries in a list.",
        }.get(type(answer).__name__, "Collect n dictionaries in a list.")
        raise Wrong(f"{called} returned one {type(answer).__name__}; expected was a list of {n} dictionaries.", hint)
    if len(answer) != n:
        raise Wrong(
            f"{called} returned {len(answer)} things; expected were {n} dictionaries.",
            "n is how many trials to make in all, not for each setting: look at what is counted by n.",
        )
    for configuration in answer:
        _require_keys(configuration, called)
        _require_types(configuration, called)


def _require_keys(configuration, called):
    if not isinstance(configuration, dict):
        raise Wrong(
            f"In {called} there is {shown(configuration)}; expected was a dictionary.",
            "`sweep` passes each configuration by name: a dictionary such as {'learning_rate': …, …}.",
        )
    unknown = [key for key in configuration if key not in _KNOWN]
    missing = [key for key in _ASKED if key not in configuration]
    if unknown or missing:
        keys = ", ".join(map(str, configuration)) or "none"
        raise Wrong(
            f"In {called} a dictionary has the keys {keys}; expected were {', '.join(_ASKED)}.",
            "`sweep` hands the dictionary to a function by these names: they must be spelt as its arguments are.",
        )


def _require_types(configuration, called):
    for key in ("learning_rate", "weight_decay"):
        value = configuration[key]
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float | np.integer | np.floating)
            or not np.isfinite(value)
        ):
            raise Wrong(
                f"In {called}, {key} is {shown(value)}; expected was one number.",
                "Draw one number for each dictionary; `rng.uniform(low, high)` without a size gives one.",
            )
    sizes = configuration["sizes"]
    if not isinstance(sizes, list | tuple):
        raise Wrong(
            f"In {called}, sizes is {shown(sizes)}; expected was a tuple such as (784, 32, 10).",
            "`sizes` holds all layers, from the pixels to the ten classes; the hidden units are what is between.",
        )
    if not all(isinstance(size, int | np.integer) and not isinstance(size, bool) for size in sizes):
        raise Wrong(
            f"In {called}, sizes is {shown(sizes)}.",
            "There are no fractions of a unit: make the drawn number whole with `int(…)`.",
        )
    if len(sizes) < 3 or sizes[0] != 784 or sizes[-1] != 10:
        raise Wrong(
            f"In {called}, sizes is {shown(sizes)}.",
            "An image has 784 pixels, so sizes begin with 784; there are ten classes, so they end with 10. The hidden "
            "units stand between.",
        )


def _require_seeded(student, name, many, called):
    if all(same(configuration, many[0], 0) for configuration in many):
        raise Wrong(
            f"In {called} all configurations are the same.",
            "A generator made anew from the same seed begins anew: make it once, before the loop.",
        )
    if not same(list(_called(student, name, _MANY, 0)), list(many), 0):
        raise Wrong(
            f"{called} returned something else when it was called again.",
            "A search must be repeatable: draw every number from a generator that is made from `seed` inside the "
            "function.",
        )
    if same(list(_called(student, name, _MANY, 1)), list(many), 0):
        raise Wrong(
            f"{name}({_MANY}, 1) returned the same as {called}.",
            "Another seed should give another search: the generator does not use `seed`.",
        )


def _require_log_scale(values, what, called, lowest, highest):
    """Positive, spread evenly over the logarithm, and over at least some two powers of ten."""
    low, high = values.min(), values.max()
    if low < 0:
        raise Wrong(
            f"In {called} there are negative {what}, such as {low:.3g}.",
            "Those are exponents, drawn but not used as such yet: what is ten to the power of them?",
        )
    if low == 0:
        raise Wrong(
            f"In {called} there are {what} equal to 0.",
            "0 has no logarithm: it lies at no distance on the scale of a search. Try 0 in a run of its own.",
        )
    if len(np.unique(values)) < 0.9 * len(values):
        raise Wrong(
            f"In {called} there are only {len(np.unique(values))} different {what}.",
            "That is a grid, drawn by lot. A random search tries another value in every trial: draw from a range, not "
            "from a list, and let the exponents be fractions.",
        )
    place = (values - low) / (high - low)
    if np.mean(place > 0.5) > 0.35:
        raise Wrong(
            f"In {called} about half of the {what} lie above {(low + high) / 2:.2g}, from {low:.2g} to {high:.2g}.",
            "That is even on the plain scale, and nearly all trials go to the largest power of ten. Draw the exponent "
            "evenly instead.",
        )
    if high / low < 50:
        raise Wrong(
            f"In {called} the {what} reach from {low:.2g} to {high:.2g}.",
            "That is a narrow range: good values may differ by powers of ten. If you draw exponents, is it ten that "
            "is raised to them, as in `10**…`, or e, as in `np.exp(…)`?",
        )
    if low < lowest or high > highest:
        raise Wrong(
            f"In {called} the {what} reach from {low:.2g} to {high:.2g}.",
            "Much of that is far from anything that could learn: look at the ranges in the notebook, and at the sign "
            "of your exponents.",
        )
    place = np.log(values / low) / np.log(high / low)
    if not 0.38 < np.mean((place > 0.25) & (place < 0.75)) < 0.62 or not 0.36 < np.mean(place < 0.5) < 0.64:
        raise Wrong(
            f"In {called} the {what} crowd in one part of their range on the logarithmic scale.",
            "No power of ten is better known than another yet: draw the exponent evenly, with `rng.uniform`.",
        )


def _require_reach(rates, called):
    if rates.min() > 0.03 or rates.max() < 0.1:
        raise Wrong(
            f"In {called} the learning rates reach from {rates.min():.2g} to {rates.max():.2g}.",
            "The range test found good rates near 0.1: put the range around it.",
        )


def _require_units(many, called):
    hidden = [size for configuration in many for size in configuration["sizes"][1:-1]]
    if min(hidden) < 1 or max(hidden) > 4096:
        raise Wrong(
            f"In {called} there are from {min(hidden)} to {max(hidden)} hidden units.",
            "A hidden layer needs some units, and a few thousand take very long: choose a range you would wait for.",
        )
    if len({tuple(configuration["sizes"]) for configuration in many}) < 4:
        raise Wrong(
            f"In {called} hardly any sizes differ.",
            "The number of hidden units is searched as well: draw it anew for each configuration.",
        )


RANDOM_CONFIGURATIONS = Exercise(
    "random_configurations",
    "7.1",
    "Return a list of n dictionaries with learning_rate, weight_decay and sizes, drawn at random from a seed.",
    _random_configurations,
    "`rng = np.random.default_rng(seed)` once; then, n times, 10 to the power of `rng.uniform(…)` for η and for λ, and "
    "a whole number of units between 784 and 10.",
    "`sweep(my_random_configurations(16, seed=0))` would run your search.",
)

# ------------------------------------------------------------------------------------------------ 7.2

_P, _HALF = 0.974, 0.001
_VARIANCE = _P * (1 - _P)

TEST_SET_SIZE = Exercise(
    "test_set_size",
    "7.2",
    "Give the number of test images for which the 95 % intervals of 97.3 % and 97.5 % just touch.",
    by_value(
        lambda: 1.96**2 * _VARIANCE / _HALF**2,
        {
            "The factor 1.96 is missing: 95 of 100 cases lie within ± 1.96 σ, not within ± σ.": _VARIANCE / _HALF**2,
            "The 1.96 goes under the root when you solve for n: square it, too.": 1.96 * _VARIANCE / _HALF**2,
            "You took the whole distance of 0.2 points as the half-width. When intervals touch, each reaches half of "
            "the way.": 1.96**2 * _VARIANCE / (2 * _HALF) ** 2,
            "That is the root of the right number. n stands under the root: square both sides.": 1.96
            * _VARIANCE**0.5
            / _HALF,
            "The half-width is 0.1 points, and p a fraction: in the same unit it is 0.001.": lambda n: bool(
                np.any(abs(n / (1.96**2 * _VARIANCE) - np.array([100, 1e4, 1])) < np.array([1, 100, 0.01]))
            ),
            "p (1 − p) is missing under the root.": 1.96**2 / _HALF**2,
            "That is for p = 0.5, the worst case. At 97.4 % the scatter is much smaller.": 1.96**2 * 0.25 / _HALF**2,
            "Under the root stands p (1 − p), not p alone.": 1.96**2 * _P / _HALF**2,
            "Under the root stands p (1 − p), not 1 − p alone.": lambda n: abs(n - 1.96**2 * (1 - _P) / _HALF**2) < 10,
            "You took one end for p. Take 0.974, in the middle, for both.": lambda n: bool(
                np.any(abs(n * _HALF**2 / 1.96**2 / np.array([0.973 * 0.027, 0.975 * 0.025]) - 1) < 0.003)
            ),
            "Near enough for a plan: you took 2 for 1.96. Do it once more with 1.96.": 4 * _VARIANCE / _HALF**2,
            "That is for the interval of the difference, with twice the variance. Here two intervals should touch.": 2
            * 1.96**2
            * _VARIANCE
            / _HALF**2,
            "That is the number at hand. At 97.5 % it gave ± 0.31 points, and ± 0.1 is asked for.": 10_000,
            "A good estimate. Solve for n to get it to three digits.": lambda n: 90_000 <= n <= 100_000,
        },
    ),
    "Half-width = 1.96 √(p (1 − p) / n). Put 0.001 on the left, square both sides, and solve for n.",
    "A third of the width takes about ten times as many images.",
)

# ------------------------------------------------------------------------------------------------ 7.4


def _variances(p_a, n_a, p_b, n_b):
    return p_a * (1 - p_a) / n_a, p_b * (1 - p_b) / n_b


def _difference_interval(p_a, n_a, p_b, n_b):
    half = 1.96 * np.sqrt(sum(_variances(p_a, n_a, p_b, n_b)))
    return p_a - p_b - half, p_a - p_b + half


def _around(f):
    """A mistake in the half-width alone."""

    def answer(p_a, n_a, p_b, n_b):
        half = f(p_a, n_a, p_b, n_b)
        return p_a - p_b - half, p_a - p_b + half

    return answer


def _difference_case(*values, words=""):
    return Case(dict(zip(("p_a", "n_a", "p_b", "n_b"), values, strict=True)), words)


DIFFERENCE_INTERVAL = Exercise(
    "difference_interval",
    "7.4",
    "Return the 95 % interval (low, high) of p_a − p_b, two accuracies measured on different images.",
    by_cases(
        _difference_interval,
        [
            _difference_case(0.975, 10_000, 0.973, 10_000),
            _difference_case(0.9, 1000, 0.95, 10_000, words="unequal numbers of images"),
            _difference_case(0.5, 400, 0.5, 100, words="no difference measured"),
            _difference_case(1.0, 200, 0.98, 500, words="the first made no mistake"),
            _difference_case(np.float32(0.9425), 10_000, np.float32(0.892), 10_000, words="float32"),
        ],
        [
            Mistake(
                "You add the two half-widths. Their luck is independent and rarely bad on both sides at once: add the "
                "variances, then take the root.",
                _around(lambda *a: 1.96 * sum(np.sqrt(_variances(*a)))),
            ),
            Mistake(
                "You subtract one variance from the other. A difference scatters more than each of its parts: "
                "variances add.",
                _around(lambda *a: 1.96 * np.sqrt(abs(_variances(*a)[0] - _variances(*a)[1]))),
            ),
            Mistake(
                "You subtract one half-width from the other. A difference scatters more than each of its parts.",
                _around(lambda *a: 1.96 * abs(np.sqrt(_variances(*a)[0]) - np.sqrt(_variances(*a)[1]))),
            ),
            Mistake(
                "The factor 1.96 is missing: this holds 68 of 100 cases, not 95.",
                _around(lambda *a: np.sqrt(sum(_variances(*a)))),
            ),
            Mistake(
                "The variances are added, and their root is missing: a width is 1.96 standard deviations.",
                _around(lambda *a: 1.96 * sum(_variances(*a))),
            ),
            Mistake(
                "That is the interval of b less a. Asked for is a less b.",
                lambda **a: tuple(-end for end in reversed(_difference_interval(**a))),
            ),
            Mistake(
                "The difference has lost its sign. Whether a is better or worse than b is what one wants to know.",
                lambda p_a, n_a, p_b, n_b: tuple(
                    abs(p_a - p_b) + np.array([-1, 1]) * 1.96 * np.sqrt(sum(_variances(p_a, n_a, p_b, n_b)))
                ),
            ),
            Mistake(
                "Only the luck of the first accuracy is in it. The second is measured, too.",
                _around(lambda *a: 1.96 * np.sqrt(_variances(*a)[0])),
            ),
            Mistake(
                "√2 times one half-width holds only when both are equally wide. Here n and p may differ: add the two "
                "variances.",
                _around(lambda *a: 1.96 * np.sqrt(2 * _variances(*a)[0])),
            ),
            Mistake(
                "The n of the first serves for both; each accuracy has its own.",
                _around(lambda p_a, n_a, p_b, n_b: 1.96 * np.sqrt(sum(_variances(p_a, n_a, p_b, n_a)))),
            ),
            Mistake(
                "That is the difference and the half-width. Asked for are the two ends.",
                lambda p_a, n_a, p_b, n_b: (
                    p_a - p_b,
                    1.96 * np.sqrt(sum(_variances(p_a, n_a, p_b, n_b))),
                ),
            ),
            Mistake(
                "The larger end comes first. Asked for is (low, high).",
                lambda **a: _difference_interval(**a)[::-1],
            ),
        ],
        tolerance=1e-3,
    ),
    "The variance of each is p (1 − p) / n. Their sum is the variance of the difference; 1.96 times its root is the "
    "half-width.",
    "An interval that holds 0 says: this may be luck.",
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


def _as_many_as_seen(labels, answers, K):
    return _confusion_matrix(labels, answers, max(labels.max(), answers.max()) + 1)


def _numbers_that_occur(labels, answers, K):
    return np.bincount(K * labels + answers).reshape(K, K)


def _numbers_that_occur_in_a_row(labels, answers, K):
    return np.bincount(K * labels + answers)


def _shares(axis, empty=np.nan):
    def answer(labels, answers, K):
        counts = _confusion_matrix(labels, answers, K)
        total = counts.sum(axis=axis, keepdims=True)
        return np.where(total > 0, counts / np.maximum(total, 1), empty)

    return answer


def _pairs(labels, answers, words=""):
    K = max(*labels, *answers) + 1
    return Case({"labels": np.array(labels), "answers": np.array(answers), "K": K}, words)


CONFUSION_MATRIX = Exercise(
    "confusion_matrix",
    "7.5",
    "Count labels (m,) against answers (m,) in a (K, K) array: one row a label, one column an answer.",
    by_cases(
        _confusion_matrix,
        [
            _pairs([0, 1, 2, 2], [0, 2, 1, 0], "each pair occurs once"),
            _pairs([0, 1, 1, 1, 1], [0, 0, 0, 0, 1], "one pair occurs three times"),
            Case({"labels": np.array([1]), "answers": np.array([0]), "K": 2}, "a single image"),
            Case({"labels": np.array([1, 1]), "answers": np.array([0, 1]), "K": 4}, "classes 2 and 3 do not occur"),
            Case({"labels": np.array([3, 3, 0]), "answers": np.array([3, 3, 0], np.uint8), "K": 5}, "all right"),
            Case({"labels": _rng.integers(0, 10, 300), "answers": _rng.integers(0, 10, 300), "K": 10}),
        ],
        [
            Mistake(
                "A pair that occurs often is counted once. `=` sets a cell to 1, and `counts[labels, answers] += 1` "
                "adds to each cell a single time. Use a loop over the pairs, or count K·label + answer with "
                "`np.bincount`.",
                _once_each,
            ),
            Mistake(
                "Rows and columns are exchanged: the label chooses the row, the answer the column.",
                lambda labels, answers, K: _confusion_matrix(answers, labels, K),
            ),
            Mistake(
                "The number of classes is K, given as an argument. You take it from the classes that happen to occur.",
                _as_many_as_seen,
            ),
            Mistake(
                "The number of classes is K, and not always ten.",
                lambda labels, answers, K: _confusion_matrix(labels, answers, 10),
            ),
            *(
                Mistake("`np.bincount` stops at the largest number that occurs: give it `minlength=K * K`.", answer)
                for answer in (_numbers_that_occur, _numbers_that_occur_in_a_row)
            ),
            Mistake("These are shares of each row. Asked for are counts.", _shares(1)),
            Mistake("These are shares of each row. Asked for are counts.", _shares(1, 0)),
            Mistake(
                "These are shares of all images. Asked for are counts.",
                lambda labels, answers, K: _confusion_matrix(labels, answers, K) / len(labels),
            ),
            Mistake(
                "The diagonal is missing: right answers are counted as well.",
                lambda labels, answers, K: _confusion_matrix(labels, answers, K) * (1 - np.eye(K, dtype=int)),
            ),
            Mistake(
                "Only the diagonal is filled: mistakes are counted as well.",
                lambda labels, answers, K: _confusion_matrix(labels, answers, K) * np.eye(K, dtype=int),
            ),
            Mistake(
                "Those are the counts of the labels alone, (K,). Each image has a label and an answer: count pairs.",
                lambda labels, answers, K: np.bincount(labels, minlength=K),
            ),
            Mistake(
                "The array has no room for the last class: classes go from 0 to K − 1, so K rows and K columns.",
                lambda labels, answers, K: _confusion_matrix(labels, answers, K)[: K - 1, : K - 1],
            ),
        ],
    ),
    "Start with zeros of the shape (K, K). Go through the pairs of label and answer, and add 1 to the cell of each.",
    "Its diagonal, divided by its row sums, is the accuracy of each digit.",
)

EXERCISES = [RANDOM_CONFIGURATIONS, TEST_SET_SIZE, DIFFERENCE_INTERVAL, CONFUSION_MATRIX]
