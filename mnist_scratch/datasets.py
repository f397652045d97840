"""Other data sets in the form of MNIST: Fashion-MNIST, EMNIST, KMNIST, QMNIST, and those that Kaggle keeps as CSV.

They come with many file names. `load_dataset` knows these, and says what is missing where a folder does not hold one.
"""

import os
import re
import warnings
from contextlib import suppress
from hashlib import sha256
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np

from . import checks
from .data import MNIST, as_dataset, read_idx, split
from .files import FileFormatError, UserError, course_folder, unpacked

_KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_MERGED = tuple(digits + ascii_uppercase + "abdefghnqrt")  # the other small letters look like their capitals
# what the classes are called, by a word in the names of the files or of their folder
CLASS_NAMES = {
    "fashion": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "kmnist": _KUZUSHIJI,
    "kuzushiji": _KUZUSHIJI,
    "emnist-letters": tuple(ascii_uppercase),
    "emnist-balanced": _MERGED,
    "emnist-bymerge": _MERGED,
    "emnist-byclass": tuple(digits + ascii_uppercase + ascii_lowercase),
}
_SIDE = 28  # pixels
# characters of a table, and of a line: EMNIST's largest has 547 million pixels, most of them "0,"; a line needs 3,136
_LONGEST, _LONGEST_LINE = 2**31, 100_000
_DEBIAN = Path("/usr/share/datasets")
_PARTS = {"train": "train", "training": "train", "test": "test", "t10k": "test"}
_IDX = re.compile(r"(?:(.+)-)?(train|training|test|t10k)-(images|labels)(?:-idx\d-(?:ubyte|int))?")
_CSV = re.compile(r"(?:(.+)-)?(train|training|test|t10k)-(csv)")
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".xz")
_ROLES = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("test", "images"): "t10k-images-idx3-ubyte",
    ("test", "labels"): "t10k-labels-idx1-ubyte",
    ("train", "csv"): "train.csv",
    ("test", "csv"): "test.csv",
}


def load_dataset(folder, n_validation=10_000, *, n_test=None, transposed=None, names=None):
    """Load any data set that comes in files like MNIST's; no network is used.

    The files are four in the IDX format, as of Fashion-MNIST, EMNIST, KMNIST and QMNIST; or two of CSV, a label and 784
    pixels a row, as Kaggle has them. They may be packed with gzip or not, and their names may begin with the data
    set's, `emnist-letters-`; have dots for hyphens, as 7-Zip writes them; be in capital letters; or be those of folders
    that hold the file, as on Kaggle.

    Parameters
    ----------
    folder : str or Path
        Where the files lie, or a folder one or two levels above. Where several data sets lie together, as EMNIST's six
        do, the folder and the beginning of the names: "emnist/emnist-letters". A name alone, such as "fashion-mnist",
        is also looked for in the course's `data` folder, and where Debian's packages put their data.
    n_validation : int
        How many of the training images, the last ones, become the validation set.
    n_test : int, optional
        Take so many of the last training images, before the validation set is taken, for the test, and read no test
        files: Kaggle keeps the labels of its competitions' tests to itself.
    transposed : bool, optional
        Whether rows and columns of each image are exchanged, as EMNIST has them, and are to be exchanged back; by
        default where the files or their folder are called "emnist".
    names : sequence of str, optional
        What the classes are called, from label 0 up; by default as in CLASS_NAMES where the files or their folder are
        called so.

    Returns
    -------
    MNIST
        With .train, .validation and .test, as `load_mnist` gives them: .images, (m, 784) float32 in [0, 1]; .labels,
        (m,) int64 from 0 up; .names, where the classes have some. The arrays are read-only. Labels that begin at 1, as
        those of EMNIST's letters, are counted from 0.

    Raises
    ------
    FileNotFoundError
        Where files are missing; the message says which, and what there is.
    FileFormatError
        If a file is damaged, or its content does not go with that of the others.
    UserError
        If there are several data sets in the folder, or n_validation or n_test is more than there is.

    Notes
    -----
    Which data set it is, nobody checks: unlike those of `load_mnist`, these files are compared with no checksum.
    """
    checks.integer("n_validation", n_validation, 0)
    if n_test is not None:
        checks.integer("n_test", n_test, 1)
    if names is not None:
        names = checks.names("names", names)
    if transposed is not None:
        checks.flag("transposed", transposed)
    place, prefix, files = _found(checks.path("folder", folder), ["train"] if n_test else ["train", "test"])
    called = _called(place, prefix)
    if names is None:
        names = next((words for name, words in CLASS_NAMES.items() if _says(called, name)), None)
    transposed = _says(called, "emnist") if transposed is None else transposed
    parts = {part: _read(part, files, transposed) for part in dict.fromkeys(part for part, _ in files)}
    labels = _from_zero({part: labels for part, (_, labels) in parts.items()}, names, place)
    train, *test = (as_dataset(parts[part][0], labels[part], names) for part in parts)
    wanted = n_validation + (n_test or 0)
    if wanted >= len(train):
        words = "n_validation" if n_test is None else "n_validation and n_test together"
        raise UserError(f"{words} must be less than the {len(train):,} training images that there are, not {wanted:,}")
    train, validation, *kept = split(train, [len(train) - wanted, n_validation, *([n_test] if n_test else [])])
    return MNIST(train, validation, *(test or kept))


def n_classes(data):
    """How many classes a data set has: a whole number. data: MNIST, as `load_dataset` gives it."""
    return len(data.train.names) if data.train.names else int(max(part.labels.max(initial=0) for part in data)) + 1


def fingerprint(data):
    """What tells a data set from others: 16 hexadecimal digits of the SHA-256 of its images and labels.

    data: MNIST, as `load_dataset` gives it; how many training images are held out makes no difference.
    """
    digest = sha256()
    for parts in ((data.train, data.validation), (data.test,)):
        for name in ("images", "labels"):
            for part in parts:
                digest.update(np.ascontiguousarray(getattr(part, name)))
    return digest.hexdigest()[:16]


# ------------------------------------------------------------------------------------------------ finding the files


def _plain(name):
    """A name in small letters, with hyphens between its words."""
    return re.sub(r"[\s._-]+", "-", name.lower()).strip("-")


def _role(name):
    """What a file of that name holds: (the beginning of its name, (part, kind)); None when it is none of a data set."""
    bare = re.sub(r"\s*\(\d+\)", "", name)  # a browser's mark of a second download
    bare = _plain(re.sub(r"\.gz$", "", bare, flags=re.IGNORECASE))
    match = _IDX.fullmatch(bare) or _CSV.fullmatch(bare)
    return match and (match[1] or "", (_PARTS[match[2]], match[3]))


def _sets(folder):
    """The files of data sets in a folder: {beginning of their names: {(part, kind): path}}."""
    visible = [path for path in sorted(folder.iterdir()) if not path.name.startswith((".", "__MACOSX"))]
    files = [path for path in visible if path.is_file()]
    files.sort(key=lambda path: path.suffix.lower() == ".gz")  # what somebody unpacked comes first
    for named in visible:
        if _role(named.name) and named.is_dir():  # Kaggle's folders, named like the file in them
            files += [path for path in sorted(named.iterdir()) if _role(path.name) == _role(named.name)]
    found = {}
    for path in files:
        if role := _role(path.name):
            found.setdefault(role[0], {}).setdefault(role[1], path)
    return found


def _called(folder, prefix):
    """The names of a data set's folder and files, which say what it is."""
    folder = Path(os.path.abspath(folder))  # without "..", but a link keeps the name that somebody gave it
    own = folder.parent.name if folder.name.lower() == "raw" else folder.name  # as torchvision calls it
    return _plain(f"{own}-{prefix}")


def _says(called, name):
    """Whether the names of a data set hold that name as words of their own: SignLanguageMNIST is no EMNIST."""
    return re.search(rf"(^|-){name}(mnist)?(-|$)", called) is not None


def _usable(files, parts):
    """Those of the files that are read, {(part, kind): path}: IDX rather than CSV; None when some are missing."""
    for kinds in (("images", "labels"), ("csv",)):
        needed = [(part, kind) for part in parts for kind in kinds]
        if all(role in files for role in needed):
            return {role: files[role] for role in needed}
    return None


def _complete(folder, parts):
    """The whole data sets in a folder, {beginning: files}: only those in IDX where some are."""
    sets = {prefix: _usable(files, parts) for prefix, files in _sets(folder).items()}
    sets = {prefix: files for prefix, files in sets.items() if files}
    return {prefix: files for prefix, files in sets.items() if ("train", "images") in files} or sets


def _has_a_set(folder, parts):
    """Whether there is a whole data set in a folder that nobody named, and which may be one that cannot be listed."""
    with suppress(OSError):
        return bool(_complete(folder, parts))
    return False


def _holds_files(folder):
    """Whether any file of a data set lies in a folder, or one or two levels below."""
    for path in (folder, *folder.glob("*"), *folder.glob("*/*")):
        with suppress(OSError):
            if _sets(path):
                return True
    return False


def _found(name, parts):
    """The folder of a data set, the beginning of its files' names, and its files, as `_usable` gives them."""
    folder, wanted = _place(Path(name))
    sets = _complete(folder, parts)
    if wanted is not None:
        sets = {prefix: files for prefix, files in sets.items() if prefix == wanted}
    elif not sets and not _sets(folder):
        for pattern in ("*", "*/*"):
            below = [path for path in sorted(folder.glob(pattern)) if path.is_dir() and _has_a_set(path, parts)]
            if len(below) > 1:
                raise UserError(f"{folder} has several folders with data sets; name one of them: {_listed(below)}")
            if below:
                folder, sets = below[0], _complete(below[0], parts)
                break
    if not sets:
        raise FileNotFoundError(_what_is_missing(folder, wanted, parts))
    if len(sets) > 1:
        several = _listed(folder / prefix for prefix in sets if prefix)
        rest = ". The files without a name before theirs need a folder of their own" if "" in sets else ""
        raise UserError(f"{folder} holds the files of several data sets; choose one of them: {several}{rest}")
    ((prefix, files),) = sets.items()
    return folder, prefix, files


def _place(folder):
    """The folder that is meant, and the beginning of the files' names, where that was named with it."""
    if folder.is_file():
        if folder.name.lower().endswith(_ARCHIVES):
            raise NotADirectoryError(f"{folder} is an archive: unpack it, and name the folder that it makes")
        raise NotADirectoryError(f"{folder} is a file: name the folder in which it lies, {folder.parent}")
    places = [course_folder("data", "train-images-idx3-ubyte*"), _DEBIAN] if len(folder.parts) == 1 else []
    there = [path for path in (folder, *(place / folder for place in places)) if path.is_dir()]
    for path in there:  # a folder of results, say, may be called like the data set
        if _holds_files(path):
            return path, None
    with suppress(OSError):
        if _plain(folder.name) in _sets(folder.parent):
            return folder.parent, _plain(folder.name)
    if there:
        return there[0], None
    looked = f"; it is neither here nor in {' nor in '.join(map(str, places))}" if places else ""
    remedy = "Make it and put the files of the data set into it, or name the folder that holds them."
    if "fashion" in _plain(folder.name):
        remedy += " On Debian and Ubuntu, `apt-get install dataset-fashion-mnist` brings those of Fashion-MNIST."
    raise FileNotFoundError(f"{folder}: there is no such folder{looked}. {remedy}")


def _what_is_missing(folder, prefix, parts):
    """Why there is no whole data set in a folder, and what to do."""
    there = [path.name for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    archives = [name for name in there if name.lower().endswith(_ARCHIVES)]
    sets = _sets(folder)
    files = sets.get(prefix or "") or next(iter(sets.values()), {})
    kinds = ("csv",) if {kind for _, kind in files} == {"csv"} else ("images", "labels")
    wanted = {role: name for role, name in _ROLES.items() if role[0] in parts and role[1] in kinds}
    missing = _listed(name for role, name in wanted.items() if role not in files)
    if _has_a_set(folder.absolute().parent, parts):
        remedy = f"The folder above holds them all: name {folder.absolute().parent}."
    elif archives:
        remedy = f"{archives[0]} is an archive: unpack it into this folder."
    elif kinds == ("csv",):
        remedy = "Where there is no test set with labels, n_test=10_000 takes the last training images for it."
    else:
        remedy = "All four belong into this folder, packed with gzip or not."
    return f"{folder} lacks {missing}, and holds {_listed(there) or 'nothing'}. {remedy}"


def _listed(names, most=8):
    """Names as text, not too many of them."""
    names = [str(name) for name in names]
    return ", ".join(names[:most]) + (f", and {len(names) - most} more" if len(names) > most else "")


# ------------------------------------------------------------------------------------------------ reading the files


def _read(part, files, transposed):
    """The images, (m, 28, 28) bytes, and the labels, (m,), of a part; FileFormatError where they are no such."""
    if (part, "csv") in files:
        images, labels = _read_csv(files[part, "csv"])
    else:
        images, labels = _read_images(files[part, "images"]), _read_labels(files[part, "labels"])
        if len(images) != len(labels):
            one, other = (files[part, kind] for kind in ("images", "labels"))
            both = f"{one} holds {len(images):,} images, and {other} {len(labels):,} labels"
            raise FileFormatError(f"{both}: they do not belong together. Copy or download both again.")
    if len(images) == 0:
        raise FileFormatError(f"{next(path for (of, _), path in files.items() if of == part)} holds no images")
    return images.transpose(0, 2, 1) if transposed else images, labels


def _read_images(path):
    images = _read_idx(path)
    if images.ndim == 1:
        raise FileFormatError(f"{path} holds labels, not images: it was given the other's name. Exchange the two.")
    if images.dtype != np.uint8 or images.ndim != 3:
        raise FileFormatError(f"{path} holds {images.dtype} of shape {images.shape}, not one byte for each pixel")
    _check_size(path, images.shape[1:])
    return images


def _check_size(path, size):
    if size != (_SIDE, _SIDE):
        has = f"{size[0]} × {size[1]}"
        remedy = "scale them to that size, or read the file with read_idx and build the Dataset yourself"
        raise FileFormatError(f"{path} holds images of {has} pixels, not {_SIDE} × {_SIDE}: {remedy}")


def _read_labels(path):
    labels = _read_idx(path)
    if labels.ndim == 3:
        raise FileFormatError(f"{path} holds images, not labels: it was given the other's name. Exchange the two.")
    if labels.ndim == 2 and labels.shape[1] == 8:  # QMNIST tells more of each image: writer, form and so on
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        has = f"{labels.dtype} of shape {labels.shape}"
        raise FileFormatError(f"{path} holds {has}, not a whole number for each image, or QMNIST's 8 columns")
    return labels


def _read_idx(path):
    try:
        return read_idx(path)
    except FileFormatError:
        with open(path, "rb") as file:
            begins = file.read(6)
        if begins.startswith((b"PK", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")):
            raise FileFormatError(f"{path} is an archive, whatever its name says: unpack it") from None
        raise


def _lines(file):
    """The lines of a text file as long as a table can have them: a small packed one can unpack to any size."""
    left = _LONGEST
    while line := file.readline(_LONGEST_LINE):
        left -= len(line)
        if left < 0 or len(line) == _LONGEST_LINE:
            raise ValueError(f"longer than any data set: {_LONGEST:,} characters, {_LONGEST_LINE:,} in a line")
        yield line


def _read_csv(path):
    """The images, (m, 28, 28) bytes, and the labels, (m,), of a CSV file, with a first line of names or without."""
    with unpacked(path) as file, TextIOWrapper(file, "utf-8-sig", errors="replace") as text:
        lines = _lines(text)
        first, second = next(lines, ""), next(lines, "")
        if not first.strip():
            raise ValueError("it begins with an empty line, where the names of the columns belong")
        if first.lstrip().startswith(("<", "PK")):
            raise ValueError(f"not CSV, but {'a web page' if '<' in first[:5] else 'an archive'}")
        separator = max(",;\t", key=first.count)
        names = [name.strip(' "\n').lower() for name in first.split(separator)]
        headed = not all(re.fullmatch(r"-?[\d.]*", name) for name in names)
        if headed and not second.strip():
            raise ValueError("no rows below the names of the columns")
        try:
            rows = chain([second] if headed else [first, second], lines)
            with warnings.catch_warnings():
                warnings.simplefilter("error", DeprecationWarning)  # before NumPy 2.3, 0.5 was read as 0, and told so
                table = np.loadtxt(rows, np.int16, comments=None, delimiter=separator, ndmin=2)
        except ValueError as error:
            raise ValueError(_in_words(error, headed)) from None
    if not headed:  # as EMNIST's
        names = (["label"] if len(names) > _SIDE**2 else []) + list(map(str, range(_SIDE**2)))[: len(names)]
    pixels = [column for column, name in enumerate(names) if name not in ("label", "id", "")]
    if len(pixels) != _SIDE**2 or table.shape[1] != len(names):
        has = f"{len(pixels)} columns of pixels and {table.shape[1]} values in a row"
        raise FileFormatError(f"{path} has {has}; {_SIDE} × {_SIDE} = {_SIDE**2} pixels belong beside the label")
    if "label" not in names:
        remedy = "Kaggle keeps those of its tests to itself: n_test=10_000 takes the last training images for the test"
        raise FileFormatError(f"{path} has no column of labels, called label or, without names, the first. {remedy}.")
    images = table[:, pixels]
    if images.min(initial=0) < 0 or images.max(initial=0) > 255:
        raise FileFormatError(f"{path}: pixels go from {images.min()} to {images.max()}, not from 0 to 255")
    return images.astype(np.uint8).reshape(-1, _SIDE, _SIDE), table[:, names.index("label")]


def _in_words(error, headed):
    """NumPy's complaint about a table, with the number of the line in the file."""
    text = str(error).split(";")[0].rstrip(".").replace("int16", "a whole number")
    counted = re.search(r" at row (\d+)", text)
    if not counted:
        return text
    line = int(counted[1]) + headed + ("convert" in text)
    return f"line {line}: {text.replace(counted[0], '')}"


def _from_zero(labels, names, place):
    """{part: labels (m,) from 0 up}; FileFormatError where they cannot be the classes of a data set."""
    present = np.unique(np.concatenate([*labels.values()]))
    if len(present) == 0:
        return labels
    low, high = int(present[0]), int(present[-1])
    if low < 0:
        raise FileFormatError(f"{place}: labels go from {low} to {high}; they must be whole numbers from 0 up")
    first = 1 if low == 1 and (names is None or high == len(names)) else 0  # or class 0 does not occur
    classes = high + 1 - first
    if names is not None and classes > len(names):
        raise FileFormatError(
            f"{place}: labels go from {low} to {high}, and there are {len(names)} classes: {_listed(names)}"
        )
    if names is None and classes > 2 * len(present):
        said = f"labels go up to {high}, and only {len(present)} different ones occur"
        raise FileFormatError(f"{place}: {said}. If that is right, give the names of all classes as names=…")
    return {part: values.astype(np.int64) - first for part, values in labels.items()}
