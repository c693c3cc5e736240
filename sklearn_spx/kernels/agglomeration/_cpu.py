"""Kernels on region graphs and merge trees."""

from collections import namedtuple

import numpy as np

from .._disjoint_set import find
from ..compilation import inner, njit

Regions = namedtuple(
    "Regions",
    [
        "embeddings",  # float64 (n_regions, n_dimensions)
        "sizes",  # float64 (n_regions,)
    ],
)
Boundaries = namedtuple(
    "Boundaries",
    [
        "edges",  # int64 (n_edges, 2), the regions of each
        "lengths",  # float64 (n_edges,)
        "sums",  # float64 (n_edges, n_kinds): evidence times length
    ],
)


@njit(inline="always")  # a call passes many arrays
def _dissimilarity(regions, boundaries, a, b, e, c):
    embeddings, sizes = regions.embeddings, regions.sizes
    length, sums = boundaries.lengths[e], boundaries.sums[e]
    x = 0.0
    for d in range(embeddings.shape[1]):
        x += abs(embeddings[a, d] - embeddings[b, d])
    value = c[0] * np.tanh(c[1] * x / 2.0)  # c1 = 1: 1 - d, with d of DEL eq. 3
    for k in range(sums.size):
        value += c[4 + k] * sums[k] / length
    small, large = min(sizes[a], sizes[b]), max(sizes[a], sizes[b])
    return value * small ** c[2] * large ** c[3]


@inner
def _is_before(e, f, keys):
    return keys[e] < keys[f] or (keys[e] == keys[f] and e < f)


@inner
def _settle(e, heap, n, place, keys):
    """Move an edge, whose key may have changed, to where it belongs in a heap of n."""
    i = place[e]
    while i > 0 and _is_before(e, heap[(i - 1) >> 1], keys):
        heap[i] = heap[(i - 1) >> 1]
        place[heap[i]] = i
        i = (i - 1) >> 1
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and _is_before(heap[child + 1], heap[child], keys):
            child += 1
        if not _is_before(heap[child], e, keys):
            break
        heap[i] = heap[child]
        place[heap[i]] = i
        i = child
    heap[i], place[e] = e, i


@njit(allocates=True)
def agglomerate_cpu(
    regions,  # IN, overwritten  Regions
    boundaries,  # IN, overwritten  Boundaries
    c,  # IN  float64 (n_kinds + 4,)
    merges,  # OUT int32 (n_regions, 2)
    heights,  # OUT float64 (n_regions,)
):
    """Return the number of merges."""
    embeddings, sizes = regions.embeddings, regions.sizes
    edges, lengths, sums = boundaries.edges, boundaries.lengths, boundaries.sums
    n_edges, n = len(edges), len(embeddings)
    alive = np.ones(n_edges, np.bool_)
    parent = np.arange(n)

    # ends of edges, 2 e + side, in a linked list a region
    following = np.full(2 * n_edges, -1, np.int64)
    head, tail = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    for e in range(n_edges):
        for side in range(2):
            r, end = edges[e, side], 2 * e + side
            following[end] = head[r]
            head[r] = end
            if tail[r] < 0:
                tail[r] = end

    keys = np.empty(n_edges, np.float64)
    heap = np.empty(n_edges, np.int64)  # edges, by key and number
    place = np.empty(n_edges, np.int64)  # of each edge in the heap
    for e in range(n_edges):
        keys[e] = _dissimilarity(regions, boundaries, edges[e, 0], edges[e, 1], e, c)
        heap[e], place[e] = e, e
        _settle(e, heap, e + 1, place, keys)

    seen = np.full(n, -1, np.int64)  # the edge from the merged region to this one
    m = 0
    height = -np.inf
    while n_edges > 0:
        n_edges -= 1
        e, last = heap[0], heap[n_edges]
        place[last] = 0
        _settle(last, heap, n_edges, place, keys)
        if not alive[e]:
            continue
        a, b = edges[e, 0], edges[e, 1]
        height = max(height, keys[e])
        merges[m, 0], merges[m, 1], heights[m] = a, b, height
        m += 1
        alive[e] = False

        total = sizes[a] + sizes[b]
        share = sizes[b] / total
        for d in range(embeddings.shape[1]):
            embeddings[a, d] += share * (embeddings[b, d] - embeddings[a, d])
        sizes[a] = total
        parent[b] = a
        if tail[a] < 0:
            head[a] = head[b]
        else:
            following[tail[a]] = head[b]
        if tail[b] >= 0:
            tail[a] = tail[b]

        # one edge a neighbour stays; the others add to it and are dropped
        end, before = head[a], -1
        while end >= 0:
            after, q = following[end], end >> 1
            keep = False
            if alive[q]:
                r, s = find(parent, edges[q, 0]), find(parent, edges[q, 1])
                other = s if r == a else r
                first = seen[other]
                if first >= 0:
                    lengths[first] += lengths[q]
                    for k in range(sums.shape[1]):
                        sums[first, k] += sums[q, k]
                    alive[q] = False
                else:
                    seen[other] = q
                    edges[q, 0], edges[q, 1] = a, other
                    keep = True
            if keep:
                before = end
            else:
                if before < 0:
                    head[a] = after
                else:
                    following[before] = after
                if after < 0:
                    tail[a] = before
            end = after

        end = head[a]
        while end >= 0:
            q = end >> 1
            other = edges[q, 1]
            seen[other] = -1
            keys[q] = _dissimilarity(regions, boundaries, a, other, q, c)
            _settle(q, heap, n_edges, place, keys)
            end = following[end]
    return m


@inner
def _edge(a, b, seconds, first):
    """Index of the edge between two regions."""
    a, b = min(a, b), max(a, b)
    low, high = first[a], first[a + 1]
    while high - low > 1:
        middle = (low + high) >> 1
        if seconds[middle] <= b:
            low = middle
        else:
            high = middle
    return low


@njit
def boundary_sums_cpu(
    labels,  # IN  int32 (height, width)
    seconds,  # IN  int64 (n_edges,): the greater region of each edge
    first,  # IN  int64 (n_regions + 1,): where the edges of each lesser region start
    values,  # IN  float64 (height, width)
    sums,  # OUT float64 (n_edges,), zeros
):
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0)):
                if y + dy < height and x + dx < width:
                    a, b = labels[y, x], labels[y + dy, x + dx]
                    if a != b and a >= 0 and b >= 0:
                        e = _edge(a, b, seconds, first)
                        sums[e] += (values[y, x] + values[y + dy, x + dx]) / 2.0


@njit
def contours_cpu(
    labels,  # IN  int32 (height, width)
    seconds,  # IN  int64 (n_edges,): the greater region of each edge
    first,  # IN  int64 (n_regions + 1,): where the edges of each lesser region start
    values,  # IN  float64 (n_edges,)
    out,  # OUT float32 (2 height + 1, 2 width + 1), zeros
):
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0)):
                if y + dy < height and x + dx < width:
                    a, b = labels[y, x], labels[y + dy, x + dx]
                    if a != b and a >= 0 and b >= 0:
                        e = _edge(a, b, seconds, first)
                        out[2 * y + 1 + dy, 2 * x + 1 + dx] = values[e]
    for y in range(2, 2 * height, 2):
        for x in range(2, 2 * width, 2):
            out[y, x] = max(out[y - 1, x], out[y + 1, x], out[y, x - 1], out[y, x + 1])
