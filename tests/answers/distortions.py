"""Answers to the exercises of notebook 09: right ones in several styles, and wrong ones with a piece of their hint."""

import math

import numpy as np

from mnist_scratch.distortions import interpolate

# ------------------------------------------------------------------------------------------------ 9.1


def shifted_with_loops(images, rows, columns):
    moved = np.zeros_like(images)
    for i in range(28):
        for j in range(28):
            if 0 <= i - rows < 28 and 0 <= j - columns < 28:
                moved[:, 28 * i + j] = images[:, 28 * (i - rows) + j - columns]
    return moved


def shifted_by_slices(images, rows, columns):
    def ends(by):
        return slice(max(0, by), max(0, 28 + min(0, by))), slice(max(0, -by), max(0, 28 - max(0, by)))

    (to_rows, from_rows), (to_columns, from_columns) = ends(rows), ends(columns)
    pictures = images.reshape(-1, 28, 28)
    moved = np.zeros_like(pictures)
    if abs(rows) < 28 and abs(columns) < 28:
        moved[:, to_rows, to_columns] = pictures[:, from_rows, from_columns]
    return moved.reshape(len(images), 784)


def shifted_by_matrices(images, rows, columns):
    down, right = np.eye(28, k=-rows), np.eye(28, k=columns)
    return (down @ images.reshape(-1, 28, 28) @ right).reshape(-1, 784)


def shifted_float32(images, rows, columns):
    padded = np.zeros((len(images), 84, 84), np.float32)
    padded[:, 28:56, 28:56] = images.reshape(-1, 28, 28)
    top, left = min(max(28 - rows, 0), 56), min(max(28 - columns, 0), 56)
    return padded[:, top : top + 28, left : left + 28].reshape(-1, 784)


def shifted_rolled(images, rows, columns):
    pictures = images.reshape(-1, 28, 28)
    return np.roll(np.roll(pictures, rows, axis=1), columns, axis=2).reshape(-1, 784)


def shifted_rolled_flat(images, rows, columns):
    return np.roll(images, 28 * rows + columns, axis=1)


def shifted_rolled_images(images, rows, columns):
    return np.roll(images.reshape(-1, 28, 28), (rows, columns), axis=(0, 1)).reshape(-1, 784)


def shifted_rolled_as_they_are(images, rows, columns):
    return np.roll(np.roll(images, rows, axis=0), columns, axis=1)


def shifted_flat(images, rows, columns):
    by = 28 * rows + columns
    moved = np.zeros_like(images)
    for i in range(784):
        if 0 <= i - by < 784:
            moved[:, i] = images[:, i - by]
    return moved


def shifted_the_other_way(images, rows, columns):
    return shifted_with_loops(images, -rows, -columns)


def shifted_up(images, rows, columns):
    return shifted_by_matrices(images, -rows, columns)


def shifted_to_the_left(images, rows, columns):
    return shifted_by_matrices(images, rows, -columns)


def shifted_exchanged(images, rows, columns):
    pictures, moved = images.reshape(-1, 28, 28), np.zeros((len(images), 28, 28))
    for i in range(28):
        for j in range(28):
            if 0 <= i - columns < 28 and 0 <= j - rows < 28:
                moved[:, i, j] = pictures[:, i - columns, j - rows]
    return moved.reshape(-1, 784)


def shifted_without_sign(images, rows, columns):
    return shifted_by_matrices(images, abs(rows), abs(columns))


def shifted_edge_repeated(images, rows, columns):
    padded = np.pad(images.reshape(-1, 28, 28), ((0, 0), (28, 28), (28, 28)), mode="edge")
    top, left = min(max(28 - rows, 0), 56), min(max(28 - columns, 0), 56)
    return padded[:, top : top + 28, left : left + 28].reshape(-1, 784)


def shifted_by_simple_slices(images, rows, columns):
    pictures = images.reshape(-1, 28, 28)
    moved = np.zeros_like(pictures)
    moved[:, rows:, columns:] = pictures[:, :-rows, :-columns]
    return moved.reshape(-1, 784)


def shifted_by_slices_from_the_front(images, rows, columns):
    pictures = images.reshape(-1, 28, 28)
    moved = np.zeros_like(pictures)
    moved[:, rows:, columns:] = pictures[:, : 28 - rows, : 28 - columns]
    return moved.reshape(-1, 784)


def shifted_one_axis_after_the_other(images, rows, columns):
    pictures = images.reshape(-1, 28, 28)
    moved = np.zeros_like(pictures)
    if rows > 0:
        moved[:, rows:] = pictures[:, :-rows]
    else:
        moved[:] = pictures
    pictures, moved = moved, np.zeros_like(moved)
    if columns > 0:
        moved[:, :, columns:] = pictures[:, :, :-columns]
    else:
        moved[:] = pictures
    return moved.reshape(-1, 784)


def shifted_not_flat(images, rows, columns):
    return shifted_by_slices(images, rows, columns).reshape(-1, 28, 28)


def shifted_first_only(images, rows, columns):
    moved = np.zeros_like(images)
    moved[:] = shifted_by_slices(images, rows, columns)[0]
    return moved


def shifted_in_place(images, rows, columns):
    images[...] = shifted_by_slices(images, rows, columns)
    return images


def shifted_rows_only(images, rows, columns):
    return shifted_by_slices(images, rows, 0)


def shifted_without_return(images, rows, columns):
    shifted_by_slices(images, rows, columns)


# ------------------------------------------------------------------------------------------------ 9.2


def bilinear_step_by_step(image, y, x):
    top, left = math.floor(y), math.floor(x)
    down, right = y - top, x - left

    def pixel(row, column):
        return image[row, column] if 0 <= row < 28 and 0 <= column < 28 else 0

    above = (1 - right) * pixel(top, left) + right * pixel(top, left + 1)
    below = (1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1)
    return (1 - down) * above + down * below


def bilinear_by_tents(image, y, x):
    rows = np.maximum(0, 1 - abs(np.arange(28) - y))
    columns = np.maximum(0, 1 - abs(np.arange(28) - x))
    return rows @ image @ columns


def bilinear_of_the_package(image, y, x):
    rows, columns = np.full((1, 28, 28), y), np.full((1, 28, 28), x)
    return interpolate(image.reshape(1, 784), rows, columns)[0, 0]


def bilinear_padded_float32(image, y, x):
    if not (-1 < y < 28 and -1 < x < 28):
        return np.float32(0)
    padded = np.pad(image, 1).astype(np.float32)
    i, j = int(np.floor(y)) + 1, int(np.floor(x)) + 1
    v, h = np.float32(y + 1 - i), np.float32(x + 1 - j)
    weights = np.outer([1 - v, v], [1 - h, h])
    return np.sum(weights * padded[i : i + 2, j : j + 2])


def bilinear_weights_exchanged(image, y, x):
    i, j = math.floor(y), math.floor(x)
    v, h = y - i, x - j
    padded = np.pad(image, 60)[60 + i : 62 + i, 60 + j : 62 + j]
    return (
        v * h * padded[0, 0]
        + v * (1 - h) * padded[0, 1]
        + (1 - v) * h * padded[1, 0]
        + (1 - v) * (1 - h) * padded[1, 1]
    )


def bilinear_x_first(image, y, x):
    return bilinear_by_tents(image, x, y)


def bilinear_nearest(image, y, x):
    i, j = int(np.rint(y)), int(np.rint(x))
    return image[i, j] if 0 <= i < 28 and 0 <= j < 28 else 0


def bilinear_nearest_as_indexed(image, y, x):
    return image[int(np.rint(y)), int(np.rint(x))]


def bilinear_top_left(image, y, x):
    return image[int(y), int(x)]


def bilinear_plain_mean(image, y, x):
    i, j = math.floor(y), math.floor(x)
    return np.pad(image, 60)[60 + i : 62 + i, 60 + j : 62 + j].mean()


def bilinear_along_the_row_only(image, y, x):
    return bilinear_step_by_step(image, math.floor(y), x)


def bilinear_along_the_column_only(image, y, x):
    return bilinear_step_by_step(image, y, math.floor(x))


def bilinear_inside_only(image, y, x):
    if y < 0 or y > 27 or x < 0 or x > 27:
        return 0.0
    return bilinear_by_tents(image, y, x)


def bilinear_all_four_or_nothing(image, y, x):
    i, j = math.floor(y), math.floor(x)
    if i < 0 or j < 0 or i + 1 > 27 or j + 1 > 27:
        return 0.0
    return bilinear_by_tents(image, y, x)


def bilinear_clipped(image, y, x):
    return bilinear_by_tents(image, np.clip(y, 0, 27), np.clip(x, 0, 27))


def bilinear_as_indexed(image, y, x):
    i, j = math.floor(y), math.floor(x)
    v, h = y - i, x - j
    above = image[i, j] * (1 - h) + image[i, j + 1] * h
    below = image[i + 1, j] * (1 - h) + image[i + 1, j + 1] * h
    return above * (1 - v) + below * v


def bilinear_as_indexed_with_int(image, y, x):
    i, j = int(y), int(x)
    v, h = y - i, x - j
    above = image[i, j] * (1 - h) + image[i, j + 1] * h
    below = image[i + 1, j] * (1 - h) + image[i + 1, j + 1] * h
    return above * (1 - v) + below * v


def bilinear_wrapped(image, y, x):
    i, j = math.floor(y), math.floor(x)
    rows, columns = [i % 28, (i + 1) % 28], [j % 28, (j + 1) % 28]
    return np.array([1 - y + i, y - i]) @ image[np.ix_(rows, columns)] @ np.array([1 - x + j, x - j])


def bilinear_rounded_towards_zero(image, y, x):
    i, j = int(y), int(x)
    v, h = y - i, x - j

    def pixel(row, column):
        return image[row, column] if 0 <= row < 28 and 0 <= column < 28 else 0

    above = (1 - h) * pixel(i, j) + h * pixel(i, j + 1)
    return (1 - v) * above + v * ((1 - h) * pixel(i + 1, j) + h * pixel(i + 1, j + 1))


def bilinear_floor_as_index(image, y, x):
    top, left = np.floor(y), np.floor(x)
    return image[top, left]


def bilinear_one_fraction(image, y, x):
    v = y - math.floor(y)
    return bilinear_step_by_step(image, y, math.floor(x) + v)


def bilinear_weights_added(image, y, x):
    i, j = math.floor(y), math.floor(x)
    v, h = y - i, x - j
    padded = np.pad(image, 60)[60 + i : 62 + i, 60 + j : 62 + j]
    return np.sum(np.add.outer([1 - v, v], [1 - h, h]) / 4 * padded)


# ------------------------------------------------------------------------------------------------ 9.3


def smoothing_with_loops(n, sigma):
    G = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            G[i, j] = math.exp(-((i - j) ** 2) / (2 * sigma**2))
        G[i] /= sum(G[i])
    return G


def smoothing_vectorised(n, sigma):
    i = np.arange(n)
    exponents = -(((i[:, None] - i) / sigma) ** 2) / 2
    E = np.exp(exponents)
    return (E.T / E.sum(axis=1)).T


def smoothing_float32(n, sigma):
    i = np.arange(n, dtype=np.float32)
    E = np.exp(-np.square((i.reshape(-1, 1) - i) / np.float32(sigma)) / 2)
    return E / E.sum(axis=1)[:, np.newaxis]


def smoothing_as_a_list(n, sigma):
    rows = [[math.exp(-0.5 * ((i - j) / sigma) ** 2) for j in range(n)] for i in range(n)]
    return [[entry / sum(row) for entry in row] for row in rows]


def gaussians(n, sigma):
    """What the wrong answers below have in common."""
    i, j = np.indices((n, n))
    return np.exp(-((i - j) ** 2) / (2 * sigma**2))


def smoothing_without_keepdims(n, sigma):
    E = gaussians(n, sigma)
    return E / E.sum(axis=1)


def smoothing_of_everything(n, sigma):
    return gaussians(n, sigma) / gaussians(n, sigma).sum()


def smoothing_not_normalised(n, sigma):
    return gaussians(n, sigma)


def smoothing_density(n, sigma):
    return gaussians(n, sigma) / math.sqrt(2 * math.pi * sigma**2)


def smoothing_by_the_middle_row(n, sigma):
    E = gaussians(n, sigma)
    return E / E[n // 2].sum()


def smoothing_squares_to_one(n, sigma):
    E = gaussians(n, sigma)
    return E / np.sqrt(np.sum(E**2, axis=1, keepdims=True))


def smoothing_of_the_package(n, sigma):
    E = gaussians(n, sigma)
    return 12**0.25 * E / np.linalg.norm(E[n // 2])


def smoothing_without_the_two(n, sigma):
    E = gaussians(n, sigma) ** 2
    return E / E.sum(axis=1, keepdims=True)


def smoothing_two_squared(n, sigma):
    i = np.arange(n)
    E = np.exp(-((i[:, None] - i) ** 2) / (2 * sigma) ** 2)
    return E / E.sum(axis=1, keepdims=True)


def smoothing_sigma_not_squared(n, sigma):
    i = np.arange(n)
    E = np.exp(-((i[:, None] - i) ** 2) / (2 * sigma))
    return E / E.sum(axis=1, keepdims=True)


def smoothing_without_brackets(n, sigma):
    i = np.arange(n)
    E = np.exp(-((i[:, None] - i) ** 2) / 2 * sigma**2)
    return E / E.sum(axis=1, keepdims=True)


def smoothing_without_sigma(n, sigma):
    i = np.arange(n)
    E = np.exp(-((i[:, None] - i) ** 2) / 2)
    return E / E.sum(axis=1, keepdims=True)


def smoothing_not_squared(n, sigma):
    i = np.arange(n)
    E = np.exp(-abs(i[:, None] - i) / (2 * sigma**2))
    return E / E.sum(axis=1, keepdims=True)


def smoothing_without_minus(n, sigma):
    i = np.arange(n)
    E = np.exp((i[:, None] - i) ** 2 / (2 * sigma**2))
    return E / E.sum(axis=1, keepdims=True)


def smoothing_one_row(n, sigma):
    weights = np.exp(-((np.arange(n) - n // 2) ** 2) / (2 * sigma**2))
    return weights / weights.sum()


def smoothing_the_same_rows(n, sigma):
    return np.array([smoothing_one_row(n, sigma)] * n)


def smoothing_a_spot(n, sigma):
    return np.outer(smoothing_one_row(n, sigma), smoothing_one_row(n, sigma))


# ------------------------------------------------------------------------------------------------ 9.4


def smoothed_with_loops(Y, part):
    m, K = Y.shape
    return np.array([[(1 - part) * Y[i, k] + part / K for k in range(K)] for i in range(m)])


def smoothed_by_two_values(Y, part):
    K = Y.shape[1]
    return np.where(Y == 1, 1 - part + part / K, part / K)


def smoothed_float32(Y, part):
    Y = np.asarray(Y, np.float32)
    return Y + np.float32(part) * (1 / np.float32(Y.shape[1]) - Y)


def smoothed_by_a_matrix(Y, part):
    K = Y.shape[-1]
    return Y @ ((1 - part) * np.eye(K) + part * np.ones((K, K)) / K)


def smoothed_over_the_others(Y, part):
    K = Y.shape[1]
    return Y * (1 - part) + (1 - Y) * part / (K - 1)


def smoothed_without_its_own_share(Y, part):
    return np.where(Y > 0, 1 - part, part / Y.shape[1])


def smoothed_added(Y, part):
    return Y + part / Y.shape[1]


def smoothed_right_stays_one(Y, part):
    return np.maximum(Y, part / Y.shape[1])


def smoothed_undivided(Y, part):
    return Y * (1 - part) + part


def smoothed_wrong_get_all(Y, part):
    return np.where(Y == 1, 1 - part, part)


def smoothed_by_images(Y, part):
    return (1 - part) * Y + part / len(Y)


def smoothed_by_ten(Y, part):
    return (1 - part) * Y + part / 10


def smoothed_by_two(Y, part):
    return Y * (1 - part) + 0.5 * part


def smoothed_by_all_entries(Y, part):
    return (1 - part) * Y + part * np.ones_like(Y) / Y.size


def smoothed_exchanged(Y, part):
    return part * Y + (1 - part) / Y.shape[1]


def smoothed_only_taken(Y, part):
    return Y * (1 - part)


def smoothed_subtracted(Y, part):
    return Y - part + part / Y.shape[1]


def smoothed_not_at_all(Y, part):
    return Y.copy()


def smoothed_in_place(Y, part):
    if Y.dtype.kind == "f":
        Y *= 1 - part
        Y += part / Y.shape[1]
        return Y
    return smoothed_with_loops(Y, part)


def smoothed_filled(Y, part):
    K = Y.shape[1]
    result = np.full_like(Y, part / K)
    result[Y == 1] += Y.dtype.type(1 - part)
    return result


def smoothed_times_itself(Y, part):
    result = Y.copy()
    result *= 1 - part
    return result + part / Y.shape[1]


RIGHT = {
    "shifted": [shifted_with_loops, shifted_by_slices, shifted_by_matrices, shifted_float32],
    "bilinear": [bilinear_step_by_step, bilinear_by_tents, bilinear_of_the_package, bilinear_padded_float32],
    "smoothing_matrix": [smoothing_with_loops, smoothing_vectorised, smoothing_float32, smoothing_as_a_list],
    "smoothed": [smoothed_with_loops, smoothed_by_two_values, smoothed_float32, smoothed_by_a_matrix],
}
WRONG = {
    "shifted": [
        (shifted_rolled, "wraps round"),
        (shifted_rolled_flat, "You roll the 784 numbers as one line"),
        (shifted_rolled_images, "you exchange images"),
        (shifted_rolled_as_they_are, "no rows of pixels"),
        (shifted_flat, "You push the 784 numbers along"),
        (shifted_the_other_way, "up and left where it should"),
        (shifted_up, "Rows count from the top"),
        (shifted_to_the_left, "to the left where it should"),
        (shifted_exchanged, "are exchanged"),
        (shifted_without_sign, "as if they were positive"),
        (shifted_edge_repeated, "edge are repeated"),
        (shifted_by_simple_slices, "which is empty"),
        (shifted_by_slices_from_the_front, "counts from the other end"),
        (shifted_one_axis_after_the_other, "Negative numbers do not move"),
        (shifted_not_flat, "flatten them again"),
        (shifted_first_only, "All images became the first"),
        (shifted_in_place, "belongs to the caller"),
        (shifted_rows_only, "Only the rows are moved"),
        (shifted_without_return, "Is there a `return`"),
    ],
    "bilinear": [
        (bilinear_weights_exchanged, "The weights are exchanged"),
        (bilinear_x_first, "y is the row and comes first"),
        (bilinear_nearest, "nearest pixel"),
        (bilinear_nearest_as_indexed, "nearest pixel"),
        (bilinear_top_left, "above to the left alone"),
        (bilinear_plain_mean, "count the same"),
        (bilinear_along_the_row_only, "y has a fraction"),
        (bilinear_along_the_column_only, "x has a fraction"),
        (bilinear_inside_only, "not of the place"),
        (bilinear_all_four_or_nothing, "not of the place"),
        (bilinear_clipped, "go on outside"),
        (bilinear_as_indexed, "Those are paper"),
        (bilinear_as_indexed_with_int, "Those are paper"),
        (bilinear_wrapped, "the other side comes in"),
        (bilinear_rounded_towards_zero, "rounds towards 0"),
        (bilinear_floor_as_index, "needs `int(…)`"),
        (bilinear_one_fraction, "x has its own"),
        (bilinear_weights_added, "counts by its nearness"),
    ],
    "smoothing_matrix": [
        (smoothing_without_keepdims, "`keepdims=True`"),
        (smoothing_of_everything, "whole matrix adds up"),
        (smoothing_not_normalised, "do not add up to 1 yet"),
        (smoothing_density, "σ√(2π)"),
        (smoothing_by_the_middle_row, "sum of the middle one"),
        (smoothing_squares_to_one, "squares of each row"),
        (smoothing_of_the_package, "scale of the package"),
        (smoothing_without_the_two, "the 2 is missing"),
        (smoothing_two_squared, "2 is squared as well"),
        (smoothing_sigma_not_squared, "σ is not squared"),
        (smoothing_without_brackets, "into brackets"),
        (smoothing_without_sigma, "σ does nothing"),
        (smoothing_not_squared, "a peak, not a bell"),
        (smoothing_without_minus, "sign in the exponent"),
        (smoothing_one_row, "row of one place"),
        (smoothing_the_same_rows, "All rows are the same"),
        (smoothing_a_spot, "a single spot"),
    ],
    "smoothed": [
        (smoothed_over_the_others, "right class included"),
        (smoothed_without_its_own_share, "less than 1"),
        (smoothed_added, "more than 1"),
        (smoothed_right_stays_one, "more than 1"),
        (smoothed_undivided, "Each class gets the whole part"),
        (smoothed_wrong_get_all, "Each wrong class gets the whole part"),
        (smoothed_by_images, "by the number of images"),
        (smoothed_by_ten, "by ten, always"),
        (smoothed_by_two, "by two, always"),
        (smoothed_by_all_entries, "all entries of Y"),
        (smoothed_exchanged, "are exchanged"),
        (smoothed_only_taken, "given to nobody"),
        (smoothed_subtracted, "become negative"),
        (smoothed_not_at_all, "as they were"),
        (smoothed_in_place, "belongs to the caller"),
        (smoothed_filled, "fractions are lost"),
        (smoothed_times_itself, "or refused"),
    ],
}
