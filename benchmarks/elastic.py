"""One epoch of the recipe `elastic-mlp`, side by side with PyTorch on the same distorted images.

    make bench NAME=elastic                 the whole measurement; writes elastic.md here
    python -m benchmarks.elastic --quick    2 rounds, 3,000 images: does everything run? Writes nothing

How it is done, and what the figures do not say, is in benchmarks/README.md.
"""

import argparse
import sys
import tempfile
import time
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import peers
from mnist_scratch import Dataset
from mnist_scratch.recipes import find_recipe

HERE = Path(__file__).resolve().parent
PARTS = {"making": "making the images", "steps": "training steps", "epoch": "whole epoch"}


def one_epoch(recipe):
    """The recipe for one epoch, at the learning rate with which its schedule starts: so early it hardly moves."""
    optimizer = replace(recipe.optimizer, learning_rate=recipe.optimizer.rate(0.0))
    return replace(recipe, epochs=1, genuine_epochs=0, optimizer=optimizer)


RECIPE = one_epoch(find_recipe("elastic-mlp"))


# ----------------------------------------------------------------------------------------- the contenders
#
# Each trains a network of ours in place for one epoch, on the same batches. It returns the seconds of that, and the
# network that has the average of the weights.


def ours(recipe, net, train, threads):
    history = recipe.fit(net, train, seed=0, threads=threads, progress=False)
    return history.seconds[-1], recipe.optimizer.result(net, history.optimizer_state)


def pytorch(recipe, net, train, threads):
    import torch
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    settings = recipe.optimizer

    def running_average(averages, parameters, n):  # n counts the weights so far, those of the start included
        keep = min(settings.averaging, n.item() / (n.item() + 10))
        get_ema_multi_avg_fn(keep)(averages, parameters, n)

    torch.set_num_threads(threads)
    model = peers.torch_model(net)
    optimizer = peers.torch_optimizer(model, recipe.weight_decay, lr=settings.learning_rate, momentum=settings.momentum)
    cross_entropy = torch.nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    averaged = AveragedModel(model, multi_avg_fn=running_average)
    averaged.update_parameters(model)  # the first time, this copies
    labels = torch.from_numpy(train.labels)
    rng = np.random.default_rng([0, 0])  # as `fit` makes it, of seed and epoch
    with threadpool_limits(threads, user_api="blas"):  # for the distortion
        started = time.perf_counter()
        order = rng.permutation(len(train))
        for step, first in enumerate(range(0, len(train), recipe.batch_size), start=1):
            rows = order[first : first + recipe.batch_size]
            X = torch.from_numpy(recipe.augment(train.images[rows], rng))
            loss = cross_entropy(model(X), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 10 == 0:
                averaged.update_parameters(model)
        seconds = time.perf_counter() - started
    average = net.copy()
    for trained, source in ((net, model), (average, averaged.module)):
        for parameter, array in zip(trained.parameters(), peers.torch_parameters(source), strict=True):
            parameter[...] = array
    return seconds, average


CONTENDERS = {"ours": ours, "PyTorch": pytorch}


# ---------------------------------------------------------------------------------------- the measurement


class Watched:
    """A distortion that keeps the seconds that it takes, and a checksum of all images that it made.

    The checksum takes seconds too, checking: nobody's work, so they are taken off the epoch.
    """

    def __init__(self, distortion):
        self.distortion, self.seconds, self.checking, self.checksum = distortion, 0.0, 0.0, 0

    def __call__(self, images, rng):
        started = time.perf_counter()
        distorted = self.distortion(images, rng)
        made = time.perf_counter()
        self.checksum = zlib.crc32(distorted, self.checksum)
        self.seconds += made - started
        self.checking += time.perf_counter() - made
        return distorted


def measure_epoch(path, contender, threads):
    """One epoch of one contender, after ten steps for warming up; in a process of its own."""
    train = Dataset(*peers.load_data(path, batch_size=1))
    run = partial(CONTENDERS[contender], threads=threads)
    run(RECIPE, RECIPE.network(seed=0), train[: 10 * RECIPE.batch_size])
    watched = Watched(RECIPE.augment)
    seconds, average = run(replace(RECIPE, augment=watched), RECIPE.network(seed=0), train)
    seconds -= watched.checking
    times = {"making": watched.seconds, "steps": seconds - watched.seconds, "epoch": seconds}
    loss = average.loss(train.images, train.labels).data
    return times | {"loss": loss, "checksum": watched.checksum}


def measure(rounds, n_images):
    """Everything, as numbers. What the epochs gave is kept by variant, "PyTorch, 1 thread", a list for each number."""
    variants = {f"{name}, {text}": (name, n) for n, text in peers.THREADS.items() for name in CONTENDERS}
    epochs = {variant: [] for variant in variants}
    with tempfile.TemporaryDirectory() as folder:
        run = partial(peers.in_own_process, path=Path(folder))
        results = run(peers.prepare, n_images=n_images, n_validation=0) | {"settings": RECIPE.settings}
        for _ in range(rounds):
            for variant, (name, threads) in variants.items():
                epochs[variant].append(run(measure_epoch, contender=name, threads=threads))
    results["epochs"] = {who: {key: [row[key] for row in rows] for key in rows[0]} for who, rows in epochs.items()}
    require_the_same_training(results["epochs"])
    return results


def require_the_same_training(epochs):
    """RuntimeError unless all had the same images, to the bit, and came to the same loss but for rounding."""
    checksums = {checksum for runs in epochs.values() for checksum in runs["checksum"]}
    if len(checksums) != 1:
        raise RuntimeError(f"not the same distorted images: {epochs}")
    losses = [loss for runs in epochs.values() for loss in runs["loss"]]
    # in 235 steps at this rate rounding grows: even two thread counts of one contender differ by a hundredth.
    # That both do the same is shown to the last digit by test_parity.py, in fewer steps
    if not np.ptp(losses) < 0.05 * np.min(losses):  # so written, NaN is caught too
        raise RuntimeError(f"not the same training, the losses differ: {losses}")


# ------------------------------------------------------------------------------------------------ the report


def report(results):
    """elastic.md: a row for each variant and for the ratios, the losses, and the machine."""
    epochs = results["epochs"]
    rounds = len(next(iter(epochs.values()))["epoch"])
    lines = [
        "# One epoch of `elastic-mlp`, side by side",
        "",
        f"{'-'.join(map(str, RECIPE.sizes))}, mini-batch {RECIPE.batch_size}, {results['n_images']:,} images, float32. "
        f"Medians (smallest–largest) of {rounds} rounds, in seconds. A ratio is PyTorch's time over ours in the same "
        "round: above 1, ours is faster. [How it was measured](README.md).",
        "",
        f"| | {' | '.join(PARTS.values())} |",
        "|---|" + "--:|" * len(PARTS),
    ]
    seconds = {part: {variant: runs[part] for variant, runs in epochs.items()} for part in PARTS}
    for variant in epochs:
        times = [seconds[part][variant] for part in PARTS]
        cells = [f"{median(some):.2f} ({min(some):.2f}–{max(some):.2f})" for some in times]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    pairs = {text: (f"PyTorch, {text}", f"ours, {text}") for text in peers.THREADS.values()}
    pairs["each at its best"] = tuple(peers.best(seconds["epoch"], who) for who in ("PyTorch", "ours"))
    for text, (theirs, mine) in pairs.items():
        ratios = [str(peers.Ratio.of(seconds[part], theirs, mine)) for part in PARTS]
        lines.append(f"| **PyTorch / ours**, {text} | {' | '.join(ratios)} |")
    losses = {variant: runs["loss"][-1] for variant, runs in epochs.items()}
    lines += [
        "",
        "All trained on the same distorted images, to the bit. The loss of the averaged weights on the images as they "
        f"were, after the epoch: {'; '.join(f'{variant}: {loss:.6f}' for variant, loss in losses.items())}.",
        "",
        f"{peers.machine_text(results['machine'])}.",
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description="One epoch of the recipe elastic-mlp beside PyTorch.")
    parser.add_argument("--quick", action="store_true", help="2 rounds, 3,000 images; writes nothing")
    parser.add_argument("--rounds", type=int, help="how many (default 5)")
    parser.add_argument("--task", help=argparse.SUPPRESS)  # a child of this very file
    options = parser.parse_args()
    if options.task:
        peers.run_task(options.task, [measure_epoch])
        return
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    started = time.perf_counter()
    results = measure(options.rounds or (2 if options.quick else 5), n_images=3_000 if options.quick else 60_000)
    print(f"measured in {(time.perf_counter() - started) / 60:.1f} minutes", file=sys.stderr)
    print(report(results))
    if not options.quick:
        (HERE / "elastic.md").write_text(report(results), encoding="utf-8")


if __name__ == "__main__":
    main()
