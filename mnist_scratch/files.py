"""Files: written atomically, and arrays read from files that nobody vouches for."""

import gzip
import os
import warnings
import zlib
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np


class FileFormatError(ValueError):
    """A file whose content is not what it should be. The message names the file and the remedy."""


def course_folder(name, holding="*"):
    """A folder of the course that holds such a file: beside the package, or beside or above the working directory.

    If there is none, the one beside the package, in whose name errors are told.
    """
    here = Path.cwd()
    places = [Path(__file__).parents[1] / name, *(folder / name for folder in (here, *here.parents))]
    return next((place for place in places if any(place.glob(holding))), places[0])


@contextmanager
def unpacked(path):
    """A file to read bytes from, unpacked if its content is gzip.

    What goes wrong inside, a ValueError included, becomes a FileFormatError that names the path.
    """
    try:
        with open(path, "rb") as stored:  # once: in a browser, each time would fetch the file again
            yield gzip.GzipFile(fileobj=stored) if stored.peek(2).startswith(b"\x1f\x8b") else stored
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file.") from None
    except (EOFError, ValueError, gzip.BadGzipFile, zlib.error) as error:
        what = f"damaged gzip data ({error})" if isinstance(error, (gzip.BadGzipFile, zlib.error)) else error
        what = "cut short: the gzip data end too early" if isinstance(error, EOFError) else what
        raise FileFormatError(f"{path}: {what}. Copy or download it again.") from None


def read_exactly(file, n):
    """The next n bytes of a file; ValueError if there are fewer. Memory follows what is there, not what n promises."""
    content = bytearray()
    while len(content) < n and (piece := file.read(min(1 << 20, n - len(content)))):
        content += piece
    if len(content) < n:
        raise ValueError(f"cut short: {n:,} bytes are promised where only {len(content):,} are left")
    return content


@contextmanager
def replacing(path):
    """A file to write bytes into, which takes the place of path only when all is written: half a file never does.

    An OSError names path, also where the system names no file, as when the disk is full.
    """
    path = Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with open(unfinished, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # a power failure could otherwise leave the new name with nothing in it
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno and error.filename in (None, str(unfinished)):
            raise type(error)(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def save_arrays(path, arrays):
    """Write {name: array or text} to a .npz file, atomically."""
    with replacing(path) as file:
        np.savez(file, **arrays)


@contextmanager
def load_arrays(path, what):
    """{name: array} of a file that `save_arrays` wrote; nothing in it is executed.

    Whatever goes wrong with them inside the context is told as a FileFormatError: not `what`, or damaged.
    """
    content = Path(path).read_bytes()  # what keeps a file from being read is not called damage
    try:
        yield arrays_in(content)
    except MemoryError:
        raise
    except Exception:  # the readers of a damaged file raise errors of a dozen kinds, some with unsafe advice
        raise FileFormatError(f"{path}: not {what}, or damaged since. Name such a file, or save it again.") from None


def arrays_in(content):
    """{name: array} of the bytes of a file that np.savez wrote. Nothing in it is executed.

    np.load takes memory for whatever a file promises, this for what is there: np.savez packs nothing, so nothing is
    unpacked. Other bytes raise errors of a dozen kinds; the caller names the file.
    """
    with ZipFile(BytesIO(content)) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of headers that old versions wrote
        members = file.infolist()
        there = sum(member.file_size for member in members)
        if there > len(content) or any(member.compress_type != ZIP_STORED for member in members):
            raise ValueError("its arrays are packed, or share their bytes")
        arrays = {member.filename.removesuffix(".npy"): _array_in(file.read(member)) for member in members}
    if len(arrays) < len(members):
        raise ValueError("two arrays have the same name")
    return arrays


def _array_in(npy):
    header = BytesIO(npy)
    if np.lib.format.read_magic(header) != (1, 0):
        raise ValueError("another version of the format")
    # a longer header than np.savez writes could keep its parser busy
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(header, max_header_size=200)
    if min(shape, default=0) < 0:
        raise ValueError("a negative size")  # which reshape would take for "whatever fits"
    array = np.frombuffer(npy, dtype, offset=header.tell()).reshape(shape, order="F" if by_columns else "C")
    return array.astype(dtype.newbyteorder("="), order="C")  # a copy, which can be changed
