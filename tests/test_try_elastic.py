"""The tool that tries variations of elastic-mlp on held-out images, and the log that it keeps."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_scratch.data import MNIST
from mnist_scratch.network import committee
from mnist_scratch.recipes import Recipe, find_recipe

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tools"))
tool = importlib.import_module("try_elastic")
PAIR = "sizes=(784,6,6,10) committee=2"


@pytest.fixture
def small(mnist, monkeypatch):
    made = MNIST(mnist.train[:300], mnist.train[300:500], mnist.test[:0])
    monkeypatch.setattr(tool, "shared_data", lambda: made)
    return made


def test_a_variation_is_the_recipe_but_for_its_changes():
    recipe = find_recipe("elastic-mlp")
    assert tool.varied("", recipe.epochs) == recipe
    other = tool.varied("rotate=3 averaging=0.5 label_smoothing=0.2 final=0.0 sizes=(784,6,6,10)", 20)
    assert (other.augment.rotate, other.augment.shear) == (3, recipe.augment.shear)
    schedule = other.optimizer.learning_rate
    assert (other.optimizer.averaging, schedule.final, schedule.epochs, other.epochs) == (0.5, 0, 20, 20)
    assert (other.label_smoothing, other.sizes) == (0.2, (784, 6, 6, 10))
    with pytest.raises(ValueError, match="no part of the recipe has rotates"):
        tool.varied("rotates=3", 20)
    with pytest.raises(ValueError, match="the log has no column for activation, momentum"):
        tool.varied("momentum=0.5 activation='sigmoid'", 20)


def test_a_committee_has_seeds_of_its_own_and_kept_networks_are_not_trained_again(small, tmp_path, monkeypatch):
    row = tool.attempt(PAIR, 2, 1, tmp_path)
    recipe, nets = tool.varied(PAIR, 2), []
    for seed in (2, 3):
        net = recipe.network(seed)
        history = recipe.fit(net, small.train, seed, progress=False)
        nets.append(recipe.optimizer.result(net, history.velocity))
    both, labels = committee(nets), small.validation.labels
    assert row["validation_accuracy"] == np.mean(both.predict(small.validation.images) == labels)
    assert row["validation_loss"] == round(tool.scaled_loss(both.forward(small.validation.images), labels), 5)
    assert (row["committee"], row["seed"], row["hidden"], row["epochs"]) == (2, 1, "6-6", 2)
    assert row["train_loss"] > 0 and row["seconds"] >= 0

    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(Recipe, "fit", lambda *_, **__: pytest.fail("it trained"))
    again = tool.attempt(PAIR, 2, 1, tmp_path)
    assert again == {name: value for name, value in row.items() if name not in ("train_loss", "seconds")}
    with pytest.raises(pytest.fail.Exception):  # the same words in front of another recipe are another network
        tool.attempt(PAIR + " rotate=3", 2, 1, tmp_path)


def test_the_scaled_loss_does_not_mind_a_factor():
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((50, 10)), rng.integers(10, size=50)
    logits[np.arange(50), labels] += 2
    best = tool.scaled_loss(logits, labels)
    assert 0 < best == pytest.approx(tool.scaled_loss(1.5 * logits, labels), rel=1e-3)


def test_every_row_of_the_log_says_what_was_varied_and_what_came_out():
    rows = json.loads(tool.STORED.read_text(encoding="utf-8"))
    said = {*tool.described(find_recipe("elastic-mlp")), "committee", "seed", "validation_loss", "validation_accuracy"}
    assert len(rows) > 30
    for row in rows:
        assert said <= set(row) <= said | {"train_loss", "seconds", "remark"}
        assert 0.9 < row["validation_accuracy"] < 1 and row["validation_loss"] > 0
        assert round(row["validation_accuracy"] * 10_000, 6) % 1 == 0
    results = ("train_loss", "seconds", "validation_loss", "validation_accuracy")
    settings = [{name: value for name, value in row.items() if name not in results} for row in rows]
    assert all(one not in settings[:i] for i, one in enumerate(settings)), "a run is logged twice"


def test_the_earlier_forms_are_told_in_full():
    rows = json.loads((ROOT / "results" / "elastic-earlier.json").read_text())
    current = find_recipe("elastic-mlp").settings
    for row in rows:
        assert len(row["seeds"]) == len(row["test_accuracy"]) and current != row["settings"]
        sizes = ", ".join(["784", *row["hidden"].split("-"), "10"])
        assert f"sizes=({sizes})" in row["settings"] and f"epochs={row['epochs']}" in row["settings"]
        assert (f"committee={row['committee']}" in row["settings"]) == (row["committee"] > 1)
