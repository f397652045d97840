"""Stochastic gradient descent, RMSProp, Adam, and learning-rate schedules. Derived and compared in notebook 05.

Everything here is a frozen record of settings: the same object can serve any number of runs, because what changes
during a run, such as the velocity, is the run's own list of arrays, its state.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, pi, sqrt

import numpy as np

from . import checks


@dataclass(frozen=True)
class StepSchedule:
    """A learning rate that is multiplied by factor at each of the epochs in drop_at."""

    learning_rate: float
    drop_at: tuple
    factor: float = 0.1

    def __post_init__(self):
        checks.store(self, "learning_rate", "factor", above=0)
        object.__setattr__(self, "drop_at", checks.numbers("drop_at", self.drop_at, at_least=0))

    def __call__(self, epoch):
        epoch = checks.number("epoch", epoch, at_least=0)
        return self.learning_rate * self.factor ** sum(epoch >= drop for drop in self.drop_at)

    def stretched(self, factor):
        """The same schedule for a run of so many times the epochs."""
        return replace(self, drop_at=[factor * epoch for epoch in self.drop_at])


@dataclass(frozen=True)
class CosineSchedule:
    """From learning_rate down to final along half a cosine wave in so many epochs (Loshchilov and Hutter 2017).

    From then on the rate stays at final, so give it the number of epochs that you give to `fit`.
    """

    learning_rate: float
    epochs: float
    final: float = 0.0

    def __post_init__(self):
        checks.store(self, "learning_rate", "epochs", above=0)
        checks.store(self, "final", at_least=0)

    def __call__(self, epoch):
        epoch = checks.number("epoch", epoch, at_least=0)
        progress = min(epoch / self.epochs, 1.0)
        return self.final + (self.learning_rate - self.final) * (1 + cos(pi * progress)) / 2

    def stretched(self, factor):
        """The same schedule for a run of so many times the epochs."""
        return replace(self, epochs=factor * self.epochs)


@dataclass(frozen=True)
class WarmUpSchedule:
    """Another schedule, or a constant rate, approached in a straight line over the first epochs.

    The line starts at 0, so the very first step changes nothing.
    """

    then: float | Callable
    epochs: float = 1.0

    def __post_init__(self):
        checks.store(self, "then", "epochs", above=0)

    def __call__(self, epoch):
        epoch = checks.number("epoch", epoch, at_least=0)
        rate = self.then(epoch) if callable(self.then) else self.then
        return rate * min(epoch / self.epochs, 1.0)

    def stretched(self, factor):
        """The same schedule for a run of so many times the epochs, what follows the warm-up included."""
        then = self.then.stretched(factor) if hasattr(self.then, "stretched") else self.then
        return replace(self, then=then, epochs=factor * self.epochs)


@dataclass(frozen=True)
class SGD:
    """Gradient descent with momentum and clipping: v ← μv + g, then w ← w − ηv.

    Parameters
    ----------
    learning_rate : float or callable
        η > 0, or a schedule: a function of the epoch, fractions included (2.5 is the middle of the third).
    momentum : float
        μ in [0, 1).
    nesterov : bool
        Step along g + μv instead of v (Sutskever et al. 2013, in the form in which PyTorch writes it).
    clip_value : float, optional
        Every entry of a gradient is cut to [−clip_value, clip_value].
    clip_norm : float, optional
        All gradients together are scaled down so that their norm is at most this.

    Raises
    ------
    ValueError
        That names the setting, if one is out of range.
    """

    learning_rate: float | Callable = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    clip_value: float | None = None
    clip_norm: float | None = None

    def __post_init__(self):
        checks.store(self, "learning_rate", "clip_value", "clip_norm", above=0)
        checks.store(self, "momentum", at_least=0, below=1)
        if checks.flag("nesterov", self.nesterov) and self.momentum == 0:
            raise ValueError("nesterov=True needs a momentum above 0")

    def rate(self, epoch):
        """The learning rate at an epoch; epoch 0 is the very start."""
        epoch = checks.number("epoch", epoch, at_least=0)
        rate = self.learning_rate(epoch) if callable(self.learning_rate) else self.learning_rate
        return checks.number("the schedule's learning rate", rate, at_least=0)

    def initial_state(self, parameters):
        """The velocity, one array of zeros for each parameter array; without momentum an empty list."""
        return [np.zeros_like(w) for w in checks.arrays("parameters", parameters) if self.momentum]

    def result(self, net, state):
        """The network that the training is for: net itself."""
        return net

    def step(self, parameters, gradients, state=(), epoch=0.0):
        """One update. The arrays in parameters, and in state, are changed in place.

        Parameters
        ----------
        parameters : list of ndarray
        gradients : list of ndarray
            Of the same shapes, in the same order, as `flatten` returns them; left as they are.
        state : list of ndarray
            What `initial_state(parameters)` returned.
        epoch : float
            Where a schedule stands.

        Raises
        ------
        ValueError
            If the lists do not belong together.
        """
        checks.step(parameters, gradients, state, copies=1 if self.momentum else 0)
        eta, gradients = self.rate(epoch), self._clipped(gradients)
        for i, (w, g) in enumerate(zip(parameters, gradients, strict=True)):
            if self.momentum:
                v = state[i]
                v *= self.momentum
                v += g
                g = g + self.momentum * v if self.nesterov else v
            w -= eta * g

    def _clipped(self, gradients):
        if self.clip_value is not None:
            gradients = [np.clip(g, -self.clip_value, self.clip_value) for g in gradients]
        if self.clip_norm is not None:
            norm = sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in gradients))  # float32 could overflow
            if norm > self.clip_norm:
                gradients = [g * (self.clip_norm / norm) for g in gradients]
        return gradients


@dataclass(frozen=True)
class RMSProp:
    """Each weight's step divided by the size of its own gradients: q ← ρq + (1 − ρ)g², then w ← w − ηg/(√q + ε).

    Tieleman and Hinton's (2012), in the form in which PyTorch writes it. q begins at 0, so the first steps are up to
    1/√(1 − ρ) times η.

    Parameters
    ----------
    learning_rate : float or callable
        As in `SGD`.
    decay : float
        ρ in [0, 1): how much of the running mean of the squares is kept.
    epsilon : float
        ε > 0, for gradients of 0.

    Raises
    ------
    ValueError
        That names the setting, if one is out of range.
    """

    learning_rate: float | Callable = 0.001
    decay: float = 0.9
    epsilon: float = 1e-8
    rate, result = SGD.rate, SGD.result

    def __post_init__(self):
        checks.store(self, "learning_rate", "epsilon", above=0)
        checks.store(self, "decay", at_least=0, below=1)

    def initial_state(self, parameters):
        """The number of steps so far, then the mean squares q, one array for each parameter array; all are 0."""
        return [np.zeros(()), *map(np.zeros_like, checks.arrays("parameters", parameters))]

    def step(self, parameters, gradients, state, epoch=0.0):
        """One update. As in `SGD`."""
        checks.step(parameters, gradients, state, copies=1, counted=True)
        eta = self.rate(epoch)
        state[0] += 1  # only to be told from a velocity
        for w, g, q in zip(parameters, gradients, state[1:], strict=True):
            q += (1 - self.decay) * (g**2 - q)
            w -= eta * g / (np.sqrt(q) + self.epsilon)


@dataclass(frozen=True)
class Adam:
    """RMSProp with momentum, both corrected for their start at 0 (Kingma and Ba 2015).

    In step t: v ← β₁v + (1 − β₁)g and q ← β₂q + (1 − β₂)g², then w ← w − η v̂/(√q̂ + ε) with v̂ = v/(1 − β₁ᵗ) and
    q̂ = q/(1 − β₂ᵗ).

    Parameters
    ----------
    learning_rate : float or callable
        As in `SGD`. While gradients stay alike, no step is longer than η in any weight; after many of 0, up to 7 η.
    beta1, beta2 : float
        β₁ and β₂ in [0, 1): how much of the running means of the gradients and of their squares is kept.
    epsilon : float
        ε > 0, for gradients of 0.

    Raises
    ------
    ValueError
        That names the setting, if one is out of range.
    """

    learning_rate: float | Callable = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    rate, result = SGD.rate, SGD.result

    def __post_init__(self):
        checks.store(self, "learning_rate", "epsilon", above=0)
        checks.store(self, "beta1", "beta2", at_least=0, below=1)

    def initial_state(self, parameters):
        """The number of steps t, then the means v, then the mean squares q, an array for each parameter array."""
        return [np.zeros(()), *map(np.zeros_like, 2 * [*checks.arrays("parameters", parameters)])]

    def step(self, parameters, gradients, state, epoch=0.0):
        """One update. As in `SGD`."""
        checks.step(parameters, gradients, state, copies=2, counted=True)
        eta, n = self.rate(epoch), len(parameters)
        state[0] += 1
        t = float(state[0])
        for w, g, v, q in zip(parameters, gradients, state[1 : n + 1], state[n + 1 :], strict=True):
            v += (1 - self.beta1) * (g - v)
            q += (1 - self.beta2) * (g**2 - q)
            v_hat, q_hat = v / (1 - self.beta1**t), q / (1 - self.beta2**t)
            w -= eta * v_hat / (np.sqrt(q_hat) + self.epsilon)
