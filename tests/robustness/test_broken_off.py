"""`train` broken off at any write: every file that was there stays whole, and a resumed run ends well."""

import json
import os
import re
import shutil
import signal
import sys
import warnings
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mnist_scratch import MNIST, SGD
from mnist_scratch.__main__ import main
from mnist_scratch.classroom import plots, reports
from mnist_scratch.recipes import RECIPES, Recipe
from mnist_scratch.runs import load_summary

resource = pytest.importorskip("resource", reason="Windows has neither limits nor fork")
TINY = Recipe("tiny", (784, 8, 10), SGD(0.2, momentum=0.9), epochs=2, batch_size=64, n_validation=0)
FULL = "File too large"


def fill_the_disk():
    """As far as this process is concerned: no file of its own may grow beyond 100 bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def in_another_process(work, *arguments):
    """(status, stderr) of a copy of this process, which does the work and ends with what it returns."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's, of threads: over there none is needed
        pid = os.fork()
    if pid == 0:
        status = 99
        try:
            sys.stdout, sys.stderr = open(os.devnull, "w"), os.fdopen(write, "w")
            status = work(*arguments)
            sys.stderr.flush()
        finally:
            os._exit(status)
    os.close(write)
    with open(read, encoding="utf-8") as err:
        text = err.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def unreadable(folder):
    """The files under their own names that cannot be read from the first to the last byte."""
    found = []
    for path in folder.glob("*"):
        try:
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as file:
                    dict(file)  # zip compares a checksum of each array
            elif path.suffix == ".png":
                with Image.open(path) as picture:
                    picture.load()
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
        except Exception as error:
            found.append(f"{path.name}: {error}")
    return found


@pytest.fixture
def tiny(mnist, monkeypatch):
    """A recipe that takes hundredths of a second, and pictures of 20 kB that take none."""
    made = MNIST(mnist.train[:400], mnist.train[:0], mnist.test[:100])
    for name, module in list(sys.modules.items()):
        if name.startswith("mnist_scratch.") and hasattr(module, "load_mnist"):
            monkeypatch.setattr(module, "load_mnist", lambda *_, **__: made)
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    picture = plots.lines({"": (np.arange(3), np.arange(3))}, "x", "y", "a line").png()
    drawn = {name: SimpleNamespace(png=lambda small: picture) for name in ("training_curves", "confusion_matrix")}
    monkeypatch.setattr(reports, "pictures", lambda *_: drawn)


def train(folder, *words):
    return main(["train", "tiny", "--seed", "0", "--out", str(folder), *words])


def train_until(folder, n, trouble, moment):
    """Train, and call trouble when the n-th file below the folder is opened to be written, or to be renamed."""
    left = n

    def watch(event, arguments):
        nonlocal left
        if event == moment and (event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            if isinstance(arguments[0], str | Path) and Path(arguments[0]).parent == folder / "tiny":
                left -= 1
                if left == 0:
                    trouble()

    sys.addaudithook(watch)  # for good, which is why it is done in another process
    return train(folder)


@pytest.fixture
def another_seed(tiny, tmp_path):
    """Two folders: one that has another seed's results, and one that then trained seed 0 without any trouble."""
    before, unbroken = tmp_path / "before", tmp_path / "unbroken"
    assert main(["train", "tiny", "--seed", "1", "--out", str(before)]) == 0
    shutil.copytree(before, unbroken)
    assert train(unbroken) == 0
    return before, unbroken


def files(folder):
    return {path.name for path in (folder / "tiny").iterdir()}


def die_half_way():
    """At the 100th byte of the file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and has an error instead
    fill_the_disk()


def die_at_once():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    "trouble, moment", [(fill_the_disk, "open"), (die_half_way, "open"), (die_at_once, "os.rename")]
)
def test_a_run_broken_off_at_any_write_loses_nothing_and_resumes(another_seed, tmp_path, stored, trouble, moment):
    """It breaks off when the first file is written, the second one, and so on."""
    before, unbroken = another_seed
    results = tmp_path / "results"
    for n in count(1):
        shutil.copytree(before, results)
        status, err = in_another_process(train_until, results, n, trouble, moment)
        if status == 0:
            break
        kept, checkpoint = files(results), any("checkpoint" in name for name in files(results))
        assert not unreadable(results / "tiny") and files(before) <= kept
        assert n == 1 or checkpoint or 0 in load_summary(results / "tiny")["seed"], "what was trained is lost"
        if trouble is fill_the_disk:
            advice = r"The last whole epoch is kept\. .* --resume\n" if checkpoint else ""
            assert status == 2 and re.fullmatch(rf".*{re.escape(str(results))}.*: {FULL}\n{advice}", err), err
            assert all(name.startswith("checkpoint") or name in files(unbroken) for name in kept), "half a file is left"
        else:
            assert status < 0, err
        assert train(results, "--resume") == 0
        assert stored(results / "tiny") == stored(unbroken / "tiny") and files(results) == files(unbroken), n
        shutil.rmtree(results)
    assert n > 8
