"""The reference networks as plain data, as published and as we train them; `runs` trains them.

A recipe of ours got its settings on the validation images: `choose_settings.py` and `try_elastic.py` in results/ try
them, and results/choice.md and results/elastic-tried.md have what was tried. A run of it has two stages: `held out`
trains on 50,000 images and shows the validation accuracy, `all` starts again on all 60,000, and its network meets the
test images once, after its last epoch; of an ensemble, so does each network. A recipe as published is what its authors'
program did, mistakes included, where that is known (of `sigmoid-64` it is the reading of the text that gives the stated
number), and has the first stage only; one that trains for minutes has the second only. Four earlier forms of
`elastic-mlp` and `elastic-mlp-record` met the test images too: results/elastic-earlier.json.
"""

import difflib
from dataclasses import dataclass, fields, is_dataclass, replace
from math import isclose

import numpy as np

from . import checks
from .averaging import AveragedSGD
from .datasets import fingerprint, n_classes
from .distortions import Distortion
from .files import UserError
from .network import Network
from .optimizers import SGD, CosineSchedule
from .training import fit


@dataclass(frozen=True)
class DividedAgain(SGD):
    """SGD whose gradient, a mean over the batch, is divided once more, as in `momentum-1024`, and maybe `sigmoid-64`.

    Parameters
    ----------
    divisor : float
        By what each gradient of the data is divided once more.
    decay : float
        λ of a penalty that is added after the division, to weights and biases alike; leave the recipe's at 0.
    """

    divisor: float = 1.0
    decay: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        checks.store(self, "divisor", above=0)
        checks.store(self, "decay", at_least=0)

    def step(self, parameters, gradients, state=(), epoch=0.0):
        """As in `SGD`."""
        checks.arrays("gradients", gradients, [p.shape for p in checks.arrays("parameters", parameters)])
        gradients = [g / self.divisor + self.decay * p for p, g in zip(parameters, gradients, strict=True)]
        super().step(parameters, gradients, state, epoch)


@dataclass(frozen=True)
class RateTable:
    """A learning rate for each part of a run: rates[0] from the start, rates[i] from epoch drop_at[i − 1] on."""

    rates: tuple
    drop_at: tuple

    def __post_init__(self):
        object.__setattr__(self, "rates", checks.numbers("rates", self.rates, above=0))
        object.__setattr__(self, "drop_at", checks.numbers("drop_at", self.drop_at, at_least=0))
        if len(self.rates) != len(self.drop_at) + 1:
            raise ValueError(f"rates must be one more than drop_at, not {len(self.rates)} for {len(self.drop_at)}")

    def __call__(self, epoch):
        return self.rates[sum(epoch >= drop for drop in self.drop_at)]

    def stretched(self, factor):
        """The same schedule for a run of so many times the epochs."""
        return replace(self, drop_at=[factor * epoch for epoch in self.drop_at])


_ABOUT = ("name", "measured", "seeds", "published", "remark", "goal")  # changes no network; the rest are its settings


@dataclass(frozen=True)
class Recipe:
    """All that decides how a network comes out, except the seed and the rounding of the machine.

    Parameters
    ----------
    name : str
        Also that of the folder where its results go.
    sizes, activation, output, loss, initialization
        As in `Network`.
    optimizer : SGD or the like
        Its schedule included.
    epochs, batch_size : int
        A batch larger than the training set is the whole of it.
    weight_decay, label_smoothing, augment
        As in `fit`.
    genuine_epochs : int
        The last so many epochs go without `augment`.
    measured : int, optional
        As in `fit`.
    n_validation : int
        How many of the 60,000 training images are held out in the first stage; 0 leaves that stage out.
    all_images : bool
        Whether a second stage trains anew on all 60,000 images.
    ensemble : int
        How many networks are trained on all images, each with a seed of its own, and then averaged.
    data : str, optional
        The fingerprint of the data set, where it is not MNIST; `with_data` sets it.
    seeds : tuple of int
        One run for each.
    published : tuple of float, optional
        The lowest and the highest test accuracy that its authors state.
    remark : str
        What else they say; in a recipe of ours, what they say where there is nothing published to run.
    goal : float, optional
        The test accuracy that the mean of the seeds should reach.
    """

    name: str
    sizes: tuple
    optimizer: SGD
    epochs: int
    batch_size: int
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augment: Distortion | None = None
    genuine_epochs: int = 0
    measured: int | None = None
    activation: str = "relu"
    output: str = "softmax"
    loss: str = "cross_entropy"
    initialization: str | None = None
    n_validation: int = 10_000
    all_images: bool = True
    ensemble: int = 1
    data: str | None = None
    seeds: tuple = (0, 1, 2)
    published: tuple | None = None
    remark: str = ""
    goal: float | None = None

    def network(self, seed):
        """The network before training."""
        return Network(self.sizes, self.activation, self.output, self.loss, self.initialization, seed)

    @property
    def settings(self):
        """What decides how a network comes out, as a dictionary for JSON: the identity of a run, kept with its results.

        An object in it, such as the optimizer, is a dictionary of its fields, with its class as "kind".
        Raises UserError for what cannot be described so, such as a schedule that is a lambda.
        """
        return {name: _described(value, name) for name, value in vars(self).items() if name not in _ABOUT}

    def has_settings(self, stored):
        """Whether `stored` are its settings; a name that is missing there stands for its default.

        So a field that is added later, here or in an optimizer, does not orphan what was stored before.
        """
        about = {name: _described(getattr(self, name), name) for name in _ABOUT}
        return isinstance(stored, dict) and _describes({"kind": "Recipe"} | about | stored, self)

    def with_epochs(self, epochs):
        """The same recipe for another number of epochs; its schedule and genuine_epochs are stretched along."""
        factor, optimizer = epochs / self.epochs, self.optimizer
        schedule = getattr(optimizer, "learning_rate", None)
        if callable(schedule) and epochs != self.epochs:
            if not hasattr(schedule, "stretched"):
                raise UserError(
                    f"{schedule!r} cannot be stretched to {epochs} epochs: give it a method stretched(factor), as "
                    "CosineSchedule has, or replace the schedule and the epochs yourself"
                )
            optimizer = replace(optimizer, learning_rate=schedule.stretched(factor))
        return replace(self, epochs=epochs, optimizer=optimizer, genuine_epochs=round(self.genuine_epochs * factor))

    def with_data(self, data):
        """The same recipe for another data set, MNIST as `load_dataset` gives it: only the number of classes changes.

        What the recipe says of MNIST, such as its goal, is left out. UserError where too few images are there for it.
        """
        there = len(data.train) + len(data.validation)
        if self.n_validation >= there:
            what = f"{self.name} holds out {self.n_validation:,} images, so it needs more than these"
            raise UserError(f"{what} for training; this data set has {there:,}")
        sizes = (*self.sizes[:-1], n_classes(data))
        return replace(self, sizes=sizes, data=fingerprint(data), published=None, remark="", goal=None)

    def fit(self, net, train, seed, **options):
        """Train `net` on a Dataset as the recipe says, and return the History; `options` go to `fit`."""
        settings = {"batch_size": self.batch_size, "optimizer": self.optimizer, "weight_decay": self.weight_decay}
        settings |= {"label_smoothing": self.label_smoothing, "measured": self.measured, "seed": seed} | options
        history = settings.pop("resume", None)
        phases = [(self.epochs - self.genuine_epochs, self.augment)]
        phases += [(self.epochs, None)] if self.genuine_epochs else []
        for epochs, augment in phases:
            # a resumed run may be past the first phase; what does not fit the last one, `fit` refuses
            if history is None or history.epochs <= epochs or epochs == self.epochs:
                history = fit(net, train, epochs=epochs, augment=augment, resume=history, **settings)
                if history.stopped:
                    break
        return history


def _described(value, name):
    if isinstance(value, np.generic):
        value = value.item()
    if is_dataclass(value):
        kept = {field.name: _described(getattr(value, field.name), f"{name}.{field.name}") for field in fields(value)}
        return {"kind": type(value).__name__} | kept
    if isinstance(value, (list, tuple)):
        return [_described(item, name) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UserError(
        f"{name}={value!r} cannot be stored with the results, by which a run is known: write it as a frozen dataclass "
        "with a method __call__, as CosineSchedule is"
    )


def _describes(stored, value):
    if not is_dataclass(value):
        described = _described(value, "")
        close = isinstance(stored, float) and isinstance(described, float) and isclose(stored, described)
        return stored == described or close
    if not isinstance(stored, dict) or stored.get("kind") != type(value).__name__:
        return False
    defaults = {field.name: field.default for field in fields(value)}
    return stored.keys() - {"kind"} <= defaults.keys() and all(
        _describes(stored[name], getattr(value, name)) if name in stored else getattr(value, name) == default
        for name, default in defaults.items()
    )


def _ours(name, learning_rate, weight_decay, epochs, **more):
    """Our training: momentum, half a cosine wave, 30 epochs for all; η and λ were chosen on the validation images."""
    optimizer = SGD(CosineSchedule(learning_rate, epochs), momentum=0.9)
    return Recipe(name=name, optimizer=optimizer, epochs=epochs, weight_decay=weight_decay, **more)


def _published(name, variant="", **more):
    """As its authors trained it, on the images that they did not hold out; whatever comes out."""
    return Recipe(name=f"{name}-as-published{variant}", all_images=False, **more)


def _elastic(name, epochs, batch_size, **more):
    """Toward 99.5 %: distorted images, averaged weights, smoothed labels, and in the end the images as they are."""
    eta = batch_size / 1280
    return Recipe(
        name=name,
        sizes=(784, 1024, 1024, 10),
        optimizer=AveragedSGD(CosineSchedule(eta, epochs, final=eta / 20), momentum=0.9),
        epochs=epochs,
        batch_size=batch_size,
        label_smoothing=0.05,
        augment=Distortion(translate=1.5, rotate=12, scale=0.12, shear=0.12, elastic=1.2),
        genuine_epochs=epochs // 12,
        n_validation=0,
        **more,
    )


_SIGMOID_100 = {"sizes": (784, 100, 10), "activation": "sigmoid"}
_MOMENTUM_1024 = {"sizes": (784, 1024, 10)}
_RELU_128_64 = {"sizes": (784, 128, 64, 10)}
_SOFTMAX_REGRESSION = {"sizes": (784, 10)}
_MLP_2LAYER = {"sizes": (784, 128, 10), "activation": "sigmoid"}  # its authors do not state size and activation
_SIGMOID_64 = {"sizes": (784, 64, 10), "activation": "sigmoid"}
_EVERYTHING = 60_000  # as a batch size: one update an epoch

RECIPES = {
    recipe.name: recipe
    for recipe in [
        _ours(
            "sigmoid-100",
            0.8,
            5e-5,
            30,
            batch_size=64,
            goal=0.982,
            remark="98 % as a goal, not reached",
            **_SIGMOID_100,
        ),
        _ours("momentum-1024", 0.1, 1e-4, 30, batch_size=128, goal=0.984, **_MOMENTUM_1024),
        _published(
            "momentum-1024",
            optimizer=DividedAgain(
                RateTable((0.01, 0.005, 0.001, 0.0005), drop_at=(30, 50, 65)),
                momentum=0.9,
                clip_value=5.0,
                divisor=128,  # the loss divides by the batch, and each layer does again
                decay=1e-4,
            ),
            epochs=80,
            batch_size=128,
            n_validation=6_000,
            published=(0.9425, 0.9425),
            **_MOMENTUM_1024,
        ),
        _ours("relu-128-64", 0.1, 1e-4, 30, batch_size=128, goal=0.982, **_RELU_128_64),
        _published(
            "relu-128-64",
            optimizer=SGD(0.1),
            epochs=250,
            batch_size=_EVERYTHING,
            n_validation=4_000,
            published=(0.90, 0.93),
            **_RELU_128_64,
        ),
        _published(
            "relu-128-64",
            "-mini",
            optimizer=SGD(0.1),
            epochs=30,
            batch_size=128,
            n_validation=4_000,
            remark="the run that their text credits with 90 to 93 %",
            **_RELU_128_64,
        ),
        _ours(
            "softmax-regression",
            0.05,
            0.0,
            30,
            batch_size=64,
            goal=0.923,
            remark="about 92 %, quoted for logistic regression",
            **_SOFTMAX_REGRESSION,
        ),
        _ours("mlp-2layer", 0.4, 5e-5, 30, batch_size=64, goal=0.981, **_MLP_2LAYER),
        _published(
            "mlp-2layer",
            optimizer=SGD(1.0),
            epochs=10,
            batch_size=64,
            weight_decay=1e-4,
            initialization=0.001,
            n_validation=12_000,
            published=(0.9711, 0.9711),
            **_MLP_2LAYER,
        ),
        _ours("sigmoid-64", 0.4, 1e-4, 30, batch_size=64, goal=0.978, **_SIGMOID_64),
        _published(
            "sigmoid-64",
            optimizer=DividedAgain(5.0, divisor=45),  # the sum over a batch of 1,000 divided by all 45,000 images
            epochs=230,
            batch_size=1000,
            initialization=0.01,
            n_validation=15_000,
            published=(0.949, 0.949),
            **_SIGMOID_64,
        ),
        _elastic("elastic-mlp", 90, 256, goal=0.995),
        _elastic("elastic-mlp-record", 240, 128, goal=0.9965, measured=10_000, ensemble=4, seeds=(0,)),
    ]
}


def find_recipe(name):
    """The recipe of that name; UserError that names similar ones when there is none."""
    if not isinstance(name, str):
        raise TypeError(f"name must be the name of a recipe, not {name!r}")
    if name in RECIPES:
        return RECIPES[name]
    similar = difflib.get_close_matches(name, RECIPES, n=2, cutoff=0.4)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "the command `recipes` lists them."
    raise UserError(f"there is no recipe {name!r}; {hint}")
