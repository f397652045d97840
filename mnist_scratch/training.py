"""The training loop: `fit` turns a Network, data and an optimizer into a trained Network and a History."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from . import checks
from .checks import Diverged
from .data import Dataset, batch_rows, one_hot, shuffled
from .network import Network, flatten
from .optimizers import SGD
from .progress import progress_bar
from .threads import available, blas_threads


@dataclass
class History:
    """What `fit` recorded. The lists have one entry per epoch; entry 0 is the network before training.

    All is measured at the epoch's end, with the weights as they are then, or with their average where the optimizer
    keeps one. The validation lists are empty if no validation data was given.

    Attributes
    ----------
    train_loss, validation_loss : list of float
        Mean data loss, without the penalty.
    penalty : list of float
        (λ/2) Σ‖W‖².
    train_accuracy, validation_accuracy : list of float
        Fractions from 0 to 1.
    learning_rate : list of float
        η at the epoch's end.
    seconds : list of float
        Training time so far, measurements not included.
    batch_loss : list of float
        The data loss of each single batch, just before the step it led to; of the smoothed targets and the augmented
        images where there are such.
    stopped : str
        Why training ended early, in a sentence; empty if it did not.
    diverged : bool
        Whether that was the reason.
    optimizer_state : list of ndarray
        With it `fit(…, resume=history)` goes on.
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
    optimizer_state: list = field(default_factory=list, repr=False)

    @property
    def epochs(self):
        """How many epochs were completed."""
        return max(len(self.train_loss) - 1, 0)

    def record(self, row):
        """Add a value to each list that row names, in one step: the stop button leaves no half row."""
        vars(self).update({name: [*getattr(self, name), value] for name, value in row.items()})


@dataclass(eq=False, repr=False)
class Trainer:
    """Mini-batch gradient descent that can stop after any step: it steps, and it measures. `fit` is the loop over it.

    The settings are those of `fit`, and are checked when it is made. Between two steps, batch_size and weight_decay may
    be replaced, and the optimizer by one that keeps the same state.

    Attributes
    ----------
    epochs : int
        How many are complete.
    position : int
        How many examples of the epoch under way were used.
    state : list of ndarray
        The optimizer's.
    """

    net: Network
    train: Dataset
    validation: Dataset | None = None
    optimizer: SGD = SGD(learning_rate=0.1)
    batch_size: int = 128
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augment: Callable | None = None
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self):
        checks.training(self)
        self._parts = {"train": self._images_and_targets(self.train)}
        if self.validation is not None:
            self._parts["validation"] = self._images_and_targets(self.validation)
        self._images, self._targets = self._parts["train"]
        if self.label_smoothing:  # Szegedy et al. 2016
            self._targets = (1 - self.label_smoothing) * self._targets + self.label_smoothing / self.net.sizes[-1]
        self.state = list(checks.arrays("initial_state", self.optimizer.initial_state(self.net.parameters())))
        self.epochs = self.position = 0

    def _images_and_targets(self, data):
        # converted once where that is cheap; all of MNIST in float64 would be hundreds of megabytes more
        once = self.augment is None and data.images.nbytes < 5e7
        images = data.images.astype(self.net.dtype, copy=False) if once else data.images
        return images, one_hot(data.labels, self.net.sizes[-1], self.net.dtype)

    @property
    def steps_per_epoch(self):
        return -(-len(self.train) // self.batch_size)

    def step(self):
        """Take one step, and return the data loss of its batch just before it.

        Raises
        ------
        Diverged
            If that loss is not finite; the step is not taken.
        """
        if self.position == 0:
            self._rng = np.random.default_rng([self.seed, self.epochs])
            self._order = shuffled(len(self.train), self.batch_size, self._rng if self.shuffle else None)
        rows = batch_rows(self._order, self.position, self.batch_size)
        X, n = self._images[rows], self.position // self.batch_size
        if self.augment is not None:
            X = checks.augmented(self.augment(X.copy(), self._rng), X)  # X may be a view of the data
        loss, gradients = self.net._data_loss_and_gradients(X, self._targets[rows], self.weight_decay)
        checks.finite_loss(loss, self, self.epochs, n)
        now = self.epochs + n / self.steps_per_epoch
        self.optimizer.step(self.net.parameters(), flatten(gradients), self.state, now)
        self.position = (self.position + len(X)) % len(self.train)
        self.epochs += self.position == 0
        return loss

    def result(self):
        """The network that the training is for: net itself, or what the optimizer makes of it, such as an average."""
        return self.optimizer.result(self.net, self.state) if hasattr(self.optimizer, "result") else self.net

    def measure(self, n=None, threads=1):
        """Losses and accuracies of the first n examples of each part (all by default), named as in History.

        Raises
        ------
        Diverged
            If the loss of the training examples, or the penalty, is not finite.
        """
        net, row = self.result(), {}
        for part, (X, Y) in self._parts.items():
            loss, accuracy = net._evaluate(X[:n], Y[:n], self.weight_decay, threads)
            row |= {f"{part}_loss": loss.data, f"{part}_accuracy": accuracy, "penalty": loss.penalty}
        taken = self.epochs * self.steps_per_epoch + self.position // self.batch_size
        total = row["train_loss"] + row["penalty"]
        checks.finite_loss(total, self, *divmod(taken - 1, self.steps_per_epoch))
        return row


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
    measured=None,
    progress=True,
    resume=None,
    on_epoch=None,
):
    """Train net in place by mini-batch gradient descent, and return a History.

    Training begins with the weights that net has: to begin anew, make a new Network. With an AveragedSGD the History
    speaks of the averaged network, `optimizer.result(net, history.optimizer_state)`, and net itself goes on with the
    plain weights. A loss that is not finite ends training before its step is taken: history.stopped names epoch, step
    and learning rate. So does the stop button (KeyboardInterrupt): the network and the epochs completed are kept.

    Parameters
    ----------
    net : Network
    train, validation : Dataset
        All of both are measured after each epoch, unless `measured` says less.
    epochs : int
        How often to go through train, in all.
    batch_size : int
        Examples per step; one that is above len(train) means all of them.
    optimizer : SGD, RMSProp, Adam
        Or any object with `initial_state`, `step` and `rate` like theirs.
    weight_decay : float
        λ of the penalty (λ/2) Σ‖W‖².
    label_smoothing : float
        The part of each target, in [0, 1), that is spread evenly over all classes.
    augment : callable, optional
        A function of a batch's images and a np.random.Generator that returns other images to train on, such as a
        Distortion.
    seed : int
        With the epoch's number it draws the order of the examples, and all that augment draws, so the same seed gives
        the same run.
    shuffle : bool
        Whether the examples are shuffled at all.
    threads : int, optional
        Of BLAS; by default as many as suit the work in a step (see `blas_threads`).
    measured : int, optional
        Measure only the first so many examples of both: measuring takes up to half as long as training on them.
    progress : bool
        Show a bar.
    resume : History, optional
        Of an earlier run to go on with; it is continued and returned. With the same arguments, but for epochs, the
        result is that of an unbroken run, unless the stop button cut an epoch, its measuring included, in two.
    on_epoch : callable, optional
        Called with the History after each epoch; if it returns true, training stops there.

    Raises
    ------
    ValueError, TypeError
        Before anything is changed, if an argument is out of range; what augment returns is seen only when it is called.
    """
    trainer = Trainer(
        net, train, validation, optimizer, batch_size, weight_decay, label_smoothing, augment, seed, shuffle
    )
    checks.loop(epochs, threads, measured, progress, on_epoch)
    history = checks.resumable(History() if resume is None else resume, trainer, epochs)
    work, n_threads = min(batch_size, len(train)) * net.n_parameters, threads or available()
    history.stopped, history.diverged = "", False
    with progress_bar((epochs - history.epochs) * trainer.steps_per_epoch, progress) as bar:

        def measure(seconds):
            row = trainer.measure(measured, n_threads)
            history.record(row | {"learning_rate": optimizer.rate(float(trainer.epochs)), "seconds": seconds})
            bar.set_postfix_str(f"loss {row['train_loss']:.4f}, accuracy {row['train_accuracy']:.1%}")

        try:
            # overflow is answered by name; NumPy's own warnings would only point into this package
            with blas_threads(work, threads), np.errstate(over="ignore", invalid="ignore"):
                if history.train_loss:
                    trainer.epochs, trainer.state = history.epochs, history.optimizer_state
                else:
                    history.optimizer_state = trainer.state
                    measure(seconds=0.0)
                while trainer.epochs < epochs and not history.stopped:
                    started, epoch = perf_counter(), trainer.epochs
                    while trainer.epochs == epoch:
                        history.batch_loss.append(trainer.step())
                        bar.update()
                    measure(seconds=history.seconds[-1] + perf_counter() - started)
                    if on_epoch is not None and on_epoch(history):
                        history.stopped = f"stopped by on_epoch after epoch {history.epochs}."
        except KeyboardInterrupt:
            epoch = history.epochs + 1
            history.stopped = f"interrupted in epoch {epoch}: what was learned is kept; fit(…, resume=history) goes on."
        except Diverged as reason:
            history.stopped, history.diverged = str(reason), True
    if history.stopped and progress:
        print(history.stopped)
    return history
