"""What serves the class and not the network: pictures, sliders, the drawing pad, exercises, predictions.

Loads Matplotlib and ipywidgets.
"""

from . import bugs, drawing, playground, plots, widgets
from .exercises import check
from .predictions import predict

__all__ = ["bugs", "check", "drawing", "playground", "plots", "predict", "widgets"]
