"""tuning: a trial against the same run by hand; sweeps on several executors, and what is left when they stop."""

import multiprocessing
import re
import signal
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Event, Timer, main_thread

import numpy as np
import pytest
import threadpoolctl

from mnist_scratch import SGD, Network, fit, tuning
from mnist_scratch.tuning import mcnemar, paired_difference, sweep, try_settings, wilson_interval

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds until what should happen counts as not happening
THREADS = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows has no signals for a thread")
SMALL = {"sizes": (784, 8, 10), "epochs": 1, "n_train": 300, "n_validation": 200}
CONFIGURATIONS = [SMALL | {"learning_rate": rate, "seed": seed} for rate, seed in [(0.3, 1), (0.01, 0), (0.1, 2)]]


def test_a_trial_is_the_run_written_out(mnist):
    changed = {"learning_rate": 0.2, "momentum": 0.5, "weight_decay": 0.01, "batch_size": 32, "seed": 3}
    trial = try_settings(**SMALL, **changed, activation="tanh")
    net = Network([784, 8, 10], "tanh", seed=3, dtype="float64")
    train, validation = mnist.train[:300], mnist.validation[:200]
    optimizer = SGD(0.2, momentum=0.5)
    fit(net, train, epochs=1, batch_size=32, optimizer=optimizer, weight_decay=0.01, seed=3, progress=False)
    assert trial.train_accuracy == np.mean(net.predict(train.images) == train.labels)
    assert trial.validation_accuracy == np.mean(net.predict(validation.images) == validation.labels)
    assert trial.settings["learning_rate"] == 0.2 and trial.settings["n_validation"] == 200 and trial.stopped == ""
    assert trial == try_settings(**SMALL, **changed, activation="tanh")
    assert try_settings(**SMALL, learning_rate=1e300, weight_decay=0.1).stopped.startswith("diverged in epoch 1")


def test_sweeps_keep_the_order_on_any_executor():
    serial = sweep(CONFIGURATIONS)
    assert [(t.settings["learning_rate"], t.settings["seed"]) for t in serial] == [(0.3, 1), (0.01, 0), (0.1, 2)]
    with ThreadPoolExecutor(2) as pool:
        assert sweep(CONFIGURATIONS, pool) == serial
    with ProcessPoolExecutor(1) as pool:
        assert sweep(CONFIGURATIONS[:2], pool) == serial[:2]


def numbers_of_blas_threads(**_):
    return {lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"}


def two_threads():
    threadpoolctl.threadpool_limits(2, user_api="blas")


def test_any_run_has_one_blas_thread_on_every_executor():
    spawn = multiprocessing.get_context("spawn")  # as on Windows and macOS: nothing is inherited from this process
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert numbers_of_blas_threads() == {2}
        assert sweep([{}, {}], run=numbers_of_blas_threads) == [{1}, {1}]
        with ThreadPoolExecutor(2) as pool:
            assert sweep([{}, {}], pool, run=numbers_of_blas_threads) == [{1}, {1}]
        with ProcessPoolExecutor(1, spawn, initializer=two_threads) as pool:
            assert sweep([{}], pool, run=numbers_of_blas_threads) == [{1}]
        assert numbers_of_blas_threads() == {2}


def test_a_trial_trains_and_measures_with_one_blas_thread(monkeypatch):
    seen = set()

    class Watched(Network):
        def _forward_pass(self, X):
            seen.update(numbers_of_blas_threads())
            return super()._forward_pass(X)

    monkeypatch.setattr(tuning, "Network", Watched)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        # so large a step that fit alone would take all threads
        try_settings(sizes=(784, 128, 10), batch_size=1000, n_train=1000, n_validation=100, epochs=1)
        assert seen == {1} and numbers_of_blas_threads() == {2}


def take(run, stop):
    return run + stop


def test_a_configuration_may_have_any_names():
    for executor in (None, ThreadPoolExecutor(1), ProcessPoolExecutor(1)):
        with executor or nullcontext():
            assert sweep([{"run": 1, "stop": 2}], executor, run=take) == [3]


def test_an_error_is_raised_at_once_and_no_further_trial_begins():
    """Also while trials before it still run; and the pool serves others as before."""
    seen, go_on = [], Event()

    def run(x):
        seen.append(x)
        if x == 1:
            raise ZeroDivisionError
        assert go_on.wait(PATIENCE)

    with pytest.raises(ValueError, match="learning_rate"):
        sweep([SMALL, SMALL | {"learning_rate": -1}])
    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(ZeroDivisionError):
            sweep([{"x": x} for x in range(12)], pool, run=run)
        go_on.set()
        assert len(seen) <= 4
        assert pool.submit(try_settings, **SMALL).result(PATIENCE) == try_settings(**SMALL)


@pytest.fixture
def ctrl_c():
    """Ctrl-C ends what runs, also where the tests themselves run in the background and ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_a_trial_that_is_stopped_has_no_result(ctrl_c, monkeypatch):
    monkeypatch.setattr(SGD, "step", lambda *_: ctrl_c())
    with pytest.raises(KeyboardInterrupt):
        try_settings(**SMALL)
    assert sweep(CONFIGURATIONS) == [None] * 3


@pytest.mark.parametrize("swallows", [True, False])
def test_a_stopped_sweep_keeps_what_is_finished(ctrl_c, capsys, swallows):
    """A run of one's own calls `fit`, which answers the stop button itself and returns."""
    seen = []

    def run(x):
        seen.append(x)
        with suppress(KeyboardInterrupt if swallows else ZeroDivisionError):
            if x == 2:
                ctrl_c()
        return 10 * x

    assert sweep(({"x": x} for x in range(5)), run=run) == [0, 10, None, None, None]
    assert seen == [0, 1, 2] and "2 of 5 trials are finished" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert sweep([{"x": 3}], run=run) == [30]


@THREADS
def test_a_stopped_sweep_in_threads_keeps_what_is_finished_and_begins_nothing_more(ctrl_c):
    seen, go_on = [], Event()

    def run(x):
        seen.append(x)
        if x == 1:
            Timer(0.1, lambda: signal.pthread_kill(main_thread().ident, signal.SIGINT)).start()
            go_on.wait(PATIENCE)
        return 10 * x

    with ThreadPoolExecutor(1) as pool:
        results = sweep([{"x": x} for x in range(5)], pool, run=run)
        go_on.set()
        assert pool.submit(int, "7").result() == 7
    assert results == [0, None, None, None, None] and seen == [0, 1]


@THREADS
def test_a_trial_in_a_thread_ends_with_its_epoch_when_the_sweep_is_stopped(ctrl_c):
    """Python cannot interrupt a thread: the trial has to look for itself."""
    ended = []

    def run(**settings):
        with suppress(KeyboardInterrupt):
            ended.append(try_settings(**settings))

    with ThreadPoolExecutor(1) as pool:
        Timer(0.3, lambda: signal.pthread_kill(main_thread().ident, signal.SIGINT)).start()
        assert sweep([SMALL | {"epochs": 2_000}], pool, run=run) == [None]
    assert ended == []


def test_the_stop_button_is_heard_by_an_executor_that_works_inside_submit(ctrl_c):
    class AtOnce:
        def submit(self, function, /, *arguments, **settings):
            future = Future()
            future.set_result(function(*arguments, **settings))
            return future

    def run(x):
        if x == 1:
            ctrl_c()
        return x

    assert sweep([{"x": x} for x in range(4)], AtOnce(), run=run) == [0, None, None, None]


@pytest.mark.parametrize(
    ("right", "n", "published"),  # R. Newcombe, Statistics in Medicine 17, 1998, table I: score method
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilsons_interval_is_the_published_one(right, n, published):
    assert wilson_interval(right / n, n) == pytest.approx(published, abs=5e-5)
    low, high = wilson_interval(np.array([right / n, 1 - right / n]), np.array([n, n]))
    assert low == pytest.approx([published[0], 1 - published[1]], abs=5e-5)
    assert high == pytest.approx([published[1], 1 - published[0]], abs=5e-5)


def test_wilsons_interval_holds_an_accuracy_of_zero_or_one():
    for n in range(1, 200):
        assert wilson_interval(0.0, n)[0] == 0 and wilson_interval(1.0, n)[1] == 1


def right_answers(both, only_a, only_b, neither):
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def test_two_networks_on_the_same_images_are_compared_image_by_image():
    # A. Agresti, Categorical Data Analysis: approval of a prime minister, asked twice; 0.04, standard error 0.0095
    a, b = right_answers(794, 150, 86, 570)
    difference, half_width = paired_difference(a, b)
    assert difference == pytest.approx(0.04) and half_width / 1.96 == pytest.approx(0.0095, abs=5e-5)
    assert paired_difference(b, a) == (-difference, half_width)
    assert paired_difference(a, a) == (0, 0)


@pytest.mark.parametrize(("only_a", "only_b", "p"), [(0, 5, 2 / 32), (5, 1, 14 / 64), (3, 3, 1), (0, 0, 1), (0, 1, 1)])
def test_mcnemar_counts_the_throws_of_a_fair_coin(only_a, only_b, p):
    assert mcnemar(*right_answers(10, only_a, only_b, 2)) == p


def test_mcnemar_takes_a_whole_test_set():
    assert mcnemar(*right_answers(0, 5000, 5000, 0)) == 1
    assert 0 < mcnemar(*right_answers(0, 5200, 4800, 0)) < 1e-4


def test_the_page_about_clusters_keeps_trials_as_they_come(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    [code] = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def kept" in block]
    exec(code, module := {})
    first = sweep(CONFIGURATIONS, run=module["kept"])
    assert first == sweep(CONFIGURATIONS) and len(list(tmp_path.glob("trials/*"))) == 3
    module["try_settings"] = None  # nothing is trained any more
    again = sweep(CONFIGURATIONS, run=module["kept"])
    assert [trial.validation_accuracy for trial in again] == [trial.validation_accuracy for trial in first]
