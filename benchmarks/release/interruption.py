"""From a click on JupyterLab's stop button until the kernel is idle, in a real browser.

    make bench NAME=interruption                            five clicks a scene; writes interruption.md here
    python -m benchmarks.release.interruption --clicks 1    fewer; writes nothing

JupyterLab and Chromium run on this machine, as in the browser tests, whose scenes these are. The clock is the page's
own: it starts when the page hears the click, and stops when the cell has ended and the kernel is idle, or, in the
playground, when its words say that it pauses. Each click comes up to a second after the cell is in the middle of its
work. After each, a second cell asserts what must be so: the history so far is there and the network can be trained
on, the trials that were finished are there, the kernel is the same one, and no worker process is left.
"""

import argparse
import random
import sys
import tempfile
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from statistics import median

from benchmarks.release.sliders import machine
from tools import lab

HERE = Path(__file__).resolve().parent
CLICKS = 5
AIM = 1000  # milliseconds
PLAYGROUND = "playground, training in the background"
# in the page: whether the playground says that it pauses, and how long after the click
PAUSED_JS = """
() => {
  const words = document.querySelector('.live-words').innerText, { pressed } = window.course;
  return pressed && words.startsWith('Paused.') && performance.now() - pressed;
}
"""

# A scene is a pair of cells: the first one runs until it is stopped, prints BEGUN when it is in the middle of things,
# and prints WELL should it come to an end by itself; the second one says what must be so afterward, and prints WELL.
BEGUN, WELL = "begun.", "all is well."

SETUP = """
import os
import psutil  # ipykernel needs it, too
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from mnist_scratch import Distortion, Network, fit
from mnist_scratch.classroom.playground import playground
from mnist_scratch.tuning import Trial, shared_mnist, sweep, try_settings

mnist, kernel, workers = shared_mnist(), os.getpid(), set()

def report(history):
    if history.epochs == 1:
        print("begun.")

def telling(pool):
    class Telling(pool):  # the same pool, that says when two trials are finished
        def submit(self, *arguments, **settings):
            future = super().submit(*arguments, **settings)
            future.add_done_callback(self.tell)
            return future
        def tell(self, future):  # in another thread, or in this one where it was finished at once
            finished.append(future)
            workers.update(list(getattr(self, "_processes", None) or ()))
            if len(finished) >= 2 and not told:
                told.append(True)
                print("begun.")
    finished, told = [], []
    return Telling(2)

short, long = {"epochs": 1, "n_train": 100, "n_validation": 100}, {"epochs": 1_000_000}
configurations = [short | {"seed": 0}, short | {"seed": 1}, *(long | {"seed": seed} for seed in range(2, 40))]
print("all is well.")
"""

# `kernel`, `workers` and all other names were given before the stop, by the same kernel
SAME_KERNEL = """
assert os.getpid() == kernel and not [pid for pid in workers if psutil.pid_exists(pid)]
print("all is well.")
"""

FITTED = (
    """
assert history.stopped.startswith(f"interrupted in epoch {history.epochs + 1}"), history.stopped
assert 1 <= history.epochs < 1000 and len(history.train_loss) == len(history.seconds) == history.epochs + 1
assert 0.05 < net.accuracy(train.images, train.labels) < 1
again = fit(net, train[:500], epochs=history.epochs + 1, resume=history)
assert again is history and not history.stopped and len(history.train_loss) == history.epochs + 1
"""
    + SAME_KERNEL
)

SWEPT = (
    """
assert len(trials) == 40 and all(isinstance(trial, Trial) for trial in trials[:2]) and trials[2:] == [None] * 38
assert trials[:2] == sweep(configurations[:2]), "what was finished is not what it should be"
"""
    + SAME_KERNEL
)

PAUSED = (
    """
assert not play.running and play.words.value.startswith("Paused."), play.words.value
steps = play.training.steps
assert steps > 150
play.step()
assert play.training.steps == steps + 1 and 0 < play.training.net.accuracy(mnist.test.images, mnist.test.labels) < 1
"""
    + SAME_KERNEL
)


def fit_scene(sizes, settings, n_train=50_000):
    cell = f"net, train = Network({sizes}, seed=0), mnist.train[:{n_train}]\n"
    return cell + f"history = fit(net, train, epochs=1000, on_epoch=report{settings})", FITTED


def sweep_scene(pool):
    return f"with telling({pool}) as pool:\n    trials = sweep(configurations, pool)", SWEPT


SCENES = {
    "fit, 784-128-64-10": fit_scene([784, 128, 64, 10], ", batch_size=128"),
    "fit, 784-128-64-10, all images at once": fit_scene([784, 128, 64, 10], ", batch_size=50_000"),
    "fit, 784-1024-1024-10, distorted images": fit_scene(
        [784, 1024, 1024, 10], ", batch_size=256, augment=Distortion(translate=1.5, rotate=12, elastic=1.2)", 1000
    ),
    "sweep, one trial after the other": (
        """
def trial(seed, **settings):
    if seed == 2:
        print("begun.")
    return try_settings(seed=seed, **settings)

trials = sweep(configurations, run=trial)
""",
        SWEPT,
    ),
    "sweep, in two processes": sweep_scene("ProcessPoolExecutor"),
    "sweep, in two threads": sweep_scene("ThreadPoolExecutor"),
}


def insist(notebook, source):
    """Run a cell; RuntimeError unless all is well."""
    notebook.begin(source)
    printed = notebook.wait_for_the_end()
    if printed != WELL or notebook.problems():
        raise RuntimeError(f"{printed}\n{notebook.problems()}")


def click_in_cell(notebook, source, after, seconds):
    """Begin a cell, let it work, click; milliseconds."""
    notebook.begin(source)
    notebook.wait_for(BEGUN)
    notebook.page.wait_for_timeout(1000 * seconds)
    milliseconds = notebook.stop()
    insist(notebook, after)
    return milliseconds


def click_in_playground(notebook, seconds):
    """Let it train, click; milliseconds until it says that it pauses."""
    notebook.page.locator(".live-start").first.click()
    notebook.page.wait_for_timeout(1000 * (0.5 + seconds))
    if not notebook.page.locator(".live-words").first.inner_text().startswith("Training."):
        raise RuntimeError("the playground does not train")
    notebook.press_stop()
    milliseconds = notebook.page.wait_for_function(PAUSED_JS).json_value()
    insist(notebook, PAUSED)
    return milliseconds


def report(results):
    """The results as Markdown lines."""
    about = results["machine"]
    lines = [
        "# From the stop button to an idle kernel",
        "",
        f"Measured on {results['date']} by `make bench NAME=interruption` on {about['processor']}, "
        f"{about['cores']} cores, {about['system']}; Python {about['python']}, ipykernel {about['ipykernel']}, "
        f"JupyterLab {about['jupyterlab']}, Chromium {about['chromium']}. In milliseconds.",
        "",
        "The clock runs from the click in the page until the cell has ended and the kernel is idle; in the playground, "
        "until it says that it pauses. Each click comes at a random moment within a second of real work. After each, "
        "the history so far was there and was trained on, the finished trials were there and the others were None, the "
        "kernel was the same one, the next cell ran, and no worker process was left.",
        "",
        "| what was stopped | clicks | median | largest |",
        "|---|--:|--:|--:|",
    ]
    for name, clicks in results["clicks"].items():
        lines.append(f"| {name} | {len(clicks)} | {median(clicks):.0f} | {max(clicks):.0f} |")
    over = [name for name, clicks in results["clicks"].items() if max(clicks) >= AIM]
    return [
        *lines,
        "",
        f"The aim, less than {AIM:,} milliseconds, is {'missed by: ' + ', '.join(over) if over else 'reached by all'}.",
        "",
        "A matrix product comes to its end before Python hears of the click, so with all 50,000 images in one step it "
        "takes as long as the largest product of the network. A trial in a thread ends with its epoch. What else the "
        "machine does counts, too: on a busy one all of this takes longer.",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=CLICKS, help=f"of each scene; by default {CLICKS}")
    clicks = parser.parse_args().clicks
    if line := lab.what_is_missing():
        raise SystemExit(line)
    lab.PATIENCE *= 6  # a slow start of page and kernel is not what is measured
    rng = random.Random(0)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        address = stack.enter_context(lab.server(Path(folder), Path(folder) / "server.log"))
        browser = stack.enter_context(lab.browser())
        results = {"date": date.today().isoformat(), "machine": machine(browser), "clicks": {}}
        notebook = lab.Notebook(browser, address, "00_start_here")
        insist(notebook, SETUP)
        for name, (source, after) in SCENES.items():
            times = [click_in_cell(notebook, source, after, rng.random()) for _ in range(clicks)]
            results["clicks"][name] = times
            print(name, [round(time) for time in times], file=sys.stderr, flush=True)
        notebook.close()
        notebook = lab.Notebook(browser, address, "playground")
        notebook.run()
        insist(notebook, SETUP)
        times = [click_in_playground(notebook, rng.random()) for _ in range(clicks)]
        results["clicks"][PLAYGROUND] = times
        notebook.close()
    lines = report(results)
    print("\n".join(lines))
    if clicks == CLICKS:
        (HERE / "interruption.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
