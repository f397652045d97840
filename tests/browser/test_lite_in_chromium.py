"""The course with Python inside the page: `make lite PYODIDE=folder`, served as plain files, in a real browser."""

import _imp
from zipfile import ZipFile

import pytest

from tools import lab

SITE = lab.ROOT / "build" / "lite"
EXECUTE_JS = """
async code => {
  let said = '';
  const future = window.course.kernel().requestExecute({ code, store_history: false });
  future.onIOPub = ({ content }) => { said += content.text ?? content.evalue ?? ''; };
  await future.done;
  return said;
}
"""
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
    elsewhere = {url for url in notebook.asked if url.startswith("http") and not url.startswith(f"{site}/")}
    assert len(notebook.asked) > 20 and not elsewhere


def test_what_is_compiled_was_compiled_from_the_sources_beside_it():
    # Python in the page does not compare them
    for file in [*(SITE / "static" / "pyodide").glob("*.whl"), SITE / "static" / "pyodide" / "python_stdlib.zip"]:
        with ZipFile(file) as packed:
            for name in (name for name in packed.namelist() if name.endswith(".pyc")):
                compiled, folder = packed.read(name), name.removesuffix(name.split("/")[-1])
                source = folder.removesuffix("__pycache__/") + name.split("/")[-1].split(".")[0] + ".py"
                magic, hashed = compiled[:4], compiled[8:16]
                assert hashed == _imp.source_hash(int.from_bytes(magic, "little"), packed.read(source)), (file, name)


def test_what_a_page_does_not_have_is_said_in_a_word(notebook):
    said = notebook.page.evaluate(EXECUTE_JS, NOT_THERE).splitlines()
    assert "no threads" in said[0] and said[1:] == ["1", "10000"]
    assert not notebook.problems()


def test_what_has_passed_lasts_from_page_to_page(notebook, browser, site):
    begin = "from mnist_scratch.classroom import check\nfrom mnist_scratch.classroom.record import RECORD\n"
    notebook.page.evaluate(EXECUTE_JS, begin + "check.decay_factor(1024)")
    other = lab.Notebook(browser, site, "06_regularization", lite=True)
    said = other.page.evaluate(EXECUTE_JS, begin + "print(RECORD.answers['decay_factor']['state'])")
    assert said.splitlines()[-1] == "passed", said
    other.close()
