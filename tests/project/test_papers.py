"""What the papers promise: requirements that agree, genuine data, links that lead somewhere, commands that exist."""

import gzip
import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml  # comes with Jupyter, whose server needs it

import mnist_scratch
from mnist_scratch.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("", ".github", "benchmarks", "data", "docs", "notebooks", "results")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in FOLDERS
    for path in sorted((ROOT / folder).glob("*.md" if folder in ("", "docs", "notebooks") else "**/*.md"))
}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def test_conda_and_pip_install_the_same():
    # What this does not prove: that conda finds these versions under these names. Conda is never run here.
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    conda.remove("pip")
    assert sorted(conda) == sorted([f"python{PROJECT['requires-python']}", *PROJECT["dependencies"]])
    assert pip == {"pip": ["-e .[test]"]}, "pip must install the course itself, and the tests' requirements with it"


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert mnist_scratch.__version__ == PROJECT["version"] == citation["version"]


def test_every_package_of_the_repository_is_installed():
    there = {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "mnist_scratch").rglob("*.py")}
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == there


def test_every_module_has_its_place_on_the_website():
    pages = PAGES["docs/package.md"] + PAGES["docs/classroom.md"]
    documented = set(re.findall(r"automodule:: mnist_scratch\.([\w.]+)", pages))
    package = ROOT / "mnist_scratch"
    modules = {path.stem for path in package.glob("[a-z]*.py")}
    modules |= {f"classroom.{path.stem}" for path in (package / "classroom").glob("[a-z]*.py")}
    assert modules - documented == set()


def test_the_data_are_those_of_the_checksums():
    stated = dict(re.findall(r"\| `([\w-]+)` \| `([0-9a-f]{64})` \|", PAGES["data/README.md"]))
    files = {path.stem: gzip.decompress(path.read_bytes()) for path in ROOT.glob("data/*.gz")}
    found = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert found and stated == found


def anchor(heading):
    """A heading's anchor as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page):
    text = re.sub(r"^(```+).*?^\1", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    dead = []
    for target in re.findall(r"\]\(\s*([^)\s]+)\)", text):
        file, _, heading = target.partition("#")
        path = (ROOT / page).parent / file if file else ROOT / page
        if "://" in target:
            continue
        if not path.exists():
            dead.append(target)
        elif heading and path.suffix == ".md":
            there = path.read_text(encoding="utf-8")
            anchors = [*map(anchor, re.findall(r"^#+ (.*)", there, re.MULTILINE)), *re.findall(r'<a id="(.+?)"', there)]
            dead += [] if heading in anchors else [target]
    assert dead == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_exists(page, capsys):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    code = re.findall(r"^```\n.*?^```|`[^`\n]+`", PAGES[page], re.MULTILINE | re.DOTALL)
    named = r"^`?(?:\w+=\S+ )*make ([a-z-]+)\b(?![\w/])"  # not a file that make makes
    targets = {name for part in code for name in re.findall(named, part, re.MULTILINE)}
    assert {name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)} == set()
    measured = {name for part in code for name in re.findall(r"\bmake bench NAME=(\w+)", part)}
    assert {name for name in measured if not list(ROOT.glob(f"benchmarks/**/{name}.py"))} == set()
    for command in {name for part in code for name in re.findall(r"mnist_scratch ([a-z]+)", part)}:
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0, command


def test_every_cell_that_an_explanation_rests_on_exists():
    notebooks = re.findall(
        r"^## \[.*\]\(\.\./(.*\.ipynb)\)$((?:\n(?!## ).*)*)", PAGES["docs/evidence.md"], re.MULTILINE
    )
    assert notebooks
    for path, rows in notebooks:
        ids = {cell["id"] for cell in json.loads((ROOT / path).read_text(encoding="utf-8"))["cells"]}
        named = {
            name for row in rows.splitlines() if row.startswith("| ") for name in row.split(" | ")[2].split("`")[1::2]
        }
        assert named and named <= ids, (path, named - ids)
