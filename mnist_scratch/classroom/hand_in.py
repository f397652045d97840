"""What a student hands in: one JSON file with the source of the answers, and no verdicts.

Such a file comes from somebody else. It is read as data, and nothing in it runs here.
"""

import json
import re

from ..files import FileFormatError, UserError, replacing

_FORMAT, _VERSION = "mnist-scratch hand-in", 1
_LONGEST = {"file": 5_000_000, "name": 200, "exercise": 100, "program": 200_000, "answer": 20_000}


def file_name(name):
    """The name of the file for a person's name, safe on every system: ``hand_in_Ada_Lovelace.json`` for Ada Lovelace.

    Parameters
    ----------
    name : str
        Letters of any alphabet stay; what is neither letter nor digit becomes an underscore.

    Returns
    -------
    str

    Raises
    ------
    UserError
        When there is no letter and no digit in it, or it is very long.
    """
    if not isinstance(name, str):
        raise UserError('A name is a text between quotation marks, such as check.hand_in("Ada").')
    safe = re.sub(r"\W+", "_", name).strip("_")
    if not safe or not _is_text(name):
        raise UserError(f'{name!r} has no letter that a file could be named by; write your name: check.hand_in("Ada").')
    if len(safe.encode()) > 200:
        raise UserError("This name is too long for the name of a file; write a shorter one.")
    return f"hand_in_{safe}.json"


def write(name, answers, path):
    """Write a hand-in, atomically.

    Parameters
    ----------
    name : str
        Who hands it in.
    answers : dict
        {exercise: (program, expression)}, as `programs.answers_in` returns them.
    path : str or Path
        What was there is replaced.

    Raises
    ------
    UserError
        When something in it is too long, or is no text.
    OSError
        When it cannot be written.
    """
    told = {exercise: {"program": program, "answer": answer} for exercise, (program, answer) in answers.items()}
    content = {"format": _FORMAT, "version": _VERSION, "name": name, "answers": told}
    if problem := _problem(content):
        raise UserError(f"This cannot be handed in: {problem}.")
    with replacing(path) as file:
        file.write((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def read(path):
    """Read a hand-in. All of it is data from somebody else: only what has the agreed form and size gets through.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    name : str
    answers : dict
        {exercise: (program, expression)}. Whether there is such an exercise, and whether this is Python, is not known.

    Raises
    ------
    UserError
        When the file cannot be read, or is no hand-in: the message names it, what is wrong, and what to do.
    """
    try:
        with open(path, "rb") as file:
            stored = file.read(_LONGEST["file"] + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Look at its name and its permissions.") from None
    try:
        content = json.loads(stored)
    except (ValueError, RecursionError):
        content = None
    too_long = f"more than {_LONGEST['file']:,} bytes, too many for a hand-in" if len(stored) > _LONGEST["file"] else ""
    if problem := too_long or _problem(content):
        raise FileFormatError(f'{path}: {problem}. Have it made again, with check.hand_in("…"), and handed in again.')
    return content["name"], {
        exercise: (told["program"], told["answer"]) for exercise, told in content["answers"].items()
    }


def _problem(content):
    """What keeps a file's content from being a hand-in; "" when nothing does."""
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return "not a hand-in, or damaged since"
    if content.get("version") != _VERSION or isinstance(content["version"], bool):
        return "a hand-in of another version of the course"
    if not _is_text(content.get("name"), "name") or not content["name"].strip():
        return f"its name is no text of 1 to {_LONGEST['name']} characters"
    answers = content.get("answers")
    if not isinstance(answers, dict) or len(answers) > 1000:
        return "its answers are not a table of at most 1,000 exercises"
    for exercise, told in answers.items():
        if not _is_text(exercise, "exercise") or not exercise.isidentifier():
            return f"{exercise[:50]!r} is not the name of an exercise"
        for key in ("program", "answer"):
            if not isinstance(told, dict) or not _is_text(told.get(key), key):
                return f"the {key} of {exercise} is no text of at most {_LONGEST[key]:,} characters"
    return ""


def _is_text(value, kind="answer"):
    if not isinstance(value, str) or len(value) > _LONGEST[kind]:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a character, which no file could hold
        return False
    return True
