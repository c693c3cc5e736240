"""Compactness of superpixels: how close to discs they are."""

import math

import numpy as np
from numpy.typing import ArrayLike

from ..kernels.compilation import njit
from ._contingency import compact
from ._inputs import check_labels


def compactness(labels: ArrayLike) -> float:
    """Return the mean isoperimetric quotient of the superpixels, weighted by their size.

    The quotient of a superpixel of A pixels and perimeter L is 4 pi A / L^2 [1]_; L counts the
    unit pixel edges to anything else, the border of the image and of the mask included.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Superpixels. Pixels with a negative label are left out.

    Returns
    -------
    float
        Between 0 and pi / 4, which squares reach.

    Raises
    ------
    ValueError, TypeError
        If this is no integer label image, or no pixel is inside the mask.

    References
    ----------
    .. [1] A. Schick, M. Fischer, R. Stiefelhagen, "Measuring and evaluating the compactness
       of superpixels", ICPR 2012.

    Examples
    --------
    >>> from sklearn_spx.metrics import compactness
    >>> round(compactness([[0, 0, 1, 1], [0, 0, 1, 1]]), 6)
    0.785398
    """
    labels = check_labels(labels)
    inside = labels >= 0
    index = np.full(labels.shape, -1, dtype=np.int32)
    index[inside], n = compact(labels[inside])
    size, perimeter = measure(index, n)
    quotient = 4.0 * math.pi * size / perimeter.astype(np.float64) ** 2
    return float((size * quotient).sum() / size.sum())


def compactness_of_pair(labels, ground_truths):
    """Return :func:`compactness`, with the arguments of the other scores."""
    return compactness(labels)


def measure(labels, n):
    """Return the pixels and pixel edges of labels 0..n-1; others are -1."""
    size = np.zeros(n, dtype=np.int64)
    perimeter = np.zeros(n, dtype=np.int64)
    _measure(labels, size, perimeter)
    return size, perimeter


@njit
def _measure(labels, size, perimeter):
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            here = labels[y, x]
            if here < 0:
                continue
            edges = 0
            if x == 0 or labels[y, x - 1] != here:
                edges += 1
            if x + 1 == width or labels[y, x + 1] != here:
                edges += 1
            if y == 0 or labels[y - 1, x] != here:
                edges += 1
            if y + 1 == height or labels[y + 1, x] != here:
                edges += 1
            size[here] += 1
            perimeter[here] += edges
