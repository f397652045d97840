"""The bug hunt of notebook 04: each planted bug is found, where it is, and only there."""

import numpy as np
import pytest

from mnist_scratch import Network, gradient_check
from mnist_scratch.classroom import bugs
from mnist_scratch.classroom.exercises import EXERCISES, judge
from mnist_scratch.classroom.exercises import gradient_check as hunt
from mnist_scratch.functions import ACTIVATIONS
from mnist_scratch.network import flatten

NAMES = ["W1", "b1", "W2", "b2", "W3", "b3"]
FOUND = {  # of NAMES, as notebook 04 prints them
    "A": "######", "B": ".#.#.#", "C": "####..", "D": "..#.#.", "E": "##....",
    "F": "######", "G": "#.#.#.", "H": "#####.", "I": "####..", "J": "..#...",
}  # fmt: skip


def batch(rng):
    return rng.standard_normal((8, 6)), rng.integers(0, 4, 8)


def checked(net, weight_decay=0.1, seed=0, method="central"):
    """The relative error of each parameter array, for a network that has seen another batch before."""
    rng = np.random.default_rng(seed)
    X, y = batch(rng)
    net.loss_and_gradients(*batch(rng))
    return np.array([row.relative_error for row in gradient_check(net, X, y, weight_decay, method).rows])


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_network_in_steps_is_right(activation, loss):
    net = bugs.Stepwise([6, 5, 5, 4], activation, loss=loss, dtype="float64")
    for b in net.biases:
        b += 0.1  # at 0 a row of dead units would put the next layer exactly on the ReLU's kink
    assert checked(net).max() < 1e-7
    same = Network([6, 5, 5, 4], activation, loss=loss, dtype="float64")
    same.biases[:] = [b.copy() for b in net.biases]
    X, y = batch(np.random.default_rng(0))
    mine, its = (flatten(n.loss_and_gradients(X, y, 0.1)[1]) for n in (net, same))
    assert all(map(np.array_equal, mine, its))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("letter", bugs.BUGS)
def test_the_check_flags_the_spoiled_arrays_and_no_other(letter, seed):
    """Which arrays a bug spoils is seen without measuring: there its gradient is not the right backward pass's."""
    net = bugs.network(letter, [6, 5, 5, 4], seed=seed)
    right = bugs.Stepwise(net.sizes, net.activation, net.output, net.loss_name, dtype="float64")
    for mine, its in zip(right.parameters(), net.parameters(), strict=True):
        mine[...] = its
    rng = np.random.default_rng(seed)
    X, y = batch(rng)
    net.loss_and_gradients(*batch(rng))
    mine, its = (flatten(n.loss_and_gradients(X, y, 0.1)[1]) for n in (net, right))
    guilty = ~np.array([*map(np.array_equal, mine, its)])
    errors = checked(net, seed=seed)
    assert guilty.any() and (errors[guilty] > 1e-3).all() and (errors[~guilty] < 1e-7).all()
    assert "".join("#" if spoiled else "." for spoiled in guilty) == FOUND[letter]
    assert [name in hunt._spoiled()[bugs.BUGS[letter].cause] for name in NAMES] == guilty.tolist(), "the hint errs"
    assert checked(right, seed=seed).max() < 1e-7 and checked(right, seed=seed, method="complex").max() < 1e-12


def test_only_the_penalty_s_bugs_vanish_with_it():
    silent = [letter for letter in bugs.BUGS if checked(bugs.network(letter, [6, 5, 5, 4]), 0).max() < 1e-7]
    assert [bugs.BUGS[letter].cause for letter in silent] == ["bias", "penalty"]


@pytest.mark.parametrize("letter", bugs.BUGS)
def test_each_wrong_verdict_gets_a_hint_that_does_not_name_the_answer(letter):
    right = {other: bug.cause for other, bug in bugs.BUGS.items()}
    assert bugs.causes()[right[letter]] == bugs.explain(letter)
    for cause in bugs.causes():
        verdict = judge(EXERCISES["bug_hunt"], right | {letter: cause})
        assert verdict.passed == (cause == right[letter])
        if not verdict.passed:
            assert f"{letter}: `{cause}`" in verdict.message and f"`{right[letter]}`" not in verdict.message


@pytest.mark.parametrize("letter", ["A", "C", "F", "I"])
def test_the_cosine_to_the_right_gradient_tells_a_length_from_a_direction(letter):
    X, y = batch(np.random.default_rng(0))
    net = bugs.network(letter, [6, 5, 5, 4])
    assert bugs.cosine_to_right(bugs.Stepwise([6, 5, 5, 4], dtype="float64"), X, y) == pytest.approx(1)
    if letter == "A":  # too long, but in the right direction
        assert bugs.cosine_to_right(net, X, y) == pytest.approx(1)
    else:
        assert -1 <= bugs.cosine_to_right(net, X, y) < 0.999
