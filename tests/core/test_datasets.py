"""datasets: the files of many data sets, under all the names that they come with, and folders that are none."""

import gzip
import re
import struct
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from mnist_scratch import FileFormatError, load_dataset, load_mnist
from mnist_scratch.datasets import CLASS_NAMES, fingerprint, n_classes
from mnist_scratch.files import UserError
from mnist_scratch.recipes import find_recipe

FILES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
N = {"train": 60, "test": 20}
RNG = np.random.default_rng(7)
IMAGES = {part: RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8) for part, n in N.items()}
LABELS = {part: np.arange(n, dtype=np.uint8) % 10 for part, n in N.items()}
CODES = {"uint8": 0x08, "int8": 0x09, "int32": 0x0C, "float32": 0x0D}


def idx(array):
    """An IDX file as the format's description has it."""
    array = np.asarray(array)
    head = struct.pack(f">4B{array.ndim}I", 0, 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def four(images=IMAGES, labels=LABELS):
    """The contents of a data set's four files, in the order of FILES."""
    return [idx(part) for name in N for part in (images[name], labels[name])]


def csv(part, header="label,pixel", first=0, labels=True, end="\n"):
    """A table as Kaggle keeps it: the label, and 784 pixels; header "" leaves the first line out."""
    label, pixel = header.split(",") if header else ("", "")
    names = [label] * labels + [f"{pixel}{first + i}" for i in range(784)]
    rows = [",".join(names)] * bool(header)
    for image, y in zip(IMAGES[part], LABELS[part], strict=True):
        rows.append(",".join(map(str, [y] * labels + image.ravel().tolist())))
    return (end.join(rows) + end).encode()


def write(folder, files):
    """Write {name: content}; a name may have folders before it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def load(folder, **options):
    return load_dataset(folder, **{"n_validation": 10} | options)


def is_whole(data, turn=lambda image: image, labels=LABELS):
    """The images and labels written above, the last ten of the training images held out; bytes / 255, for reading."""
    images = {part: turn(IMAGES[part]).reshape(N[part], 784) / np.float32(255) for part in N}
    for part, rows, name in [
        (data.train, slice(0, -10), "train"),
        (data.validation, slice(-10, None), "train"),
        (data.test, slice(None), "test"),
    ]:
        np.testing.assert_array_equal(part.images, images[name][rows])
        np.testing.assert_array_equal(part.labels, labels[name][rows])
        assert (part.images.dtype, part.labels.dtype) == (np.float32, np.int64)
        assert not (part.images.flags.writeable or part.labels.flags.writeable)
    return True


DOTS = [name.replace("-idx", ".idx") for name in FILES]
EMNIST = [f"emnist-digits-{part}-{what}" for part in N for what in ("images-idx3-ubyte", "labels-idx1-ubyte")]
IDX_NAMES = {
    "as MNIST's": FILES,
    "packed": [f"{name}.gz" for name in FILES],
    "7-Zip's": DOTS,
    "in capitals": [f"{name}.gz".upper() for name in FILES],
    "downloaded twice": [f"{name} (1).gz" for name in FILES],
    "Kaggle's folders": [f"{name}/{name}" for name in FILES],
    "Kaggle's folders, 7-Zip's names": [f"{name}/{dots}" for name, dots in zip(FILES, DOTS, strict=True)],
    "torchvision's": [f"FashionMNIST/raw/{name}" for name in FILES],
    "one folder down": [f"archive/{name}" for name in FILES],
}


@pytest.mark.parametrize("names", IDX_NAMES.values(), ids=list(IDX_NAMES))
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_four_files_are_found_whatever_they_are_called(tmp_path, names, pack):
    write(tmp_path, {name: pack(content) for name, content in zip(names, four(), strict=True)})
    (tmp_path / ".DS_Store").write_bytes(b"a Mac's")
    (tmp_path / "__MACOSX").mkdir()
    assert is_whole(load(tmp_path)) and is_whole(load(str(tmp_path)))


CSV = {
    "Kaggle's digits": ("train.csv", "test.csv", {}),
    "Kaggle's Fashion-MNIST": ("fashion-mnist_train.csv", "fashion-mnist_test.csv", {"first": 1}),
    "MNIST in CSV": ("mnist_train.csv", "mnist_test.csv", {"header": "Label,1x"}),
    "without names": ("x-train.csv", "x-test.csv", {"header": ""}),
    "from Windows": ("train.csv", "test.csv", {"end": "\r\n"}),
    "folders": ("train.csv/train.csv", "test.csv/test.csv", {}),
    "packed": ("train.csv.gz", "test.csv.gz", {}),
}


@pytest.mark.parametrize("train, test, form", CSV.values(), ids=list(CSV))
def test_tables_are_read_as_the_four_files_are(tmp_path, train, test, form):
    pack = gzip.compress if train.endswith(".gz") else bytes
    write(tmp_path, {train: pack(csv("train", **form)), test: pack(csv("test", **form))})
    assert is_whole(load(tmp_path))


def test_semicolons_a_mark_of_the_byte_order_and_an_index_do_no_harm(tmp_path):
    """As a spreadsheet, or pandas, writes a table again."""
    table = b"\xef\xbb\xbf" + csv("train").replace(b",", b";")
    rows = csv("test").splitlines()
    indexed = b"\n".join([b"," + rows[0], *(b"%d," % i + row for i, row in enumerate(rows[1:]))])
    assert is_whole(load(write(tmp_path, {"train.csv": table, "test.csv": indexed})))


def test_mnist_itself_comes_out_as_from_load_mnist(data_folder, mnist):
    data = load_dataset(data_folder)
    for part, genuine in zip(data, mnist, strict=True):
        np.testing.assert_array_equal(part.images, genuine.images)
        np.testing.assert_array_equal(part.labels, genuine.labels)
        assert part.names is None
    assert fingerprint(data) == fingerprint(mnist) == fingerprint(load_mnist(data_folder, n_validation=0))


def test_what_was_unpacked_is_read_and_not_what_it_was_unpacked_from(tmp_path):
    for folder, names in (("a", FILES), ("b", DOTS)):
        packed = {f"{name}.gz": b"<html>" for name in FILES}
        assert is_whole(load(write(tmp_path / folder, packed | dict(zip(names, four(), strict=True)))))


def test_emnist_is_turned_and_whether_it_is_can_be_said(tmp_path):
    write(tmp_path, dict(zip(EMNIST, four(), strict=True)))
    assert is_whole(load(tmp_path), turn=lambda images: images.transpose(0, 2, 1))
    assert is_whole(load(tmp_path, transposed=False))
    write(tmp_path / "renamed", dict(zip(FILES, four(), strict=True)))
    assert is_whole(load(tmp_path / "renamed", transposed=True), turn=lambda images: images.transpose(0, 2, 1))


def test_one_of_emnists_splits_is_chosen_by_the_beginning_of_its_names(tmp_path):
    letters = {part: np.arange(n, dtype=np.uint8) % 26 + 1 for part, n in N.items()}
    write(tmp_path, dict(zip(EMNIST, four(), strict=True)))
    names = [name.replace("digits", "letters") for name in EMNIST]
    write(tmp_path, dict(zip(names, four(labels=letters), strict=True)))
    with pytest.raises(UserError, match=r"several.*emnist-digits.*emnist-letters"):
        load(tmp_path)
    data = load(tmp_path / "emnist-letters")
    assert data.test.labels.tolist() == [n % 26 for n in range(20)], "counted from 0"
    assert [data.train.names[label] for label in data.train.labels[:3]] == ["A", "B", "C"]
    assert n_classes(data) == 26 and load(tmp_path / "emnist-digits").train.names is None


def test_of_qmnists_columns_the_first_is_the_label(tmp_path):
    names = [f"qmnist-{part}-{what}" for part in N for what in ("images-idx3-ubyte", "labels-idx2-int.gz")]
    columns = {part: np.full((n, 8), 77, dtype=np.int32) for part, n in N.items()}
    for part in N:
        columns[part][:, 0] = LABELS[part]
    assert is_whole(load(write(tmp_path, dict(zip(names, four(labels=columns), strict=True)))))


@pytest.mark.parametrize(
    "folder, names, word",
    [
        ("fashion-mnist", FILES, "Sandal"),
        ("FashionMNIST/raw", FILES, "Sandal"),
        ("clothes", [f"fashion-mnist-{name}" for name in FILES], "Sandal"),
        ("Kuzushiji_MNIST", FILES, "ha"),
        ("kmnist", FILES, "ha"),
        ("digits", FILES, None),
        ("old-fashioned-digits", FILES, None),
    ],
)
def test_the_names_of_files_and_folder_tell_those_of_the_classes(tmp_path, folder, names, word):
    data = load(write(tmp_path / folder, dict(zip(names, four(), strict=True))))
    assert (data.test.names and data.test.names[5]) == word
    own = list("abcdefghij")
    parts = load(tmp_path / folder, names=own)
    assert parts.train.names == parts.validation[:3].names == parts.test[np.arange(3)].names == tuple(own)


@pytest.mark.parametrize("folder", ["SignLanguageMNIST", "ChineseMNIST", "noisemnist-letters", "emnist/../mnist"])
def test_no_other_name_is_taken_for_emnists(tmp_path, folder):
    (tmp_path / "emnist").mkdir()
    data = load(write(tmp_path / folder, dict(zip(FILES, four(), strict=True)) | {EMNIST[0]: four()[0]}))
    assert is_whole(data) and data.test.names is None


def test_a_set_is_called_as_its_folder_is_also_from_within(tmp_path, monkeypatch):
    write(tmp_path / "fashion-mnist", WHOLE | {"notes/a.txt": b""})
    monkeypatch.chdir(tmp_path / "fashion-mnist" / "notes")
    assert load("..").test.names == CLASS_NAMES["fashion"]


def test_classes_keep_their_names_where_the_first_does_not_occur(tmp_path):
    labels = {part: np.arange(n, dtype=np.uint8) % 9 + 1 for part, n in N.items()}
    data = load(write(tmp_path / "fashion-mnist", dict(zip(FILES, four(labels=labels), strict=True))))
    assert is_whole(data, labels=labels) and data.train.names[data.train.labels[0]] == "Trouser"


def test_a_name_alone_is_looked_for_where_data_sets_lie(tmp_path, monkeypatch):
    from mnist_scratch import datasets

    for place in ("course", "debian"):
        write(tmp_path / place / f"of-{place}", dict(zip(FILES, four(), strict=True)))
    monkeypatch.setattr(datasets, "course_folder", lambda *_: tmp_path / "course")
    monkeypatch.setattr(datasets, "_DEBIAN", tmp_path / "debian")
    assert is_whole(load("of-course")) and is_whole(load("of-debian"))
    with pytest.raises(FileNotFoundError, match="course.*debian.*put the files"):
        load("of-nobody")
    with pytest.raises(FileNotFoundError, match="dataset-fashion-mnist"):
        load("fashion-mnist")


def test_a_folder_of_results_does_not_hide_the_data_set_of_its_name(tmp_path, monkeypatch):
    from mnist_scratch import datasets

    monkeypatch.setattr(datasets, "course_folder", lambda *_: tmp_path / "course")
    monkeypatch.chdir(tmp_path)
    for name, files in (("course/clothes", FILES), (".", EMNIST)):
        write(tmp_path / name, dict(zip(files, four(), strict=True)))
    for name in ("clothes", "emnist-digits"):
        write(tmp_path / name / "relu-128-64", {"summary.json": b"{}"})
        assert is_whole(load(name, transposed=False))
    write(tmp_path / "clothes", {FILES[0]: four()[0]})
    with pytest.raises(FileNotFoundError, match="clothes lacks"):
        load("clothes")


def test_a_test_set_can_be_taken_from_the_training_images(tmp_path):
    """Kaggle keeps the labels of its competitions' tests to itself."""
    write(tmp_path, {"train.csv": csv("train"), "test.csv": csv("test", labels=False)})
    data = load(tmp_path, n_test=15)
    assert [len(part) for part in data] == [35, 10, 15]
    rows = np.concatenate([part.images for part in data])
    np.testing.assert_array_equal(rows, IMAGES["train"].reshape(60, 784) / np.float32(255))
    with pytest.raises(UserError, match="n_validation and n_test together.*60"):
        load(tmp_path, n_test=50)
    with pytest.raises(UserError, match="n_validation must be less than the 60"):
        load(write(tmp_path / "whole", dict(zip(FILES, four(), strict=True))), n_validation=60)


# ------------------------------------------------------------------------------------------- folders that are none


def changed(which, content):
    """The four files, one of them with other content; None takes it away."""
    files = dict(zip(FILES, four(), strict=True))
    files[FILES[which]] = content
    return {name: content for name, content in files.items() if content is not None}


def with_labels(*labels):
    """The four files, the first training labels changed."""
    values = LABELS["train"].astype(np.int8 if min(labels) < 0 else np.uint8)
    values[: len(labels)] = labels
    return changed(1, idx(values))


def table(edit):
    """Kaggle's two tables, the rows of the first one changed."""
    rows = edit([row.split(",") for row in csv("train").decode().splitlines()])
    return {"train.csv": "\n".join(",".join(row) for row in rows).encode(), "test.csv": csv("test")}


def one_letter(rows):
    rows[3][5] = "abc"
    return rows


WHOLE = changed(0, four()[0])
SWAPPED = dict(zip([FILES[1], FILES[0], *FILES[2:]], four(), strict=True))
LARGE = np.zeros((60, 32, 32), np.uint8)
EMPTY = [idx(np.zeros((0, 28, 28), np.uint8)), idx(np.zeros(0, np.uint8))]
NONE = {"train": dict(zip(FILES[:2], EMPTY, strict=True)), "test": dict(zip(FILES[2:], EMPTY, strict=True))}
PAGE = b"<!DOCTYPE html><title>404</title>"
# what is in the folder, the name that is given, and what the message must say: what is wrong, and what to do
WRONG = {
    "nothing in it": ({}, "", "lacks train-images-idx3-ubyte.*holds nothing.*belong into this folder"),
    "something else in it": ({"notes.txt": b"", "a.png": b""}, "", "lacks train-images.*holds a.png, notes.txt"),
    "a file": (WHOLE, FILES[0], "train-images-idx3-ubyte is a file: name the folder in which it lies"),
    "an archive": ({"archive.zip": b"PK"}, "archive.zip", "is an archive: unpack it, and name the folder"),
    "no such folder": ({}, "nowhere/at-all", "at-all: there is no such folder.*name the folder"),
    "one file of four": ({FILES[0]: four()[0]}, "", "lacks train-labels-idx1-ubyte, t10k-images.*holds train-images"),
    "no test labels": (changed(3, None), "", "lacks t10k-labels-idx1-ubyte, and holds.*belong into this folder"),
    "two files swapped": (SWAPPED, "", "train-images-idx3-ubyte holds labels, not images.*Exchange"),
    "labels swapped": (changed(1, four()[0]), "", "train-labels-idx1-ubyte holds images, not labels.*Exchange"),
    "counts that differ": (changed(1, four()[3]), "", "60 images.*20 labels.*do not belong together"),
    "cut short": (changed(0, four()[0][:-1]), "", "train-images.*cut short.*download it again"),
    "cut short, packed": (changed(0, gzip.compress(four()[0])[:-9]), "", "train-images.*cut short.*download it again"),
    "a web page": (changed(2, PAGE), "", "t10k-images.*web page.*download it again"),
    "a packed web page": (changed(2, gzip.compress(PAGE)), "", "t10k-images.*web page.*download it again"),
    "not unpacked": ({"gzip.zip": b"PK"}, "", "gzip.zip is an archive: unpack it"),
    "an archive under another name": (changed(0, b"PK\3\4" + bytes(99)), "", "train-images.*is an archive.*unpack it"),
    "another size": (changed(0, idx(LARGE)), "", "32 × 32 pixels, not 28 × 28.*read_idx"),
    "pixels that are no bytes": (changed(0, idx(np.zeros((60, 28, 28), np.float32))), "", "float32.*not one byte"),
    "no training images": (WHOLE | NONE["train"], "", "train-images-idx3-ubyte holds no images"),
    "no test images": (WHOLE | NONE["test"], "", "t10k-images-idx3-ubyte holds no images"),
    "a label below 0": (with_labels(0, -1), "", "labels go from -1 to 9.*from 0 up"),
    "a label out of range": (with_labels(200), "", "labels go up to 200, and only 11 different.*names="),
    "a label without a name": (with_labels(10), "fashion-mnist", "labels go from 0 to 10.*10 classes: T-shirt/top"),
    "other columns than QMNIST's": (changed(1, idx(np.zeros((60, 3), np.int32))), "", r"\(60, 3\).*QMNIST's 8"),
    "labels that are no whole numbers": (changed(1, idx(np.zeros(60, np.float32))), "", "float32.*whole number"),
    "several data sets": (
        WHOLE | dict(zip(EMNIST, four(), strict=True)) | {f"k-{name}": content for name, content in WHOLE.items()},
        "",
        "several data sets; choose.*emnist-digits.*k.*without a name.*folder of their own",
    ),
    "several folders": ({f"{a}/{name}": c for a in "ab" for name, c in WHOLE.items()}, "", "several folders.*name one"),
    "a folder below": (WHOLE | {"more/a.txt": b""}, "more", "folder above holds them all: name "),
    "no test labels in a table": (
        {"train.csv": csv("train"), "test.csv": csv("test", labels=False)},
        "",
        "test.csv has no column of labels.*n_test=10_000",
    ),
    "one table": ({"train.csv": csv("train")}, "", "lacks test.csv, and holds train.csv.*n_test=10_000"),
    "a table with a column less": (table(lambda rows: [row[:-1] for row in rows]), "", "train.csv has 783 columns"),
    "a table with a value less": (table(lambda rows: [*rows[:4], rows[4][:-1]]), "", "train.csv: line 5: .*columns"),
    "a table with letters": (table(one_letter), "", "train.csv: line 4: .*'abc'.*column 6"),
    "a table with other numbers": (
        table(lambda rows: [rows[0], [*rows[1][:-1], "256"]]),
        "",
        "train.csv: pixels go from 0 to 256",
    ),
    "a table that is a web page": ({"train.csv": PAGE, "test.csv": PAGE}, "", "train.csv: not CSV, but a web page"),
    "an empty table": ({"train.csv": b"", "test.csv": b""}, "", "train.csv: .*empty line"),
    "a table without rows": (table(lambda rows: rows[:1]), "", "train.csv: no rows"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("files, name, words", WRONG.values(), ids=list(WRONG))
def test_a_folder_that_is_no_data_set_is_told_with_what_helps(tmp_path, files, name, words):
    where = tmp_path / "fashion-mnist" if name == "fashion-mnist" else tmp_path
    write(where, files)
    with pytest.raises((OSError, UserError)) as told:
        load(tmp_path / name)
    message = str(told.value)
    assert re.search(words, message), message
    assert str(tmp_path) in message and len(message) < 700
    if not isinstance(told.value, FileFormatError):
        assert told.value.args == (message,), "the command line shows it as it is"


@pytest.mark.parametrize("digits", [b"0", b"0\n"], ids=["one line", "many lines"])
def test_a_small_file_that_unpacks_to_a_huge_table_takes_no_memory(tmp_path, monkeypatch, digits):
    from mnist_scratch import datasets

    monkeypatch.setattr(datasets, "_LONGEST", 500_000)
    packed = gzip.compress(digits * 5_000_000)
    write(tmp_path, {"train.csv.gz": packed, "test.csv": csv("test")})
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="train.csv.gz: longer than any data set"):
            load(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("column, value", [(0, "3.7"), (5, "0.5451")], ids=["label", "pixel"])
def test_a_fraction_in_a_table_is_refused_and_not_rounded(tmp_path, column, value):
    """Some versions of NumPy round it with no more than a warning, which nobody need see."""
    fraction = table(lambda rows: [rows[0], [*rows[1][:column], value, *rows[1][column + 1 :]], *rows[2:]])
    with pytest.raises(FileFormatError, match=f"line 2: .*'{value}'"):
        load(write(tmp_path, fraction))


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"n_validation": -1}, ValueError, "n_validation must be 0 or more"),
        ({"n_test": 0}, ValueError, "n_test must be 1 or more"),
        ({"transposed": "yes"}, TypeError, "transposed must be True or False"),
        ({"names": "abcdefghij"}, TypeError, "names must be a list"),
        ({"names": ["a", 3]}, TypeError, "names must be a list of texts"),
        ({"names": ["a", "a"]}, ValueError, "differ"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, options, error, words):
    write(tmp_path, WHOLE)
    with pytest.raises(error, match=words):
        load(tmp_path, **options)


# --------------------------------------------------------------------------------------------- the recipes on it


def test_a_fingerprint_knows_the_data_and_not_how_it_was_held_out(tmp_path):
    data = load(write(tmp_path, WHOLE))
    assert fingerprint(data) == fingerprint(load(tmp_path, n_validation=0))
    others = [with_labels(3), changed(2, idx(IMAGES["test"][::-1])), changed(3, idx(LABELS["test"][::-1]))]
    found = {fingerprint(load(write(tmp_path, files))) for files in others}
    assert len(found | {fingerprint(data)}) == 4


def test_a_recipe_for_other_data_differs_in_nothing_but_the_classes(tmp_path):
    letters = {part: np.arange(n, dtype=np.uint8) % 26 for part, n in N.items()}
    data = load(
        write(tmp_path, dict(zip(FILES, four(labels=letters), strict=True))), names=CLASS_NAMES["emnist-letters"]
    )
    recipe = replace(find_recipe("relu-128-64"), n_validation=10)
    other = recipe.with_data(data)
    assert other.sizes == (784, 128, 64, 26) and other.network(0).sizes[-1] == 26
    changes = {name for name, value in other.settings.items() if value != recipe.settings[name]}
    assert changes == {"sizes", "data"} and other.goal is None, "a goal for MNIST is none for letters"
    assert not recipe.has_settings(other.settings) and not other.has_settings(recipe.settings)
    before = {name: value for name, value in recipe.settings.items() if name != "data"}
    assert recipe.has_settings(before), "results stored before recipes knew of other data"
