"""The JavaScript of the course is as its linter and formatter want it: Biome, which npm fetches once."""

import shutil

import pytest

from tools import javascript


def test_the_javascript_of_the_course_is_in_good_style():
    done = javascript.check()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "fault",
    ["const unused = 1;\n", "if (location == document) alert();\n", "const  wide = 1;\nalert(wide);\n", "for (;\n"],
    ids=["a name that nothing uses", "an equality of different types", "a space too many", "no JavaScript"],
)
@pytest.mark.parametrize("place", ["docs/_static/new.js", "mnist_scratch/classroom/new.js", "tools/page/new.mjs"])
def test_a_fault_is_seen(fault, place, tmp_path):
    shutil.copy(javascript.ROOT / "biome.json", tmp_path)
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text("alert();\n", encoding="utf-8")
    assert javascript.check(tmp_path).returncode == 0
    (tmp_path / place).write_text(fault, encoding="utf-8")
    assert javascript.check(tmp_path).returncode != 0
