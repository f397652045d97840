"""A real Jupyter server and a real Chromium, and the notebooks opened in them, as a student's hands and eyes meet them.

Everything is read back through the page: what a slider shows, what the words beside its picture say, what is painted.
"""

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64decode
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image  # Matplotlib needs it too

from tools import serve

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "tested"
PATIENCE = 10_000  # milliseconds until what should happen in the page counts as not happening; no test measures time
RUN_ALL = 900_000  # the same for a whole notebook
ONE_CELL = 90_000  # and for a cell of a test's own

LIVE_SOURCE = r"\bwidgets\.\w+\(|\bdraw_a_digit\("  # a cell that makes a live widget

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# the browser is to do what the page asks and nothing else
FLAGS = (
    "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
).split()


def live_notebooks():
    """The notebooks with live widgets, and how many cells of each make one: {name: number}."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        if n := sum(re.search(LIVE_SOURCE, source) is not None for source in sources):
            found[path.stem] = n
    return found


def chromium():
    """The path of a Chromium or Chrome: $CHROMIUM, or the first on PATH; None when there is none."""
    return next(filter(None, map(shutil.which, filter(None, (os.environ.get("CHROMIUM"), *BROWSERS)))), None)


def what_is_missing():
    """One line that says what to install before a browser can be driven; None when all is there."""
    if find_spec("playwright") is None:
        return "the browser tests need Playwright; make test TESTS=tests/browser installs it"
    if chromium() is None:
        return (
            "the browser tests need Chromium: on Debian and Ubuntu apt-get install chromium; or name one in $CHROMIUM"
        )
    return None


@contextmanager
def server(folder, log):
    """A Jupyter server on a free port of this machine only.

    Parameters
    ----------
    folder : Path
        An empty folder. It gets a copy of the notebooks, their data and results, and the server's own settings, so that
        neither the course nor the settings of whoever runs this are touched.
    log : Path
        A file for what server and kernels print.

    Yields
    ------
    str
        Its address.
    """
    for part in ("notebooks", "data", "results"):
        shutil.copytree(ROOT / part, folder / "root" / part, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    lab = folder / "config" / "labconfig" / "page_config.json"
    lab.parent.mkdir(parents=True)  # as in .venv: no question about news, in a corner of the page
    lab.write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}', encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MNIST_SCRATCH_PROGRESS": "off",  # no notebook finds what another one has left
    }
    environment.pop("TQDM_DISABLE", None)  # a student sees the progress bars
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--LabApp.extension_manager=readonly"),
        "--expose-app-in-browser",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder / 'root'}"),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    address = f"http://127.0.0.1:{port}"
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until_it_answers(address, process, log)
            yield address
        finally:
            process.terminate()  # the server ends its kernels
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_until_it_answers(address, process, log):
    """RuntimeError, with the end of the log, when the server ends or does not answer within a minute."""
    give_up = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < give_up:
        try:
            urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"the Jupyter server did not start:\n{Path(log).read_text(encoding='utf-8')[-2000:]}")


class Files(serve.Site):
    """The course that runs in a web page as it is, but for one setting: the page lets us look into it."""

    def do_GET(self):
        if not self.path.split("?")[0].endswith("/jupyter-lite.json"):
            return super().do_GET()
        self.mark = None  # the connection may have brought another file before
        config = json.loads(Path(self.translate_path(self.path)).read_text(encoding="utf-8"))
        config["jupyter-config-data"]["exposeAppInBrowser"] = True
        body = json.dumps(config).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def files(folder, headers=serve.SHARED_MEMORY):
    """A server of nothing but files, of this machine only; yields the folder's address."""
    server = serve.serve([folder], handler=Files, headers=headers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{folder.name}"
    server.shutdown()


@contextmanager
def browser(on_disk=False):
    """Chromium with a fresh profile, as a Playwright BrowserContext. RuntimeError when something is missing.

    on_disk: whether it keeps what it was sent in a file, as a reader's does; in memory it keeps no large files.
    """
    if line := what_is_missing():
        raise RuntimeError(line)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        settings = {"executable_path": chromium(), "args": FLAGS}
        if on_disk:
            running = context = playwright.chromium.launch_persistent_context(profile, **settings)
        else:
            running = playwright.chromium.launch(**settings)
            context = running.new_context()
        yield context
        running.close()


# What the page knows of its notebook; `live` are the code cells that show a widget with a picture of its own.
NOTEBOOK_JS = """
window.course = (() => {
  const panel = () => window.jupyterapp.shell.currentWidget;
  const code = () => panel().content.widgets.filter(cell => cell.model.type === 'code');
  const outputs = cell => cell.model.outputs.toJSON();
  return {
    problems: [],  // what kernels report beside the cells: a slider's callback has no cell to print into
    kernel: () => panel()?.sessionContext?.session?.kernel,
    ready: () => {
      const kernel = window.course.kernel();
      return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
    },
    listen: () => window.course.kernel().iopubMessage.connect((_, message) => {
      const { evalue, ename, name, text } = message.content;
      if (message.header.msg_type === 'error') window.course.problems.push(`${ename}: ${evalue}`);
      // Lab may ask a fresh kernel for widgets before anything has imported ipywidgets: no harm
      if (name === 'stderr' && !text.startsWith('No such comm')) window.course.problems.push(text);
    }),
    // to the end, or as far as the last code cell whose source matches
    run: async pattern => {
      const { commands } = window.jupyterapp, { content } = panel();
      if (!pattern) return commands.execute('notebook:run-all-cells');
      const last = content.widgets.indexOf(
        code().findLast(cell => new RegExp(pattern).test(cell.model.sharedModel.source)));
      content.activeCellIndex = last;
      await commands.execute('notebook:run-all-above');
      content.activeCellIndex = last;
      await commands.execute('notebook:run-cell');
    },
    // a new cell at the end, run without waiting for it
    begin: source => {
      const { content } = panel(), cell = window.course.cell = { ended: 0 };
      content.model.sharedModel.insertCell(content.widgets.length, { cell_type: 'code', source });
      content.deselectAll();
      content.activeCellIndex = content.widgets.length - 1;
      window.jupyterapp.commands.execute('notebook:run-cell').then(() => { cell.ended = performance.now(); });
    },
    // what to know of a cell that does not come to its end
    state: () => {
      const { cell, pressed, problems, kernel, printed } = window.course;
      const [status, end] = [kernel()?.status, printed().slice(-200)];
      return { now: performance.now(), cell, pressed, problems, status, end };
    },
    printed: () => outputs(code().at(-1)).map(output => output.text ?? output.evalue ?? '').join(''),
    // when the button will have been clicked
    watch: button => {
      window.course.pressed = 0;
      button.addEventListener('click', () => { window.course.pressed = performance.now(); },
                              { capture: true, once: true });
    },
    not_run: () => code().filter(cell => cell.model.sharedModel.source.trim() && cell.model.executionCount === null)
      .map(cell => cell.model.sharedModel.source),
    errors: () => code().flatMap(outputs).filter(output => output.output_type === 'error')
      .map(output => `${output.ename}: ${output.evalue}`),
    // scroll to each cell that matches, since Lab may render a cell only once it is near the screen
    show: async pattern => {
      const { content } = panel(), found = [];
      for (const [i, cell] of content.widgets.entries()) {
        if (cell.model.type !== 'code' || !new RegExp(pattern).test(cell.model.sharedModel.source)) continue;
        await content.scrollToItem(i, 'start');
        await new Promise(done => setTimeout(done, 200));
        found.push(cell);
      }
      return found.map(cell => ({
        text: cell.outputArea.node.innerText,
        widths: [...cell.outputArea.node.querySelectorAll('img')].map(img => img.naturalWidth),
      }));
    },
  };
})();
"""


EXECUTE_JS = """
async code => {
  let said = '';
  const future = window.course.kernel().requestExecute({ code, store_history: false });
  future.onIOPub = ({ content }) => { said += content.text ?? content.evalue ?? ''; };
  await future.done;
  return said;
}
"""

# asked in each frame
STOPPED_JS = """
() => {
  const { cell, kernel, pressed } = window.course;
  return pressed && cell.ended && kernel().status === 'idle' && performance.now() - pressed;
}
"""


class Notebook:
    """A notebook of the course open in JupyterLab, or in Notebook 7, in a page of its own.

    Parameters
    ----------
    browser : BrowserContext
        From `browser`.
    address : str
        The server's.
    name : str
        Without folder and ending.
    width : int
        Of the page, in pixels.
    classic : bool
        Whether to open it in Notebook 7.
    lite : bool
        Whether the page is its own server, with Python inside it, which takes longer to start.
    """

    def __init__(self, browser, address, name, width=1280, classic=False, lite=False):
        self.name = name
        self.page = browser.new_page()
        self.page.set_viewport_size({"width": width, "height": 1000})
        self.page.set_default_timeout(PATIENCE)
        self.page_errors = []
        self.page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        route = f"notebooks/notebooks/{name}.ipynb?token={TOKEN}"
        if lite:
            route = f"notebooks/index.html?path=notebooks/{name}.ipynb"
        elif not classic:
            route = f"lab/workspaces/{name}/tree/notebooks/{name}.ipynb?token={TOKEN}&reset"
        patience = 12 * PATIENCE if lite else 3 * PATIENCE
        self.page.goto(f"{address}/{route}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=patience)
        self.page.evaluate(NOTEBOOK_JS)
        # "run" is silently dropped before the kernel answers
        self.page.wait_for_function("() => window.course.ready()", timeout=patience)
        self.page.evaluate("() => window.course.listen()")
        self.page_errors.clear()  # what Notebook 7 stumbles over while it starts is its own

    def run(self, to_the_end=True):
        """Run all cells, or as far as the last live widget; AssertionError at the first error."""
        self.page.evaluate(
            """([last, patience]) => Promise.race([window.course.run(last), new Promise((_, reject) =>
                 setTimeout(() => reject(new Error('the notebook did not come to an end')), patience))])""",
            [None if to_the_end else LIVE_SOURCE, RUN_ALL],
        )
        assert not self.problems(), f"{self.name}: {self.problems()}"
        if to_the_end:
            not_run = self.page.evaluate("() => window.course.not_run()")
            assert not not_run, f"{self.name}: these cells were not run: {not_run}"
        self.live_cells()

    def execute(self, code):
        """Run code without a cell; what it said: all that it printed, and an error's message."""
        return self.page.evaluate(EXECUTE_JS, code)

    def begin(self, source):
        """Add a code cell to the end and begin to run it."""
        self.page.evaluate("source => window.course.begin(source)", source)

    def wait_for(self, text):
        """Wait until the cell that was begun has printed a text; AssertionError if it never does."""
        give_up = time.monotonic() + ONE_CELL / 1000
        while text not in (printed := self.page.evaluate("() => window.course.printed()")):
            ended = self.page.evaluate("() => window.course.cell.ended")
            assert not ended and time.monotonic() < give_up, f"{self.name}: {text!r} is not in {printed!r}"
            self.page.wait_for_timeout(20)

    def wait_for_the_end(self):
        """What the cell that was begun has printed when it comes to its end."""
        self.wait("() => window.course.cell.ended")
        return self.page.evaluate("() => window.course.printed()").strip()

    def press_stop(self):
        """Click the stop button in the toolbar."""
        button = self.page.locator(".jp-Toolbar-item[data-jp-item-name='interrupt']").first
        button.evaluate("button => window.course.watch(button)")
        button.click()

    def stop(self):
        """Click the stop button while a cell runs; milliseconds until it has ended and the kernel is idle."""
        self.press_stop()
        return self.wait(STOPPED_JS)

    def wait(self, function):
        """Wait until a function in the page returns something true, and return that; if it never does, say what is."""
        try:
            return self.page.wait_for_function(function, timeout=ONE_CELL).json_value()
        except Exception as error:
            # a page that is stuck does not answer `evaluate`, ever
            state = self.page.wait_for_function("() => window.course.state()").json_value()
            error.add_note(json.dumps(state, indent=2))
            raise

    def live_cells(self):
        """Scroll to the cells that make a live widget; what each shows: its text and the widths of its pictures."""
        return self.page.evaluate("pattern => window.course.show(pattern)", LIVE_SOURCE)

    def live(self):
        """The live widgets, in the order of the page; AssertionError when a cell that makes one shows none."""
        boxes, cells = self.page.locator(".live").all(), live_notebooks()[self.name]
        assert len(boxes) == cells, f"{self.name}: {len(boxes)} live widgets of {cells} cells"
        return [Live(self.page, box) for box in boxes]

    def problems(self):
        """Errors in cells, errors and warnings from the kernel beside them, errors of the page: a list of lines."""
        return self.page.evaluate("() => [...window.course.errors(), ...window.course.problems]") + self.page_errors

    def close(self):
        """End the kernel and close the page."""
        try:
            self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        finally:
            self.page.close()


# Whether a picture stands there, seen before each frame. While a new picture loads, `complete` is false and the browser
# goes on painting the old one, though it gives naturalWidth as 0 then; so what is painted is looked at as well.
WATCH_JS = """
live => {
  const seen = live.seen = { frames: 0, gone: 0, stop: false };
  const frame = () => {
    if (seen.stop) return;
    const picture = live.querySelector('.live-picture');
    seen.frames += 1;
    seen.gone += !picture || picture.complete && !picture.naturalWidth || picture.clientHeight < 10;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
"""
LEAST_CONTRAST = 30  # of 255, between the lightest and the darkest spot of a picture that is not blank


class Live:
    """A live widget in the page: its sliders, its picture, its words."""

    def __init__(self, page, box):
        self.page, self.box = page, box
        self.picture = box.locator(".live-picture").first  # a pad inside has another one
        self.good = box.locator(".live-good")

    @property
    def sliders(self):
        """{label: Slider}, in their order."""
        found = [Slider(self.page, slider) for slider in self.box.locator(".widget-slider").all()]
        return {slider.label: slider for slider in found}

    def values(self):
        """{label: the value that the slider shows}."""
        return {label: slider.shown() for label, slider in self.sliders.items()}

    def words(self):
        """The picture in words, as the page shows it."""
        return self.box.locator(".live-words").first.inner_text().strip()

    def source(self):
        """Where the picture's bytes come from; another address for other bytes."""
        return self.picture.get_attribute("src")

    def size(self):
        """(width, height) of the picture's own pixels, once it is loaded."""
        self.page.wait_for_function("picture => picture.complete", arg=self.picture.element_handle())
        return self.picture.evaluate("picture => [picture.naturalWidth, picture.naturalHeight]")

    def fingerprint(self):
        """Of the picture's bytes; the same for the same picture."""
        return self.picture.evaluate(
            """async picture => {
                 const bytes = await (await fetch(picture.src)).arrayBuffer();
                 return [...new Uint8Array(await crypto.subtle.digest('SHA-1', bytes))].join();
               }"""
        )

    def untold(self):
        """The sliders whose values are not in the words: {label: value}."""
        words, values = plain(self.words()), self.values()
        missing = {label: rf"(?<![\d.]){re.escape(plain(value))}(?!\w)(?!\.\d)" for label, value in values.items()}
        return {label: values[label] for label, pattern in missing.items() if not re.search(pattern, words)}

    def settle(self, picture_other_than=None):
        """Wait until the words tell what every slider shows, and the picture is another one; AssertionError if never.

        picture_other_than: an earlier source(); None where the picture may stay the same.
        """
        give_up = time.monotonic() + PATIENCE / 1000
        while (stale := self.untold()) or self.source() == picture_other_than:
            complaint = f"the words do not tell: {stale}; they are: {self.words()!r}" if stale else "the same picture"
            assert time.monotonic() < give_up, complaint
            self.page.wait_for_timeout(20)
        assert min(self.size()) > 0, "the picture is empty"

    @contextmanager
    def never_blank(self):
        """Watch the picture meanwhile; AssertionError when it was gone, or blank in a frame that the browser painted.

        The frames are those of the browser's own screencast: what it shows on the screen.
        """
        self.box.scroll_into_view_if_needed()
        place, frames = self.picture.bounding_box(), []
        screen = self.page.context.new_cdp_session(self.page)

        def keep(frame):
            frames.append(frame["data"])
            screen.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

        screen.on("Page.screencastFrame", keep)
        screen.send("Page.startScreencast", {"format": "jpeg", "quality": 60})
        self.box.evaluate(WATCH_JS)
        try:
            yield
            self.page.wait_for_timeout(100)
        finally:
            seen = self.box.evaluate("live => { live.seen.stop = true; return live.seen; }")
            screen.send("Page.stopScreencast")
            screen.detach()
        assert seen["frames"] and frames, "no frame was painted"
        assert seen["gone"] == 0, f"the picture was gone in {seen['gone']} of {seen['frames']} frames"
        assert self.picture.bounding_box() == place, "the picture has moved"
        blank = sum(contrast(frame, place, self.page.viewport_size["width"]) < LEAST_CONTRAST for frame in frames)
        assert blank == 0, f"the picture was blank in {blank} of {len(frames)} painted frames"

    def screenshot(self, path):
        """Keep a picture of the widget, as painted."""
        self.box.screenshot(path=path)


class Pad:
    """A drawing pad in the page, drawn on as hands do.

    box: the live widget that holds it.
    """

    def __init__(self, page, box):
        self.page = page
        self.paper = box.locator(".drawing-paper")
        self.clear, self.undo = box.locator(".live-clear"), box.locator(".live-undo")
        self.live = Live(page, box)

    def draw(self, strokes):
        """Draw strokes, lists of [x, y] from 0 to 1, with the mouse; returns the words once they stand still."""
        for stroke in self.on_screen(strokes):
            self.page.mouse.move(*stroke[0])
            self.page.mouse.down()
            for point in stroke[1:]:
                self.page.mouse.move(*point)
            self.page.mouse.up()
        return self.read()

    def on_screen(self, strokes):
        """The strokes in pixels of the window, with the whole pad in view."""
        self.paper.scroll_into_view_if_needed()
        paper = self.paper.bounding_box()
        return [
            [(paper["x"] + x * paper["width"], paper["y"] + y * paper["height"]) for x, y in stroke]
            for stroke in strokes
        ]

    def read(self):
        """The words beside the pad once they stand still."""
        words, since = self.live.words(), time.monotonic()
        while time.monotonic() < since + 0.4:
            self.page.wait_for_timeout(50)
            if (now := self.live.words()) != words:
                words, since = now, time.monotonic()
        return words

    def ink(self):
        """How much of the paper is dark, from 0 to 1."""
        return self.paper.evaluate(
            """paper => {
                 const { data } = paper.getContext('2d').getImageData(0, 0, paper.width, paper.height);
                 return data.filter((value, i) => i % 4 === 0 && value < 128).length / (paper.width * paper.height);
               }"""
        )


class Slider:
    """A slider in the page, moved as hands do."""

    def __init__(self, page, slider):
        self.page, self.slider = page, slider
        self.handle = slider.locator(".noUi-handle")
        self.label = slider.locator(".widget-label").text_content().strip()  # also where it is out of view

    def shown(self):
        """The value that the slider shows."""
        return self.slider.locator(".widget-readout").inner_text().strip()

    def steps(self):
        """(first, current, last) position."""
        return [float(self.handle.get_attribute(f"aria-value{which}")) for which in ("min", "now", "max")]

    def press(self, key, times=1):
        """Press a key on the handle, once or several times."""
        self.handle.focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def inwards(self):
        """The arrow key that moves away from the nearer end."""
        first, now, last = self.steps()
        return "ArrowRight" if now - first <= last - now else "ArrowLeft"

    def drag(self):
        """Take the handle with the mouse to a place near the farther end, by way of what lies between."""
        right = self.inwards() == "ArrowRight"
        track = self.slider.locator(".noUi-base").bounding_box()
        self.handle.hover()
        self.page.mouse.down()
        target = track["x"] + track["width"] * (0.9 if right else 0.1)
        self.page.mouse.move(target, track["y"] + track["height"] / 2, steps=5)
        self.page.mouse.up()


def contrast(frame, place, width):
    """Between the lightest and the darkest spot of a place in a frame of a screencast, 0 to 255.

    frame: JPEG as base64. place: {x, y, width, height}, in pixels of a page of that width.
    """
    picture = Image.open(io.BytesIO(b64decode(frame))).convert("L")
    scale = picture.width / width
    edges = (place["x"] + 2, place["y"] + 2, place["x"] + place["width"] - 2, place["y"] + place["height"] - 2)
    low, high = picture.crop([round(scale * edge) for edge in edges]).getextrema()
    return high - low


def plain(text):
    """A text with plain minus signs and no commas between thousands: −1,000 is -1000."""
    return re.sub(r"(?<=\d),(?=\d{3})", "", text.replace("\N{MINUS SIGN}", "-"))
