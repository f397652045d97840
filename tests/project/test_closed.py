"""The tests' own walls: an address outside is refused, and a write outside is seen, in every process they start."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = "192.0.2.1"  # kept free for documentation: nothing answers there
CONNECT = f"import socket; socket.create_connection(('{OUTSIDE}', 80), timeout=5)"


@pytest.fixture
def log(tmp_path, monkeypatch):
    """A log apart from that of the whole run, which would turn red."""
    path = tmp_path / "closed.log"
    path.touch()
    monkeypatch.setenv("CLOSED_LOG", str(path))
    return path


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "code",
    [
        CONNECT,
        "import socket; socket.getaddrinfo('example.org', 443)",
        f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('{OUTSIDE}', 53))",
        "import socket; socket.socket().bind(('', 0))",
        f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {CONNECT!r}]))",
    ],
)
def test_an_address_outside_is_refused_in_a_process_and_in_its_own_processes(log, code):
    child = run(code)
    assert child.returncode == 1 and "the tests reach this machine alone, not" in child.stderr, child.stderr
    assert log.read_text(encoding="utf-8").startswith("socket.")


def test_an_address_outside_is_refused_in_a_kernel(log):
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--HistoryManager.hist_file=:memory:"])
    try:
        reply = client.execute(CONNECT, reply=True, timeout=60)["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert (reply["ename"], "this machine alone, not 192.0.2.1" in reply["evalue"]) == ("OSError", True)
    assert "ipykernel_launcher" in log.read_text(encoding="utf-8")


def greet(server):
    with server.accept()[0] as caller:
        caller.sendall(b"here")


def test_this_machine_is_reached(log):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=greet, args=[server], daemon=True).start()
        child = run(f"import socket; print(socket.create_connection(('localhost', {port}), 30).recv(4))")
    assert child.stdout == "b'here'\n", child.stderr
    assert log.read_text(encoding="utf-8") == ""


WRITES = {
    "open": "open({!r}, 'w')",
    "descriptor": "import os; os.open({!r}, os.O_CREAT | os.O_WRONLY)",
    "folder": "import os; os.makedirs({!r})",
    "rename": "import os; open('here', 'w'); os.replace('here', {!r})",
    "sqlite": "import sqlite3; sqlite3.connect({!r})",
    "delete": "import os\ntry: os.remove({!r})\nexcept OSError: pass",
}
if os.name != "nt":  # where not everybody may make links
    WRITES["by a link"] = "import os; os.symlink('..', 'link'); open('link/outside', 'w')"


@pytest.mark.parametrize("kind", WRITES)
def test_a_write_outside_is_seen_and_one_inside_is_not(log, tmp_path, monkeypatch, kind):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    for name in ("CLOSED_ALLOWED", "CLOSED_TEMPORARY"):
        monkeypatch.setenv(name, os.path.realpath(inside))
    if kind != "by a link":
        child = run("import json; open(json.__file__).read()\n" + WRITES[kind].format(str(inside / "file")))
        assert (child.returncode, log.read_text(encoding="utf-8")) == (0, ""), child.stderr
    child = run(WRITES[kind].format(str(outside)))
    assert child.returncode == 0 and "outside" in log.read_text(encoding="utf-8"), child.stderr


def test_a_notebook_needs_no_temporary_file(log, tmp_path):
    code = f"import sys; sys.orig_argv.append('ipykernel_launcher'); open({str(tmp_path / 'x')!r}, 'w')"
    assert run(code).returncode == 0 and str(tmp_path / "x") in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(("workers", "reaches_outside"), [("-n0", True), ("-n1", True), ("-n1", False)])
def test_a_run_that_reached_outside_is_red_though_its_tests_are_green(tmp_path, monkeypatch, workers, reaches_outside):
    project, temporary = tmp_path / "project", tmp_path / "project" / "temporary"
    shutil.copytree(ROOT / "tests" / "closed", project / "tests" / "closed")
    shutil.copy(ROOT / "conftest.py", project)
    temporary.mkdir()
    monkeypatch.setenv("TEST_RUN_PIPE", str(tmp_path / "pipe"))  # of VS Code, which listens there
    tests = ["open('inside', 'w')", "open('../pipe', 'w')"]
    if reaches_outside:
        tests += [f"with contextlib.suppress(OSError): socket.socket().connect(('{OUTSIDE}', 80))"]
        tests += ["open('../outside', 'w')"]
    body = "".join(f"def test_{n}():\n    {line}\n" for n, line in enumerate(tests))
    (project / "test_it.py").write_text("import contextlib, socket\n" + body, encoding="utf-8")
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(temporary))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("PYTHONPATH", "CLOSED_LOG", "CLOSED_ALLOWED", "CLOSED_TEMPORARY"):
        monkeypatch.delenv(name)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "xdist", workers]
    child = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300)
    assert f"{len(tests)} passed" in child.stdout, child.stdout + child.stderr
    assert child.returncode == reaches_outside, child.stdout
    assert [text in child.stdout for text in ("reached outside", OUTSIDE, "outside, in")] == 3 * [reaches_outside]
    assert list(temporary.glob("closed-*")) == []
