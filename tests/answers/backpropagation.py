"""Answers to the exercises of notebook 03: right ones in several styles, and wrong ones with a piece of their hint."""

import numpy as np

# ------------------------------------------------------------------------------------------------ 3.1


def relu_backward_with_loops(dA, A):
    dZ = np.zeros(dA.shape)
    for i in range(dA.shape[0]):
        for j in range(dA.shape[1]):
            if A[i, j] > 0:
                dZ[i, j] = dA[i, j]
    return dZ


def relu_backward_vectorised(dA, A):
    return np.where(A > 0, dA, 0)


def relu_backward_float32(dA, A):
    dZ = dA.astype(np.float32)
    dZ[A == 0] = 0
    return dZ


def relu_backward_with_sign(dA, A):
    return dA * np.sign(A)


def relu_backward_at_least_zero(dA, A):
    dZ = dA.copy()
    dZ[A < 0] = 0
    return dZ


def relu_backward_by_its_own_sign(dA, A):
    return np.maximum(dA, 0)


def relu_backward_slope_alone(dA, A):
    return np.where(A > 0, 1.0, 0.0)


def relu_backward_times_output(dA, A):
    return A * dA


def relu_backward_forward_again(dA, A):
    return A * (A > 0)


def relu_backward_upside_down(dA, A):
    return np.where(A > 0, 0, dA)


def relu_backward_in_place(dA, A):
    dA[A <= 0] = 0
    return dA


def relu_backward_changes_the_output(dA, A):
    A[A > 0] = 1
    return dA * A


def relu_backward_half_at_zero(dA, A):
    return dA * (np.sign(A) + 1) / 2


def relu_backward_matrix_product(dA, A):
    return np.dot(dA, A > 0)


def relu_backward_picked(dA, A):
    return dA[A > 0]


# ------------------------------------------------------------------------------------------------ 3.2


def probabilities(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def cross_entropy_backward_with_loops(Z, y):
    dZ = np.empty(Z.shape)
    for i, (z, label) in enumerate(zip(Z, y, strict=True)):
        exps = np.exp(z - max(z))
        for k in range(len(z)):
            dZ[i, k] = (exps[k] / sum(exps) - (k == label)) / len(Z)
    return dZ


def cross_entropy_backward_vectorised(Z, y):
    return (probabilities(Z) - (y[:, None] == np.arange(Z.shape[1]))) / len(y)


def cross_entropy_backward_float32(Z, y):
    dZ = probabilities(Z.astype(np.float32))
    dZ[range(len(y)), y] -= 1
    dZ /= len(y)
    return dZ


def cross_entropy_backward_one_hot(Z, y):
    return (probabilities(Z) - np.eye(Z.shape[1])[y]) / Z.shape[0]


def cross_entropy_backward_without_m(Z, y):
    dZ = probabilities(Z)
    dZ[np.arange(len(y)), y] -= 1
    return dZ


def cross_entropy_backward_mean_of_entries(Z, y):
    return (probabilities(Z) - np.eye(Z.shape[1])[y]) / Z.size


def cross_entropy_backward_downhill(Z, y):
    return (np.eye(Z.shape[1])[y] - probabilities(Z)) / len(y)


def cross_entropy_backward_overflows(Z, y):
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    P[np.arange(len(y)), y] -= 1
    return P / len(y)


def cross_entropy_backward_label_as_number(Z, y):
    return (probabilities(Z) - y.reshape(-1, 1)) / len(y)


def cross_entropy_backward_forgets_softmax(Z, y):
    dZ = Z.copy()
    dZ[np.arange(len(y)), y] -= 1
    return dZ / len(y)


def cross_entropy_backward_all_rows(Z, y):
    P = probabilities(Z)
    P[:, y] -= 1
    return P / len(y)


def cross_entropy_backward_rows_for_columns(Z, y):
    P = probabilities(Z)
    P[y] = P[y] - 1
    return P / len(y)


def cross_entropy_backward_right_class_alone(Z, y):
    return (probabilities(Z)[np.arange(len(y)), y] - 1) / len(y)


def cross_entropy_backward_zero_elsewhere(Z, y):
    rows = np.arange(len(y))
    dZ = np.zeros(Z.shape)
    dZ[rows, y] = probabilities(Z)[rows, y] - 1
    return dZ / len(y)


def cross_entropy_backward_classes_from_labels(Z, y):
    return (probabilities(Z) - np.eye(max(y) + 1)[y]) / len(y)


def cross_entropy_backward_in_place(Z, y):
    Z -= Z.max(axis=1, keepdims=True)
    return (probabilities(Z) - np.eye(Z.shape[1])[y]) / len(y)


def cross_entropy_backward_mean_of_each_row(Z, y):
    P = np.exp(Z - Z.mean(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    P[np.arange(len(y)), y] -= 1
    return P / len(y)


def cross_entropy_backward_m_for_the_1_alone(Z, y):
    P = probabilities(Z)
    P[np.arange(len(y)), y] -= 1 / len(y)
    return P


def cross_entropy_backward_adds_the_1(Z, y):
    P = probabilities(Z)
    P[np.arange(len(y)), y] += 1
    return P / len(y)


def cross_entropy_backward_mean_of_rows(Z, y):
    P = probabilities(Z)
    P[np.arange(len(y)), y] -= 1
    return P.mean(axis=0)


# ------------------------------------------------------------------------------------------------ 3.3


def dense_backward_with_loops(dZ, A, W, weight_decay):
    dA, dW, db = np.zeros(A.shape), weight_decay * W, np.zeros(W.shape[1])
    for i in range(len(dZ)):
        for j in range(W.shape[1]):
            db[j] += dZ[i, j]
            for k in range(W.shape[0]):
                dW[k, j] += A[i, k] * dZ[i, j]
                dA[i, k] += dZ[i, j] * W[k, j]
    return dA, dW, db


def dense_backward_vectorised(dZ, A, W, weight_decay):
    dW = np.dot(A.T, dZ) + W * weight_decay
    return [np.dot(dZ, W.T), dW, np.sum(dZ, axis=0)]


def dense_backward_float32(dZ, A, W, weight_decay):
    dZ, A, W = (array.astype(np.float32) for array in (dZ, A, W))
    dW = np.einsum("ik,ij->kj", A, dZ) + np.float32(weight_decay) * W
    return np.einsum("ij,kj->ik", dZ, W), dW, np.ones(len(dZ), np.float32) @ dZ


def dense_backward_no_penalty(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ, dZ.sum(axis=0)


def dense_backward_penalty_twice(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + 2 * weight_decay * W, dZ.sum(axis=0)


def dense_backward_penalty_halved(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + 0.5 * weight_decay * W, dZ.sum(axis=0)


def dense_backward_penalty_over_m(dZ, A, W, weight_decay):
    m = A.shape[0]
    return dZ @ W.T, A.T @ dZ + weight_decay * W / m, dZ.sum(axis=0)


def dense_backward_penalised_bias(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, dZ.sum(axis=0) * (1 + weight_decay)


def dense_backward_lambda_on_bias(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, dZ.sum(axis=0) + weight_decay


def dense_backward_mean_bias(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, np.mean(dZ, axis=0)


def dense_backward_m_twice(dZ, A, W, weight_decay):
    m = len(dZ)
    return dZ @ W.T, A.T @ dZ / m + weight_decay * W, dZ.sum(axis=0) / m


def dense_backward_one_bias(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, np.sum(dZ)


def dense_backward_bias_of_rows(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, np.sum(dZ, axis=1)


def dense_backward_bias_as_a_row(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, np.sum(dZ, axis=0, keepdims=True)


def dense_backward_bias_not_summed(dZ, A, W, weight_decay):
    return dZ @ W.T, A.T @ dZ + weight_decay * W, dZ


def dense_backward_transposed_dW(dZ, A, W, weight_decay):
    dW = (A.T @ dZ + weight_decay * W).T
    return dZ @ W.T, dW, dZ.sum(axis=0)


def dense_backward_without_transposes(dZ, A, W, weight_decay):
    return dZ @ W, A @ dZ + weight_decay * W, dZ.sum(axis=0)


def dense_backward_fits_when_equal(dZ, A, W, weight_decay):
    # turns and turns until the shapes agree
    dA = dZ @ W if W.shape[0] == W.shape[1] else dZ @ W.T
    return dA, A.T @ dZ + weight_decay * W, dZ.sum(axis=0)


def dense_backward_fits_when_square(dZ, A, W, weight_decay):
    dW = A @ dZ if A.shape[1] == len(dZ) else A.T @ dZ
    return dZ @ W.T, dW + weight_decay * W, dZ.sum(axis=0)


def dense_backward_through_the_relu(dZ, A, W, weight_decay):
    return dZ @ W.T * (A > 0), A.T @ dZ + weight_decay * W, dZ.sum(axis=0)


def dense_backward_through_the_tanh(dZ, A, W, weight_decay):
    return dZ @ W.T * (1 - A**2), A.T @ dZ + weight_decay * W, dZ.sum(axis=0)


def dense_backward_other_order(dZ, A, W, weight_decay):
    return A.T @ dZ + weight_decay * W, dZ.sum(axis=0), dZ @ W.T


def dense_backward_decays_weights(dZ, A, W, weight_decay):
    dA = dZ @ W.T
    W *= weight_decay
    W += A.T @ dZ
    return dA, W, dZ.sum(axis=0)


RIGHT = {
    "relu_backward": [
        relu_backward_with_loops,
        relu_backward_vectorised,
        relu_backward_float32,
        relu_backward_with_sign,
    ],
    "softmax_cross_entropy_backward": [
        cross_entropy_backward_with_loops,
        cross_entropy_backward_vectorised,
        cross_entropy_backward_float32,
        cross_entropy_backward_one_hot,
    ],
    "dense_backward": [dense_backward_with_loops, dense_backward_vectorised, dense_backward_float32],
}
WRONG = {
    "relu_backward": [
        (relu_backward_at_least_zero, "Everything comes through"),
        (relu_backward_by_its_own_sign, "sign of dA"),
        (relu_backward_slope_alone, "slope g'(z) alone"),
        (relu_backward_times_output, "by A itself"),
        (relu_backward_forward_again, "forward pass once more"),
        (relu_backward_upside_down, "wrong way round"),
        (relu_backward_in_place, "`dA` belongs to the caller"),
        (relu_backward_changes_the_output, "`A` belongs to the caller"),
        (relu_backward_half_at_zero, "slope of 1/2"),
        (relu_backward_matrix_product, "entry by entry"),
        (relu_backward_picked, "one long row"),
    ],
    "softmax_cross_entropy_backward": [
        (cross_entropy_backward_without_m, "m times too large"),
        (cross_entropy_backward_mean_of_entries, "m times K"),
        (cross_entropy_backward_downhill, "points uphill"),
        (cross_entropy_backward_overflows, "exp overflows"),
        (cross_entropy_backward_label_as_number, "You subtract the label"),
        (cross_entropy_backward_forgets_softmax, "not probabilities"),
        (cross_entropy_backward_all_rows, "label of its own"),
        (cross_entropy_backward_rows_for_columns, "picks rows"),
        (cross_entropy_backward_right_class_alone, "right class alone"),
        (cross_entropy_backward_zero_elsewhere, "their logits should fall"),
        (cross_entropy_backward_classes_from_labels, "shape of Z, not in y"),
        (cross_entropy_backward_in_place, "`Z` belongs to the caller"),
        (cross_entropy_backward_mean_of_each_row, "mean of each row"),
        (cross_entropy_backward_m_for_the_1_alone, "belongs to the whole row"),
        (cross_entropy_backward_adds_the_1, "Subtract the 1"),
        (cross_entropy_backward_mean_of_rows, "keeps its own row"),
    ],
    "dense_backward": [
        (dense_backward_no_penalty, "penalty is missing"),
        (dense_backward_penalty_twice, "twice what it should be"),
        (dense_backward_penalty_halved, "half of what it should be"),
        (dense_backward_penalty_over_m, "divide the penalty by m"),
        (dense_backward_penalised_bias, "not penalised"),
        (dense_backward_lambda_on_bias, "not penalised"),
        (dense_backward_mean_bias, "mean of each column"),
        (dense_backward_m_twice, "must not come twice"),
        (dense_backward_one_bias, "a bias of its own"),
        (dense_backward_bias_of_rows, "summed along the rows"),
        (dense_backward_bias_as_a_row, "(1, p)"),
        (dense_backward_bias_not_summed, "share one bias"),
        (dense_backward_transposed_dW, "dW is transposed"),
        (dense_backward_without_transposes, "Neither product"),
        (dense_backward_fits_when_equal, "over the outputs"),
        (dense_backward_fits_when_square, "over the examples"),
        (dense_backward_through_the_relu, "dense layer alone"),
        (dense_backward_through_the_tanh, "dense layer alone"),
        (dense_backward_other_order, "order of the three"),
        (dense_backward_decays_weights, "`W` belongs to the caller"),
    ],
}
