"""files: what is written takes the place of the old file only when it is whole, whoever else writes it."""

import ctypes
import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from mnist_scratch import Network, files
from mnist_scratch.files import course_folder, remove_leftovers, replacing


@pytest.mark.parametrize("old", [b"old", None])
@pytest.mark.parametrize("as_type", [str, lambda path: path])
def test_a_file_is_the_old_one_until_all_is_written(tmp_path, old, as_type):
    path = tmp_path / "a.json"
    if old:
        path.write_bytes(old)
    with replacing(as_type(path)) as file:
        file.write(b"new, first half")
        file.flush()
        assert (path.read_bytes() if path.exists() else None) == old
        file.write(b", second half")
    assert path.read_bytes() == b"new, first half, second half" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error, old", [(OSError, b"old"), (ZeroDivisionError, None), (KeyboardInterrupt, b"old")])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, error, old):
    path = tmp_path / "a.npz"
    if old:
        path.write_bytes(old)
    with pytest.raises(error), replacing(path) as file:
        file.write(b"x" * 100_000)
        raise error
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [old] * bool(old)


def test_an_error_that_names_no_file_as_of_a_full_disk_gets_the_name(tmp_path):
    with pytest.raises(OSError, match=f"No space left.*{tmp_path / 'a'}'$"), replacing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    path = tmp_path / "a"
    path.mkdir()
    with pytest.raises(OSError, match="folder"), replacing(path) as file:
        file.write(b"content")
    assert list(tmp_path.iterdir()) == [path] and path.is_dir()


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_another(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: done.append(name) or real(*a))
    with replacing(tmp_path / "file") as file:
        file.write(b"all")
    assert done == ["fsync", "replace"] and (tmp_path / "file").read_bytes() == b"all"


def test_only_what_dead_processes_left_is_cleared_away(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    (tmp_path / f"a.{dead.stdout.strip()}-0.unfinished").touch()
    with replacing(tmp_path / "a") as file:
        remove_leftovers(tmp_path)
        file.write(b"whole")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]


@pytest.mark.parametrize("runs", [True, False])
def test_on_windows_nothing_is_sent_to_a_process_to_see_whether_it_runs(tmp_path, monkeypatch, runs):
    """There, os.kill(pid, 0) ends it."""
    system = SimpleNamespace(OpenProcess=lambda access, inherit, pid: 4711 * runs, CloseHandle=lambda handle: 1)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=system), raising=False)
    monkeypatch.setattr(files, "os", SimpleNamespace(name="nt"))
    (tmp_path / "a.4711-0.unfinished").touch()
    remove_leftovers(tmp_path)
    assert bool([*tmp_path.iterdir()]) == runs


def test_a_file_that_several_save_is_never_seen_damaged(tmp_path):
    """Two savers that save 40 times each, and two readers until they are done."""
    path, nets = tmp_path / "model.npz", [Network([784, 30, 10], seed=seed) for seed in (1, 2)]
    nets[0].save(path)

    def save(net):
        for _ in range(40):
            net.save(path)

    def read(savers):
        while not all(saver.done() for saver in savers):
            assert Network.load(path).weights[0].tobytes() in [net.weights[0].tobytes() for net in nets]

    with ThreadPoolExecutor(4) as pool:
        savers = [pool.submit(save, net) for net in nets]
        for future in [*savers, *(pool.submit(read, savers) for _ in range(2))]:
            future.result()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("refusals", [1, 5, 1000])
def test_a_refused_replacement_is_tried_again_for_a_second(tmp_path, monkeypatch, refusals):
    """As Windows refuses it while another program has the file open."""
    path, replace, pauses, left = tmp_path / "a", os.replace, [], iter(range(refusals))

    def refuses(*paths):
        if next(left, None) is not None:
            raise PermissionError(errno.EACCES, "Access is denied", *paths)
        replace(*paths)

    monkeypatch.setattr(files.os, "replace", refuses)
    monkeypatch.setattr(files.time, "sleep", pauses.append)
    path.write_bytes(b"old")
    if refusals < 1000:
        with replacing(path) as file:
            file.write(b"new")
    else:
        with pytest.raises(PermissionError, match=f"Access is denied.*virus scanner.*{path}"), replacing(path) as file:
            file.write(b"new")
    assert path.read_bytes() == (b"new" if refusals < 1000 else b"old") and list(tmp_path.iterdir()) == [path]
    assert len(pauses) <= refusals and (refusals < 1000 or 0.5 < sum(pauses) < 2)


@pytest.mark.parametrize("place", [".", "notebooks", "notebooks/solutions"])
def test_a_folder_of_the_course_is_found_beside_the_package_or_above_the_notebook(monkeypatch, tmp_path, place):
    there = tmp_path / "course" / place
    for folder in (tmp_path / "course" / "data", there / "data", tmp_path / "clone" / "data"):
        folder.mkdir(parents=True, exist_ok=True)  # a reader's own, which holds something else, does not hide it
    (tmp_path / "course" / "data" / "digits.gz").touch()
    monkeypatch.chdir(there)
    monkeypatch.setattr(files, "__file__", str(tmp_path / "clone" / "mnist_scratch" / "files.py"))
    assert course_folder("data", "*.gz") == tmp_path / "course" / "data"
    assert course_folder("data", "*.zip") == tmp_path / "clone" / "data"
    (tmp_path / "clone" / "data" / "digits.gz").touch()
    assert course_folder("data", "*.gz") == tmp_path / "clone" / "data"
