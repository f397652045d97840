"""Widgets: the sliders move the picture and the words, and a cell that runs again leaves nothing behind."""

import gc
import inspect
import json
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from io import BytesIO

import ipywidgets
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.embed import dependency_state
from PIL import Image
from traitlets.config import Config

from mnist_scratch import Dataset, Distortion, History, Network
from mnist_scratch.classroom import drawing, moving, playground, plots, predict, widgets
from mnist_scratch.gradient_check import central_difference
from mnist_scratch.recipes import RECIPES

MAKERS = [name for name, f in vars(widgets).items() if inspect.isfunction(f) and "return Live(" in inspect.getsource(f)]
SMALL = Network([784, 16, 10])
BUILD = {  # each maker with arguments, and for each slider a value other than the first
    "hello": (lambda train, _: widgets.hello(), {"waves": 5}),
    "browse_digits": (lambda train, _: widgets.browse_digits(train), {"digit": 2, "page": 1}),
    "watch_forward_pass": (lambda train, _: widgets.watch_forward_pass(SMALL, train), {"example": 9, "step": 3}),
    "loss_along_weight": (lambda train, _: widgets.loss_along_weight(SMALL, train[:50], 1, (0, 3)), {"move": 1.0}),
    "adversarial_digit": (
        lambda train, _: widgets.adversarial_digit(SMALL, train), {"example": 9, "epsilon": 0.2, "signs": "at random"},
    ),
    "epsilon_on_v_curve": (lambda *_: widgets.epsilon_on_v_curve(np.exp, np.exp(1.0), 1.0), {"exponent": -9.0}),
    "learning_rate_and_batch_size": (
        lambda *both: widgets.learning_rate_and_batch_size(*both, epochs=1), {"learning_rate": 0.01, "batch_size": 64},
    ),
    "learning_rate_and_weight_decay": (
        lambda *both: widgets.learning_rate_and_weight_decay(*both, epochs=1),
        {"learning_rate": 0.03, "weight_decay": 0.3},
    ),
    "range_test": (lambda train, _: widgets.range_test(train, batch_size=10), {"learning_rate": 1.0, "momentum": 0.9}),
    "distort": (
        lambda _, validation: widgets.distort(SMALL, validation),
        {"example": 4, "move": 3.0, "turn": 60, "scale": 0.4, "elastic": 4.0, "smoothness": 0.5, "seed": 3},
    ),
}  # fmt: skip
TRAINING = [name for name in MAKERS if name.startswith("learning_rate") or name == "range_test"]


@pytest.fixture
def build(train, validation):
    return lambda name: BUILD[name][0](train, validation)


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), float)


# ipywidgets 7 shows a widget by a call of its own, which leaves out what belongs beside the live view
IPYWIDGETS_7 = """
import ipywidgets, json
from IPython.utils.capture import capture_output
if ipywidgets.__version__ >= "8":
    ipywidgets.Widget._ipython_display_ = lambda self: print("live only")
from IPython.core.interactiveshell import InteractiveShell
from mnist_scratch.classroom import predict, widgets
shell = InteractiveShell.instance()
with capture_output() as shown:
    shell.display_formatter.format({})
print(shown.stdout, json.dumps([[output.data, output.metadata] for output in shown.outputs]))
"""


@pytest.mark.parametrize("shown", ['predict("Which?", {"A": "a", "B": "b"})', "widgets.hello()"])
def test_with_ipywidgets_7_too_a_reader_without_a_kernel_sees_picture_and_words(shown):
    program = IPYWIDGETS_7.replace("{}", shown)
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    [(data, metadata)] = json.loads(answer.stdout)
    assert data.pop("application/vnd.jupyter.widget-view+json")["model_id"], "the live view is there, too"
    assert (data, metadata) == eval(shown).still()


@pytest.mark.parametrize("name", MAKERS)
def test_every_slider_moves_picture_and_words(build, name, matplotlibrc):
    live, moves = build(name), BUILD[name][1]
    assert set(live.sliders) == set(moves) and all(slider.description for slider in live.sliders.values())
    for slider, value in moves.items():
        start, picture, words = live.sliders[slider].value, bytes(live.image.value), live.words.value
        assert unescape(words) == live.figure.alt_text != ""
        live.set(**{slider: value})
        assert live.image.value != picture and live.words.value != words
        live.set(**{slider: start})
        assert live.image.value == picture and live.words.value == words
    bundle, metadata = live._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(bundle)
    assert metadata["image/png"]["alt"] == unescape(live.words.value)

    live.set(**moves)
    quick, whole = pixels(live.image.value), pixels(live.figure.png())
    # a moving part lies above the frame in one and below it in the other: a few pixels at the crossings
    assert quick.shape == whole.shape and np.mean(abs(quick - whole).max(axis=2) > 60) < 0.003
    with matplotlibrc():
        same = build(name)
        same.set(**moves)
        assert same.image.value == live.image.value and same.figure.png() == live.figure.png()


@pytest.fixture
def notebook():
    """A shell that runs cells as a notebook's kernel does, and keeps what they return in Out."""
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    yield lambda cell: shell.run_cell(cell, store_history=True).raise_error()
    InteractiveShell.clear_instance()


HEAVY = plots.Figure, Network, Dataset, History


def alive():
    """How many widgets are open, how many heavy things there are, and how many objects in all."""
    gc.collect()
    objects = gc.get_objects()
    open_widgets = sum(issubclass(type(o), ipywidgets.Widget) and o.comm is not None for o in objects)
    return open_widgets, sum(issubclass(type(o), HEAVY) for o in objects), len(objects)


@pytest.mark.parametrize("name", [*MAKERS, "draw_a_digit", "playground", "predict"])
def test_a_cell_that_runs_again_keeps_nothing_of_its_former_runs(notebook, build, mnist, monkeypatch, name):
    others = {
        "draw_a_digit": lambda: drawing.draw_a_digit(Network([784, 16, 10])),
        "playground": lambda: playground.playground(mnist),
        "predict": lambda: predict("What?", {"this": "a", "that": "b"}),
    }
    monkeypatch.setattr("builtins.build", others.get(name) or (lambda: build(name)), raising=False)
    monkeypatch.setattr("builtins.shown", [], raising=False)  # as Out keeps them
    kept = []
    for _ in range(3):
        notebook("shown.append(build())")
        kept.append(alive())
    assert kept[2][:2] == kept[1][:2] and kept[2][2] - kept[1][2] < 1500  # a figure has five times as many


@pytest.mark.parametrize("name", [*MAKERS, "draw_a_digit", "playground", "predict"])
def test_no_widget_needs_a_network_in_any_front_end(build, mnist, name):
    """What a page does not have, it would fetch: a widget of another package, or whatever an address leads to."""
    others = {
        "draw_a_digit": lambda: drawing.draw_a_digit(SMALL),
        "playground": lambda: playground.playground(mnist),
        "predict": lambda: predict("What?", {"this": "a", "that": "b"}),
    }
    sent = dependency_state(others[name]() if name in others else build(name), drop_defaults=False).values()
    packages = {module for model in sent for module in (model["model_module"], model["state"].get("_view_module"))}
    assert packages <= {"@jupyter-widgets/base", "@jupyter-widgets/controls", "anywidget", None}
    addresses = re.findall(r"https?://[^\s\"')]+", json.dumps([model["state"] for model in sent], default=repr))
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}, "that one is a name"
    assert len(sent) > 3


def test_what_other_cells_made_stays(notebook, monkeypatch):
    made = []
    monkeypatch.setattr("builtins.make", lambda: made.append(widgets.hello()), raising=False)
    notebook("make(); make()")
    notebook("make()")
    notebook("make(); make()")
    assert [live.comm is None for live in made] == [True, True, False, False, False]
    made[2].set(waves=7)
    assert "7 full waves" in made[2].words.value


def test_several_sliders_move_at_once_or_not_at_all(build):
    live, drawn = build("browse_digits"), []
    live.image.observe(drawn.append, names="value")
    live.set(digit=2, page=1)
    assert len(drawn) == 1
    for wrong in ({"nonsense": 2}, {"page": 1000}, {"page": -1}, {"page": 0.5}, {"page": "0"}, {"page": None}):
        with pytest.raises((TypeError, ValueError), match=f"{next(iter(wrong))}.*(digit, page|from 0 to)"):
            live.set(digit=3, **wrong)
        assert live.sliders["digit"].value == 2 and len(drawn) == 1
    with pytest.raises(ValueError, match="learning_rate must be one of .*, not 0.2"):
        build("learning_rate_and_weight_decay").set(weight_decay=0.1, learning_rate=0.2)
    live.set(digit=3)  # and it goes on after a mistake
    assert len(drawn) == 2 and "digit 3" in live.words.value


@pytest.mark.parametrize("name", TRAINING)
def test_every_position_is_finite_or_said_to_diverge(build, name):
    live = build(name)
    slider, calm = live.sliders["learning_rate"], bytes(live.image.value)
    slider.options = [*slider.options, ("1e30", 1e30)]
    for slider_name, slider in live.sliders.items():
        for _, value in (slider.options[0], slider.options[-1]):
            live.set(**{slider_name: value})
            words = live.words.value.lower()
            assert not re.search(r"(?<!loss is )\b(nan|inf)\b", words) and ("accuracy" in words or "diverged" in words)
            marks = [text for axis in live.figure.axes for text in axis.texts if text.get_text() == "diverged"]
            assert any(mark.get_visible() for mark in marks) == ("diverged" in words)
        assert slider_name != "learning_rate" or "diverged" in words
        live.good.click()
        assert live.image.value == calm, "training did not start anew"


def broken(sizes=(784, 16, 10)):
    net = Network(sizes)
    net.weights[-1][:] = np.nan
    return net


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda train: widgets.browse_digits(train[:50]), "fewer than ten"),
        (lambda train: widgets.watch_forward_pass(Network([784, 16, 8, 10]), train), "one hidden layer of ReLU"),
        (lambda train: widgets.watch_forward_pass(Network([784, 16, 10], "tanh"), train), "one hidden layer of ReLU"),
        (lambda train: widgets.watch_forward_pass(broken(), train), "smaller learning rate"),
        (lambda train: widgets.loss_along_weight(broken(), train, 0, (0, 0)), "smaller learning rate"),
        (lambda train: widgets.loss_along_weight(Network([9, 10]), train, 0, (0, 0)), "images of 9 pixels"),
        (lambda train: widgets.loss_along_weight(SMALL, train, 0, (784, 0)), "between 0 and 783"),
        (lambda train: widgets.distort(broken(), train), "smaller learning rate"),
        (lambda train: widgets.adversarial_digit(broken(), train), "smaller learning rate"),
        (lambda train: widgets.epsilon_on_v_curve(np.exp, 0, 1.0), "slope must not be 0"),
        (lambda train: widgets.epsilon_on_v_curve(lambda x: np.nan, 1.0, 1.0), "choose another x"),
        (lambda train: widgets.learning_rate_and_batch_size(train[:99], train), "at least 100"),
        (lambda train: widgets.learning_rate_and_weight_decay(train, train, epochs=0), "epochs must be"),
        (lambda train: widgets.range_test(train[:100]), "at least 20 batches"),
        (lambda train: widgets.range_test(train, 1e10, 1e20, batch_size=10), "begin with a rate such as 1e-4"),
        (lambda train: widgets.range_test(train, 1e200, 1e300, batch_size=10), "lowest must be"),
        (lambda train: widgets.range_test(train, 1e-4, 1e300, batch_size=10), "highest must be"),
        (lambda train: widgets.range_test(train, 0.1, 0.01, batch_size=10), "highest must be above 0.1"),
        (lambda train: widgets.browse_digits(Dataset(train.images[:, :100], train.labels)), "784 pixels"),
    ],
)
def test_widgets_refuse_what_they_cannot_show_and_say_what_to_do(train, make, remedy):
    with pytest.raises(ValueError, match=remedy):
        make(train)


def test_a_range_test_that_never_falls_or_breaks_at_once_says_so(train):
    assert "never falls below 2" in widgets.range_test(train[:40], highest=0.001, batch_size=2).words.value
    live = widgets.range_test(train, lowest=100, highest=1e99, batch_size=10)
    assert "give it lower rates" in live.words.value and "training accuracy" in live.words.value


def test_a_step_that_leaves_the_function_s_domain_says_so():
    live = widgets.epsilon_on_v_curve(lambda x: np.log(x) if x > 0 else np.nan, 2.0, 0.5)
    assert "relative error" in live.words.value
    live.set(exponent=0.0)
    assert "a smaller ε is needed" in live.words.value


def test_the_valley_is_that_of_its_examples():
    valley = widgets.Valley()
    residuals = valley.X @ [0.3, -0.7] - valley.t
    assert valley.loss(np.array([0.3]), np.array([-0.7])) == pytest.approx([np.mean(residuals**2) / 2])
    path, diverged = valley.descend(0.1, 1000, steps=25)
    assert len(path) == 26 and not diverged and tuple(path[0]) == valley.START
    for before, after in zip(path, path[1:], strict=False):  # the slope, measured
        h = 1e-6
        slope = [(valley.loss(*(before + h * e)) - valley.loss(*(before - h * e))) / (2 * h) for e in np.eye(2)]
        assert after == pytest.approx(before - 0.1 * np.array(slope), abs=1e-8)
    assert valley.descend(10.0, 1)[1] and np.isfinite(valley.descend(10.0, 1)[0]).all()
    assert len(valley.descend(0.01, 7, steps=300)[0]) == 301  # more than one pass through the examples


def test_smooth_and_mosaic():
    x, means = moving.smooth(np.arange(12.0), np.sqrt(np.arange(12.0)))
    assert x.tolist() == [4, 5, 6, 7]
    assert means == pytest.approx([np.mean(np.sqrt(np.arange(i, i + 9))) for i in range(4)])
    W = np.zeros((784, 13))
    W[:, 5] = np.arange(784)
    W[:, 0] = np.nan
    tiles = moving.mosaic(W, 3, 4)
    assert tiles.shape == (90, 120) and np.isfinite(tiles).all()
    assert (tiles[31:59, 31:59].ravel() == W[:, 5] / 783).all() and np.count_nonzero(tiles) == 783


def test_the_steps_of_the_forward_pass_uncover_the_picture(build):
    live, pictures = build("watch_forward_pass"), []
    for step in range(1, 6):
        live.set(step=step)
        pictures.append(pixels(live.image.value))
        assert live.figure.STEPS[step - 1] in live.words.value
    columns = [np.flatnonzero(abs(b - a).max(axis=(0, 2)) > 20) for a, b in zip(pictures, pictures[1:], strict=False)]
    assert all(columns[i].max() < columns[i + 1].min() for i in range(3))  # each step fills the next panel


STRONG = {"example": 3, "move": 2.5, "turn": 18, "scale": 0.2, "elastic": 2.8, "smoothness": 3, "seed": 4}


@pytest.mark.parametrize(
    "kind", [("relu", "softmax", "cross_entropy"), ("tanh", "sigmoid", "binary_cross_entropy")], ids=str
)
def test_an_adversarial_digit_goes_the_way_that_its_slopes_point(validation, kind):
    net = Network([784, 12, 8, 10], *kind, dtype="float64")
    live, label = widgets.adversarial_digit(net, validation), validation.labels[5:6]

    def shown(**places):
        live.set(example=5, **places)
        before, change, after = (np.asarray(axis.images[0].get_array()).ravel() for axis in live.figure.axes[:3])
        assert (before == validation.images[5]).all() and np.allclose(after, before + change, rtol=0, atol=1e-6)
        assert 0 <= after.min() and after.max() <= 1 and abs(change).max() <= places["epsilon"] + 1e-6
        return after, change

    assert not shown(epsilon=0, signs="by its slope")[1].any()
    X = validation.images[5:6].astype(float)
    slopes = central_difference(lambda: net.loss(X, label).data, X)
    _, change = shown(epsilon=0.01, signs="by its slope")
    free = (X[0] > 0.01) & (X[0] < 0.99) & (abs(slopes) > 1e-6)  # the others are cut off, or have no slope
    assert free.sum() > 50 and (np.sign(change) == np.sign(slopes))[free].all()
    losses = [net.loss(shown(epsilon=0.3, signs=signs)[0][None], label).data for signs in ("by its slope", "at random")]
    assert losses[0] > losses[1]


def distorted(live):
    """The axes and what they show, (28, 28) each: the digit, six versions, and the digit under the grid."""
    axes = [live.figure.axes[0], *live.figure.axes[2:], live.figure.axes[1]]
    return axes, [np.asarray(axis.images[0].get_array()) for axis in axes]


def test_the_versions_are_those_of_the_sliders_distortion(build, validation):
    live, image = build("distort"), validation.images[3]
    live.set(**STRONG)
    same = Distortion(translate=2.5, rotate=18, scale=0.2, shear=0.2, elastic=2.8, smoothness=3)
    _, (original, *versions, old) = distorted(live)
    assert (original.ravel() == image).all() and (old == original).all()
    assert np.reshape(versions, (6, 784)) == pytest.approx(same(np.stack([image] * 6), np.random.default_rng(4)))
    live.set(move=0, turn=0, scale=0, elastic=0)
    assert all((picture.ravel() == image).all() for picture in distorted(live)[1])


def test_the_grids_and_dots_show_where_the_first_version_takes_its_values(build):
    live = build("distort")
    live.set(**STRONG)
    (_, first, *_, with_grid), (_, version, *_, old) = distorted(live)
    (_, *bent), straight = with_grid.get_lines(), first.get_lines()  # the old picture has a frame too
    assert [np.isfinite(line.get_xdata()).sum() for line in straight] == [20 * 28, 1]  # the grid and the dot
    for here, there in zip(straight, bent, strict=True):
        x, y, columns, rows = map(np.asarray, (*here.get_data(), *there.get_data()))
        drawn = np.isfinite(x)
        assert (np.isfinite(rows) == drawn).all() and abs(rows[drawn] - y[drawn]).max() > 1
        for r, c, row, column in zip(y[drawn], x[drawn], rows[drawn], columns[drawn], strict=True):
            near = [np.maximum(0, 1 - abs(at - np.arange(28))) for at in (row, column)]  # bilinear; paper outside
            assert version[int(r), int(c)] == pytest.approx(near[0] @ old @ near[1], abs=1e-4)
    assert f"pixel ({r:.0f}, {c:.0f}) of the first" in live.words.value
    assert f"at ({row:.1f}, {column:.1f})" in live.words.value


def test_what_is_misread_is_red_and_what_is_read_right_is_counted(train, validation):
    net, _ = widgets.train_small(train, validation, learning_rate=0.3, epochs=4, batch_size=10)
    live, counts = widgets.distort(net, validation), set()
    for example in range(8):
        live.set(example=example, elastic=2.8)
        axes, pictures = distorted(live)
        Y_hat = net.predict_proba(np.reshape(pictures[:7], (7, 784)))
        right = Y_hat.argmax(axis=1) == validation.labels[example]
        titles = [axis.title for axis in axes[:7]]
        for title, probabilities in zip(titles, Y_hat, strict=True):
            assert title.get_text().endswith(f"read as {probabilities.argmax()}, {probabilities.max():.0%}")
        assert [title.get_color() != plots.RED for title in titles] == right.tolist()
        assert f"reads {right[1:].sum()} of 6 right: " in live.words.value
        counts.add((right[0], right[1:].sum()))
    assert len(counts) > 3  # or little was seen


def test_a_digit_is_first_distorted_about_as_the_recipe_does(build, monkeypatch):
    other = Distortion(translate=2.2, rotate=14, scale=0.1, shear=0.3, elastic=0.7, smoothness=3.4)
    monkeypatch.setitem(RECIPES, "elastic-mlp", replace(RECIPES["elastic-mlp"], augment=other))
    start = {"move": 2, "turn": 12, "scale": 0.2, "elastic": 0.8, "smoothness": 3}
    sliders = build("distort").sliders
    assert {name: sliders[name].value for name in start} == start
