"""Record the widgets of the course for the website: a picture and its words at each setting of the sliders.

    python -m tools.recordings     record what has changed, and list the widgets

Nothing here tells one widget from another: each is a function of its sliders' values, so a recording is a loop over
them. Two sliders make a grid. Of a slider that only numbers examples or pages, some are kept. Where the grid would
still be too large, each slider is moved alone, while the others stand at their start. Recordings are kept in
build/.recordings until something changes that they can depend on: a notebook's code, the package, what it reads, or
what draws.
"""

import json
import os
import platform
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir, redirect_stdout
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO, StringIO
from itertools import product
from math import prod
from multiprocessing import get_context
from pathlib import Path
from shutil import copytree, ignore_patterns

from PIL import Image

from tools.output import replacing

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / ".recordings"
MAKES_ONE = re.compile(r"\bwidgets\.\w+\(")  # a cell that makes a widget
LARGEST = 650  # settings of a grid
MANY = 60  # with more positions, a slider over whole numbers chooses an example or a page
KEPT = 10  # of those
INDEX = "recordings.json"
READ = ["tools/recordings.py", "mnist_scratch/**/*.py", "data/*", "results/**/*.json", "results/**/*.npz"]
INSTALLED = ["numpy", "matplotlib", "pillow", "ipywidgets", "ipython"]


def positions(slider):
    """The values that are recorded of a slider, in their order, each with the text that it shows: {value: text}."""
    if hasattr(slider, "options"):
        return {value: text for text, value in slider.options}
    if slider.max - slider.min + 1 <= MANY:
        return {value: str(value) for value in range(slider.min, slider.max + 1)}
    first = max(slider.min, slider.value - KEPT + 1)
    return {value: str(value) for value in range(first, first + KEPT)}


def settings(start, values):
    """All combinations of the sliders' values; of too many, those where at most one slider is not at its start.

    Parameters
    ----------
    start : tuple
        A value for each slider.
    values : list of list
        Those that are recorded, for each slider.

    Returns
    -------
    list of tuple
    """
    if prod(map(len, values)) <= LARGEST:
        return list(product(*values))
    return list(dict.fromkeys((*start[:i], value, *start[i + 1 :]) for i in range(len(start)) for value in values[i]))


def record(live, folder):
    """Write the picture of each setting of a widget's sliders, lossless: the same pixels as in the notebook.

    Parameters
    ----------
    live : Live
        It stands at its start, before and after.
    folder : Path
        Where the pictures go.

    Returns
    -------
    dict
        "sliders": of each its label, the texts at its positions, the position at which it starts, and of how many
        positions these are; "why": the sentence beside the button that leads back, or ""; "settings": {positions, such
        as "3,0": [name of the picture, words]}.

    Raises
    ------
    RuntimeError
        When the widget cannot draw a setting; it is named.
    """
    values = {name: positions(slider) for name, slider in live.sliders.items()}
    start = tuple(slider.value for slider in live.sliders.values())
    recorded = {}
    for setting in settings(start, list(map(list, values.values()))):
        key = ",".join(str(list(texts).index(value)) for texts, value in zip(values.values(), setting, strict=True))
        try:
            live.set(**dict(zip(values, setting, strict=True)))
        except Exception as error:
            at = ", ".join(f"{name}={value!r}" for name, value in zip(values, setting, strict=True))
            raise RuntimeError(f"{at}: {type(error).__name__}: {error}") from error
        recorded[key] = [store(live.image.value, folder), live.figure.alt_text]
    live.set(**dict(zip(values, start, strict=True)))
    sliders = [
        {
            "label": slider.description,
            "texts": list(texts.values()),
            "start": list(texts).index(slider.value),
            "of": len(slider.options) if hasattr(slider, "options") else slider.max - slider.min + 1,
        }
        for slider, texts in zip(live.sliders.values(), values.values(), strict=True)
    ]
    return {"sliders": sliders, "why": live.why, "settings": recorded}


def store(png, folder):
    """Write a picture as lossless WebP; returns its name, which is made of what it shows."""
    path = folder / f"{sha256(png).hexdigest()[:12]}.webp"
    if not path.exists():  # two settings may look the same
        # 10 to 30 ms a picture; the best setting takes a second and a half, and saves a tenth
        Image.open(BytesIO(png)).save(path, lossless=True, quality=50, method=2)
    return path.name


def record_notebook(path, folder):
    """Run a notebook's code as far as its last widget, and record all that has sliders.

    Parameters
    ----------
    path : Path
    folder : Path
        Where the pictures go.

    Returns
    -------
    dict
        {a cell's id: what `record` returns}

    Raises
    ------
    RuntimeError
        In one line, which names the notebook and the cell, when one raises, or makes no widget with sliders.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib import style
    from traitlets.config import Config

    from mnist_scratch.classroom.widgets import Live

    cells = code_cells(path)
    last = max(i for i, (_, source) in enumerate(cells) if MAKES_ONE.search(source))
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    recorded = {}
    with chdir(path.parent), style.context("default"):  # whatever a matplotlibrc of this machine says
        for cell, source in cells[: last + 1]:
            try:
                with redirect_stdout(StringIO()):
                    done = shell.run_cell(source, store_history=True)
                done.raise_error()
                if isinstance(done.result, Live) and done.result.sliders:
                    recorded[cell] = record(done.result, folder)
                elif MAKES_ONE.search(source):
                    raise RuntimeError("it makes a widget, but does not end with one that has sliders")
            except Exception as error:
                what = str(error) if type(error) is RuntimeError else f"{type(error).__name__}: {error}"
                raise RuntimeError(f"{path.name}, cell {cell}: {what}") from error
    return recorded


def code_cells(path):
    """The code cells of a notebook: [(id, source)]."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["id"], "".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]


def state(path):
    """A fingerprint of all that the recordings of a notebook can depend on."""
    versions = [platform.python_version(), *map(version, INSTALLED)]
    found = sha256(json.dumps([code_cells(path), versions]).encode())
    for file in sorted(file for pattern in READ for file in ROOT.glob(pattern) if file.is_file()):
        found.update(f"\0{file.relative_to(ROOT)}\0".encode() + sha256(file.read_bytes()).digest())
    return found.hexdigest()


def is_kept(path):
    """Whether the cache has the recordings of a notebook as it is."""
    index = CACHE / path.stem / INDEX
    return index.exists() and json.loads(index.read_text(encoding="utf-8"))["state"] == state(path)


def keep(path):
    """Record a notebook into the cache."""
    before = state(path)  # what changes meanwhile counts as changed
    with replacing(CACHE / path.stem, INDEX) as new:
        result = {"state": before, "cells": record_notebook(path, new)}
        (new / INDEX).write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


def be_quiet():
    """In a new process, before NumPy is loaded: one thread, for another process works as well; no bars, no progress."""
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "TQDM_DISABLE": "1", "MNIST_SCRATCH_PROGRESS": "off"}


def notebooks():
    """The paths of the notebooks with widgets, in their order."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    return [path for path in paths if any(MAKES_ONE.search(source) for _, source in code_cells(path))]


def record_all():
    """Record the notebooks, two at a time, each in a process of its own; returns {name: folder}."""
    if missing := [path for path in notebooks() if not is_kept(path)]:
        print("Recording", ", ".join(path.stem for path in missing), "...", flush=True)
        with ProcessPoolExecutor(2, get_context("spawn"), be_quiet, max_tasks_per_child=1) as pool:
            list(pool.map(keep, missing[::-1]))  # the longest first
    return {path.stem: CACHE / path.stem for path in notebooks()}


def load(folder):
    """The recordings that `keep` left in a folder: {a cell's id: what `record` returns}."""
    return json.loads((folder / INDEX).read_text(encoding="utf-8"))["cells"]


def size(recording, folder):
    """The bytes of a recording's pictures."""
    return sum((folder / name).stat().st_size for name in {name for name, _ in recording["settings"].values()})


def lay_out(source):
    """Put the recordings into the website's sources: the pictures for _static, and what conf.py puts into the pages."""
    pages = {}
    for name, folder in record_all().items():
        copytree(folder, source / "_static" / "recordings", ignore=ignore_patterns(INDEX), dirs_exist_ok=True)
        pages[f"notebooks/{name}"] = load(folder)
    (source / INDEX).write_text(json.dumps(pages), encoding="utf-8")


def main():
    """Record and list; returns the exit status."""
    try:
        for name, folder in record_all().items():
            for cell, recording in load(folder).items():
                n, megabytes = len(recording["settings"]), size(recording, folder) / 1e6
                print(f"{name} {cell}: {n} settings, {megabytes:.1f} MB")
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
