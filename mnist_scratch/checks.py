"""Argument checks: each returns the value in its final form, or raises an error that names the argument."""

import os
from math import inf
from numbers import Real
from reprlib import repr as short  # an array would fill screens

import numpy as np

_MOST = 1_000_000  # units of a layer, or classes


def one_of(name, value, known):
    """value, when it is one of the known ones; ValueError otherwise."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(map(repr, known))}")
    return value


def integer(name, value, low, high=2**63):
    """A whole number from low to high; TypeError or ValueError otherwise."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {short(value)}")
    if not low <= value <= high:
        limits = f"between {low:,} and {high:,}" if high < 2**63 else f"{low:,} or more"
        raise ValueError(f"{name} must be {limits}, not {value:,}")
    return int(value)


def number(name, value, above=-inf, at_least=-inf, below=inf):
    """A finite real number within the limits, as a Python float; TypeError or ValueError otherwise.

    A NumPy scalar would turn float32 arithmetic into float64: NumPy's promotion treats it as an array.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {short(value)}")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = inf
    if not (number > above and number >= at_least and number < below):
        low = f"above {above}" if above > -inf else f"at least {at_least}"
        raise ValueError(f"{name} must be {low} and {f'below {below}' if below < inf else 'finite'}, not {value}")
    return number


def flag(name, value):
    """True or False; TypeError otherwise, for "no" would count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {short(value)}")
    return bool(value)


def like(name, value, method, example):
    """value, when it is an object with that method; TypeError otherwise, which says what would be one."""
    if isinstance(value, type) or not hasattr(value, method):
        raise TypeError(f"{name} must be {example}, not {short(value)}")
    return value


def function(name, value):
    """value, when it can be called; TypeError otherwise."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, not {short(value)}")
    return value


def path(name, value):
    """value, when it can name a file; TypeError otherwise."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a text or a Path, not {short(value)}")
    if value == "":
        raise ValueError(f"{name} must name a file or a folder, and this text is empty")
    return value


def array(name, value, kinds="biuf"):
    """An array of real numbers, or of the kinds given as NumPy's letters, None for any; ValueError otherwise."""
    try:
        value = np.asarray(value)
    except (TypeError, ValueError):  # lists of lists of unequal length
        raise ValueError(f"{name} must be an array: as many numbers in each row as in the others") from None
    if kinds is not None and value.dtype.kind not in kinds:
        raise ValueError(f"{name} must hold numbers, not {value.dtype}")
    return value


def sequence(name, value):
    """The list of what value holds; TypeError when it is no list, tuple or the like."""
    try:
        if not isinstance(value, (str, bytes, dict)):
            return list(value)
    except TypeError:
        pass
    raise TypeError(f"{name} must be a list, not {short(value)}")


def arrays(name, value):
    """value, when it is a list or tuple of arrays; TypeError otherwise."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(array, np.ndarray) for array in value):
        raise TypeError(f"{name} must be a flat list of arrays, in the order of net.parameters(), not {short(value)}")
    return value


def layer_sizes(sizes):
    """A list of two or more whole numbers from 1 to a million."""
    try:
        sizes = sequence("sizes", sizes)
    except TypeError:
        sizes = [sizes]
    whole = [isinstance(n, (int, np.integer)) and not isinstance(n, bool) and 1 <= n <= _MOST for n in sizes]
    if len(sizes) < 2 or not all(whole):
        raise ValueError(f"sizes must be two or more whole numbers from 1 up, such as [784, 128, 10], not {sizes}")
    return [int(n) for n in sizes]


def n_classes(value):
    """A whole number from 1 to a million."""
    return integer("n_classes", value, 1, _MOST)


def dtype(value, known=("float32", "float64", "complex128")):
    """A NumPy dtype in which a network can compute, or any other of the names in known."""
    try:
        name = np.dtype(value).name
    except (TypeError, ValueError):
        name = None
    if value is None or name not in known:  # NumPy takes None for float64
        raise ValueError(f"dtype={value!r} is unknown; choose one of {', '.join(map(repr, known))}")
    return np.dtype(name)


def inputs(X, n_in, dtype, name="X", first_row=0):
    """An array (m, n_in) of finite fractions in the dtype, m ≥ 1. first_row: what to call its first row."""
    if hasattr(X, "images"):
        raise TypeError(f"{name} is a Dataset; give its .images")
    X = array(name, X, "biufc")
    if X.ndim != 2 or X.shape[1] != n_in or len(X) == 0:
        remedy = {1: "; one example alone is X[np.newaxis]", 3: "; pictures become rows by X.reshape(len(X), -1)"}
        shape = f"{X.shape}{remedy.get(X.ndim, '')}"
        raise ValueError(f"{name} must have shape (m, {n_in}) with m ≥ 1, one example per row, not {shape}")
    if X.dtype.kind == "c" and np.dtype(dtype).kind != "c":
        raise ValueError(f"{name} holds complex numbers, and the network computes in {dtype}")
    if X.dtype.kind not in "fc":
        raise ValueError(
            f"{name} holds {X.dtype} values, but the network computes with fractions: for pixels from 0 to 255 "
            "use X / 255, as load_mnist does"
        )
    with np.errstate(over="ignore"):  # what is too large for float32 is found in the next line
        X = X.astype(dtype, copy=False)
    if not np.isfinite(X).all():
        bad = np.flatnonzero(~np.isfinite(X).all(axis=1))
        raise ValueError(f"{name} holds NaN or infinity; the first row that does is row {first_row + bad[0]}")
    return X


def labels(y, n_classes=None, m=None, name="y"):
    """An array (m,) of integers from 0 to n_classes − 1, or from 0 up."""
    y = array(name, y)
    if y.ndim != 1 or (m is not None and len(y) != m):
        raise ValueError(f"{name} must have shape ({'m' if m is None else m},), one label per example, not {y.shape}")
    if y.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, not {y.dtype}")
    if len(y) and (y.min() < 0 or n_classes is not None and y.max() >= n_classes):
        limits = "0 or more" if n_classes is None else f"from 0 to {n_classes - 1}"
        raise ValueError(f"{name} must be {limits}; these labels go from {y.min()} to {y.max()}")
    return y


def targets(Y, n_classes, m, dtype):
    """An array (m, n_classes) of finite numbers in the dtype."""
    Y = array("y", Y, "biufc" if np.dtype(dtype).kind == "c" else "biuf")
    if Y.shape != (m, n_classes):
        raise ValueError(f"y must be labels of shape ({m},) or targets of shape ({m}, {n_classes}), not {Y.shape}")
    if not np.isfinite(Y).all():
        raise ValueError("y holds NaN or infinity")
    return Y.astype(dtype, copy=False)


def store(settings, name, **limits):
    """Check a setting of a frozen record, and keep it as a plain float."""
    object.__setattr__(settings, name, number(name, getattr(settings, name), **limits))
