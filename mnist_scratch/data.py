"""IDX files to arrays: reading, checking, splitting, batching.

The IDX format is described on the MNIST page of Yann LeCun, Corinna Cortes and Christopher Burges and is
derived by hand in notebook 01. All numbers in a file are big-endian.
"""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from . import checks
from .files import FileFormatError

_IDX_TYPES = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}

# SHA-256 of the unpacked content, so that a file packed again by another gzip still passes.
_MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_LARGEST = 50_000_000  # bytes, a little more than the largest of them
_RESTORE = "Restore it with `git checkout -- data`, or copy it again from the course's repository."
_NUMBERS = list(dict.fromkeys(np.dtype(t).name for t in np.typecodes["AllInteger"] + np.typecodes["AllFloat"]))
_AGAIN = "Copy or download it again."
_NAME = "Name the folder that holds the four files, or leave folder out."


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels, row by row.

    images: (m, n) array, one example per row. labels: (m,) integers from 0 up.
    `len(data)` is m; `data[:100]` and `data[indices]` are the Dataset of those rows.

    Raises ValueError when the lengths differ, the shapes are wrong, or labels are not integers from 0 up.
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        images = checks.array("images", self.images)
        if images.ndim != 2:
            raise ValueError(f"images must have shape (m, n), one example per row, not {images.shape}")
        labels = checks.labels(self.labels, name="labels")
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} labels: each image needs exactly one label")
        object.__setattr__(self, "images", images)  # the way to set a field of a frozen dataclass
        object.__setattr__(self, "labels", labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, rows):
        if isinstance(rows, (int, np.integer)):
            raise TypeError(f"data[{rows}] is one row; take data[{rows}:{rows + 1}], or data.images[{rows}]")
        return Dataset(self.images[rows], self.labels[rows])

    def __repr__(self):
        return f"Dataset(images {self.images.shape} {self.images.dtype}, labels {self.labels.shape})"


def dataset(name, value):
    """value, when it is a Dataset; TypeError that names the argument otherwise."""
    if not isinstance(value, Dataset):
        raise TypeError(f"{name} must be a Dataset, such as Dataset(images, labels), not {type(value).__name__}")
    return value


@dataclass(frozen=True, eq=False)
class MNIST:
    """The three parts of MNIST, each a Dataset."""

    train: Dataset
    validation: Dataset
    test: Dataset

    def __post_init__(self):
        for name, data in vars(self).items():
            dataset(name, data)


def read_idx(path, limit=2**30):
    """Read an IDX file, packed with gzip or not, into an array.

    limit: bytes; a file whose header promises more is refused, for a small one can be unpacked a thousandfold.

    The content decides whether it is unpacked, not the name: browsers like to unpack a download and keep
    its `.gz`. Works for every file of the format (MNIST, Fashion-MNIST, EMNIST, KMNIST, QMNIST).

    Returns an array of the type and shape that the file's header states, in the machine's byte order.
    Raises FileNotFoundError, or FileFormatError when the file is not IDX, is cut short or is too long.
    Memory is taken for the bytes that are there, never for those a header only promises: some two bytes for each.
    """
    return _read_idx(checks.path("path", path), checks.integer("limit", limit, 1))[0]


def load_mnist(folder=None, n_validation=10_000):
    """Load MNIST from its four files; no network is used.

    folder: where they lie; by default the `data` folder of the course.
    n_validation: how many of the 60,000 training images, the last ones, become the validation set.

    Returns an MNIST with .train (50,000), .validation (10,000) and .test (10,000). Each has
    .images, (m, 784) float32 in [0, 1], and .labels, (m,) int64 from 0 to 9. The arrays are read-only, so that no
    cell can spoil the data for the next one; `images.copy()` gives one to change.
    Raises FileNotFoundError when a file is missing, FileFormatError when its content is not the genuine
    one (SHA-256 of the unpacked bytes), ValueError when n_validation is not between 0 and 59,999.
    """
    checks.integer("n_validation", n_validation, 0, 59_999)
    place = Path(checks.path("folder", folder)) if folder is not None else _default_folder()
    arrays = [_read_verified(place, name, digest, folder is None) for name, digest in _MNIST_FILES.items()]
    train, test = (
        Dataset(
            # one pass and one array: `images.astype(float) / 255` would need three times the memory
            np.divide(images.reshape(len(images), -1), 255, dtype=np.float32),
            labels.astype(np.int64),  # uint8 would wrap around in `labels - 1`
        )
        for images, labels in (arrays[:2], arrays[2:])
    )
    for part in (train, test):
        part.images.setflags(write=False)
        part.labels.setflags(write=False)
    train, validation = split(train, [len(train) - n_validation, n_validation])
    return MNIST(train, validation, test)


def one_hot(labels, n_classes=10, dtype=np.float32):
    """Turn labels (m,) into rows (m, n_classes) that are 1 at the label and 0 elsewhere.

    Raises ValueError when labels are not integers from 0 to n_classes − 1.
    """
    labels = checks.labels(labels, checks.n_classes(n_classes), name="labels")
    Y = np.zeros((len(labels), n_classes), checks.dtype(dtype, _NUMBERS))
    Y[np.arange(len(labels)), labels] = 1
    return Y


def split(data, sizes, seed=None):
    """Cut a Dataset into consecutive parts of the given sizes; with a seed, shuffle it first.

    Returns a list of Datasets, without overlap. Raises ValueError when the sizes add up to more than
    there is.
    """
    dataset("data", data)
    sizes = [checks.integer("sizes", size, 0) for size in checks.sequence("sizes", sizes)]
    if sum(sizes) > len(data):
        raise ValueError(f"sizes {list(sizes)} add up to more than the {len(data)} examples there are")
    stops = np.cumsum(sizes)
    if seed is not None:
        checks.integer("seed", seed, 0)
        order = np.random.default_rng(seed).permutation(len(data))
        return [data[order[stop - size : stop]] for size, stop in zip(sizes, stops, strict=True)]
    return [data[stop - size : stop] for size, stop in zip(sizes, stops, strict=True)]


def minibatches(data, batch_size, rng=None):
    """Go once through a Dataset in batches, in an order drawn from rng (as it stands when rng is None).

    Yields Datasets of batch_size examples; the last one holds the rest. Every example comes exactly once.
    Raises ValueError when batch_size is not between 1 and the number of examples, TypeError when data is no Dataset.
    """
    if len(dataset("data", data)) == 0:
        raise ValueError("data holds no examples")
    checks.integer("batch_size", batch_size, 1, len(data))
    if rng is not None:
        checks.like("rng", rng, "permutation", "a generator, such as np.random.default_rng(0)")
    return (data[rows] for rows in batch_rows(len(data), batch_size, rng))


def batch_rows(m, batch_size, rng=None):
    """The rows of each batch of one pass through m examples: slices, or arrays of indices when rng shuffles them."""
    order = None
    if rng is not None and batch_size < m:  # a full batch is a sum: its order does not matter
        order = rng.permutation(m)
    for start in range(0, m, batch_size):
        rows = slice(start, start + batch_size)
        yield rows if order is None else order[rows]


def _default_folder():
    # beside the package in a clone; beside or above the working directory where it is installed alone
    places = [Path(__file__).parents[1] / "data", Path("data"), Path("../data"), Path("../../data")]
    return next((place for place in places if any(place.glob("train-images-idx3-ubyte*"))), places[0])


def _read_verified(folder, name, digest, ours):
    path = folder / f"{name}.gz"
    if not path.exists() and (folder / name).exists():
        path = folder / name
    try:
        array, sha256 = _read_idx(path, _LARGEST)
        if sha256 != digest:
            raise FileFormatError(f"{path}: the checksum is wrong: these are not the genuine bytes.")
    except (FileNotFoundError, FileFormatError) as error:
        remedy = _NAME if isinstance(error, FileNotFoundError) and not ours else _RESTORE
        raise type(error)(f"{str(error).removesuffix(_AGAIN).strip()} {remedy}") from None
    return array


def _read_idx(path, limit):
    """The array of an IDX file, and the SHA-256 of its unpacked bytes."""
    path = Path(path)
    try:
        with open(path, "rb") as stored:  # once: in a browser, each time would fetch the file again
            file = gzip.GzipFile(fileobj=stored) if stored.peek(2).startswith(b"\x1f\x8b") else stored
            content = bytearray(file.read(4))
            if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES or not 1 <= content[3] <= 32:
                begins = " ".join(f"{byte:02x}" for byte in content) or "nothing"
                begins += " (is it a web page?)" if content[:1] == b"<" else ""
                what = "neither gzip nor IDX: it" if file is stored else "no IDX file inside its gzip: this"
                raise FileFormatError(
                    f"{path}: {what} begins with {begins}, where an IDX file has the magic number "
                    f"00 00, a type from 08 to 0e, and the number of dimensions. {_AGAIN}"
                )
            dtype, n_dimensions = _IDX_TYPES[content[2]], content[3]
            content += file.read(4 * n_dimensions)
            length = len(content)
            if length < 4 + 4 * n_dimensions:
                raise FileFormatError(f"{path}: cut short inside its header. {_AGAIN}")
            shape = tuple(np.frombuffer(content, ">u4", n_dimensions, 4).tolist())
            promised = length + dtype.itemsize * prod(shape)
            if promised > limit:
                raise FileFormatError(
                    f"{path}: the header promises shape {shape}, {promised:,} bytes in all; limit={limit:,}. {_AGAIN}"
                )
            # piece by piece, and one byte more than promised: memory follows what is there, not what a header says
            while len(content) <= promised and (piece := file.read(min(1 << 20, promised + 1 - len(content)))):
                content += piece
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file.") from None
    except EOFError:
        raise FileFormatError(f"{path}: cut short: the gzip data end too early. {_AGAIN}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{path}: damaged gzip data ({error}). {_AGAIN}") from None
    if len(content) != promised:
        there = f"only {len(content):,}" if len(content) < promised else "more"
        raise FileFormatError(
            f"{path}: the header promises shape {shape}, {promised:,} bytes in all, but there are {there}. {_AGAIN}"
        )
    try:
        array = np.frombuffer(content, dtype, offset=length) if promised > length else np.empty(0, dtype)
        array = array.reshape(shape).astype(dtype.newbyteorder("="), copy=False)
    except ValueError as error:  # no values, but more rows than NumPy can count
        raise FileFormatError(f"{path}: no array can have the header's shape {shape} ({error}). {_AGAIN}") from None
    return array, hashlib.sha256(content).hexdigest()
