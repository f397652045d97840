"""Predictions on the website: choose, then see, by mouse or keyboard; and what is behind a click, or at the right edge.

Each question and its answer are read from the notebook, and what its page tells is compared with what a run would tell.
"""

import ast
import json
import re
from pathlib import Path

import pytest

from mnist_scratch.classroom.predictions import Reveal
from tools import lab

NOTEBOOKS = sorted(path.stem for path in (lab.ROOT / "notebooks").glob("0*.ipynb"))
SOLVED = sorted(path.stem for path in (lab.ROOT / "notebooks" / "solutions").glob("0*.ipynb"))
PHONE = {"width": 390, "height": 844}


def code_cells(notebook):
    """(source, all that it shows as text) of each code cell that the page has."""
    cells = json.loads((lab.ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "code" and "remove-cell" not in cell["metadata"].get("tags", []):
            shown = [output.get("text") or output.get("data", {}).get("text/plain") for output in cell["outputs"]]
            yield "".join(cell["source"]), "".join("".join(text) for text in shown if text)


def answers_of(notebook):
    """{name of a question: (what each option tells, the right one, whether exactly that came out)}."""
    asked, found = {}, {}
    for source, shown in code_cells(notebook):
        if match := re.search(r"^(\w+) = predict\(", source, re.MULTILINE):
            asked[match[1]] = ast.literal_eval(ast.parse(source).body[0].value.args[1])
        if match := re.search(r"^(\w+)\.reveal\(", source, re.MULTILINE):
            announced = re.search(r"^(Right|Closest to the result): “(.*?)”\.", shown, re.MULTILINE)
            [right] = (option for option in asked[match[1]] if option.rstrip(".") == announced[2])
            found[match[1]] = asked[match[1]], right, announced[1] == "Right"
    return found


def words(text):
    """A text as one reads it: without backticks, and with single spaces."""
    return " ".join(text.replace("`", "").split())


@pytest.fixture
def opened(open_page):
    """A function that opens a notebook's page."""

    def open_notebooks_page(notebook, hash="", folder="", **settings):
        return open_page(Path("notebooks", folder, f"{notebook}.html"), hash, **settings)

    return open_notebooks_page


def options_of(page, name):
    """The buttons of a question's options, in their order."""
    return page.locator(f"#prediction-{name} button[aria-pressed]")


def told(page, name):
    """What a reveal tells, in the words that stand there."""
    bars = page.locator(f".reveal[data-question=prediction-{name}] [style*=border-left]").all()
    return [words(bar.inner_text()) for bar in bars if bar.is_visible()]


def as_told(reveal):
    return [words(f"{announced} {tells}") for _, announced, tells in reveal.lines]


def seen(page):
    """All text of a page that is in sight, or would be when one scrolls there."""
    return words(
        page.evaluate(
            """() => {
                 const texts = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
                 let seen = "";
                 while (texts.nextNode())
                   if (texts.currentNode.parentElement.checkVisibility()) seen += texts.currentNode.data;
                 return seen;
               }"""
        )
    )


def read_aloud(page):
    """All that the browser hands to a screen reader."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return words(" ".join(str(node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]))


def all_tells(notebook):
    return [words(tells) for options, _, _ in answers_of(notebook).values() for tells in options.values()]


def number_of_outputs(page):
    return page.locator(".cell_output").evaluate_all("all => all.filter(one => one.checkVisibility()).length")


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_before_a_choice_no_answer_is_seen_or_read_aloud(notebook, opened):
    page = opened(notebook)
    shown, aloud = seen(page), read_aloud(page)
    assert [tells for tells in all_tells(notebook) if tells in shown or tells in aloud] == []
    asked = answers_of(notebook)
    for name, (options, _, _) in asked.items():
        assert words(" ".join(options_of(page, name).all_inner_texts())) == words(" ".join(options))
    first = next(iter(asked))  # nor what is printed and drawn on the way to its reveal
    cells = page.locator(".cell").filter(has=page.locator(".cell_input"))
    sources = [source for source, _ in code_cells(notebook)]
    begin = next(i for i, source in enumerate(sources) if source.startswith(f"{first} = predict("))
    end = next(i for i, source in enumerate(sources) if re.search(rf"^{first}\.reveal\(", source, re.MULTILINE))
    assert cells.count() == len(sources)
    for i in range(begin + 1, end + 1):
        asks = "= predict(" in sources[i]
        assert all(output.is_visible() == asks for output in cells.nth(i).locator(".cell_output").all())
        assert cells.nth(i).locator(".cell_input").is_visible() != asks, "code can be read, but not that of a question"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_choice_is_answered_in_the_words_of_a_run(notebook, opened):
    page = opened(notebook)
    chosen = {name: i % len(options) for i, (name, (options, _, _)) in enumerate(answers_of(notebook).items())}
    for name, option in chosen.items():
        options_of(page, name).nth(option).click()
    for name, (options, right, exact) in answers_of(notebook).items():
        assert told(page, name) == as_told(Reveal(options, right, list(options)[chosen[name]], exact))
        page.locator(f".reveal[data-question=prediction-{name}] button").click()
        assert told(page, name) == as_told(Reveal(options, right, None, exact))
    assert number_of_outputs(page) == page.locator(".cell_output").count()


def test_keys_alone_choose_and_see(opened):
    page = opened("00_start_here")
    option = options_of(page, "first_guess").first
    for _ in range(100):
        page.keyboard.press("Tab")
        if option.evaluate("option => option === document.activeElement"):
            break
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert told(page, "first_guess")[0].startswith("You said “98 %”")
    assert options_of(page, "first_guess").nth(1).evaluate("option => option === document.activeElement")
    assert page.get_by_role("status").first.inner_text(), "whoever listens hears that something came of it"
    assert page.get_by_role("button", pressed=True).all_inner_texts() == ["98 %"]


def test_one_may_look_without_choosing_and_changes_ones_mind(opened):
    page = opened("04_gradient_check")
    (name, (options, _, _)), *others = answers_of("04_gradient_check").items()
    page.locator(f"#prediction-{name}").get_by_role("button", name="Show without choosing").click()
    assert len(told(page, name)) == len(options)
    assert not any(told(page, other) for other, _ in others)
    for option in range(len(options)):
        options_of(page, name).nth(option).click()
        assert told(page, name)[0].startswith("You said")
        assert page.locator(f"#prediction-{name} [aria-pressed=true]").count() == 1


def test_a_choice_lasts_for_the_visit_and_no_longer(opened):
    page = opened("00_start_here")
    options_of(page, "first_guess").nth(2).click()
    before = told(page, "first_guess")
    page.reload()
    assert told(page, "first_guess") == before
    assert told(opened("00_start_here"), "first_guess") == []


def test_a_link_into_what_is_hidden_opens_it_and_leaves_other_questions_alone(opened):
    page = opened("05_batch_vs_mini_batch")
    page.evaluate("document.querySelectorAll('.reveal')[2].id = 'linked'")
    page.evaluate("location.hash = 'linked'")
    page.wait_for_function("document.getElementById('linked').checkVisibility()")
    names = list(answers_of("05_batch_vs_mini_batch"))
    assert told(page, names[2]) and not told(page, names[3])


def test_what_the_browsers_search_finds_in_what_is_hidden_opens_and_a_choice_stays_chosen(opened):
    name, other, *_ = answers_of("05_batch_vs_mini_batch")
    page = opened("05_batch_vs_mini_batch")
    options_of(page, name).first.click()
    reveals = page.locator(".reveal > :first-child")  # what a search finds, it announces with this event
    reveals.nth(1).dispatch_event("beforematch")
    assert told(page, other)
    before = told(page, name)
    assert before[0].startswith("You said")
    reveals.first.dispatch_event("beforematch")
    assert len(told(page, name)) > len(before)
    assert options_of(page, name).first.get_attribute("aria-pressed") == "true"


def test_a_word_that_the_sites_search_found_in_what_is_hidden_is_seen(opened):
    page = opened("00_start_here", hash="?highlight=surprise")
    page.wait_for_function("document.querySelector('.reveal .highlighted')?.checkVisibility()")
    assert told(page, "first_guess")


def test_where_an_output_waits_a_link_leads_to_its_question(opened):
    page = opened("00_start_here")
    page.get_by_role("link", name="Choose an answer").first.click()
    box = options_of(page, "first_guess").first.bounding_box()
    assert 0 <= box["y"] < page.viewport_size["height"]


@pytest.mark.parametrize("hash", ["#%", "#eta=1&x=%"])
def test_an_address_of_another_kind_does_no_harm(hash, opened):
    page = opened("00_start_here", hash)
    page.evaluate("location.hash = '%%'")
    options_of(page, "first_guess").first.click()
    assert told(page, "first_guess")


@pytest.mark.parametrize("kept", ["length", "7", "-1", ""])
def test_a_kept_choice_that_is_none_is_forgotten(kept, opened):
    page = opened("00_start_here")
    options_of(page, "first_guess").first.click()
    page.evaluate("kept => { for (const key of Object.keys(sessionStorage)) sessionStorage[key] = kept; }", kept)
    page.reload()
    assert told(page, "first_guess") == [] and not page.get_by_role("button", pressed=True).count()
    assert page.get_by_role("link", name="Choose an answer").count(), "what waits for an answer is hidden as before"


@pytest.mark.parametrize("settings", [{"java_script_enabled": False}, {}], ids=["without JavaScript", "on paper"])
def test_all_of_it_stands_there(settings, opened):
    page = opened("03_backpropagation", **settings)
    if not settings:
        page.emulate_media(media="print")
    shown = seen(page)
    assert [tells for tells in all_tells("03_backpropagation") if tells not in shown] == []
    assert number_of_outputs(page) == page.locator(".cell_output").count()
    assert not any(button.is_visible() for button in page.locator("article button").all())


def test_on_paper_the_pad_has_nothing_to_press(opened):
    page = opened("02_forward_pass")
    page.locator("[data-pad]").scroll_into_view_if_needed()
    clear = page.get_by_role("button", name="Clear")
    clear.wait_for()
    page.emulate_media(media="print")
    assert not clear.is_visible() and page.locator("[data-pad] canvas").first.is_visible()


# ---------------------------------------------------------------------------------- folded, cut off, and linked


def test_folded_code_stays_folded_and_opens_by_keyboard(opened):
    page = opened("00_start_here")
    code = page.locator("details.hide pre").first
    assert not code.is_visible()
    page.locator("details.hide summary").first.press("Enter")
    assert "first_guess = predict(" in code.inner_text()


@pytest.mark.parametrize("notebook", SOLVED)
def test_solutions_open_by_key_and_are_printed_unfolded(notebook, opened):
    page = opened(notebook, folder="solutions")
    answers = page.locator("details.solution")
    assert answers.count() == page.locator("h2", has_text=re.compile(r"^\d+\.\d+ ")).count() > 0
    assert not any(cell.is_visible() for cell in answers.locator(".cell_input").all())
    answers.first.locator("summary").press("Enter")
    assert answers.locator(".cell_input").first.is_visible()
    plain = opened(notebook, folder="solutions", java_script_enabled=False)
    plain.emulate_media(media="print")
    assert all(cell.is_visible() for cell in plain.locator("details.solution .cell_input").all())


@pytest.mark.parametrize("notebook", ["02_forward_pass", "05_batch_vs_mini_batch"])
def test_what_is_cut_off_at_the_edge_fades_out_there_and_comes_into_sight(notebook, opened):
    page = opened(notebook, viewport=PHONE)
    wide = page.locator(".bd-article pre").evaluate_all(
        """pres => {
             const fade = pre => getComputedStyle(pre).maskImage;
             const frame = () => new Promise(requestAnimationFrame);
             const wide = pres.filter(pre => pre.checkVisibility() && pre.scrollWidth > pre.clientWidth + 1);
             return Promise.all(wide.map(async pre => {
               const before = fade(pre);
               pre.scrollLeft = pre.scrollWidth;
               await frame().then(frame);
               return [before, fade(pre)];
             }));
           }"""
    )
    assert wide and all("gradient" in before and after == "none" for before, after in wide)
