"""`train` and `save` broken off at any write: every file that was there stays whole, and a resumed run ends well."""

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

from mnist_scratch import MNIST, SGD, Network
from mnist_scratch.__main__ import main
from mnist_scratch.classroom import plots, reports
from mnist_scratch.recipes import RECIPES, Recipe
from mnist_scratch.runs import load_summary

resource = pytest.importorskip("resource", reason="Windows has neither limits nor fork")
TINY = Recipe("tiny", (784, 8, 10), SGD(0.2, momentum=0.9), epochs=2, batch_size=64, n_validation=100)
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


def left(folder):
    """All that a finished run left, but for the seconds, to compare two folders: a dictionary by file name."""
    content = {}
    for path in folder.iterdir():
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                content[path.name] = {key: (a.dtype, a.shape, a.tobytes()) for key, a in file.items()}
        else:
            content[path.name] = re.sub(rb'"seconds": \[[^]]*\]', b"", path.read_bytes())
    return content


def test_a_network_is_saved_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.npz"
    Network([784, 100, 10], seed=1).save(path)
    old = path.read_bytes()

    def save():
        fill_the_disk()
        with pytest.raises(OSError, match=f"{FULL}: '{re.escape(str(path))}'$"):
            Network([784, 100, 10], seed=2).save(path)
        return 0

    assert in_another_process(save) == (0, "")
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


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


def nothing_is_lost(results, before, n):
    """Of the other seed's results, and, from the second file on, of what was trained."""
    folder = results / "tiny"
    trained = any("checkpoint" in name for name in files(results)) or 0 in load_summary(folder)["seed"]
    return not unreadable(folder) and files(before) <= files(results) and (trained or n == 1)


def test_a_full_disk_loses_nothing_and_the_run_goes_on_when_there_is_space(another_seed, tmp_path):
    """The disk becomes full when the first file is written, the second one, and so on."""
    before, unbroken = another_seed
    results = tmp_path / "results"
    for n in count(1):
        shutil.copytree(before, results)
        status, err = in_another_process(train_until, results, n, fill_the_disk, "open")
        if status == 0:
            break
        kept = files(results)
        advice = r"The last whole epoch is kept\. .* --resume\n" if any("checkpoint" in name for name in kept) else ""
        assert status == 2 and re.fullmatch(rf".*{re.escape(str(results))}.*: {FULL}\n{advice}", err), err
        assert nothing_is_lost(results, before, n)
        assert all(name.startswith("checkpoint") or name in files(unbroken) for name in kept), "half a file is left"
        assert train(results, "--resume") == 0
        assert left(results / "tiny") == left(unbroken / "tiny"), n
        shutil.rmtree(results)
    assert n > 8


def die_half_way():
    """At the 100th byte of the file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and has an error instead
    fill_the_disk()


def die_at_once():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("trouble, moment", [(die_half_way, "open"), (die_at_once, "os.rename")])
def test_a_run_killed_at_any_write_loses_nothing_and_resumes(another_seed, tmp_path, trouble, moment):
    before, unbroken = another_seed
    results = tmp_path / "results"
    for n in count(1):
        shutil.copytree(before, results)
        status, err = in_another_process(train_until, results, n, trouble, moment)
        if status == 0:
            break
        assert status < 0, err
        assert nothing_is_lost(results, before, n)
        assert train(results, "--resume") == 0
        assert left(results / "tiny") == left(unbroken / "tiny"), n
        shutil.rmtree(results)
    assert n > 8
