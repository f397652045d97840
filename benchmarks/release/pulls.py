"""A course that changes thirty times under what a student writes: does nbgitpuller lose anything?

    make bench NAME=pulls                    all thirty, half a minute; writes pulls.md here
    python -m benchmarks.release.pulls       the same
    python -m benchmarks.release.pulls --quick   the first five; writes nothing

The student edition lies in a repository. A student's copy of it is made and brought up to date by nbgitpuller, as by
its link on a JupyterHub. Before each pull the course changes in one way and the student writes something. After it all
that the student has ever written is looked for: in the files, and where it is not, in the history that git keeps.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tools import student

HERE = Path(__file__).resolve().parent
MARK = re.compile(r"(?:course|student)-\d+-\d+-")
NB = "notebooks/{}.ipynb".format
IDENTITY = ("-c", "user.name=Teacher", "-c", "user.email=teacher@localhost")


class Folder:
    """A copy of the course, and what can be done to it; all that is written into it bears a mark.

    Parameters
    ----------
    path : Path
    who : str
        Begins the marks.
    """

    def __init__(self, path, who):
        self.path, self.who, self.marks, self.round = path, who, [], 0

    def git(self, *arguments):
        """What git prints; CalledProcessError when it fails."""
        command = ["git", *IDENTITY, *arguments]
        return subprocess.run(command, cwd=self.path, check=True, capture_output=True, text=True).stdout

    def commit(self):
        """Put all that has changed into git."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"round {self.round}")

    def mark(self):
        """A new mark, which is found again wherever it is written."""
        self.marks.append(f"{self.who}-{self.round}-{len(self.marks)}-")
        return self.marks[-1]

    def cells(self, name, change):
        """Let a function change a notebook's cells, in place, and save it as Jupyter does."""
        path = self.path / "notebooks" / f"{name}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        change(notebook["cells"])
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def say(self, name, kind, number):
        """Add a line to a cell: the one of that number among those of its kind, "markdown" or "code"."""

        def change(cells):
            found = [cell for cell in cells if cell["cell_type"] == kind]
            found[number]["source"] += ["\n", f"# {self.mark()}"]

        self.cells(name, change)

    def insert(self, name, place):
        """A new cell with something in it."""
        source = [f"x = '{self.mark()}'"]
        cell = {"cell_type": "code", "id": f"{self.who}{len(self.marks)}", "metadata": {}, "source": source}
        cell |= {"execution_count": None, "outputs": []}
        self.cells(name, lambda cells: cells.insert(place, cell))

    def execute(self, name):
        """As after a run: every code cell has another number, and an output of its own."""

        def change(cells):
            for number, cell in enumerate([cell for cell in cells if cell["cell_type"] == "code"], start=1):
                printed = {"output_type": "stream", "name": "stdout", "text": [f"{self.mark()}\n"]}
                cell |= {"execution_count": number + 40 + self.round, "outputs": [printed]}

        self.cells(name, change)

    def answer(self, name, exercise):
        """An answer in the place of an unfinished exercise."""

        def change(cells):
            [cell] = [cell for cell in cells if "".join(cell["source"]).startswith(f"def my_{exercise}(")]
            cell["source"][1:] = [f"    return '{self.mark()}'"]

        self.cells(name, change)

    def write(self, name, lines=1):
        """A file, or new lines at the end of one."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"# {self.mark()}\n" for _ in range(lines))

    def replace_line(self, name, number):
        """Another line in the place of one of a file's."""
        path = self.path / name
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        lines[number] = f"# {self.mark()}\n"
        path.write_text("".join(lines), encoding="utf-8")

    def remove(self, name):
        path = self.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def rename(self, old, new):
        (self.path / new).parent.mkdir(parents=True, exist_ok=True)
        (self.path / old).rename(self.path / new)

    def text(self):
        """All that stands in its files, git's own aside: {path: content}."""
        files = [path for path in self.path.rglob("*") if path.is_file() and ".git" not in path.parts]
        return {path.relative_to(self.path): path.read_bytes().decode(errors="replace") for path in files}


def shuffle(cells):
    """Turn the order of some cells around."""
    cells[4:10] = reversed(cells[4:10])


def spoil(folder, name):
    """Make a notebook unreadable, with all that is in it."""
    with open(folder.path / NB(name), "a", encoding="utf-8") as file:
        file.write(f"{{{folder.mark()}")


def everywhere(folder):
    """A new cell in each notebook that can be read."""
    for path in sorted(folder.path.glob("notebooks/*.ipynb")):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        folder.insert(path.stem, 3)


def begin_anew(folder):
    """A history without what was before."""
    folder.git("checkout", "-q", "--orphan", "anew")
    folder.write("README.md")
    folder.commit()
    folder.git("branch", "-M", "main")


# What the course does, in words, and how; what the student does; both get their Folder.
ROUNDS = [
    ("changes a sentence", lambda c: c.say("01_data", "markdown", 3), "nothing", lambda s: None),
    (
        "changes a sentence",
        lambda c: c.say("02_forward_pass", "markdown", 4),
        "runs the notebook, answers an exercise",
        lambda s: (s.execute("02_forward_pass"), s.answer("02_forward_pass", "cross_entropy")),
    ),
    (
        "adds a cell in the middle",
        lambda c: c.insert("03_backpropagation", 20),
        "adds cells elsewhere",
        lambda s: (s.insert("03_backpropagation", 5), s.insert("03_backpropagation", 40)),
    ),
    (
        "adds a cell in the middle",
        lambda c: c.insert("04_gradient_check", 20),
        "adds a cell at the same place",
        lambda s: s.insert("04_gradient_check", 20),
    ),
    (
        "changes the very cell",
        lambda c: c.answer("02_forward_pass", "softmax"),
        "that the student has written in",
        lambda s: s.answer("02_forward_pass", "softmax"),
    ),
    (
        "runs the notebook, stores other outputs",
        lambda c: c.execute("05_batch_vs_mini_batch"),
        "runs it too",
        lambda s: s.execute("05_batch_vs_mini_batch"),
    ),
    (
        "runs the notebook, changes a sentence",
        lambda c: (c.execute("06_regularization"), c.say("06_regularization", "markdown", 2)),
        "runs it, adds a cell, answers an exercise",
        lambda s: (
            s.execute("06_regularization"),
            s.insert("06_regularization", 9),
            s.answer("06_regularization", "l2_penalty"),
        ),
    ),
    (
        "puts cells in another order",
        lambda c: c.cells("07_tuning", shuffle),
        "adds a cell among them",
        lambda s: s.insert("07_tuning", 7),
    ),
    (
        "takes a cell away",
        lambda c: c.cells("08_five_networks", lambda cells: cells.pop(6)),
        "has written in it",
        lambda s: s.cells("08_five_networks", lambda cells: cells[6]["source"].append(f"\n{s.mark()}")),
    ),
    ("deletes a notebook", lambda c: c.remove(NB("playground")), "has not touched it", lambda s: None),
    (
        "deletes a notebook",
        lambda c: c.remove(NB("09_past_99_percent")),
        "has run it and added a cell",
        lambda s: (s.execute("09_past_99_percent"), s.insert("09_past_99_percent", 3)),
    ),
    (
        "renames a notebook",
        lambda c: c.rename(NB("08_five_networks"), NB("08_six_networks")),
        "has added a cell to it",
        lambda s: s.insert("08_five_networks", 3),
    ),
    (
        "adds a notebook",
        lambda c: c.write("notebooks/extra.py"),
        "has made a file of that name",
        lambda s: s.write("notebooks/extra.py"),
    ),
    (
        "adds a file",
        lambda c: c.write("notebooks/übung 1.py"),
        "has made one of that name, with ü and a space",
        lambda s: s.write("notebooks/übung 1.py"),
    ),
    (
        "adds a folder",
        lambda c: c.write("notebooks/project/task.py"),
        "has made a file of the folder's name",
        lambda s: s.write("notebooks/project"),
    ),
    (
        "adds a file",
        lambda c: c.write("notebooks/mine.py"),
        "has made a folder of the file's name",
        lambda s: s.write("notebooks/mine.py/notes.py"),
    ),
    (
        "changes a notebook",
        lambda c: c.say("01_data", "markdown", 5),
        "has deleted it",
        lambda s: s.remove(NB("01_data")),
    ),
    (
        "deletes a file",
        lambda c: c.remove("docs/glossary.md"),
        "has deleted it too",
        lambda s: s.remove("docs/glossary.md"),
    ),
    (
        "changes a notebook",
        lambda c: c.say("02_forward_pass", "markdown", 8),
        "has renamed a copy full of answers",
        lambda s: s.rename(NB("02_forward_pass"), "notebooks/my 02.ipynb"),
    ),
    (
        "changes a line of the package",
        lambda c: c.replace_line("mnist_scratch/functions.py", 40),
        "has changed the same line",
        lambda s: s.replace_line("mnist_scratch/functions.py", 40),
    ),
    (
        "changes a line of the package",
        lambda c: c.replace_line("mnist_scratch/network.py", 40),
        "has changed another line",
        lambda s: s.replace_line("mnist_scratch/network.py", 90),
    ),
    (
        "replaces a trained network",
        lambda c: (c.path / "results/sigmoid-100/model.npz").write_bytes(b"\0\1" + c.mark().encode()),
        "has trained another into the same file",
        lambda s: (s.path / "results/sigmoid-100/model.npz").write_bytes(b"\0\2" + s.mark().encode()),
    ),
    (
        "adds an example of a hand-in",
        lambda c: c.write("notebooks/hand_in_Ada.json"),
        "has written a hand-in of that name",
        lambda s: (s.write("notebooks/hand_in_Ada.json"), s.write("notebooks/.mnist_scratch_progress.json")),
    ),
    (
        "changes a notebook",
        lambda c: c.say("04_gradient_check", "markdown", 9),
        "has committed by hand",
        lambda s: (s.insert("04_gradient_check", 2), s.commit()),
    ),
    (
        "changes a notebook",
        lambda c: c.say("03_backpropagation", "markdown", 9),
        "has staged, and then written more",
        lambda s: (s.insert("03_backpropagation", 2), s.git("add", "-A"), s.insert("03_backpropagation", 4)),
    ),
    (
        "changes a notebook",
        lambda c: c.say("06_regularization", "markdown", 9),
        "has made the notebook unreadable",
        lambda s: spoil(s, "06_regularization"),
    ),
    ("nothing", lambda c: None, "writes in all notebooks", lambda s: everywhere(s)),
    ("changes all notebooks", lambda c: everywhere(c), "writes in all notebooks", lambda s: everywhere(s)),
    (
        "moves all notebooks into another folder",
        lambda c: c.rename("notebooks", "lessons"),
        "writes in them, and makes new ones",
        lambda s: (everywhere(s), s.write("notebooks/new.py")),
    ),
    (
        "begins its history anew",
        lambda c: begin_anew(c),
        "writes in two files",
        lambda s: (s.write("mnist_scratch/data.py"), s.write("notebooks/last.py")),
    ),
]


def pull(course, copy, *options):
    """Bring a student's copy up to date, as the link does. Returns what git said when nbgitpuller gave up, else ""."""
    command = [sys.executable, "-m", "nbgitpuller.pull", course.as_uri(), "main", str(copy), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode else ""


def pull_to_the_end(course, student):
    """Pull, and do what docs/install.md advises where that is refused; what it took, in words."""
    said = pull(course.path, student.path)
    if not said:
        return "at once"
    if found := re.search(r"would be overwritten by merge:\s+(.*)", said):
        name = found[1]
        student.rename(name, f"{name} (mine)")
        if not pull(course.path, student.path):
            return "after renaming the file that it named"
    said = pull(course.path, student.path, "--backup")
    return said and f"never: {said}" or "with `backup=true`"


def written_in(folders):
    """All marks in the files of some folders."""
    return {mark for folder in folders for text in folder.text().values() for mark in MARK.findall(text)}


def unreadable_and_doubled(student):
    """How many notebooks are no JSON, and how many cells stand there twice."""
    unreadable = doubled = 0
    for path, text in student.text().items():
        if path.suffix == ".ipynb":
            try:
                names = [cell["id"] for cell in json.loads(text)["cells"]]
            except ValueError:
                unreadable += 1
            else:
                doubled += len(names) - len(set(names))
    return unreadable, doubled


def measure(folder, rounds):
    """One record for each round."""
    course, copy = Folder(folder / "course", "course"), Folder(folder / "student", "student")
    student.build(course.path)
    course.git("init", "-q", "-b", "main")
    course.commit()
    if said := pull(course.path, copy.path):
        raise RuntimeError(said)
    records = []
    for number, (course_does, change, student_does, work) in enumerate(rounds, start=1):
        course.round = copy.round = number
        work(copy)
        before = unreadable_and_doubled(copy)
        change(course)
        course.commit()
        took = pull_to_the_end(course, copy)
        aside = [Folder(path, "") for path in sorted(folder.glob("student_backup_*"))]
        found, now = written_in([copy, *aside]), unreadable_and_doubled(copy)
        news = [mark for mark in course.marks if mark.startswith(f"course-{number}-")]
        records.append(
            {
                "course": course_does,
                "student": student_does,
                "pull": took,
                "written": len(copy.marks),
                "lost": len(set(copy.marks) - found),
                "news": len(news),
                "arrived": len(found.intersection(news)),
                "unreadable": max(0, now[0] - before[0]),
                "doubled": max(0, now[1] - before[1]),
            }
        )
        print(number, records[-1], file=sys.stderr, flush=True)
    return records


def report(records):
    """The records as Markdown lines."""
    lost, unreadable = (sum(record[key] for record in records) for key in ("lost", "unreadable"))
    lines = [
        "# A course pulled over a student's work",
        "",
        f"Measured on {date.today().isoformat()} by `make bench NAME=pulls`: nbgitpuller {version('nbgitpuller')}, "
        f"{git_version()}. One student's copy of the student edition, pulled again and again; before each pull the "
        "course and the student both change something. *Written* counts the places where the student has written up to "
        "then; after each pull, all of them are looked for in the student's files. *Arrived* counts the course's own "
        "new places of this round.",
        "",
        f"Lost: {lost} places. Notebooks that a pull made unreadable: {unreadable}.",
        "",
        "| | the course | the student | pulled | written | lost | arrived | cells twice |",
        "|--:|---|---|---|--:|--:|--:|--:|",
    ]
    for number, record in enumerate(records, start=1):
        arrived = f"{record['arrived']} of {record['news']}" if record["news"] else "–"
        lines.append(
            f"| {number} | {record['course']} | {record['student']} | {record['pull']} | {record['written']} "
            f"| {record['lost']} | {arrived} | {record['doubled'] or '–'} |"
        )
    return lines


def git_version():
    return subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the first five; writes nothing")
    arguments = parser.parse_args()
    if find_spec("nbgitpuller") is None:
        parser.error("nbgitpuller is missing: .venv/bin/python -m pip install nbgitpuller")
    with tempfile.TemporaryDirectory() as folder:
        records = measure(Path(folder), ROUNDS[:5] if arguments.quick else ROUNDS)
    lines = report(records)
    print("\n".join(lines))
    if not arguments.quick:
        (HERE / "pulls.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
