"""What serves the class and not the network: pictures and sliders. Loads Matplotlib and ipywidgets."""

from . import bugs, plots, widgets

__all__ = ["bugs", "plots", "widgets"]
