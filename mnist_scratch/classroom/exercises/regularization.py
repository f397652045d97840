"""The exercises of notebook 06: the L2 penalty, its gradient, and what too much of it does."""

from functools import lru_cache

import numpy as np

from ...data import load_mnist
from .toolkit import FunctionExercise, NumberExercise, close

_rng = np.random.default_rng(6)


def _layers(*shapes, dtype=float):
    return [_rng.standard_normal(shape).astype(dtype) for shape in shapes]


_BY_HAND = [[np.array([[1.0, 2.0], [3.0, -4.0]])], 0.1]


def _squares(weights):
    return [np.sum(np.square(W, dtype=float)) for W in weights]


L2_PENALTY = FunctionExercise(
    name="l2_penalty",
    number="6.1",
    task="Turn a list of weight matrices and λ into the penalty (λ/2) Σ‖W‖², one number.",
    reference=lambda weights, weight_decay: weight_decay / 2 * sum(_squares(weights)),
    cases={
        "[[1, 2], [3, −4]], by hand: 0.05 · (1 + 4 + 9 + 16)": _BY_HAND,
        "two layers": [_layers((4, 3), (3, 2)), 0.5],
        "three layers, all sizes equal": [_layers((3, 3), (3, 3), (3, 3)), 2.0],
        "float32": [_layers((5, 2), (2, 3), dtype=np.float32), 0.01],
        "large weights": [[100 * W for W in _layers((2, 6), (6, 4))], 1e-4],
        "λ is 0: no price": [_layers((3, 4), (4, 2)), 0.0],
    },
    mistakes={  # W: the list of weights. c: λ
        "All but the factor ½: the price is λ/2 for each square.": lambda W, c: c * sum(_squares(W)),
        "You add up the norms. The formula has ‖W‖², the sum of the squares: there is no root in it.": (
            lambda W, c: c / 2 * sum(np.sqrt(_squares(W)))
        ),
        "You add up the norms, and forgot the ½ too. The formula has ‖W‖², the sum of the squares.": (
            lambda W, c: c * sum(np.sqrt(_squares(W)))
        ),
        "You add up the norms and square the sum. Square within each layer, then add up.": (
            lambda W, c: c / 2 * sum(np.sqrt(_squares(W))) ** 2
        ),
        "That is the mean of the squares. Every weight pays its full price, however many there are: take the sum.": (
            lambda W, c: c / 2 * sum(np.mean(w * w) for w in W)
        ),
        "You divide by the number of layers. Every layer pays in full: take the sum over the layers.": (
            lambda W, c: c / 2 * np.mean(_squares(W))
        ),
        "Only the first layer is counted. If there is a loop, look at where its `return` stands.": (
            lambda W, c: c / 2 * _squares(W)[0]
        ),
        "Only the last layer is counted. In a loop, `=` forgets what was there before: add to it.": (
            lambda W, c: c / 2 * _squares(W)[-1]
        ),
        "These are the absolute values: an L1 penalty. L2 takes the squares.": (
            lambda W, c: c / 2 * sum(np.sum(abs(w)) for w in W)
        ),
        "You add up the weights and square the sum, so that weights of opposite sign cancel. Square each weight "
        "first.": lambda W, c: c / 2 * sum(np.sum(w) ** 2 for w in W),
        "λ is missing: without it the price cannot be set.": lambda W, c: sum(_squares(W)) / 2,
        "There is one number for each layer; the penalty is their sum, a single number.": (
            lambda W, c: [c / 2 * s for s in _squares(W)]
        ),
        "`W @ W` is a matrix product; the square of each entry is `W * W` or `W**2`.": (
            lambda W, c: c / 2 * sum(np.sum(w @ w) for w in W)
        ),
        "Python's `sum` adds up the rows of a matrix. `np.sum` adds all its entries.": [
            lambda W, c: c / 2 * sum(sum(w**2) for w in W),
            lambda W, c: sum(c / 2 * sum(w**2) for w in W),
            lambda W, c: [c / 2 * sum(w**2) for w in W],
        ],
        "The matrices differ in shape, and do not fit into one array. Go through the list.": [
            lambda W, c: c / 2 * np.sum(np.array(W) ** 2),
            lambda W, c: c * np.sum(np.array(W) ** 2),
        ],
    },
    second_hint="Go through the list; for each matrix square every entry and add them all up; half of λ times the "
    "total.",
    praise="That is the second part of the loss, `loss.penalty`.",
)

L2_GRADIENT = FunctionExercise(
    name="l2_gradient",
    number="6.2",
    task="Turn a list of weight matrices and λ into the penalty's gradient: a list of new arrays of the same shapes.",
    reference=lambda weights, weight_decay: [weight_decay * W for W in weights],
    cases={
        "one layer": _BY_HAND,
        "two layers": [_layers((4, 3), (3, 2)), 0.5],
        "three layers, all sizes equal": [_layers((3, 3), (3, 3), (3, 3)), 2.0],
        "float32": [_layers((5, 2), (2, 3), dtype=np.float32), 0.01],
        "λ is 0": [_layers((3, 4), (4, 2)), 0.0],
    },
    new=True,
    mistakes={
        "Twice too much: the derivative of w² is 2w, and the penalty has a ½ that cancels the 2.": (
            lambda W, c: [2 * c * w for w in W]
        ),
        "Half of what it should be: the ½ of the penalty cancels against the 2 from the derivative of w².": (
            lambda W, c: [c / 2 * w for w in W]
        ),
        "This is the penalty of each entry, (λ/2) w². The task asks for its derivative.": (
            lambda W, c: [c / 2 * w * w for w in W]
        ),
        "You square the weights. The derivative of w² has only w to the first power.": (
            lambda W, c: [c * w * w for w in W]
        ),
        "The sign: the penalty grows with a positive weight, so its slope there is positive. The minus comes with the "
        "step of descent.": lambda W, c: [-c * w for w in W],
        "These are the weights after a decay, (1 − λ)W. The task asks for the gradient alone.": (
            lambda W, c: [(1 - c) * w for w in W]
        ),
        "Only the sign of each weight is left: that is the gradient of an L1 penalty. With L2 a large weight is pulled "
        "harder.": lambda W, c: [c * np.sign(w) for w in W],
        "λ is missing.": lambda W, c: [1.0 * w for w in W],
        "There is one number for each layer. The gradient has an entry for each weight: do not add them up.": (
            lambda W, c: [c * np.sum(w) for w in W]
        ),
        "You divide by the number of weights. The penalty is a sum, not a mean.": lambda W, c: [
            c * w / w.size for w in W
        ],
        "Each array is transposed. The gradient of W has the shape of W, entry beside entry.": (
            lambda W, c: [c * w.T for w in W]
        ),
        "`weights` is a list, and a list times a number is not a list of products: go through its arrays.": (
            lambda W, c: c * W
        ),
        "Only the first layer came back. Collect one array per layer, and return the list after the loop.": (
            lambda W, c: [c * W[0]]
        ),
        "Only one array came back, and not a list. Collect one array per layer.": lambda W, c: c * W[0],
    },
    second_hint="The derivative of (λ/2)w² is λw, for each weight by itself. One new array per layer, in a list.",
    praise="Added to the data's gradient it makes weight decay.",
)


@lru_cache(maxsize=1)
def _counts():
    """How often each class is among the thousand, in the validation images of notebook 06, and in all held-out ones."""
    mnist = load_mnist()
    labels = mnist.train[:1000].labels, mnist.validation[:5000].labels, mnist.validation.labels
    return tuple(np.bincount(y, minlength=10) for y in labels)


def _collapsed_accuracy():
    thousand, validation, _ = _counts()
    return validation[thousand.argmax()] / validation.sum()


def _collapsed_mistakes():
    thousand, validation, held_out = _counts()
    named = int(thousand.argmax())
    shares = validation / validation.sum()
    others = [share for share in shares if not any(close(share, s, 0.005) for s in (shares[named], shares.max(), 0.1))]
    return {
        "Give a fraction between 0 and 1, as `net.accuracy` does, not a percentage.": 100 * shares[named],
        "That is how many images are right. Divide by the number of images.": validation[named],
        "That is the class it will name. How large is its share of `validation`?": named,
        "That is how often it is wrong.": 1 - shares[named],
        "One in ten would be right if the classes were equally common. Count the labels of `thousand`.": 0.1,
        "That is the class's share of `thousand`, where the network has learned. The task asks for the accuracy on "
        "`validation`.": thousand.max() / thousand.sum(),
        "That is the largest class of `validation`, but the network has learned which class to name from `thousand`. "
        "(If you trained: with mini-batches, the last batches decide, so take all thousand in each step.)": (
            shares.max()
        ),
        "That is a share of all 10,000 held-out images; `validation` is the first 5,000 of them.": (
            held_out[named] / held_out.sum()
        ),
        "That is the share of another class. Which is the most common one in `thousand`?": others,
        "That is far better than chance, and the network no longer sees the image: it says the same to all of them.": (
            0.2,
            0.89,
        ),
    }


COLLAPSED_ACCURACY = NumberExercise(
    name="collapsed_accuracy",
    number="6.3",
    task="Give the validation accuracy of a network that was trained on `thousand` with λ = 1, as a fraction.",
    reference=_collapsed_accuracy,
    mistakes=_collapsed_mistakes,
    second_hint="`np.bincount` counts labels. First which class of `thousand` is the largest, then how much of "
    "`validation` is of this class.",
    praise="Two counts were enough to know what a training run would say.",
)

DECAY_FACTOR = NumberExercise(
    name="decay_factor",
    number="6.4",
    task="Give the number by which ten steps of decay alone multiply every weight, at η = 3 and λ = 1.",
    reference=lambda: (1 - 3 * 1) ** 10,
    tolerance=1e-6,
    mistakes={
        "That is one step. The next one multiplies again.": 1 - 3 * 1,
        "The size is right. What is the sign of an even power of a negative number?": -((1 - 3 * 1) ** 10),
        "You take the ten steps one by one and add. Each multiplies what the one before it left: a power.": [-20, 20],
        "You take ten steps as one step ten times as long. Each step starts from what the one before it left.": (
            1 - 10 * 3 * 1
        ),
        "You multiply by ηλ in each step; but that is what is taken away. What is left?": (3 * 1) ** 10,
        "You add ηλ where it should be subtracted.": (1 + 3 * 1) ** 10,
        "That is the factor for the η = 0.1 of the text. Here η is 3.": (0.347, 0.350),
        "You left out η: with λ alone, 1 − λ is 0.": 0,
        "One factor too few: count the steps.": (1 - 3 * 1) ** 9,
        "One factor too many: count the steps.": (1 - 3 * 1) ** 11,
        "Near, but not it: the tenth power of a whole number is a whole number, with nothing to be rounded.": [
            (994, 1023.9),
            (1024.1, 1054),
        ],
    },
    second_hint="Each step multiplies by 1 − ηλ. Put the numbers in, mind the sign, and take the tenth power.",
    praise="Decay that overshoots: the weights change their sign in each step and grow.",
)

EXERCISES = [L2_PENALTY, L2_GRADIENT, COLLAPSED_ACCURACY, DECAY_FACTOR]
