"""The stop button of a notebook in a web page: run by IPython when it starts, before any cell; nobody imports it.

Python in a page has its thread to itself, so that no signal reaches it. Where page and Python may share memory, Pyodide
can look at a byte now and then, and raise KeyboardInterrupt when it finds a 2. Here the byte is made and sent to the
page, where tools/page/stop.js writes into it. Python looks at it only while it runs the reader's code: in the middle of
the kernel's own, KeyboardInterrupt would leave a kernel that answers no more.
"""


def share_the_stop_button():
    """Make the byte, send it, and look at it while a cell or a widget's callback runs."""
    # imported here, and kept: the names of this file are those of the reader's notebook
    from contextlib import contextmanager

    import js
    from IPython import get_ipython
    from pyodide.ffi import to_js
    from pyodide_js import setInterruptBuffer

    if not js.crossOriginIsolated:  # no shared memory
        return
    shell, depth = get_ipython(), 0
    run_code, comms = shell.run_code, shell.kernel.comm_manager
    comm_msg = comms.comm_msg

    button = js.Uint8Array.new(js.SharedArrayBuffer.new(2))  # what is pressed, and whether the page holds it
    js.stopButton = button
    js.postMessage(to_js({"stopButton": button}, dict_converter=js.Object.fromEntries))

    @contextmanager
    def stoppable():
        nonlocal depth
        depth += 1
        setInterruptBuffer(button)
        try:
            yield
        except KeyboardInterrupt:  # out of a callback, or in the moment before or after a cell's code
            shell.showtraceback()
        finally:
            depth -= 1
            if not depth:
                setInterruptBuffer(None)

    async def run_stoppable_code(*arguments, **named):
        with stoppable():
            return await run_code(*arguments, **named)
        return True  # it was stopped: the rest of the cell is not run

    def stoppable_comm_msg(*arguments):
        with stoppable():
            comm_msg(*arguments)

    shell.run_code, comms.comm_msg = run_stoppable_code, stoppable_comm_msg


share_the_stop_button()
del share_the_stop_button
