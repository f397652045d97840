"""Progress lasts: over a killed kernel, beside a second one, and it never stands in the way of a check."""

import errno
import json
import os

import pytest
from jupyter_client.manager import start_new_kernel

from mnist_scratch.classroom import check, exercises, hand_in, overview, predictions, record
from mnist_scratch.files import UserError


@pytest.fixture(autouse=True)
def on(monkeypatch):
    monkeypatch.delenv(record.OFF)


@pytest.fixture
def restarted(tmp_path, monkeypatch):
    """What a new kernel in the folder begins with: a call gives its record to the checks and the questions."""

    def restarted():
        kept = record.Record(tmp_path)
        for module in (exercises, predictions):
            monkeypatch.setattr(module, "RECORD", kept)
        monkeypatch.setattr(predictions, "_asked_here", set())
        return kept

    restarted()
    return restarted


def others(folder):
    """The files beside the record; no lock and nothing unfinished is left."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != record.FILE}


FILLED = {"softmax": ("passed", "import numpy as np\n", "np.exp"), "decay_factor": ("not yet", "", "7 # größer")}


@pytest.fixture
def filled(tmp_path):
    """The bytes of a record with two answers and a prediction."""
    kept = record.Record(tmp_path)
    for name, answer in FILLED.items():
        kept.keep_answer(name, *answer)
    kept.keep_prediction("How many?", "80 %")
    return (tmp_path / record.FILE).read_bytes()


def test_progress_and_predictions_last(filled, tmp_path, restarted, capsys):
    assert record.Record(tmp_path).answers["softmax"] == {
        "state": "passed", "program": "import numpy as np\n", "answer": "np.exp",
    }  # fmt: skip
    check.progress(2)
    check.progress()
    assert capsys.readouterr().out.count("2.1 softmax ✓") == 1
    options = {"30 %": "a", "80 %": "b"}
    asked = predictions.predict("How many?", options)
    assert asked.choice == "80 %" and "“80 %”" in asked.said.value and asked.reveal(0.8).choice == "80 %"
    assert predictions.predict("How many?", options).choice is None, "run again, the cell asks again"
    asked.choose("30 %")
    restarted()
    assert predictions.predict("How many?", options).choice == "30 %"
    assert predictions.predict("How many?", {"7": "a", "8": "b"}).choice is None
    assert others(tmp_path) == {}


def test_an_unstarted_stub_takes_nobodys_answer_away(filled, restarted, capsys):
    def stub(Z):
        raise NotImplementedError

    assert check.softmax(stub).state == "not started" and "softmax ✓" in capsys.readouterr().out
    check.softmax(lambda Z: Z)
    assert restarted().answers["softmax"]["state"] == "not yet"


def test_two_kernels_lose_nothing(tmp_path):
    first, second = record.Record(tmp_path), record.Record(tmp_path)
    for i in range(5):
        first.keep_answer(f"a{i}", "passed", "", "1")
        second.keep_answer(f"b{i}", "passed", "", "2")
        second.keep_prediction(f"q{i}", "yes")
    assert first.answers == second.answers == record.Record(tmp_path).answers and len(first.answers) == 10
    assert "q4" in first.predictions
    first.begin_anew()
    second.keep_answer("c", "passed", "", "1")
    assert list(first.answers) == ["c"], "what was begun anew does not come back"


@pytest.mark.parametrize("part", range(50))
def test_a_record_cut_anywhere_is_set_aside_and_checks_go_on(filled, tmp_path, restarted, capsys, part):
    cut = filled[: len(filled) * part // 50]
    (tmp_path / record.FILE).write_bytes(cut)
    check.decay_factor(1024)
    check.progress(6)
    said = capsys.readouterr().out
    assert said.count("begins anew") == 1 and said.count("decay_factor ✓") == 2
    assert list(others(tmp_path).values()) == [cut]
    assert list(restarted().answers) == ["decay_factor"]


WHOLE = {"format": "mnist-scratch progress", "version": 1, "answers": {}, "predictions": {}}
ANSWER = {"state": "passed", "program": "", "answer": ""}


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b"null", b"[]", {"format": "x"}, {"version": 2},
        {"version": None}, {"answers": []}, {"predictions": None}, {"answers": {"softmax": "passed"}},
        {"answers": {"softmax": {**ANSWER, "state": "great"}}}, {"answers": {"softmax": {**ANSWER, "state": []}}},
        {"answers": {"softmax": {**ANSWER, "program": 7}}}, {"predictions": {"How many?": ["80 %"]}},
    ],
    ids=lambda content: str(content)[:50],
)  # fmt: skip
def test_what_is_no_record_is_set_aside(tmp_path, restarted, capsys, content):
    content = content if isinstance(content, bytes) else json.dumps({**WHOLE, **content}).encode()
    (tmp_path / record.FILE).write_bytes(content)
    check.progress()
    assert "kept as" in capsys.readouterr().out and list(others(tmp_path).values()) == [content]
    predictions.predict("How many?", {"1": "a", "2": "b"}).choose("1")
    assert restarted().predictions == {"How many?": "1"}


def test_what_this_kernel_knows_survives_a_damage_to_the_file(filled, tmp_path, restarted):
    kept = restarted()
    assert len(kept.answers) == 2
    (tmp_path / record.FILE).write_bytes(b"{")
    kept.keep_answer("split", "passed", "", "")
    assert list(restarted().answers) == [*FILLED, "split"]


@pytest.mark.parametrize("trouble", ["full", "read-only", "unreadable", "a folder", "gone"])
def test_where_nothing_can_be_saved_the_kernels_memory_takes_its_place(
    filled, tmp_path, restarted, monkeypatch, capsys, trouble
):
    def refused(number, *names):
        def refuse(path, *arguments, **settings):
            raise OSError(number, os.strerror(number), str(path))

        for owner, name in names:
            monkeypatch.setattr(owner, name, refuse)

    if trouble == "full":
        refused(errno.ENOSPC, (os, "fsync"))
    elif trouble == "read-only":
        refused(errno.EROFS, (record, "replacing"), (os, "open"), (os, "rename"))
    elif trouble == "unreadable":
        refused(errno.EACCES, (record.Path, "read_bytes"), (os, "rename"))
    elif trouble == "a folder":
        (tmp_path / record.FILE).unlink()
        (tmp_path / record.FILE).mkdir()
    else:
        monkeypatch.setattr(exercises, "RECORD", record.Record(tmp_path / "gone"))
    for _ in range(2):
        assert check.decay_factor(1024).passed
    check.progress(6)
    said = capsys.readouterr().out
    assert said.count("decay_factor ✓") == 3
    assert said.count("Your progress") == 1, "it is said once"
    monkeypatch.undo()
    if trouble in ("full", "read-only", "unreadable"):
        assert (tmp_path / record.FILE).read_bytes() == filled


def test_a_lock_that_a_killed_kernel_left_gives_way(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "_PATIENCE", 0.1)
    for end in ("lock", "4711-abcd.unfinished"):
        (tmp_path / f"{record.FILE}.{end}").touch()
    record.Record(tmp_path).keep_answer("split", "passed", "", "")
    assert "split" in record.Record(tmp_path).answers and others(tmp_path) == {}


def test_beginning_anew_keeps_what_there_was(filled, tmp_path, restarted, capsys):
    for _ in range(2):
        check.begin_anew()
        assert exercises.RECORD.answers == restarted().answers == {} and restarted().predictions == {}
    check.decay_factor(1024)
    check.begin_anew()
    assert len(others(tmp_path)) == 2 and filled in others(tmp_path).values()
    said = capsys.readouterr().out
    assert all(name in said for name in others(tmp_path))


def test_the_button_asks_before_it_begins_anew(filled, tmp_path, restarted):
    shown = overview.Overview(exercises._standing, exercises.RECORD.begin_anew)
    assert "softmax: passed" in shown.view.value and "2.1 ✓" in shown._repr_mimebundle_()["text/plain"]
    (begin,) = shown.buttons.children
    begin.click()
    assert shown.buttons.children[0] is shown.no and exercises.RECORD.answers, "a double click changes nothing"
    shown.no.click()
    begin.click()
    assert exercises.RECORD.answers
    shown.yes.click()
    assert not exercises.RECORD.answers and filled in others(tmp_path).values()
    assert "0 of" in shown.view.value and "begins anew" in shown.said.value


def test_off_means_that_nothing_is_written(tmp_path, restarted, monkeypatch):
    monkeypatch.setenv(record.OFF, "off")
    check.decay_factor(1024)
    assert exercises.RECORD.answers["decay_factor"]["state"] == "passed"
    check.begin_anew()
    assert not exercises.RECORD.answers and not list(tmp_path.iterdir())


# --------------------------------------------------------------------------------------------------------- hand in


def my_decay(n=10):
    return helped(n)


def helped(n):
    return (-2) ** n


def test_a_hand_in_holds_the_answers_and_says_what_is_missing(filled, tmp_path, restarted, capsys):
    check.l2_penalty(my_decay)
    check.l2_gradient(None)
    check.hand_in("Ada Lovelace")
    said = capsys.readouterr().out
    within, missing = said.split("No answer yet")
    assert "3 of" in within and "2.1 softmax" in within and "6.2 l2_gradient" in missing
    name, answers = hand_in.read(tmp_path / "hand_in_Ada_Lovelace.json")
    program, expression = answers.pop("l2_penalty")
    space = {}
    exec(program, space)
    assert eval(expression, space)() == 1024 and "def test" not in program
    assert name == "Ada Lovelace" and answers == {name: answer[1:] for name, answer in FILLED.items()}
    assert b"passed" not in (tmp_path / "hand_in_Ada_Lovelace.json").read_bytes()


def test_a_hand_in_needs_a_name(tmp_path, restarted):
    for name in (None, "", 7):
        with pytest.raises(UserError, match=r'check.hand_in\("Ada"\)'):
            check.hand_in(name)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------- in a real kernel


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Start a kernel in the folder; returns it and what runs a cell there, which returns what the cell printed."""
    started = []
    # notebooks' kernels may write in the course only; this one is another student's
    monkeypatch.setenv("CLOSED_ALLOWED", os.pathsep.join([os.environ["CLOSED_ALLOWED"], os.path.realpath(tmp_path)]))

    def start():
        manager, client = start_new_kernel(cwd=str(tmp_path))
        started.append((manager, client))

        def run(cell):
            said = []
            reply = client.execute_interactive(cell, output_hook=lambda message: said.append(str(message["content"])))
            assert reply["content"]["status"] == "ok", reply["content"]
            return " ".join(said)

        return manager, run

    yield start
    for manager, client in started:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)


def test_a_kernel_killed_and_opened_again_shows_the_progress_it_had(kernel, tmp_path):
    manager, run = kernel()
    run("from mnist_scratch.classroom import check, predict\nη = 3")
    run("def my_factor():\n    return (1 - η) ** 10")
    run('question = predict("How many?", {"1": "a", "2": "b"})\nquestion.choose("2")')
    run("%time x = my_factor()\ncheck.decay_factor(x)")
    manager.shutdown_kernel(now=True)  # SIGKILL
    _, run = kernel()
    run("from mnist_scratch.classroom import check, predict")
    assert "decay_factor ✓" in run("check.progress(6)") and "1 of" in run("check.progress()")
    assert "● 2" in run('predict("How many?", {"1": "a", "2": "b"})')
    run('check.hand_in("Ada")')
    program, expression = hand_in.read(tmp_path / "hand_in_Ada.json")[1]["decay_factor"]
    space = {}
    exec(program, space)
    assert eval(expression, space) == 1024
