"""Files: found, written atomically, and arrays read from files that nobody vouches for."""

import errno
import gzip
import os
import secrets
import time
import warnings
import zlib
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np

COURSE = "MNIST_SCRATCH_COURSE"
# SHA-256 of the unpacked content, so that a file packed again by another gzip still passes.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class UserError(ValueError):
    """Something that the user can mend: its message, which the command line prints alone, says what and how."""


class FileFormatError(UserError):
    """A file whose content is not what it should be. The message names the file and the remedy."""


def course_folder(name, holding="*"):
    """A folder of the course that holds such a file: beside the package, or beside or above the working directory.

    If there is none, the one beside the package, in whose name errors are told. The environment variable COURSE takes
    the place of the working directory.
    """
    here = Path(os.environ.get(COURSE) or Path.cwd())
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


def read_genuine(read, path, digest, ours):
    """The array that read(path) makes of one of MNIST's files, packed or not, if its bytes are the genuine ones.

    digest: SHA-256 of the unpacked bytes. ours: whether it is one of the course's own, which decides the remedy.
    """
    packed = path.with_name(f"{path.name}.gz")
    path = path if path.exists() and not packed.exists() else packed
    remedy = "Name the folder that holds the four files, or leave folder out."
    if ours:
        remedy = "Restore it with `git checkout -- data`, or copy it again from the course's repository."
    try:
        array = read(path, limit=50_000_000)  # a little more than the largest of them
        found = sha256(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes())  # the file's header
        found.update(array)
        if found.hexdigest() != digest:
            raise FileFormatError(f"{path}: the checksum is wrong: these are not the genuine bytes.")
    except (FileNotFoundError, FileFormatError) as error:
        raise type(error)(f"{error} {remedy}") from None
    return array


@contextmanager
def replacing(path):
    """A file to write bytes into, which takes the place of `path` only once it is whole.

    Several processes may do so at once: each writes a file of its own, the last one to finish stays, and a reader sees
    one or the other, never a part.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    A binary file, open for writing.

    Raises
    ------
    OSError
        Names `path`, even where the system names no file, as when the disk is full. What was there stays.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "this is a folder; name a file in it", str(path))
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.unfinished")
    try:
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # a power failure could otherwise leave the new name with nothing in it
        _replace(unfinished, path)
    except OSError as error:
        if error.errno and error.filename in (None, str(unfinished)):
            raise type(error)(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        with suppress(OSError):  # it would hide what went wrong; `train` removes what is left of it
            unfinished.unlink(missing_ok=True)


def remove_leftovers(folder):
    """Remove what `replacing` left in a folder when its process was killed; what a running one writes stays."""
    for path in Path(folder).glob("*.unfinished"):
        pid = path.name.split(".")[-2].split("-")[0]
        if not (pid.isdigit() and _is_running(int(pid))):
            path.unlink(missing_ok=True)


def _is_running(pid):
    if os.name == "nt":  # where os.kill would end it
        import ctypes

        system = ctypes.windll.kernel32
        handle = system.OpenProcess(0x1000, False, pid)  # to ask what little anybody may know
        return bool(handle and system.CloseHandle(handle))
    try:
        os.kill(pid, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def _replace(unfinished, path):
    """os.replace, tried again for a second: Windows refuses it while a virus scanner, say, has the file open."""
    for pause in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4):
        try:
            return os.replace(unfinished, path)
        except PermissionError:
            time.sleep(pause)
    try:
        os.replace(unfinished, path)
    except PermissionError as error:
        reason = "is it open in another program, such as a virus scanner or OneDrive?"
        raise PermissionError(error.errno, f"{error.strerror}; {reason}", str(path)) from None


def save_arrays(path, arrays):
    """Write {name: array or text} to a .npz file, atomically."""
    with replacing(path) as file:
        np.savez(file, **arrays)


@contextmanager
def load_arrays(path, what, remedy="Name such a file, or save it again."):
    """{name: array} of a file that `save_arrays` wrote; nothing in it is executed.

    Whatever goes wrong with them inside the context is told as a FileFormatError: not `what`, or damaged.
    """
    content = Path(path).read_bytes()  # what keeps a file from being read is not called damage
    try:
        yield arrays_in(content)
    except (MemoryError, UserError):
        raise
    except Exception:  # the readers of a damaged file raise errors of a dozen kinds, some with unsafe advice
        raise FileFormatError(f"{path}: not {what}, or damaged since. {remedy}") from None


def arrays_in(content):
    """Read the arrays of a file that `numpy.savez` wrote. Nothing in it is executed.

    Parameters
    ----------
    content : bytes
        Of the whole file.

    Returns
    -------
    dict
        Arrays by name, which can be changed.

    Raises
    ------
    Exception
        Of a dozen kinds, for other bytes; the caller names the file.

    Notes
    -----
    `numpy.load` takes memory for whatever a file promises, this for what is there: `savez` packs nothing, so nothing is
    unpacked.
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
