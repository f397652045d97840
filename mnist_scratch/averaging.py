"""Averages of networks: of the weights of one training, and of the answers of several networks. See notebook 09."""

from dataclasses import dataclass

import numpy as np

from . import checks
from .network import Network
from .optimizers import SGD


@dataclass(frozen=True)
class AveragedSGD(SGD):
    """SGD whose result is a running average of the weights that it goes through (Polyak and Juditsky 1992).

    `result` gives it; the network that was trained keeps the plain weights.

    Parameters
    ----------
    averaging : float
        After every tenth step, average ← averaging · average + (1 − averaging) · weights. At first it is less, so that
        the initial weights are soon forgotten.
    """

    averaging: float = 0.99

    def __post_init__(self):
        super().__post_init__()
        checks.store(self, "averaging", at_least=0, below=1)

    def initial_state(self, parameters):
        """What `SGD` keeps, then a copy of each parameter array, then the number of steps so far."""
        return [*super().initial_state(parameters), *[parameter.copy() for parameter in parameters], np.zeros(())]

    def step(self, parameters, gradients, state, epoch=0.0):
        """One update of the parameters, and every tenth time of their average. As in `SGD`."""
        velocity, average, steps = self._parts(state, len(checks.arrays("parameters", parameters)))
        super().step(parameters, gradients, velocity, epoch)
        steps += 1
        if steps % 10 == 0:
            n = float(steps) / 10
            keep = min(self.averaging, n / (n + 10))
            for mean, parameter in zip(average, parameters, strict=True):
                mean *= keep
                mean += (1 - keep) * parameter

    def result(self, net, state):
        """A copy of net with the average of its weights."""
        averaged = checks.like("net", net, "parameters", "a Network").copy()
        _, average, _ = self._parts(state, len(averaged.parameters()))
        for parameter, mean in zip(averaged.parameters(), average, strict=True):
            parameter[...] = mean
        return averaged

    def _parts(self, state, n):
        """Velocity, averages and the number of steps, of a network with n parameter arrays."""
        n_velocity = n if self.momentum else 0
        if len(checks.arrays("state", state)) != n_velocity + n + 1:
            raise ValueError("state must be what initial_state(parameters) returned for this network")
        return state[:n_velocity], state[n_velocity:-1], state[-1]


def ensemble(networks):
    """One network whose logits are the mean of the logits of several of the same kind.

    They stand side by side in it: its hidden layers are as wide as theirs together, and its weight matrices hold
    theirs along the diagonal, with zeros between.

    Parameters
    ----------
    networks : sequence of Network
        At least one, all of the same sizes, activation, output, loss and dtype.

    Raises
    ------
    ValueError
        If they are not.
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
