"""The course with Python inside the page: `make lite PYODIDE=folder`, served as plain files, in a real browser."""

import _imp
import os
import shutil
from zipfile import ZipFile

import pytest

from tools import lab

SITE = lab.ROOT / "build" / "lite"
NOT_THERE = """
import os
from concurrent.futures import ThreadPoolExecutor
from threadpoolctl import threadpool_limits
from mnist_scratch import SGD, Network, fit, load_mnist

some = load_mnist().train[:256]
with ThreadPoolExecutor(2) as executor:
    print(executor.submit(abs, -1).result())
with threadpool_limits(1):
    fit(Network([784, 10], seed=0), some, epochs=1, optimizer=SGD(0.1), progress=False)
os.chdir("solutions")
print(len(load_mnist().test))
"""


TRAINING = """
import numpy as np
from mnist_scratch import Dataset, Network, fit

some = Dataset(np.random.default_rng(0).random((1_000, 784), dtype="float32"), np.arange(1_000) % 10)
net = Network([784, 64, 10], seed=0)
history = fit(net, some, epochs=100_000, on_epoch=lambda history: history.epochs == 1 and print("it begins"))
"""
AFTERWARD = """
assert history.epochs >= 1 and np.any(net.weights[0] != Network([784, 64, 10], seed=0).weights[0])
assert not fit(net, some, epochs=history.epochs + 1, resume=history).stopped
print("all is well")
"""
ENDLESS = {
    "a loop": "print('it begins')\nwhile True:\n    pass",
    "a loop that prints": "print('it begins')\nwhile True:\n    print('and goes on')",
    "a loop behind an await": "import asyncio\nawait asyncio.sleep(0)\nprint('it begins')\nwhile True:\n    pass",
    "an await": "import asyncio\nprint('it begins')\nawait asyncio.sleep(10**6)",
    "many awaits": "import asyncio\nprint('it begins')\nwhile True:\n    await asyncio.sleep(0.01)",
    "a sleep": "import time\nprint('it begins')\ntime.sleep(10**6)",
    "a loop of its own": "import asyncio\nprint('it begins')\nasyncio.run(asyncio.sleep(10**6))",
}
SLIDER = """
from ipywidgets import IntSlider

def never_ends(change):
    while True:
        pass

slider = IntSlider(description="endless")
slider.observe(never_ends, "value")
slider
"""

PRESSED_WHILE_PYTHON_LOOKS = """
import js, pyodide_js
from pyodide.code import run_js

look = run_js("(looked, numbers) => { looked[0]; numbers[0] = 2; looked[0] = 0; }")
look(pyodide_js._module.Py_EmscriptenSignalBuffer, js.stopButton)
while True:
    pass
"""

# the memory grows in the middle: the page's arrays then lie in another buffer
PRODUCTS = """
import types
import numpy as np
from mnist_scratch.browser import products

assert products.install()
compare = types.ModuleType("compare")
exec({source!r}, compare.__dict__)
loops = compare.addresses(products.in_use[0], products.LOOPS)
compare.compare_all({times}, loops)
held = [np.ones(1 << 24, np.float32) for _ in range(4)]
compare.compare_all({times}, loops, seed=1)
compare.compare_functions({times} // 10)
print("all are right")
"""

WRONG_BYTES = """
import gzip
from mnist_scratch import FileFormatError, load_mnist
from mnist_scratch.files import course_folder

labels = course_folder("data", "t10k-labels*") / "t10k-labels-idx1-ubyte.gz"
genuine = labels.read_bytes()
wrong = bytearray(gzip.decompress(genuine))
wrong[-1] += 1
labels.write_bytes(gzip.compress(wrong))
try:
    load_mnist()
except FileFormatError as error:
    print(error)
labels.write_bytes(genuine)
print(len(load_mnist().test))
"""


pytestmark = pytest.mark.skipif(
    not (SITE / "static" / "pyodide" / "pyodide.mjs").is_file(),
    reason="there is no build/lite with a Python of its own; make lite PYODIDE=folder makes it",
)


@pytest.fixture(scope="module")
def site():
    """The address of a server of nothing but files."""
    with lab.files(SITE) as address:
        yield address


@pytest.fixture(scope="module")
def notebook(browser, site):
    """The first notebook, its cells run as far as the slider; `asked` are all addresses that the browser asked."""
    asked = []
    browser.on("request", lambda request: asked.append(request.url))
    notebook = lab.Notebook(browser, site, "00_start_here", lite=True)
    notebook.asked = asked
    notebook.run(to_the_end=False)
    yield notebook
    notebook.close()


def test_a_plain_import_works_and_the_slider_moves_its_picture_without_another_host(notebook, site, artifacts):
    (live,) = notebook.live()
    slider = next(iter(live.sliders.values()))
    before, fingerprint = live.source(), live.fingerprint()
    slider.press(slider.inwards())
    live.settle(picture_other_than=before)
    assert live.fingerprint() != fingerprint
    live.screenshot(artifacts / "lite-00_start_here.png")
    assert not notebook.problems()
    own = site.removesuffix(SITE.name)
    elsewhere = {url for url in notebook.asked if url.startswith("http") and not url.startswith(own)}
    assert len(notebook.asked) > 20 and not elsewhere


def test_what_is_compiled_was_compiled_from_the_sources_beside_it():
    # Python in the page does not compare them
    found = set()
    for file in [*(SITE / "static" / "pyodide").rglob("*.whl"), SITE / "static" / "pyodide" / "python_stdlib.zip"]:
        with ZipFile(file) as packed:
            for name in (name for name in packed.namelist() if name.endswith(".pyc")):
                compiled, folder = packed.read(name), name.removesuffix(name.split("/")[-1])
                source = folder.removesuffix("__pycache__/") + name.split("/")[-1].split(".")[0] + ".py"
                magic, hashed = compiled[:4], compiled[8:16]
                assert hashed == _imp.source_hash(int.from_bytes(magic, "little"), packed.read(source)), (file, name)
                found.add(file.name.partition("-")[0])
    assert {"mnist_scratch", "matplotlib", "python_stdlib.zip"} <= found


def test_what_a_page_does_not_have_is_said_in_a_word(notebook):
    said = notebook.execute(NOT_THERE).splitlines()
    assert "no threads" in said[0] and said[1:] == ["1", "10000"]
    assert not notebook.problems()


def test_random_products_are_right_in_the_page_also_when_its_memory_grows(notebook):
    source = (lab.ROOT / "tests" / "project" / "random_products.py").read_text(encoding="utf-8")
    said = notebook.execute(PRODUCTS.format(source=source, times=10_000))
    assert said.strip() == "all are right", said


def test_data_with_a_wrong_byte_are_refused(notebook):
    said = notebook.execute(WRONG_BYTES).splitlines()
    assert "not the genuine bytes" in said[0] and said[1:] == ["10000"]


def test_what_has_passed_lasts_from_page_to_page(notebook, browser, site):
    begin = "from mnist_scratch.classroom import check\nfrom mnist_scratch.classroom.record import RECORD\n"
    notebook.execute(begin + "check.decay_factor(1024)")
    other = lab.Notebook(browser, site, "06_regularization", lite=True)
    said = other.execute(begin + "print(RECORD.answers['decay_factor']['state'])")
    assert said.splitlines()[-1] == "passed", said
    other.close()


# --------------------------------------------------------------------------------------------- the stop button


def run(notebook, source):
    """Run a cell to its end; what it has printed."""
    notebook.begin(source)
    return notebook.wait_for_the_end()


@pytest.fixture(scope="module")
def open_bare(browser, site):
    """A function that returns a notebook that waits for a cell; it opens another when the last one is still busy."""
    opened = []

    def open_bare():
        if opened and not opened[0].page.evaluate("() => window.course.ready()"):
            opened.pop().close()
        if not opened:
            opened.append(lab.Notebook(browser, site, "01_data", lite=True))
        return opened[0]

    yield open_bare
    if opened:
        opened.pop().close()


@pytest.fixture
def bare(open_bare):
    """A notebook in which the course was not imported: its stop button works there, too."""
    return open_bare()


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_the_stop_button_ends_an_endless_cell_and_the_next_runs(bare, source):
    for times in (1, 2):
        bare.begin(source)
        bare.wait_for("it begins")
        bare.stop()
        assert "KeyboardInterrupt" in bare.page.evaluate("() => window.course.errors().at(-1)")
        bare.press_stop()  # nothing runs: no harm
        assert run(bare, f"print({times})") == str(times)


def test_the_stop_button_pressed_again_and_again_leaves_the_kernel(bare):
    bare.begin(ENDLESS["a loop"])
    bare.wait_for("it begins")
    for _ in range(20):
        bare.press_stop()
    bare.wait_for_the_end()
    assert run(bare, "print('next')") == "next"


def test_what_is_pressed_while_python_looks_is_not_lost(bare):
    bare.begin(PRESSED_WHILE_PYTHON_LOOKS)  # Python looks, in two steps, all the time; it is pressed between them
    bare.wait_for_the_end()
    assert "KeyboardInterrupt" in bare.page.evaluate("() => window.course.errors().at(-1)")
    assert run(bare, "print('next')") == "next"


def test_what_waits_can_be_stopped_and_go_on(bare):
    source = "import asyncio\nprint('it begins')\ntry:\n    await asyncio.sleep(10**6)\n"
    bare.begin(f"{source}except KeyboardInterrupt:\n    await asyncio.sleep(0.2)\n    print('and goes on')")
    bare.wait_for("it begins")
    bare.press_stop()
    assert bare.wait_for_the_end().endswith("and goes on")


def test_the_stop_button_ends_a_training_and_keeps_what_was_learned(notebook):
    assert "stop button cannot" not in run(notebook, "import mnist_scratch; mnist_scratch.browser.make_do()")
    notebook.begin(TRAINING)
    notebook.wait_for("it begins")
    notebook.stop()
    assert "interrupted in epoch" in notebook.wait_for_the_end()
    assert run(notebook, AFTERWARD).endswith("all is well")


def test_the_stop_button_ends_what_a_slider_does(bare):
    run(bare, SLIDER)
    bare.page.locator(".widget-slider .noUi-handle").last.press("ArrowRight")
    bare.wait("() => window.course.kernel().status === 'busy'")
    bare.press_stop()
    bare.wait("() => window.course.kernel().status === 'idle'")
    assert run(bare, "print(slider.value)") == "1"


def test_the_stop_button_stops_its_own_notebook_only(bare, notebook):
    bare.begin("print('it begins')\nfor _ in range(10**12):\n    pass")
    notebook.begin(ENDLESS["a loop"])
    for each in (bare, notebook):
        each.wait_for("it begins")
    notebook.stop()
    assert not bare.page.evaluate("() => window.course.cell.ended")
    bare.stop()


def test_where_no_memory_is_shared_the_notebook_says_how_to_leave_an_endless_cell(browser):
    with lab.files(SITE, headers={}) as address:
        notebook = lab.Notebook(browser, address, "01_data", lite=True)
        assert "Restart Kernel" in run(notebook, "import mnist_scratch")
        notebook.begin(ENDLESS["a loop"])
        notebook.wait_for("it begins")
        notebook.press_stop()  # no harm
        notebook.page.evaluate("() => { window.course.kernel().restart(); }")
        notebook.wait("() => window.course.cell.ended")
        notebook.wait("() => window.course.ready()")
        assert run(notebook, "print('history' in dir())") == "False"
        notebook.close()


def test_a_later_visit_reaches_the_readers_files_without_shared_memory(browser):
    # Python began before the kernel: the page's service worker, which hands it the files, was there before
    asked = []
    browser.on("request", lambda request: asked.append(request.url))
    with lab.files(SITE, headers={}) as address:
        for number in range(2):
            notebook = lab.Notebook(browser, address, "03_backpropagation", lite=True)
            code = f"import os\nopen('visit-{number}.txt', 'w').close()\nprint(sorted(os.listdir()))"
            there = run(notebook, code)
            assert "03_backpropagation.ipynb" in there and all(f"visit-{i}.txt" in there for i in range(number + 1))
            workers = [worker.url for worker in notebook.page.workers]
            notebook.close()
        assert workers == [f"{address}/static/pyodide/worker.mjs"], "what had begun was not used"
        assert {url for url in asked if "python.mjs" in url} == {f"{address}/static/pyodide/python.mjs"}


def test_a_page_that_cannot_begin_early_begins_later(browser, tmp_path):
    shutil.copytree(SITE, tmp_path / "lite", copy_function=os.symlink)
    (tmp_path / "lite" / "static" / "pyodide" / "worker.mjs").unlink()
    with lab.files(tmp_path / "lite") as address:
        for _ in range(2):  # on the second visit it is tried for sure
            notebook = lab.Notebook(browser, address, "03_backpropagation", lite=True)
            assert run(notebook, "print('all is well')") == "all is well"
            notebook.close()
