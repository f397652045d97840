"""The Makefile: what it says when something is missing, when it installs, and the server that `make lab` starts."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil  # comes with Jupyter, whose kernels need it
import pytest
from jupyterlab_server.config import get_page_config

ROOT = Path(__file__).resolve().parents[2]
# on Windows a make may well be there, but the Makefile is for POSIX systems
pytestmark = pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="there is no POSIX make")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "JUP"))}


@pytest.fixture
def folder(tmp_path):
    """A copy of the Makefile, away from the real .venv."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def venv(folder):
    """What make takes for a finished environment without extras."""
    made = folder / ".venv"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (made / "bin" / "python").chmod(0o755)
    (made / ".ready").write_text(f"{folder.resolve()}\n")
    return made


def make(folder, *arguments):
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, env=CLEAN, timeout=60)


def plan(folder, *arguments):
    """What make would do."""
    run = make(folder, "--dry-run", *arguments)
    assert run.returncode == 0, run.stderr
    return run.stdout


def fake_python(folder, preamble):
    """A Python in which something is missing: preamble runs before what `-c` brings."""
    path = folder / "fake_python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{preamble}; import sys; exec(sys.argv[1])" "$2"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("preamble", "message"),
    [
        ("import sys; sys.version_info = (3, 9, 2)", "Python 3.11 or later is needed; Python 3.9.2 found"),
        ("import sys; sys.modules['ensurepip'] = None", "apt install python3-venv"),
        ("import sys; sys.modules['venv'] = None", "apt install python3-venv"),
        ("raise SystemExit(1)", "Python 3.11 or later is needed"),
        (None, "'no_such_python' was not found"),
    ],
)
def test_one_line_says_what_is_missing(folder, preamble, message):
    python = "no_such_python" if preamble is None else fake_python(folder, preamble)
    run = make(folder, "lab", f"PYTHON={python}")
    assert run.returncode != 0 and message in run.stderr
    assert len((run.stdout + run.stderr).splitlines()) == 1, run.stdout + run.stderr
    assert not (folder / ".venv").exists()


def test_make_alone_changes_nothing_and_lists_every_target(folder):
    shown = make(folder).stdout
    targets = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY"))
    assert [name for name in targets.split()[1:] if name != "remake" and f"make {name} " not in shown] == []
    assert not (folder / ".venv").exists()


def test_a_half_made_environment_is_made_again(folder):
    (folder / ".venv" / "bin").mkdir(parents=True)
    assert "-m venv --clear" in plan(folder, "test")


def test_a_finished_environment_is_used(folder, venv):
    assert "-m venv" not in plan(folder, "test") and "pip install" not in plan(folder, "test")


def test_an_environment_that_was_moved_with_its_folder_is_made_again(folder, venv):
    (venv / ".ready").write_text("elsewhere\n")
    assert "-m venv --clear" in plan(folder, "test")


def test_a_changed_pyproject_is_installed_into_the_environment_that_is_there(folder, venv):
    os.utime(venv / ".ready", (0, 0))
    assert "pip install" in plan(folder, "test") and "-m venv" not in plan(folder, "test")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["site"], "dev"),
        (["bench", "NAME=sliders"], "dev"),
        (["test", "TESTS=tests/cluster"], "dev"),
        (["test", "TESTS=tests/browser"], "dev"),
        (["bench", "NAME=peers"], "peers"),
        (["test", "TESTS=benchmarks"], "peers"),
    ],
)
def test_an_extra_is_installed_when_it_is_first_needed_and_again_after_the_course(folder, venv, arguments, extra):
    assert f'".[test,{extra}]"' in plan(folder, *arguments)
    (venv / f".{extra}").touch()
    assert "pip install" not in plan(folder, *arguments)
    for stamp, age in ((".ready", 0), (f".{extra}", -60)):
        os.utime(venv / stamp, (time.time() + age,) * 2)
    assert f'".[test,{extra}]"' in plan(folder, *arguments)


def test_the_server_of_lab_asks_for_its_token_and_listens_on_this_machine_only(folder, venv):
    """The real command, and a kernel in it: whoever shares the network must not reach either."""
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "00_start_here.ipynb", folder / "notebooks")
    names = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    places = {name: str(folder / name.lower()) for name in names}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            ["make", "lab"], cwd=folder, env=CLEAN | places | {"BROWSER": "true"}, stdout=log, stderr=log
        )
    try:
        give_up = time.monotonic() + 60
        # a file, and written
        while not (found := [f for f in folder.glob("jupyter_runtime_dir/jpserver-*.json") if f.stat().st_size]):
            assert process.poll() is None and time.monotonic() < give_up, (folder / "log").read_text()
            time.sleep(0.1)
        server = json.loads(found[0].read_text(encoding="utf-8"))
        url, token = server["url"], server["token"]
        while True:  # it is written down before it listens
            with socket.socket() as client:
                if not client.connect_ex(("127.0.0.1", server["port"])):
                    break
            assert process.poll() is None and time.monotonic() < give_up, (folder / "log").read_text()
            time.sleep(0.1)
        assert len(token) >= 32 and server["password"] is False
        assert answer(url + "api/contents") == answer(url + "api/contents?token=" + token[::-1]) == (403, None)
        assert answer(url + "lab") == (302, "/login?next=%2Flab")
        assert answer(url + "api/contents?token=" + token) == answer(url + f"lab?token={token}") == (200, None)
        assert answer(url + "api/kernels", post=True)[0] == 403
        assert answer(url + f"api/kernels?token={token}", post=True)[0] == 201
        family = [psutil.Process(server["pid"])]
        family += family[0].children(recursive=True)
        listening = [addresses_of(one) for one in family]
        assert len(family) > 1 and listening[0] and set().union(*listening) <= {"127.0.0.1", "::1"}
    finally:
        if process.poll() is None:
            for one in [*psutil.Process(process.pid).children(recursive=True)[::-1], process]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait(30)


@pytest.mark.skipif(not Path(sys.prefix, ".ready").exists(), reason="make did not make this environment")
def test_jupyterlab_does_not_greet_a_class_with_a_question_about_its_news():
    settings = get_page_config([str(Path(sys.prefix, "etc", "jupyter"))])
    assert "@jupyterlab/apputils-extension:announcements" in settings["disabledExtensions"]


def addresses_of(process):
    """The addresses on which a process listens; none when it has just ended, as a server's short errands do."""
    with suppress(psutil.NoSuchProcess):
        return {place.laddr.ip for place in process.net_connections() if place.status == "LISTEN"}
    return set()


class Stay(urllib.request.HTTPRedirectHandler):
    """Goes where it is told, and no further."""

    def redirect_request(self, *arguments):
        return None


def answer(url, post=False):
    """The status that a server answers with, and where it leads instead."""
    request = urllib.request.Request(url, data=b"{}" if post else None)
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=30) as reply:
            return reply.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location")
