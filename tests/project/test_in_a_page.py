"""Making do inside a web page: work for threads and processes is done at once, in a word; and the stop button."""

import asyncio
import subprocess
import sys
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from signal import SIGINT
from unittest.mock import MagicMock

import pytest

from mnist_scratch import browser
from mnist_scratch.tuning import sweep


@pytest.fixture(params=[ThreadPoolExecutor, ProcessPoolExecutor])
def pool(request):
    """An executor's class, made to do its work at once, without harm to the real one."""
    made = type("Pool", (request.param,), {})
    browser.run_at_once(made, "threads")
    return made


def test_the_work_is_done_at_once_in_order_and_announced(pool, capsys):
    done = []
    with pool(2, initializer=done.append, initargs=("ready",)) as executor:
        assert isinstance(executor, Executor)
        future = executor.submit(done.append, "first")
        assert done == ["ready", "first"] and future.done() and future.result() is None
        assert list(executor.map(pow, [2, 3], [3, 2])) == [8, 9]
        configurations = [{"x": x} for x in range(3)]
        assert sweep(configurations, executor, run=lambda x: x * x) == [0, 1, 4]
    assert done == ["ready", "first"] and "There are no threads in a browser" in capsys.readouterr().out


def test_an_exception_is_raised_where_the_result_is_asked_for(pool):
    with pool() as executor:
        futures = executor.submit(int, "ten"), executor.submit(lambda: 1 / 0)
    for future, error in zip(futures, (ValueError, ZeroDivisionError), strict=True):
        with pytest.raises(error):
            future.result()


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


@pytest.mark.parametrize("platform", ["emscripten", "linux"])
def test_executors_and_progress_bars_need_no_thread_in_a_page_and_are_as_ever_elsewhere(platform):
    command = [sys.executable, "-W", "error", "-c", IN_A_PAGE, platform]
    run = subprocess.run(command, capture_output=True, text=True)
    if platform == "linux":
        assert "can't start new thread" in run.stderr and run.stdout == ""
    else:
        assert run.returncode == 0 and run.stderr == "", run.stderr
        words, _, done = run.stdout.partition("There are no threads")
        assert "inside this page" in words and "Restart Kernel" in words
        lines = done.splitlines()
        assert [lines[1], "no processes" in lines[2], lines[3]] == ["1", True, "1"]


# --------------------------------------------------------------------------------------------- the stop button


class Page:
    """A page and its kernel, as far as the stop button goes: `looked_at` is what Pyodide looks at now."""

    def __init__(self, monkeypatch):
        self.numbers, self.looked_at, self.raised = [0, 1, 0], None, []
        self.shell = MagicMock(run_code=self.run_code)
        modules = {
            name: MagicMock() for name in ("IPython", "js", "pyodide", "pyodide.code", "pyodide.ffi", "pyodide_js")
        }
        modules["IPython"].get_ipython.return_value = self.shell
        modules["js"].Int32Array.new.return_value = self.numbers
        modules["pyodide_js"].setInterruptBuffer = self.look_at
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    def look_at(self, numbers):
        self.looked_at = numbers

    async def run_code(self, cell):
        """As in IPython, what a cell raises is shown."""
        try:
            await cell
        except BaseException as error:
            self.raised.append(type(error))

    async def run(self, cell):
        exec(Path(browser.__file__).with_name("stop.py").read_text(encoding="utf-8"), {})
        return await self.shell.run_code(cell)


def test_what_a_cell_waits_for_is_ended_and_python_looks_only_while_the_cell_runs(monkeypatch):
    page, looked_at = Page(monkeypatch), []

    def press():
        looked_at.append(page.looked_at)
        page.numbers[0] = SIGINT

    async def cell():
        looked_at.append(page.looked_at)
        asyncio.get_running_loop().call_later(0.01, press)
        await asyncio.wait_for(asyncio.Event().wait(), 60)

    asyncio.run(page.run(cell()))
    assert page.raised == [KeyboardInterrupt] and page.numbers[0] == 0
    during, waiting = looked_at
    assert during is not None and waiting is None and page.looked_at is None


def test_a_second_press_cannot_stop_what_shows_the_first(monkeypatch):
    page, looked_at = Page(monkeypatch), []

    async def pressed_before_the_cell_begins(cell):
        raise KeyboardInterrupt

    page.shell.run_code = pressed_before_the_cell_begins
    page.shell.showtraceback = lambda: looked_at.append(page.looked_at)
    assert asyncio.run(page.run(None)) is True, "for IPython, an error"
    assert looked_at == [None] and page.looked_at is None
