"""Answers to the exercises of notebook 01: right ones in several styles, and wrong ones with a piece of their hint."""

import numpy as np

# ------------------------------------------------------------------------------------------------ 1.1


def one_hot_with_loops(labels, n_classes=10):
    rows = []
    for label in labels:
        if label < 0 or label >= n_classes:
            raise ValueError(f"{label} is no class")
        rows.append([1 if k == label else 0 for k in range(n_classes)])
    return np.array(rows)


def one_hot_from_identity(labels, n_classes=10):
    labels = np.asarray(labels)
    assert 0 <= labels.min() and labels.max() < n_classes
    return np.eye(n_classes)[labels]


def one_hot_float32(labels, n_classes=10):
    if not np.isin(labels, np.arange(n_classes)).all():
        raise IndexError("a label is out of range")
    return (labels[:, None] == np.arange(n_classes)).astype(np.float32)


def one_hot_truth_values(labels, n_classes=10):
    Y = labels.reshape(-1, 1) == np.arange(n_classes)
    if not Y.any(axis=1).all():
        raise ValueError("no such class")
    return Y


def one_hot_always_ten(labels, n_classes=10):
    Y = np.zeros((len(labels), 10))
    Y[np.arange(len(labels)), labels] = 1
    return Y


def one_hot_by_largest_label(labels, n_classes=10):
    return np.eye(max(labels) + 1)[labels]


def one_hot_of_distinct_labels(labels, n_classes=10):
    return (labels[:, None] == np.unique(labels)).astype(float)


def one_hot_in_columns(labels, n_classes=10):
    Y = np.zeros((n_classes, len(labels)))
    Y[labels, np.arange(len(labels))] = 1
    return Y


def one_hot_whole_columns(labels, n_classes=10):
    Y = np.zeros((len(labels), n_classes))
    Y[:, labels] = 1
    return Y


def one_hot_whole_rows(labels, n_classes=10):
    Y = np.zeros((len(labels), n_classes))
    Y[labels] = 1
    return Y


def one_hot_row_and_column_exchanged(labels, n_classes=10):
    Y = np.zeros((len(labels), n_classes))
    Y[labels, np.arange(len(labels))] = 1
    return Y


def one_hot_counts_from_one(labels, n_classes=10):
    Y = np.zeros((len(labels), n_classes))
    for i, label in enumerate(labels):
        Y[i, int(label) - 1] = 1
    return Y


def one_hot_with_the_label_itself(labels, n_classes=10):
    Y = np.zeros((len(labels), n_classes))
    for i, label in enumerate(labels):
        Y[i, label] = label
    return Y


def one_hot_takes_minus_one(labels, n_classes=10):
    if labels.max() >= n_classes:
        raise ValueError("too large")
    return np.eye(n_classes)[labels]


def one_hot_takes_anything(labels, n_classes=10):
    return (labels[:, None] == np.arange(n_classes)).astype(float)


def one_hot_with_room_for_five(labels, n_classes=10):
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError("no such class")
    Y = np.zeros((5, 10))
    Y[np.arange(5), labels] = 1
    return Y


def one_hot_with_five_rows(labels, n_classes=10):
    Y = np.zeros((5, n_classes))
    Y[np.arange(len(labels)), labels] = 1
    return Y


def one_hot_of_the_first_five(labels, n_classes=10):
    Y = np.zeros((5, n_classes))
    Y[np.arange(5), labels[:5]] = 1
    return Y


def one_hot_squeezed(labels, n_classes=10):
    return np.squeeze(np.eye(n_classes)[labels])


# ------------------------------------------------------------------------------------------------ 1.2


def split_with_loops(images, labels, n_validation, seed):
    rng = np.random.default_rng(seed)
    parts = [], [], [], []
    for position, i in enumerate(rng.permutation(len(images))):
        first = 2 if position < n_validation else 0
        parts[first].append(images[i])
        parts[first + 1].append(labels[i])
    pixels = images.shape[1:]
    return tuple(np.array(part).reshape(-1, *(pixels if k % 2 == 0 else ())) for k, part in enumerate(parts))


def split_vectorised(images, labels, n_validation, seed):
    order = np.random.default_rng(seed).permutation(len(images))
    train, validation = order[n_validation:], order[:n_validation]
    return images[train], labels[train], images[validation], labels[validation]


def split_with_shuffled_copies_in_float32(images, labels, n_validation, seed):
    images, labels = images.astype(np.float32), labels.copy()
    np.random.default_rng(seed).shuffle(images)
    np.random.default_rng(seed).shuffle(labels)
    cut = len(images) - n_validation
    return [images[:cut], labels[:cut], images[cut:], labels[cut:]]


def split_by_a_drawn_mask(images, labels, n_validation, seed):
    chosen = np.zeros(len(images), bool)
    chosen[np.random.default_rng(seed).choice(len(images), n_validation, replace=False)] = True
    return images[~chosen], labels[~chosen], images[chosen], labels[chosen]


def split_without_shuffling(images, labels, n_validation, seed):
    cut = len(images) - n_validation
    return images[:cut], labels[:cut], images[cut:], labels[cut:]


def split_shuffles_after_the_cut(images, labels, n_validation, seed):
    rng = np.random.default_rng(seed)
    cut = len(images) - n_validation
    train = rng.permutation(cut)
    validation = cut + rng.permutation(n_validation)
    return images[train], labels[train], images[validation], labels[validation]


def split_tears_pairs_apart(images, labels, n_validation, seed):
    rng = np.random.default_rng(seed)
    images, labels = rng.permutation(images), rng.permutation(labels)
    cut = len(images) - n_validation
    return images[:cut], labels[:cut], images[cut:], labels[cut:]


def split_without_the_seed(images, labels, n_validation, seed):
    return split_vectorised(images, labels, n_validation, None)


def split_with_a_fixed_seed(images, labels, n_validation, seed):
    return split_vectorised(images, labels, n_validation, 0)


def split_in_place(images, labels, n_validation, seed):
    np.random.default_rng(seed).shuffle(images)
    np.random.default_rng(seed).shuffle(labels)
    cut = len(images) - n_validation
    return images[:cut], labels[:cut], images[cut:], labels[cut:]


def split_draws_with_replacement(images, labels, n_validation, seed):
    rng = np.random.default_rng(seed)
    train = rng.integers(0, len(images), len(images) - n_validation)
    validation = rng.integers(0, len(images), n_validation)
    return images[train], labels[train], images[validation], labels[validation]


def split_in_another_order(images, labels, n_validation, seed):
    a, b, c, d = split_vectorised(images, labels, n_validation, seed)
    return a, c, b, d


def split_in_pairs(images, labels, n_validation, seed):
    a, b, c, d = split_vectorised(images, labels, n_validation, seed)
    return (a, b), (c, d)


def split_validation_first(images, labels, n_validation, seed):
    a, b, c, d = split_vectorised(images, labels, n_validation, seed)
    return c, d, a, b


def split_trips_over_minus_zero(images, labels, n_validation, seed):
    order = np.random.default_rng(seed).permutation(len(images))
    train, validation = order[:-n_validation], order[-n_validation:]
    return images[train], labels[train], images[validation], labels[validation]


def split_trains_on_everything(images, labels, n_validation, seed):
    order = np.random.default_rng(seed).permutation(len(images))
    return images[order], labels[order], images[order[:n_validation]], labels[order[:n_validation]]


# ------------------------------------------------------------------------------------------------ 1.3


def minibatches_with_loops(images, labels, batch_size, rng):
    batch = []
    for i in rng.permutation(len(images)):
        batch.append(i)
        if len(batch) == batch_size:
            yield images[batch], labels[batch]
            batch = []
    if batch:
        yield images[batch], labels[batch]


def minibatches_vectorised(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    cuts = np.arange(batch_size, len(images), batch_size)
    return ((images[rows], labels[rows]) for rows in np.split(order, cuts))


def minibatches_float32(images, labels, batch_size, rng):
    rows = np.arange(len(images))
    rng.shuffle(rows)
    for start in range(0, len(rows), batch_size):
        chosen = rows[start : start + batch_size]
        yield [images[chosen].astype(np.float32), labels[chosen]]


def minibatches_into_one_array(images, labels, batch_size, rng):
    order, room = rng.permutation(len(images)), np.empty((batch_size, images.shape[1]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        room[: len(rows)] = images[rows]
        yield room[: len(rows)], labels[rows]


def minibatches_drops_the_last(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    for k in range(len(images) // batch_size):
        rows = order[k * batch_size : (k + 1) * batch_size]
        yield images[rows], labels[rows]


def minibatches_with_an_empty_one(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    for k in range(len(images) // batch_size + 1):
        rows = order[k * batch_size : (k + 1) * batch_size]
        yield images[rows], labels[rows]


def minibatches_fills_up(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    for start in range(0, len(images), batch_size):
        rows = np.take(order, np.arange(start, start + batch_size), mode="wrap")
        yield images[rows], labels[rows]


def minibatches_draws_each_anew(images, labels, batch_size, rng):
    for start in range(0, len(images), batch_size):
        rows = rng.choice(len(images), min(batch_size, len(images) - start))
        yield images[rows], labels[rows]


def minibatches_unshuffled(images, labels, batch_size, rng):
    for start in range(0, len(images), batch_size):
        yield images[start : start + batch_size], labels[start : start + batch_size]


def minibatches_with_its_own_seed(images, labels, batch_size, rng):
    yield from minibatches_float32(images, labels, batch_size, np.random.default_rng(0))


def minibatches_from_another_generator(images, labels, batch_size, rng):
    yield from minibatches_float32(images, labels, batch_size, np.random.default_rng())


def minibatches_shuffles_labels_alone(images, labels, batch_size, rng):
    labels = rng.permutation(labels)
    yield from minibatches_unshuffled(images, labels, batch_size, rng)


def minibatches_returns_a_list(images, labels, batch_size, rng):
    return list(minibatches_float32(images, labels, batch_size, rng))


def minibatches_returns_the_first(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    for start in range(0, len(images), batch_size):
        rows = order[start : start + batch_size]
        return images[rows], labels[rows]


def minibatches_forever(images, labels, batch_size, rng):
    while True:
        yield from minibatches_float32(images, labels, batch_size, rng)


def minibatches_one_at_a_time(images, labels, batch_size, rng):
    for i in rng.permutation(len(images)):
        yield images[i], labels[i]


def minibatches_of_images_only(images, labels, batch_size, rng):
    for chosen, _ in minibatches_float32(images, labels, batch_size, rng):
        yield chosen


def minibatches_in_place(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    images[:], labels[:] = images[order], labels[order]
    yield from minibatches_unshuffled(images, labels, batch_size, rng)


def minibatches_shuffles_inside(images, labels, batch_size, rng):
    for start in range(0, len(images), batch_size):
        rows = start + rng.permutation(min(batch_size, len(images) - start))
        yield images[rows], labels[rows]


def minibatches_shuffles_batches(images, labels, batch_size, rng):
    starts = np.arange(0, len(images), batch_size)
    if len(starts) > 1:  # the short one stays at the end
        starts[:-1] = rng.permutation(starts[:-1])
    for start in starts:
        yield images[start : start + batch_size], labels[start : start + batch_size]


RIGHT = {
    "one_hot": [one_hot_with_loops, one_hot_from_identity, one_hot_float32, one_hot_truth_values],
    "split": [
        split_with_loops,
        split_vectorised,
        split_with_shuffled_copies_in_float32,
        split_by_a_drawn_mask,
    ],
    "minibatches": [
        minibatches_with_loops,
        minibatches_vectorised,
        minibatches_float32,
        minibatches_into_one_array,
    ],
    "shifted_accuracy": [0.6328, 0.633, np.float32(0.6328)],
}
WRONG = {
    "one_hot": [
        (one_hot_always_ten, "always 10"),
        (one_hot_by_largest_label, "by the largest label"),
        (one_hot_of_distinct_labels, "distinct labels"),
        (one_hot_in_columns, "transposed"),
        (one_hot_whole_columns, "picks whole columns"),
        (one_hot_whole_rows, "picks rows"),
        (one_hot_row_and_column_exchanged, "wrong order"),
        (one_hot_counts_from_one, "one column too far"),
        (one_hot_with_the_label_itself, "not a quantity"),
        (one_hot_takes_minus_one, "index −1 is the last column"),
        (one_hot_takes_anything, "goes on without a word"),
        (one_hot_squeezed, "do not squeeze"),
        (one_hot_with_room_for_five, "A fixed 5"),
        (one_hot_with_five_rows, "A fixed 5"),
        (one_hot_of_the_first_five, "A fixed 5"),
    ],
    "split": [
        (split_without_shuffling, "Nothing is shuffled"),
        (split_shuffles_after_the_cut, "cut first and shuffle afterwards"),
        (split_tears_pairs_apart, "different ways"),
        (split_without_the_seed, "no result can be repeated"),
        (split_with_a_fixed_seed, "`seed` is not used"),
        (split_in_place, "belongs to the caller"),
        (split_draws_with_replacement, "with replacement"),
        (split_in_another_order, "First both parts of the training data"),
        (split_in_pairs, "Return four arrays"),
        (split_validation_first, "exchanged"),
        (split_trips_over_minus_zero, "−0 is 0"),
        (split_trains_on_everything, "overlap"),
    ],
    "minibatches": [
        (minibatches_drops_the_last, "left out"),
        (minibatches_with_an_empty_one, "empty batch"),
        (minibatches_fills_up, "filled up"),
        (minibatches_draws_each_anew, "still in the urn"),
        (minibatches_unshuffled, "Shuffle the row numbers"),
        (minibatches_with_its_own_seed, "with a fixed seed"),
        (minibatches_from_another_generator, "somewhere else than `rng`"),
        (minibatches_shuffles_labels_alone, "different ways"),
        (minibatches_returns_a_list, "in memory at once"),
        (minibatches_returns_the_first, "ends the function"),
        (minibatches_forever, "never ends"),
        (minibatches_one_at_a_time, "one example at a time"),
        (minibatches_of_images_only, "Yield two arrays"),
        (minibatches_in_place, "belongs to the caller"),
        (minibatches_shuffles_inside, "shuffled for itself"),
        (minibatches_shuffles_batches, "shuffle whole batches"),
    ],
    "shifted_accuracy": [
        (0.8307, "without a shift"),
        (63.28, "percentage"),
        (0.3672, "wrong answers"),
        (0.6016, "to the left"),
        (0.4939, "up or down"),
        (0.8078, "one pixel"),
        (0.0855, "label of another"),
        (6328, "number of right answers"),
        (0.1979, "what it loses"),
        (0.238, "what it loses"),
        (0.2937, "what it loses"),
    ],
}
