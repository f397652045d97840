"""The course with Python inside the page: seconds to the first picture and to the end, and how fast sliders answer.

    make lite PYODIDE=folder, then
    make bench NAME=lite                                    all notebooks, 00 to 09; writes lite.md here
    python -m benchmarks.release.lite --before FOLDER       the same, in turns with an older build/lite
    python -m benchmarks.release.lite 03_backpropagation    one notebook only; writes nothing
    python -m benchmarks.release.lite --memory              ten pages, opened and closed; writes nothing

The cells are run one after the other in Chromium, from a fresh profile; then a second page of the same browser is
opened, as on a later day. The clock starts when the page is asked for.
"""

import argparse
import contextlib
import os
import statistics
import sys
import time
from datetime import date
from pathlib import Path

from benchmarks.common import CORES, processor_model, system_name
from tools import lab
from tools.serve import SHARED_MEMORY

HERE = Path(__file__).resolve().parent

SITE = lab.ROOT / "build" / "lite"
NOTEBOOKS = sorted(path.stem for path in (lab.ROOT / "notebooks").glob("[0-9]*.ipynb"))
PAGES = 10
PRESSES = 10
TOO_LONG_BEFORE = "08"  # from here on; the class run of 09 took an hour
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


def visit(browser, address, name, to_the_end):
    """Open a notebook and run its cells, all of them or as far as the first picture.

    Returns the notebook and what was measured: seconds until the kernel answers, to the first picture, to the end; the
    bytes that came through the network, and how many files were asked for.

    RuntimeError when another host was asked.
    """
    asked, began = [], time.monotonic()

    def keep(request):
        asked.append(request)

    browser.on("request", keep)
    notebook = lab.Notebook(browser, address, name, lite=True)
    seconds = {"kernel": time.monotonic() - began}
    for i in range(notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")):
        if notebook.page.evaluate(RUN_CELL_JS, i):
            seconds.setdefault("picture", time.monotonic() - began)
            if not to_the_end:
                break
    seconds["end"] = time.monotonic() - began
    browser.remove_listener("request", keep)
    host = address.rpartition("/")[0]
    elsewhere = [request.url for request in asked if request.url.startswith("http") and host not in request.url]
    if elsewhere:
        raise RuntimeError(f"{name}: {elsewhere}")
    return notebook, seconds | {"requests": len(asked), "bytes": sum(map(transferred, asked))}


def transferred(request):
    """The bytes of an answer that came through the network: not from a cache, nor twice where a worker hands it on."""
    from playwright.sync_api import Error

    try:
        response = request.response() if request.url.startswith("http") and "/api/" not in request.url else None
        came = response is not None and not response.from_service_worker
        return max(0, request.sizes()["responseBodySize"]) if came else 0  # below 0 where the copy is still good
    except Error:  # asked for when the page was closed
        return 0


def measure(browser, address, name):
    """What `visit` measures on the first visit, with milliseconds of each slider's steps, and on a second one.

    RuntimeError when a cell or a slider's callback raised, a picture did not change, or another host was asked.
    """
    notebook, first = visit(browser, address, name, to_the_end=True)
    notebook.live_cells()
    sliders = {}
    for live in notebook.live() if name in lab.live_notebooks() else []:
        live.settle()
        for label, slider in live.sliders.items():
            sliders[label] = [step(live, slider) for _ in range(PRESSES)]
    raised = notebook.page.evaluate("() => window.course.errors()") + notebook.page_errors
    raised += [line for line in notebook.problems() if "Error" in line]  # the others are progress bars
    notebook.close()
    if raised:
        raise RuntimeError(f"{name}: {raised}")
    notebook, second = visit(browser, address, name, to_the_end=False)
    notebook.close()
    return first | {"sliders": sliders, "second": second}


def memory(browser, address, name):
    """Megabytes of the browser's processes after each of ten pages was opened, run to its picture, and closed."""
    after = []
    for _ in range(PAGES):
        notebook, _ = visit(browser, address, name, to_the_end=False)
        notebook.close()
        time.sleep(2)
        after.append(round(sum(map(resident, descendants(os.getpid()))) / 1e6))
    return after


@contextlib.contextmanager
def served(site):
    """A browser, and the site's address, with the headers that the server in the site sends; an older one has none."""
    headers = SHARED_MEMORY if (site / "serve.py").is_file() else {}
    with lab.browser(on_disk=True) as browser, lab.files(site, headers) as address:
        yield browser, address


def descendants(pid):
    """A process's children, and theirs, by /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [other for child in found for other in descendants(child)]


def resident(pid):
    """Bytes of memory that belong to a process alone, and its part of what it shares."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


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
        f"`build/lite`, with Pyodide in it, has {results['megabytes']:.0f} MB. No cell raised an error, and no "
        "other host was asked.",
        "",
        "Seconds count from asking for the page: until Python answers, until the first picture or widget stands "
        "there, until the last cell is done; on the first visit, and on a second one with the same browser. MB are "
        "what came through the network on the first visit, up to the last cell, and on the second, up to the first "
        f"picture. A slider's figure is the median of {PRESSES} steps, from the key to the new picture.",
        "",
        *table(results["notebooks"]),
    ]
    if before := results["before"]:
        sums = [sum(runs[name]["end"] for name in before) for runs in (before, results["notebooks"])]
        lines += [
            "",
            f"Before, in turns with the above: a folder of {results['megabytes before']:.0f} MB, made earlier. All "
            f"cells of {min(before)} to {max(before)} took {sums[0]:,.0f} s there, and take {sums[1]:,.0f} s now, "
            f"{sums[0] / sums[1]:.2f} times less.",
            "",
            *table(before),
        ]
    return lines


def table(runs):
    lines = [
        "| notebook | Python ready, s | first picture, s | all cells, s | MB | again: Python ready, s "
        "| first picture, s | MB | sliders, ms |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, run in runs.items():
        sliders = ", ".join(f"{label}: {statistics.median(steps):.0f}" for label, steps in run["sliders"].items())
        again = run["second"]
        figures = [run["kernel"], run["picture"], run["end"], run["bytes"] / 1e6]
        figures += [again["kernel"], again["picture"], again["bytes"] / 1e6]
        lines.append(f"| {name} | {' | '.join(f'{figure:.1f}' for figure in figures)} | {sliders} |")
    return lines


def megabytes(site):
    return sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="without folder and ending; all by default")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="an older build/lite, to be measured in turns")
    parser.add_argument("--memory", action="store_true", help="open and close ten pages instead")
    arguments = parser.parse_args()
    sites = {"notebooks": SITE} | ({"before": arguments.before.resolve()} if arguments.before else {})
    if line := lab.what_is_missing():
        raise SystemExit(line)
    for site in sites.values():
        if not (site / "static" / "pyodide" / "pyodide.mjs").is_file():
            raise SystemExit(f"make lite PYODIDE=folder comes first: there is no {site} with a Python of its own")
    lab.PATIENCE = PATIENCE
    if arguments.memory:
        for kind, site in sites.items():
            with served(site) as (browser, address):
                pages = memory(browser, address, *(arguments.notebooks or NOTEBOOKS)[:1])
                print(f"MB after each page{kind.replace('notebooks', '')}:", *pages, flush=True)
        return
    results = {"date": date.today().isoformat(), "megabytes": megabytes(SITE), "notebooks": {}, "before": {}}
    results["machine"] = {"processor": processor_model(), "cores": CORES, "system": system_name()}
    if arguments.before:
        results["megabytes before"] = megabytes(sites["before"])
    try:
        for name in arguments.notebooks or NOTEBOOKS:
            for kind, site in sites.items():
                if kind == "before" and name >= TOO_LONG_BEFORE:
                    continue
                with served(site) as (browser, address):
                    results["machine"]["chromium"] = browser.browser.version
                    results[kind][name] = measure(browser, address, name)
                print(kind, name, results[kind][name], file=sys.stderr, flush=True)
    finally:  # what was measured is kept, whatever happens in a later notebook
        if results["notebooks"]:
            lines = report(results)
            print("\n".join(lines))
            if not arguments.notebooks:
                (HERE / "lite.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
