"""Judge what a class handed in again, and write a table: who passed what, and which mistakes were the commonest.

A hand-in comes from somebody else. Here it is only named; it is read, and its code runs, in a process of its own (see
`confined`), whose reports are data from somebody else as well.
"""

import csv
import io
import json
import os
import queue
import re
import runpy
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from .classroom.exercises import EXERCISES
from .classroom.exercises.words import as_html as _as_html
from .files import COURSE, UserError, course_folder

SIGNS = {"passed": "+", "not yet": "-", "not started": ".", "look": "?", "": " "}  # which every console can show
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz")
_START = 120  # seconds for a process to begin, and to read
_PACKAGE = Path(__file__).resolve().parent
_CODE = (
    "import json, sys; job = json.load(sys.stdin.buffer); sys.path[:] = job['path']; "
    "from mnist_scratch.confined import main; main(job)"
)


@dataclass
class Mark:
    """What became of one answer.

    Attributes
    ----------
    state : str
        ``"passed"``, ``"not yet"``, ``"not started"``, or ``"look"``: a teacher has to look at it.
    message : str
        The judge's, or why there is none.
    hint : str
        What the judge advised; empty when it knew no better.
    """

    state: str
    message: str
    hint: str = ""


@dataclass
class HandIn:
    """One file that was handed in.

    Attributes
    ----------
    file : str
        Its path in the folder.
    name : str
        Who handed it in: as the file says; for a notebook, the folder's name or its own.
    marks : dict
        {exercise: Mark}.
    remarks : list of str
        What a teacher should know.
    readable : bool
        Whether it was a hand-in at all.
    """

    file: str
    name: str
    marks: dict = field(default_factory=dict)
    remarks: list = field(default_factory=list)
    readable: bool = True
    _prints: dict = field(default_factory=dict)

    @property
    def passed(self):
        return sum(mark.state == "passed" for mark in self.marks.values())


def files_in(folder):
    """The hand-ins and notebooks in a folder and its subfolders, without hidden ones and Jupyter's copies.

    Archives, which nobody has unpacked, are among them, and files such as ``Ada.json.txt``, as some programs name them.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path
        Relative to the folder.

    Raises
    ------
    UserError
        When there is no such folder, or none of them in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder. Name the one that holds what the class handed in.")
    kinds = {".json", ".ipynb", *_ARCHIVES}
    found = [path for path in folder.rglob("*") if kinds & {*map(str.lower, path.suffixes)} and not path.is_dir()]
    found = [path.relative_to(folder) for path in found]
    found = [path for path in found if not any(part.startswith((".", "__MACOSX")) for part in path.parts)]
    if not found:
        raise UserError(f"{folder}: holds no hand-in (*.json) and no notebook (*.ipynb). Unpack archives first.")
    return sorted(found)


def grade(folder, *, exercises=None, seconds=60, memory=2000, progress=False):
    """Judge every hand-in and every notebook in a folder, each in a process of its own.

    Parameters
    ----------
    folder : str or Path
        Subfolders count too, such as one a student.
    exercises : str or Path, optional
        A file of Python that adds exercises of your own with ``check.add``.
    seconds : int
        The most that one answer may take. One that takes longer is stopped; the others are judged all the same.
    memory : int
        The most megabytes that an answer may take.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    list of HandIn
        In the order of the files' names.

    Raises
    ------
    UserError
        When there is no such folder, or nothing in it to judge.
    """
    from tqdm import tqdm

    folder = Path(folder)
    files, stop = files_in(folder), threading.Event()
    limits = {"seconds": seconds, "memory": memory, "exercises": exercises and os.path.abspath(exercises)}
    if exercises:
        runpy.run_path(limits["exercises"])
    with ThreadPoolExecutor(max(1, min(4, (os.cpu_count() or 1) // 2))) as pool:
        try:
            judged = pool.map(lambda file: _judged(folder, file, limits, stop), files)
            hand_ins = list(tqdm(judged, total=len(files), disable=not progress, leave=False, unit="file"))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    _compare(hand_ins)
    return hand_ins


def _compare(hand_ins):
    """Remark upon two answers of one name and upon equal programs; not upon one that many have, as after a lecture."""
    names, programs = defaultdict(list), defaultdict(list)
    for hand_in in hand_ins:
        for exercise in hand_in.marks:
            names[hand_in.name, exercise].append(hand_in.file)
        for exercise, fingerprint in hand_in._prints.items():
            programs[exercise, fingerprint].append(hand_in)
    for hand_in in hand_ins:
        others = {file for exercise in hand_in.marks for file in names[hand_in.name, exercise]} - {hand_in.file}
        if others:
            hand_in.remarks.append(f"the same name as {_some(sorted(others))}")
        shared = defaultdict(list)
        for exercise, fingerprint in hand_in._prints.items():
            alike = programs[exercise, fingerprint]
            files = [other.file for other in alike if other.name != hand_in.name]
            if files and len(alike) <= max(4, len(hand_ins) / 5):
                shared[_some(files)].append(exercise)
        hand_in.remarks += [f"same program as {files}: {', '.join(found)}" for files, found in shared.items()]


def _some(files):
    return ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")


# ------------------------------------------------------------------------------------------------------ one hand-in


def _judged(folder, file, limits, stop):
    """The HandIn that a file turns out to be."""
    hand_in = HandIn(_clean(file.as_posix()), _clean(_name_of(file)))
    if file.suffix.lower() in _ARCHIVES:
        hand_in.readable, hand_in.remarks = False, ["an archive: unpack it first"]
        return hand_in
    notebooks, home = course_folder("notebooks"), os.path.expanduser("~")
    private = [folder.resolve(), notebooks, notebooks.parent / "tests"]
    private += [home] if os.path.dirname(home) != home else []  # it is /, in some containers
    job = limits | {"file": str(Path(folder, file).resolve()), "path": _module_path(folder)}
    job["private"] = [str(place) for place in private]
    left = odd = None  # the exercises left to judge, and what is odd about each answer
    while (left is None or left) and not stop.is_set():
        current, before = None, left and len(left)
        for report in _reports(job | {"done": list(hand_in.marks)}, stop):
            if left is None and "answers" in report:
                odd = {told["exercise"]: told["odd"] for told in report["answers"]}
                left = [name for name in EXERCISES if name in odd]
                _begin(hand_in, report)
            elif left is None and "unreadable" in report:
                hand_in.readable, left = False, []
                hand_in.remarks.append(report["unreadable"])
            elif left and report.get("begin") in left:
                current = report["begin"]
            elif left and current and report.get("judged") == current:
                left.remove(current)
                _keep(hand_in, report, odd[current])
                current = None
        ended = report["ended"] or "ended the process"
        if left is None:
            hand_in.readable, left = False, []
            hand_in.remarks.append(f"it cannot be read: reading {ended}")
        elif left and (current or len(left) == before):  # the others are judged in another process
            name = current or left[0]
            left.remove(name)
            hand_in.marks[name] = Mark("not yet", f"{EXERCISES[name].number}, not yet. The answer {ended}.")
            hand_in.remarks.append(f"{name} {ended}")
    for name, lines in (odd or {}).items():
        hand_in.remarks += [f"look at {name}, {line}" for line in lines]
    hand_in.marks = {name: hand_in.marks[name] for name in EXERCISES if name in hand_in.marks}
    return hand_in


def _begin(hand_in, report):
    """Note what is known of a hand-in before its code runs."""
    answers = {told["exercise"]: told["print"] for told in report["answers"]}
    hand_in.name = report["name"].strip() or hand_in.name
    hand_in._prints = {name: fingerprint for name, fingerprint in answers.items() if fingerprint}
    unknown = [name for name in answers if name not in EXERCISES]
    hand_in.remarks += [f"there is no exercise {_some(unknown)}"] if unknown else []
    hand_in.remarks += ["there is no answer in it"] if not answers else []


def _keep(hand_in, report, odd):
    """Note a verdict."""
    name, state, message = report["judged"], report["state"], report["message"]
    if report["changed"]:
        state = "look"
        hand_in.remarks.append(f"{name} changed {report['changed']}")
    elif odd and state == "passed":
        state, message = "look", f"{message} But look at it yourself: {'; '.join(odd)}."
    hint = report["hint"] if state == "not yet" and not report["refused"] else ""  # which may have led it astray
    hand_in.marks[name] = Mark(state, message, hint)
    hand_in.remarks += [f"{name} tried to {words}" for words in report["refused"]]


def _name_of(file):
    """Who handed in a file that does not say: the name of Moodle's folder, of the last, or its own."""
    folders = [part for part in file.parts[:-1] if part != "notebooks"]
    of_moodle = [re.sub("_[^_]*_assignsubmission.*", "", part) for part in folders if "_assignsubmission" in part]
    return next(filter(None, [*of_moodle, *reversed(folders), file.stem]))


def _module_path(folder):
    """Where a process finds modules: as here, but not in the working folder, nor among what was handed in."""
    places = [os.path.abspath(place) for place in sys.path]
    not_there = (os.getcwd(), str(folder.resolve()))
    return [str(_PACKAGE.parent), *(place for place in places if place not in not_there)]


def _reports(job, stop):
    """Start a process and yield what it reports, each a dict that was looked through; the last one has "ended"."""
    job = job | {"token": secrets.token_hex(16)}
    with TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as scratch:
        job["scratch"] = scratch
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", "-c", _CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=scratch,
            env=_environment(scratch),
            start_new_session=True,
        )
        lines = queue.Queue(100)
        reader = threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            with suppress(OSError), process.stdin:
                process.stdin.write(json.dumps(job).encode())
            ended, patience, begun = "", _START, time.monotonic()
            while not ended:
                try:
                    line = lines.get(timeout=0.2)
                except queue.Empty:
                    if stop.is_set():
                        ended = "was not judged to its end"
                    elif time.monotonic() > begun + patience:
                        ended = f"did not come to an end within {patience} seconds"
                    elif _resident(process.pid) > (job["memory"] + 500) * 1_000_000:  # where the system has no limit
                        ended = f"took more than {job['memory']} MB of memory"
                    continue
                if line is None:
                    break
                report = _looked_through(line, job["token"])
                if report is None:
                    ended = "wrote into the judge's report"
                else:
                    begun = time.monotonic()
                    patience = job["seconds"] if "begin" in report else _START
                    yield report
            if not ended:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(2)
                status = process.returncode
                if status:
                    ended = f"ended the process ({f'signal {-status}' if status < 0 else f'exit status {status}'})"
        finally:
            with suppress(OSError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
            process.wait()
            while reader.is_alive():
                with suppress(queue.Empty):
                    lines.get(timeout=0.05)
            process.stdout.close()
    yield {"ended": ended}


def _read_lines(stream, lines):
    while line := stream.readline(1_000_000):
        lines.put(line)
    lines.put(None)


def _environment(scratch):
    """Variables of a process: what Python needs, and nothing that is the teacher's."""
    import matplotlib.font_manager  # finds the fonts, for which it may start a process

    for fonts in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        shutil.copy(fonts, scratch)
    kept = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE")
    home = {name: scratch for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR")}
    return (
        {name: os.environ[name] for name in kept if name in os.environ}
        | home
        | {
            "MPLCONFIGDIR": scratch,
            "MPLBACKEND": "agg",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "TQDM_DISABLE": "1",
            "MNIST_SCRATCH_PROGRESS": "off",
            COURSE: os.environ.get(COURSE, os.getcwd()),
        }
    )


def _resident(pid):
    """Bytes of memory; 0 where that cannot be known."""
    try:
        import psutil  # Jupyter's kernels bring it

        process = psutil.Process(pid)
        begun = process.children(recursive=True) if os.name == "nt" else []  # a venv's python.exe only starts another
        return sum(found.memory_info().rss for found in [process, *begun])
    except Exception:
        return 0


# what a process reports, by example
_REPORTS = [
    {"unreadable": ""},
    {"name": "", "answers": [{"exercise": "", "print": "", "odd": [""]}]},
    {"begin": ""},
    {"judged": "", "state": "", "message": "\n", "hint": "\n", "changed": "", "refused": [""]},
]


def _looked_through(line, token):
    """A report as a dict of clean text; None when it is not of the agreed form."""
    try:
        report = json.loads(line)
        if report.pop("token") != token:
            return None
        (form,) = (form for form in _REPORTS if form.keys() == report.keys())
        report = _in_form(report, form)
        return report if report.get("state", "look") in SIGNS else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _in_form(value, form):
    if type(value) is not type(form) or isinstance(form, dict) and value.keys() != form.keys():
        raise TypeError
    if isinstance(form, dict):
        return {key: _in_form(value[key], part) for key, part in form.items()}
    if isinstance(form, list):
        return [_in_form(part, form[0]) for part in value]
    return _clean(value, form)


def _clean(text, kept=""):
    """Without what a terminal would obey: control characters, and marks that turn the direction of writing."""
    return "".join(c if c.isprintable() or c in kept else "\N{REPLACEMENT CHARACTER}" for c in text)


# ---------------------------------------------------------------------------------------------------------- tables


def exercises_of(hand_ins):
    """The exercises that somebody handed in, in the order of the notebooks: a list of names."""
    return [name for name in EXERCISES if any(name in hand_in.marks for hand_in in hand_ins)]


def commonest_mistakes(hand_ins, most=3):
    """What went wrong most often in each exercise.

    Parameters
    ----------
    hand_ins : list of HandIn
    most : int
        How many mistakes an exercise.

    Returns
    -------
    dict
        {exercise: [(hint, how many got it)]}, of those that somebody has not passed yet; where the judge had no hint,
        what it found.
    """
    found = {}
    for exercise in exercises_of(hand_ins):
        marks = [hand_in.marks[exercise] for hand_in in hand_ins if exercise in hand_in.marks]
        mistakes = Counter(_mistake(mark) for mark in marks if mark.state == "not yet")
        if mistakes:
            found[exercise] = mistakes.most_common(most)
    return found


def _mistake(mark):
    return mark.hint or mark.message.partition("not yet. ")[2].partition(" check.hint(")[0]


def as_text(hand_ins):
    """The table for a screen, a sign for each exercise; below it remarks, and the commonest mistakes."""
    by_notebook = defaultdict(list)
    for name in exercises_of(hand_ins):
        by_notebook[EXERCISES[name].notebook].append(name)
    total = sum(map(len, by_notebook.values()))
    rows = [["name", "file", *(f"{notebook:02}" for notebook in by_notebook), "passed"]]
    for hand_in in hand_ins:
        states = [
            [hand_in.marks[n].state if n in hand_in.marks else "" for n in names] for names in by_notebook.values()
        ]
        signs = ["".join(SIGNS[state] for state in part) for part in states]
        rows.append([_short(hand_in.name, 24), _short(hand_in.file, 40), *signs, f"{hand_in.passed} of {total}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines += ["", "+ passed, - not yet, . not started, ? look at it yourself", ""]
    remarks = [f"{hand_in.file}: {remark}" for hand_in in hand_ins for remark in hand_in.remarks]
    lines += [*remarks, ""] if remarks else []
    for exercise, mistakes in commonest_mistakes(hand_ins).items():
        lines += [_share(hand_ins, exercise), *(f"  {n} × {' '.join(hint.split())}" for hint, n in mistakes), ""]
    return "\n".join(line.rstrip() for line in lines)


def _short(text, most):
    return text if len(text) <= most else text[: most - 3] + "..."


def _share(hand_ins, exercise):
    states = [hand_in.marks[exercise].state for hand_in in hand_ins if exercise in hand_in.marks]
    return f"{EXERCISES[exercise].number} {exercise}: {states.count('passed')} of {len(states)} passed"


def as_csv(hand_ins):
    """One row a hand-in, for a spreadsheet, which takes no cell for a formula."""
    exercises = exercises_of(hand_ins)
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["file", "name", *(f"{EXERCISES[n].number} {n}" for n in exercises), "passed", "of", "remarks"])
    for hand_in in hand_ins:
        states = [hand_in.marks[name].state if name in hand_in.marks else "" for name in exercises]
        row = [hand_in.file, hand_in.name, *states, hand_in.passed, len(exercises), "; ".join(hand_in.remarks)]
        rows.writerow([_no_formula(cell) for cell in row])
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + file.getvalue()  # by which a spreadsheet knows UTF-8


def _no_formula(cell):
    begins = isinstance(cell, str) and cell.lstrip()[:1] in tuple("=+-@|%")
    return f"'{cell}" if begins else cell


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 95em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; font-size: 0.85em; }
th, td { border: 1px solid #bbb; padding: 1px 4px; text-align: left; vertical-align: top; }
thead { display: table-header-group; } tr { break-inside: avoid; } .scroll { overflow-x: auto; }
.passed { background: #d5f0e6; } .not-yet { background: #fbe0cf; } .look { background: #fff3b0; }
.passed, .not-yet, .not-started, .look { text-align: center; } li { white-space: pre-line; }
@media print { body { margin: 0; font-size: 11px; } table { font-size: 8px; } }
@media print { .scroll { overflow: visible; } @page { size: landscape; } }
"""
_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>What the class handed in</title><style>{_STYLE}</style></head>
<body>
<h1>What the class handed in</h1>
%s
</body></html>
"""
_SIGNS = {"passed": "✓", "not yet": "✗", "not started": "·", "look": "?"}


def as_html(hand_ins):
    """A page of its own: the commonest mistakes, the table, remarks, and what the judge said of each answer."""
    exercises, parts = exercises_of(hand_ins), ["<h2>The commonest mistakes</h2>"]
    for exercise, mistakes in commonest_mistakes(hand_ins).items():
        parts += [f"<h3>{_share(hand_ins, exercise)}</h3>", _list(f"{n} × {_as_html(hint)}" for hint, n in mistakes)]
    heads = "".join(f'<th title="{name}">{EXERCISES[name].number}</th>' for name in exercises)
    parts.append("<h2>Who passed what</h2><p>✓ passed, ✗ not yet, · not started, ? look at it yourself</p>")
    parts.append('<div class="scroll"><table>')
    parts.append(f"<thead><tr><th>name</th><th>of {len(exercises)}</th>{heads}<th>file</th></tr></thead>")
    for hand_in in hand_ins:
        cells = "".join(_cell(hand_in.marks.get(name)) for name in exercises)
        name, file = escape(hand_in.name), escape(hand_in.file)
        parts.append(f"<tr><th>{name}</th><td>{hand_in.passed}</td>{cells}<td>{file}</td></tr>")
    parts.append("</table></div>")
    for title in ("Remarks", "What the judge said"):
        parts.append(f"<h2>{title}</h2>")
        for hand_in in hand_ins:
            told = [mark.message for mark in hand_in.marks.values() if mark.state in ("not yet", "look")]
            if told := hand_in.remarks if title == "Remarks" else told:
                about = escape(f"{hand_in.name}, {hand_in.file}")
                parts.append(f"<details open><summary>{about}</summary>{_list(map(_as_html, told))}</details>")
    return _PAGE.replace("%s", "\n".join(parts))


def _list(items):
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _cell(mark):
    if mark is None:
        return "<td></td>"
    return f'<td class="{mark.state.replace(" ", "-")}" title="{mark.state}">{_SIGNS[mark.state]}</td>'
