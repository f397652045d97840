"""Whether an answer is right, as exactly as its numbers allow, and if not, how it differs.

A tolerance is a pair: relative to each entry, and relative to the largest one, for sums in which large terms cancel.
"""

from types import SimpleNamespace

import numpy

from .words import listed, shape_in_words, shown

np = SimpleNamespace(**vars(numpy))  # as it was imported: an answer may put its own functions there
EXACT = (0.0, 0.0)
FLOAT64 = (1e-9, 1e-13)
FLOAT32 = (1e-5, 2e-6)
ALIKE = (1e-7, 1e-9)  # two answers that come from the same formula, written in two ways


def in_float32(value):
    """Whether there are numbers of float32 in a value, or in what it holds."""
    if isinstance(value, tuple | list):
        return any(map(in_float32, value))
    return getattr(value, "dtype", None) == np.float32


def close(a, b, tolerance):
    """Whether real numbers agree with the expected ones, b; what is not finite has to be the same."""
    relative, of_largest = tolerance if isinstance(tolerance, tuple) else (tolerance, 0.0)
    a, b = numbers(a), numbers(b)
    if a is None or b is None or a.shape != b.shape:
        return False
    infinite = ~np.isfinite(b)
    sizes = np.abs(np.where(infinite, 0, b))
    largest = np.max(sizes, initial=0.0)
    # where all should be 0, rounding may leave some 1e-16 of numbers that are not seen here
    room = relative * sizes + (of_largest * largest if largest else min(of_largest, 1e-12))
    near = np.abs(np.where(infinite, 0, a) - np.where(infinite, 0, b)) <= room
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    return bool(np.all(np.where(infinite, equal, near)))


def numbers(value):
    """A value as an array of real numbers; None where it is none."""
    if value is None or isinstance(value, str | bytes | dict | set):
        return None
    try:
        array = np.asarray(value)
        if array.dtype.kind in "buif":
            return array.astype(float)
        return array.astype(float) if array.dtype.kind == "O" and not _holds_texts(array) else None
    except Exception:  # ragged, too large for a float, or of a class that does as it likes
        return None


def _holds_texts(array):
    return any(part is None or isinstance(part, str | bytes | list | tuple | np.ndarray) for part in array.flat)


def alike(a, b, tolerance=EXACT):
    """Whether two results are the same, lists and dictionaries part by part, numbers within the tolerance."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(alike(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(alike(a[key], b[key], tolerance) for key in a)
    if a is None or b is None:
        return a is b
    if numbers(a) is not None and numbers(b) is not None:
        return close(a, b, tolerance)
    try:
        return type(a) is type(b) and (a is b or callable(a) or hasattr(a, "__next__") or bool(np.all(a == b)))
    except Exception:  # whatever `==` does there
        return False


def difference(got, want, near, parts=()):
    """How a result differs from the expected one, as the end of a sentence; empty when it does not.

    near: near(a, b) says whether numbers of the same shape agree.
    """
    if isinstance(want, tuple | list):
        if (
            isinstance(got, np.ndarray)
            and got.ndim
            and (got.dtype == object or {got.shape[1:]} == set(map(np.shape, want)))
        ):
            got = list(got)  # an array of them will do
        names = [f"`{name}`" for name in parts] or [f"item {i}" for i in range(len(want))]
        if not isinstance(got, tuple | list):
            return f"returned {shown(got)}; expected a {type(want).__name__} of {len(want)}: {listed(names)}."
        if len(got) != len(want):
            return f"returned {len(got)} {_things(len(got))}; expected {len(want)}: {listed(names)}."
        reasons = (difference(a, b, near) for a, b in zip(got, want, strict=True))
        told = (r.replace("returned", f"returned, as {name},", 1) for name, r in zip(names, reasons, strict=True) if r)
        return next(told, "")
    a, b = numbers(got), numbers(want)
    if a is None or (isinstance(got, tuple) and any(np.ndim(part) and isinstance(part, np.ndarray) for part in got)):
        return f"returned {_no_numbers(got)}; expected {shown(want)}."
    if a.size == b.size == 0 and isinstance(got, list | tuple):
        return ""  # a list of no rows cannot say how long they are
    if a.shape != b.shape:
        return f"returned {shape_in_words(a)}; expected {shape_in_words(b)}."
    if near(got, want):
        return ""
    if not np.isfinite(a[np.isfinite(b)]).all():
        return f"returned {shown(got)}, and not all of it is finite; expected {shown(want)}."
    if b.size <= 12 and shown(a) != shown(b):
        return f"returned {shown(got)}; expected {shown(want)}."
    at = tuple(int(i) for i in np.unravel_index(np.argmax(abs(a - b)), b.shape))
    digits = 5 if f"{a[at]:.5g}" != f"{b[at]:.5g}" else 12
    if not b.shape:
        return f"returned {a[at]:.{digits}g}; expected {b[at]:.{digits}g}."
    entry = f"[{', '.join(map(str, at))}] is {a[at]:.{digits}g}, not {b[at]:.{digits}g}"
    return f"returned the right shape, {b.shape}, but wrong numbers: {entry}."


def _things(n):
    return "thing" if n == 1 else "things"


def _no_numbers(value):
    if isinstance(value, tuple | list):
        lengths = {len(part) for part in value if isinstance(part, tuple | list)}
        if len(lengths) > 1:
            return f"a {type(value).__name__} whose rows have different lengths, {listed(sorted(lengths))}"
        if any(isinstance(part, np.ndarray) for part in value):
            return f"a {type(value).__name__} of {len(value)} {_things(len(value))}: {listed(map(shown, value[:6]))}"
    return shown(value)
