"""Runs: `run_recipe` trains a recipe's network, evaluates it and saves it; interrupted, it goes on where it was."""

import json
import os
import re
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import checks
from .averaging import ensemble
from .data import load_mnist, split
from .files import FileFormatError, arrays_in, replacing
from .functions import OUTPUTS
from .network import Network
from .recipes import Recipe
from .training import History

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


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
        networks.append(recipe.optimizer.result(net, history.optimizer_state))

    net = networks[-1] if recipe.committee == 1 else ensemble(networks[-recipe.committee :])
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
    return {key: value for key, value in vars(history).items() if key not in (("optimizer_state", "batch_loss"))}


def _history(lists):
    """The History of which `_lists` made them; TypeError, ValueError or OverflowError when they are not of a run."""
    history = checks.whole_history(History(**lists))
    for values in vars(history).values():
        if isinstance(values, list) and values is not history.optimizer_state:
            [float(value) for value in values]  # a whole number of hundreds of digits raises OverflowError
    if not history.train_loss:
        raise ValueError("the history is empty")
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
    arrays |= {f"velocity{i}": array for i, array in enumerate(history.optimizer_state)}
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
        history.optimizer_state = [arrays[f"velocity{i}"] for i in range(len(arrays) - len(saved) - 2)]
    except MemoryError:
        raise
    except Exception:  # the readers of a damaged file raise errors of a dozen kinds
        raise damaged from None
    if settings != recipe.settings:
        raise ValueError(f"{path} was made with other settings (epochs?); give the same, or delete it to start again")
    expected = [*net.parameters(), *recipe.optimizer.initial_state(net.parameters())]
    if [(a.shape, a.dtype) for a in [*saved, *history.optimizer_state]] != [(a.shape, a.dtype) for a in expected]:
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
