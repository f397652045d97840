"""Execute notebooks in place and store them in one normal form, so that a diff shows only what changed.

    python -m tools.execute_notebooks [NOTEBOOK …]         all of notebooks/ when none is named
    python -m tools.execute_notebooks --no-run NOTEBOOK …  the form only, after a change of its texts
    python -m tools.execute_notebooks --twice [NOTEBOOK …]  write nothing; see that every cell can be run again

Each notebook runs from a fresh kernel in its own folder. One that fails is left as it was, and the exit status is 1.
"""

import argparse
import os
import re
import sys
from copy import deepcopy
from pathlib import Path
from time import perf_counter

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools import slides

ROOT = Path(__file__).resolve().parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    # what nbconvert and editors go by; without the version, which is the machine's and not the course's
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
KEPT_CELL_METADATA = ("editable", "tags")
WIDGET = "application/vnd.jupyter.widget-view+json"


def main(arguments):
    """Execute the named notebooks, or all; returns the exit status."""
    os.environ["TQDM_DISABLE"] = "1"  # a progress bar's text is never the same twice
    os.environ["MNIST_SCRATCH_PROGRESS"] = "off"  # a check under an exercise would tell what somebody passed here
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--no-run", action="store_true", help="keep the stored outputs")
    parser.add_argument("--twice", action="store_true", help="each cell twice, then all from the last to the first")
    options = parser.parse_args(arguments)
    paths = options.notebooks or find_notebooks(ROOT / "notebooks")
    if not paths:
        print("There is no notebook in notebooks/.", file=sys.stderr)
    failures = sum(not run(path, not options.no_run, options.twice) for path in paths)
    return int(failures > 0 or not paths)


def find_notebooks(folder):
    """All notebooks in and below a folder, without the copies that JupyterLab keeps."""
    return sorted(path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def run(path, executes=True, twice=False):
    """Execute one notebook, unless only its form is asked for, and write it; returns whether it went well."""
    started = perf_counter()
    try:
        notebook = nbformat.read(path, as_version=4)
        if twice:
            notebook.cells = again_and_again(notebook.cells)
        if executes:
            execute(notebook, path.parent)
        normalize(notebook)
    except CellExecutionError as error:
        return _complain(path, f"{failed_cell(notebook)}\n{without_colors(str(error))}")
    except (CellTimeoutError, DeadKernelError, ValueError, OSError) as error:
        return _complain(path, f"{type(error).__name__}: {without_colors(str(error))}")
    if not twice:
        write(notebook, path)
    print(f"{path}: {perf_counter() - started:.1f} s", flush=True)
    return True


def again_and_again(cells):
    """Each code cell twice in a row; then all once more, each finding what those after it left behind."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    return [deepcopy(cell) for cell in [*(cell for cell in code for _ in range(2)), *reversed(code)]]


def write(notebook, path):
    """Write a notebook, with the same bytes on every system."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(nbformat.writes(notebook).rstrip("\n") + "\n")


def execute(notebook, folder):
    """Run all cells from a fresh kernel in a folder; the outputs are put into the notebook."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("kernelspec", None)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=600,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def normalize(notebook):
    """Keep what belongs to the course, and nothing of the run that made it.

    Raises
    ------
    ValueError
        When a widget has neither a still picture nor a text beside it.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells, start=1):
        kept = {key: value for key, value in cell.metadata.items() if key in KEPT_CELL_METADATA}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs = merged_streams(cell.outputs)
            for output in cell.outputs:
                replace_widget(output, number)
    slides.store(notebook)


def merged_streams(outputs):
    """One stdout and one stderr a cell: how the text was cut on its way depends on the machine's mood."""
    merged, first = [], {}
    for output in outputs:
        if output.output_type == "stream" and output.name in first:
            first[output.name].text += output.text
        else:
            if output.output_type == "stream":
                first[output.name] = output
            merged.append(output)
    return merged


def replace_widget(output, number):
    """Drop a widget's view where a picture or a text stands beside it: without a kernel, only that can be shown."""
    data = output.get("data", {})
    if WIDGET not in data:
        return
    if not {"image/png", "text/html"} & set(data):
        raise ValueError(f"cell {number}: a widget without a still picture; readers without a kernel would see nothing")
    del data[WIDGET]


def failed_cell(notebook):
    """Names the first cell with an error, by its place among all cells and by its execution count."""
    for number, cell in enumerate(notebook.cells, start=1):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return f"cell {number} (In [{cell.execution_count}]) failed:"
    return "a cell failed:"


def without_colors(text):
    """A traceback without the escape sequences of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _complain(path, message):
    print(f"{path}: not written: {message}", file=sys.stderr, flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
