"""The course in the browser: what the folder would hold. Nothing is fetched, and JupyterLite is not needed."""

import hashlib
import json
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest

from tools import lite

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
INFO = {"python": "3.14.0", "arch": "wasm32", "platform": "emscripten_5_0_3", "abi_version": "2026_0"}
# as Pyodide writes it: not every name in its normal form
RELEASED = {
    "ipython": ["prompt_toolkit", "traitlets"],
    "jedi": [],
    "matplotlib": ["numpy", "pillow"],
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


def released():
    """A lock file like a release of Pyodide's."""
    return {
        "info": INFO,
        "packages": {
            name: {"name": name, "version": "99.0", "file_name": f"{name}-99.whl", "depends": depends, "sha256": ""}
            for name, depends in RELEASED.items()
        },
    }


@pytest.fixture
def lock(tmp_path):
    """The same, as it is read."""
    (tmp_path / "released.json").write_text(json.dumps(released()), encoding="utf-8")
    return lite.read_lock(tmp_path / "released.json")


@pytest.fixture
def pyodide(tmp_path):
    """A folder with a Pyodide: a file for each name."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    (folder / lite.LOCK).write_text(json.dumps(released()), encoding="utf-8")
    for name in (*lite.RUNTIME, *(f"{name}-99.whl" for name in RELEASED)):
        (folder / name).write_text(name, encoding="utf-8")
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


# ------------------------------------------------------------------------------------------- what a reader opens


def test_the_courses_files_are_copied_as_they_are(tmp_path):
    lite.copy_course(tmp_path / "files")
    copied = {path.relative_to(tmp_path / "files"): path for path in (tmp_path / "files").rglob("*") if path.is_file()}
    for part in ("notebooks/*.ipynb", "notebooks/solutions/*.ipynb", "data/*.gz", "results/*/*.json"):
        originals = [path for path in ROOT.glob(part) if not path.name.startswith(".")]
        assert originals
        for path in originals:
            copy = copied[path.relative_to(ROOT)]
            if path.suffix == ".ipynb":
                assert nbformat.read(copy, as_version=4) == nbformat.read(path, as_version=4)
                cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
                printed = [o["text"] for cell in cells for o in cell.get("outputs", []) if "text" in o]
                assert all(isinstance(text, str) for text in printed), "JupyterLite would show commas between lines"
            else:
                assert copy.read_bytes() == path.read_bytes()
    assert [path for path in copied if path.suffix == ".npz"] == []


def test_what_an_editor_or_a_tool_left_stays_behind(tmp_path, monkeypatch):
    for name in ("notebooks/.ipynb_checkpoints/a.ipynb", "data/.cache/b", "results/.DS_Store", "notebooks/a.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('{"cells": []}', encoding="utf-8")
    monkeypatch.setattr(lite, "ROOT", tmp_path)
    lite.copy_course(tmp_path / "files")
    assert [path.name for path in (tmp_path / "files").rglob("*") if path.is_file()] == ["a.ipynb"]


def test_no_notebook_reads_a_file_that_stays_behind():
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(".npz" in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"), path


@pytest.mark.parametrize("local", [True, False])
def test_only_with_a_python_of_its_own_the_page_asks_nobody_else(local):
    kernel = lite.settings(local)["jupyter-config-data"]["litePluginSettings"][lite.PLUGIN]
    assert kernel["loadPyodideOptions"]["lockFileURL"].startswith("./")
    assert kernel.get("pyodideUrl", "").startswith("./") is local
    assert kernel.get("disablePyPIFallback", False) is local


# ---------------------------------------------------------------------------------------------------- the lock


def test_our_wheel_is_in_the_lock_under_the_name_that_is_imported(lock, tmp_path):
    wheel = our_wheel(tmp_path)
    entry = lite.lock_entry(wheel, lock)
    assert (entry["name"], entry["version"], entry["file_name"]) == ("mnist-scratch", "0.1.0", wheel.name)
    assert entry["imports"] == ["mnist_scratch"]
    assert entry["sha256"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    names = {text.split(">")[0] for text in REQUIRED} - {"jupyter", "jupyterlab"}
    assert set(entry["depends"]) == names, "what the course requires, no extras, and not the page itself"


def test_a_module_without_a_folder_is_imported_by_its_name(lock, tmp_path):
    files = ["six.py", "more/__init__.py", "more/data.json", "six-1.0.data/scripts/six.txt"]
    assert lite.lock_entry(make_wheel(tmp_path, "six", "1.0", files=files), lock)["imports"] == ["more", "six"]


def test_a_compiled_wheel_is_refused(lock, tmp_path):
    wheel = tmp_path / "fast-1.0-cp314-cp314-linux_x86_64.whl"
    with pytest.raises(RuntimeError, match="fast-1.0.*not pure Python"):
        lite.lock_entry(wheel, lock)


def test_names_are_read_in_their_normal_form(lock):
    assert "prompt-toolkit" in lock["packages"]
    assert lock["packages"]["ipython"]["depends"] == ["prompt-toolkit", "traitlets"]


def test_what_pyodide_lacks_is_found_step_by_step(lock, tmp_path):
    required = lite.requirements(lite.wheel_metadata(our_wheel(tmp_path)), lock)
    missing = lite.not_in_pyodide(lock, required)
    assert {"ipywidgets", "anywidget", "psygnal", "jupyterlab-widgets", "widgetsnbextension", "comm"} <= missing
    assert not missing & set(RELEASED)
    assert not missing & {"jupyter", "jupyterlab", "notebook", "pytest"}


def test_a_pyodide_that_is_too_old_is_named(lock, tmp_path):
    required = lite.requirements(lite.wheel_metadata(our_wheel(tmp_path)), lock)
    lite.check_versions(lock, required)
    lock["packages"]["numpy"]["version"] = "1.26.4"
    with pytest.raises(RuntimeError, match="Pyodide has numpy 1.26.4, and the course needs numpy.*>=2"):
        lite.check_versions(lock, required)


def test_all_that_is_needed_is_found_or_named(lock):
    assert lite.everything_needed(lock, ["matplotlib"]) == {"matplotlib", "numpy", "pillow"}
    del lock["packages"]["pillow"]
    with pytest.raises(RuntimeError, match="this Pyodide has no pillow"):
        lite.everything_needed(lock, ["matplotlib"])


def test_files_that_are_not_ours_keep_their_place(lock):
    moved = lite.with_addresses(lock, "https://example.org/full/")
    assert moved["packages"]["numpy"]["file_name"] == "https://example.org/full/numpy-99.whl"
    assert lock["packages"]["numpy"]["file_name"] == "numpy-99.whl"


def test_a_local_pyodide_has_what_its_files_are(pyodide):
    (pyodide / "scipy-99.whl").unlink()
    packages = lite.local_lock(pyodide, "314.0.6", "3.14")["packages"]
    assert set(packages) == {name.replace("_", "-") for name in RELEASED} - {"scipy"}


@pytest.mark.parametrize("python", ["3.15", "3.1"])
def test_a_pyodide_of_another_python_is_refused(pyodide, python):
    for name in lite.RUNTIME:  # another release may have files of other names
        (pyodide / name).unlink()
    with pytest.raises(
        RuntimeError, match=f"has Python 3.14.0, and JupyterLite's kernel needs {python}: take the full"
    ):
        lite.local_lock(pyodide, "314.0.6", python)


@pytest.mark.parametrize("name", [*lite.RUNTIME, "numpy-99.whl", "pillow-99.whl", "prompt_toolkit-99.whl"])
def test_half_a_pyodide_is_refused(pyodide, name):
    (pyodide / name).unlink()
    with pytest.raises(RuntimeError, match=f"has no {name}: take the full release of Pyodide 314.0.6"):
        lite.local_lock(pyodide, "314.0.6", "3.14")


@pytest.mark.parametrize(
    "text", [None, "no JSON", "[]", "{}", '{"info": {}, "packages": {}}', '{"packages": {"a": 1}}']
)
def test_what_is_no_pyodide_is_named(pyodide, text):
    (pyodide / lite.LOCK).unlink()
    if text is not None:
        (pyodide / lite.LOCK).write_text(text, encoding="utf-8")
    with pytest.raises(RuntimeError, match="is no folder with Pyodide|is no lock file of Pyodide"):
        lite.local_lock(pyodide, "314.0.6", "3.14")


# ------------------------------------------------------------------------------------------------- the whole

STUB = "widgetsnbextension-4.0.999-py3-none-any.whl"


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """The commands that would be run: JupyterLite's and pip's are replaced by something like what they make."""
    commands, installed = [], tmp_path / "labextensions"

    def run(command, complaint, cwd=None):
        commands.append(list(map(str, command)))
        if "jupyterlite_core" in command:
            config = json.loads(Path(cwd, "jupyter_lite_config.json").read_text(encoding="utf-8"))["LiteBuildConfig"]
            page = json.loads(Path(cwd, "jupyter-lite.json").read_text(encoding="utf-8"))
            page["jupyter-config-data"]["versionInfo"] = {"@jupyterlab/application": {"version": "4.6.4"}}
            output = Path(config["output_dir"])
            assert list(output.iterdir()) == [], "over an older site it would lose settings"
            assert Path(cwd, "files", "notebooks", "00_start_here.ipynb").is_file()
            commands[-1] += config["federated_extensions"]
            (output / "jupyter-lite.json").write_text(json.dumps(page), encoding="utf-8")
        elif "wheel" in command:
            our_wheel(Path(command[command.index("--wheel-dir") + 1]))
        else:
            for pinned in command[command.index("--dest") + 2 :]:
                name, version = pinned.split("==")
                required = lite.distribution(name).requires or []
                make_wheel(Path(command[command.index("--dest") + 1]), name.replace("-", "_"), version, required)

    for name in lite.EXTENSIONS:
        (installed / name / "static" / "pypi").mkdir(parents=True)
    make_wheel(installed / lite.EXTENSIONS[0] / "static" / "pypi", "widgetsnbextension", "4.0.999")
    monkeypatch.setattr(lite, "run", run)
    monkeypatch.setattr(lite, "extension", lambda name: installed / name)
    monkeypatch.setattr(lite, "release", lambda: ("314.0.6", "3.14", "https://example.org/full/"))
    monkeypatch.setattr(lite, "released_lock", lambda version: lite.read_lock(tmp_path / "released.json"))
    return commands


@pytest.mark.parametrize("local", [True, False])
def test_the_folder_has_a_lock_and_the_files_it_promises(lock, pyodide, tmp_path, commands, local):
    site = tmp_path / "site"
    lite.build(site, pyodide if local else None)
    config = json.loads((site / "jupyter-lite.json").read_text(encoding="utf-8"))["jupyter-config-data"]
    options = config["litePluginSettings"][lite.PLUGIN]["loadPyodideOptions"]
    made = json.loads((site / options["lockFileURL"]).read_text(encoding="utf-8"))["packages"]
    assert set(options["packages"]) <= set(made) and "mnist-scratch" in options["packages"]
    folder = (site / options["lockFileURL"]).parent
    elsewhere = {name for name, entry in made.items() if entry["file_name"].startswith("https://")}
    for name in set(made) - elsewhere:
        assert (folder / made[name]["file_name"]).is_file(), name
    assert made["jupyterlab"]["version"] == "4.6.4", "the page is asked for its version"
    assert made["widgetsnbextension"]["file_name"] == STUB, "the kernel's own stand-in"
    for entry in made.values():
        assert set(entry["depends"]) <= set(made)
    if local:
        assert not elsewhere
        assert "scipy" not in made, "what the course does not need stays behind"
        assert {path.name for path in folder.iterdir()} == {
            *(lite.LOCK, *lite.RUNTIME),
            *(entry["file_name"] for entry in made.values()),
        }
    else:
        assert elsewhere == {name.replace("_", "-") for name in RELEASED}


def test_widgets_come_in_the_versions_that_are_installed_and_nothing_else_with_them(lock, pyodide, tmp_path, commands):
    lite.build(tmp_path / "site", pyodide)
    jupyterlite, wheel, download = commands
    assert {Path(path).name for path in jupyterlite} >= {"pyodide-kernel-extension", "jupyterlab-manager", "anywidget"}
    assert "--no-deps" in wheel and "--no-build-isolation" in wheel
    assert "--no-deps" in download and "--only-binary=:all:" in download
    pinned = set(download[download.index("--dest") + 2 :])
    assert {f"{name}=={lite.distribution(name).version}" for name in ("ipywidgets", "anywidget")} <= pinned


def test_a_pyodide_whose_numpy_is_too_old_stops_it(lock, pyodide, tmp_path, commands):
    text = (pyodide / lite.LOCK).read_text(encoding="utf-8").replace("99.0", "1.0")
    (pyodide / lite.LOCK).write_text(text, encoding="utf-8")
    with pytest.raises(RuntimeError, match="Pyodide has .* 1.0, and the course needs"):
        lite.build(tmp_path / "site", pyodide)


def test_an_older_site_is_replaced_only_by_a_whole_one(lock, pyodide, tmp_path, commands, monkeypatch):
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


def test_a_folder_with_something_else_is_left_alone(lock, pyodide, tmp_path, commands, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert lite.main([str(tmp_path / "mine")]) == 1
    assert "mine holds something else: name a new or an empty folder" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_pyodide_inside_the_folder_is_left_alone(lock, pyodide, tmp_path, commands, capsys):
    inside = tmp_path / "site" / "static" / "pyodide"
    inside.parent.mkdir(parents=True)
    (tmp_path / "site" / "jupyter-lite.json").touch()
    pyodide.rename(inside)
    assert lite.main([str(tmp_path / "site"), "--pyodide", str(inside)]) == 1
    assert "put it in another place first" in capsys.readouterr().err
    assert all((inside / name).is_file() for name in lite.RUNTIME)


def test_what_is_missing_is_said_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupyterlite_pyodide_kernel", None)
    assert lite.main([str(tmp_path / "site")]) == 1
    assert capsys.readouterr().err == "JupyterLite is not installed here: make lite installs it\n"


def test_it_says_how_to_open_it(lock, pyodide, tmp_path, commands, capsys):
    assert lite.main([str(tmp_path / "a class" / "site"), "--pyodide", str(pyodide)]) == 0
    said = capsys.readouterr().out
    assert f"python3 -m http.server --bind 127.0.0.1 -d '{tmp_path}/a class'" in said
    assert "http://localhost:8000/site/" in said
