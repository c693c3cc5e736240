"""The sparse weights, one region after the other, over a scratch map of cells."""

import numpy as np

from ..compilation import njit
from ._rules import cell_before


@njit
def _lines(length, cells, stride, origin, lower, share):
    """For each pixel of a line: the cell before it, and the share of the next one."""
    for p in range(length):
        lower[p], share[p] = cell_before(p, cells, stride, origin)


@njit
def region_footprints_cpu(
    labels,  # IN  int32 (height, width)
    coarse,  # IN  Map
    cells,  # OUT int64 (4 * pixels,)
    offsets,  # OUT int64 (n_regions + 1,)
    weights,  # OUT float32 (4 * pixels,)
):
    """Return the number of entries written."""
    height, width = labels.shape
    n_regions = offsets.size - 1
    y0, wy = np.empty(height, np.int64), np.empty(height, np.float64)
    x0, wx = np.empty(width, np.int64), np.empty(width, np.float64)
    rows, columns = coarse.rows, coarse.columns
    _lines(height, rows, coarse.stride, coarse.origin, y0, wy)
    _lines(width, columns, coarse.stride, coarse.origin, x0, wx)

    # pixels in order of their region
    start = np.zeros(n_regions + 1, np.int64)
    for y in range(height):
        for x in range(width):
            if labels[y, x] >= 0:
                start[labels[y, x] + 1] += 1
    for r in range(n_regions):
        start[r + 1] += start[r]
    pixels = np.empty(start[n_regions], np.int64)
    next_free = start[:-1].copy()
    for y in range(height):
        for x in range(width):
            r = labels[y, x]
            if r >= 0:
                pixels[next_free[r]] = y * width + x
                next_free[r] += 1

    scratch = np.zeros(rows * columns, np.float64)
    line = np.zeros(columns + 1, np.float64)  # of a run of pixels: weights along its row
    n = 0
    for r in range(n_regions):
        offsets[r] = n
        first = n
        i = start[r]
        while i < start[r + 1]:
            y, x = pixels[i] // width, pixels[i] % width
            left = x0[x]
            while i < start[r + 1] and x < width and pixels[i] == y * width + x:
                line[x0[x]] += 1.0 - wx[x]
                line[x0[x] + 1] += wx[x]
                i += 1
                x += 1
            for c in range(left, x0[x - 1] + 2):
                along, line[c] = line[c], 0.0
                for dy in range(2):
                    w = along * (wy[y] if dy else 1.0 - wy[y])
                    if w > 0.0:
                        cell = (y0[y] + dy) * columns + c
                        if scratch[cell] == 0.0:
                            cells[n] = cell
                            n += 1
                        scratch[cell] += w
        for i in range(first, n):
            weights[i] = scratch[cells[i]] / (start[r + 1] - start[r])
            scratch[cells[i]] = 0.0
    offsets[n_regions] = n
    return n
