"""Matrix products in a web page with NumPy's own loops, with the course's, and on this machine with one thread.

    make lite PYODIDE=folder, then
    make bench NAME=products                            some minutes; writes products.md here
    python -m benchmarks.release.products --quick       one round of short times: does everything run? Writes nothing

Page and machine take turns, product by product. A time is the least of many: what else runs only ever makes it longer.
"""

import argparse
import gzip
import inspect
import json
import sys
import time
from datetime import date
from pathlib import Path
from statistics import geometric_mean

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import processor_model, system_name
from mnist_scratch.browser import products
from tools import lab

HERE = Path(__file__).resolve().parent
SITE = lab.ROOT / "build" / "lite"
KINDS = ("float32", "float64")
# the sizes m, k, n of a product, and which of its matrices lie transposed: those of the course's networks, and others
SHAPES = [
    (128, 784, 128, ""),
    (784, 128, 128, "A"),
    (128, 128, 784, "B"),
    (128, 128, 64, ""),
    (128, 64, 10, ""),
    (64, 128, 10, "A"),
    (128, 10, 64, "B"),
    (10, 784, 100, ""),
    (784, 10, 100, "A"),
    (2000, 784, 128, ""),
    (256, 784, 1024, ""),
    (784, 256, 1024, "A"),
    (256, 1024, 1024, ""),
    (256, 1024, 1024, "B"),
    (1, 784, 128, ""),
    (1000, 784, 1, ""),
    (1, 784, 1, ""),
    *((n, n, n, "") for n in (2, 8, 16, 32, 64, 128, 256, 512, 1024)),
]
FUNCTIONS = {"exp": "np.exp(Z)", "tanh": "np.tanh(Z)", "maximum": "np.maximum(Z, 0)"}
ELEMENTS = 128 * 128
IN_THE_PAGE = """
import json, time
import numpy as np
from mnist_scratch.browser import products

def change_loops():
    for (function, kind), loop in products.own.items():
        products.own[function, kind] = products.replace(function, kind, loop)

def both(setup, expression, patience):
    after = milliseconds(setup, expression, patience)
    change_loops()
    before = milliseconds(setup, expression, patience)
    change_loops()
    print(json.dumps([before, after]))

assert products.install(), "the page has no fast products"
"""


def milliseconds(setup, expression, patience):
    """The least time of an expression, after a setup, in so many seconds."""
    names = {"np": np, "rng": np.random.default_rng(0)}
    exec(f"{setup}\ndef run(count):\n    for _ in range(count):\n        {expression}", names)
    began, count, least = time.perf_counter(), 1, float("inf")
    while time.perf_counter() - began < patience or least == float("inf"):
        start = time.perf_counter()
        names["run"](count)
        took = time.perf_counter() - start
        if took < 0.005:  # a page's clock is coarse
            count *= 2
        else:
            least = min(least, took / count)
    return 1000 * least


def setup_of(name, rows, columns, transposed, kind):
    """Python that makes one matrix of a product."""
    shape, view = ((columns, rows), ".T") if transposed else ((rows, columns), "")
    return f"{name} = rng.standard_normal({shape}).astype('{kind}'){view}"


def tasks():
    """All that is measured: {(words, kind of numbers): (setup, expression)}."""
    found = {}
    for kind in KINDS:
        for m, k, n, transposed in SHAPES:
            left, right = (f"({k},{m}).T" if "A" in transposed else f"({m},{k})"), f"({k},{n})"
            words = f"{left} @ ({n},{k}).T" if "B" in transposed else f"{left} @ {right}"
            setup = setup_of("A", m, k, "A" in transposed, kind) + "\n" + setup_of("B", k, n, "B" in transposed, kind)
            found[words, kind] = (setup, "A @ B")
        for words, expression in FUNCTIONS.items():
            found[words, kind] = (f"Z = rng.standard_normal({ELEMENTS}).astype('{kind}')", expression)
    return found


def measure(rounds, patience):
    """{task: milliseconds [with NumPy's own loops in the page, with the course's, here]}, and the browser's version."""
    found = {}
    with lab.browser() as browser, lab.files(SITE) as address, threadpool_limits(1):
        notebook = lab.Notebook(browser, address, "00_start_here", lite=True)

        def execute(code):
            return notebook.execute(code).strip().splitlines()[-1:]

        execute(f"{inspect.getsource(milliseconds)}\n{IN_THE_PAGE}")
        for turn in range(rounds):
            for task, (setup, expression) in tasks().items():
                said = execute(f"both({setup!r}, {expression!r}, {patience})")
                try:
                    times = [*json.loads(said[0]), milliseconds(setup, expression, patience)]
                except (LookupError, ValueError):
                    raise RuntimeError(f"the page says: {said}") from None
                found[task] = [min(pair) for pair in zip(times, found.get(task, times), strict=True)]
            print(f"round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
        notebook.close()
        return found, browser.browser.version


def report(found, browser):
    """The results as Markdown lines."""
    content = products.LIBRARY.read_bytes()
    lines = [
        "# Matrix products in a web page",
        "",
        f"Measured on {date.today().isoformat()} by `make bench NAME=products` on {processor_model()}, "
        f"{system_name()}, with NumPy {np.__version__} and its BLAS on one thread, beside the page in Chromium "
        f"{browser}; page and machine took turns. `products.wasm` has {len(content):,} bytes, "
        f"{len(gzip.compress(content, 9)):,} compressed.",
        "",
        "| product | numbers | page before, ms | page, ms | times faster | GFLOP/s | machine, ms | page / machine |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    ratios, gains = {kind: [] for kind in KINDS}, {kind: [] for kind in KINDS}
    work = iter([2 * m * k * n for _ in KINDS for m, k, n, _ in SHAPES])
    for (words, kind), (before, after, native) in found.items():
        if words not in FUNCTIONS:
            ratios[kind].append(after / native)
            gains[kind].append(before / after)
            lines.append(
                f"| {words} | {kind} | {before:.3g} | {after:.3g} | {before / after:.1f} "
                f"| {next(work) / after / 1e6:.1f} | {native:.3g} | {after / native:.1f} |"
            )
    both = [sum(ratios.values(), []), sum(gains.values(), [])]
    lines += [
        "",
        f"Geometric means: page / machine {geometric_mean(both[0]):.2f} "
        f"({', '.join(f'{kind} {geometric_mean(ratios[kind]):.2f}' for kind in KINDS)}); "
        f"{geometric_mean(both[1]):.1f} times faster than before "
        f"({', '.join(f'{kind} {geometric_mean(gains[kind]):.1f}' for kind in KINDS)}).",
        "",
        "| function | numbers | page before, ns an element | page | machine | page / machine |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for (words, kind), times in found.items():
        if words in FUNCTIONS:
            before, after, native = (1e6 * took / ELEMENTS for took in times)
            lines.append(f"| {words} | {kind} | {before:.2f} | {after:.2f} | {native:.2f} | {after / native:.1f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of short times; writes nothing")
    quick = parser.parse_args().quick
    if line := lab.what_is_missing():
        raise SystemExit(line)
    if not (SITE / "static" / "pyodide" / "pyodide.mjs").is_file():
        raise SystemExit("make lite PYODIDE=folder comes first: there is no build/lite with a Python of its own")
    lines = report(*measure(*(1, 0.02) if quick else (6, 0.05)))
    print("\n".join(lines))
    if not quick:
        (HERE / "products.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
