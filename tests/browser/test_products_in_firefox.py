"""The loops for matrix products in Firefox: the page makes random ones, and tells a server of this test how it went."""

import queue
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools import lab

SITE = lab.ROOT / "build" / "lite"
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PATIENCE = 900  # seconds
TRY = """<!doctype html><title>Products</title><script type="module">
import { loadPyodide } from "./static/pyodide/pyodide.mjs";
const tell = words => fetch("/said", { method: "POST", body: words });
try {
  const folder = new URL("./static/pyodide/", location.href).href;
  const pyodide = await loadPyodide({ lockFileURL: folder + "pyodide-lock.json", packageBaseUrl: folder });
  await pyodide.loadPackage("mnist-scratch");
  pyodide.globals.set("source", await (await fetch("/random_products.py")).text());
  tell(await pyodide.runPythonAsync(`
import types
import numpy as np
import mnist_scratch
from mnist_scratch.browser import products

assert products.install()
compare = types.ModuleType("compare")
exec(source, compare.__dict__)
loops = compare.addresses(products.in_use[0], products.LOOPS)
compare.compare_all(10_000, loops)
held = [np.ones(1 << 24, np.float32) for _ in range(4)]
compare.compare_all(10_000, loops, seed=1)
compare.compare_functions(2_000)
"all are right"
`));
} catch (error) {
  tell(String(error));
}
</script>"""

pytestmark = [
    pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed"),
    pytest.mark.skipif(
        not (SITE / "static" / "pyodide" / "pyodide.mjs").is_file(),
        reason="there is no build/lite with a Python of its own; make lite PYODIDE=folder makes it",
    ),
]


class Handler(SimpleHTTPRequestHandler):
    """The site's files, the page above, and what it says."""

    said = queue.Queue()

    def do_GET(self):
        pages = {"/try.html": TRY.encode(), "/random_products.py": None}
        if self.path not in pages:
            return super().do_GET()
        body = pages[self.path] or (lab.ROOT / "tests" / "project" / "random_products.py").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.said.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words):
        pass


Handler.extensions_map |= {".mjs": "text/javascript", ".wasm": "application/wasm"}


def test_random_products_are_right_in_firefox(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/try.html"
    command = [FIREFOX, "--headless", "--no-remote", "--profile", tmp_path, address]
    firefox = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        said = Handler.said.get(timeout=PATIENCE)
        assert said == "all are right", said
    finally:
        firefox.terminate()
        firefox.wait()
        server.shutdown()
