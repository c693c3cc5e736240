"""Entropy rate superpixels block by block: the loops over pixels and edges.

A block is given with a ring of one pixel around it, where there is one. Clusters that reach into
the ring are closed from the beginning, and so are not joined. Of those the size is that of the part
in sight: too small, so that their edges come up too early if at all, and close what they touch.
"""

import heapq

import numpy as np

from .._disjoint_set import find, join
from ..compilation import inner, njit, rule
from ._cpu import edges_of, sweep
from ._queue import no_edges, open_graph, tabulate, unbalance_of
from ._rules import entropy_gain, integer_cost, loop_gain, x_log_x

_TABLE = 4096  # sizes of clusters whose n log n is kept


@njit
def roots_of(parent, root):
    """Write the root of each, OUT (n,) int64."""
    for i in range(parent.size):
        root[i] = find(parent, i)


@rule
def is_within(row, column, box):
    """Whether a pixel lies in a box."""
    return box[0] <= row < box[1] and box[2] <= column < box[3]


@njit
def find_roots(ids, outer, image_width, parent):
    """Set the parent of each pixel whose cluster's pixel is in sight, of others to -1.

    Parameters
    ----------
    ids : IN (H, W | 1) int64, a pixel of each one's cluster, as row * image_width + column
    outer : four int, first row and the one behind the last, and columns
    image_width : int
    parent : OUT (H * (W | 1),) int32
    """
    height, width = ids.shape
    for y in range(height):
        for x in range(width):
            row, column = ids[y, x] // image_width, ids[y, x] % image_width
            there = (row - outer[0]) * width + column - outer[2]
            parent[y * width + x] = there if is_within(row, column, outer) else -1


@njit(allocates=True)
def join_block(weights, offsets, core, scale, depth, tiles, n_pixels, loop, parent):
    """Make the joins of a block that need nothing beyond; return the greatest cost of one.

    Parameters
    ----------
    weights : IN (H, W, 2^bits) float64, of the block and its ring
    offsets : IN (d, 3) int64
    core : four int, first row of the block and the one behind its last, and columns
    scale : greatest, factor, unit
    depth : float, joins are made of costs up to as many greatest gains
    tiles : two int, side of the first tiles within, 0 for none, and its growth
    n_pixels : int, of the whole image
    loop : INOUT (H * W,) float64
    parent : INOUT (H * W,) int32
    """
    height, width, n_ways = weights.shape
    bits, steps = edges_of(offsets, height, width, n_ways)
    clusters = _clusters_of(parent)
    root = clusters[0]
    graph = open_graph(
        (1, height, width), bits, weights.ravel(), steps, clusters, loop, n_pixels, scale
    )
    first, behind = (0, core[0], core[2]), (1, core[1], core[3])
    heads = no_edges(1)
    side, growth = tiles
    last, longest = np.int64(-1), max(core[1] - core[0], core[3] - core[2])
    while True:
        if side == 0 or side > longest:
            side = longest
        _, cost = sweep(graph, heads, 0, first, behind, (1, side, side), depth)
        last = max(last, cost)
        if side == longest:
            break
        graph.open[:] = 0
        side *= growth
    for p in range(parent.size):
        parent[p] = p if root[p] < 0 else root[p]
    return last


@inner(allocates=True)
def _clusters_of(parent):
    """Root, ring and open, as `Graph` has them, of disjoint sets."""
    root, ring = np.empty(parent.size, np.int32), np.empty(parent.size, np.int32)
    for p in range(parent.size):
        root[p], ring[p] = -1, p
    for p in range(parent.size):
        r = find(parent, p)
        if r != p:
            root[p] = r
            root[r] -= 1
            ring[p], ring[r] = ring[r], p
    return root, ring, np.zeros(parent.size, np.uint8)


@njit
def write_ids(parent, outer, image_width, ids):
    """Write a pixel of each one's cluster, where it is in sight and else as it is.

    Arguments as of `find_roots`; `ids` INOUT.
    """
    height, width = ids.shape
    for y in range(height):
        for x in range(width):
            root = find(parent, y * width + x)
            row, column = root // width, root % width
            known = ids[row, column]
            if is_within(known // image_width, known % image_width, outer):
                ids[y, x] = (row + outer[0]) * image_width + column + outer[2]


@njit(allocates=True)
def list_edges(weights, offsets, core, scale, bounds, loop, parent, found, weight, counts):
    """Write the block's edges between clusters of costs from low to high; return how many.

    Parameters
    ----------
    weights, offsets, core, scale, loop : as of `join_block`; edges begin in the block
    bounds : low, high, step; int, of cost
    parent : IN (H * W,) int32
    found : OUT (n, 2) int64, pixel and k of each edge; n of 0: they are counted
    weight : OUT (n,) float64
    counts : INOUT (m,) int64, edges of costs from high on, by step
    """
    height, width, n_ways = weights.shape
    bits, steps = edges_of(offsets, height, width, n_ways)
    flat = weights.ravel()
    size = np.zeros(parent.size, np.int32)
    for p in range(parent.size):
        size[find(parent, p)] += 1
    n_log_n = tabulate(_TABLE)
    low, high, step = bounds
    n = 0
    for y in range(core[0], core[1]):
        for x in range(core[2], core[3]):
            a = y * width + x
            root_a = find(parent, a)
            for k in range(n_ways):
                w = flat[(a << bits) + k]
                if w == 0:
                    continue
                b = a + steps[k]
                root_b = find(parent, b)
                if root_a == root_b:
                    continue
                gain = loop_gain(w, loop[a], loop[b])
                unbalance = unbalance_of(n_log_n, size[root_a], size[root_b])
                cost = integer_cost(gain, unbalance, scale[0], scale[1], scale[2])
                if cost >= high:
                    counts[min((cost - high) // step, counts.size - 1)] += 1
                elif cost >= low:
                    if len(found):
                        found[n, 0], found[n, 1], weight[n] = a, k, w
                    n += 1
    return n


@njit(allocates=True)
def join_listed(edges, weight, ends, slots, scale, high, n_segments, sets, loop, later):
    """Make joins along listed edges, in order of cost, below ``high``.

    Parameters
    ----------
    edges : IN (n,) int64, their numbers, ascending: the order among equal costs
    weight : IN (n,) float64
    ends : IN (n, 2) int64, clusters
    slots : IN (n, 2) int64, places of their pixels in `loop`
    scale : greatest, factor, unit
    high : int, of cost
    n_segments : int, where it ends
    sets : parent (m,) int64, size (m,) int64, of clusters; number left (1,) int64; all INOUT
    loop : INOUT (l, 2) float64
    later : OUT (n,) bool, edges whose turn has not come

    Returns
    -------
    cost : int, of the last join, -1 without any
    """
    parent, size, left = sets
    n_log_n = tabulate(_TABLE)
    heap = [(np.int64(-1), np.int64(-1)) for _ in range(0)]
    last = np.int64(-1)
    for i in range(edges.size):
        later[i] = False
        heap.append((np.int64(-1), np.int64(i)))  # no cost is known yet
    for p in range(len(loop)):
        loop[p, 1] = x_log_x(loop[p, 0])
    while len(heap) > 0 and left[0] > n_segments:
        known, i = heapq.heappop(heap)
        root_a, root_b = find(parent, ends[i, 0]), find(parent, ends[i, 1])
        if root_a == root_b:
            continue
        a, b = slots[i, 0], slots[i, 1]
        gain = entropy_gain(weight[i], loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1])
        unbalance = unbalance_of(n_log_n, size[root_a], size[root_b])
        cost = integer_cost(gain, unbalance, scale[0], scale[1], scale[2])
        if cost >= high:
            later[i] = True
        elif cost > known:
            heapq.heappush(heap, (cost, i))
        else:
            join(parent, size, root_a, root_b)
            for p in (a, b):
                loop[p, 0] -= weight[i]
                loop[p, 1] = x_log_x(loop[p, 0])
            left[0] -= 1
            last = max(last, cost)
    return last
