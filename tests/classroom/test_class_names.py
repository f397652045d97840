"""Classes with names: pictures, playground and pad say Sandal where they would say 5, and letters are more than ten."""

import numpy as np
import pytest

from mnist_scratch import MNIST, Dataset, Network, fit
from mnist_scratch.classroom import plots, reports, widgets
from mnist_scratch.classroom.drawing import EXAMPLE, draw_a_digit, read_drawing
from mnist_scratch.classroom.playground import playground
from mnist_scratch.datasets import CLASS_NAMES
from mnist_scratch.recipes import find_recipe
from mnist_scratch.runs import Run

NAMES = {"clothes": CLASS_NAMES["fashion"], "letters": CLASS_NAMES["emnist-letters"]}


@pytest.fixture(params=NAMES)
def named(mnist, request):
    """Genuine digits under other names; of letters, every fifth digit is one beyond the tenth."""
    names = NAMES[request.param]

    def renamed(part, n):
        labels = part.labels[:n].copy()
        if len(names) > 10:
            labels[::5] += 10 + np.arange(len(labels[::5])) % 7
        return Dataset(part.images[:n], labels, names)

    return MNIST(renamed(mnist.train, 2000), renamed(mnist.validation, 400), renamed(mnist.test, 400))


def texts(figure):
    """All that is written in a figure, captions and ticks included."""
    figure.png()
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def words(figure, names):
    """The classes' names that are written in a figure."""
    joined = "\n".join(texts(figure)).replace("→", "\n").replace("not ", "\n")
    return {name for name in names if name in [line.strip() for line in joined.split("\n")]}


def test_the_pictures_of_a_run_name_the_classes(named):
    names, recipe = named.train.names, find_recipe("softmax-regression")
    net = Network((784, len(names)), seed=0)
    histories = {"all": fit(net, named.train, epochs=1, validation=named.validation, progress=False)}
    answers = net.predict(named.test.images)
    measured = set(named.test.labels.tolist())  # of the letters, two are not in so few test images
    right = answers == named.test.labels
    classes = [float(right[named.test.labels == k].mean()) if k in measured else None for k in range(len(names))]
    numbers = {"seed": 0, "test_accuracy": float(np.mean(answers == named.test.labels)), "digit_accuracy": classes}
    figures = reports.pictures(recipe, Run(net, histories, numbers), named.test)
    assert words(figures["confusion_matrix"], names) == set(names)
    assert words(figures["digit_accuracy"], names) == {names[k] for k in measured}
    right = {names[label] for label in named.test.labels[answers == named.test.labels]}
    wrong = np.flatnonzero(answers != named.test.labels)
    shown = words(figures["sample_predictions"], names)
    assert right <= shown and any(names[label] in shown for label in named.test.labels[wrong])
    assert not any("digit" in text for figure in figures.values() for text in [*texts(figure), figure.alt_text])


def test_the_playground_names_what_it_misreads(named):
    names = named.train.names
    play = playground(named)
    try:
        assert play.training.net.sizes[-1] == len(names)
        examples, answers = play.training.answers()
        wrong = np.flatnonzero(answers != examples.labels)
        figure = play.figure
        captions = [text.replace("\n", " ") for text in texts(figure) if "→" in text]
        expected = [f"{names[examples.labels[i]]} → {names[answers[i]]}" for i in wrong]
        assert len(captions) >= 6 and captions == expected[: len(captions)]
        assert words(play.drawing.figure, names) == set(names)
        said = names[int(play.drawing.probabilities.argmax())]
        assert f"The network says {said} with" in play.drawing.words.value
    finally:
        play.close()


def test_the_captions_of_misread_pictures_do_not_overlap(named):
    play = playground(named)
    try:
        figure = play.figure
        figure.live_png()
        boxes = [text.get_window_extent() for text in figure._captions if text.get_text()]
        assert len(boxes) >= 6
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
    finally:
        play.close()


def test_what_a_broken_network_says_to_every_picture_has_a_name(named):
    play = playground(named)
    try:
        for array in play.training.net.parameters():
            array[...] = 0
        play.training.net.biases[-1][6] = 1
        play.step(0)
        assert f"It says {named.train.names[6]} to every picture." in play.figure.alt_text
    finally:
        play.close()


def test_a_drawing_is_answered_with_a_name():
    names = tuple("abc")
    net = Network([784, 3], seed=0)
    net.weights[0][...] = 0
    net.biases[0][...] = [0, 3, 9]
    assert "says c with probability over 99%; every other class" in read_drawing(net, EXAMPLE, names)[2]
    net.biases[0][...] = [0, 3, 3.5]
    assert "says c with probability 61%; next comes b with 37%" in read_drawing(net, EXAMPLE, names)[2]
    assert draw_a_digit(net, names).probabilities.shape == (3,)
    for strokes in ([], [[[0.5, 0.5], [0.51, 0.5]]]):
        assert "digit" not in read_drawing(net, strokes, names)[2]
    with pytest.raises(ValueError, match="3 outputs, one for each of names"):
        draw_a_digit(Network([784, 10]), names)


def test_each_class_is_browsed_by_its_name(named):
    data = named.train
    if len(data.names) > 10:
        with pytest.raises(ValueError, match="fewer than ten"):
            widgets.browse_digits(data)
        return
    live = widgets.browse_digits(data)
    for k, name in enumerate(data.names):
        live.set(digit=k)
        assert f"Ten images of {name}, page 0" in live.figure.alt_text
        first = live.figure.axes[0].images[0].get_array()
        np.testing.assert_array_equal(first, data.images[data.labels == k][0].reshape(28, 28))


def test_names_may_be_long_and_classes_many():
    names = [f"a rather long name {k}" for k in range(30)]
    figure = plots.confusion_matrix(np.arange(900).reshape(30, 30), names=names)
    assert words(figure, names) == set(names)
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in zip(boxes, boxes[1:], strict=False))
    assert all(box.x0 >= 0 for box in boxes)


SHOWN = {
    "watch_forward_pass": (lambda net, data: widgets.watch_forward_pass(net, data), {"example": 3}),
    "adversarial_digit": (lambda net, data: widgets.adversarial_digit(net, data), {"example": 3}),
    "distort": (lambda net, data: widgets.distort(net, data), {"example": 3}),
}


@pytest.mark.parametrize("make, moved", SHOWN.values(), ids=list(SHOWN))
def test_pictures_of_one_example_call_it_and_its_answer_by_name(named, make, moved):
    names, data = named.train.names, named.test[:20]
    net = Network([784, 8, len(names)], seed=2)
    live = make(net, data)
    live.set(**moved)
    label, said = names[data.labels[3]], names[net.predict(data.images[3:4])[0]]
    assert f"Example 3, labeled {label}," in live.figure.alt_text and said in live.figure.alt_text
    if make is not SHOWN["distort"][0]:
        assert words(live.figure, names) >= set(names)
    boxes = [axis.title.get_window_extent() for axis in live.figure.axes if axis.get_title()]
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])
