"""What SLIC and its bottom-up view share: where centres start, and which pixels they look at.

Centres start on a grid, whose rows hold as many as the number asked for needs. Under a mask the
cells of a square grid are taken that hold pixels of the mask, each with the pixel nearest to their
mean; the grid's step is sought so that there are about as many as asked for.
"""

from collections import namedtuple

import numpy as np

from .compilation import njit

QUARTERS = (0, 3, 1, 2)  # the parts of a stride of 2, in the order in which iterations see them
_STRIDE_FROM = 8  # step from which an iteration sees every second pixel of every second row
_MIN_SIZE = 0.125  # of the mean superpixel: what is smaller joins a neighbour

Start = namedtuple(
    "Start",
    [
        "seeds",  # (K, 2) float64, row and column
        "step",  # of their grid, in pixels
        "stride",  # 1, or 2 where an iteration sees a quarter of the pixels
        "min_size",  # pixels below which a superpixel joins a neighbour in the end
        "n_segments",  # how many superpixels there are to be, at most one a pixel
    ],
)


def start_on_grid(height, width, n_segments, mask=None):
    """Seeds and what goes with them; a mask is boolean and keeps at least one pixel."""
    if mask is None:
        area = height * width
        seeds, step = grid_seeds(height, width, min(n_segments, area))
    else:
        area = int(np.count_nonzero(mask))
        seeds, step = mask_seeds(mask, n_segments, area)
    stride = 1 if step < _STRIDE_FROM else 2
    n_segments = min(n_segments, area)
    return Start(
        seeds=seeds,
        step=step,
        stride=stride,
        n_segments=n_segments,
        min_size=round(_MIN_SIZE * area / n_segments),
    )


def grid_seeds(height, width, n_seeds):
    """Places (n_seeds, 2) on a grid, and its step; at most height * width of them."""
    n_rows = round(np.sqrt(n_seeds * height / width))
    n_rows = int(np.clip(n_rows, -(-n_seeds // width), min(height, n_seeds)))
    ends = np.arange(1, n_rows + 1) * n_seeds // n_rows
    counts = np.diff(ends, prepend=0)
    row = np.repeat(np.arange(n_rows), counts)
    place = np.arange(n_seeds) - (ends - counts)[row]
    y = (row + 0.5) * height / n_rows - 0.5
    x = (place + 0.5) * width / counts[row] - 0.5
    step = max(height / n_rows, width * n_rows / n_seeds)
    return np.stack([y, x], axis=1), step


def mask_seeds(mask, n_seeds, area):
    """About n_seeds places (n, 2), pixels of the mask, and the step of their grid."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = rows[0], columns[0]
    box = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    low, high = max(1.0, np.sqrt(area / n_seeds)), float(max(box.shape))
    best = None
    for _ in range(12):  # the cells that are occupied grow fewer with the step
        step = low if best is None else (low + high) / 2
        sums = np.zeros((int((box.shape[0] - 1) / step) + 1, int((box.shape[1] - 1) / step) + 1, 3))
        _sum_cells(box, step, sums)
        found = np.count_nonzero(sums[:, :, 0])
        if best is None or abs(found - n_seeds) < abs(best[0] - n_seeds):
            best = found, step, sums
        if found == n_seeds or high - low < 1e-3 * low:
            break
        low, high = (step, high) if found > n_seeds else (low, step)
    _, step, sums = best
    seeds = np.empty((best[0], 2))
    _nearest_to_means(box, step, sums, seeds)
    return seeds + (top, left), step


@njit
def _sum_cells(mask, step, sums):
    """Sum up each cell's pixels: how many, rows, columns. sums : INOUT (., ., 3) float64."""
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x]:
                cell = sums[int(y / step), int(x / step)]
                cell[0] += 1
                cell[1] += y
                cell[2] += x


@njit
def _nearest_to_means(mask, step, sums, seeds):
    """Each occupied cell's pixel nearest to its mean. seeds : OUT (n, 2) float64."""
    index = np.full(sums.shape[:2], -1)
    least = np.full(seeds.shape[0], np.inf)
    n = 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if not mask[y, x]:
                continue
            i, j = int(y / step), int(x / step)
            if index[i, j] < 0:
                index[i, j] = n
                n += 1
            cell, k = sums[i, j], index[i, j]
            distance = (y - cell[1] / cell[0]) ** 2 + (x - cell[2] / cell[0]) ** 2
            if distance < least[k]:
                least[k] = distance
                seeds[k, 0], seeds[k, 1] = y, x
