"""Progress lasts: over a killed kernel, beside a second one, and it never stands in the way of a check."""

import errno
import json
import os

import pytest
from jupyter_client.manager import run_kernel

from mnist_scratch.classroom import check, exercises, hand_in, overview, predictions, record

FILLED = {"softmax": ("passed", "import numpy as np\n", "np.exp"), "decay_factor": ("not yet", "", "7 # größer")}
OPTIONS = {"30 %": "a", "80 %": "b"}


@pytest.fixture(autouse=True)
def restarted(tmp_path, monkeypatch):
    """What a new kernel in the folder begins with: a call gives its record to the checks and the questions."""
    monkeypatch.delenv(record.OFF)

    def restarted(folder=tmp_path):
        kept = record.Record(folder)
        for module in (exercises, predictions):
            monkeypatch.setattr(module, "RECORD", kept)
        monkeypatch.setattr(predictions, "_asked_here", set())
        return kept

    restarted()
    return restarted


@pytest.fixture
def filled(tmp_path):
    """The bytes of a record with two answers and a prediction."""
    kept = record.Record(tmp_path)
    for name, answer in FILLED.items():
        kept.keep_answer(name, *answer)
    kept.keep_prediction("How many?", "80 %")
    return (tmp_path / record.FILE).read_bytes()


@pytest.fixture
def others(tmp_path):
    """Call it for {name: content} of the files beside the record."""
    return lambda: {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != record.FILE}


def test_progress_and_predictions_last(filled, others, restarted):
    check.decay_factor(None)
    assert exercises.RECORD.answers["decay_factor"]["state"] == "not yet", "a stub takes nobody's answer away"
    check.decay_factor(1024)
    asked = predictions.predict("How many?", OPTIONS)
    assert asked.choice == "80 %" and "“80 %”" in asked.said.value and asked.reveal(0.8).choice == "80 %"
    assert predictions.predict("How many?", OPTIONS).choice is None, "run again, the cell asks again"
    asked.choose("30 %")
    assert restarted().answers["decay_factor"]["state"] == "passed" and others() == {}
    assert predictions.predict("How many?", OPTIONS).choice == "30 %"
    assert predictions.predict("How many?", {"7": "a", "8": "b"}).choice is None


def test_two_kernels_lose_nothing_over_damage_and_a_lock_that_a_killed_one_left(tmp_path, others, monkeypatch):
    first, second = record.Record(tmp_path), record.Record(tmp_path)
    for i in range(5):
        first.keep_answer(f"a{i}", "passed", "", "1")
        second.keep_answer(f"b{i}", "passed", "", "2")
        second.keep_prediction(f"q{i}", "yes")
    monkeypatch.setattr(record, "_PATIENCE", 0.1)
    for end in ("lock", "4711-abcd.unfinished"):
        (tmp_path / f"{record.FILE}.{end}").touch()
    first.keep_answer("a5", "passed", "", "1")
    assert first.answers == second.answers == record.Record(tmp_path).answers and len(first.answers) == 11
    assert "q4" in first.predictions and others() == {}
    (tmp_path / record.FILE).write_bytes(b"{")
    first.keep_answer("a6", "passed", "", "1")
    assert len(record.Record(tmp_path).answers) == 12 and list(others().values()) == [b"{"]
    first.begin_anew()
    second.keep_answer("c", "passed", "", "1")
    assert list(first.answers) == ["c"], "what was begun anew does not come back"


EMPTY = {"format": "mnist-scratch progress", "version": 1, "answers": {}, "predictions": {}}
ANSWER = {"state": "passed", "program": "", "answer": ""}


@pytest.mark.parametrize("content", [
    *range(50), b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b"null", b"{}", {"format": "x"}, {"version": 2},
    {"version": None}, {"answers": []}, {"predictions": None}, {"answers": {"softmax": "passed"}},
    {"answers": {"softmax": {**ANSWER, "state": "great"}}}, {"answers": {"softmax": {**ANSWER, "state": []}}},
    {"answers": {"softmax": {**ANSWER, "program": 7}}}, {"predictions": {"How many?": ["80 %"]}},
], ids=lambda content: str(content)[:50])  # fmt: skip
def test_what_is_no_record_is_set_aside_and_checks_go_on(filled, tmp_path, others, restarted, capsys, content):
    if isinstance(content, int):  # the record, cut there
        content = filled[: len(filled) * content // 50]
    elif isinstance(content, dict):
        content = json.dumps({**EMPTY, **content}).encode()
    (tmp_path / record.FILE).write_bytes(content)
    check.decay_factor(1024)
    check.progress(6)
    said = capsys.readouterr().out
    assert said.count("begins anew") == said.count("kept as") == 1 and said.count("decay_factor ✓") == 2
    assert list(others().values()) == [content]
    predictions.predict("How many?", OPTIONS).choose("80 %")
    assert list(restarted().answers) == ["decay_factor"] and restarted().predictions == {"How many?": "80 %"}


@pytest.mark.parametrize(("code", "names"), [
    (errno.ENOSPC, [(os, "fsync")]), (errno.EROFS, [(hand_in, "replacing"), (record, "replacing"), (os, "open")]),
    (errno.EACCES, [(record.Path, "read_bytes"), (os, "rename")]), (errno.ENOENT, []),
], ids=["full", "read-only", "unreadable", "gone"])  # fmt: skip
def test_where_nothing_can_be_saved_memory_does(filled, tmp_path, restarted, monkeypatch, capsys, code, names):
    def refuse(path, *arguments, **settings):
        raise OSError(code, os.strerror(code), str(path))

    for owner, name in names:
        monkeypatch.setattr(owner, name, refuse)
    restarted(tmp_path if names else tmp_path / "gone")
    assert check.decay_factor(1024).passed and check.decay_factor(1024).passed
    check.progress(6)
    check.hand_in("Ada")
    said = capsys.readouterr().out
    assert said.count("decay_factor ✓") == 3 and said.count("Your progress") == 1, "it is said once"
    assert ("Nothing was written" in said) == (code != errno.EACCES)
    monkeypatch.undo()
    assert (tmp_path / record.FILE).read_bytes() == filled


def test_beginning_anew_asks_first_and_keeps_what_there_was(filled, others, restarted, capsys):
    shown = overview.Overview(exercises._standing, exercises.RECORD.begin_anew)
    assert "softmax: passed" in shown.view.value and "2.1 ✓" in shown.still()[0]["text/plain"]
    shown.button.click()
    assert shown.buttons.children[0] is shown.no and exercises.RECORD.answers, "a double click changes nothing"
    shown.no.click()
    assert exercises.RECORD.answers and shown.buttons.children == (shown.button,)
    shown.yes.click()
    assert exercises.RECORD.answers == restarted().answers == {} and restarted().predictions == {}
    assert "0 of" in shown.view.value and filled in others().values()
    check.decay_factor(1024)
    check.begin_anew()
    assert len(others()) == 2 and any(map(capsys.readouterr().out.count, others())), "it is told where it is"


def test_off_means_that_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv(record.OFF, "off")
    assert check.decay_factor(1024).passed and exercises.RECORD.answers["decay_factor"]["state"] == "passed"
    check.begin_anew()
    assert not exercises.RECORD.answers and not list(tmp_path.iterdir())


def my_decay(n=10):
    return (-2) ** n


def value(program, expression):
    exec(program, space := {})
    return eval(expression, space)


def test_a_hand_in_holds_the_answers_and_says_what_is_missing(filled, tmp_path, others, capsys):
    for name in (None, "", 7, "//", "a" * 300):
        check.hand_in(name)
        assert "Nothing was written" in capsys.readouterr().out and others() == {}
    check.l2_penalty(my_decay)
    check.l2_gradient(None)
    check.hand_in("Ada Lovelace")
    within, missing = capsys.readouterr().out.split("No answer yet")
    assert "3 of" in within and "2.1 softmax" in within and "6.2 l2_gradient" in missing
    assert b"passed" not in (tmp_path / "hand_in_Ada_Lovelace.json").read_bytes()
    name, answers = hand_in.read(tmp_path / "hand_in_Ada_Lovelace.json")
    assert "def test" not in answers["l2_penalty"][0] and value(*answers.pop("l2_penalty"))() == 1024
    assert name == "Ada Lovelace" and answers == {name: answer[1:] for name, answer in FILLED.items()}


def test_a_hand_in_from_a_folder_that_a_class_shares_goes_where_the_student_went(tmp_path, monkeypatch, capsys):
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.mkdir()
    own.mkdir()
    monkeypatch.setattr(exercises, "RECORD", record.Record(shared))
    replacing = hand_in.replacing

    def refuse(path):
        if path.parent == shared:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return replacing(path)

    monkeypatch.setattr(hand_in, "replacing", refuse)
    monkeypatch.chdir(shared)
    assert check.decay_factor(1024).passed
    check.hand_in("Ada")
    assert "%cd" in capsys.readouterr().out
    monkeypatch.chdir(own)
    check.hand_in("Ada")
    assert str(own) in capsys.readouterr().out and list(hand_in.read(own / "hand_in_Ada.json")[1]) == ["decay_factor"]


def test_a_kernel_killed_and_opened_again_shows_the_progress_it_had(tmp_path, monkeypatch):
    def run(kernel, cell):
        said = []
        reply = kernel.execute_interactive(cell, output_hook=lambda message: said.append(str(message["content"])))
        assert reply["content"]["status"] == "ok", reply["content"]
        return " ".join(said)

    # notebooks' kernels may write in the course only; this one is another student's
    monkeypatch.setenv("CLOSED_ALLOWED", os.pathsep.join([os.environ["CLOSED_ALLOWED"], os.path.realpath(tmp_path)]))
    with run_kernel(cwd=str(tmp_path)) as kernel:  # in the end, it is killed
        run(kernel, "from mnist_scratch.classroom import check, predict\nη = 3\ndef f():\n    return (1 - η) ** 10")
        run(kernel, 'predict("How many?", {"1": "a", "2": "b"}).choose("2")\n%time x = f()\ncheck.decay_factor(x)')
    with run_kernel(cwd=str(tmp_path)) as kernel:
        assert "factor ✓" in run(kernel, "from mnist_scratch.classroom import check, predict\ncheck.progress(6)")
        assert "● 2" in run(kernel, 'predict("How many?", {"1": "a", "2": "b"})')
        assert "Nothing was written" in run(kernel, 'check.hand_in()\ncheck.hand_in("Ada")')
    program, expression = hand_in.read(tmp_path / "hand_in_Ada.json")[1]["decay_factor"]
    assert expression == "x" and value(program, expression) == 1024
