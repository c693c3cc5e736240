"""Felzenszwalb's and Huttenlocher's merges on a GPU, in rounds in place of one by one.

Edges of one weight are taken together. If an edge is no stronger than any other undecided edge at
both of its clusters, these are what they will be in its turn, but for merges across edges of its
own weight. Whether a cluster takes part in those is known: either the weight is within its
tolerance, which stays so after each such merge, as that leaves a tolerance of at least the weight;
or it is beyond, and then, as nothing but a merge changes a cluster, no later edge will do: it is
closed. So all such edges between clusters that take part are merged across, in any order.
"""

import numpy as np
from numba import cuda

from .. import _cuda_graph
from .._cuda_common import fill, for_each, unite
from .._device import kernel
from .._disjoint_set import find, root


def join_similar(session, lists, nodes, k):
    """Join clusters across edges that are within the tolerance of both.

    Parameters
    ----------
    session : Session
    lists : four arrays (n,): the edges' ends, INOUT int32, any members of the clusters, OUT other
        members; int32 that order as the weights do and differ where they differ; and the weights,
        ascending
    nodes : INOUT, of each node: parent, int32; size, int64; tolerance, of the weights' dtype
    k : float, eq. 4
    """
    n, (parent, sizes, tolerance) = lists[0].shape[0], nodes
    if n == 0:
        return
    n_nodes = parent.shape[0]
    on = session.allocate(
        "graph-based segmentation",
        first=((n_nodes,), np.int32),
        other=((n_nodes,), np.int32),
        closed=((n_nodes,), np.uint8),
    )
    first, other = on.first, on.other
    for_each(session, n_nodes, fill, first, _cuda_graph.LAST)
    for_each(session, n_nodes, fill, other, _cuda_graph.LAST)
    for_each(session, n_nodes, fill, on.closed, 0)
    work = _cuda_graph.compaction(session, n)
    while True:
        low, high, keys, weights = lists
        flags = work.flags[:n]
        for_each(session, n, fill, flags, 1)
        of_edges = low, high, keys, weights, flags
        for _ in range(_cuda_graph.ROUNDS):
            for_each(session, n, find_weakest, *of_edges, nodes, on.closed, k, first)
            for_each(session, n, decide, *of_edges, parent, tolerance, on.closed, first, other)
            for_each(session, n, add_sizes, low, high, flags, parent, sizes)
            first, other = other, first
        for_each(session, n, find_weakest, *of_edges, nodes, on.closed, k, first[:0])
        _cuda_graph.drop_parallel(session, work, flags, (low, high))
        n_left, lists = _cuda_graph.compact(session, work, flags, lists)
        if n_left == 0:
            return
        if n - n_left < _cuda_graph.FEW:
            finish_similar(session, lists, nodes, k)
            return
        n = n_left


def finish_similar(session, lists, nodes, k):
    """Do `join_similar` by one thread, edge by edge; sizes may be float64."""
    low, high, _, weights = lists
    session.launch(join_in_turn, 1, 1, low, high, weights, nodes, k)


@kernel
def find_weakest(low, high, keys, weights, flags, nodes, closed, k, first):
    """Settle what was decided, and find the weakest edge of each cluster; grid: a thread an edge.

    Parameters
    ----------
    low, high : INOUT (n,) int32; OUT roots
    keys : IN (n,) int32
    weights : IN (n,) float32 or float64
    flags : INOUT (n,) uint8, 1 for undecided edges; 2 for those that were merged across, OUT 0
    nodes : IN parent and sizes, OUT tolerance
    closed : IN (n_nodes,) uint8
    k : float
    first : INOUT (n_nodes,) int32, keys; or (0,) where they are not asked for
    """
    i = cuda.grid(1)
    if i >= low.shape[0] or flags[i] == 0:
        return
    parent, sizes, tolerance = nodes
    a, b = root(parent, low[i]), root(parent, high[i])
    low[i], high[i] = a, b
    if flags[i] == 2:
        tolerance[a] = weights[i] + k / sizes[a]
        flags[i] = 0
    elif a == b or closed[a] or closed[b]:
        flags[i] = 0
    elif first.shape[0] > 0:
        key = keys[i]
        if key < first[a]:  # a look spares most atomic operations
            cuda.atomic.min(first, a, key)
        if key < first[b]:
            cuda.atomic.min(first, b, key)


@kernel
def decide(low, high, keys, weights, flags, parent, tolerance, closed, first, other):
    """Merge across the weakest edges of both clusters, or close these; grid: a thread an edge.

    Parameters
    ----------
    low, high : IN (n,) int32, roots
    keys, weights : IN (n,)
    flags : INOUT (n,) uint8; OUT 2 for edges that are merged across
    parent : INOUT (n_nodes,) int32
    tolerance : IN (n_nodes,)
    closed : INOUT (n_nodes,) uint8
    first : IN (n_nodes,) int32
    other : OUT (n_nodes,) int32, cleared for the next round
    """
    i = cuda.grid(1)
    if i >= low.shape[0] or flags[i] == 0:
        return
    a, b, key, weight = low[i], high[i], keys[i], weights[i]
    other[a] = _cuda_graph.LAST
    other[b] = _cuda_graph.LAST
    here, there = first[a] == key, first[b] == key
    if here and not weight <= tolerance[a]:
        closed[a] = 1
        here = False
    if there and not weight <= tolerance[b]:
        closed[b] = 1
        there = False
    if here and there:
        flags[i] = 2
        unite(parent, np.int64(a), np.int64(b))


@kernel
def add_sizes(low, high, flags, parent, sizes):
    """Hand over the sizes of clusters that are roots no more; grid: a thread an edge.

    Parameters
    ----------
    low, high : IN (n,) int32, roots before the round
    flags : IN (n,) uint8
    parent : IN (n_nodes,) int32
    sizes : INOUT (n_nodes,) int64, 0 where no root
    """
    i = cuda.grid(1)
    if i >= low.shape[0] or flags[i] != 2:
        return
    for a in (low[i], high[i]):
        if parent[a] != a:
            size = cuda.atomic.exch(sizes, a, 0)
            if size > 0:  # else another edge has done it
                cuda.atomic.add(sizes, root(parent, a), size)


@kernel
def join_in_turn(low, high, weights, nodes, k):
    """Go through edges in order; grid: one thread; arguments as in `find_weakest`."""
    parent, sizes, tolerance = nodes
    for i in range(low.shape[0]):
        a, b = find(parent, low[i]), find(parent, high[i])
        if a != b and weights[i] <= tolerance[a] and weights[i] <= tolerance[b]:
            if sizes[a] < sizes[b]:
                a, b = b, a
            parent[b] = a
            sizes[a] += sizes[b]
            tolerance[a] = weights[i] + k / sizes[a]
