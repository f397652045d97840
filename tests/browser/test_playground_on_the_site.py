"""The playground of the website: its arithmetic beside that of the course, and the page as a reader uses it."""

from base64 import b64decode

import numpy as np
import pytest

from mnist_scratch import SGD, Network, load_mnist
from mnist_scratch.network import flatten
from tools import lab, page_data

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
  return { losses, parameters: net.parameters.map((values) => [...values]), reached: net.measure(digits.validation) };
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
