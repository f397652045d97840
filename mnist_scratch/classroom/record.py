"""What lasts when a kernel ends: verdicts, the answers they were for, and predictions, in a file beside the notebooks.

It must never stand in the way of a check: where the file can't be read or written, it says so once, in a sentence, and
the kernel's memory takes its place. With the environment variable `MNIST_SCRATCH_PROGRESS` set to `off` there is no
file at all.
"""

import json
import os
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from ..files import UserError, replacing

FILE = ".mnist_scratch_progress.json"
OFF = "MNIST_SCRATCH_PROGRESS"
_FORMAT, _VERSION = "mnist-scratch progress", 1
_TROUBLE = (OSError, ValueError, RecursionError, AttributeError, LookupError, TypeError)
_PATIENCE = 3.0  # seconds
_PARTS = ("answers", "predictions")
_STATES = ("passed", "not yet", "not started")


class Record:
    """A student's progress. Several kernels may keep the same file, each in its own notebook.

    Parameters
    ----------
    folder : Path, optional
        Where the file lies. The working folder, as it is now, if None.
    """

    def __init__(self, folder=None):
        try:
            self.folder = Path.cwd() if folder is None else folder
        except OSError:  # it has been deleted
            self.folder = Path()
        self._unsaved = _nothing()  # what no file has; all there is when the record is off
        self._last = _nothing()  # the file's content, as it was last seen
        self._news, self._told = [], set()

    @property
    def answers(self):
        """{name of the exercise: {"state", "program", "answer"}}."""
        return self._now()["answers"]

    @property
    def predictions(self):
        """{question: the option chosen}."""
        return self._now()["predictions"]

    def keep_answer(self, name, state, program, answer):
        """Note what a check was given, as `programs.answers_in` has it, and what its verdict was."""
        self._keep("answers", name, {"state": state, "program": program, "answer": answer})

    def keep_prediction(self, question, option):
        """Note which option was chosen."""
        self._keep("predictions", question, option)

    def begin_anew(self):
        """Begin with nothing; what there was is kept under another name. Returns what was done, in a sentence."""
        kept = None
        with self._alone():
            if not _is_off() and os.path.lexists(self.folder / FILE):
                try:
                    kept = self._put_aside()
                except OSError as error:
                    return f"Nothing was changed: {FILE} can't be renamed ({error.strerror})."
            self._unsaved, self._last = _nothing(), _nothing()
        return "Your progress begins anew." + (f" What there was is kept in {kept}." if kept else "")

    def news(self):
        """What went wrong with the file since this was last asked; empty when nothing did."""
        news, self._news = " ".join(self._news), []
        return news

    def _tell(self, sentence):
        if sentence not in self._told:
            self._told.add(sentence)
            self._news.append(sentence)

    def _now(self):
        if not _is_off():
            try:
                self._last = self._stored()
            except _TROUBLE:
                with self._alone():
                    self._read()
        return self._whole()

    def _whole(self):
        return {part: self._last[part] | self._unsaved[part] for part in _PARTS}

    def _keep(self, part, key, value):
        self._unsaved[part][key] = value
        if _is_off():
            return
        with self._alone():
            if not self._read():
                return
            whole = self._whole()
            try:
                with replacing(self.folder / FILE) as file:
                    file.write(json.dumps({"format": _FORMAT, "version": _VERSION, **whole}, indent=1).encode())
            except OSError as error:
                self._tell(f"Your progress can't be saved here ({error.strerror}): it lasts until the kernel ends.")
            else:
                self._last, self._unsaved = whole, _nothing()

    def _stored(self):
        try:
            return _parsed((self.folder / FILE).read_bytes())
        except FileNotFoundError:
            return _nothing()

    def _read(self):
        """Look at the file; what is no record is set aside, and what this kernel knows of it stays.

        Returns whether its place is free for what is to be written.
        """
        try:
            self._last = self._stored()
        except _TROUBLE as error:
            why = str(error) if isinstance(error, UserError) else "can't be read"
            try:
                self._tell(f"Your progress {why} and begins anew; the old file is kept as {self._put_aside()}.")
            except OSError:
                self._tell(f"Your progress {why}, and from here on it lasts until the kernel ends.")
                return False
        return True

    def _put_aside(self):
        """Give the file a name of its own that says when; returns it."""
        name = f"{FILE.removesuffix('.json')}-{datetime.now():%Y-%m-%d-%H%M%S-%f}.json"
        os.rename(self.folder / FILE, self.folder / name)
        return name

    @contextmanager
    def _alone(self):
        """Keep other kernels from changing the file meanwhile; a lock that a killed one left gives way."""
        lock, mine, until = self.folder / f"{FILE}.lock", False, time.monotonic() + _PATIENCE
        while not mine and not _is_off():
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                mine = True
            except OSError as error:
                # Windows says "no permission" of a file that is just being deleted
                if not isinstance(error, FileExistsError) and not (os.name == "nt" and error.errno == 13):
                    break
                if time.monotonic() > until:  # nobody writes a few lines for so long
                    for left in (lock, *self.folder.glob(f"{FILE}.*.unfinished")):
                        with suppress(OSError):
                            left.unlink()
                    break
                time.sleep(0.01)
        try:
            yield
        finally:
            if mine:
                with suppress(OSError):
                    lock.unlink()


def _nothing():
    return {part: {} for part in _PARTS}


def _is_off():
    return os.environ.get(OFF, "").lower() == "off"


def _parsed(stored):
    """The parts of a file's content; one of _TROUBLE when it is no record."""
    content = json.loads(stored)
    if content["format"] != _FORMAT:
        raise ValueError("not a record")
    if content["version"] != _VERSION:
        raise UserError("is from another version of the course")
    answers, predictions = (content[part] for part in _PARTS)
    texts = [*predictions.values(), *(told[key] for told in answers.values() for key in ("program", "answer"))]
    if not all(isinstance(text, str) for text in texts) or {told["state"] for told in answers.values()} - {*_STATES}:
        raise ValueError("an answer or a prediction without its text or its verdict")
    return {"answers": answers, "predictions": predictions}


RECORD = Record()
