"""Making do inside a web page: work for threads and processes is done at once, in a word."""

import subprocess
import sys
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from mnist_scratch import browser
from mnist_scratch.tuning import sweep


@pytest.fixture(params=[ThreadPoolExecutor, ProcessPoolExecutor])
def pool(request):
    """An executor's class, made to do its work at once, without harm to the real one."""
    made = type("Pool", (request.param,), {})
    browser.run_at_once(made, "threads")
    return made


def test_the_work_is_done_in_the_callers_thread_and_in_order(pool, capsys):
    done = []
    with pool(2) as executor:
        assert isinstance(executor, Executor)
        future = executor.submit(done.append, "first")
        assert done == ["first"] and future.done() and future.result() is None
        assert list(executor.map(pow, [2, 3], [3, 2])) == [8, 9]
    assert (
        capsys.readouterr().out
        == "There are no threads in a browser: the work is done here, one piece after the other.\n"
    )


def test_what_prepares_a_worker_is_done_once(pool):
    done = []
    with pool(2, initializer=done.append, initargs=("ready",)) as executor:
        executor.submit(abs, -1)
        assert list(executor.map(abs, [1, -2])) == [1, 2]
    assert done == ["ready"]


def test_an_exception_is_raised_where_the_result_is_asked_for(pool):
    with pool() as executor:
        futures = executor.submit(int, "ten"), executor.submit(lambda: 1 / 0)
    for future, error in zip(futures, (ValueError, ZeroDivisionError), strict=True):
        with pytest.raises(error):
            future.result()


def test_a_sweep_gives_the_same_as_without_an_executor(pool):
    configurations = [{"x": x} for x in range(3)]
    with pool(max_workers=2) as executor:
        assert sweep(configurations, executor, run=square) == sweep(configurations, run=square) == [0, 1, 4]


def square(x):
    return x * x


IN_A_PAGE = """
import sys, threading, numpy, tqdm
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor  # before the package, as a notebook may

def start(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = start
sys.platform = sys.argv[1]
import mnist_scratch
for pool in (ThreadPoolExecutor, ProcessPoolExecutor):
    with pool(2) as executor:
        print(executor.submit(abs, -1).result())
if sys.platform == "emscripten":  # as threadpoolctl there
    import warnings
    warnings.warn("JsProxy.as_object_map is an old way", RuntimeWarning)
with tqdm.tqdm(total=2, file=sys.stdout, disable=False) as bar:
    bar.update()
"""


def in_a_page(platform):
    return subprocess.run([sys.executable, "-W", "error", "-c", IN_A_PAGE, platform], capture_output=True, text=True)


def test_in_a_page_executors_and_progress_bars_need_no_thread():
    run = in_a_page("emscripten")
    assert run.returncode == 0 and run.stderr == "", run.stderr
    assert run.stdout.splitlines()[:6] == [
        "Python runs inside this page, without fast matrix products: to train takes ten times as long, or more.",
        "The stop button does nothing here: choose Kernel → Restart Kernel, and run the cells again from the top.",
        "There are no threads in a browser: the work is done here, one piece after the other.",
        "1",
        "There are no processes in a browser: the work is done here, one piece after the other.",
        "1",
    ]


def test_anywhere_else_nothing_is_changed():
    run = in_a_page("linux")
    assert "can't start new thread" in run.stderr and run.stdout == ""
