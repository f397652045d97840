"""Is the backward pass right? Compare it with slopes measured from the loss alone.

Central differences: (J(w + ε) − J(w − ε)) / 2ε, error O(ε²). The complex step: Im J(w + iε) / ε (Squire and
Trapp 1998), which subtracts nothing and so is exact to rounding for any small ε. See notebook 04.
"""

from dataclasses import dataclass

import numpy as np

from . import checks
from .network import flatten

_EPSILON = {"central": 1e-5, "complex": 1e-30}


@dataclass(frozen=True)
class ArrayCheck:
    """What the check found for one parameter array.

    Attributes
    ----------
    name : str
        "W1", "b1", …
    relative_error : float
        ‖a − n‖ / (‖a‖ + ‖n‖) over the entries compared, a the analytic and n the numerical gradient; 0 if both are 0.
    worst : tuple of int
        Index of the entry where they differ most, with its two values, `analytic` and `numerical`.
    compared : int
        How many entries.
    """

    name: str
    relative_error: float
    worst: tuple
    analytic: float
    numerical: float
    compared: int


@dataclass(frozen=True)
class GradientReport:
    """One ArrayCheck per parameter array; prints as a table."""

    rows: tuple
    method: str
    epsilon: float

    @property
    def max_relative_error(self):
        """The largest of the arrays' relative errors; NaN if one of them is."""
        return float(np.max([row.relative_error for row in self.rows]))  # np.max lets NaN through, max may not

    def __str__(self):
        lines = ["array  compared  relative error  where they differ most: analytic, numerical"]
        for row in self.rows:
            where, values = f"[{', '.join(map(str, row.worst))}]", f"{row.analytic: .6e}, {row.numerical: .6e}"
            lines.append(f"{row.name:5}  {row.compared:8,}  {row.relative_error:14.1e}  {where:10} {values}")
        return "\n".join(lines)


def gradient_check(
    net, X, y, weight_decay=0.0, method="central", epsilon=None, dtype="float64", max_entries=None, seed=0
):
    """Compare `net.loss_and_gradients` with slopes measured from `net.loss`, array by array.

    The network itself is not changed: a copy in dtype is checked.

    Parameters
    ----------
    net : Network
    X : ndarray, (m, n₀)
    y : ndarray, (m,)
    weight_decay : float
        λ ≥ 0.
    method : str
        "central", or "complex" for the complex step.
    epsilon : float, optional
        The step, by default 1e-5 and 1e-30.
    dtype : str
        "float32" or "float64".
    max_entries : int, optional
        Compare only so many entries of each array, drawn with seed; by default all of them.
    seed : int

    Returns
    -------
    GradientReport
        A right backward pass in float64 stays below 1e-7 with central differences (unless a ReLU's kink lies within
        the step) and below 1e-12 with the complex step.

    Raises
    ------
    ValueError
        For an unknown method, an epsilon that is not above 0, or a gradient of the wrong shape.
    """
    checks.like("net", net, "loss_and_gradients", "a Network")
    checks.one_of("method", method, _EPSILON)
    checks.dtype(dtype, ("float32", "float64"))
    rng = np.random.default_rng(checks.integer("seed", seed, 0))
    most = np.inf if max_entries is None else checks.integer("max_entries", max_entries, 1)
    epsilon = checks.number("epsilon", _EPSILON[method] if epsilon is None else epsilon, above=0)

    _, gradients = net.copy(dtype).loss_and_gradients(X, y, weight_decay)
    probe = net.copy("complex128" if method == "complex" else dtype)
    slope = complex_step if method == "complex" else central_difference
    rows = []
    for name, parameter, gradient in zip(probe.parameter_names(), probe.parameters(), flatten(gradients), strict=True):
        if np.shape(gradient) != parameter.shape:
            raise ValueError(f"the gradient of {name} has shape {np.shape(gradient)}, the parameter {parameter.shape}")
        entries = np.arange(parameter.size)
        if parameter.size > most:
            entries = np.sort(rng.choice(parameter.size, most, replace=False))
        numerical = slope(lambda: probe.loss(X, y, weight_decay).total, parameter, epsilon, entries)
        analytic = np.ravel(gradient)[entries]
        worst = np.argmax(abs(analytic - numerical))
        place = tuple(int(j) for j in np.unravel_index(entries[worst], parameter.shape))
        error, two = relative_error(analytic, numerical), (float(analytic[worst]), float(numerical[worst]))
        rows.append(ArrayCheck(name, error, place, *two, len(entries)))
    return GradientReport(tuple(rows), method, epsilon)


def relative_error(a, n):
    """‖a − n‖ / (‖a‖ + ‖n‖), between 0 and 1; 0 when both are 0."""
    scale = np.linalg.norm(a) + np.linalg.norm(n)
    return float(np.linalg.norm(a - n) / scale) if scale else 0.0


def central_difference(f, parameter, epsilon=1e-5, entries=None):
    """(f(w + ε) − f(w − ε)) / 2ε for the entries of a float array that f reads.

    The array is changed in place while it is measured, and is the same as before afterward.

    Parameters
    ----------
    f : callable
        A function of nothing that returns a number.
    parameter : ndarray
    epsilon : float
    entries : sequence of int, optional
        Flat indices; all by default.

    Returns
    -------
    ndarray
        One slope per entry.

    Raises
    ------
    TypeError
        If the array does not hold floating-point numbers.
    """
    parameter = checks.parameter(parameter, "fc")
    return _slopes(parameter, entries, lambda at: (at(epsilon) - at(-epsilon)) / (2 * epsilon), f)


def complex_step(f, parameter, epsilon=1e-30, entries=None):
    """Im f(w + iε) / ε, as `central_difference`, for a complex array and an f that is analytic in it."""
    return _slopes(checks.parameter(parameter, "c"), entries, lambda at: at(1j * epsilon).imag / epsilon, f)


def _slopes(parameter, entries, slope, f):
    flat, slopes = parameter.flat, []
    for entry in range(parameter.size) if entries is None else entries:
        original = flat[entry]

        def at(step, entry=entry, original=original):
            flat[entry] = original + step
            return f()

        try:
            slopes.append(slope(at))
        finally:  # the original itself: adding and subtracting ε would leave a trace of rounding
            flat[entry] = original
    return np.array(slopes)
