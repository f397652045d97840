"""The exercises of notebook 06: the L2 penalty, its gradient, and what too much of it does."""

import numpy as np

from .toolkit import FunctionExercise, NumberExercise

_rng = np.random.default_rng(6)


def _layers(*shapes, dtype=float):
    return [_rng.standard_normal(shape).astype(dtype) for shape in shapes]


_RAGGED = {"inhomogeneous": "The matrices differ in shape, and do not fit into one array. Go through the list."}
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
        "three layers, all sizes equal": [_layers((3, 3), (3, 3), (3, 3)), 3.0],
        "float32": [_layers((5, 2), (2, 3), dtype=np.float32), 0.01],
        "large weights": [[100 * W for W in _layers((2, 6), (6, 4))], 1e-4],
        "tiny weights": [[1e-6 * W for W in _layers((2, 3), (3, 1))], 1e-4],
        "λ is 0: no price": [_layers((3, 4), (4, 2)), 0.0],
    },
    mistakes={  # W: the list of weights. c: λ
        "All but the factor ½: the price is λ/2 for each square.": lambda W, c: c * sum(_squares(W)),
        "You add up the norms. The formula has ‖W‖², the sum of the squares: there is no root in it.": [
            lambda W, c: c / 2 * sum(np.sqrt(_squares(W))),
            lambda W, c: c * sum(np.sqrt(_squares(W))),
        ],
        "You add up the norms and square the sum. Square within each layer, then add up.": (
            lambda W, c: c / 2 * sum(np.sqrt(_squares(W))) ** 2
        ),
        "That is the mean of the squares. Every weight pays its full price, however many there are: take the sum.": (
            [
                lambda W, c: c / 2 * sum(np.mean(w * w) for w in W),
                lambda W, c: c / 2 * sum(_squares(W)) / sum(w.size for w in W),
            ]
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
        "The first layer is left out. Every layer pays.": lambda W, c: c / 2 * sum(_squares(W)[1:]),
        "The last layer is left out. Every layer pays: does the loop reach it?": lambda W, c: (
            c / 2 * sum(_squares(W)[:-1])
        ),
        "These are the absolute values: an L1 penalty. L2 takes the squares.": (
            lambda W, c: c / 2 * sum(np.sum(abs(w)) for w in W)
        ),
        "You add up the weights themselves. Square each one first.": lambda W, c: c / 2 * sum(np.sum(w) for w in W),
        "Only weights above 0 pay. The square of a negative weight is positive, too.": (
            lambda W, c: c / 2 * sum(_squares([np.maximum(w, 0) for w in W]))
        ),
        "You square the sum of the weights. Square each weight first.": lambda W, c: (
            c / 2 * sum(np.sum(w) ** 2 for w in W)
        ),
        "λ is missing: without it the price cannot be set.": lambda W, c: sum(_squares(W)) / 2,
        "You divide by λ. It is the price, and multiplies.": lambda W, c: sum(_squares(W)) / (2 * c),
        "You divide by the squares. λ/2 multiplies their sum.": lambda W, c: c / (2 * sum(_squares(W))),
        "λ is squared, too. It stands outside the square.": lambda W, c: c * c / 2 * sum(_squares(W)),
        "`//` cuts to whole numbers; `/` divides.": lambda W, c: c // 2 * sum(_squares(W)),
        "`np.linalg.norm(…, 2)` of a matrix is its largest singular value. Without the 2 it is the root of the sum of "
        "all squares.": lambda W, c: c / 2 * sum(np.linalg.norm(w, 2) ** 2 for w in W),
        "There is one number for each layer; the penalty is their sum, a single number.": (
            lambda W, c: [c / 2 * s for s in _squares(W)]
        ),
        "`@` is a matrix product; the square of each entry is `W * W` or `W**2`.": [
            lambda W, c: c / 2 * sum(np.sum(w @ w) for w in W),
            lambda W, c: c / 2 * sum(np.sum(w @ w.T) for w in W),
            lambda W, c: c / 2 * sum(np.sum(w.T @ w) for w in W),
        ],
        "Only the rows are added up, by Python's `sum` or along an `axis`. `np.sum(W**2)` adds all entries.": [
            lambda W, c: c / 2 * sum(sum(w**2) for w in W),
            lambda W, c: sum(c / 2 * sum(w**2) for w in W),
            lambda W, c: [c / 2 * sum(w**2) for w in W],
        ],
    },
    error_hints=_RAGGED,
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
        "tiny weights, and λ is 1": [[1e-6 * W for W in _layers((2, 3), (3, 1))], 1.0],
    },
    error_hints=_RAGGED | {"could not broadcast input": "Each layer needs an array of its own, of its own shape."},
    new=True,  # that lists will do for arrays is on purpose
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
        "You divide by the norm: that is the gradient of ‖W‖. The penalty has its square.": lambda W, c: [
            c * w / np.linalg.norm(w) for w in W
        ],
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
        "You divide by the number of weights. The penalty is a sum, not a mean.": lambda W, c: [
            c * w / w.size for w in W
        ],
        "Each array is transposed. It should have the shape of its W.": lambda W, c: [c * w.T for w in W],
        "Each array is that of the first layer: what does the loop's variable stand for?": lambda W, c: [
            c * W[0] for _ in W
        ],
        "Only one array came back, and not a list. Collect one array per layer.": lambda W, c: c * W[0],
        "You return pairs. Only the weights have a penalty: one array per layer.": (
            lambda W, c: [(c * w, np.zeros(w.shape[1])) for w in W]
        ),
    },
    second_hint="The derivative of (λ/2)w² is λw, for each weight by itself. One new array per layer, in a list.",
    praise="Added to the data's gradient it makes weight decay.",
)


# How often each class is among `thousand`, in `validation` of notebook 06, and in all held-out images; a test counts.
_THOUSAND = [97, 116, 99, 93, 105, 92, 94, 117, 87, 100]
_VALIDATION = [502, 534, 497, 521, 484, 457, 485, 527, 515, 478]
_HELD_OUT = [991, 1064, 990, 1030, 983, 915, 967, 1090, 1009, 961]

COLLAPSED_ACCURACY = NumberExercise(
    name="collapsed_accuracy",
    number="6.3",
    task="Give the validation accuracy of a network that was trained on `thousand` with λ = 1, as a fraction, "
    "to the last digit.",
    reference=lambda: _VALIDATION[np.argmax(_THOUSAND)] / 5000,
    tolerance=1e-6,
    mistakes={
        "Give a fraction between 0 and 1, as `net.accuracy` does, not a percentage.": (10.5, 10.6),
        "That is how many images are right. Divide by the number of images.": 527,
        "That is the class it will name. How large is its share of `validation`?": 7,
        "That is how often it is wrong.": (0.894, 0.895),
        "One in ten would be right if the classes were equally common. Count the labels of `thousand`.": [0.1, 10],
        "That is the class's share of `thousand`, where the network has learned. The task asks for the accuracy on "
        "`validation`.": 0.117,
        "To three digits that is the largest class of `validation`; but which to name is learned from `thousand`. "
        "(If you trained: with mini-batches, the last batches decide, so take all thousand in each step.)": [
            0.1068,
            (0.10699, 0.10701),
        ],
        "That is a share of 10,000 images; `validation` is the first 5,000.": _HELD_OUT[np.argmax(_THOUSAND)] / 10_000,
        "That is the share of another class. Which is the most common one in `thousand`?": [
            count / 5000 for count in _VALIDATION if count not in (527, 534)
        ],
        "Near it. Is it rounded, or some images off? It is a count of `validation`, divided by 5,000.": [
            0.11,
            (0.1049, 0.1058),
        ],
        "It names one class, and is right wherever that occurs. (`argmax` gives a class, `max` its count.)": 0,
        "That is the share of no class of `validation`. Count the labels of both sets.": (0.088, 0.12),
        "That is far better than chance, and the network no longer looks at the image.": (0.12, 1),
    },
    any_hint="Of all images of `validation` it gets those of one class right. Which class, and how many are there?",
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
        "That is for ηλ = 0.1. Here it is 3.": (0.347, 0.350),
        "That is for ηλ = 0.3. Here it is 3.": (0.0282, 0.0283),
        "What does one step, 1 − 3 · 1, make of a weight of 1? No power of that is 0.": 0,
        "The penalty has a ½, so its gradient is λW, and not 2λW.": (1 - 2 * 3 * 1) ** 10,
        "Is that 1 divided by the right number, or did you take λ/2? The gradient of (λ/2)W² is λW.": (1 - 3 / 2) ** 10,
        "In Python `^` is no power; that is `**`.": [2 ^ 10, -2 ^ 10],
        "That is for more steps than ten.": [(-2.0) ** steps for steps in (12, 30, 100)],
        "An exponential is the limit of many small steps; these are ten large ones. What does one do to a weight?": [
            np.exp(-10 * 3 * 1),
            np.exp(10 * 3 * 1),
        ],
        "One factor too few: count the steps.": (1 - 3 * 1) ** 9,
        "One factor too many: count the steps.": (1 - 3 * 1) ** 11,
        "Near, but not it: the tenth power of a whole number is a whole number, with nothing to be rounded.": [
            (994, 1023.9),
            (1024.1, 1054),
        ],
    },
    any_hint="Do it step by step: what becomes of a weight of 1 after one step of decay, and after two?",
    second_hint="Each step multiplies by 1 − ηλ. Put the numbers in, mind the sign, and take the tenth power.",
    praise="Decay that overshoots: the weights change their sign in each step and grow.",
)

EXERCISES = [L2_PENALTY, L2_GRADIENT, COLLAPSED_ACCURACY, DECAY_FACTOR]
