"""Files: written atomically, and arrays read from files that nobody vouches for."""

import os
import warnings
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np


class FileFormatError(ValueError):
    """A file whose content is not what it should be. The message names the file and the remedy."""


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
    array = np.frombuffer(npy, dtype, offset=header.tell()).reshape(shape, order="F" if by_columns else "C")
    return array.astype(dtype.newbyteorder("="), order="C")  # a copy, which can be changed
