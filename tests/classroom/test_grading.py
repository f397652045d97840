"""Marking a class: the right table whatever is handed in, and nothing outside of it touched."""

import ast
import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil  # comes with Jupyter, whose kernels need it
import pytest

from mnist_scratch import grading
from mnist_scratch.__main__ import main
from mnist_scratch.classroom import hand_in
from mnist_scratch.classroom.exercises import EXERCISES
from mnist_scratch.confined import oddities

RIGHT = {
    "l2_gradient": "def f(weights, weight_decay):\n    return [weight_decay * W for W in weights]",
    "dense_forward": "def f(A, W, b, g):\n    return g(A @ W + b)",
    "smoothed": "def f(Y, part):\n    return (1 - part) * Y + part / Y.shape[1]",
    "numerical_gradient": "import numpy as np\ndef f(g, x, epsilon=1e-5):\n    slopes = np.zeros(x.shape)\n"
    "    for i in np.ndindex(x.shape):\n        old = x[i]\n        x[i] = old + epsilon\n        above = g()\n"
    "        x[i] = old - epsilon\n        slopes[i] = (above - g()) / (2 * epsilon)\n        x[i] = old\n"
    "    return slopes",
}
MEAN = "def f(weights, weight_decay):\n    return [weight_decay / 2 * W for W in weights]"  # half of what it should be

# {exercise: what passes there, and is the course's own work}
OWN = {
    "softmax": "from mnist_scratch import functions\ndef f(Z):\n    return functions.softmax(Z)",
    "one_hot": "from mnist_scratch import one_hot as f",
    "smoothed": "import mnist_scratch.classroom as c\nf = c.exercises.EXERCISES['smoothed'].reference",
    "relative_error": f"x = {'+'.join('1' * 1500)}\nfrom mnist_scratch.gradient_check import *\nf = relative_error",
}
# right, with much that students leave in their answers
CLUMSY = {
    "l2_gradient": "import tempfile\ndef f(weights, weight_decay):\n    for i in range(100):\n"
    "        with tempfile.TemporaryFile() as file: pass\n        open('saved.txt', 'w').close()\n"
    "    return [weight_decay * W for W in weights]",
    "smoothed": "from mnist_scratch import *\ndef f(Y, part):\n    display(Y)\n"
    "    return (1 - part) * Y + part / Y.shape[1]",
}
# {the exercise in whose place it is handed in: (what runs before a right answer, state, what the remarks tell)}
PRANKS = {
    "l2_gradient": ("import shutil\nshutil.rmtree({canary!r})", "not yet", "tried to"),
    "one_hot": ("open({canary!r} + '/new', 'w')", "not yet", "tried to write to"),
    "split": ("import os\nos.rename({canary!r} + '/kept', 'mine')", "not yet", "tried to write to"),
    "minibatches": ("import socket\nsocket.create_connection(('127.0.0.1', {port}))", "not yet", "use the network"),
    "softmax": ("import subprocess\nsubprocess.run(['echo'])", "not yet", "start a process"),
    "cross_entropy": ("import os\nos.system('touch ' + {canary!r} + '/new')", "not yet", "start a process"),
    "dense_backward": ("import os\nos.kill(os.getppid(), 9)", "not yet", "send a signal"),
    "sgd_step": ("open({solutions!r}).read()", "not yet", "tried to read"),
    "momentum_step": ("import sys\nsys.exit()", "not yet", ""),
    "shifted": ("for i in range(10**6):\n    open(str(i), 'w').close()", "not yet", "more than"),
    "bilinear": ("import os\nos._exit(0)", "not yet", "ended the process"),
    "relative_error": ("while True: pass", "not yet", "did not come to an end"),
    "numerical_gradient": (
        "import json, os\n"
        "told = dict.fromkeys(['message', 'hint', 'changed'], '') | {{'judged': 'numerical_gradient', 'refused': []}}\n"
        "told |= {{'state': 'passed', 'token': '0'}}\n"
        "for fd in range(3, 9):\n    try: os.write(fd, json.dumps(told).encode() + b'\\n')\n    except OSError: pass",
        "not yet", "wrote into",
    ),
    "smoothing_matrix": ("import numpy as np\nnp.all = np.allclose = lambda *a, **k: True", "look", "changed numpy."),
    "repair": (
        "from mnist_scratch.classroom import exercises as e\ne.judge = lambda *a: e.Verdict('repair', 'passed', '')",
        "look", "changed mnist_scratch",
    ),
    "difference_interval": (
        "from mnist_scratch.classroom.exercises import EXERCISES\nEXERCISES['smoothed'].cases.clear()",
        "look", "the cases of smoothed",
    ),
    "our_weight_decay": (
        "import sqlite3 as s\ns.connect('file:' + {canary!r} + '/new?mode=rwc', uri=True).execute('create table a(b)')",
        "not yet", "open a database",
    ),
    "smoothed": ("print('x' * 10**6)", "passed", ""),
}  # fmt: skip
if os.name != "nt":
    # it ends although nobody is left to end it
    PRANKS["smoothed"] = ("print('x' * 10**6)\nimport signal\nassert signal.alarm(10**6)", "passed", "")
    to_folder = "import os\nos.makedirs('a/b')\nos.chdir('a/b')\nfd = os.open({canary!r}, os.O_RDONLY)\n"
    to_folder += "os.close(os.open('new', os.O_WRONLY | os.O_CREAT, dir_fd=fd))"
    PRANKS["epochs_of_batch_descent"] = (to_folder, "not yet", "open the folder")
    PRANKS["dense_forward"] = ("import os\nwhile True: os.fork()", "not yet", "start a process")
    spawn = "import multiprocessing\nmultiprocessing.get_context('spawn').Process().start()"
    PRANKS["relu_backward"] = (spawn, "not yet", "fork_exec")
if sys.platform == "linux":  # elsewhere the process is ended as soon as it is seen
    PRANKS["l2_penalty"] = ("x = [bytearray(10**8) for _ in range(10**5)]", "not yet", "")


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """What `grade` made of a class: (exit status, rows of the CSV by file, the page)."""
    base = tmp_path_factory.mktemp("class")
    folder, canary, out = base / "hand-ins", base / "canary", base / "out"
    for made in (folder, canary):
        made.mkdir()
    (canary / "kept").write_text("kept")
    right = {name: (program, "f") for name, program in RIGHT.items()}
    hand_in.write("=1+1", right, folder / "right.json")
    copy = right | {"l2_gradient": (f"# mine\n{MEAN}", "f")}
    hand_in.write("<script>\nBob", copy, folder / "copy.json.txt")  # as Windows names it, and hides it
    for name, programs in (("own", OWN), ("clumsy", CLUMSY)):
        hand_in.write(name, {key: (program, "f") for key, program in programs.items()}, folder / f"{name}.json")
    (folder / "Carl.zip").write_bytes(b"PK")
    (folder / "empty.json").mkdir()
    solutions = str(Path(__file__).parents[2] / "notebooks" / "solutions" / "02_forward_pass.ipynb")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        names = {"canary": str(canary), "port": server.getsockname()[1], "solutions": solutions}
        pranks = {name: prank.format(**names) + "\n" + RIGHT["smoothed"] for name, (prank, *_) in PRANKS.items()}
        hand_in.write("Eve", {name: (program, "f") for name, program in pranks.items()}, folder / "pranks.json")
        (folder / "damaged.json").write_text('{"format": "mnist-scratch hand-in", "version": 1, "na')
        cells = ["%matplotlib inline\nimport numpy as np", MEAN, "def broken(:", "check.l2_gradient(f)", "1 / 0"]
        cells = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
        moodle = folder / "Zoë Müller_123_assignsubmission_file_"
        (moodle / ".ipynb_checkpoints").mkdir(parents=True)
        for path in (moodle / "06.ipynb", moodle / ".ipynb_checkpoints" / "06.ipynb"):
            path.write_text(json.dumps({"cells": cells, "nbformat": 4}))
        before = contents(base)
        status = main(["grade", str(folder), "--out", str(out), "--seconds", "3", "--memory", "1000"])
        with pytest.raises(TimeoutError):
            server.accept()
    assert {path: was for path, was in contents(base).items() if out not in (path, *path.parents)} == before
    assert not [child for child in psutil.Process().children(recursive=True) if "confined" in str(child.cmdline())]
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    return status, rows, (out / "grades.html").read_text(encoding="utf-8")


def state(row, name):
    return row[f"{EXERCISES[name].number} {name}"]


@pytest.mark.parametrize("name", PRANKS)
def test_a_prank_gains_nothing_and_costs_no_other_exercise_its_verdict(graded, name):
    _, expected, told = PRANKS[name]
    row = graded[1]["pranks.json"]
    remarks = [remark for remark in row["remarks"].split("; ") if remark.startswith(name)]
    assert state(row, name) == expected and (told in " ".join(remarks) if told else not remarks)


def test_the_table_says_who_passed_what(graded):
    status, rows, _ = graded
    assert status == 1  # there is a damaged file, and something to look at
    assert [rows["right.json"][key] for key in ("passed", "remarks")] == [
        "4",
        "same program as copy.json.txt: numerical_gradient",
    ]
    assert {name: state(rows["copy.json.txt"], name) for name in RIGHT} == dict.fromkeys(RIGHT, "passed") | {
        "l2_gradient": "not yet"
    }
    (moodle,) = (row for file, row in rows.items() if file.startswith("Zoë"))
    assert moodle["name"] == "Zoë Müller" and state(moodle, "l2_gradient") == "not yet"
    assert "damaged" in rows["damaged.json"]["remarks"] and "archive" in rows["Carl.zip"]["remarks"]
    assert len(rows) == 8


@pytest.mark.parametrize("name", OWN)
def test_what_the_course_itself_answers_is_no_point(graded, name):
    assert state(graded[1]["own.json"], name) == "look"


@pytest.mark.parametrize("name", CLUMSY)
def test_a_right_answer_may_show_and_save_things(graded, name):
    row = graded[1]["clumsy.json"]
    assert state(row, name) == "passed" and row["remarks"] == ""


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("ada.ipynb", "ada"),
        ("group/ada_l/02.ipynb", "ada_l"),
        ("ada/notebooks/02.ipynb", "ada"),
        ("Zoë Müller_123_assignsubmission_file_/course/notebooks/02.ipynb", "Zoë Müller"),
    ],
)
def test_a_notebook_is_named_by_its_folder(file, name):
    assert grading._name_of(Path(file)) == name


def test_the_page_begins_with_the_commonest_mistakes(graded):
    table = graded[2].split("Who passed what")[0].split("l2_gradient")[1].split("<h3>")[0]
    assert re.search(r"<li>2 × ", table)


def test_names_are_neither_formulas_nor_markup(graded):
    _, rows, page = graded
    assert rows["right.json"]["name"] == "'=1+1" and "<script" not in page
    assert len(rows["copy.json.txt"]["name"].splitlines()) == 1  # or a name could hold a row of its own


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import gc", "gc"),
        ("import sys\nsys.modules['numpy'] = None", ".modules"),
        ("import numpy as np\nnp.allclose = print", "np.allclose"),
        ("import numpy as np\nsetattr(np, 'all', print)", "setattr"),
        ("def f(Z):\n    return f.__globals__", "__globals__"),
        ("__builtins__['len'] = print", "__builtins__"),
        ("from mnist_scratch.classroom import exercises", "exercises"),
        ("import numpy as np\nclass A(np.ndarray):\n    def __eq__(self, other):\n        return True", "__eq__"),
    ],
)
def test_what_is_meant_for_the_judge_is_told_with_its_line(program, told):
    line, words = oddities(ast.parse(program))[0].split(": ")
    assert told in words and line == f"line {1 + program[: program.index(told.strip('.'))].count(chr(10))}"


@pytest.mark.parametrize(
    "line",
    ["", "x", "[]", '{"begin": "a"}', '{"token": "t", "begin": 1}', '{"token": "t", "begin": "a", "more": 1}'],
)
def test_a_report_of_another_form_is_none(line):
    assert grading._looked_through(line, "t") is None
    assert grading._looked_through('{"token": "t", "begin": "a\\u001b"}', "t") == {
        "begin": "a\N{REPLACEMENT CHARACTER}"
    }


def test_a_folder_without_hand_ins_is_said_in_one_line(tmp_path, capsys):
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert main(["grade", os.fspath(folder), "--out", os.fspath(tmp_path)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_data_and_fonts_are_found_by_an_installed_package_on_a_new_machine(tmp_path):
    package = Path(grading.__file__).parent
    shutil.copytree(package, tmp_path / "site" / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    program = "from mnist_scratch import load_mnist\nfrom mnist_scratch.classroom import plots\nload_mnist()"
    hand_in.write("Ada", {"smoothed": (f"{program}\n{RIGHT['smoothed']}", "f")}, tmp_path / "ada.json")
    new = {"PYTHONPATH": str(tmp_path / "site"), "MPLCONFIGDIR": str(tmp_path / "new"), "HOME": os.path.abspath(os.sep)}
    command = [sys.executable, "-P", "-m", "mnist_scratch", "grade", tmp_path, "--out", tmp_path]
    subprocess.run(command, cwd=package.parent, env=os.environ | new, check=True)
    page = (tmp_path / "grades.html").read_text(encoding="utf-8")
    assert 'title="passed"' in page and "tried to" not in page


def test_limits_may_be_as_large_as_the_command_takes_them(tmp_path, capsys):
    hand_in.write("Ada", {"smoothed": (RIGHT["smoothed"], "f")}, tmp_path / "ada.json")
    most = str(2**63 - 1)
    assert main(["grade", os.fspath(tmp_path), "--out", os.fspath(tmp_path), "--seconds", most, "--memory", most]) == 0


def test_a_table_that_cannot_be_written_is_shown_all_the_same(tmp_path, capsys):
    (tmp_path / "ada.json").touch()
    (tmp_path / "out" / "grades.csv").mkdir(parents=True)
    assert main(["grade", os.fspath(tmp_path), "--out", os.fspath(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert "ada.json" in said.out and len(said.err.splitlines()) == 1
    assert main(["grade", os.fspath(tmp_path), "--out", os.fspath(tmp_path / "ada.json")]) == 2
    assert capsys.readouterr().out == ""  # said before anything is judged
