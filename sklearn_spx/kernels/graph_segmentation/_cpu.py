"""Graph-based segmentation on the CPU.

Samples lie in rows, as `_grid` has them. Edge ``sample << bits | k`` is the k-th of d edges of a
sample. The bits of a float that is not negative order as an integer, so
edges are sorted by these, ties in the order of edges.

A sample's node is one number, so that to look a segment up takes few lines of memory: ~ the sample
above it, or, of a segment's root, the bits of the tolerance Int(A) + k / |A| and, below them, the
size |A|.

Most edges join nothing, and what takes time is to look their segments up all over the image. So
edges are taken in rounds, each a range of weights. A round goes through the rows one by one and
lists the edges that can join something yet: those between two segments that are not done, as one is
that tolerates less than the least weight of the round. These alone are sorted and gone through.
"""

import numpy as np

from .._bits import bits_of, float_of, prefetch
from .._disjoint_set import find, join, number
from ..compilation import njit, rule
from ._cpu_sort import sort_pairs

_ROUNDS = 4  # of about as many edges each
_SOON = 16  # edges ahead whose nodes are asked for
_U = np.uint64  # an index without a sign spares numba the test for a negative one
_BIN = 1 << 16  # keys that the histogram counts as one


@njit(allocates=True)
def segment_pixels(keys, rows, columns, bits, k, min_size, inside, labels):
    """Join samples across edges by ascending weight.

    Parameters
    ----------
    keys : IN (R, d, W) uint32, bits of the weights; all are set of what is no edge
    rows, columns : IN (d,) int64, from a sample to the ends of its edges
    bits : int, of k in the number of an edge
    k : float, eq. 4
    min_size : int
    inside : IN (R, W) bool, or (0, 0) where there is no mask
    labels : OUT (R, W) int32
    """
    height, d, width = keys.shape
    ways = rows, columns, bits
    steps = rows * width + columns
    ends, most = _ranges(keys)
    pairs, scratch = np.empty(most + d * width, np.uint64), np.empty(most, np.uint64)
    nodes = np.empty(labels.size, np.int64)
    for p in range(nodes.size):
        nodes[p] = _root(np.float32(k + 0.0), 1)  # -0.0 would have the sign bit
    for i in range(ends.size - 1):
        y = 0
        while y < height:
            n, y = _list_edges(keys, ends[i], ends[i + 1], nodes, ways, 0, y, pairs)
            listed = sort_pairs(pairs[:n], scratch[:n], ends[i], ends[i + 1])
            _join_similar(listed, bits, steps, k, nodes)
    if min_size > 1:
        # mostly few, in one round; else the ranges again
        n, y = _list_edges(keys, ends[0], ends[-1], nodes, ways, min_size, 0, pairs)
        if y == height and n <= most:
            listed = sort_pairs(pairs[:n], scratch[:n], ends[0], ends[-1])
            _join_small(listed, bits, steps, min_size, nodes)
        else:
            for i in range(ends.size - 1):
                y = 0
                while y < height:
                    n, y = _list_edges(keys, ends[i], ends[i + 1], nodes, ways, min_size, y, pairs)
                    listed = sort_pairs(pairs[:n], scratch[:n], ends[i], ends[i + 1])
                    _join_small(listed, bits, steps, min_size, nodes)
    parent = np.empty(nodes.size, np.int32)
    for p in range(nodes.size):
        parent[p] = p if nodes[p] >= 0 else ~nodes[p]
    number(parent, ~inside.ravel(), labels.ravel())


@njit(allocates=True)
def _ranges(keys):
    """Divide the keys that are edges into ranges; return their ends, and the most edges in one.

    A range of key 0 alone, which needs no sorting, may have more.
    """
    counts = np.zeros((1 << 32) // _BIN + 1, np.int64)  # of 0, of 1 .. _BIN, and so on
    for key in keys.ravel():
        counts[(np.int64(key) + _BIN - 1) // _BIN] += 1
    counts[-1] = 0  # no edges
    ends = np.zeros(_ROUNDS + 2, np.int64)
    n_ends = 1
    if counts[0] > 0:
        ends[1] = 1
        n_ends = 2
    left, n, most = counts[1:].sum(), 0, keys.size // 64
    share = -(-left // _ROUNDS)
    for b in range(1, counts.size):
        n += counts[b]
        left -= counts[b]
        if n > 0 and (n >= share or left == 0):
            ends[n_ends] = b * _BIN + 1
            n_ends += 1
            most = max(most, n)
            n = 0
    return ends[:n_ends], most


@njit(allocates=True)
def _list_edges(keys, low, high, nodes, ways, min_size, y, pairs):
    """List the edges of a range that can join something, in their order, from row ``y`` on.

    Parameters
    ----------
    keys : IN (R, d, W) uint32
    low, high : int, the keys that count are from low to high - 1
    nodes : INOUT (R * W,) int64, paths to roots get short
    ways : rows, columns and bits, as of `segment_pixels`
    min_size : int, 0 where similar segments are joined, else what small ones are smaller than
    y : int
    pairs : OUT (>= d * W,) uint64, key and edge

    Returns
    -------
    n : int, edges
    y : int, the first row that there was no room for
    """
    n_rows, d, width = keys.shape
    rows, columns, bits = ways
    n_known = rows.max() + 1  # rows whose segments are kept: this one and what its edges reach
    segments = np.empty((n_known, width), np.int32)
    found = np.empty(width, np.uint16)
    for row in range(y, min(y + n_known - 1, n_rows)):
        _find_segments(nodes, row * width, low, min_size, segments[row % n_known])
    n = 0
    while y < n_rows and n + d * width <= pairs.size:
        last = y + n_known - 1
        if last < n_rows:
            _find_segments(nodes, last * width, low, min_size, segments[last % n_known])
        found[:] = 0
        for k in range(d):
            here, there = segments[y % n_known], segments[(y + rows[k]) % n_known]
            left, right = max(-columns[k], 0), max(columns[k], 0)
            _mark(
                keys[y, k, left:], low, high, here[left:], there[right:], min_size, k, found[left:]
            )
        for x in range(width):
            if found[x]:
                edge = np.uint64((y * width + x) << bits)
                for k in range(d):
                    pairs[n] = np.uint64(keys[y, k, x]) << np.uint64(32) | edge | np.uint64(k)
                    n += found[x] >> k & 1
        y += 1
    return n, y


@njit
def _find_segments(nodes, first, low, min_size, segments):
    """Find the segments of a row of pixels.

    Parameters
    ----------
    nodes : as of `_list_edges`
    first : int, the first pixel of the row
    low, min_size : int, as of `_list_edges`
    segments : OUT (W,) int32, the root r; ~r of a segment that is done, or not small
    """
    segment, known = np.int32(0), np.int64(0)  # that of a sample below this root; 0 is no root's
    for x in range(segments.size):
        p = first + x
        if nodes[_U(p)] != known:
            root, node = _find(nodes, p)
            done = node >> 32 < low if min_size == 0 else _size(node) >= min_size
            segment = np.int32(~root if done else root)
            known = ~root
            if root != p:
                nodes[_U(p)] = known
        segments[_U(x)] = segment


@njit
def _mark(keys, low, high, first, second, min_size, k, found):
    """Set bit k of the pixels with an edge that counts.

    Parameters
    ----------
    keys : IN (>= n,) uint32
    low, high : int, the keys that count
    first, second : IN (>= n,) int32, segments at the ends
    min_size : int, 0 where both ends must not be done, else one
    k : int
    found : INOUT (>= n,) uint16
    """
    low, high, k = np.uint32(low), np.uint32(high), np.uint16(k)
    both = np.int32(-1 if min_size == 0 else 0)
    for x in range(min(keys.size, first.size, second.size)):  # no branch: it is vectorised
        a, b = first[x], second[x]
        open_ends = ((a & b) | ((a | b) & both)) >= 0  # signs say what is done
        counts = (keys[x] >= low) & (keys[x] < high) & (a != b) & open_ends
        found[_U(x)] |= np.uint16(counts) << k


@rule
def _root(tolerance, size):
    """The node of a root, not negative as no tolerance is."""
    return (np.int64(bits_of(tolerance)) << 32) | size


@rule
def _size(node):
    """Size of the segment of a root."""
    return node & 0xFFFFFFFF


@rule
def _find(nodes, p):
    """Root of a sample, and the root's node; the path to it is halved."""
    node = nodes[_U(p)]
    while node < 0:
        q = ~node
        above = nodes[_U(q)]
        if above < 0:
            nodes[_U(p)] = above
        p, node = q, above
    return p, node


@rule
def _join(nodes, a, b, of_a, of_b, weight, k):
    """Join two roots, the smaller below the larger, across an edge of this weight."""
    size = _size(of_a) + _size(of_b)
    if _size(of_a) < _size(of_b):
        a, b = b, a
    nodes[_U(b)] = ~a
    nodes[_U(a)] = _root(np.float32(weight + k / size), size)


@rule
def _ends(edge, bits, steps):
    """The two samples of an edge, without division or branch."""
    p = edge >> bits
    return p, p + steps[_U(edge & ((1 << bits) - 1))]


@rule
def _ask_for_nodes(numbers, i, bits, steps, nodes):
    """Ask for the nodes of an edge that comes soon."""
    if 2 * i < numbers.size:
        p, q = _ends(np.int64(numbers[_U(2 * i)]), bits, steps)
        prefetch(nodes, p)
        prefetch(nodes, q)


@rule
def _ask_for_root(nodes, p):
    """Ask for the node above a sample, mostly a root, or for its own; no branch, on purpose."""
    node = nodes[_U(p)]
    is_below = node >> 63
    prefetch(nodes, (~node & is_below) | (p & ~is_below))


@rule
def _ask_for_roots(numbers, i, bits, steps, nodes):
    """Ask for the nodes above these."""
    if 2 * i < numbers.size:
        p, q = _ends(np.int64(numbers[_U(2 * i)]), bits, steps)
        _ask_for_root(nodes, p)
        _ask_for_root(nodes, q)


@njit
def _join_similar(listed, bits, steps, k, nodes):
    """Join the segments at the ends of edges, listed by weight, that are similar (eq. 3)."""
    numbers = listed.view(np.uint32)  # edge, key
    for i in range(listed.size):
        _ask_for_nodes(numbers, i + 2 * _SOON, bits, steps, nodes)
        _ask_for_roots(numbers, i + _SOON, bits, steps, nodes)
        p, q = _ends(np.int64(numbers[_U(2 * i)]), bits, steps)
        a, of_a = _find(nodes, p)
        b, of_b = _find(nodes, q)
        key = np.int64(numbers[_U(2 * i + 1)])
        if a != b and key <= min(of_a, of_b) >> 32:
            _join(nodes, a, b, of_a, of_b, float_of(np.int32(key)), k)


@njit
def _join_small(listed, bits, steps, min_size, nodes):
    """Join the segments at the ends of edges, listed by weight, where one is too small."""
    numbers = listed.view(np.uint32)
    for i in range(listed.size):
        _ask_for_nodes(numbers, i + 2 * _SOON, bits, steps, nodes)
        _ask_for_roots(numbers, i + _SOON, bits, steps, nodes)
        p, q = _ends(np.int64(numbers[_U(2 * i)]), bits, steps)
        a, of_a = _find(nodes, p)
        b, of_b = _find(nodes, q)
        if a != b and min(_size(of_a), _size(of_b)) < min_size:
            _join(nodes, a, b, of_a, of_b, np.float32(0), 0.0)  # no tolerance is read any more


@njit(allocates=True)
def segment_regions(edges, weights, order, sizes, k, min_size, segments):
    """Join regions across edges.

    Parameters
    ----------
    edges : IN (E, 2) int32
    weights : IN (E,) float64
    order : IN (E,) int64, edges by ascending weight
    sizes : INOUT (n,) float64
    k : float, eq. 4
    min_size : float
    segments : OUT (n,) int32
    """
    parent = np.arange(segments.size)
    tolerance = k / sizes
    for e in order:
        a, b = find(parent, edges[e, 0]), find(parent, edges[e, 1])
        if a != b and weights[e] <= min(tolerance[a], tolerance[b]):
            root = join(parent, sizes, a, b)
            tolerance[root] = weights[e] + k / sizes[root]
    for e in order:
        a, b = find(parent, edges[e, 0]), find(parent, edges[e, 1])
        if a != b and min(sizes[a], sizes[b]) < min_size:
            join(parent, sizes, a, b)
    number(parent, np.empty(0, np.bool_), segments)
