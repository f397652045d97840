"""The program that an answer needs, and what a student hands in."""

import json

import pytest

from mnist_scratch.classroom import hand_in, programs
from mnist_scratch.files import UserError


def value(program, expression):
    """What the grader sees: the expression, after the program, in an empty namespace."""
    space = {}
    exec(program, space)
    return eval(expression, space)


TRAINING = "net = 1 / 0  # takes an hour\nhistory = fit(net, X)"
# {what is special: (cells, expression, called with, what comes out)}
CASES = {
    "a helper and its constant": (["K = 3", "def g(x):\n    return x + K", "def f(x):\n    return g(x)"], "f", (1,), 4),
    "an import, and one inside": (
        ["import math as m", "def f(x):\n    import cmath\n    return m.sqrt(x) + cmath.sqrt(0)",
         "m.exp(1 / 0)\nf(1 / 0)"],
        "f", (4,), 2,
    ),
    "a module of a package": (
        ["import wsgiref.util\nimport wsgiref.headers"], "wsgiref.util.guess_scheme", ({},), "http",
    ),
    "all of a module": (["from math import *", "def f(x):\n    return sqrt(x)"], "f", (9,), 3),
    "written again": (["def f(x):\n    return 1", "def f(x):\n    return 2"], "f", (0,), 2),
    "a helper written again, after the function": (
        ["def g():\n    return 1", "def f():\n    return g()", "def g():\n    return 2"],
        "f", (), 2,
    ),
    "a helper written again, behind a second name": (
        ["def g():\n    return 1", "def h():\n    return g()", "f = h", "def g():\n    return 2"],
        "f", (), 2,
    ),
    "a number computed before its helper changed": (
        ["def h():\n    return 1", "def g():\n    return h()", "x = g()", "def h():\n    return 2"],
        "x + g()", None, 3,
    ),
    "changed by +=": (["n = 1\nn += 2", "n *= 10", "def f():\n    return n"], "f", (), 30),
    "changed in place": (
        ["a = [0, 0]\na[1] = 5", "a.append(7)", "a[0] += 1\ndel a[1]", "print(a)\nlen(a)"],
        "a", None, [1, 7],
    ),
    "a row changed in place": (["import numpy as np", "a = np.zeros(2)", "np.add(a, 1, out=a)"], "a.sum()", None, 2),
    "trained, when that is the answer": (
        ["def fit(n):\n    n.append(1)", "n = []", "history = fit(n)"], "len(n)", None, 1,
    ),
    "changed by a function, whose result is kept": (
        ["def step(w, g):\n    for p in w:\n        p[0] -= g\n    return 1", "w, g = [[5]], 2",
         "loss = [step(w, g) for _ in range(2)]",
         "def other(v, g):\n    v[0] = g", "v = [1 / 0]\nother(v, g)"],
        "w[0][0] + g", None, 3,
    ),
    "changed through another name": (
        ["a = [1]\nb, c = a, [2]\nb += [3]\nc[0] = 1 / 0", "rows = [a]", "for row in rows:\n    row += [4]"],
        "a + rows", None, [1, 3, 4, [1, 3, 4]],
    ),
    "changed by the name that it came from": (["a = [1]\nb = a\na += [2]"], "b", None, [1, 2]),
    "written by a function that declares it global": (
        ["n = 0\ndef tick():\n    global n\n    n += 1", "tick()"], "n", None, 1,
    ),
    "drawn at random": (
        ["import random", "rng = random.Random(0)", "a = rng.random()", "b = rng.random()"],
        "b", None, 0.7579544029403025,
    ),
    "seeded for all": (["import random\nrandom.seed(0)", "b = random.random()"], "b", None, 0.8444218515250481),
    "loops, with and if": (
        ["import warnings", "d = {}\nfor i in range(3):\n    d[i] = i * i",
         "with warnings.catch_warnings():\n    s = sum(d)",
         "t = 0\nif s > 2:\n    t = 1", "u = 5\nfor u in []:\n    pass"],
        "t + s + d[2] + u", None, 13,
    ),
    "a class with __call__": (
        ["c = 2", "class F:\n    k = c\n    def __call__(self, x):\n        return x * self.k + d", "d = 1"],
        "F()", (5,), 11,
    ),
    "a lambda": (["k = 2", "f = lambda x, y=k: x * y + k2", "k2 = 1"], "f", (3,), 7),
    "a lambda in the call": (["k = 2"], "lambda x: x * k", (3,), 6),
    "a lambda called at once": (["k = 2\nr = list(map(lambda x: x * k, [3]))", "k = 5"], "r", None, [6]),
    "decorated": (["import functools", "@functools.lru_cache\ndef f(x):\n    return x"], "f", (3,), 3),
    "names of comprehensions and parameters": (
        [TRAINING, "def f(X):\n    return [net for net in X]", "r = [history for history in [1, 2]]"],
        "[*f([0]), *r]", None, [0, 1, 2],
    ),
    "two statements on a line": (["a = 1; b = 1 / 0; c = 2"], "a + c", None, 3),
    "magics": (
        ["%matplotlib inline\na = 1", "%%time\nb = 2", "%time c = 3\n!ls\nlen?", "%%bash\nd = 4",
         "get_ipython().run_line_magic('time', 'd = 4')", 's = """\n%time x\n"""'],
        "a + b + c + d + len(s)", None, 19,
    ),
    "a cell that does not parse": (["a = 1", "a = (2", "return 3", "\0", "(" * 500,
         "-" * 99999 + "1", "a" + ".b" * 9999], "a", None, 1),
    "checks in between": (
        ["from nowhere import check", "def f():\n    return 1", "check.softmax(f)",
         "with open('x') as g:\n    check.softmax(f)", "for i in [1, 2]:\n    k = i\n    check.softmax(f)"],
        "k + f()", None, 3,
    ),
    "a future that is not here yet": (
        ["import math", "from __future__ import annotations", "def f(x: math.nonsense):\n    return x"], "f", (1,), 1,
    ),
    "in other alphabets": (["η = 3  # größer"], "η", None, 3),
    "nothing": ([TRAINING], "1024", None, 1024),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_program_gives_the_students_answer_and_has_nothing_that_it_does_not_need(case):
    cells, expression, given, expected = CASES[case]
    program = programs.needed_for([TRAINING, *cells, "print(1 / 0)", "net"], expression)
    answer = value(program, expression)
    assert (answer if given is None else answer(*given)) == expected
    assert not any(piece in program for piece in ("1 / 0", "check", "print"))


def test_without_an_expression_nothing_is_needed():
    assert programs.needed_for(["a = 1"], "") == programs.needed_for(["a = 1"], "(") == ""


def test_answers_are_those_given_to_the_last_call_of_each_check():
    cells = [
        "def f():\n    return k", "k = 1", "check.softmax(f)", "k = 2\ncheck.softmax(f).passed; k = 3",
        "check.decay_factor(1024)", "ok = check.split(answer=lambda: k)\ndef later():\n    check.shifted(f)",
        "check.hint('softmax')\ncheck.progress(2)\ncheck.hand_in('Ada')\ncheck.names()\ncheck.softmax()",
        "if k:\n    own = 5\n    classroom.check.bilinear(own)",
    ]  # fmt: skip
    found = programs.answers_in(cells)
    assert list(found) == ["softmax", "decay_factor", "split", "bilinear"]
    assert value(*found["softmax"])() == 2 and value(*found["split"])() == 3 and value(*found["bilinear"]) == 5
    assert found["decay_factor"] == ("", "1024")


# ---------------------------------------------------------------------------------------------------- the hand-in

ANSWERS = {"softmax": ("import numpy as np\n", "np.exp"), "decay_factor": ("", "1024")}


def test_a_hand_in_is_read_as_it_was_written(tmp_path):
    path = tmp_path / hand_in.file_name("Ada Łovelace")
    hand_in.write("Ada Łovelace", ANSWERS, path)
    assert hand_in.read(path) == ("Ada Łovelace", ANSWERS)
    assert json.loads(path.read_text(encoding="utf-8"))["answers"]["decay_factor"] == {"program": "", "answer": "1024"}


@pytest.mark.parametrize("name", ["../../Ada", "a/b\\c:d", "CON", " Ada. ", "Ада", "-rf ~"])
def test_the_name_of_the_file_is_safe(name):
    file = hand_in.file_name(name)
    assert file.startswith("hand_in_") and file.endswith(".json") and not set(file[:-5]) & set("/\\:. ~*?")


@pytest.mark.parametrize("name", ["", "  ", "//", None, 7, "a" * 500, "\ud800a"])
def test_a_name_that_names_no_file_is_refused(name):
    with pytest.raises(UserError):
        hand_in.file_name(name)


def broken(**changes):
    whole = {"format": "mnist-scratch hand-in", "version": 1, "name": "Ada", "answers": {}}
    return json.dumps({**whole, **changes}).encode()


WHOLE = {"program": "", "answer": "1"}


@pytest.mark.parametrize(
    "content",
    [
        None, b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'"' + b"a" * 6_000_000 + b'"', broken(format="x"),
        broken(version=2), broken(version=True), broken(name=""), broken(name=7), broken(name="\ud800"),
        broken(name="a" * 300), broken(answers=[]), broken(answers=None), broken(answers={"a b": WHOLE}),
        broken(answers={"": WHOLE}), broken(answers={"a": "1"}), broken(answers={"a": {"program": ""}}),
        broken(answers={"a": {**WHOLE, "answer": 1}}), broken(answers={"a": {**WHOLE, "program": "\udfff"}}),
        broken(answers={"a": {**WHOLE, "program": "x" * 300_000}}),
        broken(answers={f"a{i}": WHOLE for i in range(2000)}),
    ],
    ids=lambda content: repr(content)[:60],
)  # fmt: skip
def test_what_is_no_hand_in_is_refused_with_the_files_name_and_what_to_do(tmp_path, content):
    path = tmp_path / "hand_in_x.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"hand_in_x\.json.*(again|Look)"):
        hand_in.read(path)


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    with pytest.raises(UserError, match="program of softmax"):
        hand_in.write("Ada", {"softmax": ("x" * 300_000, "1")}, tmp_path / "a.json")
    assert not list(tmp_path.iterdir())
