"""The course's notebooks as files, and proof that each rule they are held to can turn red.

That their cells still print what is stored is shown elsewhere: pytest runs them with nbval. A new notebook is held to
all of this as it is: nothing here names one but the first, which must lead to all others.
"""

import base64
import subprocess
import sys

import nbformat
import pytest
from nbconvert import ScriptExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from notebook_rules import ROOT, RULES, WIDGET, Page, link_targets, names
from prose_numbers import every_number_in_the_prose_is_covered_by_a_cell as numbers_rule

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
RULES = [*RULES, numbers_rule]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: "/".join(path.relative_to(FOLDER).parts))
def test_notebook(path):
    page = Page.read(path)
    complaints = [f"cell {number}: {words} ({rule.__name__})" for rule in RULES for number, words in rule(page)]
    assert not complaints, f"\n{path.relative_to(ROOT)}\n  " + "\n  ".join(complaints)


def test_the_first_notebook_leads_to_every_other_one():
    blocks = [block for _, blocks in Page.read(FOLDER / "00_start_here.ipynb").markdown for block in blocks]
    numbered = {path.name for path in FOLDER.glob("[0-9][0-9]_*.ipynb")} - {"00_start_here.ipynb"}
    assert numbered and numbered - set(link_targets(blocks)) == set()


@pytest.mark.parametrize("name", [path.name for path in FOLDER.glob("[0-9][0-9]_*.ipynb")])
def test_readme_and_guide_lead_to_every_numbered_notebook(name):
    readme, guide = (path.read_text(encoding="utf-8") for path in (ROOT / "README.md", FOLDER / "README.md"))
    assert f"(notebooks/{name})" in readme, f"README.md needs a row for {name}"
    assert f"\n## {name[:2]} " in guide, f"notebooks/README.md needs a section that begins with ## {name[:2]}"


def test_every_notebook_with_exercises_has_solutions():
    numbered = [path for path in FOLDER.glob("[0-9][0-9]_*.ipynb") if path.name != "00_start_here.ipynb"]
    checked = [path for path in numbered if "check." in path.read_text(encoding="utf-8")]
    assert checked and [path.name for path in checked if not (FOLDER / "solutions" / path.name).exists()] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: "/".join(path.relative_to(FOLDER).parts))
def test_nbconvert_makes_a_python_script_of_it(path):
    script, resources = ScriptExporter().from_notebook_node(nbformat.read(path, as_version=4))
    assert resources["output_extension"] == ".py"
    compile(script, path.name, "exec")


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        ("sys.modules['mnist_scratch'] = None", "mnist_scratch"),
        ("sys.modules['numpy'] = None", "numpy"),
        ("sys.version_info = (3, 10, 12)", "Python 3.11"),
    ],
)
def test_notebook_00_says_when_the_kernel_is_not_the_courses(lacking, named):
    cell = next(source for *_, source in Page.read(FOLDER / "00_start_here.ipynb").code if "sys.executable" in source)
    program = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance()"
    )
    program += f"\n{lacking}\nsys.exit(not shell.run_cell({cell!r}).success)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    said = answer.stdout + answer.stderr
    assert answer.returncode == 1 and "Traceback" not in said
    assert named in said and sys.executable in said and "Kernel" in said


def test_a_cell_that_fails_when_it_is_run_twice_is_found_and_nothing_is_written(tmp_path):
    path = tmp_path / "made_up.ipynb"
    cells = [new_code_cell("stack = [1]"), new_code_cell("stack.pop()")]
    nbformat.write(new_notebook(cells=cells), path)
    before = path.read_bytes()
    command = [sys.executable, "-m", "tools.execute_notebooks", "--twice", str(path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 1 and "IndexError" in answer.stderr and path.read_bytes() == before


# ---------------------------------------------------------------------------------- a tiny notebook to break

ALT = "A line that rises from 0 to 2."


def printed(text):
    return new_output("stream", text=text)


def shown(data, kind="text/html", alt=ALT, words=f"<Figure: {ALT}>"):
    return new_output("display_data", {kind: data, "text/plain": words}, metadata={kind: {"alt": alt}})


def picture(n_bytes=100, kind="image/png", **words):
    return shown(base64.b64encode(bytes(n_bytes)).decode(), kind, **words)


@pytest.fixture
def page(tmp_path):
    """A notebook that keeps every rule."""
    (tmp_path / "notebooks").mkdir()
    read_me = '# Read me\n\n## Get `started` now\n\n<a id="now"></a>Now.\n'
    (tmp_path / "README.md").write_text(read_me, encoding="utf-8")
    cells = [
        new_markdown_cell("# Tiny\n\nSee [the start](#A-first-cell) and [more](../README.md#get-started-now)."),
        new_markdown_cell("## A first cell\n\nIt prints 0.25, see [the page](https://example.org/a/b)."),
        new_code_cell("x, n = 0.25, 0\nprint(x)", outputs=[printed("0.25\n")], execution_count=1),
        new_code_cell(""),
        new_markdown_cell("## A picture\n\n![a dot](https://example.org/dot.png)"),
        new_code_cell("plot(x)", outputs=[picture()], execution_count=2),
    ]
    return Page(tmp_path / "notebooks" / "tiny.ipynb", new_notebook(cells=cells), tmp_path)


def broken_rules(page):
    page.__dict__.pop("markdown", None)  # read anew
    return {rule.__name__ for rule in RULES if list(rule(page))}


def test_the_tiny_notebook_keeps_every_rule(page):
    assert broken_rules(page) == set()


def written(text):
    return lambda cells: cells[1].update(source=cells[1].source + "\n\n" + text)


def first(**change):
    return lambda cells: cells[2].update(change)


def also_shown(output):
    return lambda cells: cells[2].outputs.append(output)


def drawn(*outputs):
    return lambda cells: cells[5].update(outputs=list(outputs))


def added(*sources):
    return lambda cells: cells.extend(new_code_cell(s, execution_count=n) for n, s in enumerate(sources, start=3))


BREAKS = {
    "every_cell_was_run_in_order": [first(execution_count=None), first(execution_count=3)],
    "no_output_is_an_error": [also_shown(new_output("error", ename="E", evalue="", traceback=[]))],
    "no_output_is_ignored_without_an_assertion": [
        first(metadata={"tags": ["nbval-ignore-output"]}),
        first(metadata={"tags": ["nbval-skip"]}),
        first(source="# NBVAL_SKIP\nx = 0.25\nprint(x)"),
        first(source="# NBVAL_IGNORE_OUTPUT\nx = 0.25\nprint('assert')\ndef f():\n    assert x"),
    ],
    "every_cell_can_run_again": map(added, ["n += 1", "n = 2 * n", "n.append(1)", "n[0].y |= {1}"]),
    "no_cell_takes_a_name_that_an_earlier_one_needs": [
        *map(added, ["x = [1]", "def plot(x):\n    return x", "import math as x"]),
        added("k = 1\ndef f():\n    return k", "f()", "k = 2"),
    ],
    "no_absolute_path": [
        written("Look into `/Users/ada`."),
        *map(also_shown, map(printed, ["File /tmp/ipykernel_1/2.py:1", "in /root", "in C:" + "\\Users\\ada"])),
    ],
    "no_file_is_looked_for_from_the_working_directory": [added("open('../data/README.md')")],
    "no_widget_is_stored": [lambda cells: cells[5].outputs[0].data.update({WIDGET: {}})],
    "nothing_stored_can_execute": [
        written("<script>alert()</script>"),
        written("<SCRIPT src='https://example.org/a.js'></SCRIPT>"),
        written('<img alt="a dot"/onload=alert() src="../README.md">'),
        written('<iframe srcdoc="x"></iframe>'),
        written("<svg><a>x</a></svg>"),
        written('<b title=">" onmouseover="alert()">x</b>'),
        also_shown(shown("<script>alert()</script>")),
        also_shown(shown("<a href=' javascript:x'>")),
        also_shown(shown("alert()", "application/javascript")),
        also_shown(shown("<b>x</b>", "image/svg+xml")),
        first(metadata={"trusted": True}),
        first(metadata={"init_cell": True}),
        lambda cells: cells[2].outputs[0].update(metadata={"trusted": True}),
        lambda cells: cells[1].update(attachments={"x.svg": {"image/svg+xml": "<svg/>"}}),
        lambda cells: cells.append(new_raw_cell("<script>")),
    ],
    "one_title_and_no_level_skipped": [
        lambda cells: cells.insert(0, new_markdown_cell("First, a word.")),
        *map(written, ["# Another title", "#### Deep"]),
    ],
    "every_picture_has_alt_text": [
        drawn(picture(alt="")),
        drawn(picture(alt="A line.", words="A line.")),
        drawn(picture(words="<Figure>")),
        drawn(picture(alt="", kind="image/jpeg")),
        *map(written, ["![ ](https://example.org/dot.png)", '<img src="../README.md" alt="">']),
    ],
    "no_picture_is_large": [drawn(picture(60_001))],
    "cells_are_short": [added("y = 0\n" * 21), added(*["y = 0\n" * 7] * 3)],
    "every_link_leads_somewhere": map(
        written,
        [
            "[there](02_nowhere.ipynb)",
            "[there](../README.md#nowhere)",
            "[there](#a-first-cell)",
            "[there](../../outside.md)",
            "[there](http://example.org)",
            "<https://example>",
            "[there]()",
            '<a href="nowhere.html">x</a>',
        ],
    ),
    "every_number_in_the_prose_is_covered_by_a_cell": [written("It is 0.26.")],
}


@pytest.mark.parametrize(("rule", "change"), [(rule, change) for rule in BREAKS for change in BREAKS[rule]])
def test_each_rule_can_turn_red_alone(page, rule, change):
    change(page.content.cells)
    assert broken_rules(page) == {rule}


@pytest.mark.parametrize(
    ("key", "rule"), [("widgets", "no_widget_is_stored"), ("trusted", "nothing_stored_can_execute")]
)
def test_the_metadata_of_the_notebook_are_looked_at(page, key, rule):
    page.content.metadata[key] = {}
    assert broken_rules(page) == {rule}


def test_every_rule_is_broken_above():
    assert {rule.__name__ for rule in RULES} == set(BREAKS)


@pytest.mark.parametrize(
    "change",
    [
        first(source="# NBVAL_IGNORE_OUTPUT\nx = 0.25\nassert x > 0.1\nprint(x)"),
        first(source="x = [0.25]\nx.append(1)\nx += [2]\nprint([x for x in x], np.sort(x))"),
        added("def f(x):\n    y = [x]\n    y.append(x)\n    return y\n\n\nf(x)"),
        added("y = 0\n" * 20),
        drawn(picture(60_000)),
        written("```\n# no title\n[no link](nowhere)\n```\n\n`[no](link)`"),
        written("[up](../README.md), [now](../README.md#now), [here](tiny.ipynb#A-first-cell)"),
        written("[a](https://en.wikipedia.org/wiki/Rank_(linear_algebra))"),
        written('<img src="../README.md" alt="a dot">'),
        written("`<script>` once = on; x < y one = 2, if a <b> on </b>."),
        written("And/or https://example.org/home/ada, a/tmp/b."),
        also_shown(shown('<div class="cell on">only <code>on</code> = 1</div>')),
    ],
)
def test_what_is_allowed_stays_green(page, change):
    change(page.content.cells)
    nbformat.write(page.content, page.path)
    assert broken_rules(page) == set()


@pytest.mark.parametrize(
    ("source", "needed", "bound"),
    [
        ("x = 1\ny = x", "", "x y"),
        ("y = [x for x in range(3)]", "", "y"),
        ("def f(a):\n    return a + b", "b", "f"),
        ("b = 1\nf = lambda a: a + b", "", "b f"),
        ("for i, x in enumerate(xs):\n    t = t + x", "xs t", "i x t"),
        ("class C(B):\n    n = m", "B m", "C"),
        ("import a.b as c\nwith d as e:\n    pass", "d", "c e"),
        ("%matplotlib inline\nx", "x", ""),
        ("if x:\n    !ls\n    y = 1", "x", "y"),
    ],
)
def test_which_names_a_cell_needs_and_binds(source, needed, bound):
    assert names(source) == (set(needed.split()), set(bound.split()))
