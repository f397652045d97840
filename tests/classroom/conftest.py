"""What the tests of the classroom share: small data, and a user's own Matplotlib settings."""

import matplotlib
import pytest


@pytest.fixture(scope="session")
def train(mnist):
    return mnist.train[:300]


@pytest.fixture(scope="session")
def validation(mnist):
    return mnist.validation[:200]


@pytest.fixture(scope="session")
def matplotlibrc():
    """A context with the settings of a user who likes other pictures, and who writes his texts with LaTeX."""
    theirs = {
        "text.usetex": True, "font.family": "serif", "font.size": 20, "figure.autolayout": True, "figure.dpi": 50,
        "figure.facecolor": "black", "axes.facecolor": "black", "axes.grid": True, "axes.titlesize": 30,
        "axes.prop_cycle": matplotlib.cycler(color=["r"]), "lines.linewidth": 9, "image.origin": "lower",
        "savefig.bbox": "tight", "savefig.dpi": 40, "path.sketch": (2, 90, 2), "axes.unicode_minus": False,
    }  # fmt: skip
    return lambda: matplotlib.rc_context(theirs)
