"""The exercises of notebook 05: steps in place, a learning rate that is too large, and how fast a velocity grows."""

from functools import lru_cache
from math import ceil, log

import numpy as np

from ...data import Dataset, load_mnist
from ...network import Network
from ...optimizers import SGD
from ...training import fit
from .toolkit import (
    FunctionExercise,
    NumberExercise,
    OpenExercise,
    Wrong,
    attempt,
    called_name,
    close,
    quiet,
    require,
    require_function,
    require_number,
    require_result,
    shown,
)

_rng = np.random.default_rng(5)


def _some(*shapes, dtype=float):
    """Arrays of random numbers, with one decimal: they are shown when an answer is wrong."""
    return [_rng.standard_normal(shape).round(1).astype(dtype) for shape in shapes]


def _watching(**lists):
    """An observer of what a call leaves in lists of arrays, given by their places, and which arrays were replaced."""

    def observe(f, *arguments):
        before = {name: list(arguments[at]) for name, at in lists.items()}
        f(*arguments)
        return before | {
            f"{name}, replaced": [now is not then for now, then in zip(arguments[at], before[name], strict=False)]
            for name, at in lists.items()
        }

    return observe


def _left(got, want, near, parts):
    """How the arrays differ from what they should hold, as the end of a sentence; empty when they do not."""
    for name in ("parameters", "velocity"):
        for i, (a, b) in enumerate(zip(got.get(name, []), want.get(name, []), strict=False)):
            if not near(a, b):
                return f"left {shown(a)} in the array {name}[{i}]; expected {shown(b)}."
    return ""


_REBOUND = (
    "makes a new array, and only the name moves on to it; the caller's array stays as it was. Which assignment changes "
    "the array that is there?"
)
_NO_PRODUCTS = "A list times a number is not a list of products: go through the arrays."

# ------------------------------------------------------------------------------------------------ 5.1


def _sgd_step(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p -= learning_rate * g


def _for_each(change):
    """A step that changes each array p, given its gradient g and η, by what change returns."""

    def step(parameters, gradients, learning_rate):
        for p, g in zip(parameters, gradients, strict=True):
            p += change(p, g, learning_rate)

    return step


def _in_a_flat_copy(parameters, gradients, learning_rate):
    _sgd_step([p.reshape(-1) for p in parameters], [g.reshape(-1) for g in gradients], learning_rate)


def _replaces(parameters, gradients, learning_rate):
    for i, g in enumerate(gradients):
        parameters[i] = parameters[i] - learning_rate * g


SGD_STEP = FunctionExercise(
    name="sgd_step",
    number="5.1",
    task="Move each parameter array a step against its gradient, in place.",
    reference=_sgd_step,
    observe=_watching(parameters=0),
    may_change=("parameters",),
    tell=_left,
    cases={
        "two arrays": [
            [np.array([1.0, 2.0]), np.array([[3.0]])],
            [np.array([10.0, -10.0]), np.array([[5.0]])],
            0.1,
        ],
        "two layers": [_some((3, 2), (2,), (2, 4), (4,)), _some((3, 2), (2,), (2, 4), (4,)), 0.5],
        "float32": [_some((3, 3), (3,), dtype="float32"), _some((3, 3), (3,), dtype="float32"), 0.25],
        "columns one after the other in memory": [list(map(np.asfortranarray, _some((3, 2)))), _some((3, 2)), 0.5],
    },
    mistakes={
        "`ravel` and `reshape` give a copy of an array whose rows do not lie one after the other in memory. Change the "
        "array itself.": _in_a_flat_copy,
        f"`p = p - …` {_REBOUND}": lambda parameters, gradients, eta: None,
        "You put new arrays into the list. The network still holds the old ones, and never learns of the new: change "
        "the arrays themselves.": _replaces,
        "The sign: that is a step uphill.": _for_each(lambda p, g, eta: eta * g),
        "The learning rate is missing.": _for_each(lambda p, g, eta: -g),
        "You divide by the number of examples, or of rows. The gradients are those of a mean loss: the 1/m is in them "
        "already.": _for_each(lambda p, g, eta: -eta * g / len(g)),
        "The array holds the step alone. Subtract the step from what was there.": [
            _for_each(lambda p, g, eta: -p - eta * g),
            _for_each(lambda p, g, eta: -p + eta * g),
        ],
        "The learning rate multiplies the parameters too, which shrinks them. It belongs to the gradient only.": (
            _for_each(lambda p, g, eta: eta * (p - g) - p)
        ),
        "Only the first array is changed. Is there a `return` inside the loop?": (
            lambda parameters, gradients, eta: _sgd_step(parameters[:1], gradients[:1], eta)
        ),
        f"`gradients` is a list, and so is `parameters`. {_NO_PRODUCTS}": (
            lambda parameters, gradients, eta: eta * gradients
        ),
        "You step along the sign of the gradient; its size counts too.": _for_each(lambda p, g, eta: -eta * np.sign(g)),
    },
    second_hint="Go through both lists together with `zip`. An assignment such as `p *= 2` changes the array itself; "
    "`p = p * 2` makes a new one.",
    praise="Nothing is returned: the network's own arrays have moved.",
)

# ------------------------------------------------------------------------------------------------ 5.2


def _momentum_step(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v[...] = momentum * v + g
        p -= learning_rate * v


def _momentum(new_velocity=lambda v, g, eta, mu: mu * v + g, step=lambda v, g, eta, mu, old: eta * v):
    """A step with something like momentum: how the velocity changes, then what is subtracted."""

    def momentum_step(parameters, gradients, velocity, eta, mu):
        for p, g, v in zip(parameters, gradients, velocity, strict=True):
            old = v.copy()
            v[...] = new_velocity(v, g, eta, mu)
            p -= step(v, g, eta, mu, old)

    return momentum_step


def _copied(*names):
    """The right step, on copies of some lists, as by who makes new arrays under old names."""

    def momentum_step(parameters, gradients, velocity, eta, mu):
        given = {"parameters": parameters, "velocity": velocity}
        given |= {name: [array.copy() for array in given[name]] for name in names}
        _momentum_step(given["parameters"], gradients, given["velocity"], eta, mu)

    return momentum_step


def _replaced(parameters_too):
    """The right step, with new arrays put into the list of velocities, or into both lists."""

    def momentum_step(parameters, gradients, velocity, eta, mu):
        for i, (p, g) in enumerate(zip(parameters, gradients, strict=True)):
            velocity[i] = mu * velocity[i] + g
            if parameters_too:
                parameters[i] = p - eta * velocity[i]
            else:
                p -= eta * velocity[i]

    return momentum_step


MOMENTUM_STEP = FunctionExercise(
    name="momentum_step",
    number="5.2",
    task="Update each velocity array, then move each parameter array along it, both in place.",
    reference=_momentum_step,
    observe=_watching(parameters=0, velocity=2),
    may_change=("parameters", "velocity"),
    tell=_left,
    cases={
        "a first step, equal to that of sgd_step": [
            [np.array([1.0, 2.0])],
            [np.array([10.0, -10.0])],
            [np.zeros(2)],
            0.1,
            0.9,
        ],
        "a later step": [
            [np.array([1.0, 2.0])],
            [np.array([10.0, -10.0])],
            [np.array([20.0, 30.0])],
            0.1,
            0.5,
        ],
        "a layer": [*(_some((3, 2), (2,)) for _ in range(3)), 0.5, 0.8],
        "float32": [*(_some((2, 2), (2,), dtype="float32") for _ in range(3)), 0.25, 0.9],
    },
    mistakes={
        "You weigh the gradient with 1 − μ: a damped form, which makes every step smaller. Here the gradient enters "
        "the velocity whole.": _momentum(lambda v, g, eta, mu: mu * v + (1 - mu) * g),
        "You weigh gradient and velocity the wrong way round, and damp too: here μ belongs to the old velocity, and "
        "the gradient enters whole.": _momentum(lambda v, g, eta, mu: (1 - mu) * v + mu * g),
        f"The velocity is as it was: `v = …` {_REBOUND}": _copied("velocity"),
        "You put new arrays into the list of velocities. Change the arrays themselves: the caller keeps those.": (
            _replaced(parameters_too=False)
        ),
        "You put new arrays into both lists. Change the arrays themselves: network and caller keep those.": (
            _replaced(parameters_too=True)
        ),
        f"The parameters are as they were: `p = …` {_REBOUND}": _copied("parameters"),
        f"Nothing has changed: `v = …` {_REBOUND}": _copied("parameters", "velocity"),
        "η is inside your velocity. Other texts write it so; here the velocity adds up bare gradients, and η comes in "
        "when the parameters move.": [
            _momentum(lambda v, g, eta, mu: mu * v + eta * g, lambda v, g, eta, mu, old: v),
            _momentum(lambda v, g, eta, mu: mu * v - eta * g, lambda v, g, eta, mu, old: -v),
        ],
        "The parameters move along the old velocity, so a first step goes nowhere. Velocity first, then the step.": (
            _momentum(step=lambda v, g, eta, mu, old: eta * old)
        ),
        "The velocity is kept, but the step is along the gradient alone: that is plain descent.": (
            _momentum(step=lambda v, g, eta, mu, old: eta * g)
        ),
        "That is Nesterov's look ahead, g + μv. The task asks for plain momentum: a step along v.": (
            _momentum(step=lambda v, g, eta, mu, old: eta * (g + mu * v))
        ),
        "μ is missing: without it a velocity never forgets.": _momentum(lambda v, g, eta, mu: v + g),
        "`v += μ v` adds to the old velocity, so it is (1 + μ)v. It has to shrink to μv.": (
            _momentum(lambda v, g, eta, mu: (1 + mu) * v + g)
        ),
        f"`velocity` is a list, and so are `gradients` and `parameters`. {_NO_PRODUCTS}": (
            lambda parameters, gradients, velocity, eta, mu: mu * velocity
        ),
        "μ multiplies the new gradient too. It belongs to the old velocity only.": (
            _momentum(lambda v, g, eta, mu: mu * (v + g))
        ),
        "The old velocity is lost: the new one is the gradient alone.": _momentum(lambda v, g, eta, mu: g),
        "The learning rate is missing from the step.": _momentum(step=lambda v, g, eta, mu, old: v),
        "The sign: that is a step uphill.": _momentum(step=lambda v, g, eta, mu, old: -eta * v),
    },
    second_hint="Two lines for each array: first the velocity shrinks by μ and takes the gradient in, then the "
    "parameters move by η along it. Both lines change an array that is there.",
    praise="With a velocity of 0 it is sgd_step, and it is what `SGD` does.",
)

# ------------------------------------------------------------------------------------------------ 5.3

_STEPS = 40  # in an epoch: 5,000 images in batches of 128


@lru_cache(maxsize=1)
def _digits():
    data = load_mnist().train[:5000]
    return Dataset(data.images.copy(), data.labels.copy())  # a copy, so that the other images can be forgotten


@lru_cache(maxsize=64)
def _loss_after(epochs, rates):
    """The training loss of the exercise's network after so many epochs. rates: one number, or one for each step."""
    schedule = (lambda epoch: rates[round(epoch * _STEPS)]) if isinstance(rates, tuple) else rates
    net = Network([784, 64, 10], seed=0, dtype="float64")
    with quiet():
        history = fit(net, _digits(), epochs=epochs, batch_size=128, optimizer=SGD(schedule), progress=False)
    return np.inf if history.diverged else history.train_loss[-1]


def _judge_rate(rate):
    rate = require_number(rate)
    require(rate > 0, f"Your answer is {rate:g}; a learning rate is above 0.", "Halving 3.2 never leads to 0 or below.")
    loss = _loss_after(3, rate)
    found = f"With a learning rate of {rate:g} the training loss after three epochs is {loss:.2f}"
    if loss >= 1:
        hint = "Still too large: go on halving until the loss is below 1."
        if rate < 0.1:
            hint = "So small a rate hardly moves in three epochs. Start at 3.2, and stop at the first that works."
        elif _loss_after(3, rate / 2) < 1:
            hint = "That is the last rate that fails; give the first that does not."
        raise Wrong(f"{found}.", hint)
    require(abs(rate - loss) >= 0.02, f"{found}.", "Is your answer the loss? Give the learning rate that led to it.")
    require(
        _loss_after(3, 2 * rate) >= 1,
        f"{found}, and with {2 * rate:g} it is {_loss_after(3, 2 * rate):.2f}.",
        "Twice your rate works too. Come down from 3.2, and stop at the first rate that works.",
    )
    require(
        any(close(rate, 3.2 / 2**halvings, 1e-4) for halvings in range(10)),
        f"{found}, but halving from 3.2 never leads to it.",
        "The rates to try are 3.2, half of it, half of that, and so on. At which of these is the loss below 1?",
    )


LARGEST_RATE = OpenExercise(
    name="largest_rate",
    number="5.3",
    task="Find, by halving from 3.2, the first learning rate whose training loss is below 1 after three epochs.",
    judged_by=_judge_rate,
    second_hint="Write a function of the rate that makes a fresh network, calls `fit`, and returns "
    "`history.train_loss[-1]`. Then call it with 3.2, 1.6 and so on.",
    praise="Twice that rate fails: now repair it.",
)


_TOO_LARGE = {  # (at the start, at the end)
    (True, True): "It is too large at the start, and at the end. When in a run does a large step do harm, and which?",
    (True, False): "The end is calm, but the harm was done in the first steps: units thrown so far that they are off "
    "for every image learn no more. How could it begin?",
    (False, True): "The start is gentle, but the steps stay large to the end, and the run never settles. How could it "
    "end?",
    (False, False): "It begins and ends gently, but spends too long at large rates, or rises too fast. Move the peak.",
}


def _judge_schedule(schedule):
    require_function(schedule, ("epoch",))
    epochs = np.arange(6 * _STEPS + 1) / _STEPS
    name = called_name(schedule)
    answers = require_result(
        attempt(schedule, {"epoch": 0.0}, lambda f, epoch: [f(float(e)) for e in epochs]),
        f"{name}(epoch)",
        "It is called with any number from 0 to 6, fractions included: 2.5 is the middle of the third epoch.",
    )
    for epoch, rate in zip(epochs, answers, strict=True):
        require(
            isinstance(rate, int | float | np.number) and not isinstance(rate, bool),
            f"{name}({epoch:g}) returned {shown(rate)}.",
            "For each epoch it has to return one number, a learning rate.",
        )
        require(
            -1e-9 <= rate < 1e30,
            f"{name}({epoch:g}) returned {shown(rate)}.",
            "A learning rate is a finite number, and never below 0: that is uphill.",
        )
    rates = tuple(max(float(rate), 0.0) for rate in answers)
    hint = "A smaller rate throughout avoids the question. At some epoch it has to reach 1."
    if max(rates) > 0.5 and rates[0] < 0.1 * max(rates):
        hint = "During a warm-up the cosine is already falling. Start it higher, so that the top reaches 1."
    require(max(rates) >= 0.999, f"The largest learning rate of {name} is {max(rates):g}.", hint)
    loss = _loss_after(6, rates)
    first, last = max(rates[: _STEPS // 4]), max(rates[-_STEPS // 2 :])  # a quarter of an epoch, and half of one
    require(
        loss < 0.5,
        f"With {name} the training loss after six epochs is {loss:.2f}, and not below 0.5.",
        _TOO_LARGE[first >= 0.8, last >= 0.8],
    )


REPAIR = OpenExercise(
    name="repair",
    number="5.3",
    task="Write a schedule that reaches a rate of 1, and ends six epochs with a training loss below 0.5.",
    judged_by=_judge_schedule,
    second_hint="Look at both ends of the run. The notebook has a schedule for each, and one of them can be put inside "
    "the other.",
    praise="A gentle end lets the units settle. At a rate of 1.6 it takes a gentle start as well, which saves them.",
)

# ------------------------------------------------------------------------------------------------ 5.4


def _steps(share, momentum):
    """The number of steps, not rounded, after which a velocity has this share of its limit: 1 − μⁿ = share."""
    return log(1 - share) / log(momentum)


STEPS_TO_LIMIT = NumberExercise(
    name="steps_to_limit",
    number="5.4",
    task="Work out after how many steps the velocity reaches 99 % of its limit, with μ = 0.9.",
    reference=lambda: ceil(_steps(0.99, 0.9)),
    mistakes={
        "Steps are whole. At this number the velocity would just be there: so after which step is it?": (43.65, 43.76),
        "One too few: after this step it is just below 99 %. Round up, not to the nearest.": 43,
        "One too many. After the first step the velocity is g, so n steps add up n terms, from μ⁰ to μⁿ⁻¹.": 45,
        "That is the limit of the velocity in units of g, 1/(1 − μ). The task asks for the number of steps.": 10,
        "That is 99 % of the limit, in units of g: a velocity. The task asks for the number of steps.": 9.9,
        "That is where it reaches 90 %. The missing share has to shrink to 1 − 0.99.": (21.5, 22.5),
        "You have exchanged momentum and share: the missing share is 0.9ⁿ, and has to shrink to 0.01.": (228.5, 230.5),
        "That is for a momentum of 0.99. Here it is 0.9.": (457.5, 459.5),
        "You solved 0.9ⁿ = 0.99. The share that is reached is 1 − 0.9ⁿ.": (1e-9, 1),
    },
    second_hint="After n steps the velocity is g(1 + μ + … + μⁿ⁻¹) = g(1 − μⁿ)/(1 − μ). Which n makes μⁿ small enough?",
    praise="So a velocity remembers some dozens of steps.",
)

EXERCISES = [SGD_STEP, MOMENTUM_STEP, LARGEST_RATE, REPAIR, STEPS_TO_LIMIT]
