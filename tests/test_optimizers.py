"""optimizers: some steps computed by hand with fractions.

The numbers are built from powers of two: floats hold them exactly, and == can be asked.
"""

import dataclasses
import math
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_scratch import SGD, AveragedSGD, CosineSchedule, Network, StepSchedule, WarmUpSchedule, checks

GRADIENTS = [F(1), F(-2), F(1, 2), F(3, 4)]


def run(optimizer, gradients=GRADIENTS, start=F(5), dtype=np.float64):
    """Where one parameter stands after each step."""
    parameters = [np.array([float(start)], dtype)]
    velocity = optimizer.initial_velocity(parameters)
    places = []
    for g in gradients:
        optimizer.step(parameters, [np.array([float(g)], dtype)], velocity)
        places.append(F(parameters[0].item()))
    assert parameters[0].dtype == dtype
    return places


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_descent(dtype):
    assert run(SGD(0.5), dtype=dtype) == [F(9, 2), F(11, 2), F(21, 4), F(39, 8)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_momentum(dtype):
    # v: 1, then 1/4 − 2 = −7/4, then −7/16 + 1/2 = 1/16, then 1/64 + 3/4 = 49/64
    steps = [F(1), F(-7, 4), F(1, 16), F(49, 64)]
    expected = [F(5) - F(1, 2) * sum(steps[:i]) for i in (1, 2, 3, 4)]
    assert run(SGD(0.5, momentum=0.25), dtype=dtype) == expected


def test_nesterov():
    # the same v; the step goes along g + v/4
    velocity = [F(1), F(-7, 4), F(1, 16), F(49, 64)]
    steps = [g + v / 4 for g, v in zip(GRADIENTS, velocity, strict=True)]
    assert steps[0] == F(5, 4) and steps[1] == F(-39, 16)
    expected = [F(5) - F(1, 2) * sum(steps[:i]) for i in (1, 2, 3, 4)]
    assert run(SGD(0.5, momentum=0.25, nesterov=True)) == expected


@given(
    st.lists(st.fractions(-8, 8, max_denominator=1).map(lambda g: g / 8), min_size=1, max_size=6),
    st.sampled_from([F(0), F(1, 2), F(3, 4)]),
    st.booleans(),
)
def test_any_gradients(gradients, mu, nesterov):
    nesterov = nesterov and mu > 0
    w, v, expected = F(1), F(0), []
    for g in gradients:
        v = mu * v + g
        w -= F(1, 4) * (g + mu * v if nesterov else v)
        expected.append(w)
    assert run(SGD(0.25, momentum=float(mu), nesterov=nesterov), gradients, F(1)) == expected


@given(st.lists(st.integers(-5, 5), min_size=3, max_size=3))
def test_clip_value(entries):
    p = [np.zeros(3)]
    SGD(1.0, clip_value=2).step(p, [np.array(entries, float)])
    assert p[0].tolist() == [-max(-2, min(2, g)) for g in entries]


def test_clip_norm_is_of_all_arrays_together():
    p = [np.zeros((1, 2)), np.zeros(1)]
    g = [np.array([[2.0, 4.0]]), np.array([4.0])]  # norm 6
    SGD(1.0, clip_norm=3).step(p, g)
    assert p[0].tolist() == [[-1, -2]] and p[1].tolist() == [-2]
    p = [np.zeros((1, 2)), np.zeros(1)]
    SGD(1.0, clip_norm=6).step(p, g)  # just long enough: nothing is cut
    assert p[0].tolist() == [[-2, -4]] and p[1].tolist() == [-4]
    p = [np.zeros(1)]
    SGD(1.0, clip_norm=6).step(p, [np.zeros(1)])
    assert p[0].tolist() == [0]


def test_values_are_clipped_before_the_norm_and_both_before_the_velocity():
    p = [np.zeros(2)]
    optimizer = SGD(1.0, momentum=0.5, clip_value=4, clip_norm=2.5)
    v = optimizer.initial_velocity(p)
    optimizer.step(p, [np.array([3.0, 100.0])], v)  # [3, 4], of norm 5, then [1.5, 2]
    assert v[0].tolist() == [1.5, 2] and p[0].tolist() == [-1.5, -2]
    optimizer.step(p, [np.array([0.0, 0.0])], v)  # the velocity itself is not clipped
    assert v[0].tolist() == [0.75, 1] and p[0].tolist() == [-2.25, -3]


def test_clip_norm_of_a_huge_float32_gradient():
    p = [np.zeros(1, np.float32)]
    with np.errstate(over="raise"):
        SGD(1.0, clip_norm=1).step(p, [np.array([1e20], np.float32)])
    assert p[0].tolist() == pytest.approx([-1])


def test_weight_decay_shrinks_weights_and_leaves_biases():
    # for X = 0 the data have no say in W, so that W ← W − η λ W = (1 − 1/8) W
    net = Network([2, 2], dtype="float64")
    net.weights[0][:] = [[8, -16], [1, 0]]
    net.biases[0][:] = 0
    _, gradients = net.loss_and_gradients(np.zeros((4, 2)), np.array([0, 0, 0, 1]), weight_decay=0.25)
    SGD(0.5).step(net.parameters(), [g for pair in gradients for g in pair])
    assert net.weights[0].tolist() == [[7, -14], [0.875, 0]]
    assert net.biases[0].tolist() == [0.125, -0.125]  # −η (1/2 − 3/4), and no λ


# ------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize(
    "settings",
    [{}, {"momentum": 0.5}, {"momentum": 0.5, "nesterov": True}, {"clip_value": 0.1}, {"clip_norm": 0.1}],
)
def test_gradients_stay_and_parameters_change_in_place(settings):
    optimizer = SGD(0.5, **settings)
    rng = np.random.default_rng(0)
    parameters = [rng.standard_normal((2, 3)), rng.standard_normal(3)]
    gradients = [rng.standard_normal((2, 3)), rng.standard_normal(3)]
    arrays, before, old = list(parameters), [g.copy() for g in gradients], [p.copy() for p in parameters]
    listed = list(gradients)
    velocity = optimizer.initial_velocity(parameters)
    for _ in range(3):
        optimizer.step(parameters, gradients, velocity)
    assert all(a is b for a, b in zip(gradients, listed, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(gradients, before, strict=True))
    assert all(a is b for a, b in zip(parameters, arrays, strict=True))
    assert all((a != b).all() for a, b in zip(parameters, old, strict=True))


SHAPES = "parameters, gradients and velocity must be lists of arrays of the same shapes.*initial_velocity"


def test_initial_velocity():
    parameters = [np.ones((2, 3), np.float32), np.ones(3, np.float32)]
    velocity = SGD(0.1, momentum=0.9).initial_velocity(parameters)
    assert [v.shape for v in velocity] == [(2, 3), (3,)] and {v.dtype for v in velocity} == {np.dtype("f4")}
    assert not any(v.any() for v in velocity) and SGD(0.1).initial_velocity(parameters) == []


@pytest.mark.parametrize(
    "optimizer, gradients, velocity",
    [
        (SGD(0.1), 1, 0),
        (SGD(0.1), 3, 0),
        (SGD(0.1, momentum=0.9), 2, 0),
        (SGD(0.1, momentum=0.9), 2, 1),
        (SGD(0.1, momentum=0.9), 2, 3),
    ],
)
def test_lists_that_do_not_belong_together(optimizer, gradients, velocity):
    parameters = [np.ones(2), np.ones(2)]
    velocity = [np.ones(2) for _ in range(velocity)]
    with pytest.raises(ValueError, match=SHAPES):
        optimizer.step(parameters, [np.ones(2)] * gradients, velocity)
    assert all(array.tolist() == [1, 1] for array in parameters + velocity)


@pytest.mark.parametrize("shape", [(2, 1), (3,), (1, 3), (1,), (), (3, 2), (2, 3, 1)])
@pytest.mark.parametrize("wrong", ["gradients", "velocity"])
def test_arrays_of_another_shape(shape, wrong):
    """Most of these would be broadcast, without a word, to a step that nobody meant."""
    parameters, gradients, velocity = ([np.ones(2), np.ones((2, 3))] for _ in range(3))
    (gradients if wrong == "gradients" else velocity)[1] = np.ones(shape)
    with pytest.raises(ValueError, match=SHAPES):
        SGD(0.1, momentum=0.9).step(parameters, gradients, velocity)
    if wrong == "gradients":
        with pytest.raises(ValueError, match=SHAPES):
            SGD(0.1).step(parameters, gradients)
    assert all((array == 1).all() for array in parameters + gradients + velocity)  # not even the first one moved


def test_settings_are_frozen():
    for settings in (SGD(), AveragedSGD(), StepSchedule(0.1, (1,)), CosineSchedule(0.1, 5), WarmUpSchedule(0.1)):
        name = dataclasses.fields(settings)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(settings, name, 1.0)


# ------------------------------------------------------------------------------------- the average of the weights


def some_arrays(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in ((2, 3), (3,))]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.5},
        {"momentum": 0.5, "nesterov": True, "clip_value": 1.0},
        {"clip_norm": 0.5, "momentum": 0.9},
    ],
)
@pytest.mark.parametrize("averaging", [0.0, 0.3, 0.9, 0.99])
def test_the_average_written_out(averaging, settings):
    """Number by number: the weights go as in SGD, and every tenth step the average takes a part of them."""
    rate = CosineSchedule(0.3, 40)
    plain, averaged = SGD(rate, **settings), AveragedSGD(rate, **settings, averaging=averaging)
    one, two = some_arrays(0), some_arrays(0)
    velocity, state = plain.initial_velocity(one), averaged.initial_velocity(two)
    slow = [w for array in some_arrays(0) for w in array.ravel().tolist()]
    for step in range(1, 251):
        gradients = some_arrays(step)
        plain.step(one, gradients, velocity, step / 10)
        averaged.step(two, gradients, state, step / 10)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))
        if step % 10 == 0:
            tens = step // 10
            keep = min(averaging, tens / (tens + 10))
            weights = [w for array in one for w in array.ravel().tolist()]
            slow = [keep * mean + (1 - keep) * w for mean, w in zip(slow, weights, strict=True)]
        means = [w for array in state[-3:-1] for w in array.ravel().tolist()]
        assert means == pytest.approx(slow, rel=1e-12, abs=1e-13), step
        assert state[-1] == step
    assert all(a.tobytes() == b.tobytes() for a, b in zip(velocity, state, strict=False))


@pytest.mark.parametrize("averaging", [0.5, 0.9])
def test_how_soon_the_start_is_forgotten(averaging):
    """A weight that goes from 1 to 0 in its first step: what is left in the average is the part of the start.

    With n/(n + 10) of it kept the n-th time, 1 of (n + 10)! / (n! 10!) is left, until averaging is the smaller number.
    """
    optimizer, weight = AveragedSGD(1.0, averaging=averaging), [np.ones(1)]
    state = optimizer.initial_velocity(weight)
    last = round(10 * averaging / (1 - averaging))  # n/(n + 10) = averaging
    for step in range(1, 10 * last + 51):
        optimizer.step(weight, [np.ones(1) if step == 1 else np.zeros(1)], state)
        n = step // 10
        expected = averaging ** max(n - last, 0) / math.comb(min(n, last) + 10, 10)
        assert state[0].item() == pytest.approx(expected, rel=1e-9), step


def test_without_averaging_the_result_is_every_tenth_networks_weights():
    optimizer, weight = AveragedSGD(1.0, averaging=0.0), [np.zeros(1)]
    state = optimizer.initial_velocity(weight)
    seen = []
    for _ in range(25):
        optimizer.step(weight, [-np.ones(1)], state)
        seen.append(state[0].item())
    assert seen == [0] * 9 + [10] * 10 + [20] * 6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_state_is_of_arrays_of_its_own(dtype, momentum):
    parameters = some_arrays(0, dtype)
    optimizer = AveragedSGD(0.5, momentum=momentum)
    state = optimizer.initial_velocity(parameters)
    expected = [(2, 3), (3,)] * (2 if momentum else 1)
    assert [array.shape for array in state] == [*expected, ()] and state[-1] == 0
    assert all(isinstance(array, np.ndarray) for array in state)
    assert {array.dtype for array in state[:-1]} == {np.dtype(dtype)}
    assert not any(array.any() for array in state[: len(expected) - 2])
    for mean, parameter in zip(state[-3:-1], parameters, strict=True):
        assert np.array_equal(mean, parameter) and not np.shares_memory(mean, parameter)
    arrays = list(state)
    for step in range(20):
        optimizer.step(parameters, some_arrays(step, dtype), state)
    assert len(state) == len(arrays) and all(a is b for a, b in zip(state, arrays, strict=True))  # changed in place
    assert {array.dtype for array in (*state[:-1], *parameters)} == {np.dtype(dtype)} and state[-1] == 20


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("at", [1, 7, 10, 15])
def test_its_state_goes_on_from_a_copy(momentum, at):
    """Also from another object of the same settings, since the optimizer itself remembers nothing."""
    whole, state = some_arrays(0), None
    optimizer = AveragedSGD(0.2, momentum=momentum, averaging=0.6)
    state = optimizer.initial_velocity(whole)
    for step in range(40):
        if step == at:
            half, kept = [w.copy() for w in whole], [array.copy() for array in state]
        optimizer.step(whole, some_arrays(step), state)
    again = AveragedSGD(0.2, momentum=momentum, averaging=0.6)
    for step in range(at, 40):
        again.step(half, some_arrays(step), kept)
    assert all(a.tobytes() == b.tobytes() for a, b in zip([*whole, *state], [*half, *kept], strict=True))


def test_one_optimizer_serves_two_runs_at_a_time():
    optimizer = AveragedSGD(0.2, momentum=0.5, averaging=0.6)
    runs = [(weights, optimizer.initial_velocity(weights)) for weights in (some_arrays(0), some_arrays(0))]
    alone, state = some_arrays(0), optimizer.initial_velocity(some_arrays(0))
    for step in range(30):
        for run_seed, (weights, own) in enumerate(runs):
            optimizer.step(weights, some_arrays(100 * run_seed + step), own)
    for step in range(30):
        optimizer.step(alone, some_arrays(step), state)
    assert all(a.tobytes() == b.tobytes() for a, b in zip([*alone, *state], [*runs[0][0], *runs[0][1]], strict=True))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_result_is_a_copy_with_the_average(dtype, momentum):
    net = Network([3, 4, 2], activation="tanh", seed=1, dtype=dtype)
    optimizer = AveragedSGD(0.5, momentum=momentum, averaging=0.5)
    state = optimizer.initial_velocity(net.parameters())
    rng = np.random.default_rng(0)
    for _ in range(30):
        gradients = [rng.standard_normal(p.shape).astype(dtype) for p in net.parameters()]
        optimizer.step(net.parameters(), gradients, state)
    weights, means = [p.copy() for p in net.parameters()], [array.copy() for array in state]
    result = optimizer.result(net, state)
    assert result is not net and result.dtype == net.dtype and result.sizes == net.sizes
    assert (result.activation, result.output, result.loss_name) == ("tanh", net.output, net.loss_name)
    for parameter, mean, weight in zip(result.parameters(), means[-5:-1], weights, strict=True):
        assert parameter.tobytes() == mean.tobytes() and parameter.dtype == dtype
        assert not np.array_equal(parameter, weight)
        parameter[...] = 7
    assert all(np.array_equal(a, b) for a, b in zip([*net.parameters(), *state], [*weights, *means], strict=True))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_result_of_sgd_is_the_network_itself(momentum):
    net = Network([3, 2])
    optimizer = SGD(0.1, momentum=momentum)
    assert optimizer.result(net, optimizer.initial_velocity(net.parameters())) is net


@pytest.mark.parametrize("shape", [(2, 1), (3,), (1, 3), (3, 2)])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradients_of_another_shape_leave_weights_and_average(shape, momentum):
    parameters = [np.ones(2), np.ones((2, 3))]
    optimizer = AveragedSGD(0.1, momentum=momentum, averaging=0.0)
    state = optimizer.initial_velocity(parameters)
    before = [array.copy() for array in state]
    with pytest.raises(ValueError, match=SHAPES):
        optimizer.step(parameters, [np.ones(2), np.ones(shape)], state)
    assert all((array == 1).all() for array in parameters)
    assert all(np.array_equal(a, b) for a, b in zip(state, before, strict=True))


@pytest.mark.parametrize("averaging", [-0.1, 1, 1.5, math.nan, math.inf])
def test_averaging_out_of_range(averaging):
    with pytest.raises(ValueError, match="^averaging must be at least 0 and below 1"):
        AveragedSGD(0.1, averaging=averaging)


@pytest.mark.parametrize("value", ["0.5", None, [0.5], True])
def test_averaging_must_be_a_number(value):
    with pytest.raises(TypeError, match="^averaging must be a number, not "):
        AveragedSGD(0.1, averaging=value)


def test_averaged_sgd_has_the_limits_of_sgd():
    for settings in ({"learning_rate": 0}, {"momentum": 1}, {"clip_norm": -1}, {"nesterov": True}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            AveragedSGD(**settings)
    assert type(AveragedSGD(averaging=np.float32(0.5)).averaging) is float


def test_results_and_checkpoints_are_known_by_these_texts():
    rate = "learning_rate=CosineSchedule(learning_rate=0.1, epochs=30.0, final=0.0)"
    rest = "momentum=0.9, nesterov=False, clip_value=None, clip_norm=None"
    settings = {"learning_rate": CosineSchedule(0.1, 30), "momentum": 0.9}
    assert repr(SGD(**settings)) == f"SGD({rate}, {rest})"
    assert repr(AveragedSGD(**settings, averaging=0.5)) == f"AveragedSGD({rate}, {rest}, averaging=0.5)"
    assert AveragedSGD(**settings) != SGD(**settings) != AveragedSGD(**settings, averaging=0.5)


# -------------------------------------------------------------------------------------------- schedules


def test_step_schedule():
    schedule = StepSchedule(0.5, drop_at=(2, 5), factor=0.25)
    assert [schedule(e) for e in (0, 1.99, 2, 4.9, 5, 100)] == [0.5, 0.5, 0.125, 0.125, 0.03125, 0.03125]
    assert StepSchedule(0.5, drop_at=())(100) == 0.5
    assert StepSchedule(1.0, (3,))(3) == pytest.approx(0.1)


def test_cosine_schedule():
    schedule = CosineSchedule(0.8, epochs=12)
    # cos of 0, 60, 90, 120 and 180 degrees
    for epoch, expected in [(0, 0.8), (4, 0.6), (6, 0.4), (8, 0.2), (12, 0), (20, 0)]:
        assert schedule(epoch) == pytest.approx(expected, abs=1e-15)
    with_rest = CosineSchedule(0.9, epochs=10, final=0.1)
    for epoch, expected in [(0, 0.9), (2.5, 0.5 + 0.4 / math.sqrt(2)), (5, 0.5), (10, 0.1), (99, 0.1)]:
        assert with_rest(epoch) == pytest.approx(expected)


def test_warm_up_schedule():
    schedule = WarmUpSchedule(0.5, epochs=4)
    assert [schedule(e) for e in (0, 1, 2, 4, 9)] == [0, 0.125, 0.25, 0.5, 0.5]
    assert WarmUpSchedule(0.5)(0.25) == 0.125
    both = WarmUpSchedule(StepSchedule(0.5, (1, 8), factor=0.5), epochs=2)
    assert [both(e) for e in (0.5, 1, 2, 8)] == [0.125, 0.125, 0.25, 0.125]


def test_step_takes_the_rate_of_its_epoch():
    optimizer = SGD(StepSchedule(0.5, (1,), factor=0.5))
    p = [np.zeros(1)]
    optimizer.step(p, [np.ones(1)], epoch=0.999)
    assert p[0].item() == -0.5 and optimizer.rate(0.999) == 0.5
    optimizer.step(p, [np.ones(1)], epoch=1.0)
    assert p[0].item() == -0.75 and optimizer.rate(1) == 0.25
    optimizer.step(p, [np.ones(1)])  # without one: the start
    assert p[0].item() == -1.25
    assert SGD(0.3).rate(0) == SGD(0.3).rate(1000) == 0.3
    assert SGD(lambda epoch: 1 + epoch).rate(2.5) == 3.5


# ------------------------------------------------------------------------------------------- validation


ABOVE_ZERO = pytest.mark.parametrize(
    "name, build",
    [
        ("learning_rate", lambda v: SGD(v)),
        ("learning_rate", lambda v: StepSchedule(v, (1,))),
        ("learning_rate", lambda v: CosineSchedule(v, 5)),
        ("then", lambda v: WarmUpSchedule(v)),
        ("factor", lambda v: StepSchedule(0.1, (1,), v)),
        ("epochs", lambda v: CosineSchedule(0.1, v)),
        ("epochs", lambda v: WarmUpSchedule(0.1, v)),
        ("clip_value", lambda v: SGD(0.1, clip_value=v)),
        ("clip_norm", lambda v: SGD(0.1, clip_norm=v)),
    ],
)


@ABOVE_ZERO
@pytest.mark.parametrize("value", [0, -0.1, math.nan, -math.inf, math.inf])
def test_must_be_above_zero(name, build, value):
    with pytest.raises(ValueError, match=f"^{name} must be above 0"):
        build(value)


@ABOVE_ZERO
@pytest.mark.parametrize("value", ["0.1", [0.1], (0.1,), {}, 1j, np.array([0.1])])
def test_must_be_a_number(name, build, value):
    with pytest.raises(TypeError, match=f"^{name} must be a number, not "):
        build(value)


@pytest.mark.parametrize("value", ["0.5", None, [0.5], 0.5j])
def test_momentum_final_and_rates_must_be_numbers(value):
    for name, build in (
        ("momentum", lambda v: SGD(0.1, momentum=v)),
        ("final", lambda v: CosineSchedule(0.1, 5, v)),
        ("learning_rate", lambda v: SGD(v)),
        ("learning_rate", lambda v: CosineSchedule(v, 5)),
        ("then", lambda v: WarmUpSchedule(v)),
    ):
        with pytest.raises(TypeError, match=f"^{name} must be a number, not "):
            build(value)


def test_numbers_of_any_kind_are_numbers():
    for value in (F(1, 2), np.float32(0.5), np.float64(0.5)):
        assert SGD(value, momentum=value, clip_norm=value).rate(0) == CosineSchedule(value, value)(0) == 0.5
    assert SGD(1, clip_value=np.int64(2)).rate(0) == 1


@pytest.mark.parametrize("momentum", [-0.1, 1, 1.5, math.nan, math.inf])
def test_momentum_out_of_range(momentum):
    with pytest.raises(ValueError, match="momentum must be at least 0 and below 1"):
        SGD(0.1, momentum=momentum)


@pytest.mark.parametrize("final", [-1e-9, math.nan, math.inf])
def test_final_out_of_range(final):
    with pytest.raises(ValueError, match="final must be at least 0"):
        CosineSchedule(0.1, 5, final)


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match="nesterov"):
        SGD(0.1, nesterov=True)


@pytest.mark.parametrize("value", [0.5, 1, np.float64(0.5), np.float32(0.5), np.int64(1)])
def test_a_checked_number_is_a_python_float(value):
    checked = checks.number("x", value)
    assert type(checked) is float and checked == value
    built = SGD(value, momentum=value / 2, clip_value=value, clip_norm=value)
    settings = (built.learning_rate, built.momentum, built.clip_value, built.clip_norm)
    settings += (CosineSchedule(value, value, value).final, StepSchedule(value, (1,), value).factor)
    settings += (WarmUpSchedule(value, value).then, SGD(lambda epoch: value).rate(0.0))
    assert {type(setting) for setting in settings} == {float}


@pytest.mark.parametrize("value", [True, False, np.True_])
def test_true_is_not_a_number(value):
    with pytest.raises(TypeError, match="^x must be a number, not "):
        checks.number("x", value)
    with pytest.raises(TypeError, match="^learning_rate must be a number, not "):
        SGD(value)
    with pytest.raises(TypeError, match="^the schedule's learning rate must be a number, not "):
        SGD(lambda epoch: value).rate(0.0)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_a_schedule_below_zero_is_refused(value):
    parameters = [np.ones(3)]
    with pytest.raises(ValueError, match="^the schedule's learning rate must be at least 0"):
        SGD(lambda epoch: value).step(parameters, [np.ones(3)])
    assert parameters[0].tolist() == [1, 1, 1]


def test_a_step_schedule_keeps_what_an_iterator_gave():
    schedule = StepSchedule(1.0, iter([1, 2]), factor=0.5)
    assert [schedule(epoch) for epoch in (0, 1, 2, 2.5)] == [1.0, 0.5, 0.25, 0.25]
