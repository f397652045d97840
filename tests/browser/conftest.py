"""Fixtures of the browser tests: one server and one browser for all, and notebooks open in them.

`make test TESTS=tests/browser` runs them. What they see is kept in build/browser: screenshots, and the server's log.
"""

import shutil

import pytest

from tools import lab

ARTIFACTS = lab.ROOT / "build" / "browser"
SITE = lab.ROOT / "build" / "site"
PATIENCE = 180_000  # milliseconds until what should happen counts as not happening; a machine may be busy


def pytest_configure(config):
    if line := lab.what_is_missing():
        raise pytest.UsageError(line)
    if not hasattr(config, "workerinput"):  # once, before all workers
        shutil.rmtree(ARTIFACTS, ignore_errors=True)
        ARTIFACTS.mkdir(parents=True)


@pytest.fixture(scope="session")
def artifacts():
    """A folder for what the tests saw."""
    return ARTIFACTS


@pytest.fixture(scope="session")
def address(tmp_path_factory, worker_id):
    """The address of a Jupyter server that runs until the last test is done; no kernel may leave a traceback."""
    log = ARTIFACTS / f"server-{worker_id}.log"
    with lab.server(tmp_path_factory.mktemp("jupyter"), log) as address:
        yield address
    assert "Traceback" not in log.read_text(encoding="utf-8"), f"there is a traceback in {log}"


@pytest.fixture(scope="session")
def browser():
    """Chromium, with a fresh profile."""
    with lab.browser() as browser:
        yield browser


@pytest.fixture
def open_page(browser):
    """A function that opens a page of the website from the disk, in a window of its own.

    It notes what the page asks for and complains of; at the end nothing may have come from elsewhere or gone wrong.
    route: what becomes of requests, {pattern: handler}; settings: those of the window.
    """
    contexts, asked, complaints = [], [], []

    def open_page(path, hash="", route=None, **settings):
        contexts.append(browser.browser.new_context(**settings))
        contexts[-1].set_default_timeout(PATIENCE)
        page = contexts[-1].new_page()
        for pattern, handler in (route or {}).items():
            page.route(pattern, handler)
        page.complaints = complaints
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.goto((SITE / path).as_uri() + hash)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((SITE.as_uri(), "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def open_notebook(browser, address):
    """A function of a notebook's name that opens it in JupyterLab, or in Notebook 7; it is closed with the module."""
    opened = []

    def open_notebook(name, **settings):
        while opened:  # one at a time: an idle kernel must not slow the next one down
            opened.pop().close()
        opened.append(lab.Notebook(browser, address, name, **settings))
        return opened[-1]

    yield open_notebook
    while opened:
        opened.pop().close()
