"""Global regularity of superpixels: regular shapes, and one shape for all."""

import numpy as np
from numpy.typing import ArrayLike

from ..kernels.compilation import njit
from ._compactness import measure
from ._contingency import compact
from ._inputs import check_labels


def global_regularity(labels: ArrayLike) -> float:
    """Return how regular the shapes of superpixels are, and how much alike.

    The product of two figures between 0 and 1 [1]_. No annotation is needed.

    *Shape regularity* is the mean over superpixels, weighted by their size, of CR times V. CR, the
    convexity, is the ratio of perimeter to area of the convex hull, divided by that of the
    superpixel. V, the balance, is the square root of the smaller standard deviation of the pixels'
    rows and columns divided by the larger one.

    *Smooth matching* is 1 minus the mean over superpixels, weighted by their size, of half the
    sum of absolute differences between a superpixel's registered shape and the mean shape. A
    superpixel is registered by shifting its barycentre, rounded to whole pixels, half up, to the
    origin; its shape is spread evenly over its pixels and sums to 1; the mean shape counts at each
    place the superpixels that cover it, and is divided by its sum.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Superpixels. Pixels with a negative label are left out: no superpixel, no area of the
        image, and the outside of their neighbours.

    Returns
    -------
    float
        Between 0 and 1, which equal squares reach.

    Raises
    ------
    ValueError, TypeError
        If this is no integer label image, or no pixel is inside the mask.

    Notes
    -----
    How perimeters and hulls of pixels are measured is a choice. Here a perimeter is the number of
    unit pixel edges to anything else, those of holes and at the borders of image and mask
    included, as in :func:`compactness`, of superpixel and hull alike. The hull is made of all
    pixels whose centres lie in the convex hull of the centres of the superpixel's pixels. So CR is
    1 for whatever is convex on the pixel grid: rectangles, discs, slanted lines. The authors'
    published program measures the chain of border pixels instead, in which a diagonal step is
    shorter than two straight ones, and its hulls may hold other pixels: compare figures of one
    program only.

    V is 1 for a single pixel and 0 for a line of pixels along an axis. A superpixel in several
    parts is one shape with one hull; its CR, which could then exceed 1, is at most 1. Superpixels
    that the border of the image cuts count like all others.

    References
    ----------
    .. [1] R. Giraud, V.-T. Ta, N. Papadakis, "Evaluation framework of superpixel methods with a
       global regularity measure", Journal of Electronic Imaging 26(6), 2017.

    Examples
    --------
    >>> from sklearn_spx.metrics import global_regularity
    >>> global_regularity([[0, 0, 1, 1], [0, 0, 1, 1]])
    1.0
    >>> round(global_regularity([[0, 0, 0, 1], [0, 0, 1, 1]]), 6)
    0.632997
    """
    labels = check_labels(labels)
    inside = labels >= 0
    index = np.full(labels.shape, -1, dtype=np.int32)
    index[inside], n = compact(labels[inside])
    size, edges = measure(index, n)
    label = index[inside].astype(np.intp)
    order = np.argsort(label, kind="stable")  # every superpixel's pixels together, row by row
    label = label[order]
    y, x = (place[order] for place in np.nonzero(inside))
    convexity = _convexity(y, x, size, edges, labels.shape)
    shape = (size * convexity * _balance(y, x, label, size)).sum() / label.size
    return float(shape * _smooth_matching(y, x, label, size))


def _convexity(y, x, size, edges, shape):
    """Ratio of perimeter to area of every superpixel's hull, divided by its own."""
    height, width = shape
    hull_size, hull_edges = np.empty_like(size), np.empty_like(size)
    column = np.zeros(width + 1, dtype=np.int64)
    chains = np.empty((2, height), dtype=np.int64)
    _measure_hulls(y, x, size, column, chains, hull_size, hull_edges)
    return np.minimum((hull_edges / hull_size) / (edges / size), 1.0)


def _balance(y, x, label, size):
    """Root of the ratio of the standard deviations of rows and columns."""
    variances = []
    for place in (y, x):
        mean = np.bincount(label, place) / size
        variances.append(np.bincount(label, (place - mean[label]) ** 2) / size)
    lower, higher = np.minimum(*variances), np.maximum(*variances)
    return np.divide(lower, higher, out=np.ones(size.size), where=higher > 0) ** 0.25


def _smooth_matching(y, x, label, size):
    """Likeness of the registered superpixels to their mean.

    Half the sum of absolute differences of two shapes that sum to 1 is 1 minus the sum of their
    minima, which only a superpixel's own pixels add to.
    """
    shifted = []
    for place in (y, x):
        total = np.bincount(label, place).astype(np.int64)
        shifted.append(place - ((2 * total + size) // (2 * size))[label])
    dy, dx = (place - place.min() for place in shifted)
    at = dy * (dx.max() + 1) + dx
    covered = np.bincount(at)[at]  # superpixels there
    return np.minimum(covered * size[label], label.size).sum() / label.size**2


@njit
def _measure_hulls(y, x, size, column, chains, hull_size, hull_edges):
    """Count the pixels and pixel edges of every superpixel's hull.

    IN y, x (pixels, by superpixel, then row by row), size; SCRATCH column (zeros, one more than
    there are columns), chains (2, rows); OUT hull_size, hull_edges.

    A hull has one run of pixels in each row and column that it touches at all, and so four edges
    for every row and column, two of each.
    """
    end = 0
    for k in range(size.size):
        begin, end = end, end + size[k]
        left, right = chains[0], chains[1]
        n_left = 0
        n_right = 0
        for p in range(begin, end):
            if p == begin or y[p - 1] != y[p]:
                n_left = _extend(left, n_left, p, y, x, 1)
            if p + 1 == end or y[p + 1] != y[p]:
                n_right = _extend(right, n_right, p, y, x, -1)
        area = 0
        lines = 0
        i = 0
        j = 0
        lowest = x[begin]
        highest = x[begin]
        for row in range(y[begin], y[end - 1] + 1):
            while i + 2 < n_left and y[left[i + 1]] < row:
                i += 1
            while j + 2 < n_right and y[right[j + 1]] < row:
                j += 1
            first = _at(left, i, n_left, row, y, x, 1)
            last = -_at(right, j, n_right, row, y, x, -1)
            if first <= last:
                area += last - first + 1
                lines += 1
                column[first] += 1
                column[last + 1] -= 1
                lowest = min(lowest, first)
                highest = max(highest, last)
        depth = 0
        for u in range(lowest, highest + 2):
            depth += column[u]
            column[u] = 0
            if depth > 0:
                lines += 1
        hull_size[k] = area
        hull_edges[k] = 2 * lines


@njit
def _extend(chain, n, p, y, x, side):
    """Add pixel ``p``, below all others, to the convex chain of the left (1) or right (-1) side."""
    while n > 1:
        a, b = chain[n - 2], chain[n - 1]
        if side * (x[b] - x[a]) * (y[p] - y[a]) < side * (x[p] - x[a]) * (y[b] - y[a]):
            break
        n -= 1
    chain[n] = p
    return n + 1


@njit
def _at(chain, i, n, row, y, x, side):
    """The first column, times ``side``, at or after the chain's piece ``i`` in a row."""
    a = chain[i]
    if n == 1:
        return side * x[a]
    b = chain[i + 1]
    run = side * (x[b] - x[a]) * (row - y[a])
    return side * x[a] - (-run) // (y[b] - y[a])  # rounded up
