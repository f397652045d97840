"""The playground of the website: its arithmetic beside that of the course, and the page as a reader uses it."""

import re
from base64 import b64decode
from urllib.parse import urlsplit

import numpy as np
import pytest

from mnist_scratch import SGD, Network, load_mnist
from mnist_scratch.network import flatten
from tools import lab, npm, page_data

SCRIPT = lab.ROOT / "docs" / "_static" / "playground.js"


# --------------------------------------------------------------------------------------------- the arithmetic


@pytest.fixture(scope="module")
def script(browser, tmp_path_factory):
    """A function that runs JavaScript where the script is, and the digits are unpacked: `digits`."""
    page = browser.new_page()
    folder = tmp_path_factory.mktemp("scripts")
    page_data.write_script(folder / "digits.js", digits=page_data.digits())
    page.add_script_tag(path=folder / "digits.js")
    page.add_script_tag(path=SCRIPT)
    page.evaluate("async () => { globalThis.digits = await course.unpack(course.digits); }")
    yield page.evaluate
    page.close()


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


def test_the_page_has_the_digits_of_mnist_byte_for_byte(script, mnist):
    for part, data in [("training", mnist.train[:1000]), ("validation", mnist.validation[:500])]:
        images, labels = script(
            """part => [digits[part].map((digit) => btoa(String.fromCharCode(...digit.image))),
                        digits[part].map((digit) => digit.label)]""",
            part,
        )
        expected = np.rint(255 * data.images).astype(np.uint8)
        assert [b64decode(image) for image in images] == [image.tobytes() for image in expected]
        assert labels == data.labels.tolist()


SETTINGS = {
    "plain": (0.1, 0.0, 32, 0.0),
    "all of it": (0.1, 1e-3, 32, 0.9),
    "one digit a step": (0.03, 1e-2, 1, 0.5),
    "all digits a step": (0.3, 1e-4, 1000, 0.95),
    "weights that are held down": (0.3, 0.3, 64, 0.0),
}
TAKE_STEPS = """
([parameters, batches, eta, lambda, mu]) => {
  const net = new course.Network(parameters);
  const losses = batches.map((rows) => {
    const loss = net.lossAndGradients(rows.map((row) => digits.training[row]));
    net.step({ eta, lambda, mu });
    return loss;
  });
  const [reached] = net.measure(digits.validation);
  return { losses, reached, parameters: net.parameters.map((values) => [...values]) };
}
"""


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_fifty_steps_are_those_of_network_and_sgd(settings, script, mnist):
    learning_rate, weight_decay, batch_size, momentum = settings
    net = Network([784, 16, 10], seed=3, dtype="float64")
    optimizer, rng = SGD(learning_rate, momentum), np.random.default_rng(3)
    state = optimizer.initial_state(net.parameters())
    batches = [rng.permutation(1000)[:batch_size] for _ in range(50)]
    start = [array.ravel().tolist() for array in net.parameters()]
    theirs = script(TAKE_STEPS, [start, [b.tolist() for b in batches], learning_rate, weight_decay, momentum])

    losses = []
    for rows in batches:
        X, y = mnist.train.images[rows].astype(np.float64), mnist.train.labels[rows]
        loss, gradients = net.loss_and_gradients(X, y, weight_decay)
        optimizer.step(net.parameters(), flatten(gradients), state)
        losses.append(loss.data)
    assert losses[-1] != losses[0]
    np.testing.assert_allclose(theirs["losses"], losses, rtol=0, atol=1e-9)
    for ours, array in zip(net.parameters(), theirs["parameters"], strict=True):
        np.testing.assert_allclose(array, ours.ravel(), rtol=0, atol=1e-9)
    validation = mnist.validation[:500]
    loss, accuracy = net.evaluate(validation.images.astype(np.float64), validation.labels)
    assert theirs["reached"]["loss"] == pytest.approx(loss.data, abs=1e-9)
    assert theirs["reached"]["accuracy"] == pytest.approx(accuracy, abs=1e-9)


def test_training_uses_each_digit_once_an_epoch_in_a_new_order(script):
    orders = script(
        """() => {
             const training = new course.Training(digits, 1), orders = [];
             for (let epoch = 0; epoch < 2; epoch++) {
               while (training.epochs === epoch) training.step({ eta: 0.1, lambda: 0, m: 32, mu: 0 });
               orders.push(training.training.map((digit) => digits.training.indexOf(digit)));
             }
             return [...orders, training.steps];
           }"""
    )
    *orders, steps = orders
    assert [sorted(order) for order in orders] == [list(range(1000))] * 2
    assert orders[0] != orders[1] and steps == 2 * 32


def test_weights_at_the_start_are_he_weights_and_the_same_for_the_same_seed(script):
    first, again, other = script(
        "() => [1, 1, 2].map((seed) => new course.Training(digits, seed).network.parameters.map((w) => [...w]))"
    )
    assert first == again != other
    for weights, n_in in [(first[0], 784), (first[2], 16)]:
        deviation = np.sqrt(2 / n_in)
        spread = deviation / np.sqrt(len(weights))  # of the mean; of the deviation, it is smaller
        assert abs(np.mean(weights)) < 5 * spread
        assert abs(np.std(weights) - deviation) < 5 * spread
    assert not any(first[1] + first[3])


def test_a_loss_that_is_no_number_ends_the_training(script):
    diverged, steps, further = script(
        """() => {
             const training = new course.Training(digits, 1), settings = { eta: 10, lambda: 1, m: 32, mu: 0.9 };
             while (!training.diverged && training.steps < 10000) training.step(settings);
             return [training.diverged, training.steps, training.step(settings)];
           }"""
    )
    assert diverged and 0 < steps < 10_000 and further == 0


@pytest.mark.parametrize(
    ("address", "settings"),
    [
        ("#eta=0.3&lambda=0.01&m=64&mu=0.5&seed=7", [0.3, 0.01, 64, 0.5, 7]),
        ("#mu=0&m=1", [None, None, 1, 0, None]),
        ("", [None] * 5),
        ("#start", [None] * 5),
        ("#eta=0.02&lambda=0.002&m=100&mu=0.8&seed=2.4", [0.03, 0.003, 64, 0.9, 2]),
        ("#eta=-5&lambda=-1&m=0&mu=-0.1&seed=-3", [0.001, 0, 1, 0, 0]),
        ("#eta=1e999&lambda=Infinity&m=99999&mu=2&seed=1e9", [10, 1, 1000, 0.95, 99]),
        ("#eta=fast&lambda=&m=%00&mu=NaN&seed=<script>&eta=1", [None] * 5),
        ("#constructor=1&__proto__=2&%E0%A4%A", [None] * 5),
    ],
)
def test_an_address_gives_the_nearest_good_settings(address, settings, script):
    usual = script("() => course.fromAddress('')")
    wanted = [there if given is None else given for given, there in zip(settings, usual.values(), strict=True)]
    found = script("address => course.fromAddress(address)", address)
    if address.startswith("#eta=0.02"):  # as near to one as to another
        assert found["eta"] in (0.01, 0.03) and found["lambda"] in (0.001, 0.003)
        wanted[:2] = found["eta"], found["lambda"]
    assert list(found.values()) == wanted


# ---------------------------------------------------------------------------------------------------- the page

PHONE = {"width": 390, "height": 844}


class Page:
    """The first page, opened from the disk, and its playground."""

    def __init__(self, page):
        self.page = page
        self.box = self.page.locator("[data-playground]")
        self.box.scroll_into_view_if_needed()
        self.button("Start").wait_for()

    def button(self, name):
        return self.box.get_by_role("button", name=name, exact=True)

    def slider(self, name):
        return self.box.get_by_role("slider", name=name)

    def settings(self):
        return [self.slider(name).get_attribute("aria-valuetext") for name in ("rate", "decay", "size", "momentum")]

    def words(self):
        return self.box.locator(".playground-words").inner_text()

    def wait_for_words(self, pattern):
        self.page.wait_for_function(
            "pattern => RegExp(pattern).test(document.querySelector('.playground-words').textContent)", arg=pattern
        )

    def picture(self):
        """What the weights look like."""
        return self.box.locator(".playground-weights").evaluate("canvas => canvas.toDataURL()")

    def validation_accuracy(self):
        return float(re.search(r"([\d.]+)% of 500", self.words())[1])


@pytest.fixture
def playground(open_page):
    """A function that opens the first page, at an address's end if one is given."""
    return lambda hash="", **settings: Page(open_page("index.html", hash, **settings))


def test_it_trains_pauses_and_goes_back_to_the_same_start(playground):
    page = playground()
    start, words = page.picture(), page.words()
    page.page.wait_for_timeout(300)
    assert (page.picture(), page.words()) == (start, words), "it trains before anybody has asked"
    page.button("Start").click()
    page.wait_for_words(r"epoch [5-9]\.")
    page.button("Pause").click()
    paused = page.picture(), page.words()
    assert page.validation_accuracy() > 75
    assert page.picture() != start
    page.page.wait_for_timeout(300)
    assert (page.picture(), page.words()) == paused
    for part in ("training", "validation"):
        drawn = page.box.locator(f"polyline.{part}").evaluate_all("lines => lines.map((line) => line.points.length)")
        assert min(drawn) > 5
    page.button("Reset").click()
    assert (page.picture(), page.words()) == (start, words)
    page.button("Other start").click()
    assert page.picture() != start


def test_the_same_steps_from_the_same_link_give_the_same_network(playground):
    address = "#eta=0.3&lambda=0.01&m=64&mu=0.5&seed=7"
    seen = []
    for _ in range(2):
        page = playground(address)
        assert page.settings() == ["0.3", "0.01", "64", "0.5"]
        for _ in range(3):
            page.button("Step").click()
        assert "step 3," in page.words()
        seen.append((page.picture(), page.words()))
    assert seen[0] == seen[1]


def test_an_experiment_is_in_the_address_and_a_link_leads_to_it(playground):
    page = playground()
    for slider, value in [("rate", 4), ("decay", 2), ("size", 1), ("momentum", 0)]:
        page.slider(slider).fill(str(value))
    page.button("Other start").click()
    page.button("Start").click()
    other = playground(urlsplit(page.page.url).fragment and f"#{urlsplit(page.page.url).fragment}", viewport=PHONE)
    assert other.settings() == page.settings() != playground().settings()
    place = other.box.bounding_box()
    assert place["y"] < PHONE["height"] / 2, "a link to an experiment leads to the playground"
    page.page.goto(page.page.url.partition("#")[0] + "#eta=1&mu=0.5")  # another link, on the page that is open
    page.page.wait_for_function("document.querySelector('[name=eta]').ariaValueText === '1'")
    assert page.button("Start").is_visible()
    page.page.goto(page.page.url.partition("#")[0] + "#start")  # a heading's link is none of its business
    assert page.settings()[0] == "1"


def test_the_link_is_copied_or_the_page_says_where_it_is(playground):
    page = playground()
    said = page.box.locator(".playground-buttons output")
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.button("Copy link").click()
    page.page.wait_for_function("output => output.value", arg=said.element_handle())
    assert page.page.evaluate("navigator.clipboard.readText()") == page.page.url
    assert "eta=" in page.page.url
    page.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    before = said.inner_text()
    page.button("Copy link").click()
    page.page.wait_for_function("([output, before]) => output.value && output.value !== before",
                                arg=[said.element_handle(), before])  # fmt: skip
    assert "address" in said.inner_text()


def test_settings_change_while_it_trains_and_the_network_stays(playground):
    page = playground("#m=64")
    page.button("Start").click()
    page.wait_for_words(r"epoch [3-9]\.")
    for slider, value in [("rate", 0), ("decay", 0), ("size", 2), ("momentum", 0)]:
        page.slider(slider).fill(str(value))
    assert page.button("Pause").is_visible()
    page.wait_for_words("Training")
    assert page.validation_accuracy() > 70
    page.button("Pause").click()
    assert page.validation_accuracy() > 70


def test_a_run_that_diverges_says_so_and_what_helps(playground):
    page = playground("#eta=10&lambda=1&m=32&mu=0.9")
    page.button("Start").click()
    page.wait_for_words("Diverged")
    assert "η = 10" in page.words() and "smaller learning rate" in page.words()
    assert page.button("Start").is_visible()
    page.slider("rate").fill("3")
    page.slider("decay").fill("0")
    page.button("Start").click()
    page.wait_for_words(r"Training.*epoch [5-9]\.")
    assert page.validation_accuracy() > 70


def test_what_was_trained_is_there_when_one_comes_back(playground):
    page = playground("#eta=0.3&lambda=0.01&m=64&mu=0.5&seed=7")
    for _ in range(3):
        page.button("Step").click()
    words = page.words()
    page.page.get_by_role("link", name="Draw a digit").click()
    page.page.wait_for_url("**#draw")
    page.page.go_back()
    page.page.wait_for_url("**eta=0.3**")
    page.page.wait_for_timeout(300)
    assert page.words() == words


def test_it_trains_in_a_window_in_which_only_its_buttons_have_room(playground):
    page = playground(viewport={"width": 640, "height": 200})
    page.button("Start").scroll_into_view_if_needed()
    page.button("Start").click()
    page.wait_for_words("Training: .* epoch [1-9]")


def test_weights_that_the_penalty_holds_at_zero_are_told_of(playground):
    page = playground("#eta=0.1&lambda=1&m=32&mu=0")
    page.button("Start").click()
    page.wait_for_words("to every digit.*smaller λ")


def test_a_network_that_says_the_same_to_every_digit_is_told_of(playground):
    page = playground("#eta=10&lambda=0&m=32&mu=0")
    page.button("Start").click()
    page.wait_for_words("to every digit")
    page.button("Pause").click()


def test_the_keyboard_reaches_and_moves_all_of_it(playground):
    page = playground(viewport=PHONE, reduced_motion="reduce")
    page.slider("rate").focus()
    page.page.keyboard.press("ArrowRight")
    assert page.settings()[0] == "0.3"
    names = []
    for _ in range(12):
        page.page.keyboard.press("Tab")
        names.append(page.page.evaluate("document.activeElement.name"))
    assert {"lambda", "m", "mu", "run", "step", "reset", "other", "copy"} <= set(names)
    page.button("Start").focus()
    page.page.keyboard.press("Space")
    page.wait_for_words("Training: .* epoch [1-9]")
    page.page.keyboard.press("Space")
    page.wait_for_words("Paused")
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_it_stands_still_while_nobody_can_see_it(playground):
    page = playground()
    page.button("Start").click()
    page.wait_for_words("Training")
    page.page.evaluate("scrollTo({ top: document.body.scrollHeight, behavior: 'instant' })")
    page.page.wait_for_timeout(500)
    words = page.words()
    page.page.wait_for_timeout(500)
    assert page.words() == words
    page.box.scroll_into_view_if_needed()
    page.wait_for_words(f"^(?!{re.escape(words)})")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible(theme, playground, artifacts):
    page = playground("#eta=0.1&mu=0.9", color_scheme=theme)
    page.button("Start").click()
    page.wait_for_words(r"epoch [3-9]")
    page.button("Pause").click()
    page.box.screenshot(path=artifacts / f"playground.{theme}.png")
    page.page.evaluate((npm.fetch("axe-core@4.14.1", ["axe.min.js"]) / "axe.min.js").read_text(encoding="utf-8"))
    broken = page.page.evaluate("axe.run('[data-playground]', { resultTypes: ['violations'], preload: false })")
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in broken["violations"]] == []


def test_without_javascript_a_picture_stands_there(open_page):
    place = open_page("index.html", java_script_enabled=False).locator("[data-playground]")
    assert place.locator("img").is_visible()
    assert place.locator("button").count() == 0
