"""Every exercise: its stub is not started, its solution passes, and each answer gets the verdict meant for it."""

import inspect
import itertools
import json
import re
import runpy
import signal
import sys
import time
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mnist_scratch import load_mnist
from mnist_scratch.classroom import check
from mnist_scratch.classroom.exercises import EXERCISES, batches, calls, judge, regularization
from mnist_scratch.classroom.exercises.toolkit import FunctionExercise
from mnist_scratch.classroom.exercises.words import as_html
from mnist_scratch.classroom.programs import answers_in
from mnist_scratch.recipes import RECIPES

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parents[1] / "notebooks"
RIGHT = runpy.run_path(HERE / "right_answers.py")
WRONG = runpy.run_path(HERE / "wrong_answers.py")["WRONG"]


def flat(answers):
    """A list of answers, from one, from a list, or from a class that holds them."""
    if isinstance(answers, type):
        return [f for f in vars(answers).values() if inspect.isfunction(f)] + vars(answers).get("others", [])
    return answers if isinstance(answers, list) else [answers]


each_exercise = pytest.mark.parametrize("name", EXERCISES)
each_right_answer = pytest.mark.parametrize(
    "name, answer",
    [
        pytest.param(name, answer, id=f"{name}-{getattr(answer, '__name__', i)}")
        for name in EXERCISES
        for i, answer in enumerate(flat(RIGHT.get(name, [])))  # none: a test below says so
    ],
)
each_wrong_answer = pytest.mark.parametrize(
    "name, answer, piece",
    [
        pytest.param(name, answer, piece, id=f"{name}-{piece[:40]}-{i}")
        for name, pieces in WRONG.items()
        for piece, answers in pieces.items()
        for i, answer in enumerate(flat(answers))
    ],
)


def cells(path, kind="code"):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def notebook_of(name, folder=NOTEBOOKS):
    (path,) = folder.glob(f"{EXERCISES[name].notebook:02}_*.ipynb")
    return path


def answer_in(path, name):
    """What the notebook gives to check.name, from its program alone, as whoever marks it runs it."""
    found = answers_in(cells(path))
    assert name in found, f"no cell of {path.name} calls check.{name}(…)"
    program, expression = found[name]
    space = {}
    exec(program, space)
    return eval(expression, space)


# ------------------------------------------------------------------------------------------ exercises and answers


@each_exercise
def test_the_notebook_has_the_exercise_under_its_number_and_its_stub_is_not_started(name):
    number = EXERCISES[name].number
    found = sum(f"**{number}**" in source for source in cells(notebook_of(name), "markdown"))
    assert found == 1, f"**{number}** stands in {found} cells of {notebook_of(name).name}; each exercise has a number"
    stub = answer_in(notebook_of(name), name)
    verdict = judge(EXERCISES[name], stub)
    assert verdict.state == "not started" and not verdict.passed
    if isinstance(EXERCISES[name], FunctionExercise):  # its first line is how the check calls
        assert EXERCISES[name].parameters == tuple(inspect.signature(stub).parameters)


@each_exercise
def test_the_solution_passes(name):
    verdict = judge(EXERCISES[name], answer_in(notebook_of(name, NOTEBOOKS / "solutions"), name))
    assert verdict.passed, verdict.message


def in_float32(value):
    if isinstance(value, list | tuple):
        return type(value)(map(in_float32, value))
    return value if callable(value) or np.asarray(value).dtype.kind != "f" else np.float32(value)


@pytest.mark.parametrize("name", [name for name, e in EXERCISES.items() if getattr(e, "float32_will_do", False)])
def test_the_solution_passes_in_float32(name):
    solution = answer_in(notebook_of(name, NOTEBOOKS / "solutions"), name)
    given = (lambda values: values) if EXERCISES[name].may_change else in_float32
    verdict = judge(EXERCISES[name], lambda *values: in_float32(solution(*given(values))))
    assert verdict.passed, verdict.message


@each_right_answer
def test_a_right_answer_of_any_style_passes(name, answer):
    verdict = judge(EXERCISES[name], answer)
    assert verdict.passed and verdict.state == "passed", verdict.message


@each_exercise
def test_the_reference_passes_and_each_listed_mistake_gets_its_own_hint(name):
    assert not EXERCISES[name].problems(), "\n".join(EXERCISES[name].problems())


@each_wrong_answer
def test_a_wrong_answer_gets_a_hint_that_fits(name, answer, piece):
    verdict = judge(EXERCISES[name], answer)
    said = re.sub(r", in the line `.*?`\.(?= Hint| check)", ".", verdict.message)  # the line may hold the piece itself
    assert verdict.state == "not yet" and piece in said, verdict.message


def test_what_an_answer_changes_in_a_shared_recipe_is_undone():
    recipe = RECIPES["relu-128-64"]
    before = dict(vars(recipe))
    verdict = judge(EXERCISES["my_recipe"], lambda: vars(recipe).update(name="mine", goal=0.98) or recipe)
    assert "RECIPES was changed" in verdict.message and vars(recipe) == before


@each_exercise
def test_an_answer_of_any_kind_is_taken_apart(name):
    ragged, pair, masked = [[1], [2, 3]], (np.zeros((2, 2)), np.zeros(3)), np.ma.array([1])
    for result in (ragged, pair, masked, "text", {"a": 1}, 1j, 10**400, [10**400], np.array([None]), iter([])):
        takes_a_function = callable(answer_in(notebook_of(name), name))
        verdict = judge(EXERCISES[name], (lambda *given, result=result: result) if takes_a_function else result)
        assert verdict.state == "not yet" and "cannot read" not in verdict.message, verdict.message


@each_exercise
def test_every_exercise_has_answers_to_try(name):
    assert flat(RIGHT.get(name, [])), f"tests/classroom/right_answers.py needs right answers under the name {name}"
    tried = EXERCISES[name].listed_mistakes() or WRONG.get(name)
    assert tried, f"{name} needs mistakes with their hints, or wrong answers in tests/classroom/wrong_answers.py"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_check_that_a_notebook_calls_exists(path):
    called = set(re.findall(r"\bcheck\.([a-z]\w*)\(", "\n".join(cells(path))))
    assert called <= set(dir(check)), f"in no list EXERCISES of classroom/exercises: {called - set(dir(check))}"


def test_the_numbers_in_the_definitions_are_those_of_the_data():
    train, held_out, _ = load_mnist()
    counted = (train[:1000], held_out[:5000], held_out)
    assert [np.bincount(part.labels).tolist() for part in counted] == [
        regularization._THOUSAND,
        regularization._VALIDATION,
        regularization._HELD_OUT,
    ]
    read = batches._digits()
    assert np.array_equal(read.images, train[:5000].images) and np.array_equal(read.labels, train[:5000].labels)
    right = EXERCISES["largest_rate"].reference()
    assert batches._loss_after(3, (right,) * 121) < 1 <= batches._loss_after(3, (2 * right,) * 121)


# -------------------------------------------------------------------------------------------- the check itself


def test_an_error_of_the_student_is_shown_short_with_its_line(capsys):
    def boom(Z):
        rows = Z[7]
        return rows

    verdict = check.softmax(boom)
    assert "IndexError" in verdict.message and "`rows = Z[7]`" in verdict.message
    assert "Traceback" not in verdict.message and "toolkit" not in verdict.message
    assert verdict.message in capsys.readouterr().out


def test_what_is_not_a_function_is_said_to_be_none():
    assert "not a function" in check.softmax("softmax").message


def test_what_the_answer_prints_is_shown_short_and_its_warnings_are_not(recwarn):
    def talks(Z):
        for row in range(1000):
            print("row", row)
        return Z / 0

    message = check.softmax(talks).message
    assert "row 0\nrow 1\n" in message and "row 99" not in message and not recwarn.list


def loops(Z):
    while True:
        try:
            Z = Z + 1
        except:  # noqa: E722 as a student might
            pass


def sleeps(Z):
    time.sleep(100)


def asks(Z):
    return input("Z?")


def exits(Z):
    sys.exit(1)


def floods(Z):
    while True:
        print("flood")


@pytest.mark.parametrize(
    "answer, said",
    [
        (loops, "still at work after"),
        (sleeps, "still at work after"),
        (floods, "still at work after"),
        (asks, "no `input()`"),
        (exits, "`return` ends a function"),
    ],
)
def test_an_answer_that_does_not_come_back_is_stopped(answer, said, monkeypatch):
    monkeypatch.setattr(calls, "SECONDS", 0.3)
    assert said in check.softmax(answer).message


def test_the_stop_button_still_works_after_an_endless_loop(monkeypatch):
    monkeypatch.setattr(calls, "SECONDS", 0.1)
    before = signal.getsignal(signal.SIGINT)
    check.softmax(loops)
    assert signal.getsignal(signal.SIGINT) is before and sys.gettrace() is None
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


softmax = RIGHT["softmax"].with_loops
_calls, _kept = itertools.count(), {}


def right_the_first_times(Z):
    return softmax(Z) if next(_calls) < len(EXERCISES["softmax"].cases) else Z


def remembers_by_shape(Z):
    return _kept.setdefault((Z.shape, Z.dtype), softmax(Z))


def remembers_by_numbers(Z):
    return _kept.setdefault(tuple(np.sort(Z, axis=None)), softmax(Z))


def hands_out_one_array(Z, room=np.zeros(100)):  # noqa: B008 that is the mistake
    out = room[: Z.size].reshape(Z.shape)
    out[...] = softmax(Z)
    return out


@pytest.mark.parametrize(
    "answer", [right_the_first_times, remembers_by_shape, remembers_by_numbers, hands_out_one_array]
)
def test_a_function_that_keeps_something_from_call_to_call_is_found_out(answer):
    assert "from call to call" in check.softmax(answer).message


def squares_in_place(weights, weight_decay):
    return weight_decay / 2 * sum(np.square(W, out=W).sum() for W in weights)


@pytest.mark.parametrize(
    "name, answer", [("all", lambda weights, weight_decay: weight_decay), ("array_equal", squares_in_place)]
)
def test_an_answer_that_replaces_a_function_of_numpy_fools_no_check(name, answer, monkeypatch):
    monkeypatch.setattr(np, name, lambda *given, **named: True)
    assert judge(EXERCISES["l2_penalty"], answer).state == "not yet"


@pytest.mark.parametrize("answer", [Fraction(1024), Decimal(1024), np.float32(1024), np.array(1024), 1024.0], ids=repr)
def test_a_number_of_any_kind_is_a_number(answer):
    assert judge(EXERCISES["decay_factor"], answer).passed


@pytest.mark.parametrize("answer", ["1024", b"1024", 1024 + 0j, True, [1024], 10**400, np.datetime64("2020"), np.inf])
def test_what_is_not_a_number_is_said_to_be_none(answer):
    assert re.search("expected (one|a finite) number", judge(EXERCISES["decay_factor"], answer).message)


def test_complex_numbers_are_not_taken_for_real_ones(recwarn):
    assert not judge(EXERCISES["softmax"], lambda Z: RIGHT["softmax"].with_loops(Z) + 5j).passed and not recwarn.list


def test_a_line_of_code_is_shown_as_such_in_html():
    assert as_html("the line `x = 1` < y") == "the line <code>x = 1</code> &lt; y"


def test_the_stop_button_gets_through():
    def stopped(Z):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        check.softmax(stopped)


def test_names_hints_and_progress(capsys):
    assert check.names() == list(EXERCISES) and set(EXERCISES) <= set(dir(check))
    check.softmax(RIGHT["softmax"].with_loops)
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


# ------------------------------------------------------------------------------------------ one's own exercise


@pytest.fixture
def own():
    """The exercise of the teachers' page, defined there and added."""
    known = dict(EXERCISES)
    page = (NOTEBOOKS.parent / "docs" / "exercises.md").read_text(encoding="utf-8")
    definition, stub = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    space = {}
    exec(definition, space)
    yield space["exercise"], stub
    EXERCISES.clear()
    EXERCISES.update(known)


def test_the_exercise_of_the_teachers_page_works(own):
    exercise, stub = own
    exec(stub, {"check": check})
    assert not check.standardized(lambda X: X).passed and check.standardized(exercise.reference).passed


def test_an_exercise_that_would_mislead_is_refused(own):
    exercise, _ = own
    wrong_hint = replace(
        exercise, mistakes=exercise.mistakes | {"Half.": exercise.mistakes["The mean is not subtracted yet."]}
    )
    for bad, said in [
        (replace(exercise, mistakes={"Not wrong.": exercise.reference}), "passes"),
        (wrong_hint, "Half"),
        (replace(exercise, reference=lambda X: np.random.default_rng().random(X.shape)), "its own reference"),
        (replace(exercise, name="progress"), "cannot be its name"),
        (replace(exercise, name="softmax"), "cannot be its name"),
        (replace(exercise, number="2.1"), "an exercise 2.1 already"),
        (replace(exercise, number="ten"), "its number is 'ten'"),
        (replace(exercise, cases={}), "no cases"),
        (replace(exercise, cases={"two arguments": [1, 2]}), "“two arguments” its reference stopped"),
        (replace(exercise, reference=lambda X: None), "returned None"),
    ]:
        with pytest.raises(ValueError, match=said):
            check.add(bad)
