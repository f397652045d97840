"""Settings for tests and notebooks alike, and the seconds that each notebook took."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

# A progress bar's text is never the same twice. Set here, so that a bare `pytest` does it too; the kernels inherit it.
os.environ["TQDM_DISABLE"] = "1"

# The kernels import the package of this very clone, whatever else is installed.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))

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


def pytest_terminal_summary(terminalreporter):
    """One line a notebook, and their sum."""
    if not SECONDS:
        return
    terminalreporter.section("notebooks")
    for notebook in sorted(SECONDS):
        terminalreporter.write_line(f"{SECONDS[notebook]:7.1f} s  {CELLS[notebook]:4d} cells  {notebook}")
    terminalreporter.write_line(
        f"{SECONDS.total():7.1f} s in all: {len(SECONDS)} notebooks, {CELLS.total()} cells executed, "
        f"{COMPARED.total()} of them compared with their stored outputs"
    )
