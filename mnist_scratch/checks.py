"""Argument checks: each raises an error that names the argument and, where there is one, the remedy.

Most return the value in its final form. The last ones serve `fit`: what it is given, and whether its loss is finite.
"""

import os
from collections.abc import Callable
from dataclasses import fields
from math import inf, isfinite
from numbers import Real
from reprlib import repr as short  # an array would fill screens
from typing import get_args

import numpy as np

_MOST = 1_000_000  # units of a layer, or classes
_LARGEST = 2**63 - 1
NUMBERS = list(dict.fromkeys(np.dtype(t).name for t in np.typecodes["AllInteger"] + np.typecodes["AllFloat"]))


def one_of(name, value, known):
    """Return value if it is one of the known ones; raise ValueError otherwise."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(map(repr, known))}")
    return value


def integer(name, value, low, high=_LARGEST):
    """Return a whole number from low to high as an int; raise TypeError or ValueError otherwise."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {short(value)}")
    if not low <= value <= high:
        limits = f"{low:,} or more" if value < low and high == _LARGEST else f"between {low:,} and {high:,}"
        raise ValueError(f"{name} must be {limits}, not {short(int(value))}")
    return int(value)


def number(name, value, above=-inf, at_least=-inf, below=inf):
    """Return a finite real number within the limits as a Python float; raise TypeError or ValueError otherwise.

    A NumPy scalar would turn float32 arithmetic into float64: NumPy's promotion treats it as an array.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {short(value)}")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = inf
    if not (isfinite(number) and number > above and number >= at_least and number < below):
        limits = {"above": above, "at least": at_least, "below": below}
        said = [f"{words} {limit}" for words, limit in limits.items() if isfinite(limit)]
        said += ["finite"] if not isfinite(below) else []
        raise ValueError(f"{name} must be {' and '.join(said)}, not {short(value)}")
    return number


def numbers(name, values, **limits):
    """Return a tuple of such numbers from a list or the like; raise TypeError or ValueError otherwise."""
    return tuple(number(name, value, **limits) for value in sequence(name, values))


def flag(name, value):
    """Return True or False; raise TypeError otherwise, because "no" would count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {short(value)}")
    return bool(value)


def like(name, value, methods, example):
    """Return value if it is an object with these methods; raise TypeError, which says what would be one, otherwise."""
    methods = [methods] if isinstance(methods, str) else methods
    missing = [method for method in methods if isinstance(value, type) or not hasattr(value, method)]
    if missing:
        lacks = f", which lacks {' and '.join(missing)}" if len(missing) < len(methods) else ""
        raise TypeError(f"{name} must be {example}, not {short(value)}{lacks}")
    return value


def function(name, value, example="a function"):
    """Return value if it can be called; raise TypeError otherwise, also for a class."""
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name} must be {example}, not {short(value)}")
    return value


def path(name, value):
    """Return value if it can name a file; raise TypeError or ValueError otherwise."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a string or a Path, not {short(value)}")
    if value == "":
        raise ValueError(f"{name} must name a file or a folder, and this string is empty")
    return value


def array(name, value, kinds="biuf"):
    """Return an array of real numbers, or of the kinds given as NumPy's letters (None: any); else ValueError."""
    try:
        value = np.asarray(value)
    except (TypeError, ValueError):  # lists of lists of unequal length
        raise ValueError(f"{name} must be an array: every row needs the same number of entries") from None
    if kinds is not None and value.dtype.kind not in kinds:
        raise ValueError(f"{name} must hold numbers, not {value.dtype}")
    return value


def sequence(name, value):
    """Return the list of what value holds; raise TypeError if it is no list, tuple or the like."""
    try:
        if not isinstance(value, (str, bytes, dict)):
            return list(value)
    except TypeError:
        pass
    raise TypeError(f"{name} must be a list, not {short(value)}")


def names(name, value):
    """Return a tuple of texts; raise TypeError if it is no list of them, ValueError if two are the same."""
    texts = tuple(sequence(name, value))
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise TypeError(f"{name} must be a list of texts, none of them empty, not {short(value)}")
    if len(set(texts)) < len(texts):
        raise ValueError(f"{name} must differ from each other, and in {short(value)} two are the same")
    return texts


def arrays(name, value, shapes=None):
    """Return value if it is a list or tuple of arrays, of these shapes if they are given.

    Raises TypeError or ValueError otherwise.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(array, np.ndarray) for array in value):
        raise TypeError(f"{name} must be a flat list of arrays, in the order of net.parameters(), not {short(value)}")
    found = [array.shape for array in value]
    if shapes is not None and found != list(shapes):
        raise ValueError(f"{name} must hold arrays of the shapes {short(list(shapes))}, not {short(found)}")
    return value


def step(parameters, gradients, state, copies, counted=False):
    """Check that a step's lists belong together: state has so many copies of the parameters' shapes, after a count."""
    shapes = [parameter.shape for parameter in arrays("parameters", parameters)]
    arrays("gradients", gradients, shapes)
    arrays("state, as initial_state(parameters) returns it,", state, [(), *copies * shapes][not counted :])


def parameter(value, kinds):
    """Return an array that can be changed in place, of the kinds given as NumPy's letters; else TypeError."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"parameter must be an array, not {short(value)}")
    if value.dtype.kind not in kinds:
        raise TypeError(f"parameter must be {'complex' if kinds == 'c' else 'floating point'}, not {value.dtype}")
    return value


def parameters(net, shapes):
    """Return {name: array} of a Network's parameters; raise ValueError if one has another shape or dtype now."""
    named = dict(zip(net.parameter_names(), net.parameters(), strict=True))
    for (name, array), shape in zip(named.items(), shapes, strict=True):
        if (array.shape, array.dtype) != (shape, net.dtype):
            raise ValueError(f"{name} must be {net.dtype} {shape}, not {array.dtype} {array.shape}: not saved")
    return named


def output_and_loss(output, loss, outputs, losses):
    """Return the two names; raise ValueError if one is unknown, or if they do not go together."""
    one_of("output", output, outputs)
    one_of("loss", loss, sorted({name for _, name in losses}))
    if (output, loss) not in losses:
        advice = "answering 1 for every class would minimize it; use binary_cross_entropy"
        raise ValueError(f"loss={loss!r} does not go with output={output!r}: {advice}")
    return output, loss


def layer_sizes(sizes):
    """Return a list of two or more whole numbers from 1 to a million; raise ValueError otherwise."""
    try:
        sizes = sequence("sizes", sizes)
    except TypeError:
        sizes = [sizes]
    whole = [isinstance(n, (int, np.integer)) and not isinstance(n, bool) and 1 <= n <= _MOST for n in sizes]
    if len(sizes) < 2 or not all(whole):
        raise ValueError(f"sizes must be two or more whole numbers from 1 up, such as [784, 128, 10], not {sizes}")
    return [int(n) for n in sizes]


def dataset(name, value):
    """Return value if it is a Dataset; raise TypeError otherwise."""
    if isinstance(value, type) or not (hasattr(value, "images") and hasattr(value, "labels")):
        raise TypeError(f"{name} must be a Dataset, such as Dataset(images, labels), not {type(value).__name__}")
    return value


def examples(images, labels_, names_=None):
    """Return images (m, n) and labels (m,) as arrays, and the names of the classes; raise ValueError otherwise."""
    images = array("images", images)
    if images.ndim != 2:
        remedy = "; pictures become rows by images.reshape(len(images), -1)" if images.ndim > 2 else ""
        raise ValueError(f"images must have shape (m, n), one example per row, not {images.shape}{remedy}")
    labels_ = labels(labels_, name="labels")
    if len(images) != len(labels_):
        raise ValueError(f"{len(images)} images but {len(labels_)} labels: each image needs exactly one label")
    if names_ is not None:
        names_ = names("names", names_)
        if labels_.max(initial=0) >= len(names_):
            raise ValueError(f"names are those of {len(names_)} classes, and labels go up to {labels_.max()}")
    return images, labels_, names_


def n_classes(value):
    """Return a whole number from 1 to a million; raise TypeError or ValueError otherwise."""
    return integer("n_classes", value, 1, _MOST)


def dtype(value, known=("float32", "float64", "complex128")):
    """Return the NumPy dtype in which a network can compute, or any other of the names in known; else ValueError."""
    try:
        name = np.dtype(value).name
    except (TypeError, ValueError):
        name = None
    if value is None or name not in known:  # NumPy takes None for float64
        raise ValueError(f"dtype={value!r} is unknown; choose one of {', '.join(map(repr, known))}")
    return np.dtype(name)


def inputs(X, n_in, dtype, name="X"):
    """Return X, (m, n_in) with m ≥ 1, if all of it is finite in the dtype of a network; it is not converted yet.

    Raises TypeError for a Dataset, and otherwise ValueError, which names the remedy where there is one.
    """
    if hasattr(X, "images"):
        raise TypeError(f"{name} is a Dataset; give its .images")
    X = array(name, X, "biufc")
    if X.ndim != 2 or X.shape[1] != n_in or len(X) == 0:
        remedy = {1: "; one example alone is X[np.newaxis]", 3: "; pictures become rows by X.reshape(len(X), -1)"}
        shape = f"{X.shape}{remedy.get(X.ndim, '').replace('X', name)}"
        raise ValueError(f"{name} must have shape (m, {n_in}) with m ≥ 1, one example per row, not {shape}")
    if X.dtype.kind == "c":
        if np.dtype(dtype).kind != "c":
            raise ValueError(f"{name} holds complex numbers, and the network computes in {dtype}")
        low, high = X.real.min() + X.imag.min(), X.real.max() + X.imag.max()
    else:
        low, high = X.min(), X.max()  # NaN, if there is one, is both
    pixels = low >= 0 and 128 <= high <= 255 and (n_in == 784 or np.allclose(X, np.rint(X), rtol=0, atol=1e-3))
    if X.dtype.kind not in "fc" or pixels:
        remedy = f"for pixels from 0 to 255 use {name} / 255, as load_mnist does"
        remedy = remedy if high > 1 else f'use {name}.astype("float32")'
        raise ValueError(
            f"{name} holds {X.dtype} values from {low} to {high}, but the network computes with fractions: {remedy}"
        )
    largest = np.finfo(dtype).max
    if not (low >= -largest and high <= largest):
        bad = np.flatnonzero(~(abs(X) <= largest).all(axis=1))
        raise ValueError(f"{name} holds NaN or infinity in {dtype}; the first row that does is row {bad[0]}")
    return X


def labels(y, n_classes=None, m=None, name="y"):
    """Return an array (m,) of integers from 0 to n_classes − 1, or from 0 up; raise ValueError otherwise.

    The message names the remedy for text, fractions, one-hot rows and a column of labels.
    """
    y = array(name, y, "biufUSO")
    if y.ndim != 1 or (m is not None and len(y) != m):
        columns = y.shape[1] if y.ndim == 2 else 0
        remedy = f"; one-hot rows become labels by {name}.argmax(axis=1)" if columns > 1 else ""
        remedy = f"; a column becomes a row by {name}.ravel()" if columns == 1 else remedy
        shape = f"{y.shape}{remedy}"
        raise ValueError(f"{name} must have shape ({'m' if m is None else m},), one label per example, not {shape}")
    if y.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, not {y.dtype}; {name}.astype(int) converts whole numbers")
    if len(y) and (y.min() < 0 or n_classes is not None and y.max() >= n_classes):
        limits = "0 or more" if n_classes is None else f"from 0 to {n_classes - 1}"
        raise ValueError(f"{name} must be {limits}; these labels go from {y.min()} to {y.max()}")
    return y


def targets(Y, n_classes, m, dtype):
    """Return an array (m, n_classes) of finite numbers in the dtype; raise ValueError otherwise."""
    Y = array("y", Y, "biufc" if np.dtype(dtype).kind == "c" else "biuf")
    if Y.shape == (m, 1) and n_classes > 1:
        raise ValueError(f"y must be labels of shape ({m},), not {Y.shape}; a column becomes a row by y.ravel()")
    if Y.shape != (m, n_classes):
        raise ValueError(f"y must be labels of shape ({m},) or targets of shape ({m}, {n_classes}), not {Y.shape}")
    if not np.isfinite(Y).all():
        raise ValueError("y holds NaN or infinity")
    return Y.astype(dtype, copy=False)


def store(settings, *names, **limits):
    """Check settings of a frozen dataclass, and keep each as a plain float.

    None and functions stay what they are where the field's type has them, as in `float | None`.
    """
    others = {field.name: get_args(field.type) for field in fields(settings)}
    for name in names:
        value = getattr(settings, name)
        is_function = callable(value) and not isinstance(value, type)
        if not (value is None and type(None) in others[name] or is_function and Callable in others[name]):
            object.__setattr__(settings, name, number(name, value, **limits))


def training(trainer):
    """Check all settings of a Trainer, and the data that it is given; numbers are kept in their final form."""
    net = like("net", trainer.net, "loss_and_gradients", "a Network")
    if net.dtype.kind == "c":
        raise ValueError("a complex network serves the complex step only; train one in float32 or float64")
    like("optimizer", trainer.optimizer, ("initial_state", "step", "rate"), "an optimizer, such as SGD()")
    for name, data in {"train": trainer.train, "validation": trainer.validation}.items():
        if data is None and name == "validation":
            continue
        dataset(name, data)
        if len(data.labels) == 0:
            raise ValueError(f"{name} holds no examples")
        inputs(data.images, net.sizes[0], net.dtype, f"{name}.images")
        labels(data.labels, net.sizes[-1], name=f"{name}.labels")
    trainer.batch_size = integer("batch_size", trainer.batch_size, 1)
    trainer.weight_decay = number("weight_decay", trainer.weight_decay, at_least=0)
    trainer.label_smoothing = number("label_smoothing", trainer.label_smoothing, at_least=0, below=1)
    trainer.seed, trainer.shuffle = integer("seed", trainer.seed, 0), flag("shuffle", trainer.shuffle)
    if trainer.augment is not None:
        function("augment", trainer.augment, "a function of images and a generator, such as Distortion(translate=1)")


def augmented(images, X):
    """Return what augment made of X as an array; raise ValueError if it has another shape."""
    images = np.asarray(images)
    if images.shape != X.shape:
        raise ValueError(f"augment must return images of the shape that it was given, {X.shape}, not {images.shape}")
    return images


class Diverged(Exception):
    """The loss is no longer finite; the message says where that happened and what to try."""


def finite_loss(loss, trainer, epoch, step):
    """Raise Diverged, which names the step after which training is no longer possible, unless the loss is finite."""
    if isfinite(loss):
        return
    largest = max(-trainer.train.images.min(), trainer.train.images.max())
    if epoch < 0:
        raise Diverged(f"the loss is {loss} before the first step. Try a new Network; inputs go up to {largest:g}.")
    rate = trainer.optimizer.rate(epoch + step / trainer.steps_per_epoch)
    remedy = "a smaller learning rate" if largest < 50 else f"smaller inputs: they go up to {largest:g}"
    where = f"diverged in epoch {epoch + 1}, step {step + 1}"
    raise Diverged(f"{where}: the loss is {loss} with learning rate {rate:g}. Try {remedy}.")


def loop(epochs, threads, measured, progress, on_epoch):
    """Check the arguments of `fit` that are not the Trainer's."""
    integer("epochs", epochs, 0)
    flag("progress", progress)
    for name, value in (("threads", threads), ("measured", measured)):
        if value is not None:
            integer(name, value, 1)
    if on_epoch is not None:
        function("on_epoch", on_epoch)


def whole_history(history):
    """Return a History whose lists hold numbers, one for each epoch; raise TypeError or ValueError otherwise."""
    if not hasattr(history, "optimizer_state"):
        raise TypeError(f"resume must be a History, not {short(history)}")
    for name, values in vars(history).items():
        kind = {"stopped": str, "diverged": bool}.get(name, list)
        content = np.ndarray if name == "optimizer_state" else Real
        if not isinstance(values, kind) or kind is list and not all(isinstance(x, content) for x in values):
            raise TypeError(f"{name} must be a {kind.__name__}{' of numbers' * (kind is list)}, not {short(values)}")
    always = {
        len(getattr(history, name)) for name in ("train_loss", "penalty", "train_accuracy", "learning_rate", "seconds")
    }
    held_out = {len(history.validation_loss), len(history.validation_accuracy)}
    if not (len(always) == len(held_out) == 1 and held_out <= always | {0}):
        raise ValueError("a History must have one entry for each epoch in its lists")
    return history


def resumable(history, trainer, epochs):
    """Return a History from which a new Trainer can go on up to so many epochs; raise ValueError otherwise."""
    if not whole_history(history).train_loss:
        return history
    if epochs < history.epochs:
        raise ValueError(f"epochs counts all epochs, and this history has {history.epochs} already: give more")
    kept, fresh = ([(a.shape, a.dtype) for a in state] for state in (history.optimizer_state, trainer.state))
    if kept != fresh:
        raise ValueError("this history was made with another kind of optimizer; give the same one to go on with it")
    if bool(history.validation_loss) != (trainer.validation is not None):
        raise ValueError("validation must be given again, or left out again, to go on with this history")
    return history
