"""Pictures: each shows the numbers that it is given, with its words, and looks the same on every machine."""

import base64

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mnist_scratch import History, Network
from mnist_scratch.classroom import diagrams, moving, plots

X, LABELS = np.random.default_rng(0).random((12, 784)), np.arange(12) % 10
RUN = History([2.3, 1.0], [0.0, 0.2], [0.1, 0.7], [2.4, 1.2], [0.1, 0.6], [0.1, 0.1], [0.0, 1.0])
STOPPED = History([2.3], [0.0], [0.1], [2.4], [0.1], [0.1], [0.0], stopped="diverged in epoch 1", diverged=True)
PICTURES = {
    "digits": lambda alt: plots.digits(X, LABELS, alt, wrong=LABELS == 3),
    "pixel_values": lambda alt: plots.pixel_values((255 * X[0]).astype(np.uint8), alt),
    "lines": lambda alt: plots.lines({"one": ([0, 1, 2], [1, 3, 2]), "two": ([0, 1, 2], [2, 6, 4])}, "x", "y", alt),
    "panels": lambda alt: plots.panels([{"series": {"a": ([0, 1], [2, 3])}, "xlabel": "x", "ylabel": "y"}] * 2, alt),
    "training_curves": lambda alt: plots.training_curves(RUN, alt, zoom=0.1, loss_limit=2),
    "bars": lambda alt: plots.bars("abc", [1.0, 4.0, 2.0], "x", "y", alt, texts="123"),
    "confusion_matrix": lambda alt: plots.confusion_matrix(np.array([[5, 1], [2, 7]]), alt),
    "weight_images": lambda alt: plots.weight_images(X[:3].T - 0.5, "abc", alt),
    "valley": lambda alt: plots.valley({"a": np.ones((3, 2)), "b": np.zeros((3, 2))}, (1, 25), alt),
    "spread_by_layer": lambda alt: plots.spread_by_layer({"a": [X[:2], X[2:4]], "b": [X[:2], X[2:4]]}, alt),
    "intervals": lambda alt: plots.intervals(["a", "b"], [0.9, 0.8], [0.1, 0.2], "x", alt),
    "projections": lambda alt: plots.projections({"a": ([1, 2], [3, 4], [0.6, 0.5])}, "x", "y", "z", alt, log="xy"),
    "regions": lambda alt: plots.regions({"a": lambda P: (P[:, 0] > 0).astype(int)}, X[:, :2], LABELS % 2, alt),
    "graph": lambda alt: plots.graph({"a": (0, 0, "a"), "b": (1, 1, "b")}, [("a", "b", "1", "2")], alt),
    "layers": lambda alt: diagrams.layers([30, 3], ["X", "Z"], alt, unit=(1, 2), outputs="abc", image=X[0]),
    "matrices": lambda alt: diagrams.matrices(
        [[("A", (9, 4), {"row": 1}), "@", ("B", (4, 16)), "=", ("b", (16,))]], alt
    ),
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
    above, plane, beside = (
        [line.get_xydata().tolist() for line in axis.get_lines()] for axis in PICTURES["projections"]("").axes
    )
    assert above == [[[1, 0.6], [2, 0.5]], [[1, 0.6]]]  # all trials, then the best
    assert plane == [[[1, 3], [2, 4]], [[1, 3]]] and beside == [[[0.6, 3], [0.5, 4]], [[0.6, 3]]]


def test_a_stored_picture_is_shown_as_the_figure_that_it_was(tmp_path):
    figure = PICTURES["digits"]("The same in words.")
    (tmp_path / "stored.png").write_bytes(figure.png(small=True))
    stored = plots.StoredPicture(tmp_path / "stored.png", figure.alt_text)
    (data, metadata), (expected, sizes) = stored._repr_mimebundle_(), figure._repr_mimebundle_()
    shown, wanted = metadata["image/png"], sizes["image/png"]
    assert base64.b64decode(data["image/png"]) == (tmp_path / "stored.png").read_bytes()
    assert data["text/plain"] == expected["text/plain"] and shown["alt"] == wanted["alt"]
    assert [shown[side] for side in ("width", "height")] == pytest.approx([wanted["width"], wanted["height"]], abs=1)


def test_sides_of_one_length_have_one_color_and_the_root_of_the_length():
    a_rows, a_columns, b_rows, b_columns, vector = PICTURES["matrices"]("").axes[0].get_lines()
    lengths = {line: np.ptp(line.get_xydata(), axis=0).max() for line in (a_rows, a_columns, b_rows, b_columns, vector)}
    assert [lengths[line] / lengths[a_columns] for line in lengths] == pytest.approx([1.5, 1, 1, 2, 2])
    assert a_columns.get_color() == b_rows.get_color() and b_columns.get_color() == vector.get_color()
    assert len({line.get_color() for line in (a_rows, a_columns, vector)}) == 3


def test_the_weights_of_one_unit_lead_to_it_alone():
    lines = PICTURES["layers"]("").axes[0].get_lines()
    ends = {tuple(line.get_xydata()[-1]) for line in lines if line.get_color() == plots.BLUE}
    assert len(ends) == 1 and len(lines) % 3 == 0


def test_curves_show_the_history():
    four = {"training": [2.3, 1.0], "validation": [2.4, 1.2]}
    for figure, expected in ((plots.training_curves(RUN), four), (PICTURES["regularization"](""), None)):
        loss, accuracy, *_ = figure.axes
        drawn = {line.get_label(): list(line.get_ydata()) for line in loss.get_lines()}
        assert drawn == (expected or four | {"penalty": [0.0, 0.2]})
        assert [list(line.get_ydata()) for line in accuracy.get_lines()] == [[0.1, 0.7], [0.1, 0.6]]
    marks = [text for text in PICTURES["diverged"]("").axes[1].texts if text.get_visible()]
    assert [mark.get_text() for mark in marks] == ["diverged"]


EPOCHS = np.arange(5)


def overlaps(figure):
    """Whether any two texts of a figure that are seen lie on one another, or one leaves the figure."""
    figure.draw_without_rendering()
    texts = [text for axis in figure.axes for text in [*axis.texts, axis.title] if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    inside = all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    return not inside or any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("heights", [[1, 1, 1, 1, 1], [0, 0.01, 0.5, 0.51, 1], [-9, 0.99, 1, 1, 9]])
def test_labels_stand_at_the_ends_of_their_lines_and_never_on_one_another(heights):
    series = {f"run {i}": (EPOCHS, np.append([0, 1, 0, 1], height)) for i, height in enumerate(heights)}
    figure = plots.lines(series, "x", "y", ylim=(-0.1, 1.1), threshold={"all right": 1.0})
    texts = {text.get_text(): text for text in figure.axes[0].texts}
    assert set(texts) == {*series, "all right"} and not overlaps(figure)
    places = [texts[label].get_window_extent().y0 for label in series]
    assert places == sorted(places)  # in the order of the lines' ends
    for line in figure.axes[0].get_lines()[:-1]:  # in the hue of its line
        assert np.argmax(to_rgb(texts[line.get_label()].get_color())) == np.argmax(to_rgb(line.get_color()))


@pytest.mark.parametrize("caption", ["4, not 9", "labeled 4, read as 9 with 100 %", "4, not 9\n100 %"])
def test_captions_never_lie_on_one_another(caption):
    figure = plots.digits(X, [caption] * 12, wrong=np.ones(12, bool))
    assert not overlaps(figure) and figure.get_figwidth() <= 10


@pytest.mark.parametrize(
    "series",
    [
        {"a": (EPOCHS, EPOCHS), "b": (EPOCHS[:3], EPOCHS[:3])},
        {"a": (EPOCHS, EPOCHS), "a label too long for the space beside the panel, as some are": (EPOCHS, -EPOCHS)},
        {f"run {i}": (EPOCHS, EPOCHS) for i in range(30)},
    ],
)
def test_where_labels_have_no_room_a_legend_names_the_lines(series):
    axis = plots.lines(series, "x", "y").axes[0]
    assert not axis.texts and [text.get_text() for text in axis.get_legend().get_texts()] == list(series)


def test_seeds_are_drawn_as_their_mean_in_a_band_from_lowest_to_highest():
    seeds = np.array([[0.1, 0.5], [0.3, 0.9]])
    axis = plots.lines({"training": ([1, 2], seeds)}, "x", "y", percent="y", xticks=[1, 2]).axes[0]
    assert axis.get_lines()[0].get_ydata() == pytest.approx([0.2, 0.7])
    assert set(axis.collections[0].get_paths()[0].vertices[:, 1]) == {0.1, 0.3, 0.5, 0.9}
    assert axis.get_lines()[0].get_color() == plots.TRAINING
    axis.figure.draw_without_rendering()
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1", "2"]
    assert "20 %" in [tick.get_text() for tick in axis.get_yticklabels()]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.digits(X[:0]),
        lambda: plots.lines({}, "x", "y"),
        lambda: plots.panels([]),
        lambda: plots.confusion_matrix(np.zeros((0, 0), int)),
        lambda: plots.weight_images(X[:0].T),
        lambda: plots.valley({}, (1, 25)),
        lambda: plots.spread_by_layer({}),
        lambda: plots.intervals([], [], [], "x"),
        lambda: plots.projections({}, "x", "y", "z"),
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
    with pytest.raises(TypeError, match="history must be a History"):
        plots.training_curves(Network([784, 10]))
