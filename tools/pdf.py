"""The whole course as one PDF, made from the pages of the website and printed by Chromium: `make site PDF=yes`.

The notebooks, their answers and the glossary follow each other as the chapters of a book. A chapter has all that its
page hides until a click, pictures where sliders are, and links that lead within the book where they can.
"""

import os
import tomllib
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools import lab
from tools.address import published

CHAPTERS = ("notebooks/[!R]*.html", "notebooks/solutions/[!i]*.html", "glossary.html")
# What leads around, what waits for a click, and the code of questions, which says no more than what it shows
NOT_PRINTED = ".headerlink, .d-print-none, details.hide, summary, template, script"
MARGIN = "18mm"
FOOTER = '<div style="width: 100%; font-size: 8pt; text-align: center"><span class="pageNumber"></span></div>'
BOOK = """<!DOCTYPE html>
<html lang="en" data-theme="light" data-mode="light">
<head>
<meta charset="utf-8"><title>{title}</title>
{styles}
<script>MathJax = {{"options": {{"enableMenu": false, "processHtmlClass": "math"}}}}</script>
<script defer src="_static/mathjax/tex-svg.js"></script>
</head>
<body class="book">
<header><h1>{title}</h1><p>{summary}</p><p>{address}</p></header>
<nav><h2>Contents</h2><ul>{contents}</ul></nav>
<main>{chapters}</main>
</body>
</html>
"""


def bind(site):
    """The pages that are chapters as one page; links to other pages become plain words.

    Parameters
    ----------
    site : Path
        A site that `tools.website` has made.

    Returns
    -------
    str
        HTML, to be read from a file in the site's folder.
    """
    pages = [page.relative_to(site).as_posix() for glob in CHAPTERS for page in sorted(site.glob(glob))]
    parsed = {page: _parsed(site / page) for page in ("index.html", *pages)}
    chapters, contents = [], []
    for page in pages:
        chapter = parsed[page].select_one("article")
        for element in chapter.select(NOT_PRINTED):
            element.decompose()
        for details in chapter.select("details"):
            details.name = "div"
        for element in chapter.select("[id]"):
            element["id"] = _place(page, element["id"])
        chapter["id"] = _place(page)
        for image in chapter.select("img"):
            image["src"], image["loading"] = _from_site(page, image["src"]), "eager"
        for link in chapter.select("a[href]"):
            _lead(link, page, pages)
        chapters.append(str(chapter))
        sections = "".join(f"<li>{_entry(h2, h2.parent['id'])}</li>" for h2 in chapter.select("section > h2"))
        contents.append(f"<li>{_entry(chapter.h1, chapter['id'])}<ul>{sections}</ul></li>")
    front = parsed["index.html"]
    course = tomllib.loads((lab.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return BOOK.format(
        title=escape(front.select_one("article h1").find(string=True)),
        summary=escape(course["description"]),
        address=escape(published()),
        styles="".join(map(str, front.select("head link[rel=stylesheet]"))),
        contents="".join(contents),
        chapters="".join(chapters),
    )


def _parsed(page):
    from bs4 import BeautifulSoup  # the site's theme brings it

    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def _place(page, fragment=""):
    """What a place is called in the book: pages may call places alike."""
    return f"{page}--{fragment}"


def _from_site(page, address):
    """An address on a page, as it is from the site's own folder."""
    return os.path.normpath(Path(page).parent / address).replace(os.sep, "/")


def _entry(heading, place):
    return f'<a href="#{place}">{heading.decode_contents()}</a>'


def _lead(link, page, pages):
    """Let a link lead to its place in the book; one to a page that is not in it becomes plain words."""
    parts = urlsplit(link["href"])
    if parts.scheme:
        return
    target = _from_site(page, unquote(parts.path)) if parts.path else page
    if target in pages:
        link["href"] = f"#{_place(target, unquote(parts.fragment))}"
    else:
        link.unwrap()


def what_is_missing():
    """One line that says what to install before a PDF can be printed; None when all is there."""
    line = lab.what_is_missing()
    return line and line.replace("the browser tests need", "the PDF needs")


def build(site, pdf):
    """Print the course into a file.

    Parameters
    ----------
    site, pdf : Path
        The website, and the file.

    Raises
    ------
    RuntimeError
        When there is no Chromium, or the pages cannot be shown.
    """
    book = site / "book.html"  # in the site, for its pictures and styles
    book.write_text(bind(site), encoding="utf-8")
    try:
        with lab.browser() as browser:
            page = browser.new_page()
            page.set_default_timeout(300_000)
            page.goto(book.as_uri())
            page.evaluate("async () => { await MathJax.startup.promise; await document.fonts.ready }")
            if broken := page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"):
                raise RuntimeError(f"pictures are missing: {', '.join(broken)}")
            page.pdf(
                path=pdf,
                format="A4",
                margin=dict.fromkeys(("top", "bottom", "left", "right"), MARGIN),
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER,
                print_background=True,
                outline=True,
                tagged=True,
            )
    finally:
        book.unlink()
