"""The exercises of notebook 02: softmax, cross-entropy, a layer."""

import numpy as np

from ...functions import relu, softmax, softmax_cross_entropy
from .toolkit import Case, Exercise, Mistake, by_cases

_rng = np.random.default_rng(2)

_ROW_MEAN = (
    "You subtract the mean of each row; the largest exponent can still be far above 0. Which number makes the largest "
    "exponent exactly 0?"
)
_COLUMN_MAXIMA = "You subtract the largest of each column; a row is an example."
_SUMS = (
    "The row sums have the shape (m,), and broadcasting lays them along the columns. Keep the summed axis, as a column "
    "(m, 1)."
)
_MAXIMA = (
    "The row maxima have the shape (m,), and broadcasting lays them along the columns. Keep the axis, as a column "
    "(m, 1)."
)
_MAXIMA_AND_SUMS = (
    "The row maxima and the row sums have the shape (m,), and broadcasting lays them along the columns. Keep the axis, "
    "as a column (m, 1)."
)


_ONE_HOT = "Y holds one-hot rows here, not labels: multiply by it and add up."


def _row_maxima(Z):
    return Z.max(axis=1, keepdims=True)


def _row_sums(E):
    return E.sum(axis=1, keepdims=True)


# ------------------------------------------------------------------------------------------------ 2.1


def _unstable(Z):
    return np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)


def _shift_by_largest_of_all(Z):
    E = np.exp(Z - Z.max())
    return E / E.sum(axis=1, keepdims=True)


def _over_columns(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=0)


def _over_everything(Z):
    E = np.exp(Z - Z.max())
    return E / E.sum()


def _without_exp(Z):
    return Z / Z.sum(axis=1, keepdims=True)


def _shifted(shift, total=_row_sums):
    """A softmax with another shift, or another sum."""

    def answer(Z):
        E = np.exp(Z - shift(Z))
        return E / total(E)

    return answer


def _not_normalised(Z):
    return np.exp(Z - Z.max(axis=1, keepdims=True))


def _logarithm(Z):
    return np.log(softmax(Z))


SOFTMAX = Exercise(
    "softmax",
    "2.1",
    "Turn logits (m, K) into probabilities (m, K), row by row.",
    by_cases(
        softmax,
        [
            Case({"Z": np.array([[0.0, np.log(2.0), np.log(3.0)]])}, "one row; the answer is 1/6, 2/6, 3/6"),
            Case({"Z": _rng.standard_normal((4, 3))}),
            Case({"Z": _rng.standard_normal((3, 3))}, "as many rows as classes"),
            Case({"Z": _rng.standard_normal((2, 5)).astype(np.float32)}, "float32"),
            Case({"Z": np.array([[1000.0, 999.0], [-1000.0, -1000.0]])}, "large logits"),
            Case({"Z": np.array([[1000.0, 0.0], [0.0, -1000.0]])}, "rows of very different size"),
            Case({"Z": np.array([[1000.0, -1000.0]])}, "logits far apart"),
        ],
        [
            Mistake(
                "exp overflows for large logits. Only differences within a row count, so shift each row before exp: "
                "how far, so that no exponent is above 0?",
                _unstable,
            ),
            Mistake(_ROW_MEAN, _shifted(lambda Z: Z.mean(axis=1, keepdims=True))),
            Mistake(_COLUMN_MAXIMA, _shifted(lambda Z: Z.max(axis=0))),
            Mistake(
                "You subtract the largest of all logits. A row far below it becomes exp of a very negative "
                "number, 0/0: take the largest of its own row.",
                _shift_by_largest_of_all,
            ),
            Mistake(
                "The columns add up to 1, and the rows should: a row is an example. Look at the axis of the sum.",
                _over_columns,
            ),
            Mistake("The whole array adds up to 1, and each row should: give the sum an axis.", _over_everything),
            Mistake(
                "The logits themselves are divided by their sum. Logits may be negative; what makes a number "
                "positive, and keeps the order?",
                _without_exp,
            ),
            Mistake(_SUMS, _shifted(_row_maxima, lambda E: E.sum(axis=1))),
            Mistake(_MAXIMA, _shifted(lambda Z: Z.max(axis=1))),
            Mistake(_MAXIMA_AND_SUMS, _shifted(lambda Z: Z.max(axis=1), lambda E: E.sum(axis=1))),
            Mistake("The rows do not add up to 1 yet.", _not_normalised),
            Mistake("These are the logarithms of the probabilities; asked for are the probabilities.", _logarithm),
        ],
    ),
    "Three steps: subtract each row's maximum, take exp, divide by each row's sum. `keepdims=True` "
    "keeps the shapes (m, 1).",
    "It cannot overflow, whatever the logits.",
)

# ------------------------------------------------------------------------------------------------ 2.2


def _cross_entropy(Z, Y):
    return softmax_cross_entropy(Z, Y) + 0.0  # −0 is 0


def _log_softmax(shift=_row_maxima, total=_row_sums, log=np.log):
    """A cross-entropy by way of log ŷ, with another shift, sum or logarithm."""

    def answer(Z, Y):
        S = Z - shift(Z)
        return -np.sum(Y * (S - log(total(np.exp(S))))) / len(Z)

    return answer


def _shift_inside_alone(Z, Y):
    return -np.sum(Y * (Z - np.log(_row_sums(np.exp(Z - _row_maxima(Z)))))) / len(Z)


def _base_two(Z, Y):
    return softmax_cross_entropy(Z, Y) / np.log(2)


def _sum_not_mean(Z, Y):
    return softmax_cross_entropy(Z, Y) * len(Z)


def _mean_over_everything(Z, Y):
    return softmax_cross_entropy(Z, Y) / Z.shape[1]


def _wrong_sign(Z, Y):
    return -softmax_cross_entropy(Z, Y)


def _through_probabilities(Z, Y):
    return -np.mean(np.sum(Y * np.log(softmax(Z)), axis=1))


def _with_epsilon(Z, Y):
    return -np.mean(np.sum(Y * np.log(softmax(Z) + 1e-12), axis=1))


def _of_each_example(Z, Y):
    return -np.sum(Y * np.log(softmax(Z)), axis=1)


def _logits_as_probabilities(Z, Y):
    return -np.mean(np.sum(Y * np.log(Z), axis=1))


def _all_classes(Z, Y):
    return -np.mean(np.sum(np.log(softmax(Z)), axis=1))


def _binary_too(Z, Y):
    P = softmax(Z)
    return -np.mean(np.sum(Y * np.log(P) + (1 - Y) * np.log(1 - P), axis=1))


def _nan_to_zero(Z, Y):
    return -np.mean(np.sum(np.nan_to_num(Y * np.log(softmax(Z)), posinf=0, neginf=0), axis=1))


CROSS_ENTROPY = Exercise(
    "cross_entropy",
    "2.2",
    "Turn logits (m, K) and one-hot targets (m, K) into the mean cross-entropy, one number.",
    by_cases(
        _cross_entropy,
        [
            Case({"Z": np.zeros((1, 4)), "Y": np.eye(4)[[2]]}, "a network that knows nothing; ln 4 is expected"),
            Case({"Z": _rng.standard_normal((5, 3)), "Y": np.eye(3)[[0, 2, 1, 1, 0]]}),
            Case({"Z": _rng.standard_normal((3, 3)).astype(np.float32), "Y": np.eye(3, dtype=np.float32)}, "float32"),
            Case({"Z": np.array([[-1000.0] + [0.0] * 9]), "Y": np.eye(10)[[0]]}, "the right class has the logit −1000"),
            Case({"Z": np.array([[1000.0, 0.0], [0.0, 1000.0]]), "Y": np.eye(2)}, "right, and very sure"),
            Case({"Z": np.array([[1000.0, -1000.0]]), "Y": np.array([[0.0, 1.0]])}, "wrong, and very sure"),
        ],
        [
            Mistake(
                "That is the sum over the examples; asked for is the mean. Divide by m, the number of rows.",
                _sum_not_mean,
            ),
            Mistake(
                "You divide by m times K: a mean over all entries. Sum over the classes, then take the mean "
                "over the examples.",
                _mean_over_everything,
            ),
            Mistake("The sign: log of a probability is negative, and a loss is not.", _wrong_sign),
            Mistake(
                "exp(−1000) is 0 as a float, and log(0) is −∞. Do not go through the probabilities: write log ŷ "
                "with the logits, log ŷ_k = z_k − log Σ exp(z_j), and take the maximum away first.",
                _through_probabilities,
            ),
            Mistake(
                "A small number inside the logarithm hides the trouble: a loss of 1002 becomes about 28. Write "
                "log ŷ with the logits instead, log ŷ_k = z_k − log Σ exp(z_j).",
                _with_epsilon,
            ),
            Mistake("These are the losses of the single examples; asked for is their mean.", _of_each_example),
            Mistake(
                "Z holds logits, not probabilities: they have to go through softmax first.", _logits_as_probabilities
            ),
            Mistake("Only the right class counts: multiply by Y before you sum over the classes.", _all_classes),
            Mistake(
                "That is binary cross-entropy, with a term for the wrong classes too. Only the right class "
                "counts here.",
                _binary_too,
            ),
            Mistake(
                "An infinite loss is replaced by 0: the worst answer of all costs nothing. Write log ŷ with the "
                "logits instead, log ŷ_k = z_k − log Σ exp(z_j).",
                _nan_to_zero,
            ),
            Mistake(
                "exp overflows for large logits. Only differences within a row count, so shift each row first.",
                _log_softmax(lambda Z: 0.0),
            ),
            Mistake("The maximum was taken away inside the sum, but not from z_k.", _shift_inside_alone),
            Mistake(_ROW_MEAN, _log_softmax(lambda Z: Z.mean(axis=1, keepdims=True))),
            Mistake(_COLUMN_MAXIMA, _log_softmax(lambda Z: Z.max(axis=0))),
            Mistake(_SUMS, _log_softmax(total=lambda E: E.sum(axis=1))),
            Mistake(_MAXIMA, _log_softmax(lambda Z: Z.max(axis=1))),
            Mistake(_MAXIMA_AND_SUMS, _log_softmax(lambda Z: Z.max(axis=1), lambda E: E.sum(axis=1))),
            *(
                Mistake("That is log₂; here log is the natural logarithm.", answer)
                for answer in (_base_two, _log_softmax(log=np.log2))
            ),
        ],
        errors=dict.fromkeys(("arrays used as indices must be", "shape mismatch: indexing arrays"), _ONE_HOT),
    ),
    "With s = Z less its row maxima, log ŷ = s − log(sum of exp(s) over the row). Then −Σ Y log ŷ "
    "over all entries, divided by m.",
    "It tells a loss of 1002 from an infinite one.",
)

# ------------------------------------------------------------------------------------------------ 2.3


def _dense(A, W, b, g):
    return g(A @ W + b)


def _square(Z):
    return Z * Z + 1


DENSE_FORWARD = Exercise(
    "dense_forward",
    "2.3",
    "Compute one layer with its activation: g(AW + b), (m, n_out).",
    by_cases(
        _dense,
        [
            Case(
                {
                    "A": np.array([[1.0, -2.0]]),
                    "W": np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]]),
                    "b": np.array([0.5, -3.0, 0.0]),
                    "g": relu,
                }
            ),
            Case(
                {
                    "A": _rng.standard_normal((4, 3)),
                    "W": _rng.standard_normal((3, 2)),
                    "b": _rng.standard_normal(2),
                    "g": np.tanh,
                }
            ),
            Case(
                {
                    "A": _rng.standard_normal((3, 3)),
                    "W": _rng.standard_normal((3, 3)),
                    "b": _rng.standard_normal(3),
                    "g": relu,
                },
                "all sizes equal",
            ),
            Case(
                {
                    "A": _rng.standard_normal((5, 2)),
                    "W": _rng.standard_normal((2, 4)),
                    "b": _rng.standard_normal(4),
                    "g": _square,
                },
                "g is z² + 1",
            ),
            Case(
                {
                    "A": _rng.standard_normal((1, 4)).astype("float32"),
                    "W": _rng.standard_normal((4, 2)).astype("float32"),
                    "b": np.ones(2, "float32"),
                    "g": relu,
                },
                "one example, float32",
            ),
        ],
        [
            Mistake("The bias is missing.", lambda A, W, b, g: g(A @ W)),
            Mistake(
                "The bias is added after the activation; it belongs inside: g(AW + b).", lambda A, W, b, g: g(A @ W) + b
            ),
            Mistake("The activation g is missing.", lambda A, W, b, g: A @ W + b),
            Mistake("g is applied to A instead of to AW + b.", lambda A, W, b, g: g(A) @ W + b),
            Mistake("You use ReLU whatever g is. g is an argument: call it.", lambda A, W, b, g: relu(A @ W + b)),
            Mistake("`*` multiplies entry by entry. The matrix product is `@`.", lambda A, W, b, g: g(A * W + b)),
            Mistake("Here the rows are the examples: A comes first, then W.", lambda A, W, b, g: g(W @ A + b)),
            Mistake(
                "W has the shape (n_in, n_out) already: no transpose is needed.", lambda A, W, b, g: g(A @ W.T + b)
            ),
            Mistake("The bias is subtracted.", lambda A, W, b, g: g(A @ W - b)),
            Mistake(
                "g is applied to A as well: the activation comes after the sum.", lambda A, W, b, g: g(g(A) @ W + b)
            ),
            Mistake(
                "The bias is added once per example as a column. It has one entry for each unit, and is added "
                "to every row: plain `+ b`.",
                lambda A, W, b, g: g(A @ W + b.reshape(-1, 1)),
            ),
        ],
    ),
    "One line: a matrix product, the bias by broadcasting, then g of all that.",
    "Stack it, and you have the whole forward pass.",
)

EXERCISES = [SOFTMAX, CROSS_ENTROPY, DENSE_FORWARD]
