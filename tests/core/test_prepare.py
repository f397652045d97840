"""prepare: digits of MNIST drawn large on paper and brought back; shapes with a known answer; files; refusals."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, PngImagePlugin

from mnist_scratch import FileFormatError
from mnist_scratch.prepare import prepare_digit, read_picture


def on_paper(image, side=100, size=140, corner=(20, 20), paper=245, ink=20):
    """An image of MNIST (784,) drawn with a side of `side` on a sheet of size×size: float grays from 0 to 255."""
    large = Image.fromarray(image.reshape(28, 28)).resize((side, side), Image.Resampling.BICUBIC)
    amount = np.zeros((size, size))
    amount[corner[0] : corner[0] + side, corner[1] : corner[1] + side] = np.clip(large, 0, 1)
    return paper + (ink - paper) * amount


def as_jpeg(grays, quality=75):
    """What a JPEG file makes of grays from 0 to 255: (height, width) uint8."""
    file = io.BytesIO()
    Image.fromarray(np.clip(grays, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def marks(*boxes, shape=(120, 120)):
    """Black boxes (top, bottom, left, right) on white, uint8."""
    picture = np.full(shape, 255, np.uint8)
    for top, bottom, left, right in boxes:
        picture[top:bottom, left:right] = 0
    return picture


def field(row):
    assert row.shape == (784,) and row.dtype == np.float32
    assert row.min() >= 0 and row.max() <= 1
    return row.reshape(28, 28)


def box(row):
    """(top, bottom, left, right) of what is not paper."""
    rows, columns = (np.flatnonzero(field(row).any(axis=axis)) for axis in (1, 0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def center_of_mass(rows):
    """(m, 784) to the rows and columns of the centers, each (m,), in indices from 0."""
    images = rows.reshape(-1, 28, 28)
    total = images.sum(axis=(1, 2))
    return images.sum(axis=2) @ np.arange(28) / total, images.sum(axis=1) @ np.arange(28) / total


def distance(a, b):
    """The mean difference of two rows, one of them moved by up to a pixel: a center near half a pixel is rounded."""
    moved = [np.roll(field(a), (down, right), axis=(0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(np.abs(image - field(b)).mean() for image in moved)


SEVEN = marks((20, 29, 20, 59), (29, 80, 50, 59))  # asymmetric in both directions


def test_an_image_of_mnist_stays_nearly_as_it_is(mnist):
    images = mnist.validation.images[:300]
    change = [np.abs(prepare_digit(image.reshape(28, 28)) - image).mean() for image in images]
    assert np.median(change) < 0.004 and np.mean(change) < 0.008
    assert np.mean(np.array(change) > 0.03) < 0.05  # where a center near half a pixel is rounded the other way


@pytest.mark.parametrize("paper_and_ink", [(255, 0), (0, 255), (200, 120), (60, 120)])
@pytest.mark.parametrize("scale", ["uint8", 1 / 255, 1.0, 300.0, 1e300])
def test_neither_brightness_nor_range_matters(paper_and_ink, scale):
    paper, ink = paper_and_ink
    grays = np.where(SEVEN == 255, paper, ink)
    picture = grays.astype(np.uint8) if scale == "uint8" else grays * scale
    np.testing.assert_allclose(prepare_digit(picture), prepare_digit(SEVEN), atol=1e-5)
    assert field(prepare_digit(picture))[0, 0] == 0


@pytest.mark.parametrize(("side", "size"), [(40, 140), (60, 100), (100, 140), (140, 141), (280, 400), (600, 1500)])
def test_place_and_size_on_the_paper_do_not_matter(mnist, side, size):
    for image, part in zip(mnist.validation.images[:5], [0, 0.2, 0.5, 0.8, 1], strict=True):
        corner = round(part * (size - side)), round((1 - part) * (size - side))
        found, expected = prepare_digit(on_paper(image, side, size, corner)), prepare_digit(on_paper(image))
        # of two different digits: 0.08 to 0.2
        assert distance(found, expected) < (1e-4 if side == 100 else 0.05)


def test_a_shape_lands_where_its_center_of_mass_says():
    # 60 high and 39 wide, so 20×13 in the field, three pixels to one
    top, bottom, left, right = box(prepare_digit(SEVEN))
    assert (bottom - top, right - left) == (20, 13)
    ink = np.argwhere(SEVEN == 0)
    row, column = ((ink.mean(axis=0) + 0.5 - 20) / 3) - 0.5  # the center, in the field's pixels from the box's corner
    assert (top, left) == (round(14 - row), round(14 - column)) == (7, 5)


@pytest.mark.parametrize("turns", range(4))
def test_the_center_of_mass_comes_to_14(mnist, turns):
    pictures = [SEVEN, *(on_paper(image) for image in mnist.validation.images[:20])]
    centers = center_of_mass(np.stack([prepare_digit(np.rot90(picture, turns)) for picture in pictures]))
    assert np.abs(np.array(centers) - 14).max() <= 0.501


def test_rounding_does_not_choose_where_a_symmetric_digit_lands():
    y, x = np.mgrid[-50:50, -50:50] + 0.5
    ring = 0.9 - 0.8 * (np.abs(np.hypot(x, y) - 25) < 5)  # its center lies just between two pixels
    rng = np.random.default_rng(0)
    rows = [prepare_digit(ring + rng.normal(0, 1e-6, ring.shape)) for _ in range(20)]
    np.testing.assert_allclose(rows, rows[:1] * len(rows), atol=1e-4)


def test_a_digit_with_its_mass_at_one_end_stays_in_the_field():
    # the center, near row 3, can't come to row 14: 20 rows end at 28
    top, bottom, left, right = box(prepare_digit(marks((5, 25, 40, 100), (25, 105, 70, 73))))
    assert (top, bottom) == (8, 28)


@pytest.mark.parametrize("strength", [-0.5, 0.5])
def test_uneven_light_is_taken_away(mnist, strength):
    y, x = np.mgrid[-0.5:0.5:140j, -0.5:0.5:140j]
    for light in (1 + strength * x, 1 + strength * y, 1 - abs(strength) * (x**2 + y**2), 1 / (1 + np.exp(-6 * x)) + 1):
        for image in mnist.validation.images[:5]:
            expected = prepare_digit(on_paper(image))
            found = prepare_digit(on_paper(image) * light / light.max())
            assert distance(found, expected) < 0.03


@pytest.mark.parametrize(("side", "sigma", "quality"), [(100, 8, 40), (100, 15, 95), (50, 18, 95)])
def test_noise_does_not_matter(mnist, side, sigma, quality):
    rng = np.random.default_rng(0)
    for image in mnist.validation.images[:5]:
        clean = on_paper(image, side, 250, paper=200)
        found = prepare_digit(as_jpeg(clean + rng.normal(0, sigma, clean.shape), quality))
        assert distance(found, prepare_digit(clean)) < 0.05
        assert found[prepare_digit(clean) == 0].mean() < 0.03  # the paper is white


def test_specks_do_not_widen_the_box_and_loose_strokes_do():
    speck = marks((20, 29, 20, 59), (29, 80, 50, 59), (110, 113, 110, 113), (2, 4, 100, 103))
    np.testing.assert_allclose(prepare_digit(speck), prepare_digit(SEVEN), atol=1e-5)
    loose = marks((20, 26, 20, 59), (30, 80, 50, 59))  # four pixels of paper between them
    top, bottom, left, right = box(prepare_digit(loose))
    assert (bottom - top, right - left) == (20, 13)


def test_a_single_dark_pixel_does_not_set_the_scale():
    pale = np.where(SEVEN == 0, 180, 220).astype(np.uint8)
    expected = prepare_digit(pale)
    pale[110, 110] = 0
    np.testing.assert_allclose(prepare_digit(pale), expected, atol=0.02)


@pytest.mark.parametrize(
    "stroke", [marks((0, 120, 55, 65)), marks((20, 100, 56, 64), shape=(120, 300)), 255 - marks((0, 120, 55, 65))]
)
def test_a_stroke_keeps_its_proportions_and_may_cross_the_border(stroke):
    for picture, expected in [(stroke, (20, 2)), (stroke.T, (2, 20))]:
        top, bottom, left, right = box(prepare_digit(picture))
        assert (bottom - top, right - left) == expected


def noisy(level, sigma, size=100, jpeg=0):
    grays = np.clip(level + np.random.default_rng(0).normal(0, sigma, (size, size)), 0, 255).round()
    return as_jpeg(grays, jpeg) if jpeg else grays.astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        *(np.full((50, 50), value) for value in (0.0, 0.3, -7.0, 1e-320, 1e308)),
        *(noisy(level, sigma) for level in (0, 1, 128, 255) for sigma in (0, 0.3, 1, 4)),
        *(noisy(level, sigma, jpeg=quality) for level, sigma, quality in [(0, 1, 75), (0, 3, 30), (128, 10, 50)]),
        *(noisy(level, sigma) / 255 for level in (0, 255) for sigma in (1, 4)),
        *(noisy(level, 20, size=size) for level, size in [(0, 200), (255, 200), (128, 400)]),
        np.add.outer(np.linspace(0, 100, 80), np.linspace(0, 100, 80)),  # only uneven light
        np.where(SEVEN == 0, 250, 255).astype(np.uint8),  # ink that no eye sees
    ],
)
def test_a_picture_with_nothing_in_it_is_refused(picture):
    with pytest.raises(ValueError, match=r"^sheet 7 has nothing in it .*; write one digit"):
        prepare_digit(picture, name="sheet 7")


@pytest.mark.parametrize("sheet", [marks((50, 57, 50, 52)), marks((50, 53, 50, 57), shape=(250, 250))])
def test_a_tiny_digit_is_refused(sheet):
    with pytest.raises(ValueError, match="^dot.png: the digit is too small, 7 pixels"):
        prepare_digit(sheet, name="dot.png")
    assert box(prepare_digit(marks((50, 58, 50, 52))))[:2] == (5, 25)  # eight pixels are enough


@pytest.mark.parametrize("shape", [(7, 28), (28, 7), (0, 28), (0, 0), (1, 1), (3000, 20), (20, 3000)])
def test_a_small_or_narrow_picture_is_refused(shape):
    with pytest.raises(ValueError, match="^strip is too small or too narrow"):
        prepare_digit(np.zeros(shape), name="strip")


SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(arrays(np.uint8, SHAPES) | arrays(np.float64, SHAPES, elements=FINITE))
def test_any_array_gives_a_row_or_a_plain_refusal(picture):
    try:
        row = prepare_digit(picture, name="thing")
    except ValueError as error:
        assert str(error).startswith("thing")
    else:
        assert field(row).max() == 1


@pytest.fixture
def path(tmp_path):
    return tmp_path / "digit"  # without an ending: the content decides


def saved(path, image, kind="PNG", **options):
    image.save(path, kind, **options)
    return read_picture(path)


def test_grays_of_a_png_come_back_exactly(path):
    deep = np.arange(30 * 20, dtype=np.uint16).reshape(30, 20) * 100
    for picture, white in [(SEVEN, 255), (SEVEN == 255, 1), (deep, 65535)]:
        found = saved(path, Image.fromarray(picture))
        assert found.dtype == np.float32 and np.array_equal(found, (picture / white).astype(np.float32))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_gives_the_same_digit(path, mode):
    found = saved(path, Image.fromarray(SEVEN).convert(mode), "JPEG")
    assert found.shape == SEVEN.shape and distance(prepare_digit(found), prepare_digit(SEVEN)) < 0.01


def test_colors_become_their_brightness(path):
    colors = {(255, 0, 0): 0.299, (0, 255, 0): 0.587, (0, 0, 255): 0.114, (255, 255, 255): 1, (0, 0, 0): 0}
    image = Image.new("RGB", (len(colors), 1))
    image.putdata(list(colors))
    for mode in ("RGB", "P"):
        converted = image.convert(mode, palette=Image.Palette.ADAPTIVE)
        np.testing.assert_allclose(saved(path, converted)[0], list(colors.values()), atol=0.005)


def test_what_is_transparent_is_white(path):
    ink = Image.fromarray(255 - SEVEN)  # opaque where there is ink
    half = Image.fromarray((255 - SEVEN) // 2)
    for mode in ("RGBA", "LA"):
        image = Image.new(mode, ink.size, 0)  # black all over
        image.putalpha(ink)
        np.testing.assert_allclose(saved(path, image), SEVEN / 255, atol=0.001)
        image.putalpha(half)
        np.testing.assert_allclose(saved(path, image)[25, 25], 0.5, atol=0.01)
    palette = Image.fromarray((SEVEN == 0).astype(np.uint8)).convert("P")
    palette.putpalette([0, 0, 0] * 256)  # black on black: only the transparency tells them apart
    np.testing.assert_allclose(saved(path, palette, transparency=0), SEVEN / 255, atol=0.001)
    black = Image.fromarray(np.where(SEVEN == 0, 0, 9).astype(np.uint8)).convert("RGB")
    np.testing.assert_allclose(saved(path, black, transparency=(9, 9, 9)), SEVEN / 255, atol=0.001)


def test_light_ink_on_nothing_is_seen_on_black(path):
    image = Image.new("RGBA", (120, 120), (255, 255, 255, 0))
    image.putalpha(Image.fromarray(255 - SEVEN))  # white ink, transparent paper
    np.testing.assert_allclose(saved(path, image), 1 - SEVEN / 255, atol=0.01)
    card = Image.fromarray(SEVEN).convert("RGBA")  # a white sheet with dark ink: around it as on it
    card.putalpha(Image.new("L", card.size, 255))
    around = Image.new("RGBA", (150, 150), (0, 0, 0, 0))
    around.paste(card, (15, 15))
    assert saved(path, around)[0, 0] == 1


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_pictures_of_16_bits_that_fill_only_some_of_them(path, bits):
    deep = (SEVEN / 255 * (2**bits - 1)).astype(np.uint16)
    np.testing.assert_allclose(saved(path, Image.fromarray(deep)), SEVEN / 255, atol=0.01)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(("orientation", "turn"), [(3, 2), (6, 3), (8, 1)])
def test_the_note_how_a_camera_was_held_is_followed(path, kind, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation  # 6: turn the stored picture by a quarter clockwise, three quarters the other way
    stored = marks((10, 20, 10, 60), (20, 90, 40, 50), shape=(100, 70))
    for mode in ("L", "RGB", "P") if kind == "PNG" else ("L", "RGB"):
        found = saved(path, Image.fromarray(stored).convert(mode), kind, exif=exif)
        np.testing.assert_allclose(found, np.rot90(stored, turn) / 255, atol=0.2, err_msg=mode)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_picture_is_reduced(path, kind):
    large = np.kron(SEVEN, np.ones((9, 18), np.uint8))
    for mode in ("L", "RGB"):
        found = saved(path, Image.fromarray(large).convert(mode), kind)
        assert max(found.shape) <= 1000 and found.shape[1] / found.shape[0] == pytest.approx(2, abs=0.01)
        assert distance(prepare_digit(found), prepare_digit(large)) < 0.02


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "EPS"])
def test_other_formats_are_refused_whatever_their_name(tmp_path, kind):
    path = tmp_path / "digit.png"
    with pytest.raises(FileFormatError, match="digit.png: not a PNG or JPEG picture"):
        saved(path, Image.fromarray(SEVEN), kind)


def test_a_picture_too_large_is_refused_by_its_header(path, monkeypatch):
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", None)  # which would take memory for all of it
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow's own warning would come beside the message
        with pytest.raises(FileFormatError, match="digit: more than 50,000,000 pixels"):
            saved(path, Image.new("1", (7_100, 7_100)))
