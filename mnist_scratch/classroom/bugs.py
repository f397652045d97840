"""Ten backward passes with one planted bug each, for the hunt in notebook 04. Read this after the hunt, not before.

Each is a mistake that people really make; the docstring of its class says which.
"""

import numpy as np

from .. import checks
from ..data import one_hot
from ..functions import ACTIVATIONS, LOSSES, OUTPUTS
from ..network import Network, flatten


class Stepwise(Network):
    """The right backward pass, with each step a method of its own so that a bug can sit in just one of them."""

    def backward(self, Z, A, Y, weight_decay=0.0):
        """Gradients as Network.backward returns them."""
        dZ = self.through_loss(OUTPUTS[self.output](Z[-1]), Y)
        gradients = []
        for l in reversed(range(len(self.weights))):
            below = self.through_activation(self.through_layer(l, dZ), Z[l - 1], A[l]) if l > 0 else None
            gradients.append((self.for_weights(l, A[l], dZ, weight_decay), self.for_biases(l, dZ, weight_decay)))
            dZ = below
        return gradients[::-1]

    def through_loss(self, Y_hat, Y):
        return LOSSES[self.output, self.loss_name][1](Y_hat, Y)

    def through_layer(self, l, dZ):
        return dZ @ self.weights[l].T

    def through_activation(self, dA, Z, A):
        return dA * ACTIVATIONS[self.activation][1](Z, A)

    def for_weights(self, l, A, dZ, weight_decay):
        return A.T @ dZ + weight_decay * self.weights[l]

    def for_biases(self, l, dZ, weight_decay):
        return dZ.sum(axis=0)


class BiasPenalized(Stepwise):
    """The biases get the penalty's gradient too, though the loss does not penalize them."""

    cause = "bias"

    def for_biases(self, l, dZ, weight_decay):
        return dZ.sum(axis=0) + weight_decay * self.biases[l]


class WrongTranspose(Stepwise):
    """The derivative goes back through W instead of W transposed, which fits wherever a layer is square."""

    cause = "transpose"

    def through_layer(self, l, dZ):
        W = self.weights[l]
        return dZ @ W if W.shape[0] == W.shape[1] else dZ @ W.T


class NoMean(Stepwise):
    """The 1/m is missing: the gradient of the sum of the losses, not of their mean."""

    cause = "mean"

    def through_loss(self, Y_hat, Y):
        return super().through_loss(Y_hat, Y) * len(Y)


class MaskAlwaysTrue(Stepwise):
    """The ReLU's mask is A >= 0, which is true everywhere, since A is never negative."""

    cause = "mask"

    def through_activation(self, dA, Z, A):
        return dA * (A >= 0)


class StaleActivations(Stepwise):
    """The activations are those of the first batch: a cache that is filled once and never again."""

    cause = "stale"

    def backward(self, Z, A, Y, weight_decay=0.0):
        """Gradients with the hidden activations of the first batch of this size."""
        self._cache = getattr(self, "_cache", {})
        first = self._cache.setdefault(len(Y), [array.copy() for array in A])
        return super().backward(Z, first, Y, weight_decay)


class NoPenalty(Stepwise):
    """The penalty is in the loss but not in the gradient."""

    cause = "penalty"

    def for_weights(self, l, A, dZ, weight_decay):
        return A.T @ dZ


class NoDerivative(Stepwise):
    """The activation's derivative is forgotten between the layers."""

    cause = "derivative"

    def through_activation(self, dA, Z, A):
        return dA


class DifferenceWhereItDoesNotHold(Stepwise):
    """Ŷ − Y is used for binary cross-entropy on softmax outputs."""

    cause = "difference"

    def through_loss(self, Y_hat, Y):
        return (Y_hat - Y) / len(Y)


class CountedTwice(Stepwise):
    """One layer's weight gradient is added to itself: accumulated over two calls instead of one."""

    cause = "twice"

    def for_weights(self, l, A, dZ, weight_decay):
        return super().for_weights(l, A, dZ, weight_decay) * (2 if l == 1 else 1)


class ChangedInPlace(Stepwise):
    """To save memory the ReLU's mask is written into the activations, which the weight gradient still needs."""

    cause = "in place"

    def through_activation(self, dA, Z, A):
        A[A > 0] = 1
        return dA * A


BUGS = {
    "A": NoMean,
    "B": BiasPenalized,
    "C": MaskAlwaysTrue,
    "D": ChangedInPlace,
    "E": WrongTranspose,
    "F": DifferenceWhereItDoesNotHold,
    "G": NoPenalty,
    "H": StaleActivations,
    "I": NoDerivative,
    "J": CountedTwice,
}


def network(letter, sizes, seed=0, dtype="float64"):
    """Return a network with a bug, with softmax, and with biases that are not 0.

    Parameters
    ----------
    letter : str
        Of the bug, "A" to "J".
    sizes, seed, dtype
        As in Network.

    Notes
    -----
    All use ReLU but the forgotten derivative: there it would be the same mistake as the mask that is always true.
    """
    checks.one_of("letter", letter, BUGS)
    activation = "tanh" if BUGS[letter] is NoDerivative else "relu"
    loss = "binary_cross_entropy" if BUGS[letter] is DifferenceWhereItDoesNotHold else "cross_entropy"
    net = BUGS[letter](sizes, activation, loss=loss, seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    for b in net.biases:
        b[...] = 0.1 * rng.standard_normal(b.shape)
    return net


def cosine_to_right(net, X, y):
    """Return the cosine of the angle between a network's gradient and that of the right backward pass.

    Parameters
    ----------
    net : Network
    X : array, (m, n₀)
    y : array, (m,)

    Returns
    -------
    float
        From −1 to 1, all parameters together; 1 where the two differ by no more than a positive factor.
    """
    checks.like("net", net, ("forward_pass", "loss_and_gradients"), "a Network")
    _, gradients = net.loss_and_gradients(X, y)  # refuses what does not fit
    right = Network.backward(net, *net.forward_pass(X), one_hot(y, net.sizes[-1], net.dtype))
    a, b = (np.concatenate([array.ravel() for array in flatten(pairs)]) for pairs in (gradients, right))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def explain(letter):
    """Return what the bug is, in a sentence."""
    return BUGS[checks.one_of("letter", letter, BUGS)].__doc__


def causes():
    """Return {cause: what it means} of all bugs, a word each, in alphabetical order, which gives none away."""
    return {bug.cause: bug.__doc__ for bug in sorted(BUGS.values(), key=lambda bug: bug.cause)}
