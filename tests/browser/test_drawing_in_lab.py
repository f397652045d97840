"""The drawing pad of notebook 02 in JupyterLab: drawn on with mouse, pen, finger and keys, and read by the network."""

import re

import pytest

from tools import lab
from tools.strokes import DIGITS


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook("02_forward_pass")
    notebook.run(to_the_end=False)
    return notebook


@pytest.fixture
def pad(notebook):
    """The pad, cleared; when the test is done, nothing may have gone wrong unseen."""
    pad = lab.Pad(notebook.page, notebook.live()[1].box)
    pad.clear.click()
    assert "empty" in pad.read()
    yield pad
    assert not notebook.problems()


def said(words):
    """The digit that the network reads; None when it reads none."""
    found = re.search(r"says (\d)", words)
    return found and int(found[1])


def test_at_least_eight_of_ten_drawn_digits_are_read_rightly(pad, artifacts):
    answers = {}
    for digit, strokes in DIGITS.items():
        pad.clear.click()
        answers[digit] = said(pad.draw(strokes))
        pad.live.screenshot(artifacts / f"drawing-{digit}.png")
    right = sum(digit == answer for digit, answer in answers.items())
    assert right >= 8, f"drawn and read: {answers}"


def test_undo_takes_back_one_stroke_and_clear_all(pad):
    strokes = DIGITS[4]
    assert len(strokes) == 2
    pad.draw(strokes[:1])
    one, picture = pad.ink(), pad.live.source()
    pad.draw(strokes[1:])
    assert pad.ink() > one > 0
    assert pad.live.source() != picture
    pad.undo.click()
    pad.read()
    assert pad.ink() == pytest.approx(one)
    for button in (pad.undo, pad.undo, pad.clear):  # the second time there is nothing left to take back
        button.click()
        assert "empty" in pad.read() and pad.ink() == 0


def test_a_pen_draws(pad):
    screen = pad.page.context.new_cdp_session(pad.page)
    for stroke in pad.on_screen(DIGITS[1]):
        for kind, point in [
            ("mousePressed", stroke[0]),
            *(("mouseMoved", point) for point in stroke),
            ("mouseReleased", stroke[-1]),
        ]:
            event = {"type": kind, "x": point[0], "y": point[1], "pointerType": "pen", "buttons": 1, "clickCount": 1}
            screen.send("Input.dispatchMouseEvent", event | {"button": "left"})
    assert said(pad.read()) is not None
    assert pad.ink() > 0


def test_a_finger_draws_and_does_not_scroll(pad):
    screen = pad.page.context.new_cdp_session(pad.page)
    place = pad.paper.bounding_box()
    for stroke in pad.on_screen(DIGITS[1]):
        for i, (x, y) in enumerate(stroke):
            kind = "touchMove" if i else "touchStart"
            screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert said(pad.read()) is not None
    assert pad.ink() > 0
    assert pad.paper.bounding_box() == place


def test_keys_draw_and_no_cell_is_harmed(pad, notebook):
    cells = notebook.page.locator(".jp-Cell").count()
    pad.paper.focus()
    press = notebook.page.keyboard.press
    for _ in range(9):
        press("ArrowUp")
    press("Space")
    for _ in range(18):
        press("ArrowDown")
    press("Space")
    assert said(pad.read()) is not None
    press("Delete")
    assert "empty" in pad.read()
    assert pad.ink() == 0
    assert notebook.page.locator(".jp-Cell").count() == cells
