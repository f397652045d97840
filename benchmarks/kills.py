"""`kill -9` at 50 random moments of `train`: is anything lost? `make test-kills`.

    python benchmarks/kills.py             50 kills; writes kills.md here
    python benchmarks/kills.py --kills 3   fewer; writes nothing

Each time a run of one seed goes into a folder that has the results of another one, so that every file of the results is
written over a good one. The run is killed, half of the times at any moment from its start to its end, half of the times
within milliseconds after one of its files began to be written; then every file in the folder must be readable from
its first to its last byte. Then `train --resume` is left to its end, and the folder must hold what the same command
leaves when nothing happens: weights, history, summary, misread images and pictures, to the bit, but for the seconds.
"""

import argparse
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

from bench import CORES, processor_model, system_name

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests"))
import killing  # noqa: E402

RECIPE, EPOCHS = "sigmoid-64", 3
WRITES = 11  # of the files of such a run; it writes six checkpoints, four files of results, four pictures
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE.parent)}


def command(folder, seed, *more):
    words = ["train", RECIPE, "--epochs", str(EPOCHS), "--seed", str(seed), "--out", str(folder), *more]
    return [sys.executable, "-m", "mnist_scratch", *words]


def run(folder, seed, *more):
    subprocess.run(command(folder, seed, *more), env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)


def kill_and_resume(folder, before, unbroken, moment):
    """What the run was doing when it was killed, and what lay there then; None where it had ended before."""
    shutil.copytree(before, folder)
    results = folder / RECIPE
    doing = killing.run_and_kill(command(folder, 0), results, moment, env=ENVIRONMENT)
    if doing is None:
        return None
    if broken := killing.broken(results):
        raise SystemExit(f"killed at {moment}: {broken}")
    if lost := {path.name for path in (before / RECIPE).iterdir()} - {path.name for path in results.iterdir()}:
        raise SystemExit(f"killed at {moment}: {lost} are gone")
    kept = len(list(results.glob("checkpoint-*.npz")))
    run(folder, 0, "--resume")
    if killing.left(results) != unbroken:
        raise SystemExit(f"killed at {moment}: the resumed run ended in another way")
    return doing, f"{kept} of 2 checkpoints"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    kills = parser.parse_args().kills
    rng, seen = random.Random(0), Counter()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        run(folder / "before", 1)
        shutil.copytree(folder / "before", folder / "unbroken")
        started = time.perf_counter()
        run(folder / "unbroken", 0)
        seconds = time.perf_counter() - started
        unbroken = killing.left(folder / "unbroken" / RECIPE)
        while (n := seen.total()) < kills:
            moment = (rng.uniform(0, 0.002), rng.randint(1, WRITES)) if n % 2 else (rng.uniform(0, seconds), 0)
            result = kill_and_resume(folder / "broken", folder / "before", unbroken, moment)
            shutil.rmtree(folder / "broken")
            if result is not None:
                seen[result] += 1
                print(
                    f"{n + 1:2}  {moment[0]:6.3f} s after {moment[1] or 'the start':9}  {', '.join(result)}", flush=True
                )
    lines = report(seen, seconds)
    print("\n".join(lines))
    if kills == 50:
        (HERE / "kills.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def report(seen, seconds):
    """The table, as Markdown lines; it stands only where nothing was lost."""
    return [
        "# Killed and resumed",
        "",
        f"Run on {date.today().isoformat()} by `make test-kills` on {processor_model()}, {CORES} cores, "
        f"{system_name()}; Python {platform.python_version()}. `train {RECIPE} --epochs {EPOCHS} --seed 0`, "
        f"which takes {seconds:.0f} s, was killed {seen.total()} times (SIGKILL) at random moments, in a folder with "
        "the results of another seed.",
        "",
        f"- After each of the {seen.total()} kills every file could be read from its first to its last byte, and none "
        "of those that were there before was gone.",
        f"- Each of the {seen.total()} resumed runs left what the unbroken one leaves, to the bit: weights, histories, "
        "summary, misread images, pictures; all but the seconds.",
        "",
        "| when it was killed | kept of the run so far | kills |",
        "|---|---|--:|",
        *(f"| {doing} | {kept} | {n} |" for (doing, kept), n in sorted(seen.items())),
    ]


if __name__ == "__main__":
    main()
