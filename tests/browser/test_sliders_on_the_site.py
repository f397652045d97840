"""The website's sliders as a reader moves them who has it on a disk: pictures and words are those of the notebook.

`make site` makes it; `make test TESTS=tests/browser` does so first.
"""

import json
import re
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image

from mnist_scratch.classroom import widgets
from tools import lab

MAKES_ONE = re.compile(r"\bwidgets\.\w+\(")
BUILD = {  # widgets made anew, as their notebook makes them, and settings of theirs
    "00_start_here": (lambda mnist: widgets.hello(), [{"waves": 1}, {"waves": 8}]),
    "01_data": (lambda mnist: widgets.browse_digits(mnist.train), [{"digit": 0, "page": 9}, {"digit": 7, "page": 0}]),
    "06_regularization": (
        lambda mnist: widgets.learning_rate_and_weight_decay(mnist.train[:1000], mnist.validation[:1000]),
        [{"learning_rate": 0.03, "weight_decay": 0.0}, {"learning_rate": 3.0, "weight_decay": 1.0}],
    ),
}


def widget_cells():
    """The cells that make a widget: {notebook: how many}."""
    found = {}
    for path in sorted((lab.ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        n = sum(cell["cell_type"] == "code" and bool(MAKES_ONE.search("".join(cell["source"]))) for cell in cells)
        found |= {path.stem: n} if n else {}
    return found


@pytest.fixture
def opened(open_page):
    """A function that opens a notebook's page; pictures: what becomes of a request for a recorded picture."""

    def open_notebooks_page(name, pictures=None, **settings):
        route = {"**/recordings/*": pictures} if pictures else None
        return open_page(f"notebooks/{name}.html", route=route, **settings)

    return open_notebooks_page


class Recorded:
    """The sliders of one widget in a page, moved by keys; number: its place among those of the page."""

    def __init__(self, page, number=0):
        self.page, self.box = page, page.locator(".cell_output:has(input[type=range])").nth(number)
        self.recording = json.loads(self.box.locator("script.recording").text_content())
        self.good = self.box.get_by_role("button")

    def sliders(self):
        """{label: the text beside it}; what a screen reader says is the same."""
        shown = {}
        for slider in self.box.get_by_role("slider").all():
            label = self.box.locator(f"label[for={slider.get_attribute('id')}]").inner_text()
            shown[label] = self.box.locator(f"#{slider.get_attribute('id')} + span").inner_text()
            assert slider.get_attribute("aria-valuetext") == shown[label]
        return shown

    def move(self, label, text):
        """Press keys on a slider until it shows a text."""
        slider = self.box.get_by_role("slider", name=label, exact=True)
        slider.press("Home")
        for _ in range(int(slider.get_attribute("max"))):
            if self.sliders()[label] == text:
                break
            slider.press("ArrowRight")
        assert self.sliders()[label] == text

    def words(self):
        """The words below the picture, once those of the last move are there."""
        return self.box.locator("[aria-live=polite]:not([aria-busy=true])").inner_text()

    def now(self):
        """The picture and the words as they are, whatever is still to come."""
        both = "box => [box.querySelector('img').src, box.querySelector('[aria-live]').textContent]"
        source, words = self.box.evaluate(both)
        return source.rsplit("/")[-1], words

    def picture(self):
        """The path of the picture that is shown, once that of the last move is there."""
        self.words()
        image = self.box.locator("img")
        image.scroll_into_view_if_needed()
        self.page.wait_for_function("image => image.complete && image.naturalWidth", arg=image.element_handle())
        return Path(unquote(urlsplit(image.evaluate("image => image.currentSrc")).path))

    def positions(self):
        return [int(slider.input_value()) for slider in self.box.get_by_role("slider").all()]

    def recorded(self):
        """The picture's name and the words that belong to where the sliders stand."""
        return tuple(self.recording["settings"][",".join(map(str, self.positions()))])


def pixels(picture):
    return np.asarray(Image.open(picture).convert("RGB"))


@pytest.mark.parametrize("name, number", widget_cells().items())
def test_each_widget_of_the_course_has_its_sliders_in_its_page(opened, name, number):
    page = opened(name)
    assert page.locator(".cell_output:has(input[type=range])").count() == number
    for i in range(number):
        widget = Recorded(page, i)
        assert len(widget.sliders()) == len(widget.recording["sliders"])
        for label, text in widget.sliders().items():
            before, words = widget.picture(), widget.words()
            slider = widget.box.get_by_role("slider", name=label, exact=True)
            slider.press("ArrowRight" if slider.input_value() != slider.get_attribute("max") else "ArrowLeft")
            assert widget.sliders()[label] != text and widget.words() != words and widget.picture() != before
            assert (widget.picture().name, widget.words()) == widget.recorded()


@pytest.mark.parametrize("name", BUILD)
def test_the_page_shows_to_the_pixel_what_the_widget_draws(opened, name, mnist):
    make, settings = BUILD[name]
    live, shown = make(mnist), Recorded(opened(name))
    for setting in settings:
        live.set(**setting)
        for slider, value in setting.items():
            texts = {v: text for text, v in getattr(live.sliders[slider], "options", ())}
            shown.move(live.sliders[slider].description, texts.get(value, str(value)))
        assert shown.words() == live.figure.alt_text
        assert np.array_equal(pixels(shown.picture()), pixels(BytesIO(live.image.value)))


def test_the_keyboard_alone_moves_a_slider_and_goes_back_to_the_good_setting(opened):
    page = opened("06_regularization")
    shown = Recorded(page)
    start, words = shown.sliders(), shown.words()
    for _ in range(1000):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "range":
            break
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    moved = shown.sliders()
    assert all(moved[label] != start[label] for label in start) and shown.words() != words
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == shown.good.inner_text()
    page.keyboard.press("Enter")
    assert shown.sliders() == start and shown.words() == words
    assert shown.recording["why"] in shown.box.inner_text()


def test_where_sliders_move_one_at_a_time_the_others_go_back(opened):
    shown = Recorded(opened("09_past_99_percent"))
    start = shown.sliders()
    first, second = list(start)[1:3]
    shown.box.get_by_role("slider", name=first, exact=True).press("End")
    assert shown.sliders()[first] != start[first]
    shown.box.get_by_role("slider", name=second, exact=True).press("End")
    now = shown.sliders()
    assert now[second] != start[second] and {**now, second: start[second]} == start


@pytest.mark.parametrize("order", [("End", "Home"), ("Home", "End")])
def test_picture_and_words_change_together_and_the_newest_move_counts(opened, order):
    held = {}
    page = opened("00_start_here", pictures=lambda route: held.setdefault(route.request.url.rsplit("/")[-1], route))
    shown = Recorded(page)
    before, text, wanted = shown.now(), list(shown.sliders().values()), {}
    for key in ("End", "Home"):
        shown.box.get_by_role("slider").press(key)
        wanted[key] = shown.recorded()
        assert list(shown.sliders().values()) != text and shown.now() == before
        for _ in range(1000):
            if wanted[key][0] in held:
                break
            page.wait_for_timeout(10)
    for key in order:
        with page.expect_event("requestfinished"):
            held.pop(wanted[key][0]).continue_()
        page.wait_for_timeout(100)  # for what must not happen
        assert shown.now() in (before, wanted["Home"])
    assert (shown.picture().name, shown.words()) == wanted["Home"]
    for route in held.values():
        route.continue_()


def test_where_a_picture_fails_all_stays_as_it_was_and_the_words_say_so(opened):
    works = []
    page = opened("00_start_here", pictures=lambda route: route.continue_() if works else route.abort())
    shown = Recorded(page)
    sliders, (picture, words) = shown.sliders(), shown.now()
    for _ in range(2):  # the second move as well
        shown.box.get_by_role("slider").press("End")
        told = shown.words()
        assert told.startswith(words) and told != words
        assert shown.sliders() == sliders and shown.now()[0] == picture
    works.append(True)
    shown.box.get_by_role("slider").press("End")
    assert (shown.picture().name, shown.words()) == shown.recorded()
    assert shown.sliders() != sliders and shown.words() != words
    page.complaints.clear()  # of what failed


def test_without_javascript_the_stored_picture_stays(opened):
    page = opened("06_regularization", java_script_enabled=False)
    assert page.get_by_role("slider").count() == 0
    picture = page.locator(".cell_output:has(script.recording) img")
    assert picture.is_visible() and len(picture.get_attribute("alt")) > 20


@pytest.mark.parametrize("name", widget_cells())
def test_on_a_phone_sliders_stay_within_the_screen_and_nothing_shifts(opened, name):
    page = opened(name, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for slider in page.get_by_role("slider").all():
        place = slider.bounding_box()
        assert place["x"] >= 0 and place["x"] + place["width"] <= 390 and place["height"] >= 44
    shown = Recorded(page)
    before = shown.box.locator("img").bounding_box()
    shown.box.get_by_role("slider").first.press("End")
    shown.picture()
    after = shown.box.locator("img").bounding_box()
    assert (after["width"], after["height"]) == pytest.approx((before["width"], before["height"]), abs=1)
