"""What the stop button interrupts, as cells of a notebook; shared by the tests of a kernel and of the browser.

A scene is a pair of cells: the first one runs until it is stopped, prints BEGUN when it is in the middle of things, and
prints WELL should it come to an end by itself; the second one says what must be so afterwards, and prints WELL.
"""

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
_SAME_KERNEL = """
assert os.getpid() == kernel and not [pid for pid in workers if psutil.pid_exists(pid)]
print("all is well.")
"""

_FITTED = (
    """
assert history.stopped.startswith(f"interrupted in epoch {history.epochs + 1}"), history.stopped
assert 1 <= history.epochs < 1000 and len(history.train_loss) == len(history.seconds) == history.epochs + 1
assert 0.05 < net.accuracy(train.images, train.labels) < 1
again = fit(net, train[:500], epochs=history.epochs + 1, resume=history)
assert again is history and not history.stopped and len(history.train_loss) == history.epochs + 1
"""
    + _SAME_KERNEL
)

_SWEPT = (
    """
assert len(trials) == 40 and all(isinstance(trial, Trial) for trial in trials[:2]) and trials[2:] == [None] * 38
assert trials[:2] == sweep(configurations[:2]), "what was finished is not what it should be"
"""
    + _SAME_KERNEL
)

PAUSED = (
    """
assert not play.running and play.words.value.startswith("Paused."), play.words.value
steps = play.training.steps
assert steps > 150
play.step()
assert play.training.steps == steps + 1 and 0 < play.training.net.accuracy(mnist.test.images, mnist.test.labels) < 1
"""
    + _SAME_KERNEL
)


def _fit(sizes, settings, n_train=50_000):
    cell = f"net, train = Network({sizes}, seed=0), mnist.train[:{n_train}]\n"
    return cell + f"history = fit(net, train, epochs=1000, on_epoch=report{settings})", _FITTED


def _sweep(pool):
    return f"with telling({pool}) as pool:\n    trials = sweep(configurations, pool)", _SWEPT


SCENES = {
    "fit, 784-128-64-10": _fit([784, 128, 64, 10], ", batch_size=128"),
    "fit, 784-128-64-10, all images at once": _fit([784, 128, 64, 10], ", batch_size=50_000"),
    "fit, 784-1024-1024-10, distorted images": _fit(
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
        _SWEPT,
    ),
    "sweep, in two processes": _sweep("ProcessPoolExecutor"),
    "sweep, in two threads": _sweep("ThreadPoolExecutor"),
}
