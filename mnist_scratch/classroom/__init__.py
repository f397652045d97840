"""What serves the class and not the network: pictures, sliders, the drawing pad, exercises, predictions.

Each part is loaded when it is first asked for: Matplotlib and ipywidgets come with those that need them.
"""

from importlib import import_module

__all__ = ["bugs", "check", "drawing", "playground", "plots", "predict", "widgets"]
_IN = {"check": "exercises", "predict": "predictions"}


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_IN.get(name, name)}", __name__)
    return getattr(module, name) if name in _IN else module


def __dir__():
    return [*globals(), *__all__]
