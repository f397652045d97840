"""Random distortions of digits: affine (shifted, rotated, scaled, sheared) and elastic (Simard et al. 2003).

A distorted image is the old one looked up at displaced places: its pixel at (row, column) is the old image's value at
(row + Δrow, column + Δcolumn), interpolated between four pixels. A batch has one such map for each image. Derived and
looked at in notebook 09.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import checks

_SIDE = 28
_CHUNK = 256  # images at a time: their maps stay in the cache


@dataclass(frozen=True)
class Distortion:
    """How much images are distorted; called with images and a generator, it distorts each in its own way.

    Parameters
    ----------
    translate : float
        The largest shift, in pixels. This and the next three are limits to either side: what an image gets is drawn
        uniformly between them.
    rotate : float
        The largest rotation, in degrees.
    scale : float
        The largest change of height and of width, as a fraction in [0, 1).
    shear : float
        The largest shear, as a fraction.
    elastic : float
        Standard deviation of the elastic displacement, in pixels.
    smoothness : float
        Width s of the Gaussian that smooths the elastic displacement, in pixels: its standard deviation.

    Raises
    ------
    TypeError, ValueError
        If a setting is no number or out of range; the message names it.
    """

    translate: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    smoothness: float = 5.0

    def __post_init__(self):
        for name in ("translate", "rotate", "shear", "elastic"):
            checks.store(self, name, at_least=0)
        checks.store(self, "scale", at_least=0, below=1)
        checks.store(self, "smoothness", above=0)

    def __call__(self, images, rng):
        """Distort a batch.

        Parameters
        ----------
        images : ndarray, (m, 784)
            Floating point; left as they are.
        rng : numpy.random.Generator
            Draws the distortion of each image.

        Returns
        -------
        ndarray, (m, 784)
            New images, of the same dtype.
        """
        images = checks.array("images", images, kinds=None)
        if images.ndim != 2 or images.shape[1] != _SIDE**2 or images.dtype.kind != "f":
            raise ValueError(f"images must be floating point, (m, {_SIDE**2}), not {images.dtype} {images.shape}")
        parts = [images[:0]]
        for start in range(0, len(images), _CHUNK):
            part = images[start : start + _CHUNK]
            parts.append(interpolate(part, *self.places(len(part), rng)))
        return np.concatenate(parts)

    def places(self, m, rng):
        """Draw where each pixel of m images comes from.

        Parameters
        ----------
        m : int
        rng : numpy.random.Generator

        Returns
        -------
        ndarray, (2, m, 28, 28)
            Rows and columns, float32, in pixels of the old image.
        """
        checks.integer("m", m, 0)
        checks.like("rng", rng, "uniform", "a generator, such as np.random.default_rng(0)")
        places = self._affine(m, rng)
        if self.elastic:
            places += self.elastic * elastic_fields(2 * m, self.smoothness, rng).reshape(2, m, _SIDE, _SIDE)
        return places

    def _affine(self, m, rng):
        """Rotated, scaled, sheared and shifted about the middle of the field: (2, m, 28, 28)."""
        angle = np.deg2rad(self.rotate) * rng.uniform(-1, 1, m)
        scales = 1 + self.scale * rng.uniform(-1, 1, (2, m))
        shear = self.shear * rng.uniform(-1, 1, m)
        shifts = self.translate * rng.uniform(-1, 1, (2, m))
        middle = (_SIDE - 1) / 2
        y, x = np.meshgrid(*[np.arange(_SIDE, dtype=np.float32) - np.float32(middle)] * 2, indexing="ij")

        def each(numbers):
            return numbers.astype(np.float32)[:, None, None]

        rows = each(scales[0] * np.cos(angle)) * y + each(scales[0] * np.sin(angle)) * x
        columns = each(scales[1] * np.cos(angle)) * x + each(shear - scales[1] * np.sin(angle)) * y
        return np.stack([rows + each(shifts[0] + middle), columns + each(shifts[1] + middle)])


def elastic_fields(n, smoothness, rng):
    """Draw smooth random fields with mean 0 and, in the middle, standard deviation 1.

    Parameters
    ----------
    n : int
        How many.
    smoothness : float
        Width s of the Gaussian, in pixels.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, (n, 28, 28)
        float32.

    Notes
    -----
    White noise N is smoothed by a Gaussian along rows and columns, which is two matrix products, G N Gᵀ: row i of G
    holds the weights with which the i-th value of the result takes its neighbors.
    """
    checks.integer("n", n, 0)
    checks.like("rng", rng, "random", "a generator, such as np.random.default_rng(0)")
    checks.number("smoothness", smoothness, above=0)
    noise = rng.random((n, _SIDE, _SIDE), dtype=np.float32)
    noise -= np.float32(0.5)
    G = _gaussian(smoothness)
    return G @ (noise @ G.T)


@lru_cache(maxsize=32)
def _gaussian(smoothness):
    """G, (28, 28), scaled so that noise drawn uniformly from −0.5 to 0.5 comes out with standard deviation 1."""
    distance = np.subtract.outer(np.arange(_SIDE), np.arange(_SIDE))
    G = np.exp(-(distance**2) / (2 * smoothness**2))
    # such noise has the variance 1/12; in one direction smoothing multiplies a variance by the sum of squared weights
    G *= 12**0.25 / np.linalg.norm(G[_SIDE // 2])
    return G.astype(np.float32)


def interpolate(images, rows, columns):
    """Look images up at any places, by bilinear interpolation.

    Parameters
    ----------
    images : ndarray, (m, 784)
    rows, columns : ndarray, (m, 28, 28)
        The places, in pixels. Between four pixels the value is their mean weighted by nearness; outside the image lies
        paper, 0.

    Returns
    -------
    ndarray, (m, 784)
        Of the dtype of images.
    """
    m, side = len(images), _SIDE + 3  # one pixel of paper before, two after: each place has all four neighbors
    padded = np.zeros((m, side, side), images.dtype)
    padded[:, 1 : _SIDE + 1, 1 : _SIDE + 1] = images.reshape(m, _SIDE, _SIDE)
    y = np.clip(rows + 1, 0, _SIDE + 1).astype(images.dtype, copy=False)
    x = np.clip(columns + 1, 0, _SIDE + 1).astype(images.dtype, copy=False)
    top, left = np.floor(y), np.floor(x)
    y, x = y - top, x - left
    first = (np.arange(m, dtype=np.int32) * side**2)[:, None, None]
    corner = first + (side * top + left).astype(np.int32)
    pixels = padded.ravel()

    def along_row(at):
        here = pixels.take(at)
        return here + x * (pixels.take(at + 1) - here)

    above, below = along_row(corner), along_row(corner + side)
    return (above + y * (below - above)).reshape(m, -1)
