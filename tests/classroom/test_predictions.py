"""Predictions: commit to an answer, compute it, and see what the choice tells."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import ipywidgets
import numpy as np
import pytest

from mnist_scratch.classroom import predict
from mnist_scratch.classroom.predictions import number_in

TOLD = {
    "30 %": "Ink in the same place is more telling than that.",
    "80 %": "Most digits look like the mean of their kind.",
    "99 %": "A mean image is nobody's handwriting.",
}
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
COURSE = sorted(NOTEBOOKS.glob("0*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def question():
    return predict("How many will it get right?", TOLD)


def shown(thing):
    """What a notebook stores of a last line: text/plain and text/html, the latter without its tags."""
    data = thing._repr_mimebundle_()
    return data["text/plain"], " ".join(re.sub(r"<[^>]*>", " ", data["text/html"]).split())


# -------------------------------------------------------------------------------------------------- the question


def test_nothing_is_chosen_or_known_at_first(question):
    assert question.choice is None and question.revealed is None and question.said.value == ""
    assert not any(button.button_style or button.icon for button in question.buttons)


def test_each_option_is_a_button(question):
    # a real button: the Tab key reaches it, and Enter and Space press it, in every browser
    assert [button.description for button in question.buttons] == list(TOLD)
    assert all(isinstance(button, ipywidgets.Button) and not button.disabled for button in question.buttons)
    assert all(button.layout.width == "auto" and button.layout.max_width == "100%" for button in question.buttons)
    assert question.buttons[0] in question.children[1].children


def test_a_reader_without_a_kernel_sees_question_and_options(question):
    assert set(question._repr_mimebundle_()) == {WIDGET, "text/plain", "text/html"}
    for text in shown(question):
        assert "Predict. How many will it get right?" in text
        assert all(f"○ {label}" in text for label in TOLD)
        assert not any(told in text for told in TOLD.values()), "the answers must not be there before the question"


def test_a_click_commits(question):
    question.buttons[2].click()
    assert question.choice == "99 %"
    assert "You say “99 %”." in question.said.value and 'role="status"' in question.said.value
    assert [button.button_style for button in question.buttons] == ["", "", "info"]
    assert [button.icon for button in question.buttons] == ["", "", "check"], "color alone does not reach everybody"
    for text in shown(question):
        assert "● 99 %" in text and "○ 30 %" in text and "○ 99 %" not in text


def test_the_last_of_two_clicks_counts(question):
    question.buttons[0].click()
    question.buttons[1].click()
    assert question.choice == "80 %"
    assert "80 %" in question.said.value and "30 %" not in question.said.value
    assert [button.button_style for button in question.buttons] == ["", "info", ""]
    assert question.reveal("80 %").lines[0][1] == "You said “80 %”: right."


def test_the_same_button_twice_is_one_choice(question):
    question.buttons[1].click()
    question.buttons[1].click()
    assert question.choice == "80 %" and question.buttons[1].button_style == "info"


def test_choose_is_a_click(question):
    question.choose("30 %")
    assert question.choice == "30 %" and question.buttons[0].button_style == "info"


def test_one_cannot_choose_what_is_not_there(question):
    with pytest.raises(ValueError, match="'50 %' is not one of the options: 30 %, 80 %, 99 %"):
        question.choose("50 %")
    assert question.choice is None and question.said.value == ""


@pytest.mark.parametrize(
    "options",
    [{}, {"yes": "only one"}, ["yes", "no"], {1: "one", 2: "two"}, {"yes": "", "no": "said"}, {"": "a", "no": "b"}],
)
def test_options_must_be_two_or_more_each_with_its_sentence(options):
    with pytest.raises(ValueError, match="option"):
        predict("Which?", options)


def test_the_options_are_kept_as_they_were(question):
    mine = dict(TOLD)
    asked = predict("How many?", mine)
    mine.clear()
    assert asked.reveal(0.8).right == "80 %"


# ---------------------------------------------------------------------------------------------------- the reveal


def test_right(question):
    question.choose("80 %")
    told = question.reveal("80 %")
    assert repr(told) == f"You said “80 %”: right. {TOLD['80 %']}"
    assert question.revealed == "80 %"


def test_right_by_a_number_is_only_nearest(question):
    question.choose("80 %")
    assert repr(question.reveal(0.831)) == f"You said “80 %”: nearest to the result. {TOLD['80 %']}"
    assert repr(question.reveal(0.8)) == f"You said “80 %”: right. {TOLD['80 %']}"


def test_about_a_number_is_never_exactly_it():
    asked = predict(
        "What?", {"about 55 %": "a", "about 98 %": "b"}
    )  # one kernel's rounding gives 0.9799, another's 0.98
    assert repr(asked.reveal(0.98)) == repr(asked.reveal(0.9799))


def test_wrong_tells_first_what_the_choice_overlooked(question):
    question.choose("99 %")
    told = question.reveal("80 %")
    assert repr(told).splitlines() == [f"You said “99 %”. {TOLD['99 %']}", f"Right: “80 %”. {TOLD['80 %']}"]
    assert TOLD["30 %"] not in repr(told)


def test_nobody_chose_so_all_options_are_gone_through(question):
    assert repr(question.reveal(0.831)).splitlines() == [
        f"Nearest to the result: “80 %”. {TOLD['80 %']}",
        f"Who said “30 %”: {TOLD['30 %']}",
        f"Who said “99 %”: {TOLD['99 %']}",
    ]


@pytest.mark.parametrize("choice", [None, "80 %", "99 %"])
def test_a_reveal_is_shown_as_text_and_as_html(question, choice):
    if choice:
        question.choose(choice)
    told = question.reveal("80 %")
    assert set(told._repr_mimebundle_()) == {"text/plain", "text/html"}
    text, html = shown(told)
    assert " ".join(text.split()) == html
    bars = re.findall(r"border-left: 5px solid (#\w+)", told._repr_mimebundle_()["text/html"])
    assert bars.count("#009E73") == 1, "one line, that of the right option, is green"
    assert len(bars) == len(text.splitlines())


def test_a_reveal_stays_as_it_was_when_the_choice_changes_later(question):
    question.choose("30 %")
    told = question.reveal("80 %")
    question.choose("80 %")
    assert repr(told).startswith("You said “30 %”.")
    assert repr(question.reveal("80 %")).startswith("You said “80 %”: right.")


def test_a_full_stop_at_the_end_of_an_option_is_not_doubled():
    asked = predict("And then?", {"It stops.": "It does not.", "It goes on.": "It does."})
    assert repr(asked.reveal("It goes on.")) == "Right: “It goes on”. It does.\nWho said “It stops”: It does not."


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (0.299, "30 %"),
        (0.0, "30 %"),
        (0.56, "80 %"),
        (np.float32(0.83), "80 %"),
        (np.array(0.97), "99 %"),
        (1, "99 %"),
        (np.str_("80 %"), "80 %"),
    ],
)
def test_the_nearest_option_answers_a_number(question, value, right):
    assert question.reveal(value).right == right


@pytest.mark.parametrize(
    ("value", "right"),
    [(9, "−10"), (-2000, "−10"), (99, "about 100"), (500, "about 100"), (600, "1,000 times"), (1e9, "1,000 times")],
)
def test_the_nearest_of_thousands_and_negatives(value, right):
    asked = predict("What?", {"−10": "a", "about 100": "b", "1,000 times": "c"})
    assert asked.reveal(value).right == right


@pytest.mark.parametrize("value", ["50 %", float("nan"), None, [0.1, 0.2], object()])
def test_a_reveal_of_what_is_neither_option_nor_number(question, value):
    with pytest.raises(ValueError, match="reveal got|is not one of the options"):
        question.reveal(value)
    assert question.revealed is None


def test_a_number_needs_a_number_in_every_option():
    asked = predict("How many?", {"80 %": "a", "nearly all": "b"})
    with pytest.raises(ValueError, match="name the right option itself"):
        asked.reveal(0.8)
    assert asked.reveal("nearly all").right == "nearly all"


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("80 %", 0.8),
        ("80%", 0.8),
        ("80\u202f%", 0.8),
        ("12.5 % of them", 0.125),
        ("about 1,000 times", 1000.0),
        ("1,234,567", 1234567.0),
        ("10, 100 or more", 10.0),
        ("−3.5", -3.5),
        ("-2 °C", -2.0),
        ("1e-7", 1e-7),
        ("10⁻³", 1e-3),
        ("10¹²", 1e12),
        ("100×", 100.0),
        ("a mini-batch of 128", 128.0),
        ("W1 grows", None),
        ("none at all", None),
        ("A² grows", None),
    ],
)
def test_the_number_in_an_option(label, number):
    assert number_in(label) == (pytest.approx(number, rel=1e-15) if number is not None else None)


# ------------------------------------------------------------------------------------------------ what is written


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.opened, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.opened.append(tag)

    def handle_data(self, data):
        self.text += data


def test_what_looks_like_html_is_text():
    sign = "x < 1 & <script>alert('no')</script>"
    asked = predict(sign, {sign: sign, "other": "another"})
    asked.choose(sign)
    pages = [asked._repr_mimebundle_()["text/html"], asked.said.value, asked.children[0].value]
    pages += [asked.reveal(right)._repr_mimebundle_()["text/html"] for right in (sign, "other")]
    for page in pages:
        assert "script" not in Tags(page).opened and sign in Tags(page).text


def test_code_between_backticks():
    asked = predict("What does `a < b` say?", {"`True`": "It is `True`.", "an error": "a lone ` is only itself"})
    html = asked._repr_mimebundle_()["text/html"]
    assert "<code>a &lt; b</code>" in html and "<code>True</code>" in html
    assert asked.buttons[0].description == "True", "a button shows plain text"
    asked.buttons[0].click()
    assert asked.choice == "`True`" and "<code>True</code>" in asked.said.value
    assert "a lone ` is only itself" in asked.reveal("an error")._repr_mimebundle_()["text/html"]


# -------------------------------------------------------------------------------------- the notebooks and the guide


def sources(path, kind):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def questions(path):
    """The names of a notebook's predictions, in order."""
    return [name for code in sources(path, "code") for name in re.findall(r"^(\w+) = predict\(", code, re.MULTILINE)]


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_a_notebook_asks_often_enough_and_answers_each_question_once(path):
    asked, code = questions(path), "\n".join(sources(path, "code"))
    assert len(asked) >= (1 if path.stem.startswith("00") else 3)
    assert len(set(asked)) == len(asked)
    for name in asked:
        assert len(re.findall(rf"^{name}$", code, re.MULTILINE)) == 1, f"{name} is not shown"
        assert len(re.findall(rf"^{name}\.reveal\(", code, re.MULTILINE)) == 1, f"{name} is not revealed once"
    assert not any(re.search(r"\*\*Predict[ :]", text) for text in sources(path, "markdown")), "one without buttons"


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_the_guide_for_teachers_has_the_notebook_and_all_its_questions(path):
    guide = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    title = sources(path, "markdown")[0].splitlines()[0].lstrip("# ").replace(" · ", " ")
    (section,) = re.findall(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", guide, re.MULTILINE | re.DOTALL)
    for part in ("| minutes | what |", "**Hands up**", "**Sliders.**", "**Questions that come**", "**Short of time.**"):
        assert part in section
    hands_up = section[section.index("**Hands up**") : section.index("**Sliders.**")]
    assert len(re.findall(r"^\d+\. ", hands_up, re.MULTILINE)) == len(questions(path))
