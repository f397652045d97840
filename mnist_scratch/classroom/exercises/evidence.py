"""What can be said of a wrong answer for which no mistake is listed: only what its results prove.

Each statement is tried on all cases that are wrong, and holds in each of them, or is not made.
"""

import inspect
import re
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from .calls import Outcome
from .comparing import ALIKE, EXACT, FLOAT32, alike, close, in_float32, numbers
from .words import listed


@dataclass
class Tried:
    """One case: its name, its arguments, what came, what should have come, and what is wrong with it, if anything."""

    words: str
    arguments: dict
    got: Outcome
    want: Outcome
    finding: str


NO_RETURN = "None comes where no `return` is reached, and from all that works in place, such as `list.append`."
NAN = "nan comes of 0/0, ∞/∞, ∞ − ∞, 0 · ∞, or the logarithm of a negative number, if not of `np.nan` itself or a mask."
INFINITY = "Infinity comes of a division by 0, the logarithm of 0, or what is too large for its dtype."


def explain(tried, student, parts=(), unused="", otherwise=""):
    """A hint from the evidence alone.

    tried: all cases. unused: a sentence on arguments that make no difference, if there are any. otherwise: what to say
    where the evidence says nothing of what is wrong.
    """
    first = next(case for case in tried if case.finding)
    everything, tried = tried, [case for case in tried if not case.want.error]
    wrong = [case for case in tried if case.finding]
    sentences = [_other_order_of_parameters(student, first.arguments)]
    if first.got.error or first.want.error:
        sentences.append(of_an_error(first.got))
    elif first.got.changed:
        name = first.got.changed
        sentences.append(
            f"`{name}` belongs to the caller and has to stay as it is. `+=`, `[…] = …`, `sort` or `pop` change what is "
            "there, through a view of it, too."
        )
    elif len(wrong) == len(tried) and all(case.got.result is None for case in wrong):
        return "It prints something; only `return` gives it to the caller." if first.got.printed else NO_RETURN
    else:
        returned = [case for case in wrong if not case.got.error]
        told = _of_the_kind(returned) or _of_the_results(returned, parts)
        if not told or told.startswith(("Of its", "In each case")):
            told = unused or otherwise or told
        elif told.startswith(("The numbers are off", "Nearly right")):
            told = unused or told
        elif told.endswith(" not."):  # only which of several things is wrong
            told = f"{told} {unused or otherwise}".strip()
        sentences.append(told)
    if not any(sentences):
        sentences.append(otherwise)
    return " ".join(filter(None, [*sentences, _where(everything)]))


def is_exact(told):
    """Whether this says what the numbers are, so that nothing else needs to be said of the case."""
    return any(piece in told for piece in ("rounded to ", "transposed", "their sign"))


def _other_order_of_parameters(student, arguments):
    try:
        own = [name for name in inspect.signature(student).parameters if name in arguments]
    except (TypeError, ValueError):
        return ""
    if sorted(own) != sorted(arguments) or own == list(arguments):
        return ""
    return f"Its parameters stand in another order than in the stub's first line, ({', '.join(arguments)})."


def _where(tried):
    wrong, right = ([case for case in tried if bool(case.finding) == failed] for failed in (True, False))
    if not right or tried[-1].got.kind == "TookTooLong":  # then not all was tried
        return ""
    if len(wrong) <= min(len(right), 3):
        return f"All else is right; it fails only here: {_quoted(wrong)}."
    told = [case for case in right if not _is_trivial(case)]
    return f"It is correct for: {_quoted(told)}." if told and len(right) <= 3 else ""


def _is_trivial(case):
    """Whether what should come is 0, or an argument as it was: many wrong answers give it."""
    want = numbers(case.want.result)
    given = case.arguments.values()
    return case.want.error or (want is not None and (not want.any() or any(alike(want, value) for value in given)))


def _quoted(cases):
    return "; ".join(f"“{case.words}”" for case in cases)


# -------------------------------------------------------------------------------------------------- results


def _of_the_kind(wrong):
    """A hint where the result is not the kind of thing that is asked for."""
    got, want = wrong[0].got.result, wrong[0].want.result
    if isinstance(got, tuple | list) and not isinstance(want, tuple | list) and len(got) > 1:
        among = (
            isinstance(case.got.result, tuple | list)
            and any(alike(part, case.want.result, ALIKE) for part in case.got.result)
            for case in wrong
        )
        if all(among):
            return f"One of its {len(got)} things is right: return that alone."
    if numbers(got) is not None and not isinstance(got, tuple):
        asked, truth_values = numbers(want), np.asarray(got).dtype == bool
        if truth_values and asked is not None and not np.isin(asked, (0, 1)).all():
            return "That is True or False; numbers are asked for."
        return ""
    if any(hasattr(part, "__next__") for part in (got if isinstance(got, list | tuple) else [got])):
        several = isinstance(want, tuple | list) or np.ndim(want)
        asked = "a list or an array of them" if several else "the number itself"
        return f"It hands out its items one by one, when asked. Return {asked}."
    if _holds_text(got):
        return "That is text; give the numbers themselves."
    if got is None:
        return NO_RETURN
    if callable(got):
        return "That is a function, and not its value: call it, with parentheses."
    if isinstance(got, dict | set):
        return f"A {type(got).__name__} is not asked for."
    if isinstance(got, list) and len({len(part) for part in got if isinstance(part, list)}) > 1:
        return "Its rows have different lengths, so it is no array: each row needs a number in each column."
    if getattr(got, "dtype", None) is not None:
        return f"Its dtype is {got.dtype}; real numbers are asked for."
    return ""


def _holds_text(value):
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "OUS" and any(map(_holds_text, value.flat))
    return any(map(_holds_text, value)) if isinstance(value, list | tuple) else isinstance(value, str | bytes)


def _of_the_results(wrong, parts):
    in_float64 = [case for case in wrong if not in_float32(list(case.arguments.values()))]
    wrong = in_float64 or wrong  # rounding hides how numbers relate
    want = wrong[0].want.result
    if isinstance(want, dict):
        return ""
    if not isinstance(want, tuple | list):
        return relation([(case.got.result, case.want.result, case.arguments) for case in wrong])
    names = [f"`{name}`" for name in parts] or [f"item {i}" for i in range(len(want))]
    got = [case.got.result for case in wrong]
    if not all(isinstance(result, tuple | list) or np.ndim(result) > 0 for result in got):
        return ""
    for i, name in enumerate(names):
        if all(alike(case.got.result, case.want.result[i], ALIKE) for case in wrong):
            return f"That is {name} alone: return all {len(names)}."
    got = [list(result) for result in got]
    if not parts:
        return _of_lists(
            [(result, list(case.want.result), case.arguments) for result, case in zip(got, wrong, strict=True)]
        )
    if any(len(result) != len(case.want.result) for result, case in zip(got, wrong, strict=True)):
        return _of_another_length(wrong, names)
    for order in permutations(range(len(want))):
        if all(_same_parts([r[i] for i in order], case.want.result) for r, case in zip(got, wrong, strict=True)):
            given = [names[order.index(i)] for i in range(len(want))]
            return f"The things are right, but in another order: you return {listed(given)}."
    pairs = [[(r[i], c.want.result[i], c.arguments) for r, c in zip(got, wrong, strict=True)] for i in range(len(want))]
    off = [i for i, of_part in enumerate(pairs) if not all(alike(a, b, ALIKE) for a, b, _ in of_part)]
    of_part = pairs[off[0] if off else 0]
    told = (_of_lists if isinstance(of_part[0][1], list) else relation)(of_part)
    if not off or len(names) == 1:
        return told
    fine = [names[i] for i in range(len(want)) if i not in off]
    lead = ""
    if fine:
        lead = f"{listed(fine)} {'is' if len(fine) == 1 else 'are'} right, {listed([names[i] for i in off])} not. "
    return (lead + (f"In {names[off[0]]}: {told}" if told and len(off) > 1 else told)).strip()


def _of_lists(triples):
    """The same of lists of arrays, of any length. triples: (got, want, arguments)."""
    triples = [triple for triple in triples if not alike(triple[0], triple[1], ALIKE)]
    if not triples or not all(isinstance(got, list) for got, _, _ in triples):
        return ""
    for name in triples[0][2]:
        if all(alike(got, arguments.get(name), ALIKE) for got, _, arguments in triples):
            return f"That is `{name}` as it was."
    for words, change in _SOME_OF_A_LIST.items():
        if all(alike(got, change(want), ALIKE) for got, want, _ in triples):
            return words
    if all(any(alike(part, want, ALIKE) for part in got) for got, want, _ in triples):
        return f"One of its {len(triples[0][0])} things is right: return that alone."
    if any(len(got) != len(want) for got, want, _ in triples):
        rows = [numbers(got) for got, _, _ in triples]
        if all(
            row is not None and close(row, np.concatenate([np.ravel(b) for b in want]), ALIKE)
            for row, (_, want, _) in zip(rows, triples, strict=True)
        ):
            return "The numbers are right, but in one long row: give one array for each."
        return ""
    marks = [[not alike(a, b, ALIKE) for a, b in zip(got, want, strict=True)] for got, want, _ in triples]
    for words, holds in _WRONG_IN_A_LIST.items() if any(0 < sum(mark) < len(mark) for mark in marks) else ():
        if all(holds(mark, want) for mark, (_, want, _) in zip(marks, triples, strict=True)):
            return words
    return relation([(a, b, arguments) for got, want, arguments in triples for a, b in zip(got, want, strict=True)])


_SOME_OF_A_LIST = {
    "Only the first of them is there: is there a `return` inside the loop?": lambda want: want[:1],
    "Only the last of them is there: does each take the place of the one before?": lambda want: want[-1:],
    "The last of them is missing: does the loop reach it?": lambda want: want[:-1],
    "The first of them is missing: does the loop begin with it?": lambda want: want[1:],
    "They stand in the opposite order.": lambda want: want[::-1],
}
_WRONG_IN_A_LIST = {
    "Only the first of the arrays is right: is there a `return` inside the loop?": (
        lambda mark, want: not mark[0] and all(mark[1:])
    ),
    "Only the arrays with one axis are wrong.": lambda mark, want: mark == [np.ndim(b) == 1 for b in want],
    "Only the arrays with two axes are wrong.": lambda mark, want: mark == [np.ndim(b) == 2 for b in want],
    "Only the first of the arrays is wrong.": lambda mark, want: mark[0] and not any(mark[1:]),
    "Only the last of the arrays is wrong.": lambda mark, want: mark[-1] and not any(mark[:-1]),
}


def _same_parts(result, want):
    return all(alike(a, b, ALIKE) for a, b in zip(result, want, strict=True))


def _of_another_length(wrong, names):
    got, want = list(wrong[0].got.result), wrong[0].want.result
    known = [i for i in range(len(want)) if any(alike(part, want[i], ALIKE) for part in got)]
    if len(known) == len(want):
        return f"Return only {listed(names)}."
    missing = [names[i] for i in range(len(want)) if i not in known]
    return f"Among them {listed([names[i] for i in known])} can be seen; not {listed(missing, 'or')}." if known else ""


# ------------------------------------------------------------------------------- how the numbers are related


def relation(triples):
    """What turns the expected numbers into those that came, in every wrong case. triples: (got, want, arguments)."""
    if any(getattr(a, "dtype", None) == np.float16 for a, _, _ in triples):
        return "Its dtype is float16, which keeps some 3 digits and ends at 65504; more is asked for here."
    if any(getattr(a, "dtype", None) == np.float32 and close(a, b, FLOAT32) for a, b, _ in triples):
        return "Its dtype is float32, which keeps some 7 digits; more is asked for here."
    # sums in float32 differ in their last digits, and hide what holds everywhere else
    triples = [triple for triple in triples if not in_float32(triple[1])] or triples
    pairs = [(numbers(a), numbers(b), arguments) for a, b, arguments in triples]
    if not pairs or any(a is None or b is None for a, b, _ in pairs) or isinstance(triples[0][0], tuple):
        return ""
    if any(a.shape != b.shape for a, b, _ in pairs):
        return _of_shapes([pair for pair in pairs if pair[0].shape != pair[1].shape])
    broken = [(a, b) for a, b, _ in pairs if not np.isfinite(a[np.isfinite(b)]).all()]
    if len(broken) == len(pairs):
        return _of_what_is_not_finite(broken)
    if broken:
        if not np.isfinite(pairs[0][0][np.isfinite(pairs[0][1])]).all():  # the case that is told
            return _of_what_is_not_finite(broken)
        return relation([pair for pair in triples if np.isfinite(numbers(pair[0])).all()])
    pairs = [pair for pair in pairs if np.isfinite(pair[1]).all()]
    if not pairs or any(b.size == 0 for _, b, _ in pairs):
        return ""
    return _of_an_argument(pairs) or _of_a_formula(pairs) or _of_a_factor(pairs) or _of_places(pairs)


_BUT_ONE = {"first": slice(1, None), "last": slice(None, -1)}


def _of_shapes(pairs):
    def all_are(change):
        return all(change(a, b) for a, b, _ in pairs)

    if all_are(lambda a, b: a.ndim == 2 and close(a.T, b, ALIKE)):
        return "The numbers are right, but the array is transposed."
    if all_are(lambda a, b: a.size == b.size and close(a.reshape(b.shape), b, ALIKE)):
        return f"The numbers are right, but not the shape: {pairs[0][0].shape} should be {pairs[0][1].shape}."
    for (axis, thing), (words, kept) in product(enumerate(("row", "column")), _BUT_ONE.items()):
        place = (slice(None),) * axis + (kept,)
        if all_are(lambda a, b, axis=axis, place=place: a.ndim > axis and close(a[place], b, ALIKE)):
            return f"There is a {thing} too many, the {words}; the others are right."
        if all_are(lambda a, b, axis=axis, place=place: b.ndim > axis and close(a, b[place], ALIKE)):
            return f"The {words} {thing} is missing; the others are right."
    for words, i in {"first": 0, "last": -1}.items():
        if all_are(lambda a, b, i=i: b.ndim > 0 and len(b) > 0 and close(a.ravel(), b[i].ravel(), ALIKE)):
            return f"That is only the {words} row, or number, of the right ones."
    for words, collapse in {"added up": np.sum, "averaged": np.mean}.items():
        for axis in (0, 1, None):
            if all_are(lambda a, b, c=collapse, x=axis: a.ndim > (x or 0) and close(c(a, axis=x), b, ALIKE)):
                where = "" if axis is None else f" along axis {axis}"
                return f"The numbers are right, but not {words} yet{where}."
            told = any(a.size < 2 or np.ptp(a) > 0 for a, _, _ in pairs)  # 1/n for all may come of other things, too
            if told and all_are(lambda a, b, c=collapse, x=axis: b.ndim > (x or 0) and close(c(b, axis=x), a, ALIKE)):
                where = "" if axis is None else f" along axis {axis}"
                return f"They are the right numbers, {words}{where}; they should stay apart."
    return ""


def _of_what_is_not_finite(pairs):
    return NAN if any(np.isnan(a[np.isfinite(b)]).any() for a, b in pairs) else INFINITY


def _of_an_argument(pairs):
    for name in pairs[0][2]:
        values = [numbers(arguments.get(name)) for _, _, arguments in pairs]
        if all(v is not None and v.size > 1 and close(a, v, ALIKE) for v, (a, _, _) in zip(values, pairs, strict=True)):
            return f"That is `{name}` as it was given."
    if all(a.size > 1 and not a.any() for a, _, _ in pairs):
        or_cut = ", cut to whole numbers," if all(np.max(abs(b), initial=0) < 1 for _, b, _ in pairs) else ""
        return f"All of it is 0: is nothing put in yet, or is it lost in a copy{or_cut} or overwritten?"
    return ""


_FORMULAS = {  # what came, as a function of what should have come
    "The numbers are right, except for their sign.": np.negative,
    "The signs are lost: all numbers are as large as they should be, and positive.": abs,
    "These are the squares of the right numbers.": np.square,
    "These are the square roots of the right numbers.": lambda b: np.sqrt(b),
    "These are the logarithms of the right numbers.": np.log,
    "These are the exponentials of the right numbers.": np.exp,
    "These are 1 − the right numbers.": lambda b: 1 - b,
    "These are 1 divided by the right numbers.": lambda b: 1 / b,
    "The rows stand in the opposite order.": lambda b: b[::-1] if b.ndim else b,
    "In each row the numbers stand in the opposite order.": lambda b: b[:, ::-1] if b.ndim == 2 else b,
    "The numbers are right, but the array is transposed.": lambda b: b.T,
    "These are cumulative sums of the right numbers.": lambda b: np.cumsum(b).reshape(b.shape),
    "They are cut to whole numbers: by `//`, by `int`, or by the dtype of the array that you fill?": np.trunc,
    "They are rounded down to whole numbers.": np.floor,
    "They are rounded to whole numbers.": np.rint,
} | {
    f"They are rounded to {digits} decimals: return all digits.": lambda b, digits=digits: np.round(b, digits)
    for digits in range(1, 13)
}


def _of_a_formula(pairs):
    if sum(b.size for _, b, _ in pairs) < 2:
        return ""
    with np.errstate(all="ignore"):
        for kind, digits in ((np.float16, 3), (np.float32, 7)):
            near = all(close(a, b, (0.0, 10.0 ** (1 - digits))) for a, b, _ in pairs)
            if near and all(close(a, a.astype(kind), EXACT) for a, _, _ in pairs):
                return f"It is as exact as {np.dtype(kind).name}, some {digits} digits; more is asked for here."
        for text, formula in _FORMULAS.items():
            made = [formula(b) for _, b, _ in pairs]
            fits = all(m.shape == a.shape and _agree(a, m) for m, (a, _, _) in zip(made, pairs, strict=True))
            # a formula that changes nothing, or makes all alike, proves nothing
            if fits and any(not _agree(a, b) for a, b, _ in pairs):
                if sum(np.count_nonzero(a) for a, _, _ in pairs) > 1:
                    return text
    if all(close(a, b, (1e-3, 1e-5)) for a, b, _ in pairs):
        return "Nearly right: something is rounded, a small term is too much, or the formula only nearly the same."
    off = np.concatenate([np.ravel(a - b) for a, b, _ in pairs])
    if np.ptp(off) <= 1e-6 * abs(off[0]):
        return f"The numbers are off by the same amount, {off[0]:.4g}."
    return ""


def _agree(a, b):
    """Whether numbers come from the same formula, in float64 or in float32."""
    in_float32 = close(a, a.astype(np.float32), EXACT)
    return close(a, b, (1e-12, 1e-14)) or (in_float32 and close(a, b.astype(np.float32), (1e-7, 0.0)))


def _of_a_factor(pairs):
    factors = [_factor(a, b) for a, b, _ in pairs if b.any()]
    if not factors or None in factors or any(a.any() for a, b, _ in pairs if not b.any()):
        return ""
    if len(factors) == 1 and max(np.count_nonzero(b) for _, b, _ in pairs) < 2:
        return ""  # one number is always some multiple of another
    if np.ptp(factors) <= 1e-7 * abs(factors[0]):
        return f"The numbers are {factors[0]:.4g} times what they should be."
    for words, sizes in _sizes([arguments for _, b, arguments in pairs if b.any()]).items():
        if np.allclose(factors, sizes, rtol=1e-7, atol=0):
            return f"The numbers are what they should be, times {words}."
        if np.allclose(factors, 1 / sizes, rtol=1e-7, atol=0):
            return f"The numbers are what they should be, divided by {words}."
    if max(np.count_nonzero(b) for _, b, _ in pairs) < 2:
        return ""
    return "In each case the numbers are right but for one factor, and it differs from case to case."


def _factor(a, b):
    """The number that turns b into a, or None."""
    factor = float(np.sum(a * b) / np.sum(b * b))
    return factor if factor and np.isfinite(factor) and close(a / factor, b, ALIKE) else None


def _sizes(arguments):
    """{words: the number in each case} for lengths and numbers among the arguments; only those that differ."""
    found = {}
    for name in arguments[0]:
        values = [numbers(given.get(name)) for given in arguments]
        if any(value is None for value in values):
            continue
        if all(value.ndim == 0 for value in values):
            found[f"`{name}`"] = np.array([float(value) for value in values])
        for axis in range(min(value.ndim for value in values)):
            size = np.array([value.shape[axis] for value in values], dtype=float)
            found.setdefault(f"the size of `{name}` along axis {axis}", size)
    return {words: sizes for words, sizes in found.items() if sizes.all() and np.ptp(sizes) > 0}


def _of_places(pairs):
    """Where the wrong entries are: in which rows or columns, or where an argument or the result has which sign."""
    marks = [_wrong_entries(a, b) for a, b, _ in pairs]
    told = [(mark, b, arguments) for mark, (_, b, arguments) in zip(marks, pairs, strict=True) if mark.any()]
    if not told or all(mark.all() for mark, _, _ in told):
        return ""
    if all(_ends_early(mark, a, b) for mark, (a, b, _) in zip(marks, pairs, strict=True) if mark.any()):
        return "Those that are wrong are 0, as if never filled: does the loop reach them, or is a `return` inside it?"
    for words, (axis, holds) in _PLACES.items():
        if all(mark.ndim > axis and _lie_in(mark, holds(mark), words, axis) for mark, _, _ in told):
            if max(mark.shape[axis] for mark, _, _ in told) > 1:
                return f"Wrong are {words}."
    few = sum(mark.size - mark.sum() for mark in marks)
    for name in [*pairs[0][2], None]:
        for words, test in _SIGNS.items():
            fits = words != "not 0" or (name is not None and few > 3)  # true of nearly all that is wrong
            for mark, (_, b, arguments) in zip(marks, pairs, strict=True):
                value = b if name is None else numbers(arguments.get(name))
                fits = fits and value is not None and value.shape == mark.shape and np.array_equal(mark, test(value))
            if fits and any(mark.size > 1 for mark, _, _ in told):
                what = f"`{name}`" if name else "the right number"
                return f"Wrong are the entries where {what} is {words}, and only those."
    share = told[0][0].sum(), told[0][0].size
    if all(close(np.sort(a, None), np.sort(b, None), ALIKE) for a, b, _ in pairs):
        return "All the right numbers occur, but in other places."
    return f"Of its {share[1]} numbers {share[0]} are wrong." if 2 * share[0] < share[1] else ""


def _lie_in(mark, place, words, axis):
    """Whether all that is wrong lies there; for "all", whether each row, or column, of the place has its share."""
    if not words.startswith("all"):
        return not np.any(mark & ~place)
    others = tuple(i for i in range(mark.ndim) if i != axis)
    return np.array_equal(mark.any(axis=others), place.any(axis=others))


def _ends_early(mark, a, b):
    """Whether all from some entry on is 0, and should not be: row by row, or column by column."""
    found = False
    for order in "CF":
        wrong, due = mark.ravel(order), b.ravel(order) != 0
        found |= np.array_equal(wrong[wrong.argmax() :], due[wrong.argmax() :])
    return found and not a[mark].any()


def _wrong_entries(a, b):
    return abs(a - b) > 1e-6 * np.max(abs(b), initial=1e-300)


def _at(*index):
    def marked(mark):
        made = np.zeros(mark.shape, bool)
        made[index] = True
        return made

    return marked


_PLACES = {  # words: the axis along which there must be several, and the entries
    "only numbers of the first row, or the first number": (0, _at(0)),
    "only numbers of the last row, or the last number": (0, _at(-1)),
    "all rows but the first": (0, _at(slice(1, None))),
    "only numbers of the first column": (1, _at(slice(None), 0)),
    "only numbers of the last column": (1, _at(slice(None), -1)),
    "all columns but the first": (1, _at(slice(None), slice(1, None))),
}
_SIGNS = {
    "negative": lambda value: value < 0,
    "0": lambda value: value == 0,
    "not 0": lambda value: value != 0,
    "positive": lambda value: value > 0,
}


# -------------------------------------------------------------------------------------------------- errors

_ERRORS = {  # a pattern in the message: the hint, which may quote what the pattern caught
    r"NameError: name '(\w+)'": (
        "Nothing has the name `{0}` where the function runs: is it spelled so elsewhere, and was the cell run that "
        "defines it?"
    ),
    r"UnboundLocalError.*'(\w+)'": (
        "`{0}` is assigned somewhere in the function, so Python takes it for a variable of the function; here it is "
        "read before it has a value."
    ),
    r"shapes \((.*?)\) and \((.*?)\) not aligned|matmul.*core dimension": (
        "In a matrix product the columns of the first array must be as many as the rows of the second. Print both "
        "shapes."
    ),
    r"shape.*\((?:0,|.*,0[,)])": "One of these arrays is empty, as a slice `[:-0]` is. Print its shape.",
    r"shapes? \(.*?\) (?:and |into shape )?\(.*?\)": (
        "Two arrays meet whose shapes do not fit. Print both just before that line: which is not as you think?"
    ),
    r"IndexError: (?:index|list|tuple)": "Counting begins at 0, so the last of n has the number n − 1.",
    r"IndexError: too many indices": "That array has fewer axes than you index. Print its shape.",
    r"AxisError": "That array has fewer axes than you name. Print its shape; axes are counted from 0.",
    r"TypeError: Cannot interpret '\d+' as a data type": (
        "The shape is one argument: `np.zeros((rows, columns))`, with parentheses of its own."
    ),
    r"IndexError: arrays used as indices must be": (
        "An array that picks rows must hold whole numbers or truth values. Print it, and its dtype."
    ),
    r"generator raised StopIteration": "A generator ends where its function ends, or at a `return`.",
    r"TypeError: .*'NoneType'": (
        "Something is None there: the result of a function without `return`, or of one that works in place, such as "
        "`list.sort`."
    ),
    r"TypeError: .*can't multiply sequence|unsupported operand.*'list'": (
        "A list does not compute as an array does: go through it."
    ),
    r"scalar index|only integers, slices": (
        "What stands in those brackets is no whole number. (A loop over a list goes through its things; their numbers "
        "come from `range` or `enumerate`.)"
    ),
    r"TypeError: only .*(?:scalar|0-dim|length-1)": (
        "`math` functions and `float` take one number; for arrays NumPy has its own, such as `np.exp`."
    ),
    r"TypeError: .*not callable": "There are parentheses after something that is no function.",
    r"ValueError: .*truth value of an array": (
        "`if`, `and` and `or` need one truth value, and an array has many: use `np.where`, `&` between parentheses, "
        "`.any()` or `.all()`."
    ),
    r"ValueError: .*read-only": "Something has made that array read-only; change a copy, if any.",
    r"ValueError: .*inhomogeneous": "Its parts have different shapes, so they make no array.",
    r"ValueError: cannot reshape": "The new shape has to have as many entries as the array. Print the array's shape.",
    r"UFuncTypeError|Cannot cast (?:ufunc|array)": (
        "An array of whole numbers cannot take fractions in place: begin with an array of floats."
    ),
    r"ZeroDivisionError|math domain error": "When is that number 0, and what should come then?",
    r"RecursionError": "It calls itself without end.",
    r"AttributeError: '(\w+)' object has no attribute '(\w+)'": "A `{0}` has no `.{1}`: what did you expect there?",
    r"AttributeError: module '(\w+)' has no attribute '(\w+)'": "`{0}` has nothing of that name: is it spelled so?",
    r"KeyError": "There is no such key: print the keys that there are.",
    r"MemoryError": "That array would not fit into memory: look at the shape it would have.",
    r"TookTooLong": "Does a loop ever end, and does anything wait or sleep?",
    r"SystemExit": "`exit` ends the whole program; `return` ends a function, and `raise` refuses an argument.",
    r"nobody is there to answer": "A check cannot type: no `input()`.",
}


def of_an_error(outcome):
    """What the message of an error means, for those that everybody meets; empty for others."""
    if outcome.refused:
        return "That is a `raise` or `assert` of your own; these arguments are good ones, and should get past it."
    for pattern, hint in _ERRORS.items():
        found = re.search(pattern, f"{outcome.kind} {outcome.error}")
        if found:
            return hint.format(*found.groups())
    return ""


def explain_number(number, expected):
    """A hint on a number that is none of the listed ones."""
    known = {
        "The sign is the other one.": -expected,
        "That is 100 times as much: a percentage, where a fraction is asked for?": 100 * expected,
        "That is a hundredth of it: a fraction, where the number itself is asked for?": expected / 100,
        "That is 1 − the right number.": 1 - expected,
        "That is 1 divided by the right number.": 1 / expected if expected else np.inf,
        "That is twice the right number.": 2 * expected,
        "That is half of the right number.": expected / 2,
        "That is its square.": expected**2,
        "That is its square root.": abs(expected) ** 0.5,
    }
    for hint, value in known.items():
        if close(number, value, 1e-6) and not close(value, expected, 1e-3):
            return hint
    if close(number, expected, 0.01):
        return "Near it, but not exact: give all digits, and round only at the end, if at all."
    return ""
