"""A fully connected network: forward pass, loss, backward pass.

Rows are examples. For layer l = 1 … L, Aˡ⁻¹ (m, n_{l−1}) → Zˡ = Aˡ⁻¹Wˡ + bˡ → Aˡ = g(Zˡ), both (m, n_l).
Derived line by line in notebooks 02 and 03.
"""

import copy
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import checks
from .data import one_hot
from .files import FileFormatError, arrays_in, replacing
from .functions import ACTIVATIONS, LOSSES, OUTPUTS

_CHUNK = 2000  # rows at a time where nothing is learnt


class Loss(NamedTuple):
    """The two parts of J: data, the mean loss of an example, and penalty, (λ/2) Σ‖Wˡ‖²."""

    data: float
    penalty: float

    @property
    def total(self):
        return self.data + self.penalty


class Network:
    """Layers of sizes[0] inputs, hidden units, and sizes[-1] outputs.

    sizes: at least two whole numbers, such as [784, 128, 64, 10].
    activation of the hidden layers: "relu", "sigmoid" or "tanh".
    output and loss: "softmax" with "cross_entropy" or "binary_cross_entropy", or "sigmoid" with
        "binary_cross_entropy".
    initialization of the weights, normal with mean 0 and standard deviation
        "he": √(2/n_in) (He et al. 2015), the default for relu;
        "xavier": √(2/(n_in + n_out)) (Glorot and Bengio 2010), the default for sigmoid and tanh;
        "gaussian": 1, or any number; "zeros": 0. Biases start at 0.
    seed: the same seed gives the same weights. dtype: "float32", "float64", or "complex128" for the complex step.

    weights[l−1]: (n_{l−1}, n_l), biases[l−1]: (n_l,); plain arrays to read, plot and change.
    Raises ValueError that names the argument when one is out of range or unknown.
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
        self.output = checks.one_of("output", output, OUTPUTS)
        self.loss_name = checks.one_of("loss", loss, sorted({name for _, name in LOSSES}))
        if (output, loss) not in LOSSES:
            raise ValueError(
                f"loss={loss!r} does not go with output={output!r}: answering 1 for every class would "
                'minimise it. Use loss="binary_cross_entropy".'
            )
        self.dtype = checks.dtype(dtype)

        if initialization is None:
            initialization = "he" if activation == "relu" else "xavier"
        rng = np.random.default_rng(checks.integer("seed", seed, 0))
        pairs = list(pairwise(self.sizes))
        self.weights = [
            (_standard_deviation(initialization, n_in, n_out) * rng.standard_normal((n_in, n_out))).astype(self.dtype)
            for n_in, n_out in pairs
        ]
        self.biases = [np.zeros(n_out, self.dtype) for _, n_out in pairs]

    # ------------------------------------------------------------------------------------------ forward

    def activations(self, X):
        """The forward pass, kept: [A⁰ = X, A¹, …, Aᴸ⁻¹, Zᴸ], where Zᴸ (m, K) are the logits.

        X: (m, n₀) floating point. Raises ValueError for another width, integers, no rows, NaN or infinity.
        """
        return self._activations(checks.inputs(X, self.sizes[0], self.dtype))

    def _activations(self, A):
        g, _ = ACTIVATIONS[self.activation]
        kept = [A]
        for W, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            A = g(A @ W + b)
            kept.append(A)
        kept.append(A @ self.weights[-1] + self.biases[-1])
        return kept

    def forward(self, X):
        """The logits Zᴸ, (m, K), of X, (m, n₀)."""
        return self.activations(X)[-1]

    def predict_proba(self, X):
        """The outputs Ŷ, (m, K): probabilities of the classes, for softmax adding up to 1 in each row."""
        return OUTPUTS[self.output](self._logits(X))

    def predict(self, X):
        """The most probable class of each row, (m,) integers."""
        return self._logits(X).argmax(axis=1)

    def accuracy(self, X, y):
        """The fraction of rows of X whose most probable class is the label in y, (m,) integers."""
        return float(np.mean(self.predict(X) == checks.labels(y, self.sizes[-1], len(X))))

    def loss(self, X, y, weight_decay=0.0):
        """The Loss of X, (m, n₀), with labels y, (m,): no gradients, in little memory."""
        weight_decay = checks.number("weight_decay", weight_decay, at_least=0)
        return Loss(self._data_loss(self._logits(X), self._targets(y, len(X))), self._penalty(weight_decay))

    def evaluate(self, X, y, weight_decay=0.0):
        """The Loss and the accuracy in one forward pass; arguments as in `loss`, with y as labels."""
        weight_decay = checks.number("weight_decay", weight_decay, at_least=0)
        Z = self._logits(X)
        labels = checks.labels(y, self.sizes[-1], len(X))
        loss = Loss(self._data_loss(Z, self._targets(labels, len(X))), self._penalty(weight_decay))
        return loss, float(np.mean(Z.argmax(axis=1) == labels))

    # ----------------------------------------------------------------------------------------- backward

    def loss_and_gradients(self, X, y, weight_decay=0.0):
        """The Loss J of a batch, and its gradients: a pair (dW, db) per layer, shaped as weights and biases.

        X: (m, n₀). y: (m,) integer labels, or (m, K) targets such as one-hot rows. weight_decay: λ ≥ 0.
        Raises ValueError when one of them does not fit.
        """
        X = checks.inputs(X, self.sizes[0], self.dtype)
        weight_decay = checks.number("weight_decay", weight_decay, at_least=0)
        data_loss, gradients = self._data_loss_and_gradients(X, self._targets(y, len(X)), weight_decay)
        return Loss(data_loss, self._penalty(weight_decay)), gradients

    def _data_loss_and_gradients(self, X, Y, weight_decay):
        """The same without checks and penalty. `fit` trains with it: it checks all data once, and measures the penalty
        once an epoch. A subclass that changes the loss overrides this, and so changes `loss_and_gradients` too.
        """
        activations = self._activations(X)
        return self._data_loss(activations[-1], Y), self.backward(activations, Y, weight_decay)

    def backward(self, activations, Y, weight_decay=0.0):
        """The backward pass: gradients of J from the kept activations of the forward pass.

        activations: as `activations(X)` returns them. Y: (m, K) targets. Returns a pair (dW, db) per layer.
        Raises ValueError when Y has another shape.
        """
        *A, Z = activations
        if np.shape(Y) != Z.shape:  # labels would be broadcast
            raise ValueError(f"Y must be targets of shape {Z.shape}, as one_hot makes them, not {np.shape(Y)}")
        _, g_derivative = ACTIVATIONS[self.activation]
        _, loss_backward = LOSSES[self.output, self.loss_name]

        dZ = loss_backward(OUTPUTS[self.output](Z), Y)
        gradients = []
        for l in reversed(range(len(self.weights))):
            dW = A[l].T @ dZ
            if weight_decay:
                dW += weight_decay * self.weights[l]
            db = dZ.sum(axis=0)
            gradients.append((dW, db))
            if l > 0:
                dZ = (dZ @ self.weights[l].T) * g_derivative(A[l])
        return gradients[::-1]

    # ------------------------------------------------------------------------------------ copy, save, load

    def parameters(self):
        """All parameter arrays as one flat list, [W¹, b¹, W², b², …]: the arrays themselves, not copies."""
        return [array for pair in zip(self.weights, self.biases, strict=True) for array in pair]

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
        """Write the network to a file of arrays (.npz). A file already there is replaced only when all is written.

        Raises ValueError, and writes nothing, when a weight or bias was replaced by an array of another shape or dtype.
        """
        for name, array, shape in zip(self.parameter_names(), self.parameters(), _shapes(self.sizes), strict=True):
            if (array.shape, array.dtype) != (shape, self.dtype):
                raise ValueError(f"{name} must be {self.dtype} {shape}, not {array.dtype} {array.shape}: not saved")
        with replacing(checks.path("path", path)) as file:
            np.savez(file, **self._as_arrays())

    def _as_arrays(self):
        kind = {"activation": self.activation, "output": self.output, "loss": self.loss_name}
        return kind | dict(zip(self.parameter_names(), self.parameters(), strict=True))

    @classmethod
    def load(cls, path):
        """Return the network that `save` wrote, a new one: `net = Network.load(path)`. Nothing in the file is executed.

        Raises FileNotFoundError, or FileFormatError when the file does not hold a network. Memory is taken for what is
        in the file, whatever it promises: about ten times its size.
        """
        content = Path(checks.path("path", path)).read_bytes()  # what keeps a file from being read is not called damage
        try:
            arrays = arrays_in(content)
            names = {name: str(arrays.pop(name)) for name in ("activation", "output", "loss")}
            parameters = [arrays.pop(f"{kind}{l}") for l in range(1, len(arrays) // 2 + 1) for kind in "Wb"]
            sizes = [len(parameters[0]), *map(len, parameters[1::2])]
            if arrays or [a.shape for a in parameters] != _shapes(sizes) or len({a.dtype for a in parameters}) > 1:
                raise ValueError("its arrays do not fit together as layers")
            net = cls(sizes, **names, initialization="zeros", dtype=parameters[0].dtype)
            net.weights, net.biases = parameters[::2], parameters[1::2]
        except MemoryError:
            raise
        except Exception:  # the readers of a damaged file raise errors of a dozen kinds, some with unsafe advice
            raise FileFormatError(
                f"{path}: not a network written by Network.save, or damaged since. Name such a file, or save it again."
            ) from None
        return net

    def __repr__(self):
        kind = f"{self.activation}, {self.output}, {self.loss_name}"
        return f"Network({'-'.join(map(str, self.sizes))}, {kind}, {self.n_parameters:,} parameters)"

    # ------------------------------------------------------------------------------------------- plumbing

    def _logits(self, X):
        """The logits, a few thousand rows at a time: in little memory, and inside the cache."""
        fits = isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == self.sizes[0]
        m = len(X) if fits else 1  # anything else is checked below, as a whole
        parts = []
        for start in range(0, max(m, 1), _CHUNK):
            part = X[start : start + _CHUNK] if m > _CHUNK else X
            parts.append(self._activations(checks.inputs(part, self.sizes[0], self.dtype, first_row=start))[-1])
        return np.concatenate(parts)

    def _data_loss(self, Z, Y):
        loss_of_logits, _ = LOSSES[self.output, self.loss_name]
        return loss_of_logits(Z, Y).item()

    def _penalty(self, weight_decay):
        if not weight_decay:
            return 0.0
        # W·W and not |W|²: the complex step needs a function that is analytic in W
        return weight_decay / 2 * sum(np.dot(W.ravel(), W.ravel()).item() for W in self.weights)

    def _targets(self, y, m):
        y, K = checks.array("y", y, "biufc"), self.sizes[-1]
        if y.ndim == 2:
            return checks.targets(y, K, m, self.dtype)
        return one_hot(checks.labels(y, K, m), K, self.dtype)


def committee(networks):
    """One network whose logits are the mean of the logits of several of the same kind.

    They stand side by side in it: its hidden layers are as wide as theirs together, and its weight matrices hold
    theirs along the diagonal, with zeros between. networks: at least one, all of the same sizes, activation, output,
    loss and dtype; ValueError when they are not.
    """
    networks = [checks.like("networks", net, "weights", "Networks") for net in checks.sequence("networks", networks)]
    kinds = {(*net.sizes, net.activation, net.output, net.loss_name, net.dtype) for net in networks}
    if len(kinds) != 1:
        raise ValueError(f"networks must be one or more of the same kind, not {networks}")
    n, first = len(networks), networks[0]
    sizes = [first.sizes[0], *(n * size for size in first.sizes[1:-1]), first.sizes[-1]]
    joined = Network(sizes, first.activation, first.output, first.loss_name, "zeros", dtype=first.dtype)
    last = len(first.weights) - 1
    for i, net in enumerate(networks):
        for l, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
            rows = slice(i * len(W), (i + 1) * len(W)) if l > 0 else slice(None)
            columns = slice(i * len(b), (i + 1) * len(b)) if l < last else slice(None)
            share = 1 if l < last else n
            joined.weights[l][rows, columns] += W / share
            joined.biases[l][columns] += b / share
    return joined


def _shapes(sizes):
    """Of W¹, b¹, W², b², …"""
    return [shape for n in pairwise(sizes) for shape in (n, n[1:])]


def _standard_deviation(initialization, n_in, n_out):
    if isinstance(initialization, Real):
        return checks.number("initialization", initialization, at_least=0)
    known = {"he": np.sqrt(2 / n_in), "xavier": np.sqrt(2 / (n_in + n_out)), "gaussian": 1.0, "zeros": 0.0}
    return known[checks.one_of("initialization", initialization, known)]
