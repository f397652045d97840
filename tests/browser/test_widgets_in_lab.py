"""Every live widget of every notebook in JupyterLab: moved by keyboard and mouse, picture and words read back."""

import json
import re
from itertools import product

import pytest

from tools import lab

WITH_A_GOOD_SETTING = {"05_batch_vs_mini_batch", "06_regularization", "07_tuning", "09_past_99_percent"}


@pytest.fixture(scope="module", params=sorted(lab.LIVE))
def notebook(request, open_notebook, artefacts):
    """A notebook, open, all its cells run; what it showed before that is in `before`: {cells, text}."""
    notebook = open_notebook(request.param)
    cells = notebook.live_cells()
    notebook.before = {"cells": cells, "text": notebook.page.locator(".jp-Notebook").inner_text()}
    notebook.run()
    return notebook


@pytest.fixture
def live(notebook, artefacts):
    """The live widgets with sliders; when the test is done, nothing may have gone wrong unseen, in kernel or page."""
    live = [widget for widget in notebook.live() if widget.telling]
    before = [widget.values() for widget in live]
    yield live
    put_back(live, before)
    assert not notebook.problems(), f"{notebook.name}: {notebook.problems()}"


def put_back(live, before):
    """Bring all sliders back to earlier values, by arrow keys."""
    for widget, values in zip(live, before, strict=True):
        for label, slider in widget.sliders.items():
            if slider.shown() != values[label]:
                slider.press("Home")
            while slider.shown() != values[label]:
                first, now, last = slider.steps()
                assert now < last, f"{label} does not come back to {values[label]}"
                slider.press("ArrowRight")
        widget.settle()


def keep(widget, notebook, artefacts, moment):
    widget.screenshot(artefacts / f"{notebook.name}-{moment}.png")


def test_no_live_widget_is_left_out():
    cells = {
        path.stem: sum(
            bool(re.search(lab.LIVE_SOURCE, "".join(cell["source"])))
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            if cell["cell_type"] == "code"
        )
        for path in (lab.ROOT / "notebooks").glob("*.ipynb")
    }
    expected = {name: len(live) for name, live in lab.LIVE.items()}
    assert {name: n for name, n in cells.items() if n} == expected, "bring LIVE in lab.py up to date"


def test_before_it_is_run_each_live_cell_shows_its_picture(notebook):
    cells, text = notebook.before["cells"], notebook.before["text"]
    assert len(cells) == len(lab.LIVE[notebook.name])
    for cell in cells:
        assert len(cell["widths"]) == 1, f"{len(cell['widths'])} pictures in a live cell; it says {cell['text']!r}"
        assert cell["widths"][0] > 100
    for complaint in ("model not found", "Error displaying widget", "Loading widget"):
        assert complaint.lower() not in text.lower()


def test_each_slider_is_there_and_at_rest(notebook, live, artefacts):
    for number, widget in enumerate(live):
        assert set(widget.sliders) == set(widget.telling)
        assert min(widget.size()) > 100
        assert widget.untold() == []
        widget.settle()
        keep(widget, notebook, artefacts, f"{number}-rest")


def test_each_slider_moves_by_keyboard(notebook, live, artefacts):
    for number, widget in enumerate(live):
        for label, slider in widget.sliders.items():
            shown, words, source = slider.shown(), widget.words(), widget.source()
            with widget.never_blank():
                slider.press(slider.inwards())
                widget.settle(picture_other_than=source)
                assert slider.shown() != shown, f"{label} still shows {shown}"
                assert widget.words() != words
                slider.press(slider.inwards(), times=3)  # faster than the kernel draws
                widget.settle()
        keep(widget, notebook, artefacts, f"{number}-moved")


def test_each_slider_moves_by_mouse(notebook, live):
    for widget in live:
        for label, slider in widget.sliders.items():
            shown, words, source = slider.shown(), widget.words(), widget.source()
            with widget.never_blank():
                slider.drag()
                widget.settle(picture_other_than=source)
            assert slider.shown() != shown, f"{label} still shows {shown}"
            assert widget.words() != words


def test_at_the_ends_of_all_sliders_the_words_make_sense(notebook, live, artefacts):
    for number, widget in enumerate(live):
        for keys in corners(len(widget.sliders)):
            for key, slider in zip(keys, widget.sliders.values(), strict=True):
                slider.press(key)
                end = slider.steps()[0 if key == "Home" else 2]
                assert slider.steps()[1] == end, f"{slider.label} is not at its end after {key}"
            with widget.never_blank():
                widget.settle()
            words = widget.words()
            if "diverge" in words.lower():
                keep(widget, notebook, artefacts, f"{number}-diverged")
            else:
                assert not re.search(r"\b(nan|inf|infinity)\b", words, re.IGNORECASE), words


def corners(n):
    """All ends of n sliders with each other; of more than four: all at one end, and each of them alone at the other."""
    if n <= 4:
        return list(product(("Home", "End"), repeat=n))
    lowest = ["Home"] * n
    return [lowest, ["End"] * n, *([*lowest[:i], "End", *lowest[i + 1 :]] for i in range(n))]


def test_the_good_setting_is_reached_by_keyboard(notebook, live):
    with_a_way_back = [widget for widget in live if widget.good.count()]
    assert bool(with_a_way_back) == (notebook.name in WITH_A_GOOD_SETTING)
    for widget in with_a_way_back:
        good = widget.values()
        for slider in widget.sliders.values():
            slider.press("End")
        widget.settle()
        assert widget.values() != good
        for _ in range(8):
            notebook.page.keyboard.press("Tab")
            if widget.good.evaluate("button => button === document.activeElement"):
                break
        else:
            raise AssertionError("Tab does not lead from the sliders to the button")
        source = widget.source()
        notebook.page.keyboard.press("Space")
        widget.settle(picture_other_than=source)
        assert widget.values() == good


def test_the_last_hand_counts_while_it_still_draws(notebook, live):
    """JupyterLab may let the slider's and the button's callbacks run in two threads of the kernel at the same time."""
    for widget in live:
        if not widget.good.count():
            continue
        good, picture = widget.values(), widget.fingerprint()
        for slider in widget.sliders.values():
            slider.press("End")
            widget.settle()
            slider.press("Home")  # the slower end: B = 1
            widget.good.click()
            notebook.page.wait_for_function(
                "([box, good]) => [...box.querySelectorAll('.widget-readout')].map(r => r.innerText).join() === good",
                arg=[widget.box.element_handle(), ",".join(good.values())],
            )
            notebook.page.wait_for_timeout(1500)  # long enough for a slow picture to come too late
            assert widget.values() == good
            assert widget.untold() == []
            assert widget.fingerprint() == picture, "the picture is not that of the words"


@pytest.mark.parametrize("notebook", ["00_start_here"], indirect=True)
@pytest.mark.parametrize(
    "complaint, style",
    [("gone in", "display: none"), ("blank in", "visibility: hidden"), ("blank in", "opacity: 0")],
)
def test_a_blank_picture_would_be_seen(notebook, live, complaint, style):
    picture = live[0].picture
    usual = picture.get_attribute("style")
    with pytest.raises(AssertionError, match=complaint), live[0].never_blank():
        for now in (f"{usual}; {style}", usual):
            picture.evaluate("(picture, style) => { picture.style = style; }", now)
            notebook.page.wait_for_timeout(100)


@pytest.mark.parametrize("notebook", ["00_start_here"], indirect=True)
def test_a_broken_picture_would_be_seen(notebook, live):
    source = live[0].source()
    with pytest.raises(AssertionError, match="gone in"), live[0].never_blank():
        for now in ("data:image/png;base64,AAAA", source):
            live[0].picture.evaluate("(picture, source) => { picture.src = source; }", now)
            notebook.page.wait_for_timeout(100)
