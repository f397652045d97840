"""The stop button, as Jupyter presses it: a signal to a real kernel and to all processes that it has started.

What `fit` and `sweep` make of it line by line is tested with them; here it has to arrive, and to leave the kernel.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows interrupts kernels in another way")
PATIENCE = 120  # seconds until what should happen counts as not happening; no test measures time

SETUP = """
import os
import psutil  # ipykernel needs it, too
from concurrent.futures import ProcessPoolExecutor
from mnist_scratch import Network, fit
from mnist_scratch.classroom.playground import playground
from mnist_scratch.tuning import Trial, shared_mnist, sweep

mnist, kernel, workers = shared_mnist(), os.getpid(), set()

def same_kernel():
    return os.getpid() == kernel and not [pid for pid in workers if psutil.pid_exists(pid)]

class Telling(ProcessPoolExecutor):
    "A pool that says when two trials are finished."
    finished = 0
    def submit(self, *arguments, **settings):
        future = super().submit(*arguments, **settings)
        future.add_done_callback(self.tell)
        return future
    def tell(self, future):  # in another thread
        self.finished += 1
        workers.update(self._processes)
        if self.finished == 2:
            print("begun.")

short, long = {"epochs": 1, "n_train": 100, "n_validation": 100}, {"epochs": 1_000_000}
configurations = [short | {"seed": 0}, short | {"seed": 1}, *(long | {"seed": seed} for seed in range(2, 40))]
print("begun.")
"""
# A cell that runs until it is stopped, and what must be so afterward.
SCENES = {
    "fit": (
        """
net, train = Network([784, 128, 64, 10], seed=0), mnist.train[:5000]
history = fit(net, train, epochs=1_000_000, on_epoch=lambda history: history.epochs == 1 and print("begun."))
""",
        """
assert "interrupted" in history.stopped and 1 <= history.epochs < 1_000_000
assert len(history.train_loss) == len(history.seconds) == history.epochs + 1
again = fit(net, train, epochs=history.epochs + 1, resume=history)
assert again is history and not history.stopped and 0.2 < net.accuracy(train.images, train.labels) < 1
""",
    ),
    "sweep": (
        """
with Telling(2) as pool:
    trials = sweep(configurations, pool)
""",
        """
assert len(trials) == 40 and all(isinstance(trial, Trial) for trial in trials[:2]) and trials[2:] == [None] * 38
assert trials[:2] == sweep(configurations[:2]), "what was finished is not what it should be"
""",
    ),
}
PAUSED = """
assert not play.running and play.words.value.startswith("Paused."), play.words.value
steps = play.training.steps
assert steps > 0
play.step()
assert play.training.steps == steps + 1 and same_kernel()
"""


class Cells:
    """A kernel and what its cells print, tracebacks included."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(startup_timeout=PATIENCE)
        self.begun = Event()

    def hear(self, message):
        content = message["content"]
        self.printed += content.get("text", "") + "\n".join(content.get("traceback", []))
        if "begun." in self.printed:
            self.begun.set()

    def run(self, source):
        """Run a cell to its end; TimeoutError if it has none."""
        self.printed = ""
        self.client.execute_interactive(source, output_hook=self.hear, timeout=PATIENCE)
        return self.printed

    def run_and_stop(self, source):
        """Press the stop button when a cell has begun its work."""
        self.begun.clear()
        with ThreadPoolExecutor(1) as thread:
            printed = thread.submit(self.run, source)
            assert self.begun.wait(PATIENCE), self.printed
            time.sleep(0.1)
            self.manager.interrupt_kernel()
            return printed.result()

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def cells():
    cells = Cells()
    assert cells.run(SETUP) == "begun.\n"
    yield cells
    cells.close()


@pytest.mark.parametrize("name", SCENES)
def test_it_ends_a_cell_and_nothing_else(cells, name):
    source, after = SCENES[name]
    printed = cells.run_and_stop(source)
    assert "Traceback" not in printed and "interrupted" in printed.splitlines()[-1], printed
    assert cells.run(f"{after}\nassert same_kernel()") == ""


def test_it_pauses_the_playground(cells):
    """Also while no cell is running: its training goes on in the background."""
    assert "Traceback" not in cells.run("play = playground(mnist)\nplay.start()")
    assert cells.run("assert play.running") == ""
    cells.manager.interrupt_kernel()
    give_up = time.monotonic() + PATIENCE
    while cells.run("print(play.running)").strip() == "True":
        assert time.monotonic() < give_up, "it goes on training"
    assert cells.run(PAUSED) == ""
