"""Settings for tests and notebooks alike, the seconds that each notebook took, and what went outside, if anything."""

import os
import runpy
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

# A progress bar's text is never the same twice. Set here, so that a bare `pytest` does it too; the kernels inherit it.
os.environ["TQDM_DISABLE"] = "1"
# No test and no notebook finds what another one has left; a test of the record itself turns it on.
os.environ["MNIST_SCRATCH_PROGRESS"] = "off"

# The kernels import the package of this very clone, whatever else is installed; and all are closed, see tests/closed.
FIRST = [str(ROOT / "tests" / "closed"), str(ROOT)]
if not os.environ.get("PYTHONPATH", "").startswith(FIRST[0]):  # this is no process of a test run
    import IPython
    import matplotlib
    from jupyter_core import paths

    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [*FIRST, os.environ.get("PYTHONPATH")]))
    # to /proc nobody can write: where tests try what becomes of that
    own = [ROOT, "/dev", "/proc", IPython.paths.get_ipython_dir()]
    own += [paths.jupyter_config_dir(), paths.jupyter_data_dir(), paths.jupyter_runtime_dir()]
    own += [matplotlib.get_configdir(), matplotlib.get_cachedir()]
    own += filter(None, [os.environ.get("TEST_RUN_PIPE")])  # through which VS Code learns what passed
    os.environ["CLOSED_ALLOWED"] = os.pathsep.join(os.path.realpath(folder) for folder in own)
    os.environ["CLOSED_TEMPORARY"] = os.path.realpath(tempfile.gettempdir())  # for tests, not for notebooks
    handle, LOG = tempfile.mkstemp(prefix="closed-", suffix=".log")
    os.close(handle)
    os.environ["CLOSED_LOG"] = LOG
    runpy.run_path(f"{FIRST[0]}/sitecustomize.py")  # this process has started already
else:
    LOG = None

OUTSIDE = []
SECONDS, CELLS, COMPARED = Counter(), Counter(), Counter()


def pytest_collection_modifyitems(items):
    """Note in each notebook cell's report whether its output is compared."""
    cells = [item for item in items if item.path.suffix == ".ipynb"]
    for item in cells:
        compared = item.options["check"] and not item.options["skip"]
        item.user_properties.append(("compared", bool(compared)))
    if cells:
        # Matplotlib's first import on a machine may print that it looks at the fonts: not into a cell
        subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], check=True, capture_output=True)


def pytest_runtest_logreport(report):
    """Add up what the cells of a notebook take, its kernel's start included."""
    notebook = report.nodeid.split("::")[0]
    if notebook.endswith(".ipynb"):
        SECONDS[notebook] += report.duration
        if report.when == "call":
            CELLS[notebook] += 1
            COMPARED[notebook] += dict(report.user_properties).get("compared", False)


def pytest_sessionfinish(session):
    """A run that reached outside is red, whatever its tests say."""
    if LOG:
        OUTSIDE.extend(sorted(set(Path(LOG).read_text(encoding="utf-8").splitlines())))
        del os.environ["CLOSED_LOG"]
        Path(LOG).unlink()
        if OUTSIDE:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    """What went outside; one line a notebook, and their sum."""
    if OUTSIDE:
        terminalreporter.section("reached outside of the course or of this machine", red=True)
        for line in OUTSIDE:
            terminalreporter.write_line(line)
    if not SECONDS:
        return
    terminalreporter.section("notebooks")
    for notebook in sorted(SECONDS):
        terminalreporter.write_line(f"{SECONDS[notebook]:7.1f} s  {CELLS[notebook]:4d} cells  {notebook}")
    terminalreporter.write_line(
        f"{SECONDS.total():7.1f} s in all: {len(SECONDS)} notebooks, {CELLS.total()} cells executed, "
        f"{COMPARED.total()} of them compared with their stored outputs"
    )
