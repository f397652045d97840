"""Values, calls and answers in words, for a sentence in a message."""

import reprlib
from html import escape

import numpy as np


def called_name(student):
    name = getattr(student, "__name__", "<")
    return "your function" if not isinstance(name, str) or name.startswith("<") else name


def call_in_words(student, arguments, words=""):
    details = "; ".join(f"{name} = {shown(value)}" for name, value in arguments.items())
    return f"{called_name(student)}({', '.join(arguments)}) with {details}{f' ({words})' if words else ''}"


def shown(value):
    """A value for a sentence: small arrays with their numbers, larger ones with their shape."""
    try:
        return _shown(value)
    except Exception:  # a class of the student's, with a __repr__ that fails
        return f"<{type(value).__name__}>"


def _shown(value):
    if isinstance(value, np.ndarray):
        value = np.asarray(value)  # without what a subclass adds
        if value.size <= 12 and value.dtype.kind in "buif":
            largest = np.max(abs(value[np.isfinite(value)]), initial=0)
            small = bool(largest > 1e-3)  # where all are tiny, they would be shown as zeros
            value = np.round(value, 4) + 0 if small and value.dtype.kind == "f" else value  # + 0: no −0
            text = np.array2string(value, precision=4, separator=", ", suppress_small=small, threshold=20)
            return " ".join(text.split())
        return shape_in_words(value)
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, tuple | list) and any(isinstance(part, np.ndarray) for part in value):
        more = ", …" if len(value) > 4 else ""
        return f"{type(value).__name__} of " + ", ".join(shown(part) for part in value[:4]) + more
    if callable(value):
        return getattr(value, "__name__", "a function")
    if hasattr(value, "__next__"):
        return f"<{type(value).__name__}>"
    text = " ".join(_SHORT.repr(value).split())
    return text if len(text) <= 120 else text[:117] + "..."


_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 12
_SHORT.maxstring = _SHORT.maxother = 110


def shape_in_words(array):
    if array.ndim == 0:
        return f"a single number, {array.item():.6g}" if array.dtype.kind in "buif" else f"a single {array.dtype}"
    return f"an array of shape {array.shape}"


def listed(names, last="and"):
    names = [str(name) for name in names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def as_html(text):
    """A text as HTML, what stands between backticks as code."""
    parts = escape(text, quote=False).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is only a backtick
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
