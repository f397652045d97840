"""Try learning rates and λ for our recipes on the held-out images, and write what was tried to results/choice.md.

    python results/choose_settings.py RECIPE --learning-rates 0.1 0.2 --weight-decays 1e-4 2e-4

Each setting is trained on 50,000 images for the recipe's epochs with two seeds, two processes at a time with one BLAS
thread each (set OPENBLAS_NUM_THREADS=1); the mean validation accuracy at the last epoch decides. The test images are
not touched. What was tried before stays in the table.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from mnist_scratch.data import load_mnist
from mnist_scratch.files import replacing
from mnist_scratch.optimizers import SGD, CosineSchedule
from mnist_scratch.recipes import find_recipe
from mnist_scratch.tuning import sweep

RESULTS = Path(__file__).resolve().parent
SEEDS = (0, 1)


def main():
    """Sweep one recipe's grid and add it to the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("--learning-rates", type=float, nargs="+", required=True)
    parser.add_argument("--weight-decays", type=float, nargs="+", required=True)
    options = parser.parse_args()
    name = find_recipe(options.recipe).name
    grid = [(eta, decay) for eta in options.learning_rates for decay in options.weight_decays]
    configurations = [
        {"name": name, "learning_rate": eta, "weight_decay": decay, "seed": seed}
        for eta, decay in grid
        for seed in SEEDS
    ]
    with ProcessPoolExecutor(2) as executor:
        accuracies = sweep(configurations, executor, run=validation_accuracy)
    if None in accuracies:
        raise SystemExit("nothing is written")
    means = [sum(accuracies[i : i + len(SEEDS)]) / len(SEEDS) for i in range(0, len(accuracies), len(SEEDS))]

    stored = RESULTS / "choice.json"
    tables = json.loads(stored.read_text()) if stored.exists() else {}
    tried = {(eta, decay): accuracy for eta, decay, accuracy in tables.get(name, [])}
    tried |= dict(zip(grid, means, strict=True))
    tables[name] = [[*setting, round(accuracy, 5)] for setting, accuracy in sorted(tried.items())]
    with replacing(stored) as file:
        lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(rows)}" for key, rows in tables.items())
        file.write(f"{{\n{lines}\n}}\n".encode())
    with replacing(RESULTS / "choice.md") as file:
        file.write("\n".join([HEADER, *(table(*item) for item in tables.items())]).encode())
    print(table(name, tables[name]))


HEADER = """# What was tried

Mean validation accuracy at the last epoch, two seeds, for each learning rate η (rows) and weight decay λ (columns).
Written by `choose_settings.py`, beside this file; the test images were not used. The best of each table, in bold, is
what `mnist_scratch/recipes.py` holds.
"""


def validation_accuracy(name, learning_rate, weight_decay, seed):
    """Train once on 50,000 images; the accuracy on the 10,000 held-out ones."""
    recipe, mnist = find_recipe(name), shared_data()
    optimizer = SGD(CosineSchedule(learning_rate, recipe.epochs), momentum=0.9)
    recipe = replace(recipe, optimizer=optimizer, weight_decay=weight_decay)
    net = recipe.network(seed)
    recipe.fit(net, mnist.train, seed, progress=False)
    return net.accuracy(mnist.validation.images, mnist.validation.labels)


@lru_cache(maxsize=1)
def shared_data():
    """MNIST, loaded once in each process."""
    return load_mnist()


def table(name, rows):
    """One recipe's accuracies as a Markdown table; what was not tried stays empty."""
    tried = {(eta, decay): accuracy for eta, decay, accuracy in rows}
    best = max(tried, key=tried.get)
    rates, decays = (sorted(set(values)) for values in zip(*tried, strict=True))
    lines = [f"## {name}\n", "| η \\ λ | " + " | ".join(f"{decay:g}" for decay in decays) + " |"]
    lines.append("|---" * (len(decays) + 1) + "|")
    for eta in rates:
        texts = [f"{100 * tried[eta, decay]:.2f} %" if (eta, decay) in tried else "" for decay in decays]
        texts = [f"**{text}**" if (eta, decay) == best else text for decay, text in zip(decays, texts, strict=True)]
        lines.append(f"| {eta:g} | " + " | ".join(texts) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
