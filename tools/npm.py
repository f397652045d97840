"""Files of npm packages, fetched once and kept."""

import shutil
import subprocess
import tarfile
from pathlib import Path

from tools.output import replacing

CACHE = Path(__file__).resolve().parents[1] / "build" / ".npm"


def fetch(package, files):
    """Fetch some files of an npm package, unless they are there.

    Parameters
    ----------
    package : str
        With its version, such as "mathjax@3.2.2".
    files : sequence of str
        Paths inside the package.

    Returns
    -------
    Path
        The folder in which the files keep their paths.

    Raises
    ------
    RuntimeError
        When npm is missing or fails.
    """
    folder = CACHE / package  # another version is another folder
    if all((folder / file).is_file() for file in files):
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is needed once, to fetch {package}: it comes with Node.js")
    print(f"Fetching {package} ...", flush=True)
    with replacing(folder, files[0]) as new:
        command = [npm, "pack", "--loglevel=error", package]
        done = subprocess.run(command, cwd=new.parent, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"npm could not fetch {package}: {' '.join(done.stderr.split())[:300]}")
        try:
            with tarfile.open(new.parent / done.stdout.split()[-1]) as packed:
                for file in files:
                    (new / file).parent.mkdir(parents=True, exist_ok=True)
                    (new / file).write_bytes(packed.extractfile(f"package/{file}").read())
        except (KeyError, tarfile.TarError) as error:
            raise RuntimeError(f"{package}, as npm fetched it, is not what was expected: {error}") from None
    return folder
