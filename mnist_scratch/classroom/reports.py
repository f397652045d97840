"""What runs left: pictures of one run, and all runs as one table and as one timeline."""

from pathlib import Path
from statistics import mean

import matplotlib.ticker
import numpy as np

from ..files import replacing
from ..network import Network
from ..recipes import RECIPES
from ..runs import Run, existing_folder, load_histories, load_summary, results_folder
from . import plots

# the networks in the order of the course, and what others made of each
NETWORKS = [name for name in RECIPES if f"{name}-as-published" in RECIPES]


def attempts(name):
    """Return the recipes of one network: ours, then those as published."""
    return [
        recipe for recipe in RECIPES.values() if recipe.name == name or recipe.name.startswith(f"{name}-as-published")
    ]


# -------------------------------------------------------------------------------------------- pictures of one run


def save_pictures(folder, recipe, test):
    """Draw training curves, confusion matrix, accuracy of each digit and sample predictions, beside the model.

    Parameters
    ----------
    folder : str or Path
        With the files that `run_recipe` wrote.
    recipe : Recipe
    test : Dataset
        On which the run's accuracies were measured.
    """
    summary = load_summary(folder)
    numbers = {key: summary[key][0] for key in summary if key != "settings"}  # the lowest seed, as model.npz
    run = Run(Network.load(Path(folder, "model.npz")), load_histories(folder)[numbers["seed"]], numbers)
    for name, figure in pictures(recipe, run, test).items():
        with replacing(Path(folder, f"{name}.png")) as file:
            file.write(figure.png(small=True))


def pictures(recipe, run, test):
    """Return the same as Figures, {name: Figure}, of a Run that was not interrupted."""
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverged may have left any weights
        Y_hat = run.net.predict_proba(test.images)
    answers = Y_hat.argmax(axis=1)
    counts = confusion_counts(test.labels, answers)
    digits = np.array(run.numbers["digit_accuracy"])
    accuracy = run.numbers["test_accuracy"]
    history = next(iter(run.histories.values()))
    end = "".join(f"; validation accuracy at the end {value:.2%}" for value in history.validation_accuracy[-1:])
    return {
        "training_curves": plots.training_curves(
            history,
            f"{recipe.name}: loss and accuracy over {history.epochs} epochs{end}.",
            zoom=max(0.0, min(history.validation_accuracy[1:] or history.train_accuracy[1:], default=0.0) - 0.02),
            loss_limit=1.2 * max(history.train_loss[1:] + history.validation_loss[1:], default=1.0),
        ),
        "confusion_matrix": plots.confusion_matrix(
            counts, f"{recipe.name}: confusion matrix of the test images, accuracy {accuracy:.2%}."
        ),
        "digit_accuracy": plots.intervals(
            [f"digit {digit}" for digit in range(10)],
            digits,
            1.96 * np.sqrt(digits * (1 - digits) / counts.sum(axis=1)),
            "test accuracy, with its 95 % interval",
            f"{recipe.name}: accuracy of each digit, from {min(digits):.1%} to {max(digits):.1%}.",
        ),
        "sample_predictions": _samples(recipe, test, Y_hat, answers),
    }


def confusion_counts(labels, answers, n_classes=10):
    """Return counts, (K, K): a row for each true class, a column for each answer."""
    return np.bincount(n_classes * labels + answers, minlength=n_classes**2).reshape(n_classes, n_classes)


def _samples(recipe, test, Y_hat, answers):
    """The first digit of each class that was read right, and the ten mistakes made with most confidence."""
    wrong = np.flatnonzero(answers != test.labels)
    worst = wrong[np.argsort(-Y_hat[wrong].max(axis=1), kind="stable")[:10]]
    right = [np.flatnonzero((answers == test.labels) & (test.labels == digit))[:1] for digit in range(10)]
    rows = np.concatenate([*right, worst])
    captions = [
        f"{answers[i]}" if answers[i] == test.labels[i] else f"{answers[i]}, not {test.labels[i]}" for i in rows
    ]
    alt = f"{recipe.name}: {len(rows) - len(worst)} digits read right, then the {len(worst)} most confident mistakes."
    return plots.digits(test.images[rows], captions, alt, wrong=answers[rows] != test.labels[rows])


# ---------------------------------------------------------------------------------------------------- all recipes


def accuracy_text(values):
    """Return mean and extremes of some accuracies as text: "98.31 % (98.25 to 98.40)"."""
    if len(values) == 1:
        return f"{100 * values[0]:.2f} % (one seed)"
    return f"{100 * mean(values):.2f} % ({100 * min(values):.2f} to {100 * max(values):.2f})"


def published_text(recipe):
    """Return what the authors state as test accuracy."""
    if recipe.published is None:
        return recipe.remark
    low, high = (f"{100 * value:.2f}".rstrip("0").rstrip(".") for value in recipe.published)
    return f"{low} %" if low == high else f"{low} to {high} %"


def comparison(results=None):
    """Return the table of all networks: published, as published but run by us, ours, the goal, the commands.

    Parameters
    ----------
    results : str or Path, optional
        The folder with one folder a recipe, by default the course's own.

    Returns
    -------
    str
        Markdown; what was not run is said to be missing.

    Raises
    ------
    FileNotFoundError
        When there is no such folder, or no result of any network in it.
    """
    results = _folder_with_results(results)
    lines = [
        "| network | run | test accuracy: mean (lowest to highest) | validation | training, seconds | command |",
        "|---|---|---|---|---|---|",
    ]
    for name in NETWORKS:
        ours, *published = attempts(name)
        layers = "-".join(map(str, ours.sizes))
        lines.append(f"| {layers} | stated by its authors | {published_text(published[0])} | | | |")
        for recipe in published:
            stated = f" ({recipe.remark})" if recipe is not published[0] and recipe.remark else ""
            lines.append(f"| | {kind(recipe)}{stated}, run by us | {_cells(recipe, results)}")
        lines.append(f"| | **ours**, goal {100 * ours.goal:.1f} % | {_cells(ours, results)}")
    return "\n".join(lines) + "\n"


def _cells(recipe, results):
    folder = Path(results, recipe.name)
    summary = load_summary(folder) if folder.is_dir() else {}
    command = f"`python -m mnist_scratch train {recipe.name}` |"
    if not summary:
        return f"not run yet | | | {command}"
    seconds = [f"{value:.0f}" if value >= 10 else f"{value:.1f}" for value in summary["seconds"]]
    held_out = [value for value in summary["validation_accuracy"] if value is not None]
    validation = f"{100 * mean(held_out):.2f} %" if held_out else ""
    return f"{accuracy_text(summary['test_accuracy'])} | {validation} | {', '.join(seconds)} | {command}"


def _folder_with_results(results):
    """The folder; FileNotFoundError where there is not a single run in it: a table of nothing would mislead."""
    folder = existing_folder(results_folder() if results is None else results)
    if not any(Path(folder, recipe.name, "summary.json").exists() for name in NETWORKS for recipe in attempts(name)):
        remedy = "name the folder of the results, or train one of the networks into it first"
        raise FileNotFoundError(f"{folder} holds no results of the networks: {remedy}")
    return folder


KINDS = {"as published, one batch": plots.ORANGE, "as published": plots.RED, "ours": plots.BLUE}


def kind(recipe):
    """Return whether a recipe is ours, as published, or as published with all images in one batch."""
    if recipe.all_images:
        return "ours"
    return "as published, one batch" if recipe.name.endswith("-batch") else "as published"


@plots.house_style()
def timeline(results=None):
    """Draw all runs: a panel a network, validation accuracy against seconds of training, each seed a line.

    Parameters and errors are those of `comparison`.
    """
    results = _folder_with_results(results)
    columns = min(3, len(NETWORKS))
    rows = -(-len(NETWORKS) // columns)
    figure = plots.Figure(10.0, 2.9 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel in panels[len(NETWORKS) :]:
        panel.remove()
    panels, handles = panels[: len(NETWORKS)], {}
    for panel in panels[-columns:]:
        panel.tick_params(labelbottom=True)  # also where the row below is not full
    for panel, name in zip(panels, NETWORKS, strict=True):
        ours, *published = attempts(name)
        for recipe in [*reversed(published), ours]:
            folder = Path(results, recipe.name)
            for stages in load_histories(folder).values() if folder.is_dir() else []:
                history = next(iter(stages.values()))
                x, y = history.seconds[1:], history.validation_accuracy[1:]
                look = {"color": KINDS[kind(recipe)], "label": kind(recipe), "linewidth": 1.2}
                (handles[kind(recipe)],) = panel.plot(x, y, **look)
        for low, high in [recipe.published for recipe in published if recipe.published]:
            handles["test accuracy stated by its authors"] = panel.axhspan(
                low - 5e-4, high + 5e-4, color=plots.GRAY, alpha=0.35
            )
        panel.set_title(f"{name}, {'-'.join(map(str, ours.sizes))}", fontsize=10)
        panel.set(xscale="log", ylim=(0.78, 1.0))
        panel.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0))
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("seconds of training", fontsize=10)
    figure.supylabel("validation accuracy", fontsize=10)
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=4, fontsize=9, frameon=False)
    figure.alt_text = (
        "One panel a network: validation accuracy against seconds of training, as published and ours, three seeds "
        "each, with what the authors state as a gray line."
    )
    return figure
