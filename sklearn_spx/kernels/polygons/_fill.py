"""Polygons to pixels by scanlines: a pixel is inside where its centre is, by the even-odd rule."""

import numpy as np

from ..compilation import njit


@njit(allocates=True)
def fill_groups(points, ring_starts, group_starts, values, counts, out):
    """Write each group's value where an odd number of its rings' edges is to the left.

    Edges are taken from top to bottom whichever way they are walked, so an edge of two polygons is
    at the same place in both, and a centre on it belongs to the one on its right.

    Parameters
    ----------
    points : IN (n, 2) float64, x and y
    ring_starts : IN (n_rings + 1,) int64
    group_starts : IN (n_groups + 1,) int64, rings of each group
    values : IN (n_groups,) int32
    counts : INOUT (H + 1,) int64, zeros, and zeros again
    out : INOUT (H, W) int32
    """
    height, width = out.shape
    columns = np.empty(64, np.int64)
    for g in range(values.size):
        low, high = height, 0
        for r in range(group_starts[g], group_starts[g + 1]):
            for i in range(ring_starts[r], ring_starts[r + 1] - 1):
                first, stop = _rows(points, i, height)
                for row in range(first, stop):
                    counts[row + 1] += 1
                if first < stop:
                    low, high = min(low, first), max(high, stop)
        if low >= high:
            continue
        for row in range(low, high):  # to starts
            counts[row + 1] += counts[row]
        if columns.size < counts[high]:
            columns = np.empty(2 * counts[high], np.int64)
        for r in range(group_starts[g], group_starts[g + 1]):
            for i in range(ring_starts[r], ring_starts[r + 1] - 1):
                first, stop = _rows(points, i, height)
                for row in range(first, stop):
                    columns[counts[row]] = _column(points, i, row, width)
                    counts[row] += 1
        start = np.int64(0)  # each start has moved on to the next one's
        for row in range(low, high):
            crossings = columns[start : counts[row]]
            start = counts[row]
            crossings.sort()
            for k in range(0, crossings.size - 1, 2):
                for x in range(crossings[k], crossings[k + 1]):
                    out[row, x] = values[g]
        counts[low : high + 1] = 0


@njit
def _rows(points, i, height):
    """First row and the one after the last whose centres an edge passes."""
    top = min(points[i, 1], points[i + 1, 1])
    bottom = max(points[i, 1], points[i + 1, 1])
    first = np.int64(np.ceil(min(max(top - 0.5, 0.0), height)))
    stop = np.int64(np.ceil(min(max(bottom - 0.5, 0.0), height)))
    return first, stop


@njit
def _column(points, i, row, width):
    """First column whose centre is right of an edge, or on it, in a row."""
    a, b = (i, i + 1) if points[i, 1] < points[i + 1, 1] else (i + 1, i)
    rise = points[b, 1] - points[a, 1]
    run = points[b, 0] - points[a, 0]
    # one division: exact where coordinates are whole and below 2**24
    place = (2 * points[a, 0] * rise + run * (2 * row + 1 - 2 * points[a, 1]) - rise) / (2 * rise)
    return np.int64(np.ceil(min(max(place, 0.0), width)))
