"""The project as files: import order, size of the core, Makefile, CI."""

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tokenize
import tomllib
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil  # comes with Jupyter, whose kernels need it
import pytest
import yaml  # comes with Jupyter, whose server needs it

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mnist_scratch"
CORE = ["data", "functions", "network", "gradient_check", "optimizers", "training"]
# A module imports only from those before it; those of classroom come last, because they show what the others do.
ORDER = ["checks", "files", *CORE, "prepare", "distortions", "tuning", "recipes", "runs"]
CLASSROOM = ["bugs", "plots", "reports", "moving", "widgets", "drawing", "playground", "exercises", "predictions"]
# on Windows a make may well be there, but the Makefile is for POSIX systems
needs_make = pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="there is no POSIX make")


# ---------------------------------------------------------------------------------------------- import order


def imported_modules(source, module):
    """The project's own modules that a module imports, wherever in its source, as dotted names within the package.

    module: its own dotted name within the package, such as "classroom.plots".
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = ["mnist_scratch", *module.split(".")[:-1]]
            base = parents[: len(parents) + 1 - node.level] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            modules = [f"{base}.{alias.name}" for alias in node.names]
            # `from . import checks` takes a module, `from . import fit` what the package itself offers
            names = (
                modules if all(rank(name.removeprefix("mnist_scratch.")) is not None for name in modules) else [base]
            )
            names += modules
        else:
            continue
        found.update(name.removeprefix("mnist_scratch").removeprefix(".") for name in names if is_ours(name))
    return found


def is_ours(name):
    return name.split(".")[0] == "mnist_scratch"


def rank(module):
    """A module's place in the order; None for what is no module, such as a function's name."""
    name = module.split(".")
    if name[:2] == ["classroom", "exercises"] and name[2:] and name[2] != "__init__":
        return rank("classroom.exercises") - (0.5 if name[2] == "toolkit" else 0.25)  # one a notebook, over the toolkit
    if name[0] == "classroom":
        return len(ORDER) + (CLASSROOM.index(name[1]) if name[1:2] and name[1] in CLASSROOM else len(CLASSROOM))
    return ORDER.index(name[0]) if name[0] in ORDER else None


def wrong_imports(modules):
    """Sentences for all imports that go down or sideways. modules: {dotted name: source}."""
    wrong = []
    for module, source in modules.items():
        own = rank(module)
        for other in imported_modules(source, module):
            if other == "":  # the package as a whole; only the topmost modules may use it
                if own is not None and own < len(ORDER):
                    wrong.append(f"{module} imports the whole package")
            elif (place := rank(other)) is not None and own is not None:
                inner = module == "classroom.__init__" or other == "classroom" and own >= len(ORDER)
                if place >= own and not inner:
                    wrong.append(f"{module} imports {other}, which is not before it")
    return wrong


def package_modules():
    return {
        ".".join(file.relative_to(PACKAGE).with_suffix("").parts): file.read_text(encoding="utf-8")
        for file in PACKAGE.rglob("*.py")
    }


def test_modules_import_only_from_those_before_them():
    modules = package_modules()
    assert set(CORE) <= set(modules)
    placed = {
        "__init__",
        "__main__",
        "browser",
        "classroom.__init__",
        *ORDER,
        *(f"classroom.{name}" for name in CLASSROOM),
    }
    placed |= {name for name in modules if name.startswith("classroom.exercises.")}
    assert set(modules) <= placed, "a new module needs its place in ORDER or CLASSROOM, and in the design"
    assert wrong_imports(modules) == []


@pytest.mark.parametrize(
    ("module", "source", "is_wrong"),
    [
        ("data", "from .network import Network", True),
        ("data", "from mnist_scratch.network import Network", True),
        ("data", "from . import network", True),
        ("data", "import mnist_scratch", True),
        ("data", "def f():\n    from .training import fit", True),
        ("training", "from .classroom.plots import lines", True),
        ("functions", "from .functions import relu", True),
        ("classroom.plots", "from .widgets import Slider", True),
        ("classroom.plots", "from . import widgets", True),
        ("network", "from .functions import relu\nimport numpy as np", False),
        ("classroom.plots", "from ..network import Network\nfrom .. import data", False),
        ("classroom.widgets", "from . import plots\nfrom mnist_scratch import fit", False),
        ("classroom.__init__", "from .plots import lines", False),
        ("classroom.exercises.data", "from .toolkit import Case\nfrom ...data import one_hot", False),
        ("classroom.exercises.__init__", "from . import data, toolkit", False),
        ("classroom.exercises.data", "from .tuning import EXERCISES", True),
        ("classroom.exercises.toolkit", "from .data import EXERCISES", True),
    ],
)
def test_a_wrong_import_is_seen(module, source, is_wrong):
    assert bool(wrong_imports({module: source})) is is_wrong


def test_import_loads_numpy_and_nothing_heavier():
    heavy = ["matplotlib", "ipywidgets", "IPython", "tqdm", "threadpoolctl"]
    code = f"import sys, mnist_scratch; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# ----------------------------------------------------------------------------------------- size of the core


def code_lines(source):
    """How many lines hold code: not blank, not only a comment, not part of a docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            docstrings.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    empty = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in empty:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def test_code_lines_counts_code_only():
    source = (
        '"""Doc.\n\nmore\n"""\n\n# why\nx = 1  # one\n\n\ndef f():\n    """Doc."""\n    return (\n        x\n    )\n'
    )
    assert code_lines(source) == 5


def test_core_can_be_read_in_one_sitting():
    counts = {name: code_lines((PACKAGE / f"{name}.py").read_text(encoding="utf-8")) for name in ["checks", *CORE]}
    print(f"lines of code in the core: {counts}, {sum(counts.values())} in all")
    assert sum(counts.values()) <= 990, counts  # a good part of them answers bad files and bad arguments


# -------------------------------------------------------------------------------------------- make and CI


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_ci_runs_the_test_command_of_the_readme():
    commands = [line.strip() for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    assert commands.index("make test") < commands.index("make test-cluster") < commands.index("make test-peers")
    assert re.search(r"^(\$ )?make test\b", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_workflow_covers_three_systems_and_all_pythons():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    matrix = job["jobs"]["test"]["strategy"]["matrix"]
    assert [name.split("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert job["permissions"] == {"contents": "read"}


def make(folder, *arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, env=clean, timeout=60)


@pytest.fixture
def folder(tmp_path):
    """A copy of the Makefile, away from the real .venv."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def fake_python(folder, preamble):
    """A Python of which something is not as it should be: preamble runs before whatever `-c` brings."""
    path = folder / "fake_python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{preamble}; import sys; exec(sys.argv[1])" "$2"\n')
    path.chmod(0o755)
    return path


@needs_make
@pytest.mark.parametrize("target", ["lab", "test"])
@pytest.mark.parametrize(
    ("preamble", "message"),
    [
        ("import sys; sys.version_info = (3, 9, 2)", "Python 3.11 or later is needed; Python 3.9.2 found"),
        ("import sys; sys.modules['ensurepip'] = None", "apt install python3-venv"),
        ("import sys; sys.modules['venv'] = None", "apt install python3-venv"),
        ("raise SystemExit(1)", "Python 3.11 or later is needed"),
        (None, "Python 3.11 or later is needed; 'no_such_python' was not found"),
    ],
)
def test_make_says_in_one_line_what_is_missing(folder, target, preamble, message):
    python = "no_such_python" if preamble is None else fake_python(folder, preamble)
    run = make(folder, target, f"PYTHON={python}")
    assert run.returncode != 0
    assert message in run.stderr
    assert len((run.stdout + run.stderr).strip().splitlines()) == 1, run.stdout + run.stderr
    assert not (folder / ".venv").exists()


@needs_make
def test_a_half_made_environment_is_made_again(folder):
    (folder / ".venv" / "bin").mkdir(parents=True)
    run = make(folder, "test", "--dry-run")
    assert "-m venv --clear" in run.stdout


@needs_make
@pytest.mark.parametrize("moved", [False, True])
def test_a_finished_environment_is_used_unless_it_was_moved(folder, moved):
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(sys.executable)
    (folder / ".venv" / ".ready").write_text(f"{'elsewhere' if moved else folder.resolve()}\n")
    run = make(folder, "test", "--dry-run")
    assert run.returncode == 0, run.stderr
    assert ("-m venv --clear" in run.stdout) is moved
    assert "pytest" in run.stdout


@needs_make
def test_a_changed_pyproject_is_installed_again(folder):
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(sys.executable)
    stamp = folder / ".venv" / ".ready"
    stamp.write_text(f"{folder.resolve()}\n")
    assert "pip install" not in make(folder, "test", "--dry-run").stdout
    os.utime(stamp, (0, 0))
    run = make(folder, "test", "--dry-run")
    assert "pip install" in run.stdout
    assert "-m venv" not in run.stdout


def pretend_venv(folder):
    """What make takes for an environment that has all but the extras."""
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(sys.executable)
    (folder / ".venv" / ".ready").write_text(f"{folder.resolve()}\n")


@needs_make
@pytest.mark.parametrize("target", ["test-peers", "bench", "bench-elastic"])
def test_the_peers_are_installed_once_and_only_where_they_are_needed(folder, target):
    pretend_venv(folder)
    stamps = [folder / ".venv" / name for name in (".ready", ".peers")]
    assert "pip install" not in make(folder, "test", "--dry-run").stdout
    assert '".[test,peers]"' in make(folder, target, "--dry-run").stdout
    stamps[1].touch()
    run = make(folder, target, "--dry-run")
    assert "pip install" not in run.stdout
    assert "benchmarks/" in run.stdout
    os.utime(stamps[0], (0, 0))  # as if pyproject.toml had changed since
    assert '".[test,peers]"' in make(folder, target, "--dry-run").stdout


@needs_make
def test_dask_is_installed_once_and_only_where_it_is_needed(folder):
    pretend_venv(folder)
    assert '".[test,cluster]"' in make(folder, "test-cluster", "--dry-run").stdout
    (folder / ".venv" / ".cluster").touch()
    assert make(folder, "test-cluster", "--dry-run").stdout.strip() == ".venv/bin/python -m pytest tests/cluster"
    assert "distributed" not in " ".join(project()["dependencies"] + project()["optional-dependencies"]["test"])


@needs_make
def test_the_course_in_a_web_page_is_made_with_or_without_its_own_python(folder):
    pretend_venv(folder)
    assert '".[test,lite]"' in make(folder, "lite", "--dry-run").stdout
    (folder / ".venv" / ".lite").touch()
    assert make(folder, "lite", "--dry-run").stdout.strip() == ".venv/bin/python tools/lite.py build/lite"
    command = make(folder, "lite", "PYODIDE=a folder", "--dry-run").stdout.strip()
    assert command == '.venv/bin/python tools/lite.py build/lite --pyodide "a folder"'


@needs_make
def test_make_alone_lists_the_targets(folder):
    run = make(folder)
    for target in (
        "lab",
        "test",
        "test-offline",
        "test-cluster",
        "test-peers",
        "bench",
        "lite",
        "notebooks",
        "lint",
        "format",
        "clean",
    ):
        assert f"make {target} " in run.stdout
    assert not (folder / ".venv").exists()


@needs_make
def test_lab_opens_the_first_notebook_as_safely_as_jupyter_does(folder):
    command = make(folder, "lab", "--dry-run").stdout
    assert "notebooks/00_start_here.ipynb" in command
    assert "NeverCheckForUpdate" in command  # Lab would ask its maker's server for a newer one
    for option in ("token", "password", "--ip", "allow_remote", "allow_origin"):
        assert option not in command


@needs_make
def test_the_server_of_lab_asks_for_its_token_and_listens_on_this_machine_only(folder):
    """The real command, and a kernel in it: whoever shares the network must not reach either."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / ".venv" / ".ready").write_text(f"{folder.resolve()}\n")
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "00_start_here.ipynb", folder / "notebooks")
    names = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    places = {name: str(folder / name.lower()) for name in names}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "JUP"))}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            ["make", "lab"], cwd=folder, env=environment | places | {"BROWSER": "true"}, stdout=log, stderr=log
        )
    try:
        give_up = time.monotonic() + 60
        # a file, and written
        while not (found := [f for f in folder.glob("jupyter_runtime_dir/jpserver-*.json") if f.stat().st_size]):
            assert process.poll() is None and time.monotonic() < give_up, (folder / "log").read_text()
            time.sleep(0.1)
        server = json.loads(found[0].read_text(encoding="utf-8"))
        url, token = server["url"], server["token"]
        assert len(token) >= 32 and server["password"] is False
        assert answer(url + "api/contents") == answer(url + "api/contents?token=" + token[::-1]) == (403, None)
        assert answer(url + "lab") == (302, "/login?next=%2Flab")
        assert answer(url + "api/contents?token=" + token) == answer(url + f"lab?token={token}") == (200, None)
        assert answer(url + "api/kernels", post=True)[0] == 403
        assert answer(url + f"api/kernels?token={token}", post=True)[0] == 201
        family = [psutil.Process(server["pid"])]
        family += family[0].children(recursive=True)
        listening = [addresses_of(one) for one in family]
        assert len(family) > 1 and listening[0] and set().union(*listening) <= {"127.0.0.1", "::1"}
    finally:
        if process.poll() is None:
            for one in [*psutil.Process(process.pid).children(recursive=True)[::-1], process]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait(30)


def addresses_of(process):
    """The addresses on which a process listens; none when it has just ended, as a server's short errands do."""
    with suppress(psutil.NoSuchProcess):
        return {place.laddr.ip for place in process.net_connections() if place.status == "LISTEN"}
    return set()


class Stay(urllib.request.HTTPRedirectHandler):
    """Goes where it is told, and no further."""

    def redirect_request(self, *arguments):
        return None


def answer(url, post=False):
    """The status that a server answers with, and where it leads instead."""
    request = urllib.request.Request(url, data=b"{}" if post else None)
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=30) as reply:
            return reply.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location")
