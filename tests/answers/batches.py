"""Answers to the exercises of notebook 05: right ones in several styles, and wrong ones with a piece of their hint."""

import numpy as np

from mnist_scratch import SGD, CosineSchedule, WarmUpSchedule

# ------------------------------------------------------------------------------------------------ 5.1


def sgd_step_with_loops(parameters, gradients, learning_rate):
    for i in range(len(parameters)):
        for at in np.ndindex(parameters[i].shape):
            parameters[i][at] -= learning_rate * gradients[i][at]


def sgd_step_vectorised(parameters, gradients, learning_rate):
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter[...] = parameter - learning_rate * gradient


def sgd_step_float32(parameters, gradients, learning_rate):
    for parameter, gradient in zip(parameters, gradients, strict=True):
        np.subtract(parameter, np.float32(learning_rate) * gradient.astype(np.float32), out=parameter)


def sgd_step_by_index_and_returned(parameters, gradients, learning_rate):
    for i, gradient in enumerate(gradients):
        parameters[i] -= learning_rate * gradient
    return parameters


def sgd_step_new_names(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p = p - learning_rate * g


def sgd_step_new_list(parameters, gradients, learning_rate):
    return [p - learning_rate * g for p, g in zip(parameters, gradients, strict=True)]


def sgd_step_new_entries(parameters, gradients, learning_rate):
    for i in range(len(parameters)):
        parameters[i] = parameters[i] - learning_rate * gradients[i]


def sgd_step_uphill(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p += learning_rate * g


def sgd_step_without_rate(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p -= g


def sgd_step_mean_again(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p -= learning_rate * g / g.shape[0]


def sgd_step_the_step_alone(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p[:] = -learning_rate * g


def sgd_step_scales_gradients(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        g *= learning_rate
        p -= g


def sgd_step_returns_early(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p -= learning_rate * g
        return parameters


def sgd_step_of_the_sign(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p -= learning_rate * np.sign(g)


def sgd_step_rate_on_all(parameters, gradients, learning_rate):
    for p, g in zip(parameters, gradients, strict=True):
        p -= g
        p *= learning_rate


def sgd_step_of_the_lists(parameters, gradients, learning_rate):
    parameters -= learning_rate * gradients


def sgd_step_short_names(p, g, lr):
    for i in range(len(p)):
        p[i] -= lr * g[i]


def sgd_step_one_name_changed(parameters, gradients, eta):
    for p, g in zip(parameters, gradients, strict=True):
        p -= eta * g


# ------------------------------------------------------------------------------------------------ 5.2


def momentum_step_with_loops(parameters, gradients, velocity, learning_rate, momentum):
    for i in range(len(parameters)):
        for at in np.ndindex(parameters[i].shape):
            velocity[i][at] = momentum * velocity[i][at] + gradients[i][at]
            parameters[i][at] -= learning_rate * velocity[i][at]


def momentum_step_vectorised(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v *= momentum
        v += g
        p -= learning_rate * v


def momentum_step_float32(parameters, gradients, velocity, learning_rate, momentum):
    eta, mu = np.float32(learning_rate), np.float32(momentum)
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v[...] = mu * v.astype(np.float32) + g.astype(np.float32)
        p[...] = p.astype(np.float32) - eta * v.astype(np.float32)


def momentum_step_with_sgd(parameters, gradients, velocity, learning_rate, momentum):
    for v, g in zip(velocity, gradients, strict=True):
        v[:] = g + momentum * v
    sgd_step_vectorised(parameters, velocity, learning_rate)


def momentum_step_damped(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v *= momentum
        v += (1 - momentum) * g
        p -= learning_rate * v


def momentum_step_weights_exchanged(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v[...] = momentum * g + (1 - momentum) * v
        p -= learning_rate * v


def momentum_step_new_velocity(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v = momentum * v + g
        p -= learning_rate * v


def momentum_step_new_entries(parameters, gradients, velocity, learning_rate, momentum):
    for i in range(len(velocity)):
        velocity[i] = momentum * velocity[i] + gradients[i]
        parameters[i] -= learning_rate * velocity[i]


def momentum_step_all_new_entries(parameters, gradients, velocity, learning_rate, momentum):
    for i in range(len(velocity)):
        velocity[i] = momentum * velocity[i] + gradients[i]
        parameters[i] = parameters[i] - learning_rate * velocity[i]


def momentum_step_new_parameters(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v *= momentum
        v += g
        p = p - learning_rate * v


def momentum_step_all_new(parameters, gradients, velocity, learning_rate, momentum):
    velocity = [momentum * v + g for v, g in zip(velocity, gradients, strict=True)]
    parameters = [p - learning_rate * v for p, v in zip(parameters, velocity, strict=True)]
    return parameters, velocity


def momentum_step_rate_inside(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v *= momentum
        v -= learning_rate * g
        p += v


def momentum_step_rate_inside_too(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v[...] = momentum * v + learning_rate * g
        p -= v


def momentum_step_too_early(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        p -= learning_rate * v
        v *= momentum
        v += g


def momentum_step_along_gradient(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v *= momentum
        v += g
        p -= learning_rate * g


def momentum_step_nesterov(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v *= momentum
        v += g
        p -= learning_rate * (momentum * v + g)


def momentum_step_never_forgets(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v += g
        p -= learning_rate * v


def momentum_step_adds_to_the_old(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v += momentum * v + g
        p -= learning_rate * v


def momentum_step_of_the_lists(parameters, gradients, velocity, learning_rate, momentum):
    velocity = momentum * velocity + gradients
    parameters -= learning_rate * velocity


def momentum_step_short_names(p, g, v, eta, mu):
    for i in range(len(p)):
        v[i][...] = mu * v[i] + g[i]
        p[i] -= eta * v[i]


def momentum_step_shrinks_gradient(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        v += g
        v *= momentum
        p -= learning_rate * v


def momentum_step_in_gradients(parameters, gradients, velocity, learning_rate, momentum):
    for p, g, v in zip(parameters, gradients, velocity, strict=True):
        g += momentum * v
        v[...] = g
        p -= learning_rate * v


# ------------------------------------------------------------------------------------------------ 5.3


def schedule_of_straight_lines(epoch):
    if epoch < 2:
        return 1.6 * epoch / 2
    return 1.6 * (6 - epoch) / 4


def schedule_interpolated(epoch):
    return np.interp(epoch, [0, 2, 6], [0, 1.2, 0])


def schedule_float32(epoch):
    e = np.float32(epoch)
    return np.float32(1.6) * min(e / 2, np.float32(1)) * (1 + np.cos(np.float32(np.pi) * e / 6)) / 2


def schedule_constant(epoch):
    return 1.6


def schedule_small(epoch):
    return 0.2


def schedule_nearly_large(epoch):
    return 0.8


def schedule_only_warms_up(epoch):
    return 3.2 * min(epoch, 1)


def schedule_only_cosine(epoch):
    return 3.2 * (1 + np.cos(np.pi * epoch / 6)) / 2


def schedule_drops_late(epoch):
    return 3.2 if epoch < 4 else 0.05


def schedule_rises_to_the_end(epoch):
    return 3.2 * epoch / 6


def schedule_below_zero(epoch):
    return 1.6 - 0.4 * epoch


def schedule_without_return(epoch):
    1.6 * epoch / 6


def schedule_by_whole_epochs(epoch):
    return [0.4, 1.6, 1.2, 0.8, 0.4, 0.2, 0.1][epoch]


# ------------------------------------------------------------------------------------------------ all


RIGHT = {
    "sgd_step": [sgd_step_with_loops, sgd_step_vectorised, sgd_step_float32, sgd_step_by_index_and_returned],
    "momentum_step": [
        momentum_step_with_loops,
        momentum_step_vectorised,
        momentum_step_float32,
        momentum_step_with_sgd,
    ],
    "largest_rate": [0.8, np.float32(0.8), 3.2 / 2**2],
    "repair": [
        schedule_of_straight_lines,
        schedule_interpolated,
        schedule_float32,
        WarmUpSchedule(CosineSchedule(1.6, epochs=6), epochs=2),
        CosineSchedule(1, epochs=6),
    ],
    "steps_to_limit": [44, 44.0, np.int64(44), int(np.ceil(np.log(0.01) / np.log(0.9)))],
}
WRONG = {
    "sgd_step": [
        (sgd_step_new_names, "only the name moves on"),
        (sgd_step_new_list, "only the name moves on"),
        (sgd_step_new_entries, "new arrays into the list"),
        (sgd_step_uphill, "step uphill"),
        (sgd_step_without_rate, "learning rate is missing"),
        (sgd_step_mean_again, "in them already"),
        (sgd_step_the_step_alone, "the step alone"),
        (sgd_step_scales_gradients, "`gradients` belongs to the caller"),
        (sgd_step_returns_early, "inside the loop"),
        (sgd_step_of_the_sign, "its size counts"),
        (sgd_step_rate_on_all, "belongs to the gradient only"),
        (sgd_step_of_the_lists, "go through its arrays"),
        (sgd_step_short_names, "Keep the names of the parameters"),
        (sgd_step_one_name_changed, "Keep the names of the parameters"),
    ],
    "momentum_step": [
        (momentum_step_damped, "a damped form"),
        (momentum_step_weights_exchanged, "wrong way round"),
        (momentum_step_new_velocity, "The velocity is as it was"),
        (momentum_step_new_entries, "list of velocities"),
        (momentum_step_all_new_entries, "into both lists"),
        (momentum_step_new_parameters, "The parameters are as they were"),
        (momentum_step_all_new, "Nothing has changed"),
        (momentum_step_rate_inside, "inside your velocity"),
        (momentum_step_rate_inside_too, "inside your velocity"),
        (momentum_step_too_early, "along the old velocity"),
        (momentum_step_along_gradient, "plain descent"),
        (momentum_step_nesterov, "look ahead"),
        (momentum_step_never_forgets, "never forgets"),
        (momentum_step_adds_to_the_old, "(1 + μ)v"),
        (momentum_step_of_the_lists, "go through its arrays"),
        (momentum_step_short_names, "Keep the names of the parameters"),
        (momentum_step_shrinks_gradient, "multiplies the new gradient too"),
        (momentum_step_in_gradients, "`gradients` belongs to the caller"),
    ],
    "largest_rate": [
        (3.2, "go on halving"),
        (1.6, "the last rate that fails"),
        (0.4, "Twice your rate holds too"),
        (0.1, "Twice your rate holds too"),
        (0.001, "hardly moves"),
        (0, "never leads to 0"),
        (-0.8, "never leads to 0"),
        (0.9, "half of it, half of that"),
        (1, "half of it, half of that"),
        ("0.8", "the number itself"),
        (SGD(0.8), "the number itself"),
    ],
    "repair": [
        (schedule_constant, "at the start, and at the end"),
        (schedule_small, "avoids the question"),
        (schedule_only_warms_up, "never settles"),
        (schedule_only_cosine, "harm was done in the first steps"),
        (schedule_drops_late, "harm was done in the first steps"),
        (schedule_rises_to_the_end, "never settles"),
        (schedule_nearly_large, "avoids the question"),
        (WarmUpSchedule(CosineSchedule(1.0, epochs=6), epochs=2), "already falling"),
        (schedule_below_zero, "never below 0"),
        (schedule_without_return, "return one number"),
        (schedule_by_whole_epochs, "fractions included"),
        (0.8, "the function itself"),
    ],
    "steps_to_limit": [
        (43, "One too few"),
        (43.7, "Steps are whole"),
        (45, "One too many"),
        (10, "limit of the velocity"),
        (9.9, "a velocity"),
        (22, "reaches 90 %"),
        (230, "exchanged momentum and share"),
        (459, "momentum of 0.99"),
        (1, "You solved"),
    ],
}
