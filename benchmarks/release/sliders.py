"""From key press to picture, for every slider of every notebook, in a real browser.

    make bench NAME=sliders                           all notebooks; writes sliders.md here
    python -m benchmarks.release.sliders --quick      few key presses, two kernels: does everything run? Writes nothing
    python -m benchmarks.release.sliders 06_regularization --kernels 0    one notebook only; writes nothing

JupyterLab and Chromium run on this machine, as in the browser tests, whose helpers drive them. The clock is the page's
own. It starts when the page hears of a key press and stops at the end of the first frame after the new picture and
the new words are there; so what the kernel computes, and what Jupyter and the browser take to show it, is in it.
"""

import argparse
import platform
import random
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.common import CORES, processor_model, system_name
from tools import lab

HERE = Path(__file__).resolve().parent

SWEEPS = 3  # up and down, over all positions
LONG = 40  # steps up and down; a slider with more is swept once
BURSTS, PRESSES = 5, 30
STILL = 1000  # milliseconds without a change before words and picture count as the last ones
COMPANY = "06_regularization"
COMPANY_SECONDS = 30

# In the page: what happens to one widget, on one clock. `painted` is the end of the frame that shows a change.
METER_JS = """
live => {
  const picture = live.querySelector('.live-picture'), words = live.querySelector('.live-words');
  const meter = live.meter = { pressed: 0, said: 0, loaded: 0, painted: 0, presses: 0 };
  const painted = () => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();  // its message comes when the frame is done
    port1.onmessage = () => { meter.painted = performance.now(); };
    port2.postMessage(0);
  });
  live.addEventListener('keydown', () => {
    Object.assign(meter, { pressed: performance.now(), said: 0, loaded: 0, painted: 0 });
    meter.presses += 1;
  }, true);
  picture.addEventListener('load', () => { meter.loaded = performance.now(); painted(); });
  new MutationObserver(() => { meter.said = performance.now(); painted(); })
    .observe(words, { childList: true, characterData: true, subtree: true });
}
"""
# New words and a new picture, both painted; or new words, and no new picture for so long that it must be the same.
DONE_JS = """
live => {
  const { pressed, said, loaded, painted } = live.meter;
  return said && painted >= Math.max(said, loaded) && (loaded || performance.now() - said > 1000)
    ? painted - pressed : null;
}
"""
# Nothing has changed for so long; 0 when the last value was on the screen already.
STILL_JS = """
(live, still) => {
  const { pressed, said, loaded, painted } = live.meter;
  return performance.now() - Math.max(pressed, said, loaded, painted) > still ? Math.max(0, painted - pressed) : null;
}
"""


def press(widget, slider, key):
    """Press a key once; milliseconds until the picture of the new value is painted. RuntimeError if it never is."""
    slider.press(key)
    milliseconds = widget.page.wait_for_function(DONE_JS, arg=widget.box.element_handle()).json_value()
    insist(widget, slider)
    return milliseconds


def insist(widget, slider):
    """RuntimeError unless the words tell what the sliders show."""
    if widget.untold():
        raise RuntimeError(f"{slider.label}: the sliders show {widget.values()}, the words are {widget.words()!r}")


def keys_to_and_fro(slider, n):
    """So many arrow keys, each of which changes the value: up to the end, down to the other, and so on."""
    first, now, last = slider.steps()
    keys, way = [], 1
    for _ in range(n):
        way = -1 if now >= last else 1 if now <= first else way
        keys.append("ArrowRight" if way > 0 else "ArrowLeft")
        now += way
    return keys


def burst(widget, slider):
    """Press keys as fast as they can be sent; milliseconds from the last until the last value stays on the screen."""
    keys = keys_to_and_fro(slider, PRESSES)
    slider.handle.focus()
    for key in keys:
        widget.page.keyboard.press(key)
    give_up = time.monotonic() + lab.PATIENCE / 1000
    while (milliseconds := widget.box.evaluate(STILL_JS, STILL)) is None or widget.untold():
        if time.monotonic() > give_up:
            raise RuntimeError(
                f"{slider.label}: {widget.values()} and the words {widget.words()!r} do not come to rest"
            )
        widget.page.wait_for_timeout(50)
    return milliseconds


def measure(notebook, quick):
    """[{slider: {latency: [ms], burst: [ms]}}] of a notebook's live widgets; the other sliders are where they were."""
    found = []
    for widget in notebook.live():
        widget.box.scroll_into_view_if_needed()
        widget.box.evaluate(METER_JS)
        sliders = {}
        for label, slider in widget.sliders.items():
            first, start, last = slider.steps()
            for key in keys_to_and_fro(slider, 2):  # to warm up
                press(widget, slider, key)
            once = 2 * round(last - first)  # up and down, back to where it was
            n = 4 if quick else once if once > LONG else SWEEPS * once
            latency = [press(widget, slider, key) for key in keys_to_and_fro(slider, n)]
            sliders[label] = {
                "latency": latency,
                "burst": [burst(widget, slider) for _ in range(1 if quick else BURSTS)],
            }
            print(row(notebook.name, label, sliders[label]), file=sys.stderr, flush=True)
            while (now := slider.steps()[1]) != start:
                press(widget, slider, "ArrowRight" if now < start else "ArrowLeft")
        if sliders:
            found.append(sliders)
    return found


def measure_company(browser, address, n, seconds):
    """[ms]: n notebooks with a kernel each, in each a key every half to whole second, unless it is still waiting."""
    notebooks, rng = [], random.Random(0)
    try:
        for k in range(n):
            window = browser.browser.new_context()  # a window each: Chromium paints a hidden tab once a second
            notebooks.append(lab.Notebook(window, address, copy_name(k)))
            notebooks[-1].name = COMPANY
            notebooks[-1].run(to_the_end=False)
        users, latency = [], []
        for notebook in notebooks:
            [widget] = notebook.live()
            widget.box.evaluate(METER_JS)
            slider = list(widget.sliders.values())[len(users) % 2]
            press(widget, slider, slider.inwards())
            users.append([widget, slider, keys_to_and_fro(slider, 10 * round(seconds)), rng.random(), False])
        started = time.monotonic()
        while any(waiting for *_, waiting in users) or time.monotonic() < started + seconds:
            for user in users:
                widget, slider, keys, when, waiting = user
                if waiting and (milliseconds := widget.box.evaluate(DONE_JS)) is not None:
                    insist(widget, slider)
                    latency.append(milliseconds)
                    user[4] = False
                    user[3] = max(time.monotonic() - started, when + rng.uniform(0.5, 1.0))
                elif not waiting and when <= time.monotonic() - started < seconds:
                    slider.press(keys.pop(0))
                    user[4] = True
                if time.monotonic() > started + seconds + 60:
                    raise RuntimeError("a picture did not come within a minute")
            widget.page.wait_for_timeout(5)
        problems = [problem for notebook in notebooks for problem in notebook.problems()]
        if problems:
            raise RuntimeError("\n".join(problems))
        return latency
    finally:
        for notebook in notebooks:
            notebook.close()


def copy_name(k):
    """A notebook of its own for each kernel: pages with the same one would share a kernel."""
    return f"{COMPANY}-{k}"


# ----------------------------------------------------------------------------------------- the report


def row(name, label, measured):
    """A line of the table: n, median, 90th percentile and maximum, and the bursts' median and maximum."""
    latency, bursts = measured["latency"], measured["burst"]
    figures = [median(latency), np.percentile(latency, 90), max(latency), median(bursts), max(bursts)]
    return f"| {name} | {label} | {len(latency)} | " + " | ".join(f"{figure:.0f}" for figure in figures) + " |"


def report(results):
    """The results as Markdown lines."""
    about = results["machine"]
    lines = [
        "# From key press to picture",
        "",
        f"Measured on {results['date']} by `make bench NAME=sliders` on {about['processor']}, {about['cores']} cores, "
        f"{about['system']}; Python {about['python']}, ipywidgets {about['ipywidgets']}, "
        f"JupyterLab {about['jupyterlab']}, Chromium {about['chromium']}. In milliseconds.",
        "",
        f"Each slider is moved by arrow keys over all its positions, up and down, {SWEEPS} times (once where it has "
        f"more than {LONG // 2}), one key at a time; the others stay where they are at first. The clock runs from the "
        f"key's event in the page to the end of the first frame with the new picture and the new words. A burst is "
        f"{PRESSES} presses as fast as they can be sent, {BURSTS} times; its clock runs from the last press until the "
        f"last value stays on the screen.",
        "",
        "| notebook | slider | presses | median | 90 % | largest | burst: median | largest |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        row(name, label, measured)
        for name, widgets in results["sliders"].items()
        for sliders in widgets
        for label, measured in sliders.items()
    ]
    if latency := results["company"]["latency"]:
        lines += [
            "",
            f"{results['company']['kernels']} kernels of `{COMPANY}` at a time, a key in each every 0.5 to 1 s: "
            f"{len(latency)} presses, median {median(latency):.0f} ms, 90 % within "
            f"{np.percentile(latency, 90):.0f} ms, largest {max(latency):.0f} ms.",
        ]
    return lines


def machine(browser):
    return {
        "processor": processor_model(),
        "cores": CORES,
        "system": system_name(),
        "python": platform.python_version(),
        "chromium": browser.browser.version,
    } | {name: version(name) for name in ("numpy", "matplotlib", "ipywidgets", "jupyterlab", "ipykernel")}


def main():
    parser = argparse.ArgumentParser(description="From key press to picture, for every slider, in a real browser.")
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="without folder and ending; all by default")
    parser.add_argument("--kernels", type=int, default=8, help="pages with a kernel each, at one time; 0 for none")
    parser.add_argument("--quick", action="store_true", help="few key presses; writes nothing")
    arguments = parser.parse_args()
    if line := lab.what_is_missing():
        raise SystemExit(line)
    notebooks = lab.live_notebooks()
    if unknown := set(arguments.notebooks) - set(notebooks):
        parser.error(f"no sliders in {', '.join(sorted(unknown))}; choose from {', '.join(notebooks)}")
    kernels = min(arguments.kernels, 2) if arguments.quick else arguments.kernels

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        folder = Path(folder)
        address = stack.enter_context(lab.server(folder, folder / "server.log"))
        browser = stack.enter_context(lab.browser())
        results = {"date": date.today().isoformat(), "machine": machine(browser), "sliders": {}}
        for name in arguments.notebooks or notebooks:
            notebook = lab.Notebook(browser, address, name)
            try:
                notebook.run(to_the_end=False)
                results["sliders"][name] = measure(notebook, arguments.quick)
                if notebook.problems():
                    raise RuntimeError("\n".join(notebook.problems()))
            finally:
                notebook.close()
        for k in range(kernels):
            place = folder / "root" / "notebooks"
            shutil.copy(place / f"{COMPANY}.ipynb", place / f"{copy_name(k)}.ipynb")
        seconds = 5 if arguments.quick else COMPANY_SECONDS
        latency = measure_company(browser, address, kernels, seconds) if kernels else []
        results["company"] = {"kernels": kernels, "latency": latency}

    lines = report(results)
    print("\n".join(lines))
    if not (arguments.quick or arguments.notebooks):
        (HERE / "sliders.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
