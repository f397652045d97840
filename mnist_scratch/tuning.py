"""Trying many settings: one trial, and a sweep of trials on any executor. Used in notebook 07."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import checks
from .data import load_mnist
from .network import Network
from .optimizers import SGD
from .training import blas_threads, fit


@dataclass(frozen=True)
class Trial:
    """One setting and what came of it: accuracies as fractions, and why training stopped early, if it did."""

    settings: dict
    train_accuracy: float
    validation_accuracy: float
    stopped: str = ""


@lru_cache(maxsize=1)
def shared_mnist():
    """MNIST, loaded once in each process and shared by all its trials."""
    return load_mnist()


def try_settings(
    sizes=(784, 32, 10),
    activation="relu",
    learning_rate=0.1,
    momentum=0.0,
    weight_decay=0.0,
    batch_size=64,
    epochs=3,
    n_train=5_000,
    n_validation=10_000,
    seed=0,
    dtype="float64",
):
    """Train one network on the first n_train training images and return its Trial.

    The seed sets both the initial weights and the order of the examples, so a Trial is reproducible. The
    arguments are those of Network, SGD and fit, and raise what these raise.
    """
    settings = dict(locals())
    if (layers := checks.layer_sizes(sizes))[0] != 784 or layers[-1] != 10:
        raise ValueError(f"sizes must begin with 784 and end with 10, not {sizes}")
    checks.integer("n_train", n_train, 1, 50_000)
    checks.integer("n_validation", n_validation, 1, 10_000)
    mnist = shared_mnist()
    train, validation = mnist.train[:n_train], mnist.validation[:n_validation]
    net = Network(sizes, activation, seed=seed, dtype=dtype)
    history = fit(
        net,
        train,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=SGD(learning_rate, momentum),
        weight_decay=weight_decay,
        seed=seed,
        progress=False,
    )
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverged may have left any weights
        accuracies = [net.accuracy(data.images, data.labels) for data in (train, validation)]
    return Trial(settings, *accuracies, history.stopped)


def sweep(configurations, executor=None, run=try_settings):
    """Run every configuration, a dictionary of arguments for run; return the results in the same order.

    executor: any `concurrent.futures.Executor`, such as a ProcessPoolExecutor or a cluster's; None runs one
    after the other in this process. A process pool needs a run that can be imported by name, as try_settings can: a
    function of your own belongs into a .py file, because another process cannot see a notebook's cells.
    An exception in a trial is raised here.
    """
    checks.function("run", run)
    for configuration in (configurations := checks.sequence("configurations", configurations)):
        if not isinstance(configuration, dict):
            raise TypeError(f"configurations must be dictionaries of arguments, not {configuration!r}")
    if executor is None:
        return [run(**configuration) for configuration in configurations]
    checks.like("executor", executor, "submit", "a concurrent.futures.Executor")
    with blas_threads(work=0):  # held over all trials of an executor of threads
        futures = [executor.submit(run, **configuration) for configuration in configurations]
        return [future.result() for future in futures]
