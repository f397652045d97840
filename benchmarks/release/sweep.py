"""A sweep on all cores, beside the same sweep one trial after the other.

    make bench NAME=sweep                         the whole measurement; writes sweep.md here
    python -m benchmarks.release.sweep --quick    one round of short trials: does everything run? Writes nothing

How it is done, and what the figures do not say, is in benchmarks/README.md.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import peers
from benchmarks.common import CORES, processor_model, system_name
from mnist_scratch.tuning import shared_mnist, sweep

HERE = Path(__file__).resolve().parent
GOAL = 1.8  # on two cores
EPOCHS = (5, 20)  # of each trial: a short sweep and a long one
ONE_BY_ONE, THREADS, PROCESSES = "one after the other", f"{CORES} threads", f"{CORES} processes"
EXECUTORS = {
    ONE_BY_ONE: nullcontext,
    THREADS: partial(ThreadPoolExecutor, CORES),
    PROCESSES: partial(ProcessPoolExecutor, CORES),
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
            print(f"{epochs} epochs, round {r + 1}, {name}: {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
        if any(result != results[ONE_BY_ONE] for result in results.values()):
            raise RuntimeError("not the same trials, to the last bit")
    return {"trials": n_trials, "epochs": epochs, "seconds": seconds}


def machine():
    about = {"processor": processor_model(), "cores": CORES, "system": system_name()}
    return about | {"python": sys.version.split()[0], "numpy": np.__version__}


def report(sweeps, about):
    """sweep.md: a row for each sweep and executor, and the machine. sweeps: as measure returns them, a list."""
    first = sweeps[0]
    rounds = len(first["seconds"][ONE_BY_ONE])
    lines = [
        "# A sweep on all cores",
        "",
        f"{first['trials']} trials of 784-32-10 on 10,000 images in float64, with one BLAS thread. Medians "
        f"(smallest–largest) of {rounds} rounds. The speedup divides times of the same round. "
        "[How it was measured](../README.md).",
        "",
        "| epochs of a trial | | seconds | speedup |",
        "|--:|---|--:|--:|",
    ]
    for measured in sweeps:
        for name, times in measured["seconds"].items():
            ratio = str(peers.Ratio.of(measured["seconds"], ONE_BY_ONE, name)) if name != ONE_BY_ONE else ""
            spread = f"{median(times):.1f} ({min(times):.1f}–{max(times):.1f})"
            lines.append(f"| {measured['epochs']} | {name} | {spread} | {ratio} |")
    if about["cores"] == 2:
        lines += ["", f"The goal for two processes is a speedup of {GOAL}."]
        for measured in sweeps:
            reached = peers.Ratio.of(measured["seconds"], ONE_BY_ONE, PROCESSES).median >= GOAL
            lines[-1] += f" With {measured['epochs']} epochs it is {'reached' if reached else 'missed'}."
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
    sweeps = [measure(1, 2 * CORES, 1)] if options.quick else [measure(5, 24, epochs) for epochs in EPOCHS]
    results = {"sweeps": sweeps, "machine": machine()}
    lines = report(sweeps, results["machine"])
    print(lines)
    if not options.quick:
        (HERE / "sweep.md").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
