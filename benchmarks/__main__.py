"""Run one of the measurements, or list them: `make bench NAME=sliders`.

python -m benchmarks                    the list
python -m benchmarks sliders --quick    one of them, with options of its own
"""

import ast
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def measurements():
    """All scripts by name: {name: path}."""
    paths = sorted(HERE.glob("*.py")) + sorted(HERE.glob("release/*.py"))
    return {path.stem: path for path in paths if not path.stem.startswith(("_", "common", "test_"))}


def first_line(path):
    """The first sentence of a script's docstring."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[0]


def main(arguments):
    """Run the measurement that is named first, with the other arguments; without a name, list all."""
    found = measurements()
    if arguments and arguments[0] in found:
        path = found[arguments[0]]
        sys.argv[1:] = arguments[1:]
        module = ".".join(path.relative_to(HERE.parent).with_suffix("").parts)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return 0
    if arguments:
        print(f"there is no measurement {arguments[0]!r}; these are there:", file=sys.stderr)
    for name, path in found.items():
        print(f"make bench NAME={name:13} {first_line(path)}")
    return int(bool(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
