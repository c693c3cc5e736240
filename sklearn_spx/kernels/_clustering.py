"""What SLIC and its bottom-up view share: where centres start, and which pixels they look at.

Centres start on a grid, whose rows hold as many as the number asked for needs. Under a mask the
cells of a square grid are taken that hold pixels of the mask, each with the pixel nearest to their
mean; the grid's step is sought so that there are about as many as asked for.
"""

from collections import namedtuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._runs import run_ends
from .checks import as_labels, check_count
from .compilation import njit
from .region_statistics import number_regions

QUARTERS = (0, 3, 1, 2)  # the parts of a stride of 2, in the order in which iterations see them
_STRIDE_FROM = 8  # step from which an iteration sees every second pixel of every second row
_MIN_SIZE = 0.125  # of the mean superpixel: what is smaller joins a neighbour

Start = namedtuple(
    "Start",
    [
        "places",  # (K, m, 2) float64, rows and columns: a centre starts at the mean of its pixels
        "seeds",  # (K, 2) float64, the mean row and column
        "step",  # of their grid, in pixels
        "stride",  # 1, or 2 where an iteration sees a quarter of the pixels
        "min_size",  # pixels below which a superpixel joins a neighbour in the end
        "n_segments",  # how many superpixels there are to be, at most one a pixel
    ],
)


def start_at(given, height, width, n_segments, mask=None):
    """Seeds, given or, if None, on a grid, and what goes with them.

    A mask is boolean and keeps at least one pixel.
    """
    area = height * width if mask is None else int(np.count_nonzero(mask))
    if given is not None:
        places = as_places(given, height, width, mask)
        seeds = places.mean(axis=1)
        step = max(1.0, np.sqrt(area / n_segments))
    elif mask is None:
        seeds, step = grid_seeds(height, width, min(n_segments, area))
    else:
        seeds, step = mask_seeds(mask, n_segments, area)
    if given is None:
        places = seeds[:, None]
    stride = 1 if step < _STRIDE_FROM else 2
    n_segments = min(n_segments, area)
    return Start(
        places=places,
        seeds=seeds,
        step=step,
        stride=stride,
        n_segments=n_segments,
        min_size=round(_MIN_SIZE * area / n_segments),
    )


def as_places(seeds, height, width, mask=None):
    """Check seeds and return them as places (K, m, 2): each in the image and its mask."""
    seeds = np.asarray(seeds)
    if seeds.dtype.kind not in "uif":
        raise TypeError(f"seeds has dtype {seeds.dtype}; accepted are rows and columns, in pixels")
    if seeds.ndim not in (2, 3) or seeds.shape[-1] != 2 or not seeds.size:
        raise ValueError(f"seeds has shape {seeds.shape}; accepted is (n, 2) or (n, m, 2)")
    places = seeds.astype(np.float64).reshape(len(seeds), -1, 2)
    inside = ((places >= -0.5) & (places < (height - 0.5, width - 0.5))).all(axis=2)
    where = "the image"
    if mask is not None and inside.all():
        rows, columns = np.moveaxis(np.floor(places + 0.5).astype(np.int64), 2, 0)
        inside, where = mask[rows, columns], "the mask"
    if not inside.all():
        k, j = np.argwhere(~inside)[0]
        raise ValueError(f"seeds[{k}] has {places[k, j].tolist()}, outside {where}")
    return places


def mean_of_places(values):
    """Means over the places of each centre, (K, m, C) float32: summed up in their order."""
    total = values[:, 0].copy()
    for j in range(1, values.shape[1]):
        total += values[:, j]
    return total * np.float32(1 / values.shape[1])


def region_seeds(labels: ArrayLike, n_places: int = 8) -> NDArray[np.float64]:
    """Seeds for :func:`~sklearn_spx.kernels.slic`: pixels all over each region of a label image.

    Parameters
    ----------
    labels : array-like of shape (height, width), integer
        Regions of any numbers; below 0: none.

    n_places : int, default=8
        Pixels of each region; those of a smaller one come several times.

    Returns
    -------
    seeds : ndarray of shape (n_regions, n_places, 2), float64
        Rows and columns, evenly spaced among the pixels of each region in reading order; regions
        in the order of their numbers.

    Raises
    ------
    TypeError, ValueError
        If this is not a label image.

    Examples
    --------
    >>> from sklearn_spx.kernels.slic import region_seeds
    >>> region_seeds([[0, 0, 0, 7, 7, -1]], 1).tolist()
    [[[0.0, 1.0]], [[0.0, 4.0]]]
    """
    n_places = check_count(n_places, "n_places")
    labels = as_labels(labels)
    if int(labels.max()) > 4 * labels.size:  # a table by label would be larger than the image
        labels, _ = number_regions(labels)
    sizes = np.zeros(max(int(labels.max()) + 1, 0), np.int64)
    flat = labels.ravel()
    ends = run_ends(flat)
    _count(flat, ends, sizes)
    seeds = np.empty((np.count_nonzero(sizes), n_places, 2))
    _spread(flat, ends, labels.shape[1], sizes, np.cumsum(sizes > 0) - 1, seeds)
    return seeds


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
def _count(labels, ends, sizes):
    """Add up the pixels of each label, run by run.

    labels : IN (H * W,) int32; ends : IN, of the runs; sizes : INOUT (n,) int64, zeros
    """
    start = 0
    for end in ends:
        if labels[start] >= 0:
            sizes[labels[start]] += end - start
        start = end


@njit
def _spread(labels, ends, width, sizes, number, seeds):
    """Take evenly spaced pixels of each region: place j is pixel (2 j + 1) size // (2 m).

    labels : IN (H * W,) int32, below 0 for none; ends : IN, of the runs; sizes, number : IN, by
    label; seeds : OUT
    """
    m = seeds.shape[1]
    seen, place = np.zeros(sizes.size, np.int64), np.zeros(sizes.size, np.int64)
    wanted = sizes // (2 * m)  # the next place of each region: which of its pixels that is
    start = 0
    for stop in ends:
        label, first = labels[start], start
        start = stop
        if label < 0:
            continue
        end = seen[label] + stop - first
        while place[label] < m and wanted[label] < end:
            at = first + wanted[label] - seen[label]
            seeds[number[label], place[label], 0] = at // width
            seeds[number[label], place[label], 1] = at % width
            place[label] += 1
            wanted[label] = (2 * place[label] + 1) * sizes[label] // (2 * m)
        seen[label] = end


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
