"""runs: each stage against `fit` by hand; interrupted and resumed; what is in the folder before and after."""

import io
import json
import warnings
from contextlib import nullcontext, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from mnist_scratch import (
    MNIST,
    SGD,
    Adam,
    AveragedSGD,
    CosineSchedule,
    Dataset,
    Distortion,
    FileFormatError,
    Network,
    files,
    fit,
    recipes,
    runs,
    training,
)
from mnist_scratch.datasets import fingerprint
from mnist_scratch.files import UserError
from mnist_scratch.recipes import RECIPES
from mnist_scratch.runs import finished, load_histories, load_summary, run_recipe

FILES = {"model.npz", "history.json", "summary.json", "misread.json"}  # of a finished run
PUBLISHED = {"all_images": False}
ALONE = {"n_validation": 0}
ENSEMBLE = {"sizes": (784, 8, 6, 10), "ensemble": 3}
# With all that a recipe can ask for. 15 steps an epoch in the first stage, 19 in the second: the average, which is
# taken every tenth, is half way to the next one when an epoch ends.
ELASTIC = {
    "optimizer": AveragedSGD(CosineSchedule(0.2, 2), momentum=0.9, averaging=0.5),
    "batch_size": 16,
    "label_smoothing": 0.1,
    "augment": Distortion(translate=1.5, rotate=10, scale=0.1, shear=0.1, elastic=1.5, smoothness=5),
}


def run(recipe, seed, folder, **options):
    return run_recipe(recipe, seed, folder, progress=False, **options)


def same(one, two):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one.parameters(), two.parameters(), strict=True))


def recorded(histories):
    """What two equal runs have in common: all but the time, and what the files leave out."""
    left_out = ("seconds", "optimizer_state", "batch_loss")
    return {
        stage: {key: value for key, value in vars(history).items() if key not in left_out}
        for stage, history in histories.items()
    }


def checkpoints(folder):
    return sorted(path.name for path in folder.glob("checkpoint*"))


def misread(folder):
    """{seed: [[row, answer, probability], …]} as it is in the file, which must be JSON that others read too."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads((folder / "misread.json").read_text(encoding="utf-8"), parse_constant=refuse)


# ------------------------------------------------------------------------------------------------------ what a run is

# changes of the tiny recipe: the stages of a run with seed 3, and the seed of each one's network
STAGES = [
    ({}, {"held out": 3, "all": 3}),
    (PUBLISHED, {"held out": 3}),
    (ALONE, {"all": 3}),
    (ELASTIC, {"held out": 3, "all": 3}),
    (ENSEMBLE, {"held out": 3, "all 1": 9, "all 2": 10, "all 3": 11}),
    (ENSEMBLE | ELASTIC | ALONE, {"all 1": 9, "all 2": 10, "all 3": 11}),
    ({"measured": 50}, {"held out": 3, "all": 3}),
]


def by_hand(recipe, seed, small, stage):
    """The network that comes out, and its History."""
    net = Network(recipe.sizes, recipe.activation, recipe.output, recipe.loss, seed=seed)
    settings = {"batch_size": recipe.batch_size, "optimizer": recipe.optimizer, "weight_decay": recipe.weight_decay}
    settings |= {"label_smoothing": recipe.label_smoothing, "augment": recipe.augment, "epochs": recipe.epochs}
    settings |= {"measured": recipe.measured}
    train, held_out = (small.train[:240], small.train[240:]) if stage == "held out" else (small.train, None)
    history = fit(net, train, validation=held_out, seed=seed, progress=False, **settings)
    if isinstance(recipe.optimizer, AveragedSGD):
        averages = history.optimizer_state[-1 - len(net.parameters()) : -1]
        for parameter, mean in zip(net.parameters(), averages, strict=True):
            parameter[...] = mean
    return net, history


@pytest.mark.parametrize("changes, stages", STAGES)
def test_a_run_is_a_fit_for_each_stage_and_a_look_at_the_test_images(tiny, small, tmp_path, changes, stages):
    recipe, seen = replace(tiny, **changes), []
    result = run(recipe, 3, tmp_path, on_epoch=lambda stage, history: seen.append((stage, history.epochs)))
    made = {stage: by_hand(recipe, seed, small, stage) for stage, seed in stages.items()}
    histories = {stage: history for stage, (_, history) in made.items()}
    assert recorded(result.histories) == recorded(histories) and not result.interrupted
    assert seen == [(stage, epoch) for stage in stages for epoch in (1, 2)]

    nets = [net for net, _ in made.values()][-recipe.ensemble :]
    logits = sum(net.forward(small.test.images).astype(float) for net in nets) / len(nets)
    np.testing.assert_allclose(result.net.forward(small.test.images), logits, rtol=1e-4, atol=1e-5)
    assert len(nets) > 1 or same(result.net, nets[0])
    assert same(Network.load(tmp_path / "model.npz"), result.net)

    answers, labels = logits.argmax(axis=1), small.test.labels
    train, held_out = small.train if recipe.all_images else small.train[:240], small.train[240:]
    train, held_out = train[: recipe.measured], held_out[: recipe.measured]
    expected = {
        "train_accuracy": np.mean([net.accuracy(train.images, train.labels) for net in nets]),
        "test_accuracy": np.mean(answers == labels),
        "digit_accuracy": [round(np.mean(answers[labels == digit] == digit), 4) for digit in range(10)],
        "seconds": round(sum(result.histories[stage].seconds[-1] for stage in list(stages)[-len(nets) :]), 2),
    }
    if recipe.n_validation:
        expected["validation_accuracy"] = made["held out"][0].accuracy(held_out.images, held_out.labels)
    if recipe.ensemble > 1:
        expected["accuracy_of_each"] = [net.accuracy(small.test.images, labels) for net in nets]
    summary = load_summary(tmp_path)
    assert summary.pop("settings") == json.loads(json.dumps(recipe.settings))
    for numbers in (result.numbers, {name: column[0] for name, column in summary.items()}):
        others = {name: value for name, value in numbers.items() if name not in expected}
        assert others == {"seed": 3} | ({} if recipe.n_validation else {"validation_accuracy": None})
        assert all(numbers[name] == pytest.approx(value, rel=1e-6) for name, value in expected.items())
    for stage, history in load_histories(tmp_path)[3].items():
        for name, values in recorded(result.histories)[stage].items():
            assert getattr(history, name) == (pytest.approx(values, rel=1e-6) if isinstance(values, list) else values)
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).max(axis=1)
    rows = np.flatnonzero(answers != labels)
    wrong = [[row, answers[row], pytest.approx(probabilities[row], rel=1e-3)] for row in rows]
    assert misread(tmp_path) == {"3": wrong} and 0 < len(wrong) < len(labels)
    assert {path.name for path in tmp_path.iterdir()} == FILES and finished(recipe, 3, tmp_path)


@pytest.mark.parametrize("changes, stages", STAGES)
def test_test_images_are_met_once_and_held_out_images_do_not_train(tiny, small, tmp_path, monkeypatch, changes, stages):
    """The first pixel says which images a pass saw; a report, to which stage the steps before it belong."""
    forward, backward, trained, pixels, met = Network._forward_pass, Network.backward, {}, set(), []

    def watched_forward(net, X):
        if 0.5 in X[:, 0]:
            met.append(len(X))
        return forward(net, X)

    def watched_backward(net, Z, A, *rest):
        assert not met, "trained after a look at the test images"
        pixels.update(A[0][:, 0].tolist())
        return backward(net, Z, A, *rest)

    def report(stage, _):
        trained[stage] = trained.get(stage, set()) | pixels
        pixels.clear()

    monkeypatch.setattr(Network, "_forward_pass", watched_forward)
    monkeypatch.setattr(Network, "backward", watched_backward)
    run(replace(tiny, **changes | {"augment": None}), 3, tmp_path, on_epoch=report)
    looks = 1 if "ensemble" not in changes else 1 + changes["ensemble"]  # at an ensemble, and at each network of it
    assert met == looks * [len(small.test)]
    assert trained == {stage: {0.0} if stage == "held out" else {0.0, 0.25} for stage in stages}


def test_the_last_epochs_may_see_the_genuine_images(tiny, small, tmp_path):
    recipe = replace(tiny, **ELASTIC, **ALONE).with_epochs(3)
    recipe, settings = replace(recipe, genuine_epochs=1), {"batch_size": 16, "weight_decay": 1 / 7000, "seed": 3}
    settings |= {"optimizer": recipe.optimizer, "label_smoothing": 0.1, "progress": False}
    net = recipe.network(3)
    history = fit(net, small.train, epochs=2, augment=recipe.augment, **settings)
    history = fit(net, small.train, epochs=3, resume=history, **settings)
    result = run(recipe, 3, tmp_path / "genuine")
    assert recorded(result.histories) == recorded({"all": history})
    assert not same(result.net, run(replace(recipe, genuine_epochs=0), 3, tmp_path / "distorted").net)


@pytest.mark.parametrize("changes, rate", [({}, 1e30), (PUBLISHED, 1e15)])
def test_a_run_that_diverges_is_evaluated_and_saved(tiny, small, tmp_path, changes, rate):
    recipe = replace(tiny, **changes, activation="relu", optimizer=SGD(rate), epochs=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run(recipe, 0, tmp_path)
    assert not result.interrupted and finished(recipe, 0, tmp_path)
    for history in load_histories(tmp_path)[0].values():
        assert history.diverged and "diverged in" in history.stopped
    wrong = misread(tmp_path)["0"]
    assert len(wrong) == round((1 - result.numbers["test_accuracy"]) * len(small.test))
    assert all(0 <= probability <= 1 for _, _, probability in wrong)
    with pytest.raises(UserError, match="before the first step"), np.errstate(all="ignore"):
        run(replace(recipe, initialization=1e38), 0, tmp_path / "at once")


# ------------------------------------------------------------------------------------------------- files and folders


def test_several_seeds_share_a_folder_and_a_rerun_replaces_its_own_entry_only(tiny, small, tmp_path):
    folder, made = tmp_path / "deep" / "results", {}
    for seed, owner in [(2, 2), (1, 1), (11, 1), (0, 0), (2, 0)]:
        made[seed] = run(tiny, seed, folder)
        assert same(Network.load(folder / "model.npz"), made[owner].net)  # the lowest seed's
    real = load_summary(folder)
    assert real["seed"] == list(load_histories(folder)) == [0, 1, 2, 11]
    assert real["test_accuracy"] == pytest.approx([made[seed].numbers["test_accuracy"] for seed in real["seed"]])
    assert finished(tiny, 11, folder) and not finished(tiny, 3, folder) and not finished(tiny.with_epochs(9), 2, folder)

    (folder / "summary.json").write_text(json.dumps(real | {"test_accuracy": [0.1, 0.2, 0.3, 0.4]}))
    (folder / "misread.json").write_text(json.dumps({"0": [], "1": [[1, 2, 0.5]]}))
    run(tiny, 0, folder)
    assert load_summary(folder)["test_accuracy"] == [real["test_accuracy"][0], 0.2, 0.3, 0.4]
    assert misread(folder)["1"] == [[1, 2, 0.5]] and misread(folder)["0"]


def test_a_missing_folder_is_named_and_an_empty_one_has_no_results(tiny, tmp_path):
    assert load_summary(tmp_path) == load_histories(tmp_path) == {} and not finished(tiny, 0, tmp_path)
    for read in (load_summary, load_histories):
        with pytest.raises(FileNotFoundError, match="none: there is no such folder"):
            read(tmp_path / "none")


def test_a_folder_that_cannot_be_written_is_refused_before_training(tiny, untrained, tmp_path):
    (tmp_path / "file").write_text("in its place")
    places = [tmp_path / "file", tmp_path / "file" / "below"]
    if Path("/proc/self").exists():  # nobody can write there, not even root
        places += [Path("/proc/self"), Path("/proc/self/results")]
    for folder in places:
        with pytest.raises(OSError):
            run(tiny, 0, folder)
    assert (tmp_path / "file").read_text() == "in its place"


def test_what_cannot_be_stored_is_refused_before_training(tiny, untrained, tmp_path):
    with pytest.raises(UserError, match="frozen dataclass"):
        run(replace(tiny, optimizer=SGD(lambda epoch: 0.1)), 0, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(runs.fcntl is None, reason="Windows cannot tell")
def test_a_second_run_in_the_same_folder_is_refused_and_loses_nothing(tiny, small, tmp_path):
    refused = []

    def meanwhile(*_):
        with pytest.raises(UserError, match="another run is writing its results here; wait for it, or name another"):
            run(tiny, 1, tmp_path)
        refused.append(True)

    assert not run(tiny, 0, tmp_path, on_epoch=meanwhile).interrupted
    assert refused and load_summary(tmp_path)["seed"] == [0]
    run(tiny, 1, tmp_path)  # and afterward all is as ever
    assert load_summary(tmp_path)["seed"] == [0, 1]


# ------------------------------------------------------------------------------------------------------ damaged files

NOT_JSON = ["", "[1]", "null", "[" * 100_000, b"\xff\xfe{}"]
COLUMNS = [{"seed": []}, {"settings": 3}, {"settings": ["a=1", "a=2"]}, {"seconds": [None]}, {"note": 3}]
COLUMNS += [{"digit_accuracy": [["high"]]}, {"validation_accuracy": ["high"]}, {"validation_accuracy": [0.9, 0.8]}]
DAMAGES = [
    *((name, lambda _, text=text: text) for name in sorted(FILES - {"model.npz"}) for text in NOT_JSON),
    ("summary.json", lambda summary: {name: summary[name] for name in summary if name != "seconds"}),
    *(("summary.json", lambda summary, column=column: summary | column) for column in COLUMNS),
    *(("history.json", lambda _, stages=stages: {"1": stages}) for stages in (None, {}, {"all": {}}, {"all": None})),
    ("history.json", lambda stored: {"1": stored["1"] | {"all": stored["1"]["all"] | {"penalty": [0.0]}}}),
    ("history.json", lambda stored: {}),
]


@pytest.mark.parametrize("name, damage", DAMAGES)
def test_a_damaged_file_is_named_and_stops_a_run_before_it_begins(
    tiny, untrained, tmp_path, contents, finished_run, name, damage
):
    for file, content in finished_run.items():
        (tmp_path / file).write_bytes(content)
    content = damage(json.loads(finished_run[name]))
    content = content if isinstance(content, str | bytes) else json.dumps(content)
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = contents(tmp_path)
    for resume in (True, False):
        with pytest.raises(FileFormatError, match=f"{name}.*restore it"):
            run(tiny, 2, tmp_path, resume=resume)
    assert contents(tmp_path) == before


@pytest.fixture(scope="module")
def finished_run(tiny, mnist, tmp_path_factory, contents):
    """The files of a run of seed 1, by name."""
    folder, small = tmp_path_factory.mktemp("finished"), mnist.train[:300]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "load_mnist", lambda n_validation: type(mnist)(small, small[:0], mnist.test[:200]))
        run(tiny, 1, folder)
    return contents(folder)


@pytest.fixture
def stopped(tiny, small, tmp_path):
    """A folder with a finished run of seed 1 and an unfinished one of seed 5, stopped in its second stage."""
    run(tiny, 1, tmp_path)
    assert run(tiny, 5, tmp_path, on_epoch=pressed_after(3)).interrupted
    assert checkpoints(tmp_path) == ["checkpoint-seed5-all.npz", "checkpoint-seed5-held-out.npz"]
    return tmp_path


def pressed_after(n):
    """An on_epoch: the stop button, pressed when the n-th epoch of all is reported."""
    reports = count(1)

    def press(*_):
        if next(reports) == n:
            raise KeyboardInterrupt

    return press


def with_arrays(change):
    """A damage to a checkpoint's arrays."""

    def damage(content):
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = change(dict(file))
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    return damage


@pytest.mark.parametrize("stage", ["held-out", "all"])
def test_a_damaged_checkpoint_is_named_with_a_remedy(tiny, stopped, contents, stage):
    path = stopped / f"checkpoint-seed5-{stage}.npz"
    path.write_bytes(path.read_bytes()[:3000])
    before = contents(stopped)
    with pytest.raises(FileFormatError, match=f"{path}.* Delete it to start again"):
        run(tiny, 5, stopped, resume=True)
    assert contents(stopped) == before
    path.unlink()  # the remedy
    run(tiny, 5, stopped, resume=True)
    assert load_summary(stopped)["seed"] == [1, 5]


# ----------------------------------------------------------------------------------------------------- other settings


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("change", [{"epochs": 3}, {"weight_decay": 0.1}, {"augment": Distortion(1.0)}])
def test_runs_of_other_settings_are_neither_mixed_nor_lost(tiny, stopped, untrained, contents, resume, change):
    other, before = replace(tiny, **change), contents(stopped)
    for seed in (1, 2):
        with pytest.raises(UserError, match="holds results of other settings.* name another folder"):
            run(other, seed, stopped, resume=resume)
    assert contents(stopped) == before and not finished(other, 1, stopped)
    for name in FILES:
        (stopped / name).unlink()
    before = contents(stopped)
    with pytest.raises(UserError, match="checkpoint-seed5-.*(other settings|unfinished run)"):
        run(other, 5, stopped, resume=resume)
    assert contents(stopped) == before


# ------------------------------------------------------------------------------------------ what was stored before

OLDER = (
    "sizes=(784, 1024, 1024, 10), optimizer=AveragedSGD(learning_rate=CosineSchedule(learning_rate=0.2, epochs=130.0, "
    "final=0.01), momentum=0.9, nesterov=False, clip_value=None, clip_norm=None, averaging=0.99), epochs=130, "
    "batch_size=256, weight_decay=0.0, label_smoothing=0.05, augment=Distortion(translate=1.5, rotate=12.0, "
    "scale=0.12, shear=0.12, elastic=1.2, smoothness=5.0), genuine_epochs=10, activation='relu', output='softmax', "
    "loss='cross_entropy', initialization=None, n_validation=0, all_images=True, committee=4"
)


def older(recipe):
    """The text by which a run was known once; what was added to it later stood there only where it was used."""
    later = ("label_smoothing", "augment", "genuine_epochs", "ensemble")
    return ", ".join(f"{name}={getattr(recipe, name)!r}" for name in recipe.settings if name not in later)


def test_a_seed_is_added_to_a_summary_that_lacks_a_number_of_today(tiny, tmp_path):
    recipe = replace(tiny, **ENSEMBLE, **ALONE)
    run(recipe, 0, tmp_path)
    summary = load_summary(tmp_path)
    del summary["accuracy_of_each"]
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    run(recipe, 1, tmp_path)
    older, newer = load_summary(tmp_path)["accuracy_of_each"]
    assert older is None and len(newer) == 3
    assert load_summary(tmp_path)["test_accuracy"][0] == summary["test_accuracy"][0]


def test_settings_that_were_stored_as_text_are_known(tiny, tmp_path, finished_run):
    summary = json.loads(finished_run["summary.json"])
    four = replace(RECIPES["elastic-mlp"].with_epochs(130), ensemble=4)  # what OLDER describes
    for text, recipe in ((OLDER, four), (older(tiny), tiny)):
        (tmp_path / "summary.json").write_text(json.dumps(summary | {"settings": [text]}))
        known = load_summary(tmp_path)["settings"]
        assert recipe.has_settings(known) and not RECIPES["elastic-mlp"].has_settings(known)
        assert not replace(recipe, weight_decay=0.7).has_settings(known)


NO_RECIPE = ["", "1), f(2", "sizes=__import__('os')", "optimizer=SGD(<function <lambda> at 0x7f>)", "x=" + "-" * 9000]


@pytest.mark.parametrize("text", NO_RECIPE)
def test_a_text_of_no_recipe_is_other_settings_and_nothing_in_it_runs(tiny, untrained, tmp_path, finished_run, text):
    for name, content in finished_run.items():
        (tmp_path / name).write_bytes(content)
    summary = json.loads(finished_run["summary.json"]) | {"settings": [text]}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(UserError, match="other settings"):
        run(tiny, 1, tmp_path)


def test_a_run_begun_by_an_earlier_version_goes_on(tiny, stopped, tmp_path_factory, stored):
    def as_before(arrays):
        arrays = {name.replace("state", "velocity"): array for name, array in arrays.items()}
        return arrays | {"settings": older(tiny)}

    for path in stopped.glob("checkpoint*"):
        path.write_bytes(with_arrays(as_before)(path.read_bytes()))
    summary = load_summary(stopped)
    (stopped / "summary.json").write_text(json.dumps(summary | {"settings": [older(tiny)]}))
    assert finished(tiny, 1, stopped)
    run(tiny, 5, stopped, resume=True)

    unbroken = tmp_path_factory.mktemp("unbroken")
    for seed in (1, 5):
        run(tiny, seed, unbroken)
    assert stored(stopped) == stored(unbroken)


# ----------------------------------------------------------------------------------------------------- other data


@pytest.fixture(scope="module")
def letters(mnist):
    """300 images of 12 classes with names, and 100 for the test: digits, but for a class that nobody could tell."""
    names = tuple("abcdefghijkl")
    parts = [(mnist.train.images[:240], 240), (mnist.train.images[240:300], 60), (mnist.test.images[:100], 100)]
    return MNIST(*(Dataset(images, np.arange(n) % 12, names) for images, n in parts))


def test_a_run_on_other_data_sees_all_of_it_and_nothing_of_mnist(tiny, letters, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "load_mnist", lambda *_, **__: pytest.fail("it read MNIST"))
    result = run(tiny, 1, tmp_path, data=letters)
    train = Dataset(np.concatenate([p.images for p in letters[:2]]), np.concatenate([p.labels for p in letters[:2]]))
    net = Network((784, 8, 12), "sigmoid", seed=1)
    settings = {"batch_size": 64, "optimizer": tiny.optimizer, "weight_decay": tiny.weight_decay, "epochs": 2}
    fit(net, train, seed=1, progress=False, **settings)
    assert same(result.net, net)
    correct = net.predict(letters.test.images) == letters.test.labels
    assert result.numbers["test_accuracy"] == correct.mean()
    classes = [correct[letters.test.labels == k].mean() for k in range(12)]
    assert result.numbers["digit_accuracy"] == pytest.approx(classes, abs=1e-4)
    assert load_summary(tmp_path)["settings"]["data"] == fingerprint(letters)
    again = run(tiny, 1, tmp_path / "again", data=letters._replace(train=train, validation=train[:0]))
    assert same(again.net, net), "how many were held out before makes no difference"


@pytest.mark.parametrize("resume", [True, False])
def test_runs_on_two_data_sets_are_neither_mixed_nor_lost(tiny, letters, stopped, untrained, contents, resume):
    before = contents(stopped)
    changed = letters._replace(test=letters.test[:99])
    for seed in (1, 5):
        with pytest.raises(UserError, match="holds results of another data set.* name another folder"):
            run(tiny, seed, stopped, data=letters, resume=resume)
    assert contents(stopped) == before and not finished(tiny.with_data(letters), 1, stopped)
    for name in FILES:
        (stopped / name).unlink()
    before = contents(stopped)
    with pytest.raises(UserError, match="checkpoint-seed5-.*(another data set|unfinished run)"):
        run(tiny, 5, stopped, data=letters, resume=resume)
    assert contents(stopped) == before
    assert tiny.with_data(letters).settings != tiny.with_data(changed).settings


def test_a_run_on_other_data_is_resumed_with_the_same_data_only(tiny, letters, small, tmp_path, contents):
    assert run(tiny, 5, tmp_path, data=letters, on_epoch=pressed_after(3)).interrupted
    before = contents(tmp_path)
    other = letters._replace(train=letters.train[::-1])
    for data in (None, other):
        with pytest.raises(UserError, match="another data set"):
            run(tiny, 5, tmp_path, data=data, resume=True)
    assert contents(tmp_path) == before
    run(tiny, 5, tmp_path, data=letters, resume=True)
    unbroken = run(tiny, 5, tmp_path / "unbroken", data=letters)
    assert same(Network.load(tmp_path / "model.npz"), unbroken.net)


def test_of_a_class_without_a_test_image_no_accuracy_is_told(tiny, letters, tmp_path):
    result = run(tiny, 1, tmp_path, data=letters._replace(test=letters.test[letters.test.labels % 5 > 0]))
    (stored,) = load_summary(tmp_path)["digit_accuracy"]
    assert [k for k, accuracy in enumerate(stored) if accuracy is None] == [0, 5, 10]
    assert stored == result.numbers["digit_accuracy"]


def test_data_that_is_none_or_too_little_is_refused(tiny, letters, small, tmp_path):
    for wrong in (letters.train, "fashion-mnist"):
        with pytest.raises(TypeError, match="data must be what load_dataset gives"):
            run(tiny, 0, tmp_path, data=wrong)
    with pytest.raises(UserError, match="holds out 60 images"):
        run(tiny, 0, tmp_path, data=letters._replace(train=letters.train[:40], validation=letters.train[:20]))
    with pytest.raises(ValueError, match="give that data"):
        run(tiny.with_data(letters), 0, tmp_path)
    assert not any(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------- interrupted and resumed


@pytest.fixture
def unbroken(tiny, small, tmp_path, stored):
    run(tiny, 5, tmp_path / "unbroken")
    return stored(tmp_path / "unbroken")


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimizer": Adam()}, ELASTIC, ENSEMBLE | ELASTIC | ALONE, ELASTIC | ALONE | {"genuine_epochs": 1}],
)
def test_stop_button_at_any_report_and_resumed(tiny, small, tmp_path, stored, changes):
    """Also after the last epoch of a stage: pressed is pressed. What is done is not trained again."""
    recipe, reports = replace(tiny, **changes), []
    run(recipe, 5, tmp_path / "unbroken", on_epoch=lambda *_: reports.append(1))
    for n in range(1, len(reports) + 1):
        folder, again = tmp_path / str(n), []
        result = run(recipe, 5, folder, on_epoch=pressed_after(n))
        assert result.interrupted and result.numbers is None and not (folder / "summary.json").exists()
        assert not run(recipe, 5, folder, resume=True, on_epoch=lambda *_, again=again: again.append(1)).interrupted
        assert len(again) == len(reports) - n
        assert stored(folder) == stored(tmp_path / "unbroken")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file just opened has no owner yet
def test_stop_button_at_many_lines(tiny, small, unbroken, tmp_path, monkeypatch, pressed_at_line, stored):
    # threadpoolctl is not ours to interrupt: an exception between two of its instructions could keep a lock of its
    monkeypatch.setattr(training, "blas_threads", lambda work, threads: nullcontext())

    def interrupted(n, folder):
        """A run with KeyboardInterrupt before the n-th line of these modules, and how many lines were left then."""
        result = None
        with pressed_at_line(n, training, recipes, runs, files) as left, suppress(KeyboardInterrupt):
            result = run(tiny, 5, folder)
        return result, left()

    _, left = interrupted(10**6, tmp_path / "counted")
    lines = 10**6 - left
    assert stored(tmp_path / "counted") == unbroken
    # the end, where results are saved, closer
    for n in [*range(1, lines, lines // 12), *range(lines - 120, lines, 20)]:
        folder = tmp_path / f"line-{n}"
        result, _ = interrupted(n, folder)
        assert result is None or result.interrupted, "the button was ignored"
        assert not list(folder.glob("*.unfinished")), n
        assert not run(tiny, 5, folder, resume=True).interrupted
        assert stored(folder) == unbroken, n
