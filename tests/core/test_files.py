"""files: what is written takes the place of the old file only when it is whole."""

import os

import pytest

from mnist_scratch.files import replacing


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


@pytest.mark.parametrize("error", [OSError, ZeroDivisionError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [b"old", None])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, error, old):
    path = tmp_path / "a.npz"
    if old:
        path.write_bytes(old)
    with pytest.raises(error), replacing(path) as file:
        file.write(b"x" * 100_000)
        raise error
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [old] * bool(old)


def test_an_error_while_putting_in_place_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a"
    path.mkdir()  # a folder cannot be replaced by a file
    with pytest.raises(OSError), replacing(path) as file:
        file.write(b"content")
    assert list(tmp_path.iterdir()) == [path] and path.is_dir()


def test_a_missing_folder_is_an_error_before_anything_is_written(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "a"):
        pytest.fail("there was nothing to write into")


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_another(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: done.append(name) or real(*a))
    with replacing(tmp_path / "file") as file:
        file.write(b"all")
    assert done == ["fsync", "replace"] and (tmp_path / "file").read_bytes() == b"all"
