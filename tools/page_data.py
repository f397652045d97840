"""What the scripts of the website's pages need besides the pages: written as scripts, which load from a disk too."""

import json
import zlib
from base64 import b64encode
from pathlib import Path

import numpy as np

from mnist_scratch import Network, load_mnist
from mnist_scratch.classroom import drawing
from mnist_scratch.runs import load_summary

ROOT = Path(__file__).resolve().parents[1]
READER = "relu-128-64"


def write(folder):
    """Write the scripts into a folder: the drawing pad, the network that reads it, and the playground's digits."""
    pad = (Path(drawing.__file__).parent / "drawing.js").read_text(encoding="utf-8")
    (folder / "drawing.js").write_text(as_classic_script(pad), encoding="utf-8")
    write_script(folder / f"{READER}.js", reader=reader())
    write_script(folder / "digits.js", digits=digits())


def reader():
    """The network of the drawing pad: {"name", "sizes", "accuracy", "parameters", "example"}."""
    results = ROOT / "results" / READER
    net = Network.load(results / "model.npz")
    parameters = [array.ravel() for pair in zip(net.weights, net.biases, strict=True) for array in pair]
    return {
        "name": READER,
        "sizes": net.sizes,
        "accuracy": load_summary(results)["test_accuracy"][0],  # of the lowest seed, whose network this is
        "parameters": as_base64(np.concatenate(parameters).astype("<f4")),
        "example": drawing.EXAMPLE,
    }


def digits():
    """The digits of the playground: {"labels", "packed", "training"}.

    The first `training` of them begin the course's training set, the others its validation set. `packed` are their
    pixels, 784 bytes a digit, compressed as browsers can unpack them.
    """
    mnist = load_mnist()
    parts = mnist.train[:1000], mnist.validation[:500]
    pixels = np.concatenate([np.rint(255 * part.images).astype("u1") for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    return {
        "labels": "".join(map(str, labels)),
        "packed": as_base64(np.frombuffer(zlib.compress(pixels.tobytes(), 9), "u1")),
        "training": len(parts[0]),
    }


def as_base64(array):
    """The bytes of an array as text."""
    return b64encode(array.tobytes()).decode("ascii")


def as_classic_script(module):
    """A module's script that exports `render`, as one that puts it into `course.drawing`, for pages opened as files."""
    return f'"use strict";\n\nglobalThis.course ??= {{}};\n(() => {{\n{module}}})();\n'.replace(
        "export default {", "course.drawing = {"
    )


def write_script(path, **data):
    """Write a script that sets `course.NAME` for each of the data, which JSON can hold."""
    lines = [f"course.{name} = {json.dumps(value)};\n" for name, value in data.items()]
    path.write_text('"use strict";\n\nglobalThis.course ??= {};\n' + "".join(lines), encoding="utf-8")
