"""What the workers of the tests' cluster run: a file, because another machine imports what it is to call."""

import os
import time
from pathlib import Path

import threadpoolctl

from mnist_scratch import tuning


def trial(folder, number, **settings):
    """try_settings, with a mark in the folder for its end: {number}-{process}.ended."""
    mark = Path(folder) / f"{number}-{os.getpid()}"
    result = tuning.try_settings(**settings)
    mark.with_suffix(".ended").touch()
    return result


def trial_that_hangs_once(folder, number, hanging, **settings):
    """The same, but the first process that is given the number hanging never comes to an end with it."""
    if number == hanging and not list(Path(folder).glob("*.hanging")):
        (Path(folder) / f"{number}-{os.getpid()}.hanging").touch()
        while True:
            time.sleep(0.1)
    return trial(folder, number, **settings)


def blas_threads_and_loads(**settings):
    """(BLAS threads of this process, how often it has loaded MNIST) after a trial."""
    tuning.try_settings(**settings)
    blas = {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}
    return blas, tuning.shared_mnist.cache_info().misses
