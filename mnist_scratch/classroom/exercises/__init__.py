"""Exercises that check themselves: `check.softmax(softmax)` says whether it is right, and if not, what is wrong.

check.names()           all exercises, by name
check.softmax(f)        try f; shows its answer, and returns a Verdict with .passed and .message
check.hint("softmax")   a second hint
check.progress()        how far one has come, in all notebooks; check.progress(2), in notebook 02
check.hand_in("Ada")    writes a file with the answers, to hand in
check.begin_anew()      forgets what was passed, and keeps it under another name
check.add(exercise)     one of your own, for this kernel

What was passed lasts, in a file beside the notebooks; see `record`.
"""

import difflib
import errno
import pkgutil
import re
from dataclasses import dataclass
from html import escape
from importlib import import_module
from pathlib import Path

from ...files import UserError
from ..record import RECORD
from .toolkit import FunctionExercise, NotStarted, NumberExercise, OpenExercise, Wrong
from .words import as_html

_MODULES = [import_module(f".{found.name}", __name__) for found in pkgutil.iter_modules(__path__)]
_ALL = [exercise for module in _MODULES for exercise in getattr(module, "EXERCISES", [])]
__all__ = ["EXERCISES", "FunctionExercise", "NumberExercise", "OpenExercise", "Verdict", "Wrong", "check", "judge"]
EXERCISES = {exercise.name: exercise for exercise in sorted(_ALL, key=lambda exercise: exercise.notebook)}
OURS = frozenset(EXERCISES)  # `check.add` adds to the others


@dataclass(frozen=True)
class Verdict:
    """The answer of a check.

    Attributes
    ----------
    name : str
        The name of the exercise.
    state : str
        ``"passed"``, ``"not yet"`` or ``"not started"``.
    message : str
        The answer in words, with the hint.
    hint : str
        The hint alone; empty when there is none.
    """

    name: str
    state: str
    message: str
    hint: str = ""

    @property
    def passed(self):
        return self.state == "passed"

    def _ipython_display_(self):
        """Nothing: the check has shown its answer already."""


class Check:
    """The checks by name, each a function of the student's answer. What was passed is kept in a file, see `record`."""

    def __getattr__(self, name):
        if name.startswith("_") or name not in EXERCISES:
            raise AttributeError(self._unknown(name))
        exercise = EXERCISES[name]

        def run(answer):
            verdict = judge(exercise, answer)
            # a stub, as after a restart, takes nobody's answer away
            if verdict.state != "not started" or name not in RECORD.answers:
                from .. import programs  # not before it is needed: `import` is to be quick

                RECORD.keep_answer(name, verdict.state, *programs.of_call(name, answer))
            show(verdict.message, verdict.state, self._progress(exercise.notebook))
            return verdict

        run.__name__ = run.__qualname__ = name
        run.__doc__ = f"Exercise {exercise.number}: {exercise.task}"
        return run

    def __dir__(self):
        return [*super().__dir__(), *EXERCISES]

    def names(self):
        """The names of all checks, in the order of the notebooks."""
        return list(EXERCISES)

    def add(self, exercise):
        """Add an exercise of your own to the checks of this kernel, in the place of one with the same name.

        Parameters
        ----------
        exercise : FunctionExercise, NumberExercise or OpenExercise

        Raises
        ------
        ValueError
            When it would not serve, and all that is wrong: its name is taken, its reference does not pass, or a mistake
            does not get its own hint.
        """
        name, number, problems = exercise.name, exercise.number, []
        if name in OURS or hasattr(type(self), name) or not name.isidentifier():
            problems.append(f"{name!r} cannot be its name: that is taken, or no name that Python knows")
        if number in {other.number for other in EXERCISES.values() if other.name != name}:
            problems.append(f"there is an exercise {number} already")
        if not re.fullmatch(r"\d+\.\d+", number):
            problems.append(f"its number is {number!r}; give the notebook's and its own, such as '10.1'")
        problems += exercise.problems()
        if problems:
            raise ValueError(f"exercise {exercise.number} is not ready:\n" + "\n".join(f"- {p}" for p in problems))
        EXERCISES[name] = exercise
        known = sum(map(len, exercise.listed_mistakes().values()))
        show(f"{number} is ready: `check.{name}(…)`. Each of its {known} mistakes gets its own hint.", "hint")

    def hint(self, name):
        """Show a second hint for an exercise, for those who want it.

        Parameters
        ----------
        name : str
            The name of the check, such as ``"softmax"``.
        """
        if not isinstance(name, str):
            raise TypeError('give the name of the check as a string, such as check.hint("softmax")')
        if name not in EXERCISES:
            raise ValueError(self._unknown(name))
        exercise = EXERCISES[name]
        show(f"{exercise.number}, a second hint. {exercise.second_hint}", "hint")

    def progress(self, notebook=None):
        """Show which exercises have passed: all at a glance, or those of a notebook in one line.

        Parameters
        ----------
        notebook : int, optional
            The number of the notebook.
        """
        if notebook is not None:
            if notebook not in {exercise.notebook for exercise in EXERCISES.values()}:
                raise ValueError(f"notebook {notebook!r} has no checked exercises; give its number, such as 2")
            show(self._progress(notebook), "progress")
            return
        from IPython import get_ipython
        from IPython.display import display

        from .. import overview

        if get_ipython() is None:
            print(overview.in_words(_standing()))
        else:
            display(overview.Overview(_standing, RECORD.begin_anew))
        if news := RECORD.news():
            show(news, "progress")

    def begin_anew(self):
        """Forget what was passed, answered and predicted; what there was is kept under another name."""
        show(RECORD.begin_anew(), "progress")

    def hand_in(self, name=None):
        """Write a file to hand in, with the source of the answer that each check was given last, and no verdicts.

        It lies beside the notebooks, and begins with ``hand_in_``. Where nothing can be written there, as in a folder
        that a class shares, it goes into the working directory.

        Parameters
        ----------
        name : str
            Yours.
        """
        from .. import hand_in

        kept = {key: told for key, told in RECORD.answers.items() if told["state"] != "not started" and told["answer"]}
        answers = {key: (kept[key]["program"], kept[key]["answer"]) for key in EXERCISES if key in kept}
        try:
            path = _written(RECORD.folder / hand_in.file_name(name), lambda path: hand_in.write(name, answers, path))
        except UserError as error:
            show(f"Nothing was written. {error}", "progress")
            return
        except OSError as error:
            remedy = "Go to a folder of your own, such as with %cd ~, and call this again."
            show(f"Nothing was written. It can't be written here ({error.strerror}). {remedy}", "progress")
            return
        within = ", ".join(f"{EXERCISES[name].number} {name}" for name in answers)
        missing = ", ".join(f"{exercise.number} {name}" for name, exercise in EXERCISES.items() if name not in answers)
        where = "lies beside the notebooks" if any(path.parent.glob("*.ipynb")) else f"is in {path.parent}"
        said = (
            f"{path.name} holds your answers to {len(answers)} of {len(EXERCISES)} exercises, as you last checked "
            f"them. Hand in this file; it {where}."
        )
        below = [
            f"In it: {within}." if within else "",
            f"No answer yet: {missing}. To add one, run its check, and this again." if missing else "",
            RECORD.news(),
        ]
        show(said, "progress", "\n".join(filter(None, below)))

    def _progress(self, notebook):
        of_notebook = [exercise for exercise in _standing() if exercise[0] == notebook]
        marks = {"passed": "✓", "not yet": "✗"}
        parts = [f"{number} {name} {marks.get(state, '·')}" for _, number, name, state in of_notebook]
        passed = sum(state == "passed" for *_, state in of_notebook)
        line = f"Notebook {notebook:02}: {passed} of {len(of_notebook)} passed. " + "  ".join(parts)
        return "\n".join(filter(None, [line, RECORD.news()]))

    def _unknown(self, name):
        close = difflib.get_close_matches(name, EXERCISES, n=1)
        advice = f"Did you mean {close[0]!r}? " if close else ""
        return f"there is no check {name!r}. {advice}check.names() lists them all."


def _written(path, write):
    """The path that was written: this one, or, where that is forbidden, its name in the working directory."""
    try:
        write(path)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        write(path := Path.cwd() / path.name)
    return path


def _standing():
    """[(notebook, number, name, state)] of all exercises; state is None where no check has run."""
    kept = RECORD.answers
    return [(e.notebook, e.number, name, kept.get(name, {}).get("state")) for name, e in EXERCISES.items()]


def judge(exercise, answer):
    """The verdict on an answer, shown nowhere. No error of a student's code gets out.

    Parameters
    ----------
    exercise : Exercise
        One of the values of ``EXERCISES``.
    answer : object
        What the student gives: a function, a number, a dictionary.

    Returns
    -------
    Verdict
    """
    try:
        printed = exercise.judge(answer)
    except NotStarted:
        message = f"{exercise.number} is not started yet. {exercise.task} {exercise.to_start}"
        return Verdict(exercise.name, "not started", message)
    except Wrong as wrong:
        hint = f" Hint: {wrong.hint}" if wrong.hint else f' check.hint("{exercise.name}") has a hint.'
        message = f"{exercise.number}, not yet. {wrong.finding}{_printed(wrong.printed)}{hint}"
        return Verdict(exercise.name, "not yet", message, wrong.hint)
    except Exception as error:  # an answer of a kind that nobody thought of
        message = f"{exercise.number}, not yet. The check cannot read this answer ({type(error).__name__}: {error})."
        return Verdict(exercise.name, "not yet", message)
    message = f"{exercise.number} passed. {exercise.praise}{_printed(printed)}".strip()
    return Verdict(exercise.name, "passed", message)


def _printed(text, most=8):
    """What the answer printed in the call that is told, as far as somebody would read it."""
    lines = text.rstrip().splitlines()
    more = ["…"] if len(lines) > most else []
    lines = [line if len(line) <= 120 else f"{line[:117]}..." for line in lines[:most]]
    return "\nIt printed:\n" + "\n".join([*lines, *more]) + "\n" if lines else ""


_COLORS = {
    "passed": "#009E73",
    "not yet": "#D55E00",
    "not started": "#666666",
    "hint": "#0072B2",
    "progress": "#666666",
}


def show(message, state, below=""):
    """Show a message beside a colored bar where there is a notebook, and print it elsewhere."""
    from IPython import get_ipython
    from IPython.display import display

    text = message + (f"\n{below}" if below else "")
    if get_ipython() is None:
        print(text)
        return
    small = f'<div style="font-size: 0.9em; opacity: 0.75">{escape(below)}</div>' if below else ""
    html = (
        f'<div role="status" style="border-left: 5px solid {_COLORS[state]}; padding: 4px 10px; max-width: 56em; '
        f'white-space: pre-line">'
        f"{as_html(message)}{small}</div>"
    )
    display({"text/plain": text, "text/html": html}, raw=True)


check = Check()
