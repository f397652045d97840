"""Every exercise: its stub is not started, its solution passes, and each answer gets the verdict meant for it."""

import ast
import importlib
import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mnist_scratch.classroom import check
from mnist_scratch.classroom.exercises import EXERCISES, judge
from mnist_scratch.classroom.exercises.toolkit import as_html

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
ANSWERS = {}  # name: (right answers, [(wrong answer, a piece of its hint)])
for path in sorted((Path(__file__).parent / "answers").glob("[a-z]*.py")):
    module = importlib.import_module(f"answers.{path.stem}")
    ANSWERS |= {name: (module.RIGHT[name], module.WRONG[name]) for name in module.RIGHT}
RIGHT = [(name, answer) for name, (right, _) in ANSWERS.items() for answer in right]
WRONG = [(name, answer, hint) for name, (_, wrong) in ANSWERS.items() for answer, hint in wrong]
each_exercise = pytest.mark.parametrize("name", EXERCISES)


def said(answer):
    return getattr(answer, "__name__", str(answer))


def cells(path):
    return [
        "".join(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]


def notebook_of(name, folder=NOTEBOOKS):
    (path,) = folder.glob(f"{EXERCISES[name].notebook:02}_*.ipynb")
    return path


def answer_in(path, name):
    """What the notebook gives to check.name: its definition in the nearest cell above, executed with the imports."""
    sources = cells(path)
    at = next(i for i, source in enumerate(sources) if f"check.{name}(" in source)
    given = re.search(rf"check\.{name}\((\w+)\)", sources[at])[1]
    trees = [ast.parse(source) for source in sources]
    imports = "\n".join(
        ast.unparse(node) for tree in trees for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
    )
    defining = [s for s in sources[: at + 1] if re.search(rf"^(def {given}\(|{given} = )", s, re.MULTILINE)]
    space = {}
    exec(imports, space)
    exec(re.sub(r"^.*check\.\w+\(.*$", "", defining[-1], flags=re.MULTILINE), space)
    return space[given]


@each_exercise
def test_it_is_in_its_notebook_with_its_number(name):
    texts = json.loads(notebook_of(name).read_text(encoding="utf-8"))["cells"]
    assert sum(f"check.{name}(" in "".join(cell["source"]) for cell in texts if cell["cell_type"] == "code") == 1
    number = EXERCISES[name].number
    assert sum(f"**{number}**" in "".join(cell["source"]) for cell in texts if cell["cell_type"] == "markdown") == 1


@each_exercise
def test_the_stub_is_not_started(name):
    verdict = judge(EXERCISES[name], answer_in(notebook_of(name), name))
    assert verdict.state == "not started" and not verdict.passed


@each_exercise
def test_the_solution_passes(name):
    verdict = judge(EXERCISES[name], answer_in(notebook_of(name, NOTEBOOKS / "solutions"), name))
    assert verdict.passed, verdict.message


@pytest.mark.parametrize("name, answer", RIGHT, ids=said)
def test_a_right_answer_of_any_style_passes(name, answer):
    verdict = judge(EXERCISES[name], answer)
    assert verdict.passed and verdict.state == "passed", verdict.message


@pytest.mark.parametrize("name, answer, hint", WRONG, ids=said)
def test_a_wrong_answer_gets_its_hint(name, answer, hint):
    verdict = judge(EXERCISES[name], answer)
    message = verdict.message.replace(getattr(answer, "__name__", "\0"), "")  # the name of the answer may say it, too
    assert verdict.state == "not yet" and hint in message, verdict.message


@each_exercise
def test_there_are_enough_answers(name):
    right, wrong = ANSWERS[name]
    assert len(right) >= 3 and len(wrong) >= 6
    assert EXERCISES[name].second_hint and EXERCISES[name].task


def test_every_notebook_has_three():
    for path in NOTEBOOKS.glob("0[1-9]_*.ipynb"):
        count = sum(exercise.notebook == int(path.stem[:2]) for exercise in EXERCISES.values())
        assert count >= 3, f"{path.name} has {count}"


# -------------------------------------------------------------------------------------------- the check itself


def boom(Z):
    rows = Z[7]
    return rows


def test_an_error_of_the_student_is_shown_short_with_its_line(capsys):
    verdict = check.softmax(boom)
    assert "IndexError" in verdict.message and "`rows = Z[7]`" in verdict.message
    assert "Traceback" not in verdict.message and "toolkit" not in verdict.message
    assert verdict.message in capsys.readouterr().out


@pytest.mark.parametrize("answer", [3, "softmax", [1], {}, object()], ids=lambda answer: type(answer).__name__)
def test_what_is_no_function_is_said_to_be_none(answer):
    assert "not a function" in check.softmax(answer).message


def test_prints_and_warnings_of_the_answer_stay_out(capsys, recwarn):
    def talks(Z):
        print("so many numbers")
        return Z / 0

    assert not check.softmax(talks).passed
    assert "so many" not in capsys.readouterr().out and not recwarn.list


@pytest.mark.parametrize("answer", [Fraction(1024), Decimal(1024), np.float32(1024), np.array(1024), 1024.0], ids=repr)
def test_a_number_of_any_kind_is_a_number(answer):
    assert judge(EXERCISES["decay_factor"], answer).passed


@pytest.mark.parametrize("answer", ["1024", b"1024", 1024 + 0j, True, [1024], 10**400, np.datetime64("2020")], ids=type)
def test_what_is_no_number_is_said_to_be_none(answer):
    assert "one number" in judge(EXERCISES["decay_factor"], answer).message


def test_complex_numbers_are_not_taken_for_real_ones(recwarn):
    assert not judge(EXERCISES["softmax"], lambda Z: RIGHT[0][1](Z) + 5j).passed and not recwarn.list


def test_an_answer_that_nobody_thought_of_ends_in_a_sentence():
    verdict = judge(EXERCISES["split"], lambda *_, **__: ([["a"]], [1], [[1, 2], [3]], [2]))
    assert verdict.state == "not yet" and "cannot read this answer" in verdict.message


def test_a_single_backtick_of_a_student_is_only_a_backtick():
    assert as_html("the line `x = 1` < y") == "the line <code>x = 1</code> &lt; y"
    assert as_html("the line `x = '`'`") == "the line `x = '`'`"


def test_the_stop_button_gets_through():
    def stopped(Z):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.softmax(stopped)


def test_names_hints_and_progress(capsys):
    assert check.names() == list(EXERCISES) and set(EXERCISES) <= set(dir(check))
    check.softmax(ANSWERS["softmax"][0][0])
    check.progress(2)
    assert "2.1 softmax ✓" in capsys.readouterr().out
    check.hint("softmax")
    assert EXERCISES["softmax"].second_hint in capsys.readouterr().out
    with pytest.raises(AttributeError, match="Did you mean 'softmax'"):
        check.softmx(None)
    with pytest.raises(ValueError, match="no check"):
        check.hint("nonsense")
    with pytest.raises(ValueError, match="number"):
        check.progress(77)
