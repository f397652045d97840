"""Where a stranger's answers run: one process for a hand-in, with limits, refusals, and a look at what it changed.

`grading` starts it. It protects from accidents and pranks. It is no wall: code that runs in a process can, with enough
knowledge of Python, get around whatever else runs there. Against somebody determined, mark in a container or on a
machine of its own.
"""

import ast
import hashlib
import json
import linecache
import os
import runpy
import signal
import sys
import threading
import traceback
import types
import warnings
from contextlib import suppress
from importlib import import_module
from itertools import zip_longest
from pathlib import Path

import numpy as np

from .classroom import hand_in, programs
from .classroom.exercises import EXERCISES, judge
from .classroom.exercises.calls import said
from .files import UserError, course_folder
from .threads import blas_threads

LARGEST_NOTEBOOK = 50_000_000  # bytes; pictures are stored in it
LONGEST = 2000  # characters of a message
SHORT = 60  # parts of a program: a shorter one is like many, without being anybody's
MOST_FILES = 100  # that an answer may write, or folders that it may make


def main(job):
    """Judge the answers in one file, and tell about each in a line of JSON on what was the standard output.

    Parameters
    ----------
    job : dict
        "file", its path; "done", the exercises judged already; "seconds" for each; "memory" in megabytes;
        "exercises", a file with more of them, or None; "token", which each line repeats; "scratch", the only folder
        that an answer may write to; "private", folders that it may not read.
    """
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def tell(**message):
        report.write(json.dumps({"token": job["token"], **message}) + "\n")
        report.flush()

    _limit(job["memory"], job["seconds"])
    if job["exercises"]:
        runpy.run_path(job["exercises"])
    try:
        name, answers = read(job["file"])
    except UserError as error:
        tell(unreadable=str(error).removeprefix(f"{job['file']}: ")[:LONGEST])
        os._exit(0)
    tell(name=name, answers=[_described(exercise, *answer) for exercise, answer in answers.items()])
    warnings.simplefilter("ignore")
    with blas_threads(work=0):
        pass  # it calls C functions the first time
    refusals = _refuse(job["scratch"], job["private"])
    before = _leaned_on()
    for exercise, (program, expression) in answers.items():
        if exercise in job["done"] or exercise not in EXERCISES:
            continue
        tell(begin=exercise)
        refusals.clear()
        os.chdir(job["scratch"])
        state, message, hint = _judged(EXERCISES[exercise], program, expression, before)
        changed, refused = _changed(before), list(dict.fromkeys(refusals))[:5]
        told = {"state": state, "message": message[:LONGEST], "hint": hint[:LONGEST]}
        tell(judged=exercise, **told, changed=changed, refused=refused)
        if changed or threading.active_count() > 1:  # the next answer deserves a process that nobody tampered with
            break
    os._exit(0)  # whatever was registered for the end does not run


def _limit(memory, seconds):
    """Let the system itself stop what takes too much, where it can: memory only on Linux, nothing on Windows.

    The number of processes is not limited here: the system counts all those of the user, threads included, and this
    process has none to start anyway.
    """
    try:
        import resource
    except ImportError:
        return
    limits = {
        "RLIMIT_CPU": min(60 + seconds * (len(EXERCISES) + 1), 10**9),  # should nobody be left to end it
        "RLIMIT_FSIZE": 10_000_000,
        "RLIMIT_CORE": 0,
    }
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits["RLIMIT_AS"] = min(pages * resource.getpagesize() + memory * 1_000_000, 10**18)
    for name, limit in limits.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (limit, limit))
    signal.alarm(limits["RLIMIT_CPU"])  # an answer that sleeps takes none of it


# ------------------------------------------------------------------------------------------------ what is handed in


def read(path):
    """The name and the answers in a hand-in, or in a notebook.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    name : str
        Empty for a notebook.
    answers : dict
        {exercise: (program, expression)}.

    Raises
    ------
    UserError
        When it is damaged, too large, or something else.
    """
    if ".ipynb" not in Path(path).name.lower():
        return hand_in.read(path)
    try:
        with open(path, "rb") as file:
            stored = file.read(LARGEST_NOTEBOOK + 1)
        if len(stored) > LARGEST_NOTEBOOK:
            raise UserError(f"more than {LARGEST_NOTEBOOK:,} bytes, too many for a notebook")
        cells = json.loads(stored)["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return "", programs.answers_in(["".join(source) for source in sources])
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})") from None
    except Exception:  # a stranger's file: whatever is wrong with it
        raise UserError("not a notebook of format 4, or damaged since. Have it saved and handed in again.") from None


def _described(exercise, program, expression):
    """What is known of an answer before it runs: a fingerprint of its program, and what is odd about it."""
    odd, fingerprint = [], ""
    try:
        tree = ast.parse(f"{program}\n{expression}")
        odd = oddities(tree, exercise)[:5]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
        tree.body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
        short = sum(1 for _ in ast.walk(tree)) < SHORT
        fingerprint = "" if short else hashlib.sha256(ast.dump(tree).encode("utf-8", "replace")).hexdigest()
    except RecursionError:
        odd = [*odd, "a formula too long to be read here"]
    except (SyntaxError, ValueError, MemoryError):  # the judge will say so
        pass
    return {"exercise": exercise, "print": fingerprint, "odd": odd}


_ODD_MODULES = set("builtins cffi ctypes gc importlib inspect pickle socket subprocess unittest".split())
_ODD_NAMES = {"__builtins__", "__import__", "eval", "exec", "compile"}
_ODD_ATTRIBUTES = set(
    "EXERCISES __builtins__ __class__ __closure__ __code__ __defaults__ __dict__ __globals__ __kwdefaults__ "
    "__setattr__ __subclasses__ _current_frames _getframe exercises f_back f_builtins f_globals f_locals gi_frame "
    "modules setprofile settrace tb_frame".split()
)
_ODD_METHODS = {f"__{name}__" for name in "eq ne array array_ufunc array_function array_wrap instancecheck".split()}


def oddities(tree, exercise="*"):
    """What has no place in an answer, as it may be meant for the judge, or is the course's own answer.

    Parameters
    ----------
    tree : ast.Module
    exercise : str
        What it answers: functions of the package that bear this name are told.

    Returns
    -------
    list of str
        Such as ``"line 3: changes np.allclose"``, in the order of the lines.
    """
    imported, ours = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = (alias.asname or alias.name).split(".")[0]
                imported.add(name)
                if f"{getattr(node, 'module', '')}.{alias.name}".lstrip(".").startswith("mnist_scratch"):
                    ours.add(name)
    if "*" in ours:  # then what nothing else defines may be the package's
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        defined = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
        defined |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        ours |= {node.id for node in names} - defined
    found = {(node.lineno, words) for node in ast.walk(tree) if (words := _odd(node, exercise, imported, ours))}
    return [f"line {line}: {words[:100]}" for line, words in sorted(found)]


def _odd(node, exercise, imported, ours):
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module or ''}.{alias.name}" for alias in node.names]
    else:
        names = []
    for name in names:
        start, last = name.split(".")[0], name.split(".")[-1]
        room = name.partition("classroom.")[2].partition(".")[0]
        if (
            start == "mnist_scratch"
            and exercise in last
            or start in _ODD_MODULES
            or room in ("exercises", "hand_in", "programs", "record")
        ):
            return f"imports {name.strip('.')}"
    if isinstance(node, ast.Name):
        if node.id in _ODD_NAMES or node.id in ours and (node.id == "check" or exercise in node.id):
            return f"uses {node.id}"
    if isinstance(node, ast.Attribute):
        if node.attr in _ODD_ATTRIBUTES or exercise in node.attr and _root(node) in ours:
            return f"uses .{node.attr}"
        if not isinstance(node.ctx, ast.Load) and _root(node) in imported:
            return f"changes {ast.unparse(node)}"
    if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in ("setattr", "delattr", "vars"):
        if _root(node.args[0]) in imported:
            return f"uses {node.func.id} on {ast.unparse(node.args[0])}"
    if isinstance(node, ast.FunctionDef) and node.name in _ODD_METHODS:
        return f"defines {node.name}"
    return ""


def _root(node):
    while isinstance(node, ast.Attribute):
        node = node.value
    return getattr(node, "id", "")


# ---------------------------------------------------------------------------------------------------------- judging


def _judged(exercise, program, expression, before):
    """(state, message, hint) of an answer. Nothing that it raises gets out."""
    file = f"<{exercise.name}>"
    linecache.cache[file] = len(program), None, program.splitlines(keepends=True), file
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    module.display = print  # which notebooks have without an import
    try:
        exec(compile(program, file, "exec", dont_inherit=True), vars(module))
        answer = eval(compile(expression, "<answer>", "eval", dont_inherit=True), vars(module))
    except NotImplementedError:
        return "not started", f"{exercise.number} is not started yet.", ""
    except BaseException as error:
        return "not yet", f"{exercise.number}, not yet. The program stopped with {_told(error, file)}.", ""
    if _changed(before):
        return "look", f"{exercise.number} was not judged: the program changed what the judge works with.", ""
    try:
        verdict = judge(exercise, answer)
    except BaseException as error:
        return "not yet", f"{exercise.number}, not yet. The answer stopped with {_told(error, file)}.", ""
    return verdict.state, verdict.message, verdict.hint


def _told(error, file):
    lines = [frame.line for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{type(error).__name__}: {said(error)}".rstrip(" :") + (
        f", in the line `{lines[-1]}`" if lines and lines[-1] else ""
    )


# ------------------------------------------------------------------------------------- what an answer may not touch


_GUARDED = (
    "builtins contextlib copy functools inspect io itertools json linecache math mnist_scratch numpy operator signal "
    "threading traceback types warnings"
).split()


def _leaned_on():
    """What the judge works with, by name: functions, classes and modules, with their code; and the exercises."""
    found = {}
    for module in list(sys.modules.values()):
        name = getattr(module, "__name__", "")
        if not isinstance(module, types.ModuleType) or name.partition(".")[0] not in _GUARDED:
            continue
        for key, value in list(vars(module).items()):
            if callable(value) or isinstance(value, types.ModuleType | float):
                found[f"{name}.{key}"] = value, *_code(value)
            if isinstance(value, type) and name.startswith("mnist_scratch"):
                for part, method in list(vars(value).items()):
                    if callable(method) or isinstance(method, property):
                        found[f"{name}.{key}.{part}"] = method, *_code(method)
    for name, exercise in EXERCISES.items():
        found[f"the exercise {name}"] = (exercise,)
        found |= {f"the {part} of {name}": (_content(value),) for part, value in vars(exercise).items()}
    return found


def _code(value):
    return [getattr(value, name, None) for name in ("__code__", "__defaults__", "__kwdefaults__")]


def _content(value):
    """A definition as something that can be compared: the numbers of arrays, all else by identity."""
    if isinstance(value, dict):
        return tuple((key, _content(part)) for key, part in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_content, value))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.shape, value.dtype.str, hash(value.tobytes())
    return value if isinstance(value, str | int | float) else id(value)


def _changed(before):
    """The name of something that is no longer what it was; empty when all is as before."""
    now = _leaned_on()
    return next((name for name, was in before.items() if not _same(was, now.get(name, [None]))), "")


def _same(was, now):
    return all(a is b or isinstance(a, tuple | int) and a == b for a, b in zip(was, now, strict=False))


_REFUSED = {
    "start a process": "subprocess. os.exec os.fork os.posix_spawn os.spawn os.startfile os.system pty. _winapi.",
    "use the network": "socket.",
    "send a signal to a process": "os.kill",
    "call C functions": "ctypes.",
    "open a database": "sqlite3.",  # which writes wherever its commands say
    "search the interpreter's memory": "gc.",
    "begin another interpreter": "cpython.PyInterpreterState_New sys.remote_exec",
    "change the system": "os.chflags os.chown os.link os.symlink os.setxattr os.removexattr resource. winreg.",
}
_EVENTS = tuple((start, words) for words, starts in _REFUSED.items() for start in starts.split())
_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_GONE_AT_CLOSE = getattr(os, "O_TEMPORARY", 0)  # temporary files of Windows
_REMOVES = ("os.remove", "os.rmdir")
# which of an event's arguments are paths, and which the descriptors of folders that they are relative to
_WRITES = {
    "os.chmod": (slice(1), slice(2, 3)),
    "os.mkdir": (slice(1), slice(2, 3)),
    "os.remove": (slice(1), slice(1, 2)),
    "os.rename": (slice(2), slice(2, 4)),
    "os.rmdir": (slice(1), slice(1, 2)),
    "os.truncate": (slice(1), slice(0)),
    "os.utime": (slice(1), slice(3, 4)),
}
# what raises no event, and which no answer needs
_UNTOLD = {
    "_dbm": ["open"],
    "_gdbm": ["open"],
    "_posixshmem": ["shm_open"],
    "_posixsubprocess": ["fork_exec"],
    "os": ["mkfifo", "mknod", "setpriority"],
    "posix": ["mkfifo", "mknod", "setpriority"],
    "signal": ["pidfd_send_signal"],
}


def _refuse(scratch, private):
    """From now on, refuse what no answer needs. Returns the list to which each refusal is added, in words."""
    refusals, written, kinds = [], set(), {}
    scratch, nowhere, private = _place(scratch), _place(os.devnull), [_place(folder) for folder in private]
    package = Path(__file__).parent
    readable = [scratch, package, course_folder("data"), course_folder("results"), sys.prefix, sys.base_prefix]
    readable = [_place(folder) for folder in readable]
    # where modules are found, but for a folder that holds a private one
    places = [_place(folder) for folder in sys.path if folder]
    readable += [place for place in places if not any(_inside(folder, [place]) for folder in private)]

    def refuse(words):
        refusals.append(words[:200])
        raise PermissionError(f"an answer may not {words[:200]} while it is judged")

    def write(place, gone):
        if not _inside(place, [scratch]):
            refuse(f"write to {place}")
        (written.discard if gone else written.add)(place)
        if len(written) > MOST_FILES:
            refuse(f"write more than {MOST_FILES} files")

    def hook(event, arguments):
        if event not in kinds:
            kinds[event] = next((words for start, words in _EVENTS if event.startswith(start)), "")
        if kinds[event] and not (event == "os.kill" and arguments[0] == os.getpid()):
            refuse(kinds[event])
        if event == "open" and not isinstance(arguments[0], int):
            (path, mode, flags), by_path = arguments, _place(arguments[0])
            if flags & _FOR_WRITING and by_path != nowhere:
                write(by_path, flags & _GONE_AT_CLOSE)
            elif _inside(by_path, private) and not _inside(by_path, readable):
                refuse(f"read {by_path}")
            elif mode is None and os.path.isdir(path) and not _inside(by_path, [scratch]):
                refuse(f"open the folder {by_path}")  # what is opened relative to it is told without it
        elif event in _WRITES:
            paths, folders = (arguments[part] for part in _WRITES[event])
            for path, folder in zip_longest(paths, folders, fillvalue=-1):
                if isinstance(path, int) or folder != -1 and not (folder := _folder(folder)):
                    refuse("change a file by its descriptor")
                write(_place(path if folder == -1 else os.path.join(folder, os.fsdecode(path))), event in _REMOVES)

    for name, functions in _UNTOLD.items():
        with suppress(ImportError):
            module = import_module(name)
            for function in functions:
                if hasattr(module, function):
                    setattr(module, function, _refuser(refuse, f"call {name}.{function}"))
    sys.addaudithook(hook)
    return refusals


def _refuser(refuse, words):
    return lambda *arguments, **named: refuse(words)


def _folder(descriptor):
    """The path of an open folder; empty where the system does not tell."""
    with suppress(OSError):
        return os.readlink(f"/proc/self/fd/{descriptor}")
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return ""


def _place(path):
    return os.path.normcase(os.path.realpath(os.fsdecode(path)))


def _inside(path, folders):
    return any(path == folder or path.startswith(os.path.join(folder, "")) for folder in folders)
