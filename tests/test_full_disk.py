"""A disk that is full: every file that was there stays whole, one line names the file, and a resumed run ends well."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from killing import broken, left
from test_recipes import TINY, contents, small_mnist

from mnist_scratch import Network, files, runs
from mnist_scratch import __main__ as command_line
from mnist_scratch.__main__ import main
from mnist_scratch.classroom import plots, reports
from mnist_scratch.recipes import RECIPES

PAGE = 4096  # bytes: what a file takes at least


class Small:
    """A file system of 1 MB in memory, really mounted; full means that no page is left."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        command = ["mount", "-t", "tmpfs", "-o", f"size={2**20}", "tmpfs", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no mount")
        if done.returncode:
            pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")

    @contextmanager
    def full(self, pages):
        """All but so many pages are taken."""
        ballast = self.folder / "ballast"
        disk = os.statvfs(self.folder)
        try:
            ballast.write_bytes(bytes(max(0, disk.f_bavail - pages) * disk.f_bsize))
            yield
        finally:
            ballast.unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", self.folder], check=True)


class Limited:
    """Where nothing may be mounted: a limit for the size of a file that this process writes."""

    def __init__(self, folder):
        self.limits = pytest.importorskip("resource", reason="Windows has no such limit")
        folder.mkdir()
        self.folder = folder

    @contextmanager
    def full(self, pages):
        which = self.limits.RLIMIT_FSIZE
        before = self.limits.getrlimit(which)
        self.limits.setrlimit(which, (pages * PAGE, before[1]))
        try:
            yield
        finally:
            self.limits.setrlimit(which, before)

    def close(self):
        pass


@pytest.fixture(params=[Small, Limited])
def disk(request, tmp_path):
    disk = request.param(tmp_path / "disk")
    yield disk
    disk.close()


FULL = "(No space left on device|File too large)"


def test_a_network_is_saved_whole_or_not_at_all(disk):
    path = disk.folder / "model.npz"
    Network([784, 100, 10], seed=1).save(path)
    old, saved = path.read_bytes(), 0
    for pages in range(0, 100, 6):
        with disk.full(pages):
            try:
                Network([784, 100, 10], seed=2).save(path)
                saved += 1
            except OSError as error:
                assert re.search(rf"{FULL}: '{re.escape(str(path))}'$", str(error)), error
                assert path.read_bytes() == old
            else:
                assert np.array_equal(Network.load(path).weights[0], Network([784, 100, 10], seed=2).weights[0])
        path.write_bytes(old)
        assert {file.name for file in disk.folder.iterdir()} == {"model.npz"}
    assert 0 < saved < 17


@pytest.fixture
def tiny(mnist, monkeypatch):
    """A recipe that takes hundredths of a second, and pictures of 20 kB that take none."""
    for module in (runs, command_line):
        monkeypatch.setattr(module, "load_mnist", lambda n_validation=0: small_mnist(mnist))
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    picture = plots.lines({"": (np.arange(3), np.arange(3))}, "x", "y", "a line").png()
    drawn = {name: SimpleNamespace(png=lambda small: picture) for name in ("training_curves", "confusion_matrix")}
    monkeypatch.setattr(reports, "pictures", lambda *_: drawn)


def train(folder, *words):
    return main(["train", "tiny", "--seed", "0", "--out", str(folder), *words])


class FullFrom:
    """Stands in for open: from the n-th file on, counted from 0, the disk is full, until `stack` ends."""

    def __init__(self, n, disk, pages, stack):
        self.left, self.fill = n, lambda: stack.enter_context(disk.full(pages))

    def __call__(self, path, mode):
        if self.left == 0:
            self.fill()
        self.left -= 1
        return open(path, mode)


# in the order in which a run writes them
FILES = ["checkpoint-seed0-held-out.npz"] * 2 + ["checkpoint-seed0-all.npz"] * 2
FILES += ["misread.json", "model.npz", "history.json", "summary.json", "training_curves.png", "confusion_matrix.png"]


@pytest.mark.parametrize("pages", [0, 1])
def test_train_keeps_what_was_there_and_goes_on_when_there_is_space(disk, tiny, tmp_path, capsys, monkeypatch, pages):
    """The disk becomes full before the first file, before the second one, and so on; the folder has another seed's."""
    before, unbroken, results = tmp_path / "before", tmp_path / "unbroken", disk.folder / "results"
    main(["train", "tiny", "--seed", "1", "--out", str(before)])
    shutil.copytree(before, unbroken)
    train(unbroken)
    for n, name in enumerate(FILES):
        if pages and name.endswith(".json"):
            continue  # a page is enough for it
        shutil.copytree(before, results)
        capsys.readouterr()
        with ExitStack() as stack, monkeypatch.context() as patch:
            patch.setattr(files, "open", FullFrom(n, disk, pages, stack), raising=False)
            assert train(results) == 2
            err = capsys.readouterr().err
        advice = r"The last whole epoch is kept\. Make room, and go on with: .* --resume\n" if 0 < n < 8 else ""
        assert re.fullmatch(rf"{advice}mnist-scratch: {re.escape(str(results / 'tiny' / name))}: {FULL}\n", err), err
        assert not broken(results) and set(contents(before)) <= set(contents(results))
        assert not list(results.rglob("*.unfinished"))
        assert train(results, "--resume") == 0
        assert left(results / "tiny") == left(unbroken / "tiny"), name
        shutil.rmtree(results)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit for the size of a file")
def test_a_real_process_says_it_in_one_line(tmp_path):
    import resource

    command = [sys.executable, "-m", "mnist_scratch", "train", "softmax-regression", "--epochs", "1", "--seed", "0"]
    folder = tmp_path / "results" / "softmax-regression"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, preexec_fn=limit)
    name = Path("results", "softmax-regression", "checkpoint-seed0-held-out.npz")
    assert (done.returncode, done.stderr) == (2, f"mnist-scratch: {name}: File too large\n")
    assert list(folder.iterdir()) == []
