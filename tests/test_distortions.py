"""distortions: maps worked out by hand, interpolation against a slow loop, random fields against their formulas."""

import dataclasses
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_scratch import Distortion, distortions
from mnist_scratch.distortions import elastic_fields, interpolate

ROWS, COLUMNS = np.mgrid[:28, :28].astype("f4")  # where each pixel is
Y, X = ROWS - 13.5, COLUMNS - 13.5  # the same, seen from the middle

ALL = {"translate": 2, "rotate": 10, "scale": 0.1, "shear": 0.2, "elastic": 1.5, "smoothness": 4}
EACH = [{name: ALL[name]} for name in ("translate", "rotate", "scale", "shear", "elastic")]
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def some_images(m=3, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).random((m, 784)).astype(dtype)


def rng(seed=0):
    return np.random.default_rng(seed)


class Always:
    """A generator of only one number: −1 draws the least that a setting allows, 1 the most."""

    def __init__(self, number):
        self.number = number

    def uniform(self, low, high, size):
        assert (low, high) == (-1, 1)
        return np.full(size, float(self.number))


# ----------------------------------------------------------------------------------------------- interpolation


def slowly(image, rows, columns):
    """One image (28, 28) at one place after the other: each of four pixels counts by its nearness."""
    result = np.zeros((28, 28))
    for i in range(28):
        for j in range(28):
            r, c = float(rows[i, j]), float(columns[i, j])
            for row in (math.floor(r), math.floor(r) + 1):
                for column in (math.floor(c), math.floor(c) + 1):
                    if 0 <= row < 28 and 0 <= column < 28:  # elsewhere is paper, 0
                        result[i, j] += (1 - abs(r - row)) * (1 - abs(c - column)) * image[row, column]
    return result.ravel()


@DTYPES
def test_interpolation_is_the_slow_loop(dtype):
    images = some_images(3, dtype)
    rows, columns = rng(1).uniform(-3, 31, (2, 3, 28, 28))  # some are outside, on each of the four sides
    got = interpolate(images, rows, columns)
    assert got.dtype == dtype and got.shape == (3, 784)
    for i in range(3):
        expected = slowly(images[i].reshape(28, 28), rows[i], columns[i])
        np.testing.assert_allclose(got[i], expected, atol=1e-5 if dtype == np.float32 else 1e-13)


def moved(image, down, right):
    """The image looked up so many pixels further down and to the right; paper comes in."""
    result = np.zeros((28, 28), image.dtype)
    for i in range(28):
        for j in range(28):
            if 0 <= i + down < 28 and 0 <= j + right < 28:
                result[i, j] = image[i + down, j + right]
    return result.ravel()


@DTYPES
@given(down=st.integers(-30, 30), right=st.integers(-30, 30))
def test_whole_pixels_are_moved_exactly(dtype, down, right):
    images = some_images(2, dtype)
    got = interpolate(images, np.stack([ROWS + down] * 2), np.stack([COLUMNS + right] * 2))
    assert all(np.array_equal(got[i], moved(images[i].reshape(28, 28), down, right)) for i in (0, 1))


@pytest.mark.parametrize("row, column", [(-1, 5), (28, 5), (5, -1), (5, 28), (-1e6, 5), (5, 1e6), (1e6, -1e6)])
def test_outside_is_paper(row, column):
    places = np.ones((1, 28, 28), "f4")
    assert not interpolate(np.ones((1, 784), "f4"), row * places, column * places).any()


def test_an_edge_fades_into_paper():
    half = np.zeros((1, 28, 28), "f4")
    half[0, 0] = [-0.75, -0.5, 27.25, 27.5] + [0] * 24
    whole = np.full((1, 28, 28), 7, "f4")
    ink = np.ones((1, 784), "f4")
    assert interpolate(ink, half, whole)[0, :5].tolist() == [0.25, 0.5, 0.75, 0.5, 1]
    assert interpolate(ink, whole, half)[0, :5].tolist() == [0.25, 0.5, 0.75, 0.5, 1]


def test_each_image_has_its_own_places():
    images = some_images(3)
    down = np.array([0, 2, -5])[:, None, None]
    got = interpolate(images, ROWS + down, COLUMNS + 0 * down)
    assert all(np.array_equal(got[i], moved(images[i].reshape(28, 28), down[i, 0, 0], 0)) for i in range(3))


# -------------------------------------------------------------------------------------------------- affine maps


@DTYPES
def test_without_settings_an_image_stays_as_it_is(dtype):
    images = some_images(300, dtype)
    got = Distortion()(images, rng())
    assert got.dtype == dtype and np.array_equal(got, images) and not np.shares_memory(got, images)
    assert all((a == b).all() for a, b in zip(Distortion().places(4, rng()), (ROWS, COLUMNS), strict=True))


HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    "settings, draw, rows, columns",
    [
        ({"translate": 3}, 1, ROWS + 3, COLUMNS + 3),
        ({"translate": 1.5}, -1, ROWS - 1.5, COLUMNS - 1.5),
        ({"rotate": 90}, 1, COLUMNS, 27 - ROWS),  # a quarter turn about the middle
        ({"rotate": 90}, -1, 27 - COLUMNS, ROWS),
        ({"rotate": 45}, 1, 13.5 + HALF * (Y + X), 13.5 + HALF * (X - Y)),
        ({"scale": 0.5}, 1, 13.5 + 1.5 * Y, 13.5 + 1.5 * X),
        ({"scale": 0.5}, -1, 13.5 + 0.5 * Y, 13.5 + 0.5 * X),
        ({"shear": 2}, 1, ROWS, COLUMNS + 2 * ROWS - 27),  # the middle stays
        ({"shear": 2}, -1, ROWS, COLUMNS - 2 * ROWS + 27),
        ({"translate": 1, "scale": 0.5}, 1, 14.5 + 1.5 * Y, 14.5 + 1.5 * X),  # a shift is in pixels of the old image
        ({"rotate": 90, "scale": 0.5, "shear": 2}, 1, 13.5 + 1.5 * X, 13.5 + 0.5 * Y),  # 2 − 1.5 times y
    ],
)
def test_maps_by_hand(settings, draw, rows, columns):
    got = Distortion(**settings).places(2, Always(draw))
    for places, expected in zip(got, (rows, columns), strict=True):
        assert places.shape == (2, 28, 28) and places.dtype == np.float32
        np.testing.assert_allclose(places, np.stack([expected] * 2), atol=1e-5)


@DTYPES
def test_whole_pixel_maps_are_exact(dtype):
    images = some_images(2, dtype)
    squares = images.reshape(2, 28, 28)
    turned = Distortion(rotate=90)(images, Always(1)).reshape(2, 28, 28)
    assert all(np.array_equal(turned[:, i, j], squares[:, j, 27 - i]) for i in range(28) for j in range(28))
    shifted = Distortion(translate=2)(images, Always(-1))
    assert all(np.array_equal(shifted[i], moved(squares[i], -2, -2)) for i in (0, 1))
    sheared = Distortion(shear=2)(images, Always(1)).reshape(2, 28, 28)
    for i in range(28):
        assert all(
            np.array_equal(sheared[:, i, j], squares[:, i, j + 2 * i - 27])
            for j in range(max(0, 27 - 2 * i), min(28, 55 - 2 * i))
        )


@DTYPES
def test_a_distorted_image_is_the_slow_loop_at_its_places(dtype):
    images, distortion = some_images(4, dtype), Distortion(**ALL)
    got, (rows, columns) = distortion(images, rng(3)), distortion.places(4, rng(3))
    for i in range(4):
        expected = slowly(images[i].reshape(28, 28), rows[i], columns[i])
        np.testing.assert_allclose(got[i], expected, atol=1e-5)  # the places are float32 in any case


def decoded(distortion, m, seed=0):
    """The maps of m images, read off their places: matrices (m, 2, 2), and where the middle comes from, (m, 2)."""
    places = np.stack(distortion.places(m, rng(seed)), axis=1).astype(float).reshape(m, 2, 784)
    coordinates = np.stack([Y.ravel(), X.ravel(), np.ones(784)])
    solved = places @ np.linalg.pinv(coordinates)
    assert abs(solved @ coordinates - places).max() < 1e-4  # straight lines, so that this is all there is
    return solved[:, :, :2], solved[:, :, 2] - 13.5


def evenly(numbers, largest):
    """Whether thousands of numbers look drawn evenly from −largest to largest."""
    numbers = np.asarray(numbers) / largest
    assert abs(numbers).max() <= 1 + 1e-4
    # within four standard errors of the uniform distribution; 1.8 is its kurtosis, 9/5
    m = len(numbers)
    assert abs(numbers.mean()) < 4 * math.sqrt(1 / 3 / m)
    assert abs(np.square(numbers).mean() - 1 / 3) < 4 * math.sqrt((1 / 5 - 1 / 9) / m)
    return True


def unrelated(*columns):
    """Whether no two of them are correlated, but for chance."""
    related = np.corrcoef(columns) - np.eye(len(columns))
    assert abs(related).max() < 4.5 / math.sqrt(len(columns[0]))
    return True


MANY = 3000


def test_each_setting_is_drawn_evenly_on_its_own():
    still = np.eye(2)
    matrices, shifts = decoded(Distortion(translate=3), MANY)
    assert abs(matrices - still).max() < 1e-5
    assert evenly(shifts[:, 0], 3) and evenly(shifts[:, 1], 3) and unrelated(*shifts.T)

    matrices, shifts = decoded(Distortion(rotate=30), MANY)
    angles = np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0])
    turns = np.array([[[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]] for a in angles])
    assert abs(matrices - turns).max() < 1e-5 and abs(shifts).max() < 1e-5
    assert evenly(np.rad2deg(angles), 30)

    matrices, shifts = decoded(Distortion(scale=0.25), MANY)
    assert abs(matrices[:, [0, 1], [1, 0]]).max() < 1e-5 and abs(shifts).max() < 1e-5
    height, width = matrices[:, 0, 0], matrices[:, 1, 1]
    assert evenly(height - 1, 0.25) and evenly(width - 1, 0.25) and unrelated(height, width)

    matrices, shifts = decoded(Distortion(shear=0.5), MANY)
    assert abs(matrices[:, 0] - [1, 0]).max() < 1e-5 and abs(matrices[:, 1, 1] - 1).max() < 1e-5
    assert evenly(matrices[:, 1, 0], 0.5) and abs(shifts).max() < 1e-5


def test_together_each_setting_keeps_to_its_own_limits():
    matrices, shifts = decoded(Distortion(translate=2, rotate=20, scale=0.2, shear=0.3), MANY)
    angles = np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0])
    height, width = np.hypot(matrices[:, 0, 0], matrices[:, 0, 1]), matrices[:, 1, 1] / np.cos(angles)
    shear = matrices[:, 1, 0] + width * np.sin(angles)
    assert evenly(np.rad2deg(angles), 20) and evenly(height - 1, 0.2) and evenly(width - 1, 0.2)
    assert evenly(shear, 0.3) and evenly(shifts[:, 0], 2) and evenly(shifts[:, 1], 2)
    assert unrelated(angles, height, width, shear, *shifts.T)


# ------------------------------------------------------------------------------------------------- elastic fields


N = 8000


@pytest.fixture(scope="module", params=[2.0, 3.0])
def fields(request):
    return request.param, elastic_fields(N, request.param, rng())


def test_fields_have_mean_0_and_in_the_middle_deviation_1(fields):
    smoothness, made = fields
    assert made.shape == (N, 28, 28) and made.dtype == np.float32
    assert abs(made.mean(axis=0, dtype=float)).max() < 5 / math.sqrt(N)  # of 784 numbers, a few are beyond four
    for row, column in [(13, 13), (13, 14), (14, 13), (14, 14), (11, 16)]:
        assert made[:, row, column].std(dtype=float) == pytest.approx(1, abs=4 / math.sqrt(2 * N))


@pytest.mark.parametrize("smoothness", [0.5, 1, 5, 8, 100])
def test_the_deviation_does_not_depend_on_the_smoothness(smoothness):
    made = elastic_fields(N, smoothness, rng(1))[:, 13:15, 13:15]
    assert made.std(axis=0, dtype=float).ravel() == pytest.approx([1] * 4, abs=4.5 / math.sqrt(2 * N))


def test_neighbours_go_together_as_the_gaussian_says(fields):
    """White noise smoothed by a Gaussian of σ is correlated as exp(−d²/(4σ²)) at the distance d, in any direction."""
    smoothness, made = fields
    made = made[:, 9:20, 9:20].astype(float)
    for down, right in [(1, 0), (0, 1), (2, 0), (0, 3), (5, 0), (0, 5), (2, 2), (4, -4), (-1, 2)]:
        expected = math.exp(-(down**2 + right**2) / (4 * smoothness**2))
        seen = np.corrcoef(made[:, 5, 5], made[:, 5 + down, 5 + right])[0, 1]
        assert seen == pytest.approx(expected, abs=4 * (1 - expected**2) / math.sqrt(N)), (down, right)


def test_fields_are_independent_of_each_other(fields):
    _, made = fields
    assert unrelated(made[::2, 14, 14], made[1::2, 14, 14])
    assert unrelated(made[: N // 2, 14, 14], made[N // 2 :, 14, 14])


def test_elastic_is_the_deviation_of_the_displacement_in_pixels():
    rows, columns = Distortion(elastic=2.5, smoothness=3).places(N // 2, rng())
    down, right = rows[:, 14, 14] - 14.0, columns[:, 14, 14] - 14.0
    for moves in (down, right):
        assert moves.std(dtype=float) == pytest.approx(2.5, abs=2.5 * 4 / math.sqrt(N))
        assert abs(moves.mean(dtype=float)) < 2.5 * 4 / math.sqrt(N // 2)
    assert unrelated(down, right)
    assert np.corrcoef(rows[:, 14, 14], rows[:, 14, 17])[0, 1] == pytest.approx(math.exp(-9 / 36), abs=0.04)


def test_elastic_comes_on_top_of_the_affine_map():
    """The same generator draws the same affine map first, with or without."""
    affine = {"translate": 2, "rotate": 10, "scale": 0.1, "shear": 0.2}
    plain = np.stack(Distortion(**affine).places(5, rng(2)))
    one, two = (np.stack(Distortion(**affine, elastic=e).places(5, rng(2))) for e in (1, 2))
    np.testing.assert_allclose(two - plain, 2 * (one - plain), atol=1e-5)
    assert abs(one - plain).max() > 0.5


def test_no_fields():
    assert elastic_fields(0, 5.0, rng()).shape == (0, 28, 28)


# ------------------------------------------------------------------------------------------------- a batch at once


@pytest.mark.parametrize("settings", [*EACH, ALL], ids=lambda settings: "-".join(settings))
def test_each_image_is_distorted_in_its_own_way_which_the_generator_decides(mnist, settings):
    images = np.repeat(mnist.train.images[:1], 20, axis=0)
    distortion = Distortion(**settings)
    one, two, other = distortion(images, rng(5)), distortion(images, rng(5)), distortion(images, rng(6))
    assert one.tobytes() == two.tobytes()
    everything = [image.tobytes() for image in (*images[:1], *one, *other)]
    assert len(set(everything)) == 41
    generator = rng(5)
    assert not np.array_equal(distortion(images, generator), distortion(images, generator))  # it moves on


@DTYPES
def test_what_goes_in_stays_as_it_is(mnist, dtype):
    images = mnist.train.images[:40].astype(dtype)
    before, state = images.copy(), str(np.random.get_state())  # noqa: NPY002
    images.flags.writeable = False
    got = Distortion(**ALL)(images, rng())
    assert np.array_equal(images, before) and not np.shares_memory(got, images)
    assert got.dtype == dtype and got.shape == (40, 784) and got.flags.writeable
    assert str(np.random.get_state()) == state  # noqa: NPY002
    rows, columns = Distortion(**ALL).places(40, rng())
    places = rows.copy(), columns.copy()
    interpolate(images, rows, columns)
    assert np.array_equal(rows, places[0]) and np.array_equal(columns, places[1])


def test_float64_differs_from_float32_by_rounding_only(mnist):
    images = mnist.train.images[:40]
    narrow, wide = Distortion(**ALL)(images, rng()), Distortion(**ALL)(images.astype(float), rng())
    np.testing.assert_allclose(narrow, wide, atol=1e-5)
    assert not np.array_equal(narrow, wide)


@pytest.mark.parametrize("images", ["digits", "noise", "black", "white"])
def test_values_stay_between_0_and_1(mnist, images):
    images = {
        "digits": mnist.train.images[:300],
        "noise": some_images(300),
        "black": np.zeros((300, 784), "f4"),
        "white": np.ones((300, 784), "f4"),
    }[images]
    for settings in (ALL, {"elastic": 40, "translate": 10, "scale": 0.9, "rotate": 180, "shear": 3}):
        got = Distortion(**settings)(images, rng())
        assert got.min() >= 0 and got.max() <= 1


def test_an_image_that_does_not_touch_the_edge_keeps_about_its_ink(mnist):
    images = mnist.train.images[:500]
    got = Distortion(translate=1, rotate=5, elastic=1, smoothness=5)(images, rng())
    assert got.sum() == pytest.approx(images.sum(), rel=0.02)
    assert np.corrcoef(got.ravel(), images.ravel())[0, 1] > 0.7  # still the same digits, in the same order


@DTYPES
def test_an_empty_batch(dtype):
    got = Distortion(**ALL)(np.zeros((0, 784), dtype), rng())
    assert got.shape == (0, 784) and got.dtype == dtype


def test_images_that_do_not_lie_in_one_piece():
    images = some_images(20)
    expected = Distortion(**ALL)(images[::2].copy(), rng())
    assert np.array_equal(Distortion(**ALL)(images[::2], rng()), expected)
    assert np.array_equal(Distortion(**ALL)(np.asfortranarray(images[::2]), rng()), expected)


CHUNK = distortions._CHUNK


@pytest.mark.parametrize("m", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 3])
def test_a_large_batch_is_its_parts_one_after_the_other(m):
    """With one generator for all. An image's own draws depend on the size of the part that it is in, though."""
    images, distortion, generator = some_images(m), Distortion(**ALL), rng(1)
    parts = [distortion(images[start : start + CHUNK], generator) for start in range(0, m, CHUNK)]
    assert np.array_equal(distortion(images, rng(1)), np.concatenate(parts))


@pytest.mark.parametrize("chunk", [1, 7, 20, 1000])
def test_the_size_of_the_parts_changes_no_map(monkeypatch, chunk):
    images, distortion = some_images(20), Distortion(translate=1.3, rotate=10, scale=0.1, shear=0.2)
    expected = distortion(images, Always(0.7))
    monkeypatch.setattr(distortions, "_CHUNK", chunk)
    assert np.array_equal(distortion(images, Always(0.7)), expected)


def test_images_in_different_parts_are_distorted_differently():
    images = np.repeat(some_images(1), 2 * CHUNK, axis=0)
    assert len({image.tobytes() for image in Distortion(**ALL)(images, rng())}) == 2 * CHUNK


# -------------------------------------------------------------------------------------------------- bad arguments


NAMES = ["translate", "rotate", "scale", "shear", "elastic", "smoothness"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-0.1, -5, math.nan, math.inf, -math.inf])
def test_settings_out_of_range(name, value):
    low = "above 0" if name == "smoothness" else "at least 0"
    with pytest.raises(ValueError, match=f"^{name} must be {low} and "):
        Distortion(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["1", None, [1], True, 1j])
def test_settings_must_be_numbers(name, value):
    with pytest.raises(TypeError, match=f"^{name} must be a number, not "):
        Distortion(**{name: value})


def test_limits():
    with pytest.raises(ValueError, match="^scale must be at least 0 and below 1, not 1$"):
        Distortion(scale=1)
    with pytest.raises(ValueError, match="^smoothness must be above 0 and finite, not 0$"):
        Distortion(smoothness=0)
    assert Distortion(scale=0.999).scale == 0.999 and Distortion(smoothness=0.01).smoothness == 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(Distortion(elastic=1, smoothness=0.01)(some_images(), rng())).all()


@pytest.mark.parametrize(
    "images, words",
    [
        (np.zeros((3, 784), np.uint8), r"uint8 \(3, 784\)"),
        (np.zeros((3, 784), int), r"int64 \(3, 784\)"),
        (np.zeros((3, 784), complex), r"complex128 \(3, 784\)"),
        (np.zeros((3, 783)), r"float64 \(3, 783\)"),
        (np.zeros(784), r"float64 \(784,\)"),
        (np.zeros((3, 28, 28)), r"float64 \(3, 28, 28\)"),
        ("images", r"<U6 \(\)"),
    ],
)
def test_images_that_are_none(images, words):
    with pytest.raises(ValueError, match=r"^images must be floating point, \(m, 784\), not " + words):
        Distortion(**ALL)(images, rng())


def test_settings_are_a_frozen_record_of_plain_text():
    distortion = Distortion(**ALL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        distortion.elastic = 3.0
    assert distortion == Distortion(**ALL) != Distortion(**ALL | {"elastic": 1.6})
    assert hash(distortion) == hash(Distortion(**ALL)) and eval(repr(distortion)) == distortion


@pytest.mark.parametrize("kind", [int, np.float32, np.int64])
def test_settings_are_kept_as_plain_floats(kind):
    """A recipe is known by its text, which should not depend on how a number was written."""
    settings = {"translate": 2, "rotate": 10, "scale": 0, "shear": 1, "elastic": 3, "smoothness": 4}
    written = Distortion(**{name: kind(value) for name, value in settings.items()})
    assert repr(written) == repr(Distortion(**{name: float(value) for name, value in settings.items()}))
