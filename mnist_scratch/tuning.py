"""Hyperparameter tuning: one trial, and a sweep of trials on any executor. Used in notebook 07."""

import signal
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Event, current_thread, local, main_thread

import numpy as np

from . import checks
from .data import load_mnist
from .network import Network
from .optimizers import SGD
from .threads import blas_threads
from .training import fit


@dataclass(frozen=True)
class Trial:
    """One setting and what came of it.

    Attributes
    ----------
    settings : dict
        The arguments of `try_settings`.
    train_accuracy, validation_accuracy : float
        Fractions from 0 to 1.
    stopped : str
        Why training stopped early, in a sentence; empty if it did not.
    """

    settings: dict
    train_accuracy: float
    validation_accuracy: float
    stopped: str = ""


@lru_cache(maxsize=1)
def shared_mnist():
    """MNIST, loaded once in each process and shared by all its trials."""
    return load_mnist()


@blas_threads(work=0)  # one, so that a trial comes out the same, to the last bit, wherever it runs
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
    """Train one network on the first n_train training images.

    It takes one BLAS thread: what runs side by side in a sweep is its trials.

    Parameters
    ----------
    sizes, activation, dtype
        As in `Network`.
    learning_rate, momentum
        As in `SGD`.
    weight_decay, batch_size, epochs
        As in `fit`.
    n_train, n_validation : int
        How many of the 50,000 training and the 10,000 validation images to use.
    seed : int
        Sets the initial weights and the order of the examples: the same arguments give the same Trial.

    Returns
    -------
    Trial

    Raises
    ------
    TypeError, ValueError
        As `Network`, `SGD` and `fit` do.
    KeyboardInterrupt
        If the stop button was pressed: half a training is no result.
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
        on_epoch=lambda _: _thread.stop.is_set(),
    )
    if history.stopped and not history.diverged:  # a half-trained network would look like a bad setting
        raise KeyboardInterrupt
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverged may have left any weights
        accuracies = [net.accuracy(data.images, data.labels) for data in (train, validation)]
    return Trial(settings, *accuracies, history.stopped)


class _Thread(local):
    """Tells a trial in a sweep's thread to stop: the Event is set when the stop button is pressed."""

    stop = Event()


_thread = _Thread()


def sweep(configurations, executor=None, run=try_settings):
    """Run every configuration.

    Parameters
    ----------
    configurations : iterable of dict
        The arguments of each run, by name.
    executor : concurrent.futures.Executor, optional
        Such as a ProcessPoolExecutor or a cluster's; by default one run follows the other in this process.
    run : callable
        A process pool needs one that can be imported by name, as try_settings can: a function of your own belongs in a
        .py file, because another process cannot see a notebook's cells.

    Returns
    -------
    list
        What run returned for each configuration, in their order; None for each that the stop button cut off.

    Raises
    ------
    Exception
        The first one raised in a run; runs that have not begun are canceled.

    Notes
    -----
    Each run has one BLAS thread, so that it comes out the same on every executor, to the last bit.

    The stop button (KeyboardInterrupt) ends the sweep and loses nothing that is finished; runs that have not begun are
    canceled. A ProcessPoolExecutor is shut down together with what runs in it, so make a new one for the next sweep.
    Threads cannot be interrupted: there, try_settings ends with its epoch. Any other run in a thread, and what a
    cluster has begun, goes on to its end.
    """
    checks.function("run", run)
    for configuration in (configurations := checks.sequence("configurations", configurations)):
        if not isinstance(configuration, dict):
            raise TypeError(f"configurations must be dictionaries of arguments, not {configuration!r}")
    if executor is not None:
        checks.like("executor", executor, "submit", "a concurrent.futures.Executor")
    results = []
    try:
        if executor is None:
            with _noticing_interrupts() as pressed, blas_threads(work=0):
                for configuration in configurations:
                    result = run(**configuration)
                    if pressed:  # `fit` has handled it and returned; what run made of that is no result
                        raise KeyboardInterrupt
                    results.append(result)
            return results
        return _sweep_on(executor, run, configurations, results)
    except KeyboardInterrupt:
        results += [None] * (len(configurations) - len(results))
        finished = sum(result is not None for result in results)
        print(f"interrupted: {finished} of {len(results)} trials are finished; None stands for the others.")
        return results


def _sweep_on(executor, run, configurations, results):
    """The results from an executor; after the stop button, `results` has those that are finished."""
    futures, stop = [], Event()
    run = partial(_in_thread, run, stop) if isinstance(executor, ThreadPoolExecutor) else partial(_elsewhere, run)
    processes = isinstance(executor, ProcessPoolExecutor)
    try:
        with blas_threads(work=0):  # held over all trials of an executor of threads
            with _workers_ignore_interrupts() if processes else nullcontext():
                for configuration in configurations:
                    futures.append(executor.submit(run, **configuration))
            ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future in ended:
                    future.result()  # raises what went wrong, without waiting for the trials before it
            return [future.result() for future in futures]
    except KeyboardInterrupt:
        results += [future.result() if _succeeded(future) else None for future in futures]
        if processes:
            _terminate(executor)
        raise
    finally:
        stop.set()
        for future in futures:
            future.cancel()


def _in_thread(run, stop, /, **configuration):
    _thread.stop = stop
    try:
        return run(**configuration)
    finally:
        del _thread.stop  # the thread may serve others next


def _elsewhere(run, /, **configuration):
    with blas_threads(work=0):
        return run(**configuration)


def _succeeded(future):
    return future.done() and not future.cancelled() and future.exception() is None


def _terminate(executor):
    """Shut a process pool down with all that runs in it; leaving it would otherwise wait for trials nobody wants."""
    for process in list((getattr(executor, "_processes", None) or {}).values()):  # in public from Python 3.14 on
        process.terminate()
    executor.shutdown(cancel_futures=True)


@contextmanager
def _workers_ignore_interrupts():
    """Jupyter and terminals send Ctrl-C to worker processes, too; an idle one would die of it, with a traceback.

    A pool that was used before already has its workers, and these stay as they are.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows does not, and a web page has no processes
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # processes started now inherit this
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # a Ctrl-C that came meanwhile is delivered here


@contextmanager
def _noticing_interrupts():
    """A list that is empty until the stop button is pressed, however the interrupted code handles it."""
    pressed, before = [], signal.getsignal(signal.SIGINT)

    def press(*arguments):
        pressed.append(True)
        before(*arguments)

    in_charge = callable(before) and current_thread() is main_thread()  # only the main thread receives signals
    if in_charge:
        signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        if in_charge:
            signal.signal(signal.SIGINT, before)
