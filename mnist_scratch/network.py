"""A fully connected network: forward pass, loss, backward pass.

Rows are examples. For layer l = 1 … L, Aˡ⁻¹ (m, n_{l−1}) → Zˡ = Aˡ⁻¹Wˡ + bˡ → Aˡ = g(Zˡ), both (m, n_l).
Derived line by line in notebooks 02 and 03.
"""

import copy
from itertools import pairwise
from numbers import Real
from typing import NamedTuple

import numpy as np

from . import checks
from .data import one_hot
from .files import load_arrays, save_arrays
from .functions import ACTIVATIONS, LOSSES, OUTPUTS
from .threads import spread


class Loss(NamedTuple):
    """The two parts of J: data, the mean loss of an example, and penalty, (λ/2) Σ‖Wˡ‖²."""

    data: float
    penalty: float

    @property
    def total(self):
        return self.data + self.penalty


class Network:
    """A fully connected network in NumPy arrays.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, units of each hidden layer, and outputs, such as [784, 128, 64, 10].
    activation : str
        Of the hidden layers: "relu", "sigmoid" or "tanh"; a name in `functions.ACTIVATIONS`.
    output, loss : str
        "softmax" with "cross_entropy" or "binary_cross_entropy", or "sigmoid" with "binary_cross_entropy".
    initialization : str or float, optional
        The standard deviation of the weights, which are normal with mean 0. "he": √(2/n_in) (He et al. 2015);
        "xavier": √(2/(n_in + n_out)) (Glorot and Bengio 2010), the default for sigmoid and tanh, and "he" the one for
        all others; "gaussian": 1, or any number; "zeros": 0. Biases start at 0.
    seed : int
        The same seed gives the same weights.
    dtype : str
        "float32", "float64", or "complex128" for the complex step.

    Attributes
    ----------
    weights, biases : list of ndarray
        weights[l−1] is Wˡ, (n_{l−1}, n_l), and biases[l−1] is bˡ, (n_l,): plain arrays to read, plot and change.

    Raises
    ------
    ValueError
        That names the argument, if one is out of range or unknown.
    """

    def __init__(
        self,
        sizes,
        activation="relu",
        output="softmax",
        loss="cross_entropy",
        initialization=None,
        seed=0,
        dtype="float32",
    ):
        self.sizes = checks.layer_sizes(sizes)
        self.activation = checks.one_of("activation", activation, ACTIVATIONS)
        self.output, self.loss_name = checks.output_and_loss(output, loss, OUTPUTS, LOSSES)
        self.dtype = checks.dtype(dtype)

        if initialization is None:
            initialization = "xavier" if activation in ("sigmoid", "tanh") else "he"
        rng = np.random.default_rng(checks.integer("seed", seed, 0))
        self.weights = [
            (_standard_deviation(initialization, n_in, n_out) * rng.standard_normal((n_in, n_out))).astype(self.dtype)
            for n_in, n_out in pairwise(self.sizes)
        ]
        self.biases = [np.zeros(n, self.dtype) for n in self.sizes[1:]]

    # ------------------------------------------------------------------------------------------ forward

    def forward_pass(self, X):
        """The forward pass with all that the backward pass needs.

        Parameters
        ----------
        X : ndarray, (m, n₀)
            Floating point.

        Returns
        -------
        Z, A : lists of ndarray
            [Z¹, …, Zᴸ], of which Zᴸ (m, K) are the logits, and [A⁰ = X, A¹, …, Aᴸ⁻¹].

        Raises
        ------
        ValueError
            For another width, integers, raw pixels from 0 to 255, no rows, NaN or infinity.
        """
        return self._forward_pass(checks.inputs(X, self.sizes[0], self.dtype))

    def _forward_pass(self, X):
        g, _ = ACTIVATIONS[self.activation]
        Z, A = [], [X.astype(self.dtype, copy=False)]
        for W, b in zip(self.weights, self.biases, strict=True):
            if Z:
                A.append(g(Z[-1]))
            Z.append(A[-1] @ W)
            Z[-1] += b
        return Z, A

    def activations(self, X):
        """[A⁰ = X, A¹, …, Aᴸ⁻¹, Zᴸ]: the input, what each hidden layer makes of it, and the logits."""
        Z, A = self.forward_pass(X)
        return [*A, Z[-1]]

    def forward(self, X):
        """The logits Zᴸ, (m, K), of X, (m, n₀)."""
        X = checks.inputs(X, self.sizes[0], self.dtype)
        return np.concatenate(spread(lambda rows: self._forward_pass(X[rows])[0][-1], len(X)))

    def predict_proba(self, X):
        """The outputs Ŷ, (m, K): probabilities of the classes, for softmax adding up to 1 in each row."""
        return OUTPUTS[self.output](self.forward(X))

    def predict(self, X):
        """The most probable class of each row, (m,) integers."""
        return self.forward(X).argmax(axis=1)

    def accuracy(self, X, y):
        """The fraction of rows of X whose most probable class is the label in y, (m,) integers."""
        return float(np.mean(self.predict(X) == checks.labels(y, self.sizes[-1], len(X))))

    def loss(self, X, y, weight_decay=0.0):
        """The Loss of X, (m, n₀), with y as in `loss_and_gradients`: no gradients, in little memory."""
        return self.evaluate(X, y, weight_decay)[0]

    def evaluate(self, X, y, weight_decay=0.0):
        """The Loss and the accuracy in one forward pass; arguments as in `loss`."""
        X = checks.inputs(X, self.sizes[0], self.dtype)
        return self._evaluate(X, self._targets(y, len(X)), checks.number("weight_decay", weight_decay, at_least=0))

    def _evaluate(self, X, Y, weight_decay=0.0, threads=1):
        """The Loss and the accuracy, without checks; the class of a row of targets is the largest one's."""

        def measure(rows):
            Z, targets = self._forward_pass(X[rows])[0][-1], Y[rows]
            right = np.count_nonzero(Z.argmax(axis=1) == targets.argmax(axis=1))
            return self._data_loss(Z, targets) * (len(Z) / len(X)), right

        threads = threads if len(X) * self.n_parameters > 1e9 else 1  # below, they would wait more than they work
        losses, right = zip(*spread(measure, len(X), threads), strict=True)
        return Loss(sum(losses), self._penalty(weight_decay)), float(sum(right) / len(X))

    # ----------------------------------------------------------------------------------------- backward

    def loss_and_gradients(self, X, y, weight_decay=0.0):
        """The Loss J of a batch and its gradients.

        Parameters
        ----------
        X : ndarray, (m, n₀)
        y : ndarray
            (m,) integer labels, or (m, K) targets such as one-hot rows.
        weight_decay : float
            λ ≥ 0.

        Returns
        -------
        Loss
        list of (dW, db)
            A pair of arrays for each layer, shaped as weights and biases; `flatten` puts them in a row.

        Raises
        ------
        ValueError
            If an argument does not fit.
        """
        X = checks.inputs(X, self.sizes[0], self.dtype)
        weight_decay = checks.number("weight_decay", weight_decay, at_least=0)
        data_loss, gradients = self._data_loss_and_gradients(X, self._targets(y, len(X)), weight_decay)
        return Loss(data_loss, self._penalty(weight_decay)), gradients

    def _data_loss_and_gradients(self, X, Y, weight_decay):
        """The same without checks and penalty: training checks all data once, and measures the penalty once an epoch.

        A subclass that changes the loss overrides `_data_loss` and `backward`: everything goes through these two.
        """
        Z, A = self._forward_pass(X)
        return self._data_loss(Z[-1], Y), self.backward(Z, A, Y, weight_decay)

    def backward(self, Z, A, Y, weight_decay=0.0):
        """The backward pass: the gradients of J from what the forward pass kept.

        Parameters
        ----------
        Z, A : lists of ndarray
            As `forward_pass(X)` returns them.
        Y : ndarray, (m, K)
            Targets.

        Returns
        -------
        list of (dW, db)
            A pair of arrays for each layer.

        Raises
        ------
        ValueError
            If Y has another shape than the logits.
        """
        if np.shape(Y) != Z[-1].shape:  # labels would be broadcast
            raise ValueError(f"Y must be targets of shape {Z[-1].shape}, as one_hot makes them, not {np.shape(Y)}")
        _, g_derivative = ACTIVATIONS[self.activation]
        _, loss_backward = LOSSES[self.output, self.loss_name]

        dZ = loss_backward(OUTPUTS[self.output](Z[-1]), Y)
        gradients = []
        for l in reversed(range(len(self.weights))):
            dW = A[l].T @ dZ
            if weight_decay:
                dW += weight_decay * self.weights[l]
            db = dZ.sum(axis=0)
            gradients.append((dW, db))
            if l > 0:
                dZ = (dZ @ self.weights[l].T) * g_derivative(Z[l - 1], A[l])
        return gradients[::-1]

    # ------------------------------------------------------------------------------------ copy, save, load

    def parameters(self):
        """All parameter arrays as one flat list, [W¹, b¹, W², b², …]: the arrays themselves, not copies."""
        return flatten(zip(self.weights, self.biases, strict=True))

    def parameter_names(self):
        """Their names in the same order: ["W1", "b1", "W2", "b2", …]."""
        return [f"{kind}{l}" for l in range(1, len(self.weights) + 1) for kind in "Wb"]

    @property
    def n_parameters(self):
        """How many numbers the network learns."""
        return sum(array.size for array in self.parameters())

    def copy(self, dtype=None):
        """An independent copy, in another dtype if one is given."""
        other = copy.deepcopy(self)
        other.dtype = checks.dtype(self.dtype if dtype is None else dtype)
        other.weights = [W.astype(other.dtype) for W in other.weights]
        other.biases = [b.astype(other.dtype) for b in other.biases]
        return other

    def save(self, path):
        """Write the network to a file of arrays (.npz), atomically: a file already there is replaced as a whole.

        Raises
        ------
        ValueError
            If a weight or bias was replaced by an array of another shape or dtype; nothing is written.
        """
        kind = {"activation": self.activation, "output": self.output, "loss": self.loss_name}
        parameters = checks.parameters(self, _shapes(self.sizes))
        save_arrays(checks.path("path", path), kind | parameters)

    @classmethod
    def load(cls, path):
        """Return the network that `save` wrote, a new one: `net = Network.load(path)`. Nothing in the file is executed.

        Raises
        ------
        FileNotFoundError
        FileFormatError
            If the file does not hold a network. Memory is taken for what is in the file, whatever it promises: about
            ten times its size.
        """
        with load_arrays(checks.path("path", path), "a network written by Network.save") as arrays:
            names = {name: str(arrays.pop(name)) for name in ("activation", "output", "loss")}
            parameters = [arrays.pop(f"{kind}{l}") for l in range(1, len(arrays) // 2 + 1) for kind in "Wb"]
            sizes = [len(parameters[0]), *map(len, parameters[1::2])]
            if arrays or [a.shape for a in parameters] != _shapes(sizes) or len({a.dtype for a in parameters}) > 1:
                raise ValueError("its arrays do not fit together as layers")
            net = cls(sizes, **names, initialization="zeros", dtype=parameters[0].dtype)
            net.weights, net.biases = parameters[::2], parameters[1::2]
        return net

    def __repr__(self):
        kind = f"{self.activation}, {self.output}, {self.loss_name}"
        return f"Network({'-'.join(map(str, self.sizes))}, {kind}, {self.n_parameters:,} parameters)"

    # ------------------------------------------------------------------------------------------- plumbing

    def _data_loss(self, Z, Y):
        loss_of_logits, _ = LOSSES[self.output, self.loss_name]
        return loss_of_logits(Z, Y).item()

    def _penalty(self, weight_decay):
        if not weight_decay:
            return 0.0
        # W·W and not |W|²: the complex step needs a function that is analytic in W
        return weight_decay / 2 * sum(np.dot(W.ravel(), W.ravel()).item() for W in self.weights)

    def _targets(self, y, m):
        y, K = checks.array("y", y, None), self.sizes[-1]
        if y.ndim == 2:
            return checks.targets(y, K, m, self.dtype)
        return one_hot(checks.labels(y, K, m), K, self.dtype)


def flatten(pairs):
    """One flat list, [dW¹, db¹, dW², db², …], of the pairs [(dW¹, db¹), (dW², db²), …]: the order of `parameters`."""
    return [array for pair in pairs for array in pair]


def _shapes(sizes):
    """Of W¹, b¹, W², b², …"""
    return flatten((pair, pair[1:]) for pair in pairwise(sizes))


def _standard_deviation(initialization, n_in, n_out):
    if isinstance(initialization, Real):
        return checks.number("initialization", initialization, at_least=0)
    known = {"he": np.sqrt(2 / n_in), "xavier": np.sqrt(2 / (n_in + n_out)), "gaussian": 1.0, "zeros": 0.0}
    return known[checks.one_of("initialization", initialization, known)]
