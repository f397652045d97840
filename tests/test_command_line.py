"""The command line: each command in this process; bad input in one line; real processes stopped, killed, resumed."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
import warnings
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import tqdm
from PIL import Image
from stop_button import pressed_at_line
from test_recipes import (
    FILES,
    ROOT,
    TINY,
    TINY_ALONE,
    TINY_AS_PUBLISHED,
    TINY_COMMITTEE,
    checkpoints,
    contents,
    small_mnist,
    stored,
)

from mnist_scratch import SGD, History, Network, data, fit, recipes, runs
from mnist_scratch import __main__ as command_line
from mnist_scratch.__main__ import main
from mnist_scratch.classroom import reports
from mnist_scratch.recipes import RECIPES
from mnist_scratch.runs import load_summary, run_recipe

PICTURES = {f"{name}.png" for name in ("training_curves", "confusion_matrix", "digit_accuracy", "sample_predictions")}
RESULTS = PICTURES | FILES


@pytest.fixture
def tiny(mnist, monkeypatch, tmp_path):
    """Four recipes that take hundredths of a second, pictures that take none, and an empty working directory."""
    made = small_mnist(mnist)
    for module in (runs, command_line):
        monkeypatch.setattr(module, "load_mnist", lambda n_validation=0: made)
    for recipe in (TINY, TINY_AS_PUBLISHED, TINY_ALONE, TINY_COMMITTEE):
        monkeypatch.setitem(RECIPES, recipe.name, recipe)
    monkeypatch.setattr(reports, "save_pictures", in_no_time)
    monkeypatch.chdir(tmp_path)
    return made


def in_no_time(folder, recipe, test):
    """Pictures by name only; the real ones are drawn in a real process below."""
    for name in PICTURES:
        (folder / name).write_text(f"of seed {load_summary(folder)['seed'][0]}")


def refused(capsys, *arguments):
    """The one line on stderr with which bad input is answered, with status 2 and no change of any file."""
    before = contents(Path())
    capsys.readouterr()
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as stop:  # argparse answers so
        status = stop.code
    err = capsys.readouterr().err
    assert status == 2, err
    assert err.count("\n") == 1 and err.endswith("\n") and err.startswith("mnist-scratch"), err
    assert "None" not in err and "Error" not in err
    assert contents(Path()) == before
    return err


# --------------------------------------------------------------------------------------------------- check, recipes


def test_check_finds_this_machine_ready(capsys, monkeypatch):
    monkeypatch.setattr(command_line, "load_mnist", lru_cache(data.load_mnist))  # read once, and not by each check
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(command_line.CHECKS) + 1 and all(line.startswith("ok ") for line in lines[:-1])
    assert "50,000 + 10,000 + 10,000" in lines[2] and lines[-1] == "This machine is ready."


def problems(capsys):
    assert main(["check"]) not in (0, 2, 130)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(command_line.CHECKS) + 1 and lines[-1] != "This machine is ready."
    return {line.split()[1]: line for line in lines if line.startswith("PROBLEM")}


@pytest.mark.parametrize("content", [None, b"\x1f\x8bcut short"])
def test_check_names_missing_or_damaged_data(capsys, monkeypatch, tmp_path, content):
    if content is not None:
        (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    monkeypatch.setattr(data, "_default_folder", lambda: tmp_path)
    found = problems(capsys)
    assert {"data", "gradients", "training"} == set(found)
    assert str(tmp_path / "train-images-idx3-ubyte") in found["data"] and "git checkout -- data" in found["data"]


def test_check_names_a_missing_package_a_wrong_gradient_and_slow_learning(capsys, monkeypatch, mnist):
    def version(name):
        raise PackageNotFoundError(name)

    class Wrong:
        max_relative_error = 2e-7

    monkeypatch.setattr(command_line, "version", version)
    monkeypatch.setattr(command_line, "gradient_check", lambda *_: Wrong)
    monkeypatch.setattr(command_line, "load_mnist", lambda: mnist)
    monkeypatch.setattr(command_line, "fit", lambda net, *_, **__: fit(net, mnist.train[:10], epochs=1, batch_size=5))
    found = problems(capsys)
    assert set(found) == {"packages", "gradients", "training"}
    assert "numpy is not installed" in found["packages"] and "2.0e-07, above 1e-7" in found["gradients"]
    assert "% after one epoch" in found["training"]


def test_recipes_are_listed_one_a_line(capsys):
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(RECIPES)
    for line, recipe in zip(lines, RECIPES.values(), strict=True):
        assert f" {'-'.join(map(str, recipe.sizes))} " in line and f" {recipe.epochs} epochs" in line
        assert (f"goal {100 * recipe.goal:.1f}%" in line) if recipe.goal else "goal" not in line
        assert (f" {recipe.committee} × " in line) == (recipe.committee > 1) and len(line) <= 140


def test_recipes_are_listed_in_columns(capsys):
    """Name, layers, loss, epochs, batch and goal begin, or for the epochs end, at the same place in each line."""
    main(["recipes"])
    pattern = (
        r"(?P<name>[\w-]+) +(?P<layers>(\d × )?784(-\d+)+) +(?P<kind>(\w+, )?\w*cross_entropy) +\d+(?P<epochs>) "
        r"epochs, (?P<batch>batch \d+|all images at once)( +(?P<goal>goal \d\d\.\d%))?"
    )
    places = {}
    for line in capsys.readouterr().out.splitlines():
        match = re.fullmatch(pattern, line)
        assert match, line
        for column in ("name", "layers", "kind", "epochs", "batch", "goal"):
            if match[column] is not None:
                places.setdefault(column, set()).add(match.start(column))
    assert {column: len(starts) for column, starts in places.items()} == dict.fromkeys(
        ("name", "layers", "kind", "epochs", "batch", "goal"), 1
    )


# -------------------------------------------------------------------------------------------------------------- train


def test_train_all_seeds(tiny, capsys):
    assert main(["train", "tiny"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and set(contents(Path("results/tiny"))) == RESULTS
    summary = load_summary("results/tiny")
    assert summary["seed"] == [0, 1, 2] and summary["settings"] == 3 * [summary["settings"][0]]
    for stage in ("held out", "all"):
        for epoch in (1, 2):
            assert len(re.findall(rf"^{stage} +epoch +{epoch}/2  loss \d\.\d{{4}}", out, re.M)) == 3
    for seed, accuracy in enumerate(summary["test_accuracy"]):
        assert f"tiny, seed {seed}: test accuracy {100 * accuracy:.2f}%" in out
    assert out.splitlines()[-1].startswith(
        f"tiny: test accuracy {100 * np.mean(summary['test_accuracy']):.2f}%, 3 seeds"
    )


@pytest.mark.parametrize("recipe", [TINY_ALONE, TINY_COMMITTEE], ids=lambda recipe: recipe.name)
def test_train_with_nothing_held_out_prints_no_validation(tiny, capsys, recipe):
    assert main(["train", recipe.name]) == 0
    out, err = capsys.readouterr()
    assert err == "" and set(contents(Path("results", recipe.name))) == RESULTS
    assert not any(word in out for word in ("validation", "None", "nan", "held out"))
    stages = ["all"] if recipe.committee == 1 else ["all 1", "all 2", "all 3"]
    for stage in stages:
        for epoch in (1, 2):
            line = rf"^{stage} +epoch +{epoch}/2  loss \d\.\d{{4}}  training +\d+\.\d\d% +\d+\.\d s$"
            assert len(re.findall(line, out, re.M)) == 3
    assert len({line.index("epoch") for line in out.splitlines() if line.startswith("all")}) == 1
    summary = load_summary(Path("results", recipe.name))
    assert summary["validation_accuracy"] == [None] * 3
    rows = zip(summary["test_accuracy"], summary["train_accuracy"], summary["seconds"], strict=True)
    for seed, (test, training, seconds) in enumerate(rows):
        expected = f"{recipe.name}, seed {seed}: test accuracy {100 * test:.2f}%, training {100 * training:.2f}%"
        assert f"{expected}, {seconds:.1f} s\n" in out


def test_train_with_images_held_out_prints_all_three_accuracies(tiny, capsys):
    main(["train", "tiny", "--seed", "1"])
    summary = load_summary("results/tiny")
    test, validation, training = (100 * summary[f"{name}_accuracy"][0] for name in ("test", "validation", "train"))
    line = f"tiny, seed 1: test accuracy {test:.2f}%, validation {validation:.2f}%, training {training:.2f}%, "
    assert line in capsys.readouterr().out


@pytest.mark.parametrize("number", [1, 3, 4, 6, 9])
def test_a_committee_that_was_stopped_goes_on_as_advised(tiny, capsys, monkeypatch, number):
    """Six reports a seed, two a member."""
    main(["train", "tiny-committee", "--out", "unbroken"])
    with monkeypatch.context() as patch:
        patch.setattr(command_line, "_report", Press(number))
        assert main(["train", "tiny-committee"]) == 130
    advice = re.search(r"\btrain tiny-committee\b.*--resume.*", capsys.readouterr().err)
    assert checkpoints(Path("results/tiny-committee")) and main(shlex.split(advice[0])) == 0
    assert stored(Path("results/tiny-committee")) == stored(Path("unbroken/tiny-committee"))


def test_damaged_misread_images_are_answered_before_any_training(tiny, capsys, monkeypatch):
    main(["train", "tiny-alone", "--seed", "0"])
    Path("results/tiny-alone/misread.json").write_text("[")
    monkeypatch.setattr(recipes, "fit", lambda *_, **__: pytest.fail("it trained"))
    for more in ([], ["--seed", "1"], ["--resume"]):
        assert "misread.json" in refused(capsys, "train", "tiny-alone", *more)


def test_train_options(tiny, capsys, tmp_path):
    assert main(["train", "tiny-as-published", "--epochs", "3", "--seed", "7", "--out", str(tmp_path / "a" / "b")]) == 0
    folder = tmp_path / "a" / "b" / "tiny-as-published"
    assert set(contents(folder)) == RESULTS and load_summary(folder)["seed"] == [7]
    run_recipe(TINY_AS_PUBLISHED.with_epochs(3), 7, tmp_path / "by_hand", progress=False)
    assert stored(folder) == stored(tmp_path / "by_hand")


def test_pictures_are_the_lowest_seeds(tiny):
    def pictures():
        return {name: content for name, content in contents(Path("results/tiny")).items() if name in PICTURES}

    main(["train", "tiny", "--seed", "1"])
    of_1 = pictures()
    main(["train", "tiny", "--seed", "2"])
    assert pictures() == of_1
    main(["train", "tiny", "--seed", "0"])
    assert set(pictures()) == PICTURES and all(pictures()[name] != of_1[name] for name in PICTURES)


def test_finished_seeds_are_skipped_when_resuming(tiny, capsys):
    main(["train", "tiny", "--seed", "1"])
    before = contents(Path("results"))
    assert main(["train", "tiny", "--seed", "1", "--resume"]) == 0
    assert contents(Path("results")) == before and "seed 1: finished already" in capsys.readouterr().out
    assert main(["train", "tiny", "--resume"]) == 0
    summary = load_summary("results/tiny")
    assert summary["seed"] == [0, 1, 2]


class Press:
    """Stands in for _report: the stop button in an epoch of a seed's run."""

    def __init__(self, number):
        self.left = number

    def __call__(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("number", [1, 3, 5, 7])
def test_the_advice_after_a_stop_leads_to_the_result_of_an_unbroken_run(tiny, capsys, monkeypatch, number):
    """Four reports a seed: 5 and 7 are in the second seed."""
    arguments = ["train", "tiny", "--epochs", "2"]
    assert main([*arguments, "--out", "unbroken"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(command_line, "_report", Press(number))
        assert main([*arguments, "--out", "other place"]) == 130
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and checkpoints(Path("other place/tiny"))
    advice = re.search(r"\btrain tiny\b.*--resume.*", err)
    assert advice, err
    assert main(shlex.split(advice[0].rstrip("."))) == 0
    assert stored(Path("other place/tiny")) == stored(Path("unbroken/tiny"))


def test_an_unfinished_seed_stops_all_before_any_is_trained_again(tiny, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(command_line, "_report", Press(5))
        assert main(["train", "tiny"]) == 130  # seed 0 is finished, seed 1 is not
    assert load_summary("results/tiny")["seed"] == [0]
    before = contents(Path("results"))
    err = refused(capsys, "train", "tiny", "--seed", "1")
    assert "unfinished run" in err and "--resume" in err and "seed1" in err
    monkeypatch.setattr(recipes, "fit", lambda *_, **__: pytest.fail("it trained"))
    assert "seed1" in refused(capsys, "train", "tiny")
    assert contents(Path("results")) == before


def test_pictures_that_were_not_drawn_are_drawn_when_resuming(tiny, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reports, "save_pictures", press)
        assert main(["train", "tiny", "--seed", "0"]) == 130
    assert main(["train", "tiny", "--seed", "0", "--resume"]) == 0
    assert set(contents(Path("results/tiny"))) == RESULTS


def test_a_checkpoint_left_behind_by_a_finished_run_does_not_block_the_next(tiny, monkeypatch):
    """Killed between the results and the checkpoints' removal."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        main(["train", "tiny", "--seed", "0"])
    assert checkpoints(Path("results/tiny"))
    assert main(["train", "tiny", "--seed", "0", "--resume"]) == 0
    assert not checkpoints(Path("results/tiny"))


def test_results_of_other_settings_are_not_overwritten(tiny, capsys):
    main(["train", "tiny", "--seed", "0"])
    for more in ([], ["--resume"], ["--seed", "0"], ["--seed", "1"]):
        assert "other settings (epochs?)" in refused(capsys, "train", "tiny", "--epochs", "3", *more)


def test_other_epochs_do_not_go_on_with_an_unfinished_run(tiny, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(command_line, "_report", Press(3))
        assert main(["train", "tiny", "--seed", "0"]) == 130
    assert "other settings" in refused(capsys, "train", "tiny", "--seed", "0", "--epochs", "3", "--resume")
    path = Path("results/tiny/checkpoint-seed0-all.npz")
    path.write_bytes(path.read_bytes()[:-100])
    err = refused(capsys, "train", "tiny", "--seed", "0", "--resume")
    assert str(path) in err and "Delete it to start again" in err


# ---------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["train", "sigmoid-10"], "there is no recipe 'sigmoid-10'; did you mean .*sigmoid-100"),
        (["train", "zzzz"], "there is no recipe 'zzzz'; the command `recipes` lists them"),
        (["train", "tiny", "--epochs", "0"], "--epochs must be 1 or more, not 0"),
        (["train", "tiny", "--epochs", "-3"], "--epochs must be 1 or more, not -3"),
        (["train", "tiny", "--epochs", "x"], "--epochs.*'x'"),
        (["train", "tiny", "--epochs", "2.5"], "--epochs.*'2.5'"),
        (["train", "tiny", "--seed", "-1"], "--seed must be 0 or more, not -1"),
        (["train", "tiny", "--seed", "one"], "--seed.*'one'"),
        (["train", "tiny", "--seed", str(2**64)], "seed must be .*18.?446"),
        (["train"], "RECIPE"),
        (["sing"], "sing"),
        ([], "COMMAND"),
    ],
)
def test_bad_arguments(tiny, capsys, arguments, words):
    assert re.search(words, refused(capsys, *arguments))


@pytest.mark.parametrize("command", [["train", "tiny"], ["compare"]])
def test_output_that_cannot_be_written(tiny, capsys, monkeypatch, command):
    monkeypatch.setattr(recipes, "fit", lambda *_, **__: pytest.fail("it trained"))
    Path("file").write_text("in its place")
    assert "file" in refused(capsys, *command, "--out", "file")
    assert "file" in refused(capsys, *command, "--out", "file/below")
    if Path("/proc/self").exists():  # nobody can write there, not even root
        assert "/proc" in refused(capsys, *command, "--out", "/proc/self")
        Path("tiny").symlink_to("/proc/self")
        assert "tiny" in refused(capsys, "train", "tiny", "--out", ".")


def test_a_full_disk_is_named(tiny, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")  # as the system says it, without a name

    main(["train", "tiny", "--seed", "1"])
    monkeypatch.setattr(np, "savez", full)
    assert "No space left" in refused(capsys, "train", "tiny", "--seed", "0")
    assert not list(Path().rglob("*.unfinished"))


def test_data_that_are_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "_default_folder", lambda: tmp_path / "none")
    assert "git checkout -- data" in refused(capsys, "train", "sigmoid-64", "--seed", "0")


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"seed": 1}', '{"seed": [0]}', '{"seed": [0], "epochs": [2], "test_accuracy": ["high"]}'),
        '{"seed": [0], "settings": [""], "train_accuracy": [0.9], "validation_accuracy": [null], '
        '"test_accuracy": [0.9], "seconds": [1.0], "digit_accuracy": [null]}',
    ],
)
def test_a_damaged_summary(tiny, capsys, text):
    for name in ("tiny", "relu-128-64"):
        Path("results", name).mkdir(parents=True)
        Path("results", name, "summary.json").write_text(text)
    assert "summary.json" in refused(capsys, "compare")
    for more in ([], ["--resume"]):
        assert "summary.json" in refused(capsys, "train", "tiny", "--seed", "1", *more)


# ------------------------------------------------------------------------------------------------------------ compare


def compared():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["compare"]) == 0
    with Image.open("results/comparison.png") as picture:
        assert picture.format == "PNG" and min(picture.size) > 400
    assert not list(Path().rglob("*.unfinished"))
    return Path("results/comparison.md").read_text(encoding="utf-8")


def test_compare_without_and_with_some_results(tiny, capsys):
    assert "results" in refused(capsys, "compare")  # there is no such folder, which may be a slip of the finger
    Path("results").mkdir()
    text = compared()
    assert set(contents(Path())) == {"results/comparison.md", "results/comparison.png"}
    table = capsys.readouterr().out.strip()
    assert table in text and text.startswith("# ") and re.search(r"!\[.{20,}\]\(comparison\.png\)", text)
    for stated in ("94.25 %", "90 to 93 %", "97.11 %", "94.9 %", "98 %", "92 %"):
        assert re.search(rf"stated by its authors \|[^|]*{stated}", text), stated
    assert text.count("not run yet") == len(OF_COURSE) and all(f"train {name}`" in text for name in OF_COURSE)
    assert text.count("train ") == len(OF_COURSE)  # and of no other, which would have nobody to be compared with

    picture = Path("results/comparison.png").read_bytes()
    for name, seeds in (("sigmoid-100", (0, 1, 2)), ("momentum-1024-as-published", (0,))):
        for seed in seeds:
            run_recipe(replace(TINY, name=name), seed, Path("results", name), progress=False)
    text = compared()
    assert text.count("not run yet") == len(OF_COURSE) - 2 and Path("results/comparison.png").read_bytes() != picture
    accuracies = [100 * value for value in load_summary("results/sigmoid-100")["test_accuracy"]]
    row = next(line for line in text.splitlines() if "train sigmoid-100`" in line)
    assert f"{np.mean(accuracies):.2f} % ({min(accuracies):.2f} to {max(accuracies):.2f})" in row
    (only,) = load_summary("results/momentum-1024-as-published")["test_accuracy"]
    row = next(line for line in text.splitlines() if "train momentum-1024-as-published`" in line)
    assert f"{100 * only:.2f} %" in row and "one seed" in row


OF_COURSE = [name for name in RECIPES if not name.startswith("elastic")]


# ------------------------------------------------------------------------------------------------------------ predict


@pytest.fixture(scope="module")
def model(mnist, tmp_path_factory):
    """A network that reads most digits, as a file."""
    net = Network([784, 32, 10], seed=0)
    fit(net, mnist.train[:10_000], epochs=3, batch_size=32, optimizer=SGD(0.1), progress=False)
    path = tmp_path_factory.mktemp("model") / "model.npz"
    net.save(path)
    return path


def drawn(path, row, ink_on_paper=True, scale=10):
    """A row of MNIST as a picture file, enlarged."""
    pixels = np.kron((255 * row.reshape(28, 28)).astype(np.uint8), np.ones((scale, scale), np.uint8))
    Image.fromarray(255 - pixels if ink_on_paper else pixels).save(path)
    return str(path)


def answers(out):
    """{path: (answer, ten probabilities)} of what `predict` printed."""
    found = {}
    for first, second in zip(out.splitlines()[::2], out.splitlines()[1::2], strict=True):
        path, answer = first.rsplit(": ", 1)
        probabilities = re.findall(r"(\d): ([\d.]+)%", second)
        assert [digit for digit, _ in probabilities] == list("0123456789")
        found[path] = int(answer), [float(value) for _, value in probabilities]
    return found


@pytest.mark.parametrize("ink_on_paper", [True, False])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_predict_reads_real_digits(mnist, model, tmp_path, capsys, ink_on_paper, ending):
    rows = [int(np.flatnonzero(mnist.validation.labels == digit)[3]) for digit in range(10)]
    paths = [
        drawn(tmp_path / f"{digit}.{ending}", mnist.validation.images[row], ink_on_paper)
        for digit, row in enumerate(rows)
    ]
    before = contents(tmp_path)
    assert main(["predict", str(model), *paths]) == 0
    out, err = capsys.readouterr()
    found = answers(out)
    assert err == "" and list(found) == paths
    for answer, probabilities in found.values():
        assert sum(probabilities) == pytest.approx(100, abs=0.51) and probabilities[answer] == max(probabilities)
    right = Network.load(model).predict(mnist.validation.images[rows])
    assert sum(found[path][0] == digit for path, digit in zip(paths, right, strict=True)) >= 9
    assert sum(found[path][0] == digit for digit, path in enumerate(paths)) >= 8
    assert contents(tmp_path) == before


def test_one_bad_picture_among_good_ones(mnist, model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        drawn(name, mnist.validation.images[3])
    assert main(["predict", str(model), "a.png", "none.png", "b.png"]) == 2
    out, err = capsys.readouterr()
    assert list(answers(out)) == ["a.png", "b.png"]
    assert err.count("\n") == 1 and "none.png" in err


def test_pictures_that_cannot_be_read(model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text.png").write_text("This is no picture.")
    Path("empty.png").touch()
    Path("folder.png").mkdir()
    Image.new("L", (100, 100), 255).save("blank.png")
    drawn("cut.png", np.eye(28, dtype=np.float32))
    Path("cut.png").write_bytes(Path("cut.png").read_bytes()[:60])
    for name in ("missing.png", "text.png", "empty.png", "folder.png", "blank.png", "cut.png"):
        assert name in refused(capsys, "predict", model, name)
        assert capsys.readouterr().out == ""


def test_models_that_cannot_be_used(mnist, model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn("a.png", mnist.validation.images[3])
    good = model.read_bytes()
    damaged = {"half": good[: len(good) // 2], "bit": good[:3000] + bytes([good[3000] ^ 4]) + good[3001:], "none": b""}
    for name, content in (damaged | {"text": b"no model"}).items():
        Path(f"{name}.npz").write_bytes(content)
        assert f"{name}.npz: not a network" in refused(capsys, "predict", f"{name}.npz", "a.png")
    for sizes in ([783, 5, 10], [784, 9], [28, 28, 3]):
        Network(sizes).save("other.npz")
        err = refused(capsys, "predict", "other.npz", "a.png")
        assert "other.npz" in err and f"{sizes[0]} inputs and {sizes[-1]} outputs" in err and "784 and 10" in err
    Path("folder.npz").mkdir()
    for name in ("missing.npz", "folder.npz"):
        assert name in refused(capsys, "predict", name, "a.png")


# ----------------------------------------------------------------------------------------------------- real processes


def command(*arguments):
    return [sys.executable, "-m", "mnist_scratch", *map(str, arguments)]


def test_the_module_and_the_installed_command_are_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, name = project["scripts"]["mnist-scratch"].split(":")
    assert getattr(import_module(module), name) is main
    done = subprocess.run(command("train", "sigmoid-10"), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1) and "sigmoid-100" in done.stderr
    # no other command waits for Matplotlib
    script = (
        "import sys; from mnist_scratch.__main__ import main; main(['recipes']); print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False" and done.stderr == ""


def stop_when(process, moment, number):
    """Send a signal as soon as the moment has come; returns the exit status and stderr."""
    while not moment():
        assert process.poll() is None, f"it ended before: {process.communicate()}"
        time.sleep(0.001)
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
    return process.returncode, err


def test_a_stop_at_any_line_of_a_report_is_a_stop(capsys):
    """Not another error, which would end the program with a traceback."""
    history = History(train_loss=[2.3, 0.5], train_accuracy=[0.1, 0.8], validation_accuracy=[0.1, 0.8], seconds=[0, 1])
    n, reached = 0, True
    while reached:
        n += 1
        with pressed_at_line(n, command_line, tqdm.std) as left, suppress(KeyboardInterrupt):
            command_line._report(TINY, "held out", history)
        reached = left() <= 0
    assert n > 10


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGKILL nor this Ctrl-C")
def test_a_real_run_interrupted_killed_and_resumed(tmp_path):
    def train(out, *more):
        return command("train", "softmax-regression", "--epochs", "3", "--seed", "0", "--out", out, *more)

    def start(out, *more):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        # a test run in the background ignores Ctrl-C, and would hand that down
        pipes["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        return subprocess.Popen(train(out, *more), cwd=tmp_path, **pipes)

    folder = tmp_path / "broken" / "softmax-regression"
    first, second = (folder / f"checkpoint-seed0-{stage}.npz" for stage in ("held-out", "all"))
    running = []
    try:
        running.append(start("broken"))
        status, err = stop_when(running[-1], first.exists, signal.SIGINT)  # in the second epoch
        assert status == 130 and "Traceback" not in err and "--resume" in err and err.count("\n") == 1
        assert checkpoints(folder) == [first.name]

        running.append(start("unbroken"))
        running.append(start("broken", "--resume"))
        unfinished = second.with_name(second.name + ".unfinished")  # a write is going on, or has just ended
        writing = lambda: unfinished.exists() or second.exists()  # noqa: E731
        assert stop_when(running[-1], writing, signal.SIGKILL)[0] == -9
        assert not (folder / "summary.json").exists()

        running.append(start("broken", "--resume"))
        for process in (running[1], running[-1]):
            _, err = process.communicate(timeout=600)
            assert (process.returncode, err) == (0, "")
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert stored(folder) == stored(tmp_path / "unbroken" / "softmax-regression")
    assert set(contents(folder)) == RESULTS
    for name in PICTURES:
        assert (folder / name).read_bytes() == (tmp_path / "unbroken" / "softmax-regression" / name).read_bytes()
