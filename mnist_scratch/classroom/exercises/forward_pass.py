"""The exercises of notebook 02: softmax, cross-entropy, a layer."""

import numpy as np

from ...functions import log_softmax, relu, softmax, softmax_cross_entropy
from .toolkit import FunctionExercise

_rng = np.random.default_rng(2)
_normal = _rng.standard_normal

_ROW_MEAN = (
    "You subtract the mean of each row; the largest exponent can still be far above 0. Which number makes the largest "
    "exponent exactly 0?"
)
_COLUMN_MAXIMA = "You subtract the largest of each column, but a row is an example."
_ONE_MAXIMUM = (
    "You subtract the largest of all logits. A row far below it becomes exp of a very negative number, which is 0: "
    "take the largest of its own row."
)
_LOST_AXIS = "The {} have the shape (m,), and broadcasting lays them along the columns. Keep the axis: a column (m, 1)."
_SUMS, _MAXIMA = _LOST_AXIS.format("row sums"), _LOST_AXIS.format("row maxima")
_MAXIMA_AND_SUMS = _LOST_AXIS.format("row maxima and the row sums")
_LOGITS = "Z holds logits, not probabilities: they have to go through softmax first."
_ONE_HOT = "Y holds one-hot rows here, not labels: multiply by it and add up."


def _max(Z):
    return Z.max(axis=1, keepdims=True)


def _sum(E):
    return E.sum(axis=1, keepdims=True)


def _shifted(shift=_max, total=_sum):
    """A softmax with another shift, or another sum."""
    return lambda Z: np.exp(Z - shift(Z)) / total(np.exp(Z - shift(Z)))


SOFTMAX = FunctionExercise(
    name="softmax",
    number="2.1",
    task="Turn logits (m, K) into probabilities (m, K), row by row.",
    reference=softmax,
    cases={
        "one row; the answer is 1/6, 2/6, 3/6": [np.array([[0.0, np.log(2.0), np.log(3.0)]])],
        "four rows of three": [_normal((4, 3))],
        "as many rows as classes": [_normal((3, 3))],
        "float32": [_normal((2, 5)).astype(np.float32)],
        "large logits": [np.array([[1000.0, 999.0], [-1000.0, -1000.0]])],
        "rows of very different size": [np.array([[1000.0, 0.0], [0.0, -1000.0]])],
        "logits far apart": [np.array([[1000.0, -1000.0]])],
    },
    mistakes={
        "exp overflows for large logits. Only differences within a row count, so shift each row before exp: how far, "
        "so that no exponent is above 0?": _shifted(lambda Z: 0),
        _ROW_MEAN: _shifted(lambda Z: Z.mean(axis=1, keepdims=True)),
        _COLUMN_MAXIMA: _shifted(lambda Z: Z.max(axis=0)),
        _ONE_MAXIMUM: _shifted(np.max),
        "The columns add up to 1, and the rows should: a row is an example. Look at the axis of the sum.": [
            _shifted(total=lambda E: E.sum(axis=0)),
            _shifted(lambda Z: Z.max(axis=0), lambda E: E.sum(axis=0)),
        ],
        "The whole array adds up to 1, and each row should: give the sum an axis.": _shifted(np.max, np.sum),
        "You divide the logits themselves by their sum. Logits may be negative; what makes a number positive, and "
        "keeps the order?": lambda Z: Z / _sum(Z),
        _SUMS: _shifted(total=lambda E: E.sum(axis=1)),
        _MAXIMA: _shifted(lambda Z: Z.max(axis=1)),
        _MAXIMA_AND_SUMS: _shifted(lambda Z: Z.max(axis=1), lambda E: E.sum(axis=1)),
        "The rows do not add up to 1 yet.": lambda Z: np.exp(Z - _max(Z)),
        "These are the logarithms of the probabilities; return the probabilities.": lambda Z: np.log(softmax(Z)),
    },
    second_hint="Three steps: subtract each row's maximum, take exp, divide by each row's sum. `keepdims=True` keeps "
    "the shapes (m, 1).",
    praise="It cannot overflow, whatever the logits.",
)


def _by_logarithms(shift=_max, total=_sum, log=np.log):
    """A cross-entropy by way of log ŷ, with another shift, sum or logarithm."""
    return lambda Z, Y: -np.sum(Y * (Z - shift(Z) - log(total(np.exp(Z - shift(Z)))))) / len(Z)


def _mean_over_examples(terms):
    """The mean over the examples of what each entry costs, given ŷ and Y."""
    return lambda Z, Y: -np.mean(np.sum(terms(softmax(Z), Y), axis=1))


CROSS_ENTROPY = FunctionExercise(
    name="cross_entropy",
    number="2.2",
    task="Turn logits (m, K) and one-hot targets (m, K) into the mean cross-entropy, one number.",
    reference=lambda Z, Y: softmax_cross_entropy(Z, Y) + 0.0,  # −0 is 0
    cases={
        "a network that knows nothing; the answer is ln 4": [np.zeros((1, 4)), np.eye(4)[[2]]],
        "five examples": [_normal((5, 3)), np.eye(3)[[0, 2, 1, 1, 0]]],
        "float32": [_normal((3, 3)).astype(np.float32), np.eye(3, dtype=np.float32)[[2, 0, 2]]],
        "no logit is negative": [np.array([[1.0, 2.0, 3.0], [2.0, 1.0, 0.5]]), np.eye(3)[[0, 2]]],
        "the right class has the logit −1000": [np.array([[-1000.0] + [0.0] * 9]), np.eye(10)[[0]]],
        "right, and very sure": [np.array([[1000.0, 0.0], [0.0, 1000.0]]), np.eye(2)],
        "wrong, and very sure": [np.array([[1000.0, -1000.0]]), np.array([[0.0, 1.0]])],
        "rows of very different size": [np.array([[1000.0, 999.0], [-1000.0, -1000.0]]), np.eye(2)],
    },
    mistakes={
        "That is the sum over the examples; the task asks for the mean. Divide by m, the number of rows.": (
            lambda Z, Y: softmax_cross_entropy(Z, Y) * len(Z)
        ),
        "You divide by m times K: a mean over all entries. Sum over the classes, then take the mean over the "
        "examples.": lambda Z, Y: softmax_cross_entropy(Z, Y) / Z.shape[1],
        "You divide by K, the number of classes. The mean is over the examples: divide by m, the number of rows.": (
            lambda Z, Y: softmax_cross_entropy(Z, Y) * len(Z) / Z.shape[1]
        ),
        "The sign: the log of a probability is negative, and a loss is not.": (
            lambda Z, Y: -softmax_cross_entropy(Z, Y)
        ),
        "exp(−1000) is 0 as a float, and log(0) is −∞. Do not go through the probabilities: write log ŷ with the "
        "logits, log ŷ_k = z_k − log Σ exp(z_j), and subtract the maximum first.": (
            _mean_over_examples(lambda P, Y: Y * np.log(P))
        ),
        "A small number inside the logarithm hides the trouble: a loss of 1002 becomes about 28. Write log ŷ with the "
        "logits instead, log ŷ_k = z_k − log Σ exp(z_j).": _mean_over_examples(lambda P, Y: Y * np.log(P + 1e-12)),
        "These are the losses of the single examples; the task asks for their mean.": (
            lambda Z, Y: -np.sum(Y * np.log(softmax(Z)), axis=1)
        ),
        _LOGITS: lambda Z, Y: -np.mean(np.sum(Y * np.log(Z), axis=1)),
        "Only the right class counts: multiply by Y before you sum over the classes.": (
            _mean_over_examples(lambda P, Y: np.log(P))
        ),
        "That is binary cross-entropy, with a term for the wrong classes too. Only the right class counts here.": (
            _mean_over_examples(lambda P, Y: Y * np.log(P) + (1 - Y) * np.log(1 - P))
        ),
        "An infinite loss is replaced by 0: the worst answer of all costs nothing. Write log ŷ with the logits "
        "instead, log ŷ_k = z_k − log Σ exp(z_j).": (
            _mean_over_examples(lambda P, Y: np.nan_to_num(Y * np.log(P), posinf=0, neginf=0))
        ),
        "exp overflows for large logits. Only differences within a row count, so shift each row first.": (
            _by_logarithms(lambda Z: 0.0)
        ),
        "You subtract the maximum inside the sum, but not from z_k.": (
            lambda Z, Y: -np.sum(Y * (log_softmax(Z) + _max(Z))) / len(Z)
        ),
        _ROW_MEAN: _by_logarithms(lambda Z: Z.mean(axis=1, keepdims=True)),
        _COLUMN_MAXIMA: _by_logarithms(lambda Z: Z.max(axis=0)),
        _ONE_MAXIMUM: _by_logarithms(np.max),
        _SUMS: _by_logarithms(total=lambda E: E.sum(axis=1)),
        _MAXIMA: _by_logarithms(lambda Z: Z.max(axis=1)),
        _MAXIMA_AND_SUMS: _by_logarithms(lambda Z: Z.max(axis=1), lambda E: E.sum(axis=1)),
        "That is log₂; here log is the natural logarithm.": [
            lambda Z, Y: softmax_cross_entropy(Z, Y) / np.log(2),
            _by_logarithms(log=np.log2),
        ],
    },
    error_hints=dict.fromkeys(("arrays used as indices must be", "shape mismatch: indexing arrays"), _ONE_HOT),
    second_hint="With s = Z less its row maxima, log ŷ = s − log(sum of exp(s) over the row). Then −Σ Y log ŷ over all "
    "entries, divided by m.",
    praise="It tells a loss of 1002 from an infinite one.",
)


def _layer(m, n_in, n_out, g, dtype=float):
    return [*(_normal(shape).astype(dtype) for shape in ((m, n_in), (n_in, n_out), n_out)), g]


def _square(Z):
    return Z * Z + 1


DENSE_FORWARD = FunctionExercise(
    name="dense_forward",
    number="2.3",
    task="Compute one layer with its activation: g(AW + b), (m, n_out).",
    reference=lambda A, W, b, g: g(A @ W + b),
    cases={
        "one example": [
            np.array([[1.0, -2.0]]),
            np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]]),
            np.array([0.5, -3.0, 0.0]),
            relu,
        ],
        "four examples": _layer(4, 3, 2, np.tanh),
        "all sizes equal": _layer(3, 3, 3, relu),
        "g is z² + 1": _layer(5, 2, 4, _square),
        "one example, float32": _layer(1, 4, 2, relu, "float32"),
    },
    mistakes={
        "The bias is missing.": lambda A, W, b, g: g(A @ W),
        "The bias is added after the activation; it belongs inside: g(AW + b).": lambda A, W, b, g: g(A @ W) + b,
        "The activation g is missing.": lambda A, W, b, g: A @ W + b,
        "g is applied to A instead of to AW + b.": lambda A, W, b, g: g(A) @ W + b,
        "You use ReLU whatever g is. g is an argument: call it.": lambda A, W, b, g: relu(A @ W + b),
        "`*` multiplies entry by entry. The matrix product is `@`.": lambda A, W, b, g: g(A * W + b),
        "Here the rows are the examples: A comes first, then W.": lambda A, W, b, g: g(W @ A + b),
        "W has the shape (n_in, n_out) already: no transpose is needed.": lambda A, W, b, g: g(A @ W.T + b),
        "The bias is subtracted.": lambda A, W, b, g: g(A @ W - b),
        "g is applied to A as well: the activation comes after the sum.": lambda A, W, b, g: g(g(A) @ W + b),
        "The bias is added as a column, one entry for each example. It has one entry for each unit, and is added to "
        "every row: plain `+ b`.": lambda A, W, b, g: g(A @ W + b.reshape(-1, 1)),
    },
    second_hint="Look at the shapes: which product of A and W is (m, n_out)? Along which axis of it does b run? And "
    "what does g work on?",
    praise="Stack it, and you have the whole forward pass.",
)

EXERCISES = [SOFTMAX, CROSS_ENTROPY, DENSE_FORWARD]
