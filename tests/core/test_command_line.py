"""The command line: each command, and faults of the user in one line."""

import errno
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mnist_scratch import SGD, Network, files, fit
from mnist_scratch import __main__ as command_line
from mnist_scratch.__main__ import CERTAIN, main
from mnist_scratch.classroom import reports
from mnist_scratch.photographs import digit_alone
from mnist_scratch.prepare import prepare_digit, read_picture
from mnist_scratch.recipes import RECIPES
from mnist_scratch.runs import load_summary, results_folder, run_recipe

FOLDER = Path("runs/tiny")
PICTURES = {f"{name}.png" for name in ("training_curves", "confusion_matrix", "digit_accuracy", "sample_predictions")}
RESULTS = PICTURES | {"model.npz", "history.json", "summary.json", "misread.json"}


@pytest.fixture
def place(tiny, small, monkeypatch, tmp_path):
    """An empty working directory, recipes that take hundredths of a second, and pictures that take none."""
    made = {"tiny": {}, "tiny-ensemble": {"n_validation": 0, "sizes": (784, 8, 6, 10), "ensemble": 3}}
    for name, changes in made.items():
        monkeypatch.setitem(RECIPES, name, replace(tiny, name=name, **changes))

    def save_pictures(folder, recipe, test):
        for name in PICTURES:
            (folder / name).touch()

    monkeypatch.setattr(reports, "save_pictures", save_pictures)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(capsys, contents):
    """The one line on stderr with which bad input is answered, with status 2 and no change of any file."""

    def refused(*arguments):
        before = contents(Path())
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse answers so
            status = stop.code
        err = capsys.readouterr().err
        assert status == 2 and err.count("\n") == 1 and err.startswith("mnist-scratch: "), err
        assert contents(Path()) == before
        return err

    return refused


class Press:
    """Stands in for _report: the stop button when the n-th epoch of all is reported."""

    def __init__(self, n):
        self.left = n

    def __call__(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


# --------------------------------------------------------------------------------------------------- check, recipes


def test_check_finds_this_machine_ready(capsys, monkeypatch, mnist):
    monkeypatch.setattr(command_line, "load_mnist", lambda: mnist._replace(train=mnist.train[:25_000]))
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "PROBLEM" not in "".join(lines) and lines[-1] == "This machine is ready."


def problems(capsys):
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert "This machine is ready" not in out
    return {line.split()[1]: line for line in out.splitlines() if line.startswith("PROBLEM")}


def test_check_names_a_missing_package_a_wrong_gradient_and_slow_learning(capsys, monkeypatch, mnist):
    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(command_line, "version", version)
    monkeypatch.setattr(command_line, "gradient_check", lambda *_: SimpleNamespace(max_relative_error=2e-7))
    monkeypatch.setattr(command_line, "load_mnist", lambda: mnist)
    monkeypatch.setattr(command_line, "fit", lambda net, *_, **__: fit(net, mnist.train[:10], epochs=1, batch_size=5))
    found = problems(capsys)
    assert set(found) == {"packages", "gradients", "training"}
    assert "numpy is not installed" in found["packages"] and "2.0e-07" in found["gradients"]


@pytest.mark.parametrize(
    ("lab", "widgets", "ready"), [("4.6.6", "7.7.1", False), ("4.6.6", "8.1.9", True), (None, "7.7.1", True)]
)
def test_check_says_when_jupyterlab_will_show_no_sliders(monkeypatch, lab, widgets, ready):
    found = {"ipywidgets": widgets, "jupyterlab_widgets": "3.0.17", "jupyterlab": lab}

    def version(name):
        if (number := found.get(name, "1.0")) is None:
            raise PackageNotFoundError(name)
        return number

    monkeypatch.setattr(command_line, "version", version)
    if ready:
        assert f"ipywidgets {widgets}" in command_line.CHECKS["packages"]()
    else:
        with pytest.raises(RuntimeError, match="pip install --upgrade ipywidgets"):
            command_line.CHECKS["packages"]()


def command(*arguments):
    return [sys.executable, "-m", "mnist_scratch", *map(str, arguments)]


def test_recipes_are_listed_one_a_line_on_any_console(capsys):
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(RECIPES)
    assert all("-".join(map(str, recipe.sizes)) in line for line, recipe in zip(lines, RECIPES.values(), strict=True))
    cyrillic = subprocess.run(command("recipes"), capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1251"})
    assert cyrillic.stderr == b"" and cyrillic.stdout.decode("cp1251").splitlines() == lines


@pytest.mark.skipif(os.name == "nt", reason="a pipe of another kind")
def test_a_reader_that_goes_away_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command("recipes"), stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.stderr == b""


# -------------------------------------------------------------------------------------------------------------- train


def test_train_all_seeds(place, capsys, contents):
    assert main(["train", "tiny"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and set(contents(Path())) == {f"runs/tiny/{name}" for name in RESULTS}
    summary = load_summary(FOLDER)
    assert summary["seed"] == [0, 1, 2]
    for stage in ("held out", "all"):
        for epoch in (1, 2):
            assert len(re.findall(rf"^{stage} +epoch +{epoch}/2 ", out, re.M)) == 3
    names = ("test", "validation", "train")
    for seed, row in enumerate(zip(*(summary[f"{name}_accuracy"] for name in names), strict=True)):
        test, validation, train = (f"{accuracy:.2%}" for accuracy in row)
        assert f"tiny, seed {seed}: test accuracy {test}, validation {validation}, training {train}, " in out
    assert out.splitlines()[-1].startswith(f"tiny: test accuracy {np.mean(summary['test_accuracy']):.2%}, 3 seeds")


def test_train_options(place, tiny, stored):
    assert main(["train", "tiny", "--epochs", "3", "--seed", "7", "--out", "a/b"]) == 0
    assert {path.name for path in Path("a/b/tiny").iterdir()} == RESULTS
    run_recipe(tiny.with_epochs(3), 7, "by hand", progress=False)
    assert stored(Path("a/b/tiny")) == stored(Path("by hand"))


@pytest.mark.parametrize(
    "recipe, n, more",
    [("tiny", n, ["--epochs", "2", "--out", "other place"]) for n in (3, 5)] + [("tiny-ensemble", 9, [])],
)
def test_the_advice_after_a_stop_leads_to_the_result_of_an_unbroken_run(
    place, capsys, monkeypatch, stored, recipe, n, more
):
    """Four reports a seed, or six with an ensemble of three."""
    assert main(["train", recipe, "--out", "unbroken"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(command_line, "_report", Press(n))
        assert main(["train", recipe, *more]) == 130
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert main(shlex.split(re.search(r"\btrain .*--resume.*", err)[0])) == 0
    folder = Path("other place" if more else "runs", recipe)
    assert stored(folder) == stored(Path("unbroken", recipe))


def test_finished_seeds_are_skipped_and_missing_pictures_drawn_when_resuming(place, capsys, monkeypatch, contents):
    with monkeypatch.context() as patch:
        patch.setattr(reports, "save_pictures", Press(1))
        assert main(["train", "tiny", "--seed", "0"]) == 130
    before = contents(Path())
    assert main(["train", "tiny", "--seed", "0", "--resume"]) == 0
    assert "seed 0: finished already" in capsys.readouterr().out
    after = contents(Path())
    assert set(after) == {f"runs/tiny/{name}" for name in RESULTS} and before.items() <= after.items()
    assert main(["train", "tiny", "--resume"]) == 0 and load_summary(FOLDER)["seed"] == [0, 1, 2]


# ---------------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["train", "sigmoid-10"], "there is no recipe 'sigmoid-10'; did you mean .*sigmoid-100"),
        (["train", "tiny", "--epochs", "0"], "--epochs.*from 1 .*'0'"),
        (["train", "tiny", "--epochs", "2.5"], "--epochs.*'2.5'"),
        (["train", "tiny", "--seed", "-1"], "--seed.*from 0 .*'-1'"),
        (["train", "tiny", "--seed", str(2**64)], "--seed.*'18446744073709551616'"),
        (["train", "tiny", "--seed", "9" * 5000], "--seed"),
        (["train"], "RECIPE"),
        (["sing"], "sing"),
        ([], "COMMAND"),
    ],
)
def test_bad_arguments(place, refused, arguments, words):
    assert re.search(words, refused(*arguments))


def test_what_is_in_the_folder_is_not_overwritten(place, refused, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(command_line, "_report", Press(5))
        assert main(["train", "tiny"]) == 130  # seed 0 is finished, seed 1 is not
    monkeypatch.setattr(type(RECIPES["tiny"]), "fit", lambda *_, **__: pytest.fail("it trained"))
    for more in ([], ["--seed", "1"]):
        assert re.search("seed1.*unfinished run.*--resume", refused("train", "tiny", *more))
    for more in ([], ["--resume"], ["--seed", "0"], ["--seed", "1"]):
        assert "other settings (epochs?)" in refused("train", "tiny", "--epochs", "3", *more)
    (FOLDER / "summary.json").write_text("{")
    assert re.search("summary.json.*restore it", refused("train", "tiny", "--seed", "7"))


def test_results_on_other_data_go_into_a_folder_of_its_name(place, refused, capsys, mnist):
    folder = Path("sets/clothes")
    folder.mkdir(parents=True)

    def write(test):
        for name, part in (("train", mnist.train[:300]), ("test", test)):
            rows = np.column_stack([part.labels, np.rint(255 * part.images)])
            np.savetxt(folder / f"{name}.csv", rows, "%d", ",")

    write(mnist.test[:50])
    assert main(["train", "tiny"]) == main(["train", "tiny", "--data", "sets/clothes", "--seed", "0"]) == 0
    assert {path.name for path in Path("runs/clothes/tiny").iterdir()} == RESULTS
    assert load_summary(FOLDER)["settings"]["data"] is None
    capsys.readouterr()
    assert main(["train", "tiny", "--data", "sets/clothes/", "--seed", "0", "--resume"]) == 0
    assert "finished already" in capsys.readouterr().out
    assert "--n-test goes with --data" in refused("train", "tiny", "--n-test", "50")
    (folder / "test.csv").unlink()
    assert re.search("test.csv.*n_test", refused("train", "tiny", "--data", folder))
    out = ["--out", "mine", "--seed", "0"]
    assert main(["train", "tiny", "--data", "sets/clothes", "--n-test", "50", *out]) == 0
    for n_test, words in ((100_000, "less than the 300 training images"), (240, "holds out 60 images.* has 60")):
        out = ["--n-test", n_test, "--out", "few"]
        assert re.search(words, refused("train", "tiny", "--data", folder, *out)) and not Path("few").exists()
    write(mnist.test[:49])
    assert "another data set" in refused("train", "tiny", "--data", folder, "--resume")
    assert re.search("nowhere: there is no such folder.*name the folder", refused("train", "tiny", "--data", "nowhere"))


@pytest.mark.parametrize(
    "error, advice",
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Make room, and go on with: .* train tiny .*--resume"),
        (PermissionError(errno.EACCES, "Permission denied"), "OneDrive.*\n.*Mend this, and go on with: .*--resume"),
    ],
)
def test_a_file_that_cannot_be_replaced_is_told_as_what_it_is(place, capsys, monkeypatch, error, advice):
    """And what was trained so far is kept."""
    replacements = iter(range(20))

    def fails(*paths):
        if next(replacements) > 0:
            raise error
        os.rename(*paths)

    monkeypatch.setattr(files.os, "replace", fails)
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    assert main(["train", "tiny", "--seed", "0"]) == 2
    err = capsys.readouterr().err
    assert re.search(rf"checkpoint-seed0-held-out.npz: {error.strerror}.*{advice}", err, re.S), err
    assert ("Make room" in err) == (error.errno == errno.ENOSPC)
    assert [path.name for path in FOLDER.iterdir()] == ["checkpoint-seed0-held-out.npz"]


def test_where_nothing_may_be_written_another_folder_is_asked_for(place, capsys, monkeypatch):
    """As on a server where the course lies in a folder for reading alone."""

    def refuse(path, *arguments, **settings):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        assert main(["train", "tiny", "--seed", "0"]) == 2
    assert re.search("Read-only file system.*--out", capsys.readouterr().err, re.S)


@pytest.mark.parametrize(
    "error", [ValueError("operands could not be broadcast together"), TypeError("no"), KeyError(3)]
)
def test_a_fault_of_the_program_is_not_blamed_on_the_user(place, monkeypatch, error):
    def faulty(*_):
        raise error

    monkeypatch.setattr(Network, "backward", faulty)
    with pytest.raises(type(error)):  # with its traceback
        main(["train", "tiny"])


# ------------------------------------------------------------------------------------------------------------ compare


def test_compare_shows_the_runs_of_the_course_and_writes_nothing(place, capsys, contents):
    before = contents(results_folder())
    assert main(["compare"]) == 0
    out = capsys.readouterr().out
    assert str(results_folder()) in out and "not run yet" not in out
    assert contents(results_folder()) == before and contents(Path()) == {}


def test_compare_ones_own_runs_and_a_seventh_network(place, tiny, capsys, refused, monkeypatch):
    assert "runs" in refused("compare", "--out", "runs")  # there is no such folder, which may be a slip of the finger
    monkeypatch.setattr(reports, "NETWORKS", [*reports.NETWORKS, "tiny"])
    monkeypatch.setitem(RECIPES, "tiny", replace(tiny, goal=0.1))
    monkeypatch.setitem(RECIPES, "tiny-as-published", replace(tiny, name="tiny-as-published", all_images=False))
    for name in ("sigmoid-100", "tiny"):
        run_recipe(replace(tiny, name=name), progress=False)
    assert main(["compare", "--out", "runs"]) == 0
    out, text = capsys.readouterr().out, Path("runs/comparison.md").read_text(encoding="utf-8")
    assert out.startswith("The runs in runs:") and out.split("\n\n", 1)[1].strip() in text
    assert re.search(r"!\[.{20,}\]\(comparison\.png\)", text)
    with Image.open("runs/comparison.png") as picture:
        assert picture.format == "PNG" and min(picture.size) > 400
    assert "not run yet" in text and "train tiny`" in text and re.search(r"\d\d\.\d\d %.*train sigmoid-100`", text)


# ------------------------------------------------------------------------------------------------------------ predict


@pytest.fixture(scope="module")
def model(mnist, tmp_path_factory):
    """A network that reads most digits, as a file."""
    net = Network([784, 32, 10], seed=0)
    fit(net, mnist.train[:10_000], epochs=3, batch_size=32, optimizer=SGD(0.1), progress=False)
    path = tmp_path_factory.mktemp("model") / "model.npz"
    net.save(path)
    return path


def drawn(path, row, scale=10):
    """A row of MNIST as a picture file, enlarged."""
    pixels = np.kron((255 * row.reshape(28, 28)).astype(np.uint8), np.ones((scale, scale), np.uint8))
    Image.fromarray(255 - pixels).save(path)
    return str(path)


def answers(out):
    """{path: answer} of what `predict` printed."""
    return {path: int(answer) for path, answer in re.findall(r"^(.+): (\d)$", out, re.M)}


def test_predict_reads_real_digits(mnist, model, tmp_path, capsys):
    rows = [int(np.flatnonzero(mnist.validation.labels == digit)[3]) for digit in range(10)]
    paths = [drawn(tmp_path / f"{i}.png", mnist.validation.images[row]) for i, row in enumerate(rows)]
    assert main(["predict", str(model), *paths]) == 0
    out, err = capsys.readouterr()
    found = answers(out)
    assert list(found) == paths
    assert sum(answer == digit for digit, answer in enumerate(found.values())) >= 8
    for (path, answer), line in zip(found.items(), out.splitlines()[1::2], strict=True):
        probabilities = [float(value) for value in re.findall(r"\d: ([\d.]+)%", line)]
        assert sum(probabilities) == pytest.approx(100, abs=0.51) and probabilities[answer] == max(probabilities)
        if abs(max(probabilities) - 100 * CERTAIN) > 0.1:  # the table is rounded
            # on clean paper there is nothing to say, unless the network is not certain
            assert (path in err) == (max(probabilities) < 100 * CERTAIN)


PHOTOGRAPHS = Path(__file__).resolve().parents[2] / "notebooks" / "images" / "photographs"


def photograph(tmp_path, condition, digit):
    """A photograph of a digit, in a folder of the user's."""
    return shutil.copy(PHOTOGRAPHS / condition / f"{digit}.jpg", tmp_path / f"{condition}-{digit}.jpg")


def beside(path, to):
    """A photograph with another one to its right."""
    left, right = Image.open(path), Image.open(path.replace("clean-3", "clean-7"))
    both = Image.new("L", (2 * left.width, left.height))
    both.paste(left)
    both.paste(right, (left.width, 0))
    both.save(to)
    return str(to)


def test_a_doubtful_picture_is_told_in_a_line_and_strict_makes_it_a_failure(tmp_path, capsys):
    model = str(Path(__file__).resolve().parents[2] / "results" / "relu-128-64" / "model.npz")
    clean, _ = str(photograph(tmp_path, "clean", 3)), photograph(tmp_path, "clean", 7)
    two = beside(clean, tmp_path / "two.png")
    for options, expected in [([], 0), (["--strict"], 1)]:
        assert main(["predict", model, clean, two, *options]) == expected
        out, err = capsys.readouterr()
        assert answers(out)[clean] == 3 and two in answers(out)
        assert err.count("\n") == 1 and err.startswith(two) and clean not in err
    assert main(["predict", model, clean, "--strict"]) == 0
    assert main(["predict", model, str(tmp_path / "none.png"), two, "--strict"]) == 2  # the graver of the two


def test_show_writes_what_the_network_saw_and_replaces_nothing(tmp_path, capsys):
    model = str(Path(__file__).resolve().parents[2] / "results" / "relu-128-64" / "model.npz")
    path = Path(photograph(tmp_path, "underlined", 5))
    (path.parent / "seen").mkdir()
    mine = path.parent / "seen" / f"{path.name}.png"
    mine.write_text("mine")
    before = path.read_bytes()
    named = []
    for _ in range(2):
        assert main(["predict", model, str(path), "--show"]) == 0
        named.append(Path(re.search(r"saw: (.+)$", capsys.readouterr().out, re.M)[1]))
    assert len({mine, *named}) == 3 and mine.read_text() == "mine" and path.read_bytes() == before
    with Image.open(named[0]) as shown:
        right = np.asarray(shown.crop((shown.width - shown.height, 0, shown.width, shown.height)).reduce(8))
    row = prepare_digit(digit_alone(read_picture(path))[0])
    np.testing.assert_allclose(right / 255, row.reshape(28, 28), atol=0.01)


def test_the_answer_is_told_where_what_the_network_saw_cannot_be_written(tmp_path, capsys):
    model = str(Path(__file__).resolve().parents[2] / "results" / "relu-128-64" / "model.npz")
    path = photograph(tmp_path, "clean", 5)
    (tmp_path / "seen").write_text("mine")
    assert main(["predict", model, str(path), "--show"]) == 1
    out, err = capsys.readouterr()
    assert answers(out) == {str(path): 5}
    assert err.count("\n") == 1 and str(tmp_path / "seen") in err


def test_one_bad_picture_among_good_ones_and_patterns(mnist, model, tmp_path, capsys, monkeypatch):
    """PowerShell hands *.png on as it is."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.png", "c[1].png"):
        drawn(name, mnist.validation.images[3])
    for asked in (["a.png", "none.png", "b.png"], ["?.png", "none*.png"]):
        assert main(["predict", str(model), *asked]) == 2
        out, err = capsys.readouterr()
        assert list(answers(out)) == ["a.png", "b.png"]
        assert err.count("\n") == 1 and "none" in err
    assert main(["predict", str(model), "c[1].png"]) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows' file system spells it otherwise")
def test_a_name_that_the_console_cannot_show_does_not_stop_the_next_picture(mnist, model, tmp_path):
    names = [drawn(tmp_path / name, mnist.validation.images[3]) for name in ("sieben-七.png", "b.png")]
    environment = os.environ | {"PYTHONIOENCODING": "cp1251"}
    done = subprocess.run(command("predict", model, *names), capture_output=True, env=environment)
    assert (done.returncode, done.stderr) == (0, b"") and len(answers(done.stdout.decode("cp1251"))) == 2


def test_pictures_and_models_that_cannot_be_used(mnist, model, tmp_path, refused, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn("a.png", mnist.validation.images[3])
    Path("text.png").write_text("This is no picture.")
    Path("folder.png").mkdir()
    Image.new("L", (100, 100), 255).save("blank.png")
    Image.new("L", (5, 5), 255).save("small.png")
    for name in ("missing.png", "text.png", "folder.png", "blank.png", "small.png"):
        assert name in refused("predict", model, name)
    Path("half.npz").write_bytes(model.read_bytes()[:1000])
    Network([784, 9]).save("other.npz")
    net = Network([784, 10])
    net.weights[0][0] = np.nan
    net.save("nan.npz")
    for name in ("half.npz", "other.npz", "nan.npz", "missing.npz"):
        assert name in refused("predict", name, "a.png")
