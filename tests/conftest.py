"""Fixtures that several test files share."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
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


@pytest.fixture
def pressed_at_line():
    """A context: KeyboardInterrupt before the n-th line that runs in these modules; yields how many are left to come.

    By lines and not by instructions: Python 3.12 does not always report instructions.
    """

    @contextmanager
    def pressed(n, *modules):
        left, files = n, {module.__file__ for module in modules}

        def trace(frame, event, _):
            nonlocal left
            if frame.f_code.co_filename not in files:
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            yield lambda: left
        finally:
            sys.settrace(before)

    return pressed


@pytest.fixture(scope="session")
def stored():
    """What a finished run left, but for the seconds and the pictures; to compare two folders."""

    def without_seconds(value):
        if isinstance(value, dict):
            return {key: without_seconds(part) for key, part in value.items() if key != "seconds"}
        return value

    def stored(folder):
        files = {path.name: path for path in folder.iterdir() if path.suffix != ".png"}
        with np.load(files.pop("model.npz"), allow_pickle=False) as file:
            found = {name: (array.dtype, array.shape, array.tobytes()) for name, array in file.items()}
        assert set(files) == {"history.json", "summary.json", "misread.json"}
        return found | {name: without_seconds(json.loads(path.read_text())) for name, path in files.items()}

    return stored
