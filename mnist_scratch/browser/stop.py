"""The stop button of a notebook in a web page: run by IPython when it starts, before any cell; nobody imports it.

Python in a page has its thread to itself, so that no signal reaches it. Where page and Python may share memory, Pyodide
can look at a number now and then, and raise KeyboardInterrupt when it finds SIGINT. Here the number is made and sent to
the page, where tools/page/stop.js writes it. Python looks at it only while it runs the reader's code: in the middle of
the kernel's own, KeyboardInterrupt would leave a kernel that answers no more.
"""

# A loop that prints without end must leave the page the time to see that the button is pressed: the page counts what
# it has handled, and with a hundred messages on their way Python waits for the next to arrive.
LET_THE_PAGE_KEEP_PACE = """
numbers => {
  const HANDLED = 2, ON_THEIR_WAY = 100, PATIENCE = 1000, post = self.postMessage;
  let sent = 0;
  self.postMessage = (...message) => {
    post.apply(self, message);
    sent += 1;
    const handled = Atomics.load(numbers, HANDLED);
    if (sent - handled > ON_THEIR_WAY) Atomics.wait(numbers, HANDLED, handled, PATIENCE);
  };
}
"""


def share_the_stop_button(keep_pace):
    """Make the numbers, send them, and look at the first while a cell or a widget's callback runs."""
    # all names are those of this function: what stands in the file stands in the reader's notebook
    from contextlib import contextmanager

    import js
    from IPython import get_ipython
    from pyodide.code import run_js
    from pyodide.ffi import to_js
    from pyodide_js import setInterruptBuffer

    if not js.crossOriginIsolated:  # no shared memory
        return
    shell, depth = get_ipython(), 0
    run_code, comms = shell.run_code, shell.kernel.comm_manager
    comm_msg = comms.comm_msg

    # the signal; whether the page holds the button; how many messages the page has handled
    numbers = js.stopButton = js.Int32Array.new(js.SharedArrayBuffer.new(12))
    js.postMessage(to_js({"stopButton": numbers}, dict_converter=js.Object.fromEntries))
    run_js(keep_pace)(numbers)

    @contextmanager
    def stoppable():
        nonlocal depth
        depth += 1
        setInterruptBuffer(numbers)
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


share_the_stop_button(LET_THE_PAGE_KEEP_PACE)
del share_the_stop_button, LET_THE_PAGE_KEEP_PACE
