"""Boxes on the CPU: around superpixels by runs of rows, up a merge tree, and the best of many."""

import numpy as np

from .._disjoint_set import find, join
from ..compilation import njit


@njit
def enclose(labels, n, boxes, sizes):
    """Tight box and pixels of each superpixel.

    Parameters
    ----------
    labels : IN (H, W) int32, below n
    n : int
    boxes : OUT (>= n, 4) int32
    sizes : INOUT (>= n,) int64, zeros
    """
    height, width = labels.shape
    for a in range(n):
        boxes[a, 0], boxes[a, 1], boxes[a, 2], boxes[a, 3] = width, height, 0, 0
    for y in range(height):
        end = 0
        while end < width:
            start = end
            a = labels[y, start]
            while end < width and labels[y, end] == a:
                end += 1
            if a >= 0:
                boxes[a, 0] = min(boxes[a, 0], start)
                boxes[a, 1] = min(boxes[a, 1], y)
                boxes[a, 2] = max(boxes[a, 2], end)
                boxes[a, 3] = y + 1
                sizes[a] += end - start


@njit(allocates=True)
def climb(merges, n, boxes, sizes, parents):
    """Boxes, sizes and parents of what merges make; return a merge that joins nothing, or -1.

    Parameters
    ----------
    merges : IN (M, 2) int32
    n : int, superpixels
    boxes : INOUT (n + M, 4) int32, those of superpixels filled
    sizes : INOUT (n + M,) int64, likewise
    parents : INOUT (n + M,) int32, -1
    """
    above = np.arange(n)
    count = np.ones(n, np.int64)
    node = np.arange(n)  # of each root
    for k in range(merges.shape[0]):
        a, b = find(above, merges[k, 0]), find(above, merges[k, 1])
        if a == b:
            return k
        first, second, new = node[a], node[b], n + k
        parents[first] = parents[second] = new
        sizes[new] = sizes[first] + sizes[second]
        for c in range(2):
            boxes[new, c] = min(boxes[first, c], boxes[second, c])
            boxes[new, 2 + c] = max(boxes[first, 2 + c], boxes[second, 2 + c])
        node[join(above, count, a, b)] = new
    return -1


@njit
def suppress(boxes, max_overlap, best, kept):
    """Keep boxes that overlap no better one by more than ``max_overlap``; return how many.

    Parameters
    ----------
    boxes : IN (N, 4) float64, the best first
    max_overlap : float
    best : SCRATCH (limit, 4) float64
    kept : OUT (limit,) int64
    """
    n = 0
    for i in range(boxes.shape[0]):
        if n == kept.size:
            break
        x0, y0, x1, y1 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        area = (x1 - x0) * (y1 - y0)
        free = True
        for j in range(n):
            across = min(x1, best[j, 2]) - max(x0, best[j, 0])
            down = min(y1, best[j, 3]) - max(y0, best[j, 1])
            if across <= 0 or down <= 0:
                continue
            common = across * down
            other = (best[j, 2] - best[j, 0]) * (best[j, 3] - best[j, 1])
            if common > max_overlap * (area + other - common) or common == area == other:
                free = False
                break
        if free:
            best[n, 0], best[n, 1], best[n, 2], best[n, 3] = x0, y0, x1, y1
            kept[n] = i
            n += 1
    return n
