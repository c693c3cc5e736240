"""Entropy rate superpixels on the CPU: the loops over pixels and tiles around the queue."""

import numpy as np

from .._disjoint_set import number
from ..compilation import inner, njit
from ._queue import (
    ALL,
    N_BUCKETS,
    RANGE,
    bound_gains,
    deal,
    empty_buckets,
    limit_at,
    open_box,
    open_graph,
)
from ._rules import loop_gain, scales

_U = np.uint64  # an index without a sign spares numba the test for a negative one
N_WORKERS = 31  # times eight numbers of boxes, and 0, are those of a byte


@njit
def scales_of(n_pixels, n_segments, balance, greatest):
    """Return what `scales` does, for the host."""
    return scales(n_pixels, n_segments, balance, greatest)


@inner(allocates=True)
def edges_of(offsets, height, width, n_ways):
    """Bits of an edge's number that tell the edges of a pixel apart, and the step along each."""
    bits = 0
    while 1 << bits < n_ways:
        bits += 1
    steps = np.zeros(n_ways, np.int64)
    for k in range(offsets.shape[0]):
        steps[k] = (offsets[k, 0] * height + offsets[k, 1]) * width + offsets[k, 2]
    return bits, steps


@njit(allocates=True)
def loops_of(weights, height, offsets):
    """Weights of the self-loops at the start, (R * W,) float64.

    Parameters
    ----------
    weights : IN (R, W, 2^bits) float64
    height : int, rows of a slice
    offsets : IN (d, 3) int64
    """
    weight = weights.ravel()
    bits, steps = edges_of(offsets, height, weights.shape[1], weights.shape[2])
    loop = np.zeros(weight.size >> bits)
    for e in range(weight.size):
        w = weight[_U(e)]
        if w > 0:
            a = e >> bits
            loop[_U(a)] += w
            loop[_U(a + steps[_U(e - (a << bits))])] += w
    return loop


@njit(allocates=True)
def greatest_gain(rows, weights, height, offsets, loop):
    """Greatest entropy gain of an edge that begins in a range of rows, two int."""
    width, n_ways = weights.shape[1:]
    bits, steps = edges_of(offsets, height, width, n_ways)
    weight, bounds = weights.ravel(), np.zeros(width)
    greatest = 0.0
    for row in range(rows[0] * width, rows[1] * width, width):
        for k in range(n_ways):
            bound_gains(weight, loop, bits, k, steps[k], row, row + width, np.inf, bounds)
            for x in range(width):
                if bounds[_U(x)] > greatest:
                    a = row + x
                    w = weight[_U((a << bits) + k)]
                    if w > 0:
                        gain = loop_gain(w, loop[_U(a)], loop[_U(a + steps[k])])
                        greatest = max(greatest, gain)
    return greatest


@njit(allocates=True)
def graph_of(weights, height, offsets, loop, n_pixels, scale):
    """The graph in which each pixel is a cluster.

    weights, height, offsets, loop : as of `loops_of`
    n_pixels : int, of the image
    scale : greatest, factor, unit
    """
    n_rows, width, n_ways = weights.shape
    bits, steps = edges_of(offsets, height, width, n_ways)
    n = n_rows * width
    root, ring, open_ = np.empty(n, np.int32), np.empty(n, np.int32), np.zeros(n, np.uint8)
    for p in range(n):
        root[p], ring[p] = -1, p
    shape, clusters = (n_rows // height, height, width), (root, ring, open_)
    return open_graph(shape, bits, weights.ravel(), steps, clusters, loop, n_pixels, scale)


@njit(allocates=True)
def sweep(graph, heads, worker, start, stop, sides, depth):
    """Make the joins of costs up to ``depth`` greatest gains within tiles, one after the other.

    A box's number says who works on it, and along which axes the tile is an odd one: tiles that
    meet, in this slab or the next, and boxes that are worked on at the same time, have others.

    Parameters
    ----------
    graph : Graph, `open` of which is 0 before the first of the sweeps over these tiles
    heads : (1, N_BUCKETS) int32, first edge of each bucket; all are empty, before and after
    worker : int, below N_WORKERS, another one for each that sweeps at the same time
    start, stop : three int, slice, row and column of the first pixel, and those behind the last
    sides : three int, of tiles
    depth : float

    Returns
    -------
    n_joins, last : int, how many, and the greatest cost of one, -1 without any
    """
    limit = limit_at(depth, graph)
    zero, n_joins, last = np.int64(0), 0, np.int64(-1)
    bounds = np.empty((1 << graph.bits, graph.shape[2]))
    for z in range(start[0], stop[0], sides[0]):
        for y in range(start[1], stop[1], sides[1]):
            for x in range(start[2], stop[2], sides[2]):
                odd = 4 * (z // sides[0] & 1) + 2 * (y // sides[1] & 1) + (x // sides[2] & 1)
                box = 1 + 8 * worker + odd
                behind = (
                    min(z + sides[0], stop[0]), min(y + sides[1], stop[1]),
                    min(x + sides[2], stop[2]),
                )  # fmt: skip
                open_box(graph, box, (z, y, x), behind)
                deal(graph, heads[0], box, (z, y, x), behind, 1, limit, bounds)
                _, n, cost = empty_buckets(graph, heads, box, zero, (zero, limit), limit, ALL)
                n_joins += n
                last = max(last, cost)
    return n_joins, last


@njit(allocates=True)
def deal_part(graph, head, first, behind):
    """Put all edges that begin in a part of the image into buckets; arguments as of `deal`.

    All clusters are open.
    """
    bounds = np.empty((1 << graph.bits, graph.shape[2]))
    deal(graph, head, 0, first, behind, 0, N_BUCKETS, bounds)


@njit(allocates=True)
def join_rest(graph, heads, most):
    """Make joins in order of cost until there are ``most``; arguments and returns as of `sweep`."""
    origin, n_joins, last = np.int64(0), 0, np.int64(-1)
    while True:
        waiting, n, cost = empty_buckets(
            graph, heads, 0, origin, (np.int64(0), N_BUCKETS), N_BUCKETS, most - n_joins
        )
        n_joins += n
        last = max(last, cost)
        if waiting < 0 or n_joins >= most:
            return n_joins, last
        heads[0, 0] = waiting  # to be dealt out from the first bucket
        origin += np.int64(1) << RANGE


@njit
def number_clusters(graph, outside, labels):
    """Number the clusters 0, 1, ... in the order of their first pixels.

    outside : IN (R * W,) bool, pixels that get -1; it may be the memory of `graph.open`
    labels : OUT (R * W,) int32, which may be the memory of `graph.ring`
    """
    root = graph.root
    for p in range(root.size):
        if root[p] < 0:
            root[p] = p
    number(root, outside, labels)
