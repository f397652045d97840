"""Widgets with something to see where no kernel runs, which leave when their cell runs again.

ipywidgets itself shows nothing there, and keeps every widget until the kernel ends.
"""

import gc
from weakref import WeakSet

import ipywidgets
from IPython import get_ipython
from IPython.display import display

_VIEW = "application/vnd.jupyter.widget-view+json"
_made = {}  # {cell: (in which execution, its widgets)}


class CellWidget(ipywidgets.VBox):
    """A column of widgets that closes those which an earlier run of the same cell made.

    A subclass says in `still` what is seen without a kernel, and lets go in `close` of what takes memory, for the
    notebook's `Out` may hold the widget itself for ever.
    """

    def __init__(self, children=()):
        super().__init__(children)
        cell, execution = _running()
        if cell is None:
            return
        then, widgets = _made.get(cell, (execution, WeakSet()))
        if then != execution:
            for widget in list(widgets):
                widget.close()
            gc.collect()  # figures are circles of references, and too few objects to be collected soon
            widgets = WeakSet()
        widgets.add(self)
        _made[cell] = execution, widgets

    def still(self):
        """What a reader without a kernel sees, by MIME type, and the metadata of it: two dictionaries."""
        return {"text/plain": repr(self)}, {}

    def _repr_mimebundle_(self, **kwargs):
        # a front end shows the live view when it can
        still, metadata = self.still()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {_VIEW: view, **still}, metadata

    if hasattr(ipywidgets.Widget, "_ipython_display_"):  # ipywidgets 7, as in Colab, which asks for no bundle

        def _ipython_display_(self, **kwargs):
            data, metadata = self._repr_mimebundle_()
            display(data, metadata=metadata, raw=True)

    def close(self):
        """Take the widget away, with all its parts."""
        if self.comm is not None:  # it may have been closed before, or never been finished
            _close_parts(self)
            super().close()
            self.children = ()


def _close_parts(widget):
    """Close what a widget consists of; ipywidgets leaves it open."""
    parts = [*getattr(widget, "children", ()), getattr(widget, "style", None), widget.layout]
    for part in parts:
        if hasattr(part, "layout"):
            _close_parts(part)
        if isinstance(part, ipywidgets.Widget):
            part.close()


def _running():
    """The cell that runs now and its number of execution; None where there is no cell, as in a slider's callback."""
    shell = get_ipython()
    if shell is None:
        return None, None
    message = (shell.get_parent() if hasattr(shell, "get_parent") else None) or {}
    if message.get("header", {}).get("msg_type", "execute_request") != "execute_request":
        return None, None
    # the front ends name the cell, so that it may be edited in between; by its text it is known everywhere else
    return message.get("metadata", {}).get("cellId") or shell.user_ns["In"][-1], shell.execution_count
