"""Files of npm packages, fetched once and kept."""

import shutil
import subprocess
import tarfile
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / "build" / ".npm"


def fetch(package, files):
    """Fetch some files of an npm package, unless they are there. Raises RuntimeError when npm is missing or fails.

    package: with its version, such as "mathjax@3.2.2". Returns the folder in which the files keep their paths.
    """
    folder = CACHE / package  # another version is another folder
    if all((folder / file).is_file() for file in files):
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is needed once, to fetch {package}: it comes with Node.js")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {package} ...", flush=True)
    done = subprocess.run([npm, "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"npm could not fetch {package}: {done.stderr.strip() or done.stdout.strip()}")
    archive = folder / done.stdout.split()[-1]
    with tarfile.open(archive) as packed:
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(packed.extractfile(f"package/{file}").read())
    archive.unlink()
    return folder
