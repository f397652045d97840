"""distortions: maps worked out by hand, interpolation against a slow loop, random fields against their formulas."""

import math

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


@DTYPES
@given(down=st.integers(-30, 30), right=st.integers(-30, 30), far=st.sampled_from([0, 0, 0, 10**6, -(10**6)]))
def test_whole_pixels_are_moved_exactly(dtype, down, right, far):
    """Each image to places of its own; paper comes in."""
    images = some_images(2, dtype)
    downs = np.array([down, far])[:, None, None]
    got = interpolate(images, (ROWS + downs).astype("f4"), np.stack([COLUMNS + right] * 2)).reshape(2, 28, 28)
    for image, result, n in zip(images.reshape(2, 28, 28), got, np.clip([down, far], -28, 28), strict=True):
        expected = np.pad(image, 30)[30 + n : 58 + n, 30 + right : 58 + right]
        assert np.array_equal(result, expected)


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


def test_each_setting_is_drawn_evenly_within_its_own_limits():
    matrices, shifts = decoded(Distortion(translate=2, rotate=20, scale=0.2, shear=0.3), 3000)
    angles = np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0])
    height, width = np.hypot(matrices[:, 0, 0], matrices[:, 0, 1]), matrices[:, 1, 1] / np.cos(angles)
    shear = matrices[:, 1, 0] + width * np.sin(angles)
    assert evenly(np.rad2deg(angles), 20) and evenly(height - 1, 0.2) and evenly(width - 1, 0.2)
    assert evenly(shear, 0.3) and evenly(shifts[:, 0], 2) and evenly(shifts[:, 1], 2)
    assert unrelated(angles, height, width, shear, *shifts.T)


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


def test_neighbors_go_together_as_the_gaussian_says(fields):
    """White noise smoothed by a Gaussian of σ is correlated as exp(−d²/(4σ²)) at the distance d, in any direction."""
    smoothness, made = fields
    made = made[:, 9:20, 9:20].astype(float)
    for down, right in [(1, 0), (0, 1), (2, 0), (0, 3), (5, 0), (0, 5), (2, 2), (4, -4), (-1, 2)]:
        expected = math.exp(-(down**2 + right**2) / (4 * smoothness**2))
        seen = np.corrcoef(made[:, 5, 5], made[:, 5 + down, 5 + right])[0, 1]
        assert seen == pytest.approx(expected, abs=4 * (1 - expected**2) / math.sqrt(N)), (down, right)


def test_elastic_is_the_deviation_of_the_displacement_in_pixels():
    rows, columns = Distortion(elastic=2.5, smoothness=3).places(N // 2, rng())
    down, right = rows[:, 14, 14] - 14.0, columns[:, 14, 14] - 14.0
    for moves in (down, right):
        assert moves.std(dtype=float) == pytest.approx(2.5, abs=2.5 * 4 / math.sqrt(N))
    assert unrelated(down, right)
    assert np.corrcoef(rows[:, 14, 14], rows[:, 14, 17])[0, 1] == pytest.approx(math.exp(-9 / 36), abs=0.04)


@pytest.mark.parametrize("settings", [*EACH, ALL], ids=lambda settings: "-".join(settings))
def test_each_image_is_distorted_in_its_own_way_which_the_generator_decides(mnist, settings):
    images = np.repeat(mnist.train.images[:1], 20, axis=0)
    distortion = Distortion(**settings)
    one, two, other = distortion(images, rng(5)), distortion(images, rng(5)), distortion(images, rng(6))
    assert one.tobytes() == two.tobytes()
    everything = [image.tobytes() for image in (*images[:1], *one, *other)]
    assert len(set(everything)) == 41


@DTYPES
def test_what_goes_in_stays_as_it_is(mnist, dtype):
    images = mnist.train.images[:40].astype(dtype)
    before, state = images.copy(), str(np.random.get_state())  # noqa: NPY002
    images.flags.writeable = False
    got = Distortion(**ALL)(images, rng())
    assert np.array_equal(images, before) and not np.shares_memory(got, images)
    assert got.dtype == dtype and got.shape == (40, 784) and got.flags.writeable
    assert str(np.random.get_state()) == state  # noqa: NPY002


CHUNK = distortions._CHUNK


@pytest.mark.parametrize("m", [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_a_large_batch_is_its_parts_one_after_the_other(m):
    """With one generator for all. An image's own draws depend on the size of the part that it is in, though."""
    images, distortion, generator = some_images(2 * m)[::2], Distortion(**ALL), rng(1)  # not in one piece
    parts = [distortion(images[start : start + CHUNK].copy(), generator) for start in range(0, m, CHUNK)]
    got = distortion(images, rng(1))
    assert got.dtype == np.float32 and np.array_equal(got, np.concatenate([images[:0], *parts]))
