"""What would make a training step faster: ways that are not in the core, each beside the core as it is.

    make bench NAME=variations                    two minutes; writes variations.md here
    python -m benchmarks.variations --quick       2 rounds of few steps: does everything run? Writes nothing

Each variation replaces one part of the core, trains the networks of peers.py on the same shuffled batches with as many
threads as `fit` would take, and must come to the same losses and weights. The variations take turns, in rounds; a ratio
divides times of the same round.
"""

import argparse
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import geometric_mean
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_info

from benchmarks.peers import NETWORKS, Ratio, in_rounds, machine, machine_text
from mnist_scratch import SGD, Dataset, Network, checks, load_mnist
from mnist_scratch.functions import ACTIVATIONS
from mnist_scratch.threads import blas_threads
from mnist_scratch.training import Trainer

HERE = Path(__file__).resolve().parent
KERNELS = ("Haswell", "SkylakeX")  # OpenBLAS's, by the names of its variable


# ----------------------------------------------------------------------------------------- the variations


def softmax_once(net, X, Y, weight_decay):
    """The loss and its gradient from the same exponentials."""
    Z, A = net._forward_pass(X)
    shifted = Z[-1] - Z[-1].max(axis=1, keepdims=True)
    E = np.exp(shifted)
    sums = E.sum(axis=1, keepdims=True)
    loss = -np.vdot(Y, shifted - np.log(sums)).item() / len(Y)
    E /= sums
    E -= Y
    E /= len(Y)
    return loss, backward(net, Z, A, E, weight_decay)


def kept_gradients(net, X, Y, weight_decay):
    """The gradients are written into arrays that are kept from step to step."""
    Z, A = net._forward_pass(X)
    if not hasattr(net, "kept"):
        net.kept = [np.empty_like(W) for W in net.weights]
    return net._data_loss(Z[-1], Y), backward(net, Z, A, difference(net, Z, Y), weight_decay, net.kept)


def weights_by_columns(net, X, Y, weight_decay):
    """W lies in memory column by column, so that dZ Wᵀ runs along its rows."""
    Z, A = net._forward_pass(X)
    return net._data_loss(Z[-1], Y), backward(net, Z, A, difference(net, Z, Y), weight_decay, by_columns=True)


def difference(net, Z, Y):
    E = np.exp(Z[-1] - Z[-1].max(axis=1, keepdims=True))
    return (E / E.sum(axis=1, keepdims=True) - Y) / len(Y)


def backward(net, Z, A, dZ, weight_decay, kept=None, by_columns=False):
    """As Network.backward, from dZ of the last layer."""
    _, g_derivative = ACTIVATIONS[net.activation]
    gradients = []
    for l in reversed(range(len(net.weights))):
        out = kept[l] if kept else None
        dW = (dZ.T @ A[l]).T if by_columns else np.matmul(A[l].T, dZ, out=out)
        if weight_decay:
            dW += weight_decay * net.weights[l]
        gradients.append((dW, dZ.sum(axis=0)))
        if l > 0:
            dZ = (dZ @ net.weights[l].T) * g_derivative(Z[l - 1], A[l])
    return gradients[::-1]


def update_in_place(optimizer, parameters, gradients, state=(), epoch=0.0):
    """No array is made for the step: the gradient's own is used for it."""
    checks.step(parameters, gradients, state, copies=1 if optimizer.momentum else 0)
    step(parameters, gradients, state, optimizer.rate(epoch), optimizer.momentum)


def update_in_blocks(optimizer, parameters, gradients, state=(), epoch=0.0):
    """In place, and 16,384 numbers of a layer at a time, which stay in the cache from one line to the next."""
    checks.step(parameters, gradients, state, copies=1 if optimizer.momentum else 0)
    step(blocks(parameters), blocks(gradients), blocks(state), optimizer.rate(epoch), optimizer.momentum)


def step(parameters, gradients, state, eta, momentum):
    for i, (w, g) in enumerate(zip(parameters, gradients, strict=True)):
        if momentum:
            state[i] *= momentum
            state[i] += g
            np.multiply(state[i], eta, out=g)
        else:
            g *= eta
        w -= g


def blocks(arrays):
    flat = [array.reshape(-1) for array in arrays]
    return [array[start : start + 16_384] for array in flat for start in range(0, array.size, 16_384)]


class Gathered(Trainer):
    """The images of an epoch are put into their order once, not batch by batch."""

    def step(self):
        if self.position == 0:
            order = np.random.default_rng([self.seed, self.epochs]).permutation(len(self.train))
            self._images, self._targets = self._parts["train"][0][order], self._parts["train"][1][order]
        self.shuffle = False
        return super().step()


AS_IT_IS = "as it is"
VARIATIONS = {  # what is replaced, and by what
    AS_IT_IS: {},
    "softmax once for loss and gradient": {(Network, "_data_loss_and_gradients"): softmax_once},
    "gradients into kept arrays": {(Network, "_data_loss_and_gradients"): kept_gradients},
    "weights column by column": {"order": "F", (Network, "_data_loss_and_gradients"): weights_by_columns},
    "update in the gradient's array": {(SGD, "step"): update_in_place},
    "the same, in blocks": {(SGD, "step"): update_in_blocks},
    "images gathered once an epoch": {"trainer": Gathered},
}


# ----------------------------------------------------------------------------------------- the measurement


def epoch(setting, data, variation=AS_IT_IS, threads=None):
    """Seconds of one epoch on data; and what came out: the losses of the batches, then the parameters."""
    replaced, net = dict(VARIATIONS[variation]), setting.start()
    order = replaced.pop("order", "C")
    net.weights = [np.asarray(W, order=order) for W in net.weights]
    trainer = replaced.pop("trainer", Trainer)(
        net,
        data,
        optimizer=SGD(setting.learning_rate, setting.momentum),
        batch_size=setting.batch_size,
        weight_decay=setting.weight_decay,
    )
    losses = []
    with ExitStack() as stack:
        stack.enter_context(blas_threads(setting.batch_size * net.n_parameters, threads))
        for (owner, name), other in replaced.items():
            stack.enter_context(patch.object(owner, name, other))
        started = time.perf_counter()
        while trainer.epochs == 0:
            losses.append(trainer.step())
        return time.perf_counter() - started, [np.array(losses), *net.parameters()]


def some(setting, n_images):
    """A fifth as many images for the widest network, so that no network takes most of the time."""
    n = n_images // 5 if max(setting.sizes[1:]) > 1000 else n_images
    images = load_mnist().train
    return Dataset(images.images[:n], images.labels[:n])


def measure(rounds, n_images):
    """{network: {variation: seconds of each round}}; RuntimeError if one does not come to the same numbers."""
    results = {}
    for name, setting in NETWORKS.items():
        data = some(setting, n_images)
        contenders = {variation: partial(epoch, setting, data, variation) for variation in VARIATIONS}
        results[name], distances = in_rounds(contenders, rounds)
        for variation, distance in distances.items():
            if not distance < 1e-4:  # so written, NaN is caught too
                raise RuntimeError(f"{name}, {variation}: not the same training, {distance:.1e} apart")
    return results


def measure_kernels(rounds, n_images):
    """{network: {kernel: seconds of each round}} with one thread, each in a process of its own, in turns.

    A kernel is left out that this processor, or this BLAS, does not have.
    """
    results = {name: {kernel: [] for kernel in ("", *KERNELS)} for name in NETWORKS}
    for _ in range(rounds):
        for kernel in list(results["sigmoid-100"]):
            environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
            environment |= {"OPENBLAS_CORETYPE": kernel} if kernel else {}
            command = [sys.executable, "-m", "benchmarks.variations", "--kernel", str(n_images)]
            run = subprocess.run(command, cwd=HERE.parent, env=environment, capture_output=True, text=True)
            taken, *seconds = run.stdout.split() or [""]
            for name, found in zip(NETWORKS, seconds, strict=False):
                results[name][kernel].append(float(found))
            if run.returncode or kernel not in ("", taken):
                for found in results.values():
                    found.pop(kernel)
    return results


def one_kernel(n_images):
    """Print the name of the kernels, then the seconds of an epoch of each network, the better of two."""
    print(next(library["architecture"] for library in threadpool_info() if library["user_api"] == "blas"))
    for setting in NETWORKS.values():
        data = some(setting, n_images)
        print(min(epoch(setting, data, threads=1)[0] for _ in range(2)))


# ------------------------------------------------------------------------------------------------ the report


def report(found, kernels, about):
    """variations.md."""
    lines = [
        "# What would make a training step faster",
        "",
        "The time of a variation over that of the core as it is, in the same round: below 1, the variation is faster. "
        f"Medians (smallest–largest) of {len(found['sigmoid-100'][AS_IT_IS])} rounds. None of these is in the core. "
        "[How it was measured, and what follows](README.md#what-would-be-faster-variationspy).",
        "",
        f"| | {' | '.join(NETWORKS)} | geometric mean |",
        "|---|" + "--:|" * (len(NETWORKS) + 1),
    ]
    for variation in list(VARIATIONS)[1:]:
        lines.append(row(variation, [Ratio.of(seconds, variation, AS_IT_IS) for seconds in found.values()]))
    for kernel in [kernel for kernel in KERNELS if kernel in kernels["sigmoid-100"]]:
        ratios = [Ratio.of(seconds, kernel, "") for seconds in kernels.values()]
        lines.append(row(f"OpenBLAS's kernels for {kernel}, 1 thread", ratios))
    return "\n".join([*lines, "", f"{machine_text(about)}."]) + "\n"


def row(what, ratios):
    mean = geometric_mean(ratio.median for ratio in ratios)
    return f"| {what} | {' | '.join(map(str, ratios))} | **{mean:.2f}** |"


def main():
    parser = argparse.ArgumentParser(description="Variations of a training step, each beside the core as it is.")
    parser.add_argument("--quick", action="store_true", help="2 rounds of few steps; writes nothing")
    parser.add_argument("--kernel", type=int, help=argparse.SUPPRESS)  # a child of this very file
    options = parser.parse_args()
    if options.kernel:
        one_kernel(options.kernel)
        return
    rounds, n_images = (2, 2_000) if options.quick else (6, 20_000)
    text = report(measure(rounds, n_images), measure_kernels(rounds - 1, n_images), machine())
    print(text)
    if not options.quick:
        (HERE / "variations.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
