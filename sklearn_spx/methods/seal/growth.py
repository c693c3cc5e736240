"""SEAL from affinities to superpixels: how they are read, and what stands beside them.

    image -> Beside ; affinities, Beside -> grow -> label image

Not of the paper: affinities are raised to a power; colours weigh in where the image is smooth; and
affinities are a little less across the borders of SLIC superpixels, so that where a net sees
nothing superpixels are round cells, not strips a pixel wide.
"""

import math
from typing import NamedTuple

import numpy as np

from ...kernels import entropy_rate_superpixels
from ...kernels.slic import slic_quiet
from ...learned import placed
from ...utils.scale import eight_bit_units, for_slic
from .graph import graph_segments

SIGMA = 5.0  # of colour affinities, as in ERSSuperpixels
ROUND = 25.0  # compactness of the SLIC superpixels beside affinities
_SMALL = 128.0  # pixels a superpixel from which on `regularity` is what it says
_SMOOTH = 6.0  # median difference of neighbouring pixels up to which `colour` is what it says


class Reading(NamedTuple):
    """How superpixels are grown on affinities."""

    sharpness: float  # the power that affinities are raised to
    balance: float  # of ERS
    regularity: float  # of ERS, across the borders of SLIC superpixels
    colour: float  # see `colour_weight`


# chosen on the val images of BSDS500 and the train images of CamVid; affinities that missed
# boundaries made dear are low and want a power; the paper's net and loss as published
_COMPACT = {
    "cross_entropy": Reading(3.5, 0.3, 0.25, 0.4),
    "seal": Reading(2.0, 0.3, 0.25, 0.4),
}
_PAPER = {
    "cross_entropy": Reading(5.0, 0.5, 0.0, 0.0),
    "seal": Reading(1.0, 0.5, 0.0, 0.0),
}


def own_reading(net, loss, backend):
    """The reading that suits a net trained by a loss."""
    reading = (_COMPACT if net == "compact" else _PAPER)[loss]
    return reading._replace(sharpness=1.0) if backend == "egb" else reading


class Beside:
    """What an image says beside a net's affinities, for any number of superpixels.

    Parameters
    ----------
    image : array (H, W) or (H, W, C), as ``utils.scale.seen`` returns it
    mask : bool array (H, W) or None
    reading : Reading
    device : str, where superpixels are grown
    cells : int array (H, W) or None, in the place of SLIC superpixels
    n_threads : int, for the work on the CPU
    """

    def __init__(self, image, mask, reading, device, cells=None, n_threads=1):
        self.reading, self.n_threads, self._pixels, self._cells = reading, n_threads, None, None
        self.colours, self.sigma = None, SIGMA
        weight = colour_weight(image, mask, reading.colour)
        if weight > 0:
            self.colours = placed(device, eight_bit_units(image))[0]
            self.sigma = SIGMA / weight**0.5
        if reading.regularity > 0 and cells is not None:
            self._cells = placed(device, cells, None)[0]
        elif reading.regularity > 0:
            pixels, self._converts = for_slic(image)
            self._pixels, self._mask = placed(device, pixels, mask)
            self._area = math.prod(image.shape[:2]) if mask is None else np.count_nonzero(mask)

    def regularity(self, n_segments):
        """By what share affinities across the borders of `cells` are less."""
        if self._pixels is None:
            return self.reading.regularity
        return regularity_at(self.reading.regularity, self._area, n_segments)

    def cells(self, n_segments):
        """Superpixels whose borders are favoured, or None."""
        if self._pixels is None:
            return self._cells
        return slic_quiet(
            self._pixels,
            n_segments,
            compactness=ROUND,
            mask=self._mask,
            convert2lab=self._converts,
            n_threads=self.n_threads,
        )


def colour_weight(image, mask, colour):
    """The power that colour affinities are raised to, the less the rougher an image is.

    Parameters
    ----------
    image : array (H, W) or (H, W, C)
    mask : bool array (H, W) or None
    colour : float
        The power where neighbouring pixels differ by 6 or less in the median, as sums over three
        8-bit channels. It falls as they differ more: among texture and noise colours say little of
        borders.

    Returns
    -------
    weight : float
        From 0 to `colour`.
    """

    def median():
        inside = (
            [np.s_[:]] * 2 if mask is None else [mask[:, :-1] & mask[:, 1:], mask[:-1] & mask[1:]]
        )
        found = [part[where].ravel() for part, where in zip(differences_of(image), inside)]
        differences = np.concatenate(found)
        return median_of(differences) if differences.size else 0.0

    return weight_of_colour(colour, median)


def weight_of_colour(colour, median):
    """The same, where ``median()`` is that of the differences."""
    if colour == 0:
        return 0.0
    found = median()
    return colour * min(1.0, _SMOOTH / found) if found > 0 else colour


def differences_of(image):
    """Of each pixel and its right neighbour (H, W - 1), and the lower one (H - 1, W)."""
    pixels = eight_bit_units(image)
    planes = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
    dtype = np.int16 if pixels.dtype == np.uint8 else np.float64
    planes = planes.astype(dtype, order="C")  # sums along rows are vectorised
    return [
        sum(np.abs(plane[far] - plane[near]) for plane in planes)
        for near, far in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]))
    ]


def median_of(values):
    """The median of a flat array, of integers, which are few and not below 0, or of floats."""
    half = len(values) // 2
    if values.dtype.kind == "i":
        ends = np.cumsum(np.bincount(values))
        middle = np.searchsorted(ends, [half - (len(values) % 2 == 0), half], side="right")
        return float(middle.mean())
    values = np.partition(values, half)
    below = values[half] if len(values) % 2 else values[:half].max()
    return (float(below) + float(values[half])) / 2


def regularity_at(regularity, n_pixels, n_segments):
    """``regularity`` of so many superpixels: the smaller, the more of all borders are theirs."""
    return regularity * min(1.0, n_pixels / n_segments / _SMALL)


def sharpened(affinities, reading):
    """Affinities raised to the power that they are read with."""
    return affinities ** min(reading.sharpness, 1e30)  # within float32


def grow(given, n_segments, beside, backend="ers", connectivity=8, mask=None):
    """Superpixels on affinities, exactly ``n_segments``; arrays, or tensors on a GPU.

    ``given`` is a list of the affinities alone, which are taken out of it: if nobody else has them,
    their memory is free when they have become the weights of a graph.
    """
    given = [sharpened(given.pop(), beside.reading)]
    if backend == "egb":
        return graph_segments(given.pop(), n_segments, connectivity, mask)
    return entropy_rate_superpixels(
        beside.colours,
        n_segments,
        affinities=given.pop(),
        balance=beside.reading.balance,
        sigma=beside.sigma,
        connectivity=connectivity,
        cells=beside.cells(n_segments),
        regularity=beside.regularity(n_segments),
        mask=mask,
        n_threads=beside.n_threads,
    )
