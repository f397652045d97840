"""prepare: digits of MNIST drawn large on paper and brought back; shapes with a known answer; files; refusals."""

import io
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from mnist_scratch import SGD, FileFormatError, Network, fit
from mnist_scratch.prepare import prepare_digit, read_picture


def on_paper(image, side=100, size=140, corner=(20, 20), paper=245, ink=20):
    """An image of MNIST (784,) drawn with a side of `side` on a sheet of size×size: float greys from 0 to 255."""
    large = Image.fromarray(image.reshape(28, 28)).resize((side, side), Image.Resampling.BICUBIC)
    amount = np.zeros((size, size))
    amount[corner[0] : corner[0] + side, corner[1] : corner[1] + side] = np.clip(large, 0, 1)
    return paper + (ink - paper) * amount


def as_jpeg(greys, quality=75):
    """What a JPEG file makes of greys from 0 to 255: (height, width) uint8."""
    file = io.BytesIO()
    Image.fromarray(np.clip(greys, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
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


def centre_of_mass(rows):
    """(m, 784) to the rows and columns of the centres, each (m,), in indices from 0."""
    images = rows.reshape(-1, 28, 28)
    total = images.sum(axis=(1, 2))
    return images.sum(axis=2) @ np.arange(28) / total, images.sum(axis=1) @ np.arange(28) / total


def distance(a, b):
    """The mean difference of two rows, one of them moved by up to a pixel: a centre near half a pixel is rounded."""
    moved = [np.roll(field(a), (down, right), axis=(0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(np.abs(image - field(b)).mean() for image in moved)


SEVEN = marks((20, 29, 20, 59), (29, 80, 50, 59))  # asymmetric in both directions


# ------------------------------------------------------------------------------------------- as MNIST has it


def test_mnist_is_centred_at_pixel_14(mnist):
    for centres in centre_of_mass(mnist.train.images):
        assert np.mean((centres > 13.49) & (centres < 14.51)) > 0.9999
        assert np.mean(centres < 14) == pytest.approx(0.5, abs=0.03)  # evenly around 14, so not around 13.5


def test_an_image_of_mnist_stays_nearly_as_it_is(mnist):
    images = mnist.validation.images[:300]
    change = [np.abs(prepare_digit(image.reshape(28, 28)) - image).mean() for image in images]
    assert np.median(change) < 0.004
    assert np.mean(change) < 0.008
    # a centre close to half a pixel may be rounded the other way, which moves the digit by one pixel
    assert np.mean(np.array(change) > 0.03) < 0.05


def test_a_network_reads_digits_on_paper_as_well_as_the_originals(mnist):
    train, validation = mnist.train[:6000], mnist.validation[:200]
    net = Network([784, 64, 10])
    fit(net, train, epochs=4, batch_size=50, optimizer=SGD(0.1, momentum=0.9), progress=False)
    rng = np.random.default_rng(0)
    prepared = []
    for image in validation.images:
        side = rng.integers(60, 141)
        sheet = on_paper(image, side, 200, rng.integers(0, 201 - side, 2)) + rng.normal(0, 5, (200, 200))
        prepared.append(prepare_digit(as_jpeg(sheet)))
    original, found = (net.accuracy(X, validation.labels) for X in (validation.images, np.stack(prepared)))
    print(f"accuracy {original:.3f} on the originals, {found:.3f} on the prepared ones")
    assert original > 0.9
    assert found > original - 0.02


# ---------------------------------------------------------------------------------------- shapes and their place


@pytest.mark.parametrize("paper_and_ink", [(255, 0), (0, 255), (200, 120), (60, 120)])
@pytest.mark.parametrize("scale", ["uint8", 1 / 255, 1.0, 300.0, 1e300])
def test_neither_brightness_nor_range_matters(paper_and_ink, scale):
    paper, ink = paper_and_ink
    greys = np.where(SEVEN == 255, paper, ink)
    picture = greys.astype(np.uint8) if scale == "uint8" else greys * scale
    np.testing.assert_allclose(prepare_digit(picture), prepare_digit(SEVEN), atol=1e-5)
    assert field(prepare_digit(picture))[0, 0] == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f8", bool])
def test_every_usual_type_is_taken(dtype):
    np.testing.assert_allclose(prepare_digit((SEVEN / 255).astype(dtype)), prepare_digit(SEVEN), atol=1e-5)


def test_the_picture_itself_is_left_alone():
    picture = SEVEN / 255
    picture.setflags(write=False)
    prepare_digit(picture)
    prepare_digit(picture.T)
    np.testing.assert_array_equal(prepare_digit(picture[:, ::-1]), prepare_digit(picture[:, ::-1].copy()))


@pytest.mark.parametrize("corner", [(1, 1), (1, 40), (39, 1), (39, 39), (7, 23)])
def test_the_place_on_the_paper_does_not_matter(mnist, corner):
    image = mnist.validation.images[3]
    assert distance(prepare_digit(on_paper(image, corner=corner)), prepare_digit(on_paper(image))) < 1e-4


@pytest.mark.parametrize(("side", "size"), [(40, 140), (60, 100), (140, 141), (280, 400), (600, 1500)])
def test_the_size_does_not_matter(mnist, side, size):
    corner = ((size - side) // 2,) * 2
    for image in mnist.validation.images[:5]:
        found, expected = prepare_digit(on_paper(image, side, size, corner)), prepare_digit(on_paper(image))
        assert distance(found, expected) < 0.05  # of two different digits: 0.08 to 0.2


@pytest.mark.parametrize("shape", [(120, 120), (300, 90), (90, 300)])
def test_a_shape_keeps_its_proportions(shape):
    one = marks((5, 85, 40, 48), shape=shape)  # 80×8
    top, bottom, left, right = box(prepare_digit(one))
    assert (bottom - top, right - left) == (20, 2)
    top, bottom, left, right = box(prepare_digit(one.T))
    assert (bottom - top, right - left) == (2, 20)


def test_a_hairline_is_still_seen():
    top, bottom, left, right = box(prepare_digit(marks((20, 100, 60, 61))))
    assert (bottom - top, right - left) == (20, 1)
    assert prepare_digit(marks((20, 100, 60, 61))).max() == 1


def test_a_shape_lands_where_its_centre_of_mass_says():
    # 60 high and 39 wide, so 20×13 in the field, three pixels to one
    top, bottom, left, right = box(prepare_digit(SEVEN))
    assert (bottom - top, right - left) == (20, 13)
    ink = np.argwhere(SEVEN == 0)
    row, column = ((ink.mean(axis=0) + 0.5 - 20) / 3) - 0.5  # the centre, in the field's pixels from the box's corner
    assert (top, left) == (round(14 - row), round(14 - column))
    assert (top, left) == (7, 5)


@pytest.mark.parametrize("turns", range(4))
def test_the_centre_of_mass_comes_to_14(mnist, turns):
    pictures = [SEVEN, *(on_paper(image) for image in mnist.validation.images[:20])]
    centres = centre_of_mass(np.stack([prepare_digit(np.rot90(picture, turns)) for picture in pictures]))
    assert np.abs(np.array(centres) - 14).max() <= 0.501


def test_a_digit_with_its_mass_at_one_end_stays_in_the_field():
    # the centre, near row 3, can't come to row 14: 20 rows end at 28
    top, bottom, left, right = box(prepare_digit(marks((5, 25, 40, 100), (25, 105, 70, 73))))
    assert (top, bottom) == (8, 28)


# ------------------------------------------------------------------------------------ paper that is not perfect


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
        assert found[prepare_digit(clean) == 0].mean() < 0.03  # the paper is not grey


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


def test_a_stroke_may_cross_the_border():
    picture = marks((0, 120, 55, 65))
    top, bottom, left, right = box(prepare_digit(picture))
    assert (bottom - top, right - left) == (20, 2)
    assert box(prepare_digit(255 - picture)) == (top, bottom, left, right)


# --------------------------------------------------------------------------------------------------- refusals


def noisy(level, sigma, size=100, jpeg=0, seed=0):
    greys = np.clip(level + np.random.default_rng(seed).normal(0, sigma, (size, size)), 0, 255).round()
    return as_jpeg(greys, jpeg) if jpeg else greys.astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        *(np.full((50, 50), value) for value in (0.0, 0.3, 1.0, -7.0, 1e-320, 1e308)),
        *(np.full((50, 50), value, np.uint8) for value in (0, 100, 255)),
        *(noisy(level, sigma) for level in (0, 1, 128, 254, 255) for sigma in (0.3, 1, 4)),
        *(noisy(level, sigma, jpeg=50) for level in (0, 128, 255) for sigma in (1, 4, 10)),
        *(noisy(level, sigma, size=200) for level in (0, 255) for sigma in (8, 20)),
        *(noisy(0, *how, seed=seed) / 255 for how in ((1, 100, 75), (3, 100, 30)) for seed in (0, 1)),
        *(noisy(0, *how, seed=seed) for how in ((1, 100, 75), (3, 100, 30)) for seed in (0, 1)),
        noisy(255, 4) / 255,
        noisy(0, 4) / 255,
        noisy(128, 10, size=400),
        np.add.outer(np.linspace(0, 100, 80), np.linspace(0, 100, 80)),  # only uneven light
        np.where(SEVEN == 0, 250, 255).astype(np.uint8),  # ink that no eye sees
    ],
)
def test_a_picture_with_nothing_in_it_is_refused(picture):
    with pytest.raises(ValueError, match=r"^sheet 7 has nothing in it .*; write one digit"):
        prepare_digit(picture, name="sheet 7")


@pytest.mark.parametrize("sheet", [marks((50, 57, 50, 52)), marks((50, 53, 50, 57), shape=(250, 250))])
def test_a_tiny_digit_is_refused(sheet):
    with pytest.raises(ValueError, match=r"^dot\.png: the digit is too small, 7 pixels .*draw it larger"):
        prepare_digit(sheet, name="dot.png")


def test_a_small_digit_of_eight_pixels_is_taken():
    top, bottom, left, right = box(prepare_digit(marks((50, 58, 50, 52))))
    assert (bottom - top, right - left) == (20, 5)


@pytest.mark.parametrize("shape", [(7, 28), (28, 7), (0, 28), (0, 0), (1, 1), (3000, 20), (20, 3000)])
def test_a_small_or_narrow_picture_is_refused(shape):
    with pytest.raises(ValueError, match=r"^strip is too small or too narrow, \d+×\d+ pixels; take one of 28×28"):
        prepare_digit(np.zeros(shape), name="strip")


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros(784),
        np.zeros((28, 28, 3)),
        np.zeros((1, 28, 28)),
        0.5,
        np.zeros((28, 28), complex),
        np.full((28, 28), "ink"),
        np.full((28, 28), None),
    ],
)
def test_what_is_no_array_of_greys_is_refused(picture):
    with pytest.raises(ValueError, match=r"^pad must be grays of shape \(height, width\), not .*read_picture"):
        prepare_digit(picture, name="pad")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(value):
    picture = SEVEN / 255
    picture[40, 40] = value
    with pytest.raises(ValueError, match=r"^pad holds NaN or infinity; replace"):
        prepare_digit(picture, name="pad")


@given(
    st.one_of(
        arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=20)),
        arrays(
            np.float64,
            array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=20),
            elements=st.floats(allow_nan=False, allow_infinity=False),
        ),
    )
)
def test_any_array_gives_a_row_or_a_plain_refusal(picture):
    try:
        row = prepare_digit(picture, name="thing")
    except ValueError as error:
        assert str(error).startswith("thing")
    else:
        assert field(row).max() == 1


# ------------------------------------------------------------------------------------------------------ files


@pytest.fixture
def path(tmp_path):
    return tmp_path / "digit"  # without an ending: the content decides


def saved(path, image, kind="PNG", **options):
    image.save(path, kind, **options)
    return read_picture(path)


def test_greys_of_a_png_come_back_exactly(path):
    greys = np.arange(30 * 20, dtype=np.uint8).reshape(30, 20)
    found = saved(path, Image.fromarray(greys))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, (greys / 255).astype(np.float32))
    np.testing.assert_array_equal(read_picture(str(path)), found)


def test_a_jpeg_gives_the_same_digit(path):
    expected = prepare_digit(SEVEN)
    for mode in ("L", "RGB", "CMYK"):
        found = saved(path, Image.fromarray(SEVEN).convert(mode), "JPEG")
        assert found.shape == SEVEN.shape
        assert distance(prepare_digit(found), expected) < 0.01, mode


def test_colours_become_their_brightness(path):
    colours = {(255, 0, 0): 0.299, (0, 255, 0): 0.587, (0, 0, 255): 0.114, (255, 255, 255): 1, (0, 0, 0): 0}
    image = Image.new("RGB", (len(colours), 1))
    image.putdata(list(colours))
    for mode in ("RGB", "P"):
        converted = image.convert(mode, palette=Image.Palette.ADAPTIVE)
        np.testing.assert_allclose(saved(path, converted)[0], list(colours.values()), atol=0.005)


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


def test_one_bit_and_sixteen_bits(path):
    np.testing.assert_array_equal(saved(path, Image.fromarray(SEVEN == 255)), SEVEN == 255)
    deep = np.where(SEVEN == 0, 1234, 65535).astype(np.uint16)
    np.testing.assert_allclose(saved(path, Image.fromarray(deep)), deep / 65535, rtol=1e-6)


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
    large = np.kron(SEVEN, np.ones((20, 30), np.uint8))
    for mode in ("L", "RGB"):
        found = saved(path, Image.fromarray(large).convert(mode), kind)
        assert max(found.shape) <= 1000 and found.shape[1] / found.shape[0] == pytest.approx(1.5, abs=0.01)
        assert distance(prepare_digit(found), prepare_digit(large)) < 0.02


def test_a_missing_file_and_a_folder(path, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"digit: there is no such file\.$"):
        read_picture(path)
    with pytest.raises((IsADirectoryError, PermissionError)):
        read_picture(tmp_path)


def refused(path, content, message="not a PNG or JPEG picture, or damaged. Export it again"):
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        read_picture(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "EPS", "PDF"])
def test_other_formats_are_refused_whatever_their_name(tmp_path, kind):
    file = io.BytesIO()
    Image.fromarray(SEVEN).save(file, kind)
    refused(tmp_path / "digit.png", file.getvalue())


@pytest.mark.parametrize("content", [b"", b"\x89PNG", b"\xff\xd8\xff\xe0", b"<svg/>", b"just text\n" * 50, bytes(1000)])
def test_no_picture_is_refused(path, content):
    refused(path, content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_short_or_damaged_is_refused(path, kind):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)).save(file, kind)
    content = file.getvalue()
    for length in (20, len(content) // 4, len(content) // 2, len(content) * 3 // 4):
        refused(path, content[:length])
    rng = np.random.default_rng(1)
    for _ in range(60):  # many of these still decode, to something; none may raise anything else
        bad = bytearray(content)
        for place in rng.integers(0, len(bad), 5):
            bad[place] = rng.integers(256)
        path.write_bytes(bad)
        try:
            found = read_picture(path)
        except FileFormatError as error:
            assert str(path) in str(error)
        else:
            assert found.ndim == 2 and np.isfinite(found).all()


@pytest.mark.parametrize("side", [7_100, 11_000, 30_000, 2**31 - 1])
def test_a_picture_too_large_is_refused_by_its_header(path, side):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow's own warning would come beside the message
        refused(path, content, "more than 50,000,000 pixels. Make the picture smaller")


def test_pillow_is_loaded_only_when_it_is_needed():
    code = "import sys, mnist_scratch.prepare; print('PIL' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
