"""Predict, then run: commit to an answer, compute it, and see what the choice tells::

    question = predict("How many of the images will it get right?", {
        "30 %": "what whoever says so overlooks",
        "80 %": "...",
    })
    ...                          # the cells that compute it
    question.reveal(accuracy)    # a number, answered by the nearest option, or the option itself

The right answer is never stored: it comes from the run. In class a show of hands decides; alone, a click; where nobody
answers, as when all cells are run at once, the reveal goes through all options.
"""

import math
import re

import ipywidgets

from .cells import CellWidget
from .exercises.words import as_html
from .record import RECORD

_BLUE, _GREEN, _GRAY = "#0072B2", "#009E73", "#808080"
_BAR = '<div style="border-left: 5px solid {}; padding: 2px 10px; margin: 4px 0; max-width: 56em">{}</div>'
# a long option takes a second line, where a button would cut it off
_STYLE = (
    "<style>.predict .widget-html-content {line-height: 1.5} .predict-option.jupyter-button {height: auto; "
    "min-height: 28px; padding: 4px 10px; line-height: 1.4; white-space: normal; text-align: left}</style>"
)


_asked_here = set()  # the questions that this kernel has asked: asked again, they are open again


class Prediction(CellWidget):
    """A question with options to choose from; shown as the last line of a cell. Made by `predict`.

    The choice is kept in the record: the next kernel shows it again.

    Attributes
    ----------
    question : str
    options : dict
        {option: what it tells}.
    choice : str or None
        The option chosen, if one is.
    revealed : str or None
        The right option, once it is known.
    """

    def __init__(self, question, options):
        if not isinstance(options, dict) or len(options) < 2:
            raise ValueError("options must be two or more: a dictionary from each option to what it tells")
        if not all(isinstance(text, str) and text.strip() for pair in options.items() for text in pair):
            raise ValueError("each option, and what it tells, must be a text that is not empty")
        self.question, self.options = question, dict(options)
        self.choice, self.revealed = None, None
        self.buttons = [
            # as long as its text, but never wider than the page
            ipywidgets.Button(
                description=label.replace("`", ""), layout={"width": "auto", "max_width": "100%"}
            ).add_class("predict-option")
            for label in self.options
        ]
        self.said = ipywidgets.HTML().add_class("predict-said")
        for button, label in zip(self.buttons, self.options, strict=True):
            button.on_click(lambda _, label=label: self.choose(label))
        asked = ipywidgets.HTML(_STYLE + _BAR.format(_BLUE, _asked(question)))
        super().__init__([asked, ipywidgets.HBox(self.buttons, layout={"flex_flow": "row wrap"}), self.said])
        self.add_class("predict")
        if question not in _asked_here and (kept := RECORD.predictions.get(question)) in self.options:
            self._mark(kept, f"Last time you said {_quoted(as_html(kept))}.")
        _asked_here.add(question)

    def choose(self, option):
        """Commit to an option; another one can be chosen later. ValueError when there is no such option."""
        self._must_be_an_option(option)
        RECORD.keep_prediction(self.question, option)
        self._mark(option, f"You say {_quoted(as_html(option))}.")

    def _mark(self, option, said):
        self.choice = option
        for button, label in zip(self.buttons, self.options, strict=True):
            button.button_style, button.icon = ("info", "check") if label == option else ("", "")
        self.said.value = f'<div role="status">{said} Now run the next cells.</div>'

    def reveal(self, right):
        """Show which option is right, and what the choice tells.

        Parameters
        ----------
        right : str or float
            One of the options; or a number, and then the option with the nearest number is right ("80 %" is 0.8; at
            equal distance, the first). ValueError when it is neither.

        Returns
        -------
        Reveal
        """
        exact = True
        if not isinstance(right, str):
            value, right = right, self._nearest(right)
            # "about 98 %" stays the nearest when rounding makes it 98 % to the last image
            exact = "about" not in right and math.isclose(value, number_in(right))
        self._must_be_an_option(right)
        self.revealed = str(right)
        return Reveal(self.options, self.revealed, self.choice, exact)

    def _must_be_an_option(self, option):
        if option not in self.options:
            raise ValueError(f"{option!r} is not one of the options: {', '.join(self.options)}")

    def _nearest(self, value):
        numbers = {label: number_in(label) for label in self.options}
        if None in numbers.values() or any(len(_NUMBER.findall(label)) > 1 for label in self.options):
            raise ValueError(f"reveal got {value!r}; where an option has no number, name the right option itself")
        try:
            distances = {label: abs(number - float(value)) for label, number in numbers.items()}
        except (TypeError, ValueError):
            raise ValueError(f"reveal got {value!r}; it must be a number, or one of the options") from None
        if any(math.isnan(distance) for distance in distances.values()):
            raise ValueError(f"reveal got {value!r}, which is nearest to no option")
        return min(distances, key=distances.get)

    def still(self):
        """The question and its options."""
        options = [f"{'●' if label == self.choice else '○'} {label}" for label in self.options]
        items = "".join(f'<div style="margin-left: 1em">{as_html(option)}</div>' for option in options)
        words = "\n".join([f"Predict. {self.question}", *(f"  {option}" for option in options)])
        return {"text/plain": words, "text/html": _BAR.format(_BLUE, _asked(self.question) + items)}, {}


class Reveal:
    """What a prediction told; shown as the last line of a cell.

    Attributes
    ----------
    options : dict
        {option: what it tells}.
    right, choice : str
        Two of the options; choice is None where nobody chose.
    exact : bool
        Whether right is what came out, and not only the option nearest to it.
    """

    def __init__(self, options, right, choice, exact):
        self.options, self.right, self.choice, self.exact = options, right, choice, exact

    @property
    def lines(self):
        """(option, how it is announced, what it tells): the choice first; all options where nobody chose."""
        the_right_one = "Right:" if self.exact else "Closest to the result:"
        right = (self.right, f"{the_right_one} {_quoted(self.right)}.", self.options[self.right])
        if self.choice is None:
            others = [option for option in self.options if option != self.right]
            return [right, *((option, f"If you said {_quoted(option)}:", self.options[option]) for option in others)]
        if self.choice == self.right:
            verdict = "right" if self.exact else "nearest to the result"
            return [(self.right, f"You said {_quoted(self.right)}: {verdict}.", self.options[self.right])]
        return [(self.choice, f"You said {_quoted(self.choice)}.", self.options[self.choice]), right]

    def _repr_mimebundle_(self, include=None, exclude=None):
        html = "".join(
            _BAR.format(_GREEN if option == self.right else _GRAY, f"<b>{as_html(announced)}</b> {as_html(told)}")
            for option, announced, told in self.lines
        )
        return {"text/plain": repr(self), "text/html": html}

    def __repr__(self):
        return "\n".join(f"{announced} {told}" for _, announced, told in self.lines)


def predict(question, options):
    """Ask for a prediction; see the top of this module.

    Parameters
    ----------
    question : str
        Plain text, `code` between backticks.
    options : dict
        {option: what it tells, in a sentence}, two or more. ValueError when they are not texts, each with its sentence.

    Returns
    -------
    Prediction
    """
    return Prediction(question, options)


_NUMBER = re.compile(r"(?<![\w.])[−-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[−-]?\d+)?", re.IGNORECASE)


_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def number_in(label):
    """Return the first number in an option, or None: "about 1,000 times" is 1000.0, "80 %" is 0.8, "10⁻³" is 0.001."""
    label = re.sub(r"\b10(⁻?[⁰¹²³⁴-⁹]+)", lambda power: f"1e{power[1].translate(_RAISED)}", label)
    found = _NUMBER.search(label)
    if not found:
        return None
    value = float(found[0].replace(",", "").replace("−", "-"))
    return value / 100 if re.match(r"\s*%", label[found.end() :]) else value


def _asked(question):
    return f"<b>Predict.</b> {as_html(question)}"


def _quoted(label):
    return f"“{label.rstrip('.')}”"
