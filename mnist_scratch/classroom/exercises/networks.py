"""The exercises of notebook 08: a recipe of one's own, steps and epochs, and the λ of others."""

from dataclasses import fields, replace

import numpy as np

from ...data import Dataset
from ...optimizers import SGD, CosineSchedule
from ...recipes import RECIPES, Recipe
from .toolkit import Case, Exercise, Mistake, Wrong, attempt, by_cases, by_value, quiet, require_function, shown

# ------------------------------------------------------------------------------------------------ 8.1


def _my_recipe(student):
    """The answer is not unique, so its properties are looked at; nothing is trained but two small batches."""
    if isinstance(student, Recipe):
        raise Wrong(
            "The check was given a Recipe, and not a function.",
            "Give it the function itself, by its name and without brackets: the check calls it.",
        )
    require_function(student)
    called = f"{getattr(student, '__name__', 'your function')}()"
    before = dict(RECIPES)
    outcome = attempt(student, Case({}), lambda f: f())
    changed = before != RECIPES
    if changed:  # the notebook's other cells, and the checks, read them
        RECIPES.clear()
        RECIPES.update(before)
    if outcome.error:
        hint = {
            "FrozenInstanceError": "A recipe cannot be changed, so that nobody changes it under a run. Make another "
            "one: `replace(recipe, …)`.",
            "KeyError": "`RECIPES` is a dictionary of recipes by name; `list(RECIPES)` shows the names.",
        }.get(outcome.kind, "")
        raise Wrong(f"{called} stopped with {outcome.error}.", hint)
    if changed:
        raise Wrong(
            f"{called} changed RECIPES.", "Return your recipe only; `RECIPES` holds what this notebook compares with."
        )
    recipe = outcome.result
    _require_recipe(recipe, called)
    _require_name_and_sizes(recipe, called)
    _require_rules(recipe, called)
    _require_counts(recipe, called)
    _require_schedule(recipe, called)
    _require_it_learns(recipe, called)


def _require_recipe(recipe, called):
    if recipe is None:
        raise Wrong(f"{called} returned nothing (None). Is there a `return`?")
    if isinstance(recipe, dict):
        raise Wrong(
            f"{called} returned a dictionary; expected was a Recipe.",
            "These may be the right settings; `replace(RECIPES[…], **settings)` makes a recipe of them.",
        )
    if not isinstance(recipe, Recipe):
        raise Wrong(
            f"{called} returned {shown(recipe)}; expected was a Recipe.",
            "`dataclasses.replace(RECIPES[…], …)` takes a recipe and returns another one.",
        )


def _require_name_and_sizes(recipe, called):
    if not isinstance(recipe.name, str) or not recipe.name.strip():
        raise Wrong(f"{called} has the name {shown(recipe.name)}.", "A recipe needs a name: its folder is called so.")
    if recipe.name in RECIPES:
        raise Wrong(
            f"{called} is called {recipe.name!r}, as a recipe that is there already.",
            "Results go into a folder of that name: yours would meet those of others. Give it another name.",
        )
    if any(sign in recipe.name for sign in "/\\:") or recipe.name.strip() != recipe.name:
        raise Wrong(f"{called} is called {recipe.name!r}.", "The name is a folder's name, too: letters and hyphens.")
    sizes = recipe.sizes
    whole = isinstance(sizes, tuple | list) and all(isinstance(n, int | np.integer) and n > 0 for n in sizes)
    if not whole or len(sizes) < 2:
        raise Wrong(
            f"{called} has the sizes {shown(sizes)}.", "All layers, as a tuple of whole numbers: such as (784, 50, 10)."
        )
    if sizes[0] != 784 or sizes[-1] != 10:
        raise Wrong(
            f"{called} has the sizes {shown(sizes)}.",
            "784 pixels go in and ten classes come out, whatever is between: sizes hold these two as well.",
        )
    if tuple(sizes) in {other.sizes for other in RECIPES.values()}:
        raise Wrong(
            f"{called} has the sizes {shown(sizes)}.", "These layers are in RECIPES already. Choose layers of your own."
        )


def _require_rules(recipe, called):
    """The rules of the notebook: chosen on held-out images, three seeds, an expectation of one's own."""
    if not isinstance(recipe.n_validation, int | np.integer) or not 1_000 <= recipe.n_validation < 60_000:
        raise Wrong(
            f"{called} holds out {shown(recipe.n_validation)} images.",
            "λ is chosen on images that were not trained on: without enough of them you would choose with the test "
            "set.",
        )
    if not recipe.all_images or recipe.published is not None:
        raise Wrong(
            f"{called} was made from a recipe as published: all_images is {recipe.all_images}, published is "
            f"{recipe.published}.",
            "It still carries the rules and figures of others. Start from a recipe of ours, without `-as-published`.",
        )
    seeds = recipe.seeds if isinstance(recipe.seeds, tuple | list | range) else (recipe.seeds,)
    if len({seed for seed in seeds if isinstance(seed, int | np.integer)}) < 3:
        raise Wrong(
            f"{called} has the seeds {shown(recipe.seeds)}.",
            "One run is an anecdote, and the same seed twice is one run: three different seeds.",
        )
    goal = recipe.goal
    if isinstance(goal, bool) or not isinstance(goal, int | float | np.integer | np.floating):
        raise Wrong(
            f"{called} has the goal {shown(goal)}.",
            "Say what you expect before you know: put the test accuracy into `goal`, as a fraction.",
        )
    if goal == 1:
        raise Wrong(f"{called} has the goal {shown(goal)}.", "No network reads every image. What do you expect?")
    if not 0 < goal < 1:
        raise Wrong(f"{called} has the goal {shown(goal)}.", "A fraction of 1, not percent: 98 % is 0.98.")
    if goal <= 0.5:
        raise Wrong(
            f"{called} has the goal {shown(goal)}.",
            "Every network of this notebook does far better. `goal` is the accuracy you expect, not the error.",
        )
    # what `replace` was not given stays the very object; the same number, typed anew, is another one
    if any(goal is other.goal for other in RECIPES.values()):
        raise Wrong(
            f"{called} has the goal {shown(goal)}.",
            "`goal` is still that of the recipe you started from. Put in what you expect of yours.",
        )
    decay = recipe.weight_decay
    if isinstance(decay, bool) or not isinstance(decay, int | float | np.integer | np.floating) or decay < 0:
        raise Wrong(f"{called} has weight_decay = {shown(decay)}.", "λ is one number, 0 or more.")
    if decay >= 0.1:
        raise Wrong(
            f"{called} has weight_decay = {shown(decay)}.",
            "In the published table that λ cost most of the accuracy. Try smaller ones by factors of ten.",
        )


def _require_schedule(recipe, called):
    if not isinstance(recipe.optimizer, SGD):
        raise Wrong(
            f"{called} has the optimizer {shown(recipe.optimizer)}.",
            "The learning rate lives in the optimizer: `optimizer=SGD(…)`, with a number or a schedule in it.",
        )
    schedule = recipe.optimizer.learning_rate
    if isinstance(schedule, CosineSchedule) and schedule.epochs != recipe.epochs:
        raise Wrong(
            f"{called} trains for {recipe.epochs} epochs, and its cosine wave takes {schedule.epochs:g}.",
            "`replace(recipe, epochs=…)` leaves the schedule inside the optimizer as it was, so η never comes down, or "
            "stays at 0 for long. `recipe.with_epochs(…)` stretches both.",
        )


def _require_counts(recipe, called):
    for setting in ("epochs", "batch_size"):
        value = getattr(recipe, setting)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise Wrong(f"{called} has {setting} = {shown(value)}.", "That is a whole number, 1 or more.")


def _require_it_learns(recipe, called):
    """Two batches of noise, one epoch: does the recipe run at all, and stay finite?"""
    rng = np.random.default_rng(8)
    data = Dataset(rng.random((32, 784), dtype=np.float32), np.arange(32) % 10)
    try:
        with quiet():
            net = recipe.network(0)
            history = replace(recipe, epochs=1, batch_size=16).fit(net, data, 0, progress=False)
    except Exception as error:  # whatever Network, SGD and fit say of the settings
        known = ", ".join(field.name for field in fields(Recipe)[1:9])
        raise Wrong(
            f"The recipe of {called} cannot be run: {error}", f"Look at the setting that is named; among {known}."
        ) from None
    if history.diverged or not np.isfinite(history.train_loss[-1]):
        raise Wrong(
            f"The recipe of {called} diverged on its first two batches.", "Its learning rate is much too large."
        )


MY_RECIPE = Exercise(
    "my_recipe",
    "8.1",
    "Return a recipe of your own: another name, other sizes, your λ, three seeds, and as goal what you expect.",
    _my_recipe,
    "`from dataclasses import replace`, then `replace(RECIPES['relu-128-64'], name=…, sizes=…, weight_decay=…, "
    "goal=…)`. If you change the epochs, do it with `.with_epochs(…)`.",
    "It could be run as it stands, by anybody, with the same result.",
)

# ------------------------------------------------------------------------------------------------ 8.3

_IMAGES, _BATCH, _EPOCHS = 50_000, 128, 30
_STEPS = -(-_IMAGES // _BATCH)

EPOCHS_OF_BATCH_DESCENT = Exercise(
    "epochs_of_batch_descent",
    "8.3",
    "Give the epochs in which batch descent makes as many steps as 30 epochs of mini-batches of 128 on 50,000 images.",
    by_value(
        lambda: _EPOCHS * _STEPS,
        {
            "That is one epoch of mini-batches. How many are there?": _STEPS,
            "50,000 / 128 is not whole, and the rest is a batch too, a smaller one: round up before you multiply.": (
                _EPOCHS * _IMAGES / _BATCH
            ),
            "You round at the end. Each epoch ends with a smaller batch: round up before you multiply by the epochs.": (
                lambda n: n in (11_718, 11_719)
            ),
            "You leave out the last, smaller batch of each epoch: round up.": _EPOCHS * (_IMAGES // _BATCH),
            "That counts all 60,000 images. As published, 10,000 of them are held out.": _EPOCHS * -(-60_000 // _BATCH),
            "That counts all 60,000 images. As published, 10,000 of them are held out. (And part of a batch is a step, "
            "too.)": _EPOCHS * 60_000 / _BATCH,
            "That is what batch descent did: one step an epoch. How many steps did mini-batches make?": 250,
            "Those are the epochs of the mini-batches. Each of them has many steps; batch descent has one.": _EPOCHS,
            "That is how many images are seen. A step is one update: count batches.": _EPOCHS * _IMAGES,
            "Batch descent makes one step an epoch, not one for each 128 images: do not multiply by the batch.": (
                _EPOCHS * _BATCH
            ),
            "That is at η = 0.1, where each step is ten times as long. The check asks for the number at η = 0.01.": (
                lambda n: abs(n - _EPOCHS * _STEPS / 10) <= 2
            ),
            "That is how many times as many steps mini-batches made. Asked for is their number.": lambda n: bool(
                abs(n - _EPOCHS * _STEPS / 250) < 0.1 or n == 47
            ),
        },
        tolerance=1e-9,
    ),
    "Steps in one epoch: 50,000 images in batches of 128, the last one smaller. Then all epochs. Batch descent makes "
    "one step an epoch.",
    "A comparison over epochs compares unequal numbers of steps.",
)

# ------------------------------------------------------------------------------------------------ 8.5


def _our_weight_decay(published, form, n, eta):
    return {
        "half": published,
        "full": 2 * published,
        "half by n": published / n,
        "decay": published / eta,
    }[form]


def _other(**changed):
    """The reference with another answer for one form."""

    def answer(published, form, n, eta):
        name = form.replace(" ", "_")
        return changed[name](published, n, eta) if name in changed else (_our_weight_decay(published, form, n, eta))

    return answer


def _form_case(published, form, n, eta, words=""):
    return Case({"published": published, "form": form, "n": n, "eta": eta}, words)


OUR_WEIGHT_DECAY = Exercise(
    "our_weight_decay",
    "8.5",
    "Turn a published λ, the form of its formula, n and η into the λ of this course.",
    by_cases(
        _our_weight_decay,
        [
            _form_case(1e-4, "half", 50_000, 0.1, "the same formula as ours"),
            _form_case(1e-4, "full", 50_000, 0.5),
            _form_case(5.0, "half by n", 50_000, 0.5, "as in notebook 06"),
            _form_case(1e-5, "decay", 50_000, 0.1),
            _form_case(3e-4, "decay", 1_000, 3.0, "a large η"),
            _form_case(np.float32(0.1), "half by n", 1_000, 2.0, "float32"),
            _form_case(0.0, "decay", 10, 0.1, "no decay"),
        ],
        [
            Mistake(
                "Not every λ means the same: the form has to be looked at.",
                lambda published, form, n, eta: published,
            ),
            Mistake(
                "For λ‖W‖² you halve. Its gradient is 2λW, and ours is λW: which of our λ gives the same pull?",
                _other(full=lambda lam, n, eta: lam / 2),
            ),
            Mistake(
                "For λ‖W‖² nothing is changed. Compare the gradients: 2λW and λW.", _other(full=lambda lam, n, eta: lam)
            ),
            Mistake(
                "For (λ/2n)‖W‖² you multiply by n. The published λ looks large because it is divided by n inside.",
                _other(half_by_n=lambda lam, n, eta: lam * n),
            ),
            Mistake(
                "For (λ/2n)‖W‖² you divide by 2n. The ½ is in our formula, too: only n differs.",
                _other(half_by_n=lambda lam, n, eta: lam / (2 * n)),
            ),
            Mistake(
                "For (λ/2n)‖W‖² n is left out.",
                _other(half_by_n=lambda lam, n, eta: lam),
            ),
            Mistake(
                "For decay you multiply by η. Ours is W ← (1 − ηλ)W …: which λ makes ηλ the published number?",
                _other(decay=lambda lam, n, eta: lam * eta),
            ),
            Mistake(
                "For decay nothing is changed. Ours is W ← (1 − ηλ)W …: η is inside the bracket, too.",
                _other(decay=lambda lam, n, eta: lam),
            ),
            Mistake(
                "For decay you give the factor that is left, 1 − λ. Asked for is our λ.",
                _other(decay=lambda lam, n, eta: 1 - lam),
            ),
            Mistake(
                "You convert the wrong way, from ours to theirs. The published λ is given, ours is asked for.",
                _other(
                    full=lambda lam, n, eta: lam / 2,
                    half_by_n=lambda lam, n, eta: lam * n,
                    decay=lambda lam, n, eta: lam * eta,
                ),
            ),
            Mistake(
                "You have a factor of 2 too much everywhere: our own formula, λ/2, needs no conversion.",
                lambda published, form, n, eta: 2 * _our_weight_decay(published, form, n, eta),
            ),
        ],
    ),
    "Take the derivative of each formula with respect to one weight w. Ours gives λw, and the step takes ηλw away. "
    "Which of our λ gives the same?",
    "Now two published λ can be compared.",
)

EXERCISES = [MY_RECIPE, EPOCHS_OF_BATCH_DESCENT, OUR_WEIGHT_DECAY]
