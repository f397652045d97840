"""The edition to hand out: it works by itself, and tells no answer."""

import json
import re
import subprocess
import sys

import pytest

from mnist_scratch.classroom.exercises import EXERCISES
from tools import student


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edition") / "student"
    student.build(folder)
    return folder


def notebooks(folder):
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("notebooks/*.ipynb")}


def test_no_answer_is_left_in_it(edition):
    assert not [path for path in edition.rglob("*") if path.name in ("solutions", "tests", ".git")]
    told = []
    for name, notebook in notebooks(edition).items():
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            told += [(name, source)] if "solutions" in source or not source else []
            if re.search(r"^check\.|^\w+ = predict\(|\.reveal\(", source, re.MULTILINE):
                told += [(name, source)] if cell["outputs"] or cell["execution_count"] else []
    assert told == [] and len(notebooks(edition)) == 11


def test_it_leads_nowhere_but_into_itself(edition):
    texts = {path: path.read_text(encoding="utf-8") for path in [*edition.rglob("*.md"), *edition.rglob("*.ipynb")]}
    links = [(path, link) for path, text in texts.items() for link in re.findall(r"\]\(([^):#]+\.\w+)[)#]", text)]
    assert links and [(path, link) for path, link in links if not (path.parent / link).exists()] == []


def test_the_package_in_it_is_the_one_that_runs(edition):
    code = "import mnist_scratch.grading; from mnist_scratch import load_mnist; print(len(load_mnist().test))"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {code}; print(mnist_scratch.__file__)"]
    run = subprocess.run(command, cwd=edition, capture_output=True, text=True, check=True)
    assert run.stdout.split()[0] == "10000" and str(edition.resolve()) in run.stdout


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(RuntimeError):
        student.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_nbgrader_finds_a_cell_to_fill_in_and_a_cell_with_a_point_for_each_exercise(edition):
    marked = []
    for notebook in notebooks(edition).values():
        student.for_nbgrader(notebook)
        marked += [
            (cell["metadata"]["nbgrader"], "".join(cell["source"]))
            for cell in notebook["cells"]
            if "nbgrader" in cell["metadata"]
        ]
    points = {told["grade_id"]: source for told, source in marked if told["grade"] and told["points"] == 1}
    answers = {told["grade_id"]: source for told, source in marked if told["solution"]}
    assert set(points) == set(EXERCISES) and set(answers) == {f"{name}-answer" for name in EXERCISES}
    assert all(source.startswith(f"assert check.{name}(") for name, source in points.items())
    assert all(
        source.count("### BEGIN SOLUTION") == source.count("### END SOLUTION") == 1 for source in answers.values()
    )
    for source in answers.values():
        compile(source, "answer", "exec")


def test_otter_finds_a_question_with_an_answer_and_a_test_for_each_exercise(edition):
    questions = []
    for notebook in notebooks(edition).values():
        student.for_otter(notebook)
        sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] != "markdown"]
        for begin, end in zip(
            *([i for i, s in enumerate(sources) if s.startswith(f"# {w} QUESTION")] for w in ("BEGIN", "END")),
            strict=True,
        ):
            question = sources[begin:end]
            name = re.search(r"name: (\w+)", question[0])[1]
            assert [s for s in question if s.startswith("#")][1:] == [
                "# BEGIN SOLUTION",
                "# END SOLUTION",
                "# BEGIN TESTS",
                "# END TESTS",
            ]
            assert f"check.{name}(" in question[-2]
            questions.append(name)
    assert sorted(questions) == sorted(EXERCISES)
