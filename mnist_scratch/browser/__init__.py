"""Making do with what Python has inside a web page: one thread, one process. Nothing here runs anywhere else."""

import warnings
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

HELD = 1  # which of the numbers says that the page holds the stop button: see stop.py


def make_do():
    """Let what needs threads or processes work without them, and say how fast the page is and what stops a cell."""
    from tqdm import tqdm

    from . import products

    pace = "a few" if products.install() else "ten"
    print(f"Python runs inside this page. Training takes {pace} times as long as outside of it.")
    if stop_button_works():
        print("The stop button works here.")
    else:
        print("The stop button cannot work here. To leave a cell that does not end, choose Kernel → Restart Kernel,")
        print("or close the page and open it again; then run the cells from the top.")
    run_at_once(ThreadPoolExecutor, "threads")
    run_at_once(ProcessPoolExecutor, "processes")
    tqdm.monitor_interval = 0  # the bar's watchman would be a thread
    # threadpoolctl finds no matrix threads to limit, which is right, but asks for them in an old way
    warnings.filterwarnings("ignore", r"JsProxy\.as_object_map", RuntimeWarning)


def stop_button_works():
    """Whether the page can stop a cell: it holds what was sent when Python started."""
    try:
        import js
    except ImportError:  # not in a page
        return False
    numbers = getattr(js, "stopButton", None)
    return numbers is not None and bool(numbers[HELD])


def run_at_once(pool, name):
    """Change an executor's class: `submit` does the work before it returns, in the caller's thread.

    pool: the class. name: what it would use, for the line that each new executor prints.
    """

    def __init__(self, *settings, initializer=None, initargs=(), **named):
        print(f"There are no {name} in a browser: the work is done here, one piece after another.")
        if initializer is not None:
            initializer(*initargs)

    def submit(self, function, /, *arguments, **named):
        future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:  # as from any executor, it is raised where the result is asked for
            future.set_exception(error)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        pass

    pool.__init__, pool.submit, pool.shutdown = __init__, submit, shutdown
