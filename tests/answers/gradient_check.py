"""Answers to the exercises of notebook 04: right ones in several styles, and wrong ones with a piece of their hint."""

import numpy as np

# ------------------------------------------------------------------------------------------------ 4.1

BUGS = {
    "A": "mean",
    "B": "bias",
    "C": "mask",
    "D": "in place",
    "E": "transpose",
    "F": "difference",
    "G": "penalty",
    "H": "stale",
    "I": "derivative",
    "J": "twice",
}


def hunt(**changed):
    return BUGS | changed


# ------------------------------------------------------------------------------------------------ 4.2


def numerical_gradient_with_loops(f, x, epsilon=1e-5):
    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        original = x[index]
        x[index] = original + epsilon
        above = f()
        x[index] = original - epsilon
        below = f()
        x[index] = original
        slopes[index] = (above - below) / (2 * epsilon)
    return slopes


def numerical_gradient_with_unit_vectors(f, x, epsilon=1e-5):
    start, slopes = x.copy(), []
    for unit in np.eye(x.size):
        step = epsilon * unit.reshape(x.shape)
        x[...] = start + step
        above = f()
        x[...] = start - step
        slopes.append((above - f()) / (2 * epsilon))
        x[...] = start
    return np.array(slopes).reshape(x.shape)


def numerical_gradient_float32(f, x, epsilon=1e-5):
    slopes = np.zeros(x.size, np.float32)
    for i in range(x.size):
        original = x.flat[i]
        values = []
        for step in (epsilon, -epsilon):
            x.flat[i] = original + step
            values.append(f())
        x.flat[i] = original
        slopes[i] = (values[0] - values[1]) / (2 * epsilon)
    return slopes.reshape(x.shape)


def numerical_gradient_with_iterator(f, x, epsilon=1e-5):
    slopes = np.zeros_like(x)
    with np.nditer(x, flags=["multi_index"], op_flags=["readwrite"]) as entries:
        for entry in entries:
            original = float(entry)
            entry[...] = original + epsilon
            above = f()
            entry[...] = original - epsilon
            slopes[entries.multi_index] = (above - f()) / (2 * epsilon)
            entry[...] = original
    return slopes


def numerical_gradient_forward(f, x, epsilon=1e-5):
    slopes, here = np.empty(x.shape), f()
    for index in np.ndindex(x.shape):
        original = x[index]
        x[index] = original + epsilon
        slopes[index] = (f() - here) / epsilon
        x[index] = original
    return slopes


def numerical_gradient_leaves_a_trace(f, x, epsilon=1e-5):
    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += epsilon
        above = f()
        x[index] -= 2 * epsilon
        below = f()
        x[index] += epsilon
        slopes[index] = (above - below) / (2 * epsilon)
    return slopes


def numerical_gradient_never_puts_back(f, x, epsilon=1e-5):
    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += epsilon
        above = f()
        x[index] -= 2 * epsilon
        slopes[index] = (above - f()) / (2 * epsilon)
    return slopes


def numerical_gradient_puts_back_at_the_end(f, x, epsilon=1e-5):
    start = x.copy()
    slopes = numerical_gradient_never_puts_back(f, x, epsilon)
    x[...] = start
    return slopes


def numerical_gradient_of_a_copy(f, x, epsilon=1e-5):
    return numerical_gradient_with_loops(f, x.copy(), epsilon)


def numerical_gradient_of_a_flat_copy(f, x, epsilon=1e-5):
    flat, slopes = x.ravel(), np.zeros(x.size)
    for i in range(x.size):
        original = flat[i]
        flat[i] = original + epsilon
        above = f()
        flat[i] = original - epsilon
        slopes[i] = (above - f()) / (2 * epsilon)
        flat[i] = original
    return slopes.reshape(x.shape)


def numerical_gradient_not_halved(f, x, epsilon=1e-5):
    return 2 * numerical_gradient_with_loops(f, x, epsilon)


def numerical_gradient_without_brackets(f, x, epsilon=1e-5):
    return numerical_gradient_with_loops(f, x, epsilon) * 2 * epsilon / 2 * epsilon


def numerical_gradient_with_a_fixed_step(f, x, epsilon=1e-5):
    return numerical_gradient_with_loops(f, x, 1e-5)


def numerical_gradient_of_all_at_once(f, x, epsilon=1e-5):
    start = x.copy()
    x[...] = start + epsilon
    above = f()
    x[...] = start - epsilon
    below = f()
    x[...] = start
    return (above - below) / (2 * epsilon)


def numerical_gradient_of_rows(f, x, epsilon=1e-5):
    slopes = np.zeros_like(x)
    for i in range(len(x)):
        original = np.copy(x[i])
        x[i] = original + epsilon
        above = f()
        x[i] = original - epsilon
        below = f()
        x[i] = original
        slopes[i] = (above - below) / (2 * epsilon)
    return slopes


def numerical_gradient_in_one_row(f, x, epsilon=1e-5):
    return numerical_gradient_with_loops(f, x, epsilon).ravel()


def numerical_gradient_gives_f_an_argument(f, x, epsilon=1e-5):
    return (f(x + epsilon) - f(x - epsilon)) / (2 * epsilon)


# ------------------------------------------------------------------------------------------------ 4.3


def relative_error_with_loops(a, n):
    difference = size_a = size_n = 0.0
    for u, v in zip(a.ravel().tolist(), n.ravel().tolist(), strict=True):
        difference += (u - v) ** 2
        size_a += u**2
        size_n += v**2
    if size_a == size_n == 0:
        return 0
    return difference**0.5 / (size_a**0.5 + size_n**0.5)


def relative_error_vectorised(a, n):
    sizes = np.linalg.norm(a) + np.linalg.norm(n)
    return np.linalg.norm(a - n) / sizes if sizes > 0 else 0.0


def relative_error_float32(a, n):
    a, n = np.float32(a), np.float32(n)
    if not a.any() and not n.any():
        return np.float32(0)
    return np.sqrt(np.sum((a - n) ** 2)) / (np.sqrt(np.sum(a * a)) + np.sqrt(np.sum(n * n)))


def relative_error_with_the_tiniest_number(a, n):
    return np.linalg.norm(a - n) / max(np.linalg.norm(a) + np.linalg.norm(n), 1e-300)


def relative_error_zero_by_zero(a, n):
    return np.linalg.norm(a - n) / (np.linalg.norm(a) + np.linalg.norm(n))


def relative_error_largest_entry(a, n):
    with np.errstate(invalid="ignore"):
        return np.nanmax(np.nan_to_num(np.abs(a - n) / (np.abs(a) + np.abs(n))))


def relative_error_mean_of_entries(a, n):
    return (np.abs(a - n) / (np.abs(a) + np.abs(n))).mean()


def relative_error_of_each_entry(a, n):
    return np.abs(a - n) / (np.abs(a) + np.abs(n))


def relative_error_by_the_first(a, n):
    return np.linalg.norm(a - n) / np.linalg.norm(a)


def relative_error_by_the_second(a, n):
    return np.linalg.norm(n - a) / np.linalg.norm(n)


def relative_error_by_the_larger(a, n):
    if not np.any(a) and not np.any(n):
        return 0.0
    return np.linalg.norm(a - n) / max(np.linalg.norm(a), np.linalg.norm(n))


def relative_error_by_the_norm_of_the_sum(a, n):
    return np.linalg.norm(a - n) / np.linalg.norm(a + n)


def relative_error_squared(a, n):
    return ((a - n) ** 2).sum() / ((a**2).sum() + (n**2).sum())


def relative_error_absolute(a, n):
    return np.linalg.norm(a - n)


def relative_error_with_a_small_number(a, n):
    return np.linalg.norm(a - n) / (np.linalg.norm(a) + np.linalg.norm(n) + 1e-8)


def relative_error_cancels(a, n):
    return abs((a - n).sum()) / (abs(a).sum() + abs(n).sum())


def relative_error_with_absolute_values(a, n):
    sizes = np.abs(a).sum() + np.abs(n).sum()
    return np.abs(a - n).sum() / sizes if sizes else 0.0


def relative_error_without_brackets(a, n):
    return np.linalg.norm(a - n) / np.linalg.norm(a) + np.linalg.norm(n)


def relative_error_zero_where_one_is(a, n):
    size_a, size_n = np.linalg.norm(a), np.linalg.norm(n)
    return 0 if size_a == 0 or size_n == 0 else np.linalg.norm(a - n) / (size_a + size_n)


def relative_error_a_tenth_of_tiny_ones(a, n):
    error = relative_error_vectorised(a, n)
    return 0.1 * error if 0 < np.linalg.norm(a) < 1e-6 else error


# ------------------------------------------------------------------------------------------------ 4.4


def four_points_with_a_loop(f, x, epsilon):
    total = 0
    for steps, weight in [(-2, 1), (-1, -8), (1, 8), (2, -1)]:
        total += weight * f(x + steps * epsilon)
    return total / (12 * epsilon)


def four_points_vectorised(f, x, epsilon):
    steps = np.array([-2.0, -1.0, 1.0, 2.0])
    values = np.stack([f(np.asarray(x) + s * epsilon) for s in steps])
    return np.array([1.0, -8.0, 8.0, -1.0]) @ values / 12 / epsilon


def four_points_float32(f, x, epsilon):
    x, epsilon = np.float32(x), np.float32(epsilon)
    near, far = f(x + epsilon) - f(x - epsilon), f(x + 2 * epsilon) - f(x - 2 * epsilon)
    return (8 * near - far) / (12 * epsilon)


def four_points_from_two_central_ones(f, x, epsilon):
    narrow = (f(x + epsilon) - f(x - epsilon)) / (2 * epsilon)
    wide = (f(x + 2 * epsilon) - f(x - 2 * epsilon)) / (4 * epsilon)
    return (4 * narrow - wide) / 3


def four_points_only_two(f, x, epsilon):
    return (f(x + epsilon) - f(x - epsilon)) / (2 * epsilon)


def four_points_only_the_outer(f, x, epsilon):
    return (f(x + 2 * epsilon) - f(x - 2 * epsilon)) / (4 * epsilon)


def four_points_added(f, x, epsilon):
    inner, outer = f(x + epsilon) - f(x - epsilon), f(x + 2 * epsilon) - f(x - 2 * epsilon)
    return (8 * inner + outer) / (12 * epsilon)


def four_points_eight_outside(f, x, epsilon):
    inner, outer = f(x + epsilon) - f(x - epsilon), f(x + 2 * epsilon) - f(x - 2 * epsilon)
    return (8 * outer - inner) / (12 * epsilon)


def four_points_no_eight(f, x, epsilon):
    inner, outer = f(x + epsilon) - f(x - epsilon), f(x + 2 * epsilon) - f(x - 2 * epsilon)
    return (inner - outer) / (12 * epsilon)


def four_points_bracket_missing(f, x, epsilon):
    return (8 * (f(x + epsilon) - f(x - epsilon)) - f(x + 2 * epsilon) - f(x - 2 * epsilon)) / (12 * epsilon)


def four_points_divided_and_multiplied(f, x, epsilon):
    inner, outer = f(x + epsilon) - f(x - epsilon), f(x + 2 * epsilon) - f(x - 2 * epsilon)
    return (8 * inner - outer) / 12 * epsilon


def four_points_no_step_below(f, x, epsilon):
    inner, outer = f(x + epsilon) - f(x - epsilon), f(x + 2 * epsilon) - f(x - 2 * epsilon)
    return (8 * inner - outer) / 12


def four_points_half_divided(f, x, epsilon):
    inner, outer = f(x + epsilon) - f(x - epsilon), f(x + 2 * epsilon) - f(x - 2 * epsilon)
    return 8 * inner - outer / (12 * epsilon)


RIGHT = {
    "bug_hunt": [
        BUGS,
        {letter.lower(): f" {cause.upper()}" for letter, cause in BUGS.items()},
        dict(reversed(BUGS.items())),
    ],
    "numerical_gradient": [
        numerical_gradient_with_loops,
        numerical_gradient_with_unit_vectors,
        numerical_gradient_float32,
        numerical_gradient_with_iterator,
    ],
    "relative_error": [
        relative_error_with_loops,
        relative_error_vectorised,
        relative_error_float32,
        relative_error_with_the_tiniest_number,
    ],
    "four_point_difference": [
        four_points_with_a_loop,
        four_points_vectorised,
        four_points_float32,
        four_points_from_two_central_ones,
    ],
}
WRONG = {
    "bug_hunt": [
        (hunt(A="difference", F="mean"), "every entry is wrong by one and the same factor"),
        (hunt(A="difference", F="mean"), "here they are not"),
        (hunt(C="derivative", I="mask"), "tanh has no mask"),
        (hunt(C="derivative", I="mask"), "possible with its activation"),
        (hunt(B="penalty"), "`penalty` would spoil W1, W2 and W3, and the report has them right"),
        (hunt(G="bias"), "it would leave W1, W2 and W3 alone, and the report has them wrong"),
        (hunt(E="mask"), "E: `mask` would spoil W2 and b2, and the report has them right"),
        (hunt(H="transpose"), "H: `transpose` would leave W2, b2 and W3 alone"),
        (hunt(D="twice", J="in place"), "D: `twice` would leave W3 alone, and the report has it wrong"),
        (hunt(D="twice", J="in place"), "J: `in place` would spoil W3, and the report has it right"),
        (hunt(A="?", B=None), "Right: C, D, E, F, G, H, I, J. Open: A, B."),
        (hunt(A="maen"), "Did you mean 'mean'?"),
        (hunt(A="the compiler"), "beginning of a line"),
        (["mean", "bias"], "Write it like"),
        ({"K": "mean"}, "for each letter from A to J"),
    ],
    "numerical_gradient": [
        (numerical_gradient_forward, "forward difference"),
        (numerical_gradient_leaves_a_trace, "rounding leaves a trace"),
        (numerical_gradient_never_puts_back, "as soon as it has been measured, or"),
        (numerical_gradient_puts_back_at_the_end, "only at the end"),
        (numerical_gradient_of_a_copy, "entries of a copy"),
        (numerical_gradient_of_a_flat_copy, "`ravel` and `reshape`"),
        (numerical_gradient_not_halved, "it is 2ε, not ε"),
        (numerical_gradient_without_brackets, "Put 2ε in brackets"),
        (numerical_gradient_with_a_fixed_step, "It is an argument"),
        (numerical_gradient_of_all_at_once, "All entries move at once"),
        (numerical_gradient_of_rows, "`x[i]` is a whole row"),
        (numerical_gradient_in_one_row, "in one long row"),
        (numerical_gradient_gives_f_an_argument, "f takes no argument"),
        (numerical_gradient_gives_f_an_argument, "TypeError: f() takes 0 positional arguments"),
    ],
    "relative_error": [
        (relative_error_zero_by_zero, "0/0 is not a number"),
        (relative_error_largest_entry, "would cry wolf"),
        (relative_error_mean_of_entries, "take a mean"),
        (relative_error_of_each_entry, "one number for the whole array"),
        (relative_error_by_the_first, "size of `a` alone"),
        (relative_error_by_the_second, "size of `n` alone"),
        (relative_error_by_the_larger, "larger of the two sizes"),
        (relative_error_by_the_norm_of_the_sum, "sum of the norms"),
        (relative_error_squared, "take the roots"),
        (relative_error_absolute, "difference alone"),
        (relative_error_with_a_small_number, "large beside small gradients"),
        (relative_error_cancels, "up and down cancel"),
        (relative_error_with_absolute_values, "add absolute values"),
        (relative_error_without_brackets, "divides by ‖a‖ only"),
        (relative_error_zero_where_one_is, "one alone gives 1"),
        (relative_error_a_tenth_of_tiny_ones, "a = [1.e-09, 1.e-09, 1.e-09, 1.e-09]"),
    ],
    "four_point_difference": [
        (four_points_only_two, "outer two"),
        (four_points_only_the_outer, "inner two points"),
        (four_points_added, "is added"),
        (four_points_eight_outside, "not to the outer one"),
        (four_points_no_eight, "factor 8"),
        (four_points_bracket_missing, "comes back with a plus"),
        (four_points_divided_and_multiplied, "Put 12ε in brackets"),
        (four_points_no_step_below, "missing in the denominator"),
        (four_points_half_divided, "whole numerator"),
    ],
}
