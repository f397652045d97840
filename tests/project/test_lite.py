"""The course in a web page: what its folder holds. Nothing is fetched, and JupyterLite is not needed."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest

from tools import lite

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
STUB = "widgetsnbextension-4.0.999-py3-none-any.whl"
# as Pyodide writes it: not every name in its normal form
RELEASED = {
    "fonttools": [],
    "ipython": ["prompt_toolkit", "traitlets"],
    "jedi": [],
    "matplotlib": ["fonttools", "numpy", "pillow"],
    "micropip": [],
    "numpy": [],
    "pillow": [],
    "prompt_toolkit": [],
    "scipy": ["numpy"],
    "threadpoolctl": [],
    "tqdm": [],
    "traitlets": [],
    "typing-extensions": [],
}


def released(version="99.0"):
    """A lock file like a release of Pyodide's."""
    info = {"python": "3.14.0", "arch": "wasm32", "platform": "emscripten_5_0_3", "abi_version": "2026_0"}
    packages = {
        name: {"name": name, "version": version, "file_name": f"{name}-99.whl", "depends": depends, "sha256": ""}
        for name, depends in RELEASED.items()
    }
    return json.dumps({"info": info, "packages": packages})


@pytest.fixture
def lock(tmp_path):
    """The same, as it is read."""
    (tmp_path / "released.json").write_text(released(), encoding="utf-8")
    return lite.read_lock(tmp_path / "released.json")


@pytest.fixture
def pyodide(tmp_path):
    """A folder with a Pyodide: a file for each name."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    (folder / lite.LOCK).write_text(released(), encoding="utf-8")
    for name in lite.RUNTIME:
        (folder / name).write_text(name, encoding="utf-8")
    for name in RELEASED:
        make_wheel(folder, name, "99").rename(folder / f"{name}-99.whl")
    return folder


def make_wheel(folder, name, version, required=(), files=()):
    """A wheel of empty files."""
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {text}" for text in required]
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr(f"{info}/METADATA", "\n".join(metadata) + "\n")
        packed.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))
        for file in files:
            packed.writestr(file, "")
    return wheel


def our_wheel(folder):
    extra = ["pytest>=8; extra == 'test'", "windows-only; sys_platform == 'win32'"]
    return make_wheel(folder, "mnist_scratch", "0.1.0", [*REQUIRED, *extra], ["mnist_scratch/__init__.py"])


@pytest.fixture
def stand_ins(lock, monkeypatch, tmp_path):
    """What JupyterLite and pip would make, made without them."""
    installed = tmp_path / "labextensions"

    def run(command, complaint, cwd=None):
        command = list(map(str, command))
        if "jupyterlite_core" in command:
            config = json.loads(Path(cwd, "jupyter_lite_config.json").read_text(encoding="utf-8"))["LiteBuildConfig"]
            page = json.loads(Path(cwd, "jupyter-lite.json").read_text(encoding="utf-8"))
            page["jupyter-config-data"]["versionInfo"] = {"@jupyterlab/application": {"version": "4.6.4"}}
            output = Path(config["output_dir"])
            assert list(output.iterdir()) == [], "over an older site it would lose settings"
            assert Path(cwd, "files", "notebooks", "00_start_here.ipynb").is_file()
            (output / "jupyter-lite.json").write_text(json.dumps(page), encoding="utf-8")
        elif "node" in command:
            assert Path(command[-2], lite.LOCK).is_file() and Path(command[-1]).is_file()
        elif "wheel" in command:
            our_wheel(Path(command[command.index("--wheel-dir") + 1]))
        else:
            folder, *pinned = command[command.index("--dest") + 1 :]
            for name, version in (text.split("==") for text in pinned):
                assert version == lite.distribution(name).version, "the page's widgets and Python's must agree"
                make_wheel(Path(folder), name.replace("-", "_"), version, lite.distribution(name).requires or [])

    for name in lite.EXTENSIONS:
        (installed / name / "static" / "pypi").mkdir(parents=True)
    for name, version in {
        "piplite": "1",
        "pyodide_kernel": "1",
        "ipykernel": "1",
        "widgetsnbextension": "4.0.999",
    }.items():
        make_wheel(installed / lite.EXTENSIONS[0] / "static" / "pypi", name, version)
    monkeypatch.setattr(lite.shutil, "which", lambda name: name)
    monkeypatch.setattr(lite, "run", run)
    monkeypatch.setattr(lite, "extension", lambda name: installed / name)
    monkeypatch.setattr(lite, "release", lambda: ("314.0.6", "3.14", "https://example.org/full/"))
    monkeypatch.setattr(lite, "released_lock", lambda version: lite.read_lock(tmp_path / "released.json"))


# ------------------------------------------------------------------------------------------------ the course


def test_the_courses_files_are_copied_as_they_are(tmp_path):
    versions = lite.copy_course(tmp_path)
    assert not list(tmp_path.rglob("*.npz")) and not list(tmp_path.rglob(".*"))
    for part in ("notebooks/*.ipynb", "notebooks/solutions/*.ipynb", "data/*.gz", "results/*/*.json"):
        originals = [path for path in ROOT.glob(part) if not path.name.startswith(".")]
        assert originals
        for path in originals:
            copy = tmp_path / path.relative_to(ROOT)
            if path.suffix == ".ipynb":
                copied, original = nbformat.read(copy, as_version=4), nbformat.read(path, as_version=4)
                assert (copied.cells, copied.nbformat) == (original.cells, original.nbformat)
                nbformat.validate(copied)
                assert copied.metadata[lite.COURSE] == versions[path.relative_to(ROOT).as_posix()]
                cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
                printed = [o["text"] for cell in cells for o in cell.get("outputs", []) if "text" in o]
                assert all(isinstance(text, str) for text in printed), "JupyterLite would show commas between lines"
                assert not any(".npz" in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
            else:
                assert copy.read_bytes() == path.read_bytes()


def test_a_version_is_that_of_words_and_code_and_not_of_what_was_printed():
    def fingerprint(change=None):
        code = {"cell_type": "code", "source": ["a = 1\n", "a"], "execution_count": 1, "outputs": [{"text": "1"}]}
        cells = [{"cell_type": "markdown", "source": "Words."}, code]
        if change:
            change(cells)
        return lite.fingerprint({"cells": cells})

    assert fingerprint(lambda cells: cells[1].update(outputs=[], execution_count=None)) == fingerprint()
    assert fingerprint(lambda cells: cells[1].update(source="a = 1\na")) == fingerprint(), "in one piece"
    others = [
        fingerprint(lambda cells: cells[0].update(source="Other words.")),
        fingerprint(lambda cells: cells[0].update(cell_type="raw")),
        fingerprint(lambda cells: cells.reverse()),
        fingerprint(lambda cells: cells.pop()),
    ]
    assert len({fingerprint(), *others}) == 5


def test_a_versions_day_is_that_of_the_last_change(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_text("{}", encoding="utf-8")
    os.utime(path, (0, 86400 * 10.5))
    monkeypatch.setattr(lite, "ROOT", tmp_path)
    assert lite.last_changed(path) == "1970-01-11", "the disk's, where there is no Git"
    git = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    if shutil.which("git") is None:
        return
    day = {"GIT_COMMITTER_DATE": "2021-02-03T12:00:00Z"}
    for arguments in (["init", "-q"], ["add", "a.ipynb"], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *arguments], check=True, env=os.environ | day)
    assert lite.last_changed(path) == "2021-02-03"
    path.write_text("{ }", encoding="utf-8")
    os.utime(path, (0, 86400 * 20.5))
    assert lite.last_changed(path) == "1970-01-21", "not yet committed"


# ---------------------------------------------------------------------------------------------------- the lock


def test_our_wheel_is_in_the_lock_under_the_name_that_is_imported(lock, tmp_path):
    wheel = our_wheel(tmp_path)
    entry = lite.lock_entry(wheel, lock)
    assert (entry["name"], entry["version"], entry["file_name"]) == ("mnist-scratch", "0.1.0", wheel.name)
    assert entry["imports"] == ["mnist_scratch"]
    assert entry["sha256"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    names = {text.split(">")[0] for text in REQUIRED} - {"jupyter", "jupyterlab"}
    assert set(entry["depends"]) == names, "what the course requires, no extras, and not the page itself"
    files = ["six.py", "more/__init__.py", "more/data.json", "six-1.0.data/scripts/six.txt"]
    assert lite.lock_entry(make_wheel(tmp_path, "six", "1.0", files=files), lock)["imports"] == ["more", "six"]


def test_what_no_cell_needs_stays_out_of_a_wheel(tmp_path):
    (tmp_path / "site").mkdir()
    lite.copy_wheel(
        make_wheel(tmp_path, "six", "1.0", files=["six/tests/test_six.py", "six/more.py"]), tmp_path / "site"
    )
    with zipfile.ZipFile(tmp_path / "site" / "six-1.0-py3-none-any.whl") as copy:
        assert "six/more.py" in copy.namelist() and "six/tests/test_six.py" not in copy.namelist()


def test_what_is_hardly_ever_used_is_there_for_the_cell_that_imports_it_and_not_loaded_before(
    pyodide, tmp_path, stand_ins
):
    lite.build(tmp_path / "site", pyodide)
    lock = lite.read_lock(tmp_path / "site" / "static" / "pyodide" / lite.LOCK)
    assert "fonttools" in lock["packages"] and "matplotlib" in lite.everything_needed(lock, lite.LOADED)
    assert "fonttools" not in lite.everything_needed(lock, lite.LOADED)


def test_a_compiled_wheel_is_refused(lock, tmp_path):
    with pytest.raises(RuntimeError, match="fast-1.0.*not pure Python"):
        lite.lock_entry(tmp_path / "fast-1.0-cp314-cp314-linux_x86_64.whl", lock)


@pytest.mark.parametrize("local", [True, False])
def test_the_folder_has_a_lock_and_the_files_it_promises(pyodide, tmp_path, stand_ins, local):
    site = tmp_path / "site"
    lite.build(site, pyodide if local else None)
    config = json.loads((site / "jupyter-lite.json").read_text(encoding="utf-8"))["jupyter-config-data"]
    kernel = config["litePluginSettings"][lite.PLUGIN]
    options = kernel["loadPyodideOptions"]
    start = (site / kernel["pyodideUrl"]).read_text(encoding="utf-8")
    assert ("https://example.org/full/pyodide.mjs" not in start) == kernel["disablePyPIFallback"] == local
    at_start = options["env"]["PYTHONSTARTUP"].removeprefix("/lib/python3.14/site-packages/")
    assert (ROOT / at_start).is_file(), "the kernel would run nothing when it starts"
    lock = site / options["lockFileURL"].partition("?")[0]
    made = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    assert set(options["packages"]) <= set(made) and "mnist-scratch" in options["packages"]
    folder = lock.parent
    elsewhere = {name for name, entry in made.items() if entry["file_name"].startswith("https://example.org/full/")}
    assert all((folder / made[name]["file_name"]).is_file() for name in set(made) - elsewhere)
    assert made["jupyterlab"]["version"] == "4.6.4", "the page is asked for its version"
    assert made["widgetsnbextension"]["file_name"].endswith(f"/{STUB}"), "the kernel's own stand-in"
    assert all(set(entry["depends"]) <= set(made) for entry in made.values())
    if local:
        assert not elsewhere
        assert "scipy" not in made, "what the course does not need stays behind"
        promised = {lite.LOCK, lite.START, lite.EARLY, *lite.RUNTIME, *(entry["file_name"] for entry in made.values())}
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert there == promised
    else:
        assert elsewhere == {name.replace("_", "-") for name in RELEASED}


def test_the_same_sources_make_the_same_wheel(tmp_path):
    made = set()
    for year in (2001, 2002):
        wheel, copy = tmp_path / "six-1.0-py3-none-any.whl", tmp_path / str(year)
        with zipfile.ZipFile(wheel, "w") as packed:
            packed.writestr(zipfile.ZipInfo("six.py", (year, 1, 1, 0, 0, 0)), "six = 6\n")
        copy.mkdir()
        lite.copy_wheel(wheel, copy)
        made.add((copy / wheel.name).read_bytes())
    assert len(made) == 1


def test_another_wheel_and_the_lock_that_names_it_have_another_address_and_the_same_have_the_same(
    pyodide, tmp_path, stand_ins
):
    def addresses():
        lite.build(tmp_path / "site", pyodide)
        config = json.loads((tmp_path / "site" / "jupyter-lite.json").read_text(encoding="utf-8"))
        lock = config["jupyter-config-data"]["litePluginSettings"][lite.PLUGIN]["loadPyodideOptions"]["lockFileURL"]
        packages = lite.read_lock(tmp_path / "site" / lock.partition("?")[0])["packages"]
        return {"the lock": lock} | {name: entry["file_name"] for name, entry in packages.items()}

    before = addresses()
    assert addresses() == before
    make_wheel(pyodide, "pillow", "99", files=["new.py"]).rename(pyodide / "pillow-99.whl")
    after = addresses()
    assert {name for name in before if before[name] != after[name]} == {"the lock", "pillow"}


def test_the_data_that_a_page_fetches_while_one_reads_are_there():
    (listed,) = re.findall(r"MNIST = \[(.*?)\];", (lite.PAGE / lite.START).read_text(encoding="utf-8"), re.DOTALL)
    names = re.findall(r'"(.+?)"', listed)
    assert names and all((ROOT / "data" / name).is_file() for name in names)


def test_the_pages_load_our_extensions_by_their_names(pyodide, tmp_path, stand_ins):
    site = tmp_path / "site"
    lite.build(site, pyodide)
    config = json.loads((site / "jupyter-lite.json").read_text(encoding="utf-8"))["jupyter-config-data"]
    listed = {entry["name"]: entry["load"].partition("?")[0] for entry in config["federated_extensions"]}
    assert len(listed) >= len(list(lite.PAGE.glob("*.js"))) > 0
    for name, load in listed.items():
        script = (site / "extensions" / name / load).read_text(encoding="utf-8")
        assert f'_JUPYTERLAB["{name}"] = ' in script, "JupyterLab looks for it under the name in the list"


# ------------------------------------------------------------------------------------- what stops it, and how


@pytest.mark.parametrize("name", [*lite.RUNTIME, "pillow-99.whl", "prompt_toolkit-99.whl"])
def test_half_a_pyodide_is_refused(pyodide, name):
    (pyodide / name).unlink()
    with pytest.raises(RuntimeError, match=f"has no {name}: take the full release of Pyodide 314.0.6"):
        lite.local_lock(pyodide, "314.0.6", "3.14")


@pytest.mark.parametrize("python", ["3.15", "3.1"])
def test_a_pyodide_of_another_python_is_refused(pyodide, python):
    with pytest.raises(RuntimeError, match=f"has Python 3.14.0, and JupyterLite's kernel needs {python}: take"):
        lite.local_lock(pyodide, "314.0.6", python)


def test_a_pyodide_whose_numpy_is_too_old_is_named(pyodide, tmp_path, stand_ins):
    (pyodide / lite.LOCK).write_text(released("1.0"), encoding="utf-8")
    with pytest.raises(RuntimeError, match="Pyodide has .* 1.0, and the course needs .*>="):
        lite.build(tmp_path / "site", pyodide)


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"info": {}, "packages": {}}', '{"packages": {"a": 1}}'])
def test_what_is_no_pyodide_is_named(pyodide, text):
    (pyodide / lite.LOCK).write_text(text, encoding="utf-8")
    with pytest.raises(RuntimeError, match="is no lock file of Pyodide"):
        lite.local_lock(pyodide, "314.0.6", "3.14")
    with pytest.raises(RuntimeError, match="is no folder with Pyodide"):
        lite.local_lock(pyodide.parent, "314.0.6", "3.14")


def test_an_older_site_is_replaced_only_by_a_whole_one(pyodide, tmp_path, stand_ins, monkeypatch):
    site = tmp_path / "site"
    lite.build(site, pyodide)
    (site / "older").touch()
    before = sorted(site.rglob("*"))

    def full(site, folder):
        raise OSError(28, "No space left on device", str(site))

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(lite, "page_wheel", full)
        lite.build(site, pyodide)
    assert sorted(site.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], "nothing half is left"
    lite.build(site, pyodide)
    assert not (site / "older").exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path, stand_ins, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert lite.main([str(tmp_path / "mine")]) == 1
    assert "mine holds something else" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_pyodide_inside_the_folder_is_left_alone(pyodide, tmp_path, stand_ins, capsys):
    inside = tmp_path / "site" / "static" / "pyodide"
    inside.parent.mkdir(parents=True)
    (tmp_path / "site" / "jupyter-lite.json").touch()
    pyodide.rename(inside)
    assert lite.main([str(tmp_path / "site"), "--pyodide", str(inside)]) == 1
    assert "put it in another place first" in capsys.readouterr().err
    assert all((inside / name).is_file() for name in lite.RUNTIME)


def test_without_node_nothing_is_begun(pyodide, tmp_path, stand_ins, monkeypatch, capsys):
    monkeypatch.setattr(lite.shutil, "which", lambda name: None)
    monkeypatch.setattr(lite, "run", lambda *arguments, **named: pytest.fail("it would have taken minutes"))
    assert lite.main([str(tmp_path / "site"), "--pyodide", str(pyodide)]) == 1
    assert "Node.js is needed" in capsys.readouterr().err


def test_what_is_not_installed_is_said_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupyterlite_pyodide_kernel", None)
    assert lite.main([str(tmp_path / "site")]) == 1
    assert capsys.readouterr().err == "JupyterLite is not installed here: make lite installs it\n"
