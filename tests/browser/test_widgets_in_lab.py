"""Every live widget of every notebook in JupyterLab: moved by keyboard and mouse, picture and words read back."""

import re

import pytest

from tools import lab


@pytest.fixture(scope="module", params=sorted(lab.live_notebooks()))
def notebook(request, open_notebook):
    """A notebook, open, run as far as its last live widget; what it showed before that is in `before`."""
    notebook = open_notebook(request.param)
    notebook.before = notebook.live_cells(), notebook.page.locator(".jp-Notebook").inner_text()
    notebook.run(to_the_end=False)
    return notebook


@pytest.fixture
def live(notebook):
    """The live widgets with sliders; when the test is done, nothing may have gone wrong unseen, in kernel or page."""
    live = [widget for widget in notebook.live() if widget.sliders]
    before = [widget.values() for widget in live]
    yield live
    for widget, values in zip(live, before, strict=True):
        put_back(widget, values)
    assert not notebook.problems(), f"{notebook.name}: {notebook.problems()}"


def put_back(widget, values):
    """Bring a widget's sliders back to earlier values, by arrow keys."""
    for label, slider in widget.sliders.items():
        if slider.shown() != values[label]:
            slider.press("Home")
        while slider.shown() != values[label]:
            _, now, last = slider.steps()
            assert now < last, f"{label} does not come back to {values[label]}"
            slider.press("ArrowRight")
    widget.settle()


def moves(widget, slider, move):
    """Move a slider: its readout, the words and the picture become others, and the picture is never gone."""
    shown, words, source = slider.shown(), widget.words(), widget.source()
    with widget.never_blank():
        move()
        widget.settle(picture_other_than=source)
    assert slider.shown() != shown, f"{slider.label} still shows {shown}"
    assert widget.words() != words


def test_before_it_is_run_each_live_cell_shows_its_picture(notebook):
    cells, text = notebook.before
    assert len(cells) == lab.live_notebooks()[notebook.name]
    for cell in cells:
        assert len(cell["widths"]) == 1 and cell["widths"][0] > 100, cell
    for complaint in ("model not found", "error displaying widget", "loading widget"):
        assert complaint not in text.lower()


def test_each_slider_moves_by_keyboard_and_by_mouse(notebook, live, artifacts):
    for number, widget in enumerate(live):
        widget.settle()
        widget.screenshot(artifacts / f"{notebook.name}-{number}-rest.png")
        for slider in widget.sliders.values():
            moves(widget, slider, lambda slider=slider: slider.press(slider.inwards()))
            slider.press(slider.inwards(), times=3)  # faster than the kernel draws
            widget.settle()
            moves(widget, slider, slider.drag)
        widget.screenshot(artifacts / f"{notebook.name}-{number}-moved.png")


def test_at_both_ends_of_all_sliders_the_words_make_sense(notebook, live, artifacts):
    for number, widget in enumerate(live):
        for key in ("Home", "End"):
            for slider in widget.sliders.values():
                slider.press(key)
            widget.settle()
            for slider in widget.sliders.values():
                assert slider.steps()[1] == slider.steps()[0 if key == "Home" else 2], f"{slider.label} after {key}"
            words = widget.words()
            widget.screenshot(artifacts / f"{notebook.name}-{number}-{key}.png")
            assert "diverge" in words.lower() or not re.search(r"\b(nan|inf|infinity)\b", words, re.IGNORECASE), words


def test_the_good_setting_is_reached_by_keyboard(notebook, live):
    for widget in [widget for widget in live if widget.good.count()]:
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
    for widget in [widget for widget in live if widget.good.count()]:
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
        assert not widget.untold()
        assert widget.fingerprint() == picture, "the picture is not that of the words"
