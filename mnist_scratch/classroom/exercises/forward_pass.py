"""The exercises of notebook 02: softmax, cross-entropy, a layer."""

import numpy as np

from ...functions import log_softmax, relu, sigmoid, softmax, softmax_cross_entropy
from .toolkit import FunctionExercise

_normal = np.random.default_rng(2).standard_normal

OVERFLOW = (
    "Where an exponent is large, exp overflows; where all of a row are far below 0, all is 0. Only differences within "
    "a row count, so shift each row before exp, and cut nothing off: how far, so that its largest exponent is 0?"
)
_FAR_ABOVE = (
    "You subtract the {} of each row; the largest exponent can still be far above 0. Which number makes the largest "
    "exponent exactly 0?"
)
_LOST_AXIS = "The {} have the shape (m,), and broadcasting lays them along the columns. Keep the axis: a column (m, 1)."
_WITH_LOGITS = (
    "For large logits exp overflows, or becomes 0, and log(0) is −∞. With the row's maximum subtracted from all z "
    "first, log ŷ_k = z_k − log Σ exp(z_j) is safe, as it stands: no limit, no ε, no special case."
)
WHOLE_NUMBERS = (
    "An array made like one of whole numbers, by `zeros_like`, say, holds whole numbers too, and cuts fractions off."
)
LOGITS = "Z holds logits, not probabilities: they have to go through softmax first."
_NOT_LABELS = "Y holds one-hot rows here, not labels: multiply by it and add up."


def _max(Z):
    return Z.max(axis=1, keepdims=True)


def _sum(E):
    return E.sum(axis=1, keepdims=True)


def shifted(shift=_max, total=_sum):
    """A softmax with another shift, or another sum."""
    return lambda Z: np.exp(Z - shift(Z)) / total(np.exp(Z - shift(Z)))


SHIFTS = {  # hint: what is subtracted from the logits, and how the exponentials are added up
    OVERFLOW: (lambda Z: 0.0, _sum),
    _FAR_ABOVE.format("mean"): (lambda Z: Z.mean(axis=1, keepdims=True), _sum),
    _FAR_ABOVE.format("first logit"): (lambda Z: Z[:, :1], _sum),
    _FAR_ABOVE.format("smallest"): (lambda Z: Z.min(axis=1, keepdims=True), _sum),
    "You subtract the largest of each column, but a row is an example.": (lambda Z: Z.max(axis=0), _sum),
    "You subtract the largest of all logits. A row far below it becomes exp of a very negative number, which is 0: "
    "take the largest of its own row.": (np.max, _sum),
    _LOST_AXIS.format("row sums"): (_max, lambda E: E.sum(axis=1)),
    _LOST_AXIS.format("row maxima"): (lambda Z: Z.max(axis=1), _sum),
    _LOST_AXIS.format("row maxima and the row sums"): (lambda Z: Z.max(axis=1), lambda E: E.sum(axis=1)),
}

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
        "rows of very different size": [np.array([[20_000.0, 0.0], [0.0, -1000.0]])],
        "logits far apart": [np.array([[-1000.0, 0.0, 1000.0]])],
        "logits far below 0": [np.array([[-1000.0, -1001.0, -1002.0]])],
    },
    case_hints=dict.fromkeys(
        ("large logits", "rows of very different size", "logits far apart", "logits far below 0"), OVERFLOW
    ),
    any_hint="Print exp of the first row, its sum, and what you make of both. Each row should add up to 1.",
    mistakes={hint: shifted(*way) for hint, way in SHIFTS.items()}
    | {
        "The columns add up to 1, and the rows should: a row is an example. Look at the axis of the sum.": [
            shifted(total=lambda E: E.sum(axis=0)),
            shifted(lambda Z: Z.max(axis=0), lambda E: E.sum(axis=0)),
        ],
        "The whole array adds up to 1, and each row should: give the sum an axis.": [
            shifted(np.max, np.sum),
            shifted(_max, np.sum),
        ],
        "You divide the logits themselves by their sum. Logits may be negative; what makes a number positive, and "
        "keeps the order?": lambda Z: Z / _sum(Z),
        "You divide by the largest logit. Subtract it: only differences count.": lambda Z: softmax(Z / _max(Z)),
        "The maximum is subtracted after exp. It belongs in the exponent.": (
            lambda Z: (np.exp(Z) - _max(Z)) / _sum(np.exp(Z) - _max(Z))
        ),
        "The sign of the exponent: the largest logit has the smallest probability.": lambda Z: softmax(-Z),
        "That is 1 for the largest, and 0 for the others.": lambda Z: np.eye(Z.shape[1])[Z.argmax(axis=1)],
        "That is the sigmoid of each logit by itself. In softmax the probabilities of a row share a sum of 1.": sigmoid,
        "These are powers of 2; exp is a power of e.": lambda Z: softmax(Z * np.log(2)),
        "The rows do not add up to 1 yet.": lambda Z: np.exp(Z - _max(Z)),
        "These are the logarithms of the probabilities; return the probabilities.": [
            log_softmax,
            lambda Z: np.log(softmax(Z)),
        ],
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


def _picked(Z, Y):
    return np.sum(log_softmax(Z) * Y, axis=1)


_EXTREME = {
    "the right class has the logit −1000": [np.array([[-1000.0] + [0.0] * 9]), np.eye(10)[[0]]],
    "right, and very sure": [np.array([[1000.0, 0.0], [0.0, 1000.0]]), np.eye(2)],
    "wrong, and very sure": [np.array([[1000.0, -1000.0]]), np.array([[0.0, 1.0]])],
    "rows of very different size": [np.array([[1000.0, 999.0], [-1000.0, -1000.0]]), np.eye(2)],
    "logits far below 0": [np.array([[-1000.0, -1001.0, -1002.0]]), np.eye(3)[[1]]],
}

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
        **_EXTREME,
    },
    case_hints=dict.fromkeys(_EXTREME, _WITH_LOGITS),
    any_hint="Work out two rows by hand: −log of the probability of the right class for each, and the mean of both.",
    mistakes={hint: _by_logarithms(*way) for hint, way in SHIFTS.items()}
    | {
        "That is the sum over the examples. For the mean divide by m, the rows.": lambda Z, Y: -_picked(Z, Y).sum(),
        "You divide by m times K. The mean is over the examples alone.": lambda Z, Y: -np.mean(Y * log_softmax(Z)),
        "You divide by K. Divide by m, the number of rows.": lambda Z, Y: -_picked(Z, Y).sum() / Z.shape[1],
        _WITH_LOGITS: _mean_over_examples(lambda P, Y: Y * np.log(P)),
        "A small number inside the logarithm hides the trouble: a loss of 1002 becomes about 28. Write log ŷ with the "
        "logits instead, log ŷ_k = z_k − log Σ exp(z_j).": _mean_over_examples(lambda P, Y: Y * np.log(P + 1e-12)),
        "That is the loss of the first example alone: does `return` stand inside the loop?": [
            lambda Z, Y: -_picked(Z, Y)[0],
            lambda Z, Y: -_picked(Z, Y)[0] / len(Z),
        ],
        "That is the logarithm of a mean; the task asks for the mean of the logarithms.": (
            lambda Z, Y: -np.log(np.mean(np.sum(softmax(Z) * Y, axis=1)))
        ),
        LOGITS: [
            lambda Z, Y: -np.mean(np.sum(Y * np.log(Z), axis=1)),
            lambda Z, Y: -np.mean(np.sum(Y * Z, axis=1)),
        ],
        "The logarithm is missing.": [
            _mean_over_examples(lambda P, Y: Y * P),
            _mean_over_examples(lambda P, Y: Y * P - Y / Y.sum(axis=1, keepdims=True)),
        ],
        "Only the right class counts: multiply by Y before you sum over the classes.": [
            lambda Z, Y: -np.mean(np.sum(log_softmax(Z), axis=1)),
            lambda Z, Y: -np.mean(np.sum((1 - Y) * log_softmax(Z), axis=1)),
        ],
        "`[:, labels]` picks columns for all rows. Each row has one class of its own.": (
            lambda Z, Y: -log_softmax(Z)[:, Y.argmax(axis=1)].mean()
        ),
        "That is binary cross-entropy, with a term for the wrong classes too. Only the right class counts here.": (
            _mean_over_examples(lambda P, Y: Y * np.log(P) + (1 - Y) * np.log(1 - P))
        ),
        "That is the squared error. Cross-entropy is −log of the probability of the right class.": [
            lambda Z, Y: np.mean(np.sum((softmax(Z) - Y) ** 2, axis=1)),
            lambda Z, Y: np.mean((softmax(Z) - Y) ** 2),
        ],
        "An infinite loss is replaced by 0: the worst answer of all costs nothing. Write log ŷ with the logits "
        "instead, log ŷ_k = z_k − log Σ exp(z_j).": (
            _mean_over_examples(lambda P, Y: np.nan_to_num(Y * np.log(P), posinf=0, neginf=0))
        ),
        "You subtract the maximum inside the sum, but not from z_k.": (
            lambda Z, Y: -np.sum(Y * (log_softmax(Z) + _max(Z))) / len(Z)
        ),
        "The softmax runs along the columns; a row is an example. Look at the axis.": [
            _by_logarithms(total=lambda E: E.sum(axis=0)),
            _by_logarithms(lambda Z: Z.max(axis=0), lambda E: E.sum(axis=0)),
        ],
        "The logarithm of the sum is subtracted from z_k, not added.": (_by_logarithms(log=lambda sums: -np.log(sums))),
        "That is log₂; here log is the natural logarithm.": [
            lambda Z, Y: -_picked(Z, Y).mean() / np.log(2),
            _by_logarithms(log=np.log2),
        ],
    },
    error_hints=dict.fromkeys(("arrays used as indices must be", "shape mismatch: indexing arrays"), _NOT_LABELS),
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
        "g is softmax": _layer(3, 4, 2, softmax),
        "one example, float32": _layer(1, 4, 2, relu, "float32"),
        "one unit": _layer(3, 2, 1, np.tanh),
        "large numbers": [np.array([[100.0, -50.0]]), *_layer(1, 2, 3, _square)[1:]],
        "A holds whole numbers": [np.array([[1, 2], [3, 0]]), *_layer(1, 2, 3, relu)[1:]],
    },
    any_hint="Work out one row by hand: its inputs times the weights, added up for each unit, the bias, and then g.",
    case_hints={
        "g is softmax": "g is a function of arrays, and may need all of AW + b: call it once, with the whole.",
        "A holds whole numbers": WHOLE_NUMBERS,
    },
    mistakes={
        "The bias is missing.": lambda A, W, b, g: g(A @ W),
        "The bias is added after the activation; it belongs inside: g(AW + b).": lambda A, W, b, g: g(A @ W) + b,
        "The activation g is missing.": lambda A, W, b, g: A @ W + b,
        "g is applied to A instead of to AW + b.": lambda A, W, b, g: g(A) @ W + b,
        "g is applied to A as well: the activation comes after the sum.": lambda A, W, b, g: g(g(A) @ W + b),
        "g is applied twice.": lambda A, W, b, g: g(g(A @ W + b)),
        "You use ReLU whatever g is. g is an argument: call it.": lambda A, W, b, g: relu(A @ W + b),
        "`*` multiplies entry by entry. The matrix product is `@`.": lambda A, W, b, g: g(A * W + b),
        "Here the rows are the examples: A comes first, then W.": [
            lambda A, W, b, g: g(W @ A + b),
            lambda A, W, b, g: g(W.T @ A + b),
        ],
        "W has the shape (n_in, n_out) already: no transpose is needed.": lambda A, W, b, g: g(A @ W.T + b),
        "The bias is subtracted.": lambda A, W, b, g: g(A @ W - b),
        "The bias counts once for each input. It comes once, after the sum.": lambda A, W, b, g: g(A @ W + len(W) * b),
        "Each unit has a bias of its own, b[j].": [
            lambda A, W, b, g, of=of: g(A @ W + of(b)) for of in (np.sum, np.mean, lambda b: b[0], lambda b: b[-1])
        ],
        "The result is transposed: a row is an example.": [
            lambda A, W, b, g: g(A @ W + b).T,
            lambda A, W, b, g: g((A @ W + b).T),
        ],
        "The last input is left out of the sum.": lambda A, W, b, g: g(A[:, :-1] @ W[:-1] + b),
        "A unit adds its inputs up: a sum over the inputs, no mean.": lambda A, W, b, g: g(A @ W / len(W) + b),
        "The bias is added as a column, one entry for each example. It has one entry for each unit, and is added to "
        "every row: plain `+ b`.": lambda A, W, b, g: g(A @ W + b.reshape(-1, 1)),
    },
    second_hint="Look at the shapes: which product of A and W is (m, n_out)? Along which axis of it does b run? And "
    "what does g work on?",
    praise="Stack it, and you have the whole forward pass.",
)

EXERCISES = [SOFTMAX, CROSS_ENTROPY, DENSE_FORWARD]
