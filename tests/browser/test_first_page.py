"""The first page as somebody meets it who has never seen the course, and what other sites show of a page."""

import json
import re
from functools import cache

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tools import lab

SITE = lab.ROOT / "build" / "site"
PAGES = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "_static" not in p.parts)
NOTEBOOKS = sorted(path.stem for path in (lab.ROOT / "notebooks").glob("*.ipynb"))
SCREENS = {"a laptop": {"width": 1280, "height": 800}, "a phone": {"width": 390, "height": 844}}


@cache
def parsed(page):
    return BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")


@cache
def stored(name):
    return json.loads((lab.ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def question_of(name):
    """The question that a notebook answers, which stands below its title."""
    return re.search(r"\*\*The question\.\*\* \*(.+?)\*", "".join(stored(name)[0]["source"]))[1]


def size(path):
    """Of a picture: (width, height)."""
    with Image.open(path) as picture:
        return picture.size


# ---------------------------------------------------------------------------------------------- the first page


@pytest.mark.parametrize("screen", SCREENS)
def test_one_sees_without_scrolling_what_one_can_do_here(open_page, screen, artifacts):
    page = open_page("index.html", viewport=SCREENS[screen])
    page.screenshot(path=artifacts / f"first-page-{screen.split()[-1]}.png")
    actions = page.locator(".actions a").all()
    assert actions
    for seen in (page.locator(".bd-article h1"), *actions):
        box = seen.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= SCREENS[screen]["height"], seen.inner_text()
    assert page.locator("#draw").bounding_box()["y"] < 0.7 * SCREENS[screen]["height"], "the pad is out of sight"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_first_page_asks_each_notebooks_question_and_shows_a_picture_of_it(name):
    (link,) = parsed("index.html").select(f'.contents-list a[href="notebooks/{name}.html"]')
    entry = link.find_parent("li")
    assert question_of(name) in entry.get_text()
    outputs = [output for cell in stored(name) for output in cell.get("outputs", []) if "metadata" in output]
    alts = [output["metadata"]["image/png"]["alt"] for output in outputs if "image/png" in output["metadata"]]
    picture = entry.img
    assert picture["alt"] in alts
    assert picture["loading"] == "lazy" and (SITE / picture["src"]).stat().st_size < 60_000
    assert size(SITE / picture["src"]) == (int(picture["width"]), int(picture["height"]))


def test_a_click_on_an_entrys_picture_opens_the_notebook(open_page):
    page = open_page("index.html", viewport=SCREENS["a phone"])
    picture = page.locator(".contents-list img").nth(6)
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url("**/notebooks/06_regularization.html")


# --------------------------------------------------------------------------------------- where no script runs


@pytest.mark.parametrize("path", ["index.html", "notebooks/02_forward_pass.html", "notebooks/06_regularization.html"])
def test_without_javascript_a_page_can_be_read_to_its_end(path, open_page, artifacts):
    page = open_page(path, viewport=SCREENS["a phone"], java_script_enabled=False)
    for picture in page.locator("main img").all():
        picture.scroll_into_view_if_needed()
        assert picture.is_visible() and picture.bounding_box()["height"] > 20, picture.get_attribute("src")
    page.screenshot(path=artifacts / f"no-script-{path.replace('/', '_')}.png", full_page=True)
    assert not page.locator("main input[type=range]:visible, main canvas:visible").count(), "it would answer nothing"
    for heading in page.locator("main .bd-article h2").all():
        assert heading.is_visible()


# ------------------------------------------------------------------------------- what other sites show of a page


def meta(page):
    """{name or property: content} of a page's head."""
    tags = parsed(page).head.find_all("meta", content=True)
    return {tag.get("name") or tag.get("property"): tag["content"] for tag in tags}


def test_each_page_has_a_title_of_its_own_and_says_what_it_is_about():
    titles = [parsed(page).title.get_text() for page in PAGES if "_modules" not in page]
    assert sorted(titles) == sorted(set(titles))
    for page in PAGES:
        about = meta(page)
        assert about["description"] == about["og:description"] and len(about["description"]) > 10, page
        assert about["og:title"] and about["theme-color"], page
    for name in NOTEBOOKS:
        assert meta(f"notebooks/{name}.html")["description"].startswith(question_of(name)), name


def test_a_site_that_does_not_know_its_address_names_none():
    for page in PAGES:
        about = meta(page)
        assert ("og:image" in about) == ("og:url" in about), page
        assert "example.org" not in str(parsed(page).head), page


def test_the_picture_for_other_sites_and_the_icon_are_there():
    picture = SITE / "_static" / "social.png"
    assert size(picture) == (1200, 630) and picture.stat().st_size < 60_000
    icon = parsed("notebooks/06_regularization.html").find("link", rel="icon")
    assert (SITE / "notebooks" / icon["href"]).resolve().is_file()
