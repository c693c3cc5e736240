"""Merging on a GPU: connected components, and Boruvka's algorithm on the ranks of edges.

Ranks differ, so there is one minimum spanning forest, and Boruvka's finds Kruskal's. Each of its
levels joins clusters across the first edge of each. Clusters and what they become are a tree, whose
links carry these edges: the last edge on the path between two leaves is the last one on their path
in the forest (King, "A simpler minimum spanning tree verification algorithm", 1997).
"""

import numpy as np
from numba import cuda

from .._cuda_common import fill, for_each, unite
from .._cuda_graph import LAST, graph_of, join_small, number, sort_edges
from .._cuda_scan import prefix_sum
from .._device import kernel
from .._disjoint_set import root


def merge(session, edges, weights, n_regions, threshold, min_size):
    """Segments of `merge_regions`, as an array of the caller's kind."""
    edges, weights, n_regions = graph_of(session, edges, weights, n_regions)
    n = edges.shape[0]
    on = session.allocate(
        "merge_regions",
        parent=((n_regions,), np.int32),
        sizes=((n_regions,), np.int64),
        low=((n,), np.int32),
        high=((n,), np.int32),
        none=((1,), np.bool_),
    )
    for_each(session, n_regions, start, on.parent, on.sizes)
    for_each(session, n, join_weak, edges, weights, threshold, on.parent, on.low, on.high)
    if min_size > 1:
        for_each(session, n_regions, count_members, on.parent, on.sizes)
        join_small(session, (on.low, on.high), on.parent, on.sizes, min_size)
    own, segments = session.new_result((n_regions,), np.int32)
    number(session, on.parent, on.none[:0], segments)
    return session.result(own)


def spanning_forest(session, edges, weights, n_regions):
    """Heights and tree of `merge_heights`, as arrays of the caller's kind."""
    edges, weights, n_regions = graph_of(session, edges, weights, n_regions)
    n = edges.shape[0]
    order, _, (low, high) = sort_edges(session, edges, weights)
    on = session.allocate(
        "merge_heights",
        up=((2 * n_regions,), np.int32),
        link=((2 * n_regions,), np.int32),
        first=((n_regions,), np.int32),
        target=((n_regions,), np.int32),
        flags=((n_regions,), np.uint8),
        numbers=((n_regions + 1,), np.int32),
        in_tree=((n,), np.uint8),
        low=((n,), np.int32),
        high=((n,), np.int32),
        places=((n + 1,), np.int32),
    )
    for_each(session, n, copy_ends, low, high, on.low, on.high, on.in_tree)
    base, m = 0, n_regions
    while m > 0:
        m_new = _join_level(session, on, base, m)
        base, m = base + m, m_new
    prefix_sum(session, on.in_tree, on.places)
    n_tree = int(session.copy_out(on.places[n:])[0])
    own_heights, heights = session.new_result((n,), np.float64)
    own_tree, tree = session.new_result((n_tree,), np.int64)
    for_each(session, n, climb, low, high, on.up, on.link, order, weights, heights)
    for_each(session, n, write_tree, order, on.in_tree, on.places, tree)
    return session.result(own_heights), session.result(own_tree)


def _join_level(session, on, base, m):
    """Join each of the m nodes from base on across its first edge; return how many are left.

    Those that have no edge are done, and not counted.
    """
    n = on.low.shape[0]
    target = on.target[:m]
    for_each(session, m, fill, on.first[:m], LAST)
    for_each(session, n, find_first, on.low, on.high, base, on.first)
    for_each(session, m, choose, on.low, on.high, base, on.first, target, on.link, on.in_tree)
    for _ in range(m.bit_length()):
        for_each(session, m, jump, target)
    for_each(session, m, flag_roots, target, on.first, on.flags)
    prefix_sum(session, on.flags[:m], on.numbers[: m + 1])
    for_each(session, m, rise, target, on.first, on.numbers, base, on.up)
    for_each(session, n, raise_ends, on.up, on.low, on.high)
    return int(session.copy_out(on.numbers[m : m + 1])[0])


@kernel
def start(parent, sizes):
    """Make each region a cluster; parent : OUT (n,) int32; sizes : OUT (n,) int64, zeros."""
    i = cuda.grid(1)
    if i < parent.shape[0]:
        parent[i] = i
        sizes[i] = 0


@kernel
def join_weak(edges, weights, threshold, parent, low, high):
    """Join across edges of little weight, and list the ends of all; grid: a thread an edge.

    Parameters
    ----------
    edges : IN (E, 2) int32
    weights : IN (E,) float64
    threshold : float
    parent : INOUT (n,) int32
    low, high : OUT (E,) int32
    """
    e = cuda.grid(1)
    if e < weights.shape[0]:
        low[e], high[e] = edges[e, 0], edges[e, 1]
        if weights[e] <= threshold:
            unite(parent, np.int64(edges[e, 0]), np.int64(edges[e, 1]))


@kernel
def count_members(parent, sizes):
    """Count the regions of each cluster; sizes : INOUT (n,) int64, zeros; a thread a region."""
    i = cuda.grid(1)
    if i < parent.shape[0]:
        cuda.atomic.add(sizes, root(parent, i), 1)


@kernel
def copy_ends(low, high, low_out, high_out, in_tree):
    """Copy the ends of edges; in_tree : OUT (E,) uint8, zeros; grid: a thread an edge."""
    i = cuda.grid(1)
    if i < low.shape[0]:
        low_out[i], high_out[i], in_tree[i] = low[i], high[i], 0


@kernel
def find_first(low, high, base, first):
    """Find the first edge of each node; first : INOUT (m,) int32; grid: a thread an edge."""
    i = cuda.grid(1)
    if i < low.shape[0] and low[i] != high[i]:
        for a in (low[i] - base, high[i] - base):
            if i < first[a]:
                cuda.atomic.min(first, a, i)


@kernel
def choose(low, high, base, first, target, link, in_tree):
    """Join each node with the other end of its first edge; grid: a thread a node.

    Parameters
    ----------
    low, high : IN (E,) int32, nodes of each edge's ends
    base : int, first node of the level
    first : IN (m,) int32
    target : OUT (m,) int32, the node that each is to follow; of a pair one follows itself
    link : OUT (2 n,) int32, from `base` on, edge of each node
    in_tree : INOUT (E,) uint8
    """
    c = cuda.grid(1)
    if c >= target.shape[0]:
        return
    target[c] = c
    i = first[c]
    if i == LAST:
        return
    link[base + c] = i
    in_tree[i] = 1
    other = low[i] + high[i] - (base + c) - base
    if first[other] != i or c > other:
        target[c] = other


@kernel
def jump(target):
    """Follow the one that is followed; target : INOUT (m,) int32; grid: a thread a node.

    Whether another has jumped already or not, it is one to be followed.
    """
    c = cuda.grid(1)
    if c < target.shape[0]:
        target[c] = target[target[c]]


@kernel
def flag_roots(target, first, flags):
    """Flag what the nodes become; flags : OUT (m,) uint8; grid: a thread a node."""
    c = cuda.grid(1)
    if c < target.shape[0]:
        flags[c] = 1 if target[c] == c and first[c] != LAST else 0


@kernel
def rise(target, first, numbers, base, up):
    """Write the node of the next level; grid: a thread a node.

    Parameters
    ----------
    target, first : IN (m,) int32
    numbers : IN (m + 1,) int32, prefix sum of the flags
    base : int
    up : OUT (2 n,) int32, from `base` on
    """
    c = cuda.grid(1)
    m = target.shape[0]
    if c < m:
        up[base + c] = base + m + numbers[target[c]] if first[c] != LAST else -1


@kernel
def raise_ends(up, low, high):
    """Take the ends of the edges between nodes to the next level; grid: a thread an edge."""
    i = cuda.grid(1)
    if i < low.shape[0] and low[i] != high[i]:
        low[i], high[i] = up[low[i]], up[high[i]]


@kernel
def climb(low, high, up, link, order, weights, heights):
    """Find the last edge on the path between the ends of each; grid: a thread an edge.

    Parameters
    ----------
    low, high : IN (E,) int32, ends of the edges by rank
    up, link : IN (2 n,) int32, next node, and the edge that leads there
    order : IN (E,) int32
    weights : IN (E,) float64
    heights : OUT (E,) float64
    """
    i = cuda.grid(1)
    if i >= low.shape[0]:
        return
    a, b, last = low[i], high[i], np.int32(-1)
    while a != b:
        last = max(last, link[a], link[b])
        a, b = up[a], up[b]
    heights[order[i]] = weights[order[last]] if last >= 0 else -np.inf


@kernel
def write_tree(order, in_tree, places, tree):
    """List the edges of the forest by rank; tree : OUT (n_tree,) int64; grid: a thread an edge."""
    i = cuda.grid(1)
    if i < order.shape[0] and in_tree[i]:
        tree[places[i]] = order[i]
