"""Try variations of `elastic-mlp` on the held-out images, and add what came out to results/elastic-tried.json.

    OPENBLAS_NUM_THREADS=1 python results/try_elastic.py rotate=9 "elastic=1.5 smoothness=4" --epochs 40

Each variation is a list of changes, NAME=VALUE, of the recipe, its optimizer or its distortion; an empty text is the
recipe with one network alone; ensemble=2 makes it two. It is trained on some 50,000 images, two at a time in processes
with one BLAS thread each, and measured at its last epoch on the others: all images by those of the 539 writers whose
number leaves a remainder of 5 when it is divided by 6, or with `--held-out last` the last 10,000. The test images are
not touched. results/elastic-tried.md shows all rows as a table; with no variation, it is written anew and nothing is
trained.
"""

import argparse
import ast
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import fields, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from mnist_scratch.averaging import ensemble
from mnist_scratch.data import load_mnist, one_hot, read_idx
from mnist_scratch.distortions import Distortion
from mnist_scratch.files import course_folder, replacing
from mnist_scratch.functions import softmax_cross_entropy
from mnist_scratch.network import Network
from mnist_scratch.recipes import find_recipe

LOGGED = ("learning_rate", "final", "averaging", "weight_decay", "label_smoothing", "genuine_epochs", "ensemble")
LOGGED += tuple(field.name for field in fields(Distortion))
WRITERS = "train-writers-idx1-short.gz"
STORED = Path(__file__).resolve().parent / "elastic-tried.json"
COLUMNS = {
    "held_out": "held out",
    "hidden": "hidden units",
    "ensemble": "networks",
    "epochs": "epochs",
    "batch_size": "mini-batch",
    "genuine_epochs": "genuine epochs",
    "learning_rate": "η",
    "final": "last η",
    "averaging": "β",
    "weight_decay": "λ",
    "label_smoothing": "labels smoothed",
    "translate": "moved by",
    "rotate": "turned by",
    "scale": "scaled by",
    "shear": "sheared by",
    "elastic": "bent by",
    "smoothness": "width *s*",
    "seed": "seed",
}
INTRODUCTION = """# What was tried for `elastic-mlp`

Each row is one run: its settings, and the accuracy and loss on the held-out images after the last epoch. Written by
`try_elastic.py`, beside this file, from `elastic-tried.json`; the test images were not used. β belongs to the average
of the weights. The loss is that of the logits times the one factor that makes it smallest, because smoothed labels make
the logits small.

Two sets of images were held out. At first, the last 10,000 of the training file: 4,080 of them are by writers who also
wrote images that were trained on, and all their writers but one are students; the others are by employees. The test
images, half of them by students, are all by people who wrote no training image. So the later rows hold out all 9,976
images by 89 people, of both kinds. Rows of different sets cannot be compared.

Where something stands in the last column, the code was changed for the run, and the change was not kept.

Most settings were run with one seed. Where two rows differ by less than the seeds of one setting do, the difference
means nothing; a larger one is a hint, not a proof. Nothing here says that the recipe should distort as strongly as it
does: that was a guess about the test images.

"""


def main():
    """Train all variations and store a row for each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variations", nargs="*", metavar="CHANGES")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--held-out", choices=("writers", "last"), default="writers")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--models", type=Path, help="a folder that keeps the networks, and saves training them again")
    options = parser.parse_args()
    held_out = "last 10,000" if options.held_out == "last" else "writers"
    models = options.models and options.models / options.held_out
    jobs = [(text, options.epochs, seed, held_out, models) for text in options.variations for seed in options.seeds]
    for text in options.variations:
        varied(text, options.epochs)  # a slip of the pen should show up now
    with ProcessPoolExecutor(options.processes) as executor:
        for done in as_completed([executor.submit(attempt, *job) for job in jobs]):
            row = done.result()
            tried = json.loads(STORED.read_text()) if STORED.exists() else []
            with replacing(STORED) as file:
                lines = ",\n".join(json.dumps(row) for row in [*tried, row])
                file.write(f"[\n{lines}\n]\n".encode())
            print(row, flush=True)
    with replacing(STORED.with_suffix(".md")) as file:
        file.write(page(json.loads(STORED.read_text())).encode())


def page(tried):
    """All rows as a table in Markdown."""
    heads = [*COLUMNS.values(), "accuracy", "loss", "unusual"]
    lines = [heads, ["---"] * len(heads)]
    for row in sorted(tried, key=lambda row: (row["held_out"], row["hidden"], row["ensemble"], row["epochs"])):
        settings = [value if isinstance(value := row[name], str) else f"{value:g}" for name in COLUMNS]
        found = [f"{row['validation_accuracy']:.2%}".replace("%", " %"), f"{row['validation_loss']:.4f}"]
        lines.append([*settings, *found, row.get("remark", "")])
    return INTRODUCTION + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def attempt(text, epochs, seed, held_out, models):
    """Train one variation with one seed; returns its row."""
    recipe, (images, validation) = varied(text, epochs), shared_data(held_out)
    seeds = range(seed * recipe.ensemble, (seed + 1) * recipe.ensemble)
    key = sha256(json.dumps(replace(recipe, ensemble=1).settings).encode()).hexdigest()[:12]
    paths = [models / f"{key}-{one}.npz" if models else None for one in seeds]
    trained = [train(recipe, images, *member) for member in zip(seeds, paths, strict=True)]
    logits = ensemble([net for net, _ in trained]).forward(validation.images)
    accuracy = float((logits.argmax(axis=1) == validation.labels).mean())
    histories = [history for _, history in trained if history is not None]
    row = {"held_out": held_out} | described(recipe) | {"ensemble": recipe.ensemble, "seed": seed}
    if len(histories) == recipe.ensemble:
        row["train_loss"] = round(sum(history.train_loss[-1] for history in histories) / len(histories), 5)
        row["seconds"] = round(sum(history.seconds[-1] for history in histories))
    row["validation_loss"] = round(scaled_loss(logits, validation.labels), 5)
    return row | {"validation_accuracy": accuracy}


def train(recipe, images, seed, path):
    """One network and its History, which is None when the network was found at path."""
    if path is not None and path.exists():
        return Network.load(path), None
    net = recipe.network(seed)
    history = recipe.fit(net, images, seed, progress=False)
    net = recipe.optimizer.result(net, history.optimizer_state)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        net.save(path)
    return net, history


def scaled_loss(logits, labels):
    """The cross-entropy of the logits times the factor, of some, that makes it smallest.

    It tells runs apart that differ by a few of 10,000 answers, where the accuracy is mostly noise. The factor is for
    smoothed labels, which make logits small.
    """
    Y = one_hot(labels, dtype="float64")
    return min(softmax_cross_entropy(factor * logits.astype("float64"), Y).item() for factor in np.arange(0.5, 3, 0.1))


def described(recipe):
    """What was varied, in full: the recipe itself may change."""
    optimizer = recipe.optimizer
    row = {"hidden": "-".join(map(str, recipe.sizes[1:-1])), "epochs": recipe.epochs, "batch_size": recipe.batch_size}
    row |= {"learning_rate": optimizer.learning_rate.learning_rate, "final": optimizer.learning_rate.final}
    row |= {"averaging": optimizer.averaging, "weight_decay": recipe.weight_decay}
    row |= {"label_smoothing": recipe.label_smoothing}
    return row | {"genuine_epochs": recipe.genuine_epochs} | vars(recipe.augment)


def varied(text, epochs):
    """One network of `elastic-mlp` with the changes of one line, and so many epochs."""
    changes = {name: ast.literal_eval(value) for name, value in (change.split("=") for change in text.split())}
    recipe, shown = replace(find_recipe("elastic-mlp"), ensemble=1), list(changes)

    def changed(part):
        mine = {field.name for field in fields(part)} & set(changes)
        return replace(part, **{name: changes.pop(name) for name in mine})

    schedule = changed(recipe.optimizer.learning_rate)
    optimizer = changed(replace(recipe.optimizer, learning_rate=schedule))
    other = replace(recipe, augment=changed(recipe.augment), optimizer=optimizer)
    other = changed(other.with_epochs(epochs))
    if changes:
        raise ValueError(f"no part of the recipe has {', '.join(changes)}")
    hidden = set(shown) - {"sizes", "epochs", "batch_size", *LOGGED}
    if hidden:
        raise ValueError(f"the log has no column for {', '.join(sorted(hidden))}")
    return other


@lru_cache(maxsize=1)
def shared_data(held_out):
    """What is trained on, and what is held out; loaded once in each process."""
    if held_out != "writers":
        mnist = load_mnist()
        return mnist.train, mnist.validation
    images = load_mnist(n_validation=0).train
    theirs = read_idx(course_folder("data", WRITERS) / WRITERS) % 6 == 5
    return images[~theirs], images[theirs]


if __name__ == "__main__":
    main()
