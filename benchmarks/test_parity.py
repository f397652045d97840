"""The core gives what PyTorch, scikit-learn and JAX give, from the same weights and the same batches.

Run with `make test TESTS=benchmarks`; the peers come with the extra `peers`.

Tolerances: ‖ours − theirs‖ / ‖theirs‖, Frobenius norms, is at most 1e-10 in float64 and 1e-6 in float32, for each
array by itself; a loss is an array of one number. An entry may be 0 or nearly so, so the norm of its array is the
scale on which it is judged.

All peers differentiate the loss themselves, or have their own derivation: none of our formulas is used twice.
"""

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks import elastic
from benchmarks.peers import torch_linears, torch_model, torch_optimizer, torch_parameters
from mnist_scratch import SGD, Adam, Dataset, Network, RMSProp, StepSchedule, fit, one_hot

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

SIZES = [7, 6, 5, 4]  # all different from each other and from M, so that a transposed array cannot pass
M, STEPS = 9, 20
WEIGHT_DECAY = 0.03
TOLERANCE = {"float32": 1e-6, "float64": 1e-10}

ACTIVATIONS = ["relu", "sigmoid", "tanh"]
LOSSES = [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("softmax", "binary_cross_entropy")]

each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
each_loss = pytest.mark.parametrize(("output", "loss"), LOSSES)
each_weight_decay = pytest.mark.parametrize("weight_decay", [0.0, WEIGHT_DECAY])


# ------------------------------------------------------------------------------------------- the same for all


def network(activation="relu", output="softmax", loss="cross_entropy", dtype="float64"):
    """A network whose biases are not 0, as they would be at the start: so their part in all formulas shows."""
    net = Network(SIZES, activation, output, loss, seed=1, dtype=dtype)
    rng = np.random.default_rng(2)
    net.biases = [rng.normal(scale=0.5, size=b.shape).astype(dtype) for b in net.biases]
    return net


def data(dtype="float64"):
    """STEPS batches of M examples."""
    rng = np.random.default_rng(3)
    return Dataset(rng.normal(size=(STEPS * M, SIZES[0])).astype(dtype), rng.integers(0, SIZES[-1], STEPS * M))


def assert_close(ours, theirs, dtype, what):
    """Lists of arrays, or of numbers, agree to the tolerance of the dtype."""
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape, f"{what} {i}"
        distance = np.linalg.norm(a - b) / np.linalg.norm(b)
        assert distance <= TOLERANCE[dtype], f"{what} {i}: {distance:.1e}"


# ---------------------------------------------------------------------------------------------- PyTorch


def torch_data_loss(model, net, X, y):
    """The loss by PyTorch's own functions, summed over the outputs and averaged over the examples."""
    Z, labels = model(torch.from_numpy(X)), torch.from_numpy(y)
    Y = F.one_hot(labels, SIZES[-1]).to(Z.dtype)
    if net.loss_name == "cross_entropy":
        return F.cross_entropy(Z, labels)
    if net.output == "sigmoid":
        return F.binary_cross_entropy_with_logits(Z, Y, reduction="sum") / len(y)
    return F.binary_cross_entropy(torch.softmax(Z, dim=1), Y, reduction="sum") / len(y)


def torch_penalty(model, weight_decay):
    return weight_decay / 2 * sum((linear.weight**2).sum() for linear in torch_linears(model))


@each_dtype
@each_activation
@each_loss
@each_weight_decay
def test_loss_and_gradients_agree_with_pytorch(activation, output, loss, weight_decay, dtype):
    net, batch = network(activation, output, loss, dtype), data(dtype)[:M]
    ours, gradients = net.loss_and_gradients(batch.images, batch.labels, weight_decay)

    model = torch_model(net)
    data_loss = torch_data_loss(model, net, batch.images, batch.labels)
    total = data_loss + torch_penalty(model, weight_decay)
    total.backward()

    assert_close([ours.data, ours.total], [data_loss.item(), total.item()], dtype, "loss")
    dW, db = zip(*gradients, strict=True)
    assert_close(dW, [linear.weight.grad.numpy().T for linear in torch_linears(model)], dtype, "dW")
    assert_close(db, [linear.bias.grad.numpy() for linear in torch_linears(model)], dtype, "db")


def clip_value(limit):
    return lambda parameters: torch.nn.utils.clip_grad_value_(parameters, limit)


def clip_norm(limit):
    """PyTorch's own norm, but our factor: clip_grad_norm_ adds 1e-6 to the norm, which shows beyond six digits."""

    def clip(parameters):
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters])
        for p in parameters:
            p.grad *= min(1.0, (limit / norm).item())

    return clip


# name: (our optimizer, our λ, settings of PyTorch's and its kind, SGD by default, how PyTorch clips, the steps at
# which its rate drops)
OPTIMIZERS = {
    "plain": (SGD(0.5), 0.0, {}, None, []),
    "weight decay": (SGD(0.5), WEIGHT_DECAY, {}, None, []),
    "momentum": (SGD(0.2, momentum=0.9), 0.0, {"momentum": 0.9}, None, []),
    "Nesterov": (SGD(0.2, momentum=0.9, nesterov=True), 0.0, {"momentum": 0.9, "nesterov": True}, None, []),
    "Nesterov, weight decay": (
        SGD(0.2, momentum=0.9, nesterov=True),
        WEIGHT_DECAY,
        {"momentum": 0.9, "nesterov": True},
        None,
        [],
    ),
    "clip_value": (SGD(0.5, clip_value=0.05), 0.0, {}, clip_value(0.05), []),
    "clip_norm": (SGD(0.5, clip_norm=0.5), 0.0, {}, clip_norm(0.5), []),
    "RMSProp": (RMSProp(0.01), 0.0, {"kind": "RMSprop", "alpha": 0.9}, None, []),
    "RMSProp, weight decay": (
        RMSProp(0.01, decay=0.7, epsilon=0.01),
        WEIGHT_DECAY,
        {"kind": "RMSprop", "alpha": 0.7, "eps": 0.01},
        None,
        [],
    ),
    "Adam": (Adam(0.01), 0.0, {"kind": "Adam"}, None, []),
    "Adam, weight decay": (
        Adam(0.01, 0.8, 0.9, epsilon=0.01),
        WEIGHT_DECAY,
        {"kind": "Adam", "betas": (0.8, 0.9), "eps": 0.01},
        None,
        [],
    ),
    "Adam, schedule": (
        Adam(StepSchedule(0.03, drop_at=(0.375, 0.725), factor=0.3)),
        0.0,
        {"kind": "Adam"},
        None,
        [8, 15],
    ),
    # steps of constant rate: 0 to 7, 8 to 14, 15 to 19 of the 20 steps that make our one epoch
    "schedule, momentum": (
        SGD(StepSchedule(0.3, drop_at=(0.375, 0.725), factor=0.3), momentum=0.9),
        0.0,
        {"momentum": 0.9},
        None,
        [8, 15],
    ),
}


def train_in_order(net, train, optimizer, weight_decay):
    """Our side: once through the data, batch after batch as they lie."""
    settings = {"batch_size": M, "optimizer": optimizer, "weight_decay": weight_decay}
    fit(net, train, epochs=1, shuffle=False, progress=False, **settings)


@each_dtype
@each_activation
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_after_20_steps_agree_with_pytorch(name, activation, dtype):
    optimizer, weight_decay, settings, clip, drops = OPTIMIZERS[name]
    net, train = network(activation, dtype=dtype), data(dtype)
    model, start = torch_model(net), net.copy()
    train_in_order(net, train, optimizer, weight_decay)

    theirs = torch_optimizer(model, weight_decay, lr=optimizer.rate(0.0), **settings)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(theirs, drops, gamma=0.3)
    for first in range(0, len(train), M):
        batch = train[first : first + M]
        theirs.zero_grad()
        torch_data_loss(model, net, batch.images, batch.labels).backward()
        if clip is not None:
            clip(list(model.parameters()))
        theirs.step()
        scheduler.step()

    assert_close(net.parameters(), torch_parameters(model), dtype, "parameter")
    moved = [
        np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(net.parameters(), start.parameters(), strict=True)
    ]
    assert min(moved) > 1000 * TOLERANCE["float32"], "steps too small for the comparison to mean something"


@pytest.mark.parametrize("name", ["clip_value", "clip_norm"])
def test_the_limits_of_clipping_are_met(name):
    """Otherwise the two comparisons with clipping would hold without it."""
    optimizer, *_ = OPTIMIZERS[name]
    net, train = network(), data()
    clipped, free = net.copy(), net.copy()
    for trained, used in ((clipped, optimizer), (free, SGD(0.5))):
        fit(trained, train, epochs=1, batch_size=M, optimizer=used, shuffle=False, progress=False)
    assert np.linalg.norm(clipped.weights[0] - free.weights[0]) > 0.01 * np.linalg.norm(free.weights[0])


@pytest.mark.parametrize(("weight_decay", "label_smoothing"), [(0.0, 0.0), (WEIGHT_DECAY, 0.1)])
def test_distorted_images_weights_and_their_average_agree_with_pytorch(weight_decay, label_smoothing):
    """The two contenders of elastic.py: 25 steps, the last with a smaller batch, and two averages."""
    recipe = replace(
        elastic.RECIPE,
        sizes=(784, *SIZES[1:]),
        batch_size=M,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
    )
    rng, n = np.random.default_rng(3), 25 * M - 2
    train = Dataset(rng.random((n, 784)) / 4, rng.integers(0, SIZES[-1], n))
    start = Network(recipe.sizes, seed=1, dtype="float64")

    def trained(contender):
        net, watched = start.copy(), elastic.Watched(recipe.augment)
        _, average = contender(replace(recipe, augment=watched), net, train, threads=1)
        return watched.checksum, net, average

    checksum, net, average = trained(elastic.ours)
    their_checksum, their_net, their_average = trained(elastic.pytorch)
    assert checksum == their_checksum != 0
    assert_close(net.parameters(), their_net.parameters(), "float64", "parameter")
    assert_close(average.parameters(), their_average.parameters(), "float64", "average")
    for a, b in ((start, net), (start, average), (net, average)):
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            assert np.linalg.norm(p - q) > 1e-3 * np.linalg.norm(q), "steps too small for this to mean something"


# --------------------------------------------------------------------------------------------- scikit-learn


def mlp_classifier(net, train, y, weight_decay=0.0, learning_rate=0.1, momentum=0.0, nesterov=False, batch_size=M):
    """An MLPClassifier that went through train once, from the network's weights.

    Its penalty is α/(2m) Σ‖W‖², m the size of the batch, so that α = λm gives our (λ/2) Σ‖W‖²; biases are free.
    The first `fit`, with its own start, only makes the object complete. With `warm_start`, the second one goes on
    from the weights it finds, here ours, with a new optimizer.
    """
    model = MLPClassifier(
        hidden_layer_sizes=SIZES[1:-1],
        activation={"sigmoid": "logistic"}.get(net.activation, net.activation),
        solver="sgd",
        alpha=weight_decay * batch_size,
        batch_size=batch_size,
        learning_rate_init=learning_rate,
        momentum=momentum,
        nesterovs_momentum=nesterov,
        max_iter=1,
        shuffle=False,
        warm_start=True,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch is what we want
        model.fit(train.images, y)
        model.coefs_ = [W.copy() for W in net.weights]
        model.intercepts_ = [b.copy() for b in net.biases]
        model.fit(train.images, y)
    return model


def classifier_targets(net, labels):
    """What makes MLPClassifier take our output: labels for softmax, a table of zeros and ones for sigmoid."""
    return labels if net.output == "softmax" else one_hot(labels, SIZES[-1], int)


@each_dtype
@each_activation
@pytest.mark.parametrize(("output", "loss"), LOSSES[:2])  # it has no other
@each_weight_decay
def test_loss_agrees_with_mlp_classifier_for_the_same_penalty(activation, output, loss, weight_decay, dtype):
    net, train = network(activation, output, loss, dtype), data(dtype)
    ours = net.loss(train.images, train.labels, weight_decay)

    # one batch of all examples: loss_ is the mean over the batches, each taken before its step
    y = classifier_targets(net, train.labels)
    model = mlp_classifier(net, train, y, weight_decay, batch_size=len(train))
    assert model.out_activation_ == {"softmax": "softmax", "sigmoid": "logistic"}[output]
    assert_close([ours.total], [model.loss_], dtype, "loss")


@each_dtype
@each_activation
@pytest.mark.parametrize(("output", "loss"), LOSSES[:2])
@each_weight_decay
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_weights_after_20_steps_agree_with_mlp_classifier(
    activation, output, loss, weight_decay, momentum, nesterov, dtype
):
    net, train = network(activation, output, loss, dtype), data(dtype)
    model = mlp_classifier(
        net, train, classifier_targets(net, train.labels), weight_decay, 0.2, momentum=momentum, nesterov=nesterov
    )
    optimizer = SGD(0.2, momentum, nesterov)
    train_in_order(net, train, optimizer, weight_decay)
    assert_close(net.weights, model.coefs_, dtype, "W")
    assert_close(net.biases, model.intercepts_, dtype, "b")


# ------------------------------------------------------------------------------------------------------ JAX


JAX_ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}


def jax_loss(parameters, net, X, Y, weight_decay):
    """J, written for jax.grad. parameters: a list of pairs (W, b)."""
    A = X
    for W, b in parameters[:-1]:
        A = JAX_ACTIVATIONS[net.activation](A @ W + b)
    W, b = parameters[-1]
    Z = A @ W + b
    if net.loss_name == "cross_entropy":
        data_loss = -jnp.sum(Y * jax.nn.log_softmax(Z)) / len(X)
    else:
        Y_hat = jax.nn.softmax(Z) if net.output == "softmax" else jax.nn.sigmoid(Z)
        data_loss = -jnp.sum(Y * jnp.log(Y_hat) + (1 - Y) * jnp.log(1 - Y_hat)) / len(X)
    return data_loss + weight_decay / 2 * sum(jnp.sum(W**2) for W, _ in parameters)


@each_activation
@each_loss
@each_weight_decay
def test_loss_and_gradients_agree_with_jax(activation, output, loss, weight_decay):
    net, batch = network(activation, output, loss), data()[:M]
    ours, gradients = net.loss_and_gradients(batch.images, batch.labels, weight_decay)

    parameters = [(jnp.asarray(W), jnp.asarray(b)) for W, b in zip(net.weights, net.biases, strict=True)]
    Y = one_hot(batch.labels, SIZES[-1], np.float64)
    total, theirs = jax.value_and_grad(jax_loss)(parameters, net, batch.images, Y, weight_decay)

    assert total.dtype == np.float64
    assert_close([ours.total], [total], "float64", "loss")
    for kind, mine, other in zip(("dW", "db"), zip(*gradients, strict=True), zip(*theirs, strict=True), strict=True):
        assert_close(mine, other, "float64", kind)
