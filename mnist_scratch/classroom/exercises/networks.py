"""The exercises of notebook 08: a recipe of one's own, steps and epochs, and the λ of others."""

import copy
from dataclasses import is_dataclass, replace
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

_OURS, _ORIGINALS = copy.deepcopy(RECIPES), dict(RECIPES)  # an answer can change even what is frozen


def _are_whole(numbers, least):
    return isinstance(numbers, tuple | list | range) and all(is_number(n, Integral) and n >= least for n in numbers)


def _is_own(goal):
    """What `replace` was not given stays the very object; the same number, typed anew, is another one."""
    return not any(goal is other.goal for other in _OURS.values())


def _ends_with_the_epochs(optimizer, epochs):
    schedule = optimizer.learning_rate
    return not isinstance(schedule, CosineSchedule) or schedule.epochs == epochs


_RULES = {  # settings: {hint: what must hold of them}; the first that does not is told
    "name": {
        "A recipe needs a text as its name: its folder is called by it.": lambda name: (
            isinstance(name, str) and name.strip()
        ),
        "That recipe is there already, and results go into a folder of its name: yours would meet those of others. "
        "Give it another name.": lambda name: name.lower() not in _OURS,
        "The name is a folder's name, too: letters and hyphens.": (
            lambda name: not set('/\\:*?"<>|') & set(name) and name.strip(" .") == name
        ),
    },
    "sizes": {
        "Give all layers, as a tuple of whole numbers: such as (784, 50, 10).": (
            lambda sizes: _are_whole(sizes, -np.inf) and len(sizes) >= 2
        ),
        "Each layer needs one unit, at the least.": lambda sizes: min(sizes) >= 1,
        "784 pixels go in and ten classes come out, whatever is between: sizes hold these two as well.": (
            lambda sizes: sizes[0] == 784 and sizes[-1] == 10
        ),
        "These layers are in RECIPES already. Choose layers of your own.": (
            lambda sizes: tuple(sizes) not in {other.sizes for other in _OURS.values()}
        ),
    },
    "n_validation": {
        "λ is chosen on images that were not trained on: without enough of them you would choose with the test set.": (
            lambda n: is_number(n, Integral) and 1_000 <= n < 60_000
        ),
    },
    "all_images published": {
        "It still carries the rules and figures of others. Start from a recipe of ours, without `-as-published`.": (
            lambda all_images, published: all_images and published is None
        ),
    },
    "seeds": {
        "Give a tuple of whole numbers, from 0 on: such as (0, 1, 2).": lambda seeds: _are_whole(seeds, 0),
        "One run is an anecdote, and the same seed twice is one run: give three different ones, at the least.": (
            lambda seeds: len(set(seeds)) >= 3
        ),
    },
    "goal": {
        "Say what you expect before you know: put the test accuracy into `goal`, as a fraction.": is_number,
        "No network reads every image. What do you expect?": lambda goal: goal != 1,
        "A fraction, between 0 and 1: 98 % is 0.98.": lambda goal: 0 < goal < 1,
        "Every network of this notebook does far better. `goal` is the accuracy you expect, not the error.": (
            lambda goal: goal > 0.5
        ),
        "`goal` is still that of the recipe you started from. Put in what you expect of yours.": _is_own,
    },
    "weight_decay": {
        "λ is one number, 0 or more.": lambda lam: is_number(lam) and lam >= 0,
        "That λ is far too large. Try smaller ones, by factors of ten.": lambda lam: lam < 0.1,
    },
    "epochs batch_size ensemble": {
        "Epochs, batches and ensembles have whole numbers, 1 or more.": lambda *numbers: _are_whole(numbers, 1),
    },
    "optimizer": {
        "The learning rate lives in the optimizer: `optimizer=SGD(…)`, with a number or a schedule in it.": (
            lambda optimizer: isinstance(optimizer, SGD)
        ),
        "A function cannot be stored with the results: give a number, or a schedule of the course.": (
            lambda optimizer: not callable(optimizer.learning_rate) or is_dataclass(optimizer.learning_rate)
        ),
        "Its learning rate is much too large.": (
            lambda optimizer: not is_number(optimizer.learning_rate) or optimizer.learning_rate <= 5
        ),
    },
    "optimizer epochs": {
        "`replace(recipe, epochs=…)` leaves the schedule inside the optimizer as it was, so η never comes down, or "
        "stays at 0 for long. `recipe.with_epochs(…)` stretches both.": _ends_with_the_epochs,
    },
}
_NO_RECIPE = {
    dict: "These may be the right settings; `replace(RECIPES[…], **settings)` makes a recipe of them.",
    list | tuple: "Return one recipe, and nothing else: several runs of it are its `seeds`.",
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
    "nobody is there": "Write what you choose into the function, so that it returns the same each time.",
}


def _my_recipe(student):
    """The answer is not unique, so its properties are looked at; nothing is trained but two small batches."""
    require_function(student)
    called = f"{called_name(student)}()"
    recipe, again = _returned(student, called), _returned(student, called)
    require(
        recipe not in _OURS.values(),
        f"{called} returned the recipe {recipe.name!r} of the package.",
        "`replace` leaves the recipe as it is, and returns another one: return that.",
    )
    for names, rules in _RULES.items():
        settings = {name: getattr(recipe, name) for name in names.split()}
        has = ", ".join(f"{name} = {shown(value)}" for name, value in settings.items())
        for hint, holds in rules.items():
            require(holds(*settings.values()), f"The recipe of {called} has {has}.", hint)
    other = ", ".join(name for name, value in vars(recipe).items() if value != getattr(again, name))
    require(
        recipe == again,
        f"{called} returned another recipe when it was called again; what differs: {other}.",
        "Whoever runs a recipe should get your result: nothing in it may be drawn at random, or change with each call.",
    )
    _require_it_learns(recipe, called)


def _returned(student, called):
    """The recipe that a call returns; RECIPES, which the notebook's other cells read, is made what it was."""
    before = dict(RECIPES)
    outcome = attempt(student, {})
    changed = before != RECIPES or any(RECIPES.get(name) != ours for name, ours in _OURS.items())
    if changed:
        RECIPES.clear()
        RECIPES.update(before | _ORIGINALS)
        for name, ours in _OURS.items():
            vars(_ORIGINALS[name]).update(copy.deepcopy(vars(ours)))
    recipe = require_result(outcome, called, next((_ERRORS[piece] for piece in _ERRORS if piece in outcome.error), ""))
    require(
        not changed,
        f"RECIPES was changed, by {called} or before; it is again what it was.",
        "The recipes in it belong to the package: make another with `replace(…)`, and only return that.",
    )
    hint = next(hint for kind, hint in _NO_RECIPE.items() if isinstance(recipe, kind))
    kind = type(recipe).__name__
    require(
        type(recipe) is Recipe,
        f"{called} returned {shown(recipe)}, of the type {kind}; expected a Recipe of ours.",
        hint,
    )
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

_IMAGES, _BATCH, _EPOCHS = 56_000, 128, 30
_STEPS = -(-_IMAGES // _BATCH)

EPOCHS_OF_BATCH_DESCENT = NumberExercise(
    name="epochs_of_batch_descent",
    number="8.3",
    task="Give the number of epochs in which batch descent takes as many steps as 30 epochs of mini-batches of 128 "
    "on 56,000 images.",
    reference=lambda: _EPOCHS * _STEPS,
    tolerance=1e-9,
    mistakes={
        "That is one epoch of mini-batches. How many are there?": [_STEPS, (437.4, 437.6), _STEPS - 1],
        "The rest of 56,000 / 128 is a batch too, a smaller one: round up, then multiply.": _EPOCHS * _IMAGES / _BATCH,
        "The last, smaller batch of each epoch is left out: it is a step, too.": _EPOCHS * (_IMAGES // _BATCH),
        "That is a batch too many in each epoch.": _EPOCHS * (_STEPS + 1),
        "That counts all 60,000 images. As published, 4,000 of them are held out.": [
            _EPOCHS * -(-60_000 // _BATCH),
            _EPOCHS * 60_000 / _BATCH,
        ],
        "That counts 50,000 images. Here it is the 56,000 of these two runs.": [
            _EPOCHS * -(-50_000 // _BATCH),
            (11_718, 11_719),
        ],
        "That is what batch descent did: one step per epoch. How many steps did mini-batches take?": 250,
        "The 250 epochs are those of batch descent. Mini-batches ran for 30.": [250 * _STEPS, 250 * _IMAGES / _BATCH],
        "Those 250 epochs are not in addition: how many are there in all?": [_EPOCHS * _STEPS + d for d in (-250, 250)],
        "Those are the epochs of the mini-batches. Each of them has many steps; batch descent has one.": _EPOCHS,
        "That is how many images are seen. A step is one update: count batches.": _EPOCHS * _IMAGES,
        "Batch descent takes one step per epoch: do not multiply by the size of a batch.": _EPOCHS * _BATCH,
        "You divide by the epochs. Each of the 30 adds its steps to the others.": [
            (14.5, 14.7),
            _IMAGES / (_EPOCHS * _BATCH),
        ],
        "A batch has 128 images.": [_EPOCHS * -(-_IMAGES // batch) for batch in (100, 32, 64, 256)],
        "How long a step is does not count, only how many there are.": [
            _EPOCHS * _STEPS * 10,
            (_EPOCHS * _STEPS / 10 - 2, _EPOCHS * _STEPS / 10 + 2),
        ],
        "That is thirteen and a bit, to Python: write 13140, or 13_140.": 13.14,
        "That is how many times as many steps mini-batches took. The task asks for their number.": (52.4, 52.7),
        "Near it. The number is exact: the batches of one epoch, the smaller last one included, times the epochs.": (
            12_800,
            13_500,
        ),
    },
    any_hint="In each of the 30 epochs there is a step for each batch of 128 that 56,000 images are cut into.",
    second_hint="Steps in one epoch: 56,000 images in batches of 128, the last one smaller. Then all epochs. Batch "
    "descent takes one step per epoch.",
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
        "Each form gives the published λ as it is. Is the form compared, and with the names of the task? (`form == a "
        "or b` is always true.)": lambda published, form, n, eta: published,
        "Only “decay” is converted. Are the others left as they are, or overwritten by an `else`?": (
            _other(full=lambda x, n, eta: x, half_by_n=lambda x, n, eta: x)
        ),
        "n and η are exchanged.": _other(half_by_n=lambda x, n, eta: x / eta, decay=lambda x, n, eta: x / n),
        "You give the factor that is left, 1 − ηλ. The task asks for our λ.": lambda *x: (
            1 - x[3] * _our_weight_decay(*x)
        ),
        "An `else` belongs to the last `if` alone, so the forms before it get the wrong answer, too. Use `elif`.": (
            _other(half=lambda x, n, eta: x / eta, full=lambda x, n, eta: x / eta)
        ),
        "For λ‖W‖² you halve. Its gradient is 2λW, and ours is λW.": _other(full=lambda x, n, eta: x / 2),
        "For λ‖W‖² nothing is changed. Compare the gradients: 2λW and λW.": _other(full=lambda x, n, eta: x),
        "For (λ/2n)‖W‖² you multiply by n. The published λ looks large because it is divided by n inside.": (
            _other(half_by_n=lambda x, n, eta: x * n)
        ),
        "For (λ/2n)‖W‖² you divide by 2n. Our formula has the ½, too.": _other(half_by_n=lambda x, n, eta: x / (2 * n)),
        "For (λ/2n)‖W‖² n is left out, or that branch is not reached.": _other(half_by_n=lambda x, n, eta: x),
        "n is an argument, and not always 50,000.": _other(half_by_n=lambda x, n, eta: x / 50_000),
        "η is an argument, and not always 0.1.": _other(decay=lambda x, n, eta: x / 0.1),
        "`//` divides to whole numbers, here 0. Use `/`.": _other(half_by_n=lambda x, n, eta: x // n),
        "For decay you multiply by η. Our ηλ should be the published number.": _other(decay=lambda x, n, eta: x * eta),
        "For decay nothing is changed. Ours is 1 − ηλ: η is in it, too.": _other(decay=lambda x, n, eta: x),
        "For decay you take 1 − λ, the factor that is left. What is taken away is λ.": [
            _other(decay=lambda x, n, eta: 1 - x),
            _other(decay=lambda x, n, eta: (1 - x) / eta),
        ],
        "You convert the wrong way, from ours to theirs. The published λ is given; find ours.": _other(
            full=lambda x, n, eta: x / 2,
            half_by_n=lambda x, n, eta: x * n,
            decay=lambda x, n, eta: x * eta,
        ),
        "You have a factor of 2 too much everywhere: our own formula, λ/2, needs no conversion.": (
            lambda published, form, n, eta: 2 * _our_weight_decay(published, form, n, eta)
        ),
    },
    any_hint="What does one step take from a weight w with that formula? With ours it is ηλw.",
    second_hint="Take the derivative of each formula with respect to one weight w. Ours gives λw, and the step takes "
    "ηλw away. Which of our λ gives the same?",
    praise="Now two published λ can be compared.",
)

EXERCISES = [MY_RECIPE, EPOCHS_OF_BATCH_DESCENT, OUR_WEIGHT_DECAY]
