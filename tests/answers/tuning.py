"""Answers to the exercises of notebook 07: right ones in several styles, and wrong ones with a piece of their hint."""

import math
import random

import numpy as np

# ------------------------------------------------------------------------------------------------ 7.1


def configurations_with_a_loop(n, seed):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        eta = 10 ** rng.uniform(-3, 0)
        lam = 10 ** rng.uniform(-6, -2)
        units = int(rng.integers(16, 257))
        found.append({"learning_rate": eta, "weight_decay": lam, "sizes": (784, units, 10)})
    return found


def configurations_vectorised(n, seed):
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.uniform(np.log(1e-3), np.log(1.0), n))
    decays = np.exp(rng.uniform(np.log(1e-6), np.log(1e-1), n))
    units = np.exp2(rng.uniform(4, 8, n)).round().astype(int)
    return [
        {"learning_rate": eta, "weight_decay": lam, "sizes": [784, k, 10]}
        for eta, lam, k in zip(rates, decays, units, strict=True)
    ]


def configurations_float32(n, seed):
    rng = np.random.default_rng(seed)
    exponents = rng.random((n, 2), dtype=np.float32) * np.float32(3) - np.array([3, 5], np.float32)
    eta, lam = (np.float32(10) ** exponents).T
    hidden = rng.choice([16, 32, 64, 128, 256], n)
    return [
        {"learning_rate": eta[i], "weight_decay": lam[i], "sizes": (784, hidden[i], 10), "epochs": 2} for i in range(n)
    ]


def configurations_with_pythons_random(n, seed):
    rng = random.Random(seed)

    def one():
        layers = [rng.choice([32, 64, 128]) for _ in range(rng.randint(1, 3))]
        return dict(
            sizes=(784, *layers, 10), learning_rate=10 ** rng.uniform(-4, 0), weight_decay=10 ** rng.uniform(-7, -1)
        )

    return tuple(one() for _ in range(n))


def drawn(n, rng, eta=lambda rng: 10 ** rng.uniform(-3, 0), lam=lambda rng: 10 ** rng.uniform(-6, -1)):
    """What the wrong answers below have in common."""
    return [
        {"learning_rate": eta(rng), "weight_decay": lam(rng), "sizes": (784, int(rng.integers(16, 257)), 10)}
        for _ in range(n)
    ]


def configurations_plain_scale(n, seed):
    return drawn(n, np.random.default_rng(seed), eta=lambda rng: rng.uniform(0.001, 1))


def configurations_plain_lambda(n, seed):
    return drawn(n, np.random.default_rng(seed), lam=lambda rng: rng.uniform(1e-6, 0.1))


def configurations_generator_in_the_loop(n, seed):
    return [drawn(1, np.random.default_rng(seed))[0] for _ in range(n)]


def configurations_without_the_seed(n, seed):
    return drawn(n, np.random.default_rng())


def configurations_always_seed_0(n, seed):
    return drawn(n, np.random.default_rng(0))


def configurations_exponents_only(n, seed):
    return drawn(n, np.random.default_rng(seed), eta=lambda rng: rng.uniform(-3, 0))


def configurations_powers_of_e(n, seed):
    return drawn(n, np.random.default_rng(seed), eta=lambda rng: np.exp(rng.uniform(-3, 0)))


def configurations_whole_exponents(n, seed):
    return drawn(n, np.random.default_rng(seed), eta=lambda rng: 10.0 ** rng.integers(-3, 1))


def configurations_from_a_list(n, seed):
    return drawn(n, np.random.default_rng(seed), eta=lambda rng: rng.choice([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1]))


def configurations_normal_exponents(n, seed):
    return drawn(n, np.random.default_rng(seed), eta=lambda rng: 10 ** rng.normal(-2, 0.5))


def configurations_large_rates(n, seed):
    return drawn(n, np.random.default_rng(seed), eta=lambda rng: 10 ** rng.uniform(0, 3))


def configurations_tiny_rates(n, seed):
    return drawn(n, np.random.default_rng(seed), eta=lambda rng: 10 ** rng.uniform(-5, -2))


def configurations_one_draw_for_both(n, seed):
    rng = np.random.default_rng(seed)
    found = drawn(n, rng)
    for configuration in found:
        u = rng.uniform()
        configuration["learning_rate"], configuration["weight_decay"] = 10 ** (3 * u - 3), 10 ** (5 * u - 6)
    return found


def configurations_short_names(n, seed):
    return [{"lr": c["learning_rate"], **c} for c in drawn(n, np.random.default_rng(seed))]


def configurations_units_apart(n, seed):
    return [{**c, "sizes": c["sizes"][1]} for c in drawn(n, np.random.default_rng(seed))]


def configurations_hidden_only(n, seed):
    return [{**c, "sizes": c["sizes"][1:2]} for c in drawn(n, np.random.default_rng(seed))]


def configurations_fractions_of_units(n, seed):
    rng = np.random.default_rng(seed)
    return [{**c, "sizes": (784, 2 ** rng.uniform(4, 8), 10)} for c in drawn(n, rng)]


def configurations_one_size(n, seed):
    return [{**c, "sizes": (784, 32, 10)} for c in drawn(n, np.random.default_rng(seed))]


def configurations_a_grid(n, seed):
    rng = np.random.default_rng(seed)
    rates, decays = 10 ** rng.uniform(-3, 0, n), 10 ** rng.uniform(-6, -1, n)
    return [{"learning_rate": a, "weight_decay": b, "sizes": (784, 32, 10)} for a in rates for b in decays]


def configurations_arrays(n, seed):
    rng = np.random.default_rng(seed)
    return [{**c, "learning_rate": 10 ** rng.uniform(-3, 0, 1)} for c in drawn(n, rng)]


def configurations_a_generator(n, seed):
    return (c for c in drawn(n, np.random.default_rng(seed)))


def configurations_only_one(n, seed):
    return drawn(1, np.random.default_rng(seed))[0]


def configurations_tuples(n, seed):
    return [tuple(c.values()) for c in drawn(n, np.random.default_rng(seed))]


def configurations_without_return(n, seed):
    drawn(n, np.random.default_rng(seed))


def configurations_with_a_zero(n, seed):
    found = drawn(n, np.random.default_rng(seed))
    for configuration in found[::10]:
        configuration["weight_decay"] = 0.0
    return found


def configurations_no_units(n, seed):
    rng = np.random.default_rng(seed)
    return [{**c, "sizes": (784, int(rng.integers(0, 5)), 10)} for c in drawn(n, rng)]


# ------------------------------------------------------------------------------------------------ 7.4


def difference_step_by_step(p_a, n_a, p_b, n_b):
    variance = 0
    for p, n in [(p_a, n_a), (p_b, n_b)]:
        variance += p * (1 - p) / n
    half = 1.96 * math.sqrt(variance)
    return [p_a - p_b - half, p_a - p_b + half]


def difference_vectorised(p_a, n_a, p_b, n_b):
    p, n = np.array([p_a, p_b]), np.array([n_a, n_b])
    return tuple(p[0] - p[1] + 1.959964 * np.sqrt(np.sum(p * (1 - p) / n)) * np.array([-1, 1]))


def difference_float32(p_a, n_a, p_b, n_b):
    a, b = np.float32(p_a), np.float32(p_b)
    half = np.float32(1.96) * np.hypot(np.sqrt(a * (1 - a) / np.float32(n_a)), np.sqrt(b * (1 - b) / np.float32(n_b)))
    return a - b - half, a - b + half


def half_width(p, n):
    return 1.96 * np.sqrt(p * (1 - p) / n)


def difference_widths_added(p_a, n_a, p_b, n_b):
    half = half_width(p_a, n_a) + half_width(p_b, n_b)
    return p_a - p_b - half, p_a - p_b + half


def difference_widths_subtracted(p_a, n_a, p_b, n_b):
    half = abs(half_width(p_a, n_a) - half_width(p_b, n_b))
    return p_a - p_b - half, p_a - p_b + half


def difference_variances_subtracted(p_a, n_a, p_b, n_b):
    half = np.sqrt(abs(half_width(p_a, n_a) ** 2 - half_width(p_b, n_b) ** 2))
    return p_a - p_b - half, p_a - p_b + half


def difference_one_sigma(p_a, n_a, p_b, n_b):
    half = np.sqrt(p_a * (1 - p_a) / n_a + p_b * (1 - p_b) / n_b)
    return p_a - p_b - half, p_a - p_b + half


def difference_without_root(p_a, n_a, p_b, n_b):
    half = 1.96 * (p_a * (1 - p_a) / n_a + p_b * (1 - p_b) / n_b)
    return p_a - p_b - half, p_a - p_b + half


def difference_the_other_way(p_a, n_a, p_b, n_b):
    half = np.hypot(half_width(p_a, n_a), half_width(p_b, n_b))
    return p_b - p_a - half, p_b - p_a + half


def difference_without_sign(p_a, n_a, p_b, n_b):
    half = np.hypot(half_width(p_a, n_a), half_width(p_b, n_b))
    return abs(p_a - p_b) - half, abs(p_a - p_b) + half


def difference_of_the_first_only(p_a, n_a, p_b, n_b):
    return p_a - p_b - half_width(p_a, n_a), p_a - p_b + half_width(p_a, n_a)


def difference_root_two(p_a, n_a, p_b, n_b):
    half = math.sqrt(2) * half_width(p_a, n_a)
    return p_a - p_b - half, p_a - p_b + half


def difference_one_n(p_a, n_a, p_b, n_b):
    half = 1.96 * np.sqrt((p_a * (1 - p_a) + p_b * (1 - p_b)) / n_a)
    return p_a - p_b - half, p_a - p_b + half


def difference_and_half_width(p_a, n_a, p_b, n_b):
    return p_a - p_b, np.hypot(half_width(p_a, n_a), half_width(p_b, n_b))


def difference_high_first(p_a, n_a, p_b, n_b):
    half = np.hypot(half_width(p_a, n_a), half_width(p_b, n_b))
    return p_a - p_b + half, p_a - p_b - half


# ------------------------------------------------------------------------------------------------ 7.5


def confusion_with_a_loop(labels, answers, K):
    counts = [[0] * K for _ in range(K)]
    for label, answer in zip(labels, answers, strict=True):
        counts[label][answer] += 1
    return counts


def confusion_vectorised(labels, answers, K):
    return np.bincount(K * labels + answers, minlength=K * K).reshape(K, K)


def confusion_float32(labels, answers, K):
    one_hot = np.eye(K, dtype=np.float32)
    return one_hot[labels].T @ one_hot[answers]


def confusion_once(labels, answers, K):
    counts = np.zeros((K, K), int)
    counts[labels, answers] += 1
    return counts


def confusion_numbers_that_occur(labels, answers, K):
    return np.bincount(K * labels + answers).reshape(K, K)


def confusion_of_ten(labels, answers, K):
    counts = np.zeros((10, 10), int)
    for label, answer in zip(labels, answers, strict=True):
        counts[label, answer] += 1
    return counts


def confusion_other_names(y, predicted, K):
    return confusion_with_a_loop(y, predicted, K)


def confusion_set(labels, answers, K):
    counts = np.zeros((K, K))
    for label, answer in zip(labels, answers, strict=True):
        counts[label, answer] = 1
    return counts


def confusion_exchanged(labels, answers, K):
    counts = np.zeros((K, K), int)
    for label, answer in zip(labels, answers, strict=True):
        counts[answer, label] += 1
    return counts


def confusion_classes_seen(labels, answers, K):
    K = int(max(labels.max(), answers.max())) + 1
    counts = np.zeros((K, K), int)
    np.add.at(counts, (labels, answers), 1)
    return counts


def confusion_shares_of_rows(labels, answers, K):
    counts = np.array(confusion_with_a_loop(labels, answers, K))
    return counts / counts.sum(axis=1, keepdims=True)


def confusion_shares_of_all(labels, answers, K):
    counts = np.array(confusion_with_a_loop(labels, answers, K))
    return counts / counts.sum()


def confusion_mistakes_only(labels, answers, K):
    counts = np.zeros((K, K), int)
    for label, answer in zip(labels, answers, strict=True):
        if label != answer:
            counts[label, answer] += 1
    return counts


def confusion_right_only(labels, answers, K):
    return np.diag([int(np.sum((labels == k) & (answers == k))) for k in range(K)])


def confusion_of_labels(labels, answers, K):
    return np.bincount(labels, minlength=K)


def confusion_one_class_short(labels, answers, K):
    counts = np.zeros((K - 1, K - 1), int)
    for k in range(K - 1):
        for j in range(K - 1):
            counts[k, j] = np.sum((labels == k) & (answers == j))
    return counts


RIGHT = {
    "random_configurations": [
        configurations_with_a_loop,
        configurations_vectorised,
        configurations_float32,
        configurations_with_pythons_random,
    ],
    "test_set_size": [97_286, 1.96**2 * 0.974 * 0.026 / 0.001**2, np.float32(97_300), np.int64(97_287)],
    "difference_interval": [difference_step_by_step, difference_vectorised, difference_float32],
    "confusion_matrix": [confusion_with_a_loop, confusion_vectorised, confusion_float32],
}
WRONG = {
    "random_configurations": [
        (configurations_plain_scale, "even on the plain scale"),
        (configurations_plain_lambda, "values of λ lie above"),
        (configurations_generator_in_the_loop, "before the loop"),
        (configurations_without_the_seed, "must be repeatable"),
        (configurations_always_seed_0, "does not use `seed`"),
        (configurations_exponents_only, "ten to the power"),
        (configurations_powers_of_e, "`np.exp(…)`"),
        (configurations_whole_exponents, "drawn by lot"),
        (configurations_from_a_list, "drawn by lot"),
        (configurations_normal_exponents, "`rng.uniform`"),
        (configurations_large_rates, "sign of your exponents"),
        (configurations_tiny_rates, "near 0.1"),
        (configurations_one_draw_for_both, "anew for each setting"),
        (configurations_short_names, "spelt as its arguments"),
        (configurations_units_apart, "holds all layers"),
        (configurations_hidden_only, "begin with 784"),
        (configurations_fractions_of_units, "no fractions of a unit"),
        (configurations_one_size, "searched as well"),
        (configurations_a_grid, "in all"),
        (configurations_arrays, "without a size"),
        (configurations_a_generator, "only once"),
        (configurations_only_one, "one configuration"),
        (configurations_tuples, "passes each configuration by name"),
        (configurations_without_return, "Is there a `return`"),
        (configurations_with_a_zero, "0 has no logarithm"),
        (configurations_no_units, "needs some units"),
    ],
    "test_set_size": [
        (25_324, "factor 1.96 is missing"),
        (49_635, "square it, too"),
        (24_321, "half of the way"),
        (311.9, "square both sides"),
        (9.73, "0.001"),
        (972.9, "0.001"),
        (3_841_600, "p (1 − p) is missing"),
        (960_400, "worst case"),
        (3_741_718, "not p alone"),
        (99_882, "not 1 − p alone"),
        (100_000, "A good estimate"),
        (96_000, "A good estimate"),
        (90_000, "A good estimate"),
        (101_296, "2 for 1.96"),
        (93_639, "one end"),
        (100_922, "one end"),
        (194_571, "twice the variance"),
        (10_000, "number at hand"),
        ("97,286", "Give the number itself"),
    ],
    "difference_interval": [
        (difference_widths_added, "You add the two half-widths"),
        (difference_widths_subtracted, "one half-width from the other"),
        (difference_variances_subtracted, "variances add"),
        (difference_one_sigma, "68 of 100"),
        (difference_without_root, "root is missing"),
        (difference_the_other_way, "b less a"),
        (difference_without_sign, "lost its sign"),
        (difference_of_the_first_only, "second is measured, too"),
        (difference_root_two, "both are equally wide"),
        (difference_one_n, "each accuracy has its own"),
        (difference_and_half_width, "the two ends"),
        (difference_high_first, "larger end comes first"),
    ],
    "confusion_matrix": [
        (confusion_once, "count K·label + answer"),
        (confusion_numbers_that_occur, "`minlength=K * K`"),
        (confusion_of_ten, "not always ten"),
        (confusion_other_names, "Keep the names of the parameters"),
        (confusion_set, "`=` sets a cell to 1"),
        (confusion_exchanged, "Rows and columns are exchanged"),
        (confusion_classes_seen, "happen to occur"),
        (confusion_shares_of_rows, "shares of each row"),
        (confusion_shares_of_all, "shares of all images"),
        (confusion_mistakes_only, "diagonal is missing"),
        (confusion_right_only, "Only the diagonal"),
        (confusion_of_labels, "count pairs"),
        (confusion_one_class_short, "no room for the last class"),
    ],
}
