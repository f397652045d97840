"""The command line: `python -m mnist_scratch`, or `mnist-scratch` where the package is installed."""

import argparse
import errno
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from glob import glob
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from statistics import mean
from time import perf_counter

import numpy as np

from .data import load_mnist
from .datasets import load_dataset
from .files import UserError, replacing
from .gradient_check import gradient_check
from .network import Network
from .optimizers import SGD
from .photographs import digit_alone
from .prepare import prepare_digit, read_picture
from .recipes import RECIPES, find_recipe
from .runs import alone_in, check_folder, existing_folder, finished, load_summary, results_folder, run_recipe
from .training import fit

PROBLEM, WRONG_INPUT, INTERRUPTED = 1, 2, 130
# below it the network is called uncertain. Chosen with five networks on 199 pictures that a program drew for this, as
# a phone would photograph digits; they are not in the repository, and no real photograph is among them. One wrong
# answer of each network at most lay above it, and three right ones at most below; at 0.8, three wrong ones lay above.
CERTAIN = 0.9


def main(arguments=None):
    """Run one command; returns the exit status. What the user can mend is said in one line, with status 2.

    Anything else is a fault of the program, and shows its traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stand-in for one
            stream.reconfigure(errors="backslashreplace")  # a console's code page has not all letters of a file's name
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(arguments)
    options.words = arguments[1:]  # as they were typed, to say how to go on
    try:
        status = options.run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # as in `recipes | head -1`: nobody reads on
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush at the end
        return PROBLEM
    except (UserError, OSError, MemoryError) as error:
        return _complain(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """One line for wrong words on the command line, as for any other bad input."""

    def error(self, message):
        self.exit(WRONG_INPUT, f"mnist-scratch: {message}; {self.prog} --help explains\n")


def _parser():
    parser = _Parser("mnist-scratch", description="A neural network for handwritten digits in NumPy.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(run, name, text):
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        return made

    command(check, "check", "is this machine ready for class?")
    command(recipes, "recipes", "list the networks that `train` knows")
    train_ = command(train, "train", "train a recipe, by default with each of its seeds")
    train_.add_argument("recipe", metavar="RECIPE", help="a name that `recipes` lists")
    train_.add_argument("--epochs", type=_from(1), metavar="N", help="another number of epochs than the recipe's")
    train_.add_argument("--seed", type=_from(0), metavar="N", help="one seed only")
    text = "another data set, such as fashion-mnist; results go into a folder of that name (default: MNIST)"
    train_.add_argument("--data", metavar="FOLDER", help=text)
    text = "with --data: take the last N training images for the test, where the test images have no labels"
    train_.add_argument("--n-test", type=_from(1), metavar="N", help=text)
    train_.add_argument("--resume", action="store_true", help="go on with an unfinished run; skip finished seeds")
    train_.add_argument("--out", default="runs", metavar="DIR", help="where results go (default: runs)")
    compare_ = command(compare, "compare", "all networks, published and ours, as one table")
    text = "where `train` put them, such as runs; a picture is written there too (default: the course's own results)"
    compare_.add_argument("--out", metavar="DIR", help=text)
    predict_ = command(predict, "predict", "read a digit in a PNG or JPEG picture")
    predict_.add_argument("model", metavar="MODEL.npz", help="a network that `train` or Network.save wrote")
    predict_.add_argument("images", nargs="+", metavar="IMAGE", help="pictures of one digit each; *.png for all")
    text = "write what the network saw of each picture into the folder `seen` beside it"
    predict_.add_argument("--show", action="store_true", help=text)
    text = "exit status 1 if there was anything to say about a picture"
    predict_.add_argument("--strict", action="store_true", help=text)
    grade_ = command(grade, "grade", "judge what a class handed in again, and write a table")
    grade_.add_argument("folder", metavar="FOLDER", help="what check.hand_in() wrote (*.json), or notebooks")
    grade_.add_argument("--out", default=".", metavar="DIR", help="where grades.csv and grades.html go (default: here)")
    grade_.add_argument("--exercises", metavar="FILE.py", help="adds exercises of your own, with check.add")
    text = "the most that one answer may take (default: %(default)s)"
    grade_.add_argument("--seconds", type=_from(1), default=60, metavar="N", help=text)
    grade_.add_argument("--memory", type=_from(100), default=2000, metavar="MB", help=text)
    return parser


def _from(low):
    """A type of argument: whole numbers from `low` up, as far as they go."""

    def whole_number(text):
        if not (text.isdecimal() and low <= int(text) < 2**63):
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to 2^63 - 1, not {text!r}")
        return int(text)

    return whole_number


# ------------------------------------------------------------------------------------------------------ commands


def check(options):
    """Versions, data, gradients and speed of this machine, a line each."""
    ready = True
    for title, test in CHECKS.items():
        try:
            result, good = test(), "ok"
        except Exception as error:  # whatever is wrong with a machine belongs in the list
            result, good, ready = f"{type(error).__name__}: {error}", "PROBLEM", False
        print(f"{good:8} {title:12} {result}")
    print("This machine is ready." if ready else "Something is missing; see above.")
    return 0 if ready else PROBLEM


def _check_python():
    return sys.version.split()[0]


def _check_packages():
    names = ["numpy", "matplotlib", "ipywidgets", "tqdm", "threadpoolctl"]
    try:
        found = {name: version(name) for name in names}
    except PackageNotFoundError as error:
        raise RuntimeError(f"{error.name} is not installed; in the course's folder, `make lab` installs all") from None
    with suppress(PackageNotFoundError):  # Colab and editors show notebooks without it
        found["jupyterlab"] = version("jupyterlab")
        if found["ipywidgets"].startswith("7.") and not version("jupyterlab_widgets").startswith("1."):
            raise RuntimeError("JupyterLab shows no sliders of ipywidgets 7 here; pip install --upgrade ipywidgets")
    return ", ".join(f"{name} {number}" for name, number in found.items())


def _check_data():
    mnist = load_mnist()
    return f"MNIST verified: {len(mnist.train):,} + {len(mnist.validation):,} + {len(mnist.test):,} images"


def _check_gradients():
    data = load_mnist().train[:5]
    error = gradient_check(Network([784, 8, 10], seed=0, dtype="float64"), data.images, data.labels).max_relative_error
    if error > 1e-7:
        raise RuntimeError(f"relative error {error:.1e}, above 1e-7")
    return f"relative error {error:.1e}, below 1e-7"


def _check_training():
    mnist, net = load_mnist(), Network([784, 128, 64, 10], seed=0)
    history = fit(net, mnist.train, epochs=1, optimizer=SGD(0.1), progress=False)
    accuracy = net.accuracy(mnist.validation.images, mnist.validation.labels)
    if accuracy < 0.85:
        raise RuntimeError(f"{accuracy:.1%} after one epoch of 784-128-64-10; about 91 % was expected")
    return f"784-128-64-10: one epoch in {history.seconds[-1]:.2f} s, {accuracy:.1%} right"


def _check_pictures():
    from .classroom import plots

    started = perf_counter()
    plots.lines({"": (np.arange(3), np.arange(3))}, "x", "y").png()
    return f"Matplotlib and ipywidgets load, a figure in {perf_counter() - started:.2f} s"


CHECKS = {
    "Python": _check_python,
    "packages": _check_packages,
    "data": _check_data,
    "gradients": _check_gradients,
    "training": _check_training,
    "pictures": _check_pictures,
}


def recipes(options):
    """One line a recipe."""
    for recipe in RECIPES.values():
        layers = (f"{recipe.ensemble} of " if recipe.ensemble > 1 else "") + "-".join(map(str, recipe.sizes))
        hidden = f"{recipe.activation}, " if len(recipe.sizes) > 2 else ""
        batch = f"batch {recipe.batch_size}" if recipe.batch_size < 45_000 else "all images at once"
        aim = f"goal {recipe.goal:.1%}" if recipe.goal else ""
        line = f"{recipe.name:32} {layers:22} {hidden + recipe.loss:32} {recipe.epochs:3} epochs, {batch:18} {aim}"
        print(line.rstrip())
    return 0


def train(options):
    """Train a recipe's seeds one after the other; a line an epoch."""
    from .classroom.reports import save_pictures  # here: no other command waits for Matplotlib

    recipe = find_recipe(options.recipe)
    if options.epochs is not None:
        recipe = recipe.with_epochs(options.epochs)
    if options.n_test is not None and options.data is None:
        raise UserError("--n-test goes with --data: MNIST has its test images")
    data, folder = None, Path(options.out, recipe.name)
    if options.data is not None:
        data = load_dataset(options.data, n_validation=0, n_test=options.n_test)
        recipe, folder = recipe.with_data(data), Path(options.out, Path(options.data).resolve().name, recipe.name)
    seeds = recipe.seeds if options.seed is None else [options.seed]
    for seed in seeds:  # all of them first: a refusal should not come after an hour
        check_folder(recipe, seed, folder, options.resume)
    resume = [] if options.resume else ["--resume"]
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    go_on = "go on with: " + join(["python", "-m", "mnist_scratch", "train", *options.words, *resume])
    for seed in seeds:
        if options.resume and finished(recipe, seed, folder):
            print(f"{recipe.name}, seed {seed}: finished already")
            continue
        try:
            ended = _train_seed(recipe, seed, folder, data, options.resume)
        except OSError as error:
            if any(folder.glob("checkpoint*.npz")):
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                remedy = "Make room" if full else "Mend this"
                error.add_note(f"The last whole epoch is kept. {remedy}, and {go_on}")
            raise
        if not ended:
            print(f"Interrupted; the last whole epoch is kept; {go_on}", file=sys.stderr)
            return INTERRUPTED
    if Path(folder, "model.npz").exists():  # large ones are not part of the repository
        with alone_in(folder):
            save_pictures(folder, recipe, (data or load_mnist(n_validation=0)).test)
    accuracies = load_summary(folder)["test_accuracy"]
    spread = f", {len(accuracies)} seeds from {min(accuracies):.2%} to {max(accuracies):.2%}"
    print(f"{recipe.name}: test accuracy {mean(accuracies):.2%}{spread if len(accuracies) > 1 else ''}")
    return 0


def _train_seed(recipe, seed, folder, data, resume):
    """Whether it came to its end."""
    print(f"{recipe.name}, seed {seed}: {'-'.join(map(str, recipe.sizes))}, results go to {folder}", flush=True)
    shown = sys.stderr.isatty()
    try:
        run = run_recipe(
            recipe,
            seed,
            folder,
            data=data,
            resume=resume,
            progress=shown,
            on_epoch=lambda *row: _report(recipe, *row),
        )
    except KeyboardInterrupt:  # before the first step, or after the last
        return False
    if run.numbers is None:
        return False
    names = {"test accuracy": "test", "validation": "validation", "training": "train"}
    accuracies = {text: run.numbers[f"{name}_accuracy"] for text, name in names.items()}
    line = ", ".join(f"{text} {accuracy:.2%}" for text, accuracy in accuracies.items() if accuracy is not None)
    print(f"{recipe.name}, seed {seed}: {line}, {run.numbers['seconds']:.1f} s", flush=True)
    return True


def _report(recipe, stage, history):
    from tqdm import tqdm

    line = f"{stage:9} epoch {history.epochs:3}/{recipe.epochs}  loss {history.train_loss[-1]:.4f}"
    line += f"  training {history.train_accuracy[-1]:7.2%}"
    if history.validation_accuracy:
        line += f"  validation {history.validation_accuracy[-1]:.2%}"
    # above a progress bar, where there is one; tqdm's lock turns a Ctrl-C at the wrong moment into a RuntimeError
    tqdm.write(f"{line}  {history.seconds[-1]:6.1f} s", nolock=True)
    sys.stdout.flush()


def compare(options):
    """Print the table of all networks; in a folder of one's own, write comparison.md and comparison.png too."""
    from .classroom.reports import comparison, timeline

    folder = existing_folder(results_folder() if options.out is None else options.out)
    table = comparison(folder)
    if options.out is not None:
        figure = timeline(folder)
        with replacing(folder / "comparison.png") as file:
            file.write(figure.png(small=True))
        with replacing(folder / "comparison.md") as file:
            file.write(f"{COMPARISON}\n{table}\n![{figure.alt_text}](comparison.png)\n".encode())
    print(f"The runs in {folder}:\n\n{table}")
    return 0


COMPARISON = """# Published, as published, ours

Mean, lowest and highest of the seeds at the last epoch; each network was tested once on the 10,000 test images. As
published is what its authors' program did, mistakes included, as far as notebook 08 could find out. Ours were trained
on all 60,000 training images. The validation accuracy is that of a network that was trained without the held-out
images. The seconds are those of the machine that ran it, and of what else it did.
"""


def predict(options):
    """Ten probabilities a picture, and a line on stderr about each that may have been misread.

    A picture that cannot be read is named, and the others are read all the same; and where `--show` cannot write,
    the answers are printed.
    """
    net = Network.load(options.model)
    if net.sizes[0] != 784 or net.sizes[-1] != 10:
        has = f"{net.sizes[0]} inputs and {net.sizes[-1]} outputs"
        raise UserError(f"{options.model}: a network with {has}; reading a digit needs 784 and 10")
    if not all(np.isrealobj(array) and np.isfinite(array).all() for array in net.parameters()):
        raise UserError(f"{options.model}: its weights are not all finite real numbers; train it again")
    status = doubtful = 0
    for path in _expanded(options.images):
        try:
            picture = read_picture(path)
            alone, doubts = digit_alone(picture, name=path)
            X = prepare_digit(alone, name=path)[np.newaxis]
        except (UserError, OSError, MemoryError) as error:
            status = _complain(error)
            continue
        probabilities = net.predict_proba(X)[0]
        table = "  ".join(f"{digit}: {p:.1%}" for digit, p in enumerate(probabilities))
        print(f"{path}: {probabilities.argmax()}\n    {table}")
        if options.show:
            try:
                shown = _show(path, picture, X)
            except OSError as error:
                problem = f"{Path(path).parent / 'seen'} must be a folder that can be written to ({error.strerror})"
                print(f"{path}: what the network saw was not written: {problem}", file=sys.stderr)
                status = max(status, PROBLEM)
            else:
                print(f"    what the network saw: {shown}")
        if probabilities.max() < CERTAIN:
            remedy = "look at what it saw with --show; a larger digit and a thicker pen may help"
            doubts = [*doubts, f"the network is not certain: {remedy}"]
        if doubts:
            print(f"{path}: maybe misread: {'; '.join(doubts)}", file=sys.stderr)
            doubtful += 1
    return status or (PROBLEM if options.strict and doubtful else 0)


def _show(path, picture, X):
    """Write the picture, and the row that was made of it, side by side as a new PNG file; returns its path."""
    from PIL import Image

    side = 8 * 28
    seen = Image.new("L", (2 * side + 8, side), 128)
    gray = Image.fromarray((255 * np.clip(picture, 0, 1)).astype(np.uint8))
    gray.thumbnail((side, side))
    seen.paste(gray)
    seen.paste(Image.fromarray((255 * X.reshape(28, 28)).astype(np.uint8)).resize((side, side), 0), (side + 8, 0))
    folder = Path(path).parent / "seen"
    folder.mkdir(exist_ok=True)
    for number in count(1):
        shown = folder / f"{Path(path).name}{f'-{number}' if number > 1 else ''}.png"
        with suppress(FileExistsError), open(shown, "xb") as file:  # never over a file that is there
            seen.save(file, "PNG")
            return shown


def grade(options):
    """Write grades.csv and grades.html, and print the table; status 1 when a teacher has to look at something."""
    from . import grading  # here: no other command waits for Matplotlib

    out = Path(options.out)
    grading.files_in(Path(options.folder))  # makes no folder where there is nothing to judge
    out.mkdir(parents=True, exist_ok=True)
    settings = {"exercises": options.exercises, "seconds": options.seconds, "memory": options.memory}
    hand_ins = grading.grade(options.folder, **settings, progress=sys.stderr.isatty())
    print(grading.as_text(hand_ins))  # first: a table that is open in a spreadsheet may not be replaced
    for name, text in (("grades.csv", grading.as_csv(hand_ins)), ("grades.html", grading.as_html(hand_ins))):
        with replacing(out / name) as file:
            file.write(text.encode())
    print(f"The table is in {out / 'grades.csv'}, and with what the judge said in {out / 'grades.html'}.")
    look = [h for h in hand_ins if not h.readable or any(mark.state == "look" for mark in h.marks.values())]
    if look:
        print(f"Look yourself at {len(look)} of {len(hand_ins)} files: see the remarks.")
    return PROBLEM if look else 0


# ------------------------------------------------------------------------------------------------------- plumbing


def _expanded(names):
    """Patterns such as *.png become the files that they stand for, as most shells do it, but not those of Windows."""
    return [path for name in names for path in ([] if os.path.exists(name) else sorted(glob(name))) or [name]]


def _complain(error):
    text = " ".join(str(error).split()) or "there is not enough memory for this"
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    print(f"mnist-scratch: {text}", *getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
    return WRONG_INPUT


if __name__ == "__main__":
    sys.exit(main())
