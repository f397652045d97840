"""Fixtures that several test files share."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mnist_scratch import load_mnist

# the same examples on every machine, and no clock: a slow server must not turn a test red
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def data_folder():
    """Where the four genuine files lie."""
    return Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def mnist(data_folder):
    """The genuine MNIST, read once."""
    return load_mnist(data_folder)
