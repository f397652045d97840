"""Every Python process of the tests is closed: it reaches this machine alone, and writes where the course may.

Python runs this file when it starts, because conftest.py puts its folder on PYTHONPATH: in the tests, in what they
start, and in the notebooks' kernels. An address outside is refused as on a machine without a network; that, and
every write outside the folders in CLOSED_ALLOWED, becomes a line in the file CLOSED_LOG, and a red run at its end.

Not seen: what C code does by itself. Without a network at all, on Linux:

    unshare --map-root-user --net sh -c "ip link set lo up && make test"
"""

import errno
import os
import re
import sys

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_JUPYTERS_OWN = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
_PYTHONS_OWN = r"(pymp-|[a-z0-9_]{8}\Z)"  # multiprocessing's; and tempfile's, to see if one may write at all
_OWN_NAME = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def _host(_socket, address):
    return address[0] if isinstance(address, tuple) else None  # a file's name is a socket of this machine


def _bound_to(_socket, address):
    return _host(_socket, address) if _host(_socket, address) != "" else "every address of this machine"


# event: the host that it is about; None for this machine
_HOSTS = {
    "socket.connect": _host,
    "socket.sendto": _host,
    "socket.sendmsg": _host,
    "socket.bind": _bound_to,
    "socket.getaddrinfo": lambda host, *_: host,
    "socket.gethostbyname": lambda host: host,
    "socket.gethostbyaddr": lambda host: host,
}
# event: the path that it changes; None for none
_PATHS = {
    "open": lambda path, _mode, flags: path if flags & _WRITING else None,
    "os.mkdir": lambda path, _mode, folder: path if folder == -1 else None,
    "os.rename": lambda _source, path, _from, folder: path if folder == -1 else None,
    "os.link": lambda _source, path, _from, folder: path if folder == -1 else None,
    "os.symlink": lambda _source, path, folder: path if folder == -1 else None,
    "os.remove": lambda path, folder: path if folder == -1 else None,
    "os.rmdir": lambda path, folder: path if folder == -1 else None,
    "os.truncate": lambda path, _length: path,
    "shutil.rmtree": lambda path, *_: path,
    "sqlite3.connect": lambda path: path if os.fsdecode(path) != ":memory:" else None,
}


def _is_this_machine(host):
    host = os.fsdecode(host) if isinstance(host, (str, bytes)) else ""  # a number: the system's own kinds of sockets
    return host in ("", "localhost", "::1", _OWN_NAME) or re.fullmatch(r"127(\.\d+){3}", host) is not None


def _is_allowed(path):
    if isinstance(path, int):  # a file that is open already
        return True
    path = os.fsdecode(path)
    if path == os.devnull or f"{os.sep}__pycache__" in path:  # where Python keeps what it has compiled
        return True
    path = os.path.realpath(path)
    folders = os.environ.get("CLOSED_ALLOWED", os.sep).split(os.pathsep)
    folders += [os.path.realpath(os.environ[name]) for name in _JUPYTERS_OWN if name in os.environ]
    temporary = os.environ.get("CLOSED_TEMPORARY", os.sep)
    if "ipykernel_launcher" in sys.orig_argv:  # tests have temporary files; notebooks none, but for Python's own
        return _is_in(path, folders) or bool(re.match(re.escape(temporary + os.sep) + _PYTHONS_OWN, path))
    return _is_in(path, [*folders, temporary])


def _is_in(path, folders):
    return any(path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


def _note(event, what):
    if log := os.environ.get("CLOSED_LOG"):
        line = f"{event} {what}, in {' '.join(sys.orig_argv)[:200]!r}\n"
        file = os.open(log, os.O_WRONLY | os.O_APPEND)  # one write: lines of several processes do not mix
        os.write(file, line.encode())
        os.close(file)


def _watch(event, arguments):
    if event in _HOSTS:
        host = _HOSTS[event](*arguments)
        if not _is_this_machine(host):
            _note(event, host)
            raise OSError(errno.ENETUNREACH, f"the tests reach this machine alone, not {host}")
    elif event in _PATHS:
        path = _PATHS[event](*arguments)
        if path is not None and path != os.environ.get("CLOSED_LOG") and not _is_allowed(path):
            _note(event, path)


sys.addaudithook(_watch)
