"""Answers to the exercises of notebook 08: right ones in several styles, and wrong ones with a piece of their hint."""

import math
from dataclasses import replace

import numpy as np

from mnist_scratch import SGD, CosineSchedule
from mnist_scratch.recipes import RECIPES, Recipe

# ------------------------------------------------------------------------------------------------ 8.1

OURS = RECIPES["relu-128-64"]


def recipe_replaced():
    return replace(
        RECIPES["relu-128-64"], name="relu-256-128", sizes=(784, 256, 128, 10), weight_decay=2e-4, goal=0.984
    )


def recipe_from_nothing():
    return Recipe(
        name="tanh-50",
        sizes=(784, 50, 10),
        optimizer=SGD(CosineSchedule(0.2, epochs=20), momentum=0.9),
        epochs=20,
        batch_size=100,
        weight_decay=5e-5,
        activation="tanh",
        seeds=[3, 4, 5],
        goal=0.975,
    )


def recipe_step_by_step():
    recipe = RECIPES["sigmoid-64"].with_epochs(10)
    recipe = replace(recipe, name="sigmoid-32", sizes=[784, np.int64(32), 10])
    return replace(recipe, optimizer=SGD(0.5), weight_decay=np.float32(1e-5), goal=np.float32(0.965), seeds=range(3))


def recipe_same_goal_by_chance():
    return replace(OURS, name="relu-300", sizes=(784, 300, 10), goal=0.982)


def recipe_without_its_name():
    return replace(OURS, sizes=(784, 200, 10), weight_decay=1e-5, goal=0.98)


def recipe_with_old_layers():
    return replace(OURS, name="mine", weight_decay=1e-5, goal=0.98)


def recipe_hidden_layer_only():
    return replace(OURS, name="mine", sizes=(200,), goal=0.98)


def recipe_without_the_pixels():
    return replace(OURS, name="mine", sizes=(200, 10), goal=0.98)


def recipe_one_seed():
    return replace(OURS, name="mine", sizes=(784, 200, 10), seeds=(0,), goal=0.98)


def recipe_the_same_seed():
    return replace(OURS, name="mine", sizes=(784, 200, 10), seeds=(0, 0, 0), goal=0.98)


def recipe_percent():
    return replace(OURS, name="mine", sizes=(784, 200, 10), goal=98)


def recipe_goal_of_another():
    return replace(OURS, name="mine", sizes=(784, 200, 10), weight_decay=1e-5)


def recipe_goal_of_one():
    return replace(OURS, name="mine", sizes=(784, 200, 10), goal=1.0)


def recipe_without_a_goal():
    return replace(OURS, name="mine", sizes=(784, 200, 10), goal=None)


def recipe_goal_is_the_error():
    return replace(OURS, name="mine", sizes=(784, 200, 10), goal=0.02)


def recipe_of_others():
    return replace(RECIPES["relu-128-64-as-published"], name="mine", sizes=(784, 200, 10), goal=0.95)


def recipe_nothing_held_out():
    return replace(OURS, name="mine", sizes=(784, 200, 10), n_validation=0, goal=0.98)


def recipe_schedule_too_long():
    return replace(OURS, name="mine", sizes=(784, 200, 10), epochs=10, goal=0.98)


def recipe_half_an_epoch():
    return replace(OURS.with_epochs(0.5), name="mine", sizes=(784, 200, 10), goal=0.98)


def recipe_rate_for_optimizer():
    return replace(OURS, name="mine", sizes=(784, 200, 10), optimizer=0.1, goal=0.98)


def recipe_diverges():
    return replace(OURS, name="mine", sizes=(784, 200, 10), optimizer=SGD(1e30), goal=0.98)


def recipe_unknown_activation():
    return replace(OURS, name="mine", sizes=(784, 200, 10), activation="relus", goal=0.98)


def recipe_large_decay():
    return replace(OURS, name="mine", sizes=(784, 200, 10), weight_decay=1.0, goal=0.98)


def recipe_assigned():
    recipe = RECIPES["relu-128-64"]
    recipe.name = "mine"
    return recipe


def recipe_added():
    RECIPES["mine"] = recipe_replaced()
    return RECIPES["mine"]


def recipe_as_a_dictionary():
    return {"name": "mine", "sizes": (784, 200, 10), "weight_decay": 1e-4, "goal": 0.98}


def recipe_name_only():
    return "mine"


def recipe_without_return():
    replace(OURS, name="mine", sizes=(784, 200, 10), goal=0.98)


def recipe_misspelt():
    return RECIPES["relu-128"]


# ------------------------------------------------------------------------------------------------ 8.5


def our_decay_with_ifs(published, form, n, eta):
    if form == "half":
        return published
    if form == "full":
        return 2 * published
    if form == "half by n":
        return published / n
    if form == "decay":
        return published / eta


def our_decay_from_factors(published, form, n, eta):
    return published * {"half": 1, "full": 2, "half by n": 1 / n, "decay": 1 / eta}[form]


def our_decay_float32(published, form, n, eta):
    forms = np.array(["half", "full", "half by n", "decay"])
    factors = np.array([1, 2, 1 / n, 1 / eta], np.float32)
    return np.float32(published) * factors[forms == form][0]


def our_decay_always_the_same(published, form, n, eta):
    return published


def our_decay_full_halved(published, form, n, eta):
    return published / 2 if form == "full" else our_decay_with_ifs(published, form, n, eta)


def our_decay_full_unchanged(published, form, n, eta):
    return published if form == "full" else our_decay_with_ifs(published, form, n, eta)


def our_decay_times_n(published, form, n, eta):
    return published * n if form == "half by n" else our_decay_with_ifs(published, form, n, eta)


def our_decay_by_2n(published, form, n, eta):
    return published / (2 * n) if form == "half by n" else our_decay_with_ifs(published, form, n, eta)


def our_decay_n_forgotten(published, form, n, eta):
    return published if form == "half by n" else our_decay_with_ifs(published, form, n, eta)


def our_decay_times_eta(published, form, n, eta):
    return eta * published if form == "decay" else our_decay_with_ifs(published, form, n, eta)


def our_decay_eta_forgotten(published, form, n, eta):
    return published if form == "decay" else our_decay_with_ifs(published, form, n, eta)


def our_decay_what_is_left(published, form, n, eta):
    return 1 - published if form == "decay" else our_decay_with_ifs(published, form, n, eta)


def our_decay_backwards(published, form, n, eta):
    return published / our_decay_from_factors(1, form, n, eta)


def our_decay_twice(published, form, n, eta):
    return 2 * our_decay_with_ifs(published, form, n, eta)


RIGHT = {
    "my_recipe": [recipe_replaced, recipe_from_nothing, recipe_step_by_step, recipe_same_goal_by_chance],
    "epochs_of_batch_descent": [11_730, 30 * math.ceil(50_000 / 128), np.float32(391) * 30],
    "our_weight_decay": [our_decay_with_ifs, our_decay_from_factors, our_decay_float32],
}
WRONG = {
    "my_recipe": [
        (recipe_without_its_name, "Give it another name"),
        (recipe_with_old_layers, "layers of your own"),
        (recipe_hidden_layer_only, "All layers"),
        (recipe_without_the_pixels, "784 pixels go in"),
        (recipe_one_seed, "three different seeds"),
        (recipe_the_same_seed, "three different seeds"),
        (recipe_percent, "not percent"),
        (recipe_without_a_goal, "before you know"),
        (recipe_goal_of_another, "still that of the recipe"),
        (recipe_goal_of_one, "No network reads every image"),
        (recipe_goal_is_the_error, "not the error"),
        (recipe_of_others, "figures of others"),
        (recipe_nothing_held_out, "choose with the test set"),
        (recipe_schedule_too_long, "stretches both"),
        (recipe_half_an_epoch, "whole number, 1 or more"),
        (recipe_rate_for_optimizer, "lives in the optimizer"),
        (recipe_diverges, "much too large"),
        (recipe_unknown_activation, "setting that is named"),
        (recipe_large_decay, "factors of ten"),
        (recipe_assigned, "cannot be changed"),
        (recipe_added, "Return your recipe only"),
        (recipe_as_a_dictionary, "makes a recipe of them"),
        (recipe_name_only, "returns another one"),
        (recipe_without_return, "Is there a `return`"),
        (recipe_misspelt, "shows the names"),
        (recipe_replaced(), "The check was given a Recipe"),
    ],
    "epochs_of_batch_descent": [
        (391, "one epoch of mini-batches"),
        (11_718.75, "round up before you multiply"),
        (11_719, "You round at the end"),
        (11_700, "leave out the last"),
        (14_070, "10,000 of them are held out"),
        (14_062.5, "part of a batch"),
        (250, "one step an epoch"),
        (30, "Those are the epochs"),
        (1_500_000, "how many images are seen"),
        (3_840, "one for each 128 images"),
        (46.92, "Asked for is their number"),
        (1173, "asks for the number at η = 0.01"),
        (1172.5, "asks for the number at η = 0.01"),
        ("11,730", "Give the number itself"),
    ],
    "our_weight_decay": [
        (our_decay_always_the_same, "form has to be looked at"),
        (our_decay_full_halved, "For λ‖W‖² you halve"),
        (our_decay_full_unchanged, "For λ‖W‖² nothing is changed"),
        (our_decay_times_n, "you multiply by n"),
        (our_decay_by_2n, "you divide by 2n"),
        (our_decay_n_forgotten, "n is left out"),
        (our_decay_times_eta, "you multiply by η"),
        (our_decay_eta_forgotten, "inside the bracket"),
        (our_decay_what_is_left, "factor that is left"),
        (our_decay_backwards, "wrong way"),
        (our_decay_twice, "needs no conversion"),
    ],
}
