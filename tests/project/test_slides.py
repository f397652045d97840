"""Slides: what each cell is on them, and a deck."""

import base64
import re
import struct
from pathlib import Path

import nbformat
import pytest

from tools import slides
from tools.execute_notebooks import find_notebooks

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = find_notebooks(ROOT / "notebooks")
QUESTION = 'how_many = predict(\n    "How many?",\n    {"1": "a", "2": "b"},\n)\nhow_many'


def text(words):
    return nbformat.v4.new_markdown_cell(words)


def code(source, *outputs):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs))


def picture(height):
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 800, height) + bytes(60)
    return nbformat.v4.new_output("display_data", {"image/png": base64.b64encode(header).decode()})


TITLE, PLOT, SEE = text("# T"), code("plot()", picture(400)), text("See how it falls.")
STUB = code("def f(x):\n    raise NotImplementedError('exercise 2.1')")
PRINTED = nbformat.v4.new_output("stream", text="1\n")
LATER = [text("**1.1** Do it."), code("1 + 1"), text("### Also")]

RULES = {
    "exercises stay off": (
        [TITLE, text("## Exercises"), *LATER, text("## Next"), SEE],
        "slide skip skip skip skip slide -",
    ),
    "checks, stubs and bare imports stay off": (
        [TITLE, code("check.softmax(my_softmax)"), STUB, code(""), code("import os")],
        "slide skip skip skip skip",
    ),
    "a picture has its own, its reading a key press later": (
        [TITLE, text("Words."), text("The curve:"), PLOT, SEE],
        "slide - subslide - fragment",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_what_a_cell_is_on_the_slides(rule):
    cells, types = RULES[rule]
    assert " ".join(slides.slide_types(cells)) == types


def test_the_code_of_a_question_is_hidden_and_takes_no_room():
    for source in (QUESTION, "x = 1\n" + QUESTION):
        assert slides.is_question(code(source)) and slides.cell_height(code(source)) == 0
        assert not slides.is_question(text(source))
    for source in ("answers = net.predict(images)", "from mnist_scratch.classroom import predict"):
        assert not slides.is_question(code(source)) and slides.cell_height(code(source)) > 0


def test_a_long_text_is_cut_between_paragraphs_and_before_sections():
    hundred = "word" + " word" * 99
    long = text("\n\n".join([hundred] * 12))
    parts = slides.pieces(long)
    assert len(parts) > 1 and "\n\n".join(part.source for part in parts) == long.source
    assert all(slides.cell_height(part) <= slides.ROOM for part in parts)
    assert [part.source for part in slides.pieces(text("Words.\n\n## Next\n\nMore."))] == ["Words.", "## Next\n\nMore."]
    announced = text("\n\n".join([*[hundred] * 4, "The sum is:", "$$a\n\n+ b$$", "More."]))
    assert all(not part.source.endswith(":") and part.source.count("$$") != 1 for part in slides.pieces(announced))
    assert slides.pieces(SEE) == [SEE]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_notebook_holds_the_types_of_the_rule_and_fits_its_slides(path):
    notebook, meant = (nbformat.read(path, as_version=4) for _ in range(2))
    slides.store(meant)
    differ = [n for n, pair in enumerate(zip(notebook.cells, meant.cells, strict=True)) if pair[0] != pair[1]]
    assert not differ, f"cells {differ}: run make notebooks, or python -m tools.execute_notebooks --no-run {path}"
    if path.parent.name == "solutions":
        return
    cells = [piece for cell in notebook.cells for piece in slides.pieces(cell)]
    heights = []
    for cell, kind in zip(cells, slides.slide_types(cells), strict=True):
        if kind in ("slide", "subslide"):
            heights.append(0)
        if kind != "skip":
            heights[-1] += slides.cell_height(cell)
    # the deck shows a slide that is too high at seven tenths of its size at least
    assert len(heights) >= 2 and max(heights) < slides.HEIGHT / 0.7


def test_a_deck_needs_nothing_from_elsewhere_and_gives_no_answer_away(tmp_path):
    path = ROOT / "notebooks" / "02_forward_pass.ipynb"
    parts = {"reveal_css": "<style></style>", "reveal_js": "<script></script>", "mathjax": "<script></script>"}
    slides.build(path, tmp_path, parts)
    html = (tmp_path / "02_forward_pass.slides.html").read_text(encoding="utf-8")
    assert re.findall(r'<(?:script|img|link)\b[^>]*\b(?:src|href)="(?!data:)[^"]*"', html) == []
    assert "@import" not in html and "http-equiv" not in html
    assert html.count("<section") > 20 and html.count("<section") == html.count("</section")
    words = re.sub(r"<[^>]*>", "", html)
    assert "Predict." in words and "= predict(" not in words, "the answers stand in the code of a question"
    assert "Further reading" not in html and "NotImplementedError" not in html
    assert 'href="01_data.slides.html"' in html
    alts = re.findall(r'<img alt="([^"]*)"', html)
    assert len(alts) == html.count("<img") > 3
    assert all(len(alt) > 20 and "No description" not in alt for alt in alts)
