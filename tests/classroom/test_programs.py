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
STUB = "def go(p):\n    raise NotImplementedError"
# {what is special: (cells, expression, its value)}
CASES = {
    "helpers": (["import math as m\nK = 3", "def g(x):\n    return m.sqrt(x) + K",
                 "def f(x):\n    import cmath\n    return g(x) + cmath.sqrt(0)", "m.exp(1 / 0)\nf(1 / 0)"], "f(4)", 5),
    "modules": (["import wsgiref.util\nimport wsgiref.headers\nfrom math import *", "def f():\n    return sqrt(9)"],
                "f(), wsgiref.util.guess_scheme({})", (3, "http")),
    "written again": (["def h():\n    return 1", "def g():\n    return h()", "f = g\nx = g()", "x = g()\ny = 1 / 0",
                       "def h():\n    return 2"], "x, f()", (1, 2)),
    "changed": (["a = [0, 0]\nd = {}\nn = 1\nn += 2", "a[1] = 5; n *= 10", "a.append(7)", "d.update(a=1)\nd['b'] = 2",
                 "a[0] += 1\ndel a[1]", "print(a)\nlen(a)"], "a, d, n", ([1, 7], {"a": 1, "b": 2}, 30)),
    "an attribute": (["class A:\n    pass", "x = A()", "x.a = 1\nx.a += 1"], "x.a", 2),
    "by functions": ([STUB, "def go(p):\n    for a in p:\n        a += [1]", "def show(p):\n    s = []\n"
                      "    s.append(1)\n    return s / 0", "w = [[5]]", "go(w)", "show(w)", "loss = go(w)"],
                     "w", [[5, 1, 1]]),
    "by out=": (["import numpy as np", "a = np.zeros(2)", "np.add(2, 1, out=a)",
                 "m = np.sum(a, 1 / 0)", "fit(1 / 0, a)"], "a.sum()", 6),
    "drawn": (["import random", "rng = random.Random(0)", "a = rng.random()", "x = [1, 2, 3]", "rng.shuffle(x)",
               "b = rng.uniform(0, 1)"], "round(b, 3), x", (0.259, [3, 1, 2])),
    "blocks": (["import warnings", "d = {}\nfor i in range(3):\n    d[i] = i * i", "try:\n    v = w\nexcept NameError:"
                "\n    v = 1", "with warnings.catch_warnings():\n    s = sum(d)", "t = 0\nif s > 2:\n    t = 1",
                "while t < 5:\n    t += 1", "u = 5\nfor u in []:\n    pass"], "t + s + d[2] + u + v", 18),
    "a class": (["c = 2", "class F:\n    k = c\n    def __call__(self, x):\n        return x * self.k + d",
                 "c = d = 1"], "F()(5)", 11),
    "lambdas": (["k = 2", "f = lambda x, y=k: x * y + k2", "k2 = 1", "z = 4\nr = list(map(lambda x: x * z, [3]))",
                 "k = z = 5"], "f(3), r, (lambda x: x * k)(1)", (7, [12], 5)),
    "decorated": (["import functools", "@functools.lru_cache\ndef f(x):\n    return x"],
                  "f(3), f.cache_info().misses", (3, 1)),
    "names of comprehensions and parameters": (
        [TRAINING, "def f(X):\n    return [net for net in X]", "r = [history for history in [1, 2]]"],
        "[*f([0]), *r]", [0, 1, 2]),
    "two on a line": (["a = 1; b = 1 / 0; c = 2"], "a + c", 3),
    "magics": (["%matplotlib inline\na = 1", "%%time\nb = 2", "%time c = 3\n!ls\nlen?", "%%bash\na = 4",
                's = """\n%time x\n"""'], "a + b + c + len(s)", 15),
    "what does not parse": (["a = 1", "a = (2", "a = 2\nreturn 3", "\0", "(" * 500, "-" * 99999 + "1",
                             "a" + ".b" * 9999], "a", 1),
    "checks in between": (["from nowhere import check", "def f():\n    return 1", "check.softmax(f)\nk = 0",
                           "for i in [1, 2]:\n    k = i\n    check.softmax(f)"], "k + f()", 3),
    "in other alphabets": (["η = 3  # größer"], "η", 3),
    "nothing": ([TRAINING], "1024", 1024),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_program_gives_the_students_answer_and_has_nothing_that_it_does_not_need(case):
    cells, expression, expected = CASES[case]
    program = programs.needed_for([TRAINING, *cells, "print(1 / 0)", "net"], expression)
    assert value(program, expression) == expected
    assert not any(piece in program for piece in ("1 / 0", "check", "print"))
    assert programs.needed_for(cells, "") == ""


def test_answers_are_those_given_to_the_last_call_of_each_check():
    cells = ["def f():\n    return k", "k = 1", "check.softmax(f)", "k = 2\ncheck.softmax(f).passed; k = 3",
             "check.decay_factor(1024)", "ok = check.split(lambda: k)\ndef later():\n    check.shifted(f)",
             "check.hint('softmax')\ncheck.progress(2)\ncheck.hand_in('Ada')\ncheck.add(f)\ncheck.softmax()",
             "if k:\n    own = 5\n    classroom.check.bilinear(own)"]  # fmt: skip
    found = programs.answers_in(cells)
    assert list(found) == ["softmax", "decay_factor", "split", "bilinear"]
    assert value(*found["softmax"])() == 2 and value(*found["split"])() == 3 and value(*found["bilinear"]) == 5
    assert found["decay_factor"] == ("", "1024")


ANSWERS = {"softmax": ("import numpy as np\n", "np.exp"), "decay_factor": ("", "1024")}
EMPTY = {"format": "mnist-scratch hand-in", "version": 1, "name": "Ada", "answers": {}}
WHOLE = {"program": "", "answer": "1"}


@pytest.mark.parametrize("name", ["Ada Łovelace", "../../Ada", "a/b\\c:d", "CON", " Ada. ", "Ада", "-rf ~"])
def test_a_hand_in_is_read_as_it_was_written_and_the_name_of_its_file_is_safe(tmp_path, name):
    file = hand_in.file_name(name)
    assert file.startswith("hand_in_") and file.endswith(".json") and not set(file[:-5]) & set("/\\:. ~*?")
    hand_in.write(name, ANSWERS, tmp_path / file)
    assert hand_in.read(tmp_path / file) == (name, ANSWERS)
    with pytest.raises(UserError, match="program of softmax"):  # could not be read again
        hand_in.write("Ada", {"softmax": ("x" * 300_000, "1")}, tmp_path / file)
    assert hand_in.read(tmp_path / file) == (name, ANSWERS)


@pytest.mark.parametrize("change", [
    None, b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'"' + b"a" * 6_000_000 + b'"', {"format": "x"},
    {"version": 2}, {"version": True}, {"name": ""}, {"name": 7}, {"name": "\ud800"}, {"name": "a" * 300},
    {"answers": []}, {"answers": {"a b": WHOLE}}, {"answers": {"a": "1"}}, {"answers": {"a": {"program": ""}}},
    {"answers": {"a": {**WHOLE, "answer": 1}}}, {"answers": {"a": {**WHOLE, "program": "\udfff"}}},
    {"answers": {"a": {**WHOLE, "program": "x" * 300_000}}}, {"answers": {f"a{i}": WHOLE for i in range(2000)}},
], ids=lambda change: repr(change)[:60])  # fmt: skip
def test_what_is_no_hand_in_is_refused_with_the_files_name_and_what_to_do(tmp_path, change):
    path = tmp_path / "hand_in_x.json"
    if change is not None:
        path.write_bytes(change if isinstance(change, bytes) else json.dumps({**EMPTY, **change}).encode())
    with pytest.raises(UserError, match=r"hand_in_x\.json.*(again|Look)"):
        hand_in.read(path)
