"""What the scripts of the website's pages need besides the pages: written as scripts, which load from a disk too."""

import json
import zlib
from base64 import b64encode

import numpy as np

from mnist_scratch import load_mnist


def write(folder):
    """Write the scripts into a folder: the digits of the playground."""
    write_script(folder / "digits.js", digits=digits())


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


def write_script(path, **data):
    """Write a script that sets `course.NAME` for each of the data, which JSON can hold."""
    lines = [f"course.{name} = {json.dumps(value)};\n" for name, value in data.items()]
    path.write_text('"use strict";\n\nglobalThis.course ??= {};\n' + "".join(lines), encoding="utf-8")
