"""Slides: what each cell is on them, and a deck."""

import base64
import json
import re
import struct
from pathlib import Path

import nbformat
import pytest

from tools import npm, slides

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(p for p in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
COURSE = [path for path in NOTEBOOKS if path.parent.name != "solutions"]


def text(words):
    return nbformat.v4.new_markdown_cell(words)


def code(source, *outputs):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs))


def picture(height):
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 800, height) + bytes(60)
    return nbformat.v4.new_output("display_data", {"image/png": base64.b64encode(header).decode()})


def types(*cells):
    return slides.slide_types(cells)


def paragraph(pixels):
    """A paragraph that takes about so many pixels."""
    words = "word " * 22 * max(1, round((pixels - 16) / slides.LINE))
    assert abs(slides.text_height(words) - pixels) < 2 * slides.LINE
    return text(words)


QUESTION = 'how_many = predict(\n    "How many?",\n    {"1": "a", "2": "b"},\n)\nhow_many'


# ------------------------------------------------------------------------------------------- what a cell becomes


def test_titles_and_sections_open_slides():
    assert types(text("# Title"), text("## One"), text("Words."), text("## Two"), text("### Part")) == [
        *("slide", "slide", "-", "slide", "subslide")
    ]


def test_the_first_cell_that_is_shown_opens_a_slide_whatever_it_is():
    assert types(code("import numpy"), text("Words."), text("More.")) == ["skip", "slide", "-"]


@pytest.mark.parametrize("title", ["Exercises", "Further reading", "Where to go next"])
def test_what_is_for_later_is_left_out_to_the_next_section(title):
    cells = text(f"## {title}"), text("**1.1** Do it."), code("1 + 1"), text("### Also"), text("## Summary"), text("!")
    assert types(text("# T"), *cells) == ["slide", "skip", "skip", "skip", "skip", "slide", "-"]


@pytest.mark.parametrize(
    "source", ["check.softmax(my_softmax)", "def f(x):\n    raise NotImplementedError('exercise 2.1')", "", "import os"]
)
def test_stubs_checks_and_bare_imports_are_left_out(source):
    assert types(text("# T"), code(source)) == ["slide", "skip"]


def test_an_import_that_shows_something_is_shown():
    printed = nbformat.v4.new_output("stream", text="1\n")
    assert types(text("# T"), code("import os\nprint(1)", printed)) == ["slide", "-"]


def test_what_is_too_high_goes_on_below():
    cells = text("# T"), paragraph(400), paragraph(400), paragraph(100)
    assert types(*cells) == ["slide", "-", "subslide", "-"]


def test_a_paragraph_stays_with_the_code_it_announces():
    shown = code("\n".join(["x = 1"] * 12))
    assert types(text("# T"), paragraph(400), paragraph(80), shown) == ["slide", "-", "subslide", "-"]
    assert types(text("# T"), paragraph(200), paragraph(80), shown) == ["slide", "-", "-", "-"]


def test_announced_code_that_is_a_little_too_high_stays():
    shown = code("\n".join(["x = 1"] * 15))
    assert slides.ROOM < slides.text_height("## A") + 400 + slides.cell_height(shown) < slides.SQUEEZED
    assert types(text("# T"), text("## A"), paragraph(400), shown) == ["slide", "slide", "-", "-"]


def test_announced_code_that_is_far_too_high_goes_below():
    assert types(text("# T"), paragraph(400), code("\n".join(["x = 1"] * 30))) == ["slide", "-", "subslide"]


def test_a_picture_has_its_own_subslide_and_its_reading_comes_a_key_press_later():
    cells = text("# T"), text("Words."), text("The curve:"), code("plot()", picture(400)), text("See how it falls.")
    assert types(*cells) == ["slide", "-", "subslide", "-", "fragment"]
    assert types(text("# T"), code("1"), code("plot()", picture(400)), text("See.")) == [
        *("slide", "-", "subslide", "fragment")
    ]


def test_no_slide_is_a_bare_title():
    cells = text("# T"), text("## The curve"), text("It falls:"), code("plot()", picture(400))
    assert types(*cells) == ["slide", "slide", "-", "-"]


def test_a_section_that_begins_with_its_picture_keeps_it():
    assert types(text("# T"), text("## The curve"), code("plot()", picture(400))) == ["slide", "slide", "-"]


def test_two_pictures_are_two_subslides():
    pictures = code("plot(1)", picture(300)), code("plot(2)", picture(300))
    assert types(text("# T"), *pictures) == ["slide", "-", "subslide"]


def test_a_question_ends_its_subslide():
    cells = text("# T"), text("Guess first."), code(QUESTION), text("It says:"), code("how_many.reveal(2)")
    assert types(*cells) == ["slide", "-", "-", "subslide", "-"]
    assert types(text("# T"), code(QUESTION), code("how_many.reveal(2)")) == ["slide", "-", "subslide"]


@pytest.mark.parametrize(
    ("source", "asks"),
    [
        (QUESTION, True),
        ("x = 1\n" + QUESTION, True),
        ("answers = net.predict(images)", False),
        ("from mnist_scratch.classroom import predict", False),
        ("def predict(x):\n    return x", False),
    ],
)
def test_what_is_a_question(source, asks):
    assert slides.is_question(code(source)) == asks
    assert not slides.is_question(text(source))


# ------------------------------------------------------------------------------------------------------- heights


def test_more_text_is_higher():
    one = slides.text_height("Words.")
    assert one < slides.text_height("Words. " * 60) and one < slides.text_height("Words.\n\nWords.")
    assert slides.text_height("- a\n- b\n- c") > slides.text_height("a b c")
    assert slides.text_height("## Words") > one and slides.text_height("$$\\frac{a}{b}$$") > slides.text_height("$$a$$")


def test_a_picture_is_as_high_as_it_is_but_never_higher_than_a_slide_shows():
    heights = [slides.cell_height(code("plot()", picture(h))) for h in (100, 400, 5000)]
    assert heights[1] - heights[0] == 300 and heights[2] < slides.HEIGHT
    sharp = picture(800)  # twice as many pixels as it takes on the page
    sharp.metadata = {"image/png": {"width": 400, "height": 400}}
    assert slides.cell_height(code("plot()", sharp)) == heights[1]


def test_the_code_of_a_question_takes_no_room():
    assert slides.cell_height(code(QUESTION)) == 0


def test_a_formula_that_spans_a_blank_line_is_one_block():
    assert slides.blocks("One.\n\n$$a\n\nb$$\n\nTwo.") == ["One.", "$$a\n\nb$$", "Two."]


def test_a_long_text_is_cut_between_paragraphs_and_before_sections():
    long = text("\n\n".join(["word" + " word" * 99] * 12))
    parts = slides.pieces(long)
    assert len(parts) > 1 and "\n\n".join(part.source for part in parts) == long.source
    assert all(slides.cell_height(part) <= slides.ROOM for part in parts)
    assert [part.source for part in slides.pieces(text("Words.\n\n## Next\n\nMore."))] == ["Words.", "## Next\n\nMore."]
    announced = text("\n\n".join([*["word" + " word" * 99] * 4, "The sum is:", "$$a + b$$", "More."]))
    assert all(not part.source.endswith(":") for part in slides.pieces(announced))
    short = text("Short.")
    assert slides.pieces(short) == [short]


# ------------------------------------------------------------------------------------------------- the notebooks


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_stored_slide_types_are_those_of_the_rule(path):
    stored = json.loads(path.read_text(encoding="utf-8"))["cells"]
    notebook = nbformat.read(path, as_version=4)
    slides.store(notebook)
    asked = [cell.metadata for cell in notebook.cells]
    differ = [n for n, (cell, meant) in enumerate(zip(stored, asked, strict=True), 1) if cell["metadata"] != meant]
    assert not differ, f"{path.name}, cells {differ}: run make notebooks, or python tools/slides.py"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_code_of_each_question_is_folded_away(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        folded = cell["metadata"].get("jupyter", {}).get("source_hidden", False)
        assert folded == slides.is_question(cell), "".join(cell["source"])[:60]


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_nothing_is_higher_than_a_slide_made_smaller(path):
    # reveal.js shows such a slide at seven tenths of its size at least
    cells = [piece for cell in nbformat.read(path, as_version=4).cells for piece in slides.pieces(cell)]
    heights = []
    for cell, kind in zip(cells, slides.slide_types(cells), strict=True):
        if kind in ("slide", "subslide"):
            heights.append(0)
        if kind != "skip":
            heights[-1] += slides.cell_height(cell)
    assert len(heights) >= 2 and max(heights) < slides.HEIGHT / 0.7


def test_a_deck_needs_nothing_from_elsewhere(tmp_path, capsys):
    path = ROOT / "notebooks" / "02_forward_pass.ipynb"
    parts = {"reveal_css": "<style></style>", "reveal_js": "<script></script>", "mathjax": "<script></script>"}
    slides.build(path, tmp_path, parts)
    html = (tmp_path / "02_forward_pass.slides.html").read_text(encoding="utf-8")
    assert re.findall(r'<(?:script|img|link)\b[^>]*\b(?:src|href)="(?!data:)[^"]*"', html) == []
    assert "@import" not in html and "http-equiv" not in html
    assert html.count("<section") > 20 and html.count("<section") == html.count("</section")
    words = re.sub(r"<[^>]*>", "", html)
    assert "overflow.reveal(" in words and "Predict." in words
    assert "overflow = predict(" not in words, "the answers stand in the code of a question"
    assert "Further reading" not in html and "NotImplementedError" not in html
    assert 'href="01_data.slides.html"' in html
    alts = re.findall(r'<img alt="([^"]*)"', html)
    assert len(alts) == html.count("<img") > 3
    assert all(len(alt) > 20 and "No description" not in alt for alt in alts)


def test_without_npm_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "CACHE", tmp_path)
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="npm is needed once"):
        slides.tools_of_a_deck()


def test_what_was_fetched_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "CACHE", tmp_path)
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    for package, files in slides.FETCHED.items():
        for file in files:
            (tmp_path / package / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / package / file).write_text(f"/* {file} */", encoding="utf-8")
    parts = slides.tools_of_a_deck()
    assert "dist/reveal.js" in parts["reveal_js"] and "reveal.css" in parts["reveal_css"] and "svg" in parts["mathjax"]
