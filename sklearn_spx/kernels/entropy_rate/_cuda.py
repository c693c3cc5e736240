"""Entropy rate superpixels on a GPU: the CPU's joins, many at once.

Edge ``pixel * d + k`` is as on the CPU, in rows of the image's own width: the same order. The key
of an edge is its integer cost, and of equal ones its number; the CPU always joins the edge of the
least key, and keys only rise, at the two clusters of a join alone. So in a round each cluster finds
its best edge, and an edge that is best at both its clusters is joined: the CPU joins it too,
sooner or later, if it makes as many joins.

It makes just as many as lead to `n_segments`. Say J joins are left, and fewer than J clusters, or
J, have a best key below k. All joins below k are between such clusters, so there are fewer of them
than such clusters, and the join of key k itself is one of the J. It is so in all later rounds. A
radix selection finds the greatest such key, the limit; when it stops more joins than are made, it
is found anew. The least key of all is always within it, so each limit lets something happen.

A photograph takes about 200 rounds. In a flat image a wave runs from pixel to pixel, in up to twice
width + height rounds. Edges within a cluster leave the list every few rounds; its order is any.
"""

from collections import namedtuple

import numpy as np
from numba import cuda, int32, int64

from .._bits import bits_of_double
from .._cuda_affinities import diagonal_affinity
from .._cuda_common import fill, for_each
from .._cuda_graph import number
from .._cuda_scan import THREADS, prefix_sum, scan_block
from .._device import kernel
from .._pixel_edges import other_end
from ..compilation import rule
from . import _cpu, _queue
from ._rules import LEAST_WEIGHT, colour_weight, entropy_gain, integer_cost, is_border, x_log_x

_ROUNDS = 8  # between two looks of the host
_LAST_COST = np.int64(2**63 - 1)
_LAST_EDGE = np.int32(2**31 - 1)
_DIGIT = 8  # bits
_DIGITS = 1 << _DIGIT
_EACH = _DIGITS // THREADS

Clusters = namedtuple(
    "Clusters",
    [
        "target",  # (n,) int32, of a pixel: itself, or a cluster's pixel that it has gone into
        "size",  # (n,) int32, at its first pixel
        "joined",  # (n,) int32, last round with a join
        "loop",  # (n, 2) float64, of a pixel: weight of its self-loop, and x log x of it
        "best_cost",  # (2, n) int64, in even and in odd rounds
        "best_edge",  # (2, n) int32
        "limit",  # (2,) int64, cost and edge of the last join that is allowed
        "counts",  # (4,) int64: edges listed, joins, joins beyond the limit, clusters listed
    ],
)
Edges = namedtuple("Edges", ["edge", "a", "b", "cost"])  # those listed, and their two clusters
_EDGES, _JOINS, _BEYOND, _CLUSTERS = range(4)


def count_inside(session, inside):
    """How many pixels a mask on the GPU keeps."""
    height, width = inside.shape
    starts = session.allocate("a mask", starts=((height * width + 1,), np.int32)).starts
    prefix_sum(session, inside.reshape(height * width), starts)
    return int(session.copy_out(starts[height * width :])[0])


def weigh(session, how, values, inside, factor, weights):
    """Write the weights of all edges by `weigh_colours` or `weigh_affinities`, or change them."""
    n = weights.shape[0] * weights.shape[1]
    for_each(session, n, how, values, inside, float(factor), LEAST_WEIGHT, weights)


def segment(session, weights, shape, inside, n_pixels, n_segments, balance, labels):
    """Join until ``n_segments`` are left; return how many are.

    Parameters
    ----------
    session : Session
    weights : IN (H * W, 2 or 4) float64, on the GPU; 0 is no edge
    shape : (H, W)
    inside : IN (H, W) bool, on the GPU, or (0, 1) where all is inside
    n_pixels, n_segments, balance : as of `_sweeps.segment`
    labels : OUT (H, W) int32, on the GPU
    """
    n, d = weights.shape
    width = shape[1]
    on = session.allocate(
        "entropy_rate_superpixels",
        target=((n,), np.int32),
        size=((n,), np.int32),
        joined=((n,), np.int32),
        loop=((n, 2), np.float64),
        best_cost=((2, n), np.int64),
        best_edge=((2, n), np.int32),
        limit=((2,), np.int64),
        counts=((4,), np.int64),
        listed=((2, 3, n * d), np.int32),
        cost=((2, n * d), np.int64),
        clusters=((n,), np.int32),
        n_log_n=((max(n_pixels, 2) + 1,), np.float64),
        greatest=((1,), np.int64),
        digits=((_DIGITS,), np.int64),
        place=((3,), np.int64),
    )
    clusters = Clusters(*(getattr(on, name) for name in Clusters._fields))
    lists = [Edges(*on.listed[i], on.cost[i]) for i in range(2)]
    for_each(session, 1, fill, on.greatest, 0)
    for_each(session, 4, fill, on.counts, 0)
    for_each(session, _DIGITS, fill, on.digits, 0)
    n_log_n = _queue.tabulate(n_pixels)
    session.copy_in(n_log_n, on.n_log_n)
    for_each(session, n, start, weights, width, clusters)
    for_each(session, n * d, list_edges, weights, width, on.loop, lists[0], on.counts, on.greatest)
    greatest = float(session.copy_out(on.greatest).view(np.float64)[0])
    factor, unit = _cpu.scales_of(n_pixels, n_segments, balance, greatest)
    constants = width, greatest, factor, unit
    most = (greatest + factor * n_log_n[n_pixels]) * unit
    n_bits = int(most + 8).bit_length(), (n * d).bit_length()  # of costs, of edges

    n_listed, n_left, seek = int(session.copy_out(on.counts)[_EDGES]), n_pixels, True
    r = 0
    while n_left > n_segments and n_listed > 0:
        edges, others = lists
        for_each(session, 4, fill, on.counts, 0)
        for i in range(_ROUNDS):
            for_each(
                session, n_listed, find_costs, weights, constants, on.n_log_n, r, n_listed, edges,
                clusters,
            )  # fmt: skip
            for_each(session, n_listed, find_edges, r, n_listed, edges, clusters)
            if i == 0 and seek:
                _find_limit(session, r, n_left, n_left - n_segments, n_bits, on, clusters)
            for_each(session, n_listed, join_best, weights, width, r, n_listed, edges, clusters)
            r += 1
        for_each(session, n_listed, keep_edges, r, n_listed, edges, clusters, others)
        lists = [others, edges]
        n_listed, n_joins, n_beyond, _ = map(int, session.copy_out(on.counts))
        n_left -= n_joins
        seek = n_beyond >= n_joins
    number(session, on.target, inside.reshape(inside.size), labels.reshape(n))
    return n_left


def _find_limit(session, r, n_left, n_joins, n_bits, on, clusters):
    """Write the key, among the clusters' best, that n_joins are below at most, or the last of all.

    n_bits : how many bits costs have, and edges
    """
    for_each(session, on.target.shape[0], list_clusters, r, clusters, on.clusters)
    for_each(session, 1, begin_limit, n_joins, on.place, clusters.limit)
    for of_edges in (False, True):
        for shift in range((n_bits[of_edges] - 1) // _DIGIT * _DIGIT, -1, -_DIGIT):
            for_each(
                session, n_left, count_digits, r, on.clusters, clusters, of_edges, shift, on.place,
                on.digits,
            )  # fmt: skip
            session.launch(
                choose_digit, 1, THREADS, of_edges, shift, on.digits, on.place, clusters.limit
            )


@kernel
def weigh_colours(image, mask, factor, least, weights):
    """Weights between colours, 0 to what is outside; grid: a thread an edge.

    Parameters
    ----------
    image : IN (H, W, C) float32
    mask : IN (H, W) bool, or (0, 1)
    factor, least : float64
    weights : OUT (H * W, 2 or 4) float64
    """
    e = cuda.grid(1)
    n, d = weights.shape
    if e < n * d:
        weights[e // d, e % d] = _between_colours(image, mask, factor, least, e // d, e % d)


@kernel
def weigh_colours_too(image, mask, factor, least, weights):
    """Multiply weights by those between colours; grid: a thread an edge.

    weights : INOUT (H * W, 2 or 4) float64; all others as in `weigh_colours`
    """
    e = cuda.grid(1)
    n, d = weights.shape
    if e < n * d:
        weight = _between_colours(image, mask, factor, least, e // d, e % d)
        if weight > 0.0:  # it is an edge
            weights[e // d, e % d] = max(weights[e // d, e % d] * weight, least)


@rule
def _between_colours(image, mask, factor, least, p, k):
    """Weight of edge k of pixel p, 0 to what is outside."""
    height, width, n_channels = image.shape
    y, x = p // width, p % width
    v, u = y + (k > 0), x + (k == 0 or k == 2) - (k == 3)
    if not _is_edge(mask, height, width, y, x, v, u):
        return 0.0
    distance = 0.0
    for c in range(n_channels):
        distance += abs(np.float64(image[y, x, c]) - np.float64(image[v, u, c]))
    return colour_weight(distance, 2.0 if k >= 2 else 1.0, factor, least)


@kernel
def weaken(cells, mask, factor, least, weights):
    """Multiply the weights of edges between two cells; grid: a thread an edge.

    cells : IN (H, W) int32
    weights : INOUT (H * W, 2 or 4) float64; all others as in `weigh_colours`
    """
    e = cuda.grid(1)
    n, d = weights.shape
    if e >= n * d:
        return
    height, width = cells.shape
    y, x, k = e // d // width, e // d % width, e % d
    v, u = y + (k > 0), x + (k == 0 or k == 2) - (k == 3)
    if _is_edge(mask, height, width, y, x, v, u) and is_border(cells[y, x], cells[v, u]):
        weights[e // d, k] = max(weights[e // d, k] * factor, least)


@kernel
def weigh_affinities(affinities, mask, root_two, least, weights):
    """Weights of given affinities, 0 to what is outside; grid: a thread an edge.

    affinities : IN (2, H, W) float32; all others as in `weigh_colours`
    """
    e = cuda.grid(1)
    n, d = weights.shape
    if e >= n * d:
        return
    _, height, width = affinities.shape
    y, x, k = e // d // width, e // d % width, e % d
    v, u = y + (k > 0), x + (k == 0 or k == 2) - (k == 3)
    weight = 0.0
    if _is_edge(mask, height, width, y, x, v, u):
        if k < 2:
            weight = max(np.float64(affinities[k, y, x]), least)
        else:
            weight = max(
                diagonal_affinity(affinities, mask, y, min(x, u), np.float64(1)) / root_two, least
            )
    weights[e // d, k] = weight


@rule
def _is_edge(mask, height, width, y, x, v, u):
    if v >= height or u < 0 or u >= width:
        return False
    return mask.shape[0] == 0 or (mask[y, x] and mask[v, u])


@kernel
def start(weights, width, clusters):
    """Each pixel its own cluster, with its self-loop; grid: a thread a pixel.

    The weights are summed up in the CPU's order, that of the edges.
    """
    p = cuda.grid(1)
    n, d = weights.shape
    if p >= n:
        return
    loop = 0.0
    if d == 4 and p >= width + 1:
        loop += weights[p - width - 1, 2]
    if p >= width:
        loop += weights[p - width, 1]
    if d == 4 and p >= width - 1 and p > 0:
        loop += weights[p - width + 1, 3]
    if p >= 1:
        loop += weights[p - 1, 0]
    for k in range(d):
        loop += weights[p, k]
    clusters.loop[p, 0], clusters.loop[p, 1] = loop, x_log_x(loop)
    clusters.target[p], clusters.size[p], clusters.joined[p] = p, 1, -1
    for i in range(2):
        clusters.best_cost[i, p], clusters.best_edge[i, p] = _LAST_COST, _LAST_EDGE


@kernel
def list_edges(weights, width, loop, edges, counts, greatest):
    """List all edges, and find the greatest entropy gain; grid: a thread an edge.

    Parameters
    ----------
    weights, width : IN
    loop : IN (n, 2) float64
    edges : Edges, OUT
    counts : INOUT, 0; edges listed
    greatest : INOUT (1,) int64, 0; bits of the greatest gain
    """
    base = cuda.shared.array(1, int64)
    e = cuda.grid(1)
    n, d = weights.shape
    here = np.int64(0)
    if e < n * d and weights[e // d, e % d] > 0:
        here = np.int64(1)
    before, total = scan_block(here)
    if cuda.threadIdx.x == 0:
        base[0] = cuda.atomic.add(counts, 0, total)
    cuda.syncthreads()
    if here:
        a = e // d
        b = other_end(a, e % d, width)
        to = base[0] + before
        edges.edge[to], edges.a[to], edges.b[to] = e, a, b
        gain = entropy_gain(weights[a, e % d], loop[a, 0], loop[b, 0], loop[a, 1], loop[b, 1])
        if gain > 0:
            cuda.atomic.max(greatest, 0, bits_of_double(gain))


@kernel
def find_costs(weights, constants, n_log_n, r, n_listed, edges, clusters):
    """Each edge's cost, where it changed, and each cluster's least; grid: a thread an edge.

    Parameters
    ----------
    weights, n_log_n : IN
    constants : width, greatest, factor, unit
    r : int, the round
    n_listed : int
    edges : Edges, INOUT
    clusters : Clusters; what was best in the last round is forgotten
    """
    i = cuda.grid(1)
    if i >= n_listed:
        return
    width, greatest, factor, unit = constants
    new, old = r % 2, (r + 1) % 2
    a, b = edges.a[i], edges.b[i]
    if a == b:
        return
    clusters.best_cost[old, a], clusters.best_edge[old, a] = _LAST_COST, _LAST_EDGE
    clusters.best_cost[old, b], clusters.best_edge[old, b] = _LAST_COST, _LAST_EDGE
    a, b = clusters.target[a], clusters.target[b]
    edges.a[i], edges.b[i] = a, b
    if a == b:
        return
    if clusters.joined[a] == r - 1 or clusters.joined[b] == r - 1:
        d = weights.shape[1]
        e = np.int64(edges.edge[i])
        p, k = e // d, e % d
        q = other_end(p, k, width)
        m, n = np.int64(clusters.size[a]), np.int64(clusters.size[b])
        loop = clusters.loop
        gain = entropy_gain(weights[p, k], loop[p, 0], loop[q, 0], loop[p, 1], loop[q, 1])
        unbalance = n_log_n[m + n] - n_log_n[m] - n_log_n[n] - n_log_n[2]
        edges.cost[i] = integer_cost(gain, unbalance, greatest, factor, unit)
    cost = edges.cost[i]
    if cost < clusters.best_cost[new, a]:
        cuda.atomic.min(clusters.best_cost, (new, np.int64(a)), cost)
    if cost < clusters.best_cost[new, b]:
        cuda.atomic.min(clusters.best_cost, (new, np.int64(b)), cost)


@kernel
def find_edges(r, n_listed, edges, clusters):
    """Each cluster's best edge, of those of least cost the first; grid: a thread an edge."""
    i = cuda.grid(1)
    if i >= n_listed or edges.a[i] == edges.b[i]:
        return
    e, cost, new = edges.edge[i], edges.cost[i], r % 2
    a, b = edges.a[i], edges.b[i]
    if cost == clusters.best_cost[new, a]:
        cuda.atomic.min(clusters.best_edge, (new, np.int64(a)), e)
    if cost == clusters.best_cost[new, b]:
        cuda.atomic.min(clusters.best_edge, (new, np.int64(b)), e)


@kernel
def join_best(weights, width, r, n_listed, edges, clusters):
    """Join each edge that is the best of both its clusters; grid: a thread an edge."""
    i = cuda.grid(1)
    if i >= n_listed or edges.a[i] == edges.b[i]:
        return
    e, cost, new = edges.edge[i], edges.cost[i], r % 2
    a, b = edges.a[i], edges.b[i]
    if clusters.best_edge[new, a] != e or clusters.best_edge[new, b] != e:
        return
    limit = clusters.limit
    if cost > limit[0] or (cost == limit[0] and e > limit[1]):
        cuda.atomic.add(clusters.counts, _BEYOND, 1)
        return
    cuda.atomic.add(clusters.counts, _JOINS, 1)
    first, second = min(a, b), max(a, b)
    clusters.target[second] = first
    clusters.size[first] += clusters.size[second]
    clusters.joined[first] = r
    d = weights.shape[1]
    p = np.int64(e) // d
    q = other_end(p, np.int64(e) % d, width)
    weight = weights[p, np.int64(e) % d]
    for j in range(2):
        end = p if j == 0 else q
        clusters.loop[end, 0] -= weight
        clusters.loop[end, 1] = x_log_x(clusters.loop[end, 0])


@kernel
def keep_edges(r, n_listed, edges, clusters, others):
    """List, in any order, the edges between clusters; grid: a thread an edge.

    Parameters
    ----------
    r : int, the next round; what was best in the one before is forgotten
    n_listed : int
    edges : Edges, IN
    clusters : Clusters; the edges are counted
    others : Edges, OUT
    """
    base = cuda.shared.array(1, int64)
    i = cuda.grid(1)
    here, a, b = np.int64(0), np.int32(0), np.int32(0)
    if i < n_listed and edges.a[i] != edges.b[i]:
        old = (r + 1) % 2
        a, b = edges.a[i], edges.b[i]
        clusters.best_cost[old, a], clusters.best_edge[old, a] = _LAST_COST, _LAST_EDGE
        clusters.best_cost[old, b], clusters.best_edge[old, b] = _LAST_COST, _LAST_EDGE
        a, b = clusters.target[a], clusters.target[b]
        here = np.int64(a != b)
    before, total = scan_block(here)
    if cuda.threadIdx.x == 0:
        base[0] = cuda.atomic.add(clusters.counts, _EDGES, total)
    cuda.syncthreads()
    if here:
        to = base[0] + before
        others.edge[to], others.a[to], others.b[to] = edges.edge[i], a, b
        others.cost[to] = edges.cost[i]


@kernel
def list_clusters(r, clusters, listed):
    """List, in any order, the clusters with edges; listed : OUT (n,) int32; a thread a pixel."""
    base = cuda.shared.array(1, int64)
    p = cuda.grid(1)
    here = np.int64(0)
    if p < clusters.target.shape[0]:
        here = np.int64(clusters.best_edge[r % 2, p] < _LAST_EDGE)
    before, total = scan_block(here)
    if cuda.threadIdx.x == 0:
        base[0] = cuda.atomic.add(clusters.counts, _CLUSTERS, total)
    cuda.syncthreads()
    if here:
        listed[base[0] + before] = p


@kernel
def begin_limit(rank, place, limit):
    """Begin to select; place : OUT (3,) int64, rank among what is left, cost and edge so far."""
    if cuda.grid(1) == 0:
        place[0], place[1], place[2] = rank, 0, 0
        limit[0], limit[1] = _LAST_COST, np.int64(_LAST_EDGE)


@kernel
def count_digits(r, listed, clusters, of_edges, shift, place, digits):
    """Count a digit of the best keys that begin like the one sought; grid: a thread a cluster.

    Parameters
    ----------
    r : int, the round
    listed : IN (n,) int32, of `list_clusters`
    clusters : Clusters, IN
    of_edges : bool, whether the digit is one of the edge, or of the cost
    shift : int, where it is
    place : IN (3,) int64
    digits : INOUT (256,) int64, 0
    """
    table = cuda.shared.array(_DIGITS, int32)
    i = cuda.grid(1)
    for j in range(cuda.threadIdx.x, _DIGITS, THREADS):
        table[j] = 0
    cuda.syncthreads()
    if i < clusters.counts[_CLUSTERS]:
        value, begun = clusters.best_cost[r % 2, listed[i]], place[1]
        same = True
        if of_edges:
            same = value == begun
            value, begun = np.int64(clusters.best_edge[r % 2, listed[i]]), place[2]
        value, begun = value >> shift, begun >> shift
        if same and value >> _DIGIT == begun >> _DIGIT:
            cuda.atomic.add(table, value & (_DIGITS - 1), 1)
    cuda.syncthreads()
    for j in range(cuda.threadIdx.x, _DIGITS, THREADS):
        if table[j] > 0:
            cuda.atomic.add(digits, j, np.int64(table[j]))


@kernel
def choose_digit(of_edges, shift, digits, place, limit):
    """Choose the digit that the key sought has; grid: a block.

    Parameters
    ----------
    of_edges, shift : as in `count_digits`
    digits : INOUT (256,) int64; OUT 0
    place : INOUT (3,) int64; the rank is -1 if there are no more keys than that
    limit : OUT (2,) int64, after the last digit
    """
    rank = place[0]
    first = cuda.threadIdx.x * _EACH
    own = np.int64(0)
    for j in range(first, first + _EACH):
        own += digits[j]
    before, total = scan_block(own)
    if cuda.threadIdx.x == 0 and rank >= total:
        place[0] = -1
    if before <= rank and rank < before + own:
        digit = np.int64(first)
        while before + digits[digit] <= rank:
            before += digits[digit]
            digit += 1
        place[0] = rank - before
        place[1 + of_edges] |= digit << shift
        if of_edges and shift == 0:
            limit[0], limit[1] = place[1], place[2]
    for j in range(first, first + _EACH):
        digits[j] = 0
