"""The exercises of notebook 06: the L2 penalty, its gradient, and what too much of it does."""

from functools import lru_cache

import numpy as np

from ...data import load_mnist
from .toolkit import Case, Exercise, Mistake, by_cases, by_value, close

_rng = np.random.default_rng(6)


def _layers(*shapes, dtype=float):
    return [_rng.standard_normal(shape).astype(dtype) for shape in shapes]


_BY_HAND = {"weights": [np.array([[1.0, 2.0], [3.0, -4.0]])], "weight_decay": 0.1}


# ------------------------------------------------------------------------------------------------ 6.1


def _penalty(weights, weight_decay):
    return weight_decay / 2 * sum(np.sum(np.square(W, dtype=float)) for W in weights)


def _squares(weights):
    return [np.sum(W * W) for W in weights]


L2_PENALTY = Exercise(
    "l2_penalty",
    "6.1",
    "Turn a list of weight matrices and λ into the penalty (λ/2) Σ‖W‖², one number.",
    by_cases(
        _penalty,
        [
            Case(_BY_HAND, "[[1, 2], [3, −4]], by hand: 0.05 · (1 + 4 + 9 + 16)"),
            Case({"weights": _layers((4, 3), (3, 2)), "weight_decay": 0.5}, "two layers"),
            Case({"weights": _layers((3, 3), (3, 3), (3, 3)), "weight_decay": 2.0}, "three layers, all sizes equal"),
            Case({"weights": _layers((5, 2), (2, 3), dtype=np.float32), "weight_decay": 0.01}, "float32"),
            Case({"weights": [100 * W for W in _layers((2, 6), (6, 4))], "weight_decay": 1e-4}, "large weights"),
            Case({"weights": _layers((3, 4), (4, 2)), "weight_decay": 0.0}, "λ is 0: no price"),
        ],
        [
            Mistake(
                "All but the factor ½: the price is λ/2 for each square.",
                lambda weights, weight_decay: weight_decay * sum(_squares(weights)),
            ),
            Mistake(
                "You add up the norms. The formula has ‖W‖², the sum of the squares: there is no root in it.",
                lambda weights, weight_decay: weight_decay / 2 * sum(np.sqrt(_squares(weights))),
            ),
            Mistake(
                "You add up the norms, and forgot the ½ too. The formula has ‖W‖², the sum of the squares.",
                lambda weights, weight_decay: weight_decay * sum(np.sqrt(_squares(weights))),
            ),
            Mistake(
                "You add up the norms and square the sum. Square within each layer, then add up.",
                lambda weights, weight_decay: weight_decay / 2 * sum(np.sqrt(_squares(weights))) ** 2,
            ),
            Mistake(
                "That is the mean of the squares. Every weight pays its full price, however many there are: take "
                "the sum.",
                lambda weights, weight_decay: weight_decay / 2 * sum(np.mean(W * W) for W in weights),
            ),
            Mistake(
                "You divide by the number of layers. Every layer pays in full: take the sum over the layers.",
                lambda weights, weight_decay: weight_decay / 2 * np.mean(_squares(weights)),
            ),
            Mistake(
                "Only the first layer is counted. If there is a loop, look at where its `return` stands.",
                lambda weights, weight_decay: weight_decay / 2 * _squares(weights)[0],
            ),
            Mistake(
                "Only the last layer is counted. In a loop, `=` forgets what was there before: add to it.",
                lambda weights, weight_decay: weight_decay / 2 * _squares(weights)[-1],
            ),
            Mistake(
                "These are the absolute values: an L1 penalty. L2 takes the squares.",
                lambda weights, weight_decay: weight_decay / 2 * sum(np.sum(abs(W)) for W in weights),
            ),
            Mistake(
                "You add up the weights and square the sum, so that weights of opposite sign cancel. Square each "
                "weight first.",
                lambda weights, weight_decay: weight_decay / 2 * sum(np.sum(W) ** 2 for W in weights),
            ),
            Mistake(
                "λ is missing: without it the price cannot be set.",
                lambda weights, weight_decay: sum(_squares(weights)) / 2,
            ),
            Mistake(
                "There is one number for each layer; the penalty is their sum, a single number.",
                lambda weights, weight_decay: [weight_decay / 2 * s for s in _squares(weights)],
            ),
            Mistake(
                "`W @ W` is a matrix product; the square of each entry is `W * W` or `W**2`.",
                lambda weights, weight_decay: weight_decay / 2 * sum(np.sum(W @ W) for W in weights),
            ),
            *(
                Mistake("Python's `sum` adds up the rows of a matrix. `np.sum` adds all its entries.", answer)
                for answer in (
                    lambda weights, weight_decay: weight_decay / 2 * sum(sum(W**2) for W in weights),
                    lambda weights, weight_decay: sum(weight_decay / 2 * sum(W**2) for W in weights),
                    lambda weights, weight_decay: [weight_decay / 2 * sum(W**2) for W in weights],
                )
            ),
            *(
                Mistake("The matrices differ in shape, and do not fit into one array. Go through the list.", answer)
                for answer in (
                    lambda weights, weight_decay: weight_decay / 2 * np.sum(np.array(weights) ** 2),
                    lambda weights, weight_decay: weight_decay * np.sum(np.array(weights) ** 2),
                )
            ),
        ],
    ),
    "Go through the list; for each matrix square every entry and add them all up; half of λ times the total.",
    "That is the second part of the loss, `loss.penalty`.",
)

# ------------------------------------------------------------------------------------------------ 6.2


def _gradient(weights, weight_decay):
    return [weight_decay * W for W in weights]


L2_GRADIENT = Exercise(
    "l2_gradient",
    "6.2",
    "Turn a list of weight matrices and λ into the penalty's gradient: a list of new arrays of the same shapes.",
    by_cases(
        _gradient,
        [
            Case(_BY_HAND, "one layer"),
            Case({"weights": _layers((4, 3), (3, 2)), "weight_decay": 0.5}, "two layers"),
            Case({"weights": _layers((3, 3), (3, 3), (3, 3)), "weight_decay": 2.0}, "three layers, all sizes equal"),
            Case({"weights": _layers((5, 2), (2, 3), dtype=np.float32), "weight_decay": 0.01}, "float32"),
            Case({"weights": _layers((3, 4), (4, 2)), "weight_decay": 0.0}, "λ is 0"),
        ],
        [
            Mistake(
                "Twice too much: the derivative of w² is 2w, and the penalty has a ½ that cancels the 2.",
                lambda weights, weight_decay: [2 * weight_decay * W for W in weights],
            ),
            Mistake(
                "Half of what it should be: the ½ of the penalty cancels against the 2 from the derivative of w².",
                lambda weights, weight_decay: [weight_decay / 2 * W for W in weights],
            ),
            Mistake(
                "This is the penalty of each entry, (λ/2) w². Asked for is its derivative.",
                lambda weights, weight_decay: [weight_decay / 2 * W * W for W in weights],
            ),
            Mistake(
                "You square the weights. The derivative of w² has only w to the first power.",
                lambda weights, weight_decay: [weight_decay * W * W for W in weights],
            ),
            Mistake(
                "The sign: the penalty grows with a positive weight, so its slope there is positive. The minus "
                "comes with the step of descent.",
                lambda weights, weight_decay: [-weight_decay * W for W in weights],
            ),
            Mistake(
                "These are the weights after a decay, (1 − λ)W. Asked for is the gradient alone.",
                lambda weights, weight_decay: [(1 - weight_decay) * W for W in weights],
            ),
            Mistake(
                "Only the sign of each weight is left: that is the gradient of an L1 penalty. With L2 a large weight "
                "is pulled harder.",
                lambda weights, weight_decay: [weight_decay * np.sign(W) for W in weights],
            ),
            Mistake(
                "λ is missing.",
                lambda weights, weight_decay: [1.0 * W for W in weights],
            ),
            Mistake(
                "There is one number for each layer. The gradient has an entry for each weight: do not add them up.",
                lambda weights, weight_decay: [weight_decay * np.sum(W) for W in weights],
            ),
            Mistake(
                "You divide by the number of weights. The penalty is a sum, not a mean.",
                lambda weights, weight_decay: [weight_decay * W / W.size for W in weights],
            ),
            Mistake(
                "Each array is transposed. The gradient of W has the shape of W, entry beside entry.",
                lambda weights, weight_decay: [weight_decay * W.T for W in weights],
            ),
            Mistake(
                "`weights` is a list. A list times a number is no list of products: go through its arrays.",
                lambda weights, weight_decay: weight_decay * weights,
            ),
            Mistake(
                "Only the first layer came back. Collect one array a layer, and return the list after the loop.",
                lambda weights, weight_decay: [weight_decay * weights[0]],
            ),
            Mistake(
                "Only one array came back, and not a list. Collect one array a layer.",
                lambda weights, weight_decay: weight_decay * weights[0],
            ),
        ],
    ),
    "The derivative of (λ/2)w² is λw, for each weight by itself. One new array a layer, in a list.",
    "Added to the data's gradient it makes weight decay.",
)

# ------------------------------------------------------------------------------------------------ 6.3


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
    named = thousand.argmax()
    right = _collapsed_accuracy()
    shares = validation / validation.sum()
    return {
        "Give a fraction between 0 and 1, as `net.accuracy` does, and not percent.": 100 * right,
        "That is how many images are right. Divide by the number of images.": int(validation[named]),
        "That is the class it will name. How large is its share of `validation`?": int(named),
        "That is how often it is wrong.": 1 - right,
        "One in ten would be right if the classes were equally common. Count the labels of `thousand`.": 0.1,
        "That class's share of `thousand`, where the network has learnt. Asked for is the accuracy on "
        "`validation`.": thousand.max() / thousand.sum(),
        "That is the largest class of `validation`, but what the network names it has learnt from `thousand`. "
        "(If you trained: with mini-batches, the last batches decide: take all thousand in each step.)": shares.max(),
        "That is a share of all 10,000 held-out images; `validation` is the first 5,000 of them.": held_out[named]
        / held_out.sum(),
        "That is the share of another class. Which is the most common one in `thousand`?": lambda answer: bool(
            np.any(abs(shares - answer) < 1e-4)
        ),
        "Far better than chance, and the network no longer sees the image: it says the same to all of them.": (
            lambda answer: 0.2 < answer < 0.89
        ),
    }


COLLAPSED_ACCURACY = Exercise(
    "collapsed_accuracy",
    "6.3",
    "Give the validation accuracy of a network that was trained on `thousand` with λ = 1, as a fraction.",
    by_value(_collapsed_accuracy, _collapsed_mistakes),
    "`np.bincount` counts labels. First which class of `thousand` is the largest, then how much of `validation` is "
    "of this class.",
    "Two counts were enough to know what a training run would say.",
)

# ------------------------------------------------------------------------------------------------ 6.4

_ETA, _LAMBDA, _STEPS = 3, 1, 10

DECAY_FACTOR = Exercise(
    "decay_factor",
    "6.4",
    "Give the number by which ten steps of decay alone multiply every weight, at η = 3 and λ = 1.",
    by_value(
        lambda: (1 - _ETA * _LAMBDA) ** _STEPS,
        {
            "That is one step. The next one multiplies again.": 1 - _ETA * _LAMBDA,
            "The size is right. What is the sign of an even power of a negative number?": -1024,
            "You take the ten steps one by one and add. Each multiplies what the one before it left: a power.": (
                lambda answer: answer in (10 * (1 - _ETA * _LAMBDA), -10 * (1 - _ETA * _LAMBDA))
            ),
            "You take ten steps as one step ten times as long. Each step starts from what the one before it left.": (
                1 - _STEPS * _ETA * _LAMBDA
            ),
            "You multiply by ηλ in each step; but that is what is taken away. What is left?": (_ETA * _LAMBDA)
            ** _STEPS,
            "You add ηλ where it should be subtracted.": (1 + _ETA * _LAMBDA) ** _STEPS,
            "That is the factor for the η = 0.1 of the text. Here η is 3.": lambda n: close(n, 0.9**_STEPS, 0.005),
            "You left out η: with λ alone, 1 − λ is 0.": 0,
            "One factor too few: count the steps.": (1 - _ETA * _LAMBDA) ** (_STEPS - 1),
            "One factor too many: count the steps.": (1 - _ETA * _LAMBDA) ** (_STEPS + 1),
            "Near, but not it: the tenth power of a whole number is a whole number, with nothing to be rounded.": (
                lambda n: close(n, (1 - _ETA * _LAMBDA) ** _STEPS, 0.03)
            ),
        },
        tolerance=1e-6,
    ),
    "Each step multiplies by 1 − ηλ. Put the numbers in, mind the sign, and take the tenth power.",
    "Decay that overshoots: the weights change their sign in each step and grow.",
)

EXERCISES = [L2_PENALTY, L2_GRADIENT, COLLAPSED_ACCURACY, DECAY_FACTOR]
