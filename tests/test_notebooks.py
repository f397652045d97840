"""The course's notebooks as files, and proof that each rule they are held to can turn red.

That their cells still print what is stored is shown elsewhere: pytest runs them with nbval.
"""

import base64
import copy
import json
from functools import partial

import pytest
from notebook_rules import ROOT, RULES, Page, covers, numbers_in, prose_only, shows_something
from notebook_rules import every_number_in_the_prose_is_covered_by_a_cell as numbers_rule

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
COURSE = [
    "00_start_here",
    "01_data",
    "02_forward_pass",
    "03_backpropagation",
    "04_gradient_check",
    "05_batch_vs_mini_batch",
    "06_regularization",
    "07_tuning",
    "08_five_networks",
    "09_past_99_percent",
    "playground",
]


def test_all_notebooks_are_there():
    missing = [name for name in COURSE if FOLDER / f"{name}.ipynb" not in NOTEBOOKS]
    assert not missing, f"these notebooks are missing from notebooks/: {', '.join(missing)}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, rule):
    complaints = rule(Page.read(path))
    assert not complaints, f"\n{path.relative_to(ROOT)}\n  " + "\n  ".join(complaints)


# ---------------------------------------------------------------------------------- a tiny notebook to break

ALT = "A line that rises from 0 to 2."
PICTURE = base64.b64encode(bytes(100)).decode()


def markdown(text):
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(source, *outputs, count=1, tags=()):
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source,
    }


def stream(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def picture(alt=ALT, data=PICTURE, text=f"<Figure: {ALT}>", kind="image/png"):
    metadata = {kind: {"alt": alt}} if alt is not None else {}
    return {"output_type": "display_data", "metadata": metadata, "data": {kind: data, "text/plain": text}}


def shown(data, kind, alt=None):
    metadata = {kind: {"alt": alt}} if alt else {}
    return {"output_type": "display_data", "metadata": metadata, "data": {kind: data, "text/plain": f"<x: {alt}>"}}


def add_to_prose(text, cells):
    cells[1]["source"] += "\n\n" + text


@pytest.fixture
def page(tmp_path):
    """A notebook that keeps every rule."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "README.md").write_text("# Read me\n\n## Get `started` now\n", encoding="utf-8")
    cells = [
        markdown("# Tiny\n\n30 minutes. See [the start](#A-first-*cell*) and [more](../README.md#get-started-now)."),
        markdown("## A first cell\n\nIt prints 0.25, see [the page](https://example.org/a/b)."),
        code("print(0.25)", stream("0.25\n")),
        code("", count=None),
        markdown("## A picture\n\n![a dot](https://example.org/dot.png)"),
        code("plot(x)", picture(), count=2),
    ]
    cells[0]["source"] = cells[0]["source"].replace("*", "")
    content = {"cells": cells, "metadata": {"kernelspec": {}}, "nbformat": 4, "nbformat_minor": 5}
    return Page(tmp_path / "notebooks" / "tiny.ipynb", content, tmp_path)


def broken_rules(page):
    return {rule.__name__ for rule in RULES if rule(page)}


def test_the_tiny_notebook_keeps_every_rule(page):
    assert {rule.__name__: rule(page) for rule in RULES if rule(page)} == {}


WINDOWS = "C:" + "\\"
BREAKS = [
    ("every_cell_was_run_in_order", lambda c: c[2].update(execution_count=None)),
    ("every_cell_was_run_in_order", lambda c: c[2].update(execution_count=3)),
    ("every_cell_was_run_in_order", lambda c: c[5].update(execution_count=1)),
    ("every_cell_that_shows_something_has_its_output", lambda c: c[2].update(outputs=[])),
    ("every_cell_that_shows_something_has_its_output", lambda c: c[5].update(outputs=[])),
    ("no_output_is_an_error", lambda c: c[2]["outputs"].append({"output_type": "error", "ename": "E", "evalue": ""})),
    ("no_output_is_ignored_without_an_assertion", lambda c: c[2]["metadata"].update(tags=["nbval-ignore-output"])),
    ("no_output_is_ignored_without_an_assertion", lambda c: c[2].update(source="# NBVAL_IGNORE_OUTPUT\nprint(1 / 4)")),
    (
        "no_output_is_ignored_without_an_assertion",
        lambda c: c[2].update(source="# NBVAL_IGNORE_OUTPUT\nprint('assert')\ndef f():\n    assert 1 / 4"),
    ),
    ("no_output_is_ignored_without_an_assertion", lambda c: c[2]["metadata"].update(tags=["nbval-skip"])),
    ("no_output_is_ignored_without_an_assertion", lambda c: c[2].update(source="# NBVAL_SKIP\nprint(1 / 4)")),
    ("no_cell_prints_how_long_it_took", lambda c: c[2].update(source="%time print(1 / 4)")),
    ("no_cell_prints_how_long_it_took", lambda c: c[2].update(source="%%timeit\n1 / 4")),
    ("no_cell_prints_how_long_it_took", lambda c: c[2]["outputs"].append(stream("Wall time: 3 s"))),
    ("no_cell_prints_how_long_it_took", lambda c: c[2]["outputs"].append(stream(" 50%|#####     | 1/2 "))),
    ("no_absolute_path", lambda c: c[2].update(source="print(1 / 4, '/home/ada/x')")),
    ("no_absolute_path", lambda c: c[2]["outputs"].append(stream("File /tmp/ipykernel_1/2.py:1"))),
    ("no_absolute_path", lambda c: c[2]["outputs"].append(stream("in /root"))),
    ("no_absolute_path", lambda c: c[2]["outputs"].append(stream(f"in {WINDOWS}Users{WINDOWS[-1]}ada"))),
    ("no_absolute_path", lambda c: c[1].update(source=c[1]["source"] + " Look into `/Users/ada`.")),
    (
        "no_widget_is_stored",
        lambda c: c[5]["outputs"][0]["data"].update({"application/vnd.jupyter.widget-view+json": {}}),
    ),
    *(
        ("nothing_stored_can_execute", partial(add_to_prose, text))
        for text in (
            "<script>alert()</script>",
            "<SCRIPT src='https://example.org/a.js'></SCRIPT>",
            '<img alt="a dot" src="../README.md" onerror="alert()">',
            '<img alt="a dot"/onload=alert() src="../README.md">',
            "<details ontoggle='alert()' open>x</details>",
            '<iframe srcdoc="x"></iframe>',
            "<svg><a>x</a></svg>",
            '<b title=">" onmouseover="alert()">x</b>',
        )
    ),
    ("nothing_stored_can_execute", lambda c: c[2]["outputs"].append(shown("<script>alert()</script>", "text/html"))),
    ("nothing_stored_can_execute", lambda c: c[2]["outputs"].append(shown("<b onclick='alert()'>x</b>", "text/html"))),
    ("nothing_stored_can_execute", lambda c: c[2]["outputs"].append(shown("<a href=' javascript:x'>", "text/html"))),
    ("nothing_stored_can_execute", lambda c: c[2]["outputs"].append(shown("alert()", "application/javascript"))),
    ("nothing_stored_can_execute", lambda c: c[2]["outputs"].append(shown("<b>x</b>", "image/svg+xml", alt=ALT))),
    ("nothing_stored_can_execute", lambda c: c[2]["outputs"][0].update(metadata={"trusted": True})),
    ("nothing_stored_can_execute", lambda c: c[2]["metadata"].update(trusted=True)),
    ("nothing_stored_can_execute", lambda c: c[2]["metadata"].update(init_cell=True)),
    ("nothing_stored_can_execute", lambda c: c[1].update(attachments={"x.svg": {"image/svg+xml": "<svg/>"}})),
    ("nothing_stored_can_execute", lambda c: c.append({"cell_type": "raw", "metadata": {}, "source": "<script>"})),
    ("one_title_and_no_level_skipped", lambda c: c[0].update(source=c[0]["source"].replace("# Tiny", "Tiny"))),
    ("one_title_and_no_level_skipped", lambda c: c[4].update(source="# A picture")),
    ("one_title_and_no_level_skipped", lambda c: c[4].update(source=c[4]["source"] + "\n\n#### Deep")),
    ("one_title_and_no_level_skipped", lambda c: c.insert(0, markdown("First, a word."))),
    ("every_picture_has_alt_text", lambda c: c[5].update(outputs=[picture(alt=None)])),
    ("every_picture_has_alt_text", lambda c: c[5].update(outputs=[picture(alt="A line.", text="A line.")])),
    ("every_picture_has_alt_text", lambda c: c[5].update(outputs=[picture(text="<Figure>")])),
    ("every_picture_has_alt_text", lambda c: c[5].update(outputs=[picture(alt=None, kind="image/jpeg")])),
    ("every_picture_has_alt_text", lambda c: c[4].update(source="## A picture\n\n![ ](https://example.org/dot.png)")),
    ("every_picture_has_alt_text", lambda c: c[4].update(source='## A picture\n\n<img src="../README.md" alt="">')),
    ("no_picture_is_large", lambda c: c[5].update(outputs=[picture(data=base64.b64encode(bytes(60_001)).decode())])),
    ("cells_are_short", lambda c: c.append(code("x = 0\n" * 21, count=3))),
    ("cells_are_short", lambda c: [c.append(code("x = 0\n" * 7, count=n)) for n in (3, 4, 5)]),
    ("every_link_leads_somewhere", lambda c: c[4].update(source="## A picture\n\n[there](02_nowhere.ipynb)")),
    ("every_link_leads_somewhere", lambda c: c[4].update(source="## A picture\n\n[there](../readme.md)")),
    ("every_link_leads_somewhere", lambda c: c[4].update(source="## A picture\n\n[there](../README.md#nowhere)")),
    ("every_link_leads_somewhere", lambda c: c[4].update(source="## A picture\n\n[there](#a-first-cell)")),
    ("every_link_leads_somewhere", lambda c: c[4].update(source="## A picture\n\n[there](../../outside.md)")),
    ("every_link_leads_somewhere", lambda c: c[4].update(source="## A picture\n\n[there](http://example.org)")),
    ("every_link_leads_somewhere", lambda c: c[4].update(source="## A picture\n\n<https://example>")),
    ("every_link_leads_somewhere", lambda c: c[4].update(source="## A picture\n\n[there]()")),
    ("every_link_leads_somewhere", lambda c: c[4].update(source='## A picture\n\n<a href="nowhere.html">x</a>')),
    ("every_number_in_the_prose_is_covered_by_a_cell", lambda c: c[1].update(source="## A first cell\n\nIt is 0.26.")),
]


@pytest.mark.parametrize(("rule", "breaks"), BREAKS, ids=lambda value: value if isinstance(value, str) else "")
def test_each_rule_can_turn_red_alone(page, rule, breaks):
    breaks(page.content["cells"])
    assert broken_rules(page) == {rule}


def test_stored_widgets_in_the_metadata_are_seen(page):
    page.content["metadata"]["widgets"] = {}
    assert broken_rules(page) == {"no_widget_is_stored"}


def test_a_notebook_marked_as_trusted_is_seen(page):
    page.content["metadata"]["trusted"] = True
    assert broken_rules(page) == {"nothing_stored_can_execute"}


def test_every_rule_is_broken_above():
    assert {rule.__name__ for rule in RULES} == {rule for rule, _ in BREAKS}


@pytest.mark.parametrize(
    "keeps",
    [
        lambda c: c[2].update(source="# NBVAL_IGNORE_OUTPUT\nassert 1 / 4 > 0.1\nprint(1 / 4)"),
        lambda c: c[4].update(source="## A picture\n\n```\n# no title\n[no link](nowhere)\n```\n\n`[no](link)`"),
        lambda c: c[4].update(source="## A picture\n\n[up](../README.md), [here](tiny.ipynb#A-first-cell)"),
        lambda c: c[4].update(source="## A picture\n\n[a](https://en.wikipedia.org/wiki/Rank_(linear_algebra))"),
        lambda c: c[4].update(source='## A picture\n\n<img src="../README.md" alt="a dot">'),
        lambda c: c.append(code("x = 0\n" * 20, count=3)),
        lambda c: c[1].update(source=c[1]["source"] + " `<script>` once = on; x < y one = 2, if a <b> on </b>."),
        lambda c: c[2]["outputs"].append(shown('<div class="cell on">only <code>on</code> = 1</div>', "text/html")),
        lambda c: c[1].update(source=c[1]["source"] + " And/or https://example.org/home/ada, a/tmp/b."),
        lambda c: c[5].update(outputs=[picture(data=base64.b64encode(bytes(60_000)).decode())]),
    ],
)
def test_what_is_allowed_stays_green(page, keeps):
    keeps(page.content["cells"])
    page.path.write_text(json.dumps(page.content), encoding="utf-8")
    assert {rule.__name__: rule(page) for rule in RULES if rule(page)} == {}


@pytest.mark.parametrize(
    ("source", "shows"),
    [
        ("x", True),
        ("x = 1", False),
        ("x += 1", False),
        ("x, y", True),
        ("net.accuracy(X, y)", True),
        ("if x:\n    print(x)", True),
        ("print(x)\ny = 1", True),
        ("def f():\n    print(1)", False),
        ("_ = fit(net)", False),
        ("np.testing.assert_allclose(a, b)", False),
        ("optimizer.step(a, b)", False),
        ("import numpy as np", False),
        ("None", False),
        ("%matplotlib inline\nx", True),
    ],
)
def test_which_cells_show_something(source, shows):
    assert shows_something(source) is shows


# ------------------------------------------------------------------------------------------ numbers in the prose


def prose(*cells):
    """A notebook of texts (markdown) and (source, output) pairs (code), in this order."""
    cells = [markdown(cell) if isinstance(cell, str) else code(cell[0], stream(cell[1])) for cell in cells]
    return Page(ROOT / "notebooks" / "made_up.ipynb", {"cells": cells, "metadata": {}})


@pytest.mark.parametrize(
    ("text", "source", "output"),
    [
        ("a quarter is 0.25", "", "0.25"),
        ("a quarter is 0.25", "x = 0.25", ""),
        ("a quarter is 0.2", "", "0.2499"),
        ("minus: −0.25", "", "-0.25"),
        ("50,000 images", "", "50000"),
        ("50,000 images", "n = 50_000", ""),
        ("50 000 images".replace(" ", "\u202f"), "", "50,000"),
        ("$m = 50{,}000$", "", "50000"),
        ("97 % right", "", "0.97"),
        ("97 % right", "", "0.9712"),
        ("97% right", "", "97.0"),
        ("97.5 % right", "assert accuracy > 0.975", ""),
        ("$97\\,\\%$ right", "", "97.1%"),
        ("a share of 0.97", "", "97.0%"),
        ("below 1e-7", "assert error < 1e-7", ""),
        ("below $10^{-7}$", "assert error < 1e-7", ""),
        ("below 10⁻⁷", "assert error < 1e-7", ""),
        ("below $10^{-7}$", "steps = 10.0**-7", ""),
        ("some $3 \\times 10^{-5}$", "", "2.9e-05"),
        ("some 3 · 10⁻⁵", "", "3e-05"),
        ("a 784-128-64-10 network", "Network([784, 128, 64, 10])", ""),
        ("about 100,000 weights", "", "109,386"),
        ("the magic number 2051", "x = 0x803", ""),
        ("in a table | 0.25 |", "", "<td>0.25</td>"),
        ("> quoted: 0.25", "", "0.25"),
    ],
)
def test_a_number_that_a_cell_shows_is_covered(text, source, output):
    assert numbers_rule(prose("# Title\n\n" + text, (source, output))) == []


@pytest.mark.parametrize(
    ("text", "source", "output"),
    [
        ("a quarter is 0.25", "", "0.26"),
        ("a quarter is 0.25", "x = 1  # 0.25", ""),
        ("a quarter is 0.250", "", "0.2512"),
        ("50,000 images", "", "50,001"),
        ("50,000 images", "", "60000"),
        ("100,000 weights", "", "109,386"),
        ("about 100,000 weights", "", "209,386"),
        ("97 % right", "", "0.96"),
        ("97 % right", "", "0.9649"),
        ("7% right", "", "0.08"),
        ("784 pixels", "float784 = x784", ""),
        ("784 pixels", "", "78"),
        ("below 1e-7", "assert error < 1e-6", ""),
        ("below $10^{-7}$", "assert error < 1e-8", ""),
        ("below 10⁻⁷", "", "10"),
        ("some $3 \\times 10^{-5}$", "", "3"),
        ("$\\eta = 0.1$", "", "0.2"),
        ("> quoted: 0.25", "", "0.5"),
        ("*0.25*", "", "0.5"),
        ("It is **0.25** now", "", "0.5"),
        ("(0.25)", "", "0.5"),
        ("[0.25 of them](08_five_networks.ipynb)", "", "0.5"),
        ("The 1998 images", "", "0.5"),
        ("![a curve down to 0.25](x.png)", "", "0.5"),
    ],
)
def test_a_number_that_no_cell_shows_is_named(text, source, output):
    (complaint,) = numbers_rule(prose("# Title\n\n" + text, (source, output)))
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
        "**3.1** Try it.\n\n**3.2 Try more.**\n\n- **3.3** And more.",
        '<span style="width: 0.25em; height: 100px">x</span><!-- 0.25 -->',
        "## Further reading\n\nPages 2278–2324, 86.11.\n\n### More\n\n0.25",
    ],
)
def test_what_is_no_claim_is_left_alone(text):
    assert numbers_rule(prose("# Title\n\n" + text, ("x = 1", ""))) == []


def test_reading_ends_where_the_next_section_begins():
    complaints = numbers_rule(prose("# Title\n\n## Further reading\n\n0.25\n\n## Next\n\n0.75", ("x = 1", "")))
    assert len(complaints) == 1 and "0.75" in complaints[0]


def test_minutes_are_checked_after_the_first_cell():
    assert len(numbers_rule(prose("# Title", "120 minutes", ("x = 1", "")))) == 1


def test_a_number_is_looked_up_in_its_section_and_its_neighbours_only():
    text = ["# Title\n\n## One", ("x = 0.25", ""), "## Two", "## Three", ("", "0.75"), "## Four"]
    for place, heading in enumerate(text):
        if isinstance(heading, str):
            changed = copy.copy(text)
            changed[place] = heading + "\n\nIt is 0.25."
            assert bool(numbers_rule(prose(*changed))) is (heading in ("## Three", "## Four")), heading


def test_sections_inside_one_cell_are_told_apart():
    page = prose("# T\n\n## One\n\n0.25\n\n## Two\n\n## Three\n\n0.25", ("x = 0.25", ""))
    assert [complaint.split(":")[0] for complaint in numbers_rule(page)] == ["cell 1"]


def test_the_complaint_names_cell_number_and_sentence():
    page = prose("# Title", "One thing. It reaches 97.3 % after\ntwo epochs. Then it stops.", ("x = 1", ""))
    (complaint,) = numbers_rule(page)
    assert complaint == "cell 2: no code cell nearby shows 97.3 %: It reaches 97.3 % after two epochs."


def test_numbers_are_read_with_their_precision():
    (number,) = numbers_in("0.250")
    assert covers(0.2504, number) and not covers(0.2506, number)
    assert [n.value for n in numbers_in("2 × 10⁻³, 1e3, 12,345, 7")] == pytest.approx([0.002, 1000, 12345, 7])


def test_blanked_prose_keeps_its_positions():
    text = "a `0.25` b [c](d_100) 0.5"
    assert len(prose_only(text, True)) == len(text)
    assert prose_only(text, True).index("0.5") == text.index("0.5")
