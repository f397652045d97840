"""What serves the class and not the network: pictures, sliders, the drawing pad. Loads Matplotlib and ipywidgets."""

from . import bugs, drawing, playground, plots, widgets

__all__ = ["bugs", "drawing", "playground", "plots", "widgets"]
