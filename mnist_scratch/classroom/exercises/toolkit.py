"""What every exercise is made of: one definition as data, and the judge that reads it.

A check calls the student's function on cases made for the mistakes people make. Where an answer fails, the listed
mistakes are run on the same cases: the one that behaves exactly as the answer does is the mistake that was made, and
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
    """An answer is wrong: what was called, what came back, what was expected; and the hint for it."""

    def __init__(self, finding, hint=""):
        super().__init__(finding)
        self.finding, self.hint = finding, hint


class NotStarted(Exception):
    """The stub is as it was."""


def require(holds, finding, hint=""):
    """Raise Wrong unless this holds."""
    if not holds:
        raise Wrong(finding, hint)


def require_result(outcome, called, hint=""):
    """What a call returned; raises Wrong when it stopped, or returned nothing."""
    require(not outcome.error, f"{called} stopped with {outcome.error}{outcome.line}.", hint)
    require(outcome.result is not None, f"{called} returned nothing (None). Is there a `return`?")
    return outcome.result


# ----------------------------------------------------------------------------------------- three kinds of exercise


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What all exercises have.

    Parameters
    ----------
    name : str
        The name of its check: ``check.softmax`` for ``"softmax"``.
    number : str
        The notebook's number and its own, such as ``"2.1"``.
    task : str
        What it asks, in one line: the stub's docstring.
    second_hint : str
        For those who ask with ``check.hint``.
    praise : str
        One sentence for those who passed: what they have now.
    """

    name: str
    number: str
    task: str
    second_hint: str
    praise: str

    @property
    def notebook(self):
        return int(self.number.split(".")[0])

    def judge(self, student):
        """Return when the answer is right; raise Wrong or NotStarted otherwise."""
        raise NotImplementedError

    def listed_mistakes(self):
        """The mistakes this exercise knows, as {hint: [answers]}."""
        mistakes = getattr(self, "mistakes", {})
        mistakes = mistakes() if callable(mistakes) else mistakes
        return {hint: answers if isinstance(answers, list) else [answers] for hint, answers in mistakes.items()}


@dataclass(frozen=True, kw_only=True)
class FunctionExercise(Exercise):
    """An exercise whose answer is a function; it is compared with the right one, case by case.

    Parameters
    ----------
    reference : callable
        The right answer, with the parameters of the stub's first line. Where it raises ValueError, so must the answer,
        or raise any other error.
    cases : dict
        {what is special about the case, in words: the arguments, by position}.
    mistakes : dict
        {hint: a wrong answer that people give, or a list of them}.
    case_hints : dict
        {the words of a case: the hint when it fails and no mistake explains why}.
    any_hint : str
        The hint when nothing explains a failure.
    error_hints : dict
        {a piece of an error message: the hint for it}; these come before all others.
    parts : tuple of str
        The names of the things returned, when there are several.
    observe : callable
        ``observe(f, *arguments)`` is compared instead of ``f(*arguments)``: for functions that work in place.
    may_change : tuple of str
        The names of arguments that may be changed.
    tolerance : float
        Relative to the largest expected entry; wide enough for float32.
    tell : callable
        ``tell(got, want, tolerance, parts)`` ends the sentence about a result, and is empty when it is right.
    before : callable
        ``before(student)`` looks at what the cases cannot show, and raises Wrong.
    """

    reference: Callable
    cases: dict = field(repr=False)
    mistakes: dict = field(repr=False)
    case_hints: dict = field(default_factory=dict, repr=False)
    any_hint: str = ""
    error_hints: dict = field(default_factory=dict, repr=False)
    parts: tuple = ()
    observe: Callable = lambda f, /, *arguments: f(*arguments)
    may_change: tuple = ()
    tolerance: float = 1e-4
    tell: Callable = lambda *things: difference(*things)
    before: Callable = lambda student: None

    @property
    def parameters(self):
        return tuple(inspect.signature(self.reference).parameters)

    def judge(self, student):
        require_function(student, self.parameters)
        self.before(student)
        got = {words: self._outcome(student, words) for words in self.cases}
        want = {words: self._outcome(self.reference, words) for words in self.cases}
        for outcome in want.values():  # a refusal may be asked for; anything else would let every answer pass
            assert outcome.kind in ("", "ValueError"), f"the reference failed: {outcome.error}"
        for words in self.cases:
            found = self._finding(got[words], want[words])
            if found:
                called = call_in_words(student, self._arguments(words), words)
                raise Wrong(f"{called} {found}", self._hint(got, want, words))

    def _arguments(self, words):
        return dict(zip(self.parameters, self.cases[words], strict=False))

    def _outcome(self, f, words):
        return attempt(f, self._arguments(words), self.observe, self.may_change)

    def _finding(self, got, want):
        """What is wrong with an outcome, as the end of a sentence; empty when nothing is."""
        if want.error:
            return "" if got.error else f"returned {shown(got.result)}; expected an error."
        if got.error:
            return f"stopped with {got.error}{got.line}."
        if got.changed:
            return f"changed its argument `{got.changed}`."
        if got.result is None and want.result is not None:
            return "returned nothing (None). Is there a `return`?"
        return self.tell(got.result, want.result, self.tolerance, self.parts)

    def _hint(self, got, want, first):
        """The hint that the evidence allows. got, want: outcomes by case. first: the case that is wrong first."""
        for piece, hint in self.error_hints.items():
            if piece in got[first].error:
                return hint
        called = [words for words in self.cases if not want[words].error]  # a refusal says nothing of the rest
        wrong = {w for w in called if self._finding(got[w], want[w]) and not got[w].error and tells(got[w])}
        nearest, explained = "", len(wrong) / 2
        for hint, answer in self._mistakes_one_by_one():
            if not same_outcome(got[first], self._outcome(answer, first), self.tolerance):
                continue
            alike_in = [w for w in called if same_outcome(got[w], self._outcome(answer, w), self.tolerance)]
            if alike_in == called and any(tells(got[words]) for words in called):
                return hint
            # or it explains more wrong results than any other, and more than half of them; an error is no result
            if len(wrong.intersection(alike_in)) > explained:
                nearest, explained = hint, len(wrong.intersection(alike_in))
        if nearest:
            return nearest
        if got[first].changed:
            return (
                f"Work on a new array: `{got[first].changed}` belongs to the caller. Look for `{got[first].changed} "
                "+= …`, for `[…] = …`, or for a view of it that is changed."
            )
        return self.case_hints.get(first, self.any_hint) or pattern(got, want, first, self.tolerance)

    def _mistakes_one_by_one(self):
        return ((hint, answer) for hint, answers in self.listed_mistakes().items() for answer in answers)


@dataclass(frozen=True, kw_only=True)
class NumberExercise(Exercise):
    """An exercise whose answer is one number, worked out by hand or by an experiment.

    Parameters
    ----------
    reference : callable
        Returns the right number; called when an answer is judged.
    mistakes : dict or callable
        {hint: a wrong number, a pair (from, to), or a list of these}, or a function that returns it.
    tolerance : float
        Relative.
    """

    reference: Callable
    mistakes: dict | Callable = field(repr=False)
    tolerance: float = 0.005

    def judge(self, student):
        number, expected = require_number(student), self.reference()
        if close(number, expected, self.tolerance):
            return
        for hint, answers in self.listed_mistakes().items():
            for wrong in answers:
                if wrong[0] <= number <= wrong[1] if isinstance(wrong, tuple) else close(number, wrong, self.tolerance):
                    raise Wrong(f"Your answer is {number:g}, and that is not it.", hint)
        raise Wrong(f"Your answer is {number:g}, which is too {'small' if number < expected else 'large'}.")


@dataclass(frozen=True, kw_only=True)
class OpenExercise(Exercise):
    """An exercise with many right answers: its judge looks at what must hold of them, and raises Wrong."""

    judged_by: Callable = field(repr=False)

    def judge(self, student):
        self.judged_by(student)


# -------------------------------------------------------------------------------------------- trying an answer


@dataclass
class Outcome:
    """What came of a call: a result, or an error with its kind and line; and which argument was changed."""

    result: object = None
    error: str = ""
    kind: str = ""
    line: str = ""
    changed: str = ""


def require_function(student, parameters=()):
    """Raise NotStarted or Wrong unless it can be called with these parameters, by position."""
    if student is None or student is Ellipsis:
        raise NotStarted
    if not callable(student):
        raise Wrong(
            f"The check was given {shown(student)}, not a function.",
            "Pass the function itself, by its name and without parentheses: the check calls it.",
        )
    try:
        signature = inspect.signature(student)
    except (TypeError, ValueError):  # not written in Python
        return
    try:
        signature.bind(*parameters)
    except TypeError:
        raise Wrong(
            f"{called_name(student)}{signature} cannot be called with ({', '.join(parameters)}).",
            "Keep the parameters of the stub's first line, in their order.",
        ) from None


def require_number(student):
    """The answer as a float; raises Wrong when it is not one finite number, NotStarted when it is none."""
    if student is None or student is Ellipsis:
        raise NotStarted
    try:
        if isinstance(student, bool | str | bytes | complex):
            raise TypeError
        number = float(student)
    except (TypeError, ValueError, OverflowError):
        raise Wrong(f"Your answer is {shown(student)}; expected one number.", "Pass the number itself.") from None
    if not np.isfinite(number):
        raise Wrong(f"Your answer is {number}; expected a finite number.")
    return number


def attempt(f, arguments, observe=lambda f, *values: f(*values), may_change=()):
    """Call f on copies of the arguments (a dict, passed by position), quietly; raises NotStarted for a stub."""
    given = copy.deepcopy(arguments)
    outcome = Outcome()
    try:
        with quiet():
            outcome.result = observe(f, *given.values())
    except NotImplementedError:
        raise NotStarted from None
    except Exception as error:  # the student's own: any kind
        outcome.kind = type(error).__name__
        outcome.error = f"{outcome.kind}: {error}".rstrip(" :")
        outcome.line = line_of(error, f)
        return outcome
    changed = (name for name in given if name not in may_change and not alike(given[name], arguments[name]))
    outcome.changed = next(changed, "")
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


# ------------------------------------------------------------------------------------------ comparing results


def difference(got, want, tolerance, parts=()):
    """How a result differs from the expected one, as the end of a sentence; empty when it does not."""
    if isinstance(want, tuple | list) and isinstance(got, np.ndarray) and got.ndim == 1:
        got = list(got)  # an array of as many numbers will do
    if isinstance(got, tuple) and isinstance(want, np.ndarray) and any(isinstance(part, np.ndarray) for part in got):
        return f"returned a tuple of {len(got)} things; expected {shape_in_words(want)}."
    if isinstance(want, tuple | list):
        if not isinstance(got, tuple | list):
            return f"returned {shown(got)}; expected a {type(want).__name__} of {len(want)} things."
        if len(got) != len(want):
            return f"returned {len(got)} things; expected {len(want)}."
        names = parts or [f"item {i}" for i in range(len(want))]
        reasons = (difference(a, b, tolerance) for a, b in zip(got, want, strict=True))
        told = (r.replace("returned", f"returned, as {name},", 1) for name, r in zip(names, reasons, strict=True) if r)
        return next(told, "")
    try:
        a, b = np.asarray(got), np.asarray(want)
        if a.dtype.kind not in "buif":
            raise TypeError
    except (TypeError, ValueError):
        return f"returned {shown(got)}; expected {shown(want)}."
    if a.shape != b.shape:
        return f"returned {shape_in_words(a)}; expected {shape_in_words(b)}."
    if not np.isfinite(a[np.isfinite(b)]).all():
        return f"returned {shown(got)}, and not all of it is finite; expected {shown(want)}."
    if close(a, b, tolerance):
        return ""
    if b.size <= 12:
        return f"returned {shown(got)}; expected {shown(want)}."
    at = tuple(int(i) for i in np.unravel_index(np.argmax(abs(a.astype(float) - b.astype(float))), b.shape))
    place = ", ".join(map(str, at))
    return f"returned the right shape, {b.shape}, but wrong numbers: [{place}] is {a[at]:.4g}, not {b[at]:.4g}."


def pattern(attempts, expected, first, tolerance):
    """A hint where the numbers alone tell what happened: transposed, the other sign, a constant factor."""
    a, b = numbers(attempts[first]), numbers(expected[first])
    if a is None or b is None:
        return ""
    if a.ndim == 2 and a.shape != b.shape and close(a.T, b, tolerance):
        return "The numbers are right, but the array is transposed: rows are examples."
    if a.shape != b.shape or not np.isfinite(a).all() or not np.any(b) or close(a, b, tolerance):
        return ""
    factor = np.sum(a * b) / np.sum(b * b)
    if not factor or not close(a / factor, b, tolerance):
        return ""
    if close(factor, -1.0, tolerance):
        return "The numbers are right, except for their sign."
    # one number is always some multiple of another: then it has to be the same multiple in a second case
    others = [case for case in expected if case != first]
    if np.count_nonzero(b) > 1 or any(
        is_multiple(attempts[case], expected[case], factor, tolerance) for case in others
    ):
        return f"All numbers are {factor:.4g} times what they should be. Which factor is missing, or counted twice?"
    return ""


def is_multiple(got, want, factor, tolerance):
    """Whether a result is the expected one, which is not 0, times a factor."""
    a, b = numbers(got), numbers(want)
    return a is not None and b is not None and np.isfinite(a).all() and np.any(b) and close(a / factor, b, tolerance)


def numbers(outcome):
    """The result as an array of real numbers, or None."""
    if outcome.error or outcome.result is None:
        return None
    try:
        return None if np.iscomplexobj(outcome.result) else np.asarray(outcome.result, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return None


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


def same_outcome(a, b, tolerance):
    """Whether two calls came to the same: equal results, or the very same error, and the same argument changed."""
    if a.error or b.error:
        return a.error == b.error
    if a.changed != b.changed:
        return False
    if a.result is None or b.result is None:
        return a.result is b.result
    return alike(a.result, b.result, tolerance)


def alike(a, b, tolerance=0.0):
    """Whether two things are the same: numbers within the tolerance, or not finite in the same places; else equal."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(alike(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(alike(a[key], b[key], tolerance) for key in a)
    try:
        return close(a, b, tolerance)
    except (TypeError, ValueError, OverflowError):  # not numbers
        return type(a) is type(b) and (a is b or callable(a) or hasattr(a, "__dict__") or bool(np.all(a == b)))


def tells(outcome):
    """Whether an outcome is evidence of anything: two nans are not the same mistake, whatever led to them."""
    values = numbers(outcome)
    return values is None or bool(np.isfinite(values).all())


# --------------------------------------------------------------------------------------------------- in words


def called_name(student):
    name = getattr(student, "__name__", "<")
    return "your function" if name.startswith("<") else name


def call_in_words(student, arguments, words=""):
    details = "; ".join(f"{name} = {shown(value)}" for name, value in arguments.items())
    return f"{called_name(student)}({', '.join(arguments)}) with {details}{f' ({words})' if words else ''}"


def shown(value):
    """A value for a sentence: small arrays with their numbers, larger ones with their shape."""
    if isinstance(value, np.ndarray):
        value = np.asarray(value)  # without what a subclass adds
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
