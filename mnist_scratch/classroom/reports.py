"""What runs left: pictures of one run, and all runs as one table and as one timeline."""

import json
from pathlib import Path
from statistics import mean
from textwrap import fill

import numpy as np

from .. import checks
from ..files import replacing
from ..network import Network
from ..recipes import RECIPES
from ..runs import Run, existing_folder, load_histories, load_summary, results_folder
from ..tuning import wilson_interval
from . import plots


def attempts(name):
    """Return the recipes of one network: ours, then those as published, if there are any."""
    return [
        recipe for recipe in RECIPES.values() if recipe.name == name or recipe.name.startswith(f"{name}-as-published")
    ]


# the networks in the order of the course: those of which others say something
NETWORKS = [
    recipe.name
    for recipe in RECIPES.values()
    if recipe.all_images and (recipe.remark or len(attempts(recipe.name)) > 1)
]


# -------------------------------------------------------------------------------------------- pictures of one run


def save_pictures(folder, recipe, test):
    """Draw training curves, confusion matrix, accuracy of each class and sample predictions, beside the model.

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
    names = plots.class_names(test, run.net.sizes[-1])
    counts = confusion_counts(test.labels, answers, len(names))
    classes, one = ([f"digit {name}" for name in names], "digit") if test.names is None else (names, "class")
    shown = np.flatnonzero(counts.sum(axis=1))  # of a class without a test image nothing was measured
    digits = np.array(run.numbers["digit_accuracy"], float)[shown]
    low, high = wilson_interval(digits, counts.sum(axis=1)[shown])
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
            counts, f"{recipe.name}: confusion matrix of the test images, accuracy {accuracy:.2%}.", names=test.names
        ),
        "digit_accuracy": plots.intervals(
            [classes[k] for k in shown],
            digits,
            (digits - low, high - digits),
            "test accuracy, with its 95 % interval",
            f"{recipe.name}: accuracy of each {one}, from {min(digits):.1%} to {max(digits):.1%}.",
            percent="x",
        ),
        "sample_predictions": _samples(recipe, test, Y_hat, answers),
    }


def confusion_counts(labels, answers, n_classes=10):
    """Return counts, (K, K): a row for each true class, a column for each answer."""
    return np.bincount(n_classes * labels + answers, minlength=n_classes**2).reshape(n_classes, n_classes)


def _samples(recipe, test, Y_hat, answers):
    """The first image of each class that was read right, and the ten mistakes made with most confidence."""
    names, comma = plots.class_names(test, Y_hat.shape[1]), ", " if test.names is None else "\n"
    wrong = np.flatnonzero(answers != test.labels)
    worst = wrong[np.argsort(-Y_hat[wrong].max(axis=1), kind="stable")[:10]]
    right = [np.flatnonzero((answers == test.labels) & (test.labels == k))[:1] for k in range(len(names))]
    rows = np.concatenate([*right, worst])
    captions = [
        names[answers[i]] + (f"{comma}not {names[test.labels[i]]}" if answers[i] != test.labels[i] else "")
        for i in rows
    ]
    what = "digits" if test.names is None else "images"
    alt = f"{recipe.name}: {len(rows) - len(worst)} {what} read right, then the {len(worst)} most confident mistakes."
    return plots.digits(test.images[rows], captions, alt, wrong=answers[rows] != test.labels[rows])


# ---------------------------------------------------------------------------------------------------- all recipes


_PARTS = {"training": "train_accuracy", "validation": "validation_accuracy", "test": "test_accuracy"}


def measured(name, part="test", results=None):
    """Return the accuracies of a recipe's runs in percent, one a seed.

    Parameters
    ----------
    name : str
        Of the recipe.
    part : {"training", "validation", "test"}
        On which images.
    results : str or Path, optional
        As in `comparison`.
    """
    checks.one_of("part", part, _PARTS)
    summary = load_summary(Path(results_folder() if results is None else results, name))
    return [100 * accuracy for accuracy in summary[_PARTS[part]]]


def measured_line(table, line, part="test", results=None):
    """Return the same for a line of a published table, as results/try_as_published.py ran it.

    Raises KeyError where no such line is stored.
    """
    column = 3 + [*_PARTS].index(checks.one_of("part", part, _PARTS))
    path = Path(results_folder() if results is None else results, "as-published.json")
    found = [row for row in json.loads(path.read_text(encoding="utf-8")) if row[:2] == [table, line]]
    if not found:
        raise KeyError(f"{path} has no line {line!r} of a table {table!r}")
    return [100 * row[column] for row in found]


def low_mean_high(percents):
    """Return mean and extremes of some percentages as text: "98.31 (98.25 to 98.40)"."""
    return f"{mean(percents):.2f} ({min(percents):.2f} to {max(percents):.2f})"


def accuracy_text(values):
    """Return mean and extremes of some accuracies as text: "98.31 % (98.25 to 98.40)"."""
    if len(values) == 1:
        return f"{100 * values[0]:.2f} % (one seed)"
    return f"{100 * mean(values):.2f} % ({100 * min(values):.2f} to {100 * max(values):.2f})"


def stated(name):
    """Return what the authors of a network state as its test accuracy."""
    recipe = attempts(name)[:2][-1]
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
        lines.append(f"| {layers} | stated by its authors | {stated(name)} | | | |")
        for recipe in published:
            remark = f" ({recipe.remark})" if recipe.remark else ""
            lines.append(f"| | {kind(recipe)}{remark}, run by us | {_cells(recipe, results)}")
        if not published:
            lines.append("| | as published: no settings are stated, so there is nothing to run | | | | |")
        lines.append(f"| | **ours**, goal {100 * ours.goal:.1f} % | {_cells(ours, results)}")
    return "\n".join(lines) + "\n"


def _cells(recipe, results):
    summary = _on_mnist(Path(results, recipe.name))
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
    if not any(_on_mnist(Path(folder, recipe.name)) for name in NETWORKS for recipe in attempts(name)):
        remedy = "name the folder of the results, or train one of the networks into it first"
        raise FileNotFoundError(f"{folder} holds no results of the networks on MNIST: {remedy}")
    return folder


def _on_mnist(folder):
    """The summary of a recipe's runs; empty where it was not run, or on other data, of which nobody states anything."""
    summary = load_summary(folder) if folder.is_dir() else {}
    settings = summary.get("settings")
    return {} if isinstance(settings, dict) and settings.get("data") else summary


KINDS = {"as published": plots.RED, "as published, mini-batches": plots.PURPLE, "ours": plots.BLUE}


def kind(recipe):
    """Return whether a recipe is ours, as published, or as published in mini-batches where that is another run."""
    if recipe.all_images:
        return "ours"
    return "as published, mini-batches" if recipe.name.endswith("-mini") else "as published"


@plots.house_style()
def timeline(results=None):
    """Draw all runs: a panel per network, validation accuracy against epochs, each seed a line and its test accuracy.

    Parameters and errors are those of `comparison`.
    """
    results = _folder_with_results(results)
    columns = min(3, len(NETWORKS))
    rows = -(-len(NETWORKS) // columns)
    figure = plots.Figure(10.0, 2.9 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel in panels[len(NETWORKS) :]:
        panel.remove()
    for panel, name in zip(panels, NETWORKS, strict=False):
        _draw_runs(panel, name, results)
        panel.tick_params(labelbottom=True)  # also where the row below is not full
    figure.supxlabel("epochs", fontsize=11)
    figure.supylabel("validation accuracy", fontsize=11)
    figure.alt_text = (
        "One panel per network: validation accuracy against epochs, three seeds each, with diamonds for the test "
        "accuracy. Ours ends highest wherever there are other runs. A dotted line marks the test accuracy that the "
        "authors state; a gray band marks a stated range."
    )
    return figure


def _draw_runs(panel, name, results):
    """One panel of the timeline: each seed of each recipe of a network, and what its authors state."""
    ours, *published = attempts(name)
    for recipe in [*reversed(published), ours]:
        folder, label, (line, end) = Path(results, recipe.name), kind(recipe), (None, 0)
        for stages in load_histories(folder).values() if _on_mnist(folder) else []:
            y = next(iter(stages.values())).validation_accuracy[1:]
            (line,) = panel.plot(range(1, len(y) + 1), y, color=KINDS[label], linewidth=1.2, label=label)
            end = max([end, *y[-1:]])
        tests = _on_mnist(folder).get("test_accuracy", [])
        style = {"marker": "D", "s": 22, "color": KINDS[label], "edgecolors": "white", "linewidths": 0.6}
        panel.scatter([recipe.epochs] * len(tests), tests, zorder=3, **style)
        if line:  # over the end of ours, and below the others', clear of the lines
            x = recipe.epochs * (1.6 if label == "as published" else 1)
            place = (0, {"ours": 8, "as published": -36}.get(label, -13))
            style = {"ha": "right", "va": "center", "color": KINDS[label], "fontsize": 10}
            panel.annotate(label.split(", ")[-1], (x, end), place, textcoords="offset points", **style)
    for low, high in [recipe.published for recipe in published if recipe.published]:
        if low == high:
            panel.axhline(low, color=plots.GRAY, linestyle=":", linewidth=1.5)
        else:
            panel.axhspan(low, high, color=plots.GRAY, alpha=0.25, linewidth=0)
    plots.dress(panel, "", "", f"{name}\n{fill(f'stated: {stated(name)}', 36)}", "x", "y")
    panel.set(ylim=(0.8, 1.0), xlim=(0.9, 400))
    panel.set_xticks([1, 10, 100], ["1", "10", "100"])
