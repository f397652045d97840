"""IDX files to arrays: reading, splitting, batching.

The IDX format is described on the MNIST page of Yann LeCun, Corinna Cortes and Christopher Burges, and taken apart by
hand in notebook 01. All numbers in a file are big-endian.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import checks
from .files import MNIST_FILES, course_folder, read_exactly, read_genuine, unpacked

_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels, row by row.

    `len(data)` is m; `data[:100]` and `data[indices]` are the Dataset of those rows.

    Parameters
    ----------
    images : ndarray, (m, n)
        One example per row.
    labels : ndarray, (m,)
        Integers from 0 up.
    names : tuple of str, optional
        What the classes are called, from label 0 up, where they are not digits.

    Raises
    ------
    ValueError
        If the lengths differ, the shapes are wrong, labels are not integers from 0 up, or one has no name.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple | None = None

    def __post_init__(self):
        for name, value in zip(vars(self), checks.examples(self.images, self.labels, self.names), strict=True):
            object.__setattr__(self, name, value)  # the way to set a field of a frozen dataclass

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, rows):
        if isinstance(rows, (int, np.integer)):
            raise TypeError(f"data[{rows}] is one row; take data[[{rows}]], or data.images[{rows}]")
        return Dataset(self.images[rows], self.labels[rows], self.names)

    def __repr__(self):
        return f"Dataset(images {self.images.shape} {self.images.dtype}, labels {self.labels.shape})"


class MNIST(NamedTuple):
    """The three parts of MNIST, or of another data set, each a Dataset."""

    train: Dataset
    validation: Dataset
    test: Dataset


def read_idx(path, limit=2**30):
    """Read an IDX file, packed with gzip or not, into an array.

    Works for every file of the format (MNIST, Fashion-MNIST, EMNIST, KMNIST, QMNIST). The content decides whether it
    is unpacked, not the name: browsers like to unpack a download and keep its `.gz`.

    Parameters
    ----------
    path : str or Path
    limit : int
        Bytes; a file whose header promises more is refused, because a small file can unpack to a thousand times its
        size.

    Returns
    -------
    ndarray
        Of the type and shape that the file's header states, in the machine's byte order. Memory is taken for the bytes
        that are there, never for those a header only promises: some two bytes for each.

    Raises
    ------
    FileNotFoundError
    FileFormatError
        If the file is not IDX, is cut short or is too long.
    """
    checks.integer("limit", limit, 1)
    with unpacked(checks.path("path", path)) as file:
        magic = file.read(4)  # two zeros, the type of the values, the number of dimensions
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or not 1 <= magic[3] <= 32:
            begins = f"{magic.hex(' ') or 'nothing'}{' (is it a web page?)' if magic[:1] == b'<' else ''}"
            raise ValueError(f"not IDX: it begins with {begins}, not with 00 00, a type from 08 to 0e, and a dimension")
        dtype, shape = np.dtype(_IDX_TYPES[magic[2]]), np.frombuffer(read_exactly(file, 4 * magic[3]), ">u4").tolist()
        if dtype.itemsize * prod(shape) > limit:
            raise ValueError(f"the header promises shape {shape}, more than limit={limit:,} bytes")
        values = read_exactly(file, dtype.itemsize * prod(shape))
        if file.read(1):
            raise ValueError(f"there are more bytes than the header promises for shape {shape}")
        array = (np.frombuffer(values, dtype) if values else np.empty(0, dtype)).reshape(shape)
        return array.astype(dtype.newbyteorder("="), copy=False)


def load_mnist(folder=None, n_validation=10_000):
    """Load MNIST from its four files; no network is used.

    Parameters
    ----------
    folder : str or Path, optional
        Where they lie; by default the `data` folder of the course.
    n_validation : int
        How many of the 60,000 training images, the last ones, become the validation set.

    Returns
    -------
    MNIST
        With .train (50,000), .validation (10,000) and .test (10,000). Each has .images, (m, 784) float32 in [0, 1],
        and .labels, (m,) int64 from 0 to 9. The arrays are read-only, so that no cell can spoil the data for the next
        one; `images.copy()` gives one to change.

    Raises
    ------
    FileNotFoundError
    FileFormatError
        If a file's content is not the genuine one (SHA-256 of the unpacked bytes).
    ValueError
        If n_validation is not between 0 and 59,999.
    """
    checks.integer("n_validation", n_validation, 0, 59_999)
    ours = folder is None
    place = course_folder("data", "train-images-idx3-ubyte*") if ours else Path(checks.path("folder", folder))
    arrays = [read_genuine(read_idx, place / name, digest, ours) for name, digest in MNIST_FILES.items()]
    train, test = as_dataset(*arrays[:2]), as_dataset(*arrays[2:])
    train, validation = split(train, [len(train) - n_validation, n_validation])
    return MNIST(train, validation, test)


def as_dataset(images, labels, names=None):
    """Pixels from 0 to 255 as rows of fractions from 0 to 1, with their labels, both read-only."""
    # one pass and one array: `images.astype(float) / 255` would need three times the memory
    images = np.divide(images.reshape(len(images), -1), 255, dtype=np.float32)
    labels = labels.astype(np.int64)  # uint8 would wrap around in `labels - 1`
    images.setflags(write=False)
    labels.setflags(write=False)
    return Dataset(images, labels, names)


def one_hot(labels, n_classes=10, dtype=np.float32):
    """Turn labels (m,) into rows (m, n_classes) that are 1 at the label and 0 elsewhere.

    Raises
    ------
    ValueError
        If labels are not integers from 0 to n_classes − 1.
    """
    labels = checks.labels(labels, checks.n_classes(n_classes), name="labels")
    Y = np.zeros((len(labels), n_classes), checks.dtype(dtype, checks.NUMBERS))
    Y[np.arange(len(labels)), labels] = 1
    return Y


def split(data, sizes, seed=None):
    """Cut a Dataset into consecutive parts of the given sizes; with a seed, shuffle it first.

    Returns
    -------
    list of Dataset
        Without overlap.

    Raises
    ------
    ValueError
        If the sizes add up to more than there is.
    """
    checks.dataset("data", data)
    sizes = [checks.integer("sizes", size, 0) for size in checks.sequence("sizes", sizes)]
    if sum(sizes) > len(data):
        raise ValueError(f"sizes {sizes} add up to more than the {len(data)} examples there are")
    stops = np.cumsum(sizes)
    rows = [slice(stop - size, stop) for size, stop in zip(sizes, stops, strict=True)]
    if seed is not None:
        order = np.random.default_rng(checks.integer("seed", seed, 0)).permutation(len(data))
        rows = [order[part] for part in rows]
    return [data[part] for part in rows]


def minibatches(data, batch_size, rng=None):
    """Go once through a Dataset in batches, in an order drawn from rng (as it stands when rng is None).

    Yields
    ------
    Dataset
        Of batch_size examples; the last one holds the rest. Every example comes exactly once.

    Raises
    ------
    ValueError
        If batch_size is not between 1 and the number of examples.
    TypeError
        If data is no Dataset.
    """
    m = len(checks.dataset("data", data))
    if m == 0:
        raise ValueError("data holds no examples")
    checks.integer("batch_size", batch_size, 1, m)
    if rng is not None:
        checks.like("rng", rng, "permutation", "a generator, such as np.random.default_rng(0)")
    order = shuffled(m, batch_size, rng)
    return (data[batch_rows(order, start, batch_size)] for start in range(0, m, batch_size))


def shuffled(m, batch_size, rng):
    """The order of m examples in an epoch, or None to leave it as it is: in a full batch, a sum, it does not matter."""
    return rng.permutation(m) if rng is not None and batch_size < m else None


def batch_rows(order, start, batch_size):
    """The rows of the batch that begins at start: a slice, or indices where the examples are shuffled."""
    rows = slice(start, start + batch_size)
    return rows if order is None else order[rows]
