"""Entropy rate superpixels on the CPU: a bucket queue whose entries may be out of date.

Edge ``pixel * d + k`` leads from a pixel to its right, lower, lower right or lower left neighbour
(k = 0 to 3; d = 2 or 4 of them); a weight of 0 is no edge.

The queue orders edges by cost, the greatest entropy gain of all minus the edge's gain, as an
integer; of equal costs the edge of lower index comes first. Costs only rise. So an edge waits in
the bucket of its last known cost; when the bucket's turn comes, the cost is found anew and the
edge goes on to a later bucket, or into a small heap that orders what belongs to this one. Costs
beyond the last bucket wait in a list, which is dealt out when the buckets are done.
"""

import heapq

import numpy as np
from numba import njit

from .._disjoint_set import find, join, number

_BITS = 17  # buckets: 2^_BITS
_RANGE = 47  # their range, in bits of integer cost; the greatest entropy gain is 2^44
_SHIFT = _RANGE - _BITS  # at most 30: a heap entry is the cost within a bucket and 32 bits of edge


@njit(cache=True, nogil=True)
def colour_weights(image, factor, least, weights):
    """exp(factor d^2), d the sum of absolute differences.

    Parameters
    ----------
    image : IN (H, W, C) float32
    factor, least : float, `least` the least weight
    weights : OUT (H, W, 2 or 4) float64; edges that leave the image are not written
    """
    height, width, n_channels = image.shape
    for y in range(height):
        for x in range(width):
            for k in range(weights.shape[2]):
                v, u = y + (k > 0), x + (k == 0 or k == 2) - (k == 3)
                if v < height and 0 <= u < width:
                    d = 0.0
                    for c in range(n_channels):
                        d += abs(np.float64(image[y, x, c]) - np.float64(image[v, u, c]))
                    square = d * d if k < 2 else 2 * d * d
                    weights[y, x, k] = max(np.exp(factor * square), least)


@njit(cache=True, nogil=True)
def cut_edges(weights, inside):
    """Set to 0 the weights of edges that leave the image or the mask.

    Parameters
    ----------
    weights : INOUT (H, W, 2 or 4) float64
    inside : IN (H, W) bool
    """
    height, width = inside.shape
    for y in range(height):
        for x in range(width):
            for k in range(weights.shape[2]):
                v, u = y + (k > 0), x + (k == 0 or k == 2) - (k == 3)
                there = v < height and 0 <= u < width
                if not (there and inside[y, x] and inside[v, u]):
                    weights[y, x, k] = 0


@njit(cache=True, nogil=True)
def _x_log_x(x):
    return x * np.log(x) if x > 0 else 0.0


@njit(cache=True, nogil=True)
def _entropy_gain(w, loop_a, loop_b):
    """What the entropy rate gains by an edge, times log 2 (self-loops of weight loop_a, loop_b)."""
    return (
        _x_log_x(loop_a)
        + _x_log_x(loop_b)
        - _x_log_x(loop_a - w)
        - _x_log_x(loop_b - w)
        - 2 * _x_log_x(w)
    )


@njit(cache=True, nogil=True)
def segment(weights, inside, n_pixels, n_segments, balance, labels):
    """Join until ``n_segments`` are left; return how many are.

    Parameters
    ----------
    weights : IN (H, W, 2 or 4) float64
    inside : IN (H, W) bool
    n_pixels, n_segments : int
    balance : float
    labels : OUT (H, W) int32
    """
    width, d = inside.shape[1], weights.shape[2]
    w = weights.ravel()
    steps = np.array([1, width, width + 1, width - 1])
    parent = np.arange(inside.size).astype(np.int32)
    size = np.ones(inside.size, np.int32)
    # Weights are not divided by their sum: the entropy gain is homogeneous in them, and the
    # balancing term is scaled by the greatest of the gains.
    loop = np.zeros(inside.size)
    for e in range(w.size):
        if w[e] > 0:
            loop[e // d] += w[e]
            loop[e // d + steps[e % d]] += w[e]
    entropy = np.zeros(w.size)
    greatest = 0.0
    for e in range(w.size):
        if w[e] > 0:
            entropy[e] = _entropy_gain(w[e], loop[e // d], loop[e // d + steps[e % d]])
            greatest = max(greatest, entropy[e])
    # n log n of cluster sizes n: the balancing term's gain is 1 - (that of the union minus those
    # of the parts) / (N log 2), and greatest, 1 - 2 / N, for two pixels.
    n_log_n = np.arange(n_pixels + 1).astype(np.float64)
    for n in range(1, n_pixels + 1):
        n_log_n[n] *= np.log(n_log_n[n])
    factor = 0.0
    if n_pixels > 2:
        factor = balance * n_segments * greatest / ((1 - 2 / n_pixels) * n_pixels * np.log(2.0))
    pair = 2 * np.log(2.0)  # n log n of two pixels: what the first joins cost is 0
    most = greatest + factor * n_log_n[n_pixels]
    unit = min(2.0**44 / greatest, 2.0**62 / most) if greatest > 0 else 0.0

    changes = np.zeros(inside.size, np.uint8)  # of a pixel's loop, at most its edges
    seen = np.zeros(w.size, np.uint8)  # changes of both ends when the entropy gain was found
    head = np.full(1 << _BITS, -1, np.int32)
    following = np.full(w.size, -1, np.int32)
    waiting = np.int64(-1)  # beyond the buckets
    for e in range(w.size - 1, -1, -1):
        if w[e] > 0:
            following[e] = waiting
            waiting = e
    n_left = n_pixels
    origin = np.int64(0)
    heap = [np.int64(0)]
    while waiting >= 0 and n_left > n_segments:
        e, waiting = waiting, np.int64(-1)
        backwards = np.int64(-1)
        while e >= 0:  # the list is turned round, so that buckets come out in order of index
            after = np.int64(following[e])
            following[e] = backwards
            backwards, e = e, after
        e = backwards
        while e >= 0:
            after = np.int64(following[e])
            bucket = 0
            if origin == 0:
                bucket = np.int64((greatest - entropy[e]) * unit + 0.5) >> _SHIFT
            following[e] = head[bucket]
            head[bucket] = e
            e = after
        for bucket in range(head.size):
            e = np.int64(head[bucket])
            if e < 0:
                continue
            head[bucket] = -1
            if n_left <= n_segments:
                break
            start = origin + (np.int64(bucket) << _SHIFT)
            heap.clear()
            known = np.int64(-1)
            while True:
                if e >= 0:
                    after = np.int64(following[e])
                elif len(heap) > 0 and n_left > n_segments:
                    known = heapq.heappop(heap)
                    e = known & np.int64(0xFFFFFFFF)
                    after = np.int64(-1)
                else:
                    break
                a = e // d
                b = a + steps[e - a * d]
                root_a, root_b = find(parent, a), find(parent, b)
                if root_a != root_b:
                    if seen[e] != changes[a] + changes[b]:
                        seen[e] = changes[a] + changes[b]
                        entropy[e] = _entropy_gain(w[e], loop[a], loop[b])
                    m, n = size[root_a], size[root_b]
                    cost = greatest - entropy[e]
                    cost += factor * (n_log_n[m + n] - n_log_n[m] - n_log_n[n] - pair)
                    key = np.int64(cost * unit + 0.5) - start
                    if key >= 1 << _SHIFT:
                        later = bucket + (key >> _SHIFT)
                        if later < head.size:
                            following[e] = head[later]
                            head[later] = e
                        else:
                            following[e] = waiting
                            waiting = e
                    else:
                        entry = (max(key, np.int64(0)) << 32) | e
                        if entry > known:
                            heapq.heappush(heap, entry)
                        else:  # the cost has not risen: no other edge is better
                            join(parent, size, root_a, root_b)
                            loop[a] -= w[e]
                            loop[b] -= w[e]
                            changes[a] += 1
                            changes[b] += 1
                            n_left -= 1
                e = after
        origin += np.int64(1) << _RANGE
    number(parent, ~inside.ravel(), labels.ravel())
    return n_left
