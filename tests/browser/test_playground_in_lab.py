"""The playground in JupyterLab and under Voilà: trained, paused, resumed, reset, and asked about a drawn digit."""

import re

import pytest

from tools import lab
from tools.strokes import DIGITS


class Playground(lab.Live):
    """The playground in a page."""

    def __init__(self, page):
        super().__init__(page, page.locator(".live").first)
        self.pad = lab.Pad(page, page.locator(".live.drawing"))

    def press(self, button):
        """Click a button by the end of its DOM class: start, step, epoch, reset, good."""
        self.box.locator(f".live-{button}").click()

    def steps(self):
        """How many steps the network has taken, as the words tell."""
        return int(re.search(r"Step ([\d,]+)", self.words())[1].replace(",", ""))

    def wait_until(self, condition, complaint):
        """Until condition() holds; AssertionError with the complaint when it does not in good time."""
        for _ in range(lab.PATIENCE // 50):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{complaint}; the words are: {self.words()!r}")

    def train(self, steps):
        """Press Start, wait until so many more steps are taken, press Pause."""
        goal = self.steps() + steps
        self.press("start")
        self.wait_until(lambda: self.steps() >= goal, f"it did not get to step {goal}")
        self.pause()

    def pause(self):
        self.press("start")
        self.wait_until(lambda: self.words().startswith("Paused."), "it did not pause")


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook("playground")
    notebook.run()
    return notebook


@pytest.fixture
def play(notebook):
    """The playground as it is after Reset; when the test is done, nothing may have gone wrong unseen."""
    notebook.page.locator(".live").first.scroll_into_view_if_needed()
    play = Playground(notebook.page)
    play.press("step")  # so that there is something to see when it is reset
    play.wait_until(lambda: play.steps() > 0, "it took no step")
    play.press("good")
    play.wait_until(lambda: "η = 0.1, λ = 0, batch size 64" in play.words(), "the good setting does not come back")
    play.press("reset")
    play.wait_until(lambda: play.words().startswith("Paused. Step 0,"), "it did not go back to step 0")
    yield play
    assert not notebook.problems()


def test_it_trains_pauses_and_resumes(play, artifacts):
    with play.never_blank():
        play.press("start")
        for _ in range(3):
            steps, source = play.steps(), play.source()
            play.wait_until(lambda then=steps: play.steps() > then, "the words stand still while it trains")
            play.wait_until(lambda then=source: play.source() != then, "the curves stand still while it trains")
        play.pause()
    paused, picture = play.steps(), play.source()
    play.page.wait_for_timeout(1000)
    assert (play.steps(), play.source()) == (paused, picture), "it goes on after Pause"
    play.screenshot(artifacts / "playground-paused.png")
    play.train(50)
    assert play.steps() >= paused + 50
    assert play.source() != picture


def test_the_stop_button_pauses_it(notebook, play):
    """Though no cell is running then."""
    play.press("start")
    play.wait_until(lambda: play.steps() > 150, "it does not train")
    assert play.words().startswith("Training.")
    notebook.press_stop()
    play.wait_until(lambda: play.words().startswith("Paused."), "the stop button does not pause it")
    notebook.begin("print(play.running, play.training.steps > 150)")
    assert notebook.wait_for_the_end() == "False True"
    play.train(50)


def test_it_takes_one_step_and_one_epoch_and_reset_goes_back_to_the_same_start(play):
    words = play.words()
    for n in (1, 2, 3):
        play.press("step")
        play.wait_until(lambda n=n: play.steps() == n, f"no step {n}")
    play.press("epoch")
    play.wait_until(lambda: "epoch 1.0." in play.words() and play.words().startswith("Paused."), "no whole epoch")
    play.press("reset")
    play.wait_until(lambda: play.words() == words, f"Reset does not lead back to {words!r}")


def test_buttons_pressed_quickly_are_obeyed_in_their_order(play):
    for _ in range(3):
        play.press("reset")
        play.press("start")
        play.wait_until(lambda: play.words().startswith("Training. Step") and play.steps() > 0, "it does not train")
        play.page.wait_for_timeout(300)
        assert play.words().startswith("Training."), "Reset came after Start"
        play.pause()


def test_settings_hold_while_it_trains(play):
    play.press("start")
    for slider in play.sliders.values():
        shown = slider.shown()
        slider.press(slider.inwards())
        play.wait_until(lambda before=shown, now=slider: now.shown() != before and not play.untold(), "not taken over")
    assert play.words().startswith("Training.")
    layers = play.box.locator(".widget-dropdown", has_text="hidden layers").locator("select")
    layers.select_option(label="32, 32")
    play.wait_until(lambda: "784-32-32-10" in play.words(), "the layers are the same")
    play.pause()
    layers.select_option(label="32")
    play.wait_until(lambda: "784-32-10" in play.words(), "the layers are the same")


def test_a_run_that_diverges_says_so_and_the_good_setting_helps(play, artifacts):
    for slider in ("learning rate η", "weight decay λ"):  # each step throws the weights to −9 times their size
        play.sliders[slider].press("End")
    play.wait_until(lambda: "η = 10, λ = 1," in play.words(), "not taken over")
    play.press("start")
    play.wait_until(lambda: "diverged" in play.words().lower(), "it does not say that it diverged")
    play.screenshot(artifacts / "playground-diverged.png")
    play.press("good")
    play.wait_until(lambda: "η = 0.1," in play.words() and not play.untold(), "the good setting does not come back")
    play.train(50)


def test_it_reads_a_drawn_digit(play, artifacts):
    play.press("epoch")
    play.wait_until(lambda: "epoch 1.0." in play.words() and play.words().startswith("Paused."), "no whole epoch")
    play.train(600)
    answers = {}
    for digit in (0, 1, 3, 7):
        play.pad.clear.click()
        assert "empty" in play.pad.read()
        found = re.search(r"says (\d)", play.pad.draw(DIGITS[digit]))
        answers[digit] = found and int(found[1])
    play.screenshot(artifacts / "playground-drawing.png")
    assert sum(digit == answer for digit, answer in answers.items()) >= 3, f"drawn and read: {answers}"


def test_it_works_under_voila(browser, address, artifacts):
    page = browser.new_page()
    try:
        page.goto(f"{address}/voila/render/notebooks/playground.ipynb?token={lab.TOKEN}", timeout=60_000)
        page.locator(".live-start").wait_for(timeout=60_000)
        play = Playground(page)
        assert min(play.size()) > 100
        play.train(50)
        play.pad.clear.click()
        assert "empty" in play.pad.read()
        play.pad.draw(DIGITS[0])
        assert re.search(r"says \d", play.pad.read())
        play.screenshot(artifacts / "playground-voila.png")
    finally:
        page.close()
