"""Region graph on the CPU: a counting sort of the pixel pairs that cross a boundary.

Each crossing is filed under its lower label; the higher labels of one file are then few enough
to sort and count. Linear in the pixels.
"""

from .._grid import is_row
from ..compilation import njit


@njit
def count_crossings(labels, height, offsets, starts):
    """Count the crossings below each label and turn the counts into starts.

    Parameters
    ----------
    labels : IN (R, W) int32
    height : int, rows of a slice
    offsets : IN (d, 3) int64, to the next column and row, and in volumes to the next slice
    starts : INOUT (n + 1,) int64, zeros; OUT where each label's file starts
    """
    n_rows, width = labels.shape
    for row in range(n_rows):
        for k in range(offsets.shape[0]):
            if is_row(row, offsets[k], height, n_rows):
                other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
                for x in range(width - right):
                    a, b = labels[row, x], labels[other, x + right]
                    if a >= 0 and b >= 0 and a != b:
                        starts[min(a, b) + 1] += 1
    for a in range(starts.size - 1):
        starts[a + 1] += starts[a]


@njit
def list_crossings(labels, height, offsets, starts, others):
    """File the higher label of each crossing under the lower.

    Parameters
    ----------
    labels, height, offsets : as of `count_crossings`
    starts : IN (n + 1,) int64 (moved while filing, and restored)
    others : OUT (starts[-1],) int32
    """
    n_rows, width = labels.shape
    for row in range(n_rows):
        for k in range(offsets.shape[0]):
            if is_row(row, offsets[k], height, n_rows):
                other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
                for x in range(width - right):
                    a, b = labels[row, x], labels[other, x + right]
                    if a >= 0 and b >= 0 and a != b:
                        low = min(a, b)
                        others[starts[low]] = max(a, b)
                        starts[low] += 1
    for a in range(starts.size - 1, 0, -1):
        starts[a] = starts[a - 1]
    starts[0] = 0


@njit
def count_edges(starts, others, edges, lengths):
    """Sort each file and count equal labels; return the number of edges.

    Parameters
    ----------
    starts : IN (n + 1,) int64
    others : INOUT (starts[-1],) int32, sorted within each file
    edges : OUT (>= n_edges, 2) int32
    lengths : OUT (>= n_edges,) int64
    """
    n = 0
    for a in range(starts.size - 1):
        file = others[starts[a] : starts[a + 1]]
        file.sort()
        for i in range(file.size):
            if i == 0 or file[i] != file[i - 1]:
                edges[n, 0] = a
                edges[n, 1] = file[i]
                lengths[n] = 0
                n += 1
            lengths[n - 1] += 1
    return n


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
