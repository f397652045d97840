"""The website as a reader meets it who has it on a disk: the pages as files, and each of them open in Chromium.

`make site` makes it; `make test-browser` does so first.
"""

import importlib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup  # the theme needs it too

from tools import lab

sys.path.append(str(lab.ROOT / "tools"))
npm = importlib.import_module("npm")

SITE = lab.ROOT / "build" / "site"
PAGES = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "_static" not in p.parts)
NOTEBOOKS = sorted(
    p.relative_to(lab.ROOT).as_posix()
    for p in (lab.ROOT / "notebooks").rglob("*.ipynb")
    if ".ipynb_checkpoints" not in p.parts
)
OTHERS = ["index.html", "notebooks/README.html", "notebooks/solutions/index.html", "results/comparison.html"]
OTHERS += ["results/choice.html", "benchmarks/peers.html", "data/README.html", "package.html", "classroom.html"]
SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}  # a laptop, a phone
PATIENCE = 180_000  # milliseconds until what should happen counts as not happening; a machine may be busy
PARSED = {}


def parsed(page):
    if page not in PARSED:
        PARSED[page] = BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")
    return PARSED[page]


def joined(text):
    return text if isinstance(text, str) else "".join(text)


def outputs_of(notebook):
    """The data and the metadata of each output that shows something, in order."""
    cells = json.loads((lab.ROOT / notebook).read_text(encoding="utf-8"))["cells"]
    return [(o["data"], o["metadata"]) for cell in cells for o in cell.get("outputs", []) if "data" in o]


def page_of(notebook):
    return notebook.removesuffix(".ipynb") + ".html"


# -------------------------------------------------------------------------------------------------- the files


def test_all_pages_are_there():
    assert {*map(page_of, NOTEBOOKS), *OTHERS} <= set(PAGES), "make site"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_can_be_downloaded_and_leads_to_its_live_twin(notebook):
    live, download = parsed(page_of(notebook)).select(".notebook-links a")
    folder = (SITE / notebook).parent
    assert download.has_attr("download")
    assert (folder / download["href"]).resolve().read_bytes() == (lab.ROOT / notebook).read_bytes()
    address = urlsplit(live["href"])
    assert address.query == f"path={notebook}"
    assert (folder / address.path).resolve() == SITE.parent / "lite" / "notebooks" / "index.html"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_each_stored_output_is_on_the_page(notebook):
    page = parsed(page_of(notebook))
    outputs = outputs_of(notebook)
    alts = [metadata["image/png"]["alt"] for data, metadata in outputs if "image/png" in data]
    assert [image["alt"] for image in page.select(".cell_output img")] == alts
    shown = [html_output.get_text() for html_output in page.select(".output.text_html")]
    stored = [joined(d["text/html"]) for d, _ in outputs if "text/html" in d and "image/png" not in d]
    assert [re.sub(r"\s", "", text) for text in shown] == [
        re.sub(r"\s", "", BeautifulSoup(text, "html.parser").get_text()) for text in stored
    ]


@pytest.mark.parametrize("page", PAGES)
def test_headings_are_in_order_and_pictures_have_words(page):
    content = parsed(page).find("main")
    levels = [int(h.name[1]) for h in content.find_all(re.compile("^h[1-6]$")) if not h.find_parent(class_="onlyprint")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)), levels
    assert [str(image) for image in parsed(page).find_all("img") if len(image.get("alt", "")) < 20] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_formula_is_taken_for_one(page):
    words = BeautifulSoup(str(parsed(page).find("main")), "html.parser")
    for element in words.select("pre, code, .math, .text_html"):
        element.decompose()
    assert "$" not in words.get_text()


@pytest.mark.parametrize("page", PAGES)
def test_no_link_is_dead(page):
    dead = []
    for element in parsed(page).find_all(["a", "img", "link", "script"]):
        address = element.get("href") or element.get("src") or ""
        parts = urlsplit(address)
        if element.name == "a" and parts.scheme == "https":
            continue  # for readers to follow; nothing else may lead out
        target = ((SITE / page).parent / unquote(parts.path)).resolve() if parts.path else SITE / page
        if target.is_relative_to(SITE.parent / "lite"):
            continue  # tested with the notebooks
        if parts.scheme or parts.netloc or not target.is_file() or not target.is_relative_to(SITE):
            dead.append(address)
        elif parts.fragment and target.suffix == ".html":
            there = parsed(target.relative_to(SITE).as_posix())
            if not there.find(id=unquote(parts.fragment)) and parts.fragment != "main-content":
                dead.append(address)
    assert dead == []


def test_what_the_package_offers_is_documented():
    import mnist_scratch

    ids = {element["id"] for element in parsed("package.html").select("dt[id]")}
    missing = [n for n in mnist_scratch.__all__ if f"{getattr(mnist_scratch, n).__module__}.{n}" not in ids]
    assert missing == []


def test_nothing_of_this_machine_is_on_a_page():
    assert [page for page in PAGES if str(lab.ROOT) in (SITE / page).read_text(encoding="utf-8")] == []


# ------------------------------------------------------------------------------------------------ the browser


@pytest.fixture(scope="module")
def axe():
    """The rules for accessible pages, as JavaScript; npm fetches them once."""
    return (npm.fetch("axe-core@4.14.1", ["axe.min.js"]) / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def counts(artifacts):
    """What breaks a rule on each page, by impact: {(page, view): Counter}; kept as a table."""
    found = {}
    yield found
    kinds = ["critical", "serious", "moderate", "minor", "outside requests"]
    lines = [f"| page | view | {' | '.join(kinds)} |", "|---" * 7 + "|"]
    for (page, view), numbers in sorted(found.items()):
        lines.append(f"| {page} | {view} | {' | '.join(str(numbers[kind]) for kind in kinds)} |")
    (artifacts / "website.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def opened(browser):
    """A function that opens a page from the disk; it notes what the page asks for and what it complains of."""
    contexts = []

    def open_page(path, view="wide, light", hash=""):
        size, theme = view.split(", ")
        contexts.append(browser.browser.new_context(viewport=SIZES[size], color_scheme=theme))
        contexts[-1].set_default_timeout(PATIENCE)
        page = contexts[-1].new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.goto((SITE / path).as_uri() + hash)
        page.evaluate("async () => { await window.MathJax?.startup?.promise; await document.fonts.ready }")
        # the colours as they will be, not half-way from those of the other theme
        page.evaluate(
            "for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish()"
        )
        return page

    yield open_page
    for context in contexts:
        context.close()


def outside(page):
    """What a page asked for that is no file of the site."""
    return [url for url in page.asked if not url.startswith((SITE.as_uri(), "data:", "blob:"))]


@pytest.mark.parametrize("view", ["wide, light", "narrow, dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_accessible(path, view, opened, axe, counts, artifacts):
    page = opened(path, view)
    page.evaluate(axe)
    broken = page.evaluate("axe.run({ resultTypes: ['violations'], preload: false })")["violations"]
    counts[path, view] = numbers = Counter({"outside requests": len(outside(page))})
    for rule in broken:
        numbers[rule["impact"]] += len(rule["nodes"])
        print(rule["id"], rule["nodes"][0]["html"][:300])
    page.screenshot(path=artifacts / f"{path.replace('/', '_')}.{view.replace(', ', '-')}.png", full_page=True)
    assert [(r["id"], r["nodes"][0]["html"]) for r in broken if r["impact"] in ("serious", "critical")] == []
    assert outside(page) == []
    assert page.complaints == []
    assert page.locator("[data-mml-node=merror]").count() == 0, "a formula that MathJax cannot read"
    assert page.locator(".math").count() == page.locator(".math mjx-container").count()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "wider than the screen"


@pytest.mark.parametrize("view", ["wide, dark", "narrow, light"])
@pytest.mark.parametrize("path", ["index.html", "notebooks/02_forward_pass.html", "package.html"])
def test_the_other_two_views_of_a_page_of_each_kind(path, view, opened, axe, counts, artifacts):
    test_a_page_is_whole_and_accessible(path, view, opened, axe, counts, artifacts)


def test_the_view_follows_the_system_and_the_switch(opened):
    page = opened("index.html", "wide, dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    assert opened("index.html", "wide, light").evaluate(paper) != dark
    page.locator(".theme-switch-button").press("Enter")
    page.locator(".theme-change-button[data-mode=light]").press("Enter")
    page.wait_for_function(f"{paper} != '{dark}'")


def test_the_folder_above_leads_to_the_site(opened):
    page = opened("index.html")
    page.goto((SITE.parent / "index.html").as_uri())
    page.wait_for_url((SITE / "index.html").as_uri())


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


def test_search_finds_a_function_of_the_package(opened):
    page = opened("search.html", hash="?q=minibatches")
    page.locator('ul.search a[href="package.html#mnist_scratch.data.minibatches"]').wait_for()


def test_the_keyboard_reaches_the_text_and_what_scrolls(opened):
    page = opened("notebooks/03_backpropagation.html", "narrow, light")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    wide = page.evaluate("""[...document.querySelectorAll("mjx-container, pre")]
        .filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.tabIndex)""")
    assert wide and set(wide) == {0}


def test_the_keyboard_opens_the_navigation_of_a_phone(opened):
    page = opened("notebooks/03_backpropagation.html", "narrow, light")
    link = page.locator('.bd-sidebar-primary a[href="04_gradient_check.html"]')
    assert not link.is_visible()
    page.locator(".primary-toggle").last.press("Enter")
    link.wait_for()
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")


def test_one_goes_through_the_course_page_by_page(opened):
    page = opened("index.html")
    walked = []
    while len(walked) <= len(PAGES):
        following = page.locator(".prev-next-footer a.right-next")
        if not following.count():
            break
        following.click()
        page.wait_for_load_state()
        walked.append(Path(urlsplit(page.url).path).relative_to(SITE).as_posix())
    notebooks = [path for path in walked if path in map(page_of, NOTEBOOKS)]
    assert notebooks == list(map(page_of, NOTEBOOKS))
    assert set(OTHERS) - {"index.html"} <= set(walked)
