"""The course with Python inside the page: seconds to the first picture and to the end, and how fast sliders answer.

    make lite PYODIDE=folder, then
    make bench NAME=lite                                    00 to 07, most of an hour; writes lite.md here
    python -m benchmarks.release.lite 03_backpropagation    one notebook only; writes nothing

The cells are run one after the other in Chromium, from a fresh profile. The clock starts when the page is asked for.
"""

import argparse
import statistics
import sys
import time
from datetime import date
from pathlib import Path

from benchmarks.common import CORES, processor_model, system_name
from tools import lab

HERE = Path(__file__).resolve().parent

SITE = lab.ROOT / "build" / "lite"
NOTEBOOKS = sorted(name for name in lab.live_notebooks() if name < "08")
PRESSES = 10
PATIENCE = 3_600_000  # milliseconds; one cell may train for a quarter of an hour
# Run one cell: whether there is a picture below it
RUN_CELL_JS = """
async i => {
  const { content } = window.jupyterapp.shell.currentWidget, cell = content.widgets[i];
  if (cell.model.type !== 'code') return false;
  content.activeCellIndex = i;
  await window.jupyterapp.commands.execute('notebook:run-cell');
  const kinds = cell.model.outputs.toJSON().flatMap(output => Object.keys(output.data ?? {}));
  return kinds.includes('image/png') || kinds.includes('application/vnd.jupyter.widget-view+json');
}
"""
ANOTHER_PICTURE = "([picture, before]) => picture.getAttribute('src') !== before && picture.complete"


def measure(browser, address, name):
    """Seconds until the kernel answers, to the first picture, to the end; milliseconds of each slider's steps.

    RuntimeError when a cell or a slider's callback raised, a picture did not change, or another host was asked.
    """
    asked, began = [], time.monotonic()
    browser.on("request", lambda request: asked.append(request.url))
    notebook = lab.Notebook(browser, address, name, lite=True)
    seconds = {"kernel": time.monotonic() - began}
    for i in range(notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")):
        if notebook.page.evaluate(RUN_CELL_JS, i):
            seconds.setdefault("picture", time.monotonic() - began)
    seconds["end"] = time.monotonic() - began
    notebook.live_cells()
    sliders = {}
    for live in notebook.live():
        live.settle()
        for label, slider in live.sliders.items():
            sliders[label] = [step(live, slider) for _ in range(PRESSES)]
    raised = notebook.page.evaluate("() => window.course.errors()") + notebook.page_errors
    raised += [line for line in notebook.problems() if "Error" in line]  # the others are progress bars
    host = address.removesuffix(SITE.name)
    elsewhere = [url for url in asked if url.startswith("http") and not url.startswith(host)]
    notebook.close()
    if raised or elsewhere:
        raise RuntimeError(f"{name}: {raised} {elsewhere}")
    return seconds | {"sliders": sliders, "requests": len(asked)}


def step(live, slider):
    """Press an arrow key; milliseconds until another picture stands there."""
    before, began = live.source(), time.monotonic()
    slider.press(slider.inwards())
    live.page.wait_for_function(ANOTHER_PICTURE, arg=[live.picture.element_handle(), before], polling=10)
    milliseconds = 1000 * (time.monotonic() - began)
    live.settle()
    return milliseconds


def report(results):
    """The results as Markdown lines."""
    about = results["machine"]
    cores = f"{about['cores']} cores" if about["cores"] > 1 else "on one core for page, Python and server together"
    lines = [
        "# In a web page",
        "",
        f"Measured on {results['date']} by `make bench NAME=lite` on {about['processor']}, {cores}, "
        f"{about['system']}, in Chromium {about['chromium']}, from a server on the same machine. The folder "
        f"`build/lite`, with Pyodide in it, has {results['megabytes']:.0f} MB. No cell raised an error, and no other "
        "host was asked.",
        "",
        "Seconds count from asking for the page: until Python answers, until the first picture or widget stands "
        "there, until the last cell is done. A slider's figure is the median of "
        f"{PRESSES} steps, from the key to the new picture.",
        "",
        "| notebook | Python ready, s | first picture, s | all cells, s | sliders, ms |",
        "|---|--:|--:|--:|---|",
    ]
    for name, run in results["notebooks"].items():
        sliders = ", ".join(f"{label}: {statistics.median(steps):.0f}" for label, steps in run["sliders"].items())
        lines.append(f"| {name} | {run['kernel']:.0f} | {run['picture']:.0f} | {run['end']:.0f} | {sliders} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "notebooks", nargs="*", metavar="NOTEBOOK", help="without folder and ending; 00 to 07 by default"
    )
    arguments = parser.parse_args()
    if line := lab.what_is_missing():
        raise SystemExit(line)
    if not (SITE / "static" / "pyodide" / "pyodide.mjs").is_file():
        raise SystemExit("make lite PYODIDE=folder comes first: there is no build/lite with a Python of its own")
    lab.PATIENCE = PATIENCE
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())
    results = {"date": date.today().isoformat(), "megabytes": size / 1e6, "notebooks": {}}
    for name in arguments.notebooks or NOTEBOOKS:
        with lab.browser() as browser, lab.files(SITE) as address:
            version = browser.browser.version
            results["notebooks"][name] = measure(browser, address, name)
        print(name, results["notebooks"][name], file=sys.stderr, flush=True)
    results["machine"] = {"processor": processor_model(), "cores": CORES, "system": system_name(), "chromium": version}
    lines = report(results)
    print("\n".join(lines))
    if not arguments.notebooks:
        (HERE / "lite.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
