"""data: IDX files written here with struct, byte by byte, and read back; the genuine MNIST; bad files."""

import gzip
import shutil
import struct
import tracemalloc
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_scratch import Dataset, FileFormatError, files, load_mnist, minibatches, one_hot, read_idx, split
from mnist_scratch import data as data_module
from mnist_scratch.files import replacing

# code in the file: struct's letter, size in bytes, the NumPy type that should come out
TYPES = {
    0x08: ("B", 1, np.uint8),
    0x09: ("b", 1, np.int8),
    0x0B: ("h", 2, np.int16),
    0x0C: ("i", 4, np.int32),
    0x0D: ("f", 4, np.float32),
    0x0E: ("d", 8, np.float64),
}
NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def idx_bytes(code, shape, values):
    """An IDX file as the format's description has it: magic number, big-endian sizes, big-endian values."""
    header = bytes([0, 0, code, len(shape)]) + b"".join(struct.pack(">I", size) for size in shape)
    return header + b"".join(struct.pack(">" + TYPES[code][0], value) for value in values)


def some_values(code, count):
    letter, size, _ = TYPES[code]
    if letter in "fd":
        return [(-1) ** i * (i + 0.25) for i in range(count)]
    low = 0 if letter == "B" else -(1 << (8 * size - 1))
    high = low + (1 << (8 * size)) - 1
    return [(low, high, 1)[i % 3] if i < 3 else low + (i * 7919) % (high - low) for i in range(count)]


# ------------------------------------------------------------------------------------------ reading IDX


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4), (2, 1, 3, 2)])
@pytest.mark.parametrize("code", TYPES)
def test_reads_every_type_and_number_of_dimensions(tmp_path, code, shape, packed):
    values = some_values(code, prod(shape))
    content = idx_bytes(code, shape, values)
    path = tmp_path / "some-idx"  # a name without .gz: the content decides
    path.write_bytes(gzip.compress(content) if packed else content)
    array = read_idx(path)
    assert array.shape == shape
    assert array.dtype == TYPES[code][2] and array.dtype.isnative
    for place, value in zip(product(*map(range, shape)), values, strict=True):  # the last index runs fastest
        assert array[place] == value


@st.composite
def idx_files(draw):
    code = draw(st.sampled_from(list(TYPES)))
    letter, size, _ = TYPES[code]
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=4)))
    bits = 8 * size
    if letter in "fd":
        element = st.floats(width=bits, allow_nan=False)
    else:
        element = st.integers(0, 2**bits - 1) if letter == "B" else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return code, shape, draw(st.lists(element, min_size=prod(shape), max_size=prod(shape)))


@given(file=idx_files(), packed=st.booleans())
def test_round_trip_of_random_arrays(tmp_path_factory, file, packed):
    code, shape, values = file
    path = tmp_path_factory.getbasetemp() / "round-trip.gz"
    content = idx_bytes(code, shape, values)
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    array = read_idx(path)
    assert array.shape == shape and array.dtype == TYPES[code][2]
    assert array.ravel().tolist() == values


def test_array_can_be_changed(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(idx_bytes(0x08, (2, 2), [1, 2, 3, 4]))
    array = read_idx(path)
    array[0, 0] = 9
    assert array.tolist() == [[9, 2], [3, 4]]


def test_path_may_be_a_string(tmp_path):
    (tmp_path / "a").write_bytes(idx_bytes(0x0C, (2,), [1, -(2**31)]))
    assert read_idx(str(tmp_path / "a")).tolist() == [1, -(2**31)]


GOOD = idx_bytes(0x08, (3, 4), range(12))


def refused(path, content=None, error=FileFormatError):
    """The message of the error, which must name the file and the remedy, and no remedy of the course's own files."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as caught:
        read_idx(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.endswith(". Copy or download it again.")
    assert "Restore" not in message and "git" not in message.removeprefix(str(path))
    return message


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_truncated_at_every_length(tmp_path, length):
    refused(tmp_path / "cut", GOOD[:length])


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 15, 25])
def test_truncated_gzip(tmp_path, cut):
    refused(tmp_path / "cut.gz", gzip.compress(GOOD)[:-cut])


def test_gzip_cut_to_its_first_two_bytes(tmp_path):
    refused(tmp_path / "cut.gz", gzip.compress(GOOD)[:2])


def test_every_bit_of_the_packed_data_and_checksum_matters(tmp_path):
    values = [(i * i) % 251 for i in range(60)]
    packed = gzip.compress(idx_bytes(0x08, (60,), values), mtime=0)
    path = tmp_path / "flipped.gz"
    for byte in range(10, len(packed)):  # the first ten are gzip's own header: time, system, flags
        for bit in range(8):
            broken = bytearray(packed)
            broken[byte] ^= 1 << bit
            path.write_bytes(broken)
            try:
                array = read_idx(path)
            except FileFormatError as error:
                assert str(path) in str(error)
            else:  # a few bits are padding
                assert array.tolist() == values


@pytest.mark.parametrize("packed", [False, True])
def test_trailing_bytes(tmp_path, packed):
    content = GOOD + b"\0"
    assert "more" in refused(tmp_path / "long", gzip.compress(content) if packed else content)
    refused(tmp_path / "long-header-only", idx_bytes(0x08, (0, 4), []) + b"x")


def test_junk_behind_the_gzip_stream(tmp_path):
    refused(tmp_path / "junk.gz", gzip.compress(GOOD) + b"junk")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x00",  # no dimensions
        b"\0\0\x0a\x01\0\0\0\x01x",  # no such type
        b"\0\x01\x08\x01\0\0\0\x01x",
        b"\x01\0\x08\x01\0\0\0\x01x",
        b"\x08\x01\0\0\0\0\0\x01x",  # little-endian magic
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"PK\x03\x04 a zip file, not gzip",
    ],
)
def test_wrong_magic_number(tmp_path, content):
    assert "magic number" in refused(tmp_path / "images.gz", content)
    assert "magic number" in refused(tmp_path / "packed.gz", gzip.compress(content))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        read_idx(tmp_path / "nowhere.gz")
    assert str(caught.value) == f"{tmp_path / 'nowhere.gz'}: there is no such file."


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(1 << 20, 1 << 20), (0xFFFFFFFF,) * 4])
def test_header_that_promises_a_terabyte_takes_no_memory(tmp_path, shape, packed):
    content = idx_bytes(0x08, shape, []) + bytes(1000)
    path = tmp_path / "promise"
    path.write_bytes(gzip.compress(content) if packed else content)
    tracemalloc.start()
    try:
        message = refused(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    assert f"{prod(shape):,}"[:9] in message  # what was promised


def test_gzip_bomb_is_unpacked_no_further_than_promised(tmp_path):
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(GOOD + bytes(100_000_000), 1))
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (3, 0), (2, 3, 0, 5)])
@pytest.mark.parametrize("code", TYPES)
def test_dimension_of_size_zero(tmp_path, code, shape):
    (tmp_path / "empty").write_bytes(idx_bytes(code, shape, []))
    array = read_idx(tmp_path / "empty")
    assert array.shape == shape and array.dtype == TYPES[code][2]


def test_zero_size_beside_impossible_sizes(tmp_path):
    message = refused(tmp_path / "odd", idx_bytes(0x08, (0, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), []))
    assert "(0, 4294967295, 4294967295, 4294967295)" in message


# ----------------------------------------------------------------------------------------------- MNIST


def test_mnist_shapes_types_and_range(mnist):
    for data, m in ((mnist.train, 50_000), (mnist.validation, 10_000), (mnist.test, 10_000)):
        assert len(data) == m
        assert data.images.shape == (m, 784) and data.images.dtype == np.float32
        assert data.images.min() == 0 and data.images.max() == 1
        assert data.labels.shape == (m,) and data.labels.dtype == np.int64
        assert set(np.unique(data.labels)) == set(range(10))


def test_mnist_class_counts(mnist):
    # how often 0, 1, … 9 occur, as published with the data set
    train = np.concatenate([mnist.train.labels, mnist.validation.labels]).tolist()
    assert [train.count(k) for k in range(10)] == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = mnist.test.labels.tolist()
    assert [test.count(k) for k in range(10)] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture(scope="module")
def raw(data_folder):
    """The unpacked bytes of the four files."""
    return {name: gzip.decompress((data_folder / f"{name}.gz").read_bytes()) for name in NAMES}


def test_mnist_pixels_and_labels_come_from_the_right_bytes(mnist, raw):
    def check(data, prefix, first):
        images, labels = raw[f"{prefix}-images-idx3-ubyte"], raw[f"{prefix}-labels-idx1-ubyte"]
        n_images, height, width = struct.unpack(">III", images[4:16])
        assert (height, width) == (28, 28) and n_images == struct.unpack(">I", labels[4:8])[0]
        for i in [0, 1, 17, len(data) // 2, len(data) - 1]:
            assert data.labels[i] == labels[8 + first + i]
            for row, column in [(0, 0), (7, 12), (13, 14), (14, 13), (20, 9)]:
                byte = images[16 + (first + i) * 784 + row * 28 + column]
                assert data.images[i, row * 28 + column] == np.float32(byte / 255)

    check(mnist.train, "train", 0)
    check(mnist.validation, "train", 50_000)  # the last ten thousand, in order
    check(mnist.test, "t10k", 0)
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_n_validation(data_folder, mnist):
    for n in (0, 1, 59_999):
        parts = load_mnist(data_folder, n_validation=n)
        assert (len(parts.train), len(parts.validation), len(parts.test)) == (60_000 - n, n, 10_000)
    assert parts.train.labels.tolist() == [5]
    assert parts.validation.labels[-1] == mnist.validation.labels[-1]


@pytest.mark.parametrize("bad, error", [(-1, ValueError), (60_000, ValueError), (0.1, TypeError), (True, TypeError)])
def test_n_validation_out_of_range(data_folder, bad, error):
    with pytest.raises(error, match="n_validation"):
        load_mnist(data_folder, n_validation=bad)


def copied(data_folder, tmp_path, without):
    for name in NAMES:
        if name != without:
            shutil.copy(data_folder / f"{name}.gz", tmp_path)


def says_how_to_restore(caught, path):
    """The error names the file, and the one remedy for the course's own files."""
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "Restore it with `git checkout -- data`" in message
    assert "again." not in message and "  " not in message  # no second remedy beside it


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda packed: packed[:-9], "cut short"),
        (lambda packed: gzip.compress(gzip.decompress(packed)[:-1]), "the header promises"),
        (lambda packed: gzip.compress(gzip.decompress(packed)[:6]), "cut short inside its header"),
        (lambda packed: packed[:-8] + bytes(8), "damaged gzip data"),
        (lambda packed: b"<html>", "neither gzip nor IDX"),
        (lambda packed: b"", "neither gzip nor IDX"),
    ],
)
def test_a_damaged_mnist_file_is_named_with_the_remedy(data_folder, tmp_path, damage, words):
    name = "t10k-labels-idx1-ubyte"
    copied(data_folder, tmp_path, without=name)
    path = tmp_path / f"{name}.gz"
    path.write_bytes(damage((data_folder / f"{name}.gz").read_bytes()))
    with pytest.raises(FileFormatError, match=words) as caught:
        load_mnist(tmp_path)
    says_how_to_restore(caught, path)


def test_one_changed_byte_is_noticed(data_folder, tmp_path, raw):
    name = "t10k-labels-idx1-ubyte"
    copied(data_folder, tmp_path, without=name)
    changed = bytearray(raw[name])
    changed[-1] = (changed[-1] + 1) % 10  # still a valid file with valid labels
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress(changed))
    with pytest.raises(FileFormatError, match="checksum") as caught:
        load_mnist(tmp_path)
    says_how_to_restore(caught, path)


def test_images_of_the_other_set_are_noticed(data_folder, tmp_path):
    copied(data_folder, tmp_path, without="train-labels-idx1-ubyte")
    shutil.copy(tmp_path / "t10k-labels-idx1-ubyte.gz", tmp_path / "train-labels-idx1-ubyte.gz")
    with pytest.raises(FileFormatError, match="train-labels-idx1-ubyte.gz.*checksum"):
        load_mnist(tmp_path)


def test_missing_mnist_file_is_named(data_folder, tmp_path, monkeypatch):
    copied(data_folder, tmp_path, without="t10k-labels-idx1-ubyte")
    with pytest.raises(FileNotFoundError, match="there is no such file. Name the folder that holds") as caught:
        load_mnist(tmp_path)
    assert str(tmp_path / "t10k-labels-idx1-ubyte.gz") in str(caught.value)
    with monkeypatch.context() as patch, pytest.raises(FileNotFoundError) as caught:
        patch.setattr(data_module, "_default_folder", lambda: tmp_path)
        load_mnist()  # the course's own folder comes with its repository
    says_how_to_restore(caught, tmp_path / "t10k-labels-idx1-ubyte.gz")


def test_a_web_page_in_place_of_a_file_is_recognised(tmp_path):
    (tmp_path / "page.gz").write_bytes(b"<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(FileFormatError, match=r"begins with 3c 21 44 4f \(is it a web page\?\)"):
        read_idx(tmp_path / "page.gz")


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_another(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(files.os, name)
        monkeypatch.setattr(files.os, name, lambda *a, name=name, real=real: done.append(name) or real(*a))
    with replacing(tmp_path / "file") as file:
        file.write(b"all")
    assert done == ["fsync", "replace"] and (tmp_path / "file").read_bytes() == b"all"


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_is_opened_once(tmp_path, monkeypatch, packed):
    # in a browser each opening fetches the file again
    content = b"\0\0\x08\x01" + (3).to_bytes(4) + b"abc"
    (tmp_path / "file").write_bytes(gzip.compress(content) if packed else content)
    opened, real = [], open
    monkeypatch.setattr("builtins.open", lambda path, *mode: opened.append(path) or real(path, *mode))
    assert read_idx(tmp_path / "file").tolist() == [97, 98, 99]
    assert opened == [tmp_path / "file"]


@pytest.mark.parametrize("folder", [".", "notebooks", "notebooks/solutions"])
def test_where_the_package_is_installed_alone_the_data_is_found_above_the_notebook(tmp_path, monkeypatch, folder):
    (tmp_path / "course" / "data").mkdir(parents=True)
    (tmp_path / "course" / "data" / "train-images-idx3-ubyte.gz").touch()
    (tmp_path / "course" / folder / "data").mkdir(parents=True, exist_ok=True)  # a reader's own does not hide it
    monkeypatch.setattr(data_module, "__file__", str(tmp_path / "site-packages" / "mnist_scratch" / "data.py"))
    monkeypatch.chdir(tmp_path / "course" / folder)
    assert data_module._default_folder().resolve() == tmp_path / "course" / "data"


def test_unpacked_and_repacked_files_are_accepted(data_folder, tmp_path, raw, mnist):
    for name in NAMES[:1]:  # as some browsers leave it: unpacked, under the old name
        (tmp_path / f"{name}.gz").write_bytes(raw[name])
    for name in NAMES[1:3]:
        (tmp_path / name).write_bytes(raw[name])
    (tmp_path / f"{NAMES[3]}.gz").write_bytes(gzip.compress(raw[NAMES[3]], 1, mtime=12345))
    again = load_mnist(tmp_path)
    assert np.array_equal(again.test.images, mnist.test.images)
    assert np.array_equal(again.test.labels, mnist.test.labels)
    assert np.array_equal(again.train.labels, mnist.train.labels)


# --------------------------------------------------------------------------------------------- Dataset


def numbered(m):
    """A Dataset whose image i is [i, −i] and whose label is i, so that rows can be told apart."""
    i = np.arange(m)
    return Dataset(np.stack([i, -i], axis=1).astype(float), i)


def test_dataset_rows():
    data = numbered(10)
    assert len(data) == 10
    assert data[2:5].labels.tolist() == [2, 3, 4] and data[2:5].images[:, 1].tolist() == [-2, -3, -4]
    picked = data[np.array([7, 0, 7])]
    assert picked.labels.tolist() == [7, 0, 7] and picked.images[:, 0].tolist() == [7, 0, 7]
    assert data[data.labels % 2 == 1].labels.tolist() == [1, 3, 5, 7, 9]
    assert isinstance(picked, Dataset) and len(data[:0]) == 0


@pytest.mark.parametrize("row", [3, np.int64(3)])
def test_dataset_single_row_is_refused_with_the_remedy(row):
    with pytest.raises(TypeError, match=r"data\[3:4\]"):
        numbered(10)[row]


@pytest.mark.parametrize(
    "images, labels, words",
    [
        (np.zeros((3, 2)), np.zeros(4, int), "3 images but 4 labels"),
        (np.zeros((3, 2)), np.zeros(0, int), "3 images but 0 labels"),
        (np.zeros((3, 2)), np.zeros(3), "labels must be integers, not float64"),
        (np.zeros((3, 2)), np.zeros(3, bool), "labels must be integers, not bool"),
        (np.zeros((3, 2)), np.array([0, -1, 2]), "labels must be 0 or more.*-1"),
        (np.zeros((3, 2)), np.zeros((3, 10), int), "labels must have shape"),
        (np.zeros((3, 28, 28)), np.zeros(3, int), "images must have shape"),
        (np.zeros(3), np.zeros(3, int), "images must have shape"),
    ],
)
def test_dataset_refuses(images, labels, words):
    with pytest.raises(ValueError, match=words):
        Dataset(images, labels)


# ------------------------------------------------------------------------------ one_hot, split, minibatches


@given(labels=st.lists(st.integers(0, 6), min_size=0, max_size=20), dtype=st.sampled_from(["f4", "f8", "i8"]))
def test_one_hot(labels, dtype):
    Y = one_hot(np.array(labels, np.uint8), 7, dtype)
    assert Y.shape == (len(labels), 7) and Y.dtype == np.dtype(dtype)
    assert Y.tolist() == [[1 if k == label else 0 for k in range(7)] for label in labels]


@pytest.mark.parametrize("labels", [[10], [-1, 0], [0.0, 1.0], [[0, 1]], [True, False], 3])
def test_one_hot_refuses(labels):
    with pytest.raises(ValueError, match="^labels must (be|have)"):
        one_hot(np.array(labels))


def test_one_hot_names_the_range():
    with pytest.raises(ValueError, match="^labels must be from 0 to 6; these labels go from -2 to 7$"):
        one_hot([3, 7, -2], 7)


def test_one_hot_default_is_ten_classes_float32():
    Y = one_hot([9, 0])
    assert Y.shape == (2, 10) and Y.dtype == np.float32 and Y[0, 9] == Y[1, 0] == 1 == Y.sum() / 2


def test_split_in_order():
    a, b, c = split(numbered(10), [4, 0, 3])
    assert (a.labels.tolist(), b.labels.tolist(), c.labels.tolist()) == ([0, 1, 2, 3], [], [4, 5, 6])


@given(st.lists(st.integers(0, 10), min_size=1, max_size=5), st.integers(0, 5), st.integers(0, 2**32))
def test_split_shuffled(sizes, rest, seed):
    data = numbered(sum(sizes) + rest)
    parts = split(data, sizes, seed=seed)
    assert [len(part) for part in parts] == sizes
    labels = np.concatenate([part.labels for part in parts])
    assert len(set(labels.tolist())) == len(labels)  # no overlap
    for part in parts:
        assert np.array_equal(part.images[:, 0], part.labels)  # images and labels stayed together
    again = np.concatenate([part.labels for part in split(data, sizes, seed=seed)])
    assert np.array_equal(labels, again)


def test_split_with_a_seed_does_shuffle():
    whole = split(numbered(100), [100], seed=0)[0].labels.tolist()
    assert whole != list(range(100)) and sorted(whole) == list(range(100))
    assert whole != split(numbered(100), [100], seed=1)[0].labels.tolist()


@pytest.mark.parametrize(
    "sizes, error, words",
    [
        ([11], ValueError, "10 examples"),
        ([6, 5], ValueError, "10 examples"),
        ([-1, 5], ValueError, "^sizes must be 0 or more, not -1$"),
        ([5, -1], ValueError, "^sizes must be 0 or more, not -1$"),
        ([5, 2.0], TypeError, "^sizes must be a whole number, not 2.0$"),
        ([True], TypeError, "^sizes must be a whole number, not True$"),
        (["5"], TypeError, "^sizes must be a whole number, not '5'$"),
    ],
)
@pytest.mark.parametrize("seed", [None, 0])
def test_split_refuses(sizes, error, words, seed):
    with pytest.raises(error, match=words):
        split(numbered(10), sizes, seed)


def test_split_takes_numpys_whole_numbers():
    assert [len(part) for part in split(numbered(10), np.array([4, 0, 3]))] == [4, 0, 3]


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("name", ["images", "labels"])
def test_mnist_cannot_be_spoiled(mnist, part, name):
    array = getattr(getattr(mnist, part), name)
    before = array[:2].copy()
    for view in (array, array[:5], array.T, getattr(getattr(mnist, part)[:5], name)):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            view += 1
    assert np.array_equal(array[:2], before)
    for copied in (array[:5].copy(), array[[0, 1]], getattr(getattr(mnist, part)[[0, 1]], name), array[:5] + 0):
        copied[0] = 1
        assert (copied[0] == 1).all()
    assert np.array_equal(array[:2], before)


@given(m=st.integers(1, 40), data=st.data())
def test_minibatches_bring_every_example_once(m, data):
    batch_size = data.draw(st.integers(1, m))
    seed = data.draw(st.one_of(st.none(), st.integers(0, 1000)))
    batches = list(minibatches(numbered(m), batch_size, None if seed is None else np.random.default_rng(seed)))
    rest = m % batch_size
    assert [len(batch) for batch in batches] == [batch_size] * (m // batch_size) + [rest] * (rest > 0)
    labels = np.concatenate([batch.labels for batch in batches]).tolist()
    assert sorted(labels) == list(range(m))
    if seed is None:
        assert labels == list(range(m))
    for batch in batches:
        assert np.array_equal(batch.images[:, 0], batch.labels)


def test_minibatches_order_comes_from_rng():
    def labels(seed):
        batches = minibatches(numbered(50), 8, np.random.default_rng(seed))
        return np.concatenate([batch.labels for batch in batches]).tolist()

    assert labels(3) == labels(3) != labels(4)
    rng = np.random.default_rng(3)
    epochs = [np.concatenate([batch.labels for batch in minibatches(numbered(50), 8, rng)]).tolist() for _ in range(2)]
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize(
    "batch_size, error",
    [(0, ValueError), (-1, ValueError), (11, ValueError), (2.0, TypeError), ("2", TypeError), (None, TypeError)],
)
def test_minibatches_refuse_at_once(batch_size, error):
    with pytest.raises(error, match="batch_size"):
        minibatches(numbered(10), batch_size)  # not only when the first batch is asked for


@pytest.mark.parametrize("data", [(np.zeros((4, 2)), np.zeros(4, int)), np.zeros((4, 2)), [1, 2, 3], "abcd", None, 7])
def test_minibatches_refuse_what_is_no_dataset(data):
    with pytest.raises(TypeError, match=f"data must be a Dataset.*not {type(data).__name__}"):
        minibatches(data, 1)


@pytest.mark.parametrize("batch_size", [0, 1, 5])
def test_minibatches_refuse_empty_data(batch_size):
    with pytest.raises(ValueError, match="data holds no examples"):
        minibatches(numbered(0), batch_size)


# -------------------------------------------------------------------------------------------- replacing a file


@pytest.mark.parametrize("as_type", [str, lambda path: path])
def test_a_replaced_file_is_the_old_one_until_all_is_written(tmp_path, as_type):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with replacing(as_type(path)) as file:
        file.write(b"new, first half")
        file.flush()
        assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 2
        file.write(b", second half")
    assert path.read_bytes() == b"new, first half, second half" and list(tmp_path.iterdir()) == [path]


def test_replacing_makes_a_file_that_was_not_there(tmp_path):
    with replacing(tmp_path / "a") as file:
        assert not (tmp_path / "a").exists()
        file.write(b"content")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"content")]


@pytest.mark.parametrize("error", [OSError, ZeroDivisionError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [b"old", None])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, error, old):
    path = tmp_path / "a.npz"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(error), replacing(path) as file:
        file.write(b"x" * 100_000)
        raise error
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([old] if old is not None else [])


def test_an_error_while_putting_in_place_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.mkdir()  # a folder cannot be replaced by a file
    with pytest.raises(OSError), replacing(path) as file:
        file.write(b"content")
    assert list(tmp_path.iterdir()) == [path] and path.is_dir()


def test_what_a_killed_writer_left_is_written_over(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    (tmp_path / "a.unfinished").write_bytes(b"half of something much longer")
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


def test_replacing_in_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "a"):
        pytest.fail("there was nothing to write into")
