"""The website as a reader meets it who has it on a disk: the pages as files, and each of them open in Chromium.

`make site` makes it; `make test TESTS=tests/browser` does so first.
"""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup  # the theme needs it too

import mnist_scratch
from tools import lab, npm
from tools.execute_notebooks import find_notebooks

SITE = lab.ROOT / "build" / "site"
PAGES = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "_static" not in p.parts)
NOTEBOOKS = [path.relative_to(lab.ROOT).as_posix() for path in find_notebooks(lab.ROOT / "notebooks")]
SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}  # a laptop, a phone
ACCESSIBLE = [
    "index.html",
    "package.html",
    "notebooks/02_forward_pass.html",
    "notebooks/06_regularization.html",
    "notebooks/09_past_99_percent.html",
]
PATIENCE = 180_000  # milliseconds until what should happen counts as not happening; a machine may be busy


@cache
def parsed(page):
    return BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")


def page_of(notebook):
    return notebook.removesuffix(".ipynb") + ".html"


# -------------------------------------------------------------------------------------------------- the files


def test_all_pages_are_there_and_one_goes_through_the_course_page_by_page():
    walked = ["index.html"]
    while following := parsed(walked[-1]).select_one(".prev-next-footer a.right-next"):
        page = (SITE / walked[-1]).parent / following["href"]
        walked.append(page.resolve().relative_to(SITE).as_posix())
        assert len(walked) <= len(PAGES), walked
    assert [page for page in walked if page in map(page_of, NOTEBOOKS)] == list(map(page_of, NOTEBOOKS))
    assert {"package.html", "classroom.html", "data/README.html", "results/comparison.html"} <= set(walked)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_is_shown_with_its_outputs_and_can_be_downloaded_and_opened_live(notebook):
    page, folder = parsed(page_of(notebook)), (SITE / notebook).parent
    live, download = page.select(".notebook-links a")
    assert (folder / download["href"]).resolve().read_bytes() == (lab.ROOT / notebook).read_bytes()
    address = urlsplit(live["href"])
    assert address.query == f"path={notebook}"
    assert (folder / address.path).resolve() == SITE.parent / "lite" / "notebooks" / "index.html"

    cells = json.loads((lab.ROOT / notebook).read_text(encoding="utf-8"))["cells"]
    outputs = [(o["data"], o["metadata"]) for cell in cells for o in cell.get("outputs", []) if "data" in o]
    alts = [metadata["image/png"]["alt"] for data, metadata in outputs if "image/png" in data]
    assert [image["alt"] for image in page.select(".cell_output img")] == alts
    stored = ["".join(data["text/html"]) for data, _ in outputs if "text/html" in data and "image/png" not in data]
    texts = [BeautifulSoup(html, "html.parser").get_text() for html in stored]
    shown = [output.get_text() for output in page.select(".output.text_html")]
    assert ["".join(text.split()) for text in shown] == ["".join(text.split()) for text in texts]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_well_formed_and_no_link_is_dead(page):
    content = parsed(page).find("main")
    levels = [int(h.name[1]) for h in content.find_all(re.compile("^h[1-6]$")) if not h.find_parent(class_="onlyprint")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)), levels
    assert [str(image) for image in parsed(page).find_all("img") if len(image.get("alt", "")) < 20] == []
    words = BeautifulSoup(str(content), "html.parser")
    for element in words.select("pre, code, .math, .text_html"):
        element.decompose()
    assert "$" not in words.get_text(), "a formula that was not taken for one"
    assert str(lab.ROOT) not in str(parsed(page))
    assert [address for address in map(address_of, parsed(page).find_all(["a", "img", "link", "script"]))
            if is_dead(page, *address)] == []  # fmt: skip


def address_of(element):
    return element.name, element.get("href") or element.get("src") or ""


def is_dead(page, name, address):
    """Whether an address leads nowhere, or out of the site where only a reader's click may."""
    parts = urlsplit(address)
    if name == "a" and parts.scheme == "https":
        return False
    target = ((SITE / page).parent / unquote(parts.path)).resolve() if parts.path else SITE / page
    if target.is_relative_to(SITE.parent / "lite"):
        return False  # tested with the notebooks
    if parts.scheme or parts.netloc or not target.is_file() or not target.is_relative_to(SITE):
        return True
    if not parts.fragment or target.suffix != ".html" or parts.fragment == "main-content":
        return False
    return not parsed(target.relative_to(SITE).as_posix()).find(id=unquote(parts.fragment))


def test_what_the_package_offers_is_documented():
    ids = {element["id"] for element in parsed("package.html").select("dt[id]")}
    missing = [n for n in mnist_scratch.__all__ if f"{getattr(mnist_scratch, n).__module__}.{n}" not in ids]
    assert missing == []


# ------------------------------------------------------------------------------------------------ the browser


@pytest.fixture(scope="module")
def axe():
    """The rules for accessible pages, as JavaScript; npm fetches them once."""
    return (npm.fetch("axe-core@4.14.1", ["axe.min.js"]) / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def windows(browser):
    """A function that gives the window of a view, such as "wide, light"; one for all pages."""
    opened = {}

    def window(view):
        if view not in opened:
            size, theme = view.split(", ")
            opened[view] = browser.browser.new_context(viewport=SIZES[size], color_scheme=theme)
            opened[view].set_default_timeout(PATIENCE)
        return opened[view]

    yield window
    for context in opened.values():
        context.close()


@pytest.fixture
def opened(windows):
    """A function that opens a page from the disk; it notes what the page asks for and what it complains of."""
    pages = []

    def open_page(path, view="wide, light", hash=""):
        page = windows(view).new_page()
        pages.append(page)
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.goto((SITE / path).as_uri() + hash)
        page.evaluate("async () => { await window.MathJax?.startup?.promise; await document.fonts.ready }")
        # the colors as they will be, not half-way from those of the other theme
        page.evaluate(
            "for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish()"
        )
        return page

    yield open_page
    for page in pages:
        page.close()


def outside(page):
    """What a page asked for that is no file of the site."""
    return [url for url in page.asked if not url.startswith((SITE.as_uri(), "data:", "blob:"))]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_on_a_phone_without_a_network(path, opened):
    page = opened(path, "narrow, dark")
    assert outside(page) == []
    assert page.complaints == []
    assert page.locator("[data-mml-node=merror]").count() == 0, "a formula that MathJax cannot read"
    assert page.locator(".math").count() == page.locator(".math mjx-container").count()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "wider than the screen"


@pytest.mark.parametrize("view", ["wide, light", "narrow, dark"])
@pytest.mark.parametrize("path", ACCESSIBLE)
def test_a_page_of_each_kind_is_accessible(path, view, opened, axe, artifacts):
    page = opened(path, view)
    page.evaluate(axe)
    broken = page.evaluate("axe.run({ resultTypes: ['violations'], preload: false })")["violations"]
    page.screenshot(path=artifacts / f"{path.replace('/', '_')}.{view.replace(', ', '-')}.png", full_page=True)
    assert [(r["id"], r["nodes"][0]["html"]) for r in broken if r["impact"] in ("serious", "critical")] == []


def test_search_finds_words_and_names_without_a_server(opened):
    page = opened("notebooks/00_start_here.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("backpropagation")
    page.keyboard.press("Enter")
    results = page.locator("ul.search li a")
    results.first.wait_for()
    page.get_by_text("Search finished").wait_for()
    assert any("03_backpropagation.html" in link.get_attribute("href") for link in results.all())
    results.first.click()
    page.wait_for_load_state()
    assert "search.html" not in page.url and (SITE / Path(urlsplit(page.url).path).relative_to(SITE)).is_file()
    assert outside(page) == [] and page.complaints == []
    page = opened("search.html", hash="?q=minibatches")
    page.locator('ul.search a[href="package.html#mnist_scratch.data.minibatches"]').wait_for()


def test_the_keyboard_reaches_the_text_what_scrolls_and_the_navigation_of_a_phone(opened):
    page = opened("notebooks/03_backpropagation.html", "narrow, light")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    wide = page.evaluate("""[...document.querySelectorAll("mjx-container, pre")]
        .filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.tabIndex)""")
    assert wide and set(wide) == {0}
    link = page.locator('.bd-sidebar-primary a[href="04_gradient_check.html"]')
    assert not link.is_visible()
    page.locator(".primary-toggle").last.press("Enter")
    link.wait_for()
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")
