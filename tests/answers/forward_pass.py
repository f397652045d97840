"""Answers to the exercises of notebook 02: right ones in several styles, and wrong ones with a piece of their hint."""

import math

import numpy as np

# ------------------------------------------------------------------------------------------------ 2.1


def softmax_with_loops(Z):
    rows = []
    for row in Z:
        largest = max(row)
        exps = [math.exp(z - largest) for z in row]
        rows.append([e / sum(exps) for e in exps])
    return np.array(rows)


def softmax_vectorised(Z):
    E = np.exp(Z - np.max(Z, axis=1)[:, None])
    return E / np.sum(E, axis=1)[:, None]


def softmax_float32(Z):
    Z = np.array(Z, dtype=np.float32)
    Z -= Z.max(axis=-1, keepdims=True)
    np.exp(Z, out=Z)
    Z /= Z.sum(axis=-1, keepdims=True)
    return Z


def softmax_overflows(Z):
    E = np.exp(Z)
    return E / E.sum(axis=1, keepdims=True)


def softmax_one_maximum_for_all(Z):
    E = np.exp(Z - np.max(Z))
    return E / E.sum(axis=1, keepdims=True)


def softmax_of_columns(Z):
    E = np.exp(Z - Z.max(axis=0))
    return E / E.sum(axis=0)


def softmax_of_all(Z):
    E = np.exp(Z - Z.max())
    return E / E.sum()


def softmax_without_exp(Z):
    return Z / np.sum(Z, axis=1, keepdims=True)


def softmax_in_place(Z):
    Z -= Z.max(axis=1, keepdims=True)
    return np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)


def softmax_without_return(Z):
    np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)


def softmax_sum_loses_its_axis(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1)


def softmax_transposed(Z):
    return softmax_vectorised(Z).T


def softmax_not_normalised(Z):
    return np.exp(Z - Z.max(axis=1, keepdims=True))


def softmax_mean_of_each_row(Z):
    E = np.exp(Z - np.mean(Z, axis=1)[:, None])
    return E / np.sum(E, axis=1)[:, None]


def softmax_maximum_loses_its_axis(Z):
    E = np.exp(Z - np.max(Z, axis=1))
    return E / np.sum(E, axis=1)[:, None]


def softmax_both_lose_their_axes(Z):
    E = np.exp(Z - np.max(Z, axis=1))
    return E / np.sum(E, axis=1)


def softmax_maximum_of_each_column(Z):
    E = np.exp(Z - np.max(Z, axis=0))
    return E / np.sum(E, axis=1)[:, None]


# ------------------------------------------------------------------------------------------------ 2.2


def cross_entropy_with_loops(Z, Y):
    total = 0.0
    for z, y in zip(Z, Y, strict=True):
        largest = max(z)
        log_sum = largest + math.log(sum(math.exp(v - largest) for v in z))
        total += sum(t * (log_sum - v) for v, t in zip(z, y, strict=True))
    return total / len(Z)


def cross_entropy_vectorised(Z, Y):
    S = Z - Z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(S).sum(axis=1)) - (S * Y).sum(axis=1)))


def cross_entropy_float32(Z, Y):
    Z = Z.astype(np.float32)
    S = Z - Z.max(axis=1, keepdims=True)
    picked = S[np.arange(len(Z)), np.argmax(Y, axis=1)]
    return np.mean(np.log(np.exp(S).sum(axis=1)) - picked)


def cross_entropy_summed(Z, Y):
    return cross_entropy_vectorised(Z, Y) * len(Z)


def cross_entropy_mean_of_all_entries(Z, Y):
    S = Z - Z.max(axis=1, keepdims=True)
    return -np.mean(Y * (S - np.log(np.exp(S).sum(axis=1, keepdims=True))))


def cross_entropy_negative(Z, Y):
    return -cross_entropy_vectorised(Z, Y)


def cross_entropy_log_of_zero(Z, Y):
    return -np.sum(Y * np.log(softmax_vectorised(Z))) / len(Z)


def cross_entropy_with_a_small_number(Z, Y):
    return -np.sum(Y * np.log(softmax_vectorised(Z) + 1e-12)) / len(Z)


def cross_entropy_of_each(Z, Y):
    return -np.sum(Y * np.log(softmax_vectorised(Z)), axis=1)


def cross_entropy_forgets_softmax(Z, Y):
    return -np.mean(np.sum(Y * np.log(Z), axis=1))


def cross_entropy_forgets_targets(Z, Y):
    return -np.mean(np.sum(np.log(softmax_vectorised(Z)), axis=1))


def cross_entropy_of_shifted(S, Y):
    return -np.sum(Y * (S - np.log(np.exp(S).sum(axis=1))[:, None])) / len(S)


def cross_entropy_base_two(Z, Y):
    S = Z - Z.max(axis=1, keepdims=True)
    picked = np.sum(Y * S, axis=1) - np.log2(np.exp(S).sum(axis=1))
    return -picked.mean()


def cross_entropy_in_bits(Z, Y):
    return cross_entropy_vectorised(Z, Y) / math.log(2)


def cross_entropy_shifts_inside_alone(Z, Y):
    log_sums = np.log(np.exp(Z - Z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
    return -np.mean(np.sum(Y * (Z - log_sums), axis=1))


def cross_entropy_y_as_index(Z, Y):
    S = Z - Z.max(axis=1, keepdims=True)
    log_Y_hat = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    return -log_Y_hat[np.arange(len(Y)), Y].mean()


def cross_entropy_y_as_whole_numbers(Z, Y):
    return cross_entropy_y_as_index(Z, Y.astype(int))


def cross_entropy_overflows(Z, Y):
    return cross_entropy_of_shifted(Z, Y)


def cross_entropy_mean_of_each_row(Z, Y):
    return cross_entropy_of_shifted(Z - Z.mean(axis=1, keepdims=True), Y)


def cross_entropy_maximum_of_each_column(Z, Y):
    return cross_entropy_of_shifted(Z - Z.max(axis=0), Y)


def cross_entropy_maximum_loses_its_axis(Z, Y):
    return cross_entropy_of_shifted(Z - Z.max(axis=1), Y)


def cross_entropy_sum_loses_its_axis(Z, Y):
    S = Z - Z.max(axis=1, keepdims=True)
    return -np.sum(Y * (S - np.log(np.exp(S).sum(axis=1)))) / len(Z)


def cross_entropy_three_times(Z, Y):
    return 3 * cross_entropy_vectorised(Z, Y)


def cross_entropy_of_zeros_too_large(Z, Y):
    # wrong by a number, and not by a factor
    return cross_entropy_vectorised(Z, Y) + 4


# ------------------------------------------------------------------------------------------------ 2.3


def dense_forward_with_loops(A, W, b, g):
    Z = np.zeros((len(A), W.shape[1]))
    for i in range(len(A)):
        for j in range(W.shape[1]):
            Z[i, j] = sum(A[i, k] * W[k, j] for k in range(len(W))) + b[j]
    return g(Z)


def dense_forward_vectorised(A, W, b, g):
    return g(np.dot(A, W) + b)


def dense_forward_float32(A, W, b, g):
    A, W, b = (array.astype(np.float32) for array in (A, W, b))
    return g(np.einsum("ik,kj->ij", A, W) + b[None, :])


def dense_forward_no_bias(A, W, b, g):
    return g(A @ W)


def dense_forward_bias_outside(A, W, b, g):
    return g(A @ W) + b


def dense_forward_no_activation(A, W, b, g):
    return A @ W + b


def dense_forward_activates_its_input(A, W, b, g):
    return g(A) @ W + b


def dense_forward_always_relu(A, W, b, g):
    return np.maximum(A @ W + b, 0)


def dense_forward_star(A, W, b, g):
    return g(A * W + b)


def dense_forward_weights_first(A, W, b, g):
    return g(W @ A + b)


def dense_forward_examples_in_columns(A, W, b, g):
    return g(W.T @ A.T + b[:, None])


def dense_forward_transposed_weights(A, W, b, g):
    return g(A @ W.T + b)


RIGHT = {
    "softmax": [softmax_with_loops, softmax_vectorised, softmax_float32],
    "cross_entropy": [cross_entropy_with_loops, cross_entropy_vectorised, cross_entropy_float32],
    "dense_forward": [dense_forward_with_loops, dense_forward_vectorised, dense_forward_float32],
}
WRONG = {
    "softmax": [
        (softmax_overflows, "exp overflows"),
        (softmax_one_maximum_for_all, "largest of its own row"),
        (softmax_of_columns, "columns add up to 1"),
        (softmax_of_all, "whole array adds up to 1"),
        (softmax_without_exp, "logits themselves are divided"),
        (softmax_in_place, "belongs to the caller"),
        (softmax_without_return, "Is there a `return`"),
        (softmax_sum_loses_its_axis, "row sums have the shape (m,)"),
        (softmax_transposed, "transposed"),
        (softmax_not_normalised, "do not add up to 1"),
        (softmax_mean_of_each_row, "mean of each row"),
        (softmax_maximum_loses_its_axis, "row maxima have the shape (m,)"),
        (softmax_both_lose_their_axes, "row maxima and the row sums have the shape (m,)"),
        (softmax_maximum_of_each_column, "largest of each column"),
    ],
    "cross_entropy": [
        (cross_entropy_summed, "sum over the examples"),
        (cross_entropy_mean_of_all_entries, "m times K"),
        (cross_entropy_negative, "The sign"),
        (cross_entropy_log_of_zero, "log(0) is −∞"),
        (cross_entropy_with_a_small_number, "hides the trouble"),
        (cross_entropy_of_each, "losses of the single examples"),
        (cross_entropy_forgets_softmax, "not probabilities"),
        (cross_entropy_forgets_targets, "multiply by Y"),
        (cross_entropy_base_two, "That is log₂"),
        (cross_entropy_in_bits, "That is log₂"),
        (cross_entropy_shifts_inside_alone, "not from z_k"),
        (cross_entropy_y_as_index, "one-hot rows here, not labels"),
        (cross_entropy_y_as_whole_numbers, "one-hot rows here, not labels"),
        (cross_entropy_overflows, "exp overflows"),
        (cross_entropy_overflows, "Expected was 0."),
        (cross_entropy_mean_of_each_row, "mean of each row"),
        (cross_entropy_maximum_of_each_column, "largest of each column"),
        (cross_entropy_maximum_loses_its_axis, "row maxima have the shape (m,)"),
        (cross_entropy_sum_loses_its_axis, "row sums have the shape (m,)"),
        (cross_entropy_three_times, "3 times what they should be"),
        (cross_entropy_of_zeros_too_large, 'check.hint("cross_entropy")'),
    ],
    "dense_forward": [
        (dense_forward_no_bias, "bias is missing"),
        (dense_forward_bias_outside, "belongs inside"),
        (dense_forward_no_activation, "activation g is missing"),
        (dense_forward_activates_its_input, "applied to A instead"),
        (dense_forward_always_relu, "whatever g is"),
        (dense_forward_star, "entry by entry"),
        (dense_forward_weights_first, "A comes first"),
        (dense_forward_examples_in_columns, "transposed"),
        (dense_forward_transposed_weights, "no transpose"),
    ],
}
