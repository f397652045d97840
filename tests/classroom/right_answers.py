"""Right answers to every exercise, in the styles people write: loops, float32, lists, their own names.

The plain one, with whole arrays, is in the notebook of solutions. Each stands under the name of its exercise,
functions in a class that is nothing but a list of them.
"""

import math
import random
from dataclasses import replace

import numpy as np

from mnist_scratch import SGD, CosineSchedule, WarmUpSchedule
from mnist_scratch.classroom.bugs import BUGS
from mnist_scratch.recipes import RECIPES, Recipe

# ------------------------------------------------------------------------------------------------ notebook 01


class one_hot:
    def with_loops(labels, n_classes=10):
        rows = []
        for label in labels:
            if label < 0 or label >= n_classes:
                raise ValueError(f"{label} is no class")
            rows.append([1 if k == label else 0 for k in range(n_classes)])
        return np.array(rows)

    def as_truth_values(labels, n_classes=10):
        Y = labels.reshape(-1, 1) == np.arange(n_classes)
        if not Y.any(axis=1).all():
            raise ValueError("no such class")
        return Y


class split:
    def with_loops(images, labels, n_validation, seed):
        rng = np.random.default_rng(seed)
        parts = [], [], [], []
        for position, i in enumerate(rng.permutation(len(images))):
            first = 2 if position < n_validation else 0
            parts[first].append(images[i])
            parts[first + 1].append(labels[i])
        pixels = images.shape[1:]
        return tuple(np.array(part).reshape(-1, *(pixels if k % 2 == 0 else ())) for k, part in enumerate(parts))

    def by_shuffled_copies_in_float32(images, labels, n_validation, seed):
        images, labels = images.astype(np.float32), labels.copy()
        np.random.default_rng(seed).shuffle(images)
        np.random.default_rng(seed).shuffle(labels)
        cut = len(images) - n_validation
        return [images[:cut], labels[:cut], images[cut:], labels[cut:]]


class minibatches:
    def with_loops(images, labels, batch_size, rng):
        batch = []
        for i in rng.permutation(len(images)):
            batch.append(i)
            if len(batch) == batch_size:
                yield images[batch], labels[batch]
                batch = []
        if batch:
            yield images[batch], labels[batch]

    def by_a_generator_expression(X, y, B, generator):
        order = generator.permutation(len(X))
        return ((X[rows], y[rows]) for rows in np.split(order, np.arange(B, len(X), B)))


shifted_accuracy = [0.6328, np.float32(0.6328)]


# ------------------------------------------------------------------------------------------------ notebook 02


class softmax:
    def with_loops(Z):
        rows = []
        for row in Z:
            exps = [math.exp(z - max(row)) for z in row]
            rows.append([e / sum(exps) for e in exps])
        return np.array(rows)

    def in_a_copy(Z):
        Z = Z.copy()
        Z -= Z.max(axis=-1, keepdims=True)
        np.exp(Z, out=Z)
        Z /= Z.sum(axis=-1, keepdims=True)
        return Z


class cross_entropy:
    def with_loops(Z, Y):
        total = 0.0
        for z, y in zip(Z, Y, strict=True):
            log_sum = max(z) + math.log(sum(math.exp(v - max(z)) for v in z))
            total += sum(t * (log_sum - v) for v, t in zip(z, y, strict=True))
        return total / len(Z)

    def by_picking(Z, Y):
        S = Z - Z.max(axis=1, keepdims=True)
        return np.mean(np.log(np.exp(S).sum(axis=1)) - S[np.arange(len(Z)), np.argmax(Y, axis=1)])


class dense_forward:
    def with_loops(A, W, b, g):
        return g(np.array([[sum(a * w for a, w in zip(row, unit, strict=True)) for unit in W.T] for row in A]) + b)


# ------------------------------------------------------------------------------------------------ notebook 03


class relu_backward:
    def with_loops(dA, A):
        return [[d if a > 0 else 0 for d, a in zip(*rows, strict=True)] for rows in zip(dA, A, strict=True)]


class softmax_cross_entropy_backward:
    def with_loops(Z, y):
        dZ = [[math.exp(z - max(row)) for z in row] for row in Z.tolist()]
        return [
            [(e / sum(row) - (k == label)) / len(y) for k, e in enumerate(row)]
            for row, label in zip(dZ, y, strict=True)
        ]


class dense_backward:
    def by_einsum(dZ, A, W, weight_decay):
        return [np.einsum("ij,kj->ik", dZ, W), np.einsum("ik,ij->kj", A, dZ) + weight_decay * W, np.ones(len(dZ)) @ dZ]


# ------------------------------------------------------------------------------------------------ notebook 04


CAUSES = {letter: bug.cause for letter, bug in BUGS.items()}
bug_hunt = [CAUSES, {letter.lower(): f" {cause.upper()}" for letter, cause in CAUSES.items()}]


class numerical_gradient:
    def from_a_flat_iterator(function, place, step=1e-5):
        slopes = []
        for i in range(place.size):
            original, values = place.flat[i], []
            for change in (step, -step):
                place.flat[i] = original + change
                values.append(float(function()))
            place.flat[i] = original
            slopes.append((values[0] - values[1]) / 2 / step)
        return np.reshape(slopes, place.shape)


class relative_error:
    def with_loops(a, n):
        sizes = [math.hypot(*map(float, array.ravel())) for array in (a - n, a, n)]
        return sizes[0] / (sizes[1] + sizes[2]) if any(sizes) else 0


class four_point_difference:
    def by_extrapolation(f, x, h):
        near, far = ((f(x + step) - f(x - step)) / (2 * step) for step in (h, 2 * h))
        return (4 * near - far) / 3


# ------------------------------------------------------------------------------------------------ notebook 05


class sgd_step:
    def with_out(parameters, gradients, learning_rate):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            np.subtract(parameter, learning_rate * gradient, out=parameter)

    def by_index_and_returned(parameters, gradients, eta):
        for i, gradient in enumerate(gradients):
            parameters[i] -= eta * gradient
        return parameters


class momentum_step:
    def in_two_rounds(parameters, gradients, velocity, learning_rate, momentum):
        for v, g in zip(velocity, gradients, strict=True):
            v *= momentum
            v += g
        for p, v in zip(parameters, velocity, strict=True):
            p -= learning_rate * v


class repair:
    def in_float32(epoch):
        e = np.float32(epoch)
        return np.float32(1.6) * min(e / 2, np.float32(1)) * (1 + np.cos(np.float32(np.pi) * e / 6)) / 2

    others = [
        lambda epoch: 1.6 * epoch / 2 if epoch < 2 else 1.6 * (6 - epoch) / 4,
        lambda epoch: min(3 * epoch / 7, (6 - epoch) * 3 / 11),  # its top lies between two steps
        WarmUpSchedule(CosineSchedule(1.6, epochs=6), epochs=2),
        CosineSchedule(1, epochs=6),
    ]


largest_rate = [0.8, np.float32(0.8), 3.2 / 2**2]
steps_to_limit = [44, 44.0, np.int64(44), int(np.ceil(np.log(0.01) / np.log(0.9)))]


# ------------------------------------------------------------------------------------------------ notebook 06


l2_penalty = lambda Ws, lam: float(lam / 2 * math.fsum(w * w for W in Ws for w in W.ravel().tolist()))  # noqa: E731
l2_gradient = lambda Ws, lam: tuple([[lam * w for w in row] for row in W.tolist()] for W in Ws)  # noqa: E731 lists will do


collapsed_accuracy = [527 / 5000, np.float32(527 / 5000), np.mean([1] * 527 + [0] * 4473)]
decay_factor = [1024, (1 - 3 * 1) ** 10, np.float32(2) ** 10, 1024.0]


# ------------------------------------------------------------------------------------------------ notebook 07


class random_configurations:
    def in_float32_with_epochs(n, seed):
        rng = np.random.default_rng(seed)
        exponents = rng.random((n, 2), dtype=np.float32) * np.float32(3) - np.array([3, 5], np.float32)
        eta, lam = (np.float32(10) ** exponents).T
        hidden = rng.choice([32, 64, 128], n)
        return [
            {"learning_rate": eta[i], "weight_decay": lam[i], "sizes": [784, hidden[i], 10], "epochs": 2}
            for i in range(n)
        ]

    def with_pythons_random(count, seed):
        rng = random.Random(seed)
        return tuple(
            dict(
                sizes=(784, *(rng.choice([32, 64, 128]) for _ in range(rng.randint(1, 3))), 10),
                learning_rate=10 ** rng.uniform(-4, 0),
                weight_decay=10 ** rng.uniform(-7, -1),
            )
            for _ in range(count)
        )


class difference_interval:
    def from_counts_with_more_digits(p, m, q, n):
        right, also = round(p * m), round(q * n)
        half = 1.959964 * math.sqrt(right * (m - right) / m**3 + also * (n - also) / n**3)
        return [right / m - also / n - half, right / m - also / n + half]


class confusion_matrix:
    def with_a_loop(y, predicted, K):
        counts = [[0] * K for _ in range(K)]
        for label, answer in zip(y, predicted, strict=True):
            counts[label][answer] += 1
        return counts

    def as_a_product(y, predicted, K):
        return np.eye(K, dtype=np.float32)[y].T @ np.eye(K, dtype=np.float32)[predicted]


test_set_size = [97_286, 1.96**2 * 0.974 * 0.026 / 0.001**2, np.float32(97_300), 97_281]


# ------------------------------------------------------------------------------------------------ notebook 08


class my_recipe:
    def from_nothing():
        return Recipe(
            name="tanh-53",
            sizes=(784, 53, 10),  # a prime: layers that no recipe of the course will have
            optimizer=SGD(CosineSchedule(0.2, epochs=20), momentum=0.9),
            epochs=20,
            batch_size=100,
            weight_decay=5e-5,
            activation="tanh",
            seeds=[3, 4, 5, 6],
            goal=0.975,
        )

    def step_by_step():
        recipe = RECIPES["sigmoid-64"].with_epochs(10)
        recipe = replace(recipe, name="sigmoid-37", sizes=[784, np.int64(37), 10])
        return replace(
            recipe, optimizer=SGD(0.5), weight_decay=np.float32(1e-5), goal=np.float32(0.965), seeds=range(3)
        )

    def with_the_same_goal_by_chance():
        return replace(RECIPES["relu-128-64"], name="relu-311", sizes=(784, 311, 10), goal=0.982)


def our_weight_decay(lam, kind, images, rate):
    return lam / {"half": 1, "full": 0.5, "half by n": images, "decay": rate}[kind]


epochs_of_batch_descent = [13_140, 30 * math.ceil(56_000 / 128), np.float32(438) * 30]


# ------------------------------------------------------------------------------------------------ notebook 09


def shifted(images, rows, columns):
    moved = np.zeros_like(images)
    for i in range(28):
        for j in range(28):
            if 0 <= i - rows < 28 and 0 <= j - columns < 28:
                moved[:, 28 * i + j] = images[:, 28 * (i - rows) + j - columns]
    return moved


def bilinear(image, y, x):
    nearness = (np.maximum(0, 1 - abs(np.arange(28) - place)) for place in (y, x))
    return np.einsum("ij,i,j", image, *nearness)


def smoothing_matrix(n, sigma):
    rows = [[math.exp(-0.5 * ((i - j) / sigma) ** 2) for j in range(n)] for i in range(n)]
    return [[entry / math.fsum(row) for entry in row] for row in rows]


def smoothed(targets, share):
    return [[share / len(row) + (1 - share) * float(entry) for entry in row] for row in targets]
