"""The server of the course in a web page: what a browser needs of it, and what it says when it cannot start."""

import http.client
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools import serve

SOURCE = Path(serve.__file__)


@pytest.fixture
def site(tmp_path):
    """A folder like the one that make lite makes, beside a file that nobody is to see."""
    folder = tmp_path / "my course"
    (folder / "build").mkdir(parents=True)
    for name in ("index.html", "jupyter-lite.json", "a.wasm", "a.mjs", "a.js", "a.ipynb", "build/1.a8fa7b2.js"):
        (folder / name).write_text(name, encoding="utf-8")
    (tmp_path / "secret.txt").write_text("not theirs", encoding="utf-8")
    return folder


@contextmanager
def running(*folders, **settings):
    """ask(path, **headers) gives status, headers and content of a running server."""
    server = serve.serve(folders, **settings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)

    def ask(path, **headers):
        connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    yield ask
    connection.close()
    server.shutdown()
    server.server_close()


def test_page_and_python_may_share_memory_whatever_is_asked_for(site):
    with running(site) as ask:
        mark = ask("/my%20course/a.js")[1]["ETag"]
        answers = [ask(f"/my%20course/{name}") for name in ("", "a.js", "build/1.a8fa7b2.js", "missing.js")]
        answers += [ask("/"), ask("/elsewhere"), ask("/my%20course"), ask("/my%20course/a.js", If_None_Match=mark)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 404, 302, 404, 301, 304]
    for _, headers, _ in answers:
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    with running(site, headers={}) as ask:
        assert not [name for name in ask("/my%20course/")[1] if name.startswith("Cross-Origin")]


def test_browsers_refuse_scripts_and_wasm_of_another_kind(site):
    kinds = {"a.wasm": "application/wasm", "a.mjs": "text/javascript", "a.js": "text/javascript"}
    with running(site) as ask:
        assert {name: ask(f"/my%20course/{name}")[1]["Content-Type"] for name in kinds} == kinds


def test_a_site_that_was_made_again_is_seen_at_once_even_where_its_files_keep_size_and_date(site, tmp_path):
    with running(site) as ask:
        mark = ask("/my%20course/")[1]["ETag"]
        assert ask("/my%20course/", If_None_Match=mark)[::2] == (304, "")
        before = os.stat(site / "index.html")
        new = tmp_path / "new.html"
        new.write_text("HTML.xedni", encoding="utf-8")
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.replace(new, site / "index.html")
        answer = ask("/my%20course/", If_None_Match=mark, If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT")
        assert answer[::2] == (200, "HTML.xedni")
        kept = {name: ask(f"/my%20course/{name}")[1]["Cache-Control"] for name in ("", "a.js", "build/1.a8fa7b2.js")}
        assert "immutable" in kept.pop("build/1.a8fa7b2.js") and set(kept.values()) == {"no-cache"}
        assert ask("/my%20course/build/2.a8fa7b2.js")[1]["Cache-Control"] == "no-cache", "it may come later"


def test_only_the_named_folders_are_served_each_under_its_name(site, tmp_path):
    other = tmp_path / "site"
    other.mkdir()
    (other / "index.html").write_text("the website", encoding="utf-8")
    with running(site, other) as ask:
        assert ask("/")[1]["Location"] == "/my%20course/"
        assert ask("/site/")[2] == "the website" and ask("/my%20course/")[2] == "index.html"
        for path in (
            "/secret.txt",
            "/my%20course/../secret.txt",
            "/my%20course/%2e%2e/secret.txt",
            "//etc/passwd",
            "*",
            "/my%20course%2Findex.html",
            "/my%20course/a%00b",
        ):
            status, _, content = ask(path)
            assert status == 404 and "not theirs" not in content, path


def test_a_browser_that_goes_away_leaves_no_traceback(site, capsys):
    (site / "large").write_bytes(bytes(20_000_000))
    server, others = serve.serve([site]), set(threading.enumerate())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as leaving:
        leaving.sendall(b"GET /my%20course/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert leaving.recv(100)
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.shutdown()
    for thread in set(threading.enumerate()) - others:
        thread.join(20)
    server.server_close()
    assert capsys.readouterr().err == ""


def test_a_copy_in_the_folder_serves_it_without_the_project(site, tmp_path):
    (site / "serve.py").write_bytes(SOURCE.read_bytes())
    alone = subprocess.Popen(
        [sys.executable, "-I", str(site / "serve.py"), "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        assert alone.stdout.readline()
        address = alone.stdout.readline().strip()
        port, name = address.removeprefix("http://localhost:").split("/", 1)
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
        connection.request("GET", f"/{name}")
        assert connection.getresponse().read() == b"index.html"
        connection.close()
    finally:
        alone.kill()
        alone.communicate()


def test_what_is_wrong_is_said_in_a_line(site, tmp_path, capsys):
    def complaint(*arguments):
        assert serve.main(list(map(str, arguments))) == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert f"no folder {tmp_path / 'gone'}" in complaint(tmp_path / "gone", site)
    assert "make lite" in complaint(tmp_path)
    assert "make lite" in complaint(), "the project's own folder of tools is no site"
    (tmp_path / "other" / site.name).mkdir(parents=True)
    with pytest.raises(RuntimeError, match="name of its own"):
        serve.serve([site, tmp_path / "other" / site.name])
    assert "99999" in complaint(site, "--port", 99999)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} is taken" in complaint(site, "--port", port)
