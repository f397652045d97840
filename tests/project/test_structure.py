"""The three rooms of the package: who may import whom, and how much there is to read in the first of them."""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mnist_scratch"
PLUMBING = ["checks", "threads", "progress", "files"]
SITTING = ["functions", "data", "network", "gradient_check", "optimizers", "training"]
WORKSHOP = ["averaging", "distortions", "prepare", "photographs", "datasets", "tuning", "recipes", "runs"]
CLASSROOM = "bugs cells plots diagrams reports moving widgets drawing playground".split()
CLASSROOM += "programs hand_in record overview exercises predictions".split()
# a module imports only from those before it
ORDER = [
    *PLUMBING,
    *SITTING,
    *WORKSHOP,
    *(f"classroom.{name}" for name in CLASSROOM),
    "classroom",
    "confined",
    "grading",
]
# the package's own front, its command line, and what only a web page loads
FREE = ["__init__", "__main__", "browser", "browser.products", "browser.stop"]


def place(module):
    """Where a dotted name, of a module or of something in one, stands in ORDER; None if nowhere."""
    parts = module.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((ORDER.index(name) for name in names if name in ORDER), None)


def imported(module, source):
    """Dotted names, within the package, of what a module imports from it, at any depth of its source."""
    inside = module.split(".") if module == "classroom" or module.endswith("exercises") else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = ["mnist_scratch", *inside]
            base = parents[: len(parents) + 1 - node.level] if node.level else []
            names = [".".join(filter(None, [*base, node.module, alias.name])) for alias in node.names]
        else:
            continue
        yield from (name.partition(".")[2] for name in names if name.split(".")[0] == "mnist_scratch")


def wrong_imports(module, source):
    """What a module imports though it does not stand before it."""
    own, together = place(module), "classroom.exercises"
    return [
        name
        for name in imported(module, source)
        if not (module == "classroom" or module.startswith(together) and name.startswith(together))
        and (place(name) is None or place(name) >= own)
    ]


MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(FREE)))
def test_a_module_imports_only_from_those_before_it(module):
    assert place(module) is not None, "a new module needs its place in one of the rooms above"
    assert wrong_imports(module, MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("data", "from .network import Network"),
        ("data", "from mnist_scratch.network import Network"),
        ("data", "from . import network"),
        ("data", "import mnist_scratch"),
        ("data", "def f():\n    from .training import fit"),
        ("checks", "from .data import Dataset"),
        ("training", "from .classroom.plots import lines"),
        ("classroom.plots", "from . import widgets"),
        ("classroom.exercises.data", "from ..predictions import predict"),
    ],
)
def test_a_wrong_import_is_seen(module, source):
    assert wrong_imports(module, source)


@pytest.mark.parametrize("module", ["mnist_scratch", "mnist_scratch.classroom.exercises", "mnist_scratch.confined"])
def test_import_loads_numpy_and_nothing_heavier(module):
    heavy = ["matplotlib", "ipywidgets", "IPython", "tqdm", "threadpoolctl"]
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def code_lines(source):
    """How many lines hold code: not blank, not only a comment, not part of a docstring."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)
    }
    empty = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in empty]
    return len({n for token in tokens for n in range(token.start[0], token.end[0] + 1)} - docstrings)


def test_code_lines_counts_code_only():
    source = (
        '"""Doc.\n\nmore\n"""\n\n# why\nx = 1  # one\n\n\ndef f():\n    """Doc."""\n    return (\n        x\n    )\n'
    )
    assert code_lines(source) == 5


def test_the_core_can_be_read_in_one_sitting():
    counts = {name: code_lines(MODULES[name].read_text(encoding="utf-8")) for name in SITTING}
    assert sum(counts.values()) <= 620, counts
