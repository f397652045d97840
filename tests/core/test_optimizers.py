"""optimizers: steps computed by hand with fractions.

The numbers are built from powers of two: floats hold them exactly, and == can be asked.
"""

import math
from dataclasses import FrozenInstanceError
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_scratch import SGD, Adam, AveragedSGD, CosineSchedule, Network, RMSProp, StepSchedule, WarmUpSchedule
from mnist_scratch.recipes import DividedAgain, RateTable


def some_arrays(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in ((2, 3), (3,))]


def same(one, two):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))


@given(
    st.lists(st.integers(-8, 8).map(lambda g: F(g, 8)), min_size=1, max_size=6),
    st.sampled_from([(F(0), False), (F(1, 2), False), (F(1, 2), True), (F(3, 4), True)]),
    st.sampled_from([np.float32, np.float64]),
)
def test_a_step_follows_the_formulas(gradients, momentum, dtype):
    mu, nesterov = momentum
    optimizer = SGD(0.25, momentum=float(mu), nesterov=nesterov)
    parameters = [np.array([1], dtype)]
    state = optimizer.initial_state(parameters)
    w, v = F(1), F(0)
    for g in gradients:
        optimizer.step(parameters, [np.array([g], dtype)], state)
        v = mu * v + g
        w -= F(1, 4) * (g + mu * v if nesterov else v)
        assert F(parameters[0].item()) == w and parameters[0].dtype == dtype


@pytest.mark.parametrize("dtype, rtol", [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_thirty_steps_are_those_of_the_papers(dtype, rtol):
    """Sums over all gradients instead of running means: v = (1 − β) Σ βᵗ⁻ⁱ gᵢ."""
    rng = np.random.default_rng(0)
    gradients, rate = rng.standard_normal((30, 4)) * [1, 1e-3, 1e3, 0], CosineSchedule(0.1, 40)
    for optimizer in (Adam(rate, 0.8, 0.95, 1e-4), RMSProp(rate, 0.95, 1e-4)):
        w, slow = np.zeros(4, dtype), np.zeros(4)
        state = optimizer.initial_state([w])
        for t in range(1, 31):
            optimizer.step([w], [gradients[t - 1].astype(dtype)], state, epoch=float(t))
            ages = np.arange(t)[::-1]
            mean, squares = 0.2 * 0.8**ages @ gradients[:t], 0.05 * 0.95**ages @ gradients[:t] ** 2
            if isinstance(optimizer, Adam):
                step = mean / (1 - 0.8**t) / (np.sqrt(squares / (1 - 0.95**t)) + 1e-4)
            else:
                step = gradients[t - 1] / (np.sqrt(squares) + 1e-4)
            slow -= rate(t) * step
            np.testing.assert_allclose(w, slow, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("limit, scale", [(3, 0.5), (6, 1), (7, 1)])
def test_the_norm_is_that_of_all_arrays_together(limit, scale):
    p = [np.zeros((1, 2)), np.zeros(1)]
    SGD(1.0, clip_norm=limit).step(p, [np.array([[2.0, 4.0]]), np.array([4.0])])  # of norm 6
    assert p[0].tolist() == [[-2 * scale, -4 * scale]] and p[1].tolist() == [-4 * scale]


def test_clipping_a_zero_or_a_huge_gradient_gives_a_finite_step():
    for g, expected in ((0, 0), (1e20, -1)):  # the square of 1e20 is more than float32 holds
        p = [np.zeros(1, np.float32)]
        with np.errstate(all="raise"):
            SGD(1.0, clip_norm=1).step(p, [np.array([g], np.float32)])
        assert p[0].tolist() == pytest.approx([expected])


def test_values_are_clipped_before_the_norm_and_both_before_the_velocity():
    p = [np.zeros(3)]
    optimizer = SGD(1.0, momentum=0.5, clip_value=4, clip_norm=2.5)
    velocity = optimizer.initial_state(p)
    optimizer.step(p, [np.array([4.0, 3.0, 0.0])], velocity)  # of norm 5
    assert velocity[0].tolist() == [2, 1.5, 0] and p[0].tolist() == [-2, -1.5, 0]
    optimizer.step(p, [np.array([-100.0, 0.0, 3.0])], velocity)  # [-4, 0, 3]; the velocity itself is not clipped
    assert velocity[0].tolist() == [-1, 0.75, 1.5] and p[0].tolist() == [-1, -2.25, -1.5]
    SGD(1.0, clip_value=4).step(p, [np.array([5.0, 1.0, -5.0])])
    assert p[0].tolist() == [-5, -3.25, 2.5]


KINDS = [
    SGD(0.5),
    SGD(0.5, momentum=0.5, nesterov=True),
    SGD(0.5, momentum=0.5, clip_value=0.1, clip_norm=0.1),
    AveragedSGD(0.5, averaging=0.3),
    AveragedSGD(0.5, momentum=0.9, averaging=0.3),
    RMSProp(0.5),
    Adam(0.5),
    DividedAgain(0.5, momentum=0.5, divisor=3, decay=0.1),
]


@pytest.mark.parametrize("optimizer", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_and_state_change_in_place_and_gradients_stay(optimizer, dtype):
    parameters, old = some_arrays(0, dtype), some_arrays(0, dtype)
    state = optimizer.initial_state(parameters)
    assert not any(np.shares_memory(a, b) for a in state for b in parameters)
    arrays, gradients = [*parameters, *state], some_arrays(1, dtype)
    for step in range(20):
        if step == 7:  # the optimizer itself remembers nothing: a run goes on from copies, and others may run beside
            half, kept = [w.copy() for w in parameters], [array.copy() for array in state]
        optimizer.step(parameters, gradients, state)
    for _ in range(13):
        optimizer.step(half, gradients, kept)
    assert same(arrays, [*half, *kept])
    assert all(a is b for a, b in zip([*parameters, *state], arrays, strict=True))
    assert same(gradients, some_arrays(1, dtype))
    assert all((a != b).all() for a, b in zip(parameters, old, strict=True))
    assert {array.dtype for array in (*parameters, *state) if array.ndim} == {np.dtype(dtype)}


@pytest.mark.parametrize("optimizer", KINDS)
@pytest.mark.parametrize("shape", [(2, 1), (3,), (1, 3), (3, 2), (2, 3, 1), None])
@pytest.mark.parametrize("wrong", ["gradients", "state"])
def test_arrays_of_another_shape_change_nothing(optimizer, shape, wrong):
    """Most of these would be broadcast, without a word, to a step that nobody meant."""
    parameters, gradients = some_arrays(0), some_arrays(1)
    state = optimizer.initial_state(parameters)
    if wrong == "state" and not getattr(optimizer, "momentum", True):
        return
    lists = {"gradients": gradients, "state": state}
    first = [array.ndim for array in lists[wrong]].index(2)  # after a count of the steps
    lists[wrong][first : first + 2] = [np.ones(3)] if shape is None else [np.ones(shape), np.ones(3)]
    before = [array.copy() for array in (*parameters, *state)]
    with pytest.raises(ValueError, match=f"^{wrong}.* must (hold arrays of the shapes|be what initial_state)"):
        optimizer.step(parameters, gradients, state)
    assert same([*parameters, *state], before)


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.5, "nesterov": True, "clip_norm": 0.5}])
@pytest.mark.parametrize("averaging", [0.0, 0.3, 0.9])
def test_the_average_takes_a_part_of_every_tenth_networks_weights(averaging, settings):
    rate = CosineSchedule(0.3, 40)
    plain, averaged = SGD(rate, **settings), AveragedSGD(rate, **settings, averaging=averaging)
    one, two, slow = some_arrays(0), some_arrays(0), some_arrays(0)
    velocity, state = plain.initial_state(one), averaged.initial_state(two)
    for step in range(1, 121):
        plain.step(one, some_arrays(step), velocity, step / 10)
        averaged.step(two, some_arrays(step), state, step / 10)
        assert same(one, two)  # the descent itself is that of SGD
        if step % 10 == 0:
            keep = min(averaging, (step / 10) / (step / 10 + 10))  # less at first: the start is soon forgotten
            slow = [keep * mean + (1 - keep) * w for mean, w in zip(slow, one, strict=True)]
        for mean, expected in zip(state[-3:-1], slow, strict=True):
            np.testing.assert_allclose(mean, expected, rtol=1e-12, atol=1e-13)
        assert state[-1] == step


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_result_is_a_copy_with_the_average(dtype, momentum):
    net = Network([3, 4, 2], activation="tanh", seed=1, dtype=dtype)
    optimizer = AveragedSGD(0.5, momentum=momentum, averaging=0.5)
    state = optimizer.initial_state(net.parameters())
    rng = np.random.default_rng(0)
    for _ in range(30):
        optimizer.step(net.parameters(), [rng.random(p.shape).astype(dtype) for p in net.parameters()], state)
    before = [array.copy() for array in (*net.parameters(), *state)]
    result = optimizer.result(net, state)
    assert repr(result) == repr(net) and same(result.parameters(), state[-5:-1])
    for parameter, weight in zip(result.parameters(), net.parameters(), strict=True):
        assert not np.array_equal(parameter, weight)
        parameter[...] = 7
    assert same([*net.parameters(), *state], before)


def test_a_state_of_another_network_is_refused():
    optimizer, net = AveragedSGD(0.1), Network([3, 4, 2])
    with pytest.raises(ValueError, match="initial_state"):
        optimizer.result(net, optimizer.initial_state(net.parameters()[:2]))
    with pytest.raises(ValueError, match="initial_state"):
        optimizer.step(net.parameters(), net.parameters(), [])


HALVED = StepSchedule(0.5, drop_at=(2, 5), factor=0.25)
SQRT = math.sqrt(2)


@pytest.mark.parametrize(
    "schedule, rates",
    [
        (HALVED, {0: 0.5, 1.99: 0.5, 2: 0.125, 4.9: 0.125, 5: 0.03125, 100: 0.03125}),
        (StepSchedule(0.5, drop_at=()), {0: 0.5, 100: 0.5}),
        (StepSchedule(1.0, iter([3])), {0: 1.0, 2.9: 1.0, 3: 0.1, 4: 0.1}),
        # the cosine of 0, 60, 90, 120 and 180 degrees
        (CosineSchedule(0.8, epochs=12), {0: 0.8, 4: 0.6, 6: 0.4, 8: 0.2, 12: 0, 20: 0}),
        (CosineSchedule(0.9, 10, final=0.1), {0: 0.9, 2.5: 0.5 + 0.4 / SQRT, 5: 0.5, 10: 0.1, 99: 0.1}),
        (RateTable([0.5, 0.2], iter([3])), {0: 0.5, 2.9: 0.5, 3: 0.2, 9: 0.2}),
        (WarmUpSchedule(0.5, epochs=4), {0: 0, 1: 0.125, 2: 0.25, 4: 0.5, 9: 0.5}),
        (WarmUpSchedule(0.5), {0: 0, 0.25: 0.125, 1: 0.5, 2: 0.5}),
        (WarmUpSchedule(HALVED, epochs=4), {0: 0, 1: 0.125, 2: 0.0625, 4: 0.125, 5: 0.03125}),
    ],
)
def test_schedules_by_hand(schedule, rates):
    assert [schedule(epoch) for epoch in rates] == pytest.approx(list(rates.values()), abs=1e-15)
    assert [SGD(schedule).rate(epoch) for epoch in rates] == [schedule(epoch) for epoch in rates]


@pytest.mark.parametrize(
    "schedule",
    [
        StepSchedule(0.5, (2, 5), 0.25),
        CosineSchedule(0.9, 10, final=0.1),
        WarmUpSchedule(0.5, epochs=4),
        WarmUpSchedule(CosineSchedule(0.9, 10), epochs=4),  # what follows the warm-up, too
    ],
)
def test_a_stretched_schedule_takes_as_many_times_the_epochs(schedule):
    longer = schedule.stretched(3)
    for epoch in (0, 0.5, 2, 4, 5, 9, 10, 12):
        assert longer(3 * epoch) == pytest.approx(schedule(epoch))
    for rate in (0.1, math.exp):  # a number, or a function of one's own, stays
        assert WarmUpSchedule(rate, epochs=4).stretched(3) == WarmUpSchedule(rate, epochs=12)


def test_a_step_takes_the_rate_of_its_epoch():
    optimizer, p = SGD(StepSchedule(0.5, (1,), factor=0.5)), [np.zeros(1)]
    for epoch, expected in ({"epoch": 0.999}, -0.5), ({"epoch": 1.0}, -0.75), ({}, -1.25):
        optimizer.step(p, [np.ones(1)], **epoch)
        assert p[0].item() == expected
    assert SGD(0.3).rate(0) == SGD(0.3).rate(1000) == 0.3 and SGD(lambda epoch: 1 + epoch).rate(2.5) == 3.5


@pytest.mark.parametrize("rate", [-1, math.nan, math.inf, True])
def test_a_schedules_bad_rate_is_refused_before_the_step(rate):
    p = [np.ones(3)]
    with pytest.raises((ValueError, TypeError), match="^the schedule's learning rate must be "):
        SGD(lambda epoch: rate).step(p, [np.ones(3)])
    SGD(lambda epoch: 0).step(p, [np.ones(3)])
    assert p[0].tolist() == [1, 1, 1]


def test_settings_cannot_be_changed():
    for settings in (SGD(), AveragedSGD(), Adam(), RMSProp(), HALVED, CosineSchedule(0.1, 5), WarmUpSchedule(0.1)):
        with pytest.raises(FrozenInstanceError):
            settings.learning_rate = settings.then = 1.0


def test_what_is_not_said_is_plain_descent():
    assert SGD() == SGD(0.1, momentum=0.0, nesterov=False, clip_value=None, clip_norm=None)
    assert AveragedSGD() == AveragedSGD(0.1, averaging=0.99)
    assert (Adam(), RMSProp()) == (Adam(0.001, 0.9, 0.999, 1e-8), RMSProp(0.001, 0.9, 1e-8))


@pytest.mark.parametrize("rates, drop_at", [((0.1,), (1, 2)), ((0.1, 0.2), ()), ((-0.1,), ()), ((), ())])
def test_a_table_of_rates_has_a_rate_for_each_part(rates, drop_at):
    with pytest.raises(ValueError, match="^rates must be (one more than drop_at|above 0)"):
        RateTable(rates, drop_at)


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match="momentum above 0"):
        SGD(0.1, nesterov=True)


@pytest.mark.parametrize("value", [F(1, 2), 0.5, np.float64(0.5), np.float32(0.5)])
def test_numbers_of_any_kind_are_kept_as_plain_floats(value):
    """A NumPy scalar would turn float32 arithmetic into float64."""
    built = AveragedSGD(value, momentum=value / 2, clip_value=value, clip_norm=value, averaging=value)
    kept = [built.learning_rate, 2 * built.momentum, built.clip_value, built.clip_norm, built.averaging]
    kept += vars(Adam(value, value, value, value)).values()
    kept += vars(RMSProp(value, value, value)).values()
    kept += [CosineSchedule(value, value, value).final, StepSchedule(value, (1,), value).factor]
    kept += [WarmUpSchedule(value, value).then, SGD(lambda epoch: value).rate(0.0)]
    assert kept == [0.5] * len(kept) and {type(number) for number in kept} == {float}
