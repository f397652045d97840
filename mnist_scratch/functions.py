"""Activations, outputs, losses and their derivatives: pure functions of arrays.

Rows are examples: Z and A have shape (m, n), Y and Y_hat (m, K). All functions except the derivatives also take
complex arrays, which the complex step of `gradient_check` needs: `np.maximum` orders complex numbers by their real
part. Derived in notebooks 02 and 03.
"""

import numpy as np

# ------------------------------------------------------------------------------------------- activations


def relu(Z):
    """max(Z, 0), element by element."""
    return np.maximum(Z, 0)


def relu_derivative(Z, A):
    """g′(Z): 1 where A = relu(Z) is above 0, else 0, as booleans.

    It must be `>`: A is never negative, so `A >= 0` would be true everywhere.
    """
    return A > 0


def sigmoid(Z):
    """1 / (1 + exp(−Z)), written as (1 + tanh(Z/2)) / 2, which equals it up to rounding and cannot overflow."""
    return 0.5 * (1 + np.tanh(0.5 * Z))


def sigmoid_derivative(Z, A):
    """g′(Z) from the output A = sigmoid(Z): A (1 − A)."""
    return A * (1 - A)


def tanh(Z):
    """The hyperbolic tangent, element by element."""
    return np.tanh(Z)


def tanh_derivative(Z, A):
    """g′(Z) from the output A = tanh(Z): 1 − A²."""
    return 1 - A * A


# ----------------------------------------------------------------------------------------------- outputs


def softmax(Z):
    """Rows of probabilities from rows of logits: exp(z_k) / Σ_j exp(z_j), shape (m, K).

    The largest logit of a row is subtracted first: the result is the same, and exp cannot overflow.
    """
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def log_softmax(Z):
    """log(softmax(Z)) without the detour through probabilities, which may round to 0."""
    shifted = Z - Z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_one_plus_exp(Z):
    """log(1 + exp(Z)), also called softplus, for any Z without overflow."""
    return np.maximum(Z, 0) + np.log1p(np.exp(np.minimum(Z, -Z)))


# ------------------------------------------------------------- losses: logits Z and targets Y to one number


def softmax_cross_entropy(Z, Y):
    """Categorical cross-entropy of softmax outputs, −(1/m) Σ_i Σ_k y_ik log ŷ_ik."""
    return -np.sum(Y * log_softmax(Z)) / len(Z)


def sigmoid_binary_cross_entropy(Z, Y):
    """Binary cross-entropy of sigmoid outputs, summed over the outputs and averaged over the examples.

    −(1/m) Σ_i Σ_k [y log ŷ + (1 − y) log(1 − ŷ)] with ŷ = sigmoid(z), which is log(1 + exp(z)) − y z.
    """
    return np.sum(log_one_plus_exp(Z) - Y * Z) / len(Z)


def softmax_binary_cross_entropy(Z, Y):
    """Binary cross-entropy of softmax outputs, summed over the outputs and averaged over the examples."""
    return -np.sum(Y * log_softmax(Z) + (1 - Y) * np.log(_rest(softmax(Z)))) / len(Z)


# ------------------------------------------------------- and their gradients dZ = ∂J/∂Z, of the shape of Z


def canonical_backward(Y_hat, Y):
    """(Ŷ − Y)/m: the gradient for softmax with cross-entropy, and for sigmoid with binary cross-entropy.

    In the language of generalized linear models these outputs are the canonical links of these losses.
    """
    return (Y_hat - Y) / len(Y)


def softmax_binary_cross_entropy_backward(Y_hat, Y):
    """The gradient for binary cross-entropy on softmax outputs, which is not Ŷ − Y.

    With G = Ŷ(1 − Y)/(1 − Ŷ) − Y, it is [(Ŷ − Y) − Ŷ ⊙ (G 𝟙_≠)]/m, where (G 𝟙_≠)_k = Σ_{j≠k} g_j.
    Derived in notebook 03. In this form no large number is subtracted from another; it is right as long as no
    1 − ŷ is below the smallest float, that is, for logits within 87 of each other in float32, 700 in float64.
    """
    G = Y_hat * (1 - Y) / _rest(Y_hat) - Y
    return ((Y_hat - Y) - Y_hat * (G @ _all_others(G))) / len(Y)


def _all_others(Y_hat):
    """(K, K), 0 on the diagonal and 1 elsewhere: `Y_hat @ it` sums, for each class, all the other ones."""
    K = Y_hat.shape[1]
    return np.ones((K, K), Y_hat.dtype) - np.eye(K, dtype=Y_hat.dtype)


def _rest(Y_hat):
    """1 − Ŷ as the sum of the other probabilities: exact where Ŷ rounds to 1, and never quite 0."""
    return np.maximum(Y_hat @ _all_others(Y_hat), np.finfo(Y_hat.dtype).tiny)


# ----------------------------------------------------------------------------------------- tables by name

# name: g, and g′ as a function of Z and A = g(Z), of which it takes whichever is shorter
ACTIVATIONS = {
    "relu": (relu, relu_derivative),
    "sigmoid": (sigmoid, sigmoid_derivative),
    "tanh": (tanh, tanh_derivative),
}
OUTPUTS = {"softmax": softmax, "sigmoid": sigmoid}
# Cross-entropy on sigmoid outputs is missing on purpose: answering 1 for every class would minimize it.
LOSSES = {
    ("softmax", "cross_entropy"): (softmax_cross_entropy, canonical_backward),
    ("sigmoid", "binary_cross_entropy"): (sigmoid_binary_cross_entropy, canonical_backward),
    ("softmax", "binary_cross_entropy"): (softmax_binary_cross_entropy, softmax_binary_cross_entropy_backward),
}
