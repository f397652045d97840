"""`train` killed at a moment of its run, and what it leaves looked at; shared by the tests and benchmarks/kills.py."""

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_scratch.runs import load_histories, load_summary


def run_and_kill(command, folder, moment, **settings):
    """Start a process and kill it; None where it ended by itself before, else what was going on.

    folder: where its results go. moment: (seconds, n): so long after the process has begun to write its n-th file, or
    after it was started, for n = 0. settings: of Popen. RuntimeError when it fails by itself.
    """
    seconds, n = moment
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **settings)
    try:
        seen, before = 0, None
        while seen < n and process.poll() is None:
            now = _writing(folder)
            seen += now is not None and now != before
            before = now
            time.sleep(0.0003)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until and process.poll() is None:
            time.sleep(0.0003)
    finally:
        process.kill()
        _, err = process.communicate()
    if process.returncode == 0:
        return None
    if process.returncode != -9:
        raise RuntimeError(err)
    if (file := _writing(folder)) is None:
        return "while nothing was written"
    kinds = {"checkpoint": "a checkpoint", "json": "a result", "model": "a result", "png": "a picture"}
    return f"while {next(kind for part, kind in kinds.items() if part in file[0])} was written"


def _writing(folder):
    """The file that is being written, as name and inode; None when there is none."""
    try:
        with os.scandir(folder) as entries:
            return next(((entry.name, entry.inode()) for entry in entries if entry.name.endswith(".unfinished")), None)
    except FileNotFoundError:
        return None


def broken(folder):
    """What cannot be read from the first to the last byte of all files that stand under their own names."""
    found = []
    for path in sorted(Path(folder).rglob("*")) if Path(folder).exists() else []:
        try:
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as file:
                    assert dict(file)  # zip compares a checksum of each array
            elif path.suffix == ".png":
                with Image.open(path) as picture:
                    picture.load()
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
            elif path.suffix != ".unfinished" and path.is_file():
                raise ValueError("what is this?")
        except Exception as error:
            found.append(f"{path.name}: {type(error).__name__}: {error}")
    if Path(folder).exists():
        load_summary(folder), load_histories(folder)
    return found


def left(folder):
    """All that a finished run left, but for the seconds, to compare two folders: a dictionary by file name."""
    content = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                content[path.name] = {key: (a.dtype.str, a.shape, a.tobytes()) for key, a in file.items()}
        elif path.suffix == ".json":
            content[path.name] = _without_seconds(json.loads(path.read_text(encoding="utf-8")))
        else:
            content[path.name] = path.read_bytes()
    return content


def _without_seconds(value):
    if isinstance(value, dict):
        return {key: _without_seconds(part) for key, part in value.items() if key != "seconds"}
    return value
