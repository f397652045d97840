"""A folder that a tool makes: whole or not at all, and never in the place of something else."""

import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def replacing(folder, mark):
    """An empty folder to fill, which takes the place of `folder` at the end; when filling it fails, nothing changes.

    Parameters
    ----------
    folder : Path
        Where the result goes.
    mark : str
        A file by which an earlier result is known.

    Yields
    ------
    Path
        The folder to fill.

    Raises
    ------
    RuntimeError
        When `folder` holds anything but an earlier result.
    """
    folder = folder.resolve()
    if folder.exists() and not ((folder / mark).is_file() or folder.is_dir() and not any(folder.iterdir())):
        raise RuntimeError(f"{folder} holds something else: name a new or an empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        new = Path(scratch, folder.name)
        new.mkdir()
        yield new
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)
