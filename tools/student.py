"""The edition to hand out: the course without solutions and without what gives an answer away, as one folder.

    python -m tools.student FOLDER
    python -m tools.student FOLDER --nbgrader    the notebooks as nbgrader's generate_assignment reads them
    python -m tools.student FOLDER --otter       the notebooks as otter assign reads them

Left out are the solutions, the guide for teachers, tests, benchmarks and tools. Outputs of exercises and predictions
are cleared; others stay, for whoever reads without running. What an exercise asks for is still computed by the
package itself, whose checks need it: a student who reads there finds it.
"""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

from tools.output import replacing

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("data", "mnist_scratch", "notebooks", "results")
FILES = ("CITATION.cff", "LICENSE", "environment.yml", "pyproject.toml")
NOT_TAKEN = (".*", "__pycache__", "*.unfinished", "ruff.toml", "solutions", "hand_in_*.json", "grades.*")
TARGETS = {"help", "lab"}
MARK = ".student-edition"
CHECK = re.compile(r"^check\.(\w+)\((\w+)\)$")
CLEARED = re.compile(r"\bcheck\.\w+\(|(?<![\w.])predict\(|\.reveal\(|NotImplementedError")

README = """# Neural networks from scratch

You need Python 3.11 or later, and an internet connection for the installation. Open a terminal in this folder, then

```
make lab     # installs into the folder .venv, opens JupyterLab
```

On Windows, or where there is no `make`, in PowerShell:

```
py -m venv .venv
.venv\\Scripts\\python -m pip install -e ".[test]"
.venv\\Scripts\\jupyter lab --ServerApp.root_dir=. notebooks\\00_start_here.ipynb
```

From the second day on, the last line is enough. Begin with `notebooks/00_start_here.ipynb`.

Each exercise has a check, `check.softmax(my_softmax)`, that says whether it is right, and if not, what it found.
`check.hand_in("your name")` writes a file beside the notebooks that holds your answers: hand in that file.
"""


def build(folder, convert=None):
    """Make the edition in a folder, whose earlier content is replaced.

    Parameters
    ----------
    folder : Path
        Where it goes.
    convert : callable, optional
        Changes the cells of each notebook, for one of the programs that grade.

    Raises
    ------
    RuntimeError
        When the folder holds something else.
    """
    with replacing(folder, MARK) as new:
        for part in PARTS:
            shutil.copytree(ROOT / part, new / part, ignore=shutil.ignore_patterns(*NOT_TAKEN))
        (new / "notebooks" / "README.md").unlink()
        for name in FILES:
            shutil.copy(ROOT / name, new)
        (new / "docs").mkdir()
        shutil.copy(ROOT / "docs" / "glossary.md", new / "docs")
        (new / MARK).touch()
        (new / "README.md").write_text(README, encoding="utf-8")
        (new / "Makefile").write_text(makefile((ROOT / "Makefile").read_text(encoding="utf-8")), encoding="utf-8")
        for path in (new / "notebooks").glob("*.ipynb"):
            notebook = json.loads(path.read_text(encoding="utf-8"))
            notebook["cells"] = [cell for cell in map(for_students, notebook["cells"]) if cell["source"]]
            if convert:
                convert(notebook)
            path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def makefile(text):
    """The Makefile without the targets that need what is left out."""
    blocks = text.split("\n\n")
    names = [re.findall(r"^([a-z-]+):.*##", block, re.MULTILINE) for block in blocks]
    return "\n\n".join(block for block, found in zip(blocks, names, strict=True) if set(found) <= TARGETS)


def for_students(cell):
    """A cell without outputs that tell an answer, and without sentences about what is left out."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "code":
        return cell | {"outputs": [], "execution_count": None} if CLEARED.search(source) else cell
    if "solutions" not in source and "README.md" not in source:
        return cell
    sentences = re.split(r"(?<=[.?!])(\s+)", source)
    kept = "".join(part for part in sentences if "solutions" not in part and "README.md" not in part)
    return cell | {"source": re.sub(r" +$", "", kept, flags=re.MULTILINE).strip("\n").splitlines(keepends=True)}


# ---------------------------------------------------------------------------------------------- other graders


def for_nbgrader(notebook):
    """Mark each exercise as nbgrader knows it: a cell to fill in, and a cell that gives a point."""
    for answer, test, name in exercises(notebook["cells"]):
        source = "".join(answer["source"])
        stub = re.search(r"^( *)raise NotImplementedError.*$", source, re.MULTILINE)
        if stub:
            indent = stub[1]
            source = source.replace(stub[0], f"{indent}### BEGIN SOLUTION\n{stub[0]}\n{indent}### END SOLUTION")
        else:
            source += "\n### BEGIN SOLUTION\n### END SOLUTION"
        _set(answer, source, _nbgrader(f"{name}-answer", grade=False))
        _set(test, f"assert {''.join(test['source'])}.passed", _nbgrader(name, grade=True))


def _nbgrader(grade_id, grade):
    told = {"grade_id": grade_id, "grade": grade, "locked": grade, "solution": not grade, "task": False}
    return {"nbgrader": told | {"schema_version": 3} | ({"points": 1} if grade else {})}


def for_otter(notebook):
    """Put around each exercise the raw cells by which otter knows a question, its answer and its test."""
    cells = [_raw("# ASSIGNMENT CONFIG\nexport_cell: false\nrun_tests: false\ntests:\n  ok_format: false")]
    found = {id(answer): (test, name) for answer, test, name in exercises(notebook["cells"])}
    tests = {id(test) for test, _ in found.values()}
    for cell in notebook["cells"]:
        if id(cell) in found:
            test, name = found[id(cell)]
            call = "".join(test["source"])
            answer = CHECK.match(call)[2]
            _set(test, f"def test_{name}(check, {answer}):\n    assert {call}.passed", {})
            cells += [_raw(f"# BEGIN QUESTION\nname: {name}\npoints: 1"), _raw("# BEGIN SOLUTION"), cell]
            cells += [_raw("# END SOLUTION"), _raw("# BEGIN TESTS"), test, _raw("# END TESTS"), _raw("# END QUESTION")]
        elif id(cell) not in tests:
            cells.append(cell)
    notebook["cells"] = [{"id": f"cell-{i}"} | cell for i, cell in enumerate(cells)]


def exercises(cells):
    """Of each exercise the cell for its answer, the cell with its check, and its name."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    for answer, test in zip(code, code[1:], strict=False):
        if found := CHECK.match("".join(test["source"])):
            yield answer, test, found[1]


def _set(cell, source, metadata):
    cell["source"] = source.splitlines(keepends=True)
    cell["metadata"] = cell["metadata"] | metadata


def _raw(source):
    return {"cell_type": "raw", "metadata": {}, "source": source.splitlines(keepends=True)}


def main(arguments=None):
    """Make the edition; returns the exit status."""
    parser = argparse.ArgumentParser("tools.student", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where it goes")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--nbgrader", dest="convert", action="store_const", const=for_nbgrader)
    kinds.add_argument("--otter", dest="convert", action="store_const", const=for_otter)
    options = parser.parse_args(arguments)
    try:
        build(options.folder, options.convert)
    except (RuntimeError, OSError) as error:
        print(f"tools.student: {error}", file=sys.stderr)
        return 2
    print(f"The edition for students is in {options.folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
