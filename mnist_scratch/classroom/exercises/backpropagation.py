"""The exercises of notebook 03: the backward pass of ReLU, of softmax with cross-entropy, of a dense layer."""

import numpy as np

from ...functions import log_softmax, sigmoid, softmax
from .forward_pass import LOGITS, SHIFTS, WHOLE_NUMBERS, shifted
from .toolkit import EXACT, FunctionExercise

_rng = np.random.default_rng(3)


def _some(m, n, dtype=float):
    """Random numbers, with two decimals: they are shown when an answer is wrong."""
    return _rng.standard_normal((m, n)).round(2).astype(dtype)


def _layer(m, n, dtype=float):
    """A derivative, and an output of ReLU with zeros, ones and large entries."""
    return [_some(m, n, dtype), np.maximum(3 * _some(m, n, dtype), 0)]


RELU_BACKWARD = FunctionExercise(
    name="relu_backward",
    number="3.1",
    task="Turn dA into dZ for A = relu(Z), given dA and A, all (m, n).",
    reference=lambda dA, A: np.where(A > 0, dA, 0),
    cases={
        "one example": [np.array([[1.0, -2.0, 3.0, -4.0]]), np.array([[0.0, 5.0, 0.5, 0.0]])],
        "four examples": _layer(4, 3),
        "as many rows as columns": _layer(3, 3),
        "all outputs 0": [np.array([[2.0, -1.0], [-3.0, 4.0]]), np.zeros((2, 2))],
        "float32": _layer(2, 5, "float32"),
        "tiny outputs": [np.array([[2.0, -1.0, 3.0]]), np.array([[1e-9, 0.0, 1e-30]])],
        "A holds whole numbers": [np.array([[0.5, -1.5, 2.5]]), np.array([[1, 0, 3]])],
    },
    tolerance=EXACT,
    any_hint="Look at single entries: was that unit on, and what should come back through it?",
    case_hints={
        "tiny outputs": "However small an output is, if it is above 0 its unit was on, and the slope is 1.",
        "A holds whole numbers": WHOLE_NUMBERS,
    },
    mistakes={
        "Everything comes through, and that is dA as it was: `A >= 0` is true everywhere, since A is never negative; "
        "and if you changed a copy, return the copy.": lambda dA, A: dA * (A >= 0),
        "You look at the sign of dA. Whether a unit lets something back depends on its own output, not on what comes "
        "back.": [lambda dA, A: dA * (dA > 0), lambda dA, A: dA * (A > 0) * (dA > 0)],
        "That is the slope g'(z) alone: 0 or 1. The chain rule multiplies it by dA.": lambda dA, A: A > 0.0,
        "You multiply by A itself; the slope of ReLU is 0 or 1, however large A is.": lambda dA, A: dA * A,
        "The slope is 1 for every output above 0: for 0.5 as for 5.": [
            lambda dA, A: dA * np.clip(A, 0, 1),
            lambda dA, A: dA * (A.astype(int) > 0),
            lambda dA, A: dA * np.clip(np.round(A), 0, 1),
        ],
        "A/(A + ε) is not quite 1, and far from it where A is small.": [
            lambda dA, A, e=10.0**-digits: dA * A / (A + e) for digits in range(6, 13)
        ],
        "That is the slope of the sigmoid.": lambda dA, A: dA * A * (1 - A),
        "That is the slope of tanh.": lambda dA, A: dA * (1 - A**2),
        "That is a leaky ReLU. Where ReLU is off, nothing goes back.": lambda dA, A: np.where(A > 0, dA, 0.01 * dA),
        "That is the forward pass once more. The backward pass hands on dA where the slope is 1.": lambda dA, A: (
            np.maximum(A, 0)
        ),
        "The mask is the wrong way round: you let through where the unit was off.": lambda dA, A: dA * (A <= 0),
        "At exactly 0 you take a slope of 1/2. Only the outputs are known here, and every unit that was off puts out "
        "0.": lambda dA, A: dA * np.heaviside(A, 0.5),
        "`@` adds up over units. An activation works on each entry by itself: multiply entry by entry.": [
            lambda dA, A: dA @ (A > 0),
            lambda dA, A: np.dot(dA, A > 0),
            lambda dA, A: dA @ (A > 0).T,
            lambda dA, A: dA @ A.T,
        ],
        "The entries that are let through stand in one long row: `dA[mask]` forgets where they came "
        "from.": lambda dA, A: dA[A > 0],
    },
    second_hint="Make an array that is 1 where the unit was on and 0 where it was off, and multiply dA by it, entry by "
    "entry.",
    praise="At 0 itself ReLU has no slope; 0 is our choice, and harmless.",
)


def _targets(Z, y):
    return np.eye(Z.shape[1])[y]


def _from(probabilities, targets=_targets):
    return lambda Z, y: (probabilities(Z) - targets(Z, y)) / len(y)


_backward = _from(softmax)


def _less_one_at(Z, y, *where):
    dZ = softmax(Z)
    dZ[where] -= 1
    return dZ / len(y)


SOFTMAX_CROSS_ENTROPY_BACKWARD = FunctionExercise(
    name="softmax_cross_entropy_backward",
    number="3.2",
    task="Turn logits (m, K) and labels (m,) into dZ (m, K), the gradient of the mean cross-entropy.",
    reference=_backward,
    cases={
        "one example, and a network that knows nothing": [np.zeros((1, 4)), np.array([2])],
        "four examples": [_some(4, 3), np.array([0, 2, 1, 1])],
        "as many examples as classes": [_some(3, 3), np.array([2, 0, 2])],
        "both with the label 1": [_some(2, 4), np.array([1, 1])],
        "float32": [_some(4, 3, "float32"), np.array([2, 2, 0, 1])],
        "large logits": [np.array([[1000.0, 999.0], [-1000.0, -1000.0]]), np.array([1, 0])],
        "logits far apart": [np.array([[-1000.0, 0.0, 1000.0], [1000.0, 0.0, 0.0]]), np.array([0, 2])],
        "logits far below 0": [np.array([[-1000.0, -1001.0, -1002.0]]), np.array([1])],
        "30 labels as bytes": [_some(30, 10), (np.arange(30) % 10).astype(np.uint8)],
    },
    any_hint="Print ŷ first, and work out dZ for one row by hand. Each of its rows adds up to 0.",
    mistakes={hint: _from(shifted(*way)) for hint, way in SHIFTS.items()}
    | {
        "Everything is m times too large: J is the mean over the examples.": lambda Z, y: _backward(Z, y) * len(y),
        "You divide by m times K. The mean is over the examples.": lambda Z, y: _backward(Z, y) / Z.shape[1],
        "You divide by K. Divide by m, the number of rows.": lambda Z, y: _backward(Z, y) * len(y) / Z.shape[1],
        "1/m belongs to all of ŷ − y: to each entry, and to the 1 as well.": [
            lambda Z, y: softmax(Z) - _targets(Z, y) / len(y),
            lambda Z, y: softmax(Z) / len(y) - _targets(Z, y),
            lambda Z, y: _backward(Z, y) * np.where(_targets(Z, y), 1, len(y)),
        ],
        "Subtract the 1: ŷ − y.": lambda Z, y: (softmax(Z) + _targets(Z, y)) / len(y),
        "You subtract the label, a number such as 7. What has to be subtracted is 1, and only at the right class.": [
            _from(softmax, lambda Z, y: y[:, None]),
            _from(softmax, lambda Z, y: y),
        ],
        "Classes are counted from 0: label y belongs to the column y, not y − 1.": [
            _from(softmax, lambda Z, y: _targets(Z, y - 1)),
            lambda Z, y: _less_one_at(Z, y, np.arange(len(y)), y - 1),
        ],
        LOGITS: _from(lambda Z: Z),
        "That is the sigmoid of each logit by itself; the probabilities come from softmax.": _from(sigmoid),
        "The softmax runs along the columns; a row is an example. Look at the axis.": _from(lambda Z: softmax(Z.T).T),
        "`[:, y]` means all rows, for each label: every row loses 1 at the labels of all the others. Each row has a "
        "label of its own.": lambda Z, y: _less_one_at(Z, y, slice(None), y),
        "`[y]` picks rows, and y holds columns. Say for each row which column.": lambda Z, y: _less_one_at(Z, y, y),
        "You subtract 1 at the largest probability. It belongs to the label, whatever the network thinks.": _from(
            softmax, lambda Z, y: _targets(Z, Z.argmax(axis=1))
        ),
        "The entry of the right class is set to −1 or 0; subtract 1 from it.": [
            lambda Z, y: np.where(_targets(Z, y), -1, softmax(Z)) / len(y),
            lambda Z, y: np.where(_targets(Z, y), 0, softmax(Z)) / len(y),
        ],
        "Row and column are exchanged: the row is the example's number, the column its label.": lambda Z, y: (
            _less_one_at(Z, y, y, np.arange(len(y)))
        ),
        "That is the entry of the right class alone, one number for each example. The other logits have a slope "
        "too.": lambda Z, y: _backward(Z, y)[np.arange(len(y)), y],
        "The wrong classes have a slope, too, ŷ/m.": lambda Z, y: _targets(Z, y) * _backward(Z, y),
        "The number of classes is in the shape of Z, not in y: the largest label need not occur in a batch.": _from(
            softmax, lambda Z, y: np.eye(max(y) + 1)[y]
        ),
        "Those are the probabilities, divided by m. The targets are missing.": lambda Z, y: softmax(Z) / len(y),
        "1 is subtracted from every entry. Only the right class of each row has a target of 1.": _from(
            softmax, lambda Z, y: 1
        ),
        "That is the derivative with respect to ŷ. One step more leads to the logits, through softmax: ŷ − y.": (
            lambda Z, y: -_targets(Z, y) / softmax(Z) / len(y)
        ),
        "The slope of softmax is in ŷ − y already.": lambda Z, y: _backward(Z, y) * softmax(Z) * (1 - softmax(Z)),
        "That is the loss itself; its gradient has an entry for each logit.": lambda Z, y: (
            -np.mean(log_softmax(Z)[np.arange(len(y)), y])
        ),
    },
    second_hint="Start with the probabilities. In row i, subtract 1 in the column y[i]: `np.arange(m)` numbers the "
    "rows. Then divide by m.",
    praise="No overflow, and each row adds up to 0.",
)


def _dense_backward(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, dZ.sum(axis=0)


def _but(dA=None, dW=None, db=None):
    """The right answer, with some of the three computed in another way. c is λ."""

    def answer(*given):
        own = zip((dA, dW, db), _dense_backward(*given), strict=True)
        return tuple(other(*given) if other else right for other, right in own)

    return answer


def _penalized(share):
    """The right answer, with another share of the penalty in dW; m is the number of examples."""
    return _but(dW=lambda dZ, A, W, c: A.T @ dZ + share(W, c, len(A)))


def _dense(m, n, p, weight_decay, dtype=float):
    return [_some(m, p, dtype), _some(m, n, dtype), _some(n, p, dtype), weight_decay]


def _if_it_fits(A, W, array):
    """Not transposed where all sizes are equal, as one finds who turns the factors until there is no error."""
    return array if len({*A.shape, *W.shape}) == 1 else array.T


DENSE_BACKWARD = FunctionExercise(
    name="dense_backward",
    number="3.3",
    task="Turn dZ (m, p), A (m, n), W (n, p) and λ into dA (m, n), dW (n, p) and db (p,).",
    reference=_dense_backward,
    cases={
        "one example, no penalty": [
            np.array([[1.0, 2.0]]),
            np.array([[3.0, 0.0, -1.0]]),
            np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]]),
            0.0,
        ],
        "four examples, no penalty": _dense(4, 3, 2, 0.0),
        "all sizes equal": _dense(3, 3, 3, 0.0),
        "with a penalty": _dense(4, 2, 3, 2.5),
        "one unit, float32": _dense(2, 4, 1, 0.25, "float32"),
        "a small penalty": _dense(3, 2, 4, 1e-4),
    },
    mistakes={
        "The penalty is missing from dW: each weight adds the derivative of (λ/2)w².": _penalized(lambda *_: 0),
        "The penalty's share of dW is twice what it should be. In (λ/2)w² the 2 of the derivative meets that 1/2.": (
            _penalized(lambda W, c, m: 2 * c * W)
        ),
        "The penalty's share of dW is half of what it should be. In (λ/2)w² the 2 of the derivative meets that 1/2.": (
            _penalized(lambda W, c, m: c / 2 * W)
        ),
        "The penalty has nothing to do with m: it is added to the mean loss as it is, once.": [
            _penalized(lambda W, c, m: c / m * W),
            _penalized(lambda W, c, m: c * m * W),
        ],
        "You add the penalty itself to dW. Each weight needs the derivative of its own share, (λ/2)w².": [
            _penalized(lambda W, c, m: c / 2 * np.sum(W * W)),
            _penalized(lambda W, c, m: c / 2 * W * W),
            _penalized(lambda W, c, m: c * W * W),
        ],
        "The derivative of (λ/2)w² grows with w itself.": [
            _penalized(lambda W, c, m: c),
            _penalized(lambda W, c, m: c * np.sign(W)),
        ],
        "Added to dW, the penalty pulls weights toward 0; you subtract it.": _penalized(lambda W, c, m: -c * W),
        "λ multiplies W, and not the gradient of the data.": [
            _but(dW=lambda dZ, A, W, c: c * (A.T @ dZ + W)),
            _but(dW=lambda dZ, A, W, c: (1 - c) * (A.T @ dZ)),
            _but(dW=lambda dZ, A, W, c: (1 + c) * (A.T @ dZ)),
            _but(dW=lambda dZ, A, W, c: c * W * (A.T @ dZ)),
        ],
        "The penalty is a function of W alone: λ has no place in dA.": [
            _but(dA=lambda dZ, A, W, c: dZ @ W.T + c * A),
            _but(dA=lambda dZ, A, W, c: (1 + c) * (dZ @ W.T)),
        ],
        "The biases are not penalized: λ has no place in db.": [
            _but(db=lambda dZ, A, W, c: dZ.sum(axis=0) + c),
            _but(db=lambda dZ, A, W, c: (1 + c) * dZ.sum(axis=0)),
        ],
        "db is a mean. The 1/m is in dZ already, so take a sum here.": _but(db=lambda dZ, *_: dZ.mean(axis=0)),
        "You divide by m. The 1/m is in dZ already, and must not come twice.": [
            _but(dW=lambda dZ, A, W, c: A.T @ dZ / len(A) + c * W),
            _but(dW=lambda dZ, A, W, c: A.T @ dZ / len(A) + c * W, db=lambda dZ, *_: dZ.mean(axis=0)),
            lambda dZ, A, W, c: _dense_backward(dZ / len(A), A, W, c),
        ],
        "dW holds one example alone. It is the sum over all: `+=` in a loop, and `return` after it.": [
            _but(dW=lambda dZ, A, W, c: np.outer(A[-1], dZ[-1]) + c * W),
            _but(dW=lambda dZ, A, W, c: np.outer(A[0], dZ[0]) + c * W, db=lambda dZ, *_: dZ[0]),
        ],
        "db adds up everything. Each output has a bias of its own: sum over the examples only.": (
            _but(db=lambda dZ, *_: dZ.sum())
        ),
        "db is summed along the rows. Its sum runs over the examples.": _but(db=lambda dZ, *_: dZ.sum(axis=1)),
        "db is dZ itself. All examples share one bias: add their shares up.": _but(db=lambda dZ, *_: dZ),
        "dW is transposed. Entry (k, j) belongs to input k and output j, as in W.": [
            _but(dW=lambda dZ, A, W, c: dZ.T @ A + c * W.T),
            _but(dW=lambda dZ, A, W, c: dZ.T @ A + c * W),
        ],
        "In dW the sum must run over the examples, which are the rows of A: its first index. A product sums over the "
        "last index of its first factor.": [
            _but(dW=lambda dZ, A, W, c: A @ dZ + c * W),
            _but(dW=lambda dZ, A, W, c: _if_it_fits(A, W, A) @ dZ + c * W),
        ],
        "Neither product has its transpose. Which index is summed: examples for dW, outputs for dA?": (
            _but(dA=lambda dZ, A, W, c: dZ @ W, dW=lambda dZ, A, W, c: A @ dZ + c * W)
        ),
        "In dA the sum must run over the outputs, the second index of W. A product sums over the first index of its "
        "second factor.": [
            _but(dA=lambda dZ, A, W, c: dZ @ W),
            _but(dA=lambda dZ, A, W, c: dZ @ _if_it_fits(A, W, W)),
        ],
        "That is the activation's derivative too. This function is the dense layer alone.": [
            _but(dA=lambda dZ, A, W, c: dZ @ W.T * (A > 0)),
            _but(dA=lambda dZ, A, W, c: dZ @ W.T * (1 - A**2)),
        ],
    },
    case_hints={
        "a small penalty": "A small λ counts as well: networks are often trained with 0.0001.",
        "all sizes equal": "Where sizes are equal every product fits, right or wrong. Look at the index that is "
        "summed: over examples for dW, over outputs for dA.",
    },
    parts=("dA", "dW", "db"),
    any_hint="Work out one entry of it by hand: a sum over examples or outputs, and in dW the share of the penalty.",
    second_hint="Let the shapes lead: which product of dZ and W, one of them transposed, is (m, n)? Which of A and dZ "
    "is (n, p)? What has to be summed for db? And the penalty has a derivative for one of the three.",
    praise="With these three pieces you have the whole backward pass.",
)

EXERCISES = [RELU_BACKWARD, SOFTMAX_CROSS_ENTROPY_BACKWARD, DENSE_BACKWARD]
