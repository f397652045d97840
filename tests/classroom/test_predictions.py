"""Predictions: commit to an answer, compute it, and see what the choice tells."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mnist_scratch.classroom import predict
from mnist_scratch.classroom.predictions import number_in

TOLD = {
    "30 %": "Ink in the same place is more telling than that.",
    "80 %": "Most digits look like the mean of their kind.",
    "99 %": "A mean image is nobody's handwriting.",
}
COURSE = sorted((Path(__file__).parents[2] / "notebooks").glob("0*.ipynb"))


@pytest.fixture
def question():
    return predict("How many will it get right?", TOLD)


def shown(thing):
    """What a notebook stores of a last line: text/plain and text/html, the latter without its tags."""
    data = thing.still()[0] if hasattr(thing, "still") else thing._repr_mimebundle_()
    return data["text/plain"], " ".join(re.sub(r"<[^>]*>", " ", data["text/html"]).split())


def test_a_reader_without_a_kernel_sees_question_and_options_but_no_answer(question):
    assert "application/vnd.jupyter.widget-view+json" in question._repr_mimebundle_()[0]
    for text in shown(question):
        assert "How many will it get right?" in text and all(f"○ {label}" in text for label in TOLD)
        assert not any(told in text for told in TOLD.values())


def test_the_last_click_counts_and_choose_is_a_click(question):
    first, second, third = question.buttons
    assert question.choice is None and question.said.value == ""
    for press, choice, icons in (
        (first.click, "30 %", ["check", "", ""]),
        (third.click, "99 %", ["", "", "check"]),
        (third.click, "99 %", ["", "", "check"]),
        (lambda: question.choose("80 %"), "80 %", ["", "check", ""]),
    ):
        press()
        assert question.choice == choice and f"You say “{choice}”." in question.said.value
        assert [button.icon for button in question.buttons] == icons, "color alone does not reach everybody"
        for text in shown(question):
            assert text.count("●") == 1 and f"● {choice}" in text
    assert 'role="status"' in question.said.value, "a screen reader would not notice"


def test_a_question_needs_two_options_with_a_sentence_each_and_keeps_them(question):
    for options in (
        {},
        {"yes": "only one"},
        ["yes", "no"],
        {1: "a", 2: "b"},
        {"yes": "", "no": "b"},
        {"": "a", "no": "b"},
    ):
        with pytest.raises(ValueError, match="option"):
            predict("Which?", options)
    with pytest.raises(ValueError, match="'50 %' is not one of the options: 30 %, 80 %, 99 %"):
        question.choose("50 %")
    assert question.choice is None
    mine = dict(TOLD)
    asked = predict("How many?", mine)
    mine.clear()
    assert asked.reveal(0.8).right == "80 %"


A, B, C = TOLD.values()


@pytest.mark.parametrize(
    ("choice", "right", "lines"),
    [
        ("80 %", "80 %", [f"You said “80 %”: right. {B}"]),
        ("80 %", 0.8, [f"You said “80 %”: right. {B}"]),
        ("80 %", 0.831, [f"You said “80 %”: nearest to the result. {B}"]),
        ("99 %", "80 %", [f"You said “99 %”. {C}", f"Right: “80 %”. {B}"]),
        (None, 0.831, [f"Closest to the result: “80 %”. {B}", f"If you said “30 %”: {A}", f"If you said “99 %”: {C}"]),
    ],
)
def test_a_reveal_tells_what_the_choice_overlooked(question, choice, right, lines):
    if choice:
        question.choose(choice)
    told = question.reveal(right)
    question.choose("30 %")  # too late: what was told stays
    text, html = shown(told)
    assert text == repr(told) == "\n".join(lines) and html == " ".join(lines)
    assert question.revealed == told.right == "80 %"
    assert told._repr_mimebundle_()["text/html"].count("#009E73") == 1, "the right option's line is the green one"


def test_the_nearest_option_answers_a_number(question):
    numbers = {0.0: "30 %", 0.56: "80 %", np.float32(0.83): "80 %", np.str_("80 %"): "80 %"}
    assert {value: question.reveal(value).right for value in numbers} == numbers
    assert question.reveal(np.array(0.97)).right == "99 %"
    about = predict("What?", {"about 55 %": "a", "about 98 %": "b"})
    assert repr(about.reveal(0.98)) == repr(about.reveal(0.9799))  # another kernel's rounding
    asked = predict("How many?", {"80 %": "a", "nearly all": "b"})
    with pytest.raises(ValueError, match="name the right option itself"):
        asked.reveal(0.8)
    assert asked.reveal("nearly all").right == "nearly all"


@pytest.mark.parametrize("value", ["50 %", float("nan"), None, [0.1, 0.2], object()])
def test_a_reveal_of_what_is_neither_option_nor_number(question, value):
    with pytest.raises(ValueError, match="reveal got|is not one of the options"):
        question.reveal(value)
    assert question.revealed is None


NUMBERS = {
    "80 %": 0.8, "80%": 0.8, "80\u202f%": 0.8, "12.5 % of them": 0.125, "about 1,000 times": 1000, "1,234,567": 1234567,
    "10, 100 or more": 10, "−3.5": -3.5, "-2 °C": -2, "1e-7": 1e-7, "10⁻³": 1e-3, "10¹²": 1e12, "100×": 100,
    "a mini-batch of 128": 128, "W1 grows": None, "none at all": None, "A² grows": None,
}  # fmt: skip


@pytest.mark.parametrize("label", NUMBERS)
def test_the_number_in_an_option(label):
    assert number_in(label) == (NUMBERS[label] and pytest.approx(NUMBERS[label], rel=1e-15))


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.opened, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.opened.append(tag)

    def handle_data(self, data):
        self.text += data


def test_what_looks_like_html_is_text_and_backticks_are_code():
    sign = "x < 1 & <script>alert('no')</script> `a < b`"
    asked = predict(sign, {sign: sign, "`True`.": "a lone ` is only itself"})
    asked.choose(sign)
    pages = [asked.still()[0]["text/html"], asked.said.value, asked.children[0].value]
    pages += [asked.reveal(right)._repr_mimebundle_()["text/html"] for right in (sign, "`True`.")]
    for page in map(Tags, pages):
        assert "script" not in page.opened and "code" in page.opened and sign.replace("`", "") in page.text
    assert "a lone ` is only itself" in pages[-1] and "“`True`”." in repr(asked.reveal("`True`.")), "no dot is doubled"
    assert asked.buttons[1].description == "True.", "a button shows plain text"


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_a_notebook_shows_and_answers_each_question_once(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    asked = re.findall(r"^(\w+) = predict\(", code, re.MULTILINE)
    assert asked and sorted(asked) == sorted(re.findall(r"^(\w+)\.reveal\(", code, re.MULTILINE))
    assert all(len(re.findall(rf"^{name}$", code, re.MULTILINE)) == 1 for name in asked) and len(set(asked)) == len(
        asked
    )
    shown = {"".join(cell["source"]): json.dumps(cell["outputs"]) for cell in cells if cell["cell_type"] == "code"}
    revealing = [(name, code) for name in asked for code in shown if f"\n{name}.reveal(" in f"\n{code}"]
    unseen = [name for name, code in revealing if "If you said" not in shown[code]]
    assert unseen == [], "a reveal is seen when it is the last line of its cell"
