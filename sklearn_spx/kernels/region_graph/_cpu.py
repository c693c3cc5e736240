"""Region graph on the CPU: a counting sort of the pixel pairs that cross a boundary.

Each crossing is filed under its higher label, then, file after file, under its lower one, so that
the files of the lower ones are sorted. Linear in the pixels.
"""

import numpy as np

from .._grid import is_row
from ..compilation import inner, njit


@inner
def _crossings(one, other, right, columns):
    """List the columns of a row at which a step leads to another label; return their number.

    The step is to the other row, and so many columns to the right. No branch: a processor guesses
    borders badly.
    """
    n = 0
    for x in range(one.size - right):
        a, b = one[x], other[x + right]
        columns[n] = x
        n += (a != b) & (a >= 0) & (b >= 0)
    return n


@njit(allocates=True)
def count_crossings(labels, height, offsets, lower, higher):
    """Count the crossings at each label and turn the counts into starts of files.

    Parameters
    ----------
    labels : IN (R, W) int32
    height : int, rows of a slice
    offsets : IN (d, 3) int64, to the next column and row, and in volumes to the next slice
    lower, higher : INOUT (n + 1,) int64, zeros; OUT where each label's file starts, of the
        crossings of which it is the lower label, or the higher
    """
    n_rows, width = labels.shape
    columns = np.empty(width, np.int64)
    for row in range(n_rows):
        for k in range(offsets.shape[0]):
            if is_row(row, offsets[k], height, n_rows):
                other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
                for i in range(_crossings(labels[row], labels[other], right, columns)):
                    a, b = labels[row, columns[i]], labels[other, columns[i] + right]
                    lower[min(a, b) + 1] += 1
                    higher[max(a, b) + 1] += 1
    for starts in (lower, higher):
        for a in range(starts.size - 1):
            starts[a + 1] += starts[a]


@njit(allocates=True)
def list_crossings(labels, height, offsets, higher, lows):
    """File the lower label of each crossing under the higher.

    Parameters
    ----------
    labels, height, offsets : as of `count_crossings`
    higher : IN (n + 1,) int64 (moved while filing, and restored)
    lows : OUT (higher[-1],) int32
    """
    n_rows, width = labels.shape
    columns = np.empty(width, np.int64)
    for row in range(n_rows):
        for k in range(offsets.shape[0]):
            if is_row(row, offsets[k], height, n_rows):
                other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
                for i in range(_crossings(labels[row], labels[other], right, columns)):
                    a, b = labels[row, columns[i]], labels[other, columns[i] + right]
                    lows[higher[max(a, b)]] = min(a, b)
                    higher[max(a, b)] += 1
    _restore(higher)


@njit(allocates=True)
def sort_crossings(higher, lows, lower, highs):
    """File the higher label of each crossing under the lower, sorted; return the number of edges.

    Parameters
    ----------
    higher : IN (n + 1,) int64
    lows : IN (higher[-1],) int32
    lower : IN (n + 1,) int64 (moved while filing, and restored)
    highs : OUT (lower[-1],) int32
    """
    n_edges = 0
    previous = np.full(lower.size, -1, np.int64)  # the last label in each file
    for b in range(higher.size - 1):
        for i in range(higher[b], higher[b + 1]):
            a = lows[i]
            n_edges += previous[a] != b
            previous[a] = b
            highs[lower[a]] = b
            lower[a] += 1
    _restore(lower)
    return n_edges


@inner
def _restore(starts):
    """Undo what filing did to the starts: each is now where the next one was."""
    for a in range(starts.size - 1, 0, -1):
        starts[a] = starts[a - 1]
    starts[0] = 0


@njit
def count_edges(lower, highs, edges, lengths):
    """Count equal labels in each file.

    Parameters
    ----------
    lower : IN (n + 1,) int64
    highs : IN (lower[-1],) int32, sorted within each file
    edges : OUT (n_edges, 2) int32
    lengths : OUT (n_edges,) int64, zeros
    """
    n = 0
    for a in range(lower.size - 1):
        for i in range(lower[a], lower[a + 1]):
            if i == lower[a] or highs[i] != highs[i - 1]:
                edges[n, 0] = a
                edges[n, 1] = highs[i]
                n += 1
            lengths[n - 1] += 1


@njit
def sum_regions(image, labels, sums, sizes):
    """Add up channels and pixels.

    Parameters
    ----------
    image : IN (R, W, C) float32
    labels : IN (R, W) int32
    sums : INOUT (n, C) float64, zeros
    sizes : INOUT (n,) int64, zeros
    """
    height, width, n_channels = image.shape
    for y in range(height):
        for x in range(width):
            a = labels[y, x]
            if a >= 0:
                sizes[a] += 1
                for c in range(n_channels):
                    sums[a, c] += image[y, x, c]
