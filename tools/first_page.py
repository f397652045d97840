"""What the first page shows of the notebooks: a contents list with a picture from each, and the still of the drawing
pad; and the picture that other sites show beside a link to this one.

All of it is made from what is stored: README.md has the questions and the minutes, the notebooks have the pictures.
"""

import io
import json
import re
from base64 import b64decode
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from mnist_scratch import Network, load_mnist

ROOT = Path(__file__).resolve().parents[1]
PICTURES = "_static/first_page"
WIDTH = 640  # pixels of a picture, which is shown at half of that or somewhat more
COLORS = 64  # of a picture's palette
# Of each notebook, the cell whose picture stands for it, and what it shows. A notebook that is not here is listed with
# its first picture, and with that picture in words.
SHOWS = {
    "00_start_here": (
        "de6ab342",
        "A few lines train a first network. Then you look at digits that it reads, and at those that it misreads.",
    ),
    "01_data": (
        "9030a9bf",
        "The bytes of a file become pictures. How far does one get by comparing a digit with the mean of each kind?",
    ),
    "02_forward_pass": (
        "c74ac4ed",
        "What weights look for in a picture, why there are layers, and how sums become probabilities.",
    ),
    "03_backpropagation": (
        "68a64759",
        "The gradient, derived with pencil and paper, teaches a network, and fools one.",
    ),
    "04_gradient_check": (
        "e3fdc302",
        "Measure a derivative, and catch ten wrong networks, most of which learn nearly as well as the right one.",
    ),
    "05_batch_vs_mini_batch": (
        "63b20cbf",
        "Noisy steps and exact ones, momentum and Adam, and how large a step may be.",
    ),
    "06_regularization": (
        "07da8dc2",
        "Overfitting in a pair of curves, and what weight decay, early stopping, dropout and more data do against it.",
    ),
    "07_tuning": (
        "4c97d221",
        "Nine trials on a grid, nine at random, and which differences between results mean something.",
    ),
    "08_five_networks": (
        "db1a8a17",
        "Five published projects, run again: which numbers hold, and which mistakes explain those that do not.",
    ),
    "09_past_99_percent": (
        "244cd11f",
        "Distorted digits make new training images. What is misread in the end makes one doubt the labels.",
    ),
    "playground": (
        "playground-1",
        "Every setting on a slider while a network trains, and a pad to draw on.",
    ),
}
DRAWN = ("02_forward_pass", "b5ea2151")  # a drawn digit, as the network sees it, and its answer
ROW = re.compile(r"^\| \[(.+?)\]\(notebooks/(\S+)\.ipynb\) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ENTRY = """<li>
{picture}
<h3><a href="notebooks/{stem}.html">{title}</a></h3>
<p class="question">{question} <span class="minutes">{minutes}</span></p>
<p>{shows}</p>
</li>"""


def write(folder):
    """Write what docs/index.md includes, and the pictures, into the folder that Sphinx reads."""
    (folder / PICTURES).mkdir(parents=True)
    entries = []
    for title, stem, question, minutes in ROW.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        cell, shows = SHOWS.get(stem, (None, None))
        png, alt = picture_of(stem, cell)
        if minutes.isdigit():
            minutes += " minutes"
        text = {"title": title, "question": question, "minutes": minutes, "shows": shows or alt}
        text = {name: escape(words) for name, words in text.items()}
        entries.append(ENTRY.format(picture=place(folder, stem, png, alt), stem=stem, **text))
    contents = "\n".join(['<ul class="contents-list">', *entries, "</ul>\n"])
    (folder / "_contents.md").write_text(contents, encoding="utf-8")
    notebook, cell = DRAWN
    picture = place(folder, "drawn", *picture_of(notebook, cell), lazy=False)
    (folder / "_drawn.md").write_text(f"<p>{picture}</p>\n", encoding="utf-8")
    social_preview(folder / "_static" / "social.png")


def pictures(stem):
    """The stored pictures of a notebook: {cell id: (PNG as bytes, the picture in words)}, in their order."""
    notebook = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))
    found = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                found.setdefault(cell["id"], (b64decode("".join(png)), output["metadata"]["image/png"]["alt"]))
    return found


def picture_of(stem, cell=None):
    """The stored picture of a notebook's cell, or its first one: (PNG as bytes, the picture in words)."""
    stored = pictures(stem)
    if cell is None:
        return next(iter(stored.values()))
    if cell not in stored:
        raise RuntimeError(f"notebooks/{stem}.ipynb has no cell {cell} with a picture: change tools/first_page.py")
    return stored[cell]


def place(folder, name, png, alt, lazy=True):
    """Write a picture, made small, into the folder; returns the HTML that shows it on the first page."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((WIDTH, WIDTH))
    picture.quantize(COLORS).save(folder / PICTURES / f"{name}.png", optimize=True)
    loading = ' loading="lazy"' if lazy else ""
    width, height = picture.size
    return f'<img src="{PICTURES}/{name}.png" width="{width}" height="{height}"{loading} alt="{escape(alt)}">'


def social_preview(path):
    """Draw, 1200 × 630 pixels: the course's name, a test image of each digit, and the weights that look for it."""
    test = load_mnist().test
    network = Network.load(ROOT / "results" / "softmax-regression" / "model.npz")
    digits = [test.images[np.flatnonzero(test.labels == digit)[0]] for digit in range(10)]
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    figure.text(0.05, 0.83, "Neural networks from scratch", fontsize=45, weight="bold", va="center")
    figure.text(0.05, 0.68, "Draw a digit. Train a network. Read how it works.", fontsize=27, va="center")
    places = {"left": 0.05, "right": 0.95, "bottom": 0.08, "top": 0.57, "wspace": 0.08}
    axes = figure.subplots(2, 10, gridspec_kw=places)
    limit = 0.7 * np.abs(network.weights[0]).max()
    for column, digit, weights in zip(axes.T, digits, network.weights[0].T, strict=True):
        column[0].imshow(digit.reshape(28, 28), cmap="gray_r")
        column[1].imshow(weights.reshape(28, 28), cmap="bwr", vmin=-limit, vmax=limit)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer)
    Image.open(buffer).convert("RGB").quantize(128).save(path, optimize=True)
