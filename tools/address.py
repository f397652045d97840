"""The repository's address: set in one place, it fills all that leads there.

    python -m tools.address https://github.com/you/course    set it
    python -m tools.address                                  fill in again what is set, say into a new notebook

It stands in pyproject.toml, and goes from there into the first code cell of each notebook, which fetches the course
where it is not; for GitHub, into badges in README.md; and into the website when that is made.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

import nbformat

from tools.execute_notebooks import write

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = "https://example.org/mnist-scratch"
GITHUB = "https://github.com/"
OPENED = {  # in what a click opens a notebook of a repository on GitHub: with which address
    "Colab": "https://colab.research.google.com/github/{owner}/{name}/blob/main/notebooks/{notebook}",
    "page": "https://{owner}.github.io/{name}/lite/notebooks/index.html?path=notebooks/{notebook}",
    "Binder": "https://mybinder.org/v2/gh/{owner}/{name}/HEAD?labpath=notebooks/{notebook}",
}
BADGES = """
[Colab]: https://colab.research.google.com/assets/colab-badge.svg
[page]: https://jupyterlite.rtfd.io/en/latest/_static/badge.svg
[Binder]: https://mybinder.org/badge_logo.svg
"""
CELL = "the-course"  # the cell's id, the same in each notebook
FETCH = """\
import os
import sys
from importlib.util import find_spec

here = any(os.path.exists(os.path.join(folder, "mnist_scratch")) for folder in [".", ".."])
if not find_spec("mnist_scratch") and not here:
    # opened alone, as in Colab: fetch the course (where the course is, this cell does nothing)
    if not os.path.exists("course"):
        os.environ["GIT_TERMINAL_PROMPT"] = "0"  # a wrong address is an error, not a question
        !git clone --quiet --depth=1 {address} course
    os.chdir("course/notebooks")
    sys.path.append(os.path.abspath(".."))"""


def address(root=ROOT):
    """The address that is set."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def published(root=ROOT):
    """The address that is set; "" for the placeholder."""
    return "" if (there := address(root)) == PLACEHOLDER else there


def ways_to_open(repository, notebook):
    """Where a click opens a notebook: {in what: address}; empty where the repository is not on GitHub."""
    owner, _, name = repository.removeprefix(GITHUB).partition("/")
    addresses = {where: form.format(owner=owner, name=name, notebook=notebook) for where, form in OPENED.items()}
    return addresses if repository.startswith(GITHUB) else {}


def set_address(new, root=ROOT):
    """Set the address; ValueError, and nothing is changed, when it is none that Git could fetch without a password."""
    new = new.removesuffix("/").removesuffix(".git").replace("https://www.github.com/", GITHUB)
    form = f"{GITHUB}[^/]+/[^/]+" if new.startswith(GITHUB.removesuffix("/")) else ".*"
    if not (re.fullmatch(r"https://[\w.-]+(/[\w.~-]+)+", new) and re.fullmatch(form, new)):
        raise ValueError(f"{new!r} is no address of a repository; one is https://github.com/you/course")
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'(?m)^(Repository = )".*?"', rf'\1"{new}"', text), encoding="utf-8", newline="\n")


def fill(root=ROOT):
    """Bring the address that is set to where it is used; returns the files that changed."""
    changed = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        before = nbformat.writes(notebook)
        put_first(notebook, FETCH.format(address=address(root)))
        if nbformat.writes(notebook) != before:
            write(notebook, path)
            changed.append(path)
    path = root / "README.md"
    before = path.read_text(encoding="utf-8")
    after = with_badges(before, address(root))
    if after != before:
        path.write_text(after, encoding="utf-8", newline="\n")
        changed.append(path)
    return changed


def with_badges(readme, repository):
    """README.md with a column of badges in its table of notebooks; without one where no click opens a notebook."""
    readme = re.sub(r"(?m) (open in|:-:|\[!\[.*) \|$", "", readme.replace(BADGES, ""))
    if not ways_to_open(repository, ""):
        return readme

    def badges(row):
        opened = ways_to_open(repository, row[1]).items()
        return f"{row[0]} {' '.join(f'[![{where}]]({there})' for where, there in opened)} |"

    readme = re.sub(r"(?m)^\| notebook \|.*\|$", r"\g<0> open in |", readme)
    readme = re.sub(r"(?m)(?<= open in \|\n).*$", r"\g<0> :-: |", readme)
    return re.sub(r"(?m)^\| \[.*\]\(notebooks/(\w+\.ipynb)\).*\|$", badges, readme) + BADGES


def put_first(notebook, source):
    """Let the cell below the title fetch the course; as it prints nothing, all others keep their outputs."""
    found = next((cell for cell in notebook.cells if cell.get("id") == CELL), None)
    if found is None:
        # on the website it is left out, and so it is on slides, as all cells with nothing but imports and no outputs
        hidden = {"slideshow": {"slide_type": "skip"}, "tags": ["remove-cell"]}
        found = nbformat.v4.new_code_cell(id=CELL, metadata=hidden, execution_count=0)
        notebook.cells.insert(1, found)
        for cell in notebook.cells:
            for counted in (cell, *cell.get("outputs", [])):
                if counted.get("execution_count") is not None:
                    counted.execution_count += 1
    found.source = source


def main(arguments):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", metavar="ADDRESS")
    options = parser.parse_args(arguments)
    try:
        if options.address:
            set_address(options.address)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for path in fill():
        print(path.relative_to(ROOT))
    print(address())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
