"""The course in the browser: JupyterLite, with Python inside the page, as one folder of files.

    python -m tools.lite FOLDER                      an open page takes Python from where JupyterLite takes it
    python -m tools.lite FOLDER --pyodide PYODIDE    Python travels along: a page asks no other place for anything

The notebooks travel as they are, with their data, the results, and the package. Python in the page is Pyodide; its lock
file says which packages there are and where each file lies. The one made here names the course's own wheel and those of
the widgets too, so that a plain `import mnist_scratch` works. The folder needs a server, any one that serves files;
serve.py in it is one with which the stop button works.
"""

import argparse
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from datetime import date
from fnmatch import fnmatch
from importlib.metadata import distribution, distributions
from pathlib import Path
from urllib.parse import urljoin

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.npm import fetch
from tools.output import replacing

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).resolve().parent / "page"
PARTS = ("notebooks", "data", "results")
NOT_TAKEN = (".*", "ruff.toml", "*.npz", "*.unfinished", "hand_in_*.json")  # no notebook reads weights
COURSE = "mnist-scratch"
IN_THE_PAGE = ("jupyter", "jupyterlab")  # asked for by the course, and there already: the page is a JupyterLab
# what is loaded when the kernel starts: what it needs itself, and what a notebook may ask the version of at once
KERNEL = ("piplite", "pyodide-kernel", "ipykernel")  # JupyterLite brings their wheels
LOADED = ("micropip", "ipython", "jedi", "comm", *KERNEL, COURSE, "jupyterlab")
# what Matplotlib asks for and hardly ever uses, for PDF files and old time zones: a cell that imports it loads it
LATER = ("fonttools", "pytz")
# each file is unpacked whenever a page opens; what no cell of the course needs stays behind
LEFT_OUT = (
    "*/tests/*",
    "*/labextension/*",  # the page has its own
    "*.data/data/share/*",
    "jedi/third_party/django-stubs/*",
    "jedi/third_party/typeshed/third_party/*",
    "matplotlib/mpl-data/fonts/afm/*",
    "matplotlib/mpl-data/fonts/pdfcorefonts/*",
    "matplotlib/mpl-data/fonts/ttf/DejaVuSansMono-*",
    "matplotlib/mpl-data/fonts/ttf/DejaVuSerif-*",
    "matplotlib/mpl-data/images/*",
    "matplotlib/mpl-data/sample_data/*",
)
EXTENSIONS = ("@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager", "anywidget")
PLUGIN = "@jupyterlite/pyodide-kernel-extension:kernel"
TRUSTED = "@jupyter-notebook/notebook-extension:trusted"
# what a page writes into the metadata of a notebook as soon as it has a kernel
WRITTEN_IN = {
    "kernelspec": {"display_name": "Python (Pyodide)", "language": "python", "name": "python"},
    "language_info": {
        "codemirror_mode": {"name": "python", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": "3.8",
    },
}
VERSIONS = "api/versions.json"  # the page asks the site for it, and compares
LOCK = "pyodide-lock.json"
START, EARLY = "python.mjs", "worker.mjs"
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")


def build(folder, pyodide=None):
    """Make the site in a folder, whose earlier content is replaced.

    Parameters
    ----------
    folder : Path
        Where the site goes.
    pyodide : Path, optional
        A folder with Pyodide of the kernel's Python, its lock file and the packages that the course needs.

    Raises
    ------
    RuntimeError
        In one line, when something is missing.
    """
    version, python, address = release()
    if pyodide is None:
        lock = with_addresses(released_lock(version), address)
    else:
        if pyodide.resolve().is_relative_to(folder.resolve()):
            raise RuntimeError(f"{pyodide} lies in {folder}, which is made anew: put it in another place first")
        if shutil.which("node") is None:
            raise RuntimeError("Node.js is needed to make the page, and was not found: npm comes with it")
        lock = local_lock(pyodide, version, python)
    with tempfile.TemporaryDirectory() as scratch, replacing(folder, "jupyter-lite.json") as new:
        make_pages(new, settings(pyodide is not None, python))
        add_extensions(new)
        shutil.copy(ROOT / "tools" / "serve.py", new)  # who has but the folder can serve it
        wheels = [*course_wheels(lock, Path(scratch)), page_wheel(new, Path(scratch))]
        lock["packages"] |= {entry["name"]: entry for entry in (lock_entry(wheel, lock) for wheel in wheels)}
        needed = everything_needed(lock, (*LOADED, *lock["packages"].keys() & set(LATER)))
        if pyodide is not None:  # a page is told of no package that is not there
            lock["packages"] = {name: entry for name, entry in lock["packages"].items() if name in needed}
        runtime = new / "static" / "pyodide"
        runtime.mkdir(parents=True)
        for wheel in wheels:
            copy_wheel(wheel, runtime)
        write_start(runtime, None if pyodide else address)
        write_lock(runtime, lock)
        if pyodide is not None:
            for name in RUNTIME:
                shutil.copyfile(pyodide / name, runtime / name)
            for name in {entry["file_name"] for entry in lock["packages"].values()} - {wheel.name for wheel in wheels}:
                copy_wheel(pyodide / name, runtime)
            compile_imports(runtime)
        name_after_content(runtime, lock)
        write_lock(runtime, lock)
        mark_lock(new)


# --------------------------------------------------------------------------------------------- the pages


def settings(local, python):
    """What the pages read when they open. local: whether Python is one of the files. python: its version."""
    at_start = f"/lib/python{python}/site-packages/mnist_scratch/browser/stop.py"  # IPython runs it
    options = {"lockFileURL": f"./static/pyodide/{LOCK}", "packages": LOADED, "env": {"PYTHONSTARTUP": at_start}}
    kernel = {
        "pyodideUrl": f"./static/pyodide/{START}",
        "loadPyodideOptions": options,
        "disablePyPIFallback": local,
    }
    config = {
        "appName": "Neural networks from scratch",
        "litePluginSettings": {PLUGIN: kernel},
        "disabledExtensions": [TRUSTED],  # its box says "Not Trusted": nothing here could make it say otherwise
    }
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": config}


def make_pages(folder, settings):
    """Let JupyterLite make its pages in an empty folder, with the course's files in them.

    Over an older site, JupyterLite would lose settings.
    """
    config = {
        "LiteBuildConfig": {
            "contents": ["files"],
            "output_dir": str(folder.resolve()),
            "apps": ["lab", "notebooks", "tree"],
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
            # the same pages whatever else is installed here
            "ignore_sys_prefix": ["federated_extensions"],
            "federated_extensions": [str(extension(name)) for name in EXTENSIONS],
        }
    }
    with tempfile.TemporaryDirectory() as scratch:
        versions = copy_course(Path(scratch, "files"))
        Path(scratch, "jupyter-lite.json").write_text(json.dumps(settings), encoding="utf-8")
        Path(scratch, "jupyter_lite_config.json").write_text(json.dumps(config), encoding="utf-8")
        run([sys.executable, "-m", "jupyterlite_core", "build"], "JupyterLite could not make the pages", cwd=scratch)
    (folder / "api").mkdir(exist_ok=True)
    (folder / VERSIONS).write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def add_extensions(site):
    """Let every page load the files of tools/page, each of them an extension of JupyterLab in plain JavaScript.

    JupyterLab finds an extension by its name in window._JUPYTERLAB; its `get` brings a list of plugins, or one.
    """
    path = site / "jupyter-lite.json"
    page = json.loads(path.read_text(encoding="utf-8"))
    listed = page["jupyter-config-data"].setdefault("federated_extensions", [])
    for source in sorted(PAGE.glob("*.js")):
        name, mark = f"{COURSE}-{source.stem}", hashlib.sha256(source.read_bytes()).hexdigest()[:16]
        (site / "extensions" / name).mkdir(parents=True)
        shutil.copyfile(source, site / "extensions" / name / source.name)
        # with another content it has another address: no browser shows an old copy
        listed.append({"name": name, "load": f"{source.name}?_={mark}", "extension": "./extension"})
    path.write_text(json.dumps(page, indent=2) + "\n", encoding="utf-8")


def copy_course(folder):
    """Copy what a reader meets beside the pages: notebooks, data, results and the glossary.

    They stay as they are, but for three things in a notebook: what it printed is stored in one piece, because between
    its lines JupyterLite would show commas; its version is in its metadata; and so is the page's kernel. A page writes
    that one in as soon as it has a kernel, and then keeps the notebook as if the reader had changed it.

    Returns
    -------
    dict
        {path of a notebook: its version}.
    """
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(*NOT_TAKEN))
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "glossary.md", folder / "docs")
    versions = {}
    for path in folder.rglob("*.ipynb"):
        name = path.relative_to(folder)
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for output in (output for cell in notebook["cells"] for output in cell.get("outputs", [])):
            if "text" in output:
                output["text"] = "".join(output["text"])
        version = {"date": last_changed(ROOT / name), "fingerprint": fingerprint(notebook)}
        notebook["metadata"] |= WRITTEN_IN | {COURSE: version}
        versions[name.as_posix()] = version
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return versions


def fingerprint(notebook):
    """Of a notebook's words and code; the same whatever its cells have printed."""
    words = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:7]


def last_changed(path):
    """The day on which a file was last changed, as Git knows it, or else the disk: 2026-11-29."""
    day = ""
    try:
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", path], cwd=ROOT, capture_output=True)
        if changed.returncode == 0:
            log = ["git", "log", "-1", "--format=%cs", "--", path]
            day = subprocess.run(log, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    except OSError:  # no Git here
        pass
    return day or date.fromtimestamp(path.stat().st_mtime).isoformat()


def extension(name):
    """The folder of an extension of JupyterLab that is installed here."""
    folder = Path(sys.prefix, "share", "jupyter", "labextensions", name)
    if not folder.is_dir():
        raise RuntimeError(f"{name} is not installed here: make lite installs it")
    return folder


# ----------------------------------------------------------------------------------- packages for the page


def release():
    """What the kernel was made for: (version of Pyodide, its Python, the address of its files)."""
    try:
        from jupyterlite_pyodide_kernel import constants
    except ImportError:
        raise RuntimeError("JupyterLite is not installed here: make lite installs it") from None
    return constants.PYODIDE_VERSION, constants.PYODIDE_PYTHON_VERSION, f"{constants.PYODIDE_CDN_URL}/"


def released_lock(version):
    """The lock file of a release of Pyodide; npm fetches it once."""
    return read_lock(fetch(f"pyodide@{version}", [LOCK]) / LOCK)


def local_lock(folder, version, python):
    """The lock file of a folder with Pyodide of that Python, without packages whose files are not there."""
    if not (folder / LOCK).is_file():
        raise RuntimeError(f"{folder} is no folder with Pyodide: there is no {folder / LOCK}")
    lock = read_lock(folder / LOCK)
    take = f"take the full release of Pyodide {version}, unpacked"
    if not lock["info"]["python"].startswith(f"{python}."):
        raise RuntimeError(
            f"{folder} has Python {lock['info']['python']}, and JupyterLite's kernel needs {python}: {take}"
        )
    packages = lock["packages"]
    there = {name for name, entry in packages.items() if (folder / entry["file_name"]).is_file()}
    asked = {*LOADED, *requirements(distribution(COURSE), lock)} & set(packages)
    missing = [packages[name]["file_name"] for name in sorted(everything_needed(lock, asked) - there)]
    missing += [name for name in RUNTIME if not (folder / name).is_file()]
    if missing:
        raise RuntimeError(f"{folder} has no {missing[0]}: {take}")
    return lock | {"packages": {name: packages[name] for name in there}}


def read_lock(path):
    """A lock file as a dictionary; its packages, and what they depend on, under their normal names."""
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
        packages = {}
        for name, entry in lock["packages"].items():
            depends = [other for other in map(canonicalize_name, entry["depends"]) if other not in LATER]
            packages[canonicalize_name(name)] = entry | {"depends": depends, "file_name": entry["file_name"]}
        info = lock["info"] | {"python": lock["info"]["python"], "arch": lock["info"]["arch"]}
        return lock | {"info": info, "packages": packages}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise RuntimeError(f"{path} is no lock file of Pyodide") from None


def with_addresses(lock, base):
    """The lock with a full address for each file: those that are not ours stay where they are."""
    packages = lock["packages"].items()
    return lock | {"packages": {name: e | {"file_name": urljoin(base, e["file_name"])} for name, e in packages}}


def copy_wheel(wheel, folder):
    """Copy a wheel without what is left out, and without dates: the same sources make the same wheel."""
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(folder / wheel.name, "w") as copy:
        for member in whole.infolist():
            if not any(fnmatch(member.filename, pattern) for pattern in LEFT_OUT):
                content = whole.read(member)
                member.date_time = zipfile.ZipInfo().date_time
                copy.writestr(member, content)


def write_start(runtime, address):
    """Write what the kernel loads Pyodide with. address: of Pyodide's files; None where they lie beside it."""
    text = (PAGE / START).read_text(encoding="utf-8")
    if address:
        text = text.replace('"./pyodide.mjs"', json.dumps(urljoin(address, "pyodide.mjs")))
    (runtime / START).write_text(text, encoding="utf-8")
    shutil.copyfile(PAGE / EARLY, runtime / EARLY)


def write_lock(runtime, lock):
    """Write the lock file, with the checksums of the wheels that lie beside it."""
    for entry in lock["packages"].values():
        if (runtime / entry["file_name"]).is_file():
            entry["sha256"] = hashlib.sha256((runtime / entry["file_name"]).read_bytes()).hexdigest()
    (runtime / LOCK).write_text(json.dumps(lock, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def name_after_content(runtime, lock):
    """Move each wheel into a folder that is named after its content: no old copy of it is taken for the new one."""
    for entry in lock["packages"].values():
        wheel = runtime / entry["file_name"]
        if wheel.is_file():
            mark = hashlib.sha256(wheel.read_bytes()).hexdigest()[:16]
            (runtime / mark).mkdir(exist_ok=True)
            entry["file_name"] = f"{mark}/{wheel.name}"
            wheel.rename(runtime / entry["file_name"])


def mark_lock(site):
    """Let the pages ask for the lock file by another address when it is another one."""
    path, lock = site / "jupyter-lite.json", site / "static" / "pyodide" / LOCK
    page = json.loads(path.read_text(encoding="utf-8"))
    options = page["jupyter-config-data"]["litePluginSettings"][PLUGIN]["loadPyodideOptions"]
    options["lockFileURL"] += f"?_={hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    path.write_text(json.dumps(page, indent=2) + "\n", encoding="utf-8")


def compile_imports(runtime):
    """Compile what a page imports while it starts, in the Pyodide that will import it."""
    tools = ROOT / "tools"
    command = [shutil.which("node"), tools / "in_pyodide.mjs", runtime, tools / "compile_imports.py"]
    run(command, "Pyodide could not compile")


def course_wheels(lock, folder):
    """The wheels that the course needs in the page and Pyodide has not: the course's own first. Their paths."""
    course = course_wheel(folder)
    check_versions(lock, requirements(wheel_metadata(course), lock))
    missing = not_in_pyodide(lock, requirements(wheel_metadata(course), lock))
    for name in (*KERNEL, *missing & {"widgetsnbextension"}):  # of the last, the kernel has a small stand-in
        brought = extension(EXTENSIONS[0]) / "static" / "pypi"
        wheel = max(brought.glob(f"{name.replace('-', '_')}-*.whl"), default=None)
        if wheel is None:
            raise RuntimeError(f"this JupyterLite has no {name}: make lite installs another one")
        shutil.copy(wheel, folder)
    pinned = [f"{name}=={distribution(name).version}" for name in sorted(missing - {"widgetsnbextension"})]
    if pinned:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        pure = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]
        python = f"--python-version={lock['info']['python']}"
        run([*pip, *pure, python, "--dest", folder, *pinned], "pip could not fetch " + " ".join(pinned))
    return [course, *sorted(set(folder.glob("*.whl")) - {course})]


def course_wheel(folder):
    """Build the wheel of the package into a folder; its path."""
    with tempfile.TemporaryDirectory() as source:  # setuptools leaves files where it works
        for name in ("pyproject.toml", "LICENSE"):
            shutil.copy(ROOT / name, source)
        shutil.copytree(
            ROOT / "mnist_scratch", Path(source, "mnist_scratch"), ignore=shutil.ignore_patterns("__pycache__")
        )
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        no_network = "--no-build-isolation"  # what builds it is installed
        run([*pip, no_network, "--wheel-dir", folder, source], "the package's wheel could not be built")
    (wheel,) = folder.glob("mnist_scratch-*.whl")
    return wheel


def page_wheel(site, folder):
    """A wheel of nothing but the name and version of the JupyterLab that the pages are; its path.

    Python in the page is asked for that version, as on any machine.
    """
    config = json.loads((site / "jupyter-lite.json").read_text(encoding="utf-8"))["jupyter-config-data"]
    version = config["versionInfo"]["@jupyterlab/application"]["version"]
    info = f"jupyterlab-{version}.dist-info"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: jupyterlab\nVersion: {version}\nSummary: The page around it.\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: lite\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "".join(f"{info}/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD")),
    }
    wheel = folder / f"jupyterlab-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, text in files.items():
            packed.writestr(f"{info}/{name}", text)
    return wheel


def wheel_metadata(wheel):
    """What a wheel says of itself."""
    (found,) = distributions(path=[str(wheel)])
    return found


def requirements(dist, lock):
    """What a distribution requires under Pyodide: {name: Requirement}."""
    python = lock["info"]["python"]
    page = {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "os_name": "posix",
        "sys_platform": "emscripten",
        "platform_system": "Emscripten",
        "platform_machine": lock["info"]["arch"],
        "extra": "",
    }
    found = [Requirement(text) for text in dist.requires or []]
    found = [required for required in found if not required.marker or required.marker.evaluate(page)]
    return {canonicalize_name(required.name): required for required in found if required.name not in IN_THE_PAGE}


def check_versions(lock, required):
    """RuntimeError when Pyodide has a package, but an older one than the course asks for."""
    for name, requirement in required.items():
        version = lock["packages"].get(name, {}).get("version")
        if version and not requirement.specifier.contains(version, prereleases=True):
            raise RuntimeError(f"Pyodide has {name} {version}, and the course needs {requirement}")


def not_in_pyodide(lock, required):
    """The names of what is required, in any number of steps, and is not in the lock.

    They are taken in the versions that are installed here: what Python says in the page and what the page's widgets
    understand must agree.
    """
    missing, todo = set(), set(required)
    while todo:
        name = todo.pop()
        if name not in lock["packages"] and name not in missing:
            missing.add(name)
            if name != "widgetsnbextension":
                todo |= set(requirements(distribution(name), lock))
    return missing


def lock_entry(wheel, lock):
    """The entry of a wheel in the lock; its file lies beside the lock."""
    if not wheel.name.endswith("-none-any.whl"):
        raise RuntimeError(f"{wheel.name} is not pure Python: Pyodide would have to bring it")
    dist = wheel_metadata(wheel)
    tops = {(file.parts[0], len(file.parts) > 1) for file in dist.files or [] if file.suffix == ".py"}
    return {
        "name": canonicalize_name(dist.metadata["Name"]),
        "version": dist.version,
        "file_name": wheel.name,
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "imports": sorted(top if inside else top.removesuffix(".py") for top, inside in tops),
        "depends": sorted(requirements(dist, lock)),
        "install_dir": "site",
        "package_type": "package",
        "unvendored_tests": False,
    }


def everything_needed(lock, names):
    """These packages and all that they depend on; RuntimeError when one of them is not in the lock."""
    needed, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in lock["packages"]:
            raise RuntimeError(f"this Pyodide has no {name}, which the course needs in the page")
        if name not in needed:
            needed.add(name)
            todo += lock["packages"][name]["depends"]
    return needed


def run(command, complaint, cwd=None):
    """Run a command; RuntimeError with the last lines of what it said when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise RuntimeError(f"{complaint}:\n" + "\n".join(said[-8:]))


def main(arguments):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--pyodide",
        type=lambda text: Path(text).expanduser(),  # a Makefile does not
        metavar="PYODIDE",
        help="a folder with Pyodide, to travel with the site",
    )
    options = parser.parse_args(arguments)
    try:
        build(options.folder, options.pyodide)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    print(f"{options.folder}: {size / 1e6:.0f} MB. To open it: python3 {shlex.quote(str(options.folder / 'serve.py'))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
