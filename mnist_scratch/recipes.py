"""The reference networks as plain data, as published and as we train them; `run_recipe` trains, evaluates and saves.

A recipe of ours got its settings on the validation images: `tools/choose_settings.py` and `tools/try_elastic.py` try
them, and results/choice.md and results/elastic-tried.json have what was tried. A run of it has two stages: `held out`
trains on 50,000 images and shows the validation accuracy, `all` starts again on all 60,000, and its network meets the
test images once, after its last epoch. A recipe as published has the first stage only, one that trains for minutes the
second only. Of `elastic-mlp` three earlier forms met the test images too: results/elastic-earlier.json.
"""

import difflib
import json
import os
import re
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import checks
from .data import FileFormatError, arrays_in, load_mnist, replacing, split
from .distortions import Distortion
from .functions import OUTPUTS
from .network import Network, committee
from .optimizers import SGD, AveragedSGD, CosineSchedule, StepSchedule
from .training import History, fit

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@dataclass(frozen=True)
class Recipe:
    """All that decides how a network comes out, but for the seed and the rounding of the machine.

    sizes, activation, output, loss, initialization: as in Network. optimizer: an SGD, its schedule included.
    weight_decay: λ. label_smoothing, augment: as in `fit`; the last genuine_epochs go without augment. n_validation:
    how many of the 60,000 training images are held out in the first stage; 0 leaves it out. all_images: whether a
    second stage trains anew on all 60,000. committee: how many networks are trained on them, each with a seed of its
    own, and then averaged. published: the lowest and the highest test accuracy its authors state, if any, and remark
    what else they say. goal: the test accuracy that the mean of the seeds should reach.
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
    activation: str = "relu"
    output: str = "softmax"
    loss: str = "cross_entropy"
    initialization: str | None = None
    n_validation: int = 10_000
    all_images: bool = True
    committee: int = 1
    seeds: tuple = (0, 1, 2)
    published: tuple | None = None
    remark: str = ""
    goal: float | None = None

    def network(self, seed):
        """The network before training."""
        return Network(self.sizes, self.activation, self.output, self.loss, self.initialization, seed)

    @property
    def settings(self):
        """What decides how a network comes out, as text: all but the names and the figures of others."""
        names = set(vars(self)) - {"name", "seeds", "published", "remark", "goal"}
        later = ("label_smoothing", "augment", "genuine_epochs", "committee")  # not in the text of older results
        names -= {name for name in later if getattr(self, name) == getattr(Recipe, name)}
        return ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name in names)

    def with_epochs(self, epochs):
        """The same recipe for another number of epochs; a cosine schedule and genuine_epochs are stretched with it."""
        optimizer, genuine_epochs = self.optimizer, round(self.genuine_epochs * epochs / self.epochs)
        if isinstance(optimizer.learning_rate, CosineSchedule):
            optimizer = replace(optimizer, learning_rate=replace(optimizer.learning_rate, epochs=epochs))
        return replace(self, epochs=epochs, optimizer=optimizer, genuine_epochs=genuine_epochs)

    def fit(self, net, train, seed, **options):
        """Train net on a Dataset as the recipe says, and return the History; options go to `fit`."""
        batch_size = min(self.batch_size, len(train))
        settings = {"batch_size": batch_size, "optimizer": self.optimizer, "weight_decay": self.weight_decay}
        settings |= {"label_smoothing": self.label_smoothing, "seed": seed} | options
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


def _ours(name, learning_rate, weight_decay, epochs, **more):
    """Our training: momentum, half a cosine wave, 30 epochs for all; η and λ were chosen on the validation images."""
    optimizer = SGD(CosineSchedule(learning_rate, epochs), momentum=0.9)
    return Recipe(name=name, optimizer=optimizer, epochs=epochs, weight_decay=weight_decay, **more)


def _published(name, variant="", **more):
    """As its authors trained it, on the images that they did not hold out; whatever comes out."""
    return Recipe(name=f"{name}-as-published{variant}", all_images=False, **more)


def _elastic(name, epochs, **more):
    """Towards 99.5 %: distorted images, averaged weights, smoothed labels, and in the end the images as they are."""
    return Recipe(
        name=name,
        sizes=(784, 1024, 1024, 10),
        optimizer=AveragedSGD(CosineSchedule(0.2, epochs, final=0.01), momentum=0.9),
        epochs=epochs,
        batch_size=256,
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
        _ours("sigmoid-100", 0.8, 5e-5, 30, batch_size=64, goal=0.982, **_SIGMOID_100),
        _published(
            "sigmoid-100",
            optimizer=SGD(0.5),
            epochs=30,
            batch_size=10,
            weight_decay=1e-4,
            output="sigmoid",
            loss="binary_cross_entropy",
            remark="98 % as a goal, not reached",
            **_SIGMOID_100,
        ),
        _ours("momentum-1024", 0.1, 1e-4, 30, batch_size=128, goal=0.984, **_MOMENTUM_1024),
        _published(
            "momentum-1024",
            optimizer=SGD(StepSchedule(0.01, drop_at=(30, 50, 65)), momentum=0.9, clip_value=5.0),
            epochs=80,
            batch_size=128,
            weight_decay=1e-4,
            published=(0.9425, 0.9425),
            **_MOMENTUM_1024,
        ),
        _ours("relu-128-64", 0.1, 1e-4, 30, batch_size=128, goal=0.982, **_RELU_128_64),
        _published(
            "relu-128-64",
            optimizer=SGD(0.01),  # its authors do not state the rate
            epochs=30,
            batch_size=128,
            published=(0.90, 0.93),
            **_RELU_128_64,
        ),
        _published(
            "relu-128-64",
            "-batch",
            optimizer=SGD(0.01),
            epochs=250,
            batch_size=_EVERYTHING,
            remark="said not to converge effectively",
            **_RELU_128_64,
        ),
        _ours("softmax-regression", 0.05, 0.0, 30, batch_size=64, goal=0.923, **_SOFTMAX_REGRESSION),
        _published(
            "softmax-regression",
            optimizer=SGD(1.0),
            epochs=30,
            batch_size=64,
            weight_decay=1e-4,
            remark="about 92 %, quoted for logistic regression",
            **_SOFTMAX_REGRESSION,
        ),
        _ours("mlp-2layer", 0.4, 5e-5, 30, batch_size=64, goal=0.981, **_MLP_2LAYER),
        _published(
            "mlp-2layer",
            optimizer=SGD(1.0),
            epochs=30,
            batch_size=64,
            weight_decay=1e-4,
            published=(0.9711, 0.9711),
            **_MLP_2LAYER,
        ),
        _ours("sigmoid-64", 0.4, 1e-4, 30, batch_size=64, goal=0.978, **_SIGMOID_64),
        _published(
            "sigmoid-64",
            optimizer=SGD(3.0),
            epochs=230,
            batch_size=1000,  # its authors do not state the size of their mini-batches
            loss="binary_cross_entropy",
            n_validation=15_000,
            published=(0.949, 0.949),
            **_SIGMOID_64,
        ),
        _published(
            "sigmoid-64",
            "-batch",
            optimizer=SGD(1.0),
            epochs=300,
            batch_size=_EVERYTHING,
            loss="binary_cross_entropy",
            n_validation=15_000,
            remark="where its authors began",
            **_SIGMOID_64,
        ),
        _elastic("elastic-mlp", 90, goal=0.995),
        _elastic("elastic-mlp-record", 130, goal=0.996, committee=4, seeds=(0,)),
    ]
}


def find_recipe(name):
    """The recipe of that name; ValueError that names similar ones when there is none."""
    if not isinstance(name, str):
        raise TypeError(f"name must be the name of a recipe, not {name!r}")
    if name in RECIPES:
        return RECIPES[name]
    similar = difflib.get_close_matches(name, RECIPES, n=2, cutoff=0.4)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "the command `recipes` lists them."
    raise ValueError(f"there is no recipe {name!r}; {hint}")


# ---------------------------------------------------------------------------------------------------- running one


class Run(NamedTuple):
    """What `run_recipe` leaves: the network that met the test images, the histories of the stages by name, the numbers
    for summary.json, and whether the stop button ended it early; then numbers is None and nothing but the checkpoint
    was written."""

    net: Network
    histories: dict
    numbers: dict | None
    interrupted: bool


def run_recipe(recipe, seed=0, folder=None, *, resume=False, progress=True, on_epoch=None):
    """Train one network as the recipe says, evaluate it, save it; returns a Run.

    folder: where the results go, by default results/<recipe>: model.npz (the network of the lowest seed),
    history.json (by seed and stage), summary.json (a list a key, one entry a seed; training accuracy, the mean of a
    committee's, and seconds, their sum, are of the network that met the test images; validation_accuracy is null where
    nothing was held out), misread.json (by seed, a list [row, answer, its probability] for each test image that was
    misread). During the run a checkpoint is replaced after each epoch; resume goes on from it, with the same result as
    an unbroken run, to the bit with the same number of BLAS threads. on_epoch: called with the stage's name and its
    History after each epoch. The stop button (KeyboardInterrupt) keeps the checkpoint.

    Raises OSError when the folder cannot be written; ValueError, before anything is changed, when another run is
    writing into it (Windows cannot tell), when it holds an unfinished run and resume is not set, or results of other
    settings; FileFormatError for a damaged file.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, such as find_recipe gives, not {recipe!r}")
    checks.integer("seed", seed, 0)
    resume, progress = checks.flag("resume", resume), checks.flag("progress", progress)
    if on_epoch is not None:
        checks.function("on_epoch", on_epoch)
    folder = Path("results", recipe.name) if folder is None else Path(checks.path("folder", folder))
    with closing(_Lock(folder)) as lock, closing(lock):  # twice: the stop button may be pressed while it closes
        return _run(recipe, seed, folder, resume, progress, on_epoch)


def _run(recipe, seed, folder, resume, progress, on_epoch):
    check_folder(recipe, seed, folder, resume)
    mnist = load_mnist(n_validation=0)
    train, validation = split(mnist.train, [len(mnist.train) - recipe.n_validation, recipe.n_validation])

    networks, histories = [], {}
    checkpoints = _checkpoints(folder, recipe, seed)
    for (stage, own_seed), checkpoint in zip(_stages(recipe, seed).items(), checkpoints, strict=True):
        images, held_out = (train, validation) if stage == "held out" else (mnist.train, None)
        net = recipe.network(own_seed)
        history = _load_checkpoint(checkpoint, recipe, net) if checkpoint.exists() else None

        def save(history, net=net, stage=stage, checkpoint=checkpoint):
            _save_checkpoint(checkpoint, recipe, net, history)
            if on_epoch is not None:
                on_epoch(stage, history)

        options = {"validation": held_out, "progress": progress, "resume": history, "on_epoch": save}
        histories[stage] = history = recipe.fit(net, images, own_seed, **options)
        if history.stopped and not history.diverged:
            return Run(net, histories, None, interrupted=True)
        networks.append(recipe.optimizer.result(net, history.velocity))

    net = networks[-1] if recipe.committee == 1 else committee(networks[-recipe.committee :])
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverged may have left any weights
        logits = net.forward(mnist.test.images)
        probabilities = np.nan_to_num(OUTPUTS[net.output](logits))  # JSON knows no NaN
    answers = logits.argmax(axis=1)
    correct = answers == mnist.test.labels
    last = list(histories.values())[-recipe.committee :]
    numbers = {
        "seed": seed,
        "settings": recipe.settings,
        "train_accuracy": sum(history.train_accuracy[-1] for history in last) / len(last),
        "validation_accuracy": histories["held out"].validation_accuracy[-1] if recipe.n_validation else None,
        "test_accuracy": float(correct.mean()),
        "seconds": round(sum(history.seconds[-1] for history in last), 2),
        "digit_accuracy": [round(float(correct[mnist.test.labels == digit].mean()), 4) for digit in range(10)],
    }
    wrong = np.flatnonzero(~correct)
    misread = [[row.item(), answers[row].item(), probabilities[row].max().item()] for row in wrong]
    _save_results(folder, net, histories, numbers, misread)
    _remove_checkpoints(folder, recipe, seed)
    return Run(net, histories, numbers, interrupted=False)


def finished(recipe, seed, folder):
    """Whether the folder has this seed's results already."""
    summary = load_summary(folder)
    return (seed, recipe.settings) in zip(summary.get("seed", []), summary.get("settings", []), strict=True)


def load_summary(folder):
    """The numbers of a folder's runs, a list a key, one entry a seed; empty when there are none.

    Raises FileFormatError when the file is damaged.
    """
    path = Path(checks.path("folder", folder), "summary.json")
    summary = _load_json(path)
    if not summary:
        return {}
    columns = [summary.get(name) for name in ("settings", "validation_accuracy", *_NUMBERS, "digit_accuracy")]
    if not all(isinstance(column, list) for column in [*columns, *summary.values()]):
        raise _damaged(path)
    settings, validation, *numbers, digits = columns
    numbers.append([value for value in validation if value is not None])  # where nothing was held out
    if not all(map(_numbers_only, [*numbers, *digits])) or not all(isinstance(text, str) for text in settings):
        raise _damaged(path)
    if len({*map(len, summary.values())}) > 1 or not settings:
        raise _damaged(path)
    return summary


def load_histories(folder):
    """{seed: {stage: History}} of a folder's runs; empty when there are none. Raises FileFormatError."""
    path = Path(checks.path("folder", folder), "history.json")
    try:
        histories = {
            int(seed): {stage: _history(lists) for stage, lists in stages.items()}
            for seed, stages in _load_json(path).items()
        }
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise _damaged(path) from None
    if not all(histories.values()):
        raise _damaged(path)
    return histories


_NUMBERS = ("seed", "train_accuracy", "test_accuracy", "seconds")


def _numbers_only(values):
    return isinstance(values, list) and all(
        type(value) in (int, float) and abs(value) < 1e9
        for value in values  # NaN is not below, either
    )


class _Lock:
    """Keeps other runs out of a folder: each adds its seed to the same files. A killed process holds nothing back."""

    _opened = None

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        if fcntl is not None:
            self._opened = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(self._opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                advice = "wait for it, or name another folder (--out)"
                raise ValueError(f"{folder}: another run is writing its results here; {advice}") from None
            except OSError:
                pass  # some network file systems know no locks

    def close(self):
        if self._opened is not None:
            with suppress(OSError):
                os.close(self._opened)
        self._opened = None


def check_folder(recipe, seed, folder, resume=False):
    """Make the folder, and raise what `run_recipe` raises for what is in it, before anything is changed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):  # better now than after an hour of training
        pass
    _load_json(folder / "misread.json")
    if not set(load_summary(folder).get("seed", [])) <= set(load_histories(folder)):
        raise _damaged(folder / "history.json")
    if set(load_summary(folder).get("settings", [])) - {recipe.settings}:
        raise ValueError(
            f"{folder} holds results of other settings (epochs?): name another folder (--out), so that none are lost"
        )
    if finished(recipe, seed, folder):
        _remove_checkpoints(folder, recipe, seed)  # of a run that was killed when all but this was done
    unfinished = [path for path in _checkpoints(folder, recipe, seed) if path.exists()]
    if unfinished and not resume:
        raise ValueError(f"{unfinished[-1]} is an unfinished run: go on with --resume, or delete it to start again")


def _save_results(folder, net, histories, numbers, misread):
    seed = numbers["seed"]
    _save_json(folder / "misread.json", _load_json(folder / "misread.json") | {str(seed): misread})
    stored = load_histories(folder)
    stored[seed] = histories
    summary = load_summary(folder)
    rows = [dict(zip(summary, row, strict=True)) for row in zip(*summary.values(), strict=True)]
    rows = sorted([row for row in rows if row["seed"] != seed] + [numbers], key=lambda row: row["seed"])
    if seed == rows[0]["seed"]:
        net.save(folder / "model.npz")
    as_lists = {str(seed): {name: _lists(h) for name, h in stages.items()} for seed, stages in sorted(stored.items())}
    _save_json(folder / "history.json", as_lists)
    _save_json(folder / "summary.json", {key: [row[key] for row in rows] for key in numbers})


def _lists(history):
    """A History without the optimizer's state and the losses of single batches, which make it large."""
    return {key: value for key, value in vars(history).items() if key not in ("velocity", "batch_loss")}


def _history(lists):
    """The History of which `_lists` made them; TypeError, ValueError or OverflowError when they are not of a run."""
    history = History(**lists)
    for values in vars(history).values():
        if isinstance(values, list) and values is not history.velocity:
            [float(value) for value in values]  # a whole number of hundreds of digits raises OverflowError
    if not (history.train_loss and history.whole()):
        raise ValueError("the lists do not have one entry for each epoch")
    return history


# ------------------------------------------------------------------------------------- files: arrays and JSON only


def _stages(recipe, seed):
    """The stages of a run in their order, and for each the seed of its network."""
    stages = {"held out": seed} if recipe.n_validation else {}
    if recipe.committee > 1:  # no two runs share a network
        return stages | {f"all {i + 1}": seed * recipe.committee + i for i in range(recipe.committee)}
    return stages | ({"all": seed} if recipe.all_images else {})


def _checkpoints(folder, recipe, seed):
    """The files of the stages, in the same order."""
    return [folder / f"checkpoint-seed{seed}-{stage.replace(' ', '-')}.npz" for stage in _stages(recipe, seed)]


def _remove_checkpoints(folder, recipe, seed):
    for path in _checkpoints(folder, recipe, seed):
        path.unlink(missing_ok=True)


def _save_checkpoint(path, recipe, net, history):
    arrays = {f"parameter{i}": array for i, array in enumerate(net.parameters())}
    arrays |= {f"velocity{i}": array for i, array in enumerate(history.velocity)}
    with replacing(path) as file:
        np.savez(file, settings=recipe.settings, history=json.dumps(_lists(history)), **arrays)


def _load_checkpoint(path, recipe, net):
    """Put a checkpoint's parameters into net, and return its History."""
    content = path.read_bytes()  # what keeps a file from being read is not called damage
    damaged = FileFormatError(f"{path}: not a checkpoint, or damaged since. Delete it to start again.")
    try:
        arrays = arrays_in(content)
        settings = str(arrays["settings"])
        history = _history(json.loads(str(arrays["history"])))
        saved = [arrays[f"parameter{i}"] for i in range(len(net.parameters()))]
        history.velocity = [arrays[f"velocity{i}"] for i in range(len(arrays) - len(saved) - 2)]
    except MemoryError:
        raise
    except Exception:  # the readers of a damaged file raise errors of a dozen kinds
        raise damaged from None
    if settings != recipe.settings:
        raise ValueError(f"{path} was made with other settings (epochs?); give the same, or delete it to start again")
    expected = [*net.parameters(), *recipe.optimizer.initial_velocity(net.parameters())]
    if [(a.shape, a.dtype) for a in [*saved, *history.velocity]] != [(a.shape, a.dtype) for a in expected]:
        raise damaged
    for parameter, array in zip(net.parameters(), saved, strict=True):
        parameter[...] = array
    return history


def _save_json(path, content):
    with replacing(path) as file:
        # seven digits, a line a list: small, and a diff shows what changed
        text = json.dumps(_rounded(content), indent=1)
        file.write((_lists_on_one_line(text) + "\n").encode())


def _rounded(content):
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value) for value in content]
    return float(f"{content:.7g}") if isinstance(content, float) else content


def _lists_on_one_line(text):
    return re.sub(r"\[[^\[\]]*\]", lambda match: " ".join(match[0].split()), text)


def _load_json(path):
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise _damaged(path) from None
    if not isinstance(content, dict):
        raise _damaged(path)
    return content


def _damaged(path):
    return FileFormatError(f"{path}: not what `train` wrote, or damaged since. Move it away, or restore it.")
