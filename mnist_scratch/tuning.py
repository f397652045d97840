"""Hyperparameter tuning: one trial, a sweep of trials on any executor, and what its accuracies are worth.

Notebook 07 builds `wilson_interval` and `paired_difference` in the open and uses the rest.
"""

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


def wilson_interval(p, n):
    """Wilson's 95 % confidence interval of an accuracy: near 0 and 1 far more reliable than ± 1.96 standard deviations.

    Parameters
    ----------
    p : float or array
        Measured accuracies, as fractions from 0 to 1.
    n : int or array of int
        How many images each was measured on.

    Returns
    -------
    low, high : float or array
        Fractions from 0 to 1, in the shape that p and n have together.

    Raises
    ------
    ValueError
        If an accuracy is no fraction from 0 to 1, or n is not a whole number above 0.

    Notes
    -----
    It holds each accuracy q from which p lies at most 1.96 standard deviations away, with √(q(1 − q)/n) as the standard
    deviation: that of q, and not of p (E. B. Wilson, *Probable inference, the law of succession, and statistical
    inference*, JASA 22, 1927). It contains the true accuracy in about 94 to 96 of 100 cases where five mistakes or more
    are to be expected; with about one expected mistake it may be 92, and with fewer 84.
    """
    p, n = checks.array("p", p, "iuf"), checks.array("n", n, "iu")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p must be a fraction from 0 to 1, or an array of them, not {checks.short(p.tolist())}")
    if not (n >= 1).all():
        raise ValueError(f"n must be 1 or more, not {checks.short(n.tolist())}")
    squared = 1.96**2 / n
    center = (p + squared / 2) / (1 + squared)
    half = np.sqrt(squared * (p * (1 - p) + squared / 4)) / (1 + squared)
    low, high = np.where(p == 0, 0.0, center - half), np.where(p == 1, 1.0, center + half)  # exactly, not nearly
    return low[()], high[()]


def paired_difference(correct_a, correct_b):
    """The difference of two accuracies on the same images, with the half-width of its 95 % confidence interval.

    Parameters
    ----------
    correct_a, correct_b : array of bool, (n,)
        Which images each network reads correctly, such as ``net.predict(X) == y``.

    Returns
    -------
    difference, half_width : float
        Accuracy of a less that of b, and half the width of its interval, as fractions.

    Raises
    ------
    ValueError
        If they are not arrays of True and False, one for each of the same images.

    Notes
    -----
    Images that both read correctly, or neither, cancel. What is left scatters by the n images' differences of −1, 0
    and 1, so the half-width is 1.96 s/√n with their standard deviation s. Where fewer than about ten images tell the
    two apart, ask `mcnemar` instead.
    """
    correct_a, correct_b = _same_images(correct_a, correct_b)
    differences = correct_a.astype(float) - correct_b
    return float(differences.mean()), float(1.96 * differences.std() / np.sqrt(len(differences)))


def mcnemar(correct_a, correct_b):
    """How likely luck alone makes two networks differ at least as much as these, on the same images.

    Parameters
    ----------
    correct_a, correct_b : array of bool, (n,)
        As in `paired_difference`.

    Returns
    -------
    float
        The two-sided p-value, from 0 to 1.

    Raises
    ------
    ValueError
        As in `paired_difference`.

    Notes
    -----
    Only those images count that one of the two reads correctly and the other does not. If neither is better, each of
    them falls to either side like a fair coin, so the binomial distribution gives the answer exactly (Q. McNemar, *Note
    on the sampling error of the difference between correlated proportions or percentages*, Psychometrika 12, 1947).
    """
    correct_a, correct_b = _same_images(correct_a, correct_b)
    sides = int(np.sum(correct_a & ~correct_b)), int(np.sum(correct_b & ~correct_a))
    ways, lopsided = 1, 0  # n over k, and the sum of them so far: whole numbers, so that nothing is rounded
    for k in range(min(sides) + 1):
        lopsided += ways
        ways = ways * (sum(sides) - k) // (k + 1)
    return min(1.0, 2 * lopsided / 2 ** sum(sides))


def _same_images(correct_a, correct_b):
    """The two arrays of truth values, checked."""
    both = {
        "correct_a": checks.array("correct_a", correct_a, None),
        "correct_b": checks.array("correct_b", correct_b, None),
    }
    for name, correct in both.items():
        if correct.dtype != bool or correct.ndim != 1 or not correct.size:
            raise ValueError(f"{name} must be True or False for each image, such as net.predict(X) == y")
    a, b = both.values()
    if len(a) != len(b):
        raise ValueError(f"correct_a and correct_b must be about the same images, not {len(a):,} and {len(b):,}")
    return a, b


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
