"""Answers to the exercises of notebook 06: right ones in several styles, and wrong ones with a piece of their hint."""

import numpy as np

# ------------------------------------------------------------------------------------------------ 6.1


def l2_penalty_with_loops(weights, weight_decay):
    total = 0.0
    for W in weights:
        for row in W:
            for w in row:
                total += w * w
    return 0.5 * weight_decay * total


def l2_penalty_vectorised(weights, weight_decay):
    return weight_decay / 2 * sum(np.linalg.norm(W) ** 2 for W in weights)


def l2_penalty_float32(weights, weight_decay):
    flat = np.concatenate([W.ravel().astype(np.float32) for W in weights])
    return np.float32(weight_decay) / 2 * np.dot(flat, flat)


def l2_penalty_without_half(weights, weight_decay):
    return weight_decay * sum((W**2).sum() for W in weights)


def l2_penalty_of_norms(weights, weight_decay):
    return weight_decay / 2 * sum(np.linalg.norm(W) for W in weights)


def l2_penalty_of_norms_without_half(weights, weight_decay):
    return weight_decay * sum(np.linalg.norm(W) for W in weights)


def l2_penalty_mean_of_squares(weights, weight_decay):
    return weight_decay / 2 * sum((W**2).mean() for W in weights)


def l2_penalty_mean_over_layers(weights, weight_decay):
    return weight_decay / 2 * sum((W**2).sum() for W in weights) / len(weights)


def l2_penalty_returns_in_the_loop(weights, weight_decay):
    total = 0
    for W in weights:
        total += np.sum(W**2)
        return weight_decay / 2 * total


def l2_penalty_overwrites(weights, weight_decay):
    for W in weights:
        total = np.sum(W**2)
    return weight_decay / 2 * total


def l2_penalty_absolute(weights, weight_decay):
    return weight_decay / 2 * sum(np.abs(W).sum() for W in weights)


def l2_penalty_square_of_sum(weights, weight_decay):
    return weight_decay / 2 * sum(np.sum(W) ** 2 for W in weights)


def l2_penalty_without_lambda(weights, weight_decay):
    return 0.5 * sum((W**2).sum() for W in weights)


def l2_penalty_a_number_a_layer(weights, weight_decay):
    return [weight_decay / 2 * (W**2).sum() for W in weights]


def l2_penalty_matrix_product(weights, weight_decay):
    return weight_decay / 2 * sum((W @ W).sum() for W in weights)


def l2_penalty_pythons_sum(weights, weight_decay):
    total = 0
    for W in weights:
        total += sum(W**2)
    return weight_decay / 2 * total


def l2_penalty_pythons_sum_in_a_list(weights, weight_decay):
    return [weight_decay / 2 * sum(W**2) for W in weights]


def l2_penalty_of_one_array(weights, weight_decay):
    W = np.array(weights)
    return weight_decay / 2 * (W**2).sum()


def l2_penalty_other_names(weights, lam):
    return lam / 2 * sum((W**2).sum() for W in weights)


def l2_penalty_in_place(weights, weight_decay):
    total = 0
    for W in weights:
        W *= W
        total += W.sum()
    return weight_decay / 2 * total


def l2_penalty_without_return(weights, weight_decay):
    weight_decay / 2 * sum((W**2).sum() for W in weights)


# ------------------------------------------------------------------------------------------------ 6.2


def l2_gradient_with_loops(weights, weight_decay):
    gradients = []
    for W in weights:
        dW = np.zeros(W.shape)
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                dW[i, j] = weight_decay * W[i, j]
        gradients.append(dW)
    return gradients


def l2_gradient_vectorised(weights, weight_decay):
    return [weight_decay * W for W in weights]


def l2_gradient_float32(weights, weight_decay):
    return [np.multiply(W, np.float32(weight_decay), dtype=np.float32) for W in map(np.float32, weights)]


def l2_gradient_as_a_tuple(weights, weight_decay):
    return tuple(W * weight_decay for W in weights)


def l2_gradient_twice(weights, weight_decay):
    return [2 * weight_decay * W for W in weights]


def l2_gradient_half(weights, weight_decay):
    return [0.5 * weight_decay * W for W in weights]


def l2_gradient_is_the_penalty(weights, weight_decay):
    return [0.5 * weight_decay * W**2 for W in weights]


def l2_gradient_squared(weights, weight_decay):
    return [weight_decay * W**2 for W in weights]


def l2_gradient_downhill(weights, weight_decay):
    return [-weight_decay * W for W in weights]


def l2_gradient_decayed_weights(weights, weight_decay):
    return [W - weight_decay * W for W in weights]


def l2_gradient_signs(weights, weight_decay):
    return [weight_decay * np.sign(W) for W in weights]


def l2_gradient_without_lambda(weights, weight_decay):
    return [W.copy() for W in weights]


def l2_gradient_in_place(weights, weight_decay):
    for W in weights:
        W *= weight_decay
    return weights


def l2_gradient_summed(weights, weight_decay):
    return [weight_decay * W.sum() for W in weights]


def l2_gradient_mean(weights, weight_decay):
    return [weight_decay * W / W.size for W in weights]


def l2_gradient_of_the_list(weights, weight_decay):
    return weight_decay * weights


def l2_gradient_returns_in_the_loop(weights, weight_decay):
    for W in weights:
        return weight_decay * W


def l2_gradient_other_names(Ws, lam):
    return [lam * W for W in Ws]


def l2_gradient_transposed(weights, weight_decay):
    return [weight_decay * W.T for W in weights]


# -------------------------------------------------------------------------------------------- 6.3 and 6.4

SHARE_OF_7 = 527 / 5000  # in the first 5,000 validation images

RIGHT = {
    "l2_penalty": [l2_penalty_with_loops, l2_penalty_vectorised, l2_penalty_float32],
    "l2_gradient": [
        l2_gradient_with_loops,
        l2_gradient_vectorised,
        l2_gradient_float32,
        l2_gradient_as_a_tuple,
    ],
    "collapsed_accuracy": [SHARE_OF_7, np.float32(SHARE_OF_7), np.mean([1] * 527 + [0] * 4473), 0.105],
    "decay_factor": [1024, (1 - 3 * 1) ** 10, np.float32(2) ** 10, 1024.0],
}
WRONG = {
    "l2_penalty": [
        (l2_penalty_without_half, "factor ½"),
        (l2_penalty_of_norms, "no root in it"),
        (l2_penalty_of_norms_without_half, "forgot the ½ too"),
        (l2_penalty_mean_of_squares, "mean of the squares"),
        (l2_penalty_mean_over_layers, "number of layers"),
        (l2_penalty_returns_in_the_loop, "Only the first layer"),
        (l2_penalty_overwrites, "Only the last layer"),
        (l2_penalty_absolute, "L1"),
        (l2_penalty_square_of_sum, "cancel"),
        (l2_penalty_without_lambda, "λ is missing"),
        (l2_penalty_a_number_a_layer, "one number for each layer"),
        (l2_penalty_matrix_product, "matrix product"),
        (l2_penalty_pythons_sum, "adds up the rows"),
        (l2_penalty_pythons_sum_in_a_list, "adds up the rows"),
        (l2_penalty_of_one_array, "do not fit into one array"),
        (l2_penalty_other_names, "Keep the names of the parameters"),
        (l2_penalty_in_place, "belongs to the caller"),
        (l2_penalty_without_return, "Is there a `return`"),
    ],
    "l2_gradient": [
        (l2_gradient_twice, "Twice too much"),
        (l2_gradient_half, "Half of what it should be"),
        (l2_gradient_is_the_penalty, "Asked for is its derivative"),
        (l2_gradient_squared, "first power"),
        (l2_gradient_downhill, "step of descent"),
        (l2_gradient_decayed_weights, "gradient alone"),
        (l2_gradient_signs, "L1"),
        (l2_gradient_without_lambda, "λ is missing"),
        (l2_gradient_in_place, "belongs to the caller"),
        (l2_gradient_summed, "do not add them up"),
        (l2_gradient_mean, "not a mean"),
        (l2_gradient_of_the_list, "go through its arrays"),
        (l2_gradient_returns_in_the_loop, "not a list"),
        (l2_gradient_transposed, "Each array is transposed"),
        (l2_gradient_other_names, "Keep the names of the parameters"),
    ],
    "collapsed_accuracy": [
        (0.1, "equally common"),
        (0.117, "share of `thousand`"),
        (0.1068, "learnt from `thousand`"),
        (0.109, "first 5,000"),
        (10.54, "not percent"),
        (527, "Divide by the number"),
        (7, "the class it will name"),
        (0.8946, "how often it is wrong"),
        (0.0914, "another class"),
        (0.877, "Far better than chance"),
        (True, "Give the number itself"),
        ("10.54 %", "Give the number itself"),
    ],
    "decay_factor": [
        (-2, "That is one step"),
        (-1024, "even power"),
        (-20, "a power"),
        (20, "a power"),
        (-29, "ten times as long"),
        (3**10, "what is taken away"),
        (4**10, "subtracted"),
        (0.9**10, "Here η is 3"),
        (0.349, "Here η is 3"),
        (1025, "nothing to be rounded"),
        (1000, "nothing to be rounded"),
        (0, "left out η"),
        (-512, "too few"),
        (-2048, "too many"),
        (float("inf"), "finite"),
    ],
}
