"""Entropy rate superpixels on the CPU: a bucket queue whose entries may be out of date.

Edge ``pixel * d + k`` leads from a pixel to its right, lower, lower right or lower left neighbour
(k = 0 to 3; d = 2 or 4 of them); a weight of 0 is no edge.

The queue orders edges by cost, the greatest entropy gain of all minus the edge's gain, as an
integer; of equal costs the edge of lower index comes first. Costs only rise. So an edge waits in
the bucket of its last known cost; when the bucket's turn comes, the cost is found anew and the
edge goes on to a later bucket, or into a small heap that orders what belongs to this one. Costs
beyond the last bucket wait in a list, which is dealt out when the buckets are done.

A join changes the costs of edges at its two clusters alone. So an edge that is the best of all at
both its clusters may be joined at once, whatever waits elsewhere. Sweeps over tiles use this to
make most joins within the cache: an edge that comes up in a tile is joined unless one of its
clusters is closed, that is, lies outside or was passed over by a better edge; then both are
closed. What a sweep leaves is left to the next, of larger tiles, and at last to the whole image.
Tiles of a sweep lie whole within those of the next, so no cluster straddles a tile's border.
"""

import heapq
from collections import namedtuple

import numpy as np
from numba.extending import register_jitable

from .._disjoint_set import find, join, number
from ..compilation import njit
from ._rules import colour_weight, entropy_gain, integer_cost, is_border, scales, x_log_x

_BITS = 17  # buckets: 2^_BITS
_RANGE = 47  # their range, in bits of integer cost; the greatest entropy gain is 2^44
_SHIFT = _RANGE - _BITS  # at most 30: a heap entry is the cost within a bucket and 32 bits of edge
_GROWTH = 8  # of tiles from sweep to sweep
_TABLE = 1 << 16  # sizes of clusters whose n log n is kept; there are few clusters beyond
_DEPTH = 0.8  # of sweeps, in greatest entropy gains; few of the last joins cost less

_Graph = namedtuple(
    "_Graph",
    [
        "shape",
        "bits",  # of an edge's number: those of k
        "weight",  # of an edge
        "steps",  # from a pixel to its neighbour k
        "parent",  # of a pixel, in the disjoint sets that are the clusters
        "size",  # of a cluster, at its root
        "closed",  # of a root: the last tile in which the cluster was closed
        "loop",  # weight of a pixel's self-loop, and x log x of it
        "changes",  # of a pixel's loop, at most its edges
        "entropy",  # last known entropy gain of an edge
        "seen",  # changes of both ends when that was found
        "following",  # next edge in the same bucket
        "head",  # first edge in a bucket
        "n_log_n",  # of the sizes that are kept
        "greatest",  # entropy gain at the start
        "factor",  # of the balancing term
        "unit",  # of integer costs, inverse
    ],
)


@njit
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
                    weights[y, x, k] = colour_weight(d, k >= 2, factor, least)


@njit
def weaken(cells, factor, least, weights):
    """Multiply the weights of edges between two cells.

    Parameters
    ----------
    cells : IN (H, W) int32
    factor, least : float, `least` the least weight
    weights : INOUT (H, W, 2 or 4) float64; edges that leave the image are left alone
    """
    height, width = cells.shape
    for y in range(height):
        for x in range(width):
            for k in range(weights.shape[2]):
                v, u = y + (k > 0), x + (k == 0 or k == 2) - (k == 3)
                if v < height and 0 <= u < width and is_border(cells[y, x], cells[v, u]):
                    weights[y, x, k] = max(weights[y, x, k] * factor, least)


@njit
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


@register_jitable
def _unbalance(n_log_n, m, n):
    """Unbalance of a union of m and n pixels, as `integer_cost` takes it."""
    if m + n < n_log_n.size:
        return n_log_n[m + n] - n_log_n[m] - n_log_n[n] - n_log_n[2]
    return x_log_x(float(m + n)) - x_log_x(float(m)) - x_log_x(float(n)) - n_log_n[2]


@njit
def _deal(graph, tile, top, left, bottom, right, limit):
    """Put a tile's edges into the buckets below ``limit``; return a list of all others.

    Clusters that touch the tile from outside are closed.
    """
    height, width = graph.shape
    bits, weight, steps = graph.bits, graph.weight, graph.steps
    parent, size, closed = graph.parent, graph.size, graph.closed
    loop, changes, entropy, seen = graph.loop, graph.changes, graph.entropy, graph.seen
    following, head, n_log_n = graph.following, graph.head, graph.n_log_n
    greatest, factor, unit = graph.greatest, graph.factor, graph.unit
    for y in range(max(top - 1, 0), min(bottom + 1, height)):
        for x in range(max(left - 1, 0), min(right + 1, width)):
            if y < top or y == bottom or x < left or x == right:
                closed[find(parent, y * width + x)] = tile
    waiting = np.int64(-1)
    for y in range(max(top - 1, 0), bottom):
        for x in range(max(left - 1, 0), min(right + 1, width)):
            a = y * width + x
            root_a = find(parent, a)
            for k in range(1 << bits):
                e = (a << bits) + k
                w = weight[e]
                if w == 0:
                    continue
                b = a + steps[k]
                root_b = find(parent, b)
                if root_a == root_b:
                    continue
                if closed[root_a] == tile and closed[root_b] == tile:
                    continue
                if seen[e] != changes[a] + changes[b]:
                    seen[e] = changes[a] + changes[b]
                    entropy[e] = entropy_gain(w, loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1])
                m, n = size[root_a], size[root_b]
                unbalance = _unbalance(n_log_n, m, n)
                bucket = integer_cost(entropy[e], unbalance, greatest, factor, unit) >> _SHIFT
                if bucket < limit:
                    following[e] = head[bucket]
                    head[bucket] = e
                else:
                    following[e] = waiting
                    waiting = e
    return waiting


@njit
def _empty_buckets(graph, tile, origin, limit, waiting, n_left, n_segments):
    """Make the joins of the buckets below ``limit``, in order of cost, while there are too many.

    The first bucket starts at cost ``origin``. Returns the list of edges that wait beyond the
    buckets, how many clusters are left, and the greatest cost of a join.
    """
    bits, weight, steps = graph.bits, graph.weight, graph.steps
    parent, size, closed = graph.parent, graph.size, graph.closed
    loop, changes, entropy, seen = graph.loop, graph.changes, graph.entropy, graph.seen
    following, head, n_log_n = graph.following, graph.head, graph.n_log_n
    greatest, factor, unit = graph.greatest, graph.factor, graph.unit
    last = np.int64(-1)
    heap = [np.int64(0)]
    for bucket in range(limit):
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
            a = e >> bits
            b = a + steps[e - (a << bits)]
            root_a, root_b = find(parent, a), find(parent, b)
            shut_a, shut_b = closed[root_a] == tile, closed[root_b] == tile
            if root_a != root_b and not (shut_a and shut_b):
                if seen[e] != changes[a] + changes[b]:
                    seen[e] = changes[a] + changes[b]
                    entropy[e] = entropy_gain(
                        weight[e], loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1]
                    )
                m, n = size[root_a], size[root_b]
                unbalance = _unbalance(n_log_n, m, n)
                key = integer_cost(entropy[e], unbalance, greatest, factor, unit) - start
                if key >= 1 << _SHIFT:
                    later = bucket + (key >> _SHIFT)
                    if later < limit:
                        following[e] = head[later]
                        head[later] = e
                    else:
                        following[e] = waiting
                        waiting = e
                else:
                    entry = (max(key, np.int64(0)) << 32) | e
                    if entry > known:
                        heapq.heappush(heap, entry)
                    elif shut_a or shut_b:
                        closed[root_a] = tile
                        closed[root_b] = tile
                    else:  # the cost has not risen: no other edge at the two is better
                        join(parent, size, root_a, root_b)
                        for p in (a, b):
                            loop[p, 0] -= weight[e]
                            loop[p, 1] = x_log_x(loop[p, 0])
                            changes[p] += 1
                        n_left -= 1
                        last = max(last, start + key)
            e = after
    return waiting, n_left, last


@njit
def tabulate(n_pixels):
    """Return n log n of the sizes that clusters may have."""
    n_log_n = np.empty(max(n_pixels, 2) + 1)
    for n in range(n_log_n.size):
        n_log_n[n] = x_log_x(float(n))
    return n_log_n


@njit
def scales_of(n_pixels, n_segments, balance, greatest):
    """Return what `scales` does, for the host."""
    return scales(n_pixels, n_segments, balance, greatest)


@njit
def segment(weights, inside, n_pixels, n_segments, balance, side, labels):
    """Join until ``n_segments`` are left; return how many are.

    Parameters
    ----------
    weights : IN (H, W, 2 or 4) float64
    inside : IN (H, W) bool
    n_pixels, n_segments : int
    balance : float
    side : int, of the tiles of the first sweep; 0 is no sweep. -1 is returned, and `labels` says
        nothing, if the sweeps went too far: the last join needed costs no more than one of theirs
    labels : OUT (H, W) int32
    """
    height, width = inside.shape
    d = weights.shape[2]
    w = weights.ravel()
    steps = np.array([1, width, width + 1, width - 1])
    loop = np.zeros((inside.size, 2))
    for e in range(w.size):
        if w[e] > 0:
            loop[e // d, 0] += w[e]
            loop[e // d + steps[e % d], 0] += w[e]
    for p in range(inside.size):
        loop[p, 1] = x_log_x(loop[p, 0])
    entropy = np.zeros(w.size)
    greatest = 0.0
    for e in range(w.size):
        if w[e] > 0:
            a, b = e // d, e // d + steps[e % d]
            entropy[e] = entropy_gain(w[e], loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1])
            greatest = max(greatest, entropy[e])
    n_log_n = tabulate(min(n_pixels, _TABLE))
    factor, unit = scales(n_pixels, n_segments, balance, greatest)
    parent, closed = np.empty(inside.size, np.int32), labels.ravel()
    for p in range(inside.size):
        parent[p] = p
    closed[:] = 0  # the labels' memory, until they are known
    graph = _Graph(
        shape=(height, width),
        bits=d // 2,
        weight=w,
        steps=steps,
        parent=parent,
        size=np.ones(inside.size, np.int32),
        closed=closed,
        loop=loop,
        changes=np.zeros(inside.size, np.uint8),
        entropy=entropy,
        seen=np.zeros(w.size, np.uint8),
        following=np.full(w.size, -1, np.int32),
        head=np.full(1 << _BITS, -1, np.int32),
        n_log_n=n_log_n,
        greatest=greatest,
        factor=factor,
        unit=unit,
    )

    n_left = n_pixels
    nothing, tile = np.int64(-1), 0
    swept = last = np.int64(-1)  # greatest costs of a join: in sweeps, and after them
    limit = min(np.int64(_DEPTH * greatest * unit) >> _SHIFT, 1 << _BITS)
    while 0 < side < max(height, width):
        for top in range(0, height, side):
            for left in range(0, width, side):
                tile += 1
                bottom, right = min(top + side, height), min(left + side, width)
                _deal(graph, tile, top, left, bottom, right, limit)
                _, n_left, cost = _empty_buckets(
                    graph, tile, np.int64(0), limit, nothing, n_left, n_segments
                )
                swept = max(swept, cost)
                if n_left <= n_segments < n_pixels:
                    return -1
        side *= _GROWTH

    tile += 1
    origin = np.int64(0)
    waiting = _deal(graph, tile, 0, 0, height, width, 1 << _BITS)
    while True:
        waiting, n_left, cost = _empty_buckets(
            graph, tile, origin, 1 << _BITS, waiting, n_left, n_segments
        )
        last = max(last, cost)
        if waiting < 0 or n_left <= n_segments:
            break
        origin += np.int64(1) << _RANGE
        graph.head[0], waiting = waiting, nothing  # to be dealt out from the first bucket
    if swept >= 0 and n_left == n_segments and last <= swept:
        return -1
    number(graph.parent, ~inside.ravel(), labels.ravel())
    return n_left
