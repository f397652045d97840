"""Wrong answers that behave like no mistake listed in the package, each beside a piece of the hint it should get.

Those of exercises with many right answers come first: there the package lists no mistakes, but looks at properties.
"""

import itertools
from dataclasses import replace

import numpy as np
from numpy.linalg import norm

from mnist_scratch import SGD, CosineSchedule, WarmUpSchedule
from mnist_scratch.classroom.bugs import BUGS
from mnist_scratch.classroom.exercises import EXERCISES
from mnist_scratch.functions import log_softmax, softmax
from mnist_scratch.recipes import RECIPES

WRONG = {}  # exercise: {a piece of the hint: an answer or a list of them}


def shuffled(m, seed):
    return np.random.default_rng(seed).permutation(m)


# ------------------------------------------------------------------------------------------------ 1.2


def parts(X, y, train, validation):
    return X[train], y[train], X[validation], y[validation]


def cut(X, y, n, order):
    return parts(X, y, order[n:], order[:n])


def split(X, y, n, seed):
    return cut(X, y, n, shuffled(len(X), seed))


WRONG["split"] = {
    "Nothing is shuffled": [
        lambda X, y, n, seed: cut(X, y, n, np.arange(len(X))),
        lambda X, y, n, seed: cut(X, y, n, np.arange(len(X))[::-1]),
    ],
    "Draw a random order": lambda X, y, n, seed: split(X, y, n, seed) if n else cut(X, y, 0, np.arange(len(X))),
    "stay in their old order": lambda X, y, n, seed: parts(
        X, y, np.sort(shuffled(len(X), seed)[n:]), np.sort(shuffled(len(X), seed)[:n])
    ),
    "A rotation is no shuffle": lambda X, y, n, seed: cut(X, y, n, np.roll(np.arange(len(X)), 3 + 7 * seed)),
    "cut first and shuffle afterward": lambda X, y, n, seed: parts(
        X, y, shuffled(len(X) - n, seed), len(X) - n + shuffled(n, seed)
    ),
    "the label that it came with": lambda X, y, n, seed: split(X, y[shuffled(len(y), seed + 1)], n, seed),
    "no result can be repeated": lambda X, y, n, seed: split(X, y, n, np.random.default_rng().integers(2**32)),
    "`seed` is not used": [
        lambda X, y, n, seed: split(X, y, n, 0),
        lambda X, y, n, seed: split(X, y, n, seed % 2),
        lambda X, y, n, seed: cut(X, y, n, np.roll(shuffled(len(X), 0), seed)),
    ],
    "belongs to the caller": lambda X, y, n, seed: np.random.default_rng(seed).shuffle(X) or split(X, y, n, seed),
    "with replacement": lambda X, y, n, seed: parts(
        X, y, shuffled(len(X), seed)[n:], np.random.default_rng(seed).integers(0, len(X), n)
    ),
    "First both parts of the training data": lambda *given: tuple(split(*given)[i] for i in (0, 2, 1, 3)),
    "The images come before their labels": lambda *given: tuple(split(*given)[i] for i in (1, 0, 3, 2)),
    "pick both by it": lambda *given: tuple(split(*given)[i] for i in (0, 3, 2, 1)),
    "Return four arrays": [
        lambda *given: (split(*given)[:2], split(*given)[2:]),
        lambda *given: ([["a"]], [1], [[1, 2], [3]], [2]),
    ],
    "exchanged": lambda *given: split(*given)[2:] + split(*given)[:2],
    "−0 is 0": lambda X, y, n, seed: parts(X, y, shuffled(len(X), seed)[:-n], shuffled(len(X), seed)[-n:]),
    "overlap": lambda X, y, n, seed: parts(X, y, shuffled(len(X), seed), shuffled(len(X), seed)[:n]),
}

# ------------------------------------------------------------------------------------------------ 1.3


def cuts(rows, B):
    return [rows[i : i + B] for i in range(0, len(rows), B)]


def batches(X, y, lists_of_rows):
    return ((X[rows], y[rows]) for rows in lists_of_rows)


def minibatches(X, y, B, rng):
    return batches(X, y, cuts(rng.permutation(len(X)), B))


def with_an_empty_batch(X, y, B, rng):
    order = rng.permutation(len(X))
    return batches(X, y, (order[k * B : (k + 1) * B] for k in range(len(X) // B + 1)))


def in_shuffled_batches(X, y, B, rng, stay=0):
    whole = cuts(np.arange(len(X)), B)
    return batches(
        X, y, [whole[i] for i in [*rng.permutation(len(whole) - stay), *range(len(whole) - stay, len(whole))]]
    )


WRONG["minibatches"] = {
    "left out": lambda X, y, B, rng: (batch for batch in minibatches(X, y, B, rng) if len(batch[0]) == B),
    "empty batch": with_an_empty_batch,
    "filled up": lambda X, y, B, rng: batches(X, y, cuts(np.resize(rng.permutation(len(X)), -(-len(X) // B) * B), B)),
    "anew from all rows": lambda X, y, B, rng: batches(
        X, y, (rng.choice(len(X), len(rows)) for rows in cuts(np.arange(len(X)), B))
    ),
    "Draw a random order": lambda X, y, B, rng: batches(X, y, cuts(np.arange(len(X)), B)),
    "with a fixed seed": lambda X, y, B, rng: minibatches(X, y, B, np.random.default_rng(0)),
    "somewhere else than `rng`": lambda X, y, B, rng: minibatches(X, y, B, np.random.default_rng()),
    "the label that it came with": lambda X, y, B, rng: minibatches(X, rng.permutation(y), B, rng),
    "in memory at once": lambda *given: list(minibatches(*given)),
    "ends the function": lambda *given: next(minibatches(*given)),
    "never ends": lambda *given: (batch for _ in itertools.count() for batch in minibatches(*given)),
    "one example at a time": lambda X, y, B, rng: batches(X, y, rng.permutation(len(X))),
    "Yield two arrays of numbers": lambda *given: (batch[0] for batch in minibatches(*given)),
    "belongs to the caller": lambda X, y, B, rng: rng.shuffle(X) or minibatches(X, y, B, rng),
    "shuffled for itself": lambda X, y, B, rng: batches(X, y, map(rng.permutation, cuts(np.arange(len(X)), B))),
    "whole batches": [
        in_shuffled_batches,
        lambda *given: in_shuffled_batches(*given, stay=1),
        lambda X, y, B, rng: batches(X, y, cuts(np.roll(np.arange(len(X)), rng.integers(len(X))), B)),
    ],
    "Draw a new order": lambda X, y, B, rng: batches(X, y, cuts(np.roll(shuffled(len(X), 0), rng.integers(len(X))), B)),
    "rows of 10": [
        lambda X, y, B, rng: batches(X, y, [rng.permutation(len(X))[i:B] for i in range(0, len(X), B)]),
        lambda X, y, B, rng: ((X[i : i + B], y[i : i + B]) for i in range(len(X))),
    ],
    "how many batches there are": lambda X, y, B, rng: batches(X, y, np.array_split(rng.permutation(len(X)), B)),
    "used up": lambda *given: iter([]),
    "index images and labels": lambda X, y, B, rng: ((rows, rows) for rows in cuts(rng.permutation(len(X)), B)),
}

# ------------------------------------------------------------------------------------------------ 4.1

CAUSES = {letter: bug.cause for letter, bug in BUGS.items()}
WRONG["bug_hunt"] = {
    "every entry is wrong by one and the same factor": CAUSES | dict(A="difference", F="mean"),
    "tanh has no mask": CAUSES | dict(C="derivative", I="mask"),
    "E: `mask` would spoil W2 and b2, and the report has them right": CAUSES | dict(E="mask"),
    "H: `transpose` would leave W2, b2 and W3 alone": CAUSES | dict(H="transpose"),
    "Right: C, D, E, F, G, H, I, J. Open: A, B.": CAUSES | dict(A="?", B=None),
    "Did you mean 'mean'?": CAUSES | dict(A="maen"),
    "beginning of a line": CAUSES | dict(A="the compiler"),
    "Write it like": [["mean", "bias"]],
    "for each letter from A to J": {"K": "mean"},
}

# ------------------------------------------------------------------------------------------------ 5.3

WRONG["repair"] = {
    "at the start, and at the end": lambda epoch: 1.6,
    "avoids the question": [lambda epoch: 0.2, lambda epoch: 0.8],
    "where a run should settle": [lambda epoch: 3.2 * min(epoch, 1), lambda epoch: 3.2 * epoch / 6],
    "harm was done in the first steps": [
        lambda epoch: 3.2 * (1 + np.cos(np.pi * epoch / 6)) / 2,
        lambda epoch: 3.2 if epoch < 4 else 0.05,
    ],
    "A cosine inside a warm-up": WarmUpSchedule(CosineSchedule(1.0, epochs=6), epochs=2),
    "never below 0": lambda epoch: 1.6 - 0.4 * epoch,
    "where a step is taken": lambda epoch: 1.0 if epoch == 0.01 else 0.1,
    "little is learned": lambda epoch: float(epoch == 0),
    "not on chance": lambda epoch, rng=np.random.default_rng(0): rng.choice([0.1, 0.2, 1.0]),  # noqa: B008 on purpose
    "return one number": lambda epoch: None,
    "fractions included": lambda epoch: [0.4, 1.6, 1.2, 0.8, 0.4, 0.2, 0.1][epoch],
    "Write a function": 0.8,
}

# ------------------------------------------------------------------------------------------------ 7.1


def drawn(n, seed, **settings):
    """Configurations with some settings drawn in another way: each a function of the generator."""
    rng = np.random.default_rng(seed)
    settings = {
        "learning_rate": lambda rng: 10 ** rng.uniform(-3, 0),
        "weight_decay": lambda rng: 10 ** rng.uniform(-6, -1),
        "sizes": lambda rng: (784, int(rng.integers(16, 257)), 10),
    } | settings
    return [{name: draw(rng) for name, draw in settings.items()} for _ in range(n)]


def drawing(**settings):
    return lambda n, seed: drawn(n, seed, **settings)


def one_draw_for_both(n, seed):
    draws = np.random.default_rng(seed).uniform(size=n)
    both = [{"learning_rate": 10 ** (3 * u - 3), "weight_decay": 10 ** (5 * u - 6)} for u in draws]
    return [configuration | rates for configuration, rates in zip(drawn(n, seed), both, strict=True)]


_grown = []
_calls = itertools.count()

WRONG["random_configurations"] = {
    "even on the plain scale": drawing(learning_rate=lambda rng: rng.uniform(0.001, 1)),
    "the values of λ reach": drawing(weight_decay=lambda rng: rng.uniform(1e-6, 0.1)),
    "before the loop": lambda n, seed: [drawn(1, seed)[0] for _ in range(n)],
    "one and the same": lambda n, seed: drawn(1, seed) * n,
    "must be repeatable": [
        lambda n, seed: drawn(n, None),
        lambda n, seed: drawn(n, seed + next(_calls) % 2 * (n == 3)),  # right every second time
    ],
    "whole of `seed`": [
        lambda n, seed: drawn(n, 0),
        lambda n, seed: drawn(n, seed % 2),
        lambda n, seed: drawn(n, 0)[seed % n :] + drawn(n, 0)[: seed % n],
    ],
    "from call to call": lambda n, seed: _grown.extend(drawn(n, seed)) or list(_grown),
    "ten to the power": drawing(learning_rate=lambda rng: rng.uniform(-3, 0)),
    "must be positive": [
        drawing(learning_rate=lambda rng: rng.normal(0.1, 0.1)),
        drawing(weight_decay=lambda rng: -(10 ** rng.uniform(-6, -1))),
    ],
    "`np.exp(…)`": drawing(learning_rate=lambda rng: np.exp(rng.uniform(-3, 0))),
    "values of a grid": [
        drawing(learning_rate=lambda rng: 10.0 ** rng.integers(-3, 1)),
        lambda n, seed: [
            c | {"learning_rate": eta} for c, eta in zip(drawn(n, 0), n * [0.001, 0.01, 0.1, 1], strict=False)
        ],
    ],
    "`rng.uniform`": drawing(learning_rate=lambda rng: 10 ** rng.normal(-2, 0.5)),
    "sign of your exponents": drawing(learning_rate=lambda rng: 10 ** rng.uniform(0, 3)),
    "near 0.1": drawing(learning_rate=lambda rng: 10 ** rng.uniform(-5, -2)),
    "anew for each setting": one_draw_for_both,
    "all of these are needed": drawing(lr=lambda rng: 0.1),
    "holds all layers": drawing(sizes=lambda rng: int(rng.integers(16, 257))),
    "begin with 784": drawing(sizes=lambda rng: (int(rng.integers(16, 257)),)),
    "no fractions of a unit": drawing(sizes=lambda rng: (784, 2 ** rng.uniform(4, 8), 10)),
    "searched as well": drawing(sizes=lambda rng: (784, 32, 10)),
    "in all": lambda n, seed: drawn(n * n, seed),
    "`return` inside": lambda n, seed: drawn(1, seed),
    "without a size": drawing(learning_rate=lambda rng: 10 ** rng.uniform(-3, 0, 1)),
    "text of a number": drawing(learning_rate=lambda rng: f"{10 ** rng.uniform(-3, 0):.3g}"),
    "only once": lambda n, seed: (c for c in drawn(n, seed)),
    "one configuration": lambda n, seed: drawn(1, seed)[0],
    "passes each configuration by name": lambda n, seed: [tuple(c.values()) for c in drawn(n, seed)],
    "0 has no logarithm": drawing(weight_decay=lambda rng: rng.choice([0, 10 ** rng.uniform(-6, -1)], p=[0.1, 0.9])),
    "needs some units": drawing(sizes=lambda rng: (784, int(rng.integers(0, 5)), 10)),
}

# ------------------------------------------------------------------------------------------------ 8.1


def mine(recipe="relu-128-64", **changes):
    settings = {"name": "mine", "sizes": (784, 200, 10), "goal": 0.98} | changes
    return lambda: replace(RECIPES[recipe], **settings)


def added():
    RECIPES["mine"] = mine()()
    return RECIPES["mine"]


WRONG["my_recipe"] = {
    "Give it another name": mine(name="relu-128-64"),
    "is called by it": mine(name=" "),
    "letters and hyphens": mine(name="a/b"),
    "layers of your own": mine(sizes=RECIPES["relu-128-64"].sizes),
    "all layers": mine(sizes=(200,)),
    "needs one unit": mine(sizes=(784, 0, 10)),
    "of the package": lambda: RECIPES["relu-128-64"],
    "784 pixels go in": mine(sizes=(200, 10)),
    "three different": [mine(seeds=seeds) for seeds in ((0,), (0, 0, 0))],
    "(0, 1, 2)": [mine(seeds=seeds) for seeds in (3, (-1, -2, -3), (0.1, 0.2, 0.3))],
    "between 0 and 1": mine(goal=98),
    "before you know": mine(goal=None),
    "still that of the recipe": mine(goal=RECIPES["relu-128-64"].goal),
    "No network reads every image": mine(goal=1.0),
    "not the error": mine(goal=0.02),
    "figures of others": mine("relu-128-64-as-published"),
    "choose with the test set": mine(n_validation=0),
    "stretches both": mine(epochs=10),
    "1 or more": [
        mine(ensemble=0),
        lambda: replace(mine()().with_epochs(0.5), goal=0.98),
        mine(batch_size=0),
    ],
    "lives in the optimizer": mine(optimizer=0.1),
    "much too large": mine(optimizer=SGD(1e30)),
    "setting that is named": mine(activation="relus"),
    "λ is one number": mine(weight_decay=-1),
    "factors of ten": mine(weight_decay=1.0),
    "drawn at random": lambda: mine(sizes=(784, 401 + next(_calls), 10))(),
    "names of their own": mine(learning_rate=0.1),
    "a function of its own": lambda: RECIPES.replace("relu-128-64"),
    "stored with the results": mine(
        optimizer=SGD(lambda epoch: 0.1)
    ),  # it could be trained, but not kept with its results
    "cannot be changed": lambda: setattr(RECIPES["relu-128-64"], "name", "mine"),
    "RECIPES was changed": added,
    "makes a recipe of them": lambda: {"name": "mine", "sizes": (784, 200, 10)},
    "returns another one": lambda: "mine",
    "one recipe, and nothing else": lambda: [mine()()],
    "shows the names": lambda: RECIPES["relu-128"],
    "Write a function": mine()(),
}

# ------------------------------------------------------------------------- functions that are compared case by case


def largest(Z):
    return Z.max(axis=1, keepdims=True)


def cross_entropy(Z, Y, shift=largest):
    S = Z - shift(Z)
    return np.mean(np.log(np.exp(S).sum(axis=1)) - (S * Y).sum(axis=1))


def slopes_by_adding(restore):
    def numerical_gradient(f, x, epsilon=1e-5):
        slopes = np.empty(x.shape)
        for index in np.ndindex(x.shape):
            x[index] += epsilon
            above = f()
            x[index] -= 2 * epsilon
            slopes[index] = (above - f()) / (2 * epsilon)
            x[index] += epsilon * restore
        return slopes

    return numerical_gradient


def right(name, change=lambda result: result):
    """The right answer, with its result changed."""
    return lambda *given: change(EXERCISES[name].reference(*given))


def changed_in_place(argument):
    """An answer that does nothing but change one of its arguments."""

    def answer(*arguments):
        first = arguments[argument][0] if isinstance(arguments[argument], list) else arguments[argument]
        np.add(first, 3, out=first)
        return arguments[argument]

    return answer


def refuses_zero(labels, n_classes):
    if not all(0 < label < n_classes for label in labels):
        raise ValueError("no such class")
    return np.eye(n_classes)[labels]


def leaves_early(dA, A):
    dZ = np.zeros(dA.shape)
    for i in range(len(dA)):
        dZ[i] = dA[i] * (A[i] > 0)
        return dZ


WRONG |= {
    "one_hot": {
        "index −1 is the last column": lambda y, K: np.eye(K)[y],
        "a check for a label below 0": lambda y, K: np.eye(K)[y] if -1 not in y and max(y) < K else y[K],
        "stops nothing": lambda y, K: (y[:, None] == np.arange(K)).astype(float),
        "different lengths": lambda y, K: [[0] * label + [1] for label in y.tolist()],
        "That is text": lambda y, K: [["1" if k == label else "0" for k in range(K)] for label in y.tolist()],
        "thirty labels as bytes": lambda y, K: np.eye(K)[y] if (y - K < 0).all() and min(y) >= 0 else [][K],
        "There is a column too many, the last": lambda y, K: np.eye(K + 1)[y],
        "The shape is one argument": lambda y, K: np.zeros(len(y), K),
        "It should hold one 1": lambda y, K: 0.9 * np.eye(K)[y] + 0.1 / K,
        "of your own": refuses_zero,
    },
    "softmax": {
        "`Z` belongs to the caller": changed_in_place(0),
        "no `return` is reached": lambda Z: None,
        "except for their sign": lambda Z: -softmax(Z),
        "returned a tuple of 2 things": lambda Z: (softmax(Z), Z),
        "transposed": lambda Z: softmax(Z).T,
        "It is correct for": lambda Z: np.maximum(Z, 0) / np.maximum(Z, 0).sum(axis=1, keepdims=True),
        "rounded to 3 decimals": lambda Z: np.round(softmax(Z), 3),
        "exp overflows": lambda Z: softmax(np.clip(Z, -700, 700)),
        "Keep the parameters": lambda Z, Y: Z,
    },
    "cross_entropy": {
        "one-hot rows here, not labels": [
            lambda Z, Y: -log_softmax(Z)[np.arange(len(Y)), Y].mean(),
            lambda Z, Y: -log_softmax(Z)[np.arange(len(Y)), Y.astype(int)].mean(),
        ],
        "3 times what they should be": lambda Z, Y: 3 * cross_entropy(Z, Y),
        "0.25 times what they should be": lambda Z, Y: (
            cross_entropy(Z, Y) / 4
        ),  # a division by K in the first case only
        "`Y` makes no difference": lambda Z, Y: np.mean(np.log(np.exp(Z - largest(Z)).sum(axis=1)) + Z.max(axis=1)),
        "off by the same amount, 4": lambda Z, Y: cross_entropy(Z, Y) + 4,
        "no limit, no ε": lambda Z, Y: -np.log(np.maximum(softmax(Z), 1e-15)[Y == 1]).mean(),
        "another order than in the stub's first line": lambda Y, Z: cross_entropy(Z, Y),  # the call is by position
    },
    "dense_forward": {"call it once, with the whole": lambda A, W, b, g: np.vectorize(g)(A @ W + b)},
    "relu_backward": {
        "as if never filled": leaves_early,
        "added up along axis 0": lambda dA, A: (dA * (A > 0)).sum(axis=0),
        "However small an output is": lambda dA, A: dA * (A > 1e-3),
        "`A` belongs to the caller": lambda dA, A: dA * np.sign(A, out=A),  # right, but for what it does to A
    },
    "dense_backward": {
        "as `dA`": lambda dZ, A, W, c: (dZ, A.T @ dZ, [0]),
        "expected 3": lambda dZ, A, W, c: (A, W),
        "`weight_decay` makes no difference": lambda dZ, A, W, c: (dZ @ W.T, A.T @ dZ + 0.1 * W, dZ.sum(axis=0)),
        "That is `dW` alone": lambda dZ, A, W, c: A.T @ dZ + c * W,
        "A small λ counts": lambda dZ, A, W, c: (dZ @ W.T, A.T @ dZ + (c > 1e-3) * c * W, dZ.sum(axis=0)),
    },
    "numerical_gradient": {
        "a trace of rounding": [slopes_by_adding(1), slopes_by_adding(0)],
        "f takes no argument": lambda f, x, epsilon=1e-5: f(x + epsilon),
        "A small slope is a slope": right("numerical_gradient", lambda g: np.where(abs(g) < 1e-8, 0, g)),
        "three axes": lambda f, x, e=1e-5: right("numerical_gradient")(f, x, e) if x.ndim < 3 else np.zeros(x.shape),
        "keeps some 7 digits": right("numerical_gradient", np.float32),
    },
    "relative_error": {
        "Something small is taken for 0": [
            lambda a, n: 0.0 if np.allclose(a, n) else right("relative_error")(a, n),
            lambda a, n: right("relative_error")(a, n) if norm(a) + norm(n) > 1e-50 else 0.0,
        ],
        "keeps some 7 digits": lambda a, n: np.float32(right("relative_error")(np.float32(a), np.float32(n))),
    },
    "four_point_difference": {
        "f takes one real number": lambda f, x, e: f(x + e * np.array([2, 1, -1, -2])) @ [-1, 8, -8, 1] / (12 * e),
        "`epsilon` makes no difference": lambda f, x, e: right("four_point_difference")(f, x, 1e-5),
        "rounded to 4 decimals": right("four_point_difference", lambda slope: round(slope, 4)),
    },
    "sgd_step": {
        "`gradients` belongs to the caller": changed_in_place(1),
        "Only the first of the arrays is right": lambda ps, gs, eta: right("sgd_step")(ps[:1], gs[:1], eta),
        "`learning_rate` makes no difference": lambda ps, gs, eta: right("sgd_step")(ps, gs, 0.1),
        "without a `yield`": lambda ps, gs, eta: (p for p in ps),
        "no whole number": lambda ps, gs, eta: [ps[p] for p in ps],
        "from call to call": lambda ps, gs, eta, seen=[]: seen.append(1) or right("sgd_step")(ps, gs, eta / len(seen)),
    },
    "momentum_step": {"`gradients` belongs to the caller": changed_in_place(1)},
    "l2_penalty": {
        "“tiny weights”": lambda W, c: right("l2_penalty")([np.where(abs(w) < 1e-4, 0, w) for w in W], c),
        "`weights` belongs to the caller": changed_in_place(0),
    },
    "l2_gradient": {
        "return a copy": lambda W, c: right("l2_gradient")(W, c) if c != 1 else list(W),
        "in the opposite order": right("l2_gradient", lambda gradients: gradients[::-1]),
        "in one long row": right("l2_gradient", lambda gradients: np.concatenate([g.ravel() for g in gradients])),
    },
    "difference_interval": {"half of their distance": lambda p_a, n_a, p_b, n_b: (p_a, p_b)},
    "confusion_matrix": {
        "do without it": lambda y, a, K: np.add.at(counts := np.zeros((K, K)), (y, a), 1) or counts,
        "A count may be large": [right("confusion_matrix", np.uint8), right("confusion_matrix", np.float16)],
        "K·label + answer exceeds 255": lambda y, a, K: np.bincount(np.uint8(y) * np.uint8(K) + a, minlength=K * K)[
            : K * K
        ].reshape(K, K),
    },
    "test_set_size": {"should give 0.001": 48_642},
    "our_weight_decay": {"rounded to 6 decimals": right("our_weight_decay", lambda lam: round(lam, 6))},
    "shifted": {"return a copy": lambda images, *by: images if by == (0, 0) else right("shifted")(images, *by)},
    "bilinear": {"needs `int(…)`": lambda image, y, x: image[np.floor(y), np.floor(x)]},
    "smoothed": {
        "cannot hold fractions": lambda Y, part: np.multiply(Y, 1 - part, out=Y.copy()) + part / Y.shape[1],
        "Part 1 is allowed": lambda Y, part: (Y + part / (Y.shape[1] * (1 - part))) * (1 - part),
    },
}
