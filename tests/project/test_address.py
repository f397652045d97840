"""The repository's address: set once, it is everywhere; and a notebook opened alone fetches the course from there."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import address

ROOT = Path(__file__).resolve().parents[2]
HERE = "https://github.com/you/course"
NAMES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def copy(tmp_path):
    """What the address is in, to change it."""
    (tmp_path / "notebooks").mkdir()
    for name in ["pyproject.toml", "README.md", *(f"notebooks/{name}" for name in NAMES)]:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def first_code(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_what_is_set_is_everywhere(copy):
    assert address.fill(copy) == [], "run `python -m tools.address`"


def test_another_address_is_set_once_and_is_everywhere(copy):
    before = address.address(copy)
    address.set_address(f"{HERE}.git/", copy)
    address.fill(copy)
    assert address.address(copy) == HERE
    for name in NAMES:
        assert f" {HERE} " in first_code(copy / "notebooks" / name)
        [row] = [line for line in (copy / "README.md").read_text().splitlines() if f"(notebooks/{name})" in line]
        for page in (
            f"https://colab.research.google.com/github/you/course/blob/main/notebooks/{name}",
            f"https://you.github.io/course/lite/notebooks/index.html?path=notebooks/{name}",
            f"https://mybinder.org/v2/gh/you/course/HEAD?labpath=notebooks/{name}",
        ):
            assert f"({page})" in row, "a badge for each way to open it"
    ours, theirs = ((root / "README.md").read_text(encoding="utf-8") for root in (ROOT, copy))
    plain = address.with_badges(theirs, "https://gitlab.com/a/b")
    assert "colab." not in plain, "no badge where none of these can open a notebook"
    assert plain == address.with_badges(ours, "https://gitlab.com/a/b"), "nothing else has changed"
    address.set_address(before, copy)
    address.fill(copy)
    for path in (path for path in copy.rglob("*") if path.is_file()):
        assert path.read_bytes() == (ROOT / path.relative_to(copy)).read_bytes(), "nothing else has changed"


WRONG = "course git@github.com:you/course https://github.com https://github.com/you https://a.org/x\ty".split(" ")


@pytest.mark.parametrize("wrong", [*WRONG, f"{HERE}/tree/main"])
def test_what_is_no_address_is_refused_and_nothing_changes(copy, wrong):
    with pytest.raises(ValueError, match="https://github.com/you/course"):
        address.set_address(wrong, copy)
    assert (copy / "pyproject.toml").read_bytes() == (ROOT / "pyproject.toml").read_bytes()


def test_a_new_notebook_gets_the_cell_and_keeps_its_outputs(copy):
    path = copy / "notebooks" / "playground.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    [cell] = [cell for cell in notebook["cells"] if cell["id"] == address.CELL]
    notebook["cells"].remove(cell)
    for other in notebook["cells"]:
        for counted in (other, *other.get("outputs", [])):
            if counted.get("execution_count"):
                counted["execution_count"] -= 1
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert address.fill(copy) == [path]
    assert path.read_bytes() == (ROOT / "notebooks" / path.name).read_bytes()


# ------------------------------------------------------------------------------------------- the cell itself


# IPython where the course is not installed, however it is here
RUN = """
import json, os, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
course, *cells = json.load(sys.stdin)
sys.path[:] = [folder for folder in sys.path if folder not in ("", course)]  # some editors leave out the folder itself
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in str(finder)]
shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
for cell in cells:
    shell.run_cell(cell, store_history=False).raise_error()
"""
READ = "from mnist_scratch import load_mnist, files; print(len(load_mnist().train), files.__file__, os.getcwd())"
CELL = address.FETCH.format(address=address.address())


def run(folder, *cells):
    """What cells print that run in a folder, one after the other; the course is not on Python's path."""
    folder.mkdir(exist_ok=True)
    given = json.dumps([str(ROOT), *cells])
    answer = subprocess.run([sys.executable, "-c", RUN], cwd=folder, input=given, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    return answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """The course as a repository of Git, on this disk."""
    if shutil.which("git") is None:
        pytest.skip("Git is not installed")
    folder = tmp_path_factory.mktemp("repository")
    for part in ("data", "mnist_scratch", "notebooks"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for step in (["init"], ["add", "."], ["commit", "--message=The course"]):
        subprocess.run([*git, *step], check=True, capture_output=True)
    return folder.as_uri()


def test_a_notebook_opened_alone_fetches_the_course_once_and_goes_to_its_folder(tmp_path, repository):
    alone, cell = tmp_path / "alone", address.FETCH.format(address=repository)
    there = alone / "course"
    alone.mkdir()
    for name in NAMES:
        (alone / name).touch()  # a notebook lies in its folder, with others or without
    told = f"50000 {there / 'mnist_scratch' / 'files.py'} {there / 'notebooks'}\n"
    assert run(alone, cell, cell, READ) == told  # the cell run twice does no more than once
    shutil.rmtree(there / ".git")
    assert run(alone, cell, READ) == told, "a new session finds what an earlier one fetched"


def test_where_the_course_is_the_cell_does_nothing(tmp_path):
    before = f"import sys; sys.path.append({str(ROOT)!r})"
    assert run(tmp_path, before, CELL, "print(os.getcwd(), list(os.scandir()))") == f"{tmp_path} []\n"


@pytest.mark.parametrize("started", ["notebooks", "."], ids=["in notebooks", "above, as in an editor"])
def test_with_another_kernel_in_the_courses_own_folder_the_cell_does_nothing(tmp_path, started):
    (tmp_path / "mnist_scratch").mkdir()
    (tmp_path / "notebooks").mkdir()
    assert (
        run(tmp_path / started, CELL, "print('course' in os.listdir(), find_spec('mnist_scratch'))") == "False None\n"
    )


def test_where_there_is_no_such_repository_the_cell_says_so(tmp_path):
    nowhere = address.FETCH.format(address=(tmp_path / "nowhere").as_uri())
    with pytest.raises(AssertionError, match=r"(?s)nowhere.*(not exist|not found|No such)"):
        run(tmp_path / "alone", nowhere)
