"""What all checks are made of: an Exercise, its cases and mistakes, and the sentence that answers a wrong attempt.

A check calls the student's function on cases made for the mistakes people make. Where an attempt fails, the known
mistakes are run on the same cases: the one that answers exactly as the attempt does is the mistake that was made, and
its hint is given. So a hint speaks of what was done, not of what went wrong.
"""

import contextlib
import copy
import inspect
import io
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

import numpy as np


class Wrong(Exception):
    """An attempt is wrong: what was called, what came back, what was expected; and the hint for it."""

    def __init__(self, finding, hint=""):
        super().__init__(finding)
        self.finding, self.hint = finding, hint


class NotStarted(Exception):
    """The stub is as it was."""


@dataclass(frozen=True)
class Case:
    """Arguments to try, by name; what they are in words; and the hint when no known mistake explains the failure."""

    arguments: dict
    words: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people give, as a function like the student's, and the hint for it."""

    hint: str
    answer: Callable


@dataclass(frozen=True)
class Exercise:
    """One exercise. name: that of its check. number: such as "2.1". task: what it asks, in a line.

    judge: called with the student's answer, it returns, or raises Wrong or NotStarted. second_hint: for those who ask.
    praise: a sentence for those who passed, which says what they have now.
    """

    name: str
    number: str
    task: str
    judge: Callable = field(repr=False)
    second_hint: str = ""
    praise: str = ""

    @property
    def notebook(self):
        return int(self.number.split(".")[0])


def by_cases(reference, cases, mistakes=(), *, observe=None, may_change=(), tolerance=1e-4, tell=None, errors=None):
    """A judge that compares the student's function with the reference on each case.

    reference: the right function. cases: a list of Cases, or a function that makes one. mistakes: Mistakes.
    observe: observe(f, **arguments) is compared instead of f(**arguments), for functions that work in place or yield.
    may_change: the names of arguments that may be changed. tolerance: relative to the largest expected entry, wide
    enough for float32. tell: tell(got, want, tolerance) ends the sentence about a result, as `difference` does.
    errors: {piece of an error's message: the hint for it}; it goes before what the mistakes say.
    """
    observe = observe or (lambda student, /, **arguments: student(**arguments))
    tell = tell or difference

    def judge(student):
        require_function(student)
        tried = cases() if callable(cases) else cases
        attempts = [attempt(student, case, observe, may_change) for case in tried]
        expected = [attempt(reference, case, observe, may_change) for case in tried]
        for outcome in expected:  # a refusal may be asked for; anything else would let every attempt pass
            assert outcome.kind in ("", "ValueError"), f"the reference failed: {outcome.error}"
        findings = [
            finding(student, case, got, want, tolerance, tell)
            for case, got, want in zip(tried, attempts, expected, strict=True)
        ]
        first = next((i for i, found in enumerate(findings) if found), None)
        if first is None:
            return
        hint = next((said for piece, said in (errors or {}).items() if piece in attempts[first].error), "")
        if hint:
            raise Wrong(findings[first], hint)
        hint = attempts[first].hint or tried[first].hint
        for mistake in mistakes:
            answers = [attempt(mistake.answer, case, observe, may_change) for case in tried]
            if all(same_outcome(a, b, tolerance) for a, b in zip(attempts, answers, strict=True)):
                hint = mistake.hint
                break
        else:
            for mistake in mistakes:  # the same at least where it first goes wrong
                answer = attempt(mistake.answer, tried[first], observe, may_change)
                right = same_outcome(answer, expected[first], tolerance)  # by luck: then it explains nothing
                if not answer.error and not right and same_outcome(attempts[first], answer, tolerance):
                    hint = mistake.hint
                    break
            else:
                hint = hint or pattern(attempts, expected, first, tolerance)
        raise Wrong(findings[first], hint)

    return judge


def by_value(expected, mistakes=(), *, tolerance=0.005, unit=""):
    """A judge of a single number, worked out by hand or by an experiment.

    expected: a function of nothing, computed when it is asked for. mistakes: {hint: wrong value, or function of the
    value that says whether it is this mistake}. tolerance: relative.
    """

    def judge(student):
        student = require_number(student)
        if close(student, expected(), tolerance):
            return
        for hint, wrong in (mistakes() if callable(mistakes) else mistakes).items():
            if wrong(student) if callable(wrong) else close(student, wrong, tolerance):
                raise Wrong(f"Your answer is {student:g}{unit}, and that is not it.", hint)
        side = "too small" if student < expected() else "too large"
        raise Wrong(f"Your answer is {student:g}{unit}: {side}.")

    return judge


# -------------------------------------------------------------------------------------- trying an attempt


@dataclass
class Outcome:
    """What came of a call: a result, or an error; and a hint where the way it came about says what is wrong."""

    result: object = None
    error: str = ""
    hint: str = ""
    changed: str = ""
    kind: str = ""


def require_function(student):
    if student is None or student is Ellipsis:
        raise NotStarted
    if not callable(student):
        raise Wrong(
            f"The check was given {shown(student)}, and not a function.",
            "Give it the function itself, by its name and without brackets: the check calls it.",
        )


def require_number(student):
    """The answer as a float; raises Wrong when it is not one finite number, NotStarted when it is none."""
    if student is None or student is Ellipsis:
        raise NotStarted
    try:
        if isinstance(student, bool | str | bytes | complex):
            raise TypeError
        number = float(student)
    except (TypeError, ValueError, OverflowError):
        raise Wrong(f"Your answer is {shown(student)}; expected was one number.", "Give the number itself.") from None
    if not np.isfinite(number):
        raise Wrong(f"Your answer is {number}; expected was a finite number.")
    return number


def attempt(f, case, observe, may_change=()):
    """Call f on copies of the case's arguments, quietly; raises NotStarted for a stub, Wrong for renamed parameters."""
    arguments = copy.deepcopy(case.arguments)
    before = copy.deepcopy(arguments)
    outcome = Outcome()
    try:
        with quiet():
            outcome.result = observe(f, **arguments)
    except NotImplementedError:
        raise NotStarted from None
    except Exception as error:  # the student's own: any kind
        if f"{getattr(f, '__qualname__', '')}() got an unexpected keyword argument" in str(error):
            raise Wrong(  # at once, so that it is not taken for a mistake that ends in a TypeError, too
                f"{call_in_words(f, case)} stopped with TypeError: {error}.",
                "Keep the names of the parameters as they stand in the first line.",
            ) from None
        outcome.kind = type(error).__name__
        outcome.error = f"{outcome.kind}: {error}" if str(error) else outcome.kind
        outcome.error += line_of(error, f)
        return outcome
    for name, value in arguments.items():
        if name not in may_change and not same(value, before[name], 0):
            outcome.changed = name
            outcome.hint = (
                f"Work on a new array: `{name}` belongs to the caller. Look for `{name} += …`, for `{name}[…] = …`, "
                "or for a view of it that is changed."
            )
            break
    return outcome


@contextlib.contextmanager
def quiet():
    """Without the prints and warnings of the code inside: a check calls it many times."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def line_of(error, f):
    """Where in the student's code the error arose: its line, if that can be found."""
    try:
        file = inspect.unwrap(f).__code__.co_filename
    except AttributeError:
        return ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f", in the line `{frames[-1].line}`" if frames and frames[-1].line else ""


def finding(student, case, got, want, tolerance, tell):
    """What is wrong with an outcome, in a sentence; empty when nothing is."""
    called = call_in_words(student, case)
    if got.error:
        return "" if want.error and got.kind == want.kind else f"{called} stopped with {got.error}."
    if want.error:
        return f"{called} returned {shown(got.result)}; expected was a {want.kind}."
    if got.changed:
        return f"{called} changed its argument `{got.changed}`."
    if got.result is None and want.result is not None:
        return f"{called} returned nothing (None). Is there a `return`?"
    reason = tell(got.result, want.result, tolerance)
    return f"{called} {reason}" if reason else ""


def call_in_words(student, case):
    name = getattr(student, "__name__", "your function")
    arguments = ", ".join(case.arguments)
    details = "; ".join(f"{key} = {shown(value)}" for key, value in case.arguments.items())
    words = f" ({case.words})" if case.words else ""
    return f"{name}({arguments}) with {details}{words}"


def difference(got, want, tolerance):
    """How a result differs from the expected one, as the end of a sentence; empty when it does not."""
    if isinstance(want, tuple | list) and isinstance(got, np.ndarray) and got.ndim == 1:
        got = list(got)  # an array of as many numbers will do
    if isinstance(want, tuple | list):
        if not isinstance(got, tuple | list):
            return f"returned {shown(got)}; expected was a {type(want).__name__} of {len(want)} things."
        if len(got) != len(want):
            return f"returned {len(got)} things; expected were {len(want)}."
        for i, (a, b) in enumerate(zip(got, want, strict=True)):
            reason = difference(a, b, tolerance)
            if reason:
                return (
                    f"was wrong in the {ORDINALS[i] if i < len(ORDINALS) else f'{i + 1}th'} thing returned: it {reason}"
                )
        return ""
    if isinstance(want, dict):
        if not isinstance(got, dict) or set(got) != set(want):
            keys = ", ".join(map(str, want))
            return f"returned {shown(got)}; expected was a dictionary with the keys {keys}."
        reasons = (
            f"was wrong under {key!r}: it {difference(got[key], want[key], tolerance)}"
            for key in want
            if difference(got[key], want[key], tolerance)
        )
        return next(reasons, "")
    if isinstance(want, str | bool | type(None)):
        return "" if got == want else f"returned {shown(got)}; expected was {shown(want)}."
    try:
        a, b = np.asarray(got), np.asarray(want)
        if a.dtype.kind not in "buif":
            raise TypeError
    except (TypeError, ValueError):
        return f"returned {shown(got)}; expected was {shown(want)}."
    if a.shape != b.shape:
        return f"returned {shape_in_words(a)}; expected was {shape_in_words(b)}."
    if not np.isfinite(a[np.isfinite(b)]).all():
        return f"returned {shown(got)}: not all of it is finite. Expected was {shown(want)}."
    if not close(a, b, tolerance):
        if b.size <= 12:
            return f"returned {shown(got)}; expected was {shown(want)}."
        at = tuple(int(i) for i in np.unravel_index(np.argmax(abs(a.astype(float) - b.astype(float))), b.shape))
        place = ", ".join(map(str, at))
        return f"returned the right shape, {b.shape}, and wrong numbers: [{place}] is {a[at]:.4g}, not {b[at]:.4g}."
    return ""


def pattern(attempts, expected, first, tolerance):
    """A hint where the numbers alone tell what happened: transposed, the other sign, a constant factor."""
    got, want = attempts[first], expected[first]
    if got.error or got.result is None or np.iscomplexobj(got.result):
        return ""
    try:
        a, b = np.asarray(got.result, dtype=float), np.asarray(want.result, dtype=float)
    except (TypeError, ValueError):
        return ""
    if a.ndim == 2 and a.shape != b.shape and close(a.T, b, tolerance):
        return "The numbers are right, and the array is transposed: rows are examples."
    if a.shape != b.shape or not np.isfinite(a).all() or not np.any(b) or close(a, b, tolerance):
        return ""
    factor = np.sum(a * b) / np.sum(b * b)
    if factor and close(a / factor, b, tolerance):
        if factor == -1 or close(factor, -1.0, tolerance):
            return "The numbers are right, but for their sign."
        # one number is always some multiple of another: then it has to be the same one in a second case
        others = [i for i in range(len(expected)) if i != first]
        if np.count_nonzero(b) > 1 or any(is_multiple(attempts[i], expected[i], factor, tolerance) for i in others):
            return f"All numbers are {factor:.4g} times what they should be. Which factor is missing, or counted twice?"
    return ""


def is_multiple(got, want, factor, tolerance):
    """Whether a result is the expected one, which is not 0, times a factor."""
    try:
        a, b = np.asarray(got.result, dtype=float), np.asarray(want.result, dtype=float)
    except (TypeError, ValueError):
        return False
    return bool(np.isfinite(a).all() and np.any(b) and close(a / factor, b, tolerance))


ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth"]


def close(a, b, tolerance):
    """Whether numbers agree, relative to the largest expected one."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return False
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        return False
    infinite = ~np.isfinite(b)
    scale = np.max(abs(b[~infinite]), initial=0.0)
    near = abs(np.where(infinite, 0, a) - np.where(infinite, 0, b)) <= tolerance * scale + 1e-12
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    return bool(np.all(np.where(infinite, equal, near)))


def same(a, b, tolerance):
    """Whether two results are the same: numbers within the tolerance, all else equal."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(same(a[key], b[key], tolerance) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) or (np.isscalar(a) and np.isscalar(b)):
        try:
            return not difference(a, b, tolerance) and np.asarray(a).dtype.kind in "buif" or bool(np.all(a == b))
        except (TypeError, ValueError):
            return False
    return type(a) is type(b) and (a is b or a == b or callable(a) or hasattr(a, "__dict__"))


def same_outcome(a, b, tolerance):
    """Whether two attempts came to the same: equal results, or errors of one kind, and the same argument changed."""
    if a.error or b.error:
        return a.kind == b.kind
    if a.changed != b.changed:
        return False
    if a.result is None or b.result is None:
        return a.result is b.result
    return alike(a.result, b.result, tolerance)


def alike(a, b, tolerance):
    """As `same`, but two results that are equally not finite are alike too."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(alike(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(alike(a[key], b[key], tolerance) for key in a)
    try:
        return close(a, b, tolerance)
    except (TypeError, ValueError):
        return same(a, b, tolerance)


# --------------------------------------------------------------------------------------------- in words


def shown(value):
    """A value for a sentence: small arrays with their numbers, larger ones with their shape."""
    if isinstance(value, np.ndarray):
        if value.size <= 12 and value.dtype.kind in "buif":
            largest = np.max(abs(value[np.isfinite(value)]), initial=0)
            small = bool(largest > 1e-3)  # where all are tiny, they would be shown as zeros
            text = np.array2string(value, precision=4, separator=", ", suppress_small=small, threshold=20)
            return " ".join(text.split())
        return shape_in_words(value)
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, tuple | list) and any(isinstance(part, np.ndarray) for part in value):
        return f"{type(value).__name__} of " + ", ".join(shown(np.asarray(part)) for part in value[:4])
    if callable(value):
        return getattr(value, "__name__", "a function")
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def shape_in_words(array):
    if array.ndim == 0:
        return f"a single number, {array.item():.6g}" if array.dtype.kind in "buif" else f"a single {array.dtype}"
    return f"an array of shape {array.shape}"


def as_html(text):
    """A text as HTML, what stands between backticks as code."""
    parts = escape(text, quote=False).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is only a backtick
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
