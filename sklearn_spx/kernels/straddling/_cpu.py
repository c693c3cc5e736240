"""Boxes against regions on the CPU. Boxes are tuples (x0, y0, x1, y1), half open."""

import numpy as np

from ..compilation import njit, rule


@njit
def count_runs(labels, counts):
    """Count the runs of each region.

    Parameters
    ----------
    labels : IN (H, W) int32
    counts : INOUT (n,) int64, zeros
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            if labels[y, x] >= 0 and (x == 0 or labels[y, x - 1] != labels[y, x]):
                counts[labels[y, x]] += 1


@njit
def list_runs(labels, place, runs):
    """List the runs of each region, from above.

    Parameters
    ----------
    labels : IN (H, W) int32
    place : INOUT (n,) int64, where the runs of each region begin
    runs : OUT (R, 3) int32, row, first column, column beyond the last
    """
    height, width = labels.shape
    for y in range(height):
        end = 0
        while end < width:
            start = end
            a = labels[y, start]
            while end < width and labels[y, end] == a:
                end += 1
            if a >= 0:
                runs[place[a], 0], runs[place[a], 1], runs[place[a], 2] = y, start, end
                place[a] += 1


@njit(allocates=True)
def align_and_expand(boxes, region_boxes, sizes, first, runs, thresholds, cut, gains, found):
    """Align each box, then expand it at each threshold.

    Parameters
    ----------
    boxes : IN (N, 4) int32
    region_boxes : IN (n, 4) int32
    sizes : IN (n,) int64, above 0
    first : IN (n + 1,) int64
    runs : IN (R, 3) int32
    thresholds : IN (T,) float64
    cut : SCRATCH (n,) int64
    gains : SCRATCH (n,) float64
    found : OUT (N, 1 + T, 4) int32
    """
    for i in range(boxes.shape[0]):
        box = _box(boxes, i)
        aligned = _align(box, region_boxes, first, runs, cut, gains)
        for t in range(found.shape[1]):
            _write(found, i, t, aligned)
        for s in range(sizes.size):
            region = _box(region_boxes, s)
            if not _meet(region, aligned) or _within(region, aligned):
                continue
            degree = _pixels_inside(aligned, s, first, runs) / sizes[s]
            for t in range(thresholds.size):
                if degree >= thresholds[t]:
                    _write(found, i, 1 + t, _join(_box(found[i], 1 + t), region))


@njit(allocates=True)
def _align(box, region_boxes, first, runs, cut, gains):
    """Tight box of the regions inside, and of those it cuts as long as the overlap does not fall.

    Returns (0, 0, 0, 0) if there is no region in the box.
    """
    nothing = (np.int64(2**31), np.int64(2**31), np.int64(0), np.int64(0))
    aligned = nothing
    n = 0
    for s in range(region_boxes.shape[0]):
        region = _box(region_boxes, s)
        if not _meet(region, box):
            continue
        if _within(region, box):
            aligned = _join(aligned, region)
        elif _pixels_inside(box, s, first, runs):
            cut[n] = s
            n += 1
    for k in range(n):
        gains[k] = -_overlap(_join(aligned, _box(region_boxes, cut[k])), box)
    best = _overlap(aligned, box) if aligned != nothing else 0.0
    for k in np.argsort(gains[:n], kind="mergesort"):  # of equal gains the lower label first
        wider = _join(aligned, _box(region_boxes, cut[k]))
        overlap = _overlap(wider, box)
        if overlap < best:
            break
        aligned, best = wider, overlap
    if aligned == nothing:
        return (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
    return aligned


@njit
def score(boxes, region_boxes, sizes, first, runs, scores):
    """Superpixel straddling of each box.

    Parameters
    ----------
    boxes : IN (N, 4) int32
    region_boxes, sizes, first, runs : IN, as of ``align_and_expand``
    scores : OUT (N,) float64
    """
    for i in range(boxes.shape[0]):
        box = _box(boxes, i)
        straddling = 0
        for s in range(sizes.size):
            region = _box(region_boxes, s)
            if _meet(region, box) and not _within(region, box):
                inside = _pixels_inside(box, s, first, runs)
                straddling += min(inside, sizes[s] - inside)
        scores[i] = 1 - straddling / _area(box)


@njit
def _pixels_inside(box, s, first, runs):
    """Pixels of region ``s`` inside the box."""
    total = 0
    for r in range(first[s], first[s + 1]):
        y = runs[r, 0]
        if y >= box[3]:
            break
        if y >= box[1]:
            total += max(0, min(runs[r, 2], box[2]) - max(runs[r, 1], box[0]))
    return total


@rule
def _box(boxes, i):
    return (
        np.int64(boxes[i, 0]),
        np.int64(boxes[i, 1]),
        np.int64(boxes[i, 2]),
        np.int64(boxes[i, 3]),
    )


@rule
def _write(found, i, t, box):
    found[i, t, 0], found[i, t, 1], found[i, t, 2], found[i, t, 3] = box


@rule
def _join(a, b):
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


@rule
def _meet(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@rule
def _within(a, b):
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]


@rule
def _area(a):
    return (a[2] - a[0]) * (a[3] - a[1])


@rule
def _overlap(a, b):
    """Intersection over union of two boxes that meet."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    common = across * down
    return common / (_area(a) + _area(b) - common)
