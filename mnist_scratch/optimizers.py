"""Stochastic gradient descent and learning-rate schedules. Derived and compared in notebook 05.

Everything here is a frozen record of settings: the same object can serve any number of runs, because what
changes during a run, the velocity, is kept by the run.
"""

from collections.abc import Callable
from dataclasses import dataclass
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
        checks.store(self, "learning_rate", above=0)
        checks.store(self, "factor", above=0)
        object.__setattr__(self, "drop_at", tuple(checks.sequence("drop_at", self.drop_at)))
        for epoch in self.drop_at:
            checks.number("drop_at", epoch, at_least=0)

    def __call__(self, epoch):
        epoch = checks.number("epoch", epoch, at_least=0)
        return self.learning_rate * self.factor ** sum(epoch >= drop for drop in self.drop_at)


@dataclass(frozen=True)
class CosineSchedule:
    """From learning_rate down to final along half a cosine wave in so many epochs (Loshchilov and Hutter 2017).

    There it stays: give it the epochs of `fit`.
    """

    learning_rate: float
    epochs: float
    final: float = 0.0

    def __post_init__(self):
        checks.store(self, "learning_rate", above=0)
        checks.store(self, "epochs", above=0)
        checks.store(self, "final", at_least=0)

    def __call__(self, epoch):
        epoch = checks.number("epoch", epoch, at_least=0)
        progress = min(epoch / self.epochs, 1.0)
        return self.final + (self.learning_rate - self.final) * (1 + cos(pi * progress)) / 2


@dataclass(frozen=True)
class WarmUpSchedule:
    """Another schedule, or a constant rate, approached in a straight line over the first epochs.

    The line starts at 0, so the very first step changes nothing.
    """

    then: float | Callable
    epochs: float = 1.0

    def __post_init__(self):
        checks.store(self, "epochs", above=0)
        if not callable(self.then):
            checks.store(self, "then", above=0)

    def __call__(self, epoch):
        epoch = checks.number("epoch", epoch, at_least=0)
        rate = self.then(epoch) if callable(self.then) else self.then
        return rate * min(epoch / self.epochs, 1.0)


@dataclass(frozen=True)
class SGD:
    """Gradient descent with momentum and clipping: v ← μv + g, then w ← w − ηv.

    learning_rate: η > 0, or a schedule: a function of the epoch, a fraction included (2.5 is the middle of
        the third).
    momentum: μ in [0, 1). nesterov: step along g + μv instead of v (Sutskever et al. 2013, in the form in
        which PyTorch writes it).
    clip_value: every entry of a gradient is cut to [−clip_value, clip_value].
    clip_norm: all gradients together are scaled down so that their norm is at most this.

    Raises ValueError that names the setting when one is out of range.
    """

    learning_rate: float | Callable = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    clip_value: float | None = None
    clip_norm: float | None = None

    def __post_init__(self):
        if not callable(self.learning_rate):
            checks.store(self, "learning_rate", above=0)
        checks.store(self, "momentum", at_least=0, below=1)
        if checks.flag("nesterov", self.nesterov) and self.momentum == 0:
            raise ValueError("nesterov=True needs a momentum above 0")
        for name in ("clip_value", "clip_norm"):
            if getattr(self, name) is not None:
                checks.store(self, name, above=0)

    def rate(self, epoch):
        """The learning rate at an epoch; epoch 0 is the very start."""
        epoch = checks.number("epoch", epoch, at_least=0)
        if not callable(self.learning_rate):
            return self.learning_rate
        return checks.number("the schedule's learning rate", self.learning_rate(epoch), at_least=0)

    def initial_velocity(self, parameters):
        """One array of zeros for each parameter array; none are needed without momentum."""
        checks.arrays("parameters", parameters)
        return [np.zeros_like(parameter) for parameter in parameters] if self.momentum else []

    def result(self, net, velocity):
        """The network that the training is for: net itself."""
        return net

    def step(self, parameters, gradients, velocity=(), epoch=0.0):
        """One update. The arrays in parameters, and in velocity, are changed in place.

        parameters: list of arrays. gradients: list of arrays of the same shapes, left as they are.
        velocity: what `initial_velocity` returned. epoch: where a schedule stands.
        Raises ValueError when the lists do not belong together.
        """
        for name, value in (("parameters", parameters), ("gradients", gradients), ("velocity", velocity)):
            checks.arrays(name, value)
        shapes = [parameter.shape for parameter in parameters]
        if [g.shape for g in gradients] != shapes or (self.momentum and [v.shape for v in velocity] != shapes):
            raise ValueError(
                "parameters, gradients and velocity must be lists of arrays of the same shapes; velocity comes from "
                "initial_velocity(parameters)"
            )
        eta = self.rate(epoch)
        gradients = self._clipped(gradients)
        if self.momentum:
            for v, g in zip(velocity, gradients, strict=True):
                v *= self.momentum
                v += g
            if self.nesterov:
                gradients = [g + self.momentum * v for v, g in zip(velocity, gradients, strict=True)]
            else:
                gradients = velocity
        for parameter, direction in zip(parameters, gradients, strict=True):
            parameter -= eta * direction

    def _clipped(self, gradients):
        if self.clip_value is not None:
            gradients = [np.clip(g, -self.clip_value, self.clip_value) for g in gradients]
        if self.clip_norm is not None:
            norm = sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in gradients))  # float32 could overflow
            if norm > self.clip_norm:
                gradients = [g * (self.clip_norm / norm) for g in gradients]
        return gradients


@dataclass(frozen=True)
class AveragedSGD(SGD):
    """SGD whose result is a running average of the weights that it goes through (Polyak and Juditsky 1992).

    `result` gives it; the network that was trained keeps the plain weights. averaging: after every tenth step,
    average ← averaging · average + (1 − averaging) · weights. At first it is less, so that the weights of the start are
    soon forgotten.
    """

    averaging: float = 0.99

    def __post_init__(self):
        super().__post_init__()
        checks.store(self, "averaging", at_least=0, below=1)

    def initial_velocity(self, parameters):
        """What `SGD` keeps, then a copy of each parameter array, then the number of steps so far."""
        return [*super().initial_velocity(parameters), *[parameter.copy() for parameter in parameters], np.zeros(())]

    def step(self, parameters, gradients, velocity=(), epoch=0.0):
        """One update of the parameters, and every tenth time of their average. As in `SGD`."""
        if not checks.arrays("velocity", velocity):
            raise ValueError("velocity must be what initial_velocity returned, not an empty list")
        checks.arrays("parameters", parameters)
        *velocity, steps = velocity
        average = velocity[-len(parameters) :]
        super().step(parameters, gradients, velocity[: -len(parameters)], epoch)
        steps += 1
        if steps % 10 == 0:
            n = float(steps) / 10
            keep = min(self.averaging, n / (n + 10))
            for mean, parameter in zip(average, parameters, strict=True):
                mean *= keep
                mean += (1 - keep) * parameter

    def result(self, net, velocity):
        """A copy of net with the average of its weights."""
        averaged = checks.like("net", net, "parameters", "a Network").copy()
        if len(checks.arrays("velocity", velocity)) <= len(averaged.parameters()):
            raise ValueError("velocity must be what initial_velocity returned for this network")
        for parameter, mean in zip(averaged.parameters(), velocity[-1 - len(averaged.parameters()) : -1], strict=True):
            parameter[...] = mean
        return averaged
