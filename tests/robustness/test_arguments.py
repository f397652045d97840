"""Every argument of every public function: a value of the wrong shape, type or range gives an error that names it.

The functions and their arguments come from the package itself; KINDS says, by an argument's name, which values it
takes, and RIGHT has a right call of each function. A function or an argument that is in neither turns this red.
"""

import inspect
import math
import os
import re
import warnings
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import mnist_scratch
from mnist_scratch import (
    MNIST,
    SGD,
    Adam,
    AveragedSGD,
    CosineSchedule,
    Dataset,
    Distortion,
    Network,
    RMSProp,
    StepSchedule,
    WarmUpSchedule,
    fit,
)
from mnist_scratch.classroom import drawing, widgets
from mnist_scratch.recipes import RECIPES

rng = np.random.default_rng(0)
X, y = rng.random((6, 4)), np.array([0, 1, 1, 0, 1, 0])
NET, DATA = Network([4, 3, 2], seed=1, dtype="float64"), Dataset(X, y)
DIGITS, IMAGES = Dataset(rng.random((400, 784)), np.arange(400) % 10), rng.random((3, 784))
READER, SHEET = Network([784, 3, 10], dtype="float64"), np.pad(np.zeros((30, 4)), 30, constant_values=1.0)
W, RNG = [np.ones((2, 2)), np.ones(2)], np.random.default_rng(0)

# each under its own text
VALUES = """
None True 'nonsense' '' b'nonsense' 0 1 3 -1 10**400 0.5 np.float32(1.5) -0.5 math.nan math.inf 1+2j object() len dict
[] [0.5,1.5] [3,2,1] ['a','b'] [[1.0,2.0],[3.0]] {'a':1} X y y[:,None] rng.random((6,5)) np.zeros((0,4))
np.full((6,4),np.nan) np.full((6,4),np.inf) np.ones((6,4),complex) np.full((6,4),'a') np.full((6,4),None)
np.zeros((2,2,2,2)) DATA NET RNG SGD()
"""
VALUES = {text: eval(text) for text in VALUES.split()} | {"a Path": Path("nonsense")}
POSITIVE = {"1", "3", "0.5", "np.float32(1.5)"}
ARRAYS = {"[]", "np.zeros((0,4))"}  # what can pass for an empty list of anything

# {argument, or function and argument: (the VALUES that it takes, others beyond these that it must refuse)}
KINDS = {
    **dict.fromkeys(["seed", "epochs", "n_validation", "m", "n", "example"], ({"0", "1", "3"}, [2.0, "3", [3]])),
    **dict.fromkeys(["batch_size", "limit", "n_classes", "n_train", "steps", "side"], ({"1", "3"}, [2.0, "3"])),
    **dict.fromkeys(["max_entries", "measured", "threads"], ({"None", "1", "3"}, [2.0])),
    **dict.fromkeys(["weight_decay", "final", "epoch"], (POSITIVE | {"0"}, [])),
    **dict.fromkeys(["translate", "rotate", "shear", "elastic"], (POSITIVE | {"0"}, [])),
    **dict.fromkeys(
        ["momentum", "label_smoothing", "scale", "averaging", "decay", "beta1", "beta2"], ({"0", "0.5"}, [])
    ),
    **dict.fromkeys(["factor", "smoothness", "lowest", "highest"], (POSITIVE, [])),
    **dict.fromkeys(["epsilon", "clip_value", "clip_norm"], (POSITIVE | {"None"}, [])),
    **dict.fromkeys(["RMSProp, epsilon", "Adam, epsilon"], (POSITIVE, [])),
    **dict.fromkeys(["learning_rate", "then"], (POSITIVE | {"len"}, [])),
    **dict.fromkeys(["nesterov", "shuffle", "progress", "resume"], ({"True"}, ["no", 0])),
    **dict.fromkeys(["augment", "on_epoch"], ({"None", "len"}, [])),
    **dict.fromkeys(["run", "f"], ({"len"}, [])),
    **dict.fromkeys(["path", "folder"], ({"'nonsense'", "a Path"}, [])),
    **dict.fromkeys(["activation", "output", "loss", "method", "name", "letter"], (set(), ["RELU", "relu ", ["relu"]])),
    **dict.fromkeys(["recipe", "mnist"], (set(), [])),
    **dict.fromkeys(["train", "data"], ({"DATA"}, [])),
    **dict.fromkeys(["parameters", "gradients"], ({"[]"}, [[X, "x"], [1.0], [[1.0]], (None,)])),
    "state": ({"[]"}, [[X, "x"], [1.0]]),
    "initialization": (POSITIVE | {"None", "0"}, ["HE"]),
    # NumPy takes the dtype that a thing has
    "dtype": ({"np.float32(1.5)", "NET"}, ["float16", "int64", int, "f4, f4"]),
    "names": ({"None", "['a','b']"}, ["ab", ["a"], ["a", "a"], ["a", " "]]),
    "n_test": ({"None", "1", "3"}, [2.0]),
    "transposed": ({"None", "True"}, ["no", 0]),
    "sizes": ({"[3,2,1]"}, [[4], [4, 0, 2], [4, 2.0], [4, True], [4, 10**9], [[4, 3], 2], ["4", "2"]]),
    "labels": ({"y"}, [y - 1, y + 0.5, y[:5], np.eye(3)[y], ["a"] * 6]),
    "images": ({"X", "y[:,None]", "rng.random((6,5))", "np.full((6,4),np.nan)", "np.full((6,4),np.inf)"}, []),
    "X": ({"X"}, [X.astype(int), (255 * X).round(), X[0], X[None], X[:, :3], X.tolist()[:-1] + [[1.0]], X + 0j]),
    "y": ({"y"}, [y + 1, y - 1, y.astype(float), y[:5], np.eye(3)[y], np.full((6, 2), np.nan)]),
    "net": ({"NET"}, [Network]),
    "networks": (set(), [[NET, READER], [NET, 3], NET, [Network]]),
    "optimizer": ({"SGD()"}, [SGD]),
    "validation": ({"None", "DATA"}, [DATA[:0]]),
    "rng": ({"RNG"}, []),
    "drop_at": (ARRAYS | {"[0.5,1.5]", "[3,2,1]", "y"}, [["x"], [-1], [None], [math.nan], "12", [True]]),
    "p": (ARRAYS | {"0", "1", "0.5", "X", "y", "y[:,None]", "rng.random((6,5))", "np.zeros((2,2,2,2))"}, ["0.5", 97.5]),
    "wilson_interval, n": ({"1", "3", "[3,2,1]"}, [100.0, "3", [3, 0]]),
    **dict.fromkeys(["correct_a", "correct_b"], (set(), [y[:5] == 1, [[True] * 6], np.array([], bool)])),
    "configurations": (ARRAYS, [[3], [None], [["sizes"]], {"sizes": (784, 3, 10)}]),
    "executor": ({"None"}, []),
    "picture": (set(), [np.zeros((4, 4)), np.full((90, 64), np.nan), np.zeros((90, 64), complex), SHEET[None]]),
    "strokes": ({"[]"}, [[[[0.5, 0.5, 0.5]]], [[[0.5, 1.5]]], [[[0.5, math.nan]]], [[]], [[["a", "b"]]], "abc"]),
    "layer": ({"0", "1"}, [2]),
    "entry": (set(), [[0], [0, 1, 2], [0, -1], [784, 0], [0.0, 1], (None, 0), "01"]),
    "slope": ({"1", "3", "-1", "0.5", "np.float32(1.5)", "-0.5"}, []),
    "x": ({"0", "1", "3", "-1", "0.5", "np.float32(1.5)", "-0.5"}, []),
    # where a name means another thing
    "split, seed": ({"None", "0", "1", "3"}, []),
    "split, sizes": (ARRAYS | {"[3,2,1]", "y"}, [[-1], [2.0], [True], ["3"], [4, 4], [None], [10**400]]),
    "minibatches, rng": ({"None", "RNG"}, []),
    "load_mnist, folder": ({"None", "'nonsense'", "a Path"}, []),
    "run_recipe, folder": ({"None", "'nonsense'", "a Path"}, []),
    "run_recipe, data": ({"None"}, [DATA, "fashion-mnist"]),
    "load_dataset, names": ({"None", "['a','b']", "{'a':1}"}, ["ab", ["a", "a"], ["a", " "]]),
    "prepare_digit, name": (set(VALUES), []),  # a word for errors
    "digit_alone, name": (set(VALUES), []),
    "one_hot, labels": ({"y", "[3,2,1]"}, [[0, -1], [0, 10], [0.0], [[0, 1]], ["0"], [None], [2**70]]),
    "one_hot, dtype": ({"np.float32(1.5)", "NET"}, ["S4", "U4", "O", "M8[s]"]),
    "Network.copy, dtype": ({"None", "np.float32(1.5)", "NET"}, ["float16"]),
    "Distortion.__call__, images": (set(), [IMAGES.astype(int), IMAGES[0], IMAGES + 0j]),
    "fit, resume": ({"None"}, []),
    "try_settings, n_validation": ({"1", "3"}, [10**6]),
    "try_settings, sizes": (set(), [[784], [784, 3, 2], [783, 10], [784, 0, 10], [784, 10.0]]),
    **dict.fromkeys(["CosineSchedule, epochs", "WarmUpSchedule, epochs"], (POSITIVE, [])),
    **dict.fromkeys(["StepSchedule, learning_rate", "CosineSchedule, learning_rate"], (POSITIVE, [])),
    "Valley.descend, learning_rate": (POSITIVE, []),
}
NET_AND_DATA = {"net": READER, "data": DIGITS}
BOTH = {"train": DIGITS, "validation": DIGITS}
AVERAGED = AveragedSGD(0.1)
STEPPED = {"SGD": SGD(), "AveragedSGD": AVERAGED, "RMSProp": RMSProp(), "Adam": Adam()}

# {function: the arguments of a right call}
RIGHT = {
    **dict.fromkeys(["read_idx", "Network.load", "read_picture"], {"path": "nowhere"}),
    **dict.fromkeys(["load_mnist", "load_dataset", "load_summary", "load_histories"], {"folder": "nowhere"}),
    **dict.fromkeys(["Network.copy", "Distortion", "Valley"], {}),
    **dict.fromkeys(["learning_rate_and_batch_size", "learning_rate_and_weight_decay"], BOTH | {"epochs": 1}),
    **dict.fromkeys(["watch_forward_pass", "distort"], NET_AND_DATA),
    "adversarial_digit": NET_AND_DATA | {"example": 0},
    "draw_a_digit": {"net": READER},
    "bugs.explain": {"letter": "A"},
    "Dataset": {"images": X, "labels": y},
    "one_hot": {"labels": [0]},
    "split": {"data": DATA, "sizes": [2]},
    "minibatches": {"data": DATA, "batch_size": 2},
    "Network": {"sizes": [4, 2]},
    "Network.save": {"path": "nowhere/at/all"},
    **{f"Network.{name}": {"X": X} for name in "forward_pass activations forward predict predict_proba".split()},
    **{f"Network.{name}": {"X": X, "y": y} for name in "accuracy loss evaluate loss_and_gradients".split()},
    "ensemble": {"networks": [NET]},
    **dict.fromkeys(["SGD", "AveragedSGD"], {"momentum": 0.5}),
    **dict.fromkeys(["RMSProp", "Adam"], {}),
    **{f"{name}.rate": {"epoch": 0} for name in STEPPED},
    **{f"{name}.initial_state": {"parameters": W} for name in STEPPED},
    **{
        f"{name}.step": {"parameters": W, "gradients": W, "state": kind.initial_state(W)}
        for name, kind in STEPPED.items()
    },
    "AveragedSGD.result": {"net": NET, "state": AVERAGED.initial_state(NET.parameters())},
    "StepSchedule": {"learning_rate": 0.1, "drop_at": (1, 2)},
    "CosineSchedule": {"learning_rate": 0.1, "epochs": 3},
    "WarmUpSchedule": {"then": 0.1},
    **{f"{name}.__call__": {"epoch": 0} for name in ("StepSchedule", "CosineSchedule", "WarmUpSchedule")},
    "Trainer": {"net": NET, "train": DATA},
    "fit": {"net": NET, "train": DATA, "epochs": 0, "progress": False},
    "gradient_check": {"net": NET, "X": X, "y": y, "max_entries": 1},
    "Distortion.__call__": {"images": IMAGES, "rng": RNG},
    "Distortion.places": {"m": 2, "rng": RNG},
    "elastic_fields": {"n": 2, "smoothness": 5.0, "rng": RNG},
    "try_settings": {"epochs": 0, "n_train": 10, "n_validation": 10, "batch_size": 1},
    "sweep": {"configurations": [], "run": lambda: 0},
    "wilson_interval": {"p": 0.9, "n": 100},
    **dict.fromkeys(["paired_difference", "mcnemar"], {"correct_a": y == 1, "correct_b": y == 0}),
    "find_recipe": {"name": "relu-128-64"},
    "run_recipe": {"recipe": RECIPES["relu-128-64"], "folder": os.devnull},
    "prepare_digit": {"picture": SHEET},
    "digit_alone": {"picture": SHEET},
    "playground": {"mnist": MNIST(DIGITS, DIGITS, DIGITS)},
    "picture_of": {"strokes": drawing.EXAMPLE, "side": 30},
    "read_drawing": {"net": READER, "strokes": drawing.EXAMPLE},
    "bugs.cosine_to_right": {"net": NET, "X": X, "y": y},
    "bugs.network": {"letter": "A", "sizes": [4, 2]},
    "browse_digits": {"data": DIGITS},
    "loss_along_weight": {"net": READER, "data": DIGITS[:5], "layer": 0, "entry": (1, 2)},
    "epsilon_on_v_curve": {"f": np.sin, "slope": math.cos(1), "x": 1.0},
    "Valley.descend": {"learning_rate": 0.1, "batch_size": 100},
    "range_test": {"train": DIGITS, "batch_size": 10},
}
OBJECTS = STEPPED | {"Network": NET, "Distortion": Distortion(elastic=1)}
OBJECTS |= {"StepSchedule": StepSchedule(0.1, (1, 2)), "CosineSchedule": CosineSchedule(0.1, 3)}
OBJECTS |= {"WarmUpSchedule": WarmUpSchedule(0.1), "Valley": widgets.Valley()}

MODULES = ["tuning", "recipes", "runs", "prepare", "photographs", "distortions"]
MODULES += [f"classroom.{name}" for name in ("playground", "drawing", "bugs", "widgets")]
# what has no entry above: results, errors, formulas, what only passes on what others check, and parts of run_recipe
EXEMPT = """
FileFormatError MNIST Loss History History.record flatten Network.backward Network.parameters Network.parameter_names
SGD.result RMSProp.result Adam.result Trainer.step Trainer.result Trainer.measure interpolate shared_mnist
finished check_folder alone_in results_folder existing_folder choice whole hello train_small bugs.causes Valley.loss
number_parts white_as_1
""".split()


def public():
    """{name: function} of what a reader may call: the package's names, their methods, the modules' functions."""
    found = {name: getattr(mnist_scratch, name) for name in mnist_scratch.__all__} | {"Valley": widgets.Valley}
    for name, kind in list(found.items()):
        for method, code in inspect.getmembers(kind, callable) if inspect.isclass(kind) else ():
            own = str(getattr(code, "__module__", "")).startswith("mnist_scratch")
            if own and (not method.startswith("_") or method == "__call__"):
                found[f"{name}.{method}"] = getattr(OBJECTS.get(name, kind), method)
    for module in map(import_module, (f"mnist_scratch.{name}" for name in MODULES)):
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
                found[f"bugs.{name}" if module.__name__.endswith("bugs") else name] = value
    return found


PUBLIC = {name: f for name, f in public().items() if name not in EXEMPT and not name.endswith(".stretched")}


def kinds(name):
    """{argument: (the VALUES that it takes, others that it refuses)} of a function."""
    names = [argument for argument in inspect.signature(PUBLIC[name]).parameters if argument not in ("args", "kwargs")]
    return {argument: KINDS.get(f"{name}, {argument}") or KINDS[argument] for argument in names}


def test_every_public_function_is_tried():
    assert set(PUBLIC) == set(RIGHT)


# arguments that go by another name in a sentence
CALLED = {"name": "name|recipe", "strokes": "strokes?", "net": "net|network|X must have shape", "X": "X|y"}
CALLED |= {"parameters": "parameters|gradients"}

SLOW = {"load_mnist", "try_settings", "run_recipe"}  # what they take they act on, which is tested elsewhere


@pytest.mark.parametrize("name", RIGHT)
def test_a_wrong_argument_is_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    faults = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for argument, (taken, others) in kinds(name).items():
            tried = [(label, value, label in taken) for label, value in VALUES.items()]
            tried += [(repr(value), value, False) for value in others]
            slow = name in SLOW or "classroom" in PUBLIC[name].__module__
            for label, value, may_pass in tried:
                if may_pass and slow:
                    continue
                try:
                    PUBLIC[name](**(RIGHT[name] | {argument: value}))
                except (TypeError, ValueError) as error:
                    if not re.search(rf"\b({CALLED.get(argument, argument)})\b", str(error)):
                        faults.append(f"{argument}={label}: {type(error).__name__}: {error}")
                except Exception as error:
                    if not (may_pass and isinstance(error, OSError)):  # there is no such file
                        faults.append(f"{argument}={label}: {type(error).__name__}: {error}")
                else:
                    if not may_pass:
                        faults.append(f"{argument}={label} is taken")
    assert faults == []


# ------------------------------------------------------------------------ common mistakes, answered with their remedy

LABELS = np.array([3, 1, 4])


@pytest.mark.parametrize("kind", [float, "float32", int, np.uint8])
def test_pixels_up_to_255_are_answered_with_a_division(kind):
    """Given as they are, they train to 11 % without a word."""
    pixels = Dataset((IMAGES * 255).astype(kind), LABELS)
    calls = [lambda: fit(READER.copy(), pixels, epochs=1, progress=False), lambda: READER.forward(pixels.images)]
    calls += [lambda: READER.predict(pixels.images), lambda: READER.loss_and_gradients(pixels.images, pixels.labels)]
    calls += [lambda: fit(READER.copy(), DIGITS, epochs=1, validation=pixels, progress=False)]
    for call in calls:
        with pytest.raises(ValueError, match="255.* / 255"):
            call()
    with pytest.raises(ValueError, match=r'X\.astype\("float32"\)'):  # black and white, which 255 would make black
        READER.forward((IMAGES > 0.5).astype(bool if kind is float else int))


@pytest.mark.parametrize(
    "labels, remedy",
    [
        *((LABELS.astype(kind), r"\.astype\(int\)") for kind in (str, float, object)),
        (np.eye(10)[LABELS], r"\.argmax\(axis=1\)"),
        (LABELS[:, None], r"\.ravel\(\)"),
    ],
)
def test_labels_of_another_form_are_answered_with_a_conversion(labels, remedy):
    with pytest.raises(ValueError, match=f"labels.*{remedy}"):
        Dataset(IMAGES, labels)
    with pytest.raises(ValueError, match=f"y .*{remedy}"):
        READER.accuracy(IMAGES, labels)
    if labels.shape != (3, 10):  # which is right there
        with pytest.raises(ValueError, match=f"y .*{remedy}"):
            READER.loss_and_gradients(IMAGES, labels)


def test_pictures_are_answered_with_reshape():
    pictures = IMAGES.reshape(-1, 28, 28)
    with pytest.raises(ValueError, match=r"images.*\.reshape\(len\(images\), -1\)"):
        Dataset(pictures, LABELS)
    with pytest.raises(ValueError, match=r"X.*\.reshape\(len\(X\), -1\)"):
        READER.predict(pictures)
    with pytest.raises(ValueError, match=r"X.*\[np\.newaxis\]"):
        READER.predict(IMAGES[0])


def test_few_examples_need_no_batch_size():
    history = fit(READER.copy(), DIGITS[:100], epochs=1, progress=False)
    assert history.epochs == 1 and len(history.batch_loss) == 1


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: Network([4, 2], seed=2**64 - 1), "seed must be (at most|between).*9,223,372,036,854,775,807"),
        (lambda: Network([4, 2], seed=-1), "seed must be (0 or more|at least 0), not -1$"),
        (lambda: widgets.epsilon_on_v_curve(np.sin, math.inf, 1.0), "slope must be finite, not inf$"),
        (lambda: Distortion(scale=1), "scale must be .*below 1, not 1$"),
        (lambda: SGD(0), "learning_rate must be above 0 .*, not 0$"),
    ],
)
def test_the_limit_that_was_crossed_is_named(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "-inf" not in str(caught.value)


def test_an_optimizer_needs_no_result_but_a_step():
    def descend(parameters, gradients, state, epoch):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= 0.1 * gradient

    plain = SimpleNamespace(initial_state=lambda parameters: [], rate=lambda epoch: 0.1, step=descend)
    ours, theirs, settings = NET.copy(), NET.copy(), {"epochs": 2, "batch_size": 2, "progress": False}
    fit(ours, DATA, optimizer=plain, **settings)
    fit(theirs, DATA, optimizer=SGD(0.1), **settings)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    del plain.step
    with pytest.raises(TypeError, match="optimizer.*step"):
        fit(NET.copy(), DATA, optimizer=plain, **settings)
