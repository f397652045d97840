"""Make the website of the course from the notebooks as they are stored; nothing is executed.

    python tools/website.py FOLDER

Sphinx reads a copy of the course with docs/ laid over it, so that a page's address is its file's path. Formulas are
shown by MathJax, which npm fetches once; the pages need no network.
"""

import shutil
import sys
from pathlib import Path

from npm import fetch

ROOT = Path(__file__).resolve().parents[1]
# What pages are made of, and what they link to
PARTS = (
    "README.md",
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
<meta http-equiv="refresh" content="0; url=site/index.html">
<title>Neural networks from scratch</title>
<p><a href="site/index.html">Neural networks from scratch</a></p>
</html>
"""


def lay_out(folder):
    """Copy the parts into a folder, docs/ on top. Raises what `fetch` raises."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in PARTS:
        target = folder / ("" if part == "docs" else part)
        if (ROOT / part).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / part, target)
        else:
            unwanted = shutil.ignore_patterns(".*", "__pycache__", "*.npz")
            shutil.copytree(ROOT / part, target, ignore=unwanted, dirs_exist_ok=True)
    mathjax = folder / "_static" / "mathjax"
    mathjax.mkdir()
    shutil.copy2(fetch("mathjax@3.2.2", [MATHJAX]) / MATHJAX, mathjax)


def main(arguments):
    """Returns the exit status."""
    from sphinx.cmd.build import build_main

    site = Path(arguments[0])
    source, doctrees = site.parent / ".site-source", site.parent / ".site-doctrees"
    try:
        lay_out(source)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for old in (site, doctrees):  # a page whose notebook is gone must not stay
        shutil.rmtree(old, ignore_errors=True)
    (site.parent / "index.html").write_text(LEADS_HERE, encoding="utf-8")
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--doctree-dir", str(doctrees)]
    status = build_main([*options, str(source), str(site)])
    shutil.rmtree(site.parent / "jupyter_execute", ignore_errors=True)  # MyST-NB's own copies of the pictures
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
