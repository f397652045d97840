"""The exercises of notebook 05: steps in place, a learning rate that is too large, and how fast a velocity grows."""

from functools import lru_cache
from math import ceil, log

import numpy as np

from ...data import Dataset
from ...files import course_folder, read_exactly, unpacked
from ...network import Network
from ...optimizers import SGD
from ...training import fit
from .comparing import difference, numbers
from .toolkit import (
    FunctionExercise,
    NumberExercise,
    OpenExercise,
    attempt,
    called_name,
    quiet,
    require,
    require_function,
    require_result,
    same,
    shown,
)

_rng = np.random.default_rng(5)


def _some(*shapes, dtype=float):
    """Arrays of random numbers, with one decimal: they are shown when an answer is wrong."""
    return [_rng.standard_normal(shape).round(1).astype(dtype) for shape in shapes]


_P, _G = np.array([1.0, 2.0]), np.array([10.0, -10.0])


def _watching(*places):
    """An observer of the arrays in some lists after a call; where others were put into a list, they follow."""

    def observe(f, *arguments):
        own = [list(arguments[at]) for at in places]
        returned = f(*arguments)
        if hasattr(returned, "__next__"):
            raise TypeError(f"nothing of the {type(returned).__name__} that it returns runs before it is asked")
        now = [list(arguments[at]) for at in places]
        return tuple(a if [*map(id, a)] == [*map(id, b)] else a + b for a, b in zip(own, now, strict=True))

    return observe


def _left(got, want, near, parts):
    """How the arrays differ from what they should hold, as the end of a sentence; empty when they do not."""
    for name, after, expected in zip(parts, got, want, strict=True):
        for i, (a, b) in enumerate(zip(after, expected, strict=False)):
            if told := difference(a, b, near):
                return told.replace("returned", f"left in the array {name}[{i}]", 1)
        if len(after) != len(expected):
            return f"left the right numbers in {name}, but put other arrays into the list, or took some out."
    return ""


_AS_IT_WAS = (
    "`name = …`, `copy` and `flatten` make new arrays, and the caller keeps the old ones; a step of 0, or code that is "
    "never called, moves nothing."
)
_ERRORS = {
    "runs before it is asked": "Change the arrays in a plain `for` loop, without a `yield`. Nothing is to be returned.",
    "inhomogeneous": "The arrays differ in shape, and one array of them would be a copy. Go through the lists.",
}
_UPHILL = "The sign: that is a step uphill."

# ------------------------------------------------------------------------------------------------ 5.1


def _sgd_step(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p -= learning_rate * g


def _for_each(change):
    """A step that adds to each array p what change returns, given p, its gradient g, and η."""

    def step(parameters, gradients, learning_rate):
        for p, g in zip(parameters, gradients, strict=True):
            p += change(p, g, learning_rate)

    return step


def _in_flat_copies(step, n_lists):
    """The same step on arrays of one axis: copies, where an array is not contiguous."""
    return lambda *given: step(*([a.reshape(-1) for a in arrays] for arrays in given[:n_lists]), *given[n_lists:])


def _replaces(parameters, gradients, learning_rate):
    for i, g in enumerate(gradients):
        parameters[i] = parameters[i] - learning_rate * g


SGD_STEP = FunctionExercise(
    name="sgd_step",
    number="5.1",
    task="Move each parameter array a step against its gradient, in place.",
    reference=_sgd_step,
    observe=_watching(0),
    parts=("parameters",),
    may_change=("parameters",),
    tell=_left,
    error_hints=_ERRORS,
    cases={
        "two arrays": [[_P, np.array([[3.0]])], [_G, np.array([[5.0]])], 0.1],
        "two layers of one shape": [_some((2, 2), (2,), (2, 2), (2,)), _some((2, 2), (2,), (2, 2), (2,)), 0.5],
        "float32": [_some((3, 3), (3,), dtype="float32"), _some((3, 3), (3,), dtype="float32"), 0.25],
        "one array, its columns one after the other in memory": [
            list(map(np.asfortranarray, _some((3, 2)))),
            _some((3, 2)),
            0.0123456,
        ],
    },
    mistakes={
        "`ravel` and `reshape` give a copy of an array whose rows do not lie one after the other in memory. Change the "
        "array itself.": _in_flat_copies(_sgd_step, 2),
        f"Nothing has changed. {_AS_IT_WAS}": lambda parameters, gradients, eta: None,
        "You put new arrays into the list. The network still holds the old ones, and never learns of the new: change "
        "the arrays themselves.": _replaces,
        "Each array has a gradient of its own, at the same place in the other list; the shape does not tell which.": [
            lambda ps, gs, eta: _sgd_step(
                *zip(*((p, g) for p in ps for g in gs if g.shape == p.shape), strict=True), eta
            ),
            lambda ps, gs, eta: _sgd_step(ps, [{g.shape: g for g in gs}[p.shape] for p in ps], eta),
        ],
        _UPHILL: _for_each(lambda p, g, eta: eta * g),
        "Two steps at once: does each array get its step twice?": _for_each(lambda p, g, eta: -2 * eta * g),
        "η and the gradient are subtracted one by one. Subtract their product.": _for_each(lambda p, g, eta: -eta - g),
        "The step is multiplied by p. Subtract ηg from p.": _for_each(lambda p, g, eta: -eta * g * p),
        "The learning rate is missing.": _for_each(lambda p, g, eta: -g),
        "You divide by the learning rate. It multiplies the gradient.": _for_each(lambda p, g, eta: -g / eta),
        "You divide by the number of examples, or of rows. The gradients are those of a mean loss: the 1/m is in them "
        "already.": _for_each(lambda p, g, eta: -eta * g / len(g)),
        "The array holds the step alone. Subtract the step from what was there.": [
            _for_each(lambda p, g, eta: -p - eta * g),
            _for_each(lambda p, g, eta: -p + eta * g),
        ],
        "The learning rate multiplies the parameters too, which shrinks them. It belongs to the gradient only.": (
            _for_each(lambda p, g, eta: eta * (p - g) - p)
        ),
        "The parameters shrink, too, by 1 − η: that is a weight decay, and nobody asks for it here.": (
            _for_each(lambda p, g, eta: -eta * (p + g))
        ),
        "`(p − η) g` is a product. Subtract ηg: the learning rate multiplies the gradient.": (
            _for_each(lambda p, g, eta: (p - eta) * g - p)
        ),
        "You bring the gradient to another size first. Its own size counts: where it is steep, the step is large.": [
            _for_each(lambda p, g, eta: -eta * np.sign(g)),
            _for_each(lambda p, g, eta: -eta * g / np.linalg.norm(g)),
            _for_each(lambda p, g, eta: -eta * np.clip(g, -1, 1)),
        ],
        "You take one number for the whole array, such as a mean. Each entry has a slope of its own.": [
            _for_each(lambda p, g, eta: -eta * np.mean(g)),
            _for_each(lambda p, g, eta: -eta * np.sum(g)),
        ],
    },
    second_hint="Go through both lists together with `zip`. An assignment such as `p *= 2` changes the array itself; "
    "`p = p * 2` makes a new one.",
    praise="Nothing is returned: the network's own arrays have moved.",
)

# ------------------------------------------------------------------------------------------------ 5.2


def _momentum(new_velocity=lambda v, g, eta, mu: mu * v + g, step=lambda v, g, eta, mu, old: eta * v):
    """A step with something like momentum: how the velocity changes, then what is subtracted."""

    def momentum_step(parameters, gradients, velocity, learning_rate, momentum):
        for p, g, v in zip(parameters, gradients, velocity, strict=True):
            old = v.copy()
            v[...] = new_velocity(v, g, learning_rate, momentum)
            p -= step(v, g, learning_rate, momentum, old)

    return momentum_step


_momentum_step = _momentum()


def _elsewhere(*names, replaced=False):
    """The right step, but on copies of the arrays in some lists; they may take their place in the list."""

    def momentum_step(parameters, gradients, velocity, learning_rate, momentum):
        lists = {"parameters": parameters, "velocity": velocity}
        copies = lists | {name: [array.copy() for array in lists[name]] for name in names}
        _momentum_step(copies["parameters"], gradients, copies["velocity"], learning_rate, momentum)
        for name in names if replaced else ():
            lists[name][:] = copies[name]

    return momentum_step


MOMENTUM_STEP = FunctionExercise(
    name="momentum_step",
    number="5.2",
    task="Update each velocity array, then move each parameter array along it, both in place.",
    reference=_momentum_step,
    observe=_watching(0, 2),
    parts=("parameters", "velocity"),
    may_change=("parameters", "velocity"),
    tell=_left,
    error_hints=_ERRORS,
    cases={
        "a later step": [[_P], [_G], [np.array([20.0, 30.0])], 0.1, 0.8],
        "a first step, equal to that of sgd_step": [[_P], [_G], [np.zeros(2)], 0.1, 0.9],
        "a layer": [*(_some((3, 2), (2,)) for _ in range(3)), 0.0123456, 0.25],
        "a momentum of 0": [[_P], [_G], [np.array([20.0, 30.0])], 0.1, 0.0],
        "float32": [*(_some((2, 2), (2,), dtype="float32") for _ in range(3)), 0.25, 0.9],
        "one array, its columns one after the other in memory": [*([_some((2, 3))[0].T] for _ in range(3)), 0.5, 0.9],
    },
    mistakes={
        "`ravel` and `reshape` give a copy of an array whose rows do not lie one after the other in memory. Change the "
        "array itself.": _in_flat_copies(_momentum_step, 3),
        "You weigh the gradient with 1 − μ: a damped form, which makes every step smaller. Here the gradient enters "
        "the velocity whole.": _momentum(lambda v, g, eta, mu: mu * v + (1 - mu) * g),
        "You multiply the old velocity by 1 − μ. The new one is μ times the old, and the whole gradient.": [
            _momentum(lambda v, g, eta, mu: (1 - mu) * v + mu * g),
            _momentum(lambda v, g, eta, mu: (1 - mu) * v + g),
        ],
        "You scale the step by 1 − μ, but it is to grow, to 1/(1 − μ) times a plain one.": (
            _momentum(step=lambda v, g, eta, mu, old: eta * (1 - mu) * v)
        ),
        f"The velocity is as it was. {_AS_IT_WAS}": _elsewhere("velocity"),
        "You put new arrays into a list. Change the arrays themselves: network and caller keep those.": [
            _elsewhere("velocity", replaced=True),
            _elsewhere("parameters", replaced=True),
            _elsewhere("parameters", "velocity", replaced=True),
        ],
        f"The parameters are as they were. {_AS_IT_WAS}": _elsewhere("parameters"),
        f"Nothing has changed. {_AS_IT_WAS}": _elsewhere("parameters", "velocity"),
        "η is inside your velocity. Here that adds up bare gradients, and η comes in when the parameters move.": [
            _momentum(lambda v, g, eta, mu: eta * (mu * v + g), lambda v, g, eta, mu, old: v),
            _momentum(lambda v, g, eta, mu: mu * v + eta * g, lambda v, g, eta, mu, old: v),
            _momentum(lambda v, g, eta, mu: mu * v - eta * g, lambda v, g, eta, mu, old: -v),
            _momentum(lambda v, g, eta, mu: mu * v + eta * g),
        ],
        "The gradient enters the velocity with a plus; the minus comes when the parameters move.": [
            _momentum(lambda v, g, eta, mu: mu * v - g),
            _momentum(lambda v, g, eta, mu: mu * v - g, lambda v, g, eta, mu, old: -eta * v),
        ],
        "The parameters move along the old velocity, so a first step goes nowhere. Velocity first, then the step.": (
            _momentum(step=lambda v, g, eta, mu, old: eta * old)
        ),
        "The step is along the gradient alone, as in plain descent. It should be along the new velocity.": [
            _momentum(step=lambda v, g, eta, mu, old: eta * g),
            _momentum(lambda v, g, eta, mu: v, lambda v, g, eta, mu, old: eta * g),
        ],
        "That is Nesterov's look ahead, g + μv. The task asks for plain momentum: a step along v.": (
            _momentum(step=lambda v, g, eta, mu, old: eta * (g + mu * v))
        ),
        "The step takes the gradient twice: it is in the velocity already.": (
            _momentum(step=lambda v, g, eta, mu, old: eta * (v + g))
        ),
        "The step takes the old velocity without μ. Move the parameters along the new velocity.": (
            _momentum(step=lambda v, g, eta, mu, old: eta * (old + g))
        ),
        "The velocity is updated twice in a step.": _momentum(lambda v, g, eta, mu: mu * (mu * v + g) + g),
        "You have exchanged velocity and gradients: compare the names in the `for` with the lists in the `zip`.": (
            lambda parameters, gradients, velocity, eta, mu: _momentum_step(parameters, velocity, gradients, eta, mu)
        ),
        "The gradient multiplies the velocity. It is to be added.": _momentum(lambda v, g, eta, mu: (mu + g) * v),
        "μ is missing: without it a velocity never forgets.": _momentum(lambda v, g, eta, mu: v + g),
        "`v += μ v` adds to the old velocity, so it is (1 + μ)v. It has to shrink to μv.": (
            _momentum(lambda v, g, eta, mu: (1 + mu) * v + g)
        ),
        "μ multiplies the new gradient. It belongs to the old velocity only.": [
            _momentum(lambda v, g, eta, mu: mu * (v + g)),
            _momentum(lambda v, g, eta, mu: v + mu * g),
        ],
        "The old velocity is lost: the new one is the gradient alone.": _momentum(lambda v, g, eta, mu: g),
        "The learning rate is missing from the step.": _momentum(step=lambda v, g, eta, mu, old: v),
        "You have exchanged η and μ. As in the stub's first line, η comes before μ.": (
            lambda parameters, gradients, velocity, mu, eta: _momentum_step(parameters, gradients, velocity, eta, mu)
        ),
        _UPHILL: _momentum(step=lambda v, g, eta, mu, old: -eta * v),
    },
    second_hint="Two lines for each array: first the velocity shrinks by μ and takes the gradient in, then the "
    "parameters move by η along it. Both lines change an array that is there.",
    praise="With a velocity of 0 it is sgd_step, and it is what `SGD` does.",
)

# ------------------------------------------------------------------------------------------------ 5.3

LARGEST_RATE = NumberExercise(
    name="largest_rate",
    number="5.3",
    task="Find, by halving from 3.2, the first learning rate whose training loss is below 1 after three epochs.",
    reference=lambda: 0.8,  # a test trains with it, and with twice as much
    tolerance=1e-4,
    mistakes={
        "At that rate the loss ends above 2, as before training. Go on halving until it is below 1.": 3.2,
        "That is the last rate that fails; give the first that does not.": 1.6,
        "The loss is below 1 there, but twice that rate works too. Come down from 3.2, and stop at the first rate that "
        "works.": [0.4, 0.2, 0.1, 0.05, 0.025, 0.0125],
        "Is that the loss, or the number of halvings? Give the learning rate that led to it.": [(0.26, 0.28), 2],
        "A learning rate is above 0. Halving 3.2 never leads to 0 or below.": (-1e9, 0),
    },
    any_hint="The rates to try are 3.2, half of it, half of that, and so on. Which is the first with a loss below 1?",
    second_hint="Write a function of the rate that makes a fresh network, calls `fit`, and returns "
    "`history.train_loss[-1]`. Then call it with 3.2, 1.6 and so on.",
    praise="Twice that rate fails: now repair it.",
)

_STEPS = 40  # in an epoch: 5,000 images in batches of 128
_TOO_LARGE = {  # (at the start, at the end)
    (True, True): "It is too large at the start, and at the end. When in a run does a large step do harm, and which?",
    (True, False): "The end is calm, but the harm was done in the first steps: units thrown so far that they are off "
    "for every image learn no more. How could it begin?",
    (False, True): "The start is gentle, but the steps are large at the end, where a run should settle.",
    (False, False): "It begins and ends gently. In between, is its top too high, too sudden or too long?",
}


def _first(name, size, offset):
    """The first bytes of one of MNIST's files: all of it would take longer than the training."""
    folder = course_folder("data", f"{name}*")
    with unpacked(next(folder.glob(f"{name}*"), folder / name)) as file:
        return np.frombuffer(read_exactly(file, offset + size), np.uint8)[offset:]


@lru_cache(maxsize=1)
def _digits():
    """What `load_mnist().train[:5000]` holds."""
    images = _first("train-images-idx3-ubyte", 5000 * 784, 16).reshape(5000, 784)
    return Dataset(np.divide(images, 255, dtype=np.float32), _first("train-labels-idx1-ubyte", 5000, 8).astype(int))


@lru_cache(maxsize=64)
def _loss_after(epochs, rates, dtype="float64"):
    """The training loss of the exercise's network after so many epochs. rates: one for each step."""
    net = Network([784, 64, 10], seed=0, dtype=dtype)
    with quiet():
        schedule = SGD(lambda epoch: rates[round(epoch * _STEPS)])
        history = fit(net, _digits(), epochs=epochs, batch_size=128, optimizer=schedule, progress=False)
    return np.inf if history.diverged else history.train_loss[-1]


def _judge_schedule(schedule):
    require_function(schedule, ("epoch",))
    name = called_name(schedule)
    epochs = [place / _STEPS / 5 for place in range(6 * _STEPS * 5 + 1)]  # finer than the steps: a top may lie between
    asked = []
    outcome = attempt(schedule, {"epoch": 0.0}, lambda f, epoch: [asked.append(e) or f(e) for e in epochs])
    hint = "It is called with any number from 0 to 6, both ends and fractions included."
    of_the_number = outcome.kind in ("TypeError", "IndexError", "KeyError", "ZeroDivisionError", "ValueError")
    answers = require_result(outcome, f"{name}({asked[-1]:g})", hint if of_the_number else "")
    for epoch, rate in zip(epochs, answers, strict=True):
        require(
            numbers(rate) is not None and numbers(rate).ndim == 0 and not isinstance(rate, bool),
            f"{name}({epoch:g}) returned {shown(rate)}.",
            "For each epoch it has to return one number, a learning rate; text is none, and `print` returns nothing.",
        )
        require(
            -1e-9 <= float(rate) < 1e30,
            f"{name}({epoch:g}) returned {shown(rate)}.",
            "A learning rate is a finite number, and never below 0, which would lead uphill.",
        )
    again = attempt(schedule, {"epoch": 0.0}, lambda f, epoch: [f(e) for e in reversed(epochs)][::-1])
    require(
        same(answers, again.result),
        f"{name}(epoch) returned other rates when it was asked again.",
        "A schedule depends on the epoch alone: not on chance, nor on how often or when it is called.",
    )
    top, rates = max(map(float, answers)), tuple(max(float(rate), 0.0) for rate in answers[::5])
    require(
        top >= 0.999 and max(rates) >= 0.9,
        f"The largest learning rate of {name} is {top:g}, and {max(rates):g} where a step is taken.",
        "A smaller rate throughout avoids the question: between 0 and 6 it has to reach 1. (A cosine inside a warm-up "
        "has fallen before the warm-up ends: start it higher.)",
    )
    loss = _loss_after(6, rates, "float32")
    if not loss < 0.3:  # quick where it is clear; else as the task says
        loss = _loss_after(6, rates)
    first, last = max(rates[: _STEPS // 4]), max(rates[-_STEPS // 2 :])  # a quarter of an epoch, and half of one
    require(
        loss < 0.5,
        f"With {name} the training loss after six epochs is {loss:.3g}, and not below 0.5.",
        _TOO_LARGE[first >= 0.8, last >= 0.8]
        if np.median(rates) > 0.02
        else "In half of its steps or more the rate is at most 0.02, and little is learned in them.",
    )
    return outcome.printed


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

STEPS_TO_LIMIT = NumberExercise(
    name="steps_to_limit",
    number="5.4",
    task="Work out after how many steps the velocity reaches 99 % of its limit, with μ = 0.9.",
    reference=lambda: ceil(log(0.01) / log(0.9)),
    tolerance=1e-6,
    mistakes={
        "Steps are whole numbers. After which of them is the velocity there?": [(43.0001, 43.9999), (44.0001, 44.9999)],
        "One too few, as after 43 steps it is just below 99 %. Is it rounded down, or counted from 0?": 43,
        "One too many. After the first step the velocity is g, so n steps add up n terms, from μ⁰ to μⁿ⁻¹.": 45,
        "That is the limit of the velocity in units of g, 1/(1 − μ). The task asks for the number of steps.": 10,
        "That is 99 % of the limit, in units of g: a velocity. The task asks for the number of steps.": 9.9,
        "That is where it reaches 90 %. The missing share has to shrink to 1 − 0.99.": (21.5, 22.5),
        "You have exchanged momentum and share: the missing share is 0.9ⁿ, and has to shrink to 0.01.": (228.5, 230.5),
        "That is for a momentum of 0.99. Here it is 0.9.": (457.5, 459.5),
        "Did you solve 0.9ⁿ = 0.99? The share that is reached is 1 − 0.9ⁿ.": (1e-9, 1),
    },
    any_hint="See it happen: begin with v = 0, let v be 0.9 v + 1 again and again, and count the steps until it is at "
    "99 % of its limit.",
    second_hint="After n steps the velocity is g(1 + μ + … + μⁿ⁻¹) = g(1 − μⁿ)/(1 − μ). Which n makes μⁿ small enough?",
    praise="So a velocity remembers some dozens of steps.",
)

EXERCISES = [SGD_STEP, MOMENTUM_STEP, LARGEST_RATE, REPAIR, STEPS_TO_LIMIT]
