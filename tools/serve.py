"""A server of the course in a web page, on this machine only, with which the stop button works there.

    python3 serve.py               the course in whose folder this file lies: make lite puts a copy of it there
    python3 serve.py FOLDER ...    others, each at an address that ends with the folder's name

It needs nothing but Python, 3.8 or later. What matters are two headers, sent with every file: with them a browser lets
a page and the Python inside it share memory. Any server that sends them will do as well.
"""

import argparse
import errno
import os
import re
import sys
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

SHARED_MEMORY = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
NAMED_AFTER_CONTENT = re.compile(r"\.[0-9a-f]{7,}\.\w+$")  # 1031.b91a70b.js
# what a browser insists on, whatever this machine's own list says
KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".ipynb": "application/json",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
PAGE = "jupyter-lite.json"


class Site(SimpleHTTPRequestHandler):
    """Files of some folders, each under its own name: /lite/index.html is the folder lite's index.html.

    Parameters
    ----------
    folders : dict
        {name: Path}; the address without a name leads to the first.
    headers : dict
        Sent with every answer.
    """

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **KINDS}
    protocol_version = "HTTP/1.1"  # a page asks for hundreds of files: not a connection for each
    mark = None  # of the file that is asked for

    def __init__(self, *connection, folders, headers):
        self.folders, self.always = folders, headers
        super().__init__(*connection)

    def send_head(self):
        """Answer as any server of files; a browser that has the file is told so."""
        self.mark = None
        try:
            if urlsplit(self.path).path == "/":
                return self.answer(HTTPStatus.FOUND, {"Location": f"/{quote(next(iter(self.folders)))}/"})
            if name_and_rest(self.path)[0] not in self.folders:
                return self.send_error(HTTPStatus.NOT_FOUND)
            self.mark = mark_of(self.translate_path(self.path))
            if self.mark and self.headers.get("If-None-Match") == self.mark:
                return self.answer(HTTPStatus.NOT_MODIFIED)
            del self.headers["If-Modified-Since"]  # a site that was made again may have files as old as before
            return super().send_head()
        except ValueError:  # no address, or a name that no file can have
            return self.send_error(HTTPStatus.NOT_FOUND)

    def answer(self, status, headers=()):
        """An answer without content."""
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def translate_path(self, path):
        """The file of an address; its first part has been found among the folders."""
        name, rest = name_and_rest(path)
        self.directory = str(self.folders[name])
        return super().translate_path(f"/{rest}")

    def end_headers(self):
        """What goes with every answer. A file is asked about each time, as the site may be made again."""
        for name, value in self.always.items():
            self.send_header(name, value)
        if self.mark:
            self.send_header("ETag", self.mark)
        stays = self.mark and NAMED_AFTER_CONTENT.search(urlsplit(self.path).path)
        self.send_header("Cache-Control", "max-age=31536000, immutable" if stays else "no-cache")
        super().end_headers()

    def log_message(self, *arguments):
        pass


def name_and_rest(address):
    """The first part of an address, as it is meant, and what follows, as it is written: /my%20course/a%20b.js."""
    name, _, rest = urlsplit(address).path.lstrip("/").partition("/")
    return unquote(name), rest


def mark_of(path):
    """A text that is another one when the file of that path is another one; None when there is none."""
    try:
        file = os.stat(os.path.join(path, "index.html") if os.path.isdir(path) else path)
    except (OSError, ValueError):
        return None
    return f'"{file.st_size:x}-{file.st_mtime_ns:x}-{file.st_ctime_ns:x}"'


class Server(ThreadingHTTPServer):
    """A thread for each connection."""

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # on Windows two servers would share a port, and answer by turns

    def handle_error(self, request, client_address):
        """That a browser goes away is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve(folders, port=0, handler=Site, headers=SHARED_MEMORY):
    """A server of folders on this machine, to be started with serve_forever(). Port 0 takes a free one.

    RuntimeError, in one line, when a folder or the port is no good.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise RuntimeError(f"there is no folder {folder}")
    named = {Path(folder).resolve().name: Path(folder).resolve() for folder in folders}
    if len(named) < len(folders):
        raise RuntimeError(
            f"each folder needs a name of its own, and of these two have the same: {', '.join(map(str, folders))}"
        )
    try:
        return Server(("127.0.0.1", port), partial(handler, folders=named, headers=headers))
    except OverflowError:
        raise RuntimeError(f"a port is a number from 0 to 65535, not {port}") from None
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise RuntimeError(f"port {port} is taken, or not for everybody: name another one with --port") from None


def main(arguments):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="by default that of this file")
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="8000 by default")
    options = parser.parse_args(arguments)
    folders = options.folders or [Path(__file__).resolve().parent]
    try:
        if not any((folder / PAGE).is_file() for folder in folders):
            raise RuntimeError(
                f"{folders[0]} holds no course in a web page: name its folder; make lite makes build/lite"
            )
        server = serve(folders, options.port)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print("Ctrl+C ends the server. Open")
    for folder in folders:
        print(f"http://localhost:{server.server_port}/{quote(folder.resolve().name)}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
