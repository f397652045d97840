"""The website as far as it can be tested without Sphinx: docstrings, what is laid out for it, what it documents."""

import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest
import yaml

from mnist_scratch import SGD, Network, fit

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tools"), str(ROOT / "docs")]
website, npm, docstrings = map(importlib.import_module, ("website", "npm", "docstrings"))
as_rst = docstrings.as_rst


# ------------------------------------------------------------------------------------------------- docstrings


def f(X, y, rng=None):
    """A function whose parameters docstrings may explain."""


def test_prose_is_one_paragraph_however_its_lines_were_cut():
    assert as_rst("The mean of\nall rows.\n\nIt takes\nno memory.") == "The mean of all rows.\n\nIt takes no memory."


def test_each_parameter_that_is_explained_begins_a_line():
    text = "X: rows. y: labels; rng: a generator, or\nNone. Returns a loss. Raises ValueError for no rows."
    assert as_rst(text, f).splitlines() == [
        "| *X*: rows.",
        "| *y*: labels;",
        "| *rng*: a generator, or None.",
        "| Returns a loss.",
        "| Raises ValueError for no rows.",
    ]


def test_only_parameters_of_that_very_function_begin_a_line():
    assert as_rst("Two parts. loss: the sum. y: labels.", f) == "| Two parts. loss: the sum.\n| *y*: labels."
    assert as_rst("What it says. Xavier: a name.", f) == "What it says. Xavier: a name."
    assert as_rst("One. y: two.") == "One. y: two."


def test_lines_that_the_author_ended_are_kept():
    assert as_rst('One of\n    "he": narrow;\n    "xavier": narrower.\nBoth.') == (
        '| One of\n|    "he": narrow;\n|    "xavier": narrower.\n| Both.'
    )


def test_what_stands_in_columns_or_is_indented_is_shown_as_it_stands():
    assert as_rst("check.names()     all\ncheck.hint(n)     more") == (
        "::\n\n    check.names()     all\n    check.hint(n)     more"
    )
    assert as_rst("So:\n\n    x = 1\n    y = 2") == "So:\n\n::\n\n    x = 1\n    y = 2"


def test_marks_of_formulas_stay_what_they_are():
    assert as_rst("|W|, a_k *b* and c_") == r"\|W\|, a\_k \*b\* and c\_"
    assert as_rst("Call `fit` or `A >= 0`.") == "Call :py:obj:`fit` or ``A >= 0``."


def test_a_shape_is_not_cut_at_the_end_of_a_line():
    assert as_rst("Zˡ (m, n_{l−1}) rows") == "Zˡ (m,\u00a0n\\_{l−1}) rows"


def words(text):
    return re.sub(r"[\s|\\`*\u00a0]|:py:obj:|::", "", text)


@pytest.mark.parametrize("obj", [Network, SGD, fit, *(m for m in sys.modules.values() if "mnist_scratch" in str(m))])
def test_no_word_of_a_docstring_is_lost(obj):
    if text := inspect.getdoc(obj):
        assert words(as_rst(text, obj)) == words(text.replace("::", ""))


# -------------------------------------------------------------------------------------------- what is laid out


def test_what_is_laid_out_keeps_its_place_with_docs_on_top(tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "CACHE", tmp_path / "cache")
    fetched = tmp_path / "cache" / "mathjax@3.2.2" / "es5" / "tex-svg.js"
    fetched.parent.mkdir(parents=True)
    fetched.write_text("/* MathJax */", encoding="utf-8")
    folder = tmp_path / "source"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks" / "99_gone.ipynb").touch()
    website.lay_out(folder)
    assert (folder / "conf.py").is_file() and (folder / "_static" / "mathjax" / "tex-svg.js").is_file()
    assert not (folder / "notebooks" / "99_gone.ipynb").exists()
    for notebook in (ROOT / "notebooks").rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in notebook.parts:
            assert (folder / notebook.relative_to(ROOT)).read_bytes() == notebook.read_bytes()
    assert not list(folder.rglob("*.gz")) and not list(folder.rglob("*.npz"))
    links = re.findall(r"\]\((?!https?:|mnist_scratch|docs)([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert "environment.yml" in links
    assert [link for link in links if not (folder / link).exists()] == [], "make site would stop at these links"


def test_it_says_what_is_missing(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sphinx")
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    monkeypatch.setattr(npm, "CACHE", tmp_path / "cache")
    assert website.main([str(tmp_path / "site")]) == 1
    assert "npm is needed once" in capsys.readouterr().err


def test_no_page_of_docs_hides_a_file_of_the_course():
    hidden = [p for p in (ROOT / "docs").rglob("*.*") if (ROOT / p.relative_to(ROOT / "docs")).exists()]
    assert hidden == []


# ------------------------------------------------------------------------------------------ what is documented


def documented():
    pages = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("package.md", "classroom.md"))
    return re.findall(r"automodule:: mnist_scratch\.([\w.]+)$", pages, re.MULTILINE)


def test_the_package_is_documented_in_the_order_in_which_it_is_read():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    to_read = re.findall(r"\]\(mnist_scratch/(\w+)\.py\)", readme)
    assert to_read and [name for name in documented() if not name.startswith("classroom")] == to_read


def test_every_module_of_the_classroom_is_documented():
    there = {path.stem for path in (ROOT / "mnist_scratch" / "classroom").glob("*.py")} - {"__init__"}
    assert there | {"exercises"} == {name.split(".")[1] for name in documented() if name.startswith("classroom.")}


@pytest.mark.parametrize("heading", ["Start", "The package", "The command line", "Changing the course", "Licence"])
def test_the_pages_find_what_they_take_from_the_readme(heading):
    pages = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("index.md", "package.md"))
    assert f'"## {heading}"' in pages
    assert (ROOT / "README.md").read_text(encoding="utf-8").count(f"## {heading}\n") == 1


# ------------------------------------------------------------------------------------------------- publishing


def test_the_workflow_publishes_site_and_lite_together():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8"))["jobs"]
    build, deploy = jobs["build"]["steps"], jobs["deploy"]
    commands = [step["run"] for step in build if "run" in step]
    assert commands[0] == "make site lite"
    for part in ("index.html", "site", "lite"):
        assert f"build/{part} " in commands[1]
    upload = next(step for step in build if "upload-pages-artifact" in step.get("uses", ""))
    assert commands[1].endswith(upload["with"]["path"])
    assert deploy["needs"] == "build" and deploy["permissions"] == {"pages": "write", "id-token": "write"}
