"""Entropy rate superpixels on the CPU: a bucket queue whose entries may be out of date.

Pixels, or the samples of a volume, lie in rows, as `_grid` has them. Edge ``pixel << bits | k`` is
the k-th of d edges of a pixel, and where d is less than 2^bits, the others are none: a weight of 0
is no edge.

The queue orders edges by cost, the greatest entropy gain of all minus the edge's gain, as an
integer; of equal costs the edge of lower index comes first. Costs only rise. So an edge waits in
the bucket of its last known cost; when the bucket's turn comes, the cost is found anew and the
edge goes on to a later bucket, or into a small heap that orders what belongs to this one. At first
a bound without logarithms says where it waits: most edges are within a cluster by the time that
their bucket's turn comes. Costs beyond the last bucket wait in a list, which is dealt out when the
buckets are done.

A join changes the costs of edges at its two clusters alone. So an edge that is the best of all at
both its clusters may be joined at once, whatever waits elsewhere. Sweeps over tiles use this to
make most joins within the cache: an edge that comes up in a tile is joined unless one of its
clusters is closed, that is, lies outside or was passed over by a better edge; then both are
closed. What a sweep leaves is left to the next, of larger tiles, and at last to the whole image.
Tiles of a sweep lie whole within those of the next, so no cluster straddles a tile's border. Those
of volumes are cubes.

An edge's gain is found anew whenever it comes up: to keep it would take as much memory as the
weights.
"""

import heapq
from collections import namedtuple

import numpy as np
from numba.extending import register_jitable

from .._bits import bits_of_double, double_of
from .._disjoint_set import find, join, number
from .._grid import is_row
from ..compilation import inner, njit, rule
from ._rules import colour_weight, entropy_gain, integer_cost, is_border, scales, x_log_x

_BITS = 17  # buckets: 2^_BITS
_RANGE = 47  # their range, in bits of integer cost; the greatest entropy gain is 2^44
_SHIFT = _RANGE - _BITS  # at most 30: a heap entry is the cost within a bucket and 32 bits of edge
_TABLE = 1 << 16  # sizes of clusters whose n log n is kept; there are few clusters beyond
_LN2 = 0.6931471805599453
_ROUNDING = 1e-12  # far more than the arithmetic of a gain errs by
_DEPTH = 0.8  # of sweeps, in greatest entropy gains; few of the last joins cost less

_Graph = namedtuple(
    "_Graph",
    [
        "shape",
        "bits",  # of an edge's number: those of k
        "weight",  # of an edge
        "steps",  # from a pixel to the end of its edge k
        "parent",  # of a pixel, in the disjoint sets that are the clusters
        "size",  # of a cluster, at its root
        "closed",  # of a root: the last tile in which the cluster was closed
        "loop",  # weight of a pixel's self-loop, and x log x of it
        "following",  # next edge in the same bucket
        "head",  # first edge in a bucket
        "n_log_n",  # of the sizes that are kept
        "greatest",  # entropy gain at the start
        "factor",  # of the balancing term
        "unit",  # of integer costs, inverse
    ],
)


@njit
def colour_weights(image, height, offsets, squares, factor, least, weights):
    """exp(factor d^2 l^2), d the sum of absolute differences, l the length of the edge.

    Parameters
    ----------
    image : IN (R, W, C) float32
    height : int, rows of a slice
    offsets : IN (d, 3) int64
    squares : IN (d,) float64, of the lengths
    factor, least : float, `least` the least weight
    weights : OUT (R, >= W, >= d) float64; edges that leave the image are not written
    """
    n_rows, width, n_channels = image.shape
    for row in range(n_rows):
        for k in range(offsets.shape[0]):
            if is_row(row, offsets[k], height, n_rows):
                other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
                for x in range(max(-right, 0), width - max(right, 0)):
                    d = 0.0
                    for c in range(n_channels):
                        here, there = image[row, x, c], image[other, x + right, c]
                        d += abs(np.float64(here) - np.float64(there))
                    weights[row, x, k] = colour_weight(d, squares[k], factor, least)


@njit
def weaken(cells, height, offsets, factor, least, weights):
    """Multiply the weights of edges between two cells.

    Parameters
    ----------
    cells : IN (R, W) int32
    height, offsets : as of `colour_weights`
    factor, least : float, `least` the least weight
    weights : INOUT (R, >= W, >= d) float64; edges that leave the image are left alone
    """
    n_rows, width = cells.shape
    for row in range(n_rows):
        for k in range(offsets.shape[0]):
            if is_row(row, offsets[k], height, n_rows):
                other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
                for x in range(max(-right, 0), width - max(right, 0)):
                    if is_border(cells[row, x], cells[other, x + right]):
                        weights[row, x, k] = max(weights[row, x, k] * factor, least)


@njit
def cut_edges(inside, height, offsets, weights):
    """Set to 0 the weights of edges that leave the image or the mask, and of those there are not.

    Parameters
    ----------
    inside : IN (R, W) bool
    height, offsets : as of `colour_weights`
    weights : INOUT (R, W, >= d) float64
    """
    n_rows, width = inside.shape
    for row in range(n_rows):
        for k in range(weights.shape[2]):
            if k >= offsets.shape[0] or not is_row(row, offsets[k], height, n_rows):
                weights[row, :, k] = 0
                continue
            other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
            for x in range(width):
                there = 0 <= x + right < width and inside[row, x] and inside[other, x + right]
                if not there:
                    weights[row, x, k] = 0


@register_jitable
def unbalance_of(n_log_n, m, n):
    """Unbalance of a union of m and n pixels, as `integer_cost` takes it."""
    if m + n < n_log_n.size:
        return n_log_n[m + n] - n_log_n[m] - n_log_n[n] - n_log_n[2]
    return x_log_x(float(m + n)) - x_log_x(float(m)) - x_log_x(float(n)) - n_log_n[2]


@register_jitable
def _most_gain(w, loop_a, loop_b, log_a, log_b):
    """At least `entropy_gain`, by some hundredths too much; infinite where that is not sure.

    The tangent of x log x at a loop lies below it; the logarithm of w lies above that of its power
    of two and the chord to the next.
    """
    if not (w <= loop_a and w <= loop_b):  # loops are sums, and rounded
        return np.inf
    bits = bits_of_double(w)
    power = bits >> 52
    least_log = _LN2 * (float(power - 1024) + double_of(bits - ((power - 1023) << 52)))
    most = w * (2.0 + log_a / loop_a + log_b / loop_b - 2.0 * least_log)
    return most + _ROUNDING * (abs(log_a) + abs(log_b) + loop_a + loop_b + abs(most))


@njit
def deal(graph, tile, first, behind, limit, drops):
    """Put a tile's edges into the buckets below ``limit``; return a list of all others.

    Clusters that touch the tile from outside are closed.

    Parameters
    ----------
    graph : _Graph
    tile : int, its number
    first, behind : three int, slice, row and column of its first pixel, and those behind its last
    limit : int
    drops : bool, whether that list is of no use and need not be whole
    """
    depth, height, width = graph.shape
    bits, weight, steps = graph.bits, graph.weight, graph.steps
    parent, size, closed = graph.parent, graph.size, graph.closed
    loop, following, head, n_log_n = graph.loop, graph.following, graph.head, graph.n_log_n
    greatest, factor, unit = graph.greatest, graph.factor, graph.unit
    front, top, left = first
    back, bottom, right = behind
    for z in range(max(front - 1, 0), min(back + 1, depth)):
        for y in range(max(top - 1, 0), min(bottom + 1, height)):
            beside = z < front or z == back or y < top or y == bottom
            for x in range(max(left - 1, 0), min(right + 1, width)):
                if beside or x < left or x == right:
                    closed[find(parent, (z * height + y) * width + x)] = tile
    waiting = np.int64(-1)
    below = min(bottom + (depth > 1), height)  # rows whose edges may lead into the next slice
    for row in range(max(front - 1, 0) * height, back * height):
        y = row % height
        if y < top - 1 or y >= below:
            continue
        for x in range(max(left - 1, 0), min(right + 1, width)):
            a = row * width + x
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
                m, n = size[root_a], size[root_b]
                unbalance = unbalance_of(n_log_n, m, n)
                gain = _most_gain(w, loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1])
                if gain == np.inf:
                    gain = entropy_gain(w, loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1])
                bucket = integer_cost(gain, unbalance, greatest, factor, unit) >> _SHIFT
                if bucket >= limit and drops:
                    continue
                bucket = max(bucket, 0)
                if bucket < limit:
                    following[e] = head[bucket]
                    head[bucket] = e
                else:
                    following[e] = waiting
                    waiting = e
    return waiting


@njit
def empty_buckets(graph, tile, origin, limit, waiting, n_left, n_segments):
    """Make the joins of the buckets below ``limit``, in order of cost, while there are too many.

    The first bucket starts at cost ``origin``. Returns the list of edges that wait beyond the
    buckets, how many clusters are left, and the greatest cost of a join.
    """
    bits, weight, steps = graph.bits, graph.weight, graph.steps
    parent, size, closed = graph.parent, graph.size, graph.closed
    loop, following, head, n_log_n = graph.loop, graph.following, graph.head, graph.n_log_n
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
                w = weight[e]
                entropy = entropy_gain(w, loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1])
                m, n = size[root_a], size[root_b]
                unbalance = unbalance_of(n_log_n, m, n)
                key = integer_cost(entropy, unbalance, greatest, factor, unit) - start
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
                            loop[p, 0] -= w
                            loop[p, 1] = x_log_x(loop[p, 0])
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


@inner
def edges_of(offsets, height, width, n_ways):
    """Bits of an edge's number that tell the edges of a pixel apart, and the step along each."""
    bits = 0
    while 1 << bits < n_ways:
        bits += 1
    steps = np.zeros(n_ways, np.int64)
    for k in range(offsets.shape[0]):
        steps[k] = (offsets[k, 0] * height + offsets[k, 1]) * width + offsets[k, 2]
    return bits, steps


@inner
def sum_loops(weight, bits, steps, loop):
    """Fill in the weights of the self-loops at the start, and x log x of them; `loop` is 0."""
    for e in range(weight.size):
        if weight[e] > 0:
            a = e >> bits
            loop[a, 0] += weight[e]
            loop[a + steps[e - (a << bits)], 0] += weight[e]
    for p in range(len(loop)):
        loop[p, 1] = x_log_x(loop[p, 0])


@inner
def greatest_gain(weight, bits, steps, loop):
    """Greatest entropy gain of an edge."""
    greatest = 0.0
    for e in range(weight.size):
        w = weight[e]
        if w > 0:
            a = e >> bits
            b = a + steps[e - (a << bits)]
            if _most_gain(w, loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1]) > greatest:
                gain = entropy_gain(w, loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1])
                greatest = max(greatest, gain)
    return greatest


@rule
def limit_at(depth, greatest, unit):
    """The bucket behind those of costs up to ``depth`` greatest gains."""
    return min(np.int64(depth * greatest * unit) >> _SHIFT, 1 << _BITS)


@inner
def open_graph(shape, bits, weight, steps, sets, loop, n_pixels, scale):
    """The graph, with empty buckets.

    sets : parent, size, closed
    scale : greatest, factor, unit
    """
    parent, size, closed = sets
    greatest, factor, unit = scale
    return _Graph(
        shape=shape,
        bits=bits,
        weight=weight,
        steps=steps,
        parent=parent,
        size=size,
        closed=closed,
        loop=loop,
        following=np.full(weight.size, -1, np.int32),
        head=np.full(1 << _BITS, -1, np.int32),
        n_log_n=tabulate(min(n_pixels, _TABLE)),
        greatest=greatest,
        factor=factor,
        unit=unit,
    )


@inner
def sweep(graph, start, stop, side, growth, limit, n_left, n_segments):
    """Make joins within tiles, of a side that grows until one holds all from start to stop.

    Returns the number of the last tile, how many clusters are left, and the greatest cost of a
    join. It ends where no more than ``n_segments`` are left.
    """
    front, top, left = start
    back, bottom, right = stop
    tile, swept = 0, np.int64(-1)
    while 0 < side < max(back - front, bottom - top, right - left):
        for z in range(front, back, side):
            for y in range(top, bottom, side):
                for x in range(left, right, side):
                    tile += 1
                    behind = (min(z + side, back), min(y + side, bottom), min(x + side, right))
                    deal(graph, tile, (z, y, x), behind, limit, True)
                    _, n_left, cost = empty_buckets(
                        graph, tile, np.int64(0), limit, np.int64(-1), n_left, n_segments
                    )
                    swept = max(swept, cost)
                    if n_left <= n_segments:
                        return tile, n_left, swept
        side *= growth
    return tile, n_left, swept


@njit
def segment(weights, inside, height, offsets, n_pixels, n_segments, balance, side, growth, labels):
    """Join until ``n_segments`` are left; return how many are.

    Parameters
    ----------
    weights : IN (R, W, 2^bits) float64
    inside : IN (R, W) bool
    height : int, rows of a slice
    offsets : IN (d, 3) int64, from a pixel to the ends of its edges, d at most 2^bits
    n_pixels, n_segments : int
    balance : float
    side : int, of the tiles of the first sweep; 0 is no sweep. -1 is returned, and `labels` says
        nothing, if the sweeps went too far: the last join needed costs no more than one of theirs
    growth : int, of the side from sweep to sweep
    labels : OUT (R, W) int32
    """
    width = inside.shape[1]
    depth = inside.shape[0] // height
    w = weights.ravel()
    bits, steps = edges_of(offsets, height, width, weights.shape[2])
    loop = np.zeros((inside.size, 2))
    sum_loops(w, bits, steps, loop)
    greatest = greatest_gain(w, bits, steps, loop)
    factor, unit = scales(n_pixels, n_segments, balance, greatest)
    parent, closed = np.empty(inside.size, np.int32), labels.ravel()
    for p in range(inside.size):
        parent[p] = p
    closed[:] = 0  # the labels' memory, until they are known
    size = np.ones(inside.size, np.int32)
    whole = (depth, height, width)
    sets, scale = (parent, size, closed), (greatest, factor, unit)
    graph = open_graph(whole, bits, w, steps, sets, loop, n_pixels, scale)

    nothing, start = np.int64(-1), (0, 0, 0)
    limit = limit_at(_DEPTH, greatest, unit)
    tile, n_left, swept = sweep(graph, start, whole, side, growth, limit, n_pixels, n_segments)
    if n_left <= n_segments < n_pixels:
        return -1
    tile += 1
    origin, last = np.int64(0), np.int64(-1)
    waiting = deal(graph, tile, start, whole, 1 << _BITS, False)
    while True:
        waiting, n_left, cost = empty_buckets(
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
