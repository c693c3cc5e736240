"""What SLIC and its bottom-up view share: where centres start, and which pixels they look at.

Centres start on a grid, whose rows hold as many as the number asked for needs; in a volume so do
its slices, and each of them has such rows. Under a mask the cells of a square grid are taken that
hold pixels of the mask, each with the pixel nearest to their mean; the grid's step is sought so
that there are about as many as asked for. Where pixels are no squares, all this is in space.
"""

import math
from collections import namedtuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._runs import run_ends
from .checks import as_labels, check_count
from .compilation import njit
from .region_statistics import number_regions

QUARTERS = (0, 3, 1, 2)  # the parts of a stride of 2, in the order in which iterations see them
_STRIDE_FROM = 64  # pixels of a superpixel from which an iteration sees a quarter of them
_STRIDE_ALONG = 4  # if it has so many along rows and columns
_MIN_SIZE = 0.125  # of the mean superpixel: what is smaller joins a neighbour

Start = namedtuple(
    "Start",
    [
        "places",  # (K, m, 2) float64, rows and columns: a centre starts at the mean of its pixels
        "seeds",  # (K, 2) float64, the mean row and column; 3 numbers, slices first, in a volume
        "step",  # of their grid, in pixels, or in the smallest spacing
        "stride",  # 1, or 2 where an iteration sees a quarter of the pixels
        "min_size",  # pixels below which a superpixel joins a neighbour in the end
        "n_segments",  # how many superpixels there are to be, at most one a pixel
    ],
)


def start_at(given, shape, n_segments, mask=None, steps=None):
    """Seeds, given or, if None, on a grid, and what goes with them.

    Parameters
    ----------
    given : array-like or None
    shape : tuple of two or three int, of the image or the volume
    n_segments : int
    mask : bool array of this shape that keeps at least one pixel, or None
    steps : tuple of floats, spacing of each axis in units of the smallest; None: 1 each
    """
    steps = (1.0,) * len(shape) if steps is None else steps
    if len(shape) == 3 and shape[0] == 1:  # a volume of one slice is its image
        places = None if given is None else as_places(given, shape, mask)[..., 1:]
        start = start_at(
            places, shape[1:], n_segments, None if mask is None else mask[0], steps[1:]
        )
        return start._replace(
            places=np.pad(start.places, ((0, 0), (0, 0), (1, 0))),
            seeds=np.pad(start.seeds, ((0, 0), (1, 0))),
        )
    area = math.prod(shape) if mask is None else int(np.count_nonzero(mask))
    if given is not None:
        places = as_places(given, shape, mask)
        seeds = places.mean(axis=1)
        step = max(1.0, _side(area * math.prod(steps) / n_segments, len(shape)))
    elif mask is not None:
        seeds, step = mask_seeds(mask, n_segments, area, steps)
    elif len(shape) == 2:
        seeds, step = grid_seeds(*shape, min(n_segments, area), steps)
    else:
        seeds, step = volume_seeds(shape, min(n_segments, area), steps)
    if given is None:
        places = seeds[:, None]
    along = [step / own for own in steps]  # pixels of a superpixel
    few = math.prod(along) < _STRIDE_FROM or min(along[-2:]) < _STRIDE_ALONG
    n_segments = min(n_segments, area)
    return Start(
        places=places,
        seeds=seeds,
        step=step,
        stride=1 if few else 2,
        n_segments=n_segments,
        min_size=round(_MIN_SIZE * area / n_segments),
    )


def as_places(seeds, shape, mask=None):
    """Check seeds and return them as places (K, m, 2): each in the image and its mask.

    Of a volume, shape (D, H, W), they are (K, m, 3).
    """
    seeds, axes = np.asarray(seeds), len(shape)
    if seeds.dtype.kind not in "uif":
        what = "rows and columns" if axes == 2 else "slices, rows and columns"
        raise TypeError(f"seeds has dtype {seeds.dtype}; accepted are {what}, in pixels")
    if seeds.ndim not in (2, 3) or seeds.shape[-1] != axes or not seeds.size:
        raise ValueError(
            f"seeds has shape {seeds.shape}; accepted is (n, {axes}) or (n, m, {axes})"
        )
    places = seeds.astype(np.float64).reshape(len(seeds), -1, axes)
    inside = ((places >= -0.5) & (places < np.subtract(shape, 0.5))).all(axis=2)
    where = "the image" if axes == 2 else "the volume"
    if mask is not None and inside.all():
        inside = mask[tuple(np.moveaxis(np.floor(places + 0.5).astype(np.int64), 2, 0))]
        where = "the mask"
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
    labels : array-like of shape (height, width) or (depth, height, width), integer
        Regions of any numbers; below 0: none.

    n_places : int, default=8
        Pixels of each region; those of a smaller one come several times.

    Returns
    -------
    seeds : ndarray of shape (n_regions, n_places, 2), float64
        Rows and columns, evenly spaced among the pixels of each region in reading order; regions
        in the order of their numbers. Of a volume slices, rows and columns, 3 in the place of 2.

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
    labels = as_labels(labels, volumes=True)
    shape = labels.shape
    labels = labels.reshape(-1, shape[-1])
    if int(labels.max()) > 4 * labels.size:  # a table by label would be larger than the image
        labels, _ = number_regions(labels)
    sizes = np.zeros(max(int(labels.max()) + 1, 0), np.int64)
    flat = labels.ravel()
    ends = run_ends(flat)
    _count(flat, ends, sizes)
    seeds = np.empty((np.count_nonzero(sizes), n_places, 2))
    _spread(flat, ends, labels.shape[1], sizes, np.cumsum(sizes > 0) - 1, seeds)
    if len(shape) == 2:
        return seeds
    slices, rows = np.divmod(seeds[..., 0], shape[1])
    return np.stack([slices, rows, seeds[..., 1]], axis=-1)


def volume_seeds(shape, n_seeds, steps):
    """Places (n_seeds, 3) on a grid, and its step; at most as many as samples."""
    depth, height, width = shape
    extents = np.multiply(shape, steps)
    n_slices = round(extents[0] / _side(extents.prod() / n_seeds, 3))
    n_slices = int(np.clip(n_slices, -(-n_seeds // (height * width)), min(depth, n_seeds)))
    ends = np.arange(1, n_slices + 1) * n_seeds // n_slices
    # where each slice has its own, none has to reach another
    seeds, step = [], extents[0] / n_slices if n_slices < depth else 1.0
    for i, count in enumerate(np.diff(ends, prepend=0)):
        places, of_slice = grid_seeds(height, width, count, steps[1:])
        z = (i + 0.5) * depth / n_slices - 0.5
        seeds.append(np.column_stack([np.full(count, z), places]))
        step = max(step, of_slice)
    return np.concatenate(seeds), step


def grid_seeds(height, width, n_seeds, steps=(1.0, 1.0)):
    """Places (n_seeds, 2) on a grid, and its step; at most height * width of them."""
    tall, broad = height * steps[0], width * steps[1]
    n_rows = round(math.sqrt(n_seeds * tall / broad))
    n_rows = min(max(n_rows, -(-n_seeds // width)), height, n_seeds)
    ends = np.arange(n_rows + 1) * n_seeds // n_rows
    counts = ends[1:] - ends[:-1]
    place = np.arange(n_seeds) - ends[:-1].repeat(counts)
    seeds = np.empty((n_seeds, 2))
    seeds[:, 0] = ((np.arange(n_rows) + 0.5) * height / n_rows - 0.5).repeat(counts)
    seeds[:, 1] = (place + 0.5) * width / counts.repeat(counts) - 0.5
    step = max(tall / n_rows, broad * n_rows / n_seeds)
    return seeds, step


def _side(size, axes):
    """Side of a square, or of a cube, of a size."""
    return np.sqrt(size) if axes == 2 else np.cbrt(size)


def mask_seeds(mask, n_seeds, area, steps=None):
    """About n_seeds places (n, 2), pixels of the mask, and the step of their grid.

    Of the mask of a volume they are (n, 3).
    """
    axes = mask.ndim
    steps = (1.0,) * axes if steps is None else steps
    kept = [np.flatnonzero(mask.any(axis=tuple({*range(axes)} - {a}))) for a in range(axes)]
    corner = tuple(places[0] for places in kept)
    box = mask[tuple(slice(places[0], places[-1] + 1) for places in kept)]
    low = max(1.0, _side(area * math.prod(steps) / n_seeds, axes))
    high = float(np.multiply(box.shape, steps).max())
    box = box.reshape((1,) * (3 - axes) + box.shape)  # an image is one slice
    own, best = np.array((1.0,) * (3 - axes) + tuple(steps)), None
    for _ in range(12):  # the cells that are occupied grow fewer with the step
        step = low if best is None else (low + high) / 2
        cells = _cells_of(box.shape, own, step)
        sums = np.zeros((*(int(places[-1]) + 1 for places in cells), 4))
        _sum_cells(box, *cells, sums)
        found = np.count_nonzero(sums[..., 0])
        if best is None or abs(found - n_seeds) < abs(best[0] - n_seeds):
            best = found, step, sums
        if found == n_seeds or high - low < 1e-3 * low:
            break
        low, high = (step, high) if found > n_seeds else (low, step)
    _, step, sums = best
    seeds = np.empty((best[0], 3))
    sums[..., 1:] /= np.maximum(sums[..., :1], 1)
    _nearest_to_means(box, *_cells_of(box.shape, own, step), own, sums, seeds)
    return seeds[:, 3 - axes :] + corner, step


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


@njit(allocates=True)
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


def _cells_of(shape, steps, step):
    """The cell of each slice, of each row and of each column: int64 arrays."""
    return [(np.arange(n) * own / step).astype(np.int64) for n, own in zip(shape, steps)]


@njit
def _sum_cells(mask, slices, rows, columns, sums):
    """Sum up each cell's pixels: how many, slices, rows, columns.

    mask : IN (D, H, W) bool; slices, rows, columns : IN, of `_cells_of`;
    sums : INOUT (., ., ., 4) float64, zeros
    """
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            of_row = sums[slices[z], rows[y]]
            for x in range(mask.shape[2]):
                if mask[z, y, x]:
                    cell = of_row[columns[x]]
                    cell[0] += 1
                    cell[1] += z
                    cell[2] += y
                    cell[3] += x


@njit(allocates=True)
def _nearest_to_means(mask, slices, rows, columns, steps, means, seeds):
    """Each occupied cell's pixel nearest to its mean; cells in the order of their first pixels.

    Parameters
    ----------
    mask, slices, rows, columns : IN, as in `_sum_cells`
    steps : IN (3,) float64, from slice to slice, row to row, column to column
    means : IN (., ., ., 4) float64, of each cell: pixels, mean slice, row and column
    seeds : OUT (n, 3) float64
    """
    index = np.full(means.shape[:3], -1)
    least = np.full(seeds.shape[0], np.inf)
    n = 0
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            of_row, index_of_row = means[slices[z], rows[y]], index[slices[z], rows[y]]
            for x in range(mask.shape[2]):
                if not mask[z, y, x]:
                    continue
                j = columns[x]
                if index_of_row[j] < 0:
                    index_of_row[j] = n
                    n += 1
                mean, k = of_row[j], index_of_row[j]
                dz, dy = (z - mean[1]) * steps[0], (y - mean[2]) * steps[1]
                dx = (x - mean[3]) * steps[2]
                distance = dz**2 + dy**2 + dx**2
                if distance < least[k]:
                    least[k] = distance
                    seeds[k, 0], seeds[k, 1], seeds[k, 2] = z, y, x
