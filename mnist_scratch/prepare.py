"""From a picture of one handwritten digit to a row as MNIST has it.

The steps are those by which NIST's digits became MNIST (LeCun, Bottou, Bengio and Haffner 1998, section III.A): scaled
with anti-aliasing into a box of 20×20 that keeps their shape, then placed in 28×28 by their center of mass. Before
them comes what NIST's black and white forms did not need: finding the ink on paper of any brightness. For drawings
docs/_static/reader.js does the same on the website.
"""

import warnings
from io import BytesIO
from math import floor
from pathlib import Path

import numpy as np

from . import checks
from .files import FileFormatError, UserError

_FIELD, _BOX = 28, 20
# MNIST's centers of mass, in indices from 0, lie evenly between 13.5 and 14.5: pixel 14 is its center, not 13.5, the
# middle of the field. A test shows it.
_CENTER = 14
_LONGEST = 256  # what is longer is averaged down before the ink is looked for
_SMALLEST = 8  # pixels: with fewer, digits can't be told apart
_FAINTEST = 0.05  # of white: below it lie stains, the light on the paper and a camera's noise
_TOO_LARGE = 50_000_000  # pixels that read_picture refuses; the largest phones' photographs have as many
_AGAIN = "Export it again as PNG or JPEG from the program it comes from."


def prepare_digit(picture, name="picture"):
    """Turn a picture of one digit into a row as `load_mnist` gives it.

    Parameters
    ----------
    picture : ndarray, (height, width)
        Gray levels, dark ink on light paper or light ink on dark. White is 255 for uint8; for floating point it is 1,
        or the largest value where that is more. Paper is what the picture's border shows; it may be unevenly lit.
    name : str
        What errors call the picture.

    Returns
    -------
    ndarray, (784,)
        float32 in [0, 1], ink high, paper 0: the digit fits 20×20 pixels, and its center of mass is within half a pixel
        of row 14, column 14 (nearer the middle only if it would leave the field).

    Raises
    ------
    ValueError
        If picture is no such array, or holds NaN or infinity.
    UserError
        If it has nothing in it, or is too small.
    """
    from PIL import Image

    ink, strokes = _ink(_grays(picture, name), name)
    rows, columns = np.flatnonzero(strokes.any(axis=1)), np.flatnonzero(strokes.any(axis=0))
    left, top, right, bottom = box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    longest = max(right - left, bottom - top)
    if longest < _SMALLEST:
        raise UserError(
            f"{name}: the digit is too small, {longest} pixels in a picture of {ink.shape[1]}×{ink.shape[0]}; "
            f"draw it larger, crop the picture closer to it, or take one with more pixels"
        )
    width, height = (max(1, _nearest(side * _BOX / longest)) for side in (right - left, bottom - top))
    digit = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.HAMMING, box=box))
    digit = np.clip(digit / digit.max(), 0, 1)  # every image of MNIST reaches white

    field = np.zeros((_FIELD, _FIELD), np.float32)
    row, column = _start(digit.sum(axis=1)), _start(digit.sum(axis=0))
    field[row : row + height, column : column + width] = digit
    return field.reshape(-1)


def read_picture(path):
    """Read a PNG or JPEG file as gray levels.

    Colors become their brightness (ITU-R 601). What is transparent becomes white, or black where all the rest is light
    and would not be seen. Of 16 bits, a file may use 10, 12 or 14. A camera's note on how it was held (EXIF) is
    followed. Nothing in the file is executed.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ndarray, (height, width)
        float32 from 0, black, to 1, white; reduced to 1000 pixels a side if there are more.

    Raises
    ------
    FileNotFoundError
    FileFormatError
        If the file is not PNG or JPEG, is damaged, or has over 50 million pixels, which is known before memory is taken
        for them. The largest take about 450 MB.
    """
    from PIL import Image, ImageOps

    checks.path("path", path)
    too_large = f"{path}: more than {_TOO_LARGE:,} pixels. Make the picture smaller, or crop it to the digit."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of large pictures and odd notes: handled here, or harmless
            # of an open file, Pillow takes memory for any length that a header promises
            content = BytesIO(Path(path).read_bytes())
            with Image.open(content, formats=("PNG", "JPEG")) as image:
                if image.width * image.height > _TOO_LARGE:
                    raise Image.DecompressionBombError
                image.verify()  # every checksum of a PNG; loading it overlooks the last one
            with Image.open(content, formats=("PNG", "JPEG")) as image:
                image.draft(None, (1000, 1000))  # a large JPEG is unpacked at a fraction of its size
                sixteen_bits = image.mode.startswith("I")
                transparent = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
                image = image.convert("F" if sixteen_bits else "RGBA" if transparent else "L")
        image.thumbnail((1000, 1000), Image.Resampling.BOX)
        image = ImageOps.exif_transpose(image)
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, _behind(image)), image).convert("L")
        grays = np.asarray(image, np.float32)
        return grays / (_white(grays.max()) if sixteen_bits else 255)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file.") from None
    except (IsADirectoryError, PermissionError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise FileFormatError(too_large) from None
    except Exception:  # the readers of a damaged file raise errors of a dozen kinds
        raise FileFormatError(f"{path}: not a PNG or JPEG picture, or damaged. {_AGAIN}") from None


def _behind(image):
    """What an image with transparent parts is to be laid on, for its opaque ones to be seen: "white" or "black"."""
    opaque = np.asarray(image.getchannel("A")) > 127
    light = np.asarray(image.convert("L")) > 127
    return "black" if opaque.any() and not opaque.all() and light[opaque].all() else "white"


def _white(largest):
    """The white of a picture with 16 bits: cameras and scanners often fill only the lower 10, 12 or 14 of them."""
    return next(2**bits - 1 for bits in (10, 12, 14, 16) if largest < 2**bits or bits == 16)


def _grays(picture, name):
    """The picture, checked: (height, width) float32 within [−1, 1], where 1 is white, at most 256 pixels a side."""
    from PIL import Image

    picture = checks.array(name, picture, kinds=None)
    if picture.ndim != 2 or picture.dtype.kind not in "buif":
        raise ValueError(
            f"{name} must be a grayscale picture of shape (height, width), not {picture.dtype} {picture.shape}; "
            "read_picture returns one, and a row of MNIST becomes one by row.reshape(28, 28)"
        )
    shrink = max(1, -(-max(picture.shape) // _LONGEST))
    if min(picture.shape) < _SMALLEST * shrink:
        raise UserError(
            f"{name} is too small or too narrow, {picture.shape[1]}×{picture.shape[0]} pixels; "
            f"take one of {_FIELD}×{_FIELD} pixels or more, about square"
        )
    return np.asarray(Image.fromarray(white_as_1(picture, name)).reduce(shrink))


def white_as_1(picture, name):
    """The picture as float32 within [−1, 1], where 1 is white; it must be finite."""
    if not np.isfinite(picture).all():
        raise ValueError(f"{name} holds NaN or infinity; replace them by the gray of the paper")
    white = 255 if picture.dtype == np.uint8 else max(1.0, float(np.abs(picture.astype(np.float64)).max()))
    return (picture / white).astype(np.float32)


def _ink(grays, name):
    """How much ink each pixel holds, from 0 to 1, and a mask of the digit's strokes; both (height, width)."""
    border = np.ones(grays.shape, bool)
    margin = max(1, min(grays.shape) // 32)
    border[margin:-margin, margin:-margin] = False

    # the paper: the surface of second degree nearest to the border by absolute distance, which a stroke can't pull
    # (least squares, again and again, each pixel weighted by one over its distance so far)
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in grays.shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    A, b = terms[border], grays[border]
    weights = np.ones_like(b)
    for _ in range(15):
        weighted = A.T * weights
        c = np.linalg.solve(weighted @ A, weighted @ b)
        weights = 1 / (np.abs(b - A @ c) + 1e-3)
    marks = terms @ c - grays
    # ink differs from the paper more than stains do; here it is the lighter of the two
    if np.sum(marks * marks * marks) < 0:
        marks = -marks

    noise = 1.5 * np.median(np.abs(marks[border]))  # the standard deviation, were it normal
    darkest = np.partition(marks, -_SMALLEST, axis=None)[-_SMALLEST]  # but for a few pixels, which may be dirt
    strength = np.median(marks[marks >= darkest / 2])
    strokes, share = _largest_parts(marks > max(strength / 5, 5 * noise))
    # noise: the marks are no stronger than it, or scattered all over
    if strength < max(_FAINTEST, 8 * noise) or share < 0.2:
        raise UserError(
            f"{name} has nothing in it that stands out from its border; write one digit, in a strong color, "
            "with paper all around"
        )
    return np.clip(marks / strength, 0, 1).astype(np.float32), strokes


def _largest_parts(mask):
    """The mask without specks, parts of less than a twentieth of the largest; and the largest one's share of it."""
    sizes = np.bincount((numbers := number_parts(mask)).ravel(), minlength=2)[1:]
    large = np.append(False, sizes >= sizes.max() / 20)
    return mask & large[numbers], sizes.max() / max(mask.sum(), 1)


def number_parts(mask):
    """Number the connected parts of a mask: (height, width) int, 0 off the mask and 1, 2, … on it.

    Pixels that touch, even at a corner, belong together. Each takes the highest number around it, and then the number
    that this pixel has by now, until nothing changes.
    """
    padded = np.pad(mask, 1)
    marked, width = np.flatnonzero(padded), padded.shape[1]
    around = marked + np.add.outer((-width, 0, width), (-1, 0, 1)).reshape(9, 1)
    number = np.zeros(padded.size, int)
    number[marked] = marked
    before = None
    while not np.array_equal(number, before):
        before = number.copy()
        number[marked] = number[around].max(axis=0)
        number = number[number]
    number[marked] = 1 + np.unique(number[marked], return_inverse=True)[1]
    return number.reshape(padded.shape)[1:-1, 1:-1]


def _start(profile):
    """The first row (or column) in the field that brings the center of mass of the profile to the center."""
    center = np.arange(len(profile)) @ profile / profile.sum()
    return int(np.clip(_nearest(_CENTER - center), 0, _FIELD - len(profile)))


def _nearest(number):
    """The nearest whole number, of two the larger; a symmetric digit lies between two, and rounding must not choose."""
    return floor(number + 0.5 + 1e-5)
