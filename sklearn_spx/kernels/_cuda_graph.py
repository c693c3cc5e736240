"""Graphs of regions on a GPU: their checks, their edges by weight, and small clusters joined.

What goes through edges one by one is done in rounds here. An edge is decided as soon as it is the
first undecided one at its clusters: only what is decided at a cluster changes it, so the edge meets
the clusters that it would meet in its turn. The host reads a counter every few rounds. Where they
get nowhere, as when each edge waits for the one before, one thread goes through the rest in order.
"""

import numpy as np
from numba import cuda

from ._cuda_common import fill, for_each
from ._cuda_scan import prefix_sum
from ._cuda_sort import sort_pairs
from ._device import is_on_gpu, kernel
from ._disjoint_set import find, root
from .checks import check_count, check_graph
from .compilation import rule

ROUNDS = 3  # between two looks at the counter
FEW = 256  # edges that so many rounds decide, or else one thread is as fast
LAST = 2**31 - 1
_SIGN = np.uint64(1 << 63)


def graph_of(session, edges, weights, n_regions):
    """A graph as `checks.check_graph` takes it, on the GPU.

    Returns
    -------
    edges : device array (E, 2), int32
    weights : device array (E,), float64
    n_regions : int
    """
    if not (is_on_gpu(edges) or is_on_gpu(weights)):
        edges, weights, n_regions = check_graph(edges, weights, n_regions)
    n_regions = check_count(n_regions, "n_regions")
    given, heavy = session.bring(edges, "edges"), session.bring(weights, "weights")
    n = 0 if 0 in given.shape else given.shape[0]
    if n and given.dtype.kind not in "ui":
        raise TypeError(f"edges has dtype {given.dtype}; accepted are pairs of integers")
    if n and (len(given.shape) != 2 or given.shape[1] != 2):
        raise ValueError(f"edges has shape {given.shape}; accepted is (n_edges, 2)")
    if heavy.shape != (n,):
        raise ValueError(f"weights has shape {heavy.shape}, expected ({n},)")
    if max(n, n_regions) >= LAST:
        raise ValueError(f"{n_regions} regions and {n} edges are too many for CUDA, whose limit is "
                         f"{LAST - 1}: give device='cpu'")  # fmt: skip
    on = session.allocate(
        "a graph", edges=((n, 2), np.int32), weights=((n,), np.float64), bad=((2,), np.int32)
    )
    if n == 0:
        return on.edges, on.weights, n_regions
    for_each(session, 2, fill, on.bad, LAST)
    for_each(session, n, copy_graph, given, heavy, n_regions, on.edges, on.weights, on.bad)
    edge, weight = (int(i) for i in session.copy_out(on.bad))
    if edge < LAST:
        ends = session.copy_out(on.edges[edge : edge + 1])[0].tolist()
        raise ValueError(f"edges[{edge}] is {ends}; regions are 0 to {n_regions - 1}")
    if weight < LAST:
        raise ValueError(f"weights[{weight}] is NaN")
    return on.edges, on.weights, n_regions


def sort_edges(session, edges, weights):
    """Edges by weight, of equal ones by index.

    Returns
    -------
    order : device array (E,), int32
    keys : device array (E,), uint64, which order and differ as the weights do
    ends : two device arrays (E,), int32, of the edges in this order
    """
    n = edges.shape[0]
    on = session.allocate(
        "edges by weight",
        keys=((n,), np.uint64),
        order=((n,), np.int32),
        low=((n,), np.int32),
        high=((n,), np.int32),
    )
    for_each(session, n, list_keys, weights, weights.view(np.uint64), on.keys, on.order)
    keys, order = sort_pairs(session, on.keys, on.order, 64)
    for_each(session, n, take_ends, edges, order, on.low, on.high)
    return order, keys, (on.low, on.high)


def join_small(session, ends, parent, sizes, min_size):
    """Join clusters across edges, in their order, where one of the two is too small.

    A small cluster's first edge is joined across whatever the other is like. If that is large, it
    stays so, and its exact size is of no effect: it takes in all that come. Two small ones join
    where the edge is the first at both.

    Parameters
    ----------
    session : Session
    ends : INOUT two arrays (n,) int32, any members of the clusters; OUT other members
    parent : INOUT (n_nodes,) int32, a root being its own parent
    sizes : INOUT (n_nodes,) int64 or float64, of the roots; those of large ones are not kept up
    min_size : int or float
    """
    n, n_nodes = ends[0].shape[0], parent.shape[0]
    if n == 0:
        return
    on = session.allocate(
        "small clusters", first=((n_nodes,), np.int32), other=((n_nodes,), np.int32)
    )
    first, other = on.first, on.other
    for_each(session, n_nodes, fill, first, LAST)
    for_each(session, n_nodes, fill, other, LAST)
    work = compaction(session, n)
    while True:
        low, high = ends
        flags = work.flags[:n]
        for _ in range(ROUNDS):
            for_each(session, n, find_small, low, high, parent, sizes, min_size, flags, first)
            for_each(session, n, join_first, low, high, flags, first, other, parent, sizes)
            first, other = other, first
        for_each(session, n, find_small, low, high, parent, sizes, min_size, flags, first[:0])
        drop_parallel(session, work, flags, ends)
        n_left, ends = compact(session, work, flags, ends)
        if n_left == 0:
            return
        if n - n_left < FEW:
            session.launch(finish_small, 1, 1, *ends, parent, sizes, min_size)
            return
        n = n_left


def compaction(session, n):
    """What `compact` needs for lists of up to n entries."""
    work = session.allocate(
        "edges",
        flags=((n,), np.uint8),
        kept=((n,), np.uint8),
        places=((n + 1,), np.int32),
        table=((n,), np.int32),
    )
    work.spare = {}
    return work


def drop_parallel(session, work, flags, ends):
    """Clear the flags of edges between two clusters that an earlier one joins or leaves apart.

    If that is refused, neither cluster will be joined with the other across a later one. Of pairs
    that share a place of the table, one is looked at.
    """
    n, (low, high) = flags.shape[0], ends
    table = work.table[:n]
    for_each(session, n, fill, table, LAST)
    for_each(session, n, claim, low, high, flags, table)
    for_each(session, n, drop_later, low, high, flags, table)


def compact(session, work, flags, lists):
    """Keep the entries whose flags are not 0; return how many, and the shorter lists.

    What is given is not written to at the first time, and may be so at the third.
    """
    n = flags.shape[0]
    for_each(session, n, flag_kept, flags, work.kept)
    prefix_sum(session, work.kept[:n], work.places[: n + 1])
    n_left = int(session.copy_out(work.places[n : n + 1])[0])
    if n_left == 0:
        return 0, lists
    turn = work.turn = 1 - getattr(work, "turn", 1)
    if turn not in work.spare:
        arrays = {f"a{i}": ((n_left,), array.dtype) for i, array in enumerate(lists)}
        work.spare[turn] = tuple(vars(session.allocate("edges", **arrays)).values())
    shorter = tuple(array[:n_left] for array in work.spare[turn])
    for array, to in zip(lists, shorter, strict=True):
        for_each(session, n, keep, array, work.kept, work.places, to)
    return n_left, shorter


def number(session, parent, inside, labels):
    """Number the clusters 0, 1, ... in the order of their first members.

    Parameters
    ----------
    session : Session
    parent : IN (n,) int32
    inside : IN (n,) bool, False for what gets -1, or (0,)
    labels : OUT (n,) int32
    """
    n = parent.shape[0]
    on = session.allocate(
        "numbers", first=((n,), np.int32), flags=((n,), np.uint8), places=((n + 1,), np.int32)
    )
    for_each(session, n, fill, on.first, LAST)
    for_each(session, n, find_first_members, parent, inside, on.first)
    for_each(session, n, flag_first_members, parent, inside, on.first, on.flags)
    prefix_sum(session, on.flags, on.places)
    for_each(session, n, write_numbers, parent, inside, on.first, on.places, labels)


@kernel
def copy_graph(edges, weights, n_regions, edges_out, weights_out, bad):
    """Copy a graph; grid: a thread an edge.

    Parameters
    ----------
    edges : IN (E, 2), any integers
    weights : IN (E,), any real numbers
    n_regions : int
    edges_out : OUT (E, 2) int32
    weights_out : OUT (E,) float64
    bad : INOUT (2,) int32, first edge of no region, and first weight that is NaN
    """
    e = cuda.grid(1)
    if e >= weights.shape[0]:
        return
    for i in range(2):
        if edges[e, i] < 0 or edges[e, i] >= n_regions:
            cuda.atomic.min(bad, 0, e)
        edges_out[e, i] = np.int32(np.int64(edges[e, i]))
    weight = np.float64(weights[e])
    weights_out[e] = weight
    if weight != weight:
        cuda.atomic.min(bad, 1, e)


@kernel
def list_keys(weights, bits, keys, order):
    """List integers that order as the weights do; grid: a thread an edge.

    Parameters
    ----------
    weights : IN (E,) float64
    bits : IN (E,) uint64, the same
    keys : OUT (E,) uint64
    order : OUT (E,) int32, 0, 1, ...
    """
    e = cuda.grid(1)
    if e < weights.shape[0]:
        key = bits[e] if weights[e] != 0.0 else np.uint64(0)  # of -0.0 too
        keys[e] = ~key if key >= _SIGN else key | _SIGN
        order[e] = e


@kernel
def take_ends(edges, order, low, high):
    """List the ends of edges in an order; low, high : OUT (E,) int32; grid: a thread an edge."""
    i = cuda.grid(1)
    if i < order.shape[0]:
        low[i] = edges[order[i], 0]
        high[i] = edges[order[i], 1]


@kernel
def find_small(low, high, parent, sizes, min_size, flags, first):
    """Find the first edge of each small cluster; grid: a thread an edge.

    Parameters
    ----------
    low, high : INOUT (n,) int32; OUT roots
    parent : IN (n_nodes,) int32
    sizes : IN (n_nodes,), of roots
    min_size : number
    flags : OUT (n,) uint8, 0 for what is decided, else 1, plus 2 or 4 where an end is small
    first : INOUT (n_nodes,) int32; or (0,) where only flags are asked for
    """
    i = cuda.grid(1)
    if i >= low.shape[0]:
        return
    a, b = root(parent, low[i]), root(parent, high[i])
    low[i], high[i] = a, b
    code = 0
    if a != b:
        if sizes[a] < min_size:
            code += 2
            if first.shape[0] > 0 and i < first[a]:  # a look spares most atomic operations
                cuda.atomic.min(first, a, i)
        if sizes[b] < min_size:
            code += 4
            if first.shape[0] > 0 and i < first[b]:
                cuda.atomic.min(first, b, i)
        if code > 0:
            code += 1
    flags[i] = code


@kernel
def join_first(low, high, flags, first, other, parent, sizes):
    """Join across first edges; grid: a thread an edge.

    Parameters
    ----------
    low, high : IN (n,) int32, roots
    flags : IN (n,) uint8
    first : IN (n_nodes,) int32
    other : OUT (n_nodes,) int32, cleared for the next round
    parent : INOUT (n_nodes,) int32
    sizes : INOUT (n_nodes,)
    """
    i = cuda.grid(1)
    if i >= low.shape[0]:
        return
    a, b, code = low[i], high[i], flags[i]
    if code == 0:
        return
    other[a] = LAST
    other[b] = LAST
    here, there = (code & 2) != 0, (code & 4) != 0
    if here and first[a] != i:
        here = False
    if there and first[b] != i:
        there = False
    if code == 7:
        if here and there:
            parent[max(a, b)] = min(a, b)
            sizes[min(a, b)] += sizes[max(a, b)]
    elif here:
        parent[a] = b
    elif there:
        parent[b] = a


@kernel
def finish_small(low, high, parent, sizes, min_size):
    """Go through the rest in order; grid: one thread; arguments as in `find_small`."""
    for i in range(low.shape[0]):
        a, b = find(parent, low[i]), find(parent, high[i])
        if a != b and min(sizes[a], sizes[b]) < min_size:
            if sizes[a] < sizes[b]:
                a, b = b, a
            parent[b] = a
            sizes[a] += sizes[b]


@rule
def _place(a, b, size):
    """Where a pair lies in a table."""
    a, b = np.int64(a), np.int64(b)
    return (min(a, b) * 1000003 + max(a, b)) % size


@kernel
def claim(low, high, flags, table):
    """Find the first edge of each place; grid: a thread an edge.

    Parameters
    ----------
    low, high : IN (n,) int32, roots
    flags : IN (n,) uint8, 0 for what is decided
    table : INOUT (n,) int32
    """
    i = cuda.grid(1)
    if i < flags.shape[0] and flags[i] != 0:
        place = _place(low[i], high[i], table.shape[0])
        if i < table[place]:
            cuda.atomic.min(table, place, i)


@kernel
def drop_later(low, high, flags, table):
    """Clear the flags of edges whose place has one of the same pair; as in `claim`."""
    i = cuda.grid(1)
    if i < flags.shape[0] and flags[i] != 0:
        a, b = low[i], high[i]
        j = table[_place(a, b, table.shape[0])]
        if j != i and min(low[j], high[j]) == min(a, b) and max(low[j], high[j]) == max(a, b):
            flags[i] = 0


@kernel
def flag_kept(flags, kept):
    """Write 1 where flags are not 0; kept : OUT (>= n,) uint8; grid: a thread an entry."""
    i = cuda.grid(1)
    if i < flags.shape[0]:
        kept[i] = 1 if flags[i] != 0 else 0


@kernel
def keep(array, kept, places, out):
    """Copy the entries that are kept; grid: a thread an entry.

    Parameters
    ----------
    array : IN (n,)
    kept : IN (>= n,) uint8
    places : IN (>= n,) int32, prefix sum of it
    out : OUT (n_left,)
    """
    i = cuda.grid(1)
    if i < array.shape[0] and kept[i]:
        out[places[i]] = array[i]


@kernel
def find_first_members(parent, inside, first):
    """Find the first member of each cluster; first : INOUT (n,) int32; grid: a thread a member."""
    i = cuda.grid(1)
    if i < parent.shape[0] and (inside.shape[0] == 0 or inside[i]):
        a = root(parent, i)
        if i < first[a]:
            cuda.atomic.min(first, a, i)


@kernel
def flag_first_members(parent, inside, first, flags):
    """Flag the first members; flags : OUT (n,) uint8; grid: a thread a member."""
    i = cuda.grid(1)
    if i < parent.shape[0]:
        here = inside.shape[0] == 0 or inside[i]
        flags[i] = 1 if here and first[root(parent, i)] == i else 0


@kernel
def write_numbers(parent, inside, first, places, labels):
    """Write the number of each member's cluster; labels : OUT (n,) int32; a thread a member."""
    i = cuda.grid(1)
    if i < parent.shape[0]:
        here = inside.shape[0] == 0 or inside[i]
        labels[i] = places[first[root(parent, i)]] if here else -1
