"""Reports: pictures of good runs, bad runs and diverged ones; the table and the timeline of all networks."""

import json
import shutil
from dataclasses import replace

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
SETTINGS = {"activation": "sigmoid", "weight_decay": 1e-4, "n_validation": 60, "epochs": 2, "batch_size": 64}
TINY = Recipe("tiny", (784, 8, 10), SGD(CosineSchedule(0.2, 2), momentum=0.9), **SETTINGS)
TINY_ALONE = replace(TINY, name="tiny-alone", n_validation=0)
TINY_ENSEMBLE = replace(TINY_ALONE, name="tiny-ensemble", sizes=(784, 8, 6, 10), ensemble=3)


@pytest.fixture
def small(mnist, monkeypatch):
    """An MNIST of a few images, which is also what `run_recipe` trains on."""
    small = MNIST(mnist.train[:300], mnist.train[:0], mnist.test[:200])
    monkeypatch.setattr(running, "load_mnist", lambda n_validation: small)
    return small


@pytest.mark.parametrize("n_classes", [3, 10])
def test_confusion_counts_against_a_loop(n_classes):
    rng = np.random.default_rng(n_classes)
    labels, answers = rng.integers(0, n_classes - 1, (2, 50))  # the last class does not occur
    expected = np.zeros((n_classes, n_classes), int)
    for label, answer in zip(labels, answers, strict=True):
        expected[label, answer] += 1
    assert np.array_equal(reports.confusion_counts(labels, answers, n_classes), expected)


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
    """The texts of the Figures by name; each has to say whose it is, and to be small."""
    assert set(figures) == NAMES
    for figure in figures.values():
        assert len(figure.png(small=True)) < LARGEST and recipe.name in figure.alt_text
    return {
        name: [text.get_text() for axis in figure.axes for text in [*axis.texts, axis.title] if text.get_text()]
        for name, figure in figures.items()
    }


def test_pictures_show_the_whole_test_set(mnist, trained):
    (net, history), test = trained, mnist.test
    result = a_run(net, test, history)
    figures = reports.pictures(TINY, result, test)
    texts, answers = checked(figures, TINY), net.predict(test.images)

    counts = reports.confusion_counts(test.labels, answers)
    assert texts["confusion_matrix"] == [str(count) for count in counts.ravel()]
    assert f"{result.numbers['test_accuracy']:.2%}" in figures["confusion_matrix"].alt_text
    assert f"{history.validation_accuracy[-1]:.2%}" in figures["training_curves"].alt_text
    digits = np.array(result.numbers["digit_accuracy"])
    (axis,) = figures["digit_accuracy"].axes
    (drawn,) = [container for container in axis.containers if hasattr(container, "has_xerr")]
    centers, (bars,) = drawn[0].get_xydata(), drawn[2]
    assert [label.get_text() for label in axis.get_yticklabels()] == [f"digit {digit}" for digit in range(10)]
    assert centers.tolist() == [[value, place] for value, place in zip(digits, axis.get_yticks(), strict=True)]
    ends = np.array([[left, right] for (left, _), (right, _) in bars.get_segments()]).T
    # Wilson's: from each end, what was measured lies 1.96 standard deviations away
    assert abs(digits - ends) == pytest.approx(1.96 * np.sqrt(ends * (1 - ends) / np.bincount(test.labels)), rel=1e-3)

    wrong = np.flatnonzero(answers != test.labels)
    surest = wrong[np.argsort(-net.predict_proba(test.images[wrong]).max(axis=1), kind="stable")[:10]]
    first = [np.flatnonzero((test.labels == digit) & (answers == digit))[0] for digit in range(10)]
    captions = [*map(str, range(10)), *(f"{answers[i]}, not {test.labels[i]}" for i in surest)]
    assert texts["sample_predictions"] == captions
    for axis, i in zip(figures["sample_predictions"].axes, [*first, *surest], strict=True):
        assert np.array_equal(axis.images[0].get_array().ravel(), test.images[i])


@pytest.mark.parametrize("recipe", [TINY, TINY_ALONE, TINY_ENSEMBLE], ids=lambda recipe: recipe.name)
def test_pictures_are_saved_beside_the_model_in_place_of_older_ones(small, tmp_path, recipe):
    """From the files of a real run: those of the lowest seed, whose network is the one that was saved."""
    results = {seed: run_recipe(recipe, seed, tmp_path, progress=False) for seed in (2, 1)}
    before = {path.name for path in tmp_path.iterdir()}
    (tmp_path / "confusion_matrix.png").write_text("of an older run")
    reports.save_pictures(str(tmp_path), recipe, small.test)
    assert {path.name for path in tmp_path.iterdir()} == before | {f"{name}.png" for name in NAMES}
    figures = reports.pictures(recipe, results[1], small.test)
    for name, figure in figures.items():
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.format == "PNG"
        if name != "training_curves":  # its lists were rounded to seven digits on the way
            assert (tmp_path / f"{name}.png").read_bytes() == figure.png(small=True)
    checked(figures, recipe)

    first = next(iter(results[1].histories.values()))  # of an ensemble, too
    loss, accuracy = figures["training_curves"].axes
    drawn = [list(line.get_ydata()) for line in [*loss.lines, *accuracy.lines]]
    held_out = [first.validation_loss], [first.validation_accuracy]
    expected = [first.train_loss, *held_out[0], first.train_accuracy, *held_out[1]]
    assert drawn == [values for values in expected if values]
    if not recipe.n_validation:
        alts = " ".join(figure.alt_text for figure in figures.values())
        assert not any(word in alts for word in ("nan", "None", "validation"))
    # all of the curves is seen but the start, and closely
    lowest = min(first.validation_accuracy[1:] or first.train_accuracy[1:])
    assert accuracy.get_ylim()[0] == pytest.approx(max(0, lowest - 0.02))
    assert loss.get_ylim()[1] > max(first.train_loss[1:] + first.validation_loss[1:])


def test_pictures_with_right_answers_only_and_with_none(mnist, trained):
    net, history = trained
    right = net.predict(mnist.test.images) == mnist.test.labels
    for test, expected in ((mnist.test[right], 0), (mnist.test[~right], 10)):
        captions = checked(reports.pictures(TINY, a_run(net, test, history), test), TINY)["sample_predictions"]
        assert len(captions) == 10 and sum(", not " in caption for caption in captions) == expected


@pytest.mark.parametrize("held_out", [True, False])
def test_pictures_of_a_run_that_diverged_at_once(mnist, held_out):
    """Its history has the row before training only, and its weights are beyond all measure."""
    net, test = Network([784, 8, 10], seed=0), mnist.test[:500]
    for parameter in net.parameters():
        parameter *= 1e25
    validation = test if held_out else None
    history = fit(Network([784, 8, 10]), test, validation=validation, epochs=2, optimizer=SGD(1e30), progress=False)
    assert history.diverged and history.epochs == 0
    checked(reports.pictures(TINY, a_run(net, test, history), test), TINY)


@pytest.fixture
def results(small, tmp_path):
    """Results of two recipes of one network, two seeds and one; and two seeds of another, of which one diverged."""
    for name, seeds in (("sigmoid-64", (0, 1)), ("sigmoid-64-as-published", (4,))):
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


@pytest.fixture(params=["the networks of the course", "one more"])
def networks(request, monkeypatch):
    """The names of the networks that are compared."""
    if request.param == "one more":
        monkeypatch.setitem(RECIPES, "tiny", replace(TINY, goal=0.9))
        monkeypatch.setitem(RECIPES, "tiny-as-published", replace(TINY, name="tiny-as-published", published=(0.9, 0.9)))
        monkeypatch.setattr(reports, "NETWORKS", [*reports.NETWORKS, "tiny"])
    return reports.NETWORKS


def test_the_timeline_has_a_panel_for_each_network_and_every_seed_s_curve(results, networks):
    figure = reports.timeline(results)
    panels = {panel.get_title().split("\n")[0]: panel for panel in figure.axes}
    assert list(panels) == networks
    for name, panel in panels.items():
        expected = [
            (list(range(1, history.epochs + 1)), history.validation_accuracy[1:])
            for recipe in reports.attempts(name)
            if (results / recipe.name).is_dir()
            for history in (stages["held out"] for stages in load_histories(results / recipe.name).values())
        ]
        runs = [line for line in panel.lines if line.get_label() in reports.KINDS]
        assert sorted((list(line.get_xdata()), list(line.get_ydata())) for line in runs) == sorted(expected)
        stated = [recipe for recipe in reports.attempts(name) if recipe.published]
        drawn = len(panel.patches) + len(panel.lines) - len(runs)
        assert drawn == len(stated) and reports.stated(name)[:9] in panel.get_title(), "what the authors state"
    drawn = {name: [line.get_label() for line in panel.lines] for name, panel in panels.items()}
    assert drawn["sigmoid-64"].count("ours") == 2 and drawn["relu-128-64"].count("as published") == 2
    colors = {line.get_label(): line.get_color() for line in panels["sigmoid-64"].lines}
    written = {text.get_text(): text.get_color() for text in panels["sigmoid-64"].texts}
    assert written == {label: colors[label] for label in ("ours", "as published")} and len(set(written.values())) == 2
    assert len(figure.png(small=True)) < LARGEST


def test_the_comparison_has_a_row_for_each_recipe(results, networks):
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in reports.comparison(results).splitlines()]
    assert {len(cells) for cells in lines} == {6}
    by_command = {cells[5].strip("`").split()[-1]: cells for cells in lines if cells[5].startswith("`")}
    assert set(by_command) == {recipe.name for name in networks for recipe in reports.attempts(name)}
    run = {name for name, cells in by_command.items() if cells[2] != "not run yet"}
    assert run == {path.name for path in results.iterdir()}
    assert "one seed" in by_command["sigmoid-64-as-published"][2]
    path = results / "relu-128-64-as-published" / "summary.json"
    for values, text in ([0.1, 0.9], "50.00 %"), ([None, None], ""), ([None, 0.9], "90.00 %"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"validation_accuracy": values}))
        assert f"| 50.90 % (9.80 to 92.00) | {text} | 0.0, 32 |" in reports.comparison(results)
    assert all(f"goal {100 * RECIPES[name].goal:.1f} %" in by_command[name][1] for name in networks)


def test_accuracies_of_a_recipe_and_of_a_line_are_in_percent(results):
    name = "relu-128-64-as-published"
    assert reports.measured(name, results=results) == pytest.approx([9.8, 92])
    assert reports.measured(name, "training", results) == pytest.approx([10, 90])
    rows = [["table", 0.1, 0, 0.5, 0.6, 0.7], ["table", 0.01, 0, 0, 0, 0], ["table", 0.1, 1, 0.4, 0.5, 0.8]]
    (results / "as-published.json").write_text(json.dumps(rows))
    assert reports.measured_line("table", 0.1, results=results) == pytest.approx([70, 80])
    assert reports.measured_line("table", 0.1, "validation", results) == pytest.approx([60, 50])
    assert reports.low_mean_high([70, 80]) == "75.00 (70.00 to 80.00)"
    with pytest.raises(KeyError, match="no line 0.2 of a table 'table'"):
        reports.measured_line("table", 0.2, results=results)
    for wrong in ("all", None):
        with pytest.raises(ValueError, match="choose one of 'training'"):
            reports.measured(name, wrong, results)


@pytest.mark.parametrize("show", [reports.comparison, reports.timeline])
def test_a_folder_without_results_is_said_to_have_none(tmp_path, show):
    for folder, wrong in ((tmp_path, "holds no results"), (tmp_path / "runs", "no such folder")):
        with pytest.raises(FileNotFoundError, match=f"{folder.name}.*{wrong}"):
            show(folder)


def test_results_on_other_data_are_not_compared_with_what_is_stated_of_mnist(results):
    other, path = results / "clothes", results / "sigmoid-64" / "summary.json"
    shutil.copytree(results / "sigmoid-64", other / "sigmoid-64")
    summary = json.loads(path.read_text())
    for file in (path, other / "sigmoid-64" / "summary.json"):
        file.write_text(json.dumps(summary | {"settings": summary["settings"] | {"data": "0123456789abcdef"}}))
    lines = [line for line in reports.comparison(results).splitlines() if "train sigmoid-64`" in line]
    assert "not run yet" in lines[0]
    for show in (reports.comparison, reports.timeline):
        with pytest.raises(FileNotFoundError, match="clothes holds no results of the networks on MNIST"):
            show(other)
    assert reports.measured("sigmoid-64", results=other) == reports.measured("sigmoid-64", results=results)
