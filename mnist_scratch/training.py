"""The training loop: `fit` turns a Network, data and an optimizer into a trained Network and a History."""

import os
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from numbers import Real
from threading import RLock
from time import perf_counter

import numpy as np

from . import checks
from .data import batch_rows, dataset, minibatches, one_hot
from .optimizers import SGD


@dataclass
class History:
    """What `fit` recorded. The lists have one entry per epoch; entry 0 is the network before training.

    train_loss, validation_loss: mean data loss, without the penalty. penalty: (λ/2) Σ‖W‖².
    train_accuracy, validation_accuracy: fractions from 0 to 1. All are measured at the epoch's end, with the weights
        as they are then, or with their average where the optimizer keeps one. The validation lists are empty when no
        validation data was given.
    learning_rate: η at the epoch's end. seconds: training time so far, measurements not included.
    batch_loss: the data loss of each single batch, just before the step it led to.
    stopped: why training ended early, in a sentence; empty when it did not. diverged: whether that was the reason.
    velocity: the optimizer's state, with which `fit(…, resume=history)` goes on.

    Raises TypeError that names the field when one is no list of numbers.
    """

    train_loss: list = field(default_factory=list)
    penalty: list = field(default_factory=list)
    train_accuracy: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    validation_accuracy: list = field(default_factory=list)
    learning_rate: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    batch_loss: list = field(default_factory=list, repr=False)
    stopped: str = ""
    diverged: bool = False
    velocity: list = field(default_factory=list, repr=False)

    def __post_init__(self):
        for name, values in vars(self).items():
            kind = {"stopped": str, "diverged": bool}.get(name, list)
            content = np.ndarray if name == "velocity" else Real
            if not isinstance(values, kind) or kind is list and not all(isinstance(x, content) for x in values):
                raise TypeError(f"{name} must be a {kind.__name__}{' of numbers' * (kind is list)}, not {values!r}")

    @property
    def epochs(self):
        """How many epochs were completed."""
        return max(len(self.train_loss) - 1, 0)

    def whole(self):
        """Whether its lists have one entry for each epoch."""
        always = {
            len(v) for v in (self.train_loss, self.penalty, self.train_accuracy, self.learning_rate, self.seconds)
        }
        held_out = {len(self.validation_loss), len(self.validation_accuracy)}
        return len(always) == len(held_out) == 1 and held_out <= always | {0}


def fit(
    net,
    train,
    *,
    epochs,
    batch_size=128,
    optimizer=SGD(learning_rate=0.1),
    weight_decay=0.0,
    label_smoothing=0.0,
    augment=None,
    validation=None,
    seed=0,
    shuffle=True,
    threads=None,
    progress=True,
    resume=None,
    on_epoch=None,
):
    """Train net in place by mini-batch gradient descent, and return a History.

    It begins with the weights that net has: to begin anew, make a new Network.
    train, validation: Datasets; after each epoch all of both are measured. epochs: how often to go through train,
    in all. batch_size: examples per step, from 1 to len(train). weight_decay: λ of the penalty (λ/2) Σ‖W‖².
    label_smoothing: the part of each target, in [0, 1), that is spread evenly over all classes. augment: a function of
    a batch's images and a np.random.Generator that returns other images to train on, such as a Distortion. seed: with
    the epoch's number it draws the order of the examples, and all that augment draws, so the same seed gives the same
    run. shuffle: whether they are mixed at all. threads: of BLAS; by default as many as suit the work in a step (see
    `blas_threads`).
    progress: show a bar. resume: the History of an earlier run to go on with; it is continued and returned. With the
    same arguments, but for epochs, the result is that of an unbroken run, unless the stop button cut an epoch in two.
    on_epoch: called with the History after each epoch; when it returns true, training stops there.

    With an AveragedSGD the History speaks of the averaged network, `optimizer.result(net, history.velocity)`, and net
    itself goes on with the plain weights.

    A loss that is not finite ends training before its step is taken: history.stopped names epoch, step and learning
    rate. So does the stop button (KeyboardInterrupt): the network and the epochs completed are kept.
    Raises ValueError or TypeError, before anything is changed, when an argument is out of range; what augment returns
    is seen only when it is called.
    """
    _check_arguments(net, train, validation, epochs, batch_size, optimizer, seed, threads, resume)
    history = History() if resume is None else resume
    shuffle, progress = checks.flag("shuffle", shuffle), checks.flag("progress", progress)
    if on_epoch is not None:
        checks.function("on_epoch", on_epoch)
    label_smoothing = checks.number("label_smoothing", label_smoothing, at_least=0, below=1)
    if isinstance(augment, type) or not (augment is None or callable(augment)):
        raise TypeError(
            f"augment must be a function of images and a generator, such as Distortion(translate=1), not {augment!r}"
        )
    weight_decay = checks.number("weight_decay", weight_decay, at_least=0)
    history.stopped, history.diverged = "", False
    parameters = net.parameters()
    Y = _smoothed(one_hot(train.labels, net.sizes[-1], net.dtype), label_smoothing)
    steps = -(-len(train) // batch_size)

    def run_epoch(epoch):
        rng = np.random.default_rng([seed, epoch])
        for step, rows in enumerate(batch_rows(len(train), batch_size, rng if shuffle else None)):
            now = epoch + step / steps
            X = train.images[rows]
            if augment is not None:
                X = _augmented(augment, X, rng)
            X = X.astype(net.dtype, copy=False)
            data_loss, gradients = net._data_loss_and_gradients(X, Y[rows], weight_decay)
            require_finite(data_loss, epoch, step)
            optimizer.step(parameters, [array for pair in gradients for array in pair], history.velocity, now)
            history.batch_loss.append(data_loss)
            bar.update()

    def measure(epoch, seconds):
        measured = optimizer.result(net, history.velocity)
        loss, accuracy = measured.evaluate(train.images, train.labels, weight_decay)
        require_finite(loss.total, max(epoch - 1, 0), steps - 1 if epoch else -1)
        row = {"train_loss": loss.data, "penalty": loss.penalty, "train_accuracy": accuracy}
        row |= {"learning_rate": optimizer.rate(float(epoch)), "seconds": seconds}
        if validation is not None:
            loss, accuracy = measured.evaluate(validation.images, validation.labels)
            row |= {"validation_loss": loss.data, "validation_accuracy": accuracy}
        # a single step of the interpreter, so that the stop button cannot leave half a row
        vars(history).update({name: [*getattr(history, name), value] for name, value in row.items()})
        bar.set_postfix_str(f"loss {row['train_loss']:.4f}, accuracy {row['train_accuracy']:.1%}")

    def require_finite(loss, epoch, step):
        if not isfinite(loss):
            largest = abs(train.images).max()
            remedy = "a smaller learning rate" if largest < 50 else f"smaller inputs: they go up to {largest:g}"
            if step < 0:
                raise _Diverged(
                    f"the loss is {loss} before the first step. Try a new Network; inputs go up to {largest:g}."
                )
            raise _Diverged(
                f"diverged in epoch {epoch + 1}, step {step + 1}: the loss is {loss} with learning rate "
                f"{optimizer.rate(max(epoch + step / steps, 0.0)):g}. Try {remedy}."
            )

    bar = _progress_bar(total=(epochs - history.epochs) * steps, shown=progress)
    try:
        # overflow is answered by name; NumPy's own warnings would only point into this package
        with blas_threads(batch_size * net.n_parameters, threads), np.errstate(over="ignore", invalid="ignore"):
            if not history.train_loss:
                history.velocity = optimizer.initial_velocity(parameters)
                measure(0, seconds=0.0)
            for epoch in range(history.epochs, epochs):
                started = perf_counter()
                run_epoch(epoch)
                measure(epoch + 1, seconds=history.seconds[-1] + perf_counter() - started)
                if on_epoch is not None and on_epoch(history):
                    history.stopped = f"stopped by on_epoch after epoch {epoch + 1}."
                    return history
    except KeyboardInterrupt:
        history.stopped = (
            f"interrupted in epoch {history.epochs + 1}: what was learnt is kept; fit(…, resume=history) goes on."
        )
    except _Diverged as reason:
        history.stopped, history.diverged = str(reason), True
    finally:
        bar.total = bar.n  # a bar that ends early would stay, in red
        bar.close()
    if history.stopped and progress:
        print(history.stopped)
    return history


def _augmented(augment, X, rng):
    other = np.asarray(augment(X, rng))
    if other.shape != X.shape:
        raise ValueError(f"augment must return images of the shape that it was given, {X.shape}, not {other.shape}")
    return other


def _smoothed(Y, part):
    """Targets of which a part is spread evenly over the classes (Szegedy and others 2016)."""
    return (1 - part) * Y + part / Y.shape[1] if part else Y


class _Diverged(Exception):
    """The loss is no longer finite."""


def _check_arguments(net, train, validation, epochs, batch_size, optimizer, seed, threads, resume):
    checks.integer("epochs", epochs, 0)
    checks.integer("seed", seed, 0)
    if threads is not None:
        checks.integer("threads", threads, 1)
    checks.like("optimizer", optimizer, "initial_velocity", "an optimizer, such as SGD(learning_rate=0.1)")
    checks.like("net", net, "loss_and_gradients", "a Network")
    if net.dtype.kind == "c":
        raise ValueError("a complex network serves the complex step only; train one in float32 or float64")
    measured = {"train": train} | ({} if validation is None else {"validation": validation})
    for name, data in measured.items():
        if len(dataset(name, data)) == 0:
            raise ValueError(f"{name} holds no examples")
    minibatches(train, batch_size)
    for name, data in measured.items():  # all of it at once: a bad row should not show up in the third epoch
        rows = min(len(data), 2000) if data.images.shape[1] == net.sizes[0] else len(data)
        for i, batch in enumerate(minibatches(data, rows)):
            checks.inputs(batch.images, net.sizes[0], net.dtype, f"{name}.images", first_row=rows * i)
        checks.labels(data.labels, net.sizes[-1], name=f"{name}.labels")
    if resume is not None and not isinstance(resume, History):
        raise TypeError(f"resume must be a History, not {resume!r}")
    if resume is not None and not resume.whole():
        raise ValueError("resume must have one entry for each epoch in its lists")
    if resume is not None and resume.train_loss:
        if epochs < resume.epochs:
            raise ValueError(f"epochs counts all epochs, and this history has {resume.epochs} already: give more")
        kept, fresh = resume.velocity, optimizer.initial_velocity(net.parameters())
        if [(array.shape, array.dtype) for array in kept] != [(array.shape, array.dtype) for array in fresh]:
            raise ValueError("this history was made with another kind of optimizer; give the same one to go on with it")
        if bool(resume.validation_loss) != (validation is not None):
            raise ValueError("validation must be given again, or left out again, to go on with this history")


def _progress_bar(total, shown):
    # imported here: tqdm.auto loads ipywidgets in a notebook, and `import mnist_scratch` should stay light
    from tqdm.auto import tqdm

    # tqdm's notebook bar overlooks the variable that switches tqdm off everywhere else
    disable = not shown or bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(total=total, disable=disable, leave=False, unit="step", mininterval=0.25)


def blas_threads(work, threads=None):
    """A context with so many BLAS threads; None chooses by the work in a step: one below 1e8, all from there on.

    work: examples per step times parameters. Two threads win over one from about 5e6, but wait for each other in every
    product: where another program wants the processor too, as on a server that a class shares, a step of less than 1e8
    then takes many times as long. The count holds for the whole process: of runs that overlap, in several Python
    threads, the first one sets it, and the others take it as it is.
    """
    if threads is None and work < 1e8:
        threads = 1
    return nullcontext() if threads is None else _process_limit(threads)


_turn = RLock()


@contextmanager
def _process_limit(threads):
    if not _turn.acquire(blocking=False):  # another thread has it; two would undo each other's
        yield
        return
    before = _threadpool().limit()  # changes nothing, and remembers all
    try:
        _threadpool().limit(limits=threads, user_api="blas")
        yield
    finally:
        _restore(before)
        _turn.release()


def _restore(before):
    try:
        before.restore_original_limits()
    except KeyboardInterrupt:  # the stop button is no reason to leave the counts as they are
        _restore(before)
        raise


@lru_cache(maxsize=1)
def _threadpool():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looking the libraries up takes milliseconds, so it is done once
