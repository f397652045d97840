"""Compile what a page imports while it starts; runs in Pyodide, on a folder of its files, before they travel.

Otherwise each page would compile it anew, which takes longer than all else that it does. The compiled files go into the
wheels and into the standard library, beside their sources, which tracebacks and readers still find.
"""

import importlib
import io
import pkgutil
import py_compile
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

FOLDER = Path("/pyodide")
LIBRARY = next(Path(path) for path in sys.path if path.endswith(".zip"))
PACKAGES = next(Path(path) for path in sys.path if path.endswith("site-packages"))
# source and compiled file come from one archive: there is nothing to compare
TRUSTED = {"doraise": True, "invalidation_mode": py_compile.PycInvalidationMode.UNCHECKED_HASH}


def import_what_a_page_does():
    """The kernel, the course, and whatever draws a figure."""
    for name in ("piplite.piplite", "pyodide_kernel", "mnist_scratch"):
        importlib.import_module(name)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # the kernel's have no page to print to
    for module in pkgutil.walk_packages(sys.modules["mnist_scratch"].__path__, "mnist_scratch."):
        if not module.name.startswith(("mnist_scratch.__main__", "mnist_scratch.browser.")):  # those two act at once
            importlib.import_module(module.name)
    importlib.import_module("matplotlib_inline.backend_inline")
    importlib.import_module("matplotlib.pyplot").figure().savefig(io.BytesIO())


def sources():
    """The paths of all modules that were imported from files."""
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return {Path(file) for file in files if file and file.endswith(".py")}


def add_to_wheel(wheel, modules):
    """Add the compiled files of those modules that come from a wheel."""
    with ZipFile(wheel, "a", ZIP_DEFLATED) as packed:
        for name in packed.namelist():
            if PACKAGES / name in modules:
                compiled = Path(py_compile.compile(str(PACKAGES / name), **TRUSTED))
                add(packed, compiled, compiled.relative_to(PACKAGES))


def add_to_library(library, modules):
    """Add the compiled files of those modules that come from the standard library: a.pyc beside a.py."""
    with ZipFile(library, "a", ZIP_DEFLATED) as packed, TemporaryDirectory() as scratch:
        for name in packed.namelist():
            if LIBRARY / name in modules:
                source = packed.extract(name, scratch)
                py_compile.compile(source, source + "c", str(LIBRARY / name), **TRUSTED)
                add(packed, Path(source + "c"), name + "c")


def add(packed, file, name):
    """Add a file without its date: the same sources make the same archive."""
    packed.writestr(ZipInfo(str(name)), file.read_bytes(), ZIP_DEFLATED)


import_what_a_page_does()
imported = sources()
for wheel in FOLDER.glob("*.whl"):
    add_to_wheel(wheel, imported)
add_to_library(FOLDER / "python_stdlib.zip", imported)
