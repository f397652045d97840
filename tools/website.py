"""Make the website of the course from the notebooks as they are stored; only their widgets are run, to be recorded.

    python -m tools.website FOLDER           and beside it an index.html that leads there
    python -m tools.website --pdf FOLDER     with the whole course as a PDF, which needs Chromium

Sphinx reads a copy of the course with docs/ laid over it, so that a page's address is its file's path. Formulas are
shown by MathJax, which npm fetches once; the pages need no network.
"""

import argparse
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools import first_page, page_data, pdf, recordings
from tools.npm import fetch
from tools.output import replacing

ROOT = Path(__file__).resolve().parents[1]
# What pages are made of, and what they link to
PARTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "LICENSE",
    "environment.yml",
    "benchmarks",
    "data/README.md",
    "notebooks",
    "results",
    "tools",
    "docs",
)
MATHJAX = "es5/tex-svg.js"
# Beside the folder, for whoever opens the one above it: the live notebooks lie there too
LEADS_HERE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={site}/index.html">
<title>Neural networks from scratch</title>
<p><a href="{site}/index.html">Neural networks from scratch</a></p>
</html>
"""


def lay_out(folder):
    """Copy the parts into an empty folder, docs/ on top."""
    for part in PARTS:
        target = folder / ("" if part == "docs" else part)
        if (ROOT / part).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / part, target)
        else:
            unwanted = shutil.ignore_patterns(".*", "__pycache__", "*.npz", "hand_in_*.json")
            shutil.copytree(ROOT / part, target, ignore=unwanted, dirs_exist_ok=True)
    mathjax = folder / "_static" / "mathjax"
    mathjax.mkdir()
    shutil.copy2(fetch("mathjax@3.2.2", [MATHJAX]) / MATHJAX, mathjax)
    first_page.write(folder)
    page_data.write(folder / "_static")


def build(site, with_pdf=False):
    """Make the site in a folder, whose earlier content is replaced.

    Parameters
    ----------
    site : Path
        The folder; an index.html beside it leads there.
    with_pdf : bool
        Whether to print the course into course.pdf too, and to link it from the first page.

    Raises
    ------
    RuntimeError
        In one line, when Sphinx warns or something is missing.
    """
    if with_pdf and (line := pdf.what_is_missing()):
        raise RuntimeError(line)
    with TemporaryDirectory() as scratch, replacing(site, "searchindex.js") as new:
        source, doctrees = Path(scratch, "source"), Path(scratch, "doctrees")
        lay_out(source)
        recordings.lay_out(source)
        from sphinx.cmd.build import build_main  # here: what keeps the pages from being laid out needs no Sphinx

        options = ["--fail-on-warning", "--keep-going", "--quiet", "--doctree-dir", str(doctrees)]
        if with_pdf:
            options += ["--tag", "pdf"]
        if build_main([*options, str(source), str(new)]):
            raise RuntimeError(f"{site} was not made: see above")
        if with_pdf:
            pdf.build(new, new / "course.pdf")
    (site.parent / "index.html").write_text(LEADS_HERE.format(site=site.name), encoding="utf-8")


def main(arguments):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--pdf", action="store_true", help="print the whole course into a PDF, too")
    options = parser.parse_args(arguments)
    try:
        build(options.folder.resolve(), options.pdf)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
