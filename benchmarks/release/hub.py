"""Three students on one JupyterHub, each with a copy of the course, while the course changes under their hands.

    make bench NAME=hub    three minutes; writes hub.md here, and screenshots into build/hub

A real JupyterHub of this machine only, with a proxy, a login page and a server for each student, and Chromium with a
window for each. All three follow the teacher's link, run the same notebook at the same time, answer an exercise of
theirs and hand it in. The course changes; they follow the link again, one with a saved notebook, one whose unsaved
notebook is still open in another tab, one who has closed everything. Then their files are read.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode

from benchmarks.common import CORES, ROOT, processor_model, system_name
from benchmarks.release.pulls import Folder
from tools import lab, student

HERE = Path(__file__).resolve().parent
SEEN = ROOT / "build" / "hub"
MARK = "written by {}"
PROXY = "configurable-http-proxy"
NOTEBOOK = "02_forward_pass"
PATIENCE = 300_000  # milliseconds: three servers start on two cores
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.environment = {environment}
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
c.JupyterHub.log_level = "WARN"
"""
ANSWER_JS = """
async source => {
  const { content } = window.jupyterapp.shell.currentWidget;
  const first = cell => cell.model.sharedModel.source.startsWith('def my_softmax(Z)');
  const at = content.widgets.findIndex(first);
  content.widgets[at].model.sharedModel.source = source;
  for (const i of [at, at + 1]) {
    content.activeCellIndex = i;
    await window.jupyterapp.commands.execute('notebook:run-cell');
  }
}
"""


def free_ports(n):
    """Some ports of this machine that nobody listens at."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def hub(folder):
    """A JupyterHub; yields its address. Each student's home is a folder of the student's name."""
    ports = free_ports(3)
    own = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PATH": os.environ["PATH"]}
    config = folder / "jupyterhub_config.py"
    config.write_text(
        CONFIG.format(ports=ports, proxy=shutil.which(PROXY), python=sys.executable, folder=folder, environment=own)
    )
    address = f"http://127.0.0.1:{ports[0]}"
    with open(folder / "hub.log", "w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "jupyterhub", "--config", str(config)]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            give_up = time.monotonic() + 120
            while True:
                try:
                    urllib.request.urlopen(f"{address}/hub/login", timeout=5).close()
                    break
                except (URLError, ConnectionError, TimeoutError):
                    if process.poll() is not None or time.monotonic() > give_up:
                        raise RuntimeError((folder / "hub.log").read_text(encoding="utf-8")[-2000:]) from None
                    time.sleep(0.2)
            yield address
        finally:
            process.terminate()  # it ends the students' servers and the proxy
            process.wait(60)


class Window:
    """A student's browser."""

    def __init__(self, chromium, address, name, link):
        self.name, self.address, self.link = name, address, link
        self.context = chromium.browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()

    def log_in(self):
        """Follow the link, be asked for a name, and give it."""
        self.follow()
        self.page.fill("#username_input", self.name)
        self.page.click("#login_submit")

    def arrive(self):
        """Wait for the notebook that the link leads to."""
        page = self.page
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.evaluate(lab.NOTEBOOK_JS)
        page.wait_for_function("() => window.course.ready()")
        page.evaluate("() => window.course.listen()")

    def follow(self):
        """Follow the link; the name is known."""
        self.page.goto(f"{self.address}/hub/user-redirect/git-pull?{self.link}")

    def begin(self):
        """Run all cells, without waiting for them."""
        self.page.evaluate("() => { window.done = false; window.course.run().then(() => { window.done = true; }); }")

    def wait(self):
        """Until all cells have run; RuntimeError when one of them raised an error."""
        self.page.wait_for_function("() => window.done")
        if problems := self.page.evaluate("() => [...window.course.errors(), ...window.course.problems]"):
            raise RuntimeError(f"{self.name}: {problems}")

    def answer(self, mark):
        """Write an answer into the first exercise, run it with its check, and hand it in."""
        source = f"def my_softmax(Z):  # {mark}\n    E = np.exp(Z - Z.max(axis=1, keepdims=True))\n"
        self.page.evaluate(ANSWER_JS, f"{source}    return E / E.sum(axis=1, keepdims=True)")
        said = self.page.evaluate(lab.EXECUTE_JS, f"_ = check.hand_in({self.name!r}); print(check.softmax.__name__)")
        if "softmax" not in said:
            raise RuntimeError(f"{self.name}: {said}")

    def save(self):
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def look(self, name):
        """Keep what the page looks like."""
        SEEN.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SEEN / f"{self.name}-{name}.png")


# Ways in which a student comes back after the course has changed; each begins with an answer that is not saved.


def after_saving(window):
    """saves, then follows the link in the same tab"""
    window.save()
    window.follow()
    window.arrive()


def after_closing(window):
    """saves, closes the tab, follows the link the next day"""
    window.save()
    window.page.close()
    window.page = window.context.new_page()
    window.follow()
    window.arrive()


def in_another_tab(window):
    """follows the link in another tab, then saves in the first, and answers *Overwrite*"""
    first, window.page = window.page, window.context.new_page()
    window.follow()
    window.arrive()
    window.page, second = first, window.page
    second.close()
    window.page.bring_to_front()
    window.page.evaluate("() => { window.jupyterapp.commands.execute('docmanager:save'); }")
    button = window.page.locator(".jp-Dialog button", has_text="Overwrite")
    button.wait_for()
    window.look("asked")
    button.click()
    window.page.wait_for_selector(".jp-Dialog", state="detached")
    window.page.wait_for_timeout(2000)  # for the file to be written


RETURNS = {"ada": after_saving, "ben": in_another_tab, "zoe": after_closing}


def measure(folder):
    """One record for each student."""
    course = Folder(folder / "course", "course")
    student.build(course.path)
    course.git("init", "-q", "-b", "main")
    course.commit()
    place = f"lab/tree/course/notebooks/{NOTEBOOK}.ipynb"
    link = {"repo": course.path.as_uri(), "branch": "main", "targetPath": "course", "urlpath": place}
    with hub(folder) as address, lab.browser() as chromium:
        windows = [Window(chromium, address, name, urlencode(link)) for name in RETURNS]
        begun = time.monotonic()
        for window in windows:
            window.log_in()
        for window in windows:
            window.arrive()
        there = time.monotonic() - begun
        for window in windows:
            window.begin()
        for window in windows:
            window.wait()
        ran = time.monotonic() - begun - there
        servers = memory_of_servers()
        for window in windows:
            window.answer(MARK.format(window.name))
            window.look("answered")
        course.say(NOTEBOOK, "markdown", 3)
        course.write("notebooks/extra.py")
        course.commit()
        records = {}
        for window in windows:
            come_back = RETURNS[window.name]
            come_back(window)
            window.look("back")
            records[window.name] = {"how": come_back.__doc__} | found(folder / window.name / "course", course.marks)
    return {"there": there, "ran": ran, "servers": servers, "students": records}


def found(copy, news):
    """Whose answers a student's files hold, and where one's own are; and how much of the course's news."""
    text = Folder(copy, "").text()
    places = {name: [path.name for path in text if MARK.format(name) in text[path]] for name in RETURNS}
    return {"places": places, "news": len([mark for mark in news if any(mark in content for content in text.values())])}


def memory_of_servers():
    """Megabytes that each student's server takes, without its kernels."""
    import psutil  # the kernel needs it too

    sizes = []
    for process in psutil.process_iter(["cmdline", "memory_info"]):
        if "jupyterhub.singleuser" in (process.info["cmdline"] or ()):
            sizes.append(process.info["memory_info"].rss / 1e6)
    return sizes


def report(results):
    """The results as Markdown lines."""
    names = ("jupyterhub", "nbgitpuller", "jupyterlab")
    used = ", ".join(f"{name} {version(name)}" for name in names)
    strangers = sum(
        bool(places)
        for name, told in results["students"].items()
        for who, places in told["places"].items()
        if who != name
    )
    lines = [
        "# Three students on one hub",
        "",
        f"Measured on {date.today().isoformat()} by `make bench NAME=hub`: {used}; {processor_model()}, {CORES} cores, "
        f"{system_name()}. Each student follows the teacher's link and signs in; all three run notebook 02 at the same "
        "time, answer its first exercise and hand it in. Then the course changes, in that notebook and by a new file, "
        "and each comes back in another way.",
        "",
        f"From the three links to three open notebooks: {results['there']:.0f} s; all cells of all three, at the same "
        f"time, without an error: {results['ran']:.0f} s. The server of a student, without kernels, takes "
        f"{max(results['servers']):.0f} MB. Files with another student's answer: {strangers}.",
        "",
        "| student | the answer is not saved; then the student | the answer is in | of two changes arrived |",
        "|---|---|---|--:|",
    ]
    for name, told in results["students"].items():
        places = ", ".join(f"`{place}`" for place in sorted(told["places"][name]))
        lines.append(f"| {name} | {told['how']} | {places or 'lost'} | {told['news']} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    missing = [name for name in ("jupyterhub", "nbgitpuller") if find_spec(name) is None]
    if missing:
        parser.error(f"missing: .venv/bin/python -m pip install {' '.join(missing)}")
    if shutil.which(PROXY) is None:
        parser.error(f"{PROXY} is missing: npm install --global {PROXY}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lines = report(measure(Path(folder)))
    print("\n".join(lines))
    (HERE / "hub.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
