"""The website as far as it can be tested without Sphinx: what is laid out for it, what npm fetches."""

import io
import re
import subprocess
import sys
import tarfile
import types
from pathlib import Path

import pytest

from tools import first_page, lab, npm, website

ROOT = Path(__file__).resolve().parents[2]


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


def test_a_notebook_that_nobody_described_is_listed_with_its_first_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(first_page, "SHOWS", {})
    first_page.write(tmp_path)
    listed = (tmp_path / "_contents.md").read_text(encoding="utf-8")
    assert "\n\n" not in listed.strip(), "Markdown would end the list there"
    names = re.findall(r'href="notebooks/(\w+)\.html"', listed)
    assert names == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    for name in names:
        alt = next(iter(first_page.pictures(name).values()))[1]
        assert listed.count(first_page.escape(alt)) == 2, "as the picture's alt text, and for all to read"


@pytest.mark.parametrize("shows", [{"SHOWS": {"01_data": ("gone", "words")}}, {"DRAWN": ("01_data", "gone")}])
def test_a_picture_that_is_gone_is_named_in_one_line(shows, tmp_path, monkeypatch):
    for name, value in shows.items():
        monkeypatch.setattr(first_page, name, value)
    with pytest.raises(RuntimeError, match="notebooks/01_data.ipynb has no cell gone"):
        first_page.write(tmp_path)


def test_a_warning_of_sphinx_stops_it_and_the_older_site_stays(tmp_path, monkeypatch, capsys):
    result, site = [0], tmp_path / "out"

    def build_main(options):
        Path(options[-1], "searchindex.js").touch()
        return result[0] if "--fail-on-warning" in options else 0

    monkeypatch.setattr(website, "lay_out", Path.mkdir)
    monkeypatch.setattr(website.recordings, "lay_out", lambda source: None)
    monkeypatch.setitem(sys.modules, "sphinx.cmd.build", types.SimpleNamespace(build_main=build_main))
    for name in ("sphinx", "sphinx.cmd"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    assert website.main([str(site)]) == 0
    assert "url=out/index.html" in (tmp_path / "index.html").read_text(encoding="utf-8")
    (site / "older.html").touch()
    result[0] = 1
    assert website.main([str(site)]) == 1
    assert "was not made: see above" in capsys.readouterr().err and (site / "older.html").exists()
    result[0] = 0
    assert website.main([str(site)]) == 0 and not (site / "older.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "out"]


@pytest.mark.parametrize("missing", ["find_spec", "chromium"])
def test_without_a_browser_a_pdf_is_refused_before_the_site_is_made(missing, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lab, missing, lambda *_: None)
    assert website.main(["--pdf", str(tmp_path / "out")]) == 1
    assert re.match(r"the PDF needs \w+[;:] .*install", capsys.readouterr().err) and not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------ what npm fetches


def test_a_package_is_fetched_once_and_never_kept_by_halves(tmp_path, monkeypatch):
    runs, files = [], ["es5/a.js", "b.js"]

    def run(command, cwd, **options):
        runs.append(command[-1])
        with tarfile.open(cwd / "packed.tgz", "w:gz") as archive:  # as `npm pack` leaves it
            for name in files:
                info = tarfile.TarInfo(f"package/{name}")
                info.size = 4
                archive.addfile(info, io.BytesIO(b"code"))
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


def test_why_npm_failed_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(npm, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    assert website.main([str(tmp_path / "site")]) == 1
    assert "npm is needed once" in capsys.readouterr().err
    monkeypatch.setattr(npm.shutil, "which", lambda name: "npm")
    failed = subprocess.CompletedProcess([], 1, "", "npm error FetchError:\nreason: refused")
    monkeypatch.setattr(npm.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="could not fetch thing@1: npm error FetchError: reason: refused"):
        npm.fetch("thing@1", ["a.js"])
