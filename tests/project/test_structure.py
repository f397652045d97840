"""The order in which modules may import each other, and the size of the core."""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mnist_scratch"
CORE = ["data", "functions", "network", "gradient_check", "optimizers", "training"]
# A module imports only from those before it; those of classroom come last, because they show what the others do.
ORDER = ["checks", "files", *CORE, "prepare", "distortions", "tuning", "recipes", "runs"]
CLASSROOM = ["bugs", "plots", "reports", "moving", "widgets", "drawing", "playground", "exercises", "predictions"]


# ---------------------------------------------------------------------------------------------- import order


def imported_modules(source, module):
    """The project's own modules that a module imports, wherever in its source, as dotted names within the package.

    module: its own dotted name within the package, such as "classroom.plots".
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = ["mnist_scratch", *module.split(".")[:-1]]
            base = parents[: len(parents) + 1 - node.level] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            modules = [f"{base}.{alias.name}" for alias in node.names]
            # `from . import checks` takes a module, `from . import fit` what the package itself offers
            names = (
                modules if all(rank(name.removeprefix("mnist_scratch.")) is not None for name in modules) else [base]
            )
            names += modules
        else:
            continue
        found.update(name.removeprefix("mnist_scratch").removeprefix(".") for name in names if is_ours(name))
    return found


def is_ours(name):
    return name.split(".")[0] == "mnist_scratch"


def rank(module):
    """A module's place in the order; None for what is no module, such as a function's name."""
    name = module.split(".")
    if name[:2] == ["classroom", "exercises"] and name[2:] and name[2] != "__init__":
        return rank("classroom.exercises") - (0.5 if name[2] == "toolkit" else 0.25)  # one a notebook, over the toolkit
    if name[0] == "classroom":
        return len(ORDER) + (CLASSROOM.index(name[1]) if name[1:2] and name[1] in CLASSROOM else len(CLASSROOM))
    return ORDER.index(name[0]) if name[0] in ORDER else None


def wrong_imports(modules):
    """Sentences for all imports that go down or sideways. modules: {dotted name: source}."""
    wrong = []
    for module, source in modules.items():
        own = rank(module)
        for other in imported_modules(source, module):
            if other == "":  # the package as a whole; only the topmost modules may use it
                if own is not None and own < len(ORDER):
                    wrong.append(f"{module} imports the whole package")
            elif (place := rank(other)) is not None and own is not None:
                inner = module == "classroom.__init__" or other == "classroom" and own >= len(ORDER)
                if place >= own and not inner:
                    wrong.append(f"{module} imports {other}, which is not before it")
    return wrong


def package_modules():
    return {
        ".".join(file.relative_to(PACKAGE).with_suffix("").parts): file.read_text(encoding="utf-8")
        for file in PACKAGE.rglob("*.py")
    }


def test_modules_import_only_from_those_before_them():
    modules = package_modules()
    assert set(CORE) <= set(modules)
    placed = {
        "__init__",
        "__main__",
        "browser",
        "classroom.__init__",
        *ORDER,
        *(f"classroom.{name}" for name in CLASSROOM),
    }
    placed |= {name for name in modules if name.startswith("classroom.exercises.")}
    assert set(modules) <= placed, "a new module needs its place in ORDER or CLASSROOM, and in the design"
    assert wrong_imports(modules) == []


@pytest.mark.parametrize(
    ("module", "source", "is_wrong"),
    [
        ("data", "from .network import Network", True),
        ("data", "from mnist_scratch.network import Network", True),
        ("data", "from . import network", True),
        ("data", "import mnist_scratch", True),
        ("data", "def f():\n    from .training import fit", True),
        ("training", "from .classroom.plots import lines", True),
        ("functions", "from .functions import relu", True),
        ("classroom.plots", "from .widgets import Slider", True),
        ("classroom.plots", "from . import widgets", True),
        ("network", "from .functions import relu\nimport numpy as np", False),
        ("classroom.plots", "from ..network import Network\nfrom .. import data", False),
        ("classroom.widgets", "from . import plots\nfrom mnist_scratch import fit", False),
        ("classroom.__init__", "from .plots import lines", False),
        ("classroom.exercises.data", "from .toolkit import Case\nfrom ...data import one_hot", False),
        ("classroom.exercises.__init__", "from . import data, toolkit", False),
        ("classroom.exercises.data", "from .tuning import EXERCISES", True),
        ("classroom.exercises.toolkit", "from .data import EXERCISES", True),
    ],
)
def test_a_wrong_import_is_seen(module, source, is_wrong):
    assert bool(wrong_imports({module: source})) is is_wrong


def test_import_loads_numpy_and_nothing_heavier():
    heavy = ["matplotlib", "ipywidgets", "IPython", "tqdm", "threadpoolctl"]
    code = f"import sys, mnist_scratch; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# ----------------------------------------------------------------------------------------- size of the core


def code_lines(source):
    """How many lines hold code: not blank, not only a comment, not part of a docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            docstrings.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    empty = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in empty:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def test_code_lines_counts_code_only():
    source = (
        '"""Doc.\n\nmore\n"""\n\n# why\nx = 1  # one\n\n\ndef f():\n    """Doc."""\n    return (\n        x\n    )\n'
    )
    assert code_lines(source) == 5


def test_core_can_be_read_in_one_sitting():
    counts = {name: code_lines((PACKAGE / f"{name}.py").read_text(encoding="utf-8")) for name in ["checks", *CORE]}
    print(f"lines of code in the core: {counts}, {sum(counts.values())} in all")
    assert sum(counts.values()) <= 990, counts  # a good part of them answers bad files and bad arguments
