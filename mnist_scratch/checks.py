"""Argument checks: each returns the value in its final form, or raises an error that names the argument."""

from math import inf
from numbers import Real

import numpy as np


def one_of(name, value, known):
    """value, when it is one of the known ones; ValueError otherwise."""
    if value not in known:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(map(repr, known))}")
    return value


def integer(name, value, low, high=2**63):
    """A whole number from low to high; TypeError or ValueError otherwise."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if not low <= value <= high:
        limits = f"between {low:,} and {high:,}" if high < 2**63 else f"{low:,} or more"
        raise ValueError(f"{name} must be {limits}, not {value:,}")
    return int(value)


def number(name, value, above=-inf, at_least=-inf, below=inf):
    """A finite real number within the limits, as a Python float; TypeError or ValueError otherwise.

    A NumPy scalar would turn float32 arithmetic into float64: NumPy's promotion treats it as an array.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not (value > above and value >= at_least and value < below):
        low = f"above {above}" if above > -inf else f"at least {at_least}"
        raise ValueError(f"{name} must be {low} and {f'below {below}' if below < inf else 'finite'}, not {value}")
    return float(value)


def layer_sizes(sizes):
    """A list of two or more whole numbers from 1 up."""
    sizes = list(sizes) if np.iterable(sizes) else [sizes]
    if len(sizes) < 2 or not all(isinstance(n, (int, np.integer)) and n >= 1 for n in sizes):
        raise ValueError(f"sizes must be two or more whole numbers from 1 up, such as [784, 128, 10], not {sizes}")
    return [int(n) for n in sizes]


def dtype(value, known=("float32", "float64", "complex128")):
    """A NumPy dtype in which a network can compute."""
    return np.dtype(one_of("dtype", value if isinstance(value, str) or value is None else np.dtype(value).name, known))


def inputs(X, n_in, dtype, name="X", first_row=0):
    """An array (m, n_in) of finite fractions in the dtype, m ≥ 1. first_row: what to call its first row."""
    if hasattr(X, "images"):
        raise TypeError(f"{name} is a Dataset; give its .images")
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != n_in or len(X) == 0:
        raise ValueError(f"{name} must have shape (m, {n_in}) with m ≥ 1, one example per row, not {X.shape}")
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
    y = np.asarray(y)
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
    if Y.shape != (m, n_classes):
        raise ValueError(f"y must be labels of shape ({m},) or targets of shape ({m}, {n_classes}), not {Y.shape}")
    if not np.isfinite(Y).all():
        raise ValueError("y holds NaN or infinity")
    return Y.astype(dtype, copy=False)


def store(settings, name, **limits):
    """Check a setting of a frozen record, and keep it as a plain float."""
    object.__setattr__(settings, name, number(name, getattr(settings, name), **limits))
