"""A reader's own notebooks in the web page, and a course that goes on: nothing hides the other, and nothing is lost.

The site is `make lite PYODIDE=folder`; here it is a folder of links to its files, with notebooks that can change.
"""

import json
import re
from pathlib import Path

import pytest

from tools import lab, lite

BUILT = lab.ROOT / "build" / "lite"
NAME = "03_backpropagation"
PATH = f"notebooks/{NAME}.ipynb"
GET, KEEP, AGAIN = "Get the new version", "Keep mine", "Start again from the original"
PATIENCE = 6 * lab.PATIENCE
WORDS = "My own words, which took an hour."

pytestmark = pytest.mark.skipif(
    not (BUILT / "static" / "pyodide" / "pyodide.mjs").is_file(),
    reason="there is no build/lite with a Python of its own; make lite PYODIDE=folder makes it",
)


class Site:
    """A site whose notebook can change while readers have it. python: whether its pages find a Python to load."""

    def __init__(self, folder, python=False):
        self.folder = folder
        for path in BUILT.rglob("*"):
            if not python and BUILT / "static" / "pyodide" in path.parents:
                continue
            there = folder / path.relative_to(BUILT)
            if path.is_dir():
                there.mkdir(parents=True)
            elif path.suffix == ".ipynb" or path.name == Path(lite.VERSIONS).name:
                there.write_bytes(path.read_bytes())
            else:
                there.symlink_to(path)

    @property
    def notebook(self):
        return json.loads((self.folder / "files" / PATH).read_text(encoding="utf-8"))

    def change(self, words, day="2030-01-01"):
        """The course has a newer version, whose first cell says something else."""
        notebook, versions = self.notebook, json.loads((self.folder / lite.VERSIONS).read_text(encoding="utf-8"))
        notebook["cells"][0]["source"] = words
        version = {"date": day, "fingerprint": lite.fingerprint(notebook)}
        notebook["metadata"][lite.COURSE] = versions[PATH] = version
        (self.folder / "files" / PATH).write_text(json.dumps(notebook), encoding="utf-8")
        (self.folder / lite.VERSIONS).write_text(json.dumps(versions), encoding="utf-8")


class Page:
    """The notebook open in a page, and the line above its first cell."""

    def __init__(self, context, address, app="notebooks", path=PATH):
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.address = f"{address}/{app}/index.html?path={path}"
        self.line = self.page.locator(".course-version:visible")
        self.open()

    def open(self):
        self.page.goto(self.address)
        self.line.wait_for(timeout=PATIENCE)
        self.settle()

    def settle(self):
        """Wait until the line says which version it is."""
        self.page.wait_for_function(
            "() => /\\d{4}-\\d\\d-\\d\\d|older/.test(document.querySelector('.course-version').innerText)"
        )

    def said(self):
        return self.line.locator("[role=status]").inner_text()

    def offers(self, label):
        return self.line.get_by_role("button", name=label, exact=True).count() == 1

    def choose(self, label, then):
        """Press a button of the line; wait until the line says something."""
        self.line.get_by_role("button", name=label, exact=True).click()
        self.wait_for(then)

    def wait_for(self, text):
        self.line.get_by_text(re.compile(text)).wait_for(timeout=PATIENCE)

    def run(self, code, argument=None):
        """Run JavaScript with the page's parts at hand; what it returns."""
        begin = """
        const panel = jupyterapp.shell.currentWidget, { context } = panel, { model } = context;
        const { contents } = jupyterapp.serviceManager;
        const get = async path => (await contents.get(path, { content: true })).content;
        """
        return self.page.evaluate(f"async argument => {{ {begin} {code} }}", argument)

    def write(self, words=WORDS, save=True):
        """Write into the second cell, as a reader does."""
        self.run("model.cells.get(1).sharedModel.setSource(argument)", words)
        if save:
            self.run("await context.save()")

    def sources(self):
        """What the cells say that are shown."""
        return self.run("return model.toJSON().cells.map(cell => cell.source)")

    def stored(self, name=NAME + ".ipynb"):
        """The text of a file beside the notebook, as the browser or the site has it."""
        return self.run("return JSON.stringify(await get(`notebooks/${argument}`))", name)

    def files(self):
        """The names of the files beside the notebook."""
        return set(self.run("return (await get('notebooks')).map(file => file.name)"))

    def copies(self):
        """The texts of the copies beside the notebook: {name: text}."""
        return {name: self.stored(name) for name in sorted(self.files()) if name.startswith(f"{NAME} (my copy ")}


@pytest.fixture
def site(tmp_path, request):
    return Site(tmp_path / "site", python=getattr(request, "param", False))


@pytest.fixture
def open_page(browser, site):
    """A function that opens the notebook in one reader's browser."""
    context = browser.browser.new_context(viewport={"width": 1280, "height": 900})
    with lab.files(site.folder) as address:
        yield lambda **settings: Page(context, address, **settings)
        context.close()


@pytest.mark.parametrize("site", [True], indirect=True)
def test_a_page_says_which_version_it_is_and_keeps_no_copy_of_what_was_only_opened(open_page, site):
    page = open_page()
    version = site.notebook["metadata"][lite.COURSE]
    assert version["fingerprint"] in page.said() and version["date"] in page.said()
    page.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'",
        timeout=4 * PATIENCE,
    )
    page.page.wait_for_timeout(1000)
    assert not page.run("return model.dirty"), "it would be saved by itself, and hide all that comes"


@pytest.mark.parametrize("app", ["notebooks", "lab"])
def test_who_has_an_older_copy_gets_the_new_one_and_keeps_their_own(open_page, site, artifacts, app):
    page = open_page(app=app)
    page.write()
    site.change("# Better than before")
    page.open()
    assert page.sources()[1] == WORDS and page.offers(GET), "theirs is shown, with the news"
    page.page.screenshot(path=artifacts / f"copies-news-{app}.png")
    page.choose(GET, "kept beside it")
    assert page.sources() == ["".join(cell["source"]) for cell in site.notebook["cells"]]
    ((copy, text),) = page.copies().items()
    assert WORDS in text and copy in page.said()
    page.page.screenshot(path=artifacts / f"copies-done-{app}.png")
    page.open()
    assert page.sources()[0] == "# Better than before" and not page.offers(GET)
    site.change("# Better still")
    page.open()
    assert page.sources()[0] == "# Better still", "nothing hides what comes after"
    assert page.copies() == {copy: text}


def test_who_keeps_theirs_is_not_asked_again_until_there_is_something_newer(open_page, site):
    page = open_page()
    page.write()
    site.change("# Better than before")
    page.open()
    page.choose(KEEP, "the course has")
    for _ in range(2):
        assert page.sources()[1] == WORDS and not page.offers(KEEP) and page.offers(GET)
        page.open()
    site.change("# Better still")
    page.open()
    assert page.offers(KEEP)
    page.choose(GET, "kept beside it")
    assert page.sources()[0] == "# Better still" and WORDS in "".join(page.copies().values())


def test_the_keyboard_does_what_the_mouse_does(open_page):
    page = open_page()
    page.write()
    on_it = "() => document.activeElement.closest('.course-version') !== null"
    while not page.page.evaluate(on_it):  # a notebook takes the focus when it has opened
        page.line.get_by_role("button", name=AGAIN).focus()
        page.page.wait_for_timeout(500)
    page.page.keyboard.press("Enter")
    page.wait_for("kept beside it")
    page.page.wait_for_function(on_it)


def test_a_copy_from_before_there_were_versions_is_not_taken_for_the_new_one(open_page, site):
    page = open_page()
    page.run("model.deleteMetadata(argument)", lite.COURSE)
    page.write(save=False)
    page.run("await context.save()")
    page.open()
    assert page.sources()[1] == WORDS and page.offers(GET)
    page.choose(GET, "kept beside it")
    assert WORDS not in page.sources()[1] and WORDS in "".join(page.copies().values())


def test_a_copy_with_the_same_words_is_no_older_version(open_page, site):
    page = open_page()
    page.run("model.deleteMetadata(argument); await context.save()", lite.COURSE)
    page.open()
    assert not page.offers(GET) and site.notebook["metadata"][lite.COURSE]["fingerprint"] in page.said()


def test_one_can_start_again_at_any_time_and_no_copy_is_written_over(open_page, site):
    page = open_page()
    for n, words in enumerate(["First words.", "Second words, not saved.", "Third words."]):
        page.write(words, save=n != 1)
        page.choose(AGAIN, "kept beside it")
        assert page.sources()[1] != words and len(page.copies()) == n + 1
    page.run("await jupyterapp.commands.execute('mnist-scratch:original')")  # as from the menu
    page.wait_for("nothing in it is yours")
    assert len(page.copies()) == 3
    kept = "".join(page.copies().values())
    assert all(words in kept for words in ("First words.", "Second words, not saved.", "Third words."))


FAILURES = {
    "the browser is full": "contents.save = async () => { throw new DOMException('full', 'QuotaExceededError'); }",
    "what was written is not there": "contents.save = async () => ({})",
    "half of it was written": """
        const save = contents.save.bind(contents);
        contents.save = (path, file) => save(path, { ...file, content: { ...file.content, cells: [] } });
    """,
    "there is no room for a checkpoint": """
        contents.createCheckpoint = async () => { throw new DOMException('full', 'QuotaExceededError'); }
    """,
    "the file is written at the second try only": """
        const save = contents.save.bind(contents);
        let tries = 0;
        contents.save = async (path, file) => {
          if (path === context.localPath && (tries += 1) === 1) throw new DOMException('full', 'QuotaExceededError');
          return save(path, file);
        };
    """,
    "the file cannot be removed": """
        const remove = contents.delete.bind(contents);
        contents.delete = async path => {
          if (path === context.localPath) throw new Error("locked");
          return remove(path);
        };
    """,
    "the site does not answer": """
        const ask = window.fetch;
        window.fetch = async (address, how) => {
          if (how?.cache === "reload") throw new TypeError("no network");
          return ask(address, how);
        };
    """,
    "nothing is known of other tabs": "navigator.locks.query = async () => { throw new Error('not allowed'); }",
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_goes_wrong_loses_nothing(open_page, failure):
    page = open_page()
    page.write("Saved words.")
    page.write("Words that are not saved.", save=False)
    page.run(FAILURES[failure])
    page.choose(AGAIN, "is as it was")
    assert page.sources()[1] == "Words that are not saved." and "Saved words." in page.stored()
    assert page.offers("Try again") and not page.copies()


def test_after_a_failure_one_goes_on_as_before(open_page):
    page = open_page()
    page.write("Saved words.")
    page.page.wait_for_timeout(1000)  # Lab takes a file for another page's when its date is half a second off
    page.run(FAILURES["there is no room for a checkpoint"])
    page.write("Later words.", save=False)
    page.choose(AGAIN, "is as it was")
    page.run("context.save()")
    page.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    assert "Later words." in page.stored(), "it is saved without a question"
    page.write("Last words.", save=False)
    page.choose(AGAIN, "is as it was")
    page.run("delete contents.createCheckpoint")  # there is room again
    page.choose("Try again", "kept beside it")
    ((copy, text),) = page.copies().items()
    assert "Last words." in text


def test_who_cannot_be_helped_is_told_to_take_a_copy(open_page):
    page = open_page()
    page.write("Saved words.")
    page.write("Words that are not saved.", save=False)
    page.run(
        """
        const save = contents.save.bind(contents);
        contents.save = async (path, file) => {
          if (path === context.localPath) throw new DOMException('full', 'QuotaExceededError');
          return save(path, file);
        };
        """
    )
    page.choose(AGAIN, "Download")
    assert page.sources()[1] == "Words that are not saved." and page.run("return model.dirty")
    assert "Words that are not saved." in "".join(page.copies().values()), "what was kept stays"


def test_a_failure_does_not_make_an_untouched_notebook_the_readers(open_page):
    page = open_page()
    page.run(FAILURES["the site does not answer"])
    page.choose(AGAIN, "is as it was")
    assert not page.run("return model.dirty"), "it would be saved by itself, and hide all that comes"


def test_a_site_that_did_not_answer_once_is_asked_again(open_page):
    page = open_page()
    page.run("model.setMetadata(argument, { date: '2020-01-01', fingerprint: '0000000' })", lite.COURSE)
    page.run("window.answering = window.fetch; " + FAILURES["the site does not answer"])
    page.write("First words.")
    page.run("window.fetch = window.answering")
    page.write("Second words.")
    page.wait_for("newer version")


def test_the_command_given_twice_makes_one_copy(open_page):
    page = open_page()
    page.write()
    page.run(
        """
        const command = () => jupyterapp.commands.execute('mnist-scratch:original');
        await Promise.all([command(), command()]);
        """
    )
    page.wait_for("kept beside it")
    assert len(page.copies()) == 1


def test_what_a_running_cell_will_print_is_not_lost(open_page):
    page = open_page()
    page.write()
    state = "panel.content.widgets.find(cell => cell.model.type === 'code').model.executionState = argument"
    page.run(state, "running")
    page.choose(AGAIN, "is running")
    assert page.sources()[1] == WORDS and not page.copies()
    page.run(state, "idle")
    page.choose("Try again", "kept beside it")
    assert WORDS in "".join(page.copies().values())


def test_what_was_saved_earlier_goes_along(open_page):
    page = open_page()
    for words in ("Early words.", "Later words."):
        page.write(words)
        page.run("await context.createCheckpoint()")
    page.write("Last words.")
    page.choose(AGAIN, "kept beside it")
    ((copy, text),) = page.copies().items()
    assert "Last words." in text
    earlier = page.run(
        """
        const path = `notebooks/${argument}`, found = [];
        for (const { id } of await contents.listCheckpoints(path)) {
          await contents.restoreCheckpoint(path, id);
          found.push(JSON.stringify(await get(path)));
        }
        return found.join();
        """,
        copy,
    )
    assert "Early words." in earlier and "Later words." in earlier


def test_a_second_tab_is_neither_written_over_nor_forgotten(open_page):
    page, other = open_page(), open_page()
    page.write("Words of one tab.", save=False)
    other.write("Words of the other tab.")
    page.choose(AGAIN, "another tab")
    assert page.sources()[1] == "Words of one tab." and not page.copies()
    other.page.close()
    page.choose("Try again", "kept beside it")
    kept = "".join(page.copies().values())
    assert "Words of one tab." in kept and "Words of the other tab." in kept


def test_a_notebook_with_a_new_name_is_no_longer_open_under_the_old_one(open_page):
    page = open_page()
    page.run("await context.rename('mine.ipynb')")
    other = open_page()
    other.write()
    other.choose(AGAIN, "kept beside it")
    assert WORDS in "".join(other.copies().values())


class MayBeCached(lab.Files):
    """As GitHub Pages sends files: for ten minutes a browser need not ask again."""

    def send_header(self, name, value):
        super().send_header(name, "max-age=600" if name == "Cache-Control" else value)


@pytest.fixture
def cached(monkeypatch):
    """The site may be as old as the browser's cache."""
    monkeypatch.setattr(lab, "Files", MayBeCached)


def test_an_old_file_in_the_browsers_cache_is_nobodys_copy(cached, open_page, site):
    page = open_page()
    site.change("# Better than before")
    assert "# Better than before" not in page.stored(), "it is in the cache"
    page.open()
    page.wait_for("Version 2030-01-01")
    assert page.sources()[0] == "# Better than before" and not page.offers(GET) and not page.copies()
    assert not page.run("return model.dirty")


@pytest.mark.parametrize("step", ["getDownloadUrl", "get"])
def test_what_is_typed_while_an_old_file_gives_way_is_not_lost(open_page, step):
    page = open_page()
    page.run(
        """
        const [key, step, words] = argument, goOn = contents[step].bind(contents);
        contents[step] = async (...all) => {
          window.typed = true;
          model.cells.get(1).sharedModel.setSource(words);
          return goOn(...all);
        };
        model.setMetadata(key, { date: "2020-01-01", fingerprint: "0000000" });
        model.cells.get(0).sharedModel.setSource("# An old title");
        model.dirty = false;
        context.fileChanged.emit(context.contentsModel);
        """,
        [lite.COURSE, step, WORDS],
    )
    page.page.wait_for_function("() => window.typed")
    page.wait_for("newer version")
    assert page.sources()[1] == WORDS
