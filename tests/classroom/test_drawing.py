"""The drawing pad: strokes become pictures, pictures rows, rows words; it follows its strokes and its network."""

import re

import numpy as np
import pytest
import traitlets

from mnist_scratch import SGD, Network, fit
from mnist_scratch.classroom import drawing
from mnist_scratch.classroom.drawing import DrawingPad, draw_a_digit, picture_of, read_drawing
from tools.strokes import DIGITS


@pytest.fixture(scope="module")
def net(mnist):
    net = Network([784, 128, 10], seed=1)
    fit(net, mnist.train[:20_000], epochs=4, batch_size=64, optimizer=SGD(0.1, momentum=0.9), progress=False, seed=1)
    return net


def answer(live):
    return int(re.search(r"says (\d)", live.words.value)[1])


def test_ink_is_where_the_pen_went():
    picture = picture_of([[[0.25, 0.5], [0.75, 0.5]], [[0.25, 0.75], [0.25, 0.9]]])
    assert picture.shape == (280, 280) and picture.dtype == np.uint8
    rows, columns = np.nonzero(picture[:170] < 128)  # the first stroke: x is across, y is down, round ends beyond
    assert (rows.min(), rows.max()) == pytest.approx((129, 150), abs=1)
    assert (columns.min(), columns.max()) == pytest.approx((59, 220), abs=1)
    assert np.count_nonzero(picture[:170, 140] < 128) == pytest.approx(22, abs=1)  # as wide in the middle
    columns = np.nonzero(picture[170:] < 128)[1]
    assert (columns.min(), columns.max()) == pytest.approx((59, 80), abs=1)
    assert picture.min() == 17 and picture[0, 0] == 255 and np.all(picture_of([]) == 255)
    small, large = picture_of(DIGITS[5], 140), picture_of(DIGITS[5], 280)
    assert np.abs(large.reshape(140, 2, 140, 2).mean(axis=(1, 3)) - small).mean() < 1, "the side only scales"


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        ("ab", "must be a list of strokes"),
        (np.zeros((1, 1, 2)), "must be a list of strokes"),
        ([[0.1, 0.2]], "stroke 0 must be a list of points"),
        ([[[0.1, 0.2]], []], "stroke 1 must be a list of points"),
        ([[[0.1, 0.2, 0.3]]], "stroke 0 must be a list of points"),
        ([[[0.1, 0.2], [0.3]]], "stroke 0 must be a list of points"),
        ([[["x", "y"]]], "stroke 0 must be a list of points"),
        ([[[0.5, 1.01]]], "stroke 0 has a point off the sheet"),
        ([[[0.5, float("nan")]]], "stroke 0 has a point off the sheet"),
    ],
)
def test_malformed_strokes_are_named_and_the_sheet_stays(net, strokes, message):
    pad = DrawingPad(strokes=DIGITS[3])
    for refuse in (picture_of, lambda strokes: read_drawing(net, strokes)):
        with pytest.raises(ValueError, match=message):
            refuse(strokes)
    with pytest.raises(traitlets.TraitError):
        pad.strokes = strokes
    assert pad.strokes == DIGITS[3]


def test_digits_drawn_by_hand_are_read(net):
    said = {}
    for digit, strokes in DIGITS.items():
        row, probabilities, words = read_drawing(net, strokes)
        assert row.shape == (784,) and row.dtype == np.float32 and row.max() == 1
        assert probabilities.sum() == pytest.approx(1, abs=1e-5)
        said[digit] = int(probabilities.argmax())
        assert words.startswith(f"The network says {said[digit]} with probability")
    assert sum(digit == answer for digit, answer in said.items()) >= 8, said

    class Undecided(Network):
        def predict_proba(self, X):
            return np.array([[0.02, 0, 0, 0.7, 0, 0, 0, 0, 0.28, 0]])

    words = read_drawing(Undecided([784, 10]), DIGITS[3])[2]
    assert words == "The network says 3 with probability 70%; next comes 8 with 28%."


@pytest.mark.parametrize("digit", [1, 7])
def test_size_and_place_on_the_sheet_do_no_harm(net, digit):
    points = np.concatenate(DIGITS[digit])
    low, high = points.min(axis=0), points.max(axis=0)
    stretched = [((np.array(stroke) - low) / (high - low).max()).tolist() for stroke in DIGITS[digit]]
    in_a_corner = [[[x / 2, y / 2] for x, y in stroke] for stroke in stretched]
    assert [int(read_drawing(net, s)[1].argmax()) for s in (stretched, in_a_corner)] == [digit, digit]


@pytest.mark.parametrize(
    ("strokes", "words"),
    [
        ([], "empty"),
        ([[[0.5, 0.5], [0.55, 0.6]]], "Too small"),
        ([[[x, y]] for x in (0.2, 0.5, 0.8) for y in (0.2, 0.5, 0.8)], "No digit stands out"),
    ],
)
def test_what_is_no_digit_is_said_to_be_none(net, strokes, words):
    row, probabilities, said = read_drawing(net, strokes)
    assert row is None and probabilities is None and words in said


@pytest.mark.parametrize("weight", [np.nan, 1e38])
def test_a_diverged_network_is_named(weight):
    net = Network([784, 16, 10])
    net.weights[0][:] = net.weights[1][:] = weight  # 1e38: no NaN yet, but an overflow, which must not warn either
    row, probabilities, words = read_drawing(net, DIGITS[3])
    assert row is not None and probabilities is None and "diverged" in words
    assert "diverged" in draw_a_digit(net).words.value


def test_it_starts_with_an_example_and_follows_the_strokes(net):
    live = draw_a_digit(net)
    assert live.pad.strokes == drawing.EXAMPLE and answer(live) == 3 and "example" in live.words.value
    pictures = [bytes(live.image.value)]
    live.pad.strokes = DIGITS[7]
    assert answer(live) == 7 and "example" not in live.words.value
    np.testing.assert_array_equal(live.row, read_drawing(net, DIGITS[7])[0])
    pictures.append(bytes(live.image.value))
    bundle, metadata = live._repr_mimebundle_()  # a still picture with its words goes beside the view
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(bundle)
    assert metadata["image/png"]["alt"] == live.words.value
    live.pad.strokes = []
    assert "empty" in live.words.value and live.row is None
    pictures.append(bytes(live.image.value))
    live.pad.strokes = DIGITS[7]
    assert live.image.value == pictures[1] and len(set(pictures)) == 3, "something of what was shown is left over"

    live.pad.strokes = DIGITS[4]
    live.undo.click()
    assert live.pad.strokes == DIGITS[4][:1]
    live.undo.click()
    live.undo.click()  # there is nothing to take off any more
    assert live.pad.strokes == []
    live.pad.strokes = [np.array([[0.25, 0.5], [0, 1]])]
    assert live.pad.get_state()["strokes"] == [[[0.25, 0.5], [0, 1]]], "the browser cannot be sent arrays"
    assert live.pad.get_state()["pen"] == drawing.PEN
    live.clear.click()
    assert live.pad.strokes == [] and "empty" in live.words.value


def test_the_network_can_be_swapped_and_read_again(net):
    live = draw_a_digit(Network([784, 10], seed=3))
    live.pad.strokes = DIGITS[0]
    before, picture = live.words.value, live.image.value
    live.net = net
    assert answer(live) == 0 and live.words.value != before and live.image.value != picture
    live.net = other = Network([784, 8, 10])
    other.biases[-1][6] = 100  # more training
    live.net = other
    assert answer(live) == 6
    with pytest.raises(ValueError, match="net must have 784 inputs and 10 outputs, not 784 and 5"):
        draw_a_digit(Network([784, 5]))
