"""The bucket queue of entropy rate superpixels, whose entries may be out of date.

Pixels, or the samples of a volume, lie in rows, as `_grid` has them. Edge ``pixel << bits | k`` is
the k-th of d edges of a pixel, and where d is less than 2^bits, the others are none: a weight of 0
is no edge.

The queue orders edges by cost, the greatest entropy gain of all minus the edge's gain, as an
integer; of equal costs the edge of lower index comes first. Costs only rise. So an edge waits in
the bucket of its last known cost; when the bucket's turn comes, the cost is found anew and the
edge goes on to a later bucket, or among the few that are ready, which a heap orders. A bound
without logarithms says that most edges go on. Costs beyond the last bucket wait in a list, which is
dealt out when the buckets are done.

A join changes the costs of edges at its two clusters alone. So an edge that is the best of all at
both its clusters may be joined at once, whatever waits elsewhere. That is what work on a box, a
part of the image, rests on: an edge that comes up there is joined unless one of its clusters is
closed, that is, reaches out of the box or was passed over by a better edge; then both are closed.

An edge's gain is found anew whenever it comes up: to keep it would take as much memory as the
weights. So are the logarithms of the self-loops.
"""

from collections import namedtuple

import numpy as np

from .._bits import bits_of_double, double_of
from ..compilation import inner, njit, rule
from ._rules import integer_cost, loop_gain, x_log_x

N_BUCKETS = np.int64(1 << 17)
ALL = np.int64(1 << 62)  # joins: no number of them ends the work
RANGE = 47  # of the buckets, in bits of integer cost; the greatest entropy gain is 2^44
# at most 30: a cost within a bucket and the 32 bits of an edge are one number in the heap
_SHIFT = RANGE - 17
_U = np.uint64  # an index without a sign spares numba the test for a negative one
_TABLE = 1 << 16  # sizes of clusters whose n log n is kept; there are few clusters beyond
_LN2 = 0.6931471805599453
_ROUNDING = 1e-10  # far more than the arithmetic of a gain errs by
# log(1 + f) of f from 0 to 1: the best polynomial, and its greatest error
_LOG = (0.99949440211303, -0.49190078765292, 0.28945534936545, -0.13604375428790, 0.03215188451768)
_LOG_ERROR = 1e-5

Graph = namedtuple(
    "Graph",
    [
        "shape",
        "bits",  # of an edge's number: those of k
        "weight",  # of an edge
        "steps",  # from a pixel to the end of its edge k
        "root",  # of a pixel, the pixel that its cluster is known by; of that one, minus the size
        "ring",  # next pixel of the same cluster, around and around
        "open",  # of a root: the last box in which the cluster is open, of those of a sweep
        "loop",  # weight of a pixel's self-loop
        "following",  # next edge in the same bucket
        "n_log_n",  # of the sizes that are kept
        "scale",  # greatest entropy gain, factor of the balancing term, and inverse unit of costs
    ],
)


@inner(allocates=True)
def open_graph(shape, bits, weight, steps, clusters, loop, n_pixels, scale):
    """The graph.

    clusters : root, ring, open
    scale : greatest entropy gain at the start, factor of the balancing term, and the inverse of the
        unit of integer costs
    """
    root, ring, open_ = clusters
    return Graph(
        shape=shape,
        bits=bits,
        weight=weight,
        steps=steps,
        root=root,
        ring=ring,
        open=open_,
        loop=loop,
        following=np.empty(weight.size, np.int32),
        n_log_n=tabulate(min(n_pixels, _TABLE)),
        scale=scale,
    )


@njit(allocates=True)
def tabulate(n_pixels):
    """Return n log n of the sizes that clusters may have."""
    n_log_n = np.empty(max(n_pixels, 2) + 1)
    for n in range(n_log_n.size):
        n_log_n[n] = x_log_x(float(n))
    return n_log_n


@njit(allocates=True)
def no_edges(n):
    """n times as many buckets, all empty."""
    heads = np.empty((n, N_BUCKETS), np.int32)
    for i in range(n):
        for k in range(N_BUCKETS):
            heads[i, k] = -1
    return heads


@rule
def limit_at(depth, graph):
    """The bucket behind those of costs up to ``depth`` greatest gains."""
    return min(np.int64(depth * graph.scale[0] * graph.scale[2]) >> _SHIFT, N_BUCKETS)


@rule(forceinline=True)
def root_of(root, a):
    """The pixel that the cluster of pixel ``a`` is known by."""
    r = root[_U(a)]
    return a if r < 0 else r


@rule(forceinline=True)
def unbalance_of(n_log_n, m, n):
    """Unbalance of a union of m and n pixels, as `integer_cost` takes it."""
    if m + n < n_log_n.size:
        return n_log_n[_U(m + n)] - n_log_n[_U(m)] - n_log_n[_U(n)] - n_log_n[2]
    return x_log_x(float(m + n)) - x_log_x(float(m)) - x_log_x(float(n)) - n_log_n[2]


@rule(forceinline=True)
def _near_log(x):
    """Natural logarithm of a normal float64 above 0, to within _LOG_ERROR."""
    bits = bits_of_double(x)
    power = np.int64(_U(bits) >> _U(52)) - 1023
    f = double_of(bits - (power << 52)) - 1.0
    log_f = f * (_LOG[0] + f * (_LOG[1] + f * (_LOG[2] + f * (_LOG[3] + f * _LOG[4]))))
    return _LN2 * power + log_f


@rule(forceinline=True, error_model="numpy")  # no test for 0
def most_gain(w, loop_a, loop_b, most):
    """At least `loop_gain`, by some 1e-4 w too much, or ``most`` where that is not sure.

    x log x at l - w is l log l - w (1 + log l) + w (r / 2 + r^2 / 6 + r^3 / 12 + r^4 / 20 + ...),
    r = w / l: no term is below 0, and those that are left out count where l is nearly w alone.
    """
    per_product = w / (loop_a * loop_b)
    r, s = loop_b * per_product, loop_a * per_product
    beyond_a = r * (1 / 2 + r * (1 / 6 + r * (1 / 12 + r * (1 / 20))))
    beyond_b = s * (1 / 2 + s * (1 / 6 + s * (1 / 12 + s * (1 / 20))))
    gain = w * ((2.0 + _LOG_ERROR) - _near_log(r * s) - (beyond_a + beyond_b))
    gain += _ROUNDING * (loop_a + loop_b)
    return gain if (w <= loop_a) & (w <= loop_b) else most  # loops are sums, and rounded


@njit(error_model="numpy")
def bound_gains(weight, loop, bits, k, step, first, stop, most, bounds):
    """Write `most_gain` of edge k of pixels beside each other: straight code, for vectors.

    Parameters
    ----------
    weight : IN (R * W << bits,) float64
    loop : IN (R * W,) float64
    bits, k, step : int, as of `Graph`
    first, stop : int, the first pixel and the one behind the last
    most : float
    bounds : OUT (>= stop - first,) float64; where the edge leaves the image, its weight
    """
    for i in range(stop - first):
        bounds[_U(i)] = weight[_U((first + i << bits) + k)]
    for i in range(max(0, -step - first), min(stop, loop.size - step) - first):
        loop_a, loop_b = loop[_U(first + i)], loop[_U(first + step + i)]
        bounds[_U(i)] = most_gain(bounds[_U(i)], loop_a, loop_b, most)


@rule(forceinline=True)
def _join(root, ring, root_a, root_b):
    """Join two clusters: the pixels of the smaller get another root."""
    if root[_U(root_a)] > root[_U(root_b)]:  # minus the sizes
        root_a, root_b = root_b, root_a
    root[_U(root_a)] += root[_U(root_b)]
    p = root_b
    while True:
        root[_U(p)] = root_a
        p = ring[_U(p)]
        if p == root_b:
            break
    ring[_U(root_a)], ring[_U(root_b)] = ring[_U(root_b)], ring[_U(root_a)]


@inner
def open_box(graph, box, first, behind):
    """Open the clusters of a box, but for those that reach out of it.

    Parameters
    ----------
    graph : Graph
    box : int, its number, not 0, that no box has that is beside it, or worked on at the same time
    first, behind : three int, slice, row and column of its first pixel, and those behind its last
    """
    depth, height, width = graph.shape
    root, open_ = graph.root, graph.open
    front, top, left = first
    back, bottom, right = behind
    for z in range(front, back):
        for y in range(top, bottom):
            for p in range((z * height + y) * width + left, (z * height + y) * width + right):
                open_[root_of(root, p)] = box
    for z in range(max(front - 1, 0), min(back + 1, depth)):
        for y in range(max(top - 1, 0), min(bottom + 1, height)):
            beside = z < front or z == back or y < top or y == bottom
            for x in range(max(left - 1, 0), min(right + 1, width)):
                if beside or x < left or x == right:
                    r = root_of(root, (z * height + y) * width + x)
                    if open_[_U(r)] == box:  # of others there may be work elsewhere
                        open_[_U(r)] = 0


@inner
def deal(graph, head, box, first, behind, ring, limit, bounds):
    """Put edges of clusters that are open into the buckets below ``limit``; leave out all others.

    None is left out where that is all buckets: the last takes what is beyond, and deals it out.

    Parameters
    ----------
    graph : Graph
    head : first edge of each bucket
    box : int, where clusters are open
    first, behind : three int, of the pixels where edges begin; as of `open_box`
    ring : int, pixels around them where more begin
    limit : int
    bounds : OUT (2^bits, >= W) float64, for work
    """
    depth, height, width = graph.shape
    bits, weight, steps = graph.bits, graph.weight, graph.steps
    root, open_, following = graph.root, graph.open, graph.following
    loop, n_log_n = graph.loop, graph.n_log_n
    greatest, factor, unit = graph.scale
    for z in range(max(first[0] - ring, 0), min(behind[0] + ring, depth)):
        for y in range(max(first[1] - ring, 0), min(behind[1] + ring, height)):
            row = (z * height + y) * width
            start, stop = row + max(first[2] - ring, 0), row + min(behind[2] + ring, width)
            for k in range(1 << bits):
                of_k = bounds[k]
                bound_gains(weight, loop, bits, k, steps[k], start, stop, greatest, of_k)
            for a in range(start, stop):
                root_a = root_of(root, a)
                shut_a = open_[_U(root_a)] != box
                for k in range(1 << bits):
                    e = (a << bits) + k
                    w = weight[_U(e)]
                    if w == 0:
                        continue
                    b = a + steps[k]
                    root_b = root_of(root, b)
                    if root_a == root_b or (shut_a and open_[_U(root_b)] != box):
                        continue
                    unbalance = unbalance_of(n_log_n, -root[_U(root_a)], -root[_U(root_b)])
                    gain = bounds[k, _U(a - start)]
                    bucket = integer_cost(gain, unbalance, greatest, factor, unit) >> _SHIFT
                    if limit == N_BUCKETS:
                        bucket = min(bucket, limit - 1)
                    if bucket < limit:
                        following[_U(e)] = head[_U(bucket)]
                        head[_U(bucket)] = e


@rule(forceinline=True)
def _sift(ready, n, i):
    """Let entry ``i`` of a heap of n down to where it belongs; the least entry is the first."""
    entry = ready[_U(i)]
    while True:
        below = 2 * i + 1
        if below + 1 < n and ready[_U(below + 1)] < ready[_U(below)]:
            below += 1
        if below >= n or ready[_U(below)] >= entry:
            break
        ready[_U(i)] = ready[_U(below)]
        i = below
    ready[_U(i)] = entry


@rule(forceinline=True)
def _put(following, head, e, bucket, limit, waiting):
    """Put an edge into a bucket below ``limit``, or before the list of others; return that list."""
    if bucket < limit:
        following[_U(e)] = head[_U(bucket)]
        head[_U(bucket)] = e
        return waiting
    following[_U(e)] = waiting
    return np.int64(e)


@njit(allocates=True)
def empty_buckets(graph, heads, box, origin, buckets, limit, most):
    """Make the joins of a range of buckets, in order of cost.

    Parameters
    ----------
    graph : Graph
    heads : INOUT (n, N_BUCKETS) int32, first edges of each bucket
    box : int, where clusters are open
    origin : int, cost at which bucket 0 starts
    buckets : two int, the first one and the one behind the last
    limit : int, buckets below which there are edges
    most : int, joins at which it ends

    Returns
    -------
    waiting : int, first edge of a list of those beyond, -1 if there are none
    n_joins : int
    last : int, the greatest cost of a join, -1 without any
    """
    ready = np.empty(1024, np.int64)
    bucket, n, done = buckets[0], 0, (np.int64(-1), 0, np.int64(-1))
    while bucket < buckets[1] and done[1] < most:
        within = bucket, buckets[1]
        bucket, n, done = _empty(graph, heads, box, origin, within, limit, most, ready, n, done)
        if n == ready.size:
            more = np.empty(4 * n, np.int64)
            for j in range(n):  # `more[:n] = ready` takes longer to compile
                more[j] = ready[j]
            ready = more
    return done


@inner
def _empty(graph, heads, box, origin, buckets, limit, most, ready, n, done):
    """As `empty_buckets`, until there is no room for what is ready.

    Parameters
    ----------
    graph, heads, box, origin, buckets, limit, most : as of `empty_buckets`
    ready : INOUT (> n,) int64, a heap of cost within the bucket << 32 | edge
    n : int, how many of them there are of the first bucket, in no order
    done : as `empty_buckets` returns, of what was done before

    Returns
    -------
    bucket : int, the one to go on with
    n : int, as above
    done : as above
    """
    bits, weight, steps = graph.bits, graph.weight, graph.steps
    root, ring, open_, following = graph.root, graph.ring, graph.open, graph.following
    loop, n_log_n = graph.loop, graph.n_log_n
    greatest, factor, unit = graph.scale
    waiting, n_joins, last = done
    head = heads[0]
    for bucket in range(buckets[0], buckets[1]):
        if n_joins >= most:
            return bucket, 0, (waiting, n_joins, last)
        start = origin + (np.int64(bucket) << _SHIFT)
        for i in range(len(heads)):
            e = np.int64(heads[i, bucket])
            heads[i, bucket] = -1
            while e >= 0:
                after = np.int64(following[_U(e)])
                a = e >> bits
                b = a + steps[_U(e - (a << bits))]
                root_a, root_b = root_of(root, a), root_of(root, b)
                if (root_a != root_b) & ((open_[_U(root_a)] == box) | (open_[_U(root_b)] == box)):
                    w = weight[_U(e)]
                    unbalance = unbalance_of(n_log_n, -root[_U(root_a)], -root[_U(root_b)])
                    gain = most_gain(w, loop[_U(a)], loop[_U(b)], greatest)
                    key = integer_cost(gain, unbalance, greatest, factor, unit) - start
                    if key < 1 << _SHIFT:
                        gain = loop_gain(w, loop[_U(a)], loop[_U(b)])
                        key = integer_cost(gain, unbalance, greatest, factor, unit) - start
                    if key < 1 << _SHIFT:
                        ready[n] = (max(key, np.int64(0)) << 32) | e
                        n += 1
                    else:
                        waiting = _put(following, head, e, bucket + (key >> _SHIFT), limit, waiting)
                e = after
                if n == ready.size:
                    heads[i, bucket] = e
                    return bucket, n, (waiting, n_joins, last)
        for i in range((n >> 1) - 1, -1, -1):
            _sift(ready, n, i)
        fresh = True  # no cost has risen since it was found
        while n > 0 and n_joins < most:
            known = ready[0]
            e = known & np.int64(0xFFFFFFFF)
            a = e >> bits
            b = a + steps[_U(e - (a << bits))]
            root_a, root_b = root_of(root, a), root_of(root, b)
            is_open_a, is_open_b = open_[_U(root_a)] == box, open_[_U(root_b)] == box
            if root_a != root_b and (is_open_a or is_open_b):
                w, key = weight[_U(e)], known >> 32
                if not fresh:
                    unbalance = unbalance_of(n_log_n, -root[_U(root_a)], -root[_U(root_b)])
                    gain = loop_gain(w, loop[_U(a)], loop[_U(b)])
                    cost = integer_cost(gain, unbalance, greatest, factor, unit)
                    key = max(cost - start, np.int64(0))
                    if key < 1 << _SHIFT and (key << 32) | e > known:
                        ready[0] = (key << 32) | e
                        _sift(ready, n, 0)
                        continue
                if key >= 1 << _SHIFT:
                    waiting = _put(following, head, e, bucket + (key >> _SHIFT), limit, waiting)
                elif is_open_a and is_open_b:  # no other edge at the two is better
                    _join(root, ring, root_a, root_b)
                    loop[_U(a)] -= w
                    loop[_U(b)] -= w
                    n_joins += 1
                    last = max(last, start + key)
                    fresh = False
                elif is_open_a:  # the better edge leads to what is not open
                    open_[_U(root_a)] = 0
                else:
                    open_[_U(root_b)] = 0
            n -= 1
            ready[0] = ready[n]
            _sift(ready, n, 0)
        n = 0
    return buckets[1], 0, (waiting, n_joins, last)
