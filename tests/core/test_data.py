"""data: IDX files written here with struct, byte by byte, and read back; the genuine MNIST; bad files."""

import gzip
import struct
from dataclasses import FrozenInstanceError
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_scratch import Dataset, FileFormatError, load_mnist, minibatches, one_hot, read_idx, split
from mnist_scratch import data as data_module

# code in the file: struct's letter, the NumPy type that should come out
TYPES = {
    0x08: ("B", np.uint8),
    0x09: ("b", np.int8),
    0x0B: ("h", np.int16),
    0x0C: ("i", np.int32),
    0x0D: ("f", np.float32),
    0x0E: ("d", np.float64),
}
NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
PACKED = pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])


def idx_bytes(code, shape, values):
    """An IDX file as the format's description has it: magic number, big-endian sizes, big-endian values."""
    return struct.pack(f">4B{len(shape)}I{len(values)}{TYPES[code][0]}", 0, 0, code, len(shape), *shape, *values)


def numbered(m):
    """A Dataset whose image i is [i, −i] and whose label is i, so that rows can be told apart."""
    i = np.arange(m)
    return Dataset(np.stack([i, -i], axis=1).astype(float), i)


def labels_of(batches):
    return [label for batch in batches for label in batch.labels.tolist()]


@st.composite
def idx_files(draw):
    code = draw(st.sampled_from(list(TYPES)))
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=4)))
    dtype = np.dtype(TYPES[code][1])
    if dtype.kind == "f":
        element = st.floats(width=8 * dtype.itemsize, allow_nan=False)
    else:
        element = st.integers(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    return code, shape, draw(st.lists(element, min_size=prod(shape), max_size=prod(shape)))


@PACKED
@given(file=idx_files())
def test_reads_every_type_and_shape(tmp_path_factory, file, pack):
    code, shape, values = file
    path = tmp_path_factory.getbasetemp() / "some-idx.gz"  # the content decides, not the name
    path.write_bytes(pack(idx_bytes(code, shape, values)))
    array = read_idx(str(path))
    assert array.shape == shape and array.dtype == TYPES[code][1] and array.dtype.isnative
    for place, value in zip(product(*map(range, shape)), values, strict=True):  # the last index runs fastest
        assert array[place] == value
    array += 1  # it can be changed


GOOD = idx_bytes(0x08, (3, 4), range(12))
MAGIC = "not IDX: it begins with "


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", MAGIC),
        (GOOD[:3], MAGIC),
        (b"\0\0\x08\x00", MAGIC),  # no dimensions
        (b"\0\0\x08\x21" + bytes(200), MAGIC),  # 33 of them
        (b"\0\0\x0a\x01\0\0\0\x01x", MAGIC),  # no such type
        (b"\0\x01\x08\x01\0\0\0\x01x", MAGIC),
        (b"<!DOCTYPE html><title>Sign in</title>", r"begins with 3c 21 44 4f \(is it a web page\?\)"),
        (GOOD[:11], "cut short: 8 bytes are promised where only 7"),
        (idx_bytes(0x08, (1 << 20, 1 << 20), []), "limit=1,073,741,824"),
        (GOOD[:-1], "cut short: 12 bytes are promised where only 11"),
        (GOOD + b"\0", "there are more"),
    ],
)
@PACKED
def test_a_file_that_is_no_whole_idx_is_refused(tmp_path, content, words, pack):
    path = tmp_path / "images"
    path.write_bytes(pack(content))
    with pytest.raises(FileFormatError, match=words) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ") and "again" in str(caught.value)  # the file, and a remedy


@PACKED
def test_a_file_is_opened_once(tmp_path, monkeypatch, pack):
    # in a browser each opening fetches the file again
    path = tmp_path / "file"
    path.write_bytes(pack(GOOD))
    opened, real = [], open
    monkeypatch.setattr("builtins.open", lambda path, *mode: opened.append(path) or real(path, *mode))
    assert read_idx(path).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]] and opened == [path]


def test_mnist_is_what_was_published(mnist):
    for data, m in ((mnist.train, 50_000), (mnist.validation, 10_000), (mnist.test, 10_000)):
        assert len(data) == m and data.images.shape == (m, 784) and data.images.dtype == np.float32
        assert data.images.min() == 0 and data.images.max() == 1
        assert data.labels.shape == (m,) and data.labels.dtype == np.int64
    train = np.bincount(np.concatenate([mnist.train.labels, mnist.validation.labels])).tolist()
    assert train == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


@pytest.fixture(scope="module")
def raw(data_folder):
    """The unpacked bytes of the four files."""
    return {name: gzip.decompress((data_folder / f"{name}.gz").read_bytes()) for name in NAMES}


def test_pixels_and_labels_come_from_the_right_bytes(mnist, raw):
    # the last ten thousand training images, in order, are for validation
    for data, prefix, first in (mnist.train, "train", 0), (mnist.validation, "train", 50_000), (mnist.test, "t10k", 0):
        images, labels = raw[f"{prefix}-images-idx3-ubyte"], raw[f"{prefix}-labels-idx1-ubyte"]
        for i in [0, 1, len(data) // 2, len(data) - 1]:
            assert data.labels[i] == labels[8 + first + i]
            pixels = np.frombuffer(images, np.uint8, 784, 16 + (first + i) * 784)
            assert data.images[i].tolist() == [np.float32(pixel / 255) for pixel in pixels.tolist()]


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("name", ["images", "labels"])
def test_no_cell_can_spoil_mnist_for_the_next(mnist, part, name):
    data = getattr(mnist, part)
    array = getattr(data, name)
    for view in (array, array[:5], array.T, getattr(data[:5], name)):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
    for copied in (array[:5].copy(), array[[0, 1]], getattr(data[[0, 1]], name), array[:5] + 0):
        copied[0] = 1


@pytest.fixture
def place(data_folder, tmp_path):
    """A folder of its own with the four files."""
    for name in NAMES:
        (tmp_path / f"{name}.gz").symlink_to(data_folder / f"{name}.gz")
    return tmp_path


@pytest.fixture
def labels_first(monkeypatch):
    """The small files are read before the large ones, so that a test that damages one need not wait."""
    monkeypatch.setattr(data_module, "MNIST_FILES", dict(reversed(data_module.MNIST_FILES.items())))


def write(path, content):
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def test_up_to_59_999_training_images_can_be_for_validation(place, mnist, tmp_path_factory):
    parts = load_mnist(place, n_validation=59_999)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (1, 59_999, 10_000)
    assert parts.train.labels.tolist() == [5] and parts.validation.labels[-1] == mnist.validation.labels[-1]
    with pytest.raises(FileNotFoundError):  # after the number was taken
        load_mnist(tmp_path_factory.mktemp("empty"), n_validation=0)
    for bad in (-1, 60_000):
        with pytest.raises(ValueError, match="n_validation must be between 0 and 59,999"):
            load_mnist(place, n_validation=bad)


def test_unpacked_and_repacked_files_are_accepted(place, raw, mnist):
    write(place / f"{NAMES[0]}.gz", raw[NAMES[0]])  # as some browsers leave it: unpacked, under the old name
    for name in NAMES[1:3]:
        (place / f"{name}.gz").rename(place / f"{name}.old")
        write(place / name, raw[name])
    write(place / f"{NAMES[3]}.gz", gzip.compress(raw[NAMES[3]], 1, mtime=12345))
    again = load_mnist(place)
    assert np.array_equal(again.test.images, mnist.test.images)
    assert np.array_equal(again.train.labels, mnist.train.labels)


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda content: gzip.compress(content[:-1]), "cut short"),
        (lambda content: gzip.compress(content)[:-8] + bytes(8), "damaged gzip data"),
        (lambda content: gzip.compress(content[:-1] + bytes([content[-1] ^ 1])), "the checksum is wrong"),
        (lambda content: b"<html>", "not IDX"),
    ],
)
def test_a_damaged_mnist_file_is_named_with_a_remedy(place, labels_first, raw, damage, words):
    path = place / f"{NAMES[3]}.gz"
    write(path, damage(raw[NAMES[3]]))
    with pytest.raises(FileFormatError, match=words) as caught:
        load_mnist(place)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "Name the folder that holds" in message and "  " not in message


def test_a_missing_mnist_file_is_named_with_what_to_do(place, labels_first, monkeypatch):
    (place / f"{NAMES[3]}.gz").unlink()
    with pytest.raises(FileNotFoundError, match=f"{NAMES[3]}.gz: there is no such file. Name the folder that holds"):
        load_mnist(place)
    monkeypatch.setattr(data_module, "course_folder", lambda *_: place)
    with pytest.raises(FileNotFoundError, match="Restore it with `git checkout"):
        load_mnist()  # the course's own folder comes with its repository


def test_rows_of_a_dataset():
    data = numbered(10)
    assert len(data) == 10 and len(data[:0]) == 0 and isinstance(data[2:5], Dataset)
    for rows, expected in ((slice(2, 5), [2, 3, 4]), ([7, 0, 7], [7, 0, 7]), (data.labels % 2 == 1, [1, 3, 5, 7, 9])):
        assert data[rows].labels.tolist() == expected and data[rows].images[:, 0].tolist() == expected
    assert data == data and data != numbered(10)  # one and the same, for arrays have no single answer
    with pytest.raises(FrozenInstanceError):
        data.labels = data.labels[:5]
    for row in (3, np.int64(3)):
        with pytest.raises(TypeError, match=r"data\[\[3\]\]"):
            data[row]


@pytest.mark.parametrize(
    "images, labels, words",
    [
        (np.zeros((3, 2)), np.zeros(4, int), "3 images but 4 labels"),
        (np.zeros((3, 2)), np.zeros(3), "labels must be integers, not float64"),
        (np.zeros((3, 2)), np.array([0, -1, 2]), "labels must be 0 or more.*-1"),
        (np.zeros((3, 2)), np.zeros((3, 10), int), "labels must have shape"),
        (np.zeros((3, 28, 28)), np.zeros(3, int), "images must have shape"),
    ],
)
def test_a_dataset_names_what_does_not_fit(images, labels, words):
    with pytest.raises(ValueError, match=words):
        Dataset(images, labels)


@given(labels=st.lists(st.integers(0, 6), max_size=20), dtype=st.sampled_from(["f4", "f8", "i8"]))
def test_one_hot(labels, dtype):
    Y = one_hot(np.array(labels, np.uint8), 7, dtype)
    assert Y.shape == (len(labels), 7) and Y.dtype == np.dtype(dtype)
    assert Y.tolist() == [[k == label for k in range(7)] for label in labels]
    usual = one_hot([9, *labels])
    assert usual.shape == (1 + len(labels), 10) and usual.dtype == np.float32 and usual.sum() == len(usual)


@given(st.lists(st.integers(0, 10), max_size=5), st.integers(0, 5), st.one_of(st.none(), st.integers(0, 2**32)))
def test_split(sizes, rest, seed):
    data = numbered(sum(sizes) + rest)
    parts = split(data, np.array(sizes, int), seed=seed)
    assert [len(part) for part in parts] == sizes
    labels = labels_of(parts)
    assert labels == list(range(sum(sizes))) if seed is None else len(set(labels)) == len(labels)
    assert labels == labels_of(split(data, sizes, seed=seed))
    for part in parts:
        assert np.array_equal(part.images[:, 0], part.labels)  # images and labels stayed together


def test_split_with_a_seed_shuffles():
    one, other = (labels_of(split(numbered(100), [100], seed=seed)) for seed in (0, 1))
    assert sorted(one) == sorted(other) == list(range(100)) and list(range(100)) != one != other


@given(m=st.integers(1, 40), data=st.data())
def test_minibatches_bring_every_example_once(m, data):
    batch_size = data.draw(st.integers(1, m))
    seed = data.draw(st.one_of(st.none(), st.integers(0, 1000)))
    batches = list(minibatches(numbered(m), batch_size, None if seed is None else np.random.default_rng(seed)))
    rest = m % batch_size
    assert [len(batch) for batch in batches] == [batch_size] * (m // batch_size) + [rest] * (rest > 0)
    labels = labels_of(batches)
    assert labels == list(range(m)) if seed is None else sorted(labels) == list(range(m))
    for batch in batches:
        assert np.array_equal(batch.images[:, 0], batch.labels)


def test_the_order_of_minibatches_comes_from_the_generator():
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    first, second, third = (labels_of(minibatches(numbered(50), 8, source)) for source in (rng, rng, again))
    assert first == third != second


@pytest.mark.parametrize("m, batch_size", [(10, 0), (10, 11), (0, 1)])
def test_minibatches_refuse_at_once(m, batch_size):
    with pytest.raises(ValueError, match="batch_size must be between 1 and 10|data holds no examples"):
        minibatches(numbered(m), batch_size)  # not only when the first batch is asked for
