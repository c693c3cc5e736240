"""The sparse weights, one region after the other, over a scratch map of cells."""

import numpy as np

from ..compilation import inner, njit
from ._rules import cell_before


@njit(allocates=True)
def list_runs(
    labels,  # IN  int32 (height, width)
    starts,  # OUT int64 (n_regions + 1,), zeros: where the runs of each region start
    sizes,  # OUT int64 (n_regions,), zeros: pixels
):
    """Return the runs of all regions along rows, region by region: first pixel and length."""
    height, width = labels.shape
    for y in range(height):
        x = 0
        while x < width:
            r, end = labels[y, x], _end(labels[y], x)
            if r >= 0:
                starts[r + 1] += 1
                sizes[r] += end - x
            x = end
    for r in range(sizes.size):
        starts[r + 1] += starts[r]
    runs = np.empty((starts[-1], 2), np.int64)
    next_free = starts[:-1].copy()
    for y in range(height):
        x = 0
        while x < width:
            r, end = labels[y, x], _end(labels[y], x)
            if r >= 0:
                runs[next_free[r], 0], runs[next_free[r], 1] = y * width + x, end - x
                next_free[r] += 1
            x = end
    return runs


@inner
def _end(row, x):
    """Where the run from a pixel on ends."""
    end = x + 1
    while end < row.size and row[end] == row[x]:
        end += 1
    return end


@njit
def _lines(length, cells, stride, origin, lower, share):
    """For each pixel of a line: the cell before it, and the share of the next one."""
    for p in range(length):
        lower[p], share[p] = cell_before(p, cells, stride, origin)


@njit(allocates=True)
def region_footprints_cpu(
    shape,  # IN  two int, of the image
    runs,  # IN  int64 (n_runs, 2), of `list_runs`
    starts,  # IN  int64 (n_regions + 1,)
    sizes,  # IN  int64 (n_regions,)
    coarse,  # IN  Map
    cells,  # OUT int64 (4 * pixels,)
    offsets,  # OUT int64 (n_regions + 1,)
    weights,  # OUT float32 (4 * pixels,)
):
    """Return the number of entries written."""
    height, width = shape
    n_regions = offsets.size - 1
    y0, wy = np.empty(height, np.int64), np.empty(height, np.float64)
    x0, wx = np.empty(width, np.int64), np.empty(width, np.float64)
    rows, columns = coarse.rows, coarse.columns
    _lines(height, rows, coarse.stride, coarse.origin, y0, wy)
    _lines(width, columns, coarse.stride, coarse.origin, x0, wx)

    scratch = np.zeros(rows * columns, np.float64)
    n = 0
    for r in range(n_regions):
        offsets[r] = n
        first = n
        for i in range(starts[r], starts[r + 1]):
            y, x = runs[i, 0] // width, runs[i, 0] % width
            end = x + runs[i, 1]
            before = 0.0  # weight in the next column of pixels that lie before it
            for c in range(x0[x], x0[end - 1] + 2):
                along, before = before, 0.0
                while x < end and x0[x] == c:
                    along += 1.0 - wx[x]
                    before += wx[x]
                    x += 1
                for dy in range(2):
                    w = along * (wy[y] if dy else 1.0 - wy[y])
                    if w > 0.0:
                        cell = (y0[y] + dy) * columns + c
                        if scratch[cell] == 0.0:
                            cells[n] = cell
                            n += 1
                        scratch[cell] += w
        for i in range(first, n):
            weights[i] = scratch[cells[i]] / sizes[r]
            scratch[cells[i]] = 0.0
    offsets[n_regions] = n
    return n
