"""threads: small steps are computed by one thread of BLAS, and afterward all is as it was."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import threadpoolctl

from mnist_scratch import Dataset, Network, fit
from mnist_scratch import threads as threads_module
from mnist_scratch.threads import blas_threads, spread

rng = np.random.default_rng(0)
DATA = Dataset(rng.standard_normal((23, 5)), rng.integers(0, 3, 23))


def limited():
    with blas_threads(0):
        return set(counts())


def run(**settings):
    return fit(Network([5, 4, 3]), DATA, **({"epochs": 3, "batch_size": 5, "progress": False} | settings))


def counts():
    return [lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]


@pytest.fixture
def two_threads():
    """Two threads to start from, whatever the machine or OPENBLAS_NUM_THREADS says; and two there are at the end."""
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if set(counts()) != {2}:
            pytest.skip("this BLAS cannot be told how many threads to use")
        yield
        assert set(counts()) == {2}


FROM_TWO = pytest.mark.usefixtures("two_threads")


@FROM_TWO
@pytest.mark.parametrize(
    "work, threads, expected",
    [(1, None, 1), (1e8 - 1, None, 1), (1e8, None, 2), (1e12, None, 2), (1, 2, 2), (1e8, 1, 1), (1e12, 3, 3)],
)
def test_small_steps_take_one_thread_unless_told_otherwise(work, threads, expected):
    with blas_threads(work, threads):
        assert set(counts()) == {expected}


@FROM_TWO
@pytest.mark.parametrize("threads", [1, 3])
def test_fit_takes_as_many_threads_as_it_is_told(threads):
    seen = []
    run(threads=threads, on_epoch=lambda history: seen.append(set(counts())))
    assert seen == [{threads}] * 3


def test_the_count_is_set_from_any_thread_and_nested():
    """JupyterLab lets the callbacks of widgets run in a thread of their own."""
    limited()  # in this thread, which must leave it to others
    before = counts()

    def inside():
        with blas_threads(1, 3):
            three = set(counts())
            with blas_threads(1, 1):
                return three, set(counts())

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside).result() == ({3}, {1})
    assert counts() == before


@FROM_TWO
@pytest.mark.parametrize("first_out", [0, 1])
def test_runs_that_overlap_do_not_undo_each_others_limit(first_out):
    """They overlap for certain: each waits for the other in its first epoch; either may end first."""
    both, done = threading.Barrier(2, timeout=60), threading.Event()

    def overlapping(i):
        def on_epoch(history):
            if history.epochs == 1:
                both.wait()
                if i != first_out:
                    assert done.wait(60)

        history = run(on_epoch=on_epoch, seed=i)
        if i == first_out:
            done.set()
        return history

    with ThreadPoolExecutor(2) as pool:
        assert [history.epochs for history in pool.map(overlapping, range(2))] == [3, 3]


@FROM_TWO
def test_the_stop_button_while_the_count_is_given_back(monkeypatch):
    presses, real = iter([True, False]), threadpoolctl._ThreadpoolLimiter.restore_original_limits

    def restore(limiter):
        if next(presses):
            raise KeyboardInterrupt
        real(limiter)

    with monkeypatch.context() as patch:
        patch.setattr(threadpoolctl._ThreadpoolLimiter, "restore_original_limits", restore)
        with pytest.raises(KeyboardInterrupt), blas_threads(0):
            assert set(counts()) == {1}
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(threads_module._turn.acquire, blocking=False).result(), "another thread's turn never comes"
        pool.submit(threads_module._turn.release).result()


@FROM_TWO
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_sets_the_count_though_a_thread_of_its_parent_has_it():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(threads_module._turn.acquire, timeout=5).result()
        with get_context("fork").Pool(1) as child:
            assert child.apply(limited) == {1}
        pool.submit(threads_module._turn.release).result()


@FROM_TWO
@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("m", [1, 2000, 5003])
def test_rows_are_gone_through_in_order_each_piece_with_one_blas_thread(threads, m):
    found = spread(lambda rows: (list(range(m)[rows]), set(counts())), m, threads)
    assert [i for rows, _ in found for i in rows] == list(range(m))
    assert len(found) == 1 or max(len(rows) for rows, _ in found) <= 2000
    if min(threads, len(found)) > 1:
        assert all(inside == {1} for _, inside in found)
    with pytest.raises(ZeroDivisionError):
        spread(lambda rows: 1 / 0, m, threads)


def test_the_callers_errstate_holds_in_every_thread(recwarn):
    """NumPy's warnings of a loss that overflows would only point into this package."""
    huge = np.full(5000, 3e38, np.float32)
    with np.errstate(over="ignore"):
        assert np.isinf(np.concatenate(spread(lambda rows: huge[rows] * 10, len(huge), threads=2))).all()
    assert not recwarn.list
