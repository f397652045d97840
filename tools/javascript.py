"""Check the style of all JavaScript here, or mend it, with Biome: biome.json says how it is to look.

    python -m tools.javascript [--write]

npm fetches Biome once; without npm nothing is looked at, and a line says so.
"""

import argparse
import platform
import subprocess
import sys
from pathlib import Path

from tools.npm import fetch

ROOT = Path(__file__).resolve().parents[1]
VERSION = "2.6.8"
MACHINES = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}


def biome():
    """The path of Biome's program.

    Raises
    ------
    RuntimeError
        When npm is missing or fails, or there is no Biome for this machine.
    """
    system, machine = sys.platform, MACHINES.get(platform.machine().lower())
    if system not in ("linux", "darwin", "win32") or machine is None:
        raise RuntimeError(f"there is no Biome for {sys.platform} on {platform.machine()}")
    name = "biome.exe" if system == "win32" else "biome"
    libraries = "-musl" if system == "linux" else ""  # needs none of the system's, so it runs on every Linux
    program = fetch(f"@biomejs/cli-{system}-{machine}{libraries}@{VERSION}", [name]) / name
    program.chmod(0o755)
    return program


def check(folder=ROOT, write=False):
    """Look at the JavaScript of a folder that has a biome.json; mend what can be mended, if asked.

    Returns
    -------
    subprocess.CompletedProcess
        With a return code other than 0, and what is wrong in `stdout` and `stderr`, when something is.
    """
    command = [biome(), "check", *(["--write"] if write else []), "--error-on-warnings", "--colors=off"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def main(arguments):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="mend what can be mended")
    write = parser.parse_args(arguments).write
    try:
        done = check(write=write)
    except RuntimeError as error:
        print(f"JavaScript was not looked at: {error}")
        return 0
    print(done.stdout + done.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
