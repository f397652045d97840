"""A neural network for handwritten digits, from nothing but NumPy.

`import mnist_scratch` loads NumPy and nothing heavier; pictures and sliders are in `mnist_scratch.classroom`.
"""

import os
import sys

# OpenBLAS's threads wait for their next product by spinning, for milliseconds, and so get in the way of the thread that
# prepares it: now and then a step takes twice as long. After 2^12 cycles, a microsecond, they are to sleep instead.
# OpenBLAS reads this when NumPy is loaded; `make lab` sets it for notebooks, which load NumPy first.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "12")

from .averaging import AveragedSGD, ensemble
from .data import MNIST, Dataset, load_mnist, minibatches, one_hot, read_idx, split
from .datasets import load_dataset
from .distortions import Distortion
from .files import FileFormatError
from .gradient_check import gradient_check
from .network import Loss, Network, flatten
from .optimizers import SGD, Adam, CosineSchedule, RMSProp, StepSchedule, WarmUpSchedule
from .training import History, Trainer, fit

if sys.platform == "emscripten":  # Python inside a web page
    from . import browser

    browser.make_do()

__all__ = [
    "MNIST",
    "SGD",
    "Adam",
    "AveragedSGD",
    "CosineSchedule",
    "Dataset",
    "Distortion",
    "FileFormatError",
    "History",
    "Loss",
    "Network",
    "RMSProp",
    "StepSchedule",
    "Trainer",
    "WarmUpSchedule",
    "ensemble",
    "fit",
    "flatten",
    "gradient_check",
    "load_dataset",
    "load_mnist",
    "minibatches",
    "one_hot",
    "read_idx",
    "split",
]
__version__ = "0.1.0"
