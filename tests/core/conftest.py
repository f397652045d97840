"""What the tests of runs and of the command line share."""

import pytest

from mnist_scratch import MNIST, SGD, CosineSchedule, Dataset, runs
from mnist_scratch import __main__ as command_line
from mnist_scratch.recipes import Recipe

N_TRAIN, N_VALIDATION, N_TEST = 300, 60, 200


@pytest.fixture(scope="session")
def tiny():
    """A recipe like ours, in hundredths of a second: to go on with it, a run needs all of the optimizer's state."""
    optimizer = SGD(CosineSchedule(0.2, 2), momentum=0.9)
    sizes, settings = (784, 8, 10), {"activation": "sigmoid", "weight_decay": 1 / 7000, "n_validation": N_VALIDATION}
    return Recipe("tiny", sizes, optimizer, epochs=2, batch_size=64, **settings)


@pytest.fixture
def small(mnist, monkeypatch):
    """All that is loaded here are a few hundred genuine images. The top left pixel, black in all of MNIST, says where
    an image belongs: 0 is for training, 1/4 held out, 1/2 for the test."""
    images, test_images = mnist.train.images[:N_TRAIN].copy(), mnist.test.images[:N_TEST].copy()
    assert not images[:, 0].any() and not test_images[:, 0].any()
    images[N_TRAIN - N_VALIDATION :, 0], test_images[:, 0] = 0.25, 0.5
    train, test = Dataset(images, mnist.train.labels[:N_TRAIN]), Dataset(test_images, mnist.test.labels[:N_TEST])
    made = MNIST(train, train[:0], test)
    for module in (runs, command_line):
        monkeypatch.setattr(module, "load_mnist", lambda n_validation=0: made)
    return made


@pytest.fixture
def untrained(monkeypatch):
    """Training anything is a failure."""
    monkeypatch.setattr(Recipe, "fit", lambda *_, **__: pytest.fail("it trained"))


@pytest.fixture(scope="session")
def contents():
    """All files below a folder, with their bytes."""

    def contents(folder):
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return contents
