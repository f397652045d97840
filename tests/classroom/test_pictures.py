"""Pictures: each shows the numbers that it is given, with its words, and looks the same on every machine."""

import base64

import numpy as np
import pytest

from mnist_scratch import History, Network
from mnist_scratch.classroom import moving, plots

X, LABELS = np.random.default_rng(0).random((12, 784)), np.arange(12) % 10
RUN = History([2.3, 1.0], [0.0, 0.2], [0.1, 0.7], [2.4, 1.2], [0.1, 0.6], [0.1, 0.1], [0.0, 1.0])
STOPPED = History([2.3], [0.0], [0.1], [2.4], [0.1], [0.1], [0.0], stopped="diverged in epoch 1", diverged=True)
PICTURES = {
    "digits": lambda alt: plots.digits(X, LABELS, alt, wrong=LABELS == 3),
    "pixel_values": lambda alt: plots.pixel_values((255 * X[0]).astype(np.uint8), alt),
    "lines": lambda alt: plots.lines({"one": ([0, 1, 2], [1, 3, 2]), "two": ([0, 1, 2], [2, 6, 4])}, "x", "y", alt),
    "panels": lambda alt: plots.panels([{"series": {"a": ([0, 1], [2, 3])}, "xlabel": "x", "ylabel": "y"}] * 2, alt),
    "training_curves": lambda alt: plots.training_curves({"a": RUN, "b": RUN, "c": RUN}, alt, zoom=0.1, loss_limit=2),
    "bars": lambda alt: plots.bars("abc", [1.0, 4.0, 2.0], "x", "y", alt, log=True, texts="123", ylim=(1, 9)),
    "heat_map": lambda alt: plots.heat_map(np.array([[0.1, 0.9], [0.5, 0.4]]), "ab", "cd", "y", "x", alt),
    "confusion_matrix": lambda alt: plots.confusion_matrix(np.array([[5, 1], [2, 7]]), alt),
    "weight_images": lambda alt: plots.weight_images(X[:3].T - 0.5, "abc", alt),
    "valley": lambda alt: plots.valley({"a": np.ones((3, 2)), "b": np.zeros((3, 2))}, (1, 25), alt),
    "spread_by_layer": lambda alt: plots.spread_by_layer({"a": [X[:2], X[2:4]], "b": [X[:2], X[2:4]]}, alt),
    "intervals": lambda alt: plots.intervals(["a", "b"], [0.9, 0.8], [0.1, 0.2], "x", alt),
    "scatter": lambda alt: plots.scatter({"a": ([1, 2], [3, 4])}, {"a": [0.5, 0.6]}, "x", "y", alt, log="xy"),
    "regions": lambda alt: plots.regions({"a": lambda P: (P[:, 0] > 0).astype(int)}, X[:, :2], LABELS % 2, alt),
    "graph": lambda alt: plots.graph({"a": (0, 0, "a"), "b": (1, 1, "b")}, [("a", "b", "1", "2")], alt),
    "tangent": lambda alt: moving.Tangent(np.arange(5.0), np.arange(5.0) ** 2, "w", "J").show(2.0, 4.0, 4.0, alt),
    "regularization": lambda alt: moving.Regularization(1).show(RUN, X[:12].T - 0.5, alt),
    "diverged": lambda alt: moving.Regularization(1).show(STOPPED, X[:12].T - 0.5, alt),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_shows_itself_with_its_words_under_any_matplotlibrc(name, matplotlibrc):
    figure = PICTURES[name]("in words")
    data, metadata = figure._repr_mimebundle_()
    assert data["text/plain"] == "Figure: in words" and metadata["image/png"]["alt"] == "in words"
    assert metadata["image/png"]["width"] == round(96 * figure.get_figwidth())
    png = base64.b64decode(data["image/png"])
    assert len(png) < len(figure.png())
    with matplotlibrc():
        assert PICTURES[name]("in words").png(small=True) == png


def test_drawn_numbers_are_those_given():
    assert [line.get_ydata().tolist() for line in PICTURES["lines"]("").axes[0].get_lines()] == [[1, 3, 2], [2, 6, 4]]
    assert [bar.get_height() for bar in PICTURES["bars"]("").axes[0].patches] == [1.0, 4.0, 2.0]
    assert [text.get_text() for text in PICTURES["confusion_matrix"]("").axes[0].texts] == ["5", "1", "2", "7"]
    captions = [(axis.get_title(), axis.title.get_color() == plots.RED) for axis in PICTURES["digits"]("").axes]
    assert captions[:12] == [(str(label), label == 3) for label in LABELS]
    curve, line, point = PICTURES["tangent"]("").axes[0].get_lines()
    (x0, x1), (y0, y1) = line.get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(4.0) and (y0 + y1) / 2 == 4.0 and (x0 + x1) / 2 == 2.0
    assert list(curve.get_ydata()) == [0, 1, 4, 9, 16] and list(point.get_data()[0]) == [2.0]


def test_curves_show_the_history():
    four = {"training": [2.3, 1.0], "validation": [2.4, 1.2]}
    for figure, expected in ((plots.training_curves(RUN), four), (PICTURES["regularization"](""), None)):
        loss, accuracy, *_ = figure.axes
        drawn = {line.get_label(): list(line.get_ydata()) for line in loss.get_lines()}
        assert drawn == (expected or four | {"penalty": [0.0, 0.2]})
        assert [list(line.get_ydata()) for line in accuracy.get_lines()] == [[0.1, 0.7], [0.1, 0.6]]
    marks = [text for text in PICTURES["diverged"]("").axes[1].texts if text.get_visible()]
    assert [mark.get_text() for mark in marks] == ["diverged"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.digits(X[:0]),
        lambda: plots.lines({}, "x", "y"),
        lambda: plots.panels([]),
        lambda: plots.training_curves({}),
        lambda: plots.confusion_matrix(np.zeros((0, 0), int)),
        lambda: plots.heat_map(np.zeros((0, 2)), [], "ab", "y", "x"),
        lambda: plots.weight_images(X[:0].T),
        lambda: plots.valley({}, (1, 25)),
        lambda: plots.spread_by_layer({}),
        lambda: plots.intervals([], [], [], "x"),
        lambda: plots.scatter({}, {}, "x", "y"),
        lambda: plots.regions({}, X[:, :2], LABELS % 2),
        lambda: plots.graph({}, []),
    ],
)
def test_nothing_to_draw_is_said(draw):
    with pytest.raises(ValueError, match="nothing to draw|no images to show"):
        draw()


def test_what_is_no_picture_or_history_is_named(mnist):
    with pytest.raises(TypeError, match="give its .images"):
        plots.digits(mnist.test[:3])
    with pytest.raises(TypeError, match="histories must be a History"):
        plots.training_curves(Network([784, 10]))
