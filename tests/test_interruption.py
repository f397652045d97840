"""The stop button, as Jupyter presses it: a signal to a real kernel and to all processes that it has started."""

import os
import time
from queue import Empty

import pytest
from interruption_scenes import BEGUN, PAUSED, SCENES, SETUP, WELL
from jupyter_client.manager import start_new_kernel

PATIENCE = 120  # seconds until what should happen counts as not happening; no test measures time


class Cells:
    """A kernel and what its cells print."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(startup_timeout=PATIENCE)

    def begin(self, source):
        """Begin a cell, and do not wait for it."""
        self.cell, self.printed = self.client.execute(source), ""

    def listen(self, until=None):
        """What the cell has printed when it ends, or when it has printed a certain text; and all tracebacks."""
        while until is None or until not in self.printed:
            try:
                message = self.client.get_iopub_msg(timeout=PATIENCE)
            except Empty:
                raise AssertionError(f"the cell does not come to an end; it printed: {self.printed!r}") from None
            content = message["content"]
            self.printed += content.get("text", "") + "\n".join(content.get("traceback", []))
            if message["parent_header"].get("msg_id") == self.cell and content.get("execution_state") == "idle":
                assert until is None or until in self.printed, self.printed
                break
        return self.printed

    def run(self, source):
        self.begin(source)
        return self.listen()

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows interrupts kernels in another way")


@pytest.fixture(scope="module")
def cells():
    cells = Cells()
    assert cells.run(SETUP).strip() == WELL
    yield cells
    cells.close()


@needs_signals
@pytest.mark.parametrize("name", SCENES)
def test_the_stop_button_ends_a_cell_and_nothing_else(cells, name):
    source, after = SCENES[name]
    cells.begin(source)
    cells.listen(until=BEGUN)
    time.sleep(0.2)
    cells.manager.interrupt_kernel()
    printed = cells.listen()
    assert "Traceback" not in printed and "interrupted" in printed.splitlines()[-1], printed
    assert cells.run(after).strip() == WELL


@needs_signals
def test_the_stop_button_pauses_the_playground(cells):
    """Also while no cell is running: its training goes on in the background."""
    assert "Traceback" not in cells.run("play = playground(mnist)\nplay.start()")
    assert cells.run(f"assert play.running\nprint({WELL!r})").strip() == WELL
    time.sleep(0.2)
    cells.manager.interrupt_kernel()
    give_up = time.monotonic() + PATIENCE
    while cells.run("print(play.running)").strip() == "True":
        assert time.monotonic() < give_up, "it goes on training"
    assert cells.run(PAUSED).strip() == WELL

    # pressed while a cell runs, as well; a widget's callback is the same to a kernel
    assert "Traceback" not in cells.run("import signal\nplay.start()")
    assert "KeyboardInterrupt" in cells.run("assert play.running\nsignal.raise_signal(signal.SIGINT)")
    assert cells.run(PAUSED).strip() == WELL
