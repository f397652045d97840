"""Do the notebooks print the same everywhere? Each, compared as by `make test`, in many configurations.

    make bench NAME=stability                                   all that lacks a result; writes stability.json and .md
    python -m benchmarks.release.stability --list               how many notebooks each configuration lacks
    python -m benchmarks.release.stability --only 3.11-oldest   those whose name begins so
    python -m benchmarks.release.stability --pythons PATH …     these interpreters instead of python3.11 to python3.14

A configuration is a Python, the oldest or the newest packages that pyproject.toml allows or those that Colab has, a
kernel of OpenBLAS and a number of its threads, and has a name like 3.11-oldest-Haswell-1. The environments are made in
build/stability, anew when other packages are asked for. A result counts until its notebook changes.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections import Counter
from datetime import date
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.common import CORES, ROOT, processor_model, store, system_name
from tools.address import CELL
from tools.execute_notebooks import find_notebooks

HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "stability"
RESULTS, TABLE = HERE / "stability.json", HERE / "stability.md"

NOTEBOOKS = [path.relative_to(ROOT).as_posix() for path in find_notebooks(ROOT / "notebooks")]
PYTHONS = ["python3.11", "python3.12", "python3.13", "python3.14"]
KERNELS, THREADS = ["Haswell", "SkylakeX", "Zen"], ["1", "2"]
# Of the oldest packages there are no builds for a later Python.
OLDEST_FOR = ["3.11", "3.12"]
# What Colab's images hold of all that the course and its tests use, see https://github.com/googlecolab/backend-info:
# the image of January 2026, and that of August, with another Python and NumPy
COLAB = """
anywidget==0.9.21 ipykernel==6.17.1 ipython==7.34.0 ipywidgets==7.7.1 jupyter_client==7.4.9 jupyter_core==5.9.1
jupyterlab_widgets==3.0.16 matplotlib==3.10.0 nbclient==0.10.4 notebook==6.5.7 pillow==11.3.0 psygnal==0.15.1
pyzmq==26.2.1 threadpoolctl==3.6.0 traitlets==5.7.1 widgetsnbextension==3.6.10
""".split()
COLAB_FOR = {"3.12": "numpy==2.0.2", "3.13": "numpy==2.1.3"}
NOT_IN_COLAB = ("jupyter>", "jupyterlab>")
# There, what happens when a hand moves a slider, presses a button or draws is tried, too.
MOVED = [f"tests/classroom/test_{name}.py" for name in ("widgets", "predictions", "drawing", "playground")]
SHOWN = ["numpy", "matplotlib", "ipywidgets", "jupyterlab"]
# What a process of an environment says of itself; the BLAS that NumPy brings is the only one.
PROBE = f"""
import json, numpy
from importlib.metadata import distributions
from platform import python_version
from threadpoolctl import threadpool_info
blas, = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
version = {{package.name.lower(): package.version for package in distributions()}}
print(json.dumps({{"python": python_version(), **{{name: version.get(name, "none") for name in {SHOWN}}},
                  "openblas": blas["version"], "kernel": blas["architecture"], "threads": blas["num_threads"]}}))
"""


def oldest(required):
    """Constraints for pip: each lower bound, exactly. required: of the course and of its tests, in pyproject.toml."""
    return [re.sub(r">=([\d.]+).*", r"==\1", text) for text in required if "<" not in text]


def environment(python, versions):
    """The Python of an environment with the oldest packages, the newest, or Colab's; made unless it is there.

    The course itself is not installed: the kernels find it on their path.
    """
    folder = BUILD / f"{python}-{versions}"
    inside, ready = folder / "bin" / "python", folder / "ready"
    required = project()["dependencies"] + project()["optional-dependencies"]["test"]
    exactly = oldest(required) if versions == "oldest" else []
    if versions == "colab":
        exactly = [*COLAB, COLAB_FOR[python]]
        required = [package for package in required if not package.startswith(NOT_IN_COLAB)]
    asked = "\n".join([*required, *exactly]) + "\n"
    if not ready.exists() or ready.read_text() != asked:
        print(f"Making {folder.name} ...", flush=True)
        BUILD.mkdir(parents=True, exist_ok=True)
        constraints = BUILD / f"{folder.name}.txt"
        constraints.write_text("\n".join(exactly) + "\n")
        subprocess.run([interpreter(python), "-m", "venv", "--clear", folder], check=True)
        pip = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", constraints, *required], check=True)
        ready.write_text(asked)
    return inside


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def interpreter(python):
    return next(path for path in ARGUMENTS.pythons if python_version(path) == python)


def python_version(path):
    """Such as "3.11"; None when there is no such Python."""
    if (found := shutil.which(path)) is None:
        return None
    code = "import sys; print(*sys.version_info[:2], sep='.')"
    return subprocess.run([found, "-c", code], capture_output=True, text=True).stdout.strip() or None


def configurations():
    """(python, versions, kernel, threads) for all that can be tried with the Pythons at hand."""
    found = sorted({python_version(path) for path in ARGUMENTS.pythons} - {None}, key=lambda v: int(v[2:]))
    pythons = {"newest": found, "oldest": OLDEST_FOR, "colab": COLAB_FOR}
    for python, versions, threads, kernel in product(found, pythons, THREADS, KERNELS):
        if python in pythons[versions]:
            yield python, versions, kernel, threads


def settings(kernel, threads):
    """The variables that OpenBLAS reads, and where the kernels find the course."""
    course = {"PYTHONPATH": str(ROOT), "OPENBLAS_THREAD_TIMEOUT": "12"}
    return os.environ | course | {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": threads}


def digest(file):
    """Of a file with tests; or of a notebook's words, code and outputs, without the cell that has the address."""
    content = (ROOT / file).read_bytes()
    if file.endswith(".ipynb"):
        cells = [cell for cell in json.loads(content)["cells"] if cell["id"] != CELL]
        shown = [[output | {"execution_count": None} for output in cell.get("outputs", [])] for cell in cells]
        content = json.dumps([[cell["source"] for cell in cells], shown], sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def run(python, kernel, threads, notebooks, name):
    """({notebook: digest}, {notebook: cells that failed}) of one run of pytest, with the options of `make test`."""
    report = BUILD / f"{name}.xml"
    report.unlink(missing_ok=True)
    patience = ["--nbval-cell-timeout", "4000", "--nbval-kernel-startup-timeout", "4000"]
    workers = ["-n", str(ARGUMENTS.workers), "--dist", "loadfile"] if ARGUMENTS.workers > 1 else []
    before = {notebook: digest(notebook) for notebook in notebooks}
    with open(BUILD / f"{name}.log", "w", encoding="utf-8") as log:
        command = [python, "-m", "pytest", "-p", "no:cacheprovider", *workers, *patience, f"--junitxml={report}"]
        subprocess.run([*command, *notebooks], cwd=ROOT, env=settings(kernel, threads), stdout=log, stderr=log)
    failed = read(report)
    run = [n for n in notebooks if n in failed and digest(n) == before[n]]  # and not changed meanwhile
    return {n: before[n] for n in run}, {n: failed[n] for n in run if failed[n]}


def n_cells(notebook):
    """How many code cells a notebook has."""
    cells = json.loads((ROOT / notebook).read_text(encoding="utf-8"))["cells"]
    return sum(cell["cell_type"] == "code" for cell in cells)


def read(report):
    """{notebook: cells that failed} from the report that pytest wrote; of a run broken off, the whole notebooks."""
    cells, failed = Counter(), {}
    for case in ElementTree.parse(report).iter("testcase"):
        # such as "notebooks.solutions.01_data.ipynb"; a cell is failed when it, or the kernel's start, went wrong
        path, is_notebook, _ = case.get("classname").partition(".ipynb")
        notebook = path.replace(".", "/") + (is_notebook or ".py")
        cells[notebook] += 1
        failed.setdefault(notebook, [])
        if case.find("failure") is not None or case.find("error") is not None or case.find("skipped") is not None:
            failed[notebook].append(case.get("name"))
    return {n: names for n, names in failed.items() if n.endswith(".py") or cells[n] == n_cells(n)}


def as_asked(found, kernel, threads):
    """Whether OpenBLAS took the kernel and the threads: its builds do not hold all, and a machine may have one core."""
    return (found["kernel"], str(found["threads"])) == (kernel, threads)


def lacking(result, files=NOTEBOOKS):
    """The notebooks, or files with tests, that a configuration has no result for, or one from before a change."""
    done = result["digests"] if result else {}
    return [file for file in files if done.get(file) != digest(file)]


def tried(versions):
    """What is run with these packages."""
    return NOTEBOOKS + (MOVED if versions == "colab" else [])


def table(results, day):
    """The page in Markdown. results: as in the stored file."""
    header = ["Python", "packages", "NumPy", "Matplotlib", "ipywidgets", "JupyterLab"]
    return TEXT.format(
        date=day,
        machine=f"{processor_model()}, {CORES} cores, {system_name()}",
        notebooks=len(NOTEBOOKS),
        moved=len(MOVED),
        header=" | ".join(header),
        rows="\n".join(row(*name.split("-"), **result) for name, result in results.items()),
    )


def row(python, versions, kernel, threads, found, digests, failed):
    """A line of the table."""
    start = " | ".join(["| " + found["python"], versions, *(found[package] for package in SHOWN), kernel, threads])
    if found["kernel"] != kernel:
        return f"{start} | | this OpenBLAS has no such kernel and takes {found['kernel']}: see there |"
    if str(found["threads"]) != threads:
        return f"{start} | | not run: OpenBLAS made {found['threads']} |"
    missing = lacking({"digests": digests})
    counted = [notebook for notebook in NOTEBOOKS if notebook not in missing]
    n_red = sum(notebook in failed for notebook in counted)
    red = [f"{short(notebook)}: {', '.join(failed[notebook])}" for notebook in counted if notebook in failed]
    if versions == "colab":
        moved = [file for file in MOVED if file not in lacking({"digests": digests}, MOVED)]
        red += [f"{Path(file).stem}: {', '.join(failed[file])}" for file in moved if file in failed]
        red += [f"{Path(file).stem}: not run" for file in MOVED if file not in moved]
    few, named = ("not run: ", missing) if len(missing) < len(counted) else ("not run: all but ", counted)
    remarks = red + ([few + ", ".join(map(short, named))] if missing and counted else [])
    green = f"{len(counted) - n_red} of {len(counted)}" if counted else "changed since" if digests else "not run"
    return f"{start} | {green} | {'; '.join(remarks)} |"


def short(notebook):
    return notebook.removeprefix("notebooks/").removesuffix(".ipynb")


TEXT = """\
# The same everywhere? Every notebook, in many configurations

Measured until {date} by `make bench NAME=stability` on {machine}.

Each of the {notebooks} notebooks, solutions included, runs from a fresh kernel, and every text that a cell shows is
compared with the stored one, character by character: what it prints, values, tables, warnings. The options are those of
`make test`, but for longer time-outs. *Green* counts the notebooks in which every cell agreed, and
*changed since* means that all have changed since they were tried there.

*Oldest* are the lower bounds of `pyproject.toml`, exactly; packages that it does not name are as
new as these allow. There are no builds of them for a Python later than 3.12. *Newest* is what pip installs today.
*Colab* are the packages of Colab's images, so far as the course uses them: with Python 3.12 those of January 2026, with
3.13 those of August. With these, {moved} files of tests ran, too, of what happens when a slider moves, a button is
pressed or a digit is drawn; what failed is named. A
kernel is the set of matrix routines that OpenBLAS works with, asked for by `OPENBLAS_CORETYPE`; the threads are set by
`OPENBLAS_NUM_THREADS`. Both were read back through threadpoolctl before the run. What is not in the
table was not run.

| {header} | kernel | threads | green | not green, or not run |
|---|---|---|---|---|---|---|--:|---|---|
{rows}

NumPy 2.5.5, whose OpenBLAS is 0.3.34, crashed with Haswell's kernels in a product of float64 matrices with 784 inner
columns (100 rows were enough): the kernel of a notebook died. The fault is
[known](https://github.com/OpenMathLib/OpenBLAS/issues/6026), and most laptops work with these kernels, so the course
asks for another NumPy than 2.5. Asked for Zen's kernels, NumPy 2.4.6 and 2.5.5 take Haswell's.

What this does not compare:

- Pictures. That each is drawn without an error is part of the run. Matplotlib 3.9.0 and 3.11.2 draw those of
  notebook 01 in the same size, letters about a pixel apart.
- The output of two cells of notebook 00, which state this machine's versions and times; both assert what must hold.
- How sliders and other widgets look and move: `make test TESTS=tests/browser` tries it, with the newest versions. With
  Colab's, notebooks 00 and 02 were opened by hand in Jupyter Notebook 6.5.7, each alone in an empty folder: the first
  cell fetched the course, sliders moved pictures and words, predictions answered, and a drawn digit was read.
- The real Colab. Nobody could open it.
- Other processors and systems, and NumPy on another BLAS, such as Apple's Accelerate.
"""


def main():
    """Run what lacks a result, one configuration after the other; the files are written after each."""
    for python, versions, kernel, threads in configurations():
        name = f"{python}-{versions}-{kernel}-{threads}"
        if ARGUMENTS.list:
            print(f"{name}: {len(lacking(stored()['results'].get(name), tried(versions)))} to run")
        elif name.startswith(ARGUMENTS.only):
            try_one(environment(python, versions), kernel, threads, name, tried(versions))
    if not ARGUMENTS.list:
        TABLE.write_text(table(**stored()), encoding="utf-8")


def try_one(python, kernel, threads, name, files):
    """Run the files that lack a result, if there is such a kernel and so many threads, and store what came out."""
    probe = subprocess.run([python, "-c", PROBE], env=settings(kernel, threads), stdout=subprocess.PIPE, check=True)
    result = {"found": json.loads(probe.stdout), "digests": {}, "failed": {}}
    before = stored()["results"].get(name, result)
    if before["digests"] and not as_asked(result["found"], kernel, threads):
        return  # this machine cannot repeat what another one could
    if before["found"] == result["found"]:  # and no newer package came out since
        result = before
    notebooks = [notebook for notebook in lacking(result, files) if ARGUMENTS.notebooks in notebook]
    if notebooks and as_asked(result["found"], kernel, threads):
        print(f"{name}: {len(notebooks)} files ...", flush=True)
        digests, failed = run(python, kernel, threads, notebooks, name)
        earlier = {notebook: cells for notebook, cells in result["failed"].items() if notebook not in digests}
        result = result | {"digests": result["digests"] | digests, "failed": earlier | failed}
        for notebook, cells in failed.items():
            print(f"  {short(notebook)}: {', '.join(cells)}", flush=True)
    results = dict(sorted((stored()["results"] | {name: result}).items()))
    store(RESULTS, {"results": results, "day": str(date.today())})


def stored():
    """{"results": {name: {"found", "digests", "failed"}}, "day"} of earlier runs."""
    empty = {"results": {}, "day": str(date.today())}
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else empty


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="run the configurations whose name begins so")
    parser.add_argument("--pythons", nargs="+", default=PYTHONS, help="interpreters, by name or path")
    parser.add_argument("--notebooks", default="", help="run the notebooks in whose path this text is")
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    parser.add_argument("--list", action="store_true", help="only list the configurations")
    ARGUMENTS = parser.parse_args()
    main()
