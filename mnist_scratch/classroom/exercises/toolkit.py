"""What every exercise is made of: one definition as data, and the judge that reads it.

A check calls the student's function on cases made for the mistakes people make. Where an answer fails, the listed
mistakes are run on the same cases: the one that does as the answer does, in each case where it shows, is the mistake
that was made, and its hint is given. Where there is none, `evidence` says what the results prove. A right answer is
asked again, with other arguments and many times: it depends on nothing else.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from .calls import NotStarted, attempt, plain, quiet, same
from .comparing import ALIKE, EXACT, FLOAT32, FLOAT64, alike, close, difference, in_float32, numbers
from .evidence import INFINITY, NAN, NO_RETURN, Tried, explain, explain_number, is_exact, of_an_error
from .words import call_in_words, called_name, listed, shape_in_words, shown

__all__ = [
    "ALIKE",
    "EXACT",
    "FLOAT32",
    "FLOAT64",
    "Exercise",
    "FunctionExercise",
    "NotStarted",
    "NumberExercise",
    "OpenExercise",
    "Wrong",
    "alike",
    "attempt",
    "call_in_words",
    "called_name",
    "close",
    "quiet",
    "require",
    "require_function",
    "require_number",
    "require_result",
    "shape_in_words",
    "shown",
]


class Wrong(Exception):
    """An answer is wrong: what was called, what came back, what was expected; the hint for it; and what it printed."""

    def __init__(self, finding, hint="", printed=""):
        super().__init__(finding)
        self.finding, self.hint, self.printed = finding, hint, printed


def require(holds, finding, hint=""):
    """Raise Wrong unless this holds."""
    if not holds:
        raise Wrong(finding, hint)


def require_result(outcome, called, hint=""):
    """What a call returned; raises Wrong when it stopped, or returned nothing."""
    if outcome.error:
        raise Wrong(f"{called} {outcome.stopped}.", hint or of_an_error(outcome), outcome.printed)
    if outcome.result is None:
        raise Wrong(f"{called} returned nothing (None).", NO_RETURN, outcome.printed)
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

    to_start = "Replace the line that raises the error, then run both cells."

    def judge(self, student):
        """Return what the answer printed when it is right; raise Wrong or NotStarted otherwise."""
        raise NotImplementedError

    def problems(self):
        """What would mislead a student, a sentence each; none when its answers get what is meant for them."""
        found = []
        for hint, answers in self.listed_mistakes().items():
            for answer in answers:
                try:
                    self.judge(sum(answer) / 2 if isinstance(answer, tuple) else answer)
                    found.append(f"this mistake passes: {hint}")
                except Wrong as wrong:
                    if wrong.hint != hint:
                        found.append(f"this mistake: {hint}\n  gets: {wrong.finding} Hint: {wrong.hint or 'none'}")
                        if wrong.hint in self.listed_mistakes():
                            found[-1] += "\n  Is there a case that tells the two apart?"
        return found

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
        The hint when nothing explains a failure: what to look at, for any wrong answer.
    error_hints : dict
        {a piece of an error message, or of what else is said of a failure: the hint for it}; for an error these
        come before all others, for the rest after the listed mistakes.
    parts : tuple of str
        The names of the things returned, when there are several.
    observe : callable
        ``observe(f, *arguments)`` is compared instead of ``f(*arguments)``: for functions that work in place.
    may_change : tuple of str
        The names of arguments that may be changed.
    tolerance : tuple
        (relative to each entry, relative to the largest), where the numbers do not say it themselves: about nine digits
        in float64, five in float32. EXACT asks for every bit.
    new : bool
        Whether the result must be new arrays, and never an argument or a view of one.
    float32_will_do : bool
        Whether an answer in float32 is right where the arguments are in float64.
    tell : callable
        ``tell(got, want, near, parts)`` ends the sentence about a result, and is empty when it is right; near(a, b)
        compares numbers.
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
    tolerance: tuple = FLOAT64
    new: bool = False
    float32_will_do: bool = True
    tell: Callable = lambda *things: difference(*things)
    before: Callable = lambda student: None

    def problems(self):
        unknown = set(self.case_hints) - set(self.cases)
        if unknown:
            return [f"case_hints speak of cases that it does not have: {listed(sorted(unknown))}"]
        if not self.cases:
            return ["it has no cases"]
        for words, values in self.cases.items():
            outcome = attempt(self.reference, dict(enumerate(values)), self.observe, self.may_change)
            if outcome.kind not in ("", "ValueError") or (not outcome.error and outcome.result is None):
                return [f"in the case “{words}” its reference {outcome.stopped if outcome.error else 'returned None'}"]
        try:
            self.judge(self.reference)
        except Wrong as wrong:
            return [f"its own reference does not pass: {wrong.finding}"]
        return super().problems()

    @property
    def parameters(self):
        return tuple(inspect.signature(self.reference).parameters)

    def judge(self, student):
        require_function(student, self.parameters)
        self.before(student)
        tried = []
        for words, values in self.cases.items():
            tried.append(self._try(student, words, values))
            if tried[-1].got.kind == "TookTooLong":
                break
        for case in tried:
            if case.finding:
                called = call_in_words(student, case.arguments, case.words)
                raise Wrong(f"{called} {case.finding}", self._hint(tried, case, student), case.got.printed)
        self._require_the_same_again(student, tried)
        return tried[0].got.printed

    def _try(self, student, words, values):
        arguments = dict(zip(self.parameters, values, strict=False))
        want = attempt(self.reference, arguments, self.observe, self.may_change)
        # a refusal may be asked for; anything else would let every answer pass
        assert want.kind in ("", "ValueError"), f"the reference failed: {want.error}"
        got = attempt(student, arguments, self.observe, self.may_change)
        return Tried(words, arguments, got, want, self._finding(got, want, values))

    def _require_the_same_again(self, student, tried):
        """Ask once more, in the opposite order and with rows turned round: a right answer depends on nothing else."""
        for case in reversed(tried):
            values = list(case.arguments.values())
            other = self._try(student, f"{case.words}, but rows in the opposite order", list(map(_turned, values)))
            again = self._try(student, case.words, values)
            if again.finding or (other.finding and _stale(other, case)):
                called = call_in_words(student, again.arguments, again.words)
                found = again.finding or "returned the same for other arguments, too."
                raise Wrong(f"{called} was right at first; when it was called again, it {found}", _STATE)
            if other.finding:
                called = call_in_words(student, other.arguments, other.words)
                raise Wrong(f"{called} {other.finding}", self._hint([*tried, other], other, student))
        start = perf_counter()
        calls = 0
        while (passed := perf_counter() - start) < 0.05 or (calls < 100 and passed < 0.3):  # what is right at times
            calls += 1
            again = self._try(student, tried[0].words, list(tried[0].arguments.values()))
            if again.finding:
                called = call_in_words(student, again.arguments, again.words)
                raise Wrong(f"{called} is right at times; when it was called again, it {again.finding}", _STATE)
        for case in tried:
            if not case.got.error and not same(plain(case.got.kept), case.got.result):
                called = call_in_words(student, case.arguments, case.words)
                raise Wrong(f"{called} returned an array that a later call changed.", _STATE)

    def _finding(self, got, want, values):
        """What is wrong with an outcome, as the end of a sentence; empty when nothing is."""
        if want.error:
            return "" if _is_a_refusal(got) else _not_refused(got)
        if got.error:
            return f"{got.stopped}."
        if got.changed:
            return f"changed its argument `{got.changed}`."
        if got.result is None and want.result is not None:
            return "returned nothing (None)."
        if self.new and got.shared:
            return f"returned its argument `{got.shared}`, or a view of it; expected a new array."
        return self.tell(got.result, want.result, self._near(values), self.parts)

    def _near(self, values):
        given_in_float32 = in_float32(list(values))

        def near(a, b):
            if self.tolerance == EXACT and in_float32(a) and self.float32_will_do:
                b = np.float32(b)
            elif self.tolerance != EXACT and (given_in_float32 or (in_float32(a) and self.float32_will_do)):
                return close(a, b, tuple(np.maximum(self.tolerance, FLOAT32)))
            return close(a, b, self.tolerance)

        return near

    def _hint(self, tried, first, student):
        """The hint that the evidence allows; first is the case that is told."""
        for piece, hint in self.error_hints.items():
            if piece in first.got.error:
                return hint
        if self._changes_by_itself(tried, first, student):
            return _STATE
        called = [case for case in tried if not case.want.error]  # a refusal says nothing of the rest
        for hint in self._proven(called, first):
            return hint
        for piece, hint in self.error_hints.items():
            if piece in first.finding:
                return hint
        if self.new and first.got.shared and not first.got.changed:
            return f"Who changes the result would change `{first.got.shared}`, too: return a copy."
        for earlier in tried:
            if not earlier.finding and _stale(first, earlier):
                return (
                    f"The same came for other arguments (“{earlier.words}”). Is one of the arguments left out, or is "
                    "something kept from call to call?"
                )
        failed = sum(bool(case.finding) for case in called)
        few = failed <= min(len(called) - failed, 3)  # then it is said where, and what holds for all is of no use
        otherwise = self.case_hints.get(first.words) or ("" if few else self.any_hint)
        unused = self._unused(called, student)
        told = _STATE if unused == _STATE else explain(tried, student, self.parts, unused, otherwise)
        special = {self.case_hints.get(case.words) for case in tried if case.finding}
        stopped = first.got.refused or first.got.kind == "TookTooLong"
        certain = told == _STATE or first.got.changed or stopped or is_exact(told)
        return told if certain or len(special) != 1 else special.pop() or told

    def _changes_by_itself(self, tried, first, student):
        """Whether the first failure, or the first success, comes out otherwise when it is asked for again."""
        if first.got.kind == "TookTooLong":
            return False
        for case in 3 * [first, *[case for case in tried if not case.finding and not case.want.error][:1]]:
            again = attempt(student, case.arguments, self.observe, self.may_change)
            if _is_readable(again.result) and not _same_outcome(again, case.got):
                return True
        return False

    def _unused(self, tried, student):
        """A sentence on the arguments of which others would change nothing in the result, though they should."""
        unused, fixed = [], ""
        for name in self.parameters:
            told, right, n = set(), 0, 0
            for case in tried:
                value = case.arguments.get(name)
                functions = [f for f in (c.arguments.get(name) for c in tried) if callable(f) and f is not value]
                other = _stirred(value)
                other = functions[0] if callable(value) and functions else other
                if False in told or not _is_readable(case.got.result) or (same(value, other) and not callable(value)):
                    continue
                want, got = (
                    attempt(f, case.arguments | {name: other}, self.observe, self.may_change)
                    for f in (self.reference, student)
                )
                if got.kind == "TookTooLong":
                    return ""
                matters = not want.error and not _same_outcome(want, case.want)
                if matters or not _same_outcome(got, case.got):  # where it makes one it should not, it is used
                    told.add(_same_outcome(got, case.got))
                    right, n = right + (matters and not case.finding), n + matters
            if told == {True}:
                only_order = getattr(value, "dtype", np.dtype(float)).kind != "f"
                if right > max(1, n // 2) and not only_order and not np.isscalar(value):
                    return _STATE  # it was used, at the first call
                if right and np.isscalar(value):
                    fixed = ": is something fixed in its place, or kept from call to call?"
                unused.append(f"another {'order in ' * only_order}`{name}`")
        told = listed(unused, "or") if unused else ""
        return f"{told[:1].upper()}{told[1:]} makes no difference to the result{fixed or '.'}" if unused else ""

    def _proven(self, called, first):
        """Hints of the listed mistakes that do as the answer does, wherever they are wrong: the likeliest first."""
        in_part, weak = [], []
        for hint, answer in self._mistakes_one_by_one():
            telling, everywhere, explained = 0, True, set()
            for case in called:
                made = attempt(answer, case.arguments, self.observe, self.may_change)
                wrong = self._finding(made, case.want, case.arguments.values())
                if _same_outcome(case.got, made):
                    if wrong:
                        explained.add(case.words)
                        telling += _tells(made)
                elif wrong and _tells(made):
                    break
                else:  # where a mistake gives nan or stops, people notice, and treat that case by itself
                    everywhere = False
            else:
                if first.words not in explained and not first.want.error:
                    continue
                if telling:
                    if everywhere:
                        yield hint
                    in_part.append((len(explained), hint))
                elif everywhere and explained:
                    weak.append(hint)
        yield from (hint for _, hint in sorted(in_part, key=lambda pair: -pair[0]))
        if len(set(weak)) == 1:  # all nan, or an error that says little: proof only where nothing else does the same
            yield weak[0]

    def _mistakes_one_by_one(self):
        return ((hint, answer) for hint, answers in self.listed_mistakes().items() for answer in answers)


_STATE = (
    "The result must depend on nothing but the arguments. Does the function keep something from call to call, use a "
    "variable from outside, draw at random, or hand out the same array each time?"
)


def _stale(case, earlier):
    """Whether a case has the result of an earlier one, and should not."""
    got, before = numbers(case.got.result), numbers(earlier.got.result)
    if got is None or before is None or case.want.error or earlier.want.error or before.size < 2:
        return False
    return alike(got, before) and np.ptp(got) > 0 and not alike(case.want.result, earlier.want.result)


def _is_a_refusal(outcome):
    return outcome.error and outcome.kind not in ("TookTooLong", "SystemExit", "NameError", "RecursionError")


def _not_refused(outcome):
    if outcome.error:
        return f"{outcome.stopped}; expected an error that says what is wrong."
    return f"returned {shown(outcome.result)}; expected an error."


def _same_outcome(a, b):
    """Whether two calls came to the same: equal results, or the very same error, and the same argument changed."""
    if a.error or b.error:
        return a.error == b.error
    return a.changed == b.changed and alike(a.result, b.result, FLOAT32 if in_float32(a.result) else ALIKE)


def _is_readable(result):
    parts = result.values() if isinstance(result, dict) else result if isinstance(result, tuple | list) else ()
    return numbers(result) is not None or (len(parts) > 0 and all(map(_is_readable, parts)))


def _tells(outcome):
    """Whether an outcome is evidence: not where all is nan or infinite, nor an error that many mistakes share."""
    if outcome.error:
        return any(sign.isdigit() for sign in outcome.error)
    values = numbers(outcome.result)
    return values is None or bool(np.isfinite(values).all())


def _stirred(value):
    """An argument with other numbers: those of its arrays in another order, and fractions smaller."""
    if isinstance(value, list | tuple):
        return type(value)(map(_stirred, value))
    if isinstance(value, np.ndarray):
        value = np.random.default_rng(0).permutation(value.ravel()).reshape(value.shape)
    fraction = isinstance(value, float) or getattr(value, "dtype", np.dtype(int)).kind == "f"
    return 0.75 * value if fraction else value


def _turned(value):
    """An argument with the first axis of its arrays turned round: as good an argument as it was."""
    if isinstance(value, list | tuple):
        return type(value)(map(_turned, value))
    return value[::-1].copy(order="K") if isinstance(value, np.ndarray) and value.ndim else value


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
    near : float
        Relative, for the mistakes, where people round; the tolerance if that is larger.
    any_hint : str
        The hint when nothing explains a wrong number.
    """

    reference: Callable
    mistakes: dict | Callable = field(repr=False)
    tolerance: float = 0.005
    near: float = 0.0
    any_hint: str = ""

    to_start = "Put your number in the place of `None`, and run both cells."

    def judge(self, student):
        number, expected = require_number(student), self.reference()
        if close(number, expected, self.tolerance):
            return ""
        near = max(self.near, self.tolerance)
        for hint, answers in self.listed_mistakes().items():
            for wrong in answers:
                if wrong[0] <= number <= wrong[1] if isinstance(wrong, tuple) else close(number, wrong, near):
                    raise Wrong(f"Your answer is {number:.9g}, and that is not it.", hint)
        side = "small" if number < expected else "large"
        hint = explain_number(number, expected) or self.any_hint
        raise Wrong(f"Your answer is {number:.9g}, which is too {side}.", hint)


@dataclass(frozen=True, kw_only=True)
class OpenExercise(Exercise):
    """An exercise with many right answers: its judge looks at what must hold of them, and raises Wrong."""

    judged_by: Callable = field(repr=False)
    to_start: str = Exercise.to_start

    def judge(self, student):
        return self.judged_by(student) or ""


# ---------------------------------------------------------------------------------------- what an answer must be


def require_function(student, parameters=()):
    """Raise NotStarted or Wrong unless it can be called with these parameters, by position."""
    if student is None or student is Ellipsis:
        raise NotStarted
    if not callable(student):
        raise Wrong(
            f"The check was given {shown(student)}, not a function.",
            "Write a function, with `def`, and pass it by its name, without parentheses: the check calls it.",
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
        hint = "One real number is asked for: no list, no array, no truth value."
        if callable(student):
            hint = "That is a function: pass what it returns."
        elif isinstance(student, str):
            hint = "That is text: pass the number itself, without quotes."
        elif isinstance(student, tuple) and all(isinstance(part, int) and part < 1000 for part in student):
            hint = "A comma makes two of it: ten thousand is 10000, or 10_000."
        raise Wrong(f"Your answer is {shown(student)}; expected one number.", hint) from None
    if not np.isfinite(number):
        raise Wrong(f"Your answer is {number}; expected a finite number.", NAN if np.isnan(number) else INFINITY)
    return number
