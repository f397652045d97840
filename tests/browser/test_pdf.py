"""The whole course as one PDF: the pages bound into one, and printed."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from tools import lab, pdf

SITE = lab.ROOT / "build" / "site"
NOTEBOOKS = sorted((lab.ROOT / "notebooks").rglob("0*.ipynb"))


@pytest.fixture(scope="module")
def book():
    return BeautifulSoup(pdf.bind(SITE), "html.parser")


def test_every_notebook_and_its_answers_are_chapters_that_the_contents_lead_to(book):
    chapters = [chapter.h1.get_text() for chapter in book.select("article")]
    pages = [(SITE / path.relative_to(lab.ROOT)).with_suffix(".html") for path in NOTEBOOKS]
    titles = [BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").h1 for page in pages]
    assert {title.find(string=True) for title in titles} <= set(chapters)
    listed = [entry.get_text() for entry in book.select("nav > ul > li > a")]
    assert listed == chapters


def test_links_within_the_book_lead_to_one_place_and_pictures_are_there(book):
    places = Counter(element["id"] for element in book.select("[id]"))
    assert [place for place, times in places.items() if times > 1] == []
    targets = [link["href"] for link in book.select("a[href]") if not link["href"].startswith("https:")]
    assert [target for target in targets if unquote(target[1:]) not in places] == []
    assert [image["src"] for image in book.select("img") if not (SITE / image["src"]).is_file()] == []


def test_what_waits_for_a_click_on_a_page_is_in_the_book_and_what_one_presses_is_not(book):
    for element in book.select(".prediction, .reveal, .solution"):
        assert not element.find_parent("details")
    assert len(book.select(".reveal")) == len(book.select(".prediction")) > 0 < len(book.select(".solution"))
    assert book.select("details, button, input, template, form") == []


def test_it_is_printed_and_leaves_the_site_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "CHAPTERS", ("notebooks/04*.html", "glossary.html"))
    before = sorted(SITE.iterdir())
    with ThreadPoolExecutor(1) as thread:  # in this one the event loop of the other tests' browser may run
        thread.submit(pdf.build, SITE, tmp_path / "course.pdf").result()
    printed = (tmp_path / "course.pdf").read_bytes()
    assert printed.startswith(b"%PDF-") and b"/Outlines" in printed and b"/MarkInfo" in printed
    assert sorted(SITE.iterdir()) == before
