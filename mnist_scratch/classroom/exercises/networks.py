"""The exercises of notebook 08: a recipe of one's own, steps and epochs, and the λ of others."""

from dataclasses import replace
from numbers import Integral

import numpy as np

from ...data import Dataset
from ...optimizers import SGD, CosineSchedule
from ...recipes import RECIPES, Recipe
from .toolkit import (
    FunctionExercise,
    NumberExercise,
    OpenExercise,
    Wrong,
    attempt,
    called_name,
    quiet,
    require,
    require_function,
    require_result,
    shown,
)
from .tuning import is_number

# ------------------------------------------------------------------------------------------------ 8.1


def _has_layers(sizes):
    return isinstance(sizes, tuple | list) and len(sizes) >= 2 and all(is_number(n, Integral) and n > 0 for n in sizes)


def _different(seeds):
    """The seeds as a set; empty when one of them is none."""
    fine = isinstance(seeds, tuple | list | range) and all(is_number(seed, Integral) and seed >= 0 for seed in seeds)
    return set(seeds) if fine else set()


def _its_cosine_ends(recipe):
    schedule = recipe.optimizer.learning_rate
    return not isinstance(schedule, CosineSchedule) or schedule.epochs == recipe.epochs


def _has_its_own_goal(recipe):
    """What `replace` was not given stays the very object; the same number, typed anew, is another one."""
    return not any(recipe.goal is other.goal for other in RECIPES.values())


_RULES = {  # hint: the settings to show, and what must hold; the first that does not is told
    "A recipe needs a name: its folder is called by it.": (
        "name",
        lambda r: isinstance(r.name, str) and r.name.strip(),
    ),
    "That recipe is there already, and results go into a folder of its name: yours would meet those of others. Give it "
    "another name.": ("name", lambda r: r.name.lower() not in RECIPES),
    "The name is a folder's name, too: letters and hyphens.": (
        "name",
        lambda r: not set('/\\:*?"<>|') & set(r.name) and r.name.strip(" .") == r.name,
    ),
    "Give all layers, as a tuple of whole numbers: such as (784, 50, 10).": ("sizes", lambda r: _has_layers(r.sizes)),
    "784 pixels go in and ten classes come out, whatever is between: sizes hold these two as well.": (
        "sizes",
        lambda r: r.sizes[0] == 784 and r.sizes[-1] == 10,
    ),
    "These layers are in RECIPES already. Choose layers of your own.": (
        "sizes",
        lambda r: tuple(r.sizes) not in {other.sizes for other in RECIPES.values()},
    ),
    "λ is chosen on images that were not trained on: without enough of them you would choose with the test set.": (
        "n_validation",
        lambda r: is_number(r.n_validation, Integral) and 1_000 <= r.n_validation < 60_000,
    ),
    "It still carries the rules and figures of others. Start from a recipe of ours, without `-as-published`.": (
        "all_images published",
        lambda r: r.all_images and r.published is None,
    ),
    "One run is an anecdote, and the same seed twice is one run: three different whole numbers from 0, in a tuple.": (
        "seeds",
        lambda r: len(_different(r.seeds)) >= 3,
    ),
    "Say what you expect before you know: put the test accuracy into `goal`, as a fraction.": (
        "goal",
        lambda r: is_number(r.goal),
    ),
    "No network reads every image. What do you expect?": ("goal", lambda r: r.goal != 1),
    "A fraction of 1, not a percentage: 98 % is 0.98.": ("goal", lambda r: 0 < r.goal < 1),
    "Every network of this notebook does far better. `goal` is the accuracy you expect, not the error.": (
        "goal",
        lambda r: r.goal > 0.5,
    ),
    "`goal` is still that of the recipe you started from. Put in what you expect of yours.": (
        "goal",
        _has_its_own_goal,
    ),
    "λ is one number, 0 or more.": ("weight_decay", lambda r: is_number(r.weight_decay) and r.weight_decay >= 0),
    "In the published table that λ cost most of the accuracy. Try smaller ones by factors of ten.": (
        "weight_decay",
        lambda r: r.weight_decay < 0.1,
    ),
    "Epochs, batches and ensembles have whole numbers, 1 or more.": (
        "epochs batch_size ensemble",
        lambda r: all(is_number(n, Integral) and n >= 1 for n in (r.epochs, r.batch_size, r.ensemble)),
    ),
    "The learning rate lives in the optimizer: `optimizer=SGD(…)`, with a number or a schedule in it.": (
        "optimizer",
        lambda r: isinstance(r.optimizer, SGD),
    ),
    "Its learning rate is much too large.": (
        "optimizer",
        lambda r: not is_number(r.optimizer.learning_rate) or r.optimizer.learning_rate <= 5,
    ),
    "`replace(recipe, epochs=…)` leaves the schedule inside the optimizer as it was, so η never comes down, or stays "
    "at 0 for long. `recipe.with_epochs(…)` stretches both.": ("epochs optimizer", _its_cosine_ends),
}
_NO_RECIPE = {
    dict: "These may be the right settings; `replace(RECIPES[…], **settings)` makes a recipe of them.",
    list | tuple: "Return the recipe alone.",
    object: "`dataclasses.replace(RECIPES[…], …)` takes a recipe and returns another one.",
}
_ERRORS = {  # a piece of the message: the hint
    "FrozenInstanceError": "A recipe cannot be changed, so that nobody changes it during a run. Make another one: "
    "`replace(recipe, …)`.",
    "KeyError": "`RECIPES` is a dictionary of recipes by name; `list(RECIPES)` shows the names.",
    "unexpected keyword": "The settings have names of their own: λ is `weight_decay`, and η is in `optimizer=SGD(…)`. "
    "`help(Recipe)` shows them all.",
    "attribute 'replace'": "`replace` is a function of its own: `replace(RECIPES[…], name=…, …)`.",
    "name 'replace'": "`from dataclasses import replace` comes first.",
}


def _my_recipe(student):
    """The answer is not unique, so its properties are looked at; nothing is trained but two small batches."""
    require_function(student)
    called = f"{called_name(student)}()"
    recipe, again = _returned(student, called), _returned(student, called)
    for hint, (settings, holds) in _RULES.items():
        has = ", ".join(f"{setting} = {shown(getattr(recipe, setting))}" for setting in settings.split())
        require(holds(recipe), f"The recipe of {called} has {has}.", hint)
    require(
        recipe == again,
        f"{called} returned another recipe when it was called again.",
        "Whoever runs a recipe should get your result: nothing in it may be drawn at random, or change with each call.",
    )
    _require_it_learns(recipe, called)


def _returned(student, called):
    """The recipe that a call returns; RECIPES, which the notebook's other cells read, stays as it was."""
    before = dict(RECIPES)
    outcome = attempt(student, {})
    changed = before != RECIPES
    if changed:
        RECIPES.clear()
        RECIPES.update(before)
    recipe = require_result(outcome, called, next((_ERRORS[piece] for piece in _ERRORS if piece in outcome.error), ""))
    require(not changed, f"{called} changed RECIPES.", "Only return your recipe; `RECIPES` belongs to the package.")
    hint = next(hint for kind, hint in _NO_RECIPE.items() if isinstance(recipe, kind))
    require(isinstance(recipe, Recipe), f"{called} returned {shown(recipe)}; expected a Recipe.", hint)
    return recipe


def _require_it_learns(recipe, called):
    """Two batches of noise, one epoch: does the recipe run at all, and stay finite?"""
    rng = np.random.default_rng(8)
    data = Dataset(rng.random((32, 784), dtype=np.float32), np.arange(32) % 10)
    try:
        with quiet():
            assert recipe.settings  # `run_recipe` keeps them beside the results
            history = replace(recipe, epochs=1, batch_size=16).fit(recipe.network(0), data, 0, progress=False)
    except Exception as error:  # whatever Network, SGD and fit say of the settings
        raise Wrong(f"The recipe of {called} cannot be run: {error}.", "Look at the setting that is named.") from None
    require(
        not history.diverged and np.isfinite(history.train_loss[-1]),
        f"The recipe of {called} diverged on its first two batches.",
        "Its learning rate is much too large.",
    )


MY_RECIPE = OpenExercise(
    name="my_recipe",
    number="8.1",
    task="Return a recipe of your own: another name, other sizes, your λ, three seeds or more, and as goal what you "
    "expect.",
    judged_by=_my_recipe,
    second_hint="`from dataclasses import replace`, then `replace(RECIPES['relu-128-64'], name=…, sizes=…, "
    "weight_decay=…, goal=…)`. If you change the epochs, do it with `.with_epochs(…)`.",
    praise="It could be run as it stands, by anybody, with the same result.",
)

# ------------------------------------------------------------------------------------------------ 8.3

_IMAGES, _BATCH, _EPOCHS = 50_000, 128, 30
_STEPS = -(-_IMAGES // _BATCH)

EPOCHS_OF_BATCH_DESCENT = NumberExercise(
    name="epochs_of_batch_descent",
    number="8.3",
    task="Give the epochs in which batch descent makes as many steps as 30 epochs of mini-batches of 128 on 50,000 "
    "images.",
    reference=lambda: _EPOCHS * _STEPS,
    tolerance=1e-9,
    mistakes={
        "That is one epoch of mini-batches. How many are there?": [_STEPS, (390.6, 390.7), _STEPS - 1],
        "50,000 / 128 is not whole, and the rest is a batch too, a smaller one: round up before you multiply.": (
            _EPOCHS * _IMAGES / _BATCH
        ),
        "You round at the end. Each epoch ends with a smaller batch: round up before you multiply by the epochs.": [
            11_718,
            11_719,
        ],
        "You leave out the last, smaller batch of each epoch: round up.": _EPOCHS * (_IMAGES // _BATCH),
        "That is a batch too many in each epoch.": _EPOCHS * (_STEPS + 1),
        "That counts all 60,000 images. As published, 10,000 of them are held out.": _EPOCHS * -(-60_000 // _BATCH),
        "That counts all 60,000 images. As published, 10,000 of them are held out. (And part of a batch is a step, "
        "too.)": _EPOCHS * 60_000 / _BATCH,
        "That is what batch descent did: one step an epoch. How many steps did mini-batches make?": 250,
        "The 250 epochs are those of batch descent. Mini-batches ran for 30.": [250 * _STEPS, 250 * _IMAGES / _BATCH],
        "Those 250 epochs are not in addition: how many are there in all?": [_EPOCHS * _STEPS + d for d in (-250, 250)],
        "Those are the epochs of the mini-batches. Each of them has many steps; batch descent has one.": _EPOCHS,
        "That is how many images are seen. A step is one update: count batches.": _EPOCHS * _IMAGES,
        "Batch descent makes one step an epoch, not one for each 128 images: do not multiply by the batch.": (
            _EPOCHS * _BATCH
        ),
        "You divide by the epochs. Each of the 30 adds its steps to the others.": [
            (13, 13.05),
            _IMAGES / (_EPOCHS * _BATCH),
        ],
        "A batch has 128 images.": [_EPOCHS * -(-_IMAGES // batch) for batch in (100, 32, 64, 256)],
        "That is at η = 0.1, where each step is ten times as long. The check asks for the number at η = 0.01.": (
            _EPOCHS * _STEPS / 10 - 2,
            _EPOCHS * _STEPS / 10 + 2,
        ),
        "That is how many times as many steps mini-batches made. The task asks for their number.": (46.8, 47),
        "Near it. The number is exact: the batches of one epoch, the smaller last one included, times the epochs.": (
            11_400,
            12_100,
        ),
    },
    any_hint="Begin with one epoch: into how many batches of 128 can 50,000 images be cut?",
    second_hint="Steps in one epoch: 50,000 images in batches of 128, the last one smaller. Then all epochs. Batch "
    "descent makes one step an epoch.",
    praise="A comparison over epochs compares unequal numbers of steps.",
)

# ------------------------------------------------------------------------------------------------ 8.5


def _our_weight_decay(published, form, n, eta):
    return {"half": published, "full": 2 * published, "half by n": published / n, "decay": published / eta}[form]


def _other(**changed):
    """The reference with another answer for some forms, each a function of the published λ, n and η."""

    def answer(published, form, n, eta):
        other = changed.get(form.replace(" ", "_"))
        return other(published, n, eta) if other else _our_weight_decay(published, form, n, eta)

    return answer


OUR_WEIGHT_DECAY = FunctionExercise(
    name="our_weight_decay",
    number="8.5",
    task="Turn a published λ, the form of its formula, n and η into the λ of this course.",
    reference=_our_weight_decay,
    cases={
        "the same formula as ours": [1e-4, "half", 50_000, 0.1],
        "the same formula, another λ": [3.7e-3, "half", 700, 2.0],
        "λ‖W‖²": [1e-4, "full", 50_000, 0.5],
        "λ‖W‖², another λ": [3.37e-5, "full", 10, 0.02],
        "as in notebook 06": [5.0, "half by n", 50_000, 0.5],
        "a thousand images": [0.13, "half by n", 1_000, 2.0],
        "a decay in each step": [1e-5, "decay", 50_000, 0.1],
        "a large η": [3.7e-4, "decay", 1_000, 3.0],
        "no decay": [0.0, "decay", 10, 0.1],
    },
    mistakes={
        "Not every λ means the same: look at the form.": lambda published, form, n, eta: published,
        "An `else` belongs to the last `if` alone, so the forms before it get the wrong answer, too. Use `elif`.": (
            _other(half=lambda lam, n, eta: lam / eta, full=lambda lam, n, eta: lam / eta)
        ),
        "For λ‖W‖² you halve. Its gradient is 2λW, and ours is λW: which of our λ gives the same pull?": (
            _other(full=lambda lam, n, eta: lam / 2)
        ),
        "For λ‖W‖² nothing is changed. Compare the gradients: 2λW and λW.": _other(full=lambda lam, n, eta: lam),
        "For (λ/2n)‖W‖² you multiply by n. The published λ looks large because it is divided by n inside.": (
            _other(half_by_n=lambda lam, n, eta: lam * n)
        ),
        "For (λ/2n)‖W‖² you divide by 2n. The ½ is in our formula, too: only n differs.": (
            _other(half_by_n=lambda lam, n, eta: lam / (2 * n))
        ),
        "For (λ/2n)‖W‖² n is left out.": _other(half_by_n=lambda lam, n, eta: lam),
        "For decay you multiply by η. Ours is W ← (1 − ηλ)W …: which λ makes ηλ the published number?": (
            _other(decay=lambda lam, n, eta: lam * eta)
        ),
        "For decay nothing is changed. Ours is W ← (1 − ηλ)W …: η is inside the parentheses, too.": (
            _other(decay=lambda lam, n, eta: lam)
        ),
        "For decay you give the factor that is left, 1 − λ. The task asks for our λ.": [
            _other(decay=lambda lam, n, eta: 1 - lam),
            _other(decay=lambda lam, n, eta: (1 - lam) / eta),
        ],
        "You convert the wrong way, from ours to theirs. The published λ is given; find ours.": _other(
            full=lambda lam, n, eta: lam / 2,
            half_by_n=lambda lam, n, eta: lam * n,
            decay=lambda lam, n, eta: lam * eta,
        ),
        "You have a factor of 2 too much everywhere: our own formula, λ/2, needs no conversion.": (
            lambda published, form, n, eta: 2 * _our_weight_decay(published, form, n, eta)
        ),
    },
    any_hint="Write the step with that formula below the step of the course: which of our λ makes them the same?",
    second_hint="Take the derivative of each formula with respect to one weight w. Ours gives λw, and the step takes "
    "ηλw away. Which of our λ gives the same?",
    praise="Now two published λ can be compared.",
)

EXERCISES = [MY_RECIPE, EPOCHS_OF_BATCH_DESCENT, OUR_WEIGHT_DECAY]
