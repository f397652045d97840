"""A neural network for handwritten digits, from nothing but NumPy.

`import mnist_scratch` loads NumPy and nothing heavier; pictures and sliders are in `mnist_scratch.classroom`.
"""

from .data import MNIST, Dataset, FileFormatError, load_mnist, minibatches, one_hot, read_idx, split
from .gradient_check import gradient_check
from .network import Loss, Network
from .optimizers import SGD, CosineSchedule, StepSchedule, WarmUpSchedule
from .training import History, fit

__all__ = [
    "MNIST",
    "SGD",
    "CosineSchedule",
    "Dataset",
    "FileFormatError",
    "History",
    "Loss",
    "Network",
    "StepSchedule",
    "WarmUpSchedule",
    "fit",
    "gradient_check",
    "load_mnist",
    "minibatches",
    "one_hot",
    "read_idx",
    "split",
]
__version__ = "0.1.0"
