"""Which numbers in a notebook's prose a code cell nearby has to show, and when it does."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_rules import ROOT, Page
from prose_numbers import every_number_in_the_prose_is_covered_by_a_cell as rule


def complaints(*cells):
    """About a notebook of texts (Markdown) and (source, output) pairs (code), in this order."""
    content = [
        new_markdown_cell(cell) if isinstance(cell, str) else new_code_cell(cell[0], outputs=[printed(cell[1])])
        for cell in cells
    ]
    page = Page(ROOT / "notebooks" / "made_up.ipynb", new_notebook(cells=content))
    return [f"cell {number}: {words}" for number, words in rule(page)]


def printed(text):
    return new_output("stream", text=text)


@pytest.mark.parametrize(
    ("text", "source", "output"),
    [
        ("a quarter is 0.25", "x = 0.25", ""),
        ("minus: −0.25", "", "-0.25"),
        ("50,000 images", "n = 50_000", ""),
        ("$m = 50{,}000$", "", "50000"),
        ("$97\\,\\%$ right", "", "97.1%"),
        ("below $10^{-7}$", "steps = 10.0**-7", ""),
        ("some $3 \\times 10^{-5}$", "", "2.9e-05"),
        ("about 100,000 weights", "", "109,386"),
        ("the magic number 2051", "x = 0x803", ""),
    ],
)
def test_a_number_that_a_cell_shows_is_covered(text, source, output):
    assert complaints("# Title\n\n" + text, (source, output)) == []


@pytest.mark.parametrize(
    ("text", "source", "output"),
    [
        ("a quarter is 0.25", "", "0.26"),
        ("a quarter is 0.25", "x = 1  # 0.25", ""),
        ("about 100,000 weights", "", "209,386"),
        ("97 % right", "", "0.9649"),
        ("784 pixels", "float784 = x784", ""),
        ("below $10^{-7}$", "assert error < 1e-8", ""),
        ("$$\n\\eta = 0.1\n$$", "", "0.2"),
        ("| a |\n|---|\n| 0.25 |", "", "0.5"),
        ("<div>0.25</div>", "", "0.5"),
        ("[0.25 of them](08_five_networks.ipynb)", "", "0.5"),
        ("The 1998 images", "", "0.5"),
        ("![a curve down to 0.25](x.png)", "", "0.5"),
    ],
)
def test_a_number_that_no_cell_shows_is_named(text, source, output):
    (complaint,) = complaints("# Title\n\n" + text, (source, output))
    assert complaint.startswith("cell 1: ")


@pytest.mark.parametrize(
    "text",
    [
        "three of 10, 28 × 28, 64 units",
        "# 09 · Go past 99 %\n\nAfter [08 Reproduce 0.25](08_five_networks.ipynb).",
        "`0.25` and ``0.25 ` `` and\n\n```python\nx = 0.25\n```\n",
        "[link](https://example.org/0.25/1234) and <https://example.org/1234> and https://example.org/1234",
        "LeCun (1998), LeCun et al. 1998, (Srivastava et al., 2014; He et al., 2015), arXiv:1412.6980",
        "It began in 1989 and goes on since 2012.",
        "Exercise 3.1, notebook 03, float32, Python 3.11",
        "120 minutes; 90–120 minutes",
        "**3.1** Try it.\n\n**3.2 Try more.**\n\n- **10.3** And more, as in notebook 10.",
        '<span style="width: 0.25em; height: 100px">x</span><!-- 0.25 -->',
        "Is it 0.25?",
        "## Further reading\n\nPages 2278–2324, 86.11.\n\n### More\n\n0.25",
    ],
)
def test_what_is_no_claim_is_left_alone(text):
    assert complaints("# Title\n\n" + text, ("x = 1", "")) == []


@pytest.mark.parametrize(
    ("place", "far"),
    [("# Title", False), ("## One", False), ("## Two", False), ("## Three", True), ("## Summary", False)],
)
def test_a_number_is_looked_up_in_its_section_and_its_neighbors_and_from_the_summary_everywhere(place, far):
    sections = ["# Title", "## One", ("x = 0.25", ""), "## Two", "## Three", ("", "0.75"), "## Summary"]
    cells = [f"{cell}\n\nIt is 0.25." if cell == place else cell for cell in sections]
    assert bool(complaints(*cells)) is far
