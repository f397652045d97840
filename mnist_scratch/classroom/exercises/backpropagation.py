"""The exercises of notebook 03: the backward pass of ReLU, of softmax with cross-entropy, of a dense layer."""

import numpy as np

from ...functions import softmax
from .toolkit import ORDINALS, Case, Exercise, Mistake, by_cases, difference

_rng = np.random.default_rng(3)


def _some(m, n, dtype=float):
    """Random numbers, with one decimal: they are shown when an answer is wrong."""
    return _rng.standard_normal((m, n)).round(1).astype(dtype)


# ------------------------------------------------------------------------------------------------ 3.1


def _relu_backward(dA, A):
    return np.where(A > 0, dA, 0)


def _layer(m, n, dtype=float):
    """A derivative, and an output of ReLU with zeros, ones and large entries."""
    return {"dA": _some(m, n, dtype), "A": np.maximum(3 * _some(m, n, dtype), 0)}


RELU_BACKWARD = Exercise(
    "relu_backward",
    "3.1",
    "Turn dA into dZ for A = relu(Z), given dA and A, all (m, n).",
    by_cases(
        _relu_backward,
        [
            Case({"dA": np.array([[1.0, -2.0, 3.0, -4.0]]), "A": np.array([[0.0, 5.0, 0.5, 0.0]])}),
            Case(_layer(4, 3)),
            Case(_layer(3, 3), "as many rows as columns"),
            Case({"dA": np.array([[2.0, -1.0], [-3.0, 4.0]]), "A": np.zeros((2, 2))}, "all outputs 0"),
            Case(_layer(2, 5, "float32"), "float32"),
        ],
        [
            Mistake(
                "Everything comes through. A is an output of ReLU and never negative, so `A >= 0` is true everywhere: "
                "which outputs belong to a z above 0?",
                lambda dA, A: dA * (A >= 0),
            ),
            Mistake(
                "You look at the sign of dA. Whether a unit lets something back depends on its own output, not on "
                "what comes back.",
                lambda dA, A: dA * (dA > 0),
            ),
            Mistake(
                "That is the slope g'(z) alone: 0 or 1. The chain rule multiplies it by dA.", lambda dA, A: A > 0.0
            ),
            Mistake("You multiply by A itself; the slope of ReLU is 0 or 1, however large A is.", lambda dA, A: dA * A),
            Mistake(
                "That is the forward pass once more. The backward pass hands on dA where the slope is 1.",
                lambda dA, A: np.maximum(A, 0),
            ),
            Mistake(
                "The mask is the wrong way round: you let through where the unit was off.", lambda dA, A: dA * (A <= 0)
            ),
            Mistake(
                "At exactly 0 you take a slope of 1/2. Only the outputs are known here, and 0 is what every unit that "
                "was off puts out.",
                lambda dA, A: dA * np.heaviside(A, 0.5),
            ),
            Mistake(
                "`@` adds up over units. An activation works on each entry by itself: multiply entry by entry.",
                lambda dA, A: dA @ (A > 0),
            ),
            Mistake(
                "The entries that are let through stand in one long row: `dA[mask]` forgets where they came from.",
                lambda dA, A: dA[A > 0],
            ),
        ],
    ),
    "Make an array that is 1 where the unit was on and 0 where it was off, and multiply dA by it, entry by entry.",
    "At 0 itself ReLU has no slope; 0 is our choice, and harmless.",
)

# ------------------------------------------------------------------------------------------------ 3.2


def _backward(Z, y):
    dZ = softmax(Z)
    dZ[np.arange(len(y)), y] -= 1
    return dZ / len(y)


def _unstable(Z, y):
    E = np.exp(Z)
    return (E / E.sum(axis=1, keepdims=True) - np.eye(Z.shape[1])[y]) / len(y)


def _every_label_in_every_row(Z, y):
    dZ = softmax(Z)
    dZ[:, y] -= 1
    return dZ / len(y)


def _labels_as_rows(Z, y):
    dZ = softmax(Z)
    dZ[y] -= 1
    return dZ / len(y)


def _targets_only(Z, y):
    rows = np.arange(len(y))
    return (softmax(Z)[rows, y] - 1) / len(y)


def _zero_elsewhere(Z, y):
    return np.eye(Z.shape[1])[y] * (softmax(Z) - 1) / len(y)


def _one_maximum(Z, y):
    E = np.exp(Z - Z.max())
    return (E / E.sum(axis=1, keepdims=True) - np.eye(Z.shape[1])[y]) / len(y)


def _row_means(Z, y):
    E = np.exp(Z - Z.mean(axis=1, keepdims=True))
    return (E / E.sum(axis=1, keepdims=True) - np.eye(Z.shape[1])[y]) / len(y)


SOFTMAX_CROSS_ENTROPY_BACKWARD = Exercise(
    "softmax_cross_entropy_backward",
    "3.2",
    "Turn logits (m, K) and labels (m,) into dZ (m, K), the gradient of the mean cross-entropy.",
    by_cases(
        _backward,
        [
            Case({"Z": np.zeros((1, 4)), "y": np.array([2])}, "one example, and a network that knows nothing"),
            Case({"Z": _some(4, 3), "y": np.array([0, 2, 1, 1])}),
            Case({"Z": _some(3, 3), "y": np.array([2, 0, 2])}, "as many examples as classes"),
            Case({"Z": _some(2, 4), "y": np.array([1, 1])}, "both with the label 1"),
            Case({"Z": _some(4, 3, "float32"), "y": np.array([2, 2, 0, 1])}, "float32"),
            Case({"Z": np.array([[1000.0, 999.0], [-1000.0, -1000.0]]), "y": np.array([1, 0])}, "large logits"),
            Case({"Z": np.array([[1000.0, -1000.0]]), "y": np.array([1])}, "logits far apart"),
        ],
        [
            Mistake(
                "The direction is right, and everything is m times too large: J is the mean over the examples.",
                lambda Z, y: _backward(Z, y) * len(y),
            ),
            Mistake(
                "You divide by m times K. The mean is over the examples, not over all entries.",
                lambda Z, y: _backward(Z, y) / Z.shape[1],
            ),
            Mistake(
                "The sign: the gradient points uphill. For the right class ŷ − y is negative, since its logit should "
                "rise.",
                lambda Z, y: -_backward(Z, y),
            ),
            Mistake(
                "exp overflows for large logits. Use a softmax that takes the row's maximum away first.", _unstable
            ),
            Mistake(
                "You subtract the mean of each row; the largest exponent can still be far above 0. Which number makes "
                "the largest exponent exactly 0?",
                _row_means,
            ),
            Mistake(
                "You take one maximum for the whole array; a row far below it becomes 0/0. Each row needs its own.",
                _one_maximum,
            ),
            Mistake(
                "You subtract the label, a number such as 7. What has to be subtracted is 1, and only at the right "
                "class.",
                lambda Z, y: (softmax(Z) - y[:, None]) / len(y),
            ),
            Mistake(
                "Z holds logits, not probabilities: they have to go through softmax first.",
                lambda Z, y: (Z - np.eye(Z.shape[1])[y]) / len(y),
            ),
            Mistake(
                "`[:, y]` means all rows, for each label: every row loses 1 at the labels of all the others. Each row "
                "has a label of its own.",
                _every_label_in_every_row,
            ),
            Mistake(
                "`[y]` picks rows by their number, and y holds classes: columns. Say for each row which column.",
                _labels_as_rows,
            ),
            Mistake(
                "That is the entry of the right class alone, one number an example. The other logits have a slope too.",
                _targets_only,
            ),
            Mistake(
                "The wrong classes get a slope of 0. They have one too, ŷ/m: their logits should fall.", _zero_elsewhere
            ),
            Mistake(
                "The number of classes is in the shape of Z, not in y: the largest label need not occur in a batch.",
                lambda Z, y: (softmax(Z) - np.eye(max(y) + 1)[y]) / len(y),
            ),
            Mistake(
                "That is the probabilities, divided by m. The targets are missing.", lambda Z, y: softmax(Z) / len(y)
            ),
            Mistake(
                "1 is subtracted from every entry. Only the right class of each row has a target of 1.",
                lambda Z, y: (softmax(Z) - 1) / len(y),
            ),
            Mistake(
                "1/m belongs to the whole row, not only to the 1.",
                lambda Z, y: softmax(Z) - np.eye(Z.shape[1])[y] / len(y),
            ),
            Mistake("Subtract the 1: ŷ − y.", lambda Z, y: (softmax(Z) + np.eye(Z.shape[1])[y]) / len(y)),
            Mistake(
                "You add the rows up. Each example keeps its own row of dZ; only the factor 1/m comes from the mean.",
                lambda Z, y: _backward(Z, y).sum(axis=0),
            ),
        ],
    ),
    "Start with the probabilities. In row i, subtract 1 in the column y[i]: `np.arange(m)` numbers the rows. "
    "Then divide by m.",
    "No one-hot rows, no overflow, and each row adds up to 0.",
)

# ------------------------------------------------------------------------------------------------ 3.3


def _dense_backward(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, dZ.sum(axis=0)


def _but(dA=None, dW=None, db=None):
    """The right answer, with one of the three computed in another way."""

    def answer(dZ, A, W, weight_decay):
        right = _dense_backward(dZ, A, W, weight_decay)
        other = [own and own(dZ, A, W, weight_decay) for own in (dA, dW, db)]
        return tuple(r if o is None else o for r, o in zip(right, other, strict=True))

    return answer


def _in_order(order):
    return lambda dZ, A, W, weight_decay: tuple(_dense_backward(dZ, A, W, weight_decay)[i] for i in order)


def _dense(m, n, p, weight_decay, dtype=float):
    shapes = {"dZ": (m, p), "A": (m, n), "W": (n, p)}
    return {key: _some(*shape, dtype) for key, shape in shapes.items()} | {"weight_decay": weight_decay}


def _tell(got, want, tolerance):
    """How the answer differs, with the three arrays by their names."""
    reason = difference(got, want, tolerance)
    for ordinal, name in zip(ORDINALS, ("dA", "dW", "db"), strict=False):
        reason = reason.replace(f"the {ordinal} thing returned", name)
    return reason


_EQUAL = (
    "Where sizes are equal every product fits, right or wrong. Look at the index that is summed: over examples for "
    "dW, over outputs for dA."
)

DENSE_BACKWARD = Exercise(
    "dense_backward",
    "3.3",
    "Turn dZ (m, p), A (m, n), W (n, p) and λ into dA (m, n), dW (n, p) and db (p,).",
    by_cases(
        _dense_backward,
        [
            Case(
                {
                    "dZ": np.array([[1.0, 2.0]]),
                    "A": np.array([[3.0, 0.0, -1.0]]),
                    "W": np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]]),
                    "weight_decay": 0.0,
                },
                "one example, no penalty",
            ),
            Case(_dense(4, 3, 2, 0.0)),
            Case(_dense(3, 3, 3, 0.0), "all sizes equal", _EQUAL),
            Case(_dense(4, 2, 3, 0.5), "with a penalty"),
            Case(_dense(2, 4, 3, 0.25, "float32"), "float32"),
        ],
        [
            Mistake(
                "The penalty is missing from dW: the derivative of (λ/2)w² has to be added for each weight.",
                _but(dW=lambda dZ, A, W, c: A.T @ dZ),
            ),
            Mistake(
                "The penalty's share of dW is twice what it should be: it is (λ/2)‖W‖², and the 2 of the derivative "
                "meets that 1/2.",
                _but(dW=lambda dZ, A, W, c: A.T @ dZ + 2 * c * W),
            ),
            Mistake(
                "The penalty's share of dW is half of what it should be: differentiate (λ/2)w², the 2 of the "
                "derivative meets that 1/2.",
                _but(dW=lambda dZ, A, W, c: A.T @ dZ + c / 2 * W),
            ),
            Mistake(
                "You divide the penalty by m. It is added to the mean loss as it is, once, and not for each example.",
                _but(dW=lambda dZ, A, W, c: A.T @ dZ + c / len(A) * W),
            ),
            Mistake(
                "You add the penalty itself, one number, to each entry of dW. Each weight needs its own derivative.",
                _but(dW=lambda dZ, A, W, c: A.T @ dZ + c / 2 * np.sum(W * W)),
            ),
            Mistake(
                "The penalty pulls weights towards 0: its share of the gradient is added, not subtracted.",
                _but(dW=lambda dZ, A, W, c: A.T @ dZ - c * W),
            ),
            *(
                Mistake("The biases are not penalised: λ has no place in db.", _but(db=db))
                for db in (lambda dZ, A, W, c: dZ.sum(axis=0) + c, lambda dZ, A, W, c: (1 + c) * dZ.sum(axis=0))
            ),
            Mistake(
                "db is the mean of each column. The 1/m is in dZ already: here belongs a sum.",
                _but(db=lambda dZ, A, W, c: dZ.mean(axis=0)),
            ),
            Mistake(
                "You divide dW by m. The 1/m is in dZ already, and must not come twice.",
                _but(dW=lambda dZ, A, W, c: A.T @ dZ / len(A) + c * W),
            ),
            Mistake(
                "You divide dW and db by m. The 1/m is in dZ already, and must not come twice.",
                _but(dW=lambda dZ, A, W, c: A.T @ dZ / len(A) + c * W, db=lambda dZ, A, W, c: dZ.mean(axis=0)),
            ),
            Mistake(
                "db adds up everything. Each output has a bias of its own: sum over the examples only.",
                _but(db=lambda dZ, A, W, c: dZ.sum()),
            ),
            Mistake(
                "db is summed along the rows. A bias is added to every example, so its sum runs over the examples.",
                _but(db=lambda dZ, A, W, c: dZ.sum(axis=1)),
            ),
            Mistake(
                "db has the shape (1, p), and b is (p,): leave the summed axis out.",
                _but(db=lambda dZ, A, W, c: dZ.sum(axis=0, keepdims=True)),
            ),
            Mistake(
                "db is dZ itself, a row for each example. All examples share one bias: add their shares up.",
                _but(db=lambda dZ, A, W, c: dZ),
            ),
            *(
                Mistake("dW is transposed. Entry (k, j) belongs to input k and output j, as in W.", _but(dW=dW))
                for dW in (lambda dZ, A, W, c: dZ.T @ A + c * W.T, lambda dZ, A, W, c: dZ.T @ A + c * W)
            ),
            Mistake(
                "In dW the sum must run over the examples, which are the rows of A: its first index. A product sums "
                "over the last index of its first factor.",
                _but(dW=lambda dZ, A, W, c: A @ dZ + c * W),
            ),
            Mistake(
                "Neither product has its transpose. Which index is summed: examples for dW, outputs for dA?",
                _but(dA=lambda dZ, A, W, c: dZ @ W, dW=lambda dZ, A, W, c: A @ dZ + c * W),
            ),
            Mistake(
                "In dA the sum must run over the outputs, the second index of W. A product sums over the first index "
                "of its second factor.",
                _but(dA=lambda dZ, A, W, c: dZ @ W),
            ),
            *(
                Mistake("That is the activation's derivative too. This function is the dense layer alone.", _but(dA=dA))
                for dA in (lambda dZ, A, W, c: dZ @ W.T * (A > 0), lambda dZ, A, W, c: dZ @ W.T * (1 - A**2))
            ),
            Mistake(
                "dA is transposed: rows are examples, and so dZ comes first.",
                _but(dA=lambda dZ, A, W, c: W @ dZ.T),
            ),
            *(
                Mistake("The order of the three: asked for is dA, dW, db.", _in_order(order))
                for order in ((1, 2, 0), (2, 1, 0), (1, 0, 2))
            ),
        ],
        tell=_tell,
    ),
    "Two matrix products and a column sum: dZ meets the transpose of W for dA, the transpose of A meets dZ for dW. "
    "The penalty's derivative λW goes to one of the three.",
    "With these three pieces you have the whole backward pass.",
)

EXERCISES = [RELU_BACKWARD, SOFTMAX_CROSS_ENTROPY_BACKWARD, DENSE_BACKWARD]
