"""reports: tables counted by hand; pictures of good runs, bad runs and diverged ones; the timeline of all."""

import io
import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_scratch import MNIST, SGD, CosineSchedule, Network, fit
from mnist_scratch import runs as running
from mnist_scratch.classroom import reports
from mnist_scratch.recipes import RECIPES, Recipe
from mnist_scratch.runs import Run, load_histories, run_recipe

NAMES = {"training_curves", "confusion_matrix", "digit_accuracy", "sample_predictions"}
LARGEST = 60_000  # bytes of a picture that is stored with the course
# those with a twin as published, and the twins; others compare with nobody
COMPARED = [name for name in RECIPES if not name.startswith("elastic")]

SETTINGS = {"activation": "sigmoid", "weight_decay": 1e-4, "n_validation": 60, "epochs": 2, "batch_size": 64}
TINY = Recipe("tiny", (784, 8, 10), SGD(CosineSchedule(0.2, 2), momentum=0.9), **SETTINGS)
TINY_ALONE = replace(TINY, name="tiny-alone", n_validation=0)
TINY_ENSEMBLE = replace(TINY_ALONE, name="tiny-ensemble", sizes=(784, 8, 6, 10), ensemble=3)


def small_mnist(mnist):
    return MNIST(mnist.train[:300], mnist.train[:0], mnist.test[:200])


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ----------------------------------------------------------------------------------------------------- texts and counts


def test_confusion_counts_row_by_row():
    counts = reports.confusion_counts(np.array([0, 0, 2, 2, 2, 1]), np.array([0, 1, 2, 2, 0, 1]), n_classes=3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


@pytest.mark.parametrize("seed", range(3))
def test_confusion_counts_against_a_loop(seed):
    rng = np.random.default_rng(seed)
    labels, answers = rng.integers(0, 10, 200), rng.integers(0, 10, 200)
    expected = np.zeros((10, 10), int)
    for label, answer in zip(labels, answers, strict=True):
        expected[label, answer] += 1
    assert np.array_equal(reports.confusion_counts(labels, answers), expected)


def test_confusion_counts_of_classes_that_do_not_occur():
    counts = reports.confusion_counts(np.array([3]), np.array([4]))
    assert counts.shape == (10, 10) and counts[3, 4] == counts.sum() == 1


@pytest.mark.parametrize(
    "values, text",
    [
        ([0.983, 0.9825, 0.984], "98.32 % (98.25 to 98.40)"),
        ([0.9, 0.8], "85.00 % (80.00 to 90.00)"),
        ([1.0, 1.0], "100.00 % (100.00 to 100.00)"),
        ([0.0981], "9.81 % (one seed)"),
        ([0.0], "0.00 % (one seed)"),
    ],
)
def test_accuracy_text(values, text):
    assert reports.accuracy_text(values) == text


@pytest.mark.parametrize(
    "name, text",
    [
        ("momentum-1024-as-published", "94.25 %"),
        ("relu-128-64-as-published", "90 to 93 %"),
        ("mlp-2layer-as-published", "97.11 %"),
        ("sigmoid-64-as-published", "94.9 %"),
        ("sigmoid-100-as-published", "98 % as a goal, not reached"),
    ],
)
def test_published_text(name, text):
    assert reports.published_text(RECIPES[name]) == text


def test_published_text_keeps_whole_numbers_whole():
    assert reports.published_text(replace(TINY, published=(0.1, 1.0))) == "10 to 100 %"


def test_each_recipe_belongs_to_one_network():
    assert reports.NETWORKS == [name for name in COMPARED if "as-published" not in name] and len(reports.NETWORKS) == 6
    attempts = [reports.attempts(name) for name in reports.NETWORKS]
    assert sorted(recipe.name for some in attempts for recipe in some) == sorted(COMPARED)
    assert all(ours.name == name and theirs for name, (ours, *theirs) in zip(reports.NETWORKS, attempts, strict=True))


# ------------------------------------------------------------------------------------------------- pictures of one run


def a_run(net, test, history):
    """A Run as run_recipe returns it, with the numbers that the pictures show."""
    with np.errstate(all="ignore"):
        right = net.predict(test.images) == test.labels
    digits = [round(float(right[test.labels == digit].mean()), 4) for digit in range(10)]
    numbers = {"seed": 0, "test_accuracy": float(right.mean()), "digit_accuracy": digits}
    return Run(net, {"held out": history}, numbers)


@pytest.fixture(scope="module")
def trained(mnist):
    net = Network([784, 16, 10], seed=0)
    settings = {"epochs": 3, "batch_size": 32, "optimizer": SGD(0.1), "progress": False}
    return net, fit(net, mnist.train[:5000], validation=mnist.validation[:1000], **settings)


def checked(figures, recipe):
    """Every Figure of a run says what it is, and is small; returns their texts by name."""
    assert set(figures) == NAMES
    texts = {}
    for name, figure in figures.items():
        content = figure.png(small=True)
        assert len(content) < LARGEST and len(figure.alt_text) >= 20 and recipe.name in figure.alt_text
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.format == "PNG" and min(picture.size) > 100
        texts[name] = [text.get_text() for axis in figure.axes for text in [*axis.texts, axis.title] if text.get_text()]
    return texts


def test_pictures_of_the_whole_test_set(mnist, trained):
    net, history = trained
    result = a_run(net, mnist.test, history)
    figures = reports.pictures(TINY, result, mnist.test)
    texts = checked(figures, TINY)

    answers = net.predict(mnist.test.images)
    counts = reports.confusion_counts(mnist.test.labels, answers)
    assert texts["confusion_matrix"] == [str(count) for count in counts.ravel()]
    assert f"{100 * result.numbers['test_accuracy']:.2f}%" in figures["confusion_matrix"].alt_text
    digits = result.numbers["digit_accuracy"]
    (axis,) = figures["digit_accuracy"].axes
    (drawn,) = [container for container in axis.containers if hasattr(container, "has_xerr")]
    centres, (bars,) = drawn[0].get_xydata(), drawn[2]
    assert [label.get_text() for label in axis.get_yticklabels()] == [f"digit {digit}" for digit in range(10)]
    assert centres.tolist() == [[value, place] for value, place in zip(digits, axis.get_yticks(), strict=True)]
    m = np.bincount(mnist.test.labels)  # the normal approximation's interval of a share, as Wald has it
    expected = [1.96 * np.sqrt(value * (1 - value) / m[digit]) for digit, value in enumerate(digits)]
    assert [(right - left) / 2 for (left, _), (right, _) in bars.get_segments()] == pytest.approx(expected)
    assert f"from {100 * min(digits):.1f}% to {100 * max(digits):.1f}%" in figures["digit_accuracy"].alt_text
    assert f"{100 * history.validation_accuracy[-1]:.2f}%" in figures["training_curves"].alt_text

    captions = texts["sample_predictions"]
    assert captions[:10] == [str(digit) for digit in range(10)] and len(captions) == 20
    wrong = np.flatnonzero(answers != mnist.test.labels)
    surest = wrong[np.argsort(-net.predict_proba(mnist.test.images[wrong]).max(axis=1), kind="stable")[:10]]
    assert captions[10:] == [f"{answers[i]}, not {mnist.test.labels[i]}" for i in surest]
    shown = [axis.images[0].get_array() for axis in figures["sample_predictions"].axes]
    first = [np.flatnonzero((mnist.test.labels == digit) & (answers == digit))[0] for digit in range(10)]
    for picture, i in zip(shown, [*first, *surest], strict=True):
        assert np.array_equal(np.asarray(picture), mnist.test.images[i].reshape(28, 28))


def test_pictures_are_saved_beside_the_model_in_place_of_older_ones(mnist, monkeypatch, tmp_path):
    """From the files of a real run: those of the lowest seed, whose network is the one that was saved."""
    small = small_mnist(mnist)
    monkeypatch.setattr(running, "load_mnist", lambda n_validation: small)
    runs = {seed: run_recipe(TINY, seed, tmp_path, progress=False) for seed in (2, 1)}
    before = {path.name for path in tmp_path.iterdir()}
    (tmp_path / "confusion_matrix.png").write_text("of an older run")
    reports.save_pictures(str(tmp_path), TINY, small.test)
    assert {path.name for path in tmp_path.iterdir()} == before | {f"{name}.png" for name in NAMES}
    for name, figure in reports.pictures(TINY, runs[1], small.test).items():
        if name == "training_curves":  # its lists were rounded to seven digits on the way
            continue
        assert (tmp_path / f"{name}.png").read_bytes() == figure.png(small=True)
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.format == "PNG" and picture.mode == "P"  # small: with a palette


@pytest.mark.parametrize("recipe", [TINY_ALONE, TINY_ENSEMBLE], ids=lambda recipe: recipe.name)
def test_pictures_of_a_run_with_nothing_held_out(mnist, monkeypatch, tmp_path, recipe):
    """From the files of a real run: training curves alone, those of the first network of an ensemble."""
    small = small_mnist(mnist)
    monkeypatch.setattr(running, "load_mnist", lambda n_validation: small)
    result = run_recipe(recipe, 0, tmp_path, progress=False)
    reports.save_pictures(tmp_path, recipe, small.test)
    assert {path.stem for path in tmp_path.glob("*.png")} == NAMES

    figures = reports.pictures(recipe, result, small.test)
    checked(figures, recipe)
    assert figures["training_curves"].alt_text == f"{recipe.name}: loss and accuracy over 2 epochs."
    assert not any(word in figure.alt_text for figure in figures.values() for word in ("nan", "None", "validation"))
    first = next(iter(result.histories.values()))
    drawn = [[list(line.get_ydata()) for line in axis.lines] for axis in figures["training_curves"].axes]
    assert drawn == [[first.train_loss], [first.train_accuracy]]
    loss_axis, accuracy_axis = figures["training_curves"].axes
    assert [text.get_text() for text in loss_axis.get_legend().get_texts()] == ["training"]
    # all of both curves is seen but the start, and closely
    assert accuracy_axis.get_ylim()[0] == pytest.approx(min(first.train_accuracy[1:]) - 0.02)
    assert loss_axis.get_ylim()[1] > max(first.train_loss[1:])


def test_pictures_of_a_run_with_nothing_held_out_that_diverged(mnist):
    net, test = Network([784, 8, 10], seed=0), mnist.test[:500]
    history = fit(Network([784, 8, 10]), test, epochs=2, optimizer=SGD(1e30), progress=False)
    assert history.diverged and history.epochs == 0
    result = a_run(net, test, history)._replace(histories={"all": history})
    figures = reports.pictures(TINY_ALONE, result, test)
    checked(figures, TINY_ALONE)
    assert figures["training_curves"].alt_text == "tiny-alone: loss and accuracy over 0 epochs."


def test_the_curves_of_a_run_with_two_stages_are_those_of_the_first(mnist, trained):
    net, history = trained
    result = a_run(net, mnist.test[:500], history)
    other = fit(Network([784, 4, 10]), mnist.train[:500], epochs=1, progress=False)
    figures = reports.pictures(TINY, result._replace(histories={"held out": history, "all": other}), mnist.test[:500])
    assert figures["training_curves"].alt_text == (
        f"tiny: loss and accuracy over 3 epochs; validation accuracy at the end "
        f"{100 * history.validation_accuracy[-1]:.2f}%."
    )


def test_pictures_without_a_wrong_answer(mnist, trained):
    net, history = trained
    test = mnist.test[net.predict(mnist.test.images) == mnist.test.labels]
    result = a_run(net, test, history)
    assert result.numbers["digit_accuracy"] == [1.0] * 10
    figures = reports.pictures(TINY, result, test)
    assert checked(figures, TINY)["sample_predictions"] == [str(digit) for digit in range(10)]


def test_pictures_with_no_right_answer(mnist, trained):
    net, history = trained
    test = mnist.test[net.predict(mnist.test.images) != mnist.test.labels]
    result = a_run(net, test, history)
    captions = checked(reports.pictures(TINY, result, test), TINY)["sample_predictions"]
    assert result.numbers["test_accuracy"] == 0 and len(captions) == 10 and all(", not " in text for text in captions)


def test_pictures_of_a_run_that_diverged(mnist):
    """At once, so that its history has the row before training only, and its weights are beyond all measure."""
    net, test = Network([784, 8, 10], seed=0), mnist.test[:500]
    for parameter in net.parameters():
        parameter *= 1e25
    history = fit(Network([784, 8, 10]), test, validation=test, epochs=2, optimizer=SGD(1e30), progress=False)
    assert history.diverged and history.epochs == 0
    checked(reports.pictures(TINY, a_run(net, test, history), test), TINY)


# -------------------------------------------------------------------------------------------------------- all recipes


@pytest.fixture
def results(mnist, monkeypatch, tmp_path):
    """Results of two recipes of one network, three seeds and one, of one alone, and of one that diverged."""
    made = small_mnist(mnist)
    monkeypatch.setattr(running, "load_mnist", lambda n_validation: made)
    for name, seeds in (("sigmoid-64", (0, 1, 2)), ("sigmoid-64-as-published", (4,)), ("mlp-2layer", (1, 0))):
        for seed in seeds:
            run_recipe(replace(TINY, name=name), seed, tmp_path / name, progress=False)
    folder = tmp_path / "relu-128-64-as-published"
    folder.mkdir()
    names = "train_loss penalty train_accuracy validation_loss validation_accuracy learning_rate".split()
    rows = {name: [0.1] for name in names}
    histories = {
        "0": {"held out": rows | {"seconds": [0.0], "stopped": "diverged in epoch 1, step 1", "diverged": True}},
        "1": {"held out": {name: [*values, 0.2] for name, values in rows.items()} | {"seconds": [0.0, 0.5]}},
    }
    (folder / "history.json").write_text(json.dumps(histories))
    summary = {"seed": [0, 1], "settings": ["", ""], "test_accuracy": [0.098, 0.92], "train_accuracy": [0.1, 0.9]}
    summary |= {"validation_accuracy": [0.1, 0.9], "seconds": [0.0, 31.6], "digit_accuracy": [[0.1] * 10] * 2}
    (folder / "summary.json").write_text(json.dumps(summary))
    return tmp_path


def test_the_timeline_has_every_seeds_curve(results):
    figure = reports.timeline(results)
    panels = {panel.get_title().split(",")[0]: panel for panel in figure.axes}
    assert list(panels) == reports.NETWORKS
    for name, panel in panels.items():
        expected = [
            (history.seconds[1:], history.validation_accuracy[1:])
            for recipe in reports.attempts(name)
            if (results / recipe.name).is_dir()
            for history in (stages["held out"] for stages in load_histories(results / recipe.name).values())
        ]
        drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in panel.lines]
        assert sorted(drawn) == sorted(expected), name
    assert [len(panel.lines) for panel in panels.values()] == [0, 0, 2, 0, 2, 4]

    (legend,) = figure.legends
    expected = ["as published", "ours", "test accuracy stated by its authors"]
    assert sorted(text.get_text() for text in legend.texts) == expected
    colours = {line.get_label(): line.get_color() for line in panels["sigmoid-64"].lines}
    assert colours["ours"] != colours["as published"]
    for name in ("momentum-1024", "relu-128-64", "mlp-2layer", "sigmoid-64"):  # what their authors state is drawn
        assert len(panels[name].patches) == 1
    assert len(figure.alt_text) >= 20 and len(figure.png(small=True)) < LARGEST


def test_the_timeline_of_no_results(tmp_path):
    figure = reports.timeline(tmp_path)
    assert len(figure.axes) == 6 and not any(panel.lines for panel in figure.axes)
    assert len(figure.png(small=True)) < LARGEST
    for read in (reports.timeline, reports.comparison):
        with pytest.raises(FileNotFoundError, match="none"):
            read(tmp_path / "none")


def test_the_comparison(results):
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in reports.comparison(results).splitlines()]
    assert {len(cells) for cells in lines} == {6}
    by_command = {cells[5].strip("`").split()[-1]: cells for cells in lines if cells[5].startswith("`")}
    assert set(by_command) == set(COMPARED) < set(RECIPES)
    assert all(cells[5] == f"`python -m mnist_scratch train {name}`" for name, cells in by_command.items())
    missing = [name for name, cells in by_command.items() if cells[2] == "not run yet"]
    assert set(COMPARED) - set(missing) == {
        "sigmoid-64",
        "sigmoid-64-as-published",
        "mlp-2layer",
        "relu-128-64-as-published",
    }

    row = by_command["relu-128-64-as-published"]
    assert row[2:5] == ["50.90 % (9.80 to 92.00)", "50.00 %", "0.0, 32"]
    assert "one seed" in by_command["sigmoid-64-as-published"][2]
    for name in reports.NETWORKS:
        assert f"goal {100 * RECIPES[name].goal:.1f} %" in by_command[name][1]
    stated = [cells[2] for cells in lines if cells[1] == "stated by its authors"]
    assert stated == [reports.published_text(reports.attempts(name)[1]) for name in reports.NETWORKS]


def test_the_comparison_of_results_without_validation(results):
    """It may be missing from all runs of a network, or from some."""
    path = results / "relu-128-64-as-published" / "summary.json"
    summary = json.loads(path.read_text())
    for values, text in ([None, None], ""), ([None, 0.9], "90.00 %"):
        path.write_text(json.dumps(summary | {"validation_accuracy": values}))
        (line,) = [line for line in reports.comparison(results).splitlines() if "relu-128-64-as-published`" in line]
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        assert len(cells) == 6 and cells[2:5] == ["50.90 % (9.80 to 92.00)", text, "0.0, 32"]


def test_the_comparison_of_no_results(tmp_path):
    assert reports.comparison(tmp_path).count("not run yet") == len(COMPARED)
    assert list(Path(tmp_path).iterdir()) == []
