"""Calling a student's code so that the check goes on, whatever it does: endless loops, exits, floods of prints."""

import _thread
import builtins
import contextlib
import copy
import inspect
import io
import signal
import sys
import threading
import traceback
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import numpy

np = SimpleNamespace(**vars(numpy))  # as it was imported: an answer may put its own functions there
SECONDS = 5  # for one call; a right answer takes some hundredths


class NotStarted(Exception):
    """The stub is as it was."""


class TookTooLong(BaseException):
    """A call was stopped."""


@dataclass
class Outcome:
    """What came of a call: a result, or an error with its kind and line; what was printed, which argument changed."""

    result: object = None
    error: str = ""
    kind: str = ""
    line: str = ""
    changed: str = ""
    printed: str = ""
    shared: str = ""  # the argument whose memory the result uses
    kept: object = None  # the result itself, of which `result` is a copy: it must not change later

    @property
    def refused(self):
        """Whether a check of the student's own stopped it."""
        return self.line.startswith((", in the line `raise ", ", in the line `assert "))

    @property
    def stopped(self):
        """How it ended, where there is no result, as the end of a sentence."""
        if self.kind == "TookTooLong":
            return f"was still at work after {SECONDS} seconds"
        return f"stopped with {self.error}{self.line}"


def attempt(f, arguments, observe=lambda f, *values: f(*values), may_change=()):
    """Call f on copies of the arguments (a dict, passed by position); raises NotStarted for a stub.

    The result is copied as plain data: arrays without what a subclass adds, lists and tuples as they are.
    """
    given = copy.deepcopy(arguments)
    outcome, printed, stop_button = Outcome(), FirstLines(), None
    try:
        with contained(printed), time_limit(SECONDS) as stop_button:
            outcome.kept = observe(f, *given.values())
            outcome.result = plain(outcome.kept)
    except NotImplementedError:
        raise NotStarted from None
    except TookTooLong:
        outcome.kind = outcome.error = "TookTooLong"
    except (Exception, SystemExit, GeneratorExit, KeyboardInterrupt) as error:  # the student's own: any kind
        if isinstance(error, KeyboardInterrupt) and (stop_button is None or stop_button.is_set()):
            raise
        outcome.kind = type(error).__name__
        outcome.error = f"{outcome.kind}: {said(error)}".rstrip(" :")
        outcome.line = line_of(error, f)
    outcome.printed = printed.text
    if not outcome.error:
        changed = (name for name in given if name not in may_change and not same(given[name], arguments[name]))
        outcome.changed = next(changed, "")
        outcome.shared = next((name for name in given if _share(given[name], outcome.kept)), "")
    return outcome


def _share(a, b):
    if isinstance(a, list | tuple):
        return any(_share(part, b) for part in a)
    if isinstance(b, list | tuple):
        return any(_share(a, part) for part in b)
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)


def said(error):
    """An error's text, if it has one that can be read."""
    try:
        return str(error)[:300]
    except Exception:  # of a class that the student wrote
        return ""


def line_of(error, f):
    """Where in the student's code the error arose: its line, if that can be found."""
    try:
        file = inspect.unwrap(f).__code__.co_filename
    except AttributeError:
        return ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f", in the line `{frames[-1].line}`" if frames and frames[-1].line else ""


# ------------------------------------------------------------------------------------------ keeping it contained


class FirstLines(io.TextIOBase):
    """What is printed, as far as somebody would read it; the rest is dropped."""

    most = 2000

    def __init__(self):
        self.text = ""

    def write(self, text):
        if len(self.text) < self.most:
            self.text += text[: self.most - len(self.text)]
        return len(text)


@contextlib.contextmanager
def contained(printed):
    """Catch prints and warnings, and let nobody wait for a keyboard or end the kernel."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(replaced(builtins, "input", _no_keyboard))
        stack.enter_context(replaced(sys, "stdin", io.StringIO()))
        stack.enter_context(replaced(sys, "breakpointhook", _no_keyboard))
        autocall = sys.modules.get("IPython.core.autocall")
        for kind in ("ExitAutocall", "ZMQExitAutocall") if autocall else ():  # `exit()` in a notebook ends its kernel
            stack.enter_context(replaced(getattr(autocall, kind), "__call__", _exit))
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def replaced(owner, name, value):
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _no_keyboard(*given, **named):
    raise RuntimeError("nobody is there to answer: a check calls the function many times")


def _exit(*given, **named):
    raise SystemExit


def quiet():
    """Without the prints and warnings of the code inside."""
    return contained(FirstLines())


@contextlib.contextmanager
def time_limit(seconds):
    """Raise TookTooLong in the code inside after so many seconds.

    It interrupts the main thread as the stop button does. So it does nothing in another thread, nor in a web page,
    which has only one; there the stop button, or a restart of the kernel, has to do.

    Yields an event that is set when somebody presses the stop button; None where that cannot be known.
    """
    if sys.platform == "emscripten" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before, outermost = signal.getsignal(signal.SIGINT), sys._getframe()
    over, done, stop_button = threading.Event(), threading.Event(), threading.Event()

    def interrupted(number, frame):
        if done.is_set():
            return
        if not over.is_set():
            stop_button.set()
            if callable(before):
                return before(number, frame)
            raise KeyboardInterrupt
        # a bare `except:` around the loop would swallow one interruption; so the next line raises again
        sys.settrace(lambda *event: None)
        while frame is not None and frame is not outermost and frame.f_code is not attempt.__code__:
            frame.f_trace = _raise
            frame = frame.f_back
        raise TookTooLong

    def watch():
        if not done.wait(seconds):
            over.set()
            while not done.wait(0.2):
                if hasattr(signal, "pthread_kill"):  # ends a sleep, too
                    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                else:
                    _thread.interrupt_main()

    tracing = sys.gettrace()
    signal.signal(signal.SIGINT, interrupted)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield stop_button
    finally:
        done.set()
        watcher.join()
        sys.settrace(tracing)
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)


def _raise(frame, event, value):
    raise TookTooLong


# ------------------------------------------------------------------------------------------------- plain data


def plain(value):
    """A copy of a result that nothing changes any more, and that behaves as its type says."""
    if isinstance(value, np.ndarray) and getattr(value, "mask", np.False_) is not np.False_:  # a masked array's
        return value.astype(float).filled(np.nan)
    if isinstance(value, np.ndarray) or (hasattr(type(value), "__array__") and not isinstance(value, np.generic)):
        return np.array(value, subok=False)
    if isinstance(value, list | tuple):
        parts = [plain(part) for part in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value


def same(a, b):
    """Whether two things are the same to the last bit; two of a kind that cannot be compared are."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        a, b = np.asarray(a), np.asarray(b)
        numbers = a.dtype.kind in "fc" and b.dtype.kind in "fc"
        alike = a.shape == b.shape and a.dtype == b.dtype and a.flags.writeable == b.flags.writeable
        return alike and np.array_equal(a, b, equal_nan=numbers)
    try:
        return a is b or type(a) is type(b) and (callable(a) or hasattr(a, "__dict__") or bool(a == b) or a != a)
    except Exception:  # whatever `==` does there
        return False
