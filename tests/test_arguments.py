"""Every argument of every public function: a value of the wrong shape, type or range gives an error that names it.

CALLS has a call that is right for each function, and for each argument the kind of value that it takes. Every value
of VALUES that is not of this kind is then put in its place. A new function or argument without an entry turns this red.
"""

import inspect
import math
import os
import re
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import mnist_scratch
from mnist_scratch import (
    MNIST,
    SGD,
    AveragedSGD,
    CosineSchedule,
    Dataset,
    Distortion,
    History,
    Network,
    StepSchedule,
    WarmUpSchedule,
    distortions,
    fit,
    gradient_check,
    load_mnist,
    minibatches,
    network,
    one_hot,
    prepare,
    read_idx,
    recipes,
    runs,
    split,
    tuning,
)
from mnist_scratch.classroom import bugs, drawing, playground, widgets

# ------------------------------------------------------------------------------------------------ values of every sort

NET = Network([784, 3, 10], dtype="float64")
SMALL_NET = Network([4, 3, 2], seed=1, dtype="float64")
rng = np.random.default_rng(0)
X, y = rng.random((6, 4)), np.array([0, 1, 1, 0, 1, 0])
DATA = Dataset(X, y)
IMAGES = rng.random((3, 784))
SHEET = np.pad(np.zeros((30, 4)), 30, constant_values=1.0)

VALUES = {
    "None": None,
    "True": True,
    "text": "nonsense",
    "no text": "",
    "bytes": b"nonsense",
    "0": 0,
    "1": 1,
    "3": 3,
    "-1": -1,
    "huge": 10**400,
    "-huge": -(10**400),
    "0.5": 0.5,
    "1.5": 1.5,
    "-0.5": -0.5,
    "NaN": math.nan,
    "infinity": math.inf,
    "-infinity": -math.inf,
    "NumPy NaN": np.float32("nan"),
    "complex": 1 + 2j,
    "an object": object(),
    "a function": lambda *arguments, **named: 0,
    "a class": dict,
    "empty list": [],
    "numbers": [0.5, 1.5],
    "whole numbers": [3, 2, 1],
    "texts": ["a", "b"],
    "Nones": [None, None],
    "unequal rows": [[1.0, 2.0], [3.0]],
    "a set": {0.5},
    "a dictionary": {"a": 1},
    "an iterator": iter(()),
    "scalar array": np.array(0.5),
    "vector": np.linspace(0, 1, 6),
    "labels": np.array([0, 1, 1, 0, 1, 0]),
    "booleans": np.array([True, False] * 3),
    "matrix": np.linspace(0, 1, 24).reshape(6, 4),
    "matrix of whole numbers": np.arange(24).reshape(6, 4),
    "too wide": np.linspace(0, 1, 30).reshape(6, 5),
    "too few rows": np.linspace(0, 1, 20).reshape(5, 4),
    "no rows": np.zeros((0, 4)),
    "NaN in it": np.full((6, 4), np.nan),
    "infinity in it": np.full((6, 4), np.inf),
    "complex matrix": np.ones((6, 4), complex),
    "texts in an array": np.full((6, 4), "a"),
    "objects in an array": np.full((6, 4), None),
    "dates": np.full((6, 4), np.datetime64("2020-01-01")),
    "records": np.zeros(6, [("a", "f4")]),
    "four dimensions": np.zeros((2, 2, 2, 2)),
    "Dataset": DATA,
    "network": SMALL_NET,
    "generator": np.random.default_rng(0),
    "optimizer": SGD(0.1),
    "path": Path("nonsense"),
}

# Which of these values each kind of argument takes: those may be read, all others must be refused.
POSITIVE = {"1", "3", "0.5", "1.5"}
KINDS = {
    "flag": {"True"},
    "whole from 0": {"0", "1", "3"},
    "whole from 1": {"1", "3"},
    "whole from 1, or None": {"None", "1", "3"},
    "whole from 0, or None": {"None", "0", "1", "3"},
    "above 0": POSITIVE,
    "above 0, or None": POSITIVE | {"None"},
    "at least 0": POSITIVE | {"0"},
    "from 0 to below 1": {"0", "0.5"},
    "rate": POSITIVE | {"a function", "a class"},
    "function": {"a function", "a class"},
    "function, or None": {"None", "a function", "a class"},
    "path": {"text", "path"},
    "path, or None": {"None", "text", "path"},
    "one of": set(),
    "initialization": POSITIVE | {"None", "0"},
    "dtype": {"NumPy NaN", "network"},  # NumPy takes the dtype that a thing has
    "dtype, or None": {"None", "NumPy NaN", "network"},
    "any dtype": {"NumPy NaN", "network"},
    "sizes": {"whole numbers"},
    "sizes of digits": set(),
    "parts": {"whole numbers", "labels", "empty list", "no rows", "an iterator"},
    "X": {"matrix"},
    "X alone": {"matrix", "too few rows"},
    "y": {"labels"},
    "labels": {"labels", "whole numbers"},
    "labels of images": {"labels"},
    "images": {"matrix", "too wide", "matrix of whole numbers", "NaN in it", "infinity in it"},
    "Dataset": {"Dataset"},
    "Dataset, or None": {"Dataset", "None"},
    "network": {"network"},
    "network for digits": set(),
    "Dataset of digits": set(),
    "Dataset of any": {"Dataset"},
    "units": {"whole numbers", "empty list", "no rows", "an iterator"},
    "a layer": {"0", "1"},
    "row and column": set(),
    "number but 0": {"1", "3", "-1", "0.5", "1.5", "-0.5"},
    "number": {"0", "1", "3", "-1", "0.5", "1.5", "-0.5"},
    "at least 0, or for ever": POSITIVE | {"0", "infinity"},
    "strokes": {"empty list"},
    "generator": {"generator"},
    "generator, or None": {"generator", "None"},
    "optimizer": {"optimizer"},
    "History, or None": {"None"},
    "record list": {"empty list", "numbers", "whole numbers"},
    "epochs list": {"empty list", "numbers", "whole numbers", "a set", "an iterator", "vector", "labels", "no rows"},
    "arrays": {"empty list"},
    "networks": set(),
    "text": {"text", "no text"},
    "executor, or None": {"None"},
    "configurations": {"empty list", "an iterator", "no rows"},
    "picture": set(),
}
# Values beyond these, at the limits of an argument.
ALSO = {
    "whole from 1": [2.0, np.float64(3), "3", [3]],
    "sizes": [[4], [4, 0, 2], [4, 2.0], [4, True], [4, 10**9], [4, 10**400], [[4, 3], 2], ["4", "2"]],
    "sizes of digits": [[784], [784, 3, 2], [783, 10], [784, 0, 10], [784, 10.0], [784, 10**400, 10]],
    "units": [[0], [2.0], [True], [None], "3", [10**400]],
    "row and column": [[0], [0, 1, 2], [0, -1], [784, 0], [0, 3], [0.0, 1], (None, 0), "01"],
    "strokes": [[[[0.5, 0.5, 0.5]]], [[[0.5, 1.5]]], [[[0.5, math.nan]]], [[]], [[0.5, 0.5]], [[["a", "b"]]], "abc"],
    "one of": ["RELU", "relu ", 0, ["relu"], np.array("relu")],
    "dtype": ["float16", "int64", "complex64", int, np.float16, "f4, f4", [("a", "f4")]],
    "any dtype": ["S4", "U4", "O", "M8[s]", "V8"],
    "labels": [[0, -1], [0, 10], [0.0, 1.0], [[0, 1]], ["0"], [None], [2**70]],
    "parts": [[-1], [2.0], [True], ["3"], [4, 4], [None], [10**400]],
    "labels of images": [y - 1, y + 0.5, y[:5], y[:, None], np.eye(3)[y], ["a"] * 6],
    "y": [y + 1, y - 1, y.astype(float), y[:5], np.eye(3)[y], np.full((6, 2), np.nan), np.ones((6, 2), complex)],
    "X alone": [X.astype(int), X * np.inf, X[0], X[None], X[:, :3], X.tolist()[:-1] + [[1.0]], X + 0j],
    "X": [X.astype(int), X * np.inf, X[0], X[None], X.tolist()[:-1] + [[1.0]], X + 0j],
    "record list": [["x"], [1j], [[1.0]]],
    "epochs list": [["x"], [-1], [None], [math.nan], "12", [True]],
    "arrays": [[X, "x"], [1.0], [[1.0]], (None,)],
    "networks": [[SMALL_NET, NET], [SMALL_NET, 3], SMALL_NET, [Network]],
    "configurations": [[3], [None], [["sizes"]], {"sizes": (784, 3, 10)}],
    "picture": [np.zeros((4, 4)), np.full((90, 64), np.nan), np.zeros((90, 64), complex), SHEET[None]],
}

# ------------------------------------------------------------------------------------------------------ all the calls

TRAINING = {"net": "network", "train": "Dataset", "epochs": "whole from 0", "batch_size": "whole from 1"}
TRAINING |= {"optimizer": "optimizer", "weight_decay": "at least 0", "label_smoothing": "from 0 to below 1"}
TRAINING |= {
    "augment": "function, or None",
    "validation": "Dataset, or None",
    "seed": "whole from 0",
    "shuffle": "flag",
}
TRAINING |= {"threads": "whole from 1, or None", "progress": "flag", "resume": "History, or None"}
TRAINING |= {"on_epoch": "function, or None"}
SETTINGS = {"sizes": "sizes", "activation": "one of", "seed": "whole from 0", "dtype": "dtype"}
MOMENTUM = {"learning_rate": "rate", "momentum": "from 0 to below 1", "nesterov": "flag"}
MOMENTUM |= {"clip_value": "above 0, or None", "clip_norm": "above 0, or None"}
LISTS = "train_loss penalty train_accuracy validation_loss validation_accuracy learning_rate seconds batch_loss".split()
W = [np.ones((2, 2)), np.ones(2)]
AVERAGED = AveragedSGD(0.1)

# name: (the function, arguments of a right call, {argument: the kind of value it takes})
CALLS = {
    "Dataset": (Dataset, {"images": X, "labels": y}, {"images": "images", "labels": "labels of images"}),
    "MNIST": (
        MNIST,
        {"train": DATA, "validation": DATA, "test": DATA},
        dict.fromkeys(["train", "validation", "test"], "Dataset"),
    ),
    "read_idx": (read_idx, {"path": "nowhere"}, {"path": "path", "limit": "whole from 1"}),
    "load_mnist": (load_mnist, {"folder": "nowhere"}, {"folder": "path, or None", "n_validation": "whole from 0"}),
    "one_hot": (one_hot, {"labels": [0]}, {"labels": "labels", "n_classes": "whole from 1", "dtype": "any dtype"}),
    "split": (
        split,
        {"data": DATA, "sizes": [2]},
        {"data": "Dataset", "sizes": "parts", "seed": "whole from 0, or None"},
    ),
    "minibatches": (
        minibatches,
        {"data": DATA, "batch_size": 2},
        {"data": "Dataset", "batch_size": "whole from 1", "rng": "generator, or None"},
    ),
    "Network": (
        Network,
        {"sizes": [4, 2]},
        SETTINGS | {"output": "one of", "loss": "one of", "initialization": "initialization"},
    ),
    "Network.load": (Network.load, {"path": "nowhere"}, {"path": "path"}),
    "Network.save": (SMALL_NET.save, {"path": "nowhere/at/all"}, {"path": "path"}),
    "Network.copy": (SMALL_NET.copy, {}, {"dtype": "dtype, or None"}),
    **{
        f"Network.{name}": (getattr(SMALL_NET, name), {"X": X}, {"X": "X alone"})
        for name in ("activations", "forward", "predict", "predict_proba")
    },
    "Network.accuracy": (SMALL_NET.accuracy, {"X": X, "y": y}, {"X": "X", "y": "y"}),
    **{
        f"Network.{name}": (
            getattr(SMALL_NET, name),
            {"X": X, "y": y},
            {"X": "X", "y": "y", "weight_decay": "at least 0"},
        )
        for name in ("loss", "evaluate", "loss_and_gradients")
    },
    "network.committee": (network.committee, {"networks": [SMALL_NET]}, {"networks": "networks"}),
    "SGD": (SGD, {"momentum": 0.5}, MOMENTUM),
    "SGD.rate": (SGD().rate, {"epoch": 0}, {"epoch": "at least 0"}),
    "SGD.initial_velocity": (SGD().initial_velocity, {"parameters": W}, {"parameters": "arrays"}),
    "SGD.step": (
        SGD().step,
        {"parameters": W, "gradients": W},
        {"parameters": "arrays", "gradients": "arrays", "velocity": "arrays", "epoch": "at least 0"},
    ),
    "AveragedSGD": (AveragedSGD, {"momentum": 0.5}, MOMENTUM | {"averaging": "from 0 to below 1"}),
    "AveragedSGD.rate": (AVERAGED.rate, {"epoch": 0}, {"epoch": "at least 0"}),
    "AveragedSGD.initial_velocity": (AVERAGED.initial_velocity, {"parameters": W}, {"parameters": "arrays"}),
    "AveragedSGD.step": (
        AVERAGED.step,
        {"parameters": W, "gradients": W, "velocity": AVERAGED.initial_velocity(W)},
        {"parameters": "arrays", "gradients": "arrays", "velocity": "arrays", "epoch": "at least 0"},
    ),
    "AveragedSGD.result": (
        AVERAGED.result,
        {"net": SMALL_NET, "velocity": AVERAGED.initial_velocity(SMALL_NET.parameters())},
        {"net": "network", "velocity": "arrays"},
    ),
    "StepSchedule": (
        StepSchedule,
        {"learning_rate": 0.1, "drop_at": (1, 2)},
        {"learning_rate": "above 0", "drop_at": "epochs list", "factor": "above 0"},
    ),
    "StepSchedule.__call__": (StepSchedule(0.1, (1, 2)), {"epoch": 0}, {"epoch": "at least 0"}),
    "CosineSchedule": (
        CosineSchedule,
        {"learning_rate": 0.1, "epochs": 3},
        {"learning_rate": "above 0", "epochs": "above 0", "final": "at least 0"},
    ),
    "CosineSchedule.__call__": (CosineSchedule(0.1, 3), {"epoch": 0}, {"epoch": "at least 0"}),
    "WarmUpSchedule": (WarmUpSchedule, {"then": 0.1}, {"then": "rate", "epochs": "above 0"}),
    "WarmUpSchedule.__call__": (WarmUpSchedule(0.1), {"epoch": 0}, {"epoch": "at least 0"}),
    "History": (
        History,
        {},
        dict.fromkeys(LISTS, "record list") | {"stopped": "text", "diverged": "flag", "velocity": "arrays"},
    ),
    "fit": (fit, {"net": SMALL_NET, "train": DATA, "epochs": 0, "batch_size": 3, "progress": False}, TRAINING),
    "gradient_check": (
        gradient_check,
        {"net": SMALL_NET, "X": X, "y": y, "max_entries": 1},
        {"net": "network", "X": "X", "y": "y", "weight_decay": "at least 0", "method": "one of"}
        | {
            "epsilon": "above 0, or None",
            "dtype": "dtype",
            "max_entries": "whole from 1, or None",
            "seed": "whole from 0",
        },
    ),
    "Distortion": (
        Distortion,
        {},
        dict.fromkeys(["translate", "rotate", "shear", "elastic"], "at least 0")
        | {"scale": "from 0 to below 1", "smoothness": "above 0"},
    ),
    "Distortion.__call__": (
        Distortion(elastic=1),
        {"images": IMAGES, "rng": np.random.default_rng(0)},
        {"images": "picture", "rng": "generator"},
    ),
    "Distortion.places": (
        Distortion(elastic=1).places,
        {"m": 2, "rng": np.random.default_rng(0)},
        {"m": "whole from 0", "rng": "generator"},
    ),
    "distortions.elastic_fields": (
        distortions.elastic_fields,
        {"n": 2, "smoothness": 5.0, "rng": np.random.default_rng(0)},
        {"n": "whole from 0", "smoothness": "above 0", "rng": "generator"},
    ),
    "tuning.try_settings": (
        tuning.try_settings,
        {"epochs": 0, "n_train": 10, "n_validation": 10, "batch_size": 1},
        SETTINGS
        | {"sizes": "sizes of digits"}
        | {"learning_rate": "rate", "momentum": "from 0 to below 1", "weight_decay": "at least 0"}
        | {
            "batch_size": "whole from 1",
            "epochs": "whole from 0",
            "n_train": "whole from 1",
            "n_validation": "whole from 1",
        },
    ),
    "tuning.sweep": (
        tuning.sweep,
        {"configurations": [], "run": len},
        {"configurations": "configurations", "executor": "executor, or None", "run": "function"},
    ),
    "recipes.find_recipe": (recipes.find_recipe, {"name": "relu-128-64"}, {"name": "one of"}),
    "runs.run_recipe": (
        runs.run_recipe,
        {"recipe": recipes.RECIPES["relu-128-64"], "folder": os.devnull},
        {"recipe": "one of", "seed": "whole from 0", "folder": "path, or None", "resume": "flag", "progress": "flag"}
        | {"on_epoch": "function, or None"},
    ),
    "runs.load_summary": (runs.load_summary, {"folder": "nowhere"}, {"folder": "path"}),
    "runs.load_histories": (runs.load_histories, {"folder": "nowhere"}, {"folder": "path"}),
    "prepare.prepare_digit": (prepare.prepare_digit, {"picture": SHEET}, {"picture": "picture"}),
    "prepare.read_picture": (prepare.read_picture, {"path": "nowhere"}, {"path": "path"}),
}

DIGITS = Dataset(rng.random((400, 784)), np.arange(400) % 10)
SETS = {"train": "Dataset of digits", "validation": "Dataset of digits"}
BOTH = {"train": DIGITS, "validation": DIGITS}

CALLS |= {
    "Training": (
        playground.Training,
        BOTH,
        SETS | {"hidden": "units", "activation": "one of", "seed": "whole from 0"},
    ),
    "Training.step": (playground.Training(DIGITS, DIGITS, (2,)).step, {}, {"n": "whole from 0"}),
    "Training.advance": (
        playground.Training(DIGITS, DIGITS, (2,)).advance,
        {"seconds": 0, "epochs": 0},
        {"seconds": "at least 0", "epochs": "at least 0, or for ever"},
    ),
    "playground.playground": (
        playground.playground,
        {"mnist": MNIST(DIGITS, DIGITS, DIGITS)},
        {"mnist": "one of", "seed": "whole from 0"},
    ),
    "drawing.picture_of": (
        drawing.picture_of,
        {"strokes": drawing.EXAMPLE, "side": 30},
        {"strokes": "strokes", "side": "whole from 1"},
    ),
    "drawing.read_drawing": (
        drawing.read_drawing,
        {"net": NET, "strokes": drawing.EXAMPLE},
        {"net": "network for digits", "strokes": "strokes"},
    ),
    "drawing.draw_a_digit": (drawing.draw_a_digit, {"net": NET}, {"net": "network for digits"}),
    "bugs.network": (
        bugs.network,
        {"letter": "A", "sizes": [4, 2]},
        {"letter": "one of", "sizes": "sizes", "seed": "whole from 0", "dtype": "dtype"},
    ),
    "bugs.explain": (bugs.explain, {"letter": "A"}, {"letter": "one of"}),
    "widgets.browse_digits": (widgets.browse_digits, {"data": DIGITS}, {"data": "Dataset of digits"}),
    "widgets.watch_forward_pass": (
        widgets.watch_forward_pass,
        {"net": NET, "data": DIGITS},
        {"net": "network for digits", "data": "Dataset of digits"},
    ),
    "widgets.loss_along_weight": (
        widgets.loss_along_weight,
        {"net": NET, "data": DIGITS[:5], "layer": 0, "entry": (1, 2)},
        {"net": "network for digits", "data": "Dataset of any", "layer": "a layer", "entry": "row and column"},
    ),
    "widgets.epsilon_on_v_curve": (
        widgets.epsilon_on_v_curve,
        {"f": np.sin, "slope": math.cos(1), "x": 1.0},
        {"f": "function", "slope": "number but 0", "x": "number"},
    ),
    "Valley": (widgets.Valley, {}, {"seed": "whole from 0"}),
    "Valley.descend": (
        widgets.Valley().descend,
        {"learning_rate": 0.1, "batch_size": 100},
        {"learning_rate": "above 0", "batch_size": "whole from 1", "steps": "whole from 1", "seed": "whole from 0"},
    ),
    "widgets.learning_rate_and_batch_size": (
        widgets.learning_rate_and_batch_size,
        BOTH | {"epochs": 1},
        SETS | {"epochs": "whole from 1"},
    ),
    "widgets.learning_rate_and_weight_decay": (
        widgets.learning_rate_and_weight_decay,
        BOTH | {"epochs": 1},
        SETS | {"epochs": "whole from 1"},
    ),
    "widgets.range_test": (
        widgets.range_test,
        {"train": DIGITS, "batch_size": 10},
        {"train": "Dataset of digits", "lowest": "above 0", "highest": "above 0", "batch_size": "whole from 1"},
    ),
    "widgets.distort": (
        widgets.distort,
        {"net": NET, "data": DIGITS},
        {"net": "network for digits", "data": "Dataset of digits"},
    ),
}

# What has no entry above, and why.
EXEMPT = {
    "FileFormatError": "an error",
    "Loss": "a result",
    "Network.backward": "the formulas of notebook 03, which every step of `fit` runs through with what was checked",
    "SGD.result": "gives back what it got",
    "gradient_check.ArrayCheck": "a result",
    "gradient_check.GradientReport": "a result",
    "gradient_check.relative_error": "a formula",
    "gradient_check.central_difference": "one slope at a time, of a function of one's own; the array is checked",
    "gradient_check.complex_step": "likewise",
    "distortions.interpolate": "a formula; Distortion checks what goes in",
    "tuning.Trial": "a result",
    "runs.Run": "a result",
    "recipes.Recipe": "plain data: Network, SGD and fit check what they get from it",
    "runs.finished": "a part of run_recipe",
    "runs.check_folder": "a part of run_recipe",
    "prepare.prepare_digit, name": "a word for errors",
    "widgets.choice": "a slider, which ipywidgets checks",
    "widgets.whole": "likewise",
    "Valley.loss": "a formula",
    "widgets.train_small": "fit, with a network and an optimizer",
}
CLASSROOM = ["playground", "drawing", "bugs", "widgets"]  # their functions, and two classes that take numbers
MODULES = ["network", "gradient_check", "distortions", "tuning", "recipes", "runs", "prepare"]


def public():
    """{name: function} of what the course's readers may call: the package's names, their methods, the modules'."""
    found = {name: getattr(mnist_scratch, name) for name in mnist_scratch.__all__}
    for module in MODULES:
        for name, value in vars(sys.modules[f"mnist_scratch.{module}"]).items():
            own = getattr(value, "__module__", "") == f"mnist_scratch.{module}" and not name.startswith("_")
            if own and callable(value) and value not in found.values():
                found[f"{module}.{name}"] = value
    for module in CLASSROOM:
        for name, value in vars(sys.modules[f"mnist_scratch.classroom.{module}"]).items():
            own = getattr(value, "__module__", "") == f"mnist_scratch.classroom.{module}" and not name.startswith("_")
            if own and inspect.isfunction(value):
                found[f"{module}.{name}"] = value
    found |= {"Training": playground.Training, "Valley": widgets.Valley}
    methods = {}
    for name, value in found.items():
        if inspect.isclass(value):
            for method, code in inspect.getmembers(value, callable):
                inherited = not str(getattr(code, "__module__", "")).startswith("mnist_scratch")
                if not inherited and (not method.startswith("_") or method == "__call__"):
                    methods[f"{name}.{method}"] = code
    return found | methods


def arguments(function):
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls", "args", "kwargs")]


def test_every_argument_of_every_public_function_has_an_entry():
    assert len(public()) > 50
    missing = []
    for name, function in public().items():
        if name in EXEMPT or name.rpartition(".")[0] in EXEMPT:
            continue
        kinds = CALLS[name][2] if name in CALLS else {}
        missing += [f"{name}, {argument}" for argument in arguments(function) if argument not in kinds]
    assert [name for name in missing if name not in EXEMPT] == []
    assert set(EXEMPT) - set(public()) == {"prepare.prepare_digit, name"}, "there is no such thing any more"
    unknown = {kind for _, _, kinds in CALLS.values() for kind in kinds.values()} ^ set(KINDS)
    assert unknown == set()


# An argument that goes by another name in a sentence.
CALLED = {
    "name": "name|recipe",
    "strokes": "strokes?",
    "net": "net|network|X must have shape",
    "hidden": "hidden|sizes",
    "X": "X|y",
}
CASES = [(name, argument) for name, (_, _, kinds) in CALLS.items() for argument in kinds]


@pytest.mark.parametrize("name, argument", CASES, ids=map(", ".join, CASES))
def test_a_wrong_argument_is_named(tmp_path, monkeypatch, name, argument):
    monkeypatch.chdir(tmp_path)
    function, right, kinds = CALLS[name]
    takes = KINDS[kinds[argument]]
    wrong = {label: value for label, value in VALUES.items() if label not in takes}
    wrong |= {repr(value): value for value in ALSO.get(kinds[argument], [])}
    assert len(wrong) > 20
    not_refused = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for label, value in wrong.items():
            try:
                function(**(right | {argument: value}))
            except (TypeError, ValueError) as error:
                if not re.search(rf"\b({CALLED.get(argument, argument)})\b", str(error)):
                    not_refused[label] = f"{type(error).__name__}: {error}"
            except BaseException as error:
                not_refused[label] = f"{type(error).__name__}: {error}"
            else:
                not_refused[label] = "taken"
    assert not_refused == {}


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES} - {"runs.run_recipe"}))
def test_the_call_that_only_one_argument_is_changed_of_is_a_right_one(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    function, right, kinds = CALLS[name]
    try:
        function(**right)
    except OSError:  # there are no such files
        assert "path" in kinds or "folder" in kinds


@pytest.mark.parametrize("name, argument", CASES, ids=map(", ".join, CASES))
def test_a_right_argument_is_taken(tmp_path, monkeypatch, name, argument):
    """Otherwise the test above could pass for the wrong reason."""
    monkeypatch.chdir(tmp_path)
    function, right, kinds = CALLS[name]
    values = [VALUES[label] for label in KINDS[kinds[argument]] if not callable(VALUES[label])]
    slow = name.startswith(("widgets.", "playground."))
    for value in values[: 1 if slow else None] if name != "runs.run_recipe" else []:
        try:
            function(**(right | {argument: value}))
        except (TypeError, ValueError) as error:
            assert re.search(rf"\b({CALLED.get(argument, argument)})\b", str(error)), (value, error)
        except OSError:  # there are no such files
            assert "path" in kinds or "folder" in kinds


def test_an_executor_is_taken():
    with ThreadPoolExecutor(1) as executor:
        assert tuning.sweep([{"x": 1}], executor, lambda x: x + 1) == [2]
