"""The exercises of notebook 04: the bug hunt, and three functions that measure and compare slopes."""

import difflib
import math
from functools import cache

import numpy as np

from ...gradient_check import gradient_check, relative_error
from .. import bugs
from .toolkit import FunctionExercise, NotStarted, OpenExercise, Wrong, shown
from .words import listed

_rng = np.random.default_rng(4)

# ------------------------------------------------------------------------------------------------ 4.1

_SAME_ARRAYS = {  # (letter, cause): two pairs of bugs spoil the same arrays, and something else tells them apart
    ("A", "difference"): (
        "the arrays fit. But all of them have the very same error here, so every entry is wrong by one and the same "
        "factor, and a wrong formula is wrong by another amount in each entry."
    ),
    ("F", "mean"): (
        "the arrays fit. But that would multiply every gradient by the same factor, so all errors would be equal, and "
        "here they are not."
    ),
    ("C", "derivative"): (
        "the arrays fit, and with ReLU the gradient would even be the same. But each cause occurs once, and one other "
        "network has this report: which of your two causes is possible with its activation?"
    ),
    ("I", "mask"): "the arrays fit. But this network uses tanh, and tanh has no mask.",
}


@cache
def _spoiled():
    """{cause: the arrays in which the gradient check finds it}, measured as the notebook does."""
    rng = np.random.default_rng(0)
    X, y, X_before, y_before = *_batch(rng), *_batch(rng)
    found = {}
    for letter, bug in bugs.BUGS.items():
        net = bugs.network(letter, [6, 5, 5, 4])
        net.loss_and_gradients(X_before, y_before)
        rows = gradient_check(net, X, y, weight_decay=0.1).rows
        found[bug.cause] = [row.name for row in rows if row.relative_error > 1e-3]
    return found


def _batch(rng):
    return rng.standard_normal((8, 6)), rng.integers(0, 4, 8)


def _judge_bug_hunt(verdicts):
    like = 'Write it like `{"A": "mask", "B": "stale", …}`.'
    if not isinstance(verdicts, dict):
        raise Wrong(f"Your answer is {shown(verdicts)}; expected a dictionary.", like)
    unknown = [repr(letter) for letter in verdicts if str(letter).strip().upper() not in bugs.BUGS]
    if unknown:
        raise Wrong(f"In your dictionary stands {listed(unknown)}; expected a cause for each letter from A to J.", like)
    named = {str(letter).strip().upper(): _cause(cause) for letter, cause in verdicts.items()}
    named = {letter: named[letter] for letter in bugs.BUGS if named.get(letter)}
    if not named:
        raise NotStarted
    for letter, cause in named.items():
        if cause not in bugs.causes():
            near = difflib.get_close_matches(cause, bugs.causes(), n=1, cutoff=0.75)
            raise Wrong(
                f"{cause!r}, for {letter}, is none of the causes: {', '.join(bugs.causes())}.",
                f"Did you mean {near[0]!r}?" if near else "Use one word, that at the beginning of a line in the list.",
            )
    wrong = [letter for letter, cause in named.items() if cause != bugs.BUGS[letter].cause]
    groups = {
        "Right": [letter for letter in named if letter not in wrong],
        "Not right": wrong,
        "Open": [letter for letter in bugs.BUGS if letter not in named],
    }
    finding = " ".join(f"{name}: {', '.join(letters)}." for name, letters in groups.items() if letters)
    if wrong:
        raise Wrong(finding, "\n".join(["", *(f"{letter}: {_excludes(letter, named[letter])}" for letter in wrong)]))
    if groups["Open"]:
        raise Wrong(finding, "Each cause occurs just once: which are left?")


def _cause(word):
    word = " ".join(str(word).lower().split()) if word is not None and word is not Ellipsis else ""
    return "" if word == "?" else word


def _excludes(letter, cause):
    """What in the report of a letter excludes a cause."""
    if (letter, cause) in _SAME_ARRAYS:
        return f"`{cause}`: {_SAME_ARRAYS[letter, cause]}"
    report, expected = _spoiled()[bugs.BUGS[letter].cause], _spoiled()[cause]
    right = [name for name in expected if name not in report]
    off = [name for name in report if name not in expected]
    reasons = []
    if right:
        reasons.append(f"`{cause}` would spoil {listed(right)}, and the report has {_them(right)} right")
    if off:
        would = "it" if reasons else f"`{cause}`"
        reasons.append(f"{would} would leave {listed(off)} alone, and the report has {_them(off)} wrong")
    return "; ".join(reasons) + "."


def _them(names):
    return "it" if len(names) == 1 else "them"


BUG_HUNT = OpenExercise(
    name="bug_hunt",
    number="4.1",
    task="Name the cause of each of the ten bugs.",
    judged_by=_judge_bug_hunt,
    to_start="Replace each `?` with a cause, then run both cells.",
    second_hint="Ask of each network: which array is the last one, counted from the left, that is wrong? Are weights "
    "and biases both wrong, or only one kind? Does it vanish without the penalty? Are all errors equal? Each answer "
    "rules out causes.",
    praise="You found ten bugs in ten backward passes, without having seen a line of any.",
)

# ------------------------------------------------------------------------------------------------ 4.2


def _with_each(slope):
    """slope(at, epsilon, x) for each entry of x, where at(step) is f with that entry, x, moved by step."""

    def answer(f, x, epsilon=1e-5):
        slopes = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            original = x[index]

            def at(step, index=index, original=original):
                x[index] = original + step
                return f()

            slopes[index] = slope(at, epsilon, original)
            x[index] = original
        return slopes

    return answer


_numerical_gradient = _with_each(lambda at, e, x: (at(e) - at(-e)) / (2 * e))


def _restores_at_the_end(f, x, epsilon=1e-5):
    slopes, before = np.zeros(x.shape), x.copy()
    for index in np.ndindex(x.shape):
        x[index] += epsilon
        above = f()
        x[index] -= 2 * epsilon
        slopes[index] = (above - f()) / (2 * epsilon)
    x[...] = before
    return slopes


def _all_at_once(f, x, epsilon=1e-5):
    original = x.copy()
    x[...] = original + epsilon
    above = f()
    x[...] = original - epsilon
    slope = (above - f()) / (2 * epsilon)
    x[...] = original
    return slope


def _row_by_row(keep, shape=np.shape):
    def answer(f, x, epsilon=1e-5):
        slopes = np.zeros(shape(x))
        for i in range(len(x)):
            original = keep(x[i])
            x[i] = original + epsilon
            above = f()
            x[i] = original - epsilon
            slopes[i] = (above - f()) / (2 * epsilon)
            x[i] = original
        return slopes

    return answer


def sum_of_cubes(x):
    return np.sum(x**3)


def cube_of_sum(x):
    return np.sum(x) ** 3


def weighted_squares(x):
    return np.sum(np.arange(x.size).reshape(x.shape) * x**2)


def exponential(x):
    return np.exp(x)


def _read(student, f, x, *epsilon):
    """Call an answer with f as a function without arguments, which reads x; an error calls it f, too."""

    def read():
        return f(x)

    read.__name__ = read.__qualname__ = "f"
    return student(read, x, *epsilon)


NUMERICAL_GRADIENT = FunctionExercise(
    name="numerical_gradient",
    number="4.2",
    task="Measure the slope of f along each entry of x with central differences, and leave x as it was.",
    reference=_numerical_gradient,
    observe=_read,
    float32_will_do=False,  # the tool is for differences of 1e-7
    cases={
        "a vector, f the sum of x³, and a coarse step": [sum_of_cubes, np.array([1.0, 0.0, -2.0]), 0.1],
        "a matrix, f the cube of the sum of x": [cube_of_sum, _rng.uniform(0.5, 1.0, (2, 3)), 0.1],
        "three axes, f a weighted sum of x²": [weighted_squares, _rng.standard_normal((2, 2, 3))],
        "an array without axes, f = exp x": [exponential, np.array(0.5)],
        "its columns one after the other in memory": [weighted_squares, _rng.standard_normal((3, 2)).T],
        "slopes of some 1e-9": [weighted_squares, 1e-9 * _rng.standard_normal(4)],
        "float32, f the sum of x³": [sum_of_cubes, np.array([[0.25, -0.5, 1.0]], np.float32), 0.015625],
    },
    case_hints={"slopes of some 1e-9": "A small slope is a slope, too: neither 0 nor to be rounded."},
    mistakes={
        hint: _with_each(slope)
        for hint, slope in {
            "That is the forward difference. Take a step to either side of x.": lambda at, e, x: (at(e) - at(0)) / e,
            "That is the backward difference. Take a step to either side of x.": lambda at, e, x: (at(0) - at(-e)) / e,
            "x and x + ε are ε apart, not 2ε. Take a step to either side.": lambda at, e, x: (at(e) - at(0)) / (2 * e),
            "x − ε and x are ε apart, not 2ε. Take a step to either side.": lambda at, e, x: (at(0) - at(-e)) / 2 / e,
            "From x − ε to x + ε it is 2ε, not ε.": lambda at, e, x: (at(e) - at(-e)) / e,
            "`/ 2 * epsilon` multiplies by ε. Put 2ε in parentheses.": lambda at, e, x: (at(e) - at(-e)) / 2 * e,
            "Divide the difference by the distance between the two points.": lambda at, e, x: at(e) - at(-e),
        }.items()
    }
    | {
        "Your step is ε times the entry, which is no step where the entry is 0. Add ε and subtract it.": [
            _with_each(lambda at, e, x: (at(e * x) - at(-e * x)) / (2 * e)),
            _with_each(lambda at, e, x: (at(e * x) - at(-e * x)) / (2 * e * x)),
        ],
        "That is what points at other distances give. Take x − ε and x + ε, with the ε that is given.": [
            lambda f, x, e=1e-5: _numerical_gradient(f, x, 1e-5),
            lambda f, x, e=1e-5: _numerical_gradient(f, x, e / 2),
            lambda f, x, e=1e-5: _numerical_gradient(f, x, e * 2),
        ],
        "That is the gradient of Σx². Call f, whatever it is: it is to be measured.": lambda f, x, e=0: 2 * x,
        "All entries move at once, which gives the sum of all slopes. Move one, measure, put it back, and go on.": [
            _all_at_once,
            lambda f, x, e=1e-5: np.full(x.shape, _all_at_once(f, x, e)),
        ],
        "`x[i]` is a whole row when x has two axes, and all its entries move at once. `np.ndindex(x.shape)` goes "
        "through the single entries of any array.": _row_by_row(np.copy),
        "`original = x[i]` of a matrix is a view of its row, and changes with it. `np.ndindex(x.shape)` goes through "
        "the single entries of any array, which are numbers.": [
            _row_by_row(np.asarray),
            _row_by_row(np.asarray, len),
        ],
        "You put the entries back only at the end, so a later slope is measured at a place where earlier entries have "
        "moved. Put each one back before you go on.": _restores_at_the_end,
        "All slopes are 0: does f see your steps? It reads the array x itself, and no copy of it.": (
            lambda f, x, e=1e-5: np.zeros(x.shape)
        ),
        "`ravel` and `reshape` give a view of x only where its rows lie one after the other in memory; otherwise a "
        "copy, of which f knows nothing. Index x itself, or use `x.flat`.": (
            lambda f, x, e=1e-5: _numerical_gradient(f, x.ravel(), e).reshape(x.shape)
        ),
    },
    error_hints={
        "f() takes 0 positional arguments": "f takes no argument: it reads the array x itself. Change one entry of x, "
        "then call f().",
        "changed its argument `x`": "Put each entry's own value back as soon as it is measured (adding ε and "
        "subtracting it leaves a trace of rounding), and the slopes into an array of their own.",
    }
    | dict.fromkeys(
        ("tuple index", "too many indices", "0-d", "unsized", "to unpack"),
        "x may have any number of axes, or none. `np.ndindex(x.shape)` goes through its entries.",
    ),
    second_hint="`for index in np.ndindex(x.shape)`: keep `x[index]`, set it to that plus ε, call f, set it to that "
    "minus ε, call f, set it back. The slope goes to the same index of a new array.",
    praise="It measures any function of any array: your own backward passes too.",
)

# ------------------------------------------------------------------------------------------------ 4.3

_norm = np.linalg.norm
_ONE_OFF = np.ones(100)
_ONE_OFF[7] = 2
_VECTOR, _MATRIX = _rng.standard_normal(6), _rng.standard_normal((3, 4))
_WITH_ZEROS = np.array([[0.0, 1.0], [0.0, -2.0]])
_LOST = "Something small is taken for 0, or lost between large numbers. Only two norms of 0 are a special case."

RELATIVE_ERROR = FunctionExercise(
    name="relative_error",
    number="4.3",
    task="Compare two gradients: one number from 0 (equal) to 1 (opposite).",
    reference=relative_error,
    float32_will_do=False,
    cases={
        "13/(15 + 4) is expected": [np.array([12.0, -9.0]), np.array([0.0, -4.0])],
        "two vectors": [_VECTOR, _VECTOR + 0.3 * _rng.standard_normal(6)],
        "two matrices": [_MATRIX, _MATRIX * 1.5 + 0.1],
        "two entries are 0 in both": [_WITH_ZEROS, _WITH_ZEROS + [[0, 0.5], [0, 0]]],
        "one entry of a hundred is 2 instead of 1": [_ONE_OFF, np.ones(100)],
        "one of them is 0": [np.array([1.0, 2.0, 3.0]), np.zeros(3)],
        "opposite gradients": [np.array([1.0, -2.0]), np.array([-1.0, 2.0])],
        "tiny gradients, one twice the other": [np.full(4, 1e-100), np.full(4, 2e-100)],
        "equal to six digits": [_VECTOR, _VECTOR * (1 + 1e-6)],
        "equal to nine digits": [np.array([1.0, 2.0]), np.array([1 + 2.0**-30, 2.0])],
        "float32": [np.array([1.0, 2.0], np.float32), np.array([1.5, 2.0], np.float32)],
        "both are 0, so they agree": [np.zeros((2, 2)), np.zeros((2, 2))],
    },
    case_hints=dict.fromkeys(
        ("tiny gradients, one twice the other", "equal to six digits", "equal to nine digits"), _LOST
    ),
    error_hints=dict.fromkeys(
        ("core dimension", "Python scalar"), "The gradients may have any shape: `np.sum(a * a)` adds all squares."
    ),
    mistakes={
        "0/0 is nan, and in NumPy no error. Where both gradients are 0 they agree: return 0 before you divide.": (
            lambda a, n: _norm(a - n) / (_norm(a) + _norm(n))
        ),
        "Only when both are 0; one alone gives 1.": lambda a, n: relative_error(a, n) if a.any() and n.any() else 0.0,
        "That is the largest of the entries' own errors. An entry near 0 has no correct digits when it is measured, so "
        "it would cry wolf. Take the norm over the whole array first, then divide.": (
            lambda a, n: np.max(abs(a - n) / (abs(a) + abs(n)))
        ),
        "You divide entry by entry. Take the norm over the whole array first, then divide.": [
            lambda a, n: np.mean(abs(a - n) / (abs(a) + abs(n))),
            lambda a, n: abs(a - n) / (abs(a) + abs(n)),
        ],
        "You take rows or columns one by one. The norm goes over the whole array: `np.linalg.norm` without an axis.": [
            lambda a, n: _norm(a - n, axis=0) / (_norm(a, axis=0) + _norm(n, axis=0)),
            lambda a, n: _norm(a - n, axis=-1) / (_norm(a, axis=-1) + _norm(n, axis=-1)),
            lambda a, n: np.mean(_norm(a - n, axis=-1) / (_norm(a, axis=-1) + _norm(n, axis=-1))),
        ],
        "You divide by the size of one alone, which may be 0. Divide by the sum of both.": [
            lambda a, n: _norm(a - n) / _norm(a),
            lambda a, n: _norm(a - n) / _norm(n),
        ],
        "You divide by the larger of the two sizes; then opposite gradients have an error of 2. Divide by their sum.": (
            lambda a, n: _norm(a - n) / max(_norm(a), _norm(n))
        ),
        "You multiply the sizes. Divide by their sum.": lambda a, n: _norm(a - n) / (_norm(a) * _norm(n)),
        "You divide by the norm of the sum, 0 for opposite gradients. Add the norms.": lambda a, n: (
            _norm(a - n) / _norm(a + n)
        ),
        "You divide by the difference of the sizes, which is 0 where they are equal. Divide by their sum.": [
            lambda a, n: _norm(a - n) / (_norm(a) - _norm(n)),
            lambda a, n: _norm(a - n) / abs(_norm(a) - _norm(n)),
        ],
        "One root is taken over the squares of both. Take the norm of each, and add the two.": (
            lambda a, n: _norm(a - n) / np.sqrt(np.sum(a**2) + np.sum(n**2))
        ),
        "You have the difference of the norms, and gradients of one length may differ.": lambda a, n: (
            abs(_norm(a) - _norm(n)) / (_norm(a) + _norm(n))
        ),
        "Above the line you add the gradients; then it is 0 when they are opposite. Subtract them.": (
            lambda a, n: _norm(a + n) / (_norm(a) + _norm(n))
        ),
        "The norms are squared. Then an error of one in a thousand looks like one in a million: take the roots.": (
            lambda a, n: np.sum((a - n) ** 2) / (np.sum(a**2) + np.sum(n**2))
        ),
        "This is the difference alone. Is it large? That shows only beside the two sizes.": lambda a, n: _norm(a - n),
        "The small number in the denominator is large beside small gradients, and makes their error look "
        "small. Treat the case 0/0 by itself.": lambda a, n: _norm(a - n) / (_norm(a) + _norm(n) + 1e-8),
        "`np.linalg.norm(…, 2)` of a matrix is its largest singular value. Without the 2 it is the root of the sum of "
        "all squares.": lambda a, n: _norm(a - n, 2) / (_norm(a, 2) + _norm(n, 2)),
        "You sum the differences with their signs, so that errors up and down cancel. The norm squares them first.": (
            lambda a, n: abs(np.sum(a - n)) / (np.sum(abs(a)) + np.sum(abs(n)))
        ),
        "You add absolute values; the norm adds squares and takes the root.": (
            lambda a, n: np.sum(abs(a - n)) / (np.sum(abs(a)) + np.sum(abs(n)))
        ),
        "You take the largest entries; the norm adds the squares of all, and takes the root.": (
            lambda a, n: np.max(abs(a - n)) / (np.max(abs(a)) + np.max(abs(n)))
        ),
        "`/ ‖a‖ + ‖n‖` divides by ‖a‖ only: put parentheses.": lambda a, n: _norm(a - n) / _norm(a) + _norm(n),
    },
    second_hint="`np.linalg.norm(a)` is the root of the sum of all squares, whatever the shape. How many norms are "
    "there in the formula? And when is it 0 below the line?",
    praise="Below 1e-7 it means right, above 1e-3 nearly always wrong.",
)

# ------------------------------------------------------------------------------------------------ 4.4


def fifth_power(x):
    return math.pow(x, 5)  # of one number, as the stub says


def _with_differences(formula):
    """A slope from the inner difference, d, the outer one, D, and the step."""
    return lambda f, x, epsilon: formula(
        f(x + epsilon) - f(x - epsilon), f(x + 2 * epsilon) - f(x - 2 * epsilon), epsilon
    )


_four_points = _with_differences(lambda d, D, e: (8 * d - D) / (12 * e))


def _with_outer(difference):
    """The right formula, with another outer difference."""
    return lambda f, x, e: (8 * (f(x + e) - f(x - e)) - difference(f, x, e)) / (12 * e)


FOUR_POINT_DIFFERENCE = FunctionExercise(
    name="four_point_difference",
    number="4.4",
    task="Measure the slope of f at x from four points, x ± ε and x ± 2ε.",
    reference=_four_points,
    float32_will_do=False,
    cases={
        "f = x⁵, a coarse step": [fifth_power, 1.0, 0.5],
        "f = exp x, at a place below 0": [math.exp, -0.3, 0.25],
        "f = sin x, at the same place": [math.sin, -0.3, 0.25],
        "f = exp x at 0, a small step": [math.exp, 0.0, 1e-3],
        "f = cos x at 2, where it falls": [math.cos, 2.0, 0.25],
    },
    mistakes={
        hint: _with_differences(formula)
        for hint, formula in {
            "That is the central difference. The outer two points, x ± 2ε, are missing.": lambda d, D, e: d / (2 * e),
            "The inner two points, x ± ε, are missing.": lambda d, D, e: D / (4 * e),
            "Subtract the outer difference; then the errors of order ε² cancel.": lambda d, D, e: (8 * d + D) / 12 / e,
            "The 8 belongs to the inner difference, not to the outer one.": lambda d, D, e: (8 * D - d) / (12 * e),
            "The 8 belongs to the inner difference, and not to the outer.": lambda d, D, e: (d - 8 * D) / (12 * e),
            "The 8 belongs to the inner difference alone.": lambda d, D, e: 8 * (d - D) / (12 * e),
            "The factor 8 of the inner difference is missing.": lambda d, D, e: (d - D) / (12 * e),
            "`/ 12 * epsilon` multiplies by ε. Put 12ε in parentheses.": lambda d, D, e: (8 * d - D) / 12 * e,
            "Divide by 12ε: the step is missing below the line.": lambda d, D, e: (8 * d - D) / 12,
            "Only the outer difference is divided. Put both in parentheses.": lambda d, D, e: 8 * d - D / (12 * e),
            "`//` cuts to whole numbers; `/` divides.": lambda d, D, e: (8 * d - D) // (12 * e),
        }.items()
    }
    | {
        "Parentheses are missing: the whole outer difference is subtracted, so f(x − 2ε) comes back with a plus.": (
            _with_outer(lambda f, x, e: f(x + 2 * e) + f(x - 2 * e))
        ),
        "The 8 multiplies only f(x + ε). Put the inner difference in parentheses.": (
            _with_outer(lambda f, x, e: f(x + 2 * e) - f(x - 2 * e) - 7 * f(x - e))
        ),
        "The outer points are x + 2ε and x − 2ε: twice ε, added to x as it is.": [
            _with_outer(lambda f, x, e: f(2 * x + e) - f(2 * x - e)),
            _with_outer(lambda f, x, e: f(2 * (x + e)) - f(2 * (x - e))),
            _with_outer(lambda f, x, e: f(x + e**2) - f(x - e**2)),
            _with_outer(lambda f, x, e: f(x + 3 * e) - f(x - 3 * e)),
        ],
        "That is the forward difference. Take two differences, of the points x ± ε and x ± 2ε.": (
            lambda f, x, e: (f(x + e) - f(x)) / e
        ),
        "Your points lie at x ± ε/2 and x ± ε. They should lie twice as far away, at x ± ε and x ± 2ε.": (
            lambda f, x, e: _four_points(f, x, e / 2)
        ),
        "Your step is ε times x, no step at 0. Take x ± ε and x ± 2ε.": lambda f, x, e: _four_points(f, x, x * e),
        "That is the second derivative, with f(x) in it. The slope is made of two differences.": [
            lambda f, x, e: (16 * (f(x + e) + f(x - e)) - f(x + 2 * e) - f(x - 2 * e) - 30 * f(x)) / (12 * e * e),
            lambda f, x, e: (f(x + e) + f(x - e) - 2 * f(x)) / (e * e),
        ],
    },
    case_hints={
        "f = x⁵, a coarse step": "The inner difference is 7.5625, the outer one 32, and (8 · 7.5625 − 32)/6 = 4.75."
    },
    error_hints={"positional argument: 'x'": "Here f takes the place as its argument: `f(x + epsilon)`."}
    | dict.fromkeys(("real number", "only"), "f takes one real number: call it for each of the four points."),
    second_hint="Build it from two differences, the inner one of x ± ε and the outer one of x ± 2ε, each in a variable "
    "of its own. How do they enter the formula, and what does its fraction line reach over?",
    praise="Halve ε, and the error falls to a sixteenth, as long as rounding does not rule.",
)

EXERCISES = [BUG_HUNT, NUMERICAL_GRADIENT, RELATIVE_ERROR, FOUR_POINT_DIFFERENCE]
