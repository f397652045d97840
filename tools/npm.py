"""Files of npm packages, fetched once and kept."""

import shutil
import subprocess
import tarfile


def fetch(package, files, cache):
    """Put some files of an npm package into a folder, unless they are there. Raises RuntimeError when npm is missing
    or fails.

    package: with its version, such as "mathjax@3.2.2". cache: the folder; the files keep their paths within it.
    """
    if all((cache / file).is_file() for file in files):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is needed once, to fetch {package}: it comes with Node.js")
    cache.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {package} ...", flush=True)
    done = subprocess.run([npm, "pack", "--silent", package], cwd=cache, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"npm could not fetch {package}: {done.stderr.strip() or done.stdout.strip()}")
    archive = cache / done.stdout.split()[-1]
    with tarfile.open(archive) as packed:
        for file in files:
            (cache / file).parent.mkdir(parents=True, exist_ok=True)
            (cache / file).write_bytes(packed.extractfile(f"package/{file}").read())
    archive.unlink()
