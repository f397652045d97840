"""The drawing pad of the website: it reads in the page what Python reads, and answers mouse, finger and keys.

`make site` makes the pages; `make test TESTS=tests/browser` does so first.
"""

import re

import numpy as np
import pytest

from mnist_scratch import Network
from mnist_scratch.classroom.drawing import EXAMPLE, read_drawing
from tools import lab
from tools.strokes import DIGITS

PAGES = ["index.html", "notebooks/02_forward_pass.html"]


@pytest.fixture(scope="module")
def net():
    return Network.load(lab.ROOT / "results" / "relu-128-64" / "model.npz")


@pytest.fixture
def opened(open_page):
    """A function that opens a page on a phone and scrolls to its pad."""

    def open_pad(path):
        page = open_page(path, viewport={"width": 390, "height": 844}, has_touch=True)
        page.locator("[data-pad]").scroll_into_view_if_needed()
        page.get_by_text("An example").wait_for()
        return page

    return open_pad


def probabilities(page):
    """What the ten bars show, (10,)."""
    bars = page.locator(".drawing-bars li").all()
    return np.array([float(bar.evaluate("bar => bar.style.getPropertyValue('--probability')")) for bar in bars])


def draw(page, strokes):
    """Draw with the mouse."""
    paper = page.locator(".drawing-paper").bounding_box()
    for stroke in strokes:
        points = [(paper["x"] + x * paper["width"], paper["y"] + y * paper["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points:
            page.mouse.move(*point)
        page.mouse.up()


# ------------------------------------------------------------------------------------------- what it reads


def as_drawn(strokes):
    """Strokes as the sheet gives them: cut off at its edges, and rounded."""
    return [np.clip(stroke, 0, 1).round(4).tolist() for stroke in strokes]


def by_hand(seed):
    """A digit as another hand draws it: turned, slanted, larger or smaller, elsewhere, finer or coarser, unsteady."""
    rng = np.random.default_rng(seed)
    strokes = [np.array(stroke) - 0.5 for stroke in DIGITS[seed % 10]]
    turn, slant, size = rng.normal(0, 0.2), rng.normal(0, 0.2), rng.uniform(0.3, 1.4, 2)
    change = np.array([[np.cos(turn), np.sin(turn)], [slant - np.sin(turn), np.cos(turn)]]) * size
    drawn = []
    for stroke in strokes:
        times = np.linspace(0, len(stroke) - 1, int(rng.integers(2, 8 * len(stroke))))
        fine = np.stack([np.interp(times, np.arange(len(stroke)), column) for column in stroke.T], axis=1)
        drawn.append(fine @ change + rng.uniform(0.3, 0.7, 2) + rng.normal(0, 0.004, fine.shape))
    return as_drawn(drawn)


def scribble(seed):
    """Polylines anywhere, also over the edges; some no larger than what is too small to be read."""
    rng = np.random.default_rng(seed)
    size, middle = rng.uniform(0.1, 0.7), rng.uniform(-0.1, 1.1, 2)
    return as_drawn([middle + size * rng.uniform(-1, 1, (rng.integers(1, 12), 2)) for _ in range(rng.integers(1, 5))])


def with_specks(seed):
    """A digit, and dots beside it."""
    rng = np.random.default_rng(seed)
    return by_hand(seed) + as_drawn(rng.uniform(0, 1, (rng.integers(1, 9), 1, 2)))


def symmetric():
    """Shapes whose center of mass lies just between two pixels, or at one: where rounding could choose the place."""
    left, right = 0.5 - np.arange(1, 9) / 20, 0.5 + np.arange(1, 9) / 20
    for a, b in zip(left, right, strict=True):
        yield [[[a, a], [b, a], [b, b], [a, b], [a, a]]]
        yield [[[0.5, a], [0.5, b]]]
        yield [[[a, 0.3], [b, 0.3]], [[a, 0.7], [b, 0.7]]]
        angles = np.linspace(0, 2 * np.pi, 25)
        yield as_drawn([0.5 + (b - 0.5) * np.stack([np.cos(angles), np.sin(angles)], axis=1)])


DRAWINGS = [
    [],
    [[[0.5, 0.5]]],
    [[[0, 0]], [[1, 1]], [[0, 1]]],
    [[[0.5, 0.5], [0.65, 0.5]]],
    [[[x, y]] for x in (0.2, 0.5, 0.8) for y in (0.2, 0.5, 0.8)],
    [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]],
    [[[0.5, 0.2], [0.5, 0.2], [0.5, 0.8]]],
    EXAMPLE,
    *DIGITS.values(),
    *symmetric(),
    *map(by_hand, range(100)),
    *map(scribble, range(30)),
    *map(with_specks, range(30)),
]


def test_two_hundred_drawings_are_read_as_python_reads_them(opened, net):
    page = opened("index.html")
    answers = page.evaluate(
        """drawings => {
             const net = course.networkOf(course.reader);
             return drawings.map(strokes => {
               const { row, layers, words } = course.read(net, strokes);
               return { row: row && [...row], layers: layers?.map(layer => [...layer]), words };
             });
           }""",
        DRAWINGS,
    )
    nothing = 0
    for i, (strokes, answer) in enumerate(zip(DRAWINGS, answers, strict=True)):
        row, probabilities, words = read_drawing(net, strokes)
        assert answer["words"] == words, f"drawing {i}: {strokes}"
        if row is None:
            assert answer["row"] is answer["layers"] is None
            nothing += 1
            continue
        np.testing.assert_allclose(answer["row"], row, rtol=0, atol=1e-6, err_msg=f"drawing {i}: {strokes}")
        *hidden, found = answer["layers"]
        np.testing.assert_allclose(found, probabilities, rtol=0, atol=1e-5, err_msg=f"drawing {i}: {strokes}")
        for units, expected in zip(hidden, net.activations(row[np.newaxis])[1:-1], strict=True):
            np.testing.assert_allclose(units, expected[0], rtol=0, atol=1e-4)
    assert len(DRAWINGS) - nothing >= 200


# ---------------------------------------------------------------------------------------------- the page


@pytest.mark.parametrize("path", PAGES)
def test_it_starts_with_an_example_and_follows_the_hand(path, opened, net, artifacts):
    page = opened(path)
    row, expected, words = read_drawing(net, EXAMPLE)
    np.testing.assert_allclose(probabilities(page), expected, rtol=0, atol=1e-5)
    seen = page.locator(".drawing-layers canvas").first.evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)"
    )
    np.testing.assert_allclose(seen, 255 * (1 - row), rtol=0, atol=1)
    assert words in page.locator(".drawing-words").inner_text()
    page.screenshot(path=artifacts / f"pad-{path.replace('/', '_')}.png")

    page.get_by_role("button", name="Clear").click()
    page.get_by_text("The sheet is empty").wait_for()
    assert not probabilities(page).any()
    draw(page, DIGITS[4])
    page.get_by_text(re.compile("The network says 4")).wait_for()
    assert probabilities(page).argmax() == 4
    page.get_by_role("button", name="Undo last stroke").click()
    page.wait_for_function(
        "() => document.querySelector('.drawing-bars li:nth-child(5)').style.getPropertyValue('--probability') < 0.5"
    )
    page.get_by_role("button", name="Undo last stroke").click()
    page.get_by_text("The sheet is empty").wait_for()


def test_the_first_stroke_takes_the_place_of_the_example(opened):
    page = opened("index.html")
    draw(page, DIGITS[1])
    page.get_by_text(re.compile("The network says 1")).wait_for()
    page.get_by_role("button", name="Undo last stroke").click()
    page.get_by_text("The sheet is empty").wait_for()


def test_the_keyboard_is_enough(opened):
    page = opened("index.html")
    press = page.keyboard.press
    while page.evaluate("!document.activeElement.matches('.drawing-paper')"):
        press("Tab")
    press("Delete")
    page.get_by_text("The sheet is empty").wait_for()
    for key in ["ArrowUp"] * 9 + ["Space"] + ["ArrowDown"] * 18 + ["Space"]:
        press(key)
    page.get_by_text(re.compile("The network says 1")).wait_for()
    press("Tab")
    press("Enter")
    page.get_by_text("The sheet is empty").wait_for()


def test_a_finger_draws_and_does_not_scroll(opened):
    page = opened("index.html")
    page.get_by_role("button", name="Clear").tap()
    page.get_by_text("The sheet is empty").wait_for()
    paper = page.locator(".drawing-paper").bounding_box()
    screen = page.context.new_cdp_session(page)
    for i, (x, y) in enumerate(DIGITS[1][0]):
        at = {"x": paper["x"] + x * paper["width"], "y": paper["y"] + y * paper["height"]}
        screen.send("Input.dispatchTouchEvent", {"type": "touchMove" if i else "touchStart", "touchPoints": [at]})
    screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.get_by_text(re.compile("The network says 1")).wait_for()
    assert page.locator(".drawing-paper").bounding_box() == paper


@pytest.mark.parametrize("path", PAGES)
def test_without_javascript_the_page_shows_a_drawing_that_is_read(path, open_page):
    picture = open_page(path, java_script_enabled=False).locator("[data-pad] img")
    assert picture.is_visible() and "The network says 3" in picture.get_attribute("alt")
