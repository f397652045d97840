"""All exercises at a glance: a row for each notebook, readable from the last row, and a button to begin anew."""

from html import escape

import ipywidgets

from .cells import CellWidget

_MARKS = {"passed": "✓", "not yet": "✗"}
_FILLS = {"passed": "#009E73", "not yet": "#D55E00"}
_BOX, _ROW, _LEFT, _TOP = 92, 40, 70, 50  # pixels


def in_words(exercises):
    """The overview as text.

    Parameters
    ----------
    exercises : list of tuple
        (notebook, number, name, state), such as ``(2, "2.1", "softmax", "passed")``, in order; state is None where no
        check has run.

    Returns
    -------
    str
        A line in all, and one for each notebook.
    """
    lines = [f"{_passed(exercises)} exercises passed."]
    for notebook, row in _rows(exercises):
        marks = "  ".join(f"{number} {_MARKS.get(state, '·')}" for _, number, _, state in row)
        lines.append(f"Notebook {notebook:02}: {_passed(row)} passed. {marks}")
    return "\n".join(lines)


def picture(exercises):
    """The overview as SVG, with its text as alternative; the parameter is that of `in_words`."""
    rows = _rows(exercises)
    wide = max((len(row) for _, row in rows), default=0)
    width, height = _LEFT + wide * _BOX + 80, _TOP + len(rows) * _ROW
    parts = [
        f'<text x="8" y="32" font-size="22" font-weight="bold">{_passed(exercises)} exercises passed</text>',
        f'<text x="{width - 10}" y="32" font-size="16" text-anchor="end">✓ passed  ✗ not yet</text>',
    ]
    for i, (notebook, row) in enumerate(rows):
        y = _TOP + i * _ROW
        parts.append(f'<text x="8" y="{y + 23}" font-size="20" font-weight="bold">{notebook:02}</text>')
        for k, (_, number, name, state) in enumerate(row):
            x, fill, ink = _LEFT + k * _BOX, _FILLS.get(state, "white"), "white" if state in _FILLS else "#595959"
            parts.append(
                f"<g><title>{escape(name)}: {state or 'not tried yet'}</title>"
                f'<rect x="{x}" y="{y}" width="{_BOX - 8}" height="{_ROW - 8}" rx="5" fill="{fill}" stroke="#808080"/>'
                f'<text x="{x + _BOX / 2 - 4}" y="{y + 23}" font-size="20" font-weight="bold" fill="{ink}" '
                f'text-anchor="middle">{number} {_MARKS.get(state, "")}</text></g>'
            )
        parts.append(f'<text x="{width - 10}" y="{y + 23}" font-size="18" text-anchor="end">{_passed(row)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(in_words(exercises))}" style="width: {width}px; max-width: 100%; background: white; '
        f'font-family: sans-serif; fill: #222222">{"".join(parts)}</svg>'
    )


class Overview(CellWidget):
    """The picture, and below it the button; shown as the last line of a cell.

    Parameters
    ----------
    exercises : callable
        Returns what `in_words` takes, as it is now.
    begin_anew : callable
        Begins anew, and returns what was done, in a sentence.
    """

    def __init__(self, exercises, begin_anew):
        self.exercises, self._begin_anew = exercises, begin_anew
        self.view, self.said = ipywidgets.HTML(), ipywidgets.HTML()
        self.button = ipywidgets.Button(description="Begin anew")
        # where the first button was stands the one that changes nothing: for those who click twice
        self.no = ipywidgets.Button(description="No, keep it")
        self.yes = ipywidgets.Button(description="Yes, begin anew", button_style="danger")
        self.button.on_click(lambda _: self._ask(True))
        self.no.on_click(lambda _: self._ask(False))
        self.yes.on_click(lambda _: self._do())
        self.buttons = ipywidgets.HBox()
        super().__init__([self.view, self.buttons, self.said])
        self._ask(False)
        self._draw()

    def _ask(self, whether):
        self.buttons.children = (self.no, self.yes) if whether else (self.button,)
        self.said.value = "All notebooks, answers and predictions. Sure?" if whether else ""

    def _do(self):
        done = self._begin_anew()
        self._ask(False)
        self.said.value = f'<div role="status">{escape(done)}</div>'
        self._draw()

    def _draw(self):
        self.view.value = picture(self.exercises())

    def still(self):
        """The picture, and the same in words."""
        exercises = self.exercises()
        return {"text/plain": in_words(exercises), "text/html": picture(exercises)}, {}


def _rows(exercises):
    """[(notebook, its exercises)]."""
    rows = {}
    for exercise in exercises:
        rows.setdefault(exercise[0], []).append(exercise)
    return list(rows.items())


def _passed(exercises):
    return f"{sum(state == 'passed' for *_, state in exercises)} of {len(exercises)}"
