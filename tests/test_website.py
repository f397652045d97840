"""The website as far as it can be tested without Sphinx: docstrings, what is laid out for it, what it documents."""

import importlib
import inspect
import io
import re
import subprocess
import sys
import tarfile
import types
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tools"), str(ROOT / "docs")]
website, npm, docstrings = map(importlib.import_module, ("website", "npm", "docstrings"))
as_rst = docstrings.as_rst
LAY_OUT = website.lay_out


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


def documented():
    """The modules whose documentation is a part of the website."""
    pages = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("package.md", "classroom.md"))
    return re.findall(r"automodule:: mnist_scratch\.([\w.]+)$", pages, re.MULTILINE)


@pytest.mark.parametrize("name", documented())
def test_no_word_of_a_docstring_is_lost(name):
    module = importlib.import_module(f"mnist_scratch.{name}")
    ours = [obj for obj in vars(module).values() if getattr(obj, "__module__", "") == module.__name__]
    texts = [(obj, inspect.getdoc(obj)) for obj in (module, *ours) if inspect.getdoc(obj)]
    assert texts
    for obj, text in texts:
        assert words(as_rst(text, obj)) == words(text.replace("::", ""))


# -------------------------------------------------------------------------------------------- what is laid out


def test_what_is_laid_out_keeps_its_place_with_docs_on_top(tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "CACHE", tmp_path / "cache")
    fetched = tmp_path / "cache" / "mathjax@3.2.2" / "es5" / "tex-svg.js"
    fetched.parent.mkdir(parents=True)
    fetched.write_text("/* MathJax */", encoding="utf-8")
    folder = tmp_path / "source"
    website.lay_out(folder)
    assert (folder / "conf.py").is_file() and (folder / "_static" / "mathjax" / "tex-svg.js").is_file()
    for notebook in (ROOT / "notebooks").rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in notebook.parts:
            assert (folder / notebook.relative_to(ROOT)).read_bytes() == notebook.read_bytes()
    assert not list(folder.rglob("*.gz")) and not list(folder.rglob("*.npz"))
    links = [
        (page.relative_to(folder).as_posix(), link)
        for page in [folder / "README.md", *folder.glob("*/*.md")]
        for link in re.findall(
            r"\]\((?!https?:|#|[./]*(?:mnist_scratch|docs))([^)#]+)", page.read_text(encoding="utf-8")
        )
    ]
    assert ("README.md", "environment.yml") in links
    dead = [(page, link) for page, link in links if not (folder / page).parent.joinpath(link).exists()]
    assert dead == [], "make site would stop at these links"


@pytest.fixture
def sphinx(monkeypatch):
    """Sphinx, replaced: it writes two pages, or fails. The list of its arguments, and whether it fails."""
    made = types.SimpleNamespace(options=[], fails=False)

    def build_main(options):
        made.options[:] = options
        for name in ("index.html", "searchindex.js"):
            Path(options[-1], name).touch()
        return int(made.fails)

    module = types.ModuleType("sphinx.cmd.build")
    module.build_main = build_main
    for name in ("sphinx", "sphinx.cmd"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "sphinx.cmd.build", module)
    monkeypatch.setattr(website, "lay_out", Path.mkdir)
    return made


def test_it_says_what_is_missing(tmp_path, sphinx, monkeypatch, capsys):
    monkeypatch.setattr(website, "lay_out", LAY_OUT)
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    monkeypatch.setattr(npm, "CACHE", tmp_path / "cache")
    assert website.main([str(tmp_path / "site")]) == 1
    assert "npm is needed once" in capsys.readouterr().err


def test_a_warning_of_sphinx_stops_it_and_the_older_site_stays(tmp_path, sphinx, capsys):
    site = tmp_path / "out"
    assert website.main([str(site)]) == 0
    assert "--fail-on-warning" in sphinx.options
    assert "url=out/index.html" in (tmp_path / "index.html").read_text(encoding="utf-8")
    (site / "gone.html").touch()
    sphinx.fails = True
    assert website.main([str(site)]) == 1
    assert "was not made: see above" in capsys.readouterr().err and (site / "gone.html").exists()
    sphinx.fails = False
    assert website.main([str(site)]) == 0 and not (site / "gone.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "out"]


def test_a_folder_with_something_else_is_left_alone(tmp_path, sphinx, capsys):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert website.main([str(tmp_path)]) == 1
    assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


# ------------------------------------------------------------------------------------------ what npm fetches


def npm_packs(folder, files):
    """What `npm pack` would leave: an archive with these files."""
    with tarfile.open(folder / "packed.tgz", "w:gz") as archive:
        for name in files:
            info = tarfile.TarInfo(f"package/{name}")
            info.size = 4
            archive.addfile(info, io.BytesIO(b"code"))


def test_a_package_is_fetched_once_and_never_kept_by_halves(tmp_path, monkeypatch):
    runs, files = [], ["es5/a.js", "b.js"]

    def run(command, cwd, **options):
        runs.append(command[-1])
        npm_packs(cwd, files)
        return subprocess.CompletedProcess(command, 0, "packed.tgz\n", "")

    monkeypatch.setattr(npm, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(npm.shutil, "which", lambda name: name)
    monkeypatch.setattr(npm.subprocess, "run", run)
    with pytest.raises(RuntimeError, match="@some/thing@1.0, as npm fetched it, is not what was expected"):
        npm.fetch("@some/thing@1.0", ["es5/a.js", "not_there.js"])
    assert not list(tmp_path.rglob("a.js"))
    for _ in range(2):
        folder = npm.fetch("@some/thing@1.0", files)
        assert [(folder / name).read_bytes() for name in files] == [b"code", b"code"]
        assert runs == ["@some/thing@1.0"] * 2
    assert sorted(path.name for path in folder.rglob("*")) == ["a.js", "b.js", "es5"]


def test_why_npm_failed_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(npm.shutil, "which", lambda name: "npm")
    failed = subprocess.CompletedProcess([], 1, "", "npm error FetchError:\nreason: refused")
    monkeypatch.setattr(npm.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="could not fetch thing@1: npm error FetchError: reason: refused"):
        npm.fetch("thing@1", ["a.js"])


def test_no_page_of_docs_hides_a_file_of_the_course():
    hidden = [p for p in (ROOT / "docs").rglob("*.*") if (ROOT / p.relative_to(ROOT / "docs")).exists()]
    assert hidden == []


# ------------------------------------------------------------------------------------------ what is documented


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


def test_the_workflow_publishes_site_and_lite_together_once_the_tests_were_green():
    folder = ROOT / ".github" / "workflows"
    tests, workflow = (
        yaml.safe_load((folder / name).read_text(encoding="utf-8")) for name in ("test.yml", "pages.yml")
    )
    after = {"workflows": [tests["name"]], "types": ["completed"], "branches": ["main"]}
    assert workflow[True] == {"workflow_run": after, "workflow_dispatch": None}  # YAML takes `on` for a truth
    assert workflow["permissions"] == {"contents": "read"}
    build, deploy = workflow["jobs"]["build"], workflow["jobs"]["deploy"]
    assert "github.event.workflow_run.conclusion == 'success'" in build["if"]
    assert build["steps"][0]["with"]["persist-credentials"] is False
    assert "permissions" not in build
    commands = [step["run"] for step in build["steps"] if "run" in step]
    assert commands[0] == "make site lite"
    for part in ("index.html", "site", "lite"):
        assert f"build/{part} " in commands[1]
    upload = next(step for step in build["steps"] if "upload-pages-artifact" in step.get("uses", ""))
    assert commands[1].endswith(upload["with"]["path"])
    assert deploy["needs"] == "build" and deploy["permissions"] == {"pages": "write", "id-token": "write"}
