"""Sweeps on a real Dask cluster: a scheduler and several worker processes, which meet through loopback sockets.

`make test TESTS=tests/cluster` runs them. It is started by the commands that docs/cluster.md names.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import psutil  # comes with Dask
import pytest
import trials
from distributed import Client

from mnist_scratch.tuning import sweep

WORKERS = 3
PATIENCE = 120  # seconds until what should happen counts as not happening
SMALL = {"sizes": (784, 16, 10), "epochs": 1, "n_train": 500, "n_validation": 1000}
CONFIGURATIONS = [SMALL | {"learning_rate": rate, "seed": seed} for rate in (0.3, 0.1, 0.03) for seed in range(4)]


def wait_until(condition, what):
    """AssertionError when it does not become true."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"this did not happen: {what}"
        time.sleep(0.02)


def answers(port):
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A client of a cluster of WORKERS processes; a worker that is killed is started again, as on a real one."""
    folder = tmp_path_factory.mktemp("dask")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ["PYTHONPATH"]])}
    commands = [
        ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--dashboard-address", "127.0.0.1:0"],
        ["worker", f"tcp://127.0.0.1:{port}", "--host", "127.0.0.1", "--nworkers", str(WORKERS), "--nthreads", "1"]
        + ["--local-directory", str(folder), "--dashboard-address", "127.0.0.1:0"],
    ]
    with open(folder / "log", "w", encoding="utf-8") as log:
        processes = [
            subprocess.Popen([sys.executable, "-m", "dask", *command], env=environment, stdout=log, stderr=log)
            for command in commands
        ]
        try:
            wait_until(lambda: answers(port) or processes[0].poll() is not None, "the scheduler answered")
            assert processes[0].poll() is None, (folder / "log").read_text(encoding="utf-8")
            with Client(f"tcp://127.0.0.1:{port}", timeout=PATIENCE) as client:
                client.wait_for_workers(WORKERS, timeout=PATIENCE)
                yield client
        finally:
            for process in processes:  # and the workers under them
                for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                    one.kill()
                process.wait(PATIENCE)


@pytest.fixture(scope="module")
def one_by_one():
    """The same trials in this process: what every executor must give, to the last bit."""
    return sweep(CONFIGURATIONS)


def test_every_executor_gives_the_same_to_the_bit(cluster, one_by_one):
    assert len({(trial.train_accuracy, trial.validation_accuracy) for trial in one_by_one}) > len(one_by_one) / 2
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2) as processes:
        results = [sweep(CONFIGURATIONS, executor) for executor in (threads, processes, cluster.get_executor())]
    assert [result == one_by_one for result in results] == [True, True, True]


def test_the_work_is_spread_over_the_workers(cluster, tmp_path):
    tasks = [{"folder": str(tmp_path), "number": n} | settings for n, settings in enumerate(CONFIGURATIONS)]
    sweep(tasks, cluster.get_executor(), run=trials.trial)
    processes = {mark.stem.split("-")[1] for mark in tmp_path.glob("*.ended")}
    assert len(processes) == WORKERS and str(os.getpid()) not in processes


def test_a_worker_has_one_blas_thread_and_loads_mnist_once(cluster):
    found = sweep(CONFIGURATIONS, cluster.get_executor(), run=trials.blas_threads_and_loads)
    assert set(map(str, found)) == {"({1}, 1)"}


def test_a_task_is_small_because_mnist_is_not_in_it(cluster):
    from distributed.protocol.pickle import dumps

    executor, sizes = cluster.get_executor(), []

    class Weighing:
        def submit(self, *task, **settings):
            sizes.append(len(dumps((task, settings))))
            return executor.submit(*task, **settings)

    sweep(CONFIGURATIONS, Weighing())
    assert len(sizes) == len(CONFIGURATIONS) and max(sizes) < 400


def test_a_function_of_a_notebook_will_do(cluster):
    exec("def add(a, b):\n    return a + b", cell := {"__name__": "__main__"})  # which no worker can import
    assert sweep([{"a": n, "b": 1} for n in range(5)], cluster.get_executor(), run=cell["add"]) == [1, 2, 3, 4, 5]


def test_an_error_in_a_trial_is_raised(cluster):
    with pytest.raises(ValueError, match="learning_rate"):
        sweep([SMALL, SMALL | {"learning_rate": -1}], cluster.get_executor())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9")
@pytest.mark.parametrize("kills", [1, 2])
def test_no_result_is_lost_when_a_worker_is_killed(cluster, one_by_one, tmp_path, kills):
    """Killed while it works, and after it has ended other trials; twice, the worker that got its work is killed too."""
    hanging = len(CONFIGURATIONS) - 1
    tasks = [
        {"folder": str(tmp_path), "number": n, "hanging": hanging} | settings
        for n, settings in enumerate(CONFIGURATIONS)
    ]
    results = []
    sweeping = threading.Thread(
        target=lambda: results.append(sweep(tasks, cluster.get_executor(), run=trials.trial_that_hangs_once)),
        daemon=True,
    )
    cluster.wait_for_workers(WORKERS, timeout=PATIENCE)
    sweeping.start()
    killed = set()
    for _ in range(kills):
        wait_until(lambda: list(tmp_path.glob("*.hanging")), "a worker began with the trial that hangs")
        [mark] = tmp_path.glob("*.hanging")
        worker = int(mark.stem.split("-")[1])
        if not killed:
            wait_until(lambda worker=worker: list(tmp_path.glob(f"*-{worker}.ended")), "it had ended a trial before")
        assert not results
        if len(killed) < kills - 1:
            mark.unlink()  # so that the next one hangs as well
        os.kill(worker, signal.SIGKILL)
        killed.add(worker)
    sweeping.join(PATIENCE)
    assert results == [one_by_one]
    done = {mark.stem.split("-")[0] for mark in tmp_path.glob("*.ended")}
    assert done == {str(n) for n in range(len(CONFIGURATIONS))}
    [last] = tmp_path.glob(f"{hanging}-*.ended")
    assert int(last.stem.split("-")[1]) not in killed and len(killed) == kills
