"""Runs of recipes: trained, evaluated and saved; interrupted or killed, a run goes on where it was."""

import ast
import json
import os
import re
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import checks
from .averaging import ensemble
from .data import Dataset, load_mnist, split
from .files import FileFormatError, UserError, course_folder, load_arrays, remove_leftovers, replacing, save_arrays
from .functions import OUTPUTS
from .network import Network
from .recipes import Recipe
from .training import History

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


class Run(NamedTuple):
    """What `run_recipe` returns.

    net: the network that met the test images. histories: the History of each stage by name. numbers: this seed's in
    summary.json; None when the stop button ended the run early, and only checkpoints were written.
    """

    net: Network
    histories: dict
    numbers: dict | None

    @property
    def interrupted(self):
        """Whether the stop button ended it early."""
        return self.numbers is None


def run_recipe(recipe, seed=0, folder=None, *, data=None, resume=False, progress=True, on_epoch=None):
    """Train one network as the recipe says, evaluate it, and save it.

    Parameters
    ----------
    recipe : Recipe
    seed : int
    folder : str or Path, optional
        Where the results go; by default runs/<recipe>, in the working directory.
    data : MNIST, optional
        Another data set, as `load_dataset` gives it; the recipe's own settings decide how many images are held out. By
        default MNIST.
    resume : bool
        Go on with the unfinished run in the folder, if there is one. The result is that of an unbroken run, to the bit
        with the same number of BLAS threads.
    progress : bool
        Show a bar.
    on_epoch : function, optional
        Called with the stage's name and its History after each epoch.

    Returns
    -------
    Run
        The stop button (KeyboardInterrupt) ends it early, and keeps the checkpoints.

    Raises
    ------
    OSError
        When the folder cannot be written.
    UserError
        Before anything is changed: when another run is writing into the folder (Windows cannot tell), when it holds an
        unfinished run and `resume` is not set, or results of other settings, or when the recipe has a part that cannot
        be stored. Among them FileFormatError, for a damaged file.

    Notes
    -----
    The files are model.npz (the network of the lowest seed); history.json (by seed and stage); summary.json (the
    settings, then a list for each number, with one entry a seed); and misread.json (by seed, [row, answer, its
    probability] for each test image that was misread). Training accuracy, the mean of an ensemble's, and seconds, their
    sum, are of the network that met the test images; where the recipe says how many images are measured, the accuracies
    in training are of these. validation_accuracy is null where nothing was held out, and in digit_accuracy a class
    without test images is. accuracy_of_each is the test accuracy of each network of an ensemble by itself. During the
    run, a checkpoint for each stage is replaced after each epoch.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, such as find_recipe gives, not {recipe!r}")
    checks.integer("seed", seed, 0)
    resume, progress = checks.flag("resume", resume), checks.flag("progress", progress)
    if on_epoch is not None:
        checks.function("on_epoch", on_epoch)
    folder = Path("runs", recipe.name) if folder is None else Path(checks.path("folder", folder))
    if data is not None:
        recipe = recipe.with_data(checks.like("data", data, ("train", "validation", "test"), "what load_dataset gives"))
    elif recipe.data is not None:
        raise ValueError("the recipe is one with_data: give that data, too")
    _ = recipe.settings  # raises what cannot be stored, before the folder is made
    with alone_in(folder):
        check_folder(recipe, seed, folder, resume)
        return _run(recipe, seed, folder, data, progress, on_epoch)


def _run(recipe, seed, folder, data, progress, on_epoch):
    mnist = load_mnist(n_validation=0) if data is None else data
    images = _joined(mnist.train, mnist.validation)
    train, validation = split(images, [len(images) - recipe.n_validation, recipe.n_validation])
    networks, histories = [], {}
    for stage, own_seed in _stages(recipe, seed).items():
        net, checkpoint = recipe.network(own_seed), _checkpoint(folder, seed, stage)

        def save(history, net=net, stage=stage, checkpoint=checkpoint):
            _save_checkpoint(checkpoint, recipe, net, history)
            if on_epoch is not None:
                on_epoch(stage, history)

        options = {"progress": progress, "on_epoch": save}
        options["resume"] = _load_checkpoint(checkpoint, recipe, net) if checkpoint.exists() else None
        seen, options["validation"] = (train, validation) if stage == "held out" else (images, None)
        histories[stage] = history = recipe.fit(net, seen, own_seed, **options)
        if history.stopped and not history.diverged:
            return Run(net, histories, None)
        if not history.train_loss:
            raise UserError(f"{recipe.name}: {history.stopped}")
        result = getattr(recipe.optimizer, "result", None)
        networks.append(result(net, history.optimizer_state) if result else net)

    networks = networks[-recipe.ensemble :]
    net = networks[0] if recipe.ensemble == 1 else ensemble(networks)
    last = list(histories.values())[-recipe.ensemble :]
    numbers = {
        "seed": seed,
        "train_accuracy": sum(history.train_accuracy[-1] for history in last) / len(last),
        "validation_accuracy": histories["held out"].validation_accuracy[-1] if recipe.n_validation else None,
    }
    tested, misread = _tested(net, mnist.test)
    if recipe.ensemble > 1:
        tested["accuracy_of_each"] = [_tested(one, mnist.test)[0]["test_accuracy"] for one in networks]
    numbers |= tested | {"seconds": round(sum(history.seconds[-1] for history in last), 2)}
    _save_results(folder, recipe, net, histories, numbers, misread)
    _remove_checkpoints(folder, recipe, seed)
    return Run(net, histories, numbers)


def _joined(train, validation):
    """Two Datasets as one."""
    if len(validation) == 0:
        return train
    images = np.concatenate([train.images, validation.images])
    return Dataset(images, np.concatenate([train.labels, validation.labels]), train.names)


def _stages(recipe, seed):
    """The stages of a run in their order, and for each the seed of its network."""
    stages = {"held out": seed} if recipe.n_validation else {}
    if recipe.ensemble > 1:  # no two runs share a network
        return stages | {f"all {i + 1}": seed * recipe.ensemble + i for i in range(recipe.ensemble)}
    return stages | ({"all": seed} if recipe.all_images else {})


def _tested(net, test):
    """The test accuracies, and [row, answer, its probability] for each image that was misread."""
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverged may have left any weights
        logits = net.forward(test.images)
        probabilities = np.nan_to_num(OUTPUTS[net.output](logits)).max(axis=1)  # JSON knows no NaN
    answers = logits.argmax(axis=1)
    correct = answers == test.labels
    counts = np.bincount(test.labels, minlength=net.sizes[-1])
    right = np.bincount(test.labels, correct, minlength=len(counts))
    digits = [round(float(k / n), 4) if n else None for k, n in zip(right, counts, strict=True)]
    misread = [[row.item(), answers[row].item(), probabilities[row].item()] for row in np.flatnonzero(~correct)]
    return {"test_accuracy": float(correct.mean()), "digit_accuracy": digits}, misread


# ------------------------------------------------------------------------------------------------ the folder of a run


def results_folder():
    """The folder of the course's own results, found from any working directory."""
    return course_folder("results", "*/summary.json")


def existing_folder(folder):
    """The folder of some runs as a Path; FileNotFoundError if there is none: that must not pass for no results yet."""
    folder = Path(checks.path("folder", folder))
    if not folder.is_dir():
        remedy = "`train` makes one, and `results_folder()` is that of the course's own results"
        raise FileNotFoundError(f"{folder.absolute()}: there is no such folder; {remedy}")
    return folder


@contextmanager
def alone_in(folder):
    """Keep other runs out of a folder, for each adds its seed to the same files; makes the folder.

    UserError when another one is in it. Files that a killed process left unfinished are removed.
    """
    with closing(_Lock(folder)) as lock, closing(lock):  # twice: the stop button may be pressed while it closes
        if lock.held:
            remove_leftovers(folder)
        yield


class _Lock:
    """Held until it is closed, or its process ends, however it ends."""

    _opened, held = None, False

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            return
        self._opened = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.held = True
        except BlockingIOError:
            self.close()
            advice = "wait for it, or name another folder (--out)"
            raise UserError(f"{folder}: another run is writing its results here; {advice}") from None
        except OSError:
            pass  # some network file systems know no locks

    def close(self):
        if self._opened is not None:
            with suppress(OSError):
                os.close(self._opened)
        self._opened = None


def check_folder(recipe, seed, folder, resume=False):
    """Make the folder, and raise what `run_recipe` raises for what is in it, before anything is changed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # better now than after an hour of training
            pass
    except OSError as error:
        error.add_note("Name a folder that can be written to: --out FOLDER")
        raise
    summary = load_summary(folder)
    _load_json(folder / "misread.json")
    if not set(summary.get("seed", [])) <= set(load_histories(folder)):
        raise _damaged(folder / "history.json")
    if summary and not recipe.has_settings(summary["settings"]):
        raise UserError(
            f"{folder} holds results of {_other(recipe, summary['settings'])}: name another folder (--out), so that "
            "none are lost"
        )
    if finished(recipe, seed, folder):
        _remove_checkpoints(folder, recipe, seed)  # of a run that was killed when all but this was done
    unfinished = [path for path in _checkpoints(folder, recipe, seed) if path.exists()]
    if unfinished and not resume:
        raise UserError(f"{unfinished[-1]} is an unfinished run: go on with --resume, or delete it to start again")


def _other(recipe, stored):
    """In what stored settings differ from the recipe's."""
    if isinstance(stored, dict) and stored.get("data") != recipe.data:
        return "another data set"
    return "other settings (epochs?)"


def finished(recipe, seed, folder):
    """Whether the folder has this seed's results already."""
    summary = load_summary(folder)
    return seed in summary.get("seed", []) and recipe.has_settings(summary["settings"])


def load_summary(folder):
    """Read the numbers of a folder's runs.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    dict
        A list for each number, with one entry a seed, and the settings of the recipe, which all seeds share. Empty
        when the folder has no results yet.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    FileFormatError
        When the file is damaged.
    """
    path = existing_folder(folder) / "summary.json"
    summary = _load_json(path)
    if not summary:
        return {}
    try:
        settings, columns = summary["settings"], [summary[name] for name in summary if name != "settings"]
        if isinstance(settings, list):  # a text for each seed, as they were stored at first
            (settings,) = set(settings)
            summary["settings"] = settings = _settings_in(settings)
        numbers = [summary[name] for name in ("seed", "train_accuracy", "test_accuracy", "seconds")]
        for column in (summary["validation_accuracy"], *summary["digit_accuracy"]):
            numbers.append([value for value in column if value is not None])
        whole = all(map(_numbers_only, numbers))
        whole &= all(type(column) is list and len(column) == len(summary["seed"]) > 0 for column in columns)
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole or not isinstance(settings, (dict, str)):
        raise _damaged(path)
    return summary


def load_histories(folder):
    """Read the training curves of a folder's runs.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    dict
        {seed: {stage: History}}; empty when the folder has no results yet.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    FileFormatError
        When the file is damaged.
    """
    path = existing_folder(folder) / "history.json"
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


def _numbers_only(values):
    return isinstance(values, list) and all(
        type(value) in (int, float) and abs(value) < 1e9
        for value in values  # NaN is not below, either
    )


def _save_results(folder, recipe, net, histories, numbers, misread):
    seed = numbers["seed"]
    _save_json(folder / "misread.json", _load_json(folder / "misread.json") | {str(seed): misread})
    stored = load_histories(folder) | {seed: histories}
    summary = load_summary(folder)
    summary.pop("settings", None)
    rows = [dict(zip(summary, row, strict=True)) for row in zip(*summary.values(), strict=True)]
    rows = sorted([row for row in rows if row["seed"] != seed] + [numbers], key=lambda row: row["seed"])
    if seed == rows[0]["seed"]:
        net.save(folder / "model.npz")
    as_lists = {str(seed): {name: _lists(h) for name, h in stages.items()} for seed, stages in sorted(stored.items())}
    _save_json(folder / "history.json", as_lists)
    columns = {key: [row.get(key) for row in rows] for key in numbers}  # an earlier version may not have known one
    _save_json(folder / "summary.json", {"settings": recipe.settings} | columns)


def _lists(history):
    """A History without the optimizer's state and the losses of single batches, which make it large."""
    return {key: value for key, value in vars(history).items() if key not in ("optimizer_state", "batch_loss")}


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


def _checkpoint(folder, seed, stage):
    return folder / f"checkpoint-seed{seed}-{stage.replace(' ', '-')}.npz"


def _checkpoints(folder, recipe, seed):
    return [_checkpoint(folder, seed, stage) for stage in _stages(recipe, seed)]


def _remove_checkpoints(folder, recipe, seed):
    for path in _checkpoints(folder, recipe, seed):
        path.unlink(missing_ok=True)


def _save_checkpoint(path, recipe, net, history):
    arrays = {"settings": json.dumps(recipe.settings), "history": json.dumps(_lists(history))}
    arrays |= {f"parameter{i}": array for i, array in enumerate(net.parameters())}
    save_arrays(path, arrays | {f"state{i}": array for i, array in enumerate(history.optimizer_state)})


def _load_checkpoint(path, recipe, net):
    """Put a checkpoint's parameters into net, and return its History."""
    parameters = net.parameters()
    expected = [*parameters, *recipe.optimizer.initial_state(parameters)]
    with load_arrays(path, "a checkpoint", "Delete it to start again.") as arrays:
        settings = _settings_in(str(arrays.pop("settings")))
        ours = recipe.has_settings(settings)
        history = _history(json.loads(str(arrays.pop("history"))))
        saved = [arrays.pop(f"parameter{i}") for i in range(len(parameters))]
        state = "velocity" if "velocity0" in arrays else "state"  # as it was called at first
        history.optimizer_state = [arrays[f"{state}{i}"] for i in range(len(arrays))]
        found = [*saved, *history.optimizer_state]
        if ours and [(a.shape, a.dtype) for a in found] != [(a.shape, a.dtype) for a in expected]:
            raise ValueError("of another network")
    if not ours:
        raise UserError(f"{path} was made with {_other(recipe, settings)}; give the same, or delete it to start again")
    for parameter, array in zip(parameters, saved, strict=True):
        parameter[...] = array
    return history


def _settings_in(text):
    """Settings from a text: JSON, or what `repr` made of each name's value, as they were stored at first."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:  # no longer text was ever stored; a very long one could keep the parser busy
        settings = _plain(ast.parse(f"Recipe({text[:5000]})", mode="eval").body)
        settings.pop("kind")
    except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError, MemoryError):
        return text  # of no recipe: a schedule that was a lambda, say
    return {{"committee": "ensemble"}.get(name, name): value for name, value in settings.items()}


def _plain(node):
    """The value of a literal; for a call such as SGD(momentum=0.9), its name as "kind", and its arguments by name."""
    match node:
        case ast.Call(func=ast.Name(id=kind), args=[]):
            return {"kind": kind} | {keyword.arg: _plain(keyword.value) for keyword in node.keywords}
        case ast.Tuple(elts=items):
            return [_plain(item) for item in items]
        case _:
            return ast.literal_eval(node)


def _save_json(path, content):
    with replacing(path) as file:
        # seven digits, a line a list: small, and a diff shows what changed
        text = json.dumps(_rounded(content), indent=1)
        file.write((_lists_on_one_line(text) + "\n").encode())


def _rounded(content):
    if isinstance(content, dict):
        return {key: value if key == "settings" else _rounded(value) for key, value in content.items()}
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
