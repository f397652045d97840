"""A sweep on all cores, beside the same sweep one trial after the other: `make bench-sweep`.

    python benchmarks/sweep.py           the whole measurement; writes sweep.json and sweep.md here
    python benchmarks/sweep.py --quick   one round of short trials: does everything run? Writes nothing

How it is done, and what the figures do not say, is in benchmarks/README.md.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import median

import bench
import numpy as np

from mnist_scratch.tuning import shared_mnist, sweep

HERE = Path(__file__).resolve().parent
GOAL = 1.8  # on two cores
ONE_BY_ONE, THREADS, PROCESSES = "one after the other", f"{bench.CORES} threads", f"{bench.CORES} processes"
EXECUTORS = {
    ONE_BY_ONE: nullcontext,
    THREADS: partial(ThreadPoolExecutor, bench.CORES),
    PROCESSES: partial(ProcessPoolExecutor, bench.CORES),
}


def configurations(n_trials, epochs):
    """A row of learning rates, as in notebook 07."""
    rates = np.geomspace(1e-3, 0.5, n_trials).tolist()
    return [{"learning_rate": rate, "n_train": 10_000, "epochs": epochs} for rate in rates]


def measure(rounds, n_trials, epochs):
    """{executor: seconds of each round}, from making it to its last result. RuntimeError unless all give the same."""
    tasks, names = configurations(n_trials, epochs), list(EXECUTORS)
    seconds = {name: [] for name in names}
    shared_mnist()  # as in a notebook, which has it before it sweeps
    sweep(tasks[:1])  # for warming up
    for r in range(rounds):
        results = {}
        for name in names[r % len(names) :] + names[: r % len(names)]:  # each comes first now and then
            started = time.perf_counter()
            with EXECUTORS[name]() as executor:
                results[name] = sweep(tasks, executor)
            seconds[name].append(time.perf_counter() - started)
            print(f"round {r + 1}, {name}: {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
        if any(result != results[ONE_BY_ONE] for result in results.values()):
            raise RuntimeError("not the same trials, to the last bit")
    return {"trials": n_trials, "epochs": epochs, "seconds": seconds, "machine": machine()}


def machine():
    about = {"processor": bench.processor_model(), "cores": bench.CORES, "system": bench.system_name()}
    return about | {"python": sys.version.split()[0], "numpy": np.__version__}


def report(results):
    """sweep.md: a row for each executor, and the machine."""
    seconds, about = results["seconds"], results["machine"]
    lines = [
        "# A sweep on all cores",
        "",
        f"{results['trials']} trials of 784-32-10, each {results['epochs']} epochs on 10,000 images in float64, with "
        f"one BLAS thread. Medians (smallest–largest) of {len(seconds[ONE_BY_ONE])} rounds. The speed-up divides times "
        "of the same round. [How it was measured](README.md).",
        "",
        "| | seconds | speed-up |",
        "|---|--:|--:|",
    ]
    for name, times in seconds.items():
        ratio = str(bench.Ratio.of(seconds, ONE_BY_ONE, name)) if name != ONE_BY_ONE else ""
        lines.append(f"| {name} | {median(times):.1f} ({min(times):.1f}–{max(times):.1f}) | {ratio} |")
    if about["cores"] == 2:
        reached = bench.Ratio.of(seconds, ONE_BY_ONE, PROCESSES).median >= GOAL
        lines += ["", f"The goal for two processes, a speed-up of {GOAL}, is {'reached' if reached else 'missed'}."]
    lines += [
        "",
        "All executors gave the same trials, to the last bit.",
        "",
        f"Machine: {about['processor']}, {about['cores']} cores, {about['system']}; Python {about['python']}; NumPy "
        f"{about['numpy']}.",
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description="A sweep on all cores, beside the same sweep on one.")
    parser.add_argument("--quick", action="store_true", help="one round of short trials; writes nothing")
    options = parser.parse_args()
    results = measure(1, 2 * bench.CORES, 1) if options.quick else measure(5, 24, 5)
    print(report(results))
    if not options.quick:
        (HERE / "sweep.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (HERE / "sweep.md").write_text(report(results), encoding="utf-8")


if __name__ == "__main__":
    main()
