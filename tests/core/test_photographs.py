"""photographs: small pictures of each condition, what must be told, and odd pictures that must not stop anything."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageDraw

from mnist_scratch import Network
from mnist_scratch.files import UserError
from mnist_scratch.photographs import digit_alone
from mnist_scratch.prepare import prepare_digit, read_picture

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPHS = ROOT / "notebooks" / "images" / "photographs"
CONDITIONS = sorted(folder.name for folder in PHOTOGRAPHS.iterdir())


@pytest.fixture(scope="module")
def net():
    return Network.load(ROOT / "results" / "relu-128-64" / "model.npz")


def read(net, picture):
    """The answer of a network, and the doubts."""
    alone, doubts = digit_alone(picture)
    return int(net.predict(prepare_digit(alone)[np.newaxis])[0]), doubts


def clean(digit):
    """A clean photograph of a digit: (240, 240) from 0 to 1."""
    return read_picture(PHOTOGRAPHS / "clean" / f"{digit}.jpg").copy()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_photographs_are_read_and_nothing_is_said_about_them(net, condition):
    read_wrong, told = [], []
    for digit in range(10):
        answer, doubts = read(net, read_picture(PHOTOGRAPHS / condition / f"{digit}.jpg"))
        read_wrong += [digit] if answer != digit else []
        told += doubts
    assert len(read_wrong) <= 1 and len(told) <= 1, (read_wrong, told)


@pytest.mark.parametrize("turns", [0, 2])
@pytest.mark.parametrize("light", [False, True])
def test_neither_turning_nor_white_ink_changes_what_is_cut_out(turns, light):
    picture = read_picture(PHOTOGRAPHS / "cell_edges" / "4.jpg")
    expected = digit_alone(picture)[0]
    found, doubts = digit_alone(np.rot90(1 - picture if light else picture, turns))
    assert doubts == [] and found.shape == np.rot90(expected, turns).shape
    assert np.abs(found - np.rot90(expected, turns)).mean() < 0.02


def drawn_on(picture, draw):
    """The picture with black lines on it, which `draw` draws."""
    image = Image.fromarray((255 * picture).astype(np.uint8))
    draw(ImageDraw.Draw(image))
    return np.asarray(image) / np.float32(255)


RULES = {
    "ruled": lambda d: [d.line((0, y, 240, y + 6), 60, 2) for y in range(-10, 250, 24)],
    "squared": lambda d: [d.line(line, 90, 1) for k in range(7, 240, 19) for line in ((0, k, 240, k), (k, 0, k, 240))],
    "margin": lambda d: d.line((30, 0, 36, 240), 80, 2),
    "box": lambda d: d.rectangle((12, 16, 228, 226), outline=0, width=3),
    "long box": lambda d: d.rectangle((12, 45, 228, 205), outline=0, width=3),
    "ring": lambda d: d.ellipse((10, 10, 230, 230), outline=0, width=4),
    "underline": lambda d: d.line((40, 205, 200, 202), 0, 3),
    "two lines below": lambda d: [d.line((40, y, 200, y), 0, 3) for y in (203, 212)],
    "bar at the top": lambda d: d.rectangle((0, 0, 240, 20), 30),
}


@pytest.mark.parametrize("name", RULES)
def test_what_is_no_digit_is_taken_out(net, name):
    digits = (1, 4, 5, 8)
    assert tuple(read(net, drawn_on(clean(digit), RULES[name]))[0] for digit in digits) == digits


@pytest.mark.parametrize(("digit", "other"), [(0, 4), (3, 7), (1, 1)])
def test_a_second_digit_is_told(digit, other):
    both = np.concatenate([clean(digit)[:, 50:190], clean(other)[:, 50:190]], axis=1)
    assert digit_alone(both)[1] != []
    assert digit_alone(both[::-1, ::-1])[1] != []


@pytest.mark.parametrize("side", range(4))
def test_a_digit_cut_off_is_told(side):
    cut = [clean(8)[110:], clean(8)[:130], clean(8)[:, 115:], clean(8)[:, :125]][side]
    assert digit_alone(clean(8))[1] == [] and digit_alone(cut)[1] != []


def test_a_hand_drawn_frame_is_told():
    assert digit_alone(drawn_on(clean(3), RULES["ring"]))[1] != []


def told_or_refused(picture):
    """Whether nothing is read without a word."""
    try:
        return digit_alone(picture)[1] != []
    except UserError as error:
        return str(error).startswith("picture has nothing in it")


def test_strokes_of_the_digit_are_not_taken_for_lines(net):
    """4 and 7 are made of straight strokes, and in a tight crop they cross the picture."""
    for digit in (1, 4, 7):
        rows, columns = np.nonzero(clean(digit) < 0.5)
        tight = clean(digit)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        answer, doubts = read(net, tight)
        assert answer == digit or doubts
        assert read(net, np.pad(tight, 12, constant_values=1))[0] == digit


STRAIGHT = {
    1: [(75, 90, 125, 45), (125, 45, 125, 200)],
    4: [(110, 40, 70, 135), (70, 135, 165, 135), (140, 90, 136, 205)],
    7: [(70, 50, 160, 50), (160, 50, 105, 200)],
}


@pytest.mark.parametrize("digit", STRAIGHT)
def test_digits_of_thin_straight_strokes_stay_whole(digit):
    paper = np.ones((240, 240), np.float32)
    picture = drawn_on(paper, lambda d: [d.line(stroke, 0, 4) for stroke in STRAIGHT[digit]])
    tall = np.ptp(np.flatnonzero((picture < 0.5).any(axis=1)))
    alone, doubts = digit_alone(picture)
    assert doubts == [] and abs(np.ptp(np.flatnonzero((alone < 0.5).any(axis=1))) - 256 / 240 * tall) < 16


@pytest.mark.parametrize("digit", STRAIGHT)
def test_strokes_of_a_thin_pen_become_a_pixel_wide(digit):
    picture = drawn_on(np.ones((240, 240), np.float32), lambda d: [d.line(s, 0, 2) for s in STRAIGHT[digit]])
    row = prepare_digit(digit_alone(picture)[0])
    x, y, X, Y = np.transpose(STRAIGHT[digit])
    length = np.hypot(X - x, Y - y).sum() * 20 / np.ptp([y, Y])  # in a field of 28×28, a digit is 20 high
    assert row.sum() >= length


def test_a_scrap_of_a_line_beside_the_digit_is_no_second_one():
    scrap = drawn_on(clean(4), lambda d: d.line((206, 70, 206, 150), 0, 2))  # as of the edge of a window
    assert digit_alone(scrap)[1] == digit_alone(clean(4))[1] == []


def test_marks_on_the_table_around_the_sheet_are_not_told():
    table = np.pad(clean(3), 60, constant_values=0.3)
    grain = [(20, 60, 30, 200), (335, 100, 340, 359)]
    assert digit_alone(drawn_on(table, lambda d: [d.line(line, 30, 5) for line in grain]))[1] == []


@pytest.mark.parametrize("name", ["ruled", "squared", "box"])
def test_paper_without_a_digit_is_refused_or_told(name):
    blank = drawn_on(np.full((240, 240), 0.9, np.float32), RULES[name])
    assert told_or_refused(blank)
    if name != "box":
        with pytest.raises(UserError):
            digit_alone(blank)


NOISE = np.random.default_rng(0).random((240, 240), np.float32)


@pytest.mark.parametrize(
    "picture",
    [
        *(np.full((300, 200), level, np.float32) for level in (0, 0.5, 1)),
        0.9 + 0.02 * NOISE,
        np.add.outer(np.linspace(0.2, 0.9, 200), np.zeros(300)),
        *(np.zeros(shape) for shape in [(1, 500), (500, 1), (0, 5), (7, 7)]),
    ],
)
def test_a_picture_with_nothing_in_it_is_refused(picture):
    with pytest.raises(UserError, match="^sheet 7"):
        digit_alone(picture, name="sheet 7")


@pytest.mark.parametrize("picture", [np.zeros((20, 20, 3)), np.zeros((20, 20), complex), np.full((20, 20), np.nan)])
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ValueError, match="^photo"):
        digit_alone(picture, name="photo")


SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, SHAPES) | arrays(np.float64, SHAPES, elements=FINITE))
def test_any_array_gives_a_digit_or_a_plain_refusal(picture):
    try:
        alone, doubts = digit_alone(picture, name="thing")
    except ValueError as error:
        assert str(error).startswith("thing")
    else:
        assert alone.dtype == np.float32 and alone.min() >= 0 and alone.max() == 1
        assert all(isinstance(doubt, str) for doubt in doubts)


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_all_kinds_ends(seed):
    rng = np.random.default_rng(seed)
    assert told_or_refused(rng.random((500, 500)) if seed else np.kron(rng.random((60, 60)), np.ones((8, 8))))
