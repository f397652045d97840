"""The stop button of a notebook in a web page: run by IPython when it starts, before any cell; nobody imports it.

Python in a page has its thread to itself, so that no signal reaches it. Where page and Python may share memory, Pyodide
can look at a number now and then, and raise KeyboardInterrupt when it finds SIGINT. Here the number is made and sent to
the page, where tools/page/stop.js writes it. Python looks at it only while it runs the reader's code: in the middle of
the kernel's own, or of the event loop's, KeyboardInterrupt would leave a kernel that answers no more. So while the
reader's code waits, with `await` or `time.sleep`, the event loop looks now and then, and ends what is waited for.
"""

# A loop that prints without end must leave the page the time to see that the button is pressed: the page counts what
# it has handled, and with a hundred messages on their way Python waits for the next to arrive.
LET_THE_PAGE_KEEP_PACE = """
numbers => {
  const HELD = 1, HANDLED = 2, ON_THEIR_WAY = 100, PATIENCE = 1000, post = self.postMessage;
  let sent = 0;
  self.postMessage = (...message) => {
    post.apply(self, message);
    sent += 1;
    const handled = Atomics.load(numbers, HANDLED), counts = Atomics.load(numbers, HELD);
    if (counts && sent - handled > ON_THEIR_WAY) Atomics.wait(numbers, HANDLED, handled, PATIENCE);
  };
}
"""

# Python looks at the number and then writes 0 over it, in two steps; what is pressed between them must not be lost. So
# 0 takes the place of nothing but what was seen.
LOSE_NO_SIGNAL = """
(numbers, index) => {
  let seen = 0;
  return {
    get 0() {
      seen = Atomics.load(numbers, index);
      return seen;
    },
    set 0(value) {
      Atomics.compareExchange(numbers, index, seen, value);
    },
  };
}
"""


def share_the_stop_button(keep_pace, lose_no_signal):
    """Make the numbers, send them, and look at the first while a cell or a widget's callback runs."""
    # all names are those of this function: what stands in the file stands in the reader's notebook
    from asyncio import ensure_future, get_running_loop
    from signal import SIGINT
    from types import coroutine

    import js
    import pyodide
    from IPython import get_ipython
    from pyodide.code import run_js
    from pyodide.ffi import to_js
    from pyodide_js import setInterruptBuffer

    if not js.crossOriginIsolated:  # no shared memory
        return
    shell, depth = get_ipython(), 0
    run_code, comms = shell.run_code, shell.kernel.comm_manager
    comm_msg, run_sync = comms.comm_msg, pyodide.ffi.run_sync
    loop, stopped = get_running_loop(), object()
    LOOK_AGAIN = 0.1  # seconds

    # the signal; whether the page holds the button; how many messages the page has handled
    SIGNAL = 0
    numbers = js.stopButton = js.Int32Array.new(js.SharedArrayBuffer.new(12))
    js.postMessage(to_js({"stopButton": numbers}, dict_converter=js.Object.fromEntries))
    run_js(keep_pace)(numbers)
    signal = run_js(lose_no_signal)(numbers, SIGNAL)

    def stoppable(function, *arguments):
        """Call a function of the reader's; when it does not end by itself, `stopped` is what it returns."""
        nonlocal depth
        depth += 1
        try:
            setInterruptBuffer(signal)
            return function(*arguments)
        except KeyboardInterrupt:  # out of a callback, or in the moment before or after a cell's code
            setInterruptBuffer(None)  # pressed again, it is not for what follows
            shell.showtraceback()
            return stopped
        finally:
            depth -= 1
            setInterruptBuffer(signal if depth else None)

    def pressed():
        """Whether the button was pressed while nobody looked; from now on it no longer is."""
        was = numbers[SIGNAL] == SIGINT
        if was:
            numbers[SIGNAL] = 0
        return was

    def look(awaited):
        """End what the reader's code waits for when the button is pressed; that code then asks `pressed`."""
        if not awaited.done():
            if numbers[SIGNAL] == SIGINT:
                awaited.cancel()
            loop.call_later(LOOK_AGAIN, look, awaited)

    @coroutine
    def stoppable_steps(code):
        """Run a coroutine of the reader's; True when it was stopped."""
        resume, sent = code.send, None
        while True:
            if pressed():
                resume, sent = code.throw, KeyboardInterrupt()
            try:
                awaited = stoppable(resume, sent)
            except StopIteration as end:
                return end.value
            if awaited is stopped:
                return True
            if awaited is not None:  # sleep(0) waits for nothing
                look(awaited)
            try:
                resume, sent = code.send, (yield awaited)
            except BaseException as error:
                resume, sent = code.throw, error

    async def run_stoppable_code(*arguments, **named):
        return await stoppable_steps(run_code(*arguments, **named))

    def run_sync_stoppable(awaitable):
        """Wait as `time.sleep` and `asyncio.run` do: the event loop goes on, in the middle of the reader's code."""
        nonlocal depth
        if not depth:
            return run_sync(awaitable)
        before, depth = depth, 0
        setInterruptBuffer(None)
        awaited = ensure_future(awaitable)
        look(awaited)
        try:
            return run_sync(awaited)
        finally:
            depth, ended = before, pressed()
            setInterruptBuffer(signal)
            if ended:
                raise KeyboardInterrupt

    def stoppable_comm_msg(*arguments):
        stoppable(comm_msg, *arguments)

    shell.run_code, comms.comm_msg = run_stoppable_code, stoppable_comm_msg
    pyodide.ffi.run_sync = pyodide.webloop.run_sync = run_sync_stoppable


share_the_stop_button(LET_THE_PAGE_KEEP_PACE, LOSE_NO_SIGNAL)
del share_the_stop_button, LET_THE_PAGE_KEEP_PACE, LOSE_NO_SIGNAL
