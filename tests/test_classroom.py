"""classroom: the sliders move the picture and the words, the pictures carry their alt text, the bugs are found."""

import base64
from dataclasses import replace
from html import unescape
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mnist_scratch import Distortion, History, Network, gradient_check
from mnist_scratch.classroom import bugs, moving, plots, widgets
from mnist_scratch.classroom.exercises import EXERCISES, judge
from mnist_scratch.classroom.exercises import gradient_check as hunt
from mnist_scratch.recipes import RECIPES

PNG = b"\x89PNG\r\n\x1a\n"
FOUND = {  # of W1 b1 W2 b2 W3 b3, as notebook 04 prints them
    "A": "######", "B": ".#.#.#", "C": "####..", "D": "..#.#.", "E": "##....",
    "F": "######", "G": "#.#.#.", "H": "#####.", "I": "####..", "J": "..#...",
}  # fmt: skip


@pytest.fixture(scope="module")
def data(mnist):
    return mnist.train[:300], mnist.validation[:200]


WIDGETS = {  # how to build it, and for each slider another value than the first
    "hello": (lambda train, _: widgets.hello(), {"waves": 5}),
    "digits": (lambda train, _: widgets.browse_digits(train), {"digit": 2, "page": 1}),
    "forward": (lambda train, _: widgets.watch_forward_pass(Network([784, 16, 10]), train), {"example": 9, "step": 3}),
    "weight": (
        lambda train, _: widgets.loss_along_weight(Network([784, 8, 10]), train[:50], 1, (0, 3)), {"move": 1.0},
    ),
    "epsilon": (lambda train, _: widgets.epsilon_on_v_curve(np.exp, np.exp(1.0), 1.0), {"exponent": -9.0}),
    "rate and batch": (
        lambda *both: widgets.learning_rate_and_batch_size(*both, epochs=1), {"learning_rate": 0.01, "batch_size": 64},
    ),
    "rate and decay": (
        lambda *both: widgets.learning_rate_and_weight_decay(*both, epochs=1),
        {"learning_rate": 0.03, "weight_decay": 0.3},
    ),
    "range test": (lambda train, _: widgets.range_test(train, batch_size=10), {"learning_rate": 1.0, "momentum": 0.9}),
    "distort": (
        lambda _, validation: widgets.distort(Network([784, 16, 10]), validation),
        {"example": 4, "move": 3.0, "turn": 60, "scale": 0.4, "elastic": 4.0, "smoothness": 0.5, "seed": 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WIDGETS)
def test_every_slider_moves_picture_and_words(data, name):
    build, moves = WIDGETS[name]
    live = build(*data)
    assert set(live.sliders) == set(moves) and all(slider.description for slider in live.sliders.values())
    for slider, value in moves.items():
        start, picture, words = live.sliders[slider].value, bytes(live.image.value), live.words.value
        assert picture.startswith(PNG) and unescape(words) == live.figure.alt_text != ""
        live.set(**{slider: value})
        assert live.image.value != picture and live.words.value != words
        live.set(**{slider: start})
        assert live.image.value == picture and live.words.value == words
    bundle, metadata = live._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(bundle)
    assert metadata["image/png"]["alt"] == unescape(live.words.value)


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), float)


@pytest.mark.parametrize("name", WIDGETS)
def test_the_quick_picture_is_the_whole_picture(data, name):
    build, moves = WIDGETS[name]
    live = build(*data)
    live.set(**moves)
    quick, whole = pixels(live.image.value), pixels(live.figure.png())
    # a moving part lies above the frame in one and below it in the other: a few pixels at the crossings
    assert quick.shape == whole.shape and np.mean(abs(quick - whole).max(axis=2) > 60) < 0.003


TRAINING = ["rate and batch", "rate and decay", "range test"]


@pytest.mark.parametrize("name", TRAINING)
def test_a_rate_that_is_too_large_is_shown(data, name):
    live = WIDGETS[name][0](*data)
    slider, calm = live.sliders["learning_rate"], bytes(live.image.value)
    slider.options = [*slider.options, ("1e30", 1e30)]
    live.set(learning_rate=1e30)
    assert "diverged" in live.words.value.lower()
    marks = [text for axis in live.figure.axes for text in axis.texts if text.get_text() == "diverged"]
    assert marks and all(mark.get_visible() and mark in live.figure.moving for mark in marks)
    live.good.click()
    assert live.image.value == calm and "diverged" not in live.words.value.lower()
    assert not any(mark.get_visible() for mark in marks)


@pytest.mark.parametrize("name", TRAINING)
def test_every_position_is_finite_or_said_to_diverge(data, name):
    live = WIDGETS[name][0](*data)
    for slider_name, slider in live.sliders.items():
        start = slider.value
        for _, value in (slider.options[0], slider.options[-1]):
            live.set(**{slider_name: value})
            assert "nan" not in live.words.value and "inf" not in live.words.value
            assert "accuracy" in live.words.value or "diverged" in live.words.value.lower()
        live.set(**{slider_name: start})


def test_several_sliders_move_at_once(data):
    live = WIDGETS["digits"][0](*data)
    drawn = []
    live.image.observe(drawn.append, names="value")
    live.set(digit=2, page=1)
    assert len(drawn) == 1
    with pytest.raises(KeyError):
        live.set(digits=2)
    live.set(digit=3)  # and it goes on after a mistake
    assert len(drawn) == 2 and "digit 3" in live.words.value


def test_training_starts_anew_on_every_move(data):
    live = WIDGETS["rate and decay"][0](*data)
    picture = bytes(live.image.value)
    live.set(learning_rate=1.0)
    live.set(weight_decay=0.1)
    live.good.click()
    assert live.image.value == picture


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


def test_widgets_refuse_what_they_cannot_show(data):
    train = data[0]
    with pytest.raises(ValueError, match="20 batches"):
        widgets.range_test(train[:100])
    for net in (Network([784, 16, 8, 10]), Network([784, 16, 10], activation="tanh"), Network([784, 10])):
        with pytest.raises(ValueError, match="one hidden layer of ReLU"):
            widgets.watch_forward_pass(net, train)
    with pytest.raises(ValueError, match="fewer than ten"):
        widgets.browse_digits(train[:50])


def test_a_range_test_that_never_falls_says_so(data):
    live = widgets.range_test(data[0][:40], highest=0.001, batch_size=2)
    assert "never falls below 2" in live.words.value


STRONG = {"example": 3, "move": 2.5, "turn": 18, "scale": 0.2, "elastic": 2.8, "smoothness": 3, "seed": 4}


def distorted(live):
    """What the figure shows: the digit, a list of six versions, and the digit under the grid; each (28, 28)."""
    original, *versions, old = [np.asarray(axis.images[0].get_array()) for axis in panels(live)]
    return original, versions, old


def panels(live):
    """The axes of the figure in the order: original, six versions, old picture with the grid."""
    return live.figure.axes[:1] + live.figure.axes[2:] + live.figure.axes[1:2]


def bilinear(image, row, column):
    """One value between the pixels of (28, 28), each weighed by its nearness; paper, 0, outside."""
    return sum(
        image[i, j] * max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j)) for i in range(28) for j in range(28)
    )


def test_the_versions_are_those_of_the_sliders_distortion(data):
    live = WIDGETS["distort"][0](*data)
    live.set(**STRONG)
    image = data[1].images[3]
    same = Distortion(translate=2.5, rotate=18, scale=0.2, shear=0.2, elastic=2.8, smoothness=3)
    original, versions, old = distorted(live)
    assert (original.ravel() == image).all() and (old == original).all()
    assert np.reshape(versions, (6, 784)) == pytest.approx(same(np.stack([image] * 6), np.random.default_rng(4)))
    live.set(move=0, turn=0, scale=0, elastic=0)
    assert (np.array(distorted(live)[1]) == image.reshape(28, 28)).all()


def test_the_grids_and_dots_show_where_the_first_version_takes_its_values(data):
    live = WIDGETS["distort"][0](*data)
    live.set(**STRONG)
    _, (version, *_), old = distorted(live)
    _, first, *_, with_grid = panels(live)
    (_, *bent), straight = with_grid.get_lines(), first.get_lines()  # the old picture has a frame too
    for here, there in zip(straight, bent, strict=True):
        x, y, columns, rows = map(np.asarray, (*here.get_data(), *there.get_data()))
        drawn = np.isfinite(x)
        assert (np.isfinite(rows) == drawn).all() and abs(rows[drawn] - y[drawn]).max() > 1
        for r, c, row, column in zip(y[drawn], x[drawn], rows[drawn], columns[drawn], strict=True):
            assert version[int(r), int(c)] == pytest.approx(bilinear(old, row, column), abs=1e-4)
        assert here in live.figure.moving and there in live.figure.moving
    assert drawn.sum() == 1  # the dot
    x, y = (places.reshape(20, 29)[:, :28] for places in straight[0].get_data())
    assert (y[:10] == np.arange(0, 28, 3)[:, None]).all() and (x[:10] == np.arange(28)).all()
    assert (x[10:] == np.arange(0, 28, 3)[:, None]).all() and (y[10:] == np.arange(28)).all()
    assert f"pixel ({r:.0f}, {c:.0f}) of the first" in live.words.value
    assert f"at ({row:.1f}, {column:.1f})" in live.words.value


def test_what_is_misread_is_red_and_what_is_read_right_is_counted(data):
    net, _ = widgets.train_small(*data, learning_rate=0.3, epochs=4, batch_size=10)
    live = widgets.distort(net, data[1])
    counts = set()
    for example in range(8):
        live.set(example=example, elastic=2.8)
        original, versions, _ = distorted(live)
        Y_hat = net.predict_proba(np.reshape([original, *versions], (7, 784)))
        right = Y_hat.argmax(axis=1) == data[1].labels[example]
        titles = [axis.title for axis in panels(live)[:7]]
        assert set(titles) < set(live.figure.moving)
        for title, probabilities in zip(titles, Y_hat, strict=True):
            assert title.get_text().endswith(f"read as {probabilities.argmax()}, {probabilities.max():.0%}")
        assert [title.get_color() != plots.RED for title in titles] == right.tolist()
        assert [title.get_fontweight() == "normal" for title in titles] == right.tolist()
        assert f"reads {right[1:].sum()} of 6 right: " in live.words.value
        assert f"labeled {data[1].labels[example]}, read as {Y_hat[0].argmax()}, " in live.words.value
        counts.add((right[0], right[1:].sum()))
    assert len(counts) > 3  # or little was seen


def test_a_digit_is_first_distorted_about_as_the_recipe_does(data, monkeypatch):
    def start():
        sliders = WIDGETS["distort"][0](*data).sliders
        return {name: sliders[name].value for name in ("move", "turn", "scale", "elastic", "smoothness")}

    recipe = RECIPES["elastic-mlp"]
    now = recipe.augment
    wanted = [now.translate, now.rotate, (now.scale + now.shear) / 2, now.elastic, now.smoothness]
    assert (abs(np.array([*start().values()]) - wanted) <= [0.25, 3, 0.02, 0.2, 1]).all()
    other = Distortion(translate=2.2, rotate=14, scale=0.1, shear=0.3, elastic=0.7, smoothness=3.4)
    monkeypatch.setitem(RECIPES, "elastic-mlp", replace(recipe, augment=other))
    assert start() == {"move": 2, "turn": 12, "scale": 0.2, "elastic": 0.8, "smoothness": 3}


def test_smooth_and_mosaic():
    x, means = moving.smooth(np.arange(12.0), np.sqrt(np.arange(12.0)))
    assert x.tolist() == [4, 5, 6, 7]
    assert means == pytest.approx([np.mean(np.sqrt(np.arange(i, i + 9))) for i in range(4)])
    assert [len(part) for part in moving.smooth(np.arange(5), np.arange(5))] == [0, 0]
    W = np.zeros((784, 13))
    W[:, 5] = np.arange(784)
    W[:, 0] = np.nan
    tiles = moving.mosaic(W, 3, 4)
    assert tiles.shape == (90, 120) and np.isfinite(tiles).all()
    assert (tiles[31:59, 31:59].ravel() == W[:, 5] / 783).all() and np.count_nonzero(tiles) == 783


def test_the_steps_of_the_forward_pass_uncover_the_picture(data):
    live = WIDGETS["forward"][0](*data)
    pictures = []
    for step in range(1, 6):
        live.set(step=step)
        pictures.append(pixels(live.image.value))
        assert live.figure.STEPS[step - 1] in live.words.value
    columns = [np.flatnonzero(abs(b - a).max(axis=(0, 2)) > 60) for a, b in zip(pictures, pictures[1:], strict=False)]
    assert all(columns[i].max() < columns[i + 1].min() for i in range(3))  # each step fills the next panel


def test_a_figure_shows_itself():
    x, y = np.arange(4), np.array([1.0, 3.0, 2.0, 5.0])
    figure = plots.lines({"one": (x, y), "two": (x, 2 * y)}, "x", "y", "Two lines.")
    drawn = figure.axes[0].get_lines()
    assert [line.get_ydata().tolist() for line in drawn] == [y.tolist(), (2 * y).tolist()]
    assert figure.png().startswith(PNG) and len(figure.png(small=True)) < len(figure.png())
    bundle, metadata = figure._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == figure.png(small=True)
    assert bundle["text/plain"] == "Figure: Two lines."
    assert metadata["image/png"] == {"alt": "Two lines.", "width": 768, "height": round(3.4 * 96)}


def test_drawn_numbers_are_those_given():
    values = [1.0, 4.0, 2.0]
    bars = plots.bars("abc", values, "x", "y", "Bars.")
    assert [bar.get_height() for bar in bars.axes[0].patches] == values and bars.alt_text == "Bars."
    counts = np.array([[5, 1], [2, 7]])
    matrix = plots.confusion_matrix(counts, "Counts.")
    assert [int(text.get_text()) for text in matrix.axes[0].texts] == counts.ravel().tolist()


NAMES = ["W1", "b1", "W2", "b2", "W3", "b3"]


def batch(rng):
    return rng.standard_normal((8, 6)), rng.integers(0, 4, 8)


def checked(net, weight_decay=0.1, seed=0, method="central"):
    """The relative error of each parameter array, for a network that has seen another batch before."""
    rng = np.random.default_rng(seed)
    X, y = batch(rng)
    net.loss_and_gradients(*batch(rng))
    return [row.relative_error for row in gradient_check(net, X, y, weight_decay, method).rows]


def signs(errors):
    return "".join("#" if e > 1e-3 else "." if e < 1e-7 else "?" for e in errors)


def repaired(net):
    """The same network, parameters and all, with the right backward pass."""
    right = bugs.Stepwise(net.sizes, net.activation, net.output, net.loss_name, dtype="float64")
    for mine, its in zip(right.parameters(), net.parameters(), strict=True):
        mine[...] = its
    return right


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_stepwise_is_right(activation, loss):
    net = bugs.Stepwise([6, 5, 5, 4], activation, loss=loss, dtype="float64")
    for b in net.biases:
        b += 0.1  # at 0 a row of dead units would put the next layer exactly on the ReLU's kink
    assert max(checked(net)) < 1e-7 and max(checked(net, 0)) < 1e-7
    rng = np.random.default_rng(0)
    same = Network([6, 5, 5, 4], activation, loss=loss, dtype="float64")
    same.biases[:] = [b.copy() for b in net.biases]
    X, y = batch(rng)
    for mine, its in zip(net.loss_and_gradients(X, y, 0.1)[1], same.loss_and_gradients(X, y, 0.1)[1], strict=True):
        assert np.array_equal(mine[0], its[0]) and np.array_equal(mine[1], its[1])


@pytest.mark.parametrize("letter", bugs.BUGS)
def test_each_bug_is_found_where_the_notebook_says(letter):
    assert signs(checked(bugs.network(letter, [6, 5, 5, 4]))) == FOUND[letter]
    assert bugs.explain(letter)[0].isupper() or bugs.explain(letter)[0] == "Ŷ"
    assert bugs.explain(letter).endswith(".") and "\n" not in bugs.explain(letter)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("letter", bugs.BUGS)
def test_the_check_flags_the_spoilt_arrays_and_no_other(letter, seed):
    """Which arrays a bug spoils is seen without measuring: there its gradient is not the right backward pass's."""
    net = bugs.network(letter, [6, 5, 5, 4], seed=seed)
    right = repaired(net)
    rng = np.random.default_rng(seed)
    X, y = batch(rng)
    net.loss_and_gradients(*batch(rng))
    gradients = [[a for pair in n.loss_and_gradients(X, y, 0.1)[1] for a in pair] for n in (net, right)]
    guilty = [not np.array_equal(mine, its) for mine, its in zip(*gradients, strict=True)]
    assert any(guilty)
    errors = checked(net, seed=seed)
    assert [error > 1e-3 for error in errors] == guilty
    assert all(error < 1e-7 for error, spoilt in zip(errors, guilty, strict=True) if not spoilt)
    assert max(checked(right, seed=seed)) < 1e-7
    assert max(checked(right, seed=seed, method="complex")) < 1e-12


def test_only_the_penalty_s_bugs_vanish_with_it():
    silent = [letter for letter in bugs.BUGS if max(checked(bugs.network(letter, [6, 5, 5, 4]), 0)) < 1e-7]
    assert [bugs.BUGS[letter].cause for letter in silent] == ["bias", "penalty"]


def test_the_hunt_s_hints_rest_on_what_the_notebook_shows():
    for letter, bug in bugs.BUGS.items():
        assert [name in hunt._spoilt()[bug.cause] for name in NAMES] == [sign == "#" for sign in FOUND[letter]]
    assert list(bugs.causes()) == sorted(bug.cause for bug in bugs.BUGS.values())
    assert set(bugs.causes().values()) == set(map(bugs.explain, bugs.BUGS))


@pytest.mark.parametrize("letter", bugs.BUGS)
def test_each_wrong_verdict_gets_a_hint_that_does_not_name_the_answer(letter):
    right = {other: bug.cause for other, bug in bugs.BUGS.items()}
    for cause in bugs.causes():
        verdict = judge(EXERCISES["bug_hunt"], right | {letter: cause})
        assert verdict.passed == (cause == right[letter])
        if not verdict.passed:
            assert f"Not right: {letter}." in verdict.message and f"{letter}: `{cause}`" in verdict.message
            assert f"`{right[letter]}`" not in verdict.message


# ---------------------------------------------------------------------------------------------- every picture

X, LABELS = np.random.default_rng(0).random((12, 784)), np.arange(12) % 10
RUN = History([2.3, 1.0], [0.0, 0.2], [0.1, 0.7], [2.4, 1.2], [0.1, 0.6], [0.1, 0.1], [0.0, 1.0])
STOPPED = History([2.3], [0.0], [0.1], [2.4], [0.1], [0.1], [0.0], stopped="diverged in epoch 1", diverged=True)
PICTURES = {
    "digits": lambda alt: plots.digits(X, LABELS, alt, wrong=LABELS == 3),
    "pixel_values": lambda alt: plots.pixel_values((255 * X[0]).astype(np.uint8), alt),
    "panels": lambda alt: plots.panels([{"series": {"a": ([0, 1], [2, 3])}, "xlabel": "x", "ylabel": "y"}] * 2, alt),
    "training_curves": lambda alt: plots.training_curves({"a": RUN, "b": RUN, "c": RUN}, alt, zoom=0.1, loss_limit=2),
    "heat_map": lambda alt: plots.heat_map(np.array([[0.1, 0.9], [0.5, 0.4]]), "ab", "cd", "y", "x", alt),
    "weight_images": lambda alt: plots.weight_images(X[:3].T - 0.5, "abc", alt),
    "tangent": lambda alt: moving.Tangent(np.arange(5.0), np.arange(5.0) ** 2, "w", "J").show(2.0, 4.0, 4.0, alt),
    "valley": lambda alt: plots.valley({"a": np.ones((3, 2)), "b": np.zeros((3, 2))}, (1, 25), alt),
    "spread_by_layer": lambda alt: plots.spread_by_layer({"a": [X[:2], X[2:4]], "b": [X[:2], X[2:4]]}, alt),
    "intervals": lambda alt: plots.intervals(["a", "b"], [0.9, 0.8], [0.1, 0.2], "x", alt),
    "scatter": lambda alt: plots.scatter({"a": ([1, 2], [3, 4])}, {"a": [0.5, 0.6]}, "x", "y", alt, log="xy"),
    "regions": lambda alt: plots.regions({"a": lambda P: (P[:, 0] > 0).astype(int)}, X[:, :2], LABELS % 2, alt),
    "graph": lambda alt: plots.graph({"a": (0, 0, "a"), "b": (1, 1, "b")}, [("a", "b", "1", "2")], alt),
    "regularization": lambda alt: moving.Regularization(1).show(RUN, X[:12].T - 0.5, alt),
    "regularization of a run that diverged": lambda alt: moving.Regularization(1).show(STOPPED, X[:12].T - 0.5, alt),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_drawn_with_its_words(name):
    figure = PICTURES[name]("in words")
    data, metadata = figure._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(PNG) and data["text/plain"] == "Figure: in words"
    assert metadata["image/png"]["alt"] == "in words"
    assert metadata["image/png"]["width"] == round(96 * figure.get_figwidth())


def test_the_tangent_touches_the_curve():
    curve, line, point = PICTURES["tangent"]("").axes[0].get_lines()
    (x0, x1), (y0, y1) = line.get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(4.0) and (y0 + y1) / 2 == 4.0 and (x0 + x1) / 2 == 2.0
    assert list(curve.get_ydata()) == [0, 1, 4, 9, 16] and list(point.get_data()[0]) == [2.0]


def test_curves_show_the_history():
    loss, accuracy, _ = PICTURES["regularization"]("").axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in loss.get_lines()}
    assert drawn == {"training": [2.3, 1.0], "validation": [2.4, 1.2], "penalty": [0.0, 0.2]}
    assert [list(line.get_ydata()) for line in accuracy.get_lines()] == [[0.1, 0.7], [0.1, 0.6]]
    assert "diverged" in [
        text.get_text() for text in PICTURES["regularization of a run that diverged"]("").axes[1].texts
    ]


def test_what_cannot_be_drawn_is_refused_in_words(mnist):
    with pytest.raises(ValueError, match="no images to show"):
        plots.digits(mnist.test.images[:0])
    with pytest.raises(TypeError, match="give its .images"):
        plots.digits(mnist.test[:3])
    with pytest.raises(TypeError, match="histories must be a History"):
        plots.training_curves(Network([784, 10]))
