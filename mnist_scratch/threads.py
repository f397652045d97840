"""How many threads the arithmetic takes. Nothing here changes what is computed, only how long it takes."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from functools import lru_cache
from threading import RLock


def blas_threads(work, threads=None):
    """Return a context with so many BLAS threads; None chooses by the work in a step: one below 1e8, all from there on.

    Two threads win over one from about 5e6, but wait for each other in every product: where another program wants the
    processor too, as on a server that a class shares, a step of less than 1e8 then takes many times as long. The count
    holds for the whole process: when runs overlap in several Python threads, the first one sets it, and the others
    take it as it is.

    Parameters
    ----------
    work : float
        Examples per step times parameters.
    threads : int, optional
        How many, whatever the work.
    """
    if threads is None and work < 1e8:
        threads = 1
    return nullcontext() if threads is None else _process_limit(threads)


_turn = RLock()


def _new_turn():
    global _turn
    _turn = RLock()


if hasattr(os, "register_at_fork"):  # in a child, the thread that has the lock does not exist
    os.register_at_fork(after_in_child=_new_turn)


@contextmanager
def _process_limit(threads):
    if not _turn.acquire(blocking=False):  # another thread has it; two would undo each other's
        yield
        return
    before = _threadpool().limit()  # changes nothing, and remembers all
    before.__enter__()  # threadpoolctl lets only one thread change the count until it has left
    try:
        _threadpool().limit(limits=threads, user_api="blas")
        yield
    finally:
        try:
            _restore(before)
        finally:
            _turn.release()


def _restore(before):
    try:
        before.__exit__(None, None, None)
    except KeyboardInterrupt:  # the stop button is no reason to leave the counts as they are
        _restore(before)
        raise


@lru_cache(maxsize=1)
def _threadpool():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looking the libraries up takes milliseconds, so it is done once


def available():
    """How many threads a matrix product may take now: as many as there are processors, or what a limit allows."""
    return max((library["num_threads"] for library in _threadpool().info() if library["user_api"] == "blas"), default=1)


_CHUNK = 2000  # rows at a time: little memory, and much of it inside the cache


def spread(function, m, threads=1):
    """The results of a function for all of m rows, a slice of some thousands at a time, in order, in so many threads.

    For functions that spend their time in NumPy, which lets other threads run meanwhile. Where there are several, each
    of them takes one BLAS thread, and has the np.errstate of the caller.
    """
    slices = [slice(start, start + _CHUNK) for start in range(0, m, _CHUNK)]
    if min(threads, len(slices)) < 2 or sys.platform == "emscripten":
        return [function(rows) for rows in slices]
    contexts = [copy_context() for _ in slices]  # each can be entered by one thread at a time
    with blas_threads(0), ThreadPoolExecutor(min(threads, len(slices))) as pool:
        return list(pool.map(lambda rows, context: context.run(function, rows), slices, contexts))
